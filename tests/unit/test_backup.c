/* SPDX-License-Identifier: Apache-2.0 */
/* A node's backup: written whole or not, refused when it is not right, loaded once. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/drop.h"
#include "node/request.h"
#include "node/seat.h"
#include "node/store_archive.h"
#include "node/verify.h"
#include "node/ward.h"
#include "tests/net/net.h"

enum { ROOM = 4 * 1024 * 1024, PATH = 160, DAY = 86400 };

/* A node with a seat, a ward, an epoch and a live request; an empty place to load. */
struct world {
    struct node_sim n;
    struct sim_guardian g;
    struct sim_owner o;
    struct sim_epoch e;
    struct sim_asker a;
    char home[PATH]; /* backups and new States */
    char file[PATH];
    char state[PATH];
    struct store_refusal why;
    struct store_copied copied;
};

static void in_home(const struct world *w, const char *name, char out[PATH])
{
    assert_true(snprintf(out, PATH, "%s/%s", w->home, name) < PATH);
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, seed);
    sim_seat(&w->n, &w->g);
    sim_ward(&w->n, &w->g, &w->o);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_ask(&w->n, &w->o, &w->a);
    (void)snprintf(w->home, sizeof w->home, "/tmp/kith-backup-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(w->home));
    in_home(w, "file", w->file);
    in_home(w, "state", w->state);
    return w;
}

static void world_free(struct world *w)
{
    char line[PATH + 8];

    (void)snprintf(line, sizeof line, "rm -rf %s", w->home); /* fits */
    assert_int_equal(net_shell(line), 0);
    node_sim_close(&w->n);
    free(w);
}

/* The node sim holds the lock, as one that serves does. */
static void backup_running(struct world *w)
{
    assert_int_equal(store_backup(w->n.dir, w->file, &crypt_random, &w->copied, &w->why),
                     OK);
    assert_true(w->copied.running);
    assert_int_equal(w->copied.left_out, 0);
}

static enum err loaded_fn(struct txn *t, void *arg)
{
    struct world *w = arg;
    struct txn_key at = { 0 };
    bool more = true;

    while (more)
        TRY(serve_loaded(t, &w->n.env, w->n.now, &at, &more));
    return OK;
}

/* Loads into w->state and goes on there as the node sim. */
static void load(struct world *w)
{
    struct store *s = NULL;

    enum err e = store_load(w->state, w->file, &w->n.rng, &s, &w->why);
    if (e != OK)
        fail_msg("%s: %s", err_name(e), w->why.text);
    store_close(w->n.store);
    w->n.store = s;
    w->n.env.id = store_identity(s);
    assert_int_equal(store_write(s, loaded_fn, w), OK);
    assert_int_equal(store_loaded(s), OK);
}

/* As node_sim_again, at the new place; old is where it was. */
static void close_loaded(struct world *w)
{
    struct store *s = NULL;

    store_close(w->n.store);
    assert_int_equal(store_open(w->n.dir, &w->n.rng, &s, &w->why), OK);
    w->n.store = s;
}

static enum err refused(struct world *w, const char *file)
{
    struct store *s = NULL;
    enum err e = store_load(w->state, file, &crypt_random, &s, &w->why);

    assert_int_not_equal(e, OK);
    assert_true(w->why.text[0] != '\0');
    return e;
}

/* ---- files that are no backups ---- */

static size_t slurp(const char *path, uint8_t *out)
{
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    size_t n = fread(out, 1, ROOM, f);
    assert_true(n < ROOM);
    (void)fclose(f); /* only read from */
    return n;
}

static void spill(const char *path, const uint8_t *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void cut_short_anywhere(void **state)
{
    struct world *w = world_new(1);
    uint8_t *all = calloc(1, ROOM);
    char bad[PATH];

    (void)state;
    assert_non_null(all);
    backup_running(w);
    size_t n = slurp(w->file, all);
    in_home(w, "bad", bad);
    for (size_t cut = 0; cut < n; cut += cut < 64 ? 1 : 97) {
        spill(bad, all, cut);
        assert_int_equal(refused(w, bad), cut < ARCHIVE_HEAD ? ERR_FORMAT : ERR_CORRUPT);
        assert_int_not_equal(access(w->state, F_OK), 0); /* nothing was made */
    }
    spill(bad, all, n);
    assert_int_equal(truncate(bad, (off_t)n + 1), 0);
    assert_int_equal(refused(w, bad), ERR_CORRUPT);
    assert_int_not_equal(access(w->state, F_OK), 0);
    free(all);
    world_free(w);
}

static void with_one_byte_changed(void **state)
{
    struct world *w = world_new(2);
    uint8_t *all = calloc(1, ROOM);
    char bad[PATH];

    (void)state;
    assert_non_null(all);
    backup_running(w);
    size_t n = slurp(w->file, all);
    in_home(w, "bad", bad);
    for (size_t at = 0; at < n; at += at < 64 ? 1 : 89) {
        enum err want = at < ARCHIVE_HEAD - 1    ? ERR_FORMAT
                        : at == ARCHIVE_HEAD - 1 ? ERR_VERSION
                                                 : ERR_CORRUPT;

        all[at] ^= 0x10;
        spill(bad, all, n);
        all[at] ^= 0x10;
        assert_int_equal(refused(w, bad), want);
    }
    assert_int_not_equal(access(w->state, F_OK), 0);
    assert_int_equal(refused(w, "/no/such/file"), ERR_IO);
    free(all);
    world_free(w);
}

/* Takes the pieces of in, all but those fn drops, and writes them down anew. */
struct forge {
    uint8_t *out;
    size_t n;
    struct archive to;
};

static void forge_begin(struct forge *f)
{
    struct buf b = { .p = f->out, .cap = ROOM };

    f->to = (struct archive){ 0 };
    archive_begin(&b);
    f->n = b.n;
}

static void forge_put(struct forge *f, const struct archive_piece *p)
{
    struct buf b = { .p = f->out, .cap = ROOM, .n = f->n };
    struct archive_piece end = *p;
    uint8_t count[8];

    store_u64(count, f->to.pieces);
    if (p->kind == ARCHIVE_END)
        end.content = BYTES_OF(count);
    archive_put(&f->to, &end, &b);
    f->n = b.n;
}

static void forge_from(struct forge *f, const uint8_t *in, size_t n,
                       bool (*takes)(const struct archive_piece *p))
{
    struct archive from = { 0 };
    size_t at = ARCHIVE_HEAD;

    while (at < n) {
        struct archive_piece p = { 0 };
        size_t rest = 0;

        assert_int_equal(archive_size(in + at, &rest), OK);
        assert_int_equal(archive_get(&from, bytes_of(in + at, ARCHIVE_SIZES + rest), &p),
                         OK);
        if (takes(&p))
            forge_put(f, &p);
        at += ARCHIVE_SIZES + rest;
    }
}

static bool identity_only(const struct archive_piece *p)
{
    return p->kind == ARCHIVE_IDENTITY;
}

static bool all_but_identity(const struct archive_piece *p)
{
    return p->kind != ARCHIVE_IDENTITY;
}

static bool no_schema(const struct archive_piece *p)
{
    return p->kind != ARCHIVE_RECORD || p->key.p[0] != TAB_META;
}

static void put_together_from_two_nodes(void **state)
{
    struct world *w = world_new(3);
    struct world *x = world_new(4);
    uint8_t *mine = calloc(3, ROOM);
    uint8_t *other = mine + ROOM;
    struct forge f = { .out = mine + 2 * ROOM };
    char bad[PATH];

    (void)state;
    assert_non_null(mine);
    backup_running(w);
    backup_running(x);
    size_t n = slurp(w->file, mine);
    size_t m = slurp(x->file, other);
    in_home(w, "bad", bad);
    forge_begin(&f);
    forge_from(&f, other, m, identity_only);
    forge_from(&f, mine, n, all_but_identity);
    spill(bad, f.out, f.n);
    assert_int_equal(refused(w, bad), ERR_AUTH);
    assert_non_null(strstr(w->why.text, "two nodes"));
    assert_int_not_equal(access(w->state, F_OK), 0);
    /* Whole by itself, but no store: found before anybody is let in. */
    forge_begin(&f);
    forge_from(&f, mine, n, no_schema);
    spill(bad, f.out, f.n);
    assert_int_not_equal(refused(w, bad), OK);
    /* And the right one goes into what that left behind. */
    load(w);
    close_loaded(w);
    free(mine);
    world_free(x);
    world_free(w);
}

static void into_a_state_that_is_not_empty(void **state)
{
    struct world *w = world_new(5);
    struct store *s = NULL;
    struct stat before = { 0 };
    struct stat after = { 0 };
    char path[PATH];

    (void)state;
    backup_running(w);
    /* Another node's. */
    assert_int_equal(store_open(w->state, &crypt_random, &s, &w->why), OK);
    assert_int_equal(refused(w, w->file), ERR_BUSY);
    store_close(s);
    in_home(w, "state/data.mdb", path);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(refused(w, w->file), ERR_EXISTS);
    assert_non_null(strstr(w->why.text, "move it away"));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_mtime, after.st_mtime);
    assert_int_equal(store_open(w->state, &crypt_random, &s, &w->why), OK);
    store_close(s);
    /* A person's own files. */
    in_home(w, "mine", w->state);
    assert_int_equal(mkdir(w->state, 0700), 0);
    in_home(w, "mine/letter", path);
    spill(path, (const uint8_t *)"dear", 4);
    assert_int_equal(refused(w, w->file), ERR_EXISTS);
    assert_int_equal(access(path, F_OK), 0);
    world_free(w);
}

static void of_no_node(void **state)
{
    struct world *w = world_new(6);
    struct store_copied c = { 0 };

    (void)state;
    assert_int_equal(store_backup(w->state, w->file, &crypt_random, &c, &w->why),
                     ERR_UNKNOWN);
    assert_int_equal(mkdir(w->state, 0700), 0);
    assert_int_equal(store_backup(w->state, w->file, &crypt_random, &c, &w->why),
                     ERR_UNKNOWN);
    assert_int_not_equal(access(w->file, F_OK), 0);
    assert_int_equal(
        store_backup(w->n.dir, "/no/such/dir/file", &crypt_random, &c, &w->why), ERR_IO);
    world_free(w);
}

/* ---- the right one ---- */

static enum err fetch_state(struct world *w, struct rep_fetch *out)
{
    struct req_fetch req = { 0 };
    struct session who = { 0 };

    TRY(node_sim_login(&w->n, &w->a.login, &who));
    sim_op(&w->n, req.op);
    memcpy(req.request, w->a.request, ID_BYTES);
    return node_sim_ask(&w->n, &who, MSG_FETCH, &req, out);
}

static void it_comes_back_and_says_so(void **state)
{
    struct world *w = world_new(7);
    uint8_t old[ID_BYTES];
    struct req_hello hello = { .version = 1 };
    struct rep_hello hi = { 0 };
    static struct rep_epoch_state epochs;
    struct req_epoch_state none = { 0 };
    struct rep_fetch f = { 0 };
    struct stat st = { 0 };

    (void)state;
    memcpy(old, w->n.env.id->incarnation, ID_BYTES);
    backup_running(w);
    assert_int_equal(stat(w->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    load(w);
    /* Everybody comes in as before; the incarnation is another. */
    assert_int_equal(node_sim_login(&w->n, &w->g.login, &w->g.who), OK);
    assert_int_equal(node_sim_login(&w->n, &w->o.login, &w->o.who), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_HELLO, &hello, &hi), OK);
    assert_memory_not_equal(hi.incarnation, old, ID_BYTES);
    assert_memory_equal(hi.incarnation, w->n.env.id->incarnation, ID_BYTES);
    /* Its epochs may have been retired since. */
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_STATE, &none, &epochs), OK);
    assert_int_equal(epochs.n_epochs, 1);
    assert_int_equal(epochs.epochs[0].perhaps, 1);
    /* An acknowledgement is of what is really there, by the new incarnation. */
    struct ack ack = { 0 };
    assert_int_equal(ack_open(epochs.epochs[0].ack, w->e.ack, &ack), OK);
    assert_memory_equal(ack.incarnation, hi.incarnation, ID_BYTES);
    assert_int_equal(fetch_state(w, &f), OK);
    assert_int_equal(f.state, STATE_LIVE);
    close_loaded(w);
    world_free(w);
}

static enum err last_entry(struct txn *t, void *arg)
{
    struct log_head head = { 0 };

    TRY(txn_log_head(t, &head));
    return txn_log_get(t, head.seq, arg);
}

struct alerts {
    struct world *w;
    bool loaded;
};

static enum err find_alert(struct call *c, void *arg)
{
    struct alerts *a = arg;
    struct record_ward ward = { 0 };
    struct drop_entry entries[64];
    size_t n = 0;

    TRY(ward_get(c, a->w->o.ward, &ward));
    TRY(drop_list(c, ward.alert, 0, entries, 64, &n));
    for (size_t i = 0; i < n; i++) {
        struct drop_event e = { 0 };
        struct bytes blob = { 0 };

        TRY(drop_get(c, ward.alert, entries[i].seq, &blob));
        TRY(wire_get(&drop_event_schema, blob, &e));
        a->loaded |= e.event == REC_NODE_LOADED;
    }
    return OK;
}

static enum err tell_fn(struct txn *t, void *arg)
{
    struct world *w = arg;
    bool more = true;

    while (more)
        TRY(serve_tell(t, &w->n.env, w->n.now, &more));
    return OK;
}

static void log_and_wards_hear_of_it(void **state)
{
    struct world *w = world_new(8);
    static struct log_entry last;
    struct alerts a = { .w = w };

    (void)state;
    backup_running(w);
    load(w);
    assert_int_equal(store_read(w->n.store, last_entry, &last), OK);
    assert_int_equal(last.code, REC_NODE_LOADED);
    assert_int_equal(node_sim_write(&w->n, &w->g.who, find_alert, &a), OK);
    assert_false(a.loaded); /* the running node tells, in pieces */
    assert_int_equal(store_write(w->n.store, tell_fn, w), OK);
    assert_int_equal(node_sim_write(&w->n, &w->g.who, find_alert, &a), OK);
    assert_true(a.loaded);
    close_loaded(w);
    world_free(w);
}

static void of_a_stopped_node_too(void **state)
{
    struct world *w = world_new(9);
    uint8_t *a = calloc(2, ROOM);

    (void)state;
    assert_non_null(a);
    backup_running(w);
    size_t n = slurp(w->file, a);
    store_close(w->n.store);
    w->n.store = NULL;
    assert_int_equal(store_backup(w->n.dir, w->file, &crypt_random, &w->copied, &w->why),
                     OK);
    assert_false(w->copied.running);
    assert_true(slurp(w->file, a + ROOM) <= n); /* the keys are in it once */
    free(a);
    assert_int_equal(store_open(w->n.dir, &w->n.rng, &w->n.store, &w->why), OK);
    w->n.env.id = store_identity(w->n.store);
    load(w);
    assert_int_equal(node_sim_login(&w->n, &w->o.login, &w->o.who), OK);
    close_loaded(w);
    world_free(w);
}

/* ---- of a node at work ---- */

enum { WORK = 100000, MOMENTS = 6 };

/* Record n names a data key of its own, and the record before it. */
static enum err work_fn(struct txn *t, void *arg)
{
    uint64_t n = *(const uint64_t *)arg;
    struct data_id id = { .epoch = (uint32_t)n };
    uint8_t key[8];

    store_u64(key, n);
    TRY(txn_put(t, TAB_BLOB, BYTES_OF(key), BYTES_OF(key)));
    TRY(data_key_new(t, &id));
    if (n > 3) {
        id.epoch -= 3;
        TRY(data_key_drop(t, &id));
    }
    id.epoch = (uint32_t)n;
    TRY(data_put(t, &id, TAB_OBJECT, BYTES_OF(key), BYTES_OF(key)));
    return txn_log(t, 1, n, BYTES_OF(key), NULL);
}

/* Says so once it serves, and works until nobody holds the other end of stop. */
_Noreturn static void child_works(const struct world *w, int ready, int stop)
{
    struct pollfd ended = { .fd = stop };
    struct store_refusal why;
    struct store *s = NULL;

    if (store_open(w->state, &crypt_random, &s, &why) != OK || write(ready, "", 1) != 1)
        _exit(1);
    for (uint64_t n = 1; n <= WORK && poll(&ended, 1, 0) == 0; n++)
        if (store_write(s, work_fn, &n) != OK)
            _exit(1);
    _exit(0); /* as a power cut would */
}

/* How far it had come; each record up to there, and none after it. */
struct moment {
    uint64_t n;
    uint64_t logged;
};

static enum err moment_fn(struct txn *t, void *arg)
{
    struct moment *m = arg;
    struct txn_key at = { 0 };
    struct log_head head = { 0 };

    while (txn_next(t, TAB_BLOB, (struct bytes){ 0 }, &at, (struct span){ 0 }, NULL) ==
           OK)
        if (load_u64(at.b) != ++m->n)
            return ERR_CORRUPT;
    TRY(txn_log_head(t, &head));
    m->logged = head.seq;
    return OK;
}

static void one_moment(struct world *w, const char *to)
{
    struct moment m = { 0 };
    struct verdict v = { 0 };
    struct store *s = NULL;
    char line[3 * PATH];

    assert_int_equal(store_load(to, w->file, &crypt_random, &s, &w->why), OK);
    assert_int_equal(store_read(s, moment_fn, &m), OK);
    assert_int_equal(m.n, m.logged);
    assert_int_equal(verify(s, &w->n.env, &v), OK);
    assert_true(verdict_good(&v)); /* no key is missing that a record names */
    store_close(s);
    (void)snprintf(line, sizeof line, "rm -rf %s", to); /* fits */
    assert_int_equal(net_shell(line), 0);
}

static void of_a_node_at_work_it_is_one_moment(void **state)
{
    struct world *w = world_new(13);
    char to[PATH];
    int ready[2];
    int stop[2];
    int status = 0;
    char byte = 1;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(stop), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(stop[1]); /* else its end would never be seen */
        child_works(w, ready[1], stop[0]);
    }
    (void)close(ready[1]); /* else a child that fails would be waited for */
    assert_int_equal(read(ready[0], &byte, 1), 1);
    in_home(w, "to", to);
    for (unsigned i = 0; i < MOMENTS; i++) {
        struct store_copied c = { 0 };

        assert_int_equal(store_backup(w->state, w->file, &crypt_random, &c, &w->why), OK);
        assert_true(c.running);
        assert_int_equal(c.left_out, 0);
        one_moment(w, to);
    }
    (void)close(stop[1]); /* it ends */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)close(stop[0]);
    (void)close(ready[0]);
    world_free(w);
}

/* ---- cut short ---- */

/* Runs fn in a child that is killed after us microseconds; true if it had ended well. */
static bool killed_after(struct world *w, void (*fn)(struct world *w), useconds_t us)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        fn(w);
        _exit(0);
    }
    (void)usleep(us);
    (void)kill(pid, SIGKILL); /* if it ended by itself, its status says so */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void child_load(struct world *w)
{
    struct store *s = NULL;

    if (store_load(w->state, w->file, &crypt_random, &s, &w->why) != OK)
        _exit(1);
    w->n.env.id = store_identity(s);
    if (store_write(s, loaded_fn, w) != OK || store_loaded(s) != OK)
        _exit(1);
    store_close(s);
}

/* A load killed anywhere leaves no node, or the whole one; then the same load works. */
static void a_load_killed_anywhere(void **state)
{
    struct world *w = world_new(10);
    struct store *s = NULL;
    unsigned none = 0;
    unsigned whole = 0;

    (void)state;
    backup_running(w);
    for (useconds_t us = 500; whole < 2 && us < 4000000;
         us += us < 12000 ? 700 : us / 2) {
        char line[3 * PATH];
        bool done = killed_after(w, child_load, us);
        bool there = access(w->state, F_OK) == 0;
        enum err e =
            there ? store_look(w->state, &crypt_random, &s, &w->why) : ERR_UNKNOWN;

        if (e == OK) {
            struct verdict v = { 0 };

            assert_int_equal(verify(s, &w->n.env, &v), OK);
            assert_true(verdict_good(&v));
            store_close(s);
            whole++;
        } else {
            assert_false(done);
            assert_true(e == ERR_STATE || e == ERR_UNKNOWN);
            /* Nor does a node start on it. */
            if (e == ERR_STATE)
                assert_int_equal(store_open(w->state, &crypt_random, &s, &w->why),
                                 ERR_STATE);
            assert_int_equal(store_load(w->state, w->file, &crypt_random, &s, &w->why),
                             OK);
            store_close(s);
            none++;
        }
        (void)snprintf(line, sizeof line, "rm -rf %s", w->state); /* fits */
        assert_int_equal(net_shell(line), 0);
    }
    assert_true(none >= 2 && whole == 2);
    world_free(w);
}

static void child_backup(struct world *w)
{
    if (store_backup(w->n.dir, w->file, &crypt_random, &w->copied, &w->why) != OK)
        _exit(1);
}

/* A backup killed anywhere leaves the earlier one, or the new one, whole. */
static void a_backup_killed_anywhere(void **state)
{
    struct world *w = world_new(11);
    struct store *s = NULL;
    char line[3 * PATH];

    (void)state;
    backup_running(w);
    for (useconds_t us = 200; us < 12000; us += 700)
        (void)killed_after(w, child_backup, us);
    assert_int_equal(store_load(w->state, w->file, &crypt_random, &s, &w->why), OK);
    store_close(s);
    /* Without an earlier one: none, or whole. */
    for (useconds_t us = 200; us < 12000; us += 1100) {
        (void)snprintf(line, sizeof line, "rm -rf %s %s", w->state, w->file); /* fits */
        assert_int_equal(net_shell(line), 0);
        (void)killed_after(w, child_backup, us);
        if (access(w->file, F_OK) != 0)
            continue;
        assert_int_equal(store_load(w->state, w->file, &crypt_random, &s, &w->why), OK);
        store_close(s);
    }
    world_free(w);
}

/* ---- rolled back by hand ---- */

static void an_older_copy_put_in_place_by_hand(void **state)
{
    struct world *w = world_new(12);
    struct sim_owner late = { 0 };
    struct store *s = NULL;
    char line[4 * PATH];

    (void)state;
    store_close(w->n.store);
    (void)snprintf(line, sizeof line, "cp %s/data.mdb %s/old", w->n.dir, w->home);
    assert_int_equal(net_shell(line), 0);
    assert_int_equal(store_open(w->n.dir, &w->n.rng, &w->n.store, &w->why), OK);
    w->n.env.id = store_identity(w->n.store);
    sim_ward(&w->n, &w->g, &late);
    store_close(w->n.store);
    (void)snprintf(line, sizeof line, "cp %s/old %s/data.mdb", w->home, w->n.dir);
    assert_int_equal(net_shell(line), 0);
    assert_int_equal(store_open(w->n.dir, &crypt_random, &s, &w->why), ERR_ROLLBACK);
    assert_non_null(strstr(w->why.text, "kithd load"));
    /* What it says is possible: a backup of that copy, loaded as one. */
    assert_int_equal(store_backup(w->n.dir, w->file, &crypt_random, &w->copied, &w->why),
                     OK);
    assert_int_equal(store_load(w->state, w->file, &w->n.rng, &s, &w->why), OK);
    w->n.store = s;
    w->n.env.id = store_identity(s);
    assert_int_equal(store_write(s, loaded_fn, w), OK);
    assert_int_equal(store_loaded(s), OK);
    assert_int_equal(node_sim_login(&w->n, &w->o.login, &w->o.who), OK);
    assert_int_not_equal(node_sim_login(&w->n, &late.login, &late.who), OK);
    store_close(s);
    (void)snprintf(line, sizeof line, "rm -rf %s %s", w->home, w->n.dir);
    assert_int_equal(net_shell(line), 0);
    free(w);
}

/* ---- verify ---- */

struct harm {
    const char *what;
    enum err (*fn)(struct call *c, void *world);
    size_t off; /* of the count in struct verdict that sees it */
};

static enum err miscount_seat(struct call *c, void *arg)
{
    struct world *w = arg;
    struct record_seat seat = { 0 };

    TRY(seat_get(c, w->g.seat, &seat));
    seat.wards.count++;
    return seat_put(c, &seat);
}

static enum err other_digest(struct call *c, void *arg)
{
    struct world *w = arg;
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->o.ward, &ward));
    ward.creds.sum[3] ^= 1;
    return ward_put(c, &ward);
}

static enum err lose_alert(struct call *c, void *arg)
{
    struct world *w = arg;
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->o.ward, &ward));
    struct txn_key key = key_blob(ward.alert, 1);
    return txn_del(c->txn, TAB_BLOB, key_bytes(&key));
}

static enum err lose_entry(struct call *c, void *arg)
{
    uint8_t key[8];

    (void)arg;
    store_u64(key, 2);
    return txn_del(c->txn, TAB_LOG, BYTES_OF(key));
}

static enum err lose_request(struct call *c, void *arg)
{
    struct world *w = arg;

    return txn_del(c->txn, TAB_REQUEST, BYTES_OF(w->a.request));
}

static enum err lose_epoch(struct call *c, void *arg)
{
    struct world *w = arg;
    struct txn_key key = key_epoch(w->o.ward, 1);

    return txn_del(c->txn, TAB_EPOCH, key_bytes(&key));
}

static const struct harm harms[] = {
    { "a seat counts a ward too many", miscount_seat,
      offsetof(struct verdict, owners_wrong) },
    { "a ward's digest is another", other_digest,
      offsetof(struct verdict, owners_wrong) },
    { "an epoch is gone", lose_epoch, offsetof(struct verdict, owners_wrong) },
    { "an alert is gone", lose_alert, offsetof(struct verdict, drops_broken) },
    { "an entry of the log is gone", lose_entry, offsetof(struct verdict, log_broken) },
    { "a request is gone", lose_request, offsetof(struct verdict, pointers_lost) },
};

static void verify_sees_each_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        struct world *w = world_new(20 + i);
        struct verdict v = { 0 };
        uint64_t seen = 0;

        assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
        assert_true(verdict_good(&v));
        assert_true(v.owners == 2 && v.drops > 0 && v.entries > 0 && v.pointers > 0);
        assert_int_equal(node_sim_write(&w->n, &w->g.who, harms[i].fn, w), OK);
        assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
        memcpy(&seen, (const uint8_t *)&v + harms[i].off, sizeof seen);
        if (verdict_good(&v) || seen == 0)
            fail_msg("not seen: %s", harms[i].what);
        world_free(w);
    }
}

static void verify_sees_a_lost_key(void **state)
{
    struct world *w = world_new(30);
    struct verdict v = { 0 };
    char line[3 * PATH];

    (void)state;
    (void)snprintf(line, sizeof line, "rm %s/keys/*.a", w->n.dir); /* fits */
    assert_int_equal(net_shell(line), 0);
    assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
    assert_true(verdict_good(&v)); /* there are two copies */
    (void)snprintf(line, sizeof line, "rm %s/keys/*.b", w->n.dir); /* fits */
    assert_int_equal(net_shell(line), 0);
    assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
    assert_int_equal(v.store.keys_lost, 1);
    assert_false(verdict_good(&v));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_short_anywhere),
        cmocka_unit_test(with_one_byte_changed),
        cmocka_unit_test(put_together_from_two_nodes),
        cmocka_unit_test(into_a_state_that_is_not_empty),
        cmocka_unit_test(of_no_node),
        cmocka_unit_test(it_comes_back_and_says_so),
        cmocka_unit_test(log_and_wards_hear_of_it),
        cmocka_unit_test(of_a_stopped_node_too),
        cmocka_unit_test(of_a_node_at_work_it_is_one_moment),
        cmocka_unit_test(a_load_killed_anywhere),
        cmocka_unit_test(a_backup_killed_anywhere),
        cmocka_unit_test(an_older_copy_put_in_place_by_hand),
        cmocka_unit_test(verify_sees_each_harm),
        cmocka_unit_test(verify_sees_a_lost_key),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
