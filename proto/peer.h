/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One conversation without I/O: bytes in, bytes and events out; node, client,
 * simulator and fuzzers drive it alike. Hello and Noise_XKpsk3, then padded
 * frames of kind, tag and body, whose meaning is not known here. Owns no large
 * buffer; its secrets lie in secret memory (none before a right gate). What
 * fails is over: wiped, nothing written, and to be closed without a word.
 */
#ifndef KITH_PROTO_PEER_H
#define KITH_PROTO_PEER_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/ident.h"
#include "proto/noise.h"
#include "proto/secret.h"

enum {
    PEER_VERSION = 1,
    PEER_HELLO = 24, /* magic 4, version 1, kind 1, zero 2, gate 16 */
    PEER_GATE = 16,
    PEER_ACT_1 = 65,        /* ephemeral 32, tag 16, role 1, id 16 */
    PEER_ACT_2 = 48,        /* ephemeral 32, tag 16 */
    PEER_ACT_3 = 64,        /* static 32, tag 16, tag 16 */
    PEER_FRAME_HEAD = 8,    /* body length 2, kind 2, tag 4 */
    PEER_BODY_MAX = 65511,  /* the longest body */
    PEER_FRAME_MAX = 65537, /* the longest frame on the wire */
    PEER_HANDSHAKE_OUT = PEER_HELLO + PEER_ACT_1, /* the most a client's step writes */
    PEER_EARLY_OUT = SPOKEN_ANSWER                /* the most a node's step writes */
};

enum peer_state {
    PEER_OFF,    /* not begun, or over */
    PEER_CALLED, /* node: waits for hello and act 1 */
    PEER_CALLS,  /* client: waits for act 2 */
    PEER_TESTS,  /* node: waits for act 3 */
    PEER_ASKS,   /* node: waits for peer_set_psk */
    PEER_SPEAKS, /* client: has sent a spoken id, waits for the answer */
    PEER_HEARS,  /* node: waits for peer_answer */
    PEER_OPEN    /* frames go both ways */
};

/* The two transport ciphers; in secret memory. */
struct peer_keys {
    struct noise_cipher send;
    struct noise_cipher receive;
};

/* One side of one conversation. { 0 } is over. Callers read only what is marked. */
struct peer {
    enum peer_state state;     /* may be read */
    uint8_t role;              /* may be read: what the client says it is */
    uint8_t id[ID_BYTES];      /* may be read: credential id, or random; spoken id */
    uint8_t remote[PUB_BYTES]; /* may be read: the other side's static key; at the
                                  node claimed from PEER_WHO on, proven when open */
    uint8_t hash[NOISE_HASH];  /* may be read when open: the handshake hash */
    uint8_t gate[PEER_GATE];   /* node: of a hello of kind 1, not yet verified */
    struct rng rng;
    const struct dh_key *key; /* node: its static key, the caller's */
    const uint8_t *pub;       /* node: its public key, the caller's */
    struct noise *noise;      /* during the handshake */
    struct peer_keys *keys;   /* when open */
};

/* How a client is let in. */
struct peer_login {
    const uint8_t *node;      /* the node's public key, 32 bytes */
    const struct dh_key *key; /* the client's static key */
    const uint8_t *pub;       /* its public key; NULL: computed, one X25519 more */
    const struct psk *psk;
    const uint8_t *id; /* 16 bytes of a one-time credential; NULL: random */
    uint8_t role;
};

enum peer_event_kind {
    PEER_NEED_MORE, /* the next step takes wanted bytes in all */
    PEER_STEP,      /* a step of the handshake was taken: feed on */
    PEER_WHO,       /* role, id, remote are known: peer_set_psk, then feed on */
    PEER_READY,     /* open */
    PEER_FRAME,     /* kind, tag and body */
    PEER_SPOKEN,    /* node: a hello of kind 1, its id is known: peer_answer */
    PEER_ANSWER     /* client: the answer to a spoken id is the body; this is the end */
};

struct peer_event {
    enum peer_event_kind what;
    size_t wanted;
    uint16_t kind;
    uint32_t tag;
    struct bytes body; /* within the bytes fed; the caller wipes them after use */
};

/*
 * Begins as the client: appends hello and act 1 (PEER_HANDSHAKE_OUT bytes) to out.
 * Keys are copied. ERR_FULL: no room in out; ERR_KEY: the node's key is of low order;
 * ERR_NOMEM.
 */
enum err peer_start(struct peer *p, const struct peer_login *login, const struct rng *rng,
                    struct buf *out);

/*
 * Begins as a client that knows a spoken code and nothing else: appends a hello of kind 1
 * (PEER_HANDSHAKE_OUT bytes, the same for the same code). ERR_FULL: no room in out.
 */
enum err peer_speak(struct peer *p, const struct spoken_keys *keys, struct buf *out);

/* Begins as the node; key and pub stay the caller's until the peer is open or over. */
void peer_accept(struct peer *p, const struct dh_key *key, const uint8_t pub[PUB_BYTES],
                 const struct rng *rng);

/*
 * Takes at most one step: *out_used bytes of in are done with, the caller keeps the
 * rest and calls again until PEER_NEED_MORE. A frame is opened within in. A
 * handshake step appends to out (at most PEER_ACT_3 bytes). Any error ends p:
 * ERR_STATE: over, or asked on before peer_set_psk; ERR_AUTH, ERR_FORMAT,
 * ERR_VERSION, ERR_KEY: not acceptable; ERR_FULL: no room in out; ERR_NOMEM.
 */
enum err peer_feed(struct peer *p, struct span in, size_t *out_used, struct buf *out,
                   struct peer_event *out_ev);

/*
 * The node's answer to PEER_WHO. NULL: no such credential; the handshake then fails
 * as with a wrong psk, in the same bytes and time. ERR_STATE: not asked; ERR_NOMEM.
 */
enum err peer_set_psk(struct peer *p, const struct psk *psk);

/*
 * The node's answer to PEER_SPOKEN, and its end: checks the gate with the id's gate key,
 * appends answer (SPOKEN_ANSWER bytes, MUST). gate NULL: nobody has that id; the same
 * work is done, and the end is the same. ERR_AUTH: not answered; ERR_STATE: not asked;
 * ERR_FULL.
 */
enum err peer_answer(struct peer *p, const uint8_t *gate, struct bytes answer,
                     struct buf *out);

/* Bytes on the wire of a frame with a body of n bytes; 0 above PEER_BODY_MAX. */
size_t peer_frame_size(size_t n);

/*
 * Appends one frame to out. ERR_STATE: not open, or too many sent; ERR_TOO_BIG: body
 * above PEER_BODY_MAX; ERR_FULL: no room in out now. Nothing changes on failure.
 */
enum err peer_send(struct peer *p, uint16_t kind, uint32_t tag, struct bytes body,
                   struct buf *out);

/* Wipes and releases; { 0 } and twice are fine. */
void peer_end(struct peer *p);

#endif
