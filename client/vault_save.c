/* SPDX-License-Identifier: Apache-2.0 */
/* One new state of all that changed. */
#include "client/vault_part.h"

/* ---- pages and index ---- */

/* Items of one page, and where they end in the list by id. */
static size_t page_end(const struct vault *v, size_t from, size_t page, uint8_t bits)
{
    while (from < v->all.n && vault_page_of(v->all.p[from]->item.id, bits) == page)
        from++;
    return from;
}

static size_t page_bytes(const struct vault *v, size_t from, size_t to)
{
    size_t n = 0;
    for (; from < to; from++)
        n += 2 + v->all.p[from]->n;
    return n;
}

/* As many pages as items ask for, more where one would not fit an object. */
static enum err bits_for(const struct vault *v, uint8_t *out)
{
    for (uint8_t bits = vault_bits(v->all.n); bits <= VAULT_BITS_MAX; bits++) {
        size_t from = 0;
        bool fits = true;
        for (size_t page = 0; page < (size_t)1 << bits && fits; page++) {
            size_t to = page_end(v, from, page, bits);
            fits = page_bytes(v, from, to) <= VAULT_CHUNK;
            from = to;
        }
        if (fits) {
            *out = bits;
            return OK;
        }
    }
    return ERR_TOO_BIG;
}

static enum err page_put(struct vault *v, size_t from, size_t to, uint8_t id[VAULT_ID])
{
    struct buf page = { .p = v->work->list[0], .cap = VAULT_CHUNK };
    for (; from < to; from++)
        vault_page_put(bytes_of(v->all.p[from]->raw, v->all.p[from]->n), &page);
    MUST(!page.over);
    return vault_put(&v->io, VAULT_PAGE, buf_bytes(&page), id);
}

static enum err pages_put(struct vault *v, uint8_t bits, uint8_t *ids)
{
    size_t from = 0;
    for (size_t page = 0; page < (size_t)1 << bits; page++) {
        size_t to = page_end(v, from, page, bits);
        if (to > from)
            TRY(page_put(v, from, to, ids + page * VAULT_ID));
        from = to;
    }
    return OK;
}

/* All zero where there is no item. */
static enum err index_put(struct vault *v, uint8_t out_id[VAULT_ID])
{
    uint8_t bits = 0;
    memset(out_id, 0, VAULT_ID);
    if (v->all.n == 0)
        return OK;
    TRY(bits_for(v, &bits));
    size_t n = (size_t)VAULT_ID << bits;
    AUTO_FREE uint8_t *ids = calloc(1, n);
    if (ids == NULL)
        return ERR_NOMEM;
    TRY(pages_put(v, bits, ids));
    const struct vault_index index = { bits, (uint32_t)v->all.n, bytes_of(ids, n) };
    return vault_index_put(&v->io, &index, out_id);
}

/* ---- the state ---- */

uint64_t vault_version_after(uint64_t version)
{
    return version < VAULT_VERSION_MAX - 1 ? version + 1 : VAULT_VERSION_MAX - 1;
}

static void parents_set(const struct vault *v, struct vault_state *s)
{
    uint64_t version = v->state.version;
    if (v->state.version > 0)
        vault_state_hash(&v->state, s->parents[s->n_parents++].hash);
    for (uint32_t i = 0; i < v->n_parents && s->n_parents < VAULT_PARENTS; i++)
        s->parents[s->n_parents++] = v->parents[i];
    if (v->parents_version > version)
        version = v->parents_version;
    s->version = vault_version_after(version);
}

static enum err state_make(struct vault *v, uint64_t now, struct vault_state *out)
{
    struct vault_state s = { .generation = v->generation,
                             .made = now,
                             .items = (uint32_t)v->there.n };
    memcpy(s.circle, v->circle, ID_BYTES);
    memcpy(s.device, v->device, ID_BYTES);
    s.device_name = bytes_of(v->device_name, v->device_name_n);
    for (size_t i = 0; i < v->there.n; i++)
        s.bytes += v->there.p[i]->item.now[0].size;
    parents_set(v, &s);
    TRY(index_put(v, s.index));
    *out = s;
    return OK;
}

static enum err state_next(struct vault *v, uint64_t now, struct vault_state *out)
{
    if (v->changed)
        return state_make(v, now, out);
    *out = v->took ? v->next : v->state;
    return OK;
}

/* ---- what is not needed any more ---- */

/* More than the state file has room for is forgotten: nodes keep it, which is no harm. */
enum { UNNEEDED_MAX = 200000 * VAULT_ID };

/* Appends what is in one list and not in the other, both sorted. */
static enum err add_without(const struct home_blob *from, const struct home_blob *without,
                            struct home_blob *out)
{
    for (size_t at = 0; at < from->n; at += VAULT_ID) {
        if (!vault_ids_has(without, from->p + at))
            TRY(vault_ids_add(out, from->p + at, 1));
    }
    return OK;
}

/* out: the list as it will be; fresh: what was written lately and is of no use. */
static enum err unneeded_by(struct vault *v, const struct vault_state *next,
                            struct home_blob *out, struct home_blob *fresh)
{
    AUTO_BLOB struct home_blob old = { 0 };
    AUTO_BLOB struct home_blob new = { 0 };
    TRY(vault_walk_ids(v, &v->state, WALK_ON, &old));
    TRY(vault_walk_ids(v, next, WALK_ON, &new));
    TRY(vault_ids_add(&old, v->foreign.p, v->foreign.n / VAULT_ID));
    TRY(add_without(&v->unneeded, &new, out));
    TRY(add_without(&old, &new, out));
    vault_ids_sort(out);
    out->n = out->n < UNNEEDED_MAX ? out->n : UNNEEDED_MAX;
    return add_without(&v->fresh, &new, fresh); /* no node ever saw these */
}

enum err vault_unneeded(struct vault *v, struct home_blob *out_ids)
{
    AUTO_BLOB struct home_blob ids = { 0 };
    TRY(vault_ids_add(&ids, v->unneeded.p, v->unneeded.n / VAULT_ID));
    *out_ids = ids;
    ids = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

enum err vault_told(struct vault *v, struct bytes ids)
{
    AUTO_BLOB struct home_blob told = { 0 };
    AUTO_BLOB struct home_blob left = { 0 };
    TRY(vault_ids_add(&told, ids.p, ids.n / VAULT_ID));
    vault_ids_sort(&told);
    TRY(add_without(&v->unneeded, &told, &left));
    if (left.n == v->unneeded.n)
        return OK;
    home_blob_free(&v->unneeded);
    v->unneeded = left;
    left = (struct home_blob){ 0 }; /* the vault's now */
    v->told = true;
    return OK;
}

/* ---- saving ---- */

/* Its slices are the vault's own from here on. */
static void state_take(struct vault *v, const struct vault_state *s)
{
    uint8_t raw[VAULT_STATE_MAX];
    struct buf b = BUF_OF(raw);
    wire_put(&vault_state_schema, s, &b);
    MUST(!b.over);
    memcpy(v->state_raw, raw, b.n);
    MUST(wire_get(&vault_state_schema, bytes_of(v->state_raw, b.n), &v->state) == OK);
}

static void settled(struct vault *v, const struct vault_state *s,
                    struct home_blob *take_unneeded)
{
    state_take(v, s);
    home_blob_free(&v->unneeded);
    v->unneeded = *take_unneeded;
    *take_unneeded = (struct home_blob){ 0 };
    v->foreign.n = 0;
    v->fresh.n = 0;
    v->n_parents = 0;
    v->parents_version = 0;
    v->changed = false;
    v->took = false;
    v->told = false;
}

enum err vault_save(struct vault *v, uint64_t now, const struct rng *rng)
{
    AUTO_BLOB struct home_blob unneeded = { 0 };
    AUTO_BLOB struct home_blob fresh = { 0 };
    struct vault_state next = { 0 };
    if (!v->changed && !v->took && !v->told)
        return OK;
    TRY(vault_dirs_make(v));
    enum err e = state_next(v, now, &next);
    secret_wipe(v->work, sizeof *v->work);
    TRY(e);
    TRY(unneeded_by(v, &next, &unneeded, &fresh));
    TRY(vault_barrier(v));
    TRY(vault_state_write(v, &next, bytes_of(unneeded.p, unneeded.n), rng));
    /* All of the list: a cut may have left some of it here. */
    vault_objects_drop(v, bytes_of(unneeded.p, unneeded.n));
    vault_objects_drop(v, bytes_of(fresh.p, fresh.n));
    settled(v, &next, &unneeded);
    return OK;
}
