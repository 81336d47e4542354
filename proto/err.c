/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/err.h"

struct row {
    const char *name;
    const char *id;
    const char *what;
    const char *hint;
    uint16_t wire;
};

#define ERR_ROW(n, w, i, t, h)                                                           \
    [ERR_##n] = { .name = "ERR_" #n, .id = (i), .what = (t), .hint = (h), .wire = (w) },
static const struct row rows[ERR_COUNT] = {
    [OK] = { .name = "OK", .id = "ok", .what = "It worked.", .hint = "" },
    ERR_TABLE(ERR_ROW)
};

static const struct row *row_of(enum err e)
{
    MUST(e < ERR_COUNT);
    return &rows[e];
}

const char *err_name(enum err e)
{
    return row_of(e)->name;
}

const char *err_id(enum err e)
{
    return row_of(e)->id;
}

const char *err_text(enum err e)
{
    return row_of(e)->what;
}

const char *err_hint(enum err e)
{
    return row_of(e)->hint;
}

uint16_t err_wire(enum err e)
{
    uint16_t wire = row_of(e)->wire;

    return wire != 0 ? wire : rows[ERR_REFUSED].wire;
}

enum err err_from_wire(uint16_t wire)
{
    for (unsigned e = OK + 1; e < ERR_COUNT; e++)
        if (wire != 0 && rows[e].wire == wire)
            return (enum err)e;
    return ERR_REFUSED;
}
