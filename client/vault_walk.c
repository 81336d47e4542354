/* SPDX-License-Identifier: Apache-2.0 */
/* From a state to its items, and to every object it needs. */
#include "client/vault_part.h"

/* ---- sets of ids ---- */

enum err vault_ids_add(struct home_blob *ids, const uint8_t *id, size_t n)
{
    size_t need = ids->n + n * VAULT_ID;
    if (need > ids->cap) {
        size_t cap = need * 2 + 4096;
        uint8_t *p = realloc(ids->p, cap); /* ids are no secret */
        if (p == NULL)
            return ERR_NOMEM;
        ids->p = p;
        ids->cap = cap;
    }
    if (n > 0)
        memcpy(ids->p + ids->n, id, n * VAULT_ID);
    ids->n = need;
    return OK;
}

static int id_order(const void *a, const void *b)
{
    return bytes_order(bytes_of(a, VAULT_ID), bytes_of(b, VAULT_ID));
}

void vault_ids_sort(struct home_blob *ids)
{
    size_t kept = 0;
    if (ids->n == 0)
        return;
    qsort(ids->p, ids->n / VAULT_ID, VAULT_ID, id_order);
    for (size_t at = 0; at < ids->n; at += VAULT_ID) {
        if (kept > 0 && id_order(ids->p + kept - VAULT_ID, ids->p + at) == 0)
            continue;
        memmove(ids->p + kept, ids->p + at, VAULT_ID);
        kept += VAULT_ID;
    }
    ids->n = kept;
}

bool vault_ids_has(const struct home_blob *sorted, const uint8_t id[VAULT_ID])
{
    return sorted->n > 0 &&
           bsearch(id, sorted->p, sorted->n / VAULT_ID, VAULT_ID, id_order) != NULL;
}

/* ---- naming ---- */

enum err vault_name_trouble(struct vault *v, enum err e)
{
    char hex[2 * VAULT_ID + 1];
    if (e != ERR_UNKNOWN && e != ERR_AUTH && e != ERR_FORMAT)
        return e;
    const char *how = e == ERR_UNKNOWN ? "missing" : "damaged";
    hex_encode(BYTES_OF(v->work->at), hex, sizeof hex);
    if (v->at_item.n > 0)
        (void)snprintf(v->what, sizeof v->what,
                       "the file vault/objects/%s, part of \"%.*s\", is %s", hex,
                       (int)v->at_item.n, (const char *)v->at_item.p, how);
    else
        (void)snprintf(v->what, sizeof v->what,
                       "the file vault/objects/%s, part of the list of items, is %s", hex,
                       how);
    return ERR_CORRUPT;
}

const char *vault_what(const struct vault *v)
{
    return v->what;
}

/* ---- walking ---- */

/* Memory of a walk: what stands above the lists. */
struct above {
    uint8_t index[VAULT_CHUNK + VAULT_OBJECT_HEAD];
    uint8_t page[VAULT_CHUNK + VAULT_OBJECT_HEAD];
};

static void above_free(struct above **place)
{
    if (*place != NULL)
        secret_wipe(*place, sizeof **place);
    free(*place);
}

struct going {
    struct vault *v;
    enum walk_how how;
    const struct vault_seen *seen; /* NULL: items only */
    struct entries *items;         /* NULL: objects only */
    struct above *mem;
};

/* What cannot be opened ends a strict walk only. */
static enum err go_on(const struct going *g, enum err e)
{
    if (g->how == WALK_ON && (e == ERR_UNKNOWN || e == ERR_AUTH || e == ERR_FORMAT))
        return OK;
    return e;
}

static enum err see(const struct going *g, enum vault_kind kind, const uint8_t *id)
{
    return g->seen == NULL ? OK : g->seen->see(g->seen->ctx, kind, id, 0);
}

static enum err go_item(const struct going *g, const struct vault_item *item)
{
    if (g->seen == NULL)
        return OK;
    g->v->at_item = item->name;
    for (uint32_t i = 0; i < item->n_now; i++)
        TRY(go_on(g, vault_tree_walk(&g->v->io, &item->now[i], g->seen)));
    for (uint32_t i = 0; i < item->n_past; i++)
        TRY(go_on(g, vault_tree_walk(&g->v->io, &item->past[i], g->seen)));
    g->v->at_item = (struct bytes){ 0 };
    return OK;
}

static enum err keep_item(const struct going *g, const struct vault_item *item)
{
    struct entry *e = NULL;
    if (g->items == NULL)
        return OK;
    if (g->items->n >= VAULT_ITEMS_MAX)
        return ERR_FORMAT;
    TRY(item_entry(item, &e));
    enum err kept = entries_add(g->items, e);
    if (kept != OK)
        entry_free(e);
    return kept;
}

static enum err go_items(const struct going *g, struct bytes page, size_t number,
                         uint8_t bits)
{
    struct vault_item item = { 0 };
    struct vault_item before = { 0 };
    struct bytes encoded = { 0 };
    for (size_t i = 0; page.n > 0; i++) {
        TRY(vault_page_next(&page, number, bits, i > 0 ? &before : NULL, &encoded,
                            &item));
        TRY(keep_item(g, &item));
        TRY(go_item(g, &item));
        before = item;
    }
    return OK;
}

static enum err go_page(const struct going *g, const struct vault_index *index,
                        size_t number)
{
    const uint8_t *id = index->pages.p + number * VAULT_ID;
    const uint8_t none[VAULT_ID] = { 0 };
    struct bytes page = { 0 };
    if (bytes_equal(bytes_of(id, VAULT_ID), BYTES_OF(none)))
        return OK;
    TRY(see(g, VAULT_PAGE, id));
    TRY(vault_get(&g->v->io, VAULT_PAGE, id, SPAN_OF(g->mem->page), &page));
    return go_items(g, page, number, index->bits);
}

static enum err go_state(const struct going *g, const struct vault_state *s)
{
    const uint8_t none[VAULT_ID] = { 0 };
    struct vault_index index = { 0 };
    if (s->version == 0 || bytes_equal(BYTES_OF(s->index), BYTES_OF(none)))
        return OK;
    TRY(see(g, VAULT_INDEX, s->index));
    enum err e = vault_index_get(&g->v->io, s->index, SPAN_OF(g->mem->index), &index);
    if (e != OK)
        return go_on(g, e);
    for (size_t i = 0; i < (size_t)1 << index.bits; i++)
        TRY(go_on(g, go_page(g, &index, i)));
    return OK;
}

static enum err go(struct going *g, const struct vault_state *s)
{
    struct above *mem __attribute__((cleanup(above_free))) = calloc(1, sizeof *mem);
    if (mem == NULL)
        return ERR_NOMEM;
    g->mem = mem;
    g->v->at_item = (struct bytes){ 0 };
    enum err e = vault_name_trouble(g->v, go_state(g, s));
    g->v->at_item = (struct bytes){ 0 };
    return e;
}

enum err vault_walk(struct vault *v, const struct vault_state *s, enum walk_how how,
                    const struct vault_seen *seen)
{
    struct going g = { .v = v, .how = how, .seen = seen };
    return go(&g, s);
}

enum err vault_entries_read(struct vault *v, const struct vault_state *s,
                            struct entries *out)
{
    struct entries list = { 0 };
    struct going g = { .v = v, .how = WALK_STRICT, .items = &list };
    enum err e = go(&g, s);
    if (e != OK) {
        entries_free(&list);
        return e;
    }
    *out = list;
    return OK;
}

/* ---- what rounds ask ---- */

static enum err add_id(void *ctx, enum vault_kind kind, const uint8_t id[VAULT_ID],
                       uint64_t at)
{
    (void)kind;
    (void)at;
    return vault_ids_add(ctx, id, 1);
}

enum err vault_walk_ids(struct vault *v, const struct vault_state *s, enum walk_how how,
                        struct home_blob *out)
{
    AUTO_BLOB struct home_blob ids = { 0 };
    const struct vault_seen seen = { &ids, add_id };
    TRY(vault_walk(v, s, how, &seen));
    vault_ids_sort(&ids);
    *out = ids;
    ids = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

enum err vault_needs(struct vault *v, struct home_blob *out_ids)
{
    return vault_walk_ids(v, &v->state, WALK_STRICT, out_ids);
}

enum err vault_needs_of(struct vault *v, const struct vault_state *s,
                        struct home_blob *out_ids)
{
    return vault_walk_ids(v, s, WALK_STRICT, out_ids);
}

struct lacking {
    struct vault *v;
    struct home_blob ids;
};

static enum err add_lack(void *ctx, enum vault_kind kind, const uint8_t id[VAULT_ID],
                         uint64_t at)
{
    struct lacking *l = ctx;
    (void)kind;
    (void)at;
    return vault_has(l->v, id) ? OK : vault_ids_add(&l->ids, id, 1);
}

enum err vault_lacks(struct vault *v, const struct vault_state *theirs,
                     struct home_blob *out_ids)
{
    struct lacking l = { .v = v };
    const struct vault_seen seen = { &l, add_lack };
    enum err e = vault_walk(v, theirs, WALK_ON, &seen);
    if (e != OK) {
        home_blob_free(&l.ids);
        return e;
    }
    vault_ids_sort(&l.ids);
    *out_ids = l.ids;
    return OK;
}

struct checking {
    struct vault *v;
    size_t n;
};

static enum err check_one(void *ctx, enum vault_kind kind, const uint8_t id[VAULT_ID],
                          uint64_t at)
{
    struct checking *c = ctx;
    struct vault_work *w = c->v->work;
    struct bytes content = { 0 };
    (void)at;
    c->n++;
    return vault_get(&c->v->io, kind, id, SPAN_OF(w->plain), &content);
}

enum err vault_check(struct vault *v, size_t *out_objects, char out_what[VAULT_WHAT])
{
    struct checking c = { .v = v };
    const struct vault_seen seen = { &c, check_one };
    enum err e = vault_walk(v, &v->state, WALK_STRICT, &seen);
    if (e == ERR_CORRUPT)
        memcpy(out_what, v->what, VAULT_WHAT);
    TRY(e);
    *out_objects = c.n;
    return OK;
}
