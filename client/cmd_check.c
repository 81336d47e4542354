/* SPDX-License-Identifier: Apache-2.0 */
#include "client/circle_back.h"
#include "client/cmd_check_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- common ---- */

void check_desk_end(struct check_desk *k)
{
    day_free(k->day);
    k->day = NULL;
    home_close(&k->home);
}

enum err check_desk_open(struct check_desk *k)
{
    check_desk_end(k);
    TRY(ctx_home(k->ctx, HOME_READ, &k->home));
    return ctx_day(k->ctx, &k->home, &k->day);
}

enum err check_desk_sealed(struct check_desk *k)
{
    if (circle_over(k->day))
        return circle_over_say(k->ctx);
    if (k->day->me.epoch > 0)
        return OK;
    return term_fail_as(k->ctx->term, ERR_STATE, EXIT_NO_CIRCLE, "no-circle",
                        "Your guardians hold nothing until the circle is sealed.",
                        "kith status", "There is no circle yet.");
}

void check_advice(const struct day_guardian *g, unsigned fault, char out[TERM_TEXT],
                  char out_command[TERM_TEXT])
{
    if (check_fault_of_piece(fault)) {
        (void)snprintf(out, TERM_TEXT,
                       "Ask %.*s what happened to it; that piece is not counted on. When "
                       "it cannot be mended:",
                       TEXT(g->name));
        guardian_next("replace", g->name, "", out_command);
        return;
    }
    (void)snprintf(
        out, TERM_TEXT,
        "Ask %.*s what happened to it. To bring the vault there again:", TEXT(g->name));
    (void)snprintf(out_command, TERM_TEXT, "kith vault push");
}

/* ---- kith check ---- */

/* What one check came to. */
struct outcome {
    struct circle_standing standing;
    size_t agree;
    size_t caught;
    size_t keys; /* whose guardians have new keys */
    size_t answered;
    size_t strange; /* speak another version */
};

static bool is_caught(const struct day_guardian *g, const struct check_place *p)
{
    return p->state == CHECK_CAUGHT || g->node[0].fault != SEEN_FINE;
}

static enum circle_state holds(const struct day *d, const struct day_guardian *g,
                               const struct check_place *p)
{
    unsigned seen = g->node[0].fault;
    if (seen == SEEN_LOADED || seen == SEEN_REWOUND)
        return HOLDS_ROLLED_BACK;
    if (check_fault_of_piece(p->fault) || check_keys_lost(d, g))
        return HOLDS_MISSING;
    if (p->state == CHECK_BEHIND)
        return HOLDS_BEHIND;
    if (p->state == CHECK_AWAY)
        return p->call->stage == CALL_KNOWN && p->call->err == ERR_REFUSED ? HOLDS_MISSING
                                                                           : HOLDS_AWAY;
    return HOLDS_OK;
}

/* The guardian of a place, or NULL where it was taken out meanwhile. */
static struct day_guardian *guardian_of(struct day *d, const struct check_place *p,
                                        size_t *out_at)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct day_guardian *g = &d->guardians[i];
        *out_at = i;
        if (bytes_equal(BYTES_OF(g->seat), BYTES_OF(p->seat)) && g->n_node == 1)
            return g;
    }
    return NULL;
}

static void weigh(const struct checks *c, struct day *d, uint64_t now, struct outcome *o)
{
    enum circle_state states[DAY_GUARDIANS] = { 0 };

    *o = (struct outcome){ 0 };
    for (size_t i = 0; i < d->n_guardians; i++)
        states[i] = d->guardians[i].kind == PIECE_CARD
                        ? circle_card_state(d, &d->guardians[i])
                        : HOLDS_BEHIND;
    for (size_t i = 0; i < c->n; i++) {
        size_t at = 0;
        const struct check_place *p = &c->places[i];
        const struct day_guardian *g = guardian_of(d, p, &at);
        if (g == NULL)
            continue;
        states[at] = holds(d, g, p);
        o->agree += p->state == CHECK_AGREES && !is_caught(g, p);
        o->caught += is_caught(g, p);
        o->keys += g->reset != 0;
        o->answered += p->call->err == OK;
        o->strange += p->call->err == ERR_VERSION;
    }
    circle_stand(d, states, now, &o->standing);
}

/* That nothing is left weighs most, then that somebody was caught. */
static enum exit_code exit_for(const struct checks *c, const struct outcome *o)
{
    if (!o->standing.restorable)
        return EXIT_LOST;
    if (o->caught > 0)
        return EXIT_INTEGRITY;
    if (c->n > 0 && o->answered == 0)
        return o->strange == c->n ? EXIT_VERSION : EXIT_AWAY;
    return o->agree < c->n || o->keys > 0 ? EXIT_DEGRADED : EXIT_FINE;
}

static void say_agrees(struct term *t, const struct day_guardian *g,
                       const struct check_place *p)
{
    if (p->of == 0)
        term_answer(t, "%.*s: all there.", TEXT(g->name));
    else
        term_answer(t, "%.*s: all there, and %zu of %zu parts of the vault compared.",
                    TEXT(g->name), p->objects, p->of);
}

/* As status has it: the bytes are there, and perhaps nobody can open them. */
static void say_keys(struct term *t, const struct day *d, const struct day_guardian *g)
{
    char text[TERM_TEXT];
    char command[TERM_TEXT];
    if (!check_keys_text(d, g, text))
        return;
    term_answer(t, "%s", text);
    if (!check_keys_lost(d, g))
        return;
    drill_next(g->name, command);
    term_say(t, "  %s", command);
}

static void say_place(struct term *t, const struct day_guardian *g,
                      const struct check_place *p)
{
    char advice[TERM_TEXT];
    char command[TERM_TEXT];
    if (g->node[0].fault != SEEN_FINE)
        term_answer(t, "%.*s: the node %s.", TEXT(g->name),
                    seen_fault_text(g->node[0].fault));
    else if (p->state == CHECK_AGREES)
        say_agrees(t, g, p);
    else
        term_answer(t, "%.*s: %s", TEXT(g->name), p->why);
    if (p->fault == CHECK_FINE)
        return;
    check_advice(g, p->fault, advice, command);
    term_say(t, "%s", advice);
    term_say(t, "  %s", command);
}

static void say_checks(struct term *t, const struct checks *c, struct day *d,
                       const struct outcome *o)
{
    char names[TERM_TEXT / 2];
    for (size_t i = 0; i < c->n; i++) {
        size_t at = 0;
        const struct day_guardian *g = guardian_of(d, &c->places[i], &at);
        if (g == NULL)
            continue;
        say_place(t, g, &c->places[i]);
        say_keys(t, d, g);
    }
    term_say(t, "%zu of %zu nodes proved that they hold what they should.", o->agree,
             c->n);
    if (!circle_unheard(d, names, sizeof names))
        return;
    term_say(t,
             "Not asked, as their nodes have not answered this home yet: %s. When they "
             "are switched on:",
             names);
    term_say(t, "  kith circle seal --resume");
}

static json_t *place_json(const struct day *d, const struct day_guardian *g,
                          const struct check_place *p)
{
    char node[ADDRESS_TEXT];
    const char *fault = check_fault_name(p->fault);
    guardian_node(g, node);
    if (fault == NULL)
        fault = seen_fault_name(g->node[0].fault);
    return json_pack(
        "{s:o, s:s, s:o, s:s, s:s?, s:o, s:I, s:I, s:o, s:o, s:o}", "name",
        json_slice(g->name), "node", node, "seat", json_hex(g->seat, SEAT_BYTES), "state",
        is_caught(g, p) ? check_state_name(CHECK_CAUGHT) : check_state_name(p->state),
        "fault", fault, "checked_at", json_time(day_proven(g)->checked), "objects",
        (json_int_t)p->objects, "of", (json_int_t)p->of, "why",
        json_slice(bytes_text(p->why)), "reset_at", json_time(g->reset), "opened_at",
        json_time(check_opens(d, g) ? day_proven(g)->opened : 0));
}

static json_t *checks_json(const struct checks *c, struct day *d, const struct outcome *o,
                           uint64_t now)
{
    json_t *all = json_array();
    for (size_t i = 0; i < c->n; i++) {
        size_t at = 0;
        const struct day_guardian *g = guardian_of(d, &c->places[i], &at);
        if (g != NULL)
            (void)json_array_append_new(all, place_json(d, g, &c->places[i]));
    }
    return json_pack("{s:o, s:o, s:i, s:i, s:i, s:i, s:b, s:o, s:o}", "circle",
                     json_hex(d->me.circle, ID_BYTES), "checked_at", json_time(now),
                     "epoch", (int)d->me.epoch, "agree", (int)o->agree, "of", (int)c->n,
                     "caught", (int)o->caught, "restorable", (int)o->standing.restorable,
                     "next_at", json_time(d->me.check_next), "guardians", all);
}

static enum err check_all(struct check_desk *k, bool quiet)
{
    struct ctx *ctx = k->ctx;
    AUTO_CHECKS struct checks *c = NULL;
    struct outcome o;
    TRY(checks_new(&k->home, k->day, ctx->params, &c));
    check_desk_end(k); /* nobody waits for us while we speak with nodes */
    term_progress(ctx->term, "Checking %zu guardians' nodes …", c->n);
    TRY(checks_go(c, ctx->params));
    TRY(check_desk_open(k));
    TRY(checks_note(c, &k->home, k->day, ctx->params));
    TRY(ctx_day_save(ctx, &k->home, k->day));
    weigh(c, k->day, ctx_now(ctx), &o);
    ctx->exit = exit_for(c, &o);
    if (ctx->term->json)
        term_json(ctx->term, "check", checks_json(c, k->day, &o, ctx_now(ctx)));
    else if (!quiet || ctx->exit != EXIT_FINE)
        say_checks(ctx->term, c, k->day, &o);
    return OK;
}

/* ---- the timer's run ---- */

/* Drills that are due are asked for; an answer that came is taken. */
static enum err drill_all(struct check_desk *k)
{
    AUTO_DRILLS struct drills *r = NULL;
    TRY(drills_new(k->day, NULL, k->ctx->params, &r));
    if (r->n == 0)
        return OK;
    TRY(ctx_day_save(k->ctx, &k->home, k->day));
    check_desk_end(k);
    TRY(drills_go(r, k->ctx->params));
    TRY(check_desk_open(k));
    drills_note(r, k->day, k->ctx->params);
    return ctx_day_save(k->ctx, &k->home, k->day);
}

static enum err check_due(struct check_desk *k)
{
    enum exit_code code = EXIT_FINE;
    if (k->day->me.epoch == 0 || ctx_now(k->ctx) < k->day->me.check_next)
        return OK;
    TRY(check_all(k, true));
    code = k->ctx->exit;
    TRY(drill_all(k));
    check_tell(k);
    k->ctx->exit = code;
    return ctx_day_save(k->ctx, &k->home, k->day);
}

static enum err cmd_check(struct ctx *ctx)
{
    AUTO_CHECK_DESK struct check_desk k = CHECK_DESK(ctx);
    TRY(check_desk_open(&k));
    if (ctx_option(ctx, "--due") != NULL)
        return check_due(&k);
    TRY(check_desk_sealed(&k));
    return check_all(&k, false);
}

static const struct command rows[] = {
    { .path = "check",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Has every guardian's node prove that it holds what it should.",
      .options = { { "--due", NULL,
                     "only when a week has passed; asks for drills too: for the "
                     "timer" } },
      .run = cmd_check },
};

const struct command_table cmd_check_table = COMMANDS(rows);
