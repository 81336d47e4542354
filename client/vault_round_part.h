/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of vault_round share: the conversation of one place, which waits where
 * a node is busy and goes on where a cut left it. Private to vault_round*.c.
 */
#ifndef KITH_CLIENT_VAULT_ROUND_PART_H
#define KITH_CLIENT_VAULT_ROUND_PART_H

#include "client/vault_round.h"

enum {
    HAVE_AT_ONCE = 500, /* ids asked about: a frame of 16 KiB */
    GET_AT_ONCE = 16,   /* objects asked for */
    PUT_AT_ONCE = 192,  /* objects of the least size that fit */
    WAIT_LEAST_MS = 20,
    WAIT_MOST_MS = 30000,
    WAITS_MAX = 100,        /* of one place without any progress, */
    WAITED_MAX_MS = 600000, /* and so long in all */
    NEWER_MAX = 3,
    HEAD_MOST = VAULT_VERSION_MAX / 2, /* pushes come not near it; after it is room */
    PASS_MOST_MS = 600000,
    SLOWEST = 32 * 1024, /* bytes a second that are waited for */
    LATE_MAX = 8         /* passes that may end by their deadline */
};

/* How far the conversation of a place is; survives its being cut. */
struct place_work {
    struct call_send last; /* sent, or to be sent after a wait */
    bool waiting;
    unsigned waits;
    uint64_t waited_ms;
    unsigned late;   /* passes that ran out of time */
    size_t progress; /* answers of this pass that brought it further */
    /* push */
    bool fresh; /* version and head are what the node has, as far as we know */
    uint64_t version;
    uint8_t head[HASH_BYTES];
    unsigned newer;
    uint8_t *has;   /* one byte for each of the round's needs */
    size_t asked;   /* needs before this one are known to be there or not */
    size_t next;    /* needs before this one are there */
    size_t missing; /* needs that are neither there nor here */
    size_t n_batch;
    size_t batch[PUT_AT_ONCE];
    /* fetch, verify */
    uint8_t *tried;
    size_t n_asked;
    size_t want[HAVE_AT_ONCE];
    size_t sampled;
    uint8_t last_log[HASH_BYTES];
    /* clean */
    struct home_blob theirs; /* ids its newest state needs */
    struct home_blob junk;   /* ids that neither that state needs nor ours */
    size_t junk_at;          /* bytes of these that were dropped */
    unsigned pages;
    unsigned heads; /* that were set */
    /* what is sent */
    uint8_t ids[HAVE_AT_ONCE * VAULT_ID];
    uint8_t objects[VAULT_BATCH_MAX];
    size_t objects_n;
    uint8_t sealed[VAULT_BODY_MAX];
    uint8_t signed_head[VAULT_HEAD_MAX];
    size_t signed_n;
    uint8_t witness[VAULT_WITNESS_MAX];
    uint8_t dropped[VAULT_DROP_MAX * VAULT_ID];
    struct req_seat_info info;
    struct req_head_get get;
    struct req_vault_have have;
    struct req_vault_put put;
    struct req_vault_get fetch;
    struct req_head_set set;
};

/* Ids that are fetched from whoever has them. */
struct fetch {
    const uint8_t *ids;
    size_t n;
    uint8_t *here;    /* 1: kept */
    uint8_t *claimed; /* how many ask for it now */
    size_t left;
    enum err err; /* of the disk */
};

/* ---- a place ---- */

/* Names it for that; the first fault stands. */
void vault_place_fault(struct vault_place *p, enum vault_fault f);
/* Nothing more of it in this run; a sentence from the table of errors, naming it. */
void vault_place_fail(struct vault_place *p, enum err e);
/* An answer that brought it further. */
void vault_place_moved(struct vault_place *p);
void vault_place_send(struct vault_place *p, uint16_t kind, const void *req,
                      struct call_send *out);
/*
 * What every step begins with: true where it has filled *out itself. Otherwise reply is
 * NULL or of SEAT_INFO at the start, and any other reply is the step's.
 */
bool vault_place_turn(struct vault_place *p, const struct call_reply *reply,
                      struct call_send *out);
bool vault_place_starts(const struct call_reply *reply);
/* Makes w->set: a head of that state, after the one that the place has. */
void vault_place_head(struct vault_place *p, const struct vault_state *s);
/* Judges what HEAD_GET answered; notes it in held. False: it has a fault that ends it. */
bool vault_place_shown(struct vault_place *p, const struct rep_head_get *rep);
/* The head and the state in it. VAULT_FINE, or what is wrong with it. */
enum vault_fault vault_head_judge(const struct vault_place *p,
                                  const struct rep_head_get *rep,
                                  struct vault_shown *out);
struct held_seat *vault_place_held(struct vault_place *p, bool make);
/* It has our newest state: notes that. whole: every object of it, too. */
void vault_place_saved(struct vault_place *p, bool whole);

/* ---- all of them ---- */

/* Which places a pass asks: those in that state. */
enum err vault_pass_run(struct vault_round *r, enum place_state which, call_step step,
                        uint64_t bytes);
/* Ids of the newest state's objects, sorted, and its hash. Errors of vault_needs. */
enum err vault_round_needs(struct vault_round *r);
/* The place of an id among n sorted ones; n where it is not there. */
size_t vault_ids_find(const uint8_t *ids, size_t n, const uint8_t id[VAULT_ID]);
/*
 * Fetches ids into the vault from the places that answered (state is not PLACE_FAILED);
 * *out_left: those nobody gave. Errors of the disk, ERR_NOMEM.
 */
enum err vault_fetch(struct vault_round *r, struct bytes ids, size_t *out_left);
void vault_round_progress(const struct vault_round *r, const char *what);
/* The list of what a state needs, as held keeps it; 0: no room. */
uint8_t vault_held_list(struct vault_held *held, const uint8_t state[HASH_BYTES],
                        struct bytes ids);

#endif
