/* SPDX-License-Identifier: Apache-2.0 */
/* kith secret get, otp. */
#include <time.h>

#include "client/cmd_secret_part.h"
#include "client/otp.h"

/* ---- get ---- */

static enum err back_given(const struct ctx *ctx, unsigned *out)
{
    const char *given = ctx_option(ctx, "--back");
    uint64_t n = 0;

    if (given != NULL && number_parse(given, 0, VAULT_PAST, &n) != OK)
        return term_fail(ctx->term, ERR_ARG, "kith secret history NAME",
                         "--back takes a whole number from 0 to %d.", VAULT_PAST);
    *out = (unsigned)n;
    return OK;
}

/* Text as it is; what is no UTF-8 in Base64. */
static json_t *content_json(const struct vault_item *item, unsigned back,
                            const struct home_blob *b)
{
    json_t *text = json_stringn((const char *)b->p, b->n);
    json_t *base64 = json_null();

    if (text == NULL) {
        size_t cap = (b->n + 2) / 3 * 4;
        struct home_blob coded = { .p = calloc(cap, 1), .cap = cap };
        MUST(coded.p != NULL);
        struct buf out = { .p = coded.p, .cap = cap };
        crypt_base64(bytes_of(b->p, b->n), &out);
        MUST(!out.over);
        base64 = json_stringn((const char *)out.p, out.n);
        home_blob_free(&coded);
    }
    return json_pack("{s:o, s:s, s:i, s:o, s:o}", "name", json_slice(item->name), "type",
                     vault_type_name(item->type), "version", (int)back, "content",
                     text != NULL ? text : json_null(), "base64", base64);
}

static enum err get_plain(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    AUTO_BLOB struct home_blob b = { 0 };
    const struct vault_item *item = NULL;
    unsigned back = 0;

    TRY(back_given(ctx, &back));
    TRY(shelf_open(ctx, &s));
    if (back == 0)
        TRY(shelf_find(ctx, &s, ctx->args[0], &item));
    else
        TRY(shelf_find_ever(ctx, &s, ctx->args[0], &item));
    TRY(shelf_content(ctx, &s, item, back, &b));
    if (!ctx->term->json)
        return answer_bytes(ctx, bytes_of(b.p, b.n));
    term_json(ctx->term, "content", content_json(item, back, &b));
    return OK;
}

/* ---- get --next: recovery codes, each once ---- */

/* A line of a content. */
struct line {
    size_t at;
    size_t n; /* without its end */
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line that is no remark ("# …") and not empty; false behind the last. */
static bool next_code(struct bytes text, size_t from, struct line *out)
{
    while (from < text.n) {
        const uint8_t *end = memchr(text.p + from, '\n', text.n - from);
        size_t stop = end == NULL ? text.n : (size_t)(end - text.p);
        struct line l = { from, stop - from };
        from = stop + 1;
        while (l.n > 0 && is_blank(text.p[l.at])) {
            l.at++;
            l.n--;
        }
        while (l.n > 0 && is_blank(text.p[l.at + l.n - 1]))
            l.n--;
        if (l.n == 0 || text.p[l.at] == '#')
            continue;
        *out = l;
        return true;
    }
    return false;
}

static unsigned codes_after(struct bytes text, size_t from)
{
    struct line l = { 0 };
    unsigned n = 0;

    for (; next_code(text, from, &l); from = l.at + l.n)
        n++;
    return n;
}

/* The content with "# used 2026-11-22: " in front of the code. */
static enum err mark_used(const struct home_blob *b, const struct line *l, uint64_t now,
                          struct home_blob *out)
{
    char mark[48] = "# used: ";
    struct tm tm = { 0 };
    time_t when = (time_t)now;

    if (gmtime_r(&when, &tm) != NULL)
        (void)strftime(mark, sizeof mark, "# used %Y-%m-%d: ", &tm);
    size_t n = strlen(mark);
    out->p = calloc(b->n + n, 1);
    if (out->p == NULL)
        return ERR_NOMEM;
    out->n = b->n + n;
    out->cap = out->n;
    memcpy(out->p, b->p, l->at);
    memcpy(out->p + l->at, mark, n);
    memcpy(out->p + l->at + n, b->p + l->at, b->n - l->at);
    return OK;
}

static void say_left(const struct ctx *ctx, unsigned left)
{
    if (left <= 2)
        term_warn(ctx->term, "%u unused %s left. Ask that service for new ones.", left,
                  left == 1 ? "code is" : "codes are");
    else
        term_say(ctx->term, "%u unused codes are left.", left);
}

static enum err answer_code(struct ctx *ctx, const struct vault_item *item,
                            struct bytes code, unsigned left)
{
    AUTO_BLOB struct home_blob row = { 0 };

    if (ctx->term->json) {
        term_json(ctx->term, "code",
                  json_pack("{s:o, s:o, s:i}", "name", json_slice(item->name), "code",
                            json_slice(code), "left", (int)left));
        return OK;
    }
    row.p = calloc(code.n + 1, 1);
    if (row.p == NULL)
        return ERR_NOMEM;
    row.n = code.n + 1;
    row.cap = row.n;
    memcpy(row.p, code.p, code.n);
    row.p[code.n] = '\n';
    return answer_bytes(ctx, bytes_of(row.p, row.n));
}

static enum err no_code(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "codes-used",
                        "Each is used once.", "kith secret edit NAME @FILE",
                        "No unused code is left.");
}

/* Marked and saved before it is shown: a code shown twice might be used twice. */
static enum err get_next(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    AUTO_BLOB struct home_blob b = { 0 };
    AUTO_BLOB struct home_blob marked = { 0 };
    const struct vault_item *item = NULL;
    struct line l = { 0 };

    TRY(shelf_open(ctx, &s));
    TRY(shelf_find(ctx, &s, ctx->args[0], &item));
    if (item->type != VAULT_CODES)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "--next is for recovery codes; this is of type %s.",
                         vault_type_name(item->type));
    TRY(shelf_content(ctx, &s, item, 0, &b));
    if (!next_code(bytes_of(b.p, b.n), 0, &l))
        return no_code(ctx);
    TRY(mark_used(&b, &l, ctx_now(ctx), &marked));
    struct bytes content = bytes_of(marked.p, marked.n);
    const struct vault_change change = { item->name, (enum vault_type)item->type,
                                         item->hint, item->user,
                                         item->url,  &content };
    TRY(shelf_failed(ctx, &s, vault_edit(s.vault, item, &change, ctx_now(ctx)),
                     ctx->args[0]));
    TRY(shelf_save(ctx, &s));
    TRY(shelf_find(ctx, &s, ctx->args[0], &item));
    unsigned left = codes_after(bytes_of(b.p, b.n), l.at + l.n);
    TRY(answer_code(ctx, item, bytes_of(b.p + l.at, l.n), left));
    say_left(ctx, left);
    shelf_push(ctx, &s);
    return OK;
}

enum err cmd_secret_get(struct ctx *ctx)
{
    TRY(shown_on_purpose(ctx));
    if (ctx_option(ctx, "--next") == NULL)
        return get_plain(ctx);
    if (ctx_option(ctx, "--back") != NULL)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "--next and --back exclude each other.");
    return get_next(ctx);
}

/* ---- otp ---- */

static enum err secret_of_codes(struct ctx *ctx, struct otp *out)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    AUTO_BLOB struct home_blob b = { 0 };
    const struct vault_item *item = NULL;
    const char *why = "";

    TRY(shelf_open(ctx, &s));
    TRY(shelf_find(ctx, &s, ctx->args[0], &item));
    if (item->type != VAULT_TOTP)
        return term_fail(ctx->term, ERR_ARG, "kith secret edit NAME --type totp",
                         "This is of type %s, not totp.", vault_type_name(item->type));
    TRY(shelf_content(ctx, &s, item, 0, &b));
    if (otp_parse(bytes_of(b.p, b.n), out, &why) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_FORMAT, EXIT_FAILED, "no-totp", why,
                        "kith secret edit NAME", "No code can be made from this item.");
}

enum err cmd_secret_otp(struct ctx *ctx)
{
    AUTO_SECRET struct otp *o = NULL;
    char code[OTP_CODE];

    TRY(secret_new(&o));
    TRY(secret_of_codes(ctx, o));
    uint64_t now = ctx_now(ctx);
    otp_code(o, now, code);
    unsigned left = otp_left(o, now);
    if (ctx->term->json) {
        term_json(ctx->term, "otp",
                  json_pack("{s:s, s:s, s:i, s:i, s:o}", "name", ctx->args[0], "code",
                            code, "digits", (int)o->digits, "seconds_left", (int)left,
                            "expires_at", json_time(now + left)));
        return OK;
    }
    term_answer(ctx->term, "%s", code);
    term_say(ctx->term, "For %u more %s.", left, left == 1 ? "second" : "seconds");
    return OK;
}
