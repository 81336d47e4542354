/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thief with what lay in an owner's device: its day box, or the root box too. He says
 * everything the owner could, as the owner's program would say it and for his own ends;
 * a table has a row for each message that these roles may send, and none is missing.
 */
#ifndef KITH_TESTS_SIM_THIEF_H
#define KITH_TESTS_SIM_THIEF_H

#include "tests/sim/oracle.h"

/* What becomes of it depends on how far the owner is. */
enum thief_when {
    THIEF_FIRST, /* nobody knows yet */
    THIEF_LATE,  /* people gave the circle a new root, which waits at this node */
    THIEF_OVER,  /* it took over, or the owner shut the machine out */
    THIEF_WHENS
};

struct thief {
    struct people *p;
    const struct made *garbage;   /* the newest epoch he made */
    const struct made *dealt;     /* the newest that lies at all seats, or NULL */
    struct ask *theirs;           /* a request of the owner's at that seat */
    const struct new_root *heard; /* the MOVE that people spoke for, or NULL */
    uint8_t nonce[32];
    uint8_t opened[ID_BYTES]; /* what he began himself */
    size_t done[THIEF_WHENS]; /* messages that did what he wanted */
    size_t refused[THIEF_WHENS];
};

/*
 * Everything at one seat, as the root account (ROLE_OWNER) or a device. How many messages
 * were answered otherwise than their row says, or have no row: each is printed.
 */
size_t thief_says_all(struct thief *t, size_t seat, enum role role, enum thief_when when);
/* Whether that message changes something, and is refused once a new root is spoken for;
 * and whether it is refused in any case. */
bool thief_is_late(uint16_t kind);
bool thief_is_refused(uint16_t kind, enum role role);
/* One of them; what it was answered. */
enum err thief_says(struct thief *t, size_t seat, enum role role, uint16_t kind);

/* A head with n objects of 300 bytes, behind the newest one there. */
enum err vault_head_push(struct people *p, size_t seat, const struct sim_login *who,
                         const struct sign_seed *sign, size_t n);
/* True if who gets all these objects, whole, and the head of that version. */
bool vault_gives(struct people *p, size_t seat, const struct sim_login *who,
                 uint64_t version, size_t n);

#endif
