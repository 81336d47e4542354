/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and randomness that fuzzers and their seeds share, so that a seed opens and a
 * found input plays again. No secret of anybody.
 */
#ifndef KITH_TESTS_FUZZ_FIXED_H
#define KITH_TESTS_FUZZ_FIXED_H

#include "proto/piece.h"

static inline void fixed_fill(void *ctx, uint8_t *out, size_t n)
{
    uint64_t *s = ctx;

    for (size_t i = 0; i < n; i++) {
        *s ^= *s << 13;
        *s ^= *s >> 7;
        *s ^= *s << 17;
        out[i] = (uint8_t)(*s >> 24);
    }
}

struct fixed {
    uint64_t seed;
    struct rng rng;
    struct root_key root;
    struct escrow_key escrow;
    struct sign_seed owner; /* of root */
    struct sign_seed sign;
    uint8_t sign_pub[PUB_BYTES];
    struct dh_key dh;
    uint8_t dh_pub[PUB_BYTES];
    struct seal_key key;
    uint8_t hash[HASH_BYTES];
    uint8_t seat[ID_BYTES];
    uint8_t t[40];
    struct box_about about;
};

/* f stays where it is: its rng points into it. */
static inline void fixed_init(struct fixed *f)
{
    f->seed = 0x4b697468;
    f->rng = (struct rng){ .fill = fixed_fill, .ctx = &f->seed };
    rng_fill(&f->rng, f->root.b, KEY_BYTES);
    rng_fill(&f->rng, f->escrow.b, KEY_BYTES);
    rng_fill(&f->rng, f->sign.b, KEY_BYTES);
    rng_fill(&f->rng, f->dh.b, KEY_BYTES);
    rng_fill(&f->rng, f->key.b, KEY_BYTES);
    rng_fill(&f->rng, f->hash, sizeof f->hash);
    rng_fill(&f->rng, f->seat, sizeof f->seat);
    rng_fill(&f->rng, f->t, sizeof f->t);
    enum err e = ident_owner(&f->root, &f->owner);
    MUST(e == OK);
    crypt_sign_public(&f->sign, f->sign_pub);
    crypt_dh_public(&f->dh, f->dh_pub);
    f->about = (struct box_about){ .epoch = 1, .index = 2 };
    memcpy(f->about.manifest_hash, f->hash, HASH_BYTES);
    memcpy(f->about.seat, f->seat, ID_BYTES);
    memcpy(f->about.seal_pub, f->dh_pub, PUB_BYTES);
}

/* What was read is canonical: written again it is in, but for unknown odd keys. */
static inline void fixed_canonical(const struct wire_schema *s, const void *value,
                                   struct bytes in)
{
    static uint8_t again[WIRE_MAX];
    struct buf b = BUF_OF(again);

    wire_put(s, value, &b);
    MUST(!b.over && b.n <= in.n);
    MUST(b.n < in.n || bytes_equal(buf_bytes(&b), in));
}

/* libFuzzer's entry points. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
