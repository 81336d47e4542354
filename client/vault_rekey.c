/* SPDX-License-Identifier: Apache-2.0 */
/* The vault under the key of another root. */
#include "client/vault_part.h"

/* One content, from one vault into the other; when and by whom stays. */
static enum err ref_copy(struct vault *from, struct vault *to, struct vault_ref *io_ref)
{
    AUTO_BLOB struct home_blob b = { 0 };
    if (io_ref->size > VAULT_CONTENT_MAX)
        return ERR_FORMAT;
    TRY(vault_blob_new(&b, (size_t)io_ref->size + 1));
    b.n = (size_t)io_ref->size;
    TRY(vault_tree_get(&from->io, io_ref, (struct span){ b.p, b.n }));
    return vault_tree_put(&to->io, bytes_of(b.p, b.n), io_ref);
}

static void ref_not_after(struct vault_ref *ref, uint64_t *io_limit)
{
    if (ref->changed < *io_limit)
        *io_limit = ref->changed;
    ref->changed = *io_limit;
    *io_limit -= *io_limit > 0 ? 1 : 0; /* what comes next is older */
}

/* All of it was there when the root was replaced, whatever a clock ahead said. */
static void item_before(struct vault_item *i, uint64_t moved)
{
    uint64_t limit = moved - 1;
    for (uint32_t k = 0; k < i->n_now; k++)
        ref_not_after(&i->now[k], &limit);
    for (uint32_t k = 0; k < i->n_past; k++)
        ref_not_after(&i->past[k], &limit);
}

/* moved: as in day_me; 0 where nobody else may have had the root before. */
static enum err item_copy(struct vault *from, struct vault *to, uint64_t moved,
                          const struct vault_item *item)
{
    struct vault_item i = *item;
    struct entry *e = NULL;
    if (moved > 0)
        item_before(&i, moved);
    from->at_item = item->name;
    for (uint32_t k = 0; k < i.n_now; k++)
        TRY(vault_name_trouble(from, ref_copy(from, to, &i.now[k])));
    for (uint32_t k = 0; k < i.n_past; k++)
        TRY(vault_name_trouble(from, ref_copy(from, to, &i.past[k])));
    from->at_item = (struct bytes){ 0 };
    TRY(item_entry(&i, &e));
    enum err added = entries_add(&to->all, e);
    if (added != OK)
        entry_free(e);
    return added;
}

static enum err all_copy(struct vault *from, struct vault *to, uint64_t moved,
                         uint64_t now, const struct rng *rng)
{
    for (size_t i = 0; i < from->all.n; i++)
        TRY(item_copy(from, to, moved, &from->all.p[i]->item));
    TRY(vault_views(to));
    to->parents_version = from->state.version;
    to->changed = true;
    return vault_save(to, now, rng);
}

/* ERR_CORRUPT also where it is under the present key already. */
static enum err rewrite(struct home *h, const struct day *d, uint64_t now,
                        const struct rng *rng, char out_what[VAULT_WHAT])
{
    AUTO_VAULT struct vault *from = NULL;
    AUTO_VAULT struct vault *to = NULL;
    const struct vault_under before = { d->me.generation_before, d->me.vault_before };
    TRY(vault_open_as(h, d, VAULT_WHOLE, &before, out_what, &from));
    if (from->state.version == 0)
        return OK;
    TRY(vault_open(h, d, VAULT_AFRESH, out_what, &to));
    /* A guardian's own new keys are no MOVE, whichever there was before. */
    uint64_t moved = d->me.reset == 0 ? d->me.moved : 0;
    enum err e = all_copy(from, to, moved, now, rng);
    if (e == ERR_CORRUPT)
        memcpy(out_what, from->what, VAULT_WHAT);
    return e;
}

/* Whether a cut came after the vault was written anew. */
static bool is_rewritten(struct home *h, const struct day *d)
{
    AUTO_VAULT struct vault *v = NULL;
    char what[VAULT_WHAT];
    return vault_open(h, d, VAULT_BARE, what, &v) == OK;
}

/* The objects under the key before. */
static enum err sweep(struct home *h, const struct day *d, char out_what[VAULT_WHAT])
{
    AUTO_VAULT struct vault *v = NULL;
    AUTO_BLOB struct home_blob needed = { 0 };
    TRY(vault_open(h, d, VAULT_BARE, out_what, &v));
    TRY(vault_needs(v, &needed));
    return vault_objects_sweep(v, &needed);
}

enum err vault_rekey(struct home *h, struct day *d, uint64_t now, const struct rng *rng,
                     char out_what[VAULT_WHAT])
{
    if (d->me.generation_before == 0)
        return OK;
    if (!is_rewritten(h, d))
        TRY(rewrite(h, d, now, rng, out_what));
    TRY(sweep(h, d, out_what));
    d->me.generation_before = 0;
    secret_wipe(d->me.vault_before, KEY_BYTES);
    return home_day_save(h, d, rng);
}
