/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of cmd_card share. Records problems as handlers do. */
#ifndef KITH_CLIENT_CMD_CARD_PART_H
#define KITH_CLIENT_CMD_CARD_PART_H

#include "client/circle_card.h"
#include "client/cmd.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* Home and day of somebody who has a root; says so if there is none. */
enum err card_day(const struct ctx *ctx, struct home *h, struct day **out);
/* What went wrong about the card of that name, from card_piece or card_held. */
enum err card_fail(const struct ctx *ctx, enum err e, const char *name);

/* Command handler of the other part. */
enum err cmd_card_print(struct ctx *ctx);

#endif
