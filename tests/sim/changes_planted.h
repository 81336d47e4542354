/* SPDX-License-Identifier: Apache-2.0 */
/* Between planted faults, which know the node, and schedules, which know the client. */
#ifndef KITH_TESTS_SIM_CHANGES_PLANTED_H
#define KITH_TESTS_SIM_CHANGES_PLANTED_H

#include <stdbool.h>
#include <stdint.h>

struct planted_found {
    const char *broken; /* the promise; NULL: none was */
    uint64_t number;    /* of the schedule */
    const char *story;
};

/* The circle of that journey, and how it goes when nobody dies and nothing is planted:
 * then every promise holds. */
void planted_begin(const char *journey);
void planted_end(void);
/* Schedules of a journey of that circle, first the one without deaths; forgets: the
 * owner's disk syncs nothing. */
void planted_search(const char *journey, bool forgets, struct planted_found *out);

#endif
