/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/peer.h"
#include "tests/unit/json.h"

enum { CALL = PEER_HELLO + PEER_ACT_1, GATE_AT = 8, ROOM = 4 * PEER_FRAME_MAX };

static size_t bits(size_t bytes)
{
    return 8 * bytes;
}

/* A counted stream: the same bytes in each run. */
static void stream_fill(void *ctx, uint8_t *out, size_t n)
{
    uint32_t *next = ctx;

    for (size_t i = 0; i < n; i++) {
        *next = *next * 1664525U + 1013904223U;
        out[i] = (uint8_t)(*next >> 24);
    }
}

/* One side: what it was fed and has not used, what it wrote, what happened last. */
struct side {
    struct peer p;
    uint8_t in[ROOM];
    size_t in_n;
    uint8_t out_bytes[ROOM];
    struct buf out;
    struct peer_event ev;
    unsigned asked, ready, frames;
    uint8_t body[PEER_BODY_MAX];
    size_t body_n;
};

struct secrets {
    struct dh_key node, client;
    struct psk psk, wrong;
};

static struct world {
    struct side node, client;
    struct secrets *s;
    const struct psk *known; /* what the node finds for the credential */
    uint8_t node_pub[PUB_BYTES], client_pub[PUB_BYTES];
    uint8_t id[ID_BYTES];
    struct peer_login login;
    uint32_t stream;
    struct rng rng;
} w;

static void side_reset(struct side *s)
{
    peer_end(&s->p);
    s->in_n = 0;
    s->asked = s->ready = s->frames = 0;
    s->body_n = 0;
    s->out = BUF_OF(s->out_bytes);
}

static void fresh_node(void)
{
    side_reset(&w.node);
    peer_accept(&w.node.p, &w.s->node, w.node_pub, &w.rng);
}

static void fresh_client(void)
{
    side_reset(&w.client);
    assert_int_equal(peer_start(&w.client.p, &w.login, &w.rng, &w.client.out), OK);
    assert_int_equal(w.client.out.n, CALL);
}

static int setup(void **state)
{
    (void)state;
    w.stream = 7;
    w.rng = (struct rng){ stream_fill, &w.stream };
    MUST(secret_new(&w.s) == OK);
    rng_fill(&w.rng, w.s, sizeof *w.s);
    rng_fill(&w.rng, w.id, sizeof w.id);
    crypt_dh_public(&w.s->node, w.node_pub);
    crypt_dh_public(&w.s->client, w.client_pub);
    w.known = &w.s->psk;
    w.login = (struct peer_login){ w.node_pub, &w.s->client, NULL, &w.s->psk, w.id, 6 };
    fresh_node();
    fresh_client();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    peer_end(&w.node.p);
    peer_end(&w.client.p);
    peer_end(&w.client.p); /* twice is fine */
    secret_free(w.s);
    assert_int_equal(secret_in_use(), 0);
    return 0;
}

static void note(struct side *s)
{
    s->asked += s->ev.what == PEER_WHO;
    s->ready += s->ev.what == PEER_READY;
    if (s->ev.what == PEER_FRAME) {
        s->frames++;
        s->body_n = s->ev.body.n;
        if (s->body_n > 0)
            memcpy(s->body, s->ev.body.p, s->body_n);
    }
}

/* Feeds until more is needed; answers PEER_WHO as a node does. */
static enum err drain(struct side *s)
{
    for (;;) {
        size_t used = 0;
        TRY(peer_feed(&s->p, (struct span){ s->in, s->in_n }, &used, &s->out, &s->ev));
        note(s);
        memmove(s->in, s->in + used, s->in_n - used);
        s->in_n -= used;
        if (s->ev.what == PEER_NEED_MORE)
            return OK;
        if (s->ev.what == PEER_WHO)
            TRY(peer_set_psk(&s->p, w.known));
    }
}

static enum err feed(struct side *s, const uint8_t *p, size_t n)
{
    assert_true(n <= ROOM - s->in_n);
    memcpy(s->in + s->in_n, p, n);
    s->in_n += n;
    return drain(s);
}

/* Brings to one side what the other wrote. */
static enum err carry(struct side *from, struct side *to)
{
    size_t n = from->out.n;

    from->out.n = 0;
    return feed(to, from->out_bytes, n);
}

static void shake_hands(void)
{
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(carry(&w.node, &w.client), OK);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.ready, 1);
    assert_int_equal(w.client.ready, 1);
}

/* Fails, says nothing, and holds nothing any more. */
static void assert_over(struct side *s, enum err got, enum err want)
{
    size_t used;

    assert_int_equal(got, want);
    assert_int_equal(s->p.state, PEER_OFF);
    assert_int_equal(s->out.n, 0);
    assert_null(s->p.noise);
    assert_null(s->p.keys);
    assert_int_equal(
        peer_feed(&s->p, (struct span){ s->in, s->in_n }, &used, &s->out, &s->ev),
        ERR_STATE);
}

/* The gate as its definition says, made by one who knows the node's key. */
static void gate_again(uint8_t *call)
{
    uint8_t key[HASH_BYTES];

    crypt_hash(LABEL_GATE_KEY, PARTS(BYTES_OF(w.node_pub)), SPAN_OF(key));
    crypt_keyed(key, LABEL_GATE,
                PARTS(bytes_of(call, GATE_AT), bytes_of(call + PEER_HELLO, PEER_ACT_1)),
                (struct span){ call + GATE_AT, 16 });
}

static void both_sides_meet(void **state)
{
    (void)state;
    assert_int_equal(w.client.out.n, 89);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.out.n, 48);
    assert_int_equal(carry(&w.node, &w.client), OK);
    assert_int_equal(w.client.out.n, 64);
    assert_int_equal(w.client.p.state, PEER_OPEN);
    assert_int_equal(w.node.p.state, PEER_TESTS);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.p.state, PEER_OPEN);
    assert_int_equal(w.node.asked, 1);
    assert_int_equal(w.node.out.n, 0);
    assert_int_equal(w.node.p.role, 6);
    assert_memory_equal(w.node.p.id, w.id, ID_BYTES);
    assert_memory_equal(w.node.p.remote, w.client_pub, PUB_BYTES);
    assert_memory_equal(w.client.p.remote, w.node_pub, PUB_BYTES);
    assert_memory_equal(w.node.p.hash, w.client.p.hash, NOISE_HASH);
    assert_null(w.node.p.noise);
    assert_null(w.client.p.noise);
}

static void bytes_may_come_one_at_a_time(void **state)
{
    static const size_t lengths[] = { 0, 1, 248, 249, 1016, 4088, 4089 };
    uint8_t body[4100];

    (void)state;
    memset(body, 0x5a, sizeof body);
    for (unsigned turn = 0; turn < 3; turn++) {
        struct side *from = turn == 1 ? &w.node : &w.client;
        struct side *to = turn == 1 ? &w.client : &w.node;
        for (size_t i = 0; i < from->out.n; i++)
            assert_int_equal(feed(to, from->out_bytes + i, 1), OK);
        from->out.n = 0;
    }
    assert_int_equal(w.node.ready, 1);
    for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(
            peer_send(&w.client.p, 40, i, bytes_of(body, lengths[i]), &w.client.out), OK);
        assert_int_equal(w.client.out.n, peer_frame_size(lengths[i]));
        for (size_t k = 0; k + 1 < w.client.out.n; k++)
            assert_int_equal(feed(&w.node, w.client.out_bytes + k, 1), OK);
        assert_int_equal(w.node.frames, i);
        assert_int_equal(feed(&w.node, w.client.out_bytes + w.client.out.n - 1, 1), OK);
        assert_int_equal(w.node.frames, i + 1);
        w.client.out.n = 0;
        assert_true(bytes_equal(bytes_of(w.node.body, w.node.body_n),
                                bytes_of(body, lengths[i])));
    }
}

static void frames_have_five_sizes(void **state)
{
    static const struct {
        size_t body, wire;
    } sizes[] = {
        { 0, 274 },       { 248, 274 },     { 249, 1042 },   { 1016, 1042 },
        { 1017, 4114 },   { 4088, 4114 },   { 4089, 16402 }, { 16376, 16402 },
        { 16377, 65537 }, { 65511, 65537 }, { 65512, 0 },    { SIZE_MAX, 0 },
    };

    static uint8_t body[PEER_BODY_MAX + 1];

    (void)state;
    shake_hands();
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(peer_frame_size(sizes[i].body), sizes[i].wire);
        if (sizes[i].wire == 0)
            continue;
        memset(body, (int)i + 1, sizeof body);
        assert_int_equal(peer_send(&w.node.p, 0x8028, 0xfffffff0U + i,
                                   bytes_of(body, sizes[i].body), &w.node.out),
                         OK);
        assert_int_equal(w.node.out.n, sizes[i].wire);
        assert_int_equal(carry(&w.node, &w.client), OK);
        assert_int_equal(w.client.frames, i + 1);
        assert_true(bytes_equal(bytes_of(w.client.body, w.client.body_n),
                                bytes_of(body, sizes[i].body)));
    }
    assert_int_equal(peer_send(&w.node.p, 1, 1, BYTES_OF(body), &w.node.out),
                     ERR_TOO_BIG);
    assert_int_equal(w.node.out.n, 0);
}

static void kind_and_tag_arrive(void **state)
{
    struct peer_event ev;
    size_t used;

    (void)state;
    shake_hands();
    assert_int_equal(
        peer_send(&w.client.p, 0x8000, 0x01020304, bytes_text("body"), &w.client.out),
        OK);
    assert_int_equal(peer_feed(&w.node.p, (struct span){ w.client.out.p, w.client.out.n },
                               &used, &w.node.out, &ev),
                     OK);
    assert_int_equal(ev.what, PEER_FRAME);
    assert_int_equal(used, w.client.out.n);
    assert_int_equal(ev.kind, 0x8000);
    assert_int_equal(ev.tag, 0x01020304);
    assert_true(bytes_equal(ev.body, bytes_text("body")));
    /* The body lies where the frame was. */
    assert_ptr_equal(ev.body.p, w.client.out.p + 2 + PEER_FRAME_HEAD);
}

static void several_frames_may_come_at_once(void **state)
{
    (void)state;
    shake_hands();
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(peer_send(&w.client.p, 1, i, bytes_text("x"), &w.client.out),
                         OK);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.frames, 5);
    assert_int_equal(w.node.in_n, 0);
}

static void each_step_says_how_much_it_needs(void **state)
{
    (void)state;
    assert_int_equal(drain(&w.node), OK);
    assert_int_equal(w.node.ev.wanted, CALL);
    assert_int_equal(drain(&w.client), OK);
    assert_int_equal(w.client.ev.wanted, PEER_ACT_2);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.ev.wanted, PEER_ACT_3);
    assert_int_equal(carry(&w.node, &w.client), OK);
    assert_int_equal(w.client.ev.wanted, 2);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.ev.wanted, 2);
    assert_int_equal(peer_send(&w.client.p, 1, 1, bytes_text("x"), &w.client.out), OK);
    assert_int_equal(feed(&w.node, w.client.out_bytes, 2), OK);
    assert_int_equal(w.node.ev.wanted, 274);
}

static void a_truncated_act_is_waited_for_in_silence(void **state)
{
    (void)state;
    for (size_t n = 0; n < CALL; n++) {
        fresh_node();
        assert_int_equal(feed(&w.node, w.client.out_bytes, n), OK);
        assert_int_equal(w.node.ev.what, PEER_NEED_MORE);
        assert_int_equal(w.node.out.n, 0);
        assert_null(w.node.p.noise);
    }
    fresh_node();
    assert_int_equal(carry(&w.client, &w.node), OK);
    for (size_t n = 0; n + 1 < PEER_ACT_2; n++) {
        assert_int_equal(feed(&w.client, w.node.out_bytes + n, 1), OK);
        assert_int_equal(w.client.out.n, 0);
    }
    assert_int_equal(feed(&w.client, w.node.out_bytes + PEER_ACT_2 - 1, 1), OK);
    w.node.out.n = 0;
    for (size_t n = 0; n + 1 < PEER_ACT_3; n++) {
        assert_int_equal(feed(&w.node, w.client.out_bytes + n, 1), OK);
        assert_int_equal(w.node.asked, 0);
        assert_int_equal(w.node.out.n, 0);
    }
}

static void a_wrong_gate_is_dropped_unheard(void **state)
{
    size_t before = secret_in_use();

    (void)state;
    /* No byte of hello or first act can change without the gate noticing. */
    for (size_t bit = 0; bit < bits(CALL); bit++) {
        fresh_node();
        w.client.out_bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_over(&w.node, feed(&w.node, w.client.out_bytes, CALL), ERR_AUTH);
        w.client.out_bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(secret_in_use(), before);
    }
    fresh_node();
    assert_int_equal(carry(&w.client, &w.node), OK);
}

static void a_caller_of_another_node_is_dropped(void **state)
{
    (void)state;
    w.login.node = w.client_pub;
    fresh_client();
    assert_over(&w.node, carry(&w.client, &w.node), ERR_AUTH);
}

static void a_right_gate_helps_no_wrong_hello(void **state)
{
    static const struct {
        size_t at;
        uint8_t is;
        enum err want;
    } wrong[] = {
        { 0, 'k', ERR_FORMAT }, { 3, 0, ERR_FORMAT },    { 4, 0, ERR_VERSION },
        { 4, 2, ERR_VERSION },  { 4, 255, ERR_VERSION }, { 5, 1, ERR_AUTH },
        { 5, 2, ERR_FORMAT },   { 6, 1, ERR_FORMAT },    { 7, 1, ERR_FORMAT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        fresh_node();
        fresh_client();
        w.client.out_bytes[wrong[i].at] = wrong[i].is;
        gate_again(w.client.out_bytes);
        assert_over(&w.node, carry(&w.client, &w.node), wrong[i].want);
    }
}

static void a_right_gate_helps_no_changed_act(void **state)
{
    (void)state;
    for (size_t bit = bits(PEER_HELLO); bit < bits(CALL); bit++) {
        fresh_node();
        w.client.out_bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        gate_again(w.client.out_bytes);
        assert_over(&w.node, feed(&w.node, w.client.out_bytes, CALL), ERR_AUTH);
        w.client.out_bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    fresh_node();
    memset(w.client.out_bytes + PEER_HELLO, 0, PUB_BYTES);
    gate_again(w.client.out_bytes);
    assert_over(&w.node, carry(&w.client, &w.node), ERR_KEY);
}

static void every_flipped_bit_of_act_2_is_refused(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < bits(PEER_ACT_2); bit++) {
        fresh_node();
        fresh_client();
        assert_int_equal(carry(&w.client, &w.node), OK);
        w.node.out_bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_over(&w.client, carry(&w.node, &w.client), ERR_AUTH);
    }
}

static void every_flipped_bit_of_act_3_is_refused(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < bits(PEER_ACT_3); bit++) {
        fresh_node();
        fresh_client();
        assert_int_equal(carry(&w.client, &w.node), OK);
        assert_int_equal(carry(&w.node, &w.client), OK);
        w.client.out_bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_over(&w.node, carry(&w.client, &w.node), ERR_AUTH);
        /* The static key is proven before anything is looked up for it. */
        assert_int_equal(w.node.asked, bit >= bits(PUB_BYTES + NOISE_TAG));
    }
}

/* Plays up to act 3 from one stream; returns how the node ends. */
static enum err outcome(const struct psk *client, const struct psk *known,
                        uint8_t *out_act_2)
{
    w.stream = 99;
    w.login.psk = client;
    w.known = known;
    fresh_node();
    fresh_client();
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.out.n, PEER_ACT_2);
    memcpy(out_act_2, w.node.out_bytes, PEER_ACT_2);
    assert_int_equal(carry(&w.node, &w.client), OK);
    enum err e = carry(&w.client, &w.node);
    assert_int_equal(w.node.asked, 1);
    assert_int_equal(w.node.out.n, 0);
    return e;
}

static void wrong_and_unknown_credentials_fail_alike(void **state)
{
    uint8_t right[PEER_ACT_2], wrong[PEER_ACT_2], unknown[PEER_ACT_2];

    (void)state;
    assert_int_equal(outcome(&w.s->psk, &w.s->psk, right), OK);
    assert_over(&w.node, outcome(&w.s->wrong, &w.s->psk, wrong), ERR_AUTH);
    assert_over(&w.node, outcome(&w.s->psk, NULL, unknown), ERR_AUTH);
    assert_memory_equal(right, wrong, PEER_ACT_2);
    assert_memory_equal(right, unknown, PEER_ACT_2);
}

static void an_unknown_psk_is_not_a_constant(void **state)
{
    static const struct psk zero = { { 0 } };
    uint8_t act_2[PEER_ACT_2];

    (void)state;
    assert_over(&w.node, outcome(&zero, NULL, act_2), ERR_AUTH);
}

static void a_public_key_at_hand_is_used(void **state)
{
    (void)state;
    w.login.pub = w.client_pub;
    fresh_client();
    shake_hands();
    assert_memory_equal(w.node.p.remote, w.client_pub, PUB_BYTES);
    /* One that is not the key's own is refused. */
    w.login.pub = w.node_pub;
    fresh_node();
    fresh_client();
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(carry(&w.node, &w.client), OK);
    assert_over(&w.node, carry(&w.client, &w.node), ERR_AUTH);
}

static void an_enrolled_caller_shows_no_stable_id(void **state)
{
    uint8_t first[ID_BYTES];

    (void)state;
    w.login.id = NULL;
    fresh_client();
    memcpy(first, w.client.p.id, ID_BYTES);
    fresh_client();
    assert_memory_not_equal(first, w.client.p.id, ID_BYTES);
    shake_hands();
    assert_memory_equal(w.node.p.id, w.client.p.id, ID_BYTES);
}

static void a_replayed_conversation_is_refused(void **state)
{
    uint8_t call[CALL], act_3[PEER_ACT_3];

    (void)state;
    memcpy(call, w.client.out_bytes, CALL);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(carry(&w.node, &w.client), OK);
    memcpy(act_3, w.client.out_bytes, PEER_ACT_3);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.ready, 1);
    fresh_node();
    assert_int_equal(feed(&w.node, call, CALL), OK);
    w.node.out.n = 0;
    assert_over(&w.node, feed(&w.node, act_3, PEER_ACT_3), ERR_AUTH);
    assert_int_equal(w.node.asked, 0);
}

static void a_replayed_frame_is_refused(void **state)
{
    uint8_t frame[274];

    (void)state;
    shake_hands();
    assert_int_equal(peer_send(&w.client.p, 1, 1, bytes_text("x"), &w.client.out), OK);
    memcpy(frame, w.client.out_bytes, sizeof frame);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.frames, 1);
    assert_over(&w.node, feed(&w.node, frame, sizeof frame), ERR_AUTH);
}

static void a_frame_left_out_is_noticed(void **state)
{
    (void)state;
    shake_hands();
    assert_int_equal(peer_send(&w.client.p, 1, 1, bytes_text("x"), &w.client.out), OK);
    w.client.out.n = 0;
    assert_int_equal(peer_send(&w.client.p, 1, 2, bytes_text("y"), &w.client.out), OK);
    assert_over(&w.node, carry(&w.client, &w.node), ERR_AUTH);
}

static void reflected_bytes_are_refused(void **state)
{
    uint8_t back[2 * PEER_ACT_2];

    (void)state;
    /* The node's act 2 as its act 3. */
    assert_int_equal(carry(&w.client, &w.node), OK);
    memcpy(back, w.node.out_bytes, PEER_ACT_2);
    memcpy(back + PEER_ACT_2, w.node.out_bytes, PEER_ACT_2);
    w.node.out.n = 0;
    assert_over(&w.node, feed(&w.node, back, sizeof back), ERR_AUTH);
    /* The client's call as its answer. */
    fresh_client();
    w.client.out.n = 0;
    assert_over(&w.client, feed(&w.client, w.client.out_bytes, CALL), ERR_AUTH);
    /* A frame to its sender. */
    fresh_node();
    fresh_client();
    shake_hands();
    assert_int_equal(peer_send(&w.node.p, 1, 1, bytes_text("x"), &w.node.out), OK);
    size_t n = w.node.out.n;
    w.node.out.n = 0;
    assert_over(&w.node, feed(&w.node, w.node.out_bytes, n), ERR_AUTH);
}

static void every_flipped_byte_of_a_frame_is_refused(void **state)
{
    uint8_t frame[274];

    (void)state;
    for (size_t i = 2; i < sizeof frame; i++) {
        fresh_node();
        fresh_client();
        shake_hands();
        assert_int_equal(peer_send(&w.client.p, 1, 1, bytes_text("x"), &w.client.out),
                         OK);
        memcpy(frame, w.client.out_bytes, sizeof frame);
        frame[i] ^= 0x20;
        assert_over(&w.node, feed(&w.node, frame, sizeof frame), ERR_AUTH);
        assert_int_equal(w.node.frames, 0);
    }
}

/* Draws this one ephemeral key (a drawn psk is replaced by the known one). */
static void fill_fixed(void *ctx, uint8_t *out, size_t n)
{
    assert_int_equal(n, KEY_BYTES);
    memcpy(out, ctx, n);
}

/* What was written is what the vector says; it then goes to the other side. */
static void carry_exactly(struct side *from, struct side *to, const json_t *v,
                          const char *key)
{
    uint8_t want[2048];

    assert_true(bytes_equal(buf_bytes(&from->out), json_bytes(v, key, SPAN_OF(want))));
    assert_int_equal(carry(from, to), OK);
}

static void frames_exactly(const json_t *frames)
{
    size_t i;
    json_t *f;

    json_array_foreach(frames, i, f)
    {
        bool up = bytes_equal(json_text(f, "from"), bytes_text("client"));
        struct side *from = up ? &w.client : &w.node, *to = up ? &w.node : &w.client;
        uint8_t bytes[512];
        struct bytes body = json_bytes(f, "body", SPAN_OF(bytes));
        unsigned before = to->frames;

        assert_int_equal(peer_send(&from->p, (uint16_t)json_u32(f, "kind"),
                                   json_u32(f, "tag"), body, &from->out),
                         OK);
        carry_exactly(from, to, f, "frame");
        assert_int_equal(to->frames, before + 1);
        assert_true(bytes_equal(bytes_of(to->body, to->body_n), body));
    }
}

static void a_conversation_is_as_published(const json_t *v)
{
    uint8_t client_e[KEY_BYTES], node_e[KEY_BYTES], hash[NOISE_HASH];
    struct rng client_rng = { fill_fixed, client_e }, node_rng = { fill_fixed, node_e };
    uint8_t call[CALL];

    json_fixed(v, "node_secret", SPAN_OF(w.s->node.b));
    json_fixed(v, "client_secret", SPAN_OF(w.s->client.b));
    json_fixed(v, "psk", SPAN_OF(w.s->psk.b));
    json_fixed(v, "node_key", SPAN_OF(w.node_pub));
    json_fixed(v, "client_key", SPAN_OF(w.client_pub));
    json_fixed(v, "id", SPAN_OF(w.id));
    json_fixed(v, "client_ephemeral", SPAN_OF(client_e));
    json_fixed(v, "node_ephemeral", SPAN_OF(node_e));
    json_fixed(v, "hello", (struct span){ call, PEER_HELLO });
    json_fixed(v, "act_1", (struct span){ call + PEER_HELLO, PEER_ACT_1 });
    json_fixed(v, "handshake_hash", SPAN_OF(hash));
    w.login.role = (uint8_t)json_u32(v, "role");

    side_reset(&w.node);
    side_reset(&w.client);
    peer_accept(&w.node.p, &w.s->node, w.node_pub, &node_rng);
    assert_int_equal(peer_start(&w.client.p, &w.login, &client_rng, &w.client.out), OK);
    assert_true(bytes_equal(buf_bytes(&w.client.out), BYTES_OF(call)));
    assert_int_equal(carry(&w.client, &w.node), OK);
    carry_exactly(&w.node, &w.client, v, "act_2");
    carry_exactly(&w.client, &w.node, v, "act_3");
    assert_int_equal(w.node.ready, 1);
    assert_memory_equal(w.node.p.remote, w.client_pub, PUB_BYTES);
    assert_memory_equal(w.node.p.hash, hash, NOISE_HASH);
    assert_memory_equal(w.client.p.hash, hash, NOISE_HASH);
    frames_exactly(json_at(v, "frames"));
}

static void conversations_are_as_published(void **state)
{
    json_t *all = json_vectors("conversation.json");
    const json_t *list = json_at(all, "conversations");

    (void)state;
    assert_true(json_array_size(list) >= 2);
    for (size_t i = 0; i < json_array_size(list); i++)
        a_conversation_is_as_published(json_array_get(list, i));
    json_decref(all);
}

/* An open node with keys of our choice, without a handshake. */
static void open_node(void)
{
    side_reset(&w.node);
    w.node.p = (struct peer){ .state = PEER_OPEN };
    assert_int_equal(secret_new(&w.node.p.keys), OK);
}

/* Feeds this plaintext as a frame, rightly sealed. */
static enum err feed_plain(const uint8_t *plain, size_t n)
{
    static uint8_t frame[PEER_FRAME_MAX];
    AUTO_SECRET struct noise_cipher *c = NULL;

    open_node();
    assert_int_equal(secret_new(&c), OK);
    store_u16(frame, (uint16_t)(n + NOISE_TAG));
    assert_int_equal(noise_seal(c, (struct bytes){ 0 }, bytes_of(plain, n), frame + 2),
                     OK);
    return feed(&w.node, frame, 2 + n + NOISE_TAG);
}

static void padding_must_be_zero(void **state)
{
    uint8_t plain[256] = { 0 };

    (void)state;
    plain[1] = 3;
    assert_int_equal(feed_plain(plain, sizeof plain), OK);
    assert_int_equal(w.node.frames, 1);
    assert_int_equal(w.node.body_n, 3);
    for (size_t i = PEER_FRAME_HEAD + 3; i < sizeof plain; i++) {
        plain[i] = 1;
        assert_over(&w.node, feed_plain(plain, sizeof plain), ERR_FORMAT);
        assert_int_equal(w.node.frames, 0);
        plain[i] = 0;
    }
}

static void a_body_must_fit_its_frame_and_no_smaller_one(void **state)
{
    static uint8_t plain[65519];

    static const struct {
        size_t frame;
        uint16_t body;
    } wrong[] = {
        { 256, 249 },   { 256, 65535 },   { 1024, 248 },    { 1024, 1017 },
        { 4096, 1016 }, { 16384, 16377 }, { 65519, 16376 }, { 65519, 65512 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        store_u16(plain, wrong[i].body);
        assert_over(&w.node, feed_plain(plain, wrong[i].frame), ERR_FORMAT);
    }
    store_u16(plain, 65511);
    assert_int_equal(feed_plain(plain, 65519), OK);
    assert_int_equal(w.node.body_n, 65511);
}

static void a_length_of_no_frame_is_refused_at_once(void **state)
{
    unsigned fine = 0;

    (void)state;
    for (unsigned n = 0; n <= UINT16_MAX; n++) {
        uint8_t length[2];
        store_u16(length, (uint16_t)n);
        open_node();
        enum err e = feed(&w.node, length, 2);
        if (e == OK) {
            assert_int_equal(w.node.ev.wanted, n + 2);
            fine++;
            continue;
        }
        assert_int_equal(e, ERR_FORMAT);
        assert_int_equal(w.node.p.state, PEER_OFF);
    }
    assert_int_equal(fine, 5);
}

static void nothing_is_sent_before_the_handshake_ends(void **state)
{
    const struct bytes body = bytes_text("early");

    (void)state;
    w.client.out.n = 0;
    assert_int_equal(peer_send(&w.client.p, 1, 1, body, &w.client.out), ERR_STATE);
    assert_int_equal(peer_send(&w.node.p, 1, 1, body, &w.node.out), ERR_STATE);
    assert_int_equal(w.client.out.n, 0);
    w.client.out.n = CALL;
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(peer_send(&w.node.p, 1, 1, body, &w.node.out), ERR_STATE);
    assert_int_equal(w.node.out.n, PEER_ACT_2);
    /* A frame in the place of act 3. */
    assert_int_equal(carry(&w.node, &w.client), OK);
    w.client.out.n = 0;
    assert_int_equal(peer_send(&w.client.p, 1, 1, body, &w.client.out), OK);
    assert_over(&w.node, carry(&w.client, &w.node), ERR_AUTH);
    assert_int_equal(peer_send(&w.node.p, 1, 1, body, &w.node.out), ERR_STATE);
}

static void a_frame_right_behind_act_3_is_read(void **state)
{
    (void)state;
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(carry(&w.node, &w.client), OK);
    assert_int_equal(peer_send(&w.client.p, 1, 9, bytes_text("x"), &w.client.out), OK);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(w.node.frames, 1);
}

static void the_psk_is_set_when_asked_for_only(void **state)
{
    struct peer_event ev;
    size_t used = 0;

    (void)state;
    assert_int_equal(peer_set_psk(&w.node.p, &w.s->psk), ERR_STATE);
    assert_int_equal(peer_set_psk(&w.client.p, &w.s->psk), ERR_STATE);
    assert_int_equal(carry(&w.client, &w.node), OK);
    assert_int_equal(peer_set_psk(&w.node.p, &w.s->psk), ERR_STATE);
    assert_int_equal(carry(&w.node, &w.client), OK);
    struct span act_3 = { w.client.out.p, w.client.out.n };
    assert_int_equal(peer_feed(&w.node.p, act_3, &used, &w.node.out, &ev), OK);
    assert_int_equal(ev.what, PEER_WHO);
    assert_int_equal(used, 0);
    assert_memory_equal(w.node.p.remote, w.client_pub, PUB_BYTES);
    assert_over(&w.node, peer_feed(&w.node.p, act_3, &used, &w.node.out, &ev), ERR_STATE);
}

static void the_last_nonce_is_never_used(void **state)
{
    (void)state;
    shake_hands();
    w.client.p.keys->send.n = UINT64_MAX;
    assert_int_equal(peer_send(&w.client.p, 1, 1, bytes_text("x"), &w.client.out),
                     ERR_STATE);
    assert_int_equal(w.client.out.n, 0);
    w.client.p.keys->send.n = 0;
    assert_int_equal(peer_send(&w.client.p, 1, 1, bytes_text("x"), &w.client.out), OK);
    w.node.p.keys->receive.n = UINT64_MAX;
    assert_over(&w.node, carry(&w.client, &w.node), ERR_STATE);
}

static void without_room_nothing_is_written(void **state)
{
    uint8_t small[CALL] = { 0 };
    struct buf out = { small, CALL - 1, 0, false };

    (void)state;
    peer_end(&w.client.p);
    assert_int_equal(peer_start(&w.client.p, &w.login, &w.rng, &out), ERR_FULL);
    assert_int_equal(out.n, 0);
    assert_int_equal(w.client.p.state, PEER_OFF);
    fresh_client();
    w.node.out.cap = PEER_ACT_2 - 1;
    assert_over(&w.node, carry(&w.client, &w.node), ERR_FULL);
    fresh_node();
    fresh_client();
    assert_int_equal(carry(&w.client, &w.node), OK);
    w.client.out.cap = PEER_ACT_3 - 1;
    assert_over(&w.client, carry(&w.node, &w.client), ERR_FULL);
    fresh_node();
    fresh_client();
    shake_hands();
    w.node.out.cap = peer_frame_size(0) - 1;
    assert_int_equal(peer_send(&w.node.p, 1, 1, bytes_text("x"), &w.node.out), ERR_FULL);
    assert_int_equal(w.node.out.n, 0);
    assert_false(w.node.out.over);
    w.node.out.cap++;
    assert_int_equal(peer_send(&w.node.p, 1, 1, bytes_text("x"), &w.node.out), OK);
    assert_int_equal(w.node.p.keys->send.n, 1);
}

static void a_full_arena_ends_the_conversation(void **state)
{
    void *hog = NULL;

    (void)state;
    assert_int_equal(secret_alloc(SECRET_ARENA - secret_in_use(), &hog), OK);
    assert_over(&w.node, carry(&w.client, &w.node), ERR_NOMEM);
    secret_free(hog);
}

static void low_order_node_keys_are_refused(void **state)
{
    static const uint8_t zero[PUB_BYTES];

    (void)state;
    side_reset(&w.client);
    w.login.node = zero;
    assert_int_equal(peer_start(&w.client.p, &w.login, &w.rng, &w.client.out), ERR_KEY);
    assert_int_equal(w.client.out.n, 0);
}

static void an_open_peer_is_small(void **state)
{
    (void)state;
    fresh_node();
    peer_end(&w.client.p);
    size_t before = secret_in_use();
    fresh_client();
    assert_true(secret_in_use() - before <= 512);
    shake_hands();
    assert_true(secret_in_use() - before <= 256); /* both sides */
    assert_true(sizeof(struct peer) <= 256);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(conversations_are_as_published),
        CASE(a_wrong_gate_is_dropped_unheard),
        CASE(a_caller_of_another_node_is_dropped),
        CASE(a_right_gate_helps_no_wrong_hello),
        CASE(a_right_gate_helps_no_changed_act),
        CASE(every_flipped_bit_of_act_2_is_refused),
        CASE(every_flipped_bit_of_act_3_is_refused),
        CASE(wrong_and_unknown_credentials_fail_alike),
        CASE(an_unknown_psk_is_not_a_constant),
        CASE(a_public_key_at_hand_is_used),
        CASE(an_enrolled_caller_shows_no_stable_id),
        CASE(a_replayed_conversation_is_refused),
        CASE(a_replayed_frame_is_refused),
        CASE(a_frame_left_out_is_noticed),
        CASE(reflected_bytes_are_refused),
        CASE(every_flipped_byte_of_a_frame_is_refused),
        CASE(padding_must_be_zero),
        CASE(a_body_must_fit_its_frame_and_no_smaller_one),
        CASE(a_length_of_no_frame_is_refused_at_once),
        CASE(nothing_is_sent_before_the_handshake_ends),
        CASE(a_frame_right_behind_act_3_is_read),
        CASE(the_psk_is_set_when_asked_for_only),
        CASE(the_last_nonce_is_never_used),
        CASE(without_room_nothing_is_written),
        CASE(a_full_arena_ends_the_conversation),
        CASE(low_order_node_keys_are_refused),
        CASE(a_truncated_act_is_waited_for_in_silence),
        CASE(both_sides_meet),
        CASE(bytes_may_come_one_at_a_time),
        CASE(frames_have_five_sizes),
        CASE(kind_and_tag_arrive),
        CASE(several_frames_may_come_at_once),
        CASE(each_step_says_how_much_it_needs),
        CASE(an_open_peer_is_small),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        secret_end();
    return failed;
}
