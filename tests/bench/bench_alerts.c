/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests opened at a real kithd with their alerts synced, beside bare synced commits
 * of LMDB on the same disk; how long an alert takes to its watcher, beside a round trip
 * of TCP and one such commit. Wall time, both sides in turns.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lmdb.h>

#include "tests/bench/bench.h"
#include "tests/net/net.h"

enum { PEOPLE = 16, LINKS = 6, ROUNDS = 3, COMMITS = 200, ALERTS = 24, ECHOES = 400 };

/* One requester with a link and a connection. */
struct asker {
    struct sim_asker keys;
    struct req_open open;
    struct caller c;
};

/* One ward, and those who ask for it one after the other. */
struct person {
    struct sim_owner owner;
    struct asker askers[LINKS];
};

struct world {
    struct kithd k;
    struct link link;
    struct node_sim keys;
    struct store_identity id;
    struct sim_guardian g;
    struct caller guardian;
    struct rep_hello hello;
    struct person people[PEOPLE];
    pthread_barrier_t start;
};

static void ok(enum err e, int line)
{
    if (e == OK)
        return;
    (void)fprintf(stderr, "bench_alerts: line %d: %s\n", line, err_text(e));
    exit(1);
}

static double wall_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* this clock always is there */
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_size);
    return v[n / 2];
}

/* ---- the peers ---- */

struct lmdb {
    MDB_env *env;
    MDB_dbi db;
    uint64_t n;
};

static void lmdb_open(struct lmdb *l, const char *dir)
{
    MDB_txn *t = NULL;
    char line[128];

    (void)snprintf(line, sizeof line, "mkdir '%s/bare'", dir); /* fits */
    MUST(net_shell(line) == 0);
    (void)snprintf(line, sizeof line, "%s/bare", dir); /* fits */
    MUST(mdb_env_create(&l->env) == 0 && mdb_env_set_mapsize(l->env, 1 << 26) == 0);
    MUST(mdb_env_open(l->env, line, 0, 0600) == 0);
    MUST(mdb_txn_begin(l->env, NULL, 0, &t) == 0 &&
         mdb_dbi_open(t, NULL, 0, &l->db) == 0);
    MUST(mdb_txn_commit(t) == 0);
}

/* One record of a drop's size, synced. */
static void lmdb_commit(struct lmdb *l)
{
    uint8_t content[200] = { 0 };
    uint64_t number = l->n++;
    MDB_val key = { sizeof number, &number };
    MDB_val value = { sizeof content, content };
    MDB_txn *t = NULL;

    MUST(mdb_txn_begin(l->env, NULL, 0, &t) == 0);
    MUST(mdb_put(t, l->db, &key, &value, 0) == 0 && mdb_txn_commit(t) == 0);
}

static double lmdb_rate(struct lmdb *l)
{
    double from = wall_us();

    for (int i = 0; i < COMMITS; i++)
        lmdb_commit(l);
    return COMMITS / (wall_us() - from) * 1e6;
}

static void *echo(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);
    char b[256];

    for (ssize_t n = read(fd, b, sizeof b); n > 0; n = read(fd, b, sizeof b))
        MUST(write(fd, b, (size_t)n) == n);
    (void)close(fd); /* a socket: nothing to lose */
    return NULL;
}

/* The median round trip of a frame's 256 bytes over loopback. */
static double echo_us(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t n = sizeof at;
    double took[ECHOES];
    char b[256] = "";
    pthread_t thread;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(bind(server, (struct sockaddr *)&at, n) == 0 && listen(server, 1) == 0);
    MUST(getsockname(server, (struct sockaddr *)&at, &n) == 0);
    MUST(pthread_create(&thread, NULL, echo, &server) == 0);
    MUST(connect(fd, (struct sockaddr *)&at, n) == 0);
    for (int i = 0; i < ECHOES; i++) {
        double from = wall_us();

        MUST(write(fd, b, sizeof b) == (ssize_t)sizeof b);
        MUST(recv(fd, b, sizeof b, MSG_WAITALL) == (ssize_t)sizeof b);
        took[i] = wall_us() - from;
    }
    (void)close(fd);     /* sockets: */
    (void)close(server); /* nothing to lose */
    MUST(pthread_join(thread, NULL) == 0);
    return median(took, ECHOES);
}

/* ---- people ---- */

static void ward(struct world *w, struct person *p)
{
    struct req_epoch_next next = { .epoch = 1 };
    struct rep_epoch_next ack = { 0 };
    struct req_epoch_commit commit = { .epoch = 1 };
    AUTO_FREE struct sim_epoch *e = calloc(1, sizeof *e);
    AUTO_FREE struct caller *c = calloc(1, sizeof *c);

    MUST(c != NULL && e != NULL);
    MUST(net_ward(&w->keys, w->k.port, &w->g, &p->owner) == OK);
    ok(caller_open(c, w->k.port, w->id.node_pub, &p->owner.login), __LINE__);
    sim_op(&w->keys, next.op);
    ok(caller_ask(c, MSG_EPOCH_NEXT, &next, &ack), __LINE__);
    sim_epoch_fill(&w->keys, &p->owner, 1, ack.ack, e);
    ok(caller_ask(c, MSG_EPOCH_PREPARE, &e->req, NULL), __LINE__);
    sim_op(&w->keys, commit.op);
    memcpy(commit.manifest_hash, e->hash, HASH_BYTES);
    ok(caller_ask(c, MSG_EPOCH_COMMIT, &commit, NULL), __LINE__);
    caller_close(c);
}

/* A link from the guardian, and whoever got it is connected. */
static void asker_new(struct world *w, const struct sim_owner *o, struct asker *a)
{
    struct req_cred_new link = { 0 };

    sim_asker_fill(&w->keys, o, &a->keys, &link, &a->open);
    ok(caller_ask(&w->guardian, MSG_CRED_NEW, &link, NULL), __LINE__);
    ok(caller_open(&a->c, w->k.port, w->id.node_pub, &a->keys.link), __LINE__);
}

/* A ward keeps its last few links only, and many of these are of one second. */
static void link_drop(struct world *w, const struct asker *a)
{
    struct req_cred_drop drop = { 0 };

    rng_fill(&crypt_random, drop.op, sizeof drop.op);
    memcpy(drop.id, a->keys.link.id, ID_BYTES);
    ok(caller_ask(&w->guardian, MSG_CRED_DROP, &drop, NULL), __LINE__);
}

static void reveal_of(struct world *w, struct asker *a, struct req_reveal *out)
{
    struct rep_open rep = { 0 };
    struct view view = { 0 };

    ok(caller_ask(&a->c, MSG_OPEN, &a->open, &rep), __LINE__);
    MUST(view_open(rep.view, w->hello.node_sign, &view) == OK);
    *out = (struct req_reveal){ 0 };
    rng_fill(&crypt_random, out->op, sizeof out->op);
    memcpy(out->request, view.request, ID_BYTES);
    memcpy(out->nonce, a->keys.nonce, sizeof a->keys.nonce);
}

/* ---- requests a second ---- */

struct turn {
    struct world *w;
    struct person *p;
};

static void *ask_all(void *arg)
{
    struct turn *t = arg;
    struct req_reveal reveal = { 0 };

    (void)pthread_barrier_wait(&t->w->start); /* the last one is told so: no error */
    for (size_t i = 0; i < LINKS; i++) {
        reveal_of(t->w, &t->p->askers[i], &reveal);
        ok(caller_ask(&t->p->askers[i].c, MSG_REVEAL, &reveal, NULL), __LINE__);
    }
    return NULL;
}

static double request_rate(struct world *w)
{
    pthread_t threads[PEOPLE];
    struct turn turns[PEOPLE];

    for (size_t i = 0; i < PEOPLE; i++) {
        turns[i] = (struct turn){ w, &w->people[i] };
        for (size_t k = 0; k < LINKS; k++)
            asker_new(w, &w->people[i].owner, &w->people[i].askers[k]);
        MUST(pthread_create(&threads[i], NULL, ask_all, &turns[i]) == 0);
    }
    (void)pthread_barrier_wait(&w->start); /* as above */
    double from = wall_us();
    for (size_t i = 0; i < PEOPLE; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    double rate = PEOPLE * LINKS / (wall_us() - from) * 1e6;

    for (size_t i = 0; i < PEOPLE; i++)
        for (size_t k = 0; k < LINKS; k++) {
            caller_close(&w->people[i].askers[k].c);
            link_drop(w, &w->people[i].askers[k]);
        }
    return rate;
}

/* ---- an alert's way ---- */

static uint64_t newest(struct caller *c)
{
    struct req_drop_watch watch = { .which = DROP_ALERTS };
    struct rep_drop_watch seen = { 0 };

    ok(caller_ask(c, MSG_DROP_WATCH, &watch, &seen), __LINE__);
    return seen.seq;
}

static double alert_us(struct world *w, struct person *p, struct caller *watcher)
{
    struct req_drop_watch watch = { .which = DROP_ALERTS, .wait = 30 };
    struct rep_drop_watch seen = { 0 };
    struct asker *a = &p->askers[0];
    struct req_reveal reveal = { 0 };
    struct req_cancel cancel = { 0 };
    struct buf frame = BUF_OF(watcher->out);

    asker_new(w, &p->owner, a);
    reveal_of(w, a, &reveal);
    watch.after = newest(watcher);
    caller_frame(watcher, MSG_DROP_WATCH, &watch, &frame);
    MUST(caller_send(watcher, buf_bytes(&frame)));
    (void)usleep(2000); /* so that the watch waits; interrupted: it waits all the same */
    frame = BUF_OF(a->c.out);
    caller_frame(&a->c, MSG_REVEAL, &reveal, &frame);
    double from = wall_us();
    MUST(caller_send(&a->c, buf_bytes(&frame)));
    ok(caller_reply(watcher, MSG_DROP_WATCH, &seen), __LINE__);
    double took = wall_us() - from;

    MUST(seen.seq == watch.after + 1);
    ok(caller_reply(&a->c, MSG_REVEAL, NULL), __LINE__);
    caller_close(&a->c);
    /* Its own key takes it back, so that there is room for the next. */
    ok(caller_open(&a->c, w->k.port, w->id.node_pub, &a->keys.login), __LINE__);
    rng_fill(&crypt_random, cancel.op, sizeof cancel.op);
    memcpy(cancel.request, reveal.request, ID_BYTES);
    ok(caller_ask(&a->c, MSG_CANCEL, &cancel, NULL), __LINE__);
    caller_close(&a->c);
    link_drop(w, a);
    return took;
}

/* ---- all ---- */

static void begin(struct world *w)
{
    kithd_new(&w->k, "127.0.0.1:0",
              "[Limits]\nRatePerCredential = 60000\nBurstPerCredential = 10000\n"
              "Strangers = 1024\nEarlyDrop = 1024");
    MUST(kithd_start(&w->k, NULL) && kithd_link(&w->k, &w->link) == OK);
    net_keys(&w->keys, &w->id, w->link.node_key);
    net_guardian_new(&w->keys, &w->link, &w->g);
    MUST(net_seat(&w->keys, w->k.port, &w->g) == OK);
    ok(caller_open(&w->guardian, w->k.port, w->id.node_pub, &w->g.login), __LINE__);
    ok(caller_ask(&w->guardian, MSG_HELLO, &(struct req_hello){ 1 }, &w->hello),
       __LINE__);
    MUST(pthread_barrier_init(&w->start, NULL, PEOPLE + 1) == 0);
    for (size_t i = 0; i < PEOPLE; i++)
        ward(w, &w->people[i]);
}

/* Both of a round in the same minute: the median of the rounds' ratios. */
static void throughput(struct world *w, struct lmdb *bare)
{
    double ratio[ROUNDS];
    double requests[ROUNDS];
    double commits[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        double before = lmdb_rate(bare);

        requests[i] = request_rate(w);
        commits[i] = (before + lmdb_rate(bare)) / 2;
        ratio[i] = requests[i] / commits[i];
    }
    printf("requests opened, alerts synced: %.2f x bare synced LMDB commits "
           "(%.0f and %.0f a second, %d at once; goal 0.5)\n",
           median(ratio, ROUNDS), median(requests, ROUNDS), median(commits, ROUNDS),
           PEOPLE);
}

static void latency(struct world *w, struct lmdb *bare)
{
    AUTO_FREE struct caller *watcher = calloc(1, sizeof *watcher);
    double took[ALERTS];
    double commits[ALERTS];

    MUST(watcher != NULL);
    ok(caller_open(watcher, w->k.port, w->id.node_pub, &w->people[0].owner.login),
       __LINE__);
    for (size_t i = 0; i < ALERTS; i++) {
        double from = wall_us();

        lmdb_commit(bare);
        commits[i] = wall_us() - from;
        took[i] = alert_us(w, &w->people[0], watcher);
    }
    caller_close(watcher);
    double peer = median(commits, ALERTS) + echo_us();
    double ours = median(took, ALERTS);
    printf("alert to its watcher: %.2f x a TCP round trip and a bare synced LMDB commit "
           "(%.2f ms, %.2f ms; goal at most 3)\n",
           ours / peer, ours / 1e3, peer / 1e3);
}

int main(void)
{
    struct world *w = calloc(1, sizeof *w);
    struct lmdb bare = { 0 };

    if (w == NULL || secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    begin(w);
    lmdb_open(&bare, w->k.dir);
    throughput(w, &bare);
    latency(w, &bare);
    mdb_env_close(bare.env);
    caller_close(&w->guardian);
    (void)pthread_barrier_destroy(&w->start); /* nobody waits at it */
    kithd_end(&w->k);
    free(w);
    secret_end();
    return 0;
}
