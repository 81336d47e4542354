/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece on paper: what stands on a card as data and as text, and what people make of it
 * when they type it. The 33 words are the piece and secret; all else on a card is not.
 * Row checks say something about the words: they stand beside them and nowhere else. A
 * correction is never guessed: the public piece key must confirm it.
 */
#ifndef KITH_PROTO_CARD_H
#define KITH_PROTO_CARD_H

#include "proto/piece.h"
#include "proto/slip39.h"

enum {
    CARD_WORDS = 33,    /* words of a piece */
    CARD_ROW = 5,       /* words of a row; the last has three */
    CARD_ROWS = 7,      /* rows of a card */
    CARD_CHECK = 2,     /* characters of a row's check: 10 bits */
    CARD_WORD_TEXT = 9, /* a word and its final zero */
    CARD_BODY = 224,    /* most bytes of the public line's map */
    CARD_TYPED = 8192,  /* most bytes read as one card */
    CARD_WORDS_TEXT = CARD_WORDS * CARD_WORD_TEXT,
    CARD_LINE_TEXT = 11 + ((CARD_BODY + 4) * 8 + 4) / 5 + 1,
    CARD_TEXT = CARD_LINE_TEXT + WRAPPED_TEXT /* a line each, a newline between */
};

/* Locked: the piece alone. Standalone: W_e stands beside it. */
enum card_kind { CARD_LOCKED, CARD_STANDALONE };

/* What stands on a card; belongs in secret memory while it has its piece. */
struct card {
    uint8_t circle[ID_BYTES];
    uint32_t epoch;
    uint8_t group; /* 0-based, as in the manifest */
    uint8_t index; /* 0-based, as in the manifest */
    uint8_t need;  /* fewest pieces that open the circle's root */
    uint8_t of;    /* pieces of the circle */
    uint8_t owner[PUB_BYTES];
    uint8_t piece_key[PUB_BYTES];
    uint8_t manifest[HASH_BYTES];
    uint64_t made;                 /* Unix seconds; the manifest's */
    char name[NAME_MAX_BYTES + 1]; /* what the owner calls it; may be empty */
    enum card_kind kind;
    struct wrapped wrapped; /* standalone only */
    bool has_piece;
    uint8_t piece[PIECE_BYTES]; /* secret */
};

/*
 * The card of a manifest that has this piece key, without its piece. ERR_UNKNOWN: no
 * card of this manifest; ERR_ARG: the name is too long or not printable; ERR_NOMEM;
 * errors of manifest_open.
 */
enum err card_of(struct bytes manifest, const uint8_t piece_key[PUB_BYTES],
                 struct bytes name, enum card_kind kind, struct card *out);
/* True when the piece is the one this card's key commits to. */
bool card_fits(const struct card *c, const uint8_t piece[PIECE_BYTES]);
/* Puts the piece on the card. ERR_SHARE_MIXED unless it fits. */
enum err card_put_piece(struct card *c, const uint8_t piece[PIECE_BYTES]);

/* ---- the public text ---- */

/*
 * "KITH-CARD1:" and base32 of a map and its checksum; on a standalone card a newline and
 * the line of W_e. No secret.
 */
void card_format(const struct card *c, char out[CARD_TEXT]);
/*
 * Reads such lines out of a text that may hold words too: any case, white space within a
 * line. ERR_UNKNOWN: none in it; ERR_CHECKSUM: mistyped or incomplete; ERR_VERSION: a
 * later one; ERR_SHARE_MANY: two different ones; ERR_SHARE_MIXED: the W_e beside it is
 * of another circle or epoch; ERR_TOO_BIG; ERR_FORMAT.
 */
enum err card_parse(struct bytes text, struct card *out);

/* For documents and tests. */
extern const struct wire_schema card_line_schema;

/* ---- the words ---- */

/* The words of a card as they stand in its rows; secret memory. */
struct card_rows {
    char word[CARD_WORDS][CARD_WORD_TEXT];
    char check[CARD_ROWS][CARD_CHECK + 1];
};

enum card_case { CARD_LOWER, CARD_UPPER };

/* ERR_FORMAT: no share of 32 bytes. ERR_NOMEM. */
enum err card_rows_of(const uint8_t piece[PIECE_BYTES], struct card_rows *out);
/* All 33, single spaces between; upper-case makes the smaller QR code. */
enum err card_words(const uint8_t piece[PIECE_BYTES], enum card_case letters,
                    char out[CARD_WORDS_TEXT]);

/* What a person typed; secret memory. */
struct card_typed {
    uint16_t words[CARD_WORDS]; /* indices; 0 where unknown */
    uint32_t n;                 /* words there were; may pass CARD_WORDS */
    uint64_t unknown;           /* bit i: word i is not on the list */
    uint8_t given;              /* bit r: the check of row r was typed */
    uint8_t wrong;              /* bit r: and does not fit the words of the row */
    uint8_t uneven;             /* bit r: it stands behind too few or too many words */
    uint8_t piece[PIECE_BYTES]; /* when all is well */
};

/*
 * Reads words: any case, four letters or more of each, any white space and punctuation;
 * numbers before words and lines that begin with KITH- are passed over; two characters
 * behind the last word of a row, or at the end of a line, are a check. *out is filled
 * whatever comes back. ERR_WORD: see unknown; ERR_FORMAT: not 33 words, or no piece of a
 * circle; ERR_CHECKSUM: a word is wrong; ERR_TOO_BIG, ERR_NOMEM.
 */
enum err card_type(struct bytes text, struct card_typed *out);
/* The same for one row (from 0) alone: its words and, where typed, its check. */
enum err card_type_row(struct bytes text, unsigned row, struct card_typed *out);
/* Words of a row: 5, of the last 3. */
unsigned card_row_words(unsigned row);

enum card_fix_kind { CARD_FIX_WORD = 1, CARD_FIX_SWAP };

/* What was mistyped; secret memory. */
struct card_fix {
    enum card_fix_kind kind;
    unsigned at;                /* the word, from 0; a swap: the first of the two */
    char word[CARD_WORD_TEXT];  /* the right one; a swap: none */
    unsigned key;               /* which of the keys confirmed it */
    uint8_t piece[PIECE_BYTES]; /* as it was meant */
};

/*
 * Looks for one wrong word, or two neighbours in each other's place, that make the typed
 * words the piece of one of n_keys public keys (32 bytes each, one after the other).
 * ERR_UNKNOWN: none; ERR_NOMEM.
 */
enum err card_mend(const struct card_typed *typed, const uint8_t *keys, size_t n_keys,
                   struct card_fix *out);

#endif
