/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/piece_part.h"

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

static const struct wire_field release_receipt_fields[] = {
    W_FIX(release_receipt, ward, 1, WIRE_MUST),
    W_FIX(release_receipt, request, 2, WIRE_MUST),
    W_FIX(release_receipt, req_sign, 3, WIRE_MUST),
    W_UINT(release_receipt, epoch, 4, WIRE_MUST, UINT32_MAX),
    W_FIX(release_receipt, manifest_hash, 5, WIRE_MUST),
    W_UINT(release_receipt, time, 6, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema release_receipt_schema =
    W_SCHEMA(release_receipt, release_receipt_fields);

/* ---- signed objects: body, then 64 bytes ---- */

/* Signs what was appended to out since from. */
void signed_tail(struct buf *out, size_t from, const struct sign_seed *by,
                 enum label label)
{
    uint8_t sig[SIG_BYTES];

    if (out->over)
        return;
    crypt_sign(by, label, bytes_of(out->p + from, out->n - from), sig);
    buf_put(out, BYTES_OF(sig));
}

void signed_put(const struct wire_schema *s, const void *value,
                const struct sign_seed *by, enum label label, struct buf *out)
{
    size_t from = out->n;

    wire_put(s, value, out);
    signed_tail(out, from, by, label);
}

/* Splits off the signature. */
enum err signed_split(struct bytes raw, struct bytes *out_body, const uint8_t **out_sig)
{
    if (raw.n <= SIG_BYTES)
        return ERR_FORMAT;
    *out_body = bytes_of(raw.p, raw.n - SIG_BYTES);
    *out_sig = raw.p + raw.n - SIG_BYTES;
    return OK;
}

enum err signed_get(const struct wire_schema *s, struct bytes raw, const uint8_t *by,
                    enum label label, void *out_value)
{
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;

    TRY(signed_split(raw, &body, &sig));
    TRY(crypt_verify(by, label, body, sig));
    return wire_get(s, body, out_value);
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

void roster_stored(struct bytes roster_sealed, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_STORED_ROSTER, PARTS(roster_sealed),
               (struct span){ out, HASH_BYTES });
}

void ack_make(const struct ack *a, const struct sign_seed *ack_key, struct buf *out)
{
    signed_put(&ack_schema, a, ack_key, LABEL_ACK, out);
}

void release_receipt_make(const struct release_receipt *r,
                          const struct sign_seed *ack_key, struct buf *out)
{
    signed_put(&release_receipt_schema, r, ack_key, LABEL_RECEIPT, out);
}

enum err release_receipt_open(struct bytes raw, const uint8_t ack_pub[PUB_BYTES],
                              struct release_receipt *out)
{
    return signed_get(&release_receipt_schema, raw, ack_pub, LABEL_RECEIPT, out);
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
