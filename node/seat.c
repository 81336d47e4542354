/* SPDX-License-Identifier: Apache-2.0 */
#include "node/seat.h"

#include "node/drop.h"

/* ---- seats ---- */

enum err seat_get(struct call *c, const uint8_t seat[ID_BYTES], struct record_seat *out)
{
    struct txn_key key = key_id(seat);

    return record_get(c, TAB_SEAT, &record_seat_schema, &key, out);
}

enum err seat_put(struct call *c, const struct record_seat *seat)
{
    struct txn_key key = key_id(seat->seat);

    return record_put(c, TAB_SEAT, &record_seat_schema, &key, seat);
}

/* The ward's record, as far as credentials need it (node/ward comes after). */
static enum err ward_load(struct call *c, const uint8_t ward[ID_BYTES],
                          struct record_ward *out)
{
    struct txn_key key = key_id(ward);

    return record_get(c, TAB_WARD, &record_ward_schema, &key, out);
}

static enum err ward_store(struct call *c, const struct record_ward *ward)
{
    struct txn_key key = key_id(ward->ward);

    return record_put(c, TAB_WARD, &record_ward_schema, &key, ward);
}

/* ---- credentials: who may hold which, and where it is found ---- */

enum found { BY_ID, BY_STATIC };

enum counted { COUNT_NOT, COUNT_SEAT, COUNT_WARD };

enum { CRED_SWEEP = 8 }; /* erased at once: each with its 64 answers */

struct cred_row {
    enum role role;
    enum found found;
    enum counted counted;
    uint32_t makers; /* MAY bits: who may deposit one by CRED_NEW */
    uint32_t droppers;
    bool one_time;
    bool listed_seat;
    bool listed_ward;
};

static const struct cred_row cred_rows[] = {
    [CRED_INVITE] = { .role = ROLE_INVITE,
                      .counted = COUNT_SEAT,
                      .makers = MAY(ROLE_GUARDIAN),
                      .droppers = MAY(ROLE_GUARDIAN),
                      .one_time = true,
                      .listed_seat = true },
    [CRED_RESTORE] = { .role = ROLE_RESTORE,
                       .makers = MAY(ROLE_GUARDIAN),
                       .droppers = MAY(ROLE_GUARDIAN),
                       .one_time = true,
                       .listed_seat = true },
    [CRED_SEAT] = { .role = ROLE_OPERATOR,
                    .counted = COUNT_SEAT,
                    .makers = MAY(ROLE_GUARDIAN),
                    .droppers = MAY(ROLE_GUARDIAN),
                    .one_time = true,
                    .listed_seat = true },
    [CRED_OPERATOR] = { .role = ROLE_OPERATOR, .one_time = true },
    [CRED_OWNER] = { .role = ROLE_OWNER, .found = BY_STATIC },
    [CRED_DEVICE] = { .role = ROLE_DEVICE,
                      .found = BY_STATIC,
                      .counted = COUNT_WARD,
                      .makers = MAY(ROLE_OWNER),
                      .droppers = MAY(ROLE_OWNER),
                      .listed_ward = true },
    [CRED_GUARDIAN] = { .role = ROLE_GUARDIAN, .found = BY_STATIC },
    [CRED_ROSTER] = { .role = ROLE_RESTORE,
                      .counted = COUNT_WARD,
                      .makers = MAY(ROLE_OWNER),
                      .droppers = MAY(ROLE_OWNER) | MAY(ROLE_GUARDIAN),
                      .listed_seat = true,
                      .listed_ward = true },
    [CRED_SHEET] = { .role = ROLE_RESTORE,
                     .counted = COUNT_WARD,
                     .makers = MAY(ROLE_OWNER),
                     .droppers = MAY(ROLE_OWNER) | MAY(ROLE_GUARDIAN),
                     .listed_seat = true,
                     .listed_ward = true },
    [CRED_REQUESTER] = { .role = ROLE_REQUESTER, .found = BY_STATIC },
    [CRED_DEPOSIT] = { .role = ROLE_DEPOSITOR },
};

static const struct cred_row *row_of(unsigned type)
{
    if (type == 0 || type >= sizeof cred_rows / sizeof cred_rows[0])
        return NULL;
    return &cred_rows[type];
}

/* Of a type this module wrote itself. */
static const struct cred_row *own_row(unsigned type)
{
    const struct cred_row *row = row_of(type);

    MUST(row != NULL);
    return row;
}

/* In TAB_CRED_FIND: role and static key -> id; 0, owner and id -> type and ward;
 * SPOKEN and spoken id -> id. */

enum { SPOKEN = 0xff };

static struct txn_key find_key(enum role role, const uint8_t stat[PUB_BYTES])
{
    struct txn_key k = { .n = 1 + PUB_BYTES };

    k.b[0] = (uint8_t)role;
    memcpy(k.b + 1, stat, PUB_BYTES);
    return k;
}

static struct txn_key list_key(const uint8_t owner[ID_BYTES], const uint8_t id[ID_BYTES])
{
    struct txn_key k = { .n = 1 + 2 * ID_BYTES };

    memcpy(k.b + 1, owner, ID_BYTES);
    memcpy(k.b + 1 + ID_BYTES, id, ID_BYTES);
    return k;
}

static struct txn_key spoken_key(const uint8_t spoken_id[ID_BYTES])
{
    struct txn_key k = { .n = 1 + ID_BYTES };

    k.b[0] = SPOKEN;
    memcpy(k.b + 1, spoken_id, ID_BYTES);
    return k;
}

/* All list keys of one owner begin so. */
static struct bytes list_prefix(const struct txn_key *key)
{
    return bytes_of(key->b, 1 + ID_BYTES);
}

static enum err list_add(struct call *c, const struct record_cred *cred,
                         const uint8_t owner[ID_BYTES])
{
    struct txn_key key = list_key(owner, cred->cred);
    uint8_t value[1 + ID_BYTES] = { cred->type };

    memcpy(value + 1, cred->ward, ID_BYTES);
    return txn_put(c->txn, TAB_CRED_FIND, key_bytes(&key), BYTES_OF(value));
}

static enum err list_drop(struct call *c, const struct record_cred *cred,
                          const uint8_t owner[ID_BYTES])
{
    struct txn_key key = list_key(owner, cred->cred);

    return txn_del(c->txn, TAB_CRED_FIND, key_bytes(&key));
}

/* Adds to or takes from what the seat or ward record says it owns. */
static enum err count(struct call *c, const struct record_cred *cred,
                      void (*how)(struct owned *, const uint8_t[ID_BYTES]))
{
    struct record_seat seat = { 0 };
    struct record_ward ward = { 0 };

    switch (own_row(cred->type)->counted) {
    case COUNT_NOT:
        return OK;
    case COUNT_SEAT:
        TRY(seat_get(c, cred->seat, &seat));
        how(&seat.creds, cred->cred);
        return seat_put(c, &seat);
    case COUNT_WARD:
        TRY(ward_load(c, cred->ward, &ward));
        how(&ward.creds, cred->cred);
        return ward_store(c, &ward);
    }
    return OK;
}

/* A credential of a ward is told of there, one of the seat in the node log. */
static enum err cred_tell(struct call *c, enum record_event event,
                          const struct record_cred *cred)
{
    struct record_ward ward = { 0 };

    if (id_none(cred->ward))
        return record_log(c, event, cred->cred, NULL);
    TRY(ward_load(c, cred->ward, &ward));
    return drop_tell(c, &ward, event, cred->cred, 0);
}

enum role cred_role(enum cred_type type)
{
    return own_row(type)->role;
}

bool cred_expired(const struct record_cred *cred, uint64_t now)
{
    return cred->expires != 0 && now >= cred->expires;
}

enum err cred_get(struct call *c, const uint8_t id[ID_BYTES], struct record_cred *out)
{
    struct txn_key key = key_id(id);

    return record_get(c, TAB_CRED, &record_cred_schema, &key, out);
}

static enum err cred_at(struct call *c, const struct txn_key *key,
                        struct record_cred *out)
{
    struct bytes id = { 0 };

    TRY(record_bytes(c, NULL, TAB_CRED_FIND, key, &id));
    if (id.n != ID_BYTES)
        return ERR_CORRUPT;
    return cred_get(c, id.p, out);
}

enum err cred_find(struct call *c, enum role role, const uint8_t stat[PUB_BYTES],
                   struct record_cred *out)
{
    struct txn_key key = find_key(role, stat);

    return cred_at(c, &key, out);
}

enum err cred_spoken(struct call *c, const uint8_t spoken_id[ID_BYTES],
                     struct record_cred *out)
{
    struct txn_key key = spoken_key(spoken_id);

    return cred_at(c, &key, out);
}

enum err cred_put(struct call *c, const struct record_cred *cred)
{
    struct txn_key key = key_id(cred->cred);

    return record_put(c, TAB_CRED, &record_cred_schema, &key, cred);
}

/* OK if nothing has that key yet. */
static enum err is_new(struct call *c, enum store_table tab, const struct txn_key *key)
{
    enum err e = txn_has(c->txn, tab, key_bytes(key));

    if (e == ERR_UNKNOWN)
        return OK;
    return e == OK ? ERR_EXISTS : e;
}

enum err cred_add(struct call *c, const struct record_cred *cred)
{
    const struct cred_row *row = own_row(cred->type);
    struct txn_key id = key_id(cred->cred);

    TRY(is_new(c, TAB_CRED, &id));
    if (row->found == BY_STATIC) {
        struct txn_key key = find_key(row->role, cred->stat);

        TRY(is_new(c, TAB_CRED_FIND, &key));
        TRY(txn_put(c->txn, TAB_CRED_FIND, key_bytes(&key),
                    bytes_of(cred->cred, ID_BYTES)));
    }
    if (!id_none(cred->spoken_id)) {
        struct txn_key key = spoken_key(cred->spoken_id);

        TRY(is_new(c, TAB_CRED_FIND, &key));
        TRY(txn_put(c->txn, TAB_CRED_FIND, key_bytes(&key),
                    bytes_of(cred->cred, ID_BYTES)));
    }
    if (row->listed_seat)
        TRY(list_add(c, cred, cred->seat));
    if (row->listed_ward)
        TRY(list_add(c, cred, cred->ward));
    TRY(count(c, cred, owned_add));
    return cred_put(c, cred);
}

static enum err spoken_drop(struct call *c, const struct record_cred *cred)
{
    struct txn_key key = spoken_key(cred->spoken_id);

    return id_none(cred->spoken_id) ? OK
                                    : txn_del(c->txn, TAB_CRED_FIND, key_bytes(&key));
}

enum err cred_unspoken(struct call *c, struct record_cred *cred)
{
    TRY(spoken_drop(c, cred));
    secret_wipe(cred->spoken_id, sizeof cred->spoken_id);
    secret_wipe(cred->spoken_gate, sizeof cred->spoken_gate);
    secret_wipe(cred->spoken_answer, sizeof cred->spoken_answer);
    return cred_put(c, cred);
}

enum err cred_erase(struct call *c, const uint8_t id[ID_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key key = key_id(id);

    TRY(secret_new(&cred));
    enum err e = cred_get(c, id, cred);
    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    const struct cred_row *row = own_row(cred->type);
    if (row->found == BY_STATIC) {
        struct txn_key found = find_key(row->role, cred->stat);

        TRY(txn_del(c->txn, TAB_CRED_FIND, key_bytes(&found)));
    }
    TRY(spoken_drop(c, cred));
    if (row->listed_seat)
        TRY(list_drop(c, cred, cred->seat));
    if (row->listed_ward)
        TRY(list_drop(c, cred, cred->ward));
    TRY(count(c, cred, owned_drop));
    TRY(txn_op_forget(c->txn, id));
    return txn_del(c->txn, TAB_CRED, key_bytes(&key));
}

enum err cred_used(struct call *c, const uint8_t id[ID_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(cred_get(c, id, cred));
    if (cred->used != 0)
        return OK;
    cred->used = c->now;
    return cred_put(c, cred);
}

/* Whoever asks for a new link may have lost the old one to somebody. */
static enum err old_links_go(struct call *c, struct record_cred *mem)
{
    struct txn_key at = { 0 };
    enum err e;

    while ((e = txn_next(c->txn, TAB_CRED, (struct bytes){ 0 }, &at, (struct span){ 0 },
                         NULL)) == OK) {
        if (at.n != ID_BYTES)
            return ERR_CORRUPT;
        TRY(cred_get(c, at.b, mem));
        if (mem->type == CRED_OPERATOR)
            TRY(cred_erase(c, at.b));
    }
    return e == ERR_UNKNOWN ? OK : e;
}

enum err seat_operator_link(struct call *c, const struct credential *link)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(old_links_go(c, cred));
    *cred = (struct record_cred){ 0 };
    memcpy(cred->cred, link->id, ID_BYTES);
    cred->psk = link->psk;
    cred->type = CRED_OPERATOR;
    cred->made = c->now;
    cred->expires = c->now + CRED_LIFE_S;
    return cred_add(c, cred);
}

/* ---- SEAT_ENROL ---- */

/* The guardian's own signatures, and that it speaks with the key it enrols. */
static enum err enrol_check(const struct call *c, const struct req_seat_enrol *req,
                            const uint8_t seat[ID_BYTES])
{
    const uint8_t *node = c->env->id->node_pub;

    if (!bytes_equal(BYTES_OF(req->stat), BYTES_OF(c->who->stat)))
        return ERR_KEY;
    TRY(seat_enrol_verify(req->sign_pub, node, c->who->handshake, req->enrol_sig));
    return seat_keys_verify(req->sign_pub, node, seat, req->seal_pub, req->keys_sig);
}

static enum err room_for_seat(struct call *c)
{
    struct txn_key at = { 0 };
    uint64_t seats = 0;
    enum err e = OK;

    while ((e = txn_next(c->txn, TAB_SEAT, (struct bytes){ 0 }, &at, (struct span){ 0 },
                         NULL)) == OK)
        seats++;
    if (e != ERR_UNKNOWN)
        return e;
    return seats < c->env->limits->seats ? OK : ERR_FULL;
}

/* The guardian's credential at its seat: new, or with other keys than before. */
static enum err enrol_cred(struct call *c, const struct req_seat_enrol *req,
                           struct record_seat *seat)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    enum err e = id_none(seat->cred) ? ERR_UNKNOWN : cred_get(c, seat->cred, cred);
    if (e != OK && e != ERR_UNKNOWN)
        return e;
    if (e == OK && bytes_equal(BYTES_OF(cred->stat), BYTES_OF(req->stat))) {
        memcpy(cred->psk.b, req->psk, KEY_BYTES);
        return cred_put(c, cred);
    }
    if (e == OK)
        TRY(cred_erase(c, seat->cred));
    rng_fill(c->env->rng, seat->cred, ID_BYTES);
    *cred = (struct record_cred){ .type = CRED_GUARDIAN, .made = c->now };
    memcpy(cred->cred, seat->cred, ID_BYTES);
    memcpy(cred->seat, seat->seat, ID_BYTES);
    memcpy(cred->psk.b, req->psk, KEY_BYTES);
    memcpy(cred->stat, req->stat, PUB_BYTES);
    e = cred_add(c, cred);
    return e == ERR_EXISTS ? ERR_USED : e;
}

static enum err enrol_inbox(struct call *c, struct record_seat *seat)
{
    if (!id_none(seat->inbox))
        return OK;
    rng_fill(c->env->rng, seat->inbox, ID_BYTES);
    return drop_new(c, seat->inbox, KIND_INBOX, seat->seat);
}

enum err seat_enrol(struct call *c, const struct req_seat_enrol *req,
                    struct rep_seat_enrol *rep)
{
    struct record_seat seat = { .enrolled = c->now };
    uint8_t fp[FP_BYTES];
    uint8_t id[ID_BYTES];

    ident_fingerprint(req->sign_pub, req->seal_pub, fp);
    ident_seat_id(c->env->id->node_pub, fp, id);
    TRY(enrol_check(c, req, id));
    enum err e = seat_get(c, id, &seat);
    if (e == ERR_UNKNOWN)
        TRY(room_for_seat(c));
    else
        TRY(e);
    /* An earlier link of this seat has done its work. */
    if (!id_none(seat.link) && !id_equal(seat.link, c->who->cred))
        TRY(cred_erase(c, seat.link));
    memcpy(seat.seat, id, ID_BYTES);
    memcpy(seat.sign_pub, req->sign_pub, PUB_BYTES);
    memcpy(seat.seal_pub, req->seal_pub, PUB_BYTES);
    memcpy(seat.keys_sig, req->keys_sig, SIG_BYTES);
    memcpy(seat.link, c->who->cred, ID_BYTES);
    if (c->who->type == CRED_OPERATOR)
        seat.operator_ = 1;
    TRY(enrol_cred(c, req, &seat));
    TRY(enrol_inbox(c, &seat));
    TRY(seat_put(c, &seat));
    TRY(record_log(c, REC_SEAT_ENROLLED, id, NULL));
    memcpy(rep->seat, id, ID_BYTES);
    return OK;
}

/* ---- SEAT_INFO ---- */

static enum err info_addresses(struct call *c, struct rep_seat_info *rep)
{
    for (uint32_t i = 0; i < c->env->n_addresses; i++) {
        struct buf b = scratch_buf(c);

        address_put(&c->env->addresses[i], &b);
        TRY(scratch_keep(c, &b, &rep->addresses[i].at));
    }
    rep->n_addresses = c->env->n_addresses;
    return OK;
}

static enum err info_ward(struct call *c, const uint8_t id[ID_BYTES],
                          struct rep_seat_info *rep)
{
    struct record_ward ward = { 0 };

    TRY(ward_load(c, id, &ward));
    memcpy(rep->ward, ward.ward, ID_BYTES);
    memcpy(rep->invite, ward.invite, ID_BYTES);
    memcpy(rep->approval, ward.approval, PUB_BYTES);
    memcpy(rep->approval_sig, ward.approval_sig, SIG_BYTES);
    return OK;
}

static enum err info_invite(struct call *c, struct rep_seat_info *rep)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(cred_get(c, c->who->cred, cred));
    memcpy(rep->ward, cred->ward, ID_BYTES);
    memcpy(rep->invite, cred->cred, ID_BYTES);
    memcpy(rep->approval, cred->approval, PUB_BYTES);
    memcpy(rep->approval_sig, cred->approval_sig, SIG_BYTES);
    return OK;
}

enum err seat_info(struct call *c, const struct req_seat_info *req,
                   struct rep_seat_info *rep)
{
    struct record_seat seat = { 0 };

    (void)req;
    TRY(seat_get(c, c->who->seat, &seat));
    memcpy(rep->seat, seat.seat, ID_BYTES);
    memcpy(rep->sign_pub, seat.sign_pub, PUB_BYTES);
    memcpy(rep->seal_pub, seat.seal_pub, PUB_BYTES);
    memcpy(rep->keys_sig, seat.keys_sig, SIG_BYTES);
    if (c->who->role == ROLE_INVITE)
        TRY(info_invite(c, rep));
    else
        TRY(info_ward(c, c->who->ward, rep));
    return info_addresses(c, rep);
}

/* ---- CRED_NEW ---- */

static bool is_zero(const uint8_t key[PUB_BYTES])
{
    static const uint8_t zero[PUB_BYTES];

    return bytes_equal(bytes_of(key, PUB_BYTES), BYTES_OF(zero));
}

/* All of a spoken form or nothing of it, and with a restore link only. */
static enum err spoken_shape(const struct req_cred_new *req)
{
    bool none = id_none(req->spoken_id);

    if (is_zero(req->spoken_gate) != none || (req->spoken_answer.n == 0) != none)
        return ERR_ARG;
    if (none)
        return OK;
    return req->type == CRED_RESTORE && req->spoken_answer.n == SPOKEN_ANSWER ? OK
                                                                              : ERR_ARG;
}

/* Fields that do not belong to the type are a caller's mistake, not a surprise later. */
static enum err new_shape(const struct call *c, const struct req_cred_new *req,
                          const struct cred_row *row)
{
    bool device = req->type == CRED_DEVICE;
    bool invite = req->type == CRED_INVITE;

    if (id_none(req->id) || is_zero(req->psk))
        return ERR_ARG;
    if (is_zero(req->stat) == device || is_zero(req->sign) == device)
        return ERR_ARG;
    if (is_zero(req->approval) == invite)
        return ERR_ARG;
    if (id_none(req->ward) == (req->type == CRED_RESTORE))
        return ERR_ARG;
    TRY(spoken_shape(req));
    if (row->one_time && req->expires == 0)
        return ERR_ARG;
    if (req->expires != 0 && req->expires <= c->now)
        return ERR_EXPIRED;
    if (row->one_time && req->expires > c->now + CRED_LIFE_S + CRED_MARGIN_S)
        return ERR_ARG;
    return OK;
}

/* An owner's keys change nothing while the guardian says so. */
static enum err owner_may(struct call *c)
{
    struct record_ward ward = { 0 };

    if (c->who->role != ROLE_OWNER)
        return OK;
    TRY(ward_load(c, c->who->ward, &ward));
    return record_changeable(&ward, c->now);
}

/* Whose it will be, and whether that is the caller's to give. */
static enum err new_rights(struct call *c, const struct req_cred_new *req)
{
    struct record_seat seat = { 0 };
    struct record_ward ward = { 0 };

    switch (req->type) {
    case CRED_SEAT:
        return c->who->operator_ ? OK : ERR_REFUSED;
    case CRED_INVITE:
        TRY(seat_get(c, c->who->seat, &seat));
        return approval_verify(seat.sign_pub, seat.seat, req->id, req->approval,
                               req->approval_sig);
    case CRED_RESTORE:
        TRY(ward_load(c, req->ward, &ward));
        if (!id_equal(ward.seat, c->who->seat))
            return ERR_UNKNOWN;
        return ward.left != 0 ? ERR_LEFT : OK;
    default:
        return owner_may(c);
    }
}

/* Erases what has expired among a seat's or ward's credentials: a few make room, and
 * one job writes no more than the store takes. Damaged ones are passed over. */
static enum err cred_sweep(struct call *c, const uint8_t owner[ID_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key at = list_key(owner, (const uint8_t[ID_BYTES]){ 0 });
    struct txn_key first = at;
    size_t mark = c->mem.n;
    size_t erased = 0;
    enum err e = OK;

    TRY(secret_new(&cred));
    while (erased < CRED_SWEEP &&
           (e = txn_next(c->txn, TAB_CRED_FIND, list_prefix(&first), &at,
                         (struct span){ 0 }, NULL)) == OK) {
        e = cred_get(c, at.b + 1 + ID_BYTES, cred);
        if (e == OK && cred_expired(cred, c->now)) {
            e = cred_erase(c, cred->cred);
            erased++;
        }
        c->mem.n = mark;
        if (e != ERR_CORRUPT)
            TRY(e);
    }
    return e == ERR_UNKNOWN || e == ERR_CORRUPT ? OK : e;
}

/* How many restore links a ward has, and the oldest of them. */
static enum err oldest_restore(struct call *c, const uint8_t ward[ID_BYTES],
                               size_t *out_n, uint8_t out_oldest[ID_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key at = list_key(c->who->seat, (const uint8_t[ID_BYTES]){ 0 });
    struct txn_key first = at;
    uint8_t value[1 + ID_BYTES];
    uint64_t made = UINT64_MAX;
    size_t mark = c->mem.n;
    size_t n = 0;
    size_t got = 0;
    enum err e = OK;

    TRY(secret_new(&cred));
    while ((e = txn_next(c->txn, TAB_CRED_FIND, list_prefix(&first), &at, SPAN_OF(value),
                         &got)) == OK) {
        if (value[0] != CRED_RESTORE || !id_equal(value + 1, ward))
            continue;
        e = cred_get(c, at.b + 1 + ID_BYTES, cred);
        c->mem.n = mark;
        if (e == ERR_CORRUPT)
            continue;
        TRY(e);
        n++;
        if (cred->made >= made)
            continue;
        made = cred->made;
        memcpy(out_oldest, cred->cred, ID_BYTES);
    }
    *out_n = n;
    return e == ERR_UNKNOWN ? OK : e;
}

/* A guardian's link back always finds room: the oldest of that ward makes it. */
static enum err room_for_restore(struct call *c, const uint8_t ward[ID_BYTES])
{
    uint8_t oldest[ID_BYTES];
    size_t n = 0;

    TRY(oldest_restore(c, ward, &n, oldest));
    if (n < CRED_RESTORE_MAX)
        return OK;
    return cred_erase(c, oldest);
}

/* Of a ward's places some are for devices, whatever a thief deposits beside them. */
static enum err counted(struct call *c, unsigned type, uint64_t *out_n, uint64_t *out_max)
{
    struct record_seat seat = { 0 };
    struct record_ward ward = { 0 };

    if (own_row(type)->counted == COUNT_SEAT) {
        TRY(seat_get(c, c->who->seat, &seat));
        *out_n = seat.creds.count;
        *out_max = c->env->limits->creds;
        return OK;
    }
    TRY(ward_load(c, c->who->ward, &ward));
    *out_n = ward.creds.count;
    *out_max = type == CRED_DEVICE ? CRED_OWNER_MAX : CRED_OWNER_MAX - CRED_DEVICES;
    return OK;
}

static enum err new_room(struct call *c, const struct req_cred_new *req,
                         const struct cred_row *row)
{
    uint64_t n = 0;
    uint64_t max = 0;

    if (req->type == CRED_RESTORE)
        return room_for_restore(c, req->ward);
    TRY(counted(c, req->type, &n, &max));
    if (n < max)
        return OK;
    TRY(cred_sweep(c, row->counted == COUNT_SEAT ? c->who->seat : c->who->ward));
    TRY(counted(c, req->type, &n, &max));
    return n < max ? OK : ERR_FULL;
}

static void new_fill(const struct call *c, const struct req_cred_new *req,
                     struct record_cred *cred)
{
    *cred = (struct record_cred){ .type = req->type,
                                  .made = c->now,
                                  .expires = req->expires };
    memcpy(cred->cred, req->id, ID_BYTES);
    memcpy(cred->seat, c->who->seat, ID_BYTES);
    memcpy(cred->ward, c->who->role == ROLE_OWNER ? c->who->ward : req->ward, ID_BYTES);
    memcpy(cred->psk.b, req->psk, KEY_BYTES);
    memcpy(cred->stat, req->stat, PUB_BYTES);
    memcpy(cred->sign, req->sign, PUB_BYTES);
    memcpy(cred->approval, req->approval, PUB_BYTES);
    memcpy(cred->approval_sig, req->approval_sig, SIG_BYTES);
    memcpy(cred->spoken_id, req->spoken_id, ID_BYTES);
    memcpy(cred->spoken_gate, req->spoken_gate, KEY_BYTES);
    if (req->spoken_answer.n > 0)
        memcpy(cred->spoken_answer, req->spoken_answer.p, SPOKEN_ANSWER);
}

/*
 * What lets an owner come back dies only after the dual time when an owner's key, which
 * may be a thief's, asks for it.
 */
static uint64_t not_before_dual(const struct call *c, const struct record_cred *old,
                                uint64_t wanted)
{
    uint64_t until = c->now + CRED_DUAL_S;

    if (own_row(old->type)->role != ROLE_RESTORE || c->who->role != ROLE_OWNER)
        return wanted;
    if (wanted == 0 || wanted >= until)
        return wanted;
    return old->expires != 0 && old->expires < until ? old->expires : until;
}

/* Asked for again without its op id (a lost journal): the same one is no conflict. */
static enum err new_again(struct call *c, const struct record_cred *cred)
{
    AUTO_SECRET struct record_cred *old = NULL;

    TRY(secret_new(&old));
    TRY(cred_get(c, cred->cred, old));
    if (old->type != cred->type || !id_equal(old->seat, cred->seat) ||
        !id_equal(old->ward, cred->ward) ||
        !secret_equal(old->psk.b, cred->psk.b, KEY_BYTES) ||
        !bytes_equal(BYTES_OF(old->sign), BYTES_OF(cred->sign)) ||
        !bytes_equal(BYTES_OF(old->approval), BYTES_OF(cred->approval)))
        return ERR_CONFLICT;
    /* A used one has no spoken form any more, and gets none again. */
    if (is_zero(old->stat) &&
        (!id_equal(old->spoken_id, cred->spoken_id) ||
         !secret_equal(old->spoken_gate, cred->spoken_gate, KEY_BYTES)))
        return ERR_CONFLICT;
    if (old->type == CRED_DEVICE &&
        !bytes_equal(BYTES_OF(old->stat), BYTES_OF(cred->stat)))
        return ERR_CONFLICT;
    old->expires = not_before_dual(c, old, cred->expires);
    return cred_put(c, old);
}

enum err seat_cred_new(struct call *c, const struct req_cred_new *req,
                       struct rep_cred_new *rep)
{
    AUTO_SECRET struct record_cred *cred = NULL;
    const struct cred_row *row = row_of(req->type);

    if (row == NULL || (row->makers & MAY(c->who->role)) == 0)
        return ERR_REFUSED;
    TRY(new_shape(c, req, row));
    TRY(new_rights(c, req));
    TRY(secret_new(&cred));
    new_fill(c, req, cred);
    memcpy(rep->id, req->id, ID_BYTES);
    enum err e = new_again(c, cred);
    if (e != ERR_UNKNOWN)
        return e;
    TRY(new_room(c, req, row));
    e = cred_add(c, cred);
    if (e != OK)
        return e == ERR_EXISTS ? ERR_CONFLICT : e;
    return cred_tell(c, REC_CRED_MADE, cred);
}

/* ---- CRED_LIST, CRED_DROP ---- */

enum { LIST_MAX = sizeof((struct rep_cred_list *)0)->creds / sizeof(struct cred_line) };

static const uint8_t *list_owner(const struct call *c)
{
    return c->who->role == ROLE_OWNER ? c->who->ward : c->who->seat;
}

static void line_of(const struct record_cred *cred, struct cred_line *out)
{
    *out = (struct cred_line){ .type = cred->type, .expires = cred->expires };
    memcpy(out->id, cred->cred, ID_BYTES);
    memcpy(out->ward, cred->ward, ID_BYTES);
    out->bound = own_row(cred->type)->one_time && !is_zero(cred->stat);
}

enum err seat_cred_list(struct call *c, const struct req_cred_list *req,
                        struct rep_cred_list *rep)
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key at = list_key(list_owner(c), req->after);
    struct txn_key first = at;
    size_t mark = c->mem.n;
    enum err e = OK;

    TRY(secret_new(&cred));
    while ((e = txn_next(c->txn, TAB_CRED_FIND, list_prefix(&first), &at,
                         (struct span){ 0 }, NULL)) == OK) {
        e = cred_get(c, at.b + 1 + ID_BYTES, cred);
        c->mem.n = mark;
        if (e == ERR_CORRUPT)
            continue;
        TRY(e);
        if (cred_expired(cred, c->now))
            continue;
        if (rep->n_creds == LIST_MAX) {
            rep->more = 1;
            return OK;
        }
        line_of(cred, &rep->creds[rep->n_creds++]);
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* Made a moment ago and of no use so far: nobody relies on it. */
static bool is_fresh(const struct call *c, const struct record_cred *cred)
{
    return cred->used == 0 && c->now < cred->made + CRED_FRESH_S;
}

static enum err end_later(struct call *c, struct record_cred *cred)
{
    uint64_t until = c->now + CRED_DUAL_S;

    if (cred->expires != 0 && cred->expires <= until)
        return OK;
    cred->expires = until;
    TRY(cred_tell(c, REC_CRED_ENDING, cred));
    return cred_put(c, cred);
}

enum err seat_cred_drop(struct call *c, const struct req_cred_drop *req,
                        struct rep_cred_drop *rep)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    (void)rep;
    TRY(secret_new(&cred));
    TRY(cred_get(c, req->id, cred));
    const struct cred_row *row = own_row(cred->type);
    bool owner = c->who->role == ROLE_OWNER;
    bool own =
        owner ? id_equal(cred->ward, c->who->ward) : id_equal(cred->seat, c->who->seat);

    if (!own || (row->droppers & MAY(c->who->role)) == 0)
        return ERR_UNKNOWN;
    TRY(owner_may(c));
    if (owner && row->role == ROLE_RESTORE) {
        if (!is_fresh(c, cred))
            return end_later(c, cred);
        TRY(cred_tell(c, REC_CRED_ENDING, cred)); /* whoever counts on it hears of it */
    }
    TRY(cred_tell(c, REC_CRED_DROPPED, cred));
    return cred_erase(c, req->id);
}
