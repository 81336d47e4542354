/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/changes.h"
#include "tests/sim/changes_planted.h"
#include "tests/sim/disk.h"

enum { MOST = 60 };

static const struct plan *plan; /* whose circle is there */
static struct measure measure;  /* of the first journey */

static const struct journey *named(const char *name)
{
    for (size_t i = 0; i < journey_count; i++)
        if (strcmp(journeys[i].name, name) == 0)
            return &journeys[i];
    MUST(false);
    return NULL;
}

void planted_begin(const char *journey)
{
    struct schedule s = { .journey = named(journey) };
    struct outcome out = { 0 };

    if (plan == s.journey->plan)
        return;
    planted_end();
    plan = s.journey->plan;
    changes_begin(plan);
    changes_play(&s, &measure, &out);
    MUST(out.broken == NULL);
    measure = out.m;
}

void planted_end(void)
{
    if (plan != NULL)
        changes_end();
    plan = NULL;
}

void planted_search(const char *journey, bool forgets, struct planted_found *out)
{
    uint64_t all = changes_single(&measure);
    struct outcome o = { 0 };

    disk_forgets(forgets);
    for (uint64_t i = 0; i < MOST && o.broken == NULL; i++) {
        /* The owner's own moments come first. */
        uint64_t number = forgets ? i + 1 : i * all / MOST;
        struct schedule s = { .journey = named(journey), .number = number };

        changes_play(&s, &measure, &o);
        *out = (struct planted_found){ o.broken, s.number, o.story };
    }
    disk_forgets(false);
}
