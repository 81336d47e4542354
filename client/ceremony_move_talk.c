/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_move_part.h"
#include "proto/words.h"

enum { TRANSCRIPT_MAX = SIGNED_MAX + 512, REVEAL_WITHIN_S = 600 };

/* What one conversation works with; wiped. */
struct visit {
    struct moving *m;
    struct move_seat *s;
    struct day_guardian *g;
    const struct move_work *w;
    struct req_open open;
    struct req_reveal reveal;
    struct req_fetch fetch;
    struct req_move move;
    struct req_epoch_state state;
};

/* ---- rounds as owner, of the old root or of the new one ---- */

enum whose { OLD_ROOT, NEW_ROOT };

static enum err root_of(const struct moving *m, enum whose whose, struct root_key **out)
{
    TRY(secret_new(out));
    memcpy((*out)->b, whose == OLD_ROOT ? m->head.old_root : m->head.new_root, KEY_BYTES);
    return OK;
}

/* The seats of a round: those for which wanted says so. */
struct turn {
    enum whose whose;
    bool (*wanted)(const struct moving *m, const struct move_seat *s);
    call_step step;
};

static void note(struct moving *m, const struct visit *v, const struct call *c)
{
    struct move_note *out = &m->notes[v->s - m->seats];
    char who[NAME_MAX_BYTES + 16];

    *out = (struct move_note){ .err = c->err };
    if (c->err == OK)
        return;
    (void)snprintf(who, sizeof who, "%.*s's node", (int)v->g->name.n,
                   (const char *)v->g->name.p);
    call_sentence(c, who, out->why, sizeof out->why);
}

static enum err round_add(struct moving *m, const struct move_work *w,
                          struct owner_round *r, struct move_seat *s,
                          const struct turn *turn)
{
    AUTO_SECRET struct root_key *root = NULL;
    struct day_guardian *g = move_guardian(w->day, s);
    void *visit = NULL;

    if (g == NULL)
        return OK;
    TRY(root_of(m, turn->whose, &root));
    TRY(owner_round_add(r, root, g, turn->step, &visit));
    *(struct visit *)visit = (struct visit){ .m = m, .s = s, .g = g, .w = w };
    return OK;
}

static enum err one_round(struct moving *m, const struct move_work *w,
                          const struct turn *turn)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };

    TRY(owner_round_new(&r, m->n, sizeof(struct visit)));
    for (size_t i = 0; i < m->n; i++)
        if (turn->wanted(m, &m->seats[i]))
            TRY(round_add(m, w, &r, &m->seats[i], turn));
    if (r.n == 0)
        return OK;
    TRY(call_round(r.calls, r.n, w->params->round_ms, w->params->rng));
    for (size_t i = 0; i < r.n; i++) {
        const struct visit *v = &((const struct visit *)r.visits)[i];

        guardian_seen(v->g, &r.calls[i], w->params->now());
        note(m, v, &r.calls[i]);
    }
    return OK;
}

/* ---- asking: what both ends compute ---- */

void move_draw(struct move_seat *s, const struct rng *rng)
{
    rng_fill(rng, s->op_open, ID_BYTES);
    rng_fill(rng, s->op_reveal, ID_BYTES);
    rng_fill(rng, s->stat, KEY_BYTES);
    rng_fill(rng, s->psk, KEY_BYTES);
    rng_fill(rng, s->seal, KEY_BYTES);
    rng_fill(rng, s->nonce, sizeof s->nonce);
}

/* A nonce that is over, or that may have been seen, is never offered a second view. */
static void begin_anew(struct move_seat *s, const struct rng *rng)
{
    if (s->view.n > 0 && s->repeats < UINT8_MAX)
        s->repeats++;
    move_draw(s, rng);
    s->view = s->words = (struct bytes){ 0 };
    s->state = 0;
    s->opens = 0;
}

static enum err make_open(struct visit *v)
{
    AUTO_SECRET struct dh_key *key = NULL;
    AUTO_SECRET struct sign_seed *sign = NULL;
    struct req_open *o = &v->open;

    TRY(secret_new(&key));
    TRY(secret_new(&sign));
    *o = (struct req_open){ .kind = REQUEST_MOVE, .purpose = PURPOSE_MOVE };
    memcpy(o->op, v->s->op_open, ID_BYTES);
    memcpy(o->psk, v->s->psk, KEY_BYTES);
    memcpy(key->b, v->s->stat, KEY_BYTES);
    crypt_dh_public(key, o->stat);
    memcpy(key->b, v->s->seal, KEY_BYTES);
    crypt_dh_public(key, o->seal);
    memcpy(sign->b, v->m->head.requester, KEY_BYTES);
    crypt_sign_public(sign, o->sign);
    memcpy(o->subject, o->sign, PUB_BYTES);
    commitment_of(v->s->nonce, o->commitment);
    return OK;
}

static enum err transcript_of(struct visit *v, struct buf *out)
{
    const struct day_guardian *g = v->g;
    struct transcript t = { .view = v->s->view };

    TRY(make_open(v));
    memcpy(t.req_static, v->open.stat, PUB_BYTES);
    memcpy(t.req_seal, v->open.seal, PUB_BYTES);
    memcpy(t.req_sign, v->open.sign, PUB_BYTES);
    memcpy(t.node_key, g->node[0].node_key, PUB_BYTES);
    memcpy(t.guard_sign, g->sign_pub, PUB_BYTES);
    memcpy(t.guard_seal, g->seal_pub, PUB_BYTES);
    transcript_put(&t, out);
    return out->over ? ERR_TOO_BIG : OK;
}

static enum err make_words(struct visit *v, struct cost cost)
{
    uint8_t raw[TRANSCRIPT_MAX];
    struct buf t = BUF_OF(raw);
    uint8_t made[WORDS_OUT];
    uint16_t words[WORDS_CALL];
    char text[WORDS_TEXT];

    TRY(transcript_of(v, &t));
    TRY(words_call(buf_bytes(&t), v->s->nonce, cost, made));
    words_from_bytes(made, WORDS_CALL, words);
    words_format(words, WORDS_CALL, text, sizeof text);
    return move_keep(v->m, bytes_text(text), &v->s->words);
}

/* What the node fixed must be what was asked for, of this ward and signed by it. */
static enum err view_of(const struct visit *v, struct bytes raw, struct view *out)
{
    TRY(view_open(raw, v->g->node[0].node_sign, out));
    if (out->kind != REQUEST_MOVE || out->purpose != PURPOSE_MOVE ||
        !bytes_equal(BYTES_OF(out->subject), BYTES_OF(v->open.sign)) ||
        !bytes_equal(BYTES_OF(out->ward), BYTES_OF(v->g->ward)))
        return ERR_FORMAT;
    return OK;
}

/* By their approval key, and about this very conversation. */
static enum err check_statement(struct visit *v, struct bytes raw)
{
    struct statement s = { 0 };
    struct view view = { 0 };
    uint8_t mem[TRANSCRIPT_MAX];
    struct buf t = BUF_OF(mem);
    uint8_t hash[HASH_BYTES];

    TRY(statement_open(raw, v->g->approval, &s));
    TRY(transcript_of(v, &t));
    TRY(view_of(v, v->s->view, &view));
    transcript_hash(buf_bytes(&t), hash);
    if (s.kind != REQUEST_MOVE || s.purpose != PURPOSE_MOVE ||
        !bytes_equal(BYTES_OF(s.subject), BYTES_OF(v->open.subject)) ||
        !bytes_equal(BYTES_OF(s.request), BYTES_OF(view.request)) ||
        !bytes_equal(BYTES_OF(s.req_sign), BYTES_OF(v->open.sign)) ||
        !bytes_equal(BYTES_OF(s.t_hash), BYTES_OF(hash)))
        return ERR_SIGNATURE;
    return OK;
}

/* ---- asking: the conversations ---- */

static bool is_gone(enum err e)
{
    return e == ERR_EXPIRED || e == ERR_STATE || e == ERR_UNKNOWN || e == ERR_USED;
}

static enum err got_view(struct visit *v, const struct rep_open *rep)
{
    struct view view = { 0 };

    TRY(view_of(v, rep->view, &view));
    v->s->state = STATE_OPENED;
    memcpy(v->s->request, view.request, ID_BYTES);
    return move_keep(v->m, rep->view, &v->s->view);
}

static enum err open_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply == NULL) {
        guardian_seen(v->g, c, v->w->params->now());
        TRY(make_open(v));
        *out = (struct call_send){ MSG_OPEN, &v->open };
        return OK;
    }
    if (is_gone(reply->err))
        begin_anew(v->s, v->w->params->rng);
    TRY(reply->err);
    return got_view(v, reply->rep);
}

static enum err reveal_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct visit *v = c->ctx;
    struct view view = { 0 };

    if (reply == NULL) {
        TRY(make_open(v));
        TRY(view_of(v, v->s->view, &view));
        memcpy(v->reveal.op, v->s->op_reveal, ID_BYTES);
        memcpy(v->reveal.request, view.request, ID_BYTES);
        memcpy(v->reveal.nonce, v->s->nonce, sizeof v->reveal.nonce);
        *out = (struct call_send){ MSG_REVEAL, &v->reveal };
        return OK;
    }
    if (is_gone(reply->err))
        begin_anew(v->s, v->w->params->rng);
    TRY(reply->err);
    v->s->state = ((const struct rep_reveal *)reply->rep)->state;
    return v->s->state > STATE_OPENED ? OK : ERR_FORMAT;
}

static enum err got_state(struct visit *v, const struct rep_fetch *f)
{
    if (f->state <= STATE_OPENED)
        return ERR_FORMAT;
    v->s->state = f->state;
    v->s->opens = f->opens;
    if (f->statement.n == 0 || f->state != STATE_RELEASED)
        return OK;
    TRY(check_statement(v, f->statement));
    return move_keep(v->m, f->statement, &v->s->statement);
}

static enum err fetch_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct visit *v = c->ctx;
    struct view view = { 0 };

    if (reply != NULL) {
        TRY(reply->err);
        return got_state(v, reply->rep);
    }
    TRY(make_open(v));
    TRY(view_of(v, v->s->view, &view));
    rng_fill(v->w->params->rng, v->fetch.op, ID_BYTES);
    memcpy(v->fetch.request, view.request, ID_BYTES);
    *out = (struct call_send){ MSG_FETCH, &v->fetch };
    return OK;
}

static bool wants_open(const struct moving *m, const struct move_seat *s)
{
    (void)m;
    return s->view.n == 0;
}

static bool wants_reveal(const struct moving *m, const struct move_seat *s)
{
    (void)m;
    return s->view.n > 0 && s->state <= STATE_OPENED;
}

static bool wants_fetch(const struct moving *m, const struct move_seat *s)
{
    (void)m;
    return s->state > STATE_OPENED && s->state != STATE_REFUSED && s->statement.n == 0;
}

static enum err words_all(struct moving *m, const struct move_work *w)
{
    for (size_t i = 0; i < m->n; i++) {
        struct move_seat *s = &m->seats[i];
        struct visit v = { .m = m, .s = s, .g = move_guardian(w->day, s), .w = w };

        if (v.g == NULL || s->state < STATE_LIVE || s->words.n > 0)
            continue;
        enum err e = make_words(&v, w->params->cost);
        secret_wipe(&v, sizeof v);
        TRY(e);
    }
    return OK;
}

/* What ran out, or was not shown in time, begins anew. */
static void renew(struct moving *m, const struct move_work *w)
{
    for (size_t i = 0; i < m->n; i++) {
        struct move_seat *s = &m->seats[i];
        const struct day_guardian *g = move_guardian(w->day, s);
        struct view view = { 0 };

        if (s->view.n == 0 || g == NULL ||
            view_open(s->view, g->node[0].node_sign, &view) != OK)
            continue;
        bool late =
            s->state == STATE_OPENED && w->params->now() >= view.opened + REVEAL_WITHIN_S;
        if (late || s->state == STATE_EXPIRED)
            begin_anew(s, w->params->rng);
    }
}

enum err move_ask(struct moving *m, const struct move_work *w)
{
    static const struct turn fetch = { OLD_ROOT, wants_fetch, fetch_step };
    static const struct turn open = { OLD_ROOT, wants_open, open_step };
    static const struct turn reveal = { OLD_ROOT, wants_reveal, reveal_step };

    TRY(one_round(m, w, &fetch));
    renew(m, w);
    TRY(move_save(m, w));
    TRY(one_round(m, w, &open));
    TRY(move_save(m, w));
    TRY(one_round(m, w, &reveal));
    TRY(words_all(m, w));
    TRY(move_save(m, w));
    return home_day_save(w->home, w->day, w->params->rng);
}

/* ---- showing the MOVE ---- */

/* The new root's account at this seat, by the key that signed the MOVE. */
static enum err make_move(struct visit *v)
{
    AUTO_SECRET struct account_keys *keys = NULL;
    AUTO_SECRET struct root_key *root = NULL;
    AUTO_SECRET struct sign_seed *sign = NULL;
    AUTO_SECRET struct move_account *a = NULL;
    struct req_move *r = &v->move;

    TRY(root_of(v->m, NEW_ROOT, &root));
    TRY(secret_new(&keys));
    TRY(secret_new(&sign));
    TRY(secret_new(&a));
    TRY(guardian_account(root, v->g, keys));
    *r = (struct req_move){ .move = v->m->head.move, .people = v->m->head.people };
    memcpy(r->op, v->s->op_move, ID_BYTES);
    crypt_sign_public(&keys->sign, r->account_sign);
    crypt_dh_public(&keys->stat, r->stat);
    memcpy(r->psk, keys->psk.b, KEY_BYTES);
    memcpy(a->ward, v->g->ward, ID_BYTES);
    move_hash(r->move, a->move);
    memcpy(a->account_sign, r->account_sign, PUB_BYTES);
    memcpy(a->stat, r->stat, PUB_BYTES);
    memcpy(a->psk, r->psk, KEY_BYTES);
    memcpy(sign->b, v->m->head.requester, KEY_BYTES);
    move_account_sign(sign, a, r->sig);
    return OK;
}

static enum err move_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply == NULL) {
        TRY(make_move(v));
        *out = (struct call_send){ MSG_MOVE, &v->move };
        return OK;
    }
    if (reply->err == ERR_STOPPED || reply->err == ERR_CERT)
        v->s->told = TOLD_REFUSED;
    TRY(reply->err);
    const struct rep_move *rep = reply->rep;
    v->s->told = rep->state == PLAN_DONE ? TOLD_DONE : TOLD_WAITS;
    v->s->due = rep->state == PLAN_DONE ? 0 : rep->due;
    return OK;
}

/* Let in with the new root's account: it took over here, whatever was answered before. */
static enum err look_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply == NULL) {
        *out = (struct call_send){ MSG_EPOCH_STATE, &v->state };
        return OK;
    }
    TRY(reply->err);
    v->s->told = TOLD_DONE;
    v->s->due = 0;
    return OK;
}

static bool wants_move(const struct moving *m, const struct move_seat *s)
{
    (void)m;
    return s->told != TOLD_DONE;
}

/* The old account is let in no more: perhaps because the new one is. */
static bool wants_look(const struct moving *m, const struct move_seat *s)
{
    return s->told != TOLD_DONE && m->notes[s - m->seats].err == ERR_REFUSED;
}

enum err move_send(struct moving *m, const struct move_work *w)
{
    static const struct turn send = { OLD_ROOT, wants_move, move_step };
    static const struct turn look = { NEW_ROOT, wants_look, look_step };

    TRY(one_round(m, w, &send));
    TRY(one_round(m, w, &look));
    TRY(move_save(m, w));
    return home_day_save(w->home, w->day, w->params->rng);
}
