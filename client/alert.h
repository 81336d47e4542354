/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts of both sides: one round reads the ward's alerts at each guardian's node (as
 * this device, or as the root account) and the inbox of each own seat, says in plain
 * words what happened and what to do, and runs the programs a person named. Works on the
 * day in memory; the caller saves it. Nothing a requester wrote is ever in it.
 */
#ifndef KITH_CLIENT_ALERT_H
#define KITH_CLIENT_ALERT_H

#include "client/guard.h"
#include "client/guardian.h"
#include "client/seen.h"

enum {
    ALERT_RUN_S = 30,          /* a program is killed after that long */
    ALERT_TEST_S = 14 * 86400, /* a test may be answered that long */
    ALERT_ANSWER_S = 86400,    /* and one that was not for so long did not arrive */
    ALERT_EVERY_S = 6 * 3600,  /* the timer runs at least so often, */
    ALERT_EVERY_LEAST_S = 60,  /* and no oftener than that */
    ALERT_HOLD_S = 72 * 3600,  /* where the hold is not known or 0 */
    ALERT_JSON = 2048,
    ALERT_REQUESTS = 128 /* of one node, whose kind is known */
};

enum alert_side { ALERT_OWNER, ALERT_GUARDIAN };

/* ---- one round ---- */

/* One node, as one of both sides. */
struct alert_place {
    enum alert_side side;
    size_t at; /* in the day: guardian or seat */
    struct seen_drop drop;
    size_t n_requests;
    struct request_line *requests; /* of the last 90 days */
    enum err first;                /* what became of the first message */
    struct call *call;             /* how it went */
    char why[256];                 /* a sentence, "" when it answered */
    struct req_requests ask;
    const struct call_send *before;
};

struct alerts {
    struct day *day; /* the caller's */
    size_t n;
    struct alert_place *places;
    struct call *calls;
    struct seat_keys *keys;      /* secret */
    struct sign_seed *readers;   /* secret: sign what was read */
    struct account_keys *owners; /* secret; with a root */
};

/* How a round is made. */
struct alert_look {
    const struct params *params;
    enum drop_which which;          /* DROP_ALERTS, or DROP_LOG: as owner only */
    const struct root_key *root;    /* as the root account; NULL: as this device */
    const struct call_send *before; /* what is sent first everywhere; NULL: nothing */
    bool owner_only;                /* not the own seats */
    bool seats_only;                /* not one's own guardians */
};

/*
 * One round; what the nodes were caught at is noted in d, and how far they were read.
 * A node that is away is no error. ERR_NOMEM. Caller frees.
 */
enum err alerts_look(const struct alert_look *how, struct day *d, struct alerts **out);
void alerts_free(struct alerts *a);
#define AUTO_ALERTS __attribute__((cleanup(auto_alerts_)))

static inline void auto_alerts_(struct alerts **place)
{
    alerts_free(*place);
}

/* The node of a place, as the day knows it. */
struct day_node *alert_node(const struct alerts *a, const struct alert_place *p);
/* How many did not answer. */
size_t alerts_away(const struct alerts *a);
/* True if it counts as a look: a node answered, one of the own guardians' if there are.
 */
bool alerts_counts(const struct alerts *a);
/* "Ben", or the address of an own node. */
void alert_place_name(const struct alerts *a, const struct alert_place *p,
                      char out[NAME_MAX_BYTES + 1]);
/*
 * Waits, at most wait_s, until a node that answered in a has something new; from is an
 * ended round. *out_news: one has. ERR_NOMEM.
 */
enum err alerts_wait(const struct params *p, struct alerts *from, uint32_t wait_s,
                     bool *out_news);
/* Takes what a round learnt into another copy of the day: marks, faults, tests. */
void alerts_merge(const struct day *from, struct day *into);

/* ---- what happened, in words ---- */

struct alert_text {
    char who[NAME_MAX_BYTES + 1]; /* guardian or ward */
    char what[TERM_TEXT / 2];
    char advice[TERM_TEXT / 2]; /* ""; else what to do, then a command or "" */
    char command[128];
    char word[16]; /* of a test; "" */
    bool asks;     /* the person is to do something, or to take notice */
};

/* One entry; e NULL: the fault its node was caught at. */
void alert_say(const struct alerts *a, const struct alert_place *p,
               const struct seen_entry *e, struct alert_text *out);
/* "kith alert settle 'Aunt May'": a command to copy. */
void alert_settle_command(struct bytes name, char *out, size_t cap);
/* True if the request of an entry waits for somebody yet. */
bool alert_is_open(const struct alert_place *p, const struct seen_entry *e);
/* The members of kith.alert/1 but its schema; the caller's. */
json_t *alert_doc(const struct alerts *a, const struct alert_place *p,
                  const struct seen_entry *e);
/*
 * The same for a list. The word of a test comes to a person by the way that is tested,
 * not by a list.
 */
json_t *alert_doc_listed(const struct alerts *a, const struct alert_place *p,
                         const struct seen_entry *e);
/* The whole as one line of JSON, with its newline. */
void alert_line(const struct alerts *a, const struct alert_place *p,
                const struct seen_entry *e, char out[ALERT_JSON]);

/* ---- telling ---- */

/*
 * Runs a handler's program with text on its standard input: no shell, nothing else of
 * ours open, an environment of known names, killed after ALERT_RUN_S. quiet: its
 * errors are not shown. ERR_IO: it could not be started, or failed; ERR_TIMEOUT.
 */
enum err alert_run(struct bytes exec, struct bytes text, bool quiet);

/* ---- how well a side is watched ---- */

enum alert_care {
    CARE_FINE,
    CARE_UNTESTED, /* no person ever answered a test */
    CARE_SENT,     /* but one is on its way */
    CARE_IDLE,     /* nothing watched for half a hold */
    CARE_FAILING   /* a program that should tell failed */
};

/* Seconds from one run of the timer to the next. */
uint32_t alert_every(uint32_t hold);
enum alert_care alert_care(const struct day *d, enum alert_side side, uint64_t now);
/* A sentence and a command for what is not CARE_FINE. */
const char *alert_care_text(enum alert_care c);
const char *alert_care_next(enum alert_care c);

#endif
