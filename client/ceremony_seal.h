/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing a circle: NEXT, PREPARE, COMMIT at every guardian, as a journal that any
 * run of the program goes on with. Each phase is on disk before its first message;
 * nothing is active before enough pieces are prepared. The escrow key and the pieces
 * exist in secret memory only; on disk a piece is never but sealed: to its guardian, or,
 * for a card, under the root (client/circle_card). Never prints, never asks.
 */
#ifndef KITH_CLIENT_CEREMONY_SEAL_H
#define KITH_CLIENT_CEREMONY_SEAL_H

#include "client/circle.h"
#include "client/cmd.h"
#include "client/guardian.h"

enum seal_phase {
    SEAL_NEXT = 1,    /* acknowledgement keys and roster credentials */
    SEAL_PREPARE = 2, /* the pieces go to the nodes, beside what is active */
    SEAL_COMMIT = 3   /* only forward: the prepared epoch becomes active */
};

enum seal_stage { SEAT_NEW = 0, SEAT_KEYED = 1, SEAT_PREPARED = 2, SEAT_ACTIVE = 3 };

/* One piece's place in the journal; no secrets. */
struct seal_seat {
    uint8_t seat[SEAT_BYTES];
    uint8_t group;
    uint8_t index;
    uint8_t kind;  /* enum piece_kind; of a card only place and stage are used */
    uint8_t stage; /* enum seal_stage; a card is SEAT_ACTIVE once it was read back */
    uint8_t op_next[ID_BYTES];
    uint8_t op_prepare[ID_BYTES];
    uint8_t op_commit[ID_BYTES];
    uint8_t ack_key[PUB_BYTES];
    struct bytes box_piece;
    struct bytes box_roster;
    struct bytes descriptor; /* made once the seat has its ack key */
    struct bytes ack;        /* the newest signed one */
};

struct seal_head {
    uint8_t phase; /* enum seal_phase */
    uint32_t epoch;
    uint64_t made;
    uint32_t roster_number;
    uint8_t group_threshold;
    uint32_t n_groups;
    struct manifest_group groups[GROUPS_MAX];
    uint32_t hold;
    uint32_t stop_hold;
    uint8_t roster_mode;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t previous[HASH_BYTES]; /* manifest hash of the epoch before, or zero */
    uint8_t move[HASH_BYTES];     /* move_hash of the newest MOVE, or zero */
    struct bytes manifest;        /* signed */
    struct bytes manifest_sealed; /* as the nodes keep it */
    struct bytes roster_sealed;
};

/* What became of one seat in this run, for a person. */
struct seal_note {
    enum err err;
    bool ahead;    /* its node has a later epoch than this home knows */
    bool silent;   /* nobody answered there, or not to the end */
    char why[256]; /* names the guardian; "" when OK */
};

/* A seal in progress; on the heap, slices belong to it. */
struct seal {
    struct seal_head head;
    size_t n;
    struct seal_seat seats[DAY_GUARDIANS];
    struct seal_note notes[DAY_GUARDIANS]; /* of this run, not saved */
    bool going;                            /* it is in the journal */
    uint32_t above; /* the highest number of another device's that a node showed now */
    struct seal_memory *memory;
};

/*
 * Begins the epoch after the sealed one with what is planned next (or the circle as it
 * is, or, before any seal, the plan): op ids drawn, nothing written, nothing sent; the
 * caller may still set head.move. ERR_UNKNOWN: the plan names a guardian who is not in
 * the home any more; what is planned passes circle_check (the caller looked).
 */
enum err seal_begin(const struct day *d, const struct params *p, struct seal **out);
/* The journal's seal. ERR_UNKNOWN: none; ERR_AUTH, ERR_CORRUPT, ERR_VERSION. */
enum err seal_load(struct home *h, const struct root_key *root, struct seal **out);
/* How far a journal says it is, without the root: a hint. ERR_UNKNOWN: none. */
enum err seal_peek(struct home *h, enum seal_phase *out);
/*
 * Whether an epoch is being sealed that another change may not begin over: before COMMIT,
 * or before enough nodes said that they keep it for good and the day box knows it. A
 * hint, without the root.
 */
bool seal_busy(struct home *h, const struct day *d);
void seal_free(struct seal *s);
#define AUTO_SEAL __attribute__((cleanup(auto_seal_)))

static inline void auto_seal_(struct seal **place)
{
    seal_free(*place);
}

/* What a seal works with; all of it the caller's. */
struct seal_work {
    struct home *home;
    struct unlocked *unlocked;
    struct day *day;
    const struct params *params;
    /* Signing key of a restore that was released, after which old epochs go at once. */
    const struct sign_seed *requester; /* NULL: none */
    bool alone; /* a person said: the other device that began a change is gone */
};

/*
 * Goes on as far as it can now: at most one round a phase to all guardians side by
 * side, everything saved. Afterwards s->head.phase and the seats' stages say where it
 * stands; the day box and the root box are up to date; the journal is gone once every
 * node's seat is active: cards that were not read back wait in a file of their own
 * (client/circle_card.h). A guardian that is away, or says no, is a note, not an error.
 * Where no other device can be at a change (seal_alone) what one left prepared is taken
 * back, and before the pieces are made the number goes above any that a node shows.
 * ERR_TOO_BIG: names and texts are too long for a roster. Errors of files, ERR_NOMEM.
 */
enum err seal_run(struct seal *s, const struct seal_work *w);

/*
 * Gives up an epoch that is not committed: forgets it here, and takes it back at every
 * node that answers; who does not is asked before the next epoch. *out_left: nodes that
 * did not answer (their notes say why). ERR_STATE: it is committed, and goes only on.
 */
enum err seal_abandon(struct seal *s, const struct seal_work *w, unsigned *out_left);

/*
 * After a run: whether a next epoch did not begin because nodes keep as many as they
 * take already; and would not if every other one answered, before people confirmed the
 * sealed one. Not of the first epoch or a new root's.
 */
bool seal_no_room(const struct seal *s, const struct day *d);

/*
 * After a run of a change that waits for a node: what to do without its guardian, as a
 * sentence behind what io says. Nothing where nobody is silent, or past COMMIT.
 */
void seal_without(const struct seal *s, struct day *d, char *io, size_t cap);

/* Pieces at that stage or beyond. */
void seal_count(const struct seal *s, enum seal_stage stage, struct circle_count *out);
/* Whether enough are at that stage: the thresholds with one to spare, or all nodes. */
bool seal_enough(const struct seal *s, enum seal_stage stage);

#endif
