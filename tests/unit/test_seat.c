/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/seat.h"
#include "node/ward.h"
#include "tests/sim/cast.h"

struct world {
    struct node_sim n;
    struct sim_guardian a;
    struct sim_guardian b;
    struct sim_owner o; /* ward of a */
    struct rep_cred_list list;
};

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 31);
    sim_seat(&w->n, &w->a);
    sim_seat(&w->n, &w->b);
    sim_ward(&w->n, &w->a, &w->o);
    *state = w;
    return 0;
}

static int down(void **state)
{
    struct world *w = *state;

    node_sim_close(&w->n);
    free(w);
    return 0;
}

static enum err cred_new(struct world *w, const struct session *who,
                         struct req_cred_new *req)
{
    sim_op(&w->n, req->op);
    return node_sim_ask(&w->n, who, MSG_CRED_NEW, req, NULL);
}

static enum err cred_drop(struct world *w, const struct session *who,
                          const uint8_t id[ID_BYTES])
{
    struct req_cred_drop req = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.id, id, ID_BYTES);
    return node_sim_ask(&w->n, who, MSG_CRED_DROP, &req, NULL);
}

static const struct rep_cred_list *cred_list(struct world *w, const struct session *who)
{
    struct req_cred_list req = { 0 };

    assert_int_equal(node_sim_ask(&w->n, who, MSG_CRED_LIST, &req, &w->list), OK);
    return &w->list;
}

/* A link of that type by the guardian a, with a login that uses it. */
static struct req_cred_new link_req(struct world *w, enum cred_type type,
                                    struct sim_login *l)
{
    struct req_cred_new req = { .type = (uint8_t)type,
                                .expires = w->n.now + CRED_LIFE_S };
    uint8_t token[TOKEN_BYTES];

    rng_fill(&w->n.rng, token, sizeof token);
    sim_login_new(l, cred_role(type), &w->n.rng);
    sim_login_token(l, cred_role(type), BYTES_OF(token));
    memcpy(req.id, l->id, ID_BYTES);
    memcpy(req.psk, l->psk.b, KEY_BYTES);
    if (type == CRED_RESTORE)
        memcpy(req.ward, w->o.ward, ID_BYTES);
    if (type == CRED_ROSTER || type == CRED_SHEET)
        req.expires = 0;
    return req;
}

static struct req_cred_new device_req(struct world *w, struct sim_login *l)
{
    struct req_cred_new req = { .type = CRED_DEVICE };

    sim_login_new(l, ROLE_DEVICE, &w->n.rng);
    sim_op(&w->n, req.id);
    memcpy(req.psk, l->psk.b, KEY_BYTES);
    memcpy(req.stat, l->pub, PUB_BYTES);
    memcpy(req.sign, w->o.account_pub, PUB_BYTES);
    return req;
}

/* ---- SEAT_ENROL ---- */

static void a_seat_needs_its_guardians_signatures(void **state)
{
    struct world *w = *state;
    struct sim_guardian g;
    struct session link = { 0 };

    sim_guardian_new(&w->n, &g);
    assert_int_equal(node_sim_login(&w->n, &g.link, &link), OK);
    for (int fault = 0; fault < 6; fault++) {
        struct req_seat_enrol req;

        sim_seat_req(&w->n, &g, link.handshake, &req);
        if (fault == 0)
            req.enrol_sig[0] ^= 1;
        if (fault == 1)
            req.keys_sig[63] ^= 1;
        if (fault == 2) /* another conversation's */
            sim_seat_req(&w->n, &g, w->a.who.handshake, &req);
        if (fault == 3) /* a sealing key the guardian did not sign */
            memcpy(req.seal_pub, w->b.seal_pub, PUB_BYTES);
        if (fault == 4) /* somebody else's signing key */
            memcpy(req.sign_pub, w->b.sign_pub, PUB_BYTES);
        if (fault == 5) /* a static key it does not speak with */
            memcpy(req.stat, w->b.login.pub, PUB_BYTES);
        assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, NULL),
                         fault == 5 ? ERR_KEY : ERR_SIGNATURE);
        assert_int_equal(node_sim_login(&w->n, &g.login, &g.who), ERR_UNKNOWN);
    }
}

static void a_link_gives_one_seat(void **state)
{
    struct world *w = *state;
    struct sim_guardian g;
    struct sim_guardian second;
    struct session link = { 0 };
    struct req_seat_enrol req;

    sim_guardian_new(&w->n, &second); /* whose link the next one replaces */
    sim_guardian_new(&w->n, &g);
    assert_int_equal(node_sim_login(&w->n, &second.link, &link), ERR_UNKNOWN);
    assert_int_equal(node_sim_login(&w->n, &g.link, &link), OK);
    sim_seat_req(&w->n, &g, link.handshake, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, NULL), OK);
    /* The same static key, another guardian. */
    second.login = g.login;
    sim_seat_req(&w->n, &second, link.handshake, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, NULL), ERR_USED);
}

static void a_lost_reply_strands_no_guardian(void **state)
{
    struct world *w = *state;
    struct sim_guardian g;
    struct session link = { 0 };
    struct req_seat_enrol req;

    sim_guardian_new(&w->n, &g);
    assert_int_equal(node_sim_login(&w->n, &g.link, &link), OK);
    sim_seat_req(&w->n, &g, link.handshake, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, NULL), OK);
    node_sim_again(&w->n);
    /* The link still opens, for the same key; asked anew it is the same seat. */
    assert_int_equal(node_sim_login(&w->n, &g.link, &link), OK);
    sim_seat_req(&w->n, &g, link.handshake, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &g.login, &g.who), OK);
    assert_memory_equal(g.who.seat, g.seat, ID_BYTES);
    /* The key has worked: the link is gone. */
    assert_int_equal(node_sim_login(&w->n, &g.link, &link), ERR_UNKNOWN);
    assert_int_equal(
        node_sim_ask(&w->n, &link, MSG_HELLO, &(struct req_hello){ .version = 1 }, NULL),
        ERR_REFUSED);
}

static void equal_guardian_keys_find_their_seat_again(void **state)
{
    struct world *w = *state;
    struct sim_guardian moved;
    struct session link = { 0 };
    struct session who = { 0 };
    struct req_seat_enrol req;
    struct rep_seat_enrol rep = { 0 };
    struct req_wards wards = { 0 };
    struct rep_wards list = { 0 };

    sim_guardian_new(&w->n, &moved);
    moved.sign = w->a.sign;
    memcpy(moved.sign_pub, w->a.sign_pub, PUB_BYTES);
    memcpy(moved.seal_pub, w->a.seal_pub, PUB_BYTES);
    memcpy(moved.seat, w->a.seat, ID_BYTES);
    assert_int_equal(node_sim_login(&w->n, &moved.link, &link), OK);
    sim_seat_req(&w->n, &moved, link.handshake, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, &rep), OK);
    assert_memory_equal(rep.seat, w->a.seat, ID_BYTES);
    /* The old conversation key has ended, the wards are there. */
    assert_int_equal(node_sim_login(&w->n, &w->a.login, &who), ERR_UNKNOWN);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_WARDS, &wards, &list),
                     ERR_REFUSED);
    assert_int_equal(node_sim_login(&w->n, &moved.login, &who), OK);
    assert_int_equal(node_sim_ask(&w->n, &who, MSG_WARDS, &wards, &list), OK);
    assert_int_equal(list.n_wards, 1);
    assert_memory_equal(list.wards[0].ward, w->o.ward, ID_BYTES);
}

static void seats_have_a_limit_that_those_who_have_one_do_not_meet(void **state)
{
    struct world *w = *state;
    struct sim_guardian g;
    struct session link = { 0 };
    struct req_seat_enrol req;

    w->n.limits.seats = 2;
    sim_guardian_new(&w->n, &g);
    assert_int_equal(node_sim_login(&w->n, &g.link, &link), OK);
    sim_seat_req(&w->n, &g, link.handshake, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, NULL), ERR_FULL);
    w->n.limits.seats = 3;
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, NULL), OK);
    w->n.limits.seats = 1;
    sim_op(&w->n, req.op);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &req, NULL), OK);
}

static void only_an_operator_hosts_others(void **state)
{
    struct world *w = *state;
    struct sim_guardian g;
    struct sim_login l;
    struct session link = { 0 };
    struct req_cred_new req = link_req(w, CRED_SEAT, &l);
    struct req_seat_enrol enrol;

    /* Both came by operator links; the guest will not. */
    assert_true(w->a.who.operator_);
    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    sim_guardian_new(&w->n, &g);
    g.link = g.login;
    memcpy(g.link.id, l.id, ID_BYTES);
    g.link.psk = l.psk;
    g.link.role = ROLE_OPERATOR;
    assert_int_equal(node_sim_login(&w->n, &g.link, &link), OK);
    assert_true(id_none(link.seat));
    sim_seat_req(&w->n, &g, link.handshake, &enrol);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_SEAT_ENROL, &enrol, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &g.login, &g.who), OK);
    assert_false(g.who.operator_);
    req = link_req(w, CRED_SEAT, &l);
    assert_int_equal(cred_new(w, &g.who, &req), ERR_REFUSED);
    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
}

/* ---- CRED_NEW ---- */

static void nobody_makes_what_is_not_theirs_to_give(void **state)
{
    struct world *w = *state;

    for (uint8_t type = 0; type < 14; type++)
        for (int owner = 0; owner < 2; owner++) {
            struct req_cred_new req = {
                .type = type, .id = { 1, type }, .psk = { 1 }, .expires = w->n.now + 60
            };
            bool theirs =
                owner ? type == CRED_DEVICE || type == CRED_ROSTER || type == CRED_SHEET
                      : type == CRED_INVITE || type == CRED_RESTORE || type == CRED_SEAT;
            enum err e = cred_new(w, owner ? &w->o.who : &w->a.who, &req);

            if (!theirs)
                assert_int_equal(e, ERR_REFUSED);
            else
                assert_int_not_equal(e, ERR_REFUSED);
        }
}

static void a_credential_out_of_shape_is_refused(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct sim_owner o;
    struct req_cred_new good = link_req(w, CRED_RESTORE, &l);
    struct req_cred_new req = good;

    memset(req.id, 0, ID_BYTES);
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_ARG);
    req = good;
    memset(req.psk, 0, KEY_BYTES);
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_ARG);
    req = good;
    req.expires = 0;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_ARG);
    req.expires = w->n.now;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_EXPIRED);
    req.expires = w->n.now + CRED_LIFE_S + CRED_MARGIN_S + 1;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_ARG);
    req = good;
    req.stat[0] = 1;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_ARG);
    req = good;
    req.approval[0] = 1;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_ARG);
    req = good;
    memset(req.ward, 0, ID_BYTES);
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_ARG);
    /* An invite whose approval key its guardian did not sign, or for another invite. */
    sim_owner_new(&w->n, &w->a, &o, &req);
    req.approval_sig[5] ^= 1;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_SIGNATURE);
    sim_owner_new(&w->n, &w->a, &o, &req);
    req.id[0] ^= 1;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_SIGNATURE);
    sim_owner_new(&w->n, &w->b, &o, &req);
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_SIGNATURE);
    /* A device without a key of its own. */
    req = device_req(w, &l);
    memset(req.stat, 0, PUB_BYTES);
    assert_int_equal(cred_new(w, &w->o.who, &req), ERR_ARG);
    req = device_req(w, &l);
    memset(req.sign, 0, PUB_BYTES);
    assert_int_equal(cred_new(w, &w->o.who, &req), ERR_ARG);
    assert_int_equal(cred_list(w, &w->a.who)->n_creds, 0);
    assert_int_equal(cred_list(w, &w->o.who)->n_creds, 0);
    assert_int_equal(cred_new(w, &w->a.who, &good), OK);
}

static void a_restore_link_is_for_a_ward_of_ones_own_seat(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct req_cred_new req = link_req(w, CRED_RESTORE, &l);

    assert_int_equal(cred_new(w, &w->b.who, &req), ERR_UNKNOWN);
    req.ward[0] ^= 1;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_UNKNOWN);
}

static void an_id_is_taken_once(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct sim_login other;
    struct req_cred_new req = link_req(w, CRED_RESTORE, &l);
    struct req_cred_new device = device_req(w, &l);
    struct req_cred_new twin = device_req(w, &other);

    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    /* The same again is the same, under another op too; with another psk it is not. */
    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    assert_int_equal(cred_list(w, &w->a.who)->n_creds, 1);
    req.psk[0] ^= 1;
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_CONFLICT);
    memcpy(device.id, req.id, ID_BYTES);
    assert_int_equal(cred_new(w, &w->o.who, &device), ERR_CONFLICT);
    /* Not even the seat's own id, or another's credential. */
    memcpy(device.id, w->b.who.cred, ID_BYTES);
    assert_int_equal(cred_new(w, &w->o.who, &device), ERR_CONFLICT);
    /* One key is one device. */
    device = device_req(w, &l);
    assert_int_equal(cred_new(w, &w->o.who, &device), OK);
    memcpy(twin.stat, device.stat, PUB_BYTES);
    assert_int_equal(cred_new(w, &w->o.who, &twin), ERR_CONFLICT);
    /* And a device that changes its key is another. */
    memcpy(device.stat, other.pub, PUB_BYTES);
    assert_int_equal(cred_new(w, &w->o.who, &device), ERR_CONFLICT);
}

static void a_link_always_has_room(void **state)
{
    struct world *w = *state;
    struct sim_login first;
    struct sim_login l;
    struct session who = { 0 };
    struct req_cred_new req = link_req(w, CRED_RESTORE, &first);

    w->n.limits.creds = 0;
    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    for (int i = 1; i < CRED_RESTORE_MAX; i++) {
        w->n.now++;
        req = link_req(w, CRED_RESTORE, &l);
        assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    }
    assert_int_equal(node_sim_login(&w->n, &first, &who), OK);
    w->n.now++;
    req = link_req(w, CRED_RESTORE, &l);
    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    assert_int_equal(cred_list(w, &w->a.who)->n_creds, CRED_RESTORE_MAX);
    assert_int_equal(node_sim_login(&w->n, &first, &who), ERR_UNKNOWN);
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK);
    assert_memory_equal(who.ward, w->o.ward, ID_BYTES);
}

/* Whoever makes many of them makes some within a second, and a clock may be put right: it
 * is always the first of those that are left that goes. */
static void links_of_one_second_go_in_the_order_they_were_made(void **state)
{
    enum { MADE = 3 * CRED_RESTORE_MAX };
    struct world *w = *state;
    struct sim_login l[MADE];
    struct session who = { 0 };

    for (size_t i = 0; i < MADE; i++) {
        struct req_cred_new req = link_req(w, CRED_RESTORE, &l[i]);
        size_t gone = i < CRED_RESTORE_MAX ? 0 : i + 1 - CRED_RESTORE_MAX;

        if (i == 2 * CRED_RESTORE_MAX)
            w->n.now -= 1000; /* a guardian confirmed what time it is */
        assert_int_equal(cred_new(w, &w->a.who, &req), OK);
        for (size_t k = 0; k <= i; k++)
            assert_int_equal(node_sim_login(&w->n, &l[k], &who),
                             k < gone ? ERR_UNKNOWN : OK);
    }
}

static void invites_have_a_limit_and_old_ones_make_room(void **state)
{
    struct world *w = *state;
    struct sim_owner o;
    struct req_cred_new req;

    w->n.limits.creds = 8;
    for (int i = 0; i < 8; i++) {
        sim_owner_new(&w->n, &w->a, &o, &req);
        assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    }
    sim_owner_new(&w->n, &w->a, &o, &req);
    assert_int_equal(cred_new(w, &w->a.who, &req), ERR_FULL);
    w->n.now += CRED_LIFE_S;
    sim_owner_new(&w->n, &w->a, &o, &req);
    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    assert_int_equal(cred_list(w, &w->a.who)->n_creds, 1);
}

/* More than one job may write: they go a few at a time. */
static void a_seat_full_of_expired_invites_takes_a_new_one(void **state)
{
    struct world *w = *state;
    struct sim_owner o;
    struct req_cred_new req;

    w->n.limits.creds = 520;
    for (uint64_t i = 0; i < 520; i++) {
        sim_owner_new(&w->n, &w->a, &o, &req);
        assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    }
    w->n.now += CRED_LIFE_S;
    sim_owner_new(&w->n, &w->a, &o, &req);
    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
}

static void what_an_owner_deposits_has_a_limit(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct req_cred_new req;
    struct req_cred_list ask = { 0 };
    const struct rep_cred_list *list = NULL;

    for (int i = 0; i < CRED_OWNER_MAX - CRED_DEVICES; i++) {
        req = link_req(w, i % 2 ? CRED_ROSTER : CRED_SHEET, &l);
        assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    }
    req = link_req(w, CRED_ROSTER, &l);
    assert_int_equal(cred_new(w, &w->o.who, &req), ERR_FULL);
    for (int i = 0; i <= CRED_DEVICES; i++) { /* these places are for devices */
        req = link_req(w, CRED_DEVICE, &l);
        rng_fill(&w->n.rng, req.stat, PUB_BYTES);
        rng_fill(&w->n.rng, req.sign, PUB_BYTES);
        assert_int_equal(cred_new(w, &w->o.who, &req), i < CRED_DEVICES ? OK : ERR_FULL);
    }
    list = cred_list(w, &w->o.who);
    assert_int_equal(list->n_creds, CRED_OWNER_MAX);
    assert_int_equal(list->more, 0);
    /* The guardian sees what leads back, and its own links: a second page. */
    for (int i = 0; i < CRED_DEVICES + 1; i++) {
        req = link_req(w, CRED_RESTORE, &l);
        assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    }
    list = cred_list(w, &w->a.who);
    assert_int_equal(list->n_creds, 64);
    assert_int_equal(list->more, 1);
    memcpy(ask.after, list->creds[63].id, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_CRED_LIST, &ask, &w->list), OK);
    assert_int_equal(list->n_creds, 1);
    assert_int_equal(list->more, 0);
}

/* ---- what becomes of them ---- */

static void a_list_shows_only_ones_own(void **state)
{
    struct world *w = *state;
    struct sim_owner other;
    struct sim_login l;
    struct req_cred_new link = link_req(w, CRED_RESTORE, &l);
    struct req_cred_new roster = link_req(w, CRED_ROSTER, &l);

    sim_ward(&w->n, &w->a, &other);
    assert_int_equal(cred_new(w, &w->a.who, &link), OK);
    assert_int_equal(cred_new(w, &w->o.who, &roster), OK);
    assert_int_equal(cred_list(w, &w->b.who)->n_creds, 0);
    assert_int_equal(cred_list(w, &other.who)->n_creds, 0);
    const struct rep_cred_list *list = cred_list(w, &w->o.who);

    assert_int_equal(list->n_creds, 1);
    assert_int_equal(list->creds[0].type, CRED_ROSTER);
    assert_memory_equal(list->creds[0].ward, w->o.ward, ID_BYTES);
    assert_int_equal(cred_list(w, &w->a.who)->n_creds, 2);
    /* And drops only these. */
    assert_int_equal(cred_drop(w, &w->b.who, link.id), ERR_UNKNOWN);
    assert_int_equal(cred_drop(w, &other.who, roster.id), ERR_UNKNOWN);
    assert_int_equal(cred_drop(w, &w->o.who, link.id), ERR_UNKNOWN);
    assert_int_equal(cred_drop(w, &w->a.who, w->o.who.cred), ERR_UNKNOWN);
    assert_int_equal(cred_drop(w, &w->a.who, w->a.who.cred), ERR_UNKNOWN);
    assert_int_equal(cred_drop(w, &w->o.who, w->o.who.cred), ERR_UNKNOWN);
    assert_int_equal(cred_list(w, &w->a.who)->n_creds, 2);
}

static void a_standing_credential_is_for_any_key(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct sim_login second;
    struct session who = { 0 };
    struct req_cred_new req = link_req(w, CRED_ROSTER, &l);

    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK);
    assert_false(who.unbound);
    sim_login_new(&second, ROLE_RESTORE, &w->n.rng);
    memcpy(second.id, l.id, ID_BYTES);
    second.psk = l.psk;
    assert_int_equal(node_sim_login(&w->n, &second, &who), OK);
    assert_int_equal(who.type, CRED_ROSTER);
    assert_memory_equal(who.ward, w->o.ward, ID_BYTES);
    w->n.now += 20ULL * 365 * 86400;
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK);
}

static void an_owners_key_ends_a_way_back_only_after_the_dual_time(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct session who = { 0 };
    struct req_cred_new req = link_req(w, CRED_SHEET, &l);

    req.expires = 0;
    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    w->n.now += CRED_FRESH_S;
    assert_int_equal(cred_drop(w, &w->o.who, req.id), OK);
    w->n.now += CRED_DUAL_S - 1;
    /* Asking again does not lengthen it. */
    assert_int_equal(cred_drop(w, &w->o.who, req.id), OK);
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK);
    w->n.now += 1;
    assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_EXPIRED);
    assert_int_equal(cred_list(w, &w->o.who)->n_creds, 0);
    /* The guardian ends one at once. */
    req = link_req(w, CRED_SHEET, &l);
    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    assert_int_equal(cred_drop(w, &w->a.who, req.id), OK);
    assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_UNKNOWN);
}

static enum err use_it(struct call *c, void *arg)
{
    return cred_used(c, arg);
}

static void only_a_fresh_unused_one_goes_at_once(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct session who = { 0 };
    struct req_cred_new req = link_req(w, CRED_SHEET, &l);

    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    assert_int_equal(node_sim_write(&w->n, &w->o.who, use_it, req.id), OK);
    assert_int_equal(cred_drop(w, &w->o.who, req.id), OK);
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK); /* somebody used it */
    req = link_req(w, CRED_SHEET, &l);
    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    w->n.now -=
        400 * 86400; /* a person set the clock right: how old it is nobody knows */
    assert_int_equal(cred_drop(w, &w->o.who, req.id), OK);
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK);
    req = link_req(w, CRED_SHEET, &l);
    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    w->n.now += CRED_FRESH_S - 1;
    assert_int_equal(cred_drop(w, &w->o.who, req.id), OK);
    assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_UNKNOWN);
}

/* Depositing it anew with an early end is no way round the dual time. */
static void a_second_deposit_ends_nothing_early(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct session who = { 0 };
    struct req_cred_new req = link_req(w, CRED_SHEET, &l);

    req.expires = 0;
    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    req.expires = w->n.now + 1;
    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    w->n.now += CRED_DUAL_S - 1;
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK);
    w->n.now += 1;
    assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_EXPIRED);
}

static enum err freeze_it(struct call *c, void *arg)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, arg, &ward));
    ward.frozen = c->now + 100;
    return ward_put(c, &ward);
}

static void frozen_an_owner_deposits_and_revokes_nothing(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct req_cred_new req = link_req(w, CRED_SHEET, &l);
    struct req_cred_new next = link_req(w, CRED_SHEET, &l);

    assert_int_equal(cred_new(w, &w->o.who, &req), OK);
    assert_int_equal(node_sim_write(&w->n, &w->o.who, freeze_it, w->o.ward), OK);
    assert_int_equal(cred_new(w, &w->o.who, &next), ERR_FROZEN);
    assert_int_equal(cred_drop(w, &w->o.who, req.id), ERR_FROZEN);
    next = link_req(w, CRED_RESTORE, &l);
    assert_int_equal(cred_new(w, &w->a.who, &next), OK); /* the guardian's way back */
    w->n.now += 100;
    assert_int_equal(cred_drop(w, &w->o.who, req.id), OK);
}

/* An op kept under a credential, then the credential erased: is the op still there? */
static enum err op_after_erase(struct call *c, void *arg)
{
    const uint8_t *id = arg;
    const uint8_t op[ID_BYTES] = { 1 };
    const uint8_t hash[HASH_BYTES] = { 2 };
    uint8_t reply[8];
    size_t n = 0;

    TRY(txn_op_keep(c->txn, id, op, hash, c->now, bytes_text("x")));
    TRY(txn_op_seen(c->txn, id, op, hash, SPAN_OF(reply), &n));
    TRY(cred_erase(c, id));
    return txn_op_seen(c->txn, id, op, hash, SPAN_OF(reply), &n);
}

static void op_ids_go_with_their_credential(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct req_cred_new req = link_req(w, CRED_RESTORE, &l);

    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    assert_int_equal(node_sim_write(&w->n, &w->a.who, op_after_erase, req.id),
                     ERR_UNKNOWN);
}

static void a_list_says_which_links_were_used(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct session who = { 0 };
    struct req_cred_new req = link_req(w, CRED_RESTORE, &l);

    assert_int_equal(cred_new(w, &w->a.who, &req), OK);
    assert_int_equal(cred_list(w, &w->a.who)->creds[0].bound, 0);
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK);
    node_sim_again(&w->n);
    const struct rep_cred_list *list = cred_list(w, &w->a.who);

    assert_int_equal(list->n_creds, 1);
    assert_int_equal(list->creds[0].bound, 1);
    assert_int_equal(list->creds[0].expires, req.expires);
}

/* ---- SEAT_INFO ---- */

static void seat_info_is_true_for_invite_restore_and_owner(void **state)
{
    struct world *w = *state;
    struct sim_owner late;
    struct sim_login l;
    struct session who = { 0 };
    struct req_seat_info req = { 0 };
    struct rep_seat_info info = { 0 };
    struct req_cred_new invite;
    struct req_cred_new link = link_req(w, CRED_RESTORE, &l);

    sim_owner_new(&w->n, &w->a, &late, &invite);
    assert_int_equal(cred_new(w, &w->a.who, &invite), OK);
    assert_int_equal(node_sim_login(&w->n, &late.link, &who), OK);
    assert_int_equal(node_sim_ask(&w->n, &who, MSG_SEAT_INFO, &req, &info), OK);
    assert_true(id_none(info.ward));
    assert_memory_equal(info.invite, late.invite, ID_BYTES);
    assert_memory_equal(info.approval, late.approval_pub, PUB_BYTES);
    assert_int_equal(approval_verify(info.sign_pub, info.seat, info.invite, info.approval,
                                     info.approval_sig),
                     OK);
    assert_int_equal(seat_keys_verify(info.sign_pub, w->n.env.id->node_pub, info.seat,
                                      info.seal_pub, info.keys_sig),
                     OK);
    assert_int_equal(info.n_addresses, 1);
    struct address at = { 0 };

    assert_int_equal(address_get(info.addresses[0].at, &at), OK);
    assert_int_equal(at.port, 7844);
    assert_int_equal(cred_new(w, &w->a.who, &link), OK);
    assert_int_equal(node_sim_login(&w->n, &l, &who), OK);
    const struct session *both[] = { &who, &w->o.who };

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(node_sim_ask(&w->n, both[i], MSG_SEAT_INFO, &req, &info), OK);
        assert_memory_equal(info.seat, w->a.seat, ID_BYTES);
        assert_memory_equal(info.ward, w->o.ward, ID_BYTES);
        assert_memory_equal(info.invite, w->o.invite, ID_BYTES);
        assert_memory_equal(info.approval, w->o.approval_pub, PUB_BYTES);
    }
}

/* ---- keys that no passphrase locks ---- */

static enum err say_keys(struct world *w, const struct sim_guardian *g, uint8_t unlocked)
{
    struct req_seat_enrol req;

    sim_seat_req(&w->n, g, w->a.who.handshake, &req);
    req.unlocked = unlocked;
    return node_sim_ask(&w->n, &w->a.who, MSG_SEAT_ENROL, &req, NULL);
}

static unsigned heard(struct world *w, enum record_event event)
{
    static struct rep_drop_list rep;
    struct req_drop_list req = { .which = DROP_ALERTS };
    unsigned n = 0;

    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_LIST, &req, &rep), OK);
    for (uint32_t i = 0; i < rep.n_lines; i++) {
        struct drop_event ev = { 0 };

        assert_int_equal(wire_get(&drop_event_schema, rep.lines[i].blob, &ev), OK);
        n += ev.event == event;
    }
    return n;
}

static uint8_t seen_unlocked(struct world *w)
{
    struct req_seat_info req = { 0 };
    struct rep_seat_info info = { 0 };
    struct req_wards wards = { 0 };
    struct rep_wards list = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_SEAT_INFO, &req, &info), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_WARDS, &wards, &list), OK);
    assert_int_equal(list.unlocked, info.unlocked);
    return info.unlocked;
}

static void only_the_seats_own_keys_say_how_they_are_kept(void **state)
{
    struct world *w = *state;
    struct sim_guardian other = w->b; /* speaks with a's conversation keys */
    struct req_seat_enrol req;

    other.login = w->a.login;
    assert_int_equal(say_keys(w, &other, 1), ERR_STATE);
    sim_seat_req(&w->n, &w->a, w->b.who.handshake, &req);
    req.unlocked = 1;
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_SEAT_ENROL, &req, NULL),
                     ERR_SIGNATURE);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_SEAT_ENROL, &req, NULL),
                     ERR_REFUSED);
    assert_int_equal(seen_unlocked(w), 0);
    assert_int_equal(heard(w, REC_KEYS_UNLOCKED), 0);
}

static void each_ward_hears_once_how_the_keys_are_kept(void **state)
{
    struct world *w = *state;
    struct session who = { 0 };

    assert_int_equal(say_keys(w, &w->a, 0), OK); /* as it was: nothing to tell */
    assert_int_equal(heard(w, REC_KEYS_LOCKED), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(say_keys(w, &w->a, 1), OK);
    assert_int_equal(seen_unlocked(w), 1);
    assert_int_equal(heard(w, REC_KEYS_UNLOCKED), 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(say_keys(w, &w->a, 0), OK);
    assert_int_equal(seen_unlocked(w), 0);
    assert_int_equal(heard(w, REC_KEYS_UNLOCKED), 1);
    assert_int_equal(heard(w, REC_KEYS_LOCKED), 1);
    /* The seat, its key and what the guardian may are as before. */
    assert_int_equal(node_sim_login(&w->n, &w->a.login, &who), OK);
    assert_memory_equal(who.seat, w->a.seat, ID_BYTES);
    assert_int_equal(who.operator_, w->a.who.operator_);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        CASE(a_seat_needs_its_guardians_signatures),
        CASE(a_link_gives_one_seat),
        CASE(a_lost_reply_strands_no_guardian),
        CASE(equal_guardian_keys_find_their_seat_again),
        CASE(seats_have_a_limit_that_those_who_have_one_do_not_meet),
        CASE(only_an_operator_hosts_others),
        CASE(nobody_makes_what_is_not_theirs_to_give),
        CASE(a_credential_out_of_shape_is_refused),
        CASE(a_restore_link_is_for_a_ward_of_ones_own_seat),
        CASE(an_id_is_taken_once),
        CASE(a_link_always_has_room),
        CASE(links_of_one_second_go_in_the_order_they_were_made),
        CASE(invites_have_a_limit_and_old_ones_make_room),
        CASE(a_seat_full_of_expired_invites_takes_a_new_one),
        CASE(what_an_owner_deposits_has_a_limit),
        CASE(a_list_shows_only_ones_own),
        CASE(a_standing_credential_is_for_any_key),
        CASE(an_owners_key_ends_a_way_back_only_after_the_dual_time),
        CASE(only_a_fresh_unused_one_goes_at_once),
        CASE(a_second_deposit_ends_nothing_early),
        CASE(frozen_an_owner_deposits_and_revokes_nothing),
        CASE(op_ids_go_with_their_credential),
        CASE(a_list_says_which_links_were_used),
        CASE(seat_info_is_true_for_invite_restore_and_owner),
        CASE(only_the_seats_own_keys_say_how_they_are_kept),
        CASE(each_ward_hears_once_how_the_keys_are_kept),
    };
#undef CASE

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("seat", tests, NULL, NULL);

    secret_end();
    return failed;
}
