/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request_part.h"

enum err request_kill_introduction(struct call *c, const struct request *r)
{
    struct txn_key key = key_intro(r);
    struct introduction in = { 0 };
    uint8_t until[8];

    if (r->introduction.n == 0)
        return OK;
    if (introduction_open(r->introduction, r->introducer, &in) != OK)
        return ERR_CORRUPT;
    store_u64(until, in.until);
    return txn_put(c->txn, TAB_INTRO, key_bytes(&key), BYTES_OF(until));
}

/* The request, if it is one of the caller's ward and listed. */
static enum err stoppable(struct call *c, const uint8_t id[ID_BYTES], struct request *out)
{
    struct request r = { 0 };

    TRY(request_get(c, id, &r));
    if (!id_equal(r.ward, c->who->ward) || r.live == 0)
        return ERR_UNKNOWN;
    TRY(request_over(&r));
    *out = r;
    return OK;
}

/* What an approval left here goes; what was let go already is out. */
static enum err start_again(struct call *c, struct record_ward *ward, struct request *r)
{
    r->roster_epoch = 0;
    TRY(request_kill_introduction(c, r));
    TRY(request_forget(c, r));
    if (r->kind == REQUEST_CONFIRM)
        return OK;
    return ward_stopped(c, ward, r->stop_hold);
}

enum err request_stop(struct call *c, const struct req_stop *req, struct rep_stop *rep)
{
    struct request r = { 0 };
    struct record_ward ward = { 0 };

    TRY(stoppable(c, req->request, &r));
    TRY(ward_get(c, r.ward, &ward));
    if (c->who->role == ROLE_DEVICE && record_frozen(&ward, c->now))
        return ERR_FROZEN;
    if (r.stops >= REQUEST_STOPPED)
        return ERR_FULL;
    bool counts = request_stop_at(&r, c->now, c->env->clock);

    if (counts)
        TRY(start_again(c, &ward, &r));
    TRY(request_put(c, &r));
    TRY(request_tell(c, &r, counts ? REC_REQUEST_STOPPED : REC_STOP_NOTED));
    rep->state = r.state;
    rep->counted = counts;
    rep->stops = r.stops;
    rep->opens = request_opens(&r, c->now);
    return OK;
}
