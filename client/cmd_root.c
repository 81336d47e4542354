/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "client/cmd_root_part.h"
#include "client/cmd_vault.h"
#include "client/vault.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- how it stands, for a person ---- */

static const char *told_name(const struct move_seat *s)
{
    static const char *const names[] = { "not-told", "done", "waits", "refused" };

    return names[s->told];
}

static void say_asked(struct term *t, const struct move_seat *s,
                      const struct day_guardian *g, uint64_t now)
{
    char when[DURATION_TEXT];

    when_text(now, s->opens, when);
    if (s->repeats >= MOVE_REPEATS_TOLD && s->statement.n == 0)
        term_say(t,
                 "  %.*s's node let %u of these requests run out. Ask %.*s whether it is "
                 "the node they know.",
                 TEXT(g->name), (unsigned)s->repeats, TEXT(g->name));
    if (s->statement.n > 0)
        term_say(t, "  %.*s said yes.", TEXT(g->name));
    else if (s->state == STATE_REFUSED)
        term_say(t, "  %.*s said no.", TEXT(g->name));
    else if (s->state == STATE_LOCKED)
        term_say(t, "  %.*s typed wrong words too often and has to unlock it.",
                 TEXT(g->name));
    else if (s->state == STATE_CONTESTED)
        term_say(t,
                 "  A device of yours said stop at %.*s's node. Was it not you? Call "
                 "%.*s, tell it, and say again: %.*s",
                 TEXT(g->name), TEXT(g->name), TEXT(s->words));
    else if (s->state == STATE_APPROVED && s->opens <= now)
        term_say(t, "  %.*s said yes; it counts now, with the next look at the node.",
                 TEXT(g->name));
    else if (s->state == STATE_APPROVED)
        term_say(t, "  %.*s said yes; it counts %s.", TEXT(g->name), when);
    else if (s->words.n > 0)
        term_say(t, "  Call %.*s%s%.*s, and say: %.*s", TEXT(g->name),
                 g->reach.n > 0 ? ", " : "", TEXT(g->reach), TEXT(s->words));
}

static void say_waits(struct term *t, const struct move_seat *s,
                      const struct day_guardian *g, uint64_t now, bool answered)
{
    char when[DURATION_TEXT];

    when_text(now, s->due, when);
    if (s->due > now)
        term_say(t,
                 "  %.*s's node takes it %s; the old keys change nothing there any more.",
                 TEXT(g->name), when);
    else if (answered)
        term_say(t,
                 "  %.*s's node has waited long enough: it takes it within the minute. "
                 "The old keys change nothing there any more.",
                 TEXT(g->name));
    else
        term_say(t,
                 "  %.*s's node was to take it by now; whether it has shows when it "
                 "answers.",
                 TEXT(g->name));
}

static void say_told(struct term *t, const struct move_seat *s,
                     const struct day_guardian *g, uint64_t now, bool answered)
{
    if (s->told == TOLD_DONE)
        term_say(t, "  %.*s's node has the new root.", TEXT(g->name));
    else if (s->told == TOLD_WAITS)
        say_waits(t, s, g, now, answered);
    else if (s->told == TOLD_REFUSED)
        term_say(t, "  %.*s's node said no.", TEXT(g->name));
}

static void say_seats(const struct root_desk *d, const struct moving *m)
{
    struct term *t = d->ctx->term;

    for (size_t i = 0; i < m->n; i++) {
        const struct move_seat *s = &m->seats[i];
        const struct day_guardian *g = move_guardian(d->day, s);

        if (g == NULL)
            continue;
        if (m->notes[i].err != OK && m->notes[i].why[0] != '\0')
            term_say(t, "  %s", m->notes[i].why);
        if (m->head.phase == MOVE_ASK)
            say_asked(t, s, g, ctx_now(d->ctx));
        else
            say_told(t, s, g, ctx_now(d->ctx), m->notes[i].err == OK);
    }
}

/* The hold of those who judge it, which each node waits out twice: as a request's, and
 * as the new root's own. */
static uint32_t hold_of(const struct moving *m)
{
    AUTO_FREE struct manifest *mf = calloc(1, sizeof *mf);

    return mf != NULL && manifest_open(m->head.by, mf) == OK ? mf->hold : 0;
}

/* When the words of all who may still say yes count, at the earliest: as the nodes say
 * (a stop makes it longer), else by the hold from now on. */
static uint64_t words_count(const struct moving *m, uint64_t now, uint32_t hold)
{
    uint64_t at = 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct move_seat *s = &m->seats[i];
        bool open =
            s->statement.n == 0 && s->state >= STATE_LIVE && s->state < STATE_RELEASED;

        if (open && s->opens > at)
            at = s->opens;
    }
    return at > now ? at : at == 0 ? now + hold : now;
}

static void say_how_long(const struct root_desk *d, const struct moving *m)
{
    uint64_t now = ctx_now(d->ctx);
    uint32_t hold = hold_of(m);
    char each[DURATION_TEXT];
    char first[DURATION_TEXT];
    char all[DURATION_TEXT];

    if (hold == 0)
        return;
    duration_text(hold, each);
    when_text(now, words_count(m, now, hold), first);
    when_text(now, words_count(m, now, hold) + hold, all);
    term_say(
        d->ctx->term,
        "This has two waits, so that nobody can rush it. What they say counts when "
        "the hold of your circle is over (%s), %s at the earliest. Then every node "
        "waits %s once more, in which its guardian can still say no, before it takes "
        "the new root key: that is %s at the earliest.",
        each, first, each, all);
}

/* For a script: who is to be called, and the words, as a restore has them. */
static void answer_lines(const struct root_desk *d, const struct moving *m)
{
    char id[2 * ID_BYTES + 1];

    if (isatty(fileno(d->ctx->term->out)))
        return; /* said already */
    for (size_t i = 0; i < m->n; i++) {
        const struct move_seat *s = &m->seats[i];
        const struct day_guardian *g = move_guardian(d->day, s);

        if (g == NULL || s->state != STATE_LIVE)
            continue;
        hex_encode(BYTES_OF(s->request), id, sizeof id);
        term_answer(d->ctx->term, "%.*s\t%s\t%.*s", TEXT(g->name), id, TEXT(s->words));
    }
}

static const char *state_name(const struct moving *m)
{
    return m->head.phase == MOVE_ASK   ? "asking"
           : m->head.phase < MOVE_LATE ? "waiting"
                                       : "done";
}

static json_t *guardians_json(const struct root_desk *d, const struct moving *m)
{
    json_t *all = json_array();

    for (size_t i = 0; i < m->n; i++) {
        const struct move_seat *s = &m->seats[i];
        const struct day_guardian *g = move_guardian(d->day, s);
        bool live = s->state >= STATE_LIVE && s->state < STATE_RELEASED;

        if (g == NULL)
            continue;
        json_t *state =
            s->state == 0 ? json_null() : json_string(request_state_name(s->state));
        (void)json_array_append_new(
            all,
            json_pack("{s:o,s:o,s:o,s:o,s:b,s:s,s:o}", "name", json_slice(g->name),
                      "request", json_hex(s->request, ID_BYTES), "words",
                      json_slice(live ? s->words : (struct bytes){ 0 }), "state", state,
                      "said", s->statement.n > 0, "node", told_name(s), "opens_at",
                      json_time(s->told == TOLD_WAITS ? s->due : s->opens)));
    }
    return all;
}

/* Names of what whoever had the old key may have read; null where it cannot be told. */
static json_t *read_json(struct root_desk *d, bool done)
{
    AUTO_VAULT struct vault *v = NULL;
    char what[VAULT_WHAT];

    if (!done || vault_open(&d->home, d->day, VAULT_WHOLE, what, &v) != OK)
        return json_null();
    json_t *all = json_array();
    for (size_t i = 0; i < vault_count(v); i++)
        if (vault_was_read(d->day, vault_at(v, i)))
            (void)json_array_append_new(all, json_slice(vault_at(v, i)->name));
    return all;
}

static void show(struct root_desk *d, const struct moving *m)
{
    struct term *t = d->ctx->term;
    bool done = m->head.phase == MOVE_LATE;

    if (t->json && d->after)
        return;
    if (t->json) {
        term_json(t, "root",
                  json_pack("{s:s,s:o,s:o,s:o}", "state", state_name(m), "fingerprint",
                            done ? json_slice(m->head.words) : json_null(), "guardians",
                            guardians_json(d, m), "may_be_read", read_json(d, done)));
        return;
    }
    if (m->head.phase == MOVE_ASK)
        term_title(t,
                   "Your guardians decide about a new root key. Each hears other words "
                   "from you:");
    else if (!done)
        term_title(t, "Your guardians said yes. Their nodes take the new root key one by "
                      "one:");
    say_seats(d, m);
    if (m->head.phase == MOVE_ASK)
        say_how_long(d, m);
    if (m->head.phase == MOVE_ASK)
        answer_lines(d, m);
    if (!done)
        term_say(t, "Go on with: kith root replace --resume");
}

/* ---- once the root is this home's ---- */

static void say_renew(struct root_desk *d)
{
    struct term *t = d->ctx->term;
    const struct day *day = d->day;
    char list[TERM_TEXT] = "";

    for (size_t i = 0; i < day->n_guardians; i++) {
        const struct day_guardian *g = &day->guardians[i];
        size_t n = strlen(list);

        if (g->kind == PIECE_CARD)
            (void)snprintf(list + n, sizeof list - n, "%s%.*s", n > 0 ? ", " : "",
                           TEXT(g->name));
    }
    if (list[0] != '\0')
        term_say(t,
                 "The cards of %s are of the old root key: print new ones (kith card "
                 "print), and tear the old ones up once your guardians confirmed.",
                 list);
    term_say(t,
             "A circle sheet you printed names the old key and lets nobody in: print it "
             "again (kith circle sheet).");
    term_say(t, "Your other devices are shut out. Add each again: kith device add");
}

/* What whoever had the old key may have read. */
static void say_vault(struct root_desk *d)
{
    AUTO_VAULT struct vault *v = NULL;
    struct term *t = d->ctx->term;
    char what[VAULT_WHAT];
    size_t n = 0;

    if (d->day->me.generation_before != 0)
        term_warn(t,
                  "your vault is still under the old key: a part of it is damaged here. "
                  "Every kith secret command tries again.");
    if (vault_open(&d->home, d->day, VAULT_WHOLE, what, &v) != OK)
        return;
    for (size_t i = 0; i < vault_count(v); i++) {
        const struct vault_item *item = vault_at(v, i);

        if (!vault_was_read(d->day, item))
            continue;
        if (n++ == 0)
            term_title(t, "These may have been read. Change each where it is used, then "
                          "here (kith secret edit NAME):");
        term_say(t, "  %.*s", TEXT(item->name));
    }
    if (n > 0)
        term_say(t, "kith secret list marks them until then.");
}

static void say_taken(struct root_desk *d, const struct moving *m)
{
    struct term *t = d->ctx->term;

    if (t->json)
        return;
    term_title(t,
               "You have a new root key. It is named by these four words; the old ones "
               "name nobody any more:");
    term_answer(t, "%.*s", TEXT(m->head.words));
    say_renew(d);
    say_vault(d);
}

/* Whether an epoch of the new root's is sealed, and no journal is left of it. */
static bool is_new_epoch(const struct root_desk *d)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);

    return m != NULL && !home_has(&d->home, HOME_JOURNAL) &&
           manifest_open(d->day->me.manifest, m) == OK &&
           bytes_equal(BYTES_OF(m->owner), BYTES_OF(d->day->me.owner));
}

/* Everything that hangs on the root follows it, as far as it can today. */
static enum err follow(struct root_desk *d)
{
    secret_free(d->unlocked);
    d->unlocked = NULL;
    TRY(home_root_open(&d->home, d->key, &d->unlocked));
    TRY(root_follow_seats(d));
    if (is_new_epoch(d))
        return OK;
    return root_next_epoch(d);
}

/* What the old pieces give back is a root that counts for nothing. */
static void say_alone(struct root_desk *d)
{
    term_warn(
        d->ctx->term,
        "your new root key is in this home alone, until your guardians' nodes have "
        "new pieces: nobody could give it back to you today. Keep this machine safe "
        "and go on until they have:");
    term_say(d->ctx->term, "  kith root replace --resume");
}

enum err root_move_on(struct root_desk *d, struct moving *m)
{
    const struct move_work w = {
        .home = &d->home, .key = d->key, .day = d->day, .params = d->ctx->params
    };
    bool before = m->head.phase < MOVE_LATE;

    term_progress(d->ctx->term, "Calling the guardians' nodes …");
    enum err e = move_run(m, &w);
    if (e == ERR_NOMEM)
        return e;
    if (e != OK)
        return term_fail(d->ctx->term, e, "kith root replace --resume",
                         "The change of the root key in %s could not go on.",
                         d->ctx->home);
    show(d, m);
    if (m->head.phase < MOVE_LATE) {
        d->ctx->exit = EXIT_WAITING;
        return OK;
    }
    if (before)
        say_taken(d, m);
    TRY(follow(d));
    if (circle_root_alone(d->day))
        say_alone(d);
    bool saved = root_vault_saved(d);
    e = move_close(m, &w);
    if (e != OK)
        return term_fail(d->ctx->term, e, NULL, "The file %s/move stays.", d->ctx->home);
    bool told = !home_has(&d->home, HOME_MOVE);
    d->ctx->exit = saved && told ? EXIT_FINE : EXIT_DEGRADED;
    return OK;
}

/* ---- kith root replace ---- */

static enum err open_moving(struct root_desk *d, struct moving **out)
{
    TRY(ctx_unlock_file(d->ctx, &d->home, HOME_MOVE, &d->key));
    enum err e = move_load(&d->home, d->key, out);
    if (e == OK)
        return OK;
    return term_fail(d->ctx->term, e, NULL, "The file %s/move is damaged.", d->ctx->home);
}

/* A restore of this very root, whose guardians' words are not too old. */
static enum err restore_of(struct root_desk *d, struct restore **out)
{
    AUTO_RESTORE struct restore *r = NULL;

    if (!home_has(&d->home, HOME_RESTORE) || restore_load(&d->home, d->key, &r) != OK)
        return OK;
    if (r->head.state != RESTORE_DONE ||
        !bytes_equal(BYTES_OF(r->head.owner), BYTES_OF(d->day->me.owner)))
        return OK;
    TRY(secret_new(&d->requester));
    memcpy(d->requester->b, r->head.req_sign, KEY_BYTES);
    *out = r;
    r = NULL; /* the caller's now */
    return OK;
}

static enum err begin(struct root_desk *d, struct moving **out)
{
    AUTO_RESTORE struct restore *r = NULL;
    const struct move_work w = {
        .home = &d->home, .key = d->key, .day = d->day, .params = d->ctx->params
    };

    TRY(restore_of(d, &r));
    enum err e = r != NULL ? move_begin(&w, &d->unlocked->root, r, out) : ERR_CERT;
    if (e == ERR_CERT)
        e = move_begin(&w, &d->unlocked->root, NULL, out);
    return e;
}

static enum err no_circle(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_STATE, EXIT_NO_CIRCLE, "no-circle",
                        "Who replaces a root key are the people who guard it.",
                        "kith circle seal", "You have no sealed circle in %s.",
                        ctx->home);
}

/* Whoever asks again when it is done is not sent to begin another one. */
static enum err not_moving(const struct ctx *ctx, const struct day *d)
{
    char when[TIME_TEXT];

    time_text(d->me.moved, when);
    if (d->me.moved != 0)
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "not-moving",
                            "What may be left to do is in the status.", "kith status",
                            "Your root key was replaced on %s; no other change of it is "
                            "going on.",
                            when);
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "not-moving", NULL,
                        "kith root replace",
                        "No change of the root key is going on in %s.", ctx->home);
}

static enum err start(struct root_desk *d, struct moving **out)
{
    if (ctx_option(d->ctx, "--resume") != NULL)
        return not_moving(d->ctx, d->day);
    if (d->day->me.fingerprint.n == 0)
        return ctx_no_root(d->ctx);
    if (d->day->me.epoch == 0)
        return no_circle(d->ctx);
    if (root_vault_missing(&d->home, d->day))
        TRY(term_word(
            d->ctx->term, "without-vault",
            "Your vault is not here whole yet, and what is missing could not be "
            "read with a new root key. Get it first: kith vault pull"));
    TRY(ctx_unlock(d->ctx, &d->home, &d->unlocked));
    TRY(secret_new(&d->key));
    *d->key = d->unlocked->key;
    return begin(d, out);
}

static enum err cmd_root_replace(struct ctx *ctx)
{
    AUTO_ROOT_DESK struct root_desk d = { .ctx = ctx, .home = { .dir = -1, .lock = -1 } };
    AUTO_MOVE struct moving *m = NULL;

    TRY(ctx_home(ctx, HOME_READ, &d.home));
    TRY(ctx_day(ctx, &d.home, &d.day));
    TRY(home_has(&d.home, HOME_MOVE) ? open_moving(&d, &m) : start(&d, &m));
    MUST(m != NULL);
    return root_move_on(&d, m);
}

static const struct command rows[] = {
    { .path = "root replace",
      .args = "[--resume]",
      .key = NEEDS_ROOT,
      .help = "Gives your circle a new root key, if your guardians agree: for when "
              "somebody else may have the old one.",
      .options = { { "--resume", NULL, "only goes on with what was begun" } },
      .run = cmd_root_replace },
    { .path = "root lock",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Sets a passphrase in a home that has none, and tells those you guard.",
      .run = root_cmd_lock },
};

const struct command_table cmd_root_table = COMMANDS(rows);
