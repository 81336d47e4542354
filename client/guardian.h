/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's guardians: entering a seat with an invite, speaking with its node
 * afterwards, and the confirm ceremony. Works on the day box in memory and says when
 * it is to be saved; every cut leaves a state from which the same call goes on. Never
 * prints, never asks.
 */
#ifndef KITH_CLIENT_GUARDIAN_H
#define KITH_CLIENT_GUARDIAN_H

#include "client/cmd.h"
#include "client/seen.h"
#include "proto/vault.h"
#include "proto/words.h"

enum { CONFIRM_TRIES = 3 }; /* wrong answers before a new request is needed */

/* ---- which guardian ---- */

/* The guardian of that name (any case), or NULL. */
struct day_guardian *guardian_find(struct day *d, struct bytes name);
/* By name or unique prefix of the seat id; records ERR_UNKNOWN (5), ERR_ARG (2). */
enum err guardian_pick(const struct ctx *ctx, struct day *d, const char *typed,
                       struct day_guardian **out);
/* "kith guardian confirm 'Aunt May'": a command to copy, the name quoted as needed. */
void guardian_next(const char *before, struct bytes name, const char *after,
                   char out[TERM_TEXT]);
/* "kith card print 'Aunt May'": the next step for a card that is not read back. */
void card_next(struct bytes name, char out[TERM_TEXT]);
/* "kith circle plan -k 3", with the numbers of the plan that is. */
void replan_next(const struct day *d, char out[TERM_TEXT]);
/* "kith device join desk.kith": file is quoted as needed. */
void join_next(struct bytes file, char out[TERM_TEXT]);
/* "kith drill 'Aunt May'". */
void drill_next(struct bytes name, char out[TERM_TEXT]);
/*
 * Whether two nodes or more were reached, and none of them knows these keys any more: a
 * device that was taken out, or a root that was replaced.
 */
bool calls_shut_out(const struct call *calls, size_t n);
/* Records that the circle ended (circle_over). ERR_STATE (10), "ended". */
enum err circle_over_say(const struct ctx *ctx);
/* Records what calls_shut_out means for a person. ERR_UNREACHABLE (13), "shut-out". */
enum err guardian_shut_out(const struct ctx *ctx);
/* "kith guard leave Ana": what a guardian of hers types who is to forget her. */
void leave_next(const struct day *d, char out[TERM_TEXT]);
/* The owner's name for others to read; "the owner" where a restore did not tell it. */
struct bytes owner_name(const struct day *d);
/* host:port of the first address, "?" without one. */
void guardian_node(const struct day_guardian *g, char out[ADDRESS_TEXT]);

/* ---- speaking with one guardian's node ---- */

/* What the owner is let in with there. out in secret memory. ERR_NOMEM. */
enum err guardian_account(const struct root_key *root, const struct day_guardian *g,
                          struct account_keys *out);

/* What lets somebody open requests there at any time; secret memory. */
struct guardian_pass {
    uint8_t token[TOKEN_STANDING];
    struct bytes shown; /* of the token: all of it in a roster, 16 bytes on a sheet */
    struct credential cred;
};

/* The roster's or a sheet's, of that number. ERR_NOMEM. */
enum err guardian_pass(const struct root_key *root, const struct day_guardian *g,
                       enum standing_kind kind, uint32_t number,
                       struct guardian_pass *out);
/* CRED_NEW that deposits it; op is the caller's. */
void guardian_pass_req(const struct guardian_pass *pass, enum standing_kind kind,
                       struct req_cred_new *out);
/*
 * A conversation as owner (root account) or as this device; the caller adds step and
 * ctx. keys are secret memory of the caller's that outlives the round. g has a node
 * (MUST).
 */
void guardian_call_owner(struct call *c, const struct day_guardian *g,
                         const struct account_keys *keys);
void guardian_call_device(struct call *c, const struct day_guardian *g,
                          struct seat_keys *out_keys);
/* Notes what the node said in its HELLO, if it came to that. */
void guardian_seen(struct day_guardian *g, const struct call *c, uint64_t now);

/*
 * A round as owner to several guardians side by side: its calls, what each conversation
 * works with (the caller's type; wiped), its keys (secret memory). { 0 } is empty.
 */
struct owner_round {
    struct call *calls;
    void *visits;
    size_t visit_size;
    size_t most;
    size_t n;
    struct account_keys *keys;
};

/* Room for so many guardians (0 too). ERR_NOMEM. */
enum err owner_round_new(struct owner_round *r, size_t most, size_t visit_size);
/* Adds one, within the room (MUST); step gets the visit as ctx, all zero. ERR_NOMEM. */
enum err owner_round_add(struct owner_round *r, const struct root_key *root,
                         const struct day_guardian *g, call_step step, void **out_visit);
/* Wipes and frees; fine on an empty one. */
void owner_round_done(struct owner_round *r);
#define AUTO_OWNER_ROUND __attribute__((cleanup(owner_round_done)))

/* What became of a round with one guardian. */
struct guardian_talk {
    enum err err;
    enum call_stage stage;
    bool unsure;   /* the node may have done it: ask again with the same entry */
    char why[256]; /* a sentence for a person, names the guardian; "" when OK */
};

/* One round with that guardian alone, and guardian_seen. ERR_NOMEM only. */
enum err guardian_round(struct call *c, struct day_guardian *g, const struct params *p);
/* Fills *out from an ended call and returns its error; sent: a write has no answer. */
enum err guardian_talk_end(const struct day_guardian *g, const struct call *c, bool sent,
                           struct guardian_talk *out);

/* ---- entering with an invite ---- */

/*
 * A new entry at the end of d from an invite: keys and op ids drawn, nothing sent.
 * ERR_ARG: another kind of link; ERR_FULL: 64 guardians already.
 */
enum err guardian_new(struct day *d, struct bytes name, const struct link *invite,
                      const struct rng *rng, struct day_guardian **out);
/*
 * A new entry for a piece on paper; its seat id is drawn, there is no node. ERR_FULL.
 */
enum err guardian_new_card(struct day *d, struct bytes name, struct bytes reach,
                           const struct params *p, struct day_guardian **out);
/* Takes another invite into an entry that is still GUARDIAN_NEW. ERR_ARG as above. */
enum err guardian_invite(struct day *d, struct day_guardian *g,
                         const struct link *invite);
/* Known by a restore only: by which key its node signs is not known, it proved its own.
 */
bool guardian_restored(const struct day_guardian *g);
/* Takes an entry out of d; the entries behind it move up. */
void guardian_forget(struct day *d, struct day_guardian *g);
/*
 * One round as invite: becomes a ward there; g is GUARDIAN_ENROLLED afterwards. Where
 * the node does not let the invite in, asks as owner: an enrolment whose answer was
 * lost has then succeeded. The caller saves before and after.
 */
enum err guardian_enrol(struct day *d, struct day_guardian *g,
                        const struct root_key *root, const struct params *p,
                        struct guardian_talk *out);
/* Fresh device keys, which the node is not told of yet. */
void guardian_new_device(struct day_guardian *g, const struct rng *rng);
/* The root account's word that they sign there, and the account's own key. ERR_NOMEM. */
enum err guardian_let_in(struct day_guardian *g, const struct root_key *root);
/* CRED_NEW that deposits them: the same one each time it is asked. ERR_NOMEM. */
enum err guardian_device_req(const struct day_guardian *g, struct req_cred_new *out);
/*
 * Whether that vault head of a seat is by a device which was out when it was made: later
 * than the newest that was there when the node took it out.
 */
bool guardian_was_out(const struct day *d, const uint8_t seat[SEAT_BYTES],
                      const struct vault_head *h);
/* One round as owner: enrols this device; g is GUARDIAN_READY afterwards. */
enum err guardian_device(struct day_guardian *g, const struct root_key *root,
                         const struct params *p, struct guardian_talk *out);

/* ---- confirm ---- */

/* Whether a confirm request is under way, as this home knows it. */
bool confirm_open(const struct day_guardian *g);

/* What a guardian is asked to confirm. */
struct confirm_about {
    enum purpose purpose; /* PURPOSE_ENROL, PURPOSE_EPOCH or PURPOSE_END */
    uint8_t subject[32];  /* EPOCH: manifest hash; else zero */
};

/* Keys, nonce and op ids for a new one about that, before the first round of it. */
void confirm_draw(struct day_guardian *g, const struct confirm_about *about,
                  const struct rng *rng);
/* Whether the request under way, or the last one, is about that. */
bool confirm_is(const struct day_guardian *g, const struct confirm_about *about);
/* Wipes its keys; id and state stay, for whoever asks later. */
void confirm_forget(struct day_guardian *g);
/*
 * One round as owner: opens and reveals the request, where that has not happened yet,
 * and fetches its state into g->request_state. ERR_EXPIRED: draw anew and call again.
 * ERR_SIGNATURE: a view or statement that is not by the right key; ERR_CORRUPT: the
 * guardian's program says that the piece in question does not open, or is another.
 * *out_stated: the guardian's statement is there (signed bytes, which the day keeps; else
 * empty), by their approval key and about this very conversation. The caller saves
 * afterwards, whatever came; where no view was received, nothing of the request is left.
 */
enum err confirm_round(struct day *d, struct day_guardian *g, const struct root_key *root,
                       const struct params *p, struct bytes *out_stated,
                       struct guardian_talk *out);

/* What the two people say; secret memory. */
struct confirm_words {
    uint16_t call[WORDS_CALL];     /* the owner's, typed by the guardian */
    uint16_t answer[WORDS_ANSWER]; /* the guardian's, typed by the owner */
};

/* ERR_STATE: the request is not open yet. ERR_NOMEM. */
enum err confirm_words(const struct day *d, const struct day_guardian *g,
                       struct cost cost, struct confirm_words *out);

#endif
