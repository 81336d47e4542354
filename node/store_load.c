/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "node/store_archive.h"

enum { BATCH = 512 };

static void close_dir(DIR **d)
{
    if (*d != NULL)
        (void)closedir(*d); /* only read from */
}

static void close_file(FILE **f)
{
    if (*f != NULL)
        (void)fclose(*f); /* what had to be durable was synced */
}

#define AUTO_DIR  __attribute__((cleanup(close_dir)))
#define AUTO_FILE __attribute__((cleanup(close_file)))

/* ---- reading ---- */

struct reader {
    FILE *f;
    struct store *s;
    struct archive at;
    struct archive_work *work;
    struct db_txn *db;
    size_t batch; /* records in it */
};

static enum err read_exact(FILE *f, uint8_t *out, size_t n)
{
    if (fread(out, 1, n, f) == n)
        return OK;
    return ferror(f) != 0 ? ERR_IO : ERR_CORRUPT;
}

/* Gives each piece to fn, once it is known to be whole and in its place. */
static enum err read_pieces(struct reader *r,
                            enum err (*fn)(struct reader *r,
                                           const struct archive_piece *p))
{
    uint8_t head[ARCHIVE_HEAD];

    r->at = (struct archive){ 0 };
    rewind(r->f);
    enum err e = read_exact(r->f, head, sizeof head);
    if (e != OK)
        return e == ERR_CORRUPT ? ERR_FORMAT : e;
    TRY(archive_head(head));
    while (!r->at.ended) {
        struct archive_piece p = { 0 };
        size_t rest = 0;

        TRY(read_exact(r->f, r->work->piece, ARCHIVE_SIZES));
        TRY(archive_size(r->work->piece, &rest));
        TRY(read_exact(r->f, r->work->piece + ARCHIVE_SIZES, rest));
        TRY(archive_get(&r->at, bytes_of(r->work->piece, ARCHIVE_SIZES + rest), &p));
        TRY(fn(r, &p));
    }
    return fgetc(r->f) == EOF && ferror(r->f) == 0 ? OK : ERR_CORRUPT;
}

/* The first reading: everything opens under the identity that comes first. */
static enum err check_piece(struct reader *r, const struct archive_piece *p)
{
    struct span place = SPAN_OF(r->work->place);
    size_t n = 0;

    switch (p->kind) {
    case ARCHIVE_IDENTITY:
        return identity_decode(p->content, r->s->id);
    case ARCHIVE_KEY:
        return crypt_open(&r->s->id->store, LABEL_STORE_DATA, p->key, p->content, place,
                          &n);
    case ARCHIVE_RECORD:
        return crypt_open(&r->s->id->store, LABEL_STORE_RECORD, p->key, p->content, place,
                          &n);
    case ARCHIVE_END:
        break;
    }
    return OK;
}

static enum err commit(struct reader *r)
{
    struct db_txn *db = r->db;

    r->db = NULL;
    r->batch = 0;
    return db == NULL ? OK : store_disk_error(r->s, db_commit(db));
}

static enum err make_record(struct reader *r, const struct archive_piece *p)
{
    if (r->db == NULL)
        TRY(db_begin(r->s->db, DB_WRITE, &r->db));
    TRY(store_disk_error(r->s, db_put(r->db, p->key, p->content)));
    return ++r->batch < BATCH ? OK : commit(r);
}

static enum err make_key(struct reader *r, const struct archive_piece *p)
{
    AUTO_SECRET struct seal_key *key = NULL;
    AUTO_SECRET struct seal_key *there = NULL;
    size_t n = 0;

    TRY(secret_new(&key));
    TRY(secret_new(&there));
    if (keyfile_read(r->s->keys, r->s->id, p->key.p, there) == OK)
        return OK;
    TRY(crypt_open(&r->s->id->store, LABEL_STORE_DATA, p->key, p->content,
                   SPAN_OF(key->b), &n));
    return keyfile_write(r->s->keys, r->s->id, r->s->rng, p->key.p, key);
}

/* The second reading writes. */
static enum err make_piece(struct reader *r, const struct archive_piece *p)
{
    if (p->kind == ARCHIVE_KEY)
        return make_key(r, p);
    if (p->kind == ARCHIVE_RECORD)
        return make_record(r, p);
    return p->kind == ARCHIVE_END ? commit(r) : OK;
}

/* ---- an empty State, or one that a load left behind ---- */

static const char *const ours[] = { "data.mdb", "lock.mdb",     "anchor",
                                    "identity", "reserve",      "operator.link",
                                    "lock",     "identity.new", "anchor.new",
                                    "keys",     "loading.new",  STORE_LOADING_MARK };

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return false;
}

/* Calls fn for each entry but "." and ".."; stops at the first error. */
static enum err each_entry(int dir, enum err (*fn)(int dir, const char *name))
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (d == NULL)
        return ERR_IO;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            TRY(fn(dir, e->d_name));
    return OK;
}

static enum err only_lock(int dir, const char *name)
{
    (void)dir;
    return strcmp(name, "lock") == 0 || strcmp(name, "loading.new") == 0 ? OK
                                                                         : ERR_EXISTS;
}

static enum err only_ours(int dir, const char *name)
{
    (void)dir;
    return is_ours(name) ? OK : ERR_EXISTS;
}

static enum err erase_key(int keys, const char *name)
{
    return file_erase(keys, name);
}

/* A load that was cut short is no node's yet, and nobody was told anything. */
static enum err clear(struct store *s)
{
    TRY(each_entry(s->keys, erase_key));
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(ours[i], "lock") != 0 && strcmp(ours[i], "keys") != 0 &&
            strcmp(ours[i], STORE_LOADING_MARK) != 0 &&
            unlinkat(s->dir, ours[i], 0) != 0 && errno != ENOENT)
            return file_error(s->dir);
    return file_sync_dir(s->dir);
}

static enum err take_state(struct store *s, struct store_refusal *why)
{
    TRY(store_open_dir(s, why));
    bool again = file_exists(s->dir, STORE_LOADING_MARK) == OK;
    enum err e = each_entry(s->dir, again ? only_ours : only_lock);

    if (e == ERR_EXISTS)
        return refuse(why, e,
                      "State is not empty, and nothing in it was changed. A backup is "
                      "loaded into an empty one: move it away first (mv State "
                      "State.old).");
    if (e == OK)
        e = file_write(s->dir, STORE_LOADING_MARK, (struct bytes){ 0 });
    if (e != OK)
        return refuse_plain(why, e, "The state directory");
    TRY(store_open_keys(s, why));
    e = clear(s);
    return e == OK ? OK : refuse_plain(why, e, "What an earlier load left behind");
}

/* ---- loading ---- */

static enum err refuse_file(enum err e, const struct reader *r, struct store_refusal *why)
{
    if (e == ERR_FORMAT)
        return refuse(why, e, "This file is no backup of a kithd.");
    if (e == ERR_VERSION)
        return refuse(why, e,
                      "This backup was made by a later version of kithd. Update this "
                      "one first.");
    if (e == ERR_CORRUPT)
        return refuse(why, e,
                      "This backup is damaged or cut short: %llu of its pieces are "
                      "whole, the next is not. Nothing was loaded. Use another copy.",
                      (unsigned long long)r->at.pieces);
    if (e == ERR_AUTH)
        return refuse(why, e,
                      "This backup was put together from two nodes: its records do not "
                      "open with its identity. Nothing was loaded. Use another one.");
    return refuse_plain(why, e, "The backup could not be read");
}

static enum err first_anchor(struct store *s)
{
    struct db_txn *db = NULL;
    struct anchor a = { .commits = db_commits(s->db) };

    TRY(db_begin(s->db, DB_READ, &db));
    struct txn t = { .db = db, .id = s->id, .rng = s->rng, .keys = s->keys };
    enum err e = txn_log_head(&t, &a.log);
    db_abort(db);
    TRY(e);
    return anchor_write(s->dir, s->id, s->rng, &a);
}

/* Its records and keys; the identity last, as at a first start. */
static enum err make_state(struct reader *r)
{
    struct store *s = r->s;

    TRY(store_disk_error(s, db_open(s->path, &s->db)));
    enum err e = read_pieces(r, make_piece);
    db_abort(r->db);
    TRY(e);
    rng_fill(s->rng, s->id->incarnation, ID_BYTES);
    TRY(first_anchor(s));
    db_close(s->db);
    s->db = NULL;
    (void)close(s->keys); /* a directory; it is opened again with the rest */
    s->keys = -1;
    return store_write_identity(s->dir, s->id);
}

static enum err load(struct reader *r, const char *path, struct store_refusal *why)
{
    AUTO_ARCHIVE_WORK struct archive_work *work = calloc(1, sizeof *work);
    AUTO_FILE FILE *f = fopen(path, "re");

    if (f == NULL)
        return refuse_plain(why, ERR_IO, "The backup");
    if (work == NULL)
        return refuse_plain(why, ERR_NOMEM, "The backup");
    archive_use(f, work);
    r->work = work;
    r->f = f;
    enum err e = read_pieces(r, check_piece);
    if (e != OK)
        return refuse_file(e, r, why);
    TRY(take_state(r->s, why));
    e = make_state(r);
    return e == OK ? OK : refuse_plain(why, e, "The backup could not be loaded");
}

enum err store_load(const char *dir, const char *path, const struct rng *rng,
                    struct store **out_store, struct store_refusal *out_why)
{
    struct reader r = { .s = calloc(1, sizeof *r.s) };

    if (r.s == NULL)
        return refuse_plain(out_why, ERR_NOMEM, "The store");
    r.s->mode = STORE_LOADING;
    enum err e = store_init(r.s, dir, rng);
    e = e == OK ? load(&r, path, out_why) : refuse_plain(out_why, e, "The store");
    if (e == OK)
        e = store_open_again(r.s, out_why);
    if (e == OK)
        *out_store = r.s;
    else
        store_release(r.s);
    return e;
}

enum err store_loaded(struct store *s)
{
    MUST(s->mode == STORE_LOADING);
    TRY(store_write_anchor(s));
    if (unlinkat(s->dir, STORE_LOADING_MARK, 0) != 0)
        return file_error(s->dir);
    s->mode = STORE_SERVE;
    return file_sync_dir(s->dir);
}
