/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop_serve_part.h"
#include "node/seat.h"
#include "node/ward.h"

enum { TICK_DROPS = 64 };

/* Where the sweep over all drops goes on, in TAB_CLOCK. */
#define TICK_CURSOR "drops"

static bool is_zero(const uint8_t key[32])
{
    static const uint8_t zero[32];

    return bytes_equal(bytes_of(key, 32), BYTES_OF(zero));
}

/* ---- how many a holder has ---- */

/* Adds to or takes from what a ward or seat says it made. */
static enum err count_made(struct call *c, const uint8_t holder[ID_BYTES],
                           const uint8_t drop[ID_BYTES],
                           void (*how)(struct owned *, const uint8_t[ID_BYTES]),
                           uint32_t *out_n)
{
    struct record_ward ward = { 0 };
    struct record_seat seat = { 0 };
    enum err e = ward_get(c, holder, &ward);

    if (e == OK) {
        how(&ward.drops, drop);
        *out_n = ward.drops.count;
        return ward_put(c, &ward);
    }
    if (e != ERR_UNKNOWN)
        return e;
    TRY(seat_get(c, holder, &seat));
    how(&seat.drops, drop);
    *out_n = seat.drops.count;
    return seat_put(c, &seat);
}

/* ---- CREATE ---- */

/* Fields of another rule are a caller's mistake, not a surprise later. */
static enum err create_shape(const struct call *c, const struct req_drop_create *req)
{
    bool token = !id_none(req->id) && !is_zero(req->psk);

    if (req->rule < DROP_RULE_HOLDER || req->rule > DROP_RULE_KEYS)
        return ERR_ARG;
    if ((req->n_keys > 0) != (req->rule == DROP_RULE_KEYS))
        return ERR_ARG;
    if (token != (req->rule == DROP_RULE_TOKEN))
        return ERR_ARG;
    if (!token && (!id_none(req->id) || !is_zero(req->psk)))
        return ERR_ARG;
    if (req->keep > DROP_KEEP_S || req->blobs > c->env->limits->blobs)
        return ERR_TOO_BIG;
    return OK;
}

static enum err create_token(struct call *c, const struct req_drop_create *req)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    cred->type = CRED_DEPOSIT;
    cred->made = c->now;
    memcpy(cred->cred, req->id, ID_BYTES);
    memcpy(cred->psk.b, req->psk, KEY_BYTES);
    enum err e = cred_add(c, cred);
    return e == ERR_EXISTS ? ERR_CONFLICT : e;
}

enum err drop_serve_create(struct call *c, const struct req_drop_create *req,
                           struct rep_drop_create *rep)
{
    struct record_drop d = { .kind = KIND_MADE, .rule = req->rule, .used = c->now };
    uint32_t n = 0;

    TRY(create_shape(c, req));
    rng_fill(c->env->rng, d.drop, ID_BYTES);
    memcpy(d.holder, drop_holder(c), ID_BYTES);
    TRY(count_made(c, d.holder, d.drop, owned_add, &n));
    if (n > c->env->limits->drops)
        return ERR_FULL;
    if (req->rule == DROP_RULE_TOKEN)
        TRY(create_token(c, req));
    d.keep = req->keep == 0 ? DROP_MADE_KEEP_S : req->keep;
    d.most = req->blobs == 0 ? (uint32_t)c->env->limits->blobs : req->blobs;
    d.n_keys = req->n_keys;
    memcpy(d.keys, req->keys, req->n_keys * sizeof d.keys[0]);
    memcpy(d.token, req->id, ID_BYTES);
    memcpy(rep->drop, d.drop, ID_BYTES);
    TRY(drop_store(c, &d));
    return drop_receipt_now(c, &d, &rep->receipt);
}

/* ---- PUT ---- */

static bool listed(const struct record_drop *d, const uint8_t key[PUB_BYTES])
{
    for (uint32_t i = 0; i < d->n_keys; i++)
        if (bytes_equal(BYTES_OF(d->keys[i].key), bytes_of(key, PUB_BYTES)))
            return true;
    return false;
}

/* Whether the deposit rule lets this blob in; not asked of the holder. */
static bool rule_allows(const struct call *c, const struct record_drop *d,
                        const struct req_drop_put *req, bool is_signed)
{
    if (d->rule == DROP_RULE_TOKEN)
        return c->who->role == ROLE_DEPOSITOR && id_equal(d->token, c->who->cred);
    return d->rule == DROP_RULE_KEYS && is_signed && listed(d, req->key);
}

static enum err put_in(struct call *c, struct record_drop *d,
                       const struct req_drop_put *req, struct rep_drop_put *rep)
{
    d->used = c->now;
    TRY(drop_add(c, d, req->blob, CAUSE_MUST));
    TRY(drop_store(c, d));
    return drop_receipt_now(c, d, &rep->receipt);
}

enum err drop_serve_put(struct call *c, const struct req_drop_put *req,
                        struct rep_drop_put *rep)
{
    struct record_drop d = { 0 };
    /* Before it is known whether there is such a drop: both take as long. */
    bool is_signed = !is_zero(req->key) &&
                     drop_blob_verify(req->key, req->drop, req->blob, req->sig) == OK;
    enum err e = drop_load(c, req->drop, &d);

    if (e != OK && e != ERR_UNKNOWN && e != ERR_CORRUPT)
        return e;
    bool made = e == OK && d.kind == KIND_MADE && d.closed == 0;
    bool holds = made && !id_none(drop_holder(c)) && id_equal(d.holder, drop_holder(c));

    if (holds)
        return put_in(c, &d, req, rep);
    if (!made || !rule_allows(c, &d, req, is_signed))
        return ERR_REFUSED;
    e = put_in(c, &d, req, rep);
    return e == ERR_FULL ? ERR_REFUSED : e;
}

/* ---- the end of a drop ---- */

/* Nobody sees it from here on; what does not go at once goes with the sweep. */
static enum err shut(struct call *c, struct record_drop *d)
{
    d->closed = 1;
    if (id_none(d->token))
        return OK;
    enum err e = cred_erase(c, d->token);
    return e == ERR_CORRUPT ? OK : e; /* a damaged one lets nobody in */
}

static enum err store_or_erase(struct call *c, struct record_drop *d)
{
    uint32_t n = 0;

    if (d->closed == 0 || d->kept > 0)
        return drop_store(c, d);
    enum err e =
        d->kind == KIND_MADE ? count_made(c, d->holder, d->drop, owned_drop, &n) : OK;
    if (e != ERR_CORRUPT && e != ERR_UNKNOWN) /* its holder is gone */
        TRY(e);
    return drop_erase(c, d->drop);
}

enum err drop_serve_close(struct call *c, const struct req_drop_close *req,
                          struct rep_drop_close *rep)
{
    struct record_drop d = { 0 };
    size_t n = 0;

    (void)rep;
    TRY(drop_which(c, DROP_BY_ID, req->drop, &d));
    if (d.kind != KIND_MADE)
        return ERR_UNKNOWN;
    TRY(shut(c, &d));
    TRY(drop_sweep(c, &d, DROP_SWEEP, &n));
    return store_or_erase(c, &d);
}

/* ---- the sweep ---- */

/* Nobody used it for long, or who made it is gone. */
static enum err is_over(struct call *c, const struct record_drop *d, bool *out)
{
    struct txn_key holder = key_id(d->holder);

    *out = false;
    if (d->kind != KIND_MADE || d->closed != 0)
        return OK;
    *out = c->now >= d->used && c->now - d->used >= DROP_MADE_IDLE_S;
    enum err e = txn_has(c->txn, TAB_WARD, key_bytes(&holder));
    if (e == ERR_UNKNOWN)
        e = txn_has(c->txn, TAB_SEAT, key_bytes(&holder));
    if (e != ERR_UNKNOWN)
        return e;
    *out = true;
    return OK;
}

/* One drop; *io_n counts what was taken away. */
static enum err tick_drop(struct call *c, const uint8_t drop[ID_BYTES], size_t *io_n)
{
    struct record_drop d = { 0 };
    size_t n = 0;
    enum err e = drop_load(c, drop, &d);

    if (e != OK) /* a damaged one stays; the others go on */
        return e == ERR_CORRUPT ? OK : e;
    bool ends = false;

    TRY(is_over(c, &d, &ends));
    if (ends)
        TRY(shut(c, &d));
    TRY(drop_sweep(c, &d, DROP_SWEEP - *io_n, &n));
    *io_n += n;
    return n > 0 || d.closed != 0 ? store_or_erase(c, &d) : OK;
}

static enum err tick_from(struct call *c, struct txn_key *out)
{
    size_t n = 0;
    enum err e = txn_get(c->txn, TAB_CLOCK, bytes_text(TICK_CURSOR), SPAN_OF(out->b), &n);

    if (e == ERR_UNKNOWN || e == ERR_CORRUPT)
        return OK;
    TRY(e);
    out->n = n;
    return OK;
}

enum err drop_serve_tick(struct call *c, bool *out_more)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    size_t taken = 0;
    size_t seen = 0;
    enum err e = OK;

    TRY(tick_from(c, &at));
    bool began = at.n == 0;
    while (seen++ < TICK_DROPS && taken < DROP_SWEEP &&
           (e = txn_next(c->txn, TAB_DROP, (struct bytes){ 0 }, &at, (struct span){ 0 },
                         NULL)) == OK) {
        TRY(tick_drop(c, at.b, &taken));
        c->mem.n = mark;
    }
    *out_more = taken >= DROP_SWEEP;
    if (e == OK)
        return txn_put(c->txn, TAB_CLOCK, bytes_text(TICK_CURSOR), key_bytes(&at));
    if (e != ERR_UNKNOWN)
        return e;
    return began ? OK : txn_del(c->txn, TAB_CLOCK, bytes_text(TICK_CURSOR));
}
