/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that changed a circle is gone for good when one node alone has the new
 * epoch as active and the others have it prepared: whoever restores changes the circle
 * again, nodes meet at one number, and what is old goes in the end. With a copy of the
 * home in the place of a restore a person has to say that the machine is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/dirs.h"
#include "tests/sim/play.h"

enum { N = 5, HOLD_S = 72 * 3600, DAY = 86400, LISTED = 16 };

/* Rounds before COMMIT: NEXT and PREPARE; NEXT once more where a number is left out. */
enum { FIRST = 2, AGAIN = 3 };

static char fingerprint[WORDS_TEXT]; /* of Ana's key */

static int open_circle(void **state)
{
    static uint64_t seed = 60;

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
    net_fate(NULL);
    play_close();
    return 0;
}

static bool said(const char *what)
{
    return strstr(play_said(), what) != NULL;
}

/* ---- a machine that dies ---- */

/* How often each node was called; what comes after so many calls, the COMMIT, few hear.
 */
struct dying {
    unsigned calls[NET_NODES];
    unsigned before;
    unsigned told; /* a bit each */
};

static bool is_away(void *ctx, size_t i)
{
    struct dying *d = ctx;

    return ++d->calls[i] > d->before && (d->told >> i & 1) == 0;
}

/* Ana's machine deals the next epoch, tells these nodes to make it active, and is gone.
 */
static void dies_after_commit(const char *who, unsigned before, unsigned told)
{
    struct dying d = { .before = before, .told = told };
    const struct net_fate fate = { .ctx = &d, .node_away = is_away };

    net_fate(&fate);
    int code = KITH(who, "circle", "rotate", "--yes", "other-device-gone");
    net_fate(NULL);
    assert_int_equal(code, EXIT_AWAY);
    assert_true(said("did not answer"));
}

/* ---- what nodes hold ---- */

/* The one epoch that node says of the ward: good, prepared; or nothing. */
static const struct net_held *held_at(size_t i, uint32_t epoch)
{
    static struct net_held all[LISTED];
    size_t n = net_held(i, all, LISTED);

    for (size_t k = 0; k < n; k++)
        if (all[k].epoch == epoch)
            return &all[k];
    return NULL;
}

static bool is_good(size_t i, uint32_t epoch)
{
    const struct net_held *e = held_at(i, epoch);

    return e != NULL && e->good;
}

static bool is_prepared(size_t i, uint32_t epoch)
{
    const struct net_held *e = held_at(i, epoch);

    return e != NULL && e->prepared;
}

/* Everybody holds that number, under one name. */
static void all_hold(uint32_t epoch)
{
    struct net_held first = { 0 };

    for (size_t i = 0; i < N; i++) {
        const struct net_held *e = held_at(i, epoch);

        assert_non_null(e);
        assert_true(e->good);
        if (i == 0)
            first = *e;
        assert_memory_equal(e->hash, first.hash, HASH_BYTES);
    }
}

static void only_left(uint32_t epoch)
{
    struct net_held all[LISTED];

    for (size_t i = 0; i < N; i++) {
        assert_int_equal(net_held(i, all, LISTED), 1);
        assert_int_equal(all[0].epoch, epoch);
        assert_true(all[0].good && all[0].confirmed);
    }
}

/* ---- a restore, and the calls after it ---- */

struct shown {
    char name[32];
    char request[40];
    char words[WORDS_TEXT];
};

static size_t lines(struct shown out[N])
{
    size_t n = 0;

    for (char *l = play_out(); *l != 0 && n < N; l += strcspn(l, "\n") + 1)
        if (sscanf(l, "%31[^\t]\t%39[^\t]\t%65[^\n]", out[n].name, out[n].request,
                   out[n].words) == 3)
            n++;
    return n;
}

static void approve(const char *guardian, const struct shown *l)
{
    KITH_FINE(guardian, "guard", "approve", l->request, "--words-file",
              play_file(l->words), "--verified", "called");
}

static void restores(const char *who)
{
    char link[LINK_TEXT];
    struct shown list[N];

    KITH_FINE("Dora", "guard", "link", "Ana");
    play_line(link, sizeof link);
    (void)KITH(who, "restore", "start", "--no-passphrase", "--name", "Ana", link);
    assert_int_equal(lines(list), 1);
    approve("Dora", &list[0]);
    assert_int_equal(KITH(who, "restore"), EXIT_WAITING);
    size_t n = lines(list);

    assert_true(n >= N - 1);
    for (size_t i = 0; i < n; i++)
        approve(list[i].name, &list[i]);
    assert_int_equal(KITH(who, "restore"), EXIT_WAITING);
    play_wait(HOLD_S);
    assert_int_equal(KITH(who, "restore"), EXIT_DEGRADED);
    KITH_FINE(who, "restore", "--accept", fingerprint, "--lost");
}

/* The owner reads words out, the guardian types them, and perhaps words come back. */
static void call(const char *who, const char *guardian)
{
    char line[WORDS_TEXT + LINK_TEXT];

    KITH_FINE(who, "guardian", "confirm", guardian);
    play_line(line, sizeof line);
    KITH_FINE(guardian, "guard", "confirm", "Ana", "--words-file", play_file(line),
              "--verified", "called");
    if (strlen(play_out()) <= 4) {
        KITH_FINE(who, "guardian", "confirm", guardian);
        return;
    }
    play_line(line, sizeof line);
    KITH_FINE(who, "guardian", "confirm", guardian, "--answer-file", play_file(line));
}

static void everything_old_goes(const char *who, uint32_t epoch)
{
    for (size_t i = 0; i < N; i++)
        call(who, play_names[i]);
    play_wait(15 * DAY);
    (void)KITH(who, "circle", "seal", "--resume");
    play_wait(DAY);
    only_left(epoch);
}

/* ---- the cases ---- */

static void test_a_restore_goes_above_it(void **state)
{
    (void)state;
    dies_after_commit("Ana", FIRST, 1);
    assert_true(is_good(0, 2));
    for (size_t i = 1; i < N; i++)
        assert_true(is_prepared(i, 2));
    restores("New");
    all_hold(3);
    everything_old_goes("New", 3);
}

/* Nobody who is there shows the number as active; it was prepared, and is left out. */
static void test_the_one_that_has_it_is_away(void **state)
{
    (void)state;
    dies_after_commit("Ana", FIRST, 16);
    assert_true(is_good(4, 2));
    net_fault(4, NET_SILENT);
    restores("New");
    assert_null(held_at(0, 2));
    assert_true(is_good(0, 3));
    assert_null(held_at(4, 3));
    net_fault(4, NET_FINE);
    (void)KITH("New", "circle", "seal", "--resume");
    all_hold(3);
}

/* Two homes with the root: which of the two goes on, a person knows and no node. */
static void copy_home(const char *to)
{
    char first[256];

    (void)snprintf(first, sizeof first, "%s", play_home("Ana")); /* fits */
    dir_copy(first, play_home(to));
}

static void test_a_person_says_that_it_is_gone(void **state)
{
    (void)state;
    copy_home("Copy");
    dies_after_commit("Ana", FIRST, 1);
    assert_int_equal(KITH("Copy", "circle", "rotate"), EXIT_BUSY);
    assert_true(said("--yes other-device-gone"));
    assert_true(is_good(0, 2));
    (void)KITH("Copy", "circle", "seal", "--abandon");
    (void)KITH("Copy", "circle", "rotate", "--yes", "other-device-gone");
    all_hold(3);
    everything_old_goes("Copy", 3);
}

/* One after the other is gone, and each told another node. */
static void test_again_and_again(void **state)
{
    static const char *const copies[] = { "Ana", "Copy", "Third" };

    (void)state;
    copy_home("Copy");
    copy_home("Third");
    copy_home("Last");
    for (unsigned i = 0; i < 3; i++) {
        dies_after_commit(copies[i], i == 0 ? FIRST : AGAIN, 1U << i);
        assert_true(is_good(i, 2 + i));
        assert_true(is_prepared(4, 2 + i));
    }
    (void)KITH("Last", "circle", "rotate", "--yes", "other-device-gone");
    all_hold(5);
    everything_old_goes("Last", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_restore_goes_above_it, open_circle,
                                        close_circle),
        cmocka_unit_test_setup_teardown(test_the_one_that_has_it_is_away, open_circle,
                                        close_circle),
        cmocka_unit_test_setup_teardown(test_a_person_says_that_it_is_gone, open_circle,
                                        close_circle),
        cmocka_unit_test_setup_teardown(test_again_and_again, open_circle, close_circle),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
