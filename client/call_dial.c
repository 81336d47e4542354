/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdio.h>

#include "client/call_part.h"

void dial_close(struct dial *d)
{
    if (d->state == DIAL_UNUSED || d->state == DIAL_CLOSED)
        return;
    d->state = DIAL_CLOSED;
    uv_close((uv_handle_t *)&d->tcp, NULL);
}

/* What it means that the node closed, by how far we were. */
static enum err lost(const struct talk *t)
{
    return t->state == TALK_OPEN ? ERR_CLOSED : ERR_REFUSED;
}

/* The connection in use broke, or cannot be used. */
void dial_failed(struct talk *t, enum err e)
{
    dial_close(t->active);
    if (t->state == TALK_LEAVING) {
        talk_over(t);
        return;
    }
    if (t->state != TALK_SHAKING) {
        talk_ended(t, e);
        return;
    }
    talk_shaken(t);
    t->state = TALK_REACHING;
    t->call->err = e;
    peer_end(&t->peer);
    t->active = NULL;
    t->in_n = 0;
    t->out.n = 0;
    t->handed = 0;
    dial_next(t);
}

static void on_written(uv_write_t *w, int status);

void dial_flush(struct talk *t)
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
        dial_flush(t);
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
    if (n < 0 || !talk_listens(t)) {
        dial_failed(t, lost(t));
        dial_wake(t->round);
        return;
    }
    t->in_n += (size_t)n;
    talk_got(t);
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
    talk_patience(t, patience);
    return OK;
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
        dial_flush(t);
}

/* Goes on with another connection, waits for one, or gives up. */
void dial_next(struct talk *t)
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
void dial_wake(struct round *r)
{
    for (size_t i = 0; i < r->n && r->shaking < SHAKES; i++)
        dial_next(&r->talks[i]);
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
    dial_next(t);
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
    dial_next(t);
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

void dial_address(struct talk *t, const struct address *a, size_t index)
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
