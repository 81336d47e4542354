/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of change share: when something planned may be done, and doing it. */
#ifndef KITH_NODE_CHANGE_PART_H
#define KITH_NODE_CHANGE_PART_H

#include "node/change.h"

/* Whether what was planned for due may be done now. */
enum err change_may(struct call *c, const struct record_ward *ward, uint64_t due,
                    bool *out);
/* Alerts a planned RETIRE again, or does it when it is due; *io_n counts what was done.
 */
enum err change_retire_tick(struct call *c, struct record_ward *ward, size_t *io_n);
enum err change_end_tick(struct call *c, struct record_ward *ward, size_t *io_n);

#endif
