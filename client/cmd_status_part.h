/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of cmd_status share: one look at all guardians' nodes. */
#ifndef KITH_CLIENT_CMD_STATUS_PART_H
#define KITH_CLIENT_CMD_STATUS_PART_H

#include "client/alert.h"
#include "client/ceremony_change.h"
#include "client/ceremony_end.h"
#include "client/ceremony_move.h"
#include "client/ceremony_roster.h"
#include "client/check.h"
#include "client/circle_card.h"
#include "client/cmd_vault.h"

enum {
    NEXT_MAX = 16,
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

/* Refused, as a new root of this home's that is on its way has it. */
enum look_between {
    BETWEEN_NOT,
    BETWEEN_TAKEN, /* the node took it, this home has not yet */
    BETWEEN_LATE   /* this home has, and the node did not take it, or this device, yet */
};

/* What a node says beside the piece; zero where it was not asked. */
struct node_look {
    char why[256];   /* "" unless there is something to say */
    bool answered;   /* what it holds, in this round */
    bool refused;    /* it knows this home's keys no more */
    bool unreached;  /* nothing was there at any of its addresses */
    uint64_t paused; /* the guardian is away until then */
    bool lost;     /* the guardian got new keys, and opened the piece in no drill since */
    uint64_t move; /* a new root takes over then; 0 none waits */
    uint64_t over; /* by an order to end it all is erased there since then; 0 not */
    bool unsaid;   /* as it was planned: the node is away */
    uint32_t newer; /* an epoch that this home knows nothing of is active there; 0 none */
    bool failed;    /* its last check: why says how */
    uint8_t between; /* enum look_between */
    struct seen_drop alerts;
};

/* What is proven of the pieces that are counted on. */
struct look_proofs {
    unsigned
        openable; /* its guardian opened the piece of this epoch, or a card was read */
    unsigned checked; /* it was compared within CHECK_RED_S */
    uint64_t oldest;  /* the time of the oldest of these checks; 0 none */
    bool unchecked;   /* one was not, for longer than that */
    bool check_due;   /* or than CHECK_AMBER_S */
    bool caught;      /* a node's last check failed */
    bool drill_late;  /* a drill is due, or waits, for more than DRILL_WAIT_S */
};

/* Everything status says: what it is judged by, then the judgement. */
struct look {
    struct day *day;
    uint64_t now;
    bool has_journal; /* files of the home */
    bool has_restore;
    bool has_cards;
    bool locked; /* the root has a passphrase */
    struct change_stand change;
    bool cut;    /* a restore: the root is back, the circle was not gone on with */
    bool shut;   /* no node that was reached knows this home's keys any more */
    bool alone;  /* the root replaced another one, and is in this home only */
    bool moving; /* a new root is under way: */
    struct move_open move;
    uint8_t asked[DAY_GUARDIANS * ID_BYTES]; /* what it asks for, by request */
    size_t n_asked;
    struct look_proofs proofs;
    enum circle_state states[DAY_GUARDIANS];
    struct node_look nodes[DAY_GUARDIANS];
    struct circle_standing standing;
    enum alert_care care;
    bool has_vault; /* the rest of it is by what the home keeps */
    struct vault_standing vault;
    struct vault_state vault_state;
    unsigned read; /* its items that whoever had the root before may have read */
    size_t n_requests;
    struct seen_request requests[LOOK_REQUESTS];
    size_t n_next;
    struct next next[NEXT_MAX];
};

/*
 * Takes in what the i-th node answered, and how its call ended. What is bad is kept in
 * the day, so that it stands while the node is silent; a good answer heals it.
 */
void look_take_epochs(struct look *l, size_t i, const struct rep_epoch_state *rep);
void look_take_ward(struct look *l, size_t i, const struct rep_wards *rep);
void look_take_call(struct look *l, size_t i, const struct call *c);
/* Guardians of the plan. */
size_t look_pieces(const struct day *d);
/* A request for the keys that is not over; a confirm is none. */
bool look_asks(const struct seen_request *r);
/* It is one of those by which this very home asks for a new root. */
bool look_own(const struct look *l, const struct seen_request *r);
/* A restore took the piece there, and the person did not say to know of it. */
bool look_gone(const struct day_guardian *g);
/* How many such guardians. */
unsigned look_let_go(const struct look *l);
/* A guardian who never asked for a circle is told of none. */
bool look_only_guards(const struct day *d);
/* The vault is saved at too few nodes. */
bool look_unsaved(const struct look *l);
/* When a new root that is not this home's takes over, the last of the nodes; 0: none. */
uint64_t look_moved(const struct look *l);
/* The first guardian whose node has an epoch that this home knows nothing of, or NULL. */
const struct day_guardian *look_newer(const struct look *l);
/* The earliest that the i-th node erases all, as it says or said last. 0: never. */
uint64_t look_end_at(const struct look *l, size_t i);
/* When the circle ends: the first of so many nodes erases then; 0: it does not. */
uint64_t look_ends(const struct look *l);
/* Whether the i-th node erased all by the owner's order: then it holds nothing. */
void look_judge_end(struct look *l, size_t i);
/* When the circle ended: all nodes erased what they kept; 0: it did not. */
uint64_t look_ended(const struct look *l);
/* The sentence of a circle that ended, or ends; false: it is not about that. */
bool look_end_sentence(const struct look *l, char out[TERM_TEXT]);
/* Nodes ask their guardians about an end that is not of this home; how many. */
unsigned look_asked(const struct look *l);
/* The steps of an end: asked for elsewhere, or here; while it may be taken back, of one
 * node, and when all is over. */
void look_next_asked(struct look *l);
void look_next_end(struct look *l);
void look_next_ends(struct look *l);
void look_next_over(struct look *l, size_t i);
void look_next_ended(struct look *l);
/* What a guardian's node did by that order. */
void look_say_over(struct term *t, const struct look *l, size_t i);
/* Whether it is proven that the i-th piece of this epoch can be opened. */
bool look_opens(const struct look *l, size_t i);
/* One more step, behind those that are there. */
__attribute__((format(printf, 4, 5))) void
look_add(struct look *l, const char *id, const char *command, const char *fmt, ...);
/* What it means that the i-th node lets nobody in; and a sentence of it. */
enum look_between look_between(const struct look *l, size_t i);
void look_say_between(const struct look *l, size_t i, char *out, size_t cap);
/* The nodes that took the new root are enough for a circle, and this home has not yet. */
bool look_took(const struct look *l);
/* The step of a new root that is on its way. */
void look_next_move(struct look *l);
/* The step to another circle, where one is in the making after an end. */
void look_next_anew(struct look *l);
/* Of a home that its guardians' nodes do not know: not yet, or no more. Then nothing is
 * known of the circle. */
bool look_unknown(const struct look *l);
bool look_unknown_sentence(const struct look *l, char out[TERM_TEXT]);
void look_next_unknown(struct look *l);
void look_judge_unknown(struct look *l);
/* The steps to a first circle. */
void look_next_first(struct look *l);
/* Of a card whose paper is not read back; of a change that is planned, or under way. */
void look_next_card(struct look *l);
void look_next_change(struct look *l);
/* Fills l->next, what presses most first. */
void look_next(struct look *l);
/*
 * Judges what is in l: states (a node whose check failed holds nothing), standing, level,
 * proofs, next steps. Nobody is asked, nothing is read.
 */
void look_judge(struct look *l);
/* "You can be restored: yes, with 1 to spare." "" where no circle was asked for. */
void look_sentence(const struct look *l, char out[TERM_TEXT]);
/* What status ends with. */
enum exit_code look_exit(const struct look *l);
/* One look at everything; owns its day. Records its problem. */
enum err look_take(struct ctx *ctx, struct look **out);
void look_free(struct look *l);
#define AUTO_LOOK __attribute__((cleanup(auto_look_)))

static inline void auto_look_(struct look **place)
{
    look_free(*place);
}

/* kith status --watch: looks again each minute, until a key or a signal, at most a day.
 */
enum err look_watch(struct ctx *ctx);
/* Says it, or prints kith.status/1. */
void look_show(struct ctx *ctx, const struct look *l);

#endif
