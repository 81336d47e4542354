/* SPDX-License-Identifier: Apache-2.0 */
/* An owner ends a circle at one node: whose word it takes, when, and what is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/verify.h"
#include "tests/sim/vaults.h"
#include "tests/unit/changing.h"

static uint8_t mem[PROOF];

static int up(void **state)
{
    *state = changing_new(52);
    return 0;
}

static int down(void **state)
{
    changing_free(*state);
    return 0;
}

static void sealed(struct changing *w)
{
    change_confirmed(w);
    change_epoch(w, 1);
}

static uint64_t end_due(struct changing *w)
{
    return state_of(w, 0).end_due;
}

static void verified(struct changing *w)
{
    struct verdict v = { 0 };

    assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
    assert_true(verdict_good(&v));
}

static void under_a_frozen_clock_it_counts_from_when_that_runs(void **state)
{
    struct changing *w = *state;

    sealed(w);
    w->n.env.clock = CLOCK_FROZEN;
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0 | SAY_2, 1, mem), NULL),
                     OK);
    w->n.env.clock = CLOCK_RUNS;
    w->n.now += 100 * DAY;
    ticks(w);
    assert_true(is_there(w, 1));
    assert_int_equal(end_due(w), w->n.now + DUAL_TIME_S);
    w->n.now += DUAL_TIME_S;
    ticks(w);
    assert_false(is_there(w, 1));
}

/* ---- whose word ---- */

static void too_few_people_end_nothing(void **state)
{
    struct changing *w = *state;
    struct bytes nothing = { 0 };

    sealed(w);
    assert_int_equal(ask_end(w, &w->o.who, nothing, NULL), ERR_CERT);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, 0, 1, mem), NULL), ERR_CERT);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0, 1, mem), NULL), ERR_CERT);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_2, 1, mem), NULL), ERR_CERT);
    assert_int_equal(end_due(w), 0);
    assert_int_equal(heard(w, REC_END_PLANNED), 0);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0 | SAY_2, 1, mem), NULL),
                     OK);
    assert_int_equal(end_due(w), w->n.now + DUAL_TIME_S);
}

static void words_that_say_something_else_do_not_count(void **state)
{
    struct changing *w = *state;

    sealed(w);
    w->n.now += 200 * DAY;
    for (int fault = 0; fault < 7; fault++) {
        struct say say[2] = { say_end(w, 0, 1), say_end(w, 2, 1) };
        struct statement *s = &say[1].s;

        if (fault == 0)
            s->purpose = PURPOSE_EPOCH;
        if (fault == 1)
            s->purpose = PURPOSE_ENROL;
        if (fault == 2)
            s->kind = REQUEST_RESTORE;
        if (fault == 3)
            s->epochs[0].manifest_hash[0] ^= 1; /* of another circle */
        if (fault == 4)
            s->time = w->n.now - CERT_LIFE_S - 1; /* an old one, said again */
        if (fault == 5)
            say[1].by = &w->other.approval;
        if (fault == 6)
            say[1] = say[0];
        assert_int_equal(ask_end(w, &w->o.who, people_of(say, 2, mem), NULL), ERR_CERT);
    }
    /* The guardian here too must mean an end, of late. */
    for (int fault = 0; fault < 4; fault++) {
        struct say say = say_end(w, HERE, 1);

        if (fault == 0)
            say.s.purpose = PURPOSE_EPOCH;
        if (fault == 1)
            say.s.kind = REQUEST_MOVE;
        if (fault == 2)
            say.s.time = w->n.now - CERT_LIFE_S - 1;
        if (fault == 3)
            say.by = &w->other.approval; /* the same person, for another ward */
        assert_int_equal(ask_end(w, &w->o.who, people_of(&say, 1, mem), NULL), ERR_CERT);
    }
    assert_int_equal(end_due(w), 0);
}

static void an_unconfirmed_descriptor_judges_nothing(void **state)
{
    struct changing *w = *state;

    sealed(w);
    rng_fill(&w->n.rng, (uint8_t *)w->people, sizeof w->people);
    change_epoch(w, 2);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0 | SAY_2, 2, mem), NULL),
                     ERR_CERT);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0 | SAY_2, 1, mem), NULL),
                     ERR_CERT);
}

static void only_the_owner_and_the_guardian_may(void **state)
{
    struct changing *w = *state;
    struct sim_pusher device;
    struct sim_guardian b;

    sealed(w);
    sim_device(&w->n, &w->o, &device);
    sim_seat(&w->n, &b);
    struct bytes all = people_end(w, SAY_ALL, 1, mem);

    assert_int_equal(ask_end(w, &device.who, all, NULL), ERR_REFUSED);
    assert_int_equal(ask_end(w, &b.who, all, NULL), ERR_UNKNOWN);
    assert_int_equal(ask_end(w, &w->other.who, all, NULL), ERR_UNKNOWN);
    assert_int_equal(end_due(w), 0);
}

static void its_own_guardian_alone_suffices_here(void **state)
{
    struct changing *w = *state;

    /* Also before anything is confirmed, or sealed at all. */
    assert_int_equal(confirm(w, PURPOSE_END, 0), OK);
    change_epoch(w, 1);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0, 1, mem), NULL), ERR_CERT);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_HERE, 1, mem), NULL), OK);
    assert_int_equal(end_due(w), w->n.now + DUAL_TIME_S);
}

static void what_was_never_used_needs_no_word(void **state)
{
    struct changing *w = *state;
    struct bytes nothing = { 0 };

    assert_int_equal(ask_end(w, &w->o.who, nothing, NULL), OK);
    w->n.now += DUAL_TIME_S;
    ticks(w);
    assert_int_equal(heard(w, REC_WARD_ENDED), 1);
}

/* ---- when ---- */

/* What the guardian sees. */
static void requests_of(struct changing *w, struct rep_requests *out)
{
    const struct req_requests req = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_REQUESTS, &req, out), OK);
}

static enum err take_back(struct changing *w, const struct session *who)
{
    struct req_ward_end req = { .cancel = 1 };
    struct rep_ward_end rep = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.ward, w->o.ward, ID_BYTES);
    enum err e = node_sim_ask(&w->n, who, MSG_WARD_END, &req, &rep);
    assert_true(rep.due == 0 || rep.left != 0);
    return e;
}

static void taken_back_it_needs_new_words(void **state)
{
    struct changing *w = *state;
    struct rep_ward_end rep = { 0 };

    sealed(w);
    assert_int_equal(take_back(w, &w->o.who), OK); /* nothing was planned: nothing said */
    assert_int_equal(heard(w, REC_END_CANCELLED), 0);
    struct bytes words = people_end(w, SAY_ALL, 1, mem);

    assert_int_equal(ask_end(w, &w->o.who, words, NULL), OK);
    w->n.now += DUAL_TIME_S - 1;
    assert_int_not_equal(take_back(w, &w->other.who), OK);
    assert_int_equal(ask_freeze(w), OK); /* nor does the guardian's freeze forbid it */
    assert_int_equal(take_back(w, &w->o.who), OK);
    assert_int_equal(heard(w, REC_END_CANCELLED), 1);
    w->n.now += 40 * DAY;
    ticks(w);
    assert_true(is_there(w, 1));
    assert_int_equal(end_due(w), 0);
    assert_int_equal(ask_end(w, &w->o.who, words, NULL), ERR_CERT);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0 | SAY_2, 1, mem), &rep),
                     OK);
    assert_int_equal(rep.due, w->n.now + DUAL_TIME_S);
    w->n.now += DUAL_TIME_S;
    ticks(w);
    assert_false(is_there(w, 1));
    assert_int_equal(take_back(w, &w->o.who), OK); /* too late, as its receipt says */
    verified(w);
}

/* Nothing was ordered yet: what the guardian is asked is over, and what they said too. */
static void taken_back_nobody_is_asked_any_more(void **state)
{
    struct changing *w = *state;
    struct rep_requests open = { 0 };
    struct sim_asker a;

    sealed(w);
    (void)confirm_live(w, PURPOSE_EPOCH, 1, &a); /* nobody looks at the views */
    (void)confirm_live(w, PURPOSE_END, 0, &a);
    requests_of(w, &open);
    assert_int_equal(open.n_requests, 2);
    assert_int_not_equal(take_back(w, &w->other.who), OK);
    requests_of(w, &open);
    assert_int_equal(open.n_requests, 2);
    w->n.now++;
    assert_int_equal(take_back(w, &w->o.who), OK);
    requests_of(w, &open);
    assert_int_equal(open.n_requests, 1);
    assert_int_equal(open.requests[0].purpose, PURPOSE_EPOCH);
    assert_int_equal(heard(w, REC_REQUEST_CANCELLED), 1);
    assert_int_equal(heard(w, REC_END_CANCELLED), 0);
    assert_int_equal(take_back(w, &w->o.who), OK);
    assert_int_equal(heard(w, REC_REQUEST_CANCELLED), 1);
    verified(w);
}

/* Once it is planned, by whoever's words, nobody needs to say more. */
static void planned_nobody_is_asked_any_more(void **state)
{
    struct changing *w = *state;
    struct rep_requests open = { 0 };
    struct sim_asker a;

    sealed(w);
    (void)confirm_live(w, PURPOSE_END, 0, &a); /* nobody looks at the view */
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0, 1, mem), NULL), ERR_CERT);
    requests_of(w, &open);
    assert_int_equal(open.n_requests, 1);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_0 | SAY_2, 1, mem), NULL),
                     OK);
    requests_of(w, &open);
    assert_int_equal(open.n_requests, 0);
    verified(w);
}

static void words_of_before_it_was_taken_back_count_no_more(void **state)
{
    struct changing *w = *state;

    sealed(w);
    confirm_fetched(w, PURPOSE_END);
    struct bytes words = people_end(w, SAY_HERE, 1, mem);
    w->n.now += 60;
    assert_int_equal(take_back(w, &w->o.who), OK);
    assert_int_equal(ask_end(w, &w->o.who, words, NULL), ERR_CERT);
    w->n.now += 60;
    assert_int_equal(take_back(w, &w->o.who), OK); /* nothing was said since */
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_HERE, 1, mem), NULL), OK);
}

/* A guardian gives a ward up or not: to take back what never was planned erases nothing.
 */
static void nothing_is_taken_back_by_a_guardian(void **state)
{
    struct changing *w = *state;

    sealed(w);
    assert_int_equal(take_back(w, &w->a.who), ERR_REFUSED);
    assert_true(is_there(w, 1));
    assert_int_equal(heard(w, REC_WARD_ENDED), 0);
}

/* By a wrong clock, which a person set back: that day is not to come before new words. */
static void taken_back_under_a_wrong_clock(void **state)
{
    struct changing *w = *state;
    uint64_t right = w->n.now;

    sealed(w);
    struct bytes words = people_end(w, SAY_ALL, 1, mem);

    assert_int_equal(ask_end(w, &w->o.who, words, NULL), OK);
    w->n.now += 4 * DAY;
    assert_int_equal(take_back(w, &w->o.who), OK);
    w->n.now = right + DAY;
    ticks(w);
    w->n.now += DAY;
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL), OK);
}

static void told_and_not_before_the_dual_time(void **state)
{
    struct changing *w = *state;
    struct rep_ward_end rep = { 0 };
    struct req_wards req = { 0 };
    struct rep_wards wards = { 0 };

    sealed(w);
    uint64_t due = w->n.now + DUAL_TIME_S;

    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), &rep), OK);
    assert_int_equal(rep.left, 0);
    assert_int_equal(rep.due, due);
    assert_int_equal(rep.receipt.n, 0);
    w->n.now += DAY;
    /* Asked again, with nothing: it waits as it did. */
    assert_int_equal(ask_end(w, &w->o.who, (struct bytes){ 0 }, &rep), OK);
    assert_int_equal(rep.due, due);
    assert_int_equal(heard(w, REC_END_PLANNED), 1);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_WARDS, &req, &wards), OK);
    for (uint32_t i = 0; i < wards.n_wards; i++)
        assert_int_equal(wards.wards[i].end_due,
                         id_equal(wards.wards[i].ward, w->o.ward) ? due : 0);
    node_sim_again(&w->n);
    w->n.now = due - 1;
    ticks(w);
    assert_true(is_there(w, 1));
    w->n.now = due;
    ticks(w);
    assert_false(is_there(w, 1));
    assert_int_equal(heard(w, REC_WARD_ENDED), 1);
    assert_int_equal(heard(w, REC_WARD_LEFT), 0);
    verified(w);
}

static void never_while_a_restore_waits(void **state)
{
    struct changing *w = *state;
    struct sim_asker a;

    sealed(w);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL), OK);
    w->n.now += 13 * DAY;
    restore_approved(w, &a);
    w->n.now += 2 * DAY;
    ticks(w);
    assert_true(is_there(w, 1));
    assert_int_equal(restore_refuse(w, &a), OK);
    ticks(w);
    assert_false(is_there(w, 1));
}

static void frozen_nothing_ends(void **state)
{
    struct changing *w = *state;

    sealed(w);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL), OK);
    assert_int_equal(ask_freeze(w), OK);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL),
                     ERR_FROZEN);
    w->n.now += 20 * DAY;
    ticks(w);
    assert_true(is_there(w, 1));
    w->n.now += WARD_FROZEN_S;
    ticks(w);
    assert_false(is_there(w, 1));
}

static void the_guardian_need_not_wait(void **state)
{
    struct changing *w = *state;
    struct rep_ward_end rep = { 0 };

    sealed(w);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL), OK);
    assert_int_equal(ask_end(w, &w->a.who, (struct bytes){ 0 }, &rep), OK);
    assert_int_equal(rep.left, w->n.now);
    assert_false(is_there(w, 1));
    assert_int_equal(heard(w, REC_WARD_LEFT), 1);
    w->n.now += DUAL_TIME_S;
    ticks(w);
    assert_int_equal(heard(w, REC_WARD_ENDED), 0);
}

/* ---- what is left ---- */

static void a_receipt_says_that_it_is_gone(void **state)
{
    struct changing *w = *state;
    struct rep_ward_end rep = { 0 };
    struct ended_receipt r = { 0 };
    uint8_t other[PUB_BYTES] = { 3 };

    sealed(w);
    change_epoch(w, 2);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL), OK);
    w->n.now += DUAL_TIME_S;
    uint64_t ended = w->n.now;

    ticks(w);
    node_sim_again(&w->n);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask_end(w, &w->o.who, (struct bytes){ 0 }, &rep), OK);
        assert_int_equal(rep.left, ended);
        assert_int_equal(ended_receipt_open(rep.receipt, w->n.env.id->sign_pub, &r), OK);
        assert_int_equal(ended_receipt_open(rep.receipt, other, &r), ERR_SIGNATURE);
        assert_memory_equal(r.ward, w->o.ward, ID_BYTES);
        assert_memory_equal(r.manifest_hash, w->made[2].e.hash, HASH_BYTES);
        assert_memory_equal(r.incarnation, w->n.env.id->incarnation, ID_BYTES);
        assert_int_equal(r.time, ended);
        w->n.now += WARD_LEFT_S - 1;
        ticks(w);
    }
    /* After 180 days nobody is known here any more. */
    assert_int_equal(ask_end(w, &w->o.who, (struct bytes){ 0 }, &rep), ERR_REFUSED);
    verified(w);
}

/* The guardian and the owner see by whose order it went. */
static void whose_order_it_was_is_kept(void **state)
{
    struct changing *w = *state;
    struct req_wards req = { 0 };
    struct rep_wards wards = { 0 };

    sealed(w);
    uint64_t due = w->n.now + DUAL_TIME_S;

    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL), OK);
    w->n.now = due;
    ticks(w);
    assert_int_equal(end_due(w), 0);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_WARDS, &req, &wards), OK);
    assert_int_equal(wards.wards[0].left, due);
    assert_int_equal(wards.wards[0].end_due, due);
}

static void a_guardian_who_was_faster_gave_it_up(void **state)
{
    struct changing *w = *state;
    struct req_wards req = { 0 };
    struct rep_wards wards = { 0 };

    sealed(w);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL), OK);
    assert_int_equal(ask_end(w, &w->a.who, (struct bytes){ 0 }, NULL), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_WARDS, &req, &wards), OK);
    assert_int_equal(wards.wards[0].left, w->n.now);
    assert_int_equal(wards.wards[0].end_due, 0);
}

static enum err nothing_left(struct call *c, void *arg)
{
    struct changing *w = arg;
    struct data_id vault = { .epoch = DATA_VAULT };
    struct data_id first = { .epoch = 1 };
    struct txn_key at = { 0 };

    memcpy(vault.ward, w->o.ward, ID_BYTES);
    memcpy(first.ward, w->o.ward, ID_BYTES);
    assert_int_equal(data_key_has(c->txn, &vault), ERR_UNKNOWN);
    assert_int_equal(data_key_has(c->txn, &first), ERR_UNKNOWN);
    assert_int_equal(
        txn_next(c->txn, TAB_OBJECT, BYTES_OF(w->o.ward), &at, (struct span){ 0 }, NULL),
        ERR_UNKNOWN);
    return OK;
}

static void pieces_vault_and_certificates_go(void **state)
{
    struct changing *w = *state;
    struct buf object = BUF_OF(mem);
    struct sim_pusher p;

    sealed(w);
    change_epoch(w, 2);
    assert_int_equal(ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, mem), NULL),
                     OK);
    sim_account(&w->o, &p);
    sim_object_put(1, 300, &object);
    assert_int_equal(sim_push(&w->n, &p, buf_bytes(&object), (struct bytes){ 0 }, NULL),
                     OK);
    assert_true(sim_has(&w->n, &p, 1, 300));
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 2, mem), NULL), OK);
    w->n.now += DUAL_TIME_S;
    ticks(w);
    assert_int_equal(node_sim_write(&w->n, NULL, nothing_left, w), OK);
    assert_int_equal(change_next(w, 3), ERR_LEFT);
    assert_int_equal(ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, mem), NULL),
                     ERR_LEFT);
    verified(w);
}

static void a_request_ends_with_it(void **state)
{
    struct changing *w = *state;
    struct req_requests req = { 0 };
    struct rep_requests rep = { 0 };
    struct sim_asker a;

    sealed(w);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, mem), NULL), OK);
    w->n.now += DUAL_TIME_S - DAY;
    restore_live(w, &a);
    w->n.now += DAY;
    ticks(w);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_REQUESTS, &req, &rep), OK);
    assert_int_equal(rep.n_requests, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        CASE(too_few_people_end_nothing),
        CASE(under_a_frozen_clock_it_counts_from_when_that_runs),
        CASE(words_that_say_something_else_do_not_count),
        CASE(an_unconfirmed_descriptor_judges_nothing),
        CASE(only_the_owner_and_the_guardian_may),
        CASE(its_own_guardian_alone_suffices_here),
        CASE(what_was_never_used_needs_no_word),
        CASE(taken_back_it_needs_new_words),
        CASE(taken_back_nobody_is_asked_any_more),
        CASE(planned_nobody_is_asked_any_more),
        CASE(words_of_before_it_was_taken_back_count_no_more),
        CASE(nothing_is_taken_back_by_a_guardian),
        CASE(taken_back_under_a_wrong_clock),
        CASE(told_and_not_before_the_dual_time),
        CASE(never_while_a_restore_waits),
        CASE(frozen_nothing_ends),
        CASE(the_guardian_need_not_wait),
        CASE(whose_order_it_was_is_kept),
        CASE(a_guardian_who_was_faster_gave_it_up),
        CASE(a_receipt_says_that_it_is_gone),
        CASE(pieces_vault_and_certificates_go),
        CASE(a_request_ends_with_it),
    };
#undef CASE

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("end", tests, NULL, NULL);

    secret_end();
    return failed;
}
