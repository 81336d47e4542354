/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credentials of a circle sheet: one at every guardian's seat under the sheet's
 * number, so that whoever holds the paper may ask each of them for a restore, and no
 * more. One round each, nothing journaled: a number is used up before anything is sent,
 * and what a cut leaves behind opens nothing that a sheet does not. Never prints, never
 * asks.
 */
#ifndef KITH_CLIENT_CEREMONY_SHEET_H
#define KITH_CLIENT_CEREMONY_SHEET_H

#include "client/ceremony_seal.h"

enum { SHEET_OLD_MAX = 64 }; /* credentials of an owner at one node */

/* What became of one guardian in this run. */
struct sheet_line {
    const struct day_guardian *g;
    enum err err;   /* OK: deposited, or all that were there end */
    char why[256];  /* a sentence for a person when not */
    unsigned found; /* sheet_revoke: standing credentials of sheets */
    uint64_t ends;  /* sheet_revoke: when the last of them ends at this node */
};

struct sheet {
    uint32_t number; /* how many this home made before: for people */
    uint32_t drawn;  /* the one in its credentials' keys */
    size_t n;
    struct sheet_line lines[DAY_GUARDIANS];
};

/*
 * Deposits the credentials of the next sheet; saves the day box before and after. Every
 * guardian with a seat has its line. Errors of files, ERR_NOMEM.
 */
enum err sheet_deposit(const struct seal_work *w, struct sheet *out);
/* The link of one that was deposited; out is secret memory of LINK_TEXT bytes. */
enum err sheet_link(const struct seal_work *w, const struct sheet *s,
                    const struct sheet_line *line, char *out);
/* Asks every node to let the credentials of all sheets end; saves the day box after. */
enum err sheet_revoke(const struct seal_work *w, struct sheet *out);

#endif
