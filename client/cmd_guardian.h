/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other commands use of kith guardian: somebody new enters, and where a change of
 * the circle stands is said to the person. Records problems as handlers do.
 */
#ifndef KITH_CLIENT_CMD_GUARDIAN_H
#define KITH_CLIENT_CMD_GUARDIAN_H

#include "client/ceremony_change.h"

/*
 * As kith guardian add NAME LINK (NULL: goes on with what was begun, or asks), options
 * --reach, --contact and --card as there: the entry, READY, saved.
 */
enum err guardian_enter(const struct ctx *ctx, struct home *h, struct day *d,
                        const struct unlocked *u, const char *name, const char *link,
                        struct day_guardian **out);

/*
 * Where a change stands, in sentences; dead: its last old circle is dead since now. The
 * caller adds the command of change_next.
 */
void change_tell(struct term *t, const struct day *d, const struct change_stand *s,
                 bool dead);
/* The same as a member of JSON. */
json_t *change_json(const struct day *d, const struct change_stand *s);

#endif
