/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an epoch is made of: manifest, descriptor, roster, boxes, views,
 * statements, acknowledgements. A signed object is its canonical body followed by
 * 64 bytes of signature; it is kept and checked as the bytes received. Nothing
 * here decides policy: it makes, opens and verifies.
 */
#ifndef KITH_PROTO_PIECE_H
#define KITH_PROTO_PIECE_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/ident.h"
#include "proto/secret.h"
#include "proto/wire.h"

enum {
    PIECE_BYTES = 37,    /* SLIP-39 share: 40 bits of header, 32 bytes of value */
    PIECES_MAX = 64,     /* pieces of one circle */
    GROUPS_MAX = 16,     /* SLIP-39 groups */
    EPOCHS_MAX = 6,      /* epochs of one ward a node keeps at once, at most */
    EPOCHS_OWNER = 4,    /* of these, made under one root; the others are for a new one */
    EPOCHS_AHEAD = 4,    /* a node takes a number so far above its active one, at most */
    WRAPPED_BYTES = 72,  /* W_e: nonce 24, root 32, tag 16 */
    MANIFEST_MAX = 8192, /* bytes, signature included */
    DESCRIPTOR_MAX = 8192,   /* bytes, signature included */
    ROSTER_MAX = 16384,      /* bytes, encoded */
    BOX_MAX = 2048,          /* one sealed box */
    SIGNED_MAX = 2048,       /* view, statement, introduction, ack, with signature */
    NAME_MAX_BYTES = 64,     /* a name or label */
    TEXT_MAX_BYTES = 800,    /* reach, contact, about-me: 200 characters of UTF-8 */
    ADDRESSES_MAX = 4,       /* addresses of one node */
    HOLD_MAX_S = 30 * 86400, /* hold, seconds */
    STOP_HOLD_MAX_S = 90 * 86400
};

enum piece_kind { PIECE_NODE = 1, PIECE_CARD = 2 };

enum roster_mode { ROSTER_AT_ONCE = 0, ROSTER_WITH_PIECE = 1, ROSTER_NEVER = 2 };

enum request_kind { REQUEST_RESTORE = 1, REQUEST_CONFIRM = 2, REQUEST_MOVE = 3 };

/* Purpose of a request; subject is a manifest hash or a new owner key, or absent. */
enum purpose {
    PURPOSE_RESTORE = 1,
    PURPOSE_ENROL = 2,
    PURPOSE_EPOCH = 3, /* subject: manifest hash */
    PURPOSE_END = 4,
    PURPOSE_MOVE = 5 /* subject: new owner key */
};

/* States of a request: one list for node, client and documents. */
enum request_state {
    STATE_OPENED = 1,
    STATE_LIVE = 2,
    STATE_APPROVED = 3,
    STATE_CONTESTED = 4,
    STATE_LOCKED = 5,
    STATE_RELEASED = 6,
    STATE_REFUSED = 7,
    STATE_EXPIRED = 8
};

/* States of an epoch at a node. */
enum epoch_state {
    EPOCH_NEXT_KEY = 1,
    EPOCH_PREPARED = 2,
    EPOCH_ACTIVE = 3,
    EPOCH_SUPERSEDED = 4
};

/* How the guardian made sure who was speaking. */
enum how {
    HOW_MET = 1,
    HOW_VIDEO = 2,
    HOW_VOUCHED = 3,
    HOW_QUESTION = 4,
    HOW_CALLED = 5
};

/* "restore", "live", "met" … for screens and JSON; "unknown" for other numbers. */
const char *request_kind_name(unsigned kind);
const char *purpose_name(unsigned purpose);
const char *request_state_name(unsigned state);
const char *epoch_state_name(unsigned state);
const char *how_name(unsigned how);
/* HOW_* of a name; ERR_ARG. */
enum err how_find(const char *name, uint8_t *out_how);

/* ---- manifest ---- */

struct manifest_group {
    uint8_t t; /* threshold, 1..16 */
    uint8_t n; /* pieces, t..16 */
};

struct manifest_piece {
    uint8_t group;                /* 0-based */
    uint8_t index;                /* SLIP-39 member index, 0-based */
    uint8_t kind;                 /* enum piece_kind */
    uint8_t piece_key[PUB_BYTES]; /* Ed25519 public key of the piece */
    uint8_t approval[PUB_BYTES];  /* zero for a card */
};

struct manifest {
    uint8_t version; /* 1 */
    uint8_t circle[ID_BYTES];
    uint32_t epoch; /* from 1 */
    uint8_t owner[PUB_BYTES];
    uint8_t group_threshold;
    uint32_t n_groups;
    struct manifest_group groups[GROUPS_MAX];
    uint32_t n_pieces;
    struct manifest_piece pieces[PIECES_MAX];
    uint32_t hold;                  /* seconds */
    uint32_t stop_hold;             /* seconds */
    uint64_t made;                  /* Unix seconds */
    uint8_t previous[HASH_BYTES];   /* hash of the previous manifest, or zero */
    uint8_t move[HASH_BYTES];       /* hash of the MOVE, or zero */
    uint8_t wrapped[WRAPPED_BYTES]; /* W_e, always the last field */
};

/*
 * Wraps the root under the escrow key, encodes and signs: appends the manifest to
 * out and sets m->wrapped and m->owner. m must pass manifest_check (MUST).
 */
enum err manifest_make(struct manifest *m, const struct root_key *root,
                       const struct escrow_key *escrow, const struct rng *rng,
                       struct buf *out);
/* Decodes, verifies the signature by the manifest's own owner key, checks the plan. */
enum err manifest_open(struct bytes raw, struct manifest *out);
/*
 * ERR_FORMAT unless thresholds, counts and indices fit (total threshold at least 2) and
 * exactly the cards have no approval key; ERR_VERSION.
 */
enum err manifest_check(const struct manifest *m);
/*
 * The hash that names an epoch: over the whole of it, signature included, and apart from
 * that over what nodes judge by, which they compare (descriptor_name). ERR_FORMAT,
 * ERR_TOO_BIG: no manifest; ERR_NOMEM.
 */
enum err manifest_hash(struct bytes raw, uint8_t out[HASH_BYTES]);
/* The part of that hash that is over the whole of it. */
void manifest_body(struct bytes raw, uint8_t out[HASH_BYTES]);
/*
 * The root out of W_e. ERR_AUTH: other escrow key; ERR_SIGNATURE: the owner key
 * derived from that root is not the one that signed this manifest.
 */
enum err manifest_unwrap(struct bytes raw, const struct escrow_key *escrow,
                         struct root_key *out);

/* W_e as it travels outside a manifest: on a sheet, on a card. No secret by itself. */
struct wrapped {
    uint8_t circle[ID_BYTES];
    uint32_t epoch;
    uint8_t ad[HASH_BYTES]; /* its associated data */
    uint8_t sealed[WRAPPED_BYTES];
};

enum { WRAPPED_TEXT = 13 + ((1 + 16 + 4 + 32 + WRAPPED_BYTES + 4) * 8 + 4) / 5 + 1 };

/* What a manifest's W_e is outside it. Errors of manifest_open. */
enum err wrapped_of(struct bytes manifest, struct wrapped *out);
/* "KITH-WRAPPED:" and base32, with a final zero. */
void wrapped_format(const struct wrapped *w, char out[WRAPPED_TEXT]);
/*
 * Reads such a line, any case, white space anywhere. ERR_FORMAT: not one; ERR_CHECKSUM:
 * mistyped or incomplete; ERR_VERSION: a later one.
 */
enum err wrapped_parse(struct bytes text, struct wrapped *out);
/*
 * The root, without any manifest: the caller compares the owner key derived from it, or
 * its fingerprint words. ERR_AUTH: another escrow key. ERR_NOMEM.
 */
enum err wrapped_open(const struct wrapped *w, const struct escrow_key *escrow,
                      struct root_key *out);
/* Fewest pieces that recover: sum of the smallest group thresholds. */
unsigned manifest_need(const struct manifest *m);
/* The manifest's piece with that public key, or NULL. */
const struct manifest_piece *manifest_find(const struct manifest *m,
                                           const uint8_t piece_key[PUB_BYTES]);
/* At rest: sealed under the manifest key, bound to its hash. */
void manifest_seal(const struct seal_key *key, const uint8_t hash[HASH_BYTES],
                   struct bytes raw, const struct rng *rng, struct buf *out);
/* ERR_AUTH; the caller compares the hash it expected (it is the associated data). */
enum err manifest_unseal(const struct seal_key *key, const uint8_t hash[HASH_BYTES],
                         struct bytes sealed, struct span out, size_t *out_n);

/* The Ed25519 seed and public key a piece commits to. */
void piece_seed(const uint8_t piece[PIECE_BYTES], struct sign_seed *out);
void piece_public(const uint8_t piece[PIECE_BYTES], uint8_t out_pub[PUB_BYTES]);

/* ---- descriptor: what a node judges certificates by ---- */

struct descriptor_piece {
    uint8_t group;
    uint8_t ack[PUB_BYTES];
    uint8_t approval[PUB_BYTES];
};

struct descriptor {
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t group_threshold;
    uint32_t n_groups;
    struct manifest_group groups[GROUPS_MAX];
    uint32_t n_pieces;
    struct descriptor_piece pieces[PIECES_MAX]; /* node-held ones, in its order */
    uint8_t body[HASH_BYTES];                   /* manifest_body */
};

/* Of a manifest what a descriptor says, but for acknowledgement keys and body. */
void descriptor_of(const struct manifest *m, const uint8_t hash[HASH_BYTES],
                   struct descriptor *out);
/*
 * The hash of the manifest that says the same: number, thresholds, who approves, holds
 * (seconds). A node that is told another one judges by nothing of it: whoever signs
 * descriptors has no people of his own under a name that others' words are about.
 */
void descriptor_name(const struct descriptor *d, uint32_t hold, uint32_t stop_hold,
                     uint8_t out[HASH_BYTES]);

void descriptor_make(const struct descriptor *d, const struct sign_seed *account,
                     struct buf *out);
/* ERR_SIGNATURE unless account signed it; ERR_FORMAT unless its thresholds fit. */
enum err descriptor_open(struct bytes raw, const uint8_t account[PUB_BYTES],
                         struct descriptor *out);

/*
 * Whether what a node was given to judge by is what the manifest says: it has its name,
 * as the node should have seen. Whose signature it has is the node's business.
 * ERR_CONFLICT: it is not; ERR_FORMAT, ERR_NOMEM.
 */
enum err descriptor_fits(struct bytes raw, const struct manifest *m,
                         const uint8_t manifest_hash_[HASH_BYTES]);

/* ---- roster ---- */

struct roster_address {
    struct bytes at; /* binary, proto/ident */
};

struct roster_entry {
    struct bytes name;
    struct bytes reach; /* how a person reaches the guardian; may be absent */
    uint8_t node_key[PUB_BYTES];
    uint8_t seat[ID_BYTES];
    uint32_t generation; /* of the account */
    uint8_t sign_pub[PUB_BYTES];
    uint8_t seal_pub[PUB_BYTES];
    uint8_t credential[32]; /* token of the standing roster credential */
    uint32_t n_addresses;
    struct roster_address addresses[ADDRESSES_MAX];
};

/* Somebody who keeps a card. */
struct roster_card {
    struct bytes name;
    struct bytes reach; /* may be absent */
    uint8_t group;      /* as in the manifest */
    uint8_t index;
};

struct roster {
    uint8_t circle[ID_BYTES];
    uint32_t epoch;
    uint32_t n_entries;
    struct roster_entry entries[PIECES_MAX];
    uint32_t n_cards;
    struct roster_card cards[PIECES_MAX];
};

/* Encodes and seals under the roster key, bound to the manifest hash. ERR_TOO_BIG. */
enum err roster_seal(const struct roster *r, const struct seal_key *key,
                     const uint8_t manifest_hash_[HASH_BYTES], const struct rng *rng,
                     struct buf *out);
/* Opens into plain (caller's, wiped by the caller); out's slices point into plain. */
enum err roster_open(const struct seal_key *key, const uint8_t manifest_hash_[HASH_BYTES],
                     struct bytes sealed, struct span plain, struct roster *out);

/* ---- boxes to a guardian ---- */

/* What both ends know before opening; associated data, canonical. */
struct box_about {
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t group;
    uint8_t index;
    uint8_t seat[ID_BYTES];
    uint8_t seal_pub[PUB_BYTES];
};

/* What is inside, followed by the owner's signature over about and this. */
struct box_content {
    uint8_t circle[ID_BYTES];
    uint8_t owner[PUB_BYTES];
    struct bytes name;          /* the name the owner goes by */
    struct bytes about;         /* about-me note; may be absent */
    uint8_t key[KEY_BYTES];     /* piece box: manifest key; roster box: roster key */
    uint8_t piece[PIECE_BYTES]; /* piece box only */
};

enum box_kind { BOX_OF_PIECE, BOX_OF_ROSTER };

/* Appends the box to out. Secrets pass through locked memory only. */
enum err box_seal(enum box_kind kind, const struct box_about *about,
                  const struct box_content *content, const struct sign_seed *owner,
                  const struct rng *rng, struct buf *out);
/*
 * Opens and verifies the owner's signature by the owner key inside; the caller
 * compares circle and owner with those it was told at enrolment. plain (BOX_MAX,
 * secret memory) backs out's slices. ERR_AUTH, ERR_SIGNATURE, ERR_FORMAT.
 */
enum err box_open(enum box_kind kind, const struct box_about *about,
                  const struct dh_key *seal, struct bytes box, struct span plain,
                  struct box_content *out);

/* A ward's note for its guardian, made at enrolment. */
struct note {
    struct bytes label; /* the owner's name */
    uint8_t circle[ID_BYTES];
    uint8_t owner[PUB_BYTES];
    struct bytes contact; /* how the guardian reaches the owner; may be absent */
    struct bytes about;   /* may be absent */
};

enum err note_seal(const struct note *n, const uint8_t seal_pub[PUB_BYTES],
                   const uint8_t seat[ID_BYTES], const struct rng *rng, struct buf *out);
enum err note_open(const struct dh_key *seal, const uint8_t seat[ID_BYTES],
                   struct bytes sealed, struct span plain, struct note *out);

/* ---- view, transcript, statement, introduction ---- */

struct view_epoch {
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint32_t hold;
    uint32_t stop_hold;
};

struct view {
    uint8_t request[ID_BYTES];
    uint8_t kind;    /* enum request_kind */
    uint8_t purpose; /* enum purpose */
    uint8_t subject[32];
    uint8_t ward[ID_BYTES];
    uint32_t n_epochs;
    struct view_epoch epochs[EPOCHS_MAX];
    uint64_t opened;  /* Unix seconds */
    uint64_t expires; /* Unix seconds */
};

void view_make(const struct view *v, const struct sign_seed *node, struct buf *out);
/* ERR_SIGNATURE unless node_sign signed it. */
enum err view_open(struct bytes raw, const uint8_t node_sign[PUB_BYTES],
                   struct view *out);

/* T: everything two people bind to with four words. */
struct transcript {
    struct bytes view; /* signed bytes */
    uint8_t req_static[PUB_BYTES];
    uint8_t req_seal[PUB_BYTES];
    uint8_t req_sign[PUB_BYTES];
    uint8_t node_key[PUB_BYTES];
    uint8_t guard_sign[PUB_BYTES];
    uint8_t guard_seal[PUB_BYTES];
    uint8_t owner[PUB_BYTES]; /* kind confirm; zero for restore */
};

/* Appends the canonical T (at most SIGNED_MAX bytes). */
void transcript_put(const struct transcript *t, struct buf *out);
void transcript_hash(struct bytes t, uint8_t out[HASH_BYTES]);
/* The commitment OPEN carries: hash of the 32-byte nonce. */
void commitment_of(const uint8_t nonce[32], uint8_t out[HASH_BYTES]);

struct statement_epoch {
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t opened; /* 1: the box opened and the piece matches; 2: it does not */
};

struct statement {
    uint8_t kind;
    uint8_t purpose;
    uint8_t subject[32];
    uint8_t request[ID_BYTES];
    uint8_t req_sign[PUB_BYTES];
    uint32_t n_epochs;
    struct statement_epoch epochs[EPOCHS_MAX];
    uint8_t t_hash[HASH_BYTES];
    uint8_t how;         /* enum how */
    uint64_t not_before; /* Unix seconds */
    uint64_t time;       /* Unix seconds */
};

/* Signed under the label of its kind. */
void statement_make(const struct statement *s, const struct sign_seed *approval,
                    struct buf *out);
/* ERR_SIGNATURE unless approval signed it, under the label of the kind inside. */
enum err statement_open(struct bytes raw, const uint8_t approval[PUB_BYTES],
                        struct statement *out);

struct introduction {
    uint8_t req_sign[PUB_BYTES];
    uint8_t manifest_hash[HASH_BYTES];
    uint64_t until; /* Unix seconds */
};

void introduction_make(const struct introduction *i, const struct sign_seed *approval,
                       struct buf *out);
enum err introduction_open(struct bytes raw, const uint8_t approval[PUB_BYTES],
                           struct introduction *out);

/* ---- release: re-sealed to the requester, bound to T and the manifest ---- */

/* Appends the release box of a piece and its manifest key. t is the canonical T. */
enum err release_seal(const uint8_t req_seal[PUB_BYTES], struct bytes t,
                      const uint8_t manifest_hash_[HASH_BYTES],
                      const uint8_t piece[PIECE_BYTES],
                      const struct seal_key *manifest_key, const struct rng *rng,
                      struct buf *out);
/* out_piece and out_manifest_key are secret memory of the caller's. */
enum err release_open(const struct dh_key *req_seal, struct bytes t,
                      const uint8_t manifest_hash_[HASH_BYTES], struct bytes box,
                      uint8_t out_piece[PIECE_BYTES], struct seal_key *out_manifest_key);
enum err release_roster_seal(const uint8_t req_seal[PUB_BYTES], struct bytes t,
                             const uint8_t manifest_hash_[HASH_BYTES],
                             const struct seal_key *roster_key, const struct rng *rng,
                             struct buf *out);
enum err release_roster_open(const struct dh_key *req_seal, struct bytes t,
                             const uint8_t manifest_hash_[HASH_BYTES], struct bytes box,
                             struct seal_key *out_roster_key);

/* ---- what a node signs ---- */

struct ack {
    uint8_t state; /* enum epoch_state */
    uint8_t ward[ID_BYTES];
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES]; /* as told */
    uint8_t stored[HASH_BYTES];        /* every byte stored, re-read: stored_hash */
    uint8_t incarnation[ID_BYTES];
    uint8_t log_head[HASH_BYTES];
    uint64_t time; /* Unix seconds */
};

/* Hash of a sealed roster that ROSTER_PUT brought. */
void roster_stored(struct bytes roster_sealed, uint8_t out[HASH_BYTES]);
/* Hash of what PREPARE carried, in this order, each with its length. */
void stored_hash(struct bytes box_piece, struct bytes box_roster,
                 struct bytes manifest_sealed, struct bytes roster_sealed,
                 struct bytes descriptor, uint8_t out[HASH_BYTES]);
void ack_make(const struct ack *a, const struct sign_seed *ack_key, struct buf *out);
enum err ack_open(struct bytes raw, const uint8_t ack_pub[PUB_BYTES], struct ack *out);

/* That a node let a piece of one epoch go, under that epoch's acknowledgement key. */
struct release_receipt {
    uint8_t ward[ID_BYTES];
    uint8_t request[ID_BYTES];
    uint8_t req_sign[PUB_BYTES]; /* the requester's signing key */
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint64_t time; /* Unix seconds */
};

void release_receipt_make(const struct release_receipt *r,
                          const struct sign_seed *ack_key, struct buf *out);
enum err release_receipt_open(struct bytes raw, const uint8_t ack_pub[PUB_BYTES],
                              struct release_receipt *out);

/* Signature over an acknowledgement key, by the previous one or the node's. */
void ack_key_sign(const struct sign_seed *by, const uint8_t ward[ID_BYTES],
                  uint32_t epoch, const uint8_t ack_pub[PUB_BYTES],
                  uint8_t out_sig[SIG_BYTES]);
enum err ack_key_verify(const uint8_t by[PUB_BYTES], const uint8_t ward[ID_BYTES],
                        uint32_t epoch, const uint8_t ack_pub[PUB_BYTES],
                        const uint8_t sig[SIG_BYTES]);

/* ---- what a guardian signs about its keys ---- */

/* LABEL_SEAT_KEYS over node key, seat, signing and sealing key. */
void seat_keys_sign(const struct sign_seed *guardian, const uint8_t node_key[PUB_BYTES],
                    const uint8_t seat[ID_BYTES], const uint8_t seal_pub[PUB_BYTES],
                    uint8_t out_sig[SIG_BYTES]);
enum err seat_keys_verify(const uint8_t sign_pub[PUB_BYTES],
                          const uint8_t node_key[PUB_BYTES], const uint8_t seat[ID_BYTES],
                          const uint8_t seal_pub[PUB_BYTES],
                          const uint8_t sig[SIG_BYTES]);
/* LABEL_SEAT_ENROL over node key and handshake hash (64 bytes). */
void seat_enrol_sign(const struct sign_seed *guardian, const uint8_t node_key[PUB_BYTES],
                     const uint8_t handshake[64], uint8_t out_sig[SIG_BYTES]);
enum err seat_enrol_verify(const uint8_t sign_pub[PUB_BYTES],
                           const uint8_t node_key[PUB_BYTES], const uint8_t handshake[64],
                           const uint8_t sig[SIG_BYTES]);
/* LABEL_APPROVAL_PUB over seat, invite id, approval key; by the guardian's signing key.
 */
void approval_sign(const struct sign_seed *guardian, const uint8_t seat[ID_BYTES],
                   const uint8_t invite[ID_BYTES], const uint8_t approval[PUB_BYTES],
                   uint8_t out_sig[SIG_BYTES]);
enum err approval_verify(const uint8_t sign_pub[PUB_BYTES], const uint8_t seat[ID_BYTES],
                         const uint8_t invite[ID_BYTES],
                         const uint8_t approval[PUB_BYTES], const uint8_t sig[SIG_BYTES]);
/* LABEL_UNLOCK over request and op id, by the approval key. */
void unlock_sign(const struct sign_seed *approval, const uint8_t request[ID_BYTES],
                 const uint8_t op[ID_BYTES], uint8_t out_sig[SIG_BYTES]);
enum err unlock_verify(const uint8_t approval[PUB_BYTES], const uint8_t request[ID_BYTES],
                       const uint8_t op[ID_BYTES], const uint8_t sig[SIG_BYTES]);

/* Schemas, for documentation and fuzz seeds. */
extern const struct wire_schema manifest_schema, descriptor_schema, roster_schema,
    roster_address_schema, roster_card_schema, box_about_schema, box_content_schema,
    note_schema, view_schema, transcript_schema, statement_schema, introduction_schema,
    ack_schema, release_receipt_schema;

#endif
