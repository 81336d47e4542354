/* SPDX-License-Identifier: Apache-2.0 */
/* Cards: what is printed, what people type back, and every slip between the two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/card.h"
#include "tests/unit/circle.h"

/* One circle for all: three nodes, two cards. */
static struct circle circle;
static const struct root_key root = { { 1, 2, 3 } };

enum { CARD_PIECE = 4, NODE_PIECE = 0, TEXT = 1024 };

static const uint8_t *piece(void)
{
    return circle.pieces[CARD_PIECE];
}

static const uint8_t *key_of(size_t i)
{
    return circle.m.pieces[i].piece_key;
}

static void make_card(enum card_kind kind, struct card *out)
{
    assert_int_equal(card_of(bytes_of(circle.raw, circle.raw_n), key_of(CARD_PIECE),
                             bytes_text("Aunt Ada"), kind, out),
                     OK);
}

/* ---- the rows of a card ---- */

static void rows_of(struct card_rows *rows)
{
    assert_int_equal(card_rows_of(piece(), rows), OK);
}

/* All words of the rows, with their checks if asked, one row a line. */
static void rows_text(const struct card_rows *rows, bool checks, char out[TEXT])
{
    size_t n = 0;

    for (unsigned r = 0; r < CARD_ROWS; r++) {
        n += (size_t)snprintf(out + n, TEXT - n, "%u ", r + 1);
        for (unsigned i = 0; i < card_row_words(r); i++)
            n += (size_t)snprintf(out + n, TEXT - n, " %s", rows->word[r * CARD_ROW + i]);
        n += (size_t)snprintf(out + n, TEXT - n, "%s%s\n", checks ? "  " : "",
                              checks ? rows->check[r] : "");
    }
}

static enum err type_rows(const struct card_rows *rows, bool checks,
                          struct card_typed *out)
{
    char text[TEXT];

    rows_text(rows, checks, text);
    return card_type(bytes_text(text), out);
}

static void set_word(struct card_rows *rows, unsigned at, uint16_t index)
{
    slip39_word(index, (uint8_t *)rows->word[at]);
}

static uint16_t index_of(const char *word)
{
    uint16_t index = 0;

    assert_true(slip39_find(bytes_text(word), &index));
    return index;
}

static enum err mend(const struct card_typed *t, const uint8_t *key, struct card_fix *fix)
{
    uint8_t keys[2 * PUB_BYTES] = { 1 };

    memcpy(keys + PUB_BYTES, key, PUB_BYTES);
    return card_mend(t, keys, 2, fix);
}

/* ---- slips ---- */

static void every_wrong_word_is_caught_and_located_to_its_row(void **state)
{
    struct card_rows right;
    struct card_typed t;

    (void)state;
    rows_of(&right);
    for (unsigned at = 0; at < CARD_WORDS; at++)
        for (uint16_t w = (uint16_t)(at % 13); w < 1024; w += 13) {
            struct card_rows rows = right;

            if (w == index_of(right.word[at]))
                continue;
            set_word(&rows, at, w);
            assert_int_equal(type_rows(&rows, true, &t), ERR_CHECKSUM);
            assert_int_equal(t.given, 0x7f);
            assert_int_equal(t.wrong, 1U << at / CARD_ROW);
        }
}

static void every_swap_is_caught_and_located_to_its_rows(void **state)
{
    struct card_rows right;
    struct card_typed t;

    (void)state;
    rows_of(&right);
    for (unsigned a = 0; a < CARD_WORDS; a++)
        for (unsigned b = a + 1; b < CARD_WORDS; b++) {
            struct card_rows rows = right;

            if (strcmp(right.word[a], right.word[b]) == 0)
                continue;
            memcpy(rows.word[a], right.word[b], CARD_WORD_TEXT);
            memcpy(rows.word[b], right.word[a], CARD_WORD_TEXT);
            assert_int_equal(type_rows(&rows, true, &t), ERR_CHECKSUM);
            assert_int_equal(t.wrong, 1U << a / CARD_ROW | 1U << b / CARD_ROW);
        }
}

static void a_wrong_row_is_seen_as_it_is_typed(void **state)
{
    struct card_rows rows;
    struct card_typed t;
    char text[TEXT];

    (void)state;
    rows_of(&rows);
    for (unsigned r = 0; r < CARD_ROWS; r++) {
        char(*w)[CARD_WORD_TEXT] = rows.word + (size_t)r * CARD_ROW;
        int n =
            r < 6 ? snprintf(text, TEXT, "%s %s %s %s %s %s", w[0], w[1], w[2], w[3],
                             w[4], rows.check[r])
                  : snprintf(text, TEXT, "%s %s %s %s", w[0], w[1], w[2], rows.check[r]);
        assert_int_equal(card_type_row(bytes_of(text, (size_t)n), r, &t), OK);
        assert_int_equal(t.given, 1U << r);
        /* Its number is in the check: the same words are wrong in another place. */
        if (r < 5) {
            assert_int_equal(card_type_row(bytes_of(text, (size_t)n), r + 1, &t),
                             ERR_CHECKSUM);
            assert_int_equal(t.wrong, 1U << (r + 1));
        }
        assert_int_equal(card_type_row(bytes_text(w[0]), r, &t), ERR_FORMAT);
        assert_int_equal(t.n, 1);
    }
}

static void a_correction_needs_the_piece_key(void **state)
{
    struct card_rows right;
    struct card_typed t;
    struct card_fix fix;

    (void)state;
    rows_of(&right);
    for (unsigned at = 0; at < CARD_WORDS; at += 4) {
        struct card_rows rows = right;

        set_word(&rows, at, (uint16_t)(index_of(right.word[at]) ^ 5));
        assert_int_equal(type_rows(&rows, false, &t), ERR_CHECKSUM);
        assert_int_equal(mend(&t, key_of(NODE_PIECE), &fix), ERR_UNKNOWN);
        assert_int_equal(mend(&t, key_of(CARD_PIECE), &fix), OK);
        assert_int_equal(fix.kind, CARD_FIX_WORD);
        assert_int_equal(fix.at, at);
        assert_int_equal(fix.key, 1);
        assert_string_equal(fix.word, right.word[at]);
        assert_memory_equal(fix.piece, piece(), PIECE_BYTES);
    }
}

static void a_swap_is_mended(void **state)
{
    struct card_rows right;
    struct card_typed t;
    struct card_fix fix;

    (void)state;
    rows_of(&right);
    for (unsigned at = 0; at + 1 < CARD_WORDS; at++) {
        struct card_rows rows = right;

        if (strcmp(right.word[at], right.word[at + 1]) == 0)
            continue;
        memcpy(rows.word[at], right.word[at + 1], CARD_WORD_TEXT);
        memcpy(rows.word[at + 1], right.word[at], CARD_WORD_TEXT);
        assert_int_equal(type_rows(&rows, false, &t), ERR_CHECKSUM);
        assert_int_equal(mend(&t, key_of(CARD_PIECE), &fix), OK);
        assert_int_equal(fix.kind, CARD_FIX_SWAP);
        assert_int_equal(fix.at, at);
        assert_memory_equal(fix.piece, piece(), PIECE_BYTES);
    }
}

static void a_word_that_is_none_is_named_and_found(void **state)
{
    struct card_rows right;
    struct card_typed t;
    struct card_fix fix;

    (void)state;
    rows_of(&right);
    for (unsigned at = 0; at < CARD_WORDS; at++) {
        struct card_rows rows = right;

        (void)snprintf(rows.word[at], CARD_WORD_TEXT, "zzzz%u", at % 9);
        assert_int_equal(type_rows(&rows, true, &t), ERR_WORD);
        assert_true(t.unknown == (uint64_t)1 << at);
        assert_int_equal(mend(&t, key_of(CARD_PIECE), &fix), OK);
        assert_int_equal(fix.at, at);
        assert_string_equal(fix.word, right.word[at]);
        (void)snprintf(rows.word[(at + 7) % CARD_WORDS], CARD_WORD_TEXT, "qqqq");
        assert_int_equal(type_rows(&rows, true, &t), ERR_WORD);
        assert_int_equal(mend(&t, key_of(CARD_PIECE), &fix), ERR_UNKNOWN);
    }
}

static void too_few_and_too_many(void **state)
{
    struct card_rows rows;
    struct card_typed t;
    char text[2 * TEXT];

    (void)state;
    rows_of(&rows);
    assert_int_equal(card_type((struct bytes){ 0 }, &t), ERR_FORMAT);
    rows_text(&rows, false, text);
    *strrchr(text, ' ') = '\0';
    assert_int_equal(card_type(bytes_text(text), &t), ERR_FORMAT);
    assert_int_equal(t.n, CARD_WORDS - 1);
    rows_text(&rows, false, text);
    rows_text(&rows, false, text + strlen(text));
    assert_int_equal(card_type(bytes_text(text), &t), ERR_FORMAT);
    assert_int_equal(t.n, 2 * CARD_WORDS);
    /* The row is told where its check was typed. */
    for (unsigned r = 0; r < CARD_ROWS; r++) {
        rows_text(&rows, true, text);
        char *line = text;
        for (unsigned i = 0; i < r; i++)
            line = strchr(line, '\n') + 1;
        char *word = strchr(line, ' ');
        memset(word, ' ', strlen(rows.word[r * CARD_ROW]) + 2);
        assert_int_equal(card_type(bytes_text(text), &t), ERR_FORMAT);
        assert_int_equal(t.n, CARD_WORDS - 1);
        assert_int_equal(t.uneven, 1U << r);
    }
    static uint8_t much[CARD_TYPED + 1];
    assert_int_equal(card_type(BYTES_OF(much), &t), ERR_TOO_BIG);
}

/* 33 right words of another program: not extendable, or with an exponent. */
static void a_piece_of_no_circle(void **state)
{
    struct card_typed t;
    uint8_t other[PIECE_BYTES];
    char text[CARD_WORDS_TEXT];

    (void)state;
    memcpy(other, piece(), sizeof other);
    other[1] ^= 1;
    assert_int_equal(card_words(other, CARD_LOWER, text), OK);
    assert_int_equal(card_type(bytes_text(text), &t), ERR_FORMAT);
    memcpy(other, piece(), sizeof other);
    other[2] ^= 0x10;
    assert_int_equal(card_words(other, CARD_LOWER, text), OK);
    assert_int_equal(card_type(bytes_text(text), &t), ERR_FORMAT);
    other[3] = 0x70;
    assert_int_equal(card_words(other, CARD_LOWER, text), ERR_FORMAT);
}

/* ---- reading ---- */

static void expect_piece(const char *text)
{
    struct card_typed t;

    assert_int_equal(card_type(bytes_text(text), &t), OK);
    assert_int_equal(t.n, CARD_WORDS);
    assert_int_equal(t.wrong, 0);
    assert_memory_equal(t.piece, piece(), PIECE_BYTES);
}

static void as_people_type_it(void **state)
{
    struct card_rows rows;
    char text[2 * TEXT];
    size_t n = 0;

    (void)state;
    rows_of(&rows);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(card_words(piece(), i == 0 ? CARD_LOWER : CARD_UPPER, text), OK);
        expect_piece(text);
    }
    rows_text(&rows, false, text);
    expect_piece(text);
    rows_text(&rows, true, text);
    expect_piece(text);
    for (unsigned i = 0; i < CARD_WORDS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%u. %.4s,\r\n", i + 1,
                              rows.word[i]);
    expect_piece(text);
    n = 0;
    for (unsigned i = 0; i < CARD_WORDS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "(%u)\t%.5s ", i + 1,
                              rows.word[i]);
    expect_piece(text);
}

static void beside_lines_of_ours(void **state)
{
    struct card c;
    struct card read;
    char text[CARD_TEXT + TEXT];
    struct card_rows rows;

    (void)state;
    make_card(CARD_STANDALONE, &c);
    rows_of(&rows);
    card_format(&c, text);
    size_t n = strlen(text);
    text[n++] = '\n';
    rows_text(&rows, true, text + n);
    expect_piece(text);
    assert_int_equal(card_parse(bytes_text(text), &read), OK);
    assert_true(card_fits(&read, piece()));
}

static void a_check_is_read_as_it_looks(void **state)
{
    static const char like[] = "OIB";
    static const char typed[] = "018";
    unsigned seen = 0;

    (void)state;
    /* Pieces until every look-alike has stood in a check. */
    for (unsigned round = 0; seen != 7 && round < 4000; round++) {
        uint8_t other[PIECE_BYTES];
        struct card_rows rows;
        struct card_typed t;

        memcpy(other, piece(), sizeof other);
        store_u32(other + 20, round);
        assert_int_equal(card_rows_of(other, &rows), OK);
        for (unsigned k = 0; k < 3; k++)
            for (unsigned r = 0; r < CARD_ROWS; r++) {
                char *at = strchr(rows.check[r], like[k]);
                if (at == NULL)
                    continue;
                *at = typed[k];
                seen |= 1U << k;
            }
        assert_int_equal(type_rows(&rows, true, &t), OK);
        assert_int_equal(t.given, 0x7f);
        assert_int_equal(t.wrong, 0);
    }
    assert_int_equal(seen, 7);
}

static void four_letters_tell_every_word(void **state)
{
    static char prefix[1024][CARD_WORD_TEXT];
    uint16_t index = 0;

    (void)state;
    for (uint16_t i = 0; i < 1024; i++) {
        uint8_t word[8];

        slip39_word(i, word);
        (void)snprintf(prefix[i], sizeof prefix[i], "%.4s", (const char *)word);
        assert_int_equal(strlen(prefix[i]), 4);
        for (uint16_t k = 0; k < i; k++)
            assert_string_not_equal(prefix[i], prefix[k]);
        assert_true(slip39_find(bytes_text(prefix[i]), &index));
        assert_int_equal(index, i);
        assert_false(slip39_find(bytes_of(prefix[i], 3), &index));
    }
    static const char *const none[] = { "",          "acad@", "academik", "academics",
                                        "academicx", "abcd",  "ACA",      "zzzz" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(slip39_find(bytes_text(none[i]), &index));
    assert_true(slip39_find(bytes_text("AcaDemi"), &index));
    assert_int_equal(index, 0);
}

/* ---- the public line ---- */

static void every_slip_in_the_line_is_seen(void **state)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct card c;
    struct card read = { .epoch = 42 };
    char right[CARD_TEXT];
    char text[CARD_TEXT];

    (void)state;
    make_card(CARD_LOCKED, &c);
    card_format(&c, right);
    for (size_t i = 11; right[i] != '\0'; i++)
        for (size_t k = 0; k < 32; k++) {
            memcpy(text, right, sizeof text);
            text[i] = letters[k];
            if (text[i] != right[i])
                assert_int_equal(card_parse(bytes_text(text), &read), ERR_CHECKSUM);
        }
    for (size_t n = 11; n < strlen(right); n++)
        assert_int_equal(card_parse(bytes_of(right, n), &read), ERR_CHECKSUM);
    assert_int_equal(read.epoch, 42);
}

static void what_is_no_such_line_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum err err;
    } rows[] = {
        { "", ERR_UNKNOWN },
        { "KITH1:AAAA", ERR_UNKNOWN },
        { "KITH-WRAPPED:AAAA", ERR_UNKNOWN },
        { "words before KITH-CARD1:AAAA", ERR_UNKNOWN },
        { "KITH-CARD:AAAA", ERR_FORMAT },
        { "KITH-CARDS1:AAAA", ERR_FORMAT },
        { "KITH-CARD", ERR_FORMAT },
        { "KITH-CARD2:AAAA", ERR_VERSION },
        { "KITH-CARD10:AAAA", ERR_VERSION },
        { "KITH-CARD1:", ERR_CHECKSUM },
        { "KITH-CARD1:*", ERR_CHECKSUM },
        { "KITH-CARD1:AA\nKITH-CARD1:AB", ERR_SHARE_MANY },
    };
    struct card read = { .epoch = 42 };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(card_parse(bytes_text(rows[i].text), &read), rows[i].err);
    assert_int_equal(read.epoch, 42);
}

/* A genuine checksum over a map that says what no card says. */
static void impossible_numbers_are_refused(void **state)
{
    struct card c;
    struct card read;
    char text[CARD_TEXT];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make_card(CARD_LOCKED, &c);
        c.epoch = i == 0 ? 0 : c.epoch;
        c.need = i == 1 ? 1 : c.need;
        c.of = i == 2 ? (uint8_t)(c.need - 1) : c.of;
        card_format(&c, text);
        assert_int_equal(card_parse(bytes_text(text), &read), i < 3 ? ERR_FORMAT : OK);
    }
}

static void w_of_another_circle_is_refused(void **state)
{
    struct card c;
    struct card read;
    char text[CARD_TEXT];

    (void)state;
    make_card(CARD_STANDALONE, &c);
    c.wrapped.epoch++;
    card_format(&c, text);
    assert_int_equal(card_parse(bytes_text(text), &read), ERR_SHARE_MIXED);
    c.wrapped.epoch--;
    c.wrapped.circle[15] ^= 1;
    card_format(&c, text);
    assert_int_equal(card_parse(bytes_text(text), &read), ERR_SHARE_MIXED);
}

static void the_line_comes_back(void **state)
{
    struct card c;
    struct card read;
    char text[CARD_TEXT];

    (void)state;
    for (unsigned kind = CARD_LOCKED; kind <= CARD_STANDALONE; kind++) {
        make_card((enum card_kind)kind, &c);
        card_format(&c, text);
        assert_int_equal(card_parse(bytes_text(text), &read), OK);
        assert_memory_equal(&read, &c, sizeof c);
        for (char *p = text; *p != '\0'; p++) {
            if (*p >= 'A' && *p <= 'Z')
                *p = (char)(*p | 0x20);
        }
        assert_int_equal(card_parse(bytes_text(text), &read), OK);
        assert_memory_equal(&read, &c, sizeof c);
    }
}

/* The longest of everything fits. */
static void the_longest_line(void **state)
{
    struct card c = { .epoch = UINT32_MAX,
                      .group = GROUPS_MAX - 1,
                      .index = GROUPS_MAX - 1,
                      .need = PIECES_MAX,
                      .of = PIECES_MAX,
                      .made = UINT64_MAX,
                      .kind = CARD_STANDALONE,
                      .wrapped = { .epoch = UINT32_MAX } };
    struct card read;
    char text[CARD_TEXT];

    (void)state;
    memset(c.circle, 0xff, sizeof c.circle);
    memset(c.wrapped.circle, 0xff, sizeof c.wrapped.circle);
    memset(c.owner, 0xff, sizeof c.owner);
    memset(c.piece_key, 0xff, sizeof c.piece_key);
    memset(c.manifest, 0xff, sizeof c.manifest);
    memset(c.name, 'n', NAME_MAX_BYTES);
    card_format(&c, text);
    assert_true(strlen(text) < CARD_TEXT);
    assert_int_equal(card_parse(bytes_text(text), &read), OK);
    assert_memory_equal(&read, &c, sizeof c);
}

/* ---- cards of a manifest ---- */

static void only_its_own_piece_fits(void **state)
{
    struct card c;

    (void)state;
    make_card(CARD_LOCKED, &c);
    assert_false(c.has_piece);
    assert_int_equal(card_put_piece(&c, circle.pieces[3]), ERR_SHARE_MIXED);
    assert_false(c.has_piece);
    assert_int_equal(card_put_piece(&c, piece()), OK);
    assert_true(c.has_piece);
    assert_int_equal(c.need, 3);
    assert_int_equal(c.of, 5);
    assert_int_equal(c.index, 4);
    assert_memory_equal(c.manifest, circle.hash, HASH_BYTES);
}

static void a_node_has_no_card(void **state)
{
    struct bytes raw = bytes_of(circle.raw, circle.raw_n);
    static const uint8_t nobody[PUB_BYTES] = { 1 };
    struct card c = { .epoch = 42 };
    char name[NAME_MAX_BYTES + 2] = { 0 };

    (void)state;
    memset(name, 'x', NAME_MAX_BYTES + 1);
    assert_int_equal(card_of(raw, key_of(NODE_PIECE), bytes_text("x"), CARD_LOCKED, &c),
                     ERR_UNKNOWN);
    assert_int_equal(card_of(raw, nobody, bytes_text("x"), CARD_LOCKED, &c), ERR_UNKNOWN);
    assert_int_equal(card_of(raw, key_of(CARD_PIECE), bytes_text(name), CARD_LOCKED, &c),
                     ERR_ARG);
    assert_int_equal(
        card_of(raw, key_of(CARD_PIECE), bytes_text("\x1b"), CARD_LOCKED, &c), ERR_ARG);
    raw.n--;
    assert_int_not_equal(
        card_of(raw, key_of(CARD_PIECE), bytes_text("x"), CARD_LOCKED, &c), OK);
    assert_int_equal(c.epoch, 42);
}

/* Cards alone, standalone, at the threshold: the root. */
static void standalone_cards_give_the_root(void **state)
{
    static struct circle two;
    static const struct manifest_group g = { 2, 2 };
    struct slip39_share shares[2];
    struct escrow_key escrow;
    struct root_key got;
    struct card c;

    (void)state;
    two.n_cards = 2;
    circle_make(&two, &root, 1, &g, 1, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct card_typed t;
        char text[CARD_WORDS_TEXT];

        assert_int_equal(card_words(two.pieces[i], CARD_UPPER, text), OK);
        assert_int_equal(card_type(bytes_text(text), &t), OK);
        assert_int_equal(slip39_piece_decode(BYTES_OF(t.piece), &shares[i]), OK);
    }
    assert_int_equal(slip39_combine_key(shares, 2, &escrow), OK);
    assert_int_equal(card_of(bytes_of(two.raw, two.raw_n), two.m.pieces[0].piece_key,
                             bytes_text("x"), CARD_STANDALONE, &c),
                     OK);
    assert_int_equal(wrapped_open(&c.wrapped, &escrow, &got), OK);
    assert_memory_equal(got.b, root.b, KEY_BYTES);
}

static int start(void **state)
{
    static const struct manifest_group g = { 3, 5 };

    (void)state;
    circle.n_cards = 2;
    circle_make(&circle, &root, 7, &g, 1, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_word_is_caught_and_located_to_its_row),
        cmocka_unit_test(every_swap_is_caught_and_located_to_its_rows),
        cmocka_unit_test(a_wrong_row_is_seen_as_it_is_typed),
        cmocka_unit_test(a_correction_needs_the_piece_key),
        cmocka_unit_test(a_swap_is_mended),
        cmocka_unit_test(a_word_that_is_none_is_named_and_found),
        cmocka_unit_test(too_few_and_too_many),
        cmocka_unit_test(a_piece_of_no_circle),
        cmocka_unit_test(as_people_type_it),
        cmocka_unit_test(beside_lines_of_ours),
        cmocka_unit_test(a_check_is_read_as_it_looks),
        cmocka_unit_test(four_letters_tell_every_word),
        cmocka_unit_test(every_slip_in_the_line_is_seen),
        cmocka_unit_test(what_is_no_such_line_is_refused),
        cmocka_unit_test(impossible_numbers_are_refused),
        cmocka_unit_test(w_of_another_circle_is_refused),
        cmocka_unit_test(the_line_comes_back),
        cmocka_unit_test(the_longest_line),
        cmocka_unit_test(only_its_own_piece_fits),
        cmocka_unit_test(a_node_has_no_card),
        cmocka_unit_test(standalone_cards_give_the_root),
    };

    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK);
    int failed = cmocka_run_group_tests(tests, start, NULL);
    MUST(secret_in_use() == 0);
    secret_end();
    return failed;
}
