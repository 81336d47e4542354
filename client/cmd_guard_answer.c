/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_sit.h"

enum { SENTENCE = 128 };

/* ---- the answer ---- */

static bool is_done(const struct sitting *s)
{
    unsigned state = sitting_line(s)->state;

    return state == STATE_APPROVED || state == STATE_RELEASED;
}

static enum err send_approval(struct sitting *s, struct rep_approve *out)
{
    const struct params *p = s->d->ctx->params;
    struct call call = { 0 };

    TRY(guard_approve(s->c, &s->who, p, (enum how)s->how, s->try_op, s->approval_out));
    s->approval_out->req.despite = s->despite;
    s->approval_out->req.stops = sitting_line(s)->stops;
    enum err e = guard_send(p, sitting_seat(s), MSG_APPROVE, &s->approval_out->req, out,
                            sizeof *out, &call);
    /* One that came this minute, or that ran out at the ward and not at the request. */
    if (e == ERR_STOPPED)
        return sitting_contested(s);
    return e == OK ? OK : desk_failed(s->d, sitting_seat(s), &call, e);
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
                            json_hex(sitting_line(s)->request, ID_BYTES), "ward",
                            json_hex(sitting_line(s)->ward, ID_BYTES), "state",
                            request_state_name(state), "opens_at", json_time(opens)));
        return;
    }
    term_title(s->t, "Approved. Thank you.");
    term_say(s->t,
             "If they ask for the four words that name the key of %s:", s->tale.name);
    term_say(s->t, "  %.*s", (int)s->ward->fingerprint.n,
             (const char *)s->ward->fingerprint.p);
    const char *what = sitting_line(s)->kind == REQUEST_MOVE ? "Your word" : "Your piece";
    if (opens <= now) {
        term_say(s->t, "%s can be fetched now. There is nothing more to do.", what);
        return;
    }
    when_text(now, opens, when);
    time_text(opens, at);
    term_say(s->t,
             "%s can be fetched %s (%s). Leave your node switched on. If "
             "you change your mind before that:",
             what, when, at);
    id_short(sitting_line(s)->request, id);
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
                            json_hex(sitting_line(s)->request, ID_BYTES), "ward",
                            json_hex(sitting_line(s)->ward, ID_BYTES), "answer", words));
        return;
    }
    bool enrol = sitting_line(s)->purpose == PURPOSE_ENROL;
    term_title(t, "These are the right words.");
    term_say(t,
             enrol ? "Now say these two words to %s, who types them:"
                   : "If the program of %s asks for two words back, say these:",
             s->tale.name);
    term_answer(t, "%s", words);
    if (sitting_line(s)->purpose == PURPOSE_EPOCH)
        term_say(t,
                 "After that the new circle counts as confirmed by you. The old pieces "
                 "stay until enough of the others confirm it too.");
    else if (sitting_line(s)->purpose == PURPOSE_END)
        term_say(t,
                 "After that %s may have it erased, 14 days after the order. If you "
                 "change your mind, tell %s now. Your node tells you of the day.",
                 s->tale.name, s->tale.name);
    else
        term_say(t, "After that you are %s's guardian. Keep your node switched on.",
                 s->tale.name);
}

/* The answer words of a confirm whose right words this home has seen before. */
static enum err answer_again(struct sitting *s)
{
    uint8_t t[SIGNED_MAX];
    struct buf b = BUF_OF(t);

    if (!bytes_equal(BYTES_OF(s->ward->answered), BYTES_OF(sitting_line(s)->request))) {
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
        say_approved(s, sitting_line(s)->state, sitting_line(s)->opens);
        return OK;
    }
    TRY(sitting_check(s));
    sitting_show(s);
    TRY(sitting_ask_how(s));
    TRY(sitting_sentence(s));
    TRY(sitting_words(s));
    TRY(send_approval(s, &rep));
    say_approved(s, rep.state, rep.opens);
    return OK;
}

static enum err confirm_case(struct sitting *s)
{
    struct rep_approve rep = { 0 };

    if (is_done(s))
        return answer_again(s);
    TRY(sitting_check(s));
    sitting_show(s);
    TRY(sitting_ask_how(s));
    TRY(sitting_sentence(s));
    TRY(sitting_words(s));
    TRY(sitting_confirmed(s));
    /* First here: an approval whose answer is lost must still show the answer words. */
    s->ward->confirmed = ctx_now(s->d->ctx);
    memcpy(s->ward->answered, s->c->view.request, ID_BYTES);
    TRY(ctx_day_save(s->d->ctx, &s->d->home, s->d->day));
    TRY(send_approval(s, &rep));
    say_answer(s);
    return OK;
}

/* ---- commands ---- */

static enum err check_kind(struct sitting *s, unsigned kind)
{
    bool confirm = sitting_line(s)->kind == REQUEST_CONFIRM;
    char id[9];
    char next[SENTENCE];

    if (confirm == (kind == REQUEST_CONFIRM))
        return OK;
    id_short(sitting_line(s)->request, id);
    (void)snprintf(next, sizeof next, "kith guard %s %s", confirm ? "confirm" : "approve",
                   id);
    return term_fail_as(s->t, ERR_ARG, EXIT_USAGE, "other-kind",
                        confirm ? "It asks you to confirm something."
                                : "It asks you to let something go.",
                        next, "This request is of another kind.");
}

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

/* What a person must say, before anything is asked of a node. */
static enum err how_given(struct ctx *ctx, uint8_t *out_how)
{
    TRY(guard_words_given(ctx));
    return guard_how_given(ctx, out_how);
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
    else if (r->rep.line[0].kind == REQUEST_RESTORE)
        term_say(d.t,
                 "Refused. The piece of %s stays where it is. Whoever asked needs a "
                 "new link to ask again.",
                 name);
    else
        term_say(d.t, "Refused. Nothing changes here for %s by this request.", name);
    return OK;
}

static enum err send_unlock(struct sitting *s, struct rep_unlock *out)
{
    const struct params *p = s->d->ctx->params;
    struct req_unlock req = { 0 };
    struct call call = { 0 };

    rng_fill(p->rng, req.op, ID_BYTES);
    memcpy(req.request, sitting_line(s)->request, ID_BYTES);
    unlock_sign(s->approval, req.request, req.op, req.sig);
    enum err e =
        guard_send(p, sitting_seat(s), MSG_UNLOCK, &req, out, sizeof *out, &call);
    return e == OK ? OK : desk_failed(s->d, sitting_seat(s), &call, e);
}

static enum err unlock_case(struct sitting *s)
{
    struct rep_unlock rep = { .tries_left = sitting_line(s)->tries_left };

    if (sitting_line(s)->state != STATE_LIVE && !tale_is_locked(&s->tale))
        TRY(sitting_check(s));
    if (tale_is_locked(&s->tale)) {
        tale_tell(&s->tale);
        TRY(term_word(
            s->t, "I have spoken with them",
            "Wrong words were typed too often. Speak with the person before you "
            "give new tries: somebody may be guessing."));
        TRY(send_unlock(s, &rep));
    }
    if (s->t->json)
        term_json(s->t, "unlocked",
                  json_pack("{s:o, s:i}", "request",
                            json_hex(sitting_line(s)->request, ID_BYTES), "tries_left",
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
