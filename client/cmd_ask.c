/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What git-credential-kith and kith-askpass run: answers to programs that ask for a
 * password. Nothing is guessed, nothing is sent anywhere.
 */
#include <stdlib.h>

#include "client/cmd_secret_part.h"
#include "client/login.h"

/* Programs take one line. */
static bool is_one_line(const struct home_blob *b)
{
    return b->n > 0 && memchr(b->p, '\n', b->n) == NULL &&
           memchr(b->p, '\r', b->n) == NULL && memchr(b->p, 0, b->n) == NULL;
}

static enum err not_one_line(const struct ctx *ctx, const struct vault_item *item)
{
    return term_fail_as(ctx->term, ERR_FORMAT, EXIT_FAILED, "not-one-line",
                        "A program that asks for a password takes one line.", NULL,
                        "\"%.*s\" has more than one line.", (int)item->name.n,
                        (const char *)item->name.p);
}

static void put(struct home_blob *b, struct bytes text)
{
    MUST(b->cap - b->n >= text.n);
    if (text.n > 0)
        memcpy(b->p + b->n, text.p, text.n);
    b->n += text.n;
}

/* ---- git-credential(1) ---- */

enum { ASKED_MAX = 64 * 1024 };

/* What git said. Slices of its text. */
struct asked {
    struct login_url url;
    struct bytes password;
};

static void asked_line(struct asked *a, struct bytes line)
{
    const uint8_t *eq = memchr(line.p, '=', line.n);

    if (eq == NULL)
        return;
    struct bytes key = bytes_of(line.p, (size_t)(eq - line.p));
    struct bytes value = bytes_of(eq + 1, line.n - key.n - 1);
    if (bytes_equal(key, bytes_text("protocol")))
        a->url.protocol = value;
    else if (bytes_equal(key, bytes_text("host")))
        a->url.host = value;
    else if (bytes_equal(key, bytes_text("path")))
        a->url.path = value;
    else if (bytes_equal(key, bytes_text("username")))
        a->url.user = value;
    else if (bytes_equal(key, bytes_text("password")))
        a->password = value;
}

static void asked_read(struct bytes text, struct asked *out)
{
    while (text.n > 0) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        size_t n = end == NULL ? text.n : (size_t)(end - text.p);
        if (n == 0)
            return;
        asked_line(out, bytes_of(text.p, n));
        size_t used = end == NULL ? n : n + 1;
        text = bytes_of(text.p + used, text.n - used);
    }
}

/* git asks the person where nothing is answered. */
static enum err credential_get(struct ctx *ctx, const struct asked *a)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    AUTO_BLOB struct home_blob b = { 0 };
    AUTO_BLOB struct home_blob text = { 0 };
    const struct vault_item *item = NULL;

    TRY(shelf_open(ctx, &s));
    enum err e = login_find(s.vault, &a->url, &item);
    if (e == ERR_EXISTS)
        term_say(ctx->term,
                 "kith: several items have this address, \"%.*s\" is one of "
                 "them; name the user in the address.",
                 (int)item->name.n, (const char *)item->name.p);
    if (e != OK)
        return OK;
    TRY(shelf_content(ctx, &s, item, 0, &b));
    if (!is_one_line(&b))
        return not_one_line(ctx, item);
    struct bytes user = login_user(item);
    text.cap = user.n + b.n + 32;
    text.p = calloc(text.cap, 1);
    MUST(text.p != NULL);
    if (user.n > 0) {
        put(&text, bytes_text("username="));
        put(&text, user);
        put(&text, bytes_text("\n"));
    }
    put(&text, bytes_text("password="));
    put(&text, bytes_of(b.p, b.n));
    put(&text, bytes_text("\n"));
    return answer_bytes(ctx, bytes_of(text.p, text.n));
}

/* protocol://host/path, for people and for the next time. */
static bool address_of(const struct login_url *url, char out[ITEM_TEXT_MAX + 1])
{
    int n = snprintf(out, ITEM_TEXT_MAX + 1, "%.*s://%.*s%s%.*s", (int)url->protocol.n,
                     (const char *)url->protocol.p, (int)url->host.n,
                     (const char *)url->host.p, url->path.n > 0 ? "/" : "",
                     (int)url->path.n, (const char *)url->path.p);

    return n > 0 && n <= ITEM_TEXT_MAX;
}

/* "git.example (ana)", or with a number behind where that is taken. */
static bool free_name(const struct shelf *s, const struct login_url *url, char *out,
                      size_t cap)
{
    for (unsigned i = 1; i < 1000; i++) {
        int n =
            snprintf(out, cap, "%.*s (%.*s)", (int)url->host.n, (const char *)url->host.p,
                     (int)url->user.n, (const char *)url->user.p);
        if (n > 0 && (size_t)n < cap && i > 1)
            n += snprintf(out + n, cap - (size_t)n, " (%u)", i);
        if (n <= 0 || (size_t)n >= cap)
            return false;
        if (vault_find(s->vault, bytes_text(out)) == NULL)
            return true;
    }
    return false;
}

static enum err store_new(struct ctx *ctx, struct shelf *s, const struct asked *a)
{
    char name[VAULT_NAME_MAX + 1];
    char address[ITEM_TEXT_MAX + 1];

    if (!address_of(&a->url, address) || !free_name(s, &a->url, name, sizeof name))
        return OK;
    const struct vault_change change = {
        .name = bytes_text(name),
        .type = VAULT_PASSWORD,
        .hint = bytes_text("kept by git"),
        .user = a->url.user,
        .url = bytes_text(address),
        .content = &a->password,
    };
    return shelf_failed(
        ctx, s, vault_add(s->vault, &change, ctx_now(ctx), ctx->params->rng), name);
}

static enum err store_again(struct ctx *ctx, struct shelf *s,
                            const struct vault_item *item, const struct asked *a)
{
    const struct vault_change change = { item->name, (enum vault_type)item->type,
                                         item->hint, item->user,
                                         item->url,  &a->password };

    return shelf_failed(ctx, s, vault_edit(s->vault, item, &change, ctx_now(ctx)), "");
}

static enum err has_password(const struct ctx *ctx, const struct shelf *s,
                             const struct vault_item *item, struct bytes password,
                             bool *out)
{
    AUTO_BLOB struct home_blob b = { 0 };

    TRY(shelf_content(ctx, s, item, 0, &b));
    *out = b.n == password.n && b.n > 0 && secret_equal(b.p, password.p, b.n);
    return OK;
}

/* Whether the item that was found is the very one: this user, at this address. */
static bool is_very_one(const struct vault_item *item, const struct asked *a)
{
    struct login_url own = { 0 };

    return login_url_read(item->url, &own) &&
           bytes_equal(login_user(item), a->url.user) &&
           (a->url.path.n == 0 || bytes_equal(own.path, a->url.path));
}

static enum err credential_store(struct ctx *ctx, const struct asked *a)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;
    bool same = false;

    if (a->password.n == 0 || a->url.user.n == 0 || a->url.host.n == 0)
        return OK;
    TRY(shelf_open(ctx, &s));
    enum err e = login_find(s.vault, &a->url, &item);
    if (e == ERR_EXISTS)
        return OK;
    bool again = e == OK && is_very_one(item, a);
    if (again)
        TRY(has_password(ctx, &s, item, a->password, &same));
    if (same)
        return OK;
    TRY(again ? store_again(ctx, &s, item, a) : store_new(ctx, &s, a));
    return shelf_failed(ctx, &s, vault_save(s.vault, ctx_now(ctx), ctx->params->rng), "");
}

/* Only what git says was wrong; it stays in the history. */
static enum err credential_erase(struct ctx *ctx, const struct asked *a, bool allowed)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const struct vault_item *item = NULL;
    bool same = false;

    TRY(shelf_open(ctx, &s));
    if (a->password.n == 0 || login_find(s.vault, &a->url, &item) != OK)
        return OK;
    TRY(has_password(ctx, &s, item, a->password, &same));
    if (!same)
        return OK;
    if (!allowed) {
        term_say(ctx->term,
                 "kith: the password of \"%.*s\" was not accepted. It stays; "
                 "kith secret edit changes it.",
                 (int)item->name.n, (const char *)item->name.p);
        return OK;
    }
    TRY(shelf_failed(ctx, &s, vault_remove(s.vault, item, ctx_now(ctx)), ""));
    return shelf_failed(ctx, &s, vault_save(s.vault, ctx_now(ctx), ctx->params->rng), "");
}

static enum err cmd_credential(struct ctx *ctx)
{
    AUTO_BLOB struct home_blob text = { 0 };
    const char *what = ctx->args[0];
    struct asked a = { .password = { 0 } };

    TRY(read_named(ctx, "-", ASKED_MAX, &text));
    asked_read(bytes_of(text.p, text.n), &a);
    if (a.url.protocol.n == 0 || a.url.host.n == 0)
        return OK;
    if (strcmp(what, "get") == 0)
        return credential_get(ctx, &a);
    if (strcmp(what, "store") == 0 && ctx_option(ctx, "--store") != NULL)
        return credential_store(ctx, &a);
    if (strcmp(what, "erase") == 0)
        return credential_erase(ctx, &a, ctx_option(ctx, "--erase") != NULL);
    return OK; /* of what git may ask some day, nothing is known here */
}

/* ---- SSH_ASKPASS, GIT_ASKPASS, SUDO_ASKPASS ---- */

static enum err no_answer(const struct ctx *ctx, enum err e, const char *prompt)
{
    bool plain = wire_printable(bytes_text(prompt)) && strlen(prompt) <= ITEM_TEXT_MAX;

    if (e == ERR_EXISTS)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_FAILED, "askpass-several",
                            "Nothing is guessed.", NULL,
                            "Several items would answer this prompt.");
    return term_fail_as(
        ctx->term, ERR_ARG, EXIT_FAILED, "askpass-unknown",
        "Nothing is guessed: only an item with the right address answers; "
        "--url \"prompt:\" and its words make one.",
        "kith secret edit NAME --url URL", "No item answers: %s",
        plain ? prompt : "a prompt that cannot be printed");
}

static enum err answer_line(const struct ctx *ctx, struct bytes text)
{
    AUTO_BLOB struct home_blob line = { .cap = text.n + 1 };

    line.p = calloc(line.cap, 1);
    MUST(line.p != NULL);
    put(&line, text);
    put(&line, bytes_text("\n"));
    return answer_bytes(ctx, bytes_of(line.p, line.n));
}

/* ssh asks "yes or no" by the same way: a person answers that. */
static bool asks_yes_or_no(void)
{
    const char *how = getenv("SSH_ASKPASS_PROMPT");

    return how != NULL && how[0] != 0;
}

static enum err cmd_askpass(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    AUTO_BLOB struct home_blob b = { 0 };
    const struct vault_item *item = NULL;
    enum login_part part = LOGIN_PASSWORD;
    const char *prompt = ctx->args[0];

    if (asks_yes_or_no())
        return no_answer(ctx, ERR_UNKNOWN, prompt);
    TRY(shown_on_purpose(ctx));
    TRY(shelf_open(ctx, &s));
    enum err e = login_prompt(s.vault, bytes_text(prompt), &item, &part);
    if (e == OK && part == LOGIN_USER && login_user(item).n == 0)
        e = ERR_UNKNOWN;
    if (e != OK)
        return no_answer(ctx, e, prompt);
    if (part == LOGIN_USER)
        return answer_line(ctx, login_user(item));
    TRY(shelf_content(ctx, &s, item, 0, &b));
    if (!is_one_line(&b))
        return not_one_line(ctx, item);
    return answer_line(ctx, bytes_of(b.p, b.n));
}

static const struct command rows[] = {
    { .path = "credential",
      .args = "get|store|erase",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Answers git: what git-credential-kith runs.",
      .options = { { "--store", NULL, "keep what a server accepted" },
                   { "--erase", NULL, "remove what a server did not accept" } },
      .run = cmd_credential },
    { .path = "askpass",
      .args = "PROMPT",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Answers ssh, git or sudo: what kith-askpass runs.",
      .options = { { "--show", NULL, "also on a screen" } },
      .run = cmd_askpass },
};

const struct command_table cmd_ask_table = COMMANDS(rows);
