/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/bytes.h"
#include "proto/secret.h"
#include "tests/unit/death.h"

static void an_append_that_does_not_fit_keeps_all(void **state)
{
    (void)state;
    uint8_t mem[5] = { 0 };
    struct buf b = BUF_OF(mem);

    buf_put_u32(&b, 0x01020304);
    assert_false(b.over);
    buf_put_u16(&b, 0xffff);
    assert_true(b.over);
    assert_int_equal(b.n, 4);
    assert_int_equal(mem[4], 0);
    /* Once over, always over: what follows a gap is never written. */
    buf_put_u8(&b, 5);
    buf_put_zeros(&b, 1);
    assert_int_equal(b.n, 4);
}

static void zeros_that_do_not_fit_set_over(void **state)
{
    (void)state;
    uint8_t mem[2] = { 7, 7 };
    struct buf b = BUF_OF(mem);

    buf_put_zeros(&b, SIZE_MAX);
    assert_true(b.over);
    assert_int_equal(mem[0], 7);
}

static void an_exact_fit_is_not_over(void **state)
{
    (void)state;
    uint8_t mem[8] = { 0 };
    struct buf b = BUF_OF(mem);

    buf_put_u64(&b, 0x0102030405060708);
    buf_put(&b, (struct bytes){ 0 });
    assert_false(b.over);
    assert_int_equal(buf_bytes(&b).n, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(mem[i], i + 1);
}

static void integers_are_big_endian_both_ways(void **state)
{
    (void)state;
    uint8_t mem[8] = { 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };
    uint8_t back[8] = { 0 };

    assert_int_equal(load_u16(mem), 0xfedc);
    assert_true(load_u32(mem) == 0xfedcba98);
    assert_true(load_u64(mem) == 0xfedcba9876543210);
    store_u64(back, load_u64(mem));
    assert_memory_equal(back, mem, sizeof(mem));
}

static void taking_too_much_changes_nothing(void **state)
{
    (void)state;
    struct bytes in = bytes_text("abc");
    struct bytes head = { 0 };

    assert_int_equal(bytes_take(&in, 4, &head), ERR_FORMAT);
    assert_int_equal(bytes_take(&in, SIZE_MAX, &head), ERR_FORMAT);
    assert_int_equal(in.n, 3);
    assert_null(head.p);
    assert_int_equal(bytes_take(&in, 2, &head), OK);
    assert_true(bytes_equal(head, bytes_text("ab")));
    assert_true(bytes_equal(in, bytes_text("c")));
}

static void nothing_can_be_taken_from_nothing(void **state)
{
    (void)state;
    struct bytes in = { 0 };
    struct bytes head = bytes_text("x");

    assert_int_equal(bytes_take(&in, 0, &head), OK);
    assert_int_equal(head.n, 0);
}

static void equal_means_length_and_content(void **state)
{
    (void)state;
    assert_false(bytes_equal(bytes_text("ab"), bytes_text("a")));
    assert_false(bytes_equal(bytes_text("ab"), bytes_text("ac")));
    assert_true(bytes_equal(bytes_text("ab"), bytes_text("ab")));
    assert_true(bytes_equal((struct bytes){ 0 }, bytes_text("")));
}

static void a_wrapping_sum_is_too_big(void **state)
{
    (void)state;
    size_t sum = 42;

    assert_int_equal(size_add(SIZE_MAX, 1, &sum), ERR_TOO_BIG);
    assert_int_equal(size_add(1, SIZE_MAX, &sum), ERR_TOO_BIG);
    assert_int_equal(sum, 42);
    assert_int_equal(size_add(SIZE_MAX - 1, 1, &sum), OK);
    assert_true(sum == SIZE_MAX);
}

static void wrong_hex_leaves_the_output_alone(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",     "0",    "00112", "001122",
                                         "0g11", "00 1", "0x11" };
    uint8_t out[2] = { 9, 9 };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(hex_decode(bytes_text(wrong[i]), SPAN_OF(out)), ERR_FORMAT);
    assert_int_equal(out[0], 9);
    assert_int_equal(out[1], 9);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    uint8_t out[4] = { 0 };
    char text[9] = { 0 };

    assert_int_equal(hex_decode(bytes_text("00fFAb90"), SPAN_OF(out)), OK);
    hex_encode(BYTES_OF(out), text, sizeof(text));
    assert_string_equal(text, "00ffab90");
}

static void encode_into_too_little(void *ctx)
{
    char text[8];

    hex_encode(bytes_of(ctx, 4), text, sizeof(text));
}

static void hex_without_room_for_its_zero_is_a_bug(void **state)
{
    (void)state;
    uint8_t in[4] = { 0 };

    assert_int_equal(death_signal(encode_into_too_little, in), SIGABRT);
}

static void count_up(void *ctx, uint8_t *out, size_t n)
{
    uint8_t *next = ctx;

    for (size_t i = 0; i < n; i++)
        out[i] = (*next)++;
}

static void chance_is_an_argument(void **state)
{
    (void)state;
    uint8_t next = 1;
    struct rng r = { count_up, &next };
    uint32_t got = 0;
    uint8_t mem[4] = { 0 };

    rng_fill(&r, mem, sizeof(mem));
    got = load_u32(mem);
    assert_int_equal(got, 0x01020304);
    assert_int_equal(next, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_append_that_does_not_fit_keeps_all),
        cmocka_unit_test(zeros_that_do_not_fit_set_over),
        cmocka_unit_test(an_exact_fit_is_not_over),
        cmocka_unit_test(integers_are_big_endian_both_ways),
        cmocka_unit_test(taking_too_much_changes_nothing),
        cmocka_unit_test(nothing_can_be_taken_from_nothing),
        cmocka_unit_test(equal_means_length_and_content),
        cmocka_unit_test(a_wrapping_sum_is_too_big),
        cmocka_unit_test(wrong_hex_leaves_the_output_alone),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(hex_without_room_for_its_zero_is_a_bug),
        cmocka_unit_test(chance_is_an_argument),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
