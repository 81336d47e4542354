/* SPDX-License-Identifier: Apache-2.0 */
#include "client/vault_round_part.h"

static bool same_hash(const uint8_t *a, const uint8_t *b)
{
    return bytes_equal(bytes_of(a, HASH_BYTES), bytes_of(b, HASH_BYTES));
}

/* ---- objects, from whoever has them ---- */

static void unclaim(struct vault_place *p)
{
    struct place_work *w = p->work;
    struct fetch *f = p->round->fetch;
    for (size_t i = 0; i < w->n_asked; i++)
        f->claimed[w->want[i]]--;
    w->n_asked = 0;
}

/* What nobody asks for now; at the end, what somebody slow asks for as well. */
static void claim(struct vault_place *p)
{
    struct place_work *w = p->work;
    struct fetch *f = p->round->fetch;
    for (int busy = 0; busy <= 1 && w->n_asked == 0; busy++) {
        for (size_t i = 0; i < f->n && w->n_asked < GET_AT_ONCE; i++) {
            if (f->here[i] || w->tried[i] || (f->claimed[i] > 0) != (busy == 1))
                continue;
            memcpy(w->ids + w->n_asked * VAULT_ID, f->ids + i * VAULT_ID, VAULT_ID);
            w->want[w->n_asked++] = i;
            f->claimed[i]++;
        }
    }
}

static enum err take_one(struct vault_place *p, size_t at, struct bytes object)
{
    struct vault_round *r = p->round;
    struct fetch *f = r->fetch;
    if (object.n == 0) {
        p->work->tried[at] = 1;
        return OK;
    }
    if (f->here[at])
        return OK;
    enum err e = vault_keep(r->how->vault, f->ids + at * VAULT_ID, object);
    if (e == ERR_AUTH || e == ERR_TOO_BIG || e == ERR_FORMAT) {
        vault_place_fault(p, VAULT_BAD_OBJECT);
        return ERR_AUTH;
    }
    if (e != OK)
        f->err = e;
    TRY(e);
    f->here[at] = 1;
    f->left--;
    r->moved += object.n;
    return OK;
}

/* As many as fit, in the order asked, at least one. */
static enum err take_objects(struct vault_place *p, struct bytes in)
{
    struct place_work *w = p->work;
    size_t n = 0;
    while (in.n > 0) {
        struct bytes object = { 0 };
        if (n == w->n_asked || vault_frame_next(&in, &object) != OK)
            return ERR_FORMAT;
        TRY(take_one(p, w->want[n++], object));
    }
    vault_place_moved(p);
    return n > 0 ? OK : ERR_FORMAT;
}

static enum err fetch_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct vault_place *p = c->ctx;
    struct place_work *w = p->work;
    if (vault_place_turn(p, reply, out))
        return OK;
    if (reply != NULL && reply->kind == MSG_VAULT_GET) {
        enum err e = reply->err;
        if (e == OK)
            e = take_objects(p, ((const struct rep_vault_get *)reply->rep)->objects);
        unclaim(p);
        if (e == ERR_FORMAT)
            vault_place_fault(p, VAULT_BAD_OBJECT);
        TRY(e);
        vault_round_progress(p->round, "Fetching the vault");
    } else {
        unclaim(p); /* of a conversation that was cut */
    }
    TRY(p->round->fetch->err);
    claim(p);
    if (w->n_asked == 0)
        return OK;
    w->fetch.ids = bytes_of(w->ids, w->n_asked * VAULT_ID);
    vault_place_send(p, MSG_VAULT_GET, &w->fetch, out);
    return OK;
}

static enum err fetch_run(struct vault_round *r, struct fetch *f)
{
    enum place_state *states = calloc(r->n + 1, sizeof *states);
    enum err e = states != NULL ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        states[i] = p->state;
        free(p->work->tried);
        p->work->tried = calloc(f->n, 1);
        p->work->n_asked = 0;
        e = p->work->tried != NULL ? OK : ERR_NOMEM;
        if (p->shown && p->state != PLACE_FAILED)
            p->state = PLACE_OPEN;
        states[i] = p->state == PLACE_OPEN ? states[i] : PLACE_FAILED;
    }
    r->fetch = f;
    if (e == OK)
        e = vault_pass_run(r, PLACE_OPEN, fetch_step, (uint64_t)f->n * VAULT_OBJECT_MAX);
    r->fetch = NULL;
    /* Who failed here is not asked again; the others are where they were. */
    for (size_t i = 0; states != NULL && i < r->n; i++)
        if (r->places[i].state != PLACE_FAILED)
            r->places[i].state = states[i];
    free(states);
    return e != OK ? e : f->err;
}

enum err vault_fetch(struct vault_round *r, struct bytes ids, size_t *out_left)
{
    size_t n = ids.n / VAULT_ID;
    struct fetch f = { .ids = ids.p, .n = n, .left = n };
    enum err e = ERR_NOMEM;
    *out_left = n;
    if (n == 0)
        return OK;
    f.here = calloc(n, 1);
    f.claimed = calloc(n, 1);
    if (f.here != NULL && f.claimed != NULL)
        e = fetch_run(r, &f);
    *out_left = f.left;
    free(f.here);
    free(f.claimed);
    return e;
}

/* ---- states ---- */

/*
 * Until nothing of it is lacking: lists name what is in them only once they are here.
 * *out_left: what nobody gave.
 */
static enum err fetch_state(struct vault_round *r, const struct vault_state *s,
                            size_t *out_left)
{
    size_t before = SIZE_MAX;
    *out_left = 0;
    for (int turn = 0; turn < 8; turn++) {
        AUTO_BLOB struct home_blob ids = { 0 };
        size_t left = 0;
        TRY(vault_lacks(r->how->vault, s, &ids));
        if (ids.n == 0) {
            *out_left = 0;
            return OK;
        }
        TRY(vault_fetch(r, bytes_of(ids.p, ids.n), &left));
        *out_left = left;
        if (left == ids.n / VAULT_ID && left == before)
            return OK;
        before = left;
    }
    return OK;
}

static void add_merge(struct vault_merge *to, const struct vault_merge *m)
{
    to->took = to->took || m->took;
    to->merged = to->merged || m->merged;
    to->added += m->added;
    to->changed += m->changed;
    to->removed += m->removed;
    to->both += m->both;
    to->renamed += m->renamed;
}

/* Who shows a state that is not to be had whole. */
static void name_losers(struct vault_round *r, const uint8_t state[HASH_BYTES])
{
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        if (p->has_head && same_hash(p->newest.hash, state))
            vault_place_fault(p, VAULT_LOST);
    }
}

/* Nothing is written over what nobody could read, unless a person says so. */
static void lose(struct vault_round *r, const uint8_t state[HASH_BYTES], enum err why)
{
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        if (p->state != PLACE_FOREIGN || !same_hash(p->newest.hash, state))
            continue;
        if (why == ERR_TOO_BIG)
            (void)snprintf(
                p->why, sizeof p->why,
                "What %.*s's node has and what is here are together more items "
                "than a vault can have.",
                (int)p->g->name.n, (const char *)p->g->name.p);
        vault_place_fail(p, why);
    }
}

static void settle(struct vault_round *r, const uint8_t state[HASH_BYTES])
{
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        if (p->state == PLACE_FOREIGN && same_hash(p->newest.hash, state))
            p->state = PLACE_LOOKED;
    }
}

/* All a witness of that state lists was in it, or in one before. */
static void know_witnessed(struct vault_round *r, const uint8_t state[HASH_BYTES])
{
    for (size_t i = 0; i < r->n; i++) {
        const struct vault_place *p = &r->places[i];
        if (!p->has_head || !p->witnessed || !same_hash(p->newest.hash, state) ||
            !same_hash(p->witness.state, state))
            continue;
        for (uint32_t k = 0; k < p->witness.n_seats; k++)
            vault_held_know(r->how->held, p->witness.seats[k].state);
    }
}

static void knows_now(struct vault_round *r, const struct vault_shown *s)
{
    vault_held_know(r->how->held, s->hash);
    for (uint32_t i = 0; i < s->state.n_parents; i++)
        vault_held_know(r->how->held, s->state.parents[i].hash);
    know_witnessed(r, s->hash);
    settle(r, s->hash);
}

static enum err join_one(struct vault_round *r, const struct vault_shown *s, bool ok)
{
    const struct vault_how *how = r->how;
    struct vault_merge m = { 0 };
    size_t left = 0;
    TRY(fetch_state(r, &s->state, &left));
    if (left > 0)
        name_losers(r, s->hash);
    enum err e = vault_join(how->vault, &s->state, ok, &m);
    if (e == ERR_STATE) {
        r->shrinks = true;
        vault_shown_copy(&r->shrunk, s);
        return OK;
    }
    if (e == ERR_CORRUPT || e == ERR_UNKNOWN || e == ERR_FORMAT) {
        lose(r, s->hash, ERR_CORRUPT); /* its list of items is not to be had */
        return OK;
    }
    if (e == ERR_TOO_BIG) { /* a flood of items: the other states go on */
        lose(r, s->hash, e);
        return OK;
    }
    TRY(e);
    knows_now(r, s);
    add_merge(&r->merge, &m);
    if (m.merged && r->n_forks < VAULT_FORKS)
        vault_shown_copy(&r->forks[r->n_forks++], s);
    r->changed = r->changed || m.took || m.merged;
    if (m.took || m.merged)
        TRY(vault_save(how->vault, how->params->now(), how->params->rng));
    return OK;
}

/* The newest that is not joined and was not looked at in this turn. */
static const struct vault_shown *next_foreign(const struct vault_round *r,
                                              const bool *done)
{
    const struct vault_shown *best = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const struct vault_place *p = &r->places[i];
        if (done[i] || p->state != PLACE_FOREIGN ||
            vault_held_knows(r->how->held, p->newest.hash))
            continue;
        if (best == NULL || p->newest.state.version > best->state.version)
            best = &p->newest;
    }
    return best;
}

/* ---- what was removed before a restore ---- */

static bool much_less(const struct vault_state *now, const struct vault_state *then)
{
    return (uint64_t)now->items * 3 < (uint64_t)then->items * 2 ||
           now->bytes * 3 < then->bytes * 2;
}

static const struct vault_shown *largest(const struct vault_round *r,
                                         const struct vault_shown *newest)
{
    const struct vault_shown *best = NULL;
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < r->places[i].n_log; k++) {
            const struct vault_shown *s = &r->places[i].log[k];
            if (!much_less(&newest->state, &s->state))
                continue;
            if (best == NULL || s->state.items > best->state.items)
                best = s;
        }
    }
    return best;
}

/* Into an empty vault everything would go without a question. */
static enum err join_largest(struct vault_round *r)
{
    bool none[DAY_GUARDIANS] = { false };
    const struct vault_shown *newest = next_foreign(r, none);
    if (newest == NULL || r->how->shrink_ok || vault_now(r->how->vault)->version != 0)
        return OK;
    TRY(vault_round_log(r));
    const struct vault_shown *more = largest(r, newest);
    if (more == NULL)
        return OK;
    TRY(join_one(r, more, false));
    vault_shown_copy(&r->shrunk, newest);
    return OK;
}

/* Whose state became ours has it. */
static void note_saved(struct vault_round *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        if (p->state == PLACE_LOOKED && p->has_head &&
            same_hash(p->newest.hash, r->now) && r->missing == 0 &&
            vault_place_held(p, true)->doubt == 0)
            vault_place_saved(p, true);
    }
}

enum err vault_round_join(struct vault_round *r)
{
    bool done[DAY_GUARDIANS] = { false };
    size_t before = 0;
    r->shrinks = false;
    if (r->how->bare) {
        TRY(fetch_state(r, vault_now(r->how->vault), &before));
        TRY(vault_load(r->how->vault));
    }
    TRY(join_largest(r));
    for (const struct vault_shown *s = next_foreign(r, done); s != NULL;
         s = next_foreign(r, done)) {
        for (size_t i = 0; i < r->n; i++)
            done[i] = done[i] || (r->places[i].has_head &&
                                  same_hash(r->places[i].newest.hash, s->hash));
        TRY(join_one(r, s, r->how->shrink_ok));
    }
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        if (p->state == PLACE_FOREIGN && vault_held_knows(r->how->held, p->newest.hash))
            p->state = PLACE_LOOKED;
    }
    TRY(fetch_state(r, vault_now(r->how->vault), &before));
    r->missing = before;
    if (before == 0)
        TRY(vault_round_needs(r));
    note_saved(r);
    return OK;
}
