/* SPDX-License-Identifier: Apache-2.0 */
/* Signed objects, for the files of this module: a body, then 64 bytes of signature. */
#ifndef KITH_PROTO_PIECE_PART_H
#define KITH_PROTO_PIECE_PART_H

#include "proto/piece.h"

/* Signs what was appended to out since from, and appends the signature. */
void signed_tail(struct buf *out, size_t from, const struct sign_seed *by,
                 enum label label);
/* Appends the encoded struct and its signature. */
void signed_put(const struct wire_schema *s, const void *value,
                const struct sign_seed *by, enum label label, struct buf *out);
/* Splits off the signature, unverified. ERR_FORMAT: too short. */
enum err signed_split(struct bytes raw, struct bytes *out_body, const uint8_t **out_sig);
/* Verifies, then decodes. ERR_SIGNATURE; errors of wire_get. */
enum err signed_get(const struct wire_schema *s, struct bytes raw, const uint8_t *by,
                    enum label label, void *out_value);

/* The key that wraps the root, from the escrow key. */
void kek_of(const struct escrow_key *escrow, const uint8_t circle[ID_BYTES],
            uint32_t epoch, struct seal_key *out);
/* Associated data of W_e, of a manifest that manifest_open accepts (MUST). */
void manifest_before(struct bytes raw, uint8_t out[HASH_BYTES]);

#endif
