/* SPDX-License-Identifier: Apache-2.0 */
/* What kith check, kith drill and the timer's run of both share. */
#ifndef KITH_CLIENT_CMD_CHECK_PART_H
#define KITH_CLIENT_CMD_CHECK_PART_H

#include "client/alert.h"
#include "client/check.h"

/* Home and day together; the home is closed while nodes are spoken with. */
struct check_desk {
    struct ctx *ctx;
    struct home home;
    struct day *day;
};

#define CHECK_DESK(c)                                                                    \
    {                                                                                    \
        .ctx = (c), .home = {.dir = -1, .lock = -1 }                                     \
    }

/* Opens both again: another kith may have written meanwhile. Records its problem. */
enum err check_desk_open(struct check_desk *k);
void check_desk_end(struct check_desk *k);
#define AUTO_CHECK_DESK __attribute__((cleanup(check_desk_end)))
/* EXIT_NO_CIRCLE (10) before a seal. */
enum err check_desk_sealed(struct check_desk *k);

/* "kith guardian replace Cy", and what to ask first. */
void check_advice(const struct day_guardian *g, unsigned fault, char out[TERM_TEXT],
                  char out_command[TERM_TEXT]);
/*
 * After a run by the timer: hands what is new (a node that was caught, a drill that
 * waits) to the programs of the alerts. What was told is noted in the day.
 */
void check_tell(struct check_desk *k);

#endif
