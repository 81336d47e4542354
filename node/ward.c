/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ward.h"

#include "node/drop.h"
#include "node/seat.h"

/* ---- records ---- */

enum err ward_get(struct call *c, const uint8_t ward[ID_BYTES], struct record_ward *out)
{
    struct txn_key key = key_id(ward);

    return record_get(c, TAB_WARD, &record_ward_schema, &key, out);
}

enum err ward_put(struct call *c, const struct record_ward *ward)
{
    struct txn_key key = key_id(ward->ward);

    return record_put(c, TAB_WARD, &record_ward_schema, &key, ward);
}

enum err ward_visible(struct call *c, const uint8_t ward[ID_BYTES],
                      struct record_ward *out)
{
    struct record_ward w = { 0 };

    TRY(ward_get(c, ward, &w));
    bool mine = c->who->role == ROLE_GUARDIAN ? id_equal(w.seat, c->who->seat)
                                              : id_equal(w.ward, c->who->ward);
    if (!mine)
        return ERR_UNKNOWN;
    *out = w;
    return OK;
}

enum err ward_epoch(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                    struct record_epoch *out)
{
    struct txn_key key = key_epoch(ward, epoch);

    return record_get(c, TAB_EPOCH, &record_epoch_schema, &key, out);
}

enum err ward_epoch_put(struct call *c, const struct record_epoch *e)
{
    struct txn_key key = key_epoch(e->ward, e->epoch);

    return record_put(c, TAB_EPOCH, &record_epoch_schema, &key, e);
}

enum err ward_epochs(struct call *c, const uint8_t ward[ID_BYTES],
                     struct record_epoch out[EPOCHS_MAX], size_t *out_n)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    size_t n = 0;
    enum err e = OK;

    while (n < EPOCHS_MAX) {
        e = record_next(c, TAB_EPOCH, &record_epoch_schema, bytes_of(ward, ID_BYTES), &at,
                        &out[n]);
        c->mem.n = mark;
        if (e == ERR_UNKNOWN)
            break;
        if (e == ERR_CORRUPT)
            continue; /* the others can still be given */
        TRY(e);
        n++;
    }
    *out_n = n;
    return OK;
}

bool ward_epoch_held(const struct record_epoch *e)
{
    return e->state == EPOCH_ACTIVE || e->state == EPOCH_SUPERSEDED;
}

enum err ward_policy(struct call *c, const struct record_ward *ward,
                     struct record_epoch *out)
{
    struct record_epoch held[EPOCHS_MAX];
    size_t n = 0;

    TRY(ward_epochs(c, ward->ward, held, &n));
    for (size_t i = n; i-- > 0;) {
        if (!ward_epoch_held(&held[i]) || held[i].confirmed == 0)
            continue;
        *out = held[i];
        return OK;
    }
    /* Later ones may be the work of whoever stole the owner's keys. */
    for (size_t i = 0; i < n; i++) {
        if (!ward_epoch_held(&held[i]))
            continue;
        *out = held[i];
        return OK;
    }
    return ERR_STATE;
}

enum err ward_object(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                     enum object which, struct bytes *out)
{
    struct txn_key key = key_object(ward, epoch, which);
    struct data_id id = { .epoch = epoch };

    memcpy(id.ward, ward, ID_BYTES);
    return record_bytes(c, &id, TAB_OBJECT, &key, out);
}

enum err ward_confirm(struct call *c, struct record_ward *ward)
{
    struct record_epoch first = { 0 };

    if (ward->confirmed == 0)
        ward->confirmed = c->now;
    TRY(ward_put(c, ward));
    TRY(drop_tell(c, ward, REC_WARD_CONFIRMED, NULL, 0));
    enum err e = ward_epoch(c, ward->ward, 1, &first);
    if (e == ERR_UNKNOWN || (e == OK && first.confirmed != 0))
        return OK;
    TRY(e);
    first.confirmed = ward->confirmed;
    return ward_epoch_put(c, &first);
}

/* ---- WARD_ENROL ---- */

/* The invite has enrolled before: the same account asks again, or somebody else. */
static enum err enrol_again(struct call *c, const struct req_ward_enrol *req,
                            const struct record_cred *invite, struct rep_ward_enrol *rep)
{
    AUTO_SECRET struct record_cred *owner = NULL;
    struct record_ward ward = { 0 };

    TRY(secret_new(&owner));
    TRY(ward_get(c, invite->ward, &ward));
    enum err e = cred_find(c, ROLE_OWNER, req->stat, owner);
    if (e != OK)
        return e == ERR_UNKNOWN ? ERR_USED : e;
    if (!id_equal(owner->ward, ward.ward) ||
        !bytes_equal(BYTES_OF(ward.account_sign), BYTES_OF(req->account_sign)))
        return ERR_USED;
    memcpy(owner->psk.b, req->psk, KEY_BYTES);
    TRY(cred_put(c, owner));
    memcpy(rep->ward, ward.ward, ID_BYTES);
    return OK;
}

static enum err enrol_cred(struct call *c, const struct req_ward_enrol *req,
                           const struct record_ward *ward)
{
    AUTO_SECRET struct record_cred *owner = NULL;

    TRY(secret_new(&owner));
    owner->type = CRED_OWNER;
    owner->made = c->now;
    rng_fill(c->env->rng, owner->cred, ID_BYTES);
    memcpy(owner->seat, ward->seat, ID_BYTES);
    memcpy(owner->ward, ward->ward, ID_BYTES);
    memcpy(owner->psk.b, req->psk, KEY_BYTES);
    memcpy(owner->stat, req->stat, PUB_BYTES);
    enum err e = cred_add(c, owner);
    return e == ERR_EXISTS ? ERR_USED : e;
}

/* The seat counts one more, and finds it. */
static enum err enrol_at_seat(struct call *c, const struct record_ward *ward)
{
    static const uint8_t here = 1;
    struct txn_key key = key_ids(ward->seat, ward->ward);
    struct record_seat seat = { 0 };

    TRY(seat_get(c, ward->seat, &seat));
    if (seat.wards.count >= c->env->limits->wards)
        return ERR_FULL;
    owned_add(&seat.wards, ward->ward);
    TRY(seat_put(c, &seat));
    return txn_put(c->txn, TAB_WARD_SEAT, key_bytes(&key), bytes_of(&here, 1));
}

static enum err enrol_new(struct call *c, const struct req_ward_enrol *req,
                          struct record_cred *invite)
{
    struct record_ward ward = { .note = req->note, .enrolled = c->now };

    rng_fill(c->env->rng, ward.ward, ID_BYTES);
    rng_fill(c->env->rng, ward.alert, ID_BYTES);
    rng_fill(c->env->rng, ward.log, ID_BYTES);
    memcpy(ward.seat, invite->seat, ID_BYTES);
    memcpy(ward.invite, invite->cred, ID_BYTES);
    memcpy(ward.approval, invite->approval, PUB_BYTES);
    memcpy(ward.approval_sig, invite->approval_sig, SIG_BYTES);
    memcpy(ward.account_sign, req->account_sign, PUB_BYTES);
    TRY(enrol_at_seat(c, &ward));
    TRY(enrol_cred(c, req, &ward));
    TRY(ward_put(c, &ward));
    TRY(drop_new(c, ward.alert, KIND_ALERT, ward.ward));
    TRY(drop_new(c, ward.log, KIND_LOG, ward.ward));
    TRY(drop_tell(c, &ward, REC_WARD_ENROLLED, NULL, 0));
    memcpy(invite->ward, ward.ward, ID_BYTES);
    return cred_put(c, invite);
}

enum err ward_enrol(struct call *c, const struct req_ward_enrol *req,
                    struct rep_ward_enrol *rep)
{
    AUTO_SECRET struct record_cred *invite = NULL;

    /* Who enrols a key speaks with it. */
    if (!bytes_equal(BYTES_OF(req->stat), BYTES_OF(c->who->stat)))
        return ERR_KEY;
    TRY(secret_new(&invite));
    TRY(cred_get(c, c->who->cred, invite));
    if (!id_none(invite->ward))
        return enrol_again(c, req, invite, rep);
    TRY(enrol_new(c, req, invite));
    memcpy(rep->ward, invite->ward, ID_BYTES);
    return OK;
}

/* ---- WARDS ---- */

enum { WARDS_MAX = sizeof((struct rep_wards *)0)->wards / sizeof(struct ward_line) };

static enum err line_of(struct call *c, const struct record_ward *ward,
                        struct ward_line *out)
{
    struct record_epoch policy = { 0 };
    enum err e = ward_policy(c, ward, &policy);

    if (e != OK && e != ERR_STATE)
        return e;
    *out = (struct ward_line){ .note = ward->note,
                               .enrolled = ward->enrolled,
                               .epoch = ward->active,
                               .hold = policy.hold,
                               .stop_hold = policy.stop_hold,
                               .confirmed = ward->confirmed,
                               .left = ward->left,
                               .end_due = ward->end_due };
    out->moved = ward->moved;
    out->move_due = ward->move_due;
    memcpy(out->move, ward->move, ID_BYTES);
    /* What is held and not confirmed may be a thief's, and hides nothing. */
    if (ward->cert_epoch > (policy.confirmed != 0 ? policy.epoch : 0))
        out->newer = ward->cert_time;
    if (record_frozen(ward, c->now))
        out->frozen = ward->frozen;
    if (ward_stops_count(ward, c->now)) {
        out->stops = ward->stops;
        out->stops_end = ward->stops_end;
    }
    memcpy(out->ward, ward->ward, ID_BYTES);
    memcpy(out->invite, ward->invite, ID_BYTES);
    return OK;
}

/* What the guardian said of the whole seat; a damaged one hides no ward. */
static enum err fill_seat(struct call *c, const uint8_t id[ID_BYTES],
                          struct rep_wards *rep)
{
    struct record_seat seat = { 0 };

    enum err e = seat_get(c, id, &seat);

    if (e != ERR_CORRUPT)
        TRY(e);
    rep->paused = seat.paused > c->now ? seat.paused : 0;
    rep->reset = seat.reset;
    rep->unlocked = seat.unlocked;
    return OK;
}

static enum err list_seat(struct call *c, const struct req_wards *req,
                          struct rep_wards *rep)
{
    struct txn_key at = key_ids(c->who->seat, req->after);
    enum err e = OK;

    while ((e = txn_next(c->txn, TAB_WARD_SEAT, bytes_of(c->who->seat, ID_BYTES), &at,
                         (struct span){ 0 }, NULL)) == OK) {
        struct record_ward ward = { 0 };

        if (rep->n_wards == WARDS_MAX) {
            rep->more = 1;
            return OK;
        }
        e = ward_get(c, at.b + ID_BYTES, &ward);
        if (e == ERR_CORRUPT)
            continue; /* the others can still be helped */
        TRY(e);
        TRY(line_of(c, &ward, &rep->wards[rep->n_wards++]));
    }
    return e == ERR_UNKNOWN ? OK : e;
}

enum err ward_list(struct call *c, const struct req_wards *req, struct rep_wards *rep)
{
    struct record_ward ward = { 0 };

    TRY(fill_seat(c, c->who->seat, rep));
    if (c->who->role == ROLE_GUARDIAN)
        return list_seat(c, req, rep);
    TRY(ward_get(c, c->who->ward, &ward));
    rep->n_wards = 1;
    return line_of(c, &ward, &rep->wards[0]);
}

/* ---- a backup ---- */

/* An epoch that comes back may have been retired since. */
static enum err load_epoch(struct call *c, struct txn_key *io_at)
{
    struct record_epoch epoch = { 0 };
    enum err e = record_next(c, TAB_EPOCH, &record_epoch_schema, (struct bytes){ 0 },
                             io_at, &epoch);

    if (e == ERR_CORRUPT || (e == OK && epoch.state == EPOCH_NEXT_KEY))
        return OK;
    TRY(e);
    epoch.perhaps = 1;
    return record_put(c, TAB_EPOCH, &record_epoch_schema, io_at, &epoch);
}

/* What was planned may have been given up since: whoever still wants it asks again. */
static enum err load_ward(struct call *c, struct txn_key *io_at)
{
    struct record_ward ward = { 0 };
    enum err e =
        record_next(c, TAB_WARD, &record_ward_schema, (struct bytes){ 0 }, io_at, &ward);

    if (e == ERR_CORRUPT || (e == OK && ward.retire_due == 0 && ward.end_due == 0))
        return OK;
    TRY(e);
    if (ward.left != 0)
        return OK; /* nothing is planned, it was done */
    ward.retire_to = 0;
    ward.retire_due = 0;
    ward.retire_own = 0;
    ward.retire_told = 0;
    ward.end_due = 0;
    return ward_put(c, &ward);
}

enum err ward_loaded(struct call *c, struct txn_key *io_at, bool *out_more)
{
    static const uint8_t first[ID_BYTES];
    size_t mark = c->mem.n;

    for (size_t n = 0; n < WARD_LOADED_AT_ONCE; n++) {
        /* Keys of epochs are longer than those of wards. */
        bool wards = io_at->n == ID_BYTES;
        enum err e = wards ? load_ward(c, io_at) : load_epoch(c, io_at);

        c->mem.n = mark;
        *out_more = e != ERR_UNKNOWN || !wards;
        if (!*out_more)
            return OK;
        if (e == ERR_UNKNOWN)
            *io_at = key_id(first);
        else
            TRY(e);
    }
    return OK;
}
