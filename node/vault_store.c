/* SPDX-License-Identifier: Apache-2.0 */
#include "node/vault_part.h"
#include "node/ward.h"

/* ---- records ---- */

static const struct wire_field record_vault_fields[] = {
    W_FIX(record_vault, ward, 1, WIRE_MUST),
    W_UINT(record_vault, newest, 2, WIRE_MAY, VAULT_VERSION_MAX),
    W_FIX(record_vault, newest_hash, 3, WIRE_MAY),
    W_UINT(record_vault, oldest, 4, WIRE_MAY, VAULT_VERSION_MAX),
    W_UINT(record_vault, heads, 5, WIRE_MAY, UINT32_MAX),
    W_UINT(record_vault, used, 6, WIRE_MAY, UINT64_MAX),
    W_UINT(record_vault, live, 7, WIRE_MAY, UINT64_MAX),
    W_UINT(record_vault, objects.count, 8, WIRE_MAY, UINT32_MAX),
    W_FIX(record_vault, objects.sum, 9, WIRE_MAY),
    W_UINT(record_vault, seq, 10, WIRE_MAY, UINT64_MAX),
    W_UINT(record_vault, high, 11, WIRE_MAY, UINT64_MAX),
    W_UINT(record_vault, high_at, 12, WIRE_MAY, UINT64_MAX),
    W_UINT(record_vault, swept, 13, WIRE_MAY, UINT64_MAX),
    W_UINT(record_vault, told, 14, WIRE_MAY, UINT64_MAX),
    W_UINT(record_vault, unsure, 15, WIRE_MAY, VAULT_VERSION_MAX),
};
const struct wire_schema record_vault_schema =
    W_SCHEMA(record_vault, record_vault_fields);

static const struct wire_field record_object_fields[] = {
    W_UINT(record_object, seq, 1, WIRE_MUST, UINT64_MAX),
    W_UINT(record_object, size, 2, WIRE_MUST, VAULT_OBJECT_MAX),
    W_UINT(record_object, received, 3, WIRE_MUST, UINT64_MAX),
    W_UINT(record_object, base, 4, WIRE_MAY, VAULT_VERSION_MAX),
    W_UINT(record_object, dropped, 5, WIRE_MAY, VAULT_VERSION_MAX),
    W_UINT(record_object, was, 6, WIRE_MAY, VAULT_VERSION_MAX),
};
const struct wire_schema record_object_schema =
    W_SCHEMA(record_object, record_object_fields);

static const struct wire_field record_mark_fields[] = {
    W_UINT(record_mark, received, 1, WIRE_MUST, UINT64_MAX),
    W_UINT(record_mark, size, 2, WIRE_MUST, VAULT_HEAD_MAX + VAULT_WITNESS_MAX),
    W_UINT(record_mark, unsure, 3, WIRE_MAY, 1),
};
const struct wire_schema record_mark_schema = W_SCHEMA(record_mark, record_mark_fields);

static const struct wire_field record_head_fields[] = {
    W_BYTES(record_head, head, 1, WIRE_MUST, 1, VAULT_HEAD_MAX),
    W_BYTES(record_head, witness, 2, WIRE_MUST, 1, VAULT_WITNESS_MAX),
};
const struct wire_schema record_head_schema = W_SCHEMA(record_head, record_head_fields);

/* ---- keys ---- */

static struct txn_key key_find(const uint8_t ward[ID_BYTES], const uint8_t id[VAULT_ID])
{
    struct txn_key k = key_id(ward);

    memcpy(k.b + k.n, id, VAULT_ID);
    k.n += VAULT_ID;
    return k;
}

struct txn_key key_aged(const uint8_t ward[ID_BYTES], uint64_t at,
                        const uint8_t id[VAULT_ID])
{
    struct txn_key k = key_blob(ward, at);

    memcpy(k.b + k.n, id, VAULT_ID);
    k.n += VAULT_ID;
    return k;
}

uint64_t key_age(const struct txn_key *key)
{
    return load_u64(key->b + ID_BYTES);
}

const uint8_t *key_object_id(const struct txn_key *key)
{
    return key->b + ID_BYTES + 8;
}

static struct data_id data_of(const uint8_t ward[ID_BYTES])
{
    struct data_id id = { .epoch = DATA_VAULT };

    memcpy(id.ward, ward, ID_BYTES);
    return id;
}

/* ---- the vault ---- */

enum err kept_load(struct call *c, struct record_ward *out_ward, struct record_vault *out)
{
    struct record_vault v = { 0 };
    struct txn_key key = key_id(c->who->ward);

    TRY(ward_get(c, c->who->ward, out_ward));
    if (out_ward->left != 0)
        return ERR_LEFT;
    enum err e = record_get(c, TAB_VAULT, &record_vault_schema, &key, &v);
    if (e == ERR_UNKNOWN && out_ward->vault != 0)
        return ERR_CORRUPT;
    if (e != ERR_UNKNOWN)
        TRY(e);
    memcpy(v.ward, out_ward->ward, ID_BYTES);
    *out = v;
    return OK;
}

enum err kept_store(struct call *c, struct record_ward *ward,
                    const struct record_vault *v)
{
    struct txn_key key = key_id(v->ward);

    if (ward->vault == 0) {
        ward->vault = 1;
        TRY(ward_put(c, ward));
    }
    return record_put(c, TAB_VAULT, &record_vault_schema, &key, v);
}

/* ---- under the ward's data key ---- */

/* The first thing that lies under it draws it. */
static enum err put_sealed(struct call *c, const uint8_t ward[ID_BYTES],
                           enum store_table tab, const struct txn_key *key,
                           struct bytes value)
{
    struct data_id id = data_of(ward);
    enum err e = data_key_has(c->txn, &id);

    if (e == ERR_UNKNOWN)
        e = data_key_new(c->txn, &id);
    TRY(e);
    return data_put(c->txn, &id, tab, key_bytes(key), value);
}

static enum err get_sealed(struct call *c, const uint8_t ward[ID_BYTES],
                           enum store_table tab, const struct txn_key *key,
                           struct bytes *out)
{
    struct data_id id = data_of(ward);

    return record_bytes(c, &id, tab, key, out);
}

enum err kept_head_put(struct call *c, const uint8_t ward[ID_BYTES], uint64_t version,
                       const struct record_head *h)
{
    struct txn_key key = key_blob(ward, version);
    struct buf b = scratch_buf(c);
    struct bytes raw = { 0 };
    size_t mark = c->mem.n;

    wire_put(&record_head_schema, h, &b);
    TRY(scratch_keep(c, &b, &raw));
    enum err e = put_sealed(c, ward, TAB_VAULT_HEAD, &key, raw);
    c->mem.n = mark;
    return e;
}

enum err kept_head(struct call *c, const uint8_t ward[ID_BYTES], uint64_t version,
                   struct record_head *out)
{
    struct txn_key key = key_blob(ward, version);
    struct bytes raw = { 0 };

    TRY(get_sealed(c, ward, TAB_VAULT_HEAD, &key, &raw));
    return wire_get(&record_head_schema, raw, out) == OK ? OK : ERR_CORRUPT;
}

/* ---- one object ---- */

enum err kept_find(struct call *c, const uint8_t ward[ID_BYTES],
                   const uint8_t id[VAULT_ID], struct record_object *out)
{
    struct record_object o = { 0 };
    struct txn_key key = key_find(ward, id);
    size_t mark = c->mem.n;
    enum err e = record_get(c, TAB_VAULT_FIND, &record_object_schema, &key, &o);

    c->mem.n = mark; /* no slice in it */
    TRY(e);
    *out = o;
    return OK;
}

static enum err put_find(struct call *c, const uint8_t ward[ID_BYTES],
                         const uint8_t id[VAULT_ID], const struct record_object *o)
{
    struct txn_key key = key_find(ward, id);

    return record_put(c, TAB_VAULT_FIND, &record_object_schema, &key, o);
}

bool kept_staged(const struct record_vault *v, const struct record_object *o)
{
    return o->base >= v->newest;
}

enum err kept_bytes(struct call *c, const uint8_t ward[ID_BYTES],
                    const uint8_t id[VAULT_ID], const struct record_object *o,
                    struct bytes *out)
{
    struct txn_key key = key_blob(ward, o->seq);
    struct bytes raw = { 0 };
    uint8_t now[VAULT_ID];

    TRY(get_sealed(c, ward, TAB_VAULT_BULK, &key, &raw));
    vault_object_id(raw, now);
    if (!bytes_equal(BYTES_OF(now), bytes_of(id, VAULT_ID)))
        return ERR_CORRUPT;
    *out = raw;
    return OK;
}

static enum err put_bulk(struct call *c, const struct record_vault *v, uint64_t seq,
                         struct bytes object)
{
    struct txn_key key = key_blob(v->ward, seq);

    return put_sealed(c, v->ward, TAB_VAULT_BULK, &key, object);
}

static enum err put_aged(struct call *c, enum store_table tab,
                         const uint8_t ward[ID_BYTES], uint64_t at,
                         const uint8_t id[VAULT_ID])
{
    static const uint8_t here = 1;
    struct txn_key key = key_aged(ward, at, id);

    return txn_put(c->txn, tab, key_bytes(&key), bytes_of(&here, 1));
}

static enum err del_aged(struct call *c, enum store_table tab,
                         const uint8_t ward[ID_BYTES], uint64_t at,
                         const uint8_t id[VAULT_ID])
{
    struct txn_key key = key_aged(ward, at, id);

    return txn_del(c->txn, tab, key_bytes(&key));
}

/* ---- taking objects ---- */

/* It waits for a head from now on, unless one comes with it. */
static enum err stage(struct call *c, const struct record_vault *v,
                      const uint8_t id[VAULT_ID], enum vault_came came,
                      struct record_object *o)
{
    o->received = c->now;
    o->base = v->newest;
    TRY(put_find(c, v->ward, id, o));
    if (came == CAME_WITH_HEAD)
        return OK;
    return put_aged(c, TAB_VAULT_STAGED, v->ward, o->received, id);
}

static enum err take_new(struct call *c, struct record_vault *v, struct bytes object,
                         const uint8_t id[VAULT_ID], enum vault_came came)
{
    struct record_object o = { .seq = ++v->seq, .size = (uint32_t)object.n };

    TRY(put_bulk(c, v, o.seq, object));
    v->used += object.n;
    v->live += object.n;
    owned_add(&v->objects, id);
    return stage(c, v, id, came, &o);
}

/* What says where it is does not open: it was counted before. */
static enum err take_damaged(struct call *c, struct record_vault *v, struct bytes object,
                             const uint8_t id[VAULT_ID], enum vault_came came)
{
    struct record_object o = { .seq = ++v->seq, .size = (uint32_t)object.n };

    TRY(put_bulk(c, v, o.seq, object));
    return stage(c, v, id, came, &o);
}

/* Its bytes may have rotted: then these take their place. */
static enum err mend(struct call *c, const struct record_vault *v, struct bytes object,
                     const uint8_t id[VAULT_ID], const struct record_object *o,
                     bool *out_mended)
{
    struct bytes old = { 0 };
    size_t mark = c->mem.n;
    enum err e = kept_bytes(c, v->ward, id, o, &old);

    c->mem.n = mark;
    *out_mended = e == ERR_CORRUPT || e == ERR_UNKNOWN;
    if (!*out_mended)
        return e;
    return put_bulk(c, v, o->seq, object);
}

/* Put again: a dropped one is wanted again, one that waits for a head waits anew. */
static enum err take_again(struct call *c, struct record_vault *v,
                           const uint8_t id[VAULT_ID], enum vault_came came,
                           struct record_object *o)
{
    if (o->dropped != 0) {
        TRY(del_aged(c, TAB_VAULT_GONE, v->ward, o->dropped, id));
        o->was = o->dropped;
        o->dropped = 0;
        v->live += o->size;
        return stage(c, v, id, came, o);
    }
    if (!kept_staged(v, o) || o->received == c->now)
        return OK;
    TRY(del_aged(c, TAB_VAULT_STAGED, v->ward, o->received, id));
    return stage(c, v, id, came, o);
}

static enum err take_one(struct call *c, struct record_vault *v, struct bytes object,
                         enum vault_came came, uint32_t *io_stored)
{
    struct record_object o = { 0 };
    uint8_t id[VAULT_ID];
    bool mended = false;

    vault_object_id(object, id);
    enum err e = kept_find(c, v->ward, id, &o);
    if (e == ERR_UNKNOWN || e == ERR_CORRUPT) {
        (*io_stored)++;
        return e == ERR_UNKNOWN ? take_new(c, v, object, id, came)
                                : take_damaged(c, v, object, id, came);
    }
    TRY(e);
    TRY(mend(c, v, object, id, &o, &mended));
    *io_stored += mended || o.dropped != 0;
    return take_again(c, v, id, came, &o);
}

/* How much there is that is not stored. */
static enum err measure(struct call *c, const struct record_vault *v,
                        struct bytes objects, uint64_t *out_bytes, uint64_t *out_n)
{
    uint64_t bytes = 0;
    uint64_t n = 0;

    while (objects.n > 0) {
        struct record_object o = { 0 };
        struct bytes object = { 0 };
        uint8_t id[VAULT_ID];

        TRY(vault_frame_next(&objects, &object));
        if (object.n < VAULT_OBJECT_MIN || object.n > VAULT_OBJECT_MAX)
            return ERR_FORMAT;
        vault_object_id(object, id);
        if (kept_find(c, v->ward, id, &o) == OK)
            continue;
        bytes += object.n;
        n++;
    }
    *out_bytes = bytes;
    *out_n = n;
    return OK;
}

enum err kept_take(struct call *c, struct record_vault *v, struct bytes objects,
                   enum vault_came came, uint64_t further, uint32_t *out_stored)
{
    uint64_t bytes = 0;
    uint64_t n = 0;
    uint32_t stored = 0;

    TRY(measure(c, v, objects, &bytes, &n));
    TRY(kept_room(c, v, bytes + further, n, came));
    while (objects.n > 0) {
        struct bytes object = { 0 };

        TRY(vault_frame_next(&objects, &object));
        TRY(take_one(c, v, object, came, &stored));
    }
    *out_stored = stored;
    return OK;
}

/* ---- letting go ---- */

enum err kept_drop(struct call *c, struct record_vault *v, const uint8_t id[VAULT_ID],
                   uint64_t version, uint64_t *io_bytes)
{
    struct record_object o = { 0 };
    enum err e = kept_find(c, v->ward, id, &o);

    /* What is not there, or cannot be found, is not wanted already. */
    if (e == ERR_UNKNOWN || e == ERR_CORRUPT || (e == OK && o.dropped != 0))
        return OK;
    TRY(e);
    o.dropped = version;
    o.was = 0;
    v->live -= o.size < v->live ? o.size : v->live;
    *io_bytes += o.size;
    TRY(put_aged(c, TAB_VAULT_GONE, v->ward, version, id));
    return put_find(c, v->ward, id, &o);
}

enum err kept_undo(struct call *c, struct record_vault *v, const uint8_t id[VAULT_ID],
                   struct record_object *o)
{
    o->dropped = o->was;
    o->was = 0;
    v->live -= o->size < v->live ? o->size : v->live;
    TRY(put_aged(c, TAB_VAULT_GONE, v->ward, o->dropped, id));
    return put_find(c, v->ward, id, o);
}

enum err kept_erase(struct call *c, struct record_vault *v, const uint8_t id[VAULT_ID],
                    const struct record_object *o)
{
    struct txn_key bulk = key_blob(v->ward, o->seq);
    struct txn_key find = key_find(v->ward, id);

    v->used -= o->size < v->used ? o->size : v->used;
    if (o->dropped == 0)
        v->live -= o->size < v->live ? o->size : v->live;
    owned_drop(&v->objects, id);
    TRY(txn_del(c->txn, TAB_VAULT_BULK, key_bytes(&bulk)));
    return txn_del(c->txn, TAB_VAULT_FIND, key_bytes(&find));
}
