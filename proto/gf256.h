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

/* The polynomial of least degree through some points, which must outlive it. */
struct gf256_poly {
    const struct gf256_point *points;
    size_t count;
    uint16_t below[GF256_POINTS]; /* exponents of the weights' denominators */
};

/*
 * ERR_ARG: no point, more than GF256_POINTS, or two of one x; found before any
 * arithmetic on a value.
 */
enum err gf256_through(const struct gf256_point *points, size_t count,
                       struct gf256_poly *out_poly);
/* The value at x, byte by byte for values of out.n bytes; out overlaps no point's y. */
void gf256_at(const struct gf256_poly *poly, uint8_t x, struct span out);
/* Both in one. */
enum err gf256_interpolate(const struct gf256_point *points, size_t count, uint8_t x,
                           struct span out);

#endif
