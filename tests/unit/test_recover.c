/* SPDX-License-Identifier: Apache-2.0 */
/* The wrong-answers table on the pure level: every fault × every subset of guardians. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/recover.h"
#include "tests/unit/circle.h"

enum { MOST = 7, STATEMENTS = MOST * 512 };

struct world_set {
    struct root_key *root;
    struct root_key *thief_root;
    struct circle now;     /* epoch 2 of the owner */
    struct circle before;  /* epoch 1 of the owner */
    struct circle foreign; /* another owner's circle */
    uint8_t statements[STATEMENTS];
    uint8_t scratch[MANIFEST_MAX];
    uint8_t oversized[MANIFEST_MAX + 1];
};

static struct world_set *ws;

static enum err plan_make(uint8_t t, uint8_t n)
{
    struct manifest_group g = { t, n };

    circle_make(&ws->now, ws->root, 2, &g, 1, 1);
    circle_make(&ws->before, ws->root, 1, &g, 1, 1);
    circle_make(&ws->foreign, ws->thief_root, 2, &g, 1, 1);
    return OK;
}

/* ---- the faults ---- */

static void bit_flip(struct answer *a, size_t i, struct buf *st)
{
    (void)st;
    a->pieces[0].piece[5 + i] ^= 1;
}

static void wrong_index(struct answer *a, size_t i, struct buf *st)
{
    (void)st;
    /* Another guardian's header over this guardian's value. */
    memcpy(a->pieces[0].piece, ws->now.pieces[(i + 1) % ws->now.m.n_pieces], 5);
}

static void wrong_epoch(struct answer *a, size_t i, struct buf *st)
{
    *a = circle_answer(&ws->before, i, st);
}

static void other_circle(struct answer *a, size_t i, struct buf *st)
{
    *a = circle_answer(&ws->foreign, i, st);
}

static void other_piece_same_manifest(struct answer *a, size_t i, struct buf *st)
{
    (void)st;
    memcpy(a->pieces[0].piece, ws->foreign.pieces[i], PIECE_BYTES);
}

static void box_does_not_open(struct answer *a, size_t i, struct buf *st)
{
    (void)i;
    (void)st;
    a->pieces[0].broken = true;
}

static void duplicate(struct answer *a, size_t i, struct buf *st)
{
    size_t other = (i + 1) % ws->now.m.n_pieces;
    struct answer theirs = circle_answer(&ws->now, other, st);

    /* The neighbour's piece; the statement cannot be forged with it. */
    a->pieces[0] = theirs.pieces[0];
}

static void manifest_changed(struct answer *a, size_t i, struct buf *st)
{
    (void)i;
    (void)st;
    memcpy(ws->scratch, ws->now.raw, ws->now.raw_n);
    ws->scratch[40] ^= 1;
    a->pieces[0].manifest = bytes_of(ws->scratch, ws->now.raw_n);
    assert_int_equal(manifest_hash(a->pieces[0].manifest, a->pieces[0].manifest_hash),
                     OK);
}

static void manifest_cut(struct answer *a, size_t i, struct buf *st)
{
    (void)i;
    (void)st;
    a->pieces[0].manifest.n /= 2;
}

/* What is cut has no name. */
static void manifest_cut_has_no_name(struct answer *a, size_t i, struct buf *st)
{
    manifest_cut(a, i, st);
    assert_int_equal(manifest_hash(a->pieces[0].manifest, a->pieces[0].manifest_hash),
                     ERR_FORMAT);
}

static void manifest_long(struct answer *a, size_t i, struct buf *st)
{
    (void)i;
    (void)st;
    memcpy(ws->oversized, ws->now.raw, ws->now.raw_n);
    a->pieces[0].manifest = bytes_of(ws->oversized, MANIFEST_MAX + 1);
    assert_int_equal(manifest_hash(a->pieces[0].manifest, a->pieces[0].manifest_hash),
                     ERR_TOO_BIG);
}

static void statement_changed(struct answer *a, size_t i, struct buf *st)
{
    (void)i;
    st->p[(size_t)(a->statement.p - st->p) + 10] ^= 1;
}

static void statement_of_other(struct answer *a, size_t i, struct buf *st)
{
    a->statement = circle_answer(&ws->now, (i + 1) % ws->now.m.n_pieces, st).statement;
}

static void refused(struct answer *a, size_t i, struct buf *st)
{
    (void)i;
    (void)st;
    a->state = ANSWER_REFUSED;
}

static void silent(struct answer *a, size_t i, struct buf *st)
{
    (void)i;
    (void)st;
    a->state = ANSWER_SILENT;
}

static const struct fault {
    const char *name;
    void (*apply)(struct answer *a, size_t i, struct buf *st);
    enum verdict verdict; /* when the rest is enough */
} faults[] = {
    { "bit flip", bit_flip, VERDICT_BAD_PIECE },
    { "wrong index", wrong_index, VERDICT_BAD_PIECE },
    { "wrong epoch", wrong_epoch, VERDICT_STALE_EPOCH },
    { "other circle", other_circle, VERDICT_BAD_PIECE },
    { "foreign piece under this manifest", other_piece_same_manifest, VERDICT_BAD_PIECE },
    { "box of another ward", box_does_not_open, VERDICT_BAD_PIECE },
    { "a neighbour's piece", duplicate, VERDICT_BAD_SIGNATURE },
    { "forged manifest", manifest_changed, VERDICT_BAD_SIGNATURE },
    { "truncated manifest", manifest_cut, VERDICT_BAD_PIECE },
    { "truncated manifest under its own name", manifest_cut_has_no_name,
      VERDICT_BAD_PIECE },
    { "oversized manifest", manifest_long, VERDICT_BAD_PIECE },
    { "statement changed", statement_changed, VERDICT_BAD_SIGNATURE },
    { "statement of another", statement_of_other, VERDICT_BAD_SIGNATURE },
    { "refused", refused, VERDICT_REFUSED },
    { "silent", silent, VERDICT_SILENT },
};

enum { FAULTS = sizeof faults / sizeof faults[0], REFUSED = FAULTS - 2 };

/* kinds[i]: the fault of guardian i, or FAULTS for an honest one. */
static void judge(const size_t *kinds, size_t n, struct recover_result *r,
                  struct root_key *root)
{
    struct answer answers[MOST];
    struct buf st = BUF_OF(ws->statements);

    for (size_t i = 0; i < n; i++) {
        answers[i] = circle_answer(&ws->now, i, &st);
        if (kinds[i] < FAULTS)
            faults[kinds[i]].apply(&answers[i], i, &st);
    }
    assert_false(st.over);
    memset(root, 0, sizeof *root);
    assert_int_equal(recover(answers, n, NULL, r, root), OK);
}

static void check_one(const size_t *kinds, size_t n, size_t t)
{
    static struct recover_result r;
    struct root_key root;
    struct root_key zero = { 0 };
    size_t good = 0;
    size_t foreign = 0;
    size_t stale = 0;

    judge(kinds, n, &r, &root);
    for (size_t i = 0; i < n; i++) {
        good += kinds[i] == FAULTS;
        foreign += kinds[i] < FAULTS && faults[kinds[i]].apply == other_circle;
        stale += kinds[i] < FAULTS && faults[kinds[i]].apply == wrong_epoch;
    }
    if (good >= t && foreign < t) {
        assert_int_equal(r.state, RECOVER_FOUND);
        assert_int_equal(r.epoch, 2);
        assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(r.verdicts[i], kinds[i] == FAULTS
                                                ? VERDICT_GOOD
                                                : faults[kinds[i]].verdict);
        return;
    }
    if (good >= t || (stale >= t && foreign >= t)) {
        assert_int_equal(r.state, RECOVER_TWO_WORLDS);
        assert_memory_equal(&root, &zero, sizeof root);
        assert_true(r.n_owners == 2);
        return;
    }
    /* A whole other world, or the older epoch: a root that its owner key signed. */
    if (foreign >= t) {
        assert_int_equal(r.state, RECOVER_FOUND);
        assert_memory_equal(root.b, ws->thief_root->b, KEY_BYTES);
        return;
    }
    if (stale >= t) {
        assert_int_equal(r.state, RECOVER_FOUND);
        assert_int_equal(r.epoch, 1);
        assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
        return;
    }
    assert_true(r.state == RECOVER_WAITING || r.state == RECOVER_IMPOSSIBLE);
    assert_memory_equal(&root, &zero, sizeof root);
}

/* KITH_LONG is set: everything; else what a person waits for. */
static bool is_long(void)
{
    return getenv("KITH_LONG") != NULL;
}

/* Each PBKDF2 costs: by default one subset in step, another one for each fault. */
static void table(uint8_t t, uint8_t n, unsigned step)
{
    size_t kinds[MOST];

    assert_int_equal(plan_make(t, n), OK);
    for (size_t f = 0; f < FAULTS; f++) {
        for (unsigned set = (unsigned)f % step; set < 1U << n; set += step) {
            for (size_t i = 0; i < n; i++)
                kinds[i] = (set >> i & 1U) != 0 ? f : FAULTS;
            check_one(kinds, n, t);
        }
    }
}

static void every_fault_every_subset_3_of_5(void **state)
{
    (void)state;
    table(3, 5, 1);
}

static void every_fault_every_subset_4_of_7(void **state)
{
    (void)state;
    table(4, 7, is_long() ? 1 : 11);
}

/* xorshift: seeded, so that a failure can be played again. */
static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static void seeded_mixtures(void **state)
{
    (void)state;
    uint64_t seed = 20260101;
    size_t kinds[MOST];

    assert_int_equal(plan_make(3, 5), OK);
    for (unsigned round = 0; round < (is_long() ? 5000U : 120U); round++) {
        for (size_t i = 0; i < 5; i++)
            kinds[i] = next_random(&seed) % (FAULTS + 4);
        for (size_t i = 0; i < 5; i++)
            kinds[i] = kinds[i] > FAULTS ? FAULTS : kinds[i];
        /* Neighbours' pieces together with their owners' are the duplicate's own test. */
        check_one(kinds, 5, 3);
    }
}

/* ---- in the middle of a change of circle ---- */

/* Guardian i holds epoch 1 beside epoch 2, with one approval key. */
static struct answer both_epochs(size_t i, struct buf *st)
{
    struct answer a = circle_answer(&ws->now, i, st);
    struct answer old = circle_answer(&ws->before, i, st);
    struct statement s = { 0 };
    uint8_t pub[PUB_BYTES];

    crypt_sign_public(&ws->now.approvals[i], pub);
    assert_int_equal(statement_open(a.statement, pub, &s), OK);
    s.n_epochs = 2;
    s.epochs[1].epoch = 1;
    s.epochs[1].opened = 1;
    memcpy(s.epochs[1].manifest_hash, ws->before.hash, HASH_BYTES);
    size_t from = st->n;
    statement_make(&s, &ws->now.approvals[i], st);
    assert_false(st->over);
    a.statement = bytes_of(st->p + from, st->n - from);
    a.pieces[a.n_pieces++] = old.pieces[0];
    return a;
}

static void change_make(void)
{
    assert_int_equal(plan_make(3, 5), OK);
    struct manifest_group g = { 3, 5 };

    memcpy(ws->before.approvals, ws->now.approvals, sizeof ws->now.approvals);
    circle_make(&ws->before, ws->root, 1, &g, 1, 1);
}

static void an_old_box_that_does_not_open_costs_nothing(void **state)
{
    (void)state;
    struct answer answers[3];
    struct buf st = BUF_OF(ws->statements);
    static struct recover_result r;
    struct root_key root;

    change_make();
    for (size_t i = 0; i < 3; i++)
        answers[i] = both_epochs(i, &st);
    answers[1].pieces[1].broken = true;
    answers[2].pieces[1].piece[9] ^= 1;
    assert_int_equal(recover(answers, 3, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_FOUND);
    assert_int_equal(r.epoch, 2);
    assert_int_equal(r.have, 3);
    assert_int_equal(r.direct, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(r.verdicts[i], VERDICT_GOOD);
}

static void the_old_epoch_recovers_while_the_new_one_is_short(void **state)
{
    (void)state;
    struct answer answers[4];
    struct buf st = BUF_OF(ws->statements);
    static struct recover_result r;
    struct root_key root;

    change_make();
    answers[0] = both_epochs(0, &st);
    for (size_t i = 1; i < 3; i++)
        answers[i] = circle_answer(&ws->before, i, &st);
    answers[3] = circle_answer(&ws->now, 3, &st); /* new in the circle */
    assert_int_equal(recover(answers, 4, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_FOUND);
    assert_int_equal(r.epoch, 1);
    assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(r.verdicts[i], VERDICT_GOOD);
    assert_int_equal(r.have, 3);
    /* With one more of the new epoch that one is preferred, and the rest is stale. */
    answers[1] = both_epochs(1, &st);
    assert_int_equal(recover(answers, 4, NULL, &r, &root), OK);
    assert_int_equal(r.epoch, 2);
    assert_int_equal(r.verdicts[2], VERDICT_STALE_EPOCH);
    /* A bad new piece is not excused by a good old one. */
    answers[2] = both_epochs(2, &st);
    answers[2].pieces[0].piece[7] ^= 4;
    assert_int_equal(recover(answers, 4, NULL, &r, &root), OK);
    assert_int_equal(r.epoch, 2);
    assert_int_equal(r.verdicts[2], VERDICT_BAD_PIECE);
}

static void surplus_groups_and_members_are_fine(void **state)
{
    (void)state;
    static const struct manifest_group groups[] = { { 2, 3 }, { 2, 3 }, { 1, 1 } };
    struct answer answers[7];
    struct buf st = BUF_OF(ws->statements);
    static struct recover_result r;
    struct root_key root;

    circle_make(&ws->now, ws->root, 1, groups, 3, 2);
    for (size_t i = 0; i < 7; i++)
        answers[i] = circle_answer(&ws->now, i, &st);
    assert_int_equal(recover(answers, 7, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_FOUND);
    assert_int_equal(r.have, 7);
    assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
}

/* The dealer himself lies: thresholds are met, and nothing opens. */
static void an_evil_dealer_opens_nothing(void **state)
{
    (void)state;
    struct answer answers[3];
    struct buf st = BUF_OF(ws->statements);
    static struct recover_result r;
    struct root_key root = { { 0x5a } };
    struct root_key before = root;
    struct escrow_key wrong = { { 1 } };
    struct buf out = BUF_OF(ws->now.raw);
    size_t held = secret_in_use();

    assert_int_equal(plan_make(3, 5), OK);
    assert_int_equal(manifest_make(&ws->now.m, ws->root, &wrong, &crypt_random, &out),
                     OK);
    ws->now.raw_n = out.n;
    assert_int_equal(manifest_hash(buf_bytes(&out), ws->now.hash), OK);
    for (size_t i = 0; i < 3; i++)
        answers[i] = circle_answer(&ws->now, i, &st);
    assert_int_equal(recover(answers, 3, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_BROKEN);
    assert_memory_equal(&root, &before, sizeof root);
    /* Pieces of two splits under one manifest. */
    memcpy(ws->now.pieces[0], ws->before.pieces[0], PIECE_BYTES);
    piece_public(ws->now.pieces[0], ws->now.m.pieces[0].piece_key);
    out.n = 0;
    assert_int_equal(manifest_make(&ws->now.m, ws->root, &wrong, &crypt_random, &out),
                     OK);
    ws->now.raw_n = out.n;
    assert_int_equal(manifest_hash(buf_bytes(&out), ws->now.hash), OK);
    st.n = 0;
    for (size_t i = 0; i < 3; i++)
        answers[i] = circle_answer(&ws->now, i, &st);
    assert_int_equal(recover(answers, 3, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_BROKEN);
    assert_memory_equal(&root, &before, sizeof root);
    assert_int_equal(secret_in_use(), held);
}

/* Two liars with a circle of their own, 2 of 2, that opens to nothing. */
static void garbage_does_not_hide_those_who_wait(void **state)
{
    (void)state;
    static const struct manifest_group two = { 2, 2 };
    struct answer answers[5];
    struct buf st = BUF_OF(ws->statements);
    struct buf out = BUF_OF(ws->foreign.raw);
    struct escrow_key wrong = { { 1 } };
    static struct recover_result r;
    struct root_key root;

    assert_int_equal(plan_make(3, 5), OK);
    circle_make(&ws->foreign, ws->thief_root, 9, &two, 1, 1);
    assert_int_equal(
        manifest_make(&ws->foreign.m, ws->thief_root, &wrong, &crypt_random, &out), OK);
    ws->foreign.raw_n = out.n;
    assert_int_equal(manifest_hash(buf_bytes(&out), ws->foreign.hash), OK);
    for (size_t i = 0; i < 3; i++)
        answers[i] = circle_answer(&ws->now, i, &st);
    answers[3] = circle_answer(&ws->foreign, 0, &st);
    answers[4] = circle_answer(&ws->foreign, 1, &st);
    answers[1].state = ANSWER_WAITING;
    answers[2].state = ANSWER_WAITING;
    assert_int_equal(recover(answers, 5, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_WAITING);
    assert_int_equal(r.need, 3);
    assert_int_equal(r.have, 1);
    answers[1].state = ANSWER_PIECE;
    answers[2].state = ANSWER_PIECE;
    assert_int_equal(recover(answers, 5, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_FOUND);
    assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
    assert_int_equal(r.verdicts[3], VERDICT_BAD_PIECE);
}

static void duplicate_is_named(void **state)
{
    (void)state;
    struct answer answers[4];
    struct buf st = BUF_OF(ws->statements);
    static struct recover_result r;
    struct root_key root;

    assert_int_equal(plan_make(3, 5), OK);
    for (size_t i = 0; i < 3; i++)
        answers[i] = circle_answer(&ws->now, i, &st);
    answers[3] = answers[2];
    assert_int_equal(recover(answers, 4, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_FOUND);
    assert_int_equal(r.verdicts[3], VERDICT_DUPLICATE);
    assert_int_equal(r.have, 3);
    assert_int_equal(recover(answers + 1, 3, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_IMPOSSIBLE); /* two are too few */
}

static void accepted_owner_ends_two_worlds(void **state)
{
    (void)state;
    struct answer answers[6];
    struct buf st = BUF_OF(ws->statements);
    static struct recover_result r;
    struct root_key root;

    assert_int_equal(plan_make(3, 5), OK);
    for (size_t i = 0; i < 3; i++) {
        answers[i] = circle_answer(&ws->now, i, &st);
        answers[i + 3] = circle_answer(&ws->foreign, i, &st);
    }
    assert_int_equal(recover(answers, 6, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_TWO_WORLDS);
    assert_int_equal(r.n_owners, 2);
    assert_int_equal(recover(answers, 6, ws->now.m.owner, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_FOUND);
    assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
    assert_int_equal(r.verdicts[0], VERDICT_GOOD);
    assert_int_equal(r.verdicts[3], VERDICT_BAD_PIECE);
}

/* One liar's roster names many who are all himself; each pair has a circle of its own. */
static void many_owners_do_not_hide_the_right_one(void **state)
{
    (void)state;
    static const struct manifest_group two = { 2, 2 };

    enum { FORGED = (ANSWERS_MAX - 3) / 2, ALL = 3 + 2 * FORGED };

    static uint8_t statements[ALL * 512];
    struct answer *answers = calloc(ALL, sizeof *answers);
    struct circle *forged = calloc(FORGED, sizeof *forged);
    struct recover_result *r = calloc(1, sizeof *r);
    struct buf st = BUF_OF(statements);
    struct root_key root;
    bool there = false;

    assert_true(answers != NULL && forged != NULL && r != NULL);
    assert_int_equal(plan_make(3, 5), OK);
    for (size_t i = 0; i < 3; i++)
        answers[i] = circle_answer(&ws->now, i, &st);
    for (size_t i = 0; i < FORGED; i++) {
        struct root_key thief = { { (uint8_t)(i + 1) } };

        circle_make(&forged[i], &thief, 9, &two, 1, 1);
        answers[3 + 2 * i] = circle_answer(&forged[i], 0, &st);
        answers[4 + 2 * i] = circle_answer(&forged[i], 1, &st);
    }
    assert_false(st.over);
    assert_int_equal(recover(answers, ALL, NULL, r, &root), OK);
    assert_int_equal(r->state, RECOVER_TWO_WORLDS);
    assert_int_equal(r->n_owners, FORGED + 1);
    for (size_t i = 0; i < r->n_owners; i++)
        there = there || memcmp(r->owners[i], ws->now.m.owner, PUB_BYTES) == 0;
    assert_true(there);
    assert_int_equal(recover(answers, ALL, ws->now.m.owner, r, &root), OK);
    assert_int_equal(r->state, RECOVER_FOUND);
    assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
    free(answers);
    free(forged);
    free(r);
}

/* The arena has room for the greatest circle, with all of it needed and with most spare.
 */
static void sixty_four_pieces_are_recovered(void **state)
{
    (void)state;
    static const struct manifest_group plans[][4] = {
        { { 16, 16 }, { 16, 16 }, { 16, 16 }, { 16, 16 } },
        { { 2, 16 }, { 2, 16 }, { 2, 16 }, { 2, 16 } },
    };
    static uint8_t statements[ANSWERS_MAX * 512];
    struct answer *answers = calloc(ANSWERS_MAX, sizeof *answers);
    struct recover_result *r = calloc(1, sizeof *r);
    struct root_key root;

    assert_true(answers != NULL && r != NULL);
    for (size_t k = 0; k < 2; k++) {
        struct buf st = BUF_OF(statements);

        circle_make(&ws->now, ws->root, 1, plans[k], 4, 4);
        for (size_t i = 0; i < ANSWERS_MAX; i++)
            answers[i] = circle_answer(&ws->now, i, &st);
        assert_int_equal(recover(answers, ANSWERS_MAX, NULL, r, &root), OK);
        assert_int_equal(r->state, RECOVER_FOUND);
        assert_int_equal(r->have, 64);
        assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
    }
    free(answers);
    free(r);
}

static void groups_need_their_own(void **state)
{
    (void)state;
    static const struct manifest_group groups[] = { { 2, 3 }, { 2, 4 } };
    struct answer answers[7];
    struct buf st = BUF_OF(ws->statements);
    static struct recover_result r;
    struct root_key root;

    circle_make(&ws->now, ws->root, 1, groups, 2, 2);
    for (size_t i = 0; i < 7; i++)
        answers[i] = circle_answer(&ws->now, i, &st);
    for (size_t i = 4; i < 7; i++)
        answers[i].state = ANSWER_WAITING;
    /* Four pieces, three of one group: not enough. */
    assert_int_equal(recover(answers, 7, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_WAITING);
    assert_true(r.need > r.have);
    answers[4].state = ANSWER_PIECE;
    assert_int_equal(recover(answers, 7, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_FOUND);
    assert_memory_equal(root.b, ws->root->b, KEY_BYTES);
}

static void direct_counts_sources_that_differ(void **state)
{
    (void)state;
    struct answer answers[3];
    struct buf st = BUF_OF(ws->statements);
    static struct recover_result r;
    struct root_key root;

    assert_int_equal(plan_make(3, 5), OK);
    for (size_t i = 0; i < 3; i++)
        answers[i] = circle_answer(&ws->now, i, &st);
    assert_int_equal(recover(answers, 3, NULL, &r, &root), OK);
    assert_int_equal(r.direct, 3);
    memcpy(answers[1].node_key, answers[0].node_key, PUB_BYTES);
    answers[2].source = FROM_ROSTER;
    assert_int_equal(recover(answers, 3, NULL, &r, &root), OK);
    assert_int_equal(r.direct, 1);
}

static void refusals_make_it_impossible(void **state)
{
    (void)state;
    size_t kinds[] = { FAULTS, FAULTS, REFUSED, REFUSED, REFUSED };
    static struct recover_result r;
    struct root_key root;

    assert_string_equal(faults[REFUSED].name, "refused");
    assert_int_equal(plan_make(3, 5), OK);
    judge(kinds, 5, &r, &root);
    assert_int_equal(r.state, RECOVER_IMPOSSIBLE);
    assert_int_equal(recover(NULL, 0, NULL, &r, &root), OK);
    assert_int_equal(r.state, RECOVER_WAITING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_every_subset_3_of_5),
        cmocka_unit_test(every_fault_every_subset_4_of_7),
        cmocka_unit_test(seeded_mixtures),
        cmocka_unit_test(an_old_box_that_does_not_open_costs_nothing),
        cmocka_unit_test(the_old_epoch_recovers_while_the_new_one_is_short),
        cmocka_unit_test(surplus_groups_and_members_are_fine),
        cmocka_unit_test(an_evil_dealer_opens_nothing),
        cmocka_unit_test(garbage_does_not_hide_those_who_wait),
        cmocka_unit_test(duplicate_is_named),
        cmocka_unit_test(accepted_owner_ends_two_worlds),
        cmocka_unit_test(many_owners_do_not_hide_the_right_one),
        cmocka_unit_test(sixty_four_pieces_are_recovered),
        cmocka_unit_test(groups_need_their_own),
        cmocka_unit_test(direct_counts_sources_that_differ),
        cmocka_unit_test(refusals_make_it_impossible),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    ws = calloc(1, sizeof *ws);
    if (ws == NULL || secret_new(&ws->root) != OK || secret_new(&ws->thief_root) != OK)
        return 1;
    rng_fill(&crypt_random, ws->root->b, KEY_BYTES);
    rng_fill(&crypt_random, ws->thief_root->b, KEY_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_free(ws->root);
    secret_free(ws->thief_root);
    free(ws);
    secret_end();
    return failed;
}
