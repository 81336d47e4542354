/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seats, their guardians' keys, and every credential of the node. A credential is
 * found by its id (one-time and standing ones) or by role and static key (enrolled
 * ones). Never keeps a token, only what is made from it.
 */
#ifndef KITH_NODE_SEAT_H
#define KITH_NODE_SEAT_H

#include "node/record.h"

enum {
    CRED_LIFE_S = 14 * 86400, /* longest life of a one-time credential */
    CRED_MARGIN_S = 86400,    /* and what clocks may differ */
    CRED_DUAL_S = 14 * 86400, /* until an owner's revocation takes effect */
    CRED_RESTORE_MAX = 16,    /* restore links a ward, the oldest goes first */
    CRED_OWNER_MAX = 64,      /* devices, rosters, sheets a ward */
    CRED_DEVICES = 8,         /* of these only for devices */
    CRED_ROOT_MAX = (CRED_OWNER_MAX + 4) * ID_BYTES, /* ids of one root's */
    CRED_FRESH_S = 86400,     /* a slip of the pen may be taken back so long */
    SEAT_AWAY_S = 30 * 86400, /* longest pause */
    SEAT_TOLD = 16            /* wards told at once */
};

/* ERR_UNKNOWN: none. */
enum err seat_get(struct call *c, const uint8_t seat[ID_BYTES], struct record_seat *out);
enum err seat_put(struct call *c, const struct record_seat *seat);

/* out is secret memory. ERR_UNKNOWN: none (an expired one is still found). */
enum err cred_get(struct call *c, const uint8_t id[ID_BYTES], struct record_cred *out);
/* The credential of a role with that static key. ERR_UNKNOWN. */
enum err cred_find(struct call *c, enum role role, const uint8_t stat[PUB_BYTES],
                   struct record_cred *out);
/* The restore link with that spoken id, not bound yet. ERR_UNKNOWN. */
enum err cred_spoken(struct call *c, const uint8_t spoken_id[ID_BYTES],
                     struct record_cred *out);
/* From here on nothing answers its spoken code; the record is written back. */
enum err cred_unspoken(struct call *c, struct record_cred *cred);
/*
 * A new credential, found by its id, and by its static key if it is an enrolled one.
 * ERR_EXISTS: there is one with that id, or with that role and key.
 */
enum err cred_add(struct call *c, const struct record_cred *cred);
/* Writes a changed one back; id, type, seat, ward and an enrolled key stay. */
enum err cred_put(struct call *c, const struct record_cred *cred);
/* The seat or ward whose record counts it, or NULL. */
const uint8_t *cred_counted(const struct record_cred *cred);
/* Erases it and its op ids; OK when there is none. */
enum err cred_erase(struct call *c, const uint8_t id[ID_BYTES]);
/*
 * The ward has a new root: every credential that came from the old one is dead, but for
 * keep. Their ids are appended to out (CRED_ROOT_MAX bytes are enough): one job could not
 * erase all their answers, so txn_op_forget is the caller's, some at a time.
 */
enum err cred_new_root(struct call *c, const struct record_ward *ward,
                       const uint8_t keep[ID_BYTES], struct buf *out);
/* The role that holders of that type speak in. */
enum role cred_role(enum cred_type type);
/* Notes that a standing credential opened a request. */
enum err cred_used(struct call *c, const uint8_t id[ID_BYTES]);
/* True if now is past its end. */
bool cred_expired(const struct record_cred *cred, uint64_t now);
/* Gives an enrolled credential another static key and psk. ERR_USED: a key has it. */
enum err cred_rekey(struct call *c, const uint8_t id[ID_BYTES],
                    const uint8_t stat[PUB_BYTES], const uint8_t psk[KEY_BYTES]);
/*
 * Each minute, as a write: pauses end, and wards hear of what their guardian said, some
 * at a time; *out_more: there was something to do, call again.
 */
enum err seat_tick(struct call *c, bool *out_more);
/* Deposits an operator link's credential; earlier ones, used or not, are dead. */
enum err seat_operator_link(struct call *c, const struct credential *link);

/* Handlers. */
enum err seat_enrol(struct call *c, const struct req_seat_enrol *req,
                    struct rep_seat_enrol *rep);
/* Asked in the old seat's conversation. */
enum err seat_reset(struct call *c, const struct req_seat_reset *req,
                    struct rep_seat_reset *rep);
enum err seat_pause(struct call *c, const struct req_pause *req, struct rep_pause *rep);
enum err seat_info(struct call *c, const struct req_seat_info *req,
                   struct rep_seat_info *rep);
enum err seat_cred_new(struct call *c, const struct req_cred_new *req,
                       struct rep_cred_new *rep);
enum err seat_cred_list(struct call *c, const struct req_cred_list *req,
                        struct rep_cred_list *rep);
enum err seat_cred_drop(struct call *c, const struct req_cred_drop *req,
                        struct rep_cred_drop *rep);

#endif
