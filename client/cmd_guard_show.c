/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"

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
    return json_pack(
        "{s:o,s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:i,s:i,s:o}", "request",
        json_hex(l->request, ID_BYTES), "kind", request_kind_name(l->kind), "purpose",
        purpose_name(l->purpose), "ward", json_hex(l->ward, ID_BYTES), "label",
        json_label(d, r->seat, l->ward), "node", text_or_null(node), "state",
        request_state_name(l->state), "opened_at", json_time(l->opened), "approved_at",
        json_time(l->approved), "opens_at", json_time(l->opens), "expires_at",
        json_time(l->expires), "tries_left", (int)l->tries_left, "stops", (int)l->stops,
        "claimed", json_slice(r->rep.claimed));
}

static void say_request(const struct desk *d, const struct guard_request *r)
{
    const struct request_line *l = &r->rep.line[0];
    char id[9];
    char name[NAME_TEXT];
    char opened[DURATION_TEXT];

    id_short(l->request, id);
    desk_name(d, r->seat, l->ward, name);
    when_text(ctx_now(d->ctx), l->opened, opened);
    term_answer(d->t, "%s  %-8s %-9s %s, asked %s", id, request_kind_name(l->kind),
                request_state_name(l->state), name, opened);
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
    desk_say_away(&d);
    return OK;
}

static void show_times(const struct desk *d, const struct request_line *l)
{
    char opened[TIME_TEXT];
    char opens[TIME_TEXT];

    time_text(l->opened, opened);
    time_text(l->opens, opens);
    term_answer(d->t, "asked:        %s", opened);
    if (l->kind == REQUEST_RESTORE && l->opens != 0)
        term_answer(d->t, "%s  %s",
                    l->approved != 0 ? "opens:      " : "opens then: ", opens);
    if (l->state == STATE_LIVE)
        term_answer(d->t, "tries left:   %u", (unsigned)l->tries_left);
}

static void show_ward(const struct desk *d, const struct guard_request *r)
{
    const struct day_ward *w =
        guard_known(d->day, d->day->seats[r->seat].seat, r->rep.line[0].ward);

    if (w == NULL) {
        term_say(d->t, "The note of this ward was never opened here: kith guard asks for "
                       "your passphrase and shows it.");
        return;
    }
    term_answer(d->t, "fingerprint:  %.*s", (int)w->fingerprint.n,
                (const char *)w->fingerprint.p);
    if (w->about.n > 0)
        term_answer(d->t, "their note:   \"%.*s\"", (int)w->about.n,
                    (const char *)w->about.p);
    if (w->contact.n > 0)
        term_answer(d->t, "reach:        %.*s", (int)w->contact.n,
                    (const char *)w->contact.p);
    if (w->confirmed == 0)
        term_say(d->t, "You have not confirmed this account yet.");
}

enum err guard_cmd_show(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct guard_request *r = NULL;
    char name[NAME_TEXT];

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_ALL));
    TRY(desk_request(&d, ctx->args[0], &r));
    if (d.t->json) {
        term_json(d.t, "request", json_request(&d, r));
        return OK;
    }
    const struct request_line *l = &r->rep.line[0];
    desk_name(&d, r->seat, l->ward, name);
    term_answer(d.t, "who:          %s", name);
    term_answer(d.t, "what:         %s, %s", request_kind_name(l->kind),
                request_state_name(l->state));
    show_ward(&d, r);
    show_times(&d, l);
    if (r->rep.claimed.n > 0)
        term_answer(d.t, "they wrote:   \"%.*s\"", (int)r->rep.claimed.n,
                    (const char *)r->rep.claimed.p);
    return OK;
}

/* ---- wards ---- */

static json_t *json_ward(const struct desk *d, const struct guard_ward *w)
{
    const struct day_ward *k =
        guard_known(d->day, d->day->seats[w->seat].seat, w->line.ward);
    bool sealed = w->line.epoch != 0;
    char node[ADDRESS_TEXT];

    guard_node(&d->day->seats[w->seat], node);
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:i}", "ward",
                     json_hex(w->line.ward, ID_BYTES), "label",
                     json_label(d, w->seat, w->line.ward), "node", text_or_null(node),
                     "epoch", sealed ? json_integer(w->line.epoch) : json_null(), "hold",
                     sealed ? json_integer(w->line.hold) : json_null(), "stop_hold",
                     sealed ? json_integer(w->line.stop_hold) : json_null(), "confirmed",
                     k != NULL && k->confirmed != 0, "requests", (int)w->line.requests);
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
                k != NULL && k->confirmed != 0 ? "confirmed" : "not confirmed yet",
                w->line.epoch != 0 ? "you keep a piece" : "no piece yet",
                w->line.requests != 0 ? ", asks for something" : "");
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
    desk_say_away(&d);
    return OK;
}
