/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of slip39 share among themselves. */
#ifndef KITH_PROTO_SLIP39_PART_H
#define KITH_PROTO_SLIP39_PART_H

#include "proto/gf256.h"
#include "proto/slip39.h"

/* Where a polynomial has its secret. */
enum { SLIP39_SECRET_X = 255 };

enum slip39_way { ENCRYPT, DECRYPT };

/* ERR_TOO_BIG: above SLIP39_SECRET_MAX; ERR_FORMAT: below the least, or odd. */
enum err slip39_value_length(size_t n);
/* ERR_TOO_BIG; ERR_ARG: other than printable ASCII. */
enum err slip39_passphrase_check(struct bytes passphrase);
/*
 * Between master secret and encrypted master secret, in place; set tells length,
 * identifier, ext and e. ERR_NOMEM.
 */
enum err slip39_crypt(enum slip39_way way, const struct slip39_share *set,
                      struct bytes passphrase, uint8_t *secret);
/*
 * The secret of t points. ERR_SHARE_DIGEST: out may then hold a wrong one; ERR_ARG: two
 * points at one x.
 */
enum err slip39_shamir_secret(const struct gf256_point *points, size_t t,
                              struct span out);

#endif
