/* SPDX-License-Identifier: Apache-2.0 */
#include "node/change_part.h"
#include "node/drop.h"
#include "node/request.h"

enum {
    AGAIN_1 = 15 * 86400, /* before an own piece goes, that is alerted again, */
    AGAIN_2 = 86400,      /* and once more */
    ALERTS = 3
};

/* ---- what was shown ---- */

enum weight { WEIGHT_NONE, WEIGHT_OWN, WEIGHT_FULL };

/* This seat's own guardian said it. */
static bool said_here(const struct descriptor *d, const struct record_ward *ward,
                      const struct cert_verdict *v)
{
    for (uint32_t i = 0; i < d->n_pieces; i++)
        if (v->by[i] &&
            bytes_equal(BYTES_OF(d->pieces[i].approval), BYTES_OF(ward->approval)))
            return true;
    return false;
}

/* The people are those of the newest confirmed epoch before it: of no other one. */
static enum err weigh_people(struct call *c, const struct record_ward *ward,
                             const struct req_retire *req, enum weight *out)
{
    struct cert_rule rule = { .purpose = PURPOSE_EPOCH, .epoch = req->epoch };
    const struct descriptor *d = NULL;
    struct cert_verdict v = { 0 };
    struct record_epoch base = { 0 };

    *out = WEIGHT_NONE;
    enum err e = ward_confirmed(c, ward->ward, req->epoch, &base);
    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    TRY(ward_descriptor(c, &base, &d));
    memcpy(rule.subject, req->manifest_hash, HASH_BYTES);
    TRY(cert_people(d, &rule, req->people, &v));
    if (v.enough)
        *out = WEIGHT_FULL;
    else if (v.n >= 2 && said_here(d, ward, &v))
        *out = WEIGHT_OWN;
    return OK;
}

static enum err check_machines(struct call *c, const struct record_epoch *x,
                               const struct req_retire *req)
{
    const struct descriptor *d = NULL;
    bool enough = false;

    TRY(ward_descriptor(c, x, &d));
    TRY(cert_machines(d, req->machines, &enough));
    return enough ? OK : ERR_CERT;
}

/* Whoever this node gave the owner's piece back to need not wait. */
static enum err by_released(struct call *c, const struct record_ward *ward,
                            const struct req_retire *req, bool *out)
{
    static const uint8_t none[PUB_BYTES];

    *out = false;
    if (bytes_equal(BYTES_OF(req->req_sign), BYTES_OF(none)))
        return OK;
    if (retire_verify(req->req_sign, ward->ward, req->epoch, req->manifest_hash,
                      req->sig) != OK)
        return ERR_CERT;
    return request_released_to(c, ward->ward, req->req_sign, out);
}

/* ---- the plan ---- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* How often a plan of its own guardian should have been alerted by now. */
static uint8_t alerts_due(const struct record_ward *ward, uint64_t now)
{
    if (ward->retire_own == 0)
        return 1;
    return (uint8_t)(1 + (now + AGAIN_1 >= ward->retire_due) +
                     (now + AGAIN_2 >= ward->retire_due));
}

/* Few people's word erases this piece only, and never before alerts had their time. */
static uint64_t due_of(const struct call *c, const struct record_epoch *x,
                       enum weight weight, bool released)
{
    uint64_t from = x->committed < c->now ? x->committed : c->now;

    if (weight == WEIGHT_OWN)
        return later(from + RETIRE_OWN_S, c->now + DUAL_TIME_S);
    return released ? c->now : from + DUAL_TIME_S;
}

static enum err plan(struct call *c, struct record_ward *ward,
                     const struct record_epoch *x, enum weight weight, uint64_t due)
{
    bool own = weight == WEIGHT_OWN;
    bool full = ward->retire_due != 0 && ward->retire_own == 0;
    bool same = ward->retire_due != 0 && ward->retire_to == x->epoch;

    /* Fewer people than before, less to erase, or the same again, change nothing. */
    if (full && (own || x->epoch < ward->retire_to))
        return OK;
    if (same && (own || (full && ward->retire_due <= due)))
        return OK;
    bool told = same && ward->retire_own == own;

    ward->retire_to = x->epoch;
    ward->retire_due = due;
    ward->retire_own = own;
    ward->retire_told = alerts_due(ward, c->now);
    ward->unsure |= c->env->clock == CLOCK_FROZEN && due > c->now;
    TRY(ward_put(c, ward));
    return told ? OK : drop_tell(c, ward, REC_RETIRE_PLANNED, NULL, x->epoch);
}

/* ---- doing it ---- */

/* Every epoch before it goes, confirmed or not; a damaged one as well. */
static enum err erase_before(struct call *c, struct record_ward *ward)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    enum err e;

    while ((e = txn_next(c->txn, TAB_EPOCH, BYTES_OF(ward->ward), &at, (struct span){ 0 },
                         NULL)) == OK) {
        struct record_epoch old = { 0 };
        uint32_t number = load_u32(at.b + ID_BYTES);

        if (number >= ward->retire_to)
            return OK;
        enum err got = ward_epoch(c, ward->ward, number, &old);
        c->mem.n = mark;
        if (got != ERR_CORRUPT)
            TRY(got);
        old.epoch = number;
        TRY(ward_epoch_retire(c, ward, &old));
    }
    return e == ERR_UNKNOWN ? OK : e;
}

static enum err carry_out(struct call *c, struct record_ward *ward)
{
    struct record_epoch x = { 0 };
    enum err e = ward_epoch(c, ward->ward, ward->retire_to, &x);

    /* Nothing goes without what takes its place. */
    if (e == OK && ward_epoch_held(&x)) {
        TRY(erase_before(c, ward));
        TRY(ward_epoch_confirm(c, ward, &x));
    } else if (e != OK && e != ERR_UNKNOWN) {
        return e;
    }
    ward->retire_to = 0;
    ward->retire_due = 0;
    ward->retire_own = 0;
    ward->retire_told = 0;
    return ward_put(c, ward);
}

enum err change_retire_tick(struct call *c, struct record_ward *ward, size_t *io_n)
{
    bool may = false;
    uint8_t alerts = alerts_due(ward, c->now);

    TRY(change_may(c, ward, ward->retire_due, &may));
    if (may) {
        (*io_n)++;
        return carry_out(c, ward);
    }
    if (alerts <= ward->retire_told || ward->retire_told >= ALERTS)
        return OK;
    (*io_n)++;
    ward->retire_told = alerts;
    TRY(ward_put(c, ward));
    return drop_tell(c, ward, REC_RETIRE_PLANNED, NULL, ward->retire_to);
}

/* ---- RETIRE ---- */

/* People said it: confirmed, and shown from now on. */
static enum err confirm(struct call *c, struct record_ward *ward, struct record_epoch *x,
                        const struct req_retire *req)
{
    struct req_cert_put cert = { .epoch = req->epoch, .people = req->people };

    memcpy(cert.manifest_hash, req->manifest_hash, HASH_BYTES);
    TRY(ward_epoch_confirm(c, ward, x));
    enum err e = ward_cert_keep(c, ward, &cert);
    return e == ERR_STATE ? OK : e; /* theirs about another one of that number stays */
}

/* The epoch that takes their place; *out_done: nothing before it is left. */
static enum err find(struct call *c, const struct record_ward *ward,
                     const struct req_retire *req, struct record_epoch *out_x,
                     bool *out_done)
{
    struct record_epoch all[EPOCHS_MAX];
    size_t n = 0;

    enum err e = ward_epoch(c, ward->ward, req->epoch, out_x);
    if (e != ERR_UNKNOWN)
        TRY(e);
    if (!ward_epoch_held(out_x) ||
        !bytes_equal(BYTES_OF(out_x->manifest_hash), BYTES_OF(req->manifest_hash)))
        return ERR_STATE;
    TRY(ward_epochs(c, ward->ward, all, &n));
    *out_done = n > 0 && all[0].epoch == req->epoch;
    return OK;
}

enum err change_retire(struct call *c, const struct req_retire *req,
                       struct rep_retire *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch x = { 0 };
    enum weight weight = WEIGHT_NONE;
    bool released = false;
    bool may = false;

    TRY(ward_get(c, c->who->ward, &ward));
    TRY(record_changeable(&ward, c->now));
    rep->state = PLAN_DONE;
    if (req->epoch <= ward.retired)
        return OK; /* it is gone itself, and all before it */
    TRY(find(c, &ward, req, &x, &may));
    if (may)
        return OK;
    TRY(check_machines(c, &x, req));
    TRY(weigh_people(c, &ward, req, &weight));
    if (weight == WEIGHT_NONE)
        return ERR_CERT;
    TRY(by_released(c, &ward, req, &released));
    if (weight == WEIGHT_FULL)
        TRY(confirm(c, &ward, &x, req));
    TRY(plan(c, &ward, &x, weight, due_of(c, &x, weight, released)));
    TRY(change_may(c, &ward, ward.retire_due, &may));
    if (may)
        return carry_out(c, &ward);
    rep->state = PLAN_WAITS;
    rep->due = ward.retire_due;
    rep->own = ward.retire_own;
    return OK;
}
