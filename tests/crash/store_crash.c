/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 in the middle of writing, again and again: whatever was told done must be
 * there afterwards, whole; what was not may be there or not, but whole. A child writes
 * through the store thread and reports each done on a pipe; the parent kills it after a
 * while that grows from round to round, reopens the store and looks.
 *
 *     store_crash DIRECTORY ROUNDS
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/store.h"

enum { JOBS = 24, WARDS = 8, VALUE_MOST = 12000 };

/* One write: record n, its log entry, and now and then a data key. */
struct deed {
    struct store_job job;
    uint64_t n;
    int pipe;
};

static struct data_id ward_of(uint64_t n)
{
    return (struct data_id){ .ward = { (uint8_t)(n % WARDS) },
                             .epoch = (uint32_t)(n / WARDS) };
}

/* The size and content of record n follow from n. */
static struct bytes value_of(uint64_t n, uint8_t out[VALUE_MOST])
{
    size_t size = 8 + (size_t)(n * 7919 % (n % 16 == 0 ? VALUE_MOST - 8 : 600));

    memset(out, (int)(n & 0xff), size);
    store_u64(out, n);
    return bytes_of(out, size);
}

static enum err write_deed(struct txn *t, void *arg)
{
    const struct deed *d = arg;
    static uint8_t value[VALUE_MOST]; /* the store thread's */
    uint8_t key[8];
    struct data_id id = ward_of(d->n);

    store_u64(key, d->n);
    TRY(txn_put(t, TAB_BLOB, BYTES_OF(key), value_of(d->n, value)));
    TRY(txn_log(t, 1, d->n, BYTES_OF(key), NULL));
    if (d->n % 5 != 0)
        return OK;
    TRY(data_key_new(t, &id));
    return data_put(t, &id, TAB_OBJECT, BYTES_OF(key), BYTES_OF(key));
}

static void tell(void *arg, enum err result, enum store_outcome outcome)
{
    const struct deed *d = arg;

    if (result != OK || outcome != STORE_DONE)
        _exit(3);
    /* Eight bytes into a pipe are one piece; the parent reads only whole ones. */
    if (write(d->pipe, &d->n, sizeof(d->n)) != (ssize_t)sizeof(d->n))
        _exit(4);
}

/* Never returns: it writes until it is killed. */
static void child(const char *dir, uint64_t from, int out)
{
    static struct deed deeds[JOBS];
    struct store *s = NULL;
    struct store_refusal why = { "" };

    if (store_open(dir, &crypt_random, &s, &why) != OK || store_start(s) != OK)
        _exit(2);
    for (uint64_t n = from;; n += JOBS) {
        for (size_t i = 0; i < JOBS; i++) {
            deeds[i] = (struct deed){ .n = n + i, .pipe = out };
            deeds[i].job =
                (struct store_job){ .fn = write_deed, .done = tell, .arg = &deeds[i] };
            store_submit(s, &deeds[i].job);
        }
        store_tick(s);
        store_stop(s);
        if (store_start(s) != OK)
            _exit(2);
    }
}

struct seen {
    uint64_t acked; /* all numbers up to here were told done */
    uint64_t top;   /* the highest record there */
    const char *bad;
};

static enum err look(struct txn *t, void *arg)
{
    struct seen *seen = arg;
    static uint8_t want[VALUE_MOST];
    static uint8_t got[VALUE_MOST];
    uint8_t key[8];
    size_t n = 0;

    for (uint64_t i = 1;; i++) {
        store_u64(key, i);
        enum err e = txn_get(t, TAB_BLOB, BYTES_OF(key), SPAN_OF(got), &n);
        if (e == ERR_UNKNOWN && i > seen->acked)
            return OK;
        seen->bad =
            e == ERR_UNKNOWN ? "an acknowledged record is lost" : "a record is bad";
        TRY(e);
        if (!bytes_equal(bytes_of(got, n), value_of(i, want)))
            return ERR_CORRUPT;
        seen->bad = "what lies under a data key is lost";
        struct data_id id = ward_of(i);
        if (i % 5 == 0)
            TRY(data_get(t, &id, TAB_OBJECT, BYTES_OF(key), SPAN_OF(got), &n));
        seen->bad = "a log entry is lost";
        struct log_entry entry = { 0 };
        TRY(txn_log_get(t, i, &entry));
        seen->top = i;
    }
}

/* Reads what was acknowledged: in order, since the store keeps the order. */
static bool read_acks(int in, uint64_t *io_acked)
{
    uint64_t n = 0;

    while (read(in, &n, sizeof(n)) == (ssize_t)sizeof(n)) {
        if (n != *io_acked + 1)
            return false;
        *io_acked = n;
    }
    return true;
}

static const char *check(const char *dir, struct seen *seen)
{
    static struct store_refusal why;
    struct store *s = NULL;

    if (store_open(dir, &crypt_random, &s, &why) != OK)
        return why.text;
    enum err e = store_read(s, look, seen);
    /* Without an anchor of the stop, as the kill left it: the next round starts so, too.
     */
    store_close(s);
    return e == OK ? NULL : seen->bad;
}

/* One life of the child; NULL when all acknowledged records are there. */
static const char *one_round(const char *dir, unsigned wait_us, struct seen *seen)
{
    int ends[2];
    int status = 0;

    if (pipe(ends) != 0)
        return "no pipe";
    pid_t pid = fork();
    if (pid < 0)
        return "no child";
    if (pid == 0) {
        (void)close(ends[0]); /* the parent's */
        child(dir, seen->top + 1, ends[1]);
    }
    (void)close(ends[1]); /* the child's */
    seen->acked = seen->top;
    (void)usleep(wait_us);
    (void)kill(pid, SIGKILL); /* if it ended by itself, its status says so */
    bool ordered = read_acks(ends[0], &seen->acked);
    (void)close(ends[0]); /* only read from */
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
        return "the child ended by itself";
    return ordered ? check(dir, seen) : "acknowledged out of order";
}

int main(int argc, char **argv)
{
    struct seen seen = { 0 };
    unsigned done = 0;
    unsigned idle = 0; /* rounds in a row that came to nothing: a machine under load */

    if (argc != 3)
        return 2;
    unsigned rounds = (unsigned)strtoul(argv[2], NULL, 10);
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    for (; done < rounds; done++) {
        unsigned wait_us = 2000 + done * 7919 % 60000 + idle * 20000;
        uint64_t before = seen.top;
        const char *bad = one_round(argv[1], wait_us, &seen);

        idle = seen.top > before ? 0 : idle + 1;
        if (bad != NULL) {
            (void)fprintf(stderr, "round %u: %s\n", done, bad);
            return 1;
        }
    }
    secret_end();
    (void)printf("%u rounds, %llu records, none lost\n", done,
                 (unsigned long long)seen.top);
    return seen.top >= rounds ? 0 : 1; /* rounds that wrote nothing prove nothing */
}
