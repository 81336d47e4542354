/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the three parts of client/call share; nobody else includes it. call.c: the round,
 * call_dial.c: connections and bytes, call_talk.c: what is said over the one in use.
 */
#ifndef KITH_CLIENT_CALL_PART_H
#define KITH_CLIENT_CALL_PART_H

#include <uv.h>

#include "client/call.h"
#include "proto/peer.h"

enum {
    DIALS = 12, /* connections tried for one node, a name may have several */
    SHAKES = 24 /* handshakes at once: each holds secret memory */
};

struct talk;

enum dial_state { DIAL_UNUSED, DIAL_CONNECTING, DIAL_CONNECTED, DIAL_CLOSED };

/* One connection that is tried. */
struct dial {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct talk *talk;
    enum dial_state state;
    size_t address; /* index in the call */
};

/* One name that is looked up. */
struct lookup {
    uv_getaddrinfo_t req;
    struct talk *talk;
    bool busy;
    size_t address;
};

enum talk_state {
    TALK_REACHING, /* no connection is in use yet */
    TALK_SHAKING,
    TALK_GREETING, /* HELLO is on its way */
    TALK_OPEN,     /* the step's requests */
    TALK_LEAVING,  /* BYE is being written */
    TALK_OVER
};

struct round;

/* One conversation. */
struct talk {
    struct call *call;
    struct round *round;
    enum talk_state state;
    struct dial dials[DIALS];
    struct lookup lookups[ADDRESSES_MAX];
    struct dial *active;
    uv_timer_t patience; /* with the handshake */
    struct peer peer;
    const struct msg_row *row; /* what was asked last */
    uint32_t tag;
    unsigned greetings; /* HELLOs sent */
    uint8_t *in;
    size_t in_n;
    struct buf out;
    size_t handed; /* bytes of out that libuv has; all below out.n */
};

struct round {
    uv_loop_t loop;
    uv_timer_t deadline;
    struct talk *talks;
    size_t n;
    size_t open;    /* talks that are not over */
    size_t shaking; /* of them in a handshake */
    uint32_t deadline_ms;
    const struct rng *rng;
    uint8_t *body; /* a request being encoded */
    uint8_t *rep;  /* a reply decoded */
};

/* ---- call_dial.c ---- */

/* Begins with address number index of the call; without memory it is not tried. */
void dial_address(struct talk *t, const struct address *a, size_t index);

/* Goes on with another connection, waits for one, or gives up. */
void dial_next(struct talk *t);

/* The same for all who wait: a handshake ended. */
void dial_wake(struct round *r);

/* Writes what the talk has to say. */
void dial_flush(struct talk *t);

/* The connection in use broke, or cannot be used: the next one, or the end. */
void dial_failed(struct talk *t, enum err e);

/* One that is closed or was never opened stays as it is. */
void dial_close(struct dial *d);

/* ---- call_talk.c ---- */

/* Bytes came into t->in. */
void talk_got(struct talk *t);

/* True while what comes is read. */
bool talk_listens(const struct talk *t);

/* The connection in use fails when nothing came for so long; again: from the start. */
void talk_patience(struct talk *t, uint64_t ms);

/* The handshake is over, however it went. */
void talk_shaken(struct talk *t);

/* Ends at once, with that error or with what the call has. */
void talk_ended(struct talk *t, enum err e);
void talk_over(struct talk *t);

/* ---- call.c ---- */

/* One conversation is over: the last closes the round. */
void round_leave(struct round *r, const struct call *over);

#endif
