/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "client/ceremony_change.h"
#include "client/cmd_guardian_part.h"

/* One run of it. */
struct confirming {
    const struct ctx *ctx;
    struct home h;
    struct day *d;
    struct unlocked *u;
    struct day_guardian *g;
    struct confirm_words *words;
    struct confirm_about about;
    struct bytes stated; /* their statement, once it is there */
};

static void confirming_done(struct confirming *c)
{
    secret_free(c->words);
    secret_free(c->u);
    day_free(c->d);
    home_close(&c->h);
}

static enum err no_owner_there(const struct confirming *c,
                               const struct guardian_talk *talk)
{
    return term_fail_as(c->ctx->term, talk->err, EXIT_FAILED, "not-known-there",
                        "Perhaps the node was set up anew, or your account there was "
                        "ended.",
                        "kith guardian list", "%.*s's node does not know you.",
                        TEXT(c->g->name));
}

/* The words were right, and what lies there is not what was sent. */
static enum err piece_bad(const struct confirming *c, const struct guardian_talk *talk)
{
    char next[TERM_TEXT];
    char why[TERM_TEXT];
    guardian_next("replace", c->g->name, "", next);
    (void)snprintf(why, sizeof why,
                   "%.*s's program says so; the node may be damaged, or not honest. The "
                   "old pieces stay good. If it stays so, somebody else takes the place:",
                   TEXT(c->g->name));
    return term_fail_as(c->ctx->term, talk->err, EXIT_INTEGRITY, "bad-piece", why, next,
                        "The new piece at %.*s's node does not open.", TEXT(c->g->name));
}

static enum err confirm_problem(const struct confirming *c,
                                const struct guardian_talk *talk)
{
    char next[TERM_TEXT];
    guardian_next("confirm", c->g->name, "", next);
    if (talk->err == ERR_REFUSED && talk->stage == CALL_KNOWN)
        return no_owner_there(c, talk);
    if (talk->err == ERR_CORRUPT && talk->stage >= CALL_TALKING)
        return piece_bad(c, talk);
    if (talk->err == ERR_SIGNATURE || talk->err == ERR_FORMAT)
        return term_fail_as(c->ctx->term, talk->err, EXIT_INTEGRITY, NULL,
                            "Somebody may be between you. Speak with your guardian.",
                            NULL,
                            "%.*s's node gave something that your guardian did not sign.",
                            TEXT(c->g->name));
    return term_fail(c->ctx->term, talk->err, next, "%s", talk->why);
}

/* One round, and what it left in the day box is kept. ERR_EXPIRED is the caller's. */
static enum err confirm_talk(struct confirming *c)
{
    struct guardian_talk talk = { 0 };
    term_progress(c->ctx->term, "Calling %.*s's node …", TEXT(c->g->name));
    enum err e =
        confirm_round(c->d, c->g, &c->u->root, c->ctx->params, &c->stated, &talk);
    if (e == ERR_EXPIRED)
        confirm_forget(c->g);
    TRY(ctx_day_save(c->ctx, &c->h, c->d));
    return e == OK || e == ERR_EXPIRED ? e : confirm_problem(c, &talk);
}

/* What a person decided, or five wrong tries. OK: the request lives. */
static enum err confirm_stopped(struct confirming *c)
{
    struct term *t = c->ctx->term;
    struct bytes name = c->g->name;
    char next[TERM_TEXT];
    guardian_next("confirm", name, "", next);
    if (c->g->request_state == STATE_LOCKED)
        return term_fail_as(
            t, ERR_TRIES, EXIT_STOPPED, NULL,
            "Your guardian gives new tries with \"kith guard unlock\", after "
            "speaking with you.",
            next, "Wrong words were typed at %.*s's side too often.", TEXT(name));
    if (c->g->request_state != STATE_REFUSED)
        return OK;
    confirm_forget(c->g);
    TRY(ctx_day_save(c->ctx, &c->h, c->d));
    return term_fail_as(t, ERR_STOPPED, EXIT_STOPPED, "refused",
                        "Speak with your guardian; the next call begins with new words.",
                        next, "%.*s refused.", TEXT(name));
}

static void confirm_answer(struct term *t, const struct day_guardian *g,
                           const struct confirm_words *words)
{
    char text[WORDS_TEXT] = "";
    if (words != NULL)
        words_format(words->call, WORDS_CALL, text, sizeof text);
    if (!t->json) {
        if (words != NULL)
            term_answer(t, "%s", text);
        return;
    }
    term_json(
        t, "confirm",
        json_pack("{s:o, s:o, s:o, s:s, s:o}", "name", json_slice(g->name), "request",
                  json_hex(g->request, ID_BYTES), "words", json_slice(bytes_text(text)),
                  "state",
                  words == NULL ? "confirmed" : request_state_name(g->request_state),
                  "confirmed_at", json_time(g->confirmed)));
}

static void say_confirmed(struct term *t, const struct day_guardian *g)
{
    term_say(t,
             "%.*s is confirmed: the two of you have spoken, and nobody stands between.",
             TEXT(g->name));
}

/* Wrong answer words, of the tries there are. */
static enum err answer_wrong(struct confirming *c, enum words_verdict verdict)
{
    struct day_guardian *g = c->g;
    int left = CONFIRM_TRIES - g->answers;
    char next[TERM_TEXT];
    char why[TERM_TEXT];
    guardian_next("confirm", g->name, left > 0 ? " --answer-file FILE" : "", next);
    (void)snprintf(why, sizeof why, "%s %s",
                   verdict == WORDS_SLIP
                       ? "One of the two words differs: ask once more."
                       : "Ask for the two words that came on their screen.",
                   left > 1 ? "Two tries are left." : "One try is left.");
    if (left == 0) {
        (void)snprintf(why, sizeof why,
                       "Somebody may be between you. Speak in another way, then begin "
                       "anew: there will be new words.");
        confirm_forget(g);
        TRY(ctx_day_save(c->ctx, &c->h, c->d));
    }
    enum err e =
        term_fail_as(c->ctx->term, ERR_AUTH, EXIT_FAILED, "words-wrong", why, next,
                     "These are not the words on %.*s's screen.", TEXT(g->name));
    term_fail_more(c->ctx->term, json_pack("{s:i}", "tries_left", left));
    return e;
}

/* The call is over: their word counts for the circle as it is now. */
static enum err confirm_keep(struct confirming *c)
{
    if (c->about.purpose == PURPOSE_EPOCH)
        TRY(change_said(c->d, c->g, c->stated, ctx_now(c->ctx)));
    confirm_forget(c->g);
    return ctx_day_save(c->ctx, &c->h, c->d);
}

static enum err answer_judge(struct confirming *c, const uint16_t typed[WORDS_ANSWER])
{
    struct day_guardian *g = c->g;
    TRY(confirm_words(c->d, g, c->ctx->params->cost, c->words));
    /* The try counts before it is judged, or a cut would give it back. */
    g->answers++;
    TRY(ctx_day_save(c->ctx, &c->h, c->d));
    enum words_verdict verdict = words_compare(typed, c->words->answer, WORDS_ANSWER);
    if (verdict != WORDS_RIGHT)
        return answer_wrong(c, verdict);
    g->confirmed = ctx_now(c->ctx);
    return confirm_keep(c);
}

static enum err nothing_open(const struct confirming *c)
{
    char next[TERM_TEXT];
    guardian_next("confirm", c->g->name, "", next);
    return term_fail_as(c->ctx->term, ERR_STATE, EXIT_WAITING, "no-call",
                        "First you say four words to your guardian, who types them; then "
                        "your guardian has two words for you.",
                        next, "No call with %.*s is under way, or it ran out.",
                        TEXT(c->g->name));
}

/* Answer words, once the guardian has typed the four. */
static enum err answer_take(struct confirming *c, const uint16_t typed[WORDS_ANSWER])
{
    bool open = confirm_open(c->g) && confirm_is(c->g, &c->about);
    enum err e = open ? confirm_talk(c) : ERR_EXPIRED;
    if (e != OK)
        return e == ERR_EXPIRED ? nothing_open(c) : e;
    TRY(confirm_stopped(c));
    if (c->stated.n > 0)
        return answer_judge(c, typed);
    return term_fail_as(
        c->ctx->term, ERR_STATE, EXIT_WAITING, "not-typed",
        "Say the four words; when they are typed, two words for you appear "
        "there.",
        NULL, "%.*s has not typed your four words yet.", TEXT(c->g->name));
}

static enum err answer_parse(const struct ctx *ctx, struct bytes text,
                             uint16_t out[WORDS_ANSWER])
{
    if (words_parse(text, WORDS_ANSWER, out) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_WORD, EXIT_USAGE, NULL,
                        "Check the spelling. This did not count as a try.", NULL,
                        "These are not two words of the list.");
}

/* What the new certificate makes possible happens at once. */
static enum err known_after(struct confirming *c)
{
    AUTO_FREE struct change_notes *notes = calloc(1, sizeof *notes);
    const struct seal_work w = {
        .home = &c->h, .unlocked = c->u, .day = c->d, .params = c->ctx->params
    };
    struct change_stand stand;
    char next[TERM_TEXT];
    if (notes == NULL)
        return ERR_NOMEM;
    enum err e = change_round(&w, notes);
    if (e != OK)
        return term_fail(c->ctx->term, e, "kith circle seal --resume",
                         "The confirmation is kept; what follows from it could not go "
                         "on.");
    change_look(c->d, &c->h, &stand);
    change_tell(c->ctx->term, c->d, &stand, notes->dead);
    change_next(c->d, &stand, next);
    if (next[0] != 0)
        term_say(c->ctx->term, "  %s", next);
    return OK;
}

static enum err confirm_with_answer(struct confirming *c, const char *path)
{
    uint8_t text[256];
    uint16_t typed[WORDS_ANSWER];
    size_t n = 0;
    TRY(term_read(c->ctx->term, path, SPAN_OF(text), &n));
    TRY(answer_parse(c->ctx, bytes_of(text, n), typed));
    TRY(ctx_unlock(c->ctx, &c->h, &c->u));
    TRY(answer_take(c, typed));
    say_confirmed(c->ctx->term, c->g);
    confirm_answer(c->ctx->term, c->g, NULL);
    return known_after(c);
}

/* Opens the request, or finds it as it was. */
static enum err confirm_show(struct confirming *c)
{
    enum err e = ERR_EXPIRED;
    if (confirm_open(c->g) && confirm_is(c->g, &c->about))
        e = confirm_talk(c);
    if (e == ERR_EXPIRED) {
        confirm_draw(c->g, &c->about, c->ctx->params->rng);
        e = confirm_talk(c);
    }
    if (e == ERR_EXPIRED)
        return nothing_open(c);
    TRY(e);
    TRY(confirm_stopped(c));
    if (c->stated.n > 0 && c->g->confirmed != 0)
        return OK; /* one way is enough for somebody who was spoken with */
    term_progress(c->ctx->term, "Making the words …");
    return confirm_words(c->d, c->g, c->ctx->params->cost, c->words);
}

static void say_call(struct term *t, const struct day_guardian *g)
{
    if (g->reach.n > 0)
        term_say(t, "Call %.*s now: %.*s", TEXT(g->name), TEXT(g->reach));
    else
        term_say(t, "Call %.*s now, at a number you know.", TEXT(g->name));
    term_say(t,
             "Ask them to open \"kith guard\", then say these four words. They are for "
             "%.*s alone:",
             TEXT(g->name));
}

/* ---- somebody who was spoken with before: they type, nothing comes back ---- */

static void say_known(struct term *t, const struct confirming *c)
{
    const struct day_guardian *g = c->g;
    term_say(t,
             "%.*s has confirmed your circle as it is now: the new piece opens, and it "
             "was you who changed it.",
             TEXT(g->name));
}

static enum err known_done(struct confirming *c)
{
    TRY(confirm_keep(c));
    say_known(c->ctx->term, c);
    return known_after(c);
}

/* On a terminal the caller waits here until the guardian has typed. Who types the two
   words that the guardian's screen shows is not sent away. */
static enum err known_wait(struct confirming *c)
{
    struct term *t = c->ctx->term;
    char line[64];
    char question[NAME_TEXT + 64];
    const struct ask a = { question, "", NULL };
    (void)snprintf(question, sizeof question,
                   "Enter when %.*s has typed them, or \"later\"", TEXT(c->g->name));
    while (t->ask) {
        TRY(term_ask_maybe(t, &a, line, sizeof line));
        if (!t->ask || strcasecmp(line, "later") == 0)
            break; /* the end of input too */
        enum err e = confirm_talk(c);
        if (e != OK)
            return e == ERR_EXPIRED ? nothing_open(c) : e;
        TRY(confirm_stopped(c));
        if (c->stated.n > 0)
            return known_done(c);
        term_say(t, "%.*s has not typed them yet.", TEXT(c->g->name));
    }
    char next[TERM_TEXT];
    guardian_next("confirm", c->g->name, "", next);
    term_say(t, "When %.*s has typed them: %s", TEXT(c->g->name), next);
    return OK;
}

/* Whether what went wrong can be put right in the same call. */
static bool can_go_on(const struct confirming *c)
{
    const char *id = c->ctx->term->problem.id;
    return strcmp(id, "not-typed") == 0 || strcmp(id, err_id(ERR_WORD)) == 0 ||
           (strcmp(id, "words-wrong") == 0 && confirm_open(c->g));
}

/* On a terminal the call goes on here: the guardian says two words back. */
static enum err confirm_ask(struct confirming *c)
{
    struct term *t = c->ctx->term;
    char line[128];
    char question[NAME_TEXT + 64];
    uint16_t typed[WORDS_ANSWER];
    char note[2 * NAME_TEXT + 128];
    struct ask a = { question, "--answer-file FILE", note };
    bool asked = t->ask;
    (void)snprintf(question, sizeof question, "The two words %.*s says back",
                   TEXT(c->g->name));
    (void)snprintf(note, sizeof note,
                   "When %.*s has typed them, %.*s's screen shows two words for you.",
                   TEXT(c->g->name), TEXT(c->g->name));
    for (;;) {
        TRY(term_ask_maybe(t, &a, line, sizeof line));
        a.note = NULL;
        if (line[0] == 0)
            break;
        enum err e = answer_parse(c->ctx, bytes_text(line), typed);
        if (e == OK)
            e = answer_take(c, typed);
        if (e == OK) {
            say_confirmed(t, c->g);
            return known_after(c);
        }
        if (!can_go_on(c))
            return e;
        term_say(t, "%s %s", t->problem.what, t->problem.why);
    }
    char next[TERM_TEXT];
    guardian_next("confirm", c->g->name, asked ? "" : " --answer-file FILE", next);
    if (asked)
        term_say(t, "Not confirmed yet. To go on with the same words: %s", next);
    else
        term_say(t, "When two words came back: %s", next);
    return OK;
}

static enum err is_card(const struct confirming *c)
{
    char next[TERM_TEXT];
    card_next(c->g->name, next);
    return term_fail_as(c->ctx->term, ERR_ARG, EXIT_USAGE, "card",
                        "A card counts once it was printed and read back.", next,
                        "%.*s keeps a card; there is no node to confirm at.",
                        TEXT(c->g->name));
}

static enum err confirm_run(struct confirming *c)
{
    const struct ctx *ctx = c->ctx;
    const char *answer = ctx_option(ctx, "--answer-file");
    TRY(ctx_home(ctx, HOME_READ, &c->h));
    TRY(ctx_day(ctx, &c->h, &c->d));
    TRY(guardian_pick(ctx, c->d, ctx->args[0], &c->g));
    if (c->g->kind == PIECE_CARD)
        return is_card(c);
    if (!change_about(c->d, c->g, &c->about) && c->g->progress != GUARDIAN_NEW) {
        say_confirmed(ctx->term, c->g);
        confirm_answer(ctx->term, c->g, NULL);
        return OK;
    }
    if (c->g->progress == GUARDIAN_NEW) {
        char next[TERM_TEXT];
        guardian_next("add", c->g->name, "", next);
        return term_fail(ctx->term, ERR_STATE, next, "%.*s is not added yet.",
                         TEXT(c->g->name));
    }
    bool known = c->g->confirmed != 0;
    TRY(secret_new(&c->words));
    if (answer != NULL && !known)
        return confirm_with_answer(c, answer);
    TRY(ctx_unlock(ctx, &c->h, &c->u));
    TRY(confirm_show(c));
    if (c->stated.n > 0 && known) {
        confirm_answer(ctx->term, c->g, NULL);
        return known_done(c);
    }
    say_call(ctx->term, c->g);
    confirm_answer(ctx->term, c->g, c->words);
    return known ? known_wait(c) : confirm_ask(c);
}

enum err cmd_guardian_confirm(struct ctx *ctx)
{
    __attribute__((cleanup(confirming_done))) struct confirming c = {
        .ctx = ctx, .h = { .dir = -1, .lock = -1 }
    };
    return confirm_run(&c);
}
