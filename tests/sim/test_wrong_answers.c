/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way of answering wrongly, by every subset of guardians, over conversations and
 * the real handlers; then mixtures from a seed. A restore completes whenever enough
 * good pieces exist, names exactly the bad ones, and never yields a wrong root silently.
 *   sim_wrong_answers                    a selection of both
 *   sim_wrong_answers subsets            all subsets of 5 and of 7
 *   sim_wrong_answers mixtures           300 of each, with KITH_LONG=1 2,500 of each
 *   sim_wrong_answers COUNT [FIRST]      so many of each, from that seed on; with
 *                                        KITH_TELL=1 each is told as it is judged
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/faults.h"

static void one_fault(enum fault f, unsigned set)
{
    struct scene s = { .fault = { GOOD } };

    for (size_t i = 0; i < faults_cast.n; i++) {
        s.fault[i] = set >> i & 1 ? f : GOOD;
        s.early[i] = ((set ^ i) & 1) != 0;
        s.linked[i] = true;
    }
    faults_playing = (struct played){ fault_names[f], set };
    (void)faults_play(&s); /* it may be more than can be borne */
}

static void each_subset(size_t n, unsigned k)
{
    faults_open(n, k);
    for (int f = FLIP; f < FAULTS; f++) {
        for (unsigned set = 0; set < 1U << n; set++)
            one_fault((enum fault)f, set);
        faults_again();
    }
    faults_close();
}

static void test_every_fault_every_subset_3_of_5(void **state)
{
    (void)state;
    each_subset(5, 3);
}

static void test_every_fault_every_subset_4_of_7(void **state)
{
    (void)state;
    each_subset(7, 4);
}

/* One liar, as many as may lie, one more, all. */
static void test_every_fault_some_subsets_3_of_5(void **state)
{
    static const unsigned sets[] = { 0x04, 0x11, 0x0e, 0x1f };

    (void)state;
    faults_open(5, 3);
    for (int f = FLIP; f < FAULTS; f++)
        for (size_t i = 0; i < 4; i++)
            one_fault((enum fault)f, sets[i]);
    faults_close();
}

/* ---- a guardian who leads into a circle of their own ---- */

static uint8_t zed_tokens[MOST][TOKEN_STANDING];

/* The standing credentials that Zed's roster names. */
static void zed_known(void)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct unlocked *u = NULL;
    struct day *d = NULL;

    MUST(home_open(play_home("Zed"), HOME_READ, &h) == OK);
    MUST(home_day_load(&h, &d) == OK && home_root_unlock(&h, NULL, &u) == OK);
    for (size_t i = 0; i < faults_cast.n; i++) {
        const struct day_guardian *g = &d->guardians[i];
        const struct standing which = { .kind = STANDING_ROSTER,
                                        .generation = g->generation,
                                        .number = d->me.next_roster - 1 };

        MUST(ident_restore(&u->root, g->node[0].node_key, g->seat, &which,
                           zed_tokens[i]) == OK);
    }
    secret_free(u);
    day_free(d);
    home_close(&h);
}

/* Requests at Zed's account of everybody but Ben, as Ben's roster would lead to them. */
static void led_astray(struct scene *s)
{
    struct play_guardian ben = { 0 };
    struct introduction in = { .until = net_now() + 86400 };
    AUTO_SECRET struct sign_seed *sign = NULL;
    static uint8_t intro[SIGNED_MAX];
    struct buf b = BUF_OF(intro);

    MUST(secret_new(&sign) == OK);
    memcpy(sign->b, s->r->head.req_sign, KEY_BYTES);
    crypt_sign_public(sign, in.req_sign);
    memcpy(in.manifest_hash, faults_cast.zed[0].hash, HASH_BYTES);
    play_sit(0, "Zed", &ben);
    introduction_make(&in, ben.approval, &b);
    play_rise(&ben);
    for (size_t i = 1; i < faults_cast.n; i++) {
        struct link link = { 0 };
        struct restore_entry *e = NULL;

        play_link(&faults_cast.at[i], &link); /* for node, seat and address */
        assert_int_equal(restore_add_link(s->r, &link, net_rng()), OK);
        e = faults_entry(s, i);
        e->source = FROM_ROSTER;
        e->introduction = buf_bytes(&b);
        e->token = BYTES_OF(zed_tokens[i]);
    }
}

static void keep_zed(void)
{
    for (size_t i = 0; i < faults_cast.n; i++) {
        struct play_guardian zed = faults_cast.at[i];

        play_sit(i, "Zed", &faults_cast.at[i]);
        play_rise(&zed);
    }
}

/*
 * Ben's roster leads to Zed's account at the same guardians, who all help Zed. Zed's
 * root is never taken for Ana's, and Ana's own links still work afterwards.
 */
static void test_a_roster_into_another_circle(void **state)
{
    static struct scene s;
    struct ending e = { 0 };

    (void)state;
    faults_open(5, 3);
    zed_known();
    s = (struct scene){ .fault = { GOOD } };
    MUST(restore_new(net_rng(), &s.r) == OK);
    s.linked[0] = true;
    faults_link(&s, 0);
    led_astray(&s);
    faults_round(&s, false);
    keep_zed();
    for (size_t i = 1; i < 4; i++)
        faults_answer(&s, i, faults_entry(&s, i));
    faults_round(&s, true);
    s.r->head.sources_differ = 1; /* whatever a person says of one link */
    faults_judge(&s, &e);
    assert_int_equal(e.state, RESTORE_UNCONFIRMED);
    assert_memory_not_equal(s.r->head.owner, faults_cast.owner, PUB_BYTES);
    assert_false(e.accepted || e.right);
    MUST(restore_accept(s.r, bytes_text(faults_cast.words)) == OK);
    faults_judge(&s, &e);
    assert_false(e.accepted || e.right);
    /* Fay was asked about Zed and said nothing: her link for Ana begins anew. */
    faults_again();
    faults_link(&s, 4);
    assert_int_equal(faults_entry(&s, 4)->source, FROM_LINK);
    faults_round(&s, true);
    faults_answer(&s, 4, faults_entry(&s, 4));
    faults_round(&s, true);
    faults_judge(&s, &e);
    assert_int_equal(faults_entry(&s, 4)->n_pieces, 1);
    assert_memory_equal(faults_entry(&s, 4)->pieces[0].manifest_hash,
                        faults_cast.true_[4].hash, HASH_BYTES);
    /* A yes that was given stays what the roster's word led to. */
    struct link link = { 0 };
    play_link(&faults_cast.at[1], &link);
    assert_int_equal(restore_add_link(s.r, &link, net_rng()), OK);
    assert_int_equal(faults_entry(&s, 1)->source, FROM_ROSTER);
    restore_free(s.r);
    faults_close();
}

/* Whoever made the paper made all of its links: only words accept what they lead to. */
static void test_a_sheet_is_one_source(void **state)
{
    static struct scene s;
    struct ending e = { 0 };

    (void)state;
    faults_open(5, 3);
    s = (struct scene){ .fault = { GOOD } };
    MUST(restore_new(net_rng(), &s.r) == OK);
    for (size_t i = 0; i < 3; i++) {
        s.linked[i] = true;
        faults_link(&s, i);
        faults_entry(&s, i)->sheet = 1;
    }
    faults_round(&s, false);
    for (size_t i = 0; i < 3; i++)
        faults_answer(&s, i, faults_entry(&s, i));
    faults_round(&s, true);
    s.r->head.sources_differ = 1;
    faults_judge(&s, &e);
    assert_int_equal(e.state, RESTORE_UNCONFIRMED);
    assert_false(e.accepted);
    faults_entry(&s, 0)->sheet = 0; /* one of them was given by its guardian */
    faults_judge(&s, &e);
    assert_false(e.accepted);
    faults_entry(&s, 1)->sheet = 0;
    faults_judge(&s, &e);
    assert_true(e.accepted && e.right);
    restore_free(s.r);
    faults_close();
}

/* ---- mixtures ---- */

static uint64_t mixtures = 60;
static uint64_t first_seed = 1;

static unsigned below(unsigned n)
{
    uint8_t b[4];

    rng_fill(net_rng(), b, sizeof b);
    return load_u32(b) % n;
}

/* Often all are linked; else whoever is linked brings the others. */
static void mixture(uint64_t seed)
{
    struct scene s = { .fault = { GOOD } };
    unsigned often = 0;
    bool all = false;

    net_chance(seed);
    often = 1 + below(5);
    all = below(2) == 0;
    for (size_t i = 0; i < faults_cast.n; i++) {
        bool bad = below(6) < often;

        s.fault[i] = bad ? (enum fault)(FLIP + (int)below(FAULTS - FLIP)) : GOOD;
        s.early[i] = below(2) == 0;
        s.linked[i] = all || below(3) == 0;
    }
    s.linked[below((unsigned)faults_cast.n)] = true;
    faults_playing = (struct played){ "mixture", seed };
    (void)faults_play(&s); /* it may be more than can be borne */
}

static void each_mixture(size_t n, unsigned k)
{
    print_message("mixtures %llu to %llu of %u in %zu\n", (unsigned long long)first_seed,
                  (unsigned long long)(first_seed + mixtures - 1), k, n);
    faults_open(n, k);
    for (uint64_t seed = first_seed; seed < first_seed + mixtures; seed++) {
        mixture(seed);
        if (seed % 64 == 0)
            faults_again();
    }
    faults_close();
}

static void test_mixtures_3_of_5(void **state)
{
    (void)state;
    each_mixture(5, 3);
}

static void test_mixtures_4_of_7(void **state)
{
    (void)state;
    each_mixture(7, 4);
}

static int mixed(uint64_t count, uint64_t first)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixtures_3_of_5),
        cmocka_unit_test(test_mixtures_4_of_7),
    };

    mixtures = count;
    first_seed = first;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int subsets(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault_every_subset_3_of_5),
        cmocka_unit_test(test_every_fault_every_subset_4_of_7),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int selection(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sheet_is_one_source),
        cmocka_unit_test(test_a_roster_into_another_circle),
        cmocka_unit_test(test_every_fault_some_subsets_3_of_5),
        cmocka_unit_test(test_mixtures_3_of_5),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int run(int argc, char **argv)
{
    if (argc == 1)
        return selection();
    if (strcmp(argv[1], "subsets") == 0)
        return subsets();
    if (strcmp(argv[1], "mixtures") == 0)
        return mixed(getenv("KITH_LONG") != NULL ? 2500 : 300, 1);
    return mixed(strtoull(argv[1], NULL, 10), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
}

int main(int argc, char **argv)
{
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = run(argc, argv);
    if (failed == 0)
        secret_end();
    return failed;
}
