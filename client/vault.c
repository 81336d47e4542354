/* SPDX-License-Identifier: Apache-2.0 */
#include "client/vault.h"

#include <strings.h>
#include <unistd.h>

#include "client/vault_part.h"

/* ---- entries ---- */

static enum err encode(const struct vault_item *item, struct entry *out)
{
    uint8_t mem[VAULT_ITEM_MAX];
    struct buf b = BUF_OF(mem);
    struct entry e = { 0 };
    wire_put(&vault_item_schema, item, &b);
    MUST(!b.over);
    e.raw = calloc(1, b.n);
    e.n = b.n;
    if (e.raw != NULL)
        memcpy(e.raw, mem, b.n);
    secret_wipe(mem, b.n);
    if (e.raw == NULL)
        return ERR_NOMEM;
    enum err decoded = wire_get(&vault_item_schema, bytes_of(e.raw, e.n), &e.item);
    if (decoded != OK) {
        free(e.raw);
        return decoded;
    }
    *out = e;
    return OK;
}

static void entry_wipe(struct entry *e)
{
    if (e->raw != NULL)
        secret_wipe(e->raw, e->n);
    free(e->raw);
    secret_wipe(e, sizeof *e);
}

enum err item_entry(const struct vault_item *item, struct entry **out)
{
    struct entry *e = calloc(1, sizeof *e);
    if (e == NULL)
        return ERR_NOMEM;
    enum err encoded = encode(item, e);
    if (encoded != OK) {
        free(e);
        return encoded;
    }
    *out = e;
    return OK;
}

void entry_free(struct entry *e)
{
    if (e == NULL)
        return;
    entry_wipe(e);
    free(e);
}

enum err entry_set(struct entry *e, const struct vault_item *item)
{
    struct entry next = { 0 };
    TRY(encode(item, &next));
    entry_wipe(e);
    *e = next;
    return OK;
}

enum err entries_add(struct entries *list, struct entry *e)
{
    if (list->n == list->cap) {
        size_t cap = list->cap * 2 + 64;
        struct entry **p = realloc(list->p, cap * sizeof(struct entry *));
        if (p == NULL)
            return ERR_NOMEM;
        list->p = p;
        list->cap = cap;
    }
    list->p[list->n++] = e;
    return OK;
}

void entries_free(struct entries *list)
{
    for (size_t i = 0; i < list->n; i++)
        entry_free(list->p[i]);
    free(list->p);
    *list = (struct entries){ 0 };
}

/* ---- views ---- */

static int name_order(const void *a, const void *b)
{
    const struct vault_item *x = &(*(struct entry *const *)a)->item;
    const struct vault_item *y = &(*(struct entry *const *)b)->item;
    int order = bytes_order(x->name, y->name);
    if (order != 0)
        return order;
    /* Removed ones may share a name: the newest first. */
    if (x->changed != y->changed)
        return x->changed > y->changed ? -1 : 1;
    return bytes_order(BYTES_OF(x->id), BYTES_OF(y->id));
}

enum err vault_views(struct vault *v)
{
    v->there.n = 0;
    v->gone.n = 0;
    for (size_t i = 0; i < v->all.n; i++) {
        struct entry *e = v->all.p[i];
        TRY(entries_add(e->item.removed == 0 ? &v->there : &v->gone, e));
    }
    if (v->there.n > 0)
        qsort(v->there.p, v->there.n, sizeof(struct entry *), name_order);
    if (v->gone.n > 0)
        qsort(v->gone.p, v->gone.n, sizeof(struct entry *), name_order);
    return OK;
}

/* Where the entry stands, or would. */
static size_t view_place(const struct entries *view, struct entry *e)
{
    size_t low = 0;
    size_t high = view->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (name_order(&view->p[mid], &e) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct entries *view_of(struct vault *v, const struct entry *e)
{
    return e->item.removed == 0 ? &v->there : &v->gone;
}

enum err vault_view_in(struct vault *v, struct entry *e)
{
    struct entries *view = view_of(v, e);
    size_t i = view_place(view, e);
    TRY(entries_add(view, e));
    memmove(view->p + i + 1, view->p + i, (view->n - 1 - i) * sizeof(struct entry *));
    view->p[i] = e;
    return OK;
}

void vault_view_out(struct vault *v, struct entry *e)
{
    struct entries *view = view_of(v, e);
    size_t i = view_place(view, e);
    MUST(i < view->n && view->p[i] == e);
    view->n--;
    memmove(view->p + i, view->p + i + 1, (view->n - i) * sizeof(struct entry *));
}

static const struct vault_item *at(const struct entries *list, size_t i)
{
    MUST(i < list->n);
    return &list->p[i]->item;
}

size_t vault_count(const struct vault *v)
{
    return v->there.n;
}

const struct vault_item *vault_at(const struct vault *v, size_t i)
{
    return at(&v->there, i);
}

bool vault_is_former(const struct vault_item *item)
{
    static const char begins[] = VAULT_FORMER_ROOT;

    return item->type == VAULT_KEY && item->n_now == 1 &&
           item->name.n >= sizeof begins - 1 &&
           bytes_equal(bytes_of(item->name.p, sizeof begins - 1), bytes_text(begins));
}

bool vault_was_read(const struct day *d, const struct vault_item *item)
{
    return item->type != VAULT_NOTE && item->n_now == 1 && !vault_is_former(item) &&
           item->now[0].changed < d->me.moved;
}

size_t vault_gone_count(const struct vault *v)
{
    return v->gone.n;
}

const struct vault_item *vault_gone_at(const struct vault *v, size_t i)
{
    return at(&v->gone, i);
}

const struct vault_item *vault_named(const struct entries *list, struct bytes name)
{
    size_t low = 0;
    size_t high = list->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (bytes_order(list->p[mid]->item.name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < list->n && bytes_equal(list->p[low]->item.name, name))
        return &list->p[low]->item;
    return NULL;
}

static bool id_begins(const uint8_t id[ID_BYTES], struct bytes typed)
{
    char hex[2 * ID_BYTES + 1];
    hex_encode(bytes_of(id, ID_BYTES), hex, sizeof hex);
    return typed.n <= 2 * ID_BYTES &&
           strncasecmp(hex, (const char *)typed.p, typed.n) == 0;
}

static const struct vault_item *find(const struct entries *list, struct bytes name)
{
    const struct vault_item *found = vault_named(list, name);
    if (found != NULL || name.n < 4)
        return found;
    for (size_t i = 0; i < list->n; i++) {
        if (!id_begins(list->p[i]->item.id, name))
            continue;
        if (found != NULL)
            return NULL;
        found = &list->p[i]->item;
    }
    return found;
}

const struct vault_item *vault_find(const struct vault *v, struct bytes name)
{
    return find(&v->there, name);
}

const struct vault_item *vault_gone_find(const struct vault *v, struct bytes name)
{
    return find(&v->gone, name);
}

const struct vault_state *vault_now(const struct vault *v)
{
    return &v->state;
}

/* ---- a content ---- */

static const struct vault_ref *ref_of(const struct vault_item *item, unsigned back)
{
    if (back == 0)
        return item->n_now > 0 ? &item->now[0] : NULL;
    return back <= item->n_past ? &item->past[back - 1] : NULL;
}

enum err vault_content(struct vault *v, const struct vault_item *item, unsigned back,
                       struct home_blob *out)
{
    AUTO_BLOB struct home_blob b = { 0 };
    const struct vault_ref *ref = ref_of(item, back);
    if (ref == NULL)
        return ERR_UNKNOWN;
    if (ref->size > VAULT_CONTENT_MAX)
        return ERR_TOO_BIG;
    TRY(vault_blob_new(&b, (size_t)ref->size + 1)); /* an empty one is not NULL */
    b.n = (size_t)ref->size;
    v->at_item = item->name;
    enum err e =
        vault_name_trouble(v, vault_tree_get(&v->io, ref, (struct span){ b.p, b.n }));
    v->at_item = (struct bytes){ 0 };
    secret_wipe(v->work, sizeof *v->work);
    TRY(e);
    *out = b;
    b = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

/* ---- opening ---- */

static enum err keys_take(struct vault *v, const struct day *d,
                          const struct vault_under *under)
{
    AUTO_SECRET struct vault_key *key = NULL;
    const struct day_me *me = &d->me;
    if (under->generation == 0)
        return ERR_UNKNOWN;
    TRY(secret_new(&key));
    TRY(secret_new(&v->keys));
    memcpy(key->b, under->key, KEY_BYTES);
    vault_keys_of(key, v->keys);
    v->generation = under->generation;
    v->state.generation = v->generation;
    memcpy(v->circle, me->circle, ID_BYTES);
    memcpy(v->state.circle, me->circle, ID_BYTES);
    memcpy(v->device, me->device, ID_BYTES);
    MUST(me->device_name.n <= sizeof v->device_name);
    if (me->device_name.n > 0)
        memcpy(v->device_name, me->device_name.p, me->device_name.n);
    v->device_name_n = me->device_name.n;
    return OK;
}

static enum err vault_new(struct home *h, const struct day *d,
                          const struct vault_under *under, struct vault **out)
{
    struct vault *v = calloc(1, sizeof *v);
    if (v == NULL)
        return ERR_NOMEM;
    *out = v;
    v->home = h;
    v->dir = -1;
    v->objects = -1;
    v->work = calloc(1, sizeof *v->work);
    if (v->work == NULL)
        return ERR_NOMEM;
    TRY(keys_take(v, d, under));
    v->store = (struct vault_store){ v, vault_object_put, vault_object_get };
    v->io = (struct vault_io){ v->keys, &v->store, v->work };
    return vault_dirs_open(v);
}

static enum err state_load(struct vault *v)
{
    struct vault_state s = { 0 };
    enum err e = vault_state_read(v, &s, &v->unneeded);
    if (e == ERR_UNKNOWN)
        return OK;
    if (e == ERR_AUTH || e == ERR_FORMAT || e == ERR_CORRUPT) {
        (void)snprintf(v->what, sizeof v->what,
                       "the file vault/state is damaged or foreign");
        return ERR_CORRUPT;
    }
    TRY(e);
    v->state = s;
    vault_ids_sort(&v->unneeded);
    return OK;
}

enum err vault_load(struct vault *v)
{
    struct entries list = { 0 };
    TRY(vault_entries_read(v, &v->state, &list));
    entries_free(&v->all);
    v->all = list;
    return vault_views(v);
}

enum err vault_open_as(struct home *h, const struct day *d, enum vault_opening how,
                       const struct vault_under *under, char out_what[VAULT_WHAT],
                       struct vault **out)
{
    AUTO_VAULT struct vault *v = NULL;
    TRY(vault_new(h, d, under, &v));
    enum err e = how == VAULT_AFRESH ? OK : state_load(v);
    if (e == OK && how == VAULT_WHOLE)
        e = vault_load(v);
    if (e == ERR_CORRUPT)
        memcpy(out_what, v->what, VAULT_WHAT);
    TRY(e);
    *out = v;
    v = NULL; /* the caller's now */
    return OK;
}

enum err vault_open(struct home *h, const struct day *d, enum vault_opening how,
                    char out_what[VAULT_WHAT], struct vault **out)
{
    const struct vault_under present = { d->me.vault_generation, d->me.vault_key };
    return vault_open_as(h, d, how, &present, out_what, out);
}

void vault_free(struct vault *v)
{
    if (v == NULL)
        return;
    /* What was written and belongs to no state. */
    vault_objects_drop(v, bytes_of(v->fresh.p, v->fresh.n));
    home_blob_free(&v->fresh);
    home_blob_free(&v->foreign);
    home_blob_free(&v->unneeded);
    entries_free(&v->all);
    free(v->there.p);
    free(v->gone.p);
    if (v->work != NULL)
        secret_wipe(v->work, sizeof *v->work);
    free(v->work);
    secret_free(v->keys);
    if (v->objects >= 0)
        (void)close(v->objects); /* only a directory */
    if (v->dir >= 0)
        (void)close(v->dir);
    secret_wipe(v, sizeof *v);
    free(v);
}
