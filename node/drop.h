/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops: append-only queues of blobs with a chained head (proto/drop). A ward has one
 * of alerts and one of all that happens to it, a seat an inbox, a live request one of
 * its own; others are made (node/drop_serve). Entries stay 180 days; no key can push
 * out or keep out what others cause. Never holds a name or a requester's text.
 */
#ifndef KITH_NODE_DROP_H
#define KITH_NODE_DROP_H

#include "node/record.h"

enum {
    DROP_KEEP_S = 180 * 86400,
    DROP_REQUEST_BLOBS = 64, /* most blobs of a request's drop; others: limits */
    DROP_LOG_TIMES = 4,      /* a log or inbox holds so many times an alert drop */
    DROP_TELL_COST = 32,     /* most records one drop_tell and drop_request write */
    DROP_TESTS_DAILY = 8     /* ALERT_TESTs of one drop */
};

enum drop_kind {
    KIND_ALERT = 1,
    KIND_REQUEST = 2,
    KIND_LOG = 3,
    KIND_INBOX = 4,
    KIND_MADE = 5
};

/* One entry as it is kept. */
struct drop_entry {
    uint64_t seq;
    uint64_t received; /* Unix seconds */
    uint8_t head[HASH_BYTES];
};

/* A new, empty drop of a ward or seat. ERR_EXISTS. */
enum err drop_new(struct call *c, const uint8_t drop[ID_BYTES], enum drop_kind kind,
                  const uint8_t holder[ID_BYTES]);
/* Appends at c->now. ERR_UNKNOWN: no such drop; ERR_TOO_BIG. */
enum err drop_append(struct call *c, const uint8_t drop[ID_BYTES], struct bytes blob);
/*
 * Tells an event of a ward: the node log, the ward's log drop and, if it is loud, its
 * alert drop and the seat's inbox. request: or the credential, or NULL; epoch: or 0.
 * ERR_FULL: the caller's share of the alerts is used up, and so nothing may be done.
 * Never that for what a guardian does, what the node does by itself, a request by a
 * link of the guardian, and what ends, delays or lets go a request.
 */
enum err drop_tell(struct call *c, const struct record_ward *ward,
                   enum record_event event, const uint8_t *request, uint32_t epoch);
/* The same without the node log, for an event of the whole node that stands there once.
 */
enum err drop_alert(struct call *c, const struct record_ward *ward,
                    enum record_event event, const uint8_t *request, uint32_t epoch);
/* The ward has a new root: what the old one's keys filled counts in nobody's share. */
enum err drop_new_root(struct call *c, const struct record_ward *ward);
/* The same line in the drop of its request, which begins with REC_REQUEST_LIVE. */
enum err drop_request(struct call *c, const uint8_t ward[ID_BYTES],
                      enum record_event event, const uint8_t request[ID_BYTES]);
/* Erases a drop with all its blobs, of a request (at most DROP_REQUEST_BLOBS); fine when
   there is none. */
enum err drop_erase(struct call *c, const uint8_t drop[ID_BYTES]);
/* Its holder goes: nobody sees it any more, the sweep empties it. Fine without one. */
enum err drop_shut(struct call *c, const uint8_t drop[ID_BYTES]);
/* Up to max entries behind after, oldest first. */
enum err drop_list(struct call *c, const uint8_t drop[ID_BYTES], uint64_t after,
                   struct drop_entry *out, size_t max, size_t *out_n);
/* One blob, in the call's memory. ERR_UNKNOWN. */
enum err drop_get(struct call *c, const uint8_t drop[ID_BYTES], uint64_t seq,
                  struct bytes *out_blob);

/* Handler of ALERT_TEST: a line in the caller's alerts. ERR_FULL: enough for today. */
enum err drop_test(struct call *c, const struct req_alert_test *req,
                   struct rep_alert_test *rep);

/* Counts all drops, and those with an entry that is gone, damaged or out of its chain. */
enum err drop_verify(struct call *c, uint64_t *io_drops, uint64_t *io_broken);
/* The drops a ward or seat made, as they are. */
enum err drop_owned(struct call *c, const uint8_t holder[ID_BYTES], struct owned *out);

#endif
