/* SPDX-License-Identifier: Apache-2.0 */
#include "node/serve.h"

#include "node/change.h"
#include "node/drop.h"
#include "node/move.h"
#include "node/proof.h"
#include "node/request.h"
#include "node/seat.h"
#include "node/vault.h"
#include "node/ward.h"

enum { LOOKUP_BYTES = 16 * 1024, BUSY_RETRY_MS = 60000 };

/* ---- a call's life ---- */

static enum err call_start(struct call *c, size_t scratch)
{
    c->mem.p = calloc(1, scratch);
    if (c->mem.p == NULL)
        return ERR_NOMEM;
    c->mem.cap = scratch;
    return OK;
}

static void call_end(struct call *c)
{
    if (c->mem.p != NULL)
        secret_wipe(c->mem.p, c->mem.high);
    free(c->mem.p);
}

#define AUTO_CALL __attribute__((cleanup(call_end)))

/* ---- messages that belong to no module ---- */

static enum err serve_hello(struct call *c, const struct req_hello *req,
                            struct rep_hello *rep)
{
    struct log_head head = { 0 };

    if (req->version != 1)
        return ERR_VERSION;
    TRY(txn_log_head(c->txn, &head));
    rep->version = 1;
    memcpy(rep->node_sign, c->env->id->sign_pub, PUB_BYTES);
    memcpy(rep->incarnation, c->env->id->incarnation, ID_BYTES);
    memcpy(rep->log_head, head.hash, HASH_BYTES);
    rep->log_seq = head.seq;
    rep->time = c->now;
    rep->frozen = c->env->clock == CLOCK_FROZEN;
    return OK;
}

static enum err serve_bye(struct call *c, const struct req_bye *req, struct rep_bye *rep)
{
    (void)c;
    (void)req;
    (void)rep;
    return OK;
}

/* Wards are ward's, their requests are request's. */
static enum err serve_wards(struct call *c, const struct req_wards *req,
                            struct rep_wards *rep)
{
    TRY(ward_list(c, req, rep));
    for (uint32_t i = 0; i < rep->n_wards; i++) {
        struct ward_line *line = &rep->wards[i];

        TRY(request_count(c, line->ward, &line->requests));
        TRY(proof_waits(c, line->ward, &line->drill));
    }
    return OK;
}

/* ---- the table ---- */

struct serve_row {
    uint16_t kind;
    enum serve_key key;
    enum log_event event;
    enum err (*handler)(struct call *c, const void *req, void *rep);
};

#define SERVE_CALL(name, st, fn, key, event)                                             \
    static enum err call_##name(struct call *c, const void *req, void *rep)              \
    {                                                                                    \
        return fn(c, (const struct req_##st *)req, (struct rep_##st *)rep);              \
    }
SERVE_TABLE(SERVE_CALL)
#undef SERVE_CALL

static const struct serve_row rows[] = {
#define SERVE_ROW(name, st, fn, key_, event_)                                            \
    { .kind = MSG_##name, .key = (key_), .event = (event_), .handler = call_##name },
    SERVE_TABLE(SERVE_ROW)
#undef SERVE_ROW
};

static const struct serve_row *row_of(uint16_t kind)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].kind == kind)
            return &rows[i];
    return NULL;
}

enum err serve_access(uint16_t kind, enum msg_access *out)
{
    const struct msg_row *msg = msg_find(kind);

    if (msg == NULL || row_of(kind) == NULL)
        return ERR_UNKNOWN;
    *out = msg->access;
    return OK;
}

enum err serve_needs(uint16_t kind, enum serve_key *out)
{
    const struct serve_row *row = row_of(kind);

    if (row == NULL)
        return ERR_UNKNOWN;
    *out = row->key;
    return OK;
}

/* ---- one message ---- */

struct op {
    const uint8_t *id; /* NULL: none is kept */
    uint8_t hash[HASH_BYTES];
};

/* The op id is the first field of every write. What FETCH gives is asked for until it
 * comes, and never kept. */
static enum err op_of(const struct msg_row *msg, struct bytes body, const void *req,
                      struct op *out)
{
    uint8_t kind[2];

    *out = (struct op){ 0 };
    if (msg->access != MSG_WRITE)
        return OK;
    if (id_none(req))
        return ERR_ARG;
    if (msg->kind == MSG_FETCH)
        return OK;
    store_u16(kind, msg->kind);
    out->id = req;
    crypt_hash(LABEL_OP_HASH, PARTS(BYTES_OF(kind), body), SPAN_OF(out->hash));
    return OK;
}

/* The reply an op id already has. ERR_UNKNOWN: it is new. */
static enum err op_seen(struct call *c, const struct op *op, struct bytes *out_reply)
{
    struct span room = { 0 };
    size_t n = 0;

    if (op->id == NULL)
        return ERR_UNKNOWN;
    TRY(scratch_take(c, STORE_OP_REPLY, &room));
    TRY(txn_op_seen(c->txn, c->who->cred, op->id, op->hash, room, &n));
    *out_reply = bytes_of(room.p, n);
    return OK;
}

static enum err op_keep(struct call *c, const struct op *op, struct bytes reply)
{
    struct txn_key key = key_id(c->who->cred);

    if (op->id == NULL)
        return OK;
    /* Who gave their own key up asks with it no more. */
    enum err e = txn_has(c->txn, TAB_CRED, key_bytes(&key));
    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    return txn_op_keep(c->txn, c->who->cred, op->id, op->hash, c->now, reply);
}

/* A credential may be revoked, or get another key, while its conversation goes on. */
static enum err still_known(struct call *c)
{
    static const uint8_t none[PUB_BYTES];
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    enum err e = cred_get(c, c->who->cred, cred);
    if (e != OK)
        return e == ERR_UNKNOWN ? ERR_REFUSED : e;
    return bytes_equal(BYTES_OF(cred->stat), BYTES_OF(c->who->stat)) ||
                   bytes_equal(BYTES_OF(cred->stat), BYTES_OF(none))
               ? OK
               : ERR_REFUSED;
}

static enum err run(struct call *c, const struct msg_row *msg, struct bytes body,
                    struct bytes *out_reply)
{
    const struct serve_row *row = row_of(msg->kind);
    struct span req = { 0 };
    struct span rep = { 0 };
    struct op op = { 0 };

    TRY(still_known(c));
    TRY(scratch_take(c, msg->req->size, &req));
    TRY(scratch_take(c, msg->rep->size, &rep));
    enum err got = msg_get_req(msg, body, req.p);
    /* Its own writer has the same bounds: no Kith of this version sends that. */
    TRY(got == ERR_TOO_BIG ? ERR_VERSION : got);
    TRY(op_of(msg, body, req.p, &op));
    enum err seen = op_seen(c, &op, out_reply);
    if (seen != ERR_UNKNOWN)
        return seen;
    TRY(row->handler(c, req.p, rep.p));
    struct buf b = scratch_buf(c);

    TRY(msg_put_rep(msg, rep.p, &b));
    TRY(scratch_keep(c, &b, out_reply));
    return op_keep(c, &op, *out_reply);
}

/* One place where role and message meet. */
static enum err permit(const struct session *who, uint16_t kind,
                       const struct msg_row **out)
{
    const struct msg_row *msg = msg_find(kind);

    /* Of a later version, as far as anybody can tell here. */
    if (msg == NULL || row_of(kind) == NULL)
        return ERR_VERSION;
    if ((msg->roles & MAY(who->role)) == 0)
        return ERR_REFUSED;
    *out = msg;
    return OK;
}

static enum err handle(struct call *c, uint16_t kind, struct bytes body, struct buf *out)
{
    const struct msg_row *msg = NULL;
    struct bytes reply = { 0 };

    TRY(permit(c->who, kind, &msg));
    TRY(call_start(c, SCRATCH_BYTES));
    TRY(run(c, msg, body, &reply));
    if (out->over || reply.n > out->cap - out->n)
        return ERR_TOO_BIG;
    buf_put(out, reply);
    return OK;
}

enum err serve_handle(struct txn *t, const struct session *who,
                      const struct node_env *env, uint64_t now, uint16_t kind,
                      struct bytes body, struct buf *out, uint16_t *out_kind)
{
    AUTO_CALL struct call c = { .txn = t, .who = who, .env = env, .now = now };
    enum err e = handle(&c, kind, body, out);

    if (e != OK)
        serve_failed(e, OUTCOME_NOT_DONE, out, out_kind);
    else
        *out_kind = kind | MSG_REPLY;
    return e;
}

void serve_failed(enum err why, enum msg_outcome outcome, struct buf *out,
                  uint16_t *out_kind)
{
    msg_put_error(why, why == ERR_BUSY ? BUSY_RETRY_MS : 0, outcome, out);
    *out_kind = MSG_ERROR;
}

void serve_log(const struct session *who, uint16_t kind, enum err result)
{
    const struct serve_row *row = row_of(kind);

    if (result != OK) {
        LOG(INFO, EV_CALL_FAILED, F_ID("seat", who->seat), F_UINT("kind", kind),
            F_ERR(result));
        return;
    }
    if (row == NULL || row->event == EV_COUNT)
        return;
    log_event(row->event, (const struct log_field[]){ F_ID("seat", who->seat),
                                                      F_ID("ward", who->ward), F_END });
}

/* ---- who calls ---- */

static bool by_id(enum role role)
{
    return role == ROLE_INVITE || role == ROLE_RESTORE || role == ROLE_OPERATOR ||
           role == ROLE_DEPOSITOR;
}

static bool by_static(enum role role)
{
    return role == ROLE_OWNER || role == ROLE_DEVICE || role == ROLE_GUARDIAN ||
           role == ROLE_REQUESTER;
}

static bool is_one_time(enum cred_type type)
{
    return type == CRED_INVITE || type == CRED_RESTORE || type == CRED_SEAT ||
           type == CRED_OPERATOR;
}

static bool is_bound(const struct record_cred *cred)
{
    static const uint8_t nobody[PUB_BYTES];

    return !bytes_equal(BYTES_OF(cred->stat), BYTES_OF(nobody));
}

static enum err look_up(struct call *c, enum role role, const uint8_t id[ID_BYTES],
                        const uint8_t stat[PUB_BYTES], struct record_cred *out)
{
    if (!by_id(role) && !by_static(role))
        return ERR_UNKNOWN;
    if (by_id(role))
        TRY(cred_get(c, id, out));
    else
        TRY(cred_find(c, role, stat, out));
    if (out->type == 0 || cred_role(out->type) != role)
        return ERR_UNKNOWN;
    if (is_one_time(out->type) && is_bound(out) &&
        !bytes_equal(BYTES_OF(out->stat), bytes_of(stat, PUB_BYTES)))
        return ERR_UNKNOWN;
    if (out->waits != 0)
        return ERR_UNKNOWN;
    return cred_expired(out, c->now) ? ERR_EXPIRED : OK;
}

/* The link or invite a key came by, which goes when that key works; zero: none. */
static enum err came_by(struct call *c, const struct session *who, uint8_t out[ID_BYTES])
{
    struct record_seat seat = { 0 };
    struct record_ward ward = { 0 };

    memset(out, 0, ID_BYTES);
    if (who->role == ROLE_GUARDIAN) {
        TRY(seat_get(c, who->seat, &seat));
        memcpy(out, seat.link, ID_BYTES);
    }
    if (who->role == ROLE_OWNER) {
        TRY(ward_get(c, who->ward, &ward));
        memcpy(out, ward.invite, ID_BYTES);
    }
    return OK;
}

static enum err still_there(struct call *c, const uint8_t id[ID_BYTES], bool *out)
{
    struct txn_key key = key_id(id);
    enum err e = id_none(id) ? ERR_UNKNOWN : txn_has(c->txn, TAB_CRED, key_bytes(&key));

    *out = e == OK;
    return e == ERR_UNKNOWN ? OK : e;
}

static enum err session_fill(struct call *c, const struct record_cred *cred,
                             const uint8_t stat[PUB_BYTES], struct session *out)
{
    struct record_seat seat = { 0 };
    uint8_t link[ID_BYTES];

    out->role = cred_role(cred->type);
    out->type = cred->type;
    out->via = cred->type == CRED_REQUESTER ? cred->via : cred->type;
    memcpy(out->cred, cred->cred, ID_BYTES);
    memcpy(out->ward, cred->ward, ID_BYTES);
    memcpy(out->request, cred->request, ID_BYTES);
    memcpy(out->stat, stat, PUB_BYTES);
    /* A seat link was made at a seat, and leads to another. */
    if (out->role != ROLE_OPERATOR)
        memcpy(out->seat, cred->seat, ID_BYTES);
    if (out->role == ROLE_GUARDIAN) {
        TRY(seat_get(c, out->seat, &seat));
        out->operator_ = seat.operator_ != 0;
    }
    if (is_one_time(cred->type)) {
        out->unbound = !is_bound(cred);
        return OK;
    }
    TRY(came_by(c, out, link));
    return still_there(c, link, &out->unbound);
}

enum err serve_credential(struct txn *t, const struct node_env *env, uint64_t now,
                          enum role role, const uint8_t id[ID_BYTES],
                          const uint8_t stat[PUB_BYTES], struct session *out,
                          struct psk *out_psk)
{
    AUTO_CALL struct call c = { .txn = t, .env = env, .now = now };
    AUTO_SECRET struct record_cred *cred = NULL;
    struct session who = { 0 };

    TRY(secret_new(&cred));
    TRY(call_start(&c, LOOKUP_BYTES));
    TRY(look_up(&c, role, id, stat, cred));
    TRY(session_fill(&c, cred, stat, &who));
    *out = who;
    *out_psk = cred->psk;
    return OK;
}

enum err serve_spoken(struct txn *t, const struct node_env *env, uint64_t now,
                      const uint8_t spoken_id[ID_BYTES], uint8_t out_gate[KEY_BYTES],
                      uint8_t out_answer[SPOKEN_ANSWER])
{
    AUTO_CALL struct call c = { .txn = t, .env = env, .now = now };
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(call_start(&c, LOOKUP_BYTES));
    TRY(cred_spoken(&c, spoken_id, cred));
    if (is_bound(cred))
        return ERR_UNKNOWN;
    if (cred_expired(cred, now))
        return ERR_EXPIRED;
    memcpy(out_gate, cred->spoken_gate, KEY_BYTES);
    memcpy(out_answer, cred->spoken_answer, SPOKEN_ANSWER);
    return OK;
}

static enum err bind_key(struct call *c)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(cred_get(c, c->who->cred, cred));
    if (is_bound(cred))
        return bytes_equal(BYTES_OF(cred->stat), BYTES_OF(c->who->stat)) ? OK
                                                                         : ERR_UNKNOWN;
    memcpy(cred->stat, c->who->stat, PUB_BYTES);
    return cred_unspoken(c, cred);
}

static enum err link_done(struct call *c)
{
    struct record_seat seat = { 0 };
    uint8_t link[ID_BYTES];

    TRY(came_by(c, c->who, link));
    if (id_none(link))
        return OK;
    TRY(cred_erase(c, link));
    if (c->who->role != ROLE_GUARDIAN)
        return OK;
    TRY(seat_get(c, c->who->seat, &seat));
    memset(seat.link, 0, ID_BYTES);
    return seat_put(c, &seat);
}

enum err serve_bound(struct txn *t, const struct session *who, const struct node_env *env,
                     uint64_t now)
{
    AUTO_CALL struct call c = { .txn = t, .who = who, .env = env, .now = now };

    TRY(call_start(&c, LOOKUP_BYTES));
    return is_one_time(who->type) ? bind_key(&c) : link_done(&c);
}

enum err serve_operator_link(struct txn *t, const struct node_env *env, uint64_t now,
                             const struct credential *link)
{
    AUTO_CALL struct call c = { .txn = t, .env = env, .now = now };

    TRY(call_start(&c, LOOKUP_BYTES));
    return seat_operator_link(&c, link);
}

enum err serve_tick_drops(struct txn *t, const struct node_env *env, uint64_t now,
                          bool *out_more)
{
    AUTO_CALL struct call c = { .txn = t, .env = env, .now = now };

    TRY(call_start(&c, SCRATCH_BYTES));
    TRY(drop_serve_tick(&c, out_more));
    return *out_more ? OK : vault_serve_tick(&c, out_more);
}

/* ---- long polls ---- */

enum err serve_watch(struct txn *t, const struct session *who, const struct node_env *env,
                     uint64_t now, struct bytes body, struct drop_watch *out,
                     bool *out_ready)
{
    AUTO_CALL struct call c = { .txn = t, .who = who, .env = env, .now = now };
    const struct msg_row *msg = NULL;
    struct req_drop_watch req = { 0 };

    TRY(permit(who, MSG_DROP_WATCH, &msg));
    TRY(call_start(&c, LOOKUP_BYTES));
    TRY(still_known(&c));
    TRY(msg_get_req(msg, body, &req));
    TRY(drop_watch_of(&c, &req, out));
    *out_ready = drop_watch_ready(&c, out);
    return OK;
}

bool serve_watch_ready(struct txn *t, const struct node_env *env,
                       const struct drop_watch *w)
{
    uint8_t mem[2048];
    struct call c = { .txn = t, .env = env, .mem = { .p = mem, .cap = sizeof mem } };

    return drop_watch_ready(&c, w);
}

enum err serve_tick(struct txn *t, const struct node_env *env, uint64_t now,
                    bool *out_more)
{
    AUTO_CALL struct call c = { .txn = t, .env = env, .now = now };

    TRY(call_start(&c, SCRATCH_BYTES));
    /* One job writes only so much: whoever had something to do has it alone. */
    TRY(seat_tick(&c, out_more));
    if (*out_more)
        return OK;
    TRY(ward_tick(&c, out_more));
    if (*out_more)
        return OK;
    TRY(change_tick(&c, out_more));
    if (*out_more)
        return OK;
    TRY(move_tick(&c, out_more));
    return *out_more ? OK : request_tick(&c, out_more);
}

enum err serve_keep(struct txn *t, const struct node_env *env, uint64_t now,
                    const struct timekeeper *k)
{
    AUTO_CALL struct call c = { .txn = t, .env = env, .now = now };

    TRY(call_start(&c, LOOKUP_BYTES));
    return time_keep(&c, k);
}

enum err serve_tell(struct txn *t, const struct node_env *env, uint64_t now,
                    bool *out_more)
{
    AUTO_CALL struct call c = { .txn = t, .env = env, .now = now };

    TRY(call_start(&c, SCRATCH_BYTES));
    return time_tell(&c, out_more);
}

enum err serve_loaded(struct txn *t, const struct node_env *env, uint64_t now,
                      struct txn_key *io_at, bool *out_more)
{
    AUTO_CALL struct call c = { .txn = t, .env = env, .now = now };

    TRY(call_start(&c, SCRATCH_BYTES));
    TRY(ward_loaded(&c, io_at, out_more));
    return *out_more ? OK : time_loaded(&c);
}
