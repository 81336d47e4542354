/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/changing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- the node and its people ---- */

static const struct sign_seed *approval_of(const struct changing *w, size_t who)
{
    return who == HERE ? &w->o.approval : &w->people[who];
}

struct changing *changing_new(uint64_t seed)
{
    struct changing *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, seed);
    sim_seat(&w->n, &w->a);
    sim_ward(&w->n, &w->a, &w->o);
    sim_ward(&w->n, &w->a, &w->other);
    rng_fill(&w->n.rng, (uint8_t *)w->people, sizeof w->people);
    rng_fill(&w->n.rng, (uint8_t *)w->nodes, sizeof w->nodes);
    w->t = 2;
    return w;
}

void changing_free(struct changing *w)
{
    node_sim_close(&w->n);
    free(w);
}

/* ---- epochs ---- */

void change_made(struct changing *w, uint32_t epoch, const uint8_t ack[PUB_BYTES])
{
    struct sim_epoch *e = &w->made[epoch].e;

    sim_epoch_fill(&w->n, &w->o, epoch, ack, e);
    e->d.groups[0].t = w->t;
    for (size_t i = 0; i < PEOPLE; i++) {
        if (i == HERE)
            continue;
        crypt_sign_public(&w->people[i], e->d.pieces[i].approval);
        crypt_sign_public(&w->nodes[i], e->d.pieces[i].ack);
    }
    sim_epoch_name(&w->o, e);
    w->made[epoch].ack = (struct bytes){ 0 };
}

enum err change_next(struct changing *w, uint32_t epoch)
{
    struct req_epoch_next req = { .epoch = epoch };
    struct rep_epoch_next rep = { 0 };

    sim_op(&w->n, req.op);
    TRY(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &req, &rep));
    change_made(w, epoch, rep.ack);
    return OK;
}

enum err change_prepare(struct changing *w, uint32_t epoch)
{
    struct rep_epoch_prepare rep = { 0 };

    sim_op(&w->n, w->made[epoch].e.req.op);
    return node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_PREPARE, &w->made[epoch].e.req, &rep);
}

enum err change_commit(struct changing *w, uint32_t epoch)
{
    struct req_epoch_commit req = { .epoch = epoch };
    struct rep_epoch_commit rep = { 0 };
    struct made *m = &w->made[epoch];
    struct buf b = BUF_OF(m->ack_mem);

    sim_op(&w->n, req.op);
    memcpy(req.manifest_hash, m->e.hash, HASH_BYTES);
    TRY(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_COMMIT, &req, &rep));
    buf_put(&b, rep.ack);
    m->ack = buf_bytes(&b);
    return OK;
}

void change_epoch(struct changing *w, uint32_t epoch)
{
    assert_int_equal(change_next(w, epoch), OK);
    assert_int_equal(change_prepare(w, epoch), OK);
    assert_int_equal(change_commit(w, epoch), OK);
}

static enum err confirm_fn(struct call *c, void *arg)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, arg, &ward));
    return ward_confirm(c, &ward);
}

void change_confirmed(struct changing *w)
{
    assert_int_equal(node_sim_write(&w->n, &w->a.who, confirm_fn, w->o.ward), OK);
}

/* ---- what people and machines say ---- */

static struct say say_of(const struct changing *w, size_t who, enum purpose purpose,
                         uint32_t epoch)
{
    struct say say = { .by = approval_of(w, who) };
    struct statement *s = &say.s;

    s->kind = REQUEST_CONFIRM;
    s->purpose = (uint8_t)purpose;
    s->n_epochs = 1;
    s->epochs[0] = (struct statement_epoch){ .epoch = epoch, .opened = 1 };
    memcpy(s->epochs[0].manifest_hash, w->made[epoch].e.hash, HASH_BYTES);
    s->how = HOW_CALLED;
    s->time = w->n.now;
    memset(s->request, (int)(who + 1), ID_BYTES);
    memset(s->req_sign, 7, PUB_BYTES);
    return say;
}

struct say say_epoch(const struct changing *w, size_t who, uint32_t epoch)
{
    struct say say = say_of(w, who, PURPOSE_EPOCH, epoch);

    memcpy(say.s.subject, w->made[epoch].e.hash, HASH_BYTES);
    return say;
}

struct say say_end(const struct changing *w, size_t who, uint32_t epoch)
{
    return say_of(w, who, PURPOSE_END, epoch);
}

struct bytes people_of(const struct say *say, size_t n, uint8_t mem[PROOF])
{
    static uint8_t lines[PIECES_MAX][SIGNED_MAX];
    static struct cert cert;
    struct buf out = { .p = mem, .cap = PROOF };

    cert = (struct cert){ 0 };
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_OF(lines[i]);

        statement_make(&say[i].s, say[i].by, &b);
        assert_false(b.over);
        cert.lines[cert.n_lines++].statement = buf_bytes(&b);
    }
    cert_put(&cert, &out);
    assert_false(out.over);
    return buf_bytes(&out);
}

static struct bytes people(const struct changing *w, unsigned mask, uint32_t epoch,
                           struct say (*of)(const struct changing *, size_t, uint32_t),
                           uint8_t mem[PROOF])
{
    struct say say[PEOPLE];
    size_t n = 0;

    for (size_t i = 0; i < PEOPLE; i++)
        if (mask & (1U << i))
            say[n++] = of(w, i, epoch);
    return people_of(say, n, mem);
}

struct bytes people_epoch(const struct changing *w, unsigned mask, uint32_t epoch,
                          uint8_t mem[PROOF])
{
    return people(w, mask, epoch, say_epoch, mem);
}

struct bytes people_end(const struct changing *w, unsigned mask, uint32_t epoch,
                        uint8_t mem[PROOF])
{
    return people(w, mask, epoch, say_end, mem);
}

struct bytes machines_of(const struct changing *w, unsigned mask, uint32_t epoch,
                         uint8_t mem[PROOF])
{
    static uint8_t raw[PEOPLE][512];
    static struct cert_acks acks;
    struct ack ack = { .state = EPOCH_ACTIVE, .epoch = epoch, .time = w->n.now };
    struct buf out = { .p = mem, .cap = PROOF };

    acks = (struct cert_acks){ 0 };
    memcpy(ack.manifest_hash, w->made[epoch].e.hash, HASH_BYTES);
    for (size_t i = 0; i < PEOPLE; i++) {
        struct buf b = BUF_OF(raw[i]);

        if ((mask & (1U << i)) == 0)
            continue;
        if (i == HERE)
            buf_put(&b, w->made[epoch].ack);
        else
            ack_make(&ack, &w->nodes[i], &b);
        acks.acks[acks.n_acks++].ack = buf_bytes(&b);
    }
    cert_acks_put(&acks, &out);
    assert_false(out.over);
    return buf_bytes(&out);
}

/* ---- asking ---- */

enum err ask_retire(struct changing *w, struct req_retire *req, struct rep_retire *out)
{
    struct rep_retire rep = { 0 };

    sim_op(&w->n, req->op);
    TRY(node_sim_ask(&w->n, &w->o.who, MSG_RETIRE, req, &rep));
    if (out != NULL)
        *out = rep;
    return OK;
}

enum err retire(struct changing *w, uint32_t epoch, struct rep_retire *out)
{
    static uint8_t p[PROOF];
    static uint8_t m[PROOF];
    struct req_retire req = { .epoch = epoch };

    memcpy(req.manifest_hash, w->made[epoch].e.hash, HASH_BYTES);
    req.people = people_epoch(w, SAY_ALL, epoch, p);
    req.machines = machines_of(w, SAY_ALL, epoch, m);
    return ask_retire(w, &req, out);
}

enum err ask_cert(struct changing *w, const struct session *who, uint32_t epoch,
                  struct bytes people_, uint8_t *out_held)
{
    struct req_cert_put req = { .epoch = epoch, .people = people_ };
    struct rep_cert_put rep = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.manifest_hash, w->made[epoch].e.hash, HASH_BYTES);
    TRY(node_sim_ask(&w->n, who, MSG_CERT_PUT, &req, &rep));
    if (out_held != NULL)
        *out_held = rep.held;
    return OK;
}

enum err ask_abort(struct changing *w, uint32_t epoch)
{
    struct req_epoch_abort req = { .epoch = epoch };
    struct rep_epoch_abort rep = { 0 };

    sim_op(&w->n, req.op);
    return node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_ABORT, &req, &rep);
}

enum err ask_end(struct changing *w, const struct session *who, struct bytes people_,
                 struct rep_ward_end *out)
{
    struct req_ward_end req = { .people = people_ };
    struct rep_ward_end rep = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.ward, w->o.ward, ID_BYTES);
    TRY(node_sim_ask(&w->n, who, MSG_WARD_END, &req, &rep));
    if (out != NULL)
        *out = rep;
    return OK;
}

enum err ask_freeze(struct changing *w)
{
    struct req_freeze req = { 0 };
    struct rep_freeze rep = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.ward, w->o.ward, ID_BYTES);
    return node_sim_ask(&w->n, &w->a.who, MSG_FREEZE, &req, &rep);
}

struct rep_epoch_state state_of(struct changing *w, enum epoch_want want)
{
    struct req_epoch_state req = { .want = (uint8_t)want };
    struct rep_epoch_state rep = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_STATE, &req, &rep), OK);
    return rep;
}

const struct epoch_line *line_of(const struct rep_epoch_state *s, uint32_t epoch)
{
    for (uint32_t i = 0; i < s->n_epochs; i++)
        if (s->epochs[i].epoch == epoch)
            return &s->epochs[i];
    return NULL;
}

bool is_there(struct changing *w, uint32_t epoch)
{
    struct rep_epoch_state s = state_of(w, 0);

    return line_of(&s, epoch) != NULL;
}

bool is_confirmed(struct changing *w, uint32_t epoch)
{
    struct rep_epoch_state s = state_of(w, 0);
    const struct epoch_line *line = line_of(&s, epoch);

    return line != NULL && line->confirmed != 0;
}

static enum err tick_fn(struct txn *t, void *arg)
{
    struct changing *w = arg;
    bool more = false;

    TRY(serve_tick(t, &w->n.env, w->n.now, &more));
    return more ? ERR_BUSY : OK;
}

static enum err tick_once(struct txn *t, void *arg)
{
    struct changing *w = arg;
    bool more = false;

    return serve_tick(t, &w->n.env, w->n.now, &more);
}

void ticks(struct changing *w)
{
    int left = 50;

    while (left-- > 0 && store_write(w->n.store, tick_fn, w) == ERR_BUSY)
        assert_int_equal(store_write(w->n.store, tick_once, w), OK);
    assert_true(left > 0);
}

struct hearing {
    struct changing *w;
    enum record_event event;
    size_t n;
};

static enum err heard_fn(struct call *c, void *arg)
{
    static struct drop_entry lines[512];
    struct hearing *h = arg;
    struct record_ward ward = { 0 };
    size_t n = 0;

    TRY(ward_get(c, h->w->o.ward, &ward));
    TRY(drop_list(c, ward.alert, 0, lines, 512, &n));
    for (size_t i = 0; i < n; i++) {
        struct drop_event ev = { 0 };
        struct bytes blob = { 0 };

        TRY(drop_get(c, ward.alert, lines[i].seq, &blob));
        TRY(wire_get(&drop_event_schema, blob, &ev));
        h->n += ev.event == h->event;
    }
    return OK;
}

size_t heard(struct changing *w, enum record_event event)
{
    struct hearing h = { .w = w, .event = event };

    assert_int_equal(node_sim_write(&w->n, NULL, heard_fn, &h), OK);
    return h.n;
}

/* ---- people who ask ---- */

/* OPEN and REVEAL; the signed view to view. */
static struct bytes reveal(struct changing *w, const struct session *who,
                           const struct req_open *open, struct sim_asker *a,
                           struct buf *view)
{
    struct req_reveal req = { 0 };
    struct rep_open rep = { 0 };
    struct view v = { 0 };

    assert_int_equal(node_sim_ask(&w->n, who, MSG_OPEN, open, &rep), OK);
    buf_put(view, rep.view);
    assert_int_equal(view_open(buf_bytes(view), w->n.env.id->sign_pub, &v), OK);
    memcpy(a->request, v.request, ID_BYTES);
    sim_op(&w->n, req.op);
    memcpy(req.request, a->request, ID_BYTES);
    memcpy(req.nonce, a->nonce, sizeof a->nonce);
    assert_int_equal(node_sim_ask(&w->n, who, MSG_REVEAL, &req, NULL), OK);
    return buf_bytes(view);
}

static void t_hash(const struct changing *w, const struct req_open *open,
                   struct bytes view, uint8_t out[HASH_BYTES])
{
    struct transcript t = { .view = view };
    uint8_t mem[SIGNED_MAX];
    struct buf b = BUF_OF(mem);

    memcpy(t.req_static, open->stat, PUB_BYTES);
    memcpy(t.req_seal, open->seal, PUB_BYTES);
    memcpy(t.req_sign, open->sign, PUB_BYTES);
    memcpy(t.node_key, w->n.env.id->node_pub, PUB_BYTES);
    memcpy(t.guard_sign, w->a.sign_pub, PUB_BYTES);
    memcpy(t.guard_seal, w->a.seal_pub, PUB_BYTES);
    transcript_put(&t, &b);
    transcript_hash(buf_bytes(&b), out);
}

/* What the guardian's client says: held epochs open, a prepared one does not. */
static void fill(struct changing *w, const struct req_open *open, const struct view *v,
                 struct statement *s, struct req_approve *req)
{
    struct rep_epoch_state held = state_of(w, 0);

    s->kind = v->kind;
    s->purpose = v->purpose;
    s->how = HOW_CALLED;
    s->time = w->n.now;
    s->n_epochs = v->n_epochs;
    memcpy(s->subject, v->subject, sizeof s->subject);
    memcpy(s->request, v->request, ID_BYTES);
    memcpy(s->req_sign, open->sign, PUB_BYTES);
    for (uint32_t i = 0; i < v->n_epochs; i++) {
        const struct epoch_line *line = line_of(&held, v->epochs[i].epoch);
        bool opens = line != NULL && line->state != EPOCH_PREPARED;

        s->epochs[i].epoch = v->epochs[i].epoch;
        s->epochs[i].opened = opens ? 1 : 2;
        memcpy(s->epochs[i].manifest_hash, v->epochs[i].manifest_hash, HASH_BYTES);
        if (!opens || v->kind != REQUEST_RESTORE)
            continue;
        req->boxes[req->n_boxes].epoch = v->epochs[i].epoch;
        req->boxes[req->n_boxes++].box = bytes_text("re-sealed box");
    }
}

static enum err approve(struct changing *w, const struct req_open *open,
                        struct bytes view)
{
    static uint8_t mem[SIGNED_MAX];
    struct statement s = { 0 };
    struct req_approve req = { 0 };
    struct req_try try = { 0 };
    struct view v = { 0 };
    struct buf b = BUF_OF(mem);

    assert_int_equal(view_open(view, w->n.env.id->sign_pub, &v), OK);
    sim_op(&w->n, try.op);
    memcpy(try.request, v.request, ID_BYTES);
    TRY(node_sim_ask(&w->n, &w->a.who, MSG_TRY, &try, NULL));
    fill(w, open, &v, &s, &req);
    t_hash(w, open, view, s.t_hash);
    statement_make(&s, &w->o.approval, &b);
    req.statement = buf_bytes(&b);
    sim_op(&w->n, req.op);
    memcpy(req.request, v.request, ID_BYTES);
    memcpy(req.try_op, try.op, ID_BYTES);
    return node_sim_ask(&w->n, &w->a.who, MSG_APPROVE, &req, NULL);
}

static struct req_open asked; /* the last one */
static uint8_t asked_view[SIGNED_MAX];

static struct bytes begin(struct changing *w, struct sim_asker *a)
{
    struct buf view = BUF_OF(asked_view);

    sim_asker_new(&w->n, &w->o, a, &asked);
    return reveal(w, &a->who, &asked, a, &view);
}

void restore_live(struct changing *w, struct sim_asker *a)
{
    (void)begin(w, a); /* nobody looks at the view */
}

void restore_approved(struct changing *w, struct sim_asker *a)
{
    struct bytes view = begin(w, a);

    assert_int_equal(approve(w, &asked, view), OK);
}

void restore_released(struct changing *w, struct sim_asker *a)
{
    struct req_fetch req = { 0 };
    struct rep_fetch rep = { 0 };

    restore_approved(w, a);
    w->n.now += 3 * DAY + 3600;
    assert_int_equal(node_sim_login(&w->n, &a->login, &a->who), OK);
    sim_op(&w->n, req.op);
    memcpy(req.request, a->request, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &a->who, MSG_FETCH, &req, &rep), OK);
    assert_int_equal(rep.state, STATE_RELEASED);
}

enum err restore_refuse(struct changing *w, const struct sim_asker *a)
{
    struct req_refuse req = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.request, a->request, ID_BYTES);
    return node_sim_ask(&w->n, &w->a.who, MSG_REFUSE, &req, NULL);
}

struct bytes confirm_live(struct changing *w, enum purpose purpose, uint32_t epoch,
                          struct sim_asker *a)
{
    struct buf view = BUF_OF(asked_view);
    struct req_cred_new link;

    sim_asker_fill(&w->n, &w->o, a, &link, &asked);
    asked.kind = REQUEST_CONFIRM;
    asked.purpose = (uint8_t)purpose;
    if (epoch != 0)
        memcpy(asked.subject, w->made[epoch].e.hash, HASH_BYTES);
    return reveal(w, &w->o.who, &asked, a, &view);
}

enum err confirm(struct changing *w, enum purpose purpose, uint32_t epoch)
{
    struct sim_asker a;

    return approve(w, &asked, confirm_live(w, purpose, epoch, &a));
}

void confirm_fetched(struct changing *w, enum purpose purpose)
{
    struct req_fetch req = { 0 };
    struct rep_fetch rep = { 0 };
    struct sim_asker a;

    assert_int_equal(approve(w, &asked, confirm_live(w, purpose, 0, &a)), OK);
    sim_op(&w->n, req.op);
    memcpy(req.request, a.request, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_FETCH, &req, &rep), OK);
    assert_int_equal(rep.state, STATE_RELEASED);
}
