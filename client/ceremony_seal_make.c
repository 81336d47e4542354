/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_roster.h"
#include "client/ceremony_seal_part.h"
#include "proto/slip39.h"

/* ---- making the epoch ---- */

/* Everything secret of the making; secret memory. */
struct making {
    struct escrow_key escrow;
    struct sign_seed owner;
    struct box_content content;
    struct slip39_share shares[PIECES_MAX];
};

static enum err split(const struct seal *s, const struct params *p, struct making *m)
{
    AUTO_SECRET uint8_t *draw = NULL;
    struct slip39_plan plan = { .ext = 1,
                                .group_threshold = s->head.group_threshold,
                                .group_count = (uint8_t)s->head.n_groups };
    for (uint32_t g = 0; g < s->head.n_groups; g++) {
        plan.groups[g].t = s->head.groups[g].t;
        plan.groups[g].n = s->head.groups[g].n;
    }
    TRY(slip39_plan_check(&plan));
    MUST(slip39_plan_shares(&plan) == s->n && s->n <= PIECES_MAX);
    size_t n = slip39_draw_size(&plan, KEY_BYTES);
    TRY(secret_alloc(n, (void **)&draw));
    rng_fill(p->rng, draw, n);
    rng_fill(p->rng, m->escrow.b, KEY_BYTES);
    return slip39_split(BYTES_OF(m->escrow.b), (struct bytes){ 0 }, &plan,
                        bytes_of(draw, n), m->shares);
}

/* The i-th piece into place (PIECE_BYTES, secret memory). */
static void piece_of(const struct making *m, size_t i, uint8_t *out_piece)
{
    struct buf b = { .p = out_piece, .cap = PIECE_BYTES };
    slip39_piece_encode(&m->shares[i], &b);
    MUST(!b.over && b.n == PIECE_BYTES);
}

static enum err make_manifest(struct seal *s, const struct seal_work *w, struct making *m)
{
    AUTO_FREE struct manifest *mf = calloc(1, sizeof *mf);
    AUTO_FREE uint8_t *raw = calloc(1, MANIFEST_MAX);
    if (mf == NULL || raw == NULL)
        return ERR_NOMEM;
    *mf = (struct manifest){ .version = 1,
                             .epoch = s->head.epoch,
                             .group_threshold = s->head.group_threshold,
                             .n_groups = s->head.n_groups,
                             .n_pieces = (uint32_t)s->n,
                             .hold = s->head.hold,
                             .stop_hold = s->head.stop_hold,
                             .made = s->head.made };
    memcpy(mf->circle, w->day->me.circle, ID_BYTES);
    memcpy(mf->previous, s->head.previous, HASH_BYTES);
    memcpy(mf->move, s->head.move, HASH_BYTES);
    memcpy(mf->groups, s->head.groups, sizeof mf->groups);
    for (size_t i = 0; i < s->n; i++) {
        struct manifest_piece *piece = &mf->pieces[i];
        *piece = (struct manifest_piece){ .group = s->seats[i].group,
                                          .index = s->seats[i].index,
                                          .kind = s->seats[i].kind };
        if (!seal_is_card(&s->seats[i]))
            memcpy(piece->approval, seal_guardian(w->day, &s->seats[i])->approval,
                   PUB_BYTES);
        piece_of(m, i, m->content.piece);
        piece_public(m->content.piece, piece->piece_key);
    }
    struct buf out = { .p = raw, .cap = MANIFEST_MAX };
    TRY(manifest_make(mf, &w->unlocked->root, &m->escrow, w->params->rng, &out));
    TRY(manifest_hash(buf_bytes(&out), s->head.manifest_hash));
    return seal_keep(s, buf_bytes(&out), &s->head.manifest);
}

/* Whom to ask for it is as worth knowing after a loss as who has a node. */
static struct roster_card roster_card_make(const struct seal_seat *seat,
                                           const struct day_guardian *g)
{
    return (struct roster_card){
        .name = g->name, .reach = g->reach, .group = seat->group, .index = seat->index
    };
}

static enum err make_roster(struct seal *s, const struct seal_work *w,
                            const struct seal_key *key)
{
    AUTO_FREE struct roster *r = calloc(1, sizeof *r);
    AUTO_FREE uint8_t *raw = calloc(1, ROSTER_MAX + SEAL_OVERHEAD);
    enum err e = OK;
    if (r == NULL || raw == NULL)
        return ERR_NOMEM;
    r->epoch = s->head.epoch;
    memcpy(r->circle, w->day->me.circle, ID_BYTES);
    for (size_t i = 0; i < s->n && e == OK; i++) {
        const struct day_guardian *g = seal_guardian(w->day, &s->seats[i]);
        if (seal_is_card(&s->seats[i]))
            r->cards[r->n_cards++] = roster_card_make(&s->seats[i], g);
        else
            e = roster_entry_make(&w->unlocked->root, g, s->head.roster_number,
                                  &r->entries[r->n_entries++]);
    }
    struct buf out = { .p = raw, .cap = ROSTER_MAX + SEAL_OVERHEAD };
    if (e == OK)
        e = roster_seal(r, key, s->head.manifest_hash, w->params->rng, &out);
    secret_wipe(r, sizeof *r);
    TRY(e);
    return seal_keep(s, buf_bytes(&out), &s->head.roster_sealed);
}

static enum err make_boxes(struct seal *s, const struct seal_work *w, struct making *m,
                           const struct epoch_keys *keys, size_t i)
{
    struct seal_seat *seat = &s->seats[i];
    const struct day_guardian *g = seal_guardian(w->day, seat);
    struct box_about about = { .epoch = s->head.epoch,
                               .group = seat->group,
                               .index = seat->index };
    uint8_t raw[BOX_MAX];
    struct buf out = BUF_OF(raw);
    memcpy(about.manifest_hash, s->head.manifest_hash, HASH_BYTES);
    memcpy(about.seat, seat->seat, SEAT_BYTES);
    memcpy(about.seal_pub, g->seal_pub, PUB_BYTES);
    memcpy(m->content.key, keys->manifest_key, KEY_BYTES);
    piece_of(m, i, m->content.piece);
    TRY(box_seal(BOX_OF_PIECE, &about, &m->content, &m->owner, w->params->rng, &out));
    TRY(seal_keep(s, buf_bytes(&out), &seat->box_piece));
    out.n = 0;
    memcpy(m->content.key, keys->roster_key, KEY_BYTES);
    secret_wipe(m->content.piece, PIECE_BYTES);
    TRY(box_seal(BOX_OF_ROSTER, &about, &m->content, &m->owner, w->params->rng, &out));
    return seal_keep(s, buf_bytes(&out), &seat->box_roster);
}

static bool is_wanted(const struct day *d, uint32_t epoch)
{
    bool past = false;
    for (size_t i = 0; i < d->n_past; i++)
        past = past || d->past[i].epoch == epoch;
    return past || epoch == d->me.epoch;
}

void seal_prune_keys(struct root_box *box, const struct day *d, uint32_t epoch)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < box->n_epochs; i++) {
        uint32_t e = box->epochs[i].epoch;
        /* For the sealed epoch and the one that comes there is always room. */
        bool room = n + 2 < EPOCHS_MAX || e == d->me.epoch || e == epoch;
        if (room && (e == epoch || is_wanted(d, e)))
            box->epochs[n++] = box->epochs[i];
    }
    if (n < box->n_epochs)
        secret_wipe(&box->epochs[n], (box->n_epochs - n) * sizeof box->epochs[0]);
    box->n_epochs = n;
}

/* The place for this epoch's keys in the root box: an unsaved try's is used again. */
static struct epoch_keys *epoch_place(struct root_box *box, uint32_t epoch)
{
    uint32_t i = 0;
    while (i < box->n_epochs && box->epochs[i].epoch != epoch)
        i++;
    MUST(i < EPOCHS_MAX);
    if (i == box->n_epochs)
        box->n_epochs++;
    box->epochs[i].epoch = epoch;
    return &box->epochs[i];
}

static enum err make_sealed(struct seal *s, const struct seal_work *w,
                            struct epoch_keys *keys)
{
    AUTO_FREE uint8_t *raw = calloc(1, MANIFEST_MAX + SEAL_OVERHEAD);
    AUTO_SECRET struct seal_key *key = NULL;
    if (raw == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&key));
    rng_fill(w->params->rng, keys->manifest_key, KEY_BYTES);
    rng_fill(w->params->rng, keys->roster_key, KEY_BYTES);
    memcpy(keys->manifest_hash, s->head.manifest_hash, HASH_BYTES);
    memcpy(key->b, keys->manifest_key, KEY_BYTES);
    struct buf out = { .p = raw, .cap = MANIFEST_MAX + SEAL_OVERHEAD };
    manifest_seal(key, s->head.manifest_hash, s->head.manifest, w->params->rng, &out);
    TRY(out.over ? ERR_TOO_BIG : OK);
    TRY(seal_keep(s, buf_bytes(&out), &s->head.manifest_sealed));
    memcpy(key->b, keys->roster_key, KEY_BYTES);
    return make_roster(s, w, key);
}

/* The pieces of the cards wait for their paper. */
static enum err deal_cards(const struct seal *s, const struct seal_work *w,
                           const struct making *m)
{
    AUTO_SECRET struct card_dealt *dealt = NULL;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += seal_is_card(&s->seats[i]);
    if (n == 0)
        return OK;
    TRY(secret_alloc(n * sizeof *dealt, (void **)&dealt));
    n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!seal_is_card(&s->seats[i]))
            continue;
        dealt[n].epoch = s->head.epoch;
        memcpy(dealt[n].seat, s->seats[i].seat, SEAT_BYTES);
        piece_of(m, i, dealt[n].piece);
        n++;
    }
    return cards_deal(w->home, &w->unlocked->root, s->head.manifest, dealt, n,
                      w->params->rng);
}

enum err seal_make_epoch(struct seal *s, const struct seal_work *w)
{
    AUTO_SECRET struct making *m = NULL;
    seal_prune_keys(&w->unlocked->box, w->day, s->head.epoch);
    struct epoch_keys *keys = epoch_place(&w->unlocked->box, s->head.epoch);
    TRY(secret_new(&m));
    TRY(ident_owner(&w->unlocked->root, &m->owner));
    m->content.name = owner_name(w->day);
    m->content.about = w->day->me.about;
    memcpy(m->content.circle, w->day->me.circle, ID_BYTES);
    crypt_sign_public(&m->owner, m->content.owner);
    TRY(split(s, w->params, m));
    TRY(make_manifest(s, w, m));
    TRY(make_sealed(s, w, keys));
    for (size_t i = 0; i < s->n; i++)
        if (!seal_is_card(&s->seats[i]))
            TRY(make_boxes(s, w, m, keys, i));
    TRY(deal_cards(s, w, m));
    TRY(home_root_save(w->home, w->unlocked, w->params->rng));
    s->head.phase = SEAL_PREPARE;
    return OK;
}

enum err seal_make_descriptor(struct seal *s, const struct seal_work *w,
                              const struct account_keys *account, struct seal_seat *seat)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    AUTO_FREE uint8_t *raw = calloc(1, DESCRIPTOR_MAX);
    if (d == NULL || raw == NULL)
        return ERR_NOMEM;
    d->epoch = s->head.epoch;
    d->group_threshold = s->head.group_threshold;
    d->n_groups = s->head.n_groups;
    memcpy(d->manifest_hash, s->head.manifest_hash, HASH_BYTES);
    memcpy(d->groups, s->head.groups, sizeof d->groups);
    manifest_body(s->head.manifest, d->body);
    for (size_t i = 0; i < s->n; i++) {
        struct descriptor_piece *piece = &d->pieces[d->n_pieces];
        if (seal_is_card(&s->seats[i]))
            continue;
        piece->group = s->seats[i].group;
        memcpy(piece->ack, s->seats[i].ack_key, PUB_BYTES);
        memcpy(piece->approval, seal_guardian(w->day, &s->seats[i])->approval, PUB_BYTES);
        d->n_pieces++;
    }
    struct buf out = { .p = raw, .cap = DESCRIPTOR_MAX };
    descriptor_make(d, &account->sign, &out);
    TRY(out.over ? ERR_TOO_BIG : OK);
    return seal_keep(s, buf_bytes(&out), &seat->descriptor);
}
