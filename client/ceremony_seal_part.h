/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the seal ceremony share among themselves. */
#ifndef KITH_CLIENT_CEREMONY_SEAL_PART_H
#define KITH_CLIENT_CEREMONY_SEAL_PART_H

#include "client/ceremony_seal.h"
#include "client/circle_card.h"

/* A copy of in that lives as long as the seal. ERR_NOMEM. */
enum err seal_keep(struct seal *s, struct bytes in, struct bytes *out);
/* Writes the journal. Errors of home_write. */
enum err seal_save(const struct seal *s, const struct seal_work *w);

/* Keeps what the active seats hold, for kith check. Errors of files; ERR_NOMEM. */
enum err seal_keep_check(const struct seal *s, const struct seal_work *w);

/* Whether the piece goes on paper: then nobody is called for it. */
bool seal_is_card(const struct seal_seat *seat);
/* The guardian of that seat; seal_run has looked before (MUST). */
struct day_guardian *seal_guardian(struct day *d, const struct seal_seat *seat);

/*
 * Draws, splits, seals to every guardian, deals to the cards; the phase is SEAL_PREPARE
 * afterwards. Keys and cards are on disk before the journal says so: a cut in between
 * draws everything anew, and nothing was sent. ERR_TOO_BIG; errors of files; ERR_NOMEM.
 */
enum err seal_make_epoch(struct seal *s, const struct seal_work *w);
/*
 * The descriptor of a seat that has its acknowledgement key. One that is not yet known
 * stands as zero, which no signature verifies under.
 */
enum err seal_make_descriptor(struct seal *s, const struct seal_work *w,
                              const struct account_keys *account, struct seal_seat *seat);

#endif
