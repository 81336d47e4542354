/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_status_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

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

static const char *standing_text(enum request_state state)
{
    if (state == STATE_APPROVED)
        return "the answer is yes";
    if (state == STATE_CONTESTED)
        return "it was stopped; only a new yes lets it go on";
    if (state == STATE_LOCKED)
        return "wrong words have locked it; only a yes lets it go on";
    return "nobody has answered yet; only a yes lets it go on";
}

/* Who asks for the keys comes before everything else. */
static void say_requests(struct term *t, const struct look *l, uint64_t now)
{
    char opens[DURATION_TEXT];
    for (size_t i = 0; i < l->n_requests; i++) {
        const struct seen_request *r = &l->requests[i];
        if (!look_asks(r) || look_own(l, r))
            continue;
        when_text(now, r->line.opens, opens);
        bool root = r->line.kind == REQUEST_MOVE;
        term_answer(t, "Somebody asks for %s at %.*s's node: %s, and %s %s.",
                    root ? "a new root key" : "your keys", TEXT(r->g->name),
                    standing_text(r->line.state),
                    root ? "that yes can count" : "that piece can leave",
                    r->line.opens > now ? opens : "at once");
    }
}

static void say_standing(struct term *t, const struct look *l)
{
    char sentence[TERM_TEXT];
    look_sentence(l, sentence);
    if (sentence[0] != 0)
        term_answer(t, "%s", sentence);
}

/* Pieces that are counted on though their nodes do not answer; the longest silence. */
static void say_silent(const struct look *l, char *out, size_t cap)
{
    char when[DURATION_TEXT];
    uint64_t since = l->now;
    unsigned n = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        if (l->states[i] != HOLDS_AWAY || l->nodes[i].between != BETWEEN_NOT ||
            !circle_counted(l->day, g, l->states[i], l->now))
            continue;
        n++;
        since = g->node[0].seen < since ? g->node[0].seen : since;
    }
    when_text(l->now, since, when);
    out[0] = 0;
    if (n > 0)
        (void)snprintf(out, cap, " (%u silent now, last heard of %s)", n, when);
}

/* What that rests on: never more than was proven. */
static void say_proofs(struct term *t, const struct look *l)
{
    const struct circle_standing *s = &l->standing;
    char checked[DURATION_TEXT] = "";
    char when[DURATION_TEXT + 8] = "";
    char silent[DURATION_TEXT + 48];
    say_silent(l, silent, sizeof silent);
    when_text(l->now, l->proofs.oldest, checked);
    if (l->proofs.oldest != 0)
        (void)snprintf(when, sizeof when, " (%s)", checked);
    bool calls = l->change.step == CHANGE_CALLS;
    term_say(t, "%s: %u of %u stored%s, %u confirmed%s, %u seen to open, %u checked%s.%s",
             calls ? "New pieces" : "Pieces", s->stored, s->of, silent, s->confirmed,
             calls ? " so far" : "", l->proofs.openable, l->proofs.checked, when,
             calls ? " The old ones still count." : "");
}

/* Old pieces that may still open the root, and until when. */
static void say_change(struct term *t, const struct look *l)
{
    const struct change_stand *c = &l->change;
    char when[DURATION_TEXT];
    when_text(l->now, c->due, when);
    if (c->step == CHANGE_WAITS && c->due > l->now)
        term_say(t,
                 "The old pieces are still alive at %u %s; they are erased %s at the "
                 "latest.",
                 c->waiting, c->waiting == 1 ? "node" : "nodes", when);
    else if (c->step == CHANGE_LEFT && !c->dead)
        term_say(t, "Old pieces are left that nobody can let go from here.");
    if (c->step == CHANGE_CALLS && !c->possible)
        term_warn(t, "too few of those who guarded the old circle are in the new one to "
                     "confirm it; the old pieces stay alive where nobody confirms.");
}

/* A guardian who no longer has a piece that counts. */
static void say_lost(struct term *t, const struct look *l, const struct day_guardian *g)
{
    char when[TIME_TEXT];
    char keys[TERM_TEXT];
    time_text(g->left, when);
    if (g->left != 0)
        term_say(t, "%.*s gave up guarding you on %s; your piece there is erased.",
                 TEXT(g->name), when);
    else if (check_keys_text(l->day, g, keys))
        term_say(t, "%s", keys);
}

/* What a person should know of a guardian whose node answered. */
static void say_guardian(struct term *t, const struct look *l, size_t i, uint64_t now)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const struct node_look *n = &l->nodes[i];
    char when[DURATION_TEXT];
    if (n->over != 0)
        look_say_over(t, l, i);
    else
        say_lost(t, l, g);
    if (n->paused > now) {
        when_text(now, n->paused, when);
        term_say(t, "%.*s is away and back %s; until then nothing is approved there.",
                 TEXT(g->name), when);
    }
    if (g->frozen > now) {
        when_text(now, g->frozen, when);
        term_say(t, "%.*s froze changes by your keys; that ends %s.", TEXT(g->name),
                 when);
    }
    if (g->clock != 0)
        term_say(t, "The clock of %.*s's node waits for a person.", TEXT(g->name));
}

static bool is_told(const struct look *l, size_t i)
{
    const struct node_look *n = &l->nodes[i];
    /* By say_lost and look_say_over; why a silent one is silent comes behind. */
    const struct day_guardian *g = &l->day->guardians[i];
    return g->left != 0 || g->reset != 0 || (n->over != 0 && !n->unsaid);
}

/* The node holds its piece, but the last check of the vault there failed. */
static void say_vault_fault(struct term *t, const struct day_guardian *g)
{
    unsigned fault = day_proven(g)->fault;
    if (fault != CHECK_FINE && !check_fault_of_piece(fault))
        term_say(t, "%.*s's node %s.", TEXT(g->name), check_fault_text(fault));
}

static void say_card(struct term *t, const struct look *l, const struct day_guardian *g)
{
    if (circle_card_state(l->day, g) == HOLDS_OK || g == cards_wait(l->day))
        return; /* the next step is about the first that waits */
    if (g->epoch == 0)
        term_say(t, "%.*s's card was not read back yet.", TEXT(g->name));
    else
        term_say(t, "%.*s's card is of an earlier circle.", TEXT(g->name));
}

/* Guardians of whom a copied disk is as good as the person. */
static void say_unlocked(struct term *t, const struct look *l)
{
    char who[TERM_TEXT / 2] = "";
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        size_t n = strlen(who);
        bool gone = g->left != 0 || l->nodes[i].over != 0;
        if (g->unlocked != 0 && !gone)
            (void)snprintf(who + n, sizeof who - n, "%s%.*s", n > 0 ? ", " : "",
                           TEXT(g->name));
    }
    if (who[0] == 0)
        return;
    term_say(
        t,
        "Keys not locked by a passphrase: %s. Whoever copies the files of such a home "
        "holds your piece there; ask them to set one.",
        who);
    if (circle_unlocked(l->day))
        term_warn(t, "the pieces of guardians whose keys are not locked are enough for "
                     "your keys.");
}

static void say_guardians(struct term *t, const struct look *l, uint64_t now)
{
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        char since[DURATION_TEXT];
        if (g->kind == PIECE_CARD) {
            say_card(t, l, g);
            continue;
        }
        bool caught = g->n_node > 0 && g->node[0].fault != SEEN_FINE;
        when_text(now, g->n_node > 0 ? g->node[0].seen : 0, since);
        say_guardian(t, l, i, now);
        say_vault_fault(t, g);
        if (l->nodes[i].failed || l->nodes[i].between != BETWEEN_NOT) {
            term_say(t, "%s", l->nodes[i].why);
            continue;
        }
        if (!caught && (l->states[i] == HOLDS_OK || is_told(l, i)))
            continue;
        if (l->states[i] == HOLDS_BEHIND)
            term_say(t, "%.*s's node has no piece of this circle yet.", TEXT(g->name));
        else if (g->n_node > 0 && g->node[0].seen == 0)
            term_say(t, "%s It has not answered this home yet.", l->nodes[i].why);
        else if (l->nodes[i].why[0] != 0)
            term_say(t, "%s Last seen %s.", l->nodes[i].why, since);
        else if (!l->alone)
            term_say(t, "%.*s's node does not hold what it held.", TEXT(g->name));
    }
}

/* What makes one step of a thief's enough for much. */
static void say_weak(struct term *t, const struct look *l)
{
    if (!l->locked)
        term_warn(t, "your keys on this machine are not locked by a passphrase.");
    if (look_ended(l) != 0)
        return;
    say_unlocked(t, l);
    if (l->standing.one_domain)
        term_warn(t, "the pieces at one place are enough for your keys. Add guardians "
                     "elsewhere when you can.");
}

static json_t *text_or_null(const char *text)
{
    return json_slice(bytes_text(text));
}

/* About the sealed epoch: at the enrolment for the first one, then after each change. */
static uint64_t confirmed_at(const struct day *d, const struct day_guardian *g)
{
    return g->said_epoch == d->me.epoch && g->said_at != 0 ? g->said_at : g->confirmed;
}

static json_t *guardian_json(const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const struct node_look *n = &l->nodes[i];
    char node[ADDRESS_TEXT] = "";
    if (g->kind == PIECE_NODE)
        guardian_node(g, node);
    const struct day_proof *p = day_proven(g);
    bool card = g->kind == PIECE_CARD;
    return json_pack(
        "{s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:s?, s:o, s:o, s:o, "
        "s:o, s:b, s:o, s:s?, s:s?, s:o, s:o, s:o, s:b}",
        "name", json_slice(g->name), "node", text_or_null(node), "seat",
        g->kind == PIECE_CARD ? json_null() : json_hex(g->seat, SEAT_BYTES), "kind",
        g->kind == PIECE_CARD ? "card" : "node", "state", circle_state_name(l->states[i]),
        "stored_at", json_time(g->stored), "confirmed_at",
        json_time(circle_confirmed(l->day, g) ? confirmed_at(l->day, g) : 0), "opened_at",
        json_time(look_opens(l, i) && !card ? p->opened : 0), "seen_at",
        json_time(g->n_node > 0 ? g->node[0].seen : 0), "fault",
        g->n_node > 0 ? seen_fault_name(g->node[0].fault) : NULL, "away_until",
        json_time(n->paused), "reset_at", json_time(g->reset), "left_at",
        json_time(g->left), "frozen_until", json_time(g->frozen), "clock_frozen",
        (int)g->clock, "checked_at",
        json_time(p->checked_epoch == l->day->me.epoch ? p->checked : 0), "check_fault",
        check_fault_name(p->fault), "drill",
        card ? NULL : drill_state_name(drill_standing(l->day, g, l->now)), "drill_due_at",
        json_time(drill_due(l->day, g)), "move_due_at", json_time(n->move), "end_due_at",
        json_time(look_end_at(l, i)), "unlocked", (int)g->unlocked);
}

static json_t *guardians_json(const struct look *l)
{
    json_t *all = json_array();
    for (size_t i = 0; i < look_pieces(l->day); i++)
        (void)json_array_append_new(all, guardian_json(l, i));
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

static json_t *alerts_json(const struct look *l)
{
    static const char *const cares[] = {
        [CARE_FINE] = "ok",        [CARE_UNTESTED] = "untested", [CARE_SENT] = "untested",
        [CARE_IDLE] = "unwatched", [CARE_FAILING] = "failing",
    };
    const struct day_me *me = &l->day->me;
    return json_pack("{s:s, s:o, s:o, s:o}", "state", cares[l->care], "tested_at",
                     json_time(me->owner_tested), "watched_at", json_time(me->watched),
                     "timer", me->timer > 0 ? json_integer(me->timer) : json_null());
}

static json_t *vault_json(const struct look *l)
{
    const struct vault_standing *v = &l->vault;
    if (!l->has_vault)
        return json_null();
    return json_pack("{s:I, s:i, s:i, s:i, s:b, s:o}", "items",
                     (json_int_t)l->vault_state.items, "saved", (int)v->saved, "need",
                     (int)v->need, "of", (int)v->of, "enough",
                     (int)(v->empty || v->enough), "saved_at", json_time(v->since));
}

/* By what the nodes acknowledged: one more line, whatever else is to be done. */
static void say_vault(struct term *t, const struct look *l)
{
    bool said = l->n_next > 0 && strcmp(l->next[0].id, "vault") == 0;
    if (look_unsaved(l) && !said)
        term_say(t, "Your vault is saved at %u of %u nodes, %u are needed.",
                 l->vault.saved, l->vault.of, l->vault.need);
}

static const char *change_name(enum change_step s)
{
    static const char *const names[] = {
        [CHANGE_NONE] = NULL,         [CHANGE_PLANNED] = "planned",
        [CHANGE_SEALING] = "sealing", [CHANGE_STORING] = "storing",
        [CHANGE_CALLS] = "calls",     [CHANGE_NODES] = "nodes",
        [CHANGE_WAITS] = "waiting",   [CHANGE_LEFT] = "left",
    };
    return names[s];
}

static json_t *change_json(const struct look *l)
{
    const struct change_stand *c = &l->change;
    json_t *calls = json_array();
    for (size_t i = 0; i < l->day->n_guardians; i++)
        if (c->call[i])
            (void)json_array_append_new(calls, json_slice(l->day->guardians[i].name));
    if (c->step == CHANGE_NONE) {
        json_decref(calls);
        return json_null();
    }
    return json_pack("{s:s, s:i, s:i, s:b, s:b, s:i, s:i, s:i, s:o, s:o}", "step",
                     change_name(c->step), "epoch", (int)c->epoch, "missing",
                     (int)c->missing, "certified", (int)c->certified, "old_dead",
                     (int)c->dead, "retired", (int)c->retired, "waiting", (int)c->waiting,
                     "untold", (int)c->untold, "due_at", json_time(c->due), "call",
                     calls);
}

static json_t *move_json(const struct look *l)
{
    const struct move_open *m = &l->move;
    if (!l->moving)
        return json_null();
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:o}", "phase", (int)m->phase, "of",
                     (int)m->of, "done", (int)m->done, "waiting", (int)m->waits,
                     "refused", (int)m->refused, "due_at", json_time(m->due));
}

/* What was added to kith.status/1 since its first version. */
static json_t *more_json(const struct look *l)
{
    bool sealed = l->day->me.epoch > 0;
    return json_pack("{s:i, s:b, s:b, s:o, s:o}", "checked", (int)l->proofs.checked,
                     "locked", (int)l->locked, "one_domain",
                     (int)(sealed && l->standing.one_domain), "change",
                     sealed ? change_json(l) : json_null(), "move", move_json(l));
}

static json_t *status_json(const struct look *l)
{
    const struct circle_standing *s = &l->standing;
    const struct day_me *me = &l->day->me;
    json_t *requests = json_array();
    bool sealed = me->epoch > 0;
    for (size_t i = 0; i < l->n_requests; i++)
        (void)json_array_append_new(requests, request_json(l, &l->requests[i]));
    json_t *more = more_json(l);
    json_t *all =
        json_pack("{s:o, s:i, s:i, s:i, s:i, s:i, s:o, s:i, s:b, s:o, s:o, s:o, s:o, "
                  "s:o, s:o}",
                  "circle", sealed ? json_hex(me->circle, ID_BYTES) : json_null(),
                  "epoch", (int)me->epoch, "need", (int)s->need, "of", (int)s->of,
                  "stored", (int)s->stored, "confirmed", (int)s->confirmed, "openable",
                  l->proofs.openable > 0 ? json_integer(l->proofs.openable) : json_null(),
                  "spare", (int)s->spare, "restorable", (int)s->restorable, "level",
                  sealed ? json_string(circle_level_name(s->level)) : json_null(),
                  "guardians", sealed ? guardians_json(l) : json_array(), "requests",
                  requests, "next", next_json(l), "alerts",
                  sealed ? alerts_json(l) : json_null(), "vault", vault_json(l));
    (void)json_object_update(all, more); /* without memory: less is said */
    json_decref(more);
    return all;
}

void look_show(struct ctx *ctx, const struct look *l)
{
    struct term *t = ctx->term;
    if (t->json) {
        term_json(t, "status", status_json(l));
        return;
    }
    if (l->day->me.epoch > 0)
        say_requests(t, l, l->now);
    say_standing(t, l);
    if (l->day->me.epoch > 0 && !look_unknown(l)) {
        say_proofs(t, l);
        say_guardians(t, l, l->now);
        say_weak(t, l);
        say_change(t, l);
        say_vault(t, l);
    }
    say_next(t, l);
}
