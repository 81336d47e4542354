/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of stores and homes, copied as they lie on the disk, and removed. */
#ifndef KITH_TESTS_SIM_DIRS_H
#define KITH_TESTS_SIM_DIRS_H

/* Into a new directory; a store's reserve, which is room and nothing else, stays out. */
void dir_copy(const char *from, const char *to);
/* With everything in it. */
void dir_drop(const char *dir);

#endif
