/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restore as a file: load, one round, save. Running it again is always safe; a power
 * cut is a pause. What a person needs to go on (who, which words, until when) is in the
 * file's open part; keys and pieces are sealed under the passphrase given at the start.
 */
#ifndef KITH_CLIENT_CEREMONY_RESTORE_H
#define KITH_CLIENT_CEREMONY_RESTORE_H

#include "client/cmd.h"
#include "proto/card.h"
#include "proto/recover.h"

enum { RESTORE_ENTRIES = ANSWERS_MAX };

enum restore_state {
    RESTORE_WAITING = 1,
    RESTORE_UNCONFIRMED = 2, /* rebuilt; the fingerprint words are to be accepted */
    RESTORE_DONE = 3,        /* the root is written */
    RESTORE_IMPOSSIBLE = 4,
    RESTORE_BROKEN = 5,    /* pieces enough, none opens */
    RESTORE_TWO_WORLDS = 6 /* two roots open */
};

/* How the last contact with a node went. */
enum contact {
    CONTACT_NONE = 0,
    CONTACT_FINE = 1,
    CONTACT_AWAY = 2,
    CONTACT_REFUSED = 3
};

/* What became of one epoch's box. */
struct restore_piece {
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t broken; /* 1: the box or the manifest did not open */
    uint8_t piece[PIECE_BYTES];
    struct bytes manifest;
    struct bytes receipt; /* release_receipt: that the node let it go */
};

/* What a node showed of the circle's past; it is judged by who needs it. */
struct restore_proof {
    uint8_t kind; /* enum epoch_want */
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    struct bytes raw; /* certificate of people of that epoch, or move_proof */
};

/* One guardian, found by a link or by the roster. Keys are the request's own. */
struct restore_entry {
    uint8_t source; /* enum answer_source */
    uint8_t node_key[PUB_BYTES];
    uint8_t fp[FP_BYTES];
    struct bytes token; /* of the link or of the roster credential */
    uint32_t n_addresses;
    struct roster_address addresses[ADDRESSES_MAX];
    uint8_t op_open[ID_BYTES];
    uint8_t op_reveal[ID_BYTES];
    uint8_t stat[KEY_BYTES];
    uint8_t psk[KEY_BYTES];
    uint8_t seal[KEY_BYTES];
    uint8_t nonce[32];
    struct bytes introduction; /* ours, from the introducer */
    uint8_t seat[ID_BYTES];
    uint8_t guard_sign[PUB_BYTES];
    uint8_t guard_seal[PUB_BYTES];
    uint8_t node_sign[PUB_BYTES];
    struct bytes view;
    struct bytes words; /* text, once the request is live */
    uint8_t state;      /* enum request_state; 0: not open */
    uint8_t contact;    /* enum contact */
    uint64_t approved;
    uint64_t opens;
    uint64_t expires;
    struct bytes statement;
    struct bytes roster; /* decoded bytes, as this guardian let it go */
    uint8_t roster_hash[HASH_BYTES];
    struct bytes roster_later;  /* put there since, where it is another, */
    struct bytes roster_former; /* and the one before that */
    uint8_t asked_rosters;      /* 1: the node was asked for these */
    uint8_t verdict;            /* enum verdict */
    uint32_t n_pieces;
    struct restore_piece pieces[EPOCHS_MAX];
    uint8_t repeats;     /* views given up after their nonce may have been shown */
    struct bytes spoken; /* what a spoken code gives; until its node has answered */
    uint8_t sheet;       /* 1: its link stood on a sheet, with those of others */
    uint16_t refusal;    /* wire number of the error that refused it; 0: none was said */
    uint8_t flags;       /* enum request_flag, as last told */
    uint32_t cert_epoch; /* its node was shown the certificate of that one; 0: of none */
    uint8_t proved;      /* bit 1 << enum epoch_want: a proof of that kind is its own */
};

/* A piece from a card, as it was typed or scanned; no secret but the piece. */
struct restore_card {
    uint8_t piece[PIECE_BYTES]; /* secret; wiped once the restore is done */
    uint8_t group;              /* its place, 0-based, as the words say */
    uint8_t index;
    uint8_t known; /* 1: the card's public line was there too, and says: */
    uint8_t circle[ID_BYTES];
    uint32_t epoch;
    uint8_t need;
    uint8_t verdict; /* enum verdict */
};

enum { RESTORE_PROOFS = 24 };

enum { SPOKEN_KEPT = ID_BYTES + 2 * KEY_BYTES };

/* What concerns the restore as a whole. */
struct restore_head {
    uint8_t state; /* enum restore_state */
    struct bytes name;
    uint8_t req_sign[KEY_BYTES]; /* Ed25519 seed, one a restore */
    struct bytes accepted;       /* four words a person typed */
    uint8_t sources_differ;
    struct bytes fingerprint; /* of the accepted root */
    uint32_t epoch;
    uint32_t need;
    uint32_t have;
    uint8_t owner[PUB_BYTES]; /* of the root found */
    uint8_t locked;           /* 1: the cards are enough, what opens them is missing */
    uint8_t manifest_hash[HASH_BYTES]; /* that root was found in; zero: on paper alone */
    uint8_t old_root; /* 1: the person wants the root that was replaced, by its words */
};

struct restore_memory;

/* On the heap; wiped by restore_free. */
struct restore {
    struct restore_head head;
    size_t n;
    struct restore_entry entries[RESTORE_ENTRIES];
    size_t n_cards;
    struct restore_card cards[PAPER_CARDS];
    size_t n_wrapped; /* W_e, from a sheet or standalone cards */
    struct wrapped wrapped[PAPER_WRAPPED];
    size_t n_proofs;
    struct restore_proof proofs[RESTORE_PROOFS];
    struct recover_result result; /* of the last judgement */
    bool old_words;               /* the accepted words are of a root that was replaced */
    struct restore_memory *memory;
};

/* What a person sees of one guardian. Slices belong to the restore. */
struct restore_line {
    struct bytes name; /* absent until a roster tells it */
    struct bytes reach;
    struct bytes node; /* host:port */
    uint8_t request[ID_BYTES];
    uint8_t state;   /* enum request_state; 0 */
    uint8_t contact; /* enum contact */
    struct bytes words;
    uint64_t opens;
    uint8_t verdict;
    uint8_t spoken; /* 1: a code that no node has answered yet */
    uint16_t refusal;
    uint8_t flags; /* enum request_flag */
};

/* What a person sees of one card: read here, or known to be somebody's. */
struct restore_card_line {
    struct bytes name; /* absent until a roster tells it */
    struct bytes reach;
    uint8_t read;   /* 1: its piece is here */
    uint8_t group;  /* 0-based, as the words say */
    uint8_t index;  /* 0-based */
    uint32_t epoch; /* 0: not known */
    uint8_t verdict;
};

enum { CARD_LINES = 2 * PAPER_CARDS };

/* The open part of the file. */
struct restore_open {
    uint8_t state;
    struct bytes fingerprint;
    uint32_t epoch;
    uint32_t need;
    uint32_t have;
    uint32_t n_lines;
    struct restore_line lines[RESTORE_ENTRIES];
    uint8_t locked; /* as in the head */
    uint32_t n_cards;
    struct restore_card_line cards[CARD_LINES];
};

/* A new restore, nothing in it yet. ERR_NOMEM. */
enum err restore_new(const struct rng *rng, struct restore **out);
void restore_free(struct restore *r);
#define AUTO_RESTORE __attribute__((cleanup(auto_restore_)))

static inline void auto_restore_(struct restore **place)
{
    restore_free(*place);
}

/*
 * Takes a restore link in, also in the place of one of that seat's that led nowhere or to
 * a request that is over. ERR_EXISTS: this link, or a request there that is open;
 * ERR_ARG: another type.
 */
enum err restore_add_link(struct restore *r, const struct link *link,
                          const struct rng *rng);
/* The same with one that stands on a sheet: it proves no source of its own. */
enum err restore_add_sheet(struct restore *r, const struct link *link,
                           const struct rng *rng);
/* The same with a spoken code: its node is asked for the link in the next round. */
enum err restore_add_spoken(struct restore *r, const struct address *at,
                            const struct spoken_keys *keys, const struct rng *rng);
/*
 * Takes a piece from a card in; card is its public line, or NULL. ERR_EXISTS: it is here;
 * what the line says is kept. ERR_FORMAT: no piece; ERR_FULL, ERR_NOMEM.
 */
enum err restore_add_card(struct restore *r, const uint8_t piece[PIECE_BYTES],
                          const struct card *card);
/* Takes what opens locked cards in. ERR_EXISTS: it is here; ERR_FULL. */
enum err restore_add_wrapped(struct restore *r, const struct wrapped *wrapped);
enum err restore_save(struct home *h, const struct home_key *key, const struct restore *r,
                      const struct rng *rng);
enum err restore_load(struct home *h, const struct home_key *key, struct restore **out);
/* The open part alone; text points into *out_text (caller frees). */
enum err restore_look(struct home *h, struct home_blob *out_text,
                      struct restore_open **out);
/*
 * The signing key of a restore that is done, if the home has one that key opens, else
 * NULL; caller frees. ERR_NOMEM.
 */
enum err restore_requester(struct home *h, const struct home_key *key,
                           struct sign_seed **out);
/* The open part of a loaded one; caller frees. ERR_NOMEM. */
enum err restore_lines(const struct restore *r, struct restore_open **out);

/* What a round works with. */
struct restore_run {
    const struct params *params;
    uint32_t deadline_ms; /* of each of at most four rounds of calls */
    /* Writes the file; called before anybody hears of new keys, and before a nonce is
       shown to whoever gave the view it belongs to. */
    enum err (*keep)(void *ctx, const struct restore *r);
    void *keep_ctx;
};

/* The entry of whom a roster tells, by node and keys, or NULL. */
const struct restore_entry *restore_told(const struct restore *r,
                                         const struct roster_entry *told);

/*
 * One round to everybody who can be asked something, and another for those the roster
 * made known; kept at the end. Errors of keep; ERR_NOMEM.
 */
enum err restore_round(struct restore *r, const struct restore_run *run);
/*
 * Judges what is there: sets the head's state but for RESTORE_DONE. When the root is
 * found and accepted (words, or sources that differ), *out_root holds it and
 * *out_accepted is true. ERR_NOMEM.
 */
enum err restore_judge(struct restore *r, const struct params *p,
                       struct root_key *out_root, bool *out_accepted);
/* Takes live requests back, one round; *out_left is how many could not be told. */
enum err restore_cancel(struct restore *r, const struct params *p, size_t *out_left);
/* Keeps four typed words, or that the links came from different people. */
enum err restore_accept(struct restore *r, struct bytes words);

/*
 * Shows the certificates some nodes have to those that let a piece go and lack them: one
 * round. Who is away, or judges otherwise, is no error. ERR_NOMEM.
 */
enum err restore_carry(struct restore *r, const struct params *p);
/*
 * Fills an empty day with the guardians a restore found, as far as the root account needs
 * them: node, seat, generation, name; no ward. ERR_NOMEM.
 */
enum err restore_people(const struct restore *r, struct day *d);

extern const struct wire_schema restore_open_schema, restore_head_schema,
    restore_entry_schema;

#endif
