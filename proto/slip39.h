/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SLIP-39 in both directions and on both levels: a master secret of 16 to 64
 * bytes, shares, their words and their binary form (a piece). Every byte of a
 * share's value is secret and never decides a branch or an address; its header
 * is public. Randomness is an argument, drawn once. What will hurt you: a wrong
 * passphrase gives another secret, not an error (SLIP-39 wants it so).
 */
#ifndef KITH_PROTO_SLIP39_H
#define KITH_PROTO_SLIP39_H

#include "proto/bytes.h"
#include "proto/err.h"
#include "proto/secret.h"

enum {
    SLIP39_SECRET_MIN = 16,
    SLIP39_SECRET_MAX = 64,
    SLIP39_GROUPS = 16,  /* most groups, and most members of one */
    SLIP39_SHARES = 256, /* most shares of one set */
    SLIP39_HEADER = 5,   /* bytes before the value in a piece */
    SLIP39_PIECE = 37,   /* a piece of a 32-byte secret */
    SLIP39_PREFIX = 4,   /* letters that tell every word of the list from the others */
    SLIP39_WORDS = 59,   /* most words of one share; a 32-byte secret has 33 */
    SLIP39_TEXT = 1024,  /* most bytes of text read as one share */
    SLIP39_E_USUAL = 5,  /* highest iteration exponent without asking a person */
    SLIP39_E_MAX = 15,
    SLIP39_TRIES = 20000, /* most subsets of shares tried in one recovery */
    SLIP39_PASSPHRASE = 1024
};

/* One share; belongs in secret memory. */
struct slip39_share {
    uint16_t identifier; /* 15 bits, equal in all shares of a set */
    uint8_t ext;         /* 1: the passphrase's salt leaves out the identifier */
    uint8_t e;           /* iteration exponent, 0 to 15 */
    uint8_t group_index; /* from 0 */
    uint8_t group_threshold;
    uint8_t group_count;
    uint8_t member_index; /* from 0 */
    uint8_t member_threshold;
    uint8_t value_n; /* bytes of value: 16 to 64, even */
    uint8_t value[SLIP39_SECRET_MAX];
};

/* How to split: needs group_threshold of the groups, of each t of its n members. */
struct slip39_plan {
    uint8_t ext; /* 0 or 1 */
    uint8_t e;   /* 0 to SLIP39_E_MAX */
    uint8_t group_threshold;
    uint8_t group_count;

    struct {
        uint8_t t, n;
    } groups[SLIP39_GROUPS];
};

/* What a recovery found; belongs in secret memory. */
struct slip39_found {
    uint8_t secret[SLIP39_SECRET_MAX];
    size_t secret_n;
    bool bad[SLIP39_SHARES]; /* by position in the list given */
    size_t bad_n;
};

/*
 * ERR_ARG: a threshold of 0 or above its count, a count of 0 or above 16, more than
 * one member where one is enough (SLIP-39 forbids it), ext above 1, e above 15.
 */
enum err slip39_plan_check(const struct slip39_plan *plan);
/* Number of shares of a checked plan, at most SLIP39_SHARES. */
size_t slip39_plan_shares(const struct slip39_plan *plan);
/* The fewest shares that give the secret; a checked plan. */
size_t slip39_plan_need(const struct slip39_plan *plan);
/* Bytes of randomness slip39_split takes for a secret of n bytes; a checked plan. */
size_t slip39_draw_size(const struct slip39_plan *plan, size_t n);

/*
 * Splits secret into slip39_plan_shares(plan) shares, group after group. draw holds
 * exactly slip39_draw_size uniform random bytes, in secret memory, used for nothing
 * else. Every share is checked by recombining encoded pieces before return. ERR_ARG:
 * the plan, a length, or a passphrase with other than printable ASCII; ERR_NOMEM.
 */
enum err slip39_split(struct bytes secret, struct bytes passphrase,
                      const struct slip39_plan *plan, struct bytes draw,
                      struct slip39_share *out_shares);

/*
 * The secret from n shares of one set, and which of them are bad. Surplus shares and
 * groups are welcome and verified; up to SLIP39_TRIES subsets are tried. A group that
 * cannot be mended is bad as a whole. Before any arithmetic: ERR_SHARE_FEW,
 * ERR_SHARE_MANY (above SLIP39_SHARES), ERR_SHARE_MIXED (not one set), ERR_SHARE_TWICE
 * (one index twice), ERR_TOO_BIG (e above max_e), ERR_FORMAT (impossible numbers),
 * ERR_ARG (passphrase). After it: ERR_SHARE_DIGEST (no set, or more than one, of the
 * shares fits together). ERR_NOMEM.
 */
enum err slip39_recover(const struct slip39_share *shares, size_t n,
                        struct bytes passphrase, uint8_t max_e,
                        struct slip39_found *out_found);
/* The same, but ERR_SHARE_DIGEST unless every share given is good. */
enum err slip39_combine(const struct slip39_share *shares, size_t n,
                        struct bytes passphrase, uint8_t max_e,
                        struct slip39_found *out_found);
/* Strict, for shares of a 32-byte key, e = 0 and no passphrase; else ERR_SHARE_MIXED. */
enum err slip39_combine_key(const struct slip39_share *shares, size_t n,
                            struct escrow_key *out_key);

/* Appends the share's 5 + value_n bytes; out->over if they do not fit. */
void slip39_piece_encode(const struct slip39_share *share, struct buf *out);
/* ERR_FORMAT: length or header; ERR_TOO_BIG: above 64 bytes of value. */
enum err slip39_piece_decode(struct bytes piece, struct slip39_share *out_share);

/* Appends the share's words, single spaces between; out->over if they do not fit. */
void slip39_words_encode(const struct slip39_share *share, struct buf *out);
/*
 * Reads words of any case with any white space. Time depends on the lengths of the
 * text and of the share only. ERR_TOO_BIG: above SLIP39_TEXT bytes or SLIP39_WORDS;
 * ERR_WORD: a word not on the list; ERR_CHECKSUM; ERR_FORMAT: count of words, padding,
 * header.
 */
enum err slip39_words_decode(struct bytes text, struct slip39_share *out_share);

/* Words a share of n bytes has. */
size_t slip39_word_count(size_t n);
/* One word of the list, index 0 to 1023, zero-filled; all 1,024 words are read. */
void slip39_word(uint16_t index, uint8_t out_word[8]);
/*
 * The index of a typed word: any case, at least its first four letters, and nothing that
 * is not the beginning of that word. False: none. Time depends on its length only.
 */
bool slip39_find(struct bytes typed, uint16_t *out_index);
/* The words of a share as indices: slip39_word_count(value_n) of them, secret. */
void slip39_indices_encode(const struct slip39_share *share, uint16_t *out_indices);
/* The share of n indices below 1,024. Errors of slip39_words_decode but ERR_WORD. */
enum err slip39_indices_decode(const uint16_t *indices, size_t n,
                               struct slip39_share *out_share);
/* 0 if the checksum of n indices is right (ext as in the share). Constant time. */
uint32_t slip39_remainder(uint8_t ext, const uint16_t *indices, size_t n);

/*
 * The Shamir layer alone ("SplitSecret"): n values of secret.n bytes at x = 0 .. n - 1,
 * digest at 254, secret at 255. draw: (t - 2) random values, then secret.n - 4 bytes;
 * empty if t is 1. ERR_ARG: t is 0 or above n, n above 16, a wrong length.
 */
enum err slip39_shamir_split(uint8_t t, uint8_t n, struct bytes secret, struct bytes draw,
                             uint8_t *out_values);
size_t slip39_shamir_draw(uint8_t t, size_t secret_n);

#endif
