/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a circle, or of one seat: the guardians' words by calls, then WARD_END at
 * their nodes, which erase after the dual time and sign that they did. All of it stands
 * in the day box; every run goes on where the last one stopped. Never prints, never asks.
 */
#ifndef KITH_CLIENT_CEREMONY_END_H
#define KITH_CLIENT_CEREMONY_END_H

#include "client/guardian.h"
#include "proto/cert.h"

/* How far it went with one guardian. */
enum end_stand {
    END_CALL,    /* their word is missing */
    END_AGREED,  /* it is here; the node does not know of it yet */
    END_PLANNED, /* the node erases all, at end_due */
    END_LEFT,    /* the guardian gave all of it up before, as the node said */
    END_DONE     /* the node erased all, and signed that */
};

enum end_stand end_stand(const struct day_guardian *g);
/* "call", "agreed", "planned", "left", "ended". */
const char *end_stand_name(enum end_stand s);
/* Whether the node erased all, as it signed or says, or was to by now: nothing counts on
 * it. */
bool end_over(const struct day_guardian *g, uint64_t now);
/* Nothing of the owner's is there any more: END_LEFT or END_DONE. */
bool end_settled(const struct day_guardian *g);
/* The guardian gave it up, without an order of an owner's. */
bool end_gave_up(const struct day_guardian *g);
/* Whether the node may show its guardian the question, as this home knows. */
bool end_asks(const struct day_guardian *g);
/* How many more have to say yes, at least; of a circle that was never sealed 0. */
unsigned end_missing(const struct day *d);
/* Whether the words that are here are as many as the circle's plan asks for. */
bool end_enough(const struct day *d);
/* Whether that guardian has a node that can be asked. */
bool end_has_node(const struct day_guardian *g);

/*
 * One round with a guardian whose word is missing: opens the request, or sees how it
 * stands; the word is kept in g. Errors of confirm_round, but never ERR_EXPIRED: a
 * request that ran out is asked anew. The caller saves afterwards.
 */
enum err end_ask(struct day *d, struct day_guardian *g, const struct root_key *root,
                 const struct params *p, struct guardian_talk *out);

/* How WARD_END went at one node. */
struct end_told {
    struct day_guardian *g;
    struct guardian_talk talk;
};

/*
 * One round as owner to the nodes of all guardians that are not done, or of only: the
 * words that are here, and what the node did. ERR_CERT in a talk: they are not enough
 * there. out_told has room for DAY_GUARDIANS. ERR_NOMEM. The caller saves afterwards.
 */
enum err end_round(struct day *d, struct day_guardian *only, const struct root_key *root,
                   const struct params *p, struct end_told *out_told, size_t *out_n);

/* At how many nodes it is planned, as this home knows. */
size_t end_planned(const struct day *d);
/* The wish is given up, and the guardians' words; what nodes planned stays planned, and
 * what they ask stays asked. */
void end_forget(struct day *d);
/*
 * The same, and one round as owner to all nodes, whoever had it planned or asked there:
 * they take back both, or answer that they erased all before. out_told as above.
 * ERR_NOMEM. The caller saves afterwards.
 */
enum err end_cancel(struct day *d, const struct root_key *root, const struct params *p,
                    struct end_told *out_told, size_t *out_n);

#endif
