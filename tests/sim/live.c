/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/live.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/sim/cast.h"

enum { INVITES = 16, PATIENCE_S = 10, READ_MAX = 4096 };

struct live {
    pthread_t thread;
    int listener;
    uint16_t port;
    pthread_mutex_t mutex; /* of everything below */
    bool over;
    unsigned cut; /* 0: none */
    struct node_sim node;
    struct sim_guardian guardian;
    struct talk_end end;
    struct sim_owner owners[INVITES]; /* invite and approval key of each */
    size_t n_owners;
    uint8_t out[2 * PEER_FRAME_MAX];
};

static void enter(struct live *l)
{
    MUST(pthread_mutex_lock(&l->mutex) == 0);
}

static void leave(struct live *l)
{
    MUST(pthread_mutex_unlock(&l->mutex) == 0);
}

/* ---- the socket ---- */

static bool send_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t put = send(fd, p, n, MSG_NOSIGNAL);

        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

/* Feeds what came; false: the conversation is over. *io_answers counts what was sent. */
static bool feed(struct live *l, int fd, struct bytes in, unsigned *io_answers)
{
    struct buf out = BUF_OF(l->out);
    enum err e = talk_feed(&l->end, in, &out);

    if (out.n == 0)
        return e == OK;
    (*io_answers)++;
    if (*io_answers == l->cut) {
        l->cut = 0;
        return false;
    }
    return send_all(fd, out.p, out.n) && e == OK;
}

static void converse(struct live *l, int fd)
{
    struct timeval patience = { .tv_sec = PATIENCE_S };
    uint8_t in[READ_MAX];
    unsigned answers = 0;
    bool goes_on = true;

    MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    enter(l);
    talk_accept(&l->end, &l->node);
    leave(l);
    while (goes_on) {
        ssize_t n = recv(fd, in, sizeof in, 0);

        if (n <= 0)
            break;
        enter(l);
        goes_on = feed(l, fd, bytes_of(in, (size_t)n), &answers);
        leave(l);
    }
    enter(l);
    talk_close(&l->end);
    leave(l);
}

static void *serve(void *arg)
{
    struct live *l = arg;

    for (;;) {
        int fd = accept(l->listener, NULL, NULL);

        enter(l);
        bool over = l->over;
        leave(l);
        if (over || fd < 0) {
            if (fd >= 0)
                (void)close(fd);
            return NULL;
        }
        converse(l, fd);
        (void)close(fd);
    }
}

static void listen_start(struct live *l)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t n = sizeof at;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(l->listener >= 0);
    MUST(bind(l->listener, (struct sockaddr *)&at, sizeof at) == 0);
    MUST(listen(l->listener, 8) == 0);
    MUST(getsockname(l->listener, (struct sockaddr *)&at, &n) == 0);
    l->port = ntohs(at.sin_port);
}

struct live *live_open(uint64_t seed)
{
    struct live *l = calloc(1, sizeof *l);

    MUST(l != NULL && (uint64_t)LIVE_NOW == SIM_START);
    MUST(pthread_mutex_init(&l->mutex, NULL) == 0);
    node_sim_open(&l->node, seed);
    sim_seat(&l->node, &l->guardian);
    listen_start(l);
    MUST(pthread_create(&l->thread, NULL, serve, l) == 0);
    return l;
}

void live_close(struct live *l)
{
    enter(l);
    l->over = true;
    leave(l);
    (void)shutdown(l->listener, SHUT_RDWR); /* ends accept */
    MUST(pthread_join(l->thread, NULL) == 0);
    (void)close(l->listener);
    node_sim_close(&l->node);
    MUST(pthread_mutex_destroy(&l->mutex) == 0);
    free(l);
}

void live_wait(struct live *l, uint64_t seconds)
{
    enter(l);
    l->node.now += seconds;
    leave(l);
}

static bool tick_more;

static enum err tick_once(struct txn *t, void *arg)
{
    struct node_sim *n = arg;

    return serve_tick(t, &n->env, n->now, &tick_more);
}

void live_tick(struct live *l)
{
    enter(l);
    tick_more = true;
    for (int i = 0; i < 1000 && tick_more; i++)
        MUST(store_write(l->node.store, tick_once, &l->node) == OK);
    leave(l);
}

void live_cut(struct live *l, unsigned nth)
{
    enter(l);
    l->cut = nth;
    leave(l);
}

/* ---- the guardian ---- */

void live_invite(struct live *l, struct link *out)
{
    struct req_cred_new req = { 0 };
    struct credential cred;

    enter(l);
    MUST(l->n_owners < INVITES);
    struct sim_owner *o = &l->owners[l->n_owners++];

    sim_owner_new(&l->node, &l->guardian, o, &req);
    /* Its own token, which the client is to have. */
    *out = (struct link){ .type = LINK_INVITE };
    rng_fill(&l->node.rng, out->token, TOKEN_BYTES);
    ident_credential(BYTES_OF(out->token), &cred);
    memcpy(o->invite, cred.id, ID_BYTES);
    memcpy(req.id, cred.id, ID_BYTES);
    memcpy(req.psk, cred.psk.b, KEY_BYTES);
    approval_sign(&l->guardian.sign, l->guardian.seat, o->invite, o->approval_pub,
                  req.approval_sig);
    MUST(node_sim_ask(&l->node, &l->guardian.who, MSG_CRED_NEW, &req, NULL) == OK);
    memcpy(out->node_key, l->node.env.id->node_pub, PUB_BYTES);
    ident_fingerprint(l->guardian.sign_pub, l->guardian.seal_pub, out->fp);
    out->address = (struct address){
        .kind = ADDRESS_IP4, .port = l->port, .host_n = 4, .host = { 127, 0, 0, 1 }
    };
    leave(l);
}

unsigned live_wards(struct live *l)
{
    struct req_wards req = { 0 };
    struct rep_wards rep = { 0 };

    enter(l);
    MUST(node_sim_ask(&l->node, &l->guardian.who, MSG_WARDS, &req, &rep) == OK);
    leave(l);
    return rep.n_wards;
}

/* The request as the guardian's client sees it; slices until the next question. */
static void request_get(struct live *l, const uint8_t id[ID_BYTES],
                        struct rep_request *out)
{
    struct req_request req = { 0 };

    memcpy(req.request, id, ID_BYTES);
    MUST(node_sim_ask(&l->node, &l->guardian.who, MSG_REQUEST, &req, out) == OK);
}

static void transcript(struct live *l, const struct rep_request *r,
                       const uint8_t owner[PUB_BYTES], struct buf *out)
{
    struct transcript t = { .view = r->view };

    memcpy(t.req_static, r->req_static, PUB_BYTES);
    memcpy(t.req_seal, r->req_seal, PUB_BYTES);
    memcpy(t.req_sign, r->req_sign, PUB_BYTES);
    memcpy(t.node_key, l->node.env.id->node_pub, PUB_BYTES);
    memcpy(t.guard_sign, l->guardian.sign_pub, PUB_BYTES);
    memcpy(t.guard_seal, l->guardian.seal_pub, PUB_BYTES);
    memcpy(t.owner, owner, PUB_BYTES);
    transcript_put(&t, out);
    MUST(!out->over);
}

void live_words(struct live *l, const uint8_t request[ID_BYTES],
                const uint8_t owner[PUB_BYTES], uint8_t out[WORDS_OUT])
{
    struct rep_request r = { 0 };
    uint8_t raw[2 * SIGNED_MAX];
    struct buf t = BUF_OF(raw);

    enter(l);
    request_get(l, request, &r);
    transcript(l, &r, owner, &t);
    MUST(words_call(buf_bytes(&t), r.nonce, cost_minimum, out) == OK);
    leave(l);
}

static void count_try(struct live *l, const uint8_t request[ID_BYTES],
                      uint8_t op[ID_BYTES])
{
    struct req_try req = { 0 };

    sim_op(&l->node, op);
    memcpy(req.op, op, ID_BYTES);
    memcpy(req.request, request, ID_BYTES);
    MUST(node_sim_ask(&l->node, &l->guardian.who, MSG_TRY, &req, NULL) == OK);
}

/* The approval key made with the invite this ward came by. */
static const struct sign_seed *approval_of(const struct live *l,
                                           const uint8_t invite[ID_BYTES])
{
    for (size_t i = 0; i < l->n_owners; i++)
        if (bytes_equal(BYTES_OF(l->owners[i].invite), bytes_of(invite, ID_BYTES)))
            return &l->owners[i].approval;
    MUST(false);
    return NULL;
}

void live_confirm(struct live *l, const uint8_t request[ID_BYTES],
                  const uint8_t owner[PUB_BYTES])
{
    struct rep_request r = { 0 };
    struct req_approve req = { 0 };
    struct statement s = { .kind = REQUEST_CONFIRM, .how = HOW_CALLED };
    uint8_t raw[2 * SIGNED_MAX];
    uint8_t signed_[SIGNED_MAX];
    struct buf t = BUF_OF(raw);
    struct buf b = BUF_OF(signed_);

    enter(l);
    count_try(l, request, req.try_op);
    request_get(l, request, &r);
    transcript(l, &r, owner, &t);
    transcript_hash(buf_bytes(&t), s.t_hash);
    memcpy(s.request, request, ID_BYTES);
    memcpy(s.req_sign, r.req_sign, PUB_BYTES);
    s.purpose = r.line[0].purpose;
    s.time = l->node.now;
    statement_make(&s, approval_of(l, r.invite), &b);
    sim_op(&l->node, req.op);
    memcpy(req.request, request, ID_BYTES);
    req.statement = buf_bytes(&b);
    MUST(node_sim_ask(&l->node, &l->guardian.who, MSG_APPROVE, &req, NULL) == OK);
    leave(l);
}

void live_refuse(struct live *l, const uint8_t request[ID_BYTES])
{
    struct req_refuse req = { 0 };

    enter(l);
    sim_op(&l->node, req.op);
    memcpy(req.request, request, ID_BYTES);
    MUST(node_sim_ask(&l->node, &l->guardian.who, MSG_REFUSE, &req, NULL) == OK);
    leave(l);
}

void live_leave(struct live *l, const uint8_t ward[ID_BYTES])
{
    struct req_ward_end req = { 0 };
    struct rep_ward_end rep = { 0 };

    enter(l);
    sim_op(&l->node, req.op);
    memcpy(req.ward, ward, ID_BYTES);
    MUST(node_sim_ask(&l->node, &l->guardian.who, MSG_WARD_END, &req, &rep) == OK);
    leave(l);
}

void live_lock(struct live *l, const uint8_t request[ID_BYTES])
{
    uint8_t op[ID_BYTES];

    enter(l);
    for (int i = 0; i < 5; i++)
        count_try(l, request, op);
    leave(l);
}
