/* SPDX-License-Identifier: Apache-2.0 */
/* A home that waits for its root gets no other one meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sim/play.h"

static void restore_begins(struct play_guardian *g)
{
    char text[LINK_TEXT];
    struct link link;

    play_sit(0, "Ana", g);
    play_link(g, &link);
    assert_int_equal(link_format(&link, text, sizeof text), OK);
    KITH_FINE("Later", "restore", "start", "--no-passphrase", text);
}

static void test_nothing_makes_a_root_beside_a_restore(void **state)
{
    struct play_guardian g;
    char path[256];

    (void)state;
    play_open(3, 77);
    play_circle("Ana", 3, 2, "0");
    restore_begins(&g);
    (void)snprintf(path, sizeof path, "%s/root", play_home("Later"));
    assert_int_equal(KITH("Later", "init", "--name", "Ana", "--no-passphrase"), 2);
    assert_int_equal(access(path, F_OK), -1);
    /* Taken back, the home is anybody's. */
    KITH_FINE("Later", "restore", "cancel");
    KITH_FINE("Later", "init", "--name", "Ana", "--no-passphrase");
    assert_int_equal(access(path, F_OK), 0);
    play_rise(&g);
    play_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_makes_a_root_beside_a_restore),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
