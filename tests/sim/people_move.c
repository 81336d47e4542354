/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new root after a restore, as the owner's client gives it to the nodes: by the words
 * that guardians typed, each beside its node's receipt that the piece was let go.
 */
#include "tests/sim/people.h"

/* What guardian and node said to that restore, of the epoch that judges. */
static void add_line(const struct ask *a, const struct made *m, struct cert *cert)
{
    for (uint32_t i = 0; i < a->n_pieces; i++) {
        if (a->pieces[i].epoch != m->c.m.epoch || a->receipt_n[i] == 0)
            continue;
        cert->lines[cert->n_lines++] =
            (struct cert_line){ .statement = bytes_of(a->statement, a->statement_n),
                                .receipt = bytes_of(a->receipts[i], a->receipt_n[i]) };
        return;
    }
}

static void put_people(const struct people *p, const struct made *m, struct new_root *r)
{
    struct cert cert = { 0 };
    struct buf out = BUF_OF(r->people);

    for (size_t i = 0; i < p->n_asks; i++)
        if (p->asks[i].restore == r->restore && cert.n_lines < PIECES_MAX)
            add_line(&p->asks[i], m, &cert);
    cert_put(&cert, &out);
    MUST(!out.over);
    r->people_n = out.n;
}

static void put_move(const struct people *p, const struct made *m, struct new_root *r)
{
    const struct restore *by = &p->restores[r->restore];
    struct move move = { .epoch = m->c.m.epoch, .time = p->w.now };
    struct buf out = BUF_OF(r->move);

    memcpy(move.circle, m->c.m.circle, ID_BYTES);
    memcpy(move.manifest_hash, m->c.hash, HASH_BYTES);
    memcpy(move.old_owner, m->c.m.owner, PUB_BYTES);
    memcpy(move.new_owner, r->owner_pub, PUB_BYTES);
    memcpy(move.req_sign, by->sign_pub, PUB_BYTES);
    move_make(&move, &by->sign, &out);
    MUST(!out.over);
    r->move_n = out.n;
}

void root_new(struct people *p, size_t restore, const struct made *m,
              struct new_root *out)
{
    *out = (struct new_root){ .restore = restore };
    rng_fill(&p->w.rng, out->root.b, sizeof out->root.b);
    MUST(ident_owner(&out->root, &out->owner) == OK);
    crypt_sign_public(&out->owner, out->owner_pub);
    put_people(p, m, out);
    put_move(p, m, out);
    for (size_t i = 0; i < p->n; i++) {
        rng_fill(&p->w.rng, out->at[i].account.b, KEY_BYTES);
        crypt_sign_public(&out->at[i].account, out->at[i].account_pub);
        sim_login_new(&out->at[i].login, ROLE_OWNER, &p->w.rng);
    }
}

void root_move_req(struct people *p, const struct new_root *r, size_t seat,
                   struct req_move *out)
{
    struct move_account a = { 0 };

    *out = (struct req_move){ .move = bytes_of(r->move, r->move_n),
                              .people = bytes_of(r->people, r->people_n) };
    memcpy(a.ward, p->seats[seat].o.ward, ID_BYTES);
    move_hash(out->move, a.move);
    memcpy(a.account_sign, r->at[seat].account_pub, PUB_BYTES);
    memcpy(a.stat, r->at[seat].login.pub, PUB_BYTES);
    memcpy(a.psk, r->at[seat].login.psk.b, KEY_BYTES);
    move_account_sign(&p->restores[r->restore].sign, &a, out->sig);
    memcpy(out->account_sign, a.account_sign, PUB_BYTES);
    memcpy(out->stat, a.stat, PUB_BYTES);
    memcpy(out->psk, a.psk, KEY_BYTES);
    rng_fill(&p->w.rng, out->op, ID_BYTES);
}

enum err root_move(struct people *p, const struct new_root *r, size_t seat,
                   uint8_t *out_state)
{
    struct req_move req;
    struct rep_move rep = { 0 };

    for (size_t i = 0; i < p->n_asks; i++) {
        const struct ask *a = &p->asks[i];

        if (a->restore != r->restore || a->seat != seat || a->view_n == 0)
            continue;
        root_move_req(p, r, seat, &req);
        TRY(world_ask(&p->w, p->seats[seat].house, &a->login, MSG_MOVE, &req, &rep));
        *out_state = rep.state;
        return OK;
    }
    return ERR_UNKNOWN;
}

void root_follow(struct people *p, const struct new_root *r)
{
    p->root = r->root;
    p->owner = r->owner;
    memcpy(p->owner_pub, r->owner_pub, PUB_BYTES);
    move_hash(bytes_of(r->move, r->move_n), p->move);
}

enum err root_follow_at(struct people *p, const struct new_root *r, size_t seat)
{
    struct seat *s = &p->seats[seat];

    s->o.account = r->at[seat].account;
    memcpy(s->o.account_pub, r->at[seat].account_pub, PUB_BYTES);
    s->o.login = r->at[seat].login;
    return people_device(p, seat);
}
