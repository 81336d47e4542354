/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request.h"

/* ---- the state table ---- */

const struct request_move request_moves[] = {
    { STATE_OPENED, EVENT_REVEAL, STATE_LIVE },
    { STATE_OPENED, EVENT_CANCEL, STATE_EXPIRED },
    { STATE_OPENED, EVENT_EXPIRE, STATE_EXPIRED },

    { STATE_LIVE, EVENT_APPROVE, STATE_APPROVED },
    { STATE_LIVE, EVENT_REFUSE, STATE_REFUSED },
    { STATE_LIVE, EVENT_STOP, STATE_CONTESTED },
    { STATE_LIVE, EVENT_LOCK, STATE_LOCKED },
    { STATE_LIVE, EVENT_CANCEL, STATE_EXPIRED },
    { STATE_LIVE, EVENT_EXPIRE, STATE_EXPIRED },

    { STATE_APPROVED, EVENT_RELEASE, STATE_RELEASED },
    { STATE_APPROVED, EVENT_STOP, STATE_CONTESTED },
    { STATE_APPROVED, EVENT_REFUSE, STATE_REFUSED },
    { STATE_APPROVED, EVENT_CANCEL, STATE_EXPIRED },
    { STATE_APPROVED, EVENT_EXPIRE, STATE_EXPIRED },

    { STATE_CONTESTED, EVENT_APPROVE_DESPITE, STATE_APPROVED },
    { STATE_CONTESTED, EVENT_REFUSE, STATE_REFUSED },
    { STATE_CONTESTED, EVENT_STOP, STATE_CONTESTED },
    { STATE_CONTESTED, EVENT_UNLOCK, STATE_CONTESTED },
    { STATE_CONTESTED, EVENT_CANCEL, STATE_EXPIRED },
    { STATE_CONTESTED, EVENT_EXPIRE, STATE_EXPIRED },

    { STATE_LOCKED, EVENT_UNLOCK, STATE_LIVE },
    { STATE_LOCKED, EVENT_APPROVE_LAST, STATE_APPROVED },
    { STATE_LOCKED, EVENT_REFUSE, STATE_REFUSED },
    { STATE_LOCKED, EVENT_STOP, STATE_LOCKED },
    { STATE_LOCKED, EVENT_CANCEL, STATE_EXPIRED },
    { STATE_LOCKED, EVENT_EXPIRE, STATE_EXPIRED },
};
const size_t request_move_count = sizeof request_moves / sizeof request_moves[0];

struct event_row {
    const char *name;
    const char *what;
};

static const struct event_row event_rows[EVENT_COUNT] = {
#define EVENT_ROW(name_, what_) [EVENT_##name_] = { #name_, what_ },
    REQUEST_EVENTS(EVENT_ROW)
#undef EVENT_ROW
};

const char *request_event_name(unsigned event)
{
    return event < EVENT_COUNT ? event_rows[event].name : "unknown";
}

const char *request_event_what(unsigned event)
{
    return event < EVENT_COUNT ? event_rows[event].what : "unknown";
}

uint8_t request_next(unsigned state, unsigned event)
{
    for (size_t i = 0; i < request_move_count; i++)
        if (request_moves[i].from == state && request_moves[i].event == event)
            return request_moves[i].to;
    return 0;
}

bool request_is_final(unsigned state)
{
    for (size_t i = 0; i < request_move_count; i++)
        if (request_moves[i].from == state)
            return false;
    return true;
}

void request_print(struct buf *out)
{
    buf_put(out, bytes_text("| state | event | becomes |\n|---|---|---|\n"));
    for (size_t i = 0; i < request_move_count; i++) {
        const struct request_move *m = &request_moves[i];

        buf_put(out, bytes_text("| "));
        buf_put(out, bytes_text(request_state_name(m->from)));
        buf_put(out, bytes_text(" | "));
        buf_put(out, bytes_text(request_event_what(m->event)));
        buf_put(out, bytes_text(" | "));
        buf_put(out, bytes_text(request_state_name(m->to)));
        buf_put(out, bytes_text(" |\n"));
    }
}

/* ---- the record ---- */

static const struct wire_field request_fields[] = {
    W_FIX(request, id, 1, WIRE_MUST),
    W_FIX(request, ward, 2, WIRE_MUST),
    W_FIX(request, seat, 3, WIRE_MUST),
    W_UINT(request, kind, 4, WIRE_MUST, REQUEST_MOVE),
    W_UINT(request, purpose, 5, WIRE_MUST, PURPOSE_MOVE),
    W_FIX(request, subject, 6, WIRE_MAY),
    W_UINT(request, state, 7, WIRE_MUST, STATE_EXPIRED),
    W_FIX(request, cred, 8, WIRE_MUST),
    W_FIX(request, introducer, 9, WIRE_MAY),
    W_FIX(request, stat, 10, WIRE_MUST),
    W_FIX(request, seal, 11, WIRE_MUST),
    W_FIX(request, sign, 12, WIRE_MUST),
    W_FIX(request, commitment, 13, WIRE_MUST),
    W_FIX(request, nonce, 14, WIRE_MAY),
    W_TEXT(request, claimed, 15, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_BYTES(request, introduction, 16, WIRE_MAY, 0, SIGNED_MAX),
    W_BYTES(request, view, 17, WIRE_MUST, SIG_BYTES, SIGNED_MAX),
    W_UINT(request, hold, 18, WIRE_MAY, UINT32_MAX),
    W_UINT(request, stop_hold, 19, WIRE_MAY, STOP_HOLD_MAX_S),
    W_UINT(request, roster_mode, 20, WIRE_MAY, ROSTER_NEVER),
    W_UINT(request, opened, 21, WIRE_MUST, UINT64_MAX),
    W_UINT(request, hold_from, 22, WIRE_MUST, UINT64_MAX),
    W_UINT(request, approved, 23, WIRE_MAY, UINT64_MAX),
    W_UINT(request, due, 24, WIRE_MAY, UINT64_MAX),
    W_UINT(request, expires, 25, WIRE_MUST, UINT64_MAX),
    W_UINT(request, ended, 26, WIRE_MAY, UINT64_MAX),
    W_UINT(request, unsure, 27, WIRE_MAY, UNSURE_OPENED | UNSURE_APPROVED),
    W_UINT(request, tries, 28, WIRE_MAY, REQUEST_TRIES),
    W_FIX(request, try_op, 29, WIRE_MAY),
    W_UINT(request, stops, 30, WIRE_MAY, UINT32_MAX),
    W_UINT(request, roster_epoch, 31, WIRE_MAY, UINT32_MAX),
    W_UINT(request, roster_gone, 32, WIRE_MAY, UINT64_MAX),
    W_UINT(request, live, 33, WIRE_MAY, UINT64_MAX),
    W_UINT(request, restarts, 34, WIRE_MAY, REQUEST_RESTARTS),
    W_UINT(request, stopped, 35, WIRE_MAY, UINT64_MAX),
    W_UINT(request, flags, 36, WIRE_MAY, REQUEST_FLAGS),
    W_UINT(request, era, 60, WIRE_MAY, UINT32_MAX),
    W_UINT(request, went_back, 61, WIRE_MAY, 1),
};
const struct wire_schema request_schema = W_SCHEMA(request, request_fields);

/* ---- time ---- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t request_due_at(const struct request *r)
{
    if (r->hold == 0)
        return r->approved;
    return later(r->hold_from + r->hold, r->approved + REQUEST_AFTER_S);
}

/* What was noted under a clock nobody vouches for counts from now. */
static void rebase(struct request *r, uint64_t now)
{
    if (r->unsure & UNSURE_OPENED) {
        r->expires = now + (r->expires - r->hold_from);
        r->hold_from = now;
    }
    if (r->approved != 0 && (r->unsure & UNSURE_APPROVED))
        r->approved = now;
    if (r->approved != 0)
        r->due = request_due_at(r);
    r->unsure = 0;
}

uint64_t request_opens(const struct request *r, uint64_t now)
{
    struct request as_if = *r;

    if (r->state == STATE_RELEASED)
        return r->due;
    if (request_is_final(r->state))
        return 0;
    rebase(&as_if, now);
    if (as_if.approved == 0)
        as_if.approved = now;
    return request_due_at(&as_if);
}

uint64_t request_expires(const struct request *r)
{
    if (r->state == STATE_OPENED)
        return r->hold_from + REQUEST_REVEAL_S;
    if (r->state == STATE_APPROVED || r->state == STATE_RELEASED)
        return r->due + REQUEST_UNFETCHED_S;
    return r->expires;
}

bool request_due(const struct request *r, uint64_t now, enum clock_state clock)
{
    if (r->state != STATE_APPROVED)
        return false;
    if (r->hold == 0)
        return true;
    return clock == CLOCK_RUNS && r->unsure == 0 && now >= r->due;
}

bool request_settle(struct request *r, uint64_t now, enum clock_state clock)
{
    bool changed = r->unsure != 0;

    if (clock == CLOCK_FROZEN || request_is_final(r->state))
        return false;
    if (r->unsure != 0)
        rebase(r, now);
    if (now < request_expires(r))
        return changed;
    r->ended = request_expires(r);
    r->state = request_next(r->state, EVENT_EXPIRE);
    return true;
}

void request_under_stops(struct request *r)
{
    if (r->kind == REQUEST_CONFIRM || r->restarts > 0)
        return;
    r->restarts = 1;
    if (r->hold < r->stop_hold)
        r->hold = r->stop_hold;
    if (r->approved != 0)
        r->due = request_due_at(r);
}

/* The hold that begins at now: no stop brings a request forward, nor ends its hour. */
static uint32_t stopped_hold(const struct request *r, uint64_t now)
{
    uint64_t left = r->hold > 0;

    if (r->kind == REQUEST_CONFIRM)
        return 0;
    if (r->hold_from + r->hold > now)
        left = r->hold_from + r->hold - now;
    return (uint32_t)later(left, r->stop_hold);
}

bool request_stop_at(struct request *r, uint64_t now, enum clock_state clock)
{
    uint64_t last;

    r->stops++;
    if (r->restarts >= REQUEST_RESTARTS) {
        r->flags |= REQUEST_NOTED;
        return false;
    }
    r->state = request_next(r->state, EVENT_STOP);
    MUST(r->state != 0);
    r->hold = stopped_hold(r, now);
    r->hold_from = now;
    r->unsure = clock == CLOCK_FROZEN ? UNSURE_OPENED : 0;
    r->approved = 0;
    r->due = 0;
    r->stopped = now;
    r->restarts++;
    last = now + r->hold + (uint64_t)(REQUEST_RESTARTS - r->restarts) * r->stop_hold;
    r->expires = later(r->expires, last + REQUEST_AFTER_S + REQUEST_UNFETCHED_S);
    return true;
}

uint8_t request_tries_left(const struct request *r)
{
    return (uint8_t)(REQUEST_TRIES - r->tries);
}
