/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request told in plain sentences to its guardian: who asks, since when, what
 * happened before, what is known of the ward, when the piece could go, the one next
 * step. Names come from the ward's sealed note; what the caller writes is in quotes.
 */
#ifndef KITH_CLIENT_CMD_GUARD_TALE_H
#define KITH_CLIENT_CMD_GUARD_TALE_H

#include "client/cmd_guard_part.h"

/* term_tell where the tale is the answer, term_say where it stands beside one. */
typedef void (*tell_fn)(struct term *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

enum { TALE_TITLE = NAME_TEXT + 64 };

enum introducer { INTRODUCER_NOT_LOOKED, INTRODUCER_KNOWN, INTRODUCER_UNKNOWN };

struct tale {
    struct desk *d;
    tell_fn tell;
    size_t seat; /* index in the day */
    const struct request_line *line;
    struct bytes claimed;            /* the caller's own words */
    enum introducer introducer;      /* as the manifest says, where it was opened */
    char name[NAME_TEXT];            /* of the ward */
    struct bytes about;              /* the owner's note, newest known */
    const struct day_ward *ward;     /* NULL: its note was never opened */
    const struct ward_line *at_node; /* NULL: the node does not list it */
    const struct guard_plan *plan;   /* of a change, where it was opened, else NULL */
    const struct guard_plan *plan_before; /* of the circle before it, or NULL */
    uint32_t epoch;                       /* of the change; 0 not known */
    bool typing;                          /* words of a call are asked for below it */
};

/* What is known after a desk_look; slices are the desk's and r's. */
void tale_of(struct desk *d, tell_fn tell, const struct guard_request *r,
             struct tale *out);
/* What it is about, in one line. */
void tale_title(const struct tale *t, char out[TALE_TITLE]);
/* All but title and next step. */
void tale_tell(const struct tale *t);
/* The one next step, with its command. */
void tale_next(const struct tale *t);
/* What a change, an end, a new root would do; nothing for other requests. */
void tale_change(const struct tale *t);
/* All of a new root that waits to take over, with the one next step. */
void tale_takeover(const struct tale *t);
/* Whether the circle changed so that this guardian is in it for the first time. */
bool tale_is_new(const struct tale *t);
/* Since when the ward has a root that this guardian did not confirm yet; 0: no such. */
uint64_t tale_new_root(const struct tale *t);
/* True if only a yes that knows of the stop counts. */
bool tale_needs_despite(const struct tale *t);
/* True if all tries are used up. */
bool tale_is_locked(const struct tale *t);

/*
 * All of one request. With the keys at hand its piece is opened too, for the owner's
 * newest note and name.
 */
enum err guard_tell(struct desk *d, const struct guard_request *r, tell_fn tell);

#endif
