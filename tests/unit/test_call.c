/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds against small nodes on loopback, most of them misbehaving. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/call.h"
#include "client/guardian.h"
#include "proto/peer.h"

enum manner {
    GOOD,       /* answers, three bytes at a time */
    SLOW_FIRST, /* as GOOD, refuses the first connection with garbage */
    SILENT,     /* accepts and says nothing */
    MUTE,       /* shakes hands, then nothing */
    REFUSING,   /* knows no credential */
    CLOSING,    /* closes in the middle of its answer */
    DROPPING,   /* closes instead of answering the request */
    GARBAGE,    /* random bytes */
    HUGE,       /* announces the longest frame and sends other things */
    OTHER_TAG,  /* answers what was not asked */
    SAYING_NO,  /* an error of the protocol */
    BAD_BODY,   /* a reply that does not decode */
    MANNERS,
    BUSY_TWICE,     /* good, but has no time for the first two HELLOs */
    BUSY_AND_READY, /* says both at once, to the same HELLO */
    LATER_HELLO,    /* of a version after this one */
    LONG_HELLO,     /* with more in it than this version knows */
    EARLIER_HELLO,  /* of a version before */
    HELLO_REFUSED,  /* speaks another version, and says so */
    HELLO_UNREAD,   /* could not read ours */
    LATER_REPLY,    /* has something in it that must be understood */
    EARLIER         /* does not know what it is asked */
};

enum { FRAME = 70000, TURNS = 2000, QUICK_MS = 800, LONG_MS = 8000 };

struct node {
    enum manner manner;
    int listener;
    uint16_t port;
    pthread_t thread;
    struct dh_key key;
    uint8_t pub[PUB_BYTES];
    struct psk psk;
    unsigned requests; /* seen beside HELLO and BYE */
    unsigned byes;
    unsigned connections;
};

struct side {
    struct node *node;
    int fd;
    struct peer peer;
    uint8_t *in;
    size_t in_n;
    unsigned hellos;
    bool closed;
};

static void send_some(struct side *s, const uint8_t *p, size_t n, size_t step)
{
    while (n > 0) {
        size_t part = n < step ? n : step;
        ssize_t put = send(s->fd, p, part, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        p += put;
        n -= (size_t)put;
    }
}

/* As a node of another version answers. True: with an error. */
static bool speak_another_version(enum manner m, bool plain, uint16_t kind, struct buf *b)
{
    static const uint8_t later_key[] = { 0x81, 100, 1 }; /* even: it must be understood */
    struct rep_hello hello = { .version = m == LATER_HELLO ? 2 : 0, .node_sign = { 7 } };
    bool greets = kind == MSG_HELLO;
    bool refuses =
        (greets && (m == HELLO_REFUSED || m == HELLO_UNREAD)) || (!plain && m == EARLIER);
    if (greets && (m == LATER_HELLO || m == EARLIER_HELLO)) {
        b->n = 0;
        assert_int_equal(msg_put_rep(msg_find(MSG_HELLO), &hello, b), OK);
    } else if (greets && m == LONG_HELLO) {
        b->n = 600; /* more than a HELLO of this version has */
    } else if (!plain && m == LATER_REPLY) {
        b->n = 0;
        buf_put(b, BYTES_OF(later_key));
    } else if (refuses) {
        b->n = 0;
        msg_put_error(m == HELLO_UNREAD ? ERR_TOO_BIG : ERR_VERSION, 0, OUTCOME_NOT_DONE,
                      b);
    }
    return refuses;
}

static void answer(struct side *s, const struct peer_event *ev)
{
    static const struct rep_hello hello = { .version = 1, .node_sign = { 7 }, .time = 5 };
    static const struct rep_requests none = { 0 };
    static const struct rep_bye bye = { 0 };
    enum manner m = s->node->manner;
    const struct msg_row *row = msg_find(ev->kind);
    assert_non_null(row);
    bool plain = ev->kind == MSG_HELLO || ev->kind == MSG_BYE;
    bool busy = m == BUSY_TWICE && ev->kind == MSG_HELLO && s->hellos++ < 2;
    s->node->requests += !plain;
    s->node->byes += ev->kind == MSG_BYE;
    if (m == MUTE || (m == DROPPING && !plain)) {
        s->closed = m == DROPPING;
        return;
    }
    uint8_t body[1024];
    uint8_t frame[2048];
    struct buf b = BUF_OF(body);
    struct buf out = BUF_OF(frame);
    const void *rep = ev->kind == MSG_HELLO ? (const void *)&hello
                      : ev->kind == MSG_BYE ? (const void *)&bye
                                            : (const void *)&none;
    uint16_t kind = ev->kind | MSG_REPLY;
    uint32_t tag = ev->tag;
    assert_int_equal(msg_put_rep(row, rep, &b), OK);
    if (speak_another_version(m, plain, ev->kind, &b))
        kind = MSG_ERROR;
    if (!plain && m == OTHER_TAG)
        tag++;
    if (!plain && m == BAD_BODY)
        buf_put_u8(&b, 0xc1);
    if (!plain && m == SAYING_NO) {
        b.n = 0;
        msg_put_error(ERR_STATE, 1234, OUTCOME_NOT_DONE, &b);
        kind = MSG_ERROR;
    }
    if (m == BUSY_AND_READY && ev->kind == MSG_HELLO) {
        uint8_t first[64];
        struct buf f = BUF_OF(first);
        msg_put_error(ERR_BUSY, 30, OUTCOME_NOT_DONE, &f);
        assert_int_equal(peer_send(&s->peer, MSG_ERROR, tag, buf_bytes(&f), &out), OK);
    }
    if (busy) {
        b.n = 0;
        msg_put_error(ERR_BUSY, 30, OUTCOME_NOT_DONE, &b);
        kind = MSG_ERROR;
    }
    assert_int_equal(peer_send(&s->peer, kind, tag, buf_bytes(&b), &out), OK);
    bool cut = m == CLOSING && !plain;
    send_some(s, out.p, cut ? out.n / 2 : out.n, 3);
    s->closed = cut;
}

static bool side_step(struct side *s)
{
    uint8_t reply[PEER_ACT_3];
    struct buf out = BUF_OF(reply);
    struct peer_event ev = { 0 };
    size_t used = 0;
    if (peer_feed(&s->peer, (struct span){ s->in, s->in_n }, &used, &out, &ev) != OK) {
        s->closed = true;
        return false;
    }
    send_some(s, out.p, out.n, 5);
    if (ev.what == PEER_WHO &&
        peer_set_psk(&s->peer, s->node->manner == REFUSING ? NULL : &s->node->psk) != OK)
        s->closed = true;
    if (ev.what == PEER_READY && s->node->manner == HUGE) {
        uint8_t junk[300];
        memset(junk, 0xff, sizeof junk);
        send_some(s, junk, sizeof junk, sizeof junk);
    }
    if (ev.what == PEER_FRAME && s->node->manner != HUGE)
        answer(s, &ev);
    s->in_n -= used;
    memmove(s->in, s->in + used, s->in_n);
    return ev.what != PEER_NEED_MORE;
}

static void serve(struct node *n, int fd)
{
    struct side s = { .node = n, .fd = fd, .in = calloc(1, FRAME) };
    assert_non_null(s.in);
    const struct timeval wait = { .tv_sec = 20 };
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    peer_accept(&s.peer, &n->key, n->pub, &crypt_random);
    bool garbage =
        n->manner == GARBAGE || (n->manner == SLOW_FIRST && n->connections == 1);
    if (garbage) {
        uint8_t junk[500];
        rng_fill(&crypt_random, junk, sizeof junk);
        send_some(&s, junk, sizeof junk, 50);
    }
    for (int i = 0; i < TURNS && !s.closed; i++) {
        ssize_t got = recv(fd, s.in + s.in_n, FRAME - s.in_n, 0);
        if (got <= 0)
            break;
        s.in_n += (size_t)got;
        if (n->manner == SILENT || garbage) {
            s.in_n = 0;
            continue;
        }
        while (!s.closed && side_step(&s))
            continue;
    }
    peer_end(&s.peer);
    (void)close(fd);
    free(s.in);
}

/* One connection after the other until the listener is shut. */
static void *node_main(void *arg)
{
    struct node *n = arg;
    for (int i = 0; i < 8; i++) {
        int fd = accept(n->listener, NULL, NULL);
        if (fd < 0)
            break;
        n->connections++;
        serve(n, fd);
    }
    return NULL;
}

static int listen_on(uint16_t *out_port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in sa = { .sin_family = AF_INET };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof sa;
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(listen(fd, 16), 0);
    *out_port = ntohs(sa.sin_port);
    return fd;
}

static void node_up(struct node *n, enum manner m)
{
    *n = (struct node){ .manner = m };
    rng_fill(&crypt_random, n->key.b, KEY_BYTES);
    rng_fill(&crypt_random, n->psk.b, KEY_BYTES);
    crypt_dh_public(&n->key, n->pub);
    n->listener = listen_on(&n->port);
    assert_int_equal(pthread_create(&n->thread, NULL, node_main, n), 0);
}

static void node_down(struct node *n)
{
    (void)shutdown(n->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(n->thread, NULL), 0);
    (void)close(n->listener);
}

/* ---- the calling side ---- */

struct seen {
    unsigned steps;
    unsigned replies;
    enum err refused;
    uint32_t retry_ms;
    unsigned want;    /* requests to send */
    enum err give_up; /* what the step returns at its first call */
};

static enum err step(struct call *c, const struct call_reply *reply,
                     struct call_send *out_send)
{
    static const struct req_requests all = { .all = 1 };
    struct seen *s = c->ctx;
    s->steps++;
    TRY(s->give_up);
    if (reply != NULL && reply->err != OK) {
        s->refused = reply->err;
        s->retry_ms = reply->retry_ms;
        return reply->err;
    }
    s->replies += reply != NULL;
    if (s->replies < s->want)
        *out_send = (struct call_send){ MSG_REQUESTS, &all };
    return OK;
}

static struct dh_key client_key;

static struct address loopback(uint16_t port)
{
    return (struct address){
        .kind = ADDRESS_IP4, .port = port, .host_n = 4, .host = { 127, 0, 0, 1 }
    };
}

static struct call call_to(const struct node *n, struct seen *s)
{
    if (s->want == 0)
        s->want = 3;
    return (struct call){
        .role = ROLE_GUARDIAN,
        .node_key = n->pub,
        .stat = &client_key,
        .psk = &n->psk,
        .addresses = { loopback(n->port) },
        .n_addresses = 1,
        .step = step,
        .ctx = s,
    };
}

static void one(enum manner m, uint32_t ms, enum err expected, enum call_stage stage)
{
    struct node n;
    struct seen s = { 0 };
    node_up(&n, m);
    struct call c = call_to(&n, &s);
    assert_int_equal(call_round(&c, 1, ms, &crypt_random), OK);
    node_down(&n);
    if (c.err != expected || c.stage != stage)
        fail_msg("manner %d: %s at stage %d", (int)m, err_name(c.err), (int)c.stage);
}

static void test_every_fault_has_its_error(void **state)
{
    (void)state;
    one(REFUSING, LONG_MS, ERR_REFUSED, CALL_KNOWN);
    one(CLOSING, LONG_MS, ERR_CLOSED, CALL_TALKING);
    one(DROPPING, LONG_MS, ERR_CLOSED, CALL_TALKING);
    one(GARBAGE, LONG_MS, ERR_FORMAT, CALL_MET);
    one(OTHER_TAG, LONG_MS, ERR_FORMAT, CALL_TALKING);
    one(BAD_BODY, LONG_MS, ERR_FORMAT, CALL_TALKING);
    one(SILENT, QUICK_MS, ERR_TIMEOUT, CALL_MET);
    one(MUTE, QUICK_MS, ERR_TIMEOUT, CALL_KNOWN);
}

/* Which of the two is to be updated is said as far as it can be known. */
static void test_another_version_is_named(void **state)
{
    (void)state;

    static const struct {
        enum manner m;
        enum call_stage stage;
        const char *says;
    } cases[] = {
        { LATER_HELLO, CALL_KNOWN,
          "later version of Kith than this program: update kith" },
        { LONG_HELLO, CALL_KNOWN,
          "later version of Kith than this program: update kith" },
        { EARLIER_HELLO, CALL_KNOWN, "older version of Kith than this program: ask" },
        { HELLO_REFUSED, CALL_KNOWN, "the older of the two has to be updated" },
        { HELLO_UNREAD, CALL_KNOWN, "the older of the two has to be updated" },
        { LATER_REPLY, CALL_TALKING, "later version of Kith than this program: update" },
        { EARLIER, CALL_TALKING, "older version of Kith than this program: ask" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct node n;
        struct seen s = { 0 };
        char text[256];
        node_up(&n, cases[i].m);
        struct call c = call_to(&n, &s);
        assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
        node_down(&n);
        call_sentence(&c, "Ana's node", text, sizeof text);
        if (c.err != ERR_VERSION || c.stage != cases[i].stage ||
            strstr(text, cases[i].says) == NULL)
            fail_msg("case %zu: %s at stage %d: %s", i, err_name(c.err), (int)c.stage,
                     text);
    }
}

/* Long before the round's deadline, an hour, which would fail the test. */
static void test_who_falls_silent_is_left(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { 0 };
    node_up(&n, MUTE);
    struct call c = call_to(&n, &s);
    c.idle_ms = QUICK_MS;
    assert_int_equal(call_round(&c, 1, 3600 * 1000, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, ERR_TIMEOUT);
    assert_int_equal(c.stage, CALL_KNOWN);
}

/* Waits twice before its only request. */
static enum err waiting_step(struct call *c, const struct call_reply *reply,
                             struct call_send *out_send)
{
    static const struct req_requests all = { .all = 1 };
    struct seen *s = c->ctx;
    s->steps++;
    if (reply != NULL) {
        s->replies++;
        return reply->err;
    }
    if (s->steps < 3)
        c->wait_ms = 20;
    else
        *out_send = (struct call_send){ .kind = MSG_REQUESTS, .req = &all };
    return OK;
}

static void test_a_step_may_wait(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { 0 };
    node_up(&n, GOOD);
    struct call c = call_to(&n, &s);
    c.step = waiting_step;
    c.idle_ms = LONG_MS;
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, OK);
    assert_int_equal(s.steps, 4);
    assert_int_equal(s.replies, 1);
    assert_int_equal(n.requests, 1);
}

/* A frame of the greatest length whose rest never comes is a silence. */
static void test_a_huge_frame_is_bounded(void **state)
{
    (void)state;
    one(HUGE, QUICK_MS, ERR_TIMEOUT, CALL_KNOWN);
}

static void test_another_node_key_is_refused(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { 0 };
    uint8_t other[PUB_BYTES];
    node_up(&n, GOOD);
    memcpy(other, n.pub, sizeof other);
    other[3] ^= 1;
    struct call c = call_to(&n, &s);
    c.node_key = other;
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, ERR_REFUSED);
    assert_int_equal(c.stage, CALL_MET);
    assert_int_equal(s.steps, 0);
}

static void test_nobody_there(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = listen_on(&port);
    (void)close(fd);
    struct node n = { .port = port };
    struct seen s = { 0 };
    struct call c = call_to(&n, &s);
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    assert_int_equal(c.err, ERR_UNREACHABLE);
    c.n_addresses = 0;
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    assert_int_equal(c.err, ERR_UNREACHABLE);
    assert_int_equal(call_round(NULL, 0, LONG_MS, &crypt_random), OK);
    assert_int_equal(s.steps, 0);
}

static void test_good_conversation(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { .want = 5 };
    node_up(&n, GOOD);
    struct call c = call_to(&n, &s);
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, OK);
    assert_int_equal(c.stage, CALL_ENDED);
    assert_int_equal(s.steps, 6);
    assert_int_equal(n.requests, 5);
    assert_int_equal(n.byes, 1);
    assert_int_equal(c.hello.node_sign[0], 7);
    assert_int_equal(c.hello.time, 5);
    uint8_t zero[64] = { 0 };
    assert_memory_not_equal(c.handshake, zero, sizeof zero);
}

static void test_a_busy_node_is_greeted_again(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { .want = 2 };
    node_up(&n, BUSY_TWICE);
    struct call c = call_to(&n, &s);
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, OK);
    assert_int_equal(c.stage, CALL_ENDED);
    assert_int_equal(n.requests, 2);
    assert_int_equal(n.connections, 1);
}

static void test_a_second_answer_to_one_hello_is_none(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { .want = 2 };
    node_up(&n, BUSY_AND_READY);
    struct call c = call_to(&n, &s);
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, ERR_FORMAT);
    assert_int_equal(s.steps, 0);
    assert_int_equal(n.requests, 0);
}

static void test_a_refusal_reaches_the_step(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { 0 };
    node_up(&n, SAYING_NO);
    struct call c = call_to(&n, &s);
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, ERR_STATE);
    assert_int_equal(s.refused, ERR_STATE);
    assert_int_equal(s.retry_ms, 1234);
    assert_int_equal(n.byes, 1);
}

static void test_the_step_may_give_up(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { .give_up = ERR_SIGNATURE };
    node_up(&n, GOOD);
    struct call c = call_to(&n, &s);
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, ERR_SIGNATURE);
    assert_int_equal(n.requests, 0);
}

/* A closed port, a stranger's port, then the node; by address and by name. */
static void test_addresses_are_tried_side_by_side(void **state)
{
    (void)state;
    struct node n;
    struct node stranger;
    struct seen s = { 0 };
    uint16_t closed = 0;
    (void)close(listen_on(&closed));
    node_up(&n, GOOD);
    node_up(&stranger, GARBAGE);
    struct call c = call_to(&n, &s);
    c.addresses[0] = loopback(closed);
    c.addresses[1] = loopback(stranger.port);
    c.addresses[2] = loopback(n.port);
    c.n_addresses = 3;
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    assert_int_equal(c.err, OK);
    assert_int_equal(c.used, 2);
    char text[64];
    (void)snprintf(text, sizeof text, "localhost:%u", n.port);
    struct seen again = { 0 };
    c = call_to(&n, &again);
    assert_int_equal(address_parse(bytes_text(text), &c.addresses[0]), OK);
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    assert_int_equal(c.err, OK);
    node_down(&n);
    node_down(&stranger);
}

/* A connection that fails in the handshake gives way to a later one. */
static void test_second_connection_of_one_node(void **state)
{
    (void)state;
    struct node n;
    struct seen s = { 0 };
    node_up(&n, SLOW_FIRST);
    struct call c = call_to(&n, &s);
    c.addresses[1] = c.addresses[0];
    c.n_addresses = 2;
    assert_int_equal(call_round(&c, 1, LONG_MS, &crypt_random), OK);
    node_down(&n);
    assert_int_equal(c.err, OK);
}

/* All manners at once: the good ones are done, whatever the others do. */
static void test_all_side_by_side(void **state)
{
    (void)state;
    static struct node nodes[MANNERS];
    static struct seen seen[MANNERS];
    static struct call calls[MANNERS];
    for (size_t i = 0; i < MANNERS; i++) {
        node_up(&nodes[i], (enum manner)i);
        calls[i] = call_to(&nodes[i], &seen[i]);
    }
    assert_int_equal(call_round(calls, MANNERS, QUICK_MS, &crypt_random), OK);
    assert_int_equal(calls[GOOD].err, OK);
    for (size_t i = 0; i < MANNERS; i++) {
        node_down(&nodes[i]);
        if (i != GOOD)
            assert_int_not_equal(calls[i].err, OK);
    }
}

/* Nobody waits for those who are silent, once the one to listen for has spoken. */
static void test_one_alone_ends_the_round(void **state)
{
    (void)state;

    enum { NEVER_MS = 3600 * 1000 };
    struct node nodes[2];
    struct seen seen[2] = { 0 };
    struct call calls[2];
    node_up(&nodes[0], MUTE);
    node_up(&nodes[1], GOOD);
    for (size_t i = 0; i < 2; i++) {
        calls[i] = call_to(&nodes[i], &seen[i]);
        calls[i].alone = true;
    }
    assert_int_equal(call_round(calls, 2, NEVER_MS, &crypt_random), OK);
    assert_int_equal(calls[0].err, ERR_TIMEOUT);
    assert_int_equal(calls[1].err, OK);
    for (size_t i = 0; i < 2; i++)
        node_down(&nodes[i]);
}

/* More handshakes than fit at once: all of them come to their turn. */
static void test_many_at_once(void **state)
{
    (void)state;

    enum { MANY = 64 };
    static struct node nodes[MANY];
    static struct seen seen[MANY];
    static struct call calls[MANY];
    for (size_t i = 0; i < MANY; i++) {
        node_up(&nodes[i], GOOD);
        seen[i] = (struct seen){ .want = 1 };
        calls[i] = call_to(&nodes[i], &seen[i]);
    }
    assert_int_equal(call_round(calls, MANY, 60000, &crypt_random), OK);
    for (size_t i = 0; i < MANY; i++) {
        node_down(&nodes[i]);
        assert_int_equal(calls[i].err, OK);
    }
}

static void test_sentences(void **state)
{
    (void)state;
    char text[256];
    struct call c = { .err = ERR_UNREACHABLE };
    call_sentence(&c, "Ana's node", text, sizeof text);
    assert_string_equal(text,
                        "Ana's node did not answer. Is it switched on and connected?");
    c = (struct call){ .err = ERR_REFUSED, .stage = CALL_MET };
    call_sentence(&c, "Ana's node", text, sizeof text);
    assert_non_null(strstr(text, "is not what answers"));
    c.stage = CALL_KNOWN;
    call_sentence(&c, "Ana's node", text, sizeof text);
    assert_non_null(strstr(text, "did not let us in"));
    c = (struct call){ .err = ERR_FULL, .stage = CALL_TALKING };
    call_sentence(&c, "Ana's node", text, sizeof text);
    assert_non_null(strstr(text, err_text(ERR_FULL)));
    call_sentence(&c, "Ana's node", text, 8);
    assert_int_equal(strlen(text), 7);
}

/* All that were reached say so, and two at least: one may have lost what it had. */
static void test_shut_out(void **state)
{
    static const struct {
        struct {
            enum call_stage stage;
            enum err err;
        } calls[3];

        bool out;
    } rows[] = {
        { { { CALL_KNOWN, ERR_REFUSED }, { CALL_KNOWN, ERR_REFUSED } }, true },
        { { { CALL_KNOWN, ERR_REFUSED },
            { CALL_KNOWN, ERR_MOVED },
            { CALL_IDLE, ERR_UNREACHABLE } },
          true },
        { { { CALL_KNOWN, ERR_REFUSED }, { CALL_IDLE, ERR_UNREACHABLE } }, false },
        { { { CALL_KNOWN, ERR_REFUSED },
            { CALL_KNOWN, ERR_REFUSED },
            { CALL_ENDED, OK } },
          false },
        { { { CALL_KNOWN, ERR_REFUSED },
            { CALL_KNOWN, ERR_REFUSED },
            { CALL_TALKING, ERR_REFUSED } },
          false },
        { { { CALL_IDLE, ERR_UNREACHABLE } }, false },
    };

    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct call calls[3] = { { 0 } };

        for (size_t i = 0; i < 3; i++) {
            calls[i].stage = rows[r].calls[i].stage;
            calls[i].err = rows[r].calls[i].err;
        }
        assert_int_equal(calls_shut_out(calls, 3), rows[r].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault_has_its_error),
        cmocka_unit_test(test_another_version_is_named),
        cmocka_unit_test(test_shut_out),
        cmocka_unit_test(test_who_falls_silent_is_left),
        cmocka_unit_test(test_a_step_may_wait),
        cmocka_unit_test(test_a_huge_frame_is_bounded),
        cmocka_unit_test(test_another_node_key_is_refused),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_good_conversation),
        cmocka_unit_test(test_a_busy_node_is_greeted_again),
        cmocka_unit_test(test_a_second_answer_to_one_hello_is_none),
        cmocka_unit_test(test_a_refusal_reaches_the_step),
        cmocka_unit_test(test_the_step_may_give_up),
        cmocka_unit_test(test_addresses_are_tried_side_by_side),
        cmocka_unit_test(test_second_connection_of_one_node),
        cmocka_unit_test(test_all_side_by_side),
        cmocka_unit_test(test_one_alone_ends_the_round),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_sentences),
    };
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    rng_fill(&crypt_random, client_key.b, KEY_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
