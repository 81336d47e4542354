/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_tale.h"

/* "it takes 3 of 5 pieces to bring the key back; 1 of them is on paper" */
static void plan_text(const struct guard_plan *p, char out[TERM_TEXT])
{
    int n = snprintf(out, TERM_TEXT, "it takes %u of %u pieces to bring the key back",
                     p->need, p->of);

    if (p->cards > 0 && n > 0 && n < TERM_TEXT)
        (void)snprintf(out + n, TERM_TEXT - (size_t)n, "; %u of them %s on paper",
                       p->cards, p->cards == 1 ? "is" : "are");
}

bool tale_is_new(const struct tale *t)
{
    return t->line->purpose == PURPOSE_EPOCH && t->plan_before == NULL &&
           (t->ward == NULL || t->ward->confirmed == 0) &&
           (t->at_node == NULL || (t->at_node->confirmed == 0 && t->at_node->moved == 0));
}

static void tell_joined(const struct tale *t)
{
    struct term *o = t->d->t;
    char plan[TERM_TEXT];

    t->tell(o,
            "They say that %s changed the circle and wants you as a guardian in it. Your "
            "node holds a piece for it already.",
            t->name);
    if (t->plan != NULL) {
        plan_text(t->plan, plan);
        t->tell(o, "Your piece opens. In this circle (number %u) %s.", (unsigned)t->epoch,
                plan);
    } else if (t->d->keys == NULL) {
        t->tell(o, "What the circle is shows once you type your passphrase.");
    }
    t->tell(o, "So ask %s: do you want me as a guardian?", t->name);
}

static void tell_epoch(const struct tale *t)
{
    struct term *o = t->d->t;
    char plan[TERM_TEXT];

    if (tale_is_new(t)) {
        tell_joined(t);
        return;
    }
    t->tell(o,
            "They say that %s made the circle anew. Your node holds a new piece beside "
            "the old one, which stays good for now.",
            t->name);
    if (t->plan != NULL) {
        plan_text(t->plan, plan);
        t->tell(o, "Your new piece opens. In the new circle (number %u) %s.",
                (unsigned)t->epoch, plan);
    } else if (t->d->keys == NULL) {
        t->tell(o, "What is new in it shows once you type your passphrase.");
    }
    if (t->plan != NULL && t->plan_before != NULL) {
        plan_text(t->plan_before, plan);
        t->tell(o, "In the old one %s.", plan);
    }
    t->tell(o,
            "Once enough guardians confirm it, the old pieces are erased. So ask %s: did "
            "you change your circle?",
            t->name);
}

static void tell_end(const struct tale *t)
{
    struct term *o = t->d->t;

    t->tell(o,
            "They say that %s wants you to be a guardian no more, or wants to end the "
            "circle. If you confirm, %s may have all of it erased here: the piece you "
            "keep, and %s's vault. Nothing is left here to restore from then.",
            t->name, t->name, t->name);
    t->tell(o,
            "It happens 14 days after %s gives the order at your node, not before; you "
            "are told of the day. Until then a restore holds it up.",
            t->name);
}

static void tell_move(const struct tale *t)
{
    struct term *o = t->d->t;

    t->tell(o,
            "They say that somebody else may have the key of %s. If enough guardians say "
            "yes, %s gets a new root key: the old keys stop counting.",
            t->name, t->name);
    t->tell(o,
            "Your piece does not leave your node for this. It takes as long as a restore "
            "does; until then you can take your yes back.");
}

void tale_change(const struct tale *t)
{
    switch (t->line->purpose) {
    case PURPOSE_EPOCH:
        tell_epoch(t);
        break;
    case PURPOSE_END:
        tell_end(t);
        break;
    case PURPOSE_MOVE:
        tell_move(t);
        break;
    default:
        break;
    }
}

/* ---- a new root ---- */

uint64_t tale_new_root(const struct tale *t)
{
    uint64_t moved = t->at_node != NULL ? t->at_node->moved : 0;

    if (t->ward == NULL || moved == 0)
        return 0;
    return t->ward->moved != moved || t->ward->confirmed == 0 ? moved : 0;
}

void tale_takeover(const struct tale *t)
{
    struct term *o = t->d->t;
    char at[TIME_TEXT];
    char id[9];

    time_text(t->line->opens, at);
    id_short(t->line->request, id);
    t->tell(o, "%s gets a new root key: the old keys stop counting.", t->name);
    t->tell(o,
            "Enough guardians of %s's circle said yes to it. It takes over at your node "
            "on %s.",
            t->name, at);
    if (t->ward != NULL && t->ward->contact.n > 0)
        t->tell(o, "How you reach %s: %.*s", t->name, (int)t->ward->contact.n,
                (const char *)t->ward->contact.p);
    t->tell(o, "\n");
    t->tell(o,
            "Next: ask %s whether it is so, by a number you had before. If it is, there "
            "is nothing to do. If %s does not want it:",
            t->name, t->name);
    t->tell(o, "  kith guard refuse %s", id);
}
