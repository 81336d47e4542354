/* SPDX-License-Identifier: Apache-2.0 */
#include "node/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/store_check.h"
#include "node/store_part.h"

enum {
    SCHEMA = 1,
    BATCH = 64,                      /* most jobs in one transaction */
    RESERVE_BYTES = 4 * 1024 * 1024, /* kept for releases and deletions */
    LOW_BYTES = 2 * 1024 * 1024      /* below this only those are written */
};

static const uint8_t schema_key[] = { 's', 'c', 'h', 'e', 'm', 'a' };

struct store {
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

const struct store_identity *store_identity(const struct store *s)
{
    return s->id;
}

bool store_is_first_start(const struct store *s)
{
    return s->first_start;
}

uint64_t store_slowest_ms(const struct store *s)
{
    return atomic_load(&s->slowest_ms);
}

enum err store_health(const struct store *s)
{
    return (enum err)atomic_load(&s->health);
}

/* ---- transactions ---- */

static struct txn txn_of(struct store *s, struct db_txn *db, enum db_mode mode)
{
    struct txn t = { .db = db, .id = s->id, .rng = s->rng, .keys = s->keys };

    if (mode == DB_WRITE) {
        t.pending = s->pending;
        t.made = &s->made;
        t.dropped = &s->dropped;
    }
    return t;
}

enum err store_read(struct store *s, enum err (*fn)(struct txn *t, void *arg), void *arg)
{
    struct db_txn *db = NULL;

    MUST(pthread_rwlock_rdlock(&s->db_lock) == 0);
    enum err e = s->db != NULL ? db_begin(s->db, DB_READ, &db) : ERR_IO;
    if (e == OK) {
        struct txn t = txn_of(s, db, DB_READ);
        e = fn(&t, arg);
        db_abort(db);
    }
    MUST(pthread_rwlock_unlock(&s->db_lock) == 0);
    return e;
}

enum err store_verify(struct store *s, struct store_verdict *out)
{
    struct store_verdict v = { 0 };

    TRY(store_read(s, txn_verify, &v));
    *out = v;
    return OK;
}

/* ---- data keys that wait for their commit, or follow it ---- */

/* Keys made for records that were not written seal nothing. */
static void erase_made(struct store *s, size_t from)
{
    for (size_t i = from; i < s->made.n; i++)
        (void)keyfile_erase(s->keys, s->made.name[i]); /* useless, but harmless */
    s->made.n = from;
}

/* The tombstones are on the disk; what fails here the next start repeats. */
static void erase_dropped(struct store *s)
{
    for (size_t i = 0; i < s->dropped.n; i++)
        (void)keyfile_erase(s->keys, s->dropped.name[i]); /* see above */
    s->dropped.n = 0;
}

static enum err erase_tombs(struct txn *t, void *arg)
{
    struct txn_key key = { 0 };

    (void)arg;
    for (;;) {
        enum err e =
            txn_next(t, TAB_TOMB, (struct bytes){ 0 }, &key, (struct span){ 0 }, NULL);
        if (e != OK)
            return e == ERR_UNKNOWN ? OK : e;
        if (key.n != ID_BYTES)
            return ERR_CORRUPT;
        TRY(keyfile_erase(t->keys, key.b));
    }
}

/* ---- one transaction of many jobs ---- */

static uint64_t clock_ms(void)
{
    struct timespec now = { 0 };

    MUST(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A full disk shows as EIO: only the room on it tells. */
static enum err disk_error(struct store *s, enum err e)
{
    if (e != ERR_IO)
        return e;
    errno = EIO;
    return file_error(s->dir);
}

static bool disk_low(struct store *s)
{
    uint64_t room = 0;

    return file_room(s->dir, &room) == OK && room < LOW_BYTES;
}

/* Opens data.mdb again after a commit that may have happened or not. */
static void reopen(struct store *s)
{
    MUST(pthread_rwlock_wrlock(&s->db_lock) == 0);
    db_close(s->db);
    s->db = NULL;
    enum err e = disk_error(s, db_open(s->path, &s->db));
    MUST(pthread_rwlock_unlock(&s->db_lock) == 0);
    if (e == OK)
        (void)store_read(s, erase_tombs, NULL); /* the next start repeats it */
    else
        atomic_store(&s->health, (int)e);
}

/* One job; what it yields is applied only if it returns OK. */
static enum err run_job(struct store *s, struct txn *t, struct store_job *job,
                        bool *io_wrote)
{
    size_t made = s->made.n;
    size_t dropped = s->dropped.n;
    enum err applied = OK;

    job->result = job->fn(t, job->arg);
    if (job->result == OK && t->pending->n > 0) {
        *io_wrote = true;
        applied = txn_apply(t);
    }
    if (job->result != OK) {
        erase_made(s, made);
        s->dropped.n = dropped;
    }
    txn_forget(t);
    return applied;
}

static enum err run_jobs(struct store *s, struct txn *t, struct store_job *first,
                         bool *out_wrote)
{
    bool low = disk_low(s);

    for (struct store_job *job = first; job != NULL; job = job->next) {
        if (low && job->need == STORE_ORDINARY) {
            job->result = ERR_DISK_FULL;
            continue;
        }
        if (low)
            (void)unlinkat(s->dir, "reserve", 0); /* gone already: no more room to win */
        TRY(run_job(s, t, job, out_wrote));
    }
    return OK;
}

static enum err commit(struct store *s, struct db_txn *take_db)
{
    uint64_t from = clock_ms();
    enum err e = disk_error(s, db_commit(take_db));
    uint64_t took = clock_ms() - from;

    if (took > atomic_load(&s->slowest_ms))
        atomic_store(&s->slowest_ms, took);
    return e;
}

/* Runs the list in one transaction; *out_outcome holds for those whose fn was OK. */
static enum err run_batch(struct store *s, struct store_job *first,
                          enum store_outcome *out_outcome)
{
    struct db_txn *db = NULL;
    bool wrote = false;

    *out_outcome = STORE_NOT_DONE;
    TRY(store_health(s));
    TRY(disk_error(s, db_begin(s->db, DB_WRITE, &db)));
    struct txn t = txn_of(s, db, DB_WRITE);
    enum err e = disk_error(s, run_jobs(s, &t, first, &wrote));
    if (e != OK || !wrote) {
        db_abort(db);
        erase_made(s, 0);
        s->dropped.n = 0;
        *out_outcome = e == OK ? STORE_DONE : STORE_NOT_DONE;
        return e;
    }
    e = commit(s, db);
    s->made.n = 0;
    if (e == OK) {
        erase_dropped(s);
        *out_outcome = STORE_DONE;
        return OK;
    }
    s->dropped.n = 0;
    *out_outcome = STORE_UNKNOWN;
    reopen(s);
    return e;
}

/* Runs the jobs and tells each what became of it. */
static void run_list(struct store *s, struct store_job *first)
{
    enum store_outcome outcome = STORE_NOT_DONE;
    enum err e = run_batch(s, first, &outcome);

    while (first != NULL) {
        struct store_job *job = first;
        first = job->next; /* done may release the job */
        /* An error of fn may rest on what another job of the batch wrote: as unknown. */
        enum err result = e != OK ? e : job->result;
        enum store_outcome what = outcome;
        if (outcome == STORE_DONE && job->result != OK)
            what = STORE_NOT_DONE;
        job->result = result;
        if (job->done != NULL)
            job->done(job->arg, result, what);
    }
}

void store_run(struct store *s, struct store_job *jobs, size_t n)
{
    MUST(!s->threaded);
    for (size_t i = 0; i < n; i++)
        jobs[i].next = i + 1 < n ? &jobs[i + 1] : NULL;
    if (n > 0)
        run_list(s, jobs);
}

enum err store_write(struct store *s, enum err (*fn)(struct txn *t, void *arg), void *arg)
{
    struct store_job job = { .fn = fn, .arg = arg };

    store_run(s, &job, 1);
    return job.result;
}

/* ---- each minute ---- */

static enum err read_anchor_state(struct txn *t, void *arg)
{
    struct anchor *a = arg;

    return txn_log_head(t, &a->log);
}

static enum err write_anchor(struct store *s)
{
    struct anchor a = { 0 };

    if (s->db == NULL)
        return ERR_IO;
    /* First the number, then the head: an anchor may only say too little. */
    a.commits = db_commits(s->db);
    TRY(store_read(s, read_anchor_state, &a));
    return anchor_write(s->dir, s->id, s->rng, &a);
}

static void refill_reserve(struct store *s)
{
    uint64_t room = 0;

    if (file_exists(s->dir, "reserve") == ERR_UNKNOWN && file_room(s->dir, &room) == OK &&
        room > RESERVE_BYTES + 2 * LOW_BYTES)
        (void)file_reserve(s->dir, "reserve", RESERVE_BYTES); /* next minute again */
}

/* On the thread that writes. */
static void tick(struct store *s)
{
    (void)write_anchor(
        s); /* an older anchor holds as well, for less; next minute again */
    if (s->db != NULL)
        db_check_readers(s->db);
    refill_reserve(s);
}

/* ---- the store thread ---- */

/* Takes up to BATCH jobs off the queue; waits for one. NULL: none, look again. */
static struct store_job *take_jobs(struct store *s, bool *out_tick, bool *out_stop)
{
    MUST(pthread_mutex_lock(&s->mutex) == 0);
    while (s->head == NULL && !s->stopping && !s->tick)
        MUST(pthread_cond_wait(&s->wake, &s->mutex) == 0);
    struct store_job *first = s->head;
    struct store_job *last = first;
    for (size_t n = 1; last != NULL && last->next != NULL && n < BATCH; n++)
        last = last->next;
    s->head = last != NULL ? last->next : NULL;
    if (s->head == NULL)
        s->tail = NULL;
    if (last != NULL)
        last->next = NULL;
    *out_tick = s->tick;
    s->tick = false;
    *out_stop = s->stopping && first == NULL;
    MUST(pthread_mutex_unlock(&s->mutex) == 0);
    return first;
}

static void *run_thread(void *arg)
{
    struct store *s = arg;
    bool due = false;
    bool stop = false;

    while (!stop) {
        struct store_job *first = take_jobs(s, &due, &stop);
        if (first != NULL)
            run_list(s, first);
        if (due)
            tick(s);
    }
    return NULL;
}

enum err store_start(struct store *s)
{
    MUST(!s->threaded);
    s->stopping = false;
    if (pthread_create(&s->thread, NULL, run_thread, s) != 0)
        return ERR_NOMEM;
    s->threaded = true;
    return OK;
}

void store_submit(struct store *s, struct store_job *job)
{
    MUST(s->threaded);
    job->next = NULL;
    MUST(pthread_mutex_lock(&s->mutex) == 0);
    if (s->tail != NULL)
        s->tail->next = job;
    else
        s->head = job;
    s->tail = job;
    MUST(pthread_cond_signal(&s->wake) == 0);
    MUST(pthread_mutex_unlock(&s->mutex) == 0);
}

void store_tick(struct store *s)
{
    if (!s->threaded) {
        tick(s);
        return;
    }
    MUST(pthread_mutex_lock(&s->mutex) == 0);
    s->tick = true;
    MUST(pthread_cond_signal(&s->wake) == 0);
    MUST(pthread_mutex_unlock(&s->mutex) == 0);
}

void store_stop(struct store *s)
{
    if (!s->threaded)
        return;
    MUST(pthread_mutex_lock(&s->mutex) == 0);
    s->stopping = true;
    MUST(pthread_cond_signal(&s->wake) == 0);
    MUST(pthread_mutex_unlock(&s->mutex) == 0);
    MUST(pthread_join(s->thread, NULL) == 0);
    s->threaded = false;
}

/* ---- opening ---- */

__attribute__((format(printf, 3, 4))) static enum err
refuse(struct store_refusal *why, enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why->text, sizeof(why->text), format, args); /* a long path is cut */
    va_end(args);
    return e;
}

/* For what a hint of the table of errors explains. */
static enum err refuse_plain(struct store_refusal *why, enum err e, const char *what)
{
    return refuse(why, e, "%s: %s %s", what, err_text(e), err_hint(e));
}

static enum err open_dir(struct store *s, struct store_refusal *why)
{
    if (mkdir(s->path, 0700) != 0 && errno != EEXIST)
        return refuse(
            why, ERR_IO,
            "The state directory cannot be made. Make its parent directory, and "
            "let this user write there.");
    s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0)
        return refuse(
            why, ERR_IO,
            "The state directory cannot be opened. Let this user, and nobody else, "
            "read and write it.");
    enum err e = file_lock(s->dir, "lock", &s->lock);
    if (e == ERR_BUSY)
        return refuse(
            why, e,
            "Another kithd uses this state directory. Stop it first, or give this "
            "one a State of its own.");
    return e == OK ? OK : refuse_plain(why, e, "The state directory cannot be locked");
}

static enum err open_keys(struct store *s, struct store_refusal *why)
{
    if (mkdirat(s->dir, "keys", 0700) != 0 && errno != EEXIST)
        return refuse_plain(why, file_error(s->dir), "The directory of keys");
    s->keys = openat(s->dir, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return s->keys >= 0 ? OK : refuse_plain(why, ERR_IO, "The directory of keys");
}

/* Which of its files a state directory has. */
struct found {
    bool identity, data, anchor, first;
};

static enum err look_for(int dir, const char *name, bool *out)
{
    enum err e = file_exists(dir, name);

    if (e != OK && e != ERR_UNKNOWN)
        return e;
    *out = e == OK;
    return OK;
}

static enum err look(int dir, struct found *out)
{
    TRY(look_for(dir, "identity", &out->identity));
    TRY(look_for(dir, "data.mdb", &out->data));
    TRY(look_for(dir, "anchor", &out->anchor));
    return look_for(dir, "first-start", &out->first);
}

/* An interrupted first start acknowledged nothing: it begins again. */
static enum err clear_first_start(struct store *s, struct found *io_found)
{
    static const char *const names[] = { "data.mdb", "lock.mdb", "anchor", "reserve" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (unlinkat(s->dir, names[i], 0) != 0 && errno != ENOENT)
            return file_error(s->dir);
    *io_found = (struct found){ 0 };
    return file_sync_dir(s->dir);
}

/* What remains when a part of State is lost for good. */
#define WHOLE_COPY                                                                       \
    "put back a copy of the whole State that was made while the node was stopped"

static enum err refuse_partial(const struct found *f, struct store_refusal *why)
{
    if (f->identity && !f->data)
        return refuse(
            why, ERR_CORRUPT,
            "The identity is here, but the store (data.mdb) is missing. Put it back "
            "from the same disk, or " WHOLE_COPY "; starting empty would lose every "
            "piece that was entrusted to this node.");
    if (f->data && !f->identity)
        return refuse(
            why, ERR_CORRUPT,
            "The store (data.mdb) is here, but the identity file is missing: the "
            "store cannot be read without it. Put it back, or " WHOLE_COPY ".");
    return refuse(
        why, ERR_CORRUPT,
        "This directory was a node's, but its identity and its store are missing. Put "
        "them back, or choose an empty State.");
}

static enum err load_identity(struct store *s, struct store_refusal *why)
{
    void *file = NULL;
    size_t n = 0;

    TRY(secret_alloc(IDENTITY_FILE, &file));
    enum err e = file_read(s->dir, "identity", (struct span){ file, IDENTITY_FILE }, &n);
    if (e == OK || e == ERR_TOO_BIG)
        e = e == OK ? identity_decode(bytes_of(file, n), s->id) : ERR_CORRUPT;
    secret_free(file);
    if (e == ERR_CORRUPT)
        return refuse(
            why, e,
            "The identity file is damaged. Put it back from a copy, or " WHOLE_COPY
            "; nothing was changed.");
    return e == OK ? OK : refuse_plain(why, e, "The identity file");
}

static enum err check_data(struct store *s, struct store_refusal *why)
{
    const char *what = "";
    int fd = openat(s->dir, "data.mdb", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return refuse_plain(why, ERR_IO, "The store (data.mdb)");
    enum err e = store_check(fd, &what);
    (void)close(fd); /* only read from */
    if (e == ERR_CORRUPT)
        return refuse(why, e,
                      "The store (data.mdb) is damaged: %s. To go on, " WHOLE_COPY
                      "; nothing was changed.",
                      what);
    return e == OK ? OK : refuse_plain(why, e, "The store (data.mdb)");
}

static struct bytes schema_value(const struct store *s, uint8_t out[1 + PUB_BYTES])
{
    out[0] = SCHEMA;
    memcpy(out + 1, s->id->node_pub, PUB_BYTES);
    return bytes_of(out, 1 + PUB_BYTES);
}

static enum err put_schema(struct txn *t, void *arg)
{
    uint8_t value[1 + PUB_BYTES];

    return txn_put(t, TAB_META, BYTES_OF(schema_key), schema_value(arg, value));
}

/* ERR_CORRUPT: another node's, or nobody's; ERR_VERSION. */
static enum err check_schema(struct txn *t, void *arg)
{
    uint8_t want[1 + PUB_BYTES];
    uint8_t value[1 + PUB_BYTES];
    size_t n = 0;

    enum err e = txn_get(t, TAB_META, BYTES_OF(schema_key), SPAN_OF(value), &n);
    if (e != OK)
        return e == ERR_UNKNOWN || e == ERR_TOO_BIG ? ERR_CORRUPT : e;
    if (!bytes_equal(bytes_of(value, n), schema_value(arg, want)))
        return n > 0 && value[0] != SCHEMA ? ERR_VERSION : ERR_CORRUPT;
    return OK;
}

/* The log must reach the anchor, and be the same there. ERR_ROLLBACK, ERR_CORRUPT. */
static enum err check_anchor(struct txn *t, void *arg)
{
    const struct anchor *a = arg;
    struct log_head head = { 0 };
    struct log_entry last = { 0 };
    struct log_entry at = { 0 };

    TRY(txn_log_head(t, &head));
    if (head.seq < a->log.seq)
        return ERR_ROLLBACK;
    if (head.seq > 0)
        TRY(txn_log_get(t, head.seq, &last));
    if (!bytes_equal(BYTES_OF(last.hash), BYTES_OF(head.hash)))
        return ERR_CORRUPT;
    if (a->log.seq == 0)
        return OK;
    enum err e = txn_log_get(t, a->log.seq, &at);
    if (e == ERR_UNKNOWN)
        return OK; /* so long ago that the log has let go of it */
    TRY(e);
    return bytes_equal(BYTES_OF(at.hash), BYTES_OF(a->log.hash)) ? OK : ERR_ROLLBACK;
}

static enum err refuse_anchor(enum err e, struct store_refusal *why)
{
    if (e == ERR_ROLLBACK)
        return refuse(
            why, e,
            "The store is older than it was: an earlier copy was put back. To go on, "
            "put the newest data.mdb back; where it is lost, " WHOLE_COPY
            ", and tell the owners.");
    return refuse(
        why, e,
        "The store's log or its anchor is damaged (%s). Put both back from the same "
        "disk, or " WHOLE_COPY ".",
        err_id(e));
}

static enum err check_state(struct store *s, struct store_refusal *why)
{
    struct anchor anchor = { 0 };

    enum err e = store_read(s, check_schema, s);
    if (e == ERR_CORRUPT)
        return refuse(
            why, e,
            "The store (data.mdb) belongs to another node, or is damaged: it does "
            "not open with this identity. Put the right one back, or " WHOLE_COPY ".");
    if (e == ERR_VERSION)
        return refuse(
            why, e,
            "The store was written by another version of kithd. Update this one.");
    if (e != OK)
        return refuse_plain(why, e, "The store (data.mdb)");
    e = anchor_read(s->dir, s->id, &anchor);
    if (e == OK && db_commits(s->db) < anchor.commits)
        e = ERR_ROLLBACK;
    if (e == OK)
        e = store_read(s, check_anchor, &anchor);
    return e == OK ? OK : refuse_anchor(e, why);
}

static enum err open_again(struct store *s, struct store_refusal *why)
{
    TRY(load_identity(s, why));
    TRY(check_data(s, why));
    TRY(open_keys(s, why));
    enum err e = disk_error(s, db_open(s->path, &s->db));
    if (e != OK)
        return refuse_plain(why, e, "The store (data.mdb)");
    TRY(check_state(s, why));
    e = store_read(s, erase_tombs, NULL);
    if (e != OK)
        return refuse_plain(why, e, "What was deleted could not be erased");
    refill_reserve(s);
    return OK;
}

static void draw_identity(struct store *s)
{
    rng_fill(s->rng, s->id->node.b, KEY_BYTES);
    rng_fill(s->rng, s->id->sign.b, KEY_BYTES);
    rng_fill(s->rng, s->id->store.b, KEY_BYTES);
    rng_fill(s->rng, s->id->incarnation, ID_BYTES);
    crypt_dh_public(&s->id->node, s->id->node_pub);
    crypt_sign_public(&s->id->sign, s->id->sign_pub);
}

static enum err write_identity(struct store *s)
{
    void *file = NULL;

    TRY(secret_alloc(IDENTITY_FILE, &file));
    identity_encode(s->id, file);
    enum err e = file_write(s->dir, "identity", bytes_of(file, IDENTITY_FILE));
    secret_free(file);
    return e;
}

/* The identity is written last: with it the node exists. */
static enum err make_state(struct store *s)
{
    TRY(file_write(s->dir, "first-start", (struct bytes){ 0 }));
    TRY(file_reserve(s->dir, "reserve", RESERVE_BYTES));
    TRY(disk_error(s, db_open(s->path, &s->db)));
    TRY(store_write(s, put_schema, s));
    TRY(write_anchor(s));
    TRY(write_identity(s));
    if (unlinkat(s->dir, "first-start", 0) != 0)
        return file_error(s->dir);
    return file_sync_dir(s->dir);
}

static enum err open_first(struct store *s, struct store_refusal *why)
{
    TRY(open_keys(s, why));
    draw_identity(s);
    s->first_start = true;
    enum err e = make_state(s);
    return e == OK ? OK : refuse_plain(why, e, "The first start failed");
}

static enum err open_state(struct store *s, struct store_refusal *why)
{
    struct found f = { 0 };

    TRY(open_dir(s, why));
    enum err e = look(s->dir, &f);
    if (e == OK && f.first && !f.identity)
        e = clear_first_start(s, &f);
    if (e == OK && f.first && f.identity && unlinkat(s->dir, "first-start", 0) != 0)
        e = file_error(s->dir);
    if (e != OK)
        return refuse_plain(why, e, "The state directory");
    if (f.identity && f.data)
        return open_again(s, why);
    if (f.identity || f.data || f.anchor)
        return refuse_partial(&f, why);
    return open_first(s, why);
}

static enum err init(struct store *s, const char *dir, const struct rng *rng)
{
    s->dir = s->keys = s->lock = -1;
    s->rng = rng;
    MUST(pthread_rwlock_init(&s->db_lock, NULL) == 0);
    MUST(pthread_mutex_init(&s->mutex, NULL) == 0);
    MUST(pthread_cond_init(&s->wake, NULL) == 0);
    s->path = strdup(dir);
    s->pending = calloc(1, sizeof(*s->pending));
    if (s->path == NULL || s->pending == NULL)
        return ERR_NOMEM;
    return secret_new(&s->id);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* directories and the lock: nothing was written */
}

static void release(struct store *s)
{
    db_close(s->db);
    close_fd(s->keys);
    close_fd(s->dir);
    close_fd(s->lock);
    secret_free(s->id);
    free(s->pending);
    free(s->path);
    (void)pthread_cond_destroy(&s->wake);      /* nobody waits */
    (void)pthread_mutex_destroy(&s->mutex);    /* nobody holds it */
    (void)pthread_rwlock_destroy(&s->db_lock); /* nobody holds it */
    free(s);
}

enum err store_open(const char *dir, const struct rng *rng, struct store **out_store,
                    struct store_refusal *out_why)
{
    struct store_refusal why = { "" };
    struct store *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return refuse_plain(out_why, ERR_NOMEM, "The store");
    enum err e = init(s, dir, rng);
    e = e == OK ? open_state(s, &why) : refuse_plain(&why, e, "The store");
    if (e != OK) {
        release(s);
        *out_why = why;
        return e;
    }
    *out_store = s;
    return OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    MUST(!s->threaded);
    (void)write_anchor(s); /* the last one holds as well, for less */
    release(s);
}
