/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/limit.h"
#include "proto/secret.h"
#include "tests/unit/doc.h"

static struct limits limits;
static struct door door;

/* Chance that always says the same: 0 drops whenever dropping is possible. */
static void fill_same(void *ctx, uint8_t *out, size_t n)
{
    memset(out, *(const uint8_t *)ctx, n);
}

static uint8_t low = 0x00;
static uint8_t high = 0xff;
static const struct rng drops = { fill_same, &low };
static const struct rng keeps = { fill_same, &high };

static int fresh(void **state)
{
    (void)state;
    limits_default(&limits);
    memset(&door, 0, sizeof(door));
    return 0;
}

static struct origin from4(const char *ip)
{
    struct sockaddr_in a = { .sin_family = AF_INET };

    assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
    return origin_of((const struct sockaddr *)&a);
}

static struct origin from6(const char *ip)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6 };

    assert_int_equal(inet_pton(AF_INET6, ip, &a.sin6_addr), 1);
    return origin_of((const struct sockaddr *)&a);
}

static void a_value_out_of_its_bounds_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < limit_count(); i++) {
        const struct limit_row *row = limit_row(i);
        uint64_t before = limit_value(&limits, row);
        assert_int_equal(before, row->def);
        assert_int_equal(limit_set(&limits, row, row->most + 1), ERR_ARG);
        assert_int_equal(limit_set(&limits, row, row->least - 1), ERR_ARG);
        assert_int_equal(limit_value(&limits, row), before);
        assert_int_equal(limit_set(&limits, row, row->most), OK);
        assert_int_equal(limit_value(&limits, row), row->most);
        assert_int_equal(limit_set(&limits, row, row->least), OK);
    }
}

static void every_row_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < limit_count(); i++) {
        const struct limit_row *row = limit_row(i);
        assert_true(row->least > 0 && row->least <= row->def && row->def <= row->most);
        assert_ptr_equal(limit_find(row->key), row);
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(row->key, limit_row(other)->key);
    }
    assert_null(limit_find("NoSuchLimit"));
    assert_null(limit_find(""));
}

static void numbers_that_peers_rely_on_hold(void **state)
{
    (void)state;
    assert_int_equal(limits.age_ms, 15 * 60 * 1000);
    assert_int_equal(limits.watch_ms, 4 * 60 * 1000);
}

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    (void)state;
    struct bucket b = { 0 };

    for (int i = 0; i < 5; i++)
        assert_true(bucket_take(&b, 60, 5, 1000));
    assert_false(bucket_take(&b, 60, 5, 1000));
    assert_int_equal(bucket_wait(&b, 60, 5, 1000), 1000);
    assert_false(bucket_take(&b, 60, 5, 1999));
    assert_int_equal(bucket_wait(&b, 60, 5, 2000), 0);
    assert_true(bucket_take(&b, 60, 5, 2000));
    assert_false(bucket_take(&b, 60, 5, 2000));
    /* Time that stands still or goes back gives nothing. */
    assert_false(bucket_take(&b, 60, 5, 0));
    /* And a long rest gives the burst, no more. */
    for (int i = 0; i < 5; i++)
        assert_true(bucket_take(&b, 60, 5, UINT64_MAX));
    assert_false(bucket_take(&b, 60, 5, UINT64_MAX));
}

static void refused_takes_cost_nothing(void **state)
{
    (void)state;
    struct bucket b = { 0 };

    assert_true(bucket_take(&b, 60, 1, 0));
    for (uint64_t ms = 0; ms < 1000; ms++)
        assert_false(bucket_take(&b, 60, 1, ms));
    assert_true(bucket_take(&b, 60, 1, 1000));
}

static void addresses_are_nets_and_loopback_is_none(void **state)
{
    (void)state;
    const struct origin none = { 0 };
    struct origin a = from6("2001:db8:1:2::1");
    struct origin b = from6("2001:db8:1:2:ffff::9");
    struct origin c = from6("2001:db8:1:3::1");
    struct origin v4 = from4("192.0.2.1");
    struct origin mapped = from6("::ffff:192.0.2.1");

    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(&a, &c, sizeof(a));
    assert_memory_equal(&v4, &mapped, sizeof(v4));
    struct origin local[] = { from4("127.0.0.1"), from4("127.9.9.9"), from6("::1"),
                              from6("::ffff:127.0.0.1") };
    for (size_t i = 0; i < 4; i++)
        assert_memory_equal(&local[i], &none, sizeof(none));
}

static void one_address_cannot_take_all_connections(void **state)
{
    (void)state;
    limits.addr_conns = 3;
    struct origin one = from4("192.0.2.1");
    struct origin other = from4("192.0.2.2");

    for (int i = 0; i < 3; i++)
        assert_int_equal(door_enter(&door, &limits, one, 0, &keeps), OK);
    assert_int_equal(door_enter(&door, &limits, one, 0, &keeps), ERR_BUSY);
    assert_int_equal(door_enter(&door, &limits, other, 0, &keeps), OK);
    door_leave(&door, one, DOOR_STRANGER);
    assert_int_equal(door_enter(&door, &limits, one, 0, &keeps), OK);
    assert_int_equal(door.open, 4);
}

static void one_address_cannot_knock_without_end(void **state)
{
    (void)state;
    limits.addr_burst = 4;
    struct origin one = from4("192.0.2.1");

    for (int i = 0; i < 4; i++) {
        assert_int_equal(door_enter(&door, &limits, one, 0, &keeps), OK);
        door_leave(&door, one, DOOR_STRANGER);
    }
    assert_int_equal(door_enter(&door, &limits, one, 0, &keeps), ERR_BUSY);
    assert_int_equal(door_enter(&door, &limits, one, 1000, &keeps), OK);
    /* Loopback is the whole world behind Tor or a relay: it has no bucket. */
    struct origin local = from4("127.0.0.1");
    for (int i = 0; i < 20; i++)
        assert_int_equal(door_enter(&door, &limits, local, 0, &keeps), OK);
}

static void strangers_are_dropped_early_and_the_known_are_not(void **state)
{
    (void)state;
    const struct origin local = { 0 };

    limits.early_drop = 10;
    limits.strangers = 20;
    for (int i = 0; i < 10; i++)
        assert_int_equal(door_enter(&door, &limits, local, 0, &drops), OK);
    assert_int_equal(door_enter(&door, &limits, local, 0, &drops), ERR_BUSY);
    for (int i = 0; i < 10; i++)
        assert_int_equal(door_enter(&door, &limits, local, 0, &keeps), OK);
    assert_int_equal(door_enter(&door, &limits, local, 0, &keeps), ERR_BUSY);
    for (int i = 0; i < 20; i++)
        door_known(&door);
    assert_int_equal(door.strangers, 0);
    assert_int_equal(door_enter(&door, &limits, local, 0, &drops), OK);
    for (int i = 0; i < 20; i++)
        door_leave(&door, local, DOOR_KNOWN);
    door_leave(&door, local, DOOR_STRANGER);
    assert_int_equal(door.open + door.strangers, 0);
}

static void the_total_is_bounded(void **state)
{
    (void)state;
    const struct origin local = { 0 };

    limits.conns = 8;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(door_enter(&door, &limits, local, 0, &keeps), OK);
        door_known(&door);
    }
    assert_int_equal(door_enter(&door, &limits, local, 0, &keeps), ERR_BUSY);
}

static void more_addresses_than_entries_lose_the_oldest(void **state)
{
    (void)state;
    struct origin held = from4("192.0.2.1");

    assert_int_equal(door_enter(&door, &limits, held, 1, &keeps), OK);
    for (uint32_t i = 0; i < 2 * DOOR_ORIGINS; i++) {
        struct origin o = { .family = 6 };
        store_u32(o.net, i);
        assert_int_equal(door_enter(&door, &limits, o, 2 + i, &keeps), OK);
        door_leave(&door, o, DOOR_STRANGER);
    }
    /* Whoever is inside is never forgotten. */
    assert_int_equal(door.open, 1);
    door_leave(&door, held, DOOR_STRANGER);
    assert_int_equal(door.open, 0);
}

#define DOC_HEAD                                                                         \
    "<!-- Made from node/limit.h by `KITH_WRITE_DOCS=1 test_limit`; a test compares. "   \
    "-->\n# Limits of a node\n\n"                                                        \
    "Each can be set in section `[Limits]` of the configuration, as a whole number in "  \
    "its unit.\n`kithd --config FILE --print-limits` prints this table with the values " \
    "in force.\n\n"                                                                      \
    "| key | default | least | most | unit | what it bounds "                            \
    "|\n|---|---|---|---|---|---|\n"

static void the_document_equals_the_table(void **state)
{
    (void)state;
    static char want[16384];
    size_t n = (size_t)snprintf(want, sizeof(want), "%s", DOC_HEAD);

    for (size_t i = 0; i < limit_count(); i++) {
        n += limit_print(&limits, i, want + n, sizeof(want) - n);
        n += (size_t)snprintf(want + n, sizeof(want) - n, "\n");
        assert_true(n + 1 < sizeof(want));
    }
    doc_equals("docs/LIMITS.md", want);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        CASE(a_value_out_of_its_bounds_is_refused),
        CASE(every_row_is_whole),
        CASE(numbers_that_peers_rely_on_hold),
        CASE(a_bucket_gives_its_burst_and_then_its_rate),
        CASE(refused_takes_cost_nothing),
        CASE(addresses_are_nets_and_loopback_is_none),
        CASE(one_address_cannot_take_all_connections),
        CASE(one_address_cannot_knock_without_end),
        CASE(strangers_are_dropped_early_and_the_known_are_not),
        CASE(the_total_is_bounded),
        CASE(more_addresses_than_entries_lose_the_oldest),
        CASE(the_document_equals_the_table),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
