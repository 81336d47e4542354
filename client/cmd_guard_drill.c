/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"

/* How the drills of all wards went. */
struct drilling {
    struct desk *d;
    json_t *list;
    size_t done;
    size_t broken; /* pieces that do not open */
    char who[NAME_TEXT];
};

static bool waits(const struct guard_ward *w)
{
    return w->line.drill != 0 && w->line.left == 0;
}

static void note_one(struct drilling *g, const struct guard_ward *w, uint32_t epoch,
                     uint64_t answered)
{
    char name[NAME_TEXT];

    desk_name(g->d, w->seat, w->line.ward, name);
    (void)json_array_append_new(g->list, json_pack("{s:o,s:s,s:i,s:o}", "ward",
                                                   json_hex(w->line.ward, ID_BYTES),
                                                   "label", name, "epoch", (int)epoch,
                                                   "answered_at", json_time(answered)));
    if (answered != 0) {
        g->done++;
        term_say(g->d->t, "Drill done: your piece for %s opens. %s sees it.", name, name);
        return;
    }
    g->broken++;
    (void)snprintf(g->who, sizeof g->who, "%s", name);
    term_warn(g->d->t,
              "your piece for %s does not open. Tell %s: they need to make the "
              "circle anew.",
              name, name);
}

static enum err answer(struct drilling *g, const struct guard_ward *w,
                       const struct guard_who *who, const struct rep_drill_list *drill)
{
    struct day_seat *s = &g->d->day->seats[w->seat];
    struct req_drill_answer req = { 0 };
    struct rep_drill_answer rep = { 0 };
    struct call call = { 0 };
    enum err e = guard_drill_answer(who, drill, g->d->ctx->params, &req);

    if (e == ERR_NOMEM)
        return e;
    if (e == OK) {
        e = guard_send(g->d->ctx->params, s, MSG_DRILL_ANSWER, &req, &rep, sizeof rep,
                       &call);
        if (e != OK)
            return desk_failed(g->d, s, &call, e);
    }
    note_one(g, w, drill->lines[0].epoch, rep.answered);
    return OK;
}

static enum err drill_one(struct drilling *g, const struct guard_ward *w)
{
    AUTO_SECRET struct sign_seed *approval = NULL;
    AUTO_FREE struct rep_drill_list *drill = calloc(1, sizeof *drill);
    struct guard_who who = { 0 };
    struct call call = { 0 };
    struct day_seat *s = &g->d->day->seats[w->seat];
    const struct day_ward *known = guard_known(g->d->day, s->seat, w->line.ward);

    if (drill == NULL)
        return ERR_NOMEM;
    enum err e = known != NULL ? desk_unlock_seat(g->d, w->seat) : ERR_KEY;
    if (e == ERR_KEY) {
        note_one(g, w, w->line.epoch, 0);
        return OK;
    }
    TRY(e);
    e = guard_drill_fetch(g->d->ctx->params, g->d->day, s, w->line.ward, drill, &call);
    if (e == ERR_UNKNOWN)
        return OK; /* answered meanwhile, from another machine */
    if (e != OK)
        return desk_failed(g->d, s, &call, e);
    TRY(secret_new(&approval));
    TRY(ident_approval(desk_root(g->d, w->seat), s->seat, known->invite, approval));
    desk_who(g->d, w->seat, known, approval, &who);
    return answer(g, w, &who, drill);
}

static enum err drill_all(struct drilling *g)
{
    const struct guard *all = g->d->guard;

    for (size_t i = 0; i < all->n_wards; i++)
        if (waits(&all->wards[i]))
            TRY(drill_one(g, &all->wards[i]));
    return OK;
}

static enum err broken(struct drilling *g)
{
    return term_fail_as(
        g->d->t, ERR_CORRUPT, EXIT_INTEGRITY, "piece-broken",
        "It would not have helped in an emergency either; the drill found "
        "it in time. Call them.",
        "kith guard wards", "Your piece for %s does not open.", g->who);
}

static enum err begin(struct desk *d, size_t n)
{
    if (n == 0) {
        term_say(d->t, "Nobody asks you for a drill.");
        return OK;
    }
    term_title(d->t, "A drill: does your piece open?");
    term_say(d->t, "Nothing leaves your node, and nobody is let in by it. Your program "
                   "opens each piece once and tells its owner that it could.");
    TRY(desk_unlock(d));
    return desk_read_notes(d);
}

enum err guard_cmd_drill(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct drilling g = { .d = &d };
    size_t n = 0;

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_OPEN));
    for (size_t i = 0; i < d.guard->n_wards; i++)
        n += waits(&d.guard->wards[i]);
    TRY(begin(&d, n));
    g.list = json_array();
    enum err e = drill_all(&g);
    if (e == OK && g.broken > 0)
        e = broken(&g);
    if (e == OK && d.t->json)
        term_json(d.t, "drilled", json_pack("{s:O}", "wards", g.list));
    json_decref(g.list);
    TRY(e);
    desk_say_away(&d);
    return OK;
}
