/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's time: the wall clock, but never faster than time really passes while the
 * node runs, never backwards, and standing still (frozen) while it cannot be trusted.
 * Pure: both clocks are arguments. A frozen clock delays holds; it never shortens one.
 */
#ifndef KITH_NODE_CLOCK_H
#define KITH_NODE_CLOCK_H

#include "node/record.h"

/* A forward step of more than this, in seconds, is no drift. */
enum { CLOCK_STEP_S = 3600 };

/* Whether whoever starts the node vouches for its wall clock. */
enum clock_trust { CLOCK_ASK_KERNEL, CLOCK_TRUSTED };

/* What the kernel says about it. */
enum clock_sync { CLOCK_UNSYNCHRONISED, CLOCK_SYNCHRONISED };

/* What one look at the machine's clocks gives, in milliseconds. */
struct clock_look {
    uint64_t wall_ms; /* since 1970 */
    uint64_t boot_ms; /* since boot, suspended time included */
};

struct clock {
    enum clock_trust trust;
    enum clock_state state;
    bool waits; /* frozen only because the kernel did not know the time at the start */
    struct clock_look last;
    uint64_t now_ms;
};

/* mark_s: the latest node time that was made durable; 0 at a first start. */
void clock_start(struct clock *c, enum clock_trust trust, enum clock_sync sync,
                 uint64_t mark_s, struct clock_look look);
/*
 * The kernel says by now that its clock is right: one that waited for that since its
 * start runs, as if started now. One that jumped while it ran stays frozen.
 */
void clock_synchronised(struct clock *c, struct clock_look look);
/* Goes on to this look; returns the node's time in Unix seconds. */
uint64_t clock_now(struct clock *c, struct clock_look look);

#endif
