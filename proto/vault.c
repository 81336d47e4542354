/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/vault.h"

#include "proto/piece_part.h"

/* ---- keys ---- */

enum err vault_key_of(const struct root_key *root, uint32_t generation,
                      struct vault_key *out)
{
    AUTO_SECRET struct level_key *level = NULL;
    uint8_t number[4];

    TRY(secret_new(&level));
    crypt_level(root, LEVEL_VAULT, level);
    store_u32(number, generation);
    crypt_keyed(level->b, LABEL_VAULT_GENERATION, PARTS(BYTES_OF(number)),
                SPAN_OF(out->b));
    return OK;
}

void vault_keys_of(const struct vault_key *key, struct vault_keys *out)
{
    const struct bytes nothing = { 0 };

    crypt_keyed(key->b, LABEL_VAULT_OBJECT_KEY, &nothing, 1, SPAN_OF(out->object.b));
    crypt_keyed(key->b, LABEL_VAULT_NONCE_KEY, &nothing, 1, SPAN_OF(out->nonce.b));
    crypt_keyed(key->b, LABEL_VAULT_HEAD_KEY, &nothing, 1, SPAN_OF(out->head.b));
}

/* ---- objects ---- */

static unsigned log2_floor(uint64_t n)
{
    unsigned e = 0;

    while (n > 1) {
        n >>= 1;
        e++;
    }
    return e;
}

uint64_t vault_pad(uint64_t n)
{
    if (n <= VAULT_PAD_MIN)
        return VAULT_PAD_MIN;
    unsigned e = log2_floor(n);
    unsigned s = log2_floor(e) + 1;
    uint64_t mask = ((uint64_t)1 << (e - s)) - 1;
    return (n + mask) & ~mask;
}

void vault_object_id(struct bytes object, uint8_t out[VAULT_ID])
{
    crypt_hash(LABEL_VAULT_OBJECT_ID, &object, 1, (struct span){ out, VAULT_ID });
}

void vault_object_seal(const struct vault_keys *keys, enum vault_kind kind,
                       struct bytes content, size_t padded, uint64_t salt,
                       struct span mem, struct buf *out)
{
    struct buf b = { .p = mem.p, .cap = mem.n };
    const uint8_t ad = (uint8_t)kind;

    MUST(content.n <= padded && padded <= VAULT_CHUNK);
    MUST(mem.n >= VAULT_OBJECT_HEAD + padded);
    buf_put_u32(&b, (uint32_t)content.n);
    buf_put_u64(&b, salt);
    buf_put(&b, content);
    buf_put_zeros(&b, padded - content.n);
    crypt_seal_same(&keys->object, &keys->nonce, LABEL_VAULT_OBJECT, bytes_of(&ad, 1),
                    buf_bytes(&b), out);
    secret_wipe(b.p, b.n);
}

/* Length, salt, content, zeros. */
static enum err object_content(struct bytes plain, struct bytes *out)
{
    if (plain.n < VAULT_OBJECT_HEAD)
        return ERR_FORMAT;
    size_t n = load_u32(plain.p);
    if (n > plain.n - VAULT_OBJECT_HEAD)
        return ERR_FORMAT;
    uint8_t rest = 0;
    for (size_t i = VAULT_OBJECT_HEAD + n; i < plain.n; i++)
        rest |= plain.p[i];
    if (rest != 0)
        return ERR_FORMAT;
    *out = bytes_of(plain.p + VAULT_OBJECT_HEAD, n);
    return OK;
}

enum err vault_object_open(const struct vault_keys *keys, enum vault_kind kind,
                           struct bytes object, struct span out,
                           struct bytes *out_content)
{
    const uint8_t ad = (uint8_t)kind;
    size_t n = 0;

    TRY(crypt_open(&keys->object, LABEL_VAULT_OBJECT, bytes_of(&ad, 1), object, out, &n));
    return object_content(bytes_of(out.p, n), out_content);
}

/* ---- what objects add up to ---- */

const char *vault_type_name(unsigned type)
{
    switch (type) {
#define TYPE_NAME(name, number, text, what)                                              \
    case number:                                                                         \
        return text;
        VAULT_TYPES(TYPE_NAME)
#undef TYPE_NAME
    default:
        return NULL;
    }
}

unsigned vault_type_find(const char *name)
{
    for (unsigned t = VAULT_NOTE; t <= VAULT_FILE; t++) {
        if (bytes_equal(bytes_text(name), bytes_text(vault_type_name(t))))
            return t;
    }
    return 0;
}

static const struct wire_field vault_ref_fields[] = {
    W_UINT(vault_ref, changed, 1, WIRE_MUST, VAULT_TIME_MAX),
    W_FIX(vault_ref, device, 2, WIRE_MUST),
    W_UINT(vault_ref, size, 3, WIRE_MUST, UINT32_MAX),
    W_UINT(vault_ref, depth, 4, WIRE_MUST, VAULT_DEPTH_MAX),
    W_FIX(vault_ref, root, 5, WIRE_MUST),
};
static const struct wire_schema vault_ref_schema = W_SCHEMA(vault_ref, vault_ref_fields);

static const struct wire_field vault_item_fields[] = {
    W_FIX(vault_item, id, 1, WIRE_MUST),
    W_TEXT(vault_item, name, 2, WIRE_MUST, 1, VAULT_NAME_MAX),
    W_UINT(vault_item, type, 3, WIRE_MUST, VAULT_FILE),
    W_TEXT(vault_item, hint, 4, WIRE_MAY, 0, 500),
    W_TEXT(vault_item, user, 5, WIRE_MAY, 0, 200),
    W_TEXT(vault_item, url, 6, WIRE_MAY, 0, 500),
    W_UINT(vault_item, made, 7, WIRE_MUST, VAULT_TIME_MAX),
    W_UINT(vault_item, changed, 8, WIRE_MUST, VAULT_TIME_MAX),
    W_FIX(vault_item, device, 9, WIRE_MUST),
    W_UINT(vault_item, removed, 10, WIRE_MAY, VAULT_TIME_MAX),
    W_LIST(vault_item, now, 11, WIRE_MAY, 0, &vault_ref_schema),
    W_LIST(vault_item, past, 12, WIRE_MAY, 0, &vault_ref_schema),
};
const struct wire_schema vault_item_schema = W_SCHEMA(vault_item, vault_item_fields);

static const struct wire_field vault_index_fields[] = {
    W_UINT(vault_index, bits, 1, WIRE_MUST, VAULT_BITS_MAX),
    W_UINT(vault_index, items, 2, WIRE_MUST, UINT32_MAX),
    W_BYTES(vault_index, pages, 3, WIRE_MUST, VAULT_ID, 1024 * VAULT_ID),
};
const struct wire_schema vault_index_schema = W_SCHEMA(vault_index, vault_index_fields);

/* ---- states, heads, witnesses ---- */

static const struct wire_field vault_parent_fields[] = {
    W_FIX(vault_parent, hash, 1, WIRE_MUST),
};
static const struct wire_schema vault_parent_schema =
    W_SCHEMA(vault_parent, vault_parent_fields);

static const struct wire_field vault_state_fields[] = {
    W_UINT(vault_state, generation, 1, WIRE_MUST, UINT32_MAX),
    W_UINT(vault_state, version, 2, WIRE_MUST, VAULT_VERSION_MAX),
    W_UINT(vault_state, made, 3, WIRE_MUST, UINT64_MAX),
    W_FIX(vault_state, circle, 4, WIRE_MUST),
    W_FIX(vault_state, device, 5, WIRE_MUST),
    W_TEXT(vault_state, device_name, 6, WIRE_MAY, 0, 64),
    W_FIX(vault_state, index, 7, WIRE_MAY),
    W_UINT(vault_state, items, 8, WIRE_MUST, UINT32_MAX),
    W_UINT(vault_state, bytes, 9, WIRE_MUST, UINT64_MAX),
    W_LIST(vault_state, parents, 10, WIRE_MAY, 0, &vault_parent_schema),
};
const struct wire_schema vault_state_schema = W_SCHEMA(vault_state, vault_state_fields);

void vault_state_hash(const struct vault_state *s, uint8_t out[HASH_BYTES])
{
    uint8_t raw[VAULT_STATE_MAX];
    struct buf b = BUF_OF(raw);

    wire_put(&vault_state_schema, s, &b);
    MUST(!b.over);
    const struct bytes parts = buf_bytes(&b);
    crypt_hash(LABEL_VAULT_STATE_HASH, &parts, 1, (struct span){ out, HASH_BYTES });
}

/* Length as u16, the encoding, zeros up to size. */
static void padded_put(const struct wire_schema *s, const void *value, struct buf *b,
                       size_t size)
{
    buf_put_u16(b, 0);
    wire_put(s, value, b);
    MUST(!b->over && b->n <= size);
    store_u16(b->p, (uint16_t)(b->n - 2));
    buf_put_zeros(b, size - b->n);
}

static enum err padded_get(const struct wire_schema *s, struct bytes plain, void *out)
{
    if (plain.n < 2 || load_u16(plain.p) > plain.n - 2)
        return ERR_FORMAT;
    return wire_get(s, bytes_of(plain.p + 2, load_u16(plain.p)), out);
}

void vault_state_seal(const struct vault_keys *keys, const struct vault_state *s,
                      const uint8_t ward[ID_BYTES], const struct rng *rng,
                      struct buf *out)
{
    uint8_t plain[VAULT_STATE_MAX];
    struct buf b = BUF_OF(plain);

    padded_put(&vault_state_schema, s, &b, VAULT_STATE_MAX);
    crypt_seal(&keys->head, LABEL_VAULT_STATE, bytes_of(ward, ID_BYTES), buf_bytes(&b),
               rng, out);
}

enum err vault_state_open(const struct vault_keys *keys, struct bytes sealed,
                          const uint8_t ward[ID_BYTES], struct span mem,
                          struct vault_state *out)
{
    size_t n = 0;

    TRY(crypt_open(&keys->head, LABEL_VAULT_STATE, bytes_of(ward, ID_BYTES), sealed, mem,
                   &n));
    return padded_get(&vault_state_schema, bytes_of(mem.p, n), out);
}

static const struct wire_field vault_head_fields[] = {
    W_FIX(vault_head, ward, 1, WIRE_MUST),
    W_UINT(vault_head, version, 2, WIRE_MUST, VAULT_VERSION_MAX),
    W_FIX(vault_head, before, 3, WIRE_MAY),
    W_BYTES(vault_head, body, 4, WIRE_MUST, SEAL_OVERHEAD, VAULT_BODY_MAX),
    W_FIX(vault_head, signer, 5, WIRE_MUST),
    W_FIX(vault_head, let_in, 7, WIRE_MAY),
};
const struct wire_schema vault_head_schema = W_SCHEMA(vault_head, vault_head_fields);

void vault_head_make(const struct vault_head *h, const struct sign_seed *signer,
                     struct buf *out)
{
    signed_put(&vault_head_schema, h, signer, LABEL_VAULT_HEAD, out);
}

enum err vault_head_open(struct bytes raw, struct vault_head *out)
{
    struct vault_head h = { 0 };
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;

    TRY(signed_split(raw, &body, &sig));
    TRY(wire_get(&vault_head_schema, body, &h));
    TRY(crypt_verify(h.signer, LABEL_VAULT_HEAD, body, sig));
    *out = h;
    return OK;
}

void vault_signer_make(const struct sign_seed *account, const uint8_t device[PUB_BYTES],
                       uint8_t out[SIG_BYTES])
{
    crypt_sign(account, LABEL_VAULT_SIGNER, bytes_of(device, PUB_BYTES), out);
}

enum err vault_head_signer(const struct vault_head *h, const uint8_t account[PUB_BYTES])
{
    if (bytes_equal(BYTES_OF(h->signer), bytes_of(account, PUB_BYTES)))
        return OK;
    return crypt_verify(account, LABEL_VAULT_SIGNER, BYTES_OF(h->signer), h->let_in);
}

void vault_head_hash(struct bytes raw, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_VAULT_HEAD, &raw, 1, (struct span){ out, HASH_BYTES });
}

static const struct wire_field vault_sight_fields[] = {
    W_FIX(vault_sight, ward, 1, WIRE_MUST),
    W_FIX(vault_sight, seat, 2, WIRE_MUST),
    W_UINT(vault_sight, version, 3, WIRE_MUST, VAULT_VERSION_MAX),
    W_FIX(vault_sight, state, 4, WIRE_MUST),
    W_FIX(vault_sight, incarnation, 5, WIRE_MUST),
    W_UINT(vault_sight, seen, 6, WIRE_MUST, UINT64_MAX),
    W_UINT(vault_sight, height, 7, WIRE_MAY, VAULT_VERSION_MAX),
};
static const struct wire_schema vault_sight_schema =
    W_SCHEMA(vault_sight, vault_sight_fields);

static const struct wire_field vault_witness_fields[] = {
    W_FIX(vault_witness, state, 1, WIRE_MUST),
    W_UINT(vault_witness, version, 2, WIRE_MUST, VAULT_VERSION_MAX),
    W_UINT(vault_witness, made, 3, WIRE_MUST, UINT64_MAX),
    W_UINT(vault_witness, epoch, 4, WIRE_MAY, UINT32_MAX),
    W_FIX(vault_witness, manifest_hash, 5, WIRE_MAY),
    W_LIST(vault_witness, seats, 6, WIRE_MAY, 0, &vault_sight_schema),
};
const struct wire_schema vault_witness_schema =
    W_SCHEMA(vault_witness, vault_witness_fields);

enum { SIGHT_BYTES = 116 }; /* the longest encoding of one, with what a list adds */

void vault_witness_seal(const struct vault_keys *keys, const struct vault_witness *w,
                        const uint8_t ward[ID_BYTES], const struct rng *rng,
                        struct buf *out)
{
    uint8_t plain[256 + PIECES_MAX * SIGHT_BYTES];
    struct buf b = BUF_OF(plain);
    /* The number of seats shows in steps of eight only. */
    size_t seats = (w->n_seats + 7) / 8 * 8;

    padded_put(&vault_witness_schema, w, &b, 256 + seats * SIGHT_BYTES);
    crypt_seal(&keys->head, LABEL_VAULT_WITNESS, bytes_of(ward, ID_BYTES), buf_bytes(&b),
               rng, out);
}

enum err vault_witness_open(const struct vault_keys *keys, struct bytes sealed,
                            const uint8_t ward[ID_BYTES], struct span mem,
                            struct vault_witness *out)
{
    size_t n = 0;

    TRY(crypt_open(&keys->head, LABEL_VAULT_WITNESS, bytes_of(ward, ID_BYTES), sealed,
                   mem, &n));
    return padded_get(&vault_witness_schema, bytes_of(mem.p, n), out);
}

/* ---- frames ---- */

void vault_frame_put(struct bytes object, struct buf *out)
{
    buf_put_u32(out, (uint32_t)object.n);
    buf_put(out, object);
}

enum err vault_frame_next(struct bytes *io_in, struct bytes *out_object)
{
    struct bytes in = *io_in;
    struct bytes length = { 0 };
    struct bytes object = { 0 };

    TRY(bytes_take(&in, 4, &length));
    TRY(bytes_take(&in, load_u32(length.p), &object));
    *io_in = in;
    *out_object = object;
    return OK;
}
