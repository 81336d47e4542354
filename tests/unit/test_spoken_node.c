/* SPDX-License-Identifier: Apache-2.0 */
/* Spoken codes at a node: in its store, and over its real sockets. */
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
#include "node/seat.h"
#include "tests/net/net.h"

enum { CALL = PEER_HANDSHAKE_OUT };

struct world {
    struct node_sim n;
    struct sim_guardian g;
    struct sim_guardian other;
    struct sim_owner o;
    struct loop l;
    pthread_t thread;
    enum err ran;
    uint16_t port;
    struct caller c;
};

/* One code with the link it leads to, and how to come in by that link. */
struct spoken {
    struct spoken_code code;
    struct spoken_keys keys;
    struct link link;
    uint8_t answer[SPOKEN_ANSWER];
    struct req_cred_new req;
    struct sim_login login;
};

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 17);
    w->n.rng = crypt_random;
    w->n.now = (uint64_t)time(NULL);
    sim_seat(&w->n, &w->g);
    sim_seat(&w->n, &w->other);
    sim_ward(&w->n, &w->g, &w->o);
    *state = w;
    return 0;
}

static int down(void **state)
{
    struct world *w = *state;

    node_sim_close(&w->n);
    free(w);
    return 0;
}

static void spoken_new(struct world *w, struct spoken *s)
{
    memset(s, 0, sizeof *s);
    s->link.type = LINK_RESTORE;
    memcpy(s->link.node_key, w->n.env.id->node_pub, PUB_BYTES);
    rng_fill(&w->n.rng, s->link.token, TOKEN_BYTES);
    ident_fingerprint(w->g.sign_pub, w->g.seal_pub, s->link.fp);
    rng_fill(&w->n.rng, s->code.b, sizeof s->code.b);
    assert_int_equal(spoken_keys(&s->code, cost_minimum, &s->keys), OK);
    assert_int_equal(spoken_seal(&s->keys, &s->link, &w->n.rng, s->answer), OK);
    sim_login_new(&s->login, ROLE_RESTORE, &w->n.rng);
    sim_login_token(&s->login, ROLE_RESTORE, BYTES_OF(s->link.token));
    s->req.type = CRED_RESTORE;
    s->req.expires = w->n.now + CRED_LIFE_S;
    memcpy(s->req.id, s->login.id, ID_BYTES);
    memcpy(s->req.psk, s->login.psk.b, KEY_BYTES);
    memcpy(s->req.ward, w->o.ward, ID_BYTES);
    memcpy(s->req.spoken_id, s->keys.id, ID_BYTES);
    memcpy(s->req.spoken_gate, s->keys.gate, KEY_BYTES);
    s->req.spoken_answer = BYTES_OF(s->answer);
}

static enum err deposit(struct world *w, struct req_cred_new *req)
{
    sim_op(&w->n, req->op);
    return node_sim_ask(&w->n, &w->g.who, MSG_CRED_NEW, req, NULL);
}

/* What the node has for a spoken id. */
struct found {
    const struct spoken *s;
    enum err e;
    uint8_t gate[KEY_BYTES];
    uint8_t answer[SPOKEN_ANSWER];
};

static enum err look_it_up(struct call *c, void *arg)
{
    struct found *f = arg;

    f->e = serve_spoken(c->txn, c->env, c->now, f->s->keys.id, f->gate, f->answer);
    return OK;
}

static enum err found(struct world *w, const struct spoken *s)
{
    struct found f = { .s = s };

    assert_int_equal(node_sim_write(&w->n, &w->g.who, look_it_up, &f), OK);
    if (f.e == OK) {
        assert_memory_equal(f.gate, s->keys.gate, KEY_BYTES);
        assert_memory_equal(f.answer, s->answer, SPOKEN_ANSWER);
    }
    return f.e;
}

/* ---- in the store ---- */

static void half_a_spoken_form_is_refused(void **state)
{
    struct world *w = *state;
    struct spoken s;

    for (int fault = 0; fault < 6; fault++) {
        spoken_new(w, &s);
        if (fault == 0)
            memset(s.req.spoken_id, 0, ID_BYTES);
        if (fault == 1)
            memset(s.req.spoken_gate, 0, KEY_BYTES);
        if (fault == 2)
            s.req.spoken_answer.n = 0;
        if (fault == 3)
            s.req.spoken_answer.n--;
        if (fault == 4) { /* an invite is for somebody who stands beside you */
            s.req.type = CRED_INVITE;
            memset(s.req.ward, 0, ID_BYTES);
            s.req.approval[0] = 1;
        }
        if (fault == 5) {
            s.req.type = CRED_SEAT;
            memset(s.req.ward, 0, ID_BYTES);
        }
        assert_int_equal(deposit(w, &s.req), ERR_ARG);
        assert_int_equal(found(w, &s), ERR_UNKNOWN);
    }
}

static void a_code_is_for_one_credential(void **state)
{
    struct world *w = *state;
    struct spoken s;
    struct spoken second;

    spoken_new(w, &s);
    assert_int_equal(deposit(w, &s.req), OK);
    assert_int_equal(deposit(w, &s.req), OK); /* a lost journal */
    assert_int_equal(found(w, &s), OK);
    spoken_new(w, &second);
    memcpy(second.req.spoken_id, s.keys.id, ID_BYTES);
    assert_int_equal(deposit(w, &second.req), ERR_CONFLICT);
    s.req.spoken_gate[0] ^= 1;
    assert_int_equal(deposit(w, &s.req), ERR_CONFLICT);
    assert_int_equal(found(w, &s), OK);
}

static void a_code_ends_with_its_first_use(void **state)
{
    struct world *w = *state;
    struct spoken s;
    struct session who = { 0 };

    spoken_new(w, &s);
    assert_int_equal(deposit(w, &s.req), OK);
    node_sim_again(&w->n);
    assert_int_equal(found(w, &s), OK); /* a restart changes nothing */
    assert_int_equal(found(w, &s), OK);
    assert_int_equal(node_sim_login(&w->n, &s.login, &who), OK);
    assert_int_equal(found(w, &s), ERR_UNKNOWN);
    /* The link itself goes on for the key that used it. */
    assert_int_equal(node_sim_login(&w->n, &s.login, &who), OK);
    /* Asked for again, it is not spoken again. */
    assert_int_equal(deposit(w, &s.req), OK);
    assert_int_equal(found(w, &s), ERR_UNKNOWN);
    node_sim_again(&w->n);
    assert_int_equal(found(w, &s), ERR_UNKNOWN);
}

static void a_code_ends_with_its_link(void **state)
{
    struct world *w = *state;
    struct spoken s;
    struct spoken later;
    struct req_cred_drop drop = { 0 };

    spoken_new(w, &s);
    spoken_new(w, &later);
    assert_int_equal(deposit(w, &s.req), OK);
    assert_int_equal(deposit(w, &later.req), OK);
    memcpy(drop.id, later.req.id, ID_BYTES);
    sim_op(&w->n, drop.op);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_DROP, &drop, NULL), OK);
    assert_int_equal(found(w, &later), ERR_UNKNOWN);
    w->n.now += CRED_LIFE_S - 1;
    assert_int_equal(found(w, &s), OK);
    w->n.now += 1;
    assert_int_equal(found(w, &s), ERR_EXPIRED);
    /* The oldest link makes room for a seventeenth, and takes its code along. */
    w->n.now -= CRED_LIFE_S;
    for (int i = 0; i < CRED_RESTORE_MAX; i++) {
        w->n.now++;
        spoken_new(w, &later);
        assert_int_equal(deposit(w, &later.req), OK);
    }
    assert_int_equal(found(w, &s), ERR_UNKNOWN);
    assert_int_equal(found(w, &later), OK);
}

/* ---- over sockets ---- */

static void *run(void *arg)
{
    struct world *w = arg;

    w->ran = loop_run(&w->l);
    return NULL;
}

static struct clock_look look(void)
{
    struct timespec wall = { 0 };
    struct timespec boot = { 0 };

    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    return (struct clock_look){ .wall_ms = (uint64_t)wall.tv_sec * 1000,
                                .boot_ms = (uint64_t)boot.tv_sec * 1000 };
}

/* After this the store belongs to the loop. */
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

static void stop(struct world *w)
{
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    assert_int_equal(w->ran, OK);
    loop_done(&w->l);
}

/* What the node says to these bytes until it closes; how many. */
static size_t said(struct world *w, struct bytes raw, uint8_t out[512])
{
    size_t n = 0;
    ssize_t got = 0;

    caller_dial(&w->c, w->port);
    assert_true(caller_send(&w->c, raw));
    while ((got = recv(w->c.fd, out + n, 512 - n, 0)) > 0)
        n += (size_t)got;
    assert_int_equal(got, 0); /* closed, not broken */
    caller_close(&w->c);
    return n;
}

static void hello_of(const struct spoken_keys *keys, uint8_t out[CALL])
{
    struct peer p = { 0 };
    struct buf b = { .p = out, .cap = CALL };

    assert_int_equal(peer_speak(&p, keys, &b), OK);
    peer_end(&p);
}

static void a_telephone_is_enough(void **state)
{
    struct world *w = *state;
    struct spoken s;
    struct link link = { 0 };
    struct address at = { 0 };
    struct req_hello hello = { .version = 1 };
    struct sim_login login;
    uint8_t raw[CALL];
    uint8_t out[512];
    uint8_t again[512];

    spoken_new(w, &s);
    assert_int_equal(deposit(w, &s.req), OK);
    serve(w);
    hello_of(&s.keys, raw);
    assert_int_equal(said(w, BYTES_OF(raw), out), SPOKEN_ANSWER);
    assert_int_equal(said(w, BYTES_OF(raw), again), SPOKEN_ANSWER);
    assert_memory_equal(out, again, SPOKEN_ANSWER); /* the same bytes */
    assert_int_equal(spoken_open(&s.keys, bytes_of(out, SPOKEN_ANSWER), &at, &link), OK);

    sim_login_new(&login, ROLE_RESTORE, &crypt_random);
    sim_login_token(&login, ROLE_RESTORE, BYTES_OF(link.token));
    assert_int_equal(caller_open(&w->c, w->port, link.node_key, &login), OK);
    assert_int_equal(caller_ask(&w->c, MSG_HELLO, &hello, NULL), OK);
    caller_close(&w->c);
    /* Who recorded the hello is told nothing from here on. */
    assert_int_equal(said(w, BYTES_OF(raw), out), 0);
    stop(w);
}

static void guesses_are_silent_like_strangers(void **state)
{
    struct world *w = *state;
    struct spoken s;
    struct spoken wrong;
    uint8_t raw[CALL] = { 0 };
    uint8_t out[512];

    spoken_new(w, &s);
    spoken_new(w, &wrong);
    assert_int_equal(deposit(w, &s.req), OK);
    serve(w);
    assert_int_equal(said(w, BYTES_OF(raw), out), 0); /* a stranger */
    hello_of(&wrong.keys, raw);                       /* no such code */
    assert_int_equal(said(w, BYTES_OF(raw), out), 0);
    memcpy(wrong.keys.id, s.keys.id, ID_BYTES); /* an id that was overheard */
    hello_of(&wrong.keys, raw);
    assert_int_equal(said(w, BYTES_OF(raw), out), 0);
    hello_of(&s.keys, raw);
    raw[CALL - 1] = 1;
    assert_int_equal(said(w, BYTES_OF(raw), out), 0);
    hello_of(&s.keys, raw);
    /* All that cost the code nothing. */
    assert_int_equal(said(w, BYTES_OF(raw), out), SPOKEN_ANSWER);
    stop(w);
}

static void a_code_is_not_answered_without_end(void **state)
{
    struct world *w = *state;
    struct spoken s;
    struct spoken second;
    uint8_t raw[CALL];
    uint8_t out[512];
    size_t answers = 0;

    w->n.limits.spoken_rate = 1;
    w->n.limits.spoken_burst = 3;
    spoken_new(w, &s);
    spoken_new(w, &second);
    assert_int_equal(deposit(w, &s.req), OK);
    assert_int_equal(deposit(w, &second.req), OK);
    serve(w);
    hello_of(&s.keys, raw);
    for (int i = 0; i < 10; i++) {
        size_t n = said(w, BYTES_OF(raw), out);

        assert_true(n == 0 || n == SPOKEN_ANSWER);
        answers += n == SPOKEN_ANSWER;
    }
    assert_true(answers == 3 || answers == 4); /* a minute may have gone by */
    hello_of(&second.keys, raw);
    assert_int_equal(said(w, BYTES_OF(raw), out), SPOKEN_ANSWER);
    stop(w);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(half_a_spoken_form_is_refused),
        CASE(a_code_is_for_one_credential),
        CASE(a_code_ends_with_its_first_use),
        CASE(a_code_ends_with_its_link),
        CASE(a_telephone_is_enough),
        CASE(guesses_are_silent_like_strangers),
        CASE(a_code_is_not_answered_without_end),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
