/* SPDX-License-Identifier: Apache-2.0 */
#include "client/alert.h"

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

/* ---- memory ---- */

void alerts_free(struct alerts *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; a->places != NULL && i < a->n; i++) {
        seen_drop_free(&a->places[i].drop);
        free(a->places[i].requests);
    }
    secret_free(a->readers);
    free(a->places);
    free(a->calls);
    secret_free(a->keys);
    secret_free(a->owners);
    free(a);
}

/* ---- one conversation ---- */

static enum err take_requests(struct alert_place *p, const struct rep_requests *rep)
{
    size_t n = p->n_requests + rep->n_requests;
    if (rep->n_requests == 0 || n > ALERT_REQUESTS)
        return OK;
    struct request_line *more = realloc(p->requests, n * sizeof *more); /* p's own */
    if (more == NULL)
        return ERR_NOMEM;
    p->requests = more;
    memcpy(more + p->n_requests, rep->requests, rep->n_requests * sizeof *more);
    p->n_requests = n;
    return OK;
}

/* First what is to be sent, then requests (a request is alerted before it is listed, so
 * one without its alert was kept back), then the drop. */
static enum err step(struct call *c, const struct call_reply *reply,
                     struct call_send *out)
{
    struct alert_place *p = c->ctx;
    bool first = reply == NULL && p->before != NULL;
    if (first) {
        *out = *p->before;
        return OK;
    }
    if (p->before != NULL && reply->kind == p->before->kind)
        p->first = reply->err;
    else if (reply != NULL && reply->kind != MSG_REQUESTS)
        return seen_step(&p->drop, c, reply, out);
    if (reply == NULL || reply->kind != MSG_REQUESTS) {
        p->ask = (struct req_requests){ .all = 1 };
        *out = (struct call_send){ MSG_REQUESTS, &p->ask };
        return OK;
    }
    if (reply->err != OK)
        return seen_step(&p->drop, c, reply, out);
    const struct rep_requests *rep = reply->rep;
    TRY(take_requests(p, rep));
    if (rep->more == 0 || rep->n_requests == 0 || p->n_requests + 32 > ALERT_REQUESTS)
        return seen_step(&p->drop, c, reply, out);
    memcpy(p->ask.after, rep->requests[rep->n_requests - 1].request, ID_BYTES);
    *out = (struct call_send){ MSG_REQUESTS, &p->ask };
    return OK;
}

/* ---- the round ---- */

struct day_node *alert_node(const struct alerts *a, const struct alert_place *p)
{
    return p->side == ALERT_OWNER ? &a->day->guardians[p->at].node[0]
                                  : &a->day->seats[p->at].node[0];
}

static bool speaks(const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->progress == GUARDIAN_READY && g->n_node == 1;
}

static void find_places(const struct alert_look *how, struct alerts *a)
{
    const struct day *d = a->day;
    for (size_t i = 0; !how->seats_only && i < d->n_guardians; i++)
        if (speaks(&d->guardians[i]))
            a->places[a->n++] = (struct alert_place){ .side = ALERT_OWNER, .at = i };
    bool seats = how->which == DROP_ALERTS && how->root == NULL && !how->owner_only;
    for (size_t i = 0; seats && i < d->n_seats; i++)
        if (d->seats[i].progress == GUARDIAN_READY)
            a->places[a->n++] = (struct alert_place){ .side = ALERT_GUARDIAN, .at = i };
}

/* What signs the mark of a place; NULL where none is sent. */
static const struct sign_seed *reader_of(const struct alert_look *how, struct alerts *a,
                                         size_t i)
{
    const struct alert_place *p = &a->places[i];
    struct day *d = a->day;
    if (how->which != DROP_ALERTS || how->root != NULL)
        return NULL;
    if (p->side == ALERT_GUARDIAN && is_zero(d->seats[p->at].mark_sign, KEY_BYTES))
        rng_fill(how->params->rng, d->seats[p->at].mark_sign, KEY_BYTES);
    memcpy(a->readers[i].b,
           p->side == ALERT_OWNER ? d->guardians[p->at].dev_sign
                                  : d->seats[p->at].mark_sign,
           KEY_BYTES);
    return &a->readers[i];
}

static enum err call_place(const struct alert_look *how, struct alerts *a, size_t i)
{
    struct alert_place *p = &a->places[i];
    struct day *d = a->day;
    p->call = &a->calls[i];
    p->before = how->before;
    p->drop = (struct seen_drop){ .which = how->which,
                                  .node = alert_node(a, p),
                                  .reader = reader_of(how, a, i),
                                  .rng = how->params->rng };
    if (p->side == ALERT_GUARDIAN) {
        guard_call_seat(p->call, &d->seats[p->at], &a->keys[i]);
    } else if (how->root != NULL) {
        TRY(guardian_account(how->root, &d->guardians[p->at], &a->owners[i]));
        guardian_call_owner(p->call, &d->guardians[p->at], &a->owners[i]);
    } else {
        guardian_call_device(p->call, &d->guardians[p->at], &a->keys[i]);
    }
    p->call->step = step;
    p->call->ctx = p;
    return OK;
}

static enum err alerts_new(const struct alert_look *how, struct day *d,
                           struct alerts **out)
{
    AUTO_ALERTS struct alerts *a = calloc(1, sizeof *a);
    size_t most = d->n_guardians + d->n_seats;
    if (a == NULL)
        return ERR_NOMEM;
    a->day = d;
    a->places = calloc(most + 1, sizeof *a->places);
    a->calls = calloc(most + 1, sizeof *a->calls);
    if (a->places == NULL || a->calls == NULL)
        return ERR_NOMEM;
    TRY(secret_alloc((most + 1) * sizeof *a->keys, (void **)&a->keys));
    TRY(secret_alloc((most + 1) * sizeof *a->readers, (void **)&a->readers));
    if (how->root != NULL)
        TRY(secret_alloc((most + 1) * sizeof *a->owners, (void **)&a->owners));
    find_places(how, a);
    for (size_t i = 0; i < a->n; i++)
        TRY(call_place(how, a, i));
    *out = a;
    a = NULL; /* the caller's now */
    return OK;
}

static void note_place(struct alerts *a, struct alert_place *p, uint64_t now)
{
    char name[NAME_MAX_BYTES + 1];
    char who[NAME_MAX_BYTES + 16];
    struct day_node *n = alert_node(a, p);
    seen_note(n, p->call, now);
    seen_keep(&p->drop, a->day, n, now);
    for (size_t i = 0; i < p->n_requests && p->drop.which == DROP_ALERTS; i++)
        if (seen_hides(&p->drop, &p->requests[i]))
            seen_caught(n, SEEN_WITHHELD, now);
    if (p->call->err == OK)
        return;
    alert_place_name(a, p, name);
    (void)snprintf(who, sizeof who, p->side == ALERT_OWNER ? "%s's node" : "The node %s",
                   name);
    call_sentence(p->call, who, p->why, sizeof p->why);
}

enum err alerts_look(const struct alert_look *how, struct day *d, struct alerts **out)
{
    AUTO_ALERTS struct alerts *a = NULL;
    const struct params *p = how->params;
    TRY(alerts_new(how, d, &a));
    TRY(call_round(a->calls, a->n, p->round_ms, p->rng));
    for (size_t i = 0; i < a->n; i++)
        note_place(a, &a->places[i], p->now());
    *out = a;
    a = NULL; /* the caller's now */
    return OK;
}

size_t alerts_away(const struct alerts *a)
{
    size_t away = 0;
    for (size_t i = 0; i < a->n; i++)
        away += a->calls[i].err != OK;
    return away;
}

bool alerts_counts(const struct alerts *a)
{
    bool owner = false;
    bool guard = false;
    size_t guardians = 0;
    for (size_t i = 0; i < a->n; i++) {
        bool own = a->places[i].side == ALERT_OWNER;
        guardians += own;
        owner |= own && a->calls[i].err == OK;
        guard |= !own && a->calls[i].err == OK;
    }
    return guardians > 0 ? owner : guard;
}

/* ---- waiting ---- */

struct wait {
    struct req_drop_watch ask;
};

static enum err wait_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct wait *w = c->ctx;
    if (reply == NULL) {
        *out = (struct call_send){ MSG_DROP_WATCH, &w->ask };
        return OK;
    }
    TRY(reply->err);
    const struct rep_drop_watch *rep = reply->rep;
    /* Nothing came in all that time: that is no reason to end the round for others. */
    return rep->seq != w->ask.after ? OK : ERR_TIMEOUT;
}

enum err alerts_wait(const struct params *p, struct alerts *from, uint32_t wait_s,
                     bool *out_news)
{
    AUTO_FREE struct wait *waits = calloc(from->n + 1, sizeof *waits);
    AUTO_FREE struct call *calls = calloc(from->n + 1, sizeof *calls);
    size_t n = 0;
    if (waits == NULL || calls == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < from->n; i++) {
        const struct alert_place *at = &from->places[i];
        if (!at->drop.whole)
            continue;
        waits[n].ask = (struct req_drop_watch){ .which = DROP_ALERTS,
                                                .after = at->drop.receipt.seq,
                                                .wait = wait_s };
        calls[n] = *at->call;
        calls[n].step = wait_step;
        calls[n].ctx = &waits[n];
        calls[n++].alone = true;
    }
    TRY(call_round(calls, n, wait_s * 1000 + p->round_ms, p->rng));
    *out_news = false;
    for (size_t i = 0; i < n; i++)
        *out_news = *out_news || calls[i].err == OK;
    return OK;
}

/* ---- two copies of a day ---- */

static struct day_mark keep_mark(struct day *into, const struct day_mark *m)
{
    struct day_mark kept = *m;
    kept.receipt = day_keep(into, m->receipt);
    return kept;
}

/* Another kith may have learnt more, or settled a fault, in the meantime. */
static void merge_known(struct day *into, const struct day_node *f, struct day_node *t)
{
    memcpy(t->node_sign, f->node_sign, PUB_BYTES);
    memcpy(t->incarnation, f->incarnation, ID_BYTES);
    memcpy(t->log_head, f->log_head, HASH_BYTES);
    t->log_seq = f->log_seq;
    if (f->n_alerts > 0)
        t->alerts[0] = keep_mark(into, &f->alerts[0]);
    t->n_alerts = f->n_alerts;
    t->acked = f->acked;
}

static void merge_node(struct day *into, const struct day_node *f, struct day_node *t)
{
    if (!bytes_equal(BYTES_OF(f->node_key), BYTES_OF(t->node_key)) || f->seen == 0)
        return;
    bool newly = f->fault != SEEN_FINE && f->faulted == f->seen;
    if (newly)
        seen_caught(t, (enum seen_fault)f->fault, f->faulted);
    else if (f->fault == SEEN_FINE && t->fault == SEEN_FINE && f->seen >= t->seen &&
             f->log_seq >= t->log_seq)
        merge_known(into, f, t);
    t->seen = f->seen > t->seen ? f->seen : t->seen;
    t->told_seq = f->told_seq;
    t->told_time = f->told_time;
    memcpy(t->told_head, f->told_head, HASH_BYTES);
    t->fault_told = t->fault == f->fault ? f->fault_told : t->fault_told;
}

void alerts_merge(const struct day *from, struct day *into)
{
    for (size_t i = 0; i < from->n_guardians; i++) {
        const struct day_guardian *f = &from->guardians[i];
        for (size_t k = 0; f->n_node == 1 && k < into->n_guardians; k++) {
            struct day_guardian *t = &into->guardians[k];
            if (t->n_node == 1 && bytes_equal(BYTES_OF(f->seat), BYTES_OF(t->seat)))
                merge_node(into, &f->node[0], &t->node[0]);
        }
    }
    for (size_t i = 0; i < from->n_seats; i++) {
        const struct day_seat *f = &from->seats[i];
        for (size_t k = 0; f->n_node == 1 && k < into->n_seats; k++) {
            struct day_seat *t = &into->seats[k];
            if (t->n_node != 1 || !bytes_equal(BYTES_OF(f->seat), BYTES_OF(t->seat)))
                continue;
            merge_node(into, &f->node[0], &t->node[0]);
            memcpy(t->mark_sign, f->mark_sign, KEY_BYTES);
        }
    }
    into->me.watched = from->me.watched;
    into->me.failed = from->me.failed;
}

/* ---- how well a side is watched ---- */

uint32_t alert_every(uint32_t hold)
{
    uint32_t every = (hold == 0 ? (uint32_t)ALERT_HOLD_S : hold) / 4;
    if (every > ALERT_EVERY_S)
        return ALERT_EVERY_S;
    return every < ALERT_EVERY_LEAST_S ? ALERT_EVERY_LEAST_S : every;
}

/* Since when somebody should have watched, had nobody done so. */
static uint64_t began(const struct day *d, enum alert_side side)
{
    uint64_t since = d->me.watched;
    if (side == ALERT_OWNER)
        return d->me.sealed_at > since ? d->me.sealed_at : since;
    for (size_t i = 0; i < d->n_seats; i++)
        since = d->seats[i].added > since ? d->seats[i].added : since;
    return since;
}

enum alert_care alert_care(const struct day *d, enum alert_side side, uint64_t now)
{
    bool owner = side == ALERT_OWNER;
    uint64_t hold = owner && d->me.hold > 0 ? d->me.hold : ALERT_HOLD_S;
    /* A hold of minutes is watched by the minute at most. */
    uint64_t half =
        hold / 2 > 2 * ALERT_EVERY_LEAST_S ? hold / 2 : 2 * ALERT_EVERY_LEAST_S;
    uint64_t since = began(d, side);
    uint64_t sent = owner ? d->me.owner_sent : d->me.guard_sent;
    if ((owner ? d->me.owner_tested : d->me.guard_tested) == 0)
        return sent != 0 && now < sent + ALERT_ANSWER_S ? CARE_SENT : CARE_UNTESTED;
    if (d->me.failed != 0)
        return CARE_FAILING;
    /* A look that this machine's clock once put far ahead is none either. */
    bool ahead = d->me.watched > now && d->me.watched - now > half;
    return ahead || (now > since && now - since > half) ? CARE_IDLE : CARE_FINE;
}

const char *alert_care_text(enum alert_care c)
{
    static const char *const texts[] = {
        [CARE_FINE] = "",
        [CARE_UNTESTED] =
            "Nobody has shown yet that alerts reach you: a test puts one at "
            "each node, and you answer it with the word that it shows.",
        [CARE_SENT] =
            "A test alert is on its way to you. Type the word that it shows; if "
            "none has come, kith alert watch --once looks for it:",
        [CARE_IDLE] = "Nothing has looked for alerts for half a hold. Look now, and let "
                      "this machine do it from now on:",
        [CARE_FAILING] = "The program that should tell you of alerts failed:",
    };
    return texts[c];
}

const char *alert_care_next(enum alert_care c)
{
    static const char *const commands[] = {
        [CARE_FINE] = "",
        [CARE_UNTESTED] = "kith alert test",
        [CARE_SENT] = "kith alert test WORD",
        [CARE_IDLE] = "kith alert timer on",
        [CARE_FAILING] = "kith alert watch --once",
    };
    return commands[c];
}
