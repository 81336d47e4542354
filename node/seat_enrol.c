/* SPDX-License-Identifier: Apache-2.0 */
#include "node/seat_part.h"

/* ---- SEAT_ENROL ---- */

enum err seat_keys_mine(const struct call *c, const struct req_seat_enrol *req,
                        const uint8_t seat[ID_BYTES])
{
    const uint8_t *node = c->env->id->node_pub;

    TRY(seat_enrol_verify(req->sign_pub, node, c->who->handshake, req->enrol_sig));
    return seat_keys_verify(req->sign_pub, node, seat, req->seal_pub, req->keys_sig);
}

enum err seat_room(struct call *c)
{
    struct txn_key at = { 0 };
    uint64_t seats = 0;
    enum err e = OK;

    while ((e = txn_next(c->txn, TAB_SEAT, (struct bytes){ 0 }, &at, (struct span){ 0 },
                         NULL)) == OK)
        seats++;
    if (e != ERR_UNKNOWN)
        return e;
    return seats < c->env->limits->seats ? OK : ERR_FULL;
}

/* The guardian's credential at its seat: new, or with other keys than before. */
static enum err enrol_cred(struct call *c, const struct req_seat_enrol *req,
                           struct record_seat *seat)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    enum err e = id_none(seat->cred) ? ERR_UNKNOWN : cred_get(c, seat->cred, cred);
    if (e != OK && e != ERR_UNKNOWN)
        return e;
    if (e == OK && bytes_equal(BYTES_OF(cred->stat), BYTES_OF(req->stat))) {
        memcpy(cred->psk.b, req->psk, KEY_BYTES);
        return cred_put(c, cred);
    }
    if (e == OK)
        TRY(cred_erase(c, seat->cred));
    rng_fill(c->env->rng, seat->cred, ID_BYTES);
    *cred = (struct record_cred){ .type = CRED_GUARDIAN, .made = c->now };
    memcpy(cred->cred, seat->cred, ID_BYTES);
    memcpy(cred->seat, seat->seat, ID_BYTES);
    memcpy(cred->psk.b, req->psk, KEY_BYTES);
    memcpy(cred->stat, req->stat, PUB_BYTES);
    e = cred_add(c, cred);
    return e == ERR_EXISTS ? ERR_USED : e;
}

static enum err enrol_inbox(struct call *c, struct record_seat *seat)
{
    if (!id_none(seat->inbox))
        return OK;
    rng_fill(c->env->rng, seat->inbox, ID_BYTES);
    return drop_new(c, seat->inbox, KIND_INBOX, seat->seat);
}

enum err seat_take(struct call *c, const struct req_seat_enrol *req,
                   const uint8_t id[ID_BYTES], struct record_seat *io)
{
    memcpy(io->seat, id, ID_BYTES);
    memcpy(io->sign_pub, req->sign_pub, PUB_BYTES);
    memcpy(io->seal_pub, req->seal_pub, PUB_BYTES);
    memcpy(io->keys_sig, req->keys_sig, SIG_BYTES);
    io->unlocked = req->unlocked;
    TRY(enrol_cred(c, req, io));
    TRY(enrol_inbox(c, io));
    TRY(seat_put(c, io));
    return record_log(c, REC_SEAT_ENROLLED, id, NULL);
}

/* Who came by a link, which ends when the keys have worked. */
static enum err enrol_link(struct call *c, struct record_seat *seat)
{
    if (c->who->role != ROLE_OPERATOR)
        return OK;
    /* An earlier link of this seat has done its work. */
    if (!id_none(seat->link) && !id_equal(seat->link, c->who->cred))
        TRY(cred_erase(c, seat->link));
    memcpy(seat->link, c->who->cred, ID_BYTES);
    if (c->who->type == CRED_OPERATOR)
        seat->operator_ = 1;
    return OK;
}

enum err seat_enrol(struct call *c, const struct req_seat_enrol *req,
                    struct rep_seat_enrol *rep)
{
    struct record_seat seat = { .enrolled = c->now };
    uint8_t fp[FP_BYTES];
    uint8_t id[ID_BYTES];

    ident_fingerprint(req->sign_pub, req->seal_pub, fp);
    ident_seat_id(c->env->id->node_pub, fp, id);
    /* Who enrols a key speaks with it. */
    if (!bytes_equal(BYTES_OF(req->stat), BYTES_OF(c->who->stat)))
        return ERR_KEY;
    /* A guardian has its seat already: this is about that one. */
    if (c->who->role == ROLE_GUARDIAN && !id_equal(id, c->who->seat))
        return ERR_STATE;
    TRY(seat_keys_mine(c, req, id));
    enum err e = seat_get(c, id, &seat);
    if (e == ERR_UNKNOWN)
        TRY(seat_room(c));
    else
        TRY(e);
    bool changed = seat.unlocked != req->unlocked;
    TRY(enrol_link(c, &seat));
    seat.reset = 0; /* whoever has these keys has not lost them */
    TRY(seat_take(c, req, id, &seat));
    memcpy(rep->seat, id, ID_BYTES);
    return changed ? seat_tell_keys(c, &seat) : OK;
}

/* ---- SEAT_INFO ---- */

static enum err info_addresses(struct call *c, struct rep_seat_info *rep)
{
    for (uint32_t i = 0; i < c->env->n_addresses; i++) {
        struct buf b = scratch_buf(c);

        address_put(&c->env->addresses[i], &b);
        TRY(scratch_keep(c, &b, &rep->addresses[i].at));
    }
    rep->n_addresses = c->env->n_addresses;
    return OK;
}

static enum err info_ward(struct call *c, const uint8_t id[ID_BYTES],
                          struct rep_seat_info *rep)
{
    struct record_ward ward = { 0 };

    TRY(seat_ward(c, id, &ward));
    memcpy(rep->ward, ward.ward, ID_BYTES);
    memcpy(rep->invite, ward.invite, ID_BYTES);
    memcpy(rep->approval, ward.approval, PUB_BYTES);
    memcpy(rep->approval_sig, ward.approval_sig, SIG_BYTES);
    return OK;
}

static enum err info_invite(struct call *c, struct rep_seat_info *rep)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(cred_get(c, c->who->cred, cred));
    memcpy(rep->ward, cred->ward, ID_BYTES);
    memcpy(rep->invite, cred->cred, ID_BYTES);
    memcpy(rep->approval, cred->approval, PUB_BYTES);
    memcpy(rep->approval_sig, cred->approval_sig, SIG_BYTES);
    return OK;
}

enum err seat_info(struct call *c, const struct req_seat_info *req,
                   struct rep_seat_info *rep)
{
    struct record_seat seat = { 0 };

    (void)req;
    TRY(seat_get(c, c->who->seat, &seat));
    memcpy(rep->seat, seat.seat, ID_BYTES);
    memcpy(rep->sign_pub, seat.sign_pub, PUB_BYTES);
    memcpy(rep->seal_pub, seat.seal_pub, PUB_BYTES);
    memcpy(rep->keys_sig, seat.keys_sig, SIG_BYTES);
    rep->unlocked = seat.unlocked;
    if (c->who->role == ROLE_INVITE)
        TRY(info_invite(c, rep));
    else
        TRY(info_ward(c, c->who->ward, rep));
    return info_addresses(c, rep);
}
