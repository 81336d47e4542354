/* SPDX-License-Identifier: Apache-2.0 */
/* Drills: the guardian opens the piece and signs a challenge with its key. */
#include "client/check_part.h"

const char *drill_state_name(enum drill_state s)
{
    static const char *const names[] = {
        [DRILL_RESTS] = "resting", [DRILL_DUE] = "due",       [DRILL_ASKED] = "asked",
        [DRILL_OPENED] = "opened", [DRILL_FAILED] = "failed", [DRILL_AWAY] = "away",
    };
    return names[s];
}

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- when ---- */

static bool has_piece(const struct day *d, const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->n_node == 1 && d->me.epoch > 0 &&
           g->epoch == d->me.epoch;
}

uint64_t drill_due(const struct day *d, const struct day_guardian *g)
{
    const struct day_proof *p = day_proven(g);
    if (!has_piece(d, g))
        return 0;
    if (p->opened == 0 || p->opened_epoch != d->me.epoch)
        return g->stored + DRILL_FIRST_S;
    return p->opened + (p->drills <= 1 ? DRILL_SECOND_S : DRILL_THEN_S);
}

/* Asked for about the present piece, and not answered. */
static bool waits(const struct day *d, const struct day_guardian *g)
{
    const struct day_proof *p = day_proven(g);
    return has_piece(d, g) && p->asked != 0 && p->asked_epoch == d->me.epoch;
}

enum drill_state drill_standing(const struct day *d, const struct day_guardian *g,
                                uint64_t now)
{
    uint64_t due = drill_due(d, g);
    if (has_piece(d, g) && day_proven(g)->failed != 0)
        return DRILL_FAILED;
    if (waits(d, g))
        return DRILL_ASKED;
    return due != 0 && now >= due ? DRILL_DUE : DRILL_RESTS;
}

void drill_text(const struct day *d, const struct day_guardian *g, uint64_t now,
                char out[TERM_TEXT])
{
    const struct day_proof *p = day_proven(g);
    char since[DURATION_TEXT];
    when_text(now, p->asked, since);
    enum drill_state s = drill_standing(d, g, now);
    if (s == DRILL_FAILED)
        (void)snprintf(out, TERM_TEXT,
                       "%.*s's answer to a drill was not made with your piece. Call "
                       "%.*s; if the piece is lost, ask for a new invite.",
                       TEXT(g->name), TEXT(g->name));
    else if (s == DRILL_ASKED && now > p->asked + DRILL_WAIT_S)
        (void)snprintf(out, TERM_TEXT,
                       "%.*s was asked %s to open your piece once, and did not. If the "
                       "passphrase is forgotten, that piece is lost: better now than "
                       "when you need it. Call %.*s, ask them to type \"kith guard "
                       "drill\", then see whether it was done.",
                       TEXT(g->name), since, TEXT(g->name));
    else if (s == DRILL_ASKED)
        (void)snprintf(out, TERM_TEXT,
                       "%.*s was asked to open your piece once, to show that it can be "
                       "done. Ask %.*s to type \"kith guard drill\", then see whether it "
                       "was done.",
                       TEXT(g->name), TEXT(g->name));
    else
        (void)snprintf(out, TERM_TEXT,
                       "It is time that %.*s opens your piece once, to show that it can "
                       "be done.",
                       TEXT(g->name));
}

/* ---- new keys ---- */

void check_new_keys(struct day_guardian *g, uint64_t reset)
{
    bool news = reset != 0 && reset != g->reset && g->n_proof == 1;
    /* The node knows what came first; no two clocks are compared. */
    if (news && reset != g->proof[0].opened_reset)
        g->proof[0].opened = g->proof[0].asked = 0;
    g->reset = reset;
}

bool check_opens(const struct day *d, const struct day_guardian *g)
{
    const struct day_proof *p = day_proven(g);
    return p->opened != 0 && p->opened_epoch == d->me.epoch && p->failed == 0;
}

bool check_keys_lost(const struct day *d, const struct day_guardian *g)
{
    return g->reset != 0 && !check_opens(d, g);
}

bool check_keys_text(const struct day *d, const struct day_guardian *g,
                     char out[TERM_TEXT])
{
    char when[TIME_TEXT];
    char opened[TIME_TEXT];
    time_text(g->reset, when);
    time_text(day_proven(g)->opened, opened);
    if (check_keys_lost(d, g))
        (void)snprintf(out, TERM_TEXT,
                       "%.*s has new keys since %s; whether your piece there still opens "
                       "is not known. A drill shows it.",
                       TEXT(g->name), when);
    else if (g->reset != 0)
        (void)snprintf(out, TERM_TEXT,
                       "%.*s has new keys since %s; your piece there still opens by the "
                       "old ones (drill of %s).",
                       TEXT(g->name), when, opened);
    return g->reset != 0;
}

/* ---- a round ---- */

struct drill_work {
    struct drill_place *place;
    struct drill_line line; /* the answer to our challenge; answered 0: none yet */
    bool asked;             /* the node has our challenge */
    struct req_drill_list list;
    struct req_drill_ask ask;
};

static void take_line(struct drill_work *w, const struct rep_drill_list *rep)
{
    for (uint32_t i = 0; i < rep->n_lines; i++) {
        const struct drill_line *l = &rep->lines[i];
        if (!bytes_equal(BYTES_OF(l->challenge), BYTES_OF(w->ask.challenge)))
            continue;
        w->line = *l;
        w->asked = true;
    }
}

static enum err drill_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct drill_work *w = c->ctx;
    if (reply == NULL) {
        *out = (struct call_send){ MSG_DRILL_LIST, &w->list };
        return OK;
    }
    TRY(reply->err);
    if (reply->kind == MSG_DRILL_ASK) {
        w->asked = true;
        return OK;
    }
    take_line(w, reply->rep);
    if (!w->asked)
        *out = (struct call_send){ MSG_DRILL_ASK, &w->ask };
    return OK;
}

void drills_free(struct drills *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++)
        free(r->places[i].work);
    free(r->places);
    free(r->calls);
    free(r->nodes);
    secret_free(r->keys);
    free(r);
}

static enum err drills_make(size_t n, struct drills **out)
{
    AUTO_DRILLS struct drills *r = calloc(1, sizeof *r);
    if (r == NULL)
        return ERR_NOMEM;
    r->places = calloc(n + 1, sizeof *r->places);
    r->calls = calloc(n + 1, sizeof *r->calls);
    r->nodes = calloc(n + 1, sizeof *r->nodes);
    if (r->places == NULL || r->calls == NULL || r->nodes == NULL)
        return ERR_NOMEM;
    TRY(secret_alloc((n + 1) * sizeof *r->keys, (void **)&r->keys));
    *out = r;
    r = NULL; /* the caller's now */
    return OK;
}

/* A challenge is drawn once and kept until it was answered. */
static void draw(const struct day *d, struct day_guardian *g, const struct params *p)
{
    struct day_proof *proof = day_proof(g);
    if (waits(d, g))
        return;
    proof->asked = p->now();
    proof->asked_epoch = d->me.epoch;
    proof->reminded = 0;
    rng_fill(p->rng, proof->challenge, sizeof proof->challenge);
}

static enum err add_place(const struct day *d, struct day_guardian *g,
                          const struct params *p, struct drills *r)
{
    struct drill_place *place = &r->places[r->n];
    struct drill_work *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ERR_NOMEM;
    draw(d, g, p);
    place->work = w;
    place->call = &r->calls[r->n];
    w->place = place;
    w->ask.epoch = d->me.epoch;
    memcpy(w->ask.challenge, day_proven(g)->challenge, sizeof w->ask.challenge);
    rng_fill(p->rng, w->ask.op, ID_BYTES);
    memcpy(place->seat, g->seat, SEAT_BYTES);
    guardian_call_device(place->call, g, &r->keys[r->n]);
    memcpy(r->nodes[r->n], g->node[0].node_key, PUB_BYTES);
    place->call->node_key = r->nodes[r->n]; /* the day may be gone by then */
    place->call->step = drill_step;
    place->call->ctx = w;
    r->n++;
    return OK;
}

enum err drills_new(struct day *d, const struct day_guardian *only,
                    const struct params *p, struct drills **out)
{
    AUTO_DRILLS struct drills *r = NULL;
    TRY(drills_make(d->n_guardians, &r));
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct day_guardian *g = &d->guardians[i];
        bool wanted =
            only == NULL ? drill_standing(d, g, p->now()) != DRILL_RESTS : only == g;
        if (wanted && has_piece(d, g))
            TRY(add_place(d, g, p, r));
    }
    *out = r;
    r = NULL; /* the caller's now */
    return OK;
}

enum err drills_go(struct drills *r, const struct params *p)
{
    return r->n > 0 ? call_round(r->calls, r->n, p->round_ms, p->rng) : OK;
}

/* ---- what came of it ---- */

/* The key that the guardian's piece has in the sealed circle. */
static enum err piece_key(const struct day *d, const struct day_guardian *g,
                          uint8_t out[PUB_BYTES])
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    if (m == NULL)
        return ERR_NOMEM;
    TRY(manifest_open(d->me.manifest, m));
    for (uint32_t i = 0; i < m->n_pieces; i++) {
        if (m->pieces[i].group != g->group || m->pieces[i].index != g->index)
            continue;
        memcpy(out, m->pieces[i].piece_key, PUB_BYTES);
        return OK;
    }
    return ERR_UNKNOWN;
}

static enum err verify(const struct day *d, const struct day_guardian *g,
                       const struct drill_line *line)
{
    const struct day_proof *p = day_proven(g);
    struct drill said = { .epoch = d->me.epoch, .time = line->time };
    uint8_t key[PUB_BYTES];
    TRY(piece_key(d, g, key));
    memcpy(said.ward, g->ward, ID_BYTES);
    memcpy(said.manifest_hash, d->me.manifest_hash, HASH_BYTES);
    memcpy(said.challenge, p->challenge, sizeof said.challenge);
    return drill_verify(key, &said, line->sig);
}

static void note_answer(const struct day *d, struct day_guardian *g,
                        struct drill_place *p, uint64_t now)
{
    struct day_proof *proof = day_proof(g);
    uint64_t when = p->work->line.time;
    char who[NAME_MAX_BYTES + 16];
    check_who(g, who);
    if (verify(d, g, &p->work->line) != OK) {
        p->state = DRILL_FAILED;
        proof->failed = now;
        proof->opened = 0;
        (void)snprintf(p->why, sizeof p->why,
                       "%s gave an answer that was not made with your piece.", who);
    } else {
        p->state = DRILL_OPENED;
        /* Not before it was asked for, and not in the future, whatever is claimed. */
        when = when < proof->asked ? proof->asked : when;
        day_opened(g, d->me.epoch, when > now ? now : when);
        proof->opened_reset = p->work->line.reset;
    }
    proof->asked = 0;
}

static void note_place(struct day *d, struct drill_place *p, uint64_t now)
{
    struct day_guardian *g = check_guardian(d, p->seat);
    char who[NAME_MAX_BYTES + 16];
    if (g == NULL || !waits(d, g))
        return; /* taken out of the circle meanwhile, or sealed anew */
    bool ours =
        bytes_equal(BYTES_OF(day_proven(g)->challenge), BYTES_OF(p->work->ask.challenge));
    guardian_seen(g, p->call, now);
    check_who(g, who);
    if (p->call->err != OK) {
        p->state = DRILL_AWAY;
        call_sentence(p->call, who, p->why, sizeof p->why);
    } else if (ours && p->work->line.answered != 0) {
        note_answer(d, g, p, now);
    } else {
        p->state = DRILL_ASKED;
    }
}

void drills_note(struct drills *r, struct day *d, const struct params *p)
{
    for (size_t i = 0; i < r->n; i++)
        note_place(d, &r->places[i], p->now());
}
