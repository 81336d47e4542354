/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this data.mdb sound? LMDB trusts its file: a flipped byte may send it outside its
 * map or to an old page, a short file is a SIGBUS. So the whole structure is walked
 * with plain reads before LMDB maps it: sizes, page numbers, order of keys, each page
 * used once, counts. What the records say is guarded by their seals.
 */
#ifndef KITH_NODE_STORE_CHECK_H
#define KITH_NODE_STORE_CHECK_H

#include "proto/bytes.h"
#include "proto/err.h"

/*
 * Checks the open file fd; *out_why is one clause for a person. ERR_CORRUPT: not sound;
 * ERR_IO, ERR_NOMEM.
 */
enum err store_check(int fd, const char **out_why);

#endif
