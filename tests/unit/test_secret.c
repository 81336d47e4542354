/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

#include <cmocka.h>

#include "proto/secret.h"
#include "tests/unit/death.h"
#include "tests/unit/residue.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void too_much_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    uint8_t mark = 0;
    void *p = &mark;

    assert_int_equal(secret_alloc(SECRET_ARENA + 1, &p), ERR_NOMEM);
    assert_int_equal(secret_alloc(SIZE_MAX, &p), ERR_NOMEM);
    assert_ptr_equal(p, &mark);
    assert_int_equal(secret_in_use(), 0);
}

static void a_full_arena_says_so_and_recovers(void **state)
{
    (void)state;
    void *all = NULL;
    void *more = NULL;

    assert_int_equal(secret_alloc(SECRET_ARENA, &all), OK);
    assert_int_equal(secret_alloc(1, &more), ERR_NOMEM);
    assert_null(more);
    secret_free(all);
    assert_int_equal(secret_alloc(1, &more), OK);
    secret_free(more);
}

static void a_gap_too_small_is_not_used(void **state)
{
    (void)state;
    void *a = NULL;
    void *b = NULL;
    void *c = NULL;

    assert_int_equal(secret_alloc(64, &a), OK);
    assert_int_equal(secret_alloc(64, &b), OK);
    secret_free(a);
    assert_int_equal(secret_alloc(65, &c), OK);
    assert_true((uint8_t *)c > (uint8_t *)b);
    assert_int_equal(secret_alloc(64, &a), OK);
    assert_true((uint8_t *)a < (uint8_t *)b);
    secret_free(a);
    secret_free(b);
    secret_free(c);
}

static void memory_comes_zeroed_and_is_wiped(void **state)
{
    (void)state;
    uint8_t *p = NULL;
    uint8_t *again = NULL;

    assert_int_equal(secret_alloc(100, (void **)&p), OK);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(p[i], 0);
        p[i] = 0xaa;
    }
    secret_free(p);
    assert_int_equal(secret_alloc(100, (void **)&again), OK);
    assert_ptr_equal(again, p);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
    secret_free(again);
}

static enum err scope(enum err leave_with, size_t *out_held)
{
    AUTO_SECRET struct root_key *key = NULL;

    TRY(secret_new(&key));
    *out_held = secret_in_use();
    TRY(leave_with);
    return OK;
}

static void leaving_a_scope_releases(void **state)
{
    (void)state;
    size_t held = 0;

    assert_int_equal(scope(ERR_BUSY, &held), ERR_BUSY);
    assert_true(held >= KEY_BYTES);
    assert_int_equal(secret_in_use(), 0);
    assert_int_equal(scope(OK, &held), OK);
    assert_int_equal(secret_in_use(), 0);
    secret_free(NULL);
}

static void free_twice(void *ctx)
{
    (void)ctx;
    void *p = NULL;

    MUST(secret_alloc(32, &p) == OK);
    secret_free(p);
    secret_free(p);
}

static void free_the_middle(void *ctx)
{
    (void)ctx;
    uint8_t *p = NULL;

    MUST(secret_alloc(256, (void **)&p) == OK);
    secret_free(p + 64);
}

static void free_a_strangers(void *ctx)
{
    secret_free(ctx);
}

static void end_with_a_leak(void *ctx)
{
    (void)ctx;
    void *p = NULL;

    MUST(secret_alloc(1, &p) == OK);
    secret_end();
}

static void start_twice(void *ctx)
{
    (void)ctx;
    (void)secret_start(SECRET_LOCK_WAIVED); /* dies before it returns */
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    uint8_t mine[64] = { 0 };

    assert_int_equal(death_signal(free_twice, NULL), SIGABRT);
    assert_int_equal(death_signal(free_the_middle, NULL), SIGABRT);
    assert_int_equal(death_signal(free_a_strangers, mine), SIGABRT);
    assert_int_equal(death_signal(end_with_a_leak, NULL), SIGABRT);
    assert_int_equal(death_signal(start_twice, NULL), SIGABRT);
}

/* The whole arena, so that its last byte is the one before the guard page. */
static void write_at(ptrdiff_t off)
{
    void *all = NULL;

    MUST(secret_alloc(SECRET_ARENA, &all) == OK);
    ((volatile uint8_t *)all)[off] = 1;
}

static void overrun(void *ctx)
{
    (void)ctx;
    write_at(SECRET_ARENA);
}

static void underrun(void *ctx)
{
    (void)ctx;
    write_at(-1);
}

static void last_byte(void *ctx)
{
    (void)ctx;
    write_at(SECRET_ARENA - 1);
}

static void guard_pages_stop_both_ends(void **state)
{
    (void)state;
    assert_int_equal(death_signal(last_byte, NULL), 0);
    assert_int_equal(death_signal(overrun, NULL), SIGSEGV);
    assert_int_equal(death_signal(underrun, NULL), SIGSEGV);
}

static void touch_after_the_end(void *ctx)
{
    (void)ctx;
    void *p = NULL;

    MUST(secret_alloc(32, &p) == OK);
    secret_free(p);
    secret_end();
    *(volatile uint8_t *)p = 1;
}

static void nothing_is_left_after_the_end(void **state)
{
    (void)state;
    assert_int_equal(death_signal(touch_after_the_end, NULL), SIGSEGV);
}

static volatile uint8_t *doomed;

static void look_at_the_end(int sig)
{
    (void)sig;
    bool wiped = true;

    for (size_t i = 0; i < KEY_BYTES; i++)
        wiped = wiped && doomed[i] == 0;
    _exit(wiped && prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
}

/* Ends with 0 exactly when the last thing it saw was wiped memory. */
static void break_with_a_secret(void *ctx)
{
    (void)ctx;
    void *p = NULL;

    if (secret_alloc(KEY_BYTES, &p) != OK)
        _exit(2);
    doomed = p;
    doomed[0] = 0xaa;
    doomed[KEY_BYTES - 1] = 0xbb;
    if (signal(SIGABRT, look_at_the_end) == SIG_ERR)
        _exit(3);
    MUST(p == NULL);
}

static void a_broken_promise_wipes_and_leaves_no_core(void **state)
{
    (void)state;
    assert_int_equal(death_signal(break_with_a_secret, NULL), 0);
}

static void equal_compares_every_byte(void **state)
{
    (void)state;
    uint8_t a[32] = { 0 };
    uint8_t b[32] = { 0 };

    for (size_t i = 0; i < sizeof(a); i++) {
        b[i] = 1;
        assert_false(secret_equal(a, b, sizeof(a)));
        b[i] = 0;
    }
    assert_true(secret_equal(a, b, sizeof(a)));
}

static void wipe_overwrites(void **state)
{
    (void)state;
    uint8_t a[3] = { 1, 2, 3 };

    secret_wipe(a, 0);
    assert_int_equal(a[0], 1);
    secret_wipe(a, 2);
    assert_int_equal(a[0] | a[1], 0);
    assert_int_equal(a[2], 3);
}

/* Not the identity and not constant, so that no other memory looks like it. */
static void make_secret(uint8_t *out)
{
    uint32_t x = 0x9e3779b9u;

    for (size_t i = 0; i < KEY_BYTES; i++) {
        x = x * 1664525u + 1013904223u;
        out[i] = (uint8_t)(x >> 24);
    }
}

static void freed_secrets_leave_no_trace(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("skipped: residue scan (a sanitizer keeps copies)\n");
        skip();
    }
    struct root_key *key = NULL;
    uint8_t masked[KEY_BYTES];

    assert_int_equal(secret_new(&key), OK);
    make_secret(key->b);
    residue_mask(key->b, KEY_BYTES, masked);
    /* The scan sees it while it lives: one hit a window. */
    assert_int_equal(residue_count(BYTES_OF(masked)), KEY_BYTES - RESIDUE_WINDOW + 1);
    secret_free(key);
    assert_int_equal(residue_count(BYTES_OF(masked)), 0);
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *worker(void *ctx)
{
    uint8_t mark = *(const uint8_t *)ctx;

    for (size_t i = 0; i < ROUNDS; i++) {
        uint8_t *p = NULL;
        size_t n = 1 + (i * 37 + mark) % 500;
        MUST(secret_alloc(n, (void **)&p) == OK);
        for (size_t j = 0; j < n; j++) {
            MUST(p[j] == 0);
            p[j] = mark;
        }
        for (size_t j = 0; j < n; j++)
            MUST(p[j] == mark);
        secret_free(p);
    }
    return NULL;
}

static void threads_never_share_a_block(void **state)
{
    (void)state;
    pthread_t ids[THREADS];
    uint8_t marks[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        marks[i] = (uint8_t)(i + 1);
        assert_int_equal(pthread_create(&ids[i], NULL, worker, &marks[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(ids[i], NULL), 0);
    assert_int_equal(secret_in_use(), 0);
}

static void locking_refused_is_an_error(void *ctx)
{
    (void)ctx;
    const struct rlimit none = { 0, 0 };

    secret_end();
    MUST(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
    /* Root may lock whatever the limit is; anyone else must be told. */
    if (setgid(65534) != 0 || setuid(65534) != 0)
        MUST(geteuid() != 0);
    MUST(secret_start(SECRET_LOCK_REQUIRED) == ERR_MLOCK);
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
}

static void memory_that_cannot_be_locked_is_refused(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("skipped: refused lock (a sanitizer replaces mlock)\n");
        skip();
    }
    assert_int_equal(death_signal(locking_refused_is_an_error, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_much_is_refused_and_changes_nothing),
        cmocka_unit_test(a_full_arena_says_so_and_recovers),
        cmocka_unit_test(a_gap_too_small_is_not_used),
        cmocka_unit_test(memory_comes_zeroed_and_is_wiped),
        cmocka_unit_test(leaving_a_scope_releases),
        cmocka_unit_test(misuse_ends_the_process),
        cmocka_unit_test(guard_pages_stop_both_ends),
        cmocka_unit_test(nothing_is_left_after_the_end),
        cmocka_unit_test(a_broken_promise_wipes_and_leaves_no_core),
        cmocka_unit_test(equal_compares_every_byte),
        cmocka_unit_test(wipe_overwrites),
        cmocka_unit_test(freed_secrets_leave_no_trace),
        cmocka_unit_test(threads_never_share_a_block),
        cmocka_unit_test(memory_that_cannot_be_locked_is_refused),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
