/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/bytes.h"

void buf_put(struct buf *b, struct bytes in)
{
    if (b->over || in.n > b->cap - b->n) {
        b->over = true;
        return;
    }
    if (in.n > 0)
        memcpy(b->p + b->n, in.p, in.n);
    b->n += in.n;
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, bytes_of(&v, 1));
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    uint8_t be[2];

    store_u16(be, v);
    buf_put(b, BYTES_OF(be));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    uint8_t be[4];

    store_u32(be, v);
    buf_put(b, BYTES_OF(be));
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    uint8_t be[8];

    store_u64(be, v);
    buf_put(b, BYTES_OF(be));
}

void buf_put_zeros(struct buf *b, size_t n)
{
    if (b->over || n > b->cap - b->n) {
        b->over = true;
        return;
    }
    if (n > 0)
        memset(b->p + b->n, 0, n);
    b->n += n;
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.p[i] != b.p[i])
            return false;
    return true;
}

int bytes_order(struct bytes a, struct bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++)
        if (a.p[i] != b.p[i])
            return a.p[i] < b.p[i] ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

enum err bytes_take(struct bytes *in, size_t n, struct bytes *out_head)
{
    if (n > in->n)
        return ERR_FORMAT;
    *out_head = bytes_of(in->p, n);
    /* Adding 0 to a null pointer is undefined in C11. */
    if (n > 0)
        in->p += n;
    in->n -= n;
    return OK;
}

uint16_t load_u16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

uint32_t load_u32(const uint8_t *p)
{
    return (uint32_t)load_u16(p) << 16 | load_u16(p + 2);
}

uint64_t load_u64(const uint8_t *p)
{
    return (uint64_t)load_u32(p) << 32 | load_u32(p + 4);
}

void store_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void store_u32(uint8_t *p, uint32_t v)
{
    store_u16(p, (uint16_t)(v >> 16));
    store_u16(p + 2, (uint16_t)v);
}

void store_u64(uint8_t *p, uint64_t v)
{
    store_u32(p, (uint32_t)(v >> 32));
    store_u32(p + 4, (uint32_t)v);
}

enum err size_add(size_t a, size_t b, size_t *out)
{
    if (b > SIZE_MAX - a)
        return ERR_TOO_BIG;
    *out = a + b;
    return OK;
}

void hex_encode(struct bytes in, char *out, size_t cap)
{
    static const char digits[] = "0123456789abcdef";

    MUST(cap > 0 && in.n <= (cap - 1) / 2);
    for (size_t i = 0; i < in.n; i++) {
        out[2 * i] = digits[in.p[i] >> 4];
        out[2 * i + 1] = digits[in.p[i] & 15];
    }
    out[2 * in.n] = '\0';
}

/* Above 15 for what is no digit. */
static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    if (c >= 'a' && c <= 'f')
        return c - (unsigned)'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - (unsigned)'A' + 10;
    return 16;
}

enum err hex_decode(struct bytes text, struct span out)
{
    if (text.n % 2 != 0 || text.n / 2 != out.n)
        return ERR_FORMAT;
    for (size_t i = 0; i < text.n; i++)
        if (hex_value(text.p[i]) > 15)
            return ERR_FORMAT;
    for (size_t i = 0; i < out.n; i++)
        out.p[i] =
            (uint8_t)(hex_value(text.p[2 * i]) << 4 | hex_value(text.p[2 * i + 1]));
    return OK;
}
