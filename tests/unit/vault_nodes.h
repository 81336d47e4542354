/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small nodes in memory for tests of the client's rounds, honest ones and worse: linked
 * with --wrap=call_round, messages of all conversations take turns.
 */
#ifndef KITH_TESTS_VAULT_NODES_H
#define KITH_TESTS_VAULT_NODES_H

#include "client/vault_round.h"

#include "vault_home.h"

enum manner {
    HONEST,
    AWAY,
    OTHER_WARD, /* shows the head of somebody else's vault */
    BAD_SIGN,   /* a head with one bit of its signature changed */
    CUT_HEAD,   /* half a head */
    HUGE_HEAD,  /* signed rightly, the last version there can be */
    NEAR_END,   /* signed rightly, the last but one: what follows cannot be */
    SAYS_NEW,   /* what was before its newest head, in a head of its own after it */
    STRANGER,   /* its newest head, signed by itself */
    OTHER_SAYS, /* the version beside the head is another */
    OTHER_KEY,  /* a state that our key does not open */
    FLIPPED,    /* one bit of each object is changed */
    TRUNCATED,  /* each object ends early */
    SWAPPED,    /* gives the objects in another order */
    TOO_MANY,   /* gives more than was asked */
    GIVES_NONE, /* answers without any object */
    LOST_ALL,   /* says that it has none of what it is asked for */
    LIES_HAVE,  /* says that it has everything, and gives nothing */
    SHORT_BITS, /* answers for fewer ids than were asked */
    ENDLESS,    /* shows the same head again as an earlier one, for ever */
    ALWAYS_BUSY,
    ALWAYS_NEWER, /* takes no head */
    FULL_UP,
    OLD_HEAD, /* shows and gives only what was before its newest head */
    MANNERS
};

enum { NODE_HEADS = 256, NODE_OBJECTS = 4096 };

struct node_object {
    uint8_t id[VAULT_ID];
    uint8_t *p;
    size_t n;
    bool dropped;
};

struct node_head {
    uint8_t raw[VAULT_HEAD_MAX];
    size_t n;
    uint8_t witness[VAULT_WITNESS_MAX];
    size_t witness_n;
};

struct vault_node {
    enum manner manner;
    uint8_t key[PUB_BYTES];
    uint8_t ward[ID_BYTES];
    uint8_t incarnation[ID_BYTES];
    size_t n_objects;
    struct node_object objects[NODE_OBJECTS];
    size_t n_heads;
    struct node_head heads[NODE_HEADS];
    struct sign_seed
        other; /* signs what it makes: its own, or a device's that helps it */
    uint8_t let_in[SIG_BYTES];
    unsigned cut_after; /* messages of a conversation; 0: never */
    unsigned busy;      /* so many answers are "busy" first */
    /* counted */
    unsigned messages;
    unsigned conversations;
    unsigned sets;
    unsigned puts; /* objects that came, again ones too */
    size_t bytes;  /* of all requests as they are sent, with padding */
};

enum { NODES = 5 };

extern struct vault_node *nodes[NODES];

void nodes_up(void);
void nodes_down(void);
/* All of them are guardians of the device, the circle sealed with that threshold. */
void nodes_guard(struct device *d, uint8_t threshold);
void nodes_manner(enum manner m);
/* A device of the owner's gave it what it signs with there. */
void node_helped(struct vault_node *n, const struct day_guardian *by);
/* Puts the counters to zero. */
void nodes_count(void);
/* Each holds so many objects that nobody needs. */
void nodes_junk(size_t count);
/* The object of that id, or NULL. */
struct node_object *node_find(struct vault_node *n, const uint8_t id[VAULT_ID]);

#endif
