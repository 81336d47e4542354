/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round: a conversation with each of n nodes, side by side, under one deadline.
 * Each conversation is a small sequence: the caller's step function is asked what to
 * send next and sees each reply. The only place of kith that knows libuv; one private
 * loop a round, nothing is left running when it returns. Never retries by itself: an
 * outcome that is unknown is asked about again with the same op id, in a later round.
 */
#ifndef KITH_CLIENT_CALL_H
#define KITH_CLIENT_CALL_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/ident.h"
#include "proto/msg.h"
#include "proto/secret.h"

enum { CALL_ROUND_MS = 10000, CALL_MAX = 256 };

struct call;

/* What a node answered. */
struct call_reply {
    uint16_t kind;   /* of the request */
    enum err err;    /* not OK: the node's refusal, rep is NULL */
    const void *rep; /* struct rep_… of that kind; valid until the step returns */
    uint32_t retry_ms;
    enum msg_outcome outcome; /* with err: whether the request took effect */
};

/* What to send next; kind 0 ends the conversation, unless c->wait_ms was set. */
struct call_send {
    uint16_t kind;
    const void *req; /* struct req_… of that kind; copied when the step returns */
};

/*
 * Called with reply NULL once the handshake is done and the node's HELLO is in
 * c->hello (and after a wait), then after each reply; fills *out_send. Anything but OK
 * ends the conversation with that error. reply->err is the step's to judge: returning it
 * is the usual end. A step never blocks and never runs a round.
 */
typedef enum err (*call_step)(struct call *c, const struct call_reply *reply,
                              struct call_send *out_send);

/* How far a conversation came. */
enum call_stage {
    CALL_IDLE,    /* no address answered at all */
    CALL_MET,     /* connected; the node closed or was silent before its handshake part */
    CALL_KNOWN,   /* the node proved its key, but did not accept the credential */
    CALL_TALKING, /* conversation open */
    CALL_ENDED    /* the step function ended it */
};

/* With ERR_VERSION: whose program has to be updated. */
enum call_older { OLDER_UNSURE, OLDER_HERE, OLDER_NODE };

/* One conversation. The first part is the caller's, keys in secret memory. */
struct call {
    enum role role;
    const uint8_t *node_key;   /* 32 bytes */
    const struct dh_key *stat; /* own Noise static key */
    const uint8_t *id;         /* credential id, 16 bytes; NULL: enrolled, random */
    const struct psk *psk;
    struct address addresses[ADDRESSES_MAX];
    size_t n_addresses;
    call_step step;
    void *ctx;        /* the step's own */
    bool alone;       /* when it ends well the round is over; who is not done times out */
    uint32_t wait_ms; /* set by a step: it is asked again, reply NULL, so much later */
    uint32_t idle_ms; /* ERR_TIMEOUT after so long without an answer; 0: the deadline */
    /* Not NULL: only asks what is answered to this code, and ends. Of the fields above,
       addresses alone count. */
    const struct spoken_keys *spoken;

    /* what became of it */
    enum err err; /* OK only when the step function ended it */
    enum call_stage stage;
    enum call_older older;
    size_t used;            /* index of the address that was reached */
    uint8_t handshake[64];  /* handshake hash, from CALL_TALKING on */
    struct rep_hello hello; /* from CALL_TALKING on; HELLO and BYE are sent by call */
    uint8_t answer[SPOKEN_ANSWER]; /* with spoken: when err is OK */
};

/*
 * Runs all n conversations (at most CALL_MAX, MUST); returns when each has ended or
 * deadline_ms have passed. Every c->err is set: ERR_UNREACHABLE (no address answered),
 * ERR_TIMEOUT, ERR_CLOSED (ended before its answer: outcome unknown), ERR_REFUSED
 * (handshake refused: the credential was used, has expired or is for another node),
 * ERR_FORMAT (not a Kith node, or a broken one), ERR_VERSION (c->older), or what the step
 * returned. With
 * spoken ERR_REFUSED is all a node says.
 * ERR_NOMEM only for the round itself.
 */
enum err call_round(struct call *calls, size_t n, uint32_t deadline_ms,
                    const struct rng *rng);

/*
 * What became of a failed call, for a person; who is "Ana's node" or "The node at
 * host:port". Cut at cap bytes.
 */
void call_sentence(const struct call *c, const char *who, char *out, size_t cap);
/* Puts the binary addresses of a record into c; those not understood are left out. */
void call_addresses(struct call *c, const struct roster_address *addresses, size_t n);

#endif
