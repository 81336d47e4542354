/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/cast.h"

#include "node/seat.h"

void sim_op(struct node_sim *n, uint8_t op[ID_BYTES])
{
    rng_fill(&n->rng, op, ID_BYTES);
}

static void sign_key(struct node_sim *n, struct sign_seed *seed, uint8_t pub[PUB_BYTES])
{
    rng_fill(&n->rng, seed->b, sizeof seed->b);
    crypt_sign_public(seed, pub);
}

/* ---- guardians ---- */

void sim_guardian_new(struct node_sim *n, struct sim_guardian *g)
{
    uint8_t token[TOKEN_BYTES];
    uint8_t fp[FP_BYTES];

    *g = (struct sim_guardian){ 0 };
    sign_key(n, &g->sign, g->sign_pub);
    rng_fill(&n->rng, g->seal.b, sizeof g->seal.b);
    crypt_dh_public(&g->seal, g->seal_pub);
    ident_fingerprint(g->sign_pub, g->seal_pub, fp);
    ident_seat_id(n->env.id->node_pub, fp, g->seat);
    sim_login_new(&g->login, ROLE_GUARDIAN, &n->rng);
    rng_fill(&n->rng, token, sizeof token);
    node_sim_operator(n, BYTES_OF(token));
    g->link = g->login;
    sim_login_token(&g->link, ROLE_OPERATOR, BYTES_OF(token));
}

void sim_seat_req(struct node_sim *n, const struct sim_guardian *g,
                  const uint8_t handshake[64], struct req_seat_enrol *out)
{
    const uint8_t *node = n->env.id->node_pub;

    *out = (struct req_seat_enrol){ 0 };
    sim_op(n, out->op);
    memcpy(out->sign_pub, g->sign_pub, PUB_BYTES);
    memcpy(out->seal_pub, g->seal_pub, PUB_BYTES);
    seat_enrol_sign(&g->sign, node, handshake, out->enrol_sig);
    seat_keys_sign(&g->sign, node, g->seat, g->seal_pub, out->keys_sig);
    memcpy(out->stat, g->login.pub, PUB_BYTES);
    memcpy(out->psk, g->login.psk.b, KEY_BYTES);
}

void sim_seat(struct node_sim *n, struct sim_guardian *g)
{
    struct req_seat_enrol req = { 0 };
    struct rep_seat_enrol rep = { 0 };
    struct session link = { 0 };

    sim_guardian_new(n, g);
    MUST(node_sim_login(n, &g->link, &link) == OK);
    sim_seat_req(n, g, link.handshake, &req);
    MUST(node_sim_ask(n, &link, MSG_SEAT_ENROL, &req, &rep) == OK);
    MUST(id_equal(rep.seat, g->seat));
    MUST(node_sim_login(n, &g->login, &g->who) == OK);
}

/* ---- owners ---- */

void sim_owner_new(struct node_sim *n, const struct sim_guardian *g, struct sim_owner *o,
                   struct req_cred_new *out_invite)
{
    struct req_cred_new *req = out_invite;
    uint8_t token[TOKEN_BYTES];

    *o = (struct sim_owner){ .guardian = g };
    sign_key(n, &o->account, o->account_pub);
    sign_key(n, &o->approval, o->approval_pub);
    sim_login_new(&o->login, ROLE_OWNER, &n->rng);
    rng_fill(&n->rng, token, sizeof token);
    o->link = o->login;
    sim_login_token(&o->link, ROLE_INVITE, BYTES_OF(token));
    memcpy(o->invite, o->link.id, ID_BYTES);
    *req = (struct req_cred_new){ .type = CRED_INVITE, .expires = n->now + CRED_LIFE_S };
    sim_op(n, req->op);
    memcpy(req->id, o->link.id, ID_BYTES);
    memcpy(req->psk, o->link.psk.b, KEY_BYTES);
    memcpy(req->approval, o->approval_pub, PUB_BYTES);
    approval_sign(&g->sign, g->seat, o->invite, o->approval_pub, req->approval_sig);
}

void sim_ward_req(struct node_sim *n, const struct sim_owner *o,
                  struct req_ward_enrol *out)
{
    static const uint8_t note[64] = { 'n', 'o', 't', 'e' };

    *out = (struct req_ward_enrol){ .note = BYTES_OF(note) };
    sim_op(n, out->op);
    memcpy(out->account_sign, o->account_pub, PUB_BYTES);
    memcpy(out->stat, o->login.pub, PUB_BYTES);
    memcpy(out->psk, o->login.psk.b, KEY_BYTES);
}

void sim_ward(struct node_sim *n, const struct sim_guardian *g, struct sim_owner *o)
{
    struct req_cred_new invite = { 0 };
    struct req_ward_enrol req = { 0 };
    struct rep_ward_enrol rep = { 0 };
    struct session link = { 0 };

    sim_owner_new(n, g, o, &invite);
    MUST(node_sim_ask(n, &g->who, MSG_CRED_NEW, &invite, NULL) == OK);
    MUST(node_sim_login(n, &o->link, &link) == OK);
    sim_ward_req(n, o, &req);
    MUST(node_sim_ask(n, &link, MSG_WARD_ENROL, &req, &rep) == OK);
    memcpy(o->ward, rep.ward, ID_BYTES);
    MUST(node_sim_login(n, &o->login, &o->who) == OK);
}

/* ---- epochs ---- */

void sim_epoch_sign(const struct sim_owner *o, struct sim_epoch *e)
{
    struct buf b = BUF_OF(e->raw);

    descriptor_make(&e->d, &o->account, &b);
    MUST(!b.over);
    e->req.descriptor = buf_bytes(&b);
}

void sim_epoch_name(const struct sim_owner *o, struct sim_epoch *e)
{
    descriptor_name(&e->d, e->req.hold, e->req.stop_hold, e->hash);
    memcpy(e->d.manifest_hash, e->hash, HASH_BYTES);
    memcpy(e->req.manifest_hash, e->hash, HASH_BYTES);
    sim_epoch_sign(o, e);
}

void sim_epoch_fill(struct node_sim *n, const struct sim_owner *o, uint32_t epoch,
                    const uint8_t ack[PUB_BYTES], struct sim_epoch *e)
{
    *e = (struct sim_epoch){ 0 };
    memcpy(e->ack, ack, PUB_BYTES);
    uint8_t body[HASH_BYTES];

    rng_fill(&n->rng, body, sizeof body);
    rng_fill(&n->rng, e->boxes, sizeof e->boxes);
    e->d = (struct descriptor){ .epoch = epoch,
                                .group_threshold = 1,
                                .n_groups = 1,
                                .groups = { { .t = 2, .n = 3 } },
                                .n_pieces = 3 };
    memcpy(e->d.body, body, HASH_BYTES);
    for (uint32_t i = 0; i < 3; i++) {
        rng_fill(&n->rng, e->d.pieces[i].ack, PUB_BYTES);
        rng_fill(&n->rng, e->d.pieces[i].approval, PUB_BYTES);
    }
    memcpy(e->d.pieces[1].ack, e->ack, PUB_BYTES);
    memcpy(e->d.pieces[1].approval, o->approval_pub, PUB_BYTES);
    e->req = (struct req_epoch_prepare){ .epoch = epoch,
                                         .index = 1,
                                         .box_piece = BYTES_OF(e->boxes[0]),
                                         .box_roster = BYTES_OF(e->boxes[1]),
                                         .manifest = BYTES_OF(e->boxes[2]),
                                         .roster = BYTES_OF(e->boxes[3]),
                                         .hold = 72 * 3600,
                                         .stop_hold = 9 * 86400 };
    sim_op(n, e->req.op);
    sim_epoch_name(o, e);
}

void sim_epoch_new(struct node_sim *n, const struct sim_owner *o, uint32_t epoch,
                   struct sim_epoch *e)
{
    struct req_epoch_next next = { .epoch = epoch };
    struct rep_epoch_next ack = { 0 };

    sim_op(n, next.op);
    MUST(node_sim_ask(n, &o->who, MSG_EPOCH_NEXT, &next, &ack) == OK);
    sim_epoch_fill(n, o, epoch, ack.ack, e);
}

void sim_epoch(struct node_sim *n, const struct sim_owner *o, uint32_t epoch,
               struct sim_epoch *e)
{
    struct req_epoch_commit commit = { .epoch = epoch };

    sim_epoch_new(n, o, epoch, e);
    MUST(node_sim_ask(n, &o->who, MSG_EPOCH_PREPARE, &e->req, NULL) == OK);
    sim_op(n, commit.op);
    memcpy(commit.manifest_hash, e->hash, HASH_BYTES);
    MUST(node_sim_ask(n, &o->who, MSG_EPOCH_COMMIT, &commit, NULL) == OK);
}

/* ---- who asks ---- */

void sim_asker_fill(struct node_sim *n, const struct sim_owner *o, struct sim_asker *a,
                    struct req_cred_new *out_link, struct req_open *out_req)
{
    struct req_cred_new *link = out_link;
    uint8_t token[TOKEN_BYTES];

    *a = (struct sim_asker){ 0 };
    sign_key(n, &a->sign, a->sign_pub);
    rng_fill(&n->rng, a->seal.b, sizeof a->seal.b);
    crypt_dh_public(&a->seal, a->seal_pub);
    rng_fill(&n->rng, a->nonce, sizeof a->nonce);
    rng_fill(&n->rng, token, sizeof token);
    sim_login_new(&a->login, ROLE_REQUESTER, &n->rng);
    a->link = a->login;
    sim_login_token(&a->link, ROLE_RESTORE, BYTES_OF(token));
    *link =
        (struct req_cred_new){ .type = CRED_RESTORE, .expires = n->now + CRED_LIFE_S };
    sim_op(n, link->op);
    memcpy(link->ward, o->ward, ID_BYTES);
    memcpy(link->id, a->link.id, ID_BYTES);
    memcpy(link->psk, a->link.psk.b, KEY_BYTES);
    *out_req = (struct req_open){ .kind = REQUEST_RESTORE, .purpose = PURPOSE_RESTORE };
    sim_op(n, out_req->op);
    memcpy(out_req->stat, a->login.pub, PUB_BYTES);
    memcpy(out_req->psk, a->login.psk.b, KEY_BYTES);
    memcpy(out_req->seal, a->seal_pub, PUB_BYTES);
    memcpy(out_req->sign, a->sign_pub, PUB_BYTES);
    commitment_of(a->nonce, out_req->commitment);
}

void sim_asker_new(struct node_sim *n, const struct sim_owner *o, struct sim_asker *a,
                   struct req_open *out_req)
{
    struct req_cred_new link = { 0 };

    sim_asker_fill(n, o, a, &link, out_req);
    MUST(node_sim_ask(n, &o->guardian->who, MSG_CRED_NEW, &link, NULL) == OK);
    MUST(node_sim_login(n, &a->link, &a->who) == OK);
}

void sim_ask(struct node_sim *n, const struct sim_owner *o, struct sim_asker *a)
{
    struct req_open open = { 0 };
    struct rep_open rep = { 0 };
    struct req_reveal reveal = { 0 };
    struct view view = { 0 };

    sim_asker_new(n, o, a, &open);
    MUST(node_sim_ask(n, &a->who, MSG_OPEN, &open, &rep) == OK);
    MUST(view_open(rep.view, n->env.id->sign_pub, &view) == OK);
    memcpy(a->request, view.request, ID_BYTES);
    sim_op(n, reveal.op);
    memcpy(reveal.request, a->request, ID_BYTES);
    memcpy(reveal.nonce, a->nonce, sizeof a->nonce);
    MUST(node_sim_ask(n, &a->who, MSG_REVEAL, &reveal, NULL) == OK);
}
