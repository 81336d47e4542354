/* SPDX-License-Identifier: Apache-2.0 */
/* What the three forms of a card share: its sentences, its codes, a growing document. */
#ifndef KITH_CLIENT_CARD_PRINT_PART_H
#define KITH_CLIENT_CARD_PRINT_PART_H

#include "client/card_print.h"

enum {
    SAY_LINE = 256,
    SAY_TEXT = 640,
    SAY_PARTS = 7,  /* paragraphs */
    SAY_YEARS = 12, /* boxes to tick */
    QR_MAX = 105    /* modules of a side: version 22, more than any card has */
};

/* One paragraph. */
struct card_part {
    char head[SAY_LINE];
    char text[SAY_TEXT];
};

/* Everything a card says, UTF-8; the words are secret. */
struct card_says {
    char title[SAY_LINE];
    char circle[SAY_LINE]; /* which circle, which piece */
    char kind[SAY_LINE];   /* locked or standalone */
    char secret[SAY_TEXT]; /* below the words */
    struct card_part parts[SAY_PARTS];
    char later[SAY_TEXT]; /* for whoever reads it one day */
    char yearly[SAY_LINE];
    unsigned year; /* the first to tick */
    struct card_rows rows;
    char words[CARD_WORDS_TEXT]; /* of the code, upper-case; "" when blank */
    char line[CARD_TEXT];        /* of the other code */
};

/* A QR code; that of the words is secret. */
struct card_qr {
    unsigned side;
    uint8_t dark[QR_MAX * QR_MAX]; /* row after row, 1: dark */
};

/* Fills in all of it; out is secret memory. */
enum err card_says_of(const struct card_page *page, struct card_says *out);
/* ERR_TOO_BIG, ERR_NOMEM. */
enum err card_qr_of(const char *text, struct card_qr *out);

/* Appends; grows by copying, wiping what it leaves. ERR_NOMEM. */
enum err doc_put(struct card_doc *doc, struct bytes in);
__attribute__((format(printf, 2, 3))) enum err doc_say(struct card_doc *doc,
                                                       const char *fmt, ...);

enum err card_print_pdf(const struct card_page *page, const struct card_says *says,
                        struct card_doc *out);
enum err card_print_html(const struct card_page *page, const struct card_says *says,
                         struct card_doc *out);

#endif
