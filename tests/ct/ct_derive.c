/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and passwords made from the root, and their letters. (The public part of a key
 * stands in its file, and is public.)
 * ct-sources: client/derive.c proto/crypt.c proto/secret.c proto/bytes.c proto/err.c
 */
#include "client/derive.h"
#include "tests/ct/ct.h"

int main(void)
{
    struct root_key root = { { 3 } };
    uint8_t key[KEY_BYTES];
    uint8_t text[DERIVE_TEXT_MAX];

    ct_start();
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    ct_secret(root.b, sizeof(root.b));
    for (unsigned t = 0; t < DERIVE_TYPES; t++) {
        struct buf secret = BUF_OF(text);

        MUST(derive_key(&root, (enum derive_type)t, bytes_text("name"), 7, key) == OK);
        derive_secret((enum derive_type)t, key, bytes_text("name"), &secret);
        struct buf pub = BUF_OF(text);

        enum err e = derive_public((enum derive_type)t, key, bytes_text("name"), &pub);
        MUST((e == OK) == (t != DERIVE_PASSWORD));
    }
    secret_end();
    return 0;
}
