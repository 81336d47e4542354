/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ident.h"

/* What is spoken is a secret: no table look-up and no branch depends on a letter. */

enum {
    CODE_DATA = 16,  /* letters that hold the 80 random bits */
    CODE_CHECK = 2,  /* letters that check them */
    GROUP = 4,       /* letters between two dashes */
    FIELD_POLY = 37, /* x^5 + x^2 + 1 */
    ANSWER_VERSION = 1
};

_Static_assert(CODE_DATA + CODE_CHECK == SPOKEN_LETTERS, "letters");
_Static_assert(CODE_DATA * 5 == SPOKEN_CODE * 8, "bits");

/* Crockford's base32: no I, L, O and U; O is read as 0, I and L as 1. */
static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The letters of a code while it is read or written: secret. */
struct code_letters {
    uint8_t v[SPOKEN_LETTERS]; /* 0 to 31 */
};

/* 0xff if a and b, both below 256, are equal, else 0. */
static uint8_t mask_equal(unsigned a, unsigned b)
{
    return (uint8_t)(((a ^ b) - 1) >> 8);
}

static char letter_of(uint8_t v)
{
    uint8_t c = 0;

    for (unsigned i = 0; i < 32; i++)
        c |= (uint8_t)((uint8_t)letters[i] & mask_equal(i, v));
    return (char)c;
}

/* The value of a letter of any case in bits 0 to 4; bit 7 unless it is none. */
static uint8_t value_of(uint8_t c)
{
    uint8_t v = 0;

    /* Lower-case letters alone lose their bit 5. */
    unsigned lower = (unsigned)(c - 'a') < 26U;
    c = (uint8_t)(c - (lower << 5));
    for (unsigned i = 0; i < 32; i++)
        v |= (uint8_t)((0x80 | i) & mask_equal((uint8_t)letters[i], c));
    v |= (uint8_t)(0x80 & mask_equal('O', c));
    v |= (uint8_t)(0x81 & (mask_equal('I', c) | mask_equal('L', c)));
    return v;
}

/* ---- two check letters, a Reed-Solomon code over GF(32) ---- */

/* v times x. */
static uint8_t times_x(uint8_t v)
{
    unsigned wide = (unsigned)v << 1;

    return (uint8_t)(wide ^ (FIELD_POLY & (0U - (wide >> 5))));
}

/*
 * The remainder of the data letters by (z - x)(z - x^2) = z^2 + (x^2 + x) z + x^3: one or
 * two wrong letters, wherever they are, never give the same one.
 */
static void code_check(const uint8_t data[CODE_DATA], uint8_t out[CODE_CHECK])
{
    uint8_t high = 0;
    uint8_t low = 0;

    for (size_t i = 0; i < CODE_DATA; i++) {
        uint8_t f = data[i] ^ high;
        uint8_t fx = times_x(f);
        uint8_t fxx = times_x(fx);

        high = low ^ fx ^ fxx;
        low = times_x(fxx);
    }
    out[0] = high;
    out[1] = low;
}

static void code_to_letters(const struct spoken_code *code, struct code_letters *out)
{
    unsigned acc = 0;
    unsigned bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < SPOKEN_CODE; i++) {
        acc = (acc << 8 | code->b[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5)
            out->v[n++] = acc >> (bits - 5) & 31;
    }
    MUST(n == CODE_DATA);
    code_check(out->v, out->v + CODE_DATA);
}

static void letters_to_code(const struct code_letters *in, struct spoken_code *out)
{
    unsigned acc = 0;
    unsigned bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < CODE_DATA; i++) {
        acc = (acc << 5 | in->v[i]) & 0xfff;
        bits += 5;
        if (bits < 8)
            continue;
        bits -= 8;
        out->b[n++] = (uint8_t)(acc >> bits);
    }
    MUST(n == SPOKEN_CODE);
}

/* ---- text ---- */

enum err spoken_format(const struct spoken_code *code, char *out, size_t cap)
{
    AUTO_SECRET struct code_letters *l = NULL;
    struct buf text = { .p = (uint8_t *)out, .cap = cap };

    MUST(cap >= SPOKEN_TEXT);
    TRY(secret_new(&l));
    code_to_letters(code, l);
    for (size_t i = 0; i < SPOKEN_LETTERS; i++) {
        if (i > 0 && i % GROUP == 0)
            buf_put_u8(&text, '-');
        buf_put_u8(&text, (uint8_t)letter_of(l->v[i]));
    }
    buf_put_u8(&text, '\0');
    MUST(!text.over);
    return OK;
}

/* A dash or white space; no branch. */
static bool is_gap(uint8_t c)
{
    unsigned control = (unsigned)(c - '\t') < 5U;

    return (mask_equal(c, ' ') | mask_equal(c, '-') | control) != 0;
}

/* All of text is a code. That a letter is none may be told: it is mistyped. */
static enum err letters_take(struct bytes text, struct code_letters *out)
{
    uint8_t all = 0x80;
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        bool gap = is_gap(c);

        secret_public(&gap, sizeof gap); /* where the dashes are */
        if (gap)
            continue;
        if (n == SPOKEN_LETTERS)
            return ERR_CHECKSUM;
        uint8_t v = value_of(c);
        all &= v;
        out->v[n++] = v & 31;
    }
    secret_public(&all, sizeof all);
    return n == SPOKEN_LETTERS && all != 0 ? OK : ERR_CHECKSUM;
}

enum err spoken_read(struct bytes text, struct spoken_code *out)
{
    AUTO_SECRET struct code_letters *l = NULL;
    uint8_t check[CODE_CHECK];

    TRY(secret_new(&l));
    TRY(letters_take(text, l));
    code_check(l->v, check);
    bool right = secret_equal(check, l->v + CODE_DATA, CODE_CHECK);
    secret_wipe(check, sizeof check);
    secret_public(&right, sizeof right);
    if (!right)
        return ERR_CHECKSUM;
    letters_to_code(l, out);
    return OK;
}

/* Up to the next white space; leading white space is dropped. */
static struct bytes first_word(struct bytes *text)
{
    size_t from = 0;

    while (from < text->n && is_gap(text->p[from]) && text->p[from] != '-')
        from++;
    size_t to = from;
    while (to < text->n && (!is_gap(text->p[to]) || text->p[to] == '-'))
        to++;
    struct bytes word = bytes_of(text->p + from, to - from);
    *text = bytes_of(text->p + to, text->n - to);
    return word;
}

enum err spoken_parse(struct bytes text, struct address *out_at, struct spoken_code *out)
{
    struct address at = { 0 };

    TRY(address_parse(first_word(&text), &at));
    if (at.port == 0)
        return ERR_FORMAT;
    TRY(spoken_read(text, out));
    *out_at = at;
    return OK;
}

/* ---- keys and answer ---- */

enum err spoken_keys(const struct spoken_code *code, struct cost cost,
                     struct spoken_keys *out)
{
    AUTO_SECRET struct level_key *s = NULL;
    uint8_t salt[SALT_BYTES];

    TRY(secret_new(&s));
    crypt_hash(LABEL_SPOKEN_SALT, NULL, 0, SPAN_OF(salt));
    TRY(crypt_argon2id(BYTES_OF(code->b), salt, cost, SPAN_OF(s->b)));
    crypt_keyed(s->b, LABEL_SPOKEN_ID, NULL, 0, SPAN_OF(out->id));
    crypt_keyed(s->b, LABEL_SPOKEN_GATE, NULL, 0, SPAN_OF(out->gate));
    crypt_keyed(s->b, LABEL_SPOKEN_ANSWER, NULL, 0, SPAN_OF(out->answer.b));
    return OK;
}

enum { ANSWER_PLAIN = 1 + PUB_BYTES + TOKEN_BYTES + FP_BYTES };

_Static_assert(SPOKEN_ANSWER == ANSWER_PLAIN + SEAL_OVERHEAD, "size of the answer");

struct answer_plain {
    uint8_t b[ANSWER_PLAIN];
};

enum err spoken_seal(const struct spoken_keys *keys, const struct link *link,
                     const struct rng *rng, uint8_t out[SPOKEN_ANSWER])
{
    AUTO_SECRET struct answer_plain *plain = NULL;
    struct buf sealed = { .p = out, .cap = SPOKEN_ANSWER };

    MUST(link->type == LINK_RESTORE);
    TRY(secret_new(&plain));
    struct buf b = BUF_OF(plain->b);
    buf_put_u8(&b, ANSWER_VERSION);
    buf_put(&b, BYTES_OF(link->node_key));
    buf_put(&b, BYTES_OF(link->token));
    buf_put(&b, BYTES_OF(link->fp));
    MUST(!b.over && b.n == ANSWER_PLAIN);
    crypt_seal(&keys->answer, LABEL_SPOKEN_SEAL, BYTES_OF(keys->id), buf_bytes(&b), rng,
               &sealed);
    MUST(!sealed.over && sealed.n == SPOKEN_ANSWER);
    return OK;
}

enum err spoken_open(const struct spoken_keys *keys, struct bytes answer,
                     const struct address *at, struct link *out)
{
    AUTO_SECRET struct answer_plain *plain = NULL;
    static const uint8_t none[FP_BYTES];
    size_t n = 0;

    if (answer.n != SPOKEN_ANSWER)
        return ERR_FORMAT;
    TRY(secret_new(&plain));
    TRY(crypt_open(&keys->answer, LABEL_SPOKEN_SEAL, BYTES_OF(keys->id), answer,
                   SPAN_OF(plain->b), &n));
    const uint8_t *p = plain->b;
    if (p[0] != ANSWER_VERSION)
        return ERR_VERSION;
    const uint8_t *fp = p + 1 + PUB_BYTES + TOKEN_BYTES;
    if (bytes_equal(bytes_of(fp, FP_BYTES), BYTES_OF(none)))
        return ERR_FORMAT;
    out->type = LINK_RESTORE;
    memcpy(out->node_key, p + 1, PUB_BYTES);
    memcpy(out->token, p + 1 + PUB_BYTES, TOKEN_BYTES);
    memcpy(out->fp, fp, FP_BYTES);
    out->address = *at;
    return OK;
}
