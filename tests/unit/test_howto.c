/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that hand an item to a program; e2e.tools runs each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/howto.h"
#include "proto/secret.h"

static struct vault_item item_of(enum vault_type type, const char *name, const char *hint,
                                 const char *url)
{
    return (struct vault_item){ .id = { 0xab, 0xcd, 0xef, 1, 2, 3 },
                                .type = (uint8_t)type,
                                .name = bytes_text(name),
                                .hint = bytes_text(hint),
                                .url = bytes_text(url) };
}

static void gives(const struct vault_item *item, const char *content, size_t count,
                  const char *first)
{
    struct howto lines[HOWTO_LINES];
    size_t n = howto_of(item, bytes_text(content), lines);

    assert_int_equal(n, count);
    assert_string_equal(lines[0].line, first);
    /* Never a part of what it hands over. */
    for (size_t i = 0; i < n; i++)
        assert_null(strstr(lines[i].line, "hunter2"));
}

/* No name may end a quote, run anything, or look like an option. */
static void a_name_is_one_word_of_a_shell(void **state)
{
    static const struct row {
        const char *name, *line;
    } rows[] = {
        { "web", "kith secret exec web=SECRET_FILE -- COMMAND" },
        { "two words", "kith secret exec 'two words'=SECRET_FILE -- COMMAND" },
        { "k\xc3\xa4se", "kith secret exec k\xc3\xa4se=SECRET_FILE -- COMMAND" },
        { "-web", "kith secret exec abcdef010203=SECRET_FILE -- COMMAND" },
        { "it's", "kith secret exec abcdef010203=SECRET_FILE -- COMMAND" },
        { "a\"b", "kith secret exec abcdef010203=SECRET_FILE -- COMMAND" },
        { "a$(b)", "kith secret exec abcdef010203=SECRET_FILE -- COMMAND" },
        { "a`b`", "kith secret exec abcdef010203=SECRET_FILE -- COMMAND" },
        { "a\\b", "kith secret exec abcdef010203=SECRET_FILE -- COMMAND" },
        { "a!b", "kith secret exec abcdef010203=SECRET_FILE -- COMMAND" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vault_item item = item_of(VAULT_PASSWORD, rows[i].name, "", "");
        gives(&item, "hunter2", 1, rows[i].line);
    }
}

static void an_address_is_no_way_into_a_shell(void **state)
{
    static const char *const urls[] = { "https://h';id;'", "https://h$(id)",
                                        "file:///a b",     "file:///a;id",
                                        "sudo:a\nb",       "https://" };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct vault_item item = item_of(VAULT_PASSWORD, "web", "", urls[i]);
        gives(&item, "hunter2", 1, "kith secret exec web=SECRET_FILE -- COMMAND");
    }
}

static void by_type(void **state)
{
    struct vault_item note = item_of(VAULT_NOTE, "web", "restic", "https://h");
    struct vault_item codes = item_of(VAULT_CODES, "web", "restic", "https://h");
    struct vault_item file = item_of(VAULT_FILE, "scan.pdf", "", "");
    struct vault_item key = item_of(VAULT_KEY, "k", "", "");

    (void)state;
    gives(&note, "hunter2", 1, "kith secret get web --show");
    gives(&codes, "hunter2", 1, "kith secret get web --next");
    gives(&file, "hunter2", 1, "kith secret get scan.pdf > FILE");
    gives(&key, "hunter2", 1, "kith secret exec k=SECRET_FILE -- COMMAND");
}

static void by_content(void **state)
{
    struct vault_item key = item_of(VAULT_KEY, "k", "", "");

    (void)state;
    gives(&key, "# hunter2\nAGE-SECRET-KEY-1QQ", 1,
          "kith secret get k | age --decrypt -i - -o FILE FILE.age");
    gives(&key, "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2", 1,
          "kith secret get k | ssh-add -");
    gives(&key, "-----BEGIN PGP PRIVATE KEY BLOCK-----\nhunter2", 1,
          "kith secret get k | gpg --batch --import");
}

static void by_words(void **state)
{
    struct vault_item restic = item_of(VAULT_PASSWORD, "Restic home", "", "");
    struct vault_item borg =
        item_of(VAULT_PASSWORD, "b", "opens the borg repository", "");
    struct vault_item disk = item_of(VAULT_KEY, "b", "LUKS of the old disk", "");
    struct vault_item both = item_of(VAULT_PASSWORD, "borg", "and restic, on a disk", "");
    struct vault_item gpg = item_of(VAULT_KEY, "gpg", "", "");

    (void)state;
    gives(&restic, "hunter2", 1,
          "restic --password-command \"kith secret get 'Restic home'\" --repo REPOSITORY "
          "snapshots");
    gives(&borg, "hunter2", 1,
          "BORG_PASSCOMMAND=\"kith secret get b\" borg list REPOSITORY");
    gives(&disk, "hunter2", 1,
          "kith secret get b | sudo cryptsetup open --key-file=- DEVICE NAME");
    gives(&both, "hunter2", 3,
          "kith secret get borg | sudo cryptsetup open --key-file=- DEVICE NAME");
    gives(&gpg, "hunter2", 1, "kith secret get gpg | gpg --batch --import");
}

static void by_address(void **state)
{
    struct vault_item git = item_of(VAULT_PASSWORD, "g", "", "https://git.example:1/a/b");
    struct vault_item ssh = item_of(VAULT_PASSWORD, "s", "", "file:///keys/ana/.ssh/id");
    struct vault_item sudo = item_of(VAULT_PASSWORD, "s", "", "sudo:ana");

    (void)state;
    gives(&git, "hunter2", 1,
          "git config --global credential.https://git.example:1.helper kith");
    gives(&ssh, "hunter2", 1,
          "SSH_ASKPASS=kith-askpass SSH_ASKPASS_REQUIRE=force ssh-add /keys/ana/.ssh/id");
    gives(&sudo, "hunter2", 1,
          "SUDO_ASKPASS=\"$(command -v kith-askpass)\" sudo -A COMMAND");
}

static void codes_by_time(void **state)
{
    struct vault_item totp = item_of(VAULT_TOTP, "t", "", "");
    struct howto lines[HOWTO_LINES];

    (void)state;
    gives(&totp, "hunter2", 1, "kith secret otp t");
    gives(&totp, "GEZDGNBVGY3TQOJQ", 2, "kith secret otp t");
    assert_int_equal(howto_of(&totp, bytes_text("GEZDGNBVGY3TQOJQ"), lines), 2);
    assert_string_equal(lines[1].line,
                        "kith secret get t | oathtool --totp=sha1 --digits=6 "
                        "--time-step-size=30s --base32 -");
    assert_int_equal(
        howto_of(&totp,
                 bytes_text("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ&digits=8&period=60"
                            "&algorithm=SHA512"),
                 lines),
        2);
    assert_string_equal(
        lines[1].line,
        "kith secret get t | sed -E 's/.*[?&]secret=([^&%]*).*/\\1/' | "
        "oathtool --totp=sha512 --digits=8 --time-step-size=60s --base32 -");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_one_word_of_a_shell),
        cmocka_unit_test(an_address_is_no_way_into_a_shell),
        cmocka_unit_test(by_type),
        cmocka_unit_test(by_content),
        cmocka_unit_test(by_words),
        cmocka_unit_test(by_address),
        cmocka_unit_test(codes_by_time),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
