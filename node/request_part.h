/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of request share and nobody else sees: one request in the store, who
 * may touch it, how it moves. Every function is part of one call's transaction.
 */
#ifndef KITH_NODE_REQUEST_PART_H
#define KITH_NODE_REQUEST_PART_H

#include "node/request.h"
#include "node/ward.h"

/* TAB_RELEASE: request id, which as u8, epoch as u32 (0 where there is none). */
enum release {
    RELEASE_STATEMENT = 1,
    RELEASE_ROSTER = 2, /* this and the next two under the epoch's data key */
    RELEASE_INTRO = 3,
    RELEASE_BOX = 4
};

struct txn_key key_release(const uint8_t request[ID_BYTES], enum release which,
                           uint32_t epoch);

/* TAB_OPEN_KEY: what a requester used before. */
enum open_key { OPEN_SEAL = 1, OPEN_COMMITMENT = 2 };

/* A sealing key counts within its ward, a commitment everywhere. */
struct txn_key key_open(enum open_key which, const uint8_t ward[ID_BYTES],
                        const uint8_t key[32]);

/*
 * The next request after *io_key of a ward or seat, brought up to now in memory; one
 * that is damaged is passed over. ERR_UNKNOWN: no more.
 */
enum err request_next_of(struct call *c, const uint8_t ward_or_seat[ID_BYTES],
                         struct txn_key *io_key, struct request *out);
/* Writes it back; its id and indices stay. */
enum err request_put(struct call *c, const struct request *r);
/* Moves it as the table says; a final state notes the time. ERR_STATE and, for what
 * ended: ERR_STOPPED (refused), ERR_EXPIRED. */
enum err request_move(struct request *r, enum request_event event, uint64_t now);
/* Why a message comes too late for it, or OK while it is not final. */
enum err request_over(const struct request *r);
/* The signed view, opened. ERR_CORRUPT. */
enum err request_view(struct call *c, const struct request *r, struct view *out);
/* The view's line of an epoch, or NULL. */
const struct view_epoch *view_line(const struct view *v, uint32_t epoch);
/* That line's epoch as it is now, if it is held and has the line's manifest still;
 * ERR_UNKNOWN. */
enum err request_epoch(struct call *c, const struct request *r,
                       const struct view_epoch *line, struct record_epoch *out);
/* drop_tell of its ward. */
enum err request_note(struct call *c, const struct request *r, enum record_event event);
/* The same, and a line in its own drop. */
enum err request_tell(struct call *c, const struct request *r, enum record_event event);
/* Erases boxes, statement and roster key that wait for release. */
enum err request_forget(struct call *c, const struct request *r);
/* Erases all of it: ids, keys it used, its requester's credential. */
enum err request_erase(struct call *c, const struct request *r);
/* The request, if the calling guardian may know of it; else ERR_UNKNOWN. */
enum err request_of_guardian(struct call *c, const uint8_t id[ID_BYTES],
                             struct request *out);
/* The request, if the caller opened it (owner: any confirm of its ward); ERR_UNKNOWN. */
enum err request_of_opener(struct call *c, const uint8_t id[ID_BYTES],
                           struct request *out);
/* Ends it as its requester would. ERR_STATE and others of request_move. */
enum err request_take_back(struct call *c, struct request *r);
/* Its ward was given up: it ends, whatever its state. */
enum err request_end_left(struct call *c, struct request *r);
/* What brought the requester here does not bring them a second time. */
enum err request_kill_introduction(struct call *c, const struct request *r);
/* Key of TAB_INTRO for an introduction; its value is the u64 when it ends anyway. */
struct txn_key key_intro(const struct request *r);

#endif
