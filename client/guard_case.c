/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guard_part.h"

/* ---- fetching ---- */

struct fetch {
    struct day *day;
    struct guard_case *out;
    struct req_request one;
    struct req_box_get box;
};

/* Whether this program has a screen that says what such a request asks for. */
static bool is_understood(const struct view *v)
{
    static const uint8_t purposes[] = {
        [REQUEST_RESTORE] = 1U << PURPOSE_RESTORE,
        [REQUEST_CONFIRM] = 1U << PURPOSE_ENROL | 1U << PURPOSE_EPOCH | 1U << PURPOSE_END,
        [REQUEST_MOVE] = 1U << PURPOSE_MOVE,
    };

    return v->kind < sizeof purposes && v->purpose <= PURPOSE_MOVE &&
           (purposes[v->kind] >> v->purpose & 1) != 0;
}

uint32_t guard_subject(const struct view *v)
{
    uint32_t i = 0;

    while (i < v->n_epochs &&
           (v->purpose != PURPOSE_EPOCH ||
            !bytes_equal(BYTES_OF(v->epochs[i].manifest_hash), BYTES_OF(v->subject))))
        i++;
    return i;
}

/* What the node says must hang together before a person sees it. */
static enum err check_request(const struct call *c, struct guard_case *k)
{
    uint8_t commitment[HASH_BYTES];
    const struct request_line *line = &k->rep.line[0];

    TRY(view_open(k->rep.view, c->hello.node_sign, &k->view));
    if (k->view.kind != line->kind || k->view.purpose != line->purpose ||
        !bytes_equal(BYTES_OF(k->view.request), BYTES_OF(line->request)) ||
        !bytes_equal(BYTES_OF(k->view.ward), BYTES_OF(line->ward)))
        return ERR_SIGNATURE;
    if (!is_understood(&k->view))
        return ERR_VERSION;
    commitment_of(k->rep.nonce, commitment);
    if (!bytes_equal(BYTES_OF(commitment), BYTES_OF(k->rep.commitment)))
        return ERR_AUTH;
    return OK;
}

/* Nothing can be judged or opened any more. */
static bool is_over(const struct guard_case *k)
{
    unsigned state = k->rep.line[0].state;

    return state == STATE_REFUSED || state == STATE_EXPIRED;
}

/* The node gives boxes while an answer may still come. */
static uint32_t boxes_wanted(const struct guard_case *k)
{
    bool gone = is_over(k) || k->rep.line[0].state == STATE_RELEASED;

    return gone ? 0 : k->view.n_epochs;
}

static enum err got_request(struct call *c, struct fetch *f,
                            const struct call_reply *reply)
{
    const struct rep_request *rep = reply->rep;
    struct guard_case *k = f->out;

    TRY(reply->err);
    if (rep->n_line != 1 ||
        !bytes_equal(BYTES_OF(rep->line[0].request), BYTES_OF(f->one.request)))
        return ERR_FORMAT;
    k->rep = *rep;
    k->rep.view = day_keep(f->day, rep->view);
    k->rep.claimed = day_keep(f->day, rep->claimed);
    k->rep.introduction = day_keep(f->day, rep->introduction);
    return is_over(k) ? OK : check_request(c, k);
}

static void got_box(struct fetch *f, const struct call_reply *reply)
{
    struct guard_case *k = f->out;
    const struct rep_box_get *rep = reply->rep;
    uint32_t i = k->n_boxes++;

    k->box_err[i] = reply->err;
    if (reply->err != OK)
        return;
    k->boxes[i] = *rep;
    k->boxes[i].box_piece = day_keep(f->day, rep->box_piece);
    k->boxes[i].box_roster = day_keep(f->day, rep->box_roster);
    k->boxes[i].manifest = day_keep(f->day, rep->manifest);
    k->boxes[i].descriptor = day_keep(f->day, rep->descriptor);
}

static enum err fetch_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out_send)
{
    struct fetch *f = c->ctx;

    if (reply == NULL) {
        *out_send = (struct call_send){ MSG_REQUEST, &f->one };
        return OK;
    }
    if (reply->kind == MSG_REQUEST)
        TRY(got_request(c, f, reply));
    else
        got_box(f, reply);
    if (f->out->n_boxes == boxes_wanted(f->out))
        return OK;
    memcpy(f->box.request, f->one.request, ID_BYTES);
    f->box.epoch = f->out->view.epochs[f->out->n_boxes].epoch;
    *out_send = (struct call_send){ MSG_BOX_GET, &f->box };
    return OK;
}

enum err guard_fetch(const struct params *p, struct day *d, struct day_seat *s,
                     const uint8_t request[ID_BYTES], struct guard_case *out,
                     struct call *out_call)
{
    struct fetch f = { .day = d, .out = out };

    *out = (struct guard_case){ 0 };
    memcpy(f.one.request, request, ID_BYTES);
    return guard_talk_once(p, s, fetch_step, &f, out_call);
}

bool guard_retired(const struct guard_case *c, const enum err *opened, uint32_t i)
{
    const struct view_epoch *e = c->view.epochs;

    for (uint32_t k = 0; c->box_err[i] == ERR_UNKNOWN && k < c->n_boxes; k++)
        if (e[k].epoch > e[i].epoch && opened[k] == OK)
            return true;
    return false;
}

/* ---- judging ---- */

enum err guard_transcript(const struct guard_case *c, const struct guard_who *who,
                          struct buf *out)
{
    struct transcript t = { .view = c->rep.view };

    memcpy(t.req_static, c->rep.req_static, PUB_BYTES);
    memcpy(t.req_seal, c->rep.req_seal, PUB_BYTES);
    memcpy(t.req_sign, c->rep.req_sign, PUB_BYTES);
    memcpy(t.node_key, who->node_key, PUB_BYTES);
    memcpy(t.guard_sign, who->sign_pub, PUB_BYTES);
    memcpy(t.guard_seal, who->seal_pub, PUB_BYTES);
    if (c->view.kind == REQUEST_CONFIRM)
        memcpy(t.owner, who->owner, PUB_BYTES);
    transcript_put(&t, out);
    return out->over ? ERR_TOO_BIG : OK;
}

/* The right words, while they are compared. */
struct right {
    uint8_t out[WORDS_OUT];
    uint16_t words[WORDS_CALL];
};

enum err guard_judge(const uint16_t typed[WORDS_CALL], struct bytes t,
                     const uint8_t nonce[WORDS_NONCE], struct cost cost,
                     struct guard_verdict *out)
{
    AUTO_SECRET struct right *right = NULL;

    TRY(secret_new(&right));
    TRY(words_call(t, nonce, cost, right->out));
    words_from_bytes(right->out, WORDS_CALL, right->words);
    *out = (struct guard_verdict){ .verdict =
                                       words_compare(typed, right->words, WORDS_CALL) };
    if (out->verdict == WORDS_RIGHT)
        words_from_bytes(right->out + 8, WORDS_ANSWER, out->answer);
    return OK;
}

enum err guard_answer(struct bytes t, const uint8_t nonce[WORDS_NONCE], struct cost cost,
                      struct guard_verdict *out)
{
    AUTO_SECRET struct right *right = NULL;

    TRY(secret_new(&right));
    TRY(words_call(t, nonce, cost, right->out));
    *out = (struct guard_verdict){ .verdict = WORDS_RIGHT };
    words_from_bytes(right->out + 8, WORDS_ANSWER, out->answer);
    return OK;
}

/* ---- opening ---- */

/* The root before this one sealed what an older epoch holds. */
static bool is_before(const struct guard_who *who, const uint8_t owner[PUB_BYTES])
{
    static const uint8_t none[PUB_BYTES];

    return !bytes_equal(BYTES_OF(who->before), BYTES_OF(none)) &&
           bytes_equal(BYTES_OF(who->before), bytes_of(owner, PUB_BYTES));
}

static bool is_ours(const struct guard_who *who, const struct box_content *c)
{
    return bytes_equal(BYTES_OF(c->circle), BYTES_OF(who->circle)) &&
           (bytes_equal(BYTES_OF(c->owner), BYTES_OF(who->owner)) ||
            is_before(who, c->owner));
}

static void keep_text(struct bytes text, uint8_t *out, size_t cap, size_t *out_n)
{
    *out_n = text.n < cap ? text.n : cap;
    if (*out_n > 0)
        memcpy(out, text.p, *out_n);
}

static enum err open_box(const struct guard_who *who, const struct box_about *about,
                         const struct rep_box_get *box, struct guard_piece *out)
{
    AUTO_SECRET uint8_t *plain = NULL;
    AUTO_SECRET struct box_content *c = NULL;
    struct span room = { 0 };

    TRY(secret_alloc(BOX_MAX, (void **)&plain));
    TRY(secret_new(&c));
    room = (struct span){ plain, BOX_MAX };
    TRY(box_open(BOX_OF_PIECE, about, &who->keys->seal, box->box_piece, room, c));
    if (!is_ours(who, c))
        return ERR_CONFLICT;
    out->by_before = is_before(who, c->owner);
    memcpy(out->piece, c->piece, PIECE_BYTES);
    memcpy(out->manifest_key.b, c->key, KEY_BYTES);
    keep_text(c->about, out->about, sizeof out->about, &out->about_n);
    /* Without the roster key a piece is still a piece. */
    enum err e =
        box_open(BOX_OF_ROSTER, about, &who->keys->seal, box->box_roster, room, c);
    if (e == ERR_NOMEM)
        return e;
    out->has_roster = e == OK && is_ours(who, c);
    if (out->has_roster)
        memcpy(out->roster_key.b, c->key, KEY_BYTES);
    return OK;
}

static bool is_listed(const struct manifest *m, const uint8_t approval[PUB_BYTES])
{
    static const uint8_t zero[PUB_BYTES];

    if (bytes_equal(BYTES_OF(zero), bytes_of(approval, PUB_BYTES)))
        return false;
    for (uint32_t i = 0; i < m->n_pieces; i++)
        if (bytes_equal(BYTES_OF(m->pieces[i].approval), bytes_of(approval, PUB_BYTES)))
            return true;
    return false;
}

/* The piece is the one that the owner's manifest gives to this guardian. */
static enum err check_piece(const struct guard_who *who, const struct view_epoch *line,
                            const struct rep_box_get *box, const struct manifest *m,
                            const struct guard_piece *p)
{
    uint8_t pub[PUB_BYTES];

    if (m->epoch != line->epoch)
        return ERR_CORRUPT;
    if (!bytes_equal(BYTES_OF(m->circle), BYTES_OF(who->circle)) ||
        !bytes_equal(BYTES_OF(m->owner),
                     p->by_before ? BYTES_OF(who->before) : BYTES_OF(who->owner)))
        return ERR_CONFLICT;
    piece_public(p->piece, pub);
    const struct manifest_piece *own = manifest_find(m, pub);
    if (own == NULL || own->kind != PIECE_NODE || own->group != box->group ||
        own->index != box->index ||
        !bytes_equal(BYTES_OF(own->approval), BYTES_OF(who->approval_pub)))
        return ERR_CORRUPT;
    return OK;
}

static enum err open_manifest(const struct view_epoch *line,
                              const struct rep_box_get *box, const struct guard_piece *p,
                              struct manifest *out)
{
    AUTO_FREE uint8_t *raw = calloc(1, MANIFEST_MAX);
    size_t n = 0;

    if (raw == NULL)
        return ERR_NOMEM;
    TRY(manifest_unseal(&p->manifest_key, line->manifest_hash, box->manifest,
                        (struct span){ raw, MANIFEST_MAX }, &n));
    return manifest_open(bytes_of(raw, n), out);
}

static struct guard_plan plan_of(const struct manifest *m)
{
    struct guard_plan plan = { .need = manifest_need(m), .of = m->n_pieces };

    for (uint32_t i = 0; i < m->n_pieces; i++)
        plan.cards += m->pieces[i].kind == PIECE_CARD;
    return plan;
}

enum err guard_open_whole(const struct guard_who *who, const struct view_epoch *line,
                          const struct rep_box_get *box, struct manifest *m,
                          struct guard_piece *out)
{
    AUTO_SECRET struct guard_piece *p = NULL;
    struct box_about about = { .epoch = line->epoch,
                               .group = box->group,
                               .index = box->index };

    TRY(secret_new(&p));
    memcpy(about.manifest_hash, line->manifest_hash, HASH_BYTES);
    memcpy(about.seat, who->seat, SEAT_BYTES);
    memcpy(about.seal_pub, who->seal_pub, PUB_BYTES);
    TRY(open_box(who, &about, box, p));
    TRY(open_manifest(line, box, p, m));
    TRY(check_piece(who, line, box, m, p));
    p->plan = plan_of(m);
    p->same_people = descriptor_fits(box->descriptor, m, line->manifest_hash) == OK;
    *out = *p;
    return OK;
}

enum err guard_open(const struct guard_who *who, const struct view_epoch *line,
                    const struct rep_box_get *box, const uint8_t introducer[PUB_BYTES],
                    struct guard_piece *out)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);

    if (m == NULL)
        return ERR_NOMEM;
    TRY(guard_open_whole(who, line, box, m, out));
    out->introducer_listed = is_listed(m, introducer);
    return OK;
}

bool guard_may_change(const struct guard_piece *p)
{
    return !p->by_before && p->same_people;
}

/* ---- approving ---- */

/* From an opened piece to the box that its requester opens. */
static enum err release(const struct guard_case *c, const struct params *p,
                        struct bytes t, uint32_t i, struct guard_piece *piece,
                        struct buf *out)
{
    if (p->before_release != NULL)
        p->before_release(piece->piece);
    return release_seal(c->rep.req_seal, t, c->view.epochs[i].manifest_hash, piece->piece,
                        &piece->manifest_key, p->rng, out);
}

/* The roster key of the newest epoch, and the introduction that goes with it. */
static enum err release_roster(const struct guard_case *c, const struct guard_who *who,
                               const struct params *p, const struct guard_piece *piece,
                               struct guard_approval *out)
{
    struct introduction in = { .until = p->now() + GUARD_LINK_S };
    struct buf roster = BUF_OF(out->roster);
    struct buf intro = BUF_OF(out->introduction);
    struct bytes t = bytes_of(out->t, out->t_n);

    TRY(release_roster_seal(c->rep.req_seal, t, c->view.epochs[0].manifest_hash,
                            &piece->roster_key, p->rng, &roster));
    memcpy(in.req_sign, c->rep.req_sign, PUB_BYTES);
    memcpy(in.manifest_hash, c->view.epochs[0].manifest_hash, HASH_BYTES);
    introduction_make(&in, who->approval, &intro);
    if (roster.over || intro.over)
        return ERR_TOO_BIG;
    out->req.roster_box = buf_bytes(&roster);
    out->req.introduction = buf_bytes(&intro);
    return OK;
}

/* One epoch of the view: what is in its boxes goes to the requester of a restore. */
static enum err approve_epoch(const struct guard_case *c, const struct guard_who *who,
                              const struct params *p, uint32_t i,
                              struct guard_approval *out)
{
    AUTO_SECRET struct guard_piece *piece = NULL;
    struct approve_box *box = &out->req.boxes[out->req.n_boxes];
    struct buf b = BUF_OF(out->boxes[i]);

    TRY(secret_new(&piece));
    out->opened[i] = c->box_err[i];
    if (out->opened[i] == OK)
        out->opened[i] =
            guard_open(who, &c->view.epochs[i], &c->boxes[i], c->rep.introducer, piece);
    if (out->opened[i] == ERR_NOMEM)
        return ERR_NOMEM;
    /* What a change is about must open, and be what it says it is. */
    if (i == guard_subject(&c->view) &&
        (out->opened[i] != OK || !guard_may_change(piece)))
        return ERR_CORRUPT;
    if (out->opened[i] != OK || c->view.kind != REQUEST_RESTORE)
        return OK;
    if (i == 0 && piece->has_roster)
        TRY(release_roster(c, who, p, piece, out));
    TRY(release(c, p, bytes_of(out->t, out->t_n), i, piece, &b));
    if (b.over)
        return ERR_TOO_BIG;
    *box = (struct approve_box){ c->view.epochs[i].epoch, buf_bytes(&b) };
    out->req.n_boxes++;
    return OK;
}

/* When the piece may go at the earliest, as far as the view tells. */
static uint64_t not_before(const struct view *v, uint64_t now)
{
    uint64_t hold = v->n_epochs > 0 ? v->epochs[0].hold : 0;

    if (v->kind == REQUEST_CONFIRM || hold == 0)
        return now;
    return v->opened + hold > now + 3600 ? v->opened + hold : now + 3600;
}

static enum err make_statement(const struct guard_case *c, const struct guard_who *who,
                               uint64_t now, enum how how, struct guard_approval *out)
{
    struct buf b = BUF_OF(out->signed_statement);
    struct statement *s = &out->statement;

    *s = (struct statement){ .kind = c->view.kind,
                             .purpose = c->view.purpose,
                             .n_epochs = c->view.n_epochs,
                             .how = (uint8_t)how,
                             .not_before = not_before(&c->view, now),
                             .time = now };
    memcpy(s->subject, c->view.subject, sizeof s->subject);
    memcpy(s->request, c->view.request, ID_BYTES);
    memcpy(s->req_sign, c->rep.req_sign, PUB_BYTES);
    for (uint32_t i = 0; i < s->n_epochs; i++) {
        s->epochs[i].epoch = c->view.epochs[i].epoch;
        s->epochs[i].opened = out->opened[i] == OK ? 1 : 2;
        memcpy(s->epochs[i].manifest_hash, c->view.epochs[i].manifest_hash, HASH_BYTES);
    }
    transcript_hash(bytes_of(out->t, out->t_n), s->t_hash);
    statement_make(s, who->approval, &b);
    out->req.statement = buf_bytes(&b);
    return b.over ? ERR_TOO_BIG : OK;
}

enum err guard_approve(const struct guard_case *c, const struct guard_who *who,
                       const struct params *p, enum how how,
                       const uint8_t try_op[ID_BYTES], struct guard_approval *out)
{
    struct buf t = BUF_OF(out->t);

    /* A person's yes never covers what was not on the screen. */
    if (!is_understood(&c->view))
        return ERR_VERSION;
    if (c->view.purpose == PURPOSE_EPOCH && guard_subject(&c->view) == c->view.n_epochs)
        return ERR_CORRUPT;
    TRY(guard_transcript(c, who, &t));
    out->t_n = t.n;
    for (uint32_t i = 0; i < c->view.n_epochs; i++)
        TRY(approve_epoch(c, who, p, i, out));
    TRY(make_statement(c, who, p->now(), how, out));
    rng_fill(p->rng, out->req.op, ID_BYTES);
    memcpy(out->req.request, c->view.request, ID_BYTES);
    memcpy(out->req.try_op, try_op, ID_BYTES);
    return OK;
}
