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
/* Takes in one card, from a file (- too) or, path NULL, typed row by row. */
enum err restore_card_add(const struct ctx *ctx, struct restore *r, const char *path);
/* Where none is given: asks for one into line, which becomes an argument. */
enum err restore_links_ask(struct ctx *ctx, char *line, size_t cap);

/* The restore for a person, or kith.restore/1; the exit code of its state. */
void restore_show(struct ctx *ctx, const struct restore_open *o);
enum exit_code restore_exit(unsigned state);
/* What is worth a word beside a request's state, an indented paragraph each. */
void restore_say_flags(struct term *t, const struct restore_line *l);

#endif
