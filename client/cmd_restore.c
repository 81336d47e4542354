/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "client/cmd_log.h"
#include "client/cmd_restore_part.h"
#include "client/cmd_vault.h"

/* ---- what a person reads ---- */

static struct bytes line_called(const struct restore_line *l)
{
    return l->name.n > 0 ? l->name : l->node;
}

static const char *line_state(const struct restore_line *l)
{
    if (l->state != 0)
        return request_state_name(l->state);
    return l->contact == CONTACT_AWAY ? "unreachable" : "unopened";
}

#define TEXT(b) (int)(b).n, (const char *)(b).p

static void say_words(struct term *t, const struct restore_line *l, uint64_t now)
{
    char when[DURATION_TEXT];

    if (l->reach.n > 0)
        term_say(t, "%.*s — reach them: %.*s", TEXT(line_called(l)), TEXT(l->reach));
    else
        term_say(t, "%.*s", TEXT(line_called(l)));
    if (l->name.n == 0)
        term_say(t, "  Call whoever gave you this link, or whom your sheet names beside "
                    "this node. When they ask, say these four words:");
    else
        term_say(t, "  Call, and when they ask, say these four words:");
    term_say(t, "    %.*s", TEXT(l->words));
    if (l->contact == CONTACT_AWAY)
        term_say(t, "  Their node did not answer last time. Ask whether it is switched "
                    "on.");
    if (l->opens > now) {
        when_text(now, l->opens, when);
        term_say(t, "  Their piece can come %s at the earliest.", when);
    }
    restore_say_flags(t, l);
}

static void say_approved(struct term *t, const struct restore_line *l, uint64_t now)
{
    char when[DURATION_TEXT];

    when_text(now, l->opens, when);
    term_say(t, "%.*s said yes. Their node lets the piece go %s.", TEXT(line_called(l)),
             l->opens > now ? when : "at the next run of: kith restore");
    restore_say_flags(t, l);
}

static void say_verdict(struct term *t, const struct restore_line *l)
{
    switch ((enum verdict)l->verdict) {
    case VERDICT_GOOD:
        term_say(t, "%.*s: a good piece.", TEXT(line_called(l)));
        return;
    case VERDICT_BAD_PIECE:
        term_warn(t, "%.*s sent a piece that is not the one you gave. It was left out.",
                  TEXT(line_called(l)));
        return;
    case VERDICT_BAD_SIGNATURE:
        term_warn(t,
                  "%.*s sent an answer that is not signed as it should be. It was "
                  "left out.",
                  TEXT(line_called(l)));
        return;
    case VERDICT_STALE_EPOCH:
        term_say(t, "%.*s sent a piece of an earlier circle.", TEXT(line_called(l)));
        return;
    case VERDICT_DUPLICATE:
        term_warn(t, "%.*s sent the same piece as another guardian.",
                  TEXT(line_called(l)));
        return;
    case VERDICT_NONE:
    case VERDICT_REFUSED:
    case VERDICT_SILENT:
        term_say(t, "%.*s: their piece has come.", TEXT(line_called(l)));
        return;
    }
}

/* Silence is all there is: the node tells nobody which of these it was. */
static void say_unanswered(struct term *t, const struct restore_line *l)
{
    term_say(
        t,
        "What answers at %.*s says nothing to this code. It was misheard, or used, or "
        "its 14 days are over, or the address is another one: compare both with "
        "your guardian, or ask them for a new code. Nothing was lost by trying.",
        TEXT(line_called(l)));
}

/* What a node says about a request it let in, and did not take. */
static const struct refusal {
    enum err err;
    const char *text;
} refusals[] = {
    { ERR_STATE, "keeps no piece of yours: the circle was not sealed there." },
    { ERR_BUSY,
      "has a request by this link already, or earlier ones came to nothing: a "
      "sheet then waits, each time longer. A link that the guardian makes for you "
      "is let in at once: kith guard link --spoken." },
    { ERR_FULL,
      "has as many requests as it takes. The guardian can refuse those that are "
      "not yours, or make you a link: kith guard link --spoken." },
};

static bool say_refusal(struct term *t, const struct restore_line *l)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (l->refusal == 0 || err_wire(refusals[i].err) != l->refusal)
            continue;
        term_say(t, "The node of %.*s %s", TEXT(line_called(l)), refusals[i].text);
        return true;
    }
    return false;
}

static void say_unopened(struct term *t, const struct restore_line *l)
{
    if (l->contact == CONTACT_REFUSED && say_refusal(t, l))
        return;
    if (l->spoken != 0 && l->contact != CONTACT_AWAY)
        say_unanswered(t, l);
    else if (l->contact == CONTACT_AWAY)
        term_say(t,
                 "%.*s does not answer. Ask whether their box is switched on; each "
                 "run of kith restore tries again.",
                 TEXT(line_called(l)));
    else
        term_say(t,
                 "%.*s did not let the request in: the link was used, has expired, "
                 "or is for another node. Ask them for a new one.",
                 TEXT(line_called(l)));
}

static void say_line(struct term *t, const struct restore_line *l, uint64_t now)
{
    switch (l->state) {
    case STATE_LIVE:
    case STATE_LOCKED:
    case STATE_CONTESTED:
        say_words(t, l, now);
        if (l->state == STATE_LOCKED)
            term_say(t, "  Too many wrong words were typed there; they must unlock the "
                        "request first.");
        return;
    case STATE_APPROVED:
        say_approved(t, l, now);
        return;
    case STATE_RELEASED:
        say_verdict(t, l);
        return;
    case STATE_REFUSED:
        term_say(t, "%.*s said no. Speak with them.", TEXT(line_called(l)));
        return;
    case STATE_EXPIRED:
        term_say(t, "%.*s: the request has run out. Ask them for a new link.",
                 TEXT(line_called(l)));
        return;
    default:
        say_unopened(t, l);
    }
}

static void say_summary(struct term *t, const struct restore_open *o)
{
    switch ((enum restore_state)o->state) {
    case RESTORE_DONE:
        term_say(t, "Your root key is back on this machine.");
        return;
    case RESTORE_UNCONFIRMED:
        term_say(t, "The key is rebuilt, but not yet accepted: it could be somebody "
                    "else's. Take the four words that name your key from your circle "
                    "sheet, or have a guardian read them to you whom you call yourself.");
        return;
    case RESTORE_IMPOSSIBLE:
        term_say(t, "With the guardians known here it cannot work any more: too many "
                    "said no. Speak with them, and begin again with new links.");
        return;
    case RESTORE_BROKEN:
        term_say(t,
                 "Enough pieces are here, but they give no key. Ask further guardians; "
                 "nothing is lost.");
        return;
    case RESTORE_TWO_WORLDS:
        term_say(t, "The pieces give two different keys: somebody is deceiving you. Take "
                    "the four words of your key from your circle sheet; they decide.");
        return;
    case RESTORE_WAITING:
        break;
    }
    if (o->need > 0)
        term_say(t, "%u of %u pieces are here. Go on at any time with: kith restore",
                 o->have, o->need);
    else
        term_say(t, "Go on at any time with: kith restore");
}

static json_t *line_json(const struct restore_line *l)
{
    const char *verdict = verdict_name((enum verdict)l->verdict);

    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:s?}", "name", json_slice(l->name),
                     "node", json_slice(l->node), "request",
                     json_hex(l->request, ID_BYTES), "state", line_state(l), "words",
                     json_slice(l->words), "opens_at", json_time(l->opens), "verdict",
                     verdict);
}

static const char *state_json(const struct restore_open *o)
{
    switch ((enum restore_state)o->state) {
    case RESTORE_DONE:
        return "done";
    case RESTORE_UNCONFIRMED:
        return "unconfirmed";
    case RESTORE_WAITING:
        return "waiting";
    case RESTORE_IMPOSSIBLE:
    case RESTORE_BROKEN:
    case RESTORE_TWO_WORLDS:
        break;
    }
    return "impossible";
}

static void open_json(struct term *t, const struct restore_open *o)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < o->n_lines; i++)
        (void)json_array_append_new(list, line_json(&o->lines[i])); /* out of memory
                                                                      shows as null */
    term_json(t, "restore",
              json_pack("{s:s, s:o, s:o, s:o, s:I, s:o}", "state", state_json(o),
                        "fingerprint", json_slice(o->fingerprint), "epoch",
                        o->epoch > 0 ? json_integer(o->epoch) : json_null(), "need",
                        o->need > 0 ? json_integer(o->need) : json_null(), "have",
                        (json_int_t)o->have, "guardians", list));
}

/* For scripts; a person at a terminal reads the same in sentences. */
static void answer_lines(struct term *t, const struct restore_open *o)
{
    char id[2 * ID_BYTES + 1];

    if (isatty(fileno(t->out)))
        return;
    for (uint32_t i = 0; i < o->n_lines; i++) {
        const struct restore_line *l = &o->lines[i];

        if (l->words.n == 0)
            continue;
        hex_encode(BYTES_OF(l->request), id, sizeof id);
        term_answer(t, "%.*s\t%s\t%.*s", TEXT(line_called(l)), id, TEXT(l->words));
    }
}

static void show(struct ctx *ctx, const struct restore_open *o)
{
    if (ctx->term->json) {
        open_json(ctx->term, o);
        return;
    }
    bool done = o->state == RESTORE_DONE;

    if (!done)
        answer_lines(ctx->term, o);
    /* Who was not needed any more is no news when the key is back. */
    for (uint32_t i = 0; i < o->n_lines; i++)
        if (!done || o->lines[i].verdict != VERDICT_NONE)
            say_line(ctx->term, &o->lines[i], ctx_now(ctx));
    say_summary(ctx->term, o);
}

static enum exit_code exit_of_state(unsigned state)
{
    switch ((enum restore_state)state) {
    case RESTORE_DONE:
        return EXIT_FINE;
    case RESTORE_UNCONFIRMED:
        return EXIT_DEGRADED;
    case RESTORE_IMPOSSIBLE:
        return EXIT_STOPPED;
    case RESTORE_BROKEN:
    case RESTORE_TWO_WORLDS:
        return EXIT_INTEGRITY;
    case RESTORE_WAITING:
        break;
    }
    return EXIT_WAITING;
}

/* ---- the pieces every command here needs ---- */

static enum err none_here(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, NULL,
                        "A guardian makes a link for you with \"kith guard link\".",
                        "kith restore start LINK", "No restore was begun in %s.",
                        ctx->home);
}

static enum err save(const struct ctx *ctx, struct home *h, const struct home_key *key,
                     const struct restore *r)
{
    enum err e = restore_save(h, key, r, ctx->params->rng);

    if (e == OK)
        return OK;
    return term_fail(ctx->term, e, NULL, "The restore file in %s could not be written.",
                     ctx->home);
}

struct keeper {
    const struct ctx *ctx;
    struct home *home;
    const struct home_key *key;
};

static enum err keep(void *arg, const struct restore *r)
{
    const struct keeper *k = arg;

    return save(k->ctx, k->home, k->key, r);
}

/* One round, with progress; what it learns is on the disk when it returns. */
static enum err run_round(const struct ctx *ctx, struct home *h,
                          const struct home_key *key, struct restore *r,
                          uint32_t deadline_ms)
{
    struct keeper keeper = { ctx, h, key };
    struct restore_run run = { .params = ctx->params,
                               .deadline_ms = deadline_ms,
                               .keep = keep,
                               .keep_ctx = &keeper };

    term_progress(ctx->term, "Calling the guardians …");
    return restore_round(r, &run);
}

static enum err load(const struct ctx *ctx, struct home *h, struct home_key **out_key,
                     struct restore **out)
{
    if (!home_has(h, HOME_RESTORE))
        return none_here(ctx);
    TRY(ctx_unlock_file(ctx, h, HOME_RESTORE, out_key));
    enum err e = restore_load(h, *out_key, out);
    if (e == OK)
        return OK;
    return term_fail(ctx->term, e, NULL, "The restore file in %s is damaged.", ctx->home);
}

/* ---- restore start ---- */

static enum err no_root_yet(const struct ctx *ctx, const struct home *h)
{
    if (!home_has(h, HOME_ROOT))
        return OK;
    return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, NULL,
                        "A root key is never overwritten.",
                        "KITH_HOME=NEW-DIRECTORY kith restore start LINK",
                        "There is a root key in %s already.", ctx->home);
}

static enum exit_code exit_of_start(const struct restore *r)
{
    size_t given = 0;
    size_t live = 0;
    size_t away = 0;

    for (size_t i = 0; i < r->n; i++) {
        if (r->entries[i].source != FROM_LINK)
            continue;
        given++;
        live += r->entries[i].state >= STATE_LIVE;
        away += r->entries[i].contact == CONTACT_AWAY;
    }
    if (live == given)
        return EXIT_FINE;
    if (live > 0)
        return EXIT_DEGRADED;
    return away == given ? EXIT_AWAY : EXIT_FAILED;
}

static enum err start_round(struct ctx *ctx, struct home *h, const struct home_key *key,
                            struct restore *r)
{
    AUTO_FREE struct restore_open *o = NULL;
    AUTO_SECRET struct root_key *root = NULL;
    uint64_t deadline_s = 0;
    bool accepted = false;

    TRY(secret_new(&root));
    TRY(ctx_duration(ctx, "--deadline", ctx->params->round_ms / 1000, 3600, &deadline_s));
    TRY(run_round(ctx, h, key, r, (uint32_t)deadline_s * 1000));
    TRY(restore_judge(r, ctx->params, root, &accepted));
    TRY(save(ctx, h, key, r));
    TRY(restore_lines(r, &o));
    show(ctx, o);
    ctx->exit = exit_of_start(r);
    return OK;
}

static enum err cmd_restore_start(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_RESTORE struct restore *r = NULL;
    char line[LINK_TEXT + ADDRESS_TEXT] = "";

    TRY(restore_links_ask(ctx, line, sizeof line));
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(no_root_yet(ctx, &h));
    bool goes_on = home_has(&h, HOME_RESTORE);
    if (goes_on)
        TRY(load(ctx, &h, &key, &r));
    else
        TRY(restore_new(ctx->params->rng, &r));
    MUST(r != NULL);
    TRY(restore_links_add(ctx, r));
    secret_wipe(line, sizeof line);
    if (ctx_option(ctx, "--name") != NULL) {
        TRY(ctx_text(ctx, "--name", ctx_option(ctx, "--name"), NAME_MAX_BYTES));
        r->head.name = bytes_text(ctx_option(ctx, "--name"));
    }
    if (goes_on)
        return start_round(ctx, &h, key, r);
    home_close(&h);
    TRY(ctx_home(ctx, HOME_MAKE, &h));
    TRY(ctx_new_key(ctx, &key));
    return start_round(ctx, &h, key, r);
}

/* ---- restore: going on ---- */

static enum err wrong_words(struct ctx *ctx, struct home *h, const struct home_key *key,
                            struct restore *r)
{
    /* Kept words that are wrong would fail every later round as well. */
    r->head.accepted = (struct bytes){ 0 };
    TRY(save(ctx, h, key, r));
    return term_fail_as(
        ctx->term, ERR_AUTH, EXIT_FAILED, "fingerprint-wrong",
        "The key that was rebuilt has other words: they were mistyped, or "
        "this is not your key. Nothing is lost.",
        "kith restore --accept \"word word word word\"",
        "These are not the words of the key that was rebuilt.");
}

/* The root goes to its home; what the restore still held of pieces goes away. */
static enum err finish(struct ctx *ctx, struct home *h, const struct home_key *key,
                       struct restore *r, const struct root_key *root)
{
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_FREE char *name = calloc(1, NAME_MAX_BYTES + 1);
    char words[WORDS_TEXT];
    struct make_root how = { .name = name, .import = root, .key = key };

    if (name == NULL)
        return ERR_NOMEM;
    memcpy(name, r->head.name.n > 0 ? (const char *)r->head.name.p : "", r->head.name.n);
    /* After a power cut here the root may be written and the file not yet say so. */
    if (home_has(h, HOME_ROOT))
        how = (struct make_root){ 0 };
    if (r->head.name.n == 0)
        how.name = NULL;
    TRY(ctx_fingerprint(ctx, r->head.owner, words));
    TRY(ctx_make_root(ctx, h, &how, &u));
    if (!secret_equal(u->root.b, root->b, KEY_BYTES))
        return term_fail_as(ctx->term, ERR_CONFLICT, EXIT_INTEGRITY, NULL,
                            "The restore is kept as it is. Move the file \"root\" away, "
                            "then go on.",
                            "kith restore", "There is another root key in %s.",
                            ctx->home);
    /* Kept with the restore: this function's own text ends here. */
    TRY(restore_accept(r, bytes_text(words)));
    r->head.fingerprint = r->head.accepted;
    r->head.state = RESTORE_DONE;
    for (size_t i = 0; i < r->n; i++) {
        struct restore_entry *e = &r->entries[i];

        secret_wipe(e->pieces, sizeof e->pieces);
        e->n_pieces = 0;
    }
    return save(ctx, h, key, r);
}

static void say_done(struct ctx *ctx, const struct restore_open *o)
{
    struct term *t = ctx->term;

    show(ctx, o);
    if (t->json)
        return;
    term_say(t, "It is named by these four words, as before:");
    term_answer(t, "%.*s", TEXT(o->fingerprint));
    term_say(t, "The pieces were in the open during this restore. A change of the old "
                "circle is not part of this version: ask your guardians for new invites "
                "and make a new circle. Until then the old one still guards the key.");
}

/* On a terminal the words are typed here, from paper or as a guardian reads them. */
static enum err ask_words(struct ctx *ctx, struct restore *r)
{
    const struct ask a = {
        .text = "The four words of your key",
        .flag = "--accept \"w w w w\"",
        .note = "The key is rebuilt. Type the four words that name your key, from your "
                "circle sheet, or as a guardian reads them to you whom you call by a "
                "number you had before.",
    };
    char line[WORDS_TEXT + 64] = "";

    TRY(term_ask_maybe(ctx->term, &a, line, sizeof line));
    if (line[0] == '\0')
        return OK;
    if (restore_accept(r, bytes_text(line)) != OK)
        return term_fail(ctx->term, ERR_WORD, NULL, "Four words of the list are needed.");
    return OK;
}

static enum err options_take(struct ctx *ctx, struct restore *r)
{
    const char *words = ctx_option(ctx, "--accept");

    if (ctx_option(ctx, "--sources-differ") != NULL)
        r->head.sources_differ = 1;
    if (words == NULL || restore_accept(r, bytes_text(words)) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_WORD, EXIT_USAGE, NULL, NULL, NULL,
                        "--accept wants four words of the list in one string.");
}

static enum err go_on(struct ctx *ctx, struct home *h, const struct home_key *key,
                      struct restore *r, struct root_key *root)
{
    AUTO_FREE struct restore_open *o = NULL;
    bool accepted = false;

    TRY(run_round(ctx, h, key, r, ctx->params->round_ms));
    TRY(restore_judge(r, ctx->params, root, &accepted));
    TRY(save(ctx, h, key, r));
    if (r->head.state == RESTORE_UNCONFIRMED && !accepted && r->head.accepted.n == 0) {
        TRY(ask_words(ctx, r));
        if (r->head.accepted.n > 0)
            TRY(restore_judge(r, ctx->params, root, &accepted));
    }
    if (r->head.state == RESTORE_UNCONFIRMED && !accepted && r->head.accepted.n > 0)
        return wrong_words(ctx, h, key, r);
    if (accepted) {
        size_t left = 0;

        TRY(finish(ctx, h, key, r, root));
        /* Nobody need be called for what is done; who is away forgets by itself. */
        TRY(restore_cancel(r, ctx->params, &left));
        TRY(save(ctx, h, key, r));
    }
    TRY(restore_lines(r, &o));
    ctx->exit = exit_of_state(r->head.state);
    if (!accepted) {
        show(ctx, o);
        return OK;
    }
    say_done(ctx, o);
    vault_restored(ctx, h, r, root);
    return log_restored(ctx, r, root);
}

enum look { LOOK_ANY, LOOK_DONE };

/* Shows the file; with LOOK_DONE only if the restore is done. */
static enum err show_file(struct ctx *ctx, struct home *h, enum look look, bool *out_done)
{
    AUTO_BLOB struct home_blob text = { 0 };
    AUTO_FREE struct restore_open *o = NULL;

    if (!home_has(h, HOME_RESTORE))
        return none_here(ctx);
    enum err e = restore_look(h, &text, &o);
    if (e != OK)
        return term_fail(ctx->term, e, NULL, "The restore file in %s is damaged.",
                         ctx->home);
    *out_done = o->state == RESTORE_DONE;
    ctx->exit = exit_of_state(o->state);
    if (look == LOOK_DONE && !*out_done)
        return OK;
    show(ctx, o);
    if (*out_done && !ctx->term->json)
        term_answer(ctx->term, "%.*s", TEXT(o->fingerprint));
    return OK;
}

static enum err cmd_restore(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct root_key *root = NULL;
    AUTO_RESTORE struct restore *r = NULL;
    bool done = false;

    TRY(secret_new(&root));
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(show_file(ctx, &h, LOOK_DONE, &done));
    if (done)
        return OK;
    TRY(load(ctx, &h, &key, &r));
    MUST(r != NULL);
    TRY(options_take(ctx, r));
    return go_on(ctx, &h, key, r, root);
}

static enum err cmd_restore_status(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    bool done = false;

    TRY(ctx_home(ctx, HOME_READ, &h));
    return show_file(ctx, &h, LOOK_ANY, &done);
}

/* A yes took a person's time and perhaps a hold: both would begin anew. */
static bool somebody_agreed(const struct restore *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->entries[i].approved != 0)
            return true;
    }
    return false;
}

static enum err cmd_restore_cancel(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_RESTORE struct restore *r = NULL;
    size_t left = 0;

    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(load(ctx, &h, &key, &r));
    MUST(r != NULL);
    if (somebody_agreed(r))
        TRY(term_word(ctx->term, "cancel",
                      "Guardians have said yes. All requests of this restore are taken "
                      "back; the links that were used stay used."));
    TRY(restore_cancel(r, ctx->params, &left));
    if (home_drop(&h, HOME_RESTORE) != OK)
        return term_fail(ctx->term, ERR_IO, NULL, "The restore file in %s stays.",
                         ctx->home);
    if (left > 0)
        term_warn(ctx->term,
                  "%zu guardians could not be told; their requests run out by "
                  "themselves.",
                  left);
    term_say(ctx->term, "The restore is cancelled.");
    return OK;
}

static const struct command rows[] = {
    { .path = "restore start",
      .args = "[LINK…]",
      .max = ARGS_MANY,
      .key = MAKES_HOME,
      .help = "Begins a restore on an empty machine, from restore links, spoken codes "
              "or a circle sheet.",
      .options = { { "--name", "NAME",
                     "your name, shown to guardians as your own claim" },
                   { "--no-passphrase", NULL, "leave the key unlocked on this machine" },
                   { "--sheet", "FILE",
                     "your circle sheet: all links in it; - is "
                     "standard input" },
                   { "--deadline", "TIME", "how long to wait for answers (10s)" } },
      .run = cmd_restore_start },
    { .path = "restore",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Goes on with the restore: one round to all guardians.",
      .options = { { "--accept", "WORDS", "the four words that name your key" },
                   { "--sources-differ", NULL,
                     "the links came from different people, each by a way you knew" } },
      .run = cmd_restore },
    { .path = "restore status",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Shows how far the restore is; asks nobody.",
      .run = cmd_restore_status },
    { .path = "restore cancel",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Takes the restore back.",
      .run = cmd_restore_cancel },
};

const struct command_table cmd_restore_table = COMMANDS(rows);
