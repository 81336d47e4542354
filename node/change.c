/* SPDX-License-Identifier: Apache-2.0 */
#include "node/change_part.h"
#include "node/request.h"

enum err change_may(struct call *c, const struct record_ward *ward, uint64_t due,
                    bool *out)
{
    bool holding = false;

    *out = false;
    if (due == 0 || c->now < due || record_changeable(ward, c->now) != OK)
        return OK;
    TRY(request_holding(c, ward->ward, &holding));
    *out = !holding;
    return OK;
}

static enum err tick_ward(struct call *c, struct record_ward *ward, size_t *io_n)
{
    size_t before = *io_n;

    if (ward->left != 0)
        return OK;
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
