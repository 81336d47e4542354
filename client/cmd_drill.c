/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_check_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- what one came to ---- */

static enum drill_state state_of(const struct drills *r, const struct day *d,
                                 const struct day_guardian *g, uint64_t now)
{
    for (size_t i = 0; i < r->n; i++) {
        if (bytes_equal(BYTES_OF(r->places[i].seat), BYTES_OF(g->seat)))
            return r->places[i].state;
    }
    return drill_standing(d, g, now);
}

static const char *why_of(const struct drills *r, const struct day_guardian *g)
{
    for (size_t i = 0; i < r->n; i++) {
        if (bytes_equal(BYTES_OF(r->places[i].seat), BYTES_OF(g->seat)))
            return r->places[i].why;
    }
    return "";
}

static enum exit_code exit_for(const struct drills *r)
{
    size_t of[DRILL_AWAY + 1] = { 0 };
    for (size_t i = 0; i < r->n; i++)
        of[r->places[i].state]++;
    if (of[DRILL_FAILED] > 0)
        return EXIT_INTEGRITY;
    if (of[DRILL_AWAY] > 0)
        return of[DRILL_AWAY] == r->n ? EXIT_AWAY : EXIT_DEGRADED;
    return of[DRILL_ASKED] > 0 ? EXIT_WAITING : EXIT_FINE;
}

/* ---- saying it ---- */

static void say_place(struct ctx *ctx, const struct drills *r, const struct day *d,
                      const struct drill_place *p)
{
    char text[TERM_TEXT];
    const struct day_guardian *g = NULL;
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), BYTES_OF(p->seat)))
            g = &d->guardians[i];
    }
    if (g == NULL)
        return;
    if (p->state == DRILL_OPENED) {
        term_answer(ctx->term, "%.*s: opened your piece; it is good.", TEXT(g->name));
    } else if (p->state == DRILL_ASKED) {
        term_answer(ctx->term, "%.*s: asked.", TEXT(g->name));
        drill_text(d, g, ctx_now(ctx), text);
        term_say(ctx->term, "%s", text);
        drill_next(g->name, text);
        term_say(ctx->term, "  %s", text);
    } else {
        term_answer(ctx->term, "%.*s: %s", TEXT(g->name), why_of(r, g));
    }
}

/* Whose is next, and when. */
static void say_next(struct ctx *ctx, const struct day *d)
{
    const struct day_guardian *first = NULL;
    char when[DURATION_TEXT];
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        uint64_t due = drill_due(d, g);
        if (due != 0 && (first == NULL || due < drill_due(d, first)))
            first = g;
    }
    if (first == NULL) {
        term_answer(ctx->term, "No guardian's node has a piece yet.");
        return;
    }
    when_text(ctx_now(ctx), drill_due(d, first), when);
    term_answer(ctx->term, "No drill is due. The next one: %.*s, %s.", TEXT(first->name),
                when);
}

static json_t *drill_json(const struct drills *r, const struct day *d,
                          const struct day_guardian *g, uint64_t now)
{
    const struct day_proof *p = day_proven(g);
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:i, s:o}", "name",
                     json_slice(g->name), "seat", json_hex(g->seat, SEAT_BYTES), "state",
                     drill_state_name(state_of(r, d, g, now)), "asked_at",
                     json_time(p->asked), "opened_at", json_time(p->opened), "due_at",
                     json_time(drill_due(d, g)), "drills", (int)p->drills, "why",
                     json_slice(bytes_text(why_of(r, g))));
}

static void show(struct ctx *ctx, const struct drills *r, const struct day *d)
{
    json_t *all = json_array();
    if (!ctx->term->json) {
        for (size_t i = 0; i < r->n; i++)
            say_place(ctx, r, d, &r->places[i]);
        if (r->n == 0)
            say_next(ctx, d);
    }
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (g->kind == PIECE_NODE && g->n_node == 1)
            (void)json_array_append_new(all, drill_json(r, d, g, ctx_now(ctx)));
    }
    if (ctx->term->json)
        term_json(ctx->term, "drill",
                  json_pack("{s:i, s:O}", "epoch", (int)d->me.epoch, "drills", all));
    json_decref(all);
}

/* ---- kith drill ---- */

static enum err pick(struct check_desk *k, struct day_guardian **out)
{
    struct ctx *ctx = k->ctx;
    *out = NULL;
    if (ctx->n_args == 0)
        return OK;
    TRY(guardian_pick(ctx, k->day, ctx->args[0], out));
    if ((*out)->kind == PIECE_CARD)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "card",
                            "A card is shown to be good by reading it again.",
                            "kith card verify", "%.*s has a card, and no node to ask.",
                            TEXT((*out)->name));
    if (drill_due(k->day, *out) != 0)
        return OK;
    return term_fail_as(ctx->term, ERR_STATE, EXIT_DEGRADED, "no-piece",
                        "What is not at its place cannot be opened.",
                        "kith circle seal --resume",
                        "%.*s has no piece of this circle yet.", TEXT((*out)->name));
}

static enum err cmd_drill(struct ctx *ctx)
{
    AUTO_CHECK_DESK struct check_desk k = CHECK_DESK(ctx);
    AUTO_DRILLS struct drills *r = NULL;
    struct day_guardian *only = NULL;
    TRY(check_desk_open(&k));
    TRY(check_desk_sealed(&k));
    TRY(pick(&k, &only));
    TRY(drills_new(k.day, only, ctx->params, &r));
    TRY(ctx_day_save(ctx, &k.home, k.day)); /* the challenge, before it is asked */
    check_desk_end(&k);
    term_progress(ctx->term, "Asking %zu guardians' nodes …", r->n);
    TRY(drills_go(r, ctx->params));
    TRY(check_desk_open(&k));
    drills_note(r, k.day, ctx->params);
    TRY(ctx_day_save(ctx, &k.home, k.day));
    ctx->exit = exit_for(r);
    show(ctx, r, k.day);
    return OK;
}

static const struct command rows[] = {
    { .path = "drill",
      .args = "[NAME]",
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Has a guardian open your piece once; nothing secret moves.",
      .run = cmd_drill },
};

const struct command_table cmd_drill_table = COMMANDS(rows);
