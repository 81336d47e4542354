/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/noise.h"

const struct noise_pattern noise_xkpsk3 = {
    .protocol = "Noise_XKpsk3_25519_ChaChaPoly_BLAKE2b",
    .resp_known = true,
    .psk = true,
    .messages = 3,
    .tokens = { { NOISE_E, NOISE_ES },
                { NOISE_E, NOISE_EE },
                { NOISE_S, NOISE_SE, NOISE_PSK } },
};

/* What HKDF makes; on its way it is as secret as what it becomes. */
struct hkdf {
    uint8_t key[NOISE_HASH];
    uint8_t out[3][NOISE_HASH];
    uint8_t dh[KEY_BYTES];
};

enum err noise_seal(struct noise_cipher *c, struct bytes ad, struct bytes plain,
                    uint8_t *out)
{
    if (plain.n > NOISE_MAX - NOISE_TAG)
        return ERR_TOO_BIG;
    if (c->n == UINT64_MAX)
        return ERR_STATE;
    crypt_chachapoly_seal(c->k, c->n, ad, plain, out);
    c->n++;
    return OK;
}

enum err noise_open(struct noise_cipher *c, struct bytes ad, struct bytes sealed,
                    uint8_t *out)
{
    if (sealed.n > NOISE_MAX)
        return ERR_TOO_BIG;
    if (c->n == UINT64_MAX)
        return ERR_STATE;
    TRY(crypt_chachapoly_open(c->k, c->n, ad, sealed, out));
    c->n++;
    return OK;
}

/* HKDF of section 4.3: 2 or 3 outputs. */
static void hkdf(const uint8_t ck[NOISE_HASH], struct bytes input, size_t outputs,
                 struct hkdf *k)
{
    crypt_hmac_blake2b_512(bytes_of(ck, NOISE_HASH), PARTS(input), k->key);
    for (size_t i = 0; i < outputs; i++) {
        uint8_t count = (uint8_t)(i + 1);
        struct bytes before = { 0 };
        if (i > 0)
            before = BYTES_OF(k->out[i - 1]);
        crypt_hmac_blake2b_512(BYTES_OF(k->key), PARTS(before, bytes_of(&count, 1)),
                               k->out[i]);
    }
}

static void mix_hash(struct noise *n, struct bytes data)
{
    uint8_t h[NOISE_HASH];

    crypt_blake2b_512(PARTS(BYTES_OF(n->h), data), h);
    memcpy(n->h, h, sizeof h);
}

static void set_key(struct noise *n, const uint8_t *k)
{
    memcpy(n->cipher.k, k, KEY_BYTES);
    n->cipher.n = 0;
    n->keyed = true;
}

static void mix_key(struct noise *n, struct hkdf *k, struct bytes input)
{
    hkdf(n->ck, input, 2, k);
    memcpy(n->ck, k->out[0], NOISE_HASH);
    set_key(n, k->out[1]);
}

static void mix_psk(struct noise *n, struct hkdf *k)
{
    hkdf(n->ck, BYTES_OF(n->psk[0].b), 3, k);
    memcpy(n->ck, k->out[0], NOISE_HASH);
    mix_hash(n, BYTES_OF(k->out[1]));
    set_key(n, k->out[2]);
    n->psk[0] = n->psk[1];
    secret_wipe(&n->psk[1], sizeof n->psk[1]);
    n->psks--;
}

/* The token's DH, seen from this side: which of our keys with which of theirs. */
static enum err mix_dh(struct noise *n, struct hkdf *k, enum noise_token t)
{
    bool init = n->side == NOISE_INITIATOR;
    bool our_s = t == NOISE_SS || t == (init ? NOISE_SE : NOISE_ES);
    bool their_s = t == NOISE_SS || t == (init ? NOISE_ES : NOISE_SE);

    TRY(crypt_dh(our_s ? &n->s : &n->e, their_s ? n->rs : n->re, k->dh));
    mix_key(n, k, BYTES_OF(k->dh));
    return OK;
}

/* In psk handshakes an ephemeral key goes into the key too (section 9.2). */
static void mix_ephemeral(struct noise *n, struct hkdf *k, struct bytes e)
{
    mix_hash(n, e);
    if (n->pattern->psk)
        mix_key(n, k, e);
}

static enum err encrypt_and_hash(struct noise *n, struct bytes plain, struct buf *out)
{
    size_t extra = n->keyed ? (size_t)NOISE_TAG : 0;
    uint8_t *at = out->p + out->n;

    if (out->over || plain.n > out->cap - out->n || extra > out->cap - out->n - plain.n)
        return ERR_TOO_BIG;
    if (n->keyed)
        TRY(noise_seal(&n->cipher, BYTES_OF(n->h), plain, at));
    else if (plain.n > 0)
        memcpy(at, plain.p, plain.n);
    mix_hash(n, bytes_of(at, plain.n + extra));
    out->n += plain.n + extra;
    return OK;
}

/* out has room for in.n bytes, less a tag where the message is keyed. */
static enum err decrypt_and_hash(struct noise *n, struct bytes in, uint8_t *out)
{
    if (n->keyed)
        TRY(noise_open(&n->cipher, BYTES_OF(n->h), in, out));
    else if (in.n > 0)
        memcpy(out, in.p, in.n);
    mix_hash(n, in);
    return OK;
}

static bool ours(const struct noise *n)
{
    return (n->message % 2 == 0) == (n->side == NOISE_INITIATOR);
}

static enum noise_token token(const struct noise *n)
{
    return n->pattern->tokens[n->message][n->token];
}

static void next_message(struct noise *n)
{
    n->message++;
    n->token = 0;
    n->at = 0;
}

static void die(struct noise *n)
{
    secret_wipe(n, sizeof *n);
}

void noise_start(struct noise *n, const struct noise_pattern *pattern,
                 enum noise_side side, struct bytes prologue,
                 const struct noise_keys *keys)
{
    bool init = side == NOISE_INITIATOR;
    size_t name = strlen(pattern->protocol);

    MUST(name <= NOISE_HASH);
    *n = (struct noise){ .pattern = pattern, .side = side };
    if (keys->s != NULL) {
        n->s = *keys->s;
        memcpy(n->s_pub, keys->s_pub, PUB_BYTES);
    }
    if (keys->rs != NULL)
        memcpy(n->rs, keys->rs, PUB_BYTES);
    memcpy(n->h, pattern->protocol, name);
    memcpy(n->ck, n->h, NOISE_HASH);
    mix_hash(n, prologue);
    if (pattern->init_known) {
        MUST((init ? (const void *)keys->s : keys->rs) != NULL);
        mix_hash(n, bytes_of(init ? n->s_pub : n->rs, PUB_BYTES));
    }
    if (pattern->resp_known) {
        MUST((init ? keys->rs : (const void *)keys->s) != NULL);
        mix_hash(n, bytes_of(init ? n->rs : n->s_pub, PUB_BYTES));
    }
}

void noise_give_psk(struct noise *n, const struct psk *psk)
{
    MUST(n->psks < NOISE_PSKS);
    n->psk[n->psks++] = *psk;
}

static enum err write_e(struct noise *n, struct hkdf *k, const struct rng *rng,
                        struct buf *out)
{
    uint8_t pub[PUB_BYTES];

    rng_fill(rng, n->e.b, sizeof n->e.b);
    crypt_dh_public(&n->e, pub);
    buf_put(out, BYTES_OF(pub));
    mix_ephemeral(n, k, BYTES_OF(pub));
    return out->over ? ERR_TOO_BIG : OK;
}

static enum err write_token(struct noise *n, struct hkdf *k, const struct rng *rng,
                            struct buf *out)
{
    switch (token(n)) {
    case NOISE_E:
        return write_e(n, k, rng, out);
    case NOISE_S:
        return encrypt_and_hash(n, BYTES_OF(n->s_pub), out);
    case NOISE_PSK:
        if (n->psks == 0)
            return ERR_STATE;
        mix_psk(n, k);
        return OK;
    case NOISE_EE:
    case NOISE_ES:
    case NOISE_SE:
    case NOISE_SS:
        return mix_dh(n, k, token(n));
    case NOISE_END:
        break;
    }
    return ERR_STATE;
}

static enum err write_message(struct noise *n, struct bytes payload,
                              const struct rng *rng, struct buf *out)
{
    AUTO_SECRET struct hkdf *k = NULL;

    TRY(secret_new(&k));
    for (; token(n) != NOISE_END; n->token++)
        TRY(write_token(n, k, rng, out));
    TRY(encrypt_and_hash(n, payload, out));
    next_message(n);
    return OK;
}

enum err noise_write(struct noise *n, struct bytes payload, const struct rng *rng,
                     struct buf *out)
{
    if (n->pattern == NULL || noise_complete(n) || !ours(n) || out->over)
        return ERR_STATE;

    /* The message is made within a window, so that a failure leaves out as it was. */
    size_t room = out->cap - out->n;
    struct buf own = { out->p + out->n, room < NOISE_MAX ? room : NOISE_MAX, 0, false };
    enum err e = write_message(n, payload, rng, &own);
    if (e != OK) {
        die(n);
        return e;
    }
    out->n += own.n;
    return OK;
}

static enum err read_e(struct noise *n, struct hkdf *k, struct bytes *in)
{
    struct bytes e;

    TRY(bytes_take(in, PUB_BYTES, &e));
    memcpy(n->re, e.p, PUB_BYTES);
    mix_ephemeral(n, k, e);
    return OK;
}

static enum err read_s(struct noise *n, struct bytes *in)
{
    struct bytes s;

    TRY(bytes_take(in, PUB_BYTES + (n->keyed ? (size_t)NOISE_TAG : 0), &s));
    return decrypt_and_hash(n, s, n->rs);
}

static enum err read_token(struct noise *n, struct hkdf *k, struct bytes *in)
{
    switch (token(n)) {
    case NOISE_E:
        return read_e(n, k, in);
    case NOISE_S:
        return read_s(n, in);
    case NOISE_PSK:
        mix_psk(n, k);
        return OK;
    case NOISE_EE:
    case NOISE_ES:
    case NOISE_SE:
    case NOISE_SS:
        return mix_dh(n, k, token(n));
    case NOISE_END:
        break;
    }
    return ERR_STATE;
}

static enum err read_payload(struct noise *n, struct bytes in, struct span out,
                             size_t *out_n)
{
    size_t tag = n->keyed ? (size_t)NOISE_TAG : 0;

    if (in.n < tag)
        return ERR_FORMAT;
    if (in.n - tag > out.n)
        return ERR_TOO_BIG;
    TRY(decrypt_and_hash(n, in, out.p));
    next_message(n);
    *out_n = in.n - tag;
    return OK;
}

static enum err read_message(struct noise *n, struct bytes in, struct span out,
                             size_t *out_n, enum noise_read *out_what)
{
    AUTO_SECRET struct hkdf *k = NULL;
    struct bytes done;
    struct bytes rest = in;

    if (in.n > NOISE_MAX)
        return ERR_TOO_BIG;
    TRY(secret_new(&k));
    TRY(bytes_take(&rest, n->at, &done));
    for (; token(n) != NOISE_END; n->token++) {
        if (token(n) == NOISE_PSK && n->psks == 0) {
            n->at = (uint16_t)(in.n - rest.n);
            *out_what = NOISE_READ_PSK;
            return OK;
        }
        TRY(read_token(n, k, &rest));
    }
    TRY(read_payload(n, rest, out, out_n));
    *out_what = NOISE_READ_DONE;
    return OK;
}

enum err noise_read(struct noise *n, struct bytes in, struct span out, size_t *out_n,
                    enum noise_read *out_what)
{
    if (n->pattern == NULL || noise_complete(n) || ours(n))
        return ERR_STATE;

    enum err e = read_message(n, in, out, out_n, out_what);
    if (e != OK)
        die(n);
    return e;
}

bool noise_complete(const struct noise *n)
{
    return n->pattern != NULL && n->message == n->pattern->messages;
}

const uint8_t *noise_remote(const struct noise *n)
{
    return n->rs;
}

const uint8_t *noise_hash(const struct noise *n)
{
    return n->h;
}

enum err noise_split(struct noise *n, struct noise_cipher *out_send,
                     struct noise_cipher *out_receive)
{
    AUTO_SECRET struct hkdf *k = NULL;
    bool init = n->side == NOISE_INITIATOR;

    if (!noise_complete(n))
        return ERR_STATE;
    TRY(secret_new(&k));
    hkdf(n->ck, (struct bytes){ 0 }, 2, k);
    out_send->n = 0;
    out_receive->n = 0;
    memcpy(out_send->k, k->out[init ? 0 : 1], KEY_BYTES);
    memcpy(out_receive->k, k->out[init ? 1 : 0], KEY_BYTES);
    die(n);
    return OK;
}
