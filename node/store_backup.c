/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/store_archive.h"

enum { PATH = 1024, NAME = 2 * ID_BYTES };

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

struct writer {
    FILE *f;
    struct store *s;
    struct archive at;
    struct archive_work *work;
    struct store_copied done;
};

static enum err write_piece(struct writer *w, enum archive_kind kind, struct bytes key,
                            struct bytes content)
{
    struct archive_piece p = { .kind = kind, .key = key, .content = content };
    struct buf b = BUF_OF(w->work->piece);

    archive_put(&w->at, &p, &b);
    return fwrite(b.p, 1, b.n, w->f) == b.n ? OK : file_error(w->s->dir);
}

static enum err write_identity(struct writer *w)
{
    void *file = NULL;

    TRY(secret_alloc(IDENTITY_FILE, &file));
    identity_encode(w->s->id, file);
    enum err e = write_piece(w, ARCHIVE_IDENTITY, (struct bytes){ 0 },
                             bytes_of(file, IDENTITY_FILE));
    secret_free(file);
    return e;
}

/* One entry of the directory of keys; of two copies only the first counts. */
static enum err write_key(struct writer *w, const char *entry)
{
    AUTO_SECRET struct seal_key *key = NULL;
    uint8_t name[ID_BYTES];
    char first[NAME + 3] = "";
    uint8_t sealed[KEY_BYTES + SEAL_OVERHEAD];
    struct buf b = BUF_OF(sealed);

    if (strlen(entry) != NAME + 2 ||
        hex_decode(bytes_of(entry, NAME), SPAN_OF(name)) != OK)
        return OK;
    memcpy(first, entry, NAME);
    memcpy(first + NAME, ".a", 3);
    if (strcmp(entry + NAME, ".a") != 0 && file_exists(w->s->keys, first) == OK)
        return OK;
    TRY(secret_new(&key));
    /* One that was dropped meanwhile is not missed; a damaged one is told of below. */
    if (keyfile_read(w->s->keys, w->s->id, name, key) != OK)
        return OK;
    crypt_seal(&w->s->id->store, LABEL_STORE_DATA, BYTES_OF(name), BYTES_OF(key->b),
               w->s->rng, &b);
    w->done.keys++;
    return write_piece(w, ARCHIVE_KEY, BYTES_OF(name), buf_bytes(&b));
}

static enum err write_keys(struct writer *w)
{
    int fd = openat(w->s->keys, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (d == NULL)
        return ERR_IO;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        TRY(write_key(w, e->d_name));
    return OK;
}

/* What does not open helps nobody: it is left out, and said. */
static enum err write_records(struct writer *w, struct db_txn *t)
{
    uint8_t from[FULL_KEY + 1] = { 1 };
    size_t from_n = 1;
    struct bytes key = { 0 };
    struct bytes sealed = { 0 };
    enum err e;

    while ((e = db_seek(t, bytes_of(from, from_n), &key, &sealed)) == OK) {
        size_t n = 0;

        if (key.n < 2 || key.n > FULL_KEY)
            return ERR_CORRUPT;
        memcpy(from, key.p, key.n);
        from[key.n] = 0;
        from_n = key.n + 1;
        if (crypt_open(&w->s->id->store, LABEL_STORE_RECORD, key, sealed,
                       SPAN_OF(w->work->place), &n) != OK) {
            w->done.left_out++;
            continue;
        }
        TRY(write_piece(w, ARCHIVE_RECORD, key, sealed));
        w->done.records++;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

static enum err count_lost(struct txn *t, struct writer *w)
{
    struct store_verdict v = { 0 };

    TRY(txn_verify(t, &v));
    w->done.left_out += v.keys_lost;
    return OK;
}

/*
 * The keys before the records, for one dropped meanwhile; and behind them, for one made
 * meanwhile. The records are those of one moment.
 */
static enum err write_pieces(struct writer *w)
{
    struct db_txn *db = NULL;
    uint8_t count[8];

    TRY(write_identity(w));
    TRY(write_keys(w));
    TRY(db_begin(w->s->db, DB_READ, &db));
    struct txn t = { .db = db, .id = w->s->id, .rng = w->s->rng, .keys = w->s->keys };
    enum err e = write_records(w, db);
    if (e == OK && !w->done.running)
        e = count_lost(&t, w);
    db_abort(db);
    TRY(e);
    if (w->done.running)
        TRY(write_keys(w));
    store_u64(count, w->at.pieces);
    return write_piece(w, ARCHIVE_END, (struct bytes){ 0 }, BYTES_OF(count));
}

static enum err write_all(struct writer *w)
{
    struct buf head = BUF_OF(w->work->piece);

    archive_begin(&head);
    if (fwrite(head.p, 1, head.n, w->f) != head.n)
        return file_error(w->s->dir);
    TRY(write_pieces(w));
    return fflush(w->f) == 0 && fsync(fileno(w->f)) == 0 ? OK : file_error(w->s->dir);
}

static enum err sync_parent(const char *path)
{
    char dir[PATH];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 1 : (size_t)(slash - path) + 1;

    memcpy(dir, slash == NULL ? "." : path, n);
    dir[n] = '\0';
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    enum err e = file_sync_dir(fd);
    (void)close(fd); /* nothing was written */
    return e;
}

/* The whole file or none, also after a power cut. */
static enum err write_file(struct writer *w, const char *path)
{
    char temp[PATH];

    if (strlen(path) + sizeof ".new" > sizeof temp)
        return ERR_TOO_BIG;
    (void)snprintf(temp, sizeof temp, "%s.new", path); /* fits */
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ERR_IO;
    AUTO_FILE FILE *f = fchmod(fd, 0600) == 0 ? fdopen(fd, "w") : NULL;
    if (f == NULL) {
        (void)close(fd); /* nothing was written */
        return ERR_IO;
    }
    w->f = f;
    archive_use(f, w->work);
    enum err e = write_all(w);
    if (e == OK && rename(temp, path) != 0)
        e = ERR_IO;
    if (e == OK)
        return sync_parent(path);
    (void)unlink(temp); /* the next try truncates it anyway */
    return e;
}

/* A node that serves keeps the lock; its store was checked when it started. */
static enum err open_source(struct store *s, bool *out_running, struct store_refusal *why)
{
    enum err e = store_open_dir(s, why);

    if (e != OK && e != ERR_BUSY)
        return e;
    *out_running = e == ERR_BUSY;
    if (file_exists(s->dir, STORE_LOADING_MARK) == OK ||
        file_exists(s->dir, "identity") != OK || file_exists(s->dir, "data.mdb") != OK)
        return refuse(why, ERR_UNKNOWN, "There is no whole node in this State.");
    TRY(store_read_identity(s->dir, s->id, why));
    if (!*out_running)
        TRY(store_check_data(s->dir, why));
    TRY(store_open_keys(s, why));
    e = store_disk_error(s, db_open(s->path, &s->db));
    return e == OK ? OK : refuse_plain(why, e, "The store (data.mdb)");
}

static enum err backup(struct writer *w, const char *path, struct store_refusal *why)
{
    AUTO_ARCHIVE_WORK struct archive_work *work = calloc(1, sizeof *work);

    TRY(open_source(w->s, &w->done.running, why));
    w->work = work;
    enum err e = work == NULL ? ERR_NOMEM : write_file(w, path);
    return e == OK ? OK : refuse_plain(why, e, "The backup could not be written");
}

enum err store_backup(const char *dir, const char *path, const struct rng *rng,
                      struct store_copied *out, struct store_refusal *out_why)
{
    struct writer w = { .s = calloc(1, sizeof *w.s) };

    if (w.s == NULL)
        return refuse_plain(out_why, ERR_NOMEM, "The store");
    w.s->mode = STORE_LOOK;
    enum err e = store_init(w.s, dir, rng);
    e = e == OK ? backup(&w, path, out_why) : refuse_plain(out_why, e, "The store");
    store_release(w.s);
    if (e == OK)
        *out = w.done;
    return e;
}
