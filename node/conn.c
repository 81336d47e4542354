/* SPDX-License-Identifier: Apache-2.0 */
#include "node/conn_part.h"
#include "node/log.h"
#include "node/request.h"

static void conn_pump(struct conn *c);

/* ---- the end of a connection ---- */

static void conn_free(struct conn *c)
{
    if (!c->closed || c->job_runs)
        return;
    if (c->known)
        LOG(INFO, EV_CONN_ENDED, F_END);
    if (c->entered)
        door_leave(&c->loop->door, c->origin, c->known ? DOOR_KNOWN : DOOR_STRANGER);
    peer_end(&c->peer);
    if (c->big != NULL)
        secret_wipe(c->big, sizeof *c->big);
    free(c->big);
    c->big = NULL;
    secret_wipe(c->small_in, sizeof c->small_in);
    c->state = CONN_FREE;
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;

    c->closed = true;
    conn_free(c);
}

void conn_end(struct conn *c)
{
    if (c->state == CONN_FREE || c->state == CONN_ENDING)
        return;
    watch_leave(c);
    c->state = CONN_ENDING;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* ---- buffers ---- */

static struct span in_span(struct conn *c)
{
    return c->big != NULL ? SPAN_OF(c->big->in) : SPAN_OF(c->small_in);
}

static void in_consume(struct conn *c, size_t n)
{
    struct span in = in_span(c);

    MUST(n <= c->in_n);
    memmove(in.p, in.p + n, c->in_n - n);
    /* What was opened in place is plaintext. */
    secret_wipe(in.p + (c->in_n - n), n);
    c->in_n -= n;
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *out)
{
    struct conn *c = h->data;
    struct span in = in_span(c);

    (void)wanted;
    /* A full buffer offers nothing; libuv then reports UV_ENOBUFS and the peer is ended.
     */
    *out = uv_buf_init((char *)(in.p + c->in_n), (unsigned)(in.n - c->in_n));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *unused)
{
    struct conn *c = s->data;

    (void)unused;
    if (n < 0) {
        conn_end(c);
        return;
    }
    /* A stranger's step counts from its beginning, not from its first byte. */
    if (c->known && c->in_n == 0 && n > 0)
        c->since_ms = uv_now(&c->loop->uv);
    c->in_n += (size_t)n;
    conn_pump(c);
}

static void read_stop(struct conn *c)
{
    c->reading = false;
    (void)uv_read_stop((uv_stream_t *)&c->tcp); /* documented to always succeed */
}

void conn_read(struct conn *c)
{
    if (c->reading)
        return;
    c->reading = true;
    if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
        conn_end(c);
}

/* ---- writing: one thing at a time ---- */

static void on_written(uv_write_t *w, int status)
{
    struct conn *c = w->data;

    if (c->state != CONN_WRITING)
        return;
    if (status != 0 || c->last) {
        conn_end(c);
        return;
    }
    c->since_ms = uv_now(&c->loop->uv);
    c->state = CONN_READING;
    conn_pump(c);
}

void conn_write(struct conn *c, struct bytes out)
{
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)out.p, (unsigned)out.n);

    read_stop(c);
    c->state = CONN_WRITING;
    c->since_ms = uv_now(&c->loop->uv);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written) != 0)
        conn_end(c);
}

void conn_reply(struct conn *c)
{
    struct buf out = BUF_OF(c->big->out);

    in_consume(c, c->used);
    enum err e = peer_send(&c->peer, c->reply_kind, c->tag, buf_bytes(&c->reply), &out);
    secret_wipe(c->big->reply, c->reply.n);
    if (e != OK) {
        conn_end(c);
        return;
    }
    c->last = c->kind == MSG_BYE;
    conn_write(c, buf_bytes(&out));
}

/* ---- the store thread and back ---- */

static enum err job_serve(struct txn *t, void *arg)
{
    struct conn *c = arg;

    c->served = serve_handle(t, &c->who, &c->env, c->now, c->kind, c->body, &c->reply,
                             &c->reply_kind);
    return c->served;
}

static enum err job_bind(struct txn *t, void *arg)
{
    struct conn *c = arg;

    c->served = serve_bound(t, &c->who, &c->env, c->now);
    return c->served;
}

/* What a person should hear of is durable now. */
void conn_tell(struct loop *l, enum err result, const struct told *t)
{
    if (result == OK && t->n > 0 && l->tell != NULL)
        l->tell(l->tell_ctx, t);
}

/* On the store thread: hand over, wake the loop. */
static void job_done(void *arg, enum err result, enum store_outcome outcome)
{
    struct conn *c = arg;
    struct loop *l = c->loop;

    conn_tell(l, result, &c->told);
    c->result = result;
    c->outcome = outcome;
    (void)pthread_mutex_lock(&l->mutex); /* a plain mutex of ours: cannot fail */
    c->next_done = l->done;
    l->done = c;
    (void)pthread_mutex_unlock(&l->mutex);
    (void)uv_async_send(&l->woken); /* fails only when closing, and then nobody waits */
}

/* A release must not wait for room on the disk, nor must what makes room. */
static bool is_essential(uint16_t kind)
{
    return kind == MSG_FETCH || kind == MSG_CANCEL || kind == MSG_REFUSE ||
           kind == MSG_STOP || kind == MSG_FREEZE || kind == MSG_WARD_END ||
           kind == MSG_RETIRE || kind == MSG_EPOCH_ABORT || kind == MSG_MOVE ||
           kind == MSG_DROP_ACK || kind == MSG_DROP_CLOSE;
}

/* Nor may vaults fill a disk up to where nobody can ask for a piece. */
static enum store_need need_of(uint16_t kind)
{
    if (kind == MSG_VAULT_PUT || kind == MSG_HEAD_SET)
        return STORE_BULK;
    return is_essential(kind) ? STORE_ESSENTIAL : STORE_ORDINARY;
}

static void job_submit(struct conn *c, enum err (*fn)(struct txn *, void *))
{
    read_stop(c);
    c->state = CONN_STORE;
    c->job_runs = true;
    c->env = c->loop->env;
    c->told = (struct told){ 0 };
    c->env.told = &c->told;
    c->job = (struct store_job){
        .fn = fn, .done = job_done, .arg = c, .need = need_of(c->kind)
    };
    store_submit(c->loop->store, &c->job);
}

static enum msg_outcome outcome_of(enum store_outcome o)
{
    return o == STORE_UNKNOWN ? OUTCOME_UNKNOWN : OUTCOME_NOT_DONE;
}

static void conn_opened(struct conn *c)
{
    LOG(INFO, EV_CONN_OPENED, F_END);
    in_consume(c, c->used);
    c->state = CONN_READING;
    conn_pump(c);
}

static void job_finished(struct conn *c)
{
    c->job_runs = false;
    if (c->kind == MSG_CLOCK)
        loop_clock_confirmed(c->loop);
    if (c->state == CONN_ENDING) {
        conn_free(c);
        return;
    }
    if (c->job.fn == job_bind) {
        if (c->result == OK)
            conn_opened(c);
        else
            conn_end(c);
        return;
    }
    serve_log(&c->who, c->kind, c->result);
    /* Decided, but not durable: what the handler said must not be told. */
    if (c->served == OK && c->result != OK) {
        c->reply.n = 0;
        serve_failed(c->result, outcome_of(c->outcome), &c->reply, &c->reply_kind);
    }
    conn_reply(c);
}

void conn_jobs_finished(struct loop *l)
{
    (void)pthread_mutex_lock(&l->mutex);
    struct conn *c = l->done;
    l->done = NULL;
    (void)pthread_mutex_unlock(&l->mutex);
    while (c != NULL) {
        struct conn *next = c->next_done;

        job_finished(c);
        c = next;
    }
}

void conn_woken(uv_async_t *a)
{
    conn_jobs_finished(a->data);
    watch_look(a->data);
}

/* ---- one message ---- */

static enum err read_serve(struct txn *t, void *arg)
{
    return job_serve(t, arg);
}

struct bucket *conn_rate(struct rate *rates, size_t n, const uint8_t *cred)
{
    struct rate *oldest = &rates[0];

    for (size_t i = 0; i < n; i++) {
        struct rate *r = &rates[i];

        if (bytes_equal(BYTES_OF(r->cred), bytes_of(cred, ID_BYTES)))
            return &r->bucket;
        oldest = r->bucket.at_ms < oldest->bucket.at_ms ? r : oldest;
    }
    *oldest = (struct rate){ 0 };
    memcpy(oldest->cred, cred, ID_BYTES);
    return &oldest->bucket;
}

/* A vault is moved in many messages, which leave room for all others. */
static bool comes_in_numbers(uint16_t kind)
{
    return kind == MSG_VAULT_HAVE || kind == MSG_VAULT_PUT || kind == MSG_VAULT_GET;
}

/* A question about many objects counts as many: 64 at a time, or 8 if it reads them. */
static uint64_t further(const struct conn *c)
{
    if (c->kind == MSG_CHECK)
        return c->body.n / (8 * VAULT_ID);
    return c->kind == MSG_VAULT_HAVE ? c->body.n / (64 * VAULT_ID) : 0;
}

static bool within_rate(struct conn *c)
{
    const struct limits *lim = c->loop->env.limits;
    bool many = comes_in_numbers(c->kind);
    struct rate *rates = many ? c->loop->vault_rates : c->loop->rates;
    struct bucket *b = conn_rate(rates, RATES, c->who.cred);
    uint64_t rate = many ? lim->vault_rate : lim->cred_rate;
    uint64_t burst = many ? lim->vault_burst : lim->cred_burst;
    uint64_t now = uv_now(&c->loop->uv);

    if (bucket_take(b, rate, burst, now)) {
        bucket_charge(b, further(c));
        return true;
    }
    uint64_t wait = bucket_wait(b, rate, burst, now);
    c->reply_kind = MSG_ERROR;
    msg_put_error(ERR_BUSY, (uint32_t)wait, OUTCOME_NOT_DONE, &c->reply);
    return false;
}

/* The earliest time that a write in hand was asked at; 0: there is none. */
static uint64_t settled(struct loop *l)
{
    (void)pthread_mutex_lock(&l->mutex);
    uint64_t at = l->sweeping ? l->sweep_now : UINT64_MAX;
    (void)pthread_mutex_unlock(&l->mutex);

    for (size_t i = 0; i < l->n_conns; i++)
        if (l->conns[i].job_runs && l->conns[i].now < at)
            at = l->conns[i].now;
    return at == UINT64_MAX ? 0 : at;
}

void conn_serve(struct conn *c)
{
    c->now = loop_now(c->loop);
    c->env = c->loop->env;
    c->env.settled = settled(c->loop);
    c->served = OK;
    enum err e = store_read(c->loop->store, read_serve, c);
    serve_log(&c->who, c->kind, e);
    /* A transaction that could not begin has no words of its own. */
    if (e != OK && c->served == OK)
        serve_failed(e, OUTCOME_NOT_DONE, &c->reply, &c->reply_kind);
    conn_reply(c);
}

static void conn_message(struct conn *c, const struct peer_event *ev, size_t used)
{
    enum msg_access access = MSG_READ;

    c->kind = ev->kind;
    c->tag = ev->tag;
    c->body = ev->body;
    c->used = used;
    c->now = loop_now(c->loop);
    c->reply = (struct buf){ .p = c->big->reply, .cap = PEER_BODY_MAX };
    if (!within_rate(c)) {
        conn_reply(c);
        return;
    }
    if (serve_access(c->kind, &access) == OK && access == MSG_WRITE) {
        job_submit(c, job_serve);
        return;
    }
    if (c->kind != MSG_DROP_WATCH || !conn_watch(c))
        conn_serve(c);
}

/* ---- the handshake ---- */

/* Addresses do not count on loopback: one credential must not take every place. */
static void make_room(struct loop *l, const struct conn *newest)
{
    struct conn *silent = NULL;
    uint64_t n = 0;

    for (size_t i = 0; i < l->n_conns; i++) {
        struct conn *c = &l->conns[i];

        if (c == newest || c->state == CONN_FREE || c->state == CONN_ENDING ||
            !c->known || !id_equal(c->who.cred, newest->who.cred))
            continue;
        n++;
        silent = silent == NULL || c->since_ms < silent->since_ms ? c : silent;
    }
    if (silent != NULL && n >= l->env.limits->cred_conns)
        conn_end(silent);
}

/* Open: from here on there is room for whole frames. */
static void conn_ready(struct conn *c, size_t used)
{
    struct conn_big *big = calloc(1, sizeof *big);

    if (big == NULL) {
        conn_end(c);
        return;
    }
    memcpy(big->in, c->small_in, c->in_n);
    secret_wipe(c->small_in, sizeof c->small_in);
    c->big = big;
    c->used = used;
    c->known = true;
    door_known(&c->loop->door);
    make_room(c->loop, c);
    memcpy(c->who.handshake, c->peer.hash, sizeof c->who.handshake);
    c->kind = 0;
    c->now = loop_now(c->loop);
    if (c->who.unbound)
        job_submit(c, job_bind);
    else
        conn_opened(c);
}

/* A handshake is about to begin, and would live in what handlers need. */
static bool no_secret_room(const struct conn *c)
{
    return !c->known && c->peer.noise == NULL &&
           secret_in_use() > SECRET_ARENA - SECRET_WORK;
}

/* Takes one step; false when there is nothing more to do now. */
static bool conn_step(struct conn *c)
{
    struct span in = in_span(c);
    struct buf out = BUF_OF(c->small_out);
    struct peer_event ev = { 0 };
    size_t used = 0;

    if (no_secret_room(c)) {
        LOG(INFO, EV_CONN_REFUSED, F_END);
        conn_end(c);
        return false;
    }
    enum err e = peer_feed(&c->peer, (struct span){ in.p, c->in_n }, &used, &out, &ev);
    if (e != OK) {
        if (!c->known && c->peer.role != 0)
            LOG(INFO, EV_CONN_STRANGER, F_END);
        conn_end(c);
        return false;
    }
    switch (ev.what) {
    case PEER_NEED_MORE:
        if (ev.wanted > in.n)
            conn_end(c);
        else
            conn_read(c);
        return false;
    case PEER_READY:
        conn_ready(c, used);
        return false;
    case PEER_FRAME:
        conn_message(c, &ev, used);
        return false;
    case PEER_WHO:
        in_consume(c, used);
        if (conn_who(c) == OK)
            return true;
        conn_end(c);
        return false;
    case PEER_SPOKEN:
        in_consume(c, used);
        conn_spoken(c);
        return false;
    case PEER_ANSWER: /* a client's */
        conn_end(c);
        return false;
    case PEER_STEP:
        break;
    }
    in_consume(c, used);
    c->since_ms = uv_now(&c->loop->uv);
    if (out.n == 0)
        return true;
    conn_write(c, buf_bytes(&out));
    return false;
}

static void conn_pump(struct conn *c)
{
    while (c->state == CONN_READING && conn_step(c))
        ;
}

/* ---- beginning ---- */

static struct conn *conn_slot(struct loop *l)
{
    for (size_t i = 0; i < l->n_conns; i++)
        if (l->conns[i].state == CONN_FREE)
            return &l->conns[i];
    return NULL;
}

static enum err origin_here(const uv_tcp_t *tcp, struct origin *out)
{
    struct sockaddr_storage from = { 0 };
    int n = (int)sizeof from;

    if (uv_tcp_getpeername(tcp, (struct sockaddr *)&from, &n) != 0)
        return ERR_CLOSED;
    *out = origin_of((const struct sockaddr *)&from);
    return OK;
}

/* A connection nobody serves: accepted and closed, so that it leaves the queue. */
static void on_turned_away(uv_handle_t *h)
{
    free(h);
}

static void turn_away(struct loop *l)
{
    uv_tcp_t *tcp = calloc(1, sizeof *tcp);

    if (tcp == NULL || uv_tcp_init(&l->uv, tcp) != 0) {
        free(tcp);
        return;
    }
    LOG(INFO, EV_CONN_REFUSED, F_END);
    (void)uv_accept((uv_stream_t *)&l->listener, (uv_stream_t *)tcp);
    uv_close((uv_handle_t *)tcp, on_turned_away);
}

void conn_begin(uv_stream_t *s, int status)
{
    struct loop *l = s->data;
    struct conn *c = status == 0 ? conn_slot(l) : NULL;

    if (status != 0)
        return;
    if (c == NULL) {
        turn_away(l);
        return;
    }
    *c = (struct conn){ .loop = l, .state = CONN_READING };
    if (uv_tcp_init(&l->uv, &c->tcp) != 0) {
        c->state = CONN_FREE;
        return;
    }
    c->tcp.data = c;
    c->born_ms = uv_now(&l->uv);
    c->since_ms = c->born_ms;
    if (uv_accept(s, (uv_stream_t *)&c->tcp) != 0 ||
        origin_here(&c->tcp, &c->origin) != OK) {
        conn_end(c);
        return;
    }
    if (door_enter(&l->door, l->env.limits, c->origin, c->born_ms, l->env.rng) != OK) {
        LOG(INFO, EV_CONN_REFUSED, F_END);
        conn_end(c);
        return;
    }
    c->entered = true;
    (void)uv_tcp_nodelay(&c->tcp, 1); /* only slower without */
    peer_accept(&c->peer, &l->env.id->node, l->env.id->node_pub, l->env.rng);
    conn_read(c);
}
