/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways of answering wrongly, played in one restore of Ana's root: guardians, their nodes
 * and the lines do what the scene has them do, then what came of it is judged. The
 * same over lines in this process (call_sim.c) and over sockets (sockets.h).
 */
#ifndef KITH_TESTS_SIM_FAULTS_H
#define KITH_TESTS_SIM_FAULTS_H

#include "tests/sim/play.h"

enum { MOST = 7 };

/* What a guardian, their node or the line does. */
enum fault {
    GOOD,
    FLIP,         /* one bit of the value */
    INDEX,        /* the header of another member */
    SPLIT,        /* a piece of another epoch of this circle */
    EPOCH,        /* sealed as another epoch's */
    STATED,       /* the statement says that the box did not open */
    OTHER_CIRCLE, /* their good piece of somebody else's circle */
    OTHER_WARD,   /* the node gave the box of another ward */
    NEIGHBOUR,    /* the neighbour's piece */
    TRUNCATED,
    OVERSIZED,
    MANIFEST, /* node and guardian have made a circle of their own */
    ROSTER,   /* node and guardian name people who do not exist */
    REFUSING,
    SILENT,
    CUT,
    GARBAGE,
    FLIPPED,
    FAULTS
};

extern const char *const fault_names[FAULTS];

/* The circle, made once. */
extern struct faults_cast {
    size_t n;
    unsigned k;
    struct play_guardian at[MOST];     /* about Ana */
    uint8_t pieces[MOST][PIECE_BYTES]; /* of Ana's circle */
    uint8_t other[MOST][PIECE_BYTES];  /* of Zed's, at the same guardians */
    struct net_epoch true_[MOST];      /* what the nodes hold for Ana */
    struct net_epoch zed[MOST];
    uint8_t owner[PUB_BYTES];
    uint8_t root[KEY_BYTES]; /* Ana's, to compare with */
    char words[WORDS_TEXT];
} faults_cast;

/* What is being played, for whoever reads that it failed. */
struct played {
    const char *what;
    uint64_t number; /* seed, or bits of the guardians concerned */
};

extern struct played faults_playing;

struct forged;

struct scene {
    enum fault fault[MOST];
    bool early[MOST];  /* line faults: from the first round on */
    bool linked[MOST]; /* the person has a link; else the roster tells */
    bool answered[MOST];
    struct restore *r;
    struct forged *forged;
};

struct ending {
    enum restore_state state;
    bool accepted;
    bool right; /* the root */
};

/* play_open and faults_circle. */
void faults_open(size_t n, unsigned k);
/* Circles of Zed and Ana, k of n each, at the nodes of play. */
void faults_circle(size_t n, unsigned k);
/* play_close too. */
void faults_close(void);
/* Days only grow: a guardian sits down anew from time to time. */
void faults_again(void);

/*
 * All of a scene; fails the test unless what must come of it does. True: enough good
 * pieces came, so Ana has her root back and each bad one is named.
 */
bool faults_play(struct scene *s);

/* ---- its parts, for scenes of their own ---- */

/* The requester gets a link of the guardian of node i. */
void faults_link(struct scene *s, size_t i);
/* One round of the requester; last: lines have their faults even if not early. */
void faults_round(struct scene *s, bool last);
/* The guardian of node i hears the words and answers as the scene has it. */
void faults_answer(struct scene *s, size_t i, const struct restore_entry *e);
/* NULL: the requester does not know that node. */
struct restore_entry *faults_entry(const struct scene *s, size_t i);
void faults_judge(struct scene *s, struct ending *out);

#endif
