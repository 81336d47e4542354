/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows once a root is back, or is new: the circle, its next epoch, a MOVE, the
 * person's own place as a guardian. Says what happens; what cannot be done now stays a
 * next step and is no error.
 */
#ifndef KITH_CLIENT_CMD_ROOT_PART_H
#define KITH_CLIENT_CMD_ROOT_PART_H

#include "client/ceremony_move.h"
#include "client/ceremony_seal.h"
#include "client/circle_back.h"

/* One person's home, while something of it is under way. */
struct root_desk {
    struct ctx *ctx;
    struct home home;
    struct day *day;
    struct home_key *key;        /* secret; of the root box */
    struct unlocked *unlocked;   /* secret */
    struct sign_seed *requester; /* secret; of a restore that is done, or NULL */
    bool after;                  /* of a restore: its document is the answer */
};

/* Frees; the home is closed if it is the desk's own. */
void root_desk_end(struct root_desk *d);
#define AUTO_ROOT_DESK __attribute__((cleanup(root_desk_end)))

/* Whether a restore's vault is not here whole yet: the new root could not read it. */
bool root_vault_waits(struct home *h);
/* That, or this home lost the vault that nodes took from it. */
bool root_vault_missing(struct home *h, const struct day *d);
/*
 * Brings the vault under the new root to the nodes that let it in, and says where it is.
 * False: at too few, the next command is said. The day box on disk is newer then.
 */
bool root_vault_saved(struct root_desk *d);
/* Begins or goes on with the next epoch, as far as it can now. ERR_NOMEM only. */
enum err root_next_epoch(struct root_desk *d);
/* Takes a new place at each of the person's own seats; wards are told. ERR_NOMEM only. */
enum err root_follow_seats(struct root_desk *d);
/* Goes on with the MOVE that is under way, says how it stands, sets the exit code. */
enum err root_move_on(struct root_desk *d, struct moving *m);

/*
 * The circle of a restore that is done goes into the day box, before anything is sealed
 * under its name. Fine when it is there. Errors of files, ERR_NOMEM.
 */
enum err root_circle_back(struct ctx *ctx, struct home *h, const struct restore *r);
/*
 * After a restore that just brought the root: the circle as above, this device let in,
 * certificates to who lacks them; then a MOVE if the old machine is in other hands, else
 * the next epoch. Errors of files, ERR_NOMEM; the exit code is not touched.
 */
enum err root_restored(struct ctx *ctx, struct home *h, struct restore *r,
                       const struct home_key *key, enum day_gone gone);

/* kith root lock */
enum err root_cmd_lock(struct ctx *ctx);

#endif
