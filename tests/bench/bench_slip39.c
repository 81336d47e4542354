/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the microseconds of a full SLIP-39 split into words, and of a combine of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proto/crypt.h"
#include "proto/slip39.h"
#include "tests/bench/bench.h"

enum { LEN = 32, T = 3, N = 5, TEXT = 512, BATCHES = 10 };

static struct {
    struct slip39_plan plan;
    uint8_t secret[LEN];
    uint8_t draw[256];
    struct slip39_share shares[N];
    char text[N][TEXT];
    size_t text_n[N];
    struct slip39_found found;
} b = { .plan = {
            .ext = 1, .group_threshold = 1, .group_count = 1, .groups = { { T, N } } } };

static void split(void)
{
    size_t n = slip39_draw_size(&b.plan, LEN);

    rng_fill(&crypt_random, b.draw, n);
    MUST(slip39_split(BYTES_OF(b.secret), (struct bytes){ 0 }, &b.plan,
                      bytes_of(b.draw, n), b.shares) == OK);
    for (size_t i = 0; i < N; i++) {
        struct buf text = { (uint8_t *)b.text[i], TEXT, 0, false };

        slip39_words_encode(&b.shares[i], &text);
        b.text_n[i] = text.n;
    }
}

static void combine(void)
{
    struct slip39_share shares[T];

    for (size_t i = 0; i < T; i++)
        MUST(slip39_words_decode(bytes_of((uint8_t *)b.text[i], b.text_n[i]),
                                 &shares[i]) == OK);
    MUST(slip39_combine(shares, T, (struct bytes){ 0 }, SLIP39_E_USUAL, &b.found) == OK);
    MUST(secret_equal(b.found.secret, b.secret, LEN));
}

int main(void)
{
    double split_ns = 0;
    double combine_ns = 0;

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    rng_fill(&crypt_random, b.secret, LEN);
    for (int i = 0; i < BATCHES; i++) {
        bench_batch(split, 1, &split_ns);
        bench_batch(combine, 1, &combine_ns);
    }
    printf("[%.1f, %.1f]\n", split_ns / 1e3, combine_ns / 1e3);
    secret_end();
    return 0;
}
