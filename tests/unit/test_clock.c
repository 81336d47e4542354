/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/clock.h"

enum { T0 = 1800000000, MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* A machine that has been up for an hour when its wall shows wall_s; boot 1 of it. */
static struct clock_look at(uint64_t wall_s, uint64_t up_s)
{
    return (struct clock_look){ .wall_ms = wall_s * 1000,
                                .boot_ms = (HOUR + up_s) * 1000,
                                .boot = { 1 } };
}

/* What an earlier start left when the node's time was now_s, in another boot. */
static struct clock_mark left_at(uint64_t now_s)
{
    return (struct clock_mark){
        .now_ms = now_s * 1000,
        .look = { .wall_ms = now_s * 1000, .boot_ms = DAY * 1000ull, .boot = { 9 } }
    };
}

static struct clock started(enum clock_trust trust, enum clock_sync sync, uint64_t mark)
{
    struct clock_mark m = left_at(mark);
    struct clock c = { 0 };

    if (mark == 0)
        m = (struct clock_mark){ 0 };
    clock_start(&c, trust, sync, &m, at(T0, 0));
    return c;
}

static struct clock running(void)
{
    return started(CLOCK_ASK_KERNEL, CLOCK_SYNCHRONISED, 0);
}

/* The process ends at one look and starts again at another. */
static struct clock again(struct clock *c, enum clock_trust trust, struct clock_look look)
{
    struct clock_mark m = c->start;
    struct clock next = { 0 };

    (void)clock_mark(c, &m);
    clock_start(&next, trust, CLOCK_SYNCHRONISED, &m, look);
    return next;
}

#define frozen(c, reason) assert_int_equal((c)->why, (reason))
#define runs(c)           frozen((c), CLOCK_FINE)

/* ---- while it runs ---- */

static void a_forward_step_freezes_and_adds_nothing(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + MINUTE + HOUR + 1, MINUTE)), T0);
    frozen(&c, CLOCK_STEPPED);
    assert_int_equal(clock_state(&c), CLOCK_FROZEN);
    /* Not a day later either, nor when the step is taken back. */
    assert_int_equal(clock_now(&c, at(T0 + DAY, DAY)), T0);
    assert_int_equal(clock_now(&c, at(T0 + 2 * MINUTE, DAY + MINUTE)), T0);
    frozen(&c, CLOCK_STEPPED);
}

static void a_step_of_an_hour_is_drift_but_gains_nothing(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + MINUTE + HOUR, MINUTE)), T0 + MINUTE);
    runs(&c);
    /* Hour by hour does not hurry it: a day's worth of steps in a day's 24 minutes. */
    for (uint64_t i = 2; i <= 24; i++)
        (void)clock_now(&c, at(T0 + i * (MINUTE + HOUR), i * MINUTE));
    assert_int_equal(clock_now(&c, at(T0 + 25 * (MINUTE + HOUR), 25 * MINUTE)),
                     T0 + 25 * MINUTE);
}

static void nobody_vouches_for_a_jump(void **state)
{
    struct clock c = started(CLOCK_TRUSTED, CLOCK_UNSYNCHRONISED, 0);

    (void)state;
    runs(&c);
    assert_int_equal(clock_now(&c, at(T0 + MINUTE, MINUTE)), T0 + MINUTE);
    /* TrustClock speaks for a clock that is right, not for one that moves. */
    assert_int_equal(clock_now(&c, at(T0 + MINUTE + DAY, 2 * MINUTE)), T0 + MINUTE);
    frozen(&c, CLOCK_STEPPED);
    clock_synchronised(&c, at(T0 + DAY + 2 * MINUTE, 3 * MINUTE));
    frozen(&c, CLOCK_STEPPED);
}

static void set_back_it_waits_and_never_returns(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + MINUTE, MINUTE)), T0 + MINUTE);
    assert_int_equal(clock_now(&c, at(T0, 2 * MINUTE)), T0 + MINUTE);
    runs(&c); /* by an hour at most: it is only waited for */
    assert_int_equal(clock_now(&c, at(T0 - HOUR, 3 * MINUTE)), T0 + MINUTE);
    frozen(&c, CLOCK_BEHIND);
    assert_int_equal(clock_now(&c, at(T0, 63 * MINUTE)), T0 + MINUTE);
    frozen(&c, CLOCK_BEHIND);
    /* The wall has caught up: not a second ahead of it. */
    assert_int_equal(clock_now(&c, at(T0 + MINUTE + 2, 64 * MINUTE + 2)),
                     T0 + MINUTE + 2);
    runs(&c);
    assert_int_equal(clock_now(&c, at(T0 + 2 * MINUTE, 65 * MINUTE)), T0 + 2 * MINUTE);
}

static void back_and_forth_gains_nothing(void **state)
{
    struct clock c = running();
    uint64_t last = 0;

    (void)state;
    for (uint64_t i = 1; i <= 1000; i++)
        last = clock_now(&c, at(T0 + (i % 2 == 0 ? 0 : 50 * MINUTE), i));
    assert_true(last <= T0 + 1000);
    runs(&c);
    /* Far back and right again is a step: a person says which of the two was true. */
    (void)clock_now(&c, at(T0 - DAY, 1001));
    frozen(&c, CLOCK_BEHIND);
    assert_int_equal(clock_now(&c, at(T0 + 1002, 1002)), last);
    frozen(&c, CLOCK_STEPPED);
}

static void a_boot_clock_that_stands_or_returns_adds_nothing(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + MINUTE, 0)), T0);
    c.last.boot_ms += DAY;
    assert_int_equal(clock_now(&c, at(T0 + 2 * MINUTE, 0)), T0);
}

static void while_suspended_too(void **state)
{
    struct clock c = running();

    (void)state;
    /* Boot time includes it, so both clocks agree: no step. */
    assert_int_equal(clock_now(&c, at(T0 + DAY, DAY)), T0 + DAY);
    runs(&c);
}

/* ---- a start before the kernel knows ---- */

/* A small computer without a clock of its own: the time comes over the network. */
static void started_too_early_it_runs_once_the_kernel_knows(void **state)
{
    struct clock c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0 + DAY);

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + 2 * DAY, MINUTE)), T0 + DAY);
    frozen(&c, CLOCK_UNSYNCED);
    clock_synchronised(&c, at(T0 + 2 * DAY + MINUTE, 2 * MINUTE));
    runs(&c);
    assert_int_equal(clock_now(&c, at(T0 + 2 * DAY + 2 * MINUTE, 3 * MINUTE)),
                     T0 + 2 * DAY + 2 * MINUTE);
}

static void nor_does_it_go_back_when_the_kernel_knows(void **state)
{
    struct clock c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0 + DAY);

    (void)state;
    clock_synchronised(&c, at(T0 + MINUTE, MINUTE));
    assert_int_equal(clock_now(&c, at(T0 + 2 * MINUTE, 2 * MINUTE)), T0 + DAY);
    frozen(&c, CLOCK_BEHIND);
}

static void unsynchronised_it_stands_at_the_mark(void **state)
{
    struct clock c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0 - DAY);
    struct clock_mark m = { 0 };

    (void)state;
    frozen(&c, CLOCK_UNSYNCED);
    assert_int_equal(clock_now(&c, at(T0, 0)), T0 - DAY);
    assert_int_equal(clock_now(&c, at(T0 + DAY, DAY)), T0 - DAY);
    assert_false(clock_mark(&c, &m)); /* nor does it make a new one */
    /* A first start has nothing to stand at but the wall, and forgets it. */
    c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, 0);
    assert_int_equal(clock_now(&c, at(T0 + DAY, DAY)), T0);
    frozen(&c, CLOCK_UNSYNCED);
    clock_synchronised(&c, at(T0 - 9 * DAY, DAY));
    assert_int_equal(clock_now(&c, at(T0 - 9 * DAY, DAY)), T0 - 9 * DAY);
    runs(&c);
}

static void what_jumped_while_running_waits_for_a_person(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 + DAY, MINUTE)), T0);
    clock_synchronised(&c, at(T0 + DAY + MINUTE, 2 * MINUTE));
    frozen(&c, CLOCK_STEPPED);
    assert_int_equal(clock_now(&c, at(T0 + DAY + HOUR, HOUR)), T0);
    /* Also when it had waited for the kernel before. */
    c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0);
    clock_synchronised(&c, at(T0, MINUTE));
    (void)clock_now(&c, at(T0 + DAY, 2 * MINUTE));
    frozen(&c, CLOCK_STEPPED);
    clock_synchronised(&c, at(T0 + DAY, 3 * MINUTE));
    frozen(&c, CLOCK_STEPPED);
}

/* ---- between a stop and a start ---- */

struct gap {
    const char *what;
    uint64_t wall_s, up_s; /* of the second start, after T0 + a minute */
    uint8_t boot;
    enum clock_why why;
    uint64_t now;
};

static const struct gap gaps[] = {
    { "a minute, same boot", T0 + 2 * MINUTE, 2 * MINUTE, 1, CLOCK_FINE,
      T0 + 2 * MINUTE },
    { "three days, same boot", T0 + 3 * DAY, 3 * DAY, 1, CLOCK_FINE, T0 + 3 * DAY },
    { "an hour ahead of what passed", T0 + 2 * MINUTE + HOUR, 2 * MINUTE, 1, CLOCK_FINE,
      T0 + 2 * MINUTE },
    { "a second more", T0 + 2 * MINUTE + HOUR + 1, 2 * MINUTE, 1, CLOCK_STEPPED,
      T0 + MINUTE },
    { "a year ahead", T0 + 365 * DAY, 2 * MINUTE, 1, CLOCK_STEPPED, T0 + MINUTE },
    { "three days, then a boot", T0 + 3 * DAY, 0, 2, CLOCK_FINE, T0 + 3 * DAY },
    { "thirty days, then a boot", T0 + MINUTE + 30 * DAY, 0, 2, CLOCK_FINE,
      T0 + MINUTE + 30 * DAY },
    { "a second more", T0 + MINUTE + 30 * DAY + 1, 0, 2, CLOCK_LONG_OFF, T0 + MINUTE },
    { "forty days in one boot", T0 + 40 * DAY, 40 * DAY, 1, CLOCK_LONG_OFF, T0 + MINUTE },
    { "an hour back, same boot", T0 + MINUTE - HOUR, 2 * MINUTE, 1, CLOCK_FINE,
      T0 + MINUTE },
    { "a day back, same boot", T0 - DAY, 2 * MINUTE, 1, CLOCK_BEHIND, T0 + MINUTE },
    { "a day back, then a boot", T0 - DAY, 0, 2, CLOCK_BEHIND, T0 + MINUTE },
    { "the kernel cannot say which boot", T0 + 2 * MINUTE + DAY, 2 * MINUTE, 0,
      CLOCK_FINE, T0 + 2 * MINUTE + DAY },
};

static void what_a_start_believes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        const struct gap *g = &gaps[i];
        struct clock c = running();
        struct clock_look look = at(g->wall_s, g->up_s);

        look.boot[0] = g->boot;
        (void)clock_now(&c, at(T0 + MINUTE, MINUTE));
        for (int trust = CLOCK_ASK_KERNEL; trust <= CLOCK_TRUSTED; trust++) {
            struct clock next = again(&c, (enum clock_trust)trust, look);

            if (next.why != g->why || clock_now(&next, look) != g->now)
                fail_msg("%s: why %d, now %+lld", g->what, (int)next.why,
                         (long long)(next.now_ms / 1000) - T0);
        }
    }
}

static void a_restart_does_not_thaw_what_waits_for_a_person(void **state)
{
    struct clock c = running();

    (void)state;
    (void)clock_now(&c, at(T0 + DAY, MINUTE));
    frozen(&c, CLOCK_STEPPED);
    for (uint64_t i = 1; i < 5; i++) {
        struct clock_look look = at(T0 + DAY + i * HOUR, i * HOUR);

        look.boot[0] = (uint8_t)(1 + i / 3); /* also in another boot */
        c = again(&c, CLOCK_ASK_KERNEL, look);
        frozen(&c, CLOCK_STEPPED);
        assert_int_equal(clock_now(&c, look), T0);
    }
}

static void a_wall_behind_the_mark_waits_for_it(void **state)
{
    struct clock c = started(CLOCK_TRUSTED, CLOCK_SYNCHRONISED, T0 + DAY);

    (void)state;
    frozen(&c, CLOCK_BEHIND);
    assert_int_equal(clock_now(&c, at(T0 + HOUR, HOUR)), T0 + DAY);
    assert_int_equal(clock_now(&c, at(T0 + DAY + 1, DAY + 1)), T0 + DAY + 1);
    runs(&c);
}

/* ---- a person confirms ---- */

struct word {
    const char *what;
    int64_t now, wall, told; /* from T0 */
    enum err want;
    int64_t then;
    bool back;
};

static const struct word said[] = {
    { "nothing is wrong", 0, 0, 0, OK, 0, false },
    { "the wall was right to jump", 0, DAY, DAY + 2, OK, DAY, false },
    { "the earlier of the two counts", 0, DAY + HOUR, DAY, OK, DAY, false },
    { "an hour and a second apart", 0, DAY + HOUR + 1, DAY, ERR_STATE, 0, false },
    { "nor the other way round", 0, DAY, DAY + HOUR + 1, ERR_STATE, 0, false },
    { "a wall nobody shares", 0, 365 * DAY, 0, ERR_STATE, 0, false },
    { "an hour back is waited for", 0, -HOUR, 0, OK, 0, false },
    { "a second more goes back", 0, -HOUR - 1, -HOUR, OK, -HOUR - 1, true },
    { "it was years ahead", 0, -1000 * DAY, -1000 * DAY + 5, OK, -1000 * DAY, true },
    { "a word alone sets nothing back", 0, -1, -1 - HOUR, OK, 0, false },
    { "nor with an hour of the wall", 0, -HOUR, -2 * HOUR, OK, 0, false },
};

/* The machine starts again, and shows the right time. */
static struct clock after_boot(struct clock *c, uint64_t wall_s)
{
    struct clock_look look = at(wall_s, 0);

    look.boot[0] = (uint8_t)(c->last.boot[0] + 1);
    return again(c, CLOCK_ASK_KERNEL, look);
}

/* A request opened while it was behind would have its hold cut short by the leap. */
static void holds_start_again_when_it_leaps_over_what_it_owed(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 - 2 * DAY, 0)), T0);
    frozen(&c, CLOCK_BEHIND);
    assert_int_equal(clock_now(&c, at(T0 + HOUR, 2 * DAY + HOUR)), T0 + HOUR);
    runs(&c);
    assert_int_equal(c.owed_ms, 2 * DAY * 1000ull);
    c = after_boot(&c, T0 + 3 * DAY);
    runs(&c);
    assert_true(c.leapt);
    assert_int_equal(clock_now(&c, c.last), T0 + 3 * DAY);
    assert_int_equal(c.owed_ms, 0);
}

static void by_less_than_an_hour_it_stays_behind_instead(void **state)
{
    struct clock c = running();

    (void)state;
    assert_int_equal(clock_now(&c, at(T0 - MINUTE, 0)), T0);
    assert_int_equal(clock_now(&c, at(T0 + MINUTE, 2 * MINUTE)), T0 + MINUTE);
    runs(&c);
    c = after_boot(&c, T0 + DAY);
    assert_false(c.leapt);
    assert_int_equal(clock_now(&c, c.last), T0 + DAY - MINUTE);
    c = after_boot(&c, T0 + 2 * DAY);
    assert_int_equal(clock_now(&c, c.last), T0 + 2 * DAY - MINUTE);
    /* Set right while it ran: it stayed behind its own wall, and still does. */
    c = running();
    assert_int_equal(clock_now(&c, at(T0 + MINUTE, 0)), T0);
    c = after_boot(&c, T0 + DAY);
    assert_int_equal(clock_now(&c, c.last), T0 + DAY - MINUTE);
}

static void what_a_confirmed_time_leaps_over(void **state)
{
    uint64_t now = T0 * 1000ull;
    uint64_t owed = HOUR * 1000ull;

    (void)state;
    assert_false(clock_leap(&now, &owed));
    assert_int_equal(now, (T0 - HOUR) * 1000ull);
    assert_int_equal(owed, HOUR * 1000ull);
    now = T0 * 1000ull;
    owed++;
    assert_true(clock_leap(&now, &owed));
    assert_int_equal(now, T0 * 1000ull);
    assert_int_equal(owed, 0);
}

/* Both clocks are cut to milliseconds, each at its own moment. */
static void a_lost_millisecond_is_not_lost_time(void **state)
{
    struct clock c = running();
    struct clock_look look = at(T0, 0);

    (void)state;
    for (int i = 0; i < 10000; i++) {
        look.wall_ms += i % 2 == 0 ? 10 : 11;
        look.boot_ms += i % 2 == 0 ? 11 : 10;
        (void)clock_now(&c, look);
    }
    assert_true(look.wall_ms - c.now_ms <= 2);
    assert_true(c.owed_ms <= 2);
}

static void what_a_person_may_confirm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        const struct word *w = &said[i];
        uint64_t now = 0;
        bool back = false;
        enum err e = clock_agree((uint64_t)(T0 + w->now), (uint64_t)(T0 + w->wall),
                                 (uint64_t)(T0 + w->told), &now, &back);

        if (e != w->want ||
            (e == OK && (now != (uint64_t)(T0 + w->then) || back != w->back)))
            fail_msg("%s: %s, %+lld", w->what, err_name(e), (long long)now - T0);
    }
}

static void confirmed_it_runs_on_from_there(void **state)
{
    struct clock c = running();

    (void)state;
    (void)clock_now(&c, at(T0 + DAY, MINUTE));
    clock_confirmed(&c, (T0 + DAY) * 1000ull, at(T0 + DAY, MINUTE));
    runs(&c);
    assert_int_equal(clock_now(&c, at(T0 + DAY + HOUR, HOUR + MINUTE)), T0 + DAY + HOUR);
    c = again(&c, CLOCK_ASK_KERNEL, at(T0 + DAY + 2 * HOUR, 2 * HOUR + MINUTE));
    assert_int_equal(c.now_ms / 1000, T0 + DAY + 2 * HOUR);
    runs(&c);
    /* A kernel that finds the time later has nothing to add to a person's word. */
    c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0);
    clock_confirmed(&c, T0 * 1000ull, at(T0, 0));
    clock_synchronised(&c, at(T0 + 30 * DAY, MINUTE));
    assert_int_equal(clock_now(&c, at(T0 + MINUTE, MINUTE)), T0 + MINUTE);
}

static void what_mends_itself_is_told_late(void **state)
{
    struct clock c = started(CLOCK_ASK_KERNEL, CLOCK_UNSYNCHRONISED, T0);

    (void)state;
    assert_false(clock_is_news(&c));
    (void)clock_now(&c, at(T0, 599));
    assert_false(clock_is_news(&c));
    (void)clock_now(&c, at(T0, 600));
    assert_true(clock_is_news(&c));
    clock_synchronised(&c, at(T0, 601));
    assert_false(clock_is_news(&c));
    (void)clock_now(&c, at(T0 + DAY, 602));
    assert_true(clock_is_news(&c)); /* a jump does not: at once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forward_step_freezes_and_adds_nothing),
        cmocka_unit_test(a_step_of_an_hour_is_drift_but_gains_nothing),
        cmocka_unit_test(nobody_vouches_for_a_jump),
        cmocka_unit_test(set_back_it_waits_and_never_returns),
        cmocka_unit_test(back_and_forth_gains_nothing),
        cmocka_unit_test(a_boot_clock_that_stands_or_returns_adds_nothing),
        cmocka_unit_test(while_suspended_too),
        cmocka_unit_test(started_too_early_it_runs_once_the_kernel_knows),
        cmocka_unit_test(nor_does_it_go_back_when_the_kernel_knows),
        cmocka_unit_test(unsynchronised_it_stands_at_the_mark),
        cmocka_unit_test(what_jumped_while_running_waits_for_a_person),
        cmocka_unit_test(what_a_start_believes),
        cmocka_unit_test(a_restart_does_not_thaw_what_waits_for_a_person),
        cmocka_unit_test(a_wall_behind_the_mark_waits_for_it),
        cmocka_unit_test(holds_start_again_when_it_leaps_over_what_it_owed),
        cmocka_unit_test(by_less_than_an_hour_it_stays_behind_instead),
        cmocka_unit_test(what_a_confirmed_time_leaps_over),
        cmocka_unit_test(a_lost_millisecond_is_not_lost_time),
        cmocka_unit_test(what_a_person_may_confirm),
        cmocka_unit_test(confirmed_it_runs_on_from_there),
        cmocka_unit_test(what_mends_itself_is_told_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
