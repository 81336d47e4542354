/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop.h"
#include "node/seat.h"
#include "node/ward.h"

/* ---- acknowledgement keys ---- */

enum err ward_ack_seed(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                       struct sign_seed *out)
{
    struct txn_key key = key_object(ward, epoch, OBJECT_ACK_SEED);
    size_t n = 0;

    TRY(txn_get(c->txn, TAB_OBJECT, key_bytes(&key),
                (struct span){ out->b, sizeof out->b }, &n));
    return n == sizeof out->b ? OK : ERR_CORRUPT;
}

/* Signed by the active epoch's key; of a new root by the one that was confirmed, as what
 * is active may be the work of whoever stole the old one; the first by the node's. */
static enum err next_sign(struct call *c, const struct record_ward *ward,
                          struct record_epoch *next)
{
    AUTO_SECRET struct sign_seed *by = NULL;
    struct record_epoch sure = { .epoch = ward->active };

    TRY(secret_new(&by));
    if (ward->root_new != 0)
        TRY(ward_confirmed(c, ward->ward, 0, &sure));
    if (ward->active == 0)
        *by = c->env->id->sign;
    else
        TRY(ward_ack_seed(c, ward->ward, sure.epoch, by));
    ack_key_sign(by, next->ward, next->epoch, next->ack, next->ack_sig);
    return OK;
}

/*
 * Which number comes next: a later one than the active epoch's, not far from it, since
 * one that a device which is gone dealt to a few nodes is left out; any where none was
 * ever held (a guardian added later); or what a certificate shows the others to have,
 * and those after it. The first of a new root: any later one, as the old one may have
 * got further elsewhere.
 */
static enum err next_may(const struct record_ward *ward, uint32_t epoch)
{
    bool sure = ward->cert_epoch > ward->active; /* the others are further */
    uint32_t from = sure ? ward->cert_epoch : ward->active;
    bool may = epoch > from && epoch - from <= EPOCHS_AHEAD;

    if (epoch == 0 || epoch == UINT32_MAX)
        return ERR_STATE;
    if (ward->active == 0 && ward->retired == 0)
        may = true;
    if (sure && epoch == ward->cert_epoch)
        may = true;
    if (ward->root_new != 0 && epoch > ward->active)
        may = true;
    return may ? OK : ERR_STATE;
}

/* Prepared so long ago that nobody waits for it, or in a time that was taken back. */
static bool is_forgotten(const struct call *c, const struct record_epoch *e)
{
    if (e->prepared > c->now)
        return true;
    return c->now >= WARD_PREPARED_S && e->prepared <= c->now - WARD_PREPARED_S;
}

static bool is_certified(const struct record_ward *ward, uint32_t epoch,
                         const uint8_t hash[HASH_BYTES])
{
    return ward->cert_epoch == epoch &&
           bytes_equal(BYTES_OF(ward->cert_hash), bytes_of(hash, HASH_BYTES));
}

/* At most one is prepared: another number's gives way if nothing can come of it. */
static enum err next_clear(struct call *c, struct record_ward *ward,
                           const struct record_epoch *e, const struct record_epoch *next)
{
    if (e->epoch == next->epoch || ward_epoch_held(e))
        return OK;
    bool overtaken =
        e->epoch <= ward->cert_epoch && !is_certified(ward, e->epoch, e->manifest_hash);

    if (e->state == EPOCH_PREPARED && !overtaken && !is_forgotten(c, e))
        return ERR_BUSY;
    TRY(ward_epoch_erase(c, ward, e));
    return e->state == EPOCH_PREPARED
               ? drop_tell(c, ward, REC_EPOCH_ABORTED, NULL, e->epoch)
               : OK;
}

/* One root alone does not fill all places: some are for the one after it. */
static enum err next_room(struct call *c, struct record_ward *ward,
                          const struct record_epoch *next)
{
    struct record_epoch all[EPOCHS_MAX];
    size_t ours = 0;
    size_t n = 0;

    TRY(ward_epochs(c, ward->ward, all, &n));
    for (size_t i = 0; i < n; i++)
        TRY(next_clear(c, ward, &all[i], next));
    for (size_t i = 0; i < n; i++)
        ours += ward_epoch_held(&all[i]) &&
                bytes_equal(BYTES_OF(all[i].account_sign), BYTES_OF(ward->account_sign));
    return ours < EPOCHS_OWNER && ward->epochs < EPOCHS_MAX ? OK : ERR_FULL;
}

static enum err next_new(struct call *c, struct record_ward *ward,
                         struct record_epoch *next)
{
    AUTO_SECRET struct sign_seed *seed = NULL;
    struct txn_key key = key_object(next->ward, next->epoch, OBJECT_ACK_SEED);

    TRY(next_room(c, ward, next));
    TRY(secret_new(&seed));
    rng_fill(c->env->rng, seed->b, sizeof seed->b);
    crypt_sign_public(seed, next->ack);
    TRY(next_sign(c, ward, next));
    TRY(txn_put(c->txn, TAB_OBJECT, key_bytes(&key), BYTES_OF(seed->b)));
    TRY(ward_epoch_put(c, next));
    ward->epochs++;
    return ward_put(c, ward);
}

/* Whoever the roster of that epoch lets in: by the same rules as CRED_NEW, and with the
 * key in one commit. */
static enum err next_roster(struct call *c, const struct req_epoch_next *req)
{
    static const uint8_t none[ID_BYTES];
    struct req_cred_new cred = { .type = CRED_ROSTER };
    struct rep_cred_new made = { 0 };

    if (bytes_equal(BYTES_OF(req->roster_id), BYTES_OF(none)))
        return OK;
    memcpy(cred.id, req->roster_id, ID_BYTES);
    memcpy(cred.psk, req->roster_psk, KEY_BYTES);
    enum err e = seat_cred_new(c, &cred, &made);

    secret_wipe(&cred, sizeof cred);
    return e;
}

enum err ward_next(struct call *c, const struct req_epoch_next *req,
                   struct rep_epoch_next *rep)
{
    struct record_epoch next = { .epoch = req->epoch, .state = EPOCH_NEXT_KEY };
    struct record_ward ward = { 0 };

    TRY(next_roster(c, req)); /* first: it counts in the ward's record, too */
    TRY(ward_get(c, c->who->ward, &ward));
    TRY(record_changeable(&ward, c->now));
    TRY(next_may(&ward, req->epoch));
    memcpy(next.ward, ward.ward, ID_BYTES);
    enum err e = ward_epoch(c, ward.ward, req->epoch, &next);
    if (e == ERR_UNKNOWN)
        e = next_new(c, &ward, &next);
    TRY(e);
    memcpy(rep->ack, next.ack, PUB_BYTES);
    memcpy(rep->sig, next.ack_sig, SIG_BYTES);
    return OK;
}

/* ---- what is stored for an epoch, and its acknowledgement ---- */

/* The stored bytes as they are now, not as they were told. */
static enum err stored_now(struct call *c, const struct record_epoch *e,
                           uint8_t out[HASH_BYTES])
{
    static const enum object order[] = { OBJECT_BOX_PIECE, OBJECT_BOX_ROSTER,
                                         OBJECT_MANIFEST, OBJECT_ROSTER,
                                         OBJECT_DESCRIPTOR };
    struct bytes got[5] = { 0 };
    size_t mark = c->mem.n;

    for (size_t i = 0; i < 5; i++)
        TRY(ward_object(c, e->ward, e->epoch, order[i], &got[i]));
    stored_hash(got[0], got[1], got[2], got[3], got[4], out);
    c->mem.n = mark;
    return OK;
}

static enum err ack_now(struct call *c, const struct record_epoch *e,
                        struct bytes *out_ack)
{
    AUTO_SECRET struct sign_seed *seed = NULL;
    struct ack ack = { .state = e->state, .epoch = e->epoch, .time = c->now };
    struct log_head head = { 0 };

    TRY(secret_new(&seed));
    TRY(ward_ack_seed(c, e->ward, e->epoch, seed));
    TRY(stored_now(c, e, ack.stored));
    TRY(txn_log_head(c->txn, &head));
    memcpy(ack.ward, e->ward, ID_BYTES);
    memcpy(ack.manifest_hash, e->manifest_hash, HASH_BYTES);
    memcpy(ack.incarnation, c->env->id->incarnation, ID_BYTES);
    memcpy(ack.log_head, head.hash, HASH_BYTES);
    struct buf b = scratch_buf(c);

    ack_make(&ack, seed, &b);
    return scratch_keep(c, &b, out_ack);
}

/* ---- EPOCH_PREPARE ---- */

/* The descriptor is of this epoch and manifest, which nothing else can be said to be,
 * and names this node and this guardian. */
static enum err prepare_descriptor(struct call *c, const struct req_epoch_prepare *req,
                                   const struct record_ward *ward,
                                   const struct record_epoch *e)
{
    struct span room = { 0 };
    uint8_t name[HASH_BYTES];

    TRY(scratch_take(c, sizeof(struct descriptor), &room));
    struct descriptor *d = (void *)room.p;

    TRY(descriptor_open(req->descriptor, ward->account_sign, d));
    if (d->epoch != req->epoch ||
        !bytes_equal(BYTES_OF(d->manifest_hash), BYTES_OF(req->manifest_hash)))
        return ERR_FORMAT;
    descriptor_name(d, req->hold, req->stop_hold, name);
    if (!bytes_equal(BYTES_OF(name), BYTES_OF(req->manifest_hash)))
        return ERR_FORMAT;
    for (uint32_t i = 0; i < d->n_pieces; i++) {
        const struct descriptor_piece *p = &d->pieces[i];

        if (p->group == req->group && bytes_equal(BYTES_OF(p->ack), BYTES_OF(e->ack)) &&
            bytes_equal(BYTES_OF(p->approval), BYTES_OF(ward->approval)))
            return OK;
    }
    return ERR_FORMAT;
}

/* The same manifest's. Its key has acknowledged it perhaps, and neither that nor its name
 * says when the list is let go: so it stays as it is. */
static bool same_policy(const struct req_epoch_prepare *req, const struct record_epoch *e)
{
    return e->roster_mode == req->roster_mode && e->group == req->group &&
           e->index == req->index;
}

/* Whether what is there may give way: nothing, the same manifest, forgotten, or another
 * than the one that the guardians confirmed elsewhere. */
static enum err prepare_free(const struct call *c, const struct req_epoch_prepare *req,
                             const struct record_ward *ward, const struct record_epoch *e)
{
    bool same = bytes_equal(BYTES_OF(e->manifest_hash), BYTES_OF(req->manifest_hash));

    if (ward->cert_epoch == req->epoch &&
        !is_certified(ward, req->epoch, req->manifest_hash))
        return ERR_STATE;
    if (e->state == EPOCH_NEXT_KEY || is_forgotten(c, e))
        return OK;
    if (same)
        return same_policy(req, e) ? OK : ERR_BUSY;
    return ward->cert_epoch == req->epoch ? OK : ERR_BUSY;
}

enum err ward_object_put(struct call *c, const struct record_epoch *e, enum object which,
                         struct bytes value)
{
    struct txn_key key = key_object(e->ward, e->epoch, which);
    struct data_id id = { .epoch = e->epoch };

    memcpy(id.ward, e->ward, ID_BYTES);
    return data_put(c->txn, &id, TAB_OBJECT, key_bytes(&key), value);
}

static enum err prepare_store(struct call *c, const struct req_epoch_prepare *req,
                              const struct record_epoch *e)
{
    struct data_id id = { .epoch = e->epoch };

    memcpy(id.ward, e->ward, ID_BYTES);
    enum err has = data_key_has(c->txn, &id);
    if (has == ERR_UNKNOWN)
        has = data_key_new(c->txn, &id);
    TRY(has);
    TRY(ward_object_put(c, e, OBJECT_BOX_PIECE, req->box_piece));
    TRY(ward_object_put(c, e, OBJECT_BOX_ROSTER, req->box_roster));
    TRY(ward_object_put(c, e, OBJECT_MANIFEST, req->manifest));
    TRY(ward_object_put(c, e, OBJECT_ROSTER, req->roster));
    return ward_object_put(c, e, OBJECT_DESCRIPTOR, req->descriptor);
}

static void prepare_fill(const struct call *c, const struct req_epoch_prepare *req,
                         const struct record_ward *ward, struct record_epoch *e)
{
    e->state = EPOCH_PREPARED;
    e->group = req->group;
    e->index = req->index;
    e->hold = req->hold;
    e->stop_hold = req->stop_hold;
    e->roster_mode = req->roster_mode;
    e->prepared = c->now;
    e->confirmed = e->epoch == 1 ? ward->confirmed : 0;
    e->size = (uint32_t)(req->box_piece.n + req->box_roster.n + req->manifest.n +
                         req->roster.n + req->descriptor.n);
    memcpy(e->manifest_hash, req->manifest_hash, HASH_BYTES);
    memcpy(e->account_sign, ward->account_sign, PUB_BYTES);
}

static enum err prepare_new(struct call *c, const struct req_epoch_prepare *req,
                            struct record_ward *ward, struct record_epoch *e)
{
    uint32_t before = e->size;
    bool again = e->state == EPOCH_PREPARED &&
                 bytes_equal(BYTES_OF(e->manifest_hash), BYTES_OF(req->manifest_hash));

    TRY(prepare_descriptor(c, req, ward, e));
    TRY(prepare_free(c, req, ward, e));
    prepare_fill(c, req, ward, e);
    ward->bytes = ward->bytes - before + e->size;
    if (ward->bytes > c->env->limits->ward_bytes)
        return ERR_FULL;
    TRY(prepare_store(c, req, e));
    TRY(ward_epoch_put(c, e));
    TRY(ward_put(c, ward));
    /* Saying it over and over would push older alerts out of their drop. */
    if (again)
        return OK;
    return drop_tell(c, ward, REC_EPOCH_PREPARED, NULL, e->epoch);
}

/* The caller's ward and one of its epochs; what was never begun is not possible now. */
static enum err own_epoch(struct call *c, uint32_t epoch, struct record_ward *out_ward,
                          struct record_epoch *out)
{
    TRY(ward_get(c, c->who->ward, out_ward));
    TRY(record_changeable(out_ward, c->now));
    enum err e = ward_epoch(c, out_ward->ward, epoch, out);

    return e == ERR_UNKNOWN ? ERR_STATE : e;
}

enum err ward_prepare(struct call *c, const struct req_epoch_prepare *req,
                      struct rep_epoch_prepare *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(own_epoch(c, req->epoch, &ward, &e));
    /* Committed meanwhile, and asked again: what is active is not written over. */
    if (req->epoch == ward.active && e.state == EPOCH_ACTIVE &&
        bytes_equal(BYTES_OF(e.manifest_hash), BYTES_OF(req->manifest_hash)))
        return ack_now(c, &e, &rep->ack);
    if (ward_epoch_held(&e))
        return ERR_STATE;
    TRY(next_may(&ward, req->epoch));
    TRY(prepare_new(c, req, &ward, &e));
    return ack_now(c, &e, &rep->ack);
}

/* ---- EPOCH_COMMIT ---- */

enum err ward_make_active(struct call *c, struct record_ward *ward,
                          struct record_epoch *e)
{
    struct record_epoch old = { 0 };
    enum err got = ERR_UNKNOWN;

    if (ward->active != 0)
        got = ward_epoch(c, ward->ward, ward->active, &old);
    if (got == OK) {
        old.state = EPOCH_SUPERSEDED;
        TRY(ward_epoch_put(c, &old));
    } else if (got != ERR_UNKNOWN && got != ERR_CORRUPT) { /* damaged: it is replaced */
        return got;
    }
    e->state = EPOCH_ACTIVE;
    /* A clock that stands says nothing of how long ago that was. */
    e->committed = c->env->clock == CLOCK_FROZEN ? UINT64_MAX : c->now;
    ward->active = e->epoch;
    ward->root_new = 0;
    TRY(ward_epoch_put(c, e));
    TRY(ward_put(c, ward));
    TRY(drop_tell(c, ward, REC_EPOCH_COMMITTED, NULL, e->epoch));
    return is_certified(ward, e->epoch, e->manifest_hash) ? ward_epoch_confirm(c, ward, e)
                                                          : OK;
}

enum err ward_commit(struct call *c, const struct req_epoch_commit *req,
                     struct rep_epoch_commit *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(own_epoch(c, req->epoch, &ward, &e));
    if (!bytes_equal(BYTES_OF(e.manifest_hash), BYTES_OF(req->manifest_hash)))
        return ERR_STATE;
    if (e.state == EPOCH_PREPARED)
        TRY(ward_make_active(c, &ward, &e));
    else if (e.state != EPOCH_ACTIVE)
        return ERR_STATE;
    return ack_now(c, &e, &rep->ack);
}

/* ---- EPOCH_ABORT ---- */

/* What is active stays, whatever is asked for. */
enum err ward_abort(struct call *c, const struct req_epoch_abort *req,
                    struct rep_epoch_abort *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    (void)rep;
    TRY(ward_get(c, c->who->ward, &ward));
    TRY(record_changeable(&ward, c->now));
    enum err got = ward_epoch(c, ward.ward, req->epoch, &e);
    if (got == ERR_UNKNOWN)
        return req->epoch > ward.active ? OK : ERR_STATE; /* asked again */
    TRY(got);
    if (ward_epoch_held(&e))
        return ERR_STATE;
    TRY(ward_epoch_erase(c, &ward, &e));
    TRY(ward_put(c, &ward));
    return e.state == EPOCH_PREPARED
               ? drop_tell(c, &ward, REC_EPOCH_ABORTED, NULL, e.epoch)
               : OK;
}

/* ---- EPOCH_STATE ---- */

/* One that is damaged has none, and hides nothing of the others. */
static enum err ack_if_whole(struct call *c, const struct record_epoch *e,
                             struct bytes *out_ack)
{
    size_t mark = c->mem.n;
    enum err got = ack_now(c, e, out_ack);

    if (got != ERR_CORRUPT && got != ERR_UNKNOWN)
        return got;
    c->mem.n = mark;
    return OK;
}

static enum err state_lines(struct call *c, const uint8_t ward[ID_BYTES],
                            struct rep_epoch_state *rep)
{
    struct record_epoch held[EPOCHS_MAX];
    size_t n = 0;

    TRY(ward_epochs(c, ward, held, &n));
    for (size_t i = 0; i < n; i++) {
        struct epoch_line *line = &rep->epochs[i];

        line->epoch = held[i].epoch;
        line->state = held[i].state;
        line->confirmed = held[i].confirmed != 0;
        line->perhaps = held[i].perhaps;
        memcpy(line->manifest_hash, held[i].manifest_hash, HASH_BYTES);
        if (held[i].state != EPOCH_NEXT_KEY)
            TRY(ack_if_whole(c, &held[i], &line->ack));
    }
    rep->n_epochs = (uint32_t)n;
    return OK;
}

static enum err state_cert(struct call *c, const struct record_ward *ward,
                           struct rep_epoch_state *rep)
{
    struct txn_key key = key_object(ward->ward, 0, OBJECT_CERT);

    if (ward->cert_epoch == 0 || ward->left != 0)
        return OK;
    return record_bytes(c, NULL, TAB_OBJECT, &key, &rep->proof);
}

enum err ward_state(struct call *c, const struct req_epoch_state *req,
                    struct rep_epoch_state *rep)
{
    bool guardian = c->who->role == ROLE_GUARDIAN;
    struct record_ward ward = { 0 };

    if (guardian)
        TRY(ward_visible(c, req->ward, &ward));
    else
        TRY(ward_get(c, c->who->ward, &ward));
    TRY(state_lines(c, ward.ward, rep));
    rep->cert_epoch = ward.cert_epoch;
    memcpy(rep->cert_hash, ward.cert_hash, HASH_BYTES);
    rep->retire_to = ward.retire_to;
    rep->retire_due = ward.retire_due;
    rep->end_due = ward.left == 0 ? ward.end_due : 0;
    rep->retired = ward.retired;
    return req->want == EPOCH_WANT_CERT ? state_cert(c, &ward, rep) : OK;
}
