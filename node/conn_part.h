/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, as the parts of conn see it. */
#ifndef KITH_NODE_CONN_PART_H
#define KITH_NODE_CONN_PART_H

#include "node/conn.h"
#include "proto/peer.h"

/* What a connection waits for. */
enum conn_state {
    CONN_FREE,    /* the slot is not in use */
    CONN_READING, /* bytes of the client */
    CONN_STORE,   /* its job, on the store thread */
    CONN_WAITING, /* a long poll: news in its drop */
    CONN_WRITING, /* the socket */
    CONN_ENDING   /* its close callback, and its job if there is one */
};

enum { SMALL = 512, BUFFER = PEER_FRAME_MAX + 63 };

enum { BEAT_MS = 250, SWEEP_MS = 60000, MORE_MS = 1000 };

/* Secret memory that handlers need beside the keys of connections. */
enum { SECRET_WORK = 8 * 1024 };

/* Large memory, only for those who have shown a credential. */
struct conn_big {
    uint8_t in[BUFFER];
    uint8_t reply[BUFFER];
    uint8_t out[BUFFER];
};

struct conn {
    uv_tcp_t tcp;
    uv_write_t write;
    struct loop *loop;
    enum conn_state state;
    struct peer peer;
    struct session who;
    struct origin origin;
    bool entered;  /* counted at the door */
    bool known;    /* has shown a credential */
    bool reading;  /* libuv reads for us */
    bool job_runs; /* on the store thread: memory stays */
    bool closed;   /* the close callback has run */
    bool last;     /* end after this write */
    uint8_t small_in[SMALL];
    uint8_t small_out[SMALL];
    struct conn_big *big; /* NULL for strangers */
    size_t in_n;
    uint64_t born_ms;
    uint64_t since_ms; /* of the present step, frame or idleness */

    /* The message in hand: a slice of in, not yet consumed. */
    uint16_t kind;
    uint32_t tag;
    struct bytes body;
    size_t used;

    /* The job; touched by the store thread only while job_runs. */
    struct store_job job;
    struct node_env env;
    struct told told;
    uint64_t now;
    struct buf reply;
    uint16_t reply_kind;
    enum err served;
    enum err result;
    enum store_outcome outcome;
    struct conn *next_done;

    /* While CONN_WAITING: */
    struct drop_watch watch;
    uint64_t watch_until_ms;
    bool news;
};

/* Somebody calls: libuv's callback of the listener. */
void conn_begin(uv_stream_t *s, int status);
/* The store thread has finished jobs: libuv's callback. */
void conn_woken(uv_async_t *a);
/* Their replies go, or their connections. */
void conn_jobs_finished(struct loop *l);
/* The one way out; a second call changes nothing. */
void conn_end(struct conn *c);
/* Bytes of the client come in, until they fill the buffer. */
void conn_read(struct conn *c);
/* Serves the message in hand in a read transaction of now, and replies. */
void conn_serve(struct conn *c);
/* Sends the reply in c->reply; the message in hand is done with. */
void conn_reply(struct conn *c);

/* Sends out, and what comes after it waits for that. */
void conn_write(struct conn *c, struct bytes out);
/* The bucket of a credential among n; a new one takes the place of the one unused for
   longest. */
struct bucket *conn_rate(struct rate *rates, size_t n, const uint8_t *cred);

/* Finds the psk of who calls; unknown and wrong go on alike, with one nobody has. */
enum err conn_who(struct conn *c);
/* Answers a spoken code; unknown, wrong, used, expired and asked too often end as a
   stranger's call does. */
void conn_spoken(struct conn *c);

/* The node's time; how the kernel's clock stands is asked for once a minute. */
uint64_t loop_now(struct loop *l);
void loop_ask_kernel(struct loop *l);
/* A message may have confirmed the clock: the store knows. */
void loop_clock_confirmed(struct loop *l);
/* What a person should hear of is durable now. */
void conn_tell(struct loop *l, enum err result, const struct told *t);
/* Each minute; what a sweep left over goes on after a second, not after a minute. */
void sweep_over(struct loop *l, uint64_t now);

/*
 * Long polls. One waits without a thread: after each commit its drop is looked at. True
 * if the DROP_WATCH in hand is seen to: it waits, or was refused because too many do.
 */
bool conn_watch(struct conn *c);
/* After a commit: those with news are served. */
void watch_look(struct loop *l);
/* Those whose time is over are served, at a drain all of them. */
void watch_over(struct loop *l, uint64_t now_ms);
/* It waits no longer, before its state changes; fine if it did not. */
void watch_leave(struct conn *c);

#endif
