/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed objects: the first byte chooses which, the rest is one as it comes, and a body
 * that is signed here, since no fuzzer finds a signature.
 */
#include "tests/fuzz/fixed.h"

static struct fixed f;
static _Alignas(16) uint8_t value[16384];

static enum err get_view(struct bytes raw)
{
    return view_open(raw, f.sign_pub, (struct view *)(void *)value);
}

static enum err get_statement(struct bytes raw)
{
    return statement_open(raw, f.sign_pub, (struct statement *)(void *)value);
}

static enum err get_introduction(struct bytes raw)
{
    return introduction_open(raw, f.sign_pub, (struct introduction *)(void *)value);
}

static enum err get_ack(struct bytes raw)
{
    return ack_open(raw, f.sign_pub, (struct ack *)(void *)value);
}

static enum err get_descriptor(struct bytes raw)
{
    return descriptor_open(raw, f.sign_pub, (struct descriptor *)(void *)value);
}

static const struct {
    enum err (*get)(struct bytes raw);
    const struct wire_schema *schema;
    enum label label;
} kinds[] = {
    { get_view, &view_schema, LABEL_VIEW },
    { get_statement, &statement_schema, LABEL_STATEMENT_RESTORE },
    { get_statement, &statement_schema, LABEL_STATEMENT_CONFIRM },
    { get_statement, &statement_schema, LABEL_STATEMENT_MOVE },
    { get_introduction, &introduction_schema, LABEL_INTRODUCTION },
    { get_ack, &ack_schema, LABEL_ACK },
    { get_descriptor, &descriptor_schema, LABEL_DESCRIPTOR },
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void one(size_t k, struct bytes raw)
{
    memset(value, 0, sizeof value);
    if (kinds[k].get(raw) != OK)
        return;
    fixed_canonical(kinds[k].schema, value, bytes_of(raw.p, raw.n - SIG_BYTES));
    if (kinds[k].schema != &statement_schema)
        return;
    unsigned kind = ((struct statement *)(void *)value)->kind;
    MUST(kinds[k].label == LABEL_STATEMENT_RESTORE + (kind - REQUEST_RESTORE));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK && sizeof(struct descriptor) <= sizeof value);
    fixed_init(&f);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mem[WIRE_MAX];
    struct buf out = BUF_OF(mem);
    uint8_t sig[SIG_BYTES];

    if (size < 1)
        return 0;
    size_t k = data[0] % KINDS;
    struct bytes body = bytes_of(data + 1, size - 1);
    if (kinds[k].schema != &statement_schema)
        one(k, body);
    buf_put(&out, body);
    crypt_sign(&f.sign, kinds[k].label, body, sig);
    buf_put(&out, BYTES_OF(sig));
    if (!out.over)
        one(k, buf_bytes(&out));
    return 0;
}
