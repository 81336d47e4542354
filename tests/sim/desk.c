/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/desk.h"

#include "client/guard.h"
#include "client/guardian.h"

static void who_of(const struct desk_who *d, struct guard_who *out)
{
    *out = (struct guard_who){ .keys = d->keys, .approval = d->approval };
    memcpy(out->sign_pub, d->sign_pub, PUB_BYTES);
    memcpy(out->seal_pub, d->seal_pub, PUB_BYTES);
    memcpy(out->approval_pub, d->approval_pub, PUB_BYTES);
    memcpy(out->seat, d->seat, SEAT_BYTES);
    memcpy(out->node_key, d->node_key, PUB_BYTES);
    memcpy(out->circle, d->circle, ID_BYTES);
    memcpy(out->owner, d->owner, PUB_BYTES);
    memcpy(out->before, d->before, PUB_BYTES);
}

static void case_of(const struct desk_case *d, struct guard_case *out)
{
    *out = (struct guard_case){ .rep = d->rep, .view = d->view, .n_boxes = d->n_boxes };
    memcpy(out->boxes, d->boxes, sizeof out->boxes);
    memcpy(out->box_err, d->box_err, sizeof out->box_err);
}

enum err desk_judge(const struct desk_case *d, const struct desk_who *by,
                    const uint16_t typed[WORDS_CALL], enum words_verdict *out,
                    uint16_t out_answer[WORDS_ANSWER])
{
    AUTO_FREE struct guard_case *c = calloc(1, sizeof *c);
    struct guard_who who;
    struct guard_verdict verdict = { 0 };
    uint8_t mem[SIGNED_MAX + 512];
    struct buf t = BUF_OF(mem);

    MUST(c != NULL);
    case_of(d, c);
    who_of(by, &who);
    TRY(guard_transcript(c, &who, &t));
    TRY(guard_judge(typed, buf_bytes(&t), c->rep.nonce, cost_minimum, &verdict));
    *out = verdict.verdict;
    memcpy(out_answer, verdict.answer, sizeof verdict.answer);
    return OK;
}

static uint64_t desk_time;

static uint64_t desk_now(void)
{
    return desk_time;
}

enum err desk_approve(const struct desk_case *d, const struct desk_who *by, uint64_t now,
                      const struct rng *rng, const uint8_t try_op[ID_BYTES],
                      void **out_mem, struct req_approve *out_req)
{
    struct params p = { .now = desk_now, .rng = rng, .cost = cost_minimum };
    AUTO_FREE struct guard_case *c = calloc(1, sizeof *c);
    struct guard_approval *approval = calloc(1, sizeof *approval);
    struct guard_who who;

    MUST(c != NULL && approval != NULL);
    desk_time = now;
    case_of(d, c);
    who_of(by, &who);
    *out_mem = approval;
    TRY(guard_approve(c, &who, &p, HOW_CALLED, try_op, approval));
    *out_req = approval->req;
    return OK;
}

enum err desk_drill(const struct rep_drill_list *drill, const struct desk_who *by,
                    uint64_t now, const struct rng *rng, struct req_drill_answer *out)
{
    struct params p = { .now = desk_now, .rng = rng, .cost = cost_minimum };
    struct guard_who who;

    desk_time = now;
    who_of(by, &who);
    return guard_drill_answer(&who, drill, &p, out);
}

enum err desk_confirm_words(const struct desk_confirm *c, uint16_t out_call[WORDS_CALL],
                            uint16_t out_answer[WORDS_ANSWER])
{
    AUTO_FREE struct day *d = calloc(1, sizeof *d);
    struct confirm_words words = { 0 };

    MUST(d != NULL);
    struct day_guardian *g = &d->guardians[0];

    memcpy(g->req_static, c->req_static, KEY_BYTES);
    memcpy(g->req_seal, c->req_seal, KEY_BYTES);
    memcpy(g->req_sign, c->req_sign, KEY_BYTES);
    memcpy(g->nonce, c->nonce, sizeof g->nonce);
    g->view = c->view;
    memcpy(g->node[0].node_key, c->node_key, PUB_BYTES);
    memcpy(g->sign_pub, c->guard_sign, PUB_BYTES);
    memcpy(g->seal_pub, c->guard_seal, PUB_BYTES);
    memcpy(d->me.owner, c->owner, PUB_BYTES);
    TRY(confirm_words(d, g, cost_minimum, &words));
    memcpy(out_call, words.call, sizeof words.call);
    memcpy(out_answer, words.answer, sizeof words.answer);
    return OK;
}
