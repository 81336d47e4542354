/* SPDX-License-Identifier: Apache-2.0 */
#include "client/howto.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/login.h"
#include "client/otp.h"
#include "proto/secret.h"

struct maker {
    struct howto *out;
    size_t n;
    char name[VAULT_NAME_MAX + 3]; /* for a shell, also within double quotes */
};

__attribute__((format(printf, 3, 4))) static void add(struct maker *m, const char *what,
                                                      const char *fmt, ...)
{
    va_list args;

    if (m->n == HOWTO_LINES)
        return;
    struct howto *h = &m->out[m->n];
    h->what = what;
    va_start(args, fmt);
    int n = vsnprintf(h->line, sizeof h->line, fmt, args);
    va_end(args);
    m->n += n > 0 && (size_t)n < sizeof h->line; /* a line that is cut helps nobody */
}

/* ---- the name, as a shell takes it ---- */

static bool all_of(struct bytes text, const char *more)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c >= 0x80;
        if (!plain && strchr(more, c) == NULL)
            return false;
    }
    return true;
}

/* Plain, or in single quotes, or else the id: two shells may read the line in turn. */
static void name_for_shell(const struct vault_item *item, char *out, size_t cap)
{
    struct bytes name = item->name;
    char id[2 * ID_BYTES + 1];

    MUST(name.n <= VAULT_NAME_MAX);
    hex_encode(BYTES_OF(item->id), id, sizeof id);
    if (name.n > 0 && name.p[0] != '-' && all_of(name, "._/@:+-"))
        (void)snprintf(out, cap, "%.*s", (int)name.n, (const char *)name.p);
    else if (name.n > 0 && name.p[0] != '-' && all_of(name, "._/@:+- ()[]{},;#&*?=~<>|"))
        (void)snprintf(out, cap, "'%.*s'", (int)name.n, (const char *)name.p);
    else
        (void)snprintf(out, cap, "%.12s", id);
}

/* ---- what it is ---- */

static bool holds(struct bytes text, const char *part)
{
    return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* The word in name or hint, in any case. */
static bool speaks_of(const struct vault_item *item, const char *word)
{
    const struct bytes texts[] = { item->name, item->hint };
    char text[512];

    for (size_t i = 0; i < 2; i++) {
        size_t n = texts[i].n < sizeof text ? texts[i].n : sizeof text - 1;
        if (n > 0)
            memcpy(text, texts[i].p, n);
        text[n] = 0;
        if (strcasestr(text, word) != NULL)
            return true;
    }
    return false;
}

static bool url_begins(const struct vault_item *item, const char *head)
{
    size_t n = strlen(head);

    return item->url.n > n && bytes_equal(bytes_of(item->url.p, n), bytes_text(head));
}

/* ---- lines ---- */

static void for_keys(struct maker *m, const struct vault_item *item, struct bytes content)
{
    if (holds(content, "AGE-SECRET-KEY-1"))
        add(m, "age", "kith secret get %s | age --decrypt -i - -o FILE FILE.age",
            m->name);
    if (holds(content, "PGP PRIVATE KEY BLOCK"))
        add(m, "gpg", "kith secret get %s | gpg --batch --import", m->name);
    else if (holds(content, "-----BEGIN ") && holds(content, "PRIVATE KEY-----"))
        add(m, "ssh", "kith secret get %s | ssh-add -", m->name);
    if (m->n == 0 && (speaks_of(item, "gpg") || speaks_of(item, "pgp")))
        add(m, "gpg", "kith secret get %s | gpg --batch --import", m->name);
}

static void for_disks(struct maker *m, const struct vault_item *item)
{
    static const char *const words[] = { "luks", "cryptsetup", "disk" };
    bool found = false;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        found = found || speaks_of(item, words[i]);
    if (found)
        add(m, "cryptsetup",
            "kith secret get %s | sudo cryptsetup open --key-file=- DEVICE NAME",
            m->name);
}

static void for_backups(struct maker *m, const struct vault_item *item)
{
    if (speaks_of(item, "restic"))
        add(m, "restic",
            "restic --password-command \"kith secret get %s\" --repo REPOSITORY "
            "snapshots",
            m->name);
    if (speaks_of(item, "borg"))
        add(m, "borg", "BORG_PASSCOMMAND=\"kith secret get %s\" borg list REPOSITORY",
            m->name);
}

static void for_prompts(struct maker *m, const struct vault_item *item)
{
    const char *url = (const char *)item->url.p;
    int n = (int)item->url.n;

    if (!all_of(item->url, "._/@:+-~"))
        return;
    struct login_url at = { 0 };
    if ((url_begins(item, "https://") || url_begins(item, "http://")) &&
        login_url_read(item->url, &at))
        add(m, "git", "git config --global credential.%.*s://%.*s.helper kith",
            (int)at.protocol.n, (const char *)at.protocol.p, (int)at.host.n,
            (const char *)at.host.p);
    if (url_begins(item, "file:///"))
        add(m, "ssh", "SSH_ASKPASS=kith-askpass SSH_ASKPASS_REQUIRE=force ssh-add %.*s",
            n - 7, url + 7);
    if (url_begins(item, "sudo:"))
        add(m, "sudo", "SUDO_ASKPASS=\"$(command -v kith-askpass)\" sudo -A COMMAND");
}

static void for_codes_by_time(struct maker *m, struct bytes content)
{
    static const char *const hashes[] = { "sha1", "sha256", "sha512" };
    AUTO_SECRET struct otp *o = NULL;
    const char *why = "";

    add(m, "a code", "kith secret otp %s", m->name);
    if (secret_new(&o) != OK || otp_parse(content, o, &why) != OK)
        return;
    add(m, "oathtool",
        "kith secret get %s%s | oathtool --totp=%s --digits=%u --time-step-size=%us "
        "--base32 -",
        m->name,
        holds(content, "://") ? " | sed -E 's/.*[?&]secret=([^&%]*).*/\\1/'" : "",
        hashes[o->hash], o->digits, o->period);
}

static void for_the_rest(struct maker *m, const struct vault_item *item)
{
    switch (item->type) {
    case VAULT_CODES:
        add(m, "the next unused code", "kith secret get %s --next", m->name);
        break;
    case VAULT_FILE:
        add(m, "as a file", "kith secret get %s > FILE", m->name);
        break;
    case VAULT_NOTE:
        add(m, "to read it", "kith secret get %s --show", m->name);
        break;
    default:
        add(m, "any program that takes a file",
            "kith secret exec %s=SECRET_FILE -- COMMAND", m->name);
        break;
    }
}

size_t howto_of(const struct vault_item *item, struct bytes content,
                struct howto out[HOWTO_LINES])
{
    struct maker m = { .out = out };

    name_for_shell(item, m.name, sizeof m.name);
    if (item->type == VAULT_TOTP)
        for_codes_by_time(&m, content);
    if (item->type == VAULT_KEY || item->type == VAULT_FILE)
        for_keys(&m, item, content);
    if (item->type == VAULT_KEY || item->type == VAULT_FILE ||
        item->type == VAULT_PASSWORD) {
        for_disks(&m, item);
        for_backups(&m, item);
    }
    if (item->type == VAULT_PASSWORD)
        for_prompts(&m, item);
    if (m.n == 0 || item->type == VAULT_FILE)
        for_the_rest(&m, item);
    return m.n;
}
