/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wards of a seat, and the epochs a node keeps for each: next key, prepared, active,
 * superseded and still good. An epoch is accepted only with a descriptor its account
 * signed that has the name of its manifest, this node's acknowledgement key and the
 * guardian's approval key. Never opens a box, never erases an epoch that is not proven
 * dead.
 */
#ifndef KITH_NODE_WARD_H
#define KITH_NODE_WARD_H

#include "node/record.h"

enum {
    WARD_LOADED_AT_ONCE = 256,
    WARD_PREPARED_S = 30 * 86400, /* a prepared epoch is replaceable after that */
    WARD_STOPS_S = 90 * 86400,    /* a stop counts so long, and 3 stop holds */
    WARD_FROZEN_S = 30 * 86400,   /* a freeze lasts */
    WARD_THAWED_S = 86400,        /* least time between two */
    WARD_LEFT_S = 180 * 86400,    /* what was given up is remembered */
    WARD_SWEEP = 8                /* wards or credentials changed by one tick */
};

/* ERR_UNKNOWN: none. */
enum err ward_get(struct call *c, const uint8_t ward[ID_BYTES], struct record_ward *out);
enum err ward_put(struct call *c, const struct record_ward *ward);
/* The ward, if the caller is its owner, device or guardian; else ERR_UNKNOWN. */
enum err ward_visible(struct call *c, const uint8_t ward[ID_BYTES],
                      struct record_ward *out);
/* One epoch. ERR_UNKNOWN. */
enum err ward_epoch(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                    struct record_epoch *out);
/* All epochs kept, in ascending order; also those with only a key. */
enum err ward_epochs(struct call *c, const uint8_t ward[ID_BYTES],
                     struct record_epoch out[EPOCHS_MAX], size_t *out_n);
/*
 * The epoch whose policy rules requests: the newest confirmed one that is held, else
 * the oldest. ERR_STATE: none is held.
 */
enum err ward_policy(struct call *c, const struct record_ward *ward,
                     struct record_epoch *out);
/* True while stops of its requests count. */
bool ward_stops_count(const struct record_ward *ward, uint64_t now);
/* A request with that stop hold was stopped: that counts for 90 d + 3 stop holds. */
enum err ward_stopped(struct call *c, struct record_ward *ward, uint32_t stop_hold);
/* Writes it back. */
enum err ward_epoch_put(struct call *c, const struct record_epoch *e);
/* Whether its piece is good: active, or superseded and not erased. */
bool ward_epoch_held(const struct record_epoch *e);
/* The newest confirmed one held, of those before that number (0: of all). ERR_UNKNOWN. */
enum err ward_confirmed(struct call *c, const uint8_t ward[ID_BYTES], uint32_t before,
                        struct record_epoch *out);
/* Its descriptor, by the account key of its time, in the call's memory. ERR_CORRUPT. */
enum err ward_descriptor(struct call *c, const struct record_epoch *e,
                         const struct descriptor **out);
/* The people of an epoch, or the guardian of this seat, confirmed it: writes it, tells.
 */
enum err ward_epoch_confirm(struct call *c, const struct record_ward *ward,
                            struct record_epoch *e);
/*
 * Keeps a certificate that was judged, if it is the newest, for whoever was away or asks
 * whom people confirmed; writes the ward. ERR_STATE: one of another manifest has its
 * number.
 */
enum err ward_cert_keep(struct call *c, struct record_ward *ward,
                        const struct req_cert_put *req);
/*
 * Erases an epoch with its data key, what lies under it included, and counts it off
 * the ward, which the caller writes.
 */
enum err ward_epoch_erase(struct call *c, struct record_ward *ward,
                          const struct record_epoch *e);
/* The same by RETIRE: what stands in its place is never taken again; told. */
enum err ward_epoch_retire(struct call *c, struct record_ward *ward,
                           const struct record_epoch *e);
/* Makes a prepared epoch the active one, as COMMIT does. Both are written. */
enum err ward_make_active(struct call *c, struct record_ward *ward,
                          struct record_epoch *e);
/* An object of an epoch, in the call's memory. ERR_UNKNOWN, ERR_CORRUPT. */
enum err ward_object(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                     enum object which, struct bytes *out);
/* Writes one, under the data key of its epoch; sizes are the caller's to count. */
enum err ward_object_put(struct call *c, const struct record_epoch *e, enum object which,
                         struct bytes value);
/* The seed of an epoch's acknowledgement key; out is secret memory. ERR_UNKNOWN. */
enum err ward_ack_seed(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                       struct sign_seed *out);
/* A restore was released: a freeze ends. */
enum err ward_thaw(struct call *c, const uint8_t ward[ID_BYTES]);
/*
 * The seat's guardian confirmed the ward: writes it, and epoch 1 with it, now or when
 * it comes. Later epochs are confirmed by certificates only.
 */
enum err ward_confirm(struct call *c, struct record_ward *ward);
/*
 * The seat's guardian opened the piece of that epoch and confirmed it. Where no epoch is
 * confirmed yet, a guardian added later, that confirms it; else certificates do.
 */
enum err ward_confirm_first(struct call *c, struct record_ward *ward, uint32_t epoch);

/*
 * All that is kept for it goes now, pieces and data keys, because its guardian gives it
 * up (REC_WARD_LEFT) or its owner ended it (REC_WARD_ENDED); the record and its drops go
 * after WARD_LEFT_S, so that the owner can read why.
 */
enum err ward_leave(struct call *c, struct record_ward *ward, enum record_event why);
/*
 * Each minute, as a write: tells the ends of freezes, erases what was given up long ago.
 * At most WARD_SWEEP changes a call; *out_more: there was something to do, call again.
 */
enum err ward_tick(struct call *c, bool *out_more);
/*
 * On loading a backup, as writes until *out_more is false: each epoch may have been
 * retired since, which its owner hears at the next contact; what was planned to be
 * erased must be asked for again.
 */
enum err ward_loaded(struct call *c, struct txn_key *io_at, bool *out_more);

/* Handlers. */
enum err ward_enrol(struct call *c, const struct req_ward_enrol *req,
                    struct rep_ward_enrol *rep);
enum err ward_next(struct call *c, const struct req_epoch_next *req,
                   struct rep_epoch_next *rep);
enum err ward_prepare(struct call *c, const struct req_epoch_prepare *req,
                      struct rep_epoch_prepare *rep);
enum err ward_commit(struct call *c, const struct req_epoch_commit *req,
                     struct rep_epoch_commit *rep);
enum err ward_abort(struct call *c, const struct req_epoch_abort *req,
                    struct rep_epoch_abort *rep);
enum err ward_cert_put(struct call *c, const struct req_cert_put *req,
                       struct rep_cert_put *rep);
enum err ward_roster_put(struct call *c, const struct req_roster_put *req,
                         struct rep_roster_put *rep);
enum err ward_state(struct call *c, const struct req_epoch_state *req,
                    struct rep_epoch_state *rep);
enum err ward_freeze(struct call *c, const struct req_freeze *req,
                     struct rep_freeze *rep);
/* All but the number of requests, which ward does not know. */
enum err ward_list(struct call *c, const struct req_wards *req, struct rep_wards *rep);

#endif
