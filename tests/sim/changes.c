/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/changes.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/disk.h"

enum { RUNS = 600, DEATHS = 8 };

static struct {
    const struct journey *journey;
    const struct plan *plan;
    uint64_t chance;
    struct rng rng;
    bool shuffle;
    bool few; /* once enough people confirmed, nobody else is called */
    bool healed;
    bool power;           /* the owner's machine loses power when it dies */
    unsigned client_at;   /* of its moments; 0: never */
    unsigned client_more; /* of 256 later ones */
    size_t node;
    unsigned node_at; /* twice its commit, one less: before it; 0: never */
    unsigned node_more;
    unsigned away; /* of 256 connections */
    unsigned runs;
    struct outcome out;
    size_t told;
    char story[CHANGE_STORY];
} run;

/* ---- what is told ---- */

__attribute__((format(printf, 1, 0))) static void tell(const char *fmt, va_list args)
{
    size_t left = sizeof run.story - run.told;
    int n = left > 2 ? vsnprintf(run.story + run.told, left - 1, fmt, args) : -1;

    if (n < 0 || (size_t)n >= left - 1)
        return;
    run.told += (size_t)n;
    run.story[run.told++] = '\n';
    run.story[run.told] = 0;
}

void run_tell(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tell(fmt, args);
    va_end(args);
}

void run_broken(const char *what, const char *fmt, ...)
{
    va_list args;

    if (run.out.broken != NULL)
        return;
    run.out.broken = what;
    run_tell("BROKEN: %s:", what);
    va_start(args, fmt);
    tell(fmt, args);
    va_end(args);
}

bool run_over(void)
{
    return run.out.broken != NULL;
}

const struct plan *run_plan(void)
{
    return run.plan;
}

bool run_calls_few(void)
{
    return run.few;
}

/* ---- fate ---- */

static void chance_fill(void *ctx, uint8_t *out, size_t n)
{
    uint64_t *state = ctx;

    for (size_t i = 0; i < n; i++) {
        uint64_t z = *state += 0x9e3779b97f4a7c15U;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        out[i] = (uint8_t)(z >> 32);
    }
}

static uint32_t draw(uint32_t n)
{
    uint8_t raw[4];

    rng_fill(&run.rng, raw, sizeof raw);
    return n == 0 ? 0 : load_u32(raw) % n;
}

static void mark(uint64_t what)
{
    run.out.trace = (run.out.trace ^ what) * 0x100000001b3U;
}

static bool dies(bool now, unsigned more)
{
    if (run.healed || run.out.deaths >= DEATHS)
        return false;
    now = now || (more != 0 && run.out.deaths > 0 && draw(256) < more);
    run.out.deaths += now;
    return now;
}

static bool client_dies(void *ctx, const char *name, bool before)
{
    (void)ctx;
    run.out.m.client++;
    mark(run.out.m.client);
    if (!dies(run.out.m.client == run.client_at, run.client_more))
        return false;
    run_tell("the owner's machine dies %s %s", before ? "before" : "after", name);
    mark(1);
    return true;
}

static bool client_gone(void *ctx)
{
    (void)ctx;
    return disk_gone();
}

static bool node_dies(void *ctx, size_t i, bool before)
{
    unsigned *n = &run.out.m.commits[i];

    (void)ctx;
    *n += before;
    mark(1000 + i);
    if (!dies(i == run.node && 2 * *n - before == run.node_at, run.node_more))
        return false;
    run_tell("%s's node dies %s a commit", play_names[i], before ? "before" : "after");
    mark(2 + before);
    return true;
}

static bool node_away(void *ctx, size_t i)
{
    (void)ctx;
    (void)i;
    bool away = !run.healed && run.away != 0 && draw(256) < run.away;

    mark(away ? 5 : 4);
    return away;
}

static size_t next(void *ctx, size_t n)
{
    (void)ctx;
    return run.shuffle ? draw((uint32_t)n) : 0;
}

static const struct net_fate fate = { .client_gone = client_gone,
                                      .node_dies = node_dies,
                                      .node_away = node_away,
                                      .next = next };

/* ---- a schedule ---- */

uint64_t changes_single(const struct measure *m)
{
    uint64_t n = m->client;

    for (size_t i = 0; i < NET_NODES; i++)
        n += 2 * (uint64_t)m->commits[i];
    return n;
}

/* The number-th place where one dies. */
static void one_death(uint64_t at, const struct measure *m)
{
    if (at < m->client) {
        run.client_at = (unsigned)at + 1;
        return;
    }
    at -= m->client;
    while (at >= 2 * (uint64_t)m->commits[run.node])
        at -= 2 * (uint64_t)m->commits[run.node++];
    run.node_at = (unsigned)at + 1;
}

static void decide(const struct schedule *s, const struct measure *m)
{
    uint64_t single = changes_single(m);

    if (s->number == 0)
        return;
    run.shuffle = draw(4) != 0;
    run.few = draw(4) != 0;
    run.power = draw(2) == 0;
    if (s->number <= single) {
        one_death(s->number - 1, m);
        return;
    }
    one_death(draw((uint32_t)single), m);
    run.client_more = draw(3) == 0 ? 0 : 1 + draw(24);
    run.node_more = draw(3) == 0 ? 0 : 1 + draw(24);
    run.away = draw(2) == 0 ? 0 : 1 + draw(64);
}

/* ---- the run ---- */

void run_heal(void)
{
    run_tell("-- from now on everything works");
    run.healed = true;
}

void run_wait(uint64_t seconds)
{
    run_tell("%llu h pass", (unsigned long long)(seconds / 3600));
    play_wait(seconds);
    look_recoverable();
}

static void told_run(const char *const *words, int code)
{
    char line[400];
    size_t n = 0;

    for (size_t i = 0; words[i] != NULL && n < sizeof line - 60; i++)
        n += (size_t)snprintf(line + n, sizeof line - n, " %.*s", 40, words[i]);
    const char *said = play_said();

    run_tell("kith%s: %d  %.*s", line, code, (int)strcspn(said, "\n"), said);
}

int owner_runs(const char *const *words)
{
    if (run_over())
        return DIED;
    if (++run.runs > RUNS)
        run_broken("it_ends", "still not after %d commands", RUNS);
    int code = play_run("Ana", words);

    told_run(words, code);
    mark((uint64_t)code + 10);
    if (disk_gone()) {
        disk_again(run.power, &run.rng);
        code = DIED;
    } else {
        const char *file = disk_unsynced();

        if (file != NULL)
            run_tell("not on the disk yet: %s", file);
    }
    look_recoverable();
    return code;
}

/* ---- copies on the way, of the run without faults ---- */

static struct {
    size_t n; /* slots of play, 0 is the beginning */
    struct measure at[PLAY_SLOTS];
    struct progress progress[PLAY_SLOTS];
    uint8_t *looks; /* PLAY_SLOTS times look_size */
} copies;

static void copy_now(const struct progress *p)
{
    if (copies.n == PLAY_SLOTS || p->round > 0)
        return;
    disk_watch(NULL, NULL, NULL);
    net_fate(NULL);
    if (copies.n > 0)
        play_save(copies.n);
    copies.at[copies.n] = run.out.m;
    copies.progress[copies.n] = *p;
    look_out(copies.looks + copies.n++ * look_size());
}

/* Nobody dies before it. */
static bool is_before(const struct measure *at)
{
    if (run.client_at != 0)
        return at->client < run.client_at;
    return run.node_at != 0 && 2 * at->commits[run.node] < run.node_at;
}

/* Where this run begins. */
static size_t copy_of(const struct schedule *s)
{
    size_t i = 0;

    while (s->number != 0 && i + 1 < copies.n && is_before(&copies.at[i + 1]))
        i++;
    return i;
}

static void start(const struct schedule *s, uint64_t seed, struct progress *p)
{
    size_t from = copy_of(s);

    play_load(from, seed);
    look_forget();
    if (s->number == 0) {
        journey_begin(p);
        copies.n = 0;
        free(copies.looks);
        copies.looks = calloc(PLAY_SLOTS, look_size());
        MUST(copies.looks != NULL);
        return;
    }
    *p = copies.progress[from];
    run.out.m = copies.at[from];
    mark(from + 7);
    look_in(copies.looks + from * look_size());
    if (from > 0)
        run_tell("(as in schedule 0, until step %zu)", from);
}

void changes_play(const struct schedule *s, const struct measure *m, struct outcome *out)
{
    uint64_t seed = s->number * 64 + (uint64_t)(s->journey - journeys);
    struct progress p = { 0 };

    memset(&run, 0, offsetof(__typeof__(run), story));
    run.story[0] = 0;
    run.journey = s->journey;
    run.plan = s->journey->plan;
    run.chance = seed;
    run.rng = (struct rng){ .fill = chance_fill, .ctx = &run.chance };
    run.out.trace = 0xcbf29ce484222325U;
    decide(s, m);
    start(s, seed, &p);
    while (!p.done && !run_over()) {
        if (s->number == 0)
            copy_now(&p);
        net_fate(&fate);
        disk_watch(play_home("Ana"), client_dies, NULL);
        journey_step(s->journey, &p);
    }
    disk_watch(NULL, NULL, NULL);
    net_fate(NULL);
    run.out.story = run.story;
    *out = run.out;
}

void changes_forget(void)
{
    free(copies.looks);
    copies.looks = NULL;
    copies.n = 0;
}
