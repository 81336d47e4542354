/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/noise.h"
#include "tests/noise_vectors.h"

enum { ACTS = 3, ACT_MAX = 128, FILL = 0xa5 };

static const size_t act_size[ACTS] = { 65, 48, 64 };

/* Points whose product with any scalar is zero (RFC 7748 section 7, and twists). */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

enum { LOW_ORDER = sizeof low_order / sizeof low_order[0] };

/* A counted stream: the same bytes in each run. */
struct stream {
    uint8_t next;
};

static void stream_fill(void *ctx, uint8_t *out, size_t n)
{
    struct stream *s = ctx;

    for (size_t i = 0; i < n; i++)
        out[i] = s->next++;
}

/* Two sides of an XKpsk3 handshake and the acts between them. */
struct pair {
    struct noise i;
    struct noise r;
    struct noise_cipher i_send, i_receive, r_send, r_receive;
    struct dh_key i_key, r_key;
    uint8_t i_pub[PUB_BYTES], r_pub[PUB_BYTES];
    struct psk psk, r_psk;
    struct stream stream;
    struct rng rng;
    uint8_t act[ACTS][ACT_MAX];
    size_t act_n[ACTS];
};

static struct bytes payload_of(unsigned act)
{
    return act == 0 ? bytes_text("seventeen bytes..") : (struct bytes){ 0 };
}

static void begin(struct pair *p)
{
    struct noise_keys ik = { &p->i_key, p->i_pub, p->r_pub };
    struct noise_keys rk = { &p->r_key, p->r_pub, NULL };

    noise_start(&p->i, &noise_xkpsk3, NOISE_INITIATOR, bytes_text("hello"), &ik);
    noise_start(&p->r, &noise_xkpsk3, NOISE_RESPONDER, bytes_text("hello"), &rk);
    noise_give_psk(&p->i, &p->psk);
}

static struct pair *pair_new(void)
{
    struct pair *p = NULL;

    assert_int_equal(secret_new(&p), OK);
    p->rng = (struct rng){ stream_fill, &p->stream };
    rng_fill(&p->rng, p->i_key.b, KEY_BYTES);
    rng_fill(&p->rng, p->r_key.b, KEY_BYTES);
    rng_fill(&p->rng, p->psk.b, KEY_BYTES);
    p->r_psk = p->psk;
    crypt_dh_public(&p->i_key, p->i_pub);
    crypt_dh_public(&p->r_key, p->r_pub);
    begin(p);
    return p;
}

static enum err write_act(struct pair *p, unsigned act)
{
    struct buf out = BUF_OF(p->act[act]);
    enum err e = noise_write(act == 1 ? &p->r : &p->i, payload_of(act), &p->rng, &out);

    p->act_n[act] = out.n;
    return e;
}

/* Reads as a node does; on failure the output must be as it was. */
static enum err read_bytes(struct pair *p, unsigned act, struct bytes in)
{
    uint8_t got[ACT_MAX], before[ACT_MAX];
    size_t got_n = 999;
    enum noise_read what = NOISE_READ_DONE;
    struct noise *n = act == 1 ? &p->i : &p->r;

    memset(got, FILL, sizeof got);
    memset(before, FILL, sizeof before);
    enum err e = noise_read(n, in, SPAN_OF(got), &got_n, &what);
    if (e == OK && what == NOISE_READ_PSK) {
        assert_int_equal(act, 2);
        assert_int_equal(got_n, 999);
        assert_memory_equal(got, before, sizeof got);
        noise_give_psk(n, &p->r_psk);
        e = noise_read(n, in, SPAN_OF(got), &got_n, &what);
    }
    if (e != OK) {
        assert_int_equal(got_n, 999);
        assert_memory_equal(got, before, sizeof got);
        assert_null(n->pattern);
        return e;
    }
    assert_true(bytes_equal(bytes_of(got, got_n), payload_of(act)));
    return OK;
}

static enum err read_act(struct pair *p, unsigned act)
{
    return read_bytes(p, act, bytes_of(p->act[act], p->act_n[act]));
}

/* Plays the acts before this one, and writes this one. */
static void play_until(struct pair *p, unsigned act)
{
    for (unsigned a = 0; a < act; a++) {
        assert_int_equal(write_act(p, a), OK);
        assert_int_equal(read_act(p, a), OK);
    }
    if (act < ACTS)
        assert_int_equal(write_act(p, act), OK);
}

static void play_to_transport(struct pair *p)
{
    play_until(p, ACTS);
    assert_memory_equal(noise_hash(&p->i), noise_hash(&p->r), NOISE_HASH);
    assert_int_equal(noise_split(&p->i, &p->i_send, &p->i_receive), OK);
    assert_int_equal(noise_split(&p->r, &p->r_send, &p->r_receive), OK);
}

static void vectors_all_pass(void **state)
{
    static const char path[] =
        KITH_VECTORS "/noise/cacophony_25519_ChaChaPoly_BLAKE2b.json";
    struct vector_count n;

    (void)state;
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    assert_true(noise_vector_file(path, &n));
    assert_int_equal(n.of[VECTOR_FAILED], 0);
    assert_int_equal(n.of[VECTOR_SKIPPED], 0);
    assert_true(n.of[VECTOR_PASSED] >= 27);
}

static void a_changed_vector_fails(void **state)
{
    static const char path[] =
        KITH_VECTORS "/noise/cacophony_25519_ChaChaPoly_BLAKE2b.json";
    json_t *file = json_load_file(path, 0, NULL);
    struct vector_why why;

    (void)state;
    if (file == NULL) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    json_t *v = json_array_get(json_object_get(file, "vectors"), 0);
    assert_int_equal(noise_vector(v, &why), VECTOR_PASSED);
    json_object_set_new(v, "init_prologue", json_string("00"));
    assert_int_equal(noise_vector(v, &why), VECTOR_FAILED);
    json_object_set_new(v, "resp_prologue", json_string("00"));
    assert_int_equal(noise_vector(v, &why), VECTOR_FAILED);
    json_decref(file);
}

static void names_outside_the_suite_are_skipped(void **state)
{
    static const char *const names[] = {
        "Noise_XX_448_ChaChaPoly_BLAKE2b",
        "Noise_XX_25519_AESGCM_BLAKE2b",
        "Noise_XX_25519_ChaChaPoly_SHA256",
        "Noise_XXfallback_25519_ChaChaPoly_BLAKE2b",
        "Noise_XXhfs_25519+448_ChaChaPoly_BLAKE2b",
        "Noise_XXpsk4_25519_ChaChaPoly_BLAKE2b",
        "Noise_YY_25519_ChaChaPoly_BLAKE2b",
        "NoisePSK_XX_25519_ChaChaPoly_BLAKE2b",
    };
    struct noise_pattern p;
    struct vector_why why;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(noise_named(names[i], &p, &why), VECTOR_SKIPPED);
    assert_int_equal(noise_named("Noise", &p, &why), VECTOR_FAILED);
}

static void product_pattern_is_the_specified_one(void **state)
{
    struct noise_pattern p;
    struct vector_why why;

    (void)state;
    assert_int_equal(noise_named(noise_xkpsk3.protocol, &p, &why), VECTOR_PASSED);
    assert_memory_equal(&p, &noise_xkpsk3, sizeof p);
}

/* Begins both sides with every key, so that any pattern can be played. */
static void begin_pattern(struct pair *p, const struct noise_pattern *pattern)
{
    struct noise_keys ik = { &p->i_key, p->i_pub, pattern->resp_known ? p->r_pub : NULL };
    struct noise_keys rk = { &p->r_key, p->r_pub, pattern->init_known ? p->i_pub : NULL };

    noise_start(&p->i, pattern, NOISE_INITIATOR, bytes_text("all"), &ik);
    noise_start(&p->r, pattern, NOISE_RESPONDER, bytes_text("all"), &rk);
}

static void play_pattern(struct pair *p, const struct noise_pattern *pattern)
{
    begin_pattern(p, pattern);
    for (unsigned m = 0; m < pattern->messages; m++) {
        struct noise *from = m % 2 == 0 ? &p->i : &p->r;
        struct noise *to = m % 2 == 0 ? &p->r : &p->i;
        uint8_t wire[256], got[256];
        struct buf out = BUF_OF(wire);
        size_t got_n = 0;
        enum noise_read what;

        if (strchr((const char *)pattern->tokens[m], NOISE_PSK) != NULL) {
            noise_give_psk(from, &p->psk);
            noise_give_psk(to, &p->psk);
        }
        assert_int_equal(noise_write(from, bytes_text("ping"), &p->rng, &out), OK);
        assert_int_equal(noise_read(to, buf_bytes(&out), SPAN_OF(got), &got_n, &what),
                         OK);
        assert_int_equal(what, NOISE_READ_DONE);
        assert_true(bytes_equal(bytes_of(got, got_n), bytes_text("ping")));
    }
    assert_true(noise_complete(&p->i) && noise_complete(&p->r));
    assert_memory_equal(noise_hash(&p->i), noise_hash(&p->r), NOISE_HASH);
}

static void every_pattern_agrees_with_itself(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();

    (void)state;
    for (size_t i = 0; noise_pattern_name(i) != NULL; i++) {
        for (int psk = -1; psk < NOISE_MESSAGES; psk++) {
            struct noise_pattern pattern;
            struct vector_why why;
            char mod[8] = "", name[80];

            if (psk >= 0)
                (void)snprintf(mod, sizeof mod, "psk%d", psk);
            (void)snprintf(name, sizeof name, "Noise_%s%s_25519_ChaChaPoly_BLAKE2b",
                           noise_pattern_name(i), mod);
            if (noise_named(name, &pattern, &why) == VECTOR_PASSED)
                play_pattern(p, &pattern);
            else
                assert_true(psk > 0);
        }
    }
}

static void handshake_has_the_fixed_sizes(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();

    (void)state;
    play_to_transport(p);
    for (unsigned a = 0; a < ACTS; a++)
        assert_int_equal(p->act_n[a], act_size[a]);
    assert_memory_equal(&p->i_send, &p->r_receive, sizeof p->i_send);
    assert_memory_equal(&p->i_receive, &p->r_send, sizeof p->i_send);
    assert_memory_not_equal(p->i_send.k, p->i_receive.k, KEY_BYTES);
    assert_null(p->i.pattern);
    assert_true(sizeof(struct noise) < 600);
}

static void responder_learns_the_static_key_before_the_psk(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    uint8_t got[ACT_MAX];
    size_t got_n;
    enum noise_read what = NOISE_READ_DONE;

    (void)state;
    play_until(p, 2);
    struct bytes in = bytes_of(p->act[2], p->act_n[2]);
    assert_int_equal(noise_read(&p->r, in, SPAN_OF(got), &got_n, &what), OK);
    assert_int_equal(what, NOISE_READ_PSK);
    assert_memory_equal(noise_remote(&p->r), p->i_pub, PUB_BYTES);
    assert_false(noise_complete(&p->r));
    /* Asked again without a key, it says the same. */
    assert_int_equal(noise_read(&p->r, in, SPAN_OF(got), &got_n, &what), OK);
    assert_int_equal(what, NOISE_READ_PSK);
    noise_give_psk(&p->r, &p->psk);
    assert_int_equal(noise_read(&p->r, in, SPAN_OF(got), &got_n, &what), OK);
    assert_int_equal(what, NOISE_READ_DONE);
    assert_true(noise_complete(&p->r));
}

static void every_flipped_bit_of_every_act_is_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();

    (void)state;
    for (unsigned act = 0; act < ACTS; act++) {
        for (size_t bit = 0; bit < 8 * act_size[act]; bit++) {
            begin(p);
            play_until(p, act);
            p->act[act][bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(read_act(p, act), ERR_AUTH);
            p->act[act][bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(read_act(p, act), ERR_STATE);
        }
    }
}

static void every_truncated_or_longer_act_is_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();

    (void)state;
    for (unsigned act = 0; act < ACTS; act++) {
        for (size_t n = 0; n <= act_size[act] + 1; n++) {
            if (n == act_size[act])
                continue;
            begin(p);
            play_until(p, act);
            enum err e = read_bytes(p, act, bytes_of(p->act[act], n));
            assert_true(e == ERR_FORMAT || e == ERR_AUTH);
        }
    }
}

static void replayed_acts_are_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    uint8_t old[ACTS][ACT_MAX];

    (void)state;
    play_until(p, ACTS);
    memcpy(old, p->act, sizeof old);
    /* The same first act to a fresh responder: its answer differs, so the third fails. */
    begin(p);
    assert_int_equal(read_bytes(p, 0, bytes_of(old[0], act_size[0])), OK);
    assert_int_equal(write_act(p, 1), OK);
    assert_memory_not_equal(p->act[1], old[1], PUB_BYTES);
    assert_int_equal(read_bytes(p, 2, bytes_of(old[2], act_size[2])), ERR_AUTH);
    /* An old second act to a fresh initiator. */
    begin(p);
    play_until(p, 1);
    assert_int_equal(read_bytes(p, 1, bytes_of(old[1], act_size[1])), ERR_AUTH);
}

static void acts_out_of_turn_change_nothing(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    struct buf out = BUF_OF(p->act[0]);
    uint8_t got[ACT_MAX];
    size_t got_n;
    enum noise_read what;

    (void)state;
    assert_int_equal(noise_write(&p->r, payload_of(1), &p->rng, &out), ERR_STATE);
    assert_int_equal(out.n, 0);
    assert_int_equal(noise_split(&p->i, &p->i_send, &p->i_receive), ERR_STATE);
    play_until(p, 1);
    struct bytes first = bytes_of(p->act[0], p->act_n[0]);
    assert_int_equal(noise_read(&p->i, first, SPAN_OF(got), &got_n, &what), ERR_AUTH);
    begin(p);
    play_until(p, 1);
    /* The first act again, when the responder has answered and waits for the third. */
    assert_int_equal(read_bytes(p, 2, first), ERR_AUTH);
    begin(p);
    play_to_transport(p);
    assert_int_equal(write_act(p, 0), ERR_STATE);
}

static void a_wrong_psk_is_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();

    (void)state;
    p->r_psk.b[31] ^= 1;
    play_until(p, 2);
    assert_int_equal(read_act(p, 2), ERR_AUTH);
}

static void a_missing_psk_is_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();

    (void)state;
    p->i.psks = 0;
    play_until(p, 1);
    assert_int_equal(read_act(p, 1), OK);
    assert_int_equal(write_act(p, 2), ERR_STATE);
    assert_int_equal(p->act_n[2], 0);
    assert_null(p->i.pattern);
}

static void another_prologue_is_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    struct noise_keys rk = { &p->r_key, p->r_pub, NULL };

    (void)state;
    noise_start(&p->r, &noise_xkpsk3, NOISE_RESPONDER, bytes_text("hallo"), &rk);
    assert_int_equal(write_act(p, 0), OK);
    assert_int_equal(read_act(p, 0), ERR_AUTH);
}

static void another_static_key_is_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    struct noise_keys as_r = { &p->i_key, p->i_pub, NULL };
    struct noise_keys to_r = { &p->i_key, p->i_pub, p->i_pub };

    (void)state;
    /* A responder that is not the one meant. */
    noise_start(&p->r, &noise_xkpsk3, NOISE_RESPONDER, bytes_text("hello"), &as_r);
    assert_int_equal(write_act(p, 0), OK);
    assert_int_equal(read_act(p, 0), ERR_AUTH);
    /* An initiator that means another one. */
    begin(p);
    noise_start(&p->i, &noise_xkpsk3, NOISE_INITIATOR, bytes_text("hello"), &to_r);
    assert_int_equal(write_act(p, 0), OK);
    assert_int_equal(read_act(p, 0), ERR_AUTH);
    /* An initiator that claims a static key it does not have. */
    begin(p);
    memcpy(p->i.s_pub, p->r_pub, PUB_BYTES);
    play_until(p, 2);
    assert_int_equal(read_act(p, 2), ERR_AUTH);
}

static void point(unsigned i, uint8_t out[PUB_BYTES])
{
    assert_int_equal(
        hex_decode(bytes_text(low_order[i]), (struct span){ out, PUB_BYTES }), OK);
}

static void low_order_points_are_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();

    (void)state;
    for (unsigned i = 0; i < LOW_ORDER; i++) {
        /* As the responder's static key: nothing is sent. */
        begin(p);
        point(i, p->i.rs);
        assert_int_equal(write_act(p, 0), ERR_KEY);
        assert_int_equal(p->act_n[0], 0);
        assert_null(p->i.pattern);
        /* As the ephemeral key of the first and of the second act. */
        for (unsigned act = 0; act < 2; act++) {
            begin(p);
            play_until(p, act);
            point(i, p->act[act]);
            assert_int_equal(read_act(p, act), ERR_KEY);
        }
        /* As the initiator's static key, properly encrypted. */
        begin(p);
        point(i, p->i.s_pub);
        play_until(p, 2);
        assert_int_equal(read_act(p, 2), ERR_KEY);
    }
}

static void outputs_without_room_are_refused(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    uint8_t small[ACT_MAX];
    size_t got_n = 7;
    enum noise_read what = NOISE_READ_PSK;

    (void)state;
    for (size_t cap = 0; cap < act_size[0]; cap++) {
        struct buf out = { small, cap, 0, false };
        begin(p);
        assert_int_equal(noise_write(&p->i, payload_of(0), &p->rng, &out), ERR_TOO_BIG);
        assert_int_equal(out.n, 0);
    }
    begin(p);
    play_until(p, 0);
    struct bytes in = bytes_of(p->act[0], p->act_n[0]);
    assert_int_equal(noise_read(&p->r, in, (struct span){ small, 16 }, &got_n, &what),
                     ERR_TOO_BIG);
    assert_int_equal(got_n, 7);
    assert_int_equal(what, NOISE_READ_PSK);
}

static void messages_beyond_the_limit_are_refused(void **state)
{
    static uint8_t big[NOISE_MAX + 1 + NOISE_TAG], opened[NOISE_MAX + 1];
    AUTO_SECRET struct pair *p = pair_new();
    size_t got_n;
    enum noise_read what;
    struct buf out = BUF_OF(big);

    (void)state;
    assert_int_equal(noise_write(&p->i, bytes_of(big, NOISE_MAX - 47), &p->rng, &out),
                     ERR_TOO_BIG);
    assert_int_equal(
        noise_read(&p->r, bytes_of(big, NOISE_MAX + 1), SPAN_OF(opened), &got_n, &what),
        ERR_TOO_BIG);
    begin(p);
    play_to_transport(p);
    assert_int_equal(noise_seal(&p->i_send, (struct bytes){ 0 },
                                bytes_of(big, NOISE_MAX - NOISE_TAG + 1), big),
                     ERR_TOO_BIG);
    assert_int_equal(
        noise_open(&p->r_receive, (struct bytes){ 0 }, bytes_of(big, NOISE_MAX + 1), big),
        ERR_TOO_BIG);
    /* Exactly the limit goes, in place. */
    assert_int_equal(noise_seal(&p->i_send, (struct bytes){ 0 },
                                bytes_of(big, NOISE_MAX - NOISE_TAG), big),
                     OK);
    assert_int_equal(
        noise_open(&p->r_receive, (struct bytes){ 0 }, bytes_of(big, NOISE_MAX), big),
        OK);
}

static void a_nonce_advances_only_after_its_tag(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    uint8_t sealed[3 + NOISE_TAG], got[3] = { FILL, FILL, FILL };
    const struct bytes none = { 0 };

    (void)state;
    play_to_transport(p);
    assert_int_equal(noise_seal(&p->i_send, none, bytes_text("abc"), sealed), OK);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x10;
        assert_int_equal(noise_open(&p->r_receive, none, BYTES_OF(sealed), got),
                         ERR_AUTH);
        assert_int_equal(p->r_receive.n, 0);
        sealed[i] ^= 0x10;
    }
    for (size_t n = 0; n < sizeof sealed; n++)
        assert_int_not_equal(noise_open(&p->r_receive, none, bytes_of(sealed, n), got),
                             OK);
    assert_int_equal(noise_open(&p->r_receive, bytes_text("x"), BYTES_OF(sealed), got),
                     ERR_AUTH);
    /* Reflected to its sender. */
    assert_int_equal(noise_open(&p->i_receive, none, BYTES_OF(sealed), got), ERR_AUTH);
    assert_memory_equal(got, ((uint8_t[]){ FILL, FILL, FILL }), 3);
    assert_int_equal(noise_open(&p->r_receive, none, BYTES_OF(sealed), got), OK);
    assert_memory_equal(got, "abc", 3);
    /* Replayed. */
    assert_int_equal(noise_open(&p->r_receive, none, BYTES_OF(sealed), got), ERR_AUTH);
    assert_int_equal(p->r_receive.n, 1);
}

static void the_last_nonce_is_reserved(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    uint8_t sealed[1 + NOISE_TAG] = { 0 }, got[1] = { FILL };
    const struct bytes none = { 0 };

    (void)state;
    play_to_transport(p);
    p->i_send.n = UINT64_MAX - 1;
    p->r_receive.n = UINT64_MAX - 1;
    assert_int_equal(noise_seal(&p->i_send, none, bytes_text("z"), sealed), OK);
    assert_int_equal(noise_open(&p->r_receive, none, BYTES_OF(sealed), got), OK);
    assert_int_equal(got[0], 'z');
    memset(sealed, FILL, sizeof sealed);
    assert_int_equal(noise_seal(&p->i_send, none, bytes_text("y"), sealed), ERR_STATE);
    assert_int_equal(sealed[0], FILL);
    assert_int_equal(noise_open(&p->r_receive, none, BYTES_OF(sealed), got), ERR_STATE);
    assert_int_equal(got[0], 'z');
    assert_true(p->i_send.n == UINT64_MAX && p->r_receive.n == UINT64_MAX);
}

static void an_empty_struct_is_dead(void **state)
{
    struct noise n = { 0 };
    struct noise_cipher a, b;
    uint8_t bytes[ACT_MAX];
    struct buf out = BUF_OF(bytes);
    size_t got_n;
    enum noise_read what;

    (void)state;
    assert_int_equal(noise_write(&n, (struct bytes){ 0 }, &crypt_random, &out),
                     ERR_STATE);
    assert_int_equal(noise_read(&n, BYTES_OF(bytes), SPAN_OF(bytes), &got_n, &what),
                     ERR_STATE);
    assert_int_equal(noise_split(&n, &a, &b), ERR_STATE);
}

static void a_full_arena_is_an_error(void **state)
{
    AUTO_SECRET struct pair *p = pair_new();
    void *hog = NULL;

    (void)state;
    assert_int_equal(secret_alloc(SECRET_ARENA - secret_in_use(), &hog), OK);
    assert_int_equal(write_act(p, 0), ERR_NOMEM);
    assert_int_equal(p->act_n[0], 0);
    secret_free(hog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_all_pass),
        cmocka_unit_test(a_changed_vector_fails),
        cmocka_unit_test(names_outside_the_suite_are_skipped),
        cmocka_unit_test(product_pattern_is_the_specified_one),
        cmocka_unit_test(every_pattern_agrees_with_itself),
        cmocka_unit_test(handshake_has_the_fixed_sizes),
        cmocka_unit_test(responder_learns_the_static_key_before_the_psk),
        cmocka_unit_test(every_flipped_bit_of_every_act_is_refused),
        cmocka_unit_test(every_truncated_or_longer_act_is_refused),
        cmocka_unit_test(replayed_acts_are_refused),
        cmocka_unit_test(acts_out_of_turn_change_nothing),
        cmocka_unit_test(a_wrong_psk_is_refused),
        cmocka_unit_test(a_missing_psk_is_refused),
        cmocka_unit_test(another_prologue_is_refused),
        cmocka_unit_test(another_static_key_is_refused),
        cmocka_unit_test(low_order_points_are_refused),
        cmocka_unit_test(outputs_without_room_are_refused),
        cmocka_unit_test(messages_beyond_the_limit_are_refused),
        cmocka_unit_test(a_nonce_advances_only_after_its_tag),
        cmocka_unit_test(the_last_nonce_is_reserved),
        cmocka_unit_test(an_empty_struct_is_dead),
        cmocka_unit_test(a_full_arena_is_an_error),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        secret_end();
    return failed;
}
