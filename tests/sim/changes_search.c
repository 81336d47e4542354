/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/changes.h"
#include "tests/sim/changes_planted.h"
#include "tests/sim/disk.h"

enum { MOST = 40 };

static struct measure measure;

void planted_begin(void)
{
    struct schedule s = { .journey = &journeys[0] };
    struct outcome out = { 0 };

    changes_begin(s.journey->plan);
    changes_play(&s, &measure, &out);
    MUST(out.broken == NULL);
    measure = out.m;
}

void planted_end(void)
{
    changes_end();
}

static const struct journey *named(const char *name)
{
    for (size_t i = 0; i < journey_count; i++)
        if (strcmp(journeys[i].name, name) == 0)
            return &journeys[i];
    MUST(false);
    return NULL;
}

void planted_search(const char *journey, bool forgets, struct planted_found *out)
{
    uint64_t all = changes_single(&measure);
    struct outcome o = { 0 };

    disk_forgets(forgets);
    for (uint64_t i = 0; i < MOST && o.broken == NULL; i++) {
        struct schedule s = { .journey = named(journey), .number = i * all / MOST };

        changes_play(&s, &measure, &o);
        *out = (struct planted_found){ o.broken, s.number, o.story };
    }
    disk_forgets(false);
}
