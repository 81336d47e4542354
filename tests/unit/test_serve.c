/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/seat.h"
#include "tests/sim/cast.h"

struct world {
    struct node_sim n;
    struct sim_guardian g;
    struct sim_owner o;
    struct sim_epoch e;
};

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 21);
    sim_seat(&w->n, &w->g);
    sim_ward(&w->n, &w->g, &w->o);
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

/* A restore link for the owner's ward, not yet asked for. */
static struct req_cred_new restore_req(struct world *w, uint8_t mark)
{
    struct req_cred_new req = { .type = CRED_RESTORE,
                                .id = { mark },
                                .psk = { mark },
                                .expires = w->n.now + CRED_LIFE_S };

    sim_op(&w->n, req.op);
    memcpy(req.ward, w->o.ward, ID_BYTES);
    return req;
}

static struct rep_cred_list listed(struct world *w)
{
    struct req_cred_list req = { 0 };
    struct rep_cred_list rep = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_LIST, &req, &rep), OK);
    return rep;
}

/* ---- who may ask what ---- */

static void each_message_is_refused_to_each_wrong_role(void **state)
{
    struct world *w = *state;
    size_t refused = 0;
    size_t passed = 0;

    for (size_t i = 0; i < msg_count; i++)
        for (unsigned role = 0; role < 16; role++) {
            struct session who = w->g.who;
            struct bytes body = { 0 };
            uint16_t kind = 0;

            /* The credential exists, so that nothing but the role decides. */
            who.role = (enum role)role;
            enum err e = node_sim_raw(&w->n, &who, msg_rows[i].kind, body, &kind, &body);

            assert_int_equal(kind, MSG_ERROR);
            if (msg_rows[i].roles & MAY(role)) {
                assert_int_equal(e, ERR_FORMAT);
                passed++;
            } else {
                assert_int_equal(e, ERR_REFUSED);
                refused++;
            }
        }
    assert_int_equal(refused + passed, 16 * msg_count);
    assert_true(passed > msg_count && refused > 8 * msg_count);
}

static void a_message_that_does_not_exist_is_of_another_version(void **state)
{
    struct world *w = *state;
    const uint16_t kinds[] = { 0, 3, 29, 48, 61, 99, 0x8000, 0x8001, 0xffff };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct bytes body = { 0 };
        struct rep_error error = { 0 };
        uint16_t kind = 0;
        enum msg_access access = MSG_READ;

        assert_int_equal(serve_access(kinds[i], &access), ERR_UNKNOWN);
        assert_int_equal(
            node_sim_raw(&w->n, &w->g.who, kinds[i], (struct bytes){ 0 }, &kind, &body),
            ERR_VERSION);
        assert_int_equal(kind, MSG_ERROR);
        assert_int_equal(wire_get(&rep_error_schema, body, &error), OK);
        assert_int_equal(error.code, err_wire(ERR_VERSION));
        assert_int_equal(error.outcome, OUTCOME_NOT_DONE);
    }
}

static void every_message_of_the_table_is_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < msg_count; i++) {
        enum msg_access access = MSG_READ;
        enum serve_key key = NEEDS_LINK;

        assert_int_equal(serve_access(msg_rows[i].kind, &access), OK);
        assert_int_equal(access, msg_rows[i].access);
        assert_int_equal(serve_needs(msg_rows[i].kind, &key), OK);
        /* A reply that is kept under its op id must fit there. */
        if (access == MSG_WRITE && msg_rows[i].kind != MSG_FETCH)
            assert_true(msg_rows[i].rep_max <= STORE_OP_REPLY);
    }
}

static void a_body_out_of_shape_changes_nothing(void **state)
{
    struct world *w = *state;
    struct req_cred_new req = restore_req(w, 1);
    static uint8_t big[800];
    uint8_t mem[512];
    struct buf body = BUF_OF(mem);
    struct bytes got = { 0 };
    uint16_t kind = 0;

    assert_int_equal(msg_put_req(msg_find(MSG_CRED_NEW), &req, &body), OK);
    for (size_t n = 0; n < body.n; n++)
        assert_int_not_equal(
            node_sim_raw(&w->n, &w->g.who, MSG_CRED_NEW, bytes_of(mem, n), &kind, &got),
            OK);
    assert_int_equal(
        node_sim_raw(&w->n, &w->g.who, MSG_CRED_NEW, BYTES_OF(big), &kind, &got),
        ERR_VERSION);
    memset(req.op, 0, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_NEW, &req, NULL), ERR_ARG);
    assert_int_equal(listed(w).n_creds, 0);
}

/* ---- op ids ---- */

static void the_same_op_gives_the_same_reply_once_done(void **state)
{
    struct world *w = *state;
    struct req_epoch_next next = { .epoch = 1 };
    struct rep_epoch_next first = { 0 };
    struct rep_epoch_next again = { 0 };

    sim_op(&w->n, next.op);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &next, &first), OK);
    node_sim_again(&w->n);
    w->n.now += 29 * 86400;
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &next, &again), OK);
    assert_memory_equal(&first, &again, sizeof first);
}

static void a_repeated_op_is_not_done_twice(void **state)
{
    struct world *w = *state;
    struct req_cred_new req = restore_req(w, 1);
    struct req_cred_drop drop = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_NEW, &req, NULL), OK);
    sim_op(&w->n, drop.op);
    memcpy(drop.id, req.id, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_DROP, &drop, NULL), OK);
    /* A late repetition of CRED_NEW does not bring back what was revoked since. */
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_NEW, &req, NULL), OK);
    assert_int_equal(listed(w).n_creds, 0);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_DROP, &drop, NULL), OK);
}

static void another_body_under_an_op_is_a_conflict(void **state)
{
    struct world *w = *state;
    struct req_cred_new req = restore_req(w, 1);
    struct req_cred_drop drop = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_NEW, &req, NULL), OK);
    req.expires -= 1;
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_NEW, &req, NULL),
                     ERR_CONFLICT);
    /* Another message under it too. */
    memcpy(drop.op, req.op, ID_BYTES);
    memcpy(drop.id, req.id, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_DROP, &drop, NULL),
                     ERR_CONFLICT);
    assert_int_equal(listed(w).n_creds, 1);
}

static void another_message_with_the_same_body_is_a_conflict(void **state)
{
    struct world *w = *state;
    struct sim_asker asker;
    struct req_try try = { 0 };
    struct req_refuse refuse = { 0 };

    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_ask(&w->n, &w->o, &asker);
    sim_op(&w->n, try.op);
    memcpy(try.request, asker.request, ID_BYTES);
    memcpy(&refuse, &try, sizeof refuse);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_TRY, &try, NULL), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_REFUSE, &refuse, NULL),
                     ERR_CONFLICT);
}

static void what_fetch_gives_is_never_kept(void **state)
{
    struct world *w = *state;
    struct sim_asker asker;
    struct session who = { 0 };
    struct req_fetch fetch = { 0 };
    struct rep_fetch rep = { 0 };
    struct req_refuse refuse = { 0 };

    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_ask(&w->n, &w->o, &asker);
    assert_int_equal(node_sim_login(&w->n, &asker.login, &who), OK);
    sim_op(&w->n, fetch.op);
    memcpy(fetch.request, asker.request, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &who, MSG_FETCH, &fetch, &rep), OK);
    assert_int_equal(rep.state, STATE_LIVE);
    sim_op(&w->n, refuse.op);
    memcpy(refuse.request, asker.request, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_REFUSE, &refuse, NULL), OK);
    assert_int_equal(node_sim_ask(&w->n, &who, MSG_FETCH, &fetch, &rep), OK);
    assert_int_equal(rep.state, STATE_REFUSED);
}

static void wards_say_how_many_requests_wait(void **state)
{
    struct world *w = *state;
    struct sim_asker asker;
    struct req_open open = { 0 };
    struct req_wards req = { 0 };
    struct rep_wards rep = { 0 };

    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_asker_new(&w->n, &w->o, &asker, &open);
    assert_int_equal(node_sim_ask(&w->n, &asker.who, MSG_OPEN, &open, NULL), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_WARDS, &req, &rep), OK);
    /* Opened is not yet listed. */
    assert_int_equal(rep.wards[0].requests, 0);
    sim_ask(&w->n, &w->o, &asker);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_WARDS, &req, &rep), OK);
    assert_int_equal(rep.wards[0].requests, 1);
}

static void an_op_belongs_to_its_credential(void **state)
{
    struct world *w = *state;
    struct sim_owner other;
    struct req_epoch_next next = { .epoch = 1 };
    struct rep_epoch_next mine = { 0 };
    struct rep_epoch_next theirs = { 0 };

    sim_ward(&w->n, &w->g, &other);
    sim_op(&w->n, next.op);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &next, &mine), OK);
    assert_int_equal(node_sim_ask(&w->n, &other.who, MSG_EPOCH_NEXT, &next, &theirs), OK);
    assert_memory_not_equal(mine.ack, theirs.ack, PUB_BYTES);
}

static void a_failed_op_may_be_asked_again(void **state)
{
    struct world *w = *state;
    struct req_epoch_next next = { 0 };

    sim_op(&w->n, next.op);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &next, NULL),
                     ERR_STATE);
    next.epoch = 1;
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &next, NULL), OK);
}

/* ---- credentials ---- */

static void a_stranger_is_unknown_in_every_role(void **state)
{
    struct world *w = *state;

    for (unsigned role = 0; role < 256; role++) {
        struct sim_login l;
        struct session who = { 0 };

        sim_login_new(&l, (enum role)role, &w->n.rng);
        assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_UNKNOWN);
        rng_fill(&w->n.rng, l.id, sizeof l.id);
        assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_UNKNOWN);
        assert_int_equal(who.role, 0);
    }
}

static void a_credential_serves_no_other_role(void **state)
{
    struct world *w = *state;
    struct sim_guardian late;
    const struct sim_login *logins[] = { &w->g.login, &w->o.login, &late.link };
    struct session who = { 0 };

    sim_guardian_new(&w->n, &late);
    for (size_t i = 0; i < 3; i++)
        for (unsigned role = 0; role < 16; role++) {
            struct sim_login l = *logins[i];

            if (l.role == (enum role)role)
                continue;
            l.role = (enum role)role;
            assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_UNKNOWN);
        }
    assert_int_equal(node_sim_login(&w->n, &late.link, &who), OK);
}

static void a_link_belongs_to_the_first_key_that_used_it(void **state)
{
    struct world *w = *state;
    struct sim_guardian late;
    struct sim_guardian thief;
    struct session who = { 0 };

    sim_guardian_new(&w->n, &thief);
    sim_guardian_new(&w->n, &late);
    memcpy(thief.link.id, late.link.id, ID_BYTES);
    thief.link.psk = late.link.psk;
    assert_int_equal(node_sim_login(&w->n, &late.link, &who), OK);
    assert_true(who.unbound);
    assert_int_equal(node_sim_login(&w->n, &thief.link, &who), ERR_UNKNOWN);
    node_sim_again(&w->n);
    assert_int_equal(node_sim_login(&w->n, &thief.link, &who), ERR_UNKNOWN);
    assert_int_equal(node_sim_login(&w->n, &late.link, &who), OK);
    assert_false(who.unbound);
}

static enum err bind_again(struct call *c, void *arg)
{
    (void)arg;
    return serve_bound(c->txn, c->who, c->env, c->now);
}

static void of_two_at_once_one_is_bound(void **state)
{
    struct world *w = *state;
    struct sim_guardian late;
    struct session first = { 0 };

    sim_guardian_new(&w->n, &late);
    assert_int_equal(node_sim_login(&w->n, &late.link, &first), OK);
    struct session second = first;

    /* Both were looked up before either was bound. */
    second.stat[0] ^= 1;
    assert_int_equal(node_sim_write(&w->n, &second, bind_again, NULL), ERR_UNKNOWN);
    assert_int_equal(node_sim_write(&w->n, &first, bind_again, NULL), OK);
}

static void a_link_ends_at_its_time(void **state)
{
    struct world *w = *state;
    struct sim_guardian late;
    struct session who = { 0 };

    sim_guardian_new(&w->n, &late);
    w->n.now += CRED_LIFE_S;
    assert_int_equal(node_sim_login(&w->n, &late.link, &who), ERR_EXPIRED);
    w->n.now -= 1;
    assert_int_equal(node_sim_login(&w->n, &late.link, &who), OK);
}

static void a_revoked_key_ends_in_the_middle_of_a_conversation(void **state)
{
    struct world *w = *state;
    struct sim_login device;
    struct req_cred_new req = { .type = CRED_DEVICE, .id = { 9 }, .sign = { 9 } };
    struct req_cred_drop drop = { .id = { 9 } };
    struct req_wards wards = { 0 };
    struct session who = { 0 };

    sim_login_new(&device, ROLE_DEVICE, &w->n.rng);
    sim_op(&w->n, req.op);
    memcpy(req.psk, device.psk.b, KEY_BYTES);
    memcpy(req.stat, device.pub, PUB_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_NEW, &req, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &device, &who), OK);
    assert_int_equal(node_sim_ask(&w->n, &who, MSG_WARDS, &wards, NULL), OK);
    sim_op(&w->n, drop.op);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_DROP, &drop, NULL), OK);
    assert_int_equal(node_sim_ask(&w->n, &who, MSG_WARDS, &wards, NULL), ERR_REFUSED);
    assert_int_equal(node_sim_login(&w->n, &device, &who), ERR_UNKNOWN);
}

/* ---- the whole way, byte for byte ---- */

static void who_has_no_psk_is_not_let_in(void **state)
{
    struct world *w = *state;
    struct talk *t = calloc(1, sizeof *t);
    struct sim_login wrong = w->g.login;
    struct sim_login stranger;
    struct req_hello hello = { .version = 1 };

    assert_non_null(t);
    wrong.psk.b[0] ^= 1;
    sim_login_new(&stranger, ROLE_GUARDIAN, &w->n.rng);
    const struct sim_login *bad[] = { &wrong, &stranger };

    for (size_t i = 0; i < 2; i++) {
        enum err e = talk_open(t, &w->n, bad[i]);

        /* The client may think it is open: its third act has no answer. */
        if (e == OK)
            e = talk_ask(t, MSG_HELLO, &hello, NULL);
        assert_int_not_equal(e, OK);
        assert_int_equal(t->node.peer.state, PEER_OFF);
        talk_end(t);
    }
    free(t);
}

static void a_guardian_is_greeted_over_the_wire(void **state)
{
    struct world *w = *state;
    struct talk *t = calloc(1, sizeof *t);
    struct req_hello hello = { .version = 1 };
    struct rep_hello rep = { 0 };
    struct req_open open = { .kind = 1 };

    assert_non_null(t);
    assert_int_equal(talk_open(t, &w->n, &w->g.login), OK);
    assert_int_equal(talk_ask(t, MSG_HELLO, &hello, &rep), OK);
    assert_int_equal(rep.time, w->n.now);
    assert_memory_equal(rep.node_sign, w->n.env.id->sign_pub, PUB_BYTES);
    assert_memory_equal(rep.incarnation, w->n.env.id->incarnation, ID_BYTES);
    assert_true(rep.log_seq > 0);
    hello.version = 2;
    assert_int_equal(talk_ask(t, MSG_HELLO, &hello, &rep), ERR_VERSION);
    /* What is not a guardian's to ask. */
    assert_int_equal(talk_ask(t, MSG_OPEN, &open, NULL), ERR_REFUSED);
    hello.version = 1;
    assert_int_equal(talk_ask(t, MSG_HELLO, &hello, &rep), OK);
    talk_end(t);
    free(t);
}

static void a_seat_is_taken_over_the_wire(void **state)
{
    struct world *w = *state;
    struct talk *t = calloc(1, sizeof *t);
    struct sim_guardian late;
    struct req_seat_enrol req;
    struct rep_seat_enrol rep = { 0 };

    assert_non_null(t);
    sim_guardian_new(&w->n, &late);
    assert_int_equal(talk_open(t, &w->n, &late.link), OK);
    /* Signed over the handshake of another conversation. */
    sim_seat_req(&w->n, &late, (const uint8_t[64]){ 0 }, &req);
    assert_int_equal(talk_ask(t, MSG_SEAT_ENROL, &req, &rep), ERR_REFUSED);
    sim_seat_req(&w->n, &late, t->peer.hash, &req);
    assert_int_equal(talk_ask(t, MSG_SEAT_ENROL, &req, &rep), OK);
    assert_memory_equal(rep.seat, late.seat, ID_BYTES);
    talk_end(t);
    assert_int_equal(talk_open(t, &w->n, &late.login), OK);
    struct req_wards wards = { 0 };
    struct rep_wards none = { 0 };

    assert_int_equal(talk_ask(t, MSG_WARDS, &wards, &none), OK);
    assert_int_equal(none.n_wards, 0);
    talk_end(t);
    free(t);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        CASE(each_message_is_refused_to_each_wrong_role),
        CASE(a_message_that_does_not_exist_is_of_another_version),
        CASE(every_message_of_the_table_is_served),
        CASE(a_body_out_of_shape_changes_nothing),
        CASE(the_same_op_gives_the_same_reply_once_done),
        CASE(a_repeated_op_is_not_done_twice),
        CASE(another_body_under_an_op_is_a_conflict),
        CASE(another_message_with_the_same_body_is_a_conflict),
        CASE(what_fetch_gives_is_never_kept),
        CASE(wards_say_how_many_requests_wait),
        CASE(an_op_belongs_to_its_credential),
        CASE(a_failed_op_may_be_asked_again),
        CASE(a_stranger_is_unknown_in_every_role),
        CASE(a_credential_serves_no_other_role),
        CASE(a_link_belongs_to_the_first_key_that_used_it),
        CASE(of_two_at_once_one_is_bound),
        CASE(a_link_ends_at_its_time),
        CASE(a_revoked_key_ends_in_the_middle_of_a_conversation),
        CASE(who_has_no_psk_is_not_let_in),
        CASE(a_guardian_is_greeted_over_the_wire),
        CASE(a_seat_is_taken_over_the_wire),
    };
#undef CASE

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("serve", tests, NULL, NULL);

    secret_end();
    return failed;
}
