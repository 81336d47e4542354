/* SPDX-License-Identifier: Apache-2.0 */
#include "client/check.h"

#include "client/check_part.h"

/* ---- names ---- */

const char *check_fault_name(unsigned fault)
{
    static const char *const names[] = {
        [CHECK_GONE] = "gone",       [CHECK_PIECE] = "piece",     [CHECK_VAULT] = "vault",
        [CHECK_LOST] = "vault-lost", [CHECK_BACK] = "vault-back",
    };
    return fault < CHECK_FAULTS ? names[fault] : NULL;
}

const char *check_fault_text(unsigned fault)
{
    static const char *const texts[] = {
        [CHECK_FINE] = "agrees",
        [CHECK_GONE] = "does not have what it acknowledged to keep of your circle",
        [CHECK_PIECE] = "keeps something else than what it acknowledged of your circle",
        [CHECK_VAULT] = "keeps something else than what it acknowledged of your vault",
        [CHECK_LOST] = "has lost parts of your vault that it acknowledged",
        [CHECK_BACK] = "shows an older or another vault than it acknowledged",
    };
    return texts[fault < CHECK_FAULTS ? fault : CHECK_PIECE];
}

bool check_fault_of_piece(unsigned fault)
{
    return fault == CHECK_GONE || fault == CHECK_PIECE;
}

const char *check_state_name(enum check_state s)
{
    static const char *const names[] = {
        [CHECK_AGREES] = "ok", [CHECK_UNKNOWN] = "unknown", [CHECK_BEHIND] = "behind",
        [CHECK_AWAY] = "away", [CHECK_CAUGHT] = "caught",
    };
    return names[s];
}

void check_who(const struct day_guardian *g, char out[NAME_MAX_BYTES + 16])
{
    (void)snprintf(out, NAME_MAX_BYTES + 16, "%.*s's node", (int)g->name.n,
                   (const char *)g->name.p);
}

/* ---- which vault objects ---- */

/* Where an object stands in the order of a pass. */
struct stand {
    uint64_t at;
    size_t i;
};

static int by_stand(const void *a, const void *b)
{
    const struct stand *x = a;
    const struct stand *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

size_t check_pick(const uint8_t pass[KEY_BYTES], const uint8_t *ids, size_t n,
                  size_t count, uint64_t *io_at, size_t *out, bool *out_over)
{
    AUTO_FREE struct stand *all = calloc(n + 1, sizeof *all);
    size_t from = 0;
    count = count < n ? count : n;
    *out_over = true;
    if (all == NULL || n == 0 || count == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t hash[HASH_BYTES];
        const struct bytes id = bytes_of(ids + i * VAULT_ID, VAULT_ID);
        check_digest(pass, &id, 1, hash);
        all[i] = (struct stand){ load_u64(hash), i };
    }
    qsort(all, n, sizeof *all, by_stand);
    while (from < n && all[from].at <= *io_at)
        from++;
    for (size_t k = 0; k < count; k++)
        out[k] = all[from + k < n ? from + k : from + k - n].i;
    *out_over = from + count >= n;
    *io_at = *out_over ? UINT64_MAX : all[from + count - 1].at;
    return count;
}

/* ---- what a node has to answer ---- */

/* What is read from the home for all of them. */
struct sources {
    struct home *home;
    struct day *day;
    const struct params *params;
    struct check_file *kept;
    struct vault_held *held;
    struct vault *vault;
    struct home_blob needs; /* ids of the newest state's objects */
    uint8_t now[HASH_BYTES];
};

static void sources_done(struct sources *s)
{
    check_file_free(s->kept);
    vault_held_free(s->held);
    vault_free(s->vault);
    home_blob_free(&s->needs);
}

/* What cannot be read is as if it were not there: less is compared, and said. */
static enum err sources_read(struct sources *s)
{
    char what[VAULT_WHAT];
    enum err e = check_file_load(s->home, &s->kept);
    if (e == ERR_NOMEM || s->home->dir < 0 || s->day->me.vault_generation == 0)
        return e == ERR_NOMEM ? e : OK;
    if (vault_held_load(s->home, &s->held) != OK)
        return OK;
    if (vault_open(s->home, s->day, VAULT_WHOLE, what, &s->vault) != OK)
        return OK;
    vault_state_hash(vault_now(s->vault), s->now);
    if (vault_needs(s->vault, &s->needs) != OK)
        s->needs.n = 0;
    return OK;
}

/* The objects that a seat acknowledged, as far as this home still knows. */
static struct bytes held_ids(const struct sources *s, const struct held_seat *seat)
{
    if (seat->saved == 0)
        return (struct bytes){ 0 };
    if (seat->list > 0) {
        const struct home_blob *ids = &s->held->lists[seat->list - 1].ids;
        return bytes_of(ids->p, ids->n);
    }
    bool ours = bytes_equal(BYTES_OF(seat->state), BYTES_OF(s->now));
    return ours ? bytes_of(s->needs.p, s->needs.n) : (struct bytes){ 0 };
}

/* One more object, if it is here and whole; what this home lost proves nothing. */
static enum err batch_add(struct sources *s, struct check_work *w, const uint8_t *id)
{
    AUTO_BLOB struct home_blob object = { 0 };
    enum err e = vault_object(s->vault, id, &object);
    if (e != OK)
        return e == ERR_NOMEM ? e : OK;
    struct batch *b = &w->batches[w->n_ids / CHECK_OBJECTS];
    w->n_batches = w->n_ids / CHECK_OBJECTS + 1;
    b->first = b->n == 0 ? w->n_ids : b->first;
    memcpy(w->ids + w->n_ids++ * VAULT_ID, id, VAULT_ID);
    b->n++;
    check_add(w->all->nonce, bytes_of(object.p, object.n), b->want);
    return OK;
}

/* The pass of a guardian goes on; a new one is drawn where that one is over. */
static void pass_begin(const struct sources *s, const struct day_proof *p,
                       struct check_work *w)
{
    static const uint8_t none[KEY_BYTES];
    memcpy(w->pass, p->pass, KEY_BYTES);
    w->at = p->at;
    if (p->at != UINT64_MAX && !bytes_equal(BYTES_OF(p->pass), BYTES_OF(none)))
        return;
    rng_fill(s->params->rng, w->pass, KEY_BYTES);
    w->at = 0;
}

static enum err plan_vault(struct sources *s, const struct day_guardian *g,
                           struct check_work *w)
{
    const struct held_seat *seat = s->held != NULL ? vault_held_of(s->held, g) : NULL;
    if (seat == NULL || s->vault == NULL)
        return OK;
    struct bytes ids = held_ids(s, seat);
    size_t n = ids.n / VAULT_ID;
    size_t count = (n + CHECK_PASS - 1) / CHECK_PASS;
    AUTO_FREE size_t *picked = NULL;
    w->version = seat->version;
    memcpy(w->head, seat->head, HASH_BYTES);
    if (bytes_equal(BYTES_OF(seat->state), BYTES_OF(s->now)))
        w->known = vault_now(s->vault)->version;
    count = count < CHECK_OBJECTS ? CHECK_OBJECTS : count;
    w->place->of = n;
    if (n == 0)
        return OK;
    picked = calloc(count, sizeof *picked);
    w->ids = calloc(count, VAULT_ID);
    w->batches = calloc((count + CHECK_OBJECTS - 1) / CHECK_OBJECTS, sizeof *w->batches);
    if (picked == NULL || w->ids == NULL || w->batches == NULL)
        return ERR_NOMEM;
    pass_begin(s, day_proven(g), w);
    size_t got = check_pick(w->pass, ids.p, n, count, &w->at, picked, &w->over);
    for (size_t i = 0; i < got; i++)
        TRY(batch_add(s, w, ids.p + picked[i] * VAULT_ID));
    return OK;
}

/* It acknowledged the list of guardians that was renewed since this circle was sealed. */
static bool keeps_list(const struct day *d, const struct day_guardian *g)
{
    return d->me.roster_epoch == d->me.epoch && g->epoch == d->me.epoch &&
           d->me.roster_sealed.n > 0 && g->roster_told >= d->me.roster_at;
}

static void plan_epoch(const struct sources *s, const struct day_guardian *g,
                       struct check_work *w)
{
    w->behind = g->epoch != s->day->me.epoch;
    memcpy(w->newest, s->day->me.manifest_hash, HASH_BYTES);
    const struct check_seat *k =
        s->kept != NULL ? check_file_seat(s->kept, g->seat) : NULL;
    if (k == NULL || k->epoch != g->epoch)
        return;
    const struct bytes parts[] = { k->box_piece, k->box_roster, k->manifest, k->roster,
                                   k->descriptor };
    w->kept = true;
    w->epoch = k->epoch;
    check_digest(w->all->nonce, parts, sizeof parts / sizeof parts[0], w->want_epoch);
    w->has_list = keeps_list(s->day, g);
    check_digest(w->all->nonce, &s->day->me.roster_sealed, 1, w->want_list);
}

static bool has_node(const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->n_node == 1 && g->progress == GUARDIAN_READY;
}

static enum err add_place(struct sources *s, struct day_guardian *g, struct checks *c)
{
    struct check_place *p = &c->places[c->n];
    struct check_work *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ERR_NOMEM;
    p->work = w;
    p->call = &c->calls[c->n];
    w->all = c;
    w->place = p;
    memcpy(p->seat, g->seat, SEAT_BYTES);
    memcpy(p->ward, g->ward, ID_BYTES);
    guardian_call_device(p->call, g, &c->keys[c->n]);
    /* The day may be gone when the round begins. */
    memcpy(c->nodes[c->n], g->node[0].node_key, PUB_BYTES);
    p->call->node_key = c->nodes[c->n];
    p->call->step = check_step;
    p->call->ctx = w;
    c->n++;
    plan_epoch(s, g, w);
    return plan_vault(s, g, w);
}

void checks_free(struct checks *c)
{
    for (size_t i = 0; c != NULL && i < c->n; i++) {
        free(c->places[i].work->ids);
        free(c->places[i].work->batches);
        free(c->places[i].work);
    }
    if (c == NULL)
        return;
    free(c->places);
    free(c->calls);
    free(c->nodes);
    secret_free(c->keys);
    free(c);
}

static size_t in_plan(const struct day *d)
{
    size_t n = circle_pieces(&d->me);
    return n < d->n_guardians ? n : d->n_guardians;
}

static enum err checks_make(size_t n, const struct params *p, struct checks **out)
{
    AUTO_CHECKS struct checks *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ERR_NOMEM;
    c->places = calloc(n + 1, sizeof *c->places);
    c->calls = calloc(n + 1, sizeof *c->calls);
    c->nodes = calloc(n + 1, sizeof *c->nodes);
    if (c->places == NULL || c->calls == NULL || c->nodes == NULL)
        return ERR_NOMEM;
    TRY(secret_alloc((n + 1) * sizeof *c->keys, (void **)&c->keys));
    rng_fill(p->rng, c->nonce, sizeof c->nonce);
    *out = c;
    c = NULL; /* the caller's now */
    return OK;
}

enum err checks_new(struct home *h, struct day *d, const struct params *p,
                    struct checks **out)
{
    AUTO_CHECKS struct checks *c = NULL;
    __attribute__((
        cleanup(sources_done))) struct sources s = { .home = h, .day = d, .params = p };
    size_t n = in_plan(d);
    TRY(checks_make(n, p, &c));
    TRY(sources_read(&s));
    for (size_t i = 0; i < n; i++) {
        if (has_node(&d->guardians[i]))
            TRY(add_place(&s, &d->guardians[i], c));
    }
    *out = c;
    c = NULL; /* the caller's now */
    return OK;
}

/* ---- the round ---- */

enum err checks_go(struct checks *c, const struct params *p)
{
    return c->n > 0 ? call_round(c->calls, c->n, p->round_ms, p->rng) : OK;
}

/* ---- what came of it ---- */

static void say_away(const struct day_guardian *g, struct check_place *p)
{
    char who[NAME_MAX_BYTES + 16];
    check_who(g, who);
    p->state = CHECK_AWAY;
    call_sentence(p->call, who, p->why, sizeof p->why);
}

/* A head that is newer than what is known excuses what is missing, if it is ours. */
static void judge_head(const struct day *d, const struct day_guardian *g,
                       struct check_work *w)
{
    if (w->version == 0 || w->shown <= w->version)
        return;
    switch (
        check_head_judge(d, g, w->shown, bytes_of(w->strange, w->strange_n), w->known)) {
    case HEAD_STRANGE:
        check_caught(w, CHECK_BACK);
        break;
    case HEAD_SAME:
        if (w->missing)
            check_caught(w, CHECK_LOST);
        break;
    case HEAD_NEWER:
        break;
    }
}

static void judge_place(const struct day *d, const struct day_guardian *g,
                        struct check_place *p)
{
    char who[NAME_MAX_BYTES + 16];
    check_who(g, who);
    if (p->fault != CHECK_FINE) {
        p->state = CHECK_CAUGHT;
        (void)snprintf(p->why, sizeof p->why, "%s %s.", who, check_fault_text(p->fault));
    } else if (g->epoch != d->me.epoch) {
        p->state = CHECK_BEHIND;
        (void)snprintf(p->why, sizeof p->why, "%s %s", who,
                       p->work->shows
                           ? "shows the new piece, and never acknowledged it to this "
                             "home. Whether it is right, this says: kith circle seal "
                             "--resume"
                           : "has no piece of this circle yet.");
    } else if (!p->work->kept) {
        p->state = CHECK_UNKNOWN;
        (void)snprintf(p->why, sizeof p->why,
                       "%s answered, but this machine has nothing to compare it with.",
                       who);
    } else {
        p->state = CHECK_AGREES;
    }
}

static void note_place(struct day *d, struct check_place *p, uint64_t now)
{
    struct day_guardian *g = check_guardian(d, p->seat);
    if (g == NULL || !bytes_equal(BYTES_OF(g->ward), BYTES_OF(p->ward)))
        return; /* taken out of the circle meanwhile */
    guardian_seen(g, p->call, now);
    if (p->work->heard)
        check_new_keys(g, p->work->reset);
    if (p->call->err != OK) {
        say_away(g, p);
        return;
    }
    if (p->work->list_gone)
        g->roster_told = 0; /* status says how it gets it again */
    judge_head(d, g, p->work);
    judge_place(d, g, p);
    struct day_proof *proof = day_proof(g);
    if (p->state == CHECK_CAUGHT) {
        proof->faulted = proof->fault == p->fault ? proof->faulted : now;
        proof->fault = (uint8_t)p->fault;
        return;
    }
    memcpy(proof->pass, p->work->pass, KEY_BYTES);
    proof->at = p->work->at;
    if (p->state != CHECK_AGREES)
        return;
    proof->checked = now;
    proof->checked_epoch = p->work->epoch;
    /* What was wrong with the vault is right again only once objects were compared. */
    if (!check_fault_of_piece(proof->fault) && p->objects == 0)
        return;
    proof->fault = CHECK_FINE;
    proof->fault_told = CHECK_FINE;
    proof->faulted = 0;
}

static bool lost_vault(const struct check_place *p)
{
    return p->state == CHECK_CAUGHT && !check_fault_of_piece(p->fault);
}

/* The next push asks such a node what it has, and gives it the rest. */
static enum err note_held(const struct checks *c, struct home *h, const struct params *p)
{
    AUTO_HELD struct vault_held *held = NULL;
    bool changed = false;
    if (!home_has(h, HOME_HELD) || vault_held_load(h, &held) != OK)
        return OK;
    for (size_t i = 0; i < c->n; i++) {
        struct held_seat *s = vault_held_seat(held, c->places[i].seat, false);
        if (s == NULL || !lost_vault(&c->places[i]))
            continue;
        s->saved = 0;
        s->list = 0;
        s->doubt = 1;
        changed = true;
    }
    return changed ? vault_held_save(h, held, p->rng) : OK;
}

enum err checks_note(struct checks *c, struct home *h, struct day *d,
                     const struct params *p)
{
    uint32_t jitter = 0;
    uint64_t now = p->now();
    for (size_t i = 0; i < c->n; i++)
        note_place(d, &c->places[i], now);
    rng_fill(p->rng, &jitter, sizeof jitter);
    d->me.check_next = now + CHECK_EVERY_S - CHECK_JITTER_S / 2 + jitter % CHECK_JITTER_S;
    return note_held(c, h, p);
}
