/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd.h"
#include "client/timer.h"

static enum err import_read(const struct ctx *ctx, struct root_key *out)
{
    struct term *t = ctx->term;
    const char *path = ctx_option(ctx, "--import-root");
    const size_t cap = 2 * KEY_BYTES + 16;
    AUTO_SECRET void *text = NULL;
    TRY(secret_alloc(cap, &text));
    size_t n = 0;
    TRY(term_read(t, path, (struct span){ text, cap }, &n));
    const uint8_t *p = text;
    while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r' || p[n - 1] == ' '))
        n--;
    if (hex_decode(bytes_of(text, n), (struct span){ out->b, KEY_BYTES }) == OK)
        return OK;
    return term_fail(t, ERR_ARG, NULL,
                     "The file for --import-root holds no root key: 64 hex digits are "
                     "expected.");
}

static enum err name_get(const struct ctx *ctx, char *out, size_t cap)
{
    const char *given = ctx_option(ctx, "--name");
    const struct ask a = {
        .text = "Your name",
        .flag = "--name NAME",
        .note =
            "Your guardians will see this name when you ask them for help. Choose the "
            "one they know you by.",
    };
    if (given == NULL)
        TRY(term_ask(ctx->term, &a, out, cap));
    else
        (void)snprintf(out, cap, "%s", given);
    return ctx_text(ctx, "The name", given != NULL ? given : out, NAME_MAX_BYTES);
}

static void init_answer(struct term *t, const char *name, struct bytes words, bool was)
{
    if (t->json) {
        term_json(
            t, "init",
            json_pack("{s:s, s:o}", "name", name, "fingerprint", json_slice(words)));
        return;
    }
    if (was)
        term_say(t, "This is the home of %s. Its root key is as it was:", name);
    else
        term_say(t, "Your root key is made and locked away on this machine. These four "
                    "words name it; they are no secret, and after a restore they must be "
                    "the same:");
    term_answer(t, "%.*s", (int)words.n, (const char *)words.p);
    if (was)
        return;
    term_say(t, "Now ask people you trust to be your guardians. Each of them sends you "
                "an invite; add them one by one:");
    term_say(t, "  kith guardian add NAME LINK");
}

static enum err cmd_init(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct root_key *import = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_DAY struct day *d = NULL;
    char name[NAME_MAX_BYTES + 1];
    struct make_root how = { .name = name };
    if (ctx_option(ctx, "--import-root") != NULL) {
        TRY(secret_new(&import));
        TRY(import_read(ctx, import));
        how.import = import;
    }
    TRY(name_get(ctx, name, sizeof name));
    TRY(ctx_home(ctx, HOME_MAKE, &h));
    bool was = home_has(&h, HOME_ROOT);
    TRY(ctx_make_root(ctx, &h, &how, &u));
    TRY(ctx_day(ctx, &h, &d));
    init_answer(ctx->term, name, d->me.fingerprint, was);
    TRY(timer_offer(ctx, d));
    return ctx_day_save(ctx, &h, d);
}

static enum err cmd_root_fingerprint(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_day(ctx, &h, &d));
    if (d->me.fingerprint.n == 0)
        return ctx_no_root(ctx);
    /* Made again from the key, so that an altered file does not speak for it. */
    char words[WORDS_TEXT];
    TRY(ctx_fingerprint(ctx, d->me.owner, words));
    if (ctx->term->json)
        term_json(ctx->term, "fingerprint", json_pack("{s:s}", "fingerprint", words));
    else
        term_answer(ctx->term, "%s", words);
    return OK;
}

static const struct command rows[] = {
    { .path = "init",
      .args = "--name NAME",
      .key = MAKES_HOME,
      .help = "Makes your root key and prints the four words that name it.",
      .options = { { "--name", "NAME", "the name your guardians know you by" },
                   { "--no-passphrase", NULL, "leave the key unlocked on this machine" },
                   { "--import-root", "FILE", "use this root key (64 hex digits)" } },
      .run = cmd_init },
    { .path = "root fingerprint",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Prints the four words that name your root key.",
      .run = cmd_root_fingerprint },
};

const struct command_table cmd_init_table = COMMANDS(rows);
