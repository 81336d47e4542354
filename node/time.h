/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of a running node and what the store keeps of it: the mark a later start
 * goes on from, the era of open holds, who is still to be told. A person's CLOCK is one
 * write; the running clock follows after its commit, so that a crash between the two
 * loses nothing. Holds that start again do so when they are next looked at: no sweep.
 */
#ifndef KITH_NODE_TIME_H
#define KITH_NODE_TIME_H

#include "node/clock.h"

enum { TIME_TOLD_AT_ONCE = 16 }; /* wards told in one write */

struct timekeeper {
    struct clock clock;
    uint32_t turn; /* confirmations it has followed */
    uint32_t era;
    uint32_t loaded;
};

/* Starts the clock from what the store says. ERR_CORRUPT, ERR_IO, ERR_NOMEM. */
enum err time_start(struct timekeeper *k, struct store *s, enum clock_trust trust,
                    enum clock_sync sync, struct clock_look look);
/* Goes on to this look; fills the clock's part of env. The time in Unix seconds. */
uint64_t time_now(struct timekeeper *k, struct clock_look look, struct node_env *env);
/* After a CLOCK that may have been committed: the clock does what was written. */
enum err time_follow(struct timekeeper *k, struct store *s, struct clock_look look);

/* As writes of their own. Each minute: the mark, and that it froze, when that is news. */
enum err time_keep(struct call *c, const struct timekeeper *k);
/* Tells some of the wards that have not heard yet; *out_more: call again. */
enum err time_tell(struct call *c, bool *out_more);
/* On loading a backup: open holds start again, everybody is told. */
enum err time_loaded(struct call *c);

/* CLOCK. ERR_STATE: the caller's clock and the machine's differ too much. */
enum err time_clock(struct call *c, const struct req_clock *req, struct rep_clock *rep);

#endif
