/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop.h"
#include "node/request_part.h"
#include "node/seat.h"

struct txn_key key_release(const uint8_t request[ID_BYTES], enum release which,
                           uint32_t epoch)
{
    struct txn_key k = { 0 };
    struct buf b = BUF_OF(k.b);

    buf_put(&b, bytes_of(request, ID_BYTES));
    buf_put_u8(&b, (uint8_t)which);
    buf_put_u32(&b, epoch);
    k.n = b.n;
    return k;
}

struct txn_key key_open(enum open_key which, const uint8_t ward[ID_BYTES],
                        const uint8_t key[32])
{
    struct txn_key k = { 0 };
    struct buf b = BUF_OF(k.b);

    buf_put_u8(&b, (uint8_t)which);
    if (which == OPEN_SEAL)
        buf_put(&b, bytes_of(ward, ID_BYTES));
    buf_put(&b, bytes_of(key, 32));
    k.n = b.n;
    return k;
}

struct txn_key key_intro(const struct request *r)
{
    struct txn_key k = key_id(r->ward);

    crypt_hash(LABEL_INTRODUCTION, PARTS(BYTES_OF(r->introducer), r->introduction),
               (struct span){ k.b + k.n, HASH_BYTES });
    k.n += HASH_BYTES;
    return k;
}

/* The clock was set back by a person, or the store came by a backup: its times say
 * nothing any more, so its hold counts from when the clock runs. */
static void follow_era(const struct call *c, struct request *r)
{
    if (r->era == c->env->era || request_is_final(r->state))
        return;
    r->went_back |= r->era < c->env->loaded;
    r->era = c->env->era;
    r->unsure = UNSURE_OPENED | UNSURE_APPROVED;
}

enum err request_get(struct call *c, const uint8_t id[ID_BYTES], struct request *out)
{
    struct request r = { 0 };
    struct txn_key key = key_id(id);

    TRY(record_get(c, TAB_REQUEST, &request_schema, &key, &r));
    follow_era(c, &r);
    (void)request_settle(&r, c->now, c->env->clock); /* written by the next change */
    *out = r;
    return OK;
}

enum err request_put(struct call *c, const struct request *r)
{
    struct txn_key key = key_id(r->id);

    return record_put(c, TAB_REQUEST, &request_schema, &key, r);
}

enum err request_over(const struct request *r)
{
    if (r->state == STATE_REFUSED)
        return ERR_STOPPED;
    if (r->state == STATE_EXPIRED)
        return ERR_EXPIRED;
    return request_is_final(r->state) ? ERR_STATE : OK;
}

enum err request_move(struct request *r, enum request_event event, uint64_t now)
{
    uint8_t to = request_next(r->state, event);

    if (to == 0) {
        TRY(request_over(r));
        return ERR_STATE;
    }
    r->state = to;
    if (request_is_final(to))
        r->ended = now;
    return OK;
}

enum err request_view(struct call *c, const struct request *r, struct view *out)
{
    return view_open(r->view, c->env->id->sign_pub, out) == OK ? OK : ERR_CORRUPT;
}

const struct view_epoch *view_line(const struct view *v, uint32_t epoch)
{
    for (uint32_t i = 0; i < v->n_epochs; i++)
        if (v->epochs[i].epoch == epoch)
            return &v->epochs[i];
    return NULL;
}

enum err request_epoch(struct call *c, const struct request *r,
                       const struct view_epoch *line, struct record_epoch *out)
{
    struct record_epoch e = { 0 };

    if (line == NULL)
        return ERR_UNKNOWN;
    TRY(ward_epoch(c, r->ward, line->epoch, &e));
    if (!ward_epoch_held(&e) ||
        !bytes_equal(BYTES_OF(e.manifest_hash), BYTES_OF(line->manifest_hash)))
        return ERR_UNKNOWN;
    *out = e;
    return OK;
}

enum err request_note(struct call *c, const struct request *r, enum record_event event)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, r->ward, &ward));
    return drop_tell(c, &ward, event, r->id, 0);
}

enum err request_tell(struct call *c, const struct request *r, enum record_event event)
{
    enum err e = drop_request(c, r->ward, event, r->id);

    if (e != ERR_CORRUPT && e != ERR_UNKNOWN) /* its own drop holds up no request */
        TRY(e);
    return request_note(c, r, event);
}

enum err request_forget(struct call *c, const struct request *r)
{
    struct txn_key key = { 0 };
    enum err e;

    while ((e = txn_next(c->txn, TAB_RELEASE, BYTES_OF(r->id), &key, (struct span){ 0 },
                         NULL)) == OK)
        TRY(txn_del(c->txn, TAB_RELEASE, key_bytes(&key)));
    return e == ERR_UNKNOWN ? OK : e;
}

enum err request_of_guardian(struct call *c, const uint8_t id[ID_BYTES],
                             struct request *out)
{
    struct request r = { 0 };

    TRY(request_get(c, id, &r));
    if (c->who->role != ROLE_GUARDIAN || !id_equal(r.seat, c->who->seat) || r.live == 0)
        return ERR_UNKNOWN;
    *out = r;
    return OK;
}

enum err request_of_opener(struct call *c, const uint8_t id[ID_BYTES],
                           struct request *out)
{
    struct request r = { 0 };
    bool its;

    TRY(request_get(c, id, &r));
    if (c->who->role == ROLE_OWNER)
        its = r.kind == REQUEST_CONFIRM ||
              (r.kind == REQUEST_MOVE && id_equal(r.cred, c->who->cred));
    else
        its = r.kind != REQUEST_CONFIRM &&
              bytes_equal(BYTES_OF(r.stat), BYTES_OF(c->who->stat));
    if (!its || !id_equal(r.ward, c->who->ward))
        return ERR_UNKNOWN;
    *out = r;
    return OK;
}

enum err request_next_of(struct call *c, const uint8_t ward_or_seat[ID_BYTES],
                         struct txn_key *io_key, struct request *out)
{
    enum err e;

    do {
        TRY(txn_next(c->txn, TAB_REQUEST_FIND, bytes_of(ward_or_seat, ID_BYTES), io_key,
                     (struct span){ 0 }, NULL));
        e = request_get(c, io_key->b + ID_BYTES, out);
    } while (e == ERR_CORRUPT);
    return e == ERR_UNKNOWN ? ERR_CORRUPT : e;
}

enum err request_count(struct call *c, const uint8_t ward[ID_BYTES], uint32_t *out_n)
{
    struct txn_key at = { 0 };
    struct request r = { 0 };
    uint32_t n = 0;
    size_t mark = c->mem.n;
    enum err e;

    while ((e = request_next_of(c, ward, &at, &r)) == OK) {
        n += r.live != 0 && !request_is_final(r.state);
        c->mem.n = mark;
    }
    if (e != ERR_UNKNOWN)
        return e;
    *out_n = n;
    return OK;
}

enum err request_holding(struct call *c, const uint8_t ward[ID_BYTES], bool *out)
{
    struct txn_key at = { 0 };
    struct request r = { 0 };
    size_t mark = c->mem.n;
    bool holding = false;
    enum err e = OK;

    while (!holding && (e = request_next_of(c, ward, &at, &r)) == OK) {
        holding = r.kind != REQUEST_CONFIRM &&
                  (r.state == STATE_APPROVED || r.state == STATE_CONTESTED);
        c->mem.n = mark;
    }
    if (e != OK && e != ERR_UNKNOWN)
        return e;
    *out = holding;
    return OK;
}

enum err request_released_to(struct call *c, const uint8_t ward[ID_BYTES],
                             const uint8_t sign[PUB_BYTES], bool *out)
{
    struct txn_key at = { 0 };
    struct request r = { 0 };
    size_t mark = c->mem.n;
    bool found = false;
    enum err e = OK;

    while (!found && (e = request_next_of(c, ward, &at, &r)) == OK) {
        found = r.kind == REQUEST_RESTORE && r.state == STATE_RELEASED &&
                bytes_equal(BYTES_OF(r.sign), bytes_of(sign, PUB_BYTES));
        c->mem.n = mark;
    }
    if (e != OK && e != ERR_UNKNOWN)
        return e;
    *out = found;
    return OK;
}

/* ---- the sweep ---- */

/* A request goes with up to 64 answers and 64 blobs; one job writes 1,024 records. */
enum { ERASE_COST = 16, TELL_COST = 2 };

enum err request_erase(struct call *c, const struct request *r)
{
    struct txn_key keys[] = { key_ids(r->ward, r->id), key_ids(r->seat, r->id) };
    struct txn_key used[] = { key_open(OPEN_SEAL, r->ward, r->seal),
                              key_open(OPEN_COMMITMENT, r->ward, r->commitment) };

    for (size_t i = 0; i < 2; i++) {
        TRY(txn_del(c->txn, TAB_REQUEST_FIND, key_bytes(&keys[i])));
        TRY(txn_del(c->txn, TAB_OPEN_KEY, key_bytes(&used[i])));
    }
    TRY(request_forget(c, r));
    TRY(drop_erase(c, r->id));
    enum err e = cred_erase(c, r->id);
    if (e != ERR_CORRUPT) /* a damaged one lets nobody in */
        TRY(e);
    return txn_del(c->txn, TAB_REQUEST, BYTES_OF(r->id));
}

/* Its time is over, or it counts from now. */
static enum err settled(struct call *c, const struct request *r, size_t *io_n)
{
    if (!request_is_final(r->state))
        return request_put(c, r);
    TRY(request_forget(c, r));
    TRY(request_put(c, r));
    if (r->live == 0)
        return OK;
    *io_n += TELL_COST;
    return request_tell(c, r, REC_REQUEST_EXPIRED);
}

/* True if its guardian gave the ward up; a damaged ward decides nothing. */
static enum err is_left(struct call *c, const struct request *r, bool *out)
{
    struct record_ward ward = { 0 };
    size_t mark = c->mem.n;
    enum err e = ward_get(c, r->ward, &ward);

    c->mem.n = mark;
    *out = e == OK && ward.left != 0;
    return e == ERR_CORRUPT || e == ERR_UNKNOWN ? OK : e;
}

/* A person set the clock back: what ended did so by now. Else it would be kept, and keep
 * a sheet waiting, until the wrong time comes. */
static bool cap_end(const struct call *c, struct request *r)
{
    if (!request_is_final(r->state) || r->ended <= c->now)
        return false;
    r->ended = c->now;
    return true;
}

/* Sweeps one request as it is stored; *io_n counts what that cost of REQUEST_SWEEP. */
static enum err sweep(struct call *c, struct request *r, size_t *io_n)
{
    uint64_t kept = r->live == 0 ? REQUEST_HIDDEN_S : REQUEST_KEPT_S;
    struct txn_key statement = key_release(r->id, RELEASE_STATEMENT, 0);
    bool left = false;

    (*io_n)++;
    follow_era(c, r);
    if (cap_end(c, r))
        return request_put(c, r);
    if (request_settle(r, c->now, c->env->clock))
        return settled(c, r, io_n);
    if (!request_is_final(r->state))
        TRY(is_left(c, r, &left));
    if (left) {
        *io_n += TELL_COST;
        return request_end_left(c, r);
    }
    if (request_is_final(r->state) && c->now >= r->ended + kept) {
        *io_n += ERASE_COST - 1;
        return request_erase(c, r);
    }
    if (r->state == STATE_RELEASED && c->now >= request_expires(r) &&
        txn_has(c->txn, TAB_RELEASE, key_bytes(&statement)) == OK)
        return request_forget(c, r);
    (*io_n)--;
    return OK;
}

/* Introductions that were dead and would have ended by now. */
static enum err sweep_intros(struct call *c, size_t *n)
{
    struct txn_key at = { 0 };
    uint8_t until[8];
    size_t got;
    enum err e = OK;

    while (*n < REQUEST_SWEEP && (e = txn_next(c->txn, TAB_INTRO, (struct bytes){ 0 },
                                               &at, SPAN_OF(until), &got)) == OK) {
        if (c->now < load_u64(until))
            continue;
        TRY(txn_del(c->txn, TAB_INTRO, key_bytes(&at)));
        (*n)++;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* The next stored request, as it is stored; damaged ones are passed over. */
static enum err next_stored(struct call *c, struct txn_key *io_key, struct request *out)
{
    enum err e;

    do {
        *out = (struct request){ 0 };
        e = record_next(c, TAB_REQUEST, &request_schema, (struct bytes){ 0 }, io_key,
                        out);
    } while (e == ERR_CORRUPT);
    return e;
}

enum err request_tick(struct call *c, bool *out_more)
{
    struct txn_key at = { 0 };
    struct request r;
    size_t mark = c->mem.n;
    size_t n = 0;
    enum err e = OK;

    while (n < REQUEST_SWEEP && (e = next_stored(c, &at, &r)) == OK) {
        e = sweep(c, &r, &n);
        c->mem.n = mark;
        if (e != ERR_CORRUPT) /* another record of it: it stays, the others go on */
            TRY(e);
    }
    if (e == ERR_CORRUPT)
        e = OK;
    if (e != ERR_UNKNOWN)
        TRY(e);
    TRY(sweep_intros(c, &n));
    *out_more = n >= REQUEST_SWEEP;
    return OK;
}
