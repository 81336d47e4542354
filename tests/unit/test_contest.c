/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/asking.h"

/* ---- stops ---- */

static uint32_t ward_stops(struct world *w, const struct session *who)
{
    static struct rep_wards rep;
    struct req_wards req = { 0 };

    rep = (struct rep_wards){ 0 };
    assert_int_equal(ask(w, who, MSG_WARDS, &req, &rep), OK);
    assert_int_equal(rep.wards[0].stops_end > w->now, rep.wards[0].stops > 0);
    return rep.wards[0].stops;
}

static struct request_line line_of(struct world *w, const struct asker *a)
{
    static struct rep_request rep;

    assert_int_equal(ask_show(w, &w->as_device, a, &rep), OK);
    return rep.line[0];
}

static void who_may_stop(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct session other = w->as_device;
    struct rep_stop rep;

    (void)state;
    draw(other.ward, ID_BYTES);
    assert_int_equal(ask_open(w, &a), OK);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), ERR_UNKNOWN); /* not listed */
    open_live(w, &a);
    assert_int_equal(ask_stop(w, &w->as_guardian, &a, &rep), ERR_REFUSED);
    assert_int_equal(ask_stop(w, &a.requester, &a, &rep), ERR_REFUSED);
    assert_int_equal(ask_stop(w, &other, &a, &rep), ERR_UNKNOWN);
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    assert_int_equal(ward_stops(w, &w->as_device), 0);
    assert_int_equal(ask_stop(w, &w->as_owner, &a, &rep), OK);
    assert_int_equal(rep.state, STATE_CONTESTED);
    assert_int_equal(ask_refuse(w, &a), OK);
    assert_int_equal(ask_stop(w, &w->as_owner, &a, &rep), ERR_STOPPED);
    world_free(w);
}

static void a_stop_voids_the_approval(void **state)
{
    struct world *w = world_new(HOLD, 2);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_fetch got;
    struct rep_stop rep;
    struct rep_approve yes = { 0 };

    (void)state;
    open_live(w, &a);
    approve(w, &a, NULL);
    w->now += HOLD - 1;
    size_t before = alerts(w);

    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
    assert_int_equal(rep.counted, 1);
    assert_int_equal(rep.stops, 1);
    assert_int_equal(rep.opens, w->now + STOP_HOLD);
    assert_int_equal(count(w, TAB_RELEASE), 0);
    assert_int_equal(alerts(w), before + 1);
    assert_int_equal(newest.event, REC_REQUEST_STOPPED);
    w->now += 30 * DAY; /* nothing goes by itself */
    assert_int_equal(ask_fetch(w, &a, 0, &got), OK);
    assert_int_equal(got.state, STATE_CONTESTED);
    assert_int_equal(got.statement.n + got.roster.n + got.roster_box.n, 0);
    assert_int_equal(got.flags, REQUEST_STOPS);
    assert_int_equal(try_approve(w, &a, 0, NULL), ERR_STOPPED);
    assert_int_equal(state_of(w, &a), STATE_CONTESTED);
    assert_int_equal(try_approve(w, &a, 1, &yes), OK);
    assert_int_equal(yes.opens, w->now + HOUR);
    w->now += HOUR - 1;
    assert_int_equal(ask_fetch(w, &a, 1, &got), ERR_STATE);
    w->now++;
    assert_int_equal(ask_fetch(w, &a, 1, &got), OK);
    assert_int_equal(got.flags, REQUEST_STOPS | REQUEST_DESPITE);
    world_free(w);
}

static void a_third_stop_is_only_noted(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_fetch got;
    struct rep_stop rep;

    (void)state;
    open_live(w, &a);
    for (uint8_t i = 0; i < 2; i++) { /* each at the last second */
        assert_int_equal(try_approve(w, &a, i, NULL), OK);
        w->now = line_of(w, &a).opens - 1;
        assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
        assert_int_equal(rep.counted, 1);
    }
    assert_int_equal(try_approve(w, &a, 1, NULL), OK);
    uint64_t opens = line_of(w, &a).opens;

    assert_true(opens <= T0 + HOLD + 2 * STOP_HOLD);
    for (uint32_t i = 3; i <= REQUEST_STOPPED; i++) {
        assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
        assert_int_equal(rep.counted, 0);
        assert_int_equal(rep.stops, i);
        (void)alerts(w);
        assert_int_equal(newest.event, REC_STOP_NOTED);
    }
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), ERR_FULL);
    assert_int_equal(state_of(w, &a), STATE_APPROVED);
    assert_int_equal(line_of(w, &a).flags,
                     REQUEST_DESPITE | REQUEST_NOTED | REQUEST_STOPS);
    assert_int_equal(line_of(w, &a).opens, opens);
    w->now = opens - 1;
    assert_int_equal(ask_fetch(w, &a, 1, &got), ERR_STATE);
    w->now = opens;
    assert_int_equal(ask_fetch(w, &a, 1, &got), OK);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), ERR_STATE); /* it is out */
    world_free(w);
}

/* A stop of one request: others of the ward run the stop hold and need to be meant. */
/* Between the guardian's look and their yes another device stops it. */
static void a_yes_knows_only_the_stops_it_was_shown(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t op[ID_BYTES];
    uint8_t left = 0;
    struct rep_stop rep;

    (void)state;
    open_live(w, &a);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
    draw(op, sizeof op);
    assert_int_equal(ask_try(w, &a, op, &left), OK);
    approval_fill(w, &a, op, &p);
    p.req.despite = 1;
    p.req.stops = rep.stops;
    assert_int_equal(ask_stop(w, &w->as_owner, &a, &rep), OK);
    assert_int_equal(rep.counted, 1);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_STOPPED);
    assert_int_equal(state_of(w, &a), STATE_CONTESTED);
    assert_int_equal(count(w, TAB_RELEASE), 0);
    p.req.stops = rep.stops;
    /* What is only noted holds up nobody. */
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
    assert_int_equal(rep.counted, 0);
    p.req.despite = 0;
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_STOPPED);
    p.req.despite = 1;
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), OK);
    world_free(w);
}

static void stops_count_for_the_ward(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker thief = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker before = asker_new(w, CRED_RESTORE, w->links[1]);
    struct asker after = asker_new(w, CRED_RESTORE, w->links[2]);
    struct rep_stop rep;

    (void)state;
    open_live(w, &thief);
    open_live(w, &before);
    assert_int_equal(line_of(w, &before).flags, 0);
    assert_int_equal(ask_stop(w, &w->as_device, &thief, &rep), OK);
    assert_int_equal(ward_stops(w, &w->as_device), 1);
    w->now += HOUR;
    open_live(w, &after);
    assert_int_equal(line_of(w, &before).flags, REQUEST_STOPS);
    assert_int_equal(line_of(w, &before).opens, T0 + STOP_HOLD);
    assert_int_equal(line_of(w, &after).opens, T0 + HOUR + STOP_HOLD);
    assert_int_equal(try_approve(w, &before, 0, NULL), ERR_STOPPED);
    assert_int_equal(try_approve(w, &after, 0, NULL), ERR_STOPPED);
    assert_int_equal(try_approve(w, &before, 1, NULL), OK);
    assert_int_equal(try_approve(w, &after, 1, NULL), OK);
    assert_int_equal(line_of(w, &before).opens, T0 + STOP_HOLD);
    w->now = T0 + HOUR + STOP_HOLD - 1;
    assert_int_equal(ask_stop(w, &w->as_device, &after, &rep), OK);
    assert_int_equal(rep.counted, 1);
    assert_int_equal(ask_stop(w, &w->as_device, &after, &rep), OK);
    assert_int_equal(rep.counted, 0); /* one was used up when it was opened */
    assert_int_equal(ward_stops(w, &w->as_device), 2);
    world_free(w);
}

static void stops_are_forgotten_to_the_second(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);
    struct rep_stop rep;

    (void)state;
    open_live(w, &a);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
    w->now = T0 + 90 * DAY + 3 * STOP_HOLD - 1;
    assert_int_equal(ward_stops(w, &w->as_device), 1);
    open_live(w, &b);
    assert_int_equal(line_of(w, &b).flags, REQUEST_STOPS);
    w->now++;
    assert_int_equal(ward_stops(w, &w->as_device), 0);
    b = asker_new(w, CRED_RESTORE, w->links[2]);
    open_live(w, &b);
    assert_int_equal(line_of(w, &b).flags, 0);
    assert_int_equal(try_approve(w, &b, 0, NULL), OK);
    assert_int_equal(line_of(w, &b).opens, w->now + HOLD);
    assert_int_equal(ask_stop(w, &w->as_device, &b, &rep), OK);
    assert_int_equal(ward_stops(w, &w->as_device), 1);
    world_free(w);
}

/* Tries used up before or after a stop never keep the owner out. */
static void contested_and_locked_can_be_unlocked(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t left = 0;
    uint8_t op[ID_BYTES];
    struct rep_stop rep;

    (void)state;
    open_live(w, &a);
    for (size_t i = 0; i < REQUEST_TRIES; i++) {
        draw(op, sizeof op);
        assert_int_equal(ask_try(w, &a, op, &left), OK);
    }
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
    assert_int_equal(rep.state, STATE_LOCKED);
    assert_int_equal(rep.opens, T0 + STOP_HOLD);
    assert_int_equal(ask_unlock(w, &a, &w->approval, &left), OK);
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    assert_int_equal(try_approve(w, &a, 0, NULL), ERR_STOPPED);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
    assert_int_equal(rep.state, STATE_CONTESTED);
    while (left > 0) {
        draw(op, sizeof op);
        assert_int_equal(ask_try(w, &a, op, &left), OK);
    }
    draw(op, sizeof op);
    assert_int_equal(ask_try(w, &a, op, &left), ERR_TRIES);
    assert_int_equal(ask_unlock(w, &a, &w->approval, &left), OK);
    assert_int_equal(state_of(w, &a), STATE_CONTESTED);
    assert_int_equal(try_approve(w, &a, 1, NULL), OK);
    world_free(w);
}

static void what_opened_a_request_is_told(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker sheet = asker_new(w, CRED_SHEET, w->sheet);
    struct asker link = asker_new(w, CRED_RESTORE, w->links[0]);

    (void)state;
    open_live(w, &sheet);
    open_live(w, &link);
    assert_int_equal(line_of(w, &sheet).flags, REQUEST_SHEET);
    assert_int_equal(line_of(w, &link).flags, 0);
    world_free(w);
}

static void a_stopped_introduction_is_dead(void **state)
{
    struct world *w = world_new(HOLD, 1);
    uint8_t mem[SIGNED_MAX];
    struct intro how = { "", &w->others[0], w->hashes[0], T0 + DAY, OK };
    struct asker a = introduced(w, &how, mem);
    struct asker b;
    struct rep_stop rep;

    (void)state;
    open_live(w, &a);
    assert_int_equal(line_of(w, &a).flags, REQUEST_INTRODUCED);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
    assert_int_equal(ask_cancel(w, &a), OK);
    b = a;
    draw(&b.stat, sizeof b.stat); /* the same introduction, other keys and nonce */
    crypt_dh_public(&b.stat, b.opener.stat);
    memcpy(b.open.stat, b.opener.stat, PUB_BYTES);
    draw(&b.seal, sizeof b.seal);
    crypt_dh_public(&b.seal, b.open.seal);
    draw(b.nonce, sizeof b.nonce);
    commitment_of(b.nonce, b.open.commitment);
    draw(b.open.op, ID_BYTES);
    assert_int_equal(ask_open(w, &b), ERR_STOPPED);
    world_free(w);
}

static void a_confirm_is_stopped_for_itself(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = owner_asker(w, PURPOSE_EPOCH);
    struct rep_approve yes = { 0 };
    struct rep_stop rep;

    (void)state;
    open_live(w, &a);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), OK);
    assert_int_equal(rep.state, STATE_CONTESTED);
    assert_int_equal(ward_stops(w, &w->as_device), 0);
    assert_int_equal(try_approve(w, &a, 0, NULL), ERR_STOPPED);
    assert_int_equal(try_approve(w, &a, 1, &yes), OK);
    assert_int_equal(yes.opens, w->now);
    world_free(w);
}

/* ---- a thief with the root commits epoch after epoch ---- */

static enum err next_epoch(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };
    struct record_epoch old = { 0 };
    struct txn_key key = key_epoch(w->ward, w->epochs);

    TRY(record_get(c, TAB_EPOCH, &record_epoch_schema, &key, &old));
    old.state = EPOCH_SUPERSEDED;
    TRY(record_put(c, TAB_EPOCH, &record_epoch_schema, &key, &old));
    w->epochs++;
    TRY(put_epoch(c, w, w->epochs));
    TRY(ward_get(c, w->ward, &ward));
    ward.active = w->epochs;
    return ward_put(c, &ward);
}

static enum err confirm_first(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    return ward_confirm(c, &ward);
}

static void new_epochs_touch_no_approval(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);
    struct rep_fetch got;

    (void)state;
    directly(w, confirm_first);
    open_live(w, &a);
    w->hold = 30 * DAY; /* what the thief would like */
    directly(w, next_epoch);
    approve(w, &a, NULL);
    directly(w, next_epoch);
    open_live(w, &b); /* opened afterwards: under what people confirmed */
    assert_int_equal(b.v.n_epochs, 3);
    approve(w, &b, NULL);
    w->now = T0 + HOLD - 1;
    assert_int_equal(ask_fetch(w, &a, 1, &got), ERR_STATE);
    w->now++;
    assert_int_equal(ask_fetch(w, &a, 2, &got), ERR_UNKNOWN); /* not in its view */
    assert_int_equal(ask_fetch(w, &a, 1, &got), OK);
    assert_true(got.box.n > 0 && got.manifest.n > 0);
    for (uint32_t e = 1; e <= 3; e++) {
        assert_int_equal(ask_fetch(w, &b, e, &got), OK);
        assert_true(got.box.n > 0);
    }
    world_free(w);
}

/* ---- freeze ---- */

static enum err ask_freeze(struct world *w, const struct session *who,
                           const uint8_t ward[ID_BYTES], uint64_t *out_until)
{
    struct req_freeze req = { 0 };
    struct rep_freeze rep = { 0 };

    draw(req.op, ID_BYTES);
    memcpy(req.ward, ward, ID_BYTES);
    TRY(ask(w, who, MSG_FREEZE, &req, &rep));
    *out_until = rep.until;
    return OK;
}

static enum err thaw_fn(struct call *c, struct world *w)
{
    bool more = true;

    (void)w; /* the call knows it */
    for (size_t i = 0; i < 100 && more; i++)
        TRY(ward_tick(c, &more));
    assert_false(more);
    return OK;
}

static void frozen_only_the_root_stops(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t nobody[ID_BYTES] = { 1 };
    uint64_t until = 0;
    struct rep_stop rep;

    (void)state;
    assert_int_equal(ask_freeze(w, &w->as_owner, w->ward, &until), ERR_REFUSED);
    assert_int_equal(ask_freeze(w, &w->as_device, w->ward, &until), ERR_REFUSED);
    assert_int_equal(ask_freeze(w, &w->as_guardian, nobody, &until), ERR_UNKNOWN);
    open_live(w, &a);
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), OK);
    assert_int_equal(until, T0 + 30 * DAY);
    (void)alerts(w);
    assert_int_equal(newest.event, REC_WARD_FROZEN);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &rep), ERR_FROZEN);
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    assert_int_equal(ask_stop(w, &w->as_owner, &a, &rep), OK);
    assert_int_equal(try_approve(w, &a, 1, NULL), OK); /* no freeze prevents a restore */
    world_free(w);
}

static void a_freeze_ends_and_rests_a_day(void **state)
{
    struct world *w = world_new(HOLD, 1);
    uint64_t until = 0;

    (void)state;
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), OK);
    w->now += DAY;
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), OK);
    assert_int_equal(until, T0 + 30 * DAY); /* again makes it no longer */
    w->now = until - 1;
    size_t before = alerts(w);

    directly(w, thaw_fn);
    assert_int_equal(alerts(w), before);
    w->now = until + HOUR;
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), ERR_STATE);
    directly(w, thaw_fn);
    directly(w, thaw_fn); /* told once */
    assert_int_equal(alerts(w), before + 1);
    assert_int_equal(newest.event, REC_WARD_THAWED);
    w->now = T0 + 31 * DAY - 1;
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), ERR_STATE);
    w->now++;
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), OK);
    assert_int_equal(until, w->now + 30 * DAY);
    world_free(w);
}

static void a_release_ends_a_freeze(void **state)
{
    struct world *w = world_make(HOLD, 1, ROSTER_NEVER);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);
    struct rep_fetch got;
    struct rep_stop rep;
    uint64_t until = 0;

    (void)state;
    open_live(w, &a);
    open_live(w, &b);
    approve(w, &a, NULL);
    w->now += HOLD;
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), OK);
    assert_int_equal(ask_fetch(w, &a, 0, &got), OK);
    assert_int_equal(got.state, STATE_RELEASED);
    (void)alerts(w);
    assert_int_equal(newest.event, REC_WARD_THAWED);
    assert_int_equal(ask_stop(w, &w->as_device, &b, &rep), OK);
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), ERR_STATE);
    w->now += DAY;
    assert_int_equal(ask_freeze(w, &w->as_guardian, w->ward, &until), OK);
    world_free(w);
}

/* ---- the receipt of a release ---- */

static void a_release_is_signed_by_the_epochs_own_key(void **state)
{
    struct world *w = world_new(HOLD, 2);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct release_receipt receipt = { 0 };
    struct rep_fetch got;
    uint8_t key[PUB_BYTES];

    (void)state;
    open_live(w, &a);
    approve(w, &a, NULL);
    w->now += HOLD + 5;
    assert_int_equal(ask_fetch(w, &a, 0, &got), OK);
    assert_int_equal(got.receipt.n, 0);
    w->now += HOUR;
    for (uint32_t e = 1; e <= 2; e++) {
        assert_int_equal(ask_fetch(w, &a, e, &got), OK);
        crypt_sign_public(&w->acks[2 - e], key);
        assert_int_equal(release_receipt_open(got.receipt, key, &receipt), ERR_SIGNATURE);
        crypt_sign_public(&w->acks[e - 1], key);
        assert_int_equal(release_receipt_open(got.receipt, key, &receipt), OK);
        assert_int_equal(receipt.epoch, e);
        assert_int_equal(receipt.time, T0 + HOLD + 5);
        assert_memory_equal(receipt.manifest_hash, w->hashes[e - 1], HASH_BYTES);
        assert_memory_equal(receipt.req_sign, a.open.sign, PUB_BYTES);
        assert_memory_equal(receipt.request, a.id, ID_BYTES);
        assert_memory_equal(receipt.ward, w->ward, ID_BYTES);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_stop),
        cmocka_unit_test(a_stop_voids_the_approval),
        cmocka_unit_test(a_third_stop_is_only_noted),
        cmocka_unit_test(a_yes_knows_only_the_stops_it_was_shown),
        cmocka_unit_test(stops_count_for_the_ward),
        cmocka_unit_test(stops_are_forgotten_to_the_second),
        cmocka_unit_test(contested_and_locked_can_be_unlocked),
        cmocka_unit_test(what_opened_a_request_is_told),
        cmocka_unit_test(a_stopped_introduction_is_dead),
        cmocka_unit_test(a_confirm_is_stopped_for_itself),
        cmocka_unit_test(new_epochs_touch_no_approval),
        cmocka_unit_test(frozen_only_the_root_stops),
        cmocka_unit_test(a_freeze_ends_and_rests_a_day),
        cmocka_unit_test(a_release_ends_a_freeze),
        cmocka_unit_test(a_release_is_signed_by_the_epochs_own_key),
    };
    int failed;

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
