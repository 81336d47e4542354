/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request_part.h"
#include "node/seat.h"

/* ---- what everybody is told of it ---- */

/* A ward or seat that is damaged holds up nobody. */
static bool is_gone(enum err e)
{
    return e == ERR_UNKNOWN || e == ERR_CORRUPT;
}

/* Whether stops count at its ward, and its guardian is away. */
static enum err beside(struct call *c, const struct request *r, bool *out_stops,
                       bool *out_away)
{
    struct record_ward ward = { 0 };
    struct record_seat seat = { 0 };
    size_t mark = c->mem.n;

    enum err e = ward_get(c, r->ward, &ward);
    if (!is_gone(e))
        TRY(e);
    e = seat_get(c, r->seat, &seat);
    if (!is_gone(e))
        TRY(e);
    c->mem.n = mark;
    *out_stops = ward_stops_count(&ward, c->now);
    *out_away = seat.paused > c->now;
    return OK;
}

/* What is worth a word beside its state, and when it opens. */
static enum err look(struct call *c, const struct request *r, uint8_t *out_flags,
                     uint64_t *out_opens)
{
    static const uint8_t nobody[PUB_BYTES];
    struct request as_if = *r;
    uint8_t flags = r->flags;
    bool stops = false;
    bool away = false;

    if (!request_is_final(r->state))
        TRY(beside(c, r, &stops, &away));
    if (stops && r->approved == 0)
        request_under_stops(&as_if);
    flags |= as_if.restarts > 0 ? REQUEST_STOPS : 0;
    flags |= away ? REQUEST_AWAY : 0;
    flags |= r->went_back != 0 ? REQUEST_WENT_BACK : 0;
    if (!bytes_equal(BYTES_OF(r->introducer), BYTES_OF(nobody)))
        flags |= REQUEST_INTRODUCED;
    *out_flags = flags;
    *out_opens = request_opens(&as_if, c->now);
    return OK;
}

/* ---- FETCH ---- */

/* What lies under an epoch's data key; absent once that epoch was erased. */
static enum err released(struct call *c, const struct request *r, enum release which,
                         uint32_t epoch, struct bytes *out)
{
    struct data_id id = { .epoch = epoch };
    struct txn_key key = key_release(r->id, which, which == RELEASE_BOX ? epoch : 0);
    enum err e;

    memcpy(id.ward, r->ward, ID_BYTES);
    e = record_bytes(c, &id, TAB_RELEASE, &key, out);
    return is_gone(e) ? OK : e;
}

/* Once the piece is due it goes: from here the release is final. */
static enum err release_if_due(struct call *c, struct request *r)
{
    if (!request_due(r, c->now, c->env->clock))
        return OK;
    TRY(request_move(r, EVENT_RELEASE, c->now));
    TRY(request_put(c, r));
    TRY(request_tell(c, r, REC_REQUEST_RELEASED));
    return r->kind == REQUEST_RESTORE ? ward_thaw(c, r->ward) : OK;
}

static bool roster_may_go(const struct request *r)
{
    if (r->roster_epoch == 0 || r->roster_mode == ROSTER_NEVER)
        return false;
    return r->state == STATE_RELEASED ||
           (r->state == STATE_APPROVED && r->roster_mode == ROSTER_AT_ONCE);
}

/* Whose word is true only who restores can find out: all of them are given. */
static enum err fetch_roster(struct call *c, struct request *r, const struct view *v,
                             uint8_t which, struct rep_fetch *rep)
{
    static const enum object objects[] = { [ROSTER_SEALED] = OBJECT_ROSTER,
                                           [ROSTER_LATER] = OBJECT_ROSTER_LATER,
                                           [ROSTER_FORMER] = OBJECT_ROSTER_FORMER };
    const struct view_epoch *line = view_line(v, r->roster_epoch);
    enum err e;

    if (!roster_may_go(r) || line == NULL)
        return OK;
    e = ward_object(c, r->ward, r->roster_epoch, objects[which], &rep->roster);
    if (is_gone(e))
        return OK;
    TRY(e);
    TRY(released(c, r, RELEASE_ROSTER, r->roster_epoch, &rep->roster_box));
    TRY(released(c, r, RELEASE_INTRO, r->roster_epoch, &rep->introduction));
    memcpy(rep->roster_hash, line->manifest_hash, HASH_BYTES);
    if (r->roster_gone != 0)
        return OK;
    r->roster_gone = c->now;
    TRY(request_put(c, r));
    return request_tell(c, r, REC_ROSTER_RELEASED);
}

static enum err fetch_statement(struct call *c, const struct request *r,
                                struct rep_fetch *rep)
{
    struct txn_key key = key_release(r->id, RELEASE_STATEMENT, 0);
    enum err e;

    if (r->state != STATE_RELEASED)
        return OK;
    e = record_bytes(c, NULL, TAB_RELEASE, &key, &rep->statement);
    return e == ERR_UNKNOWN ? OK : e;
}

/* That this node let the piece go, by the key the epoch's descriptor names. */
static enum err make_receipt(struct call *c, const struct request *r,
                             const struct view_epoch *line, struct bytes *out)
{
    AUTO_SECRET struct sign_seed *seed = NULL;
    struct release_receipt receipt = { .epoch = line->epoch, .time = r->ended };

    TRY(secret_new(&seed));
    enum err e = ward_ack_seed(c, r->ward, line->epoch, seed);
    if (is_gone(e))
        return OK;
    TRY(e);
    memcpy(receipt.ward, r->ward, ID_BYTES);
    memcpy(receipt.request, r->id, ID_BYTES);
    memcpy(receipt.req_sign, r->sign, PUB_BYTES);
    memcpy(receipt.manifest_hash, line->manifest_hash, HASH_BYTES);
    struct buf b = scratch_buf(c);

    release_receipt_make(&receipt, seed, &b);
    return scratch_keep(c, &b, out);
}

static enum err fetch_epoch(struct call *c, const struct request *r, const struct view *v,
                            uint32_t epoch, struct rep_fetch *rep)
{
    struct record_epoch held = { 0 };

    if (r->kind != REQUEST_RESTORE || view_line(v, epoch) == NULL)
        return ERR_UNKNOWN;
    if (r->state != STATE_RELEASED) {
        TRY(request_over(r));
        return ERR_STATE;
    }
    enum err e = request_epoch(c, r, view_line(v, epoch), &held);
    if (e != ERR_CORRUPT) /* what was approved may be whole all the same */
        TRY(e);
    TRY(ward_object(c, r->ward, epoch, OBJECT_MANIFEST, &rep->manifest));
    TRY(make_receipt(c, r, view_line(v, epoch), &rep->receipt));
    return released(c, r, RELEASE_BOX, epoch, &rep->box);
}

enum err request_fetch(struct call *c, const struct req_fetch *req, struct rep_fetch *rep)
{
    struct request r = { 0 };
    struct view v = { 0 };

    TRY(request_of_opener(c, req->request, &r));
    TRY(request_view(c, &r, &v));
    TRY(release_if_due(c, &r));
    if (req->epoch != 0) {
        TRY(fetch_epoch(c, &r, &v, req->epoch, rep));
    } else {
        TRY(fetch_roster(c, &r, &v, req->roster, rep));
        TRY(fetch_statement(c, &r, rep));
    }
    rep->state = r.state;
    rep->approved = r.approved;
    TRY(look(c, &r, &rep->flags, &rep->opens));
    rep->expires = request_expires(&r);
    rep->tries_left = request_tries_left(&r);
    return OK;
}

/* ---- REQUESTS, REQUEST ---- */

static enum err fill_line(struct call *c, const struct request *r,
                          struct request_line *line)
{
    memcpy(line->request, r->id, ID_BYTES);
    memcpy(line->ward, r->ward, ID_BYTES);
    line->kind = r->kind;
    line->purpose = r->purpose;
    line->state = r->state;
    line->opened = r->opened;
    line->approved = r->approved;
    line->expires = request_expires(r);
    line->tries_left = request_is_final(r->state) ? 0 : request_tries_left(r);
    line->stops = r->stops;
    line->stopped = r->stopped;
    line->ended = r->ended;
    return look(c, r, &line->flags, &line->opens);
}

/* Whether the caller may know of it at all. */
static bool visible(const struct call *c, const struct request *r)
{
    switch (c->who->role) {
    case ROLE_GUARDIAN:
        return id_equal(r->seat, c->who->seat) && r->live != 0;
    case ROLE_OWNER:
    case ROLE_DEVICE:
        return id_equal(r->ward, c->who->ward) && r->live != 0;
    case ROLE_REQUESTER:
        return id_equal(r->id, c->who->request) &&
               bytes_equal(BYTES_OF(r->stat), BYTES_OF(c->who->stat));
    case ROLE_INVITE:
    case ROLE_RESTORE:
    case ROLE_DEPOSITOR:
    case ROLE_OPERATOR:
        break;
    }
    return false;
}

static bool listed(const struct call *c, const struct request *r, bool all)
{
    if (!visible(c, r))
        return false;
    return !request_is_final(r->state) || (all && c->now < r->ended + REQUEST_KEPT_S);
}

static enum err list_own(struct call *c, struct rep_requests *rep)
{
    struct request r = { 0 };
    enum err e = request_get(c, c->who->request, &r);

    if (e == ERR_UNKNOWN)
        return OK;
    TRY(e);
    if (visible(c, &r))
        TRY(fill_line(c, &r, &rep->requests[rep->n_requests++]));
    return OK;
}

enum err request_list(struct call *c, const struct req_requests *req,
                      struct rep_requests *rep)
{
    const uint8_t *whose = c->who->role == ROLE_GUARDIAN ? c->who->seat : c->who->ward;
    struct txn_key at = { 0 };
    struct request r = { 0 };
    size_t mark = c->mem.n;
    enum err e;

    if (c->who->role == ROLE_REQUESTER)
        return id_none(req->after) ? list_own(c, rep) : OK;
    if (!id_none(req->after))
        at = key_ids(whose, req->after);
    while ((e = request_next_of(c, whose, &at, &r)) == OK) {
        c->mem.n = mark;
        if (!listed(c, &r, req->all))
            continue;
        if (rep->n_requests == sizeof rep->requests / sizeof rep->requests[0]) {
            rep->more = 1;
            return OK;
        }
        TRY(fill_line(c, &r, &rep->requests[rep->n_requests++]));
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* The nonce makes the words: only the two who speak get it. */
static bool may_see_nonce(const struct call *c, const struct request *r)
{
    return c->who->role == ROLE_GUARDIAN || c->who->role == ROLE_REQUESTER ||
           (c->who->role == ROLE_OWNER && r->kind == REQUEST_CONFIRM);
}

enum err request_show(struct call *c, const struct req_request *req,
                      struct rep_request *rep)
{
    struct request r = { 0 };
    struct record_ward ward = { 0 };

    TRY(request_get(c, req->request, &r));
    if (!visible(c, &r))
        return ERR_UNKNOWN;
    TRY(ward_get(c, r.ward, &ward));
    rep->n_line = 1;
    TRY(fill_line(c, &r, &rep->line[0]));
    rep->view = r.view;
    if (may_see_nonce(c, &r))
        memcpy(rep->nonce, r.nonce, sizeof rep->nonce);
    memcpy(rep->commitment, r.commitment, HASH_BYTES);
    memcpy(rep->req_static, r.stat, PUB_BYTES);
    memcpy(rep->req_seal, r.seal, PUB_BYTES);
    memcpy(rep->req_sign, r.sign, PUB_BYTES);
    rep->claimed = r.claimed;
    rep->introduction = r.introduction;
    memcpy(rep->introducer, r.introducer, PUB_BYTES);
    memcpy(rep->invite, ward.invite, ID_BYTES);
    return OK;
}
