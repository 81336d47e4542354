/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bytes.h"
#include "proto/err.h"
#include "proto/secret.h"
#include "tests/unit/death.h"

/* Wire numbers are frozen: a row may be added here, never changed. */
static const struct {
    enum err code;
    uint16_t wire;
} frozen[] = {
    { ERR_TOO_BIG, 1 },  { ERR_FORMAT, 2 }, { ERR_VERSION, 3 },    { ERR_REFUSED, 16 },
    { ERR_EXPIRED, 17 }, { ERR_USED, 18 },  { ERR_FULL, 19 },      { ERR_BUSY, 20 },
    { ERR_UNKNOWN, 21 }, { ERR_STATE, 22 }, { ERR_CONFLICT, 23 },  { ERR_STOPPED, 24 },
    { ERR_TRIES, 25 },   { ERR_IO, 27 },    { ERR_DISK_FULL, 26 }, { ERR_FROZEN, 28 },
    { ERR_PAUSED, 29 },  { ERR_LEFT, 30 },  { ERR_NEWER, 31 },     { ERR_CERT, 32 },
    { ERR_MOVED, 33 },
};

static void wire_numbers_are_frozen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(frozen) / sizeof(frozen[0]); i++) {
        assert_int_equal(err_wire(frozen[i].code), frozen[i].wire);
        assert_int_equal(err_from_wire(frozen[i].wire), frozen[i].code);
    }
}

static void a_private_code_leaves_as_refused(void **state)
{
    (void)state;
    assert_int_equal(err_wire(ERR_AUTH), err_wire(ERR_REFUSED));
    assert_int_equal(err_wire(ERR_NOMEM), err_wire(ERR_REFUSED));
}

static void an_unknown_number_is_refused(void **state)
{
    (void)state;
    assert_int_equal(err_from_wire(0), ERR_REFUSED);
    assert_int_equal(err_from_wire(15), ERR_REFUSED);
    assert_int_equal(err_from_wire(UINT16_MAX), ERR_REFUSED);
}

static void assert_sentence(const char *s)
{
    size_t n = strlen(s);

    assert_true(n > 5 && n < 120);
    assert_true(s[0] >= 'A' && s[0] <= 'Z');
    assert_true(s[n - 1] == '.');
}

static void every_row_is_whole_and_unlike_the_others(void **state)
{
    (void)state;
    for (unsigned a = OK + 1; a < ERR_COUNT; a++) {
        assert_sentence(err_text((enum err)a));
        assert_sentence(err_hint((enum err)a));
        assert_true(strncmp(err_name((enum err)a), "ERR_", 4) == 0);
        assert_true(strspn(err_id((enum err)a), "abcdefghijklmnopqrstuvwxyz-") ==
                    strlen(err_id((enum err)a)));
        for (unsigned b = a + 1; b < ERR_COUNT; b++)
            assert_string_not_equal(err_id((enum err)a), err_id((enum err)b));
    }
    assert_string_equal(err_name(OK), "OK");
}

static enum err pass_on(enum err e, bool *out_reached)
{
    TRY(e);
    *out_reached = true;
    return OK;
}

static void try_returns_what_is_not_ok(void **state)
{
    (void)state;
    bool reached = false;

    assert_int_equal(pass_on(ERR_BUSY, &reached), ERR_BUSY);
    assert_false(reached);
    assert_int_equal(pass_on(OK, &reached), OK);
    assert_true(reached);
}

static void break_a_promise(void *ctx)
{
    MUST(ctx != NULL);
}

static void name_no_error(void *ctx)
{
    (void)ctx;
    (void)err_name(ERR_COUNT); /* dies before it returns */
}

static void must_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(death_signal(break_a_promise, NULL), SIGABRT);
    assert_int_equal(death_signal(name_no_error, NULL), SIGABRT);
}

#define DOC_HEAD                                                                         \
    "<!-- Made from proto/err.h by `KITH_WRITE_DOCS=1 test_err`; a test compares. -->\n" \
    "# Errors\n\n"                                                                       \
    "Every way a Kith program can fail. The id is stable: scripts may rely on it. "      \
    "Codes without a\nwire number never leave the machine; the other side sees "         \
    "`refused`.\n\n"                                                                     \
    "| code | wire | id | what happened | what to do |\n|---|---|---|---|---|\n"

static size_t render(char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "%s", DOC_HEAD);

    for (unsigned e = OK + 1; e < ERR_COUNT; e++) {
        char wire[8] = "";
        if (err_wire((enum err)e) != err_wire(ERR_REFUSED) || e == ERR_REFUSED)
            (void)snprintf(wire, sizeof(wire), "%u", err_wire((enum err)e));
        n += (size_t)snprintf(out + n, cap - n, "| `%s` | %s | %s | %s | %s |\n",
                              err_name((enum err)e), wire, err_id((enum err)e),
                              err_text((enum err)e), err_hint((enum err)e));
        assert_true(n < cap);
    }
    return n;
}

static void the_document_equals_the_table(void **state)
{
    (void)state;
    static char want[32768];
    static char have[32768];
    size_t n = render(want, sizeof(want));
    const char *path = KITH_SOURCE "/docs/ERRORS.md";

    if (getenv("KITH_WRITE_DOCS") != NULL) {
        FILE *w = fopen(path, "w");
        assert_non_null(w);
        assert_int_equal(fwrite(want, 1, n, w), n);
        assert_int_equal(fclose(w), 0);
    }
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t got = fread(have, 1, sizeof(have) - 1, f);
    assert_int_equal(fclose(f), 0);
    have[got] = '\0';
    assert_string_equal(have, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_numbers_are_frozen),
        cmocka_unit_test(a_private_code_leaves_as_refused),
        cmocka_unit_test(an_unknown_number_is_refused),
        cmocka_unit_test(every_row_is_whole_and_unlike_the_others),
        cmocka_unit_test(try_returns_what_is_not_ok),
        cmocka_unit_test(must_ends_the_process),
        cmocka_unit_test(the_document_equals_the_table),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
