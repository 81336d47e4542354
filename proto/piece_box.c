/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/piece_part.h"

/* ---- fields ---- */

static const struct wire_field box_about_fields[] = {
    W_UINT(box_about, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_FIX(box_about, manifest_hash, 2, WIRE_MUST),
    W_UINT(box_about, group, 3, WIRE_MUST, GROUPS_MAX - 1),
    W_UINT(box_about, index, 4, WIRE_MUST, GROUPS_MAX - 1),
    W_FIX(box_about, seat, 5, WIRE_MUST),
    W_FIX(box_about, seal_pub, 6, WIRE_MUST),
};
const struct wire_schema box_about_schema = W_SCHEMA(box_about, box_about_fields);

static const struct wire_field box_content_fields[] = {
    W_FIX(box_content, circle, 1, WIRE_MUST),
    W_FIX(box_content, owner, 2, WIRE_MUST),
    W_TEXT(box_content, name, 3, WIRE_MUST, 1, NAME_MAX_BYTES),
    W_TEXT(box_content, about, 4, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_FIX(box_content, key, 5, WIRE_MUST),
    W_FIX(box_content, piece, 6, WIRE_MAY),
};
const struct wire_schema box_content_schema = W_SCHEMA(box_content, box_content_fields);

static const struct wire_field note_fields[] = {
    W_TEXT(note, label, 1, WIRE_MUST, 1, NAME_MAX_BYTES),
    W_FIX(note, circle, 2, WIRE_MUST),
    W_FIX(note, owner, 3, WIRE_MUST),
    W_TEXT(note, contact, 4, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_TEXT(note, about, 5, WIRE_MAY, 0, TEXT_MAX_BYTES),
};
const struct wire_schema note_schema = W_SCHEMA(note, note_fields);

/* ---- boxes ---- */

static enum label box_label(enum box_kind kind)
{
    return kind == BOX_OF_PIECE ? LABEL_BOX_PIECE : LABEL_BOX_ROSTER;
}

static void about_put(const struct box_about *about, struct buf *out)
{
    wire_put(&box_about_schema, about, out);
    MUST(!out->over);
}

/* Signs or checks: label of the box's kind, about, content. */
static void inner_hash(enum box_kind kind, struct bytes about, struct bytes content,
                       uint8_t out[HASH_BYTES])
{
    const char *label = label_text(box_label(kind));

    crypt_hash(LABEL_BOX_INNER, PARTS(bytes_text(label), about, content),
               (struct span){ out, HASH_BYTES });
}

enum err box_seal(enum box_kind kind, const struct box_about *about,
                  const struct box_content *content, const struct sign_seed *owner,
                  const struct rng *rng, struct buf *out)
{
    AUTO_SECRET uint8_t *plain = NULL;
    uint8_t ad[128];
    uint8_t hash[HASH_BYTES];
    uint8_t sig[SIG_BYTES];

    TRY(secret_alloc(BOX_MAX, (void **)&plain));
    struct buf ad_buf = BUF_OF(ad);
    struct buf inner = { .p = plain, .cap = BOX_MAX - BOX_OVERHEAD };
    about_put(about, &ad_buf);
    wire_put(&box_content_schema, content, &inner);
    if (inner.over)
        return ERR_TOO_BIG;
    inner_hash(kind, buf_bytes(&ad_buf), buf_bytes(&inner), hash);
    crypt_sign(owner, LABEL_BOX_INNER, BYTES_OF(hash), sig);
    buf_put(&inner, BYTES_OF(sig));
    if (inner.over)
        return ERR_TOO_BIG;
    TRY(crypt_box_seal(about->seal_pub, box_label(kind), buf_bytes(&ad_buf),
                       buf_bytes(&inner), rng, out));
    return out->over ? ERR_TOO_BIG : OK;
}

enum err box_open(enum box_kind kind, const struct box_about *about,
                  const struct dh_key *seal, struct bytes box, struct span plain,
                  struct box_content *out)
{
    static const uint8_t none[PIECE_BYTES];
    AUTO_SECRET struct box_content *content = NULL;
    uint8_t ad[128];
    uint8_t hash[HASH_BYTES];
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;
    size_t n = 0;

    TRY(secret_new(&content));
    struct buf ad_buf = BUF_OF(ad);
    about_put(about, &ad_buf);
    TRY(crypt_box_open(seal, box_label(kind), buf_bytes(&ad_buf), box, plain, &n));
    TRY(signed_split(bytes_of(plain.p, n), &body, &sig));
    TRY(wire_get(&box_content_schema, body, content));
    inner_hash(kind, buf_bytes(&ad_buf), body, hash);
    TRY(crypt_verify(content->owner, LABEL_BOX_INNER, BYTES_OF(hash), sig));
    bool has_piece = !secret_equal(content->piece, none, PIECE_BYTES);
    secret_public(&has_piece, sizeof has_piece);
    if (has_piece != (kind == BOX_OF_PIECE))
        return ERR_FORMAT;
    *out = *content;
    return OK;
}

enum { NOTE_MAX = 2048 };

enum err note_seal(const struct note *n, const uint8_t seal_pub[PUB_BYTES],
                   const uint8_t seat[ID_BYTES], const struct rng *rng, struct buf *out)
{
    uint8_t plain[NOTE_MAX];
    struct buf encoded = BUF_OF(plain);

    wire_put(&note_schema, n, &encoded);
    if (encoded.over)
        return ERR_TOO_BIG;
    TRY(crypt_box_seal(seal_pub, LABEL_BOX_NOTE, bytes_of(seat, ID_BYTES),
                       buf_bytes(&encoded), rng, out));
    return out->over ? ERR_TOO_BIG : OK;
}

enum err note_open(const struct dh_key *seal, const uint8_t seat[ID_BYTES],
                   struct bytes sealed, struct span plain, struct note *out)
{
    size_t n = 0;

    TRY(crypt_box_open(seal, LABEL_BOX_NOTE, bytes_of(seat, ID_BYTES), sealed, plain,
                       &n));
    return wire_get(&note_schema, bytes_of(plain.p, n), out);
}

/* ---- release ---- */

static void release_ad(struct bytes t, const uint8_t *hash, uint8_t out[2 * HASH_BYTES])
{
    transcript_hash(t, out);
    memcpy(out + HASH_BYTES, hash, HASH_BYTES);
}

enum { RELEASE_BYTES = PIECE_BYTES + KEY_BYTES };

enum err release_seal(const uint8_t req_seal[PUB_BYTES], struct bytes t,
                      const uint8_t manifest_hash_[HASH_BYTES],
                      const uint8_t piece[PIECE_BYTES],
                      const struct seal_key *manifest_key, const struct rng *rng,
                      struct buf *out)
{
    AUTO_SECRET uint8_t *plain = NULL;
    uint8_t ad[2 * HASH_BYTES];

    TRY(secret_alloc(RELEASE_BYTES, (void **)&plain));
    memcpy(plain, piece, PIECE_BYTES);
    memcpy(plain + PIECE_BYTES, manifest_key->b, KEY_BYTES);
    release_ad(t, manifest_hash_, ad);
    TRY(crypt_box_seal(req_seal, LABEL_BOX_RELEASE, BYTES_OF(ad),
                       bytes_of(plain, RELEASE_BYTES), rng, out));
    return out->over ? ERR_TOO_BIG : OK;
}

enum err release_open(const struct dh_key *req_seal, struct bytes t,
                      const uint8_t manifest_hash_[HASH_BYTES], struct bytes box,
                      uint8_t out_piece[PIECE_BYTES], struct seal_key *out_manifest_key)
{
    AUTO_SECRET uint8_t *plain = NULL;
    uint8_t ad[2 * HASH_BYTES];
    size_t n = 0;

    TRY(secret_alloc(RELEASE_BYTES, (void **)&plain));
    release_ad(t, manifest_hash_, ad);
    TRY(crypt_box_open(req_seal, LABEL_BOX_RELEASE, BYTES_OF(ad), box,
                       (struct span){ plain, RELEASE_BYTES }, &n));
    if (n != RELEASE_BYTES)
        return ERR_FORMAT;
    memcpy(out_piece, plain, PIECE_BYTES);
    memcpy(out_manifest_key->b, plain + PIECE_BYTES, KEY_BYTES);
    return OK;
}

enum err release_roster_seal(const uint8_t req_seal[PUB_BYTES], struct bytes t,
                             const uint8_t manifest_hash_[HASH_BYTES],
                             const struct seal_key *roster_key, const struct rng *rng,
                             struct buf *out)
{
    uint8_t ad[2 * HASH_BYTES];

    release_ad(t, manifest_hash_, ad);
    TRY(crypt_box_seal(req_seal, LABEL_BOX_RELEASE_ROSTER, BYTES_OF(ad),
                       BYTES_OF(roster_key->b), rng, out));
    return out->over ? ERR_TOO_BIG : OK;
}

enum err release_roster_open(const struct dh_key *req_seal, struct bytes t,
                             const uint8_t manifest_hash_[HASH_BYTES], struct bytes box,
                             struct seal_key *out_roster_key)
{
    AUTO_SECRET struct seal_key *key = NULL;
    uint8_t ad[2 * HASH_BYTES];
    size_t n = 0;

    TRY(secret_new(&key));
    release_ad(t, manifest_hash_, ad);
    TRY(crypt_box_open(req_seal, LABEL_BOX_RELEASE_ROSTER, BYTES_OF(ad), box,
                       SPAN_OF(key->b), &n));
    if (n != KEY_BYTES)
        return ERR_FORMAT;
    *out_roster_key = *key;
    return OK;
}
