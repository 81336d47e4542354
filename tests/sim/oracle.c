/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/oracle.h"

enum {
    HOUR = 3600,
    DAY = 86400,
    TRIES = 5,
    REVEAL_S = 600,
    FREEZE_S = 30 * DAY,
    AFTER_S = 14 * DAY, /* from the last moment it could open */
    STOPS_S = 90 * DAY  /* and three stop holds: how long a stop counts */
};

struct promise {
    const char *name;
    const char *what;
};

static const struct promise promises[] = {
#define PROMISE_ROW(name, what) { #name, what },
    PROMISES(PROMISE_ROW)
#undef PROMISE_ROW
};

size_t promise_count(void)
{
    return sizeof promises / sizeof promises[0];
}

const char *promise_name(size_t i)
{
    return promises[i].name;
}

const char *promise_what(size_t i)
{
    return promises[i].what;
}

/* ---- the model ---- */

bool model_is_over(const struct model *m)
{
    return m->state == STATE_RELEASED || m->state == STATE_REFUSED ||
           m->state == STATE_EXPIRED;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t model_due(const struct people *p, const struct ask *a)
{
    const struct model *m = &a->m;
    uint64_t approved = m->approved != 0 ? m->approved : p->w.now;

    if (m->hold == 0 && m->restarts == 0)
        return approved;
    return later(m->hold_end, approved + HOUR);
}

unsigned model_stops(const struct people *p, size_t seat)
{
    const struct ward_model *w = &p->wards[seat];
    uint64_t counts = STOPS_S + 3 * (uint64_t)p->stop_hold;
    unsigned n = 0;

    for (size_t i = 0; i < w->n_stops; i++)
        n += p->w.now < w->stops[i] + counts;
    return n;
}

static void end(const struct people *p, struct model *m, enum request_state state)
{
    m->state = state;
    m->ended = p->w.now;
}

uint64_t model_may_end(const struct people *p, const struct ask *a)
{
    const struct model *m = &a->m;

    if (m->state == STATE_OPENED)
        return m->opened + REVEAL_S;
    if (m->state == STATE_APPROVED)
        return model_due(p, a) + AFTER_S;
    return m->opened + m->hold + 2 * (uint64_t)m->stop_hold + AFTER_S;
}

void model_expired(const struct people *p, struct ask *a)
{
    uint64_t when = model_may_end(p, a);

    a->m.state = STATE_EXPIRED;
    a->m.ended = when < p->w.now ? when : p->w.now;
}

/* Ended by itself meanwhile: only the node knows to the second. */
static bool is_ended(const struct people *p, struct ask *a, enum err e)
{
    if (model_is_over(&a->m) || p->w.now < model_may_end(p, a))
        return model_is_over(&a->m);
    /* After a day, or 90 if it was shown, nobody may know of it any more. */
    bool over =
        e == ERR_EXPIRED || e == ERR_UNKNOWN ||
        ((e == ERR_CLOSED || e == ERR_REFUSED) && p->w.now >= model_may_end(p, a) + DAY);

    if (!over)
        return false;
    model_expired(p, a);
    return true;
}

/* Not reached: nothing is known, nothing changed. */
static bool is_away(enum err e)
{
    return e == ERR_UNREACHABLE;
}

/* The node forgot, and its hoster knows why. */
static bool is_forgotten(const struct ask *a)
{
    return a->m.state == 0;
}

/* ---- asking ---- */

/* As long as a stop counts at its ward, one of a request's two restarts is used up. */
static void weigh_stops(const struct people *p, struct ask *a)
{
    struct model *m = &a->m;

    if (m->restarts > 0 || model_stops(p, a->seat) == 0)
        return;
    m->restarts = 1;
    m->hold_end = later(m->hold_end, m->opened + m->stop_hold);
}

static void begin(struct people *p, struct ask *a)
{
    a->m = (struct model){ .state = STATE_OPENED,
                           .opened = p->w.now,
                           .hold_end = p->w.now + p->hold,
                           .hold = p->hold,
                           .stop_hold = p->stop_hold,
                           .odd = p->w.houses[p->seats[a->seat].house].odd };
    weigh_stops(p, a);
}

static bool is_dead(const struct people *p, const struct ask *a)
{
    for (size_t i = 0; i < p->n_asks; i++) {
        const struct ask *old = &p->asks[i];

        if (old != a && old->seat == a->seat && old->way == WAY_ROSTER &&
            old->intro == a->intro &&
            (old->m.state == STATE_REFUSED || old->m.stopped != 0))
            return true;
    }
    return false;
}

void saw_open(struct people *p, struct ask *a, enum err e)
{
    if (e == OK && a->way == WAY_ROSTER && is_dead(p, a))
        world_broken(&p->w, "introduction_dies", "it opened %s's node again",
                     seat_name(a->seat));
    if (e == OK && a->m.state == 0)
        begin(p, a);
    /* A clock that leaps may end a link before it was used. */
    if (e != OK && !is_away(e) && a->way == WAY_LINK &&
        !p->w.houses[p->seats[a->seat].house].odd)
        world_broken(&p->w, "links_have_room", "%s's link: %s", seat_name(a->seat),
                     err_name(e));
}

void saw_reveal(struct people *p, struct ask *a, enum err e, uint8_t state)
{
    struct model *m = &a->m;

    if (is_away(e) || is_forgotten(a) || is_ended(p, a, e))
        return;
    /* Ten minutes of a clock that catches up are short, and a day may be. */
    if ((e == ERR_EXPIRED || e == ERR_CLOSED) && m->state == STATE_OPENED && m->odd) {
        model_expired(p, a);
        return;
    }
    if (e != OK || state != STATE_LIVE) {
        world_broken(&p->w, "states_as_drawn", "a shown request: %s, %s", err_name(e),
                     request_state_name(state));
        return;
    }
    if (m->state == STATE_OPENED) {
        m->state = STATE_LIVE;
        m->live = p->w.now;
    }
}

void saw_cancel(struct people *p, struct ask *a, enum err e)
{
    if (is_away(e) || is_forgotten(a) || is_ended(p, a, e))
        return;
    if (e == OK)
        end(p, &a->m, STATE_EXPIRED);
    else
        world_broken(&p->w, "states_as_drawn", "a requester takes it back: %s",
                     err_name(e));
}

/* ---- the guardian ---- */

static void tried(struct people *p, struct ask *a, bool right, enum err e)
{
    struct model *m = &a->m;
    bool waits =
        m->state == STATE_LIVE || m->state == STATE_CONTESTED || m->state == STATE_LOCKED;
    bool away = p->w.now < p->wards[a->seat].paused;

    if (e == OK && away && !m->odd)
        world_broken(&p->w, "away_approves_nothing", "%s", seat_name(a->seat));
    if (e != OK) {
        if (e == ERR_PAUSED && (away || m->odd))
            return;
        if (waits && m->tries < TRIES)
            world_broken(&p->w, "guardian_is_heard", "a try: %s", err_name(e));
        return;
    }
    m->words_right = right;
    m->tries++;
    if (m->tries == TRIES && m->state == STATE_LIVE)
        m->state = STATE_LOCKED;
    if (m->tries > TRIES)
        world_broken(&p->w, "states_as_drawn", "a try number %u in state %s", m->tries,
                     request_state_name(m->state));
}

static void approved(struct people *p, struct ask *a, bool despite, enum err e)
{
    struct model *m = &a->m;

    weigh_stops(p, a);
    bool under = m->restarts > 0;

    if (e == OK && under && !despite && !m->odd) {
        world_broken(&p->w, "no_release_against_stop",
                     "an approval counts that was not made despite the stop");
        return;
    }
    if (e != OK) {
        if (despite || !(under || p->wards[a->seat].unsure))
            world_broken(&p->w, "guardian_is_heard", "an approval: %s", err_name(e));
        return;
    }
    m->state = STATE_APPROVED;
    m->approved = p->w.now;
}

void saw_sitting(struct people *p, struct ask *a, bool right, bool despite, enum err e,
                 const struct sitting *s)
{
    if (is_away(e) || is_forgotten(a) || is_ended(p, a, e == OK ? s->tried : e))
        return;
    if (e != OK || is_away(s->tried))
        return;
    tried(p, a, right, s->tried);
    if (s->tried == OK && (s->verdict == WORDS_RIGHT) != right)
        world_broken(&p->w, "no_release_without_yes", "words are %s, judged %s",
                     right ? "right" : "wrong", right ? "wrong" : "right");
    if (s->sent && !is_away(s->approved))
        approved(p, a, despite, s->approved);
}

void saw_refuse(struct people *p, struct ask *a, enum err e)
{
    bool was = a->m.state == STATE_APPROVED;

    if (is_away(e) || is_forgotten(a) || is_ended(p, a, e))
        return;
    if (e == OK)
        end(p, &a->m, STATE_REFUSED);
    else
        world_broken(&p->w, was ? "yes_can_be_taken_back" : "states_as_drawn",
                     "a refusal: %s", err_name(e));
}

void saw_unlock(struct people *p, struct ask *a, enum err e)
{
    struct model *m = &a->m;

    if (is_away(e) || is_forgotten(a) || is_ended(p, a, e) || e != OK)
        return;
    if (m->state == STATE_LIVE)
        return;
    /* Stopped while it was locked: the stop is not forgotten. */
    m->state = m->state == STATE_LOCKED ? STATE_LIVE : m->state;
    m->tries = 0;
    m->words_right = false;
}

/* ---- freeze and pause ---- */

static bool is_frozen(const struct people *p, size_t seat)
{
    return p->w.now < p->wards[seat].frozen;
}

void saw_freeze(struct people *p, size_t seat, enum err e)
{
    struct ward_model *w = &p->wards[seat];
    uint64_t ended = w->thawed != 0 ? w->thawed : w->frozen;

    if (e != OK || is_frozen(p, seat))
        return;
    if (ended != 0 && p->w.now < ended + DAY && !w->fuzzy)
        world_broken(&p->w, "freeze_holds", "%s freezes again at once", seat_name(seat));
    w->frozen = p->w.now + FREEZE_S;
    w->thawed = 0;
    w->fuzzy = p->w.houses[p->seats[seat].house].odd;
}

void saw_pause(struct people *p, size_t seat, enum err e, uint64_t until)
{
    if (e == OK)
        p->wards[seat].paused = until;
}

void saw_change(struct people *p, size_t seat, enum err e, const char *what)
{
    if (e == OK && is_frozen(p, seat) && !p->wards[seat].fuzzy)
        world_broken(&p->w, "freeze_holds", "%s at %s while frozen", what,
                     seat_name(seat));
}

/* ---- stops ---- */

/* The hold begins anew, an approval is void, the next one is to be despite it. */
static void restart(struct people *p, struct ask *a)
{
    struct model *m = &a->m;
    struct ward_model *w = &p->wards[a->seat];

    m->state = m->state == STATE_LOCKED ? STATE_LOCKED : STATE_CONTESTED;
    m->approved = 0;
    m->hold_end = later(m->hold_end, p->w.now + m->stop_hold);
    m->stopped = p->w.now;
    m->restarts++;
    if (w->n_stops < sizeof w->stops / sizeof w->stops[0])
        w->stops[w->n_stops++] = p->w.now;
}

static bool can_be_stopped(const struct model *m)
{
    return m->state == STATE_LIVE || m->state == STATE_APPROVED ||
           m->state == STATE_CONTESTED || m->state == STATE_LOCKED;
}

void saw_stop(struct people *p, struct ask *a, bool account, enum err e,
              const struct rep_stop *rep)
{
    struct model *m = &a->m;
    bool frozen = !account && is_frozen(p, a->seat);
    if (is_away(e) || is_forgotten(a) || is_ended(p, a, e))
        return;
    if (frozen && e == OK && !p->wards[a->seat].fuzzy)
        world_broken(&p->w, "freeze_holds", "a device stops a request while frozen");
    if (e == ERR_FROZEN && !account && p->wards[a->seat].fuzzy)
        return;
    if (e != OK) {
        if (!frozen && can_be_stopped(m) && m->restarts < 2)
            world_broken(&p->w, "stops_can_be_made", "a stop in state %s: %s",
                         request_state_name(m->state), err_name(e));
        return;
    }
    if (p->wards[a->seat].unsure)
        m->restarts = rep->counted && m->restarts == 2 ? 1 : m->restarts;
    if (rep->counted && m->restarts >= 2)
        world_broken(&p->w, "stops_are_bounded", "a third stop starts it again");
    if (!rep->counted && m->restarts < 2 && can_be_stopped(m))
        world_broken(&p->w, "stops_can_be_made", "stop number %u does nothing",
                     m->restarts + 1);
    if (rep->counted)
        restart(p, a);
}

/* ---- fetching ---- */

static void released(struct people *p, struct ask *a)
{
    struct model *m = &a->m;
    uint64_t due = model_due(p, a);
    /* A node that went back may know of no earlier stop: the hold is what is left. */
    bool forgot = p->wards[a->seat].unsure && m->stopped == 0;

    if (forgot)
        due = later(m->opened + m->hold, m->approved + (m->hold > 0 ? HOUR : 0));
    if (m->approved == 0 || !m->words_right)
        world_broken(&p->w, "no_release_without_yes", "%s's piece goes",
                     seat_name(a->seat));
    else if (!forgot && m->restarts > 0 &&
             p->w.now < later(m->stopped, m->opened) + m->stop_hold)
        world_broken(&p->w, "no_release_against_stop", "%s's piece goes %u s early",
                     seat_name(a->seat),
                     (unsigned)(later(m->stopped, m->opened) + m->stop_hold - p->w.now));
    else if (p->w.now < due)
        world_broken(&p->w, "no_release_before_hold", "%s's piece goes %u s early",
                     seat_name(a->seat), (unsigned)(due - p->w.now));
    end(p, m, STATE_RELEASED);
    m->went = p->w.now;
    /* A restore is finished there: the freeze has done its work. */
    if (is_frozen(p, a->seat)) {
        p->wards[a->seat].frozen = p->w.now;
        p->wards[a->seat].thawed = p->w.now;
    }
}

void saw_fetch(struct people *p, struct ask *a, enum err e, uint8_t state)
{
    struct model *m = &a->m;

    if (is_away(e) || is_forgotten(a))
        return;
    if (e == OK && state == STATE_RELEASED && m->state != STATE_RELEASED) {
        released(p, a);
        return;
    }
    if (e == OK && state == STATE_EXPIRED && p->w.now >= model_may_end(p, a))
        e = ERR_EXPIRED;
    if (is_ended(p, a, e) || m->odd)
        return;
    if (m->state == STATE_APPROVED && p->w.now >= model_due(p, a))
        world_broken(&p->w, "due_is_released", "%s's piece: %s, %s", seat_name(a->seat),
                     err_name(e), request_state_name(state));
}

void saw_put_back(struct people *p, size_t house, const uint64_t logs[SEATS])
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->seats[i].house != house)
            continue;
        /* As it was copied: starting again after so long may write a line of its own. */
        if (p->copied[house] > logs[i])
            world_broken(&p->w, "back_is_seen", "an older store has a newer log");
        p->wards[i].alert_seq = UINT64_MAX;
        p->wards[i].log_seq = 0;
        p->wards[i].unsure = true;
        p->wards[i].frozen = 0;
        p->wards[i].fuzzy = true;
        p->wards[i].paused = 0;
        p->wards[i].held = 0;
        p->vaults[i] = (struct vault_model){ 0 };
        for (size_t e = 0; e < p->n_made; e++)
            p->made[e].taken_back &= ~(1U << i);
        root_went_back(p, i);
    }
    for (size_t i = 0; i < p->n_asks; i++)
        if (p->seats[p->asks[i].seat].house == house)
            p->asks[i].m.state = 0;
}
