/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of kith guardian share; for them alone. */
#ifndef KITH_CLIENT_CMD_GUARDIAN_PART_H
#define KITH_CLIENT_CMD_GUARDIAN_PART_H

#include "client/cmd_guardian.h"
#include "client/guardian.h"

/* For "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

enum { NAME_TEXT = NAME_MAX_BYTES + 1 };

/* kith guardian confirm NAME */
enum err cmd_guardian_confirm(struct ctx *ctx);

#endif
