/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: the only libuv stream code of the node. Bytes go into a peer, messages
 * to serve (reads here, writes on the store thread), replies out after their commit.
 * One message of a connection at a time. What will hurt you: a connection's memory must
 * outlive its close callback and its job; libuv's loop is never run inside a callback.
 */
#ifndef KITH_NODE_CONN_H
#define KITH_NODE_CONN_H

#include <pthread.h>

#include <uv.h>

#include "node/serve.h"

enum { RATES = 512, SPOKEN_RATES = 64 };

struct conn;

/* How often one credential may speak, or one spoken code is answered; the least
 * recently used makes room. */
struct rate {
    uint8_t cred[ID_BYTES];
    struct bucket bucket;
};

/* Everything one running node has; hangs on the loop, no globals. */
struct loop {
    uv_loop_t uv;
    uv_tcp_t listener;
    uv_async_t woken; /* the store thread has finished jobs */
    uv_timer_t beat;  /* deadlines, four times a second */
    uv_signal_t term;
    uv_signal_t intr;
    struct store *store;
    struct node_env env;
    struct timekeeper time;
    struct clock_look (*look)(void); /* at the machine's clocks; boot is filled in */
    uint8_t boot[ID_BYTES];
    enum clock_sync (*sync)(void); /* asks the kernel; NULL: never asked again */
    /* Gets the loud events of each commit, on the store thread; NULL: nobody does. */
    void (*tell)(void *ctx, const struct told *t);
    void *tell_ctx;
    struct door door;
    struct rate rates[RATES];
    struct rate vault_rates[RATES];   /* of messages about objects */
    struct rate spoken[SPOKEN_RATES]; /* by spoken id */
    struct conn *conns; /* fixed number of slots, for the life of the loop */
    size_t n_conns;
    uint64_t watches;        /* connections that wait for news */
    pthread_mutex_t mutex;   /* guards done */
    struct conn *done;       /* whose jobs are finished */
    struct store_job sweep;  /* expiries and the clock's mark, once a minute */
    struct store_job spread; /* behind it: wards that must hear of the node */
    struct store_job tidy;   /* behind that: what is old in drops */
    struct node_env sweep_env;
    struct told sweep_told;
    struct timekeeper sweep_time;
    uint64_t sweep_now;
    uint64_t sweep_at_ms; /* loop time of the next one, and of the last */
    uint64_t swept_ms;
    bool sweeping;
    bool sweep_more; /* there is more to do */
    bool draining;
    uint64_t drain_until_ms;
};

/*
 * Prepares loop and sockets and binds to at; env, store and clock of l are set before.
 * *out_bound is the address really bound. ERR_IO (address in use or not ours), ERR_NOMEM.
 */
enum err loop_bind(struct loop *l, const struct address *at, struct address *out_bound);
/* From here on connections wait to be accepted, and a signal drains. ERR_IO. */
enum err loop_listen(struct loop *l);
/* Serves until SIGTERM or SIGINT, then drains. ERR_IO. */
enum err loop_run(struct loop *l);
/* Closes what is left and frees; after a failed loop_bind too. */
void loop_done(struct loop *l);

#endif
