/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cert.h"

#include "proto/piece_part.h"

/* ---- thresholds ---- */

bool cert_enough(const struct descriptor *d, const struct cert_count *c)
{
    unsigned groups = 0;

    for (uint32_t g = 0; g < d->n_groups; g++)
        groups += c->of[g] >= d->groups[g].t;
    /* A descriptor that asks for nobody is satisfied by nobody. */
    return d->group_threshold > 0 && groups >= d->group_threshold;
}

bool cert_spare(const struct descriptor *d, const struct cert_count *c)
{
    for (uint32_t g = 0; g < d->n_groups; g++) {
        struct cert_count less = *c;

        if (less.of[g] == 0)
            continue;
        less.of[g]--;
        if (!cert_enough(d, &less))
            return false;
    }
    return cert_enough(d, c);
}

/* ---- encodings ---- */

static const struct wire_field cert_line_fields[] = {
    W_BYTES(cert_line, statement, 1, WIRE_MUST, SIG_BYTES, SIGNED_MAX),
    W_BYTES(cert_line, receipt, 3, WIRE_MAY, 0, SIGNED_MAX),
};
const struct wire_schema cert_line_schema = W_SCHEMA(cert_line, cert_line_fields);

static const struct wire_field cert_fields[] = {
    W_LIST(cert, lines, 1, WIRE_MUST, 0, &cert_line_schema),
};
const struct wire_schema cert_schema = W_SCHEMA(cert, cert_fields);

static const struct wire_field cert_ack_fields[] = {
    W_BYTES(cert_ack, ack, 1, WIRE_MUST, SIG_BYTES, SIGNED_MAX),
};
const struct wire_schema cert_ack_schema = W_SCHEMA(cert_ack, cert_ack_fields);

static const struct wire_field cert_acks_fields[] = {
    W_LIST(cert_acks, acks, 1, WIRE_MUST, 0, &cert_ack_schema),
};
const struct wire_schema cert_acks_schema = W_SCHEMA(cert_acks, cert_acks_fields);

static const struct wire_field move_fields[] = {
    W_FIX(move, circle, 1, WIRE_MUST),
    W_UINT(move, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(move, manifest_hash, 3, WIRE_MUST),
    W_FIX(move, old_owner, 4, WIRE_MUST),
    W_FIX(move, new_owner, 5, WIRE_MUST),
    W_FIX(move, req_sign, 6, WIRE_MUST),
    W_UINT(move, time, 7, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema move_schema = W_SCHEMA(move, move_fields);

static const struct wire_field move_proof_fields[] = {
    W_BYTES(move_proof, move, 1, WIRE_MUST, SIG_BYTES, MOVE_MAX),
    W_BYTES(move_proof, people, 2, WIRE_MUST, 1, CERT_PEOPLE_MAX),
};
const struct wire_schema move_proof_schema = W_SCHEMA(move_proof, move_proof_fields);

static const struct wire_field ended_receipt_fields[] = {
    W_FIX(ended_receipt, ward, 1, WIRE_MUST),
    W_FIX(ended_receipt, manifest_hash, 2, WIRE_MAY),
    W_FIX(ended_receipt, incarnation, 3, WIRE_MUST),
    W_UINT(ended_receipt, time, 4, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema ended_receipt_schema =
    W_SCHEMA(ended_receipt, ended_receipt_fields);

/* Appends it, if it is no longer than most. */
static void put_within(const struct wire_schema *s, const void *value, size_t most,
                       struct buf *out)
{
    size_t from = out->n;

    wire_put(s, value, out);
    out->over = out->over || out->n - from > most;
}

void cert_put(const struct cert *c, struct buf *out)
{
    put_within(&cert_schema, c, CERT_PEOPLE_MAX, out);
}

enum err cert_get(struct bytes raw, struct cert *out)
{
    return raw.n > CERT_PEOPLE_MAX ? ERR_TOO_BIG : wire_get(&cert_schema, raw, out);
}

void cert_acks_put(const struct cert_acks *c, struct buf *out)
{
    put_within(&cert_acks_schema, c, CERT_MACHINES_MAX, out);
}

/* ---- people ---- */

/* By number and hash: the same name under another number is another epoch. */
static bool names_epoch(const struct statement *s, uint32_t epoch,
                        const uint8_t hash[HASH_BYTES], bool opened)
{
    for (uint32_t i = 0; i < s->n_epochs; i++)
        if (s->epochs[i].epoch == epoch &&
            bytes_equal(BYTES_OF(s->epochs[i].manifest_hash), bytes_of(hash, HASH_BYTES)))
            return !opened || s->epochs[i].opened == 1;
    return false;
}

/* The node that keeps this very piece let it go to the same requester. */
static bool was_released(const struct descriptor *d, size_t i,
                         const struct cert_rule *rule, const struct statement *s,
                         struct bytes receipt)
{
    struct release_receipt r = { 0 };

    if (rule->by_manifest)
        return true;
    return release_receipt_open(receipt, d->pieces[i].ack, &r) == OK &&
           r.epoch == d->epoch &&
           bytes_equal(BYTES_OF(r.manifest_hash), BYTES_OF(d->manifest_hash)) &&
           bytes_equal(BYTES_OF(r.request), BYTES_OF(s->request)) &&
           bytes_equal(BYTES_OF(r.req_sign), BYTES_OF(s->req_sign));
}

static bool says_move(const struct descriptor *d, size_t i, const struct cert_rule *rule,
                      const struct statement *s, struct bytes receipt)
{
    if (!bytes_equal(BYTES_OF(s->req_sign), BYTES_OF(rule->req_sign)) ||
        !names_epoch(s, d->epoch, d->manifest_hash, false))
        return false;
    if (s->kind == REQUEST_MOVE)
        return s->purpose == PURPOSE_MOVE &&
               bytes_equal(BYTES_OF(s->subject), BYTES_OF(rule->subject));
    return s->kind == REQUEST_RESTORE && s->purpose == PURPOSE_RESTORE &&
           was_released(d, i, rule, s, receipt);
}

/* Whether the statement, known to be by the person who keeps piece i, says it. */
static bool says(const struct descriptor *d, size_t i, const struct cert_rule *rule,
                 const struct statement *s, struct bytes receipt)
{
    if (s->time < rule->since)
        return false;
    if (rule->purpose == PURPOSE_MOVE)
        return says_move(d, i, rule, s, receipt);
    if (s->kind != REQUEST_CONFIRM || s->purpose != rule->purpose ||
        !bytes_equal(BYTES_OF(s->subject), BYTES_OF(rule->subject)))
        return false;
    return rule->purpose == PURPOSE_EPOCH
               ? names_epoch(s, rule->epoch, rule->subject, true)
               : names_epoch(s, d->epoch, d->manifest_hash, false);
}

static bool is_none(const uint8_t key[PUB_BYTES])
{
    static const uint8_t none[PUB_BYTES] = { 0 };

    return bytes_equal(bytes_of(key, PUB_BYTES), BYTES_OF(none));
}

static void judge_line(const struct descriptor *d, const struct cert_rule *rule,
                       const struct cert_line *line, struct cert_verdict *v)
{
    struct statement s = { 0 };

    for (size_t i = 0; i < d->n_pieces; i++) {
        const struct descriptor_piece *p = &d->pieces[i];

        if (is_none(p->approval) ||
            statement_open(line->statement, p->approval, &s) != OK)
            continue;
        if (v->by[i])
            return; /* said already; a second piece of that key is the same person */
        if (!says(d, i, rule, &s, line->receipt))
            continue;
        v->by[i] = true;
        v->n++;
        v->count.of[p->group]++;
        return; /* one word is for one piece */
    }
}

enum err cert_people(const struct descriptor *d, const struct cert_rule *rule,
                     struct bytes raw, struct cert_verdict *out)
{
    AUTO_FREE struct cert *c = calloc(1, sizeof *c);
    struct cert_verdict v = { 0 };

    if (c == NULL)
        return ERR_NOMEM;
    TRY(cert_get(raw, c));
    for (uint32_t i = 0; i < c->n_lines; i++)
        judge_line(d, rule, &c->lines[i], &v);
    v.enough = cert_enough(d, &v.count);
    *out = v;
    return OK;
}

/* ---- machines ---- */

static bool holds(const struct descriptor *d, const struct descriptor_piece *p,
                  struct bytes raw)
{
    struct ack a = { 0 };

    return !is_none(p->ack) && ack_open(raw, p->ack, &a) == OK &&
           a.state == EPOCH_ACTIVE && a.epoch == d->epoch &&
           bytes_equal(BYTES_OF(a.manifest_hash), BYTES_OF(d->manifest_hash));
}

enum err cert_machines(const struct descriptor *d, struct bytes raw, bool *out_enough)
{
    AUTO_FREE struct cert_acks *c = calloc(1, sizeof *c);
    struct cert_count count = { 0 };
    bool by[PIECES_MAX] = { false };
    uint32_t n = 0;

    if (c == NULL)
        return ERR_NOMEM;
    if (raw.n > CERT_MACHINES_MAX)
        return ERR_TOO_BIG;
    TRY(wire_get(&cert_acks_schema, raw, c));
    for (uint32_t i = 0; i < c->n_acks; i++) {
        uint32_t at = 0;

        while (at < d->n_pieces && !holds(d, &d->pieces[at], c->acks[i].ack))
            at++;
        if (at == d->n_pieces || by[at])
            continue;
        by[at] = true;
        count.of[d->pieces[at].group]++;
        n++;
    }
    *out_enough = n > 0 && (n == d->n_pieces || cert_spare(d, &count));
    return OK;
}

/* ---- signatures over fixed parts ---- */

enum { JOIN_MAX = 256 };

static struct bytes join(const struct bytes *parts, size_t n, uint8_t out[JOIN_MAX])
{
    struct buf b = { .p = out, .cap = JOIN_MAX };

    for (size_t i = 0; i < n; i++)
        buf_put(&b, parts[i]);
    MUST(!b.over);
    return buf_bytes(&b);
}

static struct bytes retire_join(const uint8_t ward[ID_BYTES], uint32_t epoch,
                                const uint8_t hash[HASH_BYTES], uint8_t out[JOIN_MAX])
{
    uint8_t e[4];

    store_u32(e, epoch);
    return join(PARTS(bytes_of(ward, ID_BYTES), BYTES_OF(e), bytes_of(hash, HASH_BYTES)),
                out);
}

void retire_sign(const struct sign_seed *requester, const uint8_t ward[ID_BYTES],
                 uint32_t epoch, const uint8_t manifest_hash_[HASH_BYTES],
                 uint8_t out_sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    crypt_sign(requester, LABEL_RETIRE, retire_join(ward, epoch, manifest_hash_, joined),
               out_sig);
}

enum err retire_verify(const uint8_t requester[PUB_BYTES], const uint8_t ward[ID_BYTES],
                       uint32_t epoch, const uint8_t manifest_hash_[HASH_BYTES],
                       const uint8_t sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    return crypt_verify(requester, LABEL_RETIRE,
                        retire_join(ward, epoch, manifest_hash_, joined), sig);
}

/* ---- a new root ---- */

void move_make(const struct move *m, const struct sign_seed *requester, struct buf *out)
{
    signed_put(&move_schema, m, requester, LABEL_MOVE, out);
}

enum err move_open(struct bytes raw, struct move *out)
{
    struct bytes body = { 0 };
    const uint8_t *sig = NULL;
    struct move m = { 0 };

    if (raw.n > MOVE_MAX)
        return ERR_TOO_BIG;
    TRY(signed_split(raw, &body, &sig));
    TRY(wire_get(&move_schema, body, &m));
    TRY(crypt_verify(m.req_sign, LABEL_MOVE, body, sig));
    *out = m;
    return OK;
}

void move_hash(struct bytes raw, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_MOVE, PARTS(raw), (struct span){ out, HASH_BYTES });
}

void move_proof_put(const struct move_proof *p, struct buf *out)
{
    put_within(&move_proof_schema, p, MOVE_PROOF_MAX, out);
}

enum err move_proof_get(struct bytes raw, struct move_proof *out)
{
    return raw.n > MOVE_PROOF_MAX ? ERR_TOO_BIG : wire_get(&move_proof_schema, raw, out);
}

enum err move_judge(const struct descriptor *d, const struct move_proof *p, uint64_t now,
                    bool by_manifest, struct move *out)
{
    struct cert_rule rule = { .purpose = PURPOSE_MOVE, .by_manifest = by_manifest };
    struct cert_verdict v = { 0 };
    struct move m = { 0 };

    TRY(move_open(p->move, &m));
    if (m.epoch != d->epoch ||
        !bytes_equal(BYTES_OF(m.manifest_hash), BYTES_OF(d->manifest_hash)))
        return ERR_CERT;
    rule.since = now > CERT_LIFE_S ? now - CERT_LIFE_S : 0;
    memcpy(rule.subject, m.new_owner, PUB_BYTES);
    memcpy(rule.req_sign, m.req_sign, PUB_BYTES);
    TRY(cert_people(d, &rule, p->people, &v));
    if (!v.enough)
        return ERR_CERT;
    *out = m;
    return OK;
}

static struct bytes account_join(const struct move_account *a, uint8_t out[JOIN_MAX])
{
    return join(PARTS(BYTES_OF(a->ward), BYTES_OF(a->move), BYTES_OF(a->account_sign),
                      BYTES_OF(a->stat), BYTES_OF(a->psk)),
                out);
}

void move_account_sign(const struct sign_seed *requester, const struct move_account *a,
                       uint8_t out_sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    crypt_sign(requester, LABEL_MOVE_ACCOUNT, account_join(a, joined), out_sig);
    secret_wipe(joined, sizeof joined);
}

enum err move_account_verify(const uint8_t requester[PUB_BYTES],
                             const struct move_account *a, const uint8_t sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];
    enum err e =
        crypt_verify(requester, LABEL_MOVE_ACCOUNT, account_join(a, joined), sig);

    secret_wipe(joined, sizeof joined);
    return e;
}

/* ---- an end, a check, a drill ---- */

void ended_receipt_make(const struct ended_receipt *r, const struct sign_seed *node,
                        struct buf *out)
{
    signed_put(&ended_receipt_schema, r, node, LABEL_ENDED, out);
}

enum err ended_receipt_open(struct bytes raw, const uint8_t node_sign[PUB_BYTES],
                            struct ended_receipt *out)
{
    return signed_get(&ended_receipt_schema, raw, node_sign, LABEL_ENDED, out);
}

/* Each part is hashed over what came before, so that any number of them is one pass. */
void check_add(const uint8_t nonce[32], struct bytes part, uint8_t io[HASH_BYTES])
{
    uint8_t before[HASH_BYTES];
    uint8_t size[4];

    memcpy(before, io, HASH_BYTES);
    store_u32(size, (uint32_t)part.n);
    crypt_keyed(nonce, LABEL_CHECK, PARTS(BYTES_OF(before), BYTES_OF(size), part),
                (struct span){ io, HASH_BYTES });
}

void check_digest(const uint8_t nonce[32], const struct bytes *parts, size_t n,
                  uint8_t out[HASH_BYTES])
{
    uint8_t so_far[HASH_BYTES] = { 0 };

    for (size_t i = 0; i < n; i++)
        check_add(nonce, parts[i], so_far);
    memcpy(out, so_far, HASH_BYTES);
}

static struct bytes drill_join(const struct drill *d, uint8_t out[JOIN_MAX])
{
    uint8_t e[4];
    uint8_t t[8];

    store_u32(e, d->epoch);
    store_u64(t, d->time);
    return join(PARTS(BYTES_OF(d->ward), BYTES_OF(e), BYTES_OF(d->manifest_hash),
                      BYTES_OF(d->challenge), BYTES_OF(t)),
                out);
}

void drill_sign(const struct sign_seed *piece, const struct drill *d,
                uint8_t out_sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    crypt_sign(piece, LABEL_DRILL, drill_join(d, joined), out_sig);
}

enum err drill_verify(const uint8_t piece_key[PUB_BYTES], const struct drill *d,
                      const uint8_t sig[SIG_BYTES])
{
    uint8_t joined[JOIN_MAX];

    return crypt_verify(piece_key, LABEL_DRILL, drill_join(d, joined), sig);
}
