/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Share arithmetic of 32 bytes beside libgfshare, in one process: how many of ours in
 * the time of one of theirs. Ours is constant-time; "combine" is the same work on both
 * sides, "combine, digest" moreover what SLIP-39 needs to verify it. Chance is left
 * out: both take the same cheap bytes.
 */
#include <libgfshare.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/gf256.h"
#include "proto/secret.h"
#include "proto/slip39.h"
#include "tests/bench/bench.h"

enum { LEN = 32, MOST = 16, RUNS = 500, BATCHES = 100 };

/* One case: t of n, and what it works on. */
static struct {
    uint8_t t, n;
    uint8_t secret[LEN];
    uint8_t draw[MOST * LEN];
    uint8_t values[MOST * LEN];
    uint8_t found[LEN];
    uint8_t digest[LEN];
    uint8_t numbers[MOST];
    uint8_t theirs[MOST][LEN];
    gfshare_ctx *enc, *dec;
} b;

static void cheap_chance(unsigned char *out, unsigned n)
{
    memcpy(out, b.draw, n);
}

static void ours_split(void)
{
    struct gf256_point points[MOST];
    struct gf256_poly poly;
    size_t random = b.t - 2U;

    memcpy(b.values, b.draw, random * LEN);
    for (size_t i = 0; i < random; i++)
        points[i] = (struct gf256_point){ (uint8_t)i, b.values + i * LEN };
    points[random] = (struct gf256_point){ 254, b.draw + random * LEN };
    points[random + 1] = (struct gf256_point){ 255, b.secret };
    MUST(gf256_through(points, b.t, &poly) == OK);
    for (size_t i = random; i < b.n; i++)
        gf256_at(&poly, (uint8_t)i, (struct span){ b.values + i * LEN, LEN });
}

static void theirs_split(void)
{
    gfshare_ctx_enc_setsecret(b.enc, b.secret);
    for (uint8_t i = 0; i < b.n; i++)
        gfshare_ctx_enc_getshare(b.enc, i, b.theirs[i]);
}

static void ours_interpolate(struct gf256_poly *poly, struct gf256_point *points)
{
    for (size_t i = 0; i < b.t; i++)
        points[i] = (struct gf256_point){ (uint8_t)i, b.values + i * LEN };
    MUST(gf256_through(points, b.t, poly) == OK);
    gf256_at(poly, 255, SPAN_OF(b.found));
}

static void ours_combine(void)
{
    struct gf256_point points[MOST];
    struct gf256_poly poly;

    ours_interpolate(&poly, points);
}

static void ours_combine_digest(void)
{
    struct gf256_point points[MOST];
    struct gf256_poly poly;

    ours_interpolate(&poly, points);
    gf256_at(&poly, 254, SPAN_OF(b.digest));
}

static void theirs_combine(void)
{
    gfshare_ctx_dec_newshares(b.dec, b.numbers);
    for (uint8_t i = 0; i < b.t; i++)
        gfshare_ctx_dec_giveshare(b.dec, i, b.theirs[i]);
    gfshare_ctx_dec_extract(b.dec, b.found);
}

static void compare(const char *what, void (*ours)(void), void (*theirs)(void),
                    const char *goal)
{
    double our_ns = 0;
    double their_ns = 0;

    /* In turns, so that a slow moment of the machine hits both. */
    for (int i = 0; i < BATCHES; i++) {
        bench_batch(ours, RUNS, &our_ns);
        bench_batch(theirs, RUNS, &their_ns);
    }
    printf("shares %s %u of %u, 32 bytes: %.2f x libgfshare (%.0f ns, %.0f ns; %s)\n",
           what, b.t, b.n, their_ns / our_ns, our_ns, their_ns, goal);
}

/* What was timed was right: the last to run left the secret it found. */
static void expect_secret(void)
{
    if (secret_equal(b.found, b.secret, LEN))
        return;
    fputs("bench_shares: a wrong secret\n", stderr);
    exit(1);
}

static void one_case(uint8_t t, uint8_t n)
{
    b.t = t;
    b.n = n;
    for (size_t i = 0; i < sizeof b.draw; i++)
        b.draw[i] = (uint8_t)(i * 167 + 13);
    for (size_t i = 0; i < LEN; i++)
        b.secret[i] = (uint8_t)(i * 59 + 1);
    for (uint8_t i = 0; i < MOST; i++)
        b.numbers[i] = (uint8_t)(i + 1);
    b.enc = gfshare_ctx_init_enc(b.numbers, n, t, LEN);
    b.dec = gfshare_ctx_init_dec(b.numbers, t, LEN);
    if (b.enc == NULL || b.dec == NULL)
        exit(1);
    compare("split", ours_split, theirs_split, "goal 1");
    compare("combine", ours_combine, theirs_combine, "goal 1");
    expect_secret();
    compare("combine, digest", ours_combine_digest, theirs_combine, "does more");
    expect_secret();
    theirs_combine();
    expect_secret();
    gfshare_ctx_free(b.enc);
    gfshare_ctx_free(b.dec);
}

int main(void)
{
    gfshare_fill_rand = cheap_chance;
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    one_case(3, 5);
    one_case(8, 16);
    secret_end();
    return 0;
}
