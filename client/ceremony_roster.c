/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_roster.h"

#include "client/circle.h"

/* ---- what it says ---- */

enum err roster_entry_make(const struct root_key *root, const struct day_guardian *g,
                           uint32_t number, struct roster_entry *out)
{
    AUTO_SECRET struct guardian_pass *pass = NULL;
    const struct day_node *node = &g->node[0];
    *out = (struct roster_entry){ .name = g->name,
                                  .reach = g->reach,
                                  .generation = g->generation,
                                  .n_addresses = node->n_addresses };
    memcpy(out->node_key, node->node_key, PUB_BYTES);
    memcpy(out->seat, g->seat, SEAT_BYTES);
    memcpy(out->sign_pub, g->sign_pub, PUB_BYTES);
    memcpy(out->seal_pub, g->seal_pub, PUB_BYTES);
    memcpy(out->addresses, node->addresses, sizeof out->addresses);
    TRY(secret_new(&pass));
    TRY(guardian_pass(root, g, STANDING_ROSTER, number, pass));
    memcpy(out->credential, pass->token, TOKEN_STANDING);
    return OK;
}

/* Guardians stand in the order of their places, as in the list the epoch came with. */
static enum err roster_of(const struct day *d, const struct root_key *root,
                          struct roster *r)
{
    r->epoch = d->me.epoch;
    memcpy(r->circle, d->me.circle, ID_BYTES);
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        struct roster_card card = { .name = g->name, .reach = g->reach };
        circle_place(&d->me, i, &card.group, &card.index);
        if (g->kind == PIECE_CARD)
            r->cards[r->n_cards++] = card;
        else
            TRY(roster_entry_make(root, g, d->me.roster_number,
                                  &r->entries[r->n_entries++]));
    }
    return OK;
}

static const struct epoch_keys *keys_of(const struct day *d, const struct root_box *box)
{
    for (uint32_t i = 0; i < box->n_epochs; i++)
        if (box->epochs[i].epoch == d->me.epoch &&
            bytes_equal(BYTES_OF(box->epochs[i].manifest_hash),
                        BYTES_OF(d->me.manifest_hash)))
            return &box->epochs[i];
    return NULL;
}

static enum err seal_list(struct day *d, const struct root_key *root,
                          const struct seal_key *key, const struct rng *rng)
{
    AUTO_FREE struct roster *r = calloc(1, sizeof *r);
    AUTO_FREE uint8_t *raw = calloc(1, ROSTER_MAX + SEAL_OVERHEAD);
    if (r == NULL || raw == NULL)
        return ERR_NOMEM;
    struct buf out = { .p = raw, .cap = ROSTER_MAX + SEAL_OVERHEAD };
    enum err e = roster_of(d, root, r);
    if (e == OK)
        e = roster_seal(r, key, d->me.manifest_hash, rng, &out);
    secret_wipe(r, sizeof *r);
    TRY(e);
    d->me.roster_sealed = day_keep(d, buf_bytes(&out));
    return OK;
}

enum err roster_renew(struct day *d, const struct unlocked *u, const struct params *p)
{
    AUTO_SECRET struct seal_key *key = NULL;
    const struct epoch_keys *keys = keys_of(d, &u->box);
    uint64_t now = p->now();
    /* Without its number nobody here knows which credentials the nodes let in. */
    if (keys == NULL || d->me.epoch == 0 || d->me.roster_epoch != d->me.epoch)
        return ERR_UNKNOWN;
    TRY(secret_new(&key));
    memcpy(key->b, keys->roster_key, KEY_BYTES);
    TRY(seal_list(d, &u->root, key, p->rng));
    d->me.roster_at = now > d->me.roster_at ? now : d->me.roster_at + 1;
    return OK;
}

/* ---- after a change ---- */

static bool is_at(const struct day_node *node, const struct roster_entry *e)
{
    bool same = node->n_addresses == e->n_addresses;
    for (uint32_t i = 0; same && i < e->n_addresses; i++)
        same = bytes_equal(node->addresses[i].at, e->addresses[i].at);
    return same;
}

static bool is_moved(const struct day *d, const struct roster *r)
{
    for (uint32_t i = 0; i < r->n_entries; i++)
        for (size_t k = 0; k < d->n_guardians; k++)
            if (bytes_equal(BYTES_OF(d->guardians[k].seat),
                            BYTES_OF(r->entries[i].seat)) &&
                !is_at(&d->guardians[k].node[0], &r->entries[i]))
                return true;
    return false;
}

enum err roster_settle(struct day *d, struct bytes sealed, const struct unlocked *u,
                       const struct params *p)
{
    AUTO_SECRET struct seal_key *key = NULL;
    AUTO_FREE struct roster *r = calloc(1, sizeof *r);
    AUTO_FREE uint8_t *plain = calloc(1, ROSTER_MAX);
    const struct epoch_keys *keys = keys_of(d, &u->box);
    if (r == NULL || plain == NULL)
        return ERR_NOMEM;
    if (keys == NULL)
        return OK;
    TRY(secret_new(&key));
    memcpy(key->b, keys->roster_key, KEY_BYTES);
    bool moved = roster_open(key, d->me.manifest_hash, sealed,
                             (struct span){ plain, ROSTER_MAX }, r) == OK &&
                 is_moved(d, r);
    secret_wipe(r, sizeof *r);
    secret_wipe(plain, ROSTER_MAX);
    return moved ? roster_renew(d, u, p) : OK;
}

/* ---- at the nodes ---- */

bool roster_is_newer(const struct day *d)
{
    return d->me.epoch != 0 && d->me.roster_epoch == d->me.epoch &&
           d->me.roster_sealed.n > 0;
}

bool roster_is_behind(const struct day *d, const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->epoch == d->me.epoch && roster_is_newer(d) &&
           g->roster_told < d->me.roster_at;
}

size_t roster_behind(const struct day *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_guardians; i++)
        n += roster_is_behind(d, &d->guardians[i]);
    return n;
}

struct visit {
    const struct day *d;
    struct day_guardian *g;
    bool sent;
    struct req_roster_put req;
};

static enum err put_step(struct call *c, const struct call_reply *reply,
                         struct call_send *out)
{
    struct visit *v = c->ctx;
    uint8_t stored[HASH_BYTES];
    if (reply == NULL) {
        v->sent = true;
        *out = (struct call_send){ MSG_ROSTER_PUT, &v->req };
        return OK;
    }
    v->sent = false;
    TRY(reply->err);
    roster_stored(v->req.roster, stored);
    const struct rep_roster_put *rep = reply->rep;
    if (!bytes_equal(BYTES_OF(stored), BYTES_OF(rep->stored)))
        return ERR_CONFLICT;
    v->g->roster_told = v->d->me.roster_at;
    return OK;
}

static enum err visit_all(struct owner_round *r, struct day *d,
                          const struct root_key *root, const struct rng *rng)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct visit *v = NULL;
        if (!roster_is_behind(d, &d->guardians[i]))
            continue;
        TRY(owner_round_add(r, root, &d->guardians[i], put_step, (void **)&v));
        v->d = d;
        v->g = &d->guardians[i];
        v->req = (struct req_roster_put){ .epoch = d->me.epoch,
                                          .roster = d->me.roster_sealed };
        rng_fill(rng, v->req.op, ID_BYTES);
        memcpy(v->req.manifest_hash, d->me.manifest_hash, HASH_BYTES);
    }
    return OK;
}

enum err roster_publish(struct day *d, const struct root_key *root,
                        const struct params *p, struct roster_told *out_told,
                        size_t *out_n)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    TRY(owner_round_new(&r, d->n_guardians, sizeof(struct visit)));
    TRY(visit_all(&r, d, root, p->rng));
    if (r.n > 0)
        TRY(call_round(r.calls, r.n, p->round_ms, p->rng));
    for (size_t i = 0; i < r.n; i++) {
        const struct visit *v = r.calls[i].ctx;
        guardian_seen(v->g, &r.calls[i], p->now());
        out_told[i].g = v->g;
        /* What became of it is the talk's, and the guardian's entry. */
        (void)guardian_talk_end(v->g, &r.calls[i], v->sent, &out_told[i].talk);
    }
    *out_n = r.n;
    return OK;
}
