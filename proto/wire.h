/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded canonical msgpack, driven by schemas. A struct of C and its table of
 * fields are one thing: encoder, decoder, documentation and fuzz seeds come from
 * the table. Encoded form: a map with ascending small-integer keys, minimal
 * integers, no float, no ext, no trailing bytes. An optional field that holds
 * its empty value (0, no bytes, no entries) is absent, and must be.
 */
#ifndef KITH_PROTO_WIRE_H
#define KITH_PROTO_WIRE_H

#include "proto/bytes.h"
#include "proto/err.h"

enum wire_type {
    WIRE_UINT,  /* uint8_t, 16, 32, 64; max bounds the value */
    WIRE_FIX,   /* uint8_t[size]: exactly size bytes; all zero is its empty value */
    WIRE_BYTES, /* struct bytes into the input; min..max bytes */
    WIRE_TEXT,  /* struct bytes into the input; min..max bytes of printable UTF-8 */
    WIRE_LIST   /* uint32_t count and a fixed array of structs; at most max entries */
};

enum wire_need { WIRE_MUST, WIRE_MAY };

struct wire_schema;

struct wire_field {
    const char *name;
    uint8_t key;
    enum wire_type type;
    enum wire_need need;
    uint16_t off;   /* of the value (LIST: of the array) */
    uint16_t size;  /* of the value (LIST: of one entry) */
    uint16_t off_n; /* LIST: of the count */
    uint32_t min;   /* BYTES, TEXT: least length; LIST: least count */
    uint64_t max;   /* UINT: greatest value; BYTES, TEXT: length; LIST: count */
    const struct wire_schema *sub; /* LIST: schema of an entry */
};

struct wire_schema {
    const char *name;
    const struct wire_field *fields;
    size_t count; /* of fields */
    size_t size;  /* of the struct */
};

/* Rows of a field table. S is the struct's tag, m the member; keys ascend. */
#define W_UINT(S, m, k, need_, max_)                                                     \
    {                                                                                    \
        .name = #m, .key = (k), .type = WIRE_UINT, .need = (need_),                      \
        .off = offsetof(struct S, m), .size = sizeof(((struct S *)0)->m), .max = (max_)  \
    }
#define W_FIX(S, m, k, need_)                                                            \
    {                                                                                    \
        .name = #m, .key = (k), .type = WIRE_FIX, .need = (need_),                       \
        .off = offsetof(struct S, m), .size = sizeof(((struct S *)0)->m)                 \
    }
#define W_BYTES(S, m, k, need_, min_, max_)                                              \
    {                                                                                    \
        .name = #m, .key = (k), .type = WIRE_BYTES, .need = (need_),                     \
        .off = offsetof(struct S, m), .size = sizeof(struct bytes), .min = (min_),       \
        .max = (max_)                                                                    \
    }
#define W_TEXT(S, m, k, need_, min_, max_)                                               \
    {                                                                                    \
        .name = #m, .key = (k), .type = WIRE_TEXT, .need = (need_),                      \
        .off = offsetof(struct S, m), .size = sizeof(struct bytes), .min = (min_),       \
        .max = (max_)                                                                    \
    }
/* The count is the member n_m; the bound is the array's size. */
#define W_LIST(S, m, k, need_, min_, sub_)                                               \
    {                                                                                    \
        .name = #m, .key = (k), .type = WIRE_LIST, .need = (need_),                      \
        .off = offsetof(struct S, m), .size = sizeof(((struct S *)0)->m[0]),             \
        .off_n = offsetof(struct S, n_##m), .min = (min_),                               \
        .max = sizeof(((struct S *)0)->m) / sizeof(((struct S *)0)->m[0]), .sub = (sub_) \
    }
/* The schema of struct S with the table rows. */
#define W_SCHEMA(S, rows)                                                                \
    {                                                                                    \
        .name = #S, .fields = (rows), .count = sizeof(rows) / sizeof((rows)[0]),         \
        .size = sizeof(struct S)                                                         \
    }

enum { WIRE_DEPTH = 8, WIRE_MAX = 65519 };

/*
 * Checks that in is one canonical msgpack value within the bounds (depth 8, counts
 * within the bytes, no float, ext, nil), before any library sees it. ERR_FORMAT,
 * ERR_TOO_BIG.
 */
enum err wire_scan(struct bytes in);
/*
 * Appends the struct at value as its schema says. A value outside its bounds is the
 * caller's mistake (MUST); what does not fit sets out->over.
 */
void wire_put(const struct wire_schema *s, const void *value, struct buf *out);
/*
 * Decodes in into the zeroed struct at out_value; slices point into in, which must
 * outlive them. Unknown odd keys are ignored, unknown even keys refused. On failure
 * *out_value is untouched. ERR_FORMAT, ERR_TOO_BIG, ERR_NOMEM.
 */
enum err wire_get(const struct wire_schema *s, struct bytes in, void *out_value);
/* True for valid UTF-8 without controls, bidi controls and invisible characters. */
bool wire_printable(struct bytes text);

#endif
