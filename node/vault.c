/* SPDX-License-Identifier: Apache-2.0 */
#include "node/vault_part.h"
#include "node/ward.h"

/* ---- VAULT_HAVE ---- */

/* What waited nearly too long for a head counts as gone, so that it is put again. */
static enum err has(struct call *c, const struct record_vault *v,
                    const uint8_t id[VAULT_ID], bool *out)
{
    struct record_object o = { 0 };
    enum err e = kept_find(c, v->ward, id, &o);

    if (e == ERR_UNKNOWN || e == ERR_CORRUPT) {
        *out = false;
        return OK;
    }
    TRY(e);
    bool stale = kept_staged(v, &o) && c->now >= VAULT_STAGED_SURE_S &&
                 o.received <= c->now - VAULT_STAGED_SURE_S;
    *out = o.dropped == 0 && !stale;
    return OK;
}

/* What stays until somebody drops it. What waits for a head may be another's push. */
static bool stays(struct call *c, const struct record_vault *v, struct bytes id)
{
    struct record_object o = { 0 };

    return kept_find(c, v->ward, id.p, &o) == OK && o.dropped == 0 && !kept_staged(v, &o);
}

/* So that whoever lost a device can drop what a thief brought, and cannot know of. */
static enum err list(struct call *c, const struct record_vault *v, const uint8_t *after,
                     struct rep_vault_have *rep)
{
    struct txn_key at = key_id(v->ward);
    struct span room = { 0 };
    enum err e = OK;
    size_t n = 0;

    TRY(scratch_take(c, VAULT_LISTED * VAULT_ID, &room));
    struct buf b = { .p = room.p, .cap = room.n };

    memcpy(at.b + ID_BYTES, after, VAULT_ID);
    at.n += VAULT_ID;
    while (n++ < VAULT_LISTED && (e = txn_next(c->txn, TAB_VAULT_FIND, BYTES_OF(v->ward),
                                               &at, (struct span){ 0 }, NULL)) == OK) {
        struct bytes id = bytes_of(at.b + ID_BYTES, VAULT_ID);

        if (stays(c, v, id))
            buf_put(&b, id);
    }
    rep->ids = buf_bytes(&b);
    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    return scratch_copy(c, bytes_of(at.b + ID_BYTES, VAULT_ID), &rep->next);
}

enum err vault_serve_have(struct call *c, const struct req_vault_have *req,
                          struct rep_vault_have *rep)
{
    struct record_ward ward = { 0 };
    struct record_vault v = { 0 };
    struct span bits = { 0 };
    size_t n = req->ids.n / VAULT_ID;

    if (req->ids.n % VAULT_ID != 0 || (n == 0) != (req->list != 0))
        return ERR_FORMAT;
    TRY(kept_load(c, &ward, &v));
    if (req->list != 0)
        return list(c, &v, req->after, rep);
    TRY(scratch_take(c, (n + 7) / 8, &bits));
    for (size_t i = 0; i < n; i++) {
        bool there = false;

        TRY(has(c, &v, req->ids.p + i * VAULT_ID, &there));
        bits.p[i / 8] |= (uint8_t)(there << i % 8);
    }
    rep->bits = bytes_of(bits.p, bits.n);
    return OK;
}

/* ---- VAULT_PUT ---- */

enum err vault_serve_put(struct call *c, const struct req_vault_put *req,
                         struct rep_vault_put *rep)
{
    struct record_ward ward = { 0 };
    struct record_vault v = { 0 };
    uint32_t stored = 0;

    TRY(kept_load(c, &ward, &v));
    TRY(record_changeable(&ward, c->now));
    TRY(kept_take(c, &v, req->objects, CAME_ALONE, 0, &stored));
    if (stored > 0)
        TRY(kept_store(c, &ward, &v));
    rep->stored = stored;
    rep->used = v.used;
    return OK;
}

/* ---- VAULT_GET ---- */

/* One that is gone or damaged is an empty frame: the others can still be given. */
static enum err object_of(struct call *c, const uint8_t id[VAULT_ID], struct bytes *out)
{
    struct record_object o = { 0 };
    enum err e = kept_find(c, c->who->ward, id, &o);

    if (e == OK)
        e = kept_bytes(c, c->who->ward, id, &o, out);
    if (e != ERR_UNKNOWN && e != ERR_CORRUPT)
        return e;
    *out = (struct bytes){ 0 };
    return OK;
}

enum err vault_serve_get(struct call *c, const struct req_vault_get *req,
                         struct rep_vault_get *rep)
{
    struct record_ward ward = { 0 };
    struct span room = { 0 };

    if (req->ids.n % VAULT_ID != 0)
        return ERR_FORMAT;
    /* Read even if what counts it is damaged: there is always a way to get it out. */
    TRY(ward_get(c, c->who->ward, &ward));
    if (ward.left != 0)
        return ERR_LEFT;
    TRY(scratch_take(c, VAULT_BATCH_MAX, &room));
    struct buf b = { .p = room.p, .cap = room.n };
    size_t mark = c->mem.n;

    for (size_t i = 0; i < req->ids.n; i += VAULT_ID) {
        struct bytes object = { 0 };

        TRY(object_of(c, req->ids.p + i, &object));
        if (object.n + 4 > b.cap - b.n)
            break;
        vault_frame_put(object, &b);
        c->mem.n = mark;
    }
    c->mem.n = mark;
    rep->objects = buf_bytes(&b);
    return OK;
}
