/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proves that an old epoch may go, that a circle has a new root, that it ends:
 * words of the guardian people, signed with the approval keys that stand in the
 * descriptor of the newest confirmed epoch; and acknowledgements of nodes. Pure: judges,
 * never decides when. A signature by an owner's key proves nothing here.
 */
#ifndef KITH_PROTO_CERT_H
#define KITH_PROTO_CERT_H

#include "proto/piece.h"

enum {
    CERT_PEOPLE_MAX = 32768,   /* bytes of an encoded certificate of people */
    CERT_MACHINES_MAX = 24576, /* and of machines */
    CERT_LIFE_S = 90 * 86400,  /* statements for a MOVE or an end count so long */
    MOVE_MAX = 512,            /* a signed MOVE */
    MOVE_PROOF_MAX = 33792,    /* a MOVE and what proves it */
    DUAL_TIME_S = 14 * 86400,  /* what an owner's key orders destroyed dies after it */
    RETIRE_OWN_S = 30 * 86400  /* one's own piece, when its guardian confirmed */
};

/* ---- thresholds ---- */

/* Pieces of each group that are at hand. */
struct cert_count {
    uint8_t of[GROUPS_MAX];
};

/* Whether they satisfy the descriptor's thresholds. */
bool cert_enough(const struct descriptor *d, const struct cert_count *c);
/* Whether they still do without any one of them. */
bool cert_spare(const struct descriptor *d, const struct cert_count *c);

/* ---- people ---- */

/* One guardian's word. */
struct cert_line {
    struct bytes statement; /* signed; proto/piece */
    struct bytes receipt;   /* release_receipt, beside a statement of kind restore */
};

struct cert {
    uint32_t n_lines;
    struct cert_line lines[PIECES_MAX];
};

/* Appends it; at most CERT_PEOPLE_MAX bytes, else out->over. */
void cert_put(const struct cert *c, struct buf *out);
/* Slices point into raw. ERR_FORMAT, ERR_TOO_BIG. */
enum err cert_get(struct bytes raw, struct cert *out);

/* What the statements have to say. */
struct cert_rule {
    enum purpose purpose; /* PURPOSE_EPOCH, PURPOSE_END or PURPOSE_MOVE */
    uint8_t subject[32];  /* EPOCH: manifest hash; MOVE: new owner key; END: zero */
    uint32_t epoch;       /* EPOCH: its number; no words about another one count */
    uint8_t req_sign[PUB_BYTES]; /* MOVE: the one key they name; else zero: any */
    uint64_t since;              /* statements before that time do not count; 0: all do */
    bool by_manifest;            /* d is of descriptor_of: receipts are not looked at */
};

struct cert_verdict {
    struct cert_count count;
    unsigned n;          /* pieces of the descriptor that said so */
    bool by[PIECES_MAX]; /* which of them */
    bool enough;         /* they satisfy its thresholds */
};

/*
 * Judges by d, the descriptor of the newest confirmed epoch. A line counts once, for
 * the piece whose approval key signed it, if it says what the rule asks: for EPOCH that
 * the piece of that epoch and manifest was opened and matched; for END and MOVE that d's
 * epoch was among those in question; of kind restore (for a MOVE) only beside a receipt
 * of that piece's acknowledgement key for the same request. Other lines are passed over.
 * ERR_FORMAT, ERR_TOO_BIG: raw is no certificate.
 */
enum err cert_people(const struct descriptor *d, const struct cert_rule *rule,
                     struct bytes raw, struct cert_verdict *out);

/* ---- machines ---- */

struct cert_ack {
    struct bytes ack; /* signed; proto/piece */
};

struct cert_acks {
    uint32_t n_acks;
    struct cert_ack acks[PIECES_MAX];
};

void cert_acks_put(const struct cert_acks *c, struct buf *out);
/*
 * Whether nodes that hold d's epoch as active satisfy its thresholds with one to spare,
 * or are all of them. Each piece counts once, by its acknowledgement key. ERR_FORMAT.
 */
enum err cert_machines(const struct descriptor *d, struct bytes raw, bool *out_enough);

/* A restore this node released lets old epochs go at once: by that requester's key. */
void retire_sign(const struct sign_seed *requester, const uint8_t ward[ID_BYTES],
                 uint32_t epoch, const uint8_t manifest_hash_[HASH_BYTES],
                 uint8_t out_sig[SIG_BYTES]);
enum err retire_verify(const uint8_t requester[PUB_BYTES], const uint8_t ward[ID_BYTES],
                       uint32_t epoch, const uint8_t manifest_hash_[HASH_BYTES],
                       const uint8_t sig[SIG_BYTES]);

/* ---- a new root ---- */

struct move {
    uint8_t circle[ID_BYTES];
    uint32_t epoch;                    /* the newest confirmed one, e */
    uint8_t manifest_hash[HASH_BYTES]; /* of e */
    uint8_t old_owner[PUB_BYTES];
    uint8_t new_owner[PUB_BYTES];
    uint8_t req_sign[PUB_BYTES]; /* whom the statements name, and who signs this */
    uint64_t time;               /* Unix seconds */
};

void move_make(const struct move *m, const struct sign_seed *requester, struct buf *out);
/* ERR_SIGNATURE unless the key inside signed it; ERR_FORMAT. It proves nothing alone. */
enum err move_open(struct bytes raw, struct move *out);
/* What the next manifest carries. */
void move_hash(struct bytes raw, uint8_t out[HASH_BYTES]);

/* A MOVE with its certificate of people, as nodes keep and show it. */
struct move_proof {
    struct bytes move;
    struct bytes people;
};

void move_proof_put(const struct move_proof *p, struct buf *out);
enum err move_proof_get(struct bytes raw, struct move_proof *out);

/*
 * The MOVE, if people of d (the descriptor of its epoch e) say so; now (0: they may be of
 * any age) bounds their age. ERR_CERT: they do not; ERR_SIGNATURE, ERR_FORMAT.
 */
enum err move_judge(const struct descriptor *d, const struct move_proof *p, uint64_t now,
                    bool by_manifest, struct move *out);

/* The new root's account at one seat, by the key that signed the MOVE. */
struct move_account {
    uint8_t ward[ID_BYTES];
    uint8_t move[HASH_BYTES]; /* move_hash */
    uint8_t account_sign[PUB_BYTES];
    uint8_t stat[PUB_BYTES];
    uint8_t psk[KEY_BYTES]; /* secret */
};

void move_account_sign(const struct sign_seed *requester, const struct move_account *a,
                       uint8_t out_sig[SIG_BYTES]);
enum err move_account_verify(const uint8_t requester[PUB_BYTES],
                             const struct move_account *a, const uint8_t sig[SIG_BYTES]);

/* ---- an end, a check, a drill ---- */

/* That a node erased what it kept for a ward; by the node's signing key. */
struct ended_receipt {
    uint8_t ward[ID_BYTES];
    uint8_t manifest_hash[HASH_BYTES]; /* of the epoch that was active, or zero */
    uint8_t incarnation[ID_BYTES];
    uint64_t time; /* Unix seconds */
};

void ended_receipt_make(const struct ended_receipt *r, const struct sign_seed *node,
                        struct buf *out);
enum err ended_receipt_open(struct bytes raw, const uint8_t node_sign[PUB_BYTES],
                            struct ended_receipt *out);

/* BLAKE2b-256 keyed with the nonce over the parts in their order, each with its length.
 */
void check_digest(const uint8_t nonce[32], const struct bytes *parts, size_t n,
                  uint8_t out[HASH_BYTES]);
/* One part more: io is zero before the first, and that digest after the last. */
void check_add(const uint8_t nonce[32], struct bytes part, uint8_t io[HASH_BYTES]);

/* What a drill's signature is over. */
struct drill {
    uint8_t ward[ID_BYTES];
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t challenge[32];
    uint64_t time;
};

void drill_sign(const struct sign_seed *piece, const struct drill *d,
                uint8_t out_sig[SIG_BYTES]);
enum err drill_verify(const uint8_t piece_key[PUB_BYTES], const struct drill *d,
                      const uint8_t sig[SIG_BYTES]);

extern const struct wire_schema cert_schema, cert_line_schema, cert_acks_schema,
    cert_ack_schema, move_schema, move_proof_schema, ended_receipt_schema;

#endif
