/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a new root: refused, done, and what the old one left. */
#include "node/drop.h"
#include "node/move_part.h"
#include "node/request.h"
#include "node/seat.h"
#include "node/ward.h"

/* ---- the new root takes over ---- */

static enum err wake_cred(struct call *c, const uint8_t id[ID_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(cred_get(c, id, cred));
    cred->waits = 0;
    return cred_put(c, cred);
}

static enum err put_gone(struct call *c, const struct record_move *m, struct bytes ids)
{
    struct txn_key key = key_move(m->ward, m->id, MOVE_GONE);

    return ids.n == 0 ? txn_del(c->txn, TAB_MOVE, key_bytes(&key))
                      : txn_put(c->txn, TAB_MOVE, key_bytes(&key), ids);
}

enum err move_take_over(struct call *c, struct record_move *m)
{
    struct record_ward ward = { 0 };
    uint8_t gone[CRED_ROOT_MAX];
    struct buf ids = BUF_OF(gone);

    TRY(ward_get(c, m->ward, &ward));
    TRY(wake_cred(c, m->cred));
    TRY(cred_new_root(c, &ward, m->cred, &ids));
    TRY(put_gone(c, m, buf_bytes(&ids)));
    TRY(ward_get(c, m->ward, &ward));
    bool thawed = record_frozen(&ward, c->now);

    memcpy(m->old_account, ward.account_sign, PUB_BYTES);
    memcpy(ward.account_sign, m->account_sign, PUB_BYTES);
    memcpy(ward.moved_by, m->id, ID_BYTES);
    memset(ward.move, 0, ID_BYTES);
    ward.move_due = 0;
    ward.moved = c->now;
    ward.root_new = 1;
    if (thawed)
        ward.thawed = c->now; /* the keys that were frozen are dead */
    m->state = MOVE_DONE;
    m->ended = c->now;
    TRY(ward_put(c, &ward));
    TRY(move_put(c, m));
    TRY(drop_new_root(c, &ward));
    if (thawed)
        TRY(drop_tell(c, &ward, REC_WARD_THAWED, NULL, 0));
    TRY(request_end_moved(c, ward.ward, m->new_owner));
    return drop_tell(c, &ward, REC_MOVE_DONE, m->id, 0);
}

/* ---- REFUSE ---- */

/* The ward at the guardian's seat where it waits. ERR_UNKNOWN. */
static enum err waiting_at_seat(struct call *c, const uint8_t id[ID_BYTES],
                                struct record_ward *out)
{
    struct txn_key at = { 0 };

    for (;;) {
        struct record_ward ward = { 0 };
        size_t mark = c->mem.n;

        TRY(txn_next(c->txn, TAB_WARD_SEAT, bytes_of(c->who->seat, ID_BYTES), &at,
                     (struct span){ 0 }, NULL));
        enum err e = ward_get(c, at.b + ID_BYTES, &ward);
        if (e == OK && !id_none(id) && id_equal(ward.move, id)) {
            *out = ward;
            return OK;
        }
        c->mem.n = mark;
        if (e != ERR_CORRUPT)
            TRY(e);
    }
}

/* The guardian refused it before. ERR_UNKNOWN. */
static enum err refused_before(struct call *c, const uint8_t id[ID_BYTES])
{
    struct txn_key at = { 0 };
    struct record_move m = { 0 };
    size_t mark = c->mem.n;

    for (;;) {
        TRY(txn_next(c->txn, TAB_WARD_SEAT, bytes_of(c->who->seat, ID_BYTES), &at,
                     (struct span){ 0 }, NULL));
        enum err e = move_get(c, at.b + ID_BYTES, id, &m);
        c->mem.n = mark;
        if (e == OK && m.state == MOVE_REFUSED)
            return OK;
        if (e != ERR_CORRUPT && e != ERR_UNKNOWN)
            TRY(e);
    }
}

/* Nothing of it stays but that it was refused. */
static enum err refuse(struct call *c, struct record_ward *ward)
{
    struct record_move m = { 0 };
    struct txn_key proof = key_move(ward->ward, ward->move, MOVE_PROOF);

    TRY(move_get(c, ward->ward, ward->move, &m));
    TRY(cred_erase(c, m.cred));
    TRY(txn_del(c->txn, TAB_MOVE, key_bytes(&proof)));
    m.state = MOVE_REFUSED;
    m.ended = c->now;
    m.clean = 0;
    TRY(move_put(c, &m));
    memset(ward->move, 0, ID_BYTES);
    ward->move_due = 0;
    TRY(ward_put(c, ward));
    return drop_tell(c, ward, REC_MOVE_REFUSED, m.id, 0);
}

enum err move_refuse(struct call *c, const struct req_refuse *req, struct rep_refuse *rep)
{
    struct record_ward ward = { 0 };
    enum err e = request_refuse(c, req, rep);

    if (e != ERR_UNKNOWN)
        return e;
    e = waiting_at_seat(c, req->request, &ward);
    TRY(e == ERR_UNKNOWN ? refused_before(c, req->request) : e);
    if (e == OK)
        TRY(refuse(c, &ward));
    rep->state = STATE_REFUSED;
    return OK;
}

/* ---- the tick ---- */

/* A clock that was wrong, or a backup: its times say nothing, the hold runs anew. */
static bool rebase(const struct call *c, struct record_move *m)
{
    if (c->env->clock == CLOCK_FROZEN || (m->unsure == 0 && m->era == c->env->era))
        return false;
    m->unsure = 0;
    m->era = c->env->era;
    m->due = c->now + m->hold;
    m->clean = c->now + DUAL_TIME_S;
    return true;
}

static enum err put_both(struct call *c, struct record_ward *ward,
                         const struct record_move *m)
{
    ward->move_due = m->due;
    TRY(ward_put(c, ward));
    return move_put(c, m);
}

static enum err tick_waiting(struct call *c, struct record_move *m, size_t *io_n)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, m->ward, &ward));
    if (ward.left != 0 || !id_equal(ward.move, m->id))
        return OK;
    if (rebase(c, m)) {
        (*io_n)++;
        return put_both(c, &ward, m);
    }
    if (m->unsure != 0 || c->env->clock == CLOCK_FROZEN || c->now < m->due)
        return OK;
    *io_n += MOVE_SWEEP; /* alone in its job: it writes much */
    return move_take_over(c, m);
}

/* Of an epoch that was active: the newest one held is, from now on. */
static enum err active_again(struct call *c, struct record_ward *ward)
{
    struct record_epoch all[EPOCHS_MAX];
    size_t n = 0;

    TRY(ward_epochs(c, ward->ward, all, &n));
    ward->active = 0;
    for (size_t i = n; i-- > 0 && ward->active == 0;) {
        if (!ward_epoch_held(&all[i]))
            continue;
        all[i].state = EPOCH_ACTIVE;
        ward->active = all[i].epoch;
        TRY(ward_epoch_put(c, &all[i]));
    }
    return OK;
}

/* Erases the unconfirmed epochs of the root it replaced, whoever made them. */
static enum err erase_old(struct call *c, const struct record_move *m,
                          struct record_ward *ward, uint32_t out_gone[EPOCHS_MAX],
                          size_t *out_n)
{
    struct record_epoch all[EPOCHS_MAX];
    bool was_active = false;
    size_t n = 0;

    TRY(ward_epochs(c, ward->ward, all, &n));
    for (size_t i = 0; i < n; i++) {
        if (!ward_epoch_held(&all[i]) || all[i].confirmed != 0 ||
            !move_same_key(all[i].account_sign, m->old_account))
            continue;
        was_active |= all[i].epoch == ward->active;
        TRY(ward_epoch_erase(c, ward, &all[i]));
        out_gone[(*out_n)++] = all[i].epoch;
    }
    if (was_active)
        TRY(active_again(c, ward));
    return ward_put(c, ward);
}

static enum err clean(struct call *c, struct record_move *m, struct record_ward *ward)
{
    uint32_t gone[EPOCHS_MAX] = { 0 };
    size_t n = 0;

    if (ward->left == 0)
        TRY(erase_old(c, m, ward, gone, &n));
    m->clean = 0;
    TRY(move_put(c, m));
    for (size_t i = 0; i < n; i++)
        TRY(drop_tell(c, ward, REC_EPOCH_RETIRED, NULL, gone[i]));
    return OK;
}

/* Nothing goes while somebody's restore is under way. */
static enum err tick_clean(struct call *c, struct record_move *m, size_t *io_n)
{
    struct record_ward ward = { 0 };
    bool holding = false;

    if (rebase(c, m)) {
        (*io_n)++;
        return move_put(c, m);
    }
    if (m->clean > c->now + DUAL_TIME_S) { /* a person set the clock back */
        m->clean = c->now + DUAL_TIME_S;
        (*io_n)++;
        return move_put(c, m);
    }
    if (c->now < m->clean || m->unsure != 0 || c->env->clock == CLOCK_FROZEN)
        return OK;
    TRY(ward_get(c, m->ward, &ward));
    TRY(request_holding(c, m->ward, &holding));
    if (holding)
        return OK;
    (*io_n)++;
    return clean(c, m, &ward);
}

/* Answers of dead credentials, of a few each time. */
static enum err tick_gone(struct call *c, const struct record_move *m, size_t *io_n)
{
    struct txn_key key = key_move(m->ward, m->id, MOVE_GONE);
    struct bytes ids = { 0 };
    enum err e = record_bytes(c, NULL, TAB_MOVE, &key, &ids);

    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    while (*io_n < MOVE_SWEEP && ids.n >= ID_BYTES) {
        TRY(txn_op_forget(c->txn, ids.p));
        ids = bytes_of(ids.p + ID_BYTES, ids.n - ID_BYTES);
        (*io_n)++;
    }
    return put_gone(c, m, ids);
}

/* All that is kept goes with its ward. */
static enum err forget(struct call *c, const uint8_t ward[ID_BYTES])
{
    struct txn_key at = { 0 };
    enum err e;

    while ((e = txn_next(c->txn, TAB_MOVE, bytes_of(ward, ID_BYTES), &at,
                         (struct span){ 0 }, NULL)) == OK)
        TRY(txn_del(c->txn, TAB_MOVE, key_bytes(&at)));
    return e == ERR_UNKNOWN ? OK : e;
}

static enum err tick_one(struct call *c, struct record_move *m, size_t *io_n)
{
    if (txn_has(c->txn, TAB_WARD, BYTES_OF(m->ward)) == ERR_UNKNOWN) {
        (*io_n)++;
        return forget(c, m->ward);
    }
    if (m->state == MOVE_WAITS)
        return tick_waiting(c, m, io_n);
    if (m->state != MOVE_DONE)
        return OK;
    TRY(tick_gone(c, m, io_n));
    return m->clean != 0 ? tick_clean(c, m, io_n) : OK;
}

enum err move_tick(struct call *c, bool *out_more)
{
    struct record_move m = { 0 };
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    size_t n = 0;
    enum err e = OK;

    while (n < MOVE_SWEEP && (e = move_next(c, (struct bytes){ 0 }, &at, &m)) == OK) {
        size_t before = n;

        e = tick_one(c, &m, &n);
        c->mem.n = mark;
        if (e == ERR_CORRUPT || e == ERR_UNKNOWN) /* it stays, the others go on */
            n = before;
        else
            TRY(e);
    }
    if (e != OK && e != ERR_UNKNOWN && e != ERR_CORRUPT)
        return e;
    *out_more = n > 0;
    return OK;
}

static bool has(struct call *c, const uint8_t ward[ID_BYTES], const uint8_t id[ID_BYTES])
{
    struct txn_key key = key_move(ward, id, MOVE_RECORD);
    struct txn_key proof = key_move(ward, id, MOVE_PROOF);

    return id_none(id) || (txn_has(c->txn, TAB_MOVE, key_bytes(&key)) == OK &&
                           txn_has(c->txn, TAB_MOVE, key_bytes(&proof)) == OK);
}

bool move_there(struct call *c, const struct record_ward *ward)
{
    return has(c, ward->ward, ward->move) && has(c, ward->ward, ward->moved_by);
}
