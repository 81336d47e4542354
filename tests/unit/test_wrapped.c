/* SPDX-License-Identifier: Apache-2.0 */
/* W_e outside a manifest: the line that sheets and cards carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/piece.h"
#include "tests/unit/json.h"

static const json_t *manifest_row(void **state)
{
    return json_at(*state, "manifest");
}

static const char *line_of(void **state)
{
    return json_string_value(json_at(manifest_row(state), "line"));
}

static void every_slip_in_the_line_is_seen(void **state)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const char *right = line_of(state);
    struct wrapped w = { .epoch = 42 };
    char text[WRAPPED_TEXT];

    assert_int_equal(strlen(right), WRAPPED_TEXT - 1);
    for (size_t i = 13; i < WRAPPED_TEXT - 1; i++)
        for (size_t k = 0; k < 32; k++) {
            memcpy(text, right, sizeof text);
            text[i] = letters[k];
            if (text[i] == right[i])
                continue;
            assert_int_equal(wrapped_parse(bytes_text(text), &w), ERR_CHECKSUM);
        }
    for (size_t n = 13; n < WRAPPED_TEXT - 1; n++)
        assert_int_equal(wrapped_parse(bytes_of(right, n), &w), ERR_CHECKSUM);
    assert_int_equal(w.epoch, 42);
}

static void what_is_no_such_line_is_refused(void **state)
{
    static const char *const none[] = { "",
                                        "KITH1:AAAA",
                                        "KITH-WRAPPED",
                                        "KITH_WRAPPED:AA",
                                        "wrapped:AAAA",
                                        "KITH-WRAPPEDX" };
    struct wrapped w = { .epoch = 42 };
    struct link link = { 0 };

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(wrapped_parse(bytes_text(none[i]), &w), ERR_FORMAT);
    assert_int_equal(wrapped_parse(bytes_text("KITH-WRAPPED:"), &w), ERR_CHECKSUM);
    assert_int_equal(wrapped_parse(bytes_text("KITH-WRAPPED:*"), &w), ERR_CHECKSUM);
    assert_int_equal(link_parse(bytes_text(line_of(state)), &link), ERR_FORMAT);
    assert_int_equal(w.epoch, 42);
}

/* A genuine checksum over another first byte. */
static void a_later_version_is_told_from_a_slip(void **state)
{
    uint8_t raw[129];
    uint8_t check[ID_BYTES];
    uint8_t text[WRAPPED_TEXT];
    struct buf in = BUF_OF(raw);
    struct buf out = BUF_OF(text);
    struct wrapped w = { 0 };

    assert_int_equal(base32_take(bytes_text(line_of(state) + 13), &in), OK);
    assert_int_equal(in.n, sizeof raw);
    raw[0] = 2;
    crypt_hash(LABEL_WRAPPED_LINE, PARTS(bytes_of(raw, 125)), SPAN_OF(check));
    memcpy(raw + 125, check, 4);
    buf_put(&out, bytes_text("KITH-WRAPPED:"));
    base32_put(BYTES_OF(raw), &out);
    assert_int_equal(wrapped_parse(buf_bytes(&out), &w), ERR_VERSION);
}

static void a_changed_manifest_gives_none(void **state)
{
    static uint8_t raw[MANIFEST_MAX];
    struct bytes signed_ = json_bytes(manifest_row(state), "signed", SPAN_OF(raw));
    struct wrapped w = { .epoch = 42 };

    raw[signed_.n / 2] ^= 1;
    assert_int_not_equal(wrapped_of(signed_, &w), OK);
    assert_int_not_equal(wrapped_of((struct bytes){ 0 }, &w), OK);
    assert_int_equal(w.epoch, 42);
}

static void the_line_is_that_of_the_vectors(void **state)
{
    static uint8_t raw[MANIFEST_MAX];
    struct bytes signed_ = json_bytes(manifest_row(state), "signed", SPAN_OF(raw));
    struct wrapped w = { 0 };
    struct wrapped read = { 0 };
    char text[WRAPPED_TEXT];

    assert_int_equal(wrapped_of(signed_, &w), OK);
    json_same(manifest_row(state), "before", BYTES_OF(w.ad));
    wrapped_format(&w, text);
    assert_string_equal(text, line_of(state));
    assert_int_equal(wrapped_parse(bytes_text(text), &read), OK);
    assert_memory_equal(&read, &w, sizeof w);
    /* As people and printers write it. */
    for (size_t i = 0; text[i] != '\0'; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
    uint8_t wide[2 * WRAPPED_TEXT];
    struct buf b = BUF_OF(wide);
    for (size_t i = 0; text[i] != '\0'; i++) {
        buf_put_u8(&b, (uint8_t)text[i]);
        if (i % 7 == 0)
            buf_put(&b, bytes_text(" \r\n"));
    }
    memset(&read, 0, sizeof read);
    assert_int_equal(wrapped_parse(buf_bytes(&b), &read), OK);
    assert_memory_equal(&read, &w, sizeof w);
}

static void the_line_and_the_escrow_key_give_the_root(void **state)
{
    struct wrapped w = { 0 };
    struct escrow_key escrow;
    struct root_key root = { { 0 } };
    struct root_key none = { { 0 } };
    uint8_t right[KEY_BYTES];

    json_fixed(manifest_row(state), "escrow", SPAN_OF(escrow.b));
    json_fixed(manifest_row(state), "root", SPAN_OF(right));
    assert_int_equal(wrapped_parse(bytes_text(line_of(state)), &w), OK);
    w.epoch++;
    assert_int_equal(wrapped_open(&w, &escrow, &root), ERR_AUTH);
    w.epoch--;
    escrow.b[0] ^= 1;
    assert_int_equal(wrapped_open(&w, &escrow, &root), ERR_AUTH);
    escrow.b[0] ^= 1;
    w.ad[31] ^= 1;
    assert_int_equal(wrapped_open(&w, &escrow, &root), ERR_AUTH);
    assert_memory_equal(&root, &none, sizeof root);
    w.ad[31] ^= 1;
    assert_int_equal(wrapped_open(&w, &escrow, &root), OK);
    assert_memory_equal(root.b, right, KEY_BYTES);
    assert_int_equal(secret_in_use(), 0);
}

/* ---- which address goes into a link ---- */

static void homes_and_their_addresses(void **state)
{
    static const struct {
        const char *text;
        bool private_;
    } rows[] = {
        { "127.0.0.1:1", true },      { "10.0.0.1:1", true },
        { "172.15.0.1:1", false },    { "172.16.0.1:1", true },
        { "172.31.9.1:1", true },     { "172.32.0.1:1", false },
        { "192.168.1.1:1", true },    { "192.169.1.1:1", false },
        { "169.254.3.3:1", true },    { "203.0.113.5:1", false },
        { "[::1]:1", true },          { "[fd00::1]:1", true },
        { "[fe80::1]:1", true },      { "[fec0::1]:1", false },
        { "[2001:db8::1]:1", false }, { "ben.example:1", false },
        { "localhost:1", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address a = { 0 };

        assert_int_equal(address_parse(bytes_text(rows[i].text), &a), OK);
        assert_int_equal(address_is_private(&a), rows[i].private_);
    }
}

static int open_vectors(void **state)
{
    *state = json_vectors("piece.json");
    return 0;
}

static int close_vectors(void **state)
{
    json_decref(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slip_in_the_line_is_seen),
        cmocka_unit_test(what_is_no_such_line_is_refused),
        cmocka_unit_test(a_later_version_is_told_from_a_slip),
        cmocka_unit_test(a_changed_manifest_gives_none),
        cmocka_unit_test(the_line_is_that_of_the_vectors),
        cmocka_unit_test(the_line_and_the_escrow_key_give_the_root),
        cmocka_unit_test(homes_and_their_addresses),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, open_vectors, close_vectors);
    secret_end();
    return failed;
}
