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
    struct answer answers[4 * N];
    size_t n;
    struct recover_result r;
};

static struct chain *ch;
static struct buf said;
static struct recover_cert shown; /* to the judge; without people: none is */

static int chain_new(void **state)
{
    const struct manifest_group g = { T, N };

    (void)state;
    shown = (struct recover_cert){ 0 };
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
    const struct recover_in in = { .answers = ch->answers,
                                   .n = ch->n,
                                   .owner = owner,
                                   .moves = moves,
                                   .n_moves = n,
                                   .certs = &shown,
                                   .n_certs = shown.people.n > 0 };

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

/* ---- epochs that nobody confirmed ---- */

/*
 * Who has the root dealt a second circle with it, circles[1], in which his own people
 * are enough; circles[2] is of a root of his, guarded by them alone.
 */
static void thief_deals(void)
{
    const struct manifest_group g = { T, N };
    static const struct sign_seed none;

    for (size_t i = N - T; i < N; i++)
        ch->circles[1].approvals[i] = none;
    circle_make(&ch->circles[1], ch->roots[0], 2, &g, 1, 1);
    memcpy(ch->circles[2].approvals, ch->circles[1].approvals,
           sizeof ch->circles[2].approvals);
    circle_make(&ch->circles[2], ch->roots[2], 3, &g, 1, 1);
}

/* His word that circles[2] takes the place of circles[1]. */
static struct bytes thiefs_move(void)
{
    return proof(1, T, ch->circles[1].approvals + N - T);
}

/* A guardian's node held both, and the guardian's program let both pieces go. */
static void give_both(size_t i)
{
    struct answer a = circle_answer(&ch->circles[0], i, &said);
    struct answer b = circle_answer(&ch->circles[1], i, &said);
    struct statement s = { .kind = REQUEST_RESTORE,
                           .purpose = PURPOSE_RESTORE,
                           .n_epochs = 2,
                           .how = HOW_CALLED };
    size_t from = said.n;

    a.pieces[a.n_pieces++] = b.pieces[0];
    memcpy(s.request, a.request, ID_BYTES);
    memcpy(s.req_sign, a.req_sign, PUB_BYTES);
    memcpy(s.t_hash, a.t_hash, HASH_BYTES);
    for (size_t k = 0; k < 2; k++) {
        s.epochs[k].epoch = a.pieces[k].epoch;
        s.epochs[k].opened = 1;
        memcpy(s.epochs[k].manifest_hash, a.pieces[k].manifest_hash, HASH_BYTES);
    }
    statement_make(&s, &ch->circles[0].approvals[i], &said);
    a.statement = bytes_of(said.p + from, said.n - from);
    ch->answers[ch->n++] = a;
}

static void from_roster(size_t first)
{
    for (size_t i = first; i < ch->n; i++)
        ch->answers[i].source = FROM_ROSTER;
}

/* So many people of circles[0] say that circles[1] is right. */
static void show_cert(size_t people)
{
    static uint8_t raw[8192];
    struct buf b = BUF_OF(raw);
    AUTO_FREE struct cert *cert = calloc(1, sizeof *cert);

    for (size_t i = 0; i < people; i++) {
        struct statement s = { .kind = REQUEST_CONFIRM,
                               .purpose = PURPOSE_EPOCH,
                               .n_epochs = 1,
                               .how = HOW_MET };
        size_t at = said.n;

        memcpy(s.subject, ch->circles[1].hash, HASH_BYTES);
        memcpy(s.epochs[0].manifest_hash, ch->circles[1].hash, HASH_BYTES);
        s.epochs[0].epoch = ch->circles[1].m.epoch;
        s.epochs[0].opened = 1;
        statement_make(&s, &ch->circles[0].approvals[i], &said);
        cert->lines[cert->n_lines++].statement = bytes_of(said.p + at, said.n - at);
    }
    cert_put(cert, &b);
    assert_false(b.over || said.over);
    shown =
        (struct recover_cert){ .epoch = ch->circles[1].m.epoch, .people = buf_bytes(&b) };
    memcpy(shown.manifest_hash, ch->circles[1].hash, HASH_BYTES);
}

/* Three guardians whose links the person has held the old circle and the thief's, in
   which they have too few pieces to say anything; the thief's own people give the rest.
 */
static void stage(void)
{
    thief_deals();
    for (size_t i = 0; i < T; i++)
        give_both(i);
    give(2, 0, N);
    from_roster(T);
}

static void people_of_an_epoch_nobody_confirmed(void **state)
{
    struct bytes moves[1];

    (void)state;
    stage();
    moves[0] = thiefs_move();
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    assert_int_equal(ch->r.n_replaced, 0);
    assert_true(ch->r.disputed);
    /* Whoever has the words of the owner's key gets it. */
    assert_int_equal(judge(moves, 1, ch->circles[0].m.owner), RECOVER_FOUND);
    assert_true(is_root(0));
    assert_false(ch->r.late);
    /* Nor where all whom the person named have a good piece of both. */
    ch->answers[T - 1].source = FROM_ROSTER;
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    assert_int_equal(ch->r.n_replaced, 0);
}

/* The people of the old circle confirmed it: then it is no thief's. */
static void a_certificate_leads_on(void **state)
{
    struct bytes moves[1];

    (void)state;
    stage();
    moves[0] = thiefs_move();
    show_cert(T - 1);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    show_cert(T);
    shown.manifest_hash[0] ^= 1;
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    shown.manifest_hash[0] ^= 1;
    shown.epoch++;
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    show_cert(T);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_FOUND);
    assert_true(is_root(2));
    assert_false(ch->r.disputed);
    assert_int_equal(ch->r.n_replaced, 1);
}

/* Certificates only lead on, never back to an epoch before the one that is known. */
static void a_certificate_leads_to_nothing_older(void **state)
{
    const struct manifest_group g = { T, N };
    struct bytes moves[1];

    (void)state;
    circle_make(&ch->circles[0], ch->roots[0], 7, &g, 1, 1);
    stage();
    for (size_t i = 0; i < T; i++)
        ch->answers[i].n_pieces = 1; /* of the old circle alone */
    give(1, N - T, N);
    from_roster(T);
    moves[0] = thiefs_move();
    show_cert(T);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    assert_true(ch->r.disputed);
}

/* A roster, the newest one, is the thief's work: whom he introduced is not asked. */
static void strangers_begin_nothing(void **state)
{
    struct bytes moves[1];

    (void)state;
    thief_deals();
    give(1, N - T, N);
    give(2, 0, T);
    from_roster(0);
    moves[0] = thiefs_move();
    for (unsigned s = ANSWER_WAITING; s < ANSWER_PIECE; s++) {
        ch->answers[ch->n++] = (struct answer){ .state = (enum answer_state)s };
        assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
        assert_true(ch->r.disputed);
        assert_int_equal(ch->r.n_replaced, 0);
    }
    /* Paper that the person has is of the owner's making. */
    ch->answers[0].source = FROM_SHEET;
    assert_int_equal(judge(moves, 1, NULL), RECOVER_FOUND);
}

/* One of those whom the person named lies: nobody is preferred. */
static void one_who_begins_elsewhere(void **state)
{
    struct bytes moves[1];

    (void)state;
    stage();
    give(1, N - 1, N);
    moves[0] = thiefs_move();
    assert_int_equal(judge(moves, 1, NULL), RECOVER_TWO_WORLDS);
    assert_true(ch->r.disputed);
}

/* The old circle is retired where a friend is, and not yet elsewhere. */
static void a_friend_has_only_the_new_piece(void **state)
{
    struct bytes moves[1];

    (void)state;
    give(0, 0, T);
    give(1, 0, T);
    from_roster(0);
    ch->answers[T].source = FROM_LINK;
    assert_int_equal(judge(NULL, 0, NULL), RECOVER_TWO_WORLDS);
    moves[0] = proof(0, T, ch->circles[0].approvals);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_FOUND);
    assert_true(is_root(1));
}

/* Some nodes lack a change whose certificate is gone; the same people said the MOVE. */
static void the_same_people_in_an_older_circle(void **state)
{
    const struct manifest_group g = { T, N };
    struct bytes moves[1];

    (void)state;
    memcpy(ch->circles[1].approvals, ch->circles[0].approvals,
           sizeof ch->circles[1].approvals);
    circle_make(&ch->circles[1], ch->roots[0], 2, &g, 1, 1);
    give(0, 0, T);
    give(1, 0, T);
    give(2, 0, T);
    moves[0] = proof(1, T, ch->circles[0].approvals);
    assert_int_equal(judge(moves, 1, NULL), RECOVER_FOUND);
    assert_true(is_root(2));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, chain_new, chain_end)
    const struct CMUnitTest tests[] = {
        CASE(no_word_of_the_people),
        CASE(of_another_circle),
        CASE(the_newest_root_counts),
        CASE(not_the_highest_epoch),
        CASE(the_newer_one_is_late),
        CASE(one_after_the_other),
        CASE(people_of_an_epoch_nobody_confirmed),
        CASE(a_certificate_leads_on),
        CASE(a_certificate_leads_to_nothing_older),
        CASE(strangers_begin_nothing),
        CASE(one_who_begins_elsewhere),
        CASE(a_friend_has_only_the_new_piece),
        CASE(the_same_people_in_an_older_circle),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
