/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home on a disk that loses what was not synced. Below one directory, and for the
 * program that runs there: each renaming and removing of a file is a moment at which it
 * may die, before or after; from then on it changes nothing any more. A power cut takes
 * back, by chance, what it did not sync. Linked with --wrap (tests/CMakeLists.txt).
 */
#ifndef KITH_TESTS_SIM_DISK_H
#define KITH_TESTS_SIM_DISK_H

#include <stdbool.h>

#include "proto/crypt.h"

/* Whether it dies at this moment; name: the file, before: it is not done yet. */
typedef bool (*disk_dies)(void *ctx, const char *name, bool before);

/* From now on, below dir (copied). NULL: no directory, nothing is watched. */
void disk_watch(const char *dir, disk_dies dies, void *ctx);
/* From now on the program forgets to sync, as far as anybody can see. */
void disk_forgets(bool forgets);
/* It died, and was not started again. */
bool disk_gone(void);
/* It dies wherever it is. */
void disk_kill(void);
/*
 * It starts again. power: the machine had lost power, so that what was not synced is
 * gone, or there, by chance.
 */
void disk_again(bool power, const struct rng *chance);
/* It ended: a file it did not sync, or NULL; all of them are on the disk now. */
const char *disk_unsynced(void);

#endif
