/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ident.h"

/* ---- keys from the root ---- */

/* The parts a key is bound to, in order; NULL parts are left out. */
struct bound {
    struct bytes part[4];
    size_t n;
};

static void derive(const struct level_key *level, enum label l, const struct bound *to,
                   uint8_t out[KEY_BYTES])
{
    crypt_keyed(level->b, l, to->part, to->n, (struct span){ out, KEY_BYTES });
}

static enum err level_new(const struct root_key *root, enum level which,
                          struct level_key **out)
{
    TRY(secret_new(out));
    crypt_level(root, which, *out);
    return OK;
}

enum err ident_owner(const struct root_key *root, struct sign_seed *out)
{
    AUTO_SECRET struct level_key *level = NULL;
    struct bound nothing = { 0 };

    TRY(level_new(root, LEVEL_OWNER, &level));
    derive(level, LABEL_OWNER_SIGN, &nothing, out->b);
    return OK;
}

enum err ident_account(const struct root_key *root, const uint8_t node_key[PUB_BYTES],
                       const uint8_t seat[SEAT_BYTES], uint32_t generation,
                       struct account_keys *out)
{
    AUTO_SECRET struct level_key *level = NULL;
    uint8_t gen[4];

    store_u32(gen, generation);
    struct bound to = { .part = { bytes_of(node_key, PUB_BYTES),
                                  bytes_of(seat, SEAT_BYTES), BYTES_OF(gen) },
                        .n = 3 };
    TRY(level_new(root, LEVEL_ACCOUNT, &level));
    derive(level, LABEL_ACCOUNT_STATIC, &to, out->stat.b);
    derive(level, LABEL_ACCOUNT_SIGN, &to, out->sign.b);
    derive(level, LABEL_ACCOUNT_PSK, &to, out->psk.b);
    return OK;
}

enum err ident_guardian(const struct root_key *root, struct guardian_keys *out)
{
    AUTO_SECRET struct level_key *level = NULL;
    struct bound nothing = { 0 };

    TRY(level_new(root, LEVEL_GUARDIAN, &level));
    derive(level, LABEL_GUARDIAN_SIGN, &nothing, out->sign.b);
    derive(level, LABEL_GUARDIAN_SEAL, &nothing, out->seal.b);
    return OK;
}

enum err ident_seat_keys(const struct root_key *root, const uint8_t node_key[PUB_BYTES],
                         const uint8_t seat[SEAT_BYTES], struct seat_keys *out)
{
    AUTO_SECRET struct level_key *level = NULL;
    struct bound to = {
        .part = { bytes_of(node_key, PUB_BYTES), bytes_of(seat, SEAT_BYTES) }, .n = 2
    };

    TRY(level_new(root, LEVEL_GUARDIAN, &level));
    derive(level, LABEL_GUARDIAN_STATIC, &to, out->stat.b);
    derive(level, LABEL_GUARDIAN_PSK, &to, out->psk.b);
    return OK;
}

enum err ident_approval(const struct root_key *root, const uint8_t seat[SEAT_BYTES],
                        const uint8_t invite_id[INVITE_BYTES], struct sign_seed *out)
{
    AUTO_SECRET struct level_key *level = NULL;
    struct bound to = {
        .part = { bytes_of(seat, SEAT_BYTES), bytes_of(invite_id, INVITE_BYTES) }, .n = 2
    };

    TRY(level_new(root, LEVEL_GUARDIAN, &level));
    derive(level, LABEL_APPROVAL_KEY, &to, out->b);
    return OK;
}

enum err ident_restore(const struct root_key *root, const uint8_t node_key[PUB_BYTES],
                       const uint8_t seat[SEAT_BYTES], const struct standing *which,
                       uint8_t out_token[TOKEN_STANDING])
{
    AUTO_SECRET struct level_key *level = NULL;
    uint8_t gen[4];
    uint8_t num[4];

    store_u32(gen, which->generation);
    store_u32(num, which->number);
    struct bound to = { .part = { bytes_of(node_key, PUB_BYTES),
                                  bytes_of(seat, SEAT_BYTES), BYTES_OF(gen),
                                  BYTES_OF(num) },
                        .n = 4 };
    TRY(level_new(root, LEVEL_RESTORE, &level));
    derive(level,
           which->kind == STANDING_ROSTER ? LABEL_RESTORE_ROSTER : LABEL_RESTORE_SHEET,
           &to, out_token);
    return OK;
}

/* ---- ids ---- */

void ident_fingerprint(const uint8_t sign_pub[PUB_BYTES],
                       const uint8_t seal_pub[PUB_BYTES], uint8_t out_fp[FP_BYTES])
{
    crypt_hash(LABEL_GUARDIAN_FP,
               PARTS(bytes_of(sign_pub, PUB_BYTES), bytes_of(seal_pub, PUB_BYTES)),
               (struct span){ out_fp, FP_BYTES });
}

void ident_seat_id(const uint8_t node_key[PUB_BYTES], const uint8_t fp[FP_BYTES],
                   uint8_t out_seat[SEAT_BYTES])
{
    crypt_hash(LABEL_SEAT_ID,
               PARTS(bytes_of(node_key, PUB_BYTES), bytes_of(fp, FP_BYTES)),
               (struct span){ out_seat, SEAT_BYTES });
}

enum err ident_root_fingerprint(const struct root_key *root, uint8_t out_fp[FP_BYTES])
{
    AUTO_SECRET struct guardian_keys *keys = NULL;
    uint8_t sign[PUB_BYTES];
    uint8_t seal[PUB_BYTES];

    TRY(secret_new(&keys));
    TRY(ident_guardian(root, keys));
    crypt_sign_public(&keys->sign, sign);
    crypt_dh_public(&keys->seal, seal);
    ident_fingerprint(sign, seal, out_fp);
    return OK;
}

void ident_credential(struct bytes token, struct credential *out)
{
    MUST(token.n == TOKEN_BYTES || token.n == TOKEN_STANDING);
    crypt_hash(LABEL_TOKEN_ID, &token, 1, SPAN_OF(out->id));
    crypt_hash(LABEL_TOKEN_PSK, &token, 1, SPAN_OF(out->psk.b));
}

/* ---- links ---- */

static const char link_head[] = "KITH1:";

enum { CHECK_BYTES = 4, LINK_HEAD = sizeof(link_head) - 1 };

/* A link's bytes while it is read or written: secret, because of the token. */
struct link_raw {
    uint8_t b[LINK_RAW];
};

static void link_check(struct bytes body, uint8_t out[CHECK_BYTES])
{
    uint8_t hash[ID_BYTES];

    crypt_hash(LABEL_LINK_CHECK, &body, 1, SPAN_OF(hash));
    memcpy(out, hash, CHECK_BYTES);
}

/* An invite or a restore link names its guardian, the others cannot yet. */
static bool fp_suits(const struct link *l)
{
    static const uint8_t none[FP_BYTES];
    bool zero = bytes_equal(BYTES_OF(l->fp), BYTES_OF(none));

    return zero == (l->type == LINK_SEAT || l->type == LINK_OPERATOR);
}

void base32_put(struct bytes in, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t acc = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < in.n; i++) {
        acc = (acc << 8 | in.p[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5)
            buf_put_u8(out, (uint8_t)digits[acc >> (bits - 5) & 31]);
    }
    if (bits > 0)
        buf_put_u8(out, (uint8_t)digits[acc << (5 - bits) & 31]);
}

enum err link_format(const struct link *link, char *out, size_t cap)
{
    AUTO_SECRET struct link_raw *raw = NULL;
    struct buf text = { .p = (uint8_t *)out, .cap = cap };
    uint8_t check[CHECK_BYTES];

    MUST(cap >= LINK_TEXT);
    MUST(link->type >= LINK_INVITE && link->type <= LINK_OPERATOR);
    if (!fp_suits(link) || link->address.port == 0)
        return ERR_ARG;
    TRY(secret_new(&raw));
    struct buf b = BUF_OF(raw->b);
    buf_put_u8(&b, (uint8_t)link->type);
    buf_put(&b, BYTES_OF(link->node_key));
    buf_put(&b, BYTES_OF(link->token));
    buf_put(&b, BYTES_OF(link->fp));
    address_put(&link->address, &b);
    link_check(buf_bytes(&b), check);
    buf_put(&b, BYTES_OF(check));
    MUST(!b.over);
    buf_put(&text, bytes_text(link_head));
    base32_put(buf_bytes(&b), &text);
    buf_put_u8(&text, '\0');
    MUST(!text.over);
    return OK;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next character that is not white space, upper-case; -1 at the end. */
static int next_char(struct bytes *text)
{
    struct bytes one = { 0 };

    while (bytes_take(text, 1, &one) == OK) {
        uint8_t c = one.p[0];

        if (is_space(c))
            continue;
        return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
    }
    return -1;
}

/* ERR_VERSION for the head of a later generation, "KITH2:" to "KITH9:". */
static enum err head_take(struct bytes *text)
{
    enum err e = OK;

    for (size_t i = 0; i < LINK_HEAD; i++) {
        int c = next_char(text);

        if (c == link_head[i])
            continue;
        if (link_head[i] != '1' || c < '2' || c > '9')
            return ERR_FORMAT;
        e = ERR_VERSION;
    }
    return e;
}

static int base32_value(int c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

enum err base32_take(struct bytes text, struct buf *out)
{
    uint32_t acc = 0;
    unsigned bits = 0;

    for (int c = next_char(&text); c >= 0; c = next_char(&text)) {
        int v = base32_value(c);

        if (v < 0)
            return ERR_CHECKSUM;
        acc = (acc << 5 | (uint32_t)v) & 0xfff;
        bits += 5;
        if (bits < 8)
            continue;
        bits -= 8;
        buf_put_u8(out, (uint8_t)(acc >> bits));
    }
    bool tail = bits >= 5 || (acc & ((1U << bits) - 1)) != 0;
    return tail || out->over ? ERR_CHECKSUM : OK;
}

static void copy_take(struct bytes *in, struct span out)
{
    struct bytes head = { 0 };

    MUST(bytes_take(in, out.n, &head) == OK);
    memcpy(out.p, head.p, out.n);
}

/* in is a link's bytes, its checksum verified and cut off, long enough up to fp. */
static enum err link_read(struct bytes in, struct link *l)
{
    uint8_t type = 0;

    copy_take(&in, (struct span){ &type, 1 });
    if (type < LINK_INVITE || type > LINK_OPERATOR)
        return ERR_VERSION;
    l->type = (enum link_type)type;
    copy_take(&in, SPAN_OF(l->node_key));
    copy_take(&in, SPAN_OF(l->token));
    copy_take(&in, SPAN_OF(l->fp));
    TRY(address_get(in, &l->address));
    return fp_suits(l) ? OK : ERR_FORMAT;
}

enum err link_parse(struct bytes text, struct link *out)
{
    AUTO_SECRET struct link_raw *raw = NULL;
    AUTO_SECRET struct link *l = NULL;
    uint8_t check[CHECK_BYTES];

    TRY(head_take(&text));
    TRY(secret_new(&raw));
    TRY(secret_new(&l));
    struct buf b = BUF_OF(raw->b);
    TRY(base32_take(text, &b));
    if (b.n < LINK_RAW - ADDRESS_MAX)
        return ERR_CHECKSUM;
    struct bytes body = bytes_of(b.p, b.n - CHECK_BYTES);
    link_check(body, check);
    if (!bytes_equal(BYTES_OF(check), bytes_of(b.p + body.n, CHECK_BYTES)))
        return ERR_CHECKSUM;
    TRY(link_read(body, l));
    *out = *l;
    return OK;
}
