/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd.h"

static const char *const needs[] = {
    [NEEDS_NOTHING] = "",
    [NEEDS_DAY] = "Needs no passphrase.",
    [NEEDS_ROOT] = "Needs the passphrase, if the home has one.",
    [MAKES_HOME] = "Makes the home if there is none, and then asks for a new passphrase.",
};

static const struct word {
    const char *people, *field, *meaning;
} glossary[] = {
    { "circle", "access structure, roster",
      "the guardians of one owner, and how many of them are needed" },
    { "guardian", "shareholder", "a person with own keys who agreed to help" },
    { "node", "server", "the machine that runs kithd" },
    { "seat", "tenant", "one guardian's place at a node" },
    { "ward", "account", "one owner's place at a seat" },
    { "piece", "share", "what one guardian keeps; useless alone" },
    { "card", "paper share", "a piece as 33 words on paper" },
    { "restore", "recovery", "getting the root key back" },
    { "request", "ceremony", "one talk between a guardian and a person, on record" },
    { "call words", "short authentication string",
      "four words that prove which device is on the line" },
    { "fingerprint words", "key fingerprint", "four words that name an owner's key" },
    { "approve, refuse", "signed statement", "the guardian's decision" },
    { "confirm", "consent and authentication",
      "guardian and owner spoke with each other" },
    { "hold", "time lock", "how long an approved piece waits before it may go" },
    { "stop, freeze", "abort, lock-out", "someone says no in time" },
    { "check, drill", "proof of storage, proof of possession",
      "evidence that the pieces are still there" },
    { "replace", "epoch change, key rotation", "a new circle, or a new root" },
    { "vault", "encrypted object store", "the owner's data kept at each guardian" },
    { "sheet", "recovery descriptor", "paper that says whom to ask, and how" },
    { "link", "bootstrap credential", "one line that lets somebody in once" },
    { "spoken code", "bootstrap credential",
      "an address and 18 letters that stand for a link, for the telephone" },
    { "box", "sealed box, AEAD", "what only one guardian can open" },
    { "manifest", "manifest", "what an epoch consists of, signed by the owner" },
};

static void line(struct term *t, unsigned indent, const char *text)
{
    term_wrap(t->out, text, indent, t->width);
}

static void show_options(struct term *t, const struct option *o)
{
    for (; o->name != NULL; o++) {
        (void)fprintf(t->out, "  %s%s%s\n", o->name, o->value != NULL ? " " : "",
                      o->value != NULL ? o->value : "");
        line(t, 8, o->help);
    }
}

static void usage_line(FILE *to, const struct command *c, const char *lead)
{
    (void)fprintf(to, "%skith%s%s%s%s\n", lead, c->path[0] != 0 ? " " : "", c->path,
                  c->args[0] != 0 ? " " : "", c->args);
}

static void show_command(struct term *t, const struct command *c)
{
    usage_line(t->out, c, "");
    line(t, 0, c->help);
    if (needs[c->key][0] != 0)
        line(t, 0, needs[c->key]);
    if (c->options[0].name == NULL)
        return;
    (void)fputs("\nOptions:\n", t->out);
    show_options(t, c->options);
}

static void show_rows(const struct ctx *ctx, const char *prefix)
{
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++) {
            const struct command *c = &(*t)->rows[i];
            if (strncmp(c->path, prefix, strlen(prefix)) != 0)
                continue;
            usage_line(ctx->term->out, c, "  ");
            line(ctx->term, 8, c->help);
        }
    }
}

static void show_all(const struct ctx *ctx)
{
    struct term *t = ctx->term;
    line(t, 0, "kith gives your keys back through the people you trust.");
    (void)fputs("\nCommands:\n", t->out);
    show_rows(ctx, "");
    (void)fputs("\nWith every command:\n", t->out);
    show_options(t, global_options);
    (void)fputs("\nEnvironment:\n  KITH_HOME=DIR\n", t->out);
    line(t, 8, "the home; otherwise ~/.kith");
    (void)fputs("  KITH_PASSPHRASE_FD=N, KITH_PASSPHRASE_COMMAND=COMMAND\n", t->out);
    line(t, 8, "where the passphrase comes from");
    (void)fputs("\nkith help COMMAND says more; kith help glossary explains the words.\n",
                t->out);
}

static void show_glossary(struct term *t)
{
    for (size_t i = 0; i < sizeof glossary / sizeof glossary[0]; i++) {
        char text[256];
        const struct word *w = &glossary[i];
        (void)snprintf(text, sizeof text, "%s: %s (%s).", w->people, w->meaning,
                       w->field);
        line(t, 0, text);
    }
}

/* ---- the manual page's tables, in scdoc's language ---- */

static void man_text(FILE *to, const char *text)
{
    for (; text[0] != 0; text++) {
        if (strchr("_*\\#`<", text[0]) != NULL)
            (void)fputc('\\', to);
        (void)fputc(text[0], to);
    }
}

static void man_option(FILE *to, const struct option *o)
{
    (void)fputs("*", to);
    man_text(to, o->name);
    (void)fputs("*", to);
    if (o->value != NULL) {
        (void)fputs(" _", to);
        man_text(to, o->value);
        (void)fputs("_", to);
    }
    (void)fputs("\n\t", to);
    man_text(to, o->help);
    (void)fputs("\n\n", to);
}

static void man_command(FILE *to, const struct command *c)
{
    (void)fprintf(to, "*kith%s%s* ", c->path[0] != 0 ? " " : "", c->path);
    man_text(to, c->args);
    (void)fputs("\n\t", to);
    man_text(to, c->help);
    if (needs[c->key][0] != 0)
        (void)fprintf(to, " %s", needs[c->key]);
    (void)fputs("\n\n", to);
}

static void show_man(const struct ctx *ctx)
{
    FILE *to = ctx->term->out;
    (void)fputs("# COMMANDS\n\n", to);
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++)
            man_command(to, &(*t)->rows[i]);
    }
    (void)fputs("# OPTIONS OF EVERY COMMAND\n\n", to);
    for (const struct option *o = global_options; o->name != NULL; o++)
        man_option(to, o);
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++) {
            const struct command *c = &(*t)->rows[i];
            if (c->options[0].name == NULL)
                continue;
            (void)fprintf(to, "# OPTIONS OF KITH%s%s\n\n", c->path[0] != 0 ? " " : "",
                          c->path);
            for (const struct option *o = c->options; o->name != NULL; o++)
                man_option(to, o);
        }
    }
}

/* ---- commands ---- */

/* The command that path names, or whose values follow its name: "card print Ada". */
static const struct command *command_of(const struct ctx *ctx, const char *path)
{
    const struct command *best = NULL;
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++) {
            const struct command *c = &(*t)->rows[i];
            size_t n = strlen(c->path);
            bool fits = strncmp(c->path, path, n) == 0 &&
                        (path[n] == 0 || (n > 0 && path[n] == ' ' && c->max > 0));
            if (fits && (best == NULL || n > strlen(best->path)))
                best = c;
        }
    }
    return best;
}

static enum err help_about(const struct ctx *ctx, const char *path)
{
    const struct command *c = command_of(ctx, path);
    char group[136];
    (void)snprintf(group, sizeof group, "%s ", path);
    bool any = c != NULL;
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++)
            any = any || strncmp((*t)->rows[i].path, group, strlen(group)) == 0;
    }
    if (!any)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "unknown-command",
                            "The help text lists the commands.", "kith help",
                            "There is no command \"kith %s\".", path);
    if (c != NULL)
        show_command(ctx->term, c);
    show_rows(ctx, group);
    return OK;
}

static enum err cmd_help(struct ctx *ctx)
{
    char path[128] = "";
    for (size_t i = 0; i < ctx->n_args; i++) {
        size_t at = strlen(path);
        (void)snprintf(path + at, sizeof path - at, "%s%s", i > 0 ? " " : "",
                       ctx->args[i]);
    }
    if (path[0] == 0)
        show_all(ctx);
    else if (strcmp(path, "glossary") == 0)
        show_glossary(ctx->term);
    else if (strcmp(path, "man") == 0)
        show_man(ctx);
    else
        return help_about(ctx, path);
    return OK;
}

static enum err cmd_version(struct ctx *ctx)
{
    if (ctx->term->json)
        term_json(ctx->term, "version", json_pack("{s:s}", "version", KITH_VERSION));
    else
        term_answer(ctx->term, "kith %s", KITH_VERSION);
    return OK;
}

static const struct command rows[] = {
    { .path = "help",
      .args = "[COMMAND | glossary]",
      .max = ARGS_MANY,
      .key = NEEDS_NOTHING,
      .help = "Says what there is, what one command does, or what the words mean.",
      .run = cmd_help },
    { .path = "version",
      .args = "",
      .key = NEEDS_NOTHING,
      .help = "Prints the version of this program.",
      .run = cmd_version },
};

const struct command_table cmd_help_table = COMMANDS(rows);
