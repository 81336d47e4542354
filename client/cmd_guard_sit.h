/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guardian before one request: what is fetched and opened, how they made sure, the
 * words they typed. The answers (cmd_guard_answer.c) are given from here.
 */
#ifndef KITH_CLIENT_CMD_GUARD_SIT_H
#define KITH_CLIENT_CMD_GUARD_SIT_H

#include "client/cmd_guard_tale.h"

struct sitting {
    struct desk *d;
    struct term *t;
    size_t seat; /* index in the day */
    struct day_ward *ward;
    struct guard_case *c;
    struct sign_seed *approval;    /* secret */
    struct guard_verdict *verdict; /* secret */
    struct guard_who who;
    struct guard_approval *approval_out;
    struct tale tale;
    uint8_t how;   /* enum how; 0: not asked yet */
    bool despite;  /* the guardian knows of the stop and said so */
    bool unproven; /* the node tells of a new root that nobody proves */
    uint8_t try_op[ID_BYTES];
    uint8_t tries_left;
    enum err opened[EPOCHS_MAX];
    struct guard_plan plans[EPOCHS_MAX]; /* of those that opened */
};

void sitting_end(struct sitting *s);
#define AUTO_SITTING __attribute__((cleanup(sitting_end)))

/* Fetches the request and opens what can be opened, with the passphrase. */
enum err sitting_begin(struct sitting *s, const struct guard_request *r);
struct day_seat *sitting_seat(const struct sitting *s);
const struct request_line *sitting_line(const struct sitting *s);
/* Records why a request of that kind cannot be answered with a yes; OK if it can. */
enum err sitting_check(struct sitting *s);
/*
 * Learns which epochs people confirmed, as far as it can be proven, and follows a new
 * root that the node tells of, if it is; else s->unproven.
 */
enum err sitting_root(struct sitting *s);
/* The words were right: the first epoch that this guardian confirms is known as such. */
enum err sitting_confirmed(struct sitting *s);
/* Records that it is not. */
enum err sitting_unproven(struct sitting *s);
/* Records that what the new circle gave does not open; OK for other requests. */
enum err sitting_new_piece(struct sitting *s);
/* Records that a yes needs to know of a stop. ERR_STOPPED (6). */
enum err sitting_contested(struct sitting *s);
/* The screen: who asks, what happened, what to do. */
void sitting_show(struct sitting *s);
/* How they made sure, once: met, video, vouched, question, called, or it stops here. */
enum err sitting_ask_how(struct sitting *s);
/* The sentence that a yes despite a stop needs, and one to an end. */
enum err sitting_sentence(struct sitting *s);
/* Until the typed words are right, or no more may be typed. */
enum err sitting_words(struct sitting *s);

/* How somebody made sure that they speak with a person. */
struct how_ask {
    const char *question;
    const char *name;
    const char *next; /* the command when they are sure */
};

/* Asks it; not sure: ERR_STOPPED (6), with what to do. */
enum err guard_ask_how(struct term *t, const struct how_ask *a, uint8_t *out_how);
/* --verified HOW, or 0 where a person can be asked. ERR_ARG (2). */
enum err guard_how_given(struct ctx *ctx, uint8_t *out_how);
/* ERR_ARG (2) without --words-file where no person can be asked. */
enum err guard_words_given(struct ctx *ctx);

#endif
