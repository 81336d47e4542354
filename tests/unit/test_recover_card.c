/* SPDX-License-Identifier: Apache-2.0 */
/* Cards beside guardians' answers, and cards alone, on the pure level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/recover.h"
#include "proto/slip39.h"
#include "tests/unit/circle.h"

enum { MOST = 8 };

struct papers_set {
    struct root_key *root;
    struct root_key *other_root;
    struct circle now;     /* epoch 2 of the owner; pieces n - n_cards … are cards */
    struct circle before;  /* epoch 1 of the owner */
    struct circle foreign; /* another owner's circle, epoch 2 */
    uint8_t statements[MOST * 512];
    struct buf st;
    size_t n;
    struct answer answers[MOST];
    struct paper *paper;
    struct recover_result r;
    struct root_key *got;
};

static struct papers_set *s;

static void plan_make(uint8_t t, uint8_t n, uint32_t cards)
{
    struct manifest_group g = { t, n };

    s->now.n_cards = s->before.n_cards = s->foreign.n_cards = cards;
    circle_make(&s->now, s->root, 2, &g, 1, 1);
    circle_make(&s->before, s->root, 1, &g, 1, 1);
    circle_make(&s->foreign, s->other_root, 2, &g, 1, 1);
}

static void nothing_given(void)
{
    s->st.n = 0;
    s->n = 0;
    memset(s->paper, 0, sizeof *s->paper);
}

static void node_says(const struct circle *c, size_t i)
{
    s->answers[s->n++] = circle_answer(c, i, &s->st);
    assert_false(s->st.over);
}

static void node_silent(enum answer_state state)
{
    s->answers[s->n++] = (struct answer){ .state = state };
}

static struct paper_card *card_words(const struct circle *c, size_t i)
{
    struct paper_card *p = &s->paper->cards[s->paper->n_cards++];

    memcpy(p->piece, c->pieces[i], PIECE_BYTES);
    return p;
}

/* With the public line beside the words. */
static struct paper_card *card_whole(const struct circle *c, size_t i)
{
    struct paper_card *p = card_words(c, i);

    p->known = true;
    p->epoch = c->m.epoch;
    p->need = (uint8_t)manifest_need(&c->m);
    memcpy(p->circle, c->m.circle, ID_BYTES);
    return p;
}

static void wrapped_given(const struct circle *c)
{
    struct wrapped *w = &s->paper->wrapped[s->paper->n_wrapped++];

    assert_int_equal(wrapped_of(bytes_of(c->raw, c->raw_n), w), OK);
}

static enum recover_state judge_for(const uint8_t *owner)
{
    static const struct root_key none;

    *s->got = none;
    assert_int_equal(recover_paper(s->answers, s->n, s->paper, owner, &s->r, s->got), OK);
    if (s->r.state != RECOVER_FOUND)
        assert_memory_equal(s->got->b, none.b, KEY_BYTES);
    return s->r.state;
}

static enum recover_state judge(void)
{
    return judge_for(NULL);
}

static void found_is(const struct root_key *root)
{
    assert_int_equal(s->r.state, RECOVER_FOUND);
    assert_memory_equal(s->got->b, root->b, KEY_BYTES);
}

/* ---- tests ---- */

/* Of three nodes and two cards, 3 of 5, all 32 subsets. */
static void every_mixture(void **state)
{
    (void)state;
    plan_make(3, 5, 2);
    for (unsigned set = 0; set < 32; set++) {
        size_t nodes = 0;
        size_t cards = 0;

        nothing_given();
        for (size_t i = 0; i < 3; i++) {
            if ((set & (1U << i)) == 0) {
                node_silent(ANSWER_SILENT);
                continue;
            }
            node_says(&s->now, i);
            nodes++;
        }
        for (size_t i = 3; i < 5; i++) {
            if ((set & (1U << i)) == 0)
                continue;
            (void)card_words(&s->now, i);
            cards++;
        }
        bool enough = nodes + cards >= 3;
        assert_int_equal(judge(), enough ? RECOVER_FOUND : RECOVER_WAITING);
        assert_int_equal(s->r.have, nodes + cards);
        if (nodes + cards > 0)
            assert_int_equal(s->r.need, 3);
        if (!enough)
            continue;
        found_is(s->root);
        assert_memory_equal(s->r.owners[0], s->now.m.owner, PUB_BYTES);
        assert_int_equal(s->r.direct, nodes);
        for (size_t i = 0; i < cards; i++)
            assert_int_equal(s->r.cards[i], VERDICT_GOOD);
    }
}

/* A stack of locked cards at the threshold, and above it. */
static void a_locked_stack_opens_nothing(void **state)
{
    (void)state;
    plan_make(3, 6, 4);
    nothing_given();
    (void)card_words(&s->now, 2);
    (void)card_words(&s->now, 3);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_false(s->r.locked);
    assert_int_equal(s->r.have, 2);
    assert_int_equal(s->r.cards[0], VERDICT_NONE);
    for (size_t i = 4; i < 6; i++) {
        (void)card_words(&s->now, i);
        assert_int_equal(judge(), RECOVER_WAITING);
        assert_true(s->r.locked);
        assert_int_equal(s->r.need, 3);
        assert_int_equal(s->r.have, i - 1);
    }
    /* What opens other pieces does not open these. */
    wrapped_given(&s->before);
    wrapped_given(&s->foreign);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_true(s->r.locked);
    /* Refusals do not make it impossible: a sheet may turn up. */
    node_silent(ANSWER_REFUSED);
    node_silent(ANSWER_REFUSED);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_true(s->r.locked);
    /* One guardian's yes is enough, or a sheet. */
    node_says(&s->now, 0);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_false(s->r.locked);
    s->n = 0;
    wrapped_given(&s->now);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.epoch, 2);
    assert_int_equal(s->r.direct, 0);
    assert_memory_equal(s->r.owners[0], s->now.m.owner, PUB_BYTES);
}

static void cards_of_another_epoch(void **state)
{
    (void)state;
    plan_make(3, 6, 4);
    nothing_given();
    node_says(&s->now, 0);
    (void)card_whole(&s->before, 2);
    (void)card_words(&s->before, 3);
    (void)card_words(&s->now, 4);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_int_equal(s->r.have, 2);
    assert_int_equal(s->r.epoch, 2);
    assert_int_equal(s->r.cards[0], VERDICT_STALE_EPOCH);
    assert_int_equal(s->r.cards[1], VERDICT_NONE); /* the words say no epoch */
    assert_int_equal(s->r.cards[2], VERDICT_GOOD);
    (void)card_words(&s->now, 5);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.cards[1], VERDICT_STALE_EPOCH);
    /* Kept until a manifest of theirs comes: the old epoch opens too. */
    s->paper->n_cards = 2;
    s->n = 0;
    node_says(&s->before, 1);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.epoch, 1);
    assert_int_equal(s->r.cards[0], VERDICT_GOOD);
    /* Of two that open the higher epoch is taken. */
    (void)card_words(&s->now, 4);
    (void)card_words(&s->now, 5);
    node_says(&s->now, 0);
    assert_int_equal(judge(), RECOVER_FOUND);
    assert_int_equal(s->r.epoch, 2);
    assert_int_equal(s->r.cards[0], VERDICT_STALE_EPOCH);
    assert_int_equal(s->r.cards[1], VERDICT_STALE_EPOCH);
    assert_int_equal(s->r.cards[3], VERDICT_GOOD);
}

static void cards_of_somebody_else(void **state)
{
    (void)state;
    plan_make(3, 6, 4);
    nothing_given();
    node_says(&s->now, 0);
    node_says(&s->now, 1);
    (void)card_whole(&s->foreign, 2);
    (void)card_words(&s->foreign, 3);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_int_equal(s->r.have, 2);
    (void)card_words(&s->now, 4);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.have, 3);
    /* Enough of theirs, with what opens them: a person must say which. */
    (void)card_words(&s->foreign, 4);
    wrapped_given(&s->foreign);
    assert_int_equal(judge(), RECOVER_TWO_WORLDS);
    assert_int_equal(s->r.n_owners, 2);
    assert_int_equal(judge_for(s->now.m.owner), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(judge_for(s->foreign.m.owner), RECOVER_FOUND);
    found_is(s->other_root);
    s->n = 0;
    assert_int_equal(judge_for(s->now.m.owner), RECOVER_WAITING);
}

/* Every byte of a card, header and value. */
static void a_wrong_card_is_found_out(void **state)
{
    (void)state;
    plan_make(3, 6, 4);
    for (size_t at = 0; at < PIECE_BYTES; at++) {
        nothing_given();
        node_says(&s->now, 0);
        node_says(&s->now, 1);
        card_words(&s->now, 2)->piece[at] ^= 0x10;
        assert_int_equal(judge(), RECOVER_WAITING);
        assert_int_equal(s->r.have, 2);
        (void)card_words(&s->now, 3);
        assert_int_equal(judge(), RECOVER_FOUND);
        found_is(s->root);
        assert_int_not_equal(s->r.cards[0], VERDICT_GOOD);
        assert_int_not_equal(s->r.cards[0], VERDICT_NONE);
        assert_int_equal(s->r.cards[1], VERDICT_GOOD);
    }
}

/* Without a manifest nothing but the other cards shows which is wrong. */
static void a_wrong_card_among_cards(void **state)
{
    (void)state;
    plan_make(3, 6, 5);
    nothing_given();
    wrapped_given(&s->now);
    card_words(&s->now, 1)->piece[30] ^= 1;
    (void)card_words(&s->now, 2);
    (void)card_words(&s->now, 3);
    assert_int_equal(judge(), RECOVER_BROKEN);
    (void)card_words(&s->now, 4);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.cards[0], VERDICT_BAD_PIECE);
    assert_int_equal(s->r.have, 3);
    /* The right one beside the wrong one claims the same place. */
    (void)card_words(&s->now, 1);
    s->paper->cards[3] = s->paper->cards[4];
    s->paper->n_cards = 4;
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.cards[0], VERDICT_BAD_PIECE);
    assert_int_equal(s->r.cards[3], VERDICT_GOOD);
}

/* Its checksum is whoever's who types it: the thresholds in its words are changed too. */
static void card_forged(size_t i, uint8_t threshold)
{
    struct slip39_share share;
    struct paper_card *p = card_words(&s->now, i);
    struct buf b = { .p = p->piece, .cap = PIECE_BYTES };

    assert_int_equal(slip39_piece_decode(BYTES_OF(p->piece), &share), OK);
    share.member_threshold = threshold;
    slip39_piece_encode(&share, &b);
    assert_false(b.over);
}

static void a_card_with_another_threshold(void **state)
{
    (void)state;
    plan_make(3, 6, 5);
    for (uint8_t threshold = 1; threshold <= 5; threshold++) {
        nothing_given();
        wrapped_given(&s->now);
        card_forged(1, threshold);
        card_forged(5, threshold);
        (void)card_words(&s->now, 2);
        (void)card_words(&s->now, 3);
        (void)card_words(&s->now, 4);
        assert_int_equal(judge(), RECOVER_FOUND);
        found_is(s->root);
        bool bad = threshold != 3;
        assert_int_equal(s->r.cards[0], bad ? VERDICT_BAD_PIECE : VERDICT_GOOD);
        assert_int_equal(s->r.cards[1], bad ? VERDICT_BAD_PIECE : VERDICT_GOOD);
        assert_int_equal(s->r.have, bad ? 3 : 5);
    }
}

static void once_is_once(void **state)
{
    (void)state;
    plan_make(3, 6, 4);
    nothing_given();
    (void)card_words(&s->now, 2);
    (void)card_words(&s->now, 3);
    (void)card_words(&s->now, 3);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_false(s->r.locked);
    assert_int_equal(s->r.have, 2);
    assert_int_equal(s->r.cards[2], VERDICT_DUPLICATE);
    node_says(&s->now, 0);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.cards[2], VERDICT_DUPLICATE);
    /* A guardian cannot pass a card's piece off as a yes of theirs. */
    s->paper->n_cards = 1;
    node_says(&s->now, 1);
    memcpy(s->answers[1].pieces[0].piece, s->now.pieces[5], PIECE_BYTES);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_int_equal(s->r.have, 2);
    assert_int_equal(s->r.verdicts[1], VERDICT_BAD_SIGNATURE);
}

static void groups_with_cards(void **state)
{
    (void)state;
    static const struct manifest_group groups[] = { { 2, 3 }, { 2, 3 } };

    nothing_given();
    s->now.n_cards = 3;
    circle_make(&s->now, s->root, 2, groups, 2, 2);
    (void)card_words(&s->now, 3);
    (void)card_words(&s->now, 4);
    (void)card_words(&s->now, 5);
    wrapped_given(&s->now);
    assert_int_equal(judge(), RECOVER_WAITING); /* one group alone */
    assert_false(s->r.locked);
    node_says(&s->now, 0);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_true(s->r.need > s->r.have);
    node_says(&s->now, 1);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.have, 5);
}

/* The arena has room for the greatest circle on paper. */
static void sixty_four_cards(void **state)
{
    (void)state;
    static const struct manifest_group plan[] = {
        { 16, 16 }, { 16, 16 }, { 16, 16 }, { 16, 16 }
    };

    nothing_given();
    s->now.n_cards = 64;
    circle_make(&s->now, s->root, 1, plan, 4, 4);
    for (size_t i = 0; i < 64; i++)
        (void)card_words(&s->now, i);
    assert_int_equal(judge(), RECOVER_WAITING);
    assert_true(s->r.locked);
    wrapped_given(&s->now);
    assert_int_equal(judge(), RECOVER_FOUND);
    found_is(s->root);
    assert_int_equal(s->r.have, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mixture),
        cmocka_unit_test(a_locked_stack_opens_nothing),
        cmocka_unit_test(cards_of_another_epoch),
        cmocka_unit_test(cards_of_somebody_else),
        cmocka_unit_test(a_wrong_card_is_found_out),
        cmocka_unit_test(a_wrong_card_among_cards),
        cmocka_unit_test(a_card_with_another_threshold),
        cmocka_unit_test(once_is_once),
        cmocka_unit_test(groups_with_cards),
        cmocka_unit_test(sixty_four_cards),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    s = calloc(1, sizeof *s);
    if (s == NULL || secret_new(&s->root) != OK || secret_new(&s->other_root) != OK ||
        secret_new(&s->got) != OK || secret_new(&s->paper) != OK)
        return 1;
    s->st = (struct buf){ .p = s->statements, .cap = sizeof s->statements };
    rng_fill(&crypt_random, s->root->b, KEY_BYTES);
    rng_fill(&crypt_random, s->other_root->b, KEY_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_free(s->root);
    secret_free(s->other_root);
    secret_free(s->got);
    secret_free(s->paper);
    free(s);
    secret_end();
    return failed;
}
