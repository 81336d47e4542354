/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Further machines of the owner's. What one is given travels as a file under a code of
 * its own: a day box with its own device keys, and for a full one the root. A helper
 * never gets the root, nor what lets anybody restore. Never prints, never asks.
 */
#ifndef KITH_CLIENT_DEVICE_H
#define KITH_CLIENT_DEVICE_H

#include "client/guardian.h"

enum device_kind { DEVICE_HELPER = 0, DEVICE_FULL = 1 };

enum { DEVICE_FILE_S = 14 * 86400 }; /* a file may be joined so long, as an invite */

/* The entry of that name (any case) that was not removed, or NULL. */
struct day_device *device_find(struct day *d, struct bytes name);
/*
 * What a new root shut out is not let in any more, at the nodes that took that root;
 * where one refused it, the machine may still be let in. Noted here, not saved.
 */
void device_settle(struct day *d);
/* Room for another: one that was removed everywhere makes it. ERR_FULL. */
enum err device_room(struct day *d);

/*
 * The day box of a new machine, with keys of its own for every guardian's node, which
 * root says are the owner's, and the entry that d keeps of it (both unsent: DEVICE_UNSURE
 * everywhere). ERR_FULL, ERR_NOMEM.
 */
enum err device_new(struct day *d, struct bytes name, enum device_kind kind,
                    const struct root_key *root, const struct params *p,
                    struct day **out_day, struct day_device **out_entry);

/* How it went at one guardian's node. */
struct device_told {
    const struct day_guardian *g;
    struct guardian_talk talk;
};

/*
 * One round as owner: lets the new machine in at every node; entry's states follow. told
 * has room for DAY_GUARDIANS. ERR_NOMEM.
 */
enum err device_let_in(struct day *d, const struct day *made, struct day_device *entry,
                       const struct root_key *root, const struct params *p,
                       struct device_told *out_told, size_t *out_n);
/* One round as owner: takes it out where it is not known to be out. The same. */
enum err device_take_out(struct day *d, struct day_device *entry,
                         const struct root_key *root, const struct params *p,
                         struct device_told *out_told, size_t *out_n);
/* At how many nodes it may still be let in. */
size_t device_left(const struct day_device *entry);

/* ---- the file ---- */

/*
 * The file for the new machine under code; u: the root of a full one, else NULL. Caller
 * frees. ERR_TOO_BIG, ERR_NOMEM.
 */
enum err device_pack(const struct day *made, const struct unlocked *u,
                     const struct spoken_code *code, const struct params *p,
                     struct home_blob *out);

/* What a file gave; the box is secret memory, NULL for a helper. */
struct device_given {
    struct day *day;
    struct root_box *box;
};

void device_given_done(struct device_given *g);
/*
 * ERR_PASSPHRASE: another code; ERR_EXPIRED: made too long before now (Unix seconds);
 * ERR_CORRUPT, ERR_VERSION, ERR_NOMEM.
 */
enum err device_unpack(struct bytes file, const struct spoken_code *code, uint64_t now,
                       struct device_given *out);

#endif
