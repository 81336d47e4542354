/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node said before, against what it says now: its log's head in each HELLO, and a
 * drop read whole, its chain, receipt, times, and the marks of other readers. A node that
 * hides, rewinds, forks or came out of a backup is caught at the next contact; what it is
 * caught at stays in the day until a person settles it. Pure: never asks by itself, sends
 * or prints.
 */
#ifndef KITH_CLIENT_SEEN_H
#define KITH_CLIENT_SEEN_H

#include "client/call.h"
#include "client/home.h"

enum {
    SEEN_ENTRIES = 4096,       /* of a longer drop the newest are read */
    SEEN_SLACK_S = 60,         /* a commit may be that much later than its time */
    SEEN_KEEP_S = 180 * 86400, /* an entry younger than this is never swept away */
    SEEN_SWEPT_LEAST = 64,     /* nor one of a drop that keeps fewer */
    SEEN_EVENT_TEXT = 32
};

/* What a node was caught at; numbers are stored in the day. */
enum seen_fault {
    SEEN_FINE = 0,
    SEEN_LOADED = 1,   /* out of a backup: another incarnation than it was */
    SEEN_REWOUND = 2,  /* shorter, or earlier, than it signed before */
    SEEN_WITHHELD = 3, /* something is missing, or was kept back */
    SEEN_FORKED = 4,   /* another history than it, or another reader, has signed */
    SEEN_FORGED = 5    /* not signed by it, or not in form */
};

/* "loaded", "rewound" …; NULL for SEEN_FINE. */
const char *seen_fault_name(unsigned fault);
/* "came back out of a backup …": what follows "Ben's node". */
const char *seen_fault_text(unsigned fault);
/* "request-live" for REC_REQUEST_LIVE. */
void seen_event_id(unsigned event, char out[SEEN_EVENT_TEXT]);

/* ---- each contact ---- */

/* What a HELLO contradicts of what the node said before. */
enum seen_fault seen_hello(const struct day_node *n, const struct rep_hello *hello);
/*
 * After each conversation that came to HELLO: notes what the node says of itself, or what
 * it was caught at; then what it said before stays noted.
 */
void seen_note(struct day_node *n, const struct call *c, uint64_t now);
/* Notes a fault; the first one stands. */
void seen_caught(struct day_node *n, enum seen_fault f, uint64_t now);
/* A person looked: what the node says next is the new beginning. */
void seen_settle(struct day_node *n);

/* ---- one drop, read whole ---- */

struct seen_entry {
    uint64_t seq;
    uint64_t received; /* Unix seconds, the node's */
    uint8_t head[HASH_BYTES];
    struct drop_event event; /* event 0: not understood */
    uint16_t word;           /* of the call list: shows a test alert to its reader */
};

struct seen_drop {
    /* the caller's */
    enum drop_which which;          /* DROP_ALERTS or DROP_LOG */
    const struct day_node *node;    /* what was seen before */
    const struct sign_seed *reader; /* signs the mark; NULL: none is sent */
    const struct rng *rng;

    enum err err;                  /* the node's, or OK */
    bool whole;                    /* read to its end */
    enum seen_fault fault;         /* of what was read */
    uint64_t first;                /* oldest sequence kept there */
    uint64_t from;                 /* the entries follow this sequence, */
    uint8_t from_head[HASH_BYTES]; /* whose head is this */
    size_t n;
    size_t cap;
    struct seen_entry *entries; /* oldest first */
    struct drop_receipt receipt;
    uint8_t raw[DROP_RECEIPT_MAX];
    size_t raw_n;
    bool acked; /* the node took our mark */
    struct req_drop_list list;
    struct req_drop_ack ack;
};

void seen_drop_free(struct seen_drop *s);
/*
 * As a call_step: begins with any reply that is not of DROP_LIST or DROP_ACK (or NULL),
 * then takes the pages; *out_send stays empty at the end. A refusal is s->err and no
 * error. ERR_NOMEM.
 */
enum err seen_step(struct seen_drop *s, const struct call *c,
                   const struct call_reply *reply, struct call_send *out_send);
/*
 * What the whole drop contradicts: s->fault, else its mark in the day. SEEN_FINE too
 * where nothing could be read for now.
 */
enum seen_fault seen_judge(const struct seen_drop *s);
/* Keeps the new mark in n, or what n was caught at. text lives as long as d. */
void seen_keep(struct seen_drop *s, struct day *d, struct day_node *n, uint64_t now);
/* True if the drop should have an alert about that request and has none. */
bool seen_hides(const struct seen_drop *s, const struct request_line *line);
/* The first entry (index) the person was not told of. */
size_t seen_new_from(const struct seen_drop *s, const struct day_node *n);
/* The person was told of the entries up to i. */
void seen_told(const struct seen_drop *s, size_t i, struct day_node *n);

#endif
