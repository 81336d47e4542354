/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults planted into the programs' own functions, by the linker (--wrap): the source
 * of the programs has no hooks. One is on at a time, by its name.
 */
#ifndef KITH_TESTS_SIM_PLANTS_H
#define KITH_TESTS_SIM_PLANTS_H

#include <stddef.h>

struct plant {
    const char *name;
    const char *what;
    const char *finds; /* promises, one of which must be found broken */
};

extern const struct plant plants[];
extern const size_t plant_count;

/* That one and no other; NULL: none. */
void plant_set(const struct plant *p);

#endif
