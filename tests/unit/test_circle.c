/* SPDX-License-Identifier: Apache-2.0 */
/* Plans that must not be, counting with groups, who counts as one, how it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/circle.h"

enum { NOW = 1800000000 };

static struct day d;
static uint8_t addresses[DAY_GUARDIANS][8];

/* n guardians of their own node, key and address, in one group of t. */
static void cast(uint8_t t, size_t n)
{
    memset(&d, 0, sizeof d);
    d.n_guardians = n;
    d.me.n_groups = 1;
    d.me.group_threshold = 1;
    d.me.groups[0] = (struct manifest_group){ .t = t, .n = (uint8_t)n };
    for (size_t i = 0; i < n; i++) {
        struct day_guardian *g = &d.guardians[i];
        const struct address at = { .kind = ADDRESS_IP4,
                                    .port = 7844,
                                    .host_n = 4,
                                    .host = { 10, 0, 0, (uint8_t)i } };
        struct buf b = BUF_OF(addresses[i]);
        address_put(&at, &b);
        g->kind = PIECE_NODE;
        g->progress = GUARDIAN_READY;
        g->n_node = 1;
        g->node[0].node_key[0] = (uint8_t)(i + 1);
        g->node[0].n_addresses = 1;
        g->node[0].addresses[0].at = buf_bytes(&b);
        g->node[0].seen = NOW;
        g->sign_pub[0] = (uint8_t)(i + 1);
    }
}

static void groups(uint8_t threshold, size_t n, const struct manifest_group *g)
{
    d.me.group_threshold = threshold;
    d.me.n_groups = (uint32_t)n;
    memcpy(d.me.groups, g, n * sizeof *g);
}

static enum circle_fault fault_at(size_t *at)
{
    return circle_check(&d, at);
}

static enum circle_fault fault(void)
{
    size_t at = 0;
    return fault_at(&at);
}

static void wrong_plans(void **state)
{
    (void)state;
    size_t at = 0;
    cast(3, 0);
    assert_int_equal(fault(), CIRCLE_NOBODY);
    cast(3, 2);
    assert_int_equal(fault(), CIRCLE_TOO_FEW);
    cast(1, 5);
    assert_int_equal(fault(), CIRCLE_ONE_ENOUGH);
    cast(1, 1);
    assert_int_equal(fault(), CIRCLE_ONE_ENOUGH);
    cast(0, 5);
    assert_int_equal(fault(), CIRCLE_ZERO);
    cast(9, 17);
    assert_int_equal(fault(), CIRCLE_GROUP_TOO_BIG);
    cast(2, 5);
    d.n_guardians = 4;
    assert_int_equal(fault(), CIRCLE_OTHER_NUMBER);
    cast(2, 5);
    d.guardians[3].progress = GUARDIAN_ENROLLED;
    assert_int_equal(fault_at(&at), CIRCLE_NOT_ENTERED);
    assert_int_equal(at, 3);
    cast(2, 5);
    assert_int_equal(fault(), CIRCLE_FINE);
}

static void wrong_groups(void **state)
{
    (void)state;
    size_t at = 0;
    cast(3, 5);
    groups(2, 2, (struct manifest_group[]){ { 2, 3 }, { 1, 2 } });
    assert_int_equal(fault_at(&at), CIRCLE_ONE_OF_MANY);
    assert_int_equal(at, 1);
    groups(3, 2, (struct manifest_group[]){ { 2, 3 }, { 2, 2 } });
    assert_int_equal(fault(), CIRCLE_GROUPS);
    groups(0, 2, (struct manifest_group[]){ { 2, 3 }, { 2, 2 } });
    assert_int_equal(fault(), CIRCLE_ZERO);
    groups(1, 2, (struct manifest_group[]){ { 3, 4 }, { 1, 1 } });
    assert_int_equal(fault(), CIRCLE_ONE_ENOUGH);
    groups(2, 2, (struct manifest_group[]){ { 2, 3 }, { 2, 3 } });
    assert_int_equal(fault(), CIRCLE_OTHER_NUMBER);
    groups(2, 2, (struct manifest_group[]){ { 2, 3 }, { 3, 2 } });
    assert_int_equal(fault(), CIRCLE_TOO_FEW);
    groups(2, 2, (struct manifest_group[]){ { 2, 3 }, { 2, 2 } });
    assert_int_equal(fault(), CIRCLE_FINE);
    assert_int_equal(circle_need(&d.me), 4);
    groups(1, 2, (struct manifest_group[]){ { 3, 3 }, { 2, 2 } });
    assert_int_equal(circle_need(&d.me), 2);
}

static void group_texts(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",     "family",      "family:",    "family:2",   "family:/3",    "family:2/",
        ":2/3", "family:2/3 ", "family:2/0", "family:2-3", "family:222/3", "a\x01:2/3"
    };
    struct bytes name = { 0 };
    struct manifest_group g = { 7, 7 };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bool bad = circle_group_parse(wrong[i], &name, &g) != OK ||
                   g.t == 0; /* "family:/3": refused later as a threshold of 0 */
        assert_true(bad);
    }
    assert_int_equal(circle_group_parse("old: friends:12/16", &name, &g), OK);
    assert_int_equal(name.n, strlen("old: friends"));
    assert_int_equal(g.t, 12);
    assert_int_equal(g.n, 16);
}

static void counting(void **state)
{
    (void)state;
    cast(3, 5);
    assert_int_equal(circle_spare(&d.me, &(struct circle_count){ { 2 } }), 0);
    assert_false(circle_enough(&d.me, &(struct circle_count){ { 2 } }));
    assert_true(circle_enough(&d.me, &(struct circle_count){ { 3 } }));
    assert_int_equal(circle_spare(&d.me, &(struct circle_count){ { 3 } }), 0);
    assert_int_equal(circle_spare(&d.me, &(struct circle_count){ { 4 } }), 1);
    assert_int_equal(circle_spare(&d.me, &(struct circle_count){ { 5 } }), 2);
    /* Four friends do not stand in for one of the family. */
    cast(3, 7);
    groups(2, 2, (struct manifest_group[]){ { 2, 3 }, { 2, 4 } });
    assert_false(circle_enough(&d.me, &(struct circle_count){ { 1, 4 } }));
    assert_int_equal(circle_spare(&d.me, &(struct circle_count){ { 2, 4 } }), 0);
    assert_int_equal(circle_spare(&d.me, &(struct circle_count){ { 3, 4 } }), 1);
    /* One of two groups: both must break. */
    d.me.group_threshold = 1;
    assert_int_equal(circle_spare(&d.me, &(struct circle_count){ { 3, 4 } }), 4);
    assert_int_equal(circle_spare(&d.me, &(struct circle_count){ { 1, 4 } }), 2);
}

/* The same by going through every set of guardians. */
static double odds_by_sets(double p)
{
    size_t n = circle_pieces(&d.me);
    double sum = 0;
    for (uint32_t set = 0; set < 1U << n; set++) {
        struct circle_count c = { { 0 } };
        double chance = 1;
        for (size_t i = 0; i < n; i++) {
            uint8_t group = 0;
            uint8_t index = 0;
            circle_place(&d.me, i, &group, &index);
            c.of[group] += set >> i & 1U;
            chance *= set >> i & 1U ? p : 1 - p;
        }
        sum += circle_enough(&d.me, &c) ? chance : 0;
    }
    return sum;
}

static void near(double a, double b)
{
    assert_true(a - b < 1e-12 && b - a < 1e-12);
}

static void same_odds(void)
{
    const double chances[] = { 0, 0.05, 0.5, 0.9, 1 };
    for (size_t i = 0; i < sizeof chances / sizeof chances[0]; i++)
        near(circle_odds(&d.me, chances[i]), odds_by_sets(chances[i]));
}

static void odds(void **state)
{
    (void)state;
    cast(3, 5);
    same_odds();
    near(circle_odds(&d.me, 0.9), 0.99144);
    cast(16, 16);
    same_odds();
    cast(5, 12);
    groups(2, 3,
           (struct manifest_group[]){
               { .t = 2, .n = 3 }, { .t = 1, .n = 1 }, { .t = 3, .n = 8 } });
    same_odds();
    groups(3, 3,
           (struct manifest_group[]){
               { .t = 2, .n = 3 }, { .t = 1, .n = 1 }, { .t = 8, .n = 8 } });
    same_odds();
}

static void odds_are_rounded_down(void **state)
{
    static const struct {
        double odds;
        const char *text;
    } rows[] = {
        { 0, "less than 1 in 1,000,000,000" },
        { 1e-12, "less than 1 in 1,000,000,000" },
        { 0.00116, "1 in 862" },
        { 0.5, "50.0 %" },
        { 0.98999, "98.9 %" },
        { 0.99144, "99.1 %" },
        { 0.9963, "99.6 %" },
        { 0.99954, "99.95 %" },
        { 0.999987, "99.998 %" },
        { 0.9999989, "99.9998 %" },
        { 1, "more than 99.9999 %" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ODDS_TEXT];
        odds_text(rows[i].odds, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void places(void **state)
{
    (void)state;
    uint8_t group = 9;
    uint8_t index = 9;
    cast(3, 5);
    groups(2, 2, (struct manifest_group[]){ { 2, 3 }, { 2, 2 } });
    circle_place(&d.me, 2, &group, &index);
    assert_int_equal(group, 0);
    assert_int_equal(index, 2);
    circle_place(&d.me, 3, &group, &index);
    assert_int_equal(group, 1);
    assert_int_equal(index, 0);
}

static void same_address(size_t a, size_t b)
{
    d.guardians[a].node[0].addresses[0] = d.guardians[b].node[0].addresses[0];
}

static void one_domain(void **state)
{
    (void)state;
    size_t first = 99;
    cast(3, 5);
    assert_false(circle_one_domain(&d, &first));
    /* Two with one node key, and one of these with another's address: three. */
    d.guardians[4].node[0].node_key[0] = 3;
    assert_false(circle_one_domain(&d, &first));
    same_address(4, 3);
    assert_true(circle_one_domain(&d, &first));
    assert_int_equal(first, 2);
    /* Loopback says nothing. */
    cast(2, 3);
    const struct address loop = {
        .kind = ADDRESS_IP4, .port = 7844, .host_n = 4, .host = { 127, 0, 0, 1 }
    };
    uint8_t raw[8];
    struct buf b = BUF_OF(raw);
    address_put(&loop, &b);
    for (size_t i = 0; i < 3; i++)
        d.guardians[i].node[0].addresses[0].at = buf_bytes(&b);
    assert_false(circle_one_domain(&d, &first));
    /* One person with two nodes. */
    d.guardians[2].sign_pub[0] = 1;
    assert_true(circle_one_domain(&d, &first));
    assert_int_equal(first, 0);
}

static void unlocked_keys(void **state)
{
    (void)state;
    cast(3, 5);
    assert_false(circle_unlocked(&d));
    for (size_t i = 1; i < 4; i++) {
        assert_false(circle_unlocked(&d));
        d.guardians[i].unlocked = 1;
    }
    assert_true(circle_unlocked(&d));
}

static void card(size_t i)
{
    d.guardians[i].kind = PIECE_CARD;
    d.guardians[i].n_node = 0;
    d.guardians[i].sign_pub[0] = 0;
}

static void fewest(void **state)
{
    (void)state;
    cast(3, 5);
    assert_int_equal(circle_fewest(&d), 3);
    card(0);
    assert_int_equal(circle_fewest(&d), 2);
    card(1);
    assert_int_equal(circle_fewest(&d), 1);
    card(2);
    assert_int_equal(circle_fewest(&d), 0);
    cast(3, 5);
    d.guardians[1].sign_pub[0] = 1;
    assert_int_equal(circle_fewest(&d), 2);
    d.guardians[2].sign_pub[0] = 1;
    assert_int_equal(circle_fewest(&d), 1);
    cast(9, 16);
    assert_int_equal(circle_fewest(&d), 9);
    /* One who sits in both groups saves a person. */
    cast(3, 7);
    groups(2, 2, (struct manifest_group[]){ { 2, 3 }, { 2, 4 } });
    assert_int_equal(circle_fewest(&d), 4);
    d.guardians[3].sign_pub[0] = 1;
    assert_int_equal(circle_fewest(&d), 3);
}

static void sealed(uint8_t t, size_t n, size_t confirmed)
{
    cast(t, n);
    d.me.epoch = 1;
    for (size_t i = 0; i < n; i++) {
        d.guardians[i].epoch = 1;
        d.guardians[i].confirmed = i < confirmed ? NOW : 0;
    }
}

static struct circle_standing stand(enum circle_state a, enum circle_state b,
                                    enum circle_state rest)
{
    enum circle_state states[DAY_GUARDIANS] = { a, b };
    struct circle_standing s = { 0 };
    for (size_t i = 2; i < d.n_guardians; i++)
        states[i] = rest;
    circle_stand(&d, states, NOW, &s);
    return s;
}

static void standing(void **state)
{
    (void)state;
    sealed(3, 5, 5);
    struct circle_standing s = stand(HOLDS_OK, HOLDS_OK, HOLDS_OK);
    assert_int_equal(s.level, CIRCLE_OK);
    assert_int_equal(s.spare, 2);
    /* One asleep for a night is no reason to worry, for eight days it is. */
    s = stand(HOLDS_AWAY, HOLDS_OK, HOLDS_OK);
    assert_int_equal(s.level, CIRCLE_OK);
    assert_int_equal(s.stored, 5);
    d.guardians[0].node[0].seen = NOW - CIRCLE_AMBER_S - 1;
    assert_int_equal(stand(HOLDS_AWAY, HOLDS_OK, HOLDS_OK).level, CIRCLE_DEGRADED);
    d.guardians[0].node[0].seen = NOW - CIRCLE_RED_S - 1;
    s = stand(HOLDS_AWAY, HOLDS_OK, HOLDS_OK);
    assert_int_equal(s.stored, 4);
    assert_int_equal(s.spare, 1);
    assert_int_equal(s.level, CIRCLE_DEGRADED);
    /* Too few answer now: the pieces are there, but not today. */
    sealed(3, 5, 5);
    s = stand(HOLDS_OK, HOLDS_OK, HOLDS_AWAY);
    assert_true(s.restorable);
    assert_false(s.today);
    assert_int_equal(s.level, CIRCLE_DEGRADED);
    s = stand(HOLDS_OK, HOLDS_OK, HOLDS_MISSING);
    assert_false(s.restorable);
    assert_int_equal(s.level, CIRCLE_LOST);
    s = stand(HOLDS_ROLLED_BACK, HOLDS_BEHIND, HOLDS_OK);
    assert_int_equal(s.stored, 3);
    assert_int_equal(s.spare, 0);
    assert_int_equal(s.level, CIRCLE_DEGRADED);
    sealed(3, 5, 3);
    s = stand(HOLDS_OK, HOLDS_OK, HOLDS_OK);
    assert_int_equal(s.confirmed, 3);
    assert_int_equal(s.spare, 0);
    assert_int_equal(s.level, CIRCLE_DEGRADED);
}

/* A card counts once it was read back, and only while a node is there as well. */
static void standing_with_cards(void **state)
{
    (void)state;

    enum circle_state states[DAY_GUARDIANS] = { HOLDS_OK, HOLDS_OK, HOLDS_OK };
    struct circle_standing s;
    size_t at = 0;
    cast(3, 5);
    for (size_t i = 0; i < 5; i++)
        card(i);
    assert_int_equal(fault_at(&at), CIRCLE_NO_NODE);
    sealed(3, 5, 3);
    card(3);
    card(4);
    assert_int_equal(fault(), CIRCLE_FINE);
    d.me.epoch = 2;
    for (size_t i = 0; i < 3; i++)
        d.guardians[i].epoch = d.guardians[i].said_epoch = 2;
    d.guardians[3].epoch = 0;
    d.guardians[4].epoch = d.me.epoch - 1; /* of the circle before */
    for (size_t i = 3; i < 5; i++)
        states[i] = circle_card_state(&d, &d.guardians[i]);
    assert_int_equal(states[3], HOLDS_MISSING);
    assert_int_equal(states[4], HOLDS_MISSING);
    circle_stand(&d, states, NOW, &s);
    assert_int_equal(s.stored, 3);
    assert_int_equal(s.cards, 0);
    assert_int_equal(s.spare, 0);
    assert_int_equal(s.level, CIRCLE_DEGRADED);
    for (size_t i = 3; i < 5; i++) {
        d.guardians[i].epoch = d.me.epoch;
        d.guardians[i].confirmed = NOW;
        states[i] = circle_card_state(&d, &d.guardians[i]);
        assert_int_equal(states[i], HOLDS_OK);
    }
    circle_stand(&d, states, NOW, &s);
    assert_int_equal(s.stored, 5);
    assert_int_equal(s.confirmed, 5);
    assert_int_equal(s.cards, 2);
    assert_int_equal(s.spare, 2);
    assert_true(s.today);
    assert_int_equal(s.level, CIRCLE_OK);
    /* One node and two cards are enough; the cards alone would not be, were they three.
     */
    states[0] = states[1] = HOLDS_AWAY;
    circle_stand(&d, states, NOW, &s);
    assert_true(s.today);
    d.me.groups[0].t = 2;
    states[2] = HOLDS_AWAY;
    circle_stand(&d, states, NOW, &s);
    assert_true(s.restorable);
    assert_false(s.today);
    assert_int_equal(s.answering, 2);
}

static void later_guardians(void **state)
{
    (void)state;
    sealed(2, 4, 4);
    d.me.groups[0].n = 3; /* the fourth was added after the seal */
    struct circle_standing s = stand(HOLDS_OK, HOLDS_OK, HOLDS_OK);
    assert_int_equal(s.of, 3);
    assert_int_equal(s.stored, 3);
    assert_int_equal(s.level, CIRCLE_OK);
}

/* A restore may bring a circle back of which one guardian is not known. */
static void nobody_is_left_out_of_a_next_epoch(void **state)
{
    (void)state;
    struct day_plan plan;
    struct day *next = NULL;
    struct day *keeper = calloc(1, sizeof *keeper);

    assert_non_null(keeper);
    cast(3, 5);
    d.me.epoch = 2;
    d.n_guardians = 4;
    assert_int_equal(circle_next(&d, &next), ERR_UNKNOWN);
    circle_plan_of(&d, keeper, &plan);
    assert_int_equal(circle_with(&d, &plan, &next), ERR_UNKNOWN);
    assert_null(next);
    day_free(keeper);
    d.n_guardians = 5;
    assert_int_equal(circle_next(&d, &next), OK);
    assert_int_equal(next->n_guardians, 5);
    circle_next_free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_plans),
        cmocka_unit_test(wrong_groups),
        cmocka_unit_test(group_texts),
        cmocka_unit_test(counting),
        cmocka_unit_test(places),
        cmocka_unit_test(one_domain),
        cmocka_unit_test(unlocked_keys),
        cmocka_unit_test(fewest),
        cmocka_unit_test(standing),
        cmocka_unit_test(standing_with_cards),
        cmocka_unit_test(later_guardians),
        cmocka_unit_test(nobody_is_left_out_of_a_next_epoch),
        cmocka_unit_test(odds),
        cmocka_unit_test(odds_are_rounded_down),
    };
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
