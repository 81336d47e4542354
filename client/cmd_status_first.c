/* SPDX-License-Identifier: Apache-2.0 */
/* The steps to a circle: the first one, or another after an end. */
#include "client/cmd_status_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum |= p[i];
    return sum == 0;
}

static void next_enter(struct look *l, const struct day_guardian *g)
{
    char command[TERM_TEXT];
    guardian_next("add", g->name, "", command);
    look_add(l, "add", command,
             "%.*s's node has not answered to your invite yet:", TEXT(g->name));
}

/* More than half: no two circles of them, and somebody may be away. */
static void next_plan(struct look *l, size_t n)
{
    char command[COMMAND_TEXT];
    (void)snprintf(command, sizeof command, "kith circle plan -k %zu", n / 2 + 1);
    look_add(l, "plan", command,
             "You have %zu guardians. Say how many of them are needed:", n);
}

static void next_owner(struct look *l)
{
    const struct day *d = l->day;
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (g->kind == PIECE_NODE && g->progress != GUARDIAN_READY) {
            next_enter(l, g);
            return;
        }
    }
    if (l->has_journal) {
        look_add(l, "seal", "kith circle seal --resume",
                 "The pieces are not all at their places yet:");
        if (l->has_cards)
            look_next_card(l);
    } else if (d->n_guardians == 0 && l->has_restore)
        look_add(l, "add", "kith guardian add NAME LINK",
                 "Your root key is back, and the pieces that gave it were in the open. "
                 "Ask your guardians for new invites, and make a new circle:");
    else if (d->n_guardians < 3)
        look_add(l, "add", "kith guardian add NAME LINK",
                 "You have %zu of the usual five guardians. Ask somebody you trust for "
                 "an invite:",
                 d->n_guardians);
    else if (!d->me.planned || circle_pieces(&d->me) != d->n_guardians)
        next_plan(l, d->n_guardians);
    else
        look_add(l, "seal", "kith circle seal", "The plan is made. Give out the pieces:");
}

/* Of those who are added since, and whoever of the old circle has not ended. */
static bool is_for_anew(const struct look *l, const struct day_guardian *g)
{
    return g->progress == GUARDIAN_READY && !end_over(g, l->now);
}

void look_next_anew(struct look *l)
{
    const struct day *d = l->day;
    size_t n = 0;
    size_t old = look_pieces(d);
    enum change_step s = l->change.step;
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        n += is_for_anew(l, g);
        if (i >= old && g->kind == PIECE_NODE && g->progress != GUARDIAN_READY) {
            next_enter(l, g);
            return;
        }
    }
    if (s == CHANGE_PLANNED || s == CHANGE_SEALING || s == CHANGE_STORING)
        look_next_change(l);
    else if (d->n_guardians > old && n < 3)
        look_add(l, "add", "kith guardian add NAME LINK",
                 "For a new circle you have %zu of the usual five guardians. Ask "
                 "somebody you trust for an invite:",
                 n);
    else if (d->n_guardians > old)
        next_plan(l, n);
}

static void next_guard(struct look *l)
{
    enum alert_care care = alert_care(l->day, ALERT_GUARDIAN, l->now);
    look_add(l, "guard", "kith guard",
             "You are a guardian for others. Who they are, and who asks for help:");
    if (care != CARE_FINE)
        look_add(l, "alert-test", alert_care_next(care), "%s", alert_care_text(care));
}

static void next_empty(struct look *l)
{
    look_add(l, "init", "kith init --name NAME",
             "Kith gives your keys back through people you trust. To begin:");
    look_add(l, "guard", "kith guard", "To help somebody as their guardian:");
    look_add(l, "restore", "kith restore start",
             "If you lost everything and have guardians:");
}

void look_next_first(struct look *l)
{
    const struct day *d = l->day;
    if (is_zero(d->me.owner, PUB_BYTES) && l->has_restore)
        look_add(l, "restore", "kith restore", "A restore is going on:");
    else if (look_only_guards(d))
        next_guard(l);
    else if (!is_zero(d->me.owner, PUB_BYTES))
        next_owner(l);
    else
        next_empty(l);
}
