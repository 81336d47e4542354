/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "client/circle.h"
#include "client/cmd.h"
#include "client/guardian.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

enum { NEXT_MAX = 8, REQUESTS_MAX = 32, COMMAND_TEXT = 160 };

/* ---- what a look gave ---- */

/* A step the person can take. */
struct next {
    const char *id;
    char text[TERM_TEXT / 2];
    char command[COMMAND_TEXT]; /* "": none */
};

struct seen_request {
    const struct day_guardian *g;
    struct request_line line;
};

/* Everything status says. */
struct look {
    struct day *day;
    enum circle_state states[DAY_GUARDIANS];
    char why[DAY_GUARDIANS][256]; /* "" unless there is something to say */
    struct circle_standing standing;
    size_t n_requests;
    struct seen_request requests[REQUESTS_MAX];
    size_t n_next;
    struct next next[NEXT_MAX];
};

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

/* ---- one conversation, as this device ---- */

struct visit {
    struct look *look;
    size_t at; /* guardian */
    struct req_epoch_state state;
    struct req_requests requests;
};

/* The node's line of the circle's epoch: signed now, over what it acknowledged. */
static enum circle_state judge_line(const struct day *d, const struct day_guardian *g,
                                    const struct epoch_line *line)
{
    struct ack now = { 0 };
    struct ack then = { 0 };
    if (line->state != EPOCH_ACTIVE)
        return HOLDS_BEHIND;
    if (ack_open(line->ack, g->ack_key, &now) != OK ||
        ack_open(g->ack, g->ack_key, &then) != OK)
        return HOLDS_MISSING;
    bool same = bytes_equal(BYTES_OF(now.manifest_hash), BYTES_OF(d->me.manifest_hash)) &&
                bytes_equal(BYTES_OF(now.stored), BYTES_OF(then.stored)) &&
                bytes_equal(BYTES_OF(now.ward), BYTES_OF(g->ward)) &&
                now.epoch == d->me.epoch && now.state == EPOCH_ACTIVE;
    return same ? HOLDS_OK : HOLDS_MISSING;
}

static enum circle_state judge(const struct day *d, const struct day_guardian *g,
                               const struct rep_epoch_state *rep)
{
    if (g->epoch != d->me.epoch)
        return HOLDS_BEHIND;
    for (uint32_t i = 0; i < rep->n_epochs; i++) {
        if (rep->epochs[i].epoch == d->me.epoch)
            return judge_line(d, g, &rep->epochs[i]);
    }
    return rep->n_epochs > 0 ? HOLDS_BEHIND : HOLDS_MISSING;
}

static void take_requests(struct look *l, const struct day_guardian *g,
                          const struct rep_requests *rep)
{
    for (uint32_t i = 0; i < rep->n_requests && l->n_requests < REQUESTS_MAX; i++)
        l->requests[l->n_requests++] = (struct seen_request){ g, rep->requests[i] };
}

static enum err step(struct call *c, const struct call_reply *reply,
                     struct call_send *out)
{
    struct visit *v = c->ctx;
    const struct day_guardian *g = &v->look->day->guardians[v->at];
    if (reply == NULL) {
        *out = (struct call_send){ MSG_EPOCH_STATE, &v->state };
        return OK;
    }
    TRY(reply->err);
    if (reply->kind == MSG_EPOCH_STATE) {
        v->look->states[v->at] = judge(v->look->day, g, reply->rep);
        *out = (struct call_send){ MSG_REQUESTS, &v->requests };
        return OK;
    }
    take_requests(v->look, g, reply->rep);
    return OK;
}

/* ---- the round ---- */

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum |= p[i];
    return sum == 0;
}

/* A node that is younger than what it said before has lost something since. */
static bool went_back(const struct day_node *n, const struct rep_hello *hello)
{
    if (is_zero(n->incarnation, ID_BYTES))
        return false;
    return !bytes_equal(BYTES_OF(n->incarnation), BYTES_OF(hello->incarnation)) ||
           hello->log_seq < n->log_seq;
}

static void note_call(struct look *l, const struct visit *v, const struct call *c,
                      uint64_t now)
{
    struct day_guardian *g = &l->day->guardians[v->at];
    char who[NAME_MAX_BYTES + 16];
    (void)snprintf(who, sizeof who, "%.*s's node", TEXT(g->name));
    if (c->err != OK)
        call_sentence(c, who, l->why[v->at], sizeof l->why[v->at]);
    if (c->err != OK)
        l->states[v->at] =
            c->stage == CALL_KNOWN && c->err == ERR_REFUSED ? HOLDS_MISSING : HOLDS_AWAY;
    if (c->stage < CALL_TALKING)
        return;
    if (!went_back(&g->node[0], &c->hello)) {
        guardian_seen(g, c, now);
        return;
    }
    /* What it said before stays noted: it remains back until a person has looked. */
    g->node[0].seen = now;
    l->states[v->at] = HOLDS_ROLLED_BACK;
    (void)snprintf(l->why[v->at], sizeof l->why[v->at],
                   "%s went back to an older state of itself.", who);
}

/* Calls, visits and keys of the round; the keys in secret memory. */
struct round {
    struct call *calls;
    struct visit *visits;
    struct seat_keys *keys;
    size_t n;
};

static void round_done(struct round *r)
{
    free(r->calls);
    free(r->visits);
    secret_free(r->keys);
}

static enum err round_new(size_t n, struct round *r)
{
    r->calls = calloc(n, sizeof *r->calls);
    r->visits = calloc(n, sizeof *r->visits);
    if (r->calls == NULL || r->visits == NULL)
        return ERR_NOMEM;
    return secret_alloc(n * sizeof *r->keys, (void **)&r->keys);
}

static size_t in_circle(const struct day *d)
{
    size_t n = circle_pieces(&d->me);
    return n < d->n_guardians ? n : d->n_guardians;
}

static enum err look_round(struct ctx *ctx, struct look *l)
{
    __attribute__((cleanup(round_done))) struct round r = { 0 };
    size_t n = in_circle(l->day);
    const struct params *p = ctx->params;
    if (n == 0)
        return OK;
    TRY(round_new(n, &r));
    for (size_t i = 0; i < n; i++) {
        if (l->day->guardians[i].kind != PIECE_NODE)
            continue;
        r.visits[r.n] = (struct visit){ .look = l, .at = i };
        guardian_call_device(&r.calls[r.n], &l->day->guardians[i], &r.keys[r.n]);
        r.calls[r.n].step = step;
        r.calls[r.n].ctx = &r.visits[r.n];
        r.n++;
    }
    term_progress(ctx->term, "Asking %zu guardians' nodes …", r.n);
    TRY(call_round(r.calls, r.n, p->round_ms, p->rng));
    for (size_t i = 0; i < r.n; i++)
        note_call(l, &r.visits[i], &r.calls[i], p->now());
    return OK;
}

/* ---- what to do next ---- */

static void next_requests(struct look *l)
{
    for (size_t i = 0; i < l->n_requests; i++) {
        const struct seen_request *r = &l->requests[i];
        if (r->line.kind == REQUEST_CONFIRM)
            continue;
        add_next(l, "request", "",
                 "Somebody asks for your keys at %.*s's node (%s). If that is not you: "
                 "call %.*s now and ask them to refuse.",
                 TEXT(r->g->name), request_state_name(r->line.state), TEXT(r->g->name));
    }
}

static void next_seal(struct look *l)
{
    for (size_t i = 0; i < in_circle(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        if (g->epoch == l->day->me.epoch)
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
    when_text(now, seen, since);
    if (l->states[i] == HOLDS_AWAY && g->epoch == l->day->me.epoch &&
        (now - seen > CIRCLE_AMBER_S || !l->standing.today))
        add_next(l, "away", "",
                 "%.*s's node does not answer (last seen %s). Ask %.*s whether it is "
                 "switched on.",
                 TEXT(g->name), since, TEXT(g->name));
    if (l->states[i] == HOLDS_ROLLED_BACK || l->states[i] == HOLDS_MISSING)
        add_next(l, circle_state_name(l->states[i]), "",
                 "%.*s's node does not hold what it held. Ask %.*s what happened to it.",
                 TEXT(g->name), TEXT(g->name));
}

static void next_confirm(struct look *l)
{
    for (size_t i = 0; i < in_circle(l->day); i++) {
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

static void next_sealed(struct look *l, uint64_t now)
{
    next_requests(l);
    next_seal(l);
    for (size_t i = 0; i < in_circle(l->day); i++)
        next_node(l, i, now);
    next_confirm(l);
}

static void next_enter(struct look *l, const struct day_guardian *g)
{
    char command[TERM_TEXT];
    guardian_next("add", g->name, "", command);
    add_next(l, "add", command,
             "%.*s's node has not answered to your invite yet:", TEXT(g->name));
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
    if (home_has(h, HOME_JOURNAL))
        add_next(l, "seal", "kith circle seal --resume",
                 "The pieces are not all at their places yet:");
    else if (d->n_guardians == 0 && home_has(h, HOME_RESTORE))
        add_next(l, "add", "kith guardian add NAME LINK",
                 "Your root key is back, and the pieces that gave it were in the open. "
                 "Ask your guardians for new invites, and make a new circle:");
    else if (d->n_guardians < 3)
        add_next(l, "add", "kith guardian add NAME LINK",
                 "You have %zu of the usual five guardians. Ask somebody you trust for "
                 "an invite:",
                 d->n_guardians);
    else if (!d->me.planned || circle_pieces(&d->me) != d->n_guardians)
        add_next(
            l, "plan", "kith circle plan -k 3",
            "You have %zu guardians. Say how many of them are needed:", d->n_guardians);
    else
        add_next(l, "seal", "kith circle seal", "The plan is made. Give out the pieces:");
}

/* A guardian who never asked for a circle is told of none. */
static bool only_guards(const struct day *d)
{
    return d->n_seats > 0 && d->n_guardians == 0;
}

static void next_empty(struct look *l)
{
    add_next(l, "init", "kith init --name NAME",
             "Kith gives your keys back through people you trust. To begin:");
    add_next(l, "guard", "kith guard", "To help somebody as their guardian:");
    add_next(l, "restore", "kith restore start",
             "If you lost everything and have guardians:");
}

static void next_unsealed(struct look *l, const struct home *h)
{
    const struct day *d = l->day;
    if (is_zero(d->me.owner, PUB_BYTES) && home_has(h, HOME_RESTORE))
        add_next(l, "restore", "kith restore", "A restore is going on:");
    else if (only_guards(d))
        add_next(l, "guard", "kith guard",
                 "You are a guardian for others. Who they are, and who asks for help:");
    else if (!is_zero(d->me.owner, PUB_BYTES))
        next_owner(l, h);
    else
        next_empty(l);
}

/* ---- saying it ---- */

static void say_next(struct term *t, const struct look *l)
{
    /* One step at a time; only who begins has a choice. */
    size_t n = l->n_next > 0 && strcmp(l->next[0].id, "init") == 0 ? l->n_next : 1;
    for (size_t i = 0; i < l->n_next && i < n; i++) {
        term_say(t, "%s", l->next[i].text);
        if (l->next[i].command[0] != 0)
            term_say(t, "  %s", l->next[i].command);
    }
}

static void say_standing(struct term *t, const struct look *l)
{
    const struct circle_standing *s = &l->standing;
    if (!s->restorable)
        term_answer(t,
                    "You can be restored: no. Only %u of %u pieces are where they "
                    "should be, and %u are needed.",
                    s->stored, s->of, s->need);
    else if (!s->today)
        term_answer(t,
                    "You can be restored: yes, but not today. Only %u of %u nodes "
                    "answer now, and %u are needed.",
                    s->answering, s->of, s->need);
    else if (s->spare == 0)
        term_answer(t, "You can be restored: yes, but with none to spare.");
    else
        term_answer(t, "You can be restored: yes, with %u to spare.", s->spare);
}

static void say_guardians(struct term *t, const struct look *l, uint64_t now)
{
    for (size_t i = 0; i < in_circle(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        char since[DURATION_TEXT];
        when_text(now, g->n_node > 0 ? g->node[0].seen : 0, since);
        if (l->states[i] == HOLDS_OK)
            continue;
        if (l->states[i] == HOLDS_BEHIND)
            term_say(t, "%.*s's node has no piece of this circle yet.", TEXT(g->name));
        else
            term_say(t, "%s Last seen %s.", l->why[i][0] != 0 ? l->why[i] : "", since);
    }
    if (l->standing.one_domain)
        term_warn(t, "the pieces at one place are enough for your keys. Add guardians "
                     "elsewhere when you can.");
}

static json_t *text_or_null(const char *text)
{
    return json_slice(bytes_text(text));
}

static json_t *guardians_json(const struct look *l)
{
    json_t *all = json_array();
    for (size_t i = 0; i < in_circle(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        char node[ADDRESS_TEXT] = "";
        if (g->kind == PIECE_NODE)
            guardian_node(g, node);
        (void)json_array_append_new(
            all,
            json_pack("{s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:n, s:o}", "name",
                      json_slice(g->name), "node", text_or_null(node), "seat",
                      json_hex(g->seat, SEAT_BYTES), "kind",
                      g->kind == PIECE_CARD ? "card" : "node", "state",
                      circle_state_name(l->states[i]), "stored_at", json_time(g->stored),
                      "confirmed_at", json_time(g->confirmed), "opened_at", "seen_at",
                      json_time(g->n_node > 0 ? g->node[0].seen : 0)));
    }
    return all;
}

static json_t *request_json(const struct look *l, const struct seen_request *r)
{
    char node[ADDRESS_TEXT];
    guardian_node(r->g, node);
    return json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:n}",
        "request", json_hex(r->line.request, ID_BYTES), "kind",
        request_kind_name(r->line.kind), "purpose", purpose_name(r->line.purpose), "ward",
        json_hex(r->line.ward, ID_BYTES), "label", json_slice(l->day->me.name), "node",
        text_or_null(node), "state", request_state_name(r->line.state), "opened_at",
        json_time(r->line.opened), "approved_at", json_time(r->line.approved), "opens_at",
        json_time(r->line.opens), "expires_at", json_time(r->line.expires), "tries_left",
        (int)r->line.tries_left, "stops", (int)r->line.stops, "claimed");
}

static json_t *next_json(const struct look *l)
{
    json_t *all = json_array();
    for (size_t i = 0; i < l->n_next; i++)
        (void)json_array_append_new(all, json_pack("{s:s, s:s, s:o}", "id", l->next[i].id,
                                                   "text", l->next[i].text, "command",
                                                   text_or_null(l->next[i].command)));
    return all;
}

static json_t *status_json(const struct look *l)
{
    const struct circle_standing *s = &l->standing;
    const struct day_me *me = &l->day->me;
    json_t *requests = json_array();
    bool sealed = me->epoch > 0;
    for (size_t i = 0; i < l->n_requests; i++)
        (void)json_array_append_new(requests, request_json(l, &l->requests[i]));
    return json_pack("{s:o, s:i, s:i, s:i, s:i, s:i, s:n, s:i, s:b, s:o, s:o, s:o, s:o}",
                     "circle", sealed ? json_hex(me->circle, ID_BYTES) : json_null(),
                     "epoch", (int)me->epoch, "need", (int)s->need, "of", (int)s->of,
                     "stored", (int)s->stored, "confirmed", (int)s->confirmed, "openable",
                     "spare", (int)s->spare, "restorable", (int)s->restorable, "level",
                     sealed ? json_string(circle_level_name(s->level)) : json_null(),
                     "guardians", sealed ? guardians_json(l) : json_array(), "requests",
                     requests, "next", next_json(l));
}

/* ---- the commands ---- */

static enum exit_code exit_for(const struct look *l)
{
    static const enum exit_code codes[] = {
        [CIRCLE_OK] = EXIT_FINE,
        [CIRCLE_DEGRADED] = EXIT_DEGRADED,
        [CIRCLE_LOST] = EXIT_LOST,
    };

    return l->day->me.epoch == 0 ? EXIT_NO_CIRCLE : codes[l->standing.level];
}

static void show(struct ctx *ctx, const struct look *l)
{
    struct term *t = ctx->term;
    if (t->json) {
        term_json(t, "status", status_json(l));
        return;
    }
    if (l->day->me.epoch > 0) {
        say_standing(t, l);
        say_guardians(t, l, ctx_now(ctx));
    } else if (!is_zero(l->day->me.owner, PUB_BYTES) && !only_guards(l->day)) {
        term_answer(t, "You can be restored: no. There is no circle yet.");
    }
    say_next(t, l);
}

static enum err look_at(struct ctx *ctx, struct home *h, struct look *l)
{
    uint64_t now = ctx_now(ctx);
    if (l->day->me.epoch == 0) {
        next_unsealed(l, h);
        return OK;
    }
    TRY(look_round(ctx, l));
    circle_stand(l->day, l->states, now, &l->standing);
    next_sealed(l, now);
    return ctx_day_save(ctx, h, l->day);
}

static enum err cmd_status(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    AUTO_FREE struct look *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ERR_NOMEM;
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_day(ctx, &h, &d));
    l->day = d;
    TRY(look_at(ctx, &h, l));
    show(ctx, l);
    ctx->exit = exit_for(l);
    return OK;
}

/* The same for a person who typed nothing: that there is no circle is no failure. */
static enum err cmd_alone(struct ctx *ctx)
{
    TRY(cmd_status(ctx));
    if (ctx->exit == EXIT_NO_CIRCLE)
        ctx->exit = EXIT_FINE;
    return OK;
}

static const struct command rows[] = {
    { .path = "",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Where you stand, and the next step.",
      .run = cmd_alone },
    { .path = "status",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Says whether you can be restored: asks every guardian's node.",
      .run = cmd_status },
};

const struct command_table cmd_status_table = COMMANDS(rows);
