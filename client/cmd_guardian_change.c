/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guardian_part.h"

enum { LIST_TEXT = 900 };

static void add_name(char list[LIST_TEXT], struct bytes name, struct bytes reach)
{
    size_t n = strlen(list);
    (void)snprintf(list + n, LIST_TEXT - n, "%s%.*s", n > 0 ? ", " : "", TEXT(name));
    n = strlen(list);
    if (reach.n > 0)
        (void)snprintf(list + n, LIST_TEXT - n, " (%.*s)", TEXT(reach));
}

/* ---- in sentences ---- */

static void tell_calls(struct term *t, const struct day *d, const struct change_stand *s)
{
    char list[LIST_TEXT] = "";
    for (size_t i = 0; i < DAY_GUARDIANS; i++)
        if (s->call[i])
            add_name(list, d->guardians[i].name, d->guardians[i].reach);
    if (s->possible)
        term_say(t,
                 "The old pieces stay good until %u %s of those who guarded you before "
                 "%s confirmed the change. Nothing is lost meanwhile.",
                 s->missing,
                 s->said > 0       ? "more"
                 : s->missing == 1 ? "person"
                                   : "people",
                 s->missing == 1 ? "has" : "have");
    else
        term_say(t,
                 "Too few of those who guard you now guarded you before to let all old "
                 "pieces go. Each node lets its own piece go 30 days after the change, "
                 "if its guardian and one more confirmed it.");
    if (list[0] != 0)
        term_say(t, "Call, one by one: %s. Begin with:", list);
}

static void tell_behind(struct term *t, const struct day *d, const struct change_stand *s)
{
    char list[LIST_TEXT] = "";
    for (size_t i = 0; i < DAY_GUARDIANS; i++)
        if (s->behind[i] && d->guardians[i].kind == PIECE_NODE)
            add_name(list, d->guardians[i].name, (struct bytes){ 0 });
    if (list[0] != 0)
        term_say(t,
                 "Still without the new piece: %s. It is sent when their nodes are back, "
                 "with: kith circle seal --resume",
                 list);
}

static void tell_formers(struct term *t, const struct day *d)
{
    char leave[TERM_TEXT];

    leave_next(d, leave);
    for (size_t i = 0; i < d->n_formers; i++) {
        const struct day_guardian *g = &d->formers[i];
        if (g->kind != PIECE_NODE || g->retired > g->epoch)
            continue;
        if (g->parted != 0)
            term_say(t,
                     "%.*s's node still keeps an old piece. It shows %.*s that your "
                     "circle goes on without them, and that %s erases it, once you told "
                     "them so yourself. If they are not there, it is one piece.",
                     TEXT(g->name), TEXT(g->name), leave);
        else
            term_say(t,
                     "%.*s's node still keeps an old piece. If %.*s is there, ask them "
                     "to type %s, which erases it. If not, it is one piece.",
                     TEXT(g->name), TEXT(g->name), leave);
    }
}

static void tell_cards(struct term *t, const struct day *d)
{
    struct bytes names[8];
    char list[LIST_TEXT] = "";
    bool dead = false;
    size_t n = change_cards(d, names, 8, &dead);
    for (size_t i = 0; i < n; i++)
        add_name(list, names[i], (struct bytes){ 0 });
    if (n > 0 && dead)
        term_say(t, "Old cards that are worthless now: %s. Tear them up.", list);
    else if (n > 0)
        term_say(t,
                 "Old cards that are not needed any more: %s. They still fit the old "
                 "pieces that are left: let them be torn up.",
                 list);
}

void change_tell(struct term *t, const struct day *d, const struct change_stand *s,
                 bool dead)
{
    char when[TIME_TEXT];
    time_text(s->due, when);
    if (dead)
        term_say(t, "The old circle is dead: what is left of it opens nothing, whoever "
                    "has it.");
    switch (s->step) {
    case CHANGE_CALLS:
        tell_calls(t, d, s);
        break;
    case CHANGE_NODES:
        term_say(t,
                 "Your guardians confirmed the change. %u %s still to be told that the "
                 "old pieces may go:",
                 s->untold, s->untold == 1 ? "node is" : "nodes are");
        break;
    case CHANGE_WAITS:
        term_say(t,
                 "Your guardians confirmed the change. The old pieces go by themselves, "
                 "at the latest on %s: 14 days after the change, so that you could "
                 "notice if it was not yours.",
                 when);
        break;
    case CHANGE_LEFT:
        term_say(t, "All nodes that could be told have let the old pieces go. The old "
                    "circle is not dead: old pieces are left where nobody can order "
                    "that.");
        break;
    case CHANGE_NONE:
    case CHANGE_PLANNED:
    case CHANGE_SEALING:
    case CHANGE_STORING:
        break;
    }
    if (s->step != CHANGE_SEALING && s->step != CHANGE_PLANNED)
        tell_behind(t, d, s);
    if (s->step == CHANGE_WAITS || s->step == CHANGE_LEFT)
        tell_formers(t, d);
    if (s->step == CHANGE_LEFT || dead)
        tell_cards(t, d);
}

/* ---- as JSON ---- */

static const char *step_name(enum change_step s)
{
    static const char *const names[] = {
        [CHANGE_NONE] = "none",       [CHANGE_PLANNED] = "planned",
        [CHANGE_SEALING] = "sealing", [CHANGE_STORING] = "storing",
        [CHANGE_CALLS] = "calls",     [CHANGE_NODES] = "nodes",
        [CHANGE_WAITS] = "waits",     [CHANGE_LEFT] = "left",
    };
    return names[s];
}

static json_t *names_json(const struct day *d, const bool which[DAY_GUARDIANS])
{
    json_t *all = json_array();
    for (size_t i = 0; i < d->n_guardians; i++)
        if (which[i])
            (void)json_array_append_new(all, json_slice(d->guardians[i].name));
    return all;
}

static json_t *cards_json(const struct day *d)
{
    struct bytes names[8];
    bool dead = false;
    size_t n = change_cards(d, names, 8, &dead);
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(all, json_slice(names[i]));
    return all;
}

json_t *change_json(const struct day *d, const struct change_stand *s)
{
    return json_pack("{s:s, s:i, s:o, s:i, s:i, s:b, s:b, s:b, s:i, s:i, s:i, s:o, s:o, "
                     "s:o, s:o}",
                     "step", step_name(s->step), "epoch", (int)s->epoch, "judge",
                     s->judge != 0 ? json_integer(s->judge) : json_null(), "said",
                     (int)s->said, "missing", (int)s->missing, "possible",
                     (int)s->possible, "certified", (int)s->certified, "dead",
                     (int)s->dead, "retired", (int)s->retired, "waiting", (int)s->waiting,
                     "untold", (int)s->untold, "due", json_time(s->due), "call",
                     names_json(d, s->call), "behind", names_json(d, s->behind),
                     "old_cards", cards_json(d));
}
