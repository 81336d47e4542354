/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of seat share and nobody else sees: the table of credentials, and where
 * they are found. Every function is part of one call's transaction.
 */
#ifndef KITH_NODE_SEAT_PART_H
#define KITH_NODE_SEAT_PART_H

#include "node/drop.h"
#include "node/seat.h"

enum found { BY_ID, BY_STATIC };

enum counted { COUNT_NOT, COUNT_SEAT, COUNT_WARD };

struct cred_row {
    enum role role;
    enum found found;
    enum counted counted;
    uint32_t makers; /* MAY bits: who may deposit one by CRED_NEW */
    uint32_t droppers;
    bool one_time;
    bool listed_seat;
    bool listed_ward;
};

/* The row of a type, or NULL. */
const struct cred_row *cred_row_of(unsigned type);
/* Of a type this module wrote itself. */
const struct cred_row *cred_own_row(unsigned type);
/* In TAB_CRED_FIND: what a seat or ward has; all its keys begin with the prefix. */
struct txn_key cred_list_key(const uint8_t owner[ID_BYTES], const uint8_t id[ID_BYTES]);
struct bytes cred_list_prefix(const struct txn_key *key);
/* A credential of a ward is told of there, one of the seat in the node log. */
enum err cred_tell(struct call *c, enum record_event event,
                   const struct record_cred *cred);
/*
 * The guardian's keys and credential at the seat *io, which is written; ERR_USED: its
 * static key is another's.
 */
enum err seat_take(struct call *c, const struct req_seat_enrol *req,
                   const uint8_t id[ID_BYTES], struct record_seat *io);
/* The guardian's own signatures over the keys, made for this conversation. */
enum err seat_keys_mine(const struct call *c, const struct req_seat_enrol *req,
                        const uint8_t seat[ID_BYTES]);
/* Tells the seat's wards whether its keys are locked now, and writes it. */
enum err seat_tell_keys(struct call *c, struct record_seat *seat);
/* ERR_FULL: the node has as many seats as it takes. */
enum err seat_room(struct call *c);
/* The ward's record, as far as credentials need it (node/ward comes after). */
enum err seat_ward(struct call *c, const uint8_t ward[ID_BYTES], struct record_ward *out);

#endif
