/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The field GF(256) of SLIP-39 (polynomial 0x11B) and interpolation in it. The
 * points' x are public and may choose table entries; the values y are secret and
 * meet only shifts, masks and exclusive or. Nothing here allocates or draws.
 */
#ifndef KITH_PROTO_GF256_H
#define KITH_PROTO_GF256_H

#include "proto/bytes.h"
#include "proto/err.h"

enum { GF256_POINTS = 16 }; /* most points of one polynomial */

/* One point: x is public, y are the secret bytes of somebody else's memory. */
struct gf256_point {
    uint8_t x;
    const uint8_t *y;
};

/* The product; of public numbers only, since it reads tables. */
uint8_t gf256_mul(uint8_t a, uint8_t b);

/*
 * The value at x of the polynomial through points[0..count), byte by byte for
 * values of out.n bytes each. ERR_ARG: no point, more than GF256_POINTS, or two of
 * one x; found before any arithmetic. out may not overlap a y.
 */
enum err gf256_interpolate(const struct gf256_point *points, size_t count, uint8_t x,
                           struct span out);

#endif
