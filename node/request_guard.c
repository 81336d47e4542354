/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request_part.h"
#include "node/seat.h"

/* Whoever is away approves nothing; no try is wasted on it. */
static enum err may_approve(struct call *c, const struct request *r)
{
    struct record_seat seat = { 0 };
    struct record_ward ward = { 0 };

    TRY(seat_get(c, r->seat, &seat));
    if (seat.paused > c->now)
        return ERR_PAUSED;
    TRY(ward_get(c, r->ward, &ward));
    return ward.left != 0 ? ERR_LEFT : OK;
}

enum err request_try(struct call *c, const struct req_try *req, struct rep_try *rep)
{
    struct request r = { 0 };

    TRY(request_of_guardian(c, req->request, &r));
    TRY(request_over(&r));
    TRY(may_approve(c, &r));
    if (r.state != STATE_LIVE && r.state != STATE_LOCKED && r.state != STATE_CONTESTED)
        return ERR_STATE;
    if (!id_equal(r.try_op, req->op)) {
        if (r.tries >= REQUEST_TRIES)
            return ERR_TRIES;
        r.tries++;
        memcpy(r.try_op, req->op, ID_BYTES);
        if (r.tries == REQUEST_TRIES && r.state == STATE_LIVE)
            TRY(request_move(&r, EVENT_LOCK, c->now));
        TRY(request_put(c, &r));
        TRY(request_note(c, &r, REC_REQUEST_TRIED));
        if (r.state == STATE_LOCKED)
            TRY(request_tell(c, &r, REC_REQUEST_LOCKED));
    }
    rep->tries_left = request_tries_left(&r);
    return OK;
}

/* ---- APPROVE: what is checked ---- */

/* The statement speaks of this request and of every epoch as the view has it. */
static enum err check_lines(const struct request *r, const struct view *v,
                            const struct statement *s)
{
    if (s->kind != r->kind || s->purpose != r->purpose || s->n_epochs != v->n_epochs ||
        !bytes_equal(BYTES_OF(s->subject), BYTES_OF(r->subject)) ||
        !id_equal(s->request, r->id) ||
        !bytes_equal(BYTES_OF(s->req_sign), BYTES_OF(r->sign)))
        return ERR_REFUSED;
    if (s->how < HOW_MET)
        return ERR_REFUSED;
    for (uint32_t i = 0; i < s->n_epochs; i++) {
        const struct statement_epoch *line = &s->epochs[i];

        if (line->epoch != v->epochs[i].epoch ||
            !bytes_equal(BYTES_OF(line->manifest_hash),
                         BYTES_OF(v->epochs[i].manifest_hash)))
            return ERR_REFUSED;
        if (line->opened != 1 && line->opened != 2)
            return ERR_REFUSED;
    }
    return OK;
}

/* T as this node sees it. The owner key of a confirm is not known here: not checked. */
static enum err check_transcript(struct call *c, const struct request *r,
                                 const struct statement *s)
{
    struct record_seat seat = { 0 };
    struct transcript t = { .view = r->view };
    uint8_t mem[SIGNED_MAX];
    struct buf b = BUF_OF(mem);
    uint8_t hash[HASH_BYTES];

    if (r->kind == REQUEST_CONFIRM)
        return OK;
    TRY(seat_get(c, r->seat, &seat));
    memcpy(t.req_static, r->stat, PUB_BYTES);
    memcpy(t.req_seal, r->seal, PUB_BYTES);
    memcpy(t.req_sign, r->sign, PUB_BYTES);
    memcpy(t.node_key, c->env->id->node_pub, PUB_BYTES);
    memcpy(t.guard_sign, seat.sign_pub, PUB_BYTES);
    memcpy(t.guard_seal, seat.seal_pub, PUB_BYTES);
    transcript_put(&t, &b);
    if (b.over)
        return ERR_TOO_BIG;
    transcript_hash(buf_bytes(&b), hash);
    return bytes_equal(BYTES_OF(hash), BYTES_OF(s->t_hash)) ? OK : ERR_REFUSED;
}

/* One box for each epoch whose line says it opened, in the lines' order. */
static enum err check_boxes(const struct request *r, const struct statement *s,
                            const struct req_approve *req)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->n_epochs && r->kind == REQUEST_RESTORE; i++) {
        if (s->epochs[i].opened != 1)
            continue;
        if (n >= req->n_boxes || req->boxes[n].epoch != s->epochs[i].epoch)
            return ERR_FORMAT;
        n++;
    }
    return n == req->n_boxes ? OK : ERR_FORMAT;
}

static enum err check_intro(const struct call *c, const struct record_ward *ward,
                            const struct request *r, const struct view *v,
                            struct bytes raw)
{
    struct introduction in = { 0 };

    if (raw.n == 0)
        return OK;
    if (r->kind != REQUEST_RESTORE)
        return ERR_FORMAT;
    if (introduction_open(raw, ward->approval, &in) != OK)
        return ERR_REFUSED;
    if (!bytes_equal(BYTES_OF(in.req_sign), BYTES_OF(r->sign)) ||
        !bytes_equal(BYTES_OF(in.manifest_hash), BYTES_OF(v->epochs[0].manifest_hash)))
        return ERR_REFUSED;
    return c->now < in.until ? OK : ERR_EXPIRED;
}

static enum err check_approval(struct call *c, const struct record_ward *ward,
                               const struct request *r, const struct view *v,
                               const struct req_approve *req, struct statement *s)
{
    if (id_none(r->try_op) || !id_equal(r->try_op, req->try_op))
        return ERR_STATE;
    if (statement_open(req->statement, ward->approval, s) != OK)
        return ERR_REFUSED;
    TRY(check_lines(r, v, s));
    TRY(check_transcript(c, r, s));
    TRY(check_boxes(r, s, req));
    if (req->roster_box.n > 0 && r->kind != REQUEST_RESTORE)
        return ERR_FORMAT;
    return check_intro(c, ward, r, v, req->introduction);
}

/* ---- APPROVE: what is written ---- */

static enum err keep_under(struct call *c, const struct request *r, enum release which,
                           uint32_t epoch, struct bytes what)
{
    struct data_id id = { .epoch = epoch };
    struct txn_key key = key_release(r->id, which, which == RELEASE_BOX ? epoch : 0);

    if (what.n == 0)
        return OK;
    memcpy(id.ward, r->ward, ID_BYTES);
    return data_put(c->txn, &id, TAB_RELEASE, key_bytes(&key), what);
}

/* Boxes and roster key wait under the data keys of their epochs. */
static enum err keep_release(struct call *c, struct request *r, const struct view *v,
                             const struct req_approve *req)
{
    struct txn_key key = key_release(r->id, RELEASE_STATEMENT, 0);
    struct record_epoch epoch = { 0 };

    TRY(txn_put(c->txn, TAB_RELEASE, key_bytes(&key), req->statement));
    for (uint32_t i = 0; i < req->n_boxes; i++) {
        enum err e = request_epoch(c, r, view_line(v, req->boxes[i].epoch), &epoch);

        if (e == OK)
            e = keep_under(c, r, RELEASE_BOX, epoch.epoch, req->boxes[i].box);
        if (e != ERR_UNKNOWN) /* it was erased since the guardian opened it */
            TRY(e);
    }
    enum err newest = request_epoch(c, r, &v->epochs[0], &epoch);
    if (newest != ERR_UNKNOWN)
        TRY(newest);
    if (newest != OK || req->roster_box.n == 0 || r->roster_mode == ROSTER_NEVER)
        return OK;
    r->roster_epoch = v->epochs[0].epoch;
    TRY(keep_under(c, r, RELEASE_ROSTER, r->roster_epoch, req->roster_box));
    return keep_under(c, r, RELEASE_INTRO, r->roster_epoch, req->introduction);
}

/* Nobody confirms a piece that does not open. */
static enum err confirm_epoch(struct call *c, struct record_ward *ward,
                              const struct request *r, const struct view *v,
                              const struct statement *s)
{
    struct record_epoch e = { 0 };

    for (uint32_t i = 0; i < v->n_epochs; i++) {
        if (!bytes_equal(BYTES_OF(v->epochs[i].manifest_hash), BYTES_OF(r->subject)))
            continue;
        if (s->epochs[i].opened != 1)
            return ERR_REFUSED;
        TRY(request_epoch(c, r, &v->epochs[i], &e));
        if (e.epoch != 1)
            return ward_confirm_first(c, ward, e.epoch);
        return ward->confirmed != 0 ? OK : ward_confirm(c, ward);
    }
    return ERR_REFUSED;
}

/* What a confirmation is worth here; its statement goes to the owner. */
static enum err confirm_ward(struct call *c, struct record_ward *ward,
                             const struct request *r, const struct view *v,
                             const struct statement *s)
{
    if (r->kind != REQUEST_CONFIRM)
        return OK;
    if (r->purpose == PURPOSE_EPOCH)
        return confirm_epoch(c, ward, r, v, s);
    return r->purpose != PURPOSE_ENROL || ward->confirmed != 0 ? OK
                                                               : ward_confirm(c, ward);
}

/* The event an approval is, in the state the request is in. */
static enum request_event approval_event(const struct request *r)
{
    if (r->state == STATE_CONTESTED)
        return EVENT_APPROVE_DESPITE;
    return r->state == STATE_LOCKED ? EVENT_APPROVE_LAST : EVENT_APPROVE;
}

/* A stop that came after the guardian looked is none they know of. What is only noted
 * changes nothing, and need not be known. */
static bool knows_stops(const struct request *r, const struct req_approve *req)
{
    uint32_t newest = r->stops < REQUEST_RESTARTS ? r->stops : REQUEST_RESTARTS;

    return req->despite != 0 && req->stops >= newest;
}

/* While stops count only a yes that knows of them goes, and only after the stop hold. */
static enum err weigh_stops(const struct call *c, const struct record_ward *ward,
                            const struct req_approve *req, struct request *r)
{
    if (r->kind != REQUEST_CONFIRM && ward_stops_count(ward, c->now))
        request_under_stops(r);
    if (r->restarts == 0)
        return OK;
    if (!knows_stops(r, req))
        return ERR_STOPPED;
    r->flags |= REQUEST_DESPITE;
    return OK;
}

static void note_approval(struct request *r, const struct call *c)
{
    r->approved = c->now;
    r->due = request_due_at(r);
    if (c->env->clock == CLOCK_FROZEN)
        r->unsure |= UNSURE_APPROVED;
}

enum err request_approve(struct call *c, const struct req_approve *req,
                         struct rep_approve *rep)
{
    struct request r = { 0 };
    struct record_ward ward = { 0 };
    struct view v = { 0 };
    struct statement s = { 0 };

    TRY(request_of_guardian(c, req->request, &r));
    if (r.state != STATE_APPROVED && r.state != STATE_RELEASED) {
        TRY(request_over(&r));
        TRY(may_approve(c, &r));
        TRY(ward_get(c, r.ward, &ward));
        TRY(weigh_stops(c, &ward, req, &r));
        TRY(request_view(c, &r, &v));
        TRY(check_approval(c, &ward, &r, &v, req, &s));
        TRY(request_move(&r, approval_event(&r), c->now));
        note_approval(&r, c);
        TRY(keep_release(c, &r, &v, req));
        TRY(confirm_ward(c, &ward, &r, &v, &s));
        TRY(request_put(c, &r));
        TRY(request_tell(c, &r, REC_REQUEST_APPROVED));
    }
    rep->state = r.state;
    rep->opens = request_opens(&r, c->now);
    return OK;
}

/* ---- REFUSE, UNLOCK, BOX_GET ---- */

enum err request_refuse(struct call *c, const struct req_refuse *req,
                        struct rep_refuse *rep)
{
    struct request r = { 0 };

    TRY(request_of_guardian(c, req->request, &r));
    if (r.state != STATE_REFUSED) {
        TRY(request_move(&r, EVENT_REFUSE, c->now));
        TRY(request_kill_introduction(c, &r));
        TRY(request_forget(c, &r));
        TRY(request_put(c, &r));
        TRY(request_tell(c, &r, REC_REQUEST_REFUSED));
    }
    rep->state = r.state;
    return OK;
}

enum err request_unlock(struct call *c, const struct req_unlock *req,
                        struct rep_unlock *rep)
{
    struct request r = { 0 };
    struct record_ward ward = { 0 };

    TRY(request_of_guardian(c, req->request, &r));
    TRY(request_over(&r));
    TRY(ward_get(c, r.ward, &ward));
    if (unlock_verify(ward.approval, r.id, req->op, req->sig) != OK)
        return ERR_REFUSED;
    if (r.state != STATE_LIVE) {
        TRY(request_move(&r, EVENT_UNLOCK, c->now));
        r.tries = 0;
        memset(r.try_op, 0, sizeof r.try_op);
        TRY(request_put(c, &r));
        TRY(request_tell(c, &r, REC_REQUEST_UNLOCKED));
    }
    rep->tries_left = request_tries_left(&r);
    return OK;
}

enum err request_box_get(struct call *c, const struct req_box_get *req,
                         struct rep_box_get *rep)
{
    struct request r = { 0 };
    struct record_epoch epoch = { 0 };
    struct view v = { 0 };

    TRY(request_of_guardian(c, req->request, &r));
    TRY(request_over(&r));
    TRY(request_view(c, &r, &v));
    TRY(request_epoch(c, &r, view_line(&v, req->epoch), &epoch));
    rep->epoch = epoch.epoch;
    memcpy(rep->manifest_hash, epoch.manifest_hash, HASH_BYTES);
    rep->group = epoch.group;
    rep->index = epoch.index;
    TRY(ward_object(c, r.ward, epoch.epoch, OBJECT_BOX_PIECE, &rep->box_piece));
    TRY(ward_object(c, r.ward, epoch.epoch, OBJECT_BOX_ROSTER, &rep->box_roster));
    TRY(ward_object(c, r.ward, epoch.epoch, OBJECT_DESCRIPTOR, &rep->descriptor));
    return ward_object(c, r.ward, epoch.epoch, OBJECT_MANIFEST, &rep->manifest);
}
