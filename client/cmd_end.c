/* SPDX-License-Identifier: Apache-2.0 */
/* kith circle end, kith guardian erase: the words, the orders, what was erased. */
#include "client/circle.h"
#include "client/cmd_end_part.h"

void end_desk_done(struct end_desk *k)
{
    free(k->told);
    secret_free(k->root);
    day_free(k->day);
    home_close(&k->home);
}

enum err end_desk_open(struct ctx *ctx, struct end_desk *k)
{
    k->ctx = ctx;
    k->told = calloc(DAY_GUARDIANS, sizeof *k->told);
    if (k->told == NULL)
        return ERR_NOMEM;
    TRY(ctx_home(ctx, HOME_READ, &k->home));
    TRY(ctx_day(ctx, &k->home, &k->day));
    return home_has(&k->home, HOME_ROOT) ? OK : ctx_no_root(ctx);
}

static enum err save(struct end_desk *k)
{
    return ctx_day_save(k->ctx, &k->home, k->day);
}

/* ---- the guardians' words ---- */

void end_note(struct end_desk *k, struct day_guardian *g,
              const struct guardian_talk *talk)
{
    for (size_t i = 0; i < k->n_told; i++)
        if (k->told[i].g == g)
            return;
    k->told[k->n_told++] = (struct end_told){ g, *talk };
}

const struct guardian_talk *end_noted(const struct end_desk *k,
                                      const struct day_guardian *g)
{
    for (size_t i = 0; i < k->n_told; i++)
        if (k->told[i].g == g)
            return &k->told[i].talk;
    return NULL;
}

static enum err ask(struct end_desk *k, struct day_guardian *g)
{
    struct guardian_talk talk = { 0 };
    term_progress(k->ctx->term, "Calling %.*s's node …", TEXT(g->name));
    enum err e = end_ask(k->day, g, &k->root->root, k->ctx->params, &talk);
    TRY(save(k));
    if (e == ERR_NOMEM)
        return e;
    if (e != OK && talk.err == OK)
        talk.err = e;
    if (e != OK)
        end_note(k, g, &talk);
    return OK;
}

static enum err tell(struct end_desk *k, struct day_guardian *only)
{
    AUTO_FREE struct end_told *told = calloc(DAY_GUARDIANS, sizeof *told);
    size_t n = 0;
    if (told == NULL)
        return ERR_NOMEM;
    term_progress(k->ctx->term, "Telling the nodes …");
    TRY(end_round(k->day, only, &k->root->root, k->ctx->params, told, &n));
    for (size_t i = 0; i < n; i++)
        if (told[i].talk.err != OK && told[i].talk.err != ERR_CERT &&
            !end_settled(told[i].g))
            end_note(k, told[i].g, &told[i].talk);
    return save(k);
}

static bool is_missing(const struct day_guardian *g, const struct day_guardian *only)
{
    return (only == NULL || only == g) && end_has_node(g) && end_stand(g) == END_CALL;
}

/* Where the words are enough nobody else is asked, but what was asked is looked after. */
static enum err ask_missing(struct end_desk *k, struct day_guardian *only)
{
    bool enough = end_enough(k->day);
    for (size_t i = 0; i < k->day->n_guardians; i++) {
        struct day_guardian *g = &k->day->guardians[i];
        if (is_missing(g, only) && (!enough || end_asks(g)))
            TRY(ask(k, g));
    }
    return OK;
}

/* Whose node answered now that words are missing there, and is not asked for one. */
static enum err ask_rest(struct end_desk *k, struct day_guardian *only)
{
    for (size_t i = 0; i < k->day->n_guardians; i++) {
        struct day_guardian *g = &k->day->guardians[i];
        if (is_missing(g, only) && !confirm_open(g) && end_noted(k, g) == NULL)
            TRY(ask(k, g));
    }
    return OK;
}

/* Whoever's word is missing is asked; then the nodes are told what there is. */
static enum err go_on(struct end_desk *k, struct day_guardian *only)
{
    TRY(ask_missing(k, only));
    TRY(tell(k, only));
    return ask_rest(k, only);
}

/* ---- what came of it ---- */

/* The four words for a guardian whose call is open; "" for others. */
static enum err words_of(struct end_desk *k, const struct day_guardian *g,
                         char out[WORDS_TEXT])
{
    AUTO_SECRET struct confirm_words *w = NULL;
    out[0] = 0;
    if (end_stand(g) != END_CALL || !confirm_open(g) || g->ask_purpose != PURPOSE_END ||
        (g->request_state != STATE_LIVE && g->request_state != STATE_CONTESTED))
        return OK;
    term_progress(k->ctx->term, "Making the words …");
    TRY(secret_new(&w));
    TRY(confirm_words(k->day, g, k->ctx->params->cost, w));
    words_format(w->call, WORDS_CALL, out, WORDS_TEXT);
    return OK;
}

static const char *state_of(const struct day_guardian *g)
{
    bool no = end_stand(g) == END_CALL && g->ask_purpose == PURPOSE_END &&
              g->request_state == STATE_REFUSED;
    return no ? "refused" : end_stand_name(end_stand(g));
}

static enum err json_one(struct end_desk *k, const struct day_guardian *g, json_t **out)
{
    char words[WORDS_TEXT];
    const struct guardian_talk *talk = end_noted(k, g);
    TRY(words_of(k, g, words));
    *out = json_pack("{s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "name",
                     json_slice(g->name), "seat", json_hex(g->seat, SEAT_BYTES), "state",
                     state_of(g), "asked", end_asks(g), "words",
                     json_slice(bytes_text(words)), "ends_at",
                     json_time(end_settled(g) ? 0 : g->end_due), "ended_at",
                     json_time(g->ended), "receipt", json_bytes(g->end_receipt), "error",
                     json_slice(bytes_text(talk != NULL ? talk->why : "")));
    return OK;
}

static void say_call(struct term *t, const struct day_guardian *g, const char *words)
{
    if (g->reach.n > 0)
        term_say(t, "Call %.*s: %.*s", TEXT(g->name), TEXT(g->reach));
    else
        term_say(t, "Call %.*s, at a number you know.", TEXT(g->name));
    term_say(t, "They open \"kith guard\" and type these four words, for %.*s alone:",
             TEXT(g->name));
    term_answer(t, "%.*s\t%s", TEXT(g->name), words);
}

void end_say_settled(struct term *t, const struct day_guardian *g)
{
    bool signed_it = g->ended != 0;
    char at[TIME_TEXT];
    time_text(signed_it ? g->ended : g->left, at);
    if (end_gave_up(g))
        term_say(t,
                 "%.*s gave up guarding you on %s, without your order: nothing of yours "
                 "is there. %s",
                 TEXT(g->name), at,
                 signed_it ? "The node signed that." : "So the node said.");
    else
        term_say(t, "%.*s's node erased all of it on %s, and signed that.", TEXT(g->name),
                 at);
}

static enum err say_one(struct end_desk *k, const struct day_guardian *g)
{
    struct term *t = k->ctx->term;
    const struct guardian_talk *talk = end_noted(k, g);
    char words[WORDS_TEXT];
    char at[TIME_TEXT];
    TRY(words_of(k, g, words));
    if (end_stand(g) == END_CALL && talk != NULL && end_enough(k->day))
        term_say(t,
                 "%.*s need not be called: enough others said yes, and the node is "
                 "told when it answers.",
                 TEXT(g->name));
    else if (words[0] != 0)
        say_call(t, g, words);
    else if (strcmp(state_of(g), "refused") == 0)
        term_say(t, "%.*s said no. Speak with them; the next run asks again.",
                 TEXT(g->name));
    else if (end_stand(g) == END_AGREED)
        term_say(t, "%.*s agreed. The node waits for the words of others, or was away.",
                 TEXT(g->name));
    time_text(g->end_due, at);
    if (end_stand(g) == END_PLANNED && g->end_due > ctx_now(k->ctx))
        term_say(t, "%.*s's node erases all of it on %s.", TEXT(g->name), at);
    else if (end_stand(g) == END_PLANNED)
        term_say(t,
                 "%.*s's node was to erase all of it on %s, and has not signed here that "
                 "it did.",
                 TEXT(g->name), at);
    if (end_settled(g))
        end_say_settled(t, g);
    if (talk != NULL)
        term_warn(t, "%s", talk->why[0] != 0 ? talk->why : err_text(talk->err));
    return OK;
}

bool end_all_settled(const struct day *d)
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (end_has_node(&d->guardians[i]) && !end_settled(&d->guardians[i]))
            return false;
    return true;
}

/* Who gave up may sign that too. */
static bool all_signed(const struct day *d)
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (end_has_node(&d->guardians[i]) && d->guardians[i].ended == 0)
            return false;
    return true;
}

enum err end_json(struct end_desk *k)
{
    const struct day *d = k->day;
    json_t *list = json_array();
    json_t *cards = json_array();
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        json_t *one = NULL;
        if (g->kind == PIECE_CARD) {
            (void)json_array_append_new(cards, json_slice(g->name));
            continue;
        }
        enum err e = end_has_node(g) ? json_one(k, g, &one) : OK;
        if (e != OK) {
            json_decref(list);
            json_decref(cards);
            return e;
        }
        if (one != NULL)
            (void)json_array_append_new(list, one);
    }
    term_json(k->ctx->term, "end",
              json_pack("{s:b, s:o, s:o}", "ended", end_all_settled(d), "guardians", list,
                        "cards", cards));
    return OK;
}

/* Paper that opens nothing any more, and nodes of people who were guardians. */
static void say_rest(struct end_desk *k)
{
    const struct day *d = k->day;
    struct term *t = k->ctx->term;
    for (size_t i = 0; i < d->n_guardians; i++)
        if (d->guardians[i].kind == PIECE_CARD)
            term_say(t, "Tear up the card that %.*s keeps.", TEXT(d->guardians[i].name));
    for (size_t i = 0; i < d->n_formers; i++)
        if (end_has_node(&d->formers[i]))
            term_say(t,
                     "%.*s was a guardian: ask them to give you up too, with kith guard "
                     "leave.",
                     TEXT(d->formers[i].name));
}

/*
 * Nothing is left to take back: every node signed, gave it up, or is past its day (dead,
 * or waiting), and what these last may still keep opens nothing without paper.
 */
static bool paper_is_left(const struct day *d, uint64_t now)
{
    struct circle_count kept = { { 0 } };
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        uint8_t group = 0;
        uint8_t index = 0;
        if (g->kind == PIECE_CARD || end_settled(g))
            continue;
        if (!end_over(g, now))
            return false;
        circle_place(&d->me, i, &group, &index);
        kept.of[group]++;
    }
    return d->me.epoch > 0 && !circle_enough(&d->me, &kept);
}

/* Whose nodes have not signed. */
static void unsigned_names(const struct day *d, char out[TERM_TEXT / 2])
{
    out[0] = 0;
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        size_t n = strlen(out);
        if (end_has_node(g) && !end_settled(g))
            (void)snprintf(out + n, TERM_TEXT / 2 - n, "%s%.*s", n > 0 ? ", " : "",
                           TEXT(g->name));
    }
}

/* While the end may be taken back, the paper is needed as before. */
static void say_card(struct term *t, const struct day_guardian *card, const char *names,
                     bool tear)
{
    if (tear)
        term_say(t,
                 "Tear up the card that %.*s keeps: it is the last that could open your "
                 "keys with what these nodes have not signed to have erased: %s.",
                 TEXT(card->name), names);
    else
        term_say(t,
                 "The card that %.*s keeps still counts. You are told here to tear it up "
                 "once your circle has ended; that waits for the nodes of: %s.",
                 TEXT(card->name), names);
}

static void say_cards(struct end_desk *k)
{
    const struct day *d = k->day;
    char names[TERM_TEXT / 2];
    unsigned_names(d, names);
    for (size_t i = 0; i < d->n_guardians; i++)
        if (d->guardians[i].kind == PIECE_CARD)
            say_card(k->ctx->term, &d->guardians[i], names,
                     paper_is_left(d, ctx_now(k->ctx)));
}

/* Whom the calls below are for: how many of them it takes. */
static void say_missing(struct end_desk *k)
{
    unsigned more = end_missing(k->day);
    if (more > 0)
        term_say(k->ctx->term,
                 "%u more of your guardians %s to say yes by telephone. 14 days after "
                 "that all their nodes erase what they keep of you.",
                 more, more == 1 ? "has" : "have");
}

/* Some node is not known to be past its day. */
static bool is_revocable(const struct day *d, uint64_t now)
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (end_has_node(&d->guardians[i]) && !end_over(&d->guardians[i], now))
            return true;
    return false;
}

static enum err report(struct end_desk *k)
{
    struct term *t = k->ctx->term;
    bool done = end_all_settled(k->day);
    k->ctx->exit = done ? EXIT_FINE : EXIT_WAITING;
    if (t->json)
        return end_json(k);
    if (!done)
        say_missing(k);
    for (size_t i = 0; i < k->day->n_guardians; i++)
        if (end_has_node(&k->day->guardians[i]))
            TRY(say_one(k, &k->day->guardians[i]));
    if (done) {
        term_title(t, "Your circle has ended. Nobody can restore your root key now.");
        say_rest(k);
        return OK;
    }
    say_cards(k);
    if (is_revocable(k->day, ctx_now(k->ctx)))
        term_say(t, "To take it back: kith circle end --cancel");
    term_say(t, "To go on, and to see how it stands: kith circle end");
    return OK;
}

/* ---- kith circle end ---- */

static enum err no_circle(struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NO_CIRCLE, "no-circle",
                        "There is nothing to end.", NULL, "You have no guardians yet.");
}

static enum err offer_export(struct end_desk *k)
{
    struct term *t = k->ctx->term;
    bool stop = false;
    term_say(t, "What your guardians keep of your vault is erased too. To have it "
                "elsewhere: kith secret export DIR");
    TRY(term_offer(t, "Stop here, to do that first?", &stop));
    if (!stop)
        return OK;
    return term_fail_as(t, ERR_STOPPED, EXIT_STOPPED, "export-first", "Nothing was done.",
                        "kith secret export DIR", "Then stop here.");
}

/* Asked once; every later run goes on. */
static enum err begin(struct end_desk *k)
{
    const struct day *d = k->day;
    char words[WORDS_TEXT];
    if (d->me.end_wanted != 0)
        return OK;
    term_title(k->ctx->term, "The end of your circle");
    term_say(
        k->ctx->term,
        "Your guardians are asked by telephone. 14 days after as many have said yes "
        "as a restore takes, all their nodes erase your pieces and your vault; "
        "whoever says yes has it erased at their own node in any case. After that a lost "
        "root key cannot be restored by anybody.");
    TRY(offer_export(k));
    (void)snprintf(words, sizeof words, "%.*s", TEXT(d->me.fingerprint));
    TRY(term_word(k->ctx->term, words,
                  "To end it, type the four words that name your root key."));
    return OK;
}

/* From the first question on it is wanted; who has no passphrase wants nothing. */
static enum err want(struct end_desk *k)
{
    TRY(ctx_unlock(k->ctx, &k->home, &k->root));
    if (k->day->me.end_wanted != 0)
        return OK;
    k->day->me.end_wanted = ctx_now(k->ctx);
    return save(k);
}

static bool has_guardian(const struct day *d)
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (end_has_node(&d->guardians[i]))
            return true;
    return false;
}

static enum err cmd_circle_end(struct ctx *ctx)
{
    AUTO_END_DESK struct end_desk k = END_DESK;
    TRY(end_desk_open(ctx, &k));
    if (!has_guardian(k.day))
        return no_circle(ctx);
    if (ctx_option(ctx, "--cancel") != NULL)
        return end_desk_cancel(&k);
    if (all_signed(k.day))
        return report(&k);
    TRY(begin(&k));
    TRY(want(&k));
    TRY(go_on(&k, NULL));
    return report(&k);
}

/* ---- kith guardian erase ---- */

static enum err is_card(struct end_desk *k, const struct day_guardian *g)
{
    return term_fail_as(k->ctx->term, ERR_ARG, EXIT_USAGE, "card",
                        "Paper is erased by tearing it up.", NULL,
                        "%.*s keeps a card; there is no node.", TEXT(g->name));
}

static enum err agree_erase(struct end_desk *k, const struct day_guardian *g)
{
    char why[TERM_TEXT];
    bool begun =
        end_stand(g) != END_CALL || (g->ask_purpose == PURPOSE_END && confirm_open(g));
    if (begun)
        return OK;
    (void)snprintf(why, sizeof why,
                   "%.*s's node erases the piece it keeps for you and your vault there, "
                   "14 days after %.*s agreed by telephone. Your circle has one piece "
                   "less then. To put somebody else in the place, use kith guardian "
                   "replace.",
                   TEXT(g->name), TEXT(g->name));
    return term_word(k->ctx->term, "erase", why);
}

static enum err report_one(struct end_desk *k, const struct day_guardian *g)
{
    struct term *t = k->ctx->term;
    json_t *doc = NULL;
    char command[TERM_TEXT];
    k->ctx->exit = end_settled(g) ? EXIT_FINE : EXIT_WAITING;
    if (t->json) {
        TRY(json_one(k, g, &doc));
        term_json(t, "erase", doc);
        return OK;
    }
    TRY(say_one(k, g));
    guardian_next("erase", g->name, "", command);
    if (!end_settled(g))
        term_say(t, "To go on, and to see how it stands: %s", command);
    return OK;
}

static enum err cmd_guardian_erase(struct ctx *ctx)
{
    AUTO_END_DESK struct end_desk k = END_DESK;
    struct day_guardian *g = NULL;
    TRY(end_desk_open(ctx, &k));
    TRY(guardian_pick(ctx, k.day, ctx->args[0], &g));
    if (g->kind == PIECE_CARD)
        return is_card(&k, g);
    if (!end_has_node(g))
        return term_fail(ctx->term, ERR_STATE, "kith guardian list",
                         "%.*s is not added yet.", TEXT(g->name));
    if (g->ended != 0)
        return report_one(&k, g);
    TRY(agree_erase(&k, g));
    TRY(ctx_unlock(ctx, &k.home, &k.root));
    TRY(go_on(&k, g));
    return report_one(&k, g);
}

static const struct command rows[] = {
    { .path = "circle end",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Ends your circle: your guardians agree by telephone, 14 days later their "
              "nodes erase all. Running it again goes on.",
      .options = { { "--cancel", NULL, "the circle shall not end after all" } },
      .run = cmd_circle_end },
    { .path = "guardian export",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Writes down all that one guardian's node keeps of you, as it says.",
      .options = { { "-o", "DIR", "a directory that is not there yet" } },
      .run = cmd_end_export },
    { .path = "guardian erase",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Has one guardian's node erase what it keeps of you, with their word.",
      .run = cmd_guardian_erase },
};

const struct command_table cmd_end_table = COMMANDS(rows);
