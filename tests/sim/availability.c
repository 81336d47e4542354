/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ten years of circles whose guardians leave at 10 % a year: how many could be restored
 * at the end of each, left alone and with weekly checks and replacement within 30 days,
 * by the client's own counting, beside circle_odds. Fails where the two are apart.
 * Usage: sim_availability [CIRCLES [SEED]]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/circle.h"

enum { YEARS = 10, DAYS = 365, WEEK = 7, REPLACED = 30, SIDES = 2 };

/* Of those who are there, so many answer when they are called. */
static const double answers = 0.9;
static const double stays = 0.9; /* a year */

struct plan {
    const char *name;
    struct day_me me;
};

struct piece {
    unsigned found; /* the day a check missed it; 0: it did not yet */
    unsigned back;  /* the day its replacement holds it */
    bool gone;
};

struct life {
    uint64_t chance;
    struct piece pieces[PIECES_MAX];
};

/* xorshift64*: the same numbers for the same seed, everywhere. */
static double draw(struct life *l)
{
    l->chance ^= l->chance >> 12;
    l->chance ^= l->chance << 25;
    l->chance ^= l->chance >> 27;
    return (double)((l->chance * 0x2545f4914f6cdd1dULL) >> 11) / 9007199254740992.0;
}

/* A day of one piece: it may go; the weekly check misses it; it is replaced. */
static void day(struct life *l, struct piece *p, unsigned today, bool repaired)
{
    if (!p->gone) {
        p->gone = draw(l) > pow(stays, 1.0 / DAYS);
        p->found = 0;
    } else if (repaired && p->found == 0 && today % WEEK == 0) {
        p->found = today;
        p->back = today + 1 + (unsigned)(draw(l) * REPLACED);
    } else if (p->found != 0 && today >= p->back) {
        p->gone = false;
    }
}

static bool restorable(struct life *l, const struct day_me *me)
{
    struct circle_count at_hand = { { 0 } };

    for (size_t i = 0; i < circle_pieces(me); i++) {
        uint8_t group = 0;
        uint8_t index = 0;

        circle_place(me, i, &group, &index);
        at_hand.of[group] += !l->pieces[i].gone && draw(l) < answers;
    }
    return circle_enough(me, &at_hand);
}

/* One circle; adds to could[year] where a restore then would have worked. */
static void live(struct life *l, const struct day_me *me, bool repaired,
                 unsigned could[YEARS])
{
    memset(l->pieces, 0, sizeof l->pieces);
    for (unsigned today = 1; today <= YEARS * DAYS; today++) {
        for (size_t i = 0; i < circle_pieces(me); i++)
            day(l, &l->pieces[i], today, repaired);
        if (today % DAYS == 0)
            could[today / DAYS - 1] += restorable(l, me);
    }
}

/* The chance that a piece is at hand after so many years: it stayed, or, where it is
 * replaced, it is not in the middle of that; and its guardian answers. */
static double at_hand(unsigned years, bool repaired)
{
    double missing = (WEEK + 1) / 2.0 + (REPLACED + 1) / 2.0; /* days, on average */
    double holds = DAYS / -log(stays);

    return answers * (repaired ? holds / (holds + missing) : pow(stays, years));
}

/* How far chance alone leads them apart: five deviations. */
static bool is_apart(double odds, double seen, unsigned circles)
{
    return fabs(odds - seen) > 5 * sqrt(odds * (1 - odds) / circles) + 0.001;
}

static int tell(const struct plan *p, unsigned circles, struct life *l)
{
    unsigned could[SIDES][YEARS] = { { 0 } };
    int apart = 0;

    for (unsigned i = 0; i < circles; i++) {
        live(l, &p->me, false, could[0]);
        live(l, &p->me, true, could[1]);
    }
    printf("%s, %u circles\n  year  left alone  formula   repaired  formula\n", p->name,
           circles);
    for (unsigned y = 0; y < YEARS; y++) {
        printf("  %4u", y + 1);
        for (int side = 0; side < SIDES; side++) {
            double odds = circle_odds(&p->me, at_hand(y + 1, side == 1));
            double seen = (double)could[side][y] / circles;

            apart += is_apart(odds, seen, circles);
            printf("  %10.4f  %7.4f", seen, odds);
        }
        printf("\n");
    }
    return apart;
}

/* group_threshold of these groups. */
static const struct shape {
    const char *name;
    uint8_t need;
    uint8_t n;
    struct manifest_group groups[2];
} shapes[] = {
    { "2 of 3", 1, 1, { { 2, 3 } } },
    { "3 of 5", 1, 1, { { 3, 5 } } },
    { "4 of 7", 1, 1, { { 4, 7 } } },
    { "8 of 16", 1, 1, { { 8, 16 } } },
    { "both of 2 of 3 and 3 of 5", 2, 2, { { 2, 3 }, { 3, 5 } } },
};

int main(int argc, char **argv)
{
    unsigned circles = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    struct life l = { .chance = argc > 2 ? strtoull(argv[2], NULL, 10) : 5 };
    int apart = 0;

    if (circles == 0 || l.chance == 0)
        return 2;
    printf("guardians leave at 10 %% a year; of those who are there 9 in 10 answer;\n"
           "repaired: checked weekly, replaced within 30 days of a miss\n");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *s = &shapes[i];
        struct plan p = { .name = s->name,
                          .me = { .group_threshold = s->need, .n_groups = s->n } };

        memcpy(p.me.groups, s->groups, sizeof s->groups);
        apart += tell(&p, circles, &l);
    }
    printf("%d of the figures are apart from the formula by more than chance\n", apart);
    return apart == 0 ? 0 : 1;
}
