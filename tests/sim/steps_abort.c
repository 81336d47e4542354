/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two devices of the owner's at the same change of circle: one brings it and goes on, the
 * other takes it back, and neither knows what the other did.
 */
#include "tests/sim/steps.h"

enum { ACTS_LEAST = 2, ACTS_MORE = 6 };

/* What a node holds of it, as it was answered. */
enum stage { STAGE_NONE, STAGE_PREPARED, STAGE_ACTIVE };

struct quarrel {
    struct people *p;
    struct made *m;
    enum stage at[SEATS];
};

/* That was not the other device's doing, and says nothing of it. */
static bool is_elsewhere(enum err e)
{
    return e == ERR_UNREACHABLE || e == ERR_FROZEN || e == ERR_MOVED || e == ERR_CLOSED;
}

static void bring(struct quarrel *q, size_t seat)
{
    enum err e = people_seal(q->p, q->m, seat, SEAL_PREPARE);

    world_tell(&q->p->w, "one device prepares epoch %u at %s's node: %s",
               (unsigned)q->m->c.m.epoch, seat_name(seat), err_name(e));
    saw_change(q->p, seat, e, "a PREPARE");
    if (e != OK || q->at[seat] == STAGE_ACTIVE)
        return;
    q->at[seat] = STAGE_PREPARED;
    q->m->taken_back &= ~(1U << seat);
}

static void commit(struct quarrel *q, size_t seat)
{
    enum err e = people_commit(q->p, q->m, seat);

    world_tell(&q->p->w, "it commits that at %s's node: %s", seat_name(seat),
               err_name(e));
    saw_change(q->p, seat, e, "a COMMIT");
    if (e == OK && q->at[seat] == STAGE_NONE)
        world_broken(&q->p->w, "taken_back_is_gone", "%s's node makes it active",
                     seat_name(seat));
    if (e != OK && !is_elsewhere(e) && q->at[seat] != STAGE_NONE)
        world_broken(&q->p->w, "taken_back_is_gone", "what %s's node prepared: %s",
                     seat_name(seat), err_name(e));
    if (e == OK)
        q->at[seat] = STAGE_ACTIVE;
}

static void take_back(struct quarrel *q, size_t seat)
{
    struct people *p = q->p;
    struct req_epoch_abort req = { .epoch = q->m->c.m.epoch };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    enum err e = world_ask(&p->w, p->seats[seat].house, &p->seats[seat].o.login,
                           MSG_EPOCH_ABORT, &req, NULL);

    world_tell(&p->w, "the other takes it back at %s's node: %s", seat_name(seat),
               err_name(e));
    saw_change(p, seat, e, "an ABORT");
    if (e == OK && q->at[seat] == STAGE_ACTIVE)
        world_broken(&p->w, "taken_back_is_gone", "%s's node obeys, and it was active",
                     seat_name(seat));
    if (e != OK && !is_elsewhere(e) && q->at[seat] == STAGE_PREPARED)
        world_broken(&p->w, "taken_back_is_gone", "%s's node keeps it: %s",
                     seat_name(seat), err_name(e));
    if (e != OK)
        return;
    q->at[seat] = STAGE_NONE;
    q->m->taken_back |= 1U << seat;
}

static void one_act(struct quarrel *q, size_t seat)
{
    static void (*const acts[])(struct quarrel * q, size_t seat) = { bring, commit,
                                                                     take_back };

    acts[world_draw(&q->p->w, sizeof acts / sizeof acts[0])](q, seat);
    if (world_chance(&q->p->w, 1, 16))
        house_power_cut(&q->p->w, q->p->seats[seat].house, HOUSE_KNOWS_TIME);
}

/* What is prepared in the end is taken back, so that the next change has room. */
bool step_owner_takes_back(struct people *p)
{
    struct quarrel q = { .p = p };

    if (!owner_deals(p))
        return false;
    q.m = people_make(p, false, p->hold, p->stop_hold);
    if (q.m == NULL)
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (owner_deals_at(p, i))
            bring(&q, i);
    for (uint32_t n = ACTS_LEAST + world_draw(&p->w, ACTS_MORE); n > 0; n--) {
        size_t i = world_draw(&p->w, (uint32_t)p->n);

        if (owner_deals_at(p, i) && p->w.broken == NULL)
            one_act(&q, i);
    }
    for (size_t i = 0; i < p->n; i++)
        if (owner_deals_at(p, i) && q.at[i] == STAGE_PREPARED)
            take_back(&q, i);
    return true;
}
