/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads everything a stopped node keeps: each record and data key opens, each seat and
 * ward owns what it says, no erased epoch is back, each drop and the log are whole
 * chains, each object of a vault is what its name says, nothing points into the void.
 * Changes nothing. What rot did is found here before somebody needs it.
 */
#ifndef KITH_NODE_VERIFY_H
#define KITH_NODE_VERIFY_H

#include "node/vault.h"

/* How much there is, and how much of it is wrong. */
struct verdict {
    struct store_verdict store;
    uint64_t entries, log_broken; /* of the log; heads that do not follow */
    uint64_t drops, drops_broken;
    uint64_t owners, owners_wrong;    /* seats and wards; counts or digests that differ */
    uint64_t pointers, pointers_lost; /* indices; those that lead nowhere */
    struct vault_verdict vaults;
};

/* Fills out. Not OK only when reading itself fails: ERR_IO, ERR_NOMEM. */
enum err verify(struct store *s, const struct node_env *env, struct verdict *out);
/* True when nothing is wrong. */
bool verdict_good(const struct verdict *v);

#endif
