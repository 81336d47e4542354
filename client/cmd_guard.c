/* SPDX-License-Identifier: Apache-2.0 */
#include "client/alert.h"
#include "client/cmd_guard_tale.h"

/* ---- the one screen ---- */

static bool waits_for_me(const struct guard_request *r)
{
    unsigned state = r->rep.line[0].state;

    return state == STATE_LIVE || state == STATE_LOCKED || state == STATE_CONTESTED;
}

/* Requests that wait for this guardian, to the front; how many. */
static size_t sort_waiting(struct guard *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_requests; i++) {
        if (!waits_for_me(&g->requests[i]))
            continue;
        struct guard_request swap = g->requests[n];
        g->requests[n++] = g->requests[i];
        g->requests[i] = swap;
    }
    return n;
}

const char *guard_asks_for(const struct request_line *l)
{
    static const char *const words[] = {
        [PURPOSE_RESTORE] = "asks for the piece back",
        [PURPOSE_ENROL] = "wants you as a guardian",
        [PURPOSE_EPOCH] = "changed the circle",
        [PURPOSE_END] = "wants all of it erased here",
        [PURPOSE_MOVE] = "wants a new root key",
    };

    return l->purpose >= 1 && l->purpose <= PURPOSE_MOVE ? words[l->purpose] : "asks";
}

static enum err choose_request(struct desk *d, size_t n, size_t *out)
{
    enum { MOST = 16, LINE = 160 };

    char texts[MOST][LINE];
    const char *options[MOST];
    const struct ask a = { .text = "Which one? Number", .flag = "REQ" };
    size_t shown = n < MOST ? n : MOST;

    *out = 0;
    if (n == 1)
        return OK;
    for (size_t i = 0; i < shown; i++) {
        const struct guard_request *r = &d->guard->requests[i];
        const struct request_line *l = &r->rep.line[0];
        char name[NAME_TEXT];
        char when[DURATION_TEXT];
        desk_name(d, r->seat, l->ward, name);
        when_text(ctx_now(d->ctx), l->opened, when);
        (void)snprintf(texts[i], LINE, "%s %s (asked %s%s)", name, guard_asks_for(l),
                       when, l->state == STATE_CONTESTED ? ", stopped" : "");
        options[i] = texts[i];
    }
    term_title(d->t, "%zu requests wait for you.", n);
    return term_choose(d->t, &a, options, shown, out);
}

/* A yes that can still be taken back. */
static void say_given(struct desk *d, const struct guard_request *r)
{
    const struct request_line *l = &r->rep.line[0];
    char id[9];
    char name[NAME_TEXT];
    char when[DURATION_TEXT];

    if (l->state != STATE_APPROVED || l->kind == REQUEST_CONFIRM)
        return;
    id_short(l->request, id);
    desk_name(d, r->seat, l->ward, name);
    when_text(ctx_now(d->ctx), l->opens, when);
    if (r->takeover) {
        term_say(d->t,
                 "%s gets a new root key: the old keys stop counting here %s. If %s does "
                 "not want that:",
                 name, when, name);
        term_say(d->t, "  kith guard refuse %s", id);
        return;
    }
    term_say(d->t,
             "You said yes to %s: your %s can be fetched %s. To take it back:", name,
             l->kind == REQUEST_RESTORE ? "piece" : "word",
             l->opens > ctx_now(d->ctx) ? when : "now");
    term_say(d->t, "  kith guard refuse %s", id);
}

/* What is to happen to a ward's circle, and what they ask for by it. */
static void say_planned(struct desk *d, const struct guard_ward *w, const char *name)
{
    char at[TIME_TEXT];
    char id[9];

    id_short(w->line.ward, id);
    time_text(w->line.moved, at);
    if (w->line.moved != 0 && !desk_confirmed(d, w))
        term_say(d->t, "  %s has a new root key since %s. Speak with %s about it.", name,
                 at, name);
    time_text(w->line.end_due, at);
    if (w->line.end_due != 0)
        term_say(d->t,
                 "  %s ends the circle: all of it is erased here on %s. If %s does not "
                 "know of that: kith guard freeze %s",
                 name, at, name, id);
    if (w->line.drill != 0)
        term_say(d->t,
                 "  %s asks you to open the piece once, as a drill: kith guard drill",
                 name);
}

/* That somebody is no guardian any more is not for a program to say: the owner's keys may
 * be a thief's. That people confirmed a later circle is. */
static void say_piece(struct desk *d, const struct guard_ward *w, const char *name,
                      const char *id)
{
    char at[TIME_TEXT];

    if (w->line.newer == 0) {
        if (w->line.epoch == 0)
            term_say(d->t, "%s asked you to help. No piece is here yet.", name);
        else
            term_say(d->t, "You keep a piece for %s.", name);
        if (w->line.confirmed == 0)
            term_say(d->t, "  The two of you have not spoken about it yet: %s calls you.",
                     name);
        return;
    }
    time_text(w->line.newer, at);
    term_say(d->t,
             "%s's circle goes on without you since %s: enough of those who guarded %s "
             "confirmed a newer one, and your node has no piece of it.",
             name, at, name);
    term_say(d->t,
             "  Ask %s, when you next speak, whether you are still to help. If so, you "
             "need not do anything: the new piece comes by itself when "
             "%s's program next speaks with your node. If not, this erases the old one: "
             "kith guard leave %s",
             name, name, id);
}

/* The same for all, where nobody sits before the screen. */
static void say_all_planned(struct desk *d)
{
    char name[NAME_TEXT];
    char id[9];

    for (size_t i = 0; i < d->guard->n_wards && !d->t->json; i++) {
        const struct guard_ward *w = &d->guard->wards[i];

        if (w->line.left != 0)
            continue;
        id_short(w->line.ward, id);
        desk_name(d, w->seat, w->line.ward, name);
        if (w->line.newer != 0)
            say_piece(d, w, name, id);
        say_planned(d, w, name);
    }
}

/* Somebody this guardian helps, and what hangs over them. */
static void say_helped(struct desk *d, const struct guard_ward *w)
{
    char name[NAME_TEXT];
    char at[TIME_TEXT];
    char id[9];

    if (w->line.left != 0)
        return;
    id_short(w->line.ward, id);
    desk_name(d, w->seat, w->line.ward, name);
    enum desk_place place = desk_place(d, w->seat);
    if (place == PLACE_LOST)
        term_say(d->t,
                 "You have no keys to the piece of %s. %s Once %s has another guardian: "
                 "kith guard leave %s",
                 name, desk_lost_why(d, w->seat), name, id);
    else if (place == PLACE_FORMER)
        term_say(d->t,
                 "You help %s, by your root key before this one. It was replaced: take "
                 "%s on anew (kith guard invite); then: kith guard leave %s",
                 name, name, id);
    else
        say_piece(d, w, name, id);
    say_planned(d, w, name);
    time_text(w->line.frozen, at);
    if (w->line.frozen > ctx_now(d->ctx))
        term_say(d->t, "  Frozen until %s: devices of %s can change nothing here.", at,
                 name);
}

/* A guardian who hears of nothing helps nobody. */
static void say_care(struct desk *d)
{
    enum alert_care care = alert_care(d->day, ALERT_GUARDIAN, ctx_now(d->ctx));

    if (care == CARE_FINE)
        return;
    term_say(d->t, "%s", alert_care_text(care));
    term_say(d->t, "  %s", alert_care_next(care));
}

static void say_quiet(struct desk *d)
{
    term_title(d->t, "Nobody asks you for anything.");
    for (size_t i = 0; i < d->guard->n_wards; i++)
        say_helped(d, &d->guard->wards[i]);
    for (size_t i = 0; i < d->guard->n_requests; i++)
        say_given(d, &d->guard->requests[i]);
    desk_say_paused(d);
    say_care(d);
    if (d->guard->n_wards == 0) {
        term_say(d->t, "You help nobody yet. To invite the person you want to help:");
        term_say(d->t, "  kith guard invite");
        return;
    }
    term_say(d->t, "If somebody you help has lost everything: kith guard link \"NAME\"");
}

/* Whether words may be typed for it right away. */
static bool is_plain(const struct tale *t)
{
    const struct desk *d = t->d;

    return t->line->state == STATE_LIVE && !tale_needs_despite(t) &&
           d->guard->paused[t->seat] <= ctx_now(d->ctx) &&
           desk_place(d, t->seat) != PLACE_LOST;
}

static enum err screen(struct desk *d)
{
    size_t chosen = 0;
    size_t n = sort_waiting(d->guard);

    if (n == 0) {
        say_quiet(d);
        return OK;
    }
    if (d->keys == NULL && home_lock_of(&d->home, HOME_ROOT) == LOCK_PASSPHRASE)
        term_say(d->t, "Somebody asks you for something. Your passphrase shows who.");
    TRY(desk_unlock(d));
    TRY(desk_read_notes(d));
    TRY(choose_request(d, n, &chosen));
    struct tale tale = { 0 };
    tale_of(d, term_say, &d->guard->requests[chosen], &tale);
    if (is_plain(&tale))
        return guard_sit(d, &d->guard->requests[chosen]);
    return guard_tell(d, &d->guard->requests[chosen], term_say);
}

/* Without a person at the keyboard the one screen is a list. */
static enum err cmd_guard(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    enum err e = desk_open(ctx, &d);

    if (e == ERR_UNKNOWN && ctx->term->ask && !ctx->term->json) {
        desk_end(&d);
        d = (struct desk){ .home = { .dir = -1, .lock = -1 } };
        term_title(ctx->term, "You are not a guardian yet.");
        return guard_cmd_setup(ctx);
    }
    TRY(e);
    bool person = ctx->term->ask && !ctx->term->json;
    TRY(desk_look(&d, person ? GUARD_ALL : GUARD_OPEN));
    if (person)
        TRY(screen(&d));
    else {
        guard_list(&d);
        say_all_planned(&d);
    }
    desk_say_away(&d);
    return OK;
}

static const struct command rows[] = {
    { .path = "guard",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "One screen for a guardian: who asks, what to do, where to type the words.",
      .run = cmd_guard },
    { .path = "guard setup",
      .args = "",
      .key = MAKES_HOME,
      .help = "Makes you a guardian, with the link of your node or of a host.",
      .options = { { "--link-file", "FILE", "the link; - is standard input" },
                   { "--name", "NAME", "the name you go by" },
                   { "--no-passphrase", NULL,
                     "leave the keys unlocked on this machine" } },
      .run = guard_cmd_setup },
    { .path = "guard invite",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Prints an invite: one line for the person you will help.",
      .options = { { "--lan", NULL, "for use within the home network" } },
      .run = guard_cmd_invite },
    { .path = "guard host",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Prints a link that gives another guardian a place at your node.",
      .run = guard_cmd_host },
    { .path = "guard wards",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Lists the people you help.",
      .run = guard_cmd_wards },
    { .path = "guard requests",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Lists who asks you for something.",
      .options = { { "--all", NULL, "those that are over too, of the last 90 days" } },
      .run = guard_cmd_requests },
    { .path = "guard show",
      .args = "REQ",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Shows one request.",
      .run = guard_cmd_show },
    { .path = "guard log",
      .args = "",
      .key = NEEDS_DAY,
      .help = "What happened at your place, as your node recorded it, verified, by time.",
      .run = guard_cmd_log },
    { .path = "guard approve",
      .args = "REQ",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Lets a piece go, after you typed the words the person read out.",
      .options = { { "--words-file", "FILE", "the four words; - is standard input" },
                   { "--verified", "HOW", "met, video, vouched, question or called" },
                   { "--despite-stop", NULL,
                     "after a stop, when you spoke with the person again" },
                   { "--sentence-file", "FILE", "the sentence that a stop asks for" } },
      .run = guard_cmd_approve },
    { .path = "guard refuse",
      .args = "REQ",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Says no to a request.",
      .run = guard_cmd_refuse },
    { .path = "guard unlock",
      .args = "REQ",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Gives new tries to a request that wrong words have locked.",
      .run = guard_cmd_unlock },
    { .path = "guard confirm",
      .args = "REQ|WARD",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Confirms a person you help, by their words; prints two words to say back.",
      .options = { { "--words-file", "FILE", "the four words; - is standard input" },
                   { "--verified", "HOW", "met, video, vouched, question or called" },
                   { "--despite-stop", NULL,
                     "after a stop, when you spoke with the person again" },
                   { "--sentence-file", "FILE", "the sentence that a stop asks for" } },
      .run = guard_cmd_confirm },
    { .path = "guard link",
      .args = "[WARD]",
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Prints a link for somebody you help who lost everything.",
      .options = { { "--spoken", NULL, "as a short code to read out on the telephone" },
                   { "--end", NULL,
                     "instead: all their links, codes and sheets end now" } },
      .run = guard_cmd_link },
    { .path = "guard freeze",
      .args = "WARD",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Keeps a lost device from changing its owner's circle, for 30 days.",
      .options = { { "--verified", "HOW", "met, video, vouched, question or called" } },
      .run = guard_cmd_freeze },
    { .path = "guard pause",
      .args = "TIME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Says that you are away, at most 30d: nothing new is approved till then.",
      .run = guard_cmd_pause },
    { .path = "guard resume",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Says that you are back.",
      .run = guard_cmd_resume },
    { .path = "guard leave",
      .args = "WARD",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Gives up a person you help: the piece is erased, and they are told.",
      .run = guard_cmd_leave },
    { .path = "guard clock",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Shows your node's time, and why holds stand still; --confirm ends that.",
      .options = { { "--confirm", NULL, "this machine's clock is right" } },
      .run = guard_cmd_clock },
    { .path = "guard drill",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Opens your pieces once where an owner asks for it; nothing is let go.",
      .run = guard_cmd_drill },
    { .path = "guard reset",
      .args = "",
      .key = NEEDS_DAY,
      .help = "New keys and a new passphrase for who forgot it; kept pieces are lost.",
      .options = { { "--no-passphrase", NULL,
                     "leave the keys unlocked on this machine" } },
      .run = guard_cmd_reset },
};

const struct command_table cmd_guard_table = COMMANDS(rows);
