/* SPDX-License-Identifier: Apache-2.0 */
/* What status says of an end of the circle, or of one seat: ordered, due, over. */
#include "client/cmd_status_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- how it stands ---- */

/* A node is believed that it erased all; away past the day, it is not believed to hold.
 */
void look_judge_end(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    struct node_look *n = &l->nodes[i];
    uint64_t due = look_end_at(l, i);
    n->over = 0;
    n->unsaid = false;
    if (g->kind != PIECE_NODE)
        return;
    if (g->left != 0) {
        n->over = g->ending != 0 ? g->left : 0;
    } else if (l->states[i] != HOLDS_OK && g->ended != 0) {
        n->over = g->ended;
    } else if (l->states[i] == HOLDS_AWAY && due != 0 && due <= l->now) {
        n->over = due;
        n->unsaid = true;
    }
    if (g->left != 0 || n->over != 0)
        l->states[i] = HOLDS_MISSING;
}

uint64_t look_end_at(const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    bool silent = l->states[i] == HOLDS_AWAY;
    if (g->left != 0 || g->ended != 0)
        return 0;
    if (g->ending != 0 && (g->ending > l->now || l->states[i] != HOLDS_MISSING))
        return g->ending;
    return silent ? g->end_due : 0;
}

/* One seat's end is no end of the circle: too few pieces are left only then. */
uint64_t look_ends(const struct look *l)
{
    uint64_t due = 0;
    unsigned ends = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        uint64_t at = look_end_at(l, i);
        ends += at != 0;
        due = at != 0 && (due == 0 || at < due) ? at : due;
    }
    return l->standing.stored < l->standing.need + ends ? due : 0;
}

uint64_t look_ended(const struct look *l)
{
    uint64_t last = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct node_look *n = &l->nodes[i];
        if (l->day->guardians[i].kind != PIECE_NODE)
            continue;
        if (n->over == 0 && l->day->guardians[i].left == 0)
            return 0;
        last = n->over > last ? n->over : last;
    }
    return l->standing.restorable ? 0 : last;
}

/* How many nodes erased all, as they said. */
static unsigned said_over(const struct look *l)
{
    unsigned n = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++)
        n += l->nodes[i].over != 0 && !l->nodes[i].unsaid;
    return n;
}

/* This home ordered it, of the circle or of a seat. */
static bool is_wanted(const struct look *l)
{
    bool wanted = l->day->me.end_wanted != 0;
    for (size_t i = 0; i < look_pieces(l->day); i++)
        wanted = wanted || l->day->guardians[i].end_due != 0;
    return wanted;
}

/* ---- the sentence ---- */

bool look_end_sentence(const struct look *l, char out[TERM_TEXT])
{
    uint64_t ended = look_ended(l);
    uint64_t ends = l->standing.restorable ? look_ends(l) : 0;
    char at[TIME_TEXT];
    time_text(ended != 0 ? ended : ends, at);
    if (ended != 0 && said_over(l) > 0)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: no. Your circle ended on %s.", at);
    else if (ended != 0)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: no. Your circle was to end on %s, and no "
                       "node says whether it did.",
                       at);
    else if (ends > l->now)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: only until %s. Your circle ends then.", at);
    else if (ends != 0)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: only for moments. The day of your circle's "
                       "end has come.");
    return ended != 0 || ends != 0;
}

/* ---- the steps ---- */

static void due_text(const struct look *l, uint64_t due, char out[DURATION_TEXT])
{
    if (due > l->now)
        when_text(l->now, due, out);
    else
        (void)snprintf(out, DURATION_TEXT, "at any moment");
}

/* One node's end; the circle goes on without that piece. */
static void next_erases(struct look *l)
{
    char when[DURATION_TEXT];
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        if (look_end_at(l, i) == 0)
            continue;
        due_text(l, look_end_at(l, i), when);
        look_add(l, "ends", "kith circle end --cancel",
                 "%.*s's node erases all that it keeps of you %s. If that is not to be, "
                 "take it back:",
                 TEXT(g->name), when);
        return;
    }
}

void look_next_ends(struct look *l)
{
    uint64_t due = look_ends(l);
    char when[DURATION_TEXT];
    const char *nobody = is_wanted(l)
                             ? ""
                             : " Nobody asked for that in this home: if it was not you, "
                               "somebody has your root key. Call your guardians, and "
                               "replace it (kith root replace).";
    if (due == 0) {
        next_erases(l);
        return;
    }
    due_text(l, due, when);
    if (!l->standing.restorable && said_over(l) > 0)
        look_add(l, "ends", "kith circle end",
                 "Your circle is ending: %u nodes erased what they kept of you, and "
                 "others do so %s.%s To see how it stands:",
                 said_over(l), when, nobody);
    else
        look_add(l, "ends", "kith circle end --cancel",
                 "Your circle ends %s; the pieces are erased then.%s To take it back:",
                 when, nobody);
}

/* One seat's, while the circle goes on. */
void look_next_over(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const char *loss =
        l->standing.restorable ? "" : ": without that piece you cannot be restored";
    char command[TERM_TEXT];
    guardian_next(l->nodes[i].unsaid ? "erase" : "replace", g->name, "", command);
    if (l->nodes[i].unsaid)
        look_add(l, "over", command,
                 "%.*s's node was to erase your piece, and does not answer: it is not "
                 "counted on%s. To see whether it did:",
                 TEXT(g->name), loss);
    else
        look_add(l, "over", command,
                 "%.*s's node erased your piece, by your order%s. To have somebody "
                 "else in the place:",
                 TEXT(g->name), loss);
}

void look_next_ended(struct look *l)
{
    unsigned unsigned_nodes = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++)
        unsigned_nodes += l->nodes[i].over != 0 && l->day->guardians[i].ended == 0;
    if (!is_wanted(l))
        look_add(l, "ended", "",
                 "Nobody asked for that in this home. If it was not you on another "
                 "machine, somebody has your root key: call your guardians.");
    else if (unsigned_nodes > 0)
        look_add(l, "ended", "kith circle end",
                 "%u of your guardians' nodes did not sign here yet that all is erased. "
                 "To have that signed, and to see what is left to do:",
                 unsigned_nodes);
}

/* ---- a line of its own ---- */

void look_say_over(struct term *t, const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    char at[TIME_TEXT];
    time_text(l->nodes[i].over, at);
    if (l->nodes[i].unsaid)
        term_say(t,
                 "%.*s's node was to erase your piece on %s; whether it did is not "
                 "known.",
                 TEXT(g->name), at);
    else
        term_say(t, "%.*s's node erased your piece on %s, by your order.", TEXT(g->name),
                 at);
}
