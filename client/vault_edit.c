/* SPDX-License-Identifier: Apache-2.0 */
/* Changing items, and making one state of it. */
#include "client/vault_part.h"

/* ---- the past ---- */

/* Newest first; of the same moment in an order everybody has. */
static int ref_order(const void *a, const void *b)
{
    const struct vault_ref *x = a;
    const struct vault_ref *y = b;
    if (x->changed != y->changed)
        return x->changed > y->changed ? -1 : 1;
    int order = bytes_order(BYTES_OF(x->root), BYTES_OF(y->root));
    return order != 0 ? order : bytes_order(BYTES_OF(x->device), BYTES_OF(y->device));
}

bool vault_same_content(const struct vault_ref *a, const struct vault_ref *b)
{
    return a->size == b->size && bytes_equal(BYTES_OF(a->root), BYTES_OF(b->root));
}

/* Each content once, its newest mention; not the present one. */
static size_t each_once(struct vault_ref *refs, size_t n, const struct vault_ref *now)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool known = now != NULL && vault_same_content(&refs[i], now);
        for (size_t k = 0; k < kept && !known; k++)
            known = vault_same_content(&refs[i], &refs[k]);
        if (!known)
            refs[kept++] = refs[i];
    }
    return kept;
}

static bool is_first_of_device(const struct vault_ref *refs, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (bytes_equal(BYTES_OF(refs[k].device), BYTES_OF(refs[i].device)))
            return false;
    }
    return true;
}

uint32_t vault_past_keep(struct vault_ref *refs, size_t n, const struct vault_ref *now)
{
    bool stays[2 * VAULT_PAST + 2] = { false };
    size_t left = VAULT_PAST;
    uint32_t kept = 0;
    MUST(n <= sizeof stays / sizeof stays[0]);
    if (n == 0)
        return 0;
    qsort(refs, n, sizeof *refs, ref_order);
    n = each_once(refs, n, now);
    for (size_t i = 0; i < n && left > 0; i++) {
        stays[i] = is_first_of_device(refs, i);
        left -= stays[i] ? 1 : 0;
    }
    for (size_t i = 0; i < n && left > 0; i++) {
        left -= stays[i] ? 0 : 1;
        stays[i] = true;
    }
    for (size_t i = 0; i < n; i++) {
        if (stays[i])
            refs[kept++] = refs[i];
    }
    return kept;
}

/* ref becomes the present content, NULL: there is none; the one before is past. */
static void present(struct vault_item *i, const struct vault_ref *ref)
{
    struct vault_ref refs[VAULT_PAST + 1];
    size_t n = i->n_past;
    memcpy(refs, i->past, n * sizeof refs[0]);
    if (i->n_now > 0)
        refs[n++] = i->now[0];
    i->n_past = vault_past_keep(refs, n, ref);
    memcpy(i->past, refs, i->n_past * sizeof refs[0]);
    i->n_now = ref != NULL ? 1 : 0;
    if (ref != NULL)
        i->now[0] = *ref;
}

/* ---- one item ---- */

static uint64_t clock_of(uint64_t now)
{
    return now < VAULT_TIME_MAX ? now : VAULT_TIME_MAX;
}

/* Later than the change before, whatever this device's clock says. */
static void touch(const struct vault *v, struct vault_item *i, uint64_t now)
{
    uint64_t least = i->changed + (i->changed > 0 ? 1 : 0);
    i->changed = clock_of(now > least ? now : least);
    memcpy(i->device, v->device, ID_BYTES);
}

static bool text_fits(struct bytes text, size_t min, size_t max)
{
    return text.n >= min && text.n <= max && wire_printable(text);
}

static enum err change_check(const struct vault_change *c)
{
    if (!text_fits(c->name, 1, VAULT_NAME_MAX) || !text_fits(c->hint, 0, 500) ||
        !text_fits(c->user, 0, 200) || !text_fits(c->url, 0, 500))
        return ERR_ARG;
    if (vault_type_name(c->type) == NULL)
        return ERR_ARG;
    if (c->content != NULL && c->content->n > VAULT_CONTENT_MAX)
        return ERR_TOO_BIG;
    return OK;
}

/* Whether another one that is there has exactly that name. */
static bool name_taken(const struct vault *v, struct bytes name,
                       const struct vault_item *but)
{
    const struct vault_item *found = vault_named(&v->there, name);
    return found != NULL && found != but;
}

static void texts_set(struct vault_item *i, const struct vault_change *c)
{
    i->name = c->name;
    i->type = (uint8_t)c->type;
    i->hint = c->hint;
    i->user = c->user;
    i->url = c->url;
}

/* The content becomes the present one; the same one again stays as it is. */
static enum err content_set(struct vault *v, struct vault_item *i, struct bytes content)
{
    struct vault_ref ref = { .changed = i->changed };
    memcpy(ref.device, i->device, ID_BYTES);
    enum err e = vault_tree_put(&v->io, content, &ref);
    secret_wipe(v->work, sizeof *v->work);
    TRY(e);
    if (i->n_now > 0 && vault_same_content(&i->now[0], &ref))
        return OK;
    present(i, &ref);
    return OK;
}

/* Items are held by id. */
static size_t place_of(const struct vault *v, const uint8_t id[ID_BYTES])
{
    size_t low = 0;
    size_t high = v->all.n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (bytes_order(BYTES_OF(v->all.p[mid]->item.id), bytes_of(id, ID_BYTES)) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The entry of an item that belongs to the vault. */
static struct entry *entry_of(const struct vault *v, const struct vault_item *item)
{
    size_t i = place_of(v, item->id);
    MUST(i < v->all.n && &v->all.p[i]->item == item);
    return v->all.p[i];
}

enum err vault_add(struct vault *v, const struct vault_change *what, uint64_t now,
                   const struct rng *rng)
{
    struct vault_item i = { 0 };
    struct entry *e = NULL;
    TRY(change_check(what));
    if (what->content == NULL)
        return ERR_ARG;
    if (name_taken(v, what->name, NULL))
        return ERR_EXISTS;
    if (v->all.n >= VAULT_ITEMS_MAX)
        return ERR_TOO_BIG;
    rng_fill(rng, i.id, ID_BYTES);
    texts_set(&i, what);
    touch(v, &i, now);
    i.made = i.changed;
    TRY(content_set(v, &i, *what->content));
    TRY(item_entry(&i, &e));
    size_t place = place_of(v, i.id);
    enum err added = entries_add(&v->all, e);
    if (added != OK) {
        entry_free(e);
        return added;
    }
    memmove(v->all.p + place + 1, v->all.p + place,
            (v->all.n - 1 - place) * sizeof(struct entry *));
    v->all.p[place] = e;
    v->changed = true;
    return vault_view_in(v, e);
}

static enum err item_set(struct vault *v, const struct vault_item *item,
                         const struct vault_item *next)
{
    struct entry *e = entry_of(v, item);
    vault_view_out(v, e);
    enum err set = entry_set(e, next);
    v->changed = true;
    TRY(vault_view_in(v, e));
    return set;
}

enum err vault_edit(struct vault *v, const struct vault_item *item,
                    const struct vault_change *what, uint64_t now)
{
    struct vault_item i = *item;
    TRY(change_check(what));
    if (item->removed != 0)
        return ERR_STATE;
    if (name_taken(v, what->name, item))
        return ERR_EXISTS;
    texts_set(&i, what);
    touch(v, &i, now);
    if (what->content != NULL)
        TRY(content_set(v, &i, *what->content));
    return item_set(v, item, &i);
}

enum err vault_remove(struct vault *v, const struct vault_item *item, uint64_t now)
{
    struct vault_item i = *item;
    if (item->removed != 0)
        return OK;
    touch(v, &i, now);
    present(&i, NULL);
    i.removed = i.changed > 0 ? i.changed : 1;
    return item_set(v, item, &i);
}

enum err vault_revert(struct vault *v, const struct vault_item *item, unsigned back,
                      uint64_t now)
{
    struct vault_item i = *item;
    if (back == 0 || back > item->n_past)
        return ERR_UNKNOWN;
    if (name_taken(v, item->name, item))
        return ERR_EXISTS;
    touch(v, &i, now);
    struct vault_ref ref = item->past[back - 1];
    ref.changed = i.changed;
    memcpy(ref.device, i.device, ID_BYTES);
    present(&i, &ref);
    i.removed = 0;
    return item_set(v, item, &i);
}
