/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_sit.h"

/* ---- one request as scripts and people see it ---- */

static json_t *text_or_null(const char *text)
{
    return text[0] != 0 ? json_string(text) : json_null();
}

static json_t *json_label(const struct desk *d, size_t seat, const uint8_t *ward)
{
    const struct day_ward *w = guard_known(d->day, d->day->seats[seat].seat, ward);

    return w != NULL ? json_slice(w->label) : json_null();
}

static json_t *json_request(const struct desk *d, const struct guard_request *r)
{
    const struct request_line *l = &r->rep.line[0];
    char node[ADDRESS_TEXT];

    guard_node(&d->day->seats[r->seat], node);
    json_t *doc = json_pack(
        "{s:o,s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:i,s:i,s:o}", "request",
        json_hex(l->request, ID_BYTES), "kind", request_kind_name(l->kind), "purpose",
        purpose_name(l->purpose), "ward", json_hex(l->ward, ID_BYTES), "label",
        json_label(d, r->seat, l->ward), "node", text_or_null(node), "state",
        request_state_name(l->state), "opened_at", json_time(l->opened), "approved_at",
        json_time(l->approved), "opens_at", json_time(l->opens), "expires_at",
        json_time(l->expires), "tries_left", (int)l->tries_left, "stops", (int)l->stops,
        "claimed", json_slice(r->rep.claimed));
    json_t *more =
        json_pack("{s:o,s:o,s:b,s:b,s:b,s:b,s:b,s:o}", "stopped_at",
                  json_time(l->stopped), "ended_at", json_time(l->ended), "despite_stop",
                  (l->flags & REQUEST_DESPITE) != 0, "went_back",
                  (l->flags & REQUEST_WENT_BACK) != 0, "introduced",
                  (l->flags & REQUEST_INTRODUCED) != 0, "sheet",
                  (l->flags & REQUEST_SHEET) != 0, "away", (l->flags & REQUEST_AWAY) != 0,
                  "takes_over_at", json_time(r->takeover ? l->opens : 0));
    MUST(doc != NULL && more != NULL && json_object_update(doc, more) == 0);
    json_decref(more);
    return doc;
}

static const char *stands(const struct request_line *l)
{
    static const char *const words[] = {
        [STATE_OPENED] = "not asked out yet",
        [STATE_LIVE] = "waits for you",
        [STATE_APPROVED] = "you said yes",
        [STATE_CONTESTED] = "stopped",
        [STATE_LOCKED] = "locked after wrong words",
        [STATE_RELEASED] = "done",
        [STATE_REFUSED] = "refused",
        [STATE_EXPIRED] = "ran out",
    };

    return l->state >= STATE_OPENED && l->state <= STATE_EXPIRED ? words[l->state] : "";
}

static void say_request(const struct desk *d, const struct guard_request *r)
{
    const struct request_line *l = &r->rep.line[0];
    char id[9];
    char name[NAME_TEXT];
    char opened[DURATION_TEXT];

    id_short(l->request, id);
    desk_name(d, r->seat, l->ward, name);
    if (r->takeover) {
        when_text(ctx_now(d->ctx), l->opens, opened);
        term_answer(d->t, "%s  %s gets a new root key, %s", id, name, opened);
        return;
    }
    when_text(ctx_now(d->ctx), l->opened, opened);
    term_answer(d->t, "%s  %s %s (asked %s): %s", id, name, guard_asks_for(l), opened,
                stands(l));
}

/* ---- requests, show ---- */

void guard_list(struct desk *d)
{
    const struct guard *g = d->guard;
    json_t *list = json_array();

    for (size_t i = 0; i < g->n_requests; i++) {
        if (d->t->json)
            (void)json_array_append_new(list, json_request(d, &g->requests[i]));
        else
            say_request(d, &g->requests[i]);
    }
    if (d->t->json) {
        term_json(d->t, "requests", json_pack("{s:o}", "requests", list));
        return;
    }
    json_decref(list);
    if (g->n_requests == 0)
        term_say(d->t, "Nobody asks you for anything.");
}

enum err guard_cmd_requests(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    bool all = ctx_option(ctx, "--all") != NULL;

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, all ? GUARD_ALL : GUARD_OPEN));
    guard_list(&d);
    desk_say_paused(&d);
    desk_say_away(&d);
    return OK;
}

enum err guard_tell(struct desk *d, const struct guard_request *r, tell_fn tell)
{
    AUTO_SITTING struct sitting s = { .d = d, .t = d->t };
    char title[TALE_TITLE];

    tale_of(d, tell, r, &s.tale);
    if (r->takeover) {
        tale_takeover(&s.tale);
        return OK;
    }
    /* A former root is looked for first: without it there is less to tell. */
    enum err e = desk_keys_at_hand(d) && desk_place(d, r->seat) != PLACE_LOST
                     ? desk_unlock_seat(d, r->seat)
                     : ERR_KEY;
    if (e != ERR_KEY) {
        TRY(e);
        TRY(sitting_begin(&s, r));
        s.tale.tell = tell;
    }
    tale_title(&s.tale, title);
    tell(d->t, "%s", title);
    tale_tell(&s.tale);
    tale_next(&s.tale);
    return OK;
}

enum err guard_cmd_show(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct guard_request *r = NULL;

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_ALL));
    TRY(desk_request(&d, ctx->args[0], &r));
    if (d.t->json) {
        term_json(d.t, "request", json_request(&d, r));
        return OK;
    }
    return guard_tell(&d, r, term_tell);
}

/* ---- wards ---- */

static json_t *json_ward(const struct desk *d, const struct guard_ward *w)
{
    const struct day_seat *seat = &d->day->seats[w->seat];
    const struct ward_line *l = &w->line;
    uint64_t now = ctx_now(d->ctx);
    uint64_t paused = d->guard->paused[w->seat];
    bool sealed = l->epoch != 0;
    char node[ADDRESS_TEXT];

    guard_node(seat, node);
    json_t *doc = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:i}", "ward", json_hex(l->ward, ID_BYTES), "label",
        json_label(d, w->seat, l->ward), "node", text_or_null(node), "epoch",
        sealed ? json_integer(l->epoch) : json_null(), "hold",
        sealed ? json_integer(l->hold) : json_null(), "stop_hold",
        sealed ? json_integer(l->stop_hold) : json_null(), "confirmed",
        desk_confirmed(d, w), "requests", (int)l->requests);
    json_t *more = json_pack(
        "{s:o,s:o,s:i,s:o,s:o,s:b,s:b,s:o,s:o,s:o,s:o}", "frozen_until",
        json_time(l->frozen > now ? l->frozen : 0), "paused_until",
        json_time(paused > now ? paused : 0), "stops", (int)l->stops, "stops_until",
        json_time(l->stops_end), "left_at", json_time(l->left), "old_keys",
        guard_seat_is_old(d->day, seat), "lost_keys",
        desk_place(d, w->seat) == PLACE_LOST, "moved_at", json_time(l->moved),
        "takes_over_at", json_time(l->move_due), "ends_at",
        json_time(l->left == 0 ? l->end_due : 0), "drill_asked_at", json_time(l->drill));
    MUST(doc != NULL && more != NULL && json_object_update(doc, more) == 0);
    json_decref(more);
    MUST(json_object_set_new(doc, "newer_since", json_time(l->newer)) == 0);
    MUST(json_object_set_new(doc, "ended_at", json_time(l->end_due != 0 ? l->left : 0)) ==
         0);
    return doc;
}

/* What hangs over a ward, in a line each. */
static void say_trouble(const struct desk *d, const struct guard_ward *w)
{
    const struct ward_line *l = &w->line;
    char at[TIME_TEXT];

    time_text(l->newer, at);
    if (l->newer != 0 && l->left == 0)
        term_answer(d->t,
                    "          their circle goes on without it since %s: kith guard", at);
    time_text(l->frozen, at);
    if (l->frozen > ctx_now(d->ctx))
        term_answer(d->t, "          frozen until %s", at);
    time_text(l->stops_end, at);
    if (l->stops > 0)
        term_answer(d->t, "          stopped %u %s; requests wait longer until %s",
                    (unsigned)l->stops, l->stops == 1 ? "time" : "times", at);
    time_text(l->moved, at);
    if (l->moved != 0 && !desk_confirmed(d, w) && l->left == 0)
        term_answer(d->t, "          a new root since %s: speak with them", at);
    time_text(l->end_due, at);
    if (l->end_due != 0 && l->left == 0)
        term_answer(d->t, "          they end their circle; all is erased here on %s",
                    at);
    if (l->drill != 0 && l->left == 0)
        term_answer(d->t, "          they ask you to open the piece once: kith guard "
                          "drill");
    if (desk_place(d, w->seat) == PLACE_LOST && l->left == 0)
        term_answer(d->t, "          %s",
                    d->day->seats[w->seat].lost != 0
                        ? "you lost the keys to this piece"
                        : "your root key before this one opens it, and is not in your "
                          "vault here: kith vault pull");
    if (desk_place(d, w->seat) == PLACE_FORMER && l->left == 0)
        term_answer(d->t, "          by your root key before this one: take them on anew "
                          "with kith guard invite");
}

static const char *ward_state(const struct guard_ward *w)
{
    if (w->line.left != 0)
        return w->line.end_due != 0 ? "ended by its owner, all is erased"
                                    : "you gave this up";
    if (w->line.newer != 0)
        return "you keep an old piece";
    return w->line.epoch != 0 ? "you keep a piece" : "no piece yet";
}

static void say_ward(const struct desk *d, const struct guard_ward *w)
{
    const struct day_ward *k =
        guard_known(d->day, d->day->seats[w->seat].seat, w->line.ward);
    char id[9];
    char name[NAME_TEXT];

    id_short(w->line.ward, id);
    desk_name(d, w->seat, w->line.ward, name);
    term_answer(d->t, "%s  %s: %s, %s%s", id, name,
                desk_confirmed(d, w) ? "confirmed" : "not confirmed yet", ward_state(w),
                w->line.requests != 0 ? ", asks for something" : "");
    say_trouble(d, w);
    /* Two people may bear one name; how to reach them tells them apart. */
    if (k != NULL && k->contact.n > 0)
        term_say(d->t, "          how you reach them: %.*s", (int)k->contact.n,
                 (const char *)k->contact.p);
}

enum err guard_cmd_wards(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    json_t *list = NULL;

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_OPEN));
    list = json_array();
    for (size_t i = 0; i < d.guard->n_wards; i++) {
        if (d.t->json)
            (void)json_array_append_new(list, json_ward(&d, &d.guard->wards[i]));
        else
            say_ward(&d, &d.guard->wards[i]);
    }
    if (d.t->json)
        term_json(d.t, "wards", json_pack("{s:O}", "wards", list));
    else if (d.guard->n_wards == 0)
        term_say(d.t, "You keep nothing for anybody yet. Invite somebody: kith guard "
                      "invite");
    json_decref(list);
    desk_say_paused(&d);
    desk_say_away(&d);
    return OK;
}
