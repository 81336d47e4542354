/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_log.h"
#include "client/cmd_restore_part.h"
#include "client/cmd_root_part.h"
#include "client/cmd_vault.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

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
    if (home_is_helper(ctx->home))
        return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "helper",
                            "What it may do at your guardians' nodes goes on beside it.",
                            "KITH_HOME=NEW-DIRECTORY kith restore start LINK",
                            "%s is a helper's home: the key comes back to another one.",
                            ctx->home);
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
    size_t strange = 0;

    for (size_t i = 0; i < r->n; i++) {
        if (r->entries[i].source != FROM_LINK)
            continue;
        given++;
        live += r->entries[i].state >= STATE_LIVE;
        away += r->entries[i].contact == CONTACT_AWAY;
        strange += r->entries[i].contact == CONTACT_REFUSED &&
                   r->entries[i].refusal == err_wire(ERR_VERSION);
    }
    if (given == 0)
        return restore_exit(r->head.state); /* from paper alone */
    if (live == given)
        return EXIT_FINE;
    if (live > 0)
        return EXIT_DEGRADED;
    if (strange == given)
        return EXIT_VERSION;
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
    restore_show(ctx, o);
    ctx->exit = exit_of_start(r);
    return OK;
}

static enum err name_given(const struct ctx *ctx, struct restore *r)
{
    const char *given = ctx_option(ctx, "--name");

    if (given == NULL)
        return OK;
    TRY(ctx_text(ctx, "--name", given, NAME_MAX_BYTES));
    r->head.name = bytes_text(given);
    return OK;
}

/* No piece tells it, and a guardian who is asked later would know the owner by none. */
static enum err name_ask(const struct ctx *ctx, char out[NAME_MAX_BYTES + 1])
{
    const struct ask a = {
        .text = "Your name, as your guardians know you",
        .flag = "--name NAME",
    };

    TRY(term_ask_maybe(ctx->term, &a, out, NAME_MAX_BYTES + 1));
    return out[0] == 0 ? OK : ctx_text(ctx, "The name", out, NAME_MAX_BYTES);
}

static enum err cmd_restore_start(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_RESTORE struct restore *r = NULL;
    char line[LINK_TEXT + ADDRESS_TEXT] = "";
    char name[NAME_MAX_BYTES + 1] = "";

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
    TRY(name_given(ctx, r));
    if (r->head.name.n == 0) {
        TRY(name_ask(ctx, name));
        r->head.name = bytes_text(name);
    }
    if (goes_on)
        return start_round(ctx, &h, key, r);
    home_close(&h);
    TRY(ctx_home(ctx, HOME_MAKE, &h));
    TRY(ctx_new_key(ctx, &key));
    return start_round(ctx, &h, key, r);
}

/* ---- restore: going on ---- */

/* The words on an old sheet: true once, and perhaps somebody says so who should not. */
static enum err replaced_words(struct ctx *ctx, struct home *h,
                               const struct home_key *key, struct restore *r)
{
    r->head.accepted = (struct bytes){ 0 };
    TRY(save(ctx, h, key, r));
    return term_fail_as(
        ctx->term, ERR_MOVED, EXIT_FAILED, "root-replaced",
        "Your guardians' nodes show that the people of your circle put another root key "
        "in "
        "its place. Ask a guardian for the four words of the new one. If nobody of them "
        "knows of it, you can still have the old one, with --old-root.",
        "kith restore --accept \"word word word word\"",
        "These words name a root key that was replaced.");
}

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
    if (name[0] == 0 && how.import != NULL && name_ask(ctx, name) != OK) {
        ctx->term->problem = (struct problem){ 0 }; /* no name is no reason to stop */
        name[0] = 0;
    }
    if (name[0] == 0)
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

        /* What the nodes signed is no secret, and proves who said yes. */
        for (uint32_t k = 0; k < e->n_pieces; k++)
            secret_wipe(e->pieces[k].piece, PIECE_BYTES);
    }
    for (size_t i = 0; i < r->n_cards; i++)
        secret_wipe(r->cards[i].piece, PIECE_BYTES);
    return save(ctx, h, key, r);
}

static void say_done(struct ctx *ctx, const struct restore_open *o)
{
    struct term *t = ctx->term;

    restore_show(ctx, o);
    if (t->json)
        return;
    term_say(t, "It is named by these four words, as before:");
    term_answer(t, "%.*s", TEXT(o->fingerprint));
}

/* What became of the machine decides whether the key itself is still one's own. */
static enum err ask_gone(struct ctx *ctx, enum day_gone *out)
{
    static const char *const options[] = { "lost, broken or given away empty",
                                           "stolen, or I do not know" };
    const struct ask a = { .text = "What became of the old machine",
                           .flag = "--lost or --stolen",
                           .note =
                               "If somebody may have had it unlocked, they have your "
                               "root key too. Then you get a new one, and your "
                               "guardians' words in this restore are enough for that." };
    size_t at = 0;

    *out = ctx_option(ctx, "--stolen") != NULL ? GONE_STOLEN
           : ctx_option(ctx, "--lost") != NULL ? GONE_LOST
                                               : GONE_UNASKED;
    if (*out != GONE_UNASKED || !ctx->term->ask)
        return OK;
    TRY(term_choose(ctx->term, &a, options, 2, &at));
    *out = at == 0 ? GONE_LOST : GONE_STOLEN;
    return OK;
}

/* The key is back whatever comes of this; what is left is in status. */
static enum err go_after(struct ctx *ctx, struct home *h, struct restore *r,
                         const struct home_key *key)
{
    enum day_gone gone = GONE_UNASKED;

    if (ask_gone(ctx, &gone) != OK)
        ctx->term->problem = (struct problem){ 0 };
    enum err e = root_restored(ctx, h, r, key, gone);
    if (e == OK)
        return OK;
    ctx->term->problem = (struct problem){ 0 };
    term_warn(ctx->term,
              "your circle did not get new pieces yet (%s) Go on with:", err_text(e));
    term_say(ctx->term, "  kith restore");
    return e == ERR_NOMEM ? e : OK;
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
    const struct ask again = { .text = a.text, .flag = a.flag };

    enum { TRIES = 3 };

    for (unsigned i = 0; i < TRIES; i++) {
        char line[WORDS_TEXT + 64] = "";

        TRY(term_ask_maybe(ctx->term, i == 0 ? &a : &again, line, sizeof line));
        if (line[0] == '\0' || restore_accept(r, bytes_text(line)) == OK)
            return OK;
        term_say(ctx->term, "These are not four words of the list.");
    }
    return term_fail(ctx->term, ERR_WORD, "kith restore",
                     "The words that name your key were not understood.");
}

static enum err options_take(struct ctx *ctx, struct restore *r)
{
    const char *words = ctx_option(ctx, "--accept");

    TRY(name_given(ctx, r));
    if (ctx_option(ctx, "--sources-differ") != NULL)
        r->head.sources_differ = 1;
    if (ctx_option(ctx, "--old-root") != NULL)
        r->head.old_root = 1;
    if (words == NULL || restore_accept(r, bytes_text(words)) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_WORD, EXIT_USAGE, NULL, NULL, NULL,
                        "--accept wants four words of the list in one string.");
}

/* What a person has to know of new roots before they name one. */
static void say_roots(struct ctx *ctx, const struct restore *r)
{
    if (r->result.late)
        term_say(ctx->term,
                 "The key that these pieces give was replaced by a newer one. The pieces "
                 "of that are still missing: ask the guardians who were not asked yet.");
    if (r->result.disputed)
        term_warn(ctx->term,
                  "a node says that guardians put another key in the place of this one. "
                  "The guardians you named do not prove it, so it counts for nothing: "
                  "only four words say which key is yours. Compare them with a sheet or "
                  "card, or ask a guardian by a number you had before.");
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
    if (!accepted && r->old_words)
        return replaced_words(ctx, h, key, r);
    if (!accepted)
        say_roots(ctx, r);
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
    ctx->exit = restore_exit(r->head.state);
    if (!accepted) {
        restore_show(ctx, o);
        return OK;
    }
    say_done(ctx, o);
    TRY(root_circle_back(ctx, h, r));
    vault_restored(ctx, h, r, root);
    TRY(log_restored(ctx, r, root));
    return go_after(ctx, h, r, key);
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
    ctx->exit = restore_exit(o->state);
    if (look == LOOK_DONE && !*out_done)
        return OK;
    restore_show(ctx, o);
    if (*out_done && !ctx->term->json)
        term_answer(ctx->term, "%.*s", TEXT(o->fingerprint));
    return OK;
}

/* Cut off before the circle was here again, or asked only now what became of the old. */
static bool wants_after(const struct ctx *ctx, const struct home *h, const struct day *d,
                        uint32_t epoch)
{
    if (home_has(h, HOME_MOVE))
        return false;
    return d->me.epoch <= epoch || ctx_option(ctx, "--stolen") != NULL ||
           ctx_option(ctx, "--lost") != NULL;
}

static enum err after_again(struct ctx *ctx, struct home *h)
{
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_RESTORE struct restore *r = NULL;
    AUTO_BLOB struct home_blob text = { 0 };
    AUTO_FREE struct restore_open *o = NULL;

    TRY(ctx_day(ctx, h, &d));
    TRY(restore_look(h, &text, &o));
    if (o->n_lines == 0 || !wants_after(ctx, h, d, o->epoch))
        return OK;
    TRY(load(ctx, h, &key, &r));
    MUST(r != NULL);
    return go_after(ctx, h, r, key);
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
    if (done) {
        (void)vault_restore_waits(ctx, &h);
        return after_again(ctx, &h);
    }
    TRY(load(ctx, &h, &key, &r));
    MUST(r != NULL);
    TRY(options_take(ctx, r));
    return go_on(ctx, &h, key, r, root);
}

/* Without arguments one card, typed at the terminal. */
static enum err read_cards(struct ctx *ctx, struct restore *r)
{
    if (ctx->n_args == 0)
        return restore_card_add(ctx, r, NULL);
    for (size_t i = 0; i < ctx->n_args; i++)
        TRY(restore_card_add(ctx, r, ctx->args[i]));
    return OK;
}

static enum err cmd_restore_card(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct root_key *root = NULL;
    AUTO_RESTORE struct restore *r = NULL;
    bool done = false;

    TRY(secret_new(&root));
    TRY(ctx_home(ctx, HOME_READ, &h));
    bool goes_on = home_has(&h, HOME_RESTORE);
    if (goes_on)
        TRY(show_file(ctx, &h, LOOK_DONE, &done));
    if (done)
        return OK;
    TRY(goes_on ? load(ctx, &h, &key, &r) : no_root_yet(ctx, &h));
    if (!goes_on)
        TRY(restore_new(ctx->params->rng, &r));
    MUST(r != NULL);
    TRY(read_cards(ctx, r));
    TRY(options_take(ctx, r));
    if (goes_on)
        return go_on(ctx, &h, key, r, root);
    home_close(&h);
    TRY(ctx_home(ctx, HOME_MAKE, &h));
    TRY(ctx_new_key(ctx, &key));
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
                     "your circle sheet: all links in it, and what opens "
                     "cards; - is standard input" },
                   { "--deadline", "TIME", "how long to wait for answers (10s)" } },
      .run = cmd_restore_start },
    { .path = "restore",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Goes on with the restore: one round to all guardians.",
      .options = { { "--accept", "WORDS", "the four words that name your key" },
                   { "--name", "NAME", "your name, as your guardians know you" },
                   { "--sources-differ", NULL,
                     "the links came from different people, each by a way you knew" },
                   { "--old-root", NULL,
                     "the key those words name, though it was replaced" },
                   { "--lost", NULL, "the old machine is in nobody's hands" },
                   { "--stolen", NULL,
                     "somebody may have it: the root key is replaced too" } },
      .run = cmd_restore },
    { .path = "restore card",
      .args = "[FILE…]",
      .max = ARGS_MANY,
      .key = MAKES_HOME,
      .help =
          "Takes the pieces of cards in, typed or from files (words, text, a picture; "
          "- is standard input), and begins or goes on with a restore.",
      .options = { { "--no-passphrase", NULL, "leave the key unlocked on this machine" },
                   { "--accept", "WORDS", "the four words that name your key" },
                   { "--name", "NAME", "your name, as your guardians know you" },
                   { "--sources-differ", NULL,
                     "the links came from different people, each by a way you knew" },
                   { "--old-root", NULL,
                     "the key those words name, though it was replaced" },
                   { "--lost", NULL, "the old machine is in nobody's hands" },
                   { "--stolen", NULL,
                     "somebody may have it: the root key is replaced too" } },
      .run = cmd_restore_card },
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
