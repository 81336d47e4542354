/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_move.h"

#include "client/ceremony_move_part.h"
#include "client/circle_back.h"
#include "proto/words.h"

struct day_guardian *move_guardian(struct day *d, const struct move_seat *s)
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), BYTES_OF(s->seat)))
            return &d->guardians[i];
    return NULL;
}

/* ---- by whose word ---- */

/* The descriptor of e, as far as a client knows it; caller frees. */
static enum err judge_of(const struct moving *m, struct descriptor **out)
{
    AUTO_FREE struct manifest *mf = calloc(1, sizeof *mf);
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    uint8_t hash[HASH_BYTES];

    if (mf == NULL || d == NULL)
        return ERR_NOMEM;
    TRY(manifest_open(m->head.by, mf));
    TRY(manifest_hash(m->head.by, hash));
    descriptor_of(mf, hash, d);
    *out = d;
    d = NULL; /* the caller's now */
    return OK;
}

/* The key the statements name, and the owner that comes. */
static enum err public_keys(const struct moving *m, uint8_t out_requester[PUB_BYTES],
                            uint8_t out_owner[PUB_BYTES])
{
    AUTO_SECRET struct sign_seed *seed = NULL;
    AUTO_SECRET struct root_key *root = NULL;

    TRY(secret_new(&seed));
    TRY(secret_new(&root));
    memcpy(seed->b, m->head.requester, KEY_BYTES);
    crypt_sign_public(seed, out_requester);
    memcpy(root->b, m->head.new_root, KEY_BYTES);
    TRY(ident_owner(root, seed));
    crypt_sign_public(seed, out_owner);
    return OK;
}

static enum err is_enough(const struct moving *m, struct bytes people, bool *out)
{
    AUTO_FREE struct descriptor *d = NULL;
    struct cert_rule rule = { .purpose = PURPOSE_MOVE, .by_manifest = true };
    struct cert_verdict v = { 0 };

    TRY(judge_of(m, &d));
    TRY(public_keys(m, rule.req_sign, rule.subject));
    TRY(cert_people(d, &rule, people, &v));
    *out = v.enough;
    return OK;
}

/* What the guardians signed in this ceremony. */
static enum err people_asked(struct moving *m, struct buf *out)
{
    AUTO_FREE struct cert *c = calloc(1, sizeof *c);

    if (c == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n; i++)
        if (m->seats[i].statement.n > 0)
            c->lines[c->n_lines++].statement = m->seats[i].statement;
    cert_put(c, out);
    return out->over ? ERR_TOO_BIG : OK;
}

/* The receipt of the epoch that judges, if that node let its piece go. */
static struct bytes receipt_of(const struct restore_entry *e,
                               const uint8_t hash[HASH_BYTES])
{
    for (uint32_t i = 0; i < e->n_pieces; i++)
        if (bytes_equal(BYTES_OF(e->pieces[i].manifest_hash), bytes_of(hash, HASH_BYTES)))
            return e->pieces[i].receipt;
    return (struct bytes){ 0 };
}

/* What they signed in a restore, each beside what their node signed. */
static enum err people_restored(const struct moving *m, const struct restore *r,
                                struct buf *out)
{
    AUTO_FREE struct cert *c = calloc(1, sizeof *c);
    uint8_t hash[HASH_BYTES];

    if (c == NULL)
        return ERR_NOMEM;
    TRY(manifest_hash(m->head.by, hash));
    for (size_t i = 0; i < r->n && c->n_lines < PIECES_MAX; i++) {
        struct bytes receipt = receipt_of(&r->entries[i], hash);

        if (r->entries[i].statement.n == 0 || receipt.n == 0)
            continue;
        c->lines[c->n_lines].statement = r->entries[i].statement;
        c->lines[c->n_lines++].receipt = receipt;
    }
    cert_put(c, out);
    return out->over ? ERR_TOO_BIG : OK;
}

enum err move_enough(const struct moving *m_, bool *out_enough)
{
    struct moving *m = (struct moving *)(uintptr_t)m_;
    AUTO_FREE uint8_t *raw = calloc(1, CERT_PEOPLE_MAX);
    struct buf b = { .p = raw, .cap = CERT_PEOPLE_MAX };

    if (raw == NULL)
        return ERR_NOMEM;
    TRY(people_asked(m, &b));
    return is_enough(m, buf_bytes(&b), out_enough);
}

/* ---- beginning ---- */

/*
 * The manifest nodes judge by: that of the newest epoch people confirmed, which is the
 * first one, or one whose certificate this home has.
 */
static struct bytes confirmed_manifest(const struct day *d)
{
    if (d->me.cert_epoch == 0 || d->me.cert_epoch >= d->me.epoch)
        return d->me.cert_epoch == 0 && d->n_past > 0 ? d->past[0].manifest
                                                      : d->me.manifest;
    for (size_t i = 0; i < d->n_past; i++)
        if (d->past[i].epoch == d->me.cert_epoch)
            return d->past[i].manifest;
    return d->me.manifest;
}

static enum err take_judge(struct moving *m, const struct day *d)
{
    AUTO_FREE struct manifest *mf = calloc(1, sizeof *mf);

    if (mf == NULL)
        return ERR_NOMEM;
    TRY(move_keep(m, confirmed_manifest(d), &m->head.by));
    TRY(manifest_open(m->head.by, mf));
    m->head.epoch = mf->epoch;
    return OK;
}

static enum err draw_root(struct moving *m, const struct params *p)
{
    uint8_t requester[PUB_BYTES];
    uint8_t owner[PUB_BYTES];
    uint16_t words[WORDS_CALL];
    char text[WORDS_TEXT];

    rng_fill(p->rng, m->head.new_root, KEY_BYTES);
    TRY(public_keys(m, requester, owner));
    TRY(words_fingerprint(owner, p->cost, words));
    words_format(words, WORDS_CALL, text, sizeof text);
    return move_keep(m, bytes_text(text), &m->head.words);
}

static void take_seats(struct moving *m, const struct move_work *w)
{
    for (size_t i = 0; i < w->day->n_guardians; i++) {
        const struct day_guardian *g = &w->day->guardians[i];
        struct move_seat *s = &m->seats[m->n];

        if (g->kind == PIECE_CARD || g->progress == GUARDIAN_NEW)
            continue;
        memcpy(s->seat, g->seat, SEAT_BYTES);
        rng_fill(w->params->rng, s->op_move, ID_BYTES);
        move_draw(s, w->params->rng);
        m->n++;
    }
}

/* The new owner's own key is who asks, so that each statement names what it is for. */
static enum err requester_is_owner(struct moving *m)
{
    AUTO_SECRET struct sign_seed *seed = NULL;
    AUTO_SECRET struct root_key *root = NULL;

    TRY(secret_new(&seed));
    TRY(secret_new(&root));
    memcpy(root->b, m->head.new_root, KEY_BYTES);
    TRY(ident_owner(root, seed));
    memcpy(m->head.requester, seed->b, KEY_BYTES);
    return OK;
}

/* Signs the MOVE, whose proof is there. */
static enum err make_move(struct moving *m, const struct day *d, uint64_t now)
{
    AUTO_SECRET struct sign_seed *seed = NULL;
    struct move move = { .epoch = m->head.epoch, .time = now };
    uint8_t raw[MOVE_MAX];
    struct buf b = BUF_OF(raw);

    TRY(secret_new(&seed));
    memcpy(seed->b, m->head.requester, KEY_BYTES);
    memcpy(move.circle, d->me.circle, ID_BYTES);
    TRY(manifest_hash(m->head.by, move.manifest_hash));
    memcpy(move.old_owner, d->me.owner, PUB_BYTES);
    TRY(public_keys(m, move.req_sign, move.new_owner));
    move_make(&move, seed, &b);
    TRY(b.over ? ERR_TOO_BIG : OK);
    TRY(move_keep(m, buf_bytes(&b), &m->head.move));
    m->head.phase = MOVE_SEND;
    return OK;
}

static enum err begin_restored(struct moving *m, const struct move_work *w,
                               const struct restore *r)
{
    AUTO_FREE uint8_t *raw = calloc(1, CERT_PEOPLE_MAX);
    struct buf b = { .p = raw, .cap = CERT_PEOPLE_MAX };
    bool enough = false;

    if (raw == NULL)
        return ERR_NOMEM;
    m->head.restored = 1;
    memcpy(m->head.requester, r->head.req_sign, KEY_BYTES);
    TRY(people_restored(m, r, &b));
    TRY(is_enough(m, buf_bytes(&b), &enough));
    if (!enough)
        return ERR_CERT;
    TRY(move_keep(m, buf_bytes(&b), &m->head.people));
    return make_move(m, w->day, w->params->now());
}

enum err move_begin(const struct move_work *w, const struct root_key *old,
                    const struct restore *restore, struct moving **out)
{
    AUTO_MOVE struct moving *m = calloc(1, sizeof *m);

    if (m == NULL)
        return ERR_NOMEM;
    if (w->day->me.epoch == 0)
        return ERR_STATE;
    m->head.phase = MOVE_ASK;
    m->head.made = w->params->now();
    m->head.aside = home_aside_free(w->home, m->head.made);
    memcpy(m->head.old_root, old->b, KEY_BYTES);
    TRY(draw_root(m, w->params));
    TRY(take_judge(m, w->day));
    take_seats(m, w);
    TRY(restore != NULL ? begin_restored(m, w, restore) : requester_is_owner(m));
    *out = m;
    m = NULL; /* the caller's now */
    return OK;
}

/* ---- going on ---- */

static enum err ask_phase(struct moving *m, const struct move_work *w)
{
    AUTO_FREE uint8_t *raw = calloc(1, CERT_PEOPLE_MAX);
    struct buf b = { .p = raw, .cap = CERT_PEOPLE_MAX };
    bool enough = false;

    if (raw == NULL)
        return ERR_NOMEM;
    TRY(move_ask(m, w));
    TRY(people_asked(m, &b));
    TRY(is_enough(m, buf_bytes(&b), &enough));
    if (!enough)
        return OK;
    TRY(move_keep(m, buf_bytes(&b), &m->head.people));
    TRY(make_move(m, w->day, w->params->now()));
    return move_save(m, w);
}

/* Whether the nodes that let the new root in could open a circle by themselves. */
static bool let_in(const struct moving *m, const struct day *d)
{
    struct circle_count c = { { 0 } };
    bool all = m->n > 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct day_guardian *g =
            move_guardian((struct day *)(uintptr_t)d, &m->seats[i]);

        if (m->seats[i].told != TOLD_DONE || g == NULL)
            all = false;
        else if (g->epoch != 0) /* others stand in no group */
            c.of[g->group]++;
    }
    return all || circle_enough(&d->me, &c);
}

static enum err send_phase(struct moving *m, const struct move_work *w)
{
    TRY(move_send(m, w));
    if (!let_in(m, w->day))
        return OK;
    m->head.phase = MOVE_TAKE;
    return move_save(m, w);
}

static enum err take_phase(struct moving *m, const struct move_work *w)
{
    TRY(move_take(m, w));
    m->head.phase = MOVE_LATE;
    return move_save(m, w);
}

/* The circle's newest epoch is the new root's, and nobody is left to be told. */
static bool is_over(const struct moving *m, const struct day *d)
{
    AUTO_FREE struct manifest *mf = calloc(1, sizeof *mf);

    if (mf == NULL || manifest_open(d->me.manifest, mf) != OK ||
        !bytes_equal(BYTES_OF(mf->owner), BYTES_OF(d->me.owner)))
        return false;
    for (size_t i = 0; i < m->n; i++)
        if (m->seats[i].told != TOLD_DONE &&
            move_guardian((struct day *)(uintptr_t)d, &m->seats[i]) != NULL)
            return false;
    return true;
}

static enum err late_phase(struct moving *m, const struct move_work *w)
{
    AUTO_SECRET struct root_key *root = NULL;
    size_t left = 0;

    TRY(secret_new(&root));
    memcpy(root->b, m->head.new_root, KEY_BYTES);
    TRY(move_send(m, w));
    TRY(circle_greet(w->day, root, w->params, &left));
    return home_day_save(w->home, w->day, w->params->rng);
}

enum err move_close(const struct moving *m, const struct move_work *w)
{
    if (m->head.phase != MOVE_LATE || !is_over(m, w->day))
        return OK;
    return home_drop(w->home, HOME_MOVE);
}

enum err move_run(struct moving *m, const struct move_work *w)
{
    if (!home_has(w->home, HOME_MOVE))
        TRY(move_save(m, w));
    if (m->head.phase == MOVE_ASK)
        TRY(ask_phase(m, w));
    if (m->head.phase == MOVE_SEND)
        TRY(send_phase(m, w));
    if (m->head.phase == MOVE_TAKE)
        TRY(take_phase(m, w));
    return m->head.phase == MOVE_LATE ? late_phase(m, w) : OK;
}
