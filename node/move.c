/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop.h"
#include "node/move_part.h"
#include "node/request.h"
#include "node/seat.h"
#include "node/ward.h"

/* ---- the record ---- */

static const struct wire_field record_move_fields[] = {
    W_FIX(record_move, ward, 1, WIRE_MUST),
    W_FIX(record_move, id, 2, WIRE_MUST),
    W_UINT(record_move, state, 3, WIRE_MUST, MOVE_REFUSED),
    W_FIX(record_move, old_owner, 4, WIRE_MUST),
    W_FIX(record_move, new_owner, 5, WIRE_MUST),
    W_FIX(record_move, req_sign, 6, WIRE_MUST),
    W_FIX(record_move, account_sign, 7, WIRE_MUST),
    W_FIX(record_move, stat, 8, WIRE_MUST),
    W_FIX(record_move, cred, 9, WIRE_MUST),
    W_UINT(record_move, came, 10, WIRE_MUST, UINT64_MAX),
    W_UINT(record_move, hold, 11, WIRE_MAY, HOLD_MAX_S),
    W_UINT(record_move, due, 12, WIRE_MUST, UINT64_MAX),
    W_UINT(record_move, unsure, 13, WIRE_MAY, 1),
    W_UINT(record_move, era, 14, WIRE_MAY, UINT32_MAX),
    W_UINT(record_move, ended, 15, WIRE_MAY, UINT64_MAX),
    W_UINT(record_move, clean, 16, WIRE_MAY, UINT64_MAX),
    W_FIX(record_move, old_account, 17, WIRE_MAY),
};
const struct wire_schema record_move_schema = W_SCHEMA(record_move, record_move_fields);

struct txn_key key_move(const uint8_t ward[ID_BYTES], const uint8_t id[ID_BYTES],
                        enum move_part which)
{
    struct txn_key k = key_ids(ward, id);

    k.b[k.n++] = (uint8_t)which;
    return k;
}

enum err move_get(struct call *c, const uint8_t ward[ID_BYTES],
                  const uint8_t id[ID_BYTES], struct record_move *out)
{
    struct txn_key key = key_move(ward, id, MOVE_RECORD);

    *out = (struct record_move){ 0 };
    return record_get(c, TAB_MOVE, &record_move_schema, &key, out);
}

enum err move_put(struct call *c, const struct record_move *m)
{
    struct txn_key key = key_move(m->ward, m->id, MOVE_RECORD);

    return record_put(c, TAB_MOVE, &record_move_schema, &key, m);
}

enum err move_next(struct call *c, struct bytes ward, struct txn_key *io_key,
                   struct record_move *out)
{
    enum err e;

    do {
        TRY(txn_next(c->txn, TAB_MOVE, ward, io_key, (struct span){ 0 }, NULL));
        e = ERR_CORRUPT;
        if (io_key->n == 2 * ID_BYTES + 1 && io_key->b[2 * ID_BYTES] == MOVE_RECORD)
            e = move_get(c, io_key->b, io_key->b + ID_BYTES, out);
    } while (e == ERR_CORRUPT);
    return e;
}

bool move_same_key(const uint8_t a[PUB_BYTES], const uint8_t b[PUB_BYTES])
{
    return bytes_equal(bytes_of(a, PUB_BYTES), bytes_of(b, PUB_BYTES));
}

/* ---- MOVE: whether it is taken ---- */

static bool none(const uint8_t key[PUB_BYTES])
{
    static const uint8_t zero[PUB_BYTES];

    return move_same_key(key, zero);
}

/* The people of the newest confirmed epoch held here say so, and whoever they name made
 * this account. */
static enum err judge(struct call *c, const struct record_ward *ward,
                      const struct req_move *req, struct record_epoch *out_epoch,
                      struct move *out)
{
    struct move_proof proof = { .move = req->move, .people = req->people };
    struct move_account a = { 0 };
    const struct descriptor *d = NULL;

    enum err e = ward_confirmed(c, ward->ward, 0, out_epoch);
    if (e != OK)
        return e == ERR_UNKNOWN ? ERR_CERT : e;
    TRY(ward_descriptor(c, out_epoch, &d));
    e = move_judge(d, &proof, c->now, false, out);
    if (e == ERR_SIGNATURE)
        return ERR_CERT;
    TRY(e);
    memcpy(a.ward, ward->ward, ID_BYTES);
    move_hash(req->move, a.move);
    memcpy(a.account_sign, req->account_sign, PUB_BYTES);
    memcpy(a.stat, req->stat, PUB_BYTES);
    memcpy(a.psk, req->psk, KEY_BYTES);
    e = move_account_verify(out->req_sign, &a, req->sig);
    secret_wipe(&a, sizeof a);
    return e == OK ? OK : ERR_CERT;
}

/* One root follows another: never one that was replaced, never whom the guardian
 * refused. */
static enum err follows(struct call *c, const struct record_ward *ward,
                        const struct move *m)
{
    struct record_move old = { 0 };
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    size_t n = 0;
    enum err e;

    if (!id_none(ward->move))
        return ERR_BUSY;
    while ((e = move_next(c, BYTES_OF(ward->ward), &at, &old)) == OK) {
        c->mem.n = mark;
        n++;
        if (old.state == MOVE_REFUSED && move_same_key(old.req_sign, m->req_sign))
            return ERR_STOPPED;
        if (id_equal(old.id, ward->moved_by) &&
            !move_same_key(old.new_owner, m->old_owner))
            return ERR_MOVED;
    }
    if (e != ERR_UNKNOWN)
        return e;
    return n < MOVE_KEPT ? OK : ERR_FULL;
}

static enum err shape(const struct req_move *req)
{
    if (none(req->account_sign) || none(req->stat) || none(req->psk))
        return ERR_ARG;
    return OK;
}

/* ---- MOVE: what is written ---- */

/* The new root's account is there from the beginning, and lets nobody in yet. */
static enum err add_cred(struct call *c, const struct record_ward *ward,
                         const struct req_move *req, struct record_move *m)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    cred->type = CRED_OWNER;
    cred->made = c->now;
    cred->waits = 1;
    rng_fill(c->env->rng, cred->cred, ID_BYTES);
    memcpy(cred->seat, ward->seat, ID_BYTES);
    memcpy(cred->ward, ward->ward, ID_BYTES);
    memcpy(cred->psk.b, req->psk, KEY_BYTES);
    memcpy(cred->stat, req->stat, PUB_BYTES);
    memcpy(m->cred, cred->cred, ID_BYTES);
    enum err e = cred_add(c, cred);
    return e == ERR_EXISTS ? ERR_USED : e;
}

static enum err put_proof(struct call *c, const struct req_move *req,
                          const struct record_move *m)
{
    struct txn_key key = key_move(m->ward, m->id, MOVE_PROOF);
    struct move_proof proof = { .move = req->move, .people = req->people };
    struct buf b = scratch_buf(c);
    struct bytes raw = { 0 };

    move_proof_put(&proof, &b);
    TRY(scratch_keep(c, &b, &raw));
    return txn_put(c->txn, TAB_MOVE, key_bytes(&key), raw);
}

/* What the old keys have begun, and people have not confirmed, comes to nothing. */
static enum err drop_prepared(struct call *c, struct record_ward *ward)
{
    struct record_epoch all[EPOCHS_MAX];
    size_t n = 0;

    TRY(ward_epochs(c, ward->ward, all, &n));
    for (size_t i = 0; i < n; i++) {
        if (ward_epoch_held(&all[i]))
            continue;
        TRY(ward_epoch_erase(c, ward, &all[i]));
        if (all[i].state == EPOCH_PREPARED)
            TRY(drop_tell(c, ward, REC_EPOCH_ABORTED, NULL, all[i].epoch));
    }
    return OK;
}

/* An end was planned for the old root; one's own RETIRE leads to what goes now. */
static void drop_plans(struct record_ward *ward)
{
    ward->end_due = 0;
    if (ward->retire_own == 0)
        return;
    ward->retire_to = 0;
    ward->retire_due = 0;
    ward->retire_own = 0;
    ward->retire_told = 0;
}

static enum err take(struct call *c, struct record_ward *ward, const struct req_move *req,
                     const struct move *by, struct record_move *m)
{
    memcpy(m->ward, ward->ward, ID_BYTES);
    memcpy(m->old_owner, by->old_owner, PUB_BYTES);
    memcpy(m->new_owner, by->new_owner, PUB_BYTES);
    memcpy(m->req_sign, by->req_sign, PUB_BYTES);
    memcpy(m->account_sign, req->account_sign, PUB_BYTES);
    memcpy(m->stat, req->stat, PUB_BYTES);
    m->state = MOVE_WAITS;
    m->came = c->now;
    m->due = c->now + m->hold;
    m->clean = c->now + DUAL_TIME_S;
    m->era = c->env->era;
    m->unsure = c->env->clock == CLOCK_FROZEN;
    TRY(add_cred(c, ward, req, m));
    TRY(put_proof(c, req, m));
    TRY(move_put(c, m));
    TRY(drop_prepared(c, ward));
    drop_plans(ward);
    memcpy(ward->move, m->id, ID_BYTES);
    ward->move_due = m->due;
    TRY(ward_put(c, ward));
    TRY(drop_tell(c, ward, REC_MOVE_PLANNED, m->id, 0));
    return m->hold == 0 ? move_take_over(c, m) : OK;
}

static void answer(const struct record_move *m, struct rep_move *rep)
{
    rep->state = m->state == MOVE_DONE ? PLAN_DONE : PLAN_WAITS;
    rep->due = m->state == MOVE_DONE ? 0 : m->due;
}

/* Asked again. ERR_UNKNOWN: it is new. */
static enum err again(struct call *c, const struct req_move *req,
                      const uint8_t id[ID_BYTES], struct rep_move *rep)
{
    struct record_move m = { 0 };

    TRY(move_get(c, c->who->ward, id, &m));
    if (m.state == MOVE_REFUSED)
        return ERR_STOPPED;
    if (!move_same_key(m.account_sign, req->account_sign) ||
        !move_same_key(m.stat, req->stat))
        return ERR_CONFLICT;
    answer(&m, rep);
    return OK;
}

enum err move_serve(struct call *c, const struct req_move *req, struct rep_move *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch epoch = { 0 };
    struct record_move m = { 0 };
    struct move by = { 0 };
    uint8_t hash[HASH_BYTES];
    bool released = false;

    TRY(shape(req));
    TRY(ward_get(c, c->who->ward, &ward));
    if (ward.left != 0)
        return ERR_LEFT;
    move_hash(req->move, hash);
    enum err e = again(c, req, hash, rep);
    if (e != ERR_UNKNOWN)
        return e;
    memcpy(m.id, hash, ID_BYTES);
    TRY(judge(c, &ward, req, &epoch, &by));
    TRY(follows(c, &ward, &by));
    TRY(request_released_to(c, ward.ward, by.req_sign, &released));
    m.hold = released ? 0 : epoch.hold;
    TRY(take(c, &ward, req, &by, &m));
    answer(&m, rep);
    return OK;
}

/* ---- EPOCH_STATE ---- */

enum err move_epoch_state(struct call *c, const struct req_epoch_state *req,
                          struct rep_epoch_state *rep)
{
    const uint8_t *id =
        c->who->role == ROLE_GUARDIAN ? req->ward : c->who->ward; /* as ward_state */
    struct record_ward ward = { 0 };

    TRY(ward_state(c, req, rep));
    TRY(ward_get(c, id, &ward));
    rep->move_due = ward.move_due;
    if (req->want != EPOCH_WANT_MOVE)
        return OK;
    struct txn_key key =
        key_move(id, id_none(ward.move) ? ward.moved_by : ward.move, MOVE_PROOF);
    enum err e = record_bytes(c, NULL, TAB_MOVE, &key, &rep->proof);

    return e == ERR_UNKNOWN ? OK : e;
}
