/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new root for a ward (MOVE): judged by the people of the newest confirmed epoch, kept
 * for ever, told; the old keys change nothing from then on, and after the hold, unless
 * the guardian refuses it, account and credentials are the new root's, in one commit.
 * What will hurt you: the old root's unconfirmed epochs go later, after the dual time.
 */
#ifndef KITH_NODE_MOVE_H
#define KITH_NODE_MOVE_H

#include "node/record.h"

enum {
    MOVE_KEPT = 64, /* of one ward, refused ones too */
    MOVE_SWEEP = 8  /* things done by one tick */
};

/* What became of it. Stored: numbers are frozen. */
enum move_state { MOVE_WAITS = 1, MOVE_DONE = 2, MOVE_REFUSED = 3 };

/* TAB_MOVE: ward id, move id, which as u8. */
enum move_part {
    MOVE_RECORD = 1,
    MOVE_PROOF = 2, /* move_proof, under no data key: shown for ever */
    MOVE_GONE = 3   /* ids of dead credentials whose answers still lie here */
};

struct record_move {
    uint8_t ward[ID_BYTES];
    uint8_t id[ID_BYTES]; /* first bytes of move_hash */
    uint8_t state;        /* enum move_state */
    uint8_t old_owner[PUB_BYTES];
    uint8_t new_owner[PUB_BYTES];
    uint8_t req_sign[PUB_BYTES];
    uint8_t account_sign[PUB_BYTES];
    uint8_t stat[PUB_BYTES];
    uint8_t cred[ID_BYTES];         /* of the new root's account, waiting with it */
    uint8_t old_account[PUB_BYTES]; /* account_sign that it replaced */
    uint64_t came;
    uint32_t hold; /* seconds */
    uint64_t due;
    uint8_t unsure; /* 1: it came under a frozen clock: the hold counts when it runs */
    uint32_t era;
    uint64_t ended; /* done or refused */
    uint64_t clean; /* unconfirmed epochs of the old root go then; 0 there is none left */
};

extern const struct wire_schema record_move_schema;

/*
 * Each minute, as a write: what is due takes over, and what the old root left goes, some
 * at a time; *out_more: there was something to do, call again.
 */
enum err move_tick(struct call *c, bool *out_more);
/* Whether what the ward says of moves is there. */
bool move_there(struct call *c, const struct record_ward *ward);

/* Handlers. ERR_CERT: people do not say so; ERR_BUSY: another waits; ERR_STOPPED: the
 * guardian refused it; ERR_MOVED: it follows another root than the one that is here. */
enum err move_serve(struct call *c, const struct req_move *req, struct rep_move *rep);
/* EPOCH_STATE: ward_state, and the newest new root for whoever wants it. */
enum err move_epoch_state(struct call *c, const struct req_epoch_state *req,
                          struct rep_epoch_state *rep);
/* REFUSE of a request, or of a new root that waits at the guardian's seat. */
enum err move_refuse(struct call *c, const struct req_refuse *req,
                     struct rep_refuse *rep);

#endif
