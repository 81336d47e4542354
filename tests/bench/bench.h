/* SPDX-License-Identifier: Apache-2.0 */
/* Processor time of a piece of work: the best of some batches, each of some runs. */
#ifndef KITH_TESTS_BENCH_H
#define KITH_TESTS_BENCH_H

#include <time.h>

static inline double bench_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* this clock always is there */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Lowers *best (0: none yet) to the nanoseconds of one of so many runs. */
static inline void bench_batch(void (*run)(void), int runs, double *best)
{
    double from = bench_now_ns();

    for (int i = 0; i < runs; i++)
        run();
    double ns = (bench_now_ns() - from) / runs;
    *best = *best == 0 || ns < *best ? ns : *best;
}

#endif
