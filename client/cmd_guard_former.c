/* SPDX-License-Identifier: Apache-2.0 */
/* Places of a guardian whose keys are of a root before this one. */
#include "client/cmd_guard_part.h"
#include "client/vault_former.h"

/* ---- whose a place is ---- */

enum desk_place desk_place(const struct desk *d, size_t seat)
{
    const struct day_seat *s = &d->day->seats[seat];

    if (!guard_seat_is_old(d->day, s))
        return PLACE_PRESENT;
    if (d->looked)
        return d->formers[seat] != NULL ? PLACE_FORMER : PLACE_LOST;
    return s->lost || !d->listed[seat] ? PLACE_LOST : PLACE_FORMER;
}

enum err desk_list_formers(struct desk *d)
{
    AUTO_VAULT struct vault *v = NULL;
    char what[VAULT_WHAT];
    bool old = false;

    for (size_t i = 0; i < d->day->n_seats; i++)
        old = old || guard_seat_is_old(d->day, &d->day->seats[i]);
    if (!old)
        return OK;
    enum err e = vault_open(&d->home, d->day, VAULT_WHOLE, what, &v);
    for (size_t i = 0; e == OK && i < d->day->n_seats; i++)
        d->listed[i] = former_is_listed(v, d->day->seats[i].fp);
    return e == ERR_NOMEM ? e : OK;
}

const char *desk_lost_why(const struct desk *d, size_t seat)
{
    if (d->day->seats[seat].lost)
        return "They went with the passphrase you forgot.";
    return "You have a new root key, and the one before it is not in your vault here "
           "(kith vault pull gets what is missing).";
}

static enum err former_take(struct desk *d, struct vault *v, size_t seat)
{
    AUTO_SECRET struct desk_former *f = NULL;
    const struct day_seat *s = &d->day->seats[seat];

    if (!guard_seat_is_old(d->day, s))
        return OK;
    TRY(secret_new(&f));
    enum err e = former_of_seat(v, s->node[0].node_key, s->seat, &f->root);
    if (e != OK)
        return e == ERR_NOMEM ? e : OK;
    TRY(ident_guardian(&f->root, &f->keys));
    d->formers[seat] = f;
    f = NULL; /* the desk's now */
    return OK;
}

/* A vault that does not open has no root: the seats stay closed. */
static enum err look(struct desk *d)
{
    AUTO_VAULT struct vault *v = NULL;
    char what[VAULT_WHAT];

    if (d->looked)
        return OK;
    enum err e = vault_open(&d->home, d->day, VAULT_WHOLE, what, &v);
    if (e == ERR_NOMEM)
        return e;
    for (size_t i = 0; e == OK && i < d->day->n_seats; i++)
        TRY(former_take(d, v, i));
    d->looked = true;
    return OK;
}

enum err desk_unlock_seat(struct desk *d, size_t seat)
{
    TRY(desk_unlock(d));
    if (!guard_seat_is_old(d->day, &d->day->seats[seat]))
        return OK;
    TRY(look(d));
    return d->formers[seat] != NULL ? OK : ERR_KEY;
}

const struct root_key *desk_root(const struct desk *d, size_t seat)
{
    return d->formers[seat] != NULL ? &d->formers[seat]->root : &d->root->root;
}

const struct guardian_keys *desk_keys(const struct desk *d, size_t seat)
{
    return d->formers[seat] != NULL ? &d->formers[seat]->keys : d->keys;
}

/* ---- at a node that was taken anew ---- */

/* Those of a node that was away when there were new keys. */
static enum err follow_old(struct desk *d, const struct day_seat *at)
{
    for (size_t i = 0; i < d->day->n_seats; i++) {
        struct day_seat *s = &d->day->seats[i];
        struct day_seat *now = NULL;
        bool follows = true;

        if (s->progress != GUARDIAN_READY || !guard_seat_is_old(d->day, s) ||
            !bytes_equal(BYTES_OF(s->node[0].node_key), BYTES_OF(at->node[0].node_key)))
            continue;
        TRY(guard_seat_follows(s, &d->root->root, &follows));
        enum err e = follows ? OK
                             : guard_seat_reset(d->ctx->params, d->day, s, &d->root->root,
                                                &now, NULL);
        if (e == ERR_NOMEM)
            return e;
    }
    return OK;
}

static enum err find_old(struct desk *d, const struct day_seat *at)
{
    AUTO_VAULT struct vault *v = NULL;
    AUTO_SECRET struct root_key *former = NULL;
    char what[VAULT_WHAT];
    size_t next = 0;
    enum err e = vault_open(&d->home, d->day, VAULT_WHOLE, what, &v);

    if (e != OK)
        return e == ERR_NOMEM ? e : OK;
    TRY(secret_new(&former));
    while ((e = former_next(v, &next, former)) == OK) {
        enum err found =
            guard_seat_find(d->ctx->params, d->day, at, former, &d->root->root);
        if (found != OK && found != ERR_UNKNOWN)
            return found;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

enum err desk_old_seats(struct desk *d, const struct day_seat *at)
{
    if (guard_seat_is_old(d->day, at))
        return OK;
    TRY(follow_old(d, at));
    enum err e = find_old(d, at);

    TRY(ctx_day_save(d->ctx, &d->home, d->day));
    return e == ERR_TOO_BIG ? OK : e;
}
