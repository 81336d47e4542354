/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "proto/crypt.h"
#include "proto/secret.h"
#include "proto/slip39.h"

/* A deterministic source (SplitMix64), so that a failure repeats. */
static uint64_t chance_state = 1;

static uint64_t chance(void)
{
    uint64_t z = chance_state += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void chance_fill(uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)chance();
}

/* One set of shares under test; on the heap of the test, not a secret. */
static struct {
    uint8_t secret[SLIP39_SECRET_MAX];
    uint8_t draw[17 * 16 * SLIP39_SECRET_MAX];
    struct slip39_share shares[SLIP39_SHARES];
    struct slip39_share given[SLIP39_SHARES + 1];
    struct slip39_found found;
} t;

static const struct slip39_plan three_of_five = {
    .ext = 1, .group_threshold = 1, .group_count = 1, .groups = { { 3, 5 } }
};

static struct bytes no_passphrase(void)
{
    return bytes_of(NULL, 0);
}

static void split(const struct slip39_plan *plan, size_t n)
{
    size_t draw_n = slip39_draw_size(plan, n);

    assert_true(draw_n <= sizeof t.draw);
    chance_fill(t.secret, n);
    chance_fill(t.draw, draw_n);
    assert_int_equal(slip39_split(bytes_of(t.secret, n), no_passphrase(), plan,
                                  bytes_of(t.draw, draw_n), t.shares),
                     OK);
}

/* The shares named by a list of positions that ends with -1. */
static size_t give(const int *positions)
{
    size_t n = 0;

    for (; positions[n] >= 0; n++)
        t.given[n] = t.shares[positions[n]];
    return n;
}

static enum err recover(size_t n)
{
    return slip39_recover(t.given, n, no_passphrase(), SLIP39_E_USUAL, &t.found);
}

#define GIVE(...) give((const int[]){ __VA_ARGS__, -1 })

/* Fails with e and leaves no trace in the output, strict and robust alike. */
static void refused(size_t n, enum err e)
{
    struct slip39_found marked;

    memset(&marked, 0x5a, sizeof marked);
    memset(&t.found, 0x5a, sizeof t.found);
    assert_int_equal(recover(n), e);
    assert_memory_equal(&t.found, &marked, sizeof marked);
    assert_int_equal(
        slip39_combine(t.given, n, no_passphrase(), SLIP39_E_USUAL, &t.found), e);
    assert_memory_equal(&t.found, &marked, sizeof marked);
}

/* Recovers the secret and names exactly the positions set in bad (bit i). */
static void recovered(size_t n, uint64_t bad)
{
    size_t bad_n = 0;

    assert_true(bad == 0 || n <= 64);
    assert_int_equal(recover(n), OK);
    assert_int_equal(t.found.secret_n, t.shares[0].value_n);
    assert_memory_equal(t.found.secret, t.secret, t.found.secret_n);
    for (size_t i = 0; i < n; i++) {
        uint64_t here = bad >> (i % 64) & 1;
        assert_int_equal(t.found.bad[i], here);
        bad_n += here;
    }
    assert_int_equal(t.found.bad_n, bad_n);
    assert_int_equal(
        slip39_combine(t.given, n, no_passphrase(), SLIP39_E_USUAL, &t.found),
        bad == 0 ? OK : ERR_SHARE_DIGEST);
}

/* ---- what other libraries got wrong ---- */

static void wrong_sets_are_refused_before_arithmetic(void **state)
{
    (void)state;
    split(&three_of_five, 32);
    refused(0, ERR_SHARE_FEW);
    refused(GIVE(0, 1), ERR_SHARE_FEW);
    refused(GIVE(0, 1, 1), ERR_SHARE_TWICE);
    refused(GIVE(0, 1, 2, 0), ERR_SHARE_TWICE);
    GIVE(0, 1, 2, 3);
    t.given[3].member_index = 1;
    refused(4, ERR_SHARE_TWICE);
    for (size_t i = 0; i <= SLIP39_SHARES; i++)
        t.given[i] = t.shares[0];
    refused(SLIP39_SHARES + 1, ERR_SHARE_MANY);
}

/* Changes one number of the second of three shares. */
#define MIXED(field, value)                                                              \
    do {                                                                                 \
        size_t n_ = GIVE(0, 1, 2);                                                       \
        t.given[1].field = (value);                                                      \
        refused(n_, ERR_SHARE_MIXED);                                                    \
    } while (0)

static void mixed_sets_are_refused(void **state)
{
    struct slip39_plan plan = three_of_five;
    (void)state;

    plan.group_count = 2;
    plan.groups[1].t = plan.groups[1].n = 1;
    split(&plan, 32);
    MIXED(identifier, t.shares[1].identifier ^ 1);
    MIXED(ext, 0);
    MIXED(e, 1);
    MIXED(group_threshold, 2);
    MIXED(group_count, 3);
    MIXED(member_threshold, 2);
    MIXED(value_n, 30);
}

#define IMPOSSIBLE(field, value, e)                                                      \
    do {                                                                                 \
        size_t n_ = GIVE(0, 1, 2);                                                       \
        for (size_t i_ = 0; i_ < n_; i_++)                                               \
            t.given[i_].field = (value);                                                 \
        refused(n_, e);                                                                  \
    } while (0)

static void impossible_numbers_are_refused(void **state)
{
    (void)state;
    split(&three_of_five, 32);
    IMPOSSIBLE(member_threshold, 0, ERR_FORMAT);
    IMPOSSIBLE(member_threshold, 17, ERR_FORMAT);
    IMPOSSIBLE(group_threshold, 0, ERR_FORMAT);
    IMPOSSIBLE(group_threshold, 2, ERR_FORMAT);
    IMPOSSIBLE(group_count, 17, ERR_FORMAT);
    IMPOSSIBLE(group_count, 0, ERR_FORMAT);
    IMPOSSIBLE(group_index, 1, ERR_FORMAT);
    IMPOSSIBLE(e, 16, ERR_FORMAT);
    IMPOSSIBLE(ext, 2, ERR_FORMAT);
    IMPOSSIBLE(identifier, 0x8000, ERR_FORMAT);
    IMPOSSIBLE(value_n, 14, ERR_FORMAT);
    IMPOSSIBLE(value_n, 31, ERR_FORMAT);
    IMPOSSIBLE(value_n, 66, ERR_TOO_BIG);
    /* No share stands at the digest's or the secret's x, or at any above 15. */
    IMPOSSIBLE(member_index, 255, ERR_FORMAT);
    IMPOSSIBLE(member_index, 254, ERR_FORMAT);
    IMPOSSIBLE(member_index, 16, ERR_FORMAT);
}

static void wrong_plans_are_refused(void **state)
{
    static const struct slip39_plan wrong[] = {
        { .group_threshold = 0, .group_count = 1, .groups = { { 3, 5 } } },
        { .group_threshold = 2, .group_count = 1, .groups = { { 3, 5 } } },
        { .group_threshold = 1, .group_count = 0 },
        { .group_threshold = 1, .group_count = 17, .groups = { { 3, 5 } } },
        { .group_threshold = 1, .group_count = 1, .groups = { { 0, 5 } } },
        { .group_threshold = 1, .group_count = 1, .groups = { { 6, 5 } } },
        { .group_threshold = 1, .group_count = 1, .groups = { { 3, 17 } } },
        { .group_threshold = 1, .group_count = 1, .groups = { { 1, 2 } } },
        { .e = 16, .group_threshold = 1, .group_count = 1, .groups = { { 3, 5 } } },
        { .ext = 2, .group_threshold = 1, .group_count = 1, .groups = { { 3, 5 } } },
    };
    (void)state;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(slip39_plan_check(&wrong[i]), ERR_ARG);
        assert_int_equal(slip39_split(bytes_of(t.secret, 32), no_passphrase(), &wrong[i],
                                      bytes_of(t.draw, 92), t.shares),
                         ERR_ARG);
    }
}

static void wrong_inputs_of_a_split_are_refused(void **state)
{
    static const size_t lengths[] = { 0, 14, 15, 17, 33, 65, 66 };
    const struct slip39_plan *plan = &three_of_five;
    struct slip39_share marked;
    uint8_t strange[2][1] = { { 0x1f }, { 0x7f } };
    static const uint8_t long_text[SLIP39_PASSPHRASE + 1];
    (void)state;

    memset(&marked, 0x5a, sizeof marked);
    t.shares[0] = marked;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t n = lengths[i];
        size_t draw_n = n < 16 ? 92 : slip39_draw_size(plan, n);
        assert_int_equal(slip39_split(bytes_of(t.draw, n), no_passphrase(), plan,
                                      bytes_of(t.draw, draw_n), t.shares),
                         ERR_ARG);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(slip39_split(bytes_of(t.secret, 32), BYTES_OF(strange[i]), plan,
                                      bytes_of(t.draw, 62), t.shares),
                         ERR_ARG);
    assert_int_equal(slip39_split(bytes_of(t.secret, 32), BYTES_OF(long_text), plan,
                                  bytes_of(t.draw, 62), t.shares),
                     ERR_TOO_BIG);
    assert_int_equal(slip39_draw_size(plan, 32), 62);
    for (size_t n = 61; n <= 63; n += 2)
        assert_int_equal(slip39_split(bytes_of(t.secret, 32), no_passphrase(), plan,
                                      bytes_of(t.draw, n), t.shares),
                         ERR_ARG);
    assert_memory_equal(&t.shares[0], &marked, sizeof marked);
}

static void high_exponents_need_a_word(void **state)
{
    struct slip39_plan plan = three_of_five;
    (void)state;

    split(&plan, 16);
    size_t n = GIVE(0, 1, 2);
    for (size_t i = 0; i < n; i++)
        t.given[i].e = 6;
    assert_int_equal(recover(n), ERR_TOO_BIG);
    plan.e = 1;
    split(&plan, 16);
    n = GIVE(0, 1, 2);
    assert_int_equal(slip39_combine(t.given, n, no_passphrase(), 0, &t.found),
                     ERR_TOO_BIG);
    assert_int_equal(slip39_combine(t.given, n, no_passphrase(), 1, &t.found), OK);
    assert_memory_equal(t.found.secret, t.secret, 16);
}

/* ---- what must work ---- */

static void surplus_members_are_verified(void **state)
{
    (void)state;
    split(&three_of_five, 32);
    recovered(GIVE(4, 0, 2), 0);
    recovered(GIVE(4, 0, 2, 1), 0);
    recovered(GIVE(0, 1, 2, 3, 4), 0);
    size_t n = GIVE(0, 1, 2, 3, 4);
    t.given[4].value[31] ^= 1;
    recovered(n, 1U << 4);
    t.given[0].value[0] ^= 0x80;
    recovered(n, 1U << 4 | 1);
    t.given[1].value[9] ^= 2;
    refused(n, ERR_SHARE_DIGEST);
    n = GIVE(0, 1, 2);
    t.given[2].value[0] ^= 1;
    refused(n, ERR_SHARE_DIGEST);
}

/* 2 of 4 groups: 2 of 3, 3 of 5, 1 of 1, 2 of 2. Shares 0-2, 3-7, 8, 9-10. */
static const struct slip39_plan groups_plan = {
    .ext = 1,
    .group_threshold = 2,
    .group_count = 4,
    .groups = { { 2, 3 }, { 3, 5 }, { 1, 1 }, { 2, 2 } },
};

static void surplus_groups_are_verified(void **state)
{
    (void)state;
    split(&groups_plan, 32);
    assert_int_equal(slip39_plan_shares(&groups_plan), 11);
    assert_int_equal(slip39_plan_need(&groups_plan), 3);
    recovered(GIVE(0, 1, 8), 0);
    recovered(GIVE(0, 1, 8, 3), 0);
    recovered(GIVE(0, 1, 8, 9, 10, 7, 3, 4), 0);
    refused(GIVE(0, 1, 3, 4), ERR_SHARE_FEW);

    size_t n = GIVE(0, 1, 8, 9, 10);
    t.given[2].value[5] ^= 4; /* the 1 of 1: the other groups tell */
    recovered(n, 1U << 2);
    n = GIVE(0, 1, 8, 9, 10);
    t.given[4].value[5] ^= 4; /* 2 of 2: the group's value is known */
    recovered(n, 1U << 4);
    n = GIVE(0, 1, 8, 3, 4, 5);
    t.given[4].value[5] ^= 4; /* 3 of 5 with 3 */
    recovered(n, 1U << 4);
    n = GIVE(0, 1, 8, 3, 4);
    recovered(n, 0);          /* one below its threshold is still checked */
    t.given[4].value[5] ^= 4; /* no telling which of the two */
    recovered(n, 1U << 3 | 1U << 4);
    n = GIVE(0, 1, 8);
    t.given[2].value[5] ^= 4;
    refused(n, ERR_SHARE_DIGEST);
}

/* Any one group: 2 of 3 or 1 of 1 or 1 of 1. */
static void one_group_is_enough(void **state)
{
    struct slip39_plan plan = { .group_threshold = 1,
                                .group_count = 3,
                                .groups = { { 2, 3 }, { 1, 1 }, { 1, 1 } } };
    (void)state;

    split(&plan, 16);
    assert_int_equal(slip39_plan_need(&plan), 1);
    recovered(GIVE(3), 0);
    recovered(GIVE(3, 4), 0);
    recovered(GIVE(0, 2), 0);
    recovered(GIVE(0, 2, 3, 4), 0);
    size_t n = GIVE(0, 2, 3);
    t.given[2].value[0] ^= 1; /* a digest stands behind the others */
    recovered(n, 1U << 2);
    n = GIVE(3, 4);
    t.given[1].value[0] ^= 1; /* nothing tells which is right */
    refused(n, ERR_SHARE_DIGEST);
}

/* t bad shares that lie on a polynomial of their own lose against more good ones. */
static void a_second_set_loses_or_is_refused(void **state)
{
    static struct slip39_share other[3];
    (void)state;

    split(&three_of_five, 32);
    for (size_t i = 0; i < 3; i++) {
        other[i] = t.shares[2 + i];
        other[i].identifier = 0;
    }
    split(&three_of_five, 32);
    for (size_t i = 0; i < 3; i++)
        other[i].identifier = t.shares[0].identifier;
    size_t n = GIVE(0, 1, 2, 3, 4);
    for (size_t i = 2; i < 5; i++)
        t.given[i].value_n = 32;
    memcpy(t.given[3].value, other[1].value, 32);
    memcpy(t.given[4].value, other[2].value, 32);
    recovered(n, 1U << 3 | 1U << 4);
    struct slip39_plan six = three_of_five;
    six.groups[0].n = 6;
    split(&six, 32);
    n = GIVE(0, 1, 2, 3, 4, 5);
    struct slip39_share second[6];
    memcpy(second, t.shares, sizeof second);
    split(&six, 32);
    for (size_t i = 3; i < 6; i++)
        memcpy(t.given[i].value, t.shares[i].value, 32);
    refused(n, ERR_SHARE_DIGEST); /* three against three */
}

static void big_sets_work(void **state)
{
    struct slip39_plan plan = { .group_threshold = 16, .group_count = 16 };
    (void)state;

    for (size_t i = 0; i < 16; i++)
        plan.groups[i].t = plan.groups[i].n = 16;
    split(&plan, 64);
    assert_int_equal(slip39_plan_shares(&plan), 256);
    assert_int_equal(slip39_plan_need(&plan), 256);
    memcpy(t.given, t.shares, sizeof t.shares);
    recovered(256, 0);
    plan = (struct slip39_plan){ .group_threshold = 8, .group_count = 15 };
    for (size_t i = 0; i < 15; i++)
        plan.groups[i].t = plan.groups[i].n = 1;
    split(&plan, 32);
    memcpy(t.given, t.shares, sizeof t.shares);
    recovered(15, 0);
    for (size_t i = 0; i < 6; i++)
        t.given[2 * i].value[i] ^= 1;
    recovered(15, 0x555);
}

/* The worst search there is ends: 8 of 16 with 9 bad, or bad ones in two groups. */
static void hopeless_searches_end(void **state)
{
    struct slip39_plan plan = { .group_threshold = 2,
                                .group_count = 2,
                                .groups = { { 8, 16 }, { 8, 16 } } };
    (void)state;

    split(&plan, 16);
    memcpy(t.given, t.shares, sizeof t.shares);
    for (size_t i = 0; i < 9; i++) {
        t.given[i].value[0] ^= (uint8_t)(i + 1);
        t.given[16 + i].value[0] ^= (uint8_t)(i + 1);
    }
    refused(32, ERR_SHARE_DIGEST);
}

static void a_key_is_combined_strictly(void **state)
{
    struct escrow_key key = { { 0 } };
    (void)state;

    split(&three_of_five, 32);
    assert_int_equal(slip39_combine_key(t.given, 0, &key), ERR_SHARE_FEW);
    assert_int_equal(slip39_combine_key(t.given, GIVE(4, 1, 2), &key), OK);
    assert_memory_equal(key.b, t.secret, 32);
    size_t n = GIVE(0, 1, 2, 3);
    t.given[3].value[0] ^= 1;
    memset(&key, 0, sizeof key);
    assert_int_equal(slip39_combine_key(t.given, n, &key), ERR_SHARE_DIGEST);
    split(&three_of_five, 16);
    assert_int_equal(slip39_combine_key(t.given, GIVE(0, 1, 2), &key), ERR_SHARE_MIXED);
    struct slip39_plan slow = three_of_five;
    slow.e = 1;
    split(&slow, 32);
    assert_int_equal(slip39_combine_key(t.given, GIVE(0, 1, 2), &key), ERR_SHARE_MIXED);
    for (size_t i = 0; i < sizeof key; i++)
        assert_int_equal(key.b[i], 0);
}

static void passphrases_matter(void **state)
{
    struct slip39_plan plan = three_of_five;
    (void)state;

    for (uint8_t ext = 0; ext < 2; ext++) {
        plan.ext = ext;
        assert_int_equal(slip39_split(bytes_of(t.secret, 32), bytes_text("one"), &plan,
                                      bytes_of(t.draw, 62), t.shares),
                         OK);
        size_t n = GIVE(0, 1, 2);
        assert_int_equal(slip39_recover(t.given, n, bytes_text("one"), 5, &t.found), OK);
        assert_memory_equal(t.found.secret, t.secret, 32);
        assert_int_equal(slip39_recover(t.given, n, bytes_text("two"), 5, &t.found), OK);
        assert_memory_not_equal(t.found.secret, t.secret, 32);
        assert_int_equal(slip39_recover(t.given, n, bytes_text("\xc3\xa9"), 5, &t.found),
                         ERR_ARG);
    }
}

/* ---- pieces and words ---- */

static void same_share(const struct slip39_share *a, const struct slip39_share *b)
{
    uint8_t pa[SLIP39_HEADER + SLIP39_SECRET_MAX];
    uint8_t pb[sizeof pa];
    struct buf ba = BUF_OF(pa);
    struct buf bb = BUF_OF(pb);

    slip39_piece_encode(a, &ba);
    slip39_piece_encode(b, &bb);
    assert_false(ba.over);
    assert_true(bytes_equal(buf_bytes(&ba), buf_bytes(&bb)));
}

static void both_forms_return(const struct slip39_share *share)
{
    uint8_t memory[SLIP39_TEXT];
    struct buf out = BUF_OF(memory);
    struct slip39_share back;

    slip39_piece_encode(share, &out);
    assert_int_equal(out.n, SLIP39_HEADER + share->value_n);
    assert_int_equal(slip39_piece_decode(buf_bytes(&out), &back), OK);
    same_share(share, &back);
    out.n = 0;
    slip39_words_encode(share, &out);
    assert_false(out.over);
    assert_int_equal(slip39_words_decode(buf_bytes(&out), &back), OK);
    same_share(share, &back);
}

static void pieces_and_words_lose_nothing(void **state)
{
    (void)state;
    assert_int_equal(slip39_word_count(16), 20);
    assert_int_equal(slip39_word_count(32), 33);
    assert_int_equal(slip39_word_count(64), 59);
    for (size_t n = 16; n <= 64; n += 2) {
        for (size_t i = 0; i < 20; i++) {
            struct slip39_share s = { .value_n = (uint8_t)n };

            chance_fill(s.value, n);
            memset(s.value, i == 0 ? 0xff : 0, i < 3 ? i * 8 : 0); /* leading zeros */
            s.identifier = (uint16_t)(chance() & 0x7fff);
            s.ext = (uint8_t)(chance() & 1);
            s.e = (uint8_t)(chance() & 15);
            s.group_count = (uint8_t)(1 + (chance() & 15));
            s.group_threshold = (uint8_t)(1 + chance() % s.group_count);
            s.group_index = (uint8_t)(chance() % s.group_count);
            s.member_index = (uint8_t)(chance() & 15);
            s.member_threshold = (uint8_t)(1 + (chance() & 15));
            both_forms_return(&s);
        }
    }
}

static void pieces_of_wrong_form_are_refused(void **state)
{
    uint8_t piece[80] = { 0 };
    struct slip39_share s = { .value_n = 99 };
    struct buf small = { .p = piece, .cap = 36 };
    (void)state;

    for (size_t n = 0; n < sizeof piece; n++) {
        enum err want = n > 69 ? ERR_TOO_BIG : ERR_FORMAT;
        if (n >= 21 && n <= 69 && n % 2 == 1)
            continue;
        assert_int_equal(slip39_piece_decode(bytes_of(piece, n), &s), want);
    }
    piece[2] = 1; /* group 1 of 1 */
    assert_int_equal(slip39_piece_decode(bytes_of(piece, SLIP39_PIECE), &s), ERR_FORMAT);
    piece[2] = 0;
    piece[3] = 0x10; /* 2 of 1 groups */
    assert_int_equal(slip39_piece_decode(bytes_of(piece, SLIP39_PIECE), &s), ERR_FORMAT);
    assert_int_equal(s.value_n, 99);
    split(&three_of_five, 32);
    slip39_piece_encode(&t.shares[0], &small);
    assert_true(small.over);
    assert_int_equal(small.n, 0);
}

static const char good_text[] =
    "duckling enlarge academic academic agency result length solution fridge kidney "
    "coal piece deal husband erode duke ajar critical decision keyboard";

static enum err decode(const char *text)
{
    struct slip39_share s;

    return slip39_words_decode(bytes_text(text), &s);
}

/* The good text with one of its words replaced. */
static enum err decode_with(size_t which, const char *word)
{
    char text[400] = "";
    const char *p = good_text;
    size_t at = 0;

    for (size_t i = 0; *p != '\0'; i++) {
        int n = (int)strcspn(p, " ");
        at += (size_t)snprintf(text + at, sizeof text - at, "%.*s ",
                               i == which ? (int)strlen(word) : n, i == which ? word : p);
        p += n + (p[n] == ' ' ? 1 : 0);
    }
    return decode(text);
}

static void words_of_any_case_and_space(void **state)
{
    struct slip39_share a;
    struct slip39_share b;
    char text[400] = " \r\n\t\v\f";
    size_t at = 6;
    (void)state;

    assert_int_equal(slip39_words_decode(bytes_text(good_text), &a), OK);
    for (size_t i = 0; good_text[i] != '\0'; i++) {
        if (good_text[i] == ' ') {
            text[at++] = '\n';
            text[at++] = '\t';
            continue;
        }
        text[at++] = (char)(good_text[i] ^ (i % 2 == 0 ? 0x20 : 0));
    }
    text[at++] = ' ';
    assert_int_equal(slip39_words_decode(bytes_of(text, at), &b), OK);
    same_share(&a, &b);
}

static void wrong_words_are_refused(void **state)
{
    static const char *const unknown[] = { "keyboards", "keyboar",  "kezboard",
                                           "key.oard",  "k",        "keyboard1",
                                           "\xffkey",   "zzzzzzzz", "academicacademic" };
    char text[SLIP39_TEXT + 2];
    (void)state;

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(decode_with(19, unknown[i]), ERR_WORD);
        assert_int_equal(decode_with(0, unknown[i]), ERR_WORD);
    }
    assert_int_equal(decode_with(5, "acid"), ERR_CHECKSUM);
    assert_int_equal(decode_with(1, "acid"), ERR_CHECKSUM);
    assert_int_equal(decode(""), ERR_FORMAT);
    assert_int_equal(decode("acid acid acid"), ERR_FORMAT);
    assert_int_equal(
        slip39_words_decode(bytes_of(good_text, sizeof good_text), &t.given[0]),
        ERR_WORD); /* a zero byte is no white space */
    memset(text, ' ', sizeof text);
    assert_int_equal(slip39_words_decode(bytes_of(text, SLIP39_TEXT), &t.given[0]),
                     ERR_FORMAT);
    assert_int_equal(slip39_words_decode(bytes_of(text, SLIP39_TEXT + 1), &t.given[0]),
                     ERR_TOO_BIG);
    for (size_t i = 0; i < 60; i++)
        memcpy(text + 5 * i, "acid ", 5);
    assert_int_equal(slip39_words_decode(bytes_of(text, 300), &t.given[0]), ERR_TOO_BIG);
    assert_int_equal(slip39_words_decode(bytes_of(text, 295), &t.given[0]), ERR_CHECKSUM);
}

/* Every word count: only those a share can have get as far as the checksum. */
static void word_counts(void **state)
{
    char text[SLIP39_TEXT];
    (void)state;

    for (size_t i = 0; i < 59; i++)
        memcpy(text + 5 * i, "acid ", 5);
    for (size_t words = 0; words <= 59; words++) {
        bool can = false;

        for (size_t n = 16; n <= 64; n += 2)
            can = can || slip39_word_count(n) == words;
        assert_int_equal(slip39_words_decode(bytes_of(text, 5 * words), &t.given[0]),
                         can ? ERR_CHECKSUM : ERR_FORMAT);
    }
}

/* One changed word is always found, three changed words too. */
static void changed_words_are_found(void **state)
{
    uint8_t memory[SLIP39_TEXT];
    char word[9] = "";
    (void)state;

    for (uint16_t i = 0; i < 1024; i++) {
        slip39_word(i, (uint8_t *)word);
        assert_int_equal(decode_with(7, word),
                         strcmp(word, "solution") == 0 ? OK : ERR_CHECKSUM);
    }
    split(&three_of_five, 32);
    for (size_t i = 0; i < 37 * 8; i++) {
        struct slip39_share s = t.shares[0];
        struct buf out = BUF_OF(memory);

        if (i / 8 < SLIP39_HEADER)
            continue;
        s.value[i / 8 - SLIP39_HEADER] ^= (uint8_t)(1U << i % 8);
        slip39_words_encode(&s, &out);
        assert_int_equal(slip39_words_decode(buf_bytes(&out), &s), OK);
        assert_memory_not_equal(s.value, t.shares[0].value, 32);
    }
}

/* ---- randomness ---- */

/* Over 10^6 coefficient bytes the zero rate is within 4 sigma of 1/256. */
static void zeros_are_as_common_as_chance_makes_them(void **state)
{
    enum { RUNS = 16000, BYTES = 1024000 };

    uint8_t secret[32];
    uint8_t draw[92];
    uint8_t values[5 * 32];
    uint64_t zeros = 0;
    (void)state;

    rng_fill(&crypt_random, secret, sizeof secret);
    for (size_t run = 0; run < RUNS; run++) {
        rng_fill(&crypt_random, draw, sizeof draw);
        assert_int_equal(
            slip39_shamir_split(4, 5, BYTES_OF(secret), BYTES_OF(draw), values), OK);
        for (size_t i = 0; i < (size_t)2 * 32; i++)
            zeros += values[i] == 0 ? 1 : 0;
    }
    /* Mean 4,000; variance BYTES / 256 * 255 / 256 = 3,984.4; 4 sigma = 252.5. */
    assert_in_range(zeros, 4000 - 252, 4000 + 252);
}

/* A draw's zeros, and equal values, pass as they are: nothing is drawn again. */
static void a_draw_is_used_as_it_is(void **state)
{
    uint8_t draw[92] = { 0 };
    uint8_t values[5 * 32];
    uint8_t zero[64] = { 0 };
    (void)state;

    assert_int_equal(slip39_shamir_draw(1, 32), 0);
    assert_int_equal(slip39_shamir_draw(2, 32), 28);
    assert_int_equal(slip39_shamir_draw(4, 32), sizeof draw);
    assert_int_equal(
        slip39_shamir_split(4, 5, bytes_of(t.secret, 32), BYTES_OF(draw), values), OK);
    assert_memory_equal(values, zero, 64);
    assert_int_equal(
        slip39_shamir_split(0, 5, bytes_of(t.secret, 32), bytes_of(NULL, 0), values),
        ERR_ARG);
    assert_int_equal(slip39_shamir_split(4, 5, bytes_of(t.secret, 32),
                                         bytes_of(draw, sizeof draw - 1), values),
                     ERR_ARG);
}

/* ---- vectors ---- */

static json_t *vectors(const char *name)
{
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/%s", KITH_VECTORS, name);
    json_t *all = json_load_file(path, 0, NULL);
    if (all == NULL) {
        print_message("skipped: no %s\n", name);
        skip();
    }
    assert_true(json_array_size(all) > 0);
    return all;
}

static enum err combine_texts(const json_t *texts, const char *passphrase)
{
    size_t n = json_array_size(texts);

    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(texts, i);
        TRY(slip39_words_decode(bytes_of(json_string_value(v), json_string_length(v)),
                                &t.given[i]));
    }
    return slip39_recover(t.given, n, bytes_text(passphrase), SLIP39_E_USUAL, &t.found);
}

/* An empty secret means: must fail. */
static void expect_secret(const json_t *texts, const char *passphrase, const char *secret)
{
    char hex[2 * SLIP39_SECRET_MAX + 1];
    enum err e = combine_texts(texts, passphrase);

    if (*secret == '\0') {
        assert_int_not_equal(e, OK);
        return;
    }
    assert_int_equal(e, OK);
    hex_encode(bytes_of(t.found.secret, t.found.secret_n), hex, sizeof hex);
    assert_string_equal(hex, secret);
}

static const char *text_of(const json_t *v, const char *key)
{
    return json_string_value(json_object_get(v, key));
}

static void vectors_official(void **state)
{
    json_t *all = vectors("slip39-official-a.json");
    (void)state;

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *v = json_array_get(all, i);
        expect_secret(json_array_get(v, 1), "TREZOR",
                      json_string_value(json_array_get(v, 2)));
    }
    json_decref(all);
}

static void vectors_generated(void **state)
{
    json_t *all = vectors("slip39-generated-a.json");
    (void)state;

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *v = json_array_get(all, i);
        expect_secret(json_object_get(v, "mnemonics"), text_of(v, "passphrase"),
                      text_of(v, "master_secret"));
    }
    json_decref(all);
}

static void vectors_device(void **state)
{
    json_t *all = vectors("slip39-trezor-device-a.json");
    (void)state;

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *v = json_array_get(all, i);
        expect_secret(json_object_get(v, "mnemonics"), "",
                      text_of(v, "master_secret_empty_passphrase"));
    }
    json_decref(all);
}

static void one_robust(const json_t *v)
{
    const json_t *bad = json_object_get(v, "bad_member_indices");
    size_t named = 0;

    expect_secret(json_object_get(v, "mnemonics"), "", text_of(v, "master_secret"));
    if (!json_is_true(json_object_get(v, "identifiable_without_commitments")))
        return;
    for (size_t i = 0; i < json_array_size(json_object_get(v, "mnemonics")); i++)
        named += t.found.bad[i] ? 1 : 0;
    assert_int_equal(named, json_array_size(bad));
    for (size_t i = 0; i < json_array_size(bad); i++) {
        json_int_t index = json_integer_value(json_array_get(bad, i));
        for (size_t k = 0; k < json_array_size(json_object_get(v, "mnemonics")); k++) {
            if (t.given[k].member_index == index)
                assert_true(t.found.bad[k]);
        }
    }
}

static void vectors_robust(void **state)
{
    json_t *all = vectors("robust-and-repair-a.json");
    (void)state;

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *v = json_array_get(all, i);
        if (strcmp(text_of(v, "kind"), "robust") == 0)
            one_robust(v);
    }
    json_decref(all);
}

static void vectors_fixed_draw(void **state)
{
    json_t *all = vectors("shamir-split-fixed-rng-a.json");
    uint8_t secret[16];
    uint8_t want[16];
    uint8_t draw[16 + 12];
    uint8_t values[16 * 16];
    const json_t *v = json_array_get(all, 0);
    uint8_t threshold = (uint8_t)json_integer_value(json_object_get(v, "t"));
    uint8_t n = (uint8_t)json_integer_value(json_object_get(v, "n"));
    (void)state;

    for (size_t i = 0; i < sizeof draw; i++)
        draw[i] = (uint8_t)(17 * (i % 16));
    assert_int_equal(hex_decode(bytes_text(text_of(v, "secret")), SPAN_OF(secret)), OK);
    assert_int_equal(
        slip39_shamir_split(threshold, n, BYTES_OF(secret), BYTES_OF(draw), values), OK);
    for (size_t i = 0; i < n; i++) {
        const char *hex =
            json_string_value(json_array_get(json_object_get(v, "shares"), i));
        assert_int_equal(hex_decode(bytes_text(hex), SPAN_OF(want)), OK);
        assert_memory_equal(values + 16 * i, want, 16);
    }
    json_decref(all);
}

/* Every plan of one group, every length, each from a random threshold of its shares. */
static void every_threshold_and_length(void **state)
{
    struct slip39_plan plan = { .ext = 1, .group_threshold = 1, .group_count = 1 };
    (void)state;

    for (uint8_t n = 1; n <= 16; n++) {
        for (uint8_t k = n == 1 ? 1 : 2; k <= n; k++) {
            plan.groups[0].t = k;
            plan.groups[0].n = n;
            split(&plan, 16 + 2 * (chance() % 25));
            size_t first = chance() % n;
            for (size_t i = 0; i < k; i++)
                t.given[i] = t.shares[(first + i) % n];
            recovered(k, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_sets_are_refused_before_arithmetic),
        cmocka_unit_test(mixed_sets_are_refused),
        cmocka_unit_test(impossible_numbers_are_refused),
        cmocka_unit_test(wrong_plans_are_refused),
        cmocka_unit_test(wrong_inputs_of_a_split_are_refused),
        cmocka_unit_test(high_exponents_need_a_word),
        cmocka_unit_test(surplus_members_are_verified),
        cmocka_unit_test(surplus_groups_are_verified),
        cmocka_unit_test(one_group_is_enough),
        cmocka_unit_test(a_second_set_loses_or_is_refused),
        cmocka_unit_test(big_sets_work),
        cmocka_unit_test(hopeless_searches_end),
        cmocka_unit_test(a_key_is_combined_strictly),
        cmocka_unit_test(passphrases_matter),
        cmocka_unit_test(pieces_and_words_lose_nothing),
        cmocka_unit_test(pieces_of_wrong_form_are_refused),
        cmocka_unit_test(words_of_any_case_and_space),
        cmocka_unit_test(wrong_words_are_refused),
        cmocka_unit_test(word_counts),
        cmocka_unit_test(changed_words_are_found),
        cmocka_unit_test(zeros_are_as_common_as_chance_makes_them),
        cmocka_unit_test(a_draw_is_used_as_it_is),
        cmocka_unit_test(vectors_official),
        cmocka_unit_test(vectors_generated),
        cmocka_unit_test(vectors_device),
        cmocka_unit_test(vectors_robust),
        cmocka_unit_test(vectors_fixed_draw),
        cmocka_unit_test(every_threshold_and_length),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
