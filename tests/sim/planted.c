/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_planted [NAME] [--seed S]: plays histories from seed S on with each planted fault
 * (or that one) until one finds it, in at most MOST seeds; fails if none does, or if
 * another promise than those it was planted against is found broken.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/plants.h"
#include "tests/sim/steps.h"

enum { MOST = 400 };

static struct people people;

/* One of the words of list is that name. */
static bool names(const char *list, const char *name)
{
    const char *at = strstr(list, name);

    return at != NULL && (at == list || at[-1] == ' ') &&
           (at[strlen(name)] == 0 || at[strlen(name)] == ' ');
}

static bool find(const struct plant *p, uint64_t first)
{
    uint64_t seed = first;

    plant_set(p);
    for (; seed < first + MOST; seed++) {
        history_play(&people, seed);
        if (people.w.broken != NULL)
            break;
    }
    plant_set(NULL);
    if (people.w.broken == NULL) {
        (void)printf("%-20s not found in %d histories: %s\n", p->name, MOST, p->what);
        return false;
    }
    bool right = names(p->finds, people.w.broken);

    (void)printf("%-20s found by seed %llu: %s%s\n", p->name, (unsigned long long)seed,
                 people.w.broken, right ? "" : ", which it was not planted against");
    if (!right)
        (void)printf("%s\n", people.w.told);
    return right;
}

int main(int argc, char **argv)
{
    const char *name = NULL;
    uint64_t seed = 1;
    size_t wrong = 0;
    size_t n = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else
            name = argv[i];
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    for (size_t i = 0; i < plant_count; i++) {
        if (name != NULL && strcmp(name, plants[i].name) != 0)
            continue;
        wrong += !find(&plants[i], seed);
        n++;
    }
    (void)printf("%zu planted faults, %zu not found\n", n, wrong);
    return n > 0 && wrong == 0 ? 0 : 1;
}
