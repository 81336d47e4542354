/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/node_sim.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH = 512 };

/* ---- chance ---- */

void sim_rng_fill(void *ctx, uint8_t *out, size_t n)
{
    struct sim_rng *r = ctx;
    uint8_t block[64];

    while (n > 0) {
        uint8_t where[16];
        size_t take = n < sizeof block ? n : sizeof block;

        store_u64(where, r->seed);
        store_u64(where + 8, r->count++);
        crypt_blake2b_512(PARTS(BYTES_OF(where)), block);
        memcpy(out, block, take);
        out += take;
        n -= take;
    }
}

struct rng sim_rng_of(struct sim_rng *r)
{
    return (struct rng){ .fill = sim_rng_fill, .ctx = r };
}

/* ---- life of the node ---- */

static void store_up(struct node_sim *n)
{
    struct store_refusal why = { 0 };
    enum err e = store_open(n->dir, &n->rng, &n->store, &why);

    if (e != OK)
        (void)fprintf(stderr, "%s: %s\n", err_name(e), why.text);
    MUST(e == OK);
    n->env.id = store_identity(n->store);
}

void node_sim_open(struct node_sim *n, uint64_t seed)
{
    *n = (struct node_sim){ .now = SIM_START, .chance = { .seed = seed } };
    /* Memory where there is some: the tests are about what is written, not how fast. */
    (void)snprintf(n->dir, sizeof n->dir, "/dev/shm/kith-sim-XXXXXX"); /* fits */
    if (mkdtemp(n->dir) == NULL) {
        (void)snprintf(n->dir, sizeof n->dir, "/tmp/kith-sim-XXXXXX"); /* fits */
        MUST(mkdtemp(n->dir) != NULL);
    }
    limits_default(&n->limits);
    n->rng = sim_rng_of(&n->chance);
    n->env = (struct node_env){ .limits = &n->limits, .rng = &n->rng, .n_addresses = 1 };
    MUST(address_parse(bytes_text("127.0.0.1:7844"), &n->env.addresses[0]) == OK);
    store_up(n);
}

void node_sim_again(struct node_sim *n)
{
    store_close(n->store);
    store_up(n);
}

static void remove_dir(const char *dir)
{
    DIR *d = opendir(dir);
    char path[PATH];

    MUST(d != NULL);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        MUST(snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < PATH);
        if (e->d_type == DT_DIR)
            remove_dir(path);
        else
            MUST(unlink(path) == 0);
    }
    MUST(closedir(d) == 0 && rmdir(dir) == 0);
}

void node_sim_close(struct node_sim *n)
{
    store_close(n->store);
    n->store = NULL;
    remove_dir(n->dir);
}

/* ---- one write or read ---- */

struct link_job {
    struct node_sim *node;
    const struct credential *cred;
};

static enum err put_link(struct txn *t, void *arg)
{
    struct link_job *j = arg;

    return serve_operator_link(t, &j->node->env, j->node->now, j->cred);
}

void node_sim_operator(struct node_sim *n, struct bytes token)
{
    struct credential cred = { 0 };
    struct link_job job = { .node = n, .cred = &cred };

    ident_credential(token, &cred);
    MUST(store_write(n->store, put_link, &job) == OK);
}

struct write_job {
    struct node_sim *node;
    const struct session *who;
    enum err (*fn)(struct call *c, void *arg);
    void *arg;
};

static enum err run_write(struct txn *t, void *arg)
{
    struct write_job *j = arg;
    AUTO_FREE uint8_t *mem = calloc(1, SCRATCH_BYTES);
    struct call c = { .txn = t,
                      .who = j->who,
                      .env = &j->node->env,
                      .now = j->node->now,
                      .mem = { .p = mem, .cap = SCRATCH_BYTES } };

    MUST(mem != NULL);
    return j->fn(&c, j->arg);
}

enum err node_sim_write(struct node_sim *n, const struct session *who,
                        enum err (*fn)(struct call *c, void *arg), void *arg)
{
    struct write_job job = { n, who, fn, arg };

    return store_write(n->store, run_write, &job);
}

struct serve_job {
    struct node_sim *node;
    const struct session *who;
    uint16_t kind;
    struct bytes body;
    struct buf *out;
    uint16_t *out_kind;
};

static enum err run_serve(struct txn *t, void *arg)
{
    struct serve_job *j = arg;

    return serve_handle(t, j->who, &j->node->env, j->node->now, j->kind, j->body, j->out,
                        j->out_kind);
}

static bool dies(struct node_sim *n, bool before)
{
    n->dead = n->dead || (n->dies != NULL && n->dies(n->dies_ctx, before));
    return n->dead;
}

enum err node_sim_commit(struct node_sim *n, enum err (*fn)(struct txn *t, void *arg),
                         void *arg)
{
    if (dies(n, true))
        return ERR_CLOSED;
    enum err e = store_write(n->store, fn, arg);

    return dies(n, false) ? ERR_CLOSED : e;
}

/* As node/conn does: writes through the store's jobs, all else in a read. */
static enum err serve_one(struct node_sim *n, const struct session *who, uint16_t kind,
                          struct bytes body, struct buf *out, uint16_t *out_kind)
{
    struct serve_job job = { n, who, kind, body, out, out_kind };
    enum msg_access access = MSG_READ;

    if (serve_access(kind, &access) == OK && access == MSG_WRITE)
        return node_sim_commit(n, run_serve, &job);
    return store_read(n->store, run_serve, &job);
}

enum err node_sim_raw(struct node_sim *n, const struct session *who, uint16_t kind,
                      struct bytes body, uint16_t *out_kind, struct bytes *out_body)
{
    struct buf out = BUF_OF(n->reply);
    enum err e = serve_one(n, who, kind, body, &out, out_kind);

    *out_body = buf_bytes(&out);
    return e;
}

enum err node_sim_ask(struct node_sim *n, const struct session *who, uint16_t kind,
                      const void *req, void *out_rep)
{
    const struct msg_row *row = msg_find(kind);
    AUTO_FREE uint8_t *mem = calloc(1, 65536);
    struct buf body = { .p = mem, .cap = 65536 };
    struct bytes reply = { 0 };
    uint16_t got = 0;

    MUST(row != NULL && mem != NULL && msg_put_req(row, req, &body) == OK);
    TRY(node_sim_raw(n, who, kind, buf_bytes(&body), &got, &reply));
    MUST(got == (kind | MSG_REPLY));
    if (out_rep != NULL)
        MUST(msg_get_rep(row, reply, out_rep) == OK);
    return OK;
}

/* ---- who comes in ---- */

void sim_login_new(struct sim_login *l, enum role role, const struct rng *rng)
{
    *l = (struct sim_login){ .role = role };
    rng_fill(rng, l->key.b, sizeof l->key.b);
    rng_fill(rng, l->psk.b, sizeof l->psk.b);
    crypt_dh_public(&l->key, l->pub);
}

void sim_login_token(struct sim_login *l, enum role role, struct bytes token)
{
    struct credential cred = { 0 };

    ident_credential(token, &cred);
    l->role = role;
    memcpy(l->id, cred.id, ID_BYTES);
    l->psk = cred.psk;
}

void sim_handshake(const uint8_t pub[PUB_BYTES], uint8_t out[64])
{
    crypt_blake2b_512(PARTS(bytes_text("handshake"), bytes_of(pub, PUB_BYTES)), out);
}

struct look_job {
    struct node_sim *node;
    enum role role;
    const uint8_t *id;
    const uint8_t *stat;
    struct session *who;
    struct psk *psk;
};

static enum err run_look(struct txn *t, void *arg)
{
    struct look_job *j = arg;

    return serve_credential(t, &j->node->env, j->node->now, j->role, j->id, j->stat,
                            j->who, j->psk);
}

static enum err run_bound(struct txn *t, void *arg)
{
    struct look_job *j = arg;

    return serve_bound(t, j->who, &j->node->env, j->node->now);
}

enum err node_sim_login(struct node_sim *n, const struct sim_login *l,
                        struct session *out)
{
    AUTO_SECRET struct psk *psk = NULL;
    struct session who = { 0 };
    struct look_job job = { n, l->role, l->id, l->pub, &who, NULL };

    TRY(secret_new(&psk));
    job.psk = psk;
    TRY(store_read(n->store, run_look, &job));
    if (!secret_equal(psk, &l->psk, sizeof *psk))
        return ERR_AUTH;
    if (who.unbound)
        TRY(store_write(n->store, run_bound, &job));
    sim_handshake(l->pub, who.handshake);
    *out = who;
    return OK;
}

/* ---- the node's end of a conversation ---- */

void talk_accept(struct talk_end *t, struct node_sim *n)
{
    t->node = n;
    t->in_n = 0;
    t->who = (struct session){ 0 };
    peer_accept(&t->peer, &n->env.id->node, n->env.id->node_pub, &n->rng);
}

void talk_close(struct talk_end *t)
{
    peer_end(&t->peer);
    t->in_n = 0;
}

static enum err end_who(struct talk_end *t)
{
    AUTO_SECRET struct psk *psk = NULL;
    struct look_job job = { t->node,    (enum role)t->peer.role,
                            t->peer.id, t->peer.remote,
                            &t->who,    NULL };

    TRY(secret_new(&psk));
    job.psk = psk;
    enum err e = store_read(t->node->store, run_look, &job);

    return peer_set_psk(&t->peer, e == OK ? psk : NULL);
}

static enum err end_ready(struct talk_end *t)
{
    struct look_job job = { .node = t->node, .who = &t->who };

    memcpy(t->who.handshake, t->peer.hash, sizeof t->who.handshake);
    return t->who.unbound ? node_sim_commit(t->node, run_bound, &job) : OK;
}

static enum err end_frame(struct talk_end *t, const struct peer_event *ev,
                          struct buf *out)
{
    struct buf reply = BUF_OF(t->node->reply);
    uint16_t kind = 0;
    /* Its words to the peer are in the reply. */
    enum err e = serve_one(t->node, &t->who, ev->kind, ev->body, &reply, &kind);

    (void)e;
    if (t->node->dead)
        return ERR_CLOSED;
    if (t->node->tap != NULL) {
        t->node->tap(ev->body);
        t->node->tap(buf_bytes(&reply));
    }
    TRY(peer_send(&t->peer, kind, ev->tag, buf_bytes(&reply), out));
    return ev->kind == MSG_BYE ? ERR_CLOSED : OK;
}

static enum err end_event(struct talk_end *t, const struct peer_event *ev,
                          struct buf *out)
{
    switch (ev->what) {
    case PEER_WHO:
        return end_who(t);
    case PEER_READY:
        return end_ready(t);
    case PEER_FRAME:
        return end_frame(t, ev, out);
    case PEER_SPOKEN: /* nobody here has a code */
    case PEER_ANSWER:
        return ERR_AUTH;
    case PEER_NEED_MORE:
    case PEER_STEP:
        break;
    }
    return OK;
}

static enum err end_steps(struct talk_end *t, struct buf *out)
{
    struct peer_event ev = { 0 };

    do {
        size_t used = 0;

        TRY(peer_feed(&t->peer, (struct span){ t->in, t->in_n }, &used, out, &ev));
        TRY(end_event(t, &ev, out));
        t->in_n -= used;
        memmove(t->in, t->in + used, t->in_n);
    } while (ev.what != PEER_NEED_MORE);
    return OK;
}

enum err talk_feed(struct talk_end *t, struct bytes in, struct buf *out)
{
    MUST(in.n <= sizeof t->in - t->in_n);
    memcpy(t->in + t->in_n, in.p, in.n);
    t->in_n += in.n;
    t->node->bytes_in += in.n;
    enum err e = end_steps(t, out);

    if (e != OK)
        talk_close(t);
    return e;
}

/* ---- both ends ---- */

/* Everything the client has said goes over, everything the node says comes back. */
static enum err carry(struct talk *t, struct buf *out)
{
    struct buf back = { .p = t->in + t->in_n, .cap = sizeof t->in - t->in_n };
    enum err e = talk_feed(&t->node, buf_bytes(out), &back);

    t->in_n += back.n;
    out->n = 0;
    return e == OK || back.n > 0 ? OK : ERR_CLOSED;
}

static enum err client_step(struct talk *t, struct buf *out, struct peer_event *ev,
                            size_t *out_used)
{
    return peer_feed(&t->peer, (struct span){ t->in, t->in_n }, out_used, out, ev);
}

static void client_used(struct talk *t, size_t used)
{
    t->in_n -= used;
    memmove(t->in, t->in + used, t->in_n);
}

enum err talk_open(struct talk *t, struct node_sim *n, const struct sim_login *l)
{
    struct buf out = BUF_OF(t->out);
    struct peer_event ev = { 0 };
    struct peer_login login = { .node = n->env.id->node_pub,
                                .key = &l->key,
                                .pub = l->pub,
                                .psk = &l->psk,
                                .id = l->id,
                                .role = (uint8_t)l->role };

    t->in_n = 0;
    talk_accept(&t->node, n);
    TRY(peer_start(&t->peer, &login, &n->rng, &out));
    while (ev.what != PEER_READY) {
        size_t used = 0;

        if (out.n > 0)
            TRY(carry(t, &out));
        TRY(client_step(t, &out, &ev, &used));
        client_used(t, used);
        if (ev.what == PEER_NEED_MORE && out.n == 0)
            return ERR_CLOSED;
    }
    return out.n > 0 ? carry(t, &out) : OK;
}

enum err talk_ask(struct talk *t, uint16_t kind, const void *req, void *out_rep)
{
    const struct msg_row *row = msg_find(kind);
    struct buf out = BUF_OF(t->out);
    AUTO_FREE uint8_t *mem = calloc(1, PEER_BODY_MAX);
    struct buf body = { .p = mem, .cap = PEER_BODY_MAX };
    struct peer_event ev = { 0 };
    struct rep_error error = { 0 };
    size_t used = 0;

    MUST(row != NULL && mem != NULL && msg_put_req(row, req, &body) == OK);
    TRY(peer_send(&t->peer, kind, 1, buf_bytes(&body), &out));
    TRY(carry(t, &out));
    TRY(client_step(t, &out, &ev, &used));
    if (ev.what != PEER_FRAME)
        return ERR_CLOSED;
    enum err e = OK;

    if (ev.kind == MSG_ERROR) {
        MUST(wire_get(&rep_error_schema, ev.body, &error) == OK);
        e = err_from_wire(error.code);
    } else if (out_rep != NULL) {
        /* Slices of the reply must outlive the next frame's place in the buffer. */
        MUST(ev.body.n <= sizeof t->node.node->reply);
        memcpy(t->node.node->reply, ev.body.p, ev.body.n);
        e = msg_get_rep(row, bytes_of(t->node.node->reply, ev.body.n), out_rep);
    }
    client_used(t, used);
    return e;
}

void talk_end(struct talk *t)
{
    peer_end(&t->peer);
    talk_close(&t->node);
    t->in_n = 0;
}
