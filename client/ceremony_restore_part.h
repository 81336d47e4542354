/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the restore ceremony share among themselves. */
#ifndef KITH_CLIENT_CEREMONY_RESTORE_PART_H
#define KITH_CLIENT_CEREMONY_RESTORE_PART_H

#include "client/ceremony_restore.h"

/* A copy of in that lives as long as the restore; nothing gives nothing. ERR_NOMEM. */
enum err restore_keep(struct restore *r, struct bytes in, struct bytes *out);

/* Draws the keys of a request; a second view at one node needs new ones. */
void entry_draw(struct restore_entry *e, const struct rng *rng);
/* The entry of that seat, or NULL. */
struct restore_entry *entry_find(struct restore *r, const uint8_t node_key[PUB_BYTES],
                                 const uint8_t fp[FP_BYTES]);
/*
 * A new entry of that source, filled. Where no place is free it takes that of one whom
 * only a roster told of and who did not let us in (for a link: of any whom only a roster
 * told of and whose piece is not known to be good, the least answered first), so that no
 * guardian crowds out others. ERR_TOO_BIG.
 */
enum err entry_new(struct restore *r, const uint8_t node_key[PUB_BYTES],
                   const uint8_t fp[FP_BYTES], enum answer_source source,
                   const struct rng *rng, struct restore_entry **out);
/* The verified view. ERR_STATE: none yet; ERR_SIGNATURE. */
enum err entry_view(const struct restore_entry *e, struct view *out);
/* Appends T of this entry's request, as the guardian's client makes it. ERR_NOMEM. */
enum err entry_transcript(const struct restore *r, const struct restore_entry *e,
                          struct buf *out);
/* Computes the call words into e->words. ERR_NOMEM. */
enum err entry_words(struct restore *r, struct restore_entry *e, struct cost cost);
/* A code whose node is not known yet: there is nobody to talk to. */
bool entry_is_spoken(const struct restore_entry *e);
/*
 * Takes in everybody whom the lists of guardians name: the one an epoch was sealed with
 * first, as it is nobody's who stole a key since. ERR_NOMEM.
 */
enum err restore_learn(struct restore *r, const struct rng *rng);
/* Asks what is answered to each code; those that are answered become links, kept. */
enum err restore_ask_spoken(struct restore *r, const struct restore_run *run);
/* What is on paper, for a judgement. paper is secret memory. */
void paper_of(const struct restore *r, struct paper *out);
/* The lines of cards, behind those of guardians. roster is room to work in. */
void card_lines(const struct restore *r, struct roster *roster, struct restore_open *o);
/* Refused or expired: nothing more will come of it. */
bool entry_is_over(const struct restore_entry *e);

/*
 * What the node says of the circle's epochs: keeps its certificate or MOVE, if it is not
 * here yet. A node that shows too much is not listened to. ERR_NOMEM.
 */
enum err restore_take_proof(struct restore *r, struct restore_entry *e,
                            enum epoch_want want, const struct rep_epoch_state *rep);

/* Views of one link whose nonce was shown; then only another link goes on. */
enum { VIEWS_MAX = 3 };

/* Room for T: the signed view and six keys. */
enum { TRANSCRIPT_MAX = SIGNED_MAX + 512 };

#endif
