/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Old epochs and how they go: guardians who confirm a new one, an owner who shows their
 * word, a thief with the root box who shows everything but that: a circle of his own
 * people, the full certificate of its machines, the word people gave for another epoch.
 */
#include "node/change.h"
#include "tests/sim/steps.h"

enum { DUAL_S = 14 * 86400, OWN_S = 30 * 86400 };

/* ---- what is held ---- */

struct held_job {
    struct people *p;
    size_t seat;
    uint32_t held; /* bit e - 1: made[e - 1] is good here */
    uint32_t sure; /* and people confirmed it */
};

static enum err read_held(struct txn *t, void *arg)
{
    struct held_job *j = arg;
    struct house *h = &j->p->w.houses[j->p->seats[j->seat].house];
    struct record_epoch all[EPOCHS_MAX];
    AUTO_FREE uint8_t *mem = calloc(1, SCRATCH_BYTES);
    struct session nobody = { 0 };
    struct call c = { .txn = t,
                      .who = &nobody,
                      .env = &h->n.env,
                      .now = h->n.now,
                      .mem = { .p = mem, .cap = SCRATCH_BYTES } };
    size_t n = 0;

    MUST(mem != NULL);
    TRY(ward_epochs(&c, j->p->seats[j->seat].o.ward, all, &n));
    for (size_t i = 0; i < n; i++)
        if (ward_epoch_held(&all[i]) && all[i].epoch <= j->p->n_made) {
            j->held |= 1U << (all[i].epoch - 1);
            j->sure |= (uint32_t)(all[i].confirmed != 0) << (all[i].epoch - 1);
        }
    return OK;
}

static unsigned count(uint32_t bits)
{
    unsigned n = 0;

    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

/* What the old root's keys made and too few confirmed goes after a new root came. */
static bool left_behind(const struct people *p, size_t seat, size_t e)
{
    return (p->wards[seat].sure >> e & 1) == 0 && p->made[e].made <= p->wards[seat].moved;
}

/* A later epoch of the owner's was confirmed by enough, two weeks ago; or by the one
 * here and another, thirty days ago. */
static bool may_go(const struct people *p, size_t seat, size_t e)
{
    const struct ward_model *w = &p->wards[seat];

    if (w->moved != 0 && left_behind(p, seat, e) && p->w.now >= w->moved + DUAL_S)
        return true;
    for (size_t x = e + 1; x < p->n_made; x++) {
        const struct made *m = &p->made[x];
        bool enough = count(m->said) >= p->k;
        bool own = count(m->said) >= 2 && (m->said >> seat & 1) != 0;
        uint64_t after = enough ? DUAL_S : OWN_S;

        if (!m->thief && w->since[x] != 0 && (enough || own) &&
            (w->fuzzy || p->w.now >= w->since[x] + after))
            return true;
    }
    return false;
}

void oracle_look_epochs(struct people *p, size_t seat)
{
    struct ward_model *w = &p->wards[seat];
    struct held_job job = { .p = p, .seat = seat };

    if (p->w.houses[p->seats[seat].house].down)
        return;
    MUST(store_read(p->w.houses[p->seats[seat].house].n.store, read_held, &job) == OK);
    for (size_t e = 0; e < p->n_made; e++) {
        bool was = (w->held >> e & 1) != 0;
        bool is = (job.held >> e & 1) != 0;

        if (is && (p->made[e].taken_back >> seat & 1) != 0)
            world_broken(&p->w, "taken_back_is_gone", "%s's node holds epoch %zu",
                         seat_name(seat), e + 1);
        if (is && w->since[e] == 0)
            w->since[e] = p->w.now;
        if (was && !is && !may_go(p, seat, e))
            world_broken(&p->w, "old_epochs_stay", "%s's node erased epoch %zu",
                         seat_name(seat), e + 1);
    }
    w->held = job.held;
    w->sure = job.sure;
}

bool seat_is_lost(const struct people *p, size_t seat)
{
    return p->wards[seat].rot != 0 || p->seats[seat].keys_are != KEYS_FINE;
}

/* What nobody confirmed goes when a new root comes: it is no place to be in. */
static void look_for_new(struct people *p, size_t e)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        n += !p->made[e].thief && ((p->wards[i].held & p->wards[i].sure) >> e & 1) != 0;
    for (size_t i = 0; i < p->n; i++)
        if ((p->wards[i].held & p->wards[i].sure) >> e & 1)
            saw_held(p, i, n);
}

void oracle_look_circle(struct people *p)
{
    size_t best = 0;
    size_t lost = 0;

    for (size_t h = 0; h < p->w.n_houses; h++)
        if (p->w.houses[h].back || p->w.houses[h].down)
            return;
    for (size_t e = 0; e < p->n_made; e++) {
        size_t n = 0;

        for (size_t i = 0; i < p->n; i++)
            n += !p->made[e].thief && p->seats[i].keys_are != KEYS_GONE &&
                 ((p->wards[i].held & ~p->wards[i].rot) >> e & 1) != 0;
        look_for_new(p, e);
        best = n > best ? n : best;
    }
    for (size_t i = 0; i < p->n; i++)
        lost += seat_is_lost(p, i);
    /* One that is lost already is the one that may be. */
    if (best + lost <= p->k && best + lost < p->n)
        world_broken(&p->w, "some_epoch_stays", "%zu of %u pieces, at most", best, p->k);
}

/* ---- the steps ---- */

static struct made *newest(struct people *p, bool thief)
{
    for (size_t e = p->n_made; e-- > 1;)
        if (p->made[e].thief == thief)
            return &p->made[e];
    return NULL;
}

bool step_people_confirm(struct people *p)
{
    struct made *m = newest(p, false);
    size_t i = world_draw(&p->w, (uint32_t)p->n);

    /* Whoever has new keys is asked once a circle before it has them, too. */
    if (m == NULL || (p->wards[i].held >> (m - p->made) & 1) == 0 ||
        p->seats[i].keys_are != KEYS_FINE ||
        (p->seats[i].joined != 0 && (size_t)(m - p->made) <= p->seats[i].joined))
        return false;
    m->said |= 1U << i;
    m->said_by[i] = p->seats[i].o.approval;
    world_tell(&p->w, "%s confirms epoch %zu", seat_name(i), (size_t)(m - p->made) + 1);
    return true;
}

bool step_owner_retires(struct people *p)
{
    const struct made *m = newest(p, false);

    for (size_t i = 0; m != NULL && i < p->n; i++) {
        enum err e = people_retire(p, m, i, false);

        world_tell(&p->w, "the owner wants what is before epoch %u gone at %s: %s",
                   (unsigned)m->c.m.epoch, seat_name(i), err_name(e));
        saw_change(p, i, e, "a RETIRE");
    }
    return m != NULL;
}

bool step_thief_retires(struct people *p)
{
    const struct made *m = newest(p, true);

    for (size_t i = 0; m != NULL && i < p->n; i++) {
        enum err e = people_retire(p, m, i, true);

        world_tell(&p->w, "a thief wants what is before epoch %u gone at %s: %s",
                   (unsigned)m->c.m.epoch, seat_name(i), err_name(e));
        saw_change(p, i, e, "a thief's RETIRE");
        saw_old_keys(p, i, e, "a thief's RETIRE");
    }
    return m != NULL;
}

/* All that is kept there, by his own people's word and by nobody's. */
bool step_thief_ends(struct people *p)
{
    size_t i = world_draw(&p->w, (uint32_t)p->n);
    const struct made *m = newest(p, true);
    struct req_ward_end req = { 0 };
    struct rep_ward_end rep = { 0 };

    if (m == NULL)
        return false;
    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.ward, p->seats[i].o.ward, ID_BYTES);
    if (world_chance(&p->w, 1, 2))
        req.people = people_of(p, m, true);
    enum err e = world_ask(&p->w, p->seats[i].house, &p->seats[i].robbed.login,
                           MSG_WARD_END, &req, &rep);

    world_tell(&p->w, "a thief wants the ward gone at %s: %s", seat_name(i), err_name(e));
    if (e == OK)
        world_broken(&p->w, "old_epochs_stay", "%s's node agrees to end the ward",
                     seat_name(i));
    return true;
}
