/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "client/cmd_status_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

void look_add(struct look *l, const char *id, const char *command, const char *fmt, ...)
{
    struct next n = { .id = id };
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(n.text, sizeof n.text, fmt, args);
    va_end(args);
    (void)snprintf(n.command, sizeof n.command, "%s", command);
    if (l->n_next < NEXT_MAX)
        l->next[l->n_next++] = n;
}

/* ---- with a circle ---- */

static void next_requests(struct look *l)
{
    size_t n = 0;
    const struct seen_request *first = NULL;
    size_t stopped = 0;
    for (size_t i = 0; i < l->n_requests; i++) {
        if (!look_asks(&l->requests[i]) || look_own(l, &l->requests[i]))
            continue;
        stopped += l->requests[i].line.state == STATE_CONTESTED;
        first = first == NULL ? &l->requests[i] : first;
        n++;
    }
    if (first == NULL)
        return;
    if (stopped == n) {
        look_add(l, "request", "",
                 "What is asked for was stopped. If it is not you, call your guardians "
                 "and say so: they can refuse it for good.");
        return;
    }
    look_add(l, "request", "kith stop all",
             "Somebody asks for %s at %.*s's node%s. If that is not you, stop it, and "
             "call your guardians:",
             first->line.kind == REQUEST_MOVE ? "a new root key" : "your keys",
             TEXT(first->g->name), n > 1 ? " and at others" : "");
}

/* Whoever has enough pieces has the keys; only the owner knows who that was. */
static void next_let_go(struct look *l)
{
    const struct day_guardian *g = l->day->guardians;
    unsigned n = look_let_go(l);
    char command[COMMAND_TEXT];
    if (n == 0)
        return;
    while (!look_gone(g))
        g++;
    alert_settle_command(g->name, command, sizeof command);
    look_add(l, "let-go", command,
             "%.*s's node%s let your piece go to somebody who restores your keys%s. If "
             "that was not you, call your guardians. When you know who it was:",
             TEXT(g->name), n > 1 ? " and others" : "",
             n >= l->standing.need ? ", and that is enough to have them" : "");
}

/* People gave the circle a new root, and it is not this home's. */
static void next_moved(struct look *l)
{
    uint64_t due = look_moved(l);
    char when[DURATION_TEXT];
    if (due == 0)
        return;
    if (due > l->now)
        when_text(l->now, due, when);
    else
        (void)snprintf(when, sizeof when, "at any moment");
    look_add(l, "moved", "",
             "A new root takes over your circle %s, and it was not made in this home. If "
             "that is not you, call your guardians: they can refuse it.",
             when);
}

/* Another device of the person's, or somebody who has their keys. */
static void next_newer(struct look *l)
{
    const struct day_guardian *g = look_newer(l);
    if (g != NULL)
        look_add(l, "newer", "",
                 "Your circle was changed from somewhere else: %.*s's node has a newer "
                 "one than this home knows. If that was not you, call your guardians: "
                 "until they confirm it, the pieces of this one stay.",
                 TEXT(g->name));
}

/* All of them away at once is rarely theirs; what was bad before stands, and is first. */
static bool next_network(struct look *l)
{
    unsigned nodes = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        bool node = l->day->guardians[i].kind == PIECE_NODE;
        nodes += node;
        if (node && !l->nodes[i].unreached)
            return false;
    }
    if (nodes < 2)
        return false;
    look_add(l, "network", "kith status",
             "None of your guardians' nodes can be reached: this machine may be without "
             "a network. Once it has one:");
    return true;
}

static void next_alone(struct look *l)
{
    if (l->alone && l->moving && l->move.phase < MOVE_LATE)
        look_add(l, "alone", "kith root replace --resume",
                 "Your guardians' nodes have taken your new root key, which nobody but "
                 "this home has. Keep this machine safe, and give out new pieces:");
    else if (l->alone)
        look_add(l, "alone",
                 l->moving ? "kith root replace --resume" : "kith circle seal --resume",
                 "Your guardians' pieces give back the root key before this one, which "
                 "counts for nothing. Keep this machine safe, and give out new ones:");
}

/* A check that failed: that piece is not counted on. */
static void next_check(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    unsigned fault = day_proven(g)->fault;
    char command[TERM_TEXT];
    if (fault == CHECK_FINE)
        return;
    if (!l->nodes[i].failed) {
        look_add(l, "check-vault", "kith vault push",
                 "%.*s's node %s. Ask %.*s what happened to it, and bring the vault "
                 "there again:",
                 TEXT(g->name), check_fault_text(fault), TEXT(g->name));
        return;
    }
    guardian_next("replace", g->name, "", command);
    look_add(l, "check-failed", command,
             "%s Ask %.*s what happened to it. When it cannot be mended:",
             l->nodes[i].why, TEXT(g->name));
}

static void next_fault(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    char command[COMMAND_TEXT];
    if (g->n_node == 0 || g->node[0].fault == SEEN_FINE)
        return;
    bool back = l->states[i] == HOLDS_ROLLED_BACK;
    alert_settle_command(g->name, command, sizeof command);
    look_add(l, back ? "rolled-back" : "caught", command,
             "%s Ask %.*s what happened to it. When that is settled:", l->nodes[i].why,
             TEXT(g->name));
}

/* What a piece that is gone means for a restore. */
static const char *loss_text(const struct look *l)
{
    if (!l->standing.restorable)
        return ": without that piece you cannot be restored";
    return l->standing.spare == 0 ? ": there is no piece to spare now" : "";
}

static void next_loss(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const struct node_look *n = &l->nodes[i];
    if (n->over != 0)
        look_next_over(l, i);
    else if (g->left != 0)
        look_add(l, "left", "kith guardian add NAME LINK",
                 "%.*s gave up guarding you%s. Ask somebody else for an invite, and make "
                 "a new circle:",
                 TEXT(g->name), loss_text(l));
    else if (n->lost)
        look_add(l, "reset", "",
                 "%.*s has new keys, and may not be able to open your piece%s. Ask %.*s "
                 "for a new invite, and make a new circle.",
                 TEXT(g->name), loss_text(l), TEXT(g->name));
    else if (g->reset != 0)
        look_add(l, "reset", "",
                 "%.*s has new keys, and opens your piece by the old ones, which others "
                 "may have. Ask %.*s for a new invite, and make a new circle.",
                 TEXT(g->name), TEXT(g->name));
}

static void next_clock(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    if (g->clock != 0)
        look_add(l, "clock", "",
                 "The clock of %.*s's node waits for a person; holds stand still there. "
                 "Ask %.*s to look (kith guard clock).",
                 TEXT(g->name), TEXT(g->name));
}

/* A guardian who was told that a device is gone. */
static void next_frozen(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    char when[DURATION_TEXT];
    if (g->frozen <= l->now)
        return;
    when_text(l->now, g->frozen, when);
    look_add(l, "frozen", "kith root replace",
             "%.*s froze changes by your keys; that ends %s. If somebody may have your "
             "keys, make a new root before that:",
             TEXT(g->name), when);
}

/* A card counts once its paper was read back. */
void look_next_card(struct look *l)
{
    const struct day_guardian *g = cards_wait(l->day);
    char command[TERM_TEXT];
    if (g == NULL)
        return;
    card_next(g->name, command);
    look_add(l, "card", command,
             "%.*s's card does not count until its paper was read back. To print it, and "
             "to see how it is read back:",
             TEXT(g->name));
}

static void next_seal(struct look *l)
{
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        if (g->epoch == l->day->me.epoch || g->kind == PIECE_CARD)
            continue;
        look_add(l, "seal", "kith circle seal --resume",
                 "%.*s has no piece yet. When the node is back:", TEXT(g->name));
        return;
    }
}

static void next_node(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    char since[DURATION_TEXT];
    uint64_t seen = g->n_node > 0 ? g->node[0].seen : 0;
    if (g->kind == PIECE_CARD || l->nodes[i].between != BETWEEN_NOT)
        return;
    when_text(l->now, seen, since);
    if (l->states[i] == HOLDS_AWAY && g->epoch == l->day->me.epoch &&
        (l->now - seen > CIRCLE_AMBER_S || !l->standing.today))
        look_add(
            l, "away", "",
            "%.*s's node does not answer (%s%s). Ask %.*s whether it is switched on.",
            TEXT(g->name), seen != 0 ? "last seen " : "not seen by this home yet",
            seen != 0 ? since : "", TEXT(g->name));
    if (l->states[i] == HOLDS_MISSING && g->left == 0 && l->nodes[i].over == 0 &&
        g->reset == 0 && !l->nodes[i].failed)
        look_add(l, circle_state_name(l->states[i]), "",
                 "%.*s's node does not hold what it held. Ask %.*s what happened to it.",
                 TEXT(g->name), TEXT(g->name));
}

/* Who is missing for what, and what to type. */
void look_next_change(struct look *l)
{
    const struct change_stand *c = &l->change;
    char command[TERM_TEXT];
    const struct day_guardian *g = change_call(l->day, c);
    change_next(l->day, c, command);
    if (c->step == CHANGE_CALLS && g != NULL)
        look_add(l, "change", command,
                 "The circle has changed, and the old pieces are still alive until %u "
                 "more of those who guarded you before %s that it was you. Call %.*s and "
                 "type:",
                 c->missing, c->missing == 1 ? "says" : "say", TEXT(g->name));
    else if (c->step == CHANGE_SEALING || c->step == CHANGE_STORING)
        look_add(l, "change", command,
                 "The circle is changing, and the new pieces are not all at their places "
                 "yet:");
    else if (c->step == CHANGE_NODES)
        look_add(l, "change", command,
                 "Your guardians have confirmed the new circle. So that the old pieces "
                 "go:");
    else if (c->step == CHANGE_PLANNED)
        look_add(l, "change", command,
                 "A change of your circle is planned and not carried out yet:");
}

static bool change_presses(const struct look *l)
{
    return l->change.step != CHANGE_NONE && l->change.step != CHANGE_PLANNED;
}

/* ---- proofs ---- */

static void next_drill(struct look *l, size_t i, bool late)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const struct day_proof *p = day_proven(g);
    enum drill_state s = drill_standing(l->day, g, l->now);
    char text[TERM_TEXT];
    char command[TERM_TEXT] = "";
    bool waits = s == DRILL_ASKED && l->now > p->asked + DRILL_WAIT_S;
    if (s == DRILL_RESTS || late != (s == DRILL_FAILED || waits))
        return;
    drill_text(l->day, g, l->now, text);
    if (s == DRILL_DUE || s == DRILL_ASKED)
        drill_next(g->name, command);
    else if (s == DRILL_FAILED)
        guardian_next("replace", g->name, "", command);
    look_add(l, "drill", command, "%s", text);
}

static void next_checks(struct look *l)
{
    char when[DURATION_TEXT];
    if (!l->proofs.check_due)
        return;
    when_text(l->now, l->proofs.oldest, when);
    if (l->proofs.oldest == 0)
        look_add(l, "check", "kith check",
                 "Nobody has checked yet whether your guardians' nodes still hold what "
                 "they should:");
    else
        look_add(
            l, "check", "kith check",
            "Not all of your guardians' nodes were checked lately (the last one %s):",
            when);
}

static void next_confirm(struct look *l)
{
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        char command[TERM_TEXT];
        if (circle_confirmed(l->day, g) || g->kind != PIECE_NODE)
            continue;
        guardian_next("confirm", g->name, "", command);
        look_add(
            l, "confirm", command,
            "You have not spoken with %.*s%s yet; until then this piece is not counted "
            "as a spare one. Call %.*s and type:",
            TEXT(g->name), g->confirmed != 0 ? " about your new circle" : "",
            TEXT(g->name));
        return;
    }
}

static void next_care(struct look *l)
{
    uint32_t every = alert_every(l->day->me.hold);
    bool test = l->care == CARE_UNTESTED || l->care == CARE_SENT;
    if (l->care != CARE_FINE)
        look_add(l, test ? "alert-test" : "alert-watch", alert_care_next(l->care), "%s",
                 alert_care_text(l->care));
    else if (l->day->me.timer > every)
        look_add(l, "alert-timer", "kith alert timer on",
                 "Your hold is short; this machine should look for alerts more often:");
}

static void next_vault(struct look *l)
{
    if (look_unsaved(l))
        look_add(
            l, "vault", "kith vault push",
            "The newest state of your vault is at %u of %u nodes, and %u are needed. "
            "To save it:",
            l->vault.saved, l->vault.of, l->vault.need);
}

/* Nodes whose list for a restore has an address that led elsewhere once. */
static void next_list(struct look *l)
{
    size_t n = roster_behind(l->day);
    char command[TERM_TEXT];
    if (n == 0)
        return;
    for (size_t i = 0; i < look_pieces(l->day); i++)
        if (roster_is_behind(l->day, &l->day->guardians[i])) {
            guardian_next("address", l->day->guardians[i].name, "", command);
            look_add(l, "list", command,
                     "A guardian's node has another address now, and %zu nodes, "
                     "%.*s's first, still keep the old list for a restore. When they "
                     "answer:",
                     n, TEXT(l->day->guardians[i].name));
            return;
        }
}

/* Paper and nodes of people who are no guardians: nobody can order them from here. */
static void next_old(struct look *l)
{
    struct bytes card[1];
    char command[TERM_TEXT] = "";
    bool dead = false;
    if (l->day->n_past > 0 && l->change.step == CHANGE_LEFT &&
        change_cards(l->day, card, 1, &dead) > 0) {
        (void)snprintf(command, sizeof command, "kith card torn \"%.*s\"", TEXT(card[0]));
        look_add(l, "torn", command,
                 "The old card of %.*s still fits old pieces. Have it torn up, and then "
                 "say so:",
                 TEXT(card[0]));
    }
    for (size_t i = 0; i < l->day->n_formers; i++) {
        const struct day_guardian *g = &l->day->formers[i];
        if (g->kind != PIECE_NODE || g->retired > g->epoch || l->day->n_past == 0)
            continue;
        char leave[TERM_TEXT];
        leave_next(l->day, leave);
        look_add(l, "former", "",
                 "%.*s was a guardian, and their node still keeps an old piece. Ask them "
                 "to type there: %s",
                 TEXT(g->name), leave);
        return;
    }
}

/* What nobody but the owner can mend comes first. */
static void next_pressing(struct look *l)
{
    next_alone(l);
    next_requests(l);
    next_let_go(l);
    next_moved(l);
    look_next_ends(l);
    look_next_asked(l);
    next_newer(l);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        next_fault(l, i);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        if (l->nodes[i].failed)
            next_check(l, i);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        next_loss(l, i);
}

static void next_sealed(struct look *l)
{
    size_t n = look_pieces(l->day);
    bool short_of = !l->standing.restorable; /* a card may be what is missing */
    if (look_unknown(l)) {
        look_next_unknown(l);
        return;
    }
    if (look_ended(l) != 0) {
        next_requests(l);
        next_let_go(l);
        look_next_ended(l);
        return;
    }
    if (short_of)
        look_next_card(l);
    next_pressing(l);
    if (next_network(l))
        return;
    look_next_move(l);
    if (change_presses(l))
        look_next_change(l);
    look_next_end(l);
    next_seal(l);
    next_vault(l);
    next_list(l);
    for (size_t i = 0; i < n; i++)
        if (!l->nodes[i].failed)
            next_check(l, i);
    if (!short_of)
        look_next_card(l);
    for (size_t i = 0; i < n; i++) {
        next_clock(l, i);
        next_node(l, i);
    }
    next_confirm(l);
    for (size_t i = 0; i < n; i++) {
        next_frozen(l, i);
        next_drill(l, i, true);
    }
    next_care(l);
    next_checks(l);
    for (size_t i = 0; i < n; i++)
        next_drill(l, i, false);
    if (l->change.step == CHANGE_PLANNED)
        look_next_change(l);
    next_old(l);
    if (l->read > 0)
        look_add(l, "secrets", "kith secret list",
                 "%u items of your vault are as they were before your new root key, and "
                 "may have been read. To see which to change:",
                 l->read);
}

void look_next(struct look *l)
{
    if (l->day->me.epoch > 0)
        next_sealed(l);
    else
        look_next_first(l);
}
