/* SPDX-License-Identifier: Apache-2.0 */
/* One remembered friend is enough, and the whole restore takes one hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/play.h"

static void test_smoke(void **state)
{
    (void)state;
    play_open(5, 1);
    play_circle("Ana", 5, 3, "72h");
    printf("%s%s", play_out(), play_said());
    KITH("Ana", "status");
    printf("%s%s", play_out(), play_said());
    play_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_smoke) };
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
