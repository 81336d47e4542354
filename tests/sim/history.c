/* SPDX-License-Identifier: Apache-2.0 */
/* How a history goes: its steps, its good ending; and the table of holds and stops. */
#include "tests/sim/steps.h"

enum { STEPS_LEAST = 25, STEPS_MORE = 50, HOUR = 3600, MOMENTS = 400 };

static void take_step(struct people *p)
{
    unsigned all = 0;
    unsigned at;
    size_t i = 0;

    for (size_t s = 0; s < step_count; s++)
        all += steps[s].weight;
    at = world_draw(&p->w, all);
    while (at >= steps[i].weight)
        at -= steps[i++].weight;
    if (steps[i].act(p))
        step_done[i]++;
}

/* ---- the good ending ---- */

/* Lines, machines and clocks are right from now on. */
static void heal(struct people *p)
{
    p->w.calm = true;
    for (size_t h = 0; h < p->w.n_houses; h++) {
        struct house *x = &p->w.houses[h];

        x->cut = false;
        x->loss = 0;
        if (!house_runs(&p->w, h) || x->odd)
            make_right(p, h);
    }
    for (size_t i = 0; i < p->n; i++)
        if (p->wards[i].paused > p->w.now || p->wards[i].unsure)
            set_pause(p, i, 0);
}

/* The owner's requests of the ending, one a seat. */
struct ending {
    size_t restore;
    size_t n;
    struct ask *asks[SEATS];
    uint64_t began;
    uint32_t hold;  /* worst of what it started under */
    unsigned thief; /* of 8 moments, how many the thief uses */
};

static void ask_everybody(struct people *p, struct ending *e)
{
    e->restore = restore_begin(p, false);
    e->began = p->w.now;
    for (size_t i = 0; i < p->n && p->w.broken == NULL; i++) {
        struct ask *a = guardian_can(p, i) ? ask_at(p, e->restore, i, WAY_LINK, 0) : NULL;

        if (a != NULL)
            e->asks[e->n++] = a;
    }
}

/* Guardians answer at once, despite stops, and refuse nobody. */
static void approve_what_waits(struct people *p, struct ending *e)
{
    for (size_t i = 0; i < e->n && p->w.broken == NULL; i++)
        if (e->asks[i]->m.state == STATE_LIVE || e->asks[i]->m.state == STATE_CONTESTED)
            sit_down(p, e->asks[i], e->asks[i]->words, true);
}

/* A node with an older store may know of no earlier stop: then it is due before that,
 * and does not wait for ever either. */
static uint64_t first_due(const struct people *p, const struct ask *a)
{
    const struct model *m = &a->m;
    uint64_t approved = m->approved != 0 ? m->approved : p->w.now;
    uint64_t due = m->opened + m->hold;

    if (!p->wards[a->seat].unsure || m->stopped != 0)
        return model_due(p, a);
    return due > approved + HOUR ? due : approved + HOUR;
}

static void fetch_what_is_due(struct people *p, struct ending *e)
{
    for (size_t i = 0; i < e->n && p->w.broken == NULL; i++)
        if (e->asks[i]->m.state == STATE_APPROVED && p->w.now >= first_due(p, e->asks[i]))
            fetch_it(p, e->asks[i]);
}

static bool is_pending(const struct ask *a)
{
    return a->m.state != 0 && !model_is_over(&a->m);
}

/* The next moment something is due; a thief acts a second before it. */
static uint64_t next_moment(const struct people *p, const struct ending *e)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < e->n; i++) {
        uint64_t due = first_due(p, e->asks[i]);

        due = due > p->w.now ? due : model_due(p, e->asks[i]);
        if (is_pending(e->asks[i]) && due < next)
            next = due;
    }
    return next;
}

/* Anything a thief with the old device, the root box and a found sheet may do. */
static void thief_acts(struct people *p, struct ending *e)
{
    struct ask *a = e->asks[world_draw(&p->w, (uint32_t)e->n)];
    enum msg_access access = MSG_READ;

    switch (world_draw(&p->w, 6)) {
    case 0:
    case 1:
    case 2:
        if (serve_access(MSG_STOP, &access) == OK && is_pending(a))
            stop_it(p, a, world_chance(&p->w, 1, 2));
        break;
    case 3:
        (void)step_thief_epoch(p);
        break;
    case 4:
        (void)step_thief_day_box(p);
        break;
    default:
        house_power_cut(&p->w, p->seats[a->seat].house, HOUSE_KNOWS_TIME);
    }
}

static void wait_until(struct people *p, uint64_t when)
{
    if (when > p->w.now)
        world_wait(&p->w, when - p->w.now);
}

/* One moment: just before something is due, or anywhere on the way to it. */
static void moment(struct people *p, struct ending *e)
{
    uint64_t next = next_moment(p, e);

    if (next == UINT64_MAX)
        return;
    if (world_chance(&p->w, e->thief, 8) && next > p->w.now + 1) {
        uint64_t until = world_chance(&p->w, 1, 2)
                             ? next - 1
                             : p->w.now + world_draw(&p->w, (uint32_t)(next - p->w.now));

        wait_until(p, until);
        oracle_look(p); /* a new root may have come meanwhile */
        thief_acts(p, e);
    } else {
        wait_until(p, next);
    }
    approve_what_waits(p, e);
    fetch_what_is_due(p, e);
    oracle_look(p);
}

static uint64_t bound(const struct people *p, const struct ending *e)
{
    return e->began + p->hold + 2 * (uint64_t)p->stop_hold + HOUR;
}

/* Where there may be nothing to let go. */
static size_t lost(const struct people *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        n += seat_is_lost(p, i);
    return n;
}

static size_t released(const struct people *p, const struct ending *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++)
        n +=
            e->asks[i]->m.went != 0 && !p->w.houses[p->seats[e->asks[i]->seat].house].odd;
    return n;
}

/* As many as can be missed send something else than their piece. */
static unsigned tamper(struct people *p, struct ending *e, bool bad[SEATS])
{
    unsigned good = restore_good(p, e->restore);
    unsigned spare = good > p->k ? good - p->k : 0;
    unsigned n = 0;

    for (size_t i = 0; i < e->n && n < spare; i++) {
        if (e->asks[i]->n_pieces == 0 || world_chance(&p->w, 1, 2))
            continue;
        for (uint32_t x = 0; x < e->asks[i]->n_pieces; x++)
            e->asks[i]->pieces[x].piece[6 + world_draw(&p->w, 30)] ^= 1;
        bad[i] = true;
        n++;
    }
    return n;
}

static void judge(struct people *p, struct ending *e)
{
    static const uint8_t none[HASH_BYTES];
    struct recover_result result;
    bool bad[SEATS] = { false };
    bool right = false;
    unsigned n = tamper(p, e, bad);
    enum recover_state state = restore_judge(p, e->restore, &result, &right);

    world_tell(&p->w, "the owner's pieces: %zu of %u, %u bad: state %u%s, %s",
               released(p, e), p->k, n, (unsigned)state,
               result.disputed ? ", disputed" : "", right ? "right" : "not the root");
    bool fresh = !bytes_equal(BYTES_OF(p->move), BYTES_OF(none)) &&
                 restore_has_newest(p, e->restore);

    if (!right)
        world_broken(&p->w, fresh ? "new_root_deals" : "owner_comes_back",
                     "%zu pieces, and no root", released(p, e));
    for (size_t i = 0; i < e->n; i++)
        if (bad[i] != (result.verdicts[i] == VERDICT_BAD_PIECE) && bad[i])
            world_broken(&p->w, "bad_pieces_are_named", "%s's is not",
                         seat_name(e->asks[i]->seat));
}

/* Each thief with all they have: pieces of fooled guardians, fewer than it takes. */
static void judge_thieves(struct people *p)
{
    struct recover_result result;
    bool right = false;

    for (size_t r = 0; r < p->n_restores && p->w.broken == NULL; r++) {
        if (!p->restores[r].thief)
            continue;
        if (restore_judge(p, r, &result, &right) == RECOVER_FOUND)
            world_broken(&p->w, "thief_gets_nothing", "thief %zu has the root", r);
    }
}

static void ending(struct people *p)
{
    struct ending e = { .thief = world_draw(&p->w, 8) };

    world_tell(&p->w, "-- the ending: everything works again");
    heal(p);
    oracle_look(p);
    ask_everybody(p, &e);
    approve_what_waits(p, &e);
    fetch_what_is_due(p, &e);
    for (int i = 0; i < MOMENTS && p->w.broken == NULL; i++) {
        if (p->w.now >= bound(p, &e) || released(p, &e) == e.n)
            break;
        moment(p, &e);
    }
    if (p->w.broken != NULL)
        return;
    if (released(p, &e) + lost(p) < p->n)
        world_broken(&p->w, "owner_comes_back", "%zu of %zu pieces after %u s",
                     released(p, &e), p->n, (unsigned)(p->w.now - e.began));
    judge(p, &e);
    judge_thieves(p);
}

void history_play(struct people *p, uint64_t seed)
{
    people_open(p, seed);
    p->w.calm = false;
    for (size_t h = 0; h < p->w.n_houses; h++)
        p->w.houses[h].loss = (uint8_t)(world_chance(&p->w, 1, 2) ? 24 : 0);
    for (uint32_t n = STEPS_LEAST + world_draw(&p->w, STEPS_MORE); n > 0; n--) {
        if (p->w.broken != NULL)
            break;
        take_step(p);
        oracle_look(p);
    }
    if (p->w.broken == NULL)
        ending(p);
    people_close(p);
}

/* ---- holds and stops ---- */

/* What is due on the way is fetched. */
static void pass_until(struct people *p, struct ending *e, uint64_t when)
{
    for (size_t i = 0; i < e->n && next_moment(p, e) <= when; i++) {
        wait_until(p, next_moment(p, e));
        fetch_what_is_due(p, e);
    }
    wait_until(p, when);
}

/* Where a thief's stops come: bit i of the pattern is stop i. */
static void stop_pattern(struct people *p, struct ending *e, unsigned pattern)
{
    struct ask *a = e->asks[0];
    enum msg_access access = MSG_READ;

    if (serve_access(MSG_STOP, &access) != OK)
        return;
    for (unsigned at = 0; pattern != 0 && p->w.broken == NULL; at++, pattern >>= 2) {
        switch (pattern & 3) {
        case 0:
            continue;
        case 1: /* at once, before anybody has said yes */
            break;
        case 2: /* the moment after the yes */
            approve_what_waits(p, e);
            break;
        default: /* the second before it goes */
            approve_what_waits(p, e);
            pass_until(p, e, model_due(p, a) - 1);
        }
        if (is_pending(a))
            stop_it(p, a, at % 2 == 0);
        (void)step_thief_epoch(p);
        oracle_look(p);
    }
}

void history_stops(struct people *p, uint64_t seed, uint32_t hold, unsigned pattern)
{
    struct ending e = { 0 };

    people_open_with(p, seed, hold);
    ask_everybody(p, &e);
    stop_pattern(p, &e, pattern);
    approve_what_waits(p, &e);
    while (p->w.broken == NULL && p->w.now < bound(p, &e) && released(p, &e) < e.n) {
        uint64_t next = next_moment(p, &e);

        if (next == UINT64_MAX)
            break;
        wait_until(p, next);
        approve_what_waits(p, &e);
        fetch_what_is_due(p, &e);
        oracle_look(p);
    }
    if (p->w.broken == NULL && released(p, &e) < p->n)
        world_broken(&p->w, "owner_comes_back", "hold %u, stops %x: %zu of %zu pieces",
                     hold, pattern, released(p, &e), p->n);
    if (p->w.broken == NULL)
        judge(p, &e);
    people_close(p);
}
