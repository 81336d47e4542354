/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request_part.h"

/* Requests that end with their ward at once; the sweep ends the others. */
enum { END_AT_ONCE = 16 };

enum err request_end_left(struct call *c, struct request *r)
{
    enum request_event event = r->state == STATE_OPENED ? EVENT_CANCEL : EVENT_REFUSE;

    TRY(request_move(r, event, c->now));
    TRY(request_forget(c, r));
    TRY(request_put(c, r));
    return r->live != 0 ? request_tell(c, r, REC_REQUEST_REFUSED) : OK;
}

static enum err end_some(struct call *c, const uint8_t ward[ID_BYTES])
{
    struct txn_key at = { 0 };
    struct request r = { 0 };
    size_t mark = c->mem.n;
    size_t n = 0;
    enum err e = OK;

    while (n < END_AT_ONCE && (e = request_next_of(c, ward, &at, &r)) == OK) {
        bool open = !request_is_final(r.state);

        TRY(open ? request_end_left(c, &r) : OK);
        n += open;
        c->mem.n = mark;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

enum err request_ward_end(struct call *c, const struct req_ward_end *req,
                          struct rep_ward_end *rep)
{
    struct record_ward ward = { 0 };

    TRY(ward_visible(c, req->ward, &ward));
    if (ward.left == 0) {
        TRY(ward_leave(c, &ward, REC_WARD_LEFT));
        TRY(end_some(c, ward.ward));
    }
    rep->left = ward.left;
    return OK;
}

/* Whoever of the owner's asked, about the end: a word given before counts no more. */
static bool about_end(const struct request *r, uint64_t since)
{
    return r->kind == REQUEST_CONFIRM && r->purpose == PURPOSE_END &&
           (!request_is_final(r->state) ||
            (r->state == STATE_RELEASED && r->ended > since));
}

enum err request_take_back_end(struct call *c, const uint8_t ward[ID_BYTES],
                               uint64_t since, bool *out_any)
{
    struct txn_key at = { 0 };
    struct request r = { 0 };
    size_t mark = c->mem.n;
    bool any = false;
    enum err e = OK;

    while ((e = request_next_of(c, ward, &at, &r)) == OK) {
        bool its = about_end(&r, since);

        any = any || its;
        TRY(its && !request_is_final(r.state) ? request_take_back(c, &r) : OK);
        c->mem.n = mark;
    }
    if (e != ERR_UNKNOWN)
        return e;
    *out_any = any;
    return OK;
}

enum err request_end_moved(struct call *c, const uint8_t ward[ID_BYTES],
                           const uint8_t new_owner[PUB_BYTES])
{
    struct txn_key at = { 0 };
    struct request r = { 0 };
    size_t mark = c->mem.n;
    size_t n = 0;
    enum err e = OK;

    while (n < END_AT_ONCE && (e = request_next_of(c, ward, &at, &r)) == OK) {
        bool its = r.kind == REQUEST_MOVE && !request_is_final(r.state) &&
                   bytes_equal(BYTES_OF(r.subject), bytes_of(new_owner, PUB_BYTES));

        TRY(its ? request_take_back(c, &r) : OK);
        n += its;
        c->mem.n = mark;
    }
    return e == ERR_UNKNOWN ? OK : e;
}
