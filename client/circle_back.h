/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The circle of somebody whose root came back: what the manifest, the rosters and the
 * nodes say of it goes into the day box, as if it had been there all the time. Never
 * prints, never asks. What the nodes signed as acknowledgements before is not known:
 * that begins with the next epoch.
 */
#ifndef KITH_CLIENT_CIRCLE_BACK_H
#define KITH_CLIENT_CIRCLE_BACK_H

#include "client/ceremony_restore.h"
#include "client/guardian.h"

/*
 * Fills plan, epoch and guardians of a day that has no circle, in the order of the
 * manifest's pieces, from a restore that is done; not saved. Guardians whom neither a
 * link nor a roster named are missing: *out_missing. ERR_STATE: the day has a circle or
 * guardians; ERR_UNKNOWN: the restore has no manifest (cards alone); ERR_NOMEM.
 */
enum err circle_back(const struct restore *r, const struct params *p, struct day *d,
                     size_t *out_missing);
/* Guardians with a node of whom the day lacks something. */
size_t circle_strange(const struct day *d);
/* Those of them who hold a piece, whom a restore or a new root brought here and whose
 * nodes have not answered since: "Ben, Cy", as many as fit. False: there is none. */
bool circle_unheard(const struct day *d, char *out, size_t cap);
/*
 * One round as owner to the guardians of whom the day lacks something (the ward's id, the
 * approval key, this device's place): fills it in. An approval key that the manifest does
 * not have is not taken. *out_left: so many still lack something. The caller saves.
 * ERR_NOMEM.
 */
enum err circle_greet(struct day *d, const struct root_key *root, const struct params *p,
                      size_t *out_left);

#endif
