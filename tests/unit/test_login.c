/* SPDX-License-Identifier: Apache-2.0 */
/* Which item answers whom: addresses, what git says, prompts; nothing is guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/login.h"
#include "tests/unit/vault_home.h"

/* ---- addresses ---- */

static void is_text(struct bytes b, const char *want)
{
    assert_int_equal(b.n, strlen(want));
    if (b.n > 0)
        assert_memory_equal(b.p, want, b.n);
}

static void what_is_no_address(void **state)
{
    struct login_url url = { .host = bytes_text("untouched") };

    (void)state;
    assert_false(login_url_read(bytes_text(""), &url));
    assert_false(login_url_read((struct bytes){ 0 }, &url));
    assert_false(login_url_read(bytes_text("://host"), &url));
    assert_false(login_url_read(bytes_text("https://"), &url));
    assert_false(login_url_read(bytes_text("https:///path"), &url));
    assert_false(login_url_read(bytes_text("https://ana@"), &url));
    assert_false(login_url_read(bytes_text("?a#b"), &url));
    is_text(url.host, "untouched");
}

static void parts_of_addresses(void **state)
{
    static const struct row {
        const char *text, *protocol, *user, *host, *path;
    } rows[] = {
        { "https://git.example", "https", "", "git.example", "" },
        { "git.example", "https", "", "git.example", "" },
        { "ssh://ana@host:22/", "ssh", "ana", "host:22", "" },
        { "http://ana@h/a/b.git/?x=1#y", "http", "ana", "h", "a/b.git" },
        { "h/p@q", "https", "", "h", "p@q" },
        { "https://h#a@b", "https", "", "h", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct login_url url = { 0 };
        assert_true(login_url_read(bytes_text(rows[i].text), &url));
        is_text(url.protocol, rows[i].protocol);
        is_text(url.user, rows[i].user);
        is_text(url.host, rows[i].host);
        is_text(url.path, rows[i].path);
    }
}

/* ---- items ---- */

struct kept {
    const char *name;
    enum vault_type type;
    const char *user;
    const char *url;
};

static void keep(struct device *d, const struct kept *list, size_t n)
{
    const struct bytes content = bytes_text("x");

    for (size_t i = 0; i < n; i++) {
        const struct vault_change change = {
            .name = bytes_text(list[i].name),
            .type = list[i].type,
            .user = bytes_text(list[i].user),
            .url = bytes_text(list[i].url),
            .content = &content,
        };
        assert_int_equal(vault_add(d->vault, &change, NOW, &crypt_random), OK);
    }
}

#define KEEP(d, list) keep((d), (list), sizeof(list) / sizeof((list)[0]))

/* url asks; the item of that name answers, or NULL and an error. */
static void finds(struct device *d, const char *url, enum err want, const char *name)
{
    struct login_url wanted = { 0 };
    const struct vault_item *item = NULL;

    assert_true(login_url_read(bytes_text(url), &wanted));
    enum err e = login_find(d->vault, &wanted, &item);
    if (e != want)
        fail_msg("%s: %s", url, err_id(e));
    if (name != NULL)
        is_text(item->name, name);
    else
        assert_true(e == ERR_UNKNOWN ? item == NULL : item != NULL);
}

static void device_up(struct device *d)
{
    device_new(d, 1);
    device_reopen(d);
}

static void nothing_near_answers(void **state)
{
    static const struct kept list[] = {
        { "no password", VAULT_NOTE, "", "https://git.example" },
        { "a key", VAULT_KEY, "", "https://git.example" },
        { "no address", VAULT_PASSWORD, "ana", "" },
        { "other", VAULT_PASSWORD, "ana", "https://git.example.org" },
        { "end", VAULT_PASSWORD, "ana", "https://example" },
        { "port", VAULT_PASSWORD, "ana", "https://git.example:8443" },
        { "plain", VAULT_PASSWORD, "ana", "http://git.example" },
        { "path", VAULT_PASSWORD, "ana", "https://paths.example/team" },
        { "git.example", VAULT_PASSWORD, "ana", "" },
    };
    struct device d = { 0 };

    (void)state;
    device_up(&d);
    KEEP(&d, list);
    finds(&d, "https://git.example", ERR_UNKNOWN, NULL);
    finds(&d, "https://ana@git.example", ERR_UNKNOWN, NULL);
    finds(&d, "https://example.org", ERR_UNKNOWN, NULL);
    finds(&d, "https://ben@git.example.org", ERR_UNKNOWN, NULL);
    finds(&d, "https://paths.example/teamwork", ERR_UNKNOWN, NULL);
    finds(&d, "https://paths.example/tea", ERR_UNKNOWN, NULL);
    device_end(&d);
}

static void the_nearest_of_those_that_fit(void **state)
{
    static const struct kept list[] = {
        { "all", VAULT_PASSWORD, "", "https://git.example" },
        { "team", VAULT_PASSWORD, "ana", "https://git.example/team" },
        { "one", VAULT_PASSWORD, "ana", "https://git.example/team/one.git" },
        { "ben", VAULT_PASSWORD, "ben", "https://git.example/team/one.git" },
        { "in address", VAULT_PASSWORD, "", "https://cy@code.example" },
    };
    struct device d = { 0 };

    (void)state;
    device_up(&d);
    KEEP(&d, list);
    finds(&d, "https://git.example/else", OK, "all");
    finds(&d, "https://git.example/team/two.git", OK, "team");
    finds(&d, "https://GIT.example/team/", OK, "team");
    finds(&d, "https://ben@git.example/team/one.git", OK, "ben");
    finds(&d, "https://ana@git.example/team/one.git", OK, "one");
    finds(&d, "https://cy@code.example", OK, "in address");
    finds(&d, "https://dora@code.example", ERR_UNKNOWN, NULL);
    /* Two as near as each other: who asks must say more. */
    finds(&d, "https://git.example/team/one.git", ERR_EXISTS, NULL);
    finds(&d, "https://git.example", ERR_EXISTS, NULL);
    device_end(&d);
}

/* ---- prompts ---- */

static void answers(struct device *d, const char *prompt, enum err want, const char *name,
                    enum login_part part)
{
    const struct vault_item *item = NULL;
    enum login_part got = LOGIN_PASSWORD;
    enum err e = login_prompt(d->vault, bytes_text(prompt), &item, &got);

    if (e != want)
        fail_msg("%s: %s", prompt, err_id(e));
    if (name == NULL)
        return;
    is_text(item->name, name);
    assert_int_equal(got, part);
}

static const struct kept asked_for[] = {
    { "git", VAULT_PASSWORD, "ana", "https://git.example" },
    { "ssh key", VAULT_PASSWORD, "", "file:///keys/ana/.ssh/id_ed25519" },
    { "host", VAULT_PASSWORD, "ana", "ssh://host.example" },
    { "sudo", VAULT_PASSWORD, "", "sudo:ana" },
    { "other", VAULT_PASSWORD, "", "prompt:Password for disk 7" },
    { "twice 1", VAULT_PASSWORD, "", "sudo:ben" },
    { "twice 2", VAULT_PASSWORD, "", "sudo:ben" },
    { "a note", VAULT_NOTE, "", "sudo:cy" },
};

static void a_prompt_that_is_not_known_is_not_answered(void **state)
{
    static const char *const prompts[] = {
        "",
        ":",
        "Password: ",
        "Password for disk 8: ",
        "sudo password for ana: ",
        "[sudo] password for an: ",
        "[sudo] password for anasta: ",
        "[sudo] password for cy: ",
        "Enter passphrase for key '/keys/ana/.ssh/id_rsa': ",
        "Enter passphrase for key '/keys/ana/.ssh/id_ed25519",
        "Bad passphrase, try again for /keys/ana/.ssh/id_ed25519: ",
        "ben@host.example's password: ",
        "@host.example's password: ",
        "Password for 'https://git.example.org': ",
        "Password for 'https://git.example",
        /* Who is asked for stands before the last @: git of old writes there what an
           address that somebody made up had encoded. */
        "Password for 'https://git.example/@evil.example': ",
        "Password for 'https://ana@git.example/@evil.example': ",
        "Password for 'https://git.example?@evil.example': ",
        "Password for 'https://git.example#@evil.example': ",
        "Username for 'https://git.example/@evil.example': ",
        "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
        /* What a server writes stands behind who it is, and never at the beginning. */
        "(ana@evil.example) [sudo] password for ana: ",
        "(ana@evil.example) Enter passphrase for key '/keys/ana/.ssh/id_ed25519': ",
        "(ana@evil.example) (ana@host.example) Password: ",
        "(ana@evil.example) ana@host.example's password: ",
        "\nana@host.example's password: ",
    };
    struct device d = { 0 };

    (void)state;
    device_up(&d);
    KEEP(&d, asked_for);
    for (size_t i = 0; i < sizeof prompts / sizeof prompts[0]; i++)
        answers(&d, prompts[i], ERR_UNKNOWN, NULL, LOGIN_PASSWORD);
    answers(&d, "[sudo] password for ben: ", ERR_EXISTS, NULL, LOGIN_PASSWORD);
    device_end(&d);
}

static void prompts_and_who_answers(void **state)
{
    struct device d = { 0 };

    (void)state;
    device_up(&d);
    KEEP(&d, asked_for);
    answers(&d, "Username for 'https://git.example': ", OK, "git", LOGIN_USER);
    answers(&d, "Password for 'https://ana@git.example': ", OK, "git", LOGIN_PASSWORD);
    answers(&d, "Enter passphrase for key '/keys/ana/.ssh/id_ed25519': ", OK, "ssh key",
            LOGIN_PASSWORD);
    answers(&d, "Enter passphrase for /keys/ana/.ssh/id_ed25519: ", OK, "ssh key",
            LOGIN_PASSWORD);
    answers(&d,
            "Enter passphrase for /keys/ana/.ssh/id_ed25519 (will confirm each use): ",
            OK, "ssh key", LOGIN_PASSWORD);
    answers(&d, "ana@host.example's password: ", OK, "host", LOGIN_PASSWORD);
    answers(&d, "(ana@host.example) Password: ", OK, "host", LOGIN_PASSWORD);
    answers(&d, "[sudo] password for ana: ", OK, "sudo", LOGIN_PASSWORD);
    answers(&d, "Password for disk 7: ", OK, "other", LOGIN_PASSWORD);
    device_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_address),
        cmocka_unit_test(parts_of_addresses),
        cmocka_unit_test(nothing_near_answers),
        cmocka_unit_test(the_nearest_of_those_that_fit),
        cmocka_unit_test(a_prompt_that_is_not_known_is_not_answered),
        cmocka_unit_test(prompts_and_who_answers),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
