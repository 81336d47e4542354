/* SPDX-License-Identifier: Apache-2.0 */
/* What a restore and status say of the vault. */
#ifndef KITH_CLIENT_CMD_VAULT_H
#define KITH_CLIENT_CMD_VAULT_H

#include "client/vault_round.h"

struct restore;

/*
 * After a restore has written the root: fetches the vault from the guardians it knows and
 * says what came. That it could not is said, with the command to go on, and no error.
 */
void vault_restored(struct ctx *ctx, struct home *h, const struct restore *r,
                    const struct root_key *root);
/* Whether a restore's vault is not here whole yet; says the command that goes on. */
bool vault_restore_waits(struct ctx *ctx, struct home *h);
/*
 * After a change, the home closed: brings it to the guardians' nodes and says in a line
 * where it is. False: not at enough of them, which the caller says; no error.
 */
bool vault_carry(struct ctx *ctx);
/*
 * The same with the caller's open home, whose day box is loaded and saved anew. *out: how
 * it stands then; zero where it could not be tried. Says who was away; no error.
 */
void vault_carry_from(struct ctx *ctx, struct home *h, struct vault_standing *out);
/*
 * How the vault stands by what is kept in the home; false: there is none, or it cannot be
 * read. Nobody is asked.
 */
bool vault_standing_of(struct home *h, const struct day *d, struct vault_standing *out,
                       struct vault_state *out_state);

#endif
