/* SPDX-License-Identifier: Apache-2.0 */
/* kith secret add, edit. */
#include <ctype.h>

#include "client/cmd_secret_part.h"

/* ---- what was given ---- */

/* The texts of the command line; NULL where none was given. */
struct texts {
    const char *name;
    const char *user;
    const char *url;
    const char *hint;
    unsigned type; /* 0: not given */
};

/* Like ctx_text, but an empty text takes it away. */
static enum err text_option(const struct ctx *ctx, const char *name, size_t max,
                            const char **out)
{
    const char *given = ctx_option(ctx, name);

    if (given != NULL && given[0] != 0)
        TRY(ctx_text(ctx, name, given, max));
    *out = given;
    return OK;
}

static enum err type_option(const struct ctx *ctx, unsigned *out)
{
    const char *given = ctx_option(ctx, "--type");

    *out = 0;
    if (given == NULL)
        return OK;
    *out = vault_type_find(given);
    if (*out != 0)
        return OK;
    return term_fail(ctx->term, ERR_ARG, NULL,
                     "There is no type \"%s\": note, password, totp, codes, key or file "
                     "is expected.",
                     given);
}

static enum err texts_given(const struct ctx *ctx, struct texts *out)
{
    TRY(type_option(ctx, &out->type));
    TRY(text_option(ctx, "--user", ITEM_USER_MAX, &out->user));
    TRY(text_option(ctx, "--url", ITEM_TEXT_MAX, &out->url));
    TRY(text_option(ctx, "--hint", ITEM_TEXT_MAX, &out->hint));
    out->name = ctx_option(ctx, "--name");
    if (out->name != NULL)
        TRY(ctx_text(ctx, "--name", out->name, VAULT_NAME_MAX));
    return OK;
}

static struct bytes text_or(const char *given, struct bytes otherwise)
{
    return given != NULL ? bytes_text(given) : otherwise;
}

/* ---- warnings ---- */

static bool mentions(const char *text, const char *const *words)
{
    for (; text != NULL && *words != NULL; words++) {
        if (strcasestr(text, *words) != NULL)
            return true;
    }
    return false;
}

/* What one must have before the vault can be read, so that it cannot lie only there. */
static void warn_circle(const struct ctx *ctx, const char *name, const char *hint)
{
    static const char *const disk[] = { "luks",      "cryptsetup", "disk",
                                        "bitlocker", "filevault",  "veracrypt",
                                        "boot pas",  NULL };
    static const char *const kith[] = { "kith", NULL };
    static const char *const pass[] = { "pass", "pin", "key", NULL };

    if (mentions(name, disk) || mentions(hint, disk))
        term_warn(ctx->term,
                  "if this opens the disk that this home is on, it can be read here only "
                  "while the disk is open; otherwise only a restore brings it. Keep "
                  "another copy, on paper for instance.");
    if (mentions(name, kith) && mentions(name, pass))
        term_warn(ctx->term,
                  "if this is the passphrase of this very home, it opens nothing that "
                  "leads here: a restore makes a new home with a new passphrase.");
}

static void warn_hint(const struct ctx *ctx, const struct vault_change *c)
{
    char next[NEXT_TEXT];

    if (c->hint.n > 0 || (c->type != VAULT_KEY && c->type != VAULT_PASSWORD) ||
        c->url.n > 0)
        return;
    next_of("secret edit", ctx->args[0], " --hint TEXT", next);
    term_say(ctx->term,
             "Nothing says what it is for. After a loss you may have only this list. "
             "Next: %s",
             next);
}

/* ---- answer ---- */

static void say_kept(struct ctx *ctx, const struct shelf *s, const char *name)
{
    const struct vault_item *item = vault_find(s->vault, bytes_text(name));

    MUST(item != NULL);
    if (ctx->term->json)
        term_json(ctx->term, "secret", item_json(item));
    else
        term_say(ctx->term, "\"%s\" is kept, as type %s, %llu bytes.", name,
                 vault_type_name(item->type),
                 item->n_now > 0 ? (unsigned long long)item->now[0].size : 0);
}

/* ---- add ---- */

static enum err must_be_new(const struct ctx *ctx, const char *name)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;

    TRY(shelf_open(ctx, &s));
    const struct vault_item *item = vault_find(s.vault, bytes_text(name));
    bool taken = item != NULL && bytes_equal(item->name, bytes_text(name));
    return shelf_failed(ctx, &s, taken ? ERR_EXISTS : OK, name);
}

enum err cmd_secret_add(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    AUTO_INPUT struct input in = { 0 };
    struct texts given = { 0 };
    const char *name = ctx->args[0];

    TRY(ctx_text(ctx, "The name", name, VAULT_NAME_MAX));
    TRY(texts_given(ctx, &given));
    /* Before anybody types; the home is not locked while they do. */
    TRY(must_be_new(ctx, name));
    TRY(input_read(ctx, given.type, &in));
    enum vault_type type =
        given.type != 0 ? (enum vault_type)given.type : input_type(&in);
    TRY(input_fits(ctx, type, &in));
    struct bytes content = bytes_of(in.bytes.p, in.bytes.n);
    const struct vault_change change = {
        .name = bytes_text(name),
        .type = type,
        .hint = text_or(given.hint, (struct bytes){ 0 }),
        .user = text_or(given.user, (struct bytes){ 0 }),
        .url = text_or(given.url, (struct bytes){ 0 }),
        .content = &content,
    };
    TRY(shelf_open(ctx, &s));
    TRY(shelf_failed(ctx, &s, vault_add(s.vault, &change, ctx_now(ctx), ctx->params->rng),
                     name));
    warn_circle(ctx, name, given.hint);
    warn_hint(ctx, &change);
    TRY(shelf_save(ctx, &s));
    say_kept(ctx, &s, name);
    shelf_push(ctx, &s);
    return OK;
}

/* ---- edit ---- */

static bool only_texts(const struct texts *given)
{
    return given->name != NULL || given->user != NULL || given->url != NULL ||
           given->hint != NULL || given->type != 0;
}

static enum err edit_back(struct ctx *ctx, const char *back)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;
    uint64_t n = 0;

    if (number_parse(back, 1, VAULT_PAST, &n) != OK)
        return term_fail(ctx->term, ERR_ARG, "kith secret history NAME",
                         "--back takes a whole number from 1 to %d.", VAULT_PAST);
    TRY(shelf_open(ctx, &s));
    TRY(shelf_find_ever(ctx, &s, ctx->args[0], &item));
    AUTO_FREE char *name = item_text(item->name);
    enum err e = vault_revert(s.vault, item, (unsigned)n, ctx_now(ctx));
    if (e == ERR_UNKNOWN)
        return term_fail_as(ctx->term, e, EXIT_NONE, "no-such-version",
                            "The history lists what there is.",
                            "kith secret history NAME",
                            "There is no such earlier content of it.");
    TRY(shelf_failed(ctx, &s, e, name));
    TRY(shelf_save(ctx, &s));
    say_kept(ctx, &s, name);
    shelf_push(ctx, &s);
    return OK;
}

/* The type for a content that is about to be read; the item's own unless given. */
static enum err type_of_edit(const struct ctx *ctx, const struct texts *given,
                             unsigned *out)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;

    TRY(shelf_open(ctx, &s));
    TRY(shelf_find(ctx, &s, ctx->args[0], &item));
    *out = given->type != 0 ? given->type : item->type;
    return OK;
}

/* What is there must fit a type that it gets later, too. */
static enum err content_fits(const struct ctx *ctx, const struct shelf *s,
                             const struct vault_item *item, unsigned type)
{
    AUTO_INPUT struct input now = { .typed = true };

    if (type == item->type || type != VAULT_TOTP)
        return OK;
    TRY(shelf_content(ctx, s, item, 0, &now.bytes));
    return input_fits(ctx, (enum vault_type)type, &now);
}

static enum err edit_write(struct ctx *ctx, const struct texts *given, unsigned type,
                           const struct bytes *content)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;

    TRY(shelf_open(ctx, &s));
    TRY(shelf_find(ctx, &s, ctx->args[0], &item));
    if (content == NULL)
        TRY(content_fits(ctx, &s, item, type));
    const struct vault_change change = {
        .name = text_or(given->name, item->name),
        .type = (enum vault_type)type,
        .hint = text_or(given->hint, item->hint),
        .user = text_or(given->user, item->user),
        .url = text_or(given->url, item->url),
        .content = content,
    };
    AUTO_FREE char *name = item_text(change.name);
    TRY(shelf_failed(ctx, &s, vault_edit(s.vault, item, &change, ctx_now(ctx)), name));
    TRY(shelf_save(ctx, &s));
    say_kept(ctx, &s, name);
    shelf_push(ctx, &s);
    return OK;
}

enum err cmd_secret_edit(struct ctx *ctx)
{
    AUTO_INPUT struct input in = { 0 };
    const char *back = ctx_option(ctx, "--back");
    struct texts given = { 0 };
    unsigned type = 0;

    TRY(texts_given(ctx, &given));
    if (back != NULL && (only_texts(&given) || input_given(ctx)))
        return term_fail(ctx->term, ERR_ARG, NULL, "--back stands alone.");
    if (back != NULL)
        return edit_back(ctx, back);
    TRY(type_of_edit(ctx, &given, &type));
    if (only_texts(&given) && !input_given(ctx))
        return edit_write(ctx, &given, type, NULL);
    TRY(input_read(ctx, type, &in));
    TRY(input_fits(ctx, (enum vault_type)type, &in));
    struct bytes content = bytes_of(in.bytes.p, in.bytes.n);
    return edit_write(ctx, &given, type, &content);
}
