/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new root in a circle that has a hold, from the first word to the last: what the
 * owner is told of the two waits, of nodes that take it while this home has not, and
 * that nobody asks for it any more once it is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/play.h"

enum { N = 4, LAST = N - 1, HOUR = 3600, HOLD_S = 72 * HOUR };

static int open_circle(void **state)
{
    (void)state;
    play_open(N, 91);
    play_circle("Ana", N, 3, "72h");
    return 0;
}

static int close_circle(void **state)
{
    (void)state;
    play_close();
    return 0;
}

static bool said(const char *what)
{
    return strstr(play_said(), what) != NULL || strstr(play_out(), what) != NULL;
}

#define SAID(what)                                                                       \
    do {                                                                                 \
        if (!said(what))                                                                 \
            fail_msg("not said: %s\n%s%s", (what), play_out(), play_said());             \
    } while (0)
#define NOT_SAID(what)                                                                   \
    do {                                                                                 \
        if (said(what))                                                                  \
            fail_msg("said: %s\n%s%s", (what), play_out(), play_said());                 \
    } while (0)

/* ---- the guardians ---- */

/* The line of the answer that names who: the request and the words. */
static void line_of(const char *all, const char *who, char req[64],
                    char words[WORDS_TEXT])
{
    const char *at = strstr(all, who);

    MUST(at != NULL && (at = strchr(at, '\t')) != NULL);
    size_t n = strcspn(at + 1, "\t");
    MUST(n < 64);
    memcpy(req, at + 1, n);
    req[n] = '\0';
    at += 1 + n;
    MUST(*at == '\t');
    n = strcspn(at + 1, "\n");
    MUST(n < WORDS_TEXT);
    memcpy(words, at + 1, n);
    words[n] = '\0';
}

/* All but the last, whose yes is not needed, hear Ana and say yes. */
static void all_but_one_say_yes(const char *all)
{
    char req[64];
    char words[WORDS_TEXT];

    for (size_t i = 0; i < LAST; i++) {
        line_of(all, play_names[i], req, words);
        KITH_FINE(play_names[i], "guard", "approve", req, "--words-file",
                  play_file(words), "--verified", "called");
    }
}

/* The people have said yes, and the nodes were shown it. */
static void until_the_nodes_wait(void)
{
    char all[4096];

    assert_int_equal(KITH("Ana", "root", "replace"), EXIT_WAITING);
    MUST(snprintf(all, sizeof all, "%s", play_out()) < (int)sizeof all);
    SAID("This has two waits");
    SAID("(3 days), in 3 days at the earliest");
    SAID("that is in 6 days at the earliest");
    all_but_one_say_yes(all);
    assert_int_equal(KITH("Ana", "root", "replace", "--resume"), EXIT_WAITING);
    SAID("Ben said yes; it counts in 3 days.");
    play_wait(HOLD_S + HOUR);
    assert_int_equal(KITH("Ana", "root", "replace", "--resume"), EXIT_WAITING);
    SAID("Ben's node takes it in 3 days");
}

/* ---- the tests ---- */

static void test_while_the_nodes_take_it(void **state)
{
    (void)state;
    until_the_nodes_wait();
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    SAID("0 of 4 nodes have it, the last of them takes it in 3");

    /* Its hold is over, and it has not looked yet. */
    net_time(net_now() + HOLD_S);
    assert_int_equal(KITH("Ana", "root", "replace", "--resume"), EXIT_WAITING);
    SAID("Ben's node has waited long enough: it takes it within the minute");
    NOT_SAID("ago");

    /* Only the last one is known to have it; then all have. */
    for (size_t i = 0; i < LAST; i++)
        net_fault(i, NET_SILENT);
    play_wait(120);
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    SAID("Eli's node has taken your new root key");
    SAID("1 of 4 nodes have it");
    SAID("4 of 4 stored");
    NOT_SAID("did not let us in");
    NOT_SAID("does not hold what it held");
    for (size_t i = 0; i < LAST; i++)
        net_fault(i, NET_FINE);
    assert_int_equal(KITH("Ana", "status"), EXIT_LOST);
    SAID("Your new root key is in this home alone");
    SAID("kith root replace --resume");
}

static void test_nobody_asks_once_it_is_there(void **state)
{
    (void)state;
    until_the_nodes_wait();
    play_wait(HOLD_S + 120);
    KITH_FINE("Ana", "root", "replace", "--resume");
    SAID("You have a new root key");
    SAID("Your vault is under the new key, and saved at 4 of 4 nodes.");
    KITH_FINE(play_names[LAST], "guard", "requests", "--json");
    SAID("\"requests\":[]");
    (void)KITH("Ana", "status");
    NOT_SAID("Somebody asks");
    NOT_SAID("kith stop all");
    NOT_SAID("did not let us in");
    assert_int_equal(KITH("Ana", "root", "replace", "--resume"), EXIT_NONE);
    SAID("Your root key was replaced on");
    SAID("Next: kith status");
}

/* One node is away when its hold is over: root and vault do not wait for it. */
static void test_one_lags(void **state)
{
    (void)state;
    until_the_nodes_wait();
    net_fault(LAST, NET_SILENT);
    play_wait(HOLD_S + 120);
    assert_int_equal(KITH("Ana", "root", "replace", "--resume"), EXIT_DEGRADED);
    SAID("You have a new root key");
    SAID("Your vault is under the new key, and saved at 3 of 3 nodes.");
    net_fault(LAST, NET_FINE);
    assert_int_equal(KITH("Ana", "status"), EXIT_LOST);
    SAID("Eli's node has not taken your new root key yet.");
    SAID("4 of 4 stored");
    NOT_SAID("did not let us in");
    NOT_SAID("Somebody asks");
    KITH_FINE("Ana", "root", "replace", "--resume");
    SAID("Eli's node has the new root.");
    SAID("Your vault is under the new key, and saved at 4 of 4 nodes.");
}

/* The lines of a restore, in the order of its links: each guardian says yes. */
static void listed_say_yes(const char *all)
{
    char req[64];
    char words[WORDS_TEXT];

    for (size_t i = 0; i < LAST; i++) {
        line_of(all, "", req, words);
        KITH_FINE(play_names[i], "guard", "approve", req, "--words-file",
                  play_file(words), "--verified", "called");
        all += strcspn(all, "\n") + 1;
    }
}

/* What the nodes hold now is a root that has those four words. */
static void they_give_back(const char *print)
{
    char links[LAST][LINK_TEXT];
    char all[4096];

    for (size_t i = 0; i < LAST; i++) {
        KITH_FINE(play_names[i], "guard", "link", "Ana");
        play_line(links[i], sizeof links[i]);
    }
    (void)KITH("New", "restore", "start", "--no-passphrase", "--name", "Ana", links[0],
               links[1], links[2]);
    MUST(snprintf(all, sizeof all, "%s", play_out()) < (int)sizeof all);
    listed_say_yes(all);
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    play_wait(HOLD_S + HOUR);
    (void)KITH("New", "restore");
    KITH_FINE("New", "restore", "--accept", print, "--lost");
    KITH_FINE("New", "root", "fingerprint");
    SAID(print);
}

/* And where it never comes back: new pieces go to the others. */
static void test_one_is_gone(void **state)
{
    char print[WORDS_TEXT];

    (void)state;
    until_the_nodes_wait();
    net_fault(LAST, NET_SILENT);
    play_wait(HOLD_S + 120);
    assert_int_equal(KITH("Ana", "root", "replace", "--resume"), EXIT_DEGRADED);
    SAID("You have a new root key");
    SAID("If Eli's node stays away: kith circle seal --abandon");
    assert_int_equal(KITH("Ana", "guardian", "remove", "Eli"), EXIT_FAILED);
    SAID("Next: kith circle seal --abandon");
    assert_int_equal(KITH("Ana", "circle", "seal", "--abandon"), EXIT_DEGRADED);
    SAID("Nobody holds a piece of your new root key yet");
    assert_int_equal(KITH("Ana", "status"), EXIT_LOST);
    SAID("Your new root key is in this home alone");
    NOT_SAID("does not hold what it held");
    assert_int_equal(KITH("Ana", "circle", "seal"), EXIT_AWAY);
    assert_int_equal(KITH("Ana", "circle", "seal", "--abandon"), EXIT_DEGRADED);
    assert_int_equal(KITH("Ana", "guardian", "remove", "Eli"), EXIT_DEGRADED);
    SAID("3 of 3 guardians hold the new piece");
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    SAID("You can be restored: yes, but with none to spare.");
    KITH_FINE("Ana", "root", "fingerprint");
    play_line(print, sizeof print);
    they_give_back(print);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_circle, close_circle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_while_the_nodes_take_it),
        CASE(test_nobody_asks_once_it_is_there),
        CASE(test_one_lags),
        CASE(test_one_is_gone),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
