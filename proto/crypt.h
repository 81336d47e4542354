/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every use of libsodium, by purpose. Hashes and derived keys are BLAKE2b over
 * label, one zero byte, then the parts; signatures are Ed25519 (RFC 8032) over
 * the labelled BLAKE2b-256 of the message. Each label and each level-0 id
 * stands in one table and is used for one thing. Nothing here is secret-
 * dependent in time; outputs stay untouched on failure.
 */
#ifndef KITH_PROTO_CRYPT_H
#define KITH_PROTO_CRYPT_H

#include "proto/bytes.h"
#include "proto/err.h"
#include "proto/secret.h"

enum {
    PUB_BYTES = 32,     /* X25519 or Ed25519 public key */
    SIG_BYTES = 64,     /* Ed25519 signature */
    HASH_BYTES = 32,    /* labelled hash */
    ID_BYTES = 16,      /* ids, tokens, op ids */
    SEAL_OVERHEAD = 40, /* nonce 24 and tag 16 */
    BOX_OVERHEAD = 48,  /* ephemeral key 32 and tag 16 */
    SALT_BYTES = 16     /* Argon2id salt */
};

/* X(NAME, "label", "what it is for") */
#define LABEL_TABLE(X)                                                                   \
    X(SEAT_ID, "kith seat id", "seat id: node key, guardian fingerprint")                \
    X(GUARDIAN_FP, "kith guardian fingerprint", "in links: signing key, sealing key")    \
    X(GATE_KEY, "kith gate key", "key of the gate: node key")                            \
    X(GATE, "kith gate", "gate of the hello: hello without gate, message 1")             \
    X(TOKEN_ID, "kith token id", "credential id from a token")                           \
    X(TOKEN_PSK, "kith token psk", "credential psk from a token")                        \
    X(LINK_CHECK, "kith link", "checksum of a link")                                     \
    X(SPOKEN_SALT, "kith spoken salt", "salt of a spoken code")                          \
    X(SPOKEN_ID, "kith spoken id", "id from a spoken code")                              \
    X(SPOKEN_GATE, "kith spoken gate", "gate key from a spoken code")                    \
    X(SPOKEN_ANSWER, "kith spoken answer", "answer key from a spoken code")              \
    X(SPOKEN_HELLO, "kith spoken hello", "gate of a hello of kind 1")                    \
    X(SPOKEN_SEAL, "kith spoken seal", "the sealed answer to a spoken code")             \
    X(VAULT_GENERATION, "kith vault generation", "vault key of one generation")          \
    X(VAULT_OBJECT_KEY, "kith vault object key", "seals objects of the vault")           \
    X(VAULT_NONCE_KEY, "kith vault nonce key", "makes the nonces of objects")            \
    X(VAULT_HEAD_KEY, "kith vault head key", "seals states and witnesses")               \
    X(VAULT_OBJECT, "kith vault object", "an object: associated data")                   \
    X(VAULT_NONCE, "kith vault nonce", "nonce of an object, from its plaintext")         \
    X(VAULT_PADDING, "kith vault padding", "salt of an object of padding alone")         \
    X(VAULT_OBJECT_ID, "kith vault object id", "id of an object, from its bytes")        \
    X(VAULT_STATE, "kith vault state", "a sealed state: associated data")                \
    X(VAULT_STATE_HASH, "kith vault state hash", "names a state")                        \
    X(VAULT_HEAD, "kith vault head", "head of a vault at a seat: signature and hash")    \
    X(VAULT_SIGNER, "kith vault signer", "a device that signs heads at a seat")          \
    X(VAULT_WITNESS, "kith vault witness", "a sealed witness: associated data")          \
    X(DROP_TAG, "kith drop tag", "drop ids and slot tags")                               \
    X(ACCOUNT_STATIC, "kith account static", "root account: Noise static key")           \
    X(ACCOUNT_SIGN, "kith account sign", "root account: Ed25519 seed")                   \
    X(ACCOUNT_PSK, "kith account psk", "root account: psk")                              \
    X(OWNER_SIGN, "kith owner sign", "owner signing key: Ed25519 seed")                  \
    X(GUARDIAN_SIGN, "kith guardian sign", "guardian: Ed25519 seed")                     \
    X(GUARDIAN_SEAL, "kith guardian seal", "guardian: X25519 sealing key")               \
    X(GUARDIAN_STATIC, "kith guardian static", "guardian at a seat: Noise static key")   \
    X(GUARDIAN_PSK, "kith guardian psk", "guardian at a seat: psk")                      \
    X(APPROVAL_KEY, "kith approval key", "guardian for a ward: Ed25519 seed")            \
    X(RESTORE_ROSTER, "kith restore roster", "standing roster credential token")         \
    X(RESTORE_SHEET, "kith restore sheet", "standing sheet credential token")            \
    X(DERIVE_AGE, "kith derive age", "kith derive: X25519 key of an age identity")       \
    X(DERIVE_SSH, "kith derive ssh", "kith derive: Ed25519 seed of an SSH key")          \
    X(DERIVE_PASSWORD, "kith derive password", "kith derive: a password")                \
    X(KEK, "kith kek", "key that wraps the root, from the escrow key")                   \
    X(KEK_PASSPHRASE, "kith kek passphrase", "reserved: with a recovery passphrase")     \
    X(PIECE_KEY, "kith piece key", "Ed25519 seed from a piece")                          \
    X(FINGERPRINT, "kith fingerprint", "salt of the fingerprint words")                  \
    X(CALL_SALT, "kith call salt", "salt of the call words, from the nonce")             \
    X(COMMITMENT, "kith commitment", "a requester's commitment to its nonce")            \
    X(T_HASH, "kith transcript", "hash of T, in statements and as associated data")      \
    X(MANIFEST, "kith manifest", "manifest: signature and hash")                         \
    X(MANIFEST_BODY, "kith manifest body", "hash of all of a manifest, inside its hash") \
    X(MANIFEST_BEFORE, "kith manifest before", "associated data of the wrapped root")    \
    X(WRAPPED_LINE, "kith wrapped line", "checksum of a line that holds W_e")            \
    X(CARD_LINE, "kith card line", "checksum of the public line of a card")              \
    X(MANIFEST_SEAL, "kith manifest seal", "manifest at rest at a node")                 \
    X(ROSTER_SEAL, "kith roster seal", "roster at rest at a node")                       \
    X(DESCRIPTOR, "kith descriptor", "descriptor: signature")                            \
    X(BOX_PIECE, "kith box piece", "box of a piece and the manifest key")                \
    X(BOX_ROSTER, "kith box roster", "box of the roster key")                            \
    X(BOX_NOTE, "kith box note", "a ward's label and note for its guardian")             \
    X(BOX_RELEASE, "kith box release", "a piece re-sealed to a requester")               \
    X(BOX_RELEASE_ROSTER, "kith box release roster", "roster key for a requester")       \
    X(BOX_INNER, "kith box inner", "owner's signature inside a box")                     \
    X(SEAT_KEYS, "kith seat keys", "guardian's signature over its keys at a seat")       \
    X(SEAT_ENROL, "kith seat enrol", "guardian's signature in SEAT_ENROL")               \
    X(APPROVAL_PUB, "kith approval public", "guardian's signature over an approval key") \
    X(VIEW, "kith view", "node's signature over a request's view")                       \
    X(ACK, "kith ack", "signature of an acknowledgement")                                \
    X(ACK_KEY, "kith ack key", "node's signature over an acknowledgement key")           \
    X(STORED, "kith stored", "hash of every byte stored for an epoch")                   \
    X(STORED_ROSTER, "kith stored roster", "hash of a list of guardians put later")      \
    X(STATEMENT_RESTORE, "kith statement restore", "approval of a restore")              \
    X(STATEMENT_CONFIRM, "kith statement confirm", "confirmation")                       \
    X(STATEMENT_MOVE, "kith statement move", "approval of a new root")                   \
    X(INTRODUCTION, "kith introduction", "approval key lets a roster credential in")     \
    X(UNLOCK, "kith unlock", "approval key unlocks a request")                           \
    X(RECEIPT, "kith receipt", "node's receipt of a release")                            \
    X(RETIRE, "kith retire", "a requester's signature that an epoch may go at once")     \
    X(MOVE, "kith move", "a new root: signature by the requester's key, and hash")       \
    X(MOVE_ACCOUNT, "kith move account", "the new root's account at one seat")           \
    X(ENDED, "kith ended", "node's receipt that a ward was erased")                      \
    X(CHECK, "kith check", "what a node answers to a check")                             \
    X(DRILL, "kith drill", "piece key signs a drill's challenge")                        \
    X(LOG_CHAIN, "kith log chain", "head of a node's log")                               \
    X(DROP_CHAIN, "kith drop chain", "head of a drop")                                   \
    X(DROP_RECEIPT, "kith drop receipt", "node's receipt of what a drop holds")          \
    X(DROP_MARK, "kith drop mark", "a reader has seen a drop up to a head")              \
    X(DROP_BLOB, "kith drop blob", "a depositor's signature over a blob")                \
    X(OP_HASH, "kith op", "hash of kind and body under an op id")                        \
    X(STORE_RECORD, "kith store record", "a sealed record of the store")                 \
    X(STORE_ANCHOR, "kith store anchor", "the anchor file")                              \
    X(STORE_IDENTITY, "kith store identity", "checksum of the identity file")            \
    X(STORE_DATA, "kith store data", "data key files and what lies under them")          \
    X(STORE_BACKUP, "kith store backup", "checks of a backup's pieces")                  \
    X(HOME_DAY, "kith home day", "day box of a home")                                    \
    X(HOME_ROOT, "kith home root", "root box of a home")                                 \
    X(HOME_JOURNAL, "kith home journal", "journal of a ceremony")                        \
    X(HOME_RESTORE, "kith home restore", "restore file")                                 \
    X(HOME_VAULT, "kith home vault", "state file of a home's vault: associated data")    \
    X(HOME_CHECK, "kith home check", "checksum of a home's file")                        \
    X(HOME_JOURNAL_KEY, "kith home journal key", "key of the journal")                   \
    X(HOME_DEVICE, "kith home device", "what a further machine is given")                \
    X(HOME_DEVICE_ROOT, "kith home device root", "the root for a further machine")       \
    X(HOME_CARDS, "kith home cards", "pieces that go on paper, until read back")         \
    X(HOME_CARDS_KEY, "kith home cards key", "key of the cards' file")                   \
    X(HOME_MOVE, "kith home move", "change of the root in progress")

enum label {

#define LABEL_ENUM(name, text, what) LABEL_##name,
    LABEL_TABLE(LABEL_ENUM)
#undef LABEL_ENUM
        LABEL_COUNT
};

/* The label's text and purpose; static strings. */
const char *label_text(enum label l);
const char *label_what(enum label l);

/* Level 0: crypto_kdf_derive_from_key(R, id, ctx). X(NAME, id, "8 bytes ctx") */
#define LEVEL_TABLE(X)                                                                   \
    X(IDENTITY, 1, "kithiden")                                                           \
    X(VAULT, 2, "kithvalt")                                                              \
    X(TAGS, 3, "kithtags")                                                               \
    X(LOG_SALTS, 4, "kithslog")                                                          \
    X(OWNER, 5, "kithsign")                                                              \
    X(ACCOUNT, 6, "kithacct")                                                            \
    X(GUARDIAN, 7, "kithguar")                                                           \
    X(RESTORE, 8, "kithrest")                                                            \
    X(DERIVE, 9, "kithderi")

enum level {

#define LEVEL_ENUM(name, id, ctx) LEVEL_##name,
    LEVEL_TABLE(LEVEL_ENUM)
#undef LEVEL_ENUM
        LEVEL_COUNT
};

/* Cost of one Argon2id run: memory in bytes, passes. */
struct cost {
    size_t mem;
    uint32_t passes;
};

/* What the shipped programs use everywhere: 64 MiB, t = 3. */
extern const struct cost cost_shipped;
/* libsodium's minimum, for simulations only: 8 KiB, t = 1. */
extern const struct cost cost_minimum;
/* The operating system's generator; ctx is unused. */
extern const struct rng crypt_random;

/* A list of slices for the functions below: crypt_hash(LABEL_X, PARTS(a, b), out). */
#define PARTS(...)                                                                       \
    (const struct bytes[]){ __VA_ARGS__ },                                               \
        sizeof((const struct bytes[]){ __VA_ARGS__ }) / sizeof(struct bytes)

/* BLAKE2b of the label and n parts; out.n is 10 to 64 bytes. */
void crypt_hash(enum label l, const struct bytes *parts, size_t n, struct span out);
/* The same, keyed with 32 secret bytes. */
void crypt_keyed(const uint8_t key[KEY_BYTES], enum label l, const struct bytes *parts,
                 size_t n, struct span out);

/* The level-0 key of R for one purpose (not LEVEL_IDENTITY). */
void crypt_level(const struct root_key *root, enum level which, struct level_key *out);
/* The 64-byte SLIP-0010 seed (level 0, id 1). */
void crypt_identity_seed(const struct root_key *root, uint8_t out[64]);

/* The Ed25519 public key of a seed. */
void crypt_sign_public(const struct sign_seed *seed, uint8_t out_pub[PUB_BYTES]);
/* Signs msg under a label. */
void crypt_sign(const struct sign_seed *seed, enum label l, struct bytes msg,
                uint8_t out_sig[SIG_BYTES]);
/* ERR_SIGNATURE unless sig is pub's signature of msg under the label. */
enum err crypt_verify(const uint8_t pub[PUB_BYTES], enum label l, struct bytes msg,
                      const uint8_t sig[SIG_BYTES]);

/* The X25519 public key (RFC 7748). */
void crypt_dh_public(const struct dh_key *key, uint8_t out_pub[PUB_BYTES]);
/* X25519; ERR_KEY when the shared secret is all zero. out: 32 secret bytes. */
enum err crypt_dh(const struct dh_key *key, const uint8_t pub[PUB_BYTES],
                  uint8_t out[KEY_BYTES]);

/*
 * XChaCha20-Poly1305 under key: appends nonce 24, ciphertext, tag 16 to out
 * (plain.n + SEAL_OVERHEAD bytes; out->over if they do not fit). ad is the label
 * and ad.
 */
void crypt_seal(const struct seal_key *key, enum label l, struct bytes ad,
                struct bytes plain, const struct rng *rng, struct buf *out);
/*
 * The same with a nonce that follows from key, label, ad and plain: the same input gives
 * the same bytes, another input another nonce. nonce_key serves nothing else.
 */
void crypt_seal_same(const struct seal_key *key, const struct seal_key *nonce_key,
                     enum label l, struct bytes ad, struct bytes plain, struct buf *out);
/*
 * Opens what crypt_seal made into out (at least sealed.n - SEAL_OVERHEAD bytes).
 * ERR_FORMAT: too short; ERR_TOO_BIG: out too small; ERR_AUTH: changed or other key.
 */
enum err crypt_open(const struct seal_key *key, enum label l, struct bytes ad,
                    struct bytes sealed, struct span out, size_t *out_n);

/*
 * Seals to a public key: ephemeral X25519, key = BLAKE2b keyed with the shared
 * secret over label, both public keys; XChaCha20-Poly1305, zero nonce. Appends
 * plain.n + BOX_OVERHEAD bytes. ERR_KEY: pub is of low order.
 */
enum err crypt_box_seal(const uint8_t pub[PUB_BYTES], enum label l, struct bytes ad,
                        struct bytes plain, const struct rng *rng, struct buf *out);
/* Opens such a box; errors as crypt_open, and ERR_KEY. */
enum err crypt_box_open(const struct dh_key *key, enum label l, struct bytes ad,
                        struct bytes sealed, struct span out, size_t *out_n);

/* Argon2id (RFC 9106) into out.n bytes. ERR_NOMEM. */
enum err crypt_argon2id(struct bytes secret, const uint8_t salt[SALT_BYTES],
                        struct cost cost, struct span out);

/* BLAKE2b-512 of the parts, no label: for Noise (HASH). */
void crypt_blake2b_512(const struct bytes *parts, size_t n, uint8_t out[64]);
/* Appends in as Base64 (RFC 4648 section 4, padded); constant time. */
void crypt_base64(struct bytes in, struct buf *out);
/* HMAC-BLAKE2b-512 (RFC 2104, block 128), written out: keyed BLAKE2b is not HMAC. */
void crypt_hmac_blake2b_512(struct bytes key, const struct bytes *parts, size_t n,
                            uint8_t out[64]);
/* ChaCha20-Poly1305 (RFC 8439), nonce = 4 zero bytes and n little-endian (Noise 12.3). */
void crypt_chachapoly_seal(const uint8_t key[KEY_BYTES], uint64_t n, struct bytes ad,
                           struct bytes plain, uint8_t *out);
/* ERR_AUTH leaves out (sealed.n - 16 bytes) untouched; out may be sealed.p. */
enum err crypt_chachapoly_open(const uint8_t key[KEY_BYTES], uint64_t n, struct bytes ad,
                               struct bytes sealed, uint8_t *out);
/* HMAC-SHA-256 (RFC 2104) of the parts. */
void crypt_hmac_sha256(struct bytes key, const struct bytes *parts, size_t n,
                       uint8_t out[32]);
/* HMAC-SHA-512 and HMAC-SHA-1 (RFC 2104) of the parts: for one-time codes alone. */
void crypt_hmac_sha512(struct bytes key, const struct bytes *parts, size_t n,
                       uint8_t out[64]);
void crypt_hmac_sha1(struct bytes key, const struct bytes *parts, size_t n,
                     uint8_t out[20]);
/* PBKDF2-HMAC-SHA-256 (RFC 8018) into out.n bytes. */
void crypt_pbkdf2_sha256(struct bytes password, struct bytes salt, uint32_t rounds,
                         struct span out);

#endif
