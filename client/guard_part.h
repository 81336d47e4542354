/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of client/guard share; for them alone. */
#ifndef KITH_CLIENT_GUARD_PART_H
#define KITH_CLIENT_GUARD_PART_H

#include "client/guard.h"

/* guard_open, with the manifest; m is the caller's. */
enum err guard_open_whole(const struct guard_who *who, const struct view_epoch *line,
                          const struct rep_box_get *box, struct manifest *m,
                          struct guard_piece *out);

#endif
