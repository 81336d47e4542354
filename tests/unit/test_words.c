/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/words.h"
#include "tests/unit/death.h"
#include "tests/unit/json.h"

static void assert_not_a_word(const char *typed)
{
    uint16_t index = 4242;

    assert_int_equal(words_find(bytes_text(typed), &index), ERR_WORD);
    assert_int_equal(index, 4242);
}

static void what_is_not_on_the_list_is_no_word(void **state)
{
    (void)state;
    static const char *const none[] = {
        "",
        "a",
        "aa",
        "ab",
        "zzz",
        "aardvork",
        "aardvarks",
        "abandone ",
        " abandoned",
        "aband0ned",
        "abandon\xc3\xa9",
        "---",
        "a-b",
        "yo-",
        "yo-yo-x",
        "yo_yo",
        "\xff\xff\xff",
        "abacus",
        "academic", /* of the cards' list */
    };

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_not_a_word(none[i]);
}

static void a_zero_byte_or_a_flood_is_no_word(void **state)
{
    (void)state;
    static uint8_t flood[65536];
    uint16_t index = 4242;

    assert_int_equal(words_find(bytes_of("aba\0ndoned", 10), &index), ERR_WORD);
    memset(flood, '-', sizeof(flood));
    assert_int_equal(words_find(BYTES_OF(flood), &index), ERR_WORD);
    memset(flood, 'a', sizeof(flood));
    assert_int_equal(words_find(BYTES_OF(flood), &index), ERR_WORD);
    assert_int_equal(words_find((struct bytes){ 0 }, &index), ERR_WORD);
    assert_int_equal(index, 4242);
}

/* Levenshtein, two rows. */
static size_t distance(const char *a, const char *b)
{
    size_t row[16];
    size_t nb = strlen(b);

    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= strlen(a); i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[nb];
}

static void every_word_is_far_from_every_other(void **state)
{
    (void)state;
    for (uint16_t a = 0; a < WORDS_LIST; a++)
        for (uint16_t b = a + 1; b < WORDS_LIST; b++)
            assert_true(distance(words_text(a), words_text(b)) >= 3);
}

static void every_beginning_finds_its_word(void **state)
{
    (void)state;
    for (uint16_t w = 0; w < WORDS_LIST; w++) {
        struct bytes word = bytes_text(words_text(w));

        assert_true(word.n >= 3 && word.n <= 10);
        for (size_t n = 1; n <= word.n; n++) {
            bool enough = n >= 3 && !(n == 3 && word.p[2] == '-');
            uint16_t index = 4242;

            assert_int_equal(words_find(bytes_of(word.p, n), &index),
                             enough ? OK : ERR_WORD);
            assert_int_equal(index, enough ? w : 4242);
        }
    }
}

static void any_case_and_no_hyphen_will_do(void **state)
{
    (void)state;

    static const struct {
        const char *typed;
        const char *word;
    } rows[] = { { "ABA", "abandoned" },
                 { "AbAnDoNeD", "abandoned" },
                 { "yoyo", "yo-yo" },
                 { "yoy", "yo-yo" },
                 { "YO-YO", "yo-yo" },
                 { "yog", "yogurt" },
                 { "alarm-clock", "alarmclock" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint16_t index = 0;

        assert_int_equal(words_find(bytes_text(rows[i].typed), &index), OK);
        assert_string_equal(words_text(index), rows[i].word);
    }
}

static void refuse_parse(const char *text, size_t n)
{
    uint16_t out[WORDS_MAX] = { 7, 7, 7, 7, 7, 7 };

    assert_int_equal(words_parse(bytes_text(text), n, out), ERR_WORD);
    for (size_t i = 0; i < WORDS_MAX; i++)
        assert_int_equal(out[i], 7);
}

static void not_n_words_is_refused_whole(void **state)
{
    (void)state;
    refuse_parse("", 4);
    refuse_parse(" \t\r\n ", 4);
    refuse_parse("aba abb abd", 4);
    refuse_parse("aba abb abd abh abi", 4);
    refuse_parse("aba abb abd abh .", 4);
    refuse_parse("aba,abb,abd,abh", 4);
    refuse_parse("aba abb abd ab", 4);
    refuse_parse("aba abb abd abacus", 4);
    refuse_parse("aba abb", 1);
}

static void any_white_space_parts_words(void **state)
{
    (void)state;
    static const char text[] = "\r\n\t ABA\v\fabbrev  \n\nAbDoMeN\tabh\r\n";
    uint16_t out[4] = { 0 };
    char line[WORDS_TEXT];

    assert_int_equal(words_parse(bytes_text(text), 4, out), OK);
    words_format(out, 4, line, sizeof(line));
    assert_string_equal(line, "abandoned abbreviate abdomen abhorrence");
}

static void what_is_formatted_parses(void **state)
{
    (void)state;
    char line[WORDS_TEXT];

    for (uint16_t w = 0; w < WORDS_LIST; w++) {
        uint16_t last = (uint16_t)(WORDS_LIST - 1 - w);
        uint16_t in[6] = { w, last, 0, last, WORDS_LIST - 1, w };
        uint16_t out[6] = { 0 };

        words_format(in, 6, line, sizeof(line));
        assert_int_equal(words_parse(bytes_text(line), 6, out), OK);
        assert_memory_equal(in, out, sizeof(in));
    }
}

static void garbage_never_parses_to_no_word(void **state)
{
    (void)state;
    uint32_t seed = 1;

    for (unsigned round = 0; round < 2000; round++) {
        uint8_t text[40];
        uint16_t out[4] = { 0 };

        for (size_t i = 0; i < sizeof(text); i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = round % 2 == 0 ? (uint8_t)(seed >> 24)
                                     : (uint8_t) " abcdi\n-"[seed >> 29];
        }
        if (words_parse(BYTES_OF(text), 4, out) == OK)
            for (size_t i = 0; i < 4; i++)
                assert_true(out[i] < WORDS_LIST);
    }
}

static void no_word_right_is_told_from_one_wrong(void **state)
{
    (void)state;
    static const uint16_t right[4] = { 0, 1295, 256, 700 };
    static const uint16_t flip[] = { 1, 0x100, 0x8000, 0xffff };

    for (unsigned mask = 0; mask < 16; mask++) {
        uint16_t typed[4];
        unsigned wrong = 0;

        for (unsigned i = 0; i < 4; i++) {
            typed[i] = right[i] ^ (mask >> i & 1 ? flip[i] : 0);
            wrong += mask >> i & 1;
        }
        enum words_verdict want = wrong == 0   ? WORDS_RIGHT
                                  : wrong == 1 ? WORDS_SLIP
                                  : wrong == 4 ? WORDS_ALL_WRONG
                                               : WORDS_WRONG;
        assert_int_equal(words_compare(typed, right, 4), want);
    }
}

static void the_right_words_in_another_order_are_wrong(void **state)
{
    (void)state;
    static const uint16_t right[4] = { 1, 2, 3, 4 };
    static const uint16_t turned[4] = { 2, 3, 4, 1 };
    static const uint16_t swapped[4] = { 2, 1, 3, 4 };

    assert_int_equal(words_compare(turned, right, 4), WORDS_ALL_WRONG);
    assert_int_equal(words_compare(swapped, right, 4), WORDS_WRONG);
}

static void fewer_words_are_judged_alike(void **state)
{
    (void)state;
    static const uint16_t right[2] = { 5, 6 };
    static const uint16_t half[2] = { 5, 7 };
    static const uint16_t none[2] = { 7, 7 };

    assert_int_equal(words_compare(none, right, 1), WORDS_SLIP);
    assert_int_equal(words_compare(half, right, 1), WORDS_RIGHT);
    assert_int_equal(words_compare(none, right, 2), WORDS_ALL_WRONG);
    assert_int_equal(words_compare(half, right, 2), WORDS_SLIP);
    assert_int_equal(words_compare(right, right, 2), WORDS_RIGHT);
}

static void name_no_word(void *ctx)
{
    (void)ctx;
    (void)words_text(WORDS_LIST); /* dies before it returns */
}

static void judge_nothing(void *ctx)
{
    (void)words_compare(ctx, ctx, 0); /* dies before it returns */
}

static void draw_too_many(void *ctx)
{
    words_from_bytes((const uint8_t *)"12345678", WORDS_MAX + 1, ctx);
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    uint16_t room[WORDS_MAX + 1] = { 0 };

    assert_int_equal(death_signal(name_no_word, NULL), SIGABRT);
    assert_int_equal(death_signal(judge_nothing, room), SIGABRT);
    assert_int_equal(death_signal(draw_too_many, room), SIGABRT);
}

/* ---- vectors: computed by tests/vectors/make.py, not by this code ---- */

static void assert_words(const uint16_t *got, size_t n, const json_t *row,
                         const char *key)
{
    char line[WORDS_TEXT];

    words_format(got, n, line, sizeof(line));
    assert_string_equal(line, json_string_value(json_at(row, key)));
}

static void the_list_is_the_list(void **state)
{
    static uint8_t text[WORDS_LIST * 11];
    uint8_t hash[32];
    struct buf b = BUF_OF(text);
    uint8_t full[64];

    for (uint16_t w = 0; w < WORDS_LIST; w++) {
        if (w > 0)
            buf_put_u8(&b, '\n');
        buf_put(&b, bytes_text(words_text(w)));
    }
    assert_false(b.over);
    /* Not the 512-bit hash cut: BLAKE2b's length is part of it. */
    assert_int_equal(crypto_generichash(hash, sizeof(hash), b.p, b.n, NULL, 0), 0);
    json_same(*state, "list_blake2b_256", BYTES_OF(hash));
    crypt_blake2b_512(PARTS(buf_bytes(&b)), full);
    assert_memory_not_equal(full, hash, sizeof(hash));
}

static void bytes_give_the_words_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "from_bytes"), i, row)
    {
        uint8_t in[8];
        uint16_t out[WORDS_MAX] = { 0 };
        size_t n = json_u32(row, "n");

        json_fixed(row, "bytes", SPAN_OF(in));
        words_from_bytes(in, n, out);
        assert_words(out, n, row, "words");
    }
    assert_int_equal(i, 24);
}

static struct cost cost_of(const json_t *row)
{
    return (struct cost){ .mem = json_u32(row, "mem"),
                          .passes = json_u32(row, "passes") };
}

static void calls_give_the_words_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "call"), i, row)
    {
        uint8_t t[1024];
        uint8_t nonce[WORDS_NONCE];
        uint8_t out[WORDS_OUT] = { 0 };
        uint16_t w[WORDS_CALL] = { 0 };
        struct bytes transcript = json_bytes(row, "t", SPAN_OF(t));

        json_fixed(row, "nonce", SPAN_OF(nonce));
        assert_int_equal(words_call(transcript, nonce, cost_of(row), out), OK);
        json_same(row, "out", BYTES_OF(out));
        words_from_bytes(out, WORDS_CALL, w);
        assert_words(w, WORDS_CALL, row, "words");
        words_from_bytes(out + 8, WORDS_ANSWER, w);
        assert_words(w, WORDS_ANSWER, row, "answer");
    }
    assert_int_equal(i, 3);
}

static void keys_have_the_fingerprint_words_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "fingerprint"), i, row)
    {
        uint8_t pub[PUB_BYTES];
        uint16_t w[WORDS_CALL] = { 0 };

        json_fixed(row, "owner_pub", SPAN_OF(pub));
        assert_int_equal(words_fingerprint(pub, cost_of(row), w), OK);
        assert_words(w, WORDS_CALL, row, "words");
    }
    assert_int_equal(i, 2);
}

static void the_shipped_cost_is_64_mib_and_3(void **state)
{
    (void)state;
    assert_int_equal(cost_shipped.mem, 64 * 1024 * 1024);
    assert_int_equal(cost_shipped.passes, 3);
}

static void every_input_of_a_call_changes_its_words(void **state)
{
    (void)state;
    uint8_t t[40] = { 1 };
    uint8_t nonce[WORDS_NONCE] = { 2 };
    uint8_t base[WORDS_OUT];
    uint8_t other[WORDS_OUT];
    struct cost twice = cost_minimum;

    twice.passes++;
    assert_int_equal(words_call(BYTES_OF(t), nonce, cost_minimum, base), OK);
    assert_int_equal(words_call(BYTES_OF(t), nonce, twice, other), OK);
    assert_memory_not_equal(base, other, sizeof(base));
    assert_int_equal(words_call(bytes_of(t, 39), nonce, cost_minimum, other), OK);
    assert_memory_not_equal(base, other, sizeof(base));
    for (size_t i = 0; i < sizeof(t); i++) {
        t[i] ^= 1;
        assert_int_equal(words_call(BYTES_OF(t), nonce, cost_minimum, other), OK);
        assert_memory_not_equal(base, other, sizeof(base));
        t[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof(nonce); i++) {
        nonce[i] ^= 0x80;
        assert_int_equal(words_call(BYTES_OF(t), nonce, cost_minimum, other), OK);
        assert_memory_not_equal(base, other, sizeof(base));
        nonce[i] ^= 0x80;
    }
}

static void a_cost_nobody_can_pay_is_an_error(void **state)
{
    (void)state;
    uint8_t nonce[WORDS_NONCE] = { 0 };
    uint8_t out[WORDS_OUT];
    uint16_t w[WORDS_CALL] = { 9, 9, 9, 9 };
    struct cost none = { .mem = 1, .passes = 1 };

    memset(out, 0x5a, sizeof(out));
    assert_int_equal(words_call((struct bytes){ 0 }, nonce, none, out), ERR_NOMEM);
    for (size_t i = 0; i < sizeof(out); i++)
        assert_int_equal(out[i], 0x5a);
    assert_int_equal(words_fingerprint(nonce, none, w), ERR_NOMEM);
    assert_int_equal(w[0], 9);
}

static int open_vectors(void **state)
{
    *state = json_vectors("words.json");
    return 0;
}

static int close_vectors(void **state)
{
    json_decref(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_on_the_list_is_no_word),
        cmocka_unit_test(a_zero_byte_or_a_flood_is_no_word),
        cmocka_unit_test(not_n_words_is_refused_whole),
        cmocka_unit_test(garbage_never_parses_to_no_word),
        cmocka_unit_test(every_word_is_far_from_every_other),
        cmocka_unit_test(every_beginning_finds_its_word),
        cmocka_unit_test(any_case_and_no_hyphen_will_do),
        cmocka_unit_test(any_white_space_parts_words),
        cmocka_unit_test(what_is_formatted_parses),
        cmocka_unit_test(no_word_right_is_told_from_one_wrong),
        cmocka_unit_test(the_right_words_in_another_order_are_wrong),
        cmocka_unit_test(fewer_words_are_judged_alike),
        cmocka_unit_test(misuse_ends_the_process),
        cmocka_unit_test(the_list_is_the_list),
        cmocka_unit_test(bytes_give_the_words_of_the_vectors),
        cmocka_unit_test(calls_give_the_words_of_the_vectors),
        cmocka_unit_test(keys_have_the_fingerprint_words_of_the_vectors),
        cmocka_unit_test(the_shipped_cost_is_64_mib_and_3),
        cmocka_unit_test(every_input_of_a_call_changes_its_words),
        cmocka_unit_test(a_cost_nobody_can_pay_is_an_error),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, open_vectors, close_vectors);
    secret_end();
    return failed;
}
