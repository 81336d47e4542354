/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plain, blocking client on loopback for tests of a node's sockets, and a real kithd
 * as a child process. Reads time out after ten seconds, so nothing hangs; what cannot
 * go wrong in a test of the node (a socket that cannot be made) is a MUST.
 */
#ifndef KITH_TESTS_NET_H
#define KITH_TESTS_NET_H

#include <sys/types.h>

#include "tests/sim/cast.h"

/* ---- a client ---- */

struct caller {
    int fd;
    struct peer peer;
    uint16_t port;
    size_t in_n;
    uint32_t tag;
    uint32_t reply_tag; /* of the last reply */
    uint8_t in[2 * PEER_FRAME_MAX];
    uint8_t body[PEER_FRAME_MAX]; /* of the last reply; its slices point here */
    uint8_t out[PEER_FRAME_MAX];
};

/* A TCP connection to 127.0.0.1:port. */
void caller_dial(struct caller *c, uint16_t port);
/* Dials and shakes hands. ERR_CLOSED: the node ended it; ERR_AUTH and others: peer's. */
enum err caller_open(struct caller *c, uint16_t port, const uint8_t node[PUB_BYTES],
                     const struct sim_login *l);
/* Sends bytes as they are; false: the other side has closed. */
bool caller_send(struct caller *c, struct bytes raw);
/* Builds the frame of one message into out. */
void caller_frame(struct caller *c, uint16_t kind, const void *req, struct buf *out);
/* Waits for one reply. An error of the node is returned as such. */
enum err caller_reply(struct caller *c, uint16_t kind, void *out_rep);
/* One message and its reply. */
enum err caller_ask(struct caller *c, uint16_t kind, const void *req, void *out_rep);
/* Reads until the node closes; how many bytes came. SIZE_MAX: it does not close. */
size_t caller_rest(struct caller *c);
void caller_close(struct caller *c);

/* ---- a kithd ---- */

struct kithd {
    pid_t pid;
    int out; /* its standard output */
    uint16_t port;
    char dir[64]; /* configuration, state and log */
};

/* A new directory and a configuration with extra lines (may be ""). */
void kithd_new(struct kithd *k, const char *listen, const char *extra);
/* Starts the program (KITHD, a path) with one more argument or NULL, waits for its port.
 */
bool kithd_start(struct kithd *k, const char *more);
/* Ends it with the signal; its exit code, or minus the signal that ended it. */
int kithd_stop(struct kithd *k, int sig);
/* Runs it to its end; its exit code. What it said is in the file log. */
int kithd_fails(struct kithd *k, const char *more);
/* Starts it and kills it with SIGKILL after a while, wherever it is then. */
void kithd_cut(struct kithd *k, unsigned us);
/* Its standard error so far, cut at cap - 1. */
void kithd_log(const struct kithd *k, char *out, size_t cap);
/* The path of a file below dir; static storage, good until the next call. */
const char *kithd_path(const struct kithd *k, const char *name);
/* Runs a line of shell; its exit code. */
int net_shell(const char *line);
/* Removes its directory. */
void kithd_end(struct kithd *k);

/* Reads State/operator.link. */
enum err kithd_link(const struct kithd *k, struct link *out);
/* Fresh guardian keys that come with this link's token. */
void net_guardian_new(struct node_sim *keys, const struct link *link,
                      struct sim_guardian *g);
/*
 * Keys and randomness for the cast without a node in this process: id has the node's
 * public key only.
 */
void net_keys(struct node_sim *keys, struct store_identity *id,
              const uint8_t node[PUB_BYTES]);
/* SEAT_ENROL with g's link; afterwards g->login works. */
enum err net_seat(struct node_sim *keys, uint16_t port, struct sim_guardian *g);
/* CRED_NEW for an invite and WARD_ENROL with it; afterwards o->login works. */
enum err net_ward(struct node_sim *keys, uint16_t port, const struct sim_guardian *g,
                  struct sim_owner *o);

#endif
