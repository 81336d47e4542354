/* SPDX-License-Identifier: Apache-2.0 */
#include "client/call.h"

#include <netinet/in.h>
#include <stdio.h>

#include <uv.h>

#include "proto/peer.h"

enum {
    DIALS = 12,  /* connections tried for one node, a name may have several */
    SHAKES = 24, /* handshakes at once: each holds secret memory */
    OUT_CAP = PEER_HANDSHAKE_OUT + 2 * PEER_FRAME_MAX,
    GREETINGS = 16, /* HELLOs to one that is busy */
    GREET_LEAST_MS = 20,
    GREET_MOST_MS = 2000 /* whatever it asks for: it holds up nobody else's round */
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

static void talk_next(struct talk *t);
static void talk_got(struct talk *t);
static void on_deadline(uv_timer_t *timer);
static void on_impatient(uv_timer_t *timer);
static void on_waited(uv_timer_t *timer);

/* ---- the end of things ---- */

static void on_closed(uv_handle_t *h)
{
    (void)h; /* the memory is the round's */
}

static void dial_close(struct dial *d)
{
    if (d->state == DIAL_UNUSED || d->state == DIAL_CLOSED)
        return;
    d->state = DIAL_CLOSED;
    uv_close((uv_handle_t *)&d->tcp, on_closed);
}

static void shake_end(struct talk *t)
{
    if (t->state != TALK_SHAKING)
        return;
    t->round->shaking--;
    (void)uv_timer_stop(&t->patience); /* cannot fail */
}

static void talk_over(struct talk *t)
{
    if (t->state == TALK_OVER)
        return;
    shake_end(t);
    t->state = TALK_OVER;
    peer_end(&t->peer);
    secret_wipe(t->in, PEER_FRAME_MAX);
    for (size_t i = 0; i < DIALS; i++)
        dial_close(&t->dials[i]);
    for (size_t i = 0; i < ADDRESSES_MAX; i++) {
        if (t->lookups[i].busy)
            (void)uv_cancel((uv_req_t *)&t->lookups[i].req); /* or it runs to its end */
    }
    uv_close((uv_handle_t *)&t->patience, on_closed);
    if (--t->round->open == 0)
        uv_close((uv_handle_t *)&t->round->deadline, on_closed);
    else if (t->call->alone && t->call->err == OK)
        MUST(uv_timer_start(&t->round->deadline, on_deadline, 0, 0) == 0);
}

static void talk_end(struct talk *t, enum err e)
{
    t->call->err = e;
    talk_over(t);
}

/* The connection in use broke, or cannot be used. */
static void dial_failed(struct talk *t, enum err e)
{
    dial_close(t->active);
    if (t->state == TALK_LEAVING) {
        talk_over(t);
        return;
    }
    if (t->state != TALK_SHAKING) {
        talk_end(t, e);
        return;
    }
    shake_end(t);
    t->state = TALK_REACHING;
    t->call->err = e;
    peer_end(&t->peer);
    t->active = NULL;
    t->in_n = 0;
    t->out.n = 0;
    t->handed = 0;
    talk_next(t);
}

/* What it means that the node closed, by how far we were. */
static enum err lost(const struct talk *t)
{
    return t->state == TALK_OPEN ? ERR_CLOSED : ERR_REFUSED;
}

/* ---- writing ---- */

static void on_written(uv_write_t *w, int status);

static void flush(struct talk *t)
{
    if (t->handed > 0 || t->out.n == 0)
        return;
    uv_buf_t b = uv_buf_init((char *)t->out.p, (unsigned)t->out.n);
    t->handed = t->out.n;
    uv_stream_t *s = (uv_stream_t *)&t->active->tcp;
    if (uv_write(&t->active->write, s, &b, 1, on_written) != 0)
        dial_failed(t, lost(t));
}

static void on_written(uv_write_t *w, int status)
{
    struct dial *d = w->data;
    struct talk *t = d->talk;
    if (t->state == TALK_OVER || t->active != d)
        return;
    if (status != 0) {
        dial_failed(t, lost(t));
        return;
    }
    t->out.n -= t->handed;
    memmove(t->out.p, t->out.p + t->handed, t->out.n);
    t->handed = 0;
    if (t->out.n == 0 && t->state == TALK_LEAVING)
        talk_over(t);
    else
        flush(t);
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
        MUST(uv_timer_start(&t->patience, on_impatient, t->call->idle_ms, 0) == 0);
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

/* ---- the step function ---- */

/* A node of this version knows all that is asked here; what it does not know came later,
 * and so did what is not understood here. */
static void talk_older(struct talk *t, const struct call_reply *reply)
{
    bool its = reply != NULL && reply->err == ERR_VERSION;
    t->call->older = its ? OLDER_NODE : OLDER_HERE;
}

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

/* ---- reading ---- */

/* A node that had many calls of ours just now asks for a moment first. */
static void greet(struct talk *t)
{
    const struct req_hello hello = { .version = PEER_VERSION };
    t->greetings++;
    enum err e = send_req(t, MSG_HELLO, &hello);
    if (e != OK)
        talk_end(t, e);
}

static void talk_ready(struct talk *t)
{
    shake_end(t);
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
    talk_end(t, OK);
}

static bool listens(const struct talk *t)
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
    return ev.what != PEER_NEED_MORE && listens(t);
}

static void round_wake(struct round *r);

static void talk_got(struct talk *t)
{
    while (talk_feed(t))
        continue;
    if (t->active != NULL && t->state != TALK_OVER)
        flush(t);
    round_wake(t->round);
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *b)
{
    (void)wanted;
    struct dial *d = h->data;
    struct talk *t = d->talk;
    *b = uv_buf_init((char *)t->in + t->in_n, (unsigned)(PEER_FRAME_MAX - t->in_n));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    (void)b;
    struct dial *d = s->data;
    struct talk *t = d->talk;
    if (t->active != d || n == 0)
        return;
    if (n < 0 || !listens(t)) {
        dial_failed(t, lost(t));
        round_wake(t->round);
        return;
    }
    t->in_n += (size_t)n;
    talk_got(t);
}

/* ---- connecting ---- */

static void on_impatient(uv_timer_t *timer)
{
    struct talk *t = timer->data;
    dial_failed(t, ERR_TIMEOUT);
    round_wake(t->round);
}

static void on_waited(uv_timer_t *timer)
{
    struct talk *t = timer->data;
    if (t->state == TALK_GREETING)
        greet(t);
    else if (t->state == TALK_OPEN)
        talk_step(t, NULL);
    if (t->state != TALK_OVER)
        flush(t);
    round_wake(t->round);
}

static enum err dial_begin(struct talk *t, struct dial *d)
{
    const struct peer_login login = {
        .node = t->call->node_key,
        .key = t->call->stat,
        .psk = t->call->psk,
        .id = t->call->id,
        .role = (uint8_t)t->call->role,
    };
    if (t->call->spoken != NULL)
        TRY(peer_speak(&t->peer, t->call->spoken, &t->out));
    else
        TRY(peer_start(&t->peer, &login, t->round->rng, &t->out));
    if (uv_read_start((uv_stream_t *)&d->tcp, on_alloc, on_read) != 0)
        return ERR_UNREACHABLE;
    /* Who only listens for long has no more patience with a handshake than others. */
    uint64_t whole = t->round->deadline_ms;
    uint64_t patience = (whole < CALL_ROUND_MS ? whole : CALL_ROUND_MS) / 2;
    return uv_timer_start(&t->patience, on_impatient, patience, 0) == 0 ? OK : ERR_NOMEM;
}

static void dial_use(struct talk *t, struct dial *d)
{
    t->active = d;
    t->state = TALK_SHAKING;
    t->round->shaking++;
    t->call->stage = CALL_MET;
    enum err e = dial_begin(t, d);
    if (e != OK)
        dial_failed(t, e);
    else
        flush(t);
}

/* Goes on with another connection, waits for one, or gives up. */
static void talk_next(struct talk *t)
{
    if (t->state != TALK_REACHING)
        return;
    bool hope = false;
    for (size_t i = 0; i < ADDRESSES_MAX; i++)
        hope = hope || t->lookups[i].busy;
    for (size_t i = 0; i < DIALS; i++) {
        struct dial *d = &t->dials[i];
        bool usable = d->state == DIAL_CONNECTED;
        hope = hope || usable || d->state == DIAL_CONNECTING;
        if (!usable || t->round->shaking >= SHAKES)
            continue;
        dial_use(t, d);
        return;
    }
    if (!hope)
        talk_over(t);
}

/* A handshake ended: who waited for its place? */
static void round_wake(struct round *r)
{
    for (size_t i = 0; i < r->n && r->shaking < SHAKES; i++)
        talk_next(&r->talks[i]);
}

static void on_connected(uv_connect_t *c, int status)
{
    struct dial *d = c->data;
    struct talk *t = d->talk;
    if (d->state != DIAL_CONNECTING || t->state == TALK_OVER)
        return;
    if (status == 0)
        d->state = DIAL_CONNECTED;
    else
        dial_close(d);
    talk_next(t);
}

static void dial_start(struct talk *t, const struct sockaddr *sa, size_t address)
{
    struct dial *d = t->dials;
    while (d < t->dials + DIALS && d->state != DIAL_UNUSED)
        d++;
    if (d == t->dials + DIALS || uv_tcp_init(&t->round->loop, &d->tcp) != 0)
        return;
    d->talk = t;
    d->address = address;
    d->tcp.data = d;
    d->connect.data = d;
    d->write.data = d;
    d->state = DIAL_CONNECTING;
    if (uv_tcp_connect(&d->connect, &d->tcp, sa, on_connected) != 0)
        dial_close(d);
}

static void on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct lookup *l = req->data;
    struct talk *t = l->talk;
    l->busy = false;
    bool wanted = status == 0 && t->state == TALK_REACHING;
    for (struct addrinfo *a = found; wanted && a != NULL; a = a->ai_next)
        dial_start(t, a->ai_addr, l->address);
    uv_freeaddrinfo(found);
    talk_next(t);
}

static void lookup_start(struct talk *t, const struct address *a, size_t index)
{
    struct lookup *l = &t->lookups[index];
    char host[HOST_MAX + 1] = { 0 };
    char port[8];
    memcpy(host, a->host, a->host_n);
    (void)snprintf(port, sizeof port, "%u", a->port);
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_NUMERICSERV };
    l->talk = t;
    l->address = index;
    l->req.data = l;
    l->busy = uv_getaddrinfo(&t->round->loop, &l->req, on_found, host, port, &hints) == 0;
}

static void address_start(struct talk *t, const struct address *a, size_t index)
{
    if (a->kind == ADDRESS_NAME) {
        lookup_start(t, a, index);
    } else if (a->kind == ADDRESS_IP4) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(a->port) };
        memcpy(&sa.sin_addr, a->host, 4);
        dial_start(t, (const struct sockaddr *)&sa, index);
    } else if (a->kind == ADDRESS_IP6) {
        struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
        memcpy(&sa.sin6_addr, a->host, 16);
        dial_start(t, (const struct sockaddr *)&sa, index);
    }
}

/* ---- the round ---- */

static void on_deadline(uv_timer_t *timer)
{
    struct round *r = timer->data;
    for (size_t i = 0; i < r->n; i++) {
        struct talk *t = &r->talks[i];
        if (t->state == TALK_OVER)
            continue;
        /* Somebody who only says goodbye has all that was asked for. */
        if (t->state != TALK_LEAVING)
            t->call->err = t->call->stage == CALL_IDLE ? ERR_UNREACHABLE : ERR_TIMEOUT;
        talk_over(t);
    }
}

static enum err talk_init(struct talk *t, struct call *c, struct round *r)
{
    c->err = ERR_UNREACHABLE;
    c->stage = CALL_IDLE;
    t->call = c;
    t->round = r;
    t->in = calloc(1, PEER_FRAME_MAX);
    t->out = (struct buf){ .p = calloc(1, OUT_CAP), .cap = OUT_CAP };
    return t->in != NULL && t->out.p != NULL ? OK : ERR_NOMEM;
}

static void talk_start(struct talk *t)
{
    MUST(uv_timer_init(&t->round->loop, &t->patience) == 0);
    t->patience.data = t;
    for (size_t i = 0; i < t->call->n_addresses; i++)
        address_start(t, &t->call->addresses[i], i);
    talk_next(t);
}

static enum err round_init(struct round *r, struct call *calls, size_t n)
{
    r->talks = calloc(n, sizeof *r->talks);
    r->body = calloc(1, PEER_BODY_MAX);
    r->rep = calloc(1, msg_struct_max());
    if (r->talks == NULL || r->body == NULL || r->rep == NULL)
        return ERR_NOMEM;
    r->n = n;
    for (size_t i = 0; i < n; i++)
        TRY(talk_init(&r->talks[i], &calls[i], r));
    return OK;
}

static void round_done(struct round *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->talks[i].in);
        free(r->talks[i].out.p);
    }
    if (r->rep != NULL)
        secret_wipe(r->rep, msg_struct_max());
    free(r->talks);
    free(r->body);
    free(r->rep);
}

static enum err round_run(struct round *r)
{
    if (uv_loop_init(&r->loop) != 0)
        return ERR_NOMEM;
    MUST(uv_timer_init(&r->loop, &r->deadline) == 0);
    MUST(uv_timer_start(&r->deadline, on_deadline, r->deadline_ms, 0) == 0);
    r->deadline.data = r;
    r->open = r->n;
    for (size_t i = 0; i < r->n; i++)
        talk_start(&r->talks[i]);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT); /* returns when nothing is open */
    MUST(uv_loop_close(&r->loop) == 0);
    return OK;
}

enum err call_round(struct call *calls, size_t n, uint32_t deadline_ms,
                    const struct rng *rng)
{
    MUST(n <= CALL_MAX);
    if (n == 0)
        return OK;
    struct round r = { .deadline_ms = deadline_ms, .rng = rng };
    enum err e = round_init(&r, calls, n);
    if (e == OK)
        e = round_run(&r);
    round_done(&r);
    return e;
}

void call_addresses(struct call *c, const struct roster_address *addresses, size_t n)
{
    for (size_t i = 0; i < n && c->n_addresses < ADDRESSES_MAX; i++) {
        if (address_get(addresses[i].at, &c->addresses[c->n_addresses]) == OK)
            c->n_addresses++;
    }
}

static const char *version_text(enum call_older older)
{
    if (older == OLDER_HERE)
        return "speaks a later version of Kith than this program: update kith here.";
    if (older == OLDER_NODE)
        return "speaks an older version of Kith than this program: ask for it to be "
               "updated there.";
    return "speaks another version of Kith than this program: the older of the two has "
           "to "
           "be updated.";
}

void call_sentence(const struct call *c, const char *who, char *out, size_t cap)
{
    const char *text = "did not answer. Is it switched on and connected?";
    if (c->err == ERR_TIMEOUT)
        text = "took too long to answer.";
    else if (c->err == ERR_CLOSED)
        text = "ended the conversation before its answer. Nothing is done twice: run the "
               "same command again.";
    else if (c->err == ERR_FORMAT)
        text = "answered something that is not understood.";
    else if (c->err == ERR_REFUSED && c->stage <= CALL_MET)
        text = "is not what answers at this address, or speaks a very different version "
               "of Kith.";
    else if (c->err == ERR_VERSION)
        text = version_text(c->older);
    else if (c->err == ERR_REFUSED && c->stage == CALL_KNOWN)
        text =
            "did not let us in: the link was used, has expired or is for someone else.";
    else if (c->err != ERR_UNREACHABLE) {
        (void)snprintf(out, cap, "%s says: %s", who, err_text(c->err));
        return;
    }
    (void)snprintf(out, cap, "%s %s", who, text);
}
