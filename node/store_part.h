/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the store share and nobody else sees: a transaction, with the
 * pending writes of the job that runs in it. Pending values are sealed already, so no
 * plaintext waits here.
 */
#ifndef KITH_NODE_STORE_PART_H
#define KITH_NODE_STORE_PART_H

#include <pthread.h>
#include <stdatomic.h>

#include "node/store.h"
#include "node/store_db.h"
#include "node/store_file.h"

enum {
    FULL_KEY = 1 + STORE_KEY,
    RECORD = STORE_VALUE + 2 * SEAL_OVERHEAD, /* longest sealed value */
    PENDING_OPS = 4096,
    PENDING_BYTES = 1024 * 1024,
    NAMES = 128,                    /* data keys made or dropped in one transaction */
    RESERVE_BYTES = 4 * 1024 * 1024 /* kept on the disk for releases and deletions */
};

/* The table's number and the key. */
struct full_key {
    uint8_t b[FULL_KEY];
    size_t n;
};

struct pending_op {
    struct full_key key;
    bool del;
    size_t off; /* of the sealed value */
    size_t n;
};

struct pending {
    struct pending_op ops[PENDING_OPS];
    uint32_t sums[PENDING_OPS]; /* of their keys, so that one is found at a glance */
    size_t n;
    uint8_t bytes[PENDING_BYTES];
    size_t used;
};

/* Names of key files. */
struct names {
    uint8_t name[NAMES][ID_BYTES];
    size_t n;
};

/* What a store is opened for. */
enum store_mode {
    STORE_SERVE,  /* by a node; makes what is not there yet */
    STORE_LOOK,   /* nothing is changed */
    STORE_LOADING /* before store_loaded */
};

struct store {
    enum store_mode mode;
    int dir;
    int keys; /* directory of data keys */
    int lock;
    char *path;
    const struct rng *rng;
    struct store_identity *id; /* secret memory */
    bool first_start;

    struct db *db;               /* NULL after a reopening that failed */
    pthread_rwlock_t db_lock;    /* readers against reopening */
    struct pending *pending;     /* of the job that runs */
    struct names made, dropped;  /* of the batch that runs */
    _Atomic int health;          /* enum err */
    _Atomic uint64_t slowest_ms; /* commit */

    pthread_t thread;
    bool threaded;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    struct store_job *head, *tail;
    bool stopping, tick;
};

/* What the parts do for each other. */

/* ERR_DISK_FULL for an ERR_IO on a full disk. */
enum err store_disk_error(struct store *s, enum err e);
enum err store_write_anchor(struct store *s);
void store_refill(struct store *s);
/* Erases the key files of dropped data keys; arg is unused. */
enum err store_erase_tombs(struct txn *t, void *arg);
/* An empty struct for dir, then its directory opened and locked; release in any case. */
enum err store_init(struct store *s, const char *dir, const struct rng *rng);
enum err store_open_dir(struct store *s, struct store_refusal *why);
enum err store_open_keys(struct store *s, struct store_refusal *why);
/* A State that has identity and store. */
enum err store_open_again(struct store *s, struct store_refusal *why);
/* Is data.mdb sound? Says so before LMDB maps it. */
enum err store_check_data(int dir, struct store_refusal *why);
/* Into secret memory. */
enum err store_read_identity(int dir, struct store_identity *id,
                             struct store_refusal *why);
enum err store_write_identity(int dir, const struct store_identity *id);
void store_release(struct store *s);
/* A sentence into *why; returns e. */
enum err refuse(struct store_refusal *why, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* For what a hint of the table of errors explains. */
enum err refuse_plain(struct store_refusal *why, enum err e, const char *what);

/* While it is there, State is what a load left behind, and no node's. */
#define STORE_LOADING_MARK "loading"

struct txn {
    struct db_txn *db;
    const struct store_identity *id;
    const struct rng *rng;
    int keys;                /* the directory of data keys */
    struct pending *pending; /* NULL: reads only */
    struct names *made;      /* in this transaction; NULL as pending */
    struct names *dropped;
};

/* txn_put, with room for a data key's seal around the value. */
enum err txn_put_any(struct txn *t, enum store_table tab, struct bytes key,
                     struct bytes value);
/* Writes the pending operations of a job that returned OK. */
enum err txn_apply(struct txn *t);
/* store_verify's reading. */
enum err txn_verify(struct txn *t, void *arg);
/* Forgets them. */
void txn_forget(struct txn *t);

/* What lies under an op id and in the log, after its seal; for the fuzzers too. */
enum { OP_HEAD = 8 + 8 + HASH_BYTES, LOG_HEAD_BYTES = 8 + HASH_BYTES };

struct op_record {
    uint64_t time;
    uint64_t turn; /* of its credential's; many may share a second */
    uint8_t hash[HASH_BYTES];
    struct bytes reply; /* into the input */
};

/* ERR_CORRUPT. */
enum err op_decode(struct bytes in, struct op_record *out);
enum err log_decode(uint64_t seq, struct bytes in, struct log_entry *out);
/* The head after an entry: over the one before, sequence, time, code, what. */
void log_chain(const uint8_t before[HASH_BYTES], const struct log_entry *entry,
               uint8_t out[HASH_BYTES]);

#endif
