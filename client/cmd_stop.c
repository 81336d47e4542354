/* SPDX-License-Identifier: Apache-2.0 */
#include "client/alert.h"

/* Room for all that every node may list: a node that lists many hides none elsewhere. */
enum { STOPS = DAY_GUARDIANS * ALERT_REQUESTS };

/* What became of one stop. */
enum result {
    STOPPED,  /* it starts again */
    RECORDED, /* the node notes it; it changes nothing any more */
    LATE,     /* the piece is out */
    OVER,     /* it had ended before */
    FROZEN,   /* the guardian froze what this device may do */
    REFUSED,  /* the node said no */
    AWAY      /* no answer */
};

static const char *const result_names[] = {
    [STOPPED] = "stopped", [RECORDED] = "recorded", [LATE] = "late", [OVER] = "over",
    [FROZEN] = "frozen",   [REFUSED] = "refused",   [AWAY] = "away",
};

struct target {
    const struct alert_place *place;
    struct request_line line;
    struct req_stop req;
    struct rep_stop rep;
    enum err err;
    enum result result;
};

struct stops {
    struct ctx *ctx;
    struct home home;
    struct day *day;
    struct alerts *alerts;
    struct unlocked *root; /* secret; with --root */
    bool unsure;           /* an answer was lost: the op id makes asking again safe */
    size_t n;
    struct target targets[STOPS];
};

static void stops_end(struct stops *s)
{
    alerts_free(s->alerts);
    secret_free(s->root);
    day_free(s->day);
    home_close(&s->home);
    free(s);
}

/* ---- which ---- */

static bool is_over(unsigned state)
{
    return state == STATE_RELEASED || state == STATE_REFUSED || state == STATE_EXPIRED;
}

static void add_target(struct stops *s, const struct alert_place *p,
                       const struct request_line *line)
{
    struct target *t = &s->targets[s->n];
    if (s->n == STOPS)
        return;
    *t = (struct target){ .place = p, .line = *line, .result = AWAY };
    rng_fill(s->ctx->params->rng, t->req.op, ID_BYTES);
    memcpy(t->req.request, line->request, ID_BYTES);
    s->n++;
}

static void choose_all(struct stops *s)
{
    for (size_t i = 0; i < s->alerts->n; i++) {
        const struct alert_place *p = &s->alerts->places[i];
        for (size_t k = 0; k < p->n_requests; k++)
            if (p->requests[k].kind != REQUEST_CONFIRM && !is_over(p->requests[k].state))
                add_target(s, p, &p->requests[k]);
    }
}

struct where {
    const struct alert_place *place;
};

static enum err choose_one(struct stops *s, const char *typed)
{
    size_t n = 0;
    size_t at = 0;
    for (size_t i = 0; i < s->alerts->n; i++)
        n += s->alerts->places[i].n_requests;
    AUTO_FREE struct named *list = calloc(n + 1, sizeof *list);
    AUTO_FREE struct where *where = calloc(n + 1, sizeof *where);
    if (list == NULL || where == NULL)
        return ERR_NOMEM;
    n = 0;
    for (size_t i = 0; i < s->alerts->n; i++) {
        const struct alert_place *p = &s->alerts->places[i];
        for (size_t k = 0; k < p->n_requests; k++) {
            list[n].id = p->requests[k].request;
            where[n++].place = p;
        }
    }
    enum err e = ctx_pick(s->ctx, "request", typed, list, n, &at);
    if (e == ERR_UNKNOWN && alerts_away(s->alerts) > 0)
        return term_fail(s->ctx->term, ERR_UNREACHABLE, "kith stop all",
                         "There is no request \"%s\" at the nodes that answered, and not "
                         "all did.",
                         typed);
    TRY(e);
    const struct alert_place *p = where[at].place;
    MUST(p != NULL);
    for (size_t k = 0; k < p->n_requests; k++)
        if (p->requests[k].request == list[at].id)
            add_target(s, p, &p->requests[k]);
    return OK;
}

/* ---- saying stop ---- */

/* The targets of one place, one after the other. */
struct visit {
    struct stops *s;
    const struct alert_place *place;
    size_t at; /* target that was asked last */
};

static struct target *next_target(struct visit *v)
{
    for (; v->at < v->s->n; v->at++) {
        struct target *t = &v->s->targets[v->at];
        if (t->place == v->place && t->result == AWAY && !is_over(t->line.state))
            return t;
    }
    return NULL;
}

static enum err step(struct call *c, const struct call_reply *reply,
                     struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply != NULL) {
        struct target *t = &v->s->targets[v->at++];
        t->err = reply->err;
        t->result = STOPPED;
        if (reply->err == OK)
            memcpy(&t->rep, reply->rep, sizeof t->rep);
    }
    const struct target *t = next_target(v);
    if (t != NULL)
        *out = (struct call_send){ MSG_STOP, &t->req };
    return OK;
}

static enum result judge(const struct target *t)
{
    if (is_over(t->line.state))
        return t->line.state == STATE_RELEASED ? LATE : OVER;
    if (t->result == AWAY)
        return AWAY;
    if (t->err == OK)
        return t->rep.counted != 0 ? STOPPED : RECORDED;
    if (t->err == ERR_FROZEN)
        return FROZEN;
    if (t->err == ERR_FULL)
        return RECORDED; /* so many are on record that one more adds nothing */
    return t->err == ERR_EXPIRED || t->err == ERR_STATE || t->err == ERR_STOPPED ||
                   t->err == ERR_UNKNOWN
               ? OVER
               : REFUSED;
}

/* Calls, visits and keys of the round; the keys in secret memory. */
struct round {
    struct call *calls;
    struct visit *visits;
    struct account_keys *keys;
    size_t n;
};

static void round_done(struct round *r)
{
    free(r->calls);
    free(r->visits);
    secret_free(r->keys);
}

static enum err add_call(struct stops *s, const struct alert_place *at, struct round *r)
{
    const struct day_guardian *g = &s->day->guardians[at->at];
    struct call *c = &r->calls[r->n];
    struct visit *v = &r->visits[r->n];
    *v = (struct visit){ .s = s, .place = at };
    if (next_target(v) == NULL)
        return OK;
    *c = *at->call;
    if (s->root != NULL) {
        TRY(guardian_account(&s->root->root, g, &r->keys[r->n]));
        guardian_call_owner(c, g, &r->keys[r->n]);
    }
    c->step = step;
    c->ctx = v;
    r->n++;
    return OK;
}

static enum err stop_round(struct stops *s)
{
    __attribute__((cleanup(round_done))) struct round r = { 0 };
    const struct params *p = s->ctx->params;
    size_t most = s->alerts->n + 1;
    r.calls = calloc(most, sizeof *r.calls);
    r.visits = calloc(most, sizeof *r.visits);
    if (r.calls == NULL || r.visits == NULL)
        return ERR_NOMEM;
    TRY(secret_alloc(most * sizeof *r.keys, (void **)&r.keys));
    for (size_t i = 0; i < s->alerts->n; i++)
        TRY(add_call(s, &s->alerts->places[i], &r));
    TRY(call_round(r.calls, r.n, p->round_ms, p->rng));
    s->unsure = false;
    for (size_t i = 0; i < r.n; i++) {
        seen_note(alert_node(s->alerts, r.visits[i].place), &r.calls[i], p->now());
        s->unsure = s->unsure || r.calls[i].err == ERR_CLOSED;
    }
    for (size_t i = 0; i < s->n; i++)
        s->targets[i].result = judge(&s->targets[i]);
    return OK;
}

/* ---- what came of it ---- */

static void say_again(struct term *t, const struct target *x, const char *who)
{
    char when[TIME_TEXT];
    time_text(x->rep.opens, when);
    if (x->result == STOPPED)
        term_answer(t, "%s: stopped. It starts again.", who);
    else
        term_answer(t, "%s: recorded, but it was stopped too often to start again.", who);
    if (x->rep.opens > 0)
        term_say(t,
                 "  It can open on %s at the earliest, and only if %s says yes despite "
                 "your stop. Call %s and say that it is not you.",
                 when, who, who);
    else
        term_say(t, "  Call %s and say that it is not you: they can refuse it.", who);
}

static void say_target(struct term *t, const struct target *x, const char *who)
{
    switch (x->result) {
    case STOPPED:
    case RECORDED:
        say_again(t, x, who);
        return;
    case LATE:
        term_answer(t, "%s: too late, the piece was let go.", who);
        return;
    case OVER:
        term_answer(t, "%s: it had ended already.", who);
        return;
    case FROZEN:
        term_answer(t, "%s: froze what this device may do.", who);
        term_say(t, "  With your root key you can still stop: kith stop --root all");
        return;
    case REFUSED:
        term_answer(t, "%s: the node refused the stop: %s", who, err_text(x->err));
        return;
    case AWAY:
        term_answer(t, "%s: did not answer the stop. Run it again, and call %s.", who,
                    who);
        return;
    }
}

static json_t *target_json(const struct stops *s, const struct target *x, const char *who)
{
    char node[ADDRESS_TEXT];
    bool told = x->result == STOPPED || x->result == RECORDED;
    guardian_node(&s->day->guardians[x->place->at], node);
    return json_pack(
        "{s:o, s:s, s:s, s:s, s:s, s:i, s:o}", "request",
        json_hex(x->line.request, ID_BYTES), "guardian", who, "node", node, "result",
        result_names[x->result], "state",
        request_state_name(told && x->err == OK ? x->rep.state : x->line.state), "stops",
        (int)(told && x->err == OK ? x->rep.stops : x->line.stops), "opens_at",
        json_time(told ? x->rep.opens : 0));
}

static void show_json(const struct stops *s)
{
    json_t *list = json_array();
    json_t *away = json_array();
    char who[NAME_MAX_BYTES + 1];
    for (size_t i = 0; i < s->n; i++) {
        alert_place_name(s->alerts, s->targets[i].place, who);
        (void)json_array_append_new(list, target_json(s, &s->targets[i], who));
    }
    for (size_t i = 0; i < s->alerts->n; i++) {
        if (s->alerts->calls[i].err == OK)
            continue;
        alert_place_name(s->alerts, &s->alerts->places[i], who);
        (void)json_array_append_new(away, json_string(who));
    }
    term_json(s->ctx->term, "stop",
              json_pack("{s:o, s:o}", "requests", list, "away", away));
}

/* A restore opens at several guardians: who stops one should know of the others. */
static void say_others(const struct stops *s)
{
    size_t open = 0;
    for (size_t i = 0; i < s->alerts->n; i++) {
        const struct alert_place *p = &s->alerts->places[i];
        for (size_t k = 0; k < p->n_requests; k++)
            open += p->requests[k].kind != REQUEST_CONFIRM && p->requests[k].ended == 0 &&
                    !is_over(p->requests[k].state);
    }
    if (open > s->n)
        term_warn(s->ctx->term, "%zu more are open at other guardians: kith stop all",
                  open - s->n);
}

static void show(const struct stops *s)
{
    struct term *t = s->ctx->term;
    char who[NAME_MAX_BYTES + 1];
    if (t->json) {
        show_json(s);
        return;
    }
    if (s->n == 0)
        term_say(t, "Nobody asks for your keys at the nodes that answered.");
    for (size_t i = 0; i < s->n; i++) {
        alert_place_name(s->alerts, s->targets[i].place, who);
        say_target(t, &s->targets[i], who);
    }
    for (size_t i = 0; i < s->alerts->n; i++)
        if (s->alerts->places[i].why[0] != 0)
            term_warn(t, "%s Call and ask them to refuse.", s->alerts->places[i].why);
    say_others(s);
}

static enum exit_code exit_for(const struct stops *s)
{
    size_t done = 0;
    size_t late = 0;
    for (size_t i = 0; i < s->n; i++) {
        enum result r = s->targets[i].result;
        done += r == STOPPED || r == RECORDED || r == OVER;
        late += r == LATE;
    }
    if (s->n > 0 && late == s->n)
        return EXIT_FAILED;
    bool all = done == s->n && alerts_away(s->alerts) == 0;
    return all ? EXIT_FINE : EXIT_DEGRADED;
}

static enum err look(struct stops *s)
{
    const struct alert_look how = { .params = s->ctx->params,
                                    .which = DROP_ALERTS,
                                    .owner_only = true };
    term_progress(s->ctx->term, "Asking your guardians' nodes …");
    TRY(alerts_look(&how, s->day, &s->alerts));
    if (s->alerts->n == 0)
        return term_fail_as(s->ctx->term, ERR_UNKNOWN, EXIT_NONE, "no-guardian", NULL,
                            "kith guardian list", "You have no guardians here.");
    if (calls_shut_out(s->alerts->calls, s->alerts->n))
        return guardian_shut_out(s->ctx);
    if (alerts_away(s->alerts) == s->alerts->n)
        return term_fail(s->ctx->term, ERR_UNREACHABLE, NULL,
                         "No node answered. Call your guardians: they can refuse.");
    return OK;
}

static enum err stop(struct stops *s)
{
    struct ctx *ctx = s->ctx;
    TRY(ctx_home(ctx, HOME_READ, &s->home));
    TRY(ctx_day(ctx, &s->home, &s->day));
    if (ctx_option(ctx, "--root") != NULL)
        TRY(ctx_unlock(ctx, &s->home, &s->root));
    TRY(look(s));
    if (strcmp(ctx->args[0], "all") == 0)
        choose_all(s);
    else
        TRY(choose_one(s, ctx->args[0]));
    TRY(stop_round(s));
    if (s->unsure)
        TRY(stop_round(s));
    enum err saved = ctx_day_save(ctx, &s->home, s->day);
    show(s); /* it is done at the nodes, whatever the disk says */
    ctx->exit = exit_for(s);
    if (saved == OK || saved == ERR_NOMEM)
        return saved;
    if (!ctx->term->json)
        term_warn(ctx->term, "that was done at the nodes, but not noted in this home. %s",
                  ctx->term->problem.what);
    ctx->term->problem = (struct problem){ 0 };
    if (ctx->exit == EXIT_FINE)
        ctx->exit = EXIT_DEGRADED;
    return OK;
}

static enum err cmd_stop(struct ctx *ctx)
{
    struct stops *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    s->ctx = ctx;
    s->home = (struct home){ .dir = -1, .lock = -1 };
    enum err e = stop(s);
    stops_end(s);
    return e;
}

static const struct command rows[] = {
    { .path = "stop",
      .args = "REQ|all",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Stops a request for your keys that is not yours, at each node.",
      .options = { { "--root", NULL, "as your root key, where this device is frozen" } },
      .run = cmd_stop },
};

const struct command_table cmd_stop_table = COMMANDS(rows);
