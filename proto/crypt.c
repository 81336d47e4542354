/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/crypt.h"

#include <sodium.h>

static const char *const texts[LABEL_COUNT] = {
#define LABEL_TEXT(name, text, what) [LABEL_##name] = (text),
    LABEL_TABLE(LABEL_TEXT)
};

static const char *const whats[LABEL_COUNT] = {
#define LABEL_WHAT(name, text, what) [LABEL_##name] = (what),
    LABEL_TABLE(LABEL_WHAT)
};

static const struct {
    uint64_t id;
    const char *ctx;
} levels[LEVEL_COUNT] = {

#define LEVEL_ROW(name, number, context)                                                 \
    [LEVEL_##name] = { .id = (number), .ctx = (context) },
    LEVEL_TABLE(LEVEL_ROW)
};

const struct cost cost_shipped = { .mem = (size_t)64 * 1024 * 1024, .passes = 3 };
const struct cost cost_minimum = { .mem = crypto_pwhash_MEMLIMIT_MIN, .passes = 1 };

static void system_fill(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    randombytes_buf(out, n);
}

const struct rng crypt_random = { .fill = system_fill };

const char *label_text(enum label l)
{
    MUST(l < LABEL_COUNT);
    return texts[l];
}

const char *label_what(enum label l)
{
    MUST(l < LABEL_COUNT);
    return whats[l];
}

/* libsodium declares some inputs nonnull, also where their length is 0. */
static const uint8_t *start_of(struct bytes b)
{
    static const uint8_t nothing[1];

    return b.n == 0 ? nothing : b.p;
}

/* key may be NULL. libsodium's BLAKE2b calls cannot fail with sizes in range. */
static void blake2b(const uint8_t *key, enum label l, const struct bytes *parts, size_t n,
                    struct span out)
{
    crypto_generichash_state st;
    const char *label = label_text(l);

    MUST(out.n >= 1 && out.n <= crypto_generichash_BYTES_MAX);
    MUST(crypto_generichash_init(&st, key, key == NULL ? 0 : KEY_BYTES, out.n) == 0);
    MUST(crypto_generichash_update(&st, (const uint8_t *)label, strlen(label) + 1) == 0);
    for (size_t i = 0; i < n; i++)
        MUST(crypto_generichash_update(&st, parts[i].p, parts[i].n) == 0);
    MUST(crypto_generichash_final(&st, out.p, out.n) == 0);
    sodium_memzero(&st, sizeof st);
}

void crypt_hash(enum label l, const struct bytes *parts, size_t n, struct span out)
{
    blake2b(NULL, l, parts, n, out);
}

void crypt_keyed(const uint8_t key[KEY_BYTES], enum label l, const struct bytes *parts,
                 size_t n, struct span out)
{
    blake2b(key, l, parts, n, out);
}

void crypt_level(const struct root_key *root, enum level which, struct level_key *out)
{
    MUST(which < LEVEL_COUNT && which != LEVEL_IDENTITY);
    MUST(crypto_kdf_derive_from_key(out->b, sizeof out->b, levels[which].id,
                                    levels[which].ctx, root->b) == 0);
}

void crypt_identity_seed(const struct root_key *root, uint8_t out[64])
{
    MUST(crypto_kdf_derive_from_key(out, 64, levels[LEVEL_IDENTITY].id,
                                    levels[LEVEL_IDENTITY].ctx, root->b) == 0);
}

void crypt_sign_public(const struct sign_seed *seed, uint8_t out_pub[PUB_BYTES])
{
    uint8_t sk[crypto_sign_SECRETKEYBYTES];

    MUST(crypto_sign_seed_keypair(out_pub, sk, seed->b) == 0);
    sodium_memzero(sk, sizeof sk);
}

void crypt_sign(const struct sign_seed *seed, enum label l, struct bytes msg,
                uint8_t out_sig[SIG_BYTES])
{
    uint8_t pub[PUB_BYTES];
    uint8_t sk[crypto_sign_SECRETKEYBYTES];
    uint8_t hash[HASH_BYTES];

    crypt_hash(l, &msg, 1, SPAN_OF(hash));
    MUST(crypto_sign_seed_keypair(pub, sk, seed->b) == 0);
    MUST(crypto_sign_detached(out_sig, NULL, hash, sizeof hash, sk) == 0);
    sodium_memzero(sk, sizeof sk);
}

enum err crypt_verify(const uint8_t pub[PUB_BYTES], enum label l, struct bytes msg,
                      const uint8_t sig[SIG_BYTES])
{
    uint8_t hash[HASH_BYTES];

    crypt_hash(l, &msg, 1, SPAN_OF(hash));
    if (crypto_sign_verify_detached(sig, hash, sizeof hash, pub) != 0)
        return ERR_SIGNATURE;
    return OK;
}

void crypt_dh_public(const struct dh_key *key, uint8_t out_pub[PUB_BYTES])
{
    MUST(crypto_scalarmult_base(out_pub, key->b) == 0);
}

enum err crypt_dh(const struct dh_key *key, const uint8_t pub[PUB_BYTES],
                  uint8_t out[KEY_BYTES])
{
    uint8_t shared[KEY_BYTES] = { 0 };
    /* libsodium refuses low-order points; the zero check stands beside it on purpose. */
    bool bad = crypto_scalarmult(shared, key->b, pub) != 0;

    bad = sodium_is_zero(shared, sizeof shared) | bad;
    secret_public(&bad, sizeof bad);
    if (!bad)
        memcpy(out, shared, sizeof shared);
    sodium_memzero(shared, sizeof shared);
    return bad ? ERR_KEY : OK;
}

/* The label is bound through a hash, so that associated data of any length fits. */
static void bind_ad(enum label l, struct bytes ad, uint8_t out[HASH_BYTES])
{
    crypt_hash(l, &ad, 1, (struct span){ out, HASH_BYTES });
}

enum { NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, TAG = 16 };

/* Makes room for a sealed plain at the end of out; NULL, and over, if there is none. */
static uint8_t *seal_room(struct bytes plain, struct buf *out)
{
    if (out->over || plain.n > SIZE_MAX - SEAL_OVERHEAD ||
        plain.n + SEAL_OVERHEAD > out->cap - out->n) {
        out->over = true;
        return NULL;
    }
    uint8_t *at = out->p + out->n;
    out->n += plain.n + SEAL_OVERHEAD;
    return at;
}

/* Ciphertext and tag behind the nonce that stands at at. */
static void seal_behind(const struct seal_key *key, const uint8_t bound[HASH_BYTES],
                        struct bytes plain, uint8_t *at)
{
    MUST(crypto_aead_xchacha20poly1305_ietf_encrypt(at + NONCE, NULL, plain.p, plain.n,
                                                    bound, HASH_BYTES, NULL, at,
                                                    key->b) == 0);
}

void crypt_seal(const struct seal_key *key, enum label l, struct bytes ad,
                struct bytes plain, const struct rng *rng, struct buf *out)
{
    uint8_t bound[HASH_BYTES];
    uint8_t *at = seal_room(plain, out);

    if (at == NULL)
        return;
    bind_ad(l, ad, bound);
    rng_fill(rng, at, NONCE);
    seal_behind(key, bound, plain, at);
}

void crypt_seal_same(const struct seal_key *key, const struct seal_key *nonce_key,
                     enum label l, struct bytes ad, struct bytes plain, struct buf *out)
{
    uint8_t bound[HASH_BYTES];
    uint8_t *at = seal_room(plain, out);

    if (at == NULL)
        return;
    bind_ad(l, ad, bound);
    crypt_keyed(nonce_key->b, LABEL_VAULT_NONCE, PARTS(BYTES_OF(bound), plain),
                (struct span){ at, NONCE });
    seal_behind(key, bound, plain, at);
}

static enum err aead_open(const uint8_t *key, const uint8_t *nonce, struct bytes bound,
                          struct bytes sealed, struct span out, size_t *out_n)
{
    if (sealed.n < TAG)
        return ERR_FORMAT;
    size_t n = sealed.n - TAG;
    if (n > out.n)
        return ERR_TOO_BIG;
    /* Verified first, without output: libsodium zeroes the output of a wrong tag. */
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
        NULL, NULL, sealed.p, n, sealed.p + n, bound.p, bound.n, nonce, key);
    secret_public(&bad, sizeof bad);
    if (bad != 0)
        return ERR_AUTH;
    MUST(n == 0 ||
         crypto_stream_xchacha20_xor_ic(out.p, sealed.p, n, nonce, 1, key) == 0);
    *out_n = n;
    return OK;
}

enum err crypt_open(const struct seal_key *key, enum label l, struct bytes ad,
                    struct bytes sealed, struct span out, size_t *out_n)
{
    uint8_t bound[HASH_BYTES];
    struct bytes nonce = { 0 };

    TRY(bytes_take(&sealed, NONCE, &nonce));
    bind_ad(l, ad, bound);
    return aead_open(key->b, nonce.p, BYTES_OF(bound), sealed, out, out_n);
}

/* The box key commits to both public keys, so a box cannot be re-addressed. */
static enum err box_key(const struct dh_key *mine, const uint8_t *theirs, enum label l,
                        const uint8_t *eph_pub, const uint8_t *to_pub, uint8_t *out_key)
{
    uint8_t shared[KEY_BYTES];

    TRY(crypt_dh(mine, theirs, shared));
    crypt_keyed(shared, l,
                PARTS(bytes_of(eph_pub, PUB_BYTES), bytes_of(to_pub, PUB_BYTES)),
                (struct span){ out_key, KEY_BYTES });
    sodium_memzero(shared, sizeof shared);
    return OK;
}

static const uint8_t zero_nonce[NONCE];

enum err crypt_box_seal(const uint8_t pub[PUB_BYTES], enum label l, struct bytes ad,
                        struct bytes plain, const struct rng *rng, struct buf *out)
{
    AUTO_SECRET struct dh_key *eph = NULL;
    AUTO_SECRET struct seal_key *key = NULL;
    uint8_t bound[HASH_BYTES];
    uint8_t eph_pub[PUB_BYTES];

    TRY(secret_new(&eph));
    TRY(secret_new(&key));
    rng_fill(rng, eph->b, sizeof eph->b);
    crypt_dh_public(eph, eph_pub);
    TRY(box_key(eph, pub, l, eph_pub, pub, key->b));
    if (out->over || plain.n > SIZE_MAX - BOX_OVERHEAD ||
        plain.n + BOX_OVERHEAD > out->cap - out->n) {
        out->over = true;
        return OK;
    }
    bind_ad(l, ad, bound);
    buf_put(out, BYTES_OF(eph_pub));
    MUST(crypto_aead_xchacha20poly1305_ietf_encrypt(out->p + out->n, NULL, plain.p,
                                                    plain.n, bound, sizeof bound, NULL,
                                                    zero_nonce, key->b) == 0);
    out->n += plain.n + TAG;
    return OK;
}

enum err crypt_box_open(const struct dh_key *key, enum label l, struct bytes ad,
                        struct bytes sealed, struct span out, size_t *out_n)
{
    AUTO_SECRET struct seal_key *box = NULL;
    uint8_t bound[HASH_BYTES];
    uint8_t pub[PUB_BYTES];
    struct bytes eph = { 0 };

    TRY(bytes_take(&sealed, PUB_BYTES, &eph));
    TRY(secret_new(&box));
    crypt_dh_public(key, pub);
    TRY(box_key(key, eph.p, l, eph.p, pub, box->b));
    bind_ad(l, ad, bound);
    return aead_open(box->b, zero_nonce, BYTES_OF(bound), sealed, out, out_n);
}

enum err crypt_argon2id(struct bytes secret, const uint8_t salt[SALT_BYTES],
                        struct cost cost, struct span out)
{
    AUTO_SECRET uint8_t *hash = NULL;

    /* libsodium clears its output before it knows whether it can fill it. */
    TRY(secret_alloc(out.n, (void **)&hash));
    if (crypto_pwhash(hash, out.n, (const char *)start_of(secret), secret.n, salt,
                      cost.passes, cost.mem, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ERR_NOMEM;
    memcpy(out.p, hash, out.n);
    return OK;
}

void crypt_blake2b_512(const struct bytes *parts, size_t n, uint8_t out[64])
{
    crypto_generichash_state st;

    MUST(crypto_generichash_init(&st, NULL, 0, 64) == 0);
    for (size_t i = 0; i < n; i++)
        MUST(crypto_generichash_update(&st, parts[i].p, parts[i].n) == 0);
    MUST(crypto_generichash_final(&st, out, 64) == 0);
    sodium_memzero(&st, sizeof st);
}

static void hmac_pass(const uint8_t block[128], uint8_t pad, const struct bytes *parts,
                      size_t n, uint8_t out[64])
{
    crypto_generichash_state st;
    uint8_t padded[128];

    for (size_t i = 0; i < sizeof padded; i++)
        padded[i] = block[i] ^ pad;
    MUST(crypto_generichash_init(&st, NULL, 0, 64) == 0);
    MUST(crypto_generichash_update(&st, padded, sizeof padded) == 0);
    for (size_t i = 0; i < n; i++)
        MUST(crypto_generichash_update(&st, parts[i].p, parts[i].n) == 0);
    MUST(crypto_generichash_final(&st, out, 64) == 0);
    sodium_memzero(&st, sizeof st);
    sodium_memzero(padded, sizeof padded);
}

void crypt_hmac_blake2b_512(struct bytes key, const struct bytes *parts, size_t n,
                            uint8_t out[64])
{
    uint8_t block[128] = { 0 };
    uint8_t inner[64];

    MUST(key.n <= sizeof block);
    if (key.n > 0)
        memcpy(block, key.p, key.n);
    hmac_pass(block, 0x36, parts, n, inner);
    hmac_pass(block, 0x5c, PARTS(BYTES_OF(inner)), out);
    sodium_memzero(block, sizeof block);
    sodium_memzero(inner, sizeof inner);
}

void crypt_base64(struct bytes in, struct buf *out)
{
    size_t n = sodium_base64_ENCODED_LEN(in.n, sodium_base64_VARIANT_ORIGINAL);

    if (out->over || n > out->cap - out->n) {
        out->over = true;
        return;
    }
    (void)sodium_bin2base64((char *)out->p + out->n, n, in.p, in.n,
                            sodium_base64_VARIANT_ORIGINAL);
    out->n += n - 1;
}

static void noise_nonce(uint64_t n, uint8_t out[12])
{
    memset(out, 0, 12);
    for (unsigned i = 0; i < 8; i++)
        out[4 + i] = (uint8_t)(n >> (8 * i));
}

void crypt_chachapoly_seal(const uint8_t key[KEY_BYTES], uint64_t n, struct bytes ad,
                           struct bytes plain, uint8_t *out)
{
    uint8_t nonce[12];

    noise_nonce(n, nonce);
    MUST(crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.n, ad.p,
                                                   ad.n, NULL, nonce, key) == 0);
}

enum err crypt_chachapoly_open(const uint8_t key[KEY_BYTES], uint64_t n, struct bytes ad,
                               struct bytes sealed, uint8_t *out)
{
    uint8_t nonce[12];

    if (sealed.n < TAG)
        return ERR_FORMAT;
    noise_nonce(n, nonce);
    size_t m = sealed.n - TAG;
    if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(
            NULL, NULL, sealed.p, m, sealed.p + m, ad.p, ad.n, nonce, key) != 0)
        return ERR_AUTH;
    MUST(m == 0 ||
         crypto_stream_chacha20_ietf_xor_ic(out, sealed.p, m, nonce, 1, key) == 0);
    return OK;
}

void crypt_hmac_sha256(struct bytes key, const struct bytes *parts, size_t n,
                       uint8_t out[32])
{
    crypto_auth_hmacsha256_state st;

    MUST(crypto_auth_hmacsha256_init(&st, start_of(key), key.n) == 0);
    for (size_t i = 0; i < n; i++)
        MUST(crypto_auth_hmacsha256_update(&st, start_of(parts[i]), parts[i].n) == 0);
    MUST(crypto_auth_hmacsha256_final(&st, out) == 0);
    sodium_memzero(&st, sizeof st);
}

void crypt_hmac_sha512(struct bytes key, const struct bytes *parts, size_t n,
                       uint8_t out[64])
{
    crypto_auth_hmacsha512_state st;

    MUST(crypto_auth_hmacsha512_init(&st, start_of(key), key.n) == 0);
    for (size_t i = 0; i < n; i++)
        MUST(crypto_auth_hmacsha512_update(&st, start_of(parts[i]), parts[i].n) == 0);
    MUST(crypto_auth_hmacsha512_final(&st, out) == 0);
    sodium_memzero(&st, sizeof st);
}
