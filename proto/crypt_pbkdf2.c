/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken from nettle: libsodium has no SHA-256 for today's processors, and no
   SHA-1, which one-time codes are made with. */
#include <nettle/hmac.h>
#include <nettle/pbkdf2.h>

#include <sodium.h>

#include "proto/crypt.h"

enum { NETTLE_STACK = 4096 };

void crypt_pbkdf2_sha256(struct bytes password, struct bytes salt, uint32_t rounds,
                         struct span out)
{
    static const uint8_t nothing[1];

    MUST(rounds > 0 && rounds <= INT32_MAX);
    if (out.n == 0)
        return;
    pbkdf2_hmac_sha256(password.n, password.n == 0 ? nothing : password.p, rounds, salt.n,
                       salt.n == 0 ? nothing : salt.p, out.n, out.p);
    /* nettle wipes nothing: its last blocks would stay below this frame. */
    sodium_stackzero(NETTLE_STACK);
}

void crypt_hmac_sha1(struct bytes key, const struct bytes *parts, size_t n,
                     uint8_t out[20])
{
    static const uint8_t nothing[1];
    struct hmac_sha1_ctx st;

    hmac_sha1_set_key(&st, key.n, key.n == 0 ? nothing : key.p);
    for (size_t i = 0; i < n; i++)
        hmac_sha1_update(&st, parts[i].n, parts[i].n == 0 ? nothing : parts[i].p);
    hmac_sha1_digest(&st, 20, out);
    sodium_memzero(&st, sizeof st);
    sodium_stackzero(NETTLE_STACK);
}
