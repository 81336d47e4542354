/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and signs of a text that may hold a card's words, for the files of this module.
 */
#ifndef KITH_PROTO_CARD_PART_H
#define KITH_PROTO_CARD_PART_H

#include "proto/card.h"

/* What a character is; public, as the lengths of words and what stands between. */
enum sign { SIGN_GAP, SIGN_LETTER, SIGN_DIGIT, SIGN_OTHER, SIGN_END };

/* SIGN_END is a newline, SIGN_OTHER what is not ASCII. */
enum sign card_sign(uint8_t c);
/* All ones if a is zero. */
uint32_t card_mask_zero(uint32_t a);
/* All ones if a is below b; both below 2^31. */
uint32_t card_mask_below(uint32_t a, uint32_t b);
/* Takes the next line off *text, without what stands before its first sign. */
struct bytes card_line_take(struct bytes *text);
/* True if the line begins with head, in any case; no more than that shows. */
bool card_line_begins(struct bytes line, const char *head);

#endif
