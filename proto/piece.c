/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/piece.h"

#include "proto/piece_part.h"

/* ---- fields ---- */

static const struct wire_field manifest_group_fields[] = {
    W_UINT(manifest_group, t, 1, WIRE_MUST, GROUPS_MAX),
    W_UINT(manifest_group, n, 2, WIRE_MUST, GROUPS_MAX),
};
static const struct wire_schema manifest_group_schema =
    W_SCHEMA(manifest_group, manifest_group_fields);

static const struct wire_field manifest_piece_fields[] = {
    W_UINT(manifest_piece, group, 1, WIRE_MUST, GROUPS_MAX - 1),
    W_UINT(manifest_piece, index, 2, WIRE_MUST, GROUPS_MAX - 1),
    W_UINT(manifest_piece, kind, 3, WIRE_MUST, PIECE_CARD),
    W_FIX(manifest_piece, piece_key, 4, WIRE_MUST),
    W_FIX(manifest_piece, approval, 5, WIRE_MAY),
};
static const struct wire_schema manifest_piece_schema =
    W_SCHEMA(manifest_piece, manifest_piece_fields);

static const struct wire_field manifest_fields[] = {
    W_UINT(manifest, version, 1, WIRE_MUST, 1),
    W_FIX(manifest, circle, 2, WIRE_MUST),
    W_UINT(manifest, epoch, 3, WIRE_MUST, UINT32_MAX),
    W_FIX(manifest, owner, 4, WIRE_MUST),
    W_UINT(manifest, group_threshold, 5, WIRE_MUST, GROUPS_MAX),
    W_LIST(manifest, groups, 6, WIRE_MUST, 1, &manifest_group_schema),
    W_LIST(manifest, pieces, 7, WIRE_MUST, 2, &manifest_piece_schema),
    W_UINT(manifest, hold, 8, WIRE_MUST, HOLD_MAX_S),
    W_UINT(manifest, stop_hold, 9, WIRE_MUST, STOP_HOLD_MAX_S),
    W_UINT(manifest, made, 10, WIRE_MUST, UINT64_MAX),
    W_FIX(manifest, previous, 11, WIRE_MAY),
    W_FIX(manifest, move, 12, WIRE_MAY),
    W_FIX(manifest, wrapped, 13, WIRE_MUST),
};
const struct wire_schema manifest_schema = W_SCHEMA(manifest, manifest_fields);

static const struct wire_field descriptor_piece_fields[] = {
    W_UINT(descriptor_piece, group, 1, WIRE_MUST, GROUPS_MAX - 1),
    W_FIX(descriptor_piece, ack, 2, WIRE_MUST),
    W_FIX(descriptor_piece, approval, 3, WIRE_MUST),
};
static const struct wire_schema descriptor_piece_schema =
    W_SCHEMA(descriptor_piece, descriptor_piece_fields);

static const struct wire_field descriptor_fields[] = {
    W_UINT(descriptor, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_FIX(descriptor, manifest_hash, 2, WIRE_MUST),
    W_UINT(descriptor, group_threshold, 3, WIRE_MUST, GROUPS_MAX),
    W_LIST(descriptor, groups, 4, WIRE_MUST, 1, &manifest_group_schema),
    W_LIST(descriptor, pieces, 5, WIRE_MUST, 1, &descriptor_piece_schema),
    W_FIX(descriptor, body, 6, WIRE_MUST),
};
const struct wire_schema descriptor_schema = W_SCHEMA(descriptor, descriptor_fields);

static const struct wire_field roster_address_fields[] = {
    W_BYTES(roster_address, at, 1, WIRE_MUST, 3, ADDRESS_MAX),
};
const struct wire_schema roster_address_schema =
    W_SCHEMA(roster_address, roster_address_fields);

static const struct wire_field roster_entry_fields[] = {
    W_TEXT(roster_entry, name, 1, WIRE_MUST, 1, NAME_MAX_BYTES),
    W_TEXT(roster_entry, reach, 2, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_FIX(roster_entry, node_key, 3, WIRE_MUST),
    W_FIX(roster_entry, seat, 4, WIRE_MUST),
    W_UINT(roster_entry, generation, 5, WIRE_MUST, UINT32_MAX),
    W_FIX(roster_entry, sign_pub, 6, WIRE_MUST),
    W_FIX(roster_entry, seal_pub, 7, WIRE_MUST),
    W_FIX(roster_entry, credential, 8, WIRE_MUST),
    W_LIST(roster_entry, addresses, 9, WIRE_MUST, 1, &roster_address_schema),
};
static const struct wire_schema roster_entry_schema =
    W_SCHEMA(roster_entry, roster_entry_fields);

static const struct wire_field roster_card_fields[] = {
    W_TEXT(roster_card, name, 1, WIRE_MUST, 1, NAME_MAX_BYTES),
    W_TEXT(roster_card, reach, 2, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_UINT(roster_card, group, 3, WIRE_MUST, GROUPS_MAX - 1),
    W_UINT(roster_card, index, 4, WIRE_MUST, 15),
};
const struct wire_schema roster_card_schema = W_SCHEMA(roster_card, roster_card_fields);

static const struct wire_field roster_fields[] = {
    W_FIX(roster, circle, 1, WIRE_MUST),
    W_UINT(roster, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_LIST(roster, entries, 3, WIRE_MUST, 1, &roster_entry_schema),
    W_LIST(roster, cards, 5, WIRE_MAY, 0, &roster_card_schema),
};
const struct wire_schema roster_schema = W_SCHEMA(roster, roster_fields);

/* ---- manifest ---- */

/* Bytes of the last field, W_e: its key, bin 8 with length 72, 72 bytes. */
enum { WRAPPED_FIELD = 1 + 2 + WRAPPED_BYTES };

static enum err groups_check(const struct manifest_group *groups, uint32_t n,
                             uint8_t group_threshold)
{
    if (n < 1 || n > GROUPS_MAX || group_threshold < 1 || group_threshold > n)
        return ERR_FORMAT;
    for (uint32_t g = 0; g < n; g++) {
        if (groups[g].t < 1 || groups[g].n < groups[g].t || groups[g].n > GROUPS_MAX)
            return ERR_FORMAT;
        /* SLIP-39: a threshold of 1 with several members is not allowed. */
        if (groups[g].t == 1 && groups[g].n > 1)
            return ERR_FORMAT;
    }
    return OK;
}

/* For public values: stops at the first byte that is not zero. */
static bool is_zero(struct bytes b)
{
    size_t i = 0;

    while (i < b.n && b.p[i] == 0)
        i++;
    return i == b.n;
}

static enum err pieces_check(const struct manifest *m)
{
    uint32_t seen[GROUPS_MAX] = { 0 };
    uint32_t total = 0;

    for (uint32_t g = 0; g < m->n_groups; g++)
        total += m->groups[g].n;
    if (m->n_pieces != total || total > PIECES_MAX)
        return ERR_FORMAT;
    for (uint32_t i = 0; i < m->n_pieces; i++) {
        const struct manifest_piece *p = &m->pieces[i];

        if (p->group >= m->n_groups || p->index >= m->groups[p->group].n)
            return ERR_FORMAT;
        if ((seen[p->group] & (1U << p->index)) != 0)
            return ERR_FORMAT;
        seen[p->group] |= 1U << p->index;
        if (p->kind != PIECE_NODE && p->kind != PIECE_CARD)
            return ERR_FORMAT;
        /* A guardian without an approval key could never let the piece go. */
        if ((p->kind == PIECE_CARD) != is_zero(BYTES_OF(p->approval)))
            return ERR_FORMAT;
    }
    return OK;
}

enum err manifest_check(const struct manifest *m)
{
    if (m->version != 1)
        return ERR_VERSION;
    TRY(groups_check(m->groups, m->n_groups, m->group_threshold));
    if (manifest_need(m) < 2 || m->epoch < 1)
        return ERR_FORMAT;
    return pieces_check(m);
}

unsigned manifest_need(const struct manifest *m)
{
    uint8_t t[GROUPS_MAX] = { 0 };
    unsigned need = 0;

    for (uint32_t g = 0; g < m->n_groups; g++)
        t[g] = m->groups[g].t;
    /* Selection of the smallest thresholds; at most 16 of them. */
    for (uint32_t i = 0; i < m->group_threshold; i++) {
        uint32_t least = i;

        for (uint32_t j = i + 1; j < m->n_groups; j++)
            least = t[j] < t[least] ? j : least;
        uint8_t swap = t[i];
        t[i] = t[least];
        t[least] = swap;
        need += t[i];
    }
    return need;
}

const struct manifest_piece *manifest_find(const struct manifest *m,
                                           const uint8_t piece_key[PUB_BYTES])
{
    for (uint32_t i = 0; i < m->n_pieces; i++)
        if (bytes_equal(BYTES_OF(m->pieces[i].piece_key), bytes_of(piece_key, PUB_BYTES)))
            return &m->pieces[i];
    return NULL;
}

void kek_of(const struct escrow_key *escrow, const uint8_t circle[ID_BYTES],
            uint32_t epoch, struct seal_key *out)
{
    uint8_t number[4];

    store_u32(number, epoch);
    crypt_keyed(escrow->b, LABEL_KEK, PARTS(bytes_of(circle, ID_BYTES), BYTES_OF(number)),
                SPAN_OF(out->b));
}

static void before_hash(struct bytes before, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_MANIFEST_BEFORE, &before, 1, (struct span){ out, HASH_BYTES });
}

void manifest_before(struct bytes raw, uint8_t out[HASH_BYTES])
{
    MUST(raw.n > SIG_BYTES + WRAPPED_FIELD);
    before_hash(bytes_of(raw.p, raw.n - SIG_BYTES - WRAPPED_FIELD), out);
}

enum err manifest_make(struct manifest *m, const struct root_key *root,
                       const struct escrow_key *escrow, const struct rng *rng,
                       struct buf *out)
{
    AUTO_SECRET struct sign_seed *owner = NULL;
    AUTO_SECRET struct seal_key *kek = NULL;
    size_t from = out->n;
    uint8_t before[HASH_BYTES];

    TRY(secret_new(&owner));
    TRY(secret_new(&kek));
    TRY(ident_owner(root, owner));
    crypt_sign_public(owner, m->owner);
    enum err sound = manifest_check(m);
    MUST(sound == OK);

    /* W_e is last and of fixed size: encode once with zeros, wrap, put it in place. */
    memset(m->wrapped, 0, sizeof m->wrapped);
    wire_put(&manifest_schema, m, out);
    if (out->over)
        return ERR_TOO_BIG;
    before_hash(bytes_of(out->p + from, out->n - from - WRAPPED_FIELD), before);
    kek_of(escrow, m->circle, m->epoch, kek);
    struct buf wrapped = BUF_OF(m->wrapped);
    crypt_seal(kek, LABEL_KEK, BYTES_OF(before), BYTES_OF(root->b), rng, &wrapped);
    MUST(!wrapped.over && wrapped.n == WRAPPED_BYTES);
    memcpy(out->p + out->n - WRAPPED_BYTES, m->wrapped, WRAPPED_BYTES);
    signed_tail(out, from, owner, LABEL_MANIFEST);
    return out->over || out->n - from > MANIFEST_MAX ? ERR_TOO_BIG : OK;
}

enum err manifest_open(struct bytes raw, struct manifest *out)
{
    AUTO_FREE struct manifest *m = NULL;
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;

    if (raw.n > MANIFEST_MAX)
        return ERR_TOO_BIG;
    TRY(signed_split(raw, &body, &sig));
    m = calloc(1, sizeof *m);
    if (m == NULL)
        return ERR_NOMEM;
    TRY(wire_get(&manifest_schema, body, m));
    TRY(crypt_verify(m->owner, LABEL_MANIFEST, body, sig));
    TRY(manifest_check(m));
    *out = *m;
    return OK;
}

void manifest_body(struct bytes raw, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_MANIFEST_BODY, &raw, 1, (struct span){ out, HASH_BYTES });
}

enum err manifest_hash(struct bytes raw, uint8_t out[HASH_BYTES])
{
    static const uint8_t unnamed[HASH_BYTES];
    AUTO_FREE struct manifest *m = NULL;
    AUTO_FREE struct descriptor *d = NULL;
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;

    if (raw.n > MANIFEST_MAX)
        return ERR_TOO_BIG;
    TRY(signed_split(raw, &body, &sig));
    m = calloc(1, sizeof *m);
    d = calloc(1, sizeof *d);
    if (m == NULL || d == NULL)
        return ERR_NOMEM;
    TRY(wire_get(&manifest_schema, body, m));
    descriptor_of(m, unnamed, d);
    manifest_body(raw, d->body);
    descriptor_name(d, m->hold, m->stop_hold, out);
    return OK;
}

enum err manifest_unwrap(struct bytes raw, const struct escrow_key *escrow,
                         struct root_key *out)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    AUTO_SECRET struct root_key *root = NULL;
    AUTO_SECRET struct sign_seed *owner = NULL;
    AUTO_SECRET struct seal_key *kek = NULL;
    uint8_t before[HASH_BYTES];
    uint8_t pub[PUB_BYTES];
    size_t n = 0;

    if (m == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&root));
    TRY(secret_new(&owner));
    TRY(secret_new(&kek));
    TRY(manifest_open(raw, m));
    manifest_before(raw, before);
    kek_of(escrow, m->circle, m->epoch, kek);
    TRY(crypt_open(kek, LABEL_KEK, BYTES_OF(before), BYTES_OF(m->wrapped),
                   SPAN_OF(root->b), &n));
    TRY(ident_owner(root, owner));
    crypt_sign_public(owner, pub);
    secret_public(pub, sizeof pub);
    if (!bytes_equal(BYTES_OF(pub), BYTES_OF(m->owner)))
        return ERR_SIGNATURE;
    *out = *root;
    return OK;
}

void manifest_seal(const struct seal_key *key, const uint8_t hash[HASH_BYTES],
                   struct bytes raw, const struct rng *rng, struct buf *out)
{
    crypt_seal(key, LABEL_MANIFEST_SEAL, bytes_of(hash, HASH_BYTES), raw, rng, out);
}

enum err manifest_unseal(const struct seal_key *key, const uint8_t hash[HASH_BYTES],
                         struct bytes sealed, struct span out, size_t *out_n)
{
    uint8_t got[HASH_BYTES];
    size_t n = 0;

    TRY(crypt_open(key, LABEL_MANIFEST_SEAL, bytes_of(hash, HASH_BYTES), sealed, out,
                   &n));
    /* Whoever has the key could seal other bytes under this hash. */
    enum err e = manifest_hash(bytes_of(out.p, n), got);
    if (e == ERR_NOMEM)
        return e;
    if (e != OK || !bytes_equal(BYTES_OF(got), bytes_of(hash, HASH_BYTES)))
        return ERR_AUTH;
    *out_n = n;
    return OK;
}

void piece_seed(const uint8_t piece[PIECE_BYTES], struct sign_seed *out)
{
    /* Keyed with the value, over the header: a BLAKE2b key is 32 bytes, a piece 37. */
    crypt_keyed(piece + (PIECE_BYTES - KEY_BYTES), LABEL_PIECE_KEY,
                PARTS(bytes_of(piece, PIECE_BYTES - KEY_BYTES)), SPAN_OF(out->b));
}

void piece_public(const uint8_t piece[PIECE_BYTES], uint8_t out_pub[PUB_BYTES])
{
    struct sign_seed seed;

    piece_seed(piece, &seed);
    crypt_sign_public(&seed, out_pub);
    secret_wipe(&seed, sizeof seed);
}

/* ---- descriptor ---- */

void descriptor_make(const struct descriptor *d, const struct sign_seed *account,
                     struct buf *out)
{
    signed_put(&descriptor_schema, d, account, LABEL_DESCRIPTOR, out);
}

enum err descriptor_open(struct bytes raw, const uint8_t account[PUB_BYTES],
                         struct descriptor *out)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);

    if (d == NULL)
        return ERR_NOMEM;
    TRY(signed_get(&descriptor_schema, raw, account, LABEL_DESCRIPTOR, d));
    TRY(groups_check(d->groups, d->n_groups, d->group_threshold));
    for (uint32_t i = 0; i < d->n_pieces; i++)
        if (d->pieces[i].group >= d->n_groups)
            return ERR_FORMAT;
    *out = *d;
    return OK;
}

void descriptor_of(const struct manifest *m, const uint8_t hash[HASH_BYTES],
                   struct descriptor *out)
{
    *out = (struct descriptor){ .epoch = m->epoch,
                                .group_threshold = m->group_threshold,
                                .n_groups = m->n_groups };
    memcpy(out->manifest_hash, hash, HASH_BYTES);
    memcpy(out->groups, m->groups, sizeof out->groups);
    for (uint32_t i = 0; i < m->n_pieces; i++) {
        const struct manifest_piece *p = &m->pieces[i];

        if (p->kind != PIECE_NODE)
            continue;
        out->pieces[out->n_pieces].group = p->group;
        memcpy(out->pieces[out->n_pieces++].approval, p->approval, PUB_BYTES);
    }
}

/* All fields of fixed size, counts before what they count: one text for one meaning. */
enum {
    NAME_GROUPS = 2 * GROUPS_MAX,
    NAME_PIECES = (1 + PUB_BYTES) * PIECES_MAX,
    NAME_BYTES = 3 * 4 + 3 + NAME_GROUPS + NAME_PIECES + HASH_BYTES
};

void descriptor_name(const struct descriptor *d, uint32_t hold, uint32_t stop_hold,
                     uint8_t out[HASH_BYTES])
{
    uint8_t mem[NAME_BYTES];
    struct buf b = BUF_OF(mem);

    buf_put_u32(&b, d->epoch);
    buf_put_u32(&b, hold);
    buf_put_u32(&b, stop_hold);
    buf_put_u8(&b, d->group_threshold);
    buf_put_u8(&b, (uint8_t)d->n_groups);
    for (uint32_t i = 0; i < d->n_groups; i++) {
        buf_put_u8(&b, d->groups[i].t);
        buf_put_u8(&b, d->groups[i].n);
    }
    buf_put_u8(&b, (uint8_t)d->n_pieces);
    for (uint32_t i = 0; i < d->n_pieces; i++) {
        buf_put_u8(&b, d->pieces[i].group);
        buf_put(&b, BYTES_OF(d->pieces[i].approval));
    }
    buf_put(&b, BYTES_OF(d->body));
    MUST(!b.over);
    crypt_hash(LABEL_MANIFEST, PARTS(buf_bytes(&b)), (struct span){ out, HASH_BYTES });
}

enum err descriptor_fits(struct bytes raw, const struct manifest *m,
                         const uint8_t manifest_hash_[HASH_BYTES])
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    struct bytes want = bytes_of(manifest_hash_, HASH_BYTES);
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;
    uint8_t name[HASH_BYTES];

    if (d == NULL)
        return ERR_NOMEM;
    TRY(signed_split(raw, &body, &sig));
    TRY(wire_get(&descriptor_schema, body, d));
    descriptor_name(d, m->hold, m->stop_hold, name);
    bool fits = bytes_equal(BYTES_OF(name), want) &&
                bytes_equal(BYTES_OF(d->manifest_hash), want);
    return fits ? OK : ERR_CONFLICT;
}

/* ---- roster ---- */

enum err roster_seal(const struct roster *r, const struct seal_key *key,
                     const uint8_t manifest_hash_[HASH_BYTES], const struct rng *rng,
                     struct buf *out)
{
    AUTO_FREE uint8_t *plain = calloc(1, ROSTER_MAX);

    if (plain == NULL)
        return ERR_NOMEM;
    struct buf encoded = { .p = plain, .cap = ROSTER_MAX };
    wire_put(&roster_schema, r, &encoded);
    bool fits = !encoded.over;
    if (fits)
        crypt_seal(key, LABEL_ROSTER_SEAL, bytes_of(manifest_hash_, HASH_BYTES),
                   buf_bytes(&encoded), rng, out);
    secret_wipe(plain, ROSTER_MAX);
    return fits && !out->over ? OK : ERR_TOO_BIG;
}

enum err roster_open(const struct seal_key *key, const uint8_t manifest_hash_[HASH_BYTES],
                     struct bytes sealed, struct span plain, struct roster *out)
{
    size_t n = 0;

    TRY(crypt_open(key, LABEL_ROSTER_SEAL, bytes_of(manifest_hash_, HASH_BYTES), sealed,
                   plain, &n));
    return wire_get(&roster_schema, bytes_of(plain.p, n), out);
}
