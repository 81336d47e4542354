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

static uint64_t end_named(const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    if (g->left != 0 || g->ended != 0)
        return 0;
    if (g->ending != 0 && (g->ending > l->now || l->states[i] != HOLDS_MISSING))
        return g->ending;
    return l->states[i] == HOLDS_AWAY ? g->end_due : 0;
}

/* What is frozen there is not erased, whatever day was named. */
uint64_t look_end_at(const struct look *l, size_t i)
{
    uint64_t at = end_named(l, i);
    uint64_t frozen = l->day->guardians[i].frozen;
    return at != 0 && frozen > at ? frozen : at;
}

/* The node waits with it for something that has no day. */
static bool is_held(const struct look *l, size_t i)
{
    bool held = l->day->guardians[i].clock != 0 || l->nodes[i].move != 0;
    for (size_t k = 0; k < l->n_requests; k++) {
        const struct seen_request *r = &l->requests[k];
        held = held ||
               (r->g == &l->day->guardians[i] && look_asks(r) &&
                (r->line.state == STATE_APPROVED || r->line.state == STATE_CONTESTED));
    }
    return held;
}

static bool is_ending(const struct look *l, size_t i)
{
    return look_end_at(l, i) != 0;
}

static bool is_at_hand(const struct look *l, size_t i)
{
    return is_ending(l, i) && look_end_at(l, i) <= l->now && !is_held(l, i);
}

/* Whether the root comes back without all pieces of which that is true. */
static bool stands_without(const struct look *l,
                           bool (*goes)(const struct look *, size_t))
{
    enum circle_state states[DAY_GUARDIANS];
    struct circle_standing left;
    memcpy(states, l->states, sizeof states);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        if (goes(l, i))
            states[i] = HOLDS_MISSING;
    circle_stand(l->day, states, l->now, &left);
    return left.restorable;
}

/* One seat's end is no end of the circle: too few pieces are left only then. */
uint64_t look_ends(const struct look *l)
{
    uint64_t due = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        uint64_t at = look_end_at(l, i);
        due = at != 0 && (due == 0 || at < due) ? at : due;
    }
    return due != 0 && !stands_without(l, is_ending) ? due : 0;
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

/* This home ordered it there, by itself or with the circle's. */
static bool is_wanted_at(const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    return l->day->me.end_wanted != 0 || g->end_due != 0 || g->ended != 0;
}

/* Nothing ends, or ended, that this home did not order. */
static bool is_wanted(const struct look *l)
{
    for (size_t i = 0; i < look_pieces(l->day); i++)
        if ((is_ending(l, i) || l->nodes[i].over != 0) && !is_wanted_at(l, i))
            return false;
    return true;
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
    else if (ends != 0 && !stands_without(l, is_at_hand))
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: only for moments. The day of your circle's "
                       "end has come.");
    else if (ends != 0)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: only for now. The day of your circle's end "
                       "has come, and some nodes wait with it.");
    return ended != 0 || ends != 0;
}

/* ---- the steps ---- */

static const char *const nobody_text =
    " Nobody asked for that in this home: if it was not you, somebody has your root key. "
    "Take it back, call your guardians, and then make a new root key.";

static void due_text(const struct look *l, uint64_t due, const char *past,
                     char out[DURATION_TEXT])
{
    if (due > l->now)
        when_text(l->now, due, out);
    else
        (void)snprintf(out, DURATION_TEXT, "%s", past);
}

static void next_erases_at(struct look *l, size_t i)
{
    char when[DURATION_TEXT];
    due_text(l, look_end_at(l, i),
             is_held(l, i) ? "once nothing holds it up" : "at any moment", when);
    look_add(l, "ends", "kith circle end --cancel",
             "%.*s's node erases all that it keeps of you %s%s.%s If that is not to be, "
             "take it back:",
             TEXT(l->day->guardians[i].name), when,
             l->standing.restorable ? "" : ", and you cannot be restored as it is",
             is_wanted_at(l, i) ? "" : nobody_text);
}

/*
 * One node's end; the circle goes on without that piece, or does not for other reasons.
 * Part of an end that this home wants, whose step is the next call.
 */
static void next_erases(struct look *l)
{
    if (l->day->me.end_wanted != 0 && is_wanted(l) && l->standing.restorable)
        return;
    for (size_t i = 0; i < look_pieces(l->day); i++)
        if (is_ending(l, i)) {
            next_erases_at(l, i);
            return;
        }
}

/* Too few pieces are left, and these go too. */
static void next_rest_ends(struct look *l, unsigned n, const char *when)
{
    unsigned over = said_over(l);
    bool wanted = is_wanted(l);
    const char *nobody = wanted ? "" : nobody_text;
    if (over == 0)
        look_add(l, "ends", "kith circle end --cancel",
                 "You cannot be restored as it is, and %u nodes erase what they keep of "
                 "you, the first of them %s.%s To take it back:",
                 n, when, nobody);
    else
        look_add(l, "ends", wanted ? "kith circle end" : "kith circle end --cancel",
                 "Your circle is ending: %u %s erased what was kept of you, and others "
                 "do so %s.%s %s",
                 over, over == 1 ? "node" : "nodes", when, nobody,
                 wanted ? "To see how it stands:" : "To keep what is left:");
}

void look_next_ends(struct look *l)
{
    uint64_t due = look_ends(l);
    unsigned n = 0;
    char when[DURATION_TEXT];
    for (size_t i = 0; i < look_pieces(l->day); i++)
        n += is_ending(l, i);
    if (due == 0 || (!l->standing.restorable && n == 1 && said_over(l) == 0)) {
        next_erases(l);
        return;
    }
    due_text(l, due,
             stands_without(l, is_at_hand) ? "from now on, node by node"
                                           : "at any moment",
             when);
    if (!l->standing.restorable)
        next_rest_ends(l, n, when);
    else
        look_add(l, "ends", "kith circle end --cancel",
                 "Your circle ends %s; the pieces are erased then.%s To take it back:",
                 when, is_wanted(l) ? "" : nobody_text);
}

/* One seat's, while the circle goes on. */
void look_next_over(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const char *loss =
        l->standing.restorable ? "" : ": without that piece you cannot be restored";
    bool wanted = is_wanted_at(l, i);
    bool asks = l->nodes[i].unsaid && wanted;
    char command[TERM_TEXT];
    guardian_next(asks ? "erase" : "replace", g->name, "", command);
    if (asks)
        look_add(l, "over", command,
                 "%.*s's node was to erase your piece, and does not answer: it is not "
                 "counted on%s. To see whether it did:",
                 TEXT(g->name), loss);
    else
        look_add(l, "over", command,
                 "%.*s's node %s your piece, %s%s.%s To have somebody "
                 "else in the place:",
                 TEXT(g->name), l->nodes[i].unsaid ? "was to erase" : "erased",
                 wanted ? "by your order" : "and that was not ordered in this home", loss,
                 wanted ? ""
                        : " If it was not you on another machine, somebody has your root "
                          "key: call your guardians.");
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
    look_next_anew(l);
    if (is_wanted(l) && unsigned_nodes > 0)
        look_add(l, "ended", "kith circle end",
                 "%u of your guardians' nodes did not sign here yet that all is erased. "
                 "To have that signed, and to see what is left to do:",
                 unsigned_nodes);
}

/* ---- asked for, and not ordered ---- */

static bool is_question(const struct seen_request *r)
{
    return r->line.kind == REQUEST_CONFIRM && r->line.purpose == PURPOSE_END &&
           r->line.state < STATE_RELEASED;
}

/* Whether that is what this home asked there. */
static bool is_own(const struct seen_request *r)
{
    return end_asks(r->g) &&
           bytes_equal(BYTES_OF(r->g->request), BYTES_OF(r->line.request));
}

static const struct day_guardian *first_asked(const struct look *l)
{
    for (size_t i = 0; i < l->n_requests; i++)
        if (is_question(&l->requests[i]) && !is_own(&l->requests[i]))
            return l->requests[i].g;
    return NULL;
}

unsigned look_asked(const struct look *l)
{
    unsigned n = 0;
    for (size_t i = 0; i < l->n_requests; i++)
        n += is_question(&l->requests[i]) && !is_own(&l->requests[i]);
    return n;
}

void look_next_asked(struct look *l)
{
    const struct day_guardian *g = first_asked(l);
    if (g != NULL)
        look_add(
            l, "end-asked", "kith circle end --cancel",
            "%.*s%s asked to erase all that is kept of you. Nobody asked for that in "
            "this home: if it was not you on another machine, somebody has your "
            "root key. Call your guardians, so that they say no, and take it back:",
            TEXT(g->name), look_asked(l) > 1 ? " and others are" : " is");
}

/* The node may show its guardian this home's question; what it says now counts. */
static bool may_ask(const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    bool shown = false;
    for (size_t k = 0; k < l->n_requests; k++)
        shown = shown || (l->requests[k].g == g && is_question(&l->requests[k]) &&
                          is_own(&l->requests[k]));
    return end_asks(g) && (shown || !l->nodes[i].answered);
}

/* "; the first piece is erased in 13 days", or nothing. */
static void first_text(const struct look *l, char out[64])
{
    uint64_t first = 0;
    char when[DURATION_TEXT];
    out[0] = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        uint64_t at = look_end_at(l, i);
        first = at != 0 && (first == 0 || at < first) ? at : first;
    }
    if (first == 0)
        return;
    due_text(l, first, "at any moment", when);
    (void)snprintf(out, 64, "; the first piece is erased %s", when);
}

static void next_wanted(struct look *l)
{
    unsigned yes = 0;
    char said[64] = "nobody has said yes to that yet";
    char first[64];
    first_text(l, first);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        yes += l->day->guardians[i].end_said.n > 0;
    if (yes > 0)
        (void)snprintf(said, sizeof said, "%u of your guardians said yes so far", yes);
    if (end_enough(l->day))
        (void)snprintf(said, sizeof said, "enough said yes, but not all nodes know");
    look_add(l, "end", "kith circle end",
             "You want your circle to end, and %s%s. With --cancel it is taken back. To "
             "go on%s:",
             said, first, end_enough(l->day) ? "" : ", and to see whom to call");
}

/* The end of one seat, or what is left of one that was taken back. */
static void next_question(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    char command[TERM_TEXT];
    guardian_next("erase", g->name, "", command);
    if (confirm_open(g))
        look_add(
            l, "end", command,
            "You asked %.*s to agree that all is erased there, and there is no yes "
            "yet. It is taken back by circle end with --cancel. To see the words for "
            "the call:",
            TEXT(g->name));
    else
        look_add(l, "end", "kith circle end --cancel",
                 "You took it back that your circle ends, and %.*s's node may still ask "
                 "%.*s for a yes. When it answers:",
                 TEXT(g->name), TEXT(g->name));
}

void look_next_end(struct look *l)
{
    if (l->day->me.end_wanted != 0 && look_ends(l) == 0) {
        next_wanted(l);
        return;
    }
    for (size_t i = 0; i < look_pieces(l->day) && l->day->me.end_wanted == 0; i++)
        if (may_ask(l, i)) {
            next_question(l, i);
            return;
        }
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
        term_say(t, "%.*s's node erased your piece on %s, %s.", TEXT(g->name), at,
                 is_wanted_at(l, i) ? "by your order"
                                    : "and that was not ordered in this home");
}
