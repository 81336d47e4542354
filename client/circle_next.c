/* SPDX-License-Identifier: Apache-2.0 */
#include "client/circle.h"

void circle_plan_of(const struct day *d, struct day *keeper, struct day_plan *out)
{
    const struct day_me *me = &d->me;
    uint8_t seats[DAY_GUARDIANS * SEAT_BYTES];
    size_t n = circle_pieces(me);
    if (n > d->n_guardians)
        n = d->n_guardians;
    *out = (struct day_plan){ .group_threshold = me->group_threshold,
                              .n_groups = me->n_groups,
                              .n_group_names = me->n_group_names,
                              .hold = me->hold,
                              .stop_hold = me->stop_hold,
                              .roster_mode = me->roster_mode };
    memcpy(out->groups, me->groups, sizeof out->groups);
    for (uint32_t i = 0; i < me->n_group_names; i++)
        out->group_names[i].text = day_keep(keeper, me->group_names[i].text);
    for (size_t i = 0; i < n; i++)
        memcpy(seats + i * SEAT_BYTES, d->guardians[i].seat, SEAT_BYTES);
    out->seats = day_keep(keeper, bytes_of(seats, n * SEAT_BYTES));
}

void circle_plan_now(struct day *d, struct day_plan *out)
{
    circle_plan_of(d, d, out);
}

static const struct day_guardian *at_seat(const struct day *d, const uint8_t *seat)
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), bytes_of(seat, SEAT_BYTES)))
            return &d->guardians[i];
    return NULL;
}

static enum err take_plan(const struct day *d, const struct day_plan *plan,
                          struct day *out)
{
    struct day_me *me = &out->me;
    me->group_threshold = plan->group_threshold;
    me->n_groups = plan->n_groups;
    memcpy(me->groups, plan->groups, sizeof me->groups);
    me->n_group_names = plan->n_group_names;
    memcpy(me->group_names, plan->group_names, sizeof me->group_names);
    me->hold = plan->hold;
    me->stop_hold = plan->stop_hold;
    me->roster_mode = plan->roster_mode;
    out->n_guardians = plan->seats.n / SEAT_BYTES;
    if (out->n_guardians != circle_pieces(me))
        return ERR_UNKNOWN;
    for (size_t i = 0; i < out->n_guardians; i++) {
        const struct day_guardian *g = at_seat(d, plan->seats.p + i * SEAT_BYTES);
        if (g == NULL)
            return ERR_UNKNOWN;
        out->guardians[i] = *g;
    }
    return OK;
}

enum err circle_with(const struct day *d, const struct day_plan *plan, struct day **out)
{
    AUTO_NEXT struct day *next = calloc(1, sizeof *next);
    if (next == NULL)
        return ERR_NOMEM;
    next->me = d->me;
    TRY(take_plan(d, plan, next));
    *out = next;
    next = NULL; /* the caller's now */
    return OK;
}

enum err circle_next(const struct day *d, struct day **out)
{
    AUTO_NEXT struct day *next = NULL;
    if (d->me.n_next > 0)
        return circle_with(d, &d->me.next[0], out);
    next = calloc(1, sizeof *next);
    if (next == NULL)
        return ERR_NOMEM;
    next->me = d->me;
    next->n_guardians = d->n_guardians;
    if (d->me.epoch > 0 && circle_pieces(&d->me) > d->n_guardians)
        return ERR_UNKNOWN;
    if (d->me.epoch > 0)
        next->n_guardians = circle_pieces(&d->me);
    memcpy(next->guardians, d->guardians, next->n_guardians * sizeof d->guardians[0]);
    *out = next;
    next = NULL; /* the caller's now */
    return OK;
}

void circle_next_free(struct day *next)
{
    if (next != NULL)
        secret_wipe(next, sizeof *next);
    free(next);
}

/* The seat of that place by the plan of the next epoch. */
static const uint8_t *next_seat(const struct day_plan *plan, uint8_t group, uint8_t index)
{
    size_t at = index;
    if (group >= plan->n_groups || index >= plan->groups[group].n)
        return NULL;
    for (uint8_t g = 0; g < group; g++)
        at += plan->groups[g].n;
    return (at + 1) * SEAT_BYTES <= plan->seats.n ? plan->seats.p + at * SEAT_BYTES
                                                  : NULL;
}

struct day_guardian *circle_at(struct day *d, uint32_t epoch, uint8_t group,
                               uint8_t index)
{
    size_t at = index;
    if (epoch > d->me.epoch && d->me.n_next > 0) {
        const uint8_t *seat = next_seat(&d->me.next[0], group, index);
        const struct day_guardian *g = seat != NULL ? at_seat(d, seat) : NULL;
        return g != NULL ? &d->guardians[g - d->guardians] : NULL;
    }
    if (group >= d->me.n_groups || index >= d->me.groups[group].n)
        return NULL;
    for (uint8_t g = 0; g < group; g++)
        at += d->me.groups[g].n;
    return at < d->n_guardians ? &d->guardians[at] : NULL;
}

bool circle_confirmed(const struct day *d, const struct day_guardian *g)
{
    bool spoken = g->confirmed != 0;
    if (g->kind == PIECE_CARD || d->me.epoch <= 1)
        return spoken;
    return spoken && g->said_epoch == d->me.epoch;
}
