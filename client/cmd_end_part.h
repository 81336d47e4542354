/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of cmd_end share; for them alone. */
#ifndef KITH_CLIENT_CMD_END_PART_H
#define KITH_CLIENT_CMD_END_PART_H

#include "client/ceremony_end.h"

/* For "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* The owner's home with the root at hand, and what a round came to. */
struct end_desk {
    struct ctx *ctx;
    struct home home;
    struct day *day;
    struct unlocked *root; /* secret */
    struct end_told *told;
    size_t n_told;
};

#define END_DESK                                                                         \
    {                                                                                    \
        .home = {.dir = -1, .lock = -1 }                                                 \
    }

void end_desk_done(struct end_desk *k);
#define AUTO_END_DESK __attribute__((cleanup(end_desk_done)))
/* Home and day of an owner. Records problems. */
enum err end_desk_open(struct ctx *ctx, struct end_desk *k);

/* Notes what a guardian's node said, or that it did not; the first is kept. */
void end_note(struct end_desk *k, struct day_guardian *g,
              const struct guardian_talk *talk);
/* That; NULL: nothing is to be said. */
const struct guardian_talk *end_noted(const struct end_desk *k,
                                      const struct day_guardian *g);
/* Says that nothing is there any more, and whose doing it was. */
void end_say_settled(struct term *t, const struct day_guardian *g);
/* Nothing is at any node any more. */
bool end_all_settled(const struct day *d);
/* kith.end/1. ERR_NOMEM. */
enum err end_json(struct end_desk *k);
/*
 * kith circle end --cancel: gives the wish up, here and at all nodes, since another
 * device may have planned it there. Records problems.
 */
enum err end_desk_cancel(struct end_desk *k);

/* Any number of bytes in hex; null for none. */
json_t *json_bytes(struct bytes b);

/* kith guardian export NAME -o DIR */
enum err cmd_end_export(struct ctx *ctx);

#endif
