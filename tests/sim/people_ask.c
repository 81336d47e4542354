/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "node/seat.h"
#include "tests/sim/people.h"

enum { T_MAX = SIGNED_MAX + 512 };

size_t restore_begin(struct people *p, bool thief)
{
    struct restore *r = &p->restores[p->n_restores];

    MUST(p->n_restores < RESTORES);
    *r = (struct restore){ .thief = thief };
    rng_fill(&p->w.rng, r->sign.b, sizeof r->sign.b);
    crypt_sign_public(&r->sign, r->sign_pub);
    return p->n_restores++;
}

/* A one-time link, deposited by the guardian. */
static enum err link_of(struct people *p, size_t seat, struct sim_login *out)
{
    const struct seat *s = &p->seats[seat];
    struct req_cred_new req = { .type = CRED_RESTORE };
    uint8_t token[TOKEN_BYTES];

    rng_fill(&p->w.rng, token, sizeof token);
    sim_login_token(out, ROLE_RESTORE, BYTES_OF(token));
    rng_fill(&p->w.rng, req.op, ID_BYTES);
    req.expires = house_now(&p->w, s->house) + CRED_LIFE_S;
    memcpy(req.ward, s->o.ward, ID_BYTES);
    memcpy(req.id, out->id, ID_BYTES);
    memcpy(req.psk, out->psk.b, KEY_BYTES);
    return world_ask(&p->w, s->house, &s->g.login, MSG_CRED_NEW, &req, NULL);
}

struct ask *ask_new(struct people *p, size_t restore, size_t seat, enum way_in way,
                    size_t intro, enum err *out_err)
{
    struct ask *a = &p->asks[p->n_asks];

    *out_err = OK;
    if (p->n_asks == ASKS)
        return NULL;
    *a = (struct ask){ .restore = restore, .seat = seat, .way = way, .intro = intro };
    sim_login_new(&a->login, ROLE_REQUESTER, &p->w.rng);
    a->link = a->login;
    if (way == WAY_LINK)
        *out_err = link_of(p, seat, &a->link);
    if (*out_err != OK)
        return NULL;
    if (way != WAY_LINK) {
        const struct sim_login *by =
            way == WAY_SHEET ? &p->seats[seat].sheet : &p->seats[seat].roster;

        a->link.role = ROLE_RESTORE;
        a->link.psk = by->psk;
        memcpy(a->link.id, by->id, ID_BYTES);
    }
    rng_fill(&p->w.rng, a->seal.b, sizeof a->seal.b);
    crypt_dh_public(&a->seal, a->seal_pub);
    rng_fill(&p->w.rng, a->nonce, sizeof a->nonce);
    rng_fill(&p->w.rng, a->op_open, ID_BYTES);
    rng_fill(&p->w.rng, a->op_reveal, ID_BYTES);
    p->n_asks++;
    return a;
}

/* ---- OPEN, REVEAL, CANCEL ---- */

static void transcript_of(const struct people *p, const struct ask *a, struct buf *out)
{
    const struct seat *s = &p->seats[a->seat];
    struct transcript t = { .view = bytes_of(a->view, a->view_n) };

    memcpy(t.req_static, a->login.pub, PUB_BYTES);
    memcpy(t.req_seal, a->seal_pub, PUB_BYTES);
    memcpy(t.req_sign, p->restores[a->restore].sign_pub, PUB_BYTES);
    memcpy(t.node_key, p->w.houses[s->house].n.env.id->node_pub, PUB_BYTES);
    memcpy(t.guard_sign, s->g.sign_pub, PUB_BYTES);
    memcpy(t.guard_seal, s->g.seal_pub, PUB_BYTES);
    transcript_put(&t, out);
    MUST(!out->over);
}

static enum err take_view(struct people *p, struct ask *a, struct bytes raw)
{
    const struct seat *s = &p->seats[a->seat];
    struct view v = { 0 };
    uint8_t mem[T_MAX];
    struct buf t = BUF_OF(mem);
    uint8_t made[WORDS_OUT];

    TRY(view_open(raw, p->w.houses[s->house].n.env.id->sign_pub, &v));
    if (!id_equal(v.ward, s->o.ward) || v.kind != REQUEST_RESTORE || raw.n > SIGNED_MAX)
        return ERR_FORMAT;
    memcpy(a->request, v.request, ID_BYTES);
    memcpy(a->view, raw.p, raw.n);
    a->view_n = raw.n;
    transcript_of(p, a, &t);
    TRY(words_call(buf_bytes(&t), a->nonce, cost_minimum, made));
    words_from_bytes(made, WORDS_CALL, a->words);
    return OK;
}

enum err ask_open(struct people *p, struct ask *a)
{
    struct req_open req = { .kind = REQUEST_RESTORE,
                            .purpose = PURPOSE_RESTORE,
                            .claimed = bytes_text("it is me") };
    struct rep_open rep = { 0 };

    memcpy(req.op, a->op_open, ID_BYTES);
    memcpy(req.stat, a->login.pub, PUB_BYTES);
    memcpy(req.psk, a->login.psk.b, KEY_BYTES);
    memcpy(req.seal, a->seal_pub, PUB_BYTES);
    memcpy(req.sign, p->restores[a->restore].sign_pub, PUB_BYTES);
    commitment_of(a->nonce, req.commitment);
    if (a->way == WAY_ROSTER)
        req.introduction = bytes_of(p->intros[a->intro].b, p->intros[a->intro].n);
    TRY(world_ask(&p->w, p->seats[a->seat].house, &a->link, MSG_OPEN, &req, &rep));
    return take_view(p, a, rep.view);
}

enum err ask_reveal(struct people *p, struct ask *a, uint8_t *out_state)
{
    struct req_reveal req = { 0 };
    struct rep_reveal rep = { 0 };

    memcpy(req.op, a->op_reveal, ID_BYTES);
    memcpy(req.request, a->request, ID_BYTES);
    memcpy(req.nonce, a->nonce, sizeof req.nonce);
    TRY(world_ask(&p->w, p->seats[a->seat].house, &a->login, MSG_REVEAL, &req, &rep));
    *out_state = rep.state;
    return OK;
}

enum err ask_cancel(struct people *p, struct ask *a, uint8_t *out_state)
{
    struct req_cancel req = { 0 };
    struct rep_cancel rep = { 0 };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.request, a->request, ID_BYTES);
    TRY(world_ask(&p->w, p->seats[a->seat].house, &a->login, MSG_CANCEL, &req, &rep));
    *out_state = rep.state;
    return OK;
}

/* ---- FETCH ---- */

static enum err fetch(struct people *p, struct ask *a, uint32_t epoch,
                      struct rep_fetch *out)
{
    struct req_fetch req = { .epoch = epoch };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.request, a->request, ID_BYTES);
    return world_ask(&p->w, p->seats[a->seat].house, &a->login, MSG_FETCH, &req, out);
}

/* The introduction that comes with the roster leads to the other guardians. */
static void keep_intro(struct people *p, const struct ask *a, struct bytes raw)
{
    struct intro *in = &p->intros[p->n_intros];

    for (size_t i = 0; i < p->n_intros; i++)
        if (bytes_equal(raw, bytes_of(p->intros[i].b, p->intros[i].n)))
            return;
    if (p->n_intros == INTROS || raw.n == 0 || raw.n > SIGNED_MAX)
        return;
    in->by = a->seat;
    in->restore = a->restore;
    in->n = raw.n;
    memcpy(in->b, raw.p, raw.n);
    p->n_intros++;
}

static void take_piece(struct people *p, struct ask *a, const struct view_epoch *line,
                       const struct rep_fetch *f)
{
    struct answer_piece *piece = &a->pieces[a->n_pieces];
    struct seal_key key = { 0 };
    uint8_t mem[T_MAX];
    struct buf t = BUF_OF(mem);
    struct span room = { a->manifests[a->n_pieces], MANIFEST_MAX };
    size_t n = 0;
    enum err e;

    *piece = (struct answer_piece){ .epoch = line->epoch };
    memcpy(piece->manifest_hash, line->manifest_hash, HASH_BYTES);
    transcript_of(p, a, &t);
    e = release_open(&a->seal, buf_bytes(&t), line->manifest_hash, f->box, piece->piece,
                     &key);
    if (e == OK)
        e = manifest_unseal(&key, line->manifest_hash, f->manifest, room, &n);
    if (f->receipt.n > 0 && f->receipt.n <= RECEIPT_MAX)
        memcpy(a->receipts[a->n_pieces], f->receipt.p, f->receipt.n);
    a->receipt_n[a->n_pieces] = f->receipt.n <= RECEIPT_MAX ? f->receipt.n : 0;
    piece->broken = e != OK;
    piece->manifest = bytes_of(room.p, n);
    a->n_pieces++;
}

static enum err fetch_pieces(struct people *p, struct ask *a)
{
    struct view v = { 0 };
    struct rep_fetch f;

    TRY(view_open(bytes_of(a->view, a->view_n),
                  p->w.houses[p->seats[a->seat].house].n.env.id->sign_pub, &v));
    a->n_pieces = 0;
    for (uint32_t i = 0; i < v.n_epochs; i++) {
        f = (struct rep_fetch){ 0 };
        enum err e = fetch(p, a, v.epochs[i].epoch, &f);

        /* One that is damaged holds up no other. */
        if (e == ERR_UNREACHABLE || e == ERR_CLOSED)
            return e;
        if (e == OK && f.box.n > 0)
            take_piece(p, a, &v.epochs[i], &f);
    }
    return OK;
}

enum err ask_fetch(struct people *p, struct ask *a, uint8_t *out_state)
{
    struct rep_fetch f = { 0 };

    TRY(fetch(p, a, 0, &f));
    *out_state = f.state;
    keep_intro(p, a, f.introduction);
    if (f.statement.n > 0 && f.statement.n <= SIGNED_MAX) {
        memcpy(a->statement, f.statement.p, f.statement.n);
        a->statement_n = f.statement.n;
    }
    if (f.state != STATE_RELEASED)
        return OK;
    return fetch_pieces(p, a);
}

/* ---- all answers together ---- */

static void answer_of(const struct people *p, struct ask *a, struct answer *out)
{
    const struct seat *s = &p->seats[a->seat];
    uint8_t mem[T_MAX];
    struct buf t = BUF_OF(mem);

    *out = (struct answer){ .state = ANSWER_WAITING, .source = FROM_LINK };
    memcpy(out->node_key, p->w.houses[s->house].n.env.id->node_pub, PUB_BYTES);
    ident_fingerprint(s->g.sign_pub, s->g.seal_pub, out->guardian_fp);
    memcpy(out->request, a->request, ID_BYTES);
    memcpy(out->req_sign, p->restores[a->restore].sign_pub, PUB_BYTES);
    if (a->n_pieces == 0)
        return;
    out->state = ANSWER_PIECE;
    transcript_of(p, a, &t);
    transcript_hash(buf_bytes(&t), out->t_hash);
    out->statement = bytes_of(a->statement, a->statement_n);
    out->n_pieces = a->n_pieces;
    memcpy(out->pieces, a->pieces, sizeof out->pieces);
}

/* What nodes show a requester beside the pieces. */
struct shown {
    size_t n_moves;
    struct bytes moves[SEATS];
    uint8_t raw_moves[SEATS][MOVE_PROOF_MAX];
    size_t n_certs;
    struct recover_cert certs[SEATS];
    uint8_t raw_certs[SEATS][CERT_PEOPLE_MAX];
};

static struct bytes copy_to(uint8_t *mem, size_t cap, struct bytes in)
{
    MUST(in.n <= cap);
    memcpy(mem, in.p, in.n);
    return bytes_of(mem, in.n);
}

static void take_shown(struct people *p, const struct ask *a, struct shown *io)
{
    AUTO_FREE struct rep_epoch_state *rep = calloc(1, sizeof *rep);
    struct req_epoch_state req = { .want = EPOCH_WANT_MOVE };
    size_t h = p->seats[a->seat].house;

    MUST(rep != NULL);
    if (a->m.went == 0 || io->n_moves == SEATS || io->n_certs == SEATS ||
        world_ask(&p->w, h, &a->login, MSG_EPOCH_STATE, &req, rep) != OK)
        return;
    if (rep->proof.n > 0) {
        io->moves[io->n_moves] =
            copy_to(io->raw_moves[io->n_moves], MOVE_PROOF_MAX, rep->proof);
        io->n_moves++;
    }
    req.want = EPOCH_WANT_CERT;
    if (world_ask(&p->w, h, &a->login, MSG_EPOCH_STATE, &req, rep) != OK ||
        rep->cert_epoch == 0 || rep->proof.n == 0)
        return;
    struct recover_cert *c = &io->certs[io->n_certs];

    c->epoch = rep->cert_epoch;
    memcpy(c->manifest_hash, rep->cert_hash, HASH_BYTES);
    c->people = copy_to(io->raw_certs[io->n_certs], CERT_PEOPLE_MAX, rep->proof);
    io->n_certs++;
}

/* How many good pieces of it are among what a restore has. */
static unsigned pieces_of(const struct people *p, size_t restore, const struct made *m)
{
    uint32_t seats = 0;
    unsigned n = 0;

    for (size_t i = 0; i < p->n_asks; i++) {
        const struct ask *a = &p->asks[i];

        for (uint32_t x = 0; a->restore == restore && x < a->n_pieces; x++)
            if (a->pieces[x].epoch == m->c.m.epoch && !a->pieces[x].broken &&
                bytes_equal(BYTES_OF(a->pieces[x].piece), BYTES_OF(m->c.pieces[a->seat])))
                seats |= 1U << a->seat;
    }
    for (; seats != 0; seats &= seats - 1)
        n++;
    return n;
}

unsigned restore_good(const struct people *p, size_t restore)
{
    unsigned best = 0;

    for (size_t e = 0; e < p->n_made; e++) {
        unsigned n = p->made[e].thief ? 0 : pieces_of(p, restore, &p->made[e]);

        best = n > best ? n : best;
    }
    return best;
}

bool restore_has_newest(const struct people *p, size_t restore)
{
    for (size_t e = 0; e < p->n_made; e++)
        if (bytes_equal(BYTES_OF(p->made[e].c.m.owner), BYTES_OF(p->owner_pub)) &&
            pieces_of(p, restore, &p->made[e]) >= p->k)
            return true;
    return false;
}

enum recover_state restore_judge(struct people *p, size_t restore,
                                 struct recover_result *out, bool *out_right)
{
    AUTO_FREE struct answer *answers = calloc(ASKS, sizeof *answers);
    AUTO_FREE struct shown *shown = calloc(1, sizeof *shown);
    struct root_key root = { 0 };
    size_t n = 0;

    MUST(answers != NULL && shown != NULL);
    for (size_t i = 0; i < p->n_asks && n < ANSWERS_MAX; i++) {
        if (p->asks[i].restore != restore || p->asks[i].view_n == 0)
            continue;
        answer_of(p, &p->asks[i], &answers[n++]);
        if (!p->restores[restore].thief)
            take_shown(p, &p->asks[i], shown);
    }
    struct recover_in in = { .answers = answers,
                             .n = n,
                             .moves = shown->moves,
                             .n_moves = shown->n_moves,
                             .certs = shown->certs,
                             .n_certs = shown->n_certs };

    MUST(recover_all(&in, out, &root) == OK);
    const struct root_key *is =
        restore_has_newest(p, restore) ? &p->root : &p->robbed_root;

    *out_right =
        out->state == RECOVER_FOUND && bytes_equal(BYTES_OF(root.b), BYTES_OF(is->b));
    return out->state;
}
