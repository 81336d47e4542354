/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can happen in a history, one row a kind of step, and how a history goes: some
 * dozens of steps by the seed, then a good ending, in which lines and clocks are right
 * again, guardians answer at once, a thief does what a thief can, and the owner must
 * come back.
 */
#ifndef KITH_TESTS_SIM_STEPS_H
#define KITH_TESTS_SIM_STEPS_H

#include "tests/sim/oracle.h"

/* One kind of step. act returns false if there was nothing to do it with. */
struct step {
    const char *name;
    unsigned weight;
    bool (*act)(struct people *p);
};

extern const struct step steps[];
extern const size_t step_count;

/* How often each kind of step happened, over all histories. */
extern uint64_t step_done[];

/* One history; p->w.broken names the promise that did not hold, or is NULL. */
void history_play(struct people *p, uint64_t seed);
/*
 * One case of the table: an owner's request with that hold, stops by a thief at the
 * moments of the pattern. p->w.broken as above.
 */
void history_stops(struct people *p, uint64_t seed, uint32_t hold, unsigned pattern);

/* In step_thief.c. */
bool step_stop_device(struct people *p);
bool step_stop_account(struct people *p);
bool step_thief_epoch(struct people *p);
bool step_thief_day_box(struct people *p);
bool step_stranger(struct people *p);
bool step_reuse_nonce(struct people *p);
bool step_intro_again(struct people *p);
bool step_swapped_invite(struct people *p);
bool step_replay(struct people *p);

/* In steps_change.c. */
bool step_people_confirm(struct people *p);
bool step_owner_retires(struct people *p);
bool step_thief_retires(struct people *p);
bool step_thief_ends(struct people *p);

/* In steps_move.c. */
bool step_people_move(struct people *p);
bool step_guardian_refuses_root(struct people *p);
bool step_thief_says(struct people *p);

/* In steps_abort.c. */
bool step_owner_takes_back(struct people *p);

/* In steps_device.c. */
bool step_owner_swaps_device(struct people *p);
bool step_thief_helper(struct people *p);
bool step_owner_shuts_out(struct people *p);

/* In steps_reset.c. */
bool step_guardian_forgets(struct people *p);

/* In steps_proof.c. */
bool step_disk_rots(struct people *p);
bool step_owner_checks(struct people *p);
bool step_owner_drills(struct people *p);

/* In steps_vault.c. */
bool step_owner_pushes(struct people *p);
bool step_thief_pushes(struct people *p);

/* In steps_watch.c. */
bool step_owner_looks(struct people *p);
bool step_copy_store(struct people *p);
bool step_put_back(struct people *p);

/* In steps_ask.c: shared by the steps and the ending. */
struct ask *pick_ask(struct people *p,
                     bool (*fits)(const struct people *p, const struct ask *a));
bool is_open_ask(const struct people *p, const struct ask *a);
/* A new request of a restore, opened and shown; NULL if the node did not. */
struct ask *ask_at(struct people *p, size_t restore, size_t seat, enum way_in way,
                   size_t intro);
void sit_down(struct people *p, struct ask *a, const uint16_t typed[WORDS_CALL],
              bool despite);
void fetch_it(struct people *p, struct ask *a);
/* until: in the node's time; 0: back. */
void set_pause(struct people *p, size_t seat, uint64_t until);
/* The node's clock: set right, and confirmed by a guardian where it asks for that. */
void make_right(struct people *p, size_t house);
/* Whether the owner may change the circle now, by which root that is due; and where. */
bool owner_deals(struct people *p);
/* The next epoch, wherever that root is the owner's. */
bool owner_brings(struct people *p);
bool owner_deals_at(const struct people *p, size_t seat);
void stop_it(struct people *p, struct ask *a, bool account);

#endif
