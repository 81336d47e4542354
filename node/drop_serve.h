/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops on the wire: listing with heads, marks of readers and a signed receipt, long
 * polls, and the drops that people make: who may put what there, for how long, how
 * much. To who is not their holder, unknown, closed, full and forbidden are one answer.
 */
#ifndef KITH_NODE_DROP_SERVE_H
#define KITH_NODE_DROP_SERVE_H

#include "node/record.h"

enum {
    DROP_MADE_KEEP_S = 30 * 86400,  /* an entry, where the maker does not say */
    DROP_MADE_IDLE_S = 400 * 86400, /* nothing put, nothing freed: it is closed */
    DROP_SWEEP = 256                /* entries taken away by one message or sweep */
};

/* What a DROP_WATCH waits for. */
struct drop_watch {
    uint8_t drop[ID_BYTES];
    uint64_t after;
    uint32_t wait_s;
};

/* What the message asks to wait for. Errors as DROP_LIST's. */
enum err drop_watch_of(struct call *c, const struct req_drop_watch *req,
                       struct drop_watch *out);
/* True if there is something to say: the drop has moved, or cannot be read. */
bool drop_watch_ready(struct call *c, const struct drop_watch *w);

/* A write, now and then: takes away what is old, closes what nobody uses. *out_more:
 * call again. */
enum err drop_serve_tick(struct call *c, bool *out_more);

/* Handlers. */
enum err drop_serve_create(struct call *c, const struct req_drop_create *req,
                           struct rep_drop_create *rep);
enum err drop_serve_put(struct call *c, const struct req_drop_put *req,
                        struct rep_drop_put *rep);
enum err drop_serve_list(struct call *c, const struct req_drop_list *req,
                         struct rep_drop_list *rep);
enum err drop_serve_get(struct call *c, const struct req_drop_get *req,
                        struct rep_drop_get *rep);
enum err drop_serve_ack(struct call *c, const struct req_drop_ack *req,
                        struct rep_drop_ack *rep);
enum err drop_serve_watch(struct call *c, const struct req_drop_watch *req,
                          struct rep_drop_watch *rep);
enum err drop_serve_close(struct call *c, const struct req_drop_close *req,
                          struct rep_drop_close *rep);

#endif
