/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card on its way back: from a file, a picture through zbarimg, standard input, or
 * typed row by row. Says which word of which row is wrong; a correction is offered when
 * one of the public keys given confirms it, and taken when the person at the terminal
 * agrees that the paper says so. Never prints words beyond that one.
 */
#ifndef KITH_CLIENT_CARD_READ_H
#define KITH_CLIENT_CARD_READ_H

#include "client/term.h"
#include "proto/card.h"

/* Public piece keys that words may belong to. */
struct card_keys {
    size_t n;
    uint8_t key[(PIECES_MAX + 1) * PUB_BYTES];
};

/* Adds one; those beyond the room are left out. */
void card_keys_add(struct card_keys *keys, const uint8_t key[PUB_BYTES]);
/* Adds those of all cards of a manifest. Errors of manifest_open, ERR_NOMEM. */
enum err card_keys_of(struct card_keys *keys, struct bytes manifest);

/* What was read; secret memory. */
struct card_paper {
    uint8_t text[CARD_TYPED];
    size_t text_n;
    bool has_line; /* the public text was there: card, without its piece */
    struct card card;
    bool has_piece; /* the words were there */
    uint8_t piece[PIECE_BYTES];
    bool mended; /* the words as typed had a slip, which the person agreed to */
    bool fits;   /* both were there, and the piece is the card's */
};

/*
 * Reads path ("-": standard input; NULL: asks row by row at a terminal) and makes out
 * what it holds. keys may be empty; the key of the public text counts too. Records every
 * problem: ERR_WORD, ERR_FORMAT (2), ERR_CHECKSUM (1), ERR_UNKNOWN (5): no such file, or
 * no card in it; ERR_SHARE_MIXED (9): words and public text of different cards; errors
 * of card_parse; ERR_NOMEM.
 */
enum err card_paper_read(struct term *t, const char *path, const struct card_keys *keys,
                         struct card_paper *out);

#endif
