/* SPDX-License-Identifier: Apache-2.0 */
/* Contents as trees of objects. */
#include "proto/vault.h"

/* ---- one object ---- */

static size_t padded_size(size_t n)
{
    uint64_t padded = vault_pad(n);
    return padded < VAULT_CHUNK ? (size_t)padded : VAULT_CHUNK;
}

static enum err put_as(const struct vault_io *io, enum vault_kind kind,
                       struct bytes content, size_t padded, uint64_t salt,
                       uint8_t out_id[VAULT_ID])
{
    struct vault_work *w = io->work;
    struct buf object = BUF_OF(w->object);
    vault_object_seal(io->keys, kind, content, padded, salt, SPAN_OF(w->plain), &object);
    MUST(!object.over);
    vault_object_id(buf_bytes(&object), w->at);
    TRY(io->store->put(io->store->ctx, w->at, buf_bytes(&object)));
    memcpy(out_id, w->at, VAULT_ID);
    return OK;
}

enum err vault_put(const struct vault_io *io, enum vault_kind kind, struct bytes content,
                   uint8_t out_id[VAULT_ID])
{
    return put_as(io, kind, content, padded_size(content.n), 0, out_id);
}

enum err vault_get(const struct vault_io *io, enum vault_kind kind,
                   const uint8_t id[VAULT_ID], struct span out, struct bytes *out_content)
{
    struct vault_work *w = io->work;
    uint8_t own[VAULT_ID];
    size_t n = 0;
    memmove(w->at, id, VAULT_ID);
    TRY(io->store->get(io->store->ctx, id, SPAN_OF(w->object), &n));
    struct bytes object = bytes_of(w->object, n);
    vault_object_id(object, own);
    /* One of ours in another's place opens just as well. */
    if (!bytes_equal(BYTES_OF(own), BYTES_OF(w->at)))
        return ERR_AUTH;
    return vault_object_open(io->keys, kind, object, out, out_content);
}

/* ---- a content ---- */

uint64_t vault_chunks(uint64_t size)
{
    return (vault_pad(size) + VAULT_CHUNK - 1) / VAULT_CHUNK;
}

uint8_t vault_depth(uint64_t size)
{
    uint64_t n = vault_chunks(size);
    uint8_t depth = 0;
    for (; n > 1; n = (n + VAULT_FAN - 1) / VAULT_FAN)
        depth++;
    return depth;
}

/* Bytes of a content in its chunk number at. */
static size_t chunk_bytes(uint64_t size, uint64_t at)
{
    uint64_t before = at * VAULT_CHUNK;
    if (before >= size)
        return 0;
    return size - before < VAULT_CHUNK ? (size_t)(size - before) : VAULT_CHUNK;
}

/* Its plaintext with padding. */
static size_t chunk_padded(uint64_t size, uint64_t at)
{
    uint64_t left = vault_pad(size) - at * VAULT_CHUNK;
    if (left > VAULT_CHUNK)
        return VAULT_CHUNK;
    return left < VAULT_PAD_MIN ? VAULT_PAD_MIN : (size_t)left;
}

/*
 * What makes a chunk its own: its place; where it is padding alone, also what is padded.
 * Padding that two contents share would show a node how much of it there is.
 */
static uint64_t chunk_salt(const uint8_t last[VAULT_ID], uint64_t at, size_t n)
{
    uint8_t place[8];
    uint8_t salt[8];
    if (n > 0 || at == 0)
        return at;
    store_u64(place, at);
    crypt_hash(LABEL_VAULT_PADDING, PARTS(bytes_of(last, VAULT_ID), BYTES_OF(place)),
               SPAN_OF(salt));
    return load_u64(salt);
}

/* Lists in the making, the lowest first. */
struct lists {
    size_t n[VAULT_DEPTH_MAX];
};

static enum err lists_close(const struct vault_io *io, struct lists *l, unsigned level,
                            uint8_t out_id[VAULT_ID])
{
    struct bytes ids = bytes_of(io->work->list[level], l->n[level]);
    l->n[level] = 0;
    return vault_put(io, VAULT_LIST, ids, out_id);
}

/* Adds an id to the lowest list; a full one moves up first. */
static enum err lists_add(const struct vault_io *io, struct lists *l,
                          const uint8_t id[VAULT_ID])
{
    uint8_t full[VAULT_ID];
    if (l->n[0] == (size_t)VAULT_FAN * VAULT_ID) {
        TRY(lists_close(io, l, 0, full));
        MUST(l->n[1] < (size_t)VAULT_FAN * VAULT_ID);
        memcpy(io->work->list[1] + l->n[1], full, VAULT_ID);
        l->n[1] += VAULT_ID;
    }
    memcpy(io->work->list[0] + l->n[0], id, VAULT_ID);
    l->n[0] += VAULT_ID;
    return OK;
}

static enum err lists_end(const struct vault_io *io, struct lists *l, uint8_t depth,
                          uint8_t out_root[VAULT_ID])
{
    uint8_t low[VAULT_ID];
    TRY(lists_close(io, l, 0, low));
    if (depth > 1) {
        memcpy(io->work->list[1] + l->n[1], low, VAULT_ID);
        l->n[1] += VAULT_ID;
        TRY(lists_close(io, l, 1, low));
    }
    memcpy(out_root, low, VAULT_ID);
    return OK;
}

enum err vault_tree_put(const struct vault_io *io, struct bytes content,
                        struct vault_ref *out_ref)
{
    const uint64_t chunks = vault_chunks(content.n);
    const uint8_t depth = vault_depth(content.n);
    struct lists l = { 0 };
    uint8_t id[VAULT_ID] = { 0 };
    uint8_t last[VAULT_ID] = { 0 };
    if (content.n > UINT32_MAX)
        return ERR_TOO_BIG;
    for (uint64_t i = 0; i < chunks; i++) {
        size_t n = chunk_bytes(content.n, i);
        struct bytes part =
            n > 0 ? bytes_of(content.p + i * VAULT_CHUNK, n) : (struct bytes){ 0 };
        TRY(put_as(io, VAULT_CONTENT, part, chunk_padded(content.n, i),
                   chunk_salt(last, i, n), id));
        if (n > 0)
            memcpy(last, id, VAULT_ID);
        if (depth > 0)
            TRY(lists_add(io, &l, id));
    }
    if (depth > 0)
        TRY(lists_end(io, &l, depth, id));
    out_ref->size = content.n;
    out_ref->depth = depth;
    memcpy(out_ref->root, id, VAULT_ID);
    return OK;
}

/* ---- walking ---- */

struct walk {
    const struct vault_io *io;
    const struct vault_seen *seen;
};

static enum err walk_node(const struct walk *w, unsigned depth,
                          const uint8_t id[VAULT_ID], uint64_t first, uint64_t n)
{
    const struct vault_seen *s = w->seen;
    struct bytes ids = { 0 };
    if (depth == 0)
        return s->see(s->ctx, VAULT_CONTENT, id, first);
    TRY(s->see(s->ctx, VAULT_LIST, id, first));
    TRY(vault_get(w->io, VAULT_LIST, id, SPAN_OF(w->io->work->list[depth - 1]), &ids));
    const uint64_t each = depth > 1 ? VAULT_FAN : 1;
    const uint64_t count = (n + each - 1) / each;
    if (ids.n != count * VAULT_ID)
        return ERR_FORMAT;
    for (uint64_t k = 0; k < count; k++) {
        uint64_t left = n - k * each;
        TRY(walk_node(w, depth - 1, ids.p + k * VAULT_ID, first + k * each,
                      left < each ? left : each));
    }
    return OK;
}

enum err vault_tree_walk(const struct vault_io *io, const struct vault_ref *ref,
                         const struct vault_seen *seen)
{
    const struct walk w = { io, seen };
    uint8_t root[VAULT_ID];
    if (ref->size > UINT32_MAX || ref->depth != vault_depth(ref->size))
        return ERR_FORMAT;
    memcpy(root, ref->root, VAULT_ID);
    return walk_node(&w, ref->depth, root, 0, vault_chunks(ref->size));
}

/* ---- reading ---- */

struct reading {
    const struct vault_io *io;
    struct span out;
};

static enum err read_chunk(void *ctx, enum vault_kind kind, const uint8_t id[VAULT_ID],
                           uint64_t at)
{
    const struct reading *r = ctx;
    struct bytes part = { 0 };
    if (kind != VAULT_CONTENT)
        return OK;
    TRY(vault_get(r->io, VAULT_CONTENT, id, SPAN_OF(r->io->work->plain), &part));
    if (part.n != chunk_bytes(r->out.n, at))
        return ERR_FORMAT;
    if (part.n > 0)
        memcpy(r->out.p + at * VAULT_CHUNK, part.p, part.n);
    return OK;
}

enum err vault_tree_get(const struct vault_io *io, const struct vault_ref *ref,
                        struct span out)
{
    struct reading r = { io, out };
    const struct vault_seen seen = { &r, read_chunk };
    MUST(out.n == ref->size);
    return vault_tree_walk(io, ref, &seen);
}
