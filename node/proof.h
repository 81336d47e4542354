/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that a piece would come back: CHECK answers a nonce with digests over what is
 * stored, read now; a drill asks the guardian to open the piece and keeps the signature
 * of the piece's key for the owner. Never gives a byte of a piece to the owner, changes
 * nothing but the drill. What will hurt you: the node judges no signature of a drill.
 */
#ifndef KITH_NODE_PROOF_H
#define KITH_NODE_PROOF_H

#include "node/record.h"

enum { DRILL_TOLD_S = 86400 }; /* least time between two drills that are told */

/* TAB_DRILL: ward id. One a ward, the newest. */
struct record_drill {
    uint8_t ward[ID_BYTES];
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t challenge[32];
    uint64_t asked;
    uint64_t told;     /* when the guardian was last told of one */
    uint64_t answered; /* 0: not yet */
    uint64_t time;     /* as signed */
    uint8_t sig[SIG_BYTES];
    uint64_t reset; /* which new keys its guardian had at the first answer; 0 none */
};

extern const struct wire_schema record_drill_schema;

/* When the drill was asked for that waits for its guardian; 0: none. */
enum err proof_waits(struct call *c, const uint8_t ward[ID_BYTES], uint64_t *out_asked);

/* Handlers. CHECK leaves a digest zero where what it is over is not there whole. */
enum err proof_check(struct call *c, const struct req_check *req, struct rep_check *rep);
enum err proof_drill_ask(struct call *c, const struct req_drill_ask *req,
                         struct rep_drill_ask *rep);
enum err proof_drill_list(struct call *c, const struct req_drill_list *req,
                          struct rep_drill_list *rep);
enum err proof_drill_answer(struct call *c, const struct req_drill_answer *req,
                            struct rep_drill_answer *rep);

#endif
