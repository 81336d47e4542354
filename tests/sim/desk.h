/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's own judgement for people who live beside nodes in one file: the words a
 * guardian types, the approval their program makes, the words of a confirm. Types of
 * proto/ only, because client and node each have their own idea of a call.
 */
#ifndef KITH_TESTS_SIM_DESK_H
#define KITH_TESTS_SIM_DESK_H

#include "proto/ident.h"
#include "proto/msg.h"
#include "proto/words.h"

/* A guardian, about one ward. */
struct desk_who {
    const struct guardian_keys *keys;
    const struct sign_seed *approval;
    uint8_t sign_pub[PUB_BYTES];
    uint8_t seal_pub[PUB_BYTES];
    uint8_t approval_pub[PUB_BYTES];
    uint8_t seat[ID_BYTES];
    uint8_t node_key[PUB_BYTES];
    uint8_t circle[ID_BYTES];
    uint8_t owner[PUB_BYTES];
    uint8_t before[PUB_BYTES]; /* the owner's key that this one replaced, or zero */
};

/* A request as its node gave it; slices are the caller's. */
struct desk_case {
    struct rep_request rep;
    struct view view;
    uint32_t n_boxes;
    struct rep_box_get boxes[EPOCHS_MAX];
    enum err box_err[EPOCHS_MAX];
};

/* guard_transcript and guard_judge; out_answer only with WORDS_RIGHT. */
enum err desk_judge(const struct desk_case *c, const struct desk_who *who,
                    const uint16_t typed[WORDS_CALL], enum words_verdict *out,
                    uint16_t out_answer[WORDS_ANSWER]);
/* guard_approve at now; out_req's slices lie in *out_mem, which the caller frees. */
enum err desk_approve(const struct desk_case *c, const struct desk_who *who, uint64_t now,
                      const struct rng *rng, const uint8_t try_op[ID_BYTES],
                      void **out_mem, struct req_approve *out_req);

/* guard_drill_answer at now. */
enum err desk_drill(const struct rep_drill_list *drill, const struct desk_who *who,
                    uint64_t now, const struct rng *rng, struct req_drill_answer *out);

/* ---- what an owner's program remembers of a node ---- */

struct desk_watch;

/* Asks the node and fills the reply, as the device. */
typedef enum err (*desk_ask)(void *ctx, uint16_t kind, const void *req, void *rep);

/* Of a node with these keys; nothing seen yet. desk_watch_end frees; NULL is fine. */
struct desk_watch *desk_watch_new(const uint8_t node_key[PUB_BYTES],
                                  const uint8_t node_sign[PUB_BYTES]);
void desk_watch_end(struct desk_watch *w);
/*
 * One look at HELLO and the alert drop, compared with all looks before (client/seen).
 * NULL: nothing to blame; else the name of the fault. *out_err: the node's, or away.
 */
const char *desk_look(struct desk_watch *w, desk_ask ask, void *ctx,
                      const struct rng *rng, uint64_t now, enum err *out_err);

/* The owner's side of a confirm. */
struct desk_confirm {
    uint8_t req_static[KEY_BYTES];
    uint8_t req_psk[KEY_BYTES];
    uint8_t req_seal[KEY_BYTES];
    uint8_t req_sign[KEY_BYTES];
    uint8_t nonce[32];
    struct bytes view;
    uint8_t node_key[PUB_BYTES];
    uint8_t guard_sign[PUB_BYTES];
    uint8_t guard_seal[PUB_BYTES];
    uint8_t owner[PUB_BYTES];
};

/* confirm_words. */
enum err desk_confirm_words(const struct desk_confirm *c, uint16_t out_call[WORDS_CALL],
                            uint16_t out_answer[WORDS_ANSWER]);

#endif
