/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept, and what goes: in the tick, and to make room. */
#include "node/request.h"
#include "node/vault_part.h"
#include "node/ward.h"

enum {
    HEADS_AT_ONCE = 64,  /* erased by one job */
    LOOKED_AT_ONCE = 64, /* vaults of which nothing goes */
    PURGE_AT_ONCE = 512  /* keys of a ward that was given up */
};

/* ---- heads ---- */

enum err kept_head_erase(struct call *c, struct record_vault *v, uint64_t version,
                         const struct record_mark *m)
{
    struct txn_key key = key_blob(v->ward, version);

    v->used -= m->size < v->used ? m->size : v->used;
    v->heads -= v->heads > 0;
    TRY(txn_del(c->txn, TAB_VAULT_HEAD, key_bytes(&key)));
    return txn_del(c->txn, TAB_VAULT_MARK, key_bytes(&key));
}

static enum err next_mark(struct call *c, const struct record_vault *v,
                          struct txn_key *io_at, struct record_mark *out)
{
    struct record_mark m = { 0 };
    size_t mark = c->mem.n;
    enum err e =
        record_next(c, TAB_VAULT_MARK, &record_mark_schema, BYTES_OF(v->ward), io_at, &m);

    c->mem.n = mark;
    TRY(e);
    *out = m;
    return OK;
}

static enum err find_oldest(struct call *c, struct record_vault *v)
{
    struct txn_key at = { 0 };
    enum err e = txn_next(c->txn, TAB_VAULT_MARK, BYTES_OF(v->ward), &at,
                          (struct span){ 0 }, NULL);

    if (e == OK)
        v->oldest = load_u64(at.b + ID_BYTES);
    return e == ERR_UNKNOWN ? OK : e;
}

/* When the clock went back it is younger than now; then it is kept. */
static bool older_than(const struct call *c, uint64_t received, uint64_t seconds)
{
    return c->now >= seconds && received <= c->now - seconds;
}

static bool is_young(const struct call *c, const struct record_mark *m)
{
    return m->unsure != 0 || !older_than(c, m->received, VAULT_HEADS_S);
}

/* Until the next one came it was the newest: both must be old. The newest of each week
 * stays. */
static bool may_thin(const struct call *c, const struct record_mark *m,
                     const struct record_mark *next)
{
    if (is_young(c, m) || is_young(c, next))
        return false;
    return older_than(c, m->received, VAULT_WEEKS_S) ||
           m->received / VAULT_WEEK_S == next->received / VAULT_WEEK_S;
}

/* A head on the way from the oldest to the newest. */
struct step {
    struct txn_key at;
    struct record_mark m;
    bool known; /* its time can be read */
};

/* ERR_UNKNOWN: no more. */
static enum err next_step(struct call *c, const struct record_vault *v, struct step *io)
{
    enum err e = next_mark(c, v, &io->at, &io->m);

    io->known = e == OK;
    return e == ERR_CORRUPT ? OK : e;
}

/*
 * What came while the clock stood still counts from when it runs again: it may have
 * leapt over more time than those heads are old.
 */
static enum err settle_unsure(struct call *c, struct record_vault *v, size_t *out_n)
{
    struct step at = { .at = key_blob(v->ward, v->unsure > 0 ? v->unsure - 1 : 0) };
    enum err e = OK;
    size_t n = 0;

    *out_n = 0;
    if (v->unsure == 0 || c->env->clock == CLOCK_FROZEN)
        return OK;
    for (; n < HEADS_AT_ONCE; n++) {
        e = next_step(c, v, &at);
        if (e != OK)
            break;
        v->unsure = load_u64(at.at.b + ID_BYTES) + 1;
        if (!at.known || at.m.unsure == 0)
            continue;
        at.m.unsure = 0;
        at.m.received = c->now;
        TRY(record_put(c, TAB_VAULT_MARK, &record_mark_schema, &at.at, &at.m));
    }
    *out_n = n;
    v->unsure = e == ERR_UNKNOWN ? 0 : v->unsure;
    return e == ERR_UNKNOWN ? OK : e;
}

/* From the oldest on, until the first that is young or among the last. */
static enum err thin(struct call *c, struct record_vault *v, size_t *out_erased)
{
    struct step a = { 0 };
    size_t left = v->heads;
    size_t erased = 0;
    enum err e = next_step(c, v, &a);

    while (e == OK && left-- > VAULT_HEADS_LAST && erased < HEADS_AT_ONCE &&
           !(a.known && is_young(c, &a.m))) {
        struct step b = { .at = a.at };

        e = next_step(c, v, &b);
        /* One whose time cannot be read stays. */
        if (e == OK && a.known && b.known && may_thin(c, &a.m, &b.m)) {
            e = kept_head_erase(c, v, load_u64(a.at.b + ID_BYTES), &a.m);
            erased++;
        }
        a = b;
    }
    *out_erased = erased;
    return e == OK || e == ERR_UNKNOWN ? find_oldest(c, v) : e;
}

/* ---- objects ---- */

/* Of those that heads dropped, the one dropped first, if every kept head is newer. */
static enum err erase_gone(struct call *c, struct record_vault *v, bool *out_erased)
{
    struct record_object o = { 0 };
    struct txn_key at = { 0 };

    *out_erased = false;
    enum err e = txn_next(c->txn, TAB_VAULT_GONE, BYTES_OF(v->ward), &at,
                          (struct span){ 0 }, NULL);
    if (e == ERR_UNKNOWN || (e == OK && key_age(&at) > v->oldest))
        return OK;
    TRY(e);
    *out_erased = true;
    TRY(txn_del(c->txn, TAB_VAULT_GONE, key_bytes(&at)));
    e = kept_find(c, v->ward, key_object_id(&at), &o);
    if (e == ERR_UNKNOWN || e == ERR_CORRUPT)
        return OK;
    TRY(e);
    return o.dropped == key_age(&at) ? kept_erase(c, v, key_object_id(&at), &o) : OK;
}

/* Of those that were put without a head, the first, if it waits no longer. */
static enum err settle_staged(struct call *c, struct record_vault *v, bool *out_done)
{
    struct record_object o = { 0 };
    struct txn_key at = { 0 };

    *out_done = false;
    enum err e = txn_next(c->txn, TAB_VAULT_STAGED, BYTES_OF(v->ward), &at,
                          (struct span){ 0 }, NULL);
    if (e == ERR_UNKNOWN)
        return OK;
    TRY(e);
    const uint8_t *id = key_object_id(&at);

    e = kept_find(c, v->ward, id, &o);
    bool waits =
        e == OK && o.dropped == 0 && o.received == key_age(&at) && kept_staged(v, &o);
    if (waits && !older_than(c, o.received, VAULT_STAGED_S))
        return OK;
    if (e != OK && e != ERR_UNKNOWN && e != ERR_CORRUPT)
        return e;
    *out_done = true;
    TRY(txn_del(c->txn, TAB_VAULT_STAGED, key_bytes(&at)));
    if (!waits)
        return OK;
    return o.was != 0 ? kept_undo(c, v, id, &o) : kept_erase(c, v, id, &o);
}

/* ---- room ---- */

/* Nothing goes while somebody may be about to come back. */
static enum err may_erase(struct call *c, const struct record_vault *v, bool *out)
{
    bool holding = true;

    TRY(request_holding(c, v->ward, &holding));
    *out = !holding;
    return OK;
}

/* The oldest head that is kept for its week only. */
static enum err let_week_go(struct call *c, struct record_vault *v, bool *out_gone)
{
    struct step a = { 0 };

    *out_gone = false;
    if (v->heads <= VAULT_HEADS_LAST)
        return OK;
    enum err e = next_step(c, v, &a);
    struct step b = a;

    if (e == OK)
        e = next_step(c, v, &b);
    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    if (!a.known || !b.known || is_young(c, &a.m) || is_young(c, &b.m))
        return OK;
    *out_gone = true;
    TRY(kept_head_erase(c, v, load_u64(a.at.b + ID_BYTES), &a.m));
    return find_oldest(c, v);
}

struct room {
    uint64_t bytes; /* most that may be used before what comes */
    uint64_t objects;
    uint64_t heads;
};

static bool fits(const struct record_vault *v, const struct room *r)
{
    return v->used <= r->bytes && v->objects.count <= r->objects && v->heads <= r->heads;
}

static enum err make_room(struct call *c, struct record_vault *v, const struct room *r)
{
    bool some = true;

    TRY(may_erase(c, v, &some));
    for (size_t n = 0; some && n < VAULT_ERASE && !fits(v, r); n++) {
        TRY(erase_gone(c, v, &some));
        if (!some)
            TRY(let_week_go(c, v, &some));
    }
    return fits(v, r) ? OK : ERR_FULL;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

enum err kept_room(struct call *c, struct record_vault *v, uint64_t bytes,
                   uint64_t objects, enum vault_came came)
{
    const struct limits *l = c->env->limits;
    uint64_t kept = 0;
    uint64_t heads = l->vault_heads;

    if (came == CAME_ALONE)
        kept += VAULT_RESERVE;
    /* Whoever stole a device leaves some to the root account. */
    if (c->who->role == ROLE_DEVICE) {
        kept += VAULT_RESERVE;
        heads -= heads / 16;
    }
    if (bytes > less(l->vault_bytes, kept) || objects > l->vault_objects)
        return ERR_FULL;
    const struct room r = { .bytes = l->vault_bytes - kept - bytes,
                            .objects = l->vault_objects - objects,
                            .heads = came == CAME_ALONE ? UINT64_MAX : heads - 1 };

    /* What is there already needs no room. */
    if ((bytes == 0 && objects == 0) || fits(v, &r))
        return OK;
    return make_room(c, v, &r);
}

/* ---- the tick ---- */

/* *out_did: it wrote more than that it looked. */
static enum err sweep(struct call *c, struct record_vault *v, bool *out_did)
{
    bool some = true;
    size_t unsure = 0;
    size_t heads = 0;
    size_t gone = 0;
    size_t settled = 0;

    TRY(settle_unsure(c, v, &unsure));
    TRY(may_erase(c, v, &some));
    if (some)
        TRY(thin(c, v, &heads));
    for (; some && gone < VAULT_ERASE; gone += some)
        TRY(erase_gone(c, v, &some));
    for (some = true; some && settled < VAULT_ERASE; settled += some)
        TRY(settle_staged(c, v, &some));
    bool more = unsure == HEADS_AT_ONCE || heads == HEADS_AT_ONCE ||
                gone == VAULT_ERASE || settled == VAULT_ERASE;

    v->swept = more ? 0 : c->now;
    *out_did = unsure + heads + gone + settled > 0;
    return OK;
}

static enum err purge_table(struct call *c, enum store_table tab,
                            const uint8_t ward[ID_BYTES], size_t *io_n)
{
    struct txn_key at = { 0 };
    enum err e = OK;

    while (*io_n < PURGE_AT_ONCE && (e = txn_next(c->txn, tab, bytes_of(ward, ID_BYTES),
                                                  &at, (struct span){ 0 }, NULL)) == OK) {
        TRY(txn_del(c->txn, tab, key_bytes(&at)));
        (*io_n)++;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* Its data key is gone; the records follow, the vault's own last. */
static enum err purge(struct call *c, const uint8_t ward[ID_BYTES])
{
    static const enum store_table tables[] = { TAB_VAULT_FIND,   TAB_VAULT_BULK,
                                               TAB_VAULT_STAGED, TAB_VAULT_GONE,
                                               TAB_VAULT_MARK,   TAB_VAULT_HEAD };

    size_t n = 0;

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        TRY(purge_table(c, tables[i], ward, &n));
    return n > 0 ? OK : txn_del(c->txn, TAB_VAULT, bytes_of(ward, ID_BYTES));
}

static bool due(const struct call *c, const struct record_vault *v)
{
    return v->swept == 0 || v->swept > c->now || older_than(c, v->swept, VAULT_SWEEP_S);
}

/* *out_more: the job is this vault's alone; one job writes only so much. */
static enum err tick_vault(struct call *c, const uint8_t id[ID_BYTES], size_t *io_looked,
                           bool *out_more)
{
    struct record_ward ward = { 0 };
    struct record_vault v = { 0 };
    struct txn_key key = key_id(id);
    enum err e = ward_get(c, id, &ward);

    if (e == ERR_UNKNOWN || (e == OK && ward.left != 0)) {
        *out_more = true;
        return purge(c, id);
    }
    TRY(e);
    TRY(record_get(c, TAB_VAULT, &record_vault_schema, &key, &v));
    if (!due(c, &v))
        return OK;
    (*io_looked)++;
    TRY(sweep(c, &v, out_more));
    return record_put(c, TAB_VAULT, &record_vault_schema, &key, &v);
}

enum err vault_serve_tick(struct call *c, bool *out_more)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    size_t looked = 0;
    enum err e = OK;

    *out_more = false;
    while (!*out_more && (e = txn_next(c->txn, TAB_VAULT, (struct bytes){ 0 }, &at,
                                       (struct span){ 0 }, NULL)) == OK) {
        e = tick_vault(c, at.b, &looked, out_more);
        *out_more |= looked == LOOKED_AT_ONCE;
        c->mem.n = mark;
        /* A damaged one stays; the others go on. */
        if (e != ERR_CORRUPT)
            TRY(e);
    }
    return e == ERR_UNKNOWN || e == ERR_CORRUPT ? OK : e;
}
