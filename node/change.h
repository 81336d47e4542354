/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is erased because an owner asks for it and guardian people say so: the epochs
 * before a confirmed one (RETIRE), all of a ward (WARD_END). Planned, told, and done when
 * its time has come. Never while somebody's restore is approved or contested, the
 * guardian froze the ward, or a new root is on its way.
 */
#ifndef KITH_NODE_CHANGE_H
#define KITH_NODE_CHANGE_H

#include "node/ward.h"

/*
 * Each minute, as a write: alerts and carries out what is planned, of a few wards.
 * *out_more: there was something to do, call again.
 */
enum err change_tick(struct call *c, bool *out_more);

/* Handlers. ERR_CERT: what was shown does not prove it. */
enum err change_retire(struct call *c, const struct req_retire *req,
                       struct rep_retire *rep);
enum err change_ward_end(struct call *c, const struct req_ward_end *req,
                         struct rep_ward_end *rep);

#endif
