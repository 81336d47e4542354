/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/asking.h"

/* ---- the state table ---- */

/* The drawing of the states, by hand: what is not here must not happen. */
static const char *const drawing[] = {
    "opened REVEAL live",
    "opened CANCEL expired",
    "opened EXPIRE expired",
    "live APPROVE approved",
    "live REFUSE refused",
    "live STOP contested",
    "live LOCK locked",
    "live CANCEL expired",
    "live EXPIRE expired",
    "approved RELEASE released",
    "approved STOP contested",
    "approved REFUSE refused",
    "approved CANCEL expired",
    "approved EXPIRE expired",
    "contested APPROVE_DESPITE approved",
    "contested REFUSE refused",
    "contested STOP contested",
    "contested UNLOCK contested",
    "contested CANCEL expired",
    "contested EXPIRE expired",
    "locked UNLOCK live",
    "locked APPROVE_LAST approved",
    "locked REFUSE refused",
    "locked STOP locked",
    "locked CANCEL expired",
    "locked EXPIRE expired",
};

enum { DRAWN = sizeof drawing / sizeof drawing[0] };

static bool drawn(const char *row)
{
    for (size_t i = 0; i < DRAWN; i++)
        if (strcmp(drawing[i], row) == 0)
            return true;
    return false;
}

static void every_pair_of_the_state_table(void **state)
{
    size_t moves = 0;
    char row[100];

    (void)state;
    assert_int_equal(request_move_count, DRAWN);
    for (unsigned s = 0; s <= STATE_EXPIRED + 1; s++)
        for (unsigned e = 0; e <= EVENT_COUNT; e++) {
            uint8_t to = request_next(s, e);

            (void)snprintf(row, sizeof row, "%s %s %s", request_state_name(s),
                           request_event_name(e), request_state_name(to)); /* fits */
            assert_int_equal(drawn(row), to != 0);
            moves += to != 0;
        }
    assert_int_equal(moves, DRAWN);
    for (unsigned s = STATE_OPENED; s <= STATE_EXPIRED; s++)
        assert_int_equal(request_is_final(s), s >= STATE_RELEASED);
}

static void the_table_prints(void **state)
{
    uint8_t mem[4096];
    struct buf b = BUF_OF(mem);
    size_t lines = 0;

    (void)state;
    request_print(&b);
    assert_false(b.over);
    for (size_t i = 0; i < b.n; i++)
        lines += mem[i] == '\n';
    assert_int_equal(lines, DRAWN + 2);
    assert_non_null(
        memmem(mem, b.n, "| locked | the guardian gives new tries | live |", 48));
    assert_string_equal(request_event_what(EVENT_COUNT), "unknown");
}

/* ---- time, pure ---- */

static struct request approved_at(uint64_t opened, uint64_t approved, uint32_t hold)
{
    struct request r = { .state = STATE_APPROVED,
                         .opened = opened,
                         .hold_from = opened,
                         .hold = hold,
                         .approved = approved,
                         .expires = opened + 30 * DAY };

    r.due = request_due_at(&r);
    return r;
}

static void due_not_one_second_early(void **state)
{
    struct request r = approved_at(T0, T0 + 10, HOLD);

    (void)state;
    assert_int_equal(r.due, T0 + HOLD);
    assert_false(request_due(&r, T0 + HOLD - 1, CLOCK_RUNS));
    assert_true(request_due(&r, T0 + HOLD, CLOCK_RUNS));
    assert_false(request_due(&r, T0 + HOLD, CLOCK_FROZEN));
    r = approved_at(T0, T0 + HOLD + 5, HOLD); /* approved after the hold: one more hour */
    assert_false(request_due(&r, T0 + HOLD + 5 + HOUR - 1, CLOCK_RUNS));
    assert_true(request_due(&r, T0 + HOLD + 5 + HOUR, CLOCK_RUNS));
    r = approved_at(T0, T0 + 10, 0); /* hold 0 has no extra hour, and needs no clock */
    assert_true(request_due(&r, T0 + 10, CLOCK_RUNS));
    assert_true(request_due(&r, T0 + 10, CLOCK_FROZEN));
    r = approved_at(T0, T0 + 10, 60); /* a short hold still has the hour */
    assert_int_equal(r.due, T0 + 10 + HOUR);
    r.state = STATE_LIVE;
    assert_false(request_due(&r, T0 + 90 * DAY, CLOCK_RUNS));
}

static void earliest_opening_before_approval(void **state)
{
    struct request r = { .state = STATE_LIVE, .hold_from = T0, .hold = HOLD };

    (void)state;
    assert_int_equal(request_opens(&r, T0 + 5), T0 + HOLD);
    assert_int_equal(request_opens(&r, T0 + HOLD), T0 + HOLD + HOUR);
    r.hold = 0;
    assert_int_equal(request_opens(&r, T0 + 5), T0 + 5);
    r.state = STATE_REFUSED;
    assert_int_equal(request_opens(&r, T0 + 5), 0);
}

static void a_frozen_clock_shortens_no_hold(void **state)
{
    struct request r = approved_at(T0, T0, HOLD);
    uint64_t later = T0 + 20 * DAY; /* the clock stood still; really so much went by */

    (void)state;
    r.unsure = UNSURE_OPENED | UNSURE_APPROVED;
    assert_false(request_due(&r, later, CLOCK_RUNS)); /* not settled: not due */
    assert_false(request_settle(&r, later, CLOCK_FROZEN));
    assert_true(request_settle(&r, later, CLOCK_RUNS));
    assert_int_equal(r.state, STATE_APPROVED);
    assert_int_equal(r.due, later + HOLD);
    assert_int_equal(r.expires, later + 30 * DAY);
    assert_false(request_due(&r, later + HOLD - 1, CLOCK_RUNS));
    assert_true(request_due(&r, later + HOLD, CLOCK_RUNS));
    assert_false(request_settle(&r, later + HOLD, CLOCK_RUNS));
}

static void approved_under_a_frozen_clock_only(void **state)
{
    struct request r = approved_at(T0, T0 + HOLD, HOLD);

    (void)state;
    r.unsure = UNSURE_APPROVED; /* the hold ran by a good clock, the hour did not */
    assert_true(request_settle(&r, T0 + 5 * DAY, CLOCK_RUNS));
    assert_int_equal(r.due, T0 + 5 * DAY + HOUR);
    assert_int_equal(r.hold_from, T0);
}

static void set_back_means_starting_again(void **state)
{
    struct request r = approved_at(T0, T0, HOLD);

    (void)state;
    r.unsure = UNSURE_OPENED | UNSURE_APPROVED; /* as every time of an earlier era */
    assert_true(request_settle(&r, T0 - DAY, CLOCK_RUNS));
    assert_int_equal(r.due, T0 - DAY + HOLD);
    assert_int_equal(request_expires(&r), T0 - DAY + HOLD + 14 * DAY);
}

static void each_state_ends_to_the_second(void **state)
{
    static const struct {
        uint8_t at;
        uint64_t end;
    } rows[] = {
        { STATE_OPENED, T0 + 10 * MINUTE },       { STATE_LIVE, T0 + 30 * DAY },
        { STATE_LOCKED, T0 + 30 * DAY },          { STATE_CONTESTED, T0 + 30 * DAY },
        { STATE_APPROVED, T0 + HOLD + 14 * DAY },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct request r = approved_at(T0, T0, HOLD);

        r.state = rows[i].at;
        assert_false(request_settle(&r, rows[i].end - 1, CLOCK_RUNS));
        assert_false(request_settle(&r, rows[i].end, CLOCK_FROZEN));
        assert_true(request_settle(&r, rows[i].end, CLOCK_RUNS));
        assert_int_equal(r.state, STATE_EXPIRED);
        assert_int_equal(r.ended, rows[i].end);
        assert_false(request_settle(&r, rows[i].end + DAY, CLOCK_RUNS));
    }
}

/* ---- OPEN ---- */

static void who_may_not_open(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);

    (void)state;
    a.opener.role = ROLE_DEVICE;
    memcpy(a.opener.cred, w->as_device.cred, ID_BYTES);
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a = asker_new(w, CRED_RESTORE, w->links[0]);
    a.open.stat[0] ^= 1; /* another's static key */
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a = asker_new(w, CRED_RESTORE, w->links[0]);
    a.open.kind = REQUEST_CONFIRM;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a = asker_new(w, CRED_RESTORE, w->links[0]);
    a.open.subject[3] = 1;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a = owner_asker(w, PURPOSE_ENROL);
    a.open.kind = REQUEST_RESTORE;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a = owner_asker(w, PURPOSE_END);
    a.open.subject[3] = 1;
    assert_int_equal(ask_open(w, &a), ERR_FORMAT);
    a = owner_asker(w, PURPOSE_ENROL);
    a.open.subject[3] = 1;
    assert_int_equal(ask_open(w, &a), ERR_FORMAT);
    a = owner_asker(w, PURPOSE_EPOCH);
    a.open.subject[3] ^= 1; /* no epoch of this node */
    assert_int_equal(ask_open(w, &a), ERR_UNKNOWN);
    assert_int_equal(count(w, TAB_REQUEST), 0);
    world_free(w);
}

static void claimed_words_are_at_most_200_characters(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    char text[402];

    (void)state;
    for (size_t i = 0; i < 201; i++)
        memcpy(text + 2 * i, "\xc3\xa4", 2);
    a.open.claimed = bytes_of(text, 402);
    assert_int_equal(ask_open(w, &a), ERR_TOO_BIG);
    a.open.claimed = bytes_of(text, 400);
    draw(a.open.op, ID_BYTES);
    assert_int_equal(ask_open(w, &a), OK);
    world_free(w);
}

static void nothing_to_give_without_an_epoch(void **state)
{
    struct world *w = world_new(HOLD, 0);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);

    (void)state;
    assert_int_equal(ask_open(w, &a), ERR_STATE);
    a = owner_asker(w, PURPOSE_ENROL); /* but an owner can be confirmed already */
    assert_int_equal(ask_open(w, &a), OK);
    assert_int_equal(a.v.n_epochs, 0);
    world_free(w);
}

static void the_view_names_every_epoch(void **state)
{
    struct world *w = world_new(HOLD, 3);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);

    (void)state;
    assert_int_equal(ask_open(w, &a), OK);
    assert_int_equal(a.v.kind, REQUEST_RESTORE);
    assert_int_equal(a.v.purpose, PURPOSE_RESTORE);
    assert_memory_equal(a.v.ward, w->ward, ID_BYTES);
    assert_int_equal(a.v.n_epochs, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(a.v.epochs[i].epoch, 3 - i);
        assert_memory_equal(a.v.epochs[i].manifest_hash, w->hashes[2 - i], HASH_BYTES);
        assert_int_equal(a.v.epochs[i].hold, HOLD);
        assert_int_equal(a.v.epochs[i].stop_hold, STOP_HOLD);
    }
    assert_int_equal(a.v.opened, T0);
    assert_int_equal(a.v.expires, T0 + HOLD + 2 * STOP_HOLD + HOUR + 14 * DAY);
    world_free(w);
}

static void one_open_one_view(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b;

    (void)state;
    assert_int_equal(ask_open(w, &a), OK);
    b = a;
    draw(b.open.op, ID_BYTES); /* the answer was lost; asked again as a new operation */
    w->now += 5;
    assert_int_equal(ask_open(w, &b), OK);
    assert_int_equal(a.view_n, b.view_n);
    assert_memory_equal(a.view, b.view, a.view_n);
    b = a;
    draw(b.open.op, ID_BYTES);
    draw(b.open.commitment, HASH_BYTES); /* same sealing key, other nonce */
    assert_int_equal(ask_open(w, &b), ERR_USED);
    b = a;
    draw(b.open.op, ID_BYTES);
    draw(b.open.seal, PUB_BYTES); /* same nonce, other sealing key */
    assert_int_equal(ask_open(w, &b), ERR_USED);
    b = asker_new(w, CRED_RESTORE, w->links[1]);
    memcpy(b.open.commitment, a.open.commitment, HASH_BYTES); /* another's nonce */
    assert_int_equal(ask_open(w, &b), ERR_USED);
    b = a;
    asker_renew(&b); /* one at a time */
    assert_int_equal(ask_open(w, &b), ERR_BUSY);
    world_free(w);
}

static void unrevealed_it_ends_after_ten_minutes(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);

    (void)state;
    assert_int_equal(ask_open(w, &a), OK);
    assert_int_equal(ask_open(w, &b), OK);
    w->now = T0 + 10 * MINUTE - 1;
    assert_int_equal(ask_reveal(w, &b), OK); /* in the last second */
    w->now = T0 + 10 * MINUTE;
    assert_int_equal(ask_reveal(w, &a), ERR_EXPIRED);
    draw(a.open.op, ID_BYTES);
    assert_int_equal(ask_open(w, &a), ERR_EXPIRED);
    asker_renew(&a);
    assert_int_equal(ask_open(w, &a), OK);
    assert_int_equal(ask_reveal(w, &a), OK);
    assert_int_equal(alerts(w), 2);
    directly(w, tick_fn);
    w->now += DAY + 10 * MINUTE;
    directly(w, tick_fn); /* nobody knows of the unrevealed one any more */
    assert_int_equal(count(w, TAB_REQUEST), 2);
    assert_int_equal(count(w, TAB_OPEN_KEY), 4);
    assert_int_equal(count(w, TAB_REQUEST_FIND), 4);
    world_free(w);
}

static void hidden_until_revealed(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t op[ID_BYTES] = { 1 };
    uint8_t left = 0;

    (void)state;
    assert_int_equal(ask_open(w, &a), OK);
    assert_int_equal(state_of(w, &a), 0);
    assert_int_equal(listed(w, &w->as_guardian, 1), 0);
    assert_int_equal(listed(w, &w->as_device, 1), 0);
    assert_int_equal(ask_try(w, &a, op, &left), ERR_UNKNOWN);
    assert_int_equal(alerts(w), 0);
    a.nonce[0] ^= 1;
    assert_int_equal(ask_reveal(w, &a), ERR_REFUSED); /* not what it committed to */
    assert_int_equal(state_of(w, &a), 0);
    a.nonce[0] ^= 1;
    assert_int_equal(ask_reveal(w, &a), OK);
    assert_int_equal(ask_reveal(w, &a), OK); /* the answer was lost */
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    assert_int_equal(listed(w, &w->as_guardian, 0), 1);
    assert_int_equal(listed(w, &w->as_device, 0), 1);
    assert_int_equal(alerts(w), 1);
    assert_int_equal(newest.event, REC_REQUEST_LIVE);
    assert_memory_equal(newest.request, a.id, ID_BYTES);
    world_free(w);
}

static void others_cannot_reveal_or_fetch(void **state)
{
    struct world *w = world_new(0, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);
    struct session own;
    struct rep_fetch f;

    (void)state;
    assert_int_equal(ask_open(w, &a), OK);
    own = a.opener;
    a.opener = b.opener;
    assert_int_equal(ask_reveal(w, &a), ERR_UNKNOWN);
    a.opener = w->as_owner;
    assert_int_equal(ask_reveal(w, &a), ERR_UNKNOWN); /* the owner's own cannot either */
    a.opener = own;
    open_live(w, &b);
    assert_int_equal(ask_reveal(w, &a), OK);
    approve(w, &a, NULL);
    a.requester = b.requester;
    assert_int_equal(ask_fetch(w, &a, 0, &f), ERR_UNKNOWN);
    a.requester = w->as_owner;
    assert_int_equal(ask_fetch(w, &a, 0, &f), ERR_UNKNOWN);
    a.requester = w->as_device;
    assert_int_equal(ask_fetch(w, &a, 0, &f), ERR_REFUSED);
    world_free(w);
}

/* ---- TRY ---- */

static void tries_are_counted_before_anything_else(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t op[ID_BYTES];
    uint8_t left = 9;

    (void)state;
    open_live(w, &a);
    for (uint8_t i = 1; i <= REQUEST_TRIES; i++) {
        draw(op, sizeof op);
        assert_int_equal(state_of(w, &a), STATE_LIVE);
        assert_int_equal(ask_try(w, &a, op, &left), OK);
        assert_int_equal(left, REQUEST_TRIES - i);
        reopen(w);                                       /* counted for good */
        assert_int_equal(ask_try(w, &a, op, &left), OK); /* the same one again */
        assert_int_equal(left, REQUEST_TRIES - i);
    }
    assert_int_equal(state_of(w, &a), STATE_LOCKED);
    assert_int_equal(alerts(w), 2);
    assert_int_equal(newest.event, REC_REQUEST_LOCKED);
    draw(op, sizeof op);
    assert_int_equal(ask_try(w, &a, op, &left), ERR_TRIES);
    assert_int_equal(ask_unlock(w, &a, &w->others[0], &left), ERR_REFUSED);
    assert_int_equal(state_of(w, &a), STATE_LOCKED);
    w->now += DAY;
    assert_int_equal(ask_unlock(w, &a, &w->approval, &left), OK);
    assert_int_equal(left, REQUEST_TRIES);
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    assert_int_equal(ask_unlock(w, &a, &w->approval, &left), OK); /* nothing to do */
    assert_int_equal(ask_try(w, &a, op, &left), OK);
    assert_int_equal(left, REQUEST_TRIES - 1);
    world_free(w);
}

static void the_words_of_the_last_try_still_count(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t ops[REQUEST_TRIES][ID_BYTES];
    uint8_t left = 9;

    (void)state;
    open_live(w, &a);
    for (size_t i = 0; i < REQUEST_TRIES; i++) {
        draw(ops[i], ID_BYTES);
        assert_int_equal(ask_try(w, &a, ops[i], &left), OK);
    }
    approval_fill(w, &a, ops[REQUEST_TRIES - 2], &p); /* an older try was wrong */
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_STATE);
    approval_fill(w, &a, ops[REQUEST_TRIES - 1], &p);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), OK);
    assert_int_equal(state_of(w, &a), STATE_APPROVED);
    world_free(w);
}

static void an_unlock_forgets_the_old_try(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t op[ID_BYTES];
    uint8_t left = 9;

    (void)state;
    open_live(w, &a);
    for (size_t i = 0; i < REQUEST_TRIES; i++) {
        draw(op, ID_BYTES);
        assert_int_equal(ask_try(w, &a, op, &left), OK);
    }
    assert_int_equal(ask_unlock(w, &a, &w->approval, &left), OK);
    approval_fill(w, &a, op, &p);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_STATE);
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    world_free(w);
}

/* ---- APPROVE ---- */

/* An approval with one thing wrong with it. */
struct spoiled {
    const char *what;
    void (*spoil)(struct world *w, struct approval *p);
    enum err want;
};

static void foreign_try(struct world *w, struct approval *p)
{
    (void)w;
    p->req.try_op[0] ^= 1;
}

static void other_request(struct world *w, struct approval *p)
{
    (void)w;
    p->s.request[0] ^= 1;
}

static void other_kind(struct world *w, struct approval *p)
{
    (void)w;
    p->s.kind = REQUEST_CONFIRM;
}

static void other_purpose(struct world *w, struct approval *p)
{
    (void)w;
    p->s.purpose = PURPOSE_END;
}

static void other_subject(struct world *w, struct approval *p)
{
    (void)w;
    p->s.subject[0] ^= 1;
}

static void other_requester(struct world *w, struct approval *p)
{
    (void)w;
    p->s.req_sign[0] ^= 1;
}

static void other_transcript(struct world *w, struct approval *p)
{
    (void)w;
    p->s.t_hash[0] ^= 1;
}

static void other_manifest(struct world *w, struct approval *p)
{
    (void)w;
    p->s.epochs[1].manifest_hash[0] ^= 1;
}

static void line_left_out(struct world *w, struct approval *p)
{
    (void)w;
    p->s.n_epochs = 1;
    p->req.n_boxes = 1;
}

static void line_unsaid(struct world *w, struct approval *p)
{
    (void)w;
    p->s.epochs[0].opened = 0;
}

static void not_sure_how(struct world *w, struct approval *p)
{
    (void)w;
    p->s.how = 0;
}

static void box_left_out(struct world *w, struct approval *p)
{
    (void)w;
    p->req.n_boxes = 1;
}

static void box_too_many(struct world *w, struct approval *p)
{
    (void)w;
    p->s.epochs[1].opened = 2;
}

static void boxes_swapped(struct world *w, struct approval *p)
{
    (void)w;
    p->req.boxes[0].epoch = 1;
    p->req.boxes[1].epoch = 2;
}

static void intro_by_another(struct world *w, struct approval *p)
{
    struct buf b = BUF_OF(p->intro);

    introduce(&w->others[0], p->s.req_sign, p->s.epochs[0].manifest_hash, w->now + DAY,
              &b);
    p->req.introduction = buf_bytes(&b);
}

static void intro_of_another(struct world *w, struct approval *p)
{
    struct buf b = BUF_OF(p->intro);

    introduce(&w->approval, p->s.t_hash, p->s.epochs[0].manifest_hash, w->now + DAY, &b);
    p->req.introduction = buf_bytes(&b);
}

static const struct spoiled spoiled[] = {
    { "a try of nobody", foreign_try, ERR_STATE },
    { "another request", other_request, ERR_REFUSED },
    { "another kind", other_kind, ERR_REFUSED },
    { "another purpose", other_purpose, ERR_REFUSED },
    { "another subject", other_subject, ERR_REFUSED },
    { "another requester", other_requester, ERR_REFUSED },
    { "another transcript", other_transcript, ERR_REFUSED },
    { "another manifest", other_manifest, ERR_REFUSED },
    { "an epoch left out", line_left_out, ERR_REFUSED },
    { "an epoch unsaid", line_unsaid, ERR_REFUSED },
    { "not sure", not_sure_how, ERR_REFUSED },
    { "a box left out", box_left_out, ERR_FORMAT },
    { "a box too many", box_too_many, ERR_FORMAT },
    { "boxes swapped", boxes_swapped, ERR_FORMAT },
    { "introduced by another", intro_by_another, ERR_REFUSED },
    { "another introduced", intro_of_another, ERR_REFUSED },
};

static void what_is_wrong_with_an_approval(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 2);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t op[ID_BYTES] = { 0 };
    uint8_t left = 0;

    (void)state;
    open_live(w, &a);
    approval_fill(w, &a, op, &p); /* no try at all, named as zeros */
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_STATE);
    draw(op, sizeof op);
    assert_int_equal(ask_try(w, &a, op, &left), OK);
    for (size_t i = 0; i < sizeof spoiled / sizeof spoiled[0]; i++) {
        approval_fill(w, &a, op, &p);
        spoiled[i].spoil(w, &p);
        if (ask_approve(w, &p, &w->approval, NULL) != spoiled[i].want)
            fail_msg("%s was not refused as it should", spoiled[i].what);
        assert_int_equal(state_of(w, &a), STATE_LIVE);
    }
    approval_fill(w, &a, op, &p);
    assert_int_equal(ask_approve(w, &p, &w->others[0], NULL), ERR_REFUSED);
    assert_int_equal(count(w, TAB_RELEASE), 0);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), OK);
    assert_int_equal(state_of(w, &a), STATE_APPROVED);
    world_free(w);
}

static void a_try_of_another_request_approves_nothing(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);
    uint8_t op_a[ID_BYTES];
    uint8_t op_b[ID_BYTES];
    uint8_t left = 0;

    (void)state;
    open_live(w, &a);
    open_live(w, &b);
    draw(op_a, sizeof op_a);
    draw(op_b, sizeof op_b);
    assert_int_equal(ask_try(w, &a, op_a, &left), OK);
    assert_int_equal(ask_try(w, &b, op_b, &left), OK);
    approval_fill(w, &a, op_b, &p);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_STATE);
    draw(op_b, sizeof op_b);
    assert_int_equal(ask_try(w, &a, op_b, &left), OK); /* typed once more: op_a is old */
    approval_fill(w, &a, op_a, &p);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_STATE);
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    world_free(w);
}

static void a_box_that_does_not_open_holds_up_nobody(void **state)
{
    static struct approval p;
    struct world *w = world_new(0, 2);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_fetch f;
    struct statement s = { 0 };
    uint8_t key[PUB_BYTES];
    uint8_t op[ID_BYTES];
    uint8_t left = 0;

    (void)state;
    open_live(w, &a);
    draw(op, sizeof op);
    assert_int_equal(ask_try(w, &a, op, &left), OK);
    approval_fill(w, &a, op, &p);
    p.s.epochs[0].opened = 2;
    p.req.boxes[0] = p.req.boxes[1];
    p.req.n_boxes = 1;
    p.req.roster_box = (struct bytes){ 0 };
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), OK);
    assert_int_equal(ask_fetch(w, &a, 2, &f), OK);
    assert_int_equal(f.box.n, 0);
    assert_int_not_equal(f.manifest.n, 0);
    assert_int_equal(ask_fetch(w, &a, 1, &f), OK);
    assert_int_not_equal(f.box.n, 0);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.roster.n, 0);
    crypt_sign_public(&w->approval, key);
    assert_int_equal(statement_open(f.statement, key, &s), OK);
    assert_int_equal(s.epochs[0].opened, 2);
    world_free(w);
}

/* ---- the whole way ---- */

/* The words two people would say, so that every reply can be searched for them. */
static void know_words(struct world *w, const struct asker *a)
{
    uint8_t mem[SIGNED_MAX];
    struct buf t = BUF_OF(mem);
    uint8_t out[WORDS_OUT];
    uint16_t words[WORDS_CALL];

    transcript_of(w, a, &t);
    assert_int_equal(words_call(buf_bytes(&t), a->nonce, cost_minimum, out), OK);
    words_from_bytes(out, WORDS_CALL, words);
    words_format(words, WORDS_CALL, w->words, sizeof w->words);
}

static void nothing_of_the_piece(struct world *w, const struct asker *a)
{
    struct rep_fetch f;

    assert_int_equal(ask_fetch(w, a, 0, &f), OK);
    assert_int_equal(f.statement.n, 0);
    assert_int_equal(f.box.n, 0);
    assert_int_equal(f.manifest.n, 0);
    assert_int_equal(ask_fetch(w, a, 1, &f), ERR_STATE);
    assert_int_equal(ask_fetch(w, a, 2, &f), ERR_STATE);
    assert_int_equal(ask_fetch(w, a, 7, &f), ERR_UNKNOWN);
}

static void a_restore_with_a_hold_of_72_hours(void **state)
{
    struct world *w = world_new(HOLD, 2);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_approve said = { 0 };
    struct rep_fetch f;

    (void)state;
    open_live(w, &a);
    know_words(w, &a);
    nothing_of_the_piece(w, &a);
    w->now += HOUR;
    approve(w, &a, &said);
    assert_int_equal(said.state, STATE_APPROVED);
    assert_int_equal(said.opens, T0 + HOLD);
    reopen(w);
    nothing_of_the_piece(w, &a);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.state, STATE_APPROVED); /* names and phone lines at once */
    assert_memory_equal(f.roster.p, "sealed roster", f.roster.n);
    assert_memory_equal(f.roster_box.p, "roster key box", f.roster_box.n);
    assert_memory_equal(f.roster_hash, w->hashes[1], HASH_BYTES);
    assert_int_not_equal(f.introduction.n, 0);
    assert_int_equal(alerts(w), 3);
    assert_int_equal(newest.event, REC_ROSTER_RELEASED);
    w->now = T0 + HOLD - 1; /* one second early */
    nothing_of_the_piece(w, &a);
    w->now = T0 + HOLD;
    assert_int_equal(ask_fetch(w, &a, 2, &f), OK); /* any fetch lets it go */
    assert_int_equal(f.state, STATE_RELEASED);
    assert_memory_equal(f.box.p, "re-sealed box", f.box.n);
    assert_memory_equal(f.manifest.p, "sealed manifest", f.manifest.n);
    assert_int_equal(alerts(w), 4);
    assert_int_equal(newest.event, REC_REQUEST_RELEASED);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_not_equal(f.statement.n, 0);
    assert_int_equal(f.approved, T0 + HOUR);
    assert_int_equal(f.opens, T0 + HOLD);
    assert_int_equal(ask_refuse(w, &a), ERR_STATE); /* it is gone */
    reopen(w);
    assert_int_equal(ask_fetch(w, &a, 1, &f), OK); /* the answer was lost */
    assert_int_not_equal(f.box.n, 0);
    assert_int_equal(alerts(w), 4);
    world_free(w);
}

static void a_restore_with_hold_0_is_due_at_once(void **state)
{
    struct world *w = world_new(0, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_approve said = { 0 };
    struct rep_fetch f;

    (void)state;
    open_live(w, &a);
    know_words(w, &a);
    w->now += 5;
    approve(w, &a, &said);
    assert_int_equal(said.opens, T0 + 5);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.state, STATE_RELEASED);
    assert_int_not_equal(f.statement.n, 0);
    assert_int_not_equal(f.roster.n, 0);
    assert_int_equal(ask_fetch(w, &a, 1, &f), OK);
    assert_int_not_equal(f.box.n, 0);
    world_free(w);
}

static void a_request_has_a_drop_of_its_own(void **state)
{
    static const uint8_t all[] = { REC_REQUEST_LIVE, REC_REQUEST_APPROVED,
                                   REC_REQUEST_RELEASED, REC_ROSTER_RELEASED, 0 };
    struct world *w = world_new(0, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_fetch f;
    size_t drops = count(w, TAB_DROP);
    size_t blobs = 0;

    (void)state;
    open_live(w, &a);
    whose = &a;
    assert_int_equal(count(w, TAB_DROP), drops + 1);
    approve(w, &a, NULL);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    directly(w, read_events);
    assert_memory_equal(events, all, sizeof all);
    /* It goes with its request; the alerts of the ward stay. */
    blobs = count(w, TAB_BLOB);
    w->now += 91 * DAY;
    directly(w, tick_fn);
    directly(w, read_events);
    assert_int_equal(events[0], 0);
    assert_int_equal(count(w, TAB_DROP), drops);
    assert_int_equal(count(w, TAB_BLOB), blobs - 4);
    world_free(w);
}

static void a_late_approval_waits_an_hour(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_fetch f;

    (void)state;
    open_live(w, &a);
    w->now = T0 + HOLD + DAY;
    approve(w, &a, NULL);
    w->now += HOUR - 1;
    assert_int_equal(ask_fetch(w, &a, 1, &f), ERR_STATE);
    w->now += 1;
    assert_int_equal(ask_fetch(w, &a, 1, &f), OK);
    world_free(w);
}

static void a_second_approval_changes_nothing(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_approve said = { 0 };
    uint8_t op[ID_BYTES] = { 7 };

    (void)state;
    open_live(w, &a);
    w->now += DAY;
    approve(w, &a, NULL);
    w->now += 3 * DAY;
    approval_fill(w, &a, op, &p);
    assert_int_equal(ask_approve(w, &p, &w->approval, &said), OK);
    assert_int_equal(said.state, STATE_APPROVED);
    assert_int_equal(said.opens, T0 + HOLD);
    assert_int_equal(alerts(w), 2);
    assert_int_equal(ask_try(w, &a, op, &said.state), ERR_STATE);
    world_free(w);
}

static void roster_as_chosen(enum roster_mode mode, bool with_piece)
{
    struct world *w = world_make(HOLD, 1, mode);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_fetch f;

    open_live(w, &a);
    approve(w, &a, NULL);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.roster.n + f.roster_box.n + f.introduction.n, 0);
    w->now = T0 + HOLD;
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.state, STATE_RELEASED);
    assert_int_equal(f.roster.n != 0, with_piece);
    assert_int_equal(f.roster_box.n != 0, with_piece);
    assert_int_equal(f.introduction.n != 0, with_piece);
    world_free(w);
}

static void the_roster_goes_as_the_owner_chose(void **state)
{
    (void)state;
    roster_as_chosen(ROSTER_WITH_PIECE, true);
    roster_as_chosen(ROSTER_NEVER, false);
}

/* ---- no ---- */

static void a_refusal_is_final(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t op[ID_BYTES] = { 7 };
    uint8_t left = 0;
    struct rep_fetch f;

    (void)state;
    open_live(w, &a);
    assert_int_equal(ask_try(w, &a, op, &left), OK);
    assert_int_equal(ask_refuse(w, &a), OK);
    assert_int_equal(ask_refuse(w, &a), OK);
    assert_int_equal(alerts(w), 2);
    assert_int_equal(newest.event, REC_REQUEST_REFUSED);
    approval_fill(w, &a, op, &p);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_STOPPED);
    op[0]++;
    assert_int_equal(ask_try(w, &a, op, &left), ERR_STOPPED);
    assert_int_equal(ask_unlock(w, &a, &w->approval, &left), ERR_STOPPED);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK); /* the requester is told */
    assert_int_equal(f.state, STATE_REFUSED);
    assert_int_equal(ask_fetch(w, &a, 1, &f), ERR_STOPPED);
    asker_renew(&a); /* the link has had its one request */
    assert_int_equal(ask_open(w, &a), ERR_USED);
    world_free(w);
}

static void a_guardian_may_change_their_mind(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_fetch f;

    (void)state;
    open_live(w, &a);
    approve(w, &a, NULL);
    assert_int_equal(count(w, TAB_RELEASE), 4);
    w->now = T0 + HOLD + DAY; /* due, but nobody has fetched */
    assert_int_equal(ask_refuse(w, &a), OK);
    assert_int_equal(count(w, TAB_RELEASE), 0);
    assert_int_equal(ask_fetch(w, &a, 1, &f), ERR_STOPPED);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.roster.n + f.statement.n, 0);
    world_free(w);
}

static void other_guardians_see_nothing(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t op[ID_BYTES] = { 7 };
    uint8_t left = 0;

    (void)state;
    open_live(w, &a);
    w->as_guardian.seat[0] ^= 1; /* somebody else's seat at this node */
    assert_int_equal(state_of(w, &a), 0);
    assert_int_equal(listed(w, &w->as_guardian, 1), 0);
    assert_int_equal(ask_try(w, &a, op, &left), ERR_UNKNOWN);
    assert_int_equal(ask_refuse(w, &a), ERR_UNKNOWN);
    assert_int_equal(ask_unlock(w, &a, &w->approval, &left), ERR_UNKNOWN);
    w->as_guardian.seat[0] ^= 1;
    w->as_device.ward[0] ^= 1; /* another ward */
    assert_int_equal(listed(w, &w->as_device, 1), 0);
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    world_free(w);
}

static void a_requester_takes_it_back(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct req_cancel req = { .op = { 3 } };
    struct rep_cancel rep = { 0 };
    struct session own;

    (void)state;
    open_live(w, &a);
    approve(w, &a, NULL);
    memcpy(req.request, a.id, ID_BYTES);
    own = a.requester;
    a.requester.stat[0] ^= 1;
    assert_int_equal(ask(w, &a.requester, MSG_CANCEL, &req, &rep), ERR_REFUSED);
    a.requester = own;
    assert_int_equal(ask(w, &a.requester, MSG_CANCEL, &req, &rep), OK);
    assert_int_equal(rep.state, STATE_EXPIRED);
    req.op[0]++;
    assert_int_equal(ask(w, &a.requester, MSG_CANCEL, &req, &rep), OK);
    assert_int_equal(alerts(w), 3);
    assert_int_equal(newest.event, REC_REQUEST_CANCELLED);
    assert_int_equal(count(w, TAB_RELEASE), 0);
    assert_int_equal(ask_refuse(w, &a), ERR_EXPIRED);
    asker_renew(&a); /* taken back is not refused: the link is still good */
    open_live(w, &a);
    assert_int_equal(state_of(w, &a), STATE_LIVE);
    world_free(w);
}

/* ---- rot ---- */

/* The first record of a table with that prefix does not open any more. */
struct rotten {
    enum store_table tab;
    struct txn_key from; /* the prefix */
};

static struct rotten rotten;

static enum err rot_fn(struct call *c, struct world *w)
{
    struct txn_key at = { 0 };

    (void)w; /* the call knows it */
    TRY(txn_next(c->txn, rotten.tab, key_bytes(&rotten.from), &at, (struct span){ 0 },
                 NULL));
    return txn_put(c->txn, rotten.tab, key_bytes(&at), bytes_text("rot"));
}

static void rot(struct world *w, enum store_table tab, struct txn_key from)
{
    rotten = (struct rotten){ tab, from };
    directly(w, rot_fn);
}

static void one_rotten_record_holds_up_no_restore(void **state)
{
    struct world *w = world_new(0, 2);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);
    struct rep_fetch f;

    (void)state;
    open_live(w, &b);
    approve(w, &b, NULL);
    rot(w, TAB_BLOB, (struct txn_key){ 0 }); /* the oldest alert */
    rot(w, TAB_OP, key_id(w->as_guardian.cred));
    rot(w, TAB_EPOCH, key_epoch(w->ward, 1));
    rot(w, TAB_REQUEST, key_id(b.id));
    rot(w, TAB_CRED, key_id(w->links[2]));
    open_live(w, &a);
    assert_int_equal(a.v.n_epochs, 1);
    assert_int_equal(a.v.epochs[0].epoch, 2);
    approve(w, &a, NULL);
    rot(w, TAB_OBJECT, key_object(w->ward, 2, OBJECT_ROSTER));
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.state, STATE_RELEASED);
    assert_int_equal(f.roster.n, 0);
    assert_true(f.statement.n > 0);
    assert_int_equal(ask_fetch(w, &a, 2, &f), OK);
    assert_true(f.box.n > 0);
    directly(w, tick_fn);
    world_free(w);
}

/* Its credential's answers go with it: many at once are more than one job may write. */
static void many_requests_are_erased_over_time(void **state)
{
    enum { EACH = 60, DAYS = 91 };
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct req_cancel cancel = { 0 };
    struct rep_cancel rep;
    bool more = true;

    (void)state;
    for (size_t i = 0; i < REQUEST_DAILY; i++) {
        draw(&a.stat, sizeof a.stat);
        crypt_dh_public(&a.stat, a.opener.stat);
        memcpy(a.open.stat, a.opener.stat, PUB_BYTES);
        asker_renew(&a);
        open_live(w, &a);
        memcpy(cancel.request, a.id, ID_BYTES);
        for (size_t k = 0; k < EACH; k++) {
            draw(cancel.op, ID_BYTES);
            assert_int_equal(ask(w, &a.requester, MSG_CANCEL, &cancel, &rep), OK);
        }
    }
    w->now += DAYS * DAY;
    for (size_t i = 0; i < REQUEST_DAILY && more; i++)
        more = ticked(w);
    assert_false(more);
    assert_int_equal(count(w, TAB_REQUEST), 0);
    world_free(w);
}

/* ---- time in the store ---- */

static void a_live_one_expires_and_is_forgotten(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    uint8_t op[ID_BYTES] = { 7 };
    uint8_t left = 0;
    size_t creds = count(w, TAB_CRED);

    (void)state;
    open_live(w, &a);
    assert_int_equal(count(w, TAB_CRED), creds + 1);
    w->now = a.v.expires - 1;
    assert_int_equal(ask_try(w, &a, op, &left), OK);
    w->now = a.v.expires;
    assert_int_equal(state_of(w, &a), STATE_EXPIRED);
    assert_int_equal(listed(w, &w->as_guardian, 0), 0);
    assert_int_equal(listed(w, &w->as_guardian, 1), 1);
    approval_fill(w, &a, op, &p);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_EXPIRED);
    assert_int_equal(ask_refuse(w, &a), ERR_EXPIRED);
    directly(w, tick_fn);
    (void)alerts(w);
    assert_int_equal(newest.event, REC_REQUEST_EXPIRED);
    assert_memory_equal(newest.request, a.id, ID_BYTES);
    w->now = a.v.expires + 90 * DAY - 1;
    directly(w, tick_fn);
    assert_int_equal(listed(w, &w->as_guardian, 1), 1);
    w->now++;
    assert_int_equal(listed(w, &w->as_guardian, 1), 0);
    directly(w, tick_fn);
    assert_int_equal(count(w, TAB_REQUEST), 0);
    assert_int_equal(count(w, TAB_CRED), creds);
    assert_int_equal(count(w, TAB_REQUEST_FIND), 0);
    assert_int_equal(count(w, TAB_OPEN_KEY), 0);
    assert_int_equal(listed(w, &w->as_guardian, 1), 0);
    world_free(w);
}

static void approved_and_unfetched_it_expires(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);
    struct rep_fetch f;

    (void)state;
    open_live(w, &a);
    open_live(w, &b);
    approve(w, &a, NULL);
    approve(w, &b, NULL);
    w->now = T0 + HOLD + 14 * DAY - 1;
    assert_int_equal(ask_fetch(w, &b, 1, &f), OK); /* in the last second */
    w->now++;
    assert_int_equal(ask_fetch(w, &a, 1, &f), ERR_EXPIRED);
    assert_int_equal(count(w, TAB_RELEASE), 8);
    directly(w, tick_fn); /* neither box stays longer than it must */
    assert_int_equal(count(w, TAB_RELEASE), 0);
    assert_int_equal(state_of(w, &b), STATE_RELEASED);
    assert_int_equal(state_of(w, &a), STATE_EXPIRED);
    world_free(w);
}

static void under_a_frozen_clock(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct world *z = world_new(0, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(z, CRED_RESTORE, z->links[0]);
    struct rep_fetch f;

    (void)state;
    w->env.clock = z->env.clock = CLOCK_FROZEN;
    open_live(z, &b);
    approve(z, &b, NULL);
    assert_int_equal(ask_fetch(z, &b, 1, &f), OK); /* hold 0 needs no clock */
    open_live(w, &a);
    approve(w, &a, NULL);
    w->env.clock = CLOCK_RUNS; /* confirmed: really, ten days had gone by before */
    w->now = T0 + 10 * DAY;
    assert_int_equal(ask_fetch(w, &a, 1, &f), ERR_STATE);
    directly(w, tick_fn);
    w->now += HOLD - 1;
    assert_int_equal(ask_fetch(w, &a, 1, &f), ERR_STATE);
    w->now++;
    assert_int_equal(ask_fetch(w, &a, 1, &f), OK);
    world_free(w);
    world_free(z);
}

static void a_clock_set_back_starts_holds_again(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_fetch f;

    (void)state;
    open_live(w, &a);
    approve(w, &a, NULL);
    w->now = T0 - 5 * DAY;
    w->env.era++;
    directly(w, tick_fn);
    w->now += HOLD - 1;
    assert_int_equal(ask_fetch(w, &a, 1, &f), ERR_STATE);
    w->now++;
    assert_int_equal(ask_fetch(w, &a, 1, &f), OK);
    world_free(w);
}

/* ---- introductions ---- */

static void who_is_introduced(void **state)
{
    struct world *w = world_new(HOLD, 2);
    struct intro rows[] = {
        { "by a stranger", &w->guardian, w->hashes[1], T0 + DAY, ERR_REFUSED },
        { "to another circle", &w->others[0], w->hashes[3], T0 + DAY, ERR_REFUSED },
        { "over", &w->others[0], w->hashes[1], T0, ERR_EXPIRED },
        { "for ever", &w->others[0], w->hashes[1], T0 + 16 * DAY, ERR_REFUSED },
        { "well", &w->others[0], w->hashes[1], T0 + 14 * DAY, OK },
        { "by another, to the old epoch", &w->others[1], w->hashes[0], T0 + 1, OK },
        { "by the same again", &w->others[0], w->hashes[1], T0 + DAY, ERR_BUSY },
    };
    struct asker a = asker_new(w, CRED_ROSTER, w->roster);
    uint8_t mem[SIGNED_MAX];
    static struct rep_request rep;
    uint8_t key[PUB_BYTES];

    (void)state;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED); /* none at all */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        a = introduced(w, &rows[i], mem);
        if (ask_open(w, &a) != rows[i].want)
            fail_msg("introduced %s", rows[i].what);
        if (rows[i].want != OK)
            continue;
        open_live(w, &a);
        crypt_sign_public(rows[i].by, key);
        assert_int_equal(ask_show(w, &w->as_guardian, &a, &rep), OK);
        assert_memory_equal(rep.introducer, key, PUB_BYTES);
    }
    a = introduced(w, &rows[4], mem);
    asker_renew(&a); /* another signing key than the one introduced */
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    world_free(w);
}

static void a_refused_introduction_is_dead(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct intro how = { "", &w->others[0], w->hashes[0], T0 + 14 * DAY, OK };
    static uint8_t mem[SIGNED_MAX];
    static uint8_t again[SIGNED_MAX];
    struct asker a = introduced(w, &how, mem);
    struct asker b;
    struct buf buf = BUF_OF(again);

    (void)state;
    open_live(w, &a);
    assert_int_equal(ask_refuse(w, &a), OK);
    b = asker_new(w, CRED_ROSTER, w->roster); /* other keys, the same introduction */
    memcpy(b.open.sign, a.open.sign, PUB_BYTES);
    b.open.introduction = a.open.introduction;
    assert_int_equal(ask_open(w, &b), ERR_STOPPED);
    reopen(w);
    draw(b.open.op, ID_BYTES);
    assert_int_equal(ask_open(w, &b), ERR_STOPPED);
    introduce(&w->others[0], a.open.sign, w->hashes[0], T0 + 13 * DAY, &buf);
    b.open.introduction = buf_bytes(&buf); /* a guardian may introduce anew */
    draw(b.open.op, ID_BYTES);
    assert_int_equal(ask_open(w, &b), OK);
    directly(w, tick_fn);
    assert_int_equal(count(w, TAB_INTRO), 1);
    w->now = T0 + 14 * DAY;
    directly(w, tick_fn); /* it would have ended by itself */
    assert_int_equal(count(w, TAB_INTRO), 0);
    world_free(w);
}

/* ---- room ---- */

static void a_found_sheet_keeps_nobody_out(void **state)
{
    struct world *w = world_new(HOLD, 1);
    uint8_t mem[SIGNED_MAX];
    struct intro how = { "", &w->others[0], w->hashes[0], T0 + DAY, OK };
    struct asker a = asker_new(w, CRED_SHEET, w->sheet);
    struct asker b;

    (void)state;
    w->limits.requests = 1;
    open_live(w, &a);
    b = asker_new(w, CRED_SHEET, w->sheet);
    assert_int_equal(ask_open(w, &b), ERR_BUSY); /* one a credential */
    b = introduced(w, &how, mem);
    assert_int_equal(ask_open(w, &b), ERR_FULL);
    b = asker_new(w, CRED_RESTORE, w->links[0]); /* the guardian's link has room */
    open_live(w, &b);
    b = owner_asker(w, PURPOSE_ENROL);
    open_live(w, &b);
    assert_int_equal(ask_refuse(w, &a), OK);
    a = asker_new(w, CRED_SHEET, w->sheet);
    w->limits.requests = 8;
    w->now += HOUR - 1; /* who was refused waits */
    assert_int_equal(ask_open(w, &a), ERR_BUSY);
    w->now += 1;
    draw(a.open.op, ID_BYTES);
    open_live(w, &a);
    assert_int_equal(ask_refuse(w, &a), OK);
    for (uint64_t wait = 2 * HOUR, i = 0; i < 9; i++) { /* and longer each time */
        a = asker_new(w, CRED_SHEET, w->sheet);
        w->now += wait - 1;
        assert_int_equal(ask_open(w, &a), ERR_BUSY);
        w->now += 1;
        draw(a.open.op, ID_BYTES);
        open_live(w, &a);
        assert_int_equal(i % 2 ? ask_refuse(w, &a) : ask_cancel(w, &a), OK);
        wait = 2 * wait < 7 * DAY ? 2 * wait : 7 * DAY;
    }
    b = asker_new(w, CRED_RESTORE, w->links[1]); /* whatever it did */
    open_live(w, &b);
    world_free(w);
}

static void a_sheet_waits_no_years_for_a_wrong_clock(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_SHEET, w->sheet);

    (void)state;
    w->now += 1000 * DAY;
    open_live(w, &a);
    assert_int_equal(ask_refuse(w, &a), OK);
    w->now -= 1000 * DAY; /* a person set it right */
    directly(w, tick_fn);
    a = asker_new(w, CRED_SHEET, w->sheet);
    w->now += HOUR - 1;
    assert_int_equal(ask_open(w, &a), ERR_BUSY);
    w->now++;
    draw(a.open.op, ID_BYTES);
    open_live(w, &a);
    assert_int_equal(ask_cancel(w, &a), OK);
    w->now += REQUEST_KEPT_S;
    directly(w, tick_fn);
    assert_int_equal(count(w, TAB_REQUEST), 0);
    world_free(w);
}

static void a_credential_opens_so_many_a_day(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);

    (void)state;
    for (size_t i = 0; i < REQUEST_DAILY; i++) {
        assert_int_equal(ask_open(w, &a), OK);
        w->now += 10 * MINUTE;
        asker_renew(&a);
    }
    assert_int_equal(ask_open(w, &a), ERR_FULL);
    w->now = T0 + DAY;
    draw(a.open.op, ID_BYTES);
    assert_int_equal(ask_open(w, &a), OK);
    world_free(w);
}

/* What a thief opens and lets go day after day does not pile up. */
static void a_credential_leaves_so_many_behind(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_SHEET, w->sheet);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[0]);
    size_t creds = count(w, TAB_CRED);

    (void)state;
    open_live(w, &b);
    for (size_t i = 0; i < REQUEST_SPENT + 20; i++) {
        asker_renew(&a);
        assert_int_equal(ask_open(w, &a), OK);
        w->now += 2 * HOUR;
    }
    assert_int_equal(count(w, TAB_REQUEST), REQUEST_SPENT + 1);
    assert_int_equal(count(w, TAB_REQUEST_FIND), 2 * (REQUEST_SPENT + 1));
    assert_int_equal(count(w, TAB_OPEN_KEY), 2 * (REQUEST_SPENT + 1));
    assert_int_equal(count(w, TAB_CRED), creds + 2);
    assert_int_equal(state_of(w, &b), STATE_LIVE);
    world_free(w);
}

/* A roster's credential is known to every guardian: one of them uses up their own. */
static void an_introducer_uses_up_nobody_elses_day(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct intro liar = { "", &w->others[0], w->hashes[0], T0 + 2 * DAY, OK };
    struct intro friend = { "", &w->others[1], w->hashes[0], T0 + 2 * DAY, OK };
    uint8_t mem[SIGNED_MAX];
    struct asker a;

    (void)state;
    for (size_t i = 0; i < REQUEST_DAILY; i++) {
        a = introduced(w, &liar, mem);
        assert_int_equal(ask_open(w, &a), OK);
        w->now += 10 * MINUTE;
    }
    a = introduced(w, &liar, mem);
    assert_int_equal(ask_open(w, &a), ERR_FULL);
    a = introduced(w, &friend, mem);
    assert_int_equal(ask_open(w, &a), OK);
    world_free(w);
}

static enum err more_links(struct call *c, struct world *w)
{
    struct session link = session_of(w, ROLE_RESTORE, CRED_SHEET);

    memset(link.stat, 0, PUB_BYTES);
    for (uint8_t i = 0; i < 40; i++) {
        uint8_t id[ID_BYTES] = { 0xcc, i };

        TRY(add_cred(c, &link, id, CRED_SHEET));
    }
    return OK;
}

static void eight_unrevealed_and_pages_of_the_list(void **state)
{
    static struct rep_requests rep;
    struct world *w = world_new(HOLD, 1);
    struct req_requests req = { 0 };
    struct asker a;

    (void)state;
    directly(w, more_links);
    w->limits.requests = 256;
    for (uint8_t i = 0; i < 40; i++) {
        uint8_t id[ID_BYTES] = { 0xcc, i };

        a = asker_new(w, CRED_SHEET, id);
        assert_int_equal(ask_open(w, &a), i < 8 || i >= 10 ? OK : ERR_FULL);
        if (i == 9)
            w->now += 10 * MINUTE;
        if (i >= 10)
            assert_int_equal(ask_reveal(w, &a), OK);
    }
    for (uint8_t i = 8; i < 10 + 2; i++) { /* the late ones: 34 in all */
        uint8_t id[ID_BYTES] = { 0xcc, (uint8_t)(i - 8) };

        a = asker_new(w, CRED_SHEET, id);
        open_live(w, &a);
    }
    assert_int_equal(ask(w, &w->as_guardian, MSG_REQUESTS, &req, &rep), OK);
    assert_int_equal(rep.n_requests, 32);
    assert_int_equal(rep.more, 1);
    memcpy(req.after, rep.requests[31].request, ID_BYTES);
    rep = (struct rep_requests){ 0 };
    assert_int_equal(ask(w, &w->as_guardian, MSG_REQUESTS, &req, &rep), OK);
    assert_int_equal(rep.n_requests, 2);
    assert_int_equal(rep.more, 0);
    world_free(w);
}

/* ---- what is shown ---- */

static void what_the_guardian_gets(void **state)
{
    static struct rep_request rep;
    static struct rep_box_get boxes;
    struct world *w = world_new(HOLD, 2);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct req_box_get get = { .epoch = 2 };
    uint8_t zero[32] = { 0 };

    (void)state;
    open_live(w, &a);
    assert_int_equal(ask_show(w, &w->as_guardian, &a, &rep), OK);
    assert_memory_equal(rep.view.p, a.view, a.view_n);
    assert_memory_equal(rep.nonce, a.nonce, sizeof a.nonce);
    assert_memory_equal(rep.req_static, a.open.stat, PUB_BYTES);
    assert_memory_equal(rep.req_seal, a.open.seal, PUB_BYTES);
    assert_memory_equal(rep.req_sign, a.open.sign, PUB_BYTES);
    assert_memory_equal(rep.commitment, a.open.commitment, HASH_BYTES);
    assert_memory_equal(rep.claimed.p, "It is me, Ana", rep.claimed.n);
    assert_int_equal(rep.line[0].opens, T0 + HOLD);
    assert_int_equal(rep.line[0].expires, a.v.expires);
    assert_int_equal(rep.line[0].tries_left, REQUEST_TRIES);
    assert_int_equal(ask_show(w, &a.requester, &a, &rep), OK);
    assert_int_equal(ask_show(w, &w->as_device, &a, &rep), OK);
    assert_memory_equal(rep.nonce, zero, sizeof zero); /* it would make the words */
    memcpy(get.request, a.id, ID_BYTES);
    assert_int_equal(ask(w, &w->as_guardian, MSG_BOX_GET, &get, &boxes), OK);
    assert_memory_equal(boxes.manifest_hash, w->hashes[1], HASH_BYTES);
    assert_memory_equal(boxes.box_piece.p, "piece box", boxes.box_piece.n);
    assert_memory_equal(boxes.box_roster.p, "roster box", boxes.box_roster.n);
    assert_memory_equal(boxes.manifest.p, "sealed manifest", boxes.manifest.n);
    get.epoch = 3;
    assert_int_equal(ask(w, &w->as_guardian, MSG_BOX_GET, &get, &boxes), ERR_UNKNOWN);
    get.epoch = 1;
    assert_int_equal(ask_refuse(w, &a), OK);
    assert_int_equal(ask(w, &w->as_guardian, MSG_BOX_GET, &get, &boxes), ERR_STOPPED);
    world_free(w);
}

static void a_requester_lists_its_own(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct asker b = asker_new(w, CRED_RESTORE, w->links[1]);
    static struct rep_request rep;

    (void)state;
    open_live(w, &a);
    open_live(w, &b);
    assert_int_equal(listed(w, &a.requester, 0), 1);
    assert_int_equal(listed(w, &w->as_owner, 0), 2);
    assert_int_equal(ask_show(w, &a.requester, &b, &rep), ERR_UNKNOWN);
    world_free(w);
}

/* ---- confirm ---- */

static uint64_t confirmed_at;
static uint32_t waiting;

static enum err read_ward(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    confirmed_at = ward.confirmed;
    return request_count(c, w->ward, &waiting);
}

static void an_owner_is_confirmed(void **state)
{
    struct world *w = world_new(HOLD, 0);
    struct asker a = owner_asker(w, PURPOSE_ENROL);
    struct asker b = owner_asker(w, PURPOSE_ENROL);
    struct rep_approve said = { 0 };
    struct rep_fetch f;

    (void)state;
    open_live(w, &a);
    open_live(w, &b); /* asked anew: the first one makes room */
    assert_int_equal(state_of(w, &a), STATE_EXPIRED);
    assert_int_equal(listed(w, &w->as_guardian, 0), 1);
    directly(w, read_ward);
    assert_int_equal(confirmed_at, 0);
    assert_int_equal(waiting, 1);
    assert_int_equal(ask_fetch(w, &b, 0, &f), OK);
    assert_int_equal(f.statement.n, 0);
    w->now += 77;
    approve(w, &b, &said);
    assert_int_equal(said.opens, T0 + 77);
    directly(w, read_ward);
    assert_int_equal(confirmed_at, T0 + 77);
    assert_int_equal(ask_fetch(w, &b, 0, &f), OK);
    assert_int_equal(f.state, STATE_RELEASED);
    assert_int_not_equal(f.statement.n, 0);
    assert_int_equal(f.roster.n, 0);
    assert_int_equal(ask_fetch(w, &b, 1, &f), ERR_UNKNOWN);
    assert_int_equal(ask_refuse(w, &b), ERR_STATE);
    directly(w, read_ward);
    assert_int_equal(waiting, 0);
    world_free(w);
}

static void an_epoch_is_confirmed_only_if_it_opens(void **state)
{
    static struct approval p;
    struct world *w = world_new(HOLD, 1);
    struct asker a = owner_asker(w, PURPOSE_EPOCH);
    uint8_t op[ID_BYTES] = { 7 };
    uint8_t left = 0;

    (void)state;
    open_live(w, &a);
    assert_int_equal(ask_try(w, &a, op, &left), OK);
    approval_fill(w, &a, op, &p);
    p.s.epochs[0].opened = 2;
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_REFUSED);
    approval_fill(w, &a, op, &p);
    p.req.n_boxes = 1; /* a confirm moves no piece */
    p.req.boxes[0].epoch = 1;
    p.req.boxes[0].box = bytes_text("piece");
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), ERR_FORMAT);
    directly(w, read_ward);
    assert_int_equal(confirmed_at, 0);
    approval_fill(w, &a, op, &p);
    assert_int_equal(ask_approve(w, &p, &w->approval, NULL), OK);
    directly(w, read_ward);
    assert_int_equal(confirmed_at, T0);
    world_free(w);
}

static void a_later_epoch_confirms_no_ward(void **state)
{
    struct world *w = world_new(HOLD, 2);
    struct asker a = owner_asker(w, PURPOSE_EPOCH);

    (void)state;
    open_live(w, &a);
    approve(w, &a, NULL);
    directly(w, read_ward);
    assert_int_equal(confirmed_at, 0);
    world_free(w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_pair_of_the_state_table),
    cmocka_unit_test(the_table_prints),
    cmocka_unit_test(due_not_one_second_early),
    cmocka_unit_test(earliest_opening_before_approval),
    cmocka_unit_test(a_frozen_clock_shortens_no_hold),
    cmocka_unit_test(approved_under_a_frozen_clock_only),
    cmocka_unit_test(set_back_means_starting_again),
    cmocka_unit_test(each_state_ends_to_the_second),
    cmocka_unit_test(who_may_not_open),
    cmocka_unit_test(claimed_words_are_at_most_200_characters),
    cmocka_unit_test(nothing_to_give_without_an_epoch),
    cmocka_unit_test(the_view_names_every_epoch),
    cmocka_unit_test(one_open_one_view),
    cmocka_unit_test(unrevealed_it_ends_after_ten_minutes),
    cmocka_unit_test(hidden_until_revealed),
    cmocka_unit_test(others_cannot_reveal_or_fetch),
    cmocka_unit_test(tries_are_counted_before_anything_else),
    cmocka_unit_test(the_words_of_the_last_try_still_count),
    cmocka_unit_test(an_unlock_forgets_the_old_try),
    cmocka_unit_test(what_is_wrong_with_an_approval),
    cmocka_unit_test(a_try_of_another_request_approves_nothing),
    cmocka_unit_test(a_box_that_does_not_open_holds_up_nobody),
    cmocka_unit_test(a_restore_with_a_hold_of_72_hours),
    cmocka_unit_test(a_restore_with_hold_0_is_due_at_once),
    cmocka_unit_test(a_request_has_a_drop_of_its_own),
    cmocka_unit_test(a_late_approval_waits_an_hour),
    cmocka_unit_test(a_second_approval_changes_nothing),
    cmocka_unit_test(the_roster_goes_as_the_owner_chose),
    cmocka_unit_test(a_refusal_is_final),
    cmocka_unit_test(a_guardian_may_change_their_mind),
    cmocka_unit_test(other_guardians_see_nothing),
    cmocka_unit_test(a_requester_takes_it_back),
    cmocka_unit_test(one_rotten_record_holds_up_no_restore),
    cmocka_unit_test(many_requests_are_erased_over_time),
    cmocka_unit_test(a_live_one_expires_and_is_forgotten),
    cmocka_unit_test(approved_and_unfetched_it_expires),
    cmocka_unit_test(under_a_frozen_clock),
    cmocka_unit_test(a_clock_set_back_starts_holds_again),
    cmocka_unit_test(who_is_introduced),
    cmocka_unit_test(a_refused_introduction_is_dead),
    cmocka_unit_test(a_found_sheet_keeps_nobody_out),
    cmocka_unit_test(a_sheet_waits_no_years_for_a_wrong_clock),
    cmocka_unit_test(a_credential_opens_so_many_a_day),
    cmocka_unit_test(a_credential_leaves_so_many_behind),
    cmocka_unit_test(an_introducer_uses_up_nobody_elses_day),
    cmocka_unit_test(eight_unrevealed_and_pages_of_the_list),
    cmocka_unit_test(what_the_guardian_gets),
    cmocka_unit_test(a_requester_lists_its_own),
    cmocka_unit_test(an_owner_is_confirmed),
    cmocka_unit_test(an_epoch_is_confirmed_only_if_it_opens),
    cmocka_unit_test(a_later_epoch_confirms_no_ward),
};

int main(void)
{
    int failed;

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
