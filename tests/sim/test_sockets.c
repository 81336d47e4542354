/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each way of answering wrongly once, as in test_wrong_answers, but over real sockets:
 * kith's own rounds, and addresses as links and rosters have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/faults.h"
#include "tests/sim/sockets.h"

enum { N = 5, K = 3, LIAR = 2 };

static void cast_open(void)
{
    play_open(N, 53);
    sockets_open(N);
    faults_circle(N, K);
}

static void cast_close(void)
{
    sockets_close();
    faults_close();
}

/* Links of Ben and of who answers wrongly; the others are known by a roster. */
static void one_fault(enum fault f, bool early)
{
    size_t before = sockets_taken();
    struct scene s = { .fault = { [LIAR] = f },
                       .early = { [LIAR] = early },
                       .linked = { [0] = true, [LIAR] = true } };

    faults_playing = (struct played){ fault_names[f], early };
    assert_true(faults_play(&s));
    assert_true(sockets_taken() - before >= N);
}

static void test_each_wrong_answer_once(void **state)
{
    (void)state;
    cast_open();
    for (int f = FLIP; f < FAULTS; f++)
        one_fault((enum fault)f, false);
    cast_close();
}

static void test_lines_that_are_bad_from_the_first(void **state)
{
    (void)state;
    cast_open();
    one_fault(GOOD, true);
    for (int f = SILENT; f < FAULTS; f++)
        one_fault((enum fault)f, true);
    cast_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_wrong_answer_once),
        cmocka_unit_test(test_lines_that_are_bad_from_the_first),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        secret_end();
    return failed;
}
