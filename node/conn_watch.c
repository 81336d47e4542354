/* SPDX-License-Identifier: Apache-2.0 */
#include "node/conn_part.h"

struct asked {
    struct conn *conn;
    bool ready;
};

static enum err read_asked(struct txn *t, void *arg)
{
    struct asked *a = arg;
    struct conn *c = a->conn;

    return serve_watch(t, &c->who, &c->loop->env, c->now, c->body, &c->watch, &a->ready);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How long it may wait: as asked, as allowed, and within the life of its connection. */
static uint64_t wait_ms(const struct conn *c, uint64_t now_ms)
{
    const struct limits *lim = c->loop->env.limits;
    uint64_t age = now_ms - c->born_ms;
    uint64_t left = age < lim->age_ms ? lim->age_ms - age : 0;

    return least(least((uint64_t)c->watch.wait_s * 1000, lim->watch_ms), left);
}

bool conn_watch(struct conn *c)
{
    struct loop *l = c->loop;
    struct asked a = { .conn = c };
    uint64_t now_ms = uv_now(&l->uv);

    if (l->draining || store_read(l->store, read_asked, &a) != OK || a.ready ||
        wait_ms(c, now_ms) == 0)
        return false;
    if (l->watches >= l->env.limits->watches) {
        serve_failed(ERR_BUSY, OUTCOME_NOT_DONE, &c->reply, &c->reply_kind);
        conn_reply(c);
        return true;
    }
    l->watches++;
    c->state = CONN_WAITING;
    c->news = false;
    c->since_ms = now_ms;
    c->watch_until_ms = now_ms + wait_ms(c, now_ms);
    conn_read(c); /* so that it is seen when the client goes */
    return true;
}

void watch_leave(struct conn *c)
{
    if (c->state != CONN_WAITING)
        return;
    MUST(c->loop->watches > 0);
    c->loop->watches--;
    c->state = CONN_READING;
}

static enum err read_news(struct txn *t, void *arg)
{
    struct loop *l = arg;

    for (size_t i = 0; i < l->n_conns; i++) {
        struct conn *c = &l->conns[i];

        if (c->state == CONN_WAITING)
            c->news = serve_watch_ready(t, &l->env, &c->watch);
    }
    return OK;
}

static void answer(struct conn *c)
{
    watch_leave(c);
    conn_serve(c);
}

void watch_look(struct loop *l)
{
    if (l->watches == 0 || store_read(l->store, read_news, l) != OK)
        return; /* what cannot be read now is served when its time is over */
    for (size_t i = 0; i < l->n_conns; i++)
        if (l->conns[i].state == CONN_WAITING && l->conns[i].news)
            answer(&l->conns[i]);
}

void watch_over(struct loop *l, uint64_t now_ms)
{
    for (size_t i = 0; i < l->n_conns && l->watches > 0; i++)
        if (l->conns[i].state == CONN_WAITING &&
            (l->draining || now_ms >= l->conns[i].watch_until_ms))
            answer(&l->conns[i]);
}
