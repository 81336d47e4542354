/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault of a ward: objects by the hash of their bytes, and a chain of signed heads
 * that is changed by compare-and-swap. What a head dropped is erased only when no kept
 * head is older than that: the last three, every one of the last 30 days, one a week for
 * 12 weeks. Never reads an object's content, never erases for room what a younger head
 * may need. What will hurt you: an object PUT and never followed by a head goes after
 * 14 days.
 */
#ifndef KITH_NODE_VAULT_H
#define KITH_NODE_VAULT_H

#include "node/record.h"

enum {
    VAULT_HEADS_LAST = 3,             /* are kept whatever their age */
    VAULT_HEADS_S = 30 * 86400,       /* so long all are */
    VAULT_WEEK_S = 7 * 86400,         /* then one of each */
    VAULT_WEEKS_S = 12 * 7 * 86400,   /* so long */
    VAULT_STAGED_S = 14 * 86400,      /* an object waits for a head */
    VAULT_STAGED_SURE_S = 13 * 86400, /* and counts as there */
    VAULT_SWEEP_S = 3600,             /* between two looks at what may go */
    VAULT_ERASE = 256,                /* objects erased by one job */
    VAULT_LISTED = 128,               /* objects looked at to list some */
    VAULT_RESERVE = 256 * 1024        /* bytes kept for heads, and for the root account */
};

/* Handlers. */
enum err vault_serve_have(struct call *c, const struct req_vault_have *req,
                          struct rep_vault_have *rep);
enum err vault_serve_put(struct call *c, const struct req_vault_put *req,
                         struct rep_vault_put *rep);
enum err vault_serve_get(struct call *c, const struct req_vault_get *req,
                         struct rep_vault_get *rep);
enum err vault_serve_head_get(struct call *c, const struct req_head_get *req,
                              struct rep_head_get *rep);
enum err vault_serve_head_set(struct call *c, const struct req_head_set *req,
                              struct rep_head_set *rep);

/*
 * Now and then, as a write of its own: heads and objects that need not be kept go, a few
 * at a time, and all of a ward that was given up; *out_more: call again.
 */
enum err vault_serve_tick(struct call *c, bool *out_more);

/* What looking at all vaults showed. */
struct vault_verdict {
    uint64_t vaults;
    uint64_t objects;
    uint64_t heads;
    uint64_t lost;  /* objects and heads that are gone or not what they were */
    uint64_t wrong; /* vaults that do not hold what they count */
};

enum err vault_serve_verify(struct call *c, struct vault_verdict *io);

#endif
