/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup file: first byte 0 a file as it is; 1 pieces without their checks, which are
 * put in, so that what lies behind them is reached. What is read is written the same.
 */
#include "node/store_archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint8_t whole[ARCHIVE_MOST];
static uint8_t again[ARCHIVE_MOST];

/* The piece was taken; another archive at the same place writes it alike. */
static void write_again(struct archive *before, const struct archive_piece *p,
                        struct bytes piece)
{
    struct buf b = BUF_OF(again);

    archive_put(before, p, &b);
    MUST(bytes_equal(buf_bytes(&b), piece));
}

/* One piece with its check; false: it is not taken, and nothing after it. */
static bool take(struct archive *a, struct bytes piece)
{
    struct archive before = *a;
    struct archive_piece p = { 0 };

    if (archive_get(a, piece, &p) != OK) {
        MUST(before.pieces == a->pieces);
        return false;
    }
    write_again(&before, &p, piece);
    MUST(before.ended == a->ended && before.pieces == a->pieces);
    return !a->ended;
}

static void on_file(struct bytes in)
{
    struct archive a = { 0 };
    struct bytes head = { 0 };
    size_t rest = 0;

    if (bytes_take(&in, ARCHIVE_HEAD, &head) != OK || archive_head(head.p) != OK)
        return;
    while (in.n >= ARCHIVE_SIZES && archive_size(in.p, &rest) == OK &&
           in.n >= ARCHIVE_SIZES + rest) {
        if (!take(&a, bytes_of(in.p, ARCHIVE_SIZES + rest)))
            return;
        in = bytes_of(in.p + ARCHIVE_SIZES + rest, in.n - ARCHIVE_SIZES - rest);
    }
}

static void on_pieces(struct bytes in)
{
    struct archive a = { 0 };
    size_t rest = 0;

    while (in.n >= ARCHIVE_SIZES && archive_size(in.p, &rest) == OK &&
           in.n + HASH_BYTES >= ARCHIVE_SIZES + rest) {
        size_t body = ARCHIVE_SIZES + rest - HASH_BYTES;

        memcpy(whole, in.p, body);
        crypt_hash(LABEL_STORE_BACKUP, PARTS(BYTES_OF(a.chain), bytes_of(whole, body)),
                   (struct span){ whole + body, HASH_BYTES });
        if (!take(&a, bytes_of(whole, body + HASH_BYTES)))
            return;
        in = bytes_of(in.p + body, in.n - body);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    if (data[0] == 0)
        on_file(bytes_of(data + 1, n - 1));
    else
        on_pieces(bytes_of(data + 1, n - 1));
    return 0;
}
