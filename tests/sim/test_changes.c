/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_changes [--journey NAME] [--count N | --more] [--part K] [--schedule S] [--tell]
 *             [--list]:
 * every journey first without faults, then so that one dies at each moment there is, then
 * with several deaths by seed, until N distinct schedules were played in all. What does
 * not hold is told with its journey and number, and fails. --more: 4,000; 100,000 with
 * KITH_LONG set. --part: of four, the journeys of one. A journey or part without N of
 * its own has its share. --list: the journeys' names.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/changes.h"

enum { SHORT = 84, PARTS = 4, MORE = 4000, LONG = 100000, TRACES = 1 << 20 };

struct options {
    const char *journey;
    uint64_t count;
    uint64_t schedule;
    bool one;
    size_t part; /* from 1; 0: all */
    bool tell;
    bool counted; /* so many of one journey */
    bool list;
};

static uint64_t traces[TRACES];

/* True if no schedule went like it before. */
static bool is_new(uint64_t trace)
{
    size_t at = trace % TRACES;

    while (traces[at] != 0 && traces[at] != trace)
        at = (at + 1) % TRACES;
    bool fresh = traces[at] == 0;

    traces[at] = trace;
    return fresh;
}

static bool play(const struct schedule *s, const struct measure *m, bool tell,
                 struct outcome *out)
{
    changes_play(s, m, out);
    if (tell || out->broken != NULL)
        (void)printf("%s, %s, schedule %llu:\n%s", s->journey->name,
                     s->journey->plan->name, (unsigned long long)s->number, out->story);
    if (out->broken == NULL)
        return true;
    (void)printf("broken: %s\nagain with: sim_changes --journey %s --schedule %llu\n",
                 out->broken, s->journey->name, (unsigned long long)s->number);
    return false;
}

/* Schedules spread over all there are with one death, then those with several. */
static uint64_t number_of(uint64_t i, uint64_t share, uint64_t single)
{
    if (share >= 2 * single)
        return i + 1;
    uint64_t half = (share + 1) / 2;

    return i < half ? 1 + i * single / half : single + 1 + (i - half);
}

/* A journey's share; how many were distinct. */
static bool journey_all(const struct journey *j, const struct options *o, uint64_t share,
                        uint64_t *io_distinct)
{
    struct schedule s = { .journey = j };
    struct measure none = { 0 };
    struct outcome out = { 0 };
    uint64_t distinct = 0;

    if (!play(&s, &none, o->tell && !o->one, &out))
        return false;
    struct measure m = out.m;
    uint64_t single = changes_single(&m);

    if (o->one) {
        s.number = o->schedule;
        return play(&s, &m, true, &out);
    }
    for (uint64_t i = 0; distinct < share && i < 4 * share; i++) {
        s.number = number_of(i, share, single);
        if (!play(&s, &m, o->tell, &out))
            return false;
        distinct += is_new(out.trace);
    }
    (void)printf("%-16s %-20s %5llu moments, %6llu distinct schedules held\n", j->name,
                 j->plan->name, (unsigned long long)single, (unsigned long long)distinct);
    *io_distinct += distinct;
    return true;
}

/* How many schedules of a journey, when there are count of all together. */
static uint64_t share_of(const struct journey *j, uint64_t count)
{
    uint64_t all = 0;

    for (size_t i = 0; i < journey_count; i++)
        all += journeys[i].stopped ? 0 : journeys[i].plan->share;
    return (count * j->plan->share + all - 1) / all;
}

static bool play_all(const struct options *o)
{
    const struct plan *plan = NULL;
    uint64_t distinct = 0;
    bool fine = true;

    for (size_t i = 0; i < journey_count && fine; i++) {
        const struct journey *j = &journeys[i];

        if (j->stopped)
            continue;
        if (o->journey != NULL ? strcmp(o->journey, j->name) != 0
                               : o->part != 0 && i * PARTS / journey_count + 1 != o->part)
            continue;
        if (plan != j->plan) {
            if (plan != NULL)
                changes_end();
            plan = j->plan;
            changes_begin(plan);
        }
        fine = journey_all(
            j, o, o->counted && o->journey != NULL ? o->count : share_of(j, o->count),
            &distinct);
    }
    if (plan != NULL)
        changes_end();
    if (fine)
        (void)printf("%llu distinct schedules\n", (unsigned long long)distinct);
    return fine && plan != NULL;
}

static bool parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){ .count = SHORT };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tell") == 0) {
            o->tell = true;
        } else if (strcmp(argv[i], "--more") == 0) {
            o->count = getenv("KITH_LONG") != NULL ? LONG : MORE;
        } else if (strcmp(argv[i], "--journey") == 0 && i + 1 < argc) {
            o->journey = argv[++i];
        } else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) {
            o->count = strtoull(argv[++i], NULL, 10);
            o->counted = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            o->list = true;
        } else if (strcmp(argv[i], "--part") == 0 && i + 1 < argc) {
            o->part = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--schedule") == 0 && i + 1 < argc) {
            o->schedule = strtoull(argv[++i], NULL, 10);
            o->one = true;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o;

    if (!parse(argc, argv, &o)) {
        (void)fprintf(stderr, "usage: sim_changes [--journey NAME] [--count N | --more] "
                              "[--part K] [--schedule S] [--tell] [--list]\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < journey_count && o.list; i++)
        if (!journeys[i].stopped)
            (void)printf("%s\n", journeys[i].name);
    if (o.list)
        return 0;
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    bool fine = play_all(&o);

    if (fine)
        secret_end();
    return fine ? 0 : 1;
}
