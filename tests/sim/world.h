/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a history happens: machines with a node each (real store, handlers and clock),
 * true time, clocks that are set wrong, lines that lose words, restarts, power cuts,
 * older copies of a store. Every message goes over proto/peer. A write whose answer was
 * lost is asked again with its op id until its outcome is known.
 */
#ifndef KITH_TESTS_SIM_WORLD_H
#define KITH_TESTS_SIM_WORLD_H

#include "node/time.h"
#include "tests/sim/node_sim.h"

enum { HOUSES_MAX = 5, LINES = 10, STORY_MAX = 512 * 1024, COPY_NAME = 80 };

/* A machine with a node. */
struct house {
    struct node_sim n;
    struct timekeeper time;
    uint8_t boot[ID_BYTES]; /* of its machine */
    uint64_t booted;        /* true time */
    enum clock_trust trust;
    int64_t wall_off; /* what its wall clock is ahead of true time, seconds */
    bool down;
    bool cut;
    uint8_t loss; /* of 256 messages, how many the line loses */
    bool odd;     /* its clock was wrong at some time: it may be late, never early */
    bool untidy;  /* what is old is not all gone yet */
    bool back;    /* an older copy of its store was put in place */
    char copy[COPY_NAME]; /* a copy of its store; "" none */
};

/* One conversation that stays open; its client's bytes are kept for whoever replays. */
struct line {
    struct talk talk;
    size_t house;
    enum role role;
    uint8_t pub[PUB_BYTES];
    uint8_t id[ID_BYTES];
    uint64_t used; /* when, in asks; 0: free */
    size_t said_n;
    uint8_t said[32768];
};

struct world {
    uint64_t seed;
    struct sim_rng chance;
    struct rng rng;
    uint64_t now; /* true time, Unix seconds */
    size_t n_houses;
    struct house houses[HOUSES_MAX];
    struct line *lines; /* LINES */
    uint64_t asks;
    bool calm;          /* nothing is lost any more */
    const char *broken; /* the promise that was, or NULL */
    bool tell;          /* print each line as it comes */
    size_t told_n;
    char told[STORY_MAX];
};

void world_open(struct world *w, uint64_t seed, size_t n_houses);
void world_close(struct world *w);

/* A number below n, by the seed. */
uint32_t world_draw(struct world *w, uint32_t n);
/* True in part of whole cases. */
bool world_chance(struct world *w, uint32_t part, uint32_t whole);
/* A line of the story. */
__attribute__((format(printf, 2, 3))) void world_tell(struct world *w, const char *fmt,
                                                      ...);
/* The promise of that name does not hold; the first one counts. */
__attribute__((format(printf, 3, 4))) void world_broken(struct world *w, const char *name,
                                                        const char *fmt, ...);

/* ---- time ---- */

/* True time goes on, in at most four steps, with a minute's work of each node after each.
 */
void world_wait(struct world *w, uint64_t seconds);
/* The node's own time, looked at now. */
uint64_t house_now(struct world *w, size_t h);
/* What a node does each minute: ends what is over, makes its time durable. */
void house_tick(struct world *w, size_t h);
/* Its wall clock is set by hand while it runs. */
void house_set_wall(struct world *w, size_t h, int64_t off);

/* ---- what happens to machines ---- */

enum house_sync { HOUSE_KNOWS_TIME, HOUSE_DOES_NOT };

/* The process ends and starts again; its machine knows the time or does not. */
void house_again(struct world *w, size_t h, enum house_sync sync);
/* The same by power cut: nothing is closed, what was not on the disk is gone. */
void house_power_cut(struct world *w, size_t h, enum house_sync sync);
/* Its wall clock is right from now on, and the kernel knows. A clock that waits for a
 * person goes on waiting (house_confirm). */
void house_learns_time(struct world *w, size_t h);
/* A guardian says what time it is; true if that was agreed. */
bool house_confirm(struct world *w, size_t h, const struct sim_login *guardian);
/* Somebody copies its store, and puts the copy back later. */
void house_copy(struct world *w, size_t h);
void house_forget_copy(struct world *w, size_t h);
void house_put_back(struct world *w, size_t h);
/* True if no clock fault is left in the way of a hold. */
bool house_runs(struct world *w, size_t h);

/* ---- messages ---- */

/*
 * One message and its answer. Slices of the reply live in the node's memory until it is
 * asked again. ERR_UNREACHABLE: the machine is off or cut; ERR_CLOSED: not let in; else
 * what the node said. A promise: the same op id has the same answer.
 */
enum err world_ask(struct world *w, size_t h, const struct sim_login *who, uint16_t kind,
                   const void *req, void *out_rep);
/* The conversation in the middle is heard again by the node, as recorded; what it let out
 * beyond its part of the handshake, in bytes. */
size_t world_replay(struct world *w, size_t h);
/* Ends all conversations with that node. */
void world_hang_up(struct world *w, size_t h);

#endif
