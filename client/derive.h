/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and passwords that need no storing: made from the root, a name and an index,
 * equal on every machine for ever. The contexts and the forms are frozen: a change
 * would lock people out. Nothing here reads or writes; constant time in the secret.
 */
#ifndef KITH_CLIENT_DERIVE_H
#define KITH_CLIENT_DERIVE_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/secret.h"

enum derive_type {
    DERIVE_AGE, /* age identity, X25519 (age specification, "The X25519 recipient type")
                 */
    DERIVE_SSH, /* Ed25519 key, RFC 8709, in OpenSSH's own file form */
    DERIVE_PASSWORD, /* 100 bits in letters and digits */
    DERIVE_TYPES
};

/* "age", "ssh", "password"; static strings. ERR_ARG: none of them. */
const char *derive_type_name(enum derive_type type);
enum err derive_type_find(const char *name, enum derive_type *out);

enum { DERIVE_NAME_MAX = 64, DERIVE_TEXT_MAX = 1024 };

/* The 32 bytes behind it: keyed hash of index (u32) and name (1 to DERIVE_NAME_MAX
   bytes). ERR_NOMEM: the secret arena is full. */
enum err derive_key(const struct root_key *root, enum derive_type type, struct bytes name,
                    uint32_t index, uint8_t out[KEY_BYTES]);
/*
 * The secret as its programs read it, lines end with '\n': "AGE-SECRET-KEY-1…", an
 * unencrypted OpenSSH private key with name as its comment, or
 * "xxxxx-xxxxx-xxxxx-xxxxx-K7". out is secret memory of at least DERIVE_TEXT_MAX bytes.
 */
void derive_secret(enum derive_type type, const uint8_t key[KEY_BYTES], struct bytes name,
                   struct buf *out);
/* The public part as a line: "age1…", "ssh-ed25519 … NAME". ERR_ARG for a password. */
enum err derive_public(enum derive_type type, const uint8_t key[KEY_BYTES],
                       struct bytes name, struct buf *out);

#endif
