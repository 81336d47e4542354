/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/card_part.h"

/* The words of a card: in rows, as they are typed, as they were meant. */

enum {
    FIELD = 0x409, /* x^10 + x^3 + 1: the field of 1,024 in which SLIP-39 counts too */
    LIST = 1024,
    EXT = 1 /* every piece of a circle has SLIP-39's extendable flag */
};

unsigned card_row_words(unsigned row)
{
    return row < CARD_ROWS - 1 ? CARD_ROW : CARD_WORDS - (CARD_ROWS - 1) * CARD_ROW;
}

/* ---- masks: no branch on what people keep secret ---- */

uint32_t card_mask_zero(uint32_t a)
{
    uint32_t mask = ((a | (0 - a)) >> 31) - 1;

    /* Or clang finds out that it is all or nothing, and branches on it. */
    __asm__("" : "+r"(mask));
    return mask;
}

uint32_t card_mask_below(uint32_t a, uint32_t b)
{
    uint32_t mask = 0 - ((a - b) >> 31);

    __asm__("" : "+r"(mask));
    return mask;
}

/* ---- row checks ---- */

/*
 * The row's number, then its words as coefficients at x. One word changed, or any two in
 * each other's place, always changes it.
 */
static uint32_t row_sum(const uint16_t *words, unsigned row)
{
    uint32_t sum = row + 1;

    for (unsigned i = 0; i < card_row_words(row); i++) {
        sum <<= 1;
        sum ^= FIELD & (0 - (sum >> 10));
        sum ^= words[i];
    }
    return sum;
}

/* RFC 4648's digit of five bits. */
static char digit_of(uint32_t v)
{
    uint32_t letter = card_mask_below(v, 26);

    return (char)((('A' + v) & letter) | (('2' + v - 26) & ~letter));
}

static void row_check(const uint16_t *words, unsigned row, char out[CARD_CHECK + 1])
{
    uint32_t sum = row_sum(words, row);

    out[0] = digit_of(sum >> 5);
    out[1] = digit_of(sum & 31);
    out[2] = '\0';
}

/* ---- writing ---- */

static enum err indices_of(const uint8_t *piece, uint16_t *out)
{
    AUTO_SECRET struct slip39_share *share = NULL;

    TRY(secret_new(&share));
    TRY(slip39_piece_decode(bytes_of(piece, PIECE_BYTES), share));
    slip39_indices_encode(share, out);
    return OK;
}

enum err card_rows_of(const uint8_t piece[PIECE_BYTES], struct card_rows *out)
{
    AUTO_SECRET uint16_t *words = NULL;

    TRY(secret_alloc(CARD_WORDS * sizeof *words, (void **)&words));
    TRY(indices_of(piece, words));
    for (unsigned i = 0; i < CARD_WORDS; i++) {
        slip39_word(words[i], (uint8_t *)out->word[i]);
        out->word[i][CARD_WORD_TEXT - 1] = '\0';
    }
    for (unsigned r = 0; r < CARD_ROWS; r++)
        row_check(words + (size_t)r * CARD_ROW, r, out->check[r]);
    return OK;
}

enum err card_words(const uint8_t piece[PIECE_BYTES], enum card_case letters,
                    char out[CARD_WORDS_TEXT])
{
    AUTO_SECRET struct card_rows *rows = NULL;
    char *at = out;

    TRY(secret_new(&rows));
    TRY(card_rows_of(piece, rows));
    /* The text is written to be read: the lengths of its words show in it. */
    secret_public(rows, sizeof *rows);
    for (unsigned i = 0; i < CARD_WORDS; i++) {
        for (const char *p = rows->word[i]; *p != '\0'; p++) {
            char c = *p;
            if (letters == CARD_UPPER)
                c = (char)(c - 'a' + 'A');
            *at++ = c;
        }
        *at++ = i + 1 < CARD_WORDS ? ' ' : '\0';
    }
    return OK;
}

/* ---- what is typed ---- */

enum sign card_sign(uint8_t c)
{
    uint32_t letter = card_mask_below((c | 0x20U) - 'a', 26) & card_mask_below('@', c);
    uint32_t digit = card_mask_below(c, '9' + 1) & card_mask_below('0' - 1, c);
    uint32_t other = card_mask_below(127, c);
    uint32_t end = card_mask_zero(c ^ '\n');
    uint32_t sign = (SIGN_LETTER & letter) | (SIGN_DIGIT & digit) | (SIGN_OTHER & other) |
                    (SIGN_END & end);

    secret_public(&sign, sizeof sign);
    return (enum sign)sign;
}

struct bytes card_line_take(struct bytes *text)
{
    size_t from = 0;
    size_t to = 0;

    while (to < text->n && card_sign(text->p[to]) != SIGN_END)
        to++;
    while (from < to && card_sign(text->p[from]) == SIGN_GAP)
        from++;
    struct bytes line = bytes_of(text->p + from, to - from);
    size_t used = to < text->n ? to + 1 : to;
    *text = bytes_of(text->p + used, text->n - used);
    return line;
}

bool card_line_begins(struct bytes line, const char *head)
{
    uint32_t differ = 0;

    for (size_t i = 0; head[i] != '\0'; i++) {
        if (i == line.n)
            return false;
        differ |= (line.p[i] | 0x20U) ^ ((uint8_t)head[i] | 0x20U);
    }
    secret_public(&differ, sizeof differ);
    return differ == 0;
}

/* A run of signs without a gap, and what is in it. */
struct token {
    struct bytes at;
    unsigned letters;
    unsigned digits;
    bool last; /* of its line */
};

static bool no_more(struct bytes rest)
{
    for (size_t i = 0; i < rest.n; i++) {
        enum sign s = card_sign(rest.p[i]);

        if (s == SIGN_LETTER || s == SIGN_DIGIT)
            return false;
    }
    return true;
}

static bool token_take(struct bytes *line, struct token *out)
{
    size_t from = 0;

    *out = (struct token){ .last = false };
    while (from < line->n && card_sign(line->p[from]) == SIGN_GAP)
        from++;
    size_t to = from;
    for (; to < line->n && card_sign(line->p[to]) != SIGN_GAP; to++) {
        out->letters += card_sign(line->p[to]) == SIGN_LETTER;
        out->digits += card_sign(line->p[to]) == SIGN_DIGIT;
    }
    out->at = bytes_of(line->p + from, to - from);
    *line = bytes_of(line->p + to, line->n - to);
    out->last = no_more(*line);
    return out->at.n > 0;
}

/* What is read: rows first to last, the words of out from its beginning. */
struct typing {
    struct card_typed *out;
    unsigned row;   /* the first */
    unsigned want;  /* words there should be */
    unsigned lines; /* lines so far that ended with a check */
    uint32_t since; /* words before the newest of them */
};

/* The row that the last word ended, or CARD_ROWS. */
static unsigned row_ended(const struct typing *t)
{
    uint32_t n = t->out->n;

    if (n == 0 || n > t->want || (n % CARD_ROW != 0 && n != t->want))
        return CARD_ROWS;
    return t->row + (n - 1) / CARD_ROW;
}

/* A check as it may be read from paper: any case; 0 is an O there, 1 an I, 8 a B. */
static char check_sign(uint8_t c)
{
    uint32_t upper = c & ~(0x20U & card_mask_below('@', c));
    uint32_t o = card_mask_zero(c ^ '0');
    uint32_t i = card_mask_zero(c ^ '1');
    uint32_t b = card_mask_zero(c ^ '8');

    return (char)((upper & ~(o | i | b)) | ('O' & o) | ('I' & i) | ('B' & b));
}

static void take_check(struct typing *t, unsigned row, struct bytes typed)
{
    const uint16_t *words = t->out->words + (size_t)(row - t->row) * CARD_ROW;
    char right[CARD_CHECK + 1];
    char is[CARD_CHECK] = { check_sign(typed.p[0]), check_sign(typed.p[1]) };
    bool same = false;

    row_check(words, row, right);
    same = secret_equal(right, is, CARD_CHECK);
    secret_wipe(right, sizeof right);
    secret_wipe(is, sizeof is);
    secret_public(&same, sizeof same);
    t->out->given |= (uint8_t)(1U << row);
    if (!same)
        t->out->wrong |= (uint8_t)(1U << row);
}

static void take_word(struct typing *t, struct bytes typed)
{
    struct card_typed *out = t->out;

    if (out->n < CARD_WORDS && !slip39_find(typed, &out->words[out->n]))
        out->unknown |= (uint64_t)1 << out->n;
    out->n++;
}

/* A line's end: as many words before it as its row has? */
static void end_line(struct typing *t)
{
    unsigned row = t->row + t->lines;

    if (row < CARD_ROWS && t->out->n - t->since != card_row_words(row))
        t->out->uneven |= (uint8_t)(1U << row);
    t->lines++;
    t->since = t->out->n;
}

static void take_token(struct typing *t, const struct token *k)
{
    unsigned row = row_ended(t);
    bool number = k->digits == k->at.n;
    bool check = k->at.n == CARD_CHECK && k->letters + k->digits == CARD_CHECK;

    if (k->letters + k->digits == 0)
        return;
    if (check && k->last && t->out->n > 0)
        end_line(t);
    if (check && row < CARD_ROWS && (!number || k->last))
        take_check(t, row, k->at);
    else if (!number && !(check && k->last))
        take_word(t, k->at);
}

static enum err read_all(struct bytes text, struct typing *t)
{
    struct token k;

    *t->out = (struct card_typed){ .n = 0 };
    if (text.n > CARD_TYPED)
        return ERR_TOO_BIG;
    while (text.n > 0) {
        struct bytes line = card_line_take(&text);

        if (card_line_begins(line, "KITH-"))
            continue;
        while (token_take(&line, &k))
            take_token(t, &k);
    }
    if (t->out->unknown != 0)
        return ERR_WORD;
    return t->out->n == t->want ? OK : ERR_FORMAT;
}

/* The piece of 33 words. */
static enum err piece_of(const uint16_t *words, uint8_t out[PIECE_BYTES])
{
    AUTO_SECRET struct slip39_share *share = NULL;
    struct buf b = { .p = out, .cap = PIECE_BYTES };

    TRY(secret_new(&share));
    TRY(slip39_indices_decode(words, CARD_WORDS, share));
    if (share->ext != EXT || share->e != 0)
        return ERR_FORMAT;
    slip39_piece_encode(share, &b);
    MUST(!b.over && b.n == PIECE_BYTES);
    return OK;
}

enum err card_type(struct bytes text, struct card_typed *out)
{
    struct typing t = { .out = out, .want = CARD_WORDS };

    TRY(read_all(text, &t));
    return piece_of(out->words, out->piece);
}

enum err card_type_row(struct bytes text, unsigned row, struct card_typed *out)
{
    struct typing t = { .out = out, .row = row, .want = card_row_words(row) };

    MUST(row < CARD_ROWS);
    TRY(read_all(text, &t));
    return out->wrong != 0 ? ERR_CHECKSUM : OK;
}

/* ---- what was meant ---- */

/* Words as they may have been meant, while keys are asked. */
struct mending {
    uint16_t words[CARD_WORDS];
    const uint8_t *keys;
    size_t n_keys;
    struct card_fix fix;
};

/* True when the words are the piece of one of the keys. */
static bool confirmed(struct mending *m)
{
    uint8_t pub[PUB_BYTES];

    if (piece_of(m->words, m->fix.piece) != OK)
        return false;
    piece_public(m->fix.piece, pub);
    secret_public(pub, sizeof pub);
    for (size_t i = 0; i < m->n_keys; i++) {
        m->fix.key = (unsigned)i;
        if (bytes_equal(BYTES_OF(pub), bytes_of(m->keys + i * PUB_BYTES, PUB_BYTES)))
            return true;
    }
    return false;
}

/*
 * RS1024 finds at most one word that fits there. Which one it is stays secret: every word
 * is tried, whatever the earlier ones gave.
 */
static bool mend_word(struct mending *m, unsigned at)
{
    uint16_t was = m->words[at];
    uint32_t word = 0;
    uint32_t found = 0;

    for (uint16_t w = 0; w < LIST; w++) {
        m->words[at] = w;
        uint32_t right = card_mask_zero(slip39_remainder(EXT, m->words, CARD_WORDS));
        word |= w & right;
        found |= right;
    }
    m->words[at] = (uint16_t)word;
    secret_public(&found, sizeof found);
    if (found != 0 && confirmed(m)) {
        m->fix.kind = CARD_FIX_WORD;
        m->fix.at = at;
        slip39_word(m->words[at], (uint8_t *)m->fix.word);
        return true;
    }
    m->words[at] = was;
    return false;
}

static void swap(uint16_t *two)
{
    uint16_t first = two[0];

    two[0] = two[1];
    two[1] = first;
}

static bool mend_swap(struct mending *m, unsigned at)
{
    swap(m->words + at);
    uint32_t wrong = slip39_remainder(EXT, m->words, CARD_WORDS);
    secret_public(&wrong, sizeof wrong);
    if (wrong == 0 && confirmed(m)) {
        m->fix.kind = CARD_FIX_SWAP;
        m->fix.at = at;
        return true;
    }
    swap(m->words + at);
    return false;
}

/* One word is not on the list: it is that one, or none. */
static bool mend_unknown(struct mending *m, uint64_t unknown)
{
    unsigned at = 0;

    if ((unknown & (unknown - 1)) != 0)
        return false;
    while ((unknown >> at & 1) == 0)
        at++;
    return mend_word(m, at);
}

static bool mend_any(struct mending *m)
{
    for (unsigned i = 0; i + 1 < CARD_WORDS; i++)
        if (mend_swap(m, i))
            return true;
    for (unsigned i = 0; i < CARD_WORDS; i++)
        if (mend_word(m, i))
            return true;
    return false;
}

enum err card_mend(const struct card_typed *typed, const uint8_t *keys, size_t n_keys,
                   struct card_fix *out)
{
    AUTO_SECRET struct mending *m = NULL;

    if (typed->n != CARD_WORDS || n_keys == 0)
        return ERR_UNKNOWN;
    TRY(secret_new(&m));
    m->keys = keys;
    m->n_keys = n_keys;
    memcpy(m->words, typed->words, sizeof m->words);
    bool mended = typed->unknown != 0 ? mend_unknown(m, typed->unknown) : mend_any(m);
    if (!mended)
        return ERR_UNKNOWN;
    *out = m->fix;
    return OK;
}
