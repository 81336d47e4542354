/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated node behind a socket on loopback, served by a thread, with one guardian
 * at it: for tests of the client's own conversations. Knows nothing of client/. Fails
 * the test on what cannot go wrong.
 */
#ifndef KITH_TESTS_SIM_LIVE_H
#define KITH_TESTS_SIM_LIVE_H

#include "proto/ident.h"
#include "proto/words.h"

enum { LIVE_NOW = 1800000000 }; /* where its clock begins, Unix seconds */

struct live;

/* A new node and seat; listens on a free port. */
struct live *live_open(uint64_t seed);
void live_close(struct live *l);
/* Moves its clock. */
void live_wait(struct live *l, uint64_t seconds);
/* What it does every minute. */
void live_tick(struct live *l);
/* The guardian makes an invite. */
void live_invite(struct live *l, struct link *out);
/*
 * In the next conversation the nth answer is not sent: served, then cut. The first is
 * the handshake's, the second that to HELLO.
 */
void live_cut(struct live *l, unsigned nth);
/* The guardian gives that ward up. */
void live_leave(struct live *l, const uint8_t ward[ID_BYTES]);
/* How many wards the seat has. */
unsigned live_wards(struct live *l);

/* ---- the guardian and a confirm request that is live ---- */

/* Computes the words as the guardian's client does, for a ward with that owner key. */
void live_words(struct live *l, const uint8_t request[ID_BYTES],
                const uint8_t owner[PUB_BYTES], uint8_t out[WORDS_OUT]);
/* A counted try and the signed confirmation. */
void live_confirm(struct live *l, const uint8_t request[ID_BYTES],
                  const uint8_t owner[PUB_BYTES]);
void live_refuse(struct live *l, const uint8_t request[ID_BYTES]);
/* Five wrong tries. */
void live_lock(struct live *l, const uint8_t request[ID_BYTES]);

#endif
