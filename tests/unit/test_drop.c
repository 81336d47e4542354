/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/drop.h"
#include "tests/sim/node_sim.h"
#include "tests/unit/json.h"

static const uint8_t drop_id[ID_BYTES] = { 'd', 'r', 'o', 'p' };
static const uint8_t other_id[ID_BYTES] = { 'e', 'l', 's', 'e' };

/* What one call does to a drop, and what it found. */
struct step {
    const uint8_t *drop;
    struct bytes blob;
    uint64_t seq;
    size_t max;
    enum err then; /* the result after an append */
    struct drop_entry lines[16];
    size_t n;
    uint8_t got[64];
    size_t got_n;
};

static int up(void **state)
{
    struct node_sim *n = calloc(1, sizeof *n);

    assert_non_null(n);
    node_sim_open(n, 11);
    *state = n;
    return 0;
}

static int down(void **state)
{
    node_sim_close(*state);
    free(*state);
    return 0;
}

static enum err do_new(struct call *c, void *arg)
{
    const struct step *s = arg;

    return drop_new(c, s->drop, KIND_ALERT, other_id);
}

static enum err do_append(struct call *c, void *arg)
{
    const struct step *s = arg;

    TRY(drop_append(c, s->drop, s->blob));
    return s->then;
}

static enum err do_list(struct call *c, void *arg)
{
    struct step *s = arg;

    return drop_list(c, s->drop, s->seq, s->lines, s->max, &s->n);
}

static enum err do_get(struct call *c, void *arg)
{
    struct step *s = arg;
    struct bytes blob = { 0 };

    TRY(drop_get(c, s->drop, s->seq, &blob));
    assert_true(blob.n <= sizeof s->got);
    memcpy(s->got, blob.p, blob.n);
    s->got_n = blob.n;
    return OK;
}

static void make(struct node_sim *n)
{
    struct step s = { .drop = drop_id };

    assert_int_equal(node_sim_write(n, NULL, do_new, &s), OK);
}

static enum err append(struct node_sim *n, const char *text)
{
    struct step s = { .drop = drop_id, .blob = bytes_text(text) };

    return node_sim_write(n, NULL, do_append, &s);
}

static struct step list(struct node_sim *n, uint64_t after, size_t max)
{
    struct step s = { .drop = drop_id, .seq = after, .max = max };

    assert_int_equal(node_sim_write(n, NULL, do_list, &s), OK);
    return s;
}

static void what_is_not_there_is_unknown(void **state)
{
    struct node_sim *n = *state;
    struct step s = { .drop = other_id, .blob = bytes_text("x"), .max = 1, .seq = 1 };

    assert_int_equal(node_sim_write(n, NULL, do_append, &s), ERR_UNKNOWN);
    assert_int_equal(node_sim_write(n, NULL, do_list, &s), ERR_UNKNOWN);
    assert_int_equal(node_sim_write(n, NULL, do_get, &s), ERR_UNKNOWN);
    make(n);
    s.drop = drop_id;
    assert_int_equal(node_sim_write(n, NULL, do_get, &s), ERR_UNKNOWN);
    assert_int_equal(node_sim_write(n, NULL, do_new, &s), ERR_EXISTS);
}

static void a_blob_has_bounds(void **state)
{
    struct node_sim *n = *state;
    static uint8_t big[RECORD_BLOB_MAX + 1];
    struct step s = { .drop = drop_id };

    make(n);
    assert_int_equal(node_sim_write(n, NULL, do_append, &s), ERR_TOO_BIG);
    s.blob = BYTES_OF(big);
    assert_int_equal(node_sim_write(n, NULL, do_append, &s), ERR_TOO_BIG);
    assert_int_equal(list(n, 0, 16).n, 0);
    s.blob.n = RECORD_BLOB_MAX;
    assert_int_equal(node_sim_write(n, NULL, do_append, &s), OK);
    assert_int_equal(list(n, 0, 16).n, 1);
}

static void what_a_failed_handler_appended_is_not_there(void **state)
{
    struct node_sim *n = *state;
    struct step s = { .drop = drop_id, .blob = bytes_text("x"), .then = ERR_STATE };

    make(n);
    assert_int_equal(node_sim_write(n, NULL, do_append, &s), ERR_STATE);
    assert_int_equal(list(n, 0, 16).n, 0);
}

static void the_head_is_the_chain_a_reader_computes(void **state)
{
    struct node_sim *n = *state;
    const char *texts[] = { "one", "two", "three" };
    uint8_t head[HASH_BYTES] = { 0 };
    uint8_t hash[HASH_BYTES];

    make(n);
    for (size_t i = 0; i < 3; i++) {
        n->now += i;
        assert_int_equal(append(n, texts[i]), OK);
    }
    node_sim_again(n);
    struct step s = list(n, 0, 16);

    assert_int_equal(s.n, 3);
    for (size_t i = 0; i < 3; i++) {
        struct step get = { .drop = drop_id, .seq = s.lines[i].seq };

        assert_int_equal(s.lines[i].seq, i + 1);
        assert_int_equal(node_sim_write(n, NULL, do_get, &get), OK);
        drop_blob_hash(bytes_of(get.got, get.got_n), hash);
        drop_chain(head, i + 1, s.lines[i].received, hash, head);
        assert_memory_equal(head, s.lines[i].head, HASH_BYTES);
    }
    /* Each of sequence, time and content is in it. */
    uint8_t a[HASH_BYTES];
    uint8_t b[HASH_BYTES];

    drop_blob_hash(bytes_text("x"), hash);
    drop_chain(head, 4, 5, hash, a);
    drop_chain(head, 5, 5, hash, b);
    assert_memory_not_equal(a, b, HASH_BYTES);
    drop_chain(head, 4, 6, hash, b);
    assert_memory_not_equal(a, b, HASH_BYTES);
    drop_blob_hash(bytes_text("y"), hash);
    drop_chain(head, 4, 5, hash, b);
    assert_memory_not_equal(a, b, HASH_BYTES);
}

static void a_list_goes_on_behind_an_entry(void **state)
{
    struct node_sim *n = *state;

    make(n);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(append(n, "x"), OK);
    struct step s = list(n, 0, 2);

    assert_int_equal(s.n, 2);
    s = list(n, s.lines[1].seq, 16);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.lines[0].seq, 3);
    assert_int_equal(list(n, 5, 16).n, 0);
    assert_int_equal(list(n, UINT64_MAX, 16).n, 0);
}

static void entries_stay_180_days(void **state)
{
    struct node_sim *n = *state;

    make(n);
    assert_int_equal(append(n, "old"), OK);
    n->now += DROP_KEEP_S - 1;
    assert_int_equal(append(n, "new"), OK);
    assert_int_equal(list(n, 0, 16).n, 2);
    n->now += 1;
    assert_int_equal(append(n, "newest"), OK);
    struct step s = list(n, 0, 16);

    assert_int_equal(s.n, 2);
    assert_int_equal(s.lines[0].seq, 2);
    assert_int_equal(s.lines[1].seq, 3);
}

static void a_full_drop_takes_one_more_and_loses_its_oldest(void **state)
{
    struct node_sim *n = *state;

    n->limits.blobs = 4;
    make(n);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(append(n, "x"), OK);
    struct step s = list(n, 0, 16);

    assert_int_equal(s.n, 4);
    assert_int_equal(s.lines[0].seq, 3);
    assert_int_equal(s.lines[3].seq, 6);
}

/* ---- what is signed: each part counts ---- */

static void a_changed_receipt_is_refused(void **state)
{
    struct drop_receipt r = { .drop = { 1 }, .seq = 7, .head = { 2 }, .time = 9 };
    struct drop_receipt got = { 0 };
    struct sign_seed node = { { 3 } };
    uint8_t pub[PUB_BYTES];
    uint8_t raw[DROP_RECEIPT_MAX];
    struct buf b = BUF_OF(raw);

    (void)state;
    crypt_sign_public(&node, pub);
    drop_receipt_make(&r, &node, &b);
    assert_false(b.over);
    for (size_t i = 0; i < b.n; i++) {
        raw[i] ^= 1;
        assert_int_not_equal(drop_receipt_open(buf_bytes(&b), pub, &got), OK);
        raw[i] ^= 1;
        assert_int_not_equal(drop_receipt_open(bytes_of(raw, i), pub, &got), OK);
    }
    assert_int_equal(got.seq, 0);
    assert_int_equal(drop_receipt_open(buf_bytes(&b), pub, &got), OK);
    assert_memory_equal(&got, &r, sizeof r);
    pub[0] ^= 1;
    assert_int_not_equal(drop_receipt_open(buf_bytes(&b), pub, &got), OK);
}

static void a_mark_is_of_one_drop_one_number_one_head(void **state)
{
    struct sign_seed reader = { { 4 } };
    uint8_t pub[PUB_BYTES];
    uint8_t sig[SIG_BYTES];
    uint8_t head[HASH_BYTES] = { 5 };
    uint8_t other[HASH_BYTES] = { 6 };

    (void)state;
    crypt_sign_public(&reader, pub);
    drop_mark_sign(&reader, drop_id, 3, head, sig);
    assert_int_equal(drop_mark_verify(pub, other_id, 3, head, sig), ERR_SIGNATURE);
    assert_int_equal(drop_mark_verify(pub, drop_id, 4, head, sig), ERR_SIGNATURE);
    assert_int_equal(drop_mark_verify(pub, drop_id, 3, other, sig), ERR_SIGNATURE);
    assert_int_equal(drop_mark_verify(pub, drop_id, 3, head, sig), OK);
    /* What a depositor signs is no mark, whatever it says. */
    drop_blob_sign(&reader, drop_id, BYTES_OF(head), sig);
    assert_int_equal(drop_mark_verify(pub, drop_id, 3, head, sig), ERR_SIGNATURE);
    assert_int_equal(drop_blob_verify(pub, other_id, BYTES_OF(head), sig), ERR_SIGNATURE);
    assert_int_equal(drop_blob_verify(pub, drop_id, BYTES_OF(other), sig), ERR_SIGNATURE);
    assert_int_equal(drop_blob_verify(pub, drop_id, BYTES_OF(head), sig), OK);
}

/* ---- vectors, computed by tests/vectors/make.py ---- */

static uint64_t number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return v == NULL ? 0 : (uint64_t)json_integer_value(v);
}

static void vector_event(const json_t *want, struct bytes blob)
{
    struct drop_event ev = { 0 };
    uint8_t again[128];
    uint8_t ward[ID_BYTES];
    struct buf b = BUF_OF(again);

    assert_int_equal(wire_get(&drop_event_schema, blob, &ev), OK);
    assert_int_equal(ev.event, number(want, "event"));
    assert_int_equal(ev.time, number(want, "time"));
    assert_int_equal(ev.epoch, number(want, "epoch"));
    json_fixed(want, "ward", SPAN_OF(ward));
    assert_memory_equal(ev.ward, ward, ID_BYTES);
    wire_put(&drop_event_schema, &ev, &b);
    assert_true(bytes_equal(buf_bytes(&b), blob));
}

static void vectors_of_the_chain(void **state)
{
    static uint8_t mem[DROP_BLOB_MAX];
    json_t *all = json_vectors("drop.json");
    const json_t *entries = json_at(all, "entries");
    uint8_t head[HASH_BYTES] = { 0 };
    uint8_t hash[HASH_BYTES];
    uint8_t want[HASH_BYTES];

    (void)state;
    assert_int_equal(json_array_size(entries), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *e = json_array_get(entries, i);
        struct bytes blob = json_bytes(e, "blob", SPAN_OF(mem));

        if (i < 3)
            vector_event(json_array_get(json_at(all, "events"), i), blob);
        drop_blob_hash(blob, hash);
        json_fixed(e, "hash", SPAN_OF(want));
        assert_memory_equal(hash, want, HASH_BYTES);
        if (i == 0)
            assert_int_equal(load_u64(hash) % 1296, number(all, "test_word"));
        drop_chain(head, number(e, "seq"), number(e, "received"), hash, head);
        json_fixed(e, "head", SPAN_OF(want));
        assert_memory_equal(head, want, HASH_BYTES);
    }
    json_decref(all);
}

static void vectors_of_what_is_signed(void **state)
{
    static uint8_t mem[DROP_BLOB_MAX];
    json_t *all = json_vectors("drop.json");
    const json_t *r = json_at(all, "receipt");
    const json_t *m = json_at(all, "mark");
    const json_t *d = json_at(all, "deposit");
    struct sign_seed seed = { 0 };
    struct drop_receipt receipt = { 0 };
    uint8_t pub[PUB_BYTES];
    uint8_t drop[ID_BYTES];
    uint8_t head[HASH_BYTES];
    uint8_t raw[DROP_RECEIPT_MAX];
    uint8_t sig[SIG_BYTES];
    uint8_t want[SIG_BYTES];
    struct buf b = BUF_OF(raw);

    (void)state;
    json_fixed(all, "drop", SPAN_OF(drop));
    json_fixed(r, "pub", SPAN_OF(pub));
    struct bytes whole = json_bytes(r, "signed", SPAN_OF(mem));

    assert_int_equal(drop_receipt_open(whole, pub, &receipt), OK);
    assert_int_equal(receipt.seq, number(json_at(r, "fields"), "seq"));
    assert_int_equal(receipt.time, number(json_at(r, "fields"), "time"));
    json_fixed(r, "seed", SPAN_OF(seed.b));
    drop_receipt_make(&receipt, &seed, &b);
    assert_true(bytes_equal(buf_bytes(&b), whole));

    json_fixed(m, "seed", SPAN_OF(seed.b));
    json_fixed(m, "head", SPAN_OF(head));
    json_fixed(m, "sig", SPAN_OF(want));
    drop_mark_sign(&seed, drop, number(m, "seq"), head, sig);
    assert_memory_equal(sig, want, SIG_BYTES);

    json_fixed(d, "seed", SPAN_OF(seed.b));
    json_fixed(d, "sig", SPAN_OF(want));
    drop_blob_sign(&seed, drop, json_bytes(d, "blob", SPAN_OF(mem)), sig);
    assert_memory_equal(sig, want, SIG_BYTES);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_not_there_is_unknown, up, down),
        cmocka_unit_test_setup_teardown(a_blob_has_bounds, up, down),
        cmocka_unit_test_setup_teardown(what_a_failed_handler_appended_is_not_there, up,
                                        down),
        cmocka_unit_test_setup_teardown(the_head_is_the_chain_a_reader_computes, up,
                                        down),
        cmocka_unit_test_setup_teardown(a_list_goes_on_behind_an_entry, up, down),
        cmocka_unit_test_setup_teardown(entries_stay_180_days, up, down),
        cmocka_unit_test_setup_teardown(a_full_drop_takes_one_more_and_loses_its_oldest,
                                        up, down),
        cmocka_unit_test(a_changed_receipt_is_refused),
        cmocka_unit_test(a_mark_is_of_one_drop_one_number_one_head),
        cmocka_unit_test(vectors_of_the_chain),
        cmocka_unit_test(vectors_of_what_is_signed),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("drop", tests, NULL, NULL);

    secret_end();
    return failed;
}
