/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_seal_part.h"

/* ---- the day box moves to another epoch ---- */

/* What may still open the root is not forgotten; the oldest gives way. */
static void push_past(struct day *d)
{
    const struct day_me *me = &d->me;
    if (me->epoch == 0 || me->manifest.n == 0)
        return;
    if (d->n_past == EPOCHS_MAX) {
        memmove(&d->past[0], &d->past[1], (EPOCHS_MAX - 1) * sizeof d->past[0]);
        d->n_past--;
    }
    /* The first is confirmed by each guardian at their own node. */
    d->past[d->n_past++] =
        (struct day_past){ .epoch = me->epoch,
                           .sealed_at = me->sealed_at,
                           .certified = me->epoch == 1 || me->cert_epoch == me->epoch,
                           .manifest = me->manifest };
}

static void push_former(struct day *d, const struct day_guardian *g)
{
    if (d->n_formers == DAY_FORMERS) {
        memmove(&d->formers[0], &d->formers[1], (DAY_FORMERS - 1) * sizeof d->formers[0]);
        d->n_formers--;
    }
    d->formers[d->n_formers++] = *g;
}

static bool has_place(const struct seal *s, const struct day_guardian *g)
{
    for (size_t i = 0; i < s->n; i++)
        if (bytes_equal(BYTES_OF(s->seats[i].seat), BYTES_OF(g->seat)))
            return true;
    return false;
}

/* Those of the circle in the order of their places, then those who have none yet. */
static void order(const struct seal *s, struct day *d)
{
    size_t were = d->me.epoch > 0 ? circle_pieces(&d->me) : 0;
    size_t n = 0;
    struct day_guardian *all = calloc(DAY_GUARDIANS, sizeof *all);
    MUST(all != NULL);
    for (size_t i = 0; i < s->n; i++)
        all[n++] = *seal_guardian(d, &s->seats[i]);
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (has_place(s, g))
            continue;
        if (i < were || g->epoch != 0)
            push_former(d, g);
        else
            all[n++] = *g;
    }
    d->n_guardians = n;
    memcpy(d->guardians, all, DAY_GUARDIANS * sizeof *all);
    secret_wipe(all, DAY_GUARDIANS * sizeof *all);
    free(all);
}

/* It has ended at one place or more: the wish was about that circle, not about this. */
static void forget_end(struct day *d)
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (d->guardians[i].ended != 0)
            d->me.end_wanted = 0;
}

void seal_move_day(const struct seal *s, struct day *d)
{
    const struct seal_head *h = &s->head;
    struct day_me *me = &d->me;
    push_past(d);
    forget_end(d);
    order(s, d);
    if (me->n_next > 0) {
        me->n_group_names = me->next[0].n_group_names;
        memcpy(me->group_names, me->next[0].group_names, sizeof me->group_names);
    }
    me->n_next = 0;
    me->group_threshold = h->group_threshold;
    me->n_groups = h->n_groups;
    memcpy(me->groups, h->groups, sizeof me->groups);
    me->hold = h->hold;
    me->stop_hold = h->stop_hold;
    me->roster_mode = h->roster_mode;
    me->planned = 1;
    me->roster_number = h->roster_number;
    me->roster_epoch = h->epoch;
    me->roster_sealed = (struct bytes){ 0 };
    me->epoch = h->epoch;
    me->manifest = day_keep(d, h->manifest);
    memcpy(me->manifest_hash, h->manifest_hash, HASH_BYTES);
}
