/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/drop.h"
#include "tests/sim/node_sim.h"

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
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("drop", tests, NULL, NULL);

    secret_end();
    return failed;
}
