/* SPDX-License-Identifier: Apache-2.0 */
#include "node/change_part.h"
#include "node/request.h"

enum err change_may(struct call *c, const struct record_ward *ward, uint64_t due,
                    bool *out)
{
    bool holding = false;

    *out = false;
    if (due == 0 || c->now < due || ward->unsure != 0 ||
        record_changeable(ward, c->now) != OK)
        return OK;
    TRY(request_holding(c, ward->ward, &holding));
    *out = !holding;
    return OK;
}

/* What was planned while the clock stood counts from when it runs. */
static enum err count_anew(struct call *c, struct record_ward *ward, size_t *io_n)
{
    uint64_t own = ward->retire_own != 0 ? RETIRE_OWN_S : DUAL_TIME_S;

    if (c->env->clock == CLOCK_FROZEN)
        return OK;
    ward->unsure = 0;
    ward->retire_due = ward->retire_due == 0 ? 0 : c->now + own;
    ward->end_due = ward->end_due == 0 ? 0 : c->now + DUAL_TIME_S;
    (*io_n)++;
    return ward_put(c, ward);
}

static enum err tick_ward(struct call *c, struct record_ward *ward, size_t *io_n)
{
    size_t before = *io_n;

    if (ward->left != 0)
        return OK;
    if (ward->unsure != 0)
        return count_anew(c, ward, io_n);
    if (ward->retire_due != 0)
        TRY(change_retire_tick(c, ward, io_n));
    /* One thing at a time: what is written stays small. */
    if (ward->end_due != 0 && *io_n == before)
        TRY(change_end_tick(c, ward, io_n));
    return OK;
}

enum err change_tick(struct call *c, bool *out_more)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    size_t n = 0;
    enum err e = OK;

    while (n < WARD_SWEEP) {
        struct record_ward ward = { 0 };
        size_t before = n;

        e = record_next(c, TAB_WARD, &record_ward_schema, (struct bytes){ 0 }, &at,
                        &ward);
        if (e == ERR_UNKNOWN)
            break;
        if (e == OK)
            e = tick_ward(c, &ward, &n);
        c->mem.n = mark;
        if (e == ERR_CORRUPT) /* another record of it: the others go on */
            n = before;
        else
            TRY(e);
    }
    *out_more = n > 0;
    return OK;
}
