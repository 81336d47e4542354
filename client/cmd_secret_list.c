/* SPDX-License-Identifier: Apache-2.0 */
/* kith secret list, show, history, remove: names, texts and dates, never a content. */
#include <stdlib.h>
#include <time.h>

#include "client/cmd_secret_part.h"
#include "client/howto.h"

/* ---- list ---- */

static void day_text(uint64_t unix_s, char out[TIME_TEXT])
{
    struct tm tm = { 0 };
    time_t when = (time_t)unix_s;

    out[0] = 0;
    if (localtime_r(&when, &tm) != NULL)
        (void)strftime(out, TIME_TEXT, "%Y-%m-%d", &tm);
}

/* Which items a list is about. */
struct wanted {
    unsigned type; /* 0: all */
    const char *word;
    bool removed;
};

static bool is_wanted(const struct wanted *w, const struct vault_item *item)
{
    if (w->type != 0 && item->type != w->type)
        return false;
    if (w->word == NULL)
        return true;
    char *name = item_text(item->name);
    bool found = strcasestr(name, w->word) != NULL;
    free(name);
    return found;
}

static enum err wanted_given(const struct ctx *ctx, struct wanted *out)
{
    const char *type = ctx_option(ctx, "--type");

    out->type = type != NULL ? vault_type_find(type) : 0;
    out->word = ctx->n_args > 0 ? ctx->args[0] : NULL;
    out->removed = ctx_option(ctx, "--removed") != NULL;
    if (type == NULL || out->type != 0)
        return OK;
    return term_fail(ctx->term, ERR_ARG, NULL,
                     "There is no type \"%s\": note, password, totp, codes, key or file "
                     "is expected.",
                     type);
}

static json_t *row_json(const struct vault_item *item, bool read)
{
    json_t *doc = item_json(item);

    MUST(json_object_set_new(doc, "may_be_read", json_boolean(read)) == 0);
    return doc;
}

static void list_row(struct ctx *ctx, const struct vault_item *item, bool read)
{
    char when[TIME_TEXT];

    day_text(item->removed != 0 ? item->removed : item->changed, when);
    term_answer(ctx->term, "%-8s  %s  %.*s%s%.*s%s%s", vault_type_name(item->type), when,
                (int)item->name.n, (const char *)item->name.p,
                item->user.n > 0 ? "  (" : "", (int)item->user.n,
                (const char *)item->user.p, item->user.n > 0 ? ")" : "",
                read ? "  (may have been read)" : "");
}

static void say_read(struct ctx *ctx, const struct shelf *s)
{
    char when[TIME_TEXT];

    time_text(s->day->me.moved, when);
    term_say(ctx->term,
             "(may have been read): not changed since your new root key of %s. Whoever "
             "had the one before may know it: change each where it is used, then here: "
             "kith secret edit NAME",
             when);
}

static void say_empty(struct ctx *ctx, const struct wanted *w)
{
    if (w->word != NULL || w->type != 0)
        term_say(ctx->term, "Nothing like that is in the vault.");
    else if (w->removed)
        term_say(ctx->term, "Nothing was removed.");
    else
        term_say(ctx->term, "The vault is empty. Next: kith secret add NAME");
}

enum err cmd_secret_list(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    struct wanted w = { 0 };
    size_t shown = 0;
    bool read = false;

    TRY(wanted_given(ctx, &w));
    TRY(shelf_open(ctx, &s));
    json_t *items = json_array();
    size_t n = w.removed ? vault_gone_count(s.vault) : vault_count(s.vault);
    for (size_t i = 0; i < n; i++) {
        const struct vault_item *item =
            w.removed ? vault_gone_at(s.vault, i) : vault_at(s.vault, i);
        if (!is_wanted(&w, item))
            continue;
        bool marked = !w.removed && vault_was_read(s.day, item);
        shown++;
        read = read || marked;
        if (ctx->term->json)
            (void)json_array_append_new(items, row_json(item, marked));
        else
            list_row(ctx, item, marked);
    }
    if (ctx->term->json)
        term_json(ctx->term, "secrets", json_pack("{s:O}", "items", items));
    else if (shown == 0)
        say_empty(ctx, &w);
    else if (read)
        say_read(ctx, &s);
    json_decref(items);
    return OK;
}

/* ---- show ---- */

static void show_line(struct ctx *ctx, const char *label, struct bytes text)
{
    if (text.n > 0)
        term_answer(ctx->term, "  %-9s %.*s", label, (int)text.n, (const char *)text.p);
}

static void device_text(const struct shelf *s, const uint8_t device[ID_BYTES],
                        char out[80])
{
    char id[2 * ID_BYTES + 1];

    hex_encode(bytes_of(device, ID_BYTES), id, sizeof id);
    if (bytes_equal(bytes_of(device, ID_BYTES), BYTES_OF(s->day->me.device)))
        (void)snprintf(out, 80, "this device");
    else
        (void)snprintf(out, 80, "device %.8s", id);
}

static void show_item(struct ctx *ctx, const struct shelf *s,
                      const struct vault_item *item)
{
    char when[TIME_TEXT];
    char device[80];
    char text[256];

    term_answer(ctx->term, "%.*s", (int)item->name.n, (const char *)item->name.p);
    show_line(ctx, "Type", bytes_text(vault_type_name(item->type)));
    show_line(ctx, "User", item->user);
    show_line(ctx, "Address", item->url);
    show_line(ctx, "Hint", item->hint);
    if (item->n_now > 0) {
        (void)snprintf(text, sizeof text, "%llu bytes",
                       (unsigned long long)item->now[0].size);
        show_line(ctx, "Size", bytes_text(text));
    }
    time_text(item->made, when);
    show_line(ctx, "Made", bytes_text(when));
    time_text(item->changed, when);
    device_text(s, item->device, device);
    (void)snprintf(text, sizeof text, "%s, by %s", when, device);
    show_line(ctx, item->removed != 0 ? "Removed" : "Changed", bytes_text(text));
    (void)snprintf(text, sizeof text, "%u", item->n_past);
    if (item->n_past > 0)
        show_line(ctx, "Earlier", bytes_text(text));
}

static enum err show_howto(struct ctx *ctx, const struct shelf *s,
                           const struct vault_item *item)
{
    AUTO_BLOB struct home_blob b = { 0 };
    struct howto lines[HOWTO_LINES];
    json_t *list = json_array();

    enum err e = shelf_content(ctx, s, item, 0, &b);
    size_t n = e == OK ? howto_of(item, bytes_of(b.p, b.n), lines) : 0;
    for (size_t i = 0; i < n; i++) {
        if (ctx->term->json)
            (void)json_array_append_new(
                list,
                json_pack("{s:s, s:s}", "with", lines[i].what, "line", lines[i].line));
        else
            /* Not wrapped: it is copied. */
            (void)fprintf(ctx->term->out, "# %s\n%s\n", lines[i].what, lines[i].line);
    }
    if (e == OK && ctx->term->json)
        term_json(ctx->term, "howto",
                  json_pack("{s:o, s:O}", "name", json_slice(item->name), "lines", list));
    json_decref(list);
    return e;
}

enum err cmd_secret_show(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;

    TRY(shelf_open(ctx, &s));
    if (ctx_option(ctx, "--howto") != NULL) {
        TRY(shelf_find(ctx, &s, ctx->args[0], &item));
        return show_howto(ctx, &s, item);
    }
    TRY(shelf_find_ever(ctx, &s, ctx->args[0], &item));
    if (ctx->term->json)
        term_json(ctx->term, "secret", item_json(item));
    else
        show_item(ctx, &s, item);
    return OK;
}

/* ---- history ---- */

static void history_row(struct ctx *ctx, const struct shelf *s,
                        const struct vault_ref *ref, unsigned back)
{
    char when[TIME_TEXT];
    char device[80];
    char number[16] = "now";

    if (back > 0)
        (void)snprintf(number, sizeof number, "%u", back);
    time_text(ref->changed, when);
    device_text(s, ref->device, device);
    term_answer(ctx->term, "%4s  %s  %llu bytes, by %s", number, when,
                (unsigned long long)ref->size, device);
}

enum err cmd_secret_history(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;

    TRY(shelf_open(ctx, &s));
    TRY(shelf_find_ever(ctx, &s, ctx->args[0], &item));
    if (ctx->term->json) {
        term_json(ctx->term, "secret", item_json(item));
        return OK;
    }
    for (uint32_t i = 0; i < item->n_now; i++)
        history_row(ctx, &s, &item->now[i], 0);
    for (uint32_t i = 0; i < item->n_past; i++)
        history_row(ctx, &s, &item->past[i], i + 1);
    if (item->removed != 0)
        term_say(ctx->term, "It was removed; kith secret edit NAME --back N brings it "
                            "back, kith secret get NAME --back N reads it.");
    else if (item->n_past > 0)
        term_say(ctx->term, "kith secret get NAME --back N reads an earlier content.");
    return OK;
}

/* ---- remove ---- */

static enum err agree_to_remove(const struct ctx *ctx, const char *name)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;
    char why[TERM_TEXT];

    TRY(shelf_open(ctx, &s));
    TRY(shelf_find(ctx, &s, name, &item));
    (void)snprintf(
        why, sizeof why,
        "\"%.*s\" (%s) leaves the list. Its contents stay in the history of this "
        "vault; guardians keep the vault as it was before for 30 days at least, "
        "one state a week of the last 12 weeks.",
        (int)item->name.n, (const char *)item->name.p, vault_type_name(item->type));
    shelf_close(&s);
    return term_word(ctx->term, "remove", why);
}

enum err cmd_secret_remove(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;

    TRY(agree_to_remove(ctx, ctx->args[0]));
    TRY(shelf_open(ctx, &s));
    TRY(shelf_find(ctx, &s, ctx->args[0], &item));
    AUTO_FREE char *name = item_text(item->name);
    char next[NEXT_TEXT];
    TRY(shelf_failed(ctx, &s, vault_remove(s.vault, item, ctx_now(ctx)), name));
    TRY(shelf_save(ctx, &s));
    if (ctx->term->json) {
        item = vault_gone_find(s.vault, bytes_text(name));
        MUST(item != NULL);
        term_json(ctx->term, "secret", item_json(item));
    } else {
        next_of("secret history", name, "", next);
        term_say(ctx->term, "\"%s\" is removed. It can be had again: %s", name, next);
    }
    shelf_push(ctx, &s);
    return OK;
}
