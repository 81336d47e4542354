/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a drop's node and its readers agree on: the table of events, the chain of
 * heads h = BLAKE2b-256(h before, sequence, received, hash of the blob), the node's
 * signed receipt, a reader's signed mark. A drop that hides, rewinds or forks its
 * entries contradicts something it, or another reader, has signed.
 */
#ifndef KITH_PROTO_DROP_H
#define KITH_PROTO_DROP_H

#include "proto/piece.h"

/*
 * X(NAME, number, loud, "what happened"). Numbers are frozen. A loud event is an alert:
 * it stands in the ward's alert drop and the seat's inbox; every event of a ward stands
 * in its log drop.
 */
#define DROP_EVENTS(X)                                                                   \
    X(SEAT_ENROLLED, 1, 0, "a guardian took a seat")                                     \
    X(CRED_MADE, 2, 0, "a credential was deposited")                                     \
    X(CRED_DROPPED, 3, 0, "a credential was revoked")                                    \
    X(WARD_ENROLLED, 4, 1, "a ward was enrolled")                                        \
    X(EPOCH_PREPARED, 5, 1, "a change of the circle was stored")                         \
    X(EPOCH_COMMITTED, 6, 1, "a change of the circle became active")                     \
    X(WARD_CONFIRMED, 7, 1, "the guardian confirmed the ward")                           \
    X(CRED_ENDING, 8, 1, "a credential was revoked and ends after the dual time")        \
    X(EPOCH_CONFIRMED, 9, 1, "the guardians confirmed a change of the circle")           \
    X(RETIRE_PLANNED, 10, 1, "an old epoch will be erased after the dual time")          \
    X(EPOCH_RETIRED, 11, 1, "an old epoch was erased")                                   \
    X(EPOCH_ABORTED, 12, 1, "a prepared change of the circle was taken back")            \
    X(END_PLANNED, 13, 1, "all that is kept for this ward will be erased")               \
    X(WARD_ENDED, 14, 1, "all that was kept for this ward was erased")                   \
    X(DEVICE_MADE, 15, 1, "a device of the owner was let in")                            \
    X(REQUEST_LIVE, 16, 1, "someone asks for the piece")                                 \
    X(REQUEST_TRIED, 17, 0, "the guardian typed words")                                  \
    X(REQUEST_LOCKED, 18, 1, "a request was locked by wrong words")                      \
    X(REQUEST_UNLOCKED, 19, 1, "the guardian unlocked a request")                        \
    X(REQUEST_APPROVED, 20, 1, "the guardian approved a request")                        \
    X(REQUEST_REFUSED, 21, 1, "the guardian refused a request")                          \
    X(REQUEST_RELEASED, 22, 1, "what was asked for was let go")                          \
    X(REQUEST_CANCELLED, 23, 1, "a request was taken back")                              \
    X(ROSTER_RELEASED, 24, 1, "the list of guardians was let go")                        \
    X(REQUEST_STOPPED, 25, 1, "a request was stopped and starts again")                  \
    X(STOP_NOTED, 26, 1, "a further stop was recorded and changes nothing")              \
    X(REQUEST_EXPIRED, 27, 1, "a request ended because its time was over")               \
    X(WARD_FROZEN, 32, 1, "the guardian froze changes by the owner's keys")              \
    X(WARD_THAWED, 33, 1, "the freeze ended")                                            \
    X(SEAT_PAUSED, 34, 1, "the guardian is away for a while")                            \
    X(SEAT_RESUMED, 35, 1, "the guardian is back")                                       \
    X(SEAT_RESET, 36, 1, "the guardian has new keys: at this seat the old ones count")   \
    X(WARD_LEFT, 37, 1, "the guardian gave up this ward and erased its piece")           \
    X(VAULT_SHRUNK, 38, 1, "more than a third was removed from the vault")               \
    X(CLOCK_FROZEN, 40, 1, "the node's clock waits for a person")                        \
    X(CLOCK_CONFIRMED, 41, 1, "a person confirmed the node's clock")                     \
    X(NODE_LOADED, 42, 1, "the node was loaded from a backup")                           \
    X(MOVE_PLANNED, 44, 1, "the guardians gave the circle a new root")                   \
    X(MOVE_DONE, 45, 1, "the new root took over here")                                   \
    X(MOVE_REFUSED, 46, 1, "the guardian refused the new root here")                     \
    X(ROSTER_PUT, 47, 1, "a newer list of guardians lies beside the sealed one")         \
    X(ALERT_TEST, 48, 1, "a test: does this reach you?")                                 \
    X(DRILL_ASKED, 49, 1, "the owner asks the guardian to open the piece once")          \
    X(DRILL_ANSWERED, 50, 0, "the guardian opened the piece")                            \
    X(END_CANCELLED, 51, 1, "the owner took the planned end back")                       \
    X(KEYS_UNLOCKED, 52, 1, "no passphrase locks the guardian's keys")                   \
    X(KEYS_LOCKED, 53, 1, "a passphrase locks the guardian's keys")

enum record_event {

#define DROP_EVENT_ENUM(name, number, loud, what) REC_##name = (number),
    DROP_EVENTS(DROP_EVENT_ENUM)
#undef DROP_EVENT_ENUM
};

/* "REQUEST_LIVE"; "what happened"; static strings, "unknown" for another number. */
const char *drop_event_name(unsigned event);
const char *drop_event_what(unsigned event);
/* True for an event that is an alert; an unknown one is. */
bool drop_event_loud(unsigned event);

enum {
    DROP_LINES = 64,       /* of one DROP_LIST */
    DROP_INLINE = 160,     /* a blob up to this size stands in its line */
    DROP_BLOB_MAX = 16384, /* bytes of one blob */
    DROP_RECEIPT_MAX = 256
};

/* Which drop a message means. */
enum drop_which {
    DROP_BY_ID = 0,  /* the id beside it */
    DROP_ALERTS = 1, /* owner, device: the ward's alerts; guardian: the seat's inbox */
    DROP_LOG = 2,    /* owner, device: all about the ward */
    DROP_OF_REQUEST = 3, /* requester: what happens to its request */
    DROP_WHICH_MAX = DROP_OF_REQUEST
};

/* Who may put into a drop that somebody made. */
enum drop_rule { DROP_RULE_HOLDER = 1, DROP_RULE_TOKEN = 2, DROP_RULE_KEYS = 3 };

/* The blob of an event a node writes: ids only, never a name or a requester's text. */
struct drop_event {
    uint8_t event; /* enum record_event */
    uint64_t time; /* Unix seconds */
    uint8_t ward[ID_BYTES];
    uint8_t request[ID_BYTES]; /* or zero */
    uint32_t epoch;            /* or 0 */
};

extern const struct wire_schema drop_event_schema;

/* Hash of a blob, as the chain and DROP_LIST carry it. */
void drop_blob_hash(struct bytes blob, uint8_t out[HASH_BYTES]);
/* The head after entry seq. before is zero for the first. */
void drop_chain(const uint8_t before[HASH_BYTES], uint64_t seq, uint64_t received,
                const uint8_t blob_hash[HASH_BYTES], uint8_t out[HASH_BYTES]);

/* What a node says of a drop at one moment, under its signing key. */
struct drop_receipt {
    uint8_t drop[ID_BYTES];
    uint64_t seq; /* of the newest entry; 0 none */
    uint8_t head[HASH_BYTES];
    uint8_t incarnation[ID_BYTES];
    uint64_t time; /* the node's, Unix seconds: nothing older than this comes later */
};

extern const struct wire_schema drop_receipt_schema;

void drop_receipt_make(const struct drop_receipt *r, const struct sign_seed *node,
                       struct buf *out);
/* ERR_SIGNATURE unless node_sign signed it; ERR_FORMAT. */
enum err drop_receipt_open(struct bytes raw, const uint8_t node_sign[PUB_BYTES],
                           struct drop_receipt *out);

/* A reader's mark: "I have seen the drop up to seq, with this head". By its Ed25519 key.
 */
void drop_mark_sign(const struct sign_seed *reader, const uint8_t drop[ID_BYTES],
                    uint64_t seq, const uint8_t head[HASH_BYTES],
                    uint8_t out_sig[SIG_BYTES]);
enum err drop_mark_verify(const uint8_t reader[PUB_BYTES], const uint8_t drop[ID_BYTES],
                          uint64_t seq, const uint8_t head[HASH_BYTES],
                          const uint8_t sig[SIG_BYTES]);
/* A depositor's signature over a blob for one drop (DROP_RULE_KEYS). */
void drop_blob_sign(const struct sign_seed *by, const uint8_t drop[ID_BYTES],
                    struct bytes blob, uint8_t out_sig[SIG_BYTES]);
enum err drop_blob_verify(const uint8_t by[PUB_BYTES], const uint8_t drop[ID_BYTES],
                          struct bytes blob, const uint8_t sig[SIG_BYTES]);

#endif
