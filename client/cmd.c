/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd.h"

#include <poll.h>
#include <time.h>

static uint64_t clock_now(void)
{
    return (uint64_t)time(NULL);
}

const struct params params_shipped = {
    .now = clock_now,
    .rng = &crypt_random,
    .cost = { .mem = (size_t)64 << 20, .passes = 3 },
    .home_cost = { .mem = (size_t)64 << 20, .passes = 3 },
    .round_ms = CALL_ROUND_MS,
};

const struct option global_options[] = {
    { "--json", NULL, "one JSON document on standard output" },
    { "--no-input", NULL, "never ask; what is missing is an error" },
    { "--yes", "WORD", "the word a dangerous step asks for" },
    { "--passphrase-file", "FILE", "the passphrase is its first line" },
    { "--passphrase-fd", "N", "the passphrase comes on this descriptor" },
    { "--help", NULL, "what a command does" },
    { "-h", NULL, "the same" },
    { "--version", NULL, "version of this program" },
    { 0 },
};

/* ---- looking up ---- */

const struct command *cmd_find(const struct command_table *const *tables,
                               const char *path)
{
    for (; *tables != NULL; tables++) {
        for (size_t i = 0; i < (*tables)->n; i++) {
            if (strcmp((*tables)->rows[i].path, path) == 0)
                return &(*tables)->rows[i];
        }
    }
    return NULL;
}

static const struct option *option_in(const struct option *list, const char *name,
                                      size_t n)
{
    for (; list->name != NULL; list++) {
        if (strlen(list->name) == n && strncmp(list->name, name, n) == 0)
            return list;
    }
    return NULL;
}

/* An option of any command: whether it takes a value must not depend on order. */
static const struct option *option_any(const struct ctx *ctx, const char *name, size_t n)
{
    const struct option *o = option_in(global_options, name, n);
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; o == NULL && i < (*t)->n; i++)
            o = option_in((*t)->rows[i].options, name, n);
    }
    return o;
}

/* ---- suggestions ---- */

enum { NAMES_MAX = 256 };

struct names {
    const char *list[NAMES_MAX];
    size_t n;
};

static void add_name(struct names *names, const char *name)
{
    if (names->n < NAMES_MAX && name[0] != 0)
        names->list[names->n++] = name;
}

static const char *closest_option(const struct ctx *ctx, const char *typed)
{
    struct names names = { 0 };
    for (const struct option *o = global_options; o->name != NULL; o++)
        add_name(&names, o->name);
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++) {
            const struct option *o = (*t)->rows[i].options;
            for (; o->name != NULL; o++)
                add_name(&names, o->name);
        }
    }
    return suggest(typed, names.list, names.n);
}

static const char *closest_command(const struct ctx *ctx, const char *typed)
{
    struct names names = { 0 };
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++)
            add_name(&names, (*t)->rows[i].path);
    }
    return suggest(typed, names.list, names.n);
}

/* What is wrong about the line: a sentence in three parts, about being what was typed. */
static enum err usage(const struct ctx *ctx, const char *id, const char *why,
                      const char *lead, const char *about, const char *tail)
{
    char next[128] = "kith help";
    if (ctx->command != NULL && ctx->command->path[0] != 0)
        (void)snprintf(next, sizeof next, "kith help %s", ctx->command->path);
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, id, why, next, "%s%s%s", lead,
                        about, tail);
}

static enum err unknown_option(const struct ctx *ctx, const char *typed)
{
    char why[128] = "Options are spelled out, as in the help text.";
    const char *close = closest_option(ctx, typed);
    if (close != NULL)
        (void)snprintf(why, sizeof why, "Did you mean %s?", close);
    return usage(ctx, "unknown-option", why, "There is no option ", typed, ".");
}

/* Whether commands begin with what was typed: "alert", "circle". */
static bool is_group(const struct ctx *ctx, const char *typed)
{
    size_t n = strlen(typed);
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++) {
            const char *path = (*t)->rows[i].path;
            if (n > 0 && strncmp(path, typed, n) == 0 && path[n] == ' ')
                return true;
        }
    }
    return false;
}

static enum err unknown_command(const struct ctx *ctx, const char *typed)
{
    if (is_group(ctx, typed)) {
        char next[128];
        (void)snprintf(next, sizeof next, "kith help %s", typed);
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "unknown-command",
                            "There are several commands that begin so.", next,
                            "A word is missing after \"kith %s\".", typed);
    }
    char why[128] = "The help text lists the commands.";
    const char *close = closest_command(ctx, typed);
    if (close != NULL)
        (void)snprintf(why, sizeof why, "Did you mean \"kith %s\"?", close);
    return usage(ctx, "unknown-command", why, "There is no command \"kith ", typed,
                 "\".");
}

/* ---- reading the command line ---- */

static enum err give(struct ctx *ctx, const char *name, const char *value)
{
    if (ctx->n_given == ARGS_MAX)
        return usage(ctx, "too-many", "", "There are too many options", "", ".");
    ctx->given[ctx->n_given++] = (struct given){ name, value };
    return OK;
}

/* Takes one option at argv[*at], and its value. */
static enum err take_option(struct ctx *ctx, int argc, const char *const *argv, int *at)
{
    const char *typed = argv[*at];
    size_t n = strcspn(typed, "=");
    const struct option *o = option_any(ctx, typed, n);
    if (o == NULL)
        return unknown_option(ctx, typed);
    bool joined = typed[n] == '=';
    if (o->value == NULL && joined)
        return usage(ctx, "bad-option", "", "The option ", o->name, " takes no value.");
    if (o->value == NULL)
        return give(ctx, o->name, "");
    if (joined)
        return give(ctx, o->name, typed + n + 1);
    if (*at + 1 >= argc)
        return usage(ctx, "bad-option", "", "The option ", o->name, " needs a value.");
    (*at)++;
    return give(ctx, o->name, argv[*at]);
}

static enum err take_word(struct ctx *ctx, const char *word)
{
    if (ctx->n_args == ARGS_MAX)
        return usage(ctx, "too-many", "", "There are too many words", "", ".");
    ctx->args[ctx->n_args++] = word;
    return OK;
}

/* Words of path that the arguments begin with; 0 unless all of path. */
static size_t path_words(const struct ctx *ctx, const char *path)
{
    size_t words = 0;
    while (path[0] != 0) {
        size_t n = strcspn(path, " ");
        if (words == ctx->n_args || strlen(ctx->args[words]) != n ||
            strncmp(ctx->args[words], path, n) != 0)
            return 0;
        words++;
        path += n + (path[n] == ' ');
    }
    return words;
}

static size_t find_command(struct ctx *ctx)
{
    size_t best = 0;
    if (ctx->n_args == 0)
        ctx->command = cmd_find(ctx->tables, "");
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++) {
            size_t words = path_words(ctx, (*t)->rows[i].path);
            if (words <= best)
                continue;
            best = words;
            ctx->command = &(*t)->rows[i];
        }
    }
    return best;
}

static enum err take_words(struct ctx *ctx, int argc, const char *const *argv)
{
    int i = 0;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (argv[i][0] == '-' && argv[i][1] != 0)
            TRY(take_option(ctx, argc, argv, &i));
        else
            TRY(take_word(ctx, argv[i]));
    }
    i++;
    if (i < argc && find_command(ctx) > 0 && ctx->command->tail) {
        ctx->tail = argv + i;
        ctx->n_tail = (size_t)(argc - i);
        return OK;
    }
    for (; i < argc; i++)
        TRY(take_word(ctx, argv[i]));
    return OK;
}

/* "guard invte": the first two words, for the message and the suggestion. */
static enum err no_such_command(const struct ctx *ctx)
{
    char typed[96] = "";
    if (ctx->n_args == 1)
        (void)snprintf(typed, sizeof typed, "%.40s", ctx->args[0]);
    else if (ctx->n_args > 1)
        (void)snprintf(typed, sizeof typed, "%.40s %.40s", ctx->args[0], ctx->args[1]);
    return unknown_command(ctx, typed);
}

/* Whether further words after path may name a command. */
static bool has_children(const struct ctx *ctx, const char *path)
{
    size_t n = strlen(path);
    for (const struct command_table *const *t = ctx->tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++) {
            const char *other = (*t)->rows[i].path;
            if (strncmp(other, path, n) == 0 && other[n] == ' ')
                return true;
        }
    }
    return false;
}

static enum err choose_command(struct ctx *ctx)
{
    size_t words = find_command(ctx);
    const struct command *c = ctx->command;
    /* A group's own command takes no words: what follows was meant as a command. */
    if (c == NULL || (c->max == 0 && ctx->n_args > words && has_children(ctx, c->path))) {
        ctx->command = NULL;
        return no_such_command(ctx);
    }
    ctx->n_args -= words;
    memmove(ctx->args, ctx->args + words, ctx->n_args * sizeof ctx->args[0]);
    return OK;
}

static enum err check_command(const struct ctx *ctx)
{
    const struct command *c = ctx->command;
    MUST(c != NULL);
    for (size_t i = 0; i < ctx->n_given; i++) {
        const char *name = ctx->given[i].name;
        size_t n = strlen(name);
        if (option_in(global_options, name, n) == NULL &&
            option_in(c->options, name, n) == NULL)
            return usage(ctx, "unknown-option", "It belongs to another command.",
                         "This command has no option ", name, ".");
    }
    char line[256];
    (void)snprintf(line, sizeof line, "Usage: kith %s %s", c->path, c->args);
    if (ctx->n_args < c->min)
        return usage(ctx, "missing-value", line, "Something is missing after \"kith ",
                     c->path, "\".");
    if (c->max != ARGS_MANY && ctx->n_args > c->max)
        return usage(ctx, "too-many", line, "\"", ctx->args[c->max],
                     "\" is too much here.");
    return OK;
}

static enum err apply_globals(struct ctx *ctx)
{
    struct term *t = ctx->term;
    t->json = t->json || ctx_option(ctx, "--json") != NULL;
    if (ctx_option(ctx, "--no-input") != NULL)
        t->ask = false;
    for (const char *word = NULL;
         (word = ctx_option_at(ctx, "--yes", t->n_yes)) != NULL;) {
        if (t->n_yes == TERM_YES)
            return usage(ctx, "too-many", "", "--yes", "", " is given too often.");
        t->yes[t->n_yes++] = word;
    }
    const char *file = ctx_option(ctx, "--passphrase-file");
    if (file != NULL)
        t->passphrase_file = file;
    const char *fd = ctx_option(ctx, "--passphrase-fd");
    if (fd == NULL)
        return OK;
    uint64_t number = 0;
    if (number_parse(fd, 0, 65535, &number) != OK)
        return usage(ctx, "bad-value", "It takes a descriptor's number.", "", fd,
                     " is no descriptor.");
    t->passphrase_fd = (int)number;
    return OK;
}

/* The form of errors must be known before the first of them. */
static bool wants_json(int argc, const char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

enum err cmd_parse(struct ctx *ctx, int argc, const char *const *argv)
{
    ctx->term->json = wants_json(argc, argv);
    TRY(take_words(ctx, argc, argv));
    TRY(apply_globals(ctx));
    if (ctx_option(ctx, "--version") != NULL) {
        ctx->command = cmd_find(ctx->tables, "version");
        return ctx->command != NULL ? OK : ERR_UNKNOWN;
    }
    if (ctx_option(ctx, "--help") != NULL || ctx_option(ctx, "-h") != NULL) {
        ctx->command = cmd_find(ctx->tables, "help");
        return ctx->command != NULL ? OK : ERR_UNKNOWN;
    }
    TRY(choose_command(ctx));
    return check_command(ctx);
}

/* A pipe that nobody reads any more, as after "| head". */
static bool reader_is_gone(FILE *out)
{
    struct pollfd p = { .fd = fileno(out), .events = POLLOUT };
    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* An answer that was not written is not given. */
static enum exit_code not_written(struct term *t)
{
    if (reader_is_gone(t->out))
        return EXIT_PIPE;
    return term_show_problem(
        t, term_fail(t, ERR_IO, NULL, "The answer could not be written."));
}

enum exit_code cmd_run(struct ctx *ctx, int argc, const char *const *argv)
{
    enum err e = cmd_parse(ctx, argc, argv);
    MUST(e != OK || ctx->command != NULL);
    if (e == OK)
        e = ctx->command->run(ctx);
    if (e != OK)
        return term_show_problem(ctx->term, e);
    if (fflush(ctx->term->out) != 0 || ferror(ctx->term->out))
        return not_written(ctx->term);
    return ctx->exit;
}

const char *ctx_option_at(const struct ctx *ctx, const char *name, size_t i)
{
    for (size_t k = 0; k < ctx->n_given; k++) {
        if (strcmp(ctx->given[k].name, name) == 0 && i-- == 0)
            return ctx->given[k].value;
    }
    return NULL;
}

const char *ctx_option(const struct ctx *ctx, const char *name)
{
    for (size_t k = ctx->n_given; k > 0; k--) {
        if (strcmp(ctx->given[k - 1].name, name) == 0)
            return ctx->given[k - 1].value;
    }
    return NULL;
}

enum err ctx_duration(const struct ctx *ctx, const char *name, uint64_t otherwise,
                      uint64_t max_s, uint64_t *out_s)
{
    const char *text = ctx_option(ctx, name);
    if (text == NULL) {
        *out_s = otherwise;
        return OK;
    }
    enum err e = duration_parse(text, max_s, out_s);
    if (e == OK)
        return OK;
    char most[DURATION_TEXT];
    duration_text(max_s, most);
    if (e == ERR_TOO_BIG)
        return term_fail(ctx->term, ERR_ARG, NULL, "%s: at most %s are possible.", name,
                         most);
    return term_fail(ctx->term, ERR_ARG, NULL,
                     "%s: \"%s\" is no duration. Write a whole number with s, m, h or d.",
                     name, text);
}

uint64_t ctx_now(const struct ctx *ctx)
{
    return ctx->params->now();
}

enum err ctx_text(const struct ctx *ctx, const char *what, const char *text, size_t max)
{
    struct bytes b = bytes_text(text);
    if (b.n == 0)
        return term_fail(ctx->term, ERR_ARG, NULL, "%s is empty.", what);
    if (b.n > max)
        return term_fail(ctx->term, ERR_ARG, NULL, "%s is longer than %zu bytes.", what,
                         max);
    if (!wire_printable(b))
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "%s has characters that cannot be printed.", what);
    return OK;
}
