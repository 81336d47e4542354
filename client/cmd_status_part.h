/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of cmd_status share: one look at all guardians' nodes. */
#ifndef KITH_CLIENT_CMD_STATUS_PART_H
#define KITH_CLIENT_CMD_STATUS_PART_H

#include "client/alert.h"
#include "client/circle_card.h"
#include "client/cmd_vault.h"

enum {
    NEXT_MAX = 12,
    LOOK_OF_NODE = 32, /* requests: one reply; of each node, so that none crowds others */
    LOOK_REQUESTS = DAY_GUARDIANS * LOOK_OF_NODE,
    LOOK_PAST = 8, /* replies about what is over, of each node */
    COMMAND_TEXT = 160
};

/* A step the person can take. */
struct next {
    const char *id;
    char text[TERM_TEXT / 2];
    char command[COMMAND_TEXT]; /* "": none */
};

struct seen_request {
    const struct day_guardian *g;
    struct request_line line;
};

/* What a node says beside the piece; zero where it was not asked. */
struct node_look {
    char why[256];   /* "" unless there is something to say */
    bool clock;      /* its clock waits for a person */
    uint64_t paused; /* the guardian is away until then */
    uint64_t reset;  /* the guardian got new keys then */
    uint64_t left;   /* the guardian gave the piece up then */
    uint64_t frozen; /* changes by our keys are, until then */
    struct seen_drop alerts;
};

/* Everything status says. */
struct look {
    struct day *day;
    enum circle_state states[DAY_GUARDIANS];
    struct node_look nodes[DAY_GUARDIANS];
    struct circle_standing standing;
    enum alert_care care;
    bool has_vault; /* the rest of it is by what the home keeps */
    struct vault_standing vault;
    struct vault_state vault_state;
    size_t n_requests;
    struct seen_request requests[LOOK_REQUESTS];
    size_t n_next;
    struct next next[NEXT_MAX];
};

/* Guardians of the plan. */
size_t look_pieces(const struct day *d);
/* A request for the keys that is not over; a confirm is none. */
bool look_asks(const struct seen_request *r);
/* A restore took the piece there, and the person did not say to know of it. */
bool look_gone(const struct day_guardian *g);
/* How many such guardians. */
unsigned look_let_go(const struct look *l);
/* A guardian who never asked for a circle is told of none. */
bool look_only_guards(const struct day *d);
/* The vault is saved at too few nodes. */
bool look_unsaved(const struct look *l);
/* Fills l->next. */
void look_next(struct look *l, const struct home *h, uint64_t now);
/* Says it, or prints kith.status/1. */
void look_show(struct ctx *ctx, const struct look *l);

#endif
