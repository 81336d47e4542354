/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of cmd_circle share: the owner's home, the plan as text and JSON.
 * Records problems as handlers do.
 */
#ifndef KITH_CLIENT_CMD_CIRCLE_PART_H
#define KITH_CLIENT_CMD_CIRCLE_PART_H

#include "client/ceremony_seal.h"
#include "client/ceremony_sheet.h"
#include "client/cmd_guardian.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* Home and day of somebody who has a root; says so if there is none. */
enum err owner_day(const struct ctx *ctx, struct home *h, struct day **out);
/* Appends "Ana" or ", Ana", as far as it fits. */
void list_add(char *list, size_t cap, struct bytes name);
/* There is no plan yet: ERR_STATE (10). */
enum err no_plan(const struct ctx *ctx);
/* ERR_ARG with what is wrong with the plan, and how to mend it. */
enum err plan_check(const struct ctx *ctx, const struct day *d);
/* The plan, or the sealed circle, in sentences (standard output); as members of JSON. */
void plan_say(struct term *t, const struct day *d);
json_t *plan_json(const struct day *d);

/* The typed words that are missing for what is possible, but dangerous. */
enum err plan_words(const struct ctx *ctx, const struct day *d);
/* Careful: … about a plan that may go. */
void plan_warn(struct term *t, const struct day *d);

/* An open home of an owner, with a circle or its plan. { 0 } with closed home is empty.
 */
struct changing {
    struct ctx *ctx;
    struct home h;
    struct day *d;
    struct unlocked *u;
    struct seal *s;
    struct change_notes *notes;
};

#define CHANGING(ctx_)                                                                   \
    {                                                                                    \
        .ctx = (ctx_), .h = {.dir = -1, .lock = -1 }                                     \
    }
void changing_done(struct changing *c);
#define AUTO_CHANGING __attribute__((cleanup(changing_done)))

/* Home and day; ERR_STATE (10) unless the circle is sealed. */
enum err changing_open(struct changing *c);
/*
 * Plans that circle next (checked, with typed words asked for) and seals it, as far as it
 * goes; the report is the answer. Where another change is being sealed: ERR_STATE, or,
 * where it is the same, it goes on. The root is asked for.
 */
enum err changing_begin(struct changing *c, const struct day_plan *plan);
/* Goes on with whatever is under way, and reports. */
enum err changing_go(struct changing *c);

/* Another change is being sealed: says which, and how to end it. ERR_STATE. */
enum err changing_other(struct changing *c);
/*
 * Whether the nodes have room for one change more, as far as this home knows: else
 * ERR_FULL ("no-room"), and a plan that waits is put aside. Before anything is begun.
 */
enum err changing_room(struct changing *c);
/*
 * The same where nodes said so (seal_no_room): the change is given up by itself, since
 * while it waits no node would be told that the one before was confirmed.
 */
enum err changing_no_room(struct changing *c, const struct seal_work *w);

/* Command handlers of the other parts. */
enum err cmd_circle_seal(struct ctx *ctx);
enum err cmd_circle_rotate(struct ctx *ctx);
enum err cmd_guardian_replace(struct ctx *ctx);
enum err cmd_guardian_remove(struct ctx *ctx);
enum err cmd_guardian_address(struct ctx *ctx);
enum err cmd_circle_plan(struct ctx *ctx);
enum err cmd_circle_sheet(struct ctx *ctx);

#endif
