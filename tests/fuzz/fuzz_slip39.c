/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte 0 chooses: words of one share, one piece, or a set of pieces (each behind its
 * length) that is recovered. What is accepted comes back the same; what is refused
 * leaves the output untouched.
 */
#include "proto/secret.h"
#include "proto/slip39.h"

enum { SET = 24, MARK = 0x5a };

static struct slip39_share set[SET];
static struct slip39_found found;

static void same_piece(const struct slip39_share *share, struct bytes piece)
{
    uint8_t memory[SLIP39_HEADER + SLIP39_SECRET_MAX];
    struct buf out = BUF_OF(memory);

    slip39_piece_encode(share, &out);
    MUST(!out.over && bytes_equal(buf_bytes(&out), piece));
}

/* Words, read again from what they are written as, are the same share. */
static void words_return(const struct slip39_share *share)
{
    uint8_t text[SLIP39_TEXT];
    uint8_t memory[SLIP39_HEADER + SLIP39_SECRET_MAX];
    struct buf out = BUF_OF(text);
    struct buf piece = BUF_OF(memory);
    struct slip39_share again;

    slip39_piece_encode(share, &piece);
    slip39_words_encode(share, &out);
    MUST(!out.over && slip39_words_decode(buf_bytes(&out), &again) == OK);
    same_piece(&again, buf_bytes(&piece));
}

static void marked(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        MUST(((const uint8_t *)p)[i] == MARK);
}

static void one_share(struct bytes in,
                      enum err (*decode)(struct bytes, struct slip39_share *))
{
    struct slip39_share share;

    memset(&share, MARK, sizeof share);
    if (decode(in, &share) != OK) {
        marked(&share, sizeof share);
        return;
    }
    words_return(&share);
    if (decode == slip39_piece_decode)
        same_piece(&share, in);
}

static void whole_set(struct bytes in)
{
    struct bytes piece = { 0 };
    size_t n = 0;

    while (n < SET && in.n > 0) {
        size_t len = in.p[0];
        in = bytes_of(in.p + 1, in.n - 1);
        if (bytes_take(&in, len, &piece) != OK ||
            slip39_piece_decode(piece, &set[n]) != OK)
            return;
        n++;
    }
    memset(&found, MARK, sizeof found);
    enum err e = slip39_recover(set, n, bytes_of(NULL, 0), 0, &found);
    if (e != OK)
        marked(&found, sizeof found);
    else
        MUST(found.bad_n < n && found.secret_n == set[0].value_n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;

    if (!started)
        MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    started = true;
    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        one_share(in, slip39_words_decode);
    else if (data[0] % 3 == 1)
        one_share(in, slip39_piece_decode);
    else
        whole_set(in);
    MUST(secret_in_use() == 0);
    return 0;
}
