/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several roots counts, when people put one in the place of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/cert.h"
#include "proto/recover.h"
#include "tests/unit/circle.h"

enum { N = 5, T = 3, ROOTS = 3, ROOM = 64 * 1024 };

/* Three roots of one circle of the same people, one epoch each. */
struct chain {
    struct root_key *roots[ROOTS];
    struct circle circles[ROOTS];
    struct root_key *found;
    uint8_t statements[ROOM];
    uint8_t proofs[ROOTS][MOVE_PROOF_MAX];
    struct answer answers[2 * N];
    size_t n;
    struct recover_result r;
};

static struct chain *ch;
static struct buf said;

static int chain_new(void **state)
{
    const struct manifest_group g = { T, N };

    (void)state;
    ch = calloc(1, sizeof *ch);
    if (ch == NULL || secret_new(&ch->found) != OK)
        return -1;
    for (size_t i = 0; i < ROOTS; i++) {
        if (secret_new(&ch->roots[i]) != OK)
            return -1;
        rng_fill(&crypt_random, ch->roots[i]->b, KEY_BYTES);
        if (i > 0)
            memcpy(ch->circles[i].approvals, ch->circles[0].approvals,
                   sizeof ch->circles[0].approvals);
        circle_make(&ch->circles[i], ch->roots[i], (uint32_t)i + 1, &g, 1, 1);
    }
    said = (struct buf){ .p = ch->statements, .cap = ROOM };
    return 0;
}

static int chain_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOTS; i++)
        secret_free(ch->roots[i]);
    secret_free(ch->found);
    free(ch);
    return 0;
}

/* Guardians from one to another give their piece of that root's circle. */
static void give(size_t root, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        ch->answers[ch->n] = circle_answer(&ch->circles[root], i, &said);
        ch->answers[ch->n].node_key[1] = (uint8_t)root;
        ch->n++;
    }
}

/* The word of so many that root from + 1 takes the place of root from. */
static struct bytes proof(size_t from, size_t people, const struct sign_seed *keys)
{
    const struct circle *old = &ch->circles[from];
    struct move m = { .epoch = old->m.epoch, .time = 1000 };
    struct sign_seed requester = { { 3 } };
    uint8_t raw[MOVE_MAX];
    static uint8_t people_raw[8192];
    struct buf b = BUF_OF(raw);
    struct buf c = BUF_OF(people_raw);
    struct buf all = BUF_OF(ch->proofs[from]);
    AUTO_FREE struct cert *cert = calloc(1, sizeof *cert);

    memcpy(m.circle, old->m.circle, ID_BYTES);
    memcpy(m.manifest_hash, old->hash, HASH_BYTES);
    memcpy(m.old_owner, old->m.owner, PUB_BYTES);
    memcpy(m.new_owner, ch->circles[from + 1].m.owner, PUB_BYTES);
    crypt_sign_public(&requester, m.req_sign);
    move_make(&m, &requester, &b);
    for (size_t i = 0; i < people; i++) {
        struct statement s = {
            .kind = REQUEST_MOVE, .purpose = PURPOSE_MOVE, .n_epochs = 1, .how = HOW_MET
        };
        size_t at = said.n;

        memcpy(s.subject, m.new_owner, PUB_BYTES);
        memcpy(s.req_sign, m.req_sign, PUB_BYTES);
        memcpy(s.epochs[0].manifest_hash, old->hash, HASH_BYTES);
        s.epochs[0].epoch = old->m.epoch;
        statement_make(&s, &keys[i], &said);
        cert->lines[cert->n_lines++].statement = bytes_of(said.p + at, said.n - at);
    }
    cert_put(cert, &c);
    const struct move_proof p = { buf_bytes(&b), buf_bytes(&c) };
    move_proof_put(&p, &all);
    assert_false(b.over || c.over || all.over || said.over);
    return buf_bytes(&all);
}

static enum recover_state judge(const struct bytes *moves, size_t n, const uint8_t *owner)
{
    const struct recover_in in = {
        .answers = ch->answers, .n = ch->n, .owner = owner, .moves = moves, .n_moves = n
    };

    assert_int_equal(recover_all(&in, &ch->r, ch->found), OK);
    return ch->r.state;
}

static bool is_root(size_t i)
{
    return secret_equal(ch->found->b, ch->roots[i]->b, KEY_BYTES);
}

/* Nobody's word, too few, whoever is no guardian, bytes that are no MOVE. */
static void no_word_of_the_people(void **state)
{
    struct sign_seed thief[T] = { { { 1 } }, { { 2 } }, { { 3 } } };
    struct bytes moves[2];

    (void)state;
    give(0, 0, N);
    give(1, 0, N);
    assert_int_equal(judge(NULL, 0, NULL), RECOVER_TWO_WORLDS);
    moves[0] = proof(0, T - 1, ch->circles[0].approvals);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    moves[0] = proof(0, T, thief);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    moves[0] = proof(0, T, ch->circles[0].approvals);
    ch->proofs[0][moves[0].n / 2] ^= 1;
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    moves[1] = bytes_text("no MOVE");
    assert_int_equal(judge(moves, 2, NULL), RECOVER_TWO_WORLDS);
    assert_int_equal(ch->r.n_replaced, 0);
    assert_false(is_root(0) || is_root(1));
}

/* A MOVE of a circle that no answer brought says nothing about those that are here. */
static void of_another_circle(void **state)
{
    struct bytes moves[1];

    (void)state;
    give(0, 0, N);
    give(2, 0, N);
    moves[0] = proof(1, T, ch->circles[1].approvals);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
}

static void the_newest_root_counts(void **state)
{
    struct bytes moves[1];

    (void)state;
    give(0, 0, N);
    give(1, 0, T);
    moves[0] = proof(0, T, ch->circles[0].approvals);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_FOUND);
    assert_true(is_root(1));
    assert_int_equal(ch->r.n_owners, 1);
    assert_memory_equal(ch->r.owners[0], ch->circles[1].m.owner, PUB_BYTES);
    assert_int_equal(ch->r.n_replaced, 1);
    assert_memory_equal(ch->r.replaced[0], ch->circles[0].m.owner, PUB_BYTES);
    assert_false(ch->r.late);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(ch->r.verdicts[i], VERDICT_STALE_EPOCH);
    for (size_t i = N; i < N + T; i++)
        assert_int_equal(ch->r.verdicts[i], VERDICT_GOOD);
    /* Who asks for the old one by its words still gets it. */
    assert_int_equal(judge(moves, 1, ch->circles[0].m.owner), RECOVER_FOUND);
    assert_true(is_root(0));
    assert_true(ch->r.late);
}

/* Whatever order epochs have: a thief's with the old root may be the highest. */
static void not_the_highest_epoch(void **state)
{
    const struct manifest_group g = { T, N };
    struct bytes moves[1];

    (void)state;
    circle_make(&ch->circles[2], ch->roots[0], 9, &g, 1, 1);
    give(0, 0, T);
    give(1, 0, T);
    give(2, 0, T);
    moves[0] = proof(0, T, ch->circles[0].approvals);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_FOUND);
    assert_true(is_root(1));
}

static void the_newer_one_is_late(void **state)
{
    struct bytes moves[1];

    (void)state;
    give(0, 0, N);
    give(1, 0, T - 1);
    moves[0] = proof(0, T, ch->circles[0].approvals);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_FOUND);
    assert_true(is_root(0));
    assert_true(ch->r.late);
    for (size_t i = N; i < N + T - 1; i++)
        assert_int_equal(ch->r.verdicts[i], VERDICT_GOOD);
}

static void one_after_the_other(void **state)
{
    struct bytes moves[2];

    (void)state;
    give(0, 0, T);
    give(1, 0, T);
    give(2, 0, T);
    moves[0] = proof(1, T, ch->circles[1].approvals);
    moves[1] = proof(0, T, ch->circles[0].approvals);
    assert_int_equal(judge(moves, 2, NULL), RECOVER_FOUND);
    assert_true(is_root(2));
    assert_int_equal(ch->r.n_replaced, 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, chain_new, chain_end)
    const struct CMUnitTest tests[] = {
        CASE(no_word_of_the_people),  CASE(of_another_circle),
        CASE(the_newest_root_counts), CASE(not_the_highest_epoch),
        CASE(the_newer_one_is_late),  CASE(one_after_the_other),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
