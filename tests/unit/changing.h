/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node with a ward in this process, and everybody who has a word in its epochs: the
 * guardians behind the other pieces, their nodes' acknowledgements, people who restore.
 * Each function fails the test on what cannot go wrong.
 */
#ifndef KITH_TESTS_UNIT_CHANGING_H
#define KITH_TESTS_UNIT_CHANGING_H

#include "node/change.h"
#include "node/drop.h"
#include "node/request.h"
#include "node/seat.h"
#include "tests/sim/cast.h"

enum { DAY = 86400, PEOPLE = 3, HERE = 1, MADE = 8, PROOF = CERT_PEOPLE_MAX };

/* Bits of who signs: piece HERE is kept by this node. */
enum { SAY_0 = 1, SAY_HERE = 2, SAY_2 = 4, SAY_ALL = 7 };

struct made {
    struct sim_epoch e;
    struct bytes ack; /* of COMMIT; else nothing */
    uint8_t ack_mem[512];
};

struct changing {
    struct node_sim n;
    struct sim_guardian a;
    struct sim_owner o;
    struct sim_owner other;          /* another ward of a */
    struct sign_seed people[PEOPLE]; /* approval keys; HERE: the one of o */
    struct sign_seed nodes[PEOPLE];  /* acknowledgement keys; not HERE */
    struct made made[MADE];          /* by number */
    uint8_t t;                       /* threshold of epochs made from now on; 2 */
};

struct changing *changing_new(uint64_t seed);
void changing_free(struct changing *w);

/* A PREPARE in w->made[epoch].e.req, with the people above, for that key; none is asked.
 */
void change_made(struct changing *w, uint32_t epoch, const uint8_t ack[PUB_BYTES]);
/* NEXT and a PREPARE in w->made[epoch].e.req, with the people above; not yet asked for.
 */
enum err change_next(struct changing *w, uint32_t epoch);
enum err change_prepare(struct changing *w, uint32_t epoch);
enum err change_commit(struct changing *w, uint32_t epoch);
/* All three. */
void change_epoch(struct changing *w, uint32_t epoch);
/* The guardian here confirms ward and epoch 1. */
void change_confirmed(struct changing *w);

/* A statement; what is not set is as an honest guardian says it of that epoch. */
struct say {
    const struct sign_seed *by;
    struct statement s;
};

/* That the guardian opened that epoch's piece and confirms it. */
struct say say_epoch(const struct changing *w, size_t who, uint32_t epoch);
/* That the owner ends the circle, whose newest confirmed epoch is that one. */
struct say say_end(const struct changing *w, size_t who, uint32_t epoch);
/* A certificate of n statements, in mem. */
struct bytes people_of(const struct say *say, size_t n, uint8_t mem[PROOF]);
/* One of those in the mask who confirm that epoch. */
struct bytes people_epoch(const struct changing *w, unsigned mask, uint32_t epoch,
                          uint8_t mem[PROOF]);
struct bytes people_end(const struct changing *w, unsigned mask, uint32_t epoch,
                        uint8_t mem[PROOF]);
/* Nodes that say they hold it as active. */
struct bytes machines_of(const struct changing *w, unsigned mask, uint32_t epoch,
                         uint8_t mem[PROOF]);

/* RETIRE of all before epoch: fresh op id; with the rest of req as it is. */
enum err ask_retire(struct changing *w, struct req_retire *req, struct rep_retire *out);
/* The same with everything it takes. */
enum err retire(struct changing *w, uint32_t epoch, struct rep_retire *out);
enum err ask_cert(struct changing *w, const struct session *who, uint32_t epoch,
                  struct bytes people, uint8_t *out_held);
enum err ask_abort(struct changing *w, uint32_t epoch);
enum err ask_end(struct changing *w, const struct session *who, struct bytes people,
                 struct rep_ward_end *out);
enum err ask_freeze(struct changing *w);
struct rep_epoch_state state_of(struct changing *w, enum epoch_want want);
/* The line of an epoch; NULL: it is not there. */
const struct epoch_line *line_of(const struct rep_epoch_state *s, uint32_t epoch);
bool is_there(struct changing *w, uint32_t epoch);
bool is_confirmed(struct changing *w, uint32_t epoch);
/* Each minute's work, till there is none. */
void ticks(struct changing *w);
/* How often an event was alerted. */
size_t heard(struct changing *w, enum record_event event);

/* Somebody asks for the owner's piece by a link: live; approved by its guardian; let go
 * (its hold runs, and the clock with it). */
void restore_live(struct changing *w, struct sim_asker *a);
void restore_approved(struct changing *w, struct sim_asker *a);
void restore_released(struct changing *w, struct sim_asker *a);
enum err restore_refuse(struct changing *w, const struct sim_asker *a);
/* The owner asks its guardian to confirm; words are typed, the piece opens. subject: the
 * epoch, or 0. What came of the approval. */
enum err confirm(struct changing *w, enum purpose purpose, uint32_t epoch);
/* The same up to the question; its view. */
struct bytes confirm_live(struct changing *w, enum purpose purpose, uint32_t epoch,
                          struct sim_asker *a);
/* The same to the end, about no epoch: the owner has the word. */
void confirm_fetched(struct changing *w, enum purpose purpose);

#endif
