/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards of every released format (tests/golden, made without Kith's code) are read for
 * ever: words, checks, public line; printed pages by their codes; and they give the root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/card.h"
#include "proto/words.h"
#include "tests/unit/tool.h"

#define GOLDEN KITH_SOURCE "/tests/golden/1/"

enum { TEXT = 4096 };

static size_t read_golden(const char *name, char out[TEXT])
{
    char path[512];

    (void)snprintf(path, sizeof path, GOLDEN "%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, TEXT - 1, f);
    assert_int_equal(fclose(f), 0);
    out[n] = '\0';
    return n;
}

static void take_card(const char *name, struct card *out_card,
                      struct slip39_share *out_share)
{
    char text[TEXT];
    struct card_typed t;
    struct card_rows rows;

    size_t n = read_golden(name, text);
    assert_int_equal(card_type(bytes_of(text, n), &t), OK);
    assert_int_equal(t.given, 0x7f);
    assert_int_equal(t.wrong, 0);
    assert_int_equal(card_parse(bytes_of(text, n), out_card), OK);
    assert_int_equal(card_put_piece(out_card, t.piece), OK);
    assert_int_equal(slip39_piece_decode(BYTES_OF(t.piece), out_share), OK);
    /* Written again it is the same, to the letter. */
    assert_int_equal(card_rows_of(t.piece, &rows), OK);
    for (unsigned i = 0; i < CARD_WORDS; i++)
        assert_non_null(strstr(text, rows.word[i]));
    for (unsigned r = 0; r < CARD_ROWS; r++)
        assert_non_null(strstr(text, rows.check[r]));
    char line[CARD_TEXT];
    card_format(out_card, line);
    assert_non_null(strstr(text, line));
}

/* The root that stands in the folder, its owner and fingerprint those of the card. */
static void expect_root(const struct slip39_share *shares, size_t n, const char *wrapped,
                        const struct card *c)
{
    char text[TEXT];
    struct wrapped w;
    struct escrow_key escrow;
    struct root_key root;
    struct root_key right;
    struct sign_seed owner;
    uint8_t pub[PUB_BYTES];
    uint16_t words[WORDS_CALL];
    char line[WORDS_TEXT];

    assert_int_equal(slip39_combine_key(shares, n, &escrow), OK);
    size_t len = read_golden(wrapped, text);
    assert_int_equal(wrapped_parse(bytes_of(text, len), &w), OK);
    assert_memory_equal(w.circle, c->circle, ID_BYTES);
    assert_int_equal(w.epoch, c->epoch);
    assert_int_equal(wrapped_open(&w, &escrow, &root), OK);
    assert_true(read_golden("root.txt", text) >= 64);
    assert_int_equal(hex_decode(bytes_of(text, 64), SPAN_OF(right.b)), OK);
    assert_memory_equal(root.b, right.b, KEY_BYTES);
    assert_int_equal(ident_owner(&root, &owner), OK);
    crypt_sign_public(&owner, pub);
    assert_memory_equal(pub, c->owner, PUB_BYTES);
    assert_int_equal(words_fingerprint(pub, cost_shipped, words), OK);
    words_format(words, WORDS_CALL, line, sizeof line);
    assert_true(read_golden("fingerprint.txt", text) > strlen(line));
    assert_memory_equal(text, line, strlen(line));
}

static void any_three_of_five(void **state)
{
    struct slip39_share shares[5];
    struct card c;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "card-%u.txt", i + 1);
        take_card(name, &c, &shares[i]);
        assert_int_equal(c.index, i);
        assert_int_equal(c.need, 3);
        assert_int_equal(c.of, 5);
        assert_int_equal(c.epoch, 3);
        assert_string_equal(c.name, "Ana");
        assert_int_equal(c.kind, CARD_LOCKED);
    }
    for (unsigned i = 0; i + 3 <= 5; i++)
        expect_root(shares + i, 3, "wrapped.txt", &c);
}

static void of_two_groups(void **state)
{
    static const char *const names[] = { "groups-card-1-2.txt", "groups-card-1-3.txt",
                                         "groups-card-2-2.txt", "groups-card-2-3.txt" };
    struct slip39_share shares[4];
    struct card c;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        take_card(names[i], &c, &shares[i]);
        assert_int_equal(c.group, i / 2);
        assert_int_equal(c.need, 4);
        assert_int_equal(c.of, 7);
    }
    expect_root(shares, 4, "groups-wrapped.txt", &c);
}

/* With the line of W_e below, it is a standalone card. */
static void standalone(void **state)
{
    static char text[2 * TEXT];
    struct card c;

    (void)state;
    size_t n = read_golden("card-1.txt", text);
    n += read_golden("wrapped.txt", text + n);
    assert_int_equal(card_parse(bytes_of(text, n), &c), OK);
    assert_int_equal(c.kind, CARD_STANDALONE);
    n = read_golden("card-1.txt", text);
    n += read_golden("groups-wrapped.txt", text + n);
    assert_int_equal(card_parse(bytes_of(text, n), &c), ERR_SHARE_MIXED);
}

/* A page as it was printed once, as a scanner of 100 dots an inch saw it. */
static void a_printed_page(void **state)
{
    char text[TEXT];
    struct card_typed t;
    struct card c;
    struct card read;
    struct slip39_share share;

    (void)state;
    static const char picture[] = GOLDEN "card-1.png";
    const char *const read_it[] = { "zbarimg", "--nodbus", "-q", "--raw", picture, NULL };
    int code = tool_run(read_it, text, sizeof text);
    if (code == TOOL_ABSENT) {
        print_message("skipped: zbarimg (zbar-tools) is not installed\n");
        return;
    }
    assert_int_equal(code, 0);
    size_t n = strlen(text);
    take_card("card-1.txt", &c, &share);
    assert_int_equal(card_type(bytes_of(text, n), &t), OK);
    assert_memory_equal(t.piece, c.piece, PIECE_BYTES);
    assert_int_equal(card_parse(bytes_of(text, n), &read), OK);
    assert_int_equal(read.kind, CARD_STANDALONE);
    assert_true(card_fits(&read, t.piece));
    assert_memory_equal(read.manifest, c.manifest, HASH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_three_of_five),
        cmocka_unit_test(of_two_groups),
        cmocka_unit_test(standalone),
        cmocka_unit_test(a_printed_page),
    };

    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MUST(secret_in_use() == 0);
    secret_end();
    return failed;
}
