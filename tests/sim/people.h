/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The people of a history: an owner with a circle, guardians with seats (three of them
 * perhaps at one hoster), whoever asks for pieces, thieves among them. Each speaks as a
 * client does, with the client's own functions where they are pure; what they learn is
 * kept here, and nothing of it is judged.
 */
#ifndef KITH_TESTS_SIM_PEOPLE_H
#define KITH_TESTS_SIM_PEOPLE_H

#include "proto/cert.h"
#include "proto/recover.h"
#include "tests/sim/cast.h"
#include "tests/sim/desk.h"
#include "tests/sim/world.h"
#include "tests/unit/circle.h"

enum {
    SEATS = 5,
    EPOCHS_MADE = 8,
    RESTORES = 16,
    ASKS = 96,
    INTROS = 12,
    SENT_MAX = 1024,
    VAULT_MARKS = 24, /* objects there are in all */
    RECEIPT_MAX = 512,
    EVERYBODY = (1U << SEATS) - 1 /* bit i: guardian i */
};

/* Whether a guardian opens what is sealed to them. */
enum keys_are { KEYS_FINE, KEYS_GONE, KEYS_NEW };

struct seat {
    size_t house;
    bool fooled; /* believes a thief who calls */
    struct sim_guardian g;
    struct sim_guardian anew; /* with new keys, after the old were forgotten */
    enum keys_are keys_are;   /* NEW: and no whole circle has them yet */
    size_t joined;            /* epochs made before that */
    struct guardian_keys keys;
    struct sim_owner o; /* the owner as this seat's ward */
    struct sim_login device;
    struct sign_seed device_sign;
    uint8_t device_cred[ID_BYTES]; /* its name in the node's list */
    struct sim_login helper;       /* a thief's machine */
    bool helper_made;
    bool helper_in;
    struct req_drill_answer drilled; /* the guardian's newest answer; time 0: none */
    /* The same as a thief has it: it stays what it was. */
    struct sim_owner robbed;
    struct sim_login robbed_device;
    struct sign_seed robbed_device_sign;
    /* The owner's machine when the node's store was copied. */
    struct sim_login copied_device;
    struct sign_seed copied_device_sign;
    uint8_t copied_device_cred[ID_BYTES];
    bool follows;           /* the owner speaks there by the new root's account */
    struct sim_login sheet; /* credentials as restore roles */
    struct sim_login roster;
};

/* What was sealed for one seat alone: both boxes, the descriptor. */
struct sent {
    size_t n[3]; /* 0: nothing was acknowledged */
    uint8_t b[3][SENT_MAX];
};

/* One epoch as somebody with the root made it. */
struct made {
    bool thief;
    bool garbage;                    /* its pieces are none of its manifest's */
    uint64_t made;                   /* when */
    uint32_t said;                   /* bit i: guardian i confirmed it */
    struct sign_seed said_by[SEATS]; /* as it was then */
    uint32_t taken_back;             /* bit i: guardian i's node obeyed an ABORT of it */
    uint32_t hold;
    uint32_t stop_hold;
    struct circle c;
    bool all_next; /* all nodes gave their acknowledgement keys before it was brought */
    uint8_t acks[SEATS][PUB_BYTES];
    struct seal_key manifest_key;
    struct seal_key roster_key;
    uint8_t manifest[MANIFEST_MAX + SEAL_OVERHEAD];
    size_t manifest_n;
    uint8_t roster[ROSTER_MAX + SEAL_OVERHEAD];
    size_t roster_n;
    struct sent sent[SEATS];
};

/* Somebody who wants the root: one signing key. */
struct restore {
    bool thief;
    struct sign_seed sign;
    uint8_t sign_pub[PUB_BYTES];
};

/* How they come to a seat. */
enum way_in { WAY_LINK, WAY_SHEET, WAY_ROSTER };

/* A signed introduction, as it came out of a release. */
struct intro {
    size_t by; /* seat */
    size_t restore;
    size_t n;
    uint8_t b[SIGNED_MAX];
};

/* A request as the model has it; times are true ones, 0: not yet. */
struct model {
    enum request_state state;
    uint64_t opened;
    uint64_t live;
    uint64_t approved;
    uint64_t ended;
    uint64_t went;     /* its piece */
    uint64_t hold_end; /* when its hold has run */
    uint32_t hold;     /* it began with */
    uint32_t stop_hold;
    uint64_t stopped;  /* the last stop that counted */
    unsigned restarts; /* by stops */
    unsigned tries;    /* since it was opened or unlocked */
    bool words_right;  /* the guardian typed them in the newest try */
    bool odd;          /* its node's clock was wrong meanwhile: it may be late */
};

/* One request of one restore at one seat. */
struct ask {
    size_t restore;
    size_t seat;
    enum way_in way;
    size_t intro; /* WAY_ROSTER */
    struct sim_login link;
    struct sim_login login;
    struct dh_key seal;
    uint8_t seal_pub[PUB_BYTES];
    uint8_t nonce[32];
    uint8_t op_open[ID_BYTES];
    uint8_t op_reveal[ID_BYTES];
    size_t view_n;
    uint8_t view[SIGNED_MAX];
    uint8_t request[ID_BYTES];
    uint16_t words[WORDS_CALL];
    /* what came */
    size_t statement_n;
    uint8_t statement[SIGNED_MAX];
    uint32_t n_pieces;
    struct answer_piece pieces[EPOCHS_MAX];
    uint8_t manifests[EPOCHS_MAX][MANIFEST_MAX];
    size_t receipt_n[EPOCHS_MAX]; /* of each piece */
    uint8_t receipts[EPOCHS_MAX][RECEIPT_MAX];
    struct model m;
};

/* A seat's ward as the model has it. */
struct ward_model {
    uint32_t active;
    uint32_t held;                   /* bit e - 1: epoch e is good there */
    uint64_t since[EPOCHS_MADE];     /* when it was so first */
    uint64_t frozen;                 /* until then; 0 not */
    uint64_t thawed;                 /* when the last freeze ended */
    bool fuzzy;                      /* its node's clock was wrong since the freeze */
    uint64_t paused;                 /* until then */
    bool reset;                      /* its guardian has new keys elsewhere */
    uint32_t rot;                    /* bit e - 1: a part of epoch e is damaged there */
    uint32_t sure;                   /* bit e - 1: epoch e is confirmed there */
    uint64_t moved;                  /* a new root was taken then; 0 never */
    uint64_t move_due;               /* and takes over then, at the earliest */
    uint8_t moved_sign[PUB_BYTES];   /* who asked for it */
    uint64_t refused;                /* its guardian said no to one; 0 never */
    uint8_t refused_sign[PUB_BYTES]; /* who asked for that one */
    size_t n_stops;                  /* that counted, all wards' life */
    uint64_t stops[64];              /* when */
    uint64_t alert_seq; /* of the alert drop as last read; UINT64_MAX: read anew */
    uint8_t alert_head[HASH_BYTES];
    uint64_t log_seq;     /* of the node, as last said */
    bool unsure;          /* its node went back: what it remembers of stops is open */
    uint64_t alerts[512]; /* event of each alert, by sequence */
    uint8_t alert_of[512][ID_BYTES];
};

/* A seat's vault as the model has it. */
struct vault_model {
    uint64_t heads; /* version of the newest that was acknowledged */
    uint8_t hash[HASH_BYTES];
    bool wanted[VAULT_MARKS];
    uint64_t dropped[VAULT_MARKS]; /* when, true time; 0: never */
};

/* Another root, and who brings it. */
struct new_root {
    struct sign_seed requester;
    uint8_t req_sign[PUB_BYTES];
    struct root_key root;
    struct sign_seed owner;
    uint8_t owner_pub[PUB_BYTES];
    size_t move_n;
    uint8_t move[MOVE_MAX];
    size_t people_n;
    uint8_t people[CERT_PEOPLE_MAX];

    struct {
        struct sign_seed account;
        uint8_t account_pub[PUB_BYTES];
        struct sim_login login;
    } at[SEATS];
};

struct people {
    struct world w;
    size_t n;
    unsigned k;
    uint32_t hold; /* policy of epoch 1 */
    uint32_t stop_hold;
    struct root_key root;
    struct sign_seed owner;
    uint8_t owner_pub[PUB_BYTES];
    struct root_key robbed_root; /* as a thief has it */
    struct sign_seed robbed_owner;
    uint8_t move[HASH_BYTES]; /* of the new root's MOVE; else zero */
    bool spoken;              /* people spoke for fresh */
    struct new_root fresh;
    struct sign_seed thief_people[SEATS]; /* approval keys that a thief made up */
    struct seat seats[SEATS];
    struct ward_model wards[SEATS];
    struct vault_model vaults[SEATS];
    size_t n_made;
    struct made made[EPOCHS_MADE]; /* made[e - 1] is epoch e */
    size_t n_restores;
    struct restore restores[RESTORES];
    size_t n_asks;
    struct ask asks[ASKS];
    size_t n_intros;
    struct intro intros[INTROS];
    unsigned n_swaps;
    struct desk_watch *watches[SEATS]; /* what the owner saw of each seat's node */
    uint64_t watched[SEATS];           /* how long its log was then; 0: never looked */
    uint64_t copied[HOUSES_MAX];       /* how long the log of the copy of its store is */
};

/* Everybody enrolled, epoch 1 active at all seats and confirmed by its guardians. */
void people_open(struct people *p, uint64_t seed);
/* The same with that hold, and the stop hold that goes with it. */
void people_open_with(struct people *p, uint64_t seed, uint32_t hold);
void people_close(struct people *p);
/* The owner lets a new machine in at one seat: device and device_sign are its own. */
enum err people_device(struct people *p, size_t seat);
/* A ward at the seat of its guardian, with whatever the owner lets in there. */
void people_enrol_at(struct people *p, size_t seat);
/* The owner's name of a seat: "Ben". */
const char *seat_name(size_t i);

/* ---- whoever has the root ---- */

enum how_far { SEAL_NEXT, SEAL_PREPARE, SEAL_COMMIT };

/* A new epoch by the owner or a thief; NULL: no room for another. */
struct made *people_make(struct people *p, bool thief, uint32_t hold, uint32_t stop_hold);
/* It is brought to one seat, that far. */
enum err people_seal(struct people *p, const struct made *m, size_t seat,
                     enum how_far far);

/* It is made active where it was prepared. */
enum err people_commit(struct people *p, const struct made *m, size_t seat);

/* PREPARE of it for one seat, whose node gave that key; slices are good until the next.
 */
void people_prepare_req(struct people *p, const struct made *m, size_t seat,
                        const uint8_t ack[PUB_BYTES], struct req_epoch_prepare *out);

/* ---- what guardians and nodes said, as it is shown (people_change.c) ---- */

/* All who confirmed it; thief: and people he made up. Good until the next call. */
struct bytes people_of(struct people *p, const struct made *m, bool thief);
/*
 * RETIRE of what is before it at one seat; thief: with the full certificate of machines
 * that his own circle has, and his own people. Slices as above; not OK: the node did not
 * say what it holds, and *out is without that.
 */
enum err people_retire_req(struct people *p, const struct made *m, size_t seat,
                           bool thief, struct req_retire *out);
enum err people_retire(struct people *p, const struct made *m, size_t seat, bool thief);

/* ---- a new root (people_move.c) ---- */

/* All keys of it fresh, nobody's words yet. */
void root_keys(struct people *p, struct new_root *out);
/* Whoever asks for it is another from now on: what was refused is not that. */
void root_asked_anew(struct people *p, struct new_root *r);
/*
 * Those of m's people say so, bit i: guardian i, each asked for it; thief: people that he
 * made up.
 */
void root_words(struct people *p, struct new_root *r, const struct made *m,
                uint32_t people, bool thief);
/* After a restore, with the words that guardians typed for it: of the people of m. */
void root_new(struct people *p, size_t restore, const struct made *m,
              struct new_root *out);
/* MOVE at one seat; slices are r's. */
void root_move_req(struct people *p, const struct new_root *r, size_t seat,
                   struct req_move *out);
/* The same, asked by whoever has that restore there. */
enum err root_move(struct people *p, const struct new_root *r, size_t restore,
                   size_t seat, uint8_t *out_state);
/* The owner is the new root's from now on; at that seat by its account, with a device. */
void root_follow(struct people *p, const struct new_root *r);
enum err root_follow_at(struct people *p, const struct new_root *r, size_t seat);

/* ---- whoever asks ---- */

size_t restore_begin(struct people *p, bool thief);
/* A fresh request, nothing sent; a link is asked of the guardian. NULL: no room. */
struct ask *ask_new(struct people *p, size_t restore, size_t seat, enum way_in way,
                    size_t intro, enum err *out_err);
/* Takes and checks the view, computes the words. */
enum err ask_open(struct people *p, struct ask *a);
enum err ask_reveal(struct people *p, struct ask *a, uint8_t *out_state);
enum err ask_cancel(struct people *p, struct ask *a, uint8_t *out_state);
/* Fetches state, roster's introduction, statement, and each epoch of the view. */
enum err ask_fetch(struct people *p, struct ask *a, uint8_t *out_state);
/* How many good pieces of one circle of the owner's it has, at most. */
unsigned restore_good(const struct people *p, size_t restore);
/* True if the pieces of a circle of the owner's newest root are enough. */
bool restore_has_newest(const struct people *p, size_t restore);
/* All answers of a restore together; right: that root, else the one before. */
enum recover_state restore_judge(struct people *p, size_t restore,
                                 struct recover_result *out, bool *out_right);

/* ---- guardians ---- */

/* What came of a sitting. */
struct sitting {
    enum err tried; /* of TRY */
    enum words_verdict verdict;
    bool sent;         /* an approval */
    enum err approved; /* of APPROVE */
    struct rep_approve rep;
};

/* The request on screen, words typed, approved if they are right. */
enum err guardian_sits(struct people *p, struct ask *a, const uint16_t typed[WORDS_CALL],
                       bool despite, struct sitting *out);
/* Whether their program still opens what is sealed to them. */
bool guardian_can(const struct people *p, size_t seat);
/* Answers the drill that waits; the reply is kept in *out. */
enum err guardian_drills(struct people *p, size_t seat, struct req_drill_answer *out);
enum err guardian_refuses(struct people *p, struct ask *a, uint8_t *out_state);
enum err guardian_unlocks(struct people *p, struct ask *a, uint8_t *out_left);
/* REQUEST, as the guardian's screen has it. */
enum err guardian_looks(struct people *p, const struct ask *a, struct request_line *out);

#endif
