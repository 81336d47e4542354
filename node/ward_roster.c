/* SPDX-License-Identifier: Apache-2.0 */
/* A newer list of guardians for the active epoch, beside the one it was sealed with. */
#include "node/drop.h"
#include "node/request.h"
#include "node/ward.h"

/* One of those put since; nothing where there is none. */
static enum err put_since(struct call *c, const struct record_epoch *e, enum object which,
                          struct bytes *out)
{
    enum err got = ward_object(c, e->ward, e->epoch, which, out);

    if (got == ERR_UNKNOWN || got == ERR_CORRUPT) { /* damaged: it is replaced */
        *out = (struct bytes){ 0 };
        return OK;
    }
    return got;
}

/*
 * The sealed list stays as long as its epoch, and so does the newest but one until it was
 * replaced for the dual time, and while somebody's restore is under way: whoever has the
 * owner's key by theft leads nobody astray.
 */
static enum err room_for(struct call *c, const struct record_epoch *e, struct bytes later,
                         struct bytes former)
{
    bool old = e->roster_put <= c->now && c->now - e->roster_put >= DUAL_TIME_S;
    bool holding = false;

    /* A clock that stands says nothing of how long ago a list was replaced. */
    if (later.n > 0 && c->env->clock == CLOCK_FROZEN)
        return ERR_BUSY;
    if (former.n == 0)
        return OK;
    TRY(request_holding(c, e->ward, &holding));
    return old && !holding ? OK : ERR_BUSY;
}

static enum err count(struct call *c, struct record_ward *ward, struct record_epoch *e,
                      size_t less, size_t more)
{
    uint32_t before = e->size;

    e->size = (uint32_t)(e->size - (less < e->size ? less : e->size) + more);
    ward->bytes = ward->bytes - (before < ward->bytes ? before : ward->bytes) + e->size;
    return ward->bytes > c->env->limits->ward_bytes ? ERR_FULL : OK;
}

static enum err put(struct call *c, struct record_ward *ward, struct record_epoch *e,
                    struct bytes roster)
{
    struct bytes later = { 0 };
    struct bytes former = { 0 };

    TRY(put_since(c, e, OBJECT_ROSTER_LATER, &later));
    TRY(put_since(c, e, OBJECT_ROSTER_FORMER, &former));
    if (later.n > 0 && bytes_equal(later, roster))
        return OK; /* asked again */
    TRY(room_for(c, e, later, former));
    TRY(count(c, ward, e, former.n, roster.n));
    if (later.n > 0)
        TRY(ward_object_put(c, e, OBJECT_ROSTER_FORMER, later));
    TRY(ward_object_put(c, e, OBJECT_ROSTER_LATER, roster));
    e->roster_put = c->now;
    TRY(ward_epoch_put(c, e));
    TRY(ward_put(c, ward));
    return drop_tell(c, ward, REC_ROSTER_PUT, NULL, e->epoch);
}

enum err ward_roster_put(struct call *c, const struct req_roster_put *req,
                         struct rep_roster_put *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };
    struct bytes kept = { 0 };

    TRY(ward_get(c, c->who->ward, &ward));
    TRY(record_changeable(&ward, c->now));
    enum err got = ward_epoch(c, ward.ward, req->epoch, &e);
    if (got != ERR_UNKNOWN)
        TRY(got);
    if (got == ERR_UNKNOWN || e.state != EPOCH_ACTIVE ||
        !bytes_equal(BYTES_OF(e.manifest_hash), BYTES_OF(req->manifest_hash)))
        return ERR_STATE;
    TRY(put(c, &ward, &e, req->roster));
    TRY(ward_object(c, ward.ward, e.epoch, OBJECT_ROSTER_LATER, &kept));
    roster_stored(kept, rep->stored);
    return OK;
}
