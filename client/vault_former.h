/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots that a new one took the place of: each is an item of the vault, and what it
 * opened it still opens. Found by what they are, whatever their items are called. A
 * content is in ordinary memory while it is looked at, wiped after.
 */
#ifndef KITH_CLIENT_VAULT_FORMER_H
#define KITH_CLIENT_VAULT_FORMER_H

#include "client/vault.h"

/*
 * Keeps one that counted until then (Unix seconds), once, and saves. now: when the root
 * after it took over, day_me.moved. As vault_add.
 */
enum err former_keep(struct vault *v, uint64_t until, const uint8_t root[KEY_BYTES],
                     uint64_t now, const struct rng *rng);
/*
 * When the newest of them was put here, which is when the root after it took over, at
 * most now (Unix seconds): what is older may have been read. 0: there is none.
 */
uint64_t former_newest(const struct vault *v, uint64_t now);
/*
 * The next item at *io_at or behind it that may be such a root, and moves on; out is
 * secret memory. ERR_UNKNOWN: there is none; ERR_NOMEM. A damaged one is passed over.
 */
enum err former_next(struct vault *v, size_t *io_at, struct root_key *out);
/*
 * Whether the one of these guardian keys is here, by what the items are called: none is
 * opened. One whose hint names no keys may be it, and counts.
 */
bool former_is_listed(struct vault *v, const uint8_t fp[FP_BYTES]);
/* The root whose guardian keys have that seat at that node. Errors as former_next. */
enum err former_of_seat(struct vault *v, const uint8_t node_key[PUB_BYTES],
                        const uint8_t seat[SEAT_BYTES], struct root_key *out);

#endif
