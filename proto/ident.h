/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who: every key a person derives from the root, the ids made from public
 * keys, addresses, links and their spoken form. Integers in hashed contexts are
 * big-endian u32. Never draws randomness, never looks a name up.
 */
#ifndef KITH_PROTO_IDENT_H
#define KITH_PROTO_IDENT_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/secret.h"

enum {
    SEAT_BYTES = ID_BYTES,               /* seat id */
    INVITE_BYTES = ID_BYTES,             /* credential id of an invite */
    FP_BYTES = 10,                       /* guardian fingerprint */
    TOKEN_BYTES = 16,                    /* token of a link */
    TOKEN_STANDING = KEY_BYTES,          /* token of a standing restore credential */
    HOST_MAX = 253,                      /* longest host name */
    ADDRESS_MAX = 1 + 2 + HOST_MAX,      /* longest encoded address */
    ADDRESS_TEXT = HOST_MAX + 1 + 5 + 1, /* longest text, with its final zero */
    LINK_RAW = 1 + 32 + 16 + 10 + ADDRESS_MAX + 4,
    LINK_TEXT = 6 + (LINK_RAW * 8 + 4) / 5 + 1 /* longest link, with its final zero */
};

/* ---- keys from the root; every output belongs in secret memory ---- */

/* What an owner is let in with at one seat. */
struct account_keys {
    struct dh_key stat;    /* Noise static key */
    struct sign_seed sign; /* account signing key */
    struct psk psk;
};

/* What makes a person a guardian. */
struct guardian_keys {
    struct sign_seed sign;
    struct dh_key seal;
};

/* What a guardian talks to one seat with. */
struct seat_keys {
    struct dh_key stat; /* Noise static key */
    struct psk psk;
};

/* How a node knows who calls: found by id, proven by psk. */
struct credential {
    uint8_t id[ID_BYTES];
    struct psk psk;
};

enum standing_kind { STANDING_ROSTER, STANDING_SHEET };

/* Which standing restore credential of a seat. */
struct standing {
    enum standing_kind kind;
    uint32_t generation; /* of the account */
    uint32_t number;     /* of the roster or the sheet */
};

/* The owner's signing key. Each of these: ERR_NOMEM when the secret arena is full. */
enum err ident_owner(const struct root_key *root, struct sign_seed *out);
/* The root account at one seat; generation counts from 0. */
enum err ident_account(const struct root_key *root, const uint8_t node_key[PUB_BYTES],
                       const uint8_t seat[SEAT_BYTES], uint32_t generation,
                       struct account_keys *out);
/* The guardian's own keys, equal at all seats. */
enum err ident_guardian(const struct root_key *root, struct guardian_keys *out);
/* The guardian's conversation keys at one seat. */
enum err ident_seat_keys(const struct root_key *root, const uint8_t node_key[PUB_BYTES],
                         const uint8_t seat[SEAT_BYTES], struct seat_keys *out);
/* The approval key for the ward that came with one invite. */
enum err ident_approval(const struct root_key *root, const uint8_t seat[SEAT_BYTES],
                        const uint8_t invite_id[INVITE_BYTES], struct sign_seed *out);
/* The token of a standing restore credential. */
enum err ident_restore(const struct root_key *root, const uint8_t node_key[PUB_BYTES],
                       const uint8_t seat[SEAT_BYTES], const struct standing *which,
                       uint8_t out_token[TOKEN_STANDING]);

/* ---- ids ---- */

/* Guardian fingerprint: BLAKE2b-80 over signing public key, sealing public key. */
void ident_fingerprint(const uint8_t sign_pub[PUB_BYTES],
                       const uint8_t seal_pub[PUB_BYTES], uint8_t out_fp[FP_BYTES]);
/* Seat id: BLAKE2b-128 over node key, guardian fingerprint. */
void ident_seat_id(const uint8_t node_key[PUB_BYTES], const uint8_t fp[FP_BYTES],
                   uint8_t out_seat[SEAT_BYTES]);
/* The fingerprint of a root's guardian keys. ERR_NOMEM. */
enum err ident_root_fingerprint(const struct root_key *root, uint8_t out_fp[FP_BYTES]);
/* The credential of a token of TOKEN_BYTES or TOKEN_STANDING bytes (MUST). */
void ident_credential(struct bytes token, struct credential *out);

/* ---- addresses ---- */

/* Numbers of the encoded form. 3 is reserved for onion addresses. */
enum address_kind {
    ADDRESS_IP4 = 1,
    ADDRESS_IP6 = 2,
    ADDRESS_ONION = 3,
    ADDRESS_NAME = 4
};

struct address {
    enum address_kind kind;
    uint16_t port; /* 0 only where "any free port" is meant: to listen */
    uint8_t host_n;
    uint8_t host[HOST_MAX]; /* IP4: 4 bytes, IP6: 16, NAME: lower-case letters */
};

/*
 * From "1.2.3.4:7844", "[2001:db8::1]:7844" or "host.example:7844"; a name may be
 * upper-case. ERR_FORMAT: none of these, no port, or an IPv6 form of an IPv4
 * address (one host, one form). ERR_ARG: an .onion address (not supported yet).
 */
enum err address_parse(struct bytes text, struct address *out);
/* The text address_parse reads, with a final zero; cap at least ADDRESS_TEXT (MUST). */
void address_format(const struct address *a, char *out, size_t cap);
/*
 * Appends kind u8, then IP4 4 or IP6 16 bytes and port u16, or port u16 and the name
 * to the end. Its bytes are the only encoding. Port 0 is the caller's mistake (MUST).
 */
void address_put(const struct address *a, struct buf *out);
/*
 * From all of in. ERR_VERSION: unknown kind (onion too). ERR_FORMAT: wrong size, port
 * 0, or not a name.
 */
enum err address_get(struct bytes in, struct address *out);
/* True if kind and host are equal; ports are not compared. */
bool address_same_host(const struct address *a, const struct address *b);
/* True for 127.0.0.0/8, ::1 and the name localhost. */
bool address_is_loopback(const struct address *a);
/* True for loopback and for what is reached within one home network only. */
bool address_is_private(const struct address *a);

/* ---- bytes as text: RFC 4648 base32, upper-case, no padding ---- */

/* Appends it to out. */
void base32_put(struct bytes in, struct buf *out);
/*
 * Appends the bytes of all of text, any case, white space anywhere. ERR_CHECKSUM: not
 * the one encoding of some bytes, or too long for out.
 */
enum err base32_take(struct bytes text, struct buf *out);

/* ---- links ---- */

enum link_type { LINK_INVITE = 1, LINK_RESTORE = 2, LINK_SEAT = 3, LINK_OPERATOR = 4 };

/* Whoever holds the token may use the link once: secret memory, or wipe it. */
struct link {
    enum link_type type;
    uint8_t node_key[PUB_BYTES];
    uint8_t token[TOKEN_BYTES];
    uint8_t fp[FP_BYTES]; /* all zero in seat and operator links, and only there */
    struct address address;
};

/*
 * "KITH1:" and RFC 4648 base32 (upper-case, no padding) of type, node key, token,
 * fingerprint, address, checksum (first 4 bytes of BLAKE2b-128, LABEL_LINK_CHECK, over
 * what is before it); with a final zero. cap at least LINK_TEXT (MUST).
 * ERR_ARG: fingerprint or port do not suit. ERR_NOMEM.
 */
enum err link_format(const struct link *link, char *out, size_t cap);
/*
 * Reads a link of any case, white space anywhere. ERR_FORMAT: not a link, or a
 * content no Kith writes. ERR_VERSION: a later kind of link. ERR_CHECKSUM: mistyped
 * or incomplete. ERR_NOMEM. Leaves no copy of the token but *out.
 */
enum err link_parse(struct bytes text, struct link *out);

/* ---- spoken codes: a restore link that fits into a telephone call ---- */

enum {
    SPOKEN_CODE = 10,                     /* random bytes of a code */
    SPOKEN_LETTERS = 18,                  /* 16 hold them, 2 check them */
    SPOKEN_TEXT = SPOKEN_LETTERS + 4 + 1, /* with four dashes and the final zero */
    SPOKEN_ANSWER = 1 + 32 + 16 + 10 + 40 /* sealed: version, node key, token, fp */
};

/* Whoever holds it may use the link it leads to: secret memory. */
struct spoken_code {
    uint8_t b[SPOKEN_CODE];
};

/* Made from a code by a memory-hard hash: secret memory, though the id travels. */
struct spoken_keys {
    uint8_t id[ID_BYTES];
    uint8_t gate[KEY_BYTES]; /* keys the gate of a hello of kind 1 */
    struct seal_key answer;
};

/* "K7QX-2MVD-9HNT-4PRW-C6" with a final zero; cap at least SPOKEN_TEXT (MUST). */
enum err spoken_format(const struct spoken_code *code, char *out, size_t cap);
/*
 * Reads a code of any case, dashes and white space anywhere, O as 0, I and L as 1.
 * ERR_CHECKSUM: mistyped or incomplete; one or two wrong letters never pass.
 */
enum err spoken_read(struct bytes text, struct spoken_code *out);
/* The same after an address and white space. ERR_FORMAT, ERR_ARG: as address_parse. */
enum err spoken_parse(struct bytes text, struct address *out_at, struct spoken_code *out);
/* Argon2id (salt: LABEL_SPOKEN_SALT over nothing), then a label each. ERR_NOMEM. */
enum err spoken_keys(const struct spoken_code *code, struct cost cost,
                     struct spoken_keys *out);
/* Seals what a node answers to who knows the code: a restore link (MUST). ERR_NOMEM. */
enum err spoken_seal(const struct spoken_keys *keys, const struct link *link,
                     const struct rng *rng, uint8_t out[SPOKEN_ANSWER]);
/*
 * The link an answer holds, with the address that was called; out in secret memory.
 * ERR_AUTH: another code's; ERR_FORMAT, ERR_VERSION, ERR_NOMEM.
 */
enum err spoken_open(const struct spoken_keys *keys, struct bytes answer,
                     const struct address *at, struct link *out);

#endif
