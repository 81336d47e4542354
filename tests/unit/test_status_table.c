/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Situations by hand: in each, what kith status says, what it ends with, and which one
 * step it names. Never greener than what was proven.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cmd_status_part.h"

enum { NOW = 1800000000, DAY = 86400, HOUR = 3600, N = 5 };

#define ALONE                                                                            \
    "You can be restored: no. Your new root key is in this home alone until your "       \
    "guardians' nodes have new pieces."
#define YES(n)        "You can be restored: yes, with " #n " to spare."
#define NONE_TO_SPARE "You can be restored: yes, but with none to spare."
#define NOT_TODAY(n)                                                                     \
    "You can be restored: yes, but not today. Only " #n " of 5 nodes answer now, and 3 " \
    "are needed."
#define NO(n)                                                                            \
    "You can be restored: no. Only " #n " of 5 pieces are where they should be, and 3 "  \
    "are needed."
#define ENDED "You can be restored: no. Your circle ended on Thu 14 Jan 2027, 08:00."
#define MOMENTS                                                                          \
    "You can be restored: only for moments. The day of your circle's end has come."
#define FOR_NOW                                                                          \
    "You can be restored: only for now. The day of your circle's end has come, and "     \
    "some "                                                                              \
    "nodes wait with it."
#define CUT_OFF                                                                          \
    "You can be restored: not known yet. Your root key is back, but the restore was "    \
    "cut "                                                                               \
    "off before your guardians' nodes knew this machine."
#define PUT_OUT                                                                          \
    "You can be restored: not known here. Your guardians' nodes let this machine in no " \
    "more: it was taken out of your devices, or your root key was replaced from "        \
    "another "                                                                           \
    "machine."
#define NO_CIRCLE "You can be restored: no. There is no circle yet."

/* ---- a circle of three of five in which all is well ---- */

static const char *const names[N] = { "Ben", "Cy", "Dora", "Eli", "Fay" };

static void guardian_fill(struct day_guardian *g, size_t i)
{
    *g = (struct day_guardian){ .name = bytes_text(names[i % N]),
                                .kind = PIECE_NODE,
                                .progress = GUARDIAN_READY,
                                .n_node = 1,
                                .epoch = 1,
                                .index = (uint8_t)i,
                                .stored = NOW - 60 * DAY,
                                .confirmed = NOW - 60 * DAY,
                                .n_proof = 1 };
    g->node[0].seen = NOW - HOUR;
    memset(g->node[0].node_key, (int)(0x10 + i), PUB_BYTES);
    memset(g->sign_pub, (int)(0x20 + i), PUB_BYTES);
    memset(g->seat, (int)(0x30 + i), SEAT_BYTES);
    memset(g->ward, (int)(0x40 + i), ID_BYTES);
    g->proof[0] = (struct day_proof){ .checked = NOW - 2 * DAY,
                                      .checked_epoch = 1,
                                      .opened = NOW - 40 * DAY,
                                      .opened_epoch = 1,
                                      .drills = 1 };
}

static void well(struct look *l)
{
    struct day_me *me = &l->day->me;
    l->now = NOW;
    l->locked = true;
    memset(me->owner, 7, PUB_BYTES);
    me->epoch = 1;
    me->planned = 1;
    me->sealed_at = NOW - 60 * DAY;
    me->group_threshold = 1;
    me->n_groups = 1;
    me->groups[0] = (struct manifest_group){ .t = 3, .n = N };
    me->hold = 72 * HOUR;
    me->owner_tested = NOW - 50 * DAY;
    me->watched = NOW - HOUR;
    me->timer = 6 * HOUR;
    l->day->n_guardians = N;
    for (size_t i = 0; i < N; i++)
        guardian_fill(&l->day->guardians[i], i);
}

static struct day_guardian *at(struct look *l, size_t i)
{
    return &l->day->guardians[i];
}

static struct day_proof *proof(struct look *l, size_t i)
{
    return day_proof(at(l, i));
}

static void away(struct look *l, size_t i, uint64_t days)
{
    l->states[i] = HOLDS_AWAY;
    at(l, i)->node[0].seen = NOW - days * DAY - HOUR;
}

/* What the i-th node says of its seat. */
static void seat_says(struct look *l, size_t i, uint64_t reset)
{
    const struct rep_wards says = { .reset = reset };
    look_take_ward(l, i, &says);
}

/* What it says of the ward; due: the end that was ordered there. */
static void ward_says(struct look *l, size_t i, uint64_t gave_up, uint64_t due)
{
    const struct rep_wards says = { .n_wards = 1,
                                    .wards = { { .left = gave_up, .end_due = due } } };
    look_take_ward(l, i, &says);
}

/* It answers, and says whether its clock waits. */
static void clock_says(struct look *l, size_t i, uint8_t waits)
{
    const struct call c = { .stage = CALL_ENDED,
                            .err = OK,
                            .hello = { .frozen = waits } };
    look_take_call(l, i, &c);
}

/* The next round: nothing but the day is left of this one, and it is silent. */
static void falls_silent(struct look *l, size_t i)
{
    const struct call c = { .err = ERR_TIMEOUT };
    memset(&l->nodes[i], 0, sizeof l->nodes[i]);
    l->states[i] = HOLDS_OK;
    look_take_call(l, i, &c);
}

/* ---- what is different ---- */

static void nothing(struct look *l)
{
    (void)l;
}

static void not_confirmed(struct look *l)
{
    at(l, 3)->confirmed = 0;
}

static void three_not_confirmed(struct look *l)
{
    for (size_t i = 1; i < 4; i++)
        at(l, i)->confirmed = 0;
}

static void about_the_change_not(struct look *l)
{
    for (size_t i = 0; i < l->day->n_guardians; i++) {
        at(l, i)->epoch = at(l, i)->said_epoch = 2;
        at(l, i)->proof[0].opened_epoch = at(l, i)->proof[0].checked_epoch = 2;
    }
    l->day->me.epoch = l->day->me.cert_epoch = 2;
    at(l, 3)->said_epoch = 1;
}

/* Nothing is at any address, as where there is no network. */
static void nowhere(struct look *l, size_t n)
{
    const struct call none = { .err = ERR_UNREACHABLE };
    for (size_t i = 0; i < n; i++) {
        away(l, i, 0);
        look_take_call(l, i, &none);
    }
}

static void no_network(struct look *l)
{
    nowhere(l, 5);
    at(l, 3)->confirmed = 0;
}

static void no_network_and_moved(struct look *l)
{
    nowhere(l, 5);
    at(l, 0)->moving = NOW + DAY;
}

static void all_but_one(struct look *l)
{
    nowhere(l, 4);
}

static void all_refuse(struct look *l)
{
    const struct call met = { .err = ERR_CLOSED, .stage = CALL_MET };
    nowhere(l, 5);
    for (size_t i = 0; i < 5; i++)
        look_take_call(l, i, &met);
}

static void away_today(struct look *l)
{
    away(l, 1, 0);
}

static void away_a_week(struct look *l)
{
    away(l, 1, 8);
}

static void away_a_month(struct look *l)
{
    away(l, 1, 31);
}

static void three_away_today(struct look *l)
{
    for (size_t i = 1; i < 4; i++)
        away(l, i, 0);
}

static void three_away_a_month(struct look *l)
{
    for (size_t i = 1; i < 4; i++)
        away(l, i, 31);
}

static void missing(struct look *l)
{
    l->states[2] = HOLDS_MISSING;
}

/* A node that answers to hold nothing. */
static void missing_and_away(struct look *l)
{
    const struct rep_epoch_state says = { 0 };
    look_take_epochs(l, 2, &says);
    falls_silent(l, 2);
}

/* It says so, and the line breaks. */
static void missing_and_cut_off(struct look *l)
{
    const struct rep_epoch_state says = { 0 };
    const struct call c = { .stage = CALL_TALKING, .err = ERR_CLOSED };
    look_take_epochs(l, 2, &says);
    look_take_call(l, 2, &c);
}

static void unknown_there_and_away(struct look *l)
{
    const struct call c = { .stage = CALL_KNOWN, .err = ERR_REFUSED };
    look_take_call(l, 2, &c);
    falls_silent(l, 2);
}

static void left(struct look *l)
{
    ward_says(l, 2, NOW - DAY, 0);
}

static void left_and_away(struct look *l)
{
    left(l);
    falls_silent(l, 2);
}

static void left_and_back(struct look *l)
{
    left(l);
    ward_says(l, 2, 0, 0);
}

static void reset(struct look *l)
{
    l->states[2] = HOLDS_MISSING;
    seat_says(l, 2, NOW - DAY);
}

/* The drill was before: it says nothing of the keys of now, whatever the clocks say. */
static void reset_since_opened(struct look *l)
{
    seat_says(l, 2, NOW - 300 * DAY);
}

static void reset_and_away(struct look *l)
{
    reset_since_opened(l);
    falls_silent(l, 2);
}

static void reset_and_opened(struct look *l)
{
    reset_since_opened(l);
    day_opened(at(l, 2), 1, NOW - HOUR);
    reset_since_opened(l); /* no news */
}

static void reset_and_opened_and_away(struct look *l)
{
    reset_and_opened(l);
    falls_silent(l, 2);
}

/* A drill was answered after the new keys, and fetched before they were heard of. */
static void reset_heard_late(struct look *l)
{
    day_opened(at(l, 2), 1, NOW - HOUR);
    proof(l, 2)->opened_reset = NOW - 300 * DAY;
    reset_since_opened(l);
}

static void reset_again_heard_late(struct look *l)
{
    reset_heard_late(l);
    at(l, 2)->reset = 0;
    seat_says(l, 2, NOW - 200 * DAY);
}

/* The piece was opened for a change since: by what keys is not known. */
static void reset_heard_later(struct look *l)
{
    reset_heard_late(l);
    at(l, 2)->reset = 0;
    day_opened(at(l, 2), 1, NOW - HOUR);
    reset_since_opened(l);
}

static void reset_again(struct look *l)
{
    reset_and_opened(l);
    seat_says(l, 2, NOW - 200 * DAY);
}

/* Asked for of the keys before: whatever comes does not answer it. */
static void reset_while_asked(struct look *l)
{
    at(l, 2)->stored = NOW - 2 * DAY;
    proof(l, 2)->asked = NOW - HOUR;
    proof(l, 2)->asked_epoch = 1;
    reset_since_opened(l);
    seat_says(l, 2, 0);
}

/* The keys were found again. */
static void reset_no_more(struct look *l)
{
    reset_and_opened(l);
    seat_says(l, 2, 0);
}

static void three_gone(struct look *l)
{
    left(l);
    for (size_t i = 0; i < 2; i++)
        l->states[i] = HOLDS_MISSING;
}

static void behind(struct look *l)
{
    l->states[4] = HOLDS_BEHIND;
    at(l, 4)->epoch = 0;
}

static void loaded(struct look *l)
{
    l->states[0] = HOLDS_ROLLED_BACK;
    at(l, 0)->node[0].fault = SEEN_LOADED;
    at(l, 0)->node[0].faulted = NOW - DAY;
}

static void withheld(struct look *l)
{
    at(l, 0)->node[0].fault = SEEN_WITHHELD;
}

static void request(struct look *l, uint8_t kind, uint8_t state)
{
    l->requests[l->n_requests++] =
        (struct seen_request){ at(l, 0),
                               { .kind = kind, .state = state, .opens = NOW + DAY } };
}

static void asked(struct look *l)
{
    request(l, REQUEST_RESTORE, STATE_LIVE);
}

static void stopped(struct look *l)
{
    request(l, REQUEST_RESTORE, STATE_CONTESTED);
}

static void confirm_runs(struct look *l)
{
    request(l, REQUEST_CONFIRM, STATE_LIVE);
}

static void refused(struct look *l)
{
    request(l, REQUEST_RESTORE, STATE_REFUSED);
}

static void let_go(struct look *l)
{
    at(l, 1)->node[0].let_go = NOW - DAY;
}

static void let_go_settled(struct look *l)
{
    let_go(l);
    at(l, 1)->node[0].let_go_settled = NOW - DAY;
}

static void nobody_said_yet(struct look *l);

static void vault_unsaved(struct look *l)
{
    l->has_vault = true;
    l->vault = (struct vault_standing){ .saved = 1, .need = 3, .of = 5 };
}

static void unsaved_and_not_confirmed(struct look *l)
{
    vault_unsaved(l);
    nobody_said_yet(l);
}

static void read_before(struct look *l)
{
    l->read = 2;
}

static void check_failed(struct look *l)
{
    proof(l, 1)->fault = CHECK_PIECE;
    proof(l, 1)->faulted = NOW - DAY;
}

static void check_failed_and_away(struct look *l)
{
    check_failed(l);
    away(l, 1, 0);
}

static void three_checks_failed(struct look *l)
{
    for (size_t i = 0; i < 3; i++)
        proof(l, i)->fault = CHECK_GONE;
}

static void vault_check_failed(struct look *l)
{
    proof(l, 1)->fault = CHECK_LOST;
}

static void not_checked_for(struct look *l, uint64_t days)
{
    for (size_t i = 0; i < N; i++)
        proof(l, i)->checked = NOW - days * DAY;
}

static void check_due(struct look *l)
{
    not_checked_for(l, 15);
}

static void unchecked(struct look *l)
{
    not_checked_for(l, 31);
}

static void never_checked(struct look *l)
{
    for (size_t i = 0; i < N; i++)
        proof(l, i)->checked = proof(l, i)->checked_epoch = 0;
}

static void young(struct look *l)
{
    for (size_t i = 0; i < N; i++) {
        at(l, i)->stored = NOW - 2 * DAY;
        at(l, i)->n_proof = 0;
    }
    l->day->me.sealed_at = NOW - 2 * DAY;
}

static void older_check(struct look *l)
{
    l->day->me.epoch = 2;
    for (size_t i = 0; i < N; i++) {
        at(l, i)->epoch = at(l, i)->said_epoch = 2;
        at(l, i)->stored = NOW - 40 * DAY;
        proof(l, i)->opened_epoch = 2;
    }
}

static void missing_before_the_change(struct look *l)
{
    unknown_there_and_away(l);
    older_check(l);
}

static void drill_due_now(struct look *l)
{
    proof(l, 2)->opened = 0;
    at(l, 2)->stored = NOW - 16 * DAY;
}

static void drill_forgotten(struct look *l)
{
    proof(l, 2)->opened = 0;
    at(l, 2)->stored = NOW - 40 * DAY;
}

static void drill_of_a_year(struct look *l)
{
    proof(l, 2)->drills = 2;
    proof(l, 2)->opened = NOW - 366 * DAY;
}

static void drill_of_90_days(struct look *l)
{
    proof(l, 2)->opened = NOW - 77 * DAY;
}

static void drill_asked(struct look *l, uint64_t days)
{
    proof(l, 2)->asked = NOW - days * DAY;
    proof(l, 2)->asked_epoch = 1;
}

static void drill_waits(struct look *l)
{
    drill_asked(l, 3);
}

static void drill_unanswered(struct look *l)
{
    drill_asked(l, 20);
}

static void drill_failed(struct look *l)
{
    proof(l, 2)->failed = NOW - DAY;
    proof(l, 2)->opened = 0;
}

static void not_confirmed_and_drill(struct look *l)
{
    not_confirmed(l);
    drill_waits(l);
}

static void untested(struct look *l)
{
    l->day->me.owner_tested = 0;
}

static void unwatched(struct look *l)
{
    l->day->me.watched = NOW - 2 * DAY;
}

static void handler_fails(struct look *l)
{
    l->day->me.failed = NOW - HOUR;
}

static void clock_waits(struct look *l)
{
    clock_says(l, 3, 1);
}

static void clock_waits_and_away(struct look *l)
{
    clock_waits(l);
    falls_silent(l, 3);
}

static void clock_waited(struct look *l)
{
    clock_waits_and_away(l);
    clock_says(l, 3, 0);
    l->states[3] = HOLDS_OK;
}

static void frozen_says(struct look *l, size_t i, uint64_t until)
{
    const struct rep_wards says = { .n_wards = 1, .wards = { { .frozen = until } } };
    look_take_ward(l, i, &says);
}

static void frozen(struct look *l)
{
    frozen_says(l, 3, NOW + 20 * DAY);
}

static void frozen_and_away(struct look *l)
{
    frozen(l);
    falls_silent(l, 3);
}

static void thawed(struct look *l)
{
    frozen_says(l, 3, NOW - 20 * DAY);
}

static void frozen_and_taken_back(struct look *l)
{
    frozen_and_away(l);
    frozen_says(l, 3, 0);
    l->states[3] = HOLDS_OK;
}

/* The day is over, whoever answers. */
static void thawed_and_away(struct look *l)
{
    thawed(l);
    falls_silent(l, 3);
}

static void paused(struct look *l)
{
    l->nodes[3].paused = NOW + 20 * DAY;
}

static void moved(struct look *l)
{
    l->nodes[3].answered = true;
    l->nodes[3].move = NOW + 2 * DAY;
}

static void moved_and_away(struct look *l)
{
    moved(l);
    look_judge(l);
    l->nodes[3] = (struct node_look){ 0 };
    falls_silent(l, 3);
}

/* Or what answers there is another's, or lets nobody in any more: it said nothing new. */
static void moved_and_refused(struct look *l)
{
    const struct call c = { .stage = CALL_KNOWN, .err = ERR_REFUSED };
    moved_and_away(l);
    look_take_call(l, 3, &c);
}

/* A node may have waited with it for a person. */
static void moved_and_away_past_its_day(struct look *l)
{
    moved_and_away(l);
    l->now += 3 * DAY;
}

static void moved_and_away_and_back(struct look *l)
{
    moved_and_away(l);
    l->states[3] = HOLDS_OK;
    l->nodes[3].answered = true;
    look_judge(l);
    falls_silent(l, 3);
}

static void moves(struct look *l)
{
    moved(l);
    l->moving = true;
    l->move = (struct move_open){ .phase = MOVE_SEND, .of = 5, .done = 2, .waits = 3 };
}

/* This home asks for it: nobody else does, and nothing is to be stopped. */
static void asks_itself(struct look *l)
{
    l->moving = true;
    l->move = (struct move_open){ .phase = MOVE_ASK, .of = 5, .said = 1 };
    l->requests[0].g = &l->day->guardians[1];
    l->requests[0].line = (struct request_line){ .request = { 7, 7 },
                                                 .kind = REQUEST_MOVE,
                                                 .state = STATE_LIVE,
                                                 .opens = NOW + 3 * DAY };
    l->n_requests = 1;
    memset(l->asked, 0, ID_BYTES);
    l->asked[0] = l->asked[1] = 7;
    l->n_asked = 1;
}

static void asks_and_is_stopped(struct look *l)
{
    asks_itself(l);
    l->requests[0].line.state = STATE_CONTESTED;
}

/* Its own root is here; a node that was silent still shows what was asked for there. */
static void asks_itself_still(struct look *l)
{
    asks_itself(l);
    l->move = (struct move_open){ .phase = MOVE_LATE, .of = 5, .said = 3, .done = 4 };
}

/* Nothing of one's own is under way any more: who asks is somebody else. */
static void asks_after_it(struct look *l)
{
    asks_itself(l);
    l->moving = false;
    l->n_asked = 0;
}

/* The people said yes, and each node waits: the i-th one until due, as it said. */
static void sent(struct look *l, uint64_t due)
{
    l->moving = true;
    l->move = (struct move_open){
        .phase = MOVE_SEND, .of = N, .waits = N, .due = due, .n_seats = N
    };
    for (size_t i = 0; i < N; i++) {
        memcpy(l->move.seats[i].seat, at(l, i)->seat, SEAT_BYTES);
        l->move.seats[i].told = TOLD_WAITS;
        l->move.seats[i].due = due;
    }
}

static void lets_nobody_in(struct look *l, size_t i)
{
    const struct call c = { .stage = CALL_KNOWN, .err = ERR_REFUSED };
    look_take_call(l, i, &c);
}

static void all_wait(struct look *l)
{
    sent(l, NOW + 3 * DAY);
}

/* Its hold is over: it knows the new root alone. */
static void one_took_it(struct look *l)
{
    sent(l, NOW - 900);
    lets_nobody_in(l, 3);
}

/* It lets nobody in days before it may take it: that is something else. */
static void one_refuses_too_early(struct look *l)
{
    sent(l, NOW + 2 * DAY);
    lets_nobody_in(l, 3);
}

/* One that was never shown it is not explained by it either. */
static void one_refuses_untold(struct look *l)
{
    sent(l, NOW - 900);
    l->move.seats[3].told = TOLD_NOT;
    lets_nobody_in(l, 3);
}

static void two_took_it(struct look *l)
{
    one_took_it(l);
    lets_nobody_in(l, 1);
}

static void three_took_it(struct look *l)
{
    two_took_it(l);
    lets_nobody_in(l, 0);
}

/* The next look is of another time: nothing was kept of it that is not so. */
static void one_took_it_and_all_is_over(struct look *l)
{
    one_took_it(l);
    look_judge(l);
    l->moving = false;
    l->move = (struct move_open){ 0 };
    l->nodes[3] = (struct node_look){ 0 };
    falls_silent(l, 3);
}

/* The new root is here, and one node still waits. */
static void one_lags(struct look *l)
{
    sent(l, NOW + 2 * DAY);
    l->move.phase = MOVE_LATE;
    at(l, 3)->progress = GUARDIAN_ENROLLED; /* by the new keys, not heard of there yet */
    lets_nobody_in(l, 3);
}

/* And one that let the new keys in before knows them no more. */
static void one_forgot(struct look *l)
{
    sent(l, NOW + 2 * DAY);
    l->move.phase = MOVE_LATE;
    at(l, 3)->progress = GUARDIAN_READY;
    lets_nobody_in(l, 3);
}

/* Another one beside it is not this home's. */
static void asks_beside_a_thief(struct look *l)
{
    asks_itself(l);
    l->requests[1] = l->requests[0];
    l->requests[1].line.request[3] = 1;
    l->n_requests = 2;
}

static void ends_at(struct look *l, size_t i, uint64_t due)
{
    ward_says(l, i, 0, due);
}

static void ends(struct look *l)
{
    ends_at(l, 3, NOW + 10 * DAY);
}

static void ends_and_away(struct look *l)
{
    ends(l);
    falls_silent(l, 3);
}

/* Too few would be left; who is away counts by what was said before. */
static void three_end(struct look *l)
{
    ends(l);
    ends_at(l, 2, NOW + 12 * DAY);
    l->states[4] = HOLDS_AWAY;
    l->day->guardians[4].end_due = NOW + 11 * DAY;
}

/* The day of one has come, and the node still has it: it looks once a minute. */
static void three_end_one_now(struct look *l)
{
    three_end(l);
    ends_at(l, 3, NOW - HOUR);
}

static void three_end_now(struct look *l)
{
    for (size_t i = 2; i < N; i++)
        ends_at(l, i, NOW - HOUR);
}

/* A yes counts there: nothing goes while somebody may get the piece. */
static void three_end_now_held(struct look *l)
{
    three_end_now(l);
    for (size_t i = 2; i < N; i++) {
        request(l, REQUEST_RESTORE, STATE_APPROVED);
        l->requests[l->n_requests - 1].g = at(l, i);
    }
}

/* What is asked for elsewhere holds nothing up, nor does a confirm. */
static void three_end_now_held_elsewhere(struct look *l)
{
    three_end_now(l);
    request(l, REQUEST_RESTORE, STATE_APPROVED);
    for (size_t i = 2; i < N; i++) {
        request(l, REQUEST_CONFIRM, STATE_APPROVED);
        l->requests[l->n_requests - 1].g = at(l, i);
    }
}

static void three_end_now_by_a_clock_that_waits(struct look *l)
{
    three_end_now(l);
    for (size_t i = 2; i < N; i++)
        clock_says(l, i, 1);
}

static void three_end_now_for_a_new_root(struct look *l)
{
    three_end_now(l);
    for (size_t i = 2; i < N; i++) {
        l->nodes[i].answered = true;
        l->nodes[i].move = NOW + DAY;
    }
}

static void three_end_now_frozen(struct look *l)
{
    three_end_now(l);
    for (size_t i = 2; i < N; i++)
        at(l, i)->frozen = NOW + 20 * DAY;
}

static void one_ends_now_held(struct look *l)
{
    ends_at(l, 3, NOW - HOUR);
    clock_says(l, 3, 1);
}

/* Too few are left for other reasons, and one more goes. */
static void three_gone_and_one_ends(struct look *l)
{
    three_gone(l);
    ends(l);
}

static void three_gone_and_two_end(struct look *l)
{
    three_gone_and_one_ends(l);
    ends_at(l, 4, NOW + 12 * DAY);
}

/* In groups one piece can be one too many. */
static void two_groups(struct look *l)
{
    struct day_me *me = &l->day->me;
    me->group_threshold = 2;
    me->n_groups = 2;
    me->groups[0] = (struct manifest_group){ .t = 2, .n = 3 };
    me->groups[1] = (struct manifest_group){ .t = 2, .n = 2 };
    for (size_t i = 3; i < N; i++)
        at(l, i)->group = 1;
}

static void a_group_ends(struct look *l)
{
    two_groups(l);
    ends_at(l, 4, NOW + 10 * DAY);
}

static void a_group_lacks_one(struct look *l)
{
    two_groups(l);
    away(l, 4, 0);
}

/* By another device, and nobody answers any more. */
static void three_end_and_are_silent(struct look *l)
{
    for (size_t i = 2; i < N; i++) {
        ends_at(l, i, NOW + 10 * DAY);
        falls_silent(l, i);
    }
    away(l, 0, 0);
}

/* This home ordered it, another device took it back: a node says so, and falls silent. */
static void is_told_of_a_cancel(struct look *l, size_t i)
{
    const struct rep_epoch_state says = {
        .n_epochs = 1, .epochs = { { .epoch = 1, .state = EPOCH_ACTIVE } }
    };
    at(l, i)->end_said = bytes_text("yes");
    at(l, i)->end_due = at(l, i)->ending = NOW - HOUR;
    look_take_epochs(l, i, &says);
    at(l, i)->gone = 0; /* no real acknowledgement is here */
    falls_silent(l, i);
}

static void taken_back_elsewhere(struct look *l)
{
    for (size_t i = 2; i < N; i++)
        is_told_of_a_cancel(l, i);
}

/* One seat, by kith guardian erase. */
static void one_erased(struct look *l)
{
    ward_says(l, 3, NOW - DAY, NOW - DAY - HOUR);
    at(l, 3)->end_due = NOW - DAY - HOUR;
}

static void one_erased_and_away(struct look *l)
{
    one_erased(l);
    falls_silent(l, 3);
}

/* The node's clock is ahead of this one. */
static void one_erased_too_early(struct look *l)
{
    ward_says(l, 3, NOW + HOUR + 60, NOW + HOUR);
}

/* It says no day and no epoch: so does one that erased all. */
static void one_erased_and_half_asked(struct look *l)
{
    const struct rep_epoch_state says = { 0 };
    one_erased(l);
    look_take_epochs(l, 3, &says);
    falls_silent(l, 3);
}

/* Another device had it erased. */
static void one_erased_elsewhere_and_away(struct look *l)
{
    one_erased_and_away(l);
    at(l, 3)->end_due = 0;
}

/* The day another device named has come, and nobody knows. */
static void one_silent_since_a_day_named_elsewhere(struct look *l)
{
    ends_at(l, 3, NOW - DAY);
    falls_silent(l, 3);
}

/* It erased all, or did not: nobody hears of it. */
static void one_silent_since_its_day(struct look *l)
{
    away(l, 3, 2);
    at(l, 3)->end_due = NOW - DAY;
}

/* What one signed it erased it has no more, away or not. */
static void one_signed_and_away(struct look *l)
{
    away(l, 3, 2);
    at(l, 3)->end_due = NOW - 2 * DAY;
    at(l, 3)->ended = NOW - DAY;
}

static void all_erased(struct look *l)
{
    l->day->me.end_wanted = NOW - 15 * DAY;
    for (size_t i = 0; i < N; i++) {
        ward_says(l, i, NOW - DAY, NOW - DAY - HOUR);
        at(l, i)->end_due = NOW - DAY - HOUR;
    }
}

static void all_erased_and_signed(struct look *l)
{
    all_erased(l);
    for (size_t i = 0; i < N; i++)
        at(l, i)->ended = NOW - DAY;
}

static void all_erased_and_one_silent(struct look *l)
{
    all_erased(l);
    ward_says(l, 3, 0, 0);
    away(l, 3, 2);
}

static void all_silent_since_their_day(struct look *l)
{
    all_erased(l);
    for (size_t i = 0; i < N; i++) {
        ward_says(l, i, 0, 0);
        away(l, i, 2);
    }
}

/* The others do so later. */
static void three_erased(struct look *l)
{
    all_erased(l);
    for (size_t i = 3; i < N; i++) {
        ends_at(l, i, NOW + DAY);
    }
}

static void change(struct look *l, enum change_step step);

/* Others are asked for another circle; who signed that all is erased has no place in it.
 */
static void others(struct look *l, size_t n)
{
    all_erased_and_signed(l);
    for (size_t i = 0; i < n; i++) {
        struct day_guardian *g = at(l, l->day->n_guardians++);
        guardian_fill(g, i);
        g->name = bytes_text("Gil");
        g->epoch = 0;
        g->n_proof = 0;
    }
}

static void one_other(struct look *l)
{
    others(l, 1);
}

static void one_other_invited(struct look *l)
{
    others(l, 1);
    at(l, N)->progress = GUARDIAN_NEW;
}

static void three_others(struct look *l)
{
    others(l, 3);
}

static void three_others_and_one_dead(struct look *l)
{
    others(l, 3);
    at(l, 0)->ended = 0;
    ward_says(l, 0, 0, 0);
    away(l, 0, 40);
}

static void three_others_planned(struct look *l)
{
    others(l, 3);
    change(l, CHANGE_PLANNED);
}

static void three_others_sealing(struct look *l)
{
    others(l, 3);
    change(l, CHANGE_SEALING);
}

static void three_erased_by_nobody_here(struct look *l)
{
    three_erased(l);
    l->day->me.end_wanted = 0;
    for (size_t i = 0; i < N; i++)
        at(l, i)->end_due = 0;
}

static void ended_by_nobody_here(struct look *l)
{
    all_erased(l);
    l->day->me.end_wanted = 0;
    for (size_t i = 0; i < N; i++)
        at(l, i)->end_due = 0;
}

/* A former guardian's node, which nobody can order from here. */
static void former_keeps(struct look *l)
{
    struct day_guardian *g = &l->day->formers[l->day->n_formers++];
    change(l, CHANGE_LEFT);
    l->day->n_past = 1;
    *g = (struct day_guardian){ .name = bytes_text("Gil"),
                                .kind = PIECE_NODE,
                                .epoch = 1 };
}

static void card_left(struct look *l)
{
    struct day_guardian *g = &l->day->formers[l->day->n_formers++];
    former_keeps(l);
    *g = (struct day_guardian){ .name = bytes_text("Kim"),
                                .kind = PIECE_CARD,
                                .epoch = 1 };
}

static void alone(struct look *l)
{
    l->alone = true;
    l->moving = true;
    l->move.phase = MOVE_LATE;
}

static void alone_and_closed(struct look *l)
{
    l->alone = true;
}

static void end_begun(struct look *l)
{
    l->day->me.end_wanted = NOW - DAY;
}

static void end_begun_and_unsaved(struct look *l)
{
    end_begun(l);
    vault_unsaved(l);
}

/* What the i-th node asks its guardian about; own: it is this home's question. */
static void asks_to_end(struct look *l, size_t i, bool own)
{
    struct seen_request *r = &l->requests[l->n_requests++];
    r->g = at(l, i);
    r->line = (struct request_line){ .kind = REQUEST_CONFIRM,
                                     .purpose = PURPOSE_END,
                                     .state = STATE_LIVE };
    memset(r->line.request, 0x51, ID_BYTES);
    l->nodes[i].answered = true;
    at(l, i)->ask_purpose = own ? PURPOSE_END : 0;
    at(l, i)->request_state = own ? STATE_LIVE : 0;
    memset(at(l, i)->request, own ? 0x51 : 0, ID_BYTES);
}

/* Their own word is enough at their own node. */
static void one_said_yes(struct look *l)
{
    end_begun(l);
    at(l, 1)->end_said = bytes_text("signed");
    at(l, 1)->end_due = NOW + 13 * DAY;
    ward_says(l, 1, 0, NOW + 13 * DAY);
}

static void end_asked_elsewhere(struct look *l)
{
    asks_to_end(l, 2, false);
}

static void end_asked_elsewhere_too(struct look *l)
{
    end_begun(l);
    asks_to_end(l, 1, true);
    asks_to_end(l, 2, true);
    l->requests[1].line.request[0] ^= 1;
}

static void end_asked_here(struct look *l)
{
    end_begun(l);
    asks_to_end(l, 2, true);
    at(l, 2)->view = bytes_text("signed");
}

static void seat_asked(struct look *l)
{
    asks_to_end(l, 2, true);
    at(l, 2)->view = bytes_text("signed");
}

static void end_not_heard(struct look *l)
{
    asks_to_end(l, 2, true);
    away(l, 2, 0);
    l->nodes[2].answered = false;
    l->n_requests = 0;
}

static void end_not_heard_and_shown(struct look *l)
{
    asks_to_end(l, 2, true);
}

static void end_not_heard_and_over(struct look *l)
{
    asks_to_end(l, 2, true);
    l->n_requests = 0;
}

static void end_refused(struct look *l)
{
    asks_to_end(l, 2, false);
    l->requests[0].line.state = STATE_REFUSED;
}

static void newer(struct look *l)
{
    l->nodes[3].answered = true;
    l->nodes[3].newer = 2;
}

static void newer_and_away(struct look *l)
{
    newer(l);
    look_judge(l);
    l->nodes[3] = (struct node_look){ 0 };
    falls_silent(l, 3);
}

/* What it said while this home asked for a new root was of that one. */
static void moves_and_away_after_it(struct look *l)
{
    moves(l);
    look_judge(l);
    l->moving = false;
    l->nodes[3] = (struct node_look){ 0 };
    falls_silent(l, 3);
}

static void change(struct look *l, enum change_step step)
{
    l->change = (struct change_stand){
        .step = step, .epoch = 2, .missing = 2, .possible = true, .due = NOW + 9 * DAY
    };
}

static void change_calls(struct look *l)
{
    change(l, CHANGE_CALLS);
    l->change.call[2] = l->change.call[4] = true;
}

static void change_seals(struct look *l)
{
    change(l, CHANGE_SEALING);
}

static void change_stores(struct look *l)
{
    change(l, CHANGE_STORING);
}

static void change_tells(struct look *l)
{
    change(l, CHANGE_NODES);
}

static void change_waits(struct look *l)
{
    change(l, CHANGE_WAITS);
}

static void change_left(struct look *l)
{
    change(l, CHANGE_LEFT);
}

static void change_planned(struct look *l)
{
    change(l, CHANGE_PLANNED);
}

static void nobody_said_yet(struct look *l)
{
    older_check(l);
    for (size_t i = 0; i < N; i++)
        at(l, i)->said_epoch = 0;
    change_calls(l);
}

static void cards(struct look *l, size_t n, bool read)
{
    for (size_t i = N - n; i < N; i++) {
        at(l, i)->kind = PIECE_CARD;
        at(l, i)->n_node = at(l, i)->n_proof = 0;
        at(l, i)->epoch = read ? 1 : 0;
        at(l, i)->confirmed = read ? NOW - 50 * DAY : 0;
        l->states[i] = circle_card_state(l->day, at(l, i));
    }
}

static void two_cards(struct look *l)
{
    cards(l, 2, true);
}

static void card_unread(struct look *l)
{
    cards(l, 1, false);
}

static void change_waits_for_cards(struct look *l)
{
    change_calls(l);
    cards(l, 3, false);
}

static void cards_and_silence(struct look *l)
{
    cards(l, 2, true);
    for (size_t i = 0; i < 3; i++)
        away(l, i, 0);
}

static void a_group_short(struct look *l)
{
    struct day_me *me = &l->day->me;
    me->group_threshold = 2;
    me->n_groups = 2;
    me->groups[0] = (struct manifest_group){ .t = 2, .n = 3 };
    me->groups[1] = (struct manifest_group){ .t = 2, .n = 2 };
    for (size_t i = 3; i < N; i++)
        at(l, i)->group = 1;
    l->states[4] = HOLDS_MISSING;
}

static void one_machine(struct look *l)
{
    for (size_t i = 0; i < 3; i++)
        memset(at(l, i)->node[0].node_key, 0x77, PUB_BYTES);
}

static void three_unlocked(struct look *l)
{
    for (size_t i = 0; i < 3; i++)
        at(l, i)->unlocked = 1;
}

static void short_hold(struct look *l)
{
    l->day->me.hold = 4 * HOUR;
}

/* ---- without a circle ---- */

static void empty(struct look *l)
{
    *l->day = (struct day){ 0 };
}

static void root_only(struct look *l)
{
    empty(l);
    memset(l->day->me.owner, 7, PUB_BYTES);
}

static void unsealed(struct look *l, size_t n)
{
    root_only(l);
    l->day->n_guardians = n;
    for (size_t i = 0; i < n; i++)
        guardian_fill(at(l, i), i);
}

static void unplanned(struct look *l)
{
    unsealed(l, 4);
}

static void invited(struct look *l)
{
    unsealed(l, 4);
    at(l, 1)->progress = GUARDIAN_NEW;
}

static void planned(struct look *l)
{
    unsealed(l, 4);
    l->day->me.planned = 1;
    l->day->me.group_threshold = 1;
    l->day->me.n_groups = 1;
    l->day->me.groups[0] = (struct manifest_group){ .t = 3, .n = 4 };
}

static void first_seal_runs(struct look *l)
{
    planned(l);
    l->has_journal = true;
}

static void restoring(struct look *l)
{
    empty(l);
    l->has_restore = true;
}

static void only_guards(struct look *l)
{
    empty(l);
    l->day->n_seats = 1;
    l->day->me.guard_tested = NOW;
    l->day->me.watched = NOW;
}

/* ---- the table ---- */

/* The root is back, and its restore was cut off before any node knew this machine. */
static void cut_off(struct look *l)
{
    l->cut = true;
    for (size_t i = 0; i < N; i++)
        away(l, i, 0);
}

/* Taken out of the devices; or another machine's root is the one that counts. */
static void put_out(struct look *l)
{
    for (size_t i = 0; i < N; i++)
        lets_nobody_in(l, i);
}

static void put_out_and_one_away(struct look *l)
{
    const struct call none = { .err = ERR_UNREACHABLE };
    put_out(l);
    l->nodes[4] = (struct node_look){ 0 };
    look_take_call(l, 4, &none);
}

static void put_out_at_four(struct look *l)
{
    const struct rep_epoch_state says = {
        .n_epochs = 1, .epochs = { { .epoch = 1, .state = EPOCH_ACTIVE } }
    };
    put_out(l);
    l->nodes[4] = (struct node_look){ 0 };
    look_take_epochs(l, 4, &says);
    l->states[4] = HOLDS_OK;
    at(l, 4)->gone = 0;
}

static const struct situation {
    const char *what;
    void (*differs)(struct look *l);
    enum exit_code exit;
    const char *sentence;
    const char *next;    /* id of the one step; NULL: none */
    const char *command; /* and its command, "" none; NULL with no step */
} table[] = {
    { "all is well", nothing, 0, YES(2), NULL, NULL },
    { "a restore was cut off", cut_off, 8, CUT_OFF, "restore", "kith restore" },
    { "this machine was put out", put_out, 8, PUT_OUT, "shut-out", "" },
    { "it was, and one node is away", put_out_and_one_away, 8, PUT_OUT, "shut-out", "" },
    { "four know it no more, and one does", put_out_at_four, 8, NO(1), "missing", "" },
    { "one was not spoken with", not_confirmed, 0, YES(1), "confirm",
      "kith guardian confirm Eli" },
    { "three were not spoken with", three_not_confirmed, 3, NONE_TO_SPARE, "confirm",
      "kith guardian confirm Cy" },
    { "one was not spoken with about the change", about_the_change_not, 0, YES(1),
      "confirm", "kith guardian confirm Eli" },
    { "no node can be reached", no_network, 3, NOT_TODAY(0), "network", "kith status" },
    { "after somebody's new root was seen", no_network_and_moved, 3, NOT_TODAY(0),
      "moved", "" },
    { "one can", all_but_one, 3, NOT_TODAY(1), "away", "" },
    { "all break off", all_refuse, 3, NOT_TODAY(0), "away", "" },
    { "a node is away for an hour", away_today, 0, YES(2), NULL, NULL },
    { "for more than a week", away_a_week, 3, YES(2), "away", "" },
    { "for more than a month", away_a_month, 3, YES(1), "away", "" },
    { "one of a group is, of whom both are needed", a_group_lacks_one, 3,
      "You can be restored: yes, but not today. Only 4 of 5 nodes answer now, and 4 are "
      "needed, spread over your groups.",
      "away", "" },
    { "three are away now", three_away_today, 3, NOT_TODAY(2), "away", "" },
    { "three for a month", three_away_a_month, 8, NO(2), "away", "" },
    { "a node knows us no more", missing, 3, YES(1), "missing", "" },
    { "and is away since", missing_and_away, 3, YES(1), "missing", "" },
    { "or broke off the call", missing_and_cut_off, 3, YES(1), "missing", "" },
    { "or knew us no more, and is away", unknown_there_and_away, 3, YES(1), "missing",
      "" },
    { "that was another epoch", missing_before_the_change, 3, YES(2), "check",
      "kith check" },
    { "a guardian gave it up", left, 3, YES(1), "left", "kith guardian add NAME LINK" },
    { "and the node is away since", left_and_away, 3, YES(1), "left",
      "kith guardian add NAME LINK" },
    { "it guards again", left_and_back, 0, YES(2), NULL, NULL },
    { "a guardian lost their keys", reset, 3, YES(1), "reset", "" },
    { "a guardian has new keys", reset_since_opened, 3, YES(1), "reset", "" },
    { "and the node is away since", reset_and_away, 3, YES(1), "reset", "" },
    { "and opened it by the old ones", reset_and_opened, 3, YES(2), "reset", "" },
    { "and is away", reset_and_opened_and_away, 3, YES(2), "reset", "" },
    { "has newer keys since", reset_again, 3, YES(1), "reset", "" },
    { "opened it by a drill after new keys", reset_heard_late, 3, YES(2), "reset", "" },
    { "and has newer ones", reset_again_heard_late, 3, YES(1), "reset", "" },
    { "or opened it by no drill", reset_heard_later, 3, YES(1), "reset", "" },
    { "and has its old keys again", reset_no_more, 0, YES(2), NULL, NULL },
    { "and were asked for a drill before", reset_while_asked, 0, YES(2), NULL, NULL },
    { "three pieces are gone", three_gone, 8, NO(2), "left",
      "kith guardian add NAME LINK" },
    { "one has no piece yet", behind, 3, YES(1), "seal", "kith circle seal --resume" },
    { "a node came out of a backup", loaded, 3, YES(1), "rolled-back",
      "kith alert settle Ben" },
    { "a node keeps things back", withheld, 3, YES(2), "caught",
      "kith alert settle Ben" },
    { "somebody asks for the keys", asked, 3, YES(2), "request", "kith stop all" },
    { "and was stopped", stopped, 3, YES(2), "request", "" },
    { "a confirm is none", confirm_runs, 0, YES(2), NULL, NULL },
    { "nor is what was refused", refused, 0, YES(2), NULL, NULL },
    { "a piece went", let_go, 3, YES(2), "let-go", "kith alert settle Cy" },
    { "and the owner knows of it", let_go_settled, 0, YES(2), NULL, NULL },
    { "the vault is at too few nodes", vault_unsaved, 3, YES(2), "vault",
      "kith vault push" },
    { "and nobody said so yet of a new circle", unsaved_and_not_confirmed, 3,
      NONE_TO_SPARE, "change", "kith guardian confirm Dora" },
    { "items are of before a new root", read_before, 0, YES(2), "secrets",
      "kith secret list" },
    { "a check failed", check_failed, 3, YES(1), "check-failed",
      "kith guardian replace Cy" },
    { "and then it is away", check_failed_and_away, 3, YES(1), "check-failed",
      "kith guardian replace Cy" },
    { "three checks failed", three_checks_failed, 8, NO(2), "check-failed",
      "kith guardian replace Ben" },
    { "a check of the vault failed", vault_check_failed, 3, YES(2), "check-vault",
      "kith vault push" },
    { "the last check is two weeks old", check_due, 0, YES(2), "check", "kith check" },
    { "a month old", unchecked, 3, YES(2), "check", "kith check" },
    { "there never was one", never_checked, 3, YES(2), "check", "kith check" },
    { "the circle is two days old", young, 0, YES(2), NULL, NULL },
    { "the check is of the epoch before", older_check, 3, YES(2), "check", "kith check" },
    { "a drill is due", drill_due_now, 0, YES(2), "drill", "kith drill Dora" },
    { "since a month", drill_forgotten, 3, YES(2), "drill", "kith drill Dora" },
    { "the second one", drill_of_90_days, 0, YES(2), "drill", "kith drill Dora" },
    { "the yearly one", drill_of_a_year, 0, YES(2), "drill", "kith drill Dora" },
    { "a drill waits", drill_waits, 0, YES(2), "drill", "kith drill Dora" },
    { "for three weeks", drill_unanswered, 3, YES(2), "drill", "kith drill Dora" },
    { "a drill failed", drill_failed, 3, YES(2), "drill", "kith guardian replace Dora" },
    { "a call comes before a drill", not_confirmed_and_drill, 0, YES(1), "confirm",
      "kith guardian confirm Eli" },
    { "no alert was ever answered", untested, 3, YES(2), "alert-test",
      "kith alert test" },
    { "nothing watches", unwatched, 3, YES(2), "alert-watch", "kith alert timer on" },
    { "the program that tells fails", handler_fails, 3, YES(2), "alert-watch",
      "kith alert watch --once" },
    { "the timer is slow for the hold", short_hold, 0, YES(2), "alert-timer",
      "kith alert timer on" },
    { "a node's clock waits", clock_waits, 3, YES(2), "clock", "" },
    { "and it is away since", clock_waits_and_away, 3, YES(2), "clock", "" },
    { "and was confirmed", clock_waited, 0, YES(2), NULL, NULL },
    { "a guardian froze changes", frozen, 3, YES(2), "frozen", "kith root replace" },
    { "and the node is away since", frozen_and_away, 3, YES(2), "frozen",
      "kith root replace" },
    { "and took it back", frozen_and_taken_back, 0, YES(2), NULL, NULL },
    { "or its time was over", thawed_and_away, 0, YES(2), NULL, NULL },
    { "that is over", thawed, 0, YES(2), NULL, NULL },
    { "a guardian is on holiday", paused, 0, YES(2), NULL, NULL },
    { "somebody else's new root", moved, 3, YES(2), "moved", "" },
    { "and the node falls silent", moved_and_away, 3, YES(2), "moved", "" },
    { "or lets nobody in", moved_and_refused, 3, YES(1), "moved", "" },
    { "past its day", moved_and_away_past_its_day, 3, YES(2), "moved", "" },
    { "it was refused there since", moved_and_away_and_back, 0, YES(2), NULL, NULL },
    { "one's own is no news later", moves_and_away_after_it, 0, YES(2), NULL, NULL },
    { "one's own new root", moves, 3, YES(2), "move", "kith root replace --resume" },
    { "one asks for a new root", asks_itself, 3, YES(2), "move",
      "kith root replace --resume" },
    { "and it was stopped", asks_and_is_stopped, 3, YES(2), "move",
      "kith root replace --resume" },
    { "and so does somebody else", asks_beside_a_thief, 3, YES(2), "request",
      "kith stop all" },
    { "and a silent node lags", asks_itself_still, 3, YES(2), "move",
      "kith root replace --resume" },
    { "somebody asks for another later", asks_after_it, 3, YES(2), "request",
      "kith stop all" },
    { "all nodes wait with one's own", all_wait, 3, YES(2), "move",
      "kith root replace --resume" },
    { "one has taken it", one_took_it, 3, YES(2), "move", "kith root replace --resume" },
    { "two have", two_took_it, 3, YES(2), "move", "kith root replace --resume" },
    { "enough have, and this home has not", three_took_it, 8, ALONE, "alone",
      "kith root replace --resume" },
    { "one refuses before its day", one_refuses_too_early, 3, YES(1), "move",
      "kith root replace --resume" },
    { "one refuses that was not told", one_refuses_untold, 3, YES(1), "move",
      "kith root replace --resume" },
    { "nothing is left of that", one_took_it_and_all_is_over, 0, YES(2), NULL, NULL },
    { "a node lags behind the new root", one_lags, 3, YES(2), "move",
      "kith root replace --resume" },
    { "and one that had it knows it no more", one_forgot, 3, YES(1), "move",
      "kith root replace --resume" },
    { "one node erases all", ends, 3, YES(2), "ends", "kith circle end --cancel" },
    { "and is away since", ends_and_away, 3, YES(2), "ends", "kith circle end --cancel" },
    { "the circle ends", three_end, 3,
      "You can be restored: only until Mon 25 Jan 2027, 08:00. Your circle ends then.",
      "ends", "kith circle end --cancel" },
    { "and its day has come", three_end_now, 3, MOMENTS, "ends",
      "kith circle end --cancel" },
    { "for one node", three_end_one_now, 3, FOR_NOW, "ends", "kith circle end --cancel" },
    { "and a yes holds it up", three_end_now_held, 3, FOR_NOW, "request",
      "kith stop all" },
    { "or one elsewhere does not", three_end_now_held_elsewhere, 3, MOMENTS, "request",
      "kith stop all" },
    { "or a clock", three_end_now_by_a_clock_that_waits, 3, FOR_NOW, "ends",
      "kith circle end --cancel" },
    { "or a new root", three_end_now_for_a_new_root, 3, FOR_NOW, "moved", "" },
    { "or a freeze", three_end_now_frozen, 3,
      "You can be restored: only until Thu 4 Feb 2027, 08:00. Your circle ends then.",
      "ends", "kith circle end --cancel" },
    { "one node's day has come, and its clock waits", one_ends_now_held, 3, YES(2),
      "ends", "kith circle end --cancel" },
    { "one of a group erases all", a_group_ends, 3,
      "You can be restored: only until Mon 25 Jan 2027, 08:00. Your circle ends then.",
      "ends", "kith circle end --cancel" },
    { "three are gone, and one more goes", three_gone_and_one_ends, 8, NO(2), "ends",
      "kith circle end --cancel" },
    { "and two more", three_gone_and_two_end, 8, NO(2), "ends",
      "kith circle end --cancel" },
    { "nobody answers any more", three_end_and_are_silent, 3,
      "You can be restored: only until Mon 25 Jan 2027, 08:00. Your circle ends then.",
      "ends", "kith circle end --cancel" },
    { "another device took it back", taken_back_elsewhere, 3, NOT_TODAY(2), "away", "" },
    { "one node erased all", one_erased, 3, YES(1), "over", "kith guardian replace Eli" },
    { "and is away since", one_erased_and_away, 3, YES(1), "over",
      "kith guardian replace Eli" },
    { "a node erased all, and its clock is ahead", one_erased_too_early, 3, YES(1),
      "over", "kith guardian replace Eli" },
    { "after half an answer", one_erased_and_half_asked, 3, YES(1), "over",
      "kith guardian replace Eli" },
    { "another device had it erased", one_erased_elsewhere_and_away, 3, YES(1), "over",
      "kith guardian replace Eli" },
    { "that device named a day, and it has come", one_silent_since_a_day_named_elsewhere,
      3, YES(1), "over", "kith guardian replace Eli" },
    { "or is silent since that day", one_silent_since_its_day, 3, YES(1), "over",
      "kith guardian erase Eli" },
    { "or signed it, and is away", one_signed_and_away, 3, YES(1), "over",
      "kith guardian replace Eli" },
    { "three did, and two will", three_erased, 8, NO(2), "ends", "kith circle end" },
    { "and nobody here ordered that", three_erased_by_nobody_here, 8, NO(2), "ends",
      "kith circle end --cancel" },
    { "all erased it", all_erased, 8, ENDED, "ended", "kith circle end" },
    { "and signed that", all_erased_and_signed, 8, ENDED, NULL, NULL },
    { "another circle begins", one_other, 8, ENDED, "add",
      "kith guardian add NAME LINK" },
    { "its first node has not answered", one_other_invited, 8, ENDED, "add",
      "kith guardian add Gil" },
    { "it has three guardians", three_others, 8, ENDED, "plan", "kith circle plan -k 2" },
    { "and one is dead before it signed", three_others_and_one_dead, 8, ENDED, "plan",
      "kith circle plan -k 2" },
    { "it is planned", three_others_planned, 8, ENDED, "change", "kith circle seal" },
    { "it is being sealed", three_others_sealing, 8, ENDED, "change",
      "kith circle seal --resume" },
    { "one is silent", all_erased_and_one_silent, 8, ENDED, "ended", "kith circle end" },
    { "all are silent since that day", all_silent_since_their_day, 8,
      "You can be restored: no. Your circle was to end on Thu 14 Jan 2027, 07:00, and no "
      "node says whether it did.",
      "ended", "kith circle end" },
    { "nobody asked for that here", ended_by_nobody_here, 8, ENDED, "ended", "" },
    { "a former guardian's node keeps a piece", former_keeps, 0, YES(2), "former", "" },
    { "an old card is left", card_left, 0, YES(2), "torn", "kith card torn \"Kim\"" },
    { "the new root is in this home alone", alone, 8, ALONE, "alone",
      "kith root replace --resume" },
    { "and its MOVE is over", alone_and_closed, 8, ALONE, "alone",
      "kith circle seal --resume" },
    { "an end waits for words", end_begun, 0, YES(2), "end", "kith circle end" },
    { "and the vault is not saved", end_begun_and_unsaved, 3, YES(2), "end",
      "kith circle end" },
    { "its guardians are asked", end_asked_here, 0, YES(2), "end", "kith circle end" },
    { "one of them said yes", one_said_yes, 3, YES(2), "end", "kith circle end" },
    { "one seat's own is asked", seat_asked, 0, YES(2), "end",
      "kith guardian erase Dora" },
    { "taken back, and one did not hear it", end_not_heard, 0, YES(2), "end",
      "kith circle end --cancel" },
    { "and still shows it", end_not_heard_and_shown, 0, YES(2), "end",
      "kith circle end --cancel" },
    { "and shows none any more", end_not_heard_and_over, 0, YES(2), NULL, NULL },
    { "an end is asked for elsewhere", end_asked_elsewhere, 3, YES(2), "end-asked",
      "kith circle end --cancel" },
    { "and another one here", end_asked_elsewhere_too, 3, YES(2), "end-asked",
      "kith circle end --cancel" },
    { "and that was refused", end_refused, 0, YES(2), NULL, NULL },
    { "another device changed the circle", newer, 3, YES(2), "newer", "" },
    { "and that node falls silent", newer_and_away, 3, YES(2), "newer", "" },
    { "people are to be called", change_calls, 3, YES(2), "change",
      "kith guardian confirm Dora" },
    { "and nobody was yet", nobody_said_yet, 3, NONE_TO_SPARE, "change",
      "kith guardian confirm Dora" },
    { "a change is being sealed", change_seals, 3, YES(2), "change",
      "kith circle seal --resume" },
    { "too few have stored it", change_stores, 3, YES(2), "change",
      "kith circle seal --resume" },
    { "nodes are to be told", change_tells, 3, YES(2), "change",
      "kith circle seal --resume" },
    { "old pieces wait for their time", change_waits, 0, YES(2), NULL, NULL },
    { "old pieces nobody can reach", change_left, 0, YES(2), NULL, NULL },
    { "a change is planned", change_planned, 0, YES(2), "change", "kith circle seal" },
    { "two cards", two_cards, 0, YES(2), NULL, NULL },
    { "a card was not read back", card_unread, 3, YES(1), "card", "kith card print Fay" },
    { "a new circle whose cards were not read back", change_waits_for_cards, 8,
      "You can be restored: by the old pieces only. Only 2 of 5 new ones are where they "
      "should be, and 3 are needed.",
      "card", "kith card print Dora" },
    { "cards and silent nodes", cards_and_silence, 3,
      "You can be restored: yes, but not today. Only 0 nodes answer now, beside 2 "
      "cards; 3 pieces are needed, one at least at a node.",
      "away", "" },
    { "one group is short", a_group_short, 8,
      "You can be restored: no. Only 4 of 5 pieces are where they should be, and 4 are "
      "needed, spread over your groups.",
      "missing", "" },
    { "three at one machine", one_machine, 0, YES(2), NULL, NULL },
    { "no passphrase locks three's keys", three_unlocked, 0, YES(2), NULL, NULL },
    { "an empty home", empty, 10, "", "init", "kith init --name NAME" },
    { "a root alone", root_only, 10, NO_CIRCLE, "add", "kith guardian add NAME LINK" },
    { "guardians without a plan", unplanned, 10, NO_CIRCLE, "plan",
      "kith circle plan -k 3" },
    { "one has not answered", invited, 10, NO_CIRCLE, "add", "kith guardian add Cy" },
    { "a plan", planned, 10, NO_CIRCLE, "seal", "kith circle seal" },
    { "the first seal is not done", first_seal_runs, 10, NO_CIRCLE, "seal",
      "kith circle seal --resume" },
    { "a restore is going on", restoring, 10, "", "restore", "kith restore" },
    { "a guardian of others only", only_guards, 10, "", "guard", "kith guard" },
};

enum { SITUATIONS = sizeof table / sizeof table[0] };

static struct look *look_of(const struct situation *s)
{
    struct look *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->day = calloc(1, sizeof *l->day);
    assert_non_null(l->day);
    well(l);
    s->differs(l);
    l->care = alert_care(l->day, ALERT_OWNER, NOW);
    look_judge(l);
    return l;
}

static void judge(const struct situation *s)
{
    AUTO_LOOK struct look *l = look_of(s);
    char sentence[TERM_TEXT];
    look_sentence(l, sentence);
    if (strcmp(sentence, s->sentence) != 0)
        fail_msg("%s: \"%s\"", s->what, sentence);
    if (look_exit(l) != s->exit)
        fail_msg("%s: exit %d, not %d", s->what, look_exit(l), s->exit);
    const char *id = l->n_next > 0 ? l->next[0].id : NULL;
    if ((id == NULL) != (s->next == NULL) || (id != NULL && strcmp(id, s->next) != 0))
        fail_msg("%s: the step is %s", s->what, id == NULL ? "none" : id);
    if (id != NULL && strcmp(l->next[0].command, s->command) != 0)
        fail_msg("%s: the command is \"%s\"", s->what, l->next[0].command);
}

/* How often text has "kith ", as one line. */
static unsigned commands_in(const char *text)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, "kith")) != NULL; p++)
        n += p[4] == ' ' || p[4] == '\n';
    return n;
}

/* Of these, what is not for a guardian to type. */
static unsigned own_commands_in(const char *text)
{
    unsigned n = commands_in(text);
    for (const char *p = text; (p = strstr(p, "kith guard ")) != NULL; p++)
        n--;
    return n;
}

/* The screen; heap. */
static char *screen_of(const struct look *l, unsigned width)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    struct term t = { .out = f, .say = f, .in = -1, .width = width };
    struct ctx ctx = { .term = &t };
    look_show(&ctx, l);
    assert_int_equal(fclose(f), 0);
    return text;
}

/* One step: beside what it says there is no command on the screen. */
static void judge_screen(const struct situation *s)
{
    AUTO_LOOK struct look *l = look_of(s);
    AUTO_FREE char *text = screen_of(l, 90);
    for (size_t i = 0; l->day->n_seats == 0 && i < l->n_next; i++)
        if (own_commands_in(l->next[i].text) + own_commands_in(l->next[i].command) > 1)
            fail_msg("%s: more than one command: %s %s", s->what, l->next[i].text,
                     l->next[i].command);
    bool begins = l->n_next > 0 && strcmp(l->next[0].id, "init") == 0;
    unsigned want = 0;
    for (size_t i = 0; i < l->n_next && (i == 0 || begins); i++)
        want += commands_in(l->next[i].text) + commands_in(l->next[i].command);
    if (commands_in(text) != want)
        fail_msg("%s: %u commands, not %u:\n%s", s->what, commands_in(text), want, text);
}

static void test_one_step_on_the_screen(void **state)
{
    (void)state;
    for (size_t i = 0; i < SITUATIONS; i++)
        judge_screen(&table[i]);
}

/* What is true in one situation and not in its neighbour. */
static void test_what_is_said(void **state)
{
    static const struct {
        void (*differs)(struct look *l);
        const char *has, *lacks;
    } rows[] = {
        { three_end_now, "Your circle ends at any moment", "node by node" },
        { three_end_now_held, "only for now", "any moment" },
        { three_end_one_now, "Your circle ends from now on, node by node", "any moment" },
        { three_end_now_frozen, "Dora froze changes by your keys", "any moment" },
        { one_ends_now_held, "erases all that it keeps of you once nothing holds it up",
          "any moment" },
        { three_gone_and_one_ends, "and you cannot be restored as it is",
          "Your circle ends" },
        { three_gone_and_two_end, "You cannot be restored as it is, and 2 nodes erase",
          "Your circle ends" },
        { three_end, "Nobody asked for that in this home", "kith root replace" },
        { end_begun, "nobody has said yes to that yet. With --cancel", "erased" },
        { one_said_yes,
          "1 of your guardians said yes so far; the first piece is erased "
          "in 13 days. With --cancel",
          "nobody has said yes" },
        { three_erased, "3 nodes erased what was kept", "Nobody asked" },
        { three_erased_by_nobody_here, "To keep what is left", "To see how it stands" },
        { one_erased, "by your order", "not ordered in this home" },
        { one_erased_elsewhere_and_away, "and that was not ordered in this home",
          "by your order" },
        { one_silent_since_a_day_named_elsewhere, "call your guardians",
          "by your order" },
        { not_confirmed, "spoken with Eli yet", "new circle" },
        { about_the_change_not, "spoken with Eli about your new circle yet", "Call Cy" },
        { one_silent_since_its_day, "To see whether it did", "call your guardians" },
        { not_confirmed, "Pieces: 5 of 5 stored, 4 confirmed", "silent now" },
        { away_today, "5 of 5 stored (1 silent now, last heard of 60 minutes ago), 5",
          "5 stored, " },
        { away_a_month, "Pieces: 4 of 5 stored, 4 confirmed", "silent now" },
        { three_away_today, "5 of 5 stored (3 silent now, last heard of", "5 stored, " },
        { one_took_it, "Eli's node has taken your new root key", "Last seen" },
        { one_took_it, "1 of 5 nodes have it", "0 of 5" },
        { one_took_it, "Pieces: 5 of 5 stored", "did not let us in" },
        { all_wait, "0 of 5 nodes have it, the last of them takes it in 3 days",
          "To go on" },
        { one_lags, "Eli's node takes your new root key in 2 days", "said no" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct situation s = { .differs = rows[i].differs };
        AUTO_LOOK struct look *l = look_of(&s);
        AUTO_FREE char *text = screen_of(l, 4000);
        if (strstr(text, rows[i].has) == NULL || strstr(text, rows[i].lacks) != NULL)
            fail_msg("%zu: \"%s\" and not \"%s\":\n%s", i, rows[i].has, rows[i].lacks,
                     text);
    }
}

static void test_each_situation(void **state)
{
    (void)state;
    assert_true(SITUATIONS >= 40);
    for (size_t i = 0; i < SITUATIONS; i++)
        judge(&table[i]);
    print_message("%d situations\n", (int)SITUATIONS);
}

/* Whatever is added to a situation that is not fine never makes it so. */
static void test_nothing_makes_it_greener(void **state)
{
    (void)state;
    for (size_t i = 0; i < SITUATIONS; i++) {
        AUTO_LOOK struct look *l = look_of(&table[i]);
        if (look_exit(l) != EXIT_DEGRADED)
            continue;
        struct look *both = l;
        untested(both);
        both->care = alert_care(both->day, ALERT_OWNER, NOW);
        look_judge(both);
        assert_int_not_equal(look_exit(both), EXIT_FINE);
    }
}

/* The words that ordered the end count no more once it was taken back. */
static void test_taken_back_elsewhere_it_takes_new_words(void **state)
{
    (void)state;
    const struct situation s = { .differs = taken_back_elsewhere };
    AUTO_LOOK struct look *l = look_of(&s);
    assert_int_equal(at(l, 2)->end_due, 0);
    assert_int_equal(at(l, 2)->end_said.n, 0);
    /* Not planned there yet, or over: nothing was taken back. */
    const struct rep_epoch_state says = { .n_epochs = 1 };
    at(l, 3)->end_said = bytes_text("yes");
    look_take_epochs(l, 3, &says);
    assert_int_equal(at(l, 3)->end_said.n, 3);
    at(l, 3)->end_due = at(l, 3)->ended = NOW;
    look_take_epochs(l, 3, &says);
    assert_int_equal(at(l, 3)->end_due, NOW);
}

/* What is counted as proven. */
static void test_the_proofs_are_counted(void **state)
{
    static const struct {
        void (*differs)(struct look *l);
        unsigned openable, checked;
    } rows[] = {
        { nothing, 5, 5 },
        { drill_failed, 4, 5 },
        { reset_since_opened, 4, 5 },
        { reset_and_opened, 5, 5 },
        { check_failed, 4, 4 },
        { young, 0, 0 },
        { older_check, 5, 0 },
        { two_cards, 5, 3 },
        { three_checks_failed, 2, 2 },
        { unchecked, 5, 0 },
        { drill_due_now, 4, 5 },
        { vault_check_failed, 5, 4 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct situation s = { .differs = rows[i].differs };
        AUTO_LOOK struct look *l = look_of(&s);
        assert_int_equal(l->proofs.openable, rows[i].openable);
        assert_int_equal(l->proofs.checked, rows[i].checked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_situation),
        cmocka_unit_test(test_one_step_on_the_screen),
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_nothing_makes_it_greener),
        cmocka_unit_test(test_taken_back_elsewhere_it_takes_new_words),
        cmocka_unit_test(test_the_proofs_are_counted),
    };

    (void)setenv("TZ", "UTC", 1);
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests_name("status_table", tests, NULL, NULL);
    secret_end();
    return failed;
}
