/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call list (1,296 words, EFF short list 2) and the memory-hard words people
 * say on the telephone: call words, answer words, fingerprint words. A word is
 * its index in the list, 0 to 1,295. Words of this list are never secrets of a
 * card; whoever computes them for a judgement keeps them in secret memory.
 */
#ifndef KITH_PROTO_WORDS_H
#define KITH_PROTO_WORDS_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"

enum {
    WORDS_LIST = 1296,  /* words on the list */
    WORDS_CALL = 4,     /* call words and fingerprint words: 41 bits */
    WORDS_ANSWER = 2,   /* answer words: 20 bits */
    WORDS_MAX = 6,      /* most words 8 bytes can give */
    WORDS_OUT = 16,     /* bytes of one memory-hard output */
    WORDS_NONCE = 32,   /* a requester's nonce */
    WORDS_TEXT = 6 * 11 /* WORDS_MAX longest words, spaces and the final zero */
};

/* How typed words stand to the right ones. Zero is not a yes. */
enum words_verdict {
    WORDS_WRONG,     /* two or more differ, not all */
    WORDS_ALL_WRONG, /* every one differs (and there is more than one) */
    WORDS_SLIP,      /* exactly one differs */
    WORDS_RIGHT      /* all are equal */
};

/* The word of an index below WORDS_LIST (MUST); a static string. */
const char *words_text(uint16_t index);
/*
 * The index of a typed word: any case, at least its first three letters, and
 * nothing that is not the beginning of that word. ERR_WORD otherwise.
 */
enum err words_find(struct bytes typed, uint16_t *out_index);

/*
 * n (at most WORDS_MAX) words from 8 bytes: big-endian u64 mod 1296^n, the most
 * significant word first. Constant time.
 */
void words_from_bytes(const uint8_t in[8], size_t n, uint16_t *out_indices);
/*
 * Argon2id of the transcript t, salted with BLAKE2b-128 (LABEL_CALL_SALT) of the
 * nonce. Call words: words_from_bytes(out, WORDS_CALL, ...); answer words:
 * words_from_bytes(out + 8, WORDS_ANSWER, ...). out is secret. ERR_NOMEM.
 */
enum err words_call(struct bytes t, const uint8_t nonce[WORDS_NONCE], struct cost cost,
                    uint8_t out[WORDS_OUT]);
/*
 * Fingerprint words of an owner public key: Argon2id, fixed salt (BLAKE2b-128 of
 * LABEL_FINGERPRINT over nothing), then as call words. ERR_NOMEM.
 */
enum err words_fingerprint(const uint8_t owner_pub[PUB_BYTES], struct cost cost,
                           uint16_t out_indices[WORDS_CALL]);

/* n words, one space between, and a final zero; cap at least 11 * n (MUST). */
void words_format(const uint16_t *indices, size_t n, char *out, size_t cap);
/*
 * Exactly n (at most WORDS_MAX) words from text: any case, any ASCII white space
 * around and between. ERR_WORD: not n words, or one is not on the list.
 */
enum err words_parse(struct bytes text, size_t n, uint16_t *out_indices);
/* Judges n typed words against the right ones, which stay secret: constant time. */
enum words_verdict words_compare(const uint16_t *typed, const uint16_t *right, size_t n);

#endif
