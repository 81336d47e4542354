/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/slip39.h"

#include "proto/crypt.h"
#include "proto/gf256.h"

enum {
    LIST = 1024,      /* words on the list */
    HEADER_WORDS = 4, /* words before the value */
    CHECK_WORDS = 3,  /* words of RS1024 after it */
    WORD_MAX = 8,     /* letters of the longest word */
    DIGEST_BYTES = 4, /* of the digest share; the rest of it is the HMAC's key */
    DIGEST_X = 254,
    SECRET_X = 255,
    ROUNDS = 4,         /* of the Feistel network */
    BASE_COUNT = 10000, /* PBKDF2 iterations of all rounds at e = 0 */
    SPOTS = 32,         /* points one search looks at */
    SOLUTIONS = 16      /* polynomials one search keeps */
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

static enum err value_length(size_t n)
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
    TRY(value_length(piece.n - SLIP39_HEADER));
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
    TRY(value_length(n));
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

/* ---- passphrase ---- */

static enum err passphrase_check(struct bytes passphrase)
{
    if (passphrase.n > SLIP39_PASSPHRASE)
        return ERR_TOO_BIG;
    uint32_t below = 0; /* the top bit once a difference fell below zero */
    for (size_t i = 0; i < passphrase.n; i++)
        below |= (passphrase.p[i] - 32U) | (126U - passphrase.p[i]);
    secret_public(&below, sizeof below);
    return below >> 31 != 0 ? ERR_ARG : OK;
}

/* The Feistel network's working space. */
struct feistel {
    uint8_t half[2][SLIP39_SECRET_MAX / 2];
    uint8_t mix[SLIP39_SECRET_MAX / 2];
    uint8_t password[1 + SLIP39_PASSPHRASE];
    uint8_t salt[8 + SLIP39_SECRET_MAX / 2];
};

/* half[0] ^= F(round, half[1]), then the halves change places. */
static void feistel_round(struct feistel *f, uint8_t round, size_t passphrase_n,
                          const struct slip39_share *set)
{
    size_t n = set->value_n / 2;
    struct buf salt = BUF_OF(f->salt);

    if (set->ext == 0) {
        buf_put(&salt, bytes_text("shamir"));
        buf_put_u16(&salt, set->identifier);
    }
    buf_put(&salt, bytes_of(f->half[1], n));
    f->password[0] = round;
    crypt_pbkdf2_sha256(bytes_of(f->password, 1 + passphrase_n), buf_bytes(&salt),
                        (uint32_t)BASE_COUNT / ROUNDS << set->e,
                        (struct span){ f->mix, n });
    for (size_t i = 0; i < n; i++) {
        uint8_t mixed = f->half[0][i] ^ f->mix[i];
        f->half[0][i] = f->half[1][i];
        f->half[1][i] = mixed;
    }
}

enum way { ENCRYPT, DECRYPT };

/* In place; set tells length, identifier, ext and e. ERR_NOMEM. */
static enum err crypt_secret(enum way way, const struct slip39_share *set,
                             struct bytes passphrase, uint8_t *secret)
{
    AUTO_SECRET struct feistel *f = NULL;
    size_t n = set->value_n / 2;

    TRY(secret_new(&f));
    memcpy(f->half[0], secret, n);
    memcpy(f->half[1], secret + n, n);
    if (passphrase.n > 0)
        memcpy(f->password + 1, passphrase.p, passphrase.n);
    for (unsigned i = 0; i < ROUNDS; i++)
        feistel_round(f, (uint8_t)(way == ENCRYPT ? i : ROUNDS - 1 - i), passphrase.n,
                      set);
    memcpy(secret, f->half[1], n);
    memcpy(secret + n, f->half[0], n);
    return OK;
}

/* ---- one Shamir layer ---- */

/* True if the digest share (first 4 bytes: HMAC keyed with the rest) fits the secret. */
static bool digest_holds(const uint8_t *digest, const uint8_t *secret, size_t n)
{
    uint8_t mac[32];
    struct bytes key = bytes_of(digest + DIGEST_BYTES, n - DIGEST_BYTES);

    crypt_hmac_sha256(key, PARTS(bytes_of(secret, n)), mac);
    bool same = secret_equal(mac, digest, DIGEST_BYTES);
    secret_wipe(mac, sizeof mac);
    secret_public(&same, sizeof same);
    return same;
}

/* The secret of t points. ERR_SHARE_DIGEST; out may then hold a wrong one. */
static enum err shamir_secret(const struct gf256_point *points, size_t t, struct span out)
{
    struct gf256_poly poly;
    uint8_t digest[SLIP39_SECRET_MAX];

    TRY(gf256_through(points, t, &poly));
    gf256_at(&poly, SECRET_X, out);
    if (t == 1)
        return OK;
    gf256_at(&poly, DIGEST_X, (struct span){ digest, out.n });
    bool holds = digest_holds(digest, out.p, out.n);
    secret_wipe(digest, sizeof digest);
    return holds ? OK : ERR_SHARE_DIGEST;
}

size_t slip39_shamir_draw(uint8_t t, size_t secret_n)
{
    return t < 2 ? 0 : (size_t)(t - 2) * secret_n + secret_n - DIGEST_BYTES;
}

enum err slip39_shamir_split(uint8_t t, uint8_t n, struct bytes secret, struct bytes draw,
                             uint8_t *out_values)
{
    uint8_t digest[SLIP39_SECRET_MAX];
    uint8_t mac[32];
    struct gf256_point points[SLIP39_GROUPS];
    struct gf256_poly poly;
    size_t len = secret.n;

    if (t < 1 || t > n || n > SLIP39_GROUPS || value_length(len) != OK ||
        draw.n != slip39_shamir_draw(t, len))
        return ERR_ARG;
    if (t == 1) {
        for (size_t i = 0; i < n; i++)
            memcpy(out_values + i * len, secret.p, len);
        return OK;
    }
    if (t > 2)
        memcpy(out_values, draw.p, (size_t)(t - 2) * len);
    for (uint8_t i = 0; i < t - 2; i++)
        points[i] = (struct gf256_point){ i, out_values + i * len };
    memcpy(digest + DIGEST_BYTES, draw.p + (size_t)(t - 2) * len, len - DIGEST_BYTES);
    crypt_hmac_sha256(bytes_of(digest + DIGEST_BYTES, len - DIGEST_BYTES), PARTS(secret),
                      mac);
    memcpy(digest, mac, DIGEST_BYTES);
    points[t - 2] = (struct gf256_point){ DIGEST_X, digest };
    points[t - 1] = (struct gf256_point){ SECRET_X, secret.p };
    MUST(gf256_through(points, t, &poly) == OK);
    for (uint8_t i = (uint8_t)(t - 2); i < n; i++)
        gf256_at(&poly, i, (struct span){ out_values + i * len, len });
    secret_wipe(digest, sizeof digest);
    secret_wipe(mac, sizeof mac);
    return OK;
}

/* ---- split ---- */

enum err slip39_plan_check(const struct slip39_plan *plan)
{
    if (plan->ext > 1 || plan->e > SLIP39_E_MAX || plan->group_threshold < 1 ||
        plan->group_threshold > plan->group_count || plan->group_count > SLIP39_GROUPS)
        return ERR_ARG;
    for (size_t i = 0; i < plan->group_count; i++) {
        uint8_t t = plan->groups[i].t;
        uint8_t n = plan->groups[i].n;

        if (t < 1 || t > n || n > SLIP39_GROUPS || (t == 1 && n > 1))
            return ERR_ARG;
    }
    return OK;
}

size_t slip39_plan_shares(const struct slip39_plan *plan)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->group_count; i++)
        n += plan->groups[i].n;
    return n;
}

size_t slip39_plan_need(const struct slip39_plan *plan)
{
    size_t by_t[SLIP39_GROUPS + 1] = { 0 };
    size_t groups = plan->group_threshold;
    size_t need = 0;

    for (size_t i = 0; i < plan->group_count; i++)
        by_t[plan->groups[i].t]++;
    for (size_t t = 1; t <= SLIP39_GROUPS && groups > 0; t++) {
        size_t taken = by_t[t] < groups ? by_t[t] : groups;
        need += taken * t;
        groups -= taken;
    }
    return need;
}

/* The identifier takes two bytes of the draw. */
size_t slip39_draw_size(const struct slip39_plan *plan, size_t n)
{
    size_t sum = 2 + slip39_shamir_draw(plan->group_threshold, n);

    for (size_t i = 0; i < plan->group_count; i++)
        sum += slip39_shamir_draw(plan->groups[i].t, n);
    return sum;
}

/* A split at work. */
struct splitting {
    uint8_t ems[SLIP39_SECRET_MAX]; /* encrypted master secret */
    uint8_t groups[SLIP39_GROUPS * SLIP39_SECRET_MAX];
    uint8_t members[SLIP39_GROUPS * SLIP39_SECRET_MAX];
    uint8_t pieces[SLIP39_GROUPS][SLIP39_HEADER + SLIP39_SECRET_MAX];
    struct slip39_share decoded[SLIP39_GROUPS];
    uint8_t found[SLIP39_SECRET_MAX];
};

/* Cannot fail: the plan and the draw's size have been checked. */
static void split_layer(uint8_t t, uint8_t n, struct bytes secret, struct bytes *draw,
                        uint8_t *out_values)
{
    struct bytes part = { 0 };

    MUST(bytes_take(draw, slip39_shamir_draw(t, secret.n), &part) == OK);
    MUST(slip39_shamir_split(t, n, secret, part, out_values) == OK);
}

/* Every window of t neighbours, in a ring, gives the wanted secret. */
static bool windows_hold(const struct gf256_point *ring, uint8_t t, size_t n,
                         struct bytes want, uint8_t *scratch)
{
    struct gf256_point window[SLIP39_GROUPS];

    for (size_t first = 0; first < n; first++) {
        for (size_t i = 0; i < t; i++)
            window[i] = ring[(first + i) % n];
        if (shamir_secret(window, t, (struct span){ scratch, want.n }) != OK)
            return false;
        bool same = secret_equal(scratch, want.p, want.n);
        secret_public(&same, sizeof same);
        if (!same)
            return false;
    }
    return true;
}

/* A group's shares, encoded and decoded again, give the group's value. */
static bool group_holds(const struct slip39_share *shares, size_t n, struct bytes want,
                        struct splitting *s)
{
    struct gf256_point ring[SLIP39_GROUPS];

    for (size_t i = 0; i < n; i++) {
        struct buf piece = BUF_OF(s->pieces[i]);

        slip39_piece_encode(&shares[i], &piece);
        if (slip39_piece_decode(buf_bytes(&piece), &s->decoded[i]) != OK)
            return false;
        ring[i] = (struct gf256_point){ s->decoded[i].member_index, s->decoded[i].value };
    }
    return windows_hold(ring, shares[0].member_threshold, n, want, s->found);
}

static void split_group(const struct slip39_share *head, uint8_t n, struct splitting *s,
                        struct bytes *draw, struct slip39_share *out_shares)
{
    size_t len = head->value_n;
    struct bytes value = bytes_of(s->groups + head->group_index * len, len);

    split_layer(head->member_threshold, n, value, draw, s->members);
    for (uint8_t i = 0; i < n; i++) {
        out_shares[i] = *head;
        out_shares[i].member_index = i;
        memcpy(out_shares[i].value, s->members + i * len, len);
    }
    /* Only broken memory gets here: nothing may leave this process then. */
    MUST(group_holds(out_shares, n, value, s));
}

static void split_all(const struct slip39_plan *plan, struct slip39_share *head,
                      struct bytes draw, struct splitting *s,
                      struct slip39_share *out_shares)
{
    struct gf256_point ring[SLIP39_GROUPS];
    struct bytes ems = bytes_of(s->ems, head->value_n);

    split_layer(plan->group_threshold, plan->group_count, ems, &draw, s->groups);
    for (uint8_t i = 0; i < plan->group_count; i++) {
        head->group_index = i;
        head->member_threshold = plan->groups[i].t;
        split_group(head, plan->groups[i].n, s, &draw, out_shares);
        out_shares += plan->groups[i].n;
        ring[i] = (struct gf256_point){ i, s->groups + i * ems.n };
    }
    MUST(windows_hold(ring, plan->group_threshold, plan->group_count, ems, s->found));
}

enum err slip39_split(struct bytes secret, struct bytes passphrase,
                      const struct slip39_plan *plan, struct bytes draw,
                      struct slip39_share *out_shares)
{
    AUTO_SECRET struct splitting *s = NULL;

    TRY(slip39_plan_check(plan));
    TRY(passphrase_check(passphrase));
    if (value_length(secret.n) != OK || draw.n != slip39_draw_size(plan, secret.n))
        return ERR_ARG;
    TRY(secret_new(&s));

    struct slip39_share head = {
        .identifier = load_u16(draw.p) & 0x7fff,
        .ext = plan->ext,
        .e = plan->e,
        .group_threshold = plan->group_threshold,
        .group_count = plan->group_count,
        .value_n = (uint8_t)secret.n,
    };
    secret_public(&head.identifier, sizeof head.identifier);
    memcpy(s->ems, secret.p, secret.n);
    TRY(crypt_secret(ENCRYPT, &head, passphrase, s->ems));
    split_all(plan, &head, bytes_of(draw.p + 2, draw.n - 2), s, out_shares);
    return OK;
}

/* ---- recover ---- */

/* A point of a search: a share's value, or a group's. */
struct spot {
    struct gf256_point at;
    uint16_t weight; /* shares that stand behind it */
    bool sure;       /* a digest stands behind it */
};

/* A polynomial that a search found. */
struct solution {
    uint32_t support; /* bit i: spot i lies on it */
    uint16_t weight;  /* of these spots */
    bool sure;        /* its own digest, or one of a spot's */
    uint8_t secret[SLIP39_SECRET_MAX];
};

struct search {
    struct spot spots[SPOTS];
    size_t n; /* spots */
    uint8_t t;
    size_t len; /* bytes of a value */
    struct solution found[SOLUTIONS];
    size_t found_n;
    size_t *tries; /* left, of the whole recovery */
};

static bool equal_public(const uint8_t *a, const uint8_t *b, size_t n)
{
    bool same = secret_equal(a, b, n);

    secret_public(&same, sizeof same);
    return same;
}

/* The polynomial through t of a solution's spots; points is its memory. */
static struct gf256_poly solution_poly(const struct search *s, uint32_t support,
                                       struct gf256_point points[SLIP39_GROUPS])
{
    struct gf256_poly poly;
    size_t t = 0;

    for (size_t i = 0; i < s->n && t < s->t; i++) {
        if ((support >> i & 1) != 0)
            points[t++] = s->spots[i].at;
    }
    MUST(gf256_through(points, t, &poly) == OK);
    return poly;
}

/* Keeps a solution through the chosen spots, with all others that lie on it. */
static void keep(struct search *s, uint32_t chosen, const uint8_t *secret)
{
    struct solution *f = &s->found[s->found_n];
    struct gf256_point points[SLIP39_GROUPS];
    struct gf256_poly poly = solution_poly(s, chosen, points);
    uint8_t y[SLIP39_SECRET_MAX];

    if (s->found_n == SOLUTIONS)
        return;
    *f = (struct solution){ .sure = s->t > 1 };
    memcpy(f->secret, secret, s->len);
    for (size_t i = 0; i < s->n; i++) {
        gf256_at(&poly, s->spots[i].at.x, (struct span){ y, s->len });
        if (!equal_public(y, s->spots[i].at.y, s->len))
            continue;
        f->support |= (uint32_t)1 << i;
        f->weight = (uint16_t)(f->weight + s->spots[i].weight);
        f->sure = f->sure || s->spots[i].sure;
    }
    secret_wipe(y, sizeof y);
    s->found_n++;
}

static bool known(const struct search *s, uint32_t chosen)
{
    for (size_t i = 0; i < s->found_n; i++) {
        if ((chosen & ~s->found[i].support) == 0)
            return true;
    }
    return false;
}

/* Two polynomials share at most t - 1 spots: then no other can have as many. */
static bool unbeatable(const struct search *s)
{
    size_t most = 0;

    for (size_t i = 0; i < s->found_n; i++) {
        size_t n = (size_t)__builtin_popcount(s->found[i].support);
        most = n > most ? n : most;
    }
    return 2 * most >= s->n + s->t;
}

static void try_subset(struct search *s, const uint8_t *pick)
{
    struct gf256_point points[SLIP39_GROUPS];
    uint8_t secret[SLIP39_SECRET_MAX];
    uint32_t chosen = 0;

    for (size_t i = 0; i < s->t; i++) {
        points[i] = s->spots[pick[i]].at;
        chosen |= (uint32_t)1 << pick[i];
    }
    if (known(s, chosen))
        return;
    /* ERR_ARG: two candidates for one group, which is no subset. */
    if (shamir_secret(points, s->t, (struct span){ secret, s->len }) == OK)
        keep(s, chosen, secret);
    secret_wipe(secret, sizeof secret);
}

/* The next t of n in order; false after the last. */
static bool next_subset(uint8_t *pick, size_t t, size_t n)
{
    size_t i = t;

    while (i > 0 && pick[i - 1] == n - t + i - 1)
        i--;
    if (i == 0)
        return false;
    pick[i - 1]++;
    for (; i < t; i++)
        pick[i] = (uint8_t)(pick[i - 1] + 1);
    return true;
}

/* Finds every polynomial through t of the spots whose digest holds. */
static void search_run(struct search *s)
{
    uint8_t pick[SLIP39_GROUPS];

    s->found_n = 0;
    if (s->n < s->t)
        return;
    for (size_t i = 0; i < s->t; i++)
        pick[i] = (uint8_t)i;
    do {
        if (*s->tries == 0)
            return;
        --*s->tries;
        try_subset(s, pick);
    } while (!unbeatable(s) && next_subset(pick, s->t, s->n));
}

/* A possible value of one group. */
struct candidate {
    uint8_t group;
    uint16_t weight;
    bool sure;
    bool members[SLIP39_GROUPS]; /* by member index: lies on it */
    uint8_t value[SLIP39_SECRET_MAX];
};

/* A recovery at work. */
struct recovery {
    const struct slip39_share *shares;
    size_t n;
    size_t tries;
    struct search members;
    struct search groups;
    struct candidate candidates[SPOTS];
    size_t candidate_n;
    uint8_t value[SLIP39_SECRET_MAX];
    struct slip39_found found;
};

static enum err check_pair(const struct slip39_share *a, const struct slip39_share *b)
{
    if (a->identifier != b->identifier || a->ext != b->ext || a->e != b->e ||
        a->group_threshold != b->group_threshold || a->group_count != b->group_count ||
        a->value_n != b->value_n)
        return ERR_SHARE_MIXED;
    if (a->group_index != b->group_index)
        return OK;
    if (a->member_threshold != b->member_threshold)
        return ERR_SHARE_MIXED;
    return a->member_index == b->member_index ? ERR_SHARE_TWICE : OK;
}

/* A share may come from a caller's own hands, so its numbers are not believed. */
static enum err check_share(const struct slip39_share *s)
{
    TRY(value_length(s->value_n));
    if (s->identifier > 0x7fff || s->ext > 1 || s->e > SLIP39_E_MAX ||
        s->group_threshold < 1 || s->group_threshold > s->group_count ||
        s->group_count > SLIP39_GROUPS || s->group_index >= s->group_count ||
        s->member_threshold < 1 || s->member_threshold > SLIP39_GROUPS ||
        s->member_index >= SLIP39_GROUPS)
        return ERR_FORMAT;
    return OK;
}

/* Shares present of each group, and the group's threshold. */
struct counts {
    uint8_t present[SLIP39_GROUPS];
    uint8_t t[SLIP39_GROUPS];
};

static enum err check_set(const struct slip39_share *shares, size_t n, uint8_t max_e)
{
    struct counts c = { 0 };
    size_t complete = 0;

    if (n == 0)
        return ERR_SHARE_FEW;
    if (n > SLIP39_SHARES)
        return ERR_SHARE_MANY;
    for (size_t i = 0; i < n; i++) {
        TRY(check_share(&shares[i]));
        for (size_t k = 0; k < i; k++)
            TRY(check_pair(&shares[i], &shares[k]));
        c.present[shares[i].group_index]++;
        c.t[shares[i].group_index] = shares[i].member_threshold;
    }
    if (shares[0].e > max_e)
        return ERR_TOO_BIG;
    for (size_t g = 0; g < SLIP39_GROUPS; g++)
        complete += c.present[g] > 0 && c.present[g] >= c.t[g] ? 1 : 0;
    return complete < shares[0].group_threshold ? ERR_SHARE_FEW : OK;
}

/* Fills the members' search with one group's shares; returns how many. */
static size_t gather_group(struct recovery *r, uint8_t group)
{
    struct search *s = &r->members;

    s->n = 0;
    s->len = r->shares[0].value_n;
    s->tries = &r->tries;
    for (size_t i = 0; i < r->n; i++) {
        const struct slip39_share *share = &r->shares[i];

        if (share->group_index != group)
            continue;
        s->t = share->member_threshold;
        s->spots[s->n++] = (struct spot){
            .at = { share->member_index, share->value },
            .weight = 1,
        };
    }
    return s->n;
}

/* Every possible value of a group becomes a spot of the groups' search. */
static void candidates_of(struct recovery *r, uint8_t group)
{
    struct search *s = &r->members;

    if (gather_group(r, group) == 0)
        return;
    search_run(s);
    for (size_t i = 0; i < s->found_n && r->candidate_n < SPOTS; i++) {
        const struct solution *f = &s->found[i];
        struct candidate *c = &r->candidates[r->candidate_n];

        *c = (struct candidate){ .group = group, .weight = f->weight, .sure = f->sure };
        memcpy(c->value, f->secret, s->len);
        for (size_t k = 0; k < s->n; k++)
            c->members[s->spots[k].at.x] = (f->support >> k & 1) != 0;
        r->groups.spots[r->candidate_n++] = (struct spot){
            .at = { group, c->value },
            .weight = c->weight,
            .sure = c->sure,
        };
    }
}

/*
 * The solution most shares stand behind; NULL if there is none, or two alike. Without
 * any digest numbers prove nothing, so then all must agree.
 */
static const struct solution *best(const struct search *s, uint32_t must_hold)
{
    const struct solution *top = NULL;
    unsigned most = 0;
    bool tie = false;

    for (size_t i = 0; i < s->found_n; i++) {
        const struct solution *f = &s->found[i];
        unsigned score = f->sure ? f->weight : 0;

        if ((f->support & must_hold) != must_hold || (top != NULL && score < most))
            continue;
        tie = top != NULL && score == most;
        top = f;
        most = score;
    }
    return tie ? NULL : top;
}

/* Names the shares of a group that do not give r->value. */
static void blame_others(struct recovery *r, uint8_t group)
{
    struct search *s = &r->members;
    size_t members = gather_group(r, group);

    if (members == 0)
        return;
    s->spots[s->n++] = (struct spot){ .at = { SECRET_X, r->value }, .weight = 1 };
    search_run(s);
    const struct solution *f = best(s, (uint32_t)1 << members);
    bool judged = f != NULL || members + 1 >= s->t;
    size_t k = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->shares[i].group_index != group)
            continue;
        r->found.bad[i] = judged && (f == NULL || (f->support >> k & 1) == 0);
        k++;
    }
}

/* Names the shares of a group that are not behind its candidate. */
static void blame_members(struct recovery *r, const struct candidate *c)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->shares[i].group_index == c->group)
            r->found.bad[i] = !c->members[r->shares[i].member_index];
    }
}

static void blame(struct recovery *r, const struct solution *f)
{
    struct gf256_point points[SLIP39_GROUPS];
    struct gf256_poly poly = solution_poly(&r->groups, f->support, points);

    for (uint8_t g = 0; g < r->shares[0].group_count; g++) {
        const struct candidate *c = NULL;

        for (size_t i = 0; i < r->candidate_n; i++) {
            if ((f->support >> i & 1) != 0 && r->candidates[i].group == g)
                c = &r->candidates[i];
        }
        if (c != NULL) {
            blame_members(r, c);
            continue;
        }
        gf256_at(&poly, g, (struct span){ r->value, r->groups.len });
        blame_others(r, g);
    }
    for (size_t i = 0; i < r->n; i++)
        r->found.bad_n += r->found.bad[i] ? 1 : 0;
}

enum err slip39_recover(const struct slip39_share *shares, size_t n,
                        struct bytes passphrase, uint8_t max_e,
                        struct slip39_found *out_found)
{
    AUTO_SECRET struct recovery *r = NULL;

    TRY(check_set(shares, n, max_e));
    TRY(passphrase_check(passphrase));
    TRY(secret_new(&r));
    r->shares = shares;
    r->n = n;
    r->tries = SLIP39_TRIES;
    for (uint8_t g = 0; g < shares[0].group_count; g++)
        candidates_of(r, g);
    r->groups.n = r->candidate_n;
    r->groups.t = shares[0].group_threshold;
    r->groups.len = shares[0].value_n;
    r->groups.tries = &r->tries;
    search_run(&r->groups);
    const struct solution *f = best(&r->groups, 0);
    if (f == NULL)
        return ERR_SHARE_DIGEST;
    r->found.secret_n = r->groups.len;
    memcpy(r->found.secret, f->secret, r->groups.len);
    blame(r, f);
    TRY(crypt_secret(DECRYPT, &shares[0], passphrase, r->found.secret));
    *out_found = r->found;
    return OK;
}

enum err slip39_combine(const struct slip39_share *shares, size_t n,
                        struct bytes passphrase, uint8_t max_e,
                        struct slip39_found *out_found)
{
    AUTO_SECRET struct slip39_found *found = NULL;

    TRY(secret_new(&found));
    TRY(slip39_recover(shares, n, passphrase, max_e, found));
    if (found->bad_n > 0)
        return ERR_SHARE_DIGEST;
    *out_found = *found;
    return OK;
}

enum err slip39_combine_key(const struct slip39_share *shares, size_t n,
                            struct escrow_key *out_key)
{
    AUTO_SECRET struct slip39_found *found = NULL;

    if (n > 0 && (shares[0].value_n != KEY_BYTES || shares[0].e != 0))
        return ERR_SHARE_MIXED;
    TRY(secret_new(&found));
    TRY(slip39_combine(shares, n, bytes_of(NULL, 0), 0, found));
    memcpy(out_key->b, found->secret, KEY_BYTES);
    return OK;
}
