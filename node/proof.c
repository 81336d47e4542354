/* SPDX-License-Identifier: Apache-2.0 */
#include "node/proof.h"

#include "node/drop.h"
#include "node/seat.h"
#include "node/vault_part.h"
#include "node/ward.h"

/* What is gone or damaged is no error: the rest can still be proven. */
static bool is_gone(enum err e)
{
    return e == ERR_UNKNOWN || e == ERR_CORRUPT;
}

/* ---- CHECK ---- */

/* The five objects of PREPARE, in the order of stored_hash. */
static enum err check_epoch(struct call *c, const struct req_check *req,
                            uint8_t out[HASH_BYTES])
{
    static const enum object order[] = { OBJECT_BOX_PIECE, OBJECT_BOX_ROSTER,
                                         OBJECT_MANIFEST, OBJECT_ROSTER,
                                         OBJECT_DESCRIPTOR };
    struct bytes parts[sizeof order / sizeof order[0]] = { 0 };
    size_t mark = c->mem.n;

    if (req->epoch == 0)
        return OK;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        enum err e = ward_object(c, c->who->ward, req->epoch, order[i], &parts[i]);

        if (e != OK) {
            c->mem.n = mark;
            return is_gone(e) ? OK : e;
        }
    }
    check_digest(req->nonce, parts, sizeof order / sizeof order[0], out);
    c->mem.n = mark;
    return OK;
}

static enum err check_list(struct call *c, const struct req_check *req,
                           uint8_t out[HASH_BYTES])
{
    struct bytes list = { 0 };
    size_t mark = c->mem.n;
    enum err e = req->epoch == 0 ? ERR_UNKNOWN
                                 : ward_object(c, c->who->ward, req->epoch,
                                               OBJECT_ROSTER_LATER, &list);

    if (e == OK)
        check_digest(req->nonce, &list, 1, out);
    c->mem.n = mark;
    return is_gone(e) ? OK : e;
}

static enum err check_head(struct call *c, const struct record_vault *v,
                           const uint8_t nonce[32], uint8_t out[HASH_BYTES])
{
    struct record_head head = { 0 };
    size_t mark = c->mem.n;
    enum err e = v->newest == 0 ? OK : kept_head(c, v->ward, v->newest, &head);

    if (e == OK)
        check_digest(nonce, &head.head, 1, out);
    c->mem.n = mark;
    return is_gone(e) ? OK : e;
}

static enum err check_object(struct call *c, const uint8_t nonce[32],
                             const uint8_t id[VAULT_ID], uint8_t io[HASH_BYTES])
{
    struct record_object o = { 0 };
    struct bytes object = { 0 };

    TRY(kept_find(c, c->who->ward, id, &o));
    TRY(kept_bytes(c, c->who->ward, id, &o, &object));
    check_add(nonce, object, io);
    return OK;
}

static enum err check_objects(struct call *c, const struct req_check *req,
                              struct rep_check *rep)
{
    size_t n = req->ids.n / VAULT_ID;
    struct span missing = { 0 };
    bool any = false;

    TRY(scratch_take(c, (n + 7) / 8, &missing));
    for (size_t i = 0; i < n; i++) {
        size_t mark = c->mem.n;
        enum err e = check_object(c, req->nonce, req->ids.p + i * VAULT_ID, rep->objects);

        c->mem.n = mark;
        if (!is_gone(e))
            TRY(e);
        missing.p[i / 8] |= (uint8_t)((e != OK) << i % 8);
        any |= e != OK;
    }
    if (any)
        rep->missing = bytes_of(missing.p, missing.n);
    return OK;
}

enum err proof_check(struct call *c, const struct req_check *req, struct rep_check *rep)
{
    struct record_ward ward = { 0 };
    struct record_vault v = { 0 };

    if (req->ids.n % VAULT_ID != 0)
        return ERR_FORMAT;
    TRY(ward_get(c, c->who->ward, &ward));
    if (ward.left != 0)
        return ERR_LEFT;
    TRY(check_epoch(c, req, rep->epoch));
    TRY(check_list(c, req, rep->list));
    enum err e = kept_load(c, &ward, &v);
    if (e == OK)
        TRY(check_head(c, &v, req->nonce, rep->head));
    else if (!is_gone(e))
        return e;
    rep->time = c->now;
    return check_objects(c, req, rep);
}

/* ---- drills ---- */

static const struct wire_field record_drill_fields[] = {
    W_FIX(record_drill, ward, 1, WIRE_MUST),
    W_UINT(record_drill, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(record_drill, manifest_hash, 3, WIRE_MUST),
    W_FIX(record_drill, challenge, 4, WIRE_MUST),
    W_UINT(record_drill, asked, 5, WIRE_MUST, UINT64_MAX),
    W_UINT(record_drill, told, 6, WIRE_MAY, UINT64_MAX),
    W_UINT(record_drill, answered, 7, WIRE_MAY, UINT64_MAX),
    W_UINT(record_drill, time, 8, WIRE_MAY, UINT64_MAX),
    W_FIX(record_drill, sig, 9, WIRE_MAY),
    W_UINT(record_drill, reset, 10, WIRE_MAY, UINT64_MAX),
};
const struct wire_schema record_drill_schema =
    W_SCHEMA(record_drill, record_drill_fields);

static enum err drill_get(struct call *c, const uint8_t ward[ID_BYTES],
                          struct record_drill *out)
{
    struct txn_key key = key_id(ward);

    return record_get(c, TAB_DRILL, &record_drill_schema, &key, out);
}

static enum err drill_put(struct call *c, const struct record_drill *d)
{
    struct txn_key key = key_id(d->ward);

    return record_put(c, TAB_DRILL, &record_drill_schema, &key, d);
}

/* The drill, if its ward is still kept and it waits for the guardian. */
static enum err waiting(struct call *c, const uint8_t id[ID_BYTES],
                        struct record_drill *out)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, id, &ward));
    TRY(drill_get(c, id, out));
    return ward.left == 0 && out->answered == 0 ? OK : ERR_UNKNOWN;
}

enum err proof_waits(struct call *c, const uint8_t ward[ID_BYTES], uint64_t *out_asked)
{
    struct record_drill d = { 0 };
    size_t mark = c->mem.n;
    enum err e = waiting(c, ward, &d);

    c->mem.n = mark;
    *out_asked = e == OK ? d.asked : 0;
    return is_gone(e) ? OK : e;
}

/* The epoch, if it is held whole. */
static enum err drill_epoch(struct call *c, uint32_t number, struct record_epoch *out)
{
    TRY(ward_epoch(c, c->who->ward, number, out));
    return out->state == EPOCH_ACTIVE || out->state == EPOCH_SUPERSEDED ? OK : ERR_STATE;
}

enum err proof_drill_ask(struct call *c, const struct req_drill_ask *req,
                         struct rep_drill_ask *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch epoch = { 0 };
    struct record_drill old = { 0 };
    struct record_drill d = { .epoch = req->epoch, .asked = c->now, .told = c->now };

    TRY(ward_get(c, c->who->ward, &ward));
    if (ward.left != 0)
        return ERR_LEFT;
    TRY(drill_epoch(c, req->epoch, &epoch));
    enum err e = drill_get(c, ward.ward, &old);
    if (!is_gone(e))
        TRY(e);
    if (old.epoch == req->epoch &&
        bytes_equal(BYTES_OF(old.challenge), BYTES_OF(req->challenge))) {
        rep->asked = old.asked; /* asked again: what the guardian answered stays */
        return OK;
    }
    bool tell = old.told == 0 || old.told > c->now || c->now >= old.told + DRILL_TOLD_S;

    d.told = tell ? c->now : old.told;
    memcpy(d.ward, ward.ward, ID_BYTES);
    memcpy(d.manifest_hash, epoch.manifest_hash, HASH_BYTES);
    memcpy(d.challenge, req->challenge, sizeof d.challenge);
    TRY(drill_put(c, &d));
    rep->asked = d.asked;
    return tell ? drop_tell(c, &ward, REC_DRILL_ASKED, NULL, d.epoch) : OK;
}

/* ---- DRILL_LIST ---- */

enum {
    DRILL_LINES = sizeof((struct rep_drill_list *)0)->lines / sizeof(struct drill_line)
};

static void add_line(const struct record_drill *d, struct rep_drill_list *rep)
{
    struct drill_line *line = &rep->lines[rep->n_lines++];

    *line = (struct drill_line){
        .epoch = d->epoch,
        .asked = d->asked,
        .answered = d->answered,
        .time = d->time,
        .reset = d->reset,
    };
    memcpy(line->ward, d->ward, ID_BYTES);
    memcpy(line->manifest_hash, d->manifest_hash, HASH_BYTES);
    memcpy(line->challenge, d->challenge, sizeof line->challenge);
    memcpy(line->sig, d->sig, SIG_BYTES);
}

/* What the guardian needs to open the piece: absent once that epoch is gone. */
static enum err fill_box(struct call *c, const struct record_drill *d,
                         struct rep_drill_list *rep)
{
    struct record_epoch epoch = { 0 };
    struct bytes box = { 0 };
    struct bytes manifest = { 0 };
    enum err e = ward_epoch(c, d->ward, d->epoch, &epoch);

    if (e == OK)
        e = ward_object(c, d->ward, d->epoch, OBJECT_BOX_PIECE, &box);
    if (e == OK)
        e = ward_object(c, d->ward, d->epoch, OBJECT_MANIFEST, &manifest);
    if (e != OK)
        return is_gone(e) ? OK : e;
    rep->group = epoch.group;
    rep->index = epoch.index;
    rep->box_piece = box;
    rep->manifest = manifest;
    return OK;
}

/* Those of the seat that wait; an answered one makes room for the next. */
static enum err list_waiting(struct call *c, struct rep_drill_list *rep)
{
    struct txn_key at = { 0 };
    enum err e = OK;

    while (rep->n_lines < DRILL_LINES &&
           (e = txn_next(c->txn, TAB_WARD_SEAT, bytes_of(c->who->seat, ID_BYTES), &at,
                         (struct span){ 0 }, NULL)) == OK) {
        struct record_drill d = { 0 };
        size_t mark = c->mem.n;

        e = waiting(c, at.b + ID_BYTES, &d);
        c->mem.n = mark;
        if (is_gone(e))
            continue;
        TRY(e);
        add_line(&d, rep);
    }
    return e == ERR_UNKNOWN ? OK : e;
}

enum err proof_drill_list(struct call *c, const struct req_drill_list *req,
                          struct rep_drill_list *rep)
{
    bool guardian = c->who->role == ROLE_GUARDIAN;
    const uint8_t *which = guardian ? req->ward : c->who->ward;
    struct record_ward ward = { 0 };
    struct record_drill d = { 0 };

    if (guardian && id_none(req->ward))
        return list_waiting(c, rep);
    TRY(ward_visible(c, which, &ward));
    enum err e = drill_get(c, which, &d);
    if (e != OK)
        return is_gone(e) ? OK : e;
    add_line(&d, rep);
    return guardian ? fill_box(c, &d, rep) : OK;
}

enum err proof_drill_answer(struct call *c, const struct req_drill_answer *req,
                            struct rep_drill_answer *rep)
{
    struct record_ward ward = { 0 };
    struct record_drill d = { 0 };
    struct record_seat seat = { 0 };

    TRY(ward_visible(c, req->ward, &ward));
    TRY(seat_get(c, ward.seat, &seat));
    TRY(drill_get(c, ward.ward, &d));
    if (!bytes_equal(BYTES_OF(d.challenge), BYTES_OF(req->challenge)))
        return ERR_STATE; /* a newer one was asked for meanwhile */
    bool first = d.answered == 0;

    if (first)
        d.reset = seat.reset;
    d.answered = c->now;
    d.time = req->time;
    memcpy(d.sig, req->sig, SIG_BYTES);
    TRY(drill_put(c, &d));
    rep->answered = d.answered;
    return first ? drop_tell(c, &ward, REC_DRILL_ANSWERED, NULL, d.epoch) : OK;
}
