/* SPDX-License-Identifier: Apache-2.0 */
#include "node/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "node/store_part.h"

enum {
    BATCH = 64,                  /* most jobs in one transaction */
    LOW_BYTES = 2 * 1024 * 1024, /* below this only releases and deletions are written */
    BULK_LOW_BYTES = 64 * 1024 * 1024 /* and below this no vaults */
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

enum err store_erase_tombs(struct txn *t, void *arg)
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
enum err store_disk_error(struct store *s, enum err e)
{
    if (e != ERR_IO)
        return e;
    errno = EIO;
    return file_error(s->dir);
}

/* How much there is on the disk; more than enough when nobody can say. */
static uint64_t disk_room(struct store *s)
{
    uint64_t room = UINT64_MAX;

    (void)file_room(s->dir, &room); /* then a write will tell */
    return room;
}

static bool has_room(uint64_t room, enum store_need need)
{
    if (need == STORE_ESSENTIAL)
        return true;
    return room >= (uint64_t)(need == STORE_BULK ? BULK_LOW_BYTES : LOW_BYTES);
}

/* Opens data.mdb again after a commit that may have happened or not. */
static void reopen(struct store *s)
{
    MUST(pthread_rwlock_wrlock(&s->db_lock) == 0);
    db_close(s->db);
    s->db = NULL;
    enum err e = store_disk_error(s, db_open(s->path, &s->db));
    MUST(pthread_rwlock_unlock(&s->db_lock) == 0);
    if (e == OK)
        (void)store_read(s, store_erase_tombs, NULL); /* the next start repeats it */
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
    uint64_t room = disk_room(s);

    for (struct store_job *job = first; job != NULL; job = job->next) {
        if (!has_room(room, job->need)) {
            job->result = ERR_DISK_FULL;
            continue;
        }
        if (room < LOW_BYTES)
            (void)unlinkat(s->dir, "reserve", 0); /* gone already: no more room to win */
        TRY(run_job(s, t, job, out_wrote));
    }
    return OK;
}

static enum err commit(struct store *s, struct db_txn *take_db)
{
    uint64_t from = clock_ms();
    enum err e = store_disk_error(s, db_commit(take_db));
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
    TRY(store_disk_error(s, db_begin(s->db, DB_WRITE, &db)));
    struct txn t = txn_of(s, db, DB_WRITE);
    enum err e = store_disk_error(s, run_jobs(s, &t, first, &wrote));
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

enum err store_write_anchor(struct store *s)
{
    struct anchor a = { 0 };

    if (s->db == NULL)
        return ERR_IO;
    /* First the number, then the head: an anchor may only say too little. */
    a.commits = db_commits(s->db);
    TRY(store_read(s, read_anchor_state, &a));
    return anchor_write(s->dir, s->id, s->rng, &a);
}

void store_refill(struct store *s)
{
    uint64_t room = 0;

    if (file_exists(s->dir, "reserve") == ERR_UNKNOWN && file_room(s->dir, &room) == OK &&
        room > RESERVE_BYTES + 2 * LOW_BYTES)
        (void)file_reserve(s->dir, "reserve", RESERVE_BYTES); /* next minute again */
}

/* On the thread that writes. */
static void tick(struct store *s)
{
    (void)store_write_anchor(
        s); /* an older anchor holds as well, for less; next minute again */
    if (s->db != NULL)
        db_check_readers(s->db);
    store_refill(s);
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
