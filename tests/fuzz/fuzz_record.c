/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store finds on a disk: first byte 0 an identity file, 1 a log entry, 2 an op
 * record, 3 a sealed record, 4 a whole data.mdb. A data.mdb that passes the check must
 * be good enough for LMDB to read it, to write to it, and to pass the check again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "node/store_check.h"
#include "node/store_part.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void on_identity(struct bytes in)
{
    AUTO_SECRET struct store_identity *id = NULL;
    uint8_t again[IDENTITY_FILE];

    MUST(secret_new(&id) == OK);
    if (identity_decode(in, id) != OK)
        return;
    identity_encode(id, again);
    MUST(bytes_equal(in, BYTES_OF(again)));
}

static void on_record(struct bytes in)
{
    AUTO_SECRET struct seal_key *key = NULL;
    static uint8_t out[RECORD];
    size_t n = 0;

    MUST(secret_new(&key) == OK);
    enum err e =
        crypt_open(key, LABEL_STORE_RECORD, bytes_text("k"), in, SPAN_OF(out), &n);
    MUST(e != OK || n + SEAL_OVERHEAD == in.n);
}

/* ---- a whole data.mdb ---- */

static char dir[64];

static void remove_dir(void)
{
    static const char *const names[] = { "data.mdb", "lock.mdb" };
    char path[96];

    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]); /* fits */
        (void)unlink(path); /* a run that failed may not have both */
    }
    (void)rmdir(dir); /* in a folder for such things anyway */
}

static void make_dir(void)
{
    MUST(atexit(remove_dir) == 0);
    (void)snprintf(dir, sizeof(dir), "%s", "/dev/shm/kith-fuzz-XXXXXX"); /* fits */
    if (mkdtemp(dir) != NULL)
        return;
    (void)snprintf(dir, sizeof(dir), "%s", "/tmp/kith-fuzz-XXXXXX"); /* fits */
    MUST(mkdtemp(dir) != NULL);
}

static int open_data(int flags)
{
    char path[96];

    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir); /* fits */
    int fd = open(path, flags | O_CLOEXEC, 0600);
    MUST(fd >= 0);
    return fd;
}

static enum err check_data(const char **out_why)
{
    int fd = open_data(O_RDONLY);
    enum err e = store_check(fd, out_why);

    MUST(close(fd) == 0);
    return e;
}

/* Reads every byte of every record. */
static uint64_t read_through(struct db *db)
{
    struct db_txn *t = NULL;
    struct bytes key = { 0 };
    struct bytes value = { 0 };
    uint8_t from[512] = { 0 };
    size_t from_n = 1;
    uint64_t sum = 0;

    MUST(db_begin(db, DB_READ, &t) == OK);
    while (db_seek(t, bytes_of(from, from_n), &key, &value) == OK &&
           key.n < sizeof(from)) {
        for (size_t i = 0; i < value.n; i++)
            sum += value.p[i];
        memcpy(from, key.p, key.n);
        from[key.n] = 0;
        from_n = key.n + 1;
    }
    db_abort(t);
    return sum;
}

static void write_some(struct db *db)
{
    struct db_txn *t = NULL;
    struct bytes key = { 0 };
    struct bytes value = { 0 };
    uint8_t fresh[5000] = { 1, 2, 3 };

    MUST(db_begin(db, DB_WRITE, &t) == OK);
    if (db_seek(t, bytes_of(fresh, 1), &key, &value) == OK) {
        uint8_t copy[512];
        MUST(key.n <= sizeof(copy));
        memcpy(copy, key.p, key.n);
        MUST(db_del(t, bytes_of(copy, key.n)) == OK);
    }
    MUST(db_put(t, bytes_of("new", 3), BYTES_OF(fresh)) == OK);
    MUST(db_commit(t) == OK);
}

static void on_data(struct bytes in)
{
    const char *why = "";
    struct db *db = NULL;

    if (dir[0] == '\0')
        make_dir();
    int fd = open_data(O_WRONLY | O_CREAT | O_TRUNC);
    MUST(write(fd, in.p, in.n) == (ssize_t)in.n);
    MUST(close(fd) == 0);
    if (check_data(&why) != OK) {
        MUST(why[0] != '\0');
        return;
    }
    MUST(db_open(dir, &db) == OK);
    (void)read_through(db); /* that it ends is the point */
    write_some(db);
    write_some(db);
    db_close(db);
    enum err e = check_data(&why);
    if (e != OK)
        (void)fprintf(stderr, "after writing: %s\n", why);
    MUST(e == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool started;
    struct log_entry entry = { 0 };
    struct op_record op = { 0 };

    if (!started)
        MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    started = true;
    if (n == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, n - 1);
    if (data[0] == 0)
        on_identity(in);
    if (data[0] == 1)
        MUST(log_decode(1, in, &entry) != OK || entry.n <= STORE_LOG_WHAT);
    if (data[0] == 2)
        MUST(op_decode(in, &op) != OK || op.reply.n == in.n - OP_HEAD);
    if (data[0] == 3)
        on_record(in);
    if (data[0] == 4)
        on_data(in);
    return 0;
}
