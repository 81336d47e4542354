/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node with one seat and one ward in this process, and everybody who asks it: for tests
 * of a request's life. Each function fails the test on what cannot go wrong.
 */
#ifndef KITH_TESTS_UNIT_ASKING_H
#define KITH_TESTS_UNIT_ASKING_H

#include "node/drop.h"
#include "node/request.h"
#include "node/seat.h"
#include "node/serve.h"
#include "node/ward.h"
#include "proto/words.h"

enum { T0 = 1800000000, MINUTE = 60, HOUR = 3600, DAY = 86400, HOLD = 72 * HOUR };

enum {
    STOP_HOLD = 9 * DAY,
    VIEW_ROOM = 768,
    OUT_BYTES = 64 * 1024,
    OUTS = 4,
    PATH = 128
};

struct world {
    char dir[PATH];
    struct store *s;
    struct limits limits;
    struct node_env env;
    uint64_t now;
    uint32_t hold;
    uint32_t epochs; /* held; the newest is active */
    uint8_t roster_mode;
    uint8_t seat[ID_BYTES];
    uint8_t ward[ID_BYTES];
    struct sign_seed guardian;
    struct dh_key guardian_seal;
    struct sign_seed approval;
    struct sign_seed others[2];     /* approval keys of two other guardians */
    struct sign_seed their_acks[2]; /* acknowledgement keys of their nodes */
    struct sign_seed account;
    struct sign_seed acks[EPOCHS_MAX];
    uint8_t hashes[EPOCHS_MAX][HASH_BYTES];
    struct session as_guardian;
    struct session as_owner;
    struct session as_device;
    uint8_t links[4][ID_BYTES]; /* restore links */
    uint8_t roster[ID_BYTES];
    uint8_t sheet[ID_BYTES];
    uint8_t outs[OUTS][OUT_BYTES];
    unsigned turn;
    char words[WORDS_TEXT]; /* once set: no reply may hold them */
};

/* Somebody who asks: fresh keys, one nonce. */
struct asker {
    struct session opener;
    struct session requester;
    struct dh_key stat;
    struct dh_key seal;
    struct sign_seed sign;
    struct req_open open;
    uint8_t nonce[32];
    uint8_t id[ID_BYTES];
    uint8_t view[VIEW_ROOM];
    size_t view_n;
    struct view v;
};

/* An approval before it is signed and sent. */
struct approval {
    struct statement s;
    struct req_approve req;
    uint8_t statement[SIGNED_MAX];
    uint8_t intro[SIGNED_MAX];
};

struct intro {
    const char *what;
    const struct sign_seed *by;
    const uint8_t *hash;
    uint64_t until;
    enum err want;
};

/* Random bytes. */
void draw(void *out, size_t n);
struct session session_of(const struct world *w, enum role role, enum cred_type type);
enum err add_cred(struct call *c, const struct session *who, const uint8_t id[ID_BYTES],
                  enum cred_type type);
enum err put_epoch(struct call *c, const struct world *w, uint32_t epoch);
/* One write job with a call of its own. */
void directly(struct world *w, enum err (*fn)(struct call *c, struct world *w));
void reopen(struct world *w);
/* Epochs 1 to epochs, the newest active, none confirmed. */
struct world *world_make(uint32_t hold, uint32_t epochs, enum roster_mode mode);
struct world *world_new(uint32_t hold, uint32_t epochs);
void world_free(struct world *w);

extern struct drop_event newest;  /* the newest alert, after alerts() */
extern const struct asker *whose; /* whose drop read_events reads, */
extern uint8_t events[64];        /* into these: oldest first, 0 behind the last */

/* Sends one message; what comes back as an error is returned as the peer sees it. */
enum err ask(struct world *w, const struct session *who, uint16_t kind, const void *req,
             void *rep);
/* Fresh keys and nonce for the same static key. */
void asker_renew(struct asker *a);
struct asker asker_new(const struct world *w, enum cred_type type,
                       const uint8_t cred[ID_BYTES]);
struct asker owner_asker(const struct world *w, enum purpose purpose);
enum err ask_open(struct world *w, struct asker *a);
enum err ask_reveal(struct world *w, struct asker *a);
/* OPEN and REVEAL; then the requester is let in with its own key. */
void open_live(struct world *w, struct asker *a);
enum err ask_try(struct world *w, const struct asker *a, const uint8_t op[ID_BYTES],
                 uint8_t *out_left);
void transcript_of(const struct world *w, const struct asker *a, struct buf *out);
void approval_fill(const struct world *w, const struct asker *a,
                   const uint8_t try_op[ID_BYTES], struct approval *p);
void introduce(const struct sign_seed *by, const uint8_t req_sign[PUB_BYTES],
               const uint8_t hash[HASH_BYTES], uint64_t until, struct buf *out);
/* Signs and sends; out may be NULL. */
enum err ask_approve(struct world *w, struct approval *p, const struct sign_seed *key,
                     struct rep_approve *out);
/* The whole guardian: a try with right words, the approval, an introduction. */
enum err try_approve(struct world *w, const struct asker *a, uint8_t despite,
                     struct rep_approve *out);
void approve(struct world *w, const struct asker *a, struct rep_approve *out);
enum err ask_fetch(struct world *w, const struct asker *a, uint32_t epoch,
                   struct rep_fetch *out);
enum err ask_refuse(struct world *w, const struct asker *a);
enum err ask_cancel(struct world *w, const struct asker *a);
enum err ask_stop(struct world *w, const struct session *who, const struct asker *a,
                  struct rep_stop *out);
enum err ask_unlock(struct world *w, const struct asker *a, const struct sign_seed *key,
                    uint8_t *out_left);
enum err ask_show(struct world *w, const struct session *who, const struct asker *a,
                  struct rep_request *out);
/* The state the guardian sees; 0 when it sees nothing. */
uint8_t state_of(struct world *w, const struct asker *a);
/* How many requests somebody is shown. */
uint32_t listed(struct world *w, const struct session *who, uint8_t all);
enum err read_events(struct call *c, struct world *w);
/* How many alerts the ward has. */
size_t alerts(struct world *w);
enum err tick_fn(struct call *c, struct world *w);
/* One sweep; true if it left something over. */
bool ticked(struct world *w);
/* Records in a table. */
size_t count(struct world *w, enum store_table tab);
/* A roster's asker with an introduction kept in mem. */
struct asker introduced(const struct world *w, const struct intro *i,
                        uint8_t mem[SIGNED_MAX]);

#endif
