/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes that cheat when they are checked, for client tests: what CHECK reads of the store
 * goes through here (linked with --wrap=ward_object, --wrap=kept_bytes,
 * --wrap=proof_drill_list).
 */
#ifndef KITH_TESTS_SIM_LIAR_H
#define KITH_TESTS_SIM_LIAR_H

#include "proto/bytes.h"
#include "proto/ident.h"

enum lie {
    HONEST,
    ONLY_A_HASH,   /* kept of each object no more than its hash */
    FLIPPED_BIT,   /* one bit of the box has changed */
    ANOTHER_BLOB,  /* has another ward's box in its place */
    OLDER_EPOCH,   /* has the epoch before that one in its place */
    NO_EPOCH,      /* has nothing of the circle */
    NO_LIST,       /* has not the newest list of guardians */
    VAULT_FLIPPED, /* one bit of the vault's objects */
    VAULT_HASHES,  /* their hashes alone */
    NO_VAULT,      /* threw the objects away */
    FORGED_DRILL   /* answers a drill with something else than the piece's signature */
};

extern struct liar {
    enum lie lie;
    bool everybody;          /* all nodes do it, about every ward; else */
    uint8_t ward[ID_BYTES];  /* about this one, */
    uint8_t other[ID_BYTES]; /* and this is another at the same node */
} liar;

#endif
