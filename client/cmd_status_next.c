/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "client/cmd_status_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum |= p[i];
    return sum == 0;
}

__attribute__((format(printf, 4, 5))) static void
add_next(struct look *l, const char *id, const char *command, const char *fmt, ...)
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
        if (!look_asks(&l->requests[i]))
            continue;
        stopped += l->requests[i].line.state == STATE_CONTESTED;
        first = first == NULL ? &l->requests[i] : first;
        n++;
    }
    if (first == NULL)
        return;
    if (stopped == n) {
        add_next(l, "request", "",
                 "What is asked for was stopped. If it is not you, call your guardians "
                 "and say so: they can refuse it for good.");
        return;
    }
    add_next(l, "request", "kith stop all",
             "Somebody asks for your keys at %.*s's node%s. If that is not you, stop it, "
             "and call your guardians:",
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
    add_next(l, "let-go", command,
             "%.*s's node%s let your piece go to somebody who restores your keys%s. If "
             "that was not you, call your guardians. When you know who it was:",
             TEXT(g->name), n > 1 ? " and others" : "",
             n >= l->standing.need ? ", and that is enough to have them" : "");
}

static void next_fault(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    char command[COMMAND_TEXT];
    if (g->n_node == 0 || g->node[0].fault == SEEN_FINE)
        return;
    bool back = l->states[i] == HOLDS_ROLLED_BACK;
    alert_settle_command(g->name, command, sizeof command);
    add_next(l, back ? "rolled-back" : "caught", command,
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
    if (n->left != 0)
        add_next(l, "left", "kith guardian add NAME LINK",
                 "%.*s gave up guarding you%s. Ask somebody else for an invite, and make "
                 "a new circle:",
                 TEXT(g->name), loss_text(l));
    else if (n->reset != 0)
        add_next(l, "reset", "",
                 "%.*s lost their keys%s. Ask %.*s for a new invite, and make a new "
                 "circle.",
                 TEXT(g->name), loss_text(l), TEXT(g->name));
}

static void next_clock(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const struct node_look *n = &l->nodes[i];
    if (n->clock)
        add_next(l, "clock", "",
                 "The clock of %.*s's node waits for a person; holds stand still there. "
                 "Ask %.*s to look (kith guard clock).",
                 TEXT(g->name), TEXT(g->name));
}

/* A card counts once its paper was read back. */
static void next_card(struct look *l)
{
    const struct day_guardian *g = cards_wait(l->day);
    char command[TERM_TEXT];
    if (g == NULL)
        return;
    card_next(g->name, command);
    add_next(l, "card", command,
             "%.*s's card does not count until its paper was read back. Print it first:",
             TEXT(g->name));
}

static void next_seal(struct look *l)
{
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        if (g->epoch == l->day->me.epoch || g->kind == PIECE_CARD)
            continue;
        add_next(l, "seal", "kith circle seal --resume",
                 "%.*s has no piece yet. When the node is back:", TEXT(g->name));
        return;
    }
}

static void next_node(struct look *l, size_t i, uint64_t now)
{
    const struct day_guardian *g = &l->day->guardians[i];
    char since[DURATION_TEXT];
    uint64_t seen = g->n_node > 0 ? g->node[0].seen : 0;
    if (g->kind == PIECE_CARD)
        return;
    when_text(now, seen, since);
    if (l->states[i] == HOLDS_AWAY && g->epoch == l->day->me.epoch &&
        (now - seen > CIRCLE_AMBER_S || !l->standing.today))
        add_next(l, "away", "",
                 "%.*s's node does not answer (last seen %s). Ask %.*s whether it is "
                 "switched on.",
                 TEXT(g->name), since, TEXT(g->name));
    if (l->states[i] == HOLDS_MISSING && l->nodes[i].left == 0 && l->nodes[i].reset == 0)
        add_next(l, circle_state_name(l->states[i]), "",
                 "%.*s's node does not hold what it held. Ask %.*s what happened to it.",
                 TEXT(g->name), TEXT(g->name));
}

static void next_confirm(struct look *l)
{
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        char command[TERM_TEXT];
        if (g->confirmed != 0 || g->kind != PIECE_NODE)
            continue;
        guardian_next("confirm", g->name, "", command);
        add_next(
            l, "confirm", command,
            "You have not spoken with %.*s yet; until then this piece is not counted "
            "as a spare one. Call %.*s and type:",
            TEXT(g->name), TEXT(g->name));
        return;
    }
}

static void next_care(struct look *l)
{
    uint32_t every = alert_every(l->day->me.hold);
    bool test = l->care == CARE_UNTESTED || l->care == CARE_SENT;
    if (l->care != CARE_FINE)
        add_next(l, test ? "alert-test" : "alert-watch", alert_care_next(l->care), "%s",
                 alert_care_text(l->care));
    else if (l->day->me.timer > every)
        add_next(l, "alert-timer", "kith alert timer on",
                 "Your hold is short; this machine should look for alerts more often:");
}

static void next_vault(struct look *l)
{
    if (look_unsaved(l))
        add_next(
            l, "vault", "kith vault push",
            "The newest state of your vault is at %u of %u nodes, and %u are needed. "
            "To save it:",
            l->vault.saved, l->vault.of, l->vault.need);
}

static void next_sealed(struct look *l, uint64_t now)
{
    next_requests(l);
    next_let_go(l);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        next_fault(l, i);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        next_loss(l, i);
    next_seal(l);
    next_vault(l);
    next_card(l);
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        next_clock(l, i);
        next_node(l, i, now);
    }
    next_confirm(l);
    next_care(l);
}

/* ---- before a seal ---- */

static void next_enter(struct look *l, const struct day_guardian *g)
{
    char command[TERM_TEXT];
    guardian_next("add", g->name, "", command);
    add_next(l, "add", command,
             "%.*s's node has not answered to your invite yet:", TEXT(g->name));
}

/* More than half: no two circles of them, and somebody may be away. */
static void next_plan(struct look *l, size_t n)
{
    char command[COMMAND_TEXT];
    (void)snprintf(command, sizeof command, "kith circle plan -k %zu", n / 2 + 1);
    add_next(l, "plan", command,
             "You have %zu guardians. Say how many of them are needed:", n);
}

static void next_owner(struct look *l, const struct home *h)
{
    const struct day *d = l->day;
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (g->kind == PIECE_NODE && g->progress != GUARDIAN_READY) {
            next_enter(l, g);
            return;
        }
    }
    if (home_has(h, HOME_JOURNAL)) {
        add_next(l, "seal", "kith circle seal --resume",
                 "The pieces are not all at their places yet:");
        if (home_has(h, HOME_CARDS))
            next_card(l);
    } else if (d->n_guardians == 0 && home_has(h, HOME_RESTORE))
        add_next(l, "add", "kith guardian add NAME LINK",
                 "Your root key is back, and the pieces that gave it were in the open. "
                 "Ask your guardians for new invites, and make a new circle:");
    else if (d->n_guardians < 3)
        add_next(l, "add", "kith guardian add NAME LINK",
                 "You have %zu of the usual five guardians. Ask somebody you trust for "
                 "an invite:",
                 d->n_guardians);
    else if (!d->me.planned || circle_pieces(&d->me) != d->n_guardians)
        next_plan(l, d->n_guardians);
    else
        add_next(l, "seal", "kith circle seal", "The plan is made. Give out the pieces:");
}

static void next_guard(struct look *l, uint64_t now)
{
    enum alert_care care = alert_care(l->day, ALERT_GUARDIAN, now);
    add_next(l, "guard", "kith guard",
             "You are a guardian for others. Who they are, and who asks for help:");
    if (care != CARE_FINE)
        add_next(l, "alert-test", alert_care_next(care), "%s", alert_care_text(care));
}

static void next_empty(struct look *l)
{
    add_next(l, "init", "kith init --name NAME",
             "Kith gives your keys back through people you trust. To begin:");
    add_next(l, "guard", "kith guard", "To help somebody as their guardian:");
    add_next(l, "restore", "kith restore start",
             "If you lost everything and have guardians:");
}

static void next_unsealed(struct look *l, const struct home *h, uint64_t now)
{
    const struct day *d = l->day;
    if (is_zero(d->me.owner, PUB_BYTES) && home_has(h, HOME_RESTORE))
        add_next(l, "restore", "kith restore", "A restore is going on:");
    else if (look_only_guards(d))
        next_guard(l, now);
    else if (!is_zero(d->me.owner, PUB_BYTES))
        next_owner(l, h);
    else
        next_empty(l);
}

void look_next(struct look *l, const struct home *h, uint64_t now)
{
    if (l->day->me.epoch > 0)
        next_sealed(l, now);
    else
        next_unsealed(l, h, now);
}
