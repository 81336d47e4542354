/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of move share: its records, and the moment a new root takes over. */
#ifndef KITH_NODE_MOVE_PART_H
#define KITH_NODE_MOVE_PART_H

#include "node/move.h"

struct txn_key key_move(const uint8_t ward[ID_BYTES], const uint8_t id[ID_BYTES],
                        enum move_part which);
/* ERR_UNKNOWN: none; ERR_CORRUPT. */
enum err move_get(struct call *c, const uint8_t ward[ID_BYTES],
                  const uint8_t id[ID_BYTES], struct record_move *out);
enum err move_put(struct call *c, const struct record_move *m);
/* The next after *io_key of a ward, or of all; damaged ones are passed over. */
enum err move_next(struct call *c, struct bytes ward, struct txn_key *io_key,
                   struct record_move *out);
bool move_same_key(const uint8_t a[PUB_BYTES], const uint8_t b[PUB_BYTES]);

/*
 * Account and credentials are the new root's from this commit on: there is no moment
 * with both, or neither. m is written.
 */
enum err move_take_over(struct call *c, struct record_move *m);

#endif
