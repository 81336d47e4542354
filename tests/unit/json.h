/* SPDX-License-Identifier: Apache-2.0 */
/* Vector files of the tree (tests/vectors) for cmocka tests; a missing key fails. */
#ifndef KITH_TESTS_JSON_H
#define KITH_TESTS_JSON_H

#include <stdio.h>

#include <jansson.h>

#include "proto/bytes.h"

/* The whole file; the caller's to json_decref. */
static inline json_t *json_vectors(const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof(path), KITH_SOURCE "/tests/vectors/%s", name);
    json_t *all = json_load_file(path, 0, NULL);
    assert_non_null(all);
    return all;
}

static inline json_t *json_at(const json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);

    assert_non_null(v);
    return v;
}

static inline struct bytes json_text(const json_t *o, const char *key)
{
    const json_t *v = json_at(o, key);

    assert_true(json_is_string(v));
    return bytes_of(json_string_value(v), json_string_length(v));
}

static inline uint32_t json_u32(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_at(o, key));

    assert_true(v >= 0 && v <= UINT32_MAX);
    return (uint32_t)v;
}

/* The hex text at key, of exactly out.n bytes. */
static inline void json_fixed(const json_t *o, const char *key, struct span out)
{
    assert_int_equal(hex_decode(json_text(o, key), out), OK);
}

/* The hex text at key, of any length up to out.n; returns its bytes in out. */
static inline struct bytes json_bytes(const json_t *o, const char *key, struct span out)
{
    size_t n = json_text(o, key).n / 2;

    assert_true(n <= out.n);
    json_fixed(o, key, (struct span){ out.p, n });
    return bytes_of(out.p, n);
}

/* Asserts that got equals the hex text at key. */
static inline void json_same(const json_t *o, const char *key, struct bytes got)
{
    uint8_t want[1024];
    struct bytes w = json_bytes(o, key, SPAN_OF(want));

    assert_int_equal(got.n, w.n);
    assert_memory_equal(got.p, w.p, w.n);
}

#endif
