/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/dirs.h"

enum { MS = 1000 };

/* ---- chance, and what is told ---- */

uint32_t world_draw(struct world *w, uint32_t n)
{
    uint8_t raw[4];

    rng_fill(&w->rng, raw, sizeof raw);
    return n == 0 ? 0 : load_u32(raw) % n;
}

bool world_chance(struct world *w, uint32_t part, uint32_t whole)
{
    return world_draw(w, whole) < part;
}

__attribute__((format(printf, 2, 0))) static void tell(struct world *w, const char *fmt,
                                                       va_list args)
{
    size_t left = STORY_MAX - w->told_n;
    char *at = w->told + w->told_n;
    int n = left > 2 ? vsnprintf(at, left - 1, fmt, args) : -1;

    if (n < 0 || (size_t)n >= left - 1)
        return;
    at[n] = '\n';
    at[n + 1] = 0;
    w->told_n += (size_t)n + 1;
    if (w->tell)
        (void)fputs(at, stderr);
}

void world_tell(struct world *w, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tell(w, fmt, args);
    va_end(args);
}

void world_broken(struct world *w, const char *name, const char *fmt, ...)
{
    va_list args;

    if (w->broken != NULL)
        return;
    w->broken = name;
    world_tell(w, "BROKEN %s:", name);
    va_start(args, fmt);
    tell(w, fmt, args);
    va_end(args);
}

/* ---- time ---- */

static struct clock_look look(const struct world *w, const struct house *h)
{
    struct clock_look l = { .wall_ms = (uint64_t)((int64_t)w->now + h->wall_off) * MS,
                            .boot_ms = (w->now - h->booted) * MS };

    memcpy(l.boot, h->boot, ID_BYTES);
    return l;
}

uint64_t house_now(struct world *w, size_t i)
{
    struct house *h = &w->houses[i];

    h->n.now = time_now(&h->time, look(w, h), &h->n.env);
    return h->n.now;
}

/* As node/conn's sweep. */
static enum err run_tick(struct txn *t, void *arg)
{
    struct house *h = arg;
    bool more = true;

    TRY(serve_keep(t, &h->n.env, h->n.now, &h->time));
    while (more)
        TRY(serve_tick(t, &h->n.env, h->n.now, &more));
    more = true;
    while (more)
        TRY(serve_tell(t, &h->n.env, h->n.now, &more));
    return OK;
}

/* What is old in drops and vaults; true: there was something. */
static enum err run_tidy(struct txn *t, void *arg)
{
    struct house *h = arg;

    return serve_tick_drops(t, &h->n.env, h->n.now, &h->untidy);
}

void house_tick(struct world *w, size_t i)
{
    struct house *h = &w->houses[i];

    if (h->down)
        return;
    (void)house_now(w, i);
    enum err e = store_write(h->n.store, run_tick, h);
    h->untidy = true;
    while (e == OK && h->untidy)
        e = store_write(h->n.store, run_tidy, h);
    if (e != OK)
        world_broken(w, "the_minutes_work_is_done", "%s at node %zu", err_name(e), i);
}

void world_wait(struct world *w, uint64_t seconds)
{
    uint64_t left = seconds;

    while (left > 0) {
        uint64_t part = left > 4 * 3600 ? left / 2 : left;

        w->now += part;
        left -= part;
        for (size_t i = 0; i < w->n_houses; i++)
            house_tick(w, i);
    }
}

void house_set_wall(struct world *w, size_t i, int64_t off)
{
    (void)house_now(w, i); /* until here it was as before */
    w->houses[i].wall_off = off;
    w->houses[i].odd = w->houses[i].odd || off != 0;
    (void)house_now(w, i);
}

/* ---- the life of a node ---- */

/* As kithd starts. */
static void begin(struct world *w, size_t i, enum house_sync sync)
{
    struct house *h = &w->houses[i];

    if (sync == HOUSE_KNOWS_TIME)
        h->wall_off = 0;
    h->odd = h->odd || sync != HOUSE_KNOWS_TIME;
    MUST(time_start(&h->time, h->n.store, h->trust,
                    sync == HOUSE_KNOWS_TIME ? CLOCK_SYNCHRONISED : CLOCK_UNSYNCHRONISED,
                    look(w, h)) == OK);
    h->down = false;
    house_tick(w, i);
}

/* The machine itself started: another boot. */
static void boot(struct world *w, struct house *h)
{
    rng_fill(&w->rng, h->boot, ID_BYTES);
    h->booted = w->now;
}

void world_hang_up(struct world *w, size_t h)
{
    for (size_t i = 0; i < LINES; i++) {
        if (w->lines[i].used == 0 || w->lines[i].house != h)
            continue;
        talk_end(&w->lines[i].talk);
        w->lines[i].used = 0;
    }
}

void house_again(struct world *w, size_t i, enum house_sync sync)
{
    world_hang_up(w, i);
    node_sim_again(&w->houses[i].n);
    begin(w, i, sync);
}

/* The store as it lies on the disk takes the place of what closing it leaves. */
static void put_in_place(struct world *w, size_t i, const char *copy)
{
    struct house *h = &w->houses[i];

    world_hang_up(w, i);
    store_close(h->n.store);
    dir_drop(h->n.dir);
    MUST(rename(copy, h->n.dir) == 0);
    struct store_refusal why = { 0 };
    MUST(store_open(h->n.dir, &h->n.rng, &h->n.store, &why) == OK);
    h->n.env.id = store_identity(h->n.store);
}

void house_power_cut(struct world *w, size_t i, enum house_sync sync)
{
    char as_it_lies[COPY_NAME];

    MUST(snprintf(as_it_lies, COPY_NAME, "%s-cut", w->houses[i].n.dir) < COPY_NAME);
    dir_copy(w->houses[i].n.dir, as_it_lies);
    put_in_place(w, i, as_it_lies);
    boot(w, &w->houses[i]);
    begin(w, i, sync);
}

void house_copy(struct world *w, size_t i)
{
    struct house *h = &w->houses[i];

    if (h->copy[0] != 0)
        dir_drop(h->copy);
    char name[COPY_NAME];

    MUST(snprintf(name, COPY_NAME, "%s-old", h->n.dir) < COPY_NAME);
    memcpy(h->copy, name, COPY_NAME);
    dir_copy(h->n.dir, h->copy);
}

void house_forget_copy(struct world *w, size_t i)
{
    struct house *h = &w->houses[i];

    if (h->copy[0] != 0)
        dir_drop(h->copy);
    h->copy[0] = 0;
}

void house_put_back(struct world *w, size_t i)
{
    struct house *h = &w->houses[i];

    MUST(h->copy[0] != 0);
    put_in_place(w, i, h->copy);
    h->copy[0] = 0;
    h->back = true;
    begin(w, i, HOUSE_KNOWS_TIME);
}

void house_learns_time(struct world *w, size_t i)
{
    struct house *h = &w->houses[i];

    (void)house_now(w, i);
    h->wall_off = 0;
    clock_synchronised(&h->time.clock, look(w, h));
    (void)house_now(w, i);
}

bool house_confirm(struct world *w, size_t i, const struct sim_login *guardian)
{
    struct house *h = &w->houses[i];
    struct req_clock req = { .confirm = w->now };

    rng_fill(&w->rng, req.op, ID_BYTES);
    enum err e = world_ask(w, i, guardian, MSG_CLOCK, &req, NULL);

    if (e == OK && !h->down)
        MUST(time_follow(&h->time, h->n.store, look(w, h)) == OK);
    (void)house_now(w, i);
    return e == OK;
}

bool house_runs(struct world *w, size_t i)
{
    (void)house_now(w, i);
    return clock_state(&w->houses[i].time.clock) == CLOCK_RUNS &&
           w->houses[i].wall_off == 0;
}

void world_open(struct world *w, uint64_t seed, size_t n_houses)
{
    memset(w, 0, offsetof(struct world, told) + 1);
    w->seed = seed;
    w->chance = (struct sim_rng){ .seed = seed * 1000003 + 17 };
    w->rng = sim_rng_of(&w->chance);
    w->now = SIM_START;
    w->n_houses = n_houses;
    w->lines = calloc(LINES, sizeof *w->lines);
    MUST(w->lines != NULL && n_houses <= HOUSES_MAX);
    for (size_t i = 0; i < n_houses; i++) {
        struct house *h = &w->houses[i];

        node_sim_open(&h->n, seed * HOUSES_MAX + i);
        h->trust = world_chance(w, 1, 8) ? CLOCK_TRUSTED : CLOCK_ASK_KERNEL;
        boot(w, h);
        begin(w, i, HOUSE_KNOWS_TIME);
    }
}

void world_close(struct world *w)
{
    for (size_t i = 0; i < w->n_houses; i++) {
        world_hang_up(w, i);
        if (w->houses[i].copy[0] != 0)
            dir_drop(w->houses[i].copy);
        node_sim_close(&w->houses[i].n);
    }
    free(w->lines);
}
