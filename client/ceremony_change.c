/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_change.h"

#include "client/ceremony_change_part.h"

/* ---- who says so: the newest epoch that people confirmed ---- */

static const struct day_past *judge_of(const struct day *d)
{
    for (size_t i = d->n_past; i-- > 0;)
        if (d->past[i].certified != 0)
            return &d->past[i];
    return d->n_past > 0 ? &d->past[0] : NULL;
}

/* The plan of an epoch, for counting. */
static void plan_of(const struct manifest *m, struct day_me *out)
{
    *out =
        (struct day_me){ .group_threshold = m->group_threshold, .n_groups = m->n_groups };
    memcpy(out->groups, m->groups, sizeof out->groups);
}

static const struct day_guardian *by_approval(const struct day_guardian *all, size_t n,
                                              const uint8_t approval[PUB_BYTES])
{
    for (size_t i = 0; i < n; i++)
        if (all[i].kind == PIECE_NODE &&
            bytes_equal(BYTES_OF(all[i].approval), bytes_of(approval, PUB_BYTES)))
            return &all[i];
    return NULL;
}

/* Who keeps that piece of a past epoch, wherever they stand today. */
static const struct day_guardian *keeper(const struct day *d,
                                         const struct manifest_piece *p)
{
    const struct day_guardian *g = by_approval(d->guardians, d->n_guardians, p->approval);
    return g != NULL ? g : by_approval(d->formers, d->n_formers, p->approval);
}

static bool in_circle(const struct day *d, const struct day_guardian *g)
{
    return g >= d->guardians && g < d->guardians + circle_pieces(&d->me);
}

bool change_has_said(const struct day *d, const struct day_guardian *g)
{
    return g->said_epoch == d->me.epoch && g->said.n > 0;
}

/* ---- the certificate ---- */

/* As long as there is room for it. */
static void add_line(const struct day *d, const struct day_guardian *g, size_t *io_room,
                     struct cert *c)
{
    if (!change_has_said(d, g) || g->said.n + 16 > *io_room || c->n_lines == PIECES_MAX)
        return;
    *io_room -= g->said.n + 16;
    c->lines[c->n_lines++] = (struct cert_line){ .statement = g->said };
}

/* Whose word counts. */
static void add_lines(const struct day *d, const struct manifest *m, struct cert *c)
{
    size_t room = CERT_PEOPLE_MAX - 64;
    for (uint32_t i = 0; i < m->n_pieces; i++) {
        const struct manifest_piece *p = &m->pieces[i];
        const struct day_guardian *g = p->kind == PIECE_NODE ? keeper(d, p) : NULL;
        if (g != NULL)
            add_line(d, g, &room, c);
    }
}

enum err change_words(const struct day *d, struct buf *out)
{
    AUTO_FREE struct cert *c = calloc(1, sizeof *c);
    size_t room = CERT_PEOPLE_MAX - 64;
    if (c == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < d->n_guardians; i++)
        add_line(d, &d->guardians[i], &room, c);
    for (size_t i = 0; i < d->n_formers; i++)
        add_line(d, &d->formers[i], &room, c);
    cert_put(c, out);
    return out->over ? ERR_TOO_BIG : OK;
}

/* What judging needs; on the heap. */
struct judging {
    struct manifest m;
    struct descriptor d;
    struct cert c;
    uint8_t hash[HASH_BYTES];
};

static enum err judging_new(const struct day *d, struct judging **out)
{
    const struct day_past *past = judge_of(d);
    if (past == NULL)
        return ERR_UNKNOWN;
    AUTO_FREE struct judging *j = calloc(1, sizeof *j);
    if (j == NULL)
        return ERR_NOMEM;
    TRY(manifest_open(past->manifest, &j->m));
    TRY(manifest_hash(past->manifest, j->hash));
    descriptor_of(&j->m, j->hash, &j->d);
    add_lines(d, &j->m, &j->c);
    *out = j;
    j = NULL; /* the caller's now */
    return OK;
}

static enum err judge(const struct day *d, const struct judging *j, struct bytes raw,
                      struct cert_verdict *out)
{
    struct cert_rule rule = { .purpose = PURPOSE_EPOCH,
                              .epoch = d->me.epoch,
                              .by_manifest = true };
    memcpy(rule.subject, d->me.manifest_hash, HASH_BYTES);
    return cert_people(&j->d, &rule, raw, out);
}

enum err change_people(const struct day *d, struct buf *out, struct cert_verdict *v)
{
    AUTO_FREE struct judging *j = NULL;
    TRY(judging_new(d, &j));
    cert_put(&j->c, out);
    TRY(out->over ? ERR_TOO_BIG : OK);
    return judge(d, j, buf_bytes(out), v);
}

enum err change_said(struct day *d, struct day_guardian *g, struct bytes statement,
                     uint64_t now)
{
    struct cert_verdict v = { 0 };
    AUTO_FREE uint8_t *raw = calloc(1, CERT_PEOPLE_MAX);
    if (raw == NULL)
        return ERR_NOMEM;
    g->said_epoch = d->me.epoch;
    g->said = day_keep(d, statement);
    g->said_at = now;
    struct buf b = { .p = raw, .cap = CERT_PEOPLE_MAX };
    enum err e = change_people(d, &b, &v);
    if (e == ERR_UNKNOWN)
        return OK; /* there is nothing before it */
    TRY(e);
    if (!v.enough || d->me.cert_epoch == d->me.epoch)
        return OK;
    d->me.cert_epoch = d->me.epoch;
    d->me.cert = day_keep(d, buf_bytes(&b));
    memcpy(d->me.cert_hash, d->me.manifest_hash, HASH_BYTES);
    return OK;
}

bool change_about(const struct day *d, const struct day_guardian *g,
                  struct confirm_about *out)
{
    struct confirm_about about = { .purpose = PURPOSE_ENROL };
    if (g->kind == PIECE_CARD || g->progress == GUARDIAN_NEW)
        return false;
    if (d->me.epoch > 1 && g->epoch == d->me.epoch) {
        about.purpose = PURPOSE_EPOCH;
        memcpy(about.subject, d->me.manifest_hash, HASH_BYTES);
        *out = about;
        return g->confirmed == 0 || !change_has_said(d, g);
    }
    *out = about;
    return g->confirmed == 0;
}

/* ---- what is left of a past epoch ---- */

static bool let_go(const struct day_guardian *g, uint32_t epoch)
{
    return g != NULL && g->retired > epoch;
}

/*
 * Whether a card's keeper tore up paper of that epoch; last: of the newest epoch of which
 * they had older paper. Who came after it was sealed has none of it.
 */
static bool tore_up(const struct day_guardian *g, uint32_t last,
                    const struct day_past *past)
{
    return g->kind == PIECE_CARD && g->torn > past->epoch &&
           (last == past->epoch || (last > past->epoch && g->added <= past->sealed_at));
}

/*
 * A person says that its papers are gone. Which paper was whose is not known any more: so
 * all of them count until as many keepers as it had said so.
 */
static bool is_torn(const struct day *d, const struct day_past *past,
                    const struct manifest *m)
{
    size_t cards = 0;
    size_t torn = 0;
    for (uint32_t i = 0; i < m->n_pieces; i++)
        cards += m->pieces[i].kind == PIECE_CARD;
    for (size_t i = 0; i < d->n_guardians; i++)
        torn += tore_up(&d->guardians[i], d->guardians[i].before, past);
    for (size_t i = 0; i < d->n_formers; i++)
        torn += tore_up(&d->formers[i], d->formers[i].epoch, past);
    return torn >= cards;
}

/* Whether so little is left of it that it opens nothing, even if a node goes back. */
static bool is_dead(const struct day *d, const struct day_past *past, struct manifest *m)
{
    struct circle_count left = { { 0 } };
    unsigned gone[GROUPS_MAX] = { 0 };
    struct day_me plan;
    if (manifest_open(past->manifest, m) != OK)
        return false;
    plan_of(m, &plan);
    bool torn = is_torn(d, past, m);
    for (uint32_t i = 0; i < m->n_pieces; i++) {
        const struct manifest_piece *p = &m->pieces[i];
        bool card = p->kind == PIECE_CARD;
        bool here = card ? !torn : !let_go(keeper(d, p), past->epoch);
        left.of[p->group] += here;
        gone[p->group] += !here && !card; /* torn paper does not go back */
    }
    bool dead = !circle_enough(&plan, &left);
    for (uint32_t g = 0; g < m->n_groups; g++) {
        struct circle_count back = left;
        back.of[g] += gone[g] > 0;
        dead = dead && !circle_enough(&plan, &back);
    }
    return dead;
}

bool change_settle(struct day *d)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    size_t n = 0;
    if (m == NULL)
        return false;
    for (size_t i = 0; i < d->n_past; i++)
        if (!is_dead(d, &d->past[i], m))
            d->past[n++] = d->past[i];
    bool some = n < d->n_past;
    d->n_past = n;
    return some;
}

void change_seen(const struct day *d, struct day_guardian *g,
                 const struct rep_epoch_state *rep)
{
    uint32_t newest = 0;
    bool older = false;
    if (g->ended != 0 && rep->n_epochs == 0)
        return; /* as it signed */
    for (uint32_t i = 0; i < rep->n_epochs; i++) {
        const struct epoch_line *line = &rep->epochs[i];
        bool held = line->state == EPOCH_ACTIVE || line->state == EPOCH_SUPERSEDED;
        if (held && line->epoch > newest)
            newest = line->epoch;
    }
    for (uint32_t i = 0; i < rep->n_epochs; i++)
        older = older || rep->epochs[i].epoch < newest;
    g->retire_due = rep->retire_due;
    if (newest == 0 && rep->n_epochs == 0 && rep->retired >= g->epoch)
        g->retired = rep->retired + 1;
    else if (older || newest == 0)
        g->retired = 0;
    else if (newest <= d->me.epoch)
        g->retired = newest;
}

size_t change_cards(const struct day *d, struct bytes *out, size_t n, bool *out_dead)
{
    size_t found = 0;
    for (size_t i = 0; i < d->n_guardians && found < n; i++)
        if (d->guardians[i].kind == PIECE_CARD && d->guardians[i].before != 0 &&
            d->guardians[i].torn < d->me.epoch)
            out[found++] = d->guardians[i].name;
    for (size_t i = 0; i < d->n_formers && found < n; i++)
        if (d->formers[i].kind == PIECE_CARD && d->formers[i].epoch != 0 &&
            d->formers[i].torn <= d->formers[i].epoch)
            out[found++] = d->formers[i].name;
    *out_dead = d->n_past == 0;
    return found;
}

enum err change_torn(struct day *d, struct bytes name)
{
    struct day_guardian *g = NULL;
    for (size_t i = 0; i < d->n_guardians; i++)
        if (d->guardians[i].kind == PIECE_CARD && bytes_equal(d->guardians[i].name, name))
            g = &d->guardians[i];
    if (g != NULL && (d->me.epoch == 0 || g->epoch != d->me.epoch))
        return ERR_STATE;
    for (size_t i = 0; g == NULL && i < d->n_formers; i++)
        if (d->formers[i].kind == PIECE_CARD && bytes_equal(d->formers[i].name, name))
            g = &d->formers[i];
    if (g == NULL)
        return ERR_UNKNOWN;
    g->torn = d->me.epoch;
    return OK;
}

/* ---- where it stands ---- */

static void look_people(const struct day *d, struct change_stand *s)
{
    AUTO_FREE struct judging *j = NULL;
    struct circle_count said = { { 0 } };
    struct circle_count could = { { 0 } };
    struct day_me plan;
    if (judging_new(d, &j) != OK)
        return;
    s->judge = j->m.epoch;
    plan_of(&j->m, &plan);
    for (uint32_t i = 0; i < j->m.n_pieces; i++) {
        const struct manifest_piece *p = &j->m.pieces[i];
        const struct day_guardian *g = p->kind == PIECE_NODE ? keeper(d, p) : NULL;
        if (g == NULL || !in_circle(d, g))
            continue;
        could.of[p->group]++;
        said.of[p->group] += change_has_said(d, g);
        s->said += change_has_said(d, g);
    }
    s->possible = circle_enough(&plan, &could);
    s->certified = d->me.cert_epoch == d->me.epoch;
    s->missing = s->certified ? 0 : circle_missing(&plan, &said);
}

static void look_node(const struct day_guardian *g, uint32_t epoch,
                      struct change_stand *s)
{
    bool told = g->retire_due != 0;
    bool done = g->retired >= epoch;
    if (g->kind == PIECE_CARD || g->epoch == 0)
        return;
    s->retired += done;
    s->waiting += !done && told;
    s->untold += !done && !told;
    if (!done && g->retire_due > s->due)
        s->due = g->retire_due;
}

static void look_nodes(const struct day *d, struct change_stand *s)
{
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        struct confirm_about about;
        s->call[i] = g->epoch == d->me.epoch && change_about(d, g, &about);
        s->behind[i] = g->epoch != d->me.epoch;
        look_node(g, d->me.epoch, s);
    }
    for (size_t i = 0; i < d->n_formers; i++)
        look_node(&d->formers[i], d->formers[i].epoch + 1, s);
}

static bool all_dead(const struct day *d)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    bool dead = m != NULL;
    for (size_t i = 0; dead && i < d->n_past; i++)
        dead = is_dead(d, &d->past[i], m);
    return dead;
}

/* Of a circle whose pieces may still be at more than one place. */
static enum change_step step_of(const struct day *d, const struct change_stand *s)
{
    bool ours = false; /* a node of the circle was not told yet */
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        ours = ours || (g->kind == PIECE_NODE && g->epoch == d->me.epoch &&
                        g->retired < d->me.epoch && g->retire_due == 0);
    }
    if (!s->certified)
        return CHANGE_CALLS;
    if (ours)
        return CHANGE_NODES;
    return s->waiting > 0 ? CHANGE_WAITS : CHANGE_LEFT;
}

void change_look(const struct day *d, struct home *h, struct change_stand *out)
{
    struct change_stand s = { .epoch = d->me.epoch };
    enum seal_phase phase = SEAL_NEXT;
    bool journal = h != NULL && seal_peek(h, &phase) == OK;
    look_nodes(d, &s);
    look_people(d, &s);
    s.dead = all_dead(d);
    if (journal && phase < SEAL_COMMIT)
        s.step = CHANGE_SEALING;
    else if (journal && seal_busy(h, d))
        s.step = CHANGE_STORING;
    else if (d->n_past > 0 && !s.dead)
        s.step = step_of(d, &s);
    if (s.step == CHANGE_SEALING)
        s.epoch++;
    else if (s.step != CHANGE_STORING && d->me.n_next > 0 && d->me.epoch > 0)
        s.step = CHANGE_PLANNED;
    *out = s;
}

const struct day_guardian *change_call(const struct day *d, const struct change_stand *s)
{
    const struct day_guardian *first = NULL;

    for (size_t i = 0; i < d->n_guardians; i++) {
        if (!s->call[i])
            continue;
        if (d->guardians[i].confirmed != 0)
            return &d->guardians[i];
        first = first == NULL ? &d->guardians[i] : first;
    }
    return first;
}

void change_next(const struct day *d, const struct change_stand *s, char out[TERM_TEXT])
{
    const struct day_guardian *g = change_call(d, s);

    out[0] = 0;
    switch (s->step) {
    case CHANGE_PLANNED:
        (void)snprintf(out, TERM_TEXT, "kith circle seal");
        break;
    case CHANGE_SEALING:
    case CHANGE_STORING:
    case CHANGE_NODES:
        (void)snprintf(out, TERM_TEXT, "kith circle seal --resume");
        break;
    case CHANGE_CALLS:
        if (g != NULL)
            guardian_next("confirm", g->name, "", out);
        break;
    case CHANGE_NONE:
    case CHANGE_WAITS:
    case CHANGE_LEFT:
        break;
    }
}
