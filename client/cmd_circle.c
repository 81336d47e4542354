/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_circle_part.h"

enum { LIST_TEXT = 900 };

/* ---- circle seal ---- */

static enum err no_plan(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_STATE, EXIT_NO_CIRCLE, "no-plan",
                        "The plan says how many of your guardians are needed.",
                        "kith circle plan -k 3", "There is no plan for a circle yet.");
}

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

static enum err seal_get(const struct ctx *ctx, const struct seal_work *w,
                         struct seal **out)
{
    enum err e = seal_load(w->home, &w->unlocked->root, out);
    if (e == ERR_UNKNOWN)
        e = seal_begin(w->day, w->params, out);
    return e == OK ? OK : journal_problem(ctx, e);
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
};

/* Who has not got it, or was not spoken with, by name. */
static void look_names(const struct day_guardian *g, bool holds, struct sealed *out)
{
    bool card = g->kind == PIECE_CARD;
    if (!holds && card) {
        list_add(out->cards, sizeof out->cards, g->name);
        out->card = out->card.n > 0 ? out->card : g->name;
    }
    if (!holds && !card)
        list_add(out->missing, sizeof out->missing, g->name);
    if (g->confirmed != 0 || card)
        return;
    list_add(out->unconfirmed, sizeof out->unconfirmed, g->name);
    out->first = out->first.n > 0 ? out->first : g->name;
}

static void look(const struct day *d, struct sealed *out)
{
    struct circle_count stored = { { 0 } };
    struct circle_count with_cards = { { 0 } };
    *out = (struct sealed){ .of = (unsigned)circle_pieces(&d->me) };
    for (size_t i = 0; i < out->of && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        uint8_t group = 0;
        uint8_t index = 0;
        circle_place(&d->me, i, &group, &index);
        bool holds = d->me.epoch > 0 && g->epoch == d->me.epoch;
        out->stored += holds;
        stored.of[group] += holds;
        with_cards.of[group] += holds || g->kind == PIECE_CARD;
        out->confirmed += holds && g->confirmed != 0;
        look_names(g, holds, out);
    }
    out->enough = circle_enough(&d->me, &stored);
    out->enough_with_cards = d->me.epoch > 0 && circle_enough(&d->me, &with_cards);
}

static void say_notes(struct term *t, const struct seal *s)
{
    for (size_t i = 0; s != NULL && i < s->n; i++) {
        if (s->notes[i].err != OK)
            term_say(t, "%s", s->notes[i].why);
    }
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

static enum err too_few_reached(const struct ctx *ctx, const struct seal *s,
                                const struct sealed *l)
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
    if (s->head.phase == SEAL_COMMIT)
        return term_fail_as(ctx->term, ERR_UNREACHABLE, EXIT_AWAY, "too-few-reached",
                            "The pieces are there, but too few nodes have said that they "
                            "keep them for good.",
                            "kith circle seal --resume", "The circle is not safe yet.");
    cards_why(s, l, why);
    return term_fail_as(ctx->term, ERR_UNREACHABLE, EXIT_AWAY, "too-few-reached", why,
                        "kith circle seal --resume",
                        "Only %u of %u guardians' nodes could be reached.", n, of);
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
    return json_pack("{s:o, s:i, s:i, s:i, s:i, s:i, s:o}", "circle",
                     json_hex(d->me.circle, ID_BYTES), "epoch", (int)d->me.epoch, "need",
                     (int)circle_need(&d->me), "of", (int)l->of, "stored", (int)l->stored,
                     "confirmed", (int)l->confirmed, "guardians", all);
}

static void say_sealed(struct ctx *ctx, const struct day *d, const struct sealed *l)
{
    struct term *t = ctx->term;
    char command[TERM_TEXT];
    term_answer(t, "%u of %u guardians hold a piece; %u are needed.", l->stored, l->of,
                circle_need(&d->me));
    if (!l->enough)
        term_warn(t, "until a card was read back, these are too few to restore you.");
    if (l->cards[0] != 0) {
        card_next(l->card, command);
        term_say(t,
                 "Cards that count once they were printed and read back: %s. Begin with:",
                 l->cards);
        term_say(t, "  %s", command);
    }
    if (l->missing[0] != 0) {
        term_say(t, "Still without a piece: %s. When their nodes are back:", l->missing);
        term_say(t, "  kith circle seal --resume");
    }
    if (l->unconfirmed[0] == 0)
        return;
    guardian_next("confirm", l->first, "", command);
    term_say(t,
             "Not spoken with yet: %s. Until you have, nobody knows that these pieces "
             "are with the right people. Call them one by one, and begin with:",
             l->unconfirmed);
    term_say(t, "  %s", command);
}

static enum err seal_report(struct ctx *ctx, const struct day *d, const struct seal *s)
{
    struct sealed l;
    look(d, &l);
    say_notes(ctx->term, s);
    if (s != NULL && !l.enough && !l.enough_with_cards)
        return too_few_reached(ctx, s, &l);
    ctx->exit = l.stored == l.of && l.confirmed == l.of ? EXIT_FINE : EXIT_DEGRADED;
    if (ctx->term->json)
        term_json(ctx->term, "seal", seal_json(d, &l));
    else
        say_sealed(ctx, d, &l);
    return OK;
}

static enum err cmd_seal(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_SEAL struct seal *s = NULL;
    TRY(owner_day(ctx, &h, &d));
    bool going_on = home_has(&h, HOME_JOURNAL);
    if (!going_on && d->me.epoch > 0)
        return seal_report(ctx, d, NULL);
    if (!going_on)
        TRY(check_seal(ctx, d));
    TRY(ctx_unlock(ctx, &h, &u));
    const struct seal_work w = { &h, u, d, ctx->params };
    TRY(seal_get(ctx, &w, &s));
    term_progress(ctx->term, "Speaking with %zu guardians' nodes …", s->n);
    enum err e = seal_run(s, &w);
    if (e != OK)
        return journal_problem(ctx, e);
    return seal_report(ctx, d, s);
}

/* ---- circle show ---- */

static void show_guardian(struct term *t, const struct day *d, size_t i)
{
    const struct day_guardian *g = &d->guardians[i];
    char node[ADDRESS_TEXT];
    char since[TIME_TEXT];
    guardian_node(g, node);
    time_text(g->confirmed, since);
    if (g->kind == PIECE_CARD)
        term_answer(t, "  %.*s, a card, %s%s", TEXT(g->name),
                    g->confirmed != 0 ? "read back " : "not read back yet",
                    g->confirmed != 0 ? since : "");
    else
        term_answer(t, "  %.*s, node %s, %s%s", TEXT(g->name), node,
                    g->confirmed != 0 ? "confirmed " : "not spoken with yet",
                    g->confirmed != 0 ? since : "");
    if (g->reach.n > 0)
        term_answer(t, "      %.*s", TEXT(g->reach));
}

static enum err cmd_show(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    struct term *t = ctx->term;
    char since[TIME_TEXT];
    TRY(owner_day(ctx, &h, &d));
    if (!d->me.planned)
        return no_plan(ctx);
    if (t->json) {
        json_t *doc = plan_json(d);
        (void)json_object_set_new(doc, "circle", json_hex(d->me.circle, ID_BYTES));
        (void)json_object_set_new(doc, "epoch", json_integer((json_int_t)d->me.epoch));
        (void)json_object_set_new(doc, "sealed_at", json_time(d->me.sealed_at));
        (void)json_object_set_new(doc, "fingerprint", json_slice(d->me.fingerprint));
        term_json(t, "circle", doc);
        return OK;
    }
    time_text(d->me.sealed_at, since);
    if (d->me.epoch > 0)
        term_answer(t, "The circle of %.*s, sealed %s", TEXT(d->me.name), since);
    else
        term_answer(t, "The plan of %.*s's circle, not sealed yet", TEXT(d->me.name));
    term_answer(t, "Fingerprint words: %.*s", TEXT(d->me.fingerprint));
    plan_say(t, d);
    term_answer(t, "Guardians:");
    for (size_t i = 0; i < d->n_guardians; i++)
        show_guardian(t, d, i);
    return OK;
}

static const struct command rows[] = {
    { .path = "circle plan",
      .args = "-k N [--group NAME:N/M …]",
      .key = NEEDS_DAY,
      .help = "Plans who is needed together. Takes all guardians you added; groups are "
              "filled in that order.",
      .options = { { "-k", "N", "how many are needed; with groups: how many groups" },
                   { "--group", "NAME:N/M", "N of the next M guardians, family:2/3" },
                   { "--hold", "TIME", "how long an approved piece waits, usually 72h" },
                   { "--stop-hold", "TIME", "how long after a stop, usually 9d" },
                   { "--about-me", "TEXT", "what your guardians see about you" } },
      .run = cmd_circle_plan },
    { .path = "circle seal",
      .args = "[--resume]",
      .key = NEEDS_ROOT,
      .help = "Gives each guardian a piece. Running it again goes on where it stopped.",
      .options = { { "--resume", NULL, "the same: go on with a seal" } },
      .run = cmd_seal },
    { .path = "circle show",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Shows your circle or its plan.",
      .run = cmd_show },
    { .path = "circle sheet",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Prints the sheet that says whom to ask after a loss, with a link to each. "
              "Each printing is a new one; older ones stay valid.",
      .options = { { "--revoke", NULL,
                     "let the links of all sheets printed so far end" } },
      .run = cmd_circle_sheet },
};

const struct command_table cmd_circle_table = COMMANDS(rows);
