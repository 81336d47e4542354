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

static enum err epoch_put(struct call *c, const struct record_epoch *e)
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

static bool is_held(const struct record_epoch *e)
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
        if (!is_held(&held[i]) || held[i].confirmed == 0)
            continue;
        *out = held[i];
        return OK;
    }
    /* Later ones may be the work of whoever stole the owner's keys. */
    for (size_t i = 0; i < n; i++) {
        if (!is_held(&held[i]))
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
    return epoch_put(c, &first);
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

/* ---- acknowledgement keys ---- */

enum err ward_ack_seed(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                       struct sign_seed *out)
{
    struct txn_key key = key_object(ward, epoch, OBJECT_ACK_SEED);
    size_t n = 0;

    TRY(txn_get(c->txn, TAB_OBJECT, key_bytes(&key),
                (struct span){ out->b, sizeof out->b }, &n));
    return n == sizeof out->b ? OK : ERR_CORRUPT;
}

/* Signed by the active epoch's key; the first by the node's. */
static enum err next_sign(struct call *c, const struct record_ward *ward,
                          struct record_epoch *next)
{
    AUTO_SECRET struct sign_seed *by = NULL;

    TRY(secret_new(&by));
    if (ward->active == 0)
        *by = c->env->id->sign;
    else
        TRY(ward_ack_seed(c, ward->ward, ward->active, by));
    ack_key_sign(by, next->ward, next->epoch, next->ack, next->ack_sig);
    return OK;
}

static enum err next_new(struct call *c, struct record_ward *ward,
                         struct record_epoch *next)
{
    AUTO_SECRET struct sign_seed *seed = NULL;
    struct txn_key key = key_object(next->ward, next->epoch, OBJECT_ACK_SEED);

    if (ward->epochs >= EPOCHS_MAX)
        return ERR_FULL;
    TRY(secret_new(&seed));
    rng_fill(c->env->rng, seed->b, sizeof seed->b);
    crypt_sign_public(seed, next->ack);
    TRY(next_sign(c, ward, next));
    TRY(txn_put(c->txn, TAB_OBJECT, key_bytes(&key), BYTES_OF(seed->b)));
    TRY(epoch_put(c, next));
    ward->epochs++;
    return ward_put(c, ward);
}

enum err ward_next(struct call *c, const struct req_epoch_next *req,
                   struct rep_epoch_next *rep)
{
    struct record_epoch next = { .epoch = req->epoch, .state = EPOCH_NEXT_KEY };
    struct record_ward ward = { 0 };

    TRY(ward_get(c, c->who->ward, &ward));
    TRY(record_changeable(&ward, c->now));
    if (ward.active == UINT32_MAX || req->epoch != ward.active + 1)
        return ERR_STATE;
    memcpy(next.ward, ward.ward, ID_BYTES);
    enum err e = ward_epoch(c, ward.ward, req->epoch, &next);
    if (e == ERR_UNKNOWN)
        e = next_new(c, &ward, &next);
    TRY(e);
    memcpy(rep->ack, next.ack, PUB_BYTES);
    memcpy(rep->sig, next.ack_sig, SIG_BYTES);
    return OK;
}

/* ---- what is stored for an epoch, and its acknowledgement ---- */

/* The stored bytes as they are now, not as they were told. */
static enum err stored_now(struct call *c, const struct record_epoch *e,
                           uint8_t out[HASH_BYTES])
{
    static const enum object order[] = { OBJECT_BOX_PIECE, OBJECT_BOX_ROSTER,
                                         OBJECT_MANIFEST, OBJECT_ROSTER,
                                         OBJECT_DESCRIPTOR };
    struct bytes got[5] = { 0 };
    size_t mark = c->mem.n;

    for (size_t i = 0; i < 5; i++)
        TRY(ward_object(c, e->ward, e->epoch, order[i], &got[i]));
    stored_hash(got[0], got[1], got[2], got[3], got[4], out);
    c->mem.n = mark;
    return OK;
}

static enum err ack_now(struct call *c, const struct record_epoch *e,
                        struct bytes *out_ack)
{
    AUTO_SECRET struct sign_seed *seed = NULL;
    struct ack ack = { .state = e->state, .epoch = e->epoch, .time = c->now };
    struct log_head head = { 0 };

    TRY(secret_new(&seed));
    TRY(ward_ack_seed(c, e->ward, e->epoch, seed));
    TRY(stored_now(c, e, ack.stored));
    TRY(txn_log_head(c->txn, &head));
    memcpy(ack.ward, e->ward, ID_BYTES);
    memcpy(ack.manifest_hash, e->manifest_hash, HASH_BYTES);
    memcpy(ack.incarnation, c->env->id->incarnation, ID_BYTES);
    memcpy(ack.log_head, head.hash, HASH_BYTES);
    struct buf b = scratch_buf(c);

    ack_make(&ack, seed, &b);
    return scratch_keep(c, &b, out_ack);
}

/* ---- EPOCH_PREPARE ---- */

/* The descriptor is of this epoch and manifest, and names this node and this guardian. */
static enum err prepare_descriptor(struct call *c, const struct req_epoch_prepare *req,
                                   const struct record_ward *ward,
                                   const struct record_epoch *e)
{
    struct span room = { 0 };

    TRY(scratch_take(c, sizeof(struct descriptor), &room));
    struct descriptor *d = (void *)room.p;

    TRY(descriptor_open(req->descriptor, ward->account_sign, d));
    if (d->epoch != req->epoch ||
        !bytes_equal(BYTES_OF(d->manifest_hash), BYTES_OF(req->manifest_hash)))
        return ERR_FORMAT;
    for (uint32_t i = 0; i < d->n_pieces; i++) {
        const struct descriptor_piece *p = &d->pieces[i];

        if (p->group == req->group && bytes_equal(BYTES_OF(p->ack), BYTES_OF(e->ack)) &&
            bytes_equal(BYTES_OF(p->approval), BYTES_OF(ward->approval)))
            return OK;
    }
    return ERR_FORMAT;
}

/* Whether what is there may give way: nothing, the same manifest, forgotten, or of a
 * time that a person took back. */
static enum err prepare_free(const struct call *c, const struct req_epoch_prepare *req,
                             const struct record_epoch *e)
{
    if (e->state == EPOCH_NEXT_KEY ||
        bytes_equal(BYTES_OF(e->manifest_hash), BYTES_OF(req->manifest_hash)) ||
        e->prepared > c->now)
        return OK;
    if (c->now >= WARD_PREPARED_S && e->prepared <= c->now - WARD_PREPARED_S)
        return OK;
    return ERR_BUSY;
}

static enum err object_put(struct call *c, const struct record_epoch *e,
                           enum object which, struct bytes value)
{
    struct txn_key key = key_object(e->ward, e->epoch, which);
    struct data_id id = { .epoch = e->epoch };

    memcpy(id.ward, e->ward, ID_BYTES);
    return data_put(c->txn, &id, TAB_OBJECT, key_bytes(&key), value);
}

static enum err prepare_store(struct call *c, const struct req_epoch_prepare *req,
                              const struct record_epoch *e)
{
    struct data_id id = { .epoch = e->epoch };

    memcpy(id.ward, e->ward, ID_BYTES);
    enum err has = data_key_has(c->txn, &id);
    if (has == ERR_UNKNOWN)
        has = data_key_new(c->txn, &id);
    TRY(has);
    TRY(object_put(c, e, OBJECT_BOX_PIECE, req->box_piece));
    TRY(object_put(c, e, OBJECT_BOX_ROSTER, req->box_roster));
    TRY(object_put(c, e, OBJECT_MANIFEST, req->manifest));
    TRY(object_put(c, e, OBJECT_ROSTER, req->roster));
    return object_put(c, e, OBJECT_DESCRIPTOR, req->descriptor);
}

static void prepare_fill(const struct call *c, const struct req_epoch_prepare *req,
                         const struct record_ward *ward, struct record_epoch *e)
{
    e->state = EPOCH_PREPARED;
    e->group = req->group;
    e->index = req->index;
    e->hold = req->hold;
    e->stop_hold = req->stop_hold;
    e->roster_mode = req->roster_mode;
    e->prepared = c->now;
    e->confirmed = e->epoch == 1 ? ward->confirmed : 0;
    e->size = (uint32_t)(req->box_piece.n + req->box_roster.n + req->manifest.n +
                         req->roster.n + req->descriptor.n);
    memcpy(e->manifest_hash, req->manifest_hash, HASH_BYTES);
}

static enum err prepare_new(struct call *c, const struct req_epoch_prepare *req,
                            struct record_ward *ward, struct record_epoch *e)
{
    uint32_t before = e->size;
    bool again = e->state == EPOCH_PREPARED &&
                 bytes_equal(BYTES_OF(e->manifest_hash), BYTES_OF(req->manifest_hash));

    TRY(prepare_descriptor(c, req, ward, e));
    TRY(prepare_free(c, req, e));
    prepare_fill(c, req, ward, e);
    ward->bytes = ward->bytes - before + e->size;
    if (ward->bytes > c->env->limits->ward_bytes)
        return ERR_FULL;
    TRY(prepare_store(c, req, e));
    TRY(epoch_put(c, e));
    TRY(ward_put(c, ward));
    /* Saying it over and over would push older alerts out of their drop. */
    if (again)
        return OK;
    return drop_tell(c, ward, REC_EPOCH_PREPARED, NULL, e->epoch);
}

/* The caller's ward and one of its epochs; what was never begun is not possible now. */
static enum err own_epoch(struct call *c, uint32_t epoch, struct record_ward *out_ward,
                          struct record_epoch *out)
{
    TRY(ward_get(c, c->who->ward, out_ward));
    TRY(record_changeable(out_ward, c->now));
    enum err e = ward_epoch(c, out_ward->ward, epoch, out);

    return e == ERR_UNKNOWN ? ERR_STATE : e;
}

enum err ward_prepare(struct call *c, const struct req_epoch_prepare *req,
                      struct rep_epoch_prepare *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(own_epoch(c, req->epoch, &ward, &e));
    /* Committed meanwhile, and asked again: what is active is not written over. */
    if (req->epoch == ward.active &&
        bytes_equal(BYTES_OF(e.manifest_hash), BYTES_OF(req->manifest_hash)))
        return ack_now(c, &e, &rep->ack);
    if (req->epoch != ward.active + 1)
        return ERR_STATE;
    TRY(prepare_new(c, req, &ward, &e));
    return ack_now(c, &e, &rep->ack);
}

/* ---- EPOCH_COMMIT ---- */

static enum err commit_new(struct call *c, struct record_ward *ward,
                           struct record_epoch *e)
{
    struct record_epoch old = { 0 };

    if (ward->active != 0) {
        TRY(ward_epoch(c, ward->ward, ward->active, &old));
        old.state = EPOCH_SUPERSEDED;
        TRY(epoch_put(c, &old));
    }
    e->state = EPOCH_ACTIVE;
    e->committed = c->now;
    ward->active = e->epoch;
    TRY(epoch_put(c, e));
    TRY(ward_put(c, ward));
    return drop_tell(c, ward, REC_EPOCH_COMMITTED, NULL, e->epoch);
}

enum err ward_commit(struct call *c, const struct req_epoch_commit *req,
                     struct rep_epoch_commit *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(own_epoch(c, req->epoch, &ward, &e));
    if (!bytes_equal(BYTES_OF(e.manifest_hash), BYTES_OF(req->manifest_hash)))
        return ERR_STATE;
    if (e.state == EPOCH_PREPARED)
        TRY(commit_new(c, &ward, &e));
    else if (e.state != EPOCH_ACTIVE)
        return ERR_STATE;
    return ack_now(c, &e, &rep->ack);
}

/* ---- EPOCH_STATE, WARDS ---- */

enum err ward_state(struct call *c, const struct req_epoch_state *req,
                    struct rep_epoch_state *rep)
{
    struct record_epoch held[EPOCHS_MAX];
    size_t n = 0;

    (void)req;
    TRY(ward_epochs(c, c->who->ward, held, &n));
    for (size_t i = 0; i < n; i++) {
        struct epoch_line *line = &rep->epochs[i];

        line->epoch = held[i].epoch;
        line->state = held[i].state;
        line->confirmed = held[i].confirmed != 0;
        line->perhaps = held[i].perhaps;
        memcpy(line->manifest_hash, held[i].manifest_hash, HASH_BYTES);
        if (held[i].state != EPOCH_NEXT_KEY)
            TRY(ack_now(c, &held[i], &line->ack));
    }
    rep->n_epochs = (uint32_t)n;
    return OK;
}

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
                               .left = ward->left };
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

enum err ward_loaded(struct call *c, struct txn_key *io_at, bool *out_more)
{
    size_t mark = c->mem.n;

    for (size_t n = 0; n < WARD_LOADED_AT_ONCE; n++) {
        struct record_epoch epoch = { 0 };
        enum err e = record_next(c, TAB_EPOCH, &record_epoch_schema, (struct bytes){ 0 },
                                 io_at, &epoch);

        c->mem.n = mark;
        *out_more = e != ERR_UNKNOWN;
        if (e == ERR_UNKNOWN)
            return OK;
        if (e == ERR_CORRUPT || (e == OK && epoch.state == EPOCH_NEXT_KEY))
            continue;
        TRY(e);
        epoch.perhaps = 1;
        TRY(record_put(c, TAB_EPOCH, &record_epoch_schema, io_at, &epoch));
    }
    return OK;
}
