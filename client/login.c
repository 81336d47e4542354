/* SPDX-License-Identifier: Apache-2.0 */
#include "client/login.h"

/* ---- texts ---- */

static uint8_t small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool same_any_case(struct bytes a, struct bytes b)
{
    bool same = a.n == b.n;

    for (size_t i = 0; same && i < a.n; i++)
        same = small(a.p[i]) == small(b.p[i]);
    return same;
}

static bool take_head(struct bytes *io, const char *head)
{
    struct bytes h = bytes_text(head);

    if (io->n < h.n || !bytes_equal(bytes_of(io->p, h.n), h))
        return false;
    *io = bytes_of(io->p + h.n, io->n - h.n);
    return true;
}

static bool take_tail(struct bytes *io, const char *tail)
{
    struct bytes t = bytes_text(tail);

    if (io->n < t.n || !bytes_equal(bytes_of(io->p + io->n - t.n, t.n), t))
        return false;
    io->n -= t.n;
    return true;
}

/* Splits at the first c: true, and *out_head before it, *io behind it. */
static bool split(struct bytes *io, char c, struct bytes *out_head)
{
    const uint8_t *at = io->n == 0 ? NULL : memchr(io->p, c, io->n);

    if (at == NULL)
        return false;
    size_t n = (size_t)(at - io->p);
    *out_head = bytes_of(io->p, n);
    *io = bytes_of(at + 1, io->n - n - 1);
    return true;
}

static struct bytes without_slashes(struct bytes path)
{
    while (path.n > 0 && path.p[0] == '/')
        path = bytes_of(path.p + 1, path.n - 1);
    while (path.n > 0 && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

/* ---- addresses ---- */

static bool take_protocol(struct bytes *io, struct bytes *out)
{
    for (size_t i = 0; i + 3 <= io->n; i++) {
        if (!bytes_equal(bytes_of(io->p + i, 3), bytes_text("://")))
            continue;
        *out = bytes_of(io->p, i);
        *io = bytes_of(io->p + i + 3, io->n - i - 3);
        return true;
    }
    return false;
}

bool login_url_read(struct bytes text, struct login_url *out)
{
    struct login_url url = { .protocol = bytes_text("https") };
    struct bytes end = { 0 };

    (void)take_protocol(&text, &url.protocol);
    /* Behind ? or # stands nothing that names a place. */
    if (split(&text, '#', &end))
        text = end;
    if (split(&text, '?', &end))
        text = end;
    url.host = text;
    if (split(&text, '/', &url.host))
        url.path = without_slashes(text);
    (void)split(&url.host, '@', &url.user);
    if (url.host.n == 0 || url.protocol.n == 0)
        return false;
    *out = url;
    return true;
}

struct bytes login_user(const struct vault_item *item)
{
    struct login_url url = { 0 };

    if (item->user.n > 0 || !login_url_read(item->url, &url))
        return item->user;
    return url.user;
}

/* ---- the one that fits ---- */

/* Whether path lies at or below; an empty one contains everything. */
static bool path_contains(struct bytes path, struct bytes below)
{
    if (path.n == 0)
        return true;
    if (below.n < path.n || !bytes_equal(bytes_of(below.p, path.n), path))
        return false;
    return below.n == path.n || below.p[path.n] == '/';
}

/* How well it fits: 0 not at all; a longer path beats a user's name, that beats nothing.
 */
static size_t fit_of(const struct vault_item *item, const struct login_url *wanted)
{
    struct login_url own = { 0 };
    struct bytes user = login_user(item);
    size_t fit = 1;

    if (item->type != VAULT_PASSWORD || item->url.n == 0 ||
        !login_url_read(item->url, &own) ||
        !same_any_case(own.protocol, wanted->protocol) ||
        !same_any_case(own.host, wanted->host))
        return 0;
    if (wanted->path.n > 0) {
        if (!path_contains(own.path, wanted->path))
            return 0;
        fit += 2 * own.path.n;
    }
    if (wanted->user.n == 0 || user.n == 0)
        return fit;
    return bytes_equal(user, wanted->user) ? fit + 1 : 0;
}

enum err login_find(const struct vault *v, const struct login_url *wanted,
                    const struct vault_item **out)
{
    const struct vault_item *best = NULL;
    size_t best_fit = 0;
    bool several = false;

    for (size_t i = 0; i < vault_count(v); i++) {
        size_t fit = fit_of(vault_at(v, i), wanted);
        if (fit == 0 || fit < best_fit)
            continue;
        several = fit == best_fit;
        best_fit = fit;
        best = vault_at(v, i);
    }
    if (best == NULL)
        return ERR_UNKNOWN;
    *out = best;
    return several ? ERR_EXISTS : OK;
}

/* ---- prompts ---- */

/* The item whose address is head and rest, exactly. */
static enum err by_address(const struct vault *v, const char *head, struct bytes rest,
                           const struct vault_item **out)
{
    const struct vault_item *found = NULL;
    bool several = false;

    for (size_t i = 0; i < vault_count(v); i++) {
        const struct vault_item *item = vault_at(v, i);
        struct bytes url = item->url;
        if (item->type != VAULT_PASSWORD || !take_head(&url, head) ||
            !bytes_equal(url, rest))
            continue;
        several = found != NULL;
        found = item;
    }
    if (found == NULL)
        return ERR_UNKNOWN;
    *out = found;
    return several ? ERR_EXISTS : OK;
}

/*
 * git: "Password for 'https://ana@git.example'". Older ones do not encode the user they
 * had from an address: in "https://git.example/@evil.example" all before @ is the user.
 */
static enum err of_git(const struct vault *v, struct bytes text,
                       const struct vault_item **out)
{
    struct login_url url = { 0 };

    if (!take_tail(&text, "'") || !login_url_read(text, &url) ||
        memchr(text.p, '?', text.n) != NULL || memchr(text.p, '#', text.n) != NULL ||
        (url.path.n > 0 && memchr(url.path.p, '@', url.path.n) != NULL))
        return ERR_UNKNOWN;
    return login_find(v, &url, out);
}

/* ssh: "ana@host.example's password", "(ana@host.example) Password". */
static enum err of_host(const struct vault *v, struct bytes text,
                        const struct vault_item **out)
{
    struct login_url url = { .protocol = bytes_text("ssh") };

    url.host = text;
    if (!split(&url.host, '@', &url.user) || url.user.n == 0 || url.host.n == 0)
        return ERR_UNKNOWN;
    return login_find(v, &url, out);
}

/* From the first word on: what a server sends stands behind "(user@host) ". */
static enum err known_prompt(const struct vault *v, struct bytes p,
                             const struct vault_item **out, enum login_part *out_part)
{
    struct bytes whole = p;

    if (take_head(&p, "Password for '"))
        return of_git(v, p, out);
    if (take_head(&p, "Username for '")) {
        *out_part = LOGIN_USER;
        return of_git(v, p, out);
    }
    if (take_head(&p, "Enter passphrase for key '") && take_tail(&p, "'"))
        return by_address(v, "file://", p, out);
    p = whole;
    if (take_head(&p, "Enter passphrase for ")) {
        (void)take_tail(&p, " (will confirm each use)");
        return by_address(v, "file://", p, out);
    }
    if (take_head(&p, "[sudo] password for "))
        return by_address(v, "sudo:", p, out);
    if (take_tail(&p, "'s password"))
        return of_host(v, p, out);
    if (take_head(&p, "(") && take_tail(&p, ") Password"))
        return of_host(v, p, out);
    return ERR_UNKNOWN;
}

enum err login_prompt(const struct vault *v, struct bytes prompt,
                      const struct vault_item **out, enum login_part *out_part)
{
    enum login_part part = LOGIN_PASSWORD;

    while (prompt.n > 0 &&
           (prompt.p[prompt.n - 1] == ' ' || prompt.p[prompt.n - 1] == ':'))
        prompt.n--;
    enum err e = known_prompt(v, prompt, out, &part);
    if (e == ERR_UNKNOWN) {
        part = LOGIN_PASSWORD;
        e = by_address(v, "prompt:", prompt, out);
    }
    if (e == OK)
        *out_part = part;
    return e;
}
