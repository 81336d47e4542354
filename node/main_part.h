/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of kithd share: the command line, exit codes, words to the operator. */
#ifndef KITH_NODE_MAIN_PART_H
#define KITH_NODE_MAIN_PART_H

#include "node/conf.h"

enum exit_code {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_DEGRADED = 3,
    EXIT_NONE = 5,
    EXIT_INTEGRITY = 9,
    EXIT_BUSY = 11,
    EXIT_VERSION = 14
};

enum what_to_do { RUN, CHECK_CONFIG, PRINT_LIMITS, BACKUP, LOAD, VERIFY };

struct args {
    const char *config;
    enum what_to_do what;
    const char *file; /* of BACKUP and LOAD */
    bool new_operator_link;
};

/* A sentence to the operator: what happened, why, what to do (or NULL). */
enum exit_code complain(enum exit_code code, const char *what, const char *next);

/* `kithd backup F`, `load F`, `verify`; secrets may be held. */
enum exit_code store_command(const struct conf *conf, const struct args *args);

#endif
