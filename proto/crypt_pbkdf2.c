/* SPDX-License-Identifier: Apache-2.0 */
/* The one thing taken from nettle: libsodium has no SHA-256 for today's processors. */
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
