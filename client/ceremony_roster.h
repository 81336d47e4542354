/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of guardians that nodes keep for the owner's way back, written again for the
 * sealed epoch: under its roster key, with the credentials it was sealed with, so that
 * nobody needs a new piece when a node is reached elsewhere. What was made stands in the
 * day box; a run that was cut goes on with the same bytes. Never prints, never asks.
 */
#ifndef KITH_CLIENT_CEREMONY_ROSTER_H
#define KITH_CLIENT_CEREMONY_ROSTER_H

#include "client/guardian.h"

/* What a list says of that guardian, with the credential of that number. ERR_NOMEM. */
enum err roster_entry_make(const struct root_key *root, const struct day_guardian *g,
                           uint32_t number, struct roster_entry *out);

/*
 * Makes the list anew from d as it is now; every node is behind afterwards. Not saved.
 * ERR_UNKNOWN: this home has no key of the sealed epoch's list, so that only the next
 * epoch renews it; ERR_TOO_BIG, ERR_NOMEM.
 */
enum err roster_renew(struct day *d, const struct unlocked *u, const struct params *p);
/*
 * After a change of the circle, whose list is that sealed one: makes it anew where a node
 * moved while the pieces were on their way. Not saved. ERR_TOO_BIG, ERR_NOMEM.
 */
enum err roster_settle(struct day *d, struct bytes sealed, const struct unlocked *u,
                       const struct params *p);
/* Whether a list was made since the epoch was sealed. */
bool roster_is_newer(const struct day *d);
/* Whether that guardian's node has the piece of the sealed epoch, and an older list. */
bool roster_is_behind(const struct day *d, const struct day_guardian *g);
size_t roster_behind(const struct day *d);

/* How it went at one node. */
struct roster_told {
    const struct day_guardian *g;
    struct guardian_talk talk;
};

/*
 * One round as owner to all that are behind. ERR_BUSY in a talk: the list changed twice
 * there within the dual time. out_told has room for DAY_GUARDIANS. Not saved. ERR_NOMEM.
 */
enum err roster_publish(struct day *d, const struct root_key *root,
                        const struct params *p, struct roster_told *out_told,
                        size_t *out_n);

#endif
