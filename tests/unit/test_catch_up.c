/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and guardians that are not where the others are: catching up by a certificate,
 * beginning later, taking back; and what a guardian is given of all that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/verify.h"
#include "tests/unit/changing.h"

static uint8_t people_mem[PROOF];
static const uint8_t elsewhere[PUB_BYTES] = { 1 }; /* another node's key */

static int up(void **state)
{
    *state = changing_new(54);
    return 0;
}

static int down(void **state)
{
    changing_free(*state);
    return 0;
}

static void verified(struct changing *w)
{
    struct verdict v = { 0 };

    assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
    assert_true(verdict_good(&v));
}

/* ---- whoever was away ---- */

static void a_certificate_lets_a_node_catch_up(void **state)
{
    struct changing *w = *state;
    uint8_t held = 9;

    change_confirmed(w);
    change_epoch(w, 1);
    /* The others are at 7; this node has not even heard of 2. */
    assert_int_equal(change_next(w, 7), ERR_STATE);
    change_made(w, 7, elsewhere);
    struct bytes few = people_epoch(w, SAY_0, 7, people_mem);

    assert_int_equal(ask_cert(w, &w->o.who, 7, few, &held), ERR_CERT);
    struct bytes enough = people_epoch(w, SAY_0 | SAY_2, 7, people_mem);

    assert_int_equal(ask_cert(w, &w->o.who, 7, enough, &held), OK);
    assert_int_equal(held, 0);
    struct rep_epoch_state s = state_of(w, EPOCH_WANT_CERT);

    assert_int_equal(s.cert_epoch, 7);
    assert_memory_equal(s.cert_hash, w->made[7].e.hash, HASH_BYTES);
    assert_true(bytes_equal(s.proof, enough));
    assert_int_equal(change_next(w, 2), ERR_STATE);
    assert_int_equal(change_next(w, 6), ERR_STATE);
    /* It takes that very one, */
    uint8_t body[HASH_BYTES];

    memcpy(body, w->made[7].e.d.body, HASH_BYTES);
    assert_int_equal(change_next(w, 7), OK);
    assert_int_equal(change_prepare(w, 7), ERR_STATE);
    memcpy(w->made[7].e.d.body, body, HASH_BYTES);
    sim_epoch_name(&w->o, &w->made[7].e);
    assert_memory_equal(w->made[7].e.hash, s.cert_hash, HASH_BYTES);
    assert_int_equal(change_prepare(w, 7), OK);
    assert_int_equal(change_commit(w, 7), OK);
    assert_true(is_confirmed(w, 7));
    assert_true(is_there(w, 1));
    verified(w);
}

static void or_take_the_one_after(void **state)
{
    struct changing *w = *state;

    change_confirmed(w);
    change_epoch(w, 1);
    assert_int_equal(change_next(w, 2), OK);
    assert_int_equal(change_prepare(w, 2), OK); /* overtaken: it gives way */
    rng_fill(&w->n.rng, w->made[3].e.hash, HASH_BYTES);
    assert_int_equal(change_next(w, 4), ERR_BUSY);
    assert_int_equal(
        ask_cert(w, &w->o.who, 3, people_epoch(w, SAY_ALL, 3, people_mem), NULL), OK);
    change_epoch(w, 4);
    assert_false(is_there(w, 2));
    assert_false(is_confirmed(w, 4));
    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 4, NULL), OK);
    assert_false(is_there(w, 1));
    assert_int_equal(heard(w, REC_EPOCH_ABORTED), 1);
    verified(w);
}

static void a_certificate_commits_what_is_prepared(void **state)
{
    struct changing *w = *state;
    uint8_t held = 0;

    change_confirmed(w);
    change_epoch(w, 1);
    assert_int_equal(change_next(w, 2), OK);
    assert_int_equal(change_prepare(w, 2), OK);
    /* Somebody who asks for a restore may bring it, also while the ward is frozen. */
    struct sim_asker a;

    restore_live(w, &a);
    assert_int_equal(node_sim_login(&w->n, &a.login, &a.who), OK);
    assert_int_equal(ask_freeze(w), OK);
    assert_int_equal(
        ask_cert(w, &a.who, 2, people_epoch(w, SAY_HERE | SAY_2, 2, people_mem), &held),
        OK);
    assert_int_equal(held, 1);
    assert_true(is_confirmed(w, 2));
    struct rep_epoch_state s = state_of(w, 0);

    assert_int_equal(line_of(&s, 2)->state, EPOCH_ACTIVE);
    assert_int_equal(line_of(&s, 1)->state, EPOCH_SUPERSEDED);
    /* Asked again; and another one of that number. */
    assert_int_equal(
        ask_cert(w, &a.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), &held), OK);
    assert_int_equal(held, 1);
    w->made[2].e.hash[0] ^= 1;
    assert_int_equal(
        ask_cert(w, &a.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), &held),
        ERR_STATE);
}

/* Under the name of what the owner made: people of his own, fewer of them, no hold. */
static void forge(struct changing *w, uint32_t epoch)
{
    struct sim_epoch *e = &w->made[epoch].e;
    struct descriptor right = e->d;
    uint32_t hold = e->req.hold;

    for (size_t i = 0; i < PEOPLE; i++)
        if (i != HERE)
            e->d.pieces[i].approval[0] ^= 1;
    sim_epoch_sign(&w->o, e);
    assert_int_equal(change_prepare(w, epoch), ERR_FORMAT);
    e->d = right;
    e->d.groups[0].t = 1;
    sim_epoch_sign(&w->o, e);
    assert_int_equal(change_prepare(w, epoch), ERR_FORMAT);
    e->d = right;
    sim_epoch_sign(&w->o, e);
    e->req.hold = 0;
    assert_int_equal(change_prepare(w, epoch), ERR_FORMAT);
    e->req.hold = hold;
    assert_int_equal(change_commit(w, epoch), ERR_STATE);
}

/* Stolen keys at a node that missed a change which people confirmed. */
static void a_confirmed_name_brings_no_other_people(void **state)
{
    struct changing *w = *state;
    uint8_t body[HASH_BYTES];
    uint8_t held = 9;

    change_confirmed(w);
    change_epoch(w, 1);
    change_made(w, 2, elsewhere);
    memcpy(body, w->made[2].e.d.body, HASH_BYTES);
    assert_int_equal(change_next(w, 2), OK);
    memcpy(w->made[2].e.d.body, body, HASH_BYTES);
    sim_epoch_name(&w->o, &w->made[2].e);
    forge(w, 2);
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), &held), OK);
    assert_int_equal(held, 0);
    forge(w, 2);
    /* Who judges here is whom the people confirmed, whoever brings it. */
    assert_int_equal(change_prepare(w, 2), OK);
    assert_int_equal(change_commit(w, 2), OK);
    assert_true(is_confirmed(w, 2));
    assert_true(is_there(w, 1));
    verified(w);
}

static void what_the_guardians_did_not_confirm_gives_way(void **state)
{
    struct changing *w = *state;

    change_confirmed(w);
    change_epoch(w, 1);
    assert_int_equal(change_next(w, 2), OK);
    assert_int_equal(change_prepare(w, 2), OK);
    /* Another device's came through everywhere else. */
    rng_fill(&w->n.rng, w->made[2].e.d.body, HASH_BYTES);
    sim_epoch_name(&w->o, &w->made[2].e);
    assert_int_equal(change_prepare(w, 2), ERR_BUSY);
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), NULL), OK);
    assert_int_equal(change_prepare(w, 2), OK);
    assert_int_equal(change_commit(w, 2), OK);
    assert_true(is_confirmed(w, 2));
}

static void a_guardian_added_later_confirms_the_first_one_here(void **state)
{
    struct changing *w = *state;

    change_epoch(w, 5);
    assert_false(is_confirmed(w, 5));
    /* An enrolment confirmed is no epoch confirmed, an end even less. */
    assert_int_equal(confirm(w, PURPOSE_END, 0), OK);
    assert_int_equal(confirm(w, PURPOSE_ENROL, 0), OK);
    assert_false(is_confirmed(w, 5));
    assert_int_equal(confirm(w, PURPOSE_EPOCH, 5), OK);
    assert_true(is_confirmed(w, 5));
    /* The next one needs the people of this one. */
    change_epoch(w, 6);
    assert_int_equal(confirm(w, PURPOSE_EPOCH, 6), OK);
    assert_false(is_confirmed(w, 6));
    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 6, NULL), OK);
    assert_true(is_confirmed(w, 6));
}

/* ---- EPOCH_ABORT, views ---- */

static enum err new_root(struct call *c, void *arg)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, arg, &ward));
    return drop_new_root(c, &ward);
}

static void what_stolen_keys_filled_is_no_share_of_a_new_root(void **state)
{
    struct changing *w = *state;
    enum err e = OK;
    int rounds = 0;

    w->n.limits.blobs = 64;
    change_confirmed(w);
    change_epoch(w, 1);
    for (; e == OK && rounds < 100; rounds++) {
        assert_int_equal(change_next(w, 2), OK);
        e = change_prepare(w, 2);
        /* Taking it back is always possible. */
        assert_int_equal(ask_abort(w, 2), OK);
    }
    assert_int_equal(e, ERR_FULL);
    assert_true(rounds > 2);
    w->n.now += DAY;
    assert_int_equal(change_next(w, 2), OK);
    assert_int_equal(change_prepare(w, 2), ERR_FULL);
    assert_int_equal(node_sim_write(&w->n, NULL, new_root, w->o.ward), OK);
    assert_int_equal(change_prepare(w, 2), OK);
    assert_int_equal(change_commit(w, 2), OK);
    verified(w);
}

static void only_what_is_prepared_is_taken_back(void **state)
{
    struct changing *w = *state;

    change_confirmed(w);
    change_epoch(w, 1);
    assert_int_equal(ask_abort(w, 1), ERR_STATE);
    assert_int_equal(change_next(w, 2), OK);
    assert_int_equal(change_prepare(w, 2), OK);
    assert_int_equal(ask_abort(w, 2), OK);
    assert_false(is_there(w, 2));
    assert_int_equal(ask_abort(w, 2), OK);
    assert_int_equal(heard(w, REC_EPOCH_ABORTED), 1);
    assert_int_equal(change_prepare(w, 2), ERR_STATE);
    verified(w);
    change_epoch(w, 2);
    assert_int_equal(ask_abort(w, 2), ERR_STATE);
    assert_int_equal(ask_abort(w, 1), ERR_STATE);
    assert_true(is_there(w, 1));
    verified(w);
}

static enum err box_of(struct changing *w, const struct sim_asker *a, uint32_t epoch)
{
    struct req_box_get req = { .epoch = epoch };
    struct rep_box_get rep = { 0 };

    memcpy(req.request, a->request, ID_BYTES);
    return node_sim_ask(&w->n, &w->a.who, MSG_BOX_GET, &req, &rep);
}

static void a_prepared_box_is_given_once_it_is_certified(void **state)
{
    struct changing *w = *state;
    struct sim_asker a;

    change_confirmed(w);
    change_epoch(w, 1);
    assert_int_equal(change_next(w, 2), OK);
    assert_int_equal(change_prepare(w, 2), OK);
    restore_live(w, &a);
    assert_int_equal(box_of(w, &a, 1), OK);
    assert_int_equal(box_of(w, &a, 2), ERR_UNKNOWN);
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), NULL), OK);
    assert_int_equal(box_of(w, &a, 2), OK);
    assert_int_equal(box_of(w, &a, 3), ERR_UNKNOWN);
}

static void no_box_of_another_manifest_is_given_for_it(void **state)
{
    struct changing *w = *state;
    struct sim_asker a;

    change_confirmed(w);
    change_epoch(w, 1);
    assert_int_equal(change_next(w, 2), OK);
    assert_int_equal(change_prepare(w, 2), OK);
    restore_live(w, &a);
    assert_int_equal(ask_abort(w, 2), OK);
    change_epoch(w, 2);
    assert_int_equal(box_of(w, &a, 1), OK);
    assert_int_equal(box_of(w, &a, 2), ERR_UNKNOWN);
}

static void the_guardian_sees_their_wards_epochs(void **state)
{
    struct changing *w = *state;
    struct req_epoch_state req = { 0 };
    struct rep_epoch_state rep = { 0 };
    struct sim_guardian b;

    change_epoch(w, 1);
    change_epoch(w, 2);
    sim_seat(&w->n, &b);
    memcpy(req.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &b.who, MSG_EPOCH_STATE, &req, &rep),
                     ERR_UNKNOWN);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_EPOCH_STATE, &req, &rep), OK);
    assert_int_equal(rep.n_epochs, 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        CASE(a_certificate_lets_a_node_catch_up),
        CASE(or_take_the_one_after),
        CASE(a_certificate_commits_what_is_prepared),
        CASE(a_confirmed_name_brings_no_other_people),
        CASE(what_the_guardians_did_not_confirm_gives_way),
        CASE(a_guardian_added_later_confirms_the_first_one_here),
        CASE(what_stolen_keys_filled_is_no_share_of_a_new_root),
        CASE(only_what_is_prepared_is_taken_back),
        CASE(a_prepared_box_is_given_once_it_is_certified),
        CASE(no_box_of_another_manifest_is_given_for_it),
        CASE(the_guardian_sees_their_wards_epochs),
    };
#undef CASE

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("catch_up", tests, NULL, NULL);

    secret_end();
    return failed;
}
