/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node in this process: a real store in a directory of its own, without a thread,
 * the real handlers, a clock that stands where the test puts it, and randomness from a
 * seed. It is asked directly (node_sim_ask) or in conversations over proto/peer
 * (talk_*), byte for byte as over a socket. Fails the test on what cannot go wrong.
 */
#ifndef KITH_TESTS_SIM_NODE_SIM_H
#define KITH_TESTS_SIM_NODE_SIM_H

#include "node/serve.h"
#include "proto/peer.h"

enum { SIM_START = 1800000000 }; /* where the clock begins, Unix seconds */

struct sim_rng {
    uint64_t seed;
    uint64_t count;
};

/* Bytes that depend on seed and on how many were drawn before. */
void sim_rng_fill(void *ctx, uint8_t *out, size_t n);
struct rng sim_rng_of(struct sim_rng *r);

struct node_sim {
    char dir[64];
    struct store *store;
    struct limits limits;
    struct sim_rng chance;
    struct rng rng;
    struct node_env env;
    uint64_t now;
    uint64_t bytes_in;              /* fed by talks, for tests of traffic */
    void (*tap)(struct bytes body); /* sees what talks ask and answer, or NULL */
    /* Whether it dies now, before or after a commit; NULL: never. ctx is the node's. */
    bool (*dies)(void *ctx, bool before);
    void *dies_ctx;
    bool dead; /* it did: what it said since is heard by nobody */
    uint8_t reply[65536];
};

/* A new node in a new directory. */
void node_sim_open(struct node_sim *n, uint64_t seed);
/* The process dies and starts again: only what is in the store is left. */
void node_sim_again(struct node_sim *n);
/* Closes it and removes its directory. */
void node_sim_close(struct node_sim *n);
/* An operator link's token is put there, as kithd does at its first start. */
void node_sim_operator(struct node_sim *n, struct bytes token);

/* How somebody comes in. */
struct sim_login {
    enum role role;
    uint8_t id[ID_BYTES];
    struct dh_key key;
    uint8_t pub[PUB_BYTES];
    struct psk psk;
};

/* A fresh static key and psk; id zero. */
void sim_login_new(struct sim_login *l, enum role role, const struct rng *rng);
/* The same key with the id and psk of a token. */
void sim_login_token(struct sim_login *l, enum role role, struct bytes token);

/* As after a good handshake (hash: sim_handshake), bound where it had to be. */
enum err node_sim_login(struct node_sim *n, const struct sim_login *l,
                        struct session *out);
/* The handshake hash of such a session: of its static key, and no other's. */
void sim_handshake(const uint8_t pub[PUB_BYTES], uint8_t out[64]);
/*
 * One message: encodes the struct req, serves, commits, decodes into *out_rep (may be
 * NULL; slices point into n->reply until the next call). Returns what the handler did.
 */
enum err node_sim_ask(struct node_sim *n, const struct session *who, uint16_t kind,
                      const void *req, void *out_rep);
/* The same for a body as it is; its answer is in n->reply. */
enum err node_sim_raw(struct node_sim *n, const struct session *who, uint16_t kind,
                      struct bytes body, uint16_t *out_kind, struct bytes *out_body);
/* One commit; ERR_CLOSED: it died before or after. */
enum err node_sim_commit(struct node_sim *n, enum err (*fn)(struct txn *t, void *arg),
                         void *arg);
/* Runs fn as a handler would be, in one write transaction. */
enum err node_sim_write(struct node_sim *n, const struct session *who,
                        enum err (*fn)(struct call *c, void *arg), void *arg);

/* ---- conversations ---- */

/* The node's end. */
struct talk_end {
    struct node_sim *node;
    struct peer peer;
    struct session who;
    size_t in_n;
    uint8_t in[2 * PEER_FRAME_MAX];
};

void talk_accept(struct talk_end *t, struct node_sim *n);
/* Bytes from the client; the node's are appended to out. Not OK: it has closed. */
enum err talk_feed(struct talk_end *t, struct bytes in, struct buf *out);
void talk_close(struct talk_end *t);

/* Both ends. */
struct talk {
    struct talk_end node;
    struct peer peer;
    size_t in_n;
    uint8_t in[2 * PEER_FRAME_MAX];
    uint8_t out[2 * PEER_FRAME_MAX];
};

/* ERR_CLOSED: the node did not let the client in. */
enum err talk_open(struct talk *t, struct node_sim *n, const struct sim_login *l);
/* One message and its reply; an error of the node is what came over the wire. */
enum err talk_ask(struct talk *t, uint16_t kind, const void *req, void *out_rep);
void talk_end(struct talk *t);

#endif
