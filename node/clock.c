/* SPDX-License-Identifier: Apache-2.0 */
#include "node/clock.h"

enum { MS = 1000 };

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

static bool stepped(struct clock_look from, struct clock_look to)
{
    return since(to.wall_ms, from.wall_ms) >
           since(to.boot_ms, from.boot_ms) + (uint64_t)CLOCK_STEP_S * MS;
}

/* Only a person ends these. */
static bool is_sticky(enum clock_why why)
{
    return why == CLOCK_STEPPED || why == CLOCK_LONG_OFF;
}

static bool is_behind(const struct clock *c, struct clock_look look)
{
    return since(c->now_ms, look.wall_ms) > (uint64_t)CLOCK_STEP_S * MS;
}

static void freeze(struct clock *c, enum clock_why why)
{
    if (c->why == CLOCK_FINE)
        c->frozen_ms = c->last.boot_ms;
    c->why = why;
}

/* It stands since that look: what passes by the boot clock is counted from there. */
static void freeze_at(struct clock *c, enum clock_why why, struct clock_look look)
{
    freeze(c, why);
    c->last = look;
}

/* Time does not run faster than it passes, nor ahead of the wall. */
static void advance(struct clock *c, struct clock_look from, struct clock_look to)
{
    uint64_t boot = since(to.boot_ms, from.boot_ms);
    uint64_t wall = since(to.wall_ms, from.wall_ms);
    /* Both are cut to milliseconds: one less is no less. */
    uint64_t passed = least(wall + 1, boot);

    passed = least(passed, since(to.wall_ms, c->now_ms));
    c->now_ms += passed;
    c->owed_ms += boot - passed;
}

bool clock_leap(uint64_t *io_now_ms, uint64_t *io_owed_ms)
{
    if (*io_owed_ms <= (uint64_t)CLOCK_STEP_S * MS) {
        *io_now_ms = since(*io_now_ms, *io_owed_ms);
        return false;
    }
    *io_owed_ms = 0;
    return true;
}

/* To the wall after another boot. */
static void leap(struct clock *c, const struct clock_mark *mark, struct clock_look look)
{
    uint64_t to = look.wall_ms;
    uint64_t gap = since(mark->look.wall_ms, mark->now_ms);

    /* It stayed behind its own wall, which somebody had set right. */
    c->owed_ms = c->owed_ms < gap ? gap : c->owed_ms;
    c->leapt = clock_leap(&to, &c->owed_ms);
    if (to > c->now_ms)
        c->now_ms = to;
}

static bool is_same_boot(struct clock_look from, struct clock_look to)
{
    return !id_none(to.boot) && id_equal(from.boot, to.boot) &&
           to.boot_ms >= from.boot_ms;
}

bool clock_outruns(const struct clock_mark *from, const struct clock_mark *to)
{
    uint64_t passed =
        is_same_boot(from->look, to->look) ? to->look.boot_ms - from->look.boot_ms : 0;

    return from->why == CLOCK_STEPPED &&
           since(to->now_ms, from->now_ms) > passed + (uint64_t)CLOCK_STEP_S * MS;
}

/* From the mark to a wall that is vouched for. */
static void come_back(struct clock *c, const struct clock_mark *mark,
                      struct clock_look look)
{
    bool same_boot = is_same_boot(mark->look, look);

    if (same_boot && stepped(mark->look, look))
        freeze_at(c, CLOCK_STEPPED, mark->look);
    else if (since(look.wall_ms, mark->now_ms) > (uint64_t)CLOCK_OFF_S * MS)
        freeze(c, CLOCK_LONG_OFF);
    else if (same_boot)
        advance(c, mark->look, look);
    else if (look.wall_ms > mark->now_ms)
        leap(c, mark, look);
    if (c->why == CLOCK_FINE && is_behind(c, look))
        freeze(c, CLOCK_BEHIND);
}

void clock_start(struct clock *c, enum clock_trust trust, enum clock_sync sync,
                 const struct clock_mark *mark, struct clock_look look)
{
    struct clock_mark from = *mark;
    bool first = from.now_ms == 0;

    *c = (struct clock){ .trust = trust, .start = from, .last = look };
    c->now_ms = first ? look.wall_ms : from.now_ms;
    c->owed_ms = from.owed_ms;
    if (is_sticky(from.why))
        freeze_at(c, from.why, is_same_boot(from.look, look) ? from.look : look);
    else if (trust != CLOCK_TRUSTED && sync != CLOCK_SYNCHRONISED)
        freeze(c, CLOCK_UNSYNCED);
    else if (!first)
        come_back(c, &from, look);
}

void clock_synchronised(struct clock *c, struct clock_look look)
{
    struct clock_mark start = c->start;

    if (c->why == CLOCK_UNSYNCED)
        clock_start(c, c->trust, CLOCK_SYNCHRONISED, &start, look);
}

uint64_t clock_now(struct clock *c, struct clock_look look)
{
    struct clock_look before = c->last;

    if (is_sticky(c->why))
        return c->now_ms / MS;
    c->last = look;
    if (c->why == CLOCK_UNSYNCED)
        return c->now_ms / MS;
    if (stepped(before, look)) {
        freeze_at(c, CLOCK_STEPPED, before);
        return c->now_ms / MS;
    }
    advance(c, before, look);
    if (is_behind(c, look))
        freeze(c, CLOCK_BEHIND);
    else if (look.wall_ms >= c->now_ms)
        c->why = CLOCK_FINE;
    return c->now_ms / MS;
}

void clock_confirmed(struct clock *c, uint64_t now_ms, struct clock_look look)
{
    c->why = CLOCK_FINE;
    c->now_ms = now_ms;
    c->last = look;
}

enum clock_state clock_state(const struct clock *c)
{
    return c->why == CLOCK_FINE ? CLOCK_RUNS : CLOCK_FROZEN;
}

bool clock_is_news(const struct clock *c)
{
    if (c->why == CLOCK_FINE)
        return false;
    return is_sticky(c->why) ||
           since(c->last.boot_ms, c->frozen_ms) >= (uint64_t)CLOCK_TELL_S * MS;
}

bool clock_mark(const struct clock *c, struct clock_mark *out)
{
    /* While nobody vouches for the wall, the mark it started from says all there is. */
    if (c->why == CLOCK_UNSYNCED)
        return false;
    *out = (struct clock_mark){
        .now_ms = c->now_ms, .look = c->last, .why = c->why, .owed_ms = c->owed_ms
    };
    return true;
}

enum err clock_agree(uint64_t now_s, uint64_t wall_s, uint64_t told_s,
                     uint64_t *out_now_s, bool *out_back)
{
    uint64_t to = least(wall_s, told_s);

    if (since(wall_s, to) > CLOCK_STEP_S || since(told_s, to) > CLOCK_STEP_S)
        return ERR_STATE;
    /* The machine's own clock must say so: a person alone starts no holds again. */
    *out_back = since(now_s, wall_s) > CLOCK_STEP_S;
    *out_now_s = *out_back || to > now_s ? to : now_s;
    return OK;
}
