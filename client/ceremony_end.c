/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_end.h"

#include "client/circle.h"

static const struct confirm_about about_end = { .purpose = PURPOSE_END };

bool end_has_node(const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->n_node == 1 && g->progress >= GUARDIAN_ENROLLED;
}

bool end_over(const struct day_guardian *g, uint64_t now)
{
    return g->ended != 0 || g->left != 0 || (g->end_due != 0 && g->end_due <= now);
}

bool end_gave_up(const struct day_guardian *g)
{
    return g->left != 0 && g->ending == 0;
}

enum end_stand end_stand(const struct day_guardian *g)
{
    if (g->ended != 0)
        return END_DONE;
    if (end_gave_up(g))
        return END_LEFT;
    if (g->end_due != 0)
        return END_PLANNED;
    return g->end_said.n > 0 ? END_AGREED : END_CALL;
}

const char *end_stand_name(enum end_stand s)
{
    static const char *const names[] = { [END_CALL] = "call",
                                         [END_AGREED] = "agreed",
                                         [END_PLANNED] = "planned",
                                         [END_LEFT] = "left",
                                         [END_DONE] = "ended" };
    return names[s];
}

bool end_settled(const struct day_guardian *g)
{
    return end_stand(g) >= END_LEFT;
}

bool end_asks(const struct day_guardian *g)
{
    return g->ask_purpose == PURPOSE_END && g->request_state >= STATE_OPENED &&
           g->request_state < STATE_RELEASED && !end_settled(g);
}

unsigned end_missing(const struct day *d)
{
    struct circle_count said = { { 0 } };
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++) {
        uint8_t group = 0;
        uint8_t index = 0;
        circle_place(&d->me, i, &group, &index);
        said.of[group] += d->guardians[i].end_said.n > 0;
    }
    return d->me.epoch > 0 ? circle_missing(&d->me, &said) : 0;
}

bool end_enough(const struct day *d)
{
    return d->me.epoch > 0 && end_missing(d) == 0;
}

/* ---- the guardians' words ---- */

static enum err ask_once(struct day *d, struct day_guardian *g,
                         const struct root_key *root, const struct params *p,
                         struct guardian_talk *out)
{
    struct bytes stated = { 0 };
    /* A no was seen by the last run: this one asks again. */
    bool no = g->request_state == STATE_REFUSED;
    if (no || !confirm_open(g) || !confirm_is(g, &about_end))
        confirm_draw(g, &about_end, p->rng);
    TRY(confirm_round(d, g, root, p, &stated, out));
    if (stated.n == 0)
        return OK;
    g->end_said = stated;
    confirm_forget(g);
    return OK;
}

enum err end_ask(struct day *d, struct day_guardian *g, const struct root_key *root,
                 const struct params *p, struct guardian_talk *out)
{
    enum err e = ask_once(d, g, root, p, out);
    if (e != ERR_EXPIRED)
        return e;
    confirm_forget(g);
    e = ask_once(d, g, root, p, out);
    return e == ERR_EXPIRED ? ERR_STATE : e;
}

/* A word that nodes would not count any more is asked for again. */
static void forget_old(struct day_guardian *g, uint64_t now)
{
    struct statement s = { 0 };
    bool good = g->end_said.n > 0 && statement_open(g->end_said, g->approval, &s) == OK &&
                s.time + CERT_LIFE_S > now;
    if (!good)
        g->end_said = (struct bytes){ 0 };
}

/* ---- at the nodes ---- */

struct visit {
    struct day *d;
    struct day_guardian *g;
    bool sent;
    struct req_ward_end req;
};

/* What a node says it erased, it signs. */
static enum err take_receipt(struct visit *v, const struct rep_ward_end *rep)
{
    struct ended_receipt r = { 0 };
    TRY(ended_receipt_open(rep->receipt, v->g->node[0].node_sign, &r));
    if (!bytes_equal(BYTES_OF(r.ward), BYTES_OF(v->g->ward)))
        return ERR_SIGNATURE;
    v->g->end_receipt = day_keep(v->d, rep->receipt);
    v->g->ended = v->g->left = rep->left;
    v->g->ending = rep->due;
    v->g->retired = v->d->me.epoch + 1; /* all of them */
    return OK;
}

static enum err end_step(struct call *c, const struct call_reply *reply,
                         struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        memcpy(v->g->node[0].node_sign, c->hello.node_sign, PUB_BYTES);
        v->sent = true;
        *out = (struct call_send){ MSG_WARD_END, &v->req };
        return OK;
    }
    v->sent = false;
    /* Taken back from elsewhere: nothing is planned, and their own word is too old. */
    if (reply->err == ERR_CERT) {
        v->g->end_due = v->g->ending = 0;
        v->g->end_said = (struct bytes){ 0 };
    }
    TRY(reply->err);
    const struct rep_ward_end *rep = reply->rep;
    if (rep->left != 0)
        return take_receipt(v, rep);
    v->g->end_due = v->g->ending = rep->due;
    if (v->req.cancel != 0 && end_asks(v->g))
        v->g->request_state = STATE_EXPIRED;
    return OK;
}

static enum err people_of(const struct day *d, struct buf *out)
{
    AUTO_FREE struct cert *cert = calloc(1, sizeof *cert);
    if (cert == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < d->n_guardians && cert->n_lines < PIECES_MAX; i++)
        if (d->guardians[i].end_said.n > 0)
            cert->lines[cert->n_lines++].statement = d->guardians[i].end_said;
    if (cert->n_lines > 0)
        cert_put(cert, out);
    return out->over ? ERR_TOO_BIG : OK;
}

static enum err visit_all(struct owner_round *r, struct day *d, struct day_guardian *only,
                          const struct root_key *root, const struct params *p,
                          const struct req_ward_end *what)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct day_guardian *g = &d->guardians[i];
        struct visit *v = NULL;
        bool done = what->cancel != 0 ? end_settled(g) : g->ended != 0;
        if (!end_has_node(g) || done || (only != NULL && only != g))
            continue;
        TRY(owner_round_add(r, root, g, end_step, (void **)&v));
        v->d = d;
        v->g = g;
        v->req = *what;
        rng_fill(p->rng, v->req.op, ID_BYTES);
        memcpy(v->req.ward, g->ward, ID_BYTES);
    }
    return OK;
}

/* Whatever it says: it is not what the node had to sign. */
static void say_unproven(struct end_told *t)
{
    if (t->talk.err == ERR_SIGNATURE)
        (void)snprintf(
            t->talk.why, sizeof t->talk.why,
            "%.*s's node says that it erased your piece, and did not sign that "
            "as it should.",
            (int)t->g->name.n, (const char *)t->g->name.p);
}

/* To all nodes that are not done, or that one. */
static enum err order(struct day *d, struct day_guardian *only,
                      const struct root_key *root, const struct params *p,
                      const struct req_ward_end *what, struct end_told *out_told,
                      size_t *out_n)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    TRY(owner_round_new(&r, d->n_guardians, sizeof(struct visit)));
    TRY(visit_all(&r, d, only, root, p, what));
    if (r.n > 0)
        TRY(call_round(r.calls, r.n, p->round_ms, p->rng));
    for (size_t i = 0; i < r.n; i++) {
        const struct visit *v = r.calls[i].ctx;
        guardian_seen(v->g, &r.calls[i], p->now());
        out_told[i].g = v->g;
        /* What became of it is the talk's, and the guardian's entry. */
        (void)guardian_talk_end(v->g, &r.calls[i], v->sent, &out_told[i].talk);
        say_unproven(&out_told[i]);
    }
    *out_n = r.n;
    return OK;
}

enum err end_round(struct day *d, struct day_guardian *only, const struct root_key *root,
                   const struct params *p, struct end_told *out_told, size_t *out_n)
{
    AUTO_FREE uint8_t *raw = calloc(1, CERT_PEOPLE_MAX);
    if (raw == NULL)
        return ERR_NOMEM;
    struct buf people = { .p = raw, .cap = CERT_PEOPLE_MAX };
    for (size_t i = 0; i < d->n_guardians; i++)
        forget_old(&d->guardians[i], p->now());
    TRY(people_of(d, &people));
    const struct req_ward_end what = { .people = buf_bytes(&people) };
    return order(d, only, root, p, &what, out_told, out_n);
}

void end_forget(struct day *d)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct day_guardian *g = &d->guardians[i];
        g->end_said = (struct bytes){ 0 };
        if (g->ask_purpose == PURPOSE_END)
            confirm_forget(g);
    }
    d->me.end_wanted = 0;
}

size_t end_planned(const struct day *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_guardians; i++)
        n += end_stand(&d->guardians[i]) == END_PLANNED;
    return n;
}

enum err end_cancel(struct day *d, const struct root_key *root, const struct params *p,
                    struct end_told *out_told, size_t *out_n)
{
    static const struct req_ward_end what = { .cancel = 1 };
    end_forget(d);
    return order(d, NULL, root, p, &what, out_told, out_n);
}
