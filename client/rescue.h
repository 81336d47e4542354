/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page that gives root and items back from cards without Kith (client/rescue/ holds
 * what it is made of), as the program carries it, filled in for one circle. Written part
 * after part to a stream of the caller's; nothing of it is secret, but with W_e in it the
 * cards need nothing else.
 */
#ifndef KITH_CLIENT_RESCUE_H
#define KITH_CLIENT_RESCUE_H

#include <stdio.h>

#include "proto/bytes.h"
#include "proto/err.h"

/* The page as it stands in the tree. */
struct bytes rescue_page(void);

/* What is filled in. */
struct rescue_facts {
    struct bytes name;        /* what the owner goes by */
    struct bytes fingerprint; /* four words of the call list */
    uint32_t epoch;
    unsigned need;
    unsigned of;
    uint64_t made;       /* Unix seconds */
    const char *wrapped; /* the line of W_e; NULL: it is not told */
};

/* A page in the making. */
struct rescue {
    FILE *out;
    struct bytes rest; /* of the page, not written yet */
    uint8_t left[3];   /* of the vault copy: fewer than three bytes */
    size_t n_left;
};

/* Writes all up to where a vault copy goes. ERR_IO: the stream; ERR_NOMEM. */
enum err rescue_begin(struct rescue *r, const struct rescue_facts *f, FILE *out);
/* The next bytes of a vault copy. ERR_IO. */
enum err rescue_vault(struct rescue *r, struct bytes part);
/* The rest of the page; the stream is flushed, not closed. ERR_IO. */
enum err rescue_end(struct rescue *r);

#endif
