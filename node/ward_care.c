/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop.h"
#include "node/seat.h"
#include "node/ward.h"

static enum err tell(struct call *c, const struct record_ward *ward,
                     enum record_event event)
{
    return drop_tell(c, ward, event, NULL, 0);
}

/* ---- stops ---- */

bool ward_stops_count(const struct record_ward *ward, uint64_t now)
{
    return ward->stops_end > now;
}

enum err ward_stopped(struct call *c, struct record_ward *ward, uint32_t stop_hold)
{
    uint64_t end = c->now + WARD_STOPS_S + 3 * (uint64_t)stop_hold;

    if (!ward_stops_count(ward, c->now))
        ward->stops = 0;
    ward->stops++;
    if (ward->stops_end < end)
        ward->stops_end = end;
    return ward_put(c, ward);
}

/* ---- freeze ---- */

/* The end of the last freeze, 0: there was none. */
static uint64_t last_thaw(const struct record_ward *ward)
{
    return ward->thawed != 0 ? ward->thawed : ward->frozen;
}

enum err ward_freeze(struct call *c, const struct req_freeze *req, struct rep_freeze *rep)
{
    struct record_ward ward = { 0 };

    TRY(ward_visible(c, req->ward, &ward));
    if (ward.left != 0)
        return ERR_LEFT;
    if (!record_frozen(&ward, c->now)) {
        if (ward.frozen != 0 && c->now < last_thaw(&ward) + WARD_THAWED_S)
            return ERR_STATE;
        ward.frozen = c->now + WARD_FROZEN_S;
        ward.thawed = 0;
        TRY(ward_put(c, &ward));
        TRY(tell(c, &ward, REC_WARD_FROZEN));
    }
    rep->until = ward.frozen;
    return OK;
}

static enum err thaw(struct call *c, struct record_ward *ward, uint64_t when)
{
    ward->thawed = when;
    TRY(ward_put(c, ward));
    return tell(c, ward, REC_WARD_THAWED);
}

enum err ward_thaw(struct call *c, const uint8_t id[ID_BYTES])
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, id, &ward));
    return record_frozen(&ward, c->now) ? thaw(c, &ward, c->now) : OK;
}

/* ---- a ward is given up, or ended ---- */

/* By key, so that a damaged epoch goes as well. */
static enum err erase_epochs(struct call *c, struct record_ward *ward)
{
    struct txn_key at = { 0 };
    enum err e;

    while ((e = txn_next(c->txn, TAB_EPOCH, bytes_of(ward->ward, ID_BYTES), &at,
                         (struct span){ 0 }, NULL)) == OK) {
        struct record_epoch epoch = { .epoch = load_u32(at.b + ID_BYTES) };

        TRY(ward_epoch_erase(c, ward, &epoch));
    }
    return e == ERR_UNKNOWN ? OK : e;
}

enum err ward_leave(struct call *c, struct record_ward *ward, enum record_event why)
{
    struct data_id vault = { .epoch = DATA_VAULT };
    struct txn_key cert = key_object(ward->ward, 0, OBJECT_CERT);
    struct record_epoch active = { 0 };
    enum err e = ward_epoch(c, ward->ward, ward->active, &active);

    if (e == OK)
        memcpy(ward->left_hash, active.manifest_hash, HASH_BYTES);
    memcpy(vault.ward, ward->ward, ID_BYTES);
    TRY(erase_epochs(c, ward));
    TRY(data_key_drop(c->txn, &vault));
    TRY(txn_del(c->txn, TAB_OBJECT, key_bytes(&cert)));
    ward->left = c->now;
    ward->active = 0;
    ward->epochs = 0;
    ward->bytes = 0;
    ward->vault = 0;
    ward->cert_epoch = 0;
    ward->cert_time = 0;
    ward->retire_due = 0;
    ward->end_due = why == REC_WARD_ENDED ? ward->end_due : 0; /* whose order it was */
    TRY(ward_put(c, ward));
    return tell(c, ward, why);
}

/* Every credential of the ward goes, a few at a time. */
static enum err erase_creds(struct call *c, const struct record_ward *ward, size_t *io_n)
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    enum err e = OK;

    TRY(secret_new(&cred));
    while (*io_n < WARD_SWEEP && (e = txn_next(c->txn, TAB_CRED, (struct bytes){ 0 }, &at,
                                               (struct span){ 0 }, NULL)) == OK) {
        e = cred_get(c, at.b, cred);
        c->mem.n = mark;
        if (e == ERR_CORRUPT)
            continue;
        TRY(e);
        if (!id_equal(cred->ward, ward->ward))
            continue;
        TRY(cred_erase(c, cred->cred));
        (*io_n)++;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* What was retired long ago, a few at a time. */
static enum err erase_retired(struct call *c, const struct record_ward *ward,
                              size_t *io_n)
{
    struct txn_key at = { 0 };
    enum err e = OK;

    while (*io_n < WARD_SWEEP && (e = txn_next(c->txn, TAB_RETIRED, BYTES_OF(ward->ward),
                                               &at, (struct span){ 0 }, NULL)) == OK) {
        TRY(txn_del(c->txn, TAB_RETIRED, key_bytes(&at)));
        (*io_n)++;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

static enum err forget(struct call *c, const struct record_ward *ward, size_t *io_n)
{
    struct txn_key here = key_ids(ward->seat, ward->ward);
    struct record_seat seat = { 0 };

    TRY(erase_creds(c, ward, io_n));
    TRY(erase_retired(c, ward, io_n));
    if (*io_n > 0)
        return OK;
    (*io_n)++;
    TRY(drop_shut(c, ward->alert));
    TRY(drop_shut(c, ward->log));
    TRY(seat_get(c, ward->seat, &seat));
    owned_drop(&seat.wards, ward->ward);
    TRY(seat_put(c, &seat));
    TRY(txn_del(c->txn, TAB_WARD_SEAT, key_bytes(&here)));
    TRY(txn_del(c->txn, TAB_DRILL, BYTES_OF(ward->ward)));
    return txn_del(c->txn, TAB_WARD, BYTES_OF(ward->ward));
}

/* ---- the tick ---- */

static bool cap(uint64_t *moment, uint64_t most)
{
    bool over = *moment > most;

    *moment = over ? most : *moment;
    return over;
}

/* A person set the clock back: no moment lies further ahead than it could by now. */
static bool cap_ward(struct record_ward *ward, uint64_t now)
{
    bool changed = cap(&ward->frozen, now + WARD_FROZEN_S);

    changed |= cap(&ward->thawed, now);
    changed |= cap(&ward->left, now);
    changed |= cap(&ward->retire_due, now + RETIRE_OWN_S);
    changed |= cap(&ward->end_due, now + DUAL_TIME_S);
    changed |= cap(&ward->end_cancelled, now);
    changed |= cap(&ward->stops_end, now + WARD_STOPS_S + 3 * STOP_HOLD_MAX_S);
    return changed;
}

static enum err tick_ward(struct call *c, struct record_ward *ward, size_t *io_n)
{
    if (cap_ward(ward, c->now)) {
        (*io_n)++;
        return ward_put(c, ward);
    }
    if (ward->left != 0 && c->now >= ward->left + WARD_LEFT_S)
        return forget(c, ward, io_n);
    if (ward->frozen == 0 || ward->thawed != 0 || record_frozen(ward, c->now))
        return OK;
    (*io_n)++;
    return thaw(c, ward, ward->frozen);
}

enum err ward_tick(struct call *c, bool *out_more)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    size_t n = 0;
    enum err e = OK;

    while (n < WARD_SWEEP) {
        struct record_ward ward = { 0 };
        size_t before = n;

        e = record_next(c, TAB_WARD, &record_ward_schema, (struct bytes){ 0 }, &at,
                        &ward);
        if (e == ERR_UNKNOWN)
            break;
        if (e == OK)
            e = tick_ward(c, &ward, &n);
        c->mem.n = mark;
        if (e == ERR_CORRUPT) /* it stays, the others go on; it is nothing to do again */
            n = before;
        else
            TRY(e);
    }
    *out_more = n > 0;
    return OK;
}
