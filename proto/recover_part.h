/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of recover share among themselves. */
#ifndef KITH_PROTO_RECOVER_PART_H
#define KITH_PROTO_RECOVER_PART_H

#include "proto/recover.h"

/* Members of a world: answers by their number, cards by theirs behind them. */
enum { MEMBERS_MAX = ANSWERS_MAX + PAPER_CARDS };

/*
 * All pieces that speak of one manifest, or, on paper alone, of one split. Pieces of
 * different worlds never mix.
 */
struct world {
    const uint8_t *hash; /* NULL: no manifest, paper alone */
    struct bytes raw;
    const struct wrapped *wrapped; /* paper alone: what opens it, or NULL */
    struct manifest m;             /* paper alone: circle, epoch, owner once it is open */
    unsigned need;                 /* fewest pieces; 0 unknown */
    size_t n;                      /* members with a good piece of their own */
    uint8_t members[MEMBERS_MAX];
    const uint8_t *pieces[MEMBERS_MAX];
    bool bad[MEMBERS_MAX]; /* by member: does not fit the others */
    bool enough;           /* thresholds are met */
    bool locked;           /* they would be, but nothing opens it */
    bool opens;
    unsigned follows; /* so many roots were replaced before this one's */
    bool replaced;    /* another root took its place */
    uint32_t judged;  /* bit by certificate: looked at by its people, */
    uint32_t proves;  /* and they said so */
    bool base;        /* while one MOVE is judged: some answer begins with it, */
    bool seen;        /* certificates led to it, */
    bool asked;       /* its people were looked for in the MOVE, */
    bool said;        /* and they are enough */
    struct world *next;
};

/* What was found about one answer or card, whatever the others say. */
struct finding {
    bool bad_signature;
    bool bad_piece;
    bool duplicate;
};

struct judge {
    const struct answer *answers;
    size_t n;
    const struct paper *paper; /* or NULL */
    const struct bytes *moves;
    size_t n_moves;
    const struct recover_cert *certs;
    size_t n_certs;
    bool disputed;        /* a MOVE was shown that does not count */
    struct world *worlds; /* of manifests */
    struct world *papers; /* of paper alone */
    struct finding findings[MEMBERS_MAX];
};

/* Whether member has its place in w already, or *out_twice another the same piece. */
bool world_has(const struct world *w, const uint8_t *piece, size_t member,
               bool *out_twice);
/* The place of a member in a world; w->n when it has none. */
size_t world_place(const struct world *w, size_t member);
/* The share's own header must say what the manifest says of it. */
enum err header_fits(const struct manifest *m, const struct manifest_piece *mp,
                     const uint8_t *piece);

/*
 * Every card into the worlds of manifests that have its piece key, and all of one split
 * into a world of paper alone for each W_e that may belong to it. ERR_NOMEM.
 */
enum err cards_judge(struct judge *j);
/* Opens a world of paper alone, if it can be. ERR_NOMEM. */
enum err paper_root(struct world *w, struct root_key *out_root);
/*
 * Finds which worlds' roots follow others, and which were replaced, by the MOVEs that
 * hold. ERR_NOMEM.
 */
enum err moves_judge(struct judge *j);
/* What is said of the i-th card. */
enum verdict card_verdict(const struct judge *j, const struct world *best, size_t i);

#endif
