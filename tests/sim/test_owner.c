/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's side of a restore that is not theirs, against the real handlers: what
 * status says and when, a stop an hour before the hold is over, a frozen device,
 * guardians who are away or left, and a hoster who swallows an alert.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/play.h"

enum { N = 3, HOUR = 3600, HOLD_S = 72 * HOUR };

static char fingerprint[WORDS_TEXT]; /* of Ana's key */

static bool said(const char *what)
{
    return strstr(play_said(), what) != NULL;
}

static bool answered(const char *what)
{
    return strstr(play_out(), what) != NULL;
}

/* Text between before and a quote in the last answer. */
static void value(const char *before, char *out, size_t cap)
{
    const char *at = strstr(play_out(), before);
    assert_non_null(at);
    at += strlen(before);
    size_t n = strcspn(at, "\"");
    assert_true(n > 0 && n < cap);
    memcpy(out, at, n);
    out[n] = 0;
}

/* A person answers a test of the alerts. */
static void alerts_reach(const char *who)
{
    char word[32];
    KITH_FINE(who, "alert", "test");
    assert_int_equal(KITH(who, "status"), EXIT_DEGRADED);
    assert_true(said("  kith alert test WORD\n"));
    KITH_FINE(who, "alert", "watch", "--once", "--json");
    value("\"word\":\"", word, sizeof word);
    KITH_FINE(who, "alert", "test", word);
}

static int open_circle(void **state)
{
    static uint64_t seed = 70;

    (void)state;
    play_open(N, seed++);
    play_circle("Ana", N, 2, "72h");
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    assert_true(said("  kith alert test\n"));
    alerts_reach("Ana");
    KITH_FINE("Ana", "root", "fingerprint");
    play_line(fingerprint, sizeof fingerprint);
    return 0;
}

static int close_circle(void **state)
{
    (void)state;
    play_close();
    return 0;
}

struct request {
    char id[40];
    char words[WORDS_TEXT];
};

/* Somebody opens a request by a link of the guardian of node i. */
static void asks(const char *who, size_t i, struct request *out)
{
    char link[LINK_TEXT];
    char node[64];

    KITH_FINE(play_names[i], "guard", "link", "Ana");
    play_line(link, sizeof link);
    KITH_FINE(who, "restore", "start", "--no-passphrase", link);
    assert_int_equal(
        sscanf(play_out(), "%63[^\t]\t%39[^\t]\t%65[^\n]", node, out->id, out->words), 3);
}

static int approves(size_t i, const struct request *r)
{
    return KITH(play_names[i], "guard", "approve", r->id, "--words-file",
                play_file(r->words), "--verified", "called");
}

static const uint8_t *ward_at(size_t i)
{
    static uint8_t ward[ID_BYTES];
    struct play_guardian g;

    play_sit(i, "Ana", &g);
    memcpy(ward, g.ward, ID_BYTES);
    play_rise(&g);
    return ward;
}

/* ---- what a hoster swallows ---- */

static void test_a_swallowed_alert_is_named(void **state)
{
    (void)state;
    struct request thief;

    KITH_FINE("Ana", "status");
    asks("Thief", 0, &thief);
    net_swallow(0, ward_at(0));
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    assert_true(said("Ben's node keeps back what happened there."));
    assert_int_equal(KITH("Ana", "status", "--json"), EXIT_DEGRADED);
    assert_true(answered("\"fault\":\"withheld\""));
    assert_int_equal(KITH("Ana", "alert", "watch", "--once"), EXIT_INTEGRITY);
    assert_true(answered("Ben's node keeps back what happened there."));
    /* Whoever hides everything is caught by the missing alert of a listed request. */
    assert_int_equal(KITH("Ana", "log"), EXIT_INTEGRITY);
}

/* The same node lets a rightful piece go all the same, when its hold is over. */
static void test_it_still_lets_a_rightful_piece_go(void **state)
{
    (void)state;
    struct request at[2];

    asks("Thief", 0, &at[0]);
    net_swallow(0, ward_at(0));
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    KITH_FINE("Ben", "guard", "refuse", at[0].id);
    asks("New", 0, &at[0]);
    assert_int_equal(approves(0, &at[0]), 0);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    const char *cy = strstr(play_out(), "Cy\t");
    assert_non_null(cy);
    assert_int_equal(sscanf(cy, "Cy\t%39[^\t]\t%65[^\n]", at[1].id, at[1].words), 2);
    assert_int_equal(approves(1, &at[1]), 0);
    play_wait(HOLD_S - HOUR);
    assert_int_equal(KITH("New", "restore", "--accept", fingerprint), EXIT_WAITING);
    play_wait(2 * HOUR);
    KITH_FINE("New", "restore");
    assert_true(said("What your guardians' nodes recorded lately:"));
    assert_true(said("let your piece go"));
}

/* ---- time ---- */

static void test_amber_when_nothing_watched_for_half_a_hold(void **state)
{
    (void)state;
    play_wait(HOLD_S / 2 - HOUR);
    KITH_FINE("Ana", "status");
    play_wait(2 * HOUR);
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    assert_true(said("Nothing has looked for alerts for half a hold."));
    KITH_FINE("Ana", "alert", "watch", "--once");
    KITH_FINE("Ana", "status");
}

static void test_a_test_can_be_answered_for_a_while(void **state)
{
    (void)state;
    char word[32];

    KITH_FINE("Ana", "alert", "test");
    KITH_FINE("Ana", "alert", "watch", "--once", "--json");
    value("\"word\":\"", word, sizeof word);
    play_wait(15 * 24 * HOUR);
    assert_int_equal(KITH("Ana", "alert", "test", word), EXIT_FAILED);
}

/* ---- stops ---- */

static void test_an_owner_who_sleeps_for_the_hold_minus_an_hour(void **state)
{
    (void)state;
    struct request at[2];

    asks("Thief", 0, &at[0]);
    assert_int_equal(approves(0, &at[0]), 0);
    asks("Thief2", 1, &at[1]);
    assert_int_equal(approves(1, &at[1]), 0);
    play_wait(HOLD_S - HOUR);
    KITH_FINE("Ana", "stop", "all");
    assert_true(answered("Ben: stopped. It starts again."));
    assert_true(answered("Cy: stopped. It starts again."));
    play_wait(2 * HOUR);
    assert_int_equal(KITH("Thief", "restore"), EXIT_WAITING);
    assert_int_equal(KITH("Thief2", "restore"), EXIT_WAITING);
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    assert_true(answered("Somebody asks for your keys at Ben's node: it was stopped"));
    KITH_FINE("Ben", "guard", "refuse", at[0].id);
    KITH_FINE("Cy", "guard", "refuse", at[1].id);
    KITH_FINE("Ana", "stop", "all");
    assert_true(said("Nobody asks for your keys"));
    KITH_FINE("Ana", "alert", "watch", "--once");
    KITH_FINE("Ana", "status");
}

static void test_a_third_stop_is_recorded_only(void **state)
{
    (void)state;
    struct request r;

    asks("Thief", 0, &r);
    for (int i = 0; i < 2; i++) {
        KITH_FINE("Ana", "stop", r.id, "--json");
        assert_true(answered("\"result\":\"stopped\""));
    }
    KITH_FINE("Ana", "stop", r.id, "--json");
    assert_true(answered("\"result\":\"recorded\""));
    assert_true(answered("\"stops\":3"));
}

static void test_one_stop_mentions_the_others(void **state)
{
    (void)state;
    struct request a;
    struct request b;

    asks("Thief", 0, &a);
    asks("Thief2", 1, &b);
    KITH_FINE("Ana", "stop", a.id);
    assert_true(said("1 more are open at other guardians: kith stop all"));
    net_fault(1, NET_SILENT);
    assert_int_equal(KITH("Ana", "stop", b.id), EXIT_AWAY);
    net_fault(0, NET_SILENT);
    net_fault(2, NET_SILENT);
    assert_int_equal(KITH("Ana", "stop", "all"), EXIT_AWAY);
}

/* Where the guardian froze what the device may do, the root key still stops. */
static void test_frozen_a_device_stops_nothing(void **state)
{
    (void)state;
    struct request r;

    KITH_FINE("Ben", "guard", "freeze", "Ana", "--verified", "called");
    asks("Thief", 0, &r);
    assert_int_equal(KITH("Ana", "stop", "all", "--json"), EXIT_DEGRADED);
    assert_true(answered("\"result\":\"frozen\""));
    KITH_FINE("Ana", "stop", "--root", "all", "--json");
    assert_true(answered("\"result\":\"stopped\""));
}

/* ---- guardians ---- */

static void test_status_says_who_is_away_or_left(void **state)
{
    (void)state;

    KITH_FINE("Ben", "guard", "pause", "3d");
    KITH_FINE("Ana", "status");
    assert_true(said("Ben is away and back in 3 days"));
    assert_int_equal(KITH("Dora", "guard", "leave", "Ana", "--yes", "leave"), 0);
    assert_int_equal(KITH("Ana", "status", "--json"), EXIT_DEGRADED);
    assert_true(answered("\"next\":[{\"id\":\"left\""));
    assert_true(answered("\"state\":\"missing\""));
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    assert_true(said("Dora gave up guarding you on "));
    assert_true(said("; your piece there is erased."));
    assert_true(said("Dora gave up guarding you: there is no piece to spare now. Ask "));
    assert_int_equal(KITH("Cy", "guard", "leave", "Ana", "--yes", "leave"), 0);
    assert_int_equal(KITH("Ana", "status"), EXIT_LOST);
    assert_true(said("Cy gave up guarding you on "));
    assert_true(said(": without that piece you cannot be restored. Ask "));
    KITH_FINE("Ana", "log");
    assert_true(answered("Dora: Dora gave your piece up and erased it."));
}

static void test_status_says_who_lost_their_keys(void **state)
{
    (void)state;

    KITH_FINE("Dora", "guard", "reset", "--no-passphrase", "--yes", "reset");
    assert_int_equal(KITH("Ana", "status", "--json"), EXIT_DEGRADED);
    assert_true(answered("\"next\":[{\"id\":\"reset\""));
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    assert_true(said("Dora has new keys since "));
    assert_true(said("Ask Dora for a new invite"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_circle, close_circle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_swallowed_alert_is_named),
        CASE(test_it_still_lets_a_rightful_piece_go),
        CASE(test_amber_when_nothing_watched_for_half_a_hold),
        CASE(test_a_test_can_be_answered_for_a_while),
        CASE(test_an_owner_who_sleeps_for_the_hold_minus_an_hour),
        CASE(test_a_third_stop_is_recorded_only),
        CASE(test_one_stop_mentions_the_others),
        CASE(test_frozen_a_device_stops_nothing),
        CASE(test_status_says_who_is_away_or_left),
        CASE(test_status_says_who_lost_their_keys),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
