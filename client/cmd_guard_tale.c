/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_tale.h"

enum { MOMENT = TIME_TEXT + DURATION_TEXT + 8, CLAIMED_CHARS = 200, BEFORE_MOST = 8 };

void tale_of(struct desk *d, tell_fn tell, const struct guard_request *r,
             struct tale *out)
{
    const struct day_seat *s = &d->day->seats[r->seat];

    *out = (struct tale){ .d = d,
                          .tell = tell,
                          .seat = r->seat,
                          .line = &r->rep.line[0],
                          .claimed = r->rep.claimed };
    desk_name(d, r->seat, out->line->ward, out->name);
    out->ward = guard_known(d->day, s->seat, out->line->ward);
    if (out->ward != NULL)
        out->about = out->ward->about;
    for (size_t i = 0; i < d->guard->n_wards; i++)
        if (d->guard->wards[i].seat == r->seat &&
            bytes_equal(BYTES_OF(d->guard->wards[i].line.ward),
                        BYTES_OF(out->line->ward)))
            out->at_node = &d->guard->wards[i].line;
}

/* ---- small texts ---- */

static uint64_t now_of(const struct tale *t)
{
    return ctx_now(t->d->ctx);
}

/* "Mon 23 Nov 2026, 14:05 (2 hours ago)" */
static void moment(const struct tale *t, uint64_t then, char out[MOMENT])
{
    char at[TIME_TEXT];
    char when[DURATION_TEXT];

    time_text(then, at);
    when_text(now_of(t), then, when);
    (void)snprintf(out, MOMENT, "%s (%s)", at, when); /* fits */
}

/* Bytes of the first most characters of UTF-8. */
static int cut(struct bytes text, size_t most)
{
    size_t chars = 0;
    size_t i = 0;

    for (; i < text.n; i++) {
        if ((text.p[i] & 0xc0) != 0x80 && chars++ == most)
            break;
    }
    return (int)i;
}

static bool is_over(const struct tale *t)
{
    unsigned state = t->line->state;

    return state == STATE_RELEASED || state == STATE_REFUSED || state == STATE_EXPIRED;
}

static bool is_restore(const struct tale *t)
{
    return t->line->kind == REQUEST_RESTORE;
}

/* What has a hold, and what others may have asked for before. */
static bool is_held(const struct tale *t)
{
    return t->line->kind != REQUEST_CONFIRM;
}

/* Its keys are not to be had. */
static bool is_lost(const struct tale *t)
{
    return desk_place(t->d, t->seat) == PLACE_LOST;
}

bool tale_is_locked(const struct tale *t)
{
    return t->line->state == STATE_LOCKED ||
           (t->line->state == STATE_CONTESTED && t->line->tries_left == 0);
}

/* While stops count, those of other requests too, a yes has to know of them. */
bool tale_needs_despite(const struct tale *t)
{
    unsigned state = t->line->state;

    if (state == STATE_CONTESTED)
        return true;
    if (state != STATE_LIVE && state != STATE_LOCKED)
        return false;
    return t->line->stopped != 0 ||
           (is_held(t) && t->at_node != NULL && t->at_node->stops_end > now_of(t));
}

/* ---- who, and what they say ---- */

void tale_title(const struct tale *t, char out[TALE_TITLE])
{
    const char *what = "Somebody asks you to be the guardian of";

    if (is_restore(t))
        what = "Somebody asks for the piece you keep for";
    else if (tale_is_new(t))
        what = "Somebody asks you to be a guardian in the circle of";
    else if (t->line->purpose == PURPOSE_EPOCH)
        what = "Somebody asks you to confirm the new circle of";
    else if (t->line->purpose == PURPOSE_END)
        what = "Somebody asks you to erase what you keep of";
    else if (t->line->purpose == PURPOSE_MOVE)
        what = "Somebody asks you for a new root key for";
    (void)snprintf(out, TALE_TITLE, "%s %s.", what, t->name); /* fits */
}

static void tell_who(const struct tale *t)
{
    struct term *o = t->d->t;
    char asked[MOMENT];

    moment(t, t->line->opened, asked);
    if (is_held(t))
        t->tell(o,
                "They say they are %s. They asked on %s. Only you can tell whether it is "
                "%s.",
                t->name, asked, t->name);
    else
        t->tell(o, "They say they are %s. They asked on %s.", t->name, asked);
    if (t->claimed.n > 0)
        t->tell(o, "They wrote: \"%.*s\"", cut(t->claimed, CLAIMED_CHARS),
                (const char *)t->claimed.p);
    if ((t->line->flags & REQUEST_SHEET) != 0)
        t->tell(
            o,
            "They have %s's circle sheet, a piece of paper. Whoever finds it can ask; "
            "it says nothing about who is speaking.",
            t->name);
    if ((t->line->flags & REQUEST_INTRODUCED) == 0)
        return;
    if (t->introducer == INTRODUCER_UNKNOWN)
        t->tell(o,
                "Careful: they say that another guardian introduced them, but that "
                "guardian is not one of %s's circle.",
                t->name);
    else
        t->tell(o,
                "They were introduced by another guardian of %s's circle, who said yes "
                "first. That is no reason for you to say yes: make sure yourself.",
                t->name);
}

/* ---- what happened ---- */

static void tell_stop(const struct tale *t)
{
    struct term *o = t->d->t;
    char at[MOMENT];

    if (t->line->stops > 0 && t->line->stopped != 0) {
        moment(t, t->line->stopped, at);
        t->tell(o,
                "%s's own device said stop on %s. Either %s does not know of this %s, "
                "or a thief has %s's device.",
                t->name, at, t->name, is_restore(t) ? "restore" : "request", t->name);
    } else if (tale_needs_despite(t)) {
        t->tell(o,
                "%s's own device said stop to such a request not long ago. Either %s did "
                "not know of it, or a thief has %s's device.",
                t->name, t->name, t->name);
    }
    if (tale_needs_despite(t))
        t->tell(o,
                "So a yes counts only if you give it after you spoke with them again.");
    if ((t->line->flags & REQUEST_NOTED) != 0)
        t->tell(o, "A further stop was written down. It changes nothing any more: one "
                   "request is put off twice at most.");
    if ((t->line->flags & REQUEST_WENT_BACK) != 0)
        t->tell(o, "Your node went back: it was loaded from an older copy of itself. "
                   "The wait began anew.");
}

static void tell_state(const struct tale *t)
{
    struct term *o = t->d->t;
    char yes[MOMENT];
    char end[MOMENT];
    bool despite = (t->line->flags & REQUEST_DESPITE) != 0;

    moment(t, t->line->approved, yes);
    moment(t, t->line->ended, end);
    if (is_lost(t) && !is_over(t))
        t->tell(
            o, "%s",
            t->d->day->seats[t->seat].lost != 0
                ? "You lost the keys to this piece, so you cannot say yes."
                : "Your root key before this one opens this piece, and is not in your "
                  "vault here, so you cannot say yes. kith vault pull gets what is "
                  "missing.");
    else if (t->line->state == STATE_LIVE)
        t->tell(o, "You have not answered. %u tries for their words are left.",
                (unsigned)t->line->tries_left);
    if (tale_is_locked(t))
        t->tell(o, "Wrong words were typed too often, so it is locked. Somebody may be "
                   "guessing.");
    if (t->line->approved != 0)
        t->tell(o, "You said yes on %s%s.", yes, despite ? ", despite the stop" : "");
    if (t->line->ended == 0)
        return;
    if (t->line->state == STATE_RELEASED)
        t->tell(o, is_restore(t) ? "Your piece was fetched on %s." : "It was done on %s.",
                end);
    if (t->line->state == STATE_REFUSED)
        t->tell(o, "It was refused or taken back on %s.", end);
    if (t->line->state == STATE_EXPIRED)
        t->tell(o, "Its time ran out on %s.", end);
}

static void tell_opens(const struct tale *t)
{
    struct term *o = t->d->t;
    char at[MOMENT];
    bool later = t->line->opens > now_of(t);
    const char *what = is_restore(t) ? "piece" : "word";

    if (!is_held(t) || is_over(t) || is_lost(t))
        return;
    moment(t, t->line->opens, at);
    if (t->line->state == STATE_APPROVED && later)
        t->tell(o, "The earliest your %s can be fetched is %s.", what, at);
    else if (t->line->state == STATE_APPROVED)
        t->tell(o, "Your %s can be fetched now.", what);
    else if (later)
        t->tell(o, "If you say yes now, the earliest your %s can be fetched is %s.", what,
                at);
    else
        t->tell(o, "If you say yes, your %s can be fetched at once.", what);
    if (t->line->expires > now_of(t) && t->line->state != STATE_APPROVED) {
        moment(t, t->line->expires, at);
        t->tell(o, "If nobody answers, the request ends on %s.", at);
    }
}

/* ---- what was before ---- */

static bool is_before(const struct tale *t, const struct guard_request *r)
{
    const struct request_line *l = &r->rep.line[0];

    return r->seat == t->seat && l->kind == REQUEST_RESTORE &&
           bytes_equal(BYTES_OF(l->ward), BYTES_OF(t->line->ward)) &&
           !bytes_equal(BYTES_OF(l->request), BYTES_OF(t->line->request));
}

static void tell_one_before(const struct tale *t, const struct request_line *l)
{
    static const char *const words[] = {
        [STATE_OPENED] = "not shown yet",  [STATE_LIVE] = "still open",
        [STATE_APPROVED] = "you said yes", [STATE_CONTESTED] = "stopped, still open",
        [STATE_LOCKED] = "locked",         [STATE_RELEASED] = "your piece was fetched",
        [STATE_REFUSED] = "refused",       [STATE_EXPIRED] = "ran out",
    };
    char asked[TIME_TEXT];
    char id[9];

    if (l->state >= sizeof words / sizeof words[0] || words[l->state] == NULL)
        return;
    id_short(l->request, id);
    time_text(l->opened, asked);
    t->tell(t->d->t, "  %s  asked on %s: %s%s", id, asked,
            l->stops > 0 && l->state != STATE_CONTESTED ? "stopped by a device; " : "",
            words[l->state]);
}

static void tell_before(const struct tale *t)
{
    const struct guard *g = t->d->guard;
    size_t n = 0;

    if (!is_restore(t))
        return;
    for (size_t i = 0; i < g->n_requests; i++)
        n += is_before(t, &g->requests[i]);
    if (n == 0) {
        t->tell(t->d->t, "Nobody else asked for this piece in the last 90 days.");
        return;
    }
    t->tell(t->d->t, "Others asked for this piece in the last 90 days:");
    size_t told = 0;
    for (size_t i = 0; i < g->n_requests && told < BEFORE_MOST; i++) {
        if (!is_before(t, &g->requests[i]))
            continue;
        tell_one_before(t, &g->requests[i].rep.line[0]);
        told++;
    }
    if (n > told)
        t->tell(t->d->t, "  and %zu more", n - told);
}

/* ---- what the guardian knows ---- */

static void tell_root(const struct tale *t)
{
    char at[MOMENT];

    if (tale_new_root(t) == 0)
        return;
    moment(t, tale_new_root(t), at);
    t->tell(t->d->t,
            "Careful: %s has a new root key since %s. You have not spoken about it with "
            "%s yet, as far as this program knows.",
            t->name, at, t->name);
}

static void tell_ward(const struct tale *t)
{
    struct term *o = t->d->t;
    const struct day_ward *w = t->ward;

    if (w == NULL) {
        t->tell(o, "The note of this ward was never opened here: kith guard asks for "
                   "your passphrase and shows it.");
        return;
    }
    if (t->about.n > 0)
        t->tell(o, "%s left you this note: \"%.*s\"", t->name, (int)t->about.n,
                (const char *)t->about.p);
    if (t->about.n == 0 && t->d->keys == NULL)
        t->tell(o, "Whether %s left you a note shows once you type your passphrase.",
                t->name);
    if (w->contact.n > 0)
        t->tell(o, "How you reach %s: %.*s", t->name, (int)w->contact.n,
                (const char *)w->contact.p);
    /* Above the prompt for the words of a call they would be typed there. */
    if (!t->typing)
        t->tell(o, "The four words that name the key of %s: %.*s", t->name,
                (int)w->fingerprint.n, (const char *)w->fingerprint.p);
    tell_root(t);
    if (is_restore(t) && w->confirmed == 0 && tale_new_root(t) == 0)
        t->tell(o, "Careful: you never confirmed with %s that this account is theirs.",
                t->name);
}

static uint64_t paused_until(const struct tale *t)
{
    uint64_t until = t->d->guard->paused[t->seat];

    return until > now_of(t) ? until : 0;
}

static void tell_ours(const struct tale *t)
{
    struct term *o = t->d->t;
    char at[MOMENT];

    if (t->at_node != NULL && t->at_node->frozen > now_of(t)) {
        moment(t, t->at_node->frozen, at);
        t->tell(o, "You froze what %s's devices may change, until %s.", t->name, at);
    }
    if (paused_until(t) != 0) {
        moment(t, paused_until(t), at);
        t->tell(o,
                "You said that you are away until %s. Until then you can say no, but "
                "not yes.",
                at);
    }
}

/* ---- the one next step ---- */

static const char *command_of(const struct tale *t)
{
    if (is_lost(t) || t->line->state == STATE_APPROVED)
        return "kith guard refuse";
    if (tale_is_locked(t))
        return "kith guard unlock";
    return is_held(t) ? "kith guard approve" : "kith guard confirm";
}

static void tell_why(const struct tale *t)
{
    struct term *o = t->d->t;

    if (is_lost(t))
        t->tell(o,
                "Next: tell %s that you lost your keys and cannot help with this piece. "
                "Then:",
                t->name);
    else if (t->line->state == STATE_APPROVED)
        t->tell(o, "There is nothing to do. If you change your mind before it is "
                   "fetched:");
    else if (tale_needs_despite(t) && !tale_is_locked(t))
        t->tell(o,
                "Next: speak with %s again, by a number you had before. If it is %s and "
                "they want this:",
                t->name, t->name);
    else
        t->tell(o, "Next: speak with %s, by a number you had before. Then:", t->name);
}

void tale_next(const struct tale *t)
{
    struct term *o = t->d->t;
    char id[9];

    t->tell(o, "\n");
    if (is_over(t) || t->line->state == STATE_OPENED) {
        t->tell(o, "It is over. There is nothing to do.");
        return;
    }
    if (t->line->state != STATE_APPROVED && paused_until(t) != 0 && !is_lost(t)) {
        t->tell(o, "Next, if you are back:");
        t->tell(o, "  kith guard resume");
        return;
    }
    id_short(t->line->request, id);
    tell_why(t);
    t->tell(o, "  %s %s%s", command_of(t), id,
            tale_needs_despite(t) && !is_lost(t) && !tale_is_locked(t) ? " --despite-stop"
                                                                       : "");
}

void tale_tell(const struct tale *t)
{
    tell_who(t);
    tale_change(t);
    tell_stop(t);
    t->tell(t->d->t, "\n");
    tell_state(t);
    tell_opens(t);
    tell_before(t);
    t->tell(t->d->t, "\n");
    tell_ward(t);
    tell_ours(t);
}
