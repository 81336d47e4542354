/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces on paper. From the moment a piece was dealt to a card until its paper was read
 * back once it is kept in the home, sealed under the root's key; then it is wiped, for
 * good. It is never in clear on the disk, and never lost in between, whenever the power
 * goes. Which pieces are dealt and which papers were read back is known without the root.
 */
#ifndef KITH_CLIENT_CIRCLE_CARD_H
#define KITH_CLIENT_CIRCLE_CARD_H

#include "client/circle.h"
#include "client/guardian.h"
#include "proto/card.h"

enum { CARDS_MAX = PIECES_MAX };

/* One piece that goes on paper; belongs in secret memory. */
struct card_dealt {
    uint8_t seat[SEAT_BYTES]; /* of the card among the guardians */
    uint32_t epoch;
    uint8_t piece[PIECE_BYTES];
};

/*
 * Takes in the pieces of one epoch, in the place of all that were kept for it (a try that
 * was cut off); those of other epochs stay. manifest is the signed one. Errors of files;
 * ERR_NOMEM.
 */
enum err cards_deal(struct home *h, const struct root_key *root, struct bytes manifest,
                    const struct card_dealt *dealt, size_t n, const struct rng *rng);
/* Wipes what was dealt of an epoch that came to nothing. Errors of files; ERR_NOMEM. */
enum err cards_drop(struct home *h, const struct root_key *root, uint32_t epoch,
                    const struct rng *rng);
/*
 * Wipes what need not be kept: pieces whose paper was read back, and of epochs before
 * the sealed one. Errors of files; ERR_NOMEM.
 */
enum err cards_settle(struct home *h, const struct root_key *root, const struct day *d,
                      const struct rng *rng);

enum card_where {
    PAPER_NONE,  /* no piece was dealt to it */
    PAPER_DEALT, /* to be printed and read back */
    PAPER_HELD,  /* read back */
    PAPER_OLD    /* what was read back is of an earlier epoch */
};

/* How one card stands. */
struct card_line {
    struct day_guardian *g;
    enum card_where paper;
    uint32_t epoch; /* of the piece; PAPER_NONE: 0 */
    uint64_t held;  /* PAPER_HELD, PAPER_OLD: when it was read back */
};

/*
 * A line for every card of the day's (at most CARDS_MAX), in their order. ERR_CORRUPT,
 * ERR_VERSION: the file of the cards.
 */
enum err cards_list(struct home *h, struct day *d, struct card_line *out, size_t *out_n);
/* The first card of the plan that is to be printed or read back, or NULL; asks no file.
 */
struct day_guardian *cards_wait(struct day *d);

/*
 * The card of that name with its piece, to be printed; *out in secret memory.
 * ERR_UNKNOWN: nobody of that name; ERR_ARG: they have a node; ERR_STATE: nothing is
 * dealt to it; ERR_USED: it was read back, and its piece is on paper only. Errors of
 * files; ERR_NOMEM.
 */
enum err card_piece(struct home *h, const struct unlocked *u, struct day *d,
                    struct bytes name, enum card_kind kind, struct card *out);
/*
 * The card, without its piece, whose piece has this public key, and how it stands; no
 * root is needed. ERR_UNKNOWN: no card of the circle as it is now, or being sealed.
 */
enum err card_find(struct home *h, struct day *d, const uint8_t piece_key[PUB_BYTES],
                   struct card *out, struct card_line *out_line);
/*
 * Its paper was read back, as piece: from now on it counts, and the copy here is wiped.
 * Fine when it was so before (out_line says since when). Saves the day box first.
 * ERR_UNKNOWN: not a card of this circle. Errors of files; ERR_NOMEM.
 */
enum err card_held(struct home *h, const struct unlocked *u, struct day *d,
                   const uint8_t piece[PIECE_BYTES], const struct params *p,
                   struct card_line *out_line);

#endif
