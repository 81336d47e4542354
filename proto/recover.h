/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From guardians' answers to a root and a verdict on each. Pure: no time, no
 * randomness, no I/O. Never stops at the first bad answer and never trusts the
 * first one; recovers whenever enough good pieces are among the answers, whatever
 * the others say, and never yields a root whose owner key did not sign.
 */
#ifndef KITH_PROTO_RECOVER_H
#define KITH_PROTO_RECOVER_H

#include "proto/bytes.h"
#include "proto/err.h"
#include "proto/piece.h"
#include "proto/secret.h"

enum {
    ANSWERS_MAX = 64,
    PAPER_CARDS = 64,
    PAPER_WRAPPED = 8,
    /* Two answers make a world, and each speaks of EPOCHS_MAX; so does each W_e on paper.
       Only who holds a card and 32 seats could show more owners than are noted. */
    REPLACED_MAX = 16,
    RECOVER_CERTS = 16,
    OWNERS_MAX = ANSWERS_MAX * EPOCHS_MAX / 2 + 2 * PAPER_WRAPPED
};

enum verdict {
    VERDICT_NONE = 0, /* nothing can be said yet */
    VERDICT_GOOD,
    VERDICT_REFUSED,
    VERDICT_SILENT,
    VERDICT_BAD_PIECE,
    VERDICT_BAD_SIGNATURE,
    VERDICT_STALE_EPOCH,
    VERDICT_DUPLICATE
};

/* "good", "bad-piece" …; NULL for VERDICT_NONE. */
const char *verdict_name(enum verdict v);

/* What became of one guardian's request. */
enum answer_state { ANSWER_WAITING, ANSWER_REFUSED, ANSWER_SILENT, ANSWER_PIECE };

/* How the requester learned of this guardian: FROM_SHEET by a link on one of several
   people's paper, which is given by the person too and no source of its own. */
enum answer_source { FROM_LINK, FROM_ROSTER, FROM_SHEET };

/* One piece of one epoch, opened by the requester. */
struct answer_piece {
    uint32_t epoch;                    /* as the view says */
    uint8_t manifest_hash[HASH_BYTES]; /* as the view says */
    uint8_t piece[PIECE_BYTES];        /* secret memory of the caller's */
    struct bytes manifest;             /* unsealed manifest bytes */
    bool broken;                       /* the box or manifest did not open */
};

/* One guardian's answer; slices stay the caller's. */
struct answer {
    enum answer_state state;
    enum answer_source source;
    uint8_t node_key[PUB_BYTES];
    uint8_t guardian_fp[10];
    struct bytes address; /* binary; loopback is not compared */
    uint8_t request[ID_BYTES];
    uint8_t req_sign[PUB_BYTES];
    uint8_t t_hash[HASH_BYTES];
    struct bytes statement; /* signed bytes */
    uint32_t n_pieces;
    struct answer_piece pieces[EPOCHS_MAX];
};

/* A piece as it was typed from a card. */
struct paper_card {
    uint8_t piece[PIECE_BYTES]; /* secret memory of the caller's */
    bool known;                 /* its public line was there too, and says: */
    uint8_t circle[ID_BYTES];
    uint32_t epoch;
    uint8_t need; /* fewest pieces that open the root */
};

/* What a person has on paper; secret memory of the caller's. */
struct paper {
    size_t n_cards;
    struct paper_card cards[PAPER_CARDS];
    size_t n_wrapped; /* W_e of standalone cards and sheets */
    struct wrapped wrapped[PAPER_WRAPPED];
};

enum recover_state {
    RECOVER_WAITING,    /* too few good pieces so far */
    RECOVER_IMPOSSIBLE, /* those that can still answer are too few for any manifest seen
                         */
    RECOVER_BROKEN,     /* pieces enough, but none opens */
    RECOVER_TWO_WORLDS, /* different roots open: stop, show their owners' words */
    RECOVER_FOUND
};

struct recover_result {
    enum recover_state state;
    uint32_t epoch; /* of the manifest used (or most promising) */
    uint8_t manifest_hash[HASH_BYTES];
    size_t n_owners;                       /* FOUND: 1; TWO_WORLDS: more */
    uint8_t owners[OWNERS_MAX][PUB_BYTES]; /* whose fingerprint words to compare */
    unsigned need;   /* fewest pieces for that manifest; 0 unknown */
    unsigned have;   /* good pieces for it */
    unsigned direct; /* good pieces used from links the person gave, of
                        different node keys, guardians and addresses */
    enum verdict verdicts[ANSWERS_MAX];
    enum verdict cards[PAPER_CARDS];
    bool locked; /* cards are enough together, and nobody gave what opens them */
    /* Owners of worlds that open or would, in whose place people put another root. */
    size_t n_replaced;
    uint8_t replaced[REPLACED_MAX][PUB_BYTES];
    bool late; /* what opens was replaced, and the pieces of the newer are too few */
    /* A MOVE was shown by the word of people of an epoch that nobody confirmed to those
       the person named: it replaces nothing, and only words say which root it is. */
    bool disputed;
};

/* A certificate of people that a node showed: judged, never believed. */
struct recover_cert {
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    struct bytes people;
};

/* All that is judged; slices are the caller's. */
struct recover_in {
    const struct answer *answers;
    size_t n;                  /* at most ANSWERS_MAX (MUST) */
    const struct paper *paper; /* or NULL */
    const uint8_t *owner;      /* or NULL: only this owner's worlds count */
    const struct bytes *moves; /* move_proof each, as nodes showed them */
    size_t n_moves;
    const struct recover_cert *certs; /* RECOVER_CERTS are looked at */
    size_t n_certs;
};

/*
 * Judges n answers (at most ANSWERS_MAX, MUST). FOUND: *out_root (secret memory)
 * is the root; otherwise it is untouched. out->verdicts[i] is for answers[i].
 * owner: NULL, or the owner key a person accepted by its words: only its worlds count.
 * Of one owner's epochs the highest is preferred. ERR_NOMEM only.
 */
enum err recover(const struct answer *answers, size_t n, const uint8_t *owner,
                 struct recover_result *out, struct root_key *out_root);
/*
 * The same with cards beside the answers; out->cards[i] is for paper->cards[i]. A card
 * needs no statement: its piece key must stand in a manifest that an answer brought.
 * Where no manifest did, cards alone open a W_e on paper: then nothing but the
 * fingerprint words says whose root it is, and out->direct is 0.
 */
enum err recover_paper(const struct answer *answers, size_t n, const struct paper *paper,
                       const uint8_t *owner, struct recover_result *out,
                       struct root_key *out_root);
/*
 * The same where a root may have been replaced. Each answer begins with the oldest epoch
 * of the old root that it brought a good piece of; certificates by people of that one
 * lead on. A MOVE counts if from each beginning they lead to an epoch whose people said
 * so (proto/cert, by_manifest). Answers by links and sheets alone are asked. Of roots
 * that follow each other only the last counts; a later one that cannot be opened leaves
 * the one before it found, and late.
 */
enum err recover_all(const struct recover_in *in, struct recover_result *out,
                     struct root_key *out_root);

#endif
