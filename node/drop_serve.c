/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop_serve_part.h"
#include "node/seat.h"
#include "node/ward.h"

/* ---- which drop ---- */

const uint8_t *drop_holder(const struct call *c)
{
    static const uint8_t none[ID_BYTES];

    if (c->who->role == ROLE_GUARDIAN)
        return c->who->seat;
    return c->who->role == ROLE_OWNER || c->who->role == ROLE_DEVICE ? c->who->ward
                                                                     : none;
}

static bool is_owner(const struct call *c)
{
    return c->who->role == ROLE_OWNER || c->who->role == ROLE_DEVICE;
}

static enum err alerts_id(struct call *c, uint8_t out[ID_BYTES])
{
    struct record_ward ward = { 0 };
    struct record_seat seat = { 0 };

    if (is_owner(c)) {
        TRY(ward_get(c, c->who->ward, &ward));
        memcpy(out, ward.alert, ID_BYTES);
        return OK;
    }
    if (c->who->role != ROLE_GUARDIAN)
        return ERR_UNKNOWN;
    TRY(seat_get(c, c->who->seat, &seat));
    memcpy(out, seat.inbox, ID_BYTES);
    return OK;
}

/* A guardian says of which ward. */
static enum err log_id(struct call *c, const uint8_t ward_id[ID_BYTES],
                       uint8_t out[ID_BYTES])
{
    struct record_ward ward = { 0 };

    if (!is_owner(c) && c->who->role != ROLE_GUARDIAN)
        return ERR_UNKNOWN;
    TRY(ward_visible(c, is_owner(c) ? c->who->ward : ward_id, &ward));
    memcpy(out, ward.log, ID_BYTES);
    return OK;
}

static enum err load_by_id(struct call *c, const uint8_t id[ID_BYTES],
                           struct record_drop *out)
{
    struct record_drop d = { 0 };

    TRY(drop_load(c, id, &d));
    bool mine = !id_none(drop_holder(c)) && id_equal(d.holder, drop_holder(c));
    if (c->who->role == ROLE_REQUESTER)
        mine = id_equal(d.drop, c->who->request);
    if (!mine || d.closed != 0)
        return ERR_UNKNOWN;
    *out = d;
    return OK;
}

enum err drop_which(struct call *c, uint8_t which, const uint8_t id[ID_BYTES],
                    struct record_drop *out)
{
    uint8_t drop[ID_BYTES];

    switch (which) {
    case DROP_BY_ID:
        return load_by_id(c, id, out);
    case DROP_ALERTS:
        TRY(alerts_id(c, drop));
        return drop_load(c, drop, out);
    case DROP_LOG:
        TRY(log_id(c, id, drop));
        return drop_load(c, drop, out);
    case DROP_OF_REQUEST:
        if (c->who->role != ROLE_REQUESTER)
            return ERR_UNKNOWN;
        return drop_load(c, c->who->request, out);
    default:
        return ERR_ARG;
    }
}

enum err drop_receipt_now(struct call *c, const struct record_drop *d, struct bytes *out)
{
    uint64_t settled = c->env->settled;
    struct drop_receipt r = { .seq = d->seq, .time = c->now };
    struct buf b = scratch_buf(c);

    /* What it promises: nothing older comes later. */
    if (settled != 0 && settled < c->now)
        r.time = settled;
    memcpy(r.drop, d->drop, ID_BYTES);
    memcpy(r.head, d->head, HASH_BYTES);
    memcpy(r.incarnation, c->env->id->incarnation, ID_BYTES);
    drop_receipt_make(&r, &c->env->id->sign, &b);
    return scratch_keep(c, &b, out);
}

/* ---- LIST, GET, WATCH ---- */

static void line_of(uint64_t seq, const struct record_blob *b, struct drop_line *out)
{
    *out = (struct drop_line){ .seq = seq,
                               .received = b->received,
                               .size = (uint32_t)b->blob.n };
    drop_blob_hash(b->blob, out->hash);
    if (b->blob.n <= DROP_INLINE)
        out->blob = b->blob;
}

/* What somebody made is gone when its time is over, also before it is taken away. */
static bool hidden(const struct call *c, const struct record_drop *d, uint64_t seq,
                   const struct record_blob *b)
{
    return d->kind == KIND_MADE && drop_old(c, d, seq, b);
}

static enum err list_lines(struct call *c, const struct record_drop *d, uint64_t after,
                           struct rep_drop_list *rep)
{
    uint64_t seq = d->seq - d->kept;

    memcpy(rep->head, d->head, HASH_BYTES);
    for (seq = seq > after ? seq + 1 : after + 1; seq > after && seq <= d->seq; seq++) {
        struct record_blob b = { 0 };
        size_t mark = c->mem.n;
        enum err e = drop_blob(c, d, seq, &b);

        if (e == ERR_CORRUPT || e == ERR_UNKNOWN || (e == OK && hidden(c, d, seq, &b))) {
            c->mem.n = mark; /* its number is missing: the reader sees that */
            continue;
        }
        TRY(e);
        if (rep->n_lines == DROP_LINES) {
            rep->more = 1;
            return OK;
        }
        if (rep->n_lines == 0)
            memcpy(rep->head, b.before, HASH_BYTES);
        line_of(seq, &b, &rep->lines[rep->n_lines++]);
        if (b.blob.n > DROP_INLINE)
            c->mem.n = mark;
    }
    return OK;
}

static enum err list_readers(struct call *c, const struct record_drop *d,
                             struct rep_drop_list *rep)
{
    struct drop_marks m = { 0 };

    TRY(drop_marks_get(c, d->drop, &m));
    for (uint32_t i = 0; i < m.n_marks; i++) {
        struct drop_reader *to = &rep->readers[i];

        to->seq = m.marks[i].seq;
        memcpy(to->key, m.marks[i].key, PUB_BYTES);
        memcpy(to->head, m.marks[i].head, HASH_BYTES);
        memcpy(to->sig, m.marks[i].sig, SIG_BYTES);
    }
    rep->n_readers = m.n_marks;
    return OK;
}

enum err drop_serve_list(struct call *c, const struct req_drop_list *req,
                         struct rep_drop_list *rep)
{
    struct record_drop d = { 0 };

    TRY(drop_which(c, req->which, req->drop, &d));
    memcpy(rep->drop, d.drop, ID_BYTES);
    rep->first = d.kept == 0 ? 0 : d.seq - d.kept + 1;
    TRY(list_lines(c, &d, req->after, rep));
    TRY(list_readers(c, &d, rep));
    return drop_receipt_now(c, &d, &rep->receipt);
}

enum err drop_serve_get(struct call *c, const struct req_drop_get *req,
                        struct rep_drop_get *rep)
{
    struct record_drop d = { 0 };
    struct record_blob b = { 0 };

    TRY(drop_which(c, req->which, req->drop, &d));
    TRY(drop_blob(c, &d, req->seq, &b));
    if (hidden(c, &d, req->seq, &b))
        return ERR_UNKNOWN;
    rep->received = b.received;
    rep->blob = b.blob;
    return OK;
}

enum err drop_serve_watch(struct call *c, const struct req_drop_watch *req,
                          struct rep_drop_watch *rep)
{
    struct record_drop d = { 0 };

    TRY(drop_which(c, req->which, req->drop, &d));
    rep->seq = d.seq;
    memcpy(rep->head, d.head, HASH_BYTES);
    return OK;
}

enum err drop_watch_of(struct call *c, const struct req_drop_watch *req,
                       struct drop_watch *out)
{
    struct record_drop d = { 0 };

    TRY(drop_which(c, req->which, req->drop, &d));
    *out = (struct drop_watch){ .after = req->after, .wait_s = req->wait };
    memcpy(out->drop, d.drop, ID_BYTES);
    return OK;
}

bool drop_watch_ready(struct call *c, const struct drop_watch *w)
{
    struct record_drop d = { 0 };

    /* Another number than the reader's, not only a greater one: a drop that went back
     * is news. */
    return drop_load(c, w->drop, &d) != OK || d.closed != 0 || d.seq != w->after;
}

/* ---- ACK ---- */

/* The head after seq, as far as it is still known. ERR_STATE: it is not. */
static enum err head_after(struct call *c, const struct record_drop *d, uint64_t seq,
                           uint8_t out[HASH_BYTES])
{
    struct record_blob b = { 0 };

    if (seq > d->seq)
        return ERR_STATE;
    if (seq == d->seq) {
        memcpy(out, d->head, HASH_BYTES);
        return OK;
    }
    /* The next one names it: also when seq itself is gone, or is 0. */
    enum err e = drop_blob(c, d, seq + 1, &b);
    if (e != OK)
        return e == ERR_UNKNOWN ? ERR_STATE : e;
    memcpy(out, b.before, HASH_BYTES);
    return OK;
}

static enum err ack_frees(struct call *c, struct record_drop *d, uint64_t seq)
{
    size_t n = 0;

    d->freed = seq > d->freed ? seq : d->freed;
    d->used = c->now;
    TRY(drop_sweep(c, d, DROP_SWEEP, &n));
    return drop_store(c, d);
}

enum err drop_serve_ack(struct call *c, const struct req_drop_ack *req,
                        struct rep_drop_ack *rep)
{
    static const uint8_t no_key[PUB_BYTES];
    struct record_drop d = { 0 };
    uint8_t head[HASH_BYTES];
    bool marks = !bytes_equal(BYTES_OF(req->key), BYTES_OF(no_key));

    (void)rep;
    TRY(drop_which(c, req->which, req->drop, &d));
    TRY(head_after(c, &d, req->seq, head));
    if (!bytes_equal(BYTES_OF(head), BYTES_OF(req->head)))
        return ERR_CONFLICT;
    if (marks)
        TRY(drop_mark_keep(c, &d, req));
    if (d.kind == KIND_MADE)
        return ack_frees(c, &d, req->seq);
    return marks ? OK : ERR_ARG;
}
