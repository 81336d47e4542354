/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long stops can hold an owner up: over every hold, stop hold and placement of
 * stops, on this request and on others before it, the request opens within hold + 2 x
 * stop hold and never expires before that. Time alone, no store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/request.h"

enum { T0 = 1800000000, HOUR = 3600, DAY = 86400, STOPS = 5 };

static const uint32_t holds[] = { 0,       1,       HOUR,     HOUR + 1, DAY,
                                  3 * DAY, 7 * DAY, 14 * DAY, 21 * DAY, 30 * DAY - 1,
                                  30 * DAY };

/* Where a stop is put, in the stretch of time that is left until the request is due. */
enum place { AT_ONCE, SECOND_LATER, HALF_WAY, IN_THE_HOUR, LAST_SECOND, NEVER, PLACES };

static uint64_t place_of(enum place p, uint64_t from, uint64_t due)
{
    switch (p) {
    case AT_ONCE:
        return from;
    case SECOND_LATER:
        return from + 1 < due ? from + 1 : from;
    case HALF_WAY:
        return from + (due - from) / 2;
    case IN_THE_HOUR:
        return due > from + HOUR ? due - HOUR : from;
    case LAST_SECOND:
        return due > from ? due - 1 : from;
    case NEVER:
    case PLACES:
        break;
    }
    return UINT64_MAX;
}

static struct request opened(uint32_t hold, uint32_t stop_hold, bool under_stops)
{
    struct request r = { .kind = REQUEST_RESTORE,
                         .state = STATE_LIVE,
                         .opened = T0,
                         .hold_from = T0,
                         .hold = hold,
                         .stop_hold = stop_hold,
                         .live = T0 };

    r.expires = T0 + hold + 2 * (uint64_t)stop_hold + HOUR + 14 * DAY;
    if (under_stops)
        request_under_stops(&r);
    return r;
}

/* The guardian says yes, at once or after each stop, and knows of stops. */
static void say_yes(struct request *r, uint64_t now)
{
    if (r->state == STATE_APPROVED)
        return;
    r->state = request_next(r->state, r->state == STATE_CONTESTED ? EVENT_APPROVE_DESPITE
                                                                  : EVENT_APPROVE);
    assert_int_equal(r->state, STATE_APPROVED);
    r->approved = now;
    r->due = request_due_at(r);
}

/* When the owner of a request gets the piece if a thief stops it at these places. */
static uint64_t released(struct request *r, const enum place at[STOPS],
                         bool approve_first)
{
    uint64_t now = T0;

    for (size_t i = 0; i < STOPS; i++) {
        if (approve_first)
            say_yes(r, now);
        uint64_t end = request_opens(r, now);
        uint64_t stop = place_of(at[i], now, end);

        assert_true(end < request_expires(r));
        if (stop >= end)
            continue; /* too late: it is released */
        now = stop;
        assert_false(request_settle(r, now, CLOCK_RUNS));
        uint8_t before = r->restarts;
        bool said = r->approved != 0;
        bool counts = request_stop_at(r, now, CLOCK_RUNS);

        assert_int_equal(counts, before < REQUEST_RESTARTS);
        assert_int_equal(r->approved != 0, said && !counts);
        assert_true(request_opens(r, now) >= end); /* no stop brings it forward */
        say_yes(r, now);
    }
    say_yes(r, now);
    assert_false(request_due(r, r->due - 1, CLOCK_RUNS) && r->hold != 0);
    assert_true(request_due(r, r->due, CLOCK_RUNS));
    assert_true(r->due < request_expires(r));
    assert_false(request_settle(r, r->due, CLOCK_RUNS));
    return r->due;
}

/* The bound; where holds are under an hour, each of three approvals costs one. */
static uint64_t bound(uint32_t hold, uint32_t stop_hold)
{
    bool short_ = (hold > 0 && hold < HOUR) || (stop_hold < HOUR && hold + stop_hold > 0);

    return T0 + hold + 2 * (uint64_t)stop_hold + (short_ ? 3 * HOUR : 0);
}

static unsigned try_all(uint32_t hold, uint32_t stop_hold, bool under, bool first)
{
    enum place at[STOPS];
    unsigned most = 1;
    unsigned whole = 0;

    for (size_t i = 0; i < STOPS; i++)
        most *= PLACES;
    for (unsigned n = 0; n < most; n++) {
        struct request r = opened(hold, stop_hold, under);
        unsigned rest = n;

        for (size_t i = 0; i < STOPS; i++, rest /= PLACES)
            at[i] = (enum place)(rest % PLACES);
        uint64_t end = released(&r, at, first);

        assert_true(end >= T0 + hold);
        assert_true(end <= bound(hold, stop_hold));
        whole += end >= T0 + hold + 2 * (uint64_t)stop_hold - 3;
    }
    return whole;
}

static void whatever_a_thief_stops_the_bound_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof holds / sizeof holds[0]; i++) {
        uint32_t usual = 3 * holds[i] > 7 * DAY ? 3 * holds[i] : 7 * DAY;
        const uint32_t stop_holds[] = { 0, 60, HOUR, 7 * DAY, usual };

        for (size_t j = 0; j < sizeof stop_holds / sizeof stop_holds[0]; j++)
            for (unsigned how = 0; how < 4; how++) {
                unsigned whole = try_all(holds[i], stop_holds[j], how & 1, how & 2);

                /* It is no looser than it must be: a thief gets so far. */
                if ((how & 1) == 0 && holds[i] > HOUR)
                    assert_true(whole > 0);
            }
    }
}

/* A stop of another request, before this one was looked at, uses up one restart. */
static void stops_of_others_count_before_and_after_approval(void **state)
{
    (void)state;
    for (unsigned own = 0; own < 2; own++) {
        struct request r = opened(3 * DAY, 9 * DAY, false);

        if (own != 0)
            assert_true(request_stop_at(&r, T0 + 3 * DAY - 1, CLOCK_RUNS));
        uint64_t before = r.hold_from + r.hold;

        request_under_stops(&r);
        assert_int_equal(r.hold_from + r.hold, own != 0 ? before : T0 + 9 * DAY);
        request_under_stops(&r); /* again is the same */
        assert_int_equal(r.restarts, 1);
        assert_true(request_stop_at(&r, r.hold_from + r.hold - 1, CLOCK_RUNS));
        assert_false(request_stop_at(&r, r.hold_from + r.hold - 1, CLOCK_RUNS));
        assert_true(r.hold_from + r.hold <= T0 + 3 * DAY + 2 * 9 * DAY);
    }
}

static void a_stop_after_a_long_silence_moves_the_end(void **state)
{
    struct request r = opened(3 * DAY, 9 * DAY, false);
    uint64_t late = r.expires - 1; /* nobody spoke with the guardian so far */

    (void)state;
    assert_true(request_stop_at(&r, late, CLOCK_RUNS));
    assert_int_equal(request_expires(&r), late + 2 * 9 * DAY + HOUR + 14 * DAY);
    assert_true(request_opens(&r, late) < request_expires(&r));
    late = r.expires - 1;
    assert_true(request_stop_at(&r, late, CLOCK_RUNS));
    assert_int_equal(request_expires(&r), late + 9 * DAY + HOUR + 14 * DAY);
    late = r.expires;
    assert_false(request_stop_at(&r, late - 1, CLOCK_RUNS)); /* a third moves nothing */
    assert_int_equal(request_expires(&r), late);
}

static void a_stop_shortens_nothing(void **state)
{
    struct request r = opened(30 * DAY, HOUR, false);

    (void)state;
    assert_true(request_stop_at(&r, T0 + 1, CLOCK_RUNS));
    assert_int_equal(r.hold_from + r.hold, T0 + 30 * DAY);
    r = opened(30 * DAY, HOUR, true);
    assert_int_equal(r.hold, 30 * DAY);
}

static void a_confirm_has_no_hold_and_gets_none(void **state)
{
    struct request r = { .kind = REQUEST_CONFIRM,
                         .state = STATE_LIVE,
                         .hold_from = T0,
                         .stop_hold = 9 * DAY };

    (void)state;
    request_under_stops(&r);
    assert_int_equal(r.restarts, 0);
    assert_true(request_stop_at(&r, T0 + 5, CLOCK_RUNS));
    assert_int_equal(r.state, STATE_CONTESTED);
    assert_int_equal(r.hold, 0);
}

static void a_locked_one_that_is_stopped_stays_locked(void **state)
{
    struct request r = opened(3 * DAY, 9 * DAY, false);

    (void)state;
    r.state = STATE_LOCKED;
    assert_true(request_stop_at(&r, T0 + DAY, CLOCK_RUNS));
    assert_int_equal(r.state, STATE_LOCKED);
    assert_int_equal(r.hold_from + r.hold, T0 + 10 * DAY);
}

/* Under a clock nobody vouches for the new hold counts from when it runs again. */
static void stopped_under_a_frozen_clock(void **state)
{
    struct request r = opened(3 * DAY, 9 * DAY, false);

    (void)state;
    assert_true(request_stop_at(&r, T0 + DAY, CLOCK_FROZEN));
    uint64_t left = r.expires - (T0 + DAY);

    assert_true(request_settle(&r, T0 + 5 * DAY, CLOCK_RUNS));
    assert_int_equal(r.hold_from + r.hold, T0 + 14 * DAY);
    assert_int_equal(r.expires, T0 + 5 * DAY + left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_thief_stops_the_bound_holds),
        cmocka_unit_test(stops_of_others_count_before_and_after_approval),
        cmocka_unit_test(a_stop_after_a_long_silence_moves_the_end),
        cmocka_unit_test(a_stop_shortens_nothing),
        cmocka_unit_test(a_confirm_has_no_hold_and_gets_none),
        cmocka_unit_test(a_locked_one_that_is_stopped_stays_locked),
        cmocka_unit_test(stopped_under_a_frozen_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
