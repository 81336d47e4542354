/* SPDX-License-Identifier: Apache-2.0 */
#include "node/clock.h"

enum { MS = 1000 };

void clock_start(struct clock *c, enum clock_trust trust, enum clock_sync sync,
                 uint64_t mark_s, struct clock_look look)
{
    bool sound = trust == CLOCK_TRUSTED || sync == CLOCK_SYNCHRONISED;
    bool behind = look.wall_ms < mark_s * MS;

    *c = (struct clock){ .trust = trust, .last = look, .now_ms = look.wall_ms };
    c->state = sound ? CLOCK_RUNS : CLOCK_FROZEN;
    c->waits = !sound;
    /* Time already seen does not come back; nor does an unsound clock add to it. */
    if (mark_s != 0 && (behind || !sound))
        c->now_ms = mark_s * MS;
}

void clock_synchronised(struct clock *c, struct clock_look look)
{
    if (!c->waits)
        return;
    c->waits = false;
    c->state = CLOCK_RUNS;
    c->last = look;
    if (look.wall_ms > c->now_ms)
        c->now_ms = look.wall_ms;
}

uint64_t clock_now(struct clock *c, struct clock_look look)
{
    uint64_t boot = look.boot_ms > c->last.boot_ms ? look.boot_ms - c->last.boot_ms : 0;
    uint64_t wall = look.wall_ms > c->last.wall_ms ? look.wall_ms - c->last.wall_ms : 0;

    c->last = look;
    if (wall > boot + (uint64_t)CLOCK_STEP_S * MS && c->trust != CLOCK_TRUSTED)
        c->state = CLOCK_FROZEN;
    /* While the wall clock is behind the node's own time, the node waits for it. */
    if (c->state == CLOCK_RUNS && look.wall_ms > c->now_ms) {
        uint64_t ahead = look.wall_ms - c->now_ms;
        uint64_t passed = wall < boot ? wall : boot;

        c->now_ms += passed < ahead ? passed : ahead;
    }
    return c->now_ms / MS;
}
