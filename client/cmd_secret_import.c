/* SPDX-License-Identifier: Apache-2.0 */
/* kith secret import: all of a file as one state, or nothing. */
#include <stdlib.h>

#include "client/bitwarden.h"
#include "client/cmd_secret_part.h"

/* ---- names that are taken ---- */

/* What an item is called in the vault; by name, for finding those of one name. */
struct named_item {
    struct import_item *item;
    char name[VAULT_NAME_MAX + 1]; /* with " (2)" where needed */
};

static int by_name(const void *a, const void *b)
{
    const struct named_item *x = a;
    const struct named_item *y = b;
    int order = strcmp(x->item->name, y->item->name);

    /* Those of one name stay in the file's order. */
    return order != 0 ? order : (x->item > y->item) - (x->item < y->item);
}

static bool stands_in(const struct named_item *list, size_t n, const char *name)
{
    size_t low = 0;

    while (low < n) {
        size_t mid = low + (n - low) / 2;
        int order = strcmp(list[mid].item->name, name);
        if (order == 0)
            return true;
        if (order < 0)
            low = mid + 1;
        else
            n = mid;
    }
    return false;
}

static bool is_taken(const struct shelf *s, const char *name)
{
    const struct vault_item *item = vault_find(s->vault, bytes_text(name));

    return item != NULL && bytes_equal(item->name, bytes_text(name));
}

/* Gives each a name of its own; how many differ from their own. list is sorted. */
static size_t number_names(const struct shelf *s, struct named_item *list, size_t n)
{
    size_t changed = 0;
    unsigned next = 2;

    for (size_t i = 0; i < n; i++) {
        const char *own = list[i].item->name;
        bool again = i > 0 && strcmp(list[i - 1].item->name, own) == 0;
        if (!again)
            next = 2;
        (void)snprintf(list[i].name, sizeof list[i].name, "%s", own);
        if (!again && !is_taken(s, own))
            continue;
        do {
            (void)snprintf(list[i].name, sizeof list[i].name, "%.*s (%u)",
                           VAULT_NAME_MAX - 12, own, next++);
        } while (is_taken(s, list[i].name) || stands_in(list, n, list[i].name));
        changed++;
    }
    return changed;
}

/* ---- telling ---- */

enum { TOLD_MAX = 12 };

/* One line a name, with the first of its new ones. */
static void tell_renamed(struct ctx *ctx, const struct named_item *list, size_t n,
                         size_t changed)
{
    const char *before = "";
    size_t told = 0;

    for (size_t i = 0; i < n && told < TOLD_MAX; i++) {
        const char *own = list[i].item->name;
        if (strcmp(list[i].name, own) == 0 || strcmp(before, own) == 0)
            continue;
        term_say(ctx->term, "  \"%s\" was there already: the new one is \"%s\".", own,
                 list[i].name);
        before = own;
        told++;
    }
    if (changed > told)
        term_say(ctx->term, "  In all, %zu got a number behind their name.", changed);
}

static void tell_import(struct ctx *ctx, const struct import *in)
{
    term_say(ctx->term, "%zu entries were taken in, as %zu items.", in->entries, in->n);
    if (in->trash > 0)
        term_say(ctx->term, "%zu in the trash were left out.", in->trash);
    if (in->unknown > 0)
        term_say(ctx->term, "%zu of a kind that is not known here are notes in JSON.",
                 in->unknown);
}

/* ---- reading, adding ---- */

static enum err import_read(struct ctx *ctx, struct import *out)
{
    AUTO_BLOB struct home_blob file = { 0 };
    bool encrypted = false;
    char why[IMPORT_WHY] = "";

    TRY(read_named(ctx, ctx->args[0], IMPORT_FILE_MAX, &file));
    import_wipes_json();
    enum err e = bitwarden_read(bytes_of(file.p, file.n), out, &encrypted, why);
    if (e == OK)
        return OK;
    return term_fail_as(ctx->term, e, EXIT_FAILED,
                        encrypted ? "import-encrypted" : "import-refused", why,
                        encrypted ? "Export it again there, as \".json\" and not as "
                                    "\".json (encrypted)\"."
                                  : NULL,
                        "Nothing was taken in.");
}

static enum err add_all(struct ctx *ctx, struct shelf *s, const struct named_item *list,
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct import_item *item = list[i].item;
        struct bytes content = bytes_of(item->content.p, item->content.n);
        const struct vault_change change = {
            .name = bytes_text(list[i].name),
            .type = item->type,
            .user = bytes_text(item->user),
            .url = bytes_text(item->url),
            .content = &content,
        };
        if (i % 64 == 0)
            term_progress(ctx->term, "%zu of %zu items …", i, n);
        TRY(shelf_failed(ctx, s,
                         vault_add(s->vault, &change, ctx_now(ctx), ctx->params->rng),
                         list[i].name));
    }
    return OK;
}

static enum err take_in(struct ctx *ctx, const struct import *in, struct named_item *list)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;

    for (size_t i = 0; i < in->n; i++)
        list[i].item = &in->items[i];
    qsort(list, in->n, sizeof *list, by_name);
    TRY(shelf_open(ctx, &s));
    size_t changed = number_names(&s, list, in->n);
    TRY(add_all(ctx, &s, list, in->n));
    TRY(shelf_save(ctx, &s));
    tell_import(ctx, in);
    tell_renamed(ctx, list, in->n, changed);
    term_warn(ctx->term, "the file %s holds everything open. Delete it when all is well.",
              ctx->args[0]);
    if (ctx->term->json)
        term_json(ctx->term, "import",
                  json_pack("{s:I, s:I, s:I, s:I, s:I}", "entries",
                            (json_int_t)in->entries, "items", (json_int_t)in->n,
                            "renamed", (json_int_t)changed, "trash",
                            (json_int_t)in->trash, "unknown", (json_int_t)in->unknown));
    shelf_push(ctx, &s);
    return OK;
}

enum err cmd_secret_import(struct ctx *ctx)
{
    AUTO_IMPORT struct import in = { 0 };

    TRY(import_read(ctx, &in));
    if (in.n == 0)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "import-empty",
                            "Everything in it may be in the trash.", NULL,
                            "There is nothing in it to take in.");
    struct named_item *list = calloc(in.n, sizeof *list);
    if (list == NULL)
        return ERR_NOMEM;
    enum err e = take_in(ctx, &in, list);
    free(list);
    return e;
}
