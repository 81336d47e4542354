/* SPDX-License-Identifier: Apache-2.0 */
#include "client/call_part.h"

enum {
    GREETINGS = 16, /* HELLOs to one that is busy */
    GREET_LEAST_MS = 20,
    GREET_MOST_MS = 2000 /* whatever it asks for: it holds up nobody else's round */
};

void talk_shaken(struct talk *t)
{
    if (t->state != TALK_SHAKING)
        return;
    t->round->shaking--;
    (void)uv_timer_stop(&t->patience); /* cannot fail */
}

void talk_over(struct talk *t)
{
    if (t->state == TALK_OVER)
        return;
    talk_shaken(t);
    t->state = TALK_OVER;
    peer_end(&t->peer);
    secret_wipe(t->in, PEER_FRAME_MAX);
    for (size_t i = 0; i < DIALS; i++)
        dial_close(&t->dials[i]);
    for (size_t i = 0; i < ADDRESSES_MAX; i++) {
        if (t->lookups[i].busy)
            (void)uv_cancel((uv_req_t *)&t->lookups[i].req); /* or it runs to its end */
    }
    uv_close((uv_handle_t *)&t->patience, NULL);
    round_leave(t->round, t->call);
}

void talk_ended(struct talk *t, enum err e)
{
    t->call->err = e;
    talk_over(t);
}

static void on_impatient(uv_timer_t *timer)
{
    struct talk *t = timer->data;
    dial_failed(t, ERR_TIMEOUT);
    dial_wake(t->round);
}

void talk_patience(struct talk *t, uint64_t ms)
{
    MUST(uv_timer_start(&t->patience, on_impatient, ms, 0) == 0);
}

static enum err send_req(struct talk *t, uint16_t kind, const void *req)
{
    const struct msg_row *row = msg_find(kind);
    MUST(row != NULL);
    struct buf body = { .p = t->round->body, .cap = PEER_BODY_MAX };
    enum err e = msg_put_req(row, req, &body);
    if (e == OK)
        e = peer_send(&t->peer, kind, t->tag + 1, buf_bytes(&body), &t->out);
    secret_wipe(body.p, body.n);
    TRY(e);
    t->tag++;
    t->row = row;
    if (t->state != TALK_LEAVING && t->call->idle_ms > 0)
        talk_patience(t, t->call->idle_ms);
    return OK;
}

static void talk_leave(struct talk *t, enum err e)
{
    t->call->err = e;
    t->state = TALK_LEAVING;
    const struct req_bye bye = { 0 };
    if (send_req(t, MSG_BYE, &bye) != OK)
        talk_over(t);
}

/* A node of this version knows all that is asked here; what it does not know came later,
 * and so did what is not understood here. */
static void talk_older(struct talk *t, const struct call_reply *reply)
{
    bool its = reply != NULL && reply->err == ERR_VERSION;
    t->call->older = its ? OLDER_NODE : OLDER_HERE;
}

/* A node that had many calls of ours just now asks for a moment first. */
static void greet(struct talk *t)
{
    const struct req_hello hello = { .version = PEER_VERSION };
    t->greetings++;
    enum err e = send_req(t, MSG_HELLO, &hello);
    if (e != OK)
        talk_ended(t, e);
}

static void on_waited(uv_timer_t *timer);

static void talk_step(struct talk *t, const struct call_reply *reply)
{
    struct call_send send = { 0 };
    enum err e = t->call->step(t->call, reply, &send);
    if (e == ERR_VERSION)
        talk_older(t, reply);
    if (e == OK && send.kind == 0 && t->call->wait_ms > 0) {
        t->tag++; /* what the node says meanwhile answers nothing */
        MUST(uv_timer_start(&t->patience, on_waited, t->call->wait_ms, 0) == 0);
        t->call->wait_ms = 0;
        return;
    }
    if (e == OK && send.kind != 0)
        e = send_req(t, send.kind, send.req);
    else if (e == OK)
        t->call->stage = CALL_ENDED;
    if (e != OK || send.kind == 0)
        talk_leave(t, e);
}

static void on_waited(uv_timer_t *timer)
{
    struct talk *t = timer->data;
    if (t->state == TALK_GREETING)
        greet(t);
    else if (t->state == TALK_OPEN)
        talk_step(t, NULL);
    if (t->state != TALK_OVER)
        dial_flush(t);
    dial_wake(t->round);
}

static enum err reply_of(struct talk *t, const struct peer_event *ev,
                         struct call_reply *out)
{
    struct call_reply r = { .kind = t->row->kind };
    if (ev->tag != t->tag)
        return ERR_FORMAT;
    if (ev->kind == MSG_ERROR) {
        struct rep_error error = { 0 };
        TRY(wire_get(&rep_error_schema, ev->body, &error));
        r.err = err_from_wire(error.code);
        r.retry_ms = error.retry_ms;
        r.outcome = error.outcome;
    } else if (ev->kind == (t->row->kind | MSG_REPLY)) {
        memset(t->round->rep, 0, msg_struct_max());
        TRY(msg_get_rep(t->row, ev->body, t->round->rep));
        r.rep = t->round->rep;
    } else {
        return ERR_FORMAT;
    }
    *out = r;
    return OK;
}

static void talk_version(struct talk *t, enum call_older older)
{
    t->call->older = older;
    talk_leave(t, ERR_VERSION);
}

/* What came is not understood: by a program that is broken, or by an older one. */
static void talk_strange(struct talk *t, enum err why)
{
    bool longer = t->state == TALK_GREETING && why == ERR_TOO_BIG;
    if (why == ERR_VERSION || longer)
        talk_version(t, OLDER_HERE);
    else
        talk_leave(t, ERR_FORMAT);
}

static void talk_greeted(struct talk *t, const struct call_reply *reply)
{
    /* This HELLO is as short as any: only another version has no room for it. */
    if (reply->err == ERR_VERSION || reply->err == ERR_TOO_BIG) {
        talk_version(t, OLDER_UNSURE);
        return;
    }
    if (reply->err != OK) {
        talk_leave(t, reply->err);
        return;
    }
    MUST(reply->rep != NULL);
    memcpy(&t->call->hello, reply->rep, sizeof t->call->hello);
    if (t->call->hello.version != PEER_VERSION) {
        talk_version(t, t->call->hello.version > PEER_VERSION ? OLDER_HERE : OLDER_NODE);
        return;
    }
    t->call->stage = CALL_TALKING;
    t->state = TALK_OPEN;
    talk_step(t, NULL);
}

static void talk_frame(struct talk *t, const struct peer_event *ev)
{
    struct call_reply reply = { 0 };
    enum err e = reply_of(t, ev, &reply);
    if (e != OK) {
        talk_strange(t, e);
        return;
    }
    if (t->state == TALK_OPEN) {
        talk_step(t, &reply);
        return;
    }
    if (reply.err == ERR_BUSY && t->greetings < GREETINGS) {
        uint64_t ms = reply.retry_ms < GREET_LEAST_MS ? GREET_LEAST_MS : reply.retry_ms;
        ms = ms > GREET_MOST_MS ? GREET_MOST_MS : ms;
        t->tag++; /* what the node says meanwhile answers nothing */
        MUST(uv_timer_start(&t->patience, on_waited, ms, 0) == 0);
        return;
    }
    talk_greeted(t, &reply);
}

static void talk_ready(struct talk *t)
{
    talk_shaken(t);
    t->state = TALK_GREETING;
    t->call->stage = CALL_KNOWN;
    t->call->used = t->active->address;
    memcpy(t->call->handshake, t->peer.hash, sizeof t->call->handshake);
    for (size_t i = 0; i < DIALS; i++) {
        if (&t->dials[i] != t->active)
            dial_close(&t->dials[i]);
    }
    greet(t);
}

static void talk_answered(struct talk *t, struct bytes answer)
{
    MUST(answer.n == SPOKEN_ANSWER);
    memcpy(t->call->answer, answer.p, SPOKEN_ANSWER);
    t->call->stage = CALL_ENDED;
    t->call->used = t->active->address;
    talk_ended(t, OK);
}

bool talk_listens(const struct talk *t)
{
    return t->state == TALK_SHAKING || t->state == TALK_GREETING || t->state == TALK_OPEN;
}

/* One step of the peer. False: no more now. */
static bool talk_feed(struct talk *t)
{
    size_t used = 0;
    struct peer_event ev = { 0 };
    enum err e =
        peer_feed(&t->peer, (struct span){ t->in, t->in_n }, &used, &t->out, &ev);
    if (e != OK) {
        dial_failed(t, e == ERR_NOMEM ? e : ERR_FORMAT);
        return false;
    }
    if (ev.what == PEER_READY)
        talk_ready(t);
    if (ev.what == PEER_FRAME)
        talk_frame(t, &ev);
    if (ev.what == PEER_ANSWER)
        talk_answered(t, ev.body);
    /* An opened frame may have held secrets. */
    secret_wipe(t->in, used);
    t->in_n -= used;
    memmove(t->in, t->in + used, t->in_n);
    return ev.what != PEER_NEED_MORE && talk_listens(t);
}

void talk_got(struct talk *t)
{
    while (talk_feed(t))
        continue;
    if (t->active != NULL && t->state != TALK_OVER)
        dial_flush(t);
    dial_wake(t->round);
}
