/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "client/circle.h"

/* The chance that at least t of n independent events of chance p happen. */
static double at_least(unsigned t, unsigned n, double p)
{
    double of[CIRCLE_GROUP_MAX + 1] = { 1 }; /* of[i]: exactly i so far */
    double sum = 0;

    MUST(n <= CIRCLE_GROUP_MAX);
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = i + 2; k-- > 0;)
            of[k] = of[k] * (1 - p) + (k > 0 ? of[k - 1] * p : 0);
    for (unsigned k = t; k <= n; k++)
        sum += of[k];
    return sum;
}

double circle_odds(const struct day_me *me, double p)
{
    double of[GROUPS_MAX + 1] = { 1 }; /* of[i]: exactly i groups so far */
    double sum = 0;

    for (uint32_t g = 0; g < me->n_groups; g++) {
        double enough = at_least(me->groups[g].t, me->groups[g].n, p);
        for (uint32_t k = g + 2; k-- > 0;)
            of[k] = of[k] * (1 - enough) + (k > 0 ? of[k - 1] * enough : 0);
    }
    for (uint32_t k = me->group_threshold; k <= me->n_groups; k++)
        sum += of[k];
    return sum;
}

/* As many digits as it takes to tell it from all: 99.1, 99.95, 99.9998. */
static int digits_of(double odds)
{
    static const double least[] = { 1e-3, 1e-4, 1e-5 };
    int digits = 1;

    for (size_t i = 0; i < sizeof least / sizeof least[0]; i++)
        digits += 1 - odds < least[i];
    return digits;
}

void odds_text(double odds, char out[ODDS_TEXT])
{
    int digits = digits_of(odds);
    double unit = 100;

    for (int i = 0; i < digits; i++)
        unit *= 10;
    double down = (double)(uint64_t)(odds * unit + 1e-6) / unit;

    if (odds < 1e-9)
        (void)snprintf(out, ODDS_TEXT, "less than 1 in 1,000,000,000");
    else if (odds > 0.999999)
        (void)snprintf(out, ODDS_TEXT, "more than 99.9999 %%");
    else if (odds >= 0.5)
        (void)snprintf(out, ODDS_TEXT, "%.*f %%", digits, 100 * down);
    else
        (void)snprintf(out, ODDS_TEXT, "1 in %.0f", 1 / odds);
}
