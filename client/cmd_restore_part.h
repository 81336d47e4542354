/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of cmd_restore share: reading the links a person has, from the command
 * line and from a sheet. Records problems as handlers do.
 */
#ifndef KITH_CLIENT_CMD_RESTORE_PART_H
#define KITH_CLIENT_CMD_RESTORE_PART_H

#include "client/ceremony_restore.h"

/* Takes in all links, spoken codes and sheets given; nothing is sent. Exit 2: mistyped.
 */
enum err restore_links_add(const struct ctx *ctx, struct restore *r);
/* Where none is given: asks for one into line, which becomes an argument. */
enum err restore_links_ask(struct ctx *ctx, char *line, size_t cap);

/* What is worth a word beside a request's state, an indented paragraph each. */
void restore_say_flags(struct term *t, const struct restore_line *l);

#endif
