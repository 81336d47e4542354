/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may happen and what must not: a small model of requests and wards, written from
 * what Kith promises and not from its code, in true time. It is told what people were
 * answered, and looks at every node after every step. Each promise is a name; a history
 * in which one does not hold is reported with it.
 */
#ifndef KITH_TESTS_SIM_ORACLE_H
#define KITH_TESTS_SIM_ORACLE_H

#include "tests/sim/people.h"

/* X(name, "what is promised") */
#define PROMISES(X)                                                                      \
    X(no_release_before_hold, "no piece goes before its hold has run, in true time")     \
    X(no_release_without_yes, "no piece goes without right words and an approval")       \
    X(no_release_against_stop, "no piece goes against a stop")                           \
    X(due_is_released, "what is approved and due goes when it is fetched")               \
    X(alerted_before_approvable, "a live request stands in the alerts, chained")         \
    X(said_done_survives, "what a node said was done is so after every restart")         \
    X(states_as_drawn, "a request's state is what people and time made it")              \
    X(expires_after_it_opens, "no request ends before it could open, and 14 days more")  \
    X(what_is_over_ends, "no request lives for ever")                                    \
    X(stops_can_be_made, "until it goes, a device or the owner can stop it")             \
    X(stops_are_bounded, "a thief's stops delay by at most two stop holds")              \
    X(yes_can_be_taken_back, "a guardian can take an approval back until it goes")       \
    X(yes_is_kept, "an approval is lost to nothing but a stop, a no or its end")         \
    X(guardian_is_heard, "right words and a yes are an approval")                        \
    X(thief_gets_nothing, "a thief has pieces of fooled guardians only, and no root")    \
    X(owner_comes_back, "the owner has the root within hold and two stop holds")         \
    X(bad_pieces_are_named, "whose piece was bad is named, and holds nothing up")        \
    X(links_have_room, "a guardian's link always opens a request")                       \
    X(strangers_learn_nothing, "who has no credential gets nothing but a close")         \
    X(nonce_serves_one_view, "a nonce or sealing key serves one view")                   \
    X(introduction_dies, "an introduction that was refused or stopped opens nothing")    \
    X(swap_shows, "an invite that was swapped never passes for confirmed")               \
    X(thief_changes_nothing, "a day box makes no epoch, credential or approval")         \
    X(freeze_holds, "while frozen, no change by the owner's keys; a restore goes on")    \
    X(away_approves_nothing, "who said to be away approves nothing")                     \
    X(one_op_one_answer, "asked again with its op id, a write has the same answer")      \
    X(replays_do_nothing, "a recorded conversation opens to nobody and does nothing")    \
    X(old_epochs_stay, "no epoch goes but by its people's word, two weeks before")       \
    X(taken_back_is_gone, "ABORT ends what is prepared, and never what is active")       \
    X(removed_is_out, "a machine that the owner shuts out is out at once")               \
    X(proofs_tell, "a check or a drill is green exactly where the piece is")             \
    X(new_keys_count, "a guardian's new keys are told, and the old ones let nobody in")  \
    X(some_epoch_stays, "one epoch of the owner's opens, whichever seat is lost")        \
    X(vault_loses_nothing, "no push destroys what a vault had in the last 30 days")      \
    X(heads_stay, "a head that was acknowledged is the newest until the next")           \
    X(pushes_are_taken, "an owner's push is taken, unless the ward is frozen")           \
    X(back_is_seen, "a node with an older store is caught by its own heads")             \
    X(one_successor, "no node follows a root that its guardians did not speak for")      \
    X(new_root_is_taken, "a root that the guardians spoke for is taken")                 \
    X(new_root_waits, "no new root takes over before the hold has run, in true time")    \
    X(new_root_comes, "then it does, and lets the owner in")                             \
    X(no_to_a_root_stays, "a guardian can refuse a new root that waits, for good")       \
    X(new_root_deals, "the new root's circle is taken, and a restore gives that root")   \
    X(old_keys_are_dead, "old keys change nothing once a new root is spoken for")        \
    X(the_minutes_work_is_done, "a node's minute never fails")

/* How many there are, and the i-th's name and sentence. */
size_t promise_count(void);
const char *promise_name(size_t i);
const char *promise_what(size_t i);

/* ---- what people were answered; called after each of their messages ---- */

void saw_open(struct people *p, struct ask *a, enum err e);
void saw_reveal(struct people *p, struct ask *a, enum err e, uint8_t state);
void saw_sitting(struct people *p, struct ask *a, bool right, bool despite, enum err e,
                 const struct sitting *s);
void saw_refuse(struct people *p, struct ask *a, enum err e);
void saw_unlock(struct people *p, struct ask *a, enum err e);
void saw_cancel(struct people *p, struct ask *a, enum err e);
void saw_fetch(struct people *p, struct ask *a, enum err e, uint8_t state);
/* account: by the root account, else by a device. */
void saw_stop(struct people *p, struct ask *a, bool account, enum err e,
              const struct rep_stop *rep);
/* until: of the reply. */
void saw_freeze(struct people *p, size_t seat, enum err e);
void saw_pause(struct people *p, size_t seat, enum err e, uint64_t until);
/* A change by the root account at a seat was accepted or not. */
void saw_change(struct people *p, size_t seat, enum err e, const char *what);
/* In steps_move.c: people's new root was brought to a seat; a message by the keys from
 * before; the node went back to an older store. */
void saw_move(struct people *p, size_t seat, enum err e);
void saw_old_keys(struct people *p, size_t seat, enum err e, const char *what);
/* An epoch of the owner's was brought to a seat. */
void saw_dealt(struct people *p, const struct made *m, size_t seat, enum err e);
/* What the owner has there is what an older store will know. */
void root_copied(struct people *p, size_t seat);
void root_went_back(struct people *p, size_t seat);
/* A node was put back to an older store: what it forgets is on its hoster. logs:
 * what the heads of its log were before, by seat. */
void saw_put_back(struct people *p, size_t house, const uint64_t logs[SEATS]);

/* When it goes at the earliest, in true time, as it stands; approved or approved now. */
uint64_t model_due(const struct people *p, const struct ask *a);
/* The earliest moment at which it may end by itself; and that it did. */
uint64_t model_may_end(const struct people *p, const struct ask *a);
void model_expired(const struct people *p, struct ask *a);
bool model_is_over(const struct model *m);
/* How many stops of the ward count now. */
unsigned model_stops(const struct people *p, size_t seat);

/* A confirmed epoch of the owner's lies at so many seats, that one among them. */
void saw_held(struct people *p, size_t seat, size_t holders);
/* Its piece does not count any more, and not by its node's fault. */
bool seat_is_lost(const struct people *p, size_t seat);

/* ---- after every step ---- */

void oracle_look(struct people *p);
/* In steps_change.c; parts of it. */
void oracle_look_epochs(struct people *p, size_t seat);
void oracle_look_circle(struct people *p);
/* In steps_move.c; a part of it. */
void oracle_look_root(struct people *p, size_t seat);
/* In steps_vault.c; a part of it. */
void oracle_look_vault(struct people *p, size_t seat);

#endif
