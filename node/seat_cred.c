/* SPDX-License-Identifier: Apache-2.0 */
#include "node/seat_part.h"

enum { CRED_SWEEP = 8 }; /* erased at once: each with its 64 answers */

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
    TRY(seat_ward(c, c->who->ward, &ward));
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
        TRY(seat_ward(c, req->ward, &ward));
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
    struct txn_key at = cred_list_key(owner, (const uint8_t[ID_BYTES]){ 0 });
    struct txn_key first = at;
    size_t mark = c->mem.n;
    size_t erased = 0;
    enum err e = OK;

    TRY(secret_new(&cred));
    while (erased < CRED_SWEEP &&
           (e = txn_next(c->txn, TAB_CRED_FIND, cred_list_prefix(&first), &at,
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

/* The restore links of a ward, in the order they were made: seconds do not tell, and a
 * clock that is put right goes back. */
struct links {
    size_t n;
    uint64_t first;
    uint64_t last; /* 0: none */
    uint8_t oldest[ID_BYTES];
};

static void link_count(struct links *l, const struct record_cred *cred)
{
    if (l->n == 0 || cred->nth < l->first) {
        l->first = cred->nth;
        memcpy(l->oldest, cred->cred, ID_BYTES);
    }
    if (cred->nth > l->last)
        l->last = cred->nth;
    l->n++;
}

static enum err links_of(struct call *c, const uint8_t ward[ID_BYTES], struct links *out)
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key at = cred_list_key(c->who->seat, (const uint8_t[ID_BYTES]){ 0 });
    struct txn_key first = at;
    uint8_t value[1 + ID_BYTES];
    size_t mark = c->mem.n;
    size_t got = 0;
    enum err e = OK;

    TRY(secret_new(&cred));
    while ((e = txn_next(c->txn, TAB_CRED_FIND, cred_list_prefix(&first), &at,
                         SPAN_OF(value), &got)) == OK) {
        if (value[0] != CRED_RESTORE || !id_equal(value + 1, ward))
            continue;
        e = cred_get(c, at.b + 1 + ID_BYTES, cred);
        c->mem.n = mark;
        if (e == ERR_CORRUPT)
            continue;
        TRY(e);
        link_count(out, cred);
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* A guardian's link back always finds room: the oldest of that ward makes it. */
static enum err room_for_restore(struct call *c, struct record_cred *cred)
{
    struct links l = { 0 };

    TRY(links_of(c, cred->ward, &l));
    cred->nth = l.last + 1;
    if (l.n < CRED_RESTORE_MAX)
        return OK;
    return cred_erase(c, l.oldest);
}

/* Of a ward's places some are for devices, whatever a thief deposits beside them. */
static enum err counted(struct call *c, unsigned type, uint64_t *out_n, uint64_t *out_max)
{
    struct record_seat seat = { 0 };
    struct record_ward ward = { 0 };

    if (cred_own_row(type)->counted == COUNT_SEAT) {
        TRY(seat_get(c, c->who->seat, &seat));
        *out_n = seat.creds.count;
        *out_max = c->env->limits->creds;
        return OK;
    }
    TRY(seat_ward(c, c->who->ward, &ward));
    *out_n = ward.creds.count;
    *out_max = type == CRED_DEVICE ? CRED_OWNER_MAX : CRED_OWNER_MAX - CRED_DEVICES;
    return OK;
}

static enum err new_room(struct call *c, const struct cred_row *row,
                         struct record_cred *cred)
{
    uint64_t n = 0;
    uint64_t max = 0;

    if (cred->type == CRED_RESTORE)
        return room_for_restore(c, cred);
    TRY(counted(c, cred->type, &n, &max));
    if (n < max)
        return OK;
    TRY(cred_sweep(c, row->counted == COUNT_SEAT ? c->who->seat : c->who->ward));
    TRY(counted(c, cred->type, &n, &max));
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

    if (cred_own_row(old->type)->role != ROLE_RESTORE || c->who->role != ROLE_OWNER)
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
    const struct cred_row *row = cred_row_of(req->type);

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
    TRY(new_room(c, row, cred));
    e = cred_add(c, cred);
    if (e != OK)
        return e == ERR_EXISTS ? ERR_CONFLICT : e;
    TRY(cred_tell(c, REC_CRED_MADE, cred));
    /* A device speaks for the owner from now on: the owner should know of it. */
    return cred->type == CRED_DEVICE ? cred_tell(c, REC_DEVICE_MADE, cred) : OK;
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
    out->bound = cred_own_row(cred->type)->one_time && !is_zero(cred->stat);
}

enum err seat_cred_list(struct call *c, const struct req_cred_list *req,
                        struct rep_cred_list *rep)
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key at = cred_list_key(list_owner(c), req->after);
    struct txn_key first = at;
    size_t mark = c->mem.n;
    enum err e = OK;

    TRY(secret_new(&cred));
    while ((e = txn_next(c->txn, TAB_CRED_FIND, cred_list_prefix(&first), &at,
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
    return cred->used == 0 && cred->made <= c->now && c->now < cred->made + CRED_FRESH_S;
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
    const struct cred_row *row = cred_own_row(cred->type);
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
