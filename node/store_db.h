/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMDB as far as the store uses it: one environment, one table of keys and values, its
 * default syncing. The only file that knows LMDB is store_db.c. What will hurt you: a
 * write transaction belongs to the thread that began it (0.9.24 deadlocks otherwise,
 * reporting success); slices end with their transaction and with its next write.
 */
#ifndef KITH_NODE_STORE_DB_H
#define KITH_NODE_STORE_DB_H

#include "proto/bytes.h"
#include "proto/err.h"

struct db;
struct db_txn;

enum db_mode { DB_READ, DB_WRITE };

/* Errors of all: ERR_FULL (map), ERR_DISK_FULL, ERR_IO, ERR_CORRUPT, ERR_NOMEM. */

/* Opens or makes data.mdb in dir. Whether it is sound was checked before. */
enum err db_open(const char *dir, struct db **out);
/* No transaction may be open. NULL is fine. */
void db_close(struct db *db);
/* The number of the last commit; grows by one with each. */
uint64_t db_commits(struct db *db);
/* Forgets readers of processes that died. */
void db_check_readers(struct db *db);

enum err db_begin(struct db *db, enum db_mode mode, struct db_txn **out);
/* Ends the transaction in any case. After an error it may be on the disk or not. */
enum err db_commit(struct db_txn *take_txn);
/* NULL is fine. */
void db_abort(struct db_txn *take_txn);

/* ERR_UNKNOWN: none. */
enum err db_get(struct db_txn *t, struct bytes key, struct bytes *out);
enum err db_put(struct db_txn *t, struct bytes key, struct bytes value);
/* OK also when there is none. */
enum err db_del(struct db_txn *t, struct bytes key);
/* The first record whose key is from or after it, in byte order. ERR_UNKNOWN: none. */
enum err db_seek(struct db_txn *t, struct bytes from, struct bytes *out_key,
                 struct bytes *out_value);

#endif
