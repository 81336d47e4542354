/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guard.h"

/* ---- taking a seat ---- */

static struct day_seat *seat_find(struct day *d, const uint8_t id[SEAT_BYTES])
{
    for (size_t i = 0; i < d->n_seats; i++)
        if (bytes_equal(BYTES_OF(d->seats[i].seat), bytes_of(id, SEAT_BYTES)))
            return &d->seats[i];
    return NULL;
}

static void seat_address(struct day *d, const struct link *link, struct day_seat *s)
{
    uint8_t raw[ADDRESS_MAX];
    struct buf b = BUF_OF(raw);

    address_put(&link->address, &b);
    s->node[0].addresses[0].at = day_keep(d, buf_bytes(&b));
    s->node[0].n_addresses = 1;
}

bool guard_seat_is_old(const struct day *d, const struct day_seat *s)
{
    uint8_t fp[FP_BYTES];
    uint8_t id[SEAT_BYTES];

    ident_fingerprint(d->me.guard_sign, d->me.guard_seal, fp);
    ident_seat_id(s->node[0].node_key, fp, id);
    return !bytes_equal(BYTES_OF(id), BYTES_OF(s->seat));
}

/* The conversation keys of that seat, from the root. */
static enum err talk_keys(struct day_seat *s, const struct root_key *root)
{
    AUTO_SECRET struct seat_keys *keys = NULL;

    TRY(secret_new(&keys));
    TRY(ident_seat_keys(root, s->node[0].node_key, s->seat, keys));
    memcpy(s->stat, keys->stat.b, KEY_BYTES);
    memcpy(s->psk, keys->psk.b, KEY_BYTES);
    return OK;
}

enum err guard_seat_follows(const struct day_seat *s, const struct root_key *root,
                            bool *out)
{
    AUTO_SECRET struct seat_keys *keys = NULL;

    TRY(secret_new(&keys));
    TRY(ident_seat_keys(root, s->node[0].node_key, s->seat, keys));
    *out = bytes_equal(BYTES_OF(s->stat), BYTES_OF(keys->stat.b)) &&
           bytes_equal(BYTES_OF(s->psk), BYTES_OF(keys->psk.b));
    return OK;
}

/* The entry of those guardian keys' seat at that node, found or new. */
static enum err entry_of(struct day *d, const uint8_t node_key[PUB_BYTES],
                         const uint8_t fp[FP_BYTES], const struct root_key *root,
                         const struct params *p, struct day_seat **out)
{
    uint8_t id[SEAT_BYTES];

    ident_seat_id(node_key, fp, id);
    struct day_seat *s = seat_find(d, id);
    if (s == NULL && d->n_seats == DAY_SEATS)
        return ERR_TOO_BIG;
    if (s == NULL) {
        s = &d->seats[d->n_seats++];
        *s = (struct day_seat){ .progress = GUARDIAN_NEW, .n_node = 1 };
        s->added = p->now();
    }
    memcpy(s->seat, id, SEAT_BYTES);
    memcpy(s->fp, fp, FP_BYTES);
    memcpy(s->node[0].node_key, node_key, PUB_BYTES);
    s->unlocked = d->unlocked;
    TRY(talk_keys(s, root));
    *out = s;
    return OK;
}

/* The entry of the seat that the day's guardian keys have there. */
static enum err entry_at(struct day *d, const uint8_t node_key[PUB_BYTES],
                         const struct root_key *root, const struct params *p,
                         struct day_seat **out)
{
    uint8_t fp[FP_BYTES];

    ident_fingerprint(d->me.guard_sign, d->me.guard_seal, fp);
    return entry_of(d, node_key, fp, root, p, out);
}

enum err guard_seat_prepare(struct day *d, const struct root_key *root,
                            const struct link *link, const struct params *p,
                            struct day_seat **out)
{
    struct day_seat *s = NULL;

    TRY(entry_at(d, link->node_key, root, p, &s));
    memcpy(s->token, link->token, TOKEN_BYTES);
    rng_fill(p->rng, s->op_enrol, ID_BYTES);
    s->operator_bit |= link->type == LINK_OPERATOR;
    seat_address(d, link, s);
    *out = s;
    return OK;
}

struct enrol {
    const struct day_seat *seat;
    const struct guardian_keys *keys;
    const struct seat_keys *talk;
    struct req_seat_enrol req;
};

static enum err enrol_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out_send)
{
    struct enrol *e = c->ctx;
    const uint8_t *node = e->seat->node[0].node_key;

    if (reply != NULL) {
        TRY(reply->err);
        const struct rep_seat_enrol *rep = reply->rep;
        return bytes_equal(BYTES_OF(rep->seat), BYTES_OF(e->seat->seat)) ? OK
                                                                         : ERR_FORMAT;
    }
    seat_enrol_sign(&e->keys->sign, node, c->handshake, e->req.enrol_sig);
    *out_send = (struct call_send){ MSG_SEAT_ENROL, &e->req };
    return OK;
}

static void enrol_fill(struct enrol *e, const struct params *p)
{
    struct req_seat_enrol *r = &e->req;

    /* The signature is over this very handshake, so a repeat is another operation. */
    rng_fill(p->rng, r->op, ID_BYTES);
    crypt_sign_public(&e->keys->sign, r->sign_pub);
    crypt_dh_public(&e->keys->seal, r->seal_pub);
    crypt_dh_public(&e->talk->stat, r->stat);
    memcpy(r->psk, e->talk->psk.b, KEY_BYTES);
    r->unlocked = e->seat->unlocked;
    seat_keys_sign(&e->keys->sign, e->seat->node[0].node_key, e->seat->seat, r->seal_pub,
                   r->keys_sig);
}

/* The conversation by the link. */
static enum err enrol_round(const struct params *p, const struct day_seat *s,
                            const struct root_key *root, struct call *c)
{
    AUTO_SECRET struct guardian_keys *keys = NULL;
    AUTO_SECRET struct seat_keys *talk = NULL;
    AUTO_SECRET struct credential *link = NULL;
    AUTO_SECRET struct enrol *e = NULL;

    TRY(secret_new(&keys));
    TRY(secret_new(&talk));
    TRY(secret_new(&link));
    TRY(secret_new(&e));
    TRY(ident_guardian(root, keys));
    memcpy(talk->stat.b, s->stat, KEY_BYTES);
    memcpy(talk->psk.b, s->psk, KEY_BYTES);
    ident_credential(BYTES_OF(s->token), link);
    *e = (struct enrol){ .seat = s, .keys = keys, .talk = talk };
    enrol_fill(e, p);
    *c = (struct call){ .role = ROLE_OPERATOR,
                        .node_key = s->node[0].node_key,
                        .stat = &talk->stat,
                        .id = link->id,
                        .psk = &link->psk,
                        .step = enrol_step,
                        .ctx = e };
    call_addresses(c, s->node[0].addresses, s->node[0].n_addresses);
    return call_round(c, 1, p->round_ms, p->rng);
}

enum err guard_seat_try(const struct params *p, struct day_seat *s, struct call *out_call)
{
    struct req_wards req = { 0 };
    struct rep_wards rep; /* its slices are not looked at */

    return guard_send(p, s, MSG_WARDS, &req, &rep, sizeof rep, out_call);
}

enum err guard_seat_take(const struct params *p, struct day_seat *s,
                         const struct root_key *root, struct call *out_call)
{
    TRY(enrol_round(p, s, root, out_call));
    TRY(out_call->err);
    TRY(guard_seat_try(p, s, out_call));
    s->progress = GUARDIAN_READY;
    secret_wipe(s->token, TOKEN_BYTES);
    memset(s->op_enrol, 0, ID_BYTES);
    return OK;
}

struct telling {
    struct guardian_keys keys;
    struct seat_keys talk;
    struct enrol enrol;
};

enum err guard_seat_tell(const struct params *p, const struct day *d, struct day_seat *s,
                         const struct root_key *root, struct call *out_call)
{
    AUTO_SECRET struct telling *t = NULL;

    TRY(secret_new(&t));
    TRY(ident_guardian(root, &t->keys));
    memcpy(t->talk.stat.b, s->stat, KEY_BYTES);
    memcpy(t->talk.psk.b, s->psk, KEY_BYTES);
    s->unlocked = d->unlocked;
    t->enrol = (struct enrol){ .seat = s, .keys = &t->keys, .talk = &t->talk };
    enrol_fill(&t->enrol, p);
    return guard_talk_once(p, s, enrol_step, &t->enrol, out_call);
}

/* ---- new keys: after a forgotten passphrase, and of a new root ---- */

struct reset {
    const struct day_seat *seat;
    const struct guardian_keys *keys;
    struct req_seat_reset req;
};

static enum err reset_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out_send)
{
    struct reset *r = c->ctx;
    const uint8_t *node = r->seat->node[0].node_key;

    if (reply != NULL) {
        TRY(reply->err);
        const struct rep_seat_reset *rep = reply->rep;
        return bytes_equal(BYTES_OF(rep->seat), BYTES_OF(r->seat->seat)) ? OK
                                                                         : ERR_FORMAT;
    }
    seat_enrol_sign(&r->keys->sign, node, c->handshake, r->req.enrol_sig);
    *out_send = (struct call_send){ MSG_SEAT_RESET, &r->req };
    return OK;
}

static void dh_public_of(const uint8_t stat[KEY_BYTES], uint8_t out[PUB_BYTES])
{
    struct dh_key key;

    memcpy(key.b, stat, KEY_BYTES);
    crypt_dh_public(&key, out);
    secret_wipe(&key, sizeof key);
}

/* after: the old seat as it is to be reached from then on. */
static void reset_fill(struct reset *r, const struct day_seat *after,
                       const struct params *p)
{
    struct req_seat_reset *q = &r->req;
    const struct day_seat *s = r->seat;

    rng_fill(p->rng, q->op, ID_BYTES);
    crypt_sign_public(&r->keys->sign, q->sign_pub);
    crypt_dh_public(&r->keys->seal, q->seal_pub);
    seat_keys_sign(&r->keys->sign, s->node[0].node_key, s->seat, q->seal_pub,
                   q->keys_sig);
    dh_public_of(s->stat, q->stat);
    memcpy(q->psk, s->psk, KEY_BYTES);
    q->unlocked = s->unlocked;
    dh_public_of(after->stat, q->old_stat);
    memcpy(q->old_psk, after->psk, KEY_BYTES);
}

static enum err reset_round(const struct params *p, struct day_seat *old,
                            const struct day_seat *after, const struct day_seat *seat,
                            const struct root_key *root, struct call *out_call)
{
    AUTO_SECRET struct guardian_keys *keys = NULL;
    AUTO_SECRET struct reset *r = NULL;

    TRY(secret_new(&keys));
    TRY(secret_new(&r));
    TRY(ident_guardian(root, keys));
    *r = (struct reset){ .seat = seat, .keys = keys };
    reset_fill(r, after, p);
    return guard_talk_once(p, old, reset_step, r, out_call);
}

static void node_copy(struct day *d, const struct day_seat *from, struct day_seat *to)
{
    to->node[0] = from->node[0];
    for (uint32_t i = 0; i < to->node[0].n_addresses; i++)
        to->node[0].addresses[i].at = day_keep(d, from->node[0].addresses[i].at);
    to->operator_bit = from->operator_bit;
}

enum err guard_seat_reset(const struct params *p, struct day *d, struct day_seat *old,
                          const struct root_key *root, struct day_seat **out,
                          struct call *out_call)
{
    AUTO_SECRET struct day_seat *after = NULL;
    struct day_seat *s = NULL;

    TRY(entry_at(d, old->node[0].node_key, root, p, &s));
    /* One that is spoken with is known better than the old one. */
    if (s->progress != GUARDIAN_READY)
        node_copy(d, old, s);
    TRY(secret_new(&after));
    *after = *old;
    /* From the new root too: after a power cut they are known again. */
    TRY(talk_keys(after, root));
    enum err e = reset_round(p, old, after, s, root, out_call);
    /* The answer may have been lost, now or before: then the new keys are let in. At the
     * old seat: the new one may stand since another old one was reset. */
    if (e != OK && guard_seat_try(p, after, out_call) != OK)
        return e;
    memcpy(old->stat, after->stat, KEY_BYTES);
    memcpy(old->psk, after->psk, KEY_BYTES);
    s->progress = GUARDIAN_READY;
    *out = s;
    return OK;
}

/* ---- what a restore does not bring ---- */

/* The newest entry again: nobody is there. */
static void entry_drop(struct day *d, struct day_seat *s)
{
    MUST(s == &d->seats[d->n_seats - 1]);
    secret_wipe(s, sizeof *s);
    d->n_seats--;
}

enum err guard_seat_find(const struct params *p, struct day *d, const struct day_seat *at,
                         const struct root_key *former, const struct root_key *root)
{
    const uint8_t *node = at->node[0].node_key;
    struct day_seat *now = NULL;
    struct day_seat *s = NULL;
    uint8_t fp[FP_BYTES];
    uint8_t id[SEAT_BYTES];

    TRY(ident_root_fingerprint(former, fp));
    ident_seat_id(node, fp, id);
    if (seat_find(d, id) != NULL)
        return ERR_UNKNOWN;
    MUST(!guard_seat_is_old(d, at) && at->progress == GUARDIAN_READY);
    TRY(entry_of(d, node, fp, root, p, &s));
    s->node[0].n_addresses = at->node[0].n_addresses;
    for (uint32_t i = 0; i < s->node[0].n_addresses; i++)
        s->node[0].addresses[i].at = day_keep(d, at->node[0].addresses[i].at);
    enum err e = guard_seat_try(p, s, NULL);
    if (e != OK && e != ERR_NOMEM) {
        /* Its node was not told of the new root, when there was one. */
        TRY(talk_keys(s, former));
        e = guard_seat_reset(p, d, s, root, &now, NULL);
    }
    if (e == OK) {
        s->progress = GUARDIAN_READY;
        return OK;
    }
    entry_drop(d, s);
    return e == ERR_NOMEM ? e : ERR_UNKNOWN;
}
