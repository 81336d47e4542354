/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "proto/gf256.h"
#include "proto/secret.h"

enum { LONG = 80 };

/* Multiplication by its definition, to judge the tables. */
static uint8_t slow_mul(uint8_t a, uint8_t b)
{
    unsigned product = 0;

    for (unsigned i = 0; i < 8; i++)
        product ^= (b >> i & 1U) != 0 ? (unsigned)a << i : 0;
    for (unsigned i = 15; i >= 8; i--)
        product ^= (product >> i & 1U) != 0 ? 0x11bU << (i - 8) : 0;
    return (uint8_t)product;
}

static void refuses_before_arithmetic(void **state)
{
    const uint8_t y[4] = { 1, 2, 3, 4 };
    uint8_t out[4] = { 9, 9, 9, 9 };
    struct gf256_point p[GF256_POINTS + 1];
    (void)state;

    for (size_t i = 0; i <= GF256_POINTS; i++)
        p[i] = (struct gf256_point){ (uint8_t)i, y };
    assert_int_equal(gf256_interpolate(p, 0, 1, SPAN_OF(out)), ERR_ARG);
    assert_int_equal(gf256_interpolate(p, GF256_POINTS + 1, 1, SPAN_OF(out)), ERR_ARG);
    p[2].x = 0;
    /* Also where the answer would be one of the points itself. */
    for (unsigned x = 0; x < 256; x++)
        assert_int_equal(gf256_interpolate(p, 3, (uint8_t)x, SPAN_OF(out)), ERR_ARG);
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 9);
}

static void tables_equal_the_definition(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++)
            assert_int_equal(gf256_mul((uint8_t)a, (uint8_t)b),
                             slow_mul((uint8_t)a, (uint8_t)b));
    }
}

/* Byte k of the value at x of a polynomial whose coefficients depend on k. */
static uint8_t horner(size_t k, size_t count, uint8_t x)
{
    uint8_t y = 0;

    for (size_t i = count; i-- > 0;)
        y = slow_mul(y, x) ^ (uint8_t)(k * 37 + i * 101 + (k ^ i) * 11);
    return y;
}

/* count points at x = first, first + step, ... of n bytes; every x is then right. */
static void agrees(size_t count, size_t n, uint8_t first, uint8_t step)
{
    uint8_t y[GF256_POINTS][LONG];
    uint8_t out[LONG];
    struct gf256_point p[GF256_POINTS];

    for (size_t i = 0; i < count; i++) {
        p[i] = (struct gf256_point){ (uint8_t)(first + i * step), y[i] };
        for (size_t k = 0; k < n; k++)
            y[i][k] = horner(k, count, p[i].x);
    }
    for (unsigned x = 0; x < 256; x++) {
        out[n - 1] = 0;
        assert_int_equal(gf256_interpolate(p, count, (uint8_t)x, (struct span){ out, n }),
                         OK);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(out[k], horner(k, count, (uint8_t)x));
    }
}

static void interpolates_every_count_and_length(void **state)
{
    (void)state;
    for (size_t count = 1; count <= GF256_POINTS; count++) {
        agrees(count, 1 + count * 3, 0, 1);
        agrees(count, LONG - count, 240, 1);
        agrees(count, 32, 7, 15);
    }
}

static size_t hex_of(const json_t *text, uint8_t *out)
{
    struct bytes hex = bytes_of(json_string_value(text), json_string_length(text));

    assert_int_equal(hex_decode(hex, (struct span){ out, hex.n / 2 }), OK);
    return hex.n / 2;
}

static void one_vector(const json_t *v)
{
    uint8_t y[GF256_POINTS][LONG];
    uint8_t want[LONG];
    uint8_t out[LONG];
    struct gf256_point p[GF256_POINTS];
    const json_t *xs = json_object_get(v, "xs");
    size_t count = json_array_size(xs);
    size_t n = 0;

    assert_true(count <= GF256_POINTS);
    for (size_t i = 0; i < count; i++) {
        n = hex_of(json_array_get(json_object_get(v, "ys"), i), y[i]);
        p[i].x = (uint8_t)json_integer_value(json_array_get(xs, i));
        p[i].y = y[i];
    }
    enum err e =
        gf256_interpolate(p, count, (uint8_t)json_integer_value(json_object_get(v, "x")),
                          (struct span){ out, n });
    if (!json_is_true(json_object_get(v, "ok"))) {
        assert_int_equal(e, ERR_ARG);
        return;
    }
    assert_int_equal(e, OK);
    assert_int_equal(hex_of(json_object_get(v, "result"), want), n);
    assert_memory_equal(out, want, n);
}

static void vectors_of_interpolation(void **state)
{
    json_t *all = json_load_file(KITH_VECTORS "/gf256-interpolate-a.json", 0, NULL);
    (void)state;

    if (all == NULL) {
        print_message("skipped: no gf256-interpolate-a.json\n");
        skip();
    }
    assert_true(json_array_size(all) > 0);
    for (size_t i = 0; i < json_array_size(all); i++)
        one_vector(json_array_get(all, i));
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_before_arithmetic),
        cmocka_unit_test(tables_equal_the_definition),
        cmocka_unit_test(interpolates_every_count_and_length),
        cmocka_unit_test(vectors_of_interpolation),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
