/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_change_part.h"
#include "client/ceremony_seal_part.h"

/* ---- what every node is shown ---- */

/* The same for all of them; on the heap. */
struct shown {
    struct cert_acks acks;
    struct cert_verdict verdict;
    struct bytes people;
    struct bytes machines;
    uint8_t people_mem[CERT_PEOPLE_MAX];
    uint8_t machines_mem[CERT_MACHINES_MAX];
};

static void put_acks(const struct day *d, struct shown *s)
{
    size_t room = CERT_MACHINES_MAX - 64;
    for (size_t i = 0; i < d->n_guardians && s->acks.n_acks < PIECES_MAX; i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (g->kind != PIECE_NODE || g->epoch != d->me.epoch || g->ack.n == 0 ||
            g->ack.n + 8 > room)
            continue;
        room -= g->ack.n + 8;
        s->acks.acks[s->acks.n_acks++] = (struct cert_ack){ .ack = g->ack };
    }
}

static enum err shown_new(const struct day *d, struct shown **out)
{
    AUTO_FREE struct shown *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    struct buf people = BUF_OF(s->people_mem);
    struct buf machines = BUF_OF(s->machines_mem);
    /* Without an old circle to judge by, each node judges what it is shown. */
    enum err e = change_people(d, &people, &s->verdict);
    TRY(e == ERR_UNKNOWN ? change_words(d, &people) : e);
    s->people = buf_bytes(&people);
    /* What was enough once is shown again, whoever left since. */
    if (d->me.cert_epoch == d->me.epoch && d->me.cert.n > 0)
        s->people = d->me.cert;
    put_acks(d, s);
    cert_acks_put(&s->acks, &machines);
    TRY(machines.over ? ERR_TOO_BIG : OK);
    s->machines = buf_bytes(&machines);
    *out = s;
    s = NULL; /* the caller's now */
    return OK;
}

/* ---- one conversation ---- */

struct visit {
    struct day *d;
    struct day_guardian *g;
    const struct shown *shown;
    const struct seal_work *w;
    struct req_retire retire;
    struct req_epoch_state state;
    struct req_cert_put cert;
};

static void make_retire(struct visit *v)
{
    const struct day_me *me = &v->d->me;
    struct req_retire *r = &v->retire;
    rng_fill(v->w->params->rng, r->op, ID_BYTES);
    r->epoch = me->epoch;
    r->people = v->shown->people;
    r->machines = v->shown->machines;
    memcpy(r->manifest_hash, me->manifest_hash, HASH_BYTES);
    if (v->w->requester == NULL)
        return;
    crypt_sign_public(v->w->requester, r->req_sign);
    retire_sign(v->w->requester, v->g->ward, r->epoch, r->manifest_hash, r->sig);
}

static enum err retire_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        make_retire(v);
        *out = (struct call_send){ MSG_RETIRE, &v->retire };
        return OK;
    }
    TRY(reply->err);
    const struct rep_retire *rep = reply->rep;
    v->g->retire_due = rep->state == PLAN_DONE ? 0 : rep->due;
    if (rep->state == PLAN_DONE)
        v->g->retired = v->d->me.epoch;
    return OK;
}

/* People's word is here that the circle goes on, and the node of that former guardian was
 * not shown it. Where it said that it cannot judge it, it will not later. */
static bool is_unparted(const struct day *d, const struct day_guardian *g)
{
    return d->me.cert.n > 0 && d->me.cert_epoch > g->epoch &&
           d->me.cert_epoch > g->parted && d->me.cert_epoch > g->unjudged;
}

static void say_parted(struct visit *v, struct call_send *out)
{
    const struct day_me *me = &v->d->me;
    struct req_cert_put *r = &v->cert;
    rng_fill(v->w->params->rng, r->op, ID_BYTES);
    r->epoch = me->cert_epoch;
    r->people = me->cert;
    memcpy(r->manifest_hash, me->cert_hash, HASH_BYTES);
    *out = (struct call_send){ MSG_CERT_PUT, r };
}

/* Of somebody who is no guardian any more: whether the old piece is still there; and what
 * shows them that nobody counts on it. */
static enum err former_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        *out = (struct call_send){ MSG_EPOCH_STATE, &v->state };
        return OK;
    }
    if (reply->kind == MSG_CERT_PUT) {
        if (reply->err == ERR_CERT || reply->err == ERR_STATE) {
            v->g->unjudged = v->cert.epoch;
            return OK;
        }
        TRY(reply->err);
        v->g->parted = v->cert.epoch;
        return OK;
    }
    TRY(reply->err);
    const struct rep_epoch_state *rep = reply->rep;
    v->g->retired = rep->n_epochs == 0 ? UINT32_MAX : 0;
    if (rep->n_epochs > 0 && is_unparted(v->d, v->g))
        say_parted(v, out);
    return OK;
}

/* ---- the round ---- */

static enum err add(struct owner_round *r, const struct seal_work *w,
                    const struct shown *shown, struct day_guardian *g, call_step step)
{
    void *visit = NULL;
    TRY(owner_round_add(r, &w->unlocked->root, g, step, &visit));
    *(struct visit *)visit =
        (struct visit){ .d = w->day, .g = g, .shown = shown, .w = w };
    return OK;
}

static bool is_told(const struct day *d, const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->epoch == d->me.epoch && g->retired < d->me.epoch;
}

/* The old circle is dead; this node has its piece still, and may let go of it: by the
 * word of enough people, or of its own guardian, who was away until then. */
static bool is_late(const struct day *d, const struct day_guardian *g)
{
    return is_told(d, g) && d->me.epoch > 1 &&
           (d->me.cert_epoch == d->me.epoch || change_has_said(d, g));
}

static bool may_keep(const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->n_node == 1 && g->epoch != 0 &&
           g->retired <= g->epoch;
}

bool change_untold(const struct day *d)
{
    bool some = false;
    for (size_t i = 0; i < d->n_guardians; i++)
        some = some || is_late(d, &d->guardians[i]);
    for (size_t i = 0; i < d->n_formers; i++)
        some = some || (may_keep(&d->formers[i]) && is_unparted(d, &d->formers[i]));
    return some;
}

static enum err add_all(struct owner_round *r, const struct seal_work *w,
                        const struct shown *shown)
{
    struct day *d = w->day;
    for (size_t i = 0; i < d->n_guardians; i++)
        if (d->n_past > 0 ? is_told(d, &d->guardians[i]) : is_late(d, &d->guardians[i]))
            TRY(add(r, w, shown, &d->guardians[i], retire_step));
    for (size_t i = 0; i < d->n_formers; i++)
        if (may_keep(&d->formers[i]))
            TRY(add(r, w, shown, &d->formers[i], former_step));
    return OK;
}

static size_t place_of(const struct day *d, const struct day_guardian *g)
{
    if (g >= d->guardians && g < d->guardians + DAY_GUARDIANS)
        return (size_t)(g - d->guardians);
    return DAY_GUARDIANS + (size_t)(g - d->formers);
}

static void note(const struct visit *v, const struct call *c, struct change_notes *out)
{
    struct seal_note *n = &out->notes[place_of(v->d, v->g)];
    char who[NAME_MAX_BYTES + 16];
    *n = (struct seal_note){ .err = c->err };
    if (c->err == OK)
        return;
    (void)snprintf(who, sizeof who, "%.*s's node", (int)v->g->name.n,
                   (const char *)v->g->name.p);
    if (c->err == ERR_CERT)
        (void)snprintf(n->why, sizeof n->why,
                       "%s wants more of your guardians to confirm first.", who);
    else if (c->err == ERR_STATE && c->stage >= CALL_TALKING)
        (void)snprintf(n->why, sizeof n->why, "%s does not have the new piece.", who);
    else
        call_sentence(c, who, n->why, sizeof n->why);
}

/*
 * The old pieces are the spare ones until the new circle has one itself, or all it can
 * have: a card counts once it was read back.
 */
static bool has_spare(const struct day *d)
{
    struct circle_count at_hand = { { 0 } };
    bool all = true;
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        bool there = g->epoch == d->me.epoch;
        at_hand.of[g->group] += there;
        all = all && there;
    }
    return all || circle_spare(&d->me, &at_hand) >= 1;
}

/*
 * People who satisfy the old thresholds; or, where that cannot be any more, a few: then a
 * node lets its own piece go after a long time, if its own guardian is among them.
 */
static bool worth_asking(const struct day *d, const struct shown *s, uint64_t now)
{
    struct change_stand stand;
    if (d->me.cert_epoch == d->me.epoch || s->verdict.enough || d->n_past == 0)
        return true;
    change_look(d, NULL, &stand);
    bool late = now >= RETIRE_OWN_S && d->me.sealed_at <= now - RETIRE_OWN_S;
    return s->verdict.n >= 2 && (late || !stand.possible);
}

static enum err settle(const struct seal_work *w, struct change_notes *out)
{
    struct day *d = w->day;
    bool some = change_settle(d);
    out->dead = some && d->n_past == 0;
    TRY(home_day_save(w->home, d, w->params->rng));
    if (!some)
        return OK;
    seal_prune_keys(&w->unlocked->box, d, d->me.epoch);
    return home_root_save(w->home, w->unlocked, w->params->rng);
}

static enum err go(const struct seal_work *w, struct owner_round *r,
                   struct change_notes *out)
{
    const struct visit *visits = r->visits;
    TRY(call_round(r->calls, r->n, w->params->round_ms, w->params->rng));
    for (size_t i = 0; i < r->n; i++) {
        guardian_seen(visits[i].g, &r->calls[i], w->params->now());
        if (r->calls[i].err == ERR_LEFT)
            visits[i].g->retired = UINT32_MAX;
        else
            note(&visits[i], &r->calls[i], out);
    }
    out->n = r->n;
    return settle(w, out);
}

enum err change_round(const struct seal_work *w, struct change_notes *out)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    AUTO_FREE struct shown *shown = NULL;
    struct day *d = w->day;
    memset(out, 0, sizeof *out);
    if (d->me.epoch == 0 || (d->n_past == 0 && !change_untold(d)))
        return OK;
    TRY(shown_new(d, &shown));
    if (!has_spare(d) || !worth_asking(d, shown, w->params->now()))
        return OK;
    TRY(owner_round_new(&r, d->n_guardians + d->n_formers, sizeof(struct visit)));
    TRY(add_all(&r, w, shown));
    return r.n > 0 ? go(w, &r, out) : settle(w, out);
}
