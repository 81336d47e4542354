/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_sit.h"

enum { PAUSE_MOST_S = 30 * 86400 };

static json_t *label_of(const struct desk *d, const struct guard_ward *w)
{
    const struct day_ward *k =
        guard_known(d->day, d->day->seats[w->seat].seat, w->line.ward);

    return k != NULL ? json_slice(k->label) : json_null();
}

/* ---- freeze ---- */

static void say_freeze(struct desk *d, const char *name, uint64_t until)
{
    char at[TIME_TEXT];

    time_text(until, at);
    term_title(d->t, "Frozen until %s.", at);
    term_say(d->t,
             "At your node nobody can change %s's circle now, erase anything, or stop a "
             "restore, with the device that is gone. The piece you keep is safe.",
             name);
    term_say(d->t,
             "It does not bring %s's key back, and it holds up no restore: a restore "
             "that you approve ends it. Other guardians freeze at their own nodes; %s "
             "calls them too.",
             name, name);
    term_say(d->t, "Next, give %s a way back:", name);
    term_say(d->t, "  kith guard link \"%s\"", name);
}

static enum err send_freeze(struct desk *d, const struct guard_ward *w, const char *name,
                            uint64_t *out_until)
{
    struct day_seat *s = &d->day->seats[w->seat];
    struct req_freeze req = { 0 };
    struct rep_freeze rep = { 0 };
    struct call call = { 0 };

    rng_fill(d->ctx->params->rng, req.op, ID_BYTES);
    memcpy(req.ward, w->line.ward, ID_BYTES);
    enum err e = guard_send(d->ctx->params, s, MSG_FREEZE, &req, &rep, sizeof rep, &call);
    if (e == ERR_STATE || e == ERR_BUSY)
        return term_fail_as(d->t, ERR_STATE, EXIT_STOPPED, "freeze-again",
                            "Between two freezes lies a day, so that nobody is shut out "
                            "of their own circle for good.",
                            NULL, "A freeze of %s ended less than a day ago.", name);
    if (e != OK)
        return desk_failed(d, s, &call, e);
    *out_until = rep.until;
    return OK;
}

static enum err ask_freeze(struct desk *d, const struct guard_ward *w, const char *name,
                           uint8_t *how)
{
    char question[2 * NAME_TEXT];
    char next[2 * NAME_TEXT];
    struct how_ask a = { question, name, next };
    const struct day_ward *k =
        guard_known(d->day, d->day->seats[w->seat].seat, w->line.ward);

    if (*how != 0)
        return OK;
    term_title(d->t, "Has %s lost a device?", name);
    term_say(d->t,
             "A freeze keeps whoever has it from changing %s's circle at your node, for "
             "30 days. Do it only if %s asks you to.",
             name, name);
    if (k != NULL && k->about.n > 0)
        term_say(d->t, "%s left you this note: \"%.*s\"", name, (int)k->about.n,
                 (const char *)k->about.p);
    if (k != NULL && k->contact.n > 0)
        term_say(d->t, "How you reach %s: %.*s", name, (int)k->contact.n,
                 (const char *)k->contact.p);
    (void)snprintf(question, sizeof question,
                   "How did you make sure that you speak with %s?", name);
    (void)snprintf(next, sizeof next, "kith guard freeze \"%s\"", name);
    return guard_ask_how(d->t, &a, how);
}

enum err guard_cmd_freeze(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    const struct guard_ward *w = NULL;
    char name[NAME_TEXT];
    uint8_t how = 0;
    uint64_t until = 0;

    TRY(guard_how_given(ctx, &how));
    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_OPEN));
    TRY(desk_ward(&d, ctx->args[0], NAME_OF_HELPED, &w));
    desk_name(&d, w->seat, w->line.ward, name);
    if (w->line.left != 0)
        return desk_can_help(&d, w);
    until = w->line.frozen;
    if (until <= ctx_now(ctx)) {
        TRY(ask_freeze(&d, w, name, &how));
        TRY(send_freeze(&d, w, name, &until));
    }
    if (d.t->json)
        term_json(d.t, "freeze",
                  json_pack("{s:o,s:o,s:o}", "ward", json_hex(w->line.ward, ID_BYTES),
                            "label", label_of(&d, w), "until", json_time(until)));
    else
        say_freeze(&d, name, until);
    return OK;
}

/* ---- pause, resume ---- */

/* How a pause went at each seat. */
struct pausing {
    uint64_t until; /* 0: back */
    json_t *nodes;
    size_t asked;
    size_t done;
    enum err why;
    struct call call; /* of the last that failed */
    struct day_seat *seat;
};

static enum err pause_one(struct desk *d, struct day_seat *s, struct pausing *p)
{
    struct req_pause req = { .until = p->until };
    struct rep_pause rep = { 0 };
    struct call call = { 0 };
    char node[ADDRESS_TEXT];

    rng_fill(d->ctx->params->rng, req.op, ID_BYTES);
    enum err e = guard_send(d->ctx->params, s, MSG_PAUSE, &req, &rep, sizeof rep, &call);
    if (e == ERR_NOMEM)
        return e;
    guard_node(s, node);
    p->asked++;
    if (e == OK) {
        p->done++;
        (void)json_array_append_new(p->nodes, json_pack("{s:s,s:o}", "node", node,
                                                        "until", json_time(rep.until)));
        return OK;
    }
    p->why = e;
    p->call = call;
    p->seat = s;
    term_warn(d->t, "the node %s was not told: %s", node, err_text(e));
    return OK;
}

static void say_paused(struct desk *d, const struct pausing *p)
{
    char at[TIME_TEXT];

    if (d->t->json) {
        term_json(
            d->t, "pause",
            json_pack("{s:o,s:O}", "until", json_time(p->until), "nodes", p->nodes));
        return;
    }
    time_text(p->until, at);
    if (p->until == 0) {
        term_say(d->t, "You are back. What waits for you: kith guard");
        return;
    }
    term_title(d->t, "You are away until %s.", at);
    term_say(d->t, "Until then nothing new is approved or confirmed by you. Whoever you "
                   "help sees that you are away, and asks others. What you approved "
                   "before still goes. Leave your node switched on.");
    term_say(d->t, "If you are back earlier:");
    term_say(d->t, "  kith guard resume");
}

static enum err pause_all(struct ctx *ctx, uint64_t until)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct pausing p = { .until = until };

    TRY(desk_open(ctx, &d));
    p.nodes = json_array();
    term_progress(d.t, "Telling your node …");
    for (size_t i = 0; i < d.day->n_seats; i++) {
        if (d.day->seats[i].progress != GUARDIAN_READY)
            continue;
        enum err e = pause_one(&d, &d.day->seats[i], &p);
        if (e != OK) {
            json_decref(p.nodes);
            return e;
        }
    }
    if (p.done > 0)
        say_paused(&d, &p);
    json_decref(p.nodes);
    if (p.done == 0)
        return desk_failed(&d, p.seat, &p.call, p.why);
    if (p.done < p.asked)
        ctx->exit = EXIT_DEGRADED;
    return OK;
}

enum err guard_cmd_pause(struct ctx *ctx)
{
    uint64_t s = 0;
    enum err e = duration_parse(ctx->args[0], PAUSE_MOST_S, &s);

    if (e == OK && s > 0)
        return pause_all(ctx, ctx_now(ctx) + s);
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, NULL,
                        "It is a number with s, m, h or d, at most 30d.",
                        s == 0 && e == OK ? "kith guard resume" : "kith guard pause 14d",
                        "\"%s\" is no time to be away.", ctx->args[0]);
}

enum err guard_cmd_resume(struct ctx *ctx)
{
    return pause_all(ctx, 0);
}

/* ---- leave ---- */

static enum err agree_leave(struct desk *d, const struct guard_ward *w, const char *name)
{
    char why[TERM_TEXT];

    if (w->line.requests > 0)
        term_warn(d->t, "%s asks you for something right now: kith guard", name);
    if (w->line.newer != 0)
        (void)snprintf(why, sizeof why,
                       "This erases the old piece at your node at once; it cannot be had "
                       "back. %s's circle has newer ones. Speak with %s first: whether "
                       "you are still to help, only %s knows.",
                       name, name, name);
    else
        (void)snprintf(why, sizeof why,
                       "This gives %s up for good. %s The piece cannot be had back. %s "
                       "is told and needs another guardian; speak with %s first.",
                       name,
                       w->line.epoch != 0
                           ? "The piece that you keep is erased at your node at once."
                           : "There is no piece at your node yet.",
                       name, name);
    return term_word(d->t, "leave", why);
}

static enum err send_leave(struct desk *d, const struct guard_ward *w, uint64_t *out_left)
{
    struct day_seat *s = &d->day->seats[w->seat];
    struct req_ward_end req = { 0 };
    struct rep_ward_end rep = { 0 };
    struct call call = { 0 };

    rng_fill(d->ctx->params->rng, req.op, ID_BYTES);
    memcpy(req.ward, w->line.ward, ID_BYTES);
    enum err e =
        guard_send(d->ctx->params, s, MSG_WARD_END, &req, &rep, sizeof rep, &call);
    if (e != OK)
        return desk_failed(d, s, &call, e);
    *out_left = rep.left;
    return OK;
}

enum err guard_cmd_leave(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    const struct guard_ward *w = NULL;
    char name[NAME_TEXT];

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_OPEN));
    TRY(desk_ward(&d, ctx->args[0], NAME_OF_KEPT, &w));
    desk_name(&d, w->seat, w->line.ward, name);
    uint64_t left = w->line.left;
    if (left == 0) {
        TRY(agree_leave(&d, w, name));
        TRY(send_leave(&d, w, &left));
    }
    if (d.t->json) {
        term_json(d.t, "left",
                  json_pack("{s:o,s:o,s:o}", "ward", json_hex(w->line.ward, ID_BYTES),
                            "label", label_of(&d, w), "left_at", json_time(left)));
        return OK;
    }
    term_title(d.t, "You are not %s's guardian any more.", name);
    term_say(d.t,
             "What your node kept for %s is erased. %s sees it the next time their "
             "program asks your node. Tell %s yourself too%s",
             name, name, name,
             w->line.newer != 0 ? "." : ": they need another guardian.");
    return OK;
}
