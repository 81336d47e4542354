/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the seal ceremony share among themselves. */
#ifndef KITH_CLIENT_CEREMONY_SEAL_PART_H
#define KITH_CLIENT_CEREMONY_SEAL_PART_H

#include "client/ceremony_seal.h"
#include "client/circle_card.h"

/* A copy of in that lives as long as the seal. ERR_NOMEM. */
enum err seal_keep(struct seal *s, struct bytes in, struct bytes *out);
/* Writes the journal. Errors of home_write. */
enum err seal_save(const struct seal *s, const struct seal_work *w);

/* Keeps what the active seats hold, for kith check. Errors of files; ERR_NOMEM. */
enum err seal_keep_check(const struct seal *s, const struct seal_work *w);

/* Whether the piece goes on paper: then nobody is called for it. */
bool seal_is_card(const struct seal_seat *seat);
/* The guardian of that seat, or NULL. */
struct day_guardian *seal_find(struct day *d, const struct seal_seat *seat);
/* The same; seal_run has looked before (MUST). */
struct day_guardian *seal_guardian(struct day *d, const struct seal_seat *seat);
/* Whether every seat with a node is at that stage or beyond. */
bool seal_all_at(const struct seal *s, enum seal_stage stage);

/*
 * Whether no other device of the owner's can be at a change: a person said so; a restore
 * made this home, and no machine with the root was added since; or the root is new.
 */
bool seal_alone(const struct seal *s, const struct seal_work *w);

/* What is said to the nodes in one round. */
enum seal_talk {
    TALK_NEXT,    /* seats that are new: credential, acknowledgement key */
    TALK_PREPARE, /* seats that have their key */
    TALK_COMMIT,  /* seats that are prepared */
    TALK_ABORT    /* all whose guardian is marked so */
};

/*
 * One round to the seats whose turn it is; notes are made, the journal is saved: after
 * TALK_NEXT under a higher number, with all seats new again, where nodes showed one.
 */
enum err seal_talk(struct seal *s, const struct seal_work *w, enum seal_talk what);

/*
 * The day box moves to the epoch that is being committed, once: the one before it is kept
 * among the past ones, guardians stand in their new places, who has none any more is a
 * former one. Not saved.
 */
void seal_move_day(const struct seal *s, struct day *d);

/* Keys of epochs that are neither sealed, nor past, nor that one are forgotten. */
void seal_prune_keys(struct root_box *box, const struct day *d, uint32_t epoch);
/*
 * Draws, splits, seals to every guardian, deals to the cards; the phase is SEAL_PREPARE
 * afterwards. Keys and cards are on disk before the journal says so: a cut in between
 * draws everything anew, and nothing was sent. ERR_TOO_BIG; errors of files; ERR_NOMEM.
 */
enum err seal_make_epoch(struct seal *s, const struct seal_work *w);
/*
 * The descriptor of a seat that has its acknowledgement key. One that is not yet known
 * stands as zero, which no signature verifies under.
 */
enum err seal_make_descriptor(struct seal *s, const struct seal_work *w,
                              const struct account_keys *account, struct seal_seat *seat);

#endif
