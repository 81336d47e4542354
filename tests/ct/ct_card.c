/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card's words: into rows with their checks, out of what was typed, mended. Public are
 * what kind of sign each character is (so how long words are), whether a word is on the
 * list, a check fits, the whole is right, and where a slip was.
 * ct-sources: proto/card_words.c proto/slip39.c proto/slip39_recover.c
 * ct-sources: proto/slip39_words.c proto/gf256.c proto/piece.c proto/piece_sign.c
 * ct-sources: proto/ident.c proto/ident_address.c proto/wire.c
 * ct-sources: proto/crypt.c proto/crypt_pbkdf2.c proto/secret.c proto/bytes.c proto/err.c
 * ct-libs: -lmsgpackc -lnettle
 */
#include "proto/card.h"
#include "tests/ct/ct.h"

static struct {
    uint8_t piece[PIECE_BYTES];
    uint8_t key[PUB_BYTES];
    struct card_rows rows;
    char text[1024];
    struct card_typed typed;
    struct card_fix fix;
} t;

/* A piece of a circle: extendable, e = 0, group 1 of 1, 2 needed. */
static void make_piece(void)
{
    static const uint8_t header[SLIP39_HEADER] = { 0x12, 0x35, 0, 0, 1 };

    rng_fill(&crypt_random, t.piece, sizeof t.piece);
    memcpy(t.piece, header, sizeof header);
    piece_public(t.piece, t.key);
    ct_secret(t.piece + SLIP39_HEADER, PIECE_BYTES - SLIP39_HEADER);
    MUST(card_rows_of(t.piece, &t.rows) == OK);
}

/* The rows as text, secret but for where letters are. */
static void write_text(void)
{
    size_t n = 0;

    ct_public(&t.rows, sizeof t.rows);
    for (unsigned r = 0; r < CARD_ROWS; r++) {
        for (unsigned i = 0; i < card_row_words(r); i++)
            n += (size_t)snprintf(t.text + n, sizeof t.text - n, "%s ",
                                  t.rows.word[r * CARD_ROW + i]);
        n += (size_t)snprintf(t.text + n, sizeof t.text - n, "%s\n", t.rows.check[r]);
    }
}

static enum err type(void)
{
    size_t n = strlen(t.text);

    ct_secret(t.text, n);
    enum err e = card_type(bytes_of(t.text, n), &t.typed);
    ct_public(t.text, n);
    return e;
}

static void expect_piece(const uint8_t *piece)
{
    bool same = secret_equal(piece, t.piece, PIECE_BYTES);

    ct_public(&same, sizeof same);
    MUST(same);
}

static void right(void)
{
    write_text();
    MUST(type() == OK);
    MUST(t.typed.given == 0x7f && t.typed.wrong == 0);
    expect_piece(t.typed.piece);
}

static void no_word(void)
{
    write_text();
    memset(t.text, 'z', strlen(t.rows.word[0]));
    MUST(type() == ERR_WORD);
    MUST(t.typed.unknown == 1);
    MUST(card_mend(&t.typed, t.key, 1, &t.fix) == OK);
    MUST(t.fix.at == 0);
    expect_piece(t.fix.piece);
}

static void wrong_word(void)
{
    memcpy(t.rows.word[1], strcmp(t.rows.word[1], "acid") == 0 ? "acne" : "acid", 5);
    write_text();
    MUST(type() == ERR_CHECKSUM);
    MUST(t.typed.wrong == 1);
    MUST(card_mend(&t.typed, t.key, 1, &t.fix) == OK);
    MUST(t.fix.at == 1);
    expect_piece(t.fix.piece);
}

int main(void)
{
    ct_start();
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    make_piece();
    right();
    no_word();
    wrong_word();
    secret_end();
    return 0;
}
