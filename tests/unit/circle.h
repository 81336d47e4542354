/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed circle in memory, as an owner's client makes it, for tests of what follows. */
#ifndef KITH_TESTS_UNIT_CIRCLE_H
#define KITH_TESTS_UNIT_CIRCLE_H

#include "proto/piece.h"
#include "proto/recover.h"
#include "proto/slip39.h"

/* Everything here is a test's own: no secret of anybody. */
struct circle {
    struct manifest m;
    uint8_t raw[MANIFEST_MAX];
    size_t raw_n;
    uint8_t hash[HASH_BYTES];
    uint8_t pieces[PIECES_MAX][PIECE_BYTES];
    struct sign_seed approvals[PIECES_MAX];
    uint32_t n_cards;      /* set before: the last so many pieces are cards */
    uint32_t hold;         /* set before; seconds */
    uint32_t stop_hold;    /* set before; seconds */
    const struct rng *rng; /* set before; NULL: the system's */
    const uint8_t *move;   /* set before: hash of the MOVE it carries; NULL: none */
};

/*
 * Makes epoch of a circle of n groups (t, n each); the root and owner come from root.
 * Approval keys that are there already (of an earlier epoch) are kept.
 */
void circle_make(struct circle *c, const struct root_key *root, uint32_t epoch,
                 const struct manifest_group *groups, uint8_t n_groups,
                 uint8_t group_threshold);
/* The honest answer of guardian i; its statement is written to statement. */
struct answer circle_answer(const struct circle *c, size_t i, struct buf *statement);

#endif
