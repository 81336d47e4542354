/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Noise protocol framework, revision 34, with one suite:
 * 25519_ChaChaPoly_BLAKE2b. A small interpreter of token patterns; patterns
 * are data. What fails is dead: after an error a struct noise is wiped and
 * answers ERR_STATE. struct noise and struct noise_cipher belong in secret
 * memory; nothing is allocated here that outlives a call.
 */
#ifndef KITH_PROTO_NOISE_H
#define KITH_PROTO_NOISE_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/secret.h"

enum {
    NOISE_MAX = 65535, /* the longest Noise message */
    NOISE_TAG = 16,    /* what sealing adds */
    NOISE_HASH = 64,   /* HASHLEN of BLAKE2b */
    NOISE_MESSAGES = 5,
    NOISE_TOKENS = 8,
    NOISE_PSKS = 2 /* as many as one message can need */
};

enum noise_token {
    NOISE_END, /* of a message */
    NOISE_E,
    NOISE_S,
    NOISE_EE,
    NOISE_ES,
    NOISE_SE,
    NOISE_SS,
    NOISE_PSK
};

/* One handshake: who knows whose static key beforehand, and the tokens of each message.
 */
struct noise_pattern {
    char protocol[NOISE_HASH + 1]; /* the full protocol name */
    bool init_known;               /* pre-message -> s */
    bool resp_known;               /* pre-message <- s */
    bool psk;                      /* some message has a psk token */
    uint8_t messages;
    uint8_t tokens[NOISE_MESSAGES][NOISE_TOKENS]; /* NOISE_END ends each */
};

/* The one pattern of the product. */
extern const struct noise_pattern noise_xkpsk3;

enum noise_side { NOISE_INITIATOR, NOISE_RESPONDER };

/* The keys one side begins with; NULL where it has none. Copied by noise_start. */
struct noise_keys {
    const struct dh_key *s;
    const uint8_t *s_pub; /* the public key of s */
    const uint8_t *rs;    /* the other side's static public key, if known beforehand */
};

/* One direction of a conversation: CipherState. */
struct noise_cipher {
    uint8_t k[KEY_BYTES];
    uint64_t n;
};

/* One handshake: HandshakeState. { 0 } is dead. */
struct noise {
    const struct noise_pattern *pattern; /* NULL: dead */
    uint8_t ck[NOISE_HASH];
    uint8_t h[NOISE_HASH];
    struct noise_cipher cipher;
    struct dh_key s;
    struct dh_key e;
    uint8_t s_pub[PUB_BYTES];
    uint8_t rs[PUB_BYTES];
    uint8_t re[PUB_BYTES];
    struct psk psk[NOISE_PSKS];
    enum noise_side side;
    uint16_t at;     /* bytes of a paused message already read */
    uint8_t message; /* index of the current message */
    uint8_t token;   /* index of the current token */
    bool keyed;      /* cipher.k is set */
    uint8_t psks;    /* keys waiting in psk for the next psk tokens */
};

enum noise_read { NOISE_READ_DONE, NOISE_READ_PSK };

/*
 * Begins a handshake. The pattern stays the caller's and must outlive n. MUST:
 * a static key that the pattern's pre-messages need is there.
 */
void noise_start(struct noise *n, const struct noise_pattern *pattern,
                 enum noise_side side, struct bytes prologue,
                 const struct noise_keys *keys);

/* Gives the key of the next psk token that has none; at most NOISE_PSKS wait (MUST). */
void noise_give_psk(struct noise *n, const struct psk *psk);

/*
 * Appends the next message to out; the ephemeral key is 32 bytes of rng.
 * ERR_STATE: dead, not our turn, or a psk token without a key; ERR_TOO_BIG: the
 * message exceeds NOISE_MAX or out's room; ERR_KEY: the other side's key is of low
 * order. out keeps its length on failure.
 */
enum err noise_write(struct noise *n, struct bytes payload, const struct rng *rng,
                     struct buf *out);

/*
 * Reads the next message; its payload goes to out, which may not overlap in
 * (in.n bytes always suffice). *out_what is NOISE_READ_PSK when a psk token
 * is met without a key: then nothing was written, noise_remote is known if it
 * ever will be, and the call is made again, with the same bytes, after
 * noise_give_psk. ERR_STATE: dead or not their turn; ERR_FORMAT: too short;
 * ERR_TOO_BIG: too long, or out too small; ERR_AUTH: changed, replayed or of
 * other keys; ERR_KEY: a key of low order.
 */
enum err noise_read(struct noise *n, struct bytes in, struct span out, size_t *out_n,
                    enum noise_read *out_what);

/* Whether every message has been written or read. */
bool noise_complete(const struct noise *n);
/* The other side's static public key, once known (32 bytes within n). */
const uint8_t *noise_remote(const struct noise *n);
/* The handshake hash (64 bytes within n); of the whole handshake once complete. */
const uint8_t *noise_hash(const struct noise *n);
/* Gives the two transport ciphers of a complete handshake and wipes n. ERR_STATE. */
enum err noise_split(struct noise *n, struct noise_cipher *out_send,
                     struct noise_cipher *out_receive);

/*
 * Seals plain.n bytes into out (plain.n + NOISE_TAG bytes; may be plain.p).
 * ERR_STATE: the nonce 2^64 - 1 is reserved; ERR_TOO_BIG: beyond NOISE_MAX.
 */
enum err noise_seal(struct noise_cipher *c, struct bytes ad, struct bytes plain,
                    uint8_t *out);
/*
 * Opens into out (sealed.n - NOISE_TAG bytes; may be sealed.p). The nonce advances
 * only when the tag is right. ERR_STATE, ERR_TOO_BIG as above; ERR_FORMAT: shorter
 * than a tag; ERR_AUTH.
 */
enum err noise_open(struct noise_cipher *c, struct bytes ad, struct bytes sealed,
                    uint8_t *out);

#endif
