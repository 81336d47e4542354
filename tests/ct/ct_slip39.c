/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Share arithmetic, RS1024, word look-up in both directions, split and recovery.
 * ct-sources: proto/slip39.c proto/slip39_recover.c proto/slip39_words.c
 * ct-sources: proto/gf256.c proto/crypt.c proto/crypt_pbkdf2.c
 * ct-sources: proto/secret.c proto/bytes.c proto/err.c
 * ct-libs: -lnettle
 */
#include "proto/crypt.h"
#include "proto/gf256.h"
#include "proto/slip39.h"
#include "tests/ct/ct.h"

enum { SHARES = 7 };

/* 2 of 2 groups: 3 of 5, 2 of 2. */
static const struct slip39_plan plan = { .group_threshold = 2,
                                         .group_count = 2,
                                         .groups = { { 3, 5 }, { 2, 2 } } };

static struct {
    uint8_t secret[32];
    uint8_t draw[1024];
    uint8_t passphrase[8];
    struct slip39_share shares[SHARES];
    uint8_t text[SHARES][SLIP39_TEXT];
    size_t text_n[SHARES];
    struct slip39_found found;
} t;

static void arithmetic(void)
{
    uint8_t y[GF256_POINTS][40];
    uint8_t out[40];
    struct gf256_point points[GF256_POINTS];

    for (size_t i = 0; i < GF256_POINTS; i++)
        points[i] = (struct gf256_point){ (uint8_t)(3 * i), y[i] };
    rng_fill(&crypt_random, y, sizeof y);
    ct_secret(y, sizeof y);
    for (size_t count = 1; count <= GF256_POINTS; count++)
        MUST(gf256_interpolate(points, count, 255, SPAN_OF(out)) == OK);
}

static void split(void)
{
    size_t draw_n = slip39_draw_size(&plan, sizeof t.secret);

    MUST(draw_n <= sizeof t.draw);
    rng_fill(&crypt_random, t.secret, sizeof t.secret);
    rng_fill(&crypt_random, t.draw, draw_n);
    memset(t.passphrase, 'p', sizeof t.passphrase);
    ct_secret(t.secret, sizeof t.secret);
    ct_secret(t.draw, draw_n);
    ct_secret(t.passphrase, sizeof t.passphrase);
    MUST(slip39_split(BYTES_OF(t.secret), BYTES_OF(t.passphrase), &plan,
                      bytes_of(t.draw, draw_n), t.shares) == OK);
}

static void write_words(void)
{
    for (size_t i = 0; i < SHARES; i++) {
        struct buf out = BUF_OF(t.text[i]);

        ct_secret(t.shares[i].value, t.shares[i].value_n);
        slip39_words_encode(&t.shares[i], &out);
        MUST(!out.over);
        t.text_n[i] = out.n;
    }
}

static void read_words(void)
{
    for (size_t i = 0; i < SHARES; i++) {
        memset(&t.shares[i], 0, sizeof t.shares[i]);
        ct_secret(t.text[i], t.text_n[i]);
        MUST(slip39_words_decode(bytes_of(t.text[i], t.text_n[i]), &t.shares[i]) == OK);
    }
    /* A wrong letter and a wrong word are as silent as the right ones. */
    struct slip39_share none;
    t.text[0][0] = '?';
    ct_secret(t.text[0], t.text_n[0]);
    MUST(slip39_words_decode(bytes_of(t.text[0], t.text_n[0]), &none) == ERR_WORD);
}

static void expect_secret(void)
{
    bool same = secret_equal(t.found.secret, t.secret, sizeof t.secret);

    ct_public(&same, sizeof same);
    MUST(same);
}

static void recover(void)
{
    struct bytes passphrase = BYTES_OF(t.passphrase);

    for (size_t i = 0; i < SHARES; i++)
        ct_secret(t.shares[i].value, t.shares[i].value_n);
    ct_secret(t.passphrase, sizeof t.passphrase);
    MUST(slip39_combine(t.shares, SHARES, passphrase, 0, &t.found) == OK);
    expect_secret();
    /* The search for a bad one too. */
    t.shares[1].value[3] ^= 1;
    MUST(slip39_recover(t.shares, SHARES, passphrase, 0, &t.found) == OK);
    MUST(t.found.bad_n == 1 && t.found.bad[1]);
    expect_secret();
}

int main(void)
{
    ct_start();
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    arithmetic();
    split();
    write_words();
    read_words();
    recover();
    secret_end();
    return 0;
}
