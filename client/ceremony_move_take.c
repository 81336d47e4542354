/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_end.h"
#include "client/ceremony_move_part.h"
#include "client/vault_former.h"
#include "client/vault_round.h"

/* ---- the root box ---- */

/* The old one stays aside, locked as it was; whoever is cut here goes on from both. */
static enum err take_root(struct moving *m, const struct move_work *w,
                          const struct root_key *root)
{
    TRY(home_root_aside(w->home, m->head.aside));
    enum err e = home_root_create(w->home, root, w->key, w->params->rng);
    return e == ERR_EXISTS ? OK : e;
}

/* ---- the day box ---- */

static enum err take_keys(struct day *d, const struct root_key *root,
                          const struct rng *rng)
{
    AUTO_SECRET struct guardian_keys *guardian = NULL;
    AUTO_SECRET struct sign_seed *owner = NULL;

    TRY(secret_new(&guardian));
    TRY(secret_new(&owner));
    TRY(ident_owner(root, owner));
    TRY(ident_guardian(root, guardian));
    crypt_sign_public(owner, d->me.owner);
    crypt_sign_public(&guardian->sign, d->me.guard_sign);
    crypt_dh_public(&guardian->seal, d->me.guard_seal);
    return home_vault_keys(d, root, rng);
}

/* This device was let in by the old root: it is drawn and let in anew. */
static void renew_devices(struct day *d, const struct rng *rng)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct day_guardian *g = &d->guardians[i];

        if (g->kind == PIECE_CARD || g->progress == GUARDIAN_NEW)
            continue;
        confirm_forget(g);
        guardian_new_device(g, rng);
        g->progress = GUARDIAN_ENROLLED;
    }
}

/* An end of the old root's is void where the new one is let in; no word for it counts. */
static void forget_end(const struct moving *m, struct day *d)
{
    end_forget(d);
    for (size_t i = 0; i < m->n; i++) {
        struct day_guardian *g = move_guardian(d, &m->seats[i]);
        if (g != NULL && m->seats[i].told == TOLD_DONE)
            g->end_due = g->ending = 0;
    }
}

static enum err take_day(struct moving *m, const struct move_work *w,
                         const struct root_key *root)
{
    struct day *d = w->day;
    uint8_t hash[HASH_BYTES];

    move_hash(m->head.move, hash);
    if (bytes_equal(BYTES_OF(d->me.move), BYTES_OF(hash)))
        return OK;
    /*
     * Sealed under the old root, of epochs that its nodes take no more. Not later: a run
     * that was cut would drop what the new root began since.
     */
    TRY(home_drop(w->home, HOME_JOURNAL));
    TRY(home_drop(w->home, HOME_CARDS));
    TRY(take_keys(d, root, w->params->rng));
    d->me.fingerprint = day_keep(d, m->head.words);
    memcpy(d->me.move, hash, HASH_BYTES);
    d->me.moved = w->params->now();
    d->me.gone = GONE_UNASKED;
    forget_end(m, d);
    renew_devices(d, w->params->rng);
    return home_day_save(w->home, d, w->params->rng);
}

/* ---- the vault ---- */

/* What the old root opened long ago can still be opened by who has this item. */
static enum err keep_old_root(const struct moving *m, const struct move_work *w,
                              char what[VAULT_WHAT])
{
    AUTO_VAULT struct vault *v = NULL;

    TRY(vault_open(w->home, w->day, VAULT_WHOLE, what, &v));
    TRY(vault_held_begin(w->home, v, w->params->rng));
    return former_keep(v, m->head.aside, m->head.old_root, w->day->me.moved,
                       w->params->rng);
}

/* A vault that is damaged does not hold up a root that may be stolen. */
static enum err take_vault(const struct moving *m, const struct move_work *w)
{
    char what[VAULT_WHAT] = "";
    enum err e = vault_rekey(w->home, w->day, w->params->now(), w->params->rng, what);

    if (e == OK)
        e = keep_old_root(m, w, what);
    return e == ERR_CORRUPT || e == ERR_FULL || e == ERR_TOO_BIG ? OK : e;
}

enum err move_take(struct moving *m, const struct move_work *w)
{
    AUTO_SECRET struct root_key *root = NULL;

    TRY(secret_new(&root));
    memcpy(root->b, m->head.new_root, KEY_BYTES);
    TRY(take_root(m, w, root));
    TRY(take_day(m, w, root));
    return take_vault(m, w);
}
