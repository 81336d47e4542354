/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One remembered friend is enough: their yes brings the other names, telephone numbers
 * and open requests without a further link, and the whole restore takes one hold, by
 * the clock of the nodes, not a second less; through restarts, absence and a second
 * restore at the same time. And what one node knows of the circle's past, the restore
 * carries to those who lack it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/play.h"

enum { N = 5, HOLD_S = 72 * 3600, UNFETCHED_S = 14 * 86400 };

static char fingerprint[WORDS_TEXT]; /* of Ana's key */

static int open_circle(void **state)
{
    static uint64_t seed = 1;

    (void)state;
    play_open(N, seed++);
    play_circle("Ana", N, 3, "72h");
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

/* ---- what a requester's screen shows ---- */

/* One line of it: name or node, request, words. */
struct shown {
    char name[32];
    char request[40];
    char words[WORDS_TEXT];
};

/* The lines of the last answer. */
static size_t lines(struct shown out[N])
{
    size_t n = 0;

    for (char *l = play_out(); *l != 0 && n < N; l += strcspn(l, "\n") + 1) {
        if (sscanf(l, "%31[^\t]\t%39[^\t]\t%65[^\n]", out[n].name, out[n].request,
                   out[n].words) == 3)
            n++;
    }
    return n;
}

static const struct shown *line_of(const struct shown *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    fail_msg("%s is not on the screen:\n%s", name, play_out());
    return NULL;
}

static bool said(const char *what)
{
    return strstr(play_said(), what) != NULL;
}

static int approve(const char *guardian, const struct shown *l)
{
    return KITH(guardian, "guard", "approve", l->request, "--words-file",
                play_file(l->words), "--verified", "called");
}

/* who begins with a link of the guardian; their line. */
static struct shown begin(const char *who, const char *guardian)
{
    char link[LINK_TEXT];
    struct shown list[N];

    KITH_FINE(guardian, "guard", "link", "Ana");
    play_line(link, sizeof link);
    int code = KITH(who, "restore", "start", "--no-passphrase", "--name", "Ana", link);
    assert_true(code == EXIT_FINE || code == EXIT_WAITING);
    assert_int_equal(lines(list), 1);
    return list[0];
}

/* ---- one link ---- */

static void test_the_first_yes_brings_everybody(void **state)
{
    struct shown list[N];
    char reach[32];
    char before[64];

    (void)state;
    struct shown ben = begin("New", "Ben");
    /* Until then nobody else is named and nobody else was asked. */
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    assert_int_equal(lines(list), 1);
    assert_false(said("Cy") || said("555"));
    KITH_FINE("Cy", "guard", "requests");
    assert_string_equal(play_out(), "");
    assert_int_equal(approve("Ben", &ben), EXIT_FINE);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    size_t n = lines(list);
    assert_int_equal(n, N);
    for (size_t i = 1; i < N; i++) {
        (void)line_of(list, n, play_names[i]);
        (void)snprintf(reach, sizeof reach, "+49 30 555 01%02zu", i);
        assert_true(said(reach));
    }
    for (size_t i = 1; i < N; i++) {
        KITH_FINE(play_names[i], "guard", "requests", "--all");
        (void)snprintf(before, sizeof before, "%.8s",
                       line_of(list, n, play_names[i])->request);
        assert_non_null(strstr(play_out(), before));
    }
}

/* Everybody of the list says yes; who did so before is told so. */
static void all_say_yes(const struct shown *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(approve(list[i].name, &list[i]), EXIT_FINE);
}

/* One link, one yes, then all; *out_opened is when everything was open. */
static void to_the_hold(const char *who, const char *friend, uint64_t *out_opened)
{
    struct shown list[N];
    struct shown first = begin(who, friend);

    *out_opened = net_now();
    assert_int_equal(approve(friend, &first), EXIT_FINE);
    assert_int_equal(KITH(who, "restore"), EXIT_WAITING);
    size_t n = lines(list);
    assert_int_equal(n, N);
    all_say_yes(list, n);
    assert_int_equal(KITH(who, "restore"), EXIT_WAITING);
}

static void finish(const char *who)
{
    char words[WORDS_TEXT];

    assert_int_equal(KITH(who, "restore"), EXIT_DEGRADED);
    KITH_FINE(who, "restore", "--accept", fingerprint);
    KITH_FINE(who, "root", "fingerprint");
    play_line(words, sizeof words);
    assert_string_equal(words, fingerprint);
}

static void test_one_hold_and_not_a_second_less(void **state)
{
    uint64_t opened = 0;

    (void)state;
    to_the_hold("New", "Ben", &opened);
    play_wait(opened + HOLD_S - 1 - net_now());
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    assert_false(said("good piece"));
    /* The words of the key do not open what is not there. */
    assert_int_equal(KITH("New", "restore", "--accept", fingerprint), EXIT_WAITING);
    play_wait(1);
    KITH_FINE("New", "restore", "--accept", fingerprint);
}

static void test_a_late_yes_waits_an_hour(void **state)
{
    struct shown list[N];
    struct shown ben = begin("New", "Ben");
    size_t n = 0;

    (void)state;
    assert_int_equal(approve("Ben", &ben), EXIT_FINE);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    n = lines(list);
    play_wait(HOLD_S);
    /* The hold of all has run; two more say yes only now. */
    assert_int_equal(approve("Cy", line_of(list, n, "Cy")), EXIT_FINE);
    assert_int_equal(approve("Eli", line_of(list, n, "Eli")), EXIT_FINE);
    play_wait(3599);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    play_wait(1);
    finish("New");
}

static void restart_all(void)
{
    for (size_t i = 0; i < N; i++)
        net_restart(i);
}

static void test_restarts_change_nothing(void **state)
{
    struct shown list[N];
    struct shown ben = begin("New", "Ben");
    uint64_t opened = net_now();
    size_t n = 0;

    (void)state;
    restart_all();
    assert_int_equal(approve("Ben", &ben), EXIT_FINE);
    restart_all();
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    n = lines(list);
    restart_all();
    all_say_yes(list, n);
    for (uint64_t h = 1; h < 72; h += 10) {
        play_wait(opened + h * 3600 - net_now());
        restart_all();
        assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    }
    play_wait(opened + HOLD_S - 1 - net_now());
    restart_all();
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    play_wait(1);
    restart_all();
    finish("New");
}

/* Fewer than needed are there when the hold ends; the one who was away has not lost it.
 */
static void test_a_node_away_through_the_hold(void **state)
{
    struct shown list[N];
    struct shown ben = begin("New", "Ben");
    size_t n = 0;

    (void)state;
    assert_int_equal(approve("Ben", &ben), EXIT_FINE);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    n = lines(list);
    assert_int_equal(approve("Cy", line_of(list, n, "Cy")), EXIT_FINE);
    assert_int_equal(approve("Dora", line_of(list, n, "Dora")), EXIT_FINE);
    net_fault(2, NET_SILENT);
    play_wait(HOLD_S + 3600);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    play_wait(86400);
    net_restart(2);
    net_fault(2, NET_FINE);
    finish("New");
}

/* ---- two at once ---- */

static void test_two_restores_at_once(void **state)
{
    struct shown a = begin("New", "Ben");
    struct shown b = begin("Thief", "Cy");
    struct shown list[N];

    (void)state;
    assert_string_not_equal(a.words, b.words);
    /* Words of one request are worth nothing for the other. */
    struct shown mixed = a;
    memcpy(mixed.words, b.words, sizeof mixed.words);
    assert_int_equal(approve("Ben", &mixed), EXIT_FAILED);
    assert_int_equal(approve("Ben", &a), EXIT_FINE);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    size_t n = lines(list);
    assert_int_equal(n, N);
    all_say_yes(list, n);
    /* A yes to one is none to the other, and tells the other nothing. */
    play_wait(HOLD_S + 3600);
    assert_int_equal(KITH("Thief", "restore"), EXIT_WAITING);
    assert_int_equal(lines(list), 1);
    assert_false(said("Dora") || said("555"));
    finish("New");
    assert_int_equal(KITH("Thief", "restore", "--accept", fingerprint), EXIT_WAITING);
}

/* By two introducers: one may have one request at each node. */
static void test_two_true_restores_both_end(void **state)
{
    uint64_t first = 0;
    uint64_t second = 0;

    (void)state;
    to_the_hold("New", "Ben", &first);
    play_wait(3600);
    to_the_hold("Other", "Cy", &second);
    assert_int_equal(second, first + 3600);
    play_wait(first + HOLD_S - net_now());
    assert_int_equal(KITH("Other", "restore"), EXIT_WAITING);
    finish("New");
    play_wait(3600);
    finish("Other");
}

/* ---- what people confirmed while a node was away ---- */

/* The epoch whose certificate that node shows its guardian; 0: it has none. */
static uint32_t certified_at(size_t i)
{
    struct play_guardian g;
    struct ward_line line = { 0 };
    struct guard_past past;
    struct call call = { 0 };

    play_sit(i, "Ana", &g);
    memcpy(line.ward, g.ward, ID_BYTES);
    assert_int_equal(
        guard_past_fetch(play_params(), g.day, play_seat(&g), &line, &past, &call), OK);
    assert_int_equal(past.people.n > 0, past.cert_epoch > 0);
    play_rise(&g);
    return past.cert_epoch;
}

/* That guardian's own word about the change, by a call. */
static void confirms_change(size_t i)
{
    char words[WORDS_TEXT];

    KITH_FINE("Ana", "guardian", "confirm", play_names[i]);
    play_line(words, sizeof words);
    KITH_FINE(play_names[i], "guard", "confirm", "Ana", "--words-file", play_file(words),
              "--verified", "called");
    KITH_FINE("Ana", "guardian", "confirm", play_names[i]);
}

/* Everybody has the new pieces; Dora and Eli are away while three people confirm them. */
static void changes_while_two_are_away(void)
{
    assert_int_equal(KITH("Ana", "circle", "rotate"), EXIT_DEGRADED);
    net_fault(2, NET_SILENT);
    net_fault(3, NET_SILENT);
    confirms_change(0);
    confirms_change(1);
    confirms_change(4);
    assert_int_equal(KITH("Ana", "circle", "seal", "--resume"), EXIT_DEGRADED);
    net_fault(2, NET_FINE);
    net_fault(3, NET_FINE);
    assert_int_equal(certified_at(0), 2);
    assert_int_equal(certified_at(2), 0);
    assert_int_equal(certified_at(3), 0);
}

static void test_it_carries_the_certificate_to_who_lacks_it(void **state)
{
    struct shown list[N];

    (void)state;
    changes_while_two_are_away();
    struct shown ben = begin("New", "Ben");
    assert_int_equal(approve("Ben", &ben), EXIT_FINE);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    size_t n = lines(list);
    assert_int_equal(approve("Cy", line_of(list, n, "Cy")), EXIT_FINE);
    assert_int_equal(approve("Dora", line_of(list, n, "Dora")), EXIT_FINE);
    play_wait(HOLD_S);
    assert_int_equal(KITH("New", "restore"), EXIT_DEGRADED);
    assert_int_equal(certified_at(2), 0); /* nothing is shown before it is the owner */
    KITH_FINE("New", "restore", "--accept", fingerprint);
    assert_int_equal(certified_at(0), 2);
    assert_int_equal(certified_at(2), 2);
}

/* ---- too late ---- */

static void test_what_nobody_fetches_runs_out(void **state)
{
    uint64_t opened = 0;

    (void)state;
    to_the_hold("New", "Ben", &opened);
    play_wait(opened + HOLD_S + UNFETCHED_S - net_now());
    assert_int_not_equal(KITH("New", "restore", "--accept", fingerprint), EXIT_FINE);
    assert_true(said("run out"));
    assert_int_equal(KITH("New", "root", "fingerprint"), EXIT_NONE);
}

static void test_the_last_second_is_in_time(void **state)
{
    uint64_t opened = 0;

    (void)state;
    to_the_hold("New", "Ben", &opened);
    play_wait(opened + HOLD_S + UNFETCHED_S - 1 - net_now());
    finish("New");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_circle, close_circle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_first_yes_brings_everybody),
        CASE(test_one_hold_and_not_a_second_less),
        CASE(test_a_late_yes_waits_an_hour),
        CASE(test_restarts_change_nothing),
        CASE(test_a_node_away_through_the_hold),
        CASE(test_two_restores_at_once),
        CASE(test_two_true_restores_both_end),
        CASE(test_it_carries_the_certificate_to_who_lacks_it),
        CASE(test_what_nobody_fetches_runs_out),
        CASE(test_the_last_second_is_in_time),
    };
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        secret_end();
    return failed;
}
