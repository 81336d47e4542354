/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_circle_part.h"

/* ---- the text ---- */

static void say_how_to_ask(struct term *t, uint32_t number)
{
    if (number > 0) {
        term_answer(t,
                    "  2. Copy the lines with KITH1: into a file, one or more of them, "
                    "and type");
        term_answer(t, "       kith restore start --sheet FILE");
        term_answer(t, "     Or call one of the people below, best by a number you know, "
                       "and");
        term_answer(t, "     ask for a link: they type  kith guard link --spoken");
        return;
    }
    term_answer(t, "  2. Call one of the people below, best by a number you know.");
    term_answer(t, "     Ask for a link: they type  kith guard link --spoken");
    term_answer(t, "     and you type  kith restore start LINK");
}

/* A card is as good as a yes; and with enough of them the sheet is a key. */
static void say_cards(struct term *t, const struct day *d)
{
    size_t cards = 0;

    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++)
        cards += d->guardians[i].kind == PIECE_CARD;
    if (cards == 0)
        return;
    term_answer(t,
                "     A card counts as a yes. With it in your hands, type  kith restore "
                "card");
    if (circle_fewest(d) > 0)
        return;
    term_answer(t, "     Keep this sheet apart from the cards: with enough of them it "
                   "opens");
    term_answer(t, "     everything. Then type also  kith restore start --sheet FILE");
}

/* number: of the sheet whose links it holds; 0: it holds none. */
static void say_head(struct term *t, const struct day *d, uint32_t number)
{
    char date[TIME_TEXT];

    time_text(d->me.sealed_at, date);
    term_answer(t, "KITH: how %.*s's keys come back", TEXT(owner_name(d)));
    if (number > 0)
        term_answer(t, "Circle of %s, number %u; sheet %u", date, d->me.epoch, number);
    else
        term_answer(t, "Circle of %s, number %u", date, d->me.epoch);
    term_answer(t, "%s", "");
    term_answer(t, "Fingerprint words:  %.*s", TEXT(d->me.fingerprint));
    term_answer(t, "(No secret. After a restore the program must show these four.)");
    term_answer(t, "%s", "");
    term_answer(t, "If everything is lost");
    term_answer(t, "  1. Take any machine with the program kith.");
    say_how_to_ask(t, number);
    term_answer(t,
                "  3. Call each person and read them the four words beside their name.");
    term_answer(t, "  4. %u of the %zu must say yes. Then wait, and type  kith restore",
                circle_need(&d->me), circle_pieces(&d->me));
    say_cards(t, d);
    term_answer(t, "%s", "");
    term_answer(t,
                "Whoever finds this sheet can ask, and no more: these people are told, "
                "they");
    term_answer(t, "want to know who is speaking, and %.*s is told as well.",
                TEXT(owner_name(d)));
    term_answer(t, "%s", "");
    term_answer(t, "Guardians");
}

static bool address_text(const struct roster_address *from, char out[ADDRESS_TEXT])
{
    struct address a = { 0 };

    if (address_get(from->at, &a) != OK)
        return false;
    address_format(&a, out, ADDRESS_TEXT);
    return true;
}

static void say_guardian(struct term *t, const struct day_guardian *g, const char *link)
{
    char text[ADDRESS_TEXT];

    term_answer(t, "[ ] %.*s", TEXT(g->name));
    if (g->reach.n > 0)
        term_answer(t, "    reached by:  %.*s", TEXT(g->reach));
    if (g->kind == PIECE_CARD)
        term_answer(t, "    has:         a card with 33 words; no node");
    for (uint32_t i = 0; g->n_node > 0 && i < g->node[0].n_addresses; i++)
        if (address_text(&g->node[0].addresses[i], text))
            term_answer(t, "    node:        %s", text);
    if (link[0] != '\0')
        term_answer(t, "    link:        %s", link);
}

/* For whoever has enough pieces as words, and no Kith. */
static void say_wrapped(struct term *t, const char *line)
{
    term_answer(t, "%s", "");
    term_answer(t, "With enough pieces as words on cards, any SLIP-39 program and this "
                   "line");
    term_answer(t, "give the key without Kith (docs/PROTOCOL.md, section 3):");
    term_answer(t, "%s", line);
}

/* ---- the document ---- */

static json_t *guardian_json(const struct day_guardian *g, const char *link)
{
    json_t *at = json_array();
    char text[ADDRESS_TEXT];

    for (uint32_t i = 0; g->n_node > 0 && i < g->node[0].n_addresses; i++)
        if (address_text(&g->node[0].addresses[i], text))
            (void)json_array_append_new(at, json_string(text));
    return json_pack("{s:o, s:s, s:o, s:o, s:s?}", "name", json_slice(g->name), "kind",
                     g->kind == PIECE_CARD ? "card" : "node", "reach",
                     json_slice(g->reach), "addresses", at, "link",
                     link[0] != '\0' ? link : NULL);
}

static json_t *head_json(const struct day *d, uint32_t number, const char *wrapped,
                         json_t *guardians)
{
    return json_pack("{s:o, s:o, s:i, s:i, s:i, s:o, s:s, s:o}", "name",
                     json_slice(owner_name(d)), "fingerprint",
                     json_slice(d->me.fingerprint), "epoch", (int)d->me.epoch, "need",
                     (int)circle_need(&d->me), "of", (int)circle_pieces(&d->me), "sheet",
                     number > 0 ? json_integer((json_int_t)number) : json_null(),
                     "wrapped", wrapped, "guardians", guardians);
}

/* ---- printing ---- */

static const struct sheet_line *line_of(const struct sheet *s,
                                        const struct day_guardian *g)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->lines[i].g == g)
            return &s->lines[i];
    return NULL;
}

/* The link of one that was deposited, else "". */
static enum err link_of(const struct seal_work *w, const struct sheet *s,
                        const struct day_guardian *g, char *out)
{
    const struct sheet_line *line = line_of(s, g);

    out[0] = '\0';
    return line != NULL && line->err == OK ? sheet_link(w, s, line, out) : OK;
}

static enum err each_guardian(struct ctx *ctx, const struct seal_work *w,
                              const struct sheet *s, json_t *io_list)
{
    AUTO_SECRET char *link = NULL;
    const struct day *d = w->day;

    TRY(secret_alloc(LINK_TEXT, (void **)&link));
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];

        TRY(link_of(w, s, g, link));
        if (ctx->term->json)
            (void)json_array_append_new(io_list, guardian_json(g, link));
        else
            say_guardian(ctx->term, g, link);
    }
    return OK;
}

static enum err print(struct ctx *ctx, const struct seal_work *w, const struct sheet *s)
{
    struct term *t = ctx->term;
    const struct day *d = w->day;
    struct wrapped wrapped = { 0 };
    char line[WRAPPED_TEXT];

    TRY(wrapped_of(d->me.manifest, &wrapped));
    wrapped_format(&wrapped, line);
    if (t->json) {
        json_t *list = json_array();
        enum err e = each_guardian(ctx, w, s, list);

        term_json(t, "sheet", head_json(d, s->n > 0 ? s->number + 1 : 0, line, list));
        return e;
    }
    say_head(t, d, s->n > 0 ? s->number + 1 : 0);
    TRY(each_guardian(ctx, w, s, NULL));
    say_wrapped(t, line);
    return OK;
}

/* ---- what became of it ---- */

static size_t say_away(struct term *t, const struct sheet *s)
{
    size_t away = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->lines[i].err == OK)
            continue;
        away++;
        if (s->lines[i].err == ERR_FULL)
            term_warn(t,
                      "%.*s's node has no room for another sheet. Let older ones end: "
                      "kith circle sheet --revoke",
                      TEXT(s->lines[i].g->name));
        else
            term_warn(t, "%s", s->lines[i].why);
    }
    return away;
}

static enum err nobody_reached(const struct ctx *ctx, const char *next)
{
    return term_fail_as(ctx->term, ERR_UNREACHABLE, EXIT_AWAY, NULL,
                        "Each guardian's node must know the sheet. Ask whether their "
                        "boxes are switched on.",
                        next, "No guardian's node could be reached.");
}

static enum err sheet_print(struct ctx *ctx, const struct seal_work *w)
{
    AUTO_FREE struct sheet *s = calloc(1, sizeof *s);
    struct term *t = ctx->term;

    if (s == NULL)
        return ERR_NOMEM;
    bool first = w->day->me.next_sheet == 0;
    term_progress(t, "Telling %zu guardians' nodes …", w->day->n_guardians);
    TRY(sheet_deposit(w, s));
    size_t away = say_away(t, s);
    if (away == s->n)
        return nobody_reached(ctx, "kith circle sheet");
    TRY(print(ctx, w, s));
    ctx->exit = away == 0 ? EXIT_FINE : EXIT_DEGRADED;
    if (away > 0)
        term_warn(t,
                  "this sheet has no link for those. Print another one when their nodes "
                  "are back.");
    term_say(t, "Keep it where you would look after a fire or a theft, not beside this "
                "machine.");
    if (!first)
        term_say(t, "Sheets that were printed before stay valid. If one may be in wrong "
                    "hands: kith circle sheet --revoke, and print a new one.");
    return OK;
}

/* Without the root there are no links; the rest of the paper is worth having. */
static enum err sheet_locked(struct ctx *ctx, const struct seal_work *w)
{
    AUTO_FREE struct sheet *s = calloc(1, sizeof *s);

    if (s == NULL)
        return ERR_NOMEM;
    TRY(print(ctx, w, s));
    term_warn(ctx->term, "this sheet has no links: your keys are locked. With "
                         "--passphrase-file FILE it holds one to each guardian.");
    return OK;
}

static json_t *revoked_json(const struct sheet *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n; i++) {
        const struct sheet_line *l = &s->lines[i];

        (void)json_array_append_new(
            list, json_pack("{s:o, s:s, s:i, s:o}", "name", json_slice(l->g->name),
                            "state", l->err == OK ? "ok" : "away", "links", (int)l->found,
                            "ends_at", json_time(l->ends)));
    }
    return json_pack("{s:o}", "guardians", list);
}

static enum err revoke(struct ctx *ctx, const struct seal_work *w)
{
    AUTO_FREE struct sheet *s = calloc(1, sizeof *s);
    struct term *t = ctx->term;
    char when[DURATION_TEXT];
    uint64_t ends = 0;

    if (s == NULL)
        return ERR_NOMEM;
    term_progress(t, "Telling %zu guardians' nodes …", w->day->n_guardians);
    TRY(sheet_revoke(w, s));
    size_t away = say_away(t, s);
    if (away == s->n)
        return nobody_reached(ctx, "kith circle sheet --revoke");
    for (size_t i = 0; i < s->n; i++)
        ends = s->lines[i].ends > ends ? s->lines[i].ends : ends;
    ctx->exit = away == 0 ? EXIT_FINE : EXIT_DEGRADED;
    if (t->json) {
        term_json(t, "revoked", revoked_json(s));
        return OK;
    }
    if (ends == 0)
        term_say(t, "No sheet is valid at the nodes that answered.");
    else
        when_text(ctx_now(ctx), ends, when);
    if (ends != 0)
        term_say(t,
                 "All sheets printed so far end %s; until then they still open requests, "
                 "which you are told of and can stop. It takes so long because a thief "
                 "with your keys could ask for it too. A guardian can end one at once.",
                 when);
    if (away > 0)
        term_say(t, "Run it again when the other nodes are back.");
    term_say(t, "A new sheet: kith circle sheet");
    return OK;
}

enum err cmd_circle_sheet(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct unlocked *u = NULL;

    TRY(owner_day(ctx, &h, &d));
    if (d->me.epoch == 0)
        return term_fail_as(ctx->term, ERR_STATE, EXIT_NO_CIRCLE, "not-sealed",
                            "A sheet before that would promise what is not there.",
                            "kith circle seal", "Your circle is not sealed yet.");
    bool ends = ctx_option(ctx, "--revoke") != NULL;
    enum err e = ctx_unlock(ctx, &h, &u);
    if (e != OK && (ends || e != ERR_LOCKED))
        return e;
    const struct seal_work w = {
        .home = &h, .unlocked = u, .day = d, .params = ctx->params
    };
    if (e == ERR_LOCKED)
        return sheet_locked(ctx, &w);
    return ends ? revoke(ctx, &w) : sheet_print(ctx, &w);
}
