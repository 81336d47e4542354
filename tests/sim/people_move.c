/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new root, as the owner's client gives it to the nodes: by the words that guardians
 * typed for it; or after a restore by those, each beside its node's receipt that the
 * piece was let go.
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

static void put_people(const struct people *p, size_t restore, const struct made *m,
                       struct new_root *r)
{
    struct cert cert = { 0 };
    struct buf out = BUF_OF(r->people);

    for (size_t i = 0; i < p->n_asks; i++)
        if (p->asks[i].restore == restore && cert.n_lines < PIECES_MAX)
            add_line(&p->asks[i], m, &cert);
    cert_put(&cert, &out);
    MUST(!out.over);
    r->people_n = out.n;
}

static void put_move(const struct people *p, const struct made *m, struct new_root *r)
{
    struct move move = { .epoch = m->c.m.epoch, .time = p->w.now };
    struct buf out = BUF_OF(r->move);

    memcpy(move.circle, m->c.m.circle, ID_BYTES);
    memcpy(move.manifest_hash, m->c.hash, HASH_BYTES);
    memcpy(move.old_owner, m->c.m.owner, PUB_BYTES);
    memcpy(move.new_owner, r->owner_pub, PUB_BYTES);
    memcpy(move.req_sign, r->req_sign, PUB_BYTES);
    move_make(&move, &r->requester, &out);
    MUST(!out.over);
    r->move_n = out.n;
}

void root_asked_anew(struct people *p, struct new_root *r)
{
    rng_fill(&p->w.rng, r->requester.b, KEY_BYTES);
    crypt_sign_public(&r->requester, r->req_sign);
}

void root_keys(struct people *p, struct new_root *out)
{
    memset(out, 0, sizeof *out);
    root_asked_anew(p, out);
    rng_fill(&p->w.rng, out->root.b, sizeof out->root.b);
    MUST(ident_owner(&out->root, &out->owner) == OK);
    crypt_sign_public(&out->owner, out->owner_pub);
    for (size_t i = 0; i < p->n; i++) {
        rng_fill(&p->w.rng, out->at[i].account.b, KEY_BYTES);
        crypt_sign_public(&out->at[i].account, out->at[i].account_pub);
        sim_login_new(&out->at[i].login, ROLE_OWNER, &p->w.rng);
    }
}

void root_new(struct people *p, size_t restore, const struct made *m,
              struct new_root *out)
{
    root_keys(p, out);
    out->requester = p->restores[restore].sign;
    memcpy(out->req_sign, p->restores[restore].sign_pub, PUB_BYTES);
    put_people(p, restore, m, out);
    put_move(p, m, out);
}

/* Asked for the new root, not for a piece. */
static void say_move(struct people *p, const struct new_root *r, const struct made *m,
                     const struct sign_seed *by, struct buf *out)
{
    struct statement s = { .kind = REQUEST_MOVE,
                           .purpose = PURPOSE_MOVE,
                           .n_epochs = 1,
                           .how = HOW_CALLED,
                           .time = p->w.now };

    s.epochs[0] = (struct statement_epoch){ .epoch = m->c.m.epoch, .opened = 1 };
    memcpy(s.epochs[0].manifest_hash, m->c.hash, HASH_BYTES);
    memcpy(s.subject, r->owner_pub, PUB_BYTES);
    memcpy(s.req_sign, r->req_sign, PUB_BYTES);
    rng_fill(&p->w.rng, s.request, ID_BYTES);
    statement_make(&s, by, out);
}

void root_words(struct people *p, struct new_root *r, const struct made *m,
                uint32_t people, bool thief)
{
    uint8_t raw[SEATS][1024];
    struct cert cert = { 0 };
    struct buf out = BUF_OF(r->people);

    for (size_t i = 0; i < p->n; i++) {
        struct buf b = BUF_OF(raw[i]);

        if ((people >> i & 1) == 0)
            continue;
        say_move(p, r, m, thief ? &p->thief_people[i] : &p->seats[i].o.approval, &b);
        cert.lines[cert.n_lines++].statement = buf_bytes(&b);
    }
    cert_put(&cert, &out);
    MUST(!out.over);
    r->people_n = out.n;
    put_move(p, m, r);
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
    move_account_sign(&r->requester, &a, out->sig);
    memcpy(out->account_sign, a.account_sign, PUB_BYTES);
    memcpy(out->stat, a.stat, PUB_BYTES);
    memcpy(out->psk, a.psk, KEY_BYTES);
    rng_fill(&p->w.rng, out->op, ID_BYTES);
}

enum err root_move(struct people *p, const struct new_root *r, size_t restore,
                   size_t seat, uint8_t *out_state)
{
    struct req_move req;
    struct rep_move rep = { 0 };

    for (size_t i = 0; i < p->n_asks; i++) {
        const struct ask *a = &p->asks[i];

        if (a->restore != restore || a->seat != seat || a->view_n == 0)
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
