/* SPDX-License-Identifier: Apache-2.0 */
/* A newer list of guardians at a node: whose, where, and that no way back is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/asking.h"

static struct req_roster_put asks(const struct world *w, uint32_t epoch, const char *text)
{
    struct req_roster_put req = { .epoch = epoch, .roster = bytes_text(text) };

    draw(req.op, ID_BYTES);
    memcpy(req.manifest_hash, w->hashes[epoch - 1], HASH_BYTES);
    return req;
}

static enum err put(struct world *w, const char *text)
{
    struct req_roster_put req = asks(w, w->epochs, text);
    struct rep_roster_put rep = { 0 };

    return ask(w, &w->as_owner, MSG_ROSTER_PUT, &req, &rep);
}

static void gives(struct world *w, const struct asker *a, enum roster_which which,
                  const char *want)
{
    struct req_fetch req = { .roster = (uint8_t)which };
    struct rep_fetch rep = { 0 };

    draw(req.op, ID_BYTES);
    memcpy(req.request, a->id, ID_BYTES);
    assert_int_equal(ask(w, &a->requester, MSG_FETCH, &req, &rep), OK);
    assert_true(bytes_equal(rep.roster, bytes_text(want)));
}

static void given(struct world *w, const struct asker *a, const char *later,
                  const char *former)
{
    gives(w, a, ROSTER_SEALED, "sealed roster");
    gives(w, a, ROSTER_LATER, later);
    gives(w, a, ROSTER_FORMER, former);
}

/* Somebody who asks for the piece, and whose guardian said yes. */
static struct asker approved_by(struct world *w, size_t link)
{
    struct asker a = asker_new(w, CRED_RESTORE, w->links[link]);
    struct rep_approve said = { 0 };

    open_live(w, &a);
    approve(w, &a, &said);
    return a;
}

static void only_the_owner_and_of_the_active_epoch(void **state)
{
    struct world *w = world_new(HOLD, 2);
    struct req_roster_put req = asks(w, 2, "one");

    (void)state;
    assert_int_equal(ask(w, &w->as_device, MSG_ROSTER_PUT, &req, NULL), ERR_REFUSED);
    assert_int_equal(ask(w, &w->as_guardian, MSG_ROSTER_PUT, &req, NULL), ERR_REFUSED);
    req.manifest_hash[0] ^= 1;
    assert_int_equal(ask(w, &w->as_owner, MSG_ROSTER_PUT, &req, NULL), ERR_STATE);
    req = asks(w, 1, "one");
    assert_int_equal(ask(w, &w->as_owner, MSG_ROSTER_PUT, &req, NULL), ERR_STATE);
    req = asks(w, 3, "one");
    assert_int_equal(ask(w, &w->as_owner, MSG_ROSTER_PUT, &req, NULL), ERR_STATE);
    assert_int_equal(alerts(w), 0);
    world_free(w);
}

static void what_was_stored_is_said_and_told_once(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct req_roster_put req = asks(w, 1, "one");
    struct rep_roster_put rep = { 0 };
    uint8_t want[HASH_BYTES];

    (void)state;
    roster_stored(req.roster, want);
    assert_int_equal(ask(w, &w->as_owner, MSG_ROSTER_PUT, &req, &rep), OK);
    assert_memory_equal(rep.stored, want, HASH_BYTES);
    assert_int_equal(alerts(w), 1);
    assert_int_equal(newest.event, REC_ROSTER_PUT);
    assert_int_equal(put(w, "one"), OK);
    assert_int_equal(alerts(w), 1);
    reopen(w);
    struct asker a = approved_by(w, 0);
    given(w, &a, "one", "");
    world_free(w);
}

static void proves(struct world *w, uint32_t epoch, const char *list)
{
    static const uint8_t none[HASH_BYTES];
    struct req_check req = { .nonce = { 7 }, .epoch = epoch };
    struct rep_check rep = { 0 };
    struct bytes part = bytes_text(list);
    uint8_t want[HASH_BYTES] = { 0 };

    if (part.n > 0)
        check_digest(req.nonce, &part, 1, want);
    assert_int_equal(ask(w, &w->as_device, MSG_CHECK, &req, &rep), OK);
    assert_memory_equal(rep.list, want, HASH_BYTES);
    if (epoch != 0)
        assert_memory_not_equal(rep.epoch, none, HASH_BYTES);
}

static void a_check_covers_the_newest(void **state)
{
    struct world *w = world_new(HOLD, 1);

    (void)state;
    proves(w, 1, "");
    assert_int_equal(put(w, "one"), OK);
    proves(w, 1, "one");
    proves(w, 0, "");
    assert_int_equal(put(w, "two"), OK);
    proves(w, 1, "two");
    world_free(w);
}

static void the_sealed_one_and_the_former_outlive_garbage(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a;

    (void)state;
    assert_int_equal(put(w, "where they are"), OK);
    w->now += 100 * DAY;
    a = approved_by(w, 0);
    assert_int_equal(put(w, "garbage"), OK);
    given(w, &a, "garbage", "where they are");
    /* Once more, and what is true would be gone. */
    assert_int_equal(put(w, "garbage too"), ERR_BUSY);
    w->now += DUAL_TIME_S - 1;
    assert_int_equal(put(w, "garbage too"), ERR_BUSY);
    w->now++;
    w->env.clock = CLOCK_FROZEN;
    assert_int_equal(put(w, "garbage too"), ERR_BUSY);
    w->env.clock = CLOCK_RUNS;
    /* Nor while somebody's restore is under way. */
    assert_int_equal(put(w, "garbage too"), ERR_BUSY);
    given(w, &a, "garbage", "where they are");
    w->now += 30 * DAY; /* that nobody fetched any more */
    (void)ticked(w);
    assert_int_equal(put(w, "true again"), OK);
    a = approved_by(w, 1);
    given(w, &a, "true again", "garbage");
    world_free(w);
}

/* How long a list was replaced is not known of one that was under a clock that stood. */
static void none_is_replaced_while_the_clock_stands(void **state)
{
    struct world *w = world_new(HOLD, 1);

    (void)state;
    w->env.clock = CLOCK_FROZEN;
    assert_int_equal(put(w, "where they are"), OK);
    assert_int_equal(put(w, "garbage"), ERR_BUSY);
    w->env.clock = CLOCK_RUNS;
    w->now += 30 * DAY;
    assert_int_equal(put(w, "garbage"), OK);
    assert_int_equal(put(w, "garbage too"), ERR_BUSY);
    world_free(w);
}

static enum err freeze(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    ward.frozen = w->now + DAY;
    return ward_put(c, &ward);
}

static void not_while_the_guardian_froze_it(void **state)
{
    struct world *w = world_new(HOLD, 1);

    (void)state;
    directly(w, freeze);
    assert_int_equal(put(w, "one"), ERR_FROZEN);
    world_free(w);
}

static enum err there(struct call *c, struct world *w)
{
    struct txn_key key = key_object(w->ward, 1, OBJECT_ROSTER_LATER);
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    TRY(ward_epoch(c, w->ward, 1, &e));
    assert_int_equal(txn_has(c->txn, TAB_OBJECT, key_bytes(&key)), OK);
    TRY(ward_epoch_erase(c, &ward, &e));
    assert_int_equal(txn_has(c->txn, TAB_OBJECT, key_bytes(&key)), ERR_UNKNOWN);
    return ward_put(c, &ward);
}

static void it_goes_with_its_epoch(void **state)
{
    struct world *w = world_new(HOLD, 1);

    (void)state;
    assert_int_equal(put(w, "one"), OK);
    directly(w, there);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_owner_and_of_the_active_epoch),
        cmocka_unit_test(what_was_stored_is_said_and_told_once),
        cmocka_unit_test(a_check_covers_the_newest),
        cmocka_unit_test(the_sealed_one_and_the_former_outlive_garbage),
        cmocka_unit_test(none_is_replaced_while_the_clock_stands),
        cmocka_unit_test(not_while_the_guardian_froze_it),
        cmocka_unit_test(it_goes_with_its_epoch),
    };
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
