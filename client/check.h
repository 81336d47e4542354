/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that a restore would work, without one. A check compares what each guardian's
 * node holds, byte for byte, with what this home sealed; a drill has the guardian open
 * the piece and sign with its key. No byte of a piece moves, none is known here. What
 * came of it stands in the day box. Never prints, never asks a person.
 */
#ifndef KITH_CLIENT_CHECK_H
#define KITH_CLIENT_CHECK_H

#include "client/guardian.h"
#include "client/vault_round.h"

enum {
    CHECK_EVERY_S = 7 * 86400,   /* so often the timer checks, about */
    CHECK_JITTER_S = 86400,      /* sooner or later by half of it */
    CHECK_AMBER_S = 14 * 86400,  /* after so long without one a word is due */
    CHECK_RED_S = 30 * 86400,    /* and this is no proof any more */
    CHECK_PASS = 12,             /* checks in which each vault object comes once */
    DRILL_FIRST_S = 14 * 86400,  /* after a piece came to its place */
    DRILL_SECOND_S = 76 * 86400, /* after that one: 90 days in all */
    DRILL_THEN_S = 365 * 86400,  /* after any later one */
    DRILL_WAIT_S = 14 * 86400    /* a guardian may take so long */
};

/* ---- what each node must hold: the home's file "check" ---- */

/* One seat, as it acknowledged; the five objects of PREPARE. No secrets. */
struct check_seat {
    uint8_t seat[SEAT_BYTES];
    uint32_t epoch;
    struct bytes box_piece;
    struct bytes box_roster;
    struct bytes manifest; /* sealed */
    struct bytes roster;   /* sealed */
    struct bytes descriptor;
};

/*
 * Takes these in, each in the place of what was kept for its seat; what belongs to no
 * guardian of d goes. Synced. A file that is damaged is made anew. Errors of files;
 * ERR_NOMEM.
 */
enum err check_keep(struct home *h, const struct day *d, const struct check_seat *seats,
                    size_t n, const struct rng *rng);

/*
 * What is kept for one seat; slices live in *out_mem, which the caller frees.
 * ERR_UNKNOWN: nothing is. Errors of files; ERR_NOMEM.
 */
enum err check_kept(struct home *h, const uint8_t seat[SEAT_BYTES],
                    struct home_blob *out_mem, struct check_seat *out);

/* ---- a check ---- */

/* What a check found; numbers are stored in the day. */
enum check_fault {
    CHECK_FINE = 0,
    CHECK_GONE = 1,  /* it has not what it acknowledged of the circle */
    CHECK_PIECE = 2, /* what it has of the circle is something else */
    CHECK_VAULT = 3, /* parts of the vault are something else */
    CHECK_LOST = 4,  /* parts of the vault that it acknowledged are missing */
    CHECK_BACK = 5,  /* its vault is older, or another, than it acknowledged */
    CHECK_FAULTS
};

/* "gone", "piece" …; NULL for CHECK_FINE. */
const char *check_fault_name(unsigned fault);
/* "does not hold the piece that it acknowledged": what follows "Ben's node". */
const char *check_fault_text(unsigned fault);
/* The piece there cannot be counted on. */
bool check_fault_of_piece(unsigned fault);

enum check_state {
    CHECK_AGREES,  /* all that was compared is as it should be */
    CHECK_UNKNOWN, /* this home has nothing of the circle to compare it with */
    CHECK_BEHIND,  /* it never acknowledged the newest epoch */
    CHECK_AWAY,    /* it did not answer, or did not let this device in */
    CHECK_CAUGHT   /* fault */
};

/* "ok", "unknown" …: as kith.check/1 has it. */
const char *check_state_name(enum check_state s);

/* One guardian's node in a check. */
struct check_place {
    uint8_t seat[SEAT_BYTES];
    uint8_t ward[ID_BYTES];
    enum check_state state;
    enum check_fault fault;
    char why[256];  /* a sentence for a person; "" when it agrees */
    size_t objects; /* of the vault that were compared */
    size_t of;      /* that it should have */
    uint64_t time;  /* as it said */
    struct call *call;
    struct check_work *work;
};

/* On the heap; knows all it needs, so that the home may be closed meanwhile. */
struct checks {
    size_t n;
    struct check_place *places; /* guardians of the plan with a node, in their order */
    struct call *calls;
    struct seat_keys *keys;      /* secret */
    uint8_t (*nodes)[PUB_BYTES]; /* their keys */
    uint8_t nonce[32];
};

/*
 * Draws a nonce and reckons what each node has to answer, from the files of the home;
 * nothing is sent. A vault that cannot be read is left out. ERR_NOMEM.
 */
enum err checks_new(struct home *h, struct day *d, const struct params *p,
                    struct checks **out);
/* One round to all of them. ERR_NOMEM. */
enum err checks_go(struct checks *c, const struct params *p);
/*
 * Notes in d what came of it and when the next one is due; in the file "held" where the
 * vault is not saved any more, so that a push sends it again. Errors of files; ERR_NOMEM.
 */
enum err checks_note(struct checks *c, struct home *h, struct day *d,
                     const struct params *p);
void checks_free(struct checks *c);
#define AUTO_CHECKS __attribute__((cleanup(auto_checks_)))

static inline void auto_checks_(struct checks **place)
{
    checks_free(*place);
}

/*
 * Which of n objects come next, in an order that only this home knows: count of them
 * behind *io_at, then from the beginning. out has room for count indices; returns how
 * many. *io_at is how far it came; *out_over: the pass is over, a new one begins.
 */
size_t check_pick(const uint8_t pass[KEY_BYTES], const uint8_t *ids, size_t n,
                  size_t count, uint64_t *io_at, size_t *out, bool *out_over);

/* ---- new keys of a guardian ---- */

/*
 * Takes in when g's guardian got new keys, as the node says; 0: they have the ones of
 * before. What was opened before these keys says nothing of them, nor does an answer to
 * come; a drill that the node had answered after them does.
 */
void check_new_keys(struct day_guardian *g, uint64_t reset);
/* Whether it is proven that g's guardian opens the piece of this epoch. */
bool check_opens(const struct day *d, const struct day_guardian *g);
/* They have new keys, and opened the piece in no drill since: it does not count. */
bool check_keys_lost(const struct day *d, const struct day_guardian *g);
/* What to say of new keys; false: there are none. */
bool check_keys_text(const struct day *d, const struct day_guardian *g,
                     char out[TERM_TEXT]);

/* ---- drills ---- */

/* When g's guardian is to open the piece again, Unix seconds; 0: there is none. */
uint64_t drill_due(const struct day *d, const struct day_guardian *g);

enum drill_state {
    DRILL_RESTS,  /* not due */
    DRILL_DUE,    /* to be asked for */
    DRILL_ASKED,  /* the guardian has not answered yet */
    DRILL_OPENED, /* the piece was opened */
    DRILL_FAILED, /* the answer was not by this piece */
    DRILL_AWAY    /* the node did not answer now */
};

/* "resting", "due" …: as kith.drill/1 has it. */
const char *drill_state_name(enum drill_state s);
/* By what the day knows. */
enum drill_state drill_standing(const struct day *d, const struct day_guardian *g,
                                uint64_t now);

/* What to say of a drill that is due, waits or failed: names the person and what to do.
 */
void drill_text(const struct day *d, const struct day_guardian *g, uint64_t now,
                char out[TERM_TEXT]);

/* One guardian in a round of drills. */
struct drill_place {
    uint8_t seat[SEAT_BYTES];
    enum drill_state state;
    char why[256]; /* a sentence; "" */
    struct call *call;
    struct drill_work *work;
};

struct drills {
    size_t n;
    struct drill_place *places;
    struct call *calls;
    struct seat_keys *keys;      /* secret */
    uint8_t (*nodes)[PUB_BYTES]; /* their keys */
};

/*
 * For every guardian whose drill is due or waits, or for that one alone, due or not:
 * challenges are drawn into d, which is saved before drills_go. ERR_NOMEM.
 */
enum err drills_new(struct day *d, const struct day_guardian *only,
                    const struct params *p, struct drills **out);
/* Takes the answers that are there, asks for what was not asked for. ERR_NOMEM. */
enum err drills_go(struct drills *r, const struct params *p);
/* Judges the answers by the piece keys of d's manifest; notes them in d. */
void drills_note(struct drills *r, struct day *d, const struct params *p);
void drills_free(struct drills *r);
#define AUTO_DRILLS __attribute__((cleanup(auto_drills_)))

static inline void auto_drills_(struct drills **place)
{
    drills_free(*place);
}

#endif
