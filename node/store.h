/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a node must not lose: sealed records in LMDB, the identity file, the
 * anchor, data keys. One store thread writes; what was told done is on the disk.
 * What will hurt you: a job runs once, on the store thread, and must only touch its
 * arg; a read transaction ends with the callback it was given to; secrets read from
 * here belong into secret memory. No type of LMDB leaves this module.
 */
#ifndef KITH_NODE_STORE_H
#define KITH_NODE_STORE_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/secret.h"

struct store; /* opaque */
struct txn;   /* opaque: a view of the records, and a job's pending writes */

enum {
    STORE_KEY = 64,                              /* longest key, without the table */
    STORE_VALUE = 64 * 1024 - 2 * SEAL_OVERHEAD, /* longest value of a record */
    STORE_OP_REPLY = 2048,                       /* longest reply kept under an op id */
    STORE_LOG_WHAT = 256                         /* longest content of a log entry */
};

/* X(NAME, number on disk (frozen), "what a record is: key -> value") */
#define STORE_TABLES(X)                                                                  \
    X(META, 1, "the store's own: schema, head of the log")                               \
    X(LOG, 2, "node log: sequence -> entry and its head")                                \
    X(OP, 3, "op ids: credential, op id -> hash and reply")                              \
    X(DATA, 4, "data keys: ward, epoch -> name of the key file")                         \
    X(TOMB, 5, "dropped data keys: name of the key file -> nothing")                     \
    X(SEAT, 16, "seats: seat id -> seat")                                                \
    X(CRED, 17, "credentials: id -> credential")                                         \
    X(CRED_FIND, 18, "credentials: role, static key -> id")                              \
    X(WARD, 19, "wards: ward id -> ward")                                                \
    X(WARD_SEAT, 20, "wards of a seat: seat id, ward id -> nothing")                     \
    X(EPOCH, 21, "epochs: ward id, epoch -> state, descriptor")                          \
    X(OBJECT, 22, "boxes, manifest, roster: ward id, epoch, which -> bytes")             \
    X(REQUEST, 23, "requests: request id -> request")                                    \
    X(REQUEST_FIND, 24, "requests of a ward or credential: id, request id -> nothing")   \
    X(RELEASE, 25, "re-sealed boxes and statements: request id, which -> bytes")         \
    X(DROP, 26, "drops: drop id -> rule, quota, head")                                   \
    X(BLOB, 27, "blobs of a drop: drop id, sequence -> blob")                            \
    X(INTRO, 28, "introductions: ward, introducer, hash -> state")                       \
    X(CLOCK, 29, "clock marks: name -> times")                                           \
    X(OPEN_KEY, 30, "what a requester used before: key -> what for")                     \
    X(VAULT, 31, "vaults: ward id -> what it holds")                                     \
    X(VAULT_FIND, 32, "objects of a vault: ward id, object id -> where and since when")  \
    X(VAULT_BULK, 33, "their bytes: ward id, sequence -> bytes")                         \
    X(VAULT_STAGED, 34, "put, no head yet: ward id, when, object id -> nothing")         \
    X(VAULT_GONE, 35, "dropped by a head: ward id, version, object id -> nothing")       \
    X(VAULT_HEAD, 36, "heads of a vault: ward id, version -> head and witness")          \
    X(VAULT_MARK, 37, "when heads came: ward id, version -> time and size")              \
    X(RETIRED, 38, "erased epochs: ward id, epoch -> manifest hash, when")               \
    X(MOVE, 44, "new roots: ward id, move, which -> state, proof, credential")           \
    X(DRILL, 45, "drills: ward id -> what was asked and answered")

enum store_table {

#define STORE_ENUM(name, number, what) TAB_##name = (number),
    STORE_TABLES(STORE_ENUM)
#undef STORE_ENUM
};

/* A record's key, without its table; { 0 } before the first. */
struct txn_key {
    uint8_t b[STORE_KEY];
    size_t n;
};

/* Who this node is; lives in secret memory as long as the store is open. */
struct store_identity {
    struct dh_key node;    /* Noise static key */
    struct sign_seed sign; /* node signing key */
    struct seal_key store; /* seals records and files */
    uint8_t node_pub[PUB_BYTES];
    uint8_t sign_pub[PUB_BYTES];
    uint8_t incarnation[ID_BYTES]; /* new at every restore from a backup */
};

/* Why the store does not open: a sentence with the reason, and one with what to do. */
struct store_refusal {
    char text[300];
};

/*
 * Opens dir (made 0700 if absent; its parent must exist), alone. Neither identity nor
 * store there: first start. rng makes keys and nonces, also on the store thread, and
 * must outlive the store. On failure out_why says why; ERR_BUSY: another process has
 * it; ERR_CORRUPT, ERR_ROLLBACK, ERR_IO, ERR_DISK_FULL, ERR_NOMEM.
 */
enum err store_open(const char *dir, const struct rng *rng, struct store **out_store,
                    struct store_refusal *out_why);
/*
 * Opens the store of a stopped node to read it; nothing is made or changed, nor may be
 * written. ERR_UNKNOWN: there is no node in dir; others as store_open.
 */
enum err store_look(const char *dir, const struct rng *rng, struct store **out_store,
                    struct store_refusal *out_why);

/* What a backup holds. */
struct store_copied {
    uint64_t records;
    uint64_t keys;
    uint64_t left_out; /* records and data keys that do not open */
    bool running;      /* by a node that served meanwhile */
};

/*
 * Writes all of dir's store into one file, 0600, in one step; a node may serve from it
 * meanwhile. The file is as secret as dir. ERR_CORRUPT, ERR_IO, ERR_DISK_FULL.
 */
enum err store_backup(const char *dir, const char *path, const struct rng *rng,
                      struct store_copied *out, struct store_refusal *out_why);
/*
 * Makes a store in dir, which must be empty, of such a file, with a new incarnation. It
 * is no node's before store_loaded; cut short, it begins again. ERR_FORMAT, ERR_VERSION,
 * ERR_CORRUPT, ERR_AUTH: the file, and nothing was written; ERR_EXISTS: dir is not empty.
 */
enum err store_load(const char *dir, const char *path, const struct rng *rng,
                    struct store **out_store, struct store_refusal *out_why);
/* The last step of a load, after what must be written into it; synced. */
enum err store_loaded(struct store *s);
/* Writes the anchor, closes. The thread must have been stopped. NULL is fine. */
void store_close(struct store *s);
/* The node's keys and incarnation; valid until store_close. */
const struct store_identity *store_identity(const struct store *s);
/* True on the open that made the identity. */
bool store_is_first_start(const struct store *s);

/* What became of a job's writes. UNKNOWN: it may be on the disk or not; op ids tell. */
enum store_outcome { STORE_DONE, STORE_NOT_DONE, STORE_UNKNOWN };

/*
 * Essential jobs (release, retire, delete) may use the reserve when the disk is full;
 * bulk ones leave room for the ordinary.
 */
enum store_need { STORE_ORDINARY, STORE_ESSENTIAL, STORE_BULK };

/*
 * One write. fn decides, reading and putting through t; unless it returns OK, nothing
 * of it is written. done is told once, after the commit: fn's result (or why the
 * commit failed) and the outcome. The memory of the job and of arg is the caller's,
 * and must stay until done.
 */
struct store_job {
    enum err (*fn)(struct txn *t, void *arg);
    void (*done)(void *arg, enum err result, enum store_outcome outcome); /* or NULL */
    void *arg;
    enum store_need need;
    /* The store's own: */
    struct store_job *next;
    enum err result;
};

/* Starts the store thread. ERR_NOMEM. */
enum err store_start(struct store *s);
/* Hands a job to the store thread; done runs there. Never blocks on the disk. */
void store_submit(struct store *s, struct store_job *job);
/* Lets all submitted jobs finish, ends the thread. Fine without a thread. */
void store_stop(struct store *s);
/* Without a thread only: runs n jobs in one transaction here, then their dones. */
void store_run(struct store *s, struct store_job *jobs, size_t n);
/* The same for one function; returns what its done would be told. */
enum err store_write(struct store *s, enum err (*fn)(struct txn *t, void *arg),
                     void *arg);
/* Runs fn with a read transaction here and now; returns fn's result. ERR_IO. */
enum err store_read(struct store *s, enum err (*fn)(struct txn *t, void *arg), void *arg);
/* Each minute: rewrites the anchor, checks readers, refills the reserve. Any thread. */
void store_tick(struct store *s);

/* What opening every record and data key showed. */
struct store_verdict {
    uint64_t records;
    uint64_t damaged;   /* records that do not open */
    uint64_t keys_lost; /* data keys of which neither copy opens */
};

/* Opens all of it. OK also when something is damaged: the verdict says so. ERR_IO. */
enum err store_verify(struct store *s, struct store_verdict *out);
/* Longest commit so far in milliseconds, for the operator. */
uint64_t store_slowest_ms(const struct store *s);
/* OK, or why the store cannot write any more (it could not be reopened). */
enum err store_health(const struct store *s);

/*
 * Records. key is at most STORE_KEY bytes, value at most STORE_VALUE (ERR_TOO_BIG).
 * Reads see the job's own pending writes. ERR_CORRUPT: a record does not open.
 */

/* Copies the value to out. ERR_UNKNOWN: none; ERR_TOO_BIG: out is too small. */
enum err txn_get(struct txn *t, enum store_table tab, struct bytes key, struct span out,
                 size_t *out_n);
/* OK if there is such a record, else ERR_UNKNOWN; opens nothing. */
enum err txn_has(struct txn *t, enum store_table tab, struct bytes key);
/* Writes or replaces. ERR_TOO_BIG also when one job writes more than 1 MiB. */
enum err txn_put(struct txn *t, enum store_table tab, struct bytes key,
                 struct bytes value);
/* Deletes; OK also when there is none. */
enum err txn_del(struct txn *t, enum store_table tab, struct bytes key);
/*
 * The first record after *io_key (n = 0: the first at all) whose key begins with prefix.
 * ERR_UNKNOWN: no more. out = { 0 } and out_n = NULL: key only. On any failure *io_key
 * is untouched, but for ERR_CORRUPT and ERR_TOO_BIG, where it has moved on.
 */
enum err txn_next(struct txn *t, enum store_table tab, struct bytes prefix,
                  struct txn_key *io_key, struct span out, size_t *out_n);

/* Data keys: what is to be erased lies under one, and is gone when it is dropped. */

/* Epoch number of a ward's vault objects. */
#define DATA_VAULT UINT32_MAX

struct data_id {
    uint8_t ward[ID_BYTES];
    uint32_t epoch; /* or DATA_VAULT */
};

/* Draws a key, on the disk before the commit. ERR_EXISTS: it has one. */
enum err data_key_new(struct txn *t, const struct data_id *id);
/* OK if there is a key; ERR_UNKNOWN. */
enum err data_key_has(struct txn *t, const struct data_id *id);
/* After the commit the key goes, and all under it with it. OK when there is none. */
enum err data_key_drop(struct txn *t, const struct data_id *id);
/*
 * txn_put and txn_get of a record that is sealed under the data key too; txn_del deletes
 * it. ERR_UNKNOWN: no such key or record; ERR_CORRUPT: neither copy of the key opens.
 */
enum err data_put(struct txn *t, const struct data_id *id, enum store_table tab,
                  struct bytes key, struct bytes value);
enum err data_get(struct txn *t, const struct data_id *id, enum store_table tab,
                  struct bytes key, struct span out, size_t *out_n);

/* Op ids: an answer is kept under (credential, op id) and the hash of kind and body. */

/* OK: seen, its reply is in out. ERR_UNKNOWN: new. ERR_CONFLICT: other hash. */
enum err txn_op_seen(struct txn *t, const uint8_t cred[ID_BYTES],
                     const uint8_t op[ID_BYTES], const uint8_t hash[HASH_BYTES],
                     struct span out, size_t *out_n);
/* Keeps a reply (at most STORE_OP_REPLY): the last 64 a credential, for 30 days. now in
 * s. */
enum err txn_op_keep(struct txn *t, const uint8_t cred[ID_BYTES],
                     const uint8_t op[ID_BYTES], const uint8_t hash[HASH_BYTES],
                     uint64_t now, struct bytes reply);
/* Forgets all op ids of a credential that is dropped. */
enum err txn_op_forget(struct txn *t, const uint8_t cred[ID_BYTES]);

/* The node log: a hash chain inside the store; the last 65,536 entries are kept. */

struct log_head {
    uint64_t seq; /* of the last entry; 0: none */
    uint8_t hash[HASH_BYTES];
};

struct log_entry {
    uint64_t seq;
    uint64_t time; /* seconds */
    uint16_t code; /* the handlers' table */
    uint8_t what[STORE_LOG_WHAT];
    size_t n;
    uint8_t hash[HASH_BYTES]; /* head after this entry */
};

/* Appends {code, now in s, what} and tells the new head (out_head may be NULL). */
enum err txn_log(struct txn *t, uint16_t code, uint64_t now, struct bytes what,
                 struct log_head *out_head);
/* The head as this transaction sees it. */
enum err txn_log_head(struct txn *t, struct log_head *out_head);
/* The entry with this sequence. ERR_UNKNOWN. */
enum err txn_log_get(struct txn *t, uint64_t seq, struct log_entry *out_entry);

#endif
