/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices and bounded buffers: a length that travels with its pointer. Nothing
 * here allocates or owns memory. Sizes are bytes.
 */
#ifndef KITH_PROTO_BYTES_H
#define KITH_PROTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/err.h"

/* Read-only bytes of somebody else's memory. { 0 } is empty and means "absent". */
struct bytes {
    const uint8_t *p;
    size_t n;
};

/* Writable bytes of somebody else's memory. */
struct span {
    uint8_t *p;
    size_t n;
};

/* Appends into fixed memory; an append that does not fit sets over and keeps all. */
struct buf {
    uint8_t *p;
    size_t cap;
    size_t n;
    bool over;
};

/* The bytes of an array (not of a pointer). */
#define BYTES_OF(array) ((struct bytes){ (array), sizeof(array) })
#define SPAN_OF(array)  ((struct span){ (array), sizeof(array) })
#define BUF_OF(array)   ((struct buf){ .p = (array), .cap = sizeof(array) })

static inline struct bytes bytes_of(const void *p, size_t n)
{
    return (struct bytes){ p, n };
}

/* The bytes of a C string, without its zero. */
static inline struct bytes bytes_text(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static inline struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){ b->p, b->n };
}

/* Appends all of in, or sets over and appends nothing. */
void buf_put(struct buf *b, struct bytes in);
void buf_put_u8(struct buf *b, uint8_t v);
/* Integers are big-endian. */
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* Appends n zero bytes. */
void buf_put_zeros(struct buf *b, size_t n);

/* True if equal in length and content. Leaks where they differ: not for secrets. */
bool bytes_equal(struct bytes a, struct bytes b);
/* Below, at or above 0 as a comes before b: by bytes, a prefix first. Not for secrets. */
int bytes_order(struct bytes a, struct bytes b);
/* Takes the first n bytes off *in. ERR_FORMAT if there are fewer (*in unchanged). */
enum err bytes_take(struct bytes *in, size_t n, struct bytes *out_head);

/* Big-endian integers at p. */
uint16_t load_u16(const uint8_t *p);
uint32_t load_u32(const uint8_t *p);
uint64_t load_u64(const uint8_t *p);
void store_u16(uint8_t *p, uint16_t v);
void store_u32(uint8_t *p, uint32_t v);
void store_u64(uint8_t *p, uint64_t v);

/* *out = a + b; ERR_TOO_BIG if it would wrap. */
enum err size_add(size_t a, size_t b, size_t *out);

/* Lower-case hex of in, with a final zero, into out (at least 2 n + 1 bytes). */
void hex_encode(struct bytes in, char *out, size_t cap);
/* Exactly out.n bytes from 2 * out.n hex digits of any case. ERR_FORMAT otherwise. */
enum err hex_decode(struct bytes text, struct span out);

/* Source of uniform random bytes; the shipped programs use crypt_random only. */
struct rng {
    void (*fill)(void *ctx, uint8_t *out, size_t n);
    void *ctx;
};

static inline void rng_fill(const struct rng *r, void *out, size_t n)
{
    r->fill(r->ctx, out, n);
}

#endif
