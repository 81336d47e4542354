/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/store.h"

/* ---- a State of its own for each test ---- */

enum { PATH = 256 };

struct place {
    char dir[PATH];
    struct store *s;
    struct store_refusal why;
};

static void path_of(const struct place *p, const char *name, char out[PATH])
{
    int n = snprintf(out, PATH, "%s/%s", p->dir, name);

    assert_true(n > 0 && n < PATH);
}

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    (void)snprintf(p->dir, sizeof(p->dir), "/tmp/kith-store-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(p->dir));
    *state = p;
    return 0;
}

static void remove_all(const char *dir)
{
    DIR *d = opendir(dir);
    char path[PATH * 2];

    if (d == NULL)
        return;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name); /* own short names */
        if (e->d_type == DT_DIR)
            remove_all(path);
        else
            assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(closedir(d), 0);
    assert_int_equal(rmdir(dir), 0);
}

static int drop_place(void **state)
{
    struct place *p = *state;

    store_close(p->s);
    remove_all(p->dir);
    free(p);
    return 0;
}

static void open_ok(struct place *p)
{
    enum err e = store_open(p->dir, &crypt_random, &p->s, &p->why);

    if (e != OK)
        fail_msg("%s: %s", err_name(e), p->why.text);
}

static void close_it(struct place *p)
{
    store_close(p->s);
    p->s = NULL;
}

static void open_refused(struct place *p, enum err want, const char *part)
{
    struct store *s = NULL;

    memset(&p->why, 0, sizeof(p->why));
    assert_int_equal(store_open(p->dir, &crypt_random, &s, &p->why), want);
    assert_null(s);
    if (strstr(p->why.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, p->why.text);
    /* A reason and a next step: at least two clauses, ended. */
    size_t n = strlen(p->why.text);
    assert_true(n > 40 && p->why.text[n - 1] == '.');
}

static void remove_file(const struct place *p, const char *name)
{
    char path[PATH];

    path_of(p, name, path);
    assert_int_equal(unlink(path), 0);
}

static void copy_file(const struct place *p, const char *from, const char *to)
{
    char a[PATH];
    char b[PATH];
    uint8_t chunk[4096];

    path_of(p, from, a);
    path_of(p, to, b);
    int in = open(a, O_RDONLY);
    int out = open(b, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t n = read(in, chunk, sizeof(chunk)); n > 0;
         n = read(in, chunk, sizeof(chunk)))
        assert_int_equal(write(out, chunk, (size_t)n), n);
    assert_int_equal(close(in) + close(out), 0);
}

static off_t file_size(const struct place *p, const char *name)
{
    char path[PATH];
    struct stat st;

    path_of(p, name, path);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void cut_file(const struct place *p, const char *name, off_t size)
{
    char path[PATH];

    path_of(p, name, path);
    assert_int_equal(truncate(path, size), 0);
}

static void flip(const struct place *p, const char *name, off_t at, uint8_t bits)
{
    char path[PATH];
    uint8_t b = 0;

    path_of(p, name, path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &b, 1, at), 1);
    b ^= bits;
    assert_int_equal(pwrite(fd, &b, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

/* ---- small jobs ---- */

struct item {
    uint32_t n;
    size_t size;  /* of the value */
    enum err end; /* what the job returns after its puts */
};

static struct bytes item_key(uint32_t n, uint8_t out[4])
{
    store_u32(out, n);
    return bytes_of(out, 4);
}

/* A value that tells its key: item n holds n in every byte and its number in front. */
static struct bytes item_value(const struct item *it, uint8_t *out)
{
    memset(out, (int)(it->n & 0xff), it->size);
    if (it->size >= 4)
        store_u32(out, it->n);
    return bytes_of(out, it->size);
}

static uint8_t big[STORE_VALUE + 1];

static enum err put_item(struct txn *t, void *arg)
{
    const struct item *it = arg;
    uint8_t key[4];

    TRY(txn_put(t, TAB_BLOB, item_key(it->n, key), item_value(it, big)));
    return it->end;
}

static enum err del_item(struct txn *t, void *arg)
{
    const struct item *it = arg;
    uint8_t key[4];

    TRY(txn_del(t, TAB_BLOB, item_key(it->n, key)));
    return it->end;
}

/* ERR_UNKNOWN: absent; ERR_CORRUPT: refused; ERR_ARG: wrong data came back. */
static enum err get_item(struct txn *t, void *arg)
{
    const struct item *it = arg;
    static uint8_t got[STORE_VALUE];
    uint8_t key[4];
    size_t n = 0;

    TRY(txn_get(t, TAB_BLOB, item_key(it->n, key), SPAN_OF(got), &n));
    struct bytes want = item_value(it, big);
    return bytes_equal(bytes_of(got, n), want) ? OK : ERR_ARG;
}

static void put_ok(struct place *p, uint32_t n, size_t size)
{
    struct item it = { .n = n, .size = size };

    assert_int_equal(store_write(p->s, put_item, &it), OK);
}

static enum err got(struct place *p, uint32_t n, size_t size)
{
    struct item it = { .n = n, .size = size };

    return store_read(p->s, get_item, &it);
}

/* ---- starting ---- */

static void a_first_start_makes_a_node_that_stays_the_same(void **state)
{
    struct place *p = *state;
    uint8_t pub[PUB_BYTES];
    uint8_t incarnation[ID_BYTES];

    open_ok(p);
    assert_true(store_is_first_start(p->s));
    memcpy(pub, store_identity(p->s)->node_pub, sizeof(pub));
    memcpy(incarnation, store_identity(p->s)->incarnation, sizeof(incarnation));
    put_ok(p, 1, 100);
    close_it(p);
    open_ok(p);
    assert_false(store_is_first_start(p->s));
    assert_memory_equal(store_identity(p->s)->node_pub, pub, sizeof(pub));
    assert_memory_equal(store_identity(p->s)->incarnation, incarnation,
                        sizeof(incarnation));
    assert_int_equal(got(p, 1, 100), OK);
    assert_int_equal(got(p, 2, 100), ERR_UNKNOWN);
}

static void files_of_the_state_are_private(void **state)
{
    struct place *p = *state;
    const char *const names[] = { "identity", "data.mdb", "anchor", "lock", "reserve" };
    struct stat st;
    char path[PATH];

    open_ok(p);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(p, names[i], path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void a_missing_store_is_refused(void **state)
{
    struct place *p = *state;

    open_ok(p);
    close_it(p);
    remove_file(p, "data.mdb");
    open_refused(p, ERR_CORRUPT, "store (data.mdb) is missing");
    assert_int_equal(file_size(p, "data.mdb"), -1);
}

static void a_missing_identity_is_refused(void **state)
{
    struct place *p = *state;

    open_ok(p);
    close_it(p);
    remove_file(p, "identity");
    open_refused(p, ERR_CORRUPT, "identity file is missing");
    remove_file(p, "data.mdb");
    open_refused(p, ERR_CORRUPT, "was a node's");
}

static void an_empty_store_is_refused(void **state)
{
    struct place *p = *state;

    open_ok(p);
    close_it(p);
    cut_file(p, "data.mdb", 0);
    open_refused(p, ERR_CORRUPT, "it is empty");
}

static void a_store_that_was_made_anew_is_refused(void **state)
{
    struct place *p = *state;
    char from[PATH];
    char to[PATH];

    void *place = NULL;
    make_place(&place);
    struct place *q = place;
    open_ok(p);
    open_ok(q);
    put_ok(p, 1, 10);
    put_ok(q, 1, 10);
    close_it(p);
    close_it(q);
    path_of(q, "data.mdb", from);
    path_of(p, "data.mdb", to);
    assert_int_equal(rename(from, to), 0);
    open_refused(p, ERR_CORRUPT, "belongs to another node");
    /* And the other way round: this node's store under the other's identity. */
    path_of(p, "identity", to);
    path_of(q, "identity", from);
    assert_int_equal(rename(from, to), 0);
    open_refused(p, ERR_CORRUPT, "anchor is damaged");
    drop_place(&place);
}

static void a_damaged_identity_is_refused_at_every_byte(void **state)
{
    struct place *p = *state;

    open_ok(p);
    close_it(p);
    off_t n = file_size(p, "identity");
    for (off_t at = 0; at < n; at++) {
        flip(p, "identity", at, 1);
        open_refused(p, ERR_CORRUPT, "identity file is damaged");
        flip(p, "identity", at, 1);
    }
    open_ok(p);
    close_it(p);
    cut_file(p, "identity", n - 1);
    open_refused(p, ERR_CORRUPT, "identity file is damaged");
    cut_file(p, "identity", n + 1);
    open_refused(p, ERR_CORRUPT, "identity file is damaged");
}

static void two_cannot_have_one_state(void **state)
{
    struct place *p = *state;

    open_ok(p);
    struct store *keep = p->s;
    open_refused(p, ERR_BUSY, "Another kithd");
    p->s = keep;
}

static void a_state_without_a_parent_is_refused(void **state)
{
    struct place *p = *state;
    struct place q = { .s = NULL };

    path_of(p, "no/such", q.dir);
    open_refused(&q, ERR_IO, "cannot be made");
}

static void an_interrupted_first_start_begins_again(void **state)
{
    struct place *p = *state;
    char path[PATH];

    open_ok(p);
    close_it(p);
    remove_file(p, "identity"); /* it is written last */
    path_of(p, "first-start", path);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    open_ok(p);
    assert_true(store_is_first_start(p->s));
    assert_int_equal(file_size(p, "first-start"), -1);
    close_it(p);
    /* Cut after the identity: the node exists, only the mark has to go. */
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    open_ok(p);
    assert_false(store_is_first_start(p->s));
    assert_int_equal(file_size(p, "first-start"), -1);
}

/* ---- damage ---- */

enum { ITEMS = 40 };

/* Short, middle and long values: inside a page, and on pages of their own. */
static size_t item_size(uint32_t n)
{
    return n % 8 == 7 ? 9000 : 20 + n * 17;
}

static void fill(struct place *p)
{
    open_ok(p);
    for (uint32_t n = 0; n < ITEMS; n++)
        put_ok(p, n, item_size(n));
    /* Holes: pages that are free again. */
    for (uint32_t n = ITEMS; n < ITEMS + 5; n++)
        put_ok(p, n, 5000);
    for (uint32_t n = ITEMS; n < ITEMS + 5; n++) {
        struct item it = { .n = n };
        assert_int_equal(store_write(p->s, del_item, &it), OK);
    }
    close_it(p);
}

struct tally {
    unsigned refused, corrupt, right, wrong, lost;
};

static void read_damaged(struct place *p, struct tally *t)
{
    p->s = NULL;
    if (store_open(p->dir, &crypt_random, &p->s, &p->why) != OK) {
        t->refused++;
        return;
    }
    unsigned corrupt = 0;
    for (uint32_t n = 0; n < ITEMS; n++) {
        enum err e = got(p, n, item_size(n));
        corrupt += e == ERR_CORRUPT;
        t->wrong += e == ERR_ARG;
        t->lost += e != OK && e != ERR_CORRUPT && e != ERR_ARG;
    }
    t->corrupt += corrupt > 0;
    t->right += corrupt == 0;
    close_it(p);
}

static void a_flipped_byte_never_gives_wrong_data(void **state)
{
    struct place *p = *state;
    struct tally t = { 0 };
    uint32_t chance = 12345;

    fill(p);
    copy_file(p, "data.mdb", "data.good");
    copy_file(p, "anchor", "anchor.good");
    off_t size = file_size(p, "data.mdb");
    for (off_t at = 0; at < size;) {
        chance = chance * 1664525 + 1013904223;
        flip(p, "data.mdb", at, (uint8_t)(1U << (chance >> 29)));
        read_damaged(p, &t);
        copy_file(p, "data.good", "data.mdb");
        copy_file(p, "anchor.good", "anchor");
        /* Each byte of the heads and of the beginning of pages, a sample of the rest. */
        off_t in_page = at % 4096;
        bool head = in_page < 24 || (at < 8192 && in_page < 192);
        at += head ? 1 : 101 + (off_t)(chance >> 24) % 101;
    }
    print_message("flips: %u refused, %u corrupt, %u harmless\n", t.refused, t.corrupt,
                  t.right);
    assert_int_equal(t.wrong, 0);
    assert_int_equal(t.lost, 0);
    assert_true(t.refused > 150 && t.corrupt > 50);
}

static void a_truncated_store_is_refused_or_whole_and_never_a_fault(void **state)
{
    struct place *p = *state;
    struct tally t = { 0 };

    fill(p);
    copy_file(p, "data.mdb", "data.good");
    copy_file(p, "anchor", "anchor.good");
    off_t size = file_size(p, "data.mdb");
    for (off_t n = size - 1; n > 0; n = n > 5000 ? n - 1777 : n - 701) {
        cut_file(p, "data.mdb", n);
        read_damaged(p, &t);
        copy_file(p, "data.good", "data.mdb");
        copy_file(p, "anchor.good", "anchor");
    }
    /* Free pages at the end may be missing: LMDB itself leaves them out at times. */
    assert_int_equal(t.wrong + t.lost + t.corrupt, 0);
    assert_true(t.refused > 20);
    cut_file(p, "data.mdb", 10000);
    open_refused(p, ERR_CORRUPT, "it is cut short");
}

/* Where LMDB's head has the records' root page and the number of the commit. */
enum { HEAD_ROOT = 128, HEAD_COMMIT = 144, HEAD_PAGE = 4096 };

static uint64_t head_word(int fd, off_t at)
{
    uint64_t v = 0;

    assert_int_equal(pread(fd, &v, sizeof(v), at), sizeof(v));
    return v;
}

static void a_head_that_leads_to_an_older_page_is_refused(void **state)
{
    struct place *p = *state;
    char path[PATH];

    open_ok(p);
    put_ok(p, 1, 50);
    put_ok(p, 1, 60);
    close_it(p);
    path_of(p, "data.mdb", path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    off_t now =
        head_word(fd, HEAD_COMMIT) % 2 == 0 &&
                head_word(fd, HEAD_COMMIT) > head_word(fd, HEAD_PAGE + HEAD_COMMIT)
            ? 0
            : HEAD_PAGE;
    uint64_t root = head_word(fd, HEAD_PAGE - now + HEAD_ROOT);
    assert_true(root > 1 && root != head_word(fd, now + HEAD_ROOT));
    /* The old page is whole, its records open: only its being free tells. */
    assert_int_equal(pwrite(fd, &root, sizeof(root), now + HEAD_ROOT), sizeof(root));
    assert_int_equal(close(fd), 0);
    open_refused(p, ERR_CORRUPT, "it uses a page twice");
}

static void garbage_is_refused(void **state)
{
    struct place *p = *state;
    char path[PATH];
    static uint8_t noise[4096 * 3];

    open_ok(p);
    close_it(p);
    path_of(p, "data.mdb", path);
    rng_fill(&crypt_random, noise, sizeof(noise));
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
    assert_int_equal(close(fd), 0);
    open_refused(p, ERR_CORRUPT, "it is not a store");
}

static void values_do_not_lie_open_on_the_disk(void **state)
{
    struct place *p = *state;
    char path[PATH];
    uint8_t *file = calloc(1, 1 << 20);

    open_ok(p);
    put_ok(p, 0x4b4b4b4b, 300); /* 300 times 'K', but for its number */
    close_it(p);
    path_of(p, "data.mdb", path);
    int fd = open(path, O_RDONLY);
    assert_non_null(file);
    ssize_t n = read(fd, file, 1 << 20);
    assert_true(n > 4096);
    assert_null(memmem(file, (size_t)n, "KKKKKKKK", 8));
    assert_int_equal(close(fd), 0);
    free(file);
}

/* ---- going back ---- */

static enum err log_one(struct txn *t, void *arg)
{
    struct log_head *head = arg;

    return txn_log(t, 7, 1000, bytes_text("what happened"), head);
}

static void an_older_store_is_refused(void **state)
{
    struct place *p = *state;

    open_ok(p);
    put_ok(p, 1, 10);
    close_it(p);
    copy_file(p, "data.mdb", "data.old");
    copy_file(p, "anchor", "anchor.old");
    open_ok(p);
    put_ok(p, 2, 10); /* not even a log entry: commits are counted too */
    close_it(p);
    copy_file(p, "data.mdb", "data.new");
    copy_file(p, "data.old", "data.mdb");
    open_refused(p, ERR_ROLLBACK, "older than it was");
    copy_file(p, "data.new", "data.mdb");
    open_ok(p);
    assert_int_equal(got(p, 2, 10), OK);
    close_it(p);
    /* An anchor that is behind is what a power cut leaves. */
    copy_file(p, "anchor.old", "anchor");
    open_ok(p);
    assert_int_equal(got(p, 2, 10), OK);
}

static void a_tick_moves_the_anchor(void **state)
{
    struct place *p = *state;

    open_ok(p);
    copy_file(p, "data.mdb", "data.old");
    put_ok(p, 2, 10);
    store_tick(p->s);
    /* As kill -9 leaves it: without the anchor of a stop. */
    copy_file(p, "anchor", "anchor.tick");
    close_it(p);
    copy_file(p, "anchor.tick", "anchor");
    copy_file(p, "data.old", "data.mdb");
    open_refused(p, ERR_ROLLBACK, "older than it was");
}

static void another_history_of_equal_length_is_refused(void **state)
{
    struct place *p = *state;
    struct log_head one = { 0 };

    open_ok(p);
    close_it(p);
    copy_file(p, "data.mdb", "data.old");
    open_ok(p);
    assert_int_equal(store_write(p->s, log_one, &one), OK);
    close_it(p);
    copy_file(p, "anchor", "anchor.one");
    copy_file(p, "data.old", "data.mdb");
    remove_file(p, "anchor");
    open_refused(p, ERR_UNKNOWN, "anchor is damaged");
    copy_file(p, "anchor.one", "anchor");
    open_refused(p, ERR_ROLLBACK, "older than it was");
    assert_int_equal(one.seq, 1);
}

static void a_damaged_anchor_is_refused_at_every_byte(void **state)
{
    struct place *p = *state;

    open_ok(p);
    close_it(p);
    for (off_t at = 0; at < file_size(p, "anchor"); at++) {
        flip(p, "anchor", at, 0x80);
        open_refused(p, ERR_CORRUPT, "anchor is damaged");
        flip(p, "anchor", at, 0x80);
    }
    open_ok(p);
}

/* ---- records ---- */

static void a_failing_job_has_written_nothing(void **state)
{
    struct place *p = *state;
    struct item keep = { .n = 1, .size = 50 };
    struct item bad = { .n = 2, .size = 50, .end = ERR_REFUSED };
    struct item bad_del = { .n = 1, .end = ERR_STATE };
    struct store_job jobs[] = { { .fn = put_item, .arg = &keep },
                                { .fn = put_item, .arg = &bad },
                                { .fn = del_item, .arg = &bad_del } };

    open_ok(p);
    store_run(p->s, jobs, 3);
    assert_int_equal(jobs[0].result, OK);
    assert_int_equal(jobs[1].result, ERR_REFUSED);
    assert_int_equal(jobs[2].result, ERR_STATE);
    assert_int_equal(got(p, 1, 50), OK);
    assert_int_equal(got(p, 2, 50), ERR_UNKNOWN);
    close_it(p);
    open_ok(p);
    assert_int_equal(got(p, 1, 50), OK);
    assert_int_equal(got(p, 2, 50), ERR_UNKNOWN);
}

static enum err sizes_job(struct txn *t, void *arg)
{
    uint8_t key[STORE_KEY + 1] = { 1 };
    uint8_t small[10];
    size_t n = 99;

    (void)arg;
    assert_int_equal(txn_put(t, TAB_BLOB, bytes_of(key, STORE_KEY + 1), bytes_text("x")),
                     ERR_TOO_BIG);
    assert_int_equal(txn_put(t, TAB_BLOB, bytes_of(key, STORE_KEY), BYTES_OF(small)), OK);
    assert_int_equal(txn_get(t, TAB_BLOB, bytes_of(key, STORE_KEY),
                             (struct span){ small, sizeof(small) - 1 }, &n),
                     ERR_TOO_BIG);
    assert_int_equal(n, 99);
    /* An empty value is a value. */
    assert_int_equal(txn_put(t, TAB_BLOB, bytes_of(key, 1), (struct bytes){ 0 }), OK);
    assert_int_equal(txn_get(t, TAB_BLOB, bytes_of(key, 1), SPAN_OF(small), &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(txn_has(t, TAB_BLOB, bytes_of(key, 1)), OK);
    assert_int_equal(txn_has(t, TAB_DROP, bytes_of(key, 1)), ERR_UNKNOWN);
    return OK;
}

static void sizes_are_bounded(void **state)
{
    struct place *p = *state;
    struct item most = { .n = 3, .size = STORE_VALUE };
    struct item more = { .n = 4, .size = STORE_VALUE + 1 };

    open_ok(p);
    assert_int_equal(store_write(p->s, sizes_job, NULL), OK);
    assert_int_equal(store_write(p->s, put_item, &most), OK);
    assert_int_equal(got(p, 3, STORE_VALUE), OK);
    assert_int_equal(store_write(p->s, put_item, &more), ERR_TOO_BIG);
}

static enum err flood_job(struct txn *t, void *arg)
{
    uint8_t key[4];

    (void)arg;
    for (uint32_t n = 0; n < 100; n++)
        TRY(txn_put(t, TAB_BLOB, item_key(n, key), bytes_of(big, 60000)));
    return OK;
}

static void one_job_cannot_write_without_bound(void **state)
{
    struct place *p = *state;

    open_ok(p);
    assert_int_equal(store_write(p->s, flood_job, NULL), ERR_TOO_BIG);
    assert_int_equal(got(p, 0, 60000), ERR_UNKNOWN);
    put_ok(p, 1, 10);
}

/* Goes through the table inside a job with pending writes, and compares with a model. */
struct model {
    bool there[64];
    uint32_t seed;
};

static uint32_t draw(struct model *m)
{
    m->seed = m->seed * 1664525 + 1013904223;
    return m->seed >> 16;
}

static void go_through(struct txn *t, const struct model *m, uint8_t prefix)
{
    struct txn_key key = { 0 };
    uint8_t value[1];
    size_t n = 0;

    for (uint8_t i = 0; i < 64; i++) {
        uint8_t want[2] = { (uint8_t)(i / 16), i };
        if (!m->there[i] || want[0] != prefix)
            continue;
        assert_int_equal(
            txn_next(t, TAB_REQUEST, bytes_of(&prefix, 1), &key, SPAN_OF(value), &n), OK);
        assert_true(bytes_equal(bytes_of(key.b, key.n), BYTES_OF(want)));
        assert_int_equal(value[0], i);
    }
    struct txn_key last = key;
    assert_int_equal(
        txn_next(t, TAB_REQUEST, bytes_of(&prefix, 1), &key, SPAN_OF(value), &n),
        ERR_UNKNOWN);
    assert_memory_equal(&last, &key, sizeof(key));
}

static enum err model_job(struct txn *t, void *arg)
{
    struct model *m = arg;

    for (unsigned step = 0; step < 20; step++) {
        uint8_t i = (uint8_t)(draw(m) % 64);
        uint8_t key[2] = { (uint8_t)(i / 16), i };
        m->there[i] = draw(m) % 3 != 0;
        if (m->there[i])
            TRY(txn_put(t, TAB_REQUEST, BYTES_OF(key), bytes_of(&i, 1)));
        else
            TRY(txn_del(t, TAB_REQUEST, BYTES_OF(key)));
        go_through(t, m, (uint8_t)(draw(m) % 4));
    }
    return draw(m) % 4 == 0 ? ERR_STATE : OK;
}

static void a_table_is_gone_through_in_order_with_pending_writes(void **state)
{
    struct place *p = *state;
    struct model m = { .seed = 1 };

    open_ok(p);
    /* Neighbouring tables must not show. */
    put_ok(p, 5, 5);
    for (unsigned round = 0; round < 60; round++) {
        struct model before = m;
        if (store_write(p->s, model_job, &m) != OK)
            memcpy(m.there, before.there, sizeof(m.there));
    }
}

/* ---- outcomes ---- */

struct told {
    unsigned times;
    enum err result;
    enum store_outcome outcome;
};

struct tell {
    struct item item;
    struct told told;
};

static enum err put_tell(struct txn *t, void *arg)
{
    return put_item(t, &((struct tell *)arg)->item);
}

static void on_done(void *arg, enum err result, enum store_outcome outcome)
{
    struct tell *tell = arg;

    tell->told.times++;
    tell->told.result = result;
    tell->told.outcome = outcome;
}

static void each_job_is_told_its_own_outcome(void **state)
{
    struct place *p = *state;
    struct tell a = { .item = { .n = 1, .size = 10 } };
    struct tell b = { .item = { .n = 2, .size = 10, .end = ERR_EXPIRED } };
    struct store_job jobs[] = { { .fn = put_tell, .done = on_done, .arg = &a },
                                { .fn = put_tell, .done = on_done, .arg = &b } };

    open_ok(p);
    store_run(p->s, jobs, 2);
    assert_int_equal(a.told.times, 1);
    assert_int_equal(a.told.result, OK);
    assert_int_equal(a.told.outcome, STORE_DONE);
    assert_int_equal(b.told.times, 1);
    assert_int_equal(b.told.result, ERR_EXPIRED);
    assert_int_equal(b.told.outcome, STORE_NOT_DONE);
}

static void file_limit(rlim_t n)
{
    struct rlimit r = { 0 };

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void a_commit_that_fails_is_unknown_and_the_store_goes_on(void **state)
{
    struct place *p = *state;
    struct tell a = { .item = { .n = 1, .size = 60000 } };
    struct tell b = { .item = { .n = 2, .size = 10, .end = ERR_EXPIRED } };
    struct store_job jobs[] = { { .fn = put_tell, .done = on_done, .arg = &a },
                                { .fn = put_tell, .done = on_done, .arg = &b } };

    open_ok(p);
    put_ok(p, 9, 100);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    file_limit((rlim_t)file_size(p, "data.mdb"));
    store_run(p->s, jobs, 2);
    file_limit(RLIM_INFINITY);
    assert_int_equal(a.told.result, ERR_IO);
    assert_int_equal(a.told.outcome, STORE_UNKNOWN);
    /* Even the failed one: its reason may have been the other's write. */
    assert_int_equal(b.told.outcome, STORE_UNKNOWN);
    assert_int_equal(store_health(p->s), OK);
    assert_int_equal(got(p, 9, 100), OK);
    assert_int_equal(got(p, 1, 60000), ERR_UNKNOWN);
    put_ok(p, 1, 60000);
    close_it(p);
    open_ok(p);
    assert_int_equal(got(p, 1, 60000), OK);
}

static void write_zeros(const char *path, size_t most)
{
    static const uint8_t zeros[4096];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    assert_true(fd >= 0);
    for (size_t n = 0; n < most; n += sizeof(zeros))
        if (write(fd, zeros, sizeof(zeros)) != (ssize_t)sizeof(zeros))
            break;
    assert_int_equal(close(fd), 0);
}

static void a_full_disk_still_takes_what_is_essential(void **state)
{
    struct place *p = *state;
    struct tell a = { .item = { .n = 1, .size = 1000 } };
    struct tell b = { .item = { .n = 2, .size = 1000 } };
    struct store_job ordinary = { .fn = put_tell, .done = on_done, .arg = &a };
    struct store_job bulk = {
        .fn = put_tell, .done = on_done, .arg = &a, .need = STORE_BULK
    };
    struct store_job essential = {
        .fn = put_tell, .done = on_done, .arg = &b, .need = STORE_ESSENTIAL
    };
    char filler[PATH];

    if (mount("tmpfs", p->dir, "tmpfs", 0, "size=16m") != 0) {
        print_message("skipped: a disk of its own needs the right to mount\n");
        skip();
    }
    path_of(p, "filler", filler);
    open_ok(p);
    put_ok(p, 9, 100);
    /* So small a disk has no room for vaults, long before it is full. */
    store_run(p->s, &bulk, 1);
    assert_int_equal(a.told.result, ERR_DISK_FULL);
    assert_int_equal(a.told.outcome, STORE_NOT_DONE);
    put_ok(p, 8, 100);
    write_zeros(filler, (size_t)64 << 20);
    store_run(p->s, &ordinary, 1);
    assert_int_equal(a.told.result, ERR_DISK_FULL);
    assert_int_equal(a.told.outcome, STORE_NOT_DONE);
    assert_true(file_size(p, "reserve") > 0);
    store_run(p->s, &essential, 1);
    assert_int_equal(b.told.result, OK);
    assert_int_equal(b.told.outcome, STORE_DONE);
    assert_int_equal(file_size(p, "reserve"), -1);
    store_tick(p->s); /* still full: no reserve */
    assert_int_equal(file_size(p, "reserve"), -1);
    assert_int_equal(unlink(filler), 0);
    store_tick(p->s);
    assert_true(file_size(p, "reserve") > 0);
    store_run(p->s, &ordinary, 1);
    assert_int_equal(a.told.result, OK);
    close_it(p);
    assert_int_equal(umount(p->dir), 0);
}

/* ---- the store thread ---- */

enum { MANY = 300 };

static void the_thread_does_each_job_once(void **state)
{
    struct place *p = *state;
    static struct tell tells[MANY];
    static struct store_job jobs[MANY];

    open_ok(p);
    memset(tells, 0, sizeof(tells));
    assert_int_equal(store_start(p->s), OK);
    for (uint32_t i = 0; i < MANY; i++) {
        tells[i].item =
            (struct item){ .n = i, .size = 40, .end = i % 7 == 3 ? ERR_USED : OK };
        jobs[i] = (struct store_job){ .fn = put_tell, .done = on_done, .arg = &tells[i] };
        store_submit(p->s, &jobs[i]);
        if (i % 50 == 0) {
            store_tick(p->s);
            /* Reading goes on beside writing. */
            enum err e = got(p, i / 2, 40);
            assert_true(e == OK || e == ERR_UNKNOWN);
        }
    }
    store_stop(p->s);
    for (uint32_t i = 0; i < MANY; i++) {
        bool bad = i % 7 == 3;
        assert_int_equal(tells[i].told.times, 1);
        assert_int_equal(tells[i].told.outcome, bad ? STORE_NOT_DONE : STORE_DONE);
        assert_int_equal(tells[i].told.result, bad ? ERR_USED : OK);
        assert_int_equal(got(p, i, 40), bad ? ERR_UNKNOWN : OK);
    }
    /* Again: a stopped store can be started. */
    assert_int_equal(store_start(p->s), OK);
    store_submit(p->s, &jobs[0]);
    store_stop(p->s);
    assert_int_equal(tells[0].told.times, 2);
}

/* ---- op ids ---- */

struct op_case {
    uint8_t cred[ID_BYTES];
    uint8_t op[ID_BYTES];
    uint8_t hash[HASH_BYTES];
    uint64_t now;
    const char *reply;
    char seen[100];
};

static enum err op_keep(struct txn *t, void *arg)
{
    const struct op_case *c = arg;

    return txn_op_keep(t, c->cred, c->op, c->hash, c->now, bytes_text(c->reply));
}

static enum err op_seen(struct txn *t, void *arg)
{
    struct op_case *c = arg;
    size_t n = 0;

    TRY(txn_op_seen(t, c->cred, c->op, c->hash, (struct span){ (uint8_t *)c->seen, 99 },
                    &n));
    c->seen[n] = '\0';
    return OK;
}

static enum err op_forget(struct txn *t, void *arg)
{
    return txn_op_forget(t, ((struct op_case *)arg)->cred);
}

static void an_op_id_gives_the_same_answer_again(void **state)
{
    struct place *p = *state;
    struct op_case c = {
        .cred = { 1 }, .op = { 2 }, .hash = { 3 }, .now = 5, .reply = "ok 7"
    };

    open_ok(p);
    assert_int_equal(store_read(p->s, op_seen, &c), ERR_UNKNOWN);
    assert_int_equal(store_write(p->s, op_keep, &c), OK);
    close_it(p);
    open_ok(p);
    assert_int_equal(store_read(p->s, op_seen, &c), OK);
    assert_string_equal(c.seen, "ok 7");
    c.hash[31] = 1; /* another body */
    assert_int_equal(store_read(p->s, op_seen, &c), ERR_CONFLICT);
    c.hash[31] = 0;
    c.cred[15] = 1; /* another credential */
    assert_int_equal(store_read(p->s, op_seen, &c), ERR_UNKNOWN);
    c.cred[15] = 0;
    assert_int_equal(store_write(p->s, op_forget, &c), OK);
    assert_int_equal(store_read(p->s, op_seen, &c), ERR_UNKNOWN);
}

static void the_last_64_op_ids_are_kept_for_30_days(void **state)
{
    struct place *p = *state;
    struct op_case c = { .cred = { 1 }, .hash = { 3 }, .reply = "r" };

    open_ok(p);
    for (uint8_t i = 0; i < 70; i++) {
        c.op[0] = i;
        c.now = 1000 + i;
        assert_int_equal(store_write(p->s, op_keep, &c), OK);
    }
    for (uint8_t i = 0; i < 70; i++) {
        c.op[0] = i;
        assert_int_equal(store_read(p->s, op_seen, &c), i < 6 ? ERR_UNKNOWN : OK);
    }
    c.op[0] = 200;
    c.now = 1000 + 30 + (uint64_t)30 * 24 * 3600;
    assert_int_equal(store_write(p->s, op_keep, &c), OK);
    for (uint8_t i = 6; i < 70; i++) {
        c.op[0] = i;
        assert_int_equal(store_read(p->s, op_seen, &c), i < 30 ? ERR_UNKNOWN : OK);
    }
}

static void of_one_second_too_the_last_64_are_kept(void **state)
{
    struct place *p = *state;
    struct op_case c = { .cred = { 1 }, .hash = { 3 }, .now = 1000, .reply = "r" };

    open_ok(p);
    for (unsigned i = 0; i < 200; i++) {
        c.op[0] = (uint8_t)(200 - i); /* the newest sort first */
        assert_int_equal(store_write(p->s, op_keep, &c), OK);
    }
    for (unsigned i = 0; i < 200; i++) {
        c.op[0] = (uint8_t)(200 - i);
        assert_int_equal(store_read(p->s, op_seen, &c), i < 136 ? ERR_UNKNOWN : OK);
    }
}

/* ---- the node log ---- */

static enum err check_log(struct txn *t, void *arg)
{
    struct log_head head = { 0 };
    struct log_entry e = { 0 };

    TRY(txn_log_head(t, &head));
    assert_int_equal(head.seq, *(uint64_t *)arg);
    for (uint64_t seq = 1; seq <= head.seq; seq++) {
        TRY(txn_log_get(t, seq, &e));
        assert_int_equal(e.seq, seq);
        assert_int_equal(e.code, 7);
        assert_int_equal(e.time, 1000);
        assert_true(bytes_equal(bytes_of(e.what, e.n), bytes_text("what happened")));
    }
    assert_memory_equal(e.hash, head.hash, HASH_BYTES);
    assert_int_equal(txn_log_get(t, head.seq + 1, &e), ERR_UNKNOWN);
    return OK;
}

static void the_log_is_a_chain_inside_the_store(void **state)
{
    struct place *p = *state;
    struct log_head heads[3] = { 0 };
    struct store_job jobs[] = { { .fn = log_one, .arg = &heads[0] },
                                { .fn = log_one, .arg = &heads[1] } };
    uint64_t want = 2;

    open_ok(p);
    store_run(p->s, jobs, 2);
    assert_int_equal(heads[0].seq, 1);
    assert_int_equal(heads[1].seq, 2);
    assert_memory_not_equal(heads[0].hash, heads[1].hash, HASH_BYTES);
    assert_int_equal(store_read(p->s, check_log, &want), OK);
    close_it(p);
    open_ok(p);
    assert_int_equal(store_read(p->s, check_log, &want), OK);
    assert_int_equal(store_write(p->s, log_one, &heads[2]), OK);
    want = 3;
    assert_int_equal(store_read(p->s, check_log, &want), OK);
}

/* ---- data keys ---- */

static const struct data_id ward_1 = { .ward = { 1 }, .epoch = 1 };
static const struct data_id ward_2 = { .ward = { 1 }, .epoch = 2 };

static enum err key_new(struct txn *t, void *arg)
{
    TRY(data_key_new(t, &ward_1));
    TRY(data_put(t, &ward_1, TAB_OBJECT, bytes_text("box"), bytes_text("sealed twice")));
    return arg != NULL ? ERR_REFUSED : OK;
}

static enum err key_drop(struct txn *t, void *arg)
{
    TRY(data_key_drop(t, &ward_1));
    return arg != NULL ? ERR_REFUSED : OK;
}

static enum err key_read(struct txn *t, void *arg)
{
    uint8_t out[100];
    size_t n = 0;

    (void)arg;
    TRY(data_get(t, &ward_1, TAB_OBJECT, bytes_text("box"), SPAN_OF(out), &n));
    return bytes_equal(bytes_of(out, n), bytes_text("sealed twice")) ? OK : ERR_ARG;
}

static enum err key_missing(struct txn *t, void *arg)
{
    (void)arg;
    return data_put(t, &ward_2, TAB_OBJECT, bytes_text("box"), bytes_text("x"));
}

/* The names of key files, sorted by nothing: how many, and the last one. */
static unsigned key_files(const struct place *p, char out_name[PATH])
{
    char path[PATH];
    unsigned n = 0;

    path_of(p, "keys", path);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] == '.')
            continue;
        n++;
        assert_true(snprintf(out_name, PATH, "keys/%.40s", e->d_name) > 5);
    }
    assert_int_equal(closedir(d), 0);
    return n;
}

/* The same key file's other copy. */
static void other_copy(const char *name, char out[PATH])
{
    memcpy(out, name, PATH);
    size_t last = strlen(out) - 1;
    out[last] = out[last] == 'a' ? 'b' : 'a';
}

static void what_lies_under_a_data_key_goes_with_it(void **state)
{
    struct place *p = *state;
    char name[PATH];

    open_ok(p);
    assert_int_equal(store_write(p->s, key_missing, NULL), ERR_UNKNOWN);
    assert_int_equal(store_write(p->s, key_new, NULL), OK);
    assert_int_equal(store_write(p->s, key_new, NULL), ERR_EXISTS);
    assert_int_equal(key_files(p, name), 2);
    assert_int_equal(store_read(p->s, key_read, NULL), OK);
    close_it(p);
    open_ok(p);
    assert_int_equal(store_read(p->s, key_read, NULL), OK);
    assert_int_equal(store_write(p->s, key_drop, NULL), OK);
    assert_int_equal(store_read(p->s, key_read, NULL), ERR_UNKNOWN);
    assert_int_equal(key_files(p, name), 0);
    /* A second key is another one: what lay under the first stays closed. */
    assert_int_equal(store_write(p->s, key_drop, NULL), OK);
}

static void a_failing_job_leaves_and_drops_no_key(void **state)
{
    struct place *p = *state;
    char name[PATH];
    int yes = 1;

    open_ok(p);
    assert_int_equal(store_write(p->s, key_new, &yes), ERR_REFUSED);
    assert_int_equal(key_files(p, name), 0);
    assert_int_equal(store_write(p->s, key_new, NULL), OK);
    assert_int_equal(store_write(p->s, key_drop, &yes), ERR_REFUSED);
    assert_int_equal(key_files(p, name), 2);
    assert_int_equal(store_read(p->s, key_read, NULL), OK);
}

static void one_copy_of_a_data_key_is_enough(void **state)
{
    struct place *p = *state;
    char name[PATH];
    char other[PATH];

    open_ok(p);
    assert_int_equal(store_write(p->s, key_new, NULL), OK);
    assert_int_equal(key_files(p, name), 2);
    other_copy(name, other);
    flip(p, name, 30, 4);
    assert_int_equal(store_read(p->s, key_read, NULL), OK);
    remove_file(p, name);
    assert_int_equal(store_read(p->s, key_read, NULL), OK);
    copy_file(p, other, name);
    cut_file(p, other, 20);
    assert_int_equal(store_read(p->s, key_read, NULL), OK);
    flip(p, name, 30, 4);
    assert_int_equal(store_read(p->s, key_read, NULL), ERR_CORRUPT);
    remove_file(p, name);
    remove_file(p, other);
    assert_int_equal(store_read(p->s, key_read, NULL), ERR_CORRUPT);
}

static void verifying_counts_what_does_not_open(void **state)
{
    struct place *p = *state;
    struct store_verdict v = { 0 };
    char name[PATH];
    char other[PATH];

    open_ok(p);
    for (uint32_t n = 0; n < 30; n++)
        put_ok(p, n, 9000);
    assert_int_equal(store_write(p->s, key_new, NULL), OK);
    assert_int_equal(store_verify(p->s, &v), OK);
    /* The schema, the items, the key's record, and what lies under it. */
    assert_int_equal(v.records, 1 + 30 + 2);
    assert_int_equal(v.damaged + v.keys_lost, 0);
    assert_int_equal(key_files(p, name), 2);
    other_copy(name, other);
    remove_file(p, name);
    assert_int_equal(store_verify(p->s, &v), OK);
    assert_int_equal(v.keys_lost, 0);
    cut_file(p, other, 3);
    assert_int_equal(store_verify(p->s, &v), OK);
    assert_int_equal(v.keys_lost, 1);
    close_it(p);
    /* In the middle of a long record: the structure is sound, the seal is not. */
    off_t size = file_size(p, "data.mdb");
    for (off_t at = 3 * 4096 + 2000; at < size; at += 3 * 4096)
        flip(p, "data.mdb", at, 1);
    open_ok(p);
    assert_int_equal(store_verify(p->s, &v), OK);
    assert_int_equal(v.records, 33);
    assert_true(v.damaged > 10 && v.damaged <= 30);
}

static void a_start_erases_again_what_was_dropped(void **state)
{
    struct place *p = *state;
    char name[PATH];
    char other[PATH];

    open_ok(p);
    assert_int_equal(store_write(p->s, key_new, NULL), OK);
    assert_int_equal(key_files(p, name), 2);
    other_copy(name, other);
    copy_file(p, name, "kept.1");
    copy_file(p, other, "kept.2");
    assert_int_equal(store_write(p->s, key_drop, NULL), OK);
    close_it(p);
    /* As if the power went between the commit and the erasing. */
    copy_file(p, "kept.1", name);
    copy_file(p, "kept.2", other);
    open_ok(p);
    assert_int_equal(key_files(p, name), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)
    const struct CMUnitTest tests[] = {
        CASE(a_first_start_makes_a_node_that_stays_the_same),
        CASE(files_of_the_state_are_private),
        CASE(a_missing_store_is_refused),
        CASE(a_missing_identity_is_refused),
        CASE(an_empty_store_is_refused),
        CASE(a_store_that_was_made_anew_is_refused),
        CASE(a_damaged_identity_is_refused_at_every_byte),
        CASE(two_cannot_have_one_state),
        CASE(a_state_without_a_parent_is_refused),
        CASE(an_interrupted_first_start_begins_again),
        CASE(a_flipped_byte_never_gives_wrong_data),
        CASE(a_truncated_store_is_refused_or_whole_and_never_a_fault),
        CASE(a_head_that_leads_to_an_older_page_is_refused),
        CASE(garbage_is_refused),
        CASE(values_do_not_lie_open_on_the_disk),
        CASE(an_older_store_is_refused),
        CASE(a_tick_moves_the_anchor),
        CASE(another_history_of_equal_length_is_refused),
        CASE(a_damaged_anchor_is_refused_at_every_byte),
        CASE(a_failing_job_has_written_nothing),
        CASE(sizes_are_bounded),
        CASE(one_job_cannot_write_without_bound),
        CASE(a_table_is_gone_through_in_order_with_pending_writes),
        CASE(each_job_is_told_its_own_outcome),
        CASE(a_commit_that_fails_is_unknown_and_the_store_goes_on),
        CASE(a_full_disk_still_takes_what_is_essential),
        CASE(the_thread_does_each_job_once),
        CASE(an_op_id_gives_the_same_answer_again),
        CASE(the_last_64_op_ids_are_kept_for_30_days),
        CASE(of_one_second_too_the_last_64_are_kept),
        CASE(the_log_is_a_chain_inside_the_store),
        CASE(what_lies_under_a_data_key_goes_with_it),
        CASE(a_failing_job_leaves_and_drops_no_key),
        CASE(one_copy_of_a_data_key_is_enough),
        CASE(verifying_counts_what_does_not_open),
        CASE(a_start_erases_again_what_was_dropped),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
