/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a circle and how it stands: who holds which piece, how many are needed,
 * how many may be lost, who counts as one. Works on the day box in memory; the plan is
 * its me.groups, filled by the guardians in the order they were added. Pure: never
 * asks, sends or prints.
 */
#ifndef KITH_CLIENT_CIRCLE_H
#define KITH_CLIENT_CIRCLE_H

#include "client/home.h"

enum {
    CIRCLE_GROUP_MAX = 16, /* pieces of one group (SLIP-39) */
    CIRCLE_STOP_LEAST_S = 7 * 86400,
    CIRCLE_AMBER_S = 7 * 86400, /* a node silent for longer is worth a word */
    CIRCLE_RED_S = 30 * 86400   /* and for longer than this is not counted on */
};

/* ---- the plan ---- */

/* What may be wrong with a plan, in the order it is looked for. */
enum circle_fault {
    CIRCLE_FINE,
    CIRCLE_NOBODY,     /* no guardian was added */
    CIRCLE_TOO_FEW,    /* a threshold above the number of pieces */
    CIRCLE_ONE_ENOUGH, /* a single piece would open the root */
    CIRCLE_ZERO,       /* a threshold of 0 */
    CIRCLE_GROUP_TOO_BIG,
    CIRCLE_ONE_OF_MANY,  /* SLIP-39 has no group of "one of several" */
    CIRCLE_GROUPS,       /* more groups are needed than there are */
    CIRCLE_OTHER_NUMBER, /* the groups' sizes are not the number of guardians */
    CIRCLE_NO_NODE,      /* cards only: nobody would keep what opens them */
    CIRCLE_NOT_ENTERED   /* a guardian whose invite did not work yet */
};

/*
 * "family:2/3" into a name of at most 64 printable bytes, 2 and 3; the name is a part
 * of text. ERR_FORMAT.
 */
enum err circle_group_parse(const char *text, struct bytes *out_name,
                            struct manifest_group *out);
/* Whether the plan in d->me suits the guardians in d. *out_at: group or guardian. */
enum circle_fault circle_check(const struct day *d, size_t *out_at);
/* Pieces of the plan; the guardians from there on are not in it. */
size_t circle_pieces(const struct day_me *me);
/* Group and index of the i-th guardian (below circle_pieces, MUST). */
void circle_place(const struct day_me *me, size_t i, uint8_t *out_group,
                  uint8_t *out_index);
/* The fewest pieces that open the root. */
unsigned circle_need(const struct day_me *me);

/*
 * The chance that enough pieces are at hand when each is so with chance p, whatever the
 * others are: sums of binomials, group by group, then over groups. With p = the chance
 * that a guardian answers, the odds of getting back; with p = the chance that one gives
 * in to a thief, the odds of theft. Groups of at most CIRCLE_GROUP_MAX (MUST).
 */
double circle_odds(const struct day_me *me, double p);

enum { ODDS_TEXT = 48 };

/* "99.1 %", "99.95 %" (rounded down), "1 in 870", "less than 1 in 1,000,000,000". */
void odds_text(double odds, char out[ODDS_TEXT]);

/* ---- the plan of a change ---- */

/* The circle as it is, as a plan: of the sealed epoch; before a seal all guardians. */
void circle_plan_now(struct day *d, struct day_plan *out);
/* What d, worked on as circle_next gave it, plans: its text belongs to keeper. */
void circle_plan_of(const struct day *d, struct day *keeper, struct day_plan *out);
/*
 * The home as it will be once what is planned next (or the circle as it is) is sealed:
 * only its guardians, in their places, with its plan. To be looked at: slices belong to
 * d. ERR_UNKNOWN: the plan counts on somebody who is not in the home; ERR_NOMEM.
 */
enum err circle_next(const struct day *d, struct day **out);
/* The same for a plan that is not in the day yet. */
enum err circle_with(const struct day *d, const struct day_plan *plan, struct day **out);
/* Wipes and frees what circle_next gave; NULL is fine. */
void circle_next_free(struct day *next);
#define AUTO_NEXT __attribute__((cleanup(auto_next_)))

static inline void auto_next_(struct day **place)
{
    circle_next_free(*place);
}

/* Who has that place in that epoch: the sealed one, or the one after it. NULL: nobody. */
struct day_guardian *circle_at(struct day *d, uint32_t epoch, uint8_t group,
                               uint8_t index);
/* Whether the guardian was spoken with about the sealed epoch, or the card read back. */
bool circle_confirmed(const struct day *d, const struct day_guardian *g);

/* ---- counting ---- */

/* How many pieces of each group. */
struct circle_count {
    unsigned of[GROUPS_MAX];
};

/* The fewest pieces still missing beside these; 0: they satisfy the thresholds. */
unsigned circle_missing(const struct day_me *me, const struct circle_count *c);
/* Whether these pieces satisfy the thresholds. */
bool circle_enough(const struct day_me *me, const struct circle_count *c);
/* How many of them may be lost, whichever they are; 0 where they are not enough. */
unsigned circle_spare(const struct day_me *me, const struct circle_count *c);

/*
 * At how many of the guardians' nodes something must be, so that whoever restores meets
 * one that has it: nodes - the fewest nodes among those who open the root + 1. Before a
 * seal, or where cards alone open it: at all. 0: no guardian has a node.
 */
unsigned circle_saved_at(const struct day *d);

/* ---- who counts as one ---- */

/*
 * Seats with one node key, one guardian or one address (loopback not compared) are one
 * domain. True if the pieces of one of them, with the cards, satisfy the thresholds;
 * *out_first is then its first guardian.
 */
bool circle_one_domain(const struct day *d, size_t *out_first);
/* True if the pieces of guardians whose keys no passphrase locks satisfy the thresholds.
 */
bool circle_unlocked(const struct day *d);
/* The fewest people who must say yes; 0: the cards are enough. */
unsigned circle_fewest(const struct day *d);

/* ---- how it stands ---- */

/* What a look at a guardian's node gave. */
enum circle_state {
    HOLDS_OK,          /* holds the epoch, signed just now */
    HOLDS_AWAY,        /* did not answer; its last signed word stands */
    HOLDS_BEHIND,      /* answered, but does not hold this epoch as active */
    HOLDS_ROLLED_BACK, /* its store is older than it was */
    HOLDS_MISSING      /* does not know us, or holds something else */
};

enum circle_level { CIRCLE_OK, CIRCLE_DEGRADED, CIRCLE_LOST };

/* "ok", "rolled-back" …; static strings. */
const char *circle_state_name(enum circle_state s);
const char *circle_level_name(enum circle_level l);

struct circle_standing {
    unsigned need;
    unsigned of;
    unsigned stored;    /* pieces counted on */
    unsigned confirmed; /* of these, with a guardian spoken with */
    unsigned answering; /* of these, at a node that answered now, or on a card */
    unsigned cards;     /* of these, on cards that were read back */
    unsigned spare;
    unsigned silent; /* nodes silent for more than CIRCLE_AMBER_S */
    bool restorable;
    bool today; /* the nodes that answered now, one at least, and the cards would do */
    bool one_domain; /* circle_one_domain */
    enum circle_level level;
};

/* What is known of a card without asking anybody: ok once it was read back. */
enum circle_state circle_card_state(const struct day *d, const struct day_guardian *card);
/* Whether that piece is counted as stored: shown now, or, where the node is silent, known
   to be there for less than CIRCLE_RED_S. */
bool circle_counted(const struct day *d, const struct day_guardian *g,
                    enum circle_state state, uint64_t now);
/* How the sealed circle stands at now; states[i] belongs to guardian i. */
void circle_stand(const struct day *d, const enum circle_state *states, uint64_t now,
                  struct circle_standing *out);

/*
 * Whether no sealed epoch is of this root: it replaced another one, and what guardians
 * keep gives back the one before.
 */
bool circle_root_alone(const struct day *d);
/* Whether every guardian's node erased its piece, by an order of this home or its own
   person's: as they said. */
bool circle_over(const struct day *d);

#endif
