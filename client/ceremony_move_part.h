/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the MOVE ceremony share among themselves. */
#ifndef KITH_CLIENT_CEREMONY_MOVE_PART_H
#define KITH_CLIENT_CEREMONY_MOVE_PART_H

#include "client/ceremony_move.h"
#include "client/vault.h"

/* A copy of in that lives as long as the MOVE; nothing gives nothing. ERR_NOMEM. */
enum err move_keep(struct moving *m, struct bytes in, struct bytes *out);
/* Writes the journal. Errors of home_write. */
enum err move_save(const struct moving *m, const struct move_work *w);

/* Fresh keys for a request: a nonce serves one view. */
void move_draw(struct move_seat *s, const struct rng *rng);
/*
 * Opens and shows requests of kind MOVE at all who did not sign yet, two rounds, and
 * fetches what was signed; kept before a nonce is shown. ERR_NOMEM; errors of files.
 */
enum err move_ask(struct moving *m, const struct move_work *w);
/* Shows the MOVE to all nodes that have not let the new root in; saved. ERR_NOMEM. */
enum err move_send(struct moving *m, const struct move_work *w);
/*
 * The home becomes the new root's: its root box, day box and vault. Every step is found
 * done when it is run again. Errors of files; ERR_NOMEM.
 */
enum err move_take(struct moving *m, const struct move_work *w);

#endif
