/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guardian's program does beside speaking with its person: one round to every
 * seat, the notes of wards, and one request from its view to its approval. The call
 * words it computes exist in secret memory only and leave it as a verdict. Never asks,
 * never prints.
 */
#ifndef KITH_CLIENT_GUARD_H
#define KITH_CLIENT_GUARD_H

#include "client/cmd.h"
#include "client/seen.h"

enum {
    GUARD_LINK_S = 14 * 86400, /* life of an invite, a link, an introduction */
    GUARD_LISTED = 16384       /* wards and requests of one seat that are listened to */
};

/* ---- one round to all seats ---- */

/* A ward as its node tells it; the note lives as long as the day. */
struct guard_ward {
    size_t seat; /* index in day->seats */
    struct ward_line line;
};

/* A request as its node tells it; slices live as long as the day. */
struct guard_request {
    size_t seat;
    bool whole;    /* rep is filled, else only rep.line[0] */
    bool takeover; /* no request: a new root that takes over when it opens */
    struct rep_request rep;
};

struct guard_talk;

/* What all seats said. */
struct guard {
    const struct params *params;
    struct day *day; /* the caller's */
    struct guard_talk *talks;
    struct call *calls;      /* one for each seat that is READY; err: how it went */
    size_t seats[DAY_SEATS]; /* their index in day->seats */
    size_t n_seats;
    struct guard_ward *wards;
    size_t n_wards;
    struct guard_request *requests;
    size_t n_requests;
    uint64_t paused[DAY_SEATS]; /* by seat: away until then; 0 not */
};

enum guard_scope { GUARD_OPEN, GUARD_ALL }; /* what is not final; the last 90 d too */

/*
 * Asks every seat side by side for its wards and requests, and notes in the day what
 * the nodes say of themselves (not saved). A node that is away is no error: its call
 * says so. ERR_NOMEM. Caller frees.
 */
enum err guard_look(const struct params *p, struct day *d, enum guard_scope scope,
                    struct guard **out);
void guard_free(struct guard *g);
/* How many seats did not answer. */
size_t guard_away(const struct guard *g);
/* "host:port" of a seat's node; "" if unknown. */
void guard_node(const struct day_seat *s, char out[ADDRESS_TEXT]);
/* What the guardian knows of a ward, or NULL: its note was never opened here. */
struct day_ward *guard_known(struct day *d, const uint8_t seat[SEAT_BYTES],
                             const uint8_t ward[ID_BYTES]);
/* True if some note at that seat (index in the day) waits to be opened. */
bool guard_has_unread(const struct guard *g, size_t seat);
/*
 * Opens the notes of the seat's wards not yet known and keeps them in the day; the first
 * note of a ward stands. One that does not open is passed over. ERR_NOMEM.
 */
enum err guard_read_notes(struct guard *g, size_t seat, const struct guardian_keys *keys);
/*
 * One message to one seat. A write whose outcome is unknown is sent again once, with
 * its op id. The reply is copied to out_rep: only for replies without slices. The
 * error is the node's or the call's; out_call may be NULL.
 */
enum err guard_send(const struct params *p, struct day_seat *s, uint16_t kind,
                    const void *req, void *out_rep, size_t rep_n, struct call *out_call);

/*
 * Fills in whom to call, as the guardian of that seat; keys is secret memory of the
 * caller's that outlives the call.
 */
void guard_call_seat(struct call *c, const struct day_seat *s, struct seat_keys *keys);

/* One conversation with a seat by the caller's step; errors as guard_send. */
enum err guard_talk_once(const struct params *p, struct day_seat *s, call_step step,
                         void *ctx, struct call *out_call);

/* ---- taking a seat ---- */

/*
 * The conversation keys of a seat, and a day entry that has them, new or found by its
 * seat id; its progress is GUARDIAN_NEW unless it was taken before. ERR_TOO_BIG: no
 * room for another seat.
 */
enum err guard_seat_prepare(struct day *d, const struct root_key *root,
                            const struct link *link, const struct params *p,
                            struct day_seat **out);
/*
 * SEAT_ENROL with the link of s (its token), then a first conversation under the new
 * keys, which ends the link; s becomes READY. Fine when asked for again.
 */
enum err guard_seat_take(const struct params *p, struct day_seat *s,
                         const struct root_key *root, struct call *out_call);
/* True for a seat of guardian keys before the present ones: another takes its place. */
bool guard_seat_is_old(const struct day *d, const struct day_seat *s);
/* Whether the seat's conversation keys are those of root. ERR_NOMEM. */
enum err guard_seat_follows(const struct day_seat *s, const struct root_key *root,
                            bool *out);
/*
 * SEAT_RESET: the day's new guardian keys, from root, get a seat at the node of d's
 * entry old, and both seats new conversation keys; *out is the new entry, READY. Fine
 * when asked for again after a cut. ERR_TOO_BIG: no room for another seat.
 */
enum err guard_seat_reset(const struct params *p, struct day *d, struct day_seat *old,
                          const struct root_key *root, struct day_seat **out,
                          struct call *out_call);
/*
 * Where the guardian keys of a former root have a seat at the node of d's entry at that
 * d does not know, d gets it back, READY, with the conversation keys of root: a restore
 * brings the roots, not the seats. ERR_UNKNOWN: no such seat lets this guardian in.
 */
enum err guard_seat_find(const struct params *p, struct day *d, const struct day_seat *at,
                         const struct root_key *former, const struct root_key *root);
/*
 * SEAT_ENROL in the seat's own conversation: its node hears whether a passphrase locks
 * the keys (d's unlocked). root is the present one, and so is the seat. Errors as
 * guard_send.
 */
enum err guard_seat_tell(const struct params *p, const struct day *d, struct day_seat *s,
                         const struct root_key *root, struct call *out_call);
/* Whether the seat's keys are let in. Notes what the node says of itself. */
enum err guard_seat_try(const struct params *p, struct day_seat *s,
                        struct call *out_call);

/* ---- one request ---- */

/* Who opens: the guardian's keys and what is known of the ward. */
struct guard_who {
    const struct guardian_keys *keys; /* secret */
    const struct sign_seed *approval; /* secret: for this ward */
    uint8_t sign_pub[PUB_BYTES];
    uint8_t seal_pub[PUB_BYTES];
    uint8_t approval_pub[PUB_BYTES];
    uint8_t seat[SEAT_BYTES];
    uint8_t node_key[PUB_BYTES];
    uint8_t circle[ID_BYTES];  /* by the note */
    uint8_t owner[PUB_BYTES];  /* by the note, or a MOVE that was judged here */
    uint8_t before[PUB_BYTES]; /* the owner key that one replaced, or zero */
};

/* A request with its verified view and the boxes of its epochs. */
struct guard_case {
    struct rep_request rep; /* slices live as long as the day */
    struct view view;
    uint32_t n_boxes;
    struct rep_box_get boxes[EPOCHS_MAX]; /* in the view's order */
    enum err box_err[EPOCHS_MAX];         /* not OK: the node did not give it */
};

/*
 * Fetches a request anew: its view checked with the node's signing key, its nonce with
 * its commitment, and the boxes unless it is over. ERR_SIGNATURE, ERR_AUTH; ERR_VERSION:
 * it asks for what this program has no screen for; errors of the call.
 */
enum err guard_fetch(const struct params *p, struct day *d, struct day_seat *s,
                     const uint8_t request[ID_BYTES], struct guard_case *out,
                     struct call *out_call);

/*
 * Whether the node erased the i-th epoch since the request came, as it should: it has it
 * no more, and a newer one opens. opened: how each of the case's opened.
 */
bool guard_retired(const struct guard_case *c, const enum err *opened, uint32_t i);

/* Two people's T, as this guardian knows it. */
enum err guard_transcript(const struct guard_case *c, const struct guard_who *who,
                          struct buf *out);

/* What typed words were worth; secret memory. */
struct guard_verdict {
    enum words_verdict verdict;
    uint16_t answer[WORDS_ANSWER]; /* only with WORDS_RIGHT */
};

/* Judges four typed words against T and the nonce. Count the try first. ERR_NOMEM. */
enum err guard_judge(const uint16_t typed[WORDS_CALL], struct bytes t,
                     const uint8_t nonce[WORDS_NONCE], struct cost cost,
                     struct guard_verdict *out);

/* The answer words alone, for a confirm whose words were right before. ERR_NOMEM. */
enum err guard_answer(struct bytes t, const uint8_t nonce[WORDS_NONCE], struct cost cost,
                      struct guard_verdict *out);

/* The circle of one epoch, as its manifest tells. */
struct guard_plan {
    unsigned need; /* fewest pieces that restore */
    unsigned of;
    unsigned cards; /* of these */
};

/* What one epoch's boxes hold; secret memory. */
struct guard_piece {
    struct guard_plan plan;
    bool by_before;   /* sealed by the root before this one */
    bool same_people; /* the node would judge by the people of this manifest */
    uint8_t piece[PIECE_BYTES];
    struct seal_key manifest_key;
    struct seal_key roster_key;
    bool has_roster;
    bool introducer_listed; /* the introducer is a guardian of this manifest */
    uint8_t about[TEXT_MAX_BYTES];
    size_t about_n;
};

/*
 * Opens the boxes of an epoch and compares them with its manifest, the note and the
 * guardian's own keys. ERR_AUTH, ERR_SIGNATURE, ERR_FORMAT: the box or the manifest does
 * not open; ERR_CONFLICT: another owner's or circle's; ERR_CORRUPT: the piece is not
 * the one the manifest names. introducer may be zero. ERR_NOMEM.
 */
enum err guard_open(const struct guard_who *who, const struct view_epoch *line,
                    const struct rep_box_get *box, const uint8_t introducer[PUB_BYTES],
                    struct guard_piece *out);
/*
 * Whether a yes to the change that brought this piece may be given: by the root that
 * counts now, and nobody but the manifest's people could speak for it afterwards.
 */
bool guard_may_change(const struct guard_piece *p);

/* ---- a change of a ward's circle, or of its root ---- */

/* What a node shows of a ward's past; slices live as long as the day. */
struct guard_past {
    uint32_t cert_epoch; /* its newest certificate is of this epoch; 0: none */
    uint8_t cert_hash[HASH_BYTES];
    struct bytes people;
    struct bytes proof; /* of the newest root; absent: there was no change of root */
};

/* Asks for it; the MOVE only where the line tells of one. Errors of the call. */
enum err guard_past_fetch(const struct params *p, struct day *d, struct day_seat *s,
                          const struct ward_line *ward, struct guard_past *out,
                          struct call *out_call);
/*
 * Who guards the i-th epoch of the case, as the manifest in this guardian's own box says.
 * ERR_UNKNOWN: the box is not there; ERR_CONFLICT: by a root that was replaced; errors of
 * guard_open.
 */
enum err guard_people(const struct guard_case *c, const struct guard_who *who, uint32_t i,
                      struct descriptor *out);
/*
 * By whose word a ward's circle and root change: the people of the newest epoch that this
 * guardian's program knows to be confirmed, kept in the day. n_groups is 0: none is known
 * yet, then it is the oldest of the case that opens. The people of that one lead on, by a
 * certificate, to a later one that opens. ERR_NOMEM.
 */
enum err guard_judges(const struct guard_case *c, const struct guard_who *who,
                      const struct guard_past *past, struct descriptor *io);
/*
 * The MOVE, if those people say so, whichever epoch it names. ERR_CERT: they do not, or
 * it replaces another key than the one known; ERR_UNKNOWN: no proof, or nobody known to
 * judge it; ERR_FORMAT, ERR_SIGNATURE, ERR_NOMEM.
 */
enum err guard_move_judge(const struct descriptor *judges, const struct guard_who *who,
                          struct bytes proof, struct move *out);

/* ---- a drill ---- */

/*
 * The drill that waits for a ward, with the boxes of its epoch; slices live as long as
 * the day. ERR_UNKNOWN: none waits. Errors of the call.
 */
enum err guard_drill_fetch(const struct params *p, struct day *d, struct day_seat *s,
                           const uint8_t ward[ID_BYTES], struct rep_drill_list *out,
                           struct call *out_call);
/*
 * Opens the piece as an approval would, and signs the challenge with its piece key;
 * nothing of the piece is in the answer. Errors of guard_open; ERR_UNKNOWN: the boxes are
 * not there.
 */
enum err guard_drill_answer(const struct guard_who *who,
                            const struct rep_drill_list *drill, const struct params *p,
                            struct req_drill_answer *out);

/* ---- approving ---- */

/* An APPROVE and all its parts; on the heap. */
struct guard_approval {
    struct req_approve req;
    struct statement statement;
    uint8_t t[SIGNED_MAX];
    size_t t_n;
    uint8_t signed_statement[SIGNED_MAX];
    uint8_t boxes[EPOCHS_MAX][SIGNED_MAX];
    uint8_t roster[SIGNED_MAX];
    uint8_t introduction[SIGNED_MAX];
    enum err opened[EPOCHS_MAX]; /* how each epoch of the view opened */
};

/* The view's epoch that the request is about, for purpose epoch; n_epochs: none. */
uint32_t guard_subject(const struct view *v);

/*
 * The approval of a case after right words: every piece that opens re-sealed to the
 * requester of a restore, those that do not named, roster key, introduction, statement.
 * ERR_NOMEM, ERR_KEY; ERR_VERSION as guard_fetch; ERR_CORRUPT: a change of circle whose
 * new piece does not open, or is not by the owner's newest key.
 */
enum err guard_approve(const struct guard_case *c, const struct guard_who *who,
                       const struct params *p, enum how how,
                       const uint8_t try_op[ID_BYTES], struct guard_approval *out);

#endif
