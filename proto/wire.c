/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/wire.h"

#include <msgpack.h>

#include "proto/secret.h"

/* ---- the scan: one pass, bounded, before msgpack-c sees a byte ---- */

/* The head of a value: its kind and, for containers and strings, its count. */
enum head_kind { HEAD_UINT, HEAD_BIN, HEAD_STR, HEAD_ARRAY, HEAD_MAP };

struct head {
    enum head_kind kind;
    uint64_t n; /* value, length or count */
};

/* Length-carrying types by first byte; low is the least value for that form. */
static const struct form {
    uint8_t first;
    uint8_t width;
    enum head_kind kind;
    uint64_t low;
} forms[] = {
    { 0xcc, 1, HEAD_UINT, 0x80 },    { 0xcd, 2, HEAD_UINT, 0x100 },
    { 0xce, 4, HEAD_UINT, 0x10000 }, { 0xcf, 8, HEAD_UINT, 0x100000000 },
    { 0xc4, 1, HEAD_BIN, 0 },        { 0xc5, 2, HEAD_BIN, 0x100 },
    { 0xc6, 4, HEAD_BIN, 0x10000 },  { 0xd9, 1, HEAD_STR, 32 },
    { 0xda, 2, HEAD_STR, 0x100 },    { 0xdb, 4, HEAD_STR, 0x10000 },
    { 0xdc, 2, HEAD_ARRAY, 16 },     { 0xdd, 4, HEAD_ARRAY, 0x10000 },
    { 0xde, 2, HEAD_MAP, 16 },       { 0xdf, 4, HEAD_MAP, 0x10000 },
};

static enum err head_long(struct bytes *in, uint8_t first, struct head *out)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct bytes raw = { 0 };
        uint64_t n = 0;

        if (forms[i].first != first)
            continue;
        TRY(bytes_take(in, forms[i].width, &raw));
        for (size_t b = 0; b < raw.n; b++)
            n = n << 8 | raw.p[b];
        if (n < forms[i].low)
            return ERR_FORMAT;
        *out = (struct head){ forms[i].kind, n };
        return OK;
    }
    return ERR_FORMAT; /* nil, float, ext, negative */
}

static enum err head_take(struct bytes *in, struct head *out)
{
    struct bytes one = { 0 };

    TRY(bytes_take(in, 1, &one));
    uint8_t c = one.p[0];
    if (c <= 0x7f)
        *out = (struct head){ HEAD_UINT, c };
    else if (c <= 0x8f)
        *out = (struct head){ HEAD_MAP, c & 15U };
    else if (c <= 0x9f)
        *out = (struct head){ HEAD_ARRAY, c & 15U };
    else if (c <= 0xbf)
        *out = (struct head){ HEAD_STR, c & 31U };
    else
        return head_long(in, c, out);
    return OK;
}

/* Keys of a map: unsigned, at most 255, ascending. */
static enum err key_take(struct bytes *in, int *last)
{
    struct head key = { 0 };

    TRY(head_take(in, &key));
    if (key.kind != HEAD_UINT || key.n > UINT8_MAX || (int)key.n <= *last)
        return ERR_FORMAT;
    *last = (int)key.n;
    return OK;
}

static enum err value_scan(struct bytes *in, unsigned depth);

static enum err container_scan(struct bytes *in, struct head h, unsigned depth)
{
    int last = -1;

    if (depth == 0 || h.n > in->n)
        return ERR_TOO_BIG;
    for (uint64_t i = 0; i < h.n; i++) {
        if (h.kind == HEAD_MAP)
            TRY(key_take(in, &last));
        TRY(value_scan(in, depth - 1));
    }
    return OK;
}

/* Bounded by depth, so recursion is: WIRE_DEPTH frames. */
static enum err value_scan(struct bytes *in,
                           unsigned depth) /* NOLINT(misc-no-recursion) */
{
    struct head h = { 0 };
    struct bytes skipped = { 0 };

    TRY(head_take(in, &h));
    switch (h.kind) {
    case HEAD_UINT:
        return OK;
    case HEAD_BIN:
    case HEAD_STR:
        if (h.n > in->n)
            return ERR_FORMAT;
        return bytes_take(in, (size_t)h.n, &skipped);
    case HEAD_ARRAY:
    case HEAD_MAP:
        return container_scan(in, h, depth);
    }
    return ERR_FORMAT;
}

enum err wire_scan(struct bytes in)
{
    if (in.n > WIRE_MAX)
        return ERR_TOO_BIG;
    TRY(value_scan(&in, WIRE_DEPTH));
    return in.n == 0 ? OK : ERR_FORMAT;
}

/* ---- printable text ---- */

/* Takes one code point; false if it is not well-formed UTF-8 (RFC 3629). */
static bool rune_take(struct bytes *in, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    uint8_t c = in->p[0];
    unsigned more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    uint32_t v = more == 0 ? c : c & (0x3fU >> more);

    if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || in->n < more + 1)
        return false;
    for (unsigned i = 1; i <= more; i++) {
        if ((in->p[i] & 0xc0) != 0x80)
            return false;
        v = v << 6 | (in->p[i] & 0x3fU);
    }
    if (v < least[more] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return false;
    in->p += more + 1;
    in->n -= more + 1;
    *out = v;
    return true;
}

/* Controls, and what makes a line read otherwise than it is: bidi, invisible, tags. */
static const struct {
    uint32_t from, to;
} refused_runes[] = {
    { 0, 0x1f },          { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x61c, 0x61c },
    { 0x180e, 0x180e },   { 0x200b, 0x200b }, { 0x200e, 0x200f }, { 0x2028, 0x202e },
    { 0x2060, 0x206f },   { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xfffe, 0xffff },
    { 0xe0000, 0xe007f },
};

static bool rune_plain(uint32_t v)
{
    for (size_t i = 0; i < sizeof(refused_runes) / sizeof(refused_runes[0]); i++)
        if (v >= refused_runes[i].from && v <= refused_runes[i].to)
            return false;
    return true;
}

bool wire_printable(struct bytes text)
{
    while (text.n > 0) {
        uint32_t v = 0;

        if (!rune_take(&text, &v) || !rune_plain(v))
            return false;
    }
    return true;
}

/* ---- fields of structs ---- */

static uint64_t uint_load(const struct wire_field *f, const uint8_t *at)
{
    uint16_t v16 = 0;
    uint32_t v32 = 0;
    uint64_t v64 = 0;

    switch (f->size) {
    case 1:
        return *at;
    case 2:
        memcpy(&v16, at, sizeof v16);
        return v16;
    case 4:
        memcpy(&v32, at, sizeof v32);
        return v32;
    default:
        memcpy(&v64, at, sizeof v64);
        return v64;
    }
}

static void uint_store(const struct wire_field *f, uint8_t *at, uint64_t v)
{
    uint8_t v8 = (uint8_t)v;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;

    switch (f->size) {
    case 1:
        memcpy(at, &v8, sizeof v8);
        return;
    case 2:
        memcpy(at, &v16, sizeof v16);
        return;
    case 4:
        memcpy(at, &v32, sizeof v32);
        return;
    default:
        memcpy(at, &v, sizeof v);
    }
}

static bool uint_fits(const struct wire_field *f, uint64_t v)
{
    return v <= f->max && (f->size == 8 || v >> (8 * f->size) == 0);
}

static struct bytes slice_load(const uint8_t *at)
{
    struct bytes b;

    memcpy(&b, at, sizeof b);
    return b;
}

static uint32_t count_load(const struct wire_field *f, const uint8_t *base)
{
    uint32_t n;

    memcpy(&n, base + f->off_n, sizeof n);
    return n;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;

    for (size_t i = 0; i < n; i++)
        any |= p[i];
    /* Whether a field is there shows in the length anyway. */
    bool zero = any == 0;
    secret_public(&zero, sizeof zero);
    return zero;
}

static bool is_empty(const struct wire_field *f, const uint8_t *base)
{
    const uint8_t *at = base + f->off;

    switch (f->type) {
    case WIRE_UINT:
        return uint_load(f, at) == 0;
    case WIRE_FIX:
        return all_zero(at, f->size);
    case WIRE_BYTES:
    case WIRE_TEXT:
        return slice_load(at).n == 0;
    case WIRE_LIST:
        return count_load(f, base) == 0;
    }
    return true;
}

/* ---- writing: msgpack-c's packer over a bounded buffer ---- */

static int sink(void *ctx, const char *p, size_t n)
{
    struct buf *out = ctx;

    buf_put(out, bytes_of(p, n));
    return out->over ? -1 : 0;
}

/* What does not fit is remembered in the buffer; the packer's result adds nothing. */
#define PACK(call) ((void)(call))

static void struct_put(msgpack_packer *pk, const struct wire_schema *s,
                       const uint8_t *base);

static void value_put(msgpack_packer *pk, const struct wire_field *f, const uint8_t *base)
{
    const uint8_t *at = base + f->off;
    struct bytes b = { 0 };
    uint64_t v = 0;

    switch (f->type) {
    case WIRE_UINT:
        v = uint_load(f, at);
        MUST(uint_fits(f, v));
        PACK(msgpack_pack_uint64(pk, v));
        return;
    case WIRE_FIX:
        PACK(msgpack_pack_bin_with_body(pk, at, f->size));
        return;
    case WIRE_BYTES:
    case WIRE_TEXT:
        b = slice_load(at);
        MUST(b.n >= f->min && b.n <= f->max);
        if (f->type == WIRE_TEXT)
            PACK(msgpack_pack_str_with_body(pk, b.p, b.n));
        else
            PACK(msgpack_pack_bin_with_body(pk, b.p, b.n));
        return;
    case WIRE_LIST:
        v = count_load(f, base);
        MUST(v >= f->min && v <= f->max);
        PACK(msgpack_pack_array(pk, (size_t)v));
        for (size_t i = 0; i < v; i++)
            struct_put(pk, f->sub, at + i * f->size);
        return;
    }
}

static void struct_put(msgpack_packer *pk, const struct wire_schema *s,
                       const uint8_t *base)
{
    size_t present = 0;

    for (size_t i = 0; i < s->count; i++)
        present += s->fields[i].need == WIRE_MUST || !is_empty(&s->fields[i], base);
    PACK(msgpack_pack_map(pk, present));
    for (size_t i = 0; i < s->count; i++) {
        const struct wire_field *f = &s->fields[i];

        if (f->need == WIRE_MAY && is_empty(f, base))
            continue;
        PACK(msgpack_pack_uint8(pk, f->key));
        value_put(pk, f, base);
    }
}

void wire_put(const struct wire_schema *s, const void *value, struct buf *out)
{
    msgpack_packer pk;

    msgpack_packer_init(&pk, out, sink);
    struct_put(&pk, s, value);
}

/* ---- reading: msgpack-c's objects, against the schema ---- */

static enum err struct_get(const struct wire_schema *s, const msgpack_object *o,
                           uint8_t *base);

static enum err slice_get(const struct wire_field *f, const msgpack_object *o,
                          uint8_t *at)
{
    bool text = f->type == WIRE_TEXT;
    struct bytes b = { 0 };

    if (o->type != (text ? MSGPACK_OBJECT_STR : MSGPACK_OBJECT_BIN))
        return ERR_FORMAT;
    /* str and bin have one shape in msgpack-c's object. */
    b = text ? bytes_of(o->via.str.ptr, o->via.str.size)
             : bytes_of(o->via.bin.ptr, o->via.bin.size);
    if (b.n > f->max)
        return ERR_TOO_BIG;
    if (b.n < f->min || (text && !wire_printable(b)))
        return ERR_FORMAT;
    memcpy(at, &b, sizeof b);
    return OK;
}

static enum err list_get(const struct wire_field *f, const msgpack_object *o,
                         uint8_t *base)
{
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return ERR_FORMAT;
    uint32_t n = o->via.array.size;
    if (n > f->max)
        return ERR_TOO_BIG;
    if (n < f->min)
        return ERR_FORMAT;
    for (uint32_t i = 0; i < n; i++)
        TRY(struct_get(f->sub, &o->via.array.ptr[i],
                       base + f->off + (size_t)i * f->size));
    memcpy(base + f->off_n, &n, sizeof n);
    return OK;
}

static enum err value_get(const struct wire_field *f, const msgpack_object *o,
                          uint8_t *base)
{
    uint8_t *at = base + f->off;

    switch (f->type) {
    case WIRE_UINT:
        if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || !uint_fits(f, o->via.u64))
            return ERR_FORMAT;
        uint_store(f, at, o->via.u64);
        break;
    case WIRE_FIX:
        if (o->type != MSGPACK_OBJECT_BIN || o->via.bin.size != f->size)
            return ERR_FORMAT;
        memcpy(at, o->via.bin.ptr, f->size);
        break;
    case WIRE_BYTES:
    case WIRE_TEXT:
        TRY(slice_get(f, o, at));
        break;
    case WIRE_LIST:
        TRY(list_get(f, o, base));
        break;
    }
    /* One value, one encoding: what is empty and optional must be absent. */
    return f->need == WIRE_MAY && is_empty(f, base) ? ERR_FORMAT : OK;
}

/* Bounded by the scan's depth. */
static enum err struct_get(const struct wire_schema *s, /* NOLINT(misc-no-recursion) */
                           const msgpack_object *o, uint8_t *base)
{
    size_t at = 0;

    if (o->type != MSGPACK_OBJECT_MAP)
        return ERR_FORMAT;
    for (uint32_t i = 0; i < o->via.map.size; i++) {
        uint64_t key = o->via.map.ptr[i].key.via.u64;

        /* Keys ascend on both sides: what is passed over here is absent. */
        for (; at < s->count && s->fields[at].key < key; at++)
            if (s->fields[at].need == WIRE_MUST)
                return ERR_FORMAT;
        if (at < s->count && s->fields[at].key == key)
            TRY(value_get(&s->fields[at++], &o->via.map.ptr[i].val, base));
        else if (key % 2 == 0)
            return ERR_VERSION;
    }
    for (; at < s->count; at++)
        if (s->fields[at].need == WIRE_MUST)
            return ERR_FORMAT;
    return OK;
}

static void unpacked_done(msgpack_unpacked *u)
{
    msgpack_unpacked_destroy(u);
}

enum err wire_get(const struct wire_schema *s, struct bytes in, void *out_value)
{
    __attribute__((cleanup(unpacked_done))) msgpack_unpacked un;
    AUTO_FREE uint8_t *fresh = NULL;
    size_t off = 0;

    msgpack_unpacked_init(&un);
    TRY(wire_scan(in));
    msgpack_unpack_return got = msgpack_unpack_next(&un, (const char *)in.p, in.n, &off);
    if (got == MSGPACK_UNPACK_NOMEM_ERROR)
        return ERR_NOMEM;
    if (got != MSGPACK_UNPACK_SUCCESS || off != in.n)
        return ERR_FORMAT;
    fresh = calloc(1, s->size);
    if (fresh == NULL)
        return ERR_NOMEM;
    enum err e = struct_get(s, &un.data, fresh);
    if (e == OK)
        memcpy(out_value, fresh, s->size);
    /* Bodies may carry a psk. */
    explicit_bzero(fresh, s->size);
    return e;
}
