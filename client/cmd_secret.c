/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "client/cmd_secret_part.h"
#include "client/cmd_vault.h"

/* ---- the vault for one command ---- */

static enum err vault_failed(const struct ctx *ctx, enum err e, const char *what)
{
    if (e == ERR_UNKNOWN)
        return ctx_no_root(ctx);
    if (e == ERR_CORRUPT)
        return term_fail_as(ctx->term, e, EXIT_INTEGRITY, NULL,
                            "Your guardians' nodes have it too, if it was pushed.",
                            "kith vault pull", "%s", what);
    return term_fail(ctx->term, e, NULL, "The vault of this home cannot be opened.");
}

static enum err open_all(const struct ctx *ctx, struct shelf *s)
{
    char what[VAULT_WHAT] = "";

    TRY(ctx_home(ctx, HOME_READ, &s->home));
    TRY(ctx_day(ctx, &s->home, &s->day));
    TRY(ctx_vault_keys(ctx, &s->home, s->day));
    enum err e = vault_rekey(&s->home, s->day, ctx_now(ctx), ctx->params->rng, what);
    if (e == OK)
        e = vault_open(&s->home, s->day, VAULT_WHOLE, what, &s->vault);
    if (e == OK)
        e = vault_held_begin(&s->home, s->vault, ctx->params->rng);
    return e == OK ? OK : vault_failed(ctx, e, what);
}

enum err shelf_open(const struct ctx *ctx, struct shelf *io)
{
    shelf_close(io);
    /* In its place: the vault points to the home. */
    enum err e = open_all(ctx, io);
    if (e != OK)
        shelf_close(io);
    return e;
}

void shelf_close(struct shelf *s)
{
    vault_free(s->vault);
    day_free(s->day);
    home_close(&s->home);
    *s = (struct shelf)SHELF_EMPTY;
}

char *item_text(struct bytes text)
{
    char *s = calloc(text.n + 1, 1);

    MUST(s != NULL);
    if (text.n > 0)
        memcpy(s, text.p, text.n);
    return s;
}

void next_of(const char *command, const char *name, const char *tail, char out[NEXT_TEXT])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789._/@:+-";
    bool bare = name[0] != '-' && strspn(name, plain) == strlen(name);
    const char *quote = bare ? "" : "'";

    /* What would end the quotes is left to the person. */
    if (name[0] == 0 || name[0] == '-' || strchr(name, '\'') != NULL)
        (void)snprintf(out, NEXT_TEXT, "kith %s NAME%s", command, tail);
    else
        (void)snprintf(out, NEXT_TEXT, "kith %s %s%.300s%s%s", command, quote, name,
                       quote, tail);
}

/* ---- finding ---- */

enum { NAMES_LOOKED_AT = 500 };

/* The closest name, for who mistyped one; "" where none is close. */
static void closest(const struct shelf *s, const char *typed, char *out, size_t cap)
{
    char *names[NAMES_LOOKED_AT];
    size_t n = vault_count(s->vault);

    n = n < NAMES_LOOKED_AT ? n : NAMES_LOOKED_AT;
    for (size_t i = 0; i < n; i++)
        names[i] = item_text(vault_at(s->vault, i)->name);
    const char *found = suggest(typed, (const char *const *)names, n);
    (void)snprintf(out, cap, "%s", found != NULL ? found : "");
    for (size_t i = 0; i < n; i++)
        free(names[i]);
}

static enum err not_there(const struct ctx *ctx, const struct shelf *s, const char *name)
{
    char close[VAULT_NAME_MAX + 1];
    char why[TERM_TEXT];
    char next[NEXT_TEXT];

    next_of("secret history", name, "", next);
    if (vault_gone_find(s->vault, bytes_text(name)) != NULL)
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "removed",
                            "Its contents can still be had.", next, "\"%s\" was removed.",
                            name);
    closest(s, name, close, sizeof close);
    if (close[0] != 0)
        (void)snprintf(why, sizeof why, "Did you mean \"%s\"?", close);
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, NULL,
                        close[0] != 0 ? why : "No item of that name is in the vault.",
                        "kith secret list", "There is no item \"%s\".", name);
}

enum err shelf_find(const struct ctx *ctx, const struct shelf *s, const char *name,
                    const struct vault_item **out)
{
    const struct vault_item *item = vault_find(s->vault, bytes_text(name));

    if (item == NULL)
        return not_there(ctx, s, name);
    *out = item;
    return OK;
}

enum err shelf_find_ever(const struct ctx *ctx, const struct shelf *s, const char *name,
                         const struct vault_item **out)
{
    const struct vault_item *item = vault_find(s->vault, bytes_text(name));

    if (item == NULL)
        item = vault_gone_find(s->vault, bytes_text(name));
    if (item == NULL)
        return not_there(ctx, s, name);
    *out = item;
    return OK;
}

enum err shelf_content(const struct ctx *ctx, const struct shelf *s,
                       const struct vault_item *item, unsigned back,
                       struct home_blob *out)
{
    enum err e = vault_content(s->vault, item, back, out);
    char next[NEXT_TEXT];

    if (e == OK)
        return OK;
    next_of("secret history", ctx->args[0], "", next);
    if (e == ERR_UNKNOWN)
        return term_fail_as(ctx->term, e, EXIT_NONE, "no-such-version",
                            "The history lists what there is.", next,
                            "There is no such earlier content of it.");
    if (e == ERR_CORRUPT)
        return vault_failed(ctx, e, vault_what(s->vault));
    return term_fail(ctx->term, e, NULL, "The item cannot be read.");
}

/* ---- changing ---- */

enum err shelf_failed(const struct ctx *ctx, const struct shelf *s, enum err e,
                      const char *name)
{
    struct term *t = ctx->term;
    char next[NEXT_TEXT];

    if (e == OK)
        return OK;
    next_of("secret edit", name, "", next);
    if (e == ERR_EXISTS)
        return term_fail_as(t, e, EXIT_USAGE, "name-taken", "Names are unique.", next,
                            "There is an item \"%s\" already.", name);
    if (e == ERR_TOO_BIG)
        return term_fail(t, e, NULL,
                         "The vault has no room for it: one item may have "
                         "64 MiB, and there may be 20,000 items.");
    if (e == ERR_CORRUPT)
        return vault_failed(ctx, e, vault_what(s->vault));
    if (e == ERR_DISK_FULL)
        return term_fail(t, e, NULL, "The disk is full. Nothing was changed.");
    return term_fail(t, e, NULL, "The vault could not be written. Nothing was changed.");
}

enum err shelf_save(struct ctx *ctx, struct shelf *s)
{
    return shelf_failed(ctx, s, vault_save(s->vault, ctx_now(ctx), ctx->params->rng), "");
}

void shelf_push(struct ctx *ctx, struct shelf *s)
{
    bool sealed = s->day->me.epoch != 0;
    bool alone = s->day->n_guardians == 0;

    shelf_close(s);
    if (ctx_option(ctx, "--no-push") == NULL && vault_carry(ctx))
        return;
    if (sealed)
        term_say(ctx->term, "It is on this machine only, until your guardians have it. "
                            "Next: kith vault push");
    else
        term_say(ctx->term,
                 "It is on this machine only: there is no sealed circle yet "
                 "that could give it back. Next: %s",
                 alone ? "kith guardian add NAME LINK" : "kith circle seal");
}

/* ---- JSON ---- */

static json_t *version_json(const struct vault_ref *ref, unsigned back)
{
    return json_pack("{s:i, s:o, s:o, s:I}", "version", (int)back, "changed",
                     json_time(ref->changed), "device", json_hex(ref->device, ID_BYTES),
                     "size", (json_int_t)ref->size);
}

json_t *item_json(const struct vault_item *item)
{
    json_t *versions = json_array();

    for (uint32_t i = 0; i < item->n_now; i++)
        (void)json_array_append_new(versions, version_json(&item->now[i], 0));
    for (uint32_t i = 0; i < item->n_past; i++)
        (void)json_array_append_new(versions, version_json(&item->past[i], i + 1));
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                     json_slice(item->name), "id", json_hex(item->id, ID_BYTES), "type",
                     vault_type_name(item->type), "user", json_slice(item->user), "url",
                     json_slice(item->url), "hint", json_slice(item->hint), "made",
                     json_time(item->made), "changed", json_time(item->changed),
                     "removed", json_time(item->removed), "versions", versions);
}

/* ---- the table ---- */

#define OPTION_FILE                                                                      \
    {                                                                                    \
        "--file", "FILE", "the secret is this file; - is standard input"                 \
    }
#define OPTION_TYPE                                                                      \
    {                                                                                    \
        "--type", "TYPE", "note, password, totp, codes, key or file"                     \
    }
#define OPTION_USER                                                                      \
    {                                                                                    \
        "--user", "NAME", "the user name that goes with it"                              \
    }
#define OPTION_URL                                                                       \
    {                                                                                    \
        "--url", "URL", "where it is used"                                               \
    }
#define OPTION_HINT                                                                      \
    {                                                                                    \
        "--hint", "TEXT", "how to use it after everything else is lost"                  \
    }
#define OPTION_MAKE                                                                      \
    {                                                                                    \
        "--make", NULL, "make up a password"                                             \
    }
#define OPTION_LENGTH                                                                    \
    {                                                                                    \
        "--length", "N", "of so many letters (24)"                                       \
    }
#define OPTION_SHOW                                                                      \
    {                                                                                    \
        "--show", NULL, "also on a screen"                                               \
    }
#define OPTION_NO_PUSH                                                                   \
    {                                                                                    \
        "--no-push", NULL, "keep it on this machine for now"                             \
    }

static const struct command rows[] = {
    { .path = "secret add",
      .args = "NAME [- | @FILE]",
      .min = 1,
      .max = 2,
      .key = NEEDS_DAY,
      .help = "Keeps a new secret; it is typed, hidden, unless a file is given.",
      .options = { OPTION_FILE, OPTION_MAKE, OPTION_LENGTH, OPTION_TYPE, OPTION_USER,
                   OPTION_URL, OPTION_HINT, OPTION_NO_PUSH },
      .run = cmd_secret_add },
    { .path = "secret edit",
      .args = "NAME [- | @FILE]",
      .min = 1,
      .max = 2,
      .key = NEEDS_DAY,
      .help = "Changes an item. The content before stays in its history.",
      .options = { OPTION_FILE,
                   OPTION_MAKE,
                   OPTION_LENGTH,
                   { "--name", "NAME", "a new name" },
                   OPTION_TYPE,
                   OPTION_USER,
                   OPTION_URL,
                   OPTION_HINT,
                   { "--back", "N",
                     "make the N-th content before this one the present one again" },
                   OPTION_NO_PUSH },
      .run = cmd_secret_edit },
    { .path = "secret get",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Writes a secret, exactly, to a program or a file.",
      .options = { { "--back", "N", "the N-th content before the present one" },
                   { "--next", NULL, "the next unused recovery code, marked as used" },
                   OPTION_SHOW,
                   OPTION_NO_PUSH },
      .run = cmd_secret_get },
    { .path = "secret otp",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Prints the one-time code of this moment.",
      .run = cmd_secret_otp },
    { .path = "secret list",
      .args = "[WORD]",
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Lists what is kept, or those whose name has WORD in it; never contents.",
      .options = { OPTION_TYPE,
                   { "--removed", NULL, "what was removed and can still be had" } },
      .run = cmd_secret_list },
    { .path = "secret show",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Shows what is known about an item, never its content.",
      .options = { { "--howto", NULL, "only the lines that use it" } },
      .run = cmd_secret_show },
    { .path = "secret history",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Lists the contents an item had, also of a removed one.",
      .run = cmd_secret_history },
    { .path = "secret remove",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Takes an item off the list; its history can be had for a while.",
      .options = { OPTION_NO_PUSH },
      .run = cmd_secret_remove },
    { .path = "secret export",
      .args = "DIRECTORY",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Writes everything, open, into a new directory.",
      .run = cmd_secret_export },
    { .path = "secret import",
      .args = "FILE",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Takes in an unencrypted JSON export of Bitwarden.",
      .options = { OPTION_NO_PUSH },
      .run = cmd_secret_import },
    { .path = "secret exec",
      .args = "NAME[=VAR]… -- COMMAND [ARGS…]",
      .min = 1,
      .max = ARGS_MANY,
      .tail = true,
      .key = NEEDS_DAY,
      .help = "Runs a command that finds each secret in a file only it can read.",
      .run = cmd_secret_exec },
};

const struct command_table cmd_secret_table = COMMANDS(rows);
