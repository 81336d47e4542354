/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/call without sockets: the same rounds, the same step functions and results,
 * over tests/sim/net. Linked in the place of client/call.c, so that the real client
 * runs against the real handlers with a clock of the test's. One conversation after the
 * other, or message by message in the order net_next says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "client/call.h"
#include "proto/peer.h"
#include "tests/sim/net.h"

struct line {
    struct net_line *net;
    struct peer peer;
    uint8_t in[NET_OUT];
    size_t in_n;
    uint8_t out[NET_OUT];
    size_t out_n;
    uint32_t tag;
    bool closed; /* the node's end */
};

/* Hands what is written to the node and takes what it says. */
static void exchange(struct line *l)
{
    struct buf got = { .p = l->in + l->in_n, .cap = sizeof l->in - l->in_n };
    size_t n = l->out_n;

    l->out_n = 0;
    if (l->closed || n == 0)
        return;
    l->closed = net_feed(l->net, bytes_of(l->out, n), &got) != OK;
    l->in_n += got.n;
}

/* Feeds the peer until it has an event for the caller. */
static enum err step(struct line *l, struct peer_event *out_ev)
{
    for (;;) {
        struct buf out = { .p = l->out + l->out_n, .cap = sizeof l->out - l->out_n };
        size_t used = 0;

        TRY(peer_feed(&l->peer, (struct span){ l->in, l->in_n }, &used, &out, out_ev));
        l->out_n += out.n;
        if (out_ev->what == PEER_FRAME)
            return OK; /* its body lies in what was used: the caller shifts */
        memmove(l->in, l->in + used, l->in_n - used);
        l->in_n -= used;
        if (out_ev->what == PEER_READY) {
            exchange(l);
            return OK;
        }
        if (out_ev->what == PEER_STEP)
            continue;
        if (l->out_n == 0)
            return l->closed ? ERR_CLOSED : ERR_TIMEOUT;
        exchange(l);
    }
}

/* One request and its reply, decoded into rep (msg_struct_max bytes). */
static enum err ask(struct line *l, uint16_t kind, const void *req, void *rep,
                    struct call_reply *out)
{
    const struct msg_row *row = msg_find(kind);
    AUTO_FREE uint8_t *body = calloc(1, WIRE_MAX);
    struct buf b = { .p = body, .cap = WIRE_MAX };
    struct buf frame = { .p = l->out + l->out_n, .cap = sizeof l->out - l->out_n };
    struct peer_event ev = { 0 };
    struct rep_error error = { 0 };

    MUST(row != NULL && body != NULL);
    TRY(msg_put_req(row, req, &b));
    TRY(peer_send(&l->peer, kind, ++l->tag, buf_bytes(&b), &frame));
    l->out_n += frame.n;
    exchange(l);
    TRY(step(l, &ev));
    if (ev.what != PEER_FRAME || ev.tag != l->tag)
        return ERR_FORMAT;
    *out = (struct call_reply){ .kind = kind, .rep = rep };
    if (ev.kind != MSG_ERROR) {
        if (ev.kind != (kind | MSG_REPLY))
            return ERR_FORMAT;
        return msg_get_rep(row, ev.body, rep);
    }
    TRY(wire_get(&rep_error_schema, ev.body, &error));
    out->rep = NULL;
    out->err = err_from_wire(error.code);
    out->retry_ms = error.retry_ms;
    out->outcome = (enum msg_outcome)error.outcome;
    return OK;
}

/* The frame whose reply was looked at is done with: nothing else is in the buffer. */
static void forget_frame(struct line *l)
{
    secret_wipe(l->in, l->in_n);
    l->in_n = 0;
}

/* What a conversation is at. */
struct turn {
    struct call *c;
    struct line *l;
    uint8_t *rep;
    struct call_send send; /* next */
    bool over;
};

static enum err meet(struct call *c, struct line *l, const struct rng *rng)
{
    struct peer_login login = { .node = c->node_key,
                                .key = c->stat,
                                .psk = c->psk,
                                .id = c->id,
                                .role = (uint8_t)c->role };
    struct buf out = { .p = l->out, .cap = sizeof l->out };
    struct peer_event ev = { 0 };

    TRY(net_connect(c->node_key, &l->net));
    c->stage = CALL_MET;
    TRY(peer_start(&l->peer, &login, rng, &out));
    l->out_n = out.n;
    exchange(l);
    TRY(step(l, &ev));
    c->stage = CALL_KNOWN;
    memcpy(c->handshake, l->peer.hash, sizeof c->handshake);
    return OK;
}

/* No time passes here: who wants to wait is asked again at once. */
static enum err until_it_speaks(struct turn *t)
{
    while (t->send.kind == 0 && t->c->wait_ms > 0) {
        t->c->wait_ms = 0;
        TRY(t->c->step(t->c, NULL, &t->send));
    }
    t->over = t->send.kind == 0;
    return OK;
}

static enum err begin(struct turn *t, const struct rng *rng)
{
    struct req_hello hello = { .version = 1 };
    struct call_reply reply = { 0 };

    t->c->stage = CALL_IDLE;
    TRY(meet(t->c, t->l, rng));
    TRY(ask(t->l, MSG_HELLO, &hello, t->rep, &reply));
    TRY(reply.err);
    memcpy(&t->c->hello, t->rep, sizeof t->c->hello);
    forget_frame(t->l);
    t->c->stage = CALL_TALKING;
    TRY(t->c->step(t->c, NULL, &t->send));
    return until_it_speaks(t);
}

/* One message and its reply. */
static enum err go_on(struct turn *t)
{
    struct call_send now = t->send;
    struct call_reply reply = { 0 };

    t->send = (struct call_send){ 0 };
    TRY(ask(t->l, now.kind, now.req, t->rep, &reply));
    enum err e = t->c->step(t->c, &reply, &t->send);

    forget_frame(t->l);
    TRY(e);
    return until_it_speaks(t);
}

static void end(struct turn *t, enum err e)
{
    struct call *c = t->c;

    c->err = e;
    /* The handshake went through, but the credential was not known. */
    if (c->stage == CALL_KNOWN && c->err == ERR_CLOSED)
        c->err = ERR_REFUSED;
    if (c->err == OK)
        c->stage = CALL_ENDED;
    peer_end(&t->l->peer);
    if (t->l->net != NULL)
        net_hang_up(t->l->net);
    secret_wipe(t->l, sizeof *t->l);
    free(t->l);
    free(t->rep);
    *t = (struct turn){ .over = true };
}

/* One step of a conversation, its beginning or a message. */
static void move(struct turn *t, struct call *c, const struct rng *rng)
{
    enum err e;

    if (t->c == NULL) {
        *t = (struct turn){ .c = c,
                            .l = calloc(1, sizeof *t->l),
                            .rep = calloc(1, msg_struct_max()) };
        MUST(t->l != NULL && t->rep != NULL);
        e = begin(t, rng);
    } else {
        e = go_on(t);
    }
    if (e != OK || t->over)
        end(t, e);
}

/* The i-th of those that are not over. */
static size_t open_one(const struct turn *turns, size_t n, size_t i)
{
    for (size_t at = 0; at < n; at++)
        if (!turns[at].over && i-- == 0)
            return at;
    MUST(false);
    return 0;
}

enum err call_round(struct call *calls, size_t n, uint32_t deadline_ms,
                    const struct rng *rng)
{
    AUTO_FREE struct turn *turns = calloc(n > 0 ? n : 1, sizeof *turns);
    size_t left = n;

    (void)deadline_ms;
    MUST(turns != NULL);
    while (left > 0) {
        size_t i = open_one(turns, n, net_next(left));

        move(&turns[i], &calls[i], rng);
        left -= turns[i].over;
    }
    return OK;
}

void call_sentence(const struct call *c, const char *name, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s: %s", name, err_text(c->err));
}

void call_addresses(struct call *c, const struct roster_address *addresses, size_t n)
{
    for (size_t i = 0; i < n && c->n_addresses < ADDRESSES_MAX; i++)
        if (address_get(addresses[i].at, &c->addresses[c->n_addresses]) == OK)
            c->n_addresses++;
}
