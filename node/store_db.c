/* SPDX-License-Identifier: Apache-2.0 */
#include "node/store_db.h"

#include <errno.h>

#include <lmdb.h>

struct db {
    MDB_env *env;
    MDB_dbi dbi;
};

struct db_txn {
    MDB_txn *txn;
    MDB_dbi dbi;
};

/* Address space, not memory or disk: the file grows as it is filled. Room for the vault
 * of every ward of every seat at the limits' defaults, within the 39 bits that small ARM
 * machines have; what is over it is refused with nothing written. */
#if SIZE_MAX > UINT32_MAX
#define MAP_SIZE ((size_t)128 << 30)
#else
#define MAP_SIZE ((size_t)1 << 30)
#endif

static enum err err_of(int rc)
{
    switch (rc) {
    case 0:
        return OK;
    case MDB_NOTFOUND:
        return ERR_UNKNOWN;
    case MDB_MAP_FULL:
        return ERR_FULL;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_PANIC:
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
        return ERR_CORRUPT;
    case ENOMEM:
        return ERR_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return ERR_DISK_FULL;
    default:
        return ERR_IO;
    }
}

static enum err open_table(struct db *db)
{
    MDB_txn *txn = NULL;

    TRY(err_of(mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn)));
    int rc = mdb_dbi_open(txn, NULL, 0, &db->dbi);
    mdb_txn_abort(txn);
    return err_of(rc);
}

static enum err open_env(struct db *db, const char *dir)
{
    TRY(err_of(mdb_env_create(&db->env)));
    TRY(err_of(mdb_env_set_mapsize(db->env, MAP_SIZE)));
    TRY(err_of(mdb_env_open(db->env, dir, MDB_NOTLS, 0600)));
    db_check_readers(db);
    return open_table(db);
}

enum err db_open(const char *dir, struct db **out)
{
    struct db *db = calloc(1, sizeof(*db));

    if (db == NULL)
        return ERR_NOMEM;
    enum err e = open_env(db, dir);
    if (e != OK) {
        db_close(db);
        return e;
    }
    *out = db;
    return OK;
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    if (db->env != NULL)
        mdb_env_close(db->env);
    free(db);
}

uint64_t db_commits(struct db *db)
{
    MDB_envinfo info = { 0 };

    MUST(mdb_env_info(db->env, &info) == 0);
    return info.me_last_txnid;
}

void db_check_readers(struct db *db)
{
    int dead = 0;

    (void)mdb_reader_check(db->env, &dead); /* a stale reader costs room, no more */
}

enum err db_begin(struct db *db, enum db_mode mode, struct db_txn **out)
{
    struct db_txn *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return ERR_NOMEM;
    t->dbi = db->dbi;
    int rc = mdb_txn_begin(db->env, NULL, mode == DB_READ ? MDB_RDONLY : 0, &t->txn);
    if (rc != 0) {
        free(t);
        return err_of(rc);
    }
    *out = t;
    return OK;
}

enum err db_commit(struct db_txn *take_txn)
{
    int rc = mdb_txn_commit(take_txn->txn);

    free(take_txn);
    return err_of(rc);
}

void db_abort(struct db_txn *take_txn)
{
    if (take_txn == NULL)
        return;
    mdb_txn_abort(take_txn->txn);
    free(take_txn);
}

/* LMDB only reads through these; its type knows no const. */
static MDB_val val_of(struct bytes b)
{
    union {
        const uint8_t *in;
        void *out;
    } p = { .in = b.p };

    return (MDB_val){ .mv_size = b.n, .mv_data = p.out };
}

static struct bytes bytes_of_val(MDB_val v)
{
    return bytes_of(v.mv_data, v.mv_size);
}

enum err db_get(struct db_txn *t, struct bytes key, struct bytes *out)
{
    MDB_val k = val_of(key);
    MDB_val v = { 0 };

    TRY(err_of(mdb_get(t->txn, t->dbi, &k, &v)));
    *out = bytes_of_val(v);
    return OK;
}

enum err db_put(struct db_txn *t, struct bytes key, struct bytes value)
{
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);

    return err_of(mdb_put(t->txn, t->dbi, &k, &v, 0));
}

enum err db_del(struct db_txn *t, struct bytes key)
{
    MDB_val k = val_of(key);
    enum err e = err_of(mdb_del(t->txn, t->dbi, &k, NULL));

    return e == ERR_UNKNOWN ? OK : e;
}

enum err db_seek(struct db_txn *t, struct bytes from, struct bytes *out_key,
                 struct bytes *out_value)
{
    MDB_cursor *cursor = NULL;
    MDB_val k = val_of(from);
    MDB_val v = { 0 };

    TRY(err_of(mdb_cursor_open(t->txn, t->dbi, &cursor)));
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    TRY(err_of(rc));
    *out_key = bytes_of_val(k);
    *out_value = bytes_of_val(v);
    return OK;
}
