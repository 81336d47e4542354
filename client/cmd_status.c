/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_restore.h"
#include "client/cmd_status_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- one conversation, as this device ---- */

struct visit {
    struct look *look;
    size_t at; /* guardian */
    struct req_epoch_state state;
    struct req_wards wards;
    struct req_requests requests;
    struct req_requests past; /* what is over, too */
    unsigned pages;           /* of that, asked for so far */
    struct sign_seed *reader; /* secret: signs what was read of the alerts */
};

/*
 * The node's line of the circle's epoch: signed now, over what it acknowledged. What a
 * newer epoch superseded still opens the root.
 */
static enum circle_state judge_line(const struct day *d, const struct day_guardian *g,
                                    const struct epoch_line *line)
{
    struct ack now = { 0 };
    struct ack then = { 0 };
    if (line->state != EPOCH_ACTIVE && line->state != EPOCH_SUPERSEDED)
        return HOLDS_BEHIND;
    if (guardian_restored(g)) /* the key it signs with was lost with the home */
        return bytes_equal(BYTES_OF(line->manifest_hash), BYTES_OF(d->me.manifest_hash))
                   ? HOLDS_OK
                   : HOLDS_MISSING;
    if (ack_open(line->ack, g->ack_key, &now) != OK ||
        ack_open(g->ack, g->ack_key, &then) != OK)
        return HOLDS_MISSING;
    bool same = bytes_equal(BYTES_OF(now.manifest_hash), BYTES_OF(d->me.manifest_hash)) &&
                bytes_equal(BYTES_OF(now.stored), BYTES_OF(then.stored)) &&
                bytes_equal(BYTES_OF(now.ward), BYTES_OF(g->ward)) &&
                now.epoch == d->me.epoch && now.state == line->state;
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

/* A node that erased all names no day here, and no epochs: look_take_ward knows of that.
 */
static void take_end(struct day_guardian *g, const struct rep_epoch_state *rep)
{
    if (rep->end_due == 0 && rep->n_epochs == 0)
        return;
    g->ending = rep->end_due;
    if (rep->end_due != 0 || g->end_due == 0 || g->ended != 0)
        return;
    /* Taken back by another device: it takes new words. Or a backup was loaded there. */
    g->end_due = 0;
    g->end_said = (struct bytes){ 0 };
}

void look_take_epochs(struct look *l, size_t at, const struct rep_epoch_state *rep)
{
    struct day_guardian *g = &l->day->guardians[at];
    l->states[at] = judge(l->day, g, rep);
    g->gone = l->states[at] != HOLDS_OK ? g->epoch : 0;
    l->nodes[at].answered = true;
    l->nodes[at].move = rep->move_due;
    take_end(g, rep);
    for (uint32_t i = 0; i < rep->n_epochs; i++)
        if (rep->epochs[i].state == EPOCH_ACTIVE &&
            rep->epochs[i].epoch > l->day->me.epoch)
            l->nodes[at].newer = rep->epochs[i].epoch;
    change_seen(l->day, g, rep);
}

void look_take_ward(struct look *l, size_t at, const struct rep_wards *rep)
{
    struct day_guardian *g = &l->day->guardians[at];
    l->nodes[at].paused = rep->paused;
    g->unlocked = rep->unlocked;
    check_new_keys(g, rep->reset);
    if (rep->n_wards == 0)
        return;
    g->frozen = rep->wards[0].frozen;
    g->left = rep->wards[0].left;
    g->ending = rep->wards[0].end_due;
}

/* Away, though the line broke late: what was bad in its answers is kept already. */
void look_take_call(struct look *l, size_t at, const struct call *c)
{
    struct day_guardian *g = &l->day->guardians[at];
    struct node_look *n = &l->nodes[at];
    bool refused = c->stage == CALL_KNOWN && c->err == ERR_REFUSED;
    n->unreached = c->stage == CALL_IDLE;
    n->refused = refused || (c->stage == CALL_KNOWN && c->err == ERR_MOVED);
    if (c->stage >= CALL_TALKING)
        g->clock = c->hello.frozen != 0;
    n->between = (uint8_t)(refused ? look_between(l, at) : BETWEEN_NOT);
    if (n->between != BETWEEN_NOT) {
        l->states[at] = HOLDS_AWAY;
        look_say_between(l, at, n->why, sizeof n->why);
    } else if (refused) {
        l->states[at] = HOLDS_MISSING;
        g->gone = g->epoch;
    } else if (c->err != OK) {
        l->states[at] = HOLDS_AWAY;
    }
}

_Static_assert(sizeof((struct rep_requests *)0)->requests ==
                   LOOK_OF_NODE * sizeof(struct request_line),
               "all that a node answers");

static void take_requests(struct look *l, const struct day_guardian *g,
                          const struct rep_requests *rep)
{
    for (uint32_t i = 0; i < rep->n_requests && l->n_requests < LOOK_REQUESTS; i++)
        l->requests[l->n_requests++] = (struct seen_request){ g, rep->requests[i] };
}

/* A piece that went, whoever asked: the node lists it for 90 days. */
static void take_past(struct day_node *n, const struct rep_requests *rep)
{
    for (uint32_t i = 0; i < rep->n_requests; i++) {
        const struct request_line *r = &rep->requests[i];
        if (r->kind == REQUEST_RESTORE && r->state == STATE_RELEASED &&
            r->ended > n->let_go)
            n->let_go = r->ended;
    }
}

/* First what goes on, in one reply; then what is over, in several. */
static bool asks_more(struct visit *v, const struct rep_requests *rep,
                      struct call_send *out)
{
    if (v->pages == 0)
        take_requests(v->look, &v->look->day->guardians[v->at], rep);
    else
        take_past(&v->look->day->guardians[v->at].node[0], rep);
    if (v->pages > 0 && (rep->more == 0 || rep->n_requests == 0))
        return false;
    if (v->pages++ == LOOK_PAST)
        return false;
    v->past.all = 1;
    if (v->pages > 1)
        memcpy(v->past.after, rep->requests[rep->n_requests - 1].request, ID_BYTES);
    *out = (struct call_send){ MSG_REQUESTS, &v->past };
    return true;
}

/* Requests before alerts: one that is listed has its alert already. */
static enum err step(struct call *c, const struct call_reply *reply,
                     struct call_send *out)
{
    struct visit *v = c->ctx;
    struct look *l = v->look;
    if (reply == NULL) {
        *out = (struct call_send){ MSG_EPOCH_STATE, &v->state };
        return OK;
    }
    switch (reply->kind) {
    case MSG_EPOCH_STATE:
        TRY(reply->err);
        look_take_epochs(l, v->at, reply->rep);
        *out = (struct call_send){ MSG_WARDS, &v->wards };
        return OK;
    case MSG_WARDS:
        if (reply->err == OK)
            look_take_ward(l, v->at, reply->rep);
        *out = (struct call_send){ MSG_REQUESTS, &v->requests };
        return OK;
    case MSG_REQUESTS:
        TRY(reply->err);
        if (asks_more(v, reply->rep, out))
            return OK;
        return seen_step(&l->nodes[v->at].alerts, c, reply, out);
    default:
        return seen_step(&l->nodes[v->at].alerts, c, reply, out);
    }
}

/* ---- the round ---- */

static void note_alerts(struct look *l, size_t at, uint64_t now)
{
    struct day_guardian *g = &l->day->guardians[at];
    struct seen_drop *s = &l->nodes[at].alerts;
    seen_keep(s, l->day, &g->node[0], now);
    for (size_t i = 0; i < l->n_requests; i++)
        if (l->requests[i].g == g && seen_hides(s, &l->requests[i].line))
            seen_caught(&g->node[0], SEEN_WITHHELD, now);
}

static void note_call(struct look *l, const struct visit *v, const struct call *c,
                      uint64_t now)
{
    struct day_guardian *g = &l->day->guardians[v->at];
    struct node_look *n = &l->nodes[v->at];
    char who[NAME_MAX_BYTES + 16];
    (void)snprintf(who, sizeof who, "%.*s's node", TEXT(g->name));
    if (c->err != OK)
        call_sentence(c, who, n->why, sizeof n->why);
    look_take_call(l, v->at, c);
    guardian_seen(g, c, now);
    if (c->stage >= CALL_TALKING)
        note_alerts(l, v->at, now);
    unsigned fault = g->node[0].fault;
    if (fault == SEEN_FINE)
        return;
    if (fault == SEEN_LOADED || fault == SEEN_REWOUND)
        l->states[v->at] = HOLDS_ROLLED_BACK;
    (void)snprintf(n->why, sizeof n->why, "%s %s.", who, seen_fault_text(fault));
}

/* Calls, visits and keys of the round; the keys in secret memory. */
struct round {
    struct call *calls;
    struct visit *visits;
    struct seat_keys *keys;
    struct sign_seed *readers;
    size_t n;
};

static void round_done(struct round *r)
{
    free(r->calls);
    free(r->visits);
    secret_free(r->keys);
    secret_free(r->readers);
}

static enum err round_new(size_t n, struct round *r)
{
    r->calls = calloc(n, sizeof *r->calls);
    r->visits = calloc(n, sizeof *r->visits);
    if (r->calls == NULL || r->visits == NULL)
        return ERR_NOMEM;
    TRY(secret_alloc(n * sizeof *r->readers, (void **)&r->readers));
    return secret_alloc(n * sizeof *r->keys, (void **)&r->keys);
}

static void add_visit(struct ctx *ctx, struct look *l, size_t at, struct round *r)
{
    struct day_guardian *g = &l->day->guardians[at];
    memcpy(r->readers[r->n].b, g->dev_sign, KEY_BYTES);
    r->visits[r->n] = (struct visit){ .look = l, .at = at };
    l->nodes[at].alerts = (struct seen_drop){ .which = DROP_ALERTS,
                                              .node = &g->node[0],
                                              .reader = &r->readers[r->n],
                                              .rng = ctx->params->rng };
    guardian_call_device(&r->calls[r->n], g, &r->keys[r->n]);
    r->calls[r->n].step = step;
    r->calls[r->n].ctx = &r->visits[r->n];
    r->n++;
}

static enum err look_round(struct ctx *ctx, struct look *l)
{
    __attribute__((cleanup(round_done))) struct round r = { 0 };
    size_t n = look_pieces(l->day);
    const struct params *p = ctx->params;
    if (n == 0)
        return OK;
    TRY(round_new(n, &r));
    for (size_t i = 0; i < n; i++) {
        if (l->day->guardians[i].kind == PIECE_NODE)
            add_visit(ctx, l, i, &r);
        else
            l->states[i] = circle_card_state(l->day, &l->day->guardians[i]);
    }
    term_progress(ctx->term, "Asking %zu guardians' nodes …", r.n);
    TRY(call_round(r.calls, r.n, p->round_ms, p->rng));
    for (size_t i = 0; i < r.n; i++)
        note_call(l, &r.visits[i], &r.calls[i], p->now());
    return OK;
}

/* ---- the whole ---- */

/* What the home says without asking anybody. */
static void look_home(struct look *l, struct home *h)
{
    l->has_journal = home_has(h, HOME_JOURNAL);
    l->has_restore = home_has(h, HOME_RESTORE);
    l->has_cards = home_has(h, HOME_CARDS);
    l->locked = home_lock_of(h, HOME_ROOT) == LOCK_PASSPHRASE;
    l->care = alert_care(l->day, ALERT_OWNER, l->now);
    l->has_vault = vault_standing_of(h, l->day, &l->vault, &l->vault_state);
    change_look(l->day, h, &l->change);
}

static void look_read(struct look *l, struct home *h)
{
    AUTO_VAULT struct vault *v = NULL;
    char what[VAULT_WHAT];
    if (l->day->me.moved == 0 || vault_open(h, l->day, VAULT_WHOLE, what, &v) != OK)
        return;
    for (size_t i = 0; i < vault_count(v); i++)
        l->read += vault_was_read(l->day, vault_at(v, i));
}

/* Of the words of a new root nothing is said here. */
static void look_move(struct look *l, struct home *h)
{
    AUTO_BLOB struct home_blob text = { 0 };
    l->alone = circle_root_alone(l->day);
    l->moving = move_look(h, &text, &l->move) == OK;
    l->move.words = (struct bytes){ 0 };
    if (l->moving && l->move.requests.n <= sizeof l->asked) {
        l->n_asked = l->move.requests.n / ID_BYTES;
        if (l->n_asked > 0)
            memcpy(l->asked, l->move.requests.p, l->n_asked * ID_BYTES);
    }
    l->move.requests = (struct bytes){ 0 };
}

/* Between the root's coming back and the first word to its nodes: they know no device. */
static void look_cut(struct look *l, struct home *h)
{
    AUTO_BLOB struct home_blob text = { 0 };
    AUTO_FREE struct restore_open *o = NULL;
    size_t nodes = 0;
    size_t strange = 0;
    if (!home_has(h, HOME_RESTORE) || home_has(h, HOME_MOVE) ||
        home_has(h, HOME_JOURNAL) || restore_look(h, &text, &o) != OK)
        return;
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        nodes += g->kind == PIECE_NODE;
        strange += g->kind == PIECE_NODE && g->progress == GUARDIAN_ENROLLED;
    }
    l->cut = o->state == RESTORE_DONE && l->day->me.epoch == o->epoch && nodes > 0 &&
             strange == nodes;
    for (size_t i = 0; l->cut && i < look_pieces(l->day); i++)
        l->states[i] = HOLDS_AWAY;
}

static enum err look_at(struct ctx *ctx, struct home *h, struct look *l)
{
    l->now = ctx_now(ctx);
    look_move(l, h); /* before the round: what a refusal means hangs on it */
    look_cut(l, h);
    if (l->day->me.epoch > 0 && !l->cut)
        TRY(look_round(ctx, l));
    l->now = ctx_now(ctx);
    look_home(l, h);
    look_read(l, h);
    look_judge(l);
    return l->day->me.epoch > 0 ? ctx_day_save(ctx, h, l->day) : OK;
}

/* ---- the commands ---- */

void look_free(struct look *l)
{
    for (size_t i = 0; l != NULL && i < DAY_GUARDIANS; i++)
        seen_drop_free(&l->nodes[i].alerts);
    if (l != NULL)
        day_free(l->day);
    free(l);
}

enum err look_take(struct ctx *ctx, struct look **out)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_LOOK struct look *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ERR_NOMEM;
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_day(ctx, &h, &l->day));
    TRY(look_at(ctx, &h, l));
    *out = l;
    l = NULL; /* the caller's now */
    return OK;
}

static enum err look_once(struct ctx *ctx)
{
    AUTO_LOOK struct look *l = NULL;
    TRY(look_take(ctx, &l));
    look_show(ctx, l);
    ctx->exit = look_exit(l);
    return OK;
}

static enum err cmd_status(struct ctx *ctx)
{
    return ctx_option(ctx, "--watch") != NULL ? look_watch(ctx) : look_once(ctx);
}

/* The same for a person who typed nothing: that there is no circle is no failure. */
static enum err cmd_alone(struct ctx *ctx)
{
    TRY(look_once(ctx));
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
      .options = { { "--watch", NULL, "again each minute, until a key is pressed" } },
      .run = cmd_status },
};

const struct command_table cmd_status_table = COMMANDS(rows);
