/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"

enum { WORDS_TYPED = 256, SENTENCE = 128 };

/* One request before its guardian. */
struct sitting {
    struct desk *d;
    struct term *t;
    size_t seat; /* index in the day */
    struct day_ward *ward;
    struct guard_case *c;
    struct sign_seed *approval;    /* secret */
    struct guard_verdict *verdict; /* secret */
    struct guard_who who;
    struct guard_approval *approval_out;
    uint8_t how;
    uint8_t try_op[ID_BYTES];
    uint8_t tries_left;
    char name[NAME_TEXT];
    char about[TEXT_MAX_BYTES + 1];
    bool introducer_listed;
    enum err opened[EPOCHS_MAX];
};

static void sitting_end(struct sitting *s)
{
    secret_free(s->verdict);
    secret_free(s->approval);
    free(s->approval_out);
    free(s->c);
}

#define AUTO_SITTING __attribute__((cleanup(sitting_end)))

static struct day_seat *seat_of(const struct sitting *s)
{
    return &s->d->day->seats[s->seat];
}

static const struct request_line *line_of(const struct sitting *s)
{
    return &s->c->rep.line[0];
}

/* ---- beginning ---- */

static void who_fill(struct sitting *s)
{
    struct guard_who *w = &s->who;

    w->keys = s->d->keys;
    w->approval = s->approval;
    crypt_sign_public(&s->d->keys->sign, w->sign_pub);
    crypt_dh_public(&s->d->keys->seal, w->seal_pub);
    crypt_sign_public(s->approval, w->approval_pub);
    memcpy(w->seat, seat_of(s)->seat, SEAT_BYTES);
    memcpy(w->node_key, seat_of(s)->node[0].node_key, PUB_BYTES);
    memcpy(w->circle, s->ward->circle, ID_BYTES);
    memcpy(w->owner, s->ward->owner, PUB_BYTES);
}

/* Name and note come from what the owner sealed, never from the node or the caller. */
static enum err look_into(struct sitting *s)
{
    AUTO_SECRET struct guard_piece *p = NULL;

    (void)snprintf(s->name, sizeof s->name, "%.*s", (int)s->ward->label.n,
                   (const char *)s->ward->label.p);
    (void)snprintf(s->about, sizeof s->about, "%.*s", (int)s->ward->about.n,
                   (const char *)s->ward->about.p);
    TRY(secret_new(&p));
    for (uint32_t i = s->c->n_boxes; i-- > 0;) {
        s->opened[i] = s->c->box_err[i];
        if (s->opened[i] == OK)
            s->opened[i] = guard_open(&s->who, &s->c->view.epochs[i], &s->c->boxes[i],
                                      s->c->rep.introducer, p);
        if (s->opened[i] == ERR_NOMEM)
            return ERR_NOMEM;
        if (s->opened[i] != OK)
            continue;
        s->introducer_listed = s->introducer_listed || p->introducer_listed;
        if (p->name_n > 0)
            (void)snprintf(s->name, sizeof s->name, "%.*s", (int)p->name_n,
                           (const char *)p->name);
        if (p->about_n > 0)
            (void)snprintf(s->about, sizeof s->about, "%.*s", (int)p->about_n,
                           (const char *)p->about);
    }
    return OK;
}

static enum err unknown_ward(struct sitting *s)
{
    return term_fail_as(s->t, ERR_AUTH, EXIT_INTEGRITY, NULL,
                        "Whoever made it did not know your keys. Do not approve it.",
                        NULL, "The note of this ward does not open.");
}

static enum err sitting_begin(struct sitting *s, const struct guard_request *r)
{
    const struct params *p = s->d->ctx->params;
    struct call call = { 0 };

    s->seat = r->seat;
    s->c = calloc(1, sizeof *s->c);
    s->approval_out = calloc(1, sizeof *s->approval_out);
    if (s->c == NULL || s->approval_out == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&s->verdict));
    TRY(secret_new(&s->approval));
    TRY(desk_read_notes(s->d));
    TRY(desk_unlock(s->d));
    s->ward = guard_known(s->d->day, seat_of(s)->seat, r->rep.line[0].ward);
    if (s->ward == NULL)
        return unknown_ward(s);
    enum err e =
        guard_fetch(p, s->d->day, seat_of(s), r->rep.line[0].request, s->c, &call);
    if (e != OK)
        return desk_failed(s->d, seat_of(s), &call, e);
    TRY(ident_approval(&s->d->root->root, seat_of(s)->seat, s->ward->invite,
                       s->approval));
    who_fill(s);
    return look_into(s);
}

/* ---- may it be answered at all ---- */

static enum err check_kind(struct sitting *s, unsigned kind)
{
    bool confirm = line_of(s)->kind == REQUEST_CONFIRM;
    char id[9];
    char next[SENTENCE];

    if (line_of(s)->kind == kind)
        return OK;
    id_short(line_of(s)->request, id);
    (void)snprintf(next, sizeof next, "kith guard %s %s", confirm ? "confirm" : "approve",
                   id);
    return term_fail_as(s->t, ERR_ARG, EXIT_USAGE, "other-kind",
                        confirm ? "It asks you to confirm that you are a guardian."
                                : "It asks you to let a piece go.",
                        next, "This request is of another kind.");
}

static bool is_done(const struct sitting *s)
{
    return line_of(s)->state == STATE_APPROVED || line_of(s)->state == STATE_RELEASED;
}

static enum err locked(struct sitting *s)
{
    char id[9];
    char next[SENTENCE];

    id_short(line_of(s)->request, id);
    (void)snprintf(next, sizeof next, "kith guard unlock %s", id);
    return term_fail_as(s->t, ERR_TRIES, EXIT_STOPPED, NULL,
                        "Speak with the person first, then unlock it.", next,
                        "Too many wrong words were typed: the request is locked.");
}

static enum err check_state(struct sitting *s)
{
    switch (line_of(s)->state) {
    case STATE_REFUSED:
        return term_fail_as(s->t, ERR_STOPPED, EXIT_STOPPED, NULL,
                            "They can ask again with a new link.", NULL,
                            "This request was refused.");
    case STATE_CONTESTED:
        return term_fail_as(s->t, ERR_STOPPED, EXIT_STOPPED, NULL,
                            "The owner, or somebody with the owner's device, says that "
                            "this is not right. Speak with the owner.",
                            NULL, "This request was stopped.");
    case STATE_LOCKED:
        return locked(s);
    case STATE_EXPIRED:
        return term_fail_as(s->t, ERR_EXPIRED, EXIT_NONE, NULL,
                            "It was not answered in time.", NULL,
                            "This request is over.");
    default:
        return OK;
    }
}

/* ---- the screen ---- */

static void show_claims(struct sitting *s)
{
    const struct rep_request *r = &s->c->rep;

    if (r->claimed.n > 0)
        term_say(s->t, "Whoever asks wrote: \"%.*s\"", (int)r->claimed.n,
                 (const char *)r->claimed.p);
    if (r->introduction.n == 0)
        return;
    if (s->introducer_listed)
        term_say(s->t, "They were introduced by a guardian of the circle, who approved "
                       "first.");
    else
        term_warn(s->t, "they say that another guardian introduced them, but that "
                        "guardian is not known here.");
}

static void show_boxes(struct sitting *s)
{
    for (uint32_t i = 0; i < s->c->n_boxes; i++) {
        unsigned epoch = s->c->view.epochs[i].epoch;
        if (s->opened[i] == OK)
            continue;
        if (s->opened[i] == ERR_CONFLICT)
            term_warn(s->t,
                      "the piece of circle %u belongs to somebody other than %s. It will "
                      "not be given away.",
                      epoch, s->name);
        else
            term_warn(s->t,
                      "your piece of circle %u does not open. Your answer will say so. "
                      "Tell %s.",
                      epoch, s->name);
    }
}

static void show_title(struct sitting *s)
{
    if (line_of(s)->kind == REQUEST_CONFIRM)
        term_title(s->t, "%s asks: will you be my guardian?", s->name);
    else
        term_title(s->t, "Somebody asks for the piece you keep for %s.", s->name);
    if (line_of(s)->kind == REQUEST_RESTORE)
        term_say(s->t,
                 "They say they are %s and lost everything. Only you can tell "
                 "whether that is true.",
                 s->name);
    if (line_of(s)->kind == REQUEST_RESTORE && s->ward->confirmed == 0)
        term_warn(s->t, "you never confirmed this account with %s. Be very sure.",
                  s->name);
}

static void show_request(struct sitting *s)
{
    show_title(s);
    if (s->about[0] != 0)
        term_say(s->t, "%s left you this note: \"%s\"", s->name, s->about);
    if (s->ward->contact.n > 0)
        term_say(s->t, "How you reach %s: %.*s", s->name, (int)s->ward->contact.n,
                 (const char *)s->ward->contact.p);
    show_claims(s);
    show_boxes(s);
}

static void show_steps(struct sitting *s)
{
    term_say(s->t, "\n");
    term_title(s->t, "What to do");
    term_say(s->t,
             " 1. Meet %s, or call. Use a number you had before, not one that you "
             "were just given.",
             s->name);
    term_say(s->t, " 2. Make sure that it is really %s.", s->name);
    term_say(s->t, " 3. Ask for the four words beside your name. Type them here.");
    term_say(s->t, "\n");
}

/* ---- how they made sure ---- */

static enum err not_sure(struct sitting *s)
{
    return term_fail_as(s->t, ERR_STOPPED, EXIT_STOPPED, "not-sure",
                        "Nothing was sent, and nothing is lost. Speak with them again, "
                        "or ask somebody who knows them.",
                        "kith guard", "Then stop here.");
}

static enum err ask_how(struct sitting *s)
{
    char texts[5][SENTENCE];
    const struct ask a = { .text = "Number", .flag = "--verified HOW" };
    size_t chosen = 0;

    (void)snprintf(texts[0], SENTENCE, "met: %s is here with me", s->name);
    (void)snprintf(texts[1], SENTENCE, "video: I see %s on a video call", s->name);
    (void)snprintf(texts[2], SENTENCE, "vouched: somebody I know is beside %s", s->name);
    (void)snprintf(texts[3], SENTENCE, "question: they answered what only %s knows",
                   s->name);
    (void)snprintf(texts[4], SENTENCE, "called: I called a number I had before");
    const char *const options[] = { texts[0], texts[1], texts[2],
                                    texts[3], texts[4], "not sure: stop here" };
    if (s->t->ask)
        term_say(s->t, "How did you make sure that it is %s?", s->name);
    TRY(term_choose(s->t, &a, options, 6, &chosen));
    if (chosen == 5)
        return not_sure(s);
    s->how = (uint8_t)(HOW_MET + chosen);
    return OK;
}

static enum err missing(struct ctx *ctx, const char *flag, const char *what)
{
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "missing-value",
                        "There is no terminal to ask a person at, or --no-input was "
                        "given.",
                        NULL, "%s: give %s.", what, flag);
}

/* What a person must say, before anything is asked of a node. */
static enum err how_given(struct ctx *ctx, uint8_t *out_how)
{
    const char *given = ctx_option(ctx, "--verified");

    if (!ctx->term->ask && ctx_option(ctx, "--words-file") == NULL)
        return missing(ctx, "--words-file FILE", "The four words are needed");
    if (!ctx->term->ask && given == NULL)
        return missing(ctx, "--verified HOW", "How you made sure is needed");
    if (given == NULL)
        return OK;
    if (how_find(given, out_how) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, NULL,
                        "It is one of met, video, vouched, question, called.", NULL,
                        "\"%s\" is no way to make sure who is speaking.", given);
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

static enum err words_from_person(struct sitting *s, uint16_t *out)
{
    AUTO_SECRET char *text = NULL;
    const struct ask a = { .text = "Their four words", .flag = "--words-file FILE" };

    TRY(secret_alloc(WORDS_TYPED, (void **)&text));
    for (int i = 0; i < 5; i++) {
        TRY(term_ask(s->t, &a, text, WORDS_TYPED));
        if (words_parse(bytes_text(text), WORDS_CALL, out) == OK)
            return OK;
        term_say(s->t, "These are not four words of the list. Check the spelling; the "
                       "first three letters of each word are enough.");
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
    enum err e = guard_send(p, seat_of(s), MSG_TRY, &req, &rep, sizeof rep, &call);
    if (e != OK)
        return desk_failed(s->d, seat_of(s), &call, e);
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
        why = "Every guardian has other words. Ask for the words beside *your* name.";
    }
    id_short(line_of(s)->request, id);
    (void)snprintf(next, sizeof next, "kith guard unlock %s", id);
    tries_text(s->tries_left, tries);
    enum err e =
        term_fail_as(s->t, ERR_REFUSED, EXIT_FAILED, slip ? "words-slip" : "words-wrong",
                     why, s->tries_left == 0 ? next : NULL, "%s %s", what, tries);
    term_fail_more(s->t, json_pack("{s:i}", "tries_left", (int)s->tries_left));
    return e;
}

/* Until the words are right, or no more may be typed. */
static enum err settle(struct sitting *s)
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
    }
}

/* ---- the answer ---- */

static enum err send_approval(struct sitting *s, struct rep_approve *out)
{
    const struct params *p = s->d->ctx->params;
    struct call call = { 0 };

    TRY(guard_approve(s->c, &s->who, p, (enum how)s->how, s->try_op, s->approval_out));
    enum err e = guard_send(p, seat_of(s), MSG_APPROVE, &s->approval_out->req, out,
                            sizeof *out, &call);
    return e == OK ? OK : desk_failed(s->d, seat_of(s), &call, e);
}

static void say_approved(struct sitting *s, unsigned state, uint64_t opens)
{
    char when[DURATION_TEXT];
    char at[TIME_TEXT];
    char id[9];
    uint64_t now = ctx_now(s->d->ctx);

    if (s->t->json) {
        term_json(s->t, "approved",
                  json_pack("{s:o, s:o, s:s, s:o}", "request",
                            json_hex(line_of(s)->request, ID_BYTES), "ward",
                            json_hex(line_of(s)->ward, ID_BYTES), "state",
                            request_state_name(state), "opens_at", json_time(opens)));
        return;
    }
    term_title(s->t, "Approved. Thank you.");
    term_say(s->t, "If they ask for the four words that name the key of %s:", s->name);
    term_say(s->t, "  %.*s", (int)s->ward->fingerprint.n,
             (const char *)s->ward->fingerprint.p);
    if (opens <= now) {
        term_say(s->t, "Your piece can be fetched now. There is nothing more to do.");
        return;
    }
    when_text(now, opens, when);
    time_text(opens, at);
    term_say(s->t,
             "Your piece can be fetched %s (%s). Leave your node switched on. If "
             "you change your mind before that:",
             when, at);
    id_short(line_of(s)->request, id);
    term_say(s->t, "  kith guard refuse %s", id);
}

static void say_answer(struct sitting *s)
{
    struct term *t = s->t;
    char words[WORDS_TEXT];

    words_format(s->verdict->answer, WORDS_ANSWER, words, sizeof words);
    if (t->json) {
        term_json(t, "confirmed",
                  json_pack("{s:o, s:o, s:s}", "request",
                            json_hex(line_of(s)->request, ID_BYTES), "ward",
                            json_hex(line_of(s)->ward, ID_BYTES), "answer", words));
        return;
    }
    term_title(t, "These are the right words.");
    term_say(t, "Now say these two words to %s, who types them:", s->name);
    term_answer(t, "%s", words);
    term_say(t, "After that you are %s's guardian. Keep your node switched on.", s->name);
}

/* The answer words of a confirm whose right words this home has seen before. */
static enum err answer_again(struct sitting *s)
{
    uint8_t t[SIGNED_MAX];
    struct buf b = BUF_OF(t);

    if (!bytes_equal(BYTES_OF(s->ward->answered), BYTES_OF(line_of(s)->request))) {
        term_say(s->t,
                 "This was confirmed before, but not from this home: the two answer "
                 "words cannot be shown here.");
        return OK;
    }
    TRY(guard_transcript(s->c, &s->who, &b));
    TRY(guard_answer(buf_bytes(&b), s->c->rep.nonce, s->d->ctx->params->cost,
                     s->verdict));
    say_answer(s);
    return OK;
}

static enum err approve_case(struct sitting *s)
{
    struct rep_approve rep = { 0 };

    if (is_done(s)) {
        term_say(s->t, "This was approved before. Nothing was judged again.");
        say_approved(s, line_of(s)->state, line_of(s)->opens);
        return OK;
    }
    TRY(check_state(s));
    show_request(s);
    if (s->t->ask)
        show_steps(s);
    if (s->how == 0)
        TRY(ask_how(s));
    TRY(settle(s));
    TRY(send_approval(s, &rep));
    say_approved(s, rep.state, rep.opens);
    return OK;
}

static enum err confirm_case(struct sitting *s)
{
    struct rep_approve rep = { 0 };

    if (is_done(s))
        return answer_again(s);
    TRY(check_state(s));
    show_request(s);
    if (s->t->ask)
        show_steps(s);
    if (s->how == 0)
        TRY(ask_how(s));
    TRY(settle(s));
    /* First here: an approval whose answer is lost must still show the answer words. */
    s->ward->confirmed = ctx_now(s->d->ctx);
    memcpy(s->ward->answered, s->c->view.request, ID_BYTES);
    TRY(ctx_day_save(s->d->ctx, &s->d->home, s->d->day));
    TRY(send_approval(s, &rep));
    say_answer(s);
    return OK;
}

/* ---- commands ---- */

static enum err sit_with(struct desk *d, const struct guard_request *r, uint8_t how,
                         unsigned kind)
{
    AUTO_SITTING struct sitting s = { .d = d, .t = d->t, .how = how };

    TRY(sitting_begin(&s, r));
    TRY(check_kind(&s, kind));
    return kind == REQUEST_CONFIRM ? confirm_case(&s) : approve_case(&s);
}

enum err guard_sit(struct desk *d, const struct guard_request *r)
{
    return sit_with(d, r, 0, r->rep.line[0].kind);
}

enum err guard_cmd_approve(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct guard_request *r = NULL;
    uint8_t how = 0;

    TRY(how_given(ctx, &how));
    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_ALL));
    TRY(desk_request(&d, ctx->args[0], &r));
    return sit_with(&d, r, how, REQUEST_RESTORE);
}

enum err guard_cmd_confirm(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct guard_request *r = NULL;
    uint8_t how = 0;

    TRY(how_given(ctx, &how));
    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_ALL));
    TRY(desk_read_notes(&d));
    TRY(desk_confirm(&d, ctx->args[0], &r));
    return sit_with(&d, r, how, REQUEST_CONFIRM);
}

enum err guard_cmd_refuse(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct guard_request *r = NULL;
    struct req_refuse req = { 0 };
    struct rep_refuse rep = { 0 };
    struct call call = { 0 };
    char name[NAME_TEXT];

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_ALL));
    TRY(desk_request(&d, ctx->args[0], &r));
    struct day_seat *s = &d.day->seats[r->seat];
    desk_name(&d, r->seat, r->rep.line[0].ward, name);
    rng_fill(ctx->params->rng, req.op, ID_BYTES);
    memcpy(req.request, r->rep.line[0].request, ID_BYTES);
    enum err e = guard_send(ctx->params, s, MSG_REFUSE, &req, &rep, sizeof rep, &call);
    if (e == ERR_STATE)
        return term_fail(d.t, e, NULL, "It is too late: the piece was fetched already.");
    if (e != OK)
        return desk_failed(&d, s, &call, e);
    if (d.t->json)
        term_json(d.t, "refused",
                  json_pack("{s:o, s:s}", "request", json_hex(req.request, ID_BYTES),
                            "state", request_state_name(rep.state)));
    else
        term_say(d.t,
                 "Refused. The piece of %s stays where it is. Whoever asked needs a "
                 "new link to ask again.",
                 name);
    return OK;
}

static enum err send_unlock(struct sitting *s, struct rep_unlock *out)
{
    const struct params *p = s->d->ctx->params;
    struct req_unlock req = { 0 };
    struct call call = { 0 };

    rng_fill(p->rng, req.op, ID_BYTES);
    memcpy(req.request, line_of(s)->request, ID_BYTES);
    unlock_sign(s->approval, req.request, req.op, req.sig);
    enum err e = guard_send(p, seat_of(s), MSG_UNLOCK, &req, out, sizeof *out, &call);
    return e == OK ? OK : desk_failed(s->d, seat_of(s), &call, e);
}

static enum err unlock_case(struct sitting *s)
{
    struct rep_unlock rep = { .tries_left = line_of(s)->tries_left };

    if (line_of(s)->state != STATE_LIVE && line_of(s)->state != STATE_LOCKED)
        TRY(check_state(s));
    if (line_of(s)->state == STATE_LOCKED) {
        show_request(s);
        TRY(term_word(
            s->t, "I have spoken with them",
            "Wrong words were typed too often. Speak with the person before you "
            "give new tries: somebody may be guessing."));
        TRY(send_unlock(s, &rep));
    }
    if (s->t->json)
        term_json(s->t, "unlocked",
                  json_pack("{s:o, s:i}", "request",
                            json_hex(line_of(s)->request, ID_BYTES), "tries_left",
                            (int)rep.tries_left));
    else
        term_say(s->t, "The request is open again, with %u tries. Now: kith guard",
                 (unsigned)rep.tries_left);
    return OK;
}

enum err guard_cmd_unlock(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct guard_request *r = NULL;

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_ALL));
    TRY(desk_request(&d, ctx->args[0], &r));
    AUTO_SITTING struct sitting s = { .d = &d, .t = d.t };
    TRY(sitting_begin(&s, r));
    return unlock_case(&s);
}
