/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card as people hold it: one page as PDF, as HTML that needs nothing else, as plain
 * text; all three say the same. Made in memory that is wiped; the caller writes it down.
 * Says little to a finder: no guardian's name, no address. What will hurt you: the QR
 * library keeps copies of what it draws that only the end of the process takes away.
 */
#ifndef KITH_CLIENT_CARD_PRINT_H
#define KITH_CLIENT_CARD_PRINT_H

#include "proto/card.h"

enum card_size { CARD_A4, CARD_LETTER, CARD_A6 };

enum card_form { CARD_PDF, CARD_HTML, CARD_PLAIN };

/* What is printed. */
struct card_page {
    const struct card *card;  /* with its piece, unless blank */
    struct bytes owner;       /* what the owner goes by; may be empty */
    struct bytes fingerprint; /* four words of the call list */
    enum card_size size;      /* of the PDF and of the HTML when printed */
    bool blank;               /* no words, no checks, no code of them: to be filled in */
};

/* A document that may hold the words; heap, wiped by card_doc_done. */
struct card_doc {
    uint8_t *p;
    size_t n;
    size_t cap;
    bool replaced; /* the PDF's fonts lack letters of a name: ? stands for each */
};

#define AUTO_CARD_DOC __attribute__((cleanup(card_doc_done)))

void card_doc_done(struct card_doc *doc);

/* "a4", "letter", "a6". ERR_ARG. */
enum err card_size_find(const char *name, enum card_size *out);
/* The form of a file's name by its ending: .pdf, .html or .htm, .txt; ERR_ARG. */
enum err card_form_find(const char *path, enum card_form *out);
/*
 * The whole document into *out (empty before, MUST). ERR_NOMEM; ERR_TOO_BIG: no QR code
 * holds it; ERR_FORMAT: no piece of a circle.
 */
enum err card_print(const struct card_page *page, enum card_form form,
                    struct card_doc *out);

#endif
