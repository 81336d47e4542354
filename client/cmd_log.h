/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each guardian's node recorded about this person: fetched whole, verified, shown by
 * time. After a restore it is asked with the root account, by the list of guardians the
 * restore found.
 */
#ifndef KITH_CLIENT_CMD_LOG_H
#define KITH_CLIENT_CMD_LOG_H

#include "client/alert.h"
#include "client/ceremony_restore.h"

/*
 * After a restore: says what happened meanwhile, and who is caught at something; nothing
 * on standard output. A node that is away is passed over. ERR_NOMEM.
 */
enum err log_restored(struct ctx *ctx, const struct restore *r,
                      const struct root_key *root);

/*
 * The entries of an ended round by time, or one document, kith.log/1 or kith.seat-log/1;
 * then who was away (3) and what a node was caught at (9). ERR_UNREACHABLE: all away;
 * ERR_NOMEM.
 */
enum err log_show(struct ctx *ctx, const struct alerts *a, enum alert_side side);

#endif
