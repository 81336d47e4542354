/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/log.h"
#include "tests/unit/doc.h"

static const struct {
    uint8_t id[ID_BYTES];
} ward = { { 0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f } };

#define LINE(event, ...)                                                                 \
    log_format(event, (const struct log_field[]){ __VA_ARGS__, F_END }, line)

static void a_line_is_level_event_and_fields(void **state)
{
    (void)state;
    char line[LOG_LINE];
    uint16_t pieces = 65535;

    size_t n =
        LINE(EV_WARD_ENROLLED, F_ID("ward", ward.id), F_UINT("n", pieces),
             F_UINT("big", UINT64_MAX), F_ERR(ERR_FULL), F_TEXT("kind", "restore"));
    line[n] = '\0';
    assert_string_equal(line, "<5>ward.enrolled ward=0a1b2c3d n=65535 "
                              "big=18446744073709551615 error=full kind=restore\n");
}

static void of_an_id_only_four_bytes_are_shown(void **state)
{
    (void)state;
    char line[LOG_LINE];

    size_t n = LINE(EV_WARD_DROPPED, F_ID("ward", ward.id));
    line[n] = '\0';
    assert_non_null(strstr(line, "0a1b2c3d"));
    assert_null(strstr(line, "4e"));
}

static void a_line_that_is_too_long_loses_whole_fields(void **state)
{
    (void)state;
    char line[LOG_LINE];
    struct log_field many[40];

    for (size_t i = 0; i < 39; i++)
        many[i] = F_UINT("number", UINT64_MAX);
    many[39] = F_END;
    size_t n = log_format(EV_NODE_STARTED, many, line);
    assert_true(n <= LOG_LINE && line[n - 1] == '\n');
    line[n - 1] = '\0';
    const char *last = strrchr(line, '=');
    assert_non_null(last);
    assert_string_equal(last, "=18446744073709551615");
}

static void it_goes_to_standard_error_in_one_piece(void **state)
{
    (void)state;
    int ends[2];
    char got[LOG_LINE] = "";

    assert_int_equal(pipe(ends), 0);
    int keep = dup(STDERR_FILENO);
    assert_true(keep >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    LOG(INFO, EV_NODE_STARTED);
    assert_true(dup2(keep, STDERR_FILENO) >= 0);
    assert_true(read(ends[0], got, sizeof(got) - 1) > 0);
    assert_string_equal(got, "<6>node.started\n");
    assert_int_equal(close(keep) + close(ends[0]) + close(ends[1]), 0);
}

static void every_event_is_named_once_and_explained(void **state)
{
    (void)state;
    for (unsigned e = 0; e < EV_COUNT; e++) {
        const char *name = log_name((enum log_event)e);
        assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz-.") == strlen(name));
        assert_non_null(strchr(name, '.'));
        const char *meaning = log_meaning((enum log_event)e);
        assert_true(strlen(meaning) > 10 && meaning[strlen(meaning) - 1] == '.');
        for (unsigned other = 0; other < e; other++)
            assert_string_not_equal(name, log_name((enum log_event)other));
    }
}

#define DOC_HEAD                                                                         \
    "<!-- Made from node/log.h by `KITH_WRITE_DOCS=1 test_log`; a test compares. -->\n"  \
    "# What kithd logs\n\n"                                                              \
    "One line an event on standard error: `<level>event key=value ...`, levels as in "   \
    "syslog(3): 3 error,\n4 warning, 5 notice, 6 info. journald adds the time. Of an "   \
    "id only the first four bytes are\nshown; names, texts of people, addresses of "     \
    "peers and secrets are never logged.\n\n"                                            \
    "| event | level | what it means |\n|---|---|---|\n"

static void the_document_equals_the_table(void **state)
{
    (void)state;
    static char want[16384];
    static const char *const levels[] = { [LOG_ERROR] = "error",
                                          [LOG_WARN] = "warning",
                                          [LOG_NOTICE] = "notice",
                                          [LOG_INFO] = "info" };
    size_t n = (size_t)snprintf(want, sizeof(want), "%s", DOC_HEAD);

    for (unsigned e = 0; e < EV_COUNT; e++) {
        n += (size_t)snprintf(want + n, sizeof(want) - n, "| `%s` | %s | %s |\n",
                              log_name((enum log_event)e),
                              levels[log_level((enum log_event)e)],
                              log_meaning((enum log_event)e));
        assert_true(n < sizeof(want));
    }
    doc_equals("docs/LOG.md", want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_level_event_and_fields),
        cmocka_unit_test(of_an_id_only_four_bytes_are_shown),
        cmocka_unit_test(a_line_that_is_too_long_loses_whole_fields),
        cmocka_unit_test(it_goes_to_standard_error_in_one_piece),
        cmocka_unit_test(every_event_is_named_once_and_explained),
        cmocka_unit_test(the_document_equals_the_table),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
