/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a circle, interrupted: real commands of an owner and guardians (tests/sim/
 * play), nodes and an owner's disk that die where a schedule says, conversations in the
 * order it says. After everything the owner's program does, what the nodes keep is
 * counted: some epoch must open the root, whichever node is lost. In the end exactly the
 * new one does.
 */
#ifndef KITH_TESTS_SIM_CHANGES_H
#define KITH_TESTS_SIM_CHANGES_H

#include "tests/sim/play.h"

enum { CHANGE_STORY = 65536, DIED = -1 };

/* A plan that journeys begin with: sealed, everybody confirmed, cards read back. */
struct plan {
    const char *name;
    size_t nodes; /* guardians in it; the next one has a seat and is in no circle */
    size_t cards;
    const char *hold;      /* NULL: 0 */
    unsigned k;            /* 0: groups */
    const char *groups[4]; /* "family:2/3"; NULL ends */
    const char *more;      /* the last group with one more */
    unsigned share;        /* of the schedules: the more, the less one costs */
};

/* One change. */
struct journey {
    const char *name;
    const struct plan *plan;
    int (*verb)(void); /* what begins it; again until it has begun */
    bool keeps_old;    /* too few of the old people are left to let the old pieces go */
    bool silent;       /* the owner calls nobody: nothing goes */
    bool stopped;      /* for a planted fault only: no other promise is looked for */
};

extern const struct journey journeys[];
extern const size_t journey_count;

/* ---- what a schedule decides ---- */

struct schedule {
    const struct journey *journey;
    uint64_t number; /* 0: nobody dies */
};

/* How many moments there are, of a run in which nobody dies. */
struct measure {
    unsigned client;             /* of the owner's disk */
    unsigned commits[NET_NODES]; /* of each node, all lives */
};

/* What became of a run. */
struct outcome {
    const char *broken; /* what did not hold, or NULL */
    uint64_t trace;     /* of all that happened, in its order */
    struct measure m;
    unsigned deaths;
    const char *story; /* valid until the next run */
};

/* How far a journey is. */
struct progress {
    uint32_t from; /* the epoch it began with */
    bool begun;
    bool done;
    size_t round;
    size_t at; /* in the round: resume, cards, calls, wait */
    bool said[NET_NODES];
};

/* One step of it, as people do it; in changes_journeys.c. */
void journey_begin(struct progress *p);
void journey_step(const struct journey *j, struct progress *p);

/* The plan's circle, for all schedules of its journeys; changes_end gives it back. */
void changes_begin(const struct plan *p);
void changes_end(void);
/*
 * Number 0 first: without faults, for m; it must hold. From its first round copies are
 * kept, and later schedules begin with the last before anybody dies in them.
 */
void changes_play(const struct schedule *s, const struct measure *m, struct outcome *out);
/* Copies on the way are given back. */
void changes_forget(void);
/* How many schedules with one death there are; those from there on have several. */
uint64_t changes_single(const struct measure *m);

/* ---- for journeys ---- */

/* The owner runs kith; its exit code, or DIED. What it left is looked at. */
int owner_runs(const char *const *words);
#define OWNER(...) owner_runs((const char *const[]){ __VA_ARGS__, NULL })
/* Something does not hold: the first counts. */
__attribute__((format(printf, 2, 3))) void run_broken(const char *what, const char *fmt,
                                                      ...);
__attribute__((format(printf, 1, 2))) void run_tell(const char *fmt, ...);
bool run_over(void); /* something is broken, or too much was tried */
const struct plan *run_plan(void);
/* Once enough people confirmed, the owner calls nobody else. */
bool run_calls_few(void);
/* Time passes; nodes work, and may die. */
void run_wait(uint64_t seconds);
/* From now on nobody dies and everybody answers. */
void run_heal(void);

/* ---- what nodes keep (changes_look.c) ---- */

/* Keys of the guardians whose homes are there, new ones too. */
void look_begin(void);
void look_end(void);
/* A card of the epoch with that manifest was read back: it is at hand, for ever. */
void look_card(const uint8_t hash[HASH_BYTES], uint8_t group, uint8_t index);
size_t look_size(void);
void look_out(void *mem);      /* all it knows, look_size bytes; */
void look_in(const void *mem); /* and back */
void look_keep(void);          /* cards so far are there in every run */
void look_forget(void);        /* the others, and what was seen in a run */
/* That guardian typed the owner's words for the epoch with that manifest. */
void look_said(size_t guardian, const uint8_t hash[HASH_BYTES]);
/*
 * Some epoch opens a root of the owner's, whichever node is lost; and where an epoch
 * went, its people had said so of a later one, two weeks before. Else broken.
 */
void look_recoverable(void);
/*
 * Every node of the owner's guardians has the newest epoch of the day box, and none has
 * an older one (old: they may); in words what is not so, or NULL.
 */
const char *look_exact(bool old);

#endif
