/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop.h"

enum { ALERT_BYTES = 128, SWEEP = 8 };

static enum err drop_load(struct call *c, const uint8_t drop[ID_BYTES],
                          struct record_drop *out)
{
    struct txn_key key = key_id(drop);

    return record_get(c, TAB_DROP, &record_drop_schema, &key, out);
}

static enum err drop_store(struct call *c, const struct record_drop *d)
{
    struct txn_key key = key_id(d->drop);

    return record_put(c, TAB_DROP, &record_drop_schema, &key, d);
}

enum err drop_new(struct call *c, const uint8_t drop[ID_BYTES], enum drop_kind kind)
{
    struct record_drop d = { .kind = (uint8_t)kind };
    struct txn_key key = key_id(drop);
    enum err e = txn_has(c->txn, TAB_DROP, key_bytes(&key));

    if (e != ERR_UNKNOWN)
        return e == OK ? ERR_EXISTS : e;
    memcpy(d.drop, drop, ID_BYTES);
    return drop_store(c, &d);
}

/* A request's drop is erased with it in one job: it stays small. */
static uint64_t most_blobs(const struct call *c, const struct record_drop *d)
{
    return d->kind == DROP_REQUEST ? DROP_REQUEST_BLOBS : c->env->limits->blobs;
}

/* The oldest go when they are old or too many; a few at a time, so that one append
 * never pays for a thousand. */
static enum err sweep(struct call *c, struct record_drop *d)
{
    for (int i = 0; i < SWEEP && d->kept > 0; i++) {
        struct txn_key key = key_blob(d->drop, d->seq - d->kept + 1);
        struct record_blob oldest = { 0 };
        size_t mark = c->mem.n;

        enum err e = record_get(c, TAB_BLOB, &record_blob_schema, &key, &oldest);
        c->mem.n = mark;
        /* A damaged one stays for as long as there is room: nothing waits for it. */
        if (e == ERR_CORRUPT || e == ERR_UNKNOWN)
            oldest.received = UINT64_MAX;
        else
            TRY(e);
        if (d->kept < most_blobs(c, d) &&
            (c->now < DROP_KEEP_S || oldest.received > c->now - DROP_KEEP_S))
            return OK;
        TRY(txn_del(c->txn, TAB_BLOB, key_bytes(&key)));
        d->kept--;
    }
    return OK;
}

enum err drop_append(struct call *c, const uint8_t drop[ID_BYTES], struct bytes blob)
{
    struct record_drop d = { 0 };
    struct record_blob b = { .received = c->now, .blob = blob };
    uint8_t hash[HASH_BYTES];

    if (blob.n == 0 || blob.n > RECORD_BLOB_MAX)
        return ERR_TOO_BIG;
    TRY(drop_load(c, drop, &d));
    TRY(sweep(c, &d));
    d.seq++;
    d.kept++;
    drop_blob_hash(blob, hash);
    drop_chain(d.head, d.seq, c->now, hash, d.head);
    memcpy(b.head, d.head, HASH_BYTES);
    struct txn_key key = key_blob(drop, d.seq);

    TRY(record_put(c, TAB_BLOB, &record_blob_schema, &key, &b));
    return drop_store(c, &d);
}

static enum err append_event(struct call *c, const uint8_t drop[ID_BYTES],
                             const struct drop_event *a)
{
    uint8_t raw[ALERT_BYTES];
    struct buf b = BUF_OF(raw);

    wire_put(&drop_event_schema, a, &b);
    MUST(!b.over);
    return drop_append(c, drop, buf_bytes(&b));
}

enum err drop_alert(struct call *c, const struct record_ward *ward,
                    enum record_event event, const uint8_t *request, uint32_t epoch)
{
    struct drop_event a = { .event = (uint8_t)event, .time = c->now, .epoch = epoch };

    memcpy(a.ward, ward->ward, ID_BYTES);
    if (request != NULL)
        memcpy(a.request, request, ID_BYTES);
    return append_event(c, ward->alert, &a);
}

enum err drop_request(struct call *c, const uint8_t ward[ID_BYTES],
                      enum record_event event, const uint8_t request[ID_BYTES])
{
    struct drop_event a = { .event = (uint8_t)event, .time = c->now };

    memcpy(a.ward, ward, ID_BYTES);
    memcpy(a.request, request, ID_BYTES);
    if (event == REC_REQUEST_LIVE)
        TRY(drop_new(c, request, DROP_REQUEST));
    return append_event(c, request, &a);
}

enum err drop_erase(struct call *c, const uint8_t drop[ID_BYTES])
{
    struct record_drop d = { 0 };
    struct txn_key key = key_id(drop);

    enum err e = drop_load(c, drop, &d);
    if (e == ERR_UNKNOWN)
        return OK;
    /* A damaged head cannot say where its blobs are: they stay unreadable. */
    if (e != OK && e != ERR_CORRUPT)
        return e;
    for (uint64_t seq = d.seq - d.kept + 1; seq <= d.seq; seq++) {
        struct txn_key blob = key_blob(drop, seq);

        TRY(txn_del(c->txn, TAB_BLOB, key_bytes(&blob)));
    }
    return txn_del(c->txn, TAB_DROP, key_bytes(&key));
}

enum err drop_list(struct call *c, const uint8_t drop[ID_BYTES], uint64_t after,
                   struct drop_entry *out, size_t max, size_t *out_n)
{
    struct record_drop d = { 0 };
    size_t n = 0;

    TRY(drop_load(c, drop, &d));
    for (uint64_t seq = d.seq - d.kept; seq < d.seq && n < max; seq++) {
        struct txn_key key = key_blob(drop, seq + 1);
        struct record_blob b = { 0 };
        size_t mark = c->mem.n;

        if (seq + 1 <= after)
            continue;
        enum err e = record_get(c, TAB_BLOB, &record_blob_schema, &key, &b);
        c->mem.n = mark;
        if (e == ERR_CORRUPT)
            continue; /* its number is missing: the reader sees that */
        TRY(e);
        out[n] = (struct drop_entry){ .seq = seq + 1, .received = b.received };
        memcpy(out[n++].head, b.head, HASH_BYTES);
    }
    *out_n = n;
    return OK;
}

enum err drop_get(struct call *c, const uint8_t drop[ID_BYTES], uint64_t seq,
                  struct bytes *out_blob)
{
    struct txn_key key = key_blob(drop, seq);
    struct record_blob b = { 0 };

    TRY(record_get(c, TAB_BLOB, &record_blob_schema, &key, &b));
    *out_blob = b.blob;
    return OK;
}
