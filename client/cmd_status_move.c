/* SPDX-License-Identifier: Apache-2.0 */
/* A new root of this home's that is on its way, as status has it. */
#include "client/cmd_status_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* A node's clock may be ahead of this one. */
enum { CLOCKS_APART_S = 3600 };

static const struct move_seen *seen_of(const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    for (size_t k = 0; l->moving && k < l->move.n_seats; k++)
        if (bytes_equal(BYTES_OF(l->move.seats[k].seat), BYTES_OF(g->seat)))
            return &l->move.seats[k];
    return NULL;
}

enum look_between look_between(const struct look *l, size_t i)
{
    const struct move_seen *s = seen_of(l, i);
    if (s == NULL || l->day->guardians[i].kind != PIECE_NODE)
        return BETWEEN_NOT;
    /* A node that let the new keys in once knows them. */
    if (l->move.phase == MOVE_LATE)
        return l->day->guardians[i].progress == GUARDIAN_READY ? BETWEEN_NOT
                                                               : BETWEEN_LATE;
    bool may = s->told == TOLD_WAITS && s->due <= l->now + CLOCKS_APART_S;
    return s->told == TOLD_DONE || may ? BETWEEN_TAKEN : BETWEEN_NOT;
}

void look_say_between(const struct look *l, size_t i, char *out, size_t cap)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const struct move_seen *s = seen_of(l, i);
    char when[DURATION_TEXT];
    if (s == NULL || l->nodes[i].between == BETWEEN_TAKEN) {
        (void)snprintf(out, cap,
                       "%.*s's node has taken your new root key, and no longer knows the "
                       "one of this home. That is as it should be.",
                       TEXT(g->name));
        return;
    }
    when_text(l->now, s->due, when);
    if (s->told == TOLD_REFUSED)
        (void)snprintf(out, cap,
                       "%.*s's node does not know your new root key: %.*s said no to it.",
                       TEXT(g->name), TEXT(g->name));
    else if (s->told == TOLD_DONE)
        (void)snprintf(out, cap,
                       "%.*s's node has your new root key, and does not know this device "
                       "yet.",
                       TEXT(g->name));
    else if (s->told == TOLD_WAITS && s->due > l->now)
        (void)snprintf(out, cap,
                       "%.*s's node takes your new root key %s, and does not know this "
                       "home until then.",
                       TEXT(g->name), when);
    else
        (void)snprintf(out, cap, "%.*s's node has not taken your new root key yet.",
                       TEXT(g->name));
}

/* It took the new root since this home heard of it last. */
static bool took_since(const struct look *l, size_t i)
{
    const struct move_seen *s = seen_of(l, i);
    return s != NULL && s->told != TOLD_DONE && l->nodes[i].between == BETWEEN_TAKEN;
}

bool look_took(const struct look *l)
{
    struct circle_count c = { { 0 } };
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct move_seen *s = seen_of(l, i);
        if (l->move.phase < MOVE_LATE && s != NULL &&
            (s->told == TOLD_DONE || took_since(l, i)))
            c.of[l->day->guardians[i].group]++;
    }
    return l->moving && circle_enough(&l->day->me, &c);
}

/* How many of one's own requests for a new root a device stopped. */
static unsigned own_stopped(const struct look *l)
{
    unsigned n = 0;
    for (size_t i = 0; i < l->n_requests; i++)
        n += look_own(l, &l->requests[i]) && l->requests[i].line.state == STATE_CONTESTED;
    return n;
}

/* The people said yes; what is left is time, and then this command. */
static void next_sent(struct look *l)
{
    char when[DURATION_TEXT];
    char rest[2 * DURATION_TEXT] = "";
    unsigned have = l->move.done;
    for (size_t i = 0; i < look_pieces(l->day); i++)
        have += took_since(l, i);
    when_text(l->now, l->move.due, when);
    if (have < l->move.of && l->move.due > l->now)
        (void)snprintf(rest, sizeof rest, ", the last of them takes it %s", when);
    look_add(l, "move", "kith root replace --resume",
             "A new root is on its way: %u of %u nodes have it%s. %s:", have, l->move.of,
             rest, rest[0] != 0 && have == 0 ? "Then go on with" : "To go on");
}

void look_next_move(struct look *l)
{
    if (l->moving && own_stopped(l) > 0)
        look_add(l, "move", "kith root replace --resume",
                 "You asked for a new root, and a device of yours said stop. Was it not "
                 "you, a thief has that device: tell your guardians so. They can say yes "
                 "despite the stop. To see whom to call:");
    else if (l->moving && l->move.phase == MOVE_ASK)
        look_add(
            l, "move", "kith root replace --resume",
            "You asked for a new root: %u of %u guardians said yes so far. If it was "
            "not you, call your guardians: they can refuse it. To go on, and see whom to "
            "call:",
            l->move.said, l->move.of);
    else if (l->moving)
        next_sent(l);
}
