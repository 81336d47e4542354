/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_histories [--seed S] [--count N | --more [--part K]] [--tell] [--table]: plays
 * histories S to S + N - 1; on the first in which a promise does not hold, prints its
 * seed, its story and the promise's name, and fails. --more: 2,000, or 40,000 with
 * KITH_LONG set. --part: of four that may run side by side, the histories of one.
 * --table: every hold with the first N of 256 placements of stops instead.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/steps.h"

enum { SHORT = 150, MORE = 2000, LONG = 40000, PARTS = 4, PATTERNS = 256 };

struct options {
    uint64_t seed;
    uint64_t count;
    uint64_t part; /* from 1; 0: all */
    bool tell;
    bool table;
};

static struct people people;

/* The story of what was just played, if a promise did not hold in it. */
static bool report(uint64_t seed, const char *how)
{
    if (people.w.broken == NULL)
        return true;
    (void)printf("%s\nbroken: %s\nagain with: sim_histories --seed %llu --count 1%s\n",
                 people.w.told, people.w.broken, (unsigned long long)seed, how);
    return false;
}

static bool play_all(const struct options *o)
{
    for (uint64_t i = 0; i < o->count; i++) {
        people.w.tell = o->tell;
        history_play(&people, o->seed + i);
        if (!report(o->seed + i, ""))
            return false;
    }
    (void)printf("%llu histories from seed %llu: every promise held\n",
                 (unsigned long long)o->count, (unsigned long long)o->seed);
    for (size_t i = 0; i < step_count; i++)
        (void)printf("%8llu  %s\n", (unsigned long long)step_done[i], steps[i].name);
    return true;
}

/* Every hold with every placement of up to four stops. */
static bool play_table(const struct options *o)
{
    static const uint32_t holds[] = { 0, 3600, 72 * 3600, 7 * 86400, 30 * 86400 };
    size_t n = sizeof holds / sizeof holds[0];

    for (size_t h = 0; h < n; h++) {
        for (unsigned pattern = 0; pattern < o->count; pattern++) {
            history_stops(&people, o->seed + pattern * 4, holds[h], pattern);
            if (!report(o->seed + pattern * 4, " --table"))
                return false;
        }
    }
    (void)printf("%zu holds, %llu placements of stops: the owner came back in time\n", n,
                 (unsigned long long)o->count);
    return true;
}

static bool parse(int argc, char **argv, struct options *o)
{
    uint64_t more = getenv("KITH_LONG") != NULL ? LONG : MORE;

    *o = (struct options){ .seed = 1, .count = SHORT };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tell") == 0)
            o->tell = true;
        else if (strcmp(argv[i], "--more") == 0)
            o->count = more;
        else if (strcmp(argv[i], "--part") == 0 && i + 1 < argc)
            o->part = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--table") == 0)
            o->table = true;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            o->seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
            o->count = strtoull(argv[++i], NULL, 10);
        else
            return false;
    }
    if (o->table && o->count > PATTERNS)
        o->count = PATTERNS;
    if (o->part > PARTS)
        return false;
    if (o->part > 0) {
        o->count /= PARTS;
        o->seed += (o->part - 1) * o->count;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o;

    if (!parse(argc, argv, &o)) {
        (void)fprintf(stderr, "usage: sim_histories [--seed S] [--count N | --more] "
                              "[--part K] [--tell] [--table]\n");
        return 2;
    }
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    bool fine = o.table ? play_table(&o) : play_all(&o);

    if (fine)
        secret_end();
    return fine ? 0 : 1;
}
