/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body against a schema with every type in it. What is accepted is canonical:
 * written again it is the input, but for unknown odd keys.
 */
#include "proto/secret.h"
#include "proto/wire.h"

struct leaf {
    uint32_t n;
    struct bytes tag;
};

static const struct wire_field leaf_fields[] = {
    W_UINT(leaf, n, 1, WIRE_MUST, UINT32_MAX),
    W_BYTES(leaf, tag, 3, WIRE_MAY, 0, 8),
};
static const struct wire_schema leaf_schema = W_SCHEMA(leaf, leaf_fields);

struct tree {
    uint8_t kind;
    uint64_t time;
    uint8_t id[4];
    struct bytes blob;
    struct bytes name;
    uint32_t n_leaves;
    struct leaf leaves[3];
};

static const struct wire_field tree_fields[] = {
    W_UINT(tree, kind, 1, WIRE_MUST, 3),
    W_UINT(tree, time, 2, WIRE_MAY, UINT64_MAX),
    W_FIX(tree, id, 3, WIRE_MAY),
    W_BYTES(tree, blob, 4, WIRE_MAY, 0, 512),
    W_TEXT(tree, name, 6, WIRE_MAY, 0, 64),
    W_LIST(tree, leaves, 8, WIRE_MAY, 0, &leaf_schema),
};
static const struct wire_schema tree_schema = W_SCHEMA(tree, tree_fields);

/* libFuzzer's entry point. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[WIRE_MAX];
    struct buf b = BUF_OF(again);
    struct tree t = { 0 };
    struct bytes in = bytes_of(data, size);

    (void)wire_printable(in);
    if (wire_get(&tree_schema, in, &t) != OK)
        return 0;
    MUST(wire_scan(in) == OK && wire_printable(t.name));
    wire_put(&tree_schema, &t, &b);
    MUST(!b.over && b.n <= size);
    MUST(b.n < size || bytes_equal(buf_bytes(&b), in));
    return 0;
}
