/* SPDX-License-Identifier: Apache-2.0 */
/* Shares as pieces, as words and as numbers of words; RS1024. */
#include "proto/slip39_part.h"

enum {
    LIST = 1024,      /* words on the list */
    HEADER_WORDS = 4, /* words before the value */
    CHECK_WORDS = 3,  /* words of RS1024 after it */
    WORD_MAX = 8      /* letters of the longest word */
};

static const char list[LIST][WORD_MAX + 1] = {
#include "proto/slip39_words.inc"
};

/* ---- words ---- */

/* All ones if a equals b, else zero. */
static uint64_t mask_equal(uint64_t a, uint64_t b)
{
    uint64_t differ = a ^ b;
    uint64_t mask = ((differ | (0 - differ)) >> 63) - 1;

    /* Or clang finds out that it is all or nothing, and branches on it. */
    __asm__("" : "+r"(mask));
    return mask;
}

/* All ones if a is not zero. */
static uint64_t mask_set(uint64_t a)
{
    return ~mask_equal(a, 0);
}

static size_t value_words(size_t n)
{
    return (8 * n + 9) / 10;
}

size_t slip39_word_count(size_t n)
{
    return HEADER_WORDS + value_words(n) + CHECK_WORDS;
}

/* A word of the list as one number, first letter highest, zeros after the last. */
static uint64_t list_word(size_t i)
{
    return load_u64((const uint8_t *)list[i]);
}

void slip39_word(uint16_t index, uint8_t out_word[8])
{
    uint64_t word = 0;

    for (size_t i = 0; i < LIST; i++)
        word |= list_word(i) & mask_equal(i, index);
    store_u64(out_word, word);
}

/* The index of a word; *out_missing becomes all ones if it is not on the list. */
static uint16_t word_index(uint64_t word, uint64_t *out_missing)
{
    uint64_t index = 0;
    uint64_t hit = 0;

    for (size_t i = 0; i < LIST; i++) {
        uint64_t same = mask_equal(list_word(i), word);
        index |= same & i;
        hit |= same;
    }
    *out_missing |= ~hit;
    return (uint16_t)index;
}

/* Words being read: letters as numbers, then indices. */
struct reading {
    uint64_t word[SLIP39_WORDS];
    uint64_t count; /* words begun; may pass SLIP39_WORDS */
    uint64_t bad;   /* all ones once something cannot be a word */
    uint16_t index[SLIP39_WORDS];
};

static uint64_t mask_space(uint64_t c)
{
    return mask_equal(c, ' ') | mask_equal(c, '\t') | mask_equal(c, '\n') |
           mask_equal(c, '\v') | mask_equal(c, '\f') | mask_equal(c, '\r');
}

/* Where words begin is as secret as their letters, so each letter visits each slot. */
static void collect_words(struct bytes text, struct reading *r)
{
    uint64_t gap = ~(uint64_t)0;

    for (size_t i = 0; i < text.n; i++) {
        uint64_t space = mask_space(text.p[i]);
        uint64_t letter = text.p[i] | 0x20U; /* no other sign becomes a letter by it */

        r->count += gap & ~space & 1;
        for (size_t k = 0; k < SLIP39_WORDS; k++) {
            uint64_t here = mask_equal(k + 1, r->count) & ~space;
            r->bad |= here & mask_set(r->word[k] >> 56);
            r->word[k] = (r->word[k] & ~here) | (((r->word[k] << 8) | letter) & here);
        }
        gap = space;
    }
}

/* Moves the first letter to the highest byte, as in list_word. */
static uint64_t align_word(uint64_t word)
{
    for (size_t i = 1; i < WORD_MAX; i++) {
        uint64_t shift = ~mask_set(word >> 56);
        word = (word & ~shift) | ((word << 8) & shift);
    }
    return word;
}

static enum err read_words(struct bytes text, struct reading *r)
{
    if (text.n > SLIP39_TEXT)
        return ERR_TOO_BIG;
    collect_words(text, r);
    secret_public(&r->count, sizeof r->count);
    if (r->count > SLIP39_WORDS)
        return ERR_TOO_BIG;
    for (size_t i = 0; i < r->count; i++)
        r->index[i] = word_index(align_word(r->word[i]), &r->bad);
    secret_public(&r->bad, sizeof r->bad);
    return r->bad != 0 ? ERR_WORD : OK;
}

/* ---- RS1024 ---- */

static uint32_t rs1024_step(uint32_t sum, uint32_t word)
{
    static const uint32_t generator[10] = {
        0x00e0e040, 0x01c1c080, 0x03838100, 0x07070200, 0x0e0e0009,
        0x1c0c2412, 0x38086c24, 0x3090fc48, 0x21b1f890, 0x03f3f120,
    };
    uint32_t top = sum >> 20;

    sum = ((sum & 0xfffff) << 10) ^ word;
    for (unsigned i = 0; i < 10; i++)
        sum ^= generator[i] & (0 - ((top >> i) & 1));
    return sum;
}

/* The remainder over the customization string and n words; 1 if they are right. */
static uint32_t rs1024(uint8_t ext, const uint16_t *words, size_t n)
{
    struct bytes custom = bytes_text(ext == 1 ? "shamir_extendable" : "shamir");
    uint32_t sum = 1;

    for (size_t i = 0; i < custom.n; i++)
        sum = rs1024_step(sum, custom.p[i]);
    for (size_t i = 0; i < n; i++)
        sum = rs1024_step(sum, words[i]);
    return sum;
}

/* ---- header, piece, words ---- */

static void header_encode(const struct slip39_share *s, uint8_t out[SLIP39_HEADER])
{
    out[0] = (uint8_t)(s->identifier >> 7);
    out[1] = (uint8_t)((s->identifier & 0x7f) << 1 | s->ext);
    out[2] = (uint8_t)(s->e << 4 | s->group_index);
    out[3] = (uint8_t)((s->group_threshold - 1) << 4 | (s->group_count - 1));
    out[4] = (uint8_t)(s->member_index << 4 | (s->member_threshold - 1));
}

static enum err header_decode(const uint8_t in[SLIP39_HEADER], struct slip39_share *s)
{
    s->identifier = (uint16_t)(in[0] << 7 | in[1] >> 1);
    s->ext = in[1] & 1;
    s->e = in[2] >> 4;
    s->group_index = in[2] & 15;
    s->group_threshold = (uint8_t)((in[3] >> 4) + 1);
    s->group_count = (uint8_t)((in[3] & 15) + 1);
    s->member_index = in[4] >> 4;
    s->member_threshold = (uint8_t)((in[4] & 15) + 1);
    if (s->group_threshold > s->group_count || s->group_index >= s->group_count)
        return ERR_FORMAT;
    return OK;
}

enum err slip39_value_length(size_t n)
{
    if (n > SLIP39_SECRET_MAX)
        return ERR_TOO_BIG;
    return n < SLIP39_SECRET_MIN || n % 2 != 0 ? ERR_FORMAT : OK;
}

void slip39_piece_encode(const struct slip39_share *share, struct buf *out)
{
    uint8_t header[SLIP39_HEADER];

    header_encode(share, header);
    if (out->cap - out->n < sizeof header + share->value_n) {
        out->over = true;
        return;
    }
    buf_put(out, BYTES_OF(header));
    buf_put(out, bytes_of(share->value, share->value_n));
}

enum err slip39_piece_decode(struct bytes piece, struct slip39_share *out_share)
{
    struct slip39_share header = { 0 };

    if (piece.n < SLIP39_HEADER)
        return ERR_FORMAT;
    TRY(slip39_value_length(piece.n - SLIP39_HEADER));
    TRY(header_decode(piece.p, &header));
    header.value_n = (uint8_t)(piece.n - SLIP39_HEADER);
    *out_share = header;
    memcpy(out_share->value, piece.p + SLIP39_HEADER, header.value_n);
    return OK;
}

/* Cuts the piece's bits into words; the value's are filled up with zeros in front. */
static void piece_to_words(struct bytes piece, uint16_t *out_words)
{
    size_t n = piece.n - SLIP39_HEADER;
    size_t padding = 10 * value_words(n) - 8 * n;
    uint32_t bits = 0;
    size_t have = 0;

    for (size_t i = 0; i < piece.n; i++) {
        have += i == SLIP39_HEADER ? padding : 0;
        bits = (bits << 8 | piece.p[i]) & 0x3ffff;
        have += 8;
        if (have < 10)
            continue;
        have -= 10;
        *out_words++ = (uint16_t)((bits >> have) & 1023);
        bits &= (1U << have) - 1;
    }
}

/* What words_encode needs in secret memory. */
struct writing {
    uint8_t piece[SLIP39_HEADER + SLIP39_SECRET_MAX];
    uint16_t words[SLIP39_WORDS];
    uint8_t word[WORD_MAX];
};

static void share_words(const struct slip39_share *share, struct writing *w)
{
    struct buf piece = BUF_OF(w->piece);
    size_t n = slip39_word_count(share->value_n);

    slip39_piece_encode(share, &piece);
    piece_to_words(buf_bytes(&piece), w->words);
    uint32_t sum = rs1024(share->ext, w->words, n) ^ 1;
    for (size_t i = 0; i < CHECK_WORDS; i++)
        w->words[n - CHECK_WORDS + i] = (uint16_t)((sum >> (20 - 10 * i)) & 1023);
}

void slip39_words_encode(const struct slip39_share *share, struct buf *out)
{
    struct writing w = { 0 };

    share_words(share, &w);
    for (size_t i = 0; i < slip39_word_count(share->value_n); i++) {
        slip39_word(w.words[i], w.word);
        /* The text is written to be read: the lengths of its words show in it. */
        secret_public(w.word, sizeof w.word);
        size_t letters = WORD_MAX;
        while (letters > 0 && w.word[letters - 1] == 0)
            letters--;
        buf_put(out, i > 0 ? bytes_text(" ") : bytes_of(NULL, 0));
        buf_put(out, bytes_of(w.word, letters));
    }
    secret_wipe(&w, sizeof w);
}

/* The value's bytes from its words; *out_padding collects what must be zero. */
static void words_to_value(const uint16_t *words, struct span out, uint32_t *out_padding)
{
    size_t count = value_words(out.n);
    size_t have = 0;
    size_t at = 0;
    uint32_t bits = words[0];
    size_t kept = 10 - (10 * count - 8 * out.n);

    *out_padding = bits >> kept;
    bits &= (1U << kept) - 1;
    have = kept;
    for (size_t i = 1; at < out.n; i++) {
        for (; have >= 8; have -= 8)
            out.p[at++] = (uint8_t)(bits >> (have - 8));
        if (at == out.n)
            break;
        bits = (bits << 10 | words[i]) & 0x3ffff;
        have += 10;
    }
}

static void words_to_header(const uint16_t *w, uint8_t out[SLIP39_HEADER])
{
    out[0] = (uint8_t)(w[0] >> 2);
    out[1] = (uint8_t)((w[0] & 3) << 6 | w[1] >> 4);
    out[2] = (uint8_t)((w[1] & 15) << 4 | w[2] >> 6);
    out[3] = (uint8_t)((w[2] & 63) << 2 | w[3] >> 8);
    out[4] = (uint8_t)(w[3] & 255);
}

/* Bytes of value in a share of so many words. */
static enum err words_value_n(size_t words, size_t *out_n)
{
    if (words < HEADER_WORDS + CHECK_WORDS)
        return ERR_FORMAT;

    size_t bits = 10 * (words - HEADER_WORDS - CHECK_WORDS);
    if (bits % 16 > 8)
        return ERR_FORMAT;
    size_t n = bits / 16 * 2;
    TRY(slip39_value_length(n));
    *out_n = n;
    return OK;
}

/* share is secret memory; undefined on failure. */
static enum err share_of_words(const uint16_t *words, size_t count,
                               struct slip39_share *share)
{
    uint8_t header[SLIP39_HEADER];
    uint32_t padding = 0;
    size_t n = 0;

    TRY(words_value_n(count, &n));
    words_to_header(words, header);
    secret_public(header, sizeof header);
    uint32_t sum = rs1024(header[1] & 1, words, count);
    secret_public(&sum, sizeof sum);
    if (sum != 1)
        return ERR_CHECKSUM;
    share->value_n = (uint8_t)n;
    words_to_value(words + HEADER_WORDS, (struct span){ share->value, n }, &padding);
    secret_public(&padding, sizeof padding);
    return padding != 0 ? ERR_FORMAT : header_decode(header, share);
}

enum err slip39_words_decode(struct bytes text, struct slip39_share *out_share)
{
    AUTO_SECRET struct {
        struct reading reading;
        struct slip39_share share;
    } *work = NULL;

    TRY(secret_new(&work));
    TRY(read_words(text, &work->reading));
    TRY(share_of_words(work->reading.index, work->reading.count, &work->share));
    *out_share = work->share;
    return OK;
}

/* ---- words as numbers ---- */

void slip39_indices_encode(const struct slip39_share *share, uint16_t *out_indices)
{
    struct writing w = { 0 };

    share_words(share, &w);
    memcpy(out_indices, w.words, slip39_word_count(share->value_n) * sizeof *out_indices);
    secret_wipe(&w, sizeof w);
}

enum err slip39_indices_decode(const uint16_t *indices, size_t n,
                               struct slip39_share *out_share)
{
    AUTO_SECRET struct slip39_share *share = NULL;

    if (n > SLIP39_WORDS)
        return ERR_TOO_BIG;
    TRY(secret_new(&share));
    TRY(share_of_words(indices, n, share));
    *out_share = *share;
    return OK;
}

uint32_t slip39_remainder(uint8_t ext, const uint16_t *indices, size_t n)
{
    return rs1024(ext, indices, n) ^ 1;
}

/* The word's letters from the highest byte on, and the mask of those that count. */
static bool typed_word(struct bytes typed, uint64_t *out_word, uint64_t *out_mask)
{
    uint64_t word = 0;

    if (typed.n < SLIP39_PREFIX || typed.n > WORD_MAX)
        return false;
    for (size_t i = 0; i < typed.n; i++)
        word |= (uint64_t)(typed.p[i] | 0x20U) << (56 - 8 * i);
    *out_word = word;
    *out_mask = ~(uint64_t)0 << (64 - 8 * typed.n);
    return true;
}

bool slip39_find(struct bytes typed, uint16_t *out_index)
{
    uint64_t word = 0;
    uint64_t mask = 0;
    uint64_t index = 0;
    uint64_t hit = 0;

    if (!typed_word(typed, &word, &mask))
        return false;
    for (size_t i = 0; i < LIST; i++) {
        uint64_t same = mask_equal(list_word(i) & mask, word);
        index |= same & i;
        hit |= same;
    }
    secret_public(&hit, sizeof hit);
    if (hit == 0)
        return false;
    *out_index = (uint16_t)index;
    return true;
}
