/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards: typed words and public lines as they come, and as slips in right ones, since no
 * fuzzer finds a checksum.
 */
#include "proto/card.h"

/* As it comes: what is accepted is the same written out. */
static void typed(struct bytes in)
{
    static struct card_typed t;
    static struct card_typed again;
    char text[CARD_WORDS_TEXT];

    unsigned row = in.n % CARD_ROWS;

    if (card_type_row(in, row, &t) == OK)
        MUST(t.n == card_row_words(row) && t.wrong == 0);
    if (card_type(in, &t) != OK)
        return;
    MUST(t.n == CARD_WORDS && t.unknown == 0);
    MUST(card_words(t.piece, CARD_UPPER, text) == OK);
    MUST(card_type(bytes_text(text), &again) == OK);
    MUST(secret_equal(t.piece, again.piece, PIECE_BYTES));
}

static void expect_same(struct bytes in)
{
    struct card c;
    struct card again;
    char text[CARD_TEXT];

    if (card_parse(in, &c) != OK)
        return;
    MUST(!c.has_piece && c.need >= 2 && c.need <= c.of);
    card_format(&c, text);
    MUST(card_parse(bytes_text(text), &again) == OK);
    MUST(c.kind == again.kind && c.epoch == again.epoch && c.made == again.made);
    MUST(bytes_equal(BYTES_OF(c.piece_key), BYTES_OF(again.piece_key)));
    MUST(strcmp(c.name, again.name) == 0);
}

/* The input as the map of a line with a genuine checksum. */
static void lined(struct bytes in)
{
    uint8_t check[ID_BYTES];
    uint8_t raw[CARD_BODY + 4];
    uint8_t line[CARD_LINE_TEXT];
    struct buf b = BUF_OF(raw);
    struct buf text = BUF_OF(line);

    if (in.n > CARD_BODY)
        return;
    crypt_hash(LABEL_CARD_LINE, &in, 1, SPAN_OF(check));
    buf_put(&b, in);
    buf_put(&b, bytes_of(check, 4));
    buf_put(&text, bytes_text("KITH-CARD1:"));
    base32_put(buf_bytes(&b), &text);
    MUST(!text.over);
    expect_same(buf_bytes(&text));
}

/* Two letters of a right card exchanged for others: never another piece. */
static void slipped(struct bytes in)
{
    static struct card_typed t;
    uint8_t piece[PIECE_BYTES];
    char text[CARD_WORDS_TEXT];

    if (in.n < PIECE_BYTES + 4)
        return;
    memcpy(piece, in.p, PIECE_BYTES);
    piece[1] |= 1;    /* extendable */
    piece[2] &= 0x0f; /* e = 0 */
    if (card_words(piece, CARD_LOWER, text) != OK)
        return;
    MUST(card_type(bytes_text(text), &t) == OK);
    MUST(secret_equal(t.piece, piece, PIECE_BYTES));
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *by = in.p + PIECE_BYTES + 2 * (size_t)i;
        char *at = &text[by[0] % strlen(text)];

        if (*at != ' ')
            *at = (char)('a' + by[1] % 26);
    }
    if (card_type(bytes_text(text), &t) == OK)
        MUST(secret_equal(t.piece, piece, PIECE_BYTES));
}

/* libFuzzer's entry points. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);

    typed(in);
    expect_same(in);
    lined(in);
    slipped(in);
    MUST(secret_in_use() == 0);
    return 0;
}
