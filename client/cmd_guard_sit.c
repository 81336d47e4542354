/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_sit.h"

#include <ctype.h>
#include <strings.h>

enum {
    WORDS_TYPED = 256,
    SENTENCE = 128,
    SENTENCE_MAX = 2 * NAME_TEXT + 128 /* of a yes despite a stop */
};

void sitting_end(struct sitting *s)
{
    secret_free(s->verdict);
    secret_free(s->approval);
    free(s->approval_out);
    free(s->c);
}

struct day_seat *sitting_seat(const struct sitting *s)
{
    return &s->d->day->seats[s->seat];
}

const struct request_line *sitting_line(const struct sitting *s)
{
    return &s->c->rep.line[0];
}

/* ---- beginning ---- */

static void who_fill(struct sitting *s)
{
    desk_who(s->d, s->seat, s->ward, s->approval, &s->who);
}

/* ---- what the boxes say ---- */

/* The ward's name stays that by which the guardian enrolled it and types it. */
static void take_about(struct sitting *s, const struct guard_piece *p)
{
    if (p->introducer_listed)
        s->tale.introducer = INTRODUCER_KNOWN;
    if (p->about_n > 0)
        s->tale.about = day_keep(s->d->day, bytes_of(p->about, p->about_n));
}

/* The owner's note stays at hand for a look without the passphrase. */
static enum err keep_about(struct sitting *s)
{
    if (bytes_equal(s->ward->about, s->tale.about))
        return OK;
    s->ward->about = s->tale.about;
    return ctx_day_save(s->d->ctx, &s->d->home, s->d->day);
}

/* What a change of circle changes, for the screen. */
static void tale_plans(struct sitting *s)
{
    const struct view *v = &s->c->view;
    uint32_t at = guard_subject(v);

    if (at >= s->c->n_boxes || s->opened[at] != OK)
        return;
    s->tale.epoch = v->epochs[at].epoch;
    s->tale.plan = &s->plans[at];
    for (uint32_t i = s->c->n_boxes; i-- > 0;)
        if (s->opened[i] == OK && v->epochs[i].epoch < s->tale.epoch)
            s->tale.plan_before = &s->plans[i];
}

static enum err look_into(struct sitting *s)
{
    AUTO_SECRET struct guard_piece *p = NULL;

    TRY(secret_new(&p));
    if (s->c->rep.introduction.n > 0)
        s->tale.introducer = INTRODUCER_UNKNOWN;
    for (uint32_t i = s->c->n_boxes; i-- > 0;) {
        s->opened[i] = s->c->box_err[i];
        if (s->opened[i] == OK)
            s->opened[i] = guard_open(&s->who, &s->c->view.epochs[i], &s->c->boxes[i],
                                      s->c->rep.introducer, p);
        if (s->opened[i] == ERR_NOMEM)
            return ERR_NOMEM;
        if (i == guard_subject(&s->c->view) && s->opened[i] == OK && !guard_may_change(p))
            s->opened[i] = ERR_CONFLICT; /* by a key, or with people, that do not count */
        if (s->opened[i] == OK)
            take_about(s, p);
        s->plans[i] = p->plan;
    }
    tale_plans(s);
    return keep_about(s);
}

static enum err unknown_ward(struct sitting *s)
{
    return term_fail_as(s->t, ERR_AUTH, EXIT_INTEGRITY, NULL,
                        "Whoever made it did not know your keys. Do not approve it.",
                        NULL, "The note of this ward does not open.");
}

static enum err old_keys(struct sitting *s, const struct guard_request *r)
{
    char id[9];
    char next[SENTENCE];
    char name[NAME_TEXT];
    char why[TERM_TEXT];

    id_short(r->rep.line[0].request, id);
    desk_name(s->d, r->seat, r->rep.line[0].ward, name);
    (void)snprintf(next, sizeof next, "kith guard refuse %s", id);
    (void)snprintf(why, sizeof why,
                   "%s Say so to the person: another guardian has to help.",
                   desk_lost_why(s->d, r->seat));
    return term_fail_as(s->t, ERR_KEY, EXIT_FAILED, "old-keys", why, next,
                        "The keys to your piece for %s are gone.", name);
}

static enum err only_refuse(struct sitting *s, const struct guard_request *r)
{
    char id[9];
    char next[SENTENCE];

    id_short(r->rep.line[0].request, id);
    (void)snprintf(next, sizeof next, "kith guard refuse %s", id);
    return term_fail_as(s->t, ERR_ARG, EXIT_USAGE, "other-kind",
                        "Enough guardians said yes to this new root: it takes over by "
                        "itself. You can only refuse it.",
                        next, "There is nothing to approve here.");
}

enum err sitting_begin(struct sitting *s, const struct guard_request *r)
{
    const struct params *p = s->d->ctx->params;
    struct call call = { 0 };

    if (r->takeover)
        return only_refuse(s, r);
    s->seat = r->seat;
    enum err e = desk_place(s->d, s->seat) == PLACE_LOST
                     ? ERR_KEY
                     : desk_unlock_seat(s->d, s->seat);
    if (e == ERR_KEY)
        return old_keys(s, r);
    TRY(e);
    s->c = calloc(1, sizeof *s->c);
    s->approval_out = calloc(1, sizeof *s->approval_out);
    if (s->c == NULL || s->approval_out == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&s->verdict));
    TRY(secret_new(&s->approval));
    TRY(desk_read_notes(s->d));
    s->ward = guard_known(s->d->day, sitting_seat(s)->seat, r->rep.line[0].ward);
    if (s->ward == NULL)
        return unknown_ward(s);
    e = guard_fetch(p, s->d->day, sitting_seat(s), r->rep.line[0].request, s->c, &call);
    if (e != OK)
        return desk_failed(s->d, sitting_seat(s), &call, e);
    TRY(ident_approval(desk_root(s->d, s->seat), sitting_seat(s)->seat, s->ward->invite,
                       s->approval));
    who_fill(s);
    tale_of(s->d, term_say, r, &s->tale);
    TRY(sitting_root(s));
    s->tale.line = sitting_line(s);
    s->tale.claimed = s->c->rep.claimed;
    return look_into(s);
}

/* ---- may it be answered with a yes ---- */

static enum err locked(struct sitting *s)
{
    char id[9];
    char next[SENTENCE];

    id_short(sitting_line(s)->request, id);
    (void)snprintf(next, sizeof next, "kith guard unlock %s", id);
    return term_fail_as(s->t, ERR_TRIES, EXIT_STOPPED, NULL,
                        "Speak with the person first, then unlock it.", next,
                        "Too many wrong words were typed: the request is locked.");
}

static enum err paused(struct sitting *s, uint64_t until)
{
    char at[TIME_TEXT];

    time_text(until, at);
    return term_fail_as(s->t, ERR_PAUSED, EXIT_STOPPED, NULL,
                        "While you are away nothing new is approved or confirmed. You "
                        "can refuse.",
                        "kith guard resume", "You said that you are away until %s.", at);
}

enum err sitting_contested(struct sitting *s)
{
    char id[9];
    char next[SENTENCE];

    id_short(sitting_line(s)->request, id);
    (void)snprintf(next, sizeof next, "kith guard %s %s --despite-stop",
                   sitting_line(s)->kind == REQUEST_CONFIRM ? "confirm" : "approve", id);
    return term_fail_as(s->t, ERR_STOPPED, EXIT_STOPPED, "contested",
                        "Either they do not know of this, or a thief has their device. "
                        "Speak with them again, by a number you had before. Only if they "
                        "want this:",
                        next, "A device of %s said stop%s.", s->tale.name,
                        sitting_line(s)->stopped != 0 ? " to this request"
                                                      : " not long ago");
}

enum err sitting_new_piece(struct sitting *s)
{
    uint32_t at = guard_subject(&s->c->view);

    if (s->c->view.purpose != PURPOSE_EPOCH ||
        (at < s->c->n_boxes && s->opened[at] == OK))
        return OK;
    return term_fail_as(s->t, ERR_CORRUPT, EXIT_INTEGRITY, "new-piece",
                        "Your yes would let the old piece be erased, so it is not given. "
                        "Tell them: they have to make the circle anew. Your old piece "
                        "stays.",
                        NULL, "The new piece that you got for %s is not good.",
                        s->tale.name);
}

enum err sitting_check(struct sitting *s)
{
    uint64_t away = s->d->guard->paused[s->seat];

    switch (sitting_line(s)->state) {
    case STATE_REFUSED:
        return term_fail_as(s->t, ERR_STOPPED, EXIT_STOPPED, NULL,
                            "They can ask again with a new link.", NULL,
                            "This request was refused.");
    case STATE_EXPIRED:
        return term_fail_as(s->t, ERR_EXPIRED, EXIT_NONE, NULL,
                            "It was not answered in time.", NULL,
                            "This request is over.");
    default:
        break;
    }
    if (s->unproven && sitting_line(s)->kind == REQUEST_CONFIRM)
        return sitting_unproven(s);
    TRY(sitting_new_piece(s));
    if (tale_is_locked(&s->tale))
        return locked(s);
    if (away > ctx_now(s->d->ctx))
        return paused(s, away);
    s->despite = ctx_option(s->d->ctx, "--despite-stop") != NULL;
    return tale_needs_despite(&s->tale) && !s->despite ? sitting_contested(s) : OK;
}

/* ---- the screen ---- */

static void show_boxes(struct sitting *s)
{
    for (uint32_t i = 0; i < s->c->n_boxes; i++) {
        unsigned epoch = s->c->view.epochs[i].epoch;
        if (s->opened[i] == OK || guard_retired(s->c, s->opened, i))
            continue;
        if (s->opened[i] == ERR_CONFLICT)
            term_warn(s->t,
                      "the piece of circle %u belongs to somebody other than %s. It will "
                      "not be given away.",
                      epoch, s->tale.name);
        else
            term_warn(s->t,
                      "your piece of circle %u does not open. Your answer will say so. "
                      "Tell %s.",
                      epoch, s->tale.name);
    }
}

static void show_steps(struct sitting *s)
{
    const char *name = s->tale.name;

    term_say(s->t, "\n");
    term_title(s->t, "What to do");
    term_say(s->t,
             " 1. Meet %s, or call. Use a number you had before, not one that you "
             "were just given.",
             name);
    term_say(s->t, " 2. Make sure that it is really %s.", name);
    if (s->despite)
        term_say(s->t, " 3. Ask whether %s said stop, and whether they want this.", name);
    term_say(s->t,
             " %d. Ask for the four words for you, new ones each time. Type them here.",
             s->despite ? 4 : 3);
    term_say(s->t, "\n");
}

void sitting_show(struct sitting *s)
{
    char title[TALE_TITLE];

    tale_title(&s->tale, title);
    term_title(s->t, "%s", title);
    s->tale.typing = s->t->ask;
    tale_tell(&s->tale);
    show_boxes(s);
    if (s->t->ask)
        show_steps(s);
}

/* ---- how they made sure ---- */

static enum err not_sure(struct term *t, const struct how_ask *a)
{
    char why[TERM_TEXT];

    (void)snprintf(why, sizeof why,
                   "Nothing was done, and nothing is lost: you can answer later. Call %s "
                   "by a number you had before, or ask somebody you know to go and see "
                   "%s. When you are sure:",
                   a->name, a->name);
    return term_fail_as(t, ERR_STOPPED, EXIT_STOPPED, "not-sure", why, a->next,
                        "Then stop here.");
}

enum err guard_ask_how(struct term *t, const struct how_ask *a, uint8_t *out_how)
{
    char texts[5][SENTENCE];
    const struct ask ask = { .text = "Number", .flag = "--verified HOW" };
    size_t chosen = 0;

    (void)snprintf(texts[0], SENTENCE, "met: %s is here with me", a->name);
    (void)snprintf(texts[1], SENTENCE, "video: I see %s on a video call", a->name);
    (void)snprintf(texts[2], SENTENCE, "vouched: somebody I know is beside %s", a->name);
    (void)snprintf(texts[3], SENTENCE, "question: they answered what only %s knows",
                   a->name);
    (void)snprintf(texts[4], SENTENCE, "called: I called a number I had before");
    const char *const options[] = { texts[0], texts[1], texts[2],
                                    texts[3], texts[4], "not sure: stop here" };
    if (t->ask)
        term_say(t, "%s", a->question);
    TRY(term_choose(t, &ask, options, 6, &chosen));
    if (chosen == 5)
        return not_sure(t, a);
    *out_how = (uint8_t)(HOW_MET + chosen);
    return OK;
}

/* Right above what is asked: the first lines may have left a small screen. */
static void title_again(struct sitting *s)
{
    char title[TALE_TITLE];

    tale_title(&s->tale, title);
    if (s->t->ask)
        term_title(s->t, "%s", title);
}

enum err sitting_ask_how(struct sitting *s)
{
    char question[2 * NAME_TEXT];
    struct how_ask a = { question, s->tale.name, "kith guard" };

    title_again(s);
    if (s->how != 0)
        return OK;
    (void)snprintf(question, sizeof question, "How did you make sure%s that it is %s?",
                   s->despite ? ", after the stop," : "", s->tale.name);
    return guard_ask_how(s->t, &a, &s->how);
}

static enum err missing(struct ctx *ctx, const char *flag, const char *what)
{
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "missing-value",
                        "There is no terminal to ask a person at, or --no-input was "
                        "given.",
                        NULL, "%s: give %s.", what, flag);
}

enum err guard_how_given(struct ctx *ctx, uint8_t *out_how)
{
    const char *given = ctx_option(ctx, "--verified");

    if (!ctx->term->ask && given == NULL)
        return missing(ctx, "--verified HOW", "How you made sure is needed");
    if (given == NULL)
        return OK;
    if (how_find(given, out_how) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, NULL,
                        "It is one of met, video, vouched, question, called. If you are "
                        "not sure, stop here.",
                        NULL, "\"%s\" is no way to make sure who is speaking.", given);
}

enum err guard_words_given(struct ctx *ctx)
{
    if (ctx->term->ask || ctx_option(ctx, "--words-file") != NULL)
        return OK;
    return missing(ctx, "--words-file FILE", "The four words are needed");
}

/* ---- the sentence ---- */

/* The character as it is compared; 0: it does not count. */
static char plain_one(char c)
{
    unsigned char u = (unsigned char)c;

    if (isspace(u))
        return ' ';
    if (u >= 0x80 || isalnum(u))
        return c;
    return 0;
}

/* Letters and digits with single blanks: what two people would call the same sentence. */
static void plain(const char *in, char out[SENTENCE_MAX])
{
    size_t n = 0;

    for (; *in != 0 && n + 1 < SENTENCE_MAX; in++) {
        char c = plain_one(*in);
        bool twice = c == ' ' && (n == 0 || out[n - 1] == ' ');

        if (c != 0 && !twice)
            out[n++] = c;
    }
    out[n > 0 && out[n - 1] == ' ' ? n - 1 : n] = 0;
}

static bool same_sentence(const char *a, const char *b)
{
    char x[SENTENCE_MAX];
    char y[SENTENCE_MAX];

    plain(a, x);
    plain(b, y);
    return strcasecmp(x, y) == 0;
}

static enum err sentence_needed(struct sitting *s, const char *sentence)
{
    return term_fail_as(s->t, ERR_ARG, EXIT_USAGE, "sentence-needed",
                        "Such a yes needs a sentence that you typed yourself. Give "
                        "--sentence-file FILE.",
                        NULL, "The sentence is: \"%s\".", sentence);
}

static enum err sentence_typed(struct sitting *s, const char *sentence,
                               char out[SENTENCE_MAX])
{
    const char *path = ctx_option(s->d->ctx, "--sentence-file");
    const struct ask a = { .text = "Your sentence", .flag = "--sentence-file FILE" };
    size_t n = 0;

    if (path == NULL && !s->t->ask)
        return sentence_needed(s, sentence);
    if (path == NULL) {
        term_say(s->t, "If it is true, type this sentence:");
        term_say(s->t, "  %s", sentence);
        return term_ask(s->t, &a, out, SENTENCE_MAX);
    }
    TRY(term_read(s->t, path, (struct span){ (uint8_t *)out, SENTENCE_MAX - 1 }, &n));
    out[n] = 0;
    return OK;
}

static void sentence_needs(const struct sitting *s, char out[SENTENCE_MAX])
{
    const char *name = s->tale.name;
    const char *what = "this";

    if (sitting_line(s)->purpose == PURPOSE_END)
        what = "all of it erased here";
    if (s->despite)
        (void)snprintf(out, SENTENCE_MAX,
                       "I spoke with %s after the stop and %s wants %s", name, name,
                       what);
    else
        (void)snprintf(out, SENTENCE_MAX, "I spoke with %s and %s wants %s", name, name,
                       what);
}

enum err sitting_sentence(struct sitting *s)
{
    char sentence[SENTENCE_MAX];
    char typed[SENTENCE_MAX] = "";

    if (!s->despite && sitting_line(s)->purpose != PURPOSE_END)
        return OK;
    sentence_needs(s, sentence);
    TRY(sentence_typed(s, sentence, typed));
    if (same_sentence(typed, sentence))
        return OK;
    if (!s->t->ask)
        return sentence_needed(s, sentence);
    return term_fail_as(s->t, ERR_STOPPED, EXIT_STOPPED, "not-agreed",
                        "Something else was typed, so nothing was sent.", "kith guard",
                        "You did not type the sentence.");
}

/* ---- the words ---- */

static enum err words_unknown(struct sitting *s)
{
    return term_fail_as(s->t, ERR_WORD, EXIT_USAGE, "words-unknown",
                        "Check the spelling. This did not count as a try.",
                        s->t->ask ? "kith guard" : NULL,
                        "These are not four words of the list.");
}

static enum err words_from_file(struct sitting *s, const char *path, uint16_t *out)
{
    AUTO_SECRET uint8_t *text = NULL;
    size_t n = 0;

    TRY(secret_alloc(WORDS_TYPED, (void **)&text));
    TRY(term_read(s->t, path, (struct span){ text, WORDS_TYPED }, &n));
    if (words_parse(bytes_of(text, n), WORDS_CALL, out) != OK)
        return words_unknown(s);
    return OK;
}

/* Those of a sheet, say: they are never a call's, and it would be a pity for the try. */
static bool name_the_key(const struct sitting *s, const uint16_t typed[WORDS_CALL])
{
    uint16_t key[WORDS_CALL];

    return words_parse(s->ward->fingerprint, WORDS_CALL, key) == OK &&
           words_compare(typed, key, WORDS_CALL) == WORDS_RIGHT;
}

static enum err words_from_person(struct sitting *s, uint16_t *out)
{
    AUTO_SECRET char *text = NULL;
    const struct ask a = { .text = "Their four words", .flag = "--words-file FILE" };

    TRY(secret_alloc(WORDS_TYPED, (void **)&text));
    for (int i = 0; i < 5; i++) {
        TRY(term_ask(s->t, &a, text, WORDS_TYPED));
        bool listed = words_parse(bytes_text(text), WORDS_CALL, out) == OK;
        if (listed && !name_the_key(s, out))
            return OK;
        if (listed)
            term_say(s->t,
                     "These words name the key of %s and stay the same. Ask for the four "
                     "that came on their screen now. This did not count as a try.",
                     s->tale.name);
        else
            term_say(s->t, "These are not four words of the list. Check the spelling; "
                           "the first three letters of each word are enough.");
    }
    return words_unknown(s);
}

/* The try counts at the node before it is judged here. */
static enum err try_words(struct sitting *s, const uint16_t typed[WORDS_CALL])
{
    const struct params *p = s->d->ctx->params;
    struct req_try req = { 0 };
    struct rep_try rep = { 0 };
    struct call call = { 0 };
    uint8_t t[SIGNED_MAX];
    struct buf b = BUF_OF(t);

    rng_fill(p->rng, s->try_op, ID_BYTES);
    memcpy(req.op, s->try_op, ID_BYTES);
    memcpy(req.request, s->c->view.request, ID_BYTES);
    enum err e = guard_send(p, sitting_seat(s), MSG_TRY, &req, &rep, sizeof rep, &call);
    if (e != OK)
        return desk_failed(s->d, sitting_seat(s), &call, e);
    s->tries_left = rep.tries_left;
    term_progress(s->t, "Comparing …");
    TRY(guard_transcript(s->c, &s->who, &b));
    return guard_judge(typed, buf_bytes(&b), s->c->rep.nonce, p->cost, s->verdict);
}

static void tries_text(unsigned left, char out[SENTENCE])
{
    if (left == 0)
        (void)snprintf(out, SENTENCE, "The request is locked now.");
    else
        (void)snprintf(out, SENTENCE, "%u %s left.", left,
                       left == 1 ? "try is" : "tries are");
}

/* What a person is told, by how the words stand to the right ones. */
static enum err say_wrong(struct sitting *s)
{
    bool slip = s->verdict->verdict == WORDS_SLIP;
    const char *why = "Somebody may be between you two. Hang up. Call a number that you "
                      "had before, and ask for the words again.";
    const char *what = "Some of these words are wrong.";
    char id[9];
    char next[SENTENCE];
    char tries[SENTENCE];

    if (slip) {
        what = "One word is not right.";
        why = "Ask for the words once more, slowly, and type them again.";
    } else if (s->verdict->verdict == WORDS_ALL_WRONG) {
        what = "None of these words is right.";
        why = "Every guardian has other words. Ask for those that are for *you*.";
    }
    id_short(sitting_line(s)->request, id);
    (void)snprintf(next, sizeof next, "kith guard unlock %s", id);
    tries_text(s->tries_left, tries);
    enum err e =
        term_fail_as(s->t, ERR_REFUSED, EXIT_FAILED, slip ? "words-slip" : "words-wrong",
                     why, s->tries_left == 0 ? next : NULL, "%s %s", what, tries);
    term_fail_more(s->t, json_pack("{s:i}", "tries_left", (int)s->tries_left));
    return e;
}

enum err sitting_words(struct sitting *s)
{
    const char *path = ctx_option(s->d->ctx, "--words-file");
    uint16_t typed[WORDS_CALL] = { 0 };

    for (;;) {
        TRY(path != NULL ? words_from_file(s, path, typed) : words_from_person(s, typed));
        TRY(try_words(s, typed));
        if (s->verdict->verdict == WORDS_RIGHT)
            return OK;
        enum err e = say_wrong(s);
        if (path != NULL || s->tries_left == 0)
            return e;
        term_say(s->t, "%s", s->t->problem.what);
        term_say(s->t, "%s", s->t->problem.why);
        title_again(s);
    }
}
