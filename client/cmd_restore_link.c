/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "client/cmd_restore_part.h"

enum { GIVEN = LINK_TEXT + ADDRESS_TEXT + 64, SHEET_MAX = 64 * 1024 };

/* One link or spoken code as it was given; secret memory. */
struct given_link {
    char text[GIVEN];
    size_t n;
    bool sheet; /* read from one */
    struct link link;
    struct address at;
    struct spoken_code code;
    struct spoken_keys keys;
};

static const char how_to_link[] = "Ask a guardian for a restore link (kith guard link).";

static enum err add(enum err e)
{
    return e == ERR_EXISTS ? OK : e;
}

/* Once is as good as twice; whose codes these are shows when their nodes answer. */
static enum err code_add(const struct ctx *ctx, struct restore *r, struct given_link *g)
{
    const struct params *p = ctx->params;

    term_progress(ctx->term, "Working out the code …");
    TRY(spoken_keys(&g->code, p->cost, &g->keys));
    return add(restore_add_spoken(r, &g->at, &g->keys, p->rng));
}

static enum err code_problem(struct term *t, enum err e)
{
    if (e == ERR_CHECKSUM)
        return term_fail_as(t, e, EXIT_USAGE, "mistyped",
                            "It has 18 letters and digits, and the last two check the "
                            "others. Compare it letter by letter with whoever read it to "
                            "you. Nothing was sent.",
                            NULL, "The spoken code is mistyped or incomplete.");
    if (e == ERR_ARG)
        return term_fail_as(t, e, EXIT_USAGE, NULL, how_to_link, NULL,
                            "An .onion address cannot be reached by this version. "
                            "Nothing was sent.");
    if (e != ERR_FORMAT)
        return e;
    return term_fail_as(t, ERR_FORMAT, EXIT_USAGE, NULL, how_to_link, NULL,
                        "This is no link of Kith, nor an address with a spoken code. "
                        "Nothing was sent.");
}

/* All links are read before anything is made or sent. */
static enum err text_add(const struct ctx *ctx, struct restore *r, struct given_link *g)
{
    struct term *t = ctx->term;
    struct bytes text = bytes_of(g->text, g->n);
    enum err e = link_parse(text, &g->link);

    if (e == OK && g->link.type != LINK_RESTORE)
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, NULL, how_to_link, NULL,
                            "This link is not for a restore. Nothing was sent.");
    if (e == OK && g->sheet)
        return add(restore_add_sheet(r, &g->link, ctx->params->rng));
    if (e == OK)
        return add(restore_add_link(r, &g->link, ctx->params->rng));
    if (e == ERR_CHECKSUM)
        return term_fail_as(t, e, EXIT_USAGE, "mistyped",
                            "Its checksum does not match. Nothing was sent.", NULL,
                            "The link is mistyped or incomplete.");
    if (e == ERR_VERSION)
        return term_fail_as(t, e, EXIT_USAGE, NULL, how_to_link, NULL,
                            "The link is of a later version of Kith. Nothing was sent.");
    if (e != ERR_FORMAT)
        return e;
    e = spoken_parse(text, &g->at, &g->code);
    return e == OK ? code_add(ctx, r, g) : code_problem(t, e);
}

/* ---- what stands on the command line ---- */

static bool stands_elsewhere(const char *arg)
{
    return arg[0] == '@' || (arg[0] == '-' && arg[1] == '\0');
}

/* A code may be typed as words of its own: "ben.example:7844 K7QX 2MVD 9HNT 4PRW C6". */
static bool goes_on(const char *first, const char *arg)
{
    return !stands_elsewhere(first) && strncasecmp(first, "KITH", 4) != 0 &&
           !stands_elsewhere(arg) && strchr(arg, ':') == NULL;
}

static enum err join(const struct ctx *ctx, size_t *io_at, struct given_link *g)
{
    const char *first = ctx->args[*io_at];
    struct span room = { (uint8_t *)g->text, sizeof g->text };

    TRY(term_value(ctx->term, first, room, &g->n));
    struct buf b = { .p = room.p, .cap = room.n, .n = g->n };
    while (++*io_at < ctx->n_args && goes_on(first, ctx->args[*io_at])) {
        buf_put_u8(&b, ' ');
        buf_put(&b, bytes_text(ctx->args[*io_at]));
    }
    g->n = b.n;
    return b.over ? code_problem(ctx->term, ERR_FORMAT) : OK;
}

static enum err args_add(const struct ctx *ctx, struct restore *r, struct given_link *g)
{
    for (size_t i = 0; i < ctx->n_args;) {
        TRY(join(ctx, &i, g));
        TRY(text_add(ctx, r, g));
    }
    return OK;
}

/* ---- what stands on a sheet ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_link(struct bytes text)
{
    return text.n > 6 && strncasecmp((const char *)text.p, "KITH1:", 6) == 0;
}

static struct bytes trimmed(struct bytes line)
{
    while (line.n > 0 && is_blank(line.p[line.n - 1]))
        line.n--;
    while (line.n > 0 && is_blank(line.p[0]))
        line = bytes_of(line.p + 1, line.n - 1);
    return line;
}

/* The link in a line: all of it, or its last field; no bytes where there is none. */
static struct bytes link_in(struct bytes line)
{
    size_t from = 0;

    line = trimmed(line);
    if (is_link(line))
        return line;
    for (size_t i = 0; i < line.n; i++)
        if (is_blank(line.p[i]))
            from = i + 1;
    struct bytes last = bytes_of(line.p + from, line.n - from);
    return is_link(last) ? last : (struct bytes){ 0 };
}

/* Somebody may have written a name behind a link. */
static struct bytes without_tail(struct given_link *g, struct bytes text)
{
    size_t n = 0;

    while (n < text.n && !is_blank(text.p[n]))
        n++;
    if (n == text.n || link_parse(text, &g->link) == OK)
        return text;
    return link_parse(bytes_of(text.p, n), &g->link) == OK ? bytes_of(text.p, n) : text;
}

static enum err line_add(const struct ctx *ctx, struct restore *r, struct given_link *g,
                         struct bytes text)
{
    text = without_tail(g, text);
    if (text.n > sizeof g->text)
        return term_fail_as(ctx->term, ERR_CHECKSUM, EXIT_USAGE, "mistyped",
                            "A line is too long for a link. Nothing was sent.", NULL,
                            "A link of the sheet is mistyped or incomplete.");
    memcpy(g->text, text.p, text.n);
    g->n = text.n;
    return text_add(ctx, r, g);
}

/* What opens cards without a node; most who have a sheet need only its links. */
static enum err wrapped_add(const struct ctx *ctx, struct restore *r, struct bytes line)
{
    struct wrapped wrapped = { 0 };
    enum err e = wrapped_parse(line, &wrapped);

    if (e == ERR_VERSION)
        return term_fail(ctx->term, e, NULL, "The sheet is of a later version of Kith.");
    if (e != OK)
        return term_fail_as(ctx->term, ERR_CHECKSUM, EXIT_USAGE, "mistyped",
                            "Compare it letter by letter, or leave that line out: only "
                            "cards need it. Nothing was sent.",
                            NULL,
                            "The line with KITH-WRAPPED: is mistyped or incomplete.");
    e = restore_add_wrapped(r, &wrapped);
    if (e == ERR_FULL)
        return term_fail(ctx->term, e, NULL, "These are too many sheets.");
    return add(e);
}

static bool is_wrapped(struct bytes line)
{
    static const char head[] = "KITH-WRAPPED:";

    line = trimmed(line);
    return line.n >= sizeof head - 1 &&
           strncasecmp((const char *)line.p, head, sizeof head - 1) == 0;
}

static enum err lines_add(const struct ctx *ctx, struct restore *r, struct given_link *g,
                          struct bytes sheet)
{
    size_t found = 0;
    bool opens = false;

    for (size_t i = 0, from = 0; i <= sheet.n; i++) {
        if (i < sheet.n && sheet.p[i] != '\n')
            continue;
        struct bytes line = bytes_of(sheet.p + from, i - from);
        struct bytes text = link_in(line);

        from = i + 1;
        found += text.n > 0;
        opens = opens || is_wrapped(line);
        if (is_wrapped(line))
            TRY(wrapped_add(ctx, r, line));
        else if (text.n > 0)
            TRY(line_add(ctx, r, g, text));
    }
    /* What opens cards is of use to whoever has begun otherwise. */
    if (found > 0 || (opens && (r->n > 0 || r->n_cards > 0)))
        return OK;
    if (opens)
        return term_fail_as(ctx->term, ERR_FORMAT, EXIT_USAGE, "no-link",
                            "It has what opens cards: read the cards first, then give "
                            "the sheet again.",
                            "kith restore card", "There is no link in this sheet.");
    return term_fail_as(ctx->term, ERR_FORMAT, EXIT_USAGE, "no-link",
                        "A link begins with KITH1: and ends its line. Nothing was sent.",
                        NULL, "There is no link in this sheet.");
}

static enum err sheet_add(const struct ctx *ctx, struct restore *r, struct given_link *g)
{
    const char *path = ctx_option(ctx, "--sheet");
    AUTO_FREE uint8_t *text = NULL;
    size_t n = 0;

    if (path == NULL)
        return OK;
    g->sheet = true;
    text = calloc(1, SHEET_MAX);
    if (text == NULL)
        return ERR_NOMEM;
    enum err e = term_read(ctx->term, path, (struct span){ text, SHEET_MAX }, &n);
    if (e == OK)
        e = lines_add(ctx, r, g, bytes_of(text, n));
    secret_wipe(text, SHEET_MAX);
    return e;
}

enum err restore_links_add(const struct ctx *ctx, struct restore *r)
{
    AUTO_SECRET struct given_link *g = NULL;

    TRY(secret_new(&g));
    TRY(args_add(ctx, r, g));
    return sheet_add(ctx, r, g);
}

enum err restore_links_ask(struct ctx *ctx, char *line, size_t cap)
{
    const struct ask a = {
        .text = "Restore link",
        .flag = "LINK",
        .note = "One guardian is enough to begin: ask one for a restore link (they run: "
                "kith guard link), or for one to be read to you (kith guard link "
                "--spoken). The others become known with their first yes. With cards "
                "alone: kith restore card.",
    };

    if (ctx->n_args > 0 || ctx_option(ctx, "--sheet") != NULL)
        return OK;
    TRY(term_ask(ctx->term, &a, line, cap));
    ctx->args[ctx->n_args++] = line;
    return OK;
}
