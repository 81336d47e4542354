/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ceremony: somebody asks, a guardian speaks with them and types their words, a
 * hold runs, a piece goes. The states and their moves are data; time is an argument.
 * Promises: a piece leaves only after right words, a signed approval and the whole
 * hold; a try counts before it is judged; all a message changes is one commit.
 */
#ifndef KITH_NODE_REQUEST_H
#define KITH_NODE_REQUEST_H

#include "node/record.h"

enum {
    REQUEST_TRIES = 5,                /* before it locks */
    REQUEST_REVEAL_S = 600,           /* an opened one waits for its nonce */
    REQUEST_AFTER_S = 3600,           /* least time from approval to release */
    REQUEST_UNFETCHED_S = 14 * 86400, /* from the last moment it could open */
    REQUEST_HIDDEN_S = 86400,         /* an unrevealed one is remembered */
    REQUEST_KEPT_S = 90 * 86400,      /* a final one is listed */
    REQUEST_UNREVEALED = 8,           /* opened ones of a ward */
    REQUEST_CONFIRMS = 4,             /* confirms of a ward, not final */
    REQUEST_DAILY = 16,               /* opened by one credential in a day */
    REQUEST_SPENT = 64,               /* of one credential that came to nothing, kept */
    REQUEST_SWEEP = 64,               /* changes of one tick */
    REQUEST_RESTARTS = 2,             /* by stops, in a request's life */
    REQUEST_STOPPED = 16              /* stops of one request that are recorded */
};

/* X(NAME, "what happens") */
#define REQUEST_EVENTS(X)                                                                \
    X(REVEAL, "the requester shows the nonce it was committed to")                       \
    X(APPROVE, "the guardian approves after right words")                                \
    X(APPROVE_LAST, "the words of the last try, judged after it counted, were right")    \
    X(APPROVE_DESPITE, "the guardian approves despite the stop")                         \
    X(REFUSE, "the guardian says no, or changes their mind")                             \
    X(STOP, "a device or the owner stops it")                                            \
    X(LOCK, "the last try is used up")                                                   \
    X(UNLOCK, "the guardian gives new tries")                                            \
    X(RELEASE, "it is due, and the requester fetches")                                   \
    X(CANCEL, "the requester takes it back")                                             \
    X(EXPIRE, "its time is over")

enum request_event {

#define REQUEST_EVENT_ENUM(name, what) EVENT_##name,
    REQUEST_EVENTS(REQUEST_EVENT_ENUM)
#undef REQUEST_EVENT_ENUM
        EVENT_COUNT
};

/* One row of the state table; what is no row cannot happen. */
struct request_move {
    uint8_t from; /* enum request_state */
    uint8_t event;
    uint8_t to;
};

extern const struct request_move request_moves[];
extern const size_t request_move_count;

/* "REVEAL", and what it means; static strings. */
const char *request_event_name(unsigned event);
const char *request_event_what(unsigned event);
/* The state after event; 0 if it cannot happen in this state. */
uint8_t request_next(unsigned state, unsigned event);
/* True for a state that no event leaves. */
bool request_is_final(unsigned state);
/* Appends the table as Markdown: "| state | event | becomes |" and a row a move. */
void request_print(struct buf *out);

/* Times noted while the clock was frozen, or in an earlier era: they count from when
 * it runs again. */
enum request_unsure { UNSURE_OPENED = 1, UNSURE_APPROVED = 2 };

/* A request as it is stored. Times are Unix seconds, 0: not yet. */
struct request {
    uint8_t id[ID_BYTES];
    uint8_t ward[ID_BYTES];
    uint8_t seat[ID_BYTES];
    uint8_t kind;
    uint8_t purpose;
    uint8_t subject[32];
    uint8_t state;
    uint8_t cred[ID_BYTES];        /* the credential that opened it */
    uint8_t introducer[PUB_BYTES]; /* approval key behind the introduction, or zero */
    uint8_t stat[PUB_BYTES];
    uint8_t seal[PUB_BYTES];
    uint8_t sign[PUB_BYTES];
    uint8_t commitment[HASH_BYTES];
    uint8_t nonce[32]; /* after REVEAL */
    struct bytes claimed;
    struct bytes introduction;
    struct bytes view; /* signed */
    uint32_t hold;     /* seconds; 0 for a confirm */
    uint32_t stop_hold;
    uint8_t roster_mode;
    uint64_t opened;
    uint64_t hold_from; /* where the hold begins to count */
    uint64_t live;      /* when the nonce was shown: listed since then */
    uint64_t approved;
    uint64_t due;
    uint64_t expires;         /* of a live one */
    uint64_t ended;           /* when it became final */
    uint8_t unsure;           /* enum request_unsure bits */
    uint8_t tries;            /* used since it was opened or unlocked */
    uint8_t try_op[ID_BYTES]; /* the newest try; zero: none since then */
    uint32_t stops;           /* all of them */
    uint8_t restarts;         /* REQUEST_RESTARTS: a further stop changes nothing */
    uint64_t stopped;         /* when it last started again by a stop */
    uint8_t flags;            /* of enum request_flag: DESPITE, NOTED, SHEET */
    uint32_t roster_epoch;    /* epoch whose roster key the approval brought; 0 none */
    uint64_t roster_gone;     /* when the roster was first let go */
    uint32_t era;             /* of the node's clock, when its times were noted */
    uint8_t went_back;        /* 1: the node was loaded from a backup meanwhile */
};

extern const struct wire_schema request_schema;

/* ---- time, pure ---- */

/* When an approval of r->approved lets it go. */
uint64_t request_due_at(const struct request *r);
/* When it opens; before approval the earliest possible moment; 0: never. */
uint64_t request_opens(const struct request *r, uint64_t now);
/* When it becomes final by itself, in the state it is in. */
uint64_t request_expires(const struct request *r);
/* True if it is approved and may be let go at now. Hold 0 does not need the clock. */
bool request_due(const struct request *r, uint64_t now, enum clock_state clock);
/*
 * Brings it up to now: times noted under a frozen clock start when it runs again, what
 * is over expires. A frozen clock changes nothing. Returns true if something changed.
 */
bool request_settle(struct request *r, uint64_t now, enum clock_state clock);
/*
 * A stop, of one that may be stopped. True: it voided the approval, and the hold starts
 * again at the stop hold; false: it is counted and changes nothing.
 */
bool request_stop_at(struct request *r, uint64_t now, enum clock_state clock);
/* Other stops of its ward count: it runs the stop hold, and one restart is used up. */
void request_under_stops(struct request *r);
/* Tries left before it locks; 0 when it is not to be approved any more. */
uint8_t request_tries_left(const struct request *r);

/* ---- in the store ---- */

/* ERR_UNKNOWN: none. Brought up to c->now in memory only. */
enum err request_get(struct call *c, const uint8_t id[ID_BYTES], struct request *out);
/* True if one of the ward, but for confirms, is approved or contested. */
enum err request_holding(struct call *c, const uint8_t ward[ID_BYTES], bool *out);
/* True if this node let a restore of the ward go to whoever has that signing key. */
enum err request_released_to(struct call *c, const uint8_t ward[ID_BYTES],
                             const uint8_t sign[PUB_BYTES], bool *out);
/*
 * That key is the ward's root now: what asked for it, whoever asked, ends as taken back.
 * A request for any other key stays as it is. Errors of the store.
 */
enum err request_end_moved(struct call *c, const uint8_t ward[ID_BYTES],
                           const uint8_t new_owner[PUB_BYTES]);
/* How many requests of a ward are listed and not final. */
enum err request_count(struct call *c, const uint8_t ward[ID_BYTES], uint32_t *out_n);
/*
 * Each minute, as a write: ends what is over, erases what nobody may see any more. At
 * most REQUEST_SWEEP changes a call; *out_more is true if there were more.
 */
enum err request_tick(struct call *c, bool *out_more);

/* ---- handlers ---- */

enum err request_list(struct call *c, const struct req_requests *req,
                      struct rep_requests *rep);
enum err request_show(struct call *c, const struct req_request *req,
                      struct rep_request *rep);
enum err request_try(struct call *c, const struct req_try *req, struct rep_try *rep);
enum err request_box_get(struct call *c, const struct req_box_get *req,
                         struct rep_box_get *rep);
enum err request_approve(struct call *c, const struct req_approve *req,
                         struct rep_approve *rep);
enum err request_refuse(struct call *c, const struct req_refuse *req,
                        struct rep_refuse *rep);
enum err request_unlock(struct call *c, const struct req_unlock *req,
                        struct rep_unlock *rep);
enum err request_open(struct call *c, const struct req_open *req, struct rep_open *rep);
enum err request_reveal(struct call *c, const struct req_reveal *req,
                        struct rep_reveal *rep);
enum err request_fetch(struct call *c, const struct req_fetch *req,
                       struct rep_fetch *rep);
/* Asked by the guardian: at once. */
enum err request_ward_end(struct call *c, const struct req_ward_end *req,
                          struct rep_ward_end *rep);
/*
 * The owner does not want the ward ended: takes back what is asked of its guardian about
 * that. *out_any: something was, or was said to it after since (Unix seconds).
 */
enum err request_take_back_end(struct call *c, const uint8_t ward[ID_BYTES],
                               uint64_t since, bool *out_any);
enum err request_stop(struct call *c, const struct req_stop *req, struct rep_stop *rep);
enum err request_cancel(struct call *c, const struct req_cancel *req,
                        struct rep_cancel *rep);

#endif
