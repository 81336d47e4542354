/* SPDX-License-Identifier: Apache-2.0 */
#include "client/circle_back.h"
#include "client/cmd_circle_part.h"

enum { LIST_TEXT = 900 };

/* What a person says of a device that began a change and will never finish it. */
#define DEVICE_GONE "other-device-gone"

/* ---- circle seal ---- */

static enum err check_seal(const struct ctx *ctx, const struct day *d)
{
    if (!d->me.planned)
        return no_plan(ctx);
    return plan_check(ctx, d);
}

static enum err journal_problem(const struct ctx *ctx, enum err e)
{
    if (e == ERR_AUTH || e == ERR_CORRUPT)
        return term_fail(ctx->term, ERR_CORRUPT, NULL,
                         "The journal %s/journal is damaged or of another root. It was "
                         "left as it is.",
                         ctx->home);
    if (e == ERR_TOO_BIG)
        return term_fail(ctx->term, e, NULL,
                         "The names and texts of your guardians are too long together. "
                         "Shorten how they are reached.");
    if (e == ERR_UNKNOWN)
        return term_fail(ctx->term, ERR_STATE, NULL,
                         "The seal in progress is for a guardian who is not in this "
                         "home any more.");
    return term_fail(ctx->term, e, "kith circle seal --resume",
                     "The seal could not go on.");
}

/* Where a seal stands, for screens and scripts. */
struct sealed {
    unsigned of;
    unsigned stored;
    unsigned confirmed;
    bool enough;
    bool enough_with_cards; /* once those that wait were read back */
    struct bytes first;     /* not spoken with */
    struct bytes card;      /* the first that waits; cards has them all */
    char missing[LIST_TEXT];
    char unconfirmed[LIST_TEXT];
    char cards[LIST_TEXT];
    char added[LIST_TEXT]; /* since, and no plan counts on them */
};

/* Who has not got it, or was not spoken with, by name. */
static void look_names(const struct day *d, const struct day_guardian *g, bool holds,
                       struct sealed *out)
{
    bool card = g->kind == PIECE_CARD;
    if (!holds && card) {
        list_add(out->cards, sizeof out->cards, g->name);
        out->card = out->card.n > 0 ? out->card : g->name;
    }
    if (!holds && !card)
        list_add(out->missing, sizeof out->missing, g->name);
    if (circle_confirmed(d, g) || card)
        return;
    list_add(out->unconfirmed, sizeof out->unconfirmed, g->name);
    out->first = out->first.n > 0 ? out->first : g->name;
}

/* Whom no piece and no plan is for. */
static size_t added_from(const struct day *d)
{
    return d->me.n_next == 0 ? circle_pieces(&d->me) : DAY_GUARDIANS;
}

static void look(const struct day *d, struct sealed *out)
{
    struct circle_count stored = { { 0 } };
    struct circle_count with_cards = { { 0 } };
    bool alone = circle_root_alone(d); /* what they hold gives back the root before */
    *out = (struct sealed){ .of = (unsigned)circle_pieces(&d->me) };
    for (size_t i = 0; i < out->of && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        uint8_t group = 0;
        uint8_t index = 0;
        circle_place(&d->me, i, &group, &index);
        bool holds = d->me.epoch > 0 && g->epoch == d->me.epoch && !alone;
        out->stored += holds;
        stored.of[group] += holds;
        with_cards.of[group] += holds || g->kind == PIECE_CARD;
        out->confirmed += holds && circle_confirmed(d, g);
        look_names(d, g, holds, out);
    }
    for (size_t i = added_from(d); i < d->n_guardians; i++)
        list_add(out->added, sizeof out->added, d->guardians[i].name);
    out->enough = circle_enough(&d->me, &stored);
    out->enough_with_cards = d->me.epoch > 0 && circle_enough(&d->me, &with_cards);
}

/* A card that is read back counts before the circle does, when nodes are away. */
static void cards_why(const struct seal *s, const struct sealed *l, char out[TERM_TEXT])
{
    char command[TERM_TEXT];
    if (s->head.phase != SEAL_PREPARE || l->card.n == 0) {
        (void)snprintf(
            out, TERM_TEXT,
            "Before the circle counts, the needed number and one to spare must "
            "answer. Nothing is active yet, and nothing is lost.");
        return;
    }
    card_next(l->card, command);
    (void)snprintf(out, TERM_TEXT,
                   "Before the circle counts, the needed number and one to spare must be "
                   "at their places. Nothing is active yet, and nothing is lost. Cards "
                   "that were printed and read back count too: %.160s",
                   command);
}

/* Somebody else's change is at a node: one of the two has to give way. */
static bool other_device(const struct seal *s)
{
    bool found = false;
    for (size_t i = 0; i < s->n; i++)
        found = found || s->notes[i].err == ERR_BUSY || s->notes[i].ahead;
    return found;
}

/* What one of them says, where nodes speak another version. */
static const char *strange(const struct seal *s)
{
    const char *why = NULL;
    for (size_t i = 0; i < s->n; i++)
        if (s->notes[i].err == ERR_VERSION)
            why = s->notes[i].why;
    return why;
}

static enum err too_few_reached(const struct ctx *ctx, const struct seal *s,
                                struct day *d, const struct sealed *l)
{
    enum seal_stage stage = s->head.phase == SEAL_NEXT ? SEAT_KEYED : SEAT_PREPARED;
    char why[TERM_TEXT];
    unsigned n = 0;
    unsigned of = 0;
    for (size_t i = 0; i < s->n; i++) {
        bool node = s->seats[i].kind == PIECE_NODE;
        of += node;
        n += node && s->seats[i].stage >= stage;
    }
    if (n == 0 && strange(s) != NULL)
        return term_fail(ctx->term, ERR_VERSION, "kith circle seal --resume", "%s",
                         strange(s));
    if (s->head.phase == SEAL_COMMIT)
        return term_fail_as(ctx->term, ERR_UNREACHABLE, EXIT_AWAY, "too-few-reached",
                            "The pieces are there, but too few nodes have said that they "
                            "keep them for good.",
                            "kith circle seal --resume", "The circle is not safe yet.");
    if (other_device(s))
        return term_fail_as(ctx->term, ERR_BUSY, EXIT_BUSY, "other-device",
                            "Only one change can win. Go on with the other one there, "
                            "and give this one up here. If that device is gone for good, "
                            "begin this one again afterwards with --yes " DEVICE_GONE ":",
                            "kith circle seal --abandon",
                            "Another change of your circle is under way, or was faster.");
    cards_why(s, l, why);
    seal_without(s, d, why, sizeof why);
    return term_fail_as(ctx->term, ERR_UNREACHABLE, EXIT_AWAY, "too-few-reached", why,
                        "kith circle seal --resume",
                        "Only %u of %u guardians' nodes could be reached.", n, of);
}

static json_t *added_json(const struct day *d)
{
    json_t *all = json_array();
    for (size_t i = added_from(d); i < d->n_guardians; i++)
        (void)json_array_append_new(all, json_slice(d->guardians[i].name));
    return all;
}

static json_t *seal_json(const struct day *d, const struct sealed *l)
{
    json_t *all = json_array();
    for (size_t i = 0; i < l->of && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        bool holds = g->epoch == d->me.epoch;
        (void)json_array_append_new(
            all, json_pack("{s:o, s:s, s:s, s:o, s:o}", "name", json_slice(g->name),
                           "kind", g->kind == PIECE_CARD ? "card" : "node", "state",
                           holds ? "ok" : "missing", "stored_at",
                           json_time(holds ? g->stored : 0), "confirmed_at",
                           json_time(g->confirmed)));
    }
    return json_pack("{s:o, s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "circle",
                     json_hex(d->me.circle, ID_BYTES), "epoch", (int)d->me.epoch, "need",
                     (int)circle_need(&d->me), "of", (int)l->of, "stored", (int)l->stored,
                     "confirmed", (int)l->confirmed, "guardians", all, "added",
                     added_json(d));
}

/* Who was not spoken with, where that is the next thing to do. */
static void say_unconfirmed(struct term *t, const struct day *d, const struct sealed *l)
{
    char command[TERM_TEXT];
    guardian_next("confirm", l->first, "", command);
    if (d->me.epoch > 1)
        term_say(t,
                 "Not spoken with about the change yet: %s. Their pieces count as spare "
                 "ones when you have. Begin with:",
                 l->unconfirmed);
    else
        term_say(t,
                 "Not spoken with yet: %s. Until you have, nobody knows that these "
                 "pieces are with the right people. Call them one by one, and begin "
                 "with:",
                 l->unconfirmed);
    term_say(t, "  %s", command);
}

/* Whoever types "seal" after "add" hears why nothing was sealed. */
static void say_added(struct term *t, const struct day *d, const struct sealed *l)
{
    char command[TERM_TEXT];
    if (l->added[0] == 0)
        return;
    replan_next(d, command);
    term_say(t,
             "Not in your circle yet: %s. Nobody new gets a piece without a plan; by the "
             "next one everybody gets a new piece:",
             l->added);
    term_say(t, "  %s", command);
}

static void say_sealed(struct changing *c, const struct sealed *l,
                       const struct change_stand *stand)
{
    struct term *t = c->ctx->term;
    const struct day *d = c->d;
    char command[TERM_TEXT];
    term_answer(t, "%u of %u guardians hold %s; %u are needed.", l->stored, l->of,
                d->n_past > 0 ? "the new piece" : "a piece", circle_need(&d->me));
    if (!l->enough)
        term_warn(t, "until a card was read back, these are too few to restore you.");
    if (l->cards[0] != 0) {
        card_next(l->card, command);
        term_say(t,
                 "Cards that count once they were printed and read back: %s. Begin with:",
                 l->cards);
        term_say(t, "  %s", command);
    }
    if (l->missing[0] != 0 && stand->step == CHANGE_NONE) {
        term_say(t, "Still without a piece: %s. When their nodes are back:", l->missing);
        term_say(t, "  kith circle seal --resume");
    }
    change_tell(t, d, stand, c->notes->dead);
    change_next(d, stand, command);
    if (command[0] != 0)
        term_say(t, "  %s", command);
    else if (l->unconfirmed[0] != 0)
        say_unconfirmed(t, d, l);
    say_added(t, d, l);
}

/* ---- one run ---- */

static void say_notes(struct changing *c)
{
    for (size_t i = 0; c->s != NULL && i < c->s->n; i++) {
        if (c->s->notes[i].err != OK)
            term_say(c->ctx->term, "%s", c->s->notes[i].why);
    }
    for (size_t i = 0; i < DAY_GUARDIANS + DAY_FORMERS; i++) {
        if (c->notes->notes[i].err != OK)
            term_say(c->ctx->term, "%s", c->notes->notes[i].why);
    }
}

static enum err report(struct changing *c)
{
    struct ctx *ctx = c->ctx;
    struct change_stand stand;
    struct sealed l;
    look(c->d, &l);
    say_notes(c);
    /* Until enough have said that they keep the new pieces, l is the old circle. */
    if (c->s != NULL &&
        (c->s->head.phase < SEAL_COMMIT || c->d->me.epoch != c->s->head.epoch ||
         (!l.enough && !l.enough_with_cards)))
        return too_few_reached(ctx, c->s, c->d, &l);
    change_look(c->d, &c->h, &stand);
    ctx->exit = l.stored == l.of && l.confirmed == l.of ? EXIT_FINE : EXIT_DEGRADED;
    if (stand.step == CHANGE_CALLS || stand.step == CHANGE_NODES || l.added[0] != 0)
        ctx->exit = EXIT_DEGRADED;
    if (!ctx->term->json) {
        say_sealed(c, &l, &stand);
        return OK;
    }
    json_t *doc = seal_json(c->d, &l);
    (void)json_object_set_new(doc, "change", change_json(c->d, &stand));
    term_json(ctx->term, "seal", doc);
    return OK;
}

/* The journal's epoch goes on; or the next one begins; or there is neither. */
static enum err get(struct changing *c, const struct seal_work *w)
{
    const struct day_me *me = &c->d->me;
    bool next = me->epoch == 0 || me->n_next > 0 || circle_root_alone(c->d);
    enum err e = ERR_UNKNOWN;
    if (home_has(&c->h, HOME_JOURNAL) && (seal_busy(&c->h, c->d) || !next))
        e = seal_load(&c->h, &c->u->root, &c->s);
    else if (next)
        e = seal_begin(c->d, w->params, &c->s);
    else
        return OK;
    return e == OK ? OK : journal_problem(c->ctx, e);
}

/* Guardians who were away when a restore, or a new root, brought the circle here. */
static enum err greet(struct changing *c)
{
    size_t before = circle_strange(c->d);
    size_t left = 0;
    if (before == 0)
        return OK;
    TRY(circle_greet(c->d, &c->u->root, c->ctx->params, &left));
    return left < before ? ctx_day_save(c->ctx, &c->h, c->d) : OK;
}

static bool is_gone(const struct term *t)
{
    bool gone = false;
    for (unsigned i = 0; i < t->n_yes; i++)
        gone = gone || strcmp(t->yes[i], DEVICE_GONE) == 0;
    return gone;
}

enum err changing_go(struct changing *c)
{
    struct ctx *ctx = c->ctx;
    c->notes = calloc(1, sizeof *c->notes);
    if (c->notes == NULL)
        return ERR_NOMEM;
    if (c->u == NULL)
        TRY(ctx_unlock(ctx, &c->h, &c->u));
    AUTO_SECRET struct sign_seed *requester = NULL;
    TRY(restore_requester(&c->h, &c->u->key, &requester));
    const struct seal_work w = { .home = &c->h,
                                 .unlocked = c->u,
                                 .day = c->d,
                                 .params = ctx->params,
                                 .requester = requester,
                                 .alone = is_gone(ctx->term) };
    TRY(greet(c));
    if (c->d->n_past + 1 >= EPOCHS_OWNER && !seal_busy(&c->h, c->d))
        TRY(change_round(&w, c->notes)); /* what is due goes, and makes room */
    TRY(get(c, &w));
    if (c->s != NULL)
        term_progress(ctx->term, "Speaking with %zu guardians' nodes …", c->s->n);
    enum err e = c->s != NULL ? seal_run(c->s, &w) : OK;
    if (e == OK && c->s != NULL && seal_no_room(c->s, c->d)) {
        say_notes(c);
        return changing_no_room(c, &w);
    }
    if (e == OK && (c->s == NULL || c->s->head.phase == SEAL_COMMIT))
        e = change_round(&w, c->notes);
    return e == OK ? report(c) : journal_problem(ctx, e);
}

void changing_done(struct changing *c)
{
    seal_free(c->s);
    free(c->notes);
    secret_free(c->u);
    day_free(c->d);
    home_close(&c->h);
}

enum err changing_open(struct changing *c)
{
    TRY(owner_day(c->ctx, &c->h, &c->d));
    if (c->d->me.epoch > 0)
        return OK;
    return term_fail_as(c->ctx->term, ERR_STATE, EXIT_NO_CIRCLE, "not-sealed",
                        "A change gives new pieces in the place of old ones.",
                        c->d->me.planned ? "kith circle seal" : "kith circle plan -k 3",
                        "Your circle is not sealed yet.");
}

/* ---- beginning a change ---- */

static bool same_plan(const struct day_plan *a, const struct day_plan *b)
{
    bool same = a->group_threshold == b->group_threshold && a->n_groups == b->n_groups &&
                a->hold == b->hold && a->stop_hold == b->stop_hold &&
                a->roster_mode == b->roster_mode && bytes_equal(a->seats, b->seats);
    for (uint32_t i = 0; same && i < a->n_groups; i++)
        same = a->groups[i].t == b->groups[i].t && a->groups[i].n == b->groups[i].n;
    return same;
}

/* Asked again after a cut, the same change goes on. */
static bool is_under_way(const struct changing *c, const struct day_plan *plan)
{
    struct day_plan now;
    if (c->d->me.n_next > 0)
        return same_plan(&c->d->me.next[0], plan);
    circle_plan_now(c->d, &now);
    return same_plan(&now, plan);
}

static enum err plan_gone(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, "plan-gone",
                        "Somebody it counts on is not among your guardians in this home.",
                        "kith circle plan -k 3", "The plan does not fit any more.");
}

enum err changing_begin(struct changing *c, const struct day_plan *plan)
{
    AUTO_NEXT struct day *next = NULL;
    struct ctx *ctx = c->ctx;
    bool busy = seal_busy(&c->h, c->d);
    if (busy && !is_under_way(c, plan))
        return changing_other(c);
    if (busy)
        return changing_go(c);
    TRY(circle_with(c->d, plan, &next) == OK ? OK : plan_gone(ctx));
    TRY(plan_check(ctx, next));
    TRY(changing_room(c));
    TRY(plan_words(ctx, next));
    plan_warn(ctx->term, next);
    if (c->u == NULL)
        TRY(ctx_unlock(ctx, &c->h, &c->u));
    c->d->me.next[0] = *plan;
    c->d->me.n_next = 1;
    TRY(ctx_day_save(ctx, &c->h, c->d));
    return changing_go(c);
}

/* ---- circle seal, circle rotate ---- */

static enum err no_change(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, "no-change",
                        "There is nothing that could be given up.", "kith circle show",
                        "No change of your circle is under way.");
}

static enum err committed(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, "committed",
                        "The old pieces stay good until your guardians confirmed the "
                        "new ones; a further change is always possible.",
                        "kith circle seal --resume",
                        "The change is active already; it can only go on.");
}

static enum err abandon_run(struct changing *c)
{
    struct ctx *ctx = c->ctx;
    unsigned left = 0;
    TRY(ctx_unlock(ctx, &c->h, &c->u));
    const struct seal_work w = {
        .home = &c->h, .unlocked = c->u, .day = c->d, .params = ctx->params
    };
    enum err e = seal_load(&c->h, &c->u->root, &c->s);
    if (e == OK)
        e = seal_abandon(c->s, &w, &left);
    if (e != OK)
        return e == ERR_STATE ? committed(ctx) : journal_problem(ctx, e);
    for (size_t i = 0; i < c->s->n; i++)
        if (c->s->notes[i].err != OK)
            term_say(ctx->term, "%s", c->s->notes[i].why);
    if (circle_root_alone(c->d))
        term_say(ctx->term,
                 "The change is given up. Nobody holds a piece of your new root "
                 "key yet: change who guards you, or go on as it was with: "
                 "kith circle seal");
    else
        term_say(ctx->term, c->d->me.epoch > 0
                                ? "The change is given up. Your circle is as it was "
                                  "before."
                                : "The seal is given up. Nobody holds a piece.");
    if (left > 0)
        term_say(ctx->term, "Nodes that did not answer are told at the next change; what "
                            "they keep of this one opens nothing.");
    ctx->exit = left > 0 ? EXIT_DEGRADED : EXIT_FINE;
    return OK;
}

static enum err abandon(struct changing *c)
{
    if (seal_busy(&c->h, c->d))
        return abandon_run(c);
    if (c->d->me.n_next == 0)
        return home_has(&c->h, HOME_JOURNAL) ? committed(c->ctx) : no_change(c->ctx);
    c->d->me.n_next = 0;
    TRY(ctx_day_save(c->ctx, &c->h, c->d));
    term_say(c->ctx->term, "The plan is given up. Your circle is as it was before.");
    return OK;
}

enum err cmd_circle_seal(struct ctx *ctx)
{
    AUTO_CHANGING struct changing c = CHANGING(ctx);
    char names[NAME_MAX_BYTES + 1];
    AUTO_NEXT struct day *next = NULL;
    TRY(owner_day(ctx, &c.h, &c.d));
    if (ctx_option(ctx, "--abandon") != NULL)
        return abandon(&c);
    if (circle_over(c.d) && c.d->me.n_next == 0 && !seal_busy(&c.h, c.d))
        return circle_over_say(ctx);
    bool going_on = home_has(&c.h, HOME_JOURNAL) || c.d->n_past > 0 ||
                    circle_root_alone(c.d) || change_untold(c.d) ||
                    circle_unheard(c.d, names, sizeof names);
    if (!going_on && c.d->me.epoch > 0 && c.d->me.n_next == 0) {
        c.notes = calloc(1, sizeof *c.notes);
        return c.notes != NULL ? report(&c) : ERR_NOMEM;
    }
    if (!going_on && c.d->me.epoch == 0)
        TRY(check_seal(ctx, c.d));
    if (c.d->me.n_next > 0 && !seal_busy(&c.h, c.d)) {
        TRY(circle_next(c.d, &next) == OK ? OK : plan_gone(ctx));
        TRY(plan_check(ctx, next));
        TRY(changing_room(&c));
    }
    return changing_go(&c);
}

enum err cmd_circle_rotate(struct ctx *ctx)
{
    AUTO_CHANGING struct changing c = CHANGING(ctx);
    struct day_plan plan;
    TRY(changing_open(&c));
    /* Asked again while people are still to be called, it is the same change. */
    if (!seal_busy(&c.h, c.d) && c.d->n_past > 0 && c.d->me.cert_epoch != c.d->me.epoch) {
        term_say(ctx->term, "The newest pieces are not confirmed yet; that goes first.");
        return changing_go(&c);
    }
    circle_plan_now(c.d, &plan);
    return changing_begin(&c, &plan);
}
