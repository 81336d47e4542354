/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest as it comes, and as a body its owner signed, since no fuzzer finds a
 * signature. What is accepted has a sound plan; a root that comes out is the owner's.
 */
#include "tests/fuzz/fixed.h"

static struct fixed f;

static void one(struct bytes raw)
{
    static struct manifest m;
    struct root_key root;

    memset(&m, 0, sizeof m);
    if (manifest_open(raw, &m) != OK)
        return;
    enum err sound = manifest_check(&m);
    MUST(sound == OK && raw.n <= MANIFEST_MAX);
    MUST(manifest_need(&m) >= 2 && manifest_need(&m) <= m.n_pieces);
    for (uint32_t i = 0; i < m.n_pieces; i++)
        MUST(manifest_find(&m, m.pieces[i].piece_key) != NULL);
    fixed_canonical(&manifest_schema, &m, bytes_of(raw.p, raw.n - SIG_BYTES));
    if (manifest_unwrap(raw, &f.escrow, &root) == OK)
        MUST(secret_equal(&root, &f.root, sizeof root));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK);
    fixed_init(&f);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mem[2 * MANIFEST_MAX];
    struct buf out = BUF_OF(mem);
    struct bytes body = bytes_of(data, size);
    uint8_t sig[SIG_BYTES];

    one(body);
    /* A seed is a whole manifest: its body is signed anew. */
    body.n -= size > SIG_BYTES ? SIG_BYTES : 0;
    buf_put(&out, body);
    crypt_sign(&f.owner, LABEL_MANIFEST, body, sig);
    buf_put(&out, BYTES_OF(sig));
    if (!out.over)
        one(buf_bytes(&out));
    MUST(secret_in_use() == 0);
    return 0;
}
