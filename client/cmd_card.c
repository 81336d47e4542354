/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "client/card_read.h"
#include "client/ceremony_change.h"
#include "client/cmd_card_part.h"

enum err card_day(const struct ctx *ctx, struct home *h, struct day **out)
{
    static const uint8_t none[PUB_BYTES];

    TRY(ctx_home(ctx, HOME_READ, h));
    TRY(ctx_day(ctx, h, out));
    if (!bytes_equal(BYTES_OF((*out)->me.owner), BYTES_OF(none)))
        return OK;
    return ctx_no_root(ctx);
}

enum err card_fail(const struct ctx *ctx, enum err e, const char *name)
{
    struct term *t = ctx->term;

    if (e == ERR_UNKNOWN)
        return term_fail(t, e, "kith card list", "There is no card for %s.", name);
    if (e == ERR_ARG)
        return term_fail_as(t, e, EXIT_USAGE, "no-card",
                            "Who has a node keeps the piece there.", "kith card list",
                            "%s has a node, not a card.", name);
    if (e == ERR_STATE)
        return term_fail_as(t, e, EXIT_NO_CIRCLE, "not-sealed",
                            "The pieces are dealt when the circle is sealed.",
                            "kith circle seal", "There is no piece for %s yet.", name);
    if (e == ERR_USED)
        return term_fail_as(
            t, e, EXIT_FAILED, "card-held",
            "Since it was read back, the piece is on that paper and nowhere else. If the "
            "paper is lost, a change of the circle replaces it.",
            "kith card list", "%s's card cannot be printed again.", name);
    return e;
}

static const char *paper_name(enum card_where paper)
{
    static const char *const names[] = { [PAPER_NONE] = "none",
                                         [PAPER_DEALT] = "to-verify",
                                         [PAPER_HELD] = "held",
                                         [PAPER_OLD] = "old" };

    return names[paper];
}

/* ---- card verify ---- */

/* The key of this card, and of all others: so that another card is told from a slip. */
static enum err known_keys(struct home *h, const struct unlocked *u, struct day *d,
                           const char *name, struct card_keys *out)
{
    AUTO_SECRET struct card *c = NULL;

    TRY(secret_new(&c));
    enum err e = card_piece(h, u, d, bytes_text(name), CARD_LOCKED, c);
    if (e == OK)
        card_keys_add(out, c->piece_key);
    else if (e != ERR_USED && e != ERR_STATE)
        return e;
    return d->me.manifest.n > 0 ? card_keys_of(out, d->me.manifest) : OK;
}

static enum err fail_earlier(const struct ctx *ctx, const struct card *c,
                             const struct day *d)
{
    return term_fail_as(
        ctx->term, ERR_STATE, EXIT_INTEGRITY, "card-retired",
        "It was replaced by a change of the circle. When the old circle is "
        "dead, destroy the card.",
        "kith card list", "This card is of your circle number %u; now it is number %u.",
        c->epoch, d->me.epoch);
}

static bool is_ours(const struct card *c, const struct day *d)
{
    return bytes_equal(BYTES_OF(c->circle), BYTES_OF(d->me.circle)) &&
           bytes_equal(BYTES_OF(c->owner), BYTES_OF(d->me.owner));
}

static enum err fail_foreign(const struct ctx *ctx, const struct card_paper *p,
                             const struct day *d)
{
    if (p->has_line && is_ours(&p->card, d) && p->card.epoch < d->me.epoch)
        return fail_earlier(ctx, &p->card, d);
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_INTEGRITY, "card-foreign",
                        "Its words are right in themselves. It may be of an earlier "
                        "circle, or of another person's.",
                        "kith card list", "This is no card of your circle as it is now.");
}

/* The card that was read, when it is the one that was named. */
static enum err find_named(const struct ctx *ctx, struct home *h, struct day *d,
                           const struct card_paper *p, struct card_line *out)
{
    AUTO_FREE struct card *c = calloc(1, sizeof *c);
    const struct day_guardian *named = guardian_find(d, bytes_text(ctx->args[0]));
    uint8_t key[PUB_BYTES];

    if (c == NULL)
        return ERR_NOMEM;
    piece_public(p->piece, key);
    enum err e = card_find(h, d, key, c, out);
    if (e == ERR_UNKNOWN)
        return fail_foreign(ctx, p, d);
    TRY(e);
    if (out->g != named)
        return term_fail_as(ctx->term, ERR_STATE, EXIT_INTEGRITY, "other-card",
                            "Two cards were confused: look which paper is where.",
                            "kith card list", "This is %.*s's card, not %s's.",
                            TEXT(out->g->name), ctx->args[0]);
    if (out->paper == PAPER_NONE || out->paper == PAPER_OLD)
        return c->epoch < out->epoch ? fail_earlier(ctx, c, d) : fail_foreign(ctx, p, d);
    return OK;
}

static void say_held(struct ctx *ctx, const struct card_line *l, bool mended, bool before)
{
    struct term *t = ctx->term;

    if (t->json) {
        term_json(t, "card",
                  json_pack("{s:o, s:i, s:s, s:o, s:b}", "name", json_slice(l->g->name),
                            "epoch", (int)l->epoch, "state", "held", "held_at",
                            json_time(l->held), "corrected", mended));
        return;
    }
    if (before)
        term_say(t, "%.*s's card is in order.", TEXT(l->g->name));
    else
        term_say(t,
                 "%.*s's card counts from now on. The copy of its piece in this home is "
                 "gone: it is on that paper and nowhere else.",
                 TEXT(l->g->name));
    term_say(t, "Where it lies, only the two of you should know. Once a year: kith card "
                "verify, and a tick on the card.");
}

static enum err cmd_card_verify(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_SECRET struct card_paper *p = NULL;
    AUTO_FREE struct card_keys *keys = calloc(1, sizeof *keys);
    struct card_line line = { .paper = PAPER_NONE };

    if (keys == NULL)
        return ERR_NOMEM;
    TRY(card_day(ctx, &h, &d));
    TRY(ctx_unlock(ctx, &h, &u));
    enum err e = known_keys(&h, u, d, ctx->args[0], keys);
    if (e != OK)
        return card_fail(ctx, e, ctx->args[0]);
    TRY(secret_new(&p));
    TRY(card_paper_read(ctx->term, ctx->n_args > 1 ? ctx->args[1] : NULL, keys, p));
    if (!p->has_piece)
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "no-words",
                            "A card counts when its words were read; the other code is "
                            "not enough.",
                            "Take a picture of the whole card, or type the words.",
                            "There are no words in what was read.");
    TRY(find_named(ctx, &h, d, p, &line));
    bool before = line.paper == PAPER_HELD;
    TRY(card_held(&h, u, d, p->piece, ctx->params, &line));
    say_held(ctx, &line, p->mended, before);
    /* A picture of the card has both codes too: only its keeper knows what it was. */
    if (!before && p->has_line && ctx->n_args > 1)
        term_warn(ctx->term,
                  "if what was read is the file that was to be printed, print it "
                  "before you remove it: the piece is nowhere else.");
    return OK;
}

/* ---- card read ---- */

/* What the home here knows of a card. */
struct known {
    struct card card; /* as the manifest has it, or the public text */
    bool card_known;
    const char *state; /* held, to-verify, old, retired, foreign, unknown */
    char name[NAME_MAX_BYTES + 1];
};

static void look_up(struct home *h, struct day *d, const struct card_paper *p,
                    struct known *k)
{
    struct card_line line;
    struct card c;
    uint8_t key[PUB_BYTES];

    if (p->has_piece)
        piece_public(p->piece, key);
    else
        memcpy(key, p->card.piece_key, PUB_BYTES);
    if (card_find(h, d, key, &c, &line) == OK) {
        if (!k->card_known)
            k->card = c;
        k->card_known = true;
        k->state = paper_name(line.paper);
        (void)snprintf(k->name, sizeof k->name, "%.*s", TEXT(line.g->name));
    } else if (k->card_known && is_ours(&k->card, d)) {
        k->state = k->card.epoch < d->me.epoch ? "retired" : "unknown";
    } else if (d->me.epoch > 0) {
        k->state = "foreign";
    }
}

static enum err read_known(struct ctx *ctx, const struct card_paper *p, struct known *out)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;

    out->state = "unknown";
    if (p->has_line) {
        out->card = p->card;
        out->card_known = true;
        memcpy(out->name, p->card.name, sizeof out->name);
    }
    TRY(ctx_home(ctx, HOME_READ, &h));
    if (h.dir < 0)
        return OK;
    TRY(ctx_day(ctx, &h, &d));
    look_up(&h, d, p, out);
    return OK;
}

static const char *state_text(const char *state)
{
    static const struct {
        const char *state, *text;
    } rows[] = {
        { "held", "It is a card of your circle, and counts." },
        { "to-verify", "It is a card of your circle; it counts once it was read back: "
                       "kith card verify NAME" },
        { "old", "It is of an earlier circle of yours: a newer piece is at its place." },
        { "retired",
          "It is of an earlier circle of yours. When that one is dead, destroy "
          "it." },
        { "none", "It is of another try of your circle, and worth nothing." },
        { "foreign", "It is not of your circle." },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].state, state) == 0)
            return rows[i].text;
    return "This home cannot tell whose it is.";
}

static void say_card(struct ctx *ctx, const struct card_paper *p, const struct known *k,
                     const char *fingerprint)
{
    struct term *t = ctx->term;
    char made[TIME_TEXT];

    if (k->name[0] != '\0')
        term_answer(t, "Card: %s", k->name);
    if (k->card_known) {
        time_text(k->card.made, made);
        term_answer(t, "Circle of %s, number %u: one of %u pieces, %u needed", made,
                    k->card.epoch, k->card.of, k->card.need);
        term_answer(t, "Fingerprint words: %s", fingerprint);
    }
    if (p->has_line)
        term_answer(t, "%s",
                    k->card.kind == CARD_LOCKED
                        ? "Locked: a guardian's node must agree as well"
                        : "Standalone: it carries the line KITH-WRAPPED");
    if (p->has_piece)
        term_answer(t, "All 33 words are right%s",
                    p->fits ? ", and belong to this card" : "");
    else
        term_answer(t, "Its words were not read");
    term_tell(t, "%s", state_text(k->state));
}

static json_t *card_json(const struct card_paper *p, const struct known *k,
                         const char *fingerprint)
{
    json_t *doc = json_pack(
        "{s:s?, s:s, s:b, s:o, s:o}", "name", k->name[0] != '\0' ? k->name : NULL,
        "state", k->state, "words", p->has_piece, "fits",
        p->has_line && p->has_piece ? json_boolean(p->fits) : json_null(), "kind",
        p->has_line ? json_string(k->card.kind == CARD_LOCKED ? "locked" : "standalone")
                    : json_null());
    if (k->card_known)
        (void)json_object_update_new(
            doc,
            json_pack("{s:o, s:i, s:i, s:i, s:o, s:s}", "circle",
                      json_hex(k->card.circle, ID_BYTES), "epoch", (int)k->card.epoch,
                      "need", (int)k->card.need, "of", (int)k->card.of, "made_at",
                      json_time(k->card.made), "fingerprint", fingerprint));
    return doc;
}

static enum err cmd_card_read(struct ctx *ctx)
{
    AUTO_SECRET struct card_paper *p = NULL;
    AUTO_FREE struct known *k = calloc(1, sizeof *k);
    static const struct card_keys none;
    char fingerprint[WORDS_TEXT] = "";

    if (k == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&p));
    TRY(card_paper_read(ctx->term, ctx->n_args > 0 ? ctx->args[0] : NULL, &none, p));
    TRY(read_known(ctx, p, k));
    if (k->card_known)
        TRY(ctx_fingerprint(ctx, k->card.owner, fingerprint));
    if (ctx->term->json)
        term_json(ctx->term, "card", card_json(p, k, fingerprint));
    else
        say_card(ctx, p, k, fingerprint);
    return OK;
}

/* ---- card list ---- */

static void say_line(struct term *t, const struct card_line *l)
{
    char when[TIME_TEXT];

    time_text(l->held, when);
    if (l->paper == PAPER_NONE)
        term_answer(t, "%.*s: no piece yet, the circle is to be sealed",
                    TEXT(l->g->name));
    else if (l->paper == PAPER_DEALT)
        term_answer(t, "%.*s: to be printed and read back", TEXT(l->g->name));
    else if (l->paper == PAPER_HELD)
        term_answer(t, "%.*s: on paper, read back %s", TEXT(l->g->name), when);
    else
        term_answer(t, "%.*s: on paper, of an earlier circle (number %u)",
                    TEXT(l->g->name), l->epoch);
}

static json_t *lines_json(const struct card_line *lines, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(
            list, json_pack("{s:o, s:s, s:o, s:o}", "name", json_slice(lines[i].g->name),
                            "state", paper_name(lines[i].paper), "epoch",
                            lines[i].epoch > 0 ? json_integer((json_int_t)lines[i].epoch)
                                               : json_null(),
                            "held_at", json_time(lines[i].held)));
    return json_pack("{s:o}", "cards", list);
}

static enum err cmd_card_list(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    AUTO_FREE struct card_line *lines = calloc(CARDS_MAX, sizeof *lines);
    size_t n = 0;

    if (lines == NULL)
        return ERR_NOMEM;
    TRY(card_day(ctx, &h, &d));
    TRY(cards_list(&h, d, lines, &n));
    if (ctx->term->json) {
        term_json(ctx->term, "cards", lines_json(lines, n));
        return OK;
    }
    if (n == 0)
        term_say(ctx->term, "There are no cards. A piece on paper for somebody without "
                            "a node: kith guardian add NAME --card");
    for (size_t i = 0; i < n; i++)
        say_line(ctx->term, &lines[i]);
    return OK;
}

/* ---- card torn ---- */

static void say_torn(struct ctx *ctx, const struct day *d)
{
    struct bytes names[1];
    bool dead = false;
    size_t n = change_cards(d, names, 1, &dead);
    if (ctx->term->json) {
        term_json(ctx->term, "torn", json_pack("{s:b}", "dead", dead));
        return;
    }
    if (dead)
        term_say(ctx->term, "Noted. What is left of your old circle opens nothing, "
                            "whoever has it.");
    else if (n > 0)
        term_say(ctx->term, "Noted. The old card of %.*s is still to be torn up.",
                 (int)names[0].n, (const char *)names[0].p);
    else
        term_say(ctx->term, "Noted. Old pieces are left at nodes: kith status");
}

static enum err cmd_card_torn(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    char next[TERM_TEXT];
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_day(ctx, &h, &d));
    enum err e = change_torn(d, bytes_text(ctx->args[0]));
    card_next(bytes_text(ctx->args[0]), next);
    if (e == ERR_STATE)
        return term_fail_as(ctx->term, e, EXIT_FAILED, "card-needed",
                            "Until the new paper was read back, the old one may be all "
                            "there is.",
                            next, "%s's new card was not read back yet.", ctx->args[0]);
    if (e != OK)
        return term_fail(ctx->term, e, "kith card list", "Nobody called %s has a card.",
                         ctx->args[0]);
    (void)change_settle(d);
    TRY(ctx_day_save(ctx, &h, d));
    say_torn(ctx, d);
    return OK;
}

static const struct command rows[] = {
    { .path = "card print",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Prints NAME's card: PDF, HTML or text.",
      .options = { { "-o", "FILE", ".pdf, .html or .txt; - is text on standard output" },
                   { "--size", "SIZE", "a4, letter or a6" },
                   { "--blank-words", NULL,
                     "without words: they are shown, to be written in by hand" },
                   { "--standalone", NULL,
                     "with the line KITH-WRAPPED: enough cards open everything" } },
      .run = cmd_card_print },
    { .path = "card verify",
      .args = "NAME [FILE|-]",
      .min = 1,
      .max = 2,
      .key = NEEDS_ROOT,
      .help = "Reads NAME's card back, typed or from a picture; then it counts.",
      .run = cmd_card_verify },
    { .path = "card read",
      .args = "[FILE|-]",
      .min = 0,
      .max = 1,
      .key = NEEDS_NOTHING,
      .help = "Tells what a card is; shows no words.",
      .run = cmd_card_read },
    { .path = "card torn",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Notes that NAME tore up the old card, so that a change can finish.",
      .run = cmd_card_torn },
    { .path = "card list",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Your cards, and which were read back.",
      .run = cmd_card_list },
};

const struct command_table cmd_card_table = COMMANDS(rows);
