/* SPDX-License-Identifier: Apache-2.0 */
#include "node/time.h"

#include "node/drop.h"

enum { MS = 1000, SMALL_SCRATCH = 1024 };

/* ---- records ---- */

static struct txn_key named(const char *name, uint8_t number)
{
    struct txn_key k = { 0 };
    struct buf b = BUF_OF(k.b);

    buf_put(&b, bytes_text(name));
    if (number != 0)
        buf_put_u8(&b, number);
    k.n = b.n;
    return k;
}

/* All zero before the first. */
static enum err clock_get(struct call *c, struct record_clock *out)
{
    struct txn_key key = named("time", 0);
    struct record_clock rec = { 0 };

    enum err e = record_get(c, TAB_CLOCK, &record_clock_schema, &key, &rec);
    if (e != OK && e != ERR_UNKNOWN)
        return e;
    *out = rec;
    return OK;
}

static enum err clock_put(struct call *c, const struct record_clock *rec)
{
    struct txn_key key = named("time", 0);

    return record_put(c, TAB_CLOCK, &record_clock_schema, &key, rec);
}

static void note(struct record_clock *rec, const struct clock_mark *m)
{
    rec->now_ms = m->now_ms;
    rec->wall_ms = m->look.wall_ms;
    rec->boot_ms = m->look.boot_ms;
    memcpy(rec->boot, m->look.boot, ID_BYTES);
    rec->why = (uint8_t)m->why;
    rec->owed_ms = m->owed_ms;
}

static struct clock_mark noted(const struct record_clock *rec)
{
    struct clock_mark m = { .now_ms = rec->now_ms,
                            .look = { .wall_ms = rec->wall_ms, .boot_ms = rec->boot_ms },
                            .why = (enum clock_why)rec->why,
                            .owed_ms = rec->owed_ms };

    memcpy(m.look.boot, rec->boot, ID_BYTES);
    return m;
}

/* ---- the running clock ---- */

static enum err read_clock(struct txn *t, void *arg)
{
    AUTO_FREE uint8_t *mem = calloc(1, SMALL_SCRATCH);
    struct call c = { .txn = t, .mem = { .p = mem, .cap = SMALL_SCRATCH } };

    return mem == NULL ? ERR_NOMEM : clock_get(&c, arg);
}

enum err time_start(struct timekeeper *k, struct store *s, enum clock_trust trust,
                    enum clock_sync sync, struct clock_look look)
{
    struct record_clock rec = { 0 };

    TRY(store_read(s, read_clock, &rec));
    struct clock_mark mark = noted(&rec);
    *k = (struct timekeeper){ .turn = rec.turn, .era = rec.era, .loaded = rec.loaded };
    clock_start(&k->clock, trust, sync, &mark, look);
    return OK;
}

uint64_t time_now(struct timekeeper *k, struct clock_look look, struct node_env *env)
{
    uint64_t now = clock_now(&k->clock, look);

    if (k->clock.leapt)
        k->era++;
    k->clock.leapt = false;
    env->clock = clock_state(&k->clock);
    env->why = k->clock.why;
    env->look = look;
    env->era = k->era;
    env->loaded = k->loaded;
    return now;
}

enum err time_follow(struct timekeeper *k, struct store *s, struct clock_look look)
{
    struct record_clock rec = { 0 };

    TRY(store_read(s, read_clock, &rec));
    if (rec.turn == k->turn)
        return OK;
    clock_confirmed(&k->clock, rec.now_ms, look);
    k->clock.owed_ms = rec.owed_ms;
    k->turn = rec.turn;
    k->era = rec.era;
    return OK;
}

/* ---- who must hear of it ---- */

static const enum record_event told[] = { REC_CLOCK_FROZEN, REC_CLOCK_CONFIRMED,
                                          REC_NODE_LOADED };

/* In the log at once; the wards' drops follow, some at a time. */
static enum err tell_all(struct call *c, enum record_event event)
{
    struct txn_key key = named("tell", (uint8_t)event);
    struct record_tell t = { .time = c->now };

    TRY(record_log(c, event, NULL, NULL));
    return record_put(c, TAB_CLOCK, &record_tell_schema, &key, &t);
}

static enum err tell_some(struct call *c, enum record_event event, struct record_tell *t,
                          size_t *io_left)
{
    struct txn_key at = id_none(t->after) ? (struct txn_key){ 0 } : key_id(t->after);
    size_t mark = c->mem.n;

    for (; *io_left > 0; (*io_left)--) {
        struct record_ward ward = { 0 };
        c->mem.n = mark;
        enum err e = record_next(c, TAB_WARD, &record_ward_schema, (struct bytes){ 0 },
                                 &at, &ward);
        if (e == ERR_UNKNOWN)
            return e;
        memcpy(t->after, at.b, ID_BYTES);
        if (e == OK)
            e = drop_alert(c, &ward, event, NULL, 0);
        if (e != ERR_CORRUPT && e != ERR_UNKNOWN) /* one damaged ward holds up no other */
            TRY(e);
    }
    return OK;
}

enum err time_tell(struct call *c, bool *out_more)
{
    size_t left = TIME_TOLD_AT_ONCE;

    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        struct txn_key key = named("tell", (uint8_t)told[i]);
        struct record_tell t = { 0 };
        enum err e = record_get(c, TAB_CLOCK, &record_tell_schema, &key, &t);

        if (e == ERR_UNKNOWN)
            continue;
        TRY(e);
        e = tell_some(c, told[i], &t, &left);
        if (e == ERR_UNKNOWN)
            TRY(txn_del(c->txn, TAB_CLOCK, key_bytes(&key)));
        else if (e == OK)
            TRY(record_put(c, TAB_CLOCK, &record_tell_schema, &key, &t));
        else
            return e;
    }
    *out_more = left == 0;
    return OK;
}

/* ---- writes ---- */

enum err time_keep(struct call *c, const struct timekeeper *k)
{
    struct record_clock rec = { 0 };
    struct clock_mark mark = { 0 };

    TRY(clock_get(c, &rec));
    /* A person confirmed in between: what the clock says was overtaken. */
    if (rec.turn != k->turn)
        return OK;
    if (clock_mark(&k->clock, &mark))
        note(&rec, &mark);
    if (rec.era < k->era)
        rec.era = k->era;
    if (clock_state(&k->clock) == CLOCK_RUNS)
        rec.told = 0;
    if (clock_is_news(&k->clock) && rec.told == 0) {
        rec.told = 1;
        TRY(tell_all(c, REC_CLOCK_FROZEN));
    }
    return clock_put(c, &rec);
}

enum err time_loaded(struct call *c)
{
    struct record_clock rec = { 0 };

    TRY(clock_get(c, &rec));
    if (rec.era == UINT32_MAX)
        return ERR_CORRUPT;
    rec.era++;
    rec.loaded = rec.era;
    TRY(clock_put(c, &rec));
    return tell_all(c, REC_NODE_LOADED);
}

static enum err confirm(struct call *c, uint64_t now, bool back)
{
    struct record_clock rec = { 0 };
    struct clock_mark mark = { .now_ms = now * MS, .look = c->env->look };
    bool more = false;

    TRY(clock_get(c, &rec));
    mark.owed_ms = back ? 0 : rec.owed_ms;
    bool again = clock_leap(&mark.now_ms, &mark.owed_ms) || back;
    struct clock_mark stood = noted(&rec);

    stood.why = c->env->why; /* perhaps it is not noted yet */
    again = clock_outruns(&stood, &mark) || again;
    if (mark.now_ms < c->now * MS && !back)
        mark.now_ms = c->now * MS;
    if (rec.turn == UINT32_MAX || rec.era == UINT32_MAX)
        return ERR_FULL;
    note(&rec, &mark);
    rec.told = 0;
    rec.turn++;
    rec.era = rec.era < c->env->era ? c->env->era : rec.era;
    rec.era += again ? 1 : 0;
    c->now = mark.now_ms / MS;
    TRY(clock_put(c, &rec));
    TRY(tell_all(c, REC_CLOCK_CONFIRMED));
    /* Before any entry of the new time, which a reader might take for one kept back. */
    return back ? time_tell(c, &more) : OK;
}

enum err time_clock(struct call *c, const struct req_clock *req, struct rep_clock *rep)
{
    uint64_t wall = c->env->look.wall_ms / MS;
    uint64_t now = c->now;
    bool back = false;

    rep->wall = wall;
    if (req->confirm != 0) {
        TRY(clock_agree(c->now, wall, req->confirm, &now, &back));
        if (c->env->why != CLOCK_FINE || back)
            TRY(confirm(c, now, back));
    }
    bool frozen = req->confirm == 0 && c->env->why != CLOCK_FINE;
    rep->time = c->now;
    rep->frozen = frozen;
    rep->why = frozen ? (uint8_t)c->env->why : CLOCK_FINE;
    return OK;
}
