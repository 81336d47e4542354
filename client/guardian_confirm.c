/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guardian.h"

bool confirm_open(const struct day_guardian *g)
{
    return g->view.n > 0;
}

void confirm_forget(struct day_guardian *g)
{
    secret_wipe(g->req_static, KEY_BYTES);
    secret_wipe(g->req_psk, KEY_BYTES);
    secret_wipe(g->req_seal, KEY_BYTES);
    secret_wipe(g->req_sign, KEY_BYTES);
    secret_wipe(g->nonce, sizeof g->nonce);
    g->view = (struct bytes){ 0 };
    g->answers = 0;
}

/* A request of before purposes were kept is one of enrolment. */
static enum purpose asked(const struct day_guardian *g)
{
    return g->ask_purpose == 0 ? PURPOSE_ENROL : (enum purpose)g->ask_purpose;
}

bool confirm_is(const struct day_guardian *g, const struct confirm_about *about)
{
    return asked(g) == about->purpose &&
           bytes_equal(BYTES_OF(g->ask_subject), BYTES_OF(about->subject));
}

void confirm_draw(struct day_guardian *g, const struct confirm_about *about,
                  const struct rng *rng)
{
    confirm_forget(g);
    g->ask_purpose = (uint8_t)about->purpose;
    memcpy(g->ask_subject, about->subject, sizeof g->ask_subject);
    memset(g->request, 0, ID_BYTES);
    g->request_state = 0;
    g->requested = 0;
    rng_fill(rng, g->op_open, ID_BYTES);
    rng_fill(rng, g->op_reveal, ID_BYTES);
    rng_fill(rng, g->req_static, KEY_BYTES);
    rng_fill(rng, g->req_psk, KEY_BYTES);
    rng_fill(rng, g->req_seal, KEY_BYTES);
    rng_fill(rng, g->req_sign, KEY_BYTES);
    rng_fill(rng, g->nonce, sizeof g->nonce);
}

/* ---- what both sides compute ---- */

/* The public keys of this request. */
struct confirm_public {
    uint8_t stat[PUB_BYTES];
    uint8_t seal[PUB_BYTES];
    uint8_t sign[PUB_BYTES];
};

static enum err public_keys(const struct day_guardian *g, struct confirm_public *out)
{
    AUTO_SECRET struct dh_key *key = NULL;
    AUTO_SECRET struct sign_seed *sign = NULL;
    TRY(secret_new(&key));
    TRY(secret_new(&sign));
    memcpy(key->b, g->req_static, KEY_BYTES);
    crypt_dh_public(key, out->stat);
    memcpy(key->b, g->req_seal, KEY_BYTES);
    crypt_dh_public(key, out->seal);
    memcpy(sign->b, g->req_sign, KEY_BYTES);
    crypt_sign_public(sign, out->sign);
    return OK;
}

static enum err transcript_of(const struct day *d, const struct day_guardian *g,
                              struct buf *out)
{
    struct transcript t = { .view = g->view };
    struct confirm_public pub;
    if (g->view.n == 0)
        return ERR_STATE;
    TRY(public_keys(g, &pub));
    memcpy(t.req_static, pub.stat, PUB_BYTES);
    memcpy(t.req_seal, pub.seal, PUB_BYTES);
    memcpy(t.req_sign, pub.sign, PUB_BYTES);
    memcpy(t.node_key, g->node[0].node_key, PUB_BYTES);
    memcpy(t.guard_sign, g->sign_pub, PUB_BYTES);
    memcpy(t.guard_seal, g->seal_pub, PUB_BYTES);
    memcpy(t.owner, d->me.owner, PUB_BYTES);
    transcript_put(&t, out);
    return out->over ? ERR_TOO_BIG : OK;
}

enum err confirm_words(const struct day *d, const struct day_guardian *g,
                       struct cost cost, struct confirm_words *out)
{
    uint8_t raw[SIGNED_MAX + 512];
    struct buf t = BUF_OF(raw);
    AUTO_SECRET uint8_t *made = NULL;
    TRY(secret_alloc(WORDS_OUT, (void **)&made));
    TRY(transcript_of(d, g, &t));
    TRY(words_call(buf_bytes(&t), g->nonce, cost, made));
    words_from_bytes(made, WORDS_CALL, out->call);
    words_from_bytes(made + 8, WORDS_ANSWER, out->answer);
    return OK;
}

/* ---- the round ---- */

/* What one conversation works with; secret memory. */
struct confirm {
    struct day *d;
    struct day_guardian *g;
    const struct params *p;
    struct bytes stated;
    struct account_keys keys;
    struct req_open open;
    struct req_reveal reveal;
    struct req_fetch fetch;
};

static enum err make_open(struct confirm *c)
{
    struct confirm_public pub;
    TRY(public_keys(c->g, &pub));
    c->open =
        (struct req_open){ .kind = REQUEST_CONFIRM, .purpose = (uint8_t)asked(c->g) };
    memcpy(c->open.subject, c->g->ask_subject, sizeof c->open.subject);
    memcpy(c->open.op, c->g->op_open, ID_BYTES);
    memcpy(c->open.stat, pub.stat, PUB_BYTES);
    memcpy(c->open.psk, c->g->req_psk, KEY_BYTES);
    memcpy(c->open.seal, pub.seal, PUB_BYTES);
    memcpy(c->open.sign, pub.sign, PUB_BYTES);
    commitment_of(c->g->nonce, c->open.commitment);
    return OK;
}

/* What the node fixed must be what was asked for, of this ward and signed by it. */
static enum err take_view(struct confirm *c, struct bytes raw)
{
    struct day_guardian *g = c->g;
    struct view v = { 0 };
    TRY(view_open(raw, g->node[0].node_sign, &v));
    if (v.kind != REQUEST_CONFIRM || v.purpose != asked(g) ||
        !bytes_equal(BYTES_OF(v.subject), BYTES_OF(g->ask_subject)) ||
        !bytes_equal(BYTES_OF(v.ward), BYTES_OF(g->ward)))
        return ERR_FORMAT;
    g->view = day_keep(c->d, raw);
    memcpy(g->request, v.request, ID_BYTES);
    g->request_state = STATE_OPENED;
    g->requested = c->p->now();
    return OK;
}

/* What was asked about is what they opened: else their word is worth nothing. */
static bool opened_it(const struct day_guardian *g, const struct statement *s)
{
    if (asked(g) != PURPOSE_EPOCH)
        return true;
    for (uint32_t i = 0; i < s->n_epochs; i++)
        if (bytes_equal(BYTES_OF(s->epochs[i].manifest_hash), BYTES_OF(g->ask_subject)))
            return s->epochs[i].opened == 1;
    return false;
}

/* They opened the piece of the sealed epoch: as good as a drill. Seen twice, it is one.
 */
static void note_opened(const struct confirm *c, const struct statement *s)
{
    const struct day_me *me = &c->d->me;
    uint64_t when = s->time < c->p->now() ? s->time : c->p->now();
    /* Words of before the guardian's new keys say nothing of these. */
    if (me->epoch == 0 || when <= day_proven(c->g)->opened || when <= c->g->reset)
        return;
    for (uint32_t i = 0; i < s->n_epochs; i++)
        if (s->epochs[i].opened == 1 && bytes_equal(BYTES_OF(s->epochs[i].manifest_hash),
                                                    BYTES_OF(me->manifest_hash)))
            day_opened(c->g, me->epoch, when);
}

static enum err check_statement(const struct confirm *c, struct bytes raw)
{
    const struct day_guardian *g = c->g;
    struct confirm_public pub;
    struct statement s = { 0 };
    uint8_t mem[SIGNED_MAX + 512];
    struct buf t = BUF_OF(mem);
    uint8_t hash[HASH_BYTES];
    TRY(statement_open(raw, g->approval, &s));
    TRY(public_keys(g, &pub));
    TRY(transcript_of(c->d, g, &t));
    transcript_hash(buf_bytes(&t), hash);
    if (s.kind != REQUEST_CONFIRM || s.purpose != asked(g) ||
        !bytes_equal(BYTES_OF(s.subject), BYTES_OF(g->ask_subject)) ||
        !bytes_equal(BYTES_OF(s.request), BYTES_OF(g->request)) ||
        !bytes_equal(BYTES_OF(s.req_sign), BYTES_OF(pub.sign)) ||
        !bytes_equal(BYTES_OF(s.t_hash), BYTES_OF(hash)))
        return ERR_SIGNATURE;
    if (!opened_it(g, &s))
        return ERR_CORRUPT;
    note_opened(c, &s);
    return OK;
}

static enum err take_state(struct confirm *c, const struct rep_fetch *f)
{
    c->g->request_state = f->state;
    if (f->state == STATE_EXPIRED)
        return ERR_EXPIRED;
    if (f->state != STATE_RELEASED)
        return OK;
    /* What nobody fetched for two weeks the node does not keep. */
    if (f->statement.n == 0)
        return ERR_EXPIRED;
    TRY(check_statement(c, f->statement));
    c->stated = day_keep(c->d, f->statement);
    return OK;
}

static enum err next_message(struct confirm *c, struct call_send *out)
{
    struct day_guardian *g = c->g;
    if (g->view.n == 0) {
        TRY(make_open(c));
        *out = (struct call_send){ MSG_OPEN, &c->open };
        return OK;
    }
    if (g->request_state <= STATE_OPENED) {
        memcpy(c->reveal.op, g->op_reveal, ID_BYTES);
        memcpy(c->reveal.request, g->request, ID_BYTES);
        memcpy(c->reveal.nonce, g->nonce, sizeof g->nonce);
        *out = (struct call_send){ MSG_REVEAL, &c->reveal };
        return OK;
    }
    rng_fill(c->p->rng, g->op_fetch, ID_BYTES);
    memcpy(c->fetch.op, g->op_fetch, ID_BYTES);
    memcpy(c->fetch.request, g->request, ID_BYTES);
    *out = (struct call_send){ MSG_FETCH, &c->fetch };
    return OK;
}

/* A request that is no more, in whichever way the node says so. */
static enum err over(enum err e)
{
    bool gone = e == ERR_UNKNOWN || e == ERR_STATE || e == ERR_USED || e == ERR_CONFLICT;
    return gone ? ERR_EXPIRED : e;
}

static enum err confirm_step(struct call *call, const struct call_reply *reply,
                             struct call_send *out)
{
    struct confirm *c = call->ctx;
    if (reply == NULL) {
        guardian_seen(c->g, call, c->p->now());
        return next_message(c, out);
    }
    /* Refused while it was being opened: known, and to be said. */
    if (reply->err == ERR_STOPPED) {
        c->g->request_state = STATE_REFUSED;
        return OK;
    }
    if (reply->err != OK)
        return over(reply->err);
    if (reply->kind == MSG_FETCH)
        return take_state(c, reply->rep);
    if (reply->kind == MSG_OPEN)
        TRY(take_view(c, ((const struct rep_open *)reply->rep)->view));
    else
        c->g->request_state = ((const struct rep_reveal *)reply->rep)->state;
    return next_message(c, out);
}

enum err confirm_round(struct day *d, struct day_guardian *g, const struct root_key *root,
                       const struct params *p, struct bytes *out_stated,
                       struct guardian_talk *out)
{
    AUTO_SECRET struct confirm *c = NULL;
    struct call call;
    TRY(secret_new(&c));
    c->d = d;
    c->g = g;
    c->p = p;
    TRY(guardian_account(root, g, &c->keys));
    guardian_call_owner(&call, g, &c->keys);
    call.step = confirm_step;
    call.ctx = c;
    TRY(guardian_round(&call, g, p));
    /* A nonce serves one view: one that was perhaps shown is never shown again. */
    if (g->view.n == 0)
        confirm_forget(g);
    *out_stated = c->stated;
    return guardian_talk_end(g, &call, false, out);
}
