/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"

enum { DRIFT_S = 3600 }; /* a node agrees to no more between its clock and yours */

/* What one node said of its time, and what this machine's clock showed then. */
struct seat_clock {
    struct day_seat *seat;
    char node[ADDRESS_TEXT];
    struct rep_clock rep;
    uint64_t yours;
    bool confirmed;
};

struct clocks {
    struct seat_clock list[DAY_SEATS];
    size_t n;
    size_t asked;
    struct day_seat *away; /* the last that did not answer */
    char away_node[ADDRESS_TEXT];
    enum err why;
    struct call call;
};

/* In scripts, and to a person. */
struct why_row {
    const char *id;
    const char *what;
};

static const struct why_row whys[] = {
    [CLOCK_FINE] = { NULL, NULL },
    [CLOCK_UNSYNCED] = { "unsynchronised",
                         "It started before its machine knew what time it is." },
    [CLOCK_STEPPED] = { "stepped",
                        "Its machine's clock jumped forward by more than an hour." },
    [CLOCK_LONG_OFF] = { "long-off", "It was away for more than 30 days." },
    [CLOCK_BEHIND] = { "behind",
                       "Its machine's clock shows an earlier time than it once did." },
};

static const struct why_row *why_of(const struct rep_clock *r)
{
    static const struct why_row other = { "other",
                                          "Its node is newer than this program." };

    return r->why < sizeof whys / sizeof whys[0] ? &whys[r->why] : &other;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* ---- asking ---- */

static enum err send_clock(struct desk *d, struct seat_clock *c, uint64_t confirm,
                           struct call *call)
{
    struct req_clock req = { .confirm = confirm };

    rng_fill(d->ctx->params->rng, req.op, ID_BYTES);
    c->yours = ctx_now(d->ctx);
    return guard_send(d->ctx->params, c->seat, MSG_CLOCK, &req, &c->rep, sizeof c->rep,
                      call);
}

static enum err ask_all(struct desk *d, struct clocks *all)
{
    term_progress(d->t, "Asking your node what time it is …");
    for (size_t i = 0; i < d->day->n_seats; i++) {
        struct seat_clock c = { .seat = &d->day->seats[i] };
        struct call call = { 0 };

        if (c.seat->progress != GUARDIAN_READY || guard_seat_is_old(d->day, c.seat))
            continue;
        all->asked++;
        guard_node(c.seat, c.node);
        enum err e = send_clock(d, &c, 0, &call);
        if (e == ERR_NOMEM)
            return e;
        if (e == OK) {
            all->list[all->n++] = c;
            continue;
        }
        all->away = c.seat;
        all->why = e;
        all->call = call;
        memcpy(all->away_node, c.node, sizeof all->away_node);
    }
    term_progress_end(d->t);
    if (all->n == 0 && all->away != NULL)
        return desk_failed(d, all->away, &all->call, all->why);
    if (all->n == all->asked)
        return OK;
    term_warn(d->t, "the node %s did not say what time it is: %s", all->away_node,
              err_text(all->why));
    d->ctx->exit = EXIT_DEGRADED;
    return OK;
}

/* ---- confirming ---- */

static bool needs_word(const struct seat_clock *c)
{
    return c->rep.frozen != 0 || apart(c->rep.time, c->rep.wall) > DRIFT_S;
}

static enum err agree(struct desk *d)
{
    char now[TIME_TEXT];
    char question[TIME_TEXT + 64];
    bool yes = false;

    /* Without a terminal --confirm is the word itself. */
    if (!d->t->ask)
        return OK;
    time_text(ctx_now(d->ctx), now);
    term_say(d->t, "Look at another clock before you answer: holds run by what you say.");
    (void)snprintf(question, sizeof question, "Is it now %s?", now);
    TRY(term_offer(d->t, question, &yes));
    if (yes)
        return OK;
    return term_fail_as(d->t, ERR_STOPPED, EXIT_STOPPED, NULL, "Nothing was changed.",
                        "kith guard clock", "Set this machine's clock right first.");
}

static enum err confirm_one(struct desk *d, struct seat_clock *c)
{
    char wall[TIME_TEXT];
    char yours[TIME_TEXT];
    struct call call = { 0 };
    struct rep_clock before = c->rep;
    enum err e = send_clock(d, c, ctx_now(d->ctx), &call);

    if (e == OK) {
        c->confirmed = true;
        return OK;
    }
    c->rep = before;
    if (e != ERR_STATE)
        return desk_failed(d, c->seat, &call, e);
    time_text(before.wall, wall);
    time_text(c->yours, yours);
    return term_fail_as(d->t, e, EXIT_FAILED, "clock-differs",
                        "Set the clock that is wrong right first: on that machine, or on "
                        "this one.",
                        "kith guard clock --confirm",
                        "The machine of %s says %s, this one says %s.", c->node, wall,
                        yours);
}

static enum err confirm_all(struct desk *d, struct clocks *all)
{
    size_t waiting = 0;

    for (size_t i = 0; i < all->n; i++)
        waiting += needs_word(&all->list[i]);
    if (waiting == 0)
        return OK;
    TRY(agree(d));
    for (size_t i = 0; i < all->n; i++)
        if (needs_word(&all->list[i]))
            TRY(confirm_one(d, &all->list[i]));
    return OK;
}

/* ---- telling ---- */

static json_t *seat_json(const struct seat_clock *c)
{
    const struct rep_clock *r = &c->rep;

    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:I,s:b,s:s?,s:b}", "node", c->node, "seat",
                     json_hex(c->seat->seat, SEAT_BYTES), "time", json_time(r->time),
                     "wall", json_time(r->wall), "yours", json_time(c->yours),
                     "difference", (json_int_t)(r->wall - c->yours), "frozen",
                     r->frozen != 0, "why", r->frozen ? why_of(r)->id : NULL, "confirmed",
                     (int)c->confirmed);
}

static void tell_frozen(struct desk *d, const struct seat_clock *c)
{
    struct term *t = d->t;
    char counted[TIME_TEXT];

    time_text(c->rep.time, counted);
    term_tell(t, "  Its holds stand still at %s. %s", counted, why_of(&c->rep)->what);
    if (apart(c->rep.wall, c->yours) > DRIFT_S)
        term_tell(t,
                  "  Set the clock that is wrong right first, on that machine or on this "
                  "one; then: kith guard clock --confirm");
    else
        term_tell(t, "  If this is the right time: kith guard clock --confirm");
}

static void tell_one(struct desk *d, const struct seat_clock *c)
{
    char wall[TIME_TEXT];
    char yours[TIME_TEXT];
    char off[DURATION_TEXT];
    uint64_t s = apart(c->rep.wall, c->yours);

    time_text(c->rep.wall, wall);
    time_text(c->yours, yours);
    duration_text(s, off);
    term_tell(d->t, "%s", c->node);
    term_tell(d->t, "  Its machine says %s, this one %s: %s.", wall, yours,
              s < 60 ? "the same" : off);
    if (c->rep.frozen != 0)
        tell_frozen(d, c);
    else
        term_tell(d->t, c->confirmed ? "  Confirmed: its holds run again."
                                     : "  Its holds run.");
}

enum err guard_cmd_clock(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    AUTO_FREE struct clocks *all = calloc(1, sizeof *all);
    json_t *list = json_array();
    bool frozen = false;

    if (all == NULL || list == NULL) {
        json_decref(list);
        return ERR_NOMEM;
    }
    enum err e = desk_open(ctx, &d);
    if (e == OK)
        e = ask_all(&d, all);
    if (e == OK && ctx_option(ctx, "--confirm") != NULL)
        e = confirm_all(&d, all);
    for (size_t i = 0; e == OK && i < all->n; i++) {
        frozen |= all->list[i].rep.frozen != 0;
        (void)json_array_append_new(list, seat_json(&all->list[i]));
        if (!ctx->term->json)
            tell_one(&d, &all->list[i]);
    }
    if (e == OK && ctx->term->json)
        term_json(ctx->term, "clock", json_pack("{s:O}", "seats", list));
    json_decref(list);
    if (e == OK && frozen)
        ctx->exit = EXIT_DEGRADED;
    return e;
}
