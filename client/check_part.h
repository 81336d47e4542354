/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of check share among themselves. */
#ifndef KITH_CLIENT_CHECK_PART_H
#define KITH_CLIENT_CHECK_PART_H

#include "client/check.h"

/* The file "check" in memory; slices point into blob. */
struct check_file {
    size_t n;
    struct check_seat seats[DAY_GUARDIANS];
    struct home_blob blob;
};

/* Empty where there is none. ERR_CORRUPT, ERR_VERSION, ERR_IO, ERR_NOMEM. */
enum err check_file_load(struct home *h, struct check_file **out);
void check_file_free(struct check_file *f);
#define AUTO_CHECK_FILE __attribute__((cleanup(auto_check_file_)))

static inline void auto_check_file_(struct check_file **place)
{
    check_file_free(*place);
}

/* What is kept for that seat, or NULL. */
const struct check_seat *check_file_seat(const struct check_file *f,
                                         const uint8_t seat[SEAT_BYTES]);

/* The guardian of that seat, or NULL. */
struct day_guardian *check_guardian(struct day *d, const uint8_t seat[SEAT_BYTES]);

enum check_head {
    HEAD_STRANGE, /* no device of ours made what is in it */
    HEAD_SAME,    /* what is in it is no newer than what is known */
    HEAD_NEWER    /* another device changed the vault */
};

/*
 * Judges a head that g's node shows as that version: a device of ours signed it, and what
 * is in it opens under the vault key. known: version of the state that the node
 * acknowledged to this home; 0: not known.
 */
enum check_head check_head_judge(const struct day *d, const struct day_guardian *g,
                                 uint64_t version, struct bytes raw, uint64_t known);

/* "Ben's node". */
void check_who(const struct day_guardian *g, char out[NAME_MAX_BYTES + 16]);

#endif
