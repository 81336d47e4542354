/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guard.h"

/* ---- the conversation with one seat ---- */

enum phase { ASK_WARDS, ASK_REQUESTS, ASK_EACH };

struct guard_talk {
    struct guard *g;
    size_t seat;
    size_t listed; /* wards and requests so far */
    enum phase phase;
    struct seat_keys *keys; /* secret */
    struct req_wards wards;
    struct req_requests requests;
    struct req_request one;
};

void guard_call_seat(struct call *c, const struct day_seat *s, struct seat_keys *keys)
{
    memcpy(keys->stat.b, s->stat, KEY_BYTES);
    memcpy(keys->psk.b, s->psk, KEY_BYTES);
    c->role = ROLE_GUARDIAN;
    c->node_key = s->node[0].node_key;
    c->stat = &keys->stat;
    c->psk = &keys->psk;
    call_addresses(c, s->node[0].addresses, s->node[0].n_addresses);
}

/* ---- looking: wards, requests, then each request whole ---- */

static enum err add_ward(struct guard *g, size_t seat, const struct ward_line *line)
{
    struct guard_ward *more =
        realloc(g->wards, (g->n_wards + 1) * sizeof *g->wards); /* the guard's */
    if (more == NULL)
        return ERR_NOMEM;
    g->wards = more;
    g->wards[g->n_wards] = (struct guard_ward){ .seat = seat, .line = *line };
    g->wards[g->n_wards++].line.note = day_keep(g->day, line->note);
    return OK;
}

static enum err add_request(struct guard *g, size_t seat, const struct request_line *line)
{
    struct guard_request *more =
        realloc(g->requests, (g->n_requests + 1) * sizeof *g->requests);
    if (more == NULL)
        return ERR_NOMEM;
    g->requests = more;
    struct guard_request *r = &g->requests[g->n_requests++];
    *r = (struct guard_request){ .seat = seat, .rep = { .n_line = 1 } };
    r->rep.line[0] = *line;
    return OK;
}

/* A node that never comes to an end is no list. */
static enum err count_listed(struct guard_talk *t, uint32_t n)
{
    t->listed += n;
    return t->listed <= GUARD_LISTED ? OK : ERR_TOO_BIG;
}

/* A new root that waits to take over is listed where a person can refuse it. */
static enum err add_takeover(struct guard *g, size_t seat, const struct ward_line *w)
{
    struct request_line line = { .kind = REQUEST_MOVE,
                                 .purpose = PURPOSE_MOVE,
                                 .state = STATE_APPROVED,
                                 .opens = w->move_due };

    if (w->move_due == 0 || w->left != 0)
        return OK;
    memcpy(line.request, w->move, ID_BYTES);
    memcpy(line.ward, w->ward, ID_BYTES);
    TRY(add_request(g, seat, &line));
    g->requests[g->n_requests - 1].takeover = true;
    g->requests[g->n_requests - 1].whole = true;
    return OK;
}

static enum err got_wards(struct guard_talk *t, const struct rep_wards *rep)
{
    t->g->paused[t->seat] = rep->paused;
    TRY(count_listed(t, rep->n_wards));
    for (uint32_t i = 0; i < rep->n_wards; i++) {
        TRY(add_ward(t->g, t->seat, &rep->wards[i]));
        TRY(add_takeover(t->g, t->seat, &rep->wards[i]));
    }
    if (rep->more == 0 || rep->n_wards == 0)
        t->phase = ASK_REQUESTS;
    else
        memcpy(t->wards.after, rep->wards[rep->n_wards - 1].ward, ID_BYTES);
    return OK;
}

static enum err got_requests(struct guard_talk *t, const struct rep_requests *rep)
{
    TRY(count_listed(t, rep->n_requests));
    for (uint32_t i = 0; i < rep->n_requests; i++)
        TRY(add_request(t->g, t->seat, &rep->requests[i]));
    if (rep->more == 0 || rep->n_requests == 0)
        t->phase = ASK_EACH;
    else
        memcpy(t->requests.after, rep->requests[rep->n_requests - 1].request, ID_BYTES);
    return OK;
}

static struct guard_request *not_whole(struct guard_talk *t)
{
    for (size_t i = 0; i < t->g->n_requests; i++)
        if (t->g->requests[i].seat == t->seat && !t->g->requests[i].whole)
            return &t->g->requests[i];
    return NULL;
}

/* Slices of a reply that has to outlive its conversation. */
static void keep_request(struct day *d, const struct rep_request *rep,
                         struct rep_request *out)
{
    *out = *rep;
    out->view = day_keep(d, rep->view);
    out->claimed = day_keep(d, rep->claimed);
    out->introduction = day_keep(d, rep->introduction);
}

static enum err got_one(struct guard_talk *t, const struct call_reply *reply)
{
    struct guard_request *r = not_whole(t);

    if (r == NULL)
        return ERR_FORMAT;
    r->whole = true; /* erased meanwhile: what the list said is all there is */
    if (reply->err == ERR_UNKNOWN)
        return OK;
    TRY(reply->err);
    keep_request(t->g->day, reply->rep, &r->rep);
    return OK;
}

static enum err look_got(struct guard_talk *t, const struct call_reply *reply)
{
    if (reply->kind == MSG_REQUEST)
        return got_one(t, reply);
    TRY(reply->err);
    if (reply->kind == MSG_WARDS)
        return got_wards(t, reply->rep);
    return got_requests(t, reply->rep);
}

static void look_ask(struct guard_talk *t, struct call_send *out)
{
    const struct guard_request *r = not_whole(t);

    if (t->phase == ASK_WARDS)
        *out = (struct call_send){ MSG_WARDS, &t->wards };
    else if (t->phase == ASK_REQUESTS)
        *out = (struct call_send){ MSG_REQUESTS, &t->requests };
    else if (r != NULL) {
        memcpy(t->one.request, r->rep.line[0].request, ID_BYTES);
        *out = (struct call_send){ MSG_REQUEST, &t->one };
    }
}

static enum err look_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out_send)
{
    struct guard_talk *t = c->ctx;

    if (reply != NULL)
        TRY(look_got(t, reply));
    look_ask(t, out_send);
    return OK;
}

static enum err talk_start(struct guard *g, size_t i, enum guard_scope scope)
{
    struct guard_talk *t = &g->talks[i];

    *t = (struct guard_talk){ .g = g, .seat = g->seats[i] };
    t->requests.all = scope == GUARD_ALL;
    TRY(secret_new(&t->keys));
    g->calls[i].step = look_step;
    g->calls[i].ctx = t;
    guard_call_seat(&g->calls[i], &g->day->seats[t->seat], t->keys);
    return OK;
}

static enum err look_round(struct guard *g, enum guard_scope scope)
{
    g->talks = calloc(g->n_seats, sizeof *g->talks);
    g->calls = calloc(g->n_seats, sizeof *g->calls);
    if (g->talks == NULL || g->calls == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < g->n_seats; i++)
        TRY(talk_start(g, i, scope));
    TRY(call_round(g->calls, g->n_seats, g->params->round_ms, g->params->rng));
    for (size_t i = 0; i < g->n_seats; i++)
        seen_note(&g->day->seats[g->seats[i]].node[0], &g->calls[i], g->params->now());
    return OK;
}

enum err guard_look(const struct params *p, struct day *d, enum guard_scope scope,
                    struct guard **out)
{
    struct guard *g = calloc(1, sizeof *g);
    if (g == NULL)
        return ERR_NOMEM;
    *g = (struct guard){ .params = p, .day = d };
    for (size_t i = 0; i < d->n_seats; i++)
        if (d->seats[i].progress == GUARDIAN_READY)
            g->seats[g->n_seats++] = i;
    enum err e = g->n_seats > 0 ? look_round(g, scope) : OK;
    if (e != OK) {
        guard_free(g);
        return e;
    }
    *out = g;
    return OK;
}

void guard_free(struct guard *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; g->talks != NULL && i < g->n_seats; i++)
        secret_free(g->talks[i].keys);
    free(g->talks);
    free(g->calls);
    free(g->wards);
    free(g->requests);
    free(g);
}

size_t guard_away(const struct guard *g)
{
    size_t away = 0;

    for (size_t i = 0; i < g->n_seats; i++)
        away += g->calls[i].err != OK;
    return away;
}

void guard_node(const struct day_seat *s, char out[ADDRESS_TEXT])
{
    struct address a;

    out[0] = 0;
    if (s->n_node > 0 && s->node[0].n_addresses > 0 &&
        address_get(s->node[0].addresses[0].at, &a) == OK)
        address_format(&a, out, ADDRESS_TEXT);
}

/* ---- notes ---- */

struct day_ward *guard_known(struct day *d, const uint8_t seat[SEAT_BYTES],
                             const uint8_t ward[ID_BYTES])
{
    for (size_t i = 0; i < d->n_wards; i++)
        if (bytes_equal(BYTES_OF(d->wards[i].ward), bytes_of(ward, ID_BYTES)) &&
            bytes_equal(BYTES_OF(d->wards[i].seat), bytes_of(seat, SEAT_BYTES)))
            return &d->wards[i];
    return NULL;
}

static bool is_unread(const struct guard *g, const struct guard_ward *w)
{
    const struct day_seat *s = &g->day->seats[w->seat];

    return w->line.note.n > 0 && guard_known(g->day, s->seat, w->line.ward) == NULL;
}

bool guard_has_unread(const struct guard *g, size_t seat)
{
    for (size_t i = 0; i < g->n_wards; i++)
        if (g->wards[i].seat == seat && is_unread(g, &g->wards[i]))
            return true;
    return false;
}

static enum err keep_note(struct guard *g, const struct guard_ward *w,
                          const struct note *note)
{
    struct day *d = g->day;
    uint16_t words[WORDS_CALL];
    char text[WORDS_TEXT];

    if (d->n_wards == DAY_WARDS)
        return OK;
    TRY(words_fingerprint(note->owner, g->params->cost, words));
    words_format(words, WORDS_CALL, text, sizeof text);
    struct day_ward *k = &d->wards[d->n_wards++];
    *k = (struct day_ward){ .label = day_keep(d, note->label),
                            .contact = day_keep(d, note->contact),
                            .about = day_keep(d, note->about),
                            .fingerprint = day_keep(d, bytes_text(text)) };
    memcpy(k->seat, d->seats[w->seat].seat, SEAT_BYTES);
    memcpy(k->ward, w->line.ward, ID_BYTES);
    memcpy(k->invite, w->line.invite, INVITE_BYTES);
    memcpy(k->circle, note->circle, ID_BYTES);
    memcpy(k->owner, note->owner, PUB_BYTES);
    return OK;
}

enum err guard_read_notes(struct guard *g, size_t seat, const struct guardian_keys *keys)
{
    AUTO_SECRET uint8_t *plain = NULL;
    TRY(secret_alloc(BOX_MAX + TEXT_MAX_BYTES, (void **)&plain));
    for (size_t i = 0; i < g->n_wards; i++) {
        const struct guard_ward *w = &g->wards[i];
        struct note note = { 0 };
        if (w->seat != seat || !is_unread(g, w))
            continue;
        enum err e = note_open(&keys->seal, g->day->seats[w->seat].seat, w->line.note,
                               (struct span){ plain, BOX_MAX + TEXT_MAX_BYTES }, &note);
        if (e == ERR_NOMEM)
            return e;
        if (e == OK)
            TRY(keep_note(g, w, &note));
    }
    return OK;
}

/* ---- one message ---- */

struct single {
    uint16_t kind;
    const void *req;
    void *out_rep;
    size_t rep_n;
};

static enum err single_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out_send)
{
    const struct single *s = c->ctx;

    if (reply == NULL) {
        *out_send = (struct call_send){ s->kind, s->req };
        return OK;
    }
    TRY(reply->err);
    memcpy(s->out_rep, reply->rep, s->rep_n);
    return OK;
}

enum err guard_talk_once(const struct params *p, struct day_seat *s, call_step step,
                         void *ctx, struct call *out_call)
{
    AUTO_SECRET struct seat_keys *keys = NULL;
    struct call own = { 0 };
    struct call *c = out_call != NULL ? out_call : &own;

    TRY(secret_new(&keys));
    *c = (struct call){ .step = step, .ctx = ctx };
    guard_call_seat(c, s, keys);
    enum err e = call_round(c, 1, p->round_ms, p->rng);
    c->node_key = NULL; /* keys end here */
    c->stat = NULL;
    c->psk = NULL;
    TRY(e);
    seen_note(&s->node[0], c, p->now());
    return c->err;
}

enum err guard_send(const struct params *p, struct day_seat *s, uint16_t kind,
                    const void *req, void *out_rep, size_t rep_n, struct call *out_call)
{
    struct single one = { kind, req, out_rep, rep_n };
    enum err e = guard_talk_once(p, s, single_step, &one, out_call);

    /* The op id makes asking again safe. */
    if (e == ERR_CLOSED || e == ERR_TIMEOUT)
        e = guard_talk_once(p, s, single_step, &one, out_call);
    return e;
}
