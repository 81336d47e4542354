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

/* ---- one conversation ---- */

/* Objects of one message. */
struct batch {
    size_t first; /* of work->ids */
    size_t n;
    uint8_t want[HASH_BYTES];
};

struct check_work {
    struct checks *all;
    struct check_place *place;
    uint8_t newest[HASH_BYTES]; /* manifest hash of the circle */
    bool kept;                  /* this home knows what it must hold of the circle: */
    uint32_t epoch;
    uint8_t want_epoch[HASH_BYTES];
    bool has_list; /* it stored a newer list of guardians: */
    uint8_t want_list[HASH_BYTES];
    bool list_gone;
    uint64_t version; /* newest vault head it acknowledged or showed; 0 none */
    uint8_t head[HASH_BYTES];
    bool acknowledged; /* objects: it has a state of ours */
    uint8_t *ids;
    size_t n_ids;
    struct batch *batches;
    size_t n_batches;
    uint8_t pass[KEY_BYTES];
    uint64_t at;
    bool over;
    /* the conversation */
    uint64_t shown; /* version of the head that it showed */
    uint64_t known; /* version of the state that it acknowledged; 0: not known */
    uint8_t strange[VAULT_HEAD_MAX]; /* a head that this home does not know */
    size_t strange_n;
    bool missing; /* objects, which a newer state may have dropped */
    uint8_t want_head[HASH_BYTES];
    unsigned heads;
    size_t next; /* batch */
    bool asked_epoch;
    bool behind; /* it never acknowledged the newest epoch: it is asked what it has */
    bool shows;  /* that epoch */
    struct req_wards wards;
    bool heard;     /* what the node says of its guardian's keys: */
    uint64_t reset; /* when they got new ones; 0 not */
    struct req_epoch_state state;
    struct call_send last; /* to be sent again where the node was busy */
    unsigned waits;
    struct req_head_get get;
    struct req_check check;
};

/* Notes the fault; of the piece it weighs more than of the vault. */
void check_caught(struct check_work *w, enum check_fault f);
/* The step of a call whose ctx is a struct check_work. */
enum err check_step(struct call *c, const struct call_reply *reply,
                    struct call_send *out);

/* "Ben's node". */
void check_who(const struct day_guardian *g, char out[NAME_MAX_BYTES + 16]);

#endif
