/* SPDX-License-Identifier: Apache-2.0 */
#include "client/derive.h"

static const struct type_row {
    const char *name;
    enum label label;
} types[DERIVE_TYPES] = {
    [DERIVE_AGE] = { "age", LABEL_DERIVE_AGE },
    [DERIVE_SSH] = { "ssh", LABEL_DERIVE_SSH },
    [DERIVE_PASSWORD] = { "password", LABEL_DERIVE_PASSWORD },
};

const char *derive_type_name(enum derive_type type)
{
    return types[type].name;
}

enum err derive_type_find(const char *name, enum derive_type *out)
{
    for (size_t i = 0; i < DERIVE_TYPES; i++) {
        if (strcmp(types[i].name, name) != 0)
            continue;
        *out = (enum derive_type)i;
        return OK;
    }
    return ERR_ARG;
}

enum err derive_key(const struct root_key *root, enum derive_type type, struct bytes name,
                    uint32_t index, uint8_t out[KEY_BYTES])
{
    AUTO_SECRET struct level_key *level = NULL;
    uint8_t number[4];

    MUST(name.n > 0 && name.n <= DERIVE_NAME_MAX);
    TRY(secret_new(&level));
    crypt_level(root, LEVEL_DERIVE, level);
    store_u32(number, index);
    crypt_keyed(level->b, types[type].label, PARTS(BYTES_OF(number), name),
                (struct span){ out, KEY_BYTES });
    return OK;
}

/* ---- letters ---- */

/* The letter at a secret place: all 32 are looked at. */
static uint8_t letter_at(const char alphabet[33], uint8_t place)
{
    unsigned letter = 0;

    for (unsigned i = 0; i < 32; i++) {
        unsigned same = ((i ^ place) - 1U) >> 31;
        letter |= (0U - same) & (uint8_t)alphabet[i];
    }
    return (uint8_t)letter;
}

/* Five bits a letter, the first bit first; the last letter's missing bits are zero. */
static void fives(struct bytes in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned value = 0;
        for (size_t bit = 5 * i; bit < 5 * i + 5; bit++) {
            unsigned byte = bit / 8 < in.n ? in.p[bit / 8] : 0;
            value = value << 1 | (byte >> (7 - bit % 8) & 1U);
        }
        out[i] = (uint8_t)value;
    }
}

/* ---- age: Bech32 (BIP-173) of 32 bytes ---- */

enum { AGE_LETTERS = 52, AGE_CHECK = 6 };

static uint32_t bech32_step(uint32_t sum, uint8_t value)
{
    static const uint32_t generator[5] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                           0x2a1462b3 };
    uint32_t top = sum >> 25;
    uint32_t next = (sum & 0x1ffffff) << 5 ^ value;

    for (unsigned i = 0; i < 5; i++)
        next ^= (0U - (top >> i & 1U)) & generator[i];
    return next;
}

static uint32_t bech32_prefix(const char *hrp)
{
    uint32_t sum = 1;

    for (const char *p = hrp; *p != '\0'; p++)
        sum = bech32_step(sum, (uint8_t)(*p >> 5));
    sum = bech32_step(sum, 0);
    for (const char *p = hrp; *p != '\0'; p++)
        sum = bech32_step(sum, (uint8_t)(*p & 31));
    return sum;
}

/* hrp in lower case; upper: everything in upper case. */
static void bech32_put(const char *hrp, const uint8_t key[KEY_BYTES], bool upper,
                       struct buf *out)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint8_t text[AGE_LETTERS + AGE_CHECK];
    uint32_t sum = bech32_prefix(hrp);
    size_t from = out->n;

    fives(bytes_of(key, KEY_BYTES), text, AGE_LETTERS);
    for (size_t i = 0; i < AGE_LETTERS; i++)
        sum = bech32_step(sum, text[i]);
    for (size_t i = 0; i < AGE_CHECK; i++)
        sum = bech32_step(sum, 0);
    sum ^= 1;
    for (size_t i = 0; i < AGE_CHECK; i++)
        text[AGE_LETTERS + i] = (uint8_t)(sum >> 5 * (AGE_CHECK - 1 - i) & 31);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = letter_at(alphabet, text[i]);
    buf_put(out, bytes_text(hrp));
    buf_put(out, bytes_text("1"));
    buf_put(out, BYTES_OF(text));
    secret_wipe(text, sizeof text);
    /* 'a' to 'z' lose one bit; which bytes are letters must not show either. */
    for (size_t i = from; upper && i < out->n; i++)
        out->p[i] = (uint8_t)(out->p[i] & ~(out->p[i] >> 1 & 0x20U));
}

/* ---- ssh: PROTOCOL.key of OpenSSH ---- */

enum { SSH_RAW_MAX = 512, SSH_LINE = 70, SSH_BLOCK = 8 };

static void ssh_string(struct bytes text, struct buf *out)
{
    uint8_t n[4];

    store_u32(n, (uint32_t)text.n);
    buf_put(out, BYTES_OF(n));
    buf_put(out, text);
}

static void ssh_public_blob(const uint8_t pub[PUB_BYTES], struct buf *out)
{
    ssh_string(bytes_text("ssh-ed25519"), out);
    ssh_string(bytes_of(pub, PUB_BYTES), out);
}

/* The part that would be encrypted. The two check numbers need only be equal. */
static void ssh_private_blob(const uint8_t seed[KEY_BYTES], const uint8_t pub[PUB_BYTES],
                             struct bytes comment, struct buf *out)
{
    uint8_t pair[KEY_BYTES + PUB_BYTES];
    size_t from = out->n;

    memcpy(pair, seed, KEY_BYTES);
    memcpy(pair + KEY_BYTES, pub, PUB_BYTES);
    buf_put(out, bytes_of(pub, 4));
    buf_put(out, bytes_of(pub, 4));
    ssh_public_blob(pub, out);
    ssh_string(BYTES_OF(pair), out);
    secret_wipe(pair, sizeof pair);
    ssh_string(comment, out);
    for (uint8_t i = 1; (out->n - from) % SSH_BLOCK != 0; i++)
        buf_put(out, bytes_of(&i, 1));
}

static void public_of(const uint8_t seed[KEY_BYTES], uint8_t out[PUB_BYTES])
{
    struct sign_seed key;

    memcpy(key.b, seed, KEY_BYTES);
    crypt_sign_public(&key, out);
    secret_wipe(&key, sizeof key);
}

static void ssh_raw(const uint8_t seed[KEY_BYTES], struct bytes comment, struct buf *out)
{
    static const uint8_t one[4] = { 0, 0, 0, 1 };
    uint8_t pub[PUB_BYTES];
    uint8_t blob[128];
    uint8_t secret[SSH_RAW_MAX / 2 + DERIVE_NAME_MAX];
    struct buf open = BUF_OF(blob);
    struct buf sealed = BUF_OF(secret);

    public_of(seed, pub);
    ssh_public_blob(pub, &open);
    ssh_private_blob(seed, pub, comment, &sealed);
    buf_put(out, bytes_of("openssh-key-v1", 15));
    ssh_string(bytes_text("none"), out);
    ssh_string(bytes_text("none"), out);
    ssh_string(bytes_text(""), out);
    buf_put(out, BYTES_OF(one));
    ssh_string(buf_bytes(&open), out);
    ssh_string(buf_bytes(&sealed), out);
    MUST(!open.over && !sealed.over);
    secret_wipe(secret, sizeof secret);
}

static void ssh_put(const uint8_t seed[KEY_BYTES], struct bytes comment, struct buf *out)
{
    uint8_t raw[SSH_RAW_MAX];
    uint8_t text[SSH_RAW_MAX * 4 / 3 + 8];
    struct buf b = BUF_OF(raw);
    struct buf letters = BUF_OF(text);

    ssh_raw(seed, comment, &b);
    crypt_base64(buf_bytes(&b), &letters);
    MUST(!b.over && !letters.over);
    buf_put(out, bytes_text("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    for (size_t i = 0; i < letters.n; i += SSH_LINE) {
        size_t n = letters.n - i < SSH_LINE ? letters.n - i : SSH_LINE;
        buf_put(out, bytes_of(text + i, n));
        buf_put(out, bytes_text("\n"));
    }
    buf_put(out, bytes_text("-----END OPENSSH PRIVATE KEY-----\n"));
    secret_wipe(raw, sizeof raw);
    secret_wipe(text, sizeof text);
}

/* ---- password ---- */

/*
 * Four groups of five letters (Crockford's alphabet: no i, l, o, u), then what many
 * forms insist on: a capital, a digit and a sign.
 */
static void password_put(const uint8_t key[KEY_BYTES], struct buf *out)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

    enum { GROUP = 5, LETTERS = 20 };

    uint8_t text[LETTERS];

    fives(bytes_of(key, KEY_BYTES), text, LETTERS);
    for (size_t i = 0; i < LETTERS; i++) {
        text[i] = letter_at(alphabet, text[i]);
        if (i > 0 && i % GROUP == 0)
            buf_put(out, bytes_text("-"));
        buf_put(out, bytes_of(text + i, 1));
    }
    buf_put(out, bytes_text("-K7\n"));
    secret_wipe(text, sizeof text);
}

/* ---- both parts ---- */

void derive_secret(enum derive_type type, const uint8_t key[KEY_BYTES], struct bytes name,
                   struct buf *out)
{
    MUST(type < DERIVE_TYPES);
    if (type == DERIVE_SSH)
        ssh_put(key, name, out);
    if (type == DERIVE_PASSWORD)
        password_put(key, out);
    if (type != DERIVE_AGE)
        return;
    bech32_put("age-secret-key-", key, true, out);
    buf_put(out, bytes_text("\n"));
}

static void age_public(const uint8_t key[KEY_BYTES], struct buf *out)
{
    struct dh_key dh;
    uint8_t pub[PUB_BYTES];

    memcpy(dh.b, key, KEY_BYTES);
    crypt_dh_public(&dh, pub);
    secret_wipe(&dh, sizeof dh);
    bech32_put("age", pub, false, out);
    buf_put(out, bytes_text("\n"));
}

static void ssh_public(const uint8_t key[KEY_BYTES], struct bytes name, struct buf *out)
{
    uint8_t pub[PUB_BYTES];
    uint8_t blob[128];
    struct buf b = BUF_OF(blob);

    public_of(key, pub);
    ssh_public_blob(pub, &b);
    buf_put(out, bytes_text("ssh-ed25519 "));
    crypt_base64(buf_bytes(&b), out);
    buf_put(out, bytes_text(" "));
    buf_put(out, name);
    buf_put(out, bytes_text("\n"));
}

enum err derive_public(enum derive_type type, const uint8_t key[KEY_BYTES],
                       struct bytes name, struct buf *out)
{
    if (type == DERIVE_PASSWORD)
        return ERR_ARG;
    if (type == DERIVE_AGE)
        age_public(key, out);
    else
        ssh_public(key, name, out);
    return OK;
}
