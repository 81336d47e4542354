/* SPDX-License-Identifier: Apache-2.0 */
/* The loop that connections live in: its time, its deadlines, its beginning and end. */
#include "node/conn_part.h"
#include "node/log.h"

/* ---- time ---- */

static struct clock_look look_now(const struct loop *l)
{
    struct clock_look look = l->look();

    memcpy(look.boot, l->boot, ID_BYTES);
    return look;
}

/* What froze it, or let it run, is made durable at once. */
static void clock_changed(struct loop *l, enum clock_state before)
{
    enum clock_state after = clock_state(&l->time.clock);

    if (before == after)
        return;
    if (after == CLOCK_FROZEN)
        LOG(WARN, EV_CLOCK_FROZEN, F_END);
    else
        LOG(NOTICE, EV_CLOCK_RUNS, F_END);
    l->sweep_at_ms = 0;
}

uint64_t loop_now(struct loop *l)
{
    enum clock_state before = clock_state(&l->time.clock);
    uint64_t now = time_now(&l->time, look_now(l), &l->env);

    clock_changed(l, before);
    return now;
}

/* A node often starts before its machine has the time from the network. */
void loop_ask_kernel(struct loop *l)
{
    enum clock_state before = clock_state(&l->time.clock);

    if (l->time.clock.why != CLOCK_UNSYNCED || l->sync == NULL ||
        l->sync() != CLOCK_SYNCHRONISED)
        return;
    clock_synchronised(&l->time.clock, look_now(l));
    clock_changed(l, before);
}

void loop_clock_confirmed(struct loop *l)
{
    uint32_t turn = l->time.turn;

    if (time_follow(&l->time, l->store, look_now(l)) != OK || l->time.turn == turn)
        return;
    LOG(NOTICE, EV_CLOCK_CONFIRMED, F_END);
    l->sweep_at_ms = 0;
}

/* ---- deadlines ---- */

static bool conn_late(const struct conn *c, const struct limits *lim, uint64_t now)
{
    uint64_t waited = now - c->since_ms;

    if (c->state != CONN_READING && c->state != CONN_WRITING)
        return false;
    if (now - c->born_ms > lim->age_ms)
        return true;
    if (!c->known)
        return waited > lim->step_ms;
    return waited >
           (c->in_n > 0 || c->state == CONN_WRITING ? lim->frame_ms : lim->idle_ms);
}

static void loop_close_all(struct loop *l)
{
    for (size_t i = 0; i < l->n_conns; i++)
        conn_end(&l->conns[i]);
}

static bool loop_idle(const struct loop *l)
{
    for (size_t i = 0; i < l->n_conns; i++)
        if (l->conns[i].state == CONN_STORE || l->conns[i].state == CONN_WRITING)
            return false;
    return true;
}

static void on_beat(uv_timer_t *t)
{
    struct loop *l = t->data;
    uint64_t now = uv_now(&l->uv);

    for (size_t i = 0; i < l->n_conns; i++)
        if (conn_late(&l->conns[i], l->env.limits, now))
            conn_end(&l->conns[i]);
    watch_over(l, now);
    if (l->draining) {
        if (loop_idle(l) || now > l->drain_until_ms)
            uv_stop(&l->uv);
        return;
    }
    sweep_over(l, now);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct loop *l = s->data;

    (void)number;
    if (l->draining)
        return;
    LOG(INFO, EV_NODE_DRAINING, F_END);
    l->draining = true;
    l->drain_until_ms = uv_now(&l->uv) + l->env.limits->drain_ms;
    uv_close((uv_handle_t *)&l->listener, NULL);
    watch_over(l, uv_now(&l->uv));
}

/* ---- life ---- */

static enum err sockaddr_of(const struct address *a, struct sockaddr_storage *out)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

    *out = (struct sockaddr_storage){ 0 };
    if (a->kind == ADDRESS_IP4) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(a->port);
        memcpy(&in4->sin_addr, a->host, 4);
        return OK;
    }
    if (a->kind != ADDRESS_IP6)
        return ERR_ARG;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    memcpy(&in6->sin6_addr, a->host, 16);
    return OK;
}

static enum err port_of(const uv_tcp_t *tcp, uint16_t *out_port)
{
    struct sockaddr_storage at = { 0 };
    int n = (int)sizeof at;

    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&at, &n) != 0)
        return ERR_IO;
    /* The port stands at one place in both forms. */
    *out_port = ntohs(((const struct sockaddr_in *)&at)->sin_port);
    return OK;
}

enum err loop_bind(struct loop *l, const struct address *at, struct address *out_bound)
{
    struct sockaddr_storage sa = { 0 };
    uint16_t port = 0;

    TRY(sockaddr_of(at, &sa));
    l->n_conns = (size_t)l->env.limits->conns;
    l->conns = calloc(l->n_conns, sizeof *l->conns);
    if (l->conns == NULL || pthread_mutex_init(&l->mutex, NULL) != 0)
        return ERR_NOMEM;
    if (uv_loop_init(&l->uv) != 0)
        return ERR_NOMEM;
    l->uv.data = l;
    if (uv_tcp_init(&l->uv, &l->listener) != 0 ||
        uv_async_init(&l->uv, &l->woken, conn_woken) != 0 ||
        uv_timer_init(&l->uv, &l->beat) != 0 || uv_signal_init(&l->uv, &l->term) != 0 ||
        uv_signal_init(&l->uv, &l->intr) != 0)
        return ERR_NOMEM;
    l->listener.data = l;
    l->woken.data = l;
    l->beat.data = l;
    l->term.data = l;
    l->intr.data = l;
    if (uv_tcp_bind(&l->listener, (const struct sockaddr *)&sa, 0) != 0)
        return ERR_IO;
    TRY(port_of(&l->listener, &port));
    /* libuv keeps "in use" to itself until listening; without a port it is not bound. */
    if (port == 0)
        return ERR_IO;
    *out_bound = *at;
    out_bound->port = port;
    return OK;
}

enum err loop_listen(struct loop *l)
{
    /* Before anybody is told that the node listens: a signal then is drained for. */
    if (uv_signal_start(&l->term, on_signal, SIGTERM) != 0 ||
        uv_signal_start(&l->intr, on_signal, SIGINT) != 0)
        return ERR_IO;
    return uv_listen((uv_stream_t *)&l->listener, 128, conn_begin) == 0 ? OK : ERR_IO;
}

enum err loop_run(struct loop *l)
{
    if (uv_timer_start(&l->beat, on_beat, BEAT_MS, BEAT_MS) != 0)
        return ERR_IO;
    (void)uv_run(&l->uv, UV_RUN_DEFAULT); /* how many handles are left; loop_done's */
    return OK;
}

static void close_any(uv_handle_t *h, void *unused)
{
    (void)unused;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

void loop_done(struct loop *l)
{
    if (l->conns == NULL)
        return;
    loop_close_all(l);
    /* Jobs still running hold their connections: the store thread ends first. */
    store_stop(l->store);
    conn_jobs_finished(l);
    if (l->uv.data != NULL) {
        uv_walk(&l->uv, close_any, NULL);
        (void)uv_run(&l->uv, UV_RUN_DEFAULT); /* close callbacks only */
        int left = uv_loop_close(&l->uv);
        MUST(left == 0);
    }
    free(l->conns);
    l->conns = NULL;
    (void)pthread_mutex_destroy(&l->mutex);
}
