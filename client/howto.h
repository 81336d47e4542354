/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that hand an item to the program that needs it, for a shell: by the item's
 * type, what its content begins with, its address, and words in name and hint. Pure; the
 * content is looked at and never part of a line. Words in capitals are for the person to
 * fill in.
 */
#ifndef KITH_CLIENT_HOWTO_H
#define KITH_CLIENT_HOWTO_H

#include "proto/vault.h"

enum { HOWTO_LINES = 4, HOWTO_TEXT = 640 };

struct howto {
    const char *what; /* "restic"; static */
    char line[HOWTO_TEXT];
};

/* The lines for an item; at least one. */
size_t howto_of(const struct vault_item *item, struct bytes content,
                struct howto out[HOWTO_LINES]);

#endif
