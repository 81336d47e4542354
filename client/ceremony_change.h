/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows the COMMIT of a new epoch: guardians confirm it, their words become the
 * certificate of people, and nodes that see it let the old pieces go. Nothing here is
 * ordered destroyed without people; where a change stands is known without the root.
 * Never prints, never asks; works on the day box, which each step leaves complete.
 */
#ifndef KITH_CLIENT_CEREMONY_CHANGE_H
#define KITH_CLIENT_CEREMONY_CHANGE_H

#include "client/ceremony_seal.h"
#include "proto/cert.h"

/* ---- where it stands ---- */

enum change_step {
    CHANGE_NONE,    /* no old piece is known that may still open the root */
    CHANGE_PLANNED, /* circle plan ran after a seal; nothing was sent */
    CHANGE_SEALING, /* an epoch is being prepared; the old one is active */
    CHANGE_STORING, /* committed; too few nodes said so yet */
    CHANGE_CALLS,   /* people are to be called */
    CHANGE_NODES,   /* people confirmed; nodes are to be told */
    CHANGE_WAITS,   /* told; the old pieces go when their time has come */
    CHANGE_LEFT     /* told; old pieces are left that nobody can let go from here */
};

struct change_stand {
    enum change_step step;
    uint32_t epoch;   /* the newest one, committed or being sealed */
    uint32_t judge;   /* the epoch whose people have to say so; 0 none */
    unsigned said;    /* of these, who did */
    unsigned missing; /* the fewest who still have to; 0: enough */
    bool possible;    /* those who have a place in both could be enough */
    bool certified;   /* they were */
    bool dead;        /* of every past epoch so few pieces are left, one node gone back
                         included, that they do not open the root */
    unsigned retired; /* nodes that let the old pieces go */
    unsigned waiting; /* nodes that will */
    unsigned untold;  /* nodes that hold old pieces, and did not say when they go */
    uint64_t due;     /* the last of the times they named; 0 none */
    bool call[DAY_GUARDIANS];   /* whom to call, by place among the guardians */
    bool behind[DAY_GUARDIANS]; /* who has not got the new piece */
};

/* Where a change stands; h may be NULL (then CHANGE_SEALING is not found). */
void change_look(const struct day *d, struct home *h, struct change_stand *out);
/* Whom to call first: somebody spoken with before, whose word counts; or NULL. */
const struct day_guardian *change_call(const struct day *d, const struct change_stand *s);
/*
 * The next command of a change as it stands, "" where there is none ("kith guardian
 * confirm Ana", "kith circle seal --resume").
 */
void change_next(const struct day *d, const struct change_stand *s, char out[TERM_TEXT]);
/* What a person is to confirm of that guardian's now. False: nothing. */
bool change_about(const struct day *d, const struct day_guardian *g,
                  struct confirm_about *out);
/* Notes what a node said of its epochs, at any look at it (device or owner): a guardian's
   or a former one's. */
void change_seen(const struct day *d, struct day_guardian *g,
                 const struct rep_epoch_state *rep);
/*
 * Cards of the epoch before, which a change leaves behind: n names at most into out, in
 * order of the day. *out_dead: they open nothing any more, whoever has them.
 */
size_t change_cards(const struct day *d, struct bytes *out, size_t n, bool *out_dead);
/*
 * A person says that the papers before the newest one of that card are torn up, or all of
 * a former one's. ERR_UNKNOWN: no such card; ERR_STATE: its newest paper was not read
 * back, so that the one before is still needed. Not saved.
 */
enum err change_torn(struct day *d, struct bytes name);
/* Forgets past epochs that are dead. False: there was none. */
bool change_settle(struct day *d);

/* ---- going on ---- */

/*
 * That guardian confirmed the sealed epoch by that signed statement (confirm_round
 * verified it): noted, and the certificate with it once they are enough. Not saved.
 */
enum err change_said(struct day *d, struct day_guardian *g, struct bytes statement,
                     uint64_t now);

/* What became of a guardian in a round. */
struct change_notes {
    size_t n;  /* nodes spoken with */
    bool dead; /* the last old circle that was left is dead since this round */
    struct seal_note notes[DAY_GUARDIANS + DAY_FORMERS]; /* guardians, then formers */
};

/*
 * Whether a node was not heard to have let its old pieces go, though enough people, or
 * its own guardian, said that it may: also when so few are left elsewhere that they open
 * nothing.
 */
bool change_untold(const struct day *d);
/*
 * One round: every node that may hold an older epoch is shown what proves the new one
 * (RETIRE), where people said enough; saves the day box. Past epochs that are dead are
 * forgotten, and their keys. OK and no notes where there is nothing to do. Errors of
 * files, ERR_NOMEM.
 */
enum err change_round(const struct seal_work *w, struct change_notes *out);

#endif
