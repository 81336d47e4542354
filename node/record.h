/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What handlers work with: who calls, the node, the memory of one call, and the
 * stored records with their schemas (a request's is in node/request). A handler decides
 * first, then writes, and sees neither socket nor database. What will hurt you: slices of
 * a record read here point into the call's scratch memory and die with the call; a
 * credential holds a psk and belongs into secret memory.
 */
#ifndef KITH_NODE_RECORD_H
#define KITH_NODE_RECORD_H

#include "node/limit.h"
#include "node/store.h"
#include "proto/drop.h"
#include "proto/ident.h"
#include "proto/msg.h"
#include "proto/piece.h"

/* ---- who calls, and whom ---- */

/* One conversation whose handshake is verified. */
struct session {
    enum role role;
    enum cred_type type;
    enum cred_type via;        /* the type; of a requester: by what it came */
    uint8_t cred[ID_BYTES];    /* credential: op ids and rates count under it */
    uint8_t seat[ID_BYTES];    /* zero for an operator or seat link */
    uint8_t ward[ID_BYTES];    /* zero where there is none (yet) */
    uint8_t request[ID_BYTES]; /* requester: the request it opened */
    uint8_t stat[PUB_BYTES];   /* Noise static key of the caller */
    uint8_t handshake[64];     /* handshake hash, by the caller of serve_credential */
    bool operator_;            /* a guardian who may host others */
    bool unbound;              /* serve_bound has something to write */
};

/* Frozen: whoever makes `now` lets it stand still, so that holds and expiries do. */
enum clock_state { CLOCK_RUNS, CLOCK_FROZEN };

enum { TOLD_MAX = 16 };

/* The loud events of one transaction, for those who tell people after its commit. */
struct told {
    size_t n;
    uint64_t lost; /* had no room */
    struct drop_event list[TOLD_MAX];
};

/* What one look at the machine's clocks gives, in milliseconds. */
struct clock_look {
    uint64_t wall_ms;       /* since 1970 */
    uint64_t boot_ms;       /* since boot, suspended time included */
    uint8_t boot[ID_BYTES]; /* which boot of the machine; zero: the kernel cannot say */
};

/* The node, as long as it runs. */
struct node_env {
    const struct store_identity *id; /* keys, incarnation */
    const struct limits *limits;
    const struct rng *rng;
    enum clock_state clock;
    enum clock_why why;     /* it is frozen */
    struct clock_look look; /* what `now` was made from */
    uint32_t era;           /* grows whenever open holds start again */
    uint32_t loaded;        /* the newest era that came by a backup; 0 none */
    uint32_t n_addresses;
    struct address addresses[ADDRESSES_MAX]; /* what SEAT_INFO advertises */
    struct told *told; /* where record_log notes loud events; NULL: nowhere */
    uint64_t settled;  /* writes in hand may still say this time; 0: there are none */
};

/* ---- one call ---- */

enum { SCRATCH_BYTES = 192 * 1024, RECORD_BLOB_MAX = 16384 };

/* Memory of one call, handed out from the front; wiped at its end. */
struct scratch {
    uint8_t *p;
    size_t cap;
    size_t n;    /* in use; set back to an earlier value to give memory back */
    size_t high; /* most ever in use */
};

struct call {
    struct txn *txn;
    const struct session *who;
    const struct node_env *env;
    uint64_t now; /* Unix seconds */
    struct scratch mem;
    uint8_t source[ID_BYTES]; /* who is behind the request being told of; or zero */
};

/* n zeroed bytes, aligned for any struct, until the call ends. ERR_NOMEM. */
enum err scratch_take(struct call *c, size_t n, struct span *out);
/* A copy of in, until the call ends. ERR_NOMEM. */
enum err scratch_copy(struct call *c, struct bytes in, struct bytes *out);
/* The free rest as a buffer; what is appended is not yet kept. */
struct buf scratch_buf(struct call *c);
/* Keeps what was appended to a scratch_buf. ERR_TOO_BIG if it is over. */
enum err scratch_keep(struct call *c, const struct buf *b, struct bytes *out);

/* True if all 16 bytes are zero: "none". */
bool id_none(const uint8_t id[ID_BYTES]);
bool id_equal(const uint8_t a[ID_BYTES], const uint8_t b[ID_BYTES]);

/* ---- records ---- */

/* What a record owns: how many, and the exclusive or of their ids (against rot). */
struct owned {
    uint32_t count;
    uint8_t sum[ID_BYTES];
};

void owned_add(struct owned *o, const uint8_t id[ID_BYTES]);
void owned_drop(struct owned *o, const uint8_t id[ID_BYTES]);

/* What wards hear of their guardian: of each kind what was said last, of none instead of
 * another. */
enum seat_news { NEWS_RESET, NEWS_AWAY, NEWS_KEYS, SEAT_NEWS };

struct seat_tell {
    uint8_t event;          /* wards still have to hear of it; 0 none */
    uint8_t ward[ID_BYTES]; /* the last one that heard */
};

/* TAB_SEAT: seat id. */
struct record_seat {
    uint8_t seat[ID_BYTES];
    uint8_t sign_pub[PUB_BYTES];
    uint8_t seal_pub[PUB_BYTES];
    uint8_t keys_sig[SIG_BYTES];
    uint8_t cred[ID_BYTES]; /* the guardian's credential */
    uint8_t link[ID_BYTES]; /* the link it came by, until its key has worked */
    uint8_t operator_;      /* 1: came by an operator link once */
    uint64_t enrolled;
    uint64_t paused; /* the guardian is away until then; 0 not */
    uint64_t reset;  /* when the guardian got new keys at another seat; 0 not */
    struct seat_tell tell[SEAT_NEWS];
    struct owned wards;
    struct owned creds;      /* made by the guardian, but for restore links */
    struct owned drops;      /* made by DROP_CREATE */
    uint8_t inbox[ID_BYTES]; /* its drop: the alerts of all its wards */
    uint8_t unlocked;        /* 1: no passphrase locks its guardian's keys */
};

/* TAB_CRED: credential id. Only in secret memory (AUTO_SECRET). */
struct record_cred {
    uint8_t cred[ID_BYTES];
    uint8_t type;              /* enum cred_type */
    uint8_t seat[ID_BYTES];    /* zero: operator link */
    uint8_t ward[ID_BYTES];    /* whose; INVITE: set by WARD_ENROL */
    uint8_t request[ID_BYTES]; /* REQUESTER */
    struct psk psk;
    uint8_t stat[PUB_BYTES]; /* enrolled: found by it; one-time: bound to it, or zero */
    uint8_t sign[PUB_BYTES]; /* DEVICE */
    uint8_t approval[PUB_BYTES];     /* INVITE */
    uint8_t approval_sig[SIG_BYTES]; /* INVITE */
    uint64_t made;
    uint64_t expires; /* 0: never */
    uint8_t via;      /* REQUESTER: enum cred_type of what opened its request */
    uint64_t used;    /* ROSTER, SHEET: when it first opened a request; 0 never */
    uint64_t nth;     /* RESTORE: more than any of its ward's had that was there then */
    uint8_t waits;    /* 1: OWNER of a root that has not taken over: lets nobody in */
    /* RESTORE with a spoken form, until it is bound; else zero */
    uint8_t spoken_id[ID_BYTES];
    uint8_t spoken_gate[KEY_BYTES];
    uint8_t spoken_answer[SPOKEN_ANSWER];
};

/* TAB_WARD: ward id. */
struct record_ward {
    uint8_t ward[ID_BYTES];
    uint8_t seat[ID_BYTES];
    uint8_t invite[ID_BYTES];        /* the invite it came by; names the approval key */
    uint8_t approval[PUB_BYTES];     /* the guardian's key for this ward */
    uint8_t approval_sig[SIG_BYTES]; /* approval_sign */
    uint8_t account_sign[PUB_BYTES]; /* signs descriptors */
    uint8_t alert[ID_BYTES];         /* its alert drop */
    struct bytes note;               /* sealed to the guardian */
    uint64_t enrolled;
    uint64_t confirmed;    /* when its guardian confirmed it; 0 never */
    uint32_t active;       /* epoch; 0 none */
    uint64_t bytes;        /* stored for it */
    uint32_t epochs;       /* kept, also those with only a key */
    struct owned creds;    /* made by the owner */
    struct owned drops;    /* made by DROP_CREATE */
    uint8_t log[ID_BYTES]; /* its log drop: all that happens to it */
    uint32_t stops;        /* since none counted */
    uint64_t stops_end;    /* they count until then */
    uint64_t frozen;       /* by the guardian, until then; 0 never */
    uint64_t thawed;       /* when the end of it was told; 0 not yet */
    uint64_t left;         /* when the guardian gave it up; 0 not */
    uint8_t vault;         /* 1: it has a vault (node/vault) */
    uint32_t retire_to;    /* epochs before this one go, */
    uint64_t retire_due;   /* then; 0 nothing planned */
    uint8_t retire_own;    /* 1: by this seat's own guardian and one more */
    uint8_t retire_told;   /* how often that was alerted */
    uint32_t retired;      /* newest epoch erased by RETIRE; 0 none */
    uint32_t cert_epoch;   /* newest one that a certificate of people was shown for, */
    uint8_t cert_hash[HASH_BYTES]; /* and its manifest hash */
    uint64_t cert_time;            /* when it was */
    uint64_t end_due;              /* its owner ends it here then; 0 not planned */
    uint64_t end_cancelled;        /* words from before that plan no end; 0 never */
    uint8_t unsure; /* 1: planned under a frozen clock: it counts when that runs */
    uint8_t left_hash[HASH_BYTES]; /* manifest hash of what was active when it ended */
    uint8_t move[ID_BYTES];        /* the new root that waits; zero: none (node/move) */
    uint64_t move_due;             /* it takes over then */
    uint8_t moved_by[ID_BYTES];    /* the one that did last, */
    uint64_t moved;                /* and when; 0 never */
    uint8_t root_new;              /* 1: no epoch of that root was active so far */
};

/* True while its guardian keeps the owner's keys from changing anything. */
bool record_frozen(const struct record_ward *ward, uint64_t now);
/* OK if the owner may change it: ERR_LEFT, ERR_FROZEN; ERR_MOVED: a new root is on its
 * way. */
enum err record_changeable(const struct record_ward *ward, uint64_t now);

/* TAB_EPOCH: ward id, epoch as u32. The ack seed is no part of it. */
struct record_epoch {
    uint8_t ward[ID_BYTES];
    uint32_t epoch;
    uint8_t state; /* enum epoch_state */
    uint8_t ack[PUB_BYTES];
    uint8_t ack_sig[SIG_BYTES];
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t group;
    uint8_t index;
    uint32_t hold;       /* seconds */
    uint32_t stop_hold;  /* seconds */
    uint8_t roster_mode; /* enum roster_mode */
    uint64_t prepared;
    uint64_t committed;
    uint64_t confirmed; /* by the rule of confirmed epochs; 0 not */
    uint32_t size;      /* bytes of its objects */
    uint8_t perhaps;    /* 1: it came by a backup, and may have been retired since */
    uint8_t account_sign[PUB_BYTES]; /* signed its descriptor */
    uint64_t roster_put; /* when the newest list of guardians came; 0: none since */
};

/* TAB_OBJECT: ward id, epoch as u32, which as u8; under the data key of (ward, epoch). */
enum object {
    OBJECT_BOX_PIECE = 1,
    OBJECT_BOX_ROSTER = 2,
    OBJECT_MANIFEST = 3,
    OBJECT_ROSTER = 4,
    OBJECT_DESCRIPTOR = 5,
    OBJECT_ACK_SEED = 6, /* not under the data key: acknowledges before PREPARE */
    OBJECT_CERT = 7,     /* of epoch 0, not under a data key: the newest certificate */
    OBJECT_ROSTER_LATER = 8,  /* put since (ROSTER_PUT); the sealed one stays */
    OBJECT_ROSTER_FORMER = 9, /* the one before that */
    OBJECTS_END
};

/* TAB_RETIRED: ward id, epoch as u32. What stands here is never taken again. */
struct record_retired {
    uint8_t manifest_hash[HASH_BYTES];
    uint64_t time; /* Unix seconds */
};

/* TAB_CLOCK: "time". */
struct record_clock {
    uint64_t now_ms; /* how far the node's time had come at the look beside it */
    uint64_t wall_ms;
    uint64_t boot_ms;
    uint8_t boot[ID_BYTES]; /* which boot of the machine */
    uint8_t why;            /* enum clock_why */
    uint8_t told;           /* 1: people were told that it is frozen */
    uint32_t turn;          /* grows with each time a person confirmed */
    uint32_t era;
    uint32_t loaded;
    uint64_t owed_ms;
};

/* TAB_CLOCK: "tell", event as u8. All wards hear of it, some at a time. */
struct record_tell {
    uint64_t time;
    uint8_t after[ID_BYTES]; /* the last ward that was told */
};

extern const struct wire_schema record_clock_schema, record_tell_schema;
extern const struct wire_schema record_seat_schema, record_cred_schema,
    record_ward_schema, record_epoch_schema, record_retired_schema;

/* Keys of records, in place: struct txn_key k = key_id(ward->ward); */
struct txn_key key_id(const uint8_t id[ID_BYTES]);
struct txn_key key_ids(const uint8_t a[ID_BYTES], const uint8_t b[ID_BYTES]);
struct txn_key key_epoch(const uint8_t ward[ID_BYTES], uint32_t epoch);
struct txn_key key_object(const uint8_t ward[ID_BYTES], uint32_t epoch,
                          enum object which);
struct txn_key key_blob(const uint8_t drop[ID_BYTES], uint64_t seq);
struct bytes key_bytes(const struct txn_key *key);

/* The record into the zeroed struct at out. ERR_UNKNOWN, ERR_CORRUPT, ERR_NOMEM. */
enum err record_get(struct call *c, enum store_table tab, const struct wire_schema *s,
                    const struct txn_key *key, void *out);
/* Writes the struct at value as a record. */
enum err record_put(struct call *c, enum store_table tab, const struct wire_schema *s,
                    const struct txn_key *key, const void *value);
/*
 * The next record after *io_key with that prefix, as txn_next. Each takes scratch
 * memory: long loops set c->mem.n back.
 */
enum err record_next(struct call *c, enum store_table tab, const struct wire_schema *s,
                     struct bytes prefix, struct txn_key *io_key, void *out);
/* A record that is bytes, not a struct; under the data key unless id is NULL. */
enum err record_bytes(struct call *c, const struct data_id *id, enum store_table tab,
                      const struct txn_key *key, struct bytes *out);

/* Appends to the node log: event and up to two ids (NULL: none). A loud one is noted. */
enum err record_log(struct call *c, enum record_event event, const uint8_t *ward_or_seat,
                    const uint8_t *request);

#endif
