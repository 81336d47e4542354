/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/asking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- asking the node ---- */

struct message {
    const struct world *w;
    const struct session *who;
    uint16_t kind;
    struct bytes body;
    struct buf out;
    uint16_t out_kind;
};

static enum err message_fn(struct txn *t, void *arg)
{
    struct message *m = arg;

    return serve_handle(t, m->who, &m->w->env, m->w->now, m->kind, m->body, &m->out,
                        &m->out_kind);
}

enum err ask(struct world *w, const struct session *who, uint16_t kind, const void *req,
             void *rep)
{
    static uint8_t body[OUT_BYTES];
    const struct msg_row *row = msg_find(kind);
    struct buf b = BUF_OF(body);
    struct message m = { .w = w, .who = who, .kind = kind };
    struct rep_error error = { 0 };
    enum err e;

    w->turn = (w->turn + 1) % OUTS;
    m.out = BUF_OF(w->outs[w->turn]);
    assert_int_equal(msg_put_req(row, req, &b), OK);
    m.body = buf_bytes(&b);
    e = row->access == MSG_WRITE ? store_write(w->s, message_fn, &m)
                                 : store_read(w->s, message_fn, &m);
    if (w->words[0] != 0)
        assert_null(memmem(m.out.p, m.out.n, w->words, strlen(w->words)));
    if (m.out_kind == (kind | MSG_REPLY)) {
        assert_int_equal(e, OK);
        assert_int_equal(msg_get_rep(row, buf_bytes(&m.out), rep), OK);
        return OK;
    }
    assert_int_equal(wire_get(&rep_error_schema, buf_bytes(&m.out), &error), OK);
    assert_int_equal(err_wire(e), error.code);
    return err_from_wire(error.code);
}

void asker_renew(struct asker *a)
{
    draw(&a->seal, sizeof a->seal);
    draw(&a->sign, sizeof a->sign);
    draw(a->nonce, sizeof a->nonce);
    draw(a->open.op, ID_BYTES);
    crypt_dh_public(&a->seal, a->open.seal);
    crypt_sign_public(&a->sign, a->open.sign);
    commitment_of(a->nonce, a->open.commitment);
}

struct asker asker_new(const struct world *w, enum cred_type type,
                       const uint8_t cred[ID_BYTES])
{
    struct asker a = { .opener = session_of(w, ROLE_RESTORE, type) };

    memcpy(a.opener.cred, cred, ID_BYTES);
    draw(&a.stat, sizeof a.stat);
    crypt_dh_public(&a.stat, a.opener.stat);
    a.open.kind = REQUEST_RESTORE;
    a.open.purpose = PURPOSE_RESTORE;
    memcpy(a.open.stat, a.opener.stat, PUB_BYTES);
    draw(a.open.psk, KEY_BYTES);
    a.open.claimed = bytes_text("It is me, Ana");
    asker_renew(&a);
    return a;
}

struct asker owner_asker(const struct world *w, enum purpose purpose)
{
    struct asker a = asker_new(w, CRED_OWNER, w->as_owner.cred);

    a.opener = w->as_owner;
    a.requester = w->as_owner;
    a.open.kind = REQUEST_CONFIRM;
    a.open.purpose = (uint8_t)purpose;
    if (purpose == PURPOSE_EPOCH)
        memcpy(a.open.subject, w->hashes[w->epochs - 1], HASH_BYTES);
    return a;
}

enum err ask_open(struct world *w, struct asker *a)
{
    struct rep_open rep = { 0 };
    struct buf b;

    TRY(ask(w, &a->opener, MSG_OPEN, &a->open, &rep));
    assert_int_equal(view_open(rep.view, w->env.id->sign_pub, &a->v), OK);
    b = BUF_OF(a->view);
    buf_put(&b, rep.view);
    assert_false(b.over);
    a->view_n = b.n;
    memcpy(a->id, a->v.request, ID_BYTES);
    return OK;
}

enum err ask_reveal(struct world *w, struct asker *a)
{
    struct req_reveal req = { 0 };
    struct rep_reveal rep = { 0 };

    draw(req.op, ID_BYTES);
    memcpy(req.request, a->id, ID_BYTES);
    memcpy(req.nonce, a->nonce, sizeof req.nonce);
    TRY(ask(w, &a->opener, MSG_REVEAL, &req, &rep));
    return OK;
}

struct who_calls {
    struct world *w;
    struct asker *a;
};

static enum err find_requester(struct txn *t, void *arg)
{
    struct who_calls *f = arg;
    uint8_t id[ID_BYTES] = { 0 };
    AUTO_SECRET struct psk *psk = NULL;

    TRY(secret_new(&psk));
    TRY(serve_credential(t, &f->w->env, f->w->now, ROLE_REQUESTER, id, f->a->opener.stat,
                         &f->a->requester, psk));
    assert_memory_equal(psk->b, f->a->open.psk, KEY_BYTES);
    return OK;
}

void open_live(struct world *w, struct asker *a)
{
    struct who_calls f = { w, a };

    assert_int_equal(ask_open(w, a), OK);
    assert_int_equal(ask_reveal(w, a), OK);
    if (a->opener.role == ROLE_RESTORE)
        assert_int_equal(store_read(w->s, find_requester, &f), OK);
}

enum err ask_try(struct world *w, const struct asker *a, const uint8_t op[ID_BYTES],
                 uint8_t *out_left)
{
    struct req_try req = { 0 };
    struct rep_try rep = { 0 };

    memcpy(req.op, op, ID_BYTES);
    memcpy(req.request, a->id, ID_BYTES);
    TRY(ask(w, &w->as_guardian, MSG_TRY, &req, &rep));
    *out_left = rep.tries_left;
    return OK;
}

/* ---- what a guardian's client makes ---- */

void transcript_of(const struct world *w, const struct asker *a, struct buf *out)
{
    struct transcript t = { .view = bytes_of(a->view, a->view_n) };

    memcpy(t.req_static, a->open.stat, PUB_BYTES);
    memcpy(t.req_seal, a->open.seal, PUB_BYTES);
    memcpy(t.req_sign, a->open.sign, PUB_BYTES);
    memcpy(t.node_key, w->env.id->node_pub, PUB_BYTES);
    crypt_sign_public(&w->guardian, t.guard_sign);
    crypt_dh_public(&w->guardian_seal, t.guard_seal);
    transcript_put(&t, out);
}

void approval_fill(const struct world *w, const struct asker *a,
                   const uint8_t try_op[ID_BYTES], struct approval *p)
{
    uint8_t mem[SIGNED_MAX];
    struct buf t = BUF_OF(mem);

    *p = (struct approval){ .s = { .kind = a->v.kind, .purpose = a->v.purpose } };
    memcpy(p->s.subject, a->v.subject, sizeof p->s.subject);
    memcpy(p->s.request, a->id, ID_BYTES);
    memcpy(p->s.req_sign, a->open.sign, PUB_BYTES);
    p->s.n_epochs = a->v.n_epochs;
    p->s.how = HOW_CALLED;
    p->s.time = w->now;
    transcript_of(w, a, &t);
    transcript_hash(buf_bytes(&t), p->s.t_hash);
    for (uint32_t i = 0; i < a->v.n_epochs; i++) {
        p->s.epochs[i] =
            (struct statement_epoch){ .epoch = a->v.epochs[i].epoch, .opened = 1 };
        memcpy(p->s.epochs[i].manifest_hash, a->v.epochs[i].manifest_hash, HASH_BYTES);
        if (a->v.kind != REQUEST_RESTORE)
            continue;
        p->req.boxes[p->req.n_boxes].epoch = a->v.epochs[i].epoch;
        p->req.boxes[p->req.n_boxes++].box = bytes_text("re-sealed box");
    }
    draw(p->req.op, ID_BYTES);
    memcpy(p->req.request, a->id, ID_BYTES);
    memcpy(p->req.try_op, try_op, ID_BYTES);
    if (a->v.kind == REQUEST_RESTORE)
        p->req.roster_box = bytes_text("roster key box");
}

void introduce(const struct sign_seed *by, const uint8_t req_sign[PUB_BYTES],
               const uint8_t hash[HASH_BYTES], uint64_t until, struct buf *out)
{
    struct introduction in = { .until = until };

    memcpy(in.req_sign, req_sign, PUB_BYTES);
    memcpy(in.manifest_hash, hash, HASH_BYTES);
    introduction_make(&in, by, out);
}

enum err ask_approve(struct world *w, struct approval *p, const struct sign_seed *key,
                     struct rep_approve *out)
{
    struct buf b = BUF_OF(p->statement);
    struct rep_approve rep = { 0 };

    draw(p->req.op, ID_BYTES);
    statement_make(&p->s, key, &b);
    p->req.statement = buf_bytes(&b);
    TRY(ask(w, &w->as_guardian, MSG_APPROVE, &p->req, &rep));
    if (out != NULL)
        *out = rep;
    return OK;
}

enum err try_approve(struct world *w, const struct asker *a, uint8_t despite,
                     struct rep_approve *out)
{
    static struct approval p;
    static struct rep_request seen;
    uint8_t op[ID_BYTES];
    uint8_t left = 0;
    struct buf in;

    assert_int_equal(ask_show(w, &w->as_guardian, a, &seen), OK);
    draw(op, sizeof op);
    assert_int_equal(ask_try(w, a, op, &left), OK);
    approval_fill(w, a, op, &p);
    in = BUF_OF(p.intro);
    if (a->v.kind == REQUEST_RESTORE)
        introduce(&w->approval, a->open.sign, a->v.epochs[0].manifest_hash,
                  w->now + 14 * DAY, &in);
    p.req.introduction = buf_bytes(&in);
    p.req.despite = despite;
    p.req.stops = seen.line[0].stops;
    return ask_approve(w, &p, &w->approval, out);
}

void approve(struct world *w, const struct asker *a, struct rep_approve *out)
{
    assert_int_equal(try_approve(w, a, 0, out), OK);
}

enum err ask_fetch(struct world *w, const struct asker *a, uint32_t epoch,
                   struct rep_fetch *out)
{
    struct req_fetch req = { .epoch = epoch };

    draw(req.op, ID_BYTES);
    memcpy(req.request, a->id, ID_BYTES);
    *out = (struct rep_fetch){ 0 };
    return ask(w, &a->requester, MSG_FETCH, &req, out);
}

enum err ask_refuse(struct world *w, const struct asker *a)
{
    struct req_refuse req = { 0 };
    struct rep_refuse rep = { 0 };

    draw(req.op, ID_BYTES);
    memcpy(req.request, a->id, ID_BYTES);
    TRY(ask(w, &w->as_guardian, MSG_REFUSE, &req, &rep));
    assert_int_equal(rep.state, STATE_REFUSED);
    return OK;
}

enum err ask_cancel(struct world *w, const struct asker *a)
{
    struct req_cancel req = { 0 };
    struct rep_cancel rep = { 0 };

    draw(req.op, ID_BYTES);
    memcpy(req.request, a->id, ID_BYTES);
    return ask(w, &a->requester, MSG_CANCEL, &req, &rep);
}

enum err ask_stop(struct world *w, const struct session *who, const struct asker *a,
                  struct rep_stop *out)
{
    struct req_stop req = { 0 };

    draw(req.op, ID_BYTES);
    memcpy(req.request, a->id, ID_BYTES);
    *out = (struct rep_stop){ 0 };
    return ask(w, who, MSG_STOP, &req, out);
}

enum err ask_unlock(struct world *w, const struct asker *a, const struct sign_seed *key,
                    uint8_t *out_left)
{
    struct req_unlock req = { 0 };
    struct rep_unlock rep = { 0 };

    draw(req.op, ID_BYTES);
    memcpy(req.request, a->id, ID_BYTES);
    unlock_sign(key, a->id, req.op, req.sig);
    TRY(ask(w, &w->as_guardian, MSG_UNLOCK, &req, &rep));
    *out_left = rep.tries_left;
    return OK;
}

enum err ask_show(struct world *w, const struct session *who, const struct asker *a,
                  struct rep_request *out)
{
    struct req_request req = { 0 };

    memcpy(req.request, a->id, ID_BYTES);
    *out = (struct rep_request){ 0 };
    return ask(w, who, MSG_REQUEST, &req, out);
}

uint8_t state_of(struct world *w, const struct asker *a)
{
    static struct rep_request rep;
    enum err e = ask_show(w, &w->as_guardian, a, &rep);

    if (e == ERR_UNKNOWN)
        return 0;
    assert_int_equal(e, OK);
    return rep.line[0].state;
}

uint32_t listed(struct world *w, const struct session *who, uint8_t all)
{
    static struct rep_requests rep;
    struct req_requests req = { .all = all };

    rep = (struct rep_requests){ 0 };
    assert_int_equal(ask(w, who, MSG_REQUESTS, &req, &rep), OK);
    return rep.n_requests;
}

/* How many alerts there are, and the newest one's event. */
struct drop_event newest;
static size_t n_alerts;

static enum err read_alerts(struct call *c, struct world *w)
{
    static struct drop_entry lines[64];
    struct record_ward ward = { 0 };
    struct bytes blob = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    TRY(drop_list(c, ward.alert, 0, lines, 64, &n_alerts));
    if (n_alerts == 0)
        return OK;
    TRY(drop_get(c, ward.alert, lines[n_alerts - 1].seq, &blob));
    return wire_get(&drop_event_schema, blob, &newest);
}

/* The events in a request's own drop, oldest first; 0 behind the last. */
uint8_t events[64];
const struct asker *whose;

enum err read_events(struct call *c, struct world *w)
{
    static struct drop_entry lines[64];
    size_t n = 0;

    (void)w; /* the call knows it */
    memset(events, 0, sizeof events);
    enum err e = drop_list(c, whose->id, 0, lines, 64, &n);
    if (e == ERR_UNKNOWN)
        return OK;
    TRY(e);
    for (size_t i = 0; i < n; i++) {
        struct drop_event a = { 0 };
        struct bytes blob = { 0 };

        TRY(drop_get(c, whose->id, lines[i].seq, &blob));
        TRY(wire_get(&drop_event_schema, blob, &a));
        assert_memory_equal(a.request, whose->id, ID_BYTES);
        events[i] = a.event;
    }
    return OK;
}

size_t alerts(struct world *w)
{
    newest = (struct drop_event){ 0 };
    directly(w, read_alerts);
    return n_alerts;
}

enum err tick_fn(struct call *c, struct world *w)
{
    bool more = false;

    (void)w; /* the call knows it */
    TRY(request_tick(c, &more));
    assert_false(more);
    return OK;
}

static bool tick_left;

static enum err tick_some(struct call *c, struct world *w)
{
    (void)w; /* the call knows it */
    return request_tick(c, &tick_left);
}

bool ticked(struct world *w)
{
    directly(w, tick_some);
    return tick_left;
}

/* Records in a table. */
static enum store_table counted;
static size_t n_counted;

static enum err count_fn(struct call *c, struct world *w)
{
    struct txn_key at = { 0 };
    enum err e;

    (void)w; /* the call knows it */
    n_counted = 0;
    while ((e = txn_next(c->txn, counted, (struct bytes){ 0 }, &at, (struct span){ 0 },
                         NULL)) == OK)
        n_counted++;
    return e == ERR_UNKNOWN ? OK : e;
}

size_t count(struct world *w, enum store_table tab)
{
    counted = tab;
    directly(w, count_fn);
    return n_counted;
}

struct asker introduced(const struct world *w, const struct intro *i,
                        uint8_t mem[SIGNED_MAX])
{
    struct asker a = asker_new(w, CRED_ROSTER, w->roster);
    struct buf b = { .p = mem, .cap = SIGNED_MAX };

    introduce(i->by, a.open.sign, i->hash, i->until, &b);
    a.open.introduction = buf_bytes(&b);
    return a;
}
