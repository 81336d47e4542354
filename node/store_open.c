/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/store_check.h"
#include "node/store_part.h"

enum { SCHEMA = 1 };

static const uint8_t schema_key[] = { 's', 'c', 'h', 'e', 'm', 'a' };

/* ---- opening ---- */

enum err refuse(struct store_refusal *why, enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why->text, sizeof(why->text), format, args); /* a long path is cut */
    va_end(args);
    return e;
}

/* For what a hint of the table of errors explains. */
enum err refuse_plain(struct store_refusal *why, enum err e, const char *what)
{
    return refuse(why, e, "%s: %s %s", what, err_text(e), err_hint(e));
}

static enum err refuse_nobody(struct store_refusal *why)
{
    return refuse(why, ERR_UNKNOWN, "There is no node in this State.");
}

enum err store_open_dir(struct store *s, struct store_refusal *why)
{
    if (s->mode != STORE_LOOK && mkdir(s->path, 0700) != 0 && errno != EEXIST)
        return refuse(
            why, ERR_IO,
            "The state directory cannot be made. Make its parent directory, and "
            "let this user write there.");
    s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0 && s->mode == STORE_LOOK && errno == ENOENT)
        return refuse_nobody(why);
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

enum err store_open_keys(struct store *s, struct store_refusal *why)
{
    if (s->mode != STORE_LOOK && mkdirat(s->dir, "keys", 0700) != 0 && errno != EEXIST)
        return refuse_plain(why, file_error(s->dir), "The directory of keys");
    s->keys = openat(s->dir, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return s->keys >= 0 ? OK : refuse_plain(why, ERR_IO, "The directory of keys");
}

/* Which of its files a state directory has. */
struct found {
    bool identity, data, anchor, first, loading;
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
    TRY(look_for(dir, STORE_LOADING_MARK, &out->loading));
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

/* What remains when a part of State is lost for good. An older copy of all of it would
 * be believed, and nobody told. */
#define LOAD_ANOTHER "move State away and load a backup (kithd --config FILE load BACKUP)"

static enum err refuse_partial(const struct found *f, struct store_refusal *why)
{
    if (f->identity && !f->data)
        return refuse(
            why, ERR_CORRUPT,
            "The identity is here, but the store (data.mdb) is missing. Put it back "
            "from the same disk, or " LOAD_ANOTHER "; starting empty would lose every "
            "piece that was entrusted to this node.");
    if (f->data && !f->identity)
        return refuse(
            why, ERR_CORRUPT,
            "The store (data.mdb) is here, but the identity file is missing: the "
            "store cannot be read without it. Put it back, or " LOAD_ANOTHER ".");
    return refuse(
        why, ERR_CORRUPT,
        "This directory was a node's, but its identity and its store are missing. Put "
        "them back, or choose an empty State.");
}

enum err store_read_identity(int dir, struct store_identity *id,
                             struct store_refusal *why)
{
    void *file = NULL;
    size_t n = 0;

    TRY(secret_alloc(IDENTITY_FILE, &file));
    enum err e = file_read(dir, "identity", (struct span){ file, IDENTITY_FILE }, &n);
    if (e == OK || e == ERR_TOO_BIG)
        e = e == OK ? identity_decode(bytes_of(file, n), id) : ERR_CORRUPT;
    secret_free(file);
    if (e == ERR_CORRUPT)
        return refuse(why, e,
                      "The identity file is damaged. Put it back from a copy, "
                      "or " LOAD_ANOTHER "; nothing was changed.");
    return e == OK ? OK : refuse_plain(why, e, "The identity file");
}

enum err store_check_data(int dir, struct store_refusal *why)
{
    const char *what = "";
    int fd = openat(dir, "data.mdb", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return refuse_plain(why, ERR_IO, "The store (data.mdb)");
    enum err e = store_check(fd, &what);
    (void)close(fd); /* only read from */
    if (e == ERR_CORRUPT)
        return refuse(why, e,
                      "The store (data.mdb) is damaged: %s. To go on, " LOAD_ANOTHER
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
            "The store is older than it was: an earlier copy was put back. Put the "
            "newest data.mdb back; where it is lost: kithd backup F, move State away, "
            "kithd load F, so that everybody is told.");
    return refuse(
        why, e,
        "The store's log or its anchor is damaged (%s). Put both back from the same "
        "disk, or " LOAD_ANOTHER ".",
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
            "not open with this identity. Put the right one back, or " LOAD_ANOTHER ".");
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

enum err store_open_again(struct store *s, struct store_refusal *why)
{
    TRY(store_read_identity(s->dir, s->id, why));
    TRY(store_check_data(s->dir, why));
    TRY(store_open_keys(s, why));
    enum err e = store_disk_error(s, db_open(s->path, &s->db));
    if (e != OK)
        return refuse_plain(why, e, "The store (data.mdb)");
    TRY(check_state(s, why));
    if (s->mode == STORE_LOOK)
        return OK;
    e = store_read(s, store_erase_tombs, NULL);
    if (e != OK)
        return refuse_plain(why, e, "What was deleted could not be erased");
    store_refill(s);
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

enum err store_write_identity(int dir, const struct store_identity *id)
{
    void *file = NULL;

    TRY(secret_alloc(IDENTITY_FILE, &file));
    identity_encode(id, file);
    enum err e = file_write(dir, "identity", bytes_of(file, IDENTITY_FILE));
    secret_free(file);
    return e;
}

/* The identity is written last: with it the node exists. */
static enum err make_state(struct store *s)
{
    TRY(file_write(s->dir, "first-start", (struct bytes){ 0 }));
    TRY(file_reserve(s->dir, "reserve", RESERVE_BYTES));
    TRY(store_disk_error(s, db_open(s->path, &s->db)));
    TRY(store_write(s, put_schema, s));
    TRY(store_write_anchor(s));
    TRY(store_write_identity(s->dir, s->id));
    if (unlinkat(s->dir, "first-start", 0) != 0)
        return file_error(s->dir);
    return file_sync_dir(s->dir);
}

static enum err open_first(struct store *s, struct store_refusal *why)
{
    TRY(store_open_keys(s, why));
    draw_identity(s);
    s->first_start = true;
    enum err e = make_state(s);
    return e == OK ? OK : refuse_plain(why, e, "The first start failed");
}

static enum err refuse_loading(struct store_refusal *why)
{
    return refuse(why, ERR_STATE,
                  "A backup was being loaded into this State, and that was cut short: "
                  "there is no node here yet. Run the same load again.");
}

/* Nothing is made and nothing cleared up. */
static enum err open_to_look(struct store *s, const struct found *f,
                             struct store_refusal *why)
{
    if (f->identity && f->data)
        return store_open_again(s, why);
    if (f->identity || f->data || f->anchor)
        return refuse_partial(f, why);
    return refuse_nobody(why);
}

static enum err open_to_serve(struct store *s, struct found *f, struct store_refusal *why)
{
    enum err e = OK;

    if (f->first && !f->identity)
        e = clear_first_start(s, f);
    if (e == OK && f->first && f->identity && unlinkat(s->dir, "first-start", 0) != 0)
        e = file_error(s->dir);
    if (e != OK)
        return refuse_plain(why, e, "The state directory");
    if (f->identity && f->data)
        return store_open_again(s, why);
    if (f->identity || f->data || f->anchor)
        return refuse_partial(f, why);
    return open_first(s, why);
}

static enum err open_state(struct store *s, struct store_refusal *why)
{
    struct found f = { 0 };

    TRY(store_open_dir(s, why));
    enum err e = look(s->dir, &f);
    if (e != OK)
        return refuse_plain(why, e, "The state directory");
    if (f.loading)
        return refuse_loading(why);
    return s->mode == STORE_LOOK ? open_to_look(s, &f, why) : open_to_serve(s, &f, why);
}

enum err store_init(struct store *s, const char *dir, const struct rng *rng)
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

void store_release(struct store *s)
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

static enum err open_for(enum store_mode mode, const char *dir, const struct rng *rng,
                         struct store **out_store, struct store_refusal *out_why)
{
    struct store_refusal why = { "" };
    struct store *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return refuse_plain(out_why, ERR_NOMEM, "The store");
    s->mode = mode;
    enum err e = store_init(s, dir, rng);
    e = e == OK ? open_state(s, &why) : refuse_plain(&why, e, "The store");
    if (e != OK) {
        store_release(s);
        *out_why = why;
        return e;
    }
    *out_store = s;
    return OK;
}

enum err store_open(const char *dir, const struct rng *rng, struct store **out_store,
                    struct store_refusal *out_why)
{
    return open_for(STORE_SERVE, dir, rng, out_store, out_why);
}

enum err store_look(const char *dir, const struct rng *rng, struct store **out_store,
                    struct store_refusal *out_why)
{
    return open_for(STORE_LOOK, dir, rng, out_store, out_why);
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    MUST(!s->threaded);
    if (s->mode != STORE_LOOK)
        (void)store_write_anchor(s); /* the last one holds as well, for less */
    store_release(s);
}
