/* SPDX-License-Identifier: Apache-2.0 */
#include "node/store_part.h"

/* The order of keys is the order of their bytes; a prefix comes first. */
static int compare(struct bytes a, struct bytes b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++)
        if (a.p[i] != b.p[i])
            return a.p[i] < b.p[i] ? -1 : 1;
    return a.n < b.n ? -1 : a.n > b.n;
}

static bool begins_with(struct bytes key, struct bytes prefix)
{
    return key.n >= prefix.n && bytes_equal(bytes_of(key.p, prefix.n), prefix);
}

static struct bytes key_bytes(const struct full_key *k)
{
    return bytes_of(k->b, k->n);
}

static enum err full_key(enum store_table tab, struct bytes key, struct full_key *out)
{
    if (key.n > STORE_KEY)
        return ERR_TOO_BIG;
    out->b[0] = (uint8_t)tab;
    if (key.n > 0)
        memcpy(out->b + 1, key.p, key.n);
    out->n = 1 + key.n;
    return OK;
}

/* ---- pending writes ---- */

/* FNV-1a; equal sums are compared in full. */
static uint32_t sum_of(struct bytes key)
{
    uint32_t sum = 2166136261u;

    for (size_t i = 0; i < key.n; i++)
        sum = (sum ^ key.p[i]) * 16777619u;
    return sum;
}

static struct pending_op *find_pending(struct txn *t, struct bytes key)
{
    if (t->pending == NULL)
        return NULL;
    uint32_t sum = sum_of(key);

    for (size_t i = 0; i < t->pending->n; i++)
        if (t->pending->sums[i] == sum &&
            bytes_equal(key_bytes(&t->pending->ops[i].key), key))
            return &t->pending->ops[i];
    return NULL;
}

static enum err new_pending(struct txn *t, const struct full_key *key,
                            struct pending_op **out)
{
    /* A read handler that writes is a mistake of ours, not of a peer. */
    MUST(t->pending != NULL);
    struct pending_op *op = find_pending(t, key_bytes(key));
    if (op == NULL) {
        if (t->pending->n == PENDING_OPS)
            return ERR_TOO_BIG;
        t->pending->sums[t->pending->n] = sum_of(key_bytes(key));
        op = &t->pending->ops[t->pending->n++];
        *op = (struct pending_op){ .key = *key, .del = true };
    }
    *out = op;
    return OK;
}

static struct bytes pending_value(const struct txn *t, const struct pending_op *op)
{
    return bytes_of(t->pending->bytes + op->off, op->n);
}

enum err txn_put_any(struct txn *t, enum store_table tab, struct bytes key,
                     struct bytes value)
{
    struct full_key full = { 0 };
    struct pending_op *op = NULL;

    MUST(t->pending != NULL && key.n > 0);
    TRY(full_key(tab, key, &full));
    if (value.n > RECORD - SEAL_OVERHEAD ||
        value.n + SEAL_OVERHEAD > PENDING_BYTES - t->pending->used)
        return ERR_TOO_BIG;
    TRY(new_pending(t, &full, &op));
    struct buf sealed = { .p = t->pending->bytes + t->pending->used,
                          .cap = PENDING_BYTES - t->pending->used };
    crypt_seal(&t->id->store, LABEL_STORE_RECORD, key_bytes(&full), value, t->rng,
               &sealed);
    MUST(!sealed.over);
    op->del = false;
    op->off = t->pending->used;
    op->n = sealed.n;
    t->pending->used += sealed.n;
    return OK;
}

enum err txn_put(struct txn *t, enum store_table tab, struct bytes key,
                 struct bytes value)
{
    return value.n <= STORE_VALUE ? txn_put_any(t, tab, key, value) : ERR_TOO_BIG;
}

enum err txn_del(struct txn *t, enum store_table tab, struct bytes key)
{
    struct full_key full = { 0 };
    struct pending_op *op = NULL;

    MUST(key.n > 0);
    TRY(full_key(tab, key, &full));
    TRY(new_pending(t, &full, &op));
    op->del = true;
    return OK;
}

enum err txn_apply(struct txn *t)
{
    for (size_t i = 0; i < t->pending->n; i++) {
        const struct pending_op *op = &t->pending->ops[i];
        if (op->del)
            TRY(db_del(t->db, key_bytes(&op->key)));
        else
            TRY(db_put(t->db, key_bytes(&op->key), pending_value(t, op)));
    }
    return OK;
}

void txn_forget(struct txn *t)
{
    t->pending->n = 0;
    t->pending->used = 0;
}

/* ---- reading ---- */

static enum err find_sealed(struct txn *t, const struct full_key *key, struct bytes *out)
{
    const struct pending_op *op = find_pending(t, key_bytes(key));

    if (op == NULL)
        return db_get(t->db, key_bytes(key), out);
    if (op->del)
        return ERR_UNKNOWN;
    *out = pending_value(t, op);
    return OK;
}

static enum err open_record(const struct txn *t, const struct full_key *key,
                            struct bytes sealed, struct span out, size_t *out_n)
{
    enum err e =
        crypt_open(&t->id->store, LABEL_STORE_RECORD, key_bytes(key), sealed, out, out_n);

    return e == ERR_FORMAT || e == ERR_AUTH ? ERR_CORRUPT : e;
}

enum err txn_get(struct txn *t, enum store_table tab, struct bytes key, struct span out,
                 size_t *out_n)
{
    struct full_key full = { 0 };
    struct bytes sealed = { 0 };

    TRY(full_key(tab, key, &full));
    TRY(find_sealed(t, &full, &sealed));
    return open_record(t, &full, sealed, out, out_n);
}

enum err txn_has(struct txn *t, enum store_table tab, struct bytes key)
{
    struct full_key full = { 0 };
    struct bytes sealed = { 0 };

    TRY(full_key(tab, key, &full));
    return find_sealed(t, &full, &sealed);
}

/* ---- going through a table ---- */

/* The first key after k in the order of bytes is k and a zero. */
static struct bytes after(struct bytes k, uint8_t out[FULL_KEY + 1])
{
    MUST(k.n <= FULL_KEY);
    memcpy(out, k.p, k.n);
    out[k.n] = 0;
    return bytes_of(out, k.n + 1);
}

/* The first stored record from a key on that no pending write hides. */
static enum err next_stored(struct txn *t, struct bytes from, struct bytes prefix,
                            struct bytes *out_key, struct bytes *out_sealed)
{
    uint8_t place[FULL_KEY + 1];
    struct bytes key = { 0 };
    struct bytes sealed = { 0 };

    for (;;) {
        TRY(db_seek(t->db, from, &key, &sealed));
        if (!begins_with(key, prefix))
            return ERR_UNKNOWN;
        if (key.n > FULL_KEY)
            return ERR_CORRUPT;
        if (find_pending(t, key) == NULL)
            break;
        from = after(key, place);
    }
    *out_key = key;
    *out_sealed = sealed;
    return OK;
}

/* The pending put with the least key from a key on. */
static const struct pending_op *next_pending(const struct txn *t, struct bytes from,
                                             struct bytes prefix)
{
    const struct pending_op *best = NULL;

    for (size_t i = 0; t->pending != NULL && i < t->pending->n; i++) {
        const struct pending_op *op = &t->pending->ops[i];
        struct bytes key = key_bytes(&op->key);
        if (op->del || !begins_with(key, prefix) || compare(key, from) < 0)
            continue;
        if (best == NULL || compare(key, key_bytes(&best->key)) < 0)
            best = op;
    }
    return best;
}

static enum err next_of_both(struct txn *t, struct bytes from, struct bytes prefix,
                             struct bytes *out_key, struct bytes *out_sealed)
{
    const struct pending_op *op = next_pending(t, from, prefix);
    struct bytes key = { 0 };
    struct bytes sealed = { 0 };

    enum err e = next_stored(t, from, prefix, &key, &sealed);
    if (e != OK && (e != ERR_UNKNOWN || op == NULL))
        return e;
    if (op != NULL && (e != OK || compare(key_bytes(&op->key), key) < 0)) {
        key = key_bytes(&op->key);
        sealed = pending_value(t, op);
    }
    *out_key = key;
    *out_sealed = sealed;
    return OK;
}

enum err txn_next(struct txn *t, enum store_table tab, struct bytes prefix,
                  struct txn_key *io_key, struct span out, size_t *out_n)
{
    struct full_key first = { 0 };
    struct full_key last = { 0 };
    struct full_key found = { 0 };
    uint8_t place[FULL_KEY + 1];
    struct bytes key = { 0 };
    struct bytes sealed = { 0 };

    TRY(full_key(tab, prefix, &first));
    struct bytes from = key_bytes(&first);
    if (io_key->n > 0) {
        TRY(full_key(tab, bytes_of(io_key->b, io_key->n), &last));
        struct bytes next = after(key_bytes(&last), place);
        from = compare(next, from) > 0 ? next : from;
    }
    TRY(next_of_both(t, from, key_bytes(&first), &key, &sealed));
    TRY(full_key(tab, bytes_of(key.p + 1, key.n - 1), &found));
    memcpy(io_key->b, found.b + 1, found.n - 1);
    io_key->n = found.n - 1;
    return out_n == NULL ? OK : open_record(t, &found, sealed, out, out_n);
}
