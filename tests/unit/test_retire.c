/* SPDX-License-Identifier: Apache-2.0 */
/* When an old epoch may be erased, and that it is gone then. Wrong cases first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/verify.h"
#include "tests/unit/changing.h"

static uint8_t people_mem[PROOF];
static uint8_t machines_mem[PROOF];

static int up(void **state)
{
    *state = changing_new(51);
    return 0;
}

static int down(void **state)
{
    changing_free(*state);
    return 0;
}

/* A confirmed epoch 1 and an active epoch 2 with the same people. */
static void two_epochs(struct changing *w)
{
    change_confirmed(w);
    change_epoch(w, 1);
    change_epoch(w, 2);
}

static struct req_retire asks(const struct changing *w, uint32_t epoch, unsigned people,
                              unsigned machines)
{
    struct req_retire req = { .epoch = epoch };

    memcpy(req.manifest_hash, w->made[epoch].e.hash, HASH_BYTES);
    req.people = people_epoch(w, people, epoch, people_mem);
    req.machines = machines_of(w, machines, epoch, machines_mem);
    return req;
}

static void verified(struct changing *w)
{
    struct verdict v = { 0 };

    assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
    assert_true(verdict_good(&v));
}

/* ---- what does not prove it ---- */

static void too_few_people_erase_nothing(void **state)
{
    struct changing *w = *state;
    const unsigned few[] = { 0, SAY_0, SAY_HERE, SAY_2 };
    struct rep_retire rep = { 0 };

    two_epochs(w);
    w->n.now += 100 * DAY;
    for (size_t i = 0; i < 4; i++) {
        struct req_retire req = asks(w, 2, few[i], SAY_ALL);

        assert_int_equal(ask_retire(w, &req, NULL), ERR_CERT);
    }
    ticks(w);
    assert_true(is_there(w, 1));
    assert_false(is_confirmed(w, 2));
    assert_int_equal(heard(w, REC_RETIRE_PLANNED), 0);
    struct req_retire req = asks(w, 2, SAY_0 | SAY_2, SAY_ALL);

    assert_int_equal(ask_retire(w, &req, &rep), OK);
    assert_int_equal(rep.state, PLAN_DONE);
    assert_false(is_there(w, 1));
    assert_true(is_confirmed(w, 2));
}

static void words_that_say_something_else_do_not_count(void **state)
{
    struct changing *w = *state;

    two_epochs(w);
    w->n.now += 100 * DAY;
    for (int fault = 0; fault < 9; fault++) {
        struct say say[2] = { say_epoch(w, 0, 2), say_epoch(w, 2, 2) };
        struct statement *s = &say[1].s;
        struct req_retire req = asks(w, 2, SAY_ALL, SAY_ALL);

        if (fault == 0)
            s->subject[0] ^= 1;
        if (fault == 1)
            s->epochs[0].opened = 2;
        if (fault == 2)
            s->purpose = PURPOSE_ENROL;
        if (fault == 3)
            s->purpose = PURPOSE_END;
        if (fault == 4)
            s->kind = REQUEST_RESTORE;
        if (fault == 5)
            say[1] = say_epoch(w, 0, 2); /* the same person twice */
        if (fault == 6)
            say[1].by = &w->other.approval; /* guards another ward */
        if (fault == 7)
            s->epochs[0].manifest_hash[0] ^= 1;
        if (fault == 8)
            say[1] = say_epoch(w, 2, 1); /* of the epoch before, said again */
        req.people = people_of(say, 2, people_mem);
        assert_int_equal(ask_retire(w, &req, NULL), ERR_CERT);
        assert_true(is_there(w, 1));
    }
    assert_int_equal(retire(w, 2, NULL), OK);
}

static void an_unconfirmed_descriptor_judges_nothing(void **state)
{
    struct changing *w = *state;
    struct sign_seed honest[PEOPLE];

    change_confirmed(w);
    change_epoch(w, 1);
    memcpy(honest, w->people, sizeof honest);
    /* Whoever has the owner's keys writes a descriptor of own people, and one more. */
    rng_fill(&w->n.rng, (uint8_t *)w->people, sizeof w->people);
    change_epoch(w, 2);
    change_epoch(w, 3);
    w->n.now += 100 * DAY;
    assert_int_equal(retire(w, 3, NULL), ERR_CERT);
    assert_int_equal(retire(w, 2, NULL), ERR_CERT);
    assert_int_equal(
        ask_cert(w, &w->o.who, 3, people_epoch(w, SAY_ALL, 3, people_mem), NULL),
        ERR_CERT);
    assert_false(is_confirmed(w, 2));
    assert_true(is_there(w, 1));
    /* The people of the confirmed one can: everything between goes with it. */
    memcpy(w->people, honest, sizeof honest);
    assert_int_equal(retire(w, 3, NULL), OK);
    assert_false(is_there(w, 1));
    assert_false(is_there(w, 2));
    assert_true(is_confirmed(w, 3));
}

static void its_own_people_do_not_erase_what_was_before(void **state)
{
    struct changing *w = *state;
    struct sign_seed old[PEOPLE];
    struct sign_seed new[PEOPLE];

    change_confirmed(w);
    change_epoch(w, 1);
    memcpy(old, w->people, sizeof old);
    rng_fill(&w->n.rng, (uint8_t *)new, sizeof new);
    memcpy(w->people, new, sizeof new);
    change_epoch(w, 2);
    memcpy(w->people, old, sizeof old);
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_0 | SAY_2, 2, people_mem), NULL),
        OK);
    w->n.now += 100 * DAY;
    memcpy(w->people, new, sizeof new);
    assert_int_equal(retire(w, 2, NULL), ERR_CERT);
    assert_true(is_there(w, 1));
    memcpy(w->people, old, sizeof old);
    assert_int_equal(retire(w, 2, NULL), OK);
    assert_false(is_there(w, 1));
}

static void without_a_confirmed_epoch_nothing_goes(void **state)
{
    struct changing *w = *state;

    change_epoch(w, 1);
    change_epoch(w, 2);
    w->n.now += 100 * DAY;
    assert_int_equal(retire(w, 2, NULL), ERR_CERT);
    change_confirmed(w);
    assert_int_equal(retire(w, 2, NULL), OK);
    assert_false(is_there(w, 1));
}

static void only_what_is_active_here_takes_its_place(void **state)
{
    struct changing *w = *state;
    struct req_retire req;

    two_epochs(w);
    w->n.now += 100 * DAY;
    req = asks(w, 2, SAY_ALL, SAY_ALL);
    req.manifest_hash[3] ^= 1;
    assert_int_equal(ask_retire(w, &req, NULL), ERR_STATE);
    req = asks(w, 2, SAY_ALL, SAY_ALL);
    req.epoch = 3;
    assert_int_equal(ask_retire(w, &req, NULL), ERR_STATE);
    assert_int_equal(change_next(w, 3), OK);
    assert_int_equal(change_prepare(w, 3), OK);
    w->made[3].ack = w->made[2].ack; /* of another epoch */
    assert_int_equal(retire(w, 3, NULL), ERR_STATE);
    assert_true(is_there(w, 1));
}

static void machines_need_one_to_spare(void **state)
{
    struct changing *w = *state;
    struct req_retire req;

    two_epochs(w);
    change_epoch(w, 3);
    w->n.now += 100 * DAY;
    for (unsigned mask = 0; mask < SAY_ALL; mask++) {
        req = asks(w, 3, SAY_ALL, mask);
        assert_int_equal(ask_retire(w, &req, NULL), ERR_CERT);
    }
    /* Of the epoch before; and of a node that says so three times. */
    req = asks(w, 3, SAY_ALL, SAY_ALL);
    req.machines = machines_of(w, SAY_ALL, 2, machines_mem);
    assert_int_equal(ask_retire(w, &req, NULL), ERR_CERT);
    w->nodes[2] = w->nodes[0];
    req = asks(w, 3, SAY_ALL, SAY_ALL);
    assert_int_equal(ask_retire(w, &req, NULL), ERR_CERT);
    assert_true(is_there(w, 1));
}

/* ---- not yet, and not now ---- */

static void not_before_the_dual_time(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    two_epochs(w);
    uint64_t due = w->n.now + DUAL_TIME_S;

    w->n.now += DAY;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(retire(w, 2, &rep), OK);
        assert_int_equal(rep.state, PLAN_WAITS);
        assert_int_equal(rep.due, due);
        assert_int_equal(rep.own, 0);
    }
    assert_int_equal(heard(w, REC_RETIRE_PLANNED), 1);
    assert_int_equal(heard(w, REC_EPOCH_CONFIRMED), 1);
    assert_int_equal(state_of(w, 0).retire_to, 2);
    assert_int_equal(state_of(w, 0).retire_due, due);
    node_sim_again(&w->n);
    w->n.now = due - 1;
    ticks(w);
    assert_true(is_there(w, 1));
    w->n.now = due;
    ticks(w);
    assert_false(is_there(w, 1));
    assert_int_equal(state_of(w, 0).retire_due, 0);
    assert_int_equal(state_of(w, 0).retired, 1);
    assert_int_equal(heard(w, REC_EPOCH_RETIRED), 1);
    verified(w);
}

static void never_while_a_restore_waits(void **state)
{
    struct changing *w = *state;
    struct sim_asker a;
    struct rep_retire rep = { 0 };
    struct req_stop stop = { 0 };

    two_epochs(w);
    w->n.now += 20 * DAY;
    restore_approved(w, &a);
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_WAITS);
    ticks(w);
    assert_true(is_there(w, 1));
    /* Contested is as good. */
    sim_op(&w->n, stop.op);
    memcpy(stop.request, a.request, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_STOP, &stop, NULL), OK);
    ticks(w);
    assert_true(is_there(w, 1));
    assert_int_equal(restore_refuse(w, &a), OK);
    ticks(w);
    assert_false(is_there(w, 1));
}

static void one_that_nobody_approved_does_not_hold_it_up(void **state)
{
    struct changing *w = *state;
    struct sim_asker a;

    two_epochs(w);
    w->n.now += 20 * DAY;
    restore_live(w, &a);
    assert_int_equal(confirm(w, PURPOSE_EPOCH, 2), OK);
    assert_int_equal(retire(w, 2, NULL), OK);
    assert_false(is_there(w, 1));
}

static void frozen_nothing_goes(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    two_epochs(w);
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_WAITS);
    w->n.now += 13 * DAY;
    assert_int_equal(ask_freeze(w), OK);
    assert_int_equal(retire(w, 2, &rep), ERR_FROZEN);
    assert_int_equal(ask_abort(w, 3), ERR_FROZEN);
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), NULL),
        ERR_FROZEN);
    w->n.now += 2 * DAY;
    ticks(w);
    assert_true(is_there(w, 1));
    w->n.now += WARD_FROZEN_S;
    ticks(w);
    assert_false(is_there(w, 1));
}

static void a_clock_set_back_keeps_nothing_for_ever(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    two_epochs(w);
    assert_int_equal(retire(w, 2, &rep), OK);
    w->n.now -= 1000 * DAY;
    ticks(w);
    assert_int_equal(retire(w, 2, &rep), OK);
    w->n.now += DUAL_TIME_S - 1;
    ticks(w);
    assert_true(is_there(w, 1));
    w->n.now += RETIRE_OWN_S;
    ticks(w);
    assert_false(is_there(w, 1));
}

/* ---- a clock that stands ---- */

/* What it stood for is no time in which alerts could arrive. */
static void a_plan_counts_from_when_the_clock_runs(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    two_epochs(w);
    w->n.now += 13 * DAY;
    w->n.env.clock = CLOCK_FROZEN;
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_WAITS);
    ticks(w);
    w->n.env.clock = CLOCK_RUNS;
    w->n.now += 100 * DAY;
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_WAITS);
    ticks(w);
    assert_true(is_there(w, 1));
    assert_int_equal(state_of(w, 0).retire_due, w->n.now + DUAL_TIME_S);
    w->n.now += DUAL_TIME_S;
    ticks(w);
    assert_false(is_there(w, 1));
    verified(w);
}

static void so_does_an_epoch_that_became_active(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    change_confirmed(w);
    change_epoch(w, 1);
    w->n.env.clock = CLOCK_FROZEN;
    change_epoch(w, 2);
    w->n.env.clock = CLOCK_RUNS;
    w->n.now += 100 * DAY;
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_WAITS);
    assert_int_equal(rep.due, w->n.now + DUAL_TIME_S);
    w->n.now += DUAL_TIME_S;
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_DONE);
    assert_false(is_there(w, 1));
}

/* ---- sooner ---- */

static void who_got_a_piece_here_need_not_wait(void **state)
{
    struct changing *w = *state;
    struct sim_asker a;
    struct sim_asker other;
    struct rep_retire rep = { 0 };
    struct req_retire req;

    two_epochs(w);
    restore_released(w, &a);
    restore_live(w, &other);
    change_epoch(w, 3);
    req = asks(w, 3, SAY_ALL, SAY_ALL);
    /* A signature of nobody; one of somebody who got nothing yet. */
    memcpy(req.req_sign, a.sign_pub, PUB_BYTES);
    assert_int_equal(ask_retire(w, &req, &rep), ERR_CERT);
    retire_sign(&a.sign, w->o.ward, 2, req.manifest_hash, req.sig);
    assert_int_equal(ask_retire(w, &req, &rep), ERR_CERT);
    memcpy(req.req_sign, other.sign_pub, PUB_BYTES);
    retire_sign(&other.sign, w->o.ward, 3, req.manifest_hash, req.sig);
    assert_int_equal(ask_retire(w, &req, &rep), OK);
    assert_int_equal(rep.state, PLAN_WAITS);
    /* Few people are few people also then. */
    req.people = people_epoch(w, SAY_HERE, 3, people_mem);
    memcpy(req.req_sign, a.sign_pub, PUB_BYTES);
    retire_sign(&a.sign, w->o.ward, 3, req.manifest_hash, req.sig);
    assert_int_equal(ask_retire(w, &req, &rep), ERR_CERT);
    assert_true(is_there(w, 1));
    req.people = people_epoch(w, SAY_ALL, 3, people_mem);
    assert_int_equal(ask_retire(w, &req, &rep), OK);
    assert_int_equal(rep.state, PLAN_DONE);
    assert_false(is_there(w, 1));
    assert_false(is_there(w, 2));
}

/* ---- where deaths make the thresholds impossible ---- */

static void its_own_guardian_and_one_more_erase_one_piece(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };
    struct req_retire req;

    w->t = 3;
    two_epochs(w);
    uint64_t due = w->n.now + RETIRE_OWN_S;

    /* Two others are not enough here: its own guardian kept silent. */
    req = asks(w, 2, SAY_0 | SAY_2, SAY_ALL);
    assert_int_equal(ask_retire(w, &req, &rep), ERR_CERT);
    req = asks(w, 2, SAY_HERE, SAY_ALL);
    assert_int_equal(ask_retire(w, &req, &rep), ERR_CERT);
    req = asks(w, 2, SAY_HERE | SAY_2, SAY_ALL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask_retire(w, &req, &rep), OK);
        assert_int_equal(rep.state, PLAN_WAITS);
        assert_int_equal(rep.due, due);
        assert_int_equal(rep.own, 1);
    }
    assert_false(is_confirmed(w, 2));
    assert_int_equal(heard(w, REC_RETIRE_PLANNED), 1);
    w->n.now += 15 * DAY;
    ticks(w);
    assert_int_equal(heard(w, REC_RETIRE_PLANNED), 2);
    w->n.now = due - DAY;
    ticks(w);
    ticks(w);
    assert_int_equal(heard(w, REC_RETIRE_PLANNED), 3);
    w->n.now = due - 1;
    ticks(w);
    assert_true(is_there(w, 1));
    w->n.now = due;
    ticks(w);
    assert_false(is_there(w, 1));
    assert_int_equal(heard(w, REC_RETIRE_PLANNED), 3);
    /* What else could judge what comes next? */
    assert_true(is_confirmed(w, 2));
}

static void a_late_plan_of_few_is_alerted_all_the_same(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };
    struct req_retire req;

    w->t = 3;
    two_epochs(w);
    w->n.now += 300 * DAY;
    req = asks(w, 2, SAY_HERE | SAY_0, SAY_ALL);
    assert_int_equal(ask_retire(w, &req, &rep), OK);
    assert_int_equal(rep.state, PLAN_WAITS);
    assert_int_equal(rep.due, w->n.now + DUAL_TIME_S);
    assert_true(is_there(w, 1));
}

static void enough_people_are_not_outdone_by_few(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };
    struct req_retire req;

    w->t = 3;
    two_epochs(w);
    uint64_t due = w->n.now + DUAL_TIME_S;

    req = asks(w, 2, SAY_HERE | SAY_0, SAY_ALL);
    assert_int_equal(ask_retire(w, &req, &rep), OK);
    assert_int_equal(rep.own, 1);
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.own, 0);
    assert_int_equal(rep.due, due);
    req = asks(w, 2, SAY_HERE | SAY_0, SAY_ALL);
    assert_int_equal(ask_retire(w, &req, &rep), OK);
    assert_int_equal(rep.own, 0);
    assert_int_equal(rep.due, due);
    w->n.now = due;
    ticks(w);
    assert_false(is_there(w, 1));
}

static void a_dealers_garbage_erases_nothing(void **state)
{
    struct changing *w = *state;
    struct sign_seed honest[PEOPLE];

    change_confirmed(w);
    change_epoch(w, 1);
    memcpy(honest, w->people, sizeof honest);
    rng_fill(&w->n.rng, (uint8_t *)w->people, sizeof w->people);
    for (uint32_t i = 2; i <= EPOCHS_OWNER; i++) {
        change_epoch(w, i);
        w->n.now += 40 * DAY;
        assert_int_equal(retire(w, i, NULL), ERR_CERT);
    }
    assert_int_equal(change_next(w, EPOCHS_OWNER + 1), ERR_FULL);
    ticks(w);
    assert_true(is_there(w, 1));
    assert_true(is_confirmed(w, 1));
    /* His own hold does not rule. */
    struct rep_epoch_state s = state_of(w, 0);

    assert_int_equal(s.n_epochs, EPOCHS_OWNER);
    memcpy(w->people, honest, sizeof honest);
}

static void a_plan_is_not_made_smaller(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    two_epochs(w);
    change_epoch(w, 3);
    assert_int_equal(retire(w, 3, &rep), OK);
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_WAITS);
    assert_int_equal(state_of(w, 0).retire_to, 3);
    w->n.now += DUAL_TIME_S;
    ticks(w);
    assert_false(is_there(w, 1));
    assert_false(is_there(w, 2));
    assert_int_equal(heard(w, REC_EPOCH_RETIRED), 2);
}

/* Who asks later whom people confirmed is shown their words, and no fewer people's. */
static void the_words_that_confirmed_it_are_shown(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };
    struct rep_epoch_state s = { 0 };

    w->t = 3;
    two_epochs(w);
    struct req_retire req = asks(w, 2, SAY_HERE | SAY_0, SAY_ALL);
    assert_int_equal(ask_retire(w, &req, &rep), OK);
    s = state_of(w, EPOCH_WANT_CERT);
    assert_int_equal(s.cert_epoch, 0);
    assert_int_equal(s.proof.n, 0);
    req = asks(w, 2, SAY_HERE | SAY_0 | SAY_2, SAY_ALL);
    assert_int_equal(ask_retire(w, &req, &rep), OK);
    s = state_of(w, EPOCH_WANT_CERT);
    assert_int_equal(s.cert_epoch, 2);
    assert_memory_equal(s.cert_hash, w->made[2].e.hash, HASH_BYTES);
    assert_true(bytes_equal(s.proof, req.people));
    verified(w);
}

/* ---- words about one epoch, used for another ---- */

/* Whoever has the owner's keys has the certificate of epoch 2 as well: all may see it. */
static struct bytes shown_cert(struct changing *w, uint8_t mem[PROOF])
{
    struct buf b = { .p = mem, .cap = PROOF };

    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_0 | SAY_2, 2, people_mem), NULL),
        OK);
    struct rep_epoch_state s = state_of(w, EPOCH_WANT_CERT);

    assert_true(s.proof.n > 0);
    buf_put(&b, s.proof);
    return buf_bytes(&b);
}

/* Garbage that bears the name of what people confirmed before. */
static void one_name_is_for_one_epoch(void **state)
{
    struct changing *w = *state;
    static uint8_t mem[PROOF];

    two_epochs(w);
    struct bytes cert = shown_cert(w, mem);
    struct sim_epoch *e = &w->made[3].e;

    assert_int_equal(change_next(w, 3), OK);
    memcpy(e->hash, w->made[2].e.hash, HASH_BYTES);
    memcpy(e->d.manifest_hash, e->hash, HASH_BYTES);
    memcpy(e->req.manifest_hash, e->hash, HASH_BYTES);
    sim_epoch_sign(&w->o, e);
    assert_int_equal(change_prepare(w, 3), ERR_FORMAT);
    assert_int_equal(ask_cert(w, &w->o.who, 3, cert, NULL), ERR_CERT);
    assert_false(is_confirmed(w, 3));
    assert_true(is_there(w, 1));
    verified(w);
}

/* The same under a number that is not taken: it would rule which one comes next. */
static void words_are_for_one_number(void **state)
{
    struct changing *w = *state;
    static uint8_t mem[PROOF];
    struct req_cert_put req = { .epoch = UINT32_MAX - 1 };

    two_epochs(w);
    req.people = shown_cert(w, mem);
    memcpy(req.manifest_hash, w->made[2].e.hash, HASH_BYTES);
    sim_op(&w->n, req.op);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CERT_PUT, &req, NULL), ERR_CERT);
    assert_int_equal(state_of(w, 0).cert_epoch, 2);
    change_epoch(w, 3);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        CASE(too_few_people_erase_nothing),
        CASE(words_that_say_something_else_do_not_count),
        CASE(an_unconfirmed_descriptor_judges_nothing),
        CASE(its_own_people_do_not_erase_what_was_before),
        CASE(without_a_confirmed_epoch_nothing_goes),
        CASE(only_what_is_active_here_takes_its_place),
        CASE(machines_need_one_to_spare),
        CASE(not_before_the_dual_time),
        CASE(never_while_a_restore_waits),
        CASE(one_that_nobody_approved_does_not_hold_it_up),
        CASE(frozen_nothing_goes),
        CASE(a_clock_set_back_keeps_nothing_for_ever),
        CASE(a_plan_counts_from_when_the_clock_runs),
        CASE(so_does_an_epoch_that_became_active),
        CASE(who_got_a_piece_here_need_not_wait),
        CASE(its_own_guardian_and_one_more_erase_one_piece),
        CASE(a_late_plan_of_few_is_alerted_all_the_same),
        CASE(enough_people_are_not_outdone_by_few),
        CASE(a_plan_is_not_made_smaller),
        CASE(a_dealers_garbage_erases_nothing),
        CASE(the_words_that_confirmed_it_are_shown),
        CASE(one_name_is_for_one_epoch),
        CASE(words_are_for_one_number),
    };
#undef CASE

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("retire", tests, NULL, NULL);

    secret_end();
    return failed;
}
