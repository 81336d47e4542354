/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's time: the wall clock, but never faster than time really passes while the
 * machine runs, never backwards, and standing still (frozen) while it cannot be trusted.
 * Pure: both clocks are arguments. A frozen clock delays holds; it never shortens one.
 */
#ifndef KITH_NODE_CLOCK_H
#define KITH_NODE_CLOCK_H

#include "node/record.h"

enum {
    CLOCK_STEP_S = 3600,      /* a forward step of more than this is no drift */
    CLOCK_OFF_S = 30 * 86400, /* nor is this long away believed without a person */
    CLOCK_TELL_S = 600        /* what mends itself is told after it stood this long */
};

/* Whether whoever starts the node vouches for what the kernel cannot say. */
enum clock_trust { CLOCK_ASK_KERNEL, CLOCK_TRUSTED };

/* What the kernel says about its clock. */
enum clock_sync { CLOCK_UNSYNCHRONISED, CLOCK_SYNCHRONISED };

/* How far the node's time had come at a look; { 0 } before the first. */
struct clock_mark {
    uint64_t now_ms;
    struct clock_look look;
    enum clock_why why;
    uint64_t owed_ms;
};

struct clock {
    enum clock_trust trust;
    enum clock_why why; /* CLOCK_FINE: it runs */
    struct clock_mark start;
    struct clock_look last;
    uint64_t now_ms;
    uint64_t owed_ms;   /* what passed while it ran, and it did not count */
    bool leapt;         /* it went on over what it owed: open holds start again */
    uint64_t frozen_ms; /* boot time when it froze */
};

/*
 * Starts where mark left it. In the same boot what passed is min(wall, boot time); after
 * another the wall is believed, up to CLOCK_OFF_S, once the kernel (or trust) vouches:
 * but for what the clock owed (clock_leap).
 */
void clock_start(struct clock *c, enum clock_trust trust, enum clock_sync sync,
                 const struct clock_mark *mark, struct clock_look look);
/* The kernel says by now that its clock is right: what waited for that starts again. */
void clock_synchronised(struct clock *c, struct clock_look look);
/* Goes on to this look; returns the node's time in Unix seconds. */
uint64_t clock_now(struct clock *c, struct clock_look look);
/*
 * A clock that was set back is behind what passed: were it to leap to the right time,
 * holds noted meanwhile would be that much too short. Up to CLOCK_STEP_S it stays behind
 * instead: *io_now_ms is made earlier; false. More: *io_owed_ms is 0, and true: open
 * holds start again.
 */
bool clock_leap(uint64_t *io_now_ms, uint64_t *io_owed_ms);
/*
 * True if a person's word takes a clock that had stepped further than it stood and an
 * hour: it was behind before, holds noted then would be cut short, and start again.
 */
bool clock_outruns(const struct clock_mark *from, const struct clock_mark *to);
/* A person confirmed the time: it runs on from now_ms (clock_agree's). */
void clock_confirmed(struct clock *c, uint64_t now_ms, struct clock_look look);
/* CLOCK_FROZEN unless it is fine. */
enum clock_state clock_state(const struct clock *c);
/* True when holds stood long enough, or for a reason, that people must know. */
bool clock_is_news(const struct clock *c);
/* The mark to make durable; false: there is nothing new a later start may rely on. */
bool clock_mark(const struct clock *c, struct clock_mark *out);

/*
 * What the node's time becomes when somebody whose clock shows told_s confirms the wall:
 * the earlier of the two; back only if the wall is over CLOCK_STEP_S behind. *out_back:
 * it went back, so that open holds start again. ERR_STATE: the two differ by more.
 */
enum err clock_agree(uint64_t now_s, uint64_t wall_s, uint64_t told_s,
                     uint64_t *out_now_s, bool *out_back);

#endif
