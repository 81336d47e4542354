/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new root for a circle that stays: the guardians' people say so, their nodes are shown
 * that word and let the new root in, this home takes it. A journal that any run of the
 * program goes on with; each phase is on disk, synced, before its first message. Before
 * MOVE_TAKE nothing here has changed; from there it goes only forward. Never prints,
 * never asks. What will hurt you: the journal holds both roots, locked as the root box
 * is.
 */
#ifndef KITH_CLIENT_CEREMONY_MOVE_H
#define KITH_CLIENT_CEREMONY_MOVE_H

#include "client/ceremony_restore.h"
#include "client/circle.h"
#include "client/guardian.h"

enum move_phase {
    MOVE_ASK = 1,  /* the guardians are asked; what they signed is collected */
    MOVE_SEND = 2, /* the MOVE is made; nodes are shown it, holds run there */
    MOVE_TAKE = 3, /* enough nodes let the new root in: it takes this home */
    MOVE_LATE = 4  /* it has; nodes that lag behind are still told */
};

/* What a node said to the MOVE. */
enum move_told {
    TOLD_NOT = 0,
    TOLD_DONE = 1,   /* the new root is let in there */
    TOLD_WAITS = 2,  /* its hold runs */
    TOLD_REFUSED = 3 /* its guardian, or the node's own judgement, said no */
};

/* One guardian with a node. Keys are the request's own. */
struct move_seat {
    uint8_t seat[SEAT_BYTES];
    uint8_t op_move[ID_BYTES];
    uint8_t told; /* enum move_told */
    uint64_t due; /* Unix seconds; with TOLD_WAITS */
    uint8_t op_open[ID_BYTES];
    uint8_t op_reveal[ID_BYTES];
    uint8_t stat[KEY_BYTES];
    uint8_t psk[KEY_BYTES];
    uint8_t seal[KEY_BYTES];
    uint8_t nonce[32];
    struct bytes view;
    uint8_t request[ID_BYTES]; /* as the view says */
    struct bytes words;        /* text, once the request is live */
    uint8_t state;             /* enum request_state; 0: not open */
    uint64_t opens;
    uint8_t repeats; /* views given up after their nonce may have been shown */
    struct bytes statement;
};

/* So often is more than a power cut: the person hears of it. Nothing else would go on. */
enum { MOVE_REPEATS_TOLD = 3 };

struct move_head {
    uint8_t phase;      /* enum move_phase */
    uint8_t restored;   /* 1: proven by a restore's statements, none are asked for */
    uint64_t made;      /* Unix seconds */
    uint32_t epoch;     /* e: the newest confirmed one */
    struct bytes by;    /* its manifest, signed */
    uint64_t aside;     /* the old root's file is put aside under that name */
    struct bytes words; /* fingerprint words of the new root */
    uint8_t old_root[KEY_BYTES];
    uint8_t new_root[KEY_BYTES];
    uint8_t requester[KEY_BYTES]; /* Ed25519 seed the statements name */
    struct bytes move;            /* signed; from MOVE_SEND on */
    struct bytes people;          /* certificate */
};

/* How this run went with one seat. */
struct move_note {
    enum err err;
    char why[256]; /* names the guardian; "" when OK */
};

struct move_memory;

/* On the heap; wiped by move_free. */
struct moving {
    struct move_head head;
    size_t n;
    struct move_seat seats[DAY_GUARDIANS];
    struct move_note notes[DAY_GUARDIANS]; /* of this run, not saved */
    struct move_memory *memory;
};

/* What a node said last, for who looks without the passphrase. */
struct move_seen {
    uint8_t seat[SEAT_BYTES];
    uint8_t told; /* enum move_told */
    uint64_t due; /* Unix seconds; with TOLD_WAITS */
};

/* The open part of the journal: how far it is, without the passphrase. */
struct move_open {
    uint8_t phase;
    struct bytes words; /* of the new root, from MOVE_TAKE on */
    uint32_t of;        /* guardians with a node */
    uint32_t said;      /* whose statement is here; 0 with a restore's */
    uint32_t done;
    uint32_t waits;
    uint32_t refused;
    uint64_t due; /* the last hold ends then; 0: none runs */
    uint64_t made;
    struct bytes requests; /* ids of those it opened, one after the other */
    uint32_t n_seats;
    struct move_seen seats[DAY_GUARDIANS];
};

/* What a ceremony works with; all of it the caller's. */
struct move_work {
    struct home *home;
    const struct home_key *key; /* of the root box */
    struct day *day;            /* of the home */
    const struct params *params;
};

/*
 * A new root is drawn; nothing is written or sent. With a restore that is done: its
 * statements and receipts prove the MOVE, ERR_CERT if they are not enough for that (cards
 * took part). restore NULL: every guardian is asked. ERR_STATE: no sealed circle;
 * ERR_NOMEM.
 */
enum err move_begin(const struct move_work *w, const struct root_key *old,
                    const struct restore *restore, struct moving **out);
/* ERR_UNKNOWN: none; ERR_AUTH: another key; ERR_CORRUPT, ERR_VERSION. */
enum err move_load(struct home *h, const struct home_key *key, struct moving **out);
/* The open part; words point into *out_text. ERR_UNKNOWN: no MOVE is going on. */
enum err move_look(struct home *h, struct home_blob *out_text, struct move_open *out);
void move_free(struct moving *m);
#define AUTO_MOVE __attribute__((cleanup(auto_move_)))

static inline void auto_move_(struct moving **place)
{
    move_free(*place);
}

/*
 * Goes on as far as it can now, a few rounds to all guardians side by side, everything
 * saved. In MOVE_LATE the home's root and day are the new root's. A guardian who is away,
 * or says no, is a note. Errors of files; ERR_NOMEM.
 */
enum err move_run(struct moving *m, const struct move_work *w);
/*
 * Ends the journal once the sealed epoch is the new root's, and every node was told or is
 * no guardian's any more. OK and nothing done before that. ERR_IO.
 */
enum err move_close(const struct moving *m, const struct move_work *w);

/* Whether those who said so far are enough, by the manifest of e. ERR_NOMEM. */
enum err move_enough(const struct moving *m, bool *out_enough);
/* The guardian of that seat; NULL: none any more. */
struct day_guardian *move_guardian(struct day *d, const struct move_seat *s);

#endif
