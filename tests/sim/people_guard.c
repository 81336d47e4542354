/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tests/sim/people.h"

enum { KEPT = 65536 };

/* Copies of what a node said, for as long as one sitting lasts. */
struct kept {
    size_t n;
    uint8_t b[KEPT];
};

static struct bytes keep(struct kept *k, struct bytes in)
{
    uint8_t *at = k->b + k->n;

    MUST(in.n <= sizeof k->b - k->n);
    if (in.n > 0)
        memcpy(at, in.p, in.n);
    k->n += in.n;
    return bytes_of(at, in.n);
}

static enum err ask_as_guardian(struct people *p, size_t seat, uint16_t kind,
                                const void *req, void *rep)
{
    return world_ask(&p->w, p->seats[seat].house, &p->seats[seat].g.login, kind, req,
                     rep);
}

static enum err look_at(struct people *p, const struct ask *a, struct rep_request *out)
{
    struct req_request req = { 0 };

    memcpy(req.request, a->request, ID_BYTES);
    *out = (struct rep_request){ 0 };
    return ask_as_guardian(p, a->seat, MSG_REQUEST, &req, out);
}

enum err guardian_looks(struct people *p, const struct ask *a, struct request_line *out)
{
    struct rep_request rep;

    TRY(look_at(p, a, &rep));
    *out = rep.line[0];
    return OK;
}

static void who_of(const struct people *p, const struct seat *s, struct desk_who *out)
{
    *out = (struct desk_who){ .keys = &s->keys, .approval = &s->o.approval };
    memcpy(out->sign_pub, s->g.sign_pub, PUB_BYTES);
    memcpy(out->seal_pub, s->g.seal_pub, PUB_BYTES);
    memcpy(out->approval_pub, s->o.approval_pub, PUB_BYTES);
    memcpy(out->seat, s->g.seat, ID_BYTES);
    memcpy(out->node_key, p->w.houses[s->house].n.env.id->node_pub, PUB_BYTES);
    memcpy(out->circle, p->made[0].c.m.circle, ID_BYTES);
    memcpy(out->owner, p->made[0].c.m.owner, PUB_BYTES);
    if (!s->follows && !bytes_equal(BYTES_OF(p->owner_pub), BYTES_OF(p->fresh.owner_pub)))
        return;
    memcpy(out->before, out->owner, PUB_BYTES);
    memcpy(out->owner, p->fresh.owner_pub, PUB_BYTES);
}

/* As guard_fetch, over the lines of this world. */
static enum err fetch_case(struct people *p, const struct ask *a, struct kept *k,
                           struct desk_case *out)
{
    const struct seat *s = &p->seats[a->seat];
    struct req_box_get get = { 0 };
    uint8_t commitment[HASH_BYTES];

    TRY(look_at(p, a, &out->rep));
    out->rep.view = keep(k, out->rep.view);
    out->rep.claimed = keep(k, out->rep.claimed);
    out->rep.introduction = keep(k, out->rep.introduction);
    TRY(view_open(out->rep.view, p->w.houses[s->house].n.env.id->sign_pub, &out->view));
    commitment_of(out->rep.nonce, commitment);
    if (!bytes_equal(BYTES_OF(commitment), BYTES_OF(out->rep.commitment)))
        return ERR_AUTH;
    memcpy(get.request, a->request, ID_BYTES);
    for (uint32_t i = 0; i < out->view.n_epochs; i++) {
        struct rep_box_get *box = &out->boxes[i];

        get.epoch = out->view.epochs[i].epoch;
        out->box_err[i] = ask_as_guardian(p, a->seat, MSG_BOX_GET, &get, box);
        box->box_piece = keep(k, box->box_piece);
        box->box_roster = keep(k, box->box_roster);
        box->manifest = keep(k, box->manifest);
        box->descriptor = keep(k, box->descriptor);
        out->n_boxes++;
    }
    return OK;
}

static enum err approve(struct people *p, const struct ask *a, const struct desk_case *c,
                        const uint8_t try_op[ID_BYTES], bool despite, struct sitting *out)
{
    AUTO_FREE void *mem = NULL;
    struct req_approve req = { 0 };
    struct desk_who who;

    who_of(p, &p->seats[a->seat], &who);
    TRY(desk_approve(c, &who, p->w.now, &p->w.rng, try_op, &mem, &req));
    req.despite = despite;
    req.stops = c->rep.line[0].stops;
    out->sent = true;
    out->approved = ask_as_guardian(p, a->seat, MSG_APPROVE, &req, &out->rep);
    return OK;
}

/* The verdict of the guardian's own program. */
static enum err judge(struct people *p, const struct ask *a, const struct desk_case *c,
                      const uint16_t typed[WORDS_CALL], enum words_verdict *out)
{
    struct desk_who who;
    uint16_t answer[WORDS_ANSWER];

    who_of(p, &p->seats[a->seat], &who);
    return desk_judge(c, &who, typed, out, answer);
}

enum err guardian_sits(struct people *p, struct ask *a, const uint16_t typed[WORDS_CALL],
                       bool despite, struct sitting *out)
{
    AUTO_FREE struct kept *k = calloc(1, sizeof *k);
    AUTO_FREE struct desk_case *c = calloc(1, sizeof *c);
    struct req_try try = { 0 };
    struct rep_try left = { 0 };

    MUST(k != NULL && c != NULL);
    *out = (struct sitting){ .tried = ERR_CLOSED };
    TRY(fetch_case(p, a, k, c));
    rng_fill(&p->w.rng, try.op, ID_BYTES);
    memcpy(try.request, a->request, ID_BYTES);
    out->tried = ask_as_guardian(p, a->seat, MSG_TRY, &try, &left);
    if (out->tried != OK)
        return OK;
    TRY(judge(p, a, c, typed, &out->verdict));
    if (out->verdict != WORDS_RIGHT)
        return OK;
    return approve(p, a, c, try.op, despite, out);
}

bool guardian_can(const struct people *p, size_t seat)
{
    return p->seats[seat].keys_are != KEYS_GONE;
}

enum err guardian_drills(struct people *p, size_t seat, struct req_drill_answer *out)
{
    AUTO_FREE struct rep_drill_list *rep = calloc(1, sizeof *rep);
    struct req_drill_list req = { 0 };
    struct desk_who who;

    MUST(rep != NULL);
    memcpy(req.ward, p->seats[seat].o.ward, ID_BYTES);
    TRY(ask_as_guardian(p, seat, MSG_DRILL_LIST, &req, rep));
    if (!guardian_can(p, seat))
        return ERR_AUTH;
    who_of(p, &p->seats[seat], &who);
    TRY(desk_drill(rep, &who, p->w.now, &p->w.rng, out));
    return ask_as_guardian(p, seat, MSG_DRILL_ANSWER, out, NULL);
}

enum err guardian_refuses(struct people *p, struct ask *a, uint8_t *out_state)
{
    struct req_refuse req = { 0 };
    struct rep_refuse rep = { 0 };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.request, a->request, ID_BYTES);
    TRY(ask_as_guardian(p, a->seat, MSG_REFUSE, &req, &rep));
    *out_state = rep.state;
    return OK;
}

enum err guardian_unlocks(struct people *p, struct ask *a, uint8_t *out_left)
{
    struct req_unlock req = { 0 };
    struct rep_unlock rep = { 0 };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.request, a->request, ID_BYTES);
    unlock_sign(&p->seats[a->seat].o.approval, a->request, req.op, req.sig);
    TRY(ask_as_guardian(p, a->seat, MSG_UNLOCK, &req, &rep));
    *out_left = rep.tries_left;
    return OK;
}
