/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of cmd_vault share, and what a restore and status ask of it: the home's
 * vault opened with what the nodes were seen to hold, and a round of it said to a person.
 */
#ifndef KITH_CLIENT_CMD_VAULT_PART_H
#define KITH_CLIENT_CMD_VAULT_PART_H

#include "client/ceremony_restore.h"
#include "client/vault_round.h"

/* A vault at work; vault_desk_end frees all of it. */
struct vault_desk {
    struct ctx *ctx;
    struct home home;
    struct day *day;
    struct vault *vault;
    struct vault_held *held;
    bool bare; /* its items are to be fetched first */
    /* after a restore: whom it knows, and the root to ask them with */
    struct day *others;
    struct restore *restore;
    struct home_key *key;
    struct unlocked *root;
    struct vault_how how;
    struct vault_round *round;
};

#define VAULT_DESK                                                                       \
    {                                                                                    \
        .home = {.dir = -1, .lock = -1 }                                                 \
    }

/* Opens what is in the home; mend: also a damaged vault, which a pull makes whole. */
enum err vault_desk_open(struct ctx *ctx, bool mend, struct vault_desk *k);
void vault_desk_end(struct vault_desk *k);
#define AUTO_DESK __attribute__((cleanup(vault_desk_end)))

/* A round to the own guardians, or to those of a restore. */
enum err vault_desk_round(struct vault_desk *k, bool as_root);
/* The problem of a round that asks nobody: no guardians, or none heard from so far. */
enum err vault_nobody(const struct ctx *ctx, const struct day *d);
/* True if the word was given or typed that lets more than a third go. */
bool vault_desk_agrees(struct vault_desk *k, const struct vault_shown *s);

/* "1.2 MiB". */
enum { SIZE_TEXT = 24 };

void vault_size_text(uint64_t bytes, char out[SIZE_TEXT]);
/* "3 items, 1.2 MiB". */
void vault_items_text(const struct vault_state *s, char out[64]);
/* Who was away, who said no, who is named for something; true if somebody is named. */
bool vault_say_places(struct term *t, const struct vault_round *r);
/* What joining did, for a person. */
/* Which states were joined into one, by date and device. */
void vault_say_forks(struct term *t, const struct vault_round *r);
void vault_say_merge(struct term *t, const struct vault_round *r);
void vault_say_shrunk(struct term *t, const struct vault_shown *s,
                      const struct vault_state *ours);
/* One sentence on where the newest state is; a command where it is not enough. */
void vault_say_standing(struct term *t, const struct vault_desk *k, bool answer);
/* The members of kith.vault/1. r NULL: by what is kept. */
json_t *vault_doc(const struct vault_desk *k);

/* The commands that only look: cmd_vault_look.c. */
enum err cmd_vault_log(struct ctx *ctx);
enum err cmd_vault_copies(struct ctx *ctx);
enum err cmd_vault_copy(struct ctx *ctx);
enum err cmd_vault_verify(struct ctx *ctx);

#endif
