/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/clock.h"

enum { T0 = 1800000000, MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* A machine that has been up for an hour when its wall shows wall_s. */
static struct clock_look at(uint64_t wall_s, uint64_t up_s)
{
    return (struct clock_look){ wall_s * 1000, (HOUR + up_s) * 1000 };
}

static struct clock started(enum clock_trust trust, enum clock_sync sync, uint64_t mark)
{
    struct clock c = { 0 };

    clock_start(&c, trust, sync, mark, at(T0, 0));
    return c;
}

static struct clock running(void)
{
    return started(CLOCK_ASK_KERNEL, CLOCK_SYNCHRONISED, 0);
}

static void a_forward_step_freezes_and_adds_nothing(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + MINUTE + HOUR + 1, MINUTE)), T0);
    assert_int_equal(c.state, CLOCK_FROZEN);
    /* Not a day later either, nor when the step is taken back. */
    assert_int_equal(clock_now(&c, at(T0 + DAY, DAY)), T0);
    assert_int_equal(clock_now(&c, at(T0 + 2 * MINUTE, DAY + MINUTE)), T0);
    assert_int_equal(c.state, CLOCK_FROZEN);
}

static void a_step_of_an_hour_is_drift_but_gains_nothing(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + MINUTE + HOUR, MINUTE)), T0 + MINUTE);
    assert_int_equal(c.state, CLOCK_RUNS);
    /* Hour by hour does not hurry it: a day's worth of steps in a day's 24 minutes. */
    for (uint64_t i = 2; i <= 24; i++)
        (void)clock_now(&c, at(T0 + i * (MINUTE + HOUR), i * MINUTE));
    assert_int_equal(clock_now(&c, at(T0 + 25 * (MINUTE + HOUR), 25 * MINUTE)),
                     T0 + 25 * MINUTE);
}

/* A small computer without a clock of its own: the time comes over the network. */
static void started_too_early_it_runs_once_the_kernel_knows(void **state)
{
    struct clock c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0 + DAY);

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + 2 * DAY, MINUTE)), T0 + DAY);
    assert_int_equal(c.state, CLOCK_FROZEN);
    clock_synchronised(&c, at(T0 + 2 * DAY + MINUTE, 2 * MINUTE));
    assert_int_equal(c.state, CLOCK_RUNS);
    assert_int_equal(clock_now(&c, at(T0 + 2 * DAY + 2 * MINUTE, 3 * MINUTE)),
                     T0 + 2 * DAY + 2 * MINUTE);
}

static void nor_does_it_go_back_when_the_kernel_knows(void **state)
{
    struct clock c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0 + DAY);

    (void)state;
    clock_synchronised(&c, at(T0 + MINUTE, MINUTE));
    assert_int_equal(clock_now(&c, at(T0 + 2 * MINUTE, 2 * MINUTE)), T0 + DAY);
}

static void what_jumped_while_running_waits_for_a_person(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + DAY, MINUTE)), T0);
    clock_synchronised(&c, at(T0 + DAY + MINUTE, 2 * MINUTE));
    assert_int_equal(c.state, CLOCK_FROZEN);
    assert_int_equal(clock_now(&c, at(T0 + DAY + HOUR, HOUR)), T0);
    /* Also when it had waited for the kernel before. */
    c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0);
    clock_synchronised(&c, at(T0, MINUTE));
    (void)clock_now(&c, at(T0 + DAY, 2 * MINUTE));
    assert_int_equal(c.state, CLOCK_FROZEN);
    clock_synchronised(&c, at(T0 + DAY, 3 * MINUTE));
    assert_int_equal(c.state, CLOCK_FROZEN);
}

static void a_trusted_clock_does_not_freeze(void **state)
{
    struct clock c = started(CLOCK_TRUSTED, CLOCK_UNSYNCHRONISED, 0);

    (void)state;
    assert_int_equal(c.state, CLOCK_RUNS);
    assert_int_equal(clock_now(&c, at(T0 + MINUTE + DAY, MINUTE)), T0 + MINUTE);
    assert_int_equal(c.state, CLOCK_RUNS);
}

static void set_back_it_waits_and_never_returns(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + MINUTE, MINUTE)), T0 + MINUTE);
    assert_int_equal(clock_now(&c, at(T0 - HOUR, 2 * MINUTE)), T0 + MINUTE);
    assert_int_equal(clock_now(&c, at(T0, 62 * MINUTE)), T0 + MINUTE);
    assert_int_equal(c.state, CLOCK_RUNS);
    /* The wall has caught up: not a second ahead of it. */
    assert_int_equal(clock_now(&c, at(T0 + MINUTE + 2, 63 * MINUTE + 2)),
                     T0 + MINUTE + 2);
    assert_int_equal(clock_now(&c, at(T0 + 2 * MINUTE, 64 * MINUTE)), T0 + 2 * MINUTE);
}

static void back_and_forth_gains_nothing(void **state)
{
    struct clock c = running();
    uint64_t last = 0;

    (void)state;
    for (uint64_t i = 1; i <= 1000; i++)
        last = clock_now(&c, at(T0 + (i % 2 == 0 ? 0 : 50 * MINUTE), i));
    assert_true(last <= T0 + 1000);
    assert_int_equal(c.state, CLOCK_RUNS);
}

static void a_boot_clock_that_stands_or_returns_adds_nothing(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + MINUTE, 0)), T0);
    c.last.boot_ms += DAY;
    assert_int_equal(clock_now(&c, at(T0 + 2 * MINUTE, 0)), T0);
}

static void time_while_off_counts(void **state)
{
    struct clock c = started(CLOCK_ASK_KERNEL, CLOCK_SYNCHRONISED, T0 - 3 * DAY);

    (void)state;
    assert_int_equal(c.state, CLOCK_RUNS);
    assert_int_equal(clock_now(&c, at(T0, 0)), T0);
}

static void while_suspended_too(void **state)
{
    struct clock c = running();

    (void)state;
    /* Boot time includes it, so both clocks agree: no step. */
    assert_int_equal(clock_now(&c, at(T0 + DAY, DAY)), T0 + DAY);
    assert_int_equal(c.state, CLOCK_RUNS);
}

static void unsynchronised_it_stands_at_the_mark(void **state)
{
    struct clock c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0 - DAY);

    (void)state;
    assert_int_equal(c.state, CLOCK_FROZEN);
    assert_int_equal(clock_now(&c, at(T0, 0)), T0 - DAY);
    assert_int_equal(clock_now(&c, at(T0 + DAY, DAY)), T0 - DAY);
    /* A first start has nothing to stand at but the wall. */
    c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, 0);
    assert_int_equal(clock_now(&c, at(T0 + DAY, DAY)), T0);
    assert_int_equal(c.state, CLOCK_FROZEN);
}

static void a_wall_behind_the_mark_waits_for_it(void **state)
{
    struct clock c = started(CLOCK_TRUSTED, CLOCK_SYNCHRONISED, T0 + DAY);

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + HOUR, HOUR)), T0 + DAY);
    assert_int_equal(clock_now(&c, at(T0 + DAY + 1, DAY + 1)), T0 + DAY + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forward_step_freezes_and_adds_nothing),
        cmocka_unit_test(started_too_early_it_runs_once_the_kernel_knows),
        cmocka_unit_test(nor_does_it_go_back_when_the_kernel_knows),
        cmocka_unit_test(what_jumped_while_running_waits_for_a_person),
        cmocka_unit_test(a_step_of_an_hour_is_drift_but_gains_nothing),
        cmocka_unit_test(a_trusted_clock_does_not_freeze),
        cmocka_unit_test(set_back_it_waits_and_never_returns),
        cmocka_unit_test(back_and_forth_gains_nothing),
        cmocka_unit_test(a_boot_clock_that_stands_or_returns_adds_nothing),
        cmocka_unit_test(time_while_off_counts),
        cmocka_unit_test(while_suspended_too),
        cmocka_unit_test(unsynchronised_it_stands_at_the_mark),
        cmocka_unit_test(a_wall_behind_the_mark_waits_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
