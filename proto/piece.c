/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/piece.h"

/* ---- names ---- */

static const char *name_of(const char *const *names, size_t n, unsigned i)
{
    return i < n && names[i] != NULL ? names[i] : "unknown";
}

#define NAME_OF(names, i) name_of(names, sizeof(names) / sizeof((names)[0]), i)

const char *request_kind_name(unsigned kind)
{
    static const char *const names[] = {
        [REQUEST_RESTORE] = "restore",
        [REQUEST_CONFIRM] = "confirm",
        [REQUEST_MOVE] = "move",
    };

    return NAME_OF(names, kind);
}

const char *purpose_name(unsigned purpose)
{
    static const char *const names[] = {
        [PURPOSE_RESTORE] = "restore", [PURPOSE_ENROL] = "enrol",
        [PURPOSE_EPOCH] = "epoch",     [PURPOSE_END] = "end",
        [PURPOSE_MOVE] = "move",
    };

    return NAME_OF(names, purpose);
}

const char *request_state_name(unsigned state)
{
    static const char *const names[] = {
        [STATE_OPENED] = "opened",     [STATE_LIVE] = "live",
        [STATE_APPROVED] = "approved", [STATE_CONTESTED] = "contested",
        [STATE_LOCKED] = "locked",     [STATE_RELEASED] = "released",
        [STATE_REFUSED] = "refused",   [STATE_EXPIRED] = "expired",
    };

    return NAME_OF(names, state);
}

const char *epoch_state_name(unsigned state)
{
    static const char *const names[] = {
        [EPOCH_NEXT_KEY] = "next",
        [EPOCH_PREPARED] = "prepared",
        [EPOCH_ACTIVE] = "active",
        [EPOCH_SUPERSEDED] = "superseded",
    };

    return NAME_OF(names, state);
}

static const char *const how_names[] = {
    [HOW_MET] = "met",           [HOW_VIDEO] = "video",   [HOW_VOUCHED] = "vouched",
    [HOW_QUESTION] = "question", [HOW_CALLED] = "called",
};

const char *how_name(unsigned how)
{
    return NAME_OF(how_names, how);
}

enum err how_find(const char *name, uint8_t *out_how)
{
    for (uint8_t i = HOW_MET; i <= HOW_CALLED; i++) {
        if (strcmp(how_names[i], name) != 0)
            continue;
        *out_how = i;
        return OK;
    }
    return ERR_ARG;
}

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

static const struct wire_field roster_fields[] = {
    W_FIX(roster, circle, 1, WIRE_MUST),
    W_UINT(roster, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_LIST(roster, entries, 3, WIRE_MUST, 1, &roster_entry_schema),
};
const struct wire_schema roster_schema = W_SCHEMA(roster, roster_fields);

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

static const struct wire_field view_epoch_fields[] = {
    W_UINT(view_epoch, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_FIX(view_epoch, manifest_hash, 2, WIRE_MUST),
    W_UINT(view_epoch, hold, 3, WIRE_MUST, HOLD_MAX_S),
    W_UINT(view_epoch, stop_hold, 4, WIRE_MUST, STOP_HOLD_MAX_S),
};
static const struct wire_schema view_epoch_schema =
    W_SCHEMA(view_epoch, view_epoch_fields);

static const struct wire_field view_fields[] = {
    W_FIX(view, request, 1, WIRE_MUST),
    W_UINT(view, kind, 2, WIRE_MUST, REQUEST_MOVE),
    W_UINT(view, purpose, 3, WIRE_MUST, PURPOSE_MOVE),
    W_FIX(view, subject, 4, WIRE_MAY),
    W_FIX(view, ward, 5, WIRE_MUST),
    W_LIST(view, epochs, 6, WIRE_MAY, 0, &view_epoch_schema),
    W_UINT(view, opened, 7, WIRE_MUST, UINT64_MAX),
    W_UINT(view, expires, 8, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema view_schema = W_SCHEMA(view, view_fields);

static const struct wire_field transcript_fields[] = {
    W_BYTES(transcript, view, 1, WIRE_MUST, 64, SIGNED_MAX),
    W_FIX(transcript, req_static, 2, WIRE_MUST),
    W_FIX(transcript, req_seal, 3, WIRE_MUST),
    W_FIX(transcript, req_sign, 4, WIRE_MUST),
    W_FIX(transcript, node_key, 5, WIRE_MUST),
    W_FIX(transcript, guard_sign, 6, WIRE_MUST),
    W_FIX(transcript, guard_seal, 7, WIRE_MUST),
    W_FIX(transcript, owner, 8, WIRE_MAY),
};
const struct wire_schema transcript_schema = W_SCHEMA(transcript, transcript_fields);

static const struct wire_field statement_epoch_fields[] = {
    W_UINT(statement_epoch, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_FIX(statement_epoch, manifest_hash, 2, WIRE_MUST),
    W_UINT(statement_epoch, opened, 3, WIRE_MUST, 2),
};
static const struct wire_schema statement_epoch_schema =
    W_SCHEMA(statement_epoch, statement_epoch_fields);

static const struct wire_field statement_fields[] = {
    W_UINT(statement, kind, 1, WIRE_MUST, REQUEST_MOVE),
    W_UINT(statement, purpose, 2, WIRE_MUST, PURPOSE_MOVE),
    W_FIX(statement, subject, 3, WIRE_MAY),
    W_FIX(statement, request, 4, WIRE_MUST),
    W_FIX(statement, req_sign, 5, WIRE_MUST),
    W_LIST(statement, epochs, 6, WIRE_MAY, 0, &statement_epoch_schema),
    W_FIX(statement, t_hash, 7, WIRE_MUST),
    W_UINT(statement, how, 8, WIRE_MUST, HOW_CALLED),
    W_UINT(statement, not_before, 9, WIRE_MUST, UINT64_MAX),
    W_UINT(statement, time, 10, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema statement_schema = W_SCHEMA(statement, statement_fields);

static const struct wire_field introduction_fields[] = {
    W_FIX(introduction, req_sign, 1, WIRE_MUST),
    W_FIX(introduction, manifest_hash, 2, WIRE_MUST),
    W_UINT(introduction, until, 3, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema introduction_schema =
    W_SCHEMA(introduction, introduction_fields);

static const struct wire_field ack_fields[] = {
    W_UINT(ack, state, 1, WIRE_MUST, EPOCH_SUPERSEDED),
    W_FIX(ack, ward, 2, WIRE_MUST),
    W_UINT(ack, epoch, 3, WIRE_MUST, UINT32_MAX),
    W_FIX(ack, manifest_hash, 4, WIRE_MUST),
    W_FIX(ack, stored, 5, WIRE_MUST),
    W_FIX(ack, incarnation, 6, WIRE_MUST),
    W_FIX(ack, log_head, 7, WIRE_MUST),
    W_UINT(ack, time, 8, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema ack_schema = W_SCHEMA(ack, ack_fields);

/* ---- signed objects: body, then 64 bytes ---- */

/* Signs what was appended to out since from. */
static void sign_tail(struct buf *out, size_t from, const struct sign_seed *by,
                      enum label label)
{
    uint8_t sig[SIG_BYTES];

    if (out->over)
        return;
    crypt_sign(by, label, bytes_of(out->p + from, out->n - from), sig);
    buf_put(out, BYTES_OF(sig));
}

static void signed_put(const struct wire_schema *s, const void *value,
                       const struct sign_seed *by, enum label label, struct buf *out)
{
    size_t from = out->n;

    wire_put(s, value, out);
    sign_tail(out, from, by, label);
}

/* Splits off the signature. */
static enum err signed_split(struct bytes raw, struct bytes *out_body,
                             const uint8_t **out_sig)
{
    if (raw.n <= SIG_BYTES)
        return ERR_FORMAT;
    *out_body = bytes_of(raw.p, raw.n - SIG_BYTES);
    *out_sig = raw.p + raw.n - SIG_BYTES;
    return OK;
}

static enum err signed_get(const struct wire_schema *s, struct bytes raw,
                           const uint8_t *by, enum label label, void *out_value)
{
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;

    TRY(signed_split(raw, &body, &sig));
    TRY(crypt_verify(by, label, body, sig));
    return wire_get(s, body, out_value);
}

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

static void kek_of(const struct escrow_key *escrow, const struct manifest *m,
                   struct seal_key *out)
{
    uint8_t epoch[4];

    store_u32(epoch, m->epoch);
    crypt_keyed(escrow->b, LABEL_KEK, PARTS(BYTES_OF(m->circle), BYTES_OF(epoch)),
                SPAN_OF(out->b));
}

static void before_hash(struct bytes before, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_MANIFEST_BEFORE, &before, 1, (struct span){ out, HASH_BYTES });
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
    kek_of(escrow, m, kek);
    struct buf wrapped = BUF_OF(m->wrapped);
    crypt_seal(kek, LABEL_KEK, BYTES_OF(before), BYTES_OF(root->b), rng, &wrapped);
    MUST(!wrapped.over && wrapped.n == WRAPPED_BYTES);
    memcpy(out->p + out->n - WRAPPED_BYTES, m->wrapped, WRAPPED_BYTES);
    sign_tail(out, from, owner, LABEL_MANIFEST);
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

void manifest_hash(struct bytes raw, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_MANIFEST, &raw, 1, (struct span){ out, HASH_BYTES });
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
    before_hash(bytes_of(raw.p, raw.n - SIG_BYTES - WRAPPED_FIELD), before);
    kek_of(escrow, m, kek);
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

void manifest_seal(const struct seal_key *key, struct bytes raw, const struct rng *rng,
                   struct buf *out)
{
    uint8_t hash[HASH_BYTES];

    manifest_hash(raw, hash);
    crypt_seal(key, LABEL_MANIFEST_SEAL, BYTES_OF(hash), raw, rng, out);
}

enum err manifest_unseal(const struct seal_key *key, const uint8_t hash[HASH_BYTES],
                         struct bytes sealed, struct span out, size_t *out_n)
{
    uint8_t got[HASH_BYTES];
    size_t n = 0;

    TRY(crypt_open(key, LABEL_MANIFEST_SEAL, bytes_of(hash, HASH_BYTES), sealed, out,
                   &n));
    /* Whoever has the key could seal other bytes under this hash. */
    manifest_hash(bytes_of(out.p, n), got);
    if (!bytes_equal(BYTES_OF(got), bytes_of(hash, HASH_BYTES)))
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

/* ---- view, transcript, statement, introduction ---- */

void view_make(const struct view *v, const struct sign_seed *node, struct buf *out)
{
    signed_put(&view_schema, v, node, LABEL_VIEW, out);
}

enum err view_open(struct bytes raw, const uint8_t node_sign[PUB_BYTES], struct view *out)
{
    return signed_get(&view_schema, raw, node_sign, LABEL_VIEW, out);
}

void transcript_put(const struct transcript *t, struct buf *out)
{
    wire_put(&transcript_schema, t, out);
}

void transcript_hash(struct bytes t, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_T_HASH, &t, 1, (struct span){ out, HASH_BYTES });
}

void commitment_of(const uint8_t nonce[32], uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_COMMITMENT, PARTS(bytes_of(nonce, 32)),
               (struct span){ out, HASH_BYTES });
}

static enum err statement_label(unsigned kind, enum label *out)
{
    switch (kind) {
    case REQUEST_RESTORE:
        *out = LABEL_STATEMENT_RESTORE;
        return OK;
    case REQUEST_CONFIRM:
        *out = LABEL_STATEMENT_CONFIRM;
        return OK;
    case REQUEST_MOVE:
        *out = LABEL_STATEMENT_MOVE;
        return OK;
    default:
        return ERR_FORMAT;
    }
}

void statement_make(const struct statement *s, const struct sign_seed *approval,
                    struct buf *out)
{
    enum label label = LABEL_COUNT;
    enum err e = statement_label(s->kind, &label);

    MUST(e == OK);
    signed_put(&statement_schema, s, approval, label, out);
}

enum err statement_open(struct bytes raw, const uint8_t approval[PUB_BYTES],
                        struct statement *out)
{
    struct statement s = { 0 };
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;
    enum label label = LABEL_COUNT;

    TRY(signed_split(raw, &body, &sig));
    TRY(wire_get(&statement_schema, body, &s));
    TRY(statement_label(s.kind, &label));
    TRY(crypt_verify(approval, label, body, sig));
    *out = s;
    return OK;
}

void introduction_make(const struct introduction *i, const struct sign_seed *approval,
                       struct buf *out)
{
    signed_put(&introduction_schema, i, approval, LABEL_INTRODUCTION, out);
}

enum err introduction_open(struct bytes raw, const uint8_t approval[PUB_BYTES],
                           struct introduction *out)
{
    return signed_get(&introduction_schema, raw, approval, LABEL_INTRODUCTION, out);
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

/* ---- what a node signs ---- */

void stored_hash(struct bytes box_piece, struct bytes box_roster,
                 struct bytes manifest_sealed, struct bytes roster_sealed,
                 struct bytes descriptor, uint8_t out[HASH_BYTES])
{
    const struct bytes all[] = { box_piece, box_roster, manifest_sealed, roster_sealed,
                                 descriptor };
    uint8_t sizes[sizeof all / sizeof all[0]][4];

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        store_u32(sizes[i], (uint32_t)all[i].n);
    crypt_hash(LABEL_STORED,
               PARTS(BYTES_OF(sizes[0]), all[0], BYTES_OF(sizes[1]), all[1],
                     BYTES_OF(sizes[2]), all[2], BYTES_OF(sizes[3]), all[3],
                     BYTES_OF(sizes[4]), all[4]),
               (struct span){ out, HASH_BYTES });
}

void ack_make(const struct ack *a, const struct sign_seed *ack_key, struct buf *out)
{
    signed_put(&ack_schema, a, ack_key, LABEL_ACK, out);
}

enum err ack_open(struct bytes raw, const uint8_t ack_pub[PUB_BYTES], struct ack *out)
{
    return signed_get(&ack_schema, raw, ack_pub, LABEL_ACK, out);
}

/* ---- signatures over a few fixed-size parts, joined ---- */

enum { JOIN_MAX = 160 };

static struct bytes join(const struct bytes *parts, size_t n, uint8_t out[JOIN_MAX])
{
    struct buf b = { .p = out, .cap = JOIN_MAX };

    for (size_t i = 0; i < n; i++)
        buf_put(&b, parts[i]);
    MUST(!b.over);
    return buf_bytes(&b);
}

#define PUB(p) bytes_of(p, PUB_BYTES)
#define ID(p)  bytes_of(p, ID_BYTES)

void ack_key_sign(const struct sign_seed *by, const uint8_t ward[ID_BYTES],
                  uint32_t epoch, const uint8_t ack_pub[PUB_BYTES],
                  uint8_t out_sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];
    uint8_t e[4];

    store_u32(e, epoch);
    crypt_sign(by, LABEL_ACK_KEY,
               join(PARTS(ID(ward), BYTES_OF(e), PUB(ack_pub)), joined), out_sig);
}

enum err ack_key_verify(const uint8_t by[PUB_BYTES], const uint8_t ward[ID_BYTES],
                        uint32_t epoch, const uint8_t ack_pub[PUB_BYTES],
                        const uint8_t sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];
    uint8_t e[4];

    store_u32(e, epoch);
    return crypt_verify(by, LABEL_ACK_KEY,
                        join(PARTS(ID(ward), BYTES_OF(e), PUB(ack_pub)), joined), sig);
}

void seat_keys_sign(const struct sign_seed *guardian, const uint8_t node_key[PUB_BYTES],
                    const uint8_t seat[ID_BYTES], const uint8_t seal_pub[PUB_BYTES],
                    uint8_t out_sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];
    uint8_t pub[PUB_BYTES];

    crypt_sign_public(guardian, pub);
    crypt_sign(guardian, LABEL_SEAT_KEYS,
               join(PARTS(PUB(node_key), ID(seat), BYTES_OF(pub), PUB(seal_pub)), joined),
               out_sig);
}

enum err seat_keys_verify(const uint8_t sign_pub[PUB_BYTES],
                          const uint8_t node_key[PUB_BYTES], const uint8_t seat[ID_BYTES],
                          const uint8_t seal_pub[PUB_BYTES], const uint8_t sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    return crypt_verify(
        sign_pub, LABEL_SEAT_KEYS,
        join(PARTS(PUB(node_key), ID(seat), PUB(sign_pub), PUB(seal_pub)), joined), sig);
}

void seat_enrol_sign(const struct sign_seed *guardian, const uint8_t node_key[PUB_BYTES],
                     const uint8_t handshake[64], uint8_t out_sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    crypt_sign(guardian, LABEL_SEAT_ENROL,
               join(PARTS(PUB(node_key), bytes_of(handshake, 64)), joined), out_sig);
}

enum err seat_enrol_verify(const uint8_t sign_pub[PUB_BYTES],
                           const uint8_t node_key[PUB_BYTES], const uint8_t handshake[64],
                           const uint8_t sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    return crypt_verify(sign_pub, LABEL_SEAT_ENROL,
                        join(PARTS(PUB(node_key), bytes_of(handshake, 64)), joined), sig);
}

void approval_sign(const struct sign_seed *guardian, const uint8_t seat[ID_BYTES],
                   const uint8_t invite[ID_BYTES], const uint8_t approval[PUB_BYTES],
                   uint8_t out_sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    crypt_sign(guardian, LABEL_APPROVAL_PUB,
               join(PARTS(ID(seat), ID(invite), PUB(approval)), joined), out_sig);
}

enum err approval_verify(const uint8_t sign_pub[PUB_BYTES], const uint8_t seat[ID_BYTES],
                         const uint8_t invite[ID_BYTES],
                         const uint8_t approval[PUB_BYTES], const uint8_t sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    return crypt_verify(sign_pub, LABEL_APPROVAL_PUB,
                        join(PARTS(ID(seat), ID(invite), PUB(approval)), joined), sig);
}

void unlock_sign(const struct sign_seed *approval, const uint8_t request[ID_BYTES],
                 const uint8_t op[ID_BYTES], uint8_t out_sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    crypt_sign(approval, LABEL_UNLOCK, join(PARTS(ID(request), ID(op)), joined), out_sig);
}

enum err unlock_verify(const uint8_t approval[PUB_BYTES], const uint8_t request[ID_BYTES],
                       const uint8_t op[ID_BYTES], const uint8_t sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    return crypt_verify(approval, LABEL_UNLOCK, join(PARTS(ID(request), ID(op)), joined),
                        sig);
}
