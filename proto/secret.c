/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/secret.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <sodium.h>

/* The arena is cut in blocks; a run of blocks is one allocation. */
enum { BLOCK = 64, BLOCKS = SECRET_ARENA / BLOCK };

/* The one piece of process-wide state: locked memory is a thing of the process. */
static struct {
    atomic_bool busy;
    uint8_t *map; /* guard page, arena, guard page */
    size_t map_n;
    uint8_t *base;
    uint16_t run[BLOCKS]; /* length in blocks at the first block of a run, else 0 */
    bool used[BLOCKS];
} arena;

/*
 * Held for a few hundred instructions; but whoever holds it may have lost its core. Who
 * waits looks without writing and gives way: many that write would keep the holder out.
 */
static void lock(void)
{
    while (atomic_exchange_explicit(&arena.busy, true, memory_order_acquire)) {
        while (atomic_load_explicit(&arena.busy, memory_order_relaxed))
            (void)sched_yield(); /* cannot fail on Linux */
    }
}

static void unlock(void)
{
    atomic_store_explicit(&arena.busy, false, memory_order_release);
}

enum err secret_start(enum secret_lock need)
{
    MUST(arena.map == NULL);
    if (sodium_init() < 0)
        return ERR_NOMEM;

    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t body = (SECRET_ARENA + page - 1) / page * page;
    uint8_t *map =
        mmap(NULL, body + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return ERR_NOMEM;
    if (mprotect(map + page, body, PROT_READ | PROT_WRITE) != 0 ||
        madvise(map + page, body, MADV_DONTDUMP) != 0) {
        (void)munmap(map, body + 2 * page); /* nothing in it yet */
        return ERR_NOMEM;
    }
    if (mlock(map + page, body) != 0 && need == SECRET_LOCK_REQUIRED) {
        (void)munmap(map, body + 2 * page); /* nothing in it yet */
        return ERR_MLOCK;
    }
    arena.map = map;
    arena.map_n = body + 2 * page;
    /* The end of the arena touches the guard page: an overrun of the last byte faults. */
    arena.base = map + page + (body - SECRET_ARENA);
    return OK;
}

void secret_end(void)
{
    if (arena.map == NULL)
        return;
    MUST(secret_in_use() == 0);
    sodium_memzero(arena.base, SECRET_ARENA);
    (void)munmap(arena.map, arena.map_n); /* cannot fail on our own mapping */
    arena.map = NULL;
}

size_t secret_in_use(void)
{
    size_t n = 0;

    lock();
    for (size_t i = 0; i < BLOCKS; i++)
        n += arena.used[i] ? (size_t)BLOCK : 0;
    unlock();
    return n;
}

/* First fit; returns BLOCKS when there is no room. */
static size_t find_run(size_t need)
{
    size_t free_run = 0;

    for (size_t i = 0; i < BLOCKS; i++) {
        free_run = arena.used[i] ? 0 : free_run + 1;
        if (free_run == need)
            return i + 1 - need;
    }
    return BLOCKS;
}

enum err secret_alloc(size_t n, void **out)
{
    MUST(arena.map != NULL && n > 0);
    if (n > SECRET_ARENA)
        return ERR_NOMEM;

    size_t need = (n + BLOCK - 1) / BLOCK;
    lock();
    size_t at = find_run(need);
    if (at < BLOCKS) {
        arena.run[at] = (uint16_t)need;
        for (size_t i = at; i < at + need; i++)
            arena.used[i] = true;
    }
    unlock();
    if (at == BLOCKS)
        return ERR_NOMEM;
    *out = arena.base + at * BLOCK;
    return OK;
}

void secret_free(void *p)
{
    if (p == NULL)
        return;

    size_t off = (size_t)((uint8_t *)p - arena.base);
    MUST(arena.map != NULL && off < SECRET_ARENA && off % BLOCK == 0);
    size_t at = off / BLOCK;
    lock();
    size_t need = arena.run[at];
    bool live = need > 0 && arena.used[at];
    if (live) {
        sodium_memzero(p, need * BLOCK);
        arena.run[at] = 0;
        for (size_t i = at; i < at + need; i++)
            arena.used[i] = false;
    }
    unlock();
    MUST(live);
}

void secret_wipe(void *p, size_t n)
{
    if (n > 0)
        sodium_memzero(p, n);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

/*
 * Declared in err.h; it stands here because it wipes the arena. proto never reports,
 * with this one exception: the process is about to end.
 */
_Noreturn void must_fail(const char *cond, const char *file, int line)
{
    if (arena.map != NULL)
        sodium_memzero(arena.base, SECRET_ARENA);
    (void)prctl(PR_SET_DUMPABLE, 0); /* no core; the arena would not be in it anyway */
    (void)fprintf(stderr, "kith: internal error: %s (%s:%d)\n", cond, file, line);
    abort();
}
