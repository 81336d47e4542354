/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops: append-only queues of blobs with a chained head, h = BLAKE2b-256(h before,
 * sequence, received, blob hash). Here the node is the only depositor. Entries stay
 * 180 days; beyond the limit of blobs the oldest goes, so that nobody can keep an
 * alert out. Never holds a name or a requester's text.
 */
#ifndef KITH_NODE_DROP_H
#define KITH_NODE_DROP_H

#include "node/record.h"

enum {
    DROP_KEEP_S = 180 * 86400,
    DROP_REQUEST_BLOBS = 64 /* most blobs of a request's drop; an alert drop: limits */
};

/* One entry as it is kept. */
struct drop_entry {
    uint64_t seq;
    uint64_t received; /* Unix seconds */
    uint8_t head[HASH_BYTES];
};

/* A new, empty drop. ERR_EXISTS. */
enum err drop_new(struct call *c, const uint8_t drop[ID_BYTES], enum drop_kind kind);
/* Appends at c->now. ERR_UNKNOWN: no such drop; ERR_TOO_BIG. */
enum err drop_append(struct call *c, const uint8_t drop[ID_BYTES], struct bytes blob);
/* Appends an alert to a ward's alert drop. request may be NULL. */
enum err drop_alert(struct call *c, const struct record_ward *ward,
                    enum record_event event, const uint8_t *request, uint32_t epoch);
/* The same line in the drop of its request, which begins with REC_REQUEST_LIVE. */
enum err drop_request(struct call *c, const uint8_t ward[ID_BYTES],
                      enum record_event event, const uint8_t request[ID_BYTES]);
/* Erases a drop with all its blobs, of a request (at most DROP_REQUEST_BLOBS); fine when
   there is none. */
enum err drop_erase(struct call *c, const uint8_t drop[ID_BYTES]);
/* Up to max entries behind after, oldest first. */
enum err drop_list(struct call *c, const uint8_t drop[ID_BYTES], uint64_t after,
                   struct drop_entry *out, size_t max, size_t *out_n);
/* One blob, in the call's memory. ERR_UNKNOWN. */
enum err drop_get(struct call *c, const uint8_t drop[ID_BYTES], uint64_t seq,
                  struct bytes *out_blob);

#endif
