/* SPDX-License-Identifier: Apache-2.0 */
/* The real loop with the real store thread, in a thread of this process. */
#include <arpa/inet.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/conn.h"
#include "tests/net/net.h"

enum { FLOOD = 40, PIPELINED = 100 };

/* A node that serves, with a guardian and an owner enrolled. */
struct world {
    struct node_sim n;
    struct sim_guardian g;
    struct sim_owner o;
    struct loop l;
    pthread_t thread;
    enum err ran;
    uint16_t port;
    struct caller a;
    struct caller b;
    struct caller many[FLOOD];
};

static void *run(void *arg)
{
    struct world *w = arg;

    w->ran = loop_run(&w->l);
    return NULL;
}

static _Atomic uint64_t later_ms; /* both clocks are ahead by so much */

static struct clock_look look(void)
{
    struct timespec wall = { 0 };
    struct timespec boot = { 0 };

    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    return (struct clock_look){ .wall_ms = (uint64_t)wall.tv_sec * 1000 + later_ms,
                                .boot_ms = (uint64_t)boot.tv_sec * 1000 + later_ms };
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 7);
    w->n.rng = crypt_random; /* one that three threads may share */
    w->n.now = (uint64_t)time(NULL);
    sim_seat(&w->n, &w->g);
    sim_ward(&w->n, &w->g, &w->o);
    return w;
}

/* After this the store belongs to the loop; limits are set before. */
static void serve(struct world *w)
{
    struct address at = w->n.env.addresses[0];
    struct address bound = { 0 };

    at.port = 0;
    w->l.store = w->n.store;
    w->l.env = w->n.env;
    w->l.env.rng = &crypt_random;
    w->l.look = look;
    assert_int_equal(
        time_start(&w->l.time, w->l.store, CLOCK_TRUSTED, CLOCK_SYNCHRONISED, look()),
        OK);
    assert_int_equal(loop_bind(&w->l, &at, &bound), OK);
    assert_int_equal(store_start(w->l.store), OK);
    assert_int_equal(loop_listen(&w->l), OK);
    w->port = bound.port;
    assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
}

/* Returns when the loop has drained; loop_done insists that nothing is left in it. */
static void stop(struct world *w)
{
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    assert_int_equal(w->ran, OK);
    loop_done(&w->l);
}

static void world_free(struct world *w)
{
    stop(w);
    node_sim_close(&w->n);
    free(w);
}

static struct world *serving(void)
{
    struct world *w = world_new();

    serve(w);
    return w;
}

static const uint8_t *node_key(const struct world *w)
{
    return w->n.env.id->node_pub;
}

static void hello_works(struct world *w, struct caller *c, const struct sim_login *l)
{
    struct req_hello hello = { .version = 1 };
    struct rep_hello rep = { 0 };

    assert_int_equal(caller_open(c, w->port, node_key(w), l), OK);
    assert_int_equal(caller_ask(c, MSG_HELLO, &hello, &rep), OK);
    assert_memory_equal(rep.node_sign, w->n.env.id->sign_pub, PUB_BYTES);
}

/* The node is well: a guardian comes, is answered, and says goodbye. */
static void alive(struct world *w)
{
    struct req_bye bye = { 0 };

    hello_works(w, &w->b, &w->g.login);
    assert_int_equal(caller_ask(&w->b, MSG_BYE, &bye, NULL), OK);
    assert_int_equal(caller_rest(&w->b), 0);
    caller_close(&w->b);
}

static void cred_req(struct world *w, struct req_cred_new *out)
{
    struct sim_owner other = { 0 };

    sim_owner_new(&w->n, &w->g, &other, out);
}

/* ---- strangers ---- */

/* Hello and act 1 of somebody, as bytes. */
static size_t first_words(const uint8_t node[PUB_BYTES], const struct sim_login *l,
                          struct peer *p, uint8_t out[PEER_HANDSHAKE_OUT])
{
    struct buf b = { .p = out, .cap = PEER_HANDSHAKE_OUT };
    struct peer_login login = { .node = node,
                                .key = &l->key,
                                .pub = l->pub,
                                .psk = &l->psk,
                                .id = l->id,
                                .role = (uint8_t)l->role };

    assert_int_equal(peer_start(p, &login, &crypt_random, &b), OK);
    return b.n;
}

static void no_gate_no_byte(void **state)
{
    struct world *w = serving();
    uint8_t raw[PEER_HANDSHAKE_OUT] = { 0 };
    struct peer p = { 0 };

    (void)state;
    /* Noise, a foreign protocol, and each byte of a good hello with one bit wrong. */
    caller_dial(&w->a, w->port);
    assert_true(caller_send(&w->a, BYTES_OF(raw)));
    assert_int_equal(caller_rest(&w->a), 0);
    caller_close(&w->a);
    caller_dial(&w->a, w->port);
    assert_true(caller_send(&w->a, bytes_text("GET / HTTP/1.1\r\nHost: localhost\r\n"
                                              "User-Agent: somebody who scans the net, "
                                              "and has no idea what this is\r\n\r\n")));
    assert_int_equal(caller_rest(&w->a), 0);
    caller_close(&w->a);
    for (size_t i = 0; i < sizeof raw; i++) {
        size_t n = first_words(node_key(w), &w->g.login, &p, raw);

        assert_int_equal(n, sizeof raw);
        raw[i] ^= 1;
        caller_dial(&w->a, w->port);
        assert_true(caller_send(&w->a, BYTES_OF(raw)));
        assert_int_equal(caller_rest(&w->a), 0);
        caller_close(&w->a);
        peer_end(&p);
    }
    alive(w);
    world_free(w);
}

static void a_wrong_node_key_is_no_gate(void **state)
{
    struct world *w = serving();

    (void)state;
    assert_int_equal(caller_open(&w->a, w->port, w->g.seal_pub, &w->g.login), ERR_CLOSED);
    assert_int_equal(caller_rest(&w->a), 0);
    caller_close(&w->a);
    world_free(w);
}

/* How many bytes of the node somebody sees in all. */
static size_t seen_by(struct world *w, const struct sim_login *l)
{
    struct req_hello hello = { .version = 1 };
    struct caller *c = &w->a;
    size_t n = PEER_ACT_2;

    /* The client's part succeeds: it cannot know that message 3 was not believed. */
    assert_int_equal(caller_open(c, w->port, node_key(w), l), OK);
    assert_int_equal(caller_ask(c, MSG_HELLO, &hello, NULL), ERR_CLOSED);
    n += caller_rest(c);
    caller_close(c);
    return n;
}

static void whoever_is_refused_sees_the_same(void **state)
{
    struct world *w = serving();
    struct sim_login who = w->g.login;
    const uint8_t nobody[TOKEN_BYTES] = { 1 };

    (void)state;
    who.psk.b[31] ^= 1; /* enrolled, wrong psk */
    assert_int_equal(seen_by(w, &who), PEER_ACT_2);
    who = w->g.login;
    rng_fill(&crypt_random, &who.key, sizeof who.key); /* unknown static key */
    crypt_dh_public(&who.key, who.pub);
    assert_int_equal(seen_by(w, &who), PEER_ACT_2);
    who = w->g.login;
    for (int role = 0; role <= 9; role++) { /* a known key in another role, or none */
        who.role = (enum role)role;
        if (role != ROLE_GUARDIAN)
            assert_int_equal(seen_by(w, &who), PEER_ACT_2);
    }
    sim_login_token(&who, ROLE_INVITE, BYTES_OF(nobody));
    assert_int_equal(seen_by(w, &who), PEER_ACT_2); /* an id nobody has */
    who = w->o.link;                                /* an id that was used */
    assert_int_equal(seen_by(w, &who), PEER_ACT_2);
    who = w->g.link;
    who.psk.b[0] ^= 1; /* a used id, a wrong psk */
    assert_int_equal(seen_by(w, &who), PEER_ACT_2);
    alive(w);
    world_free(w);
}

static void a_live_invite_with_a_wrong_psk_stays_good(void **state)
{
    struct world *w = world_new();
    struct sim_owner other = { 0 };
    struct req_cred_new invite = { 0 };
    struct sim_login who;

    (void)state;
    sim_owner_new(&w->n, &w->g, &other, &invite);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_NEW, &invite, NULL), OK);
    serve(w);
    who = other.link;
    who.psk.b[7] ^= 1;
    assert_int_equal(seen_by(w, &who), PEER_ACT_2);
    hello_works(w, &w->a, &other.link);
    caller_close(&w->a);
    /* Bound now: the same token with another static key is nobody. */
    who = other.link;
    rng_fill(&crypt_random, &who.key, sizeof who.key);
    crypt_dh_public(&who.key, who.pub);
    assert_int_equal(seen_by(w, &who), PEER_ACT_2);
    hello_works(w, &w->a, &other.link);
    caller_close(&w->a);
    world_free(w);
}

/* ---- who does not finish ---- */

static void half_open_is_closed(void **state)
{
    struct world *w = world_new();
    uint8_t raw[PEER_HANDSHAKE_OUT];
    struct peer p = { 0 };

    (void)state;
    w->n.limits.step_ms = 2000;
    serve(w);
    caller_dial(&w->many[0], w->port); /* says nothing */
    for (size_t i = 1; i < 8; i++) {   /* says a part, or all and then nothing */
        size_t n = first_words(node_key(w), &w->g.login, &p, raw);

        caller_dial(&w->many[i], w->port);
        assert_true(caller_send(&w->many[i], bytes_of(raw, i == 7 ? n : i * 12)));
        peer_end(&p);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(caller_rest(&w->many[i]), i == 7 ? PEER_ACT_2 : 0);
        caller_close(&w->many[i]);
    }
    alive(w);
    world_free(w);
}

static void a_frame_announced_that_never_comes(void **state)
{
    static const uint8_t head[2] = { 0xff, 0xff };
    struct world *w = world_new();

    (void)state;
    w->n.limits.frame_ms = 2000;
    serve(w);
    hello_works(w, &w->a, &w->g.login);
    assert_true(caller_send(&w->a, BYTES_OF(head)));
    assert_true(caller_send(&w->a, BYTES_OF(w->g.seat)));
    alive(w);
    assert_int_equal(caller_rest(&w->a), 0);
    caller_close(&w->a);
    world_free(w);
}

static void idle_ones_are_let_go(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->n.limits.idle_ms = 2000;
    serve(w);
    hello_works(w, &w->a, &w->g.login);
    assert_int_equal(caller_rest(&w->a), 0);
    caller_close(&w->a);
    alive(w);
    world_free(w);
}

/* Never reads: the node must not wait for it, nor keep more than its buffers. */
static void a_slow_reader_is_cut_off(void **state)
{
    struct req_hello hello = { .version = 1 };
    struct world *w = world_new();
    struct caller *c = &w->a;
    bool open = true;

    (void)state;
    w->n.limits.frame_ms = 2000;
    w->n.limits.cred_burst = 10000;
    serve(w);
    hello_works(w, c, &w->g.login);
    for (int i = 0; i < 200000 && open; i++) {
        struct buf out = BUF_OF(c->out);

        caller_frame(c, MSG_HELLO, &hello, &out);
        open = caller_send(c, buf_bytes(&out));
    }
    assert_false(open);
    caller_close(c);
    alive(w);
    world_free(w);
}

static void closed_in_the_middle(void **state)
{
    struct world *w = serving();
    struct req_cred_new req = { 0 };
    struct buf out;

    (void)state;
    for (size_t i = 0; i < FLOOD; i++) {
        struct caller *c = &w->many[i];
        size_t n;

        cred_req(w, &req);
        assert_int_equal(caller_open(c, w->port, node_key(w), &w->g.login), OK);
        out = BUF_OF(c->out);
        caller_frame(c, MSG_CRED_NEW, &req, &out);
        /* Whole frames too: the write is in hand when its asker is gone. */
        n = i % 2 == 0 ? out.n : i * out.n / FLOOD;
        assert_true(caller_send(c, bytes_of(out.p, n)));
        caller_close(c);
    }
    alive(w);
    world_free(w);
}

/* ---- who is known and hostile ---- */

static void send_body(struct caller *c, uint16_t kind, struct bytes body)
{
    struct buf out = BUF_OF(c->out);

    assert_int_equal(peer_send(&c->peer, kind, ++c->tag, body, &out), OK);
    assert_true(caller_send(c, buf_bytes(&out)));
}

static void bombs_are_refused_and_the_talk_goes_on(void **state)
{
    static const uint8_t bombs[][5] = {
        { 0xdd, 0xff, 0xff, 0xff, 0xff }, /* array of 2^32 - 1 */
        { 0xdf, 0xff, 0xff, 0xff, 0xff }, /* map of as many */
        { 0xc6, 0xff, 0xff, 0xff, 0xff }, /* 4 GiB of bytes */
        { 0xdb, 0xff, 0xff, 0xff, 0xff }, /* 4 GiB of text */
        { 0xc9, 0xff, 0xff, 0xff, 0xff }, /* an extension */
        { 0x91, 0x91, 0x91, 0x91, 0x91 }, /* depth */
        { 0x81, 0x01, 0xcb, 0x00, 0x00 }, /* a float, cut */
    };
    struct world *w = world_new();
    struct req_hello hello = { .version = 1 };

    (void)state;
    w->n.limits.cred_burst = 1000;
    serve(w);
    hello_works(w, &w->a, &w->g.login);
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++)
        for (unsigned kind = 0; kind < 64; kind++) {
            if (kind == MSG_BYE) /* ends it, whatever it says */
                continue;
            send_body(&w->a, (uint16_t)kind, BYTES_OF(bombs[i]));
            assert_int_not_equal(caller_reply(&w->a, (uint16_t)kind, NULL), OK);
        }
    assert_int_equal(caller_ask(&w->a, MSG_HELLO, &hello, NULL), OK);
    caller_close(&w->a);
    world_free(w);
}

static void garbage_after_the_handshake_ends_it(void **state)
{
    struct world *w = serving();
    uint8_t noise[4096];

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        hello_works(w, &w->a, &w->g.login);
        rng_fill(&crypt_random, noise, sizeof noise);
        store_u16(noise, (uint16_t)(256 + i)); /* a length that comes to an end */
        assert_true(caller_send(&w->a, BYTES_OF(noise)));
        assert_int_equal(caller_rest(&w->a), 0);
        caller_close(&w->a);
    }
    alive(w);
    world_free(w);
}

static void replayed_and_reflected_frames_end_it(void **state)
{
    struct req_hello hello = { .version = 1 };
    struct world *w = serving();
    struct caller *c = &w->a;
    uint8_t kept[512];
    ssize_t n;

    (void)state;
    hello_works(w, c, &w->g.login);
    struct buf out = BUF_OF(c->out);

    caller_frame(c, MSG_HELLO, &hello, &out);
    assert_true(caller_send(c, buf_bytes(&out)));
    assert_int_equal(caller_reply(c, MSG_HELLO, NULL), OK);
    assert_true(caller_send(c, buf_bytes(&out))); /* once more */
    assert_int_equal(caller_rest(c), 0);
    caller_close(c);

    hello_works(w, c, &w->g.login);
    out = BUF_OF(c->out);
    caller_frame(c, MSG_HELLO, &hello, &out);
    assert_true(caller_send(c, buf_bytes(&out)));
    n = recv(c->fd, kept, sizeof kept, 0);
    assert_true(n > 0);
    assert_true(caller_send(c, bytes_of(kept, (size_t)n))); /* the node's own words */
    assert_int_equal(caller_rest(c), 0);
    caller_close(c);
    alive(w);
    world_free(w);
}

/* ---- many at once ---- */

static void pipelined_frames_are_all_answered(void **state)
{
    struct req_hello hello = { .version = 1 };
    struct world *w = serving();
    struct caller *c = &w->a;
    uint32_t first;

    (void)state;
    hello_works(w, c, &w->g.login);
    first = c->tag + 1;
    /* More than InFlight, reads and writes mixed, in one go and cut anywhere. */
    for (uint32_t i = 0; i < PIPELINED; i++) {
        struct req_cred_new req = { 0 };
        struct buf out = BUF_OF(c->out);

        cred_req(w, &req);
        caller_frame(c, i % 3 == 0 ? MSG_CRED_NEW : MSG_HELLO,
                     i % 3 == 0 ? (const void *)&req : (const void *)&hello, &out);
        assert_true(caller_send(c, bytes_of(out.p, i % out.n)));
        assert_true(caller_send(c, bytes_of(out.p + i % out.n, out.n - i % out.n)));
    }
    for (uint32_t i = 0; i < PIPELINED; i++) {
        assert_int_equal(caller_reply(c, i % 3 == 0 ? MSG_CRED_NEW : MSG_HELLO, NULL),
                         OK);
        assert_int_equal(c->reply_tag, first + i);
    }
    caller_close(c);
    world_free(w);
}

static void frames_may_come_with_the_last_act(void **state)
{
    struct req_hello hello = { .version = 1 };
    struct world *w = serving();
    struct caller *c = &w->a;
    struct peer_event ev = { 0 };
    uint8_t first[PEER_HANDSHAKE_OUT];
    uint8_t both[2048];
    struct buf out = BUF_OF(both);
    size_t used = 0;

    (void)state;
    caller_dial(c, w->port);
    assert_true(caller_send(
        c, bytes_of(first, first_words(node_key(w), &w->g.login, &c->peer, first))));
    assert_int_equal(recv(c->fd, c->in, PEER_ACT_2, MSG_WAITALL), PEER_ACT_2);
    c->in_n = PEER_ACT_2;
    while (ev.what != PEER_READY) {
        struct span in = { c->in, c->in_n };

        assert_int_equal(peer_feed(&c->peer, in, &used, &out, &ev), OK);
        c->in_n -= used;
        memmove(c->in, c->in + used, c->in_n);
    }
    caller_frame(c, MSG_HELLO, &hello, &out);
    caller_frame(c, MSG_HELLO, &hello, &out);
    caller_frame(c, MSG_HELLO, &hello, &out);
    assert_true(caller_send(c, buf_bytes(&out)));
    for (int i = 0; i < 3; i++)
        assert_int_equal(caller_reply(c, MSG_HELLO, NULL), OK);
    caller_close(c);
    world_free(w);
}

/* Two in many threads' places: replies of one never reach another. */
static void side_by_side(void **state)
{
    struct world *w = world_new();
    struct req_cred_new req = { 0 };

    (void)state;
    w->n.limits.cred_conns = 20;
    serve(w);
    for (size_t i = 0; i < 20; i++)
        hello_works(w, &w->many[i], &w->g.login);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 20; i++) {
            struct buf out = BUF_OF(w->many[i].out);

            cred_req(w, &req);
            caller_frame(&w->many[i], MSG_CRED_NEW, &req, &out);
            assert_true(caller_send(&w->many[i], buf_bytes(&out)));
        }
        for (size_t i = 0; i < 20; i++)
            assert_int_equal(caller_reply(&w->many[i], MSG_CRED_NEW, NULL), OK);
    }
    for (size_t i = 0; i < 20; i++)
        caller_close(&w->many[i]);
    world_free(w);
}

static void a_credential_that_hurries_is_told_to_wait(void **state)
{
    struct req_hello hello = { .version = 1 };
    struct world *w = world_new();
    enum err e = OK;

    (void)state;
    w->n.limits.cred_burst = 32;
    w->n.limits.cred_rate = 10;
    serve(w);
    hello_works(w, &w->a, &w->g.login);
    for (int i = 0; i < 40 && e == OK; i++)
        e = caller_ask(&w->a, MSG_HELLO, &hello, NULL);
    assert_int_equal(e, ERR_BUSY);
    caller_close(&w->a);
    /* A new connection is no new credential; another credential is. */
    assert_int_equal(caller_open(&w->a, w->port, node_key(w), &w->g.login), OK);
    assert_int_equal(caller_ask(&w->a, MSG_HELLO, &hello, NULL), ERR_BUSY);
    caller_close(&w->a);
    hello_works(w, &w->a, &w->o.login);
    caller_close(&w->a);
    world_free(w);
}

/* A vault is moved in many messages: they have a rate of their own, and leave the
 * others theirs. */
static void moving_a_vault_leaves_room_for_other_messages(void **state)
{
    struct req_vault_have have = { .ids =
                                       bytes_text("01234567890123456789012345678901") };
    struct req_head_get get = { 0 };
    struct sim_owner other = { 0 };
    struct world *w = world_new();
    enum err e = OK;

    (void)state;
    w->n.limits.cred_burst = 32;
    w->n.limits.cred_rate = 10;
    w->n.limits.vault_burst = 100;
    w->n.limits.vault_rate = 60;
    sim_ward(&w->n, &w->g, &other);
    serve(w);
    hello_works(w, &w->a, &w->o.login);
    for (int i = 0; i < 100; i++)
        assert_int_equal(caller_ask(&w->a, MSG_VAULT_HAVE, &have, NULL), OK);
    for (int i = 0; i < 40 && e == OK; i++)
        e = caller_ask(&w->a, MSG_VAULT_HAVE, &have, NULL);
    assert_int_equal(e, ERR_BUSY);
    assert_int_equal(caller_ask(&w->a, MSG_HEAD_GET, &get, NULL), OK);
    /* Many objects in one question are many. */
    static uint8_t ids[VAULT_HAVE_MAX * VAULT_ID];

    have.ids = BYTES_OF(ids);
    e = OK;
    hello_works(w, &w->b, &other.login);
    for (int i = 0; i < 100 / 22 + 1; i++)
        assert_int_equal(caller_ask(&w->b, MSG_VAULT_HAVE, &have, NULL), OK);
    for (int i = 0; i < 2; i++)
        e = caller_ask(&w->b, MSG_VAULT_HAVE, &have, NULL);
    assert_int_equal(e, ERR_BUSY);
    for (int i = 0; i < 40 && (e == OK || i == 0); i++)
        e = caller_ask(&w->a, MSG_HEAD_GET, &get, NULL);
    assert_int_equal(e, ERR_BUSY);
    caller_close(&w->b);
    caller_close(&w->a);
    world_free(w);
}

/* ---- the door ---- */

static bool still_open(const struct caller *c)
{
    uint8_t byte;

    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

/* A round trip of somebody known: the node has seen all that came before. */
static void settle(struct world *w, struct caller *c)
{
    struct req_hello hello = { .version = 1 };

    (void)w;
    assert_int_equal(caller_ask(c, MSG_HELLO, &hello, NULL), OK);
}

static size_t flood(struct world *w, size_t n)
{
    size_t open = 0;

    for (size_t i = 0; i < n; i++)
        caller_dial(&w->many[i], w->port);
    for (int i = 0; i < 3; i++)
        settle(w, &w->a);
    for (size_t i = 0; i < n; i++)
        open += still_open(&w->many[i]) ? 1 : 0;
    return open;
}

static void flood_over(struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        caller_close(&w->many[i]);
}

static void addresses_do_not_count_on_loopback(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->n.limits.addr_conns = 1;
    w->n.limits.addr_rate = 1;
    w->n.limits.addr_burst = 1;
    w->n.limits.early_drop = 1024;
    serve(w);
    hello_works(w, &w->a, &w->g.login);
    assert_int_equal(flood(w, FLOOD), FLOOD);
    flood_over(w, FLOOD);
    caller_close(&w->a);
    world_free(w);
}

static void strangers_are_dropped_at_random_then_all(void **state)
{
    struct world *w = world_new();
    size_t open;

    (void)state;
    w->n.limits.strangers = 8;
    w->n.limits.early_drop = 2;
    serve(w);
    hello_works(w, &w->a, &w->g.login);
    open = flood(w, FLOOD);
    assert_in_range(open, 2, 8);
    /* Whom the node knows is served all the while, and all are let go in the end. */
    settle(w, &w->a);
    flood_over(w, FLOOD);
    caller_close(&w->a);
    world_free(w);
}

static void no_more_connections_than_that(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->n.limits.conns = 8;
    w->n.limits.strangers = 1024;
    w->n.limits.early_drop = 1024;
    serve(w);
    hello_works(w, &w->a, &w->g.login);
    assert_int_equal(flood(w, FLOOD), 7);
    flood_over(w, FLOOD);
    for (int i = 0; i < 3; i++)
        settle(w, &w->a);
    alive(w);
    caller_close(&w->a);
    world_free(w);
}

/* Loopback is no address: what one credential holds is bounded by the credential. */
static void one_credential_takes_not_every_place(void **state)
{
    struct world *w = world_new();
    size_t open = 0;

    (void)state;
    w->n.limits.conns = 12;
    w->n.limits.cred_conns = 4;
    serve(w);
    for (size_t i = 0; i < FLOOD; i++)
        hello_works(w, &w->many[i], &w->o.login);
    hello_works(w, &w->a, &w->g.login);
    settle(w, &w->many[FLOOD - 1]); /* those silent for longest made room */
    settle(w, &w->a);
    for (size_t i = 0; i < FLOOD; i++)
        open += still_open(&w->many[i]) ? 1 : 0;
    assert_int_equal(open, 4);
    flood_over(w, FLOOD);
    caller_close(&w->a);
    world_free(w);
}

/* Handshakes live in locked memory, as what handlers do; the last of it is theirs. */
static void strangers_leave_secret_memory_for_work(void **state)
{
    enum { LEFT = 6 * 1024, LUMP = 512 };
    struct world *w = serving();
    struct req_cred_new req = { 0 };
    void *lumps[SECRET_ARENA / LUMP];
    size_t n = 0;

    (void)state;
    hello_works(w, &w->a, &w->g.login);
    while (secret_in_use() + LEFT + LUMP <= SECRET_ARENA)
        assert_int_equal(secret_alloc(LUMP, &lumps[n++]), OK);
    assert_int_not_equal(caller_open(&w->b, w->port, node_key(w), &w->g.login), OK);
    caller_close(&w->b);
    cred_req(w, &req);
    assert_int_equal(caller_ask(&w->a, MSG_CRED_NEW, &req, NULL), OK);
    while (n > 0)
        secret_free(lumps[--n]);
    alive(w);
    caller_close(&w->a);
    world_free(w);
}

/* ---- the end ---- */

/* A write of ours that holds up the store thread until it is told to go on. */
struct plug {
    struct store_job job;
    sem_t go;
};

static enum err wait_for_go(struct txn *t, void *arg)
{
    struct plug *p = arg;

    (void)t;
    while (sem_wait(&p->go) != 0)
        ; /* interrupted by the very signal */
    return OK;
}

/* Returns when a new connection is refused: the node drains. */
static void drains(struct world *w)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(w->port) };
    bool refused = false;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 1000 && !refused; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        refused = connect(fd, (const struct sockaddr *)&at, sizeof at) != 0;
        (void)close(fd); /* a socket: nothing to lose */
        (void)usleep(2000);
    }
    assert_true(refused);
}

static void a_write_in_hand_is_answered_when_told_to_stop(void **state)
{
    struct world *w = world_new();
    struct plug plug = { .job = { .fn = wait_for_go, .arg = &plug } };
    struct req_cred_new req = { 0 };
    struct rep_cred_new rep = { 0 };
    struct buf out = BUF_OF(w->a.out);

    (void)state;
    w->n.limits.drain_ms = 60000;
    serve(w);
    assert_int_equal(sem_init(&plug.go, 0, 0), 0);
    hello_works(w, &w->a, &w->g.login);
    hello_works(w, &w->b, &w->o.login);
    store_submit(w->l.store, &plug.job);
    cred_req(w, &req);
    caller_frame(&w->a, MSG_CRED_NEW, &req, &out);
    assert_true(caller_send(&w->a, buf_bytes(&out)));
    for (int i = 0; i < 3; i++)
        settle(w, &w->b);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    drains(w);
    assert_true(still_open(&w->a));
    assert_int_equal(sem_post(&plug.go), 0);
    assert_int_equal(caller_reply(&w->a, MSG_CRED_NEW, &rep), OK);
    assert_memory_equal(rep.id, req.id, ID_BYTES);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    loop_done(&w->l);
    assert_int_equal(caller_rest(&w->a), 0);
    caller_close(&w->a);
    caller_close(&w->b);
    /* And it is there after a restart. */
    node_sim_again(&w->n);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_DROP,
                                  &(struct req_cred_drop){ .op = { 9 }, .id = { 0 } },
                                  NULL),
                     ERR_UNKNOWN);
    struct req_cred_drop drop = { .op = { 10 } };

    memcpy(drop.id, req.id, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_DROP, &drop, NULL), OK);
    node_sim_close(&w->n);
    assert_int_equal(sem_destroy(&plug.go), 0);
    free(w);
}

/* A disk that hangs: the node stops waiting for it when Drain is over, not before. */
static void a_stuck_write_ends_unanswered_when_the_time_is_over(void **state)
{
    struct world *w = world_new();
    struct plug plug = { .job = { .fn = wait_for_go, .arg = &plug } };
    struct req_cred_new req = { 0 };
    struct buf out = BUF_OF(w->a.out);

    (void)state;
    w->n.limits.drain_ms = 100;
    serve(w);
    assert_int_equal(sem_init(&plug.go, 0, 0), 0);
    hello_works(w, &w->a, &w->g.login);
    store_submit(w->l.store, &plug.job);
    cred_req(w, &req);
    caller_frame(&w->a, MSG_CRED_NEW, &req, &out);
    assert_true(caller_send(&w->a, buf_bytes(&out)));
    hello_works(w, &w->b, &w->o.login);
    caller_close(&w->b);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    assert_int_equal(sem_post(&plug.go), 0);
    loop_done(&w->l);
    assert_int_equal(caller_rest(&w->a), 0);
    caller_close(&w->a);
    node_sim_close(&w->n);
    assert_int_equal(sem_destroy(&plug.go), 0);
    free(w);
}

/* ---- long polls ---- */

static void watch_send(struct caller *c, uint64_t after, uint32_t wait)
{
    struct req_drop_watch req = { .which = DROP_ALERTS, .after = after, .wait = wait };
    struct buf out = BUF_OF(c->out);

    caller_frame(c, MSG_DROP_WATCH, &req, &out);
    assert_true(caller_send(c, buf_bytes(&out)));
}

static uint64_t watch_got(struct caller *c)
{
    struct rep_drop_watch rep = { 0 };

    assert_int_equal(caller_reply(c, MSG_DROP_WATCH, &rep), OK);
    return rep.seq;
}

static void alert_test(struct caller *c)
{
    struct req_alert_test req = { 0 };

    rng_fill(&crypt_random, req.op, ID_BYTES);
    assert_int_equal(caller_ask(c, MSG_ALERT_TEST, &req, NULL), OK);
}

/* Asked behind it and answered: so the loop has seen what was sent before. */
static void seen_by_now(struct world *w)
{
    alive(w);
}

static void news_end_a_watch(void **state)
{
    struct world *w = serving();
    uint64_t seq;

    (void)state;
    /* What is new already, also from a drop that went back, is answered at once. */
    hello_works(w, &w->a, &w->o.login);
    watch_send(&w->a, 0, 240);
    seq = watch_got(&w->a);
    assert_int_equal(seq, 1);
    watch_send(&w->a, seq + 7, 240);
    assert_int_equal(watch_got(&w->a), seq);
    watch_send(&w->a, seq, 0); /* without waiting */
    assert_int_equal(watch_got(&w->a), seq);
    /* Each commit wakes those it concerns, and them only. */
    hello_works(w, &w->many[0], &w->g.login);
    watch_send(&w->a, seq, 240);
    watch_send(&w->many[0], 1, 240);
    seen_by_now(w);
    hello_works(w, &w->many[1], &w->o.login);
    alert_test(&w->many[1]);
    assert_int_equal(watch_got(&w->a), seq + 1);
    hello_works(w, &w->many[2], &w->g.login);
    alert_test(&w->many[2]);
    assert_int_equal(watch_got(&w->many[0]), 2);
    /* A conversation goes on after it. */
    alert_test(&w->a);
    for (size_t i = 0; i < 3; i++)
        caller_close(&w->many[i]);
    caller_close(&w->a);
    world_free(w);
}

static void a_watch_ends_at_its_time(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->n.limits.watch_ms = 1000;
    serve(w);
    hello_works(w, &w->a, &w->o.login);
    watch_send(&w->a, 1, 240); /* as the node allows */
    assert_int_equal(watch_got(&w->a), 1);
    hello_works(w, &w->b, &w->o.login);
    watch_send(&w->b, 1, 1); /* as asked */
    assert_int_equal(watch_got(&w->b), 1);
    caller_close(&w->b);
    caller_close(&w->a);
    world_free(w);
}

static void a_message_behind_a_watch_waits_for_it(void **state)
{
    struct req_hello hello = { .version = 1 };
    struct world *w = world_new();
    struct buf out = { 0 };

    (void)state;
    w->n.limits.watch_ms = 1000;
    serve(w);
    hello_works(w, &w->a, &w->o.login);
    watch_send(&w->a, 1, 240);
    out = BUF_OF(w->a.out);
    caller_frame(&w->a, MSG_HELLO, &hello, &out);
    assert_true(caller_send(&w->a, buf_bytes(&out)));
    assert_int_equal(watch_got(&w->a), 1);
    assert_int_equal(caller_reply(&w->a, MSG_HELLO, NULL), OK);
    caller_close(&w->a);
    world_free(w);
}

static struct drop_receipt alerts_receipt(struct world *w, struct caller *c,
                                          struct rep_drop_list *out)
{
    struct req_drop_list req = { .which = DROP_ALERTS };
    struct drop_receipt r = { 0 };

    assert_int_equal(caller_ask(c, MSG_DROP_LIST, &req, out), OK);
    assert_int_equal(drop_receipt_open(out->receipt, w->n.env.id->sign_pub, &r), OK);
    return r;
}

/* A write that was asked for before a receipt, and is done after it, is no lie. */
static void a_receipt_waits_for_writes_in_hand(void **state)
{
    struct world *w = world_new();
    struct plug plug = { .job = { .fn = wait_for_go, .arg = &plug } };
    struct req_alert_test test = { .op = { 1 } };
    struct rep_drop_list list = { 0 };
    struct buf out = BUF_OF(w->a.out);

    (void)state;
    serve(w);
    assert_int_equal(sem_init(&plug.go, 0, 0), 0);
    hello_works(w, &w->a, &w->o.login);
    hello_works(w, &w->many[0], &w->o.login);
    uint64_t start = alerts_receipt(w, &w->many[0], &list).time;

    store_submit(w->l.store, &plug.job);
    caller_frame(&w->a, MSG_ALERT_TEST, &test, &out);
    assert_true(caller_send(&w->a, buf_bytes(&out)));
    seen_by_now(w);
    later_ms = 60000;
    uint64_t before = alerts_receipt(w, &w->many[0], &list).time;

    assert_int_equal(list.n_lines, 1);
    assert_true(before < start + 60);
    assert_int_equal(sem_post(&plug.go), 0);
    assert_int_equal(caller_reply(&w->a, MSG_ALERT_TEST, NULL), OK);
    memset(&list, 0, sizeof list);
    assert_true(alerts_receipt(w, &w->many[0], &list).time >= start + 60);
    assert_int_equal(list.n_lines, 2);
    assert_true(list.lines[1].received >= before);
    later_ms = 0;
    caller_close(&w->many[0]);
    caller_close(&w->a);
    world_free(w);
    assert_int_equal(sem_destroy(&plug.go), 0);
}

static void only_so_many_watch(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->n.limits.watches = 2;
    serve(w);
    for (size_t i = 0; i < 3; i++) {
        hello_works(w, &w->many[i], &w->o.login);
        watch_send(&w->many[i], 1, 240);
    }
    assert_int_equal(caller_reply(&w->many[2], MSG_DROP_WATCH, NULL), ERR_BUSY);
    /* Who goes makes room, seen without a timeout. */
    caller_close(&w->many[0]);
    enum err e = ERR_BUSY;
    for (int i = 0; i < 200 && e == ERR_BUSY; i++) {
        struct req_drop_watch req = { .which = DROP_ALERTS, .after = 0, .wait = 0 };

        /* No wait needs no place: it tells nothing. One second does. */
        req.after = 1;
        req.wait = 1;
        e = caller_ask(&w->many[2], MSG_DROP_WATCH, &req, NULL);
        alive(w);
    }
    assert_int_equal(e, OK);
    caller_close(&w->many[1]);
    caller_close(&w->many[2]);
    world_free(w);
}

static void a_drain_answers_who_waits(void **state)
{
    struct world *w = serving();

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        hello_works(w, &w->many[i], &w->o.login);
        watch_send(&w->many[i], 1, 240);
    }
    seen_by_now(w);
    stop(w);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(watch_got(&w->many[i]), 1);
        assert_int_equal(caller_rest(&w->many[i]), 0);
        caller_close(&w->many[i]);
    }
    node_sim_close(&w->n);
    free(w);
}

static void a_revoked_watcher_is_told_nothing(void **state)
{
    struct world *w = world_new();
    struct req_cred_new req = { .type = CRED_DEVICE, .id = { 9 }, .sign = { 9 } };
    struct req_cred_drop drop = { .id = { 9 } };
    struct sim_login device;

    (void)state;
    sim_login_new(&device, ROLE_DEVICE, &w->n.rng);
    sim_op(&w->n, req.op);
    memcpy(req.psk, device.psk.b, KEY_BYTES);
    memcpy(req.stat, device.pub, PUB_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_NEW, &req, NULL), OK);
    serve(w);
    hello_works(w, &w->a, &device);
    watch_send(&w->a, 2, 240); /* the device itself was told of */
    seen_by_now(w);
    hello_works(w, &w->many[0], &w->o.login);
    rng_fill(&crypt_random, drop.op, ID_BYTES);
    assert_int_equal(caller_ask(&w->many[0], MSG_CRED_DROP, &drop, NULL), OK);
    alert_test(&w->many[0]);
    assert_int_equal(caller_reply(&w->a, MSG_DROP_WATCH, NULL), ERR_REFUSED);
    caller_close(&w->a);
    caller_close(&w->many[0]);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_gate_no_byte),
        cmocka_unit_test(a_wrong_node_key_is_no_gate),
        cmocka_unit_test(whoever_is_refused_sees_the_same),
        cmocka_unit_test(a_live_invite_with_a_wrong_psk_stays_good),
        cmocka_unit_test(half_open_is_closed),
        cmocka_unit_test(a_frame_announced_that_never_comes),
        cmocka_unit_test(idle_ones_are_let_go),
        cmocka_unit_test(a_slow_reader_is_cut_off),
        cmocka_unit_test(closed_in_the_middle),
        cmocka_unit_test(bombs_are_refused_and_the_talk_goes_on),
        cmocka_unit_test(garbage_after_the_handshake_ends_it),
        cmocka_unit_test(replayed_and_reflected_frames_end_it),
        cmocka_unit_test(pipelined_frames_are_all_answered),
        cmocka_unit_test(frames_may_come_with_the_last_act),
        cmocka_unit_test(side_by_side),
        cmocka_unit_test(a_credential_that_hurries_is_told_to_wait),
        cmocka_unit_test(moving_a_vault_leaves_room_for_other_messages),
        cmocka_unit_test(addresses_do_not_count_on_loopback),
        cmocka_unit_test(strangers_are_dropped_at_random_then_all),
        cmocka_unit_test(no_more_connections_than_that),
        cmocka_unit_test(one_credential_takes_not_every_place),
        cmocka_unit_test(strangers_leave_secret_memory_for_work),
        cmocka_unit_test(news_end_a_watch),
        cmocka_unit_test(a_watch_ends_at_its_time),
        cmocka_unit_test(a_message_behind_a_watch_waits_for_it),
        cmocka_unit_test(a_receipt_waits_for_writes_in_hand),
        cmocka_unit_test(only_so_many_watch),
        cmocka_unit_test(a_drain_answers_who_waits),
        cmocka_unit_test(a_revoked_watcher_is_told_nothing),
        cmocka_unit_test(a_write_in_hand_is_answered_when_told_to_stop),
        cmocka_unit_test(a_stuck_write_ends_unanswered_when_the_time_is_over),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
