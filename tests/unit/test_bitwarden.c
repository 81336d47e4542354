/* SPDX-License-Identifier: Apache-2.0 */
/* Exports of another password manager: what is none, then what one becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/bitwarden.h"

/* One that has an entry of each kind, as the program's own documentation shows them. */
static const char whole[] =
    "{\n"
    "  \"encrypted\": false,\n"
    "  \"folders\": [ { \"id\": \"f1\", \"name\": \"Home/Bank\" } ],\n"
    "  \"items\": [\n"
    "    { \"id\": \"1\", \"organizationId\": null, \"folderId\": \"f1\", \"type\": 1,\n"
    "      \"reprompt\": 0, \"name\": \"Savings\", \"notes\": \"ask for Ms Ohm\",\n"
    "      \"favorite\": false, \"deletedDate\": null,\n"
    "      \"fields\": [ { \"name\": \"PIN\", \"value\": \"4711\", \"type\": 1,\n"
    "                    \"linkedId\": null },\n"
    "                  { \"name\": \"gone\", \"value\": null, \"type\": 3,\n"
    "                    \"linkedId\": 100 } ],\n"
    "      \"passwordHistory\": [ { \"lastUsedDate\": \"2024-01-02T03:04:05.000Z\",\n"
    "                             \"password\": \"old-one\" } ],\n"
    "      \"login\": { \"fido2Credentials\": [],\n"
    "        \"uris\": [ { \"match\": null, \"uri\": \"https://bank.example/login\" },\n"
    "                  { \"match\": null, \"uri\": \"https://bank.example/app\" } ],\n"
    "        \"username\": \"ana\", \"password\": \"p\\u00e4ss\\\"word\",\n"
    "        \"totp\": \"GEZDGNBVGY3TQOJQ\" } },\n"
    "    { \"id\": \"2\", \"folderId\": null, \"type\": 2, \"name\": \"Recipe\",\n"
    "      \"notes\": \"two eggs\\nflour\\n\", \"secureNote\": { \"type\": 0 } },\n"
    "    { \"id\": \"3\", \"type\": 3, \"name\": \"Card\", \"notes\": null,\n"
    "      \"card\": { \"cardholderName\": \"Ana Abt\", \"brand\": \"Visa\",\n"
    "        \"number\": \"4111111111111111\", \"expMonth\": \"4\", \"expYear\": "
    "\"2031\",\n"
    "        \"code\": \"123\" } },\n"
    "    { \"id\": \"4\", \"type\": 4, \"name\": \"Me\", \"notes\": \"new flat\",\n"
    "      \"identity\": { \"title\": null, \"firstName\": \"Ana\", \"passportNumber\":\n"
    "        \"C01X00T47\" } },\n"
    "    { \"id\": \"5\", \"type\": 5, \"name\": \"Laptop\", \"notes\": null,\n"
    "      \"sshKey\": { \"privateKey\": \"-----BEGIN OPENSSH PRIVATE "
    "KEY-----\\nAAAA\\n\",\n"
    "        \"publicKey\": \"ssh-ed25519 AAAA\", \"keyFingerprint\": \"SHA256:x\" } },\n"
    "    { \"id\": \"6\", \"type\": 99, \"name\": \"Later\", \"boat\": { \"mast\": 2 } "
    "},\n"
    "    { \"id\": \"7\", \"type\": 1, \"name\": \"Thrown away\", \"login\": {\n"
    "        \"password\": \"x\" }, \"deletedDate\": \"2024-01-02T03:04:05.000Z\" }\n"
    "  ]\n"
    "}\n";

static enum err read_it(struct bytes text, struct import *out, char why[IMPORT_WHY])
{
    bool encrypted = false;

    why[0] = 0;
    return bitwarden_read(text, out, &encrypted, why);
}

static void is_refused(struct bytes text, const char *part)
{
    AUTO_IMPORT struct import in = { 0 };
    char why[IMPORT_WHY];

    assert_int_equal(read_it(text, &in, why), ERR_FORMAT);
    assert_null(in.items);
    if (strstr(why, part) == NULL)
        fail_msg("%s", why);
    /* Nothing of a secret stands in a sentence about the file. */
    assert_null(strstr(why, "hunter2"));
}

static void what_is_no_export(void **state)
{
    (void)state;
    is_refused(bytes_text(""), "no whole JSON");
    is_refused(bytes_of("\0\0\0\0", 4), "no whole JSON");
    is_refused(bytes_text("hunter2"), "line 1");
    is_refused(bytes_text("{\"items\": [ {\"password\": \"hunter2"), "no whole JSON");
    is_refused(bytes_text("{\"password\": hunter2}"), "no whole JSON");
    is_refused(bytes_text("{} hunter2"), "no whole JSON");
    is_refused(bytes_text("{}"), "no list of items");
    is_refused(bytes_text("[]"), "no list of items");
    is_refused(bytes_text("{\"items\": {}}"), "no list of items");
    is_refused(bytes_text("{\"items\": [ \"hunter2\" ]}"), "Entry 1");
    is_refused(bytes_text("{\"items\": [ {\"type\": 1} ]}"), "Entry 1 has no name");
    is_refused(bytes_text("{\"items\": [ {\"name\": \"a\"} ]}"), "or no kind");
    is_refused(bytes_text("{\"items\": [ {\"name\": \"a\", \"type\": \"1\"} ]}"),
               "Entry 1");
}

static void cut_anywhere_it_is_refused(void **state)
{
    (void)state;
    /* Behind the last bracket only a line end is missing. */
    for (size_t n = 0; n + 3 < sizeof whole; n++)
        is_refused(bytes_of(whole, n), "no whole JSON");
}

static void a_changed_byte_does_no_harm(void **state)
{
    char text[sizeof whole];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof whole; i++) {
        static const char with[] = {
            '"', '{', '}', '[', ']', '0', 'n', '\\', '\0', '\xff'
        };
        AUTO_IMPORT struct import in = { 0 };
        char why[IMPORT_WHY];
        memcpy(text, whole, sizeof whole);
        text[i] = with[i % sizeof with];
        enum err e = read_it(bytes_of(text, sizeof whole - 1), &in, why);
        assert_true(e == OK || e == ERR_FORMAT);
        assert_true(e == OK || why[0] != 0);
        for (size_t k = 0; k < in.n; k++)
            assert_true(wire_printable(bytes_text(in.items[k].name)));
    }
}

static void encrypted_it_is_refused_as_such(void **state)
{
    static const char text[] = "{\"encrypted\": true, \"passwordProtected\": true, "
                               "\"data\": \"2.hunter2\"}";
    AUTO_IMPORT struct import in = { 0 };
    char why[IMPORT_WHY];
    bool encrypted = false;

    (void)state;
    assert_int_equal(bitwarden_read(bytes_text(text), &in, &encrypted, why), ERR_FORMAT);
    assert_true(encrypted);
    assert_non_null(strstr(why, "encrypted"));
    assert_null(strstr(why, "hunter2"));
}

static void a_key_twice_is_refused(void **state)
{
    (void)state;
    is_refused(bytes_text("{\"items\": [], \"items\": []}"), "no whole JSON");
    is_refused(bytes_text("{\"items\": [ {\"type\": 1, \"name\": \"a\", \"login\": "
                          "{\"password\": \"x\", \"password\": \"hunter2\"} } ]}"),
               "no whole JSON");
}

static void a_nul_is_refused(void **state)
{
    (void)state;
    is_refused(bytes_text("{\"items\": [ {\"type\": 2, \"name\": \"a\", \"notes\": "
                          "\"hunter2\\u0000\"} ]}"),
               "no whole JSON");
    is_refused(bytes_of("{\"items\": [\0]}", 14), "no whole JSON");
}

static void other_forms_of_a_part_are_refused(void **state)
{
    static const char *const parts[] = {
        "\"notes\": 7",
        "\"login\": []",
        "\"login\": { \"uris\": {} }",
        "\"login\": { \"password\": [ \"hunter2\" ] }",
        "\"login\": { \"totp\": true }",
        "\"login\": { \"uris\": [ { \"uri\": {} } ] }",
        "\"fields\": { \"name\": \"hunter2\" }",
        "\"fields\": [ { \"name\": \"a\", \"value\": 1 } ]",
        "\"passwordHistory\": \"hunter2\"",
        "\"folderId\": 1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "{\"items\": [ {\"type\": 1, \"name\": \"a\", %s} ]}", parts[i]);
        is_refused(bytes_text(text), "In entry 1");
    }
}

static void absurd_nesting_is_refused(void **state)
{
    enum { DEEP = 200000 };

    char *text = calloc(DEEP, 1);

    (void)state;
    assert_non_null(text);
    memset(text, '[', DEEP);
    is_refused(bytes_of(text, DEEP), "no whole JSON");
    for (size_t i = 0; i + 6 < DEEP; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    is_refused(bytes_of(text, DEEP), "no whole JSON");
    free(text);
}

static void longer_than_the_limit_is_refused_unread(void **state)
{
    AUTO_IMPORT struct import in = { 0 };
    char why[IMPORT_WHY];

    (void)state;
    assert_int_equal(read_it(bytes_of("{", (size_t)IMPORT_FILE_MAX + 1), &in, why),
                     ERR_TOO_BIG);
}

/* count notes of one name. */
static char *many(size_t count)
{
    static const char one[] = "{\"type\":2,\"name\":\"a\",\"notes\":\"b\"},";
    char *text = calloc(count * sizeof one + 64, 1);
    size_t n = 0;

    assert_non_null(text);
    n += (size_t)snprintf(text, 32, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        memcpy(text + n, one, sizeof one - 1);
        n += sizeof one - 1;
    }
    (void)snprintf(text + n - 1, 16, "]}");
    return text;
}

static void ten_thousand_are_read_and_too_many_refused(void **state)
{
    AUTO_IMPORT struct import in = { 0 };
    AUTO_IMPORT struct import none = { 0 };
    char why[IMPORT_WHY];
    char *text = many(10000);

    (void)state;
    assert_int_equal(read_it(bytes_text(text), &in, why), OK);
    assert_int_equal(in.n, 10000);
    assert_string_equal(in.items[9999].name, "a");
    free(text);
    text = many(IMPORT_ITEMS_MAX + 1);
    assert_int_equal(read_it(bytes_text(text), &none, why), ERR_TOO_BIG);
    assert_null(none.items);
    free(text);
}

/* ---- what it becomes ---- */

static const struct import_item *named(const struct import *in, const char *name)
{
    for (size_t i = 0; i < in->n; i++)
        if (strcmp(in->items[i].name, name) == 0)
            return &in->items[i];
    fail_msg("no item %s", name);
    return NULL;
}

static void has_content(const struct import *in, const char *name, enum vault_type type,
                        const char *content)
{
    const struct import_item *item = named(in, name);

    assert_int_equal(item->type, type);
    assert_int_equal(item->content.n, strlen(content));
    assert_memory_equal(item->content.p, content, item->content.n);
}

static void holds_line(const struct import *in, const char *name, const char *line)
{
    const struct import_item *item = named(in, name);

    if (memmem(item->content.p, item->content.n, line, strlen(line)) == NULL)
        fail_msg("%s: no %s in %.*s", name, line, (int)item->content.n,
                 (const char *)item->content.p);
}

static void each_kind_becomes_items(void **state)
{
    AUTO_IMPORT struct import in = { 0 };
    char why[IMPORT_WHY];

    (void)state;
    assert_int_equal(read_it(bytes_text(whole), &in, why), OK);
    assert_int_equal(in.entries, 6);
    assert_int_equal(in.trash, 1);
    assert_int_equal(in.unknown, 1);
    assert_int_equal(in.n, 9);
    has_content(&in, "Home/Bank/Savings", VAULT_PASSWORD, "p\xc3\xa4ss\"word");
    assert_string_equal(named(&in, "Home/Bank/Savings")->user, "ana");
    assert_string_equal(named(&in, "Home/Bank/Savings")->url,
                        "https://bank.example/login");
    has_content(&in, "Home/Bank/Savings (code)", VAULT_TOTP, "GEZDGNBVGY3TQOJQ");
    has_content(&in, "Home/Bank/Savings (notes)", VAULT_NOTE,
                "Address: https://bank.example/app\nask for Ms Ohm\nPIN: 4711\n"
                "Earlier password, until 2024-01-02T03:04:05.000Z: old-one\n");
    has_content(&in, "Recipe", VAULT_NOTE, "two eggs\nflour\n");
    has_content(&in, "Card", VAULT_NOTE,
                "Cardholder name: Ana Abt\nBrand: Visa\n"
                "Number: 4111111111111111\n"
                "Exp month: 4\nExp year: 2031\nCode: 123\n");
    holds_line(&in, "Me", "First name: Ana\nPassport number: C01X00T47\n");
    holds_line(&in, "Me", "new flat");
    has_content(&in, "Laptop", VAULT_KEY, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n");
    holds_line(&in, "Laptop (notes)", "Public key: ssh-ed25519 AAAA\n");
    holds_line(&in, "Later", "\"mast\": 2");
}

static void a_code_that_is_none_becomes_a_line(void **state)
{
    static const char text[] =
        "{\"items\": [ {\"type\": 1, \"name\": \"a\", \"login\": {\"password\": \"x\", "
        "\"totp\": \"steam://ABC\"} }, {\"type\": 1, \"name\": \"b\", \"login\": "
        "{\"username\": \"ana\", \"uris\": [ {\"uri\": \"https://b.example\"} ]} } ]}";
    AUTO_IMPORT struct import in = { 0 };
    char why[IMPORT_WHY];

    (void)state;
    assert_int_equal(read_it(bytes_text(text), &in, why), OK);
    assert_int_equal(in.n, 3);
    has_content(&in, "a", VAULT_PASSWORD, "x");
    has_content(&in, "a (notes)", VAULT_NOTE, "Secret of codes: steam://ABC\n");
    has_content(&in, "b", VAULT_NOTE, "User: ana\nAddress: https://b.example\n");
}

static void names_are_made_printable_and_leave_room(void **state)
{
    char text[2048] =
        "{\"items\": [ {\"type\": 2, \"name\": \"a\\nb\\u202ec \", \"notes\": "
        "\"x\"}, {\"type\": 2, \"name\": \"  \", \"notes\": \"\"}, {\"type\": "
        "1, \"name\": \"";
    AUTO_IMPORT struct import in = { 0 };
    char why[IMPORT_WHY];

    (void)state;
    for (size_t i = 0; i < 300; i++)
        (void)snprintf(text + strlen(text), 3, "\xc3\xa4");
    (void)snprintf(
        text + strlen(text), 128,
        "\", \"login\": {\"password\": \"x\", \"totp\": \"GEZDGNBVGY3TQOJQ\"} } ]}");
    assert_int_equal(read_it(bytes_text(text), &in, why), OK);
    assert_int_equal(in.n, 4);
    assert_string_equal(in.items[0].name, "a b c");
    has_content(&in, "unnamed", VAULT_NOTE, "\n");
    assert_int_equal(strlen(in.items[2].name), VAULT_NAME_MAX - IMPORT_NAME_ROOM);
    assert_non_null(strstr(in.items[3].name, "\xc3\xa4 (code)"));
    for (size_t i = 0; i < in.n; i++)
        assert_true(wire_printable(bytes_text(in.items[i].name)));
}

static void what_does_not_fit_a_field_becomes_a_line(void **state)
{
    char text[2048] =
        "{\"items\": [ {\"type\": 1, \"name\": \"a\", \"login\": {\"password\": "
        "\"x\", \"username\": \"two\\nlines\", \"uris\": [ {\"uri\": \"https://";
    AUTO_IMPORT struct import in = { 0 };
    char why[IMPORT_WHY];

    (void)state;
    for (size_t i = 0; i < 600; i++)
        (void)snprintf(text + strlen(text), 2, "l");
    (void)snprintf(text + strlen(text), 16, "\"} ]} } ]}");
    assert_int_equal(read_it(bytes_text(text), &in, why), OK);
    assert_string_equal(named(&in, "a")->user, "");
    assert_string_equal(named(&in, "a")->url, "");
    holds_line(&in, "a (notes)", "User: two\nlines\n");
    holds_line(&in, "a (notes)", "Address: https://lll");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_export),
        cmocka_unit_test(cut_anywhere_it_is_refused),
        cmocka_unit_test(a_changed_byte_does_no_harm),
        cmocka_unit_test(encrypted_it_is_refused_as_such),
        cmocka_unit_test(a_key_twice_is_refused),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(other_forms_of_a_part_are_refused),
        cmocka_unit_test(absurd_nesting_is_refused),
        cmocka_unit_test(longer_than_the_limit_is_refused_unread),
        cmocka_unit_test(ten_thousand_are_read_and_too_many_refused),
        cmocka_unit_test(each_kind_becomes_items),
        cmocka_unit_test(a_code_that_is_none_becomes_a_line),
        cmocka_unit_test(names_are_made_printable_and_leave_room),
        cmocka_unit_test(what_does_not_fit_a_field_becomes_a_line),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    import_wipes_json();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
