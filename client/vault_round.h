/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault carried to all guardians' nodes and back, side by side: each shows its newest
 * head, what is new there is fetched and joined, then each gets what it lacks and a head
 * by compare-and-swap. Any cut is a pause: the next run moves only what is missing. What
 * a node acknowledged is kept and told to the others; one that shows less later, or
 * something else, is named. Never prints (but for progress), never asks.
 */
#ifndef KITH_CLIENT_VAULT_ROUND_H
#define KITH_CLIENT_VAULT_ROUND_H

#include "client/circle.h"
#include "client/guardian.h"
#include "client/vault.h"

enum {
    HELD_LISTS = 8,    /* states whose objects are remembered */
    HELD_KNOWN = 512,  /* states that ours contains */
    HELD_PART = 32768, /* bytes of ids in one record */
    VAULT_TURNS = 6,   /* times somebody else may have been faster */
    VAULT_PASSES = 4096,
    VAULT_FORKS = 4,    /* joined states that are named */
    VAULT_LOG_MAX = 64, /* heads of one seat that are listed */
    VAULT_SAMPLE = 64   /* objects that verify fetches from each node */
};

/* ---- what the nodes were seen to hold: the home's file "held" ---- */

struct held_seat {
    uint8_t seat[SEAT_BYTES];
    uint8_t ward[ID_BYTES];
    uint64_t version; /* of its newest head; 0 none */
    uint8_t head[HASH_BYTES];
    uint8_t state[HASH_BYTES]; /* zero: one that was not understood */
    uint8_t incarnation[ID_BYTES];
    uint64_t seen;   /* Unix seconds */
    uint64_t saved;  /* when it acknowledged or showed a state of ours; 0 never */
    uint8_t list;    /* 1 + index of the list of what it holds; 0: not known */
    uint8_t doubt;   /* 1: objects were missing there, it is asked about each */
    uint64_t height; /* version of that state; 0: not known */
};

struct held_list {
    uint8_t state[HASH_BYTES];
    struct home_blob ids;
};

/* On the heap. */
struct vault_held {
    size_t n;
    struct held_seat seats[DAY_GUARDIANS];
    size_t n_lists;
    struct held_list lists[HELD_LISTS];
    size_t n_known;
    uint8_t known[HELD_KNOWN][HASH_BYTES]; /* newest last */
    uint8_t restoring; /* 1: a restore's vault is not here whole yet */
};

/* What is kept, empty where nothing is. ERR_CORRUPT, ERR_VERSION, ERR_IO, ERR_NOMEM. */
enum err vault_held_load(struct home *h, struct vault_held **out);
/* Synced. ERR_IO, ERR_DISK_FULL. */
enum err vault_held_save(struct home *h, const struct vault_held *held,
                         const struct rng *rng);
void vault_held_free(struct vault_held *held);
#define AUTO_HELD __attribute__((cleanup(auto_held_)))

static inline void auto_held_(struct vault_held **place)
{
    vault_held_free(*place);
}

/* The entry of a seat; made is true: a new one where there is none, else NULL. */
/*
 * Before the first item of a vault: a home that lost its vault has nothing any more of
 * what it once joined. Errors of loading and saving.
 */
enum err vault_held_begin(struct home *h, const struct vault *v, const struct rng *rng);
struct held_seat *vault_held_seat(struct vault_held *held, const uint8_t seat[SEAT_BYTES],
                                  bool make);
/* The same for a guardian, of this very ward: an earlier one at that seat is another. */
const struct held_seat *vault_held_of(const struct vault_held *held,
                                      const struct day_guardian *g);
/* A state that ours contains. */
void vault_held_know(struct vault_held *held, const uint8_t state[HASH_BYTES]);
bool vault_held_knows(const struct vault_held *held, const uint8_t state[HASH_BYTES]);

/* How the newest state stands, by what is kept: no node is asked. */
struct vault_standing {
    unsigned saved;  /* nodes that have it */
    unsigned need;   /* so many make every restore meet one; 0: no guardian */
    unsigned of;     /* nodes that may have it */
    uint64_t since;  /* when it became enough; 0: it is not */
    uint64_t newest; /* when one last acknowledged a state of ours; 0 never */
    bool enough;
    bool empty; /* there is nothing to save */
};

void vault_stand(const struct vault_held *held, const struct day *d,
                 const struct vault *v, struct vault_standing *out);

/* ---- a round ---- */

/* What a node is named for. */
enum vault_fault {
    VAULT_FINE,
    VAULT_FORGED,      /* a head that is not signed, or not in form */
    VAULT_OTHER_WARD,  /* of somebody else's vault */
    VAULT_BAD_VERSION, /* a number that cannot be */
    VAULT_SHUT,        /* does not open with the vault's key */
    VAULT_BAD_OBJECT,  /* an object that is not what its id says */
    VAULT_LOST,        /* objects of what it shows are missing there */
    VAULT_WENT_BACK,   /* older, or other, than it acknowledged */
    VAULT_STRANGER,    /* signed by a key that the owner let in nowhere */
    VAULT_REMOVED,     /* by a device after it was taken out */
    VAULT_FAULTS
};

/* "went-back" …; NULL for VAULT_FINE. */
const char *vault_fault_name(unsigned fault);
/* What follows "Ben's node": "shows an older vault than …". */
const char *vault_fault_text(unsigned fault);

enum place_state {
    PLACE_OPEN,    /* not done yet */
    PLACE_SAVED,   /* has our newest state */
    PLACE_FOREIGN, /* has one that ours does not contain */
    PLACE_LOOKED,  /* said what it has */
    PLACE_FAILED
};

/* A head as a node showed it. */
struct vault_shown {
    uint64_t version;
    uint64_t received; /* Unix seconds, the node's */
    uint8_t head[HASH_BYTES];
    uint8_t hash[HASH_BYTES]; /* of the state */
    struct vault_state state; /* its text points into mem */
    uint8_t mem[VAULT_STATE_MAX];
};

struct vault_round;

/* One guardian's node in a round. */
struct vault_place {
    struct vault_round *round;
    struct day_guardian *g;
    struct call *call;
    struct sign_seed *signer;   /* secret */
    uint8_t account[PUB_BYTES]; /* what the root account signs with there */
    enum place_state state;
    enum err err;  /* of a failed one */
    char why[256]; /* a sentence for a person; "" */
    enum vault_fault fault;
    bool talked; /* it answered in this round */
    bool shown;  /* and said what its newest head is: */
    bool has_head;
    struct vault_shown newest;
    bool witnessed;
    struct vault_witness witness;
    uint64_t used; /* bytes of the vault there */
    uint64_t quota;
    size_t lacked;  /* objects that were missing there, verify */
    size_t fetched; /* and those that were compared */
    size_t n_log;
    struct vault_shown *log; /* newest first */
    struct place_work *work;
};

/* What a round works with; all of it the caller's. */
struct vault_how {
    const struct params *params;
    struct term *term; /* for progress; NULL: none */
    struct home *home;
    struct day *me;    /* the home's: the vault's keys */
    struct day *among; /* the guardians asked: the same, or whom a restore knows */
    struct vault *vault;
    struct vault_held *held;
    const struct root_key *root; /* as root account; NULL: as this device */
    bool shrink_ok;              /* a person agreed that more than a third goes */
    bool bare;                   /* the vault was opened so: join loads its items first */
    bool over; /* and that a head which cannot be read is written over */
};

struct fetch;

struct vault_round {
    const struct vault_how *how;
    struct vault_keys *keys; /* secret */
    size_t n;
    struct vault_place *places;
    struct call *calls;
    struct seat_keys *seat_keys;     /* secret */
    struct account_keys *owner_keys; /* secret */
    struct sign_seed *signers;       /* secret */
    struct home_blob needs;          /* ids of what the newest state needs */
    uint8_t now[HASH_BYTES];         /* the newest state */
    bool changed;                    /* the vault was joined with what came, and saved */
    struct vault_merge merge;        /* of all that was joined */
    size_t missing;                  /* objects of the newest state that nobody gave */
    uint64_t moved;                  /* bytes of objects, both ways */
    uint64_t to_move;                /* of this pass, about */
    unsigned commits;                /* writes that were sent */
    size_t cleaned;                  /* objects that nodes were told to drop, by clean */
    size_t n_forks; /* states that were joined with ours, both having changes */
    struct vault_shown forks[VAULT_FORKS];
    bool shrinks; /* something was not joined: too much would go */
    struct vault_shown shrunk;
    struct fetch *fetch;
};

/* For every guardian of among's that can be asked. ERR_NOMEM; ERR_STATE: no vault keys.
 */
enum err vault_round_new(const struct vault_how *how, struct vault_round **out);
void vault_round_free(struct vault_round *r);
#define AUTO_ROUND __attribute__((cleanup(auto_round_)))

static inline void auto_round_(struct vault_round **place)
{
    vault_round_free(*place);
}

/* Asks each for its newest head and judges it. What came is noted in held, not saved. */
enum err vault_round_look(struct vault_round *r);
/* Lists the heads each keeps, newest first, at most VAULT_LOG_MAX. After a look. */
enum err vault_round_log(struct vault_round *r);
/*
 * After a look: fetches and joins every state that ours does not contain, newest first,
 * then what our own lacks; the vault is saved. Where ours is empty and the newest has
 * more than a third less than a head before it, that one is joined first. r->shrinks:
 * one was left out. A node's faults are no error. Errors of the disk, ERR_NOMEM.
 */
enum err vault_round_join(struct vault_round *r);
/*
 * Brings the newest state to every node: what it lacks, then a head; where another device
 * was faster, joins and goes on. An empty vault takes what is there and brings nothing. A
 * node that is away or says no is no error. held is saved. Errors of the disk, ERR_NOMEM;
 * ERR_STATE: r->shrinks, a person must decide.
 */
enum err vault_round_push(struct vault_round *r);
/*
 * What stays at a node and is in no state that we know goes: after a device was lost,
 * what a thief filled it with. As root account, since a device may have no room to say
 * so. Only where the newest head there is one that ours contains. r->cleaned: objects, at
 * all nodes; their room comes back after 30 days. Errors of vault_needs, of the disk.
 */
enum err vault_round_clean(struct vault_round *r);
/* After a look: asks each whether it has every object, and compares some (all: each). */
enum err vault_round_verify(struct vault_round *r, bool all);
/* A copy whose text is its own. */
void vault_shown_copy(struct vault_shown *to, const struct vault_shown *from);
/* Nodes that answered. */
size_t vault_round_answered(const struct vault_round *r);

#endif
