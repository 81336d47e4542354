/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of cmd_circle share: the owner's home, the plan as text and JSON.
 * Records problems as handlers do.
 */
#ifndef KITH_CLIENT_CMD_CIRCLE_PART_H
#define KITH_CLIENT_CMD_CIRCLE_PART_H

#include "client/ceremony_seal.h"
#include "client/ceremony_sheet.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* Home and day of somebody who has a root; says so if there is none. */
enum err owner_day(const struct ctx *ctx, struct home *h, struct day **out);
/* Appends "Ana" or ", Ana", as far as it fits. */
void list_add(char *list, size_t cap, struct bytes name);
/* ERR_ARG with what is wrong with the plan, and how to mend it. */
enum err plan_check(const struct ctx *ctx, const struct day *d);
/* The plan, or the sealed circle, in sentences (standard output); as members of JSON. */
void plan_say(struct term *t, const struct day *d);
json_t *plan_json(const struct day *d);

/* Command handlers of the other parts. */
enum err cmd_circle_plan(struct ctx *ctx);
enum err cmd_circle_sheet(struct ctx *ctx);

#endif
