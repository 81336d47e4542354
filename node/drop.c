/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop_part.h"

/* Old entries go a few at a time, so that one append never pays for a thousand. */
enum { SWEEP = 4 };

/* ---- records ---- */

static const struct wire_field drop_key_fields[] = {
    W_FIX(drop_key, key, 1, WIRE_MUST),
};
static const struct wire_schema drop_key_schema = W_SCHEMA(drop_key, drop_key_fields);

static const struct wire_field record_drop_fields[] = {
    W_FIX(record_drop, drop, 1, WIRE_MUST),
    W_UINT(record_drop, kind, 2, WIRE_MUST, KIND_MADE),
    W_UINT(record_drop, seq, 3, WIRE_MAY, UINT64_MAX),
    W_UINT(record_drop, kept, 4, WIRE_MAY, UINT64_MAX),
    W_FIX(record_drop, head, 5, WIRE_MAY),
    W_FIX(record_drop, holder, 6, WIRE_MUST),
    W_UINT(record_drop, by[CAUSE_OWNER], 7, WIRE_MAY, UINT32_MAX),
    W_UINT(record_drop, by[CAUSE_DEVICE], 8, WIRE_MAY, UINT32_MAX),
    W_UINT(record_drop, by[CAUSE_SHEET], 9, WIRE_MAY, UINT32_MAX),
    W_UINT(record_drop, by[CAUSE_ROSTER], 10, WIRE_MAY, UINT32_MAX),
    W_UINT(record_drop, test_day, 11, WIRE_MAY, UINT64_MAX),
    W_UINT(record_drop, tests, 12, WIRE_MAY, UINT32_MAX),
    W_UINT(record_drop, rule, 13, WIRE_MAY, DROP_RULE_KEYS),
    W_LIST(record_drop, keys, 14, WIRE_MAY, 0, &drop_key_schema),
    W_FIX(record_drop, token, 15, WIRE_MAY),
    W_UINT(record_drop, keep, 16, WIRE_MAY, UINT32_MAX),
    W_UINT(record_drop, most, 17, WIRE_MAY, UINT32_MAX),
    W_UINT(record_drop, bytes, 18, WIRE_MAY, UINT64_MAX),
    W_UINT(record_drop, freed, 19, WIRE_MAY, UINT64_MAX),
    W_UINT(record_drop, used, 20, WIRE_MAY, UINT64_MAX),
    W_UINT(record_drop, closed, 21, WIRE_MAY, 1),
};
const struct wire_schema record_drop_schema = W_SCHEMA(record_drop, record_drop_fields);

static const struct wire_field record_blob_fields[] = {
    W_UINT(record_blob, received, 1, WIRE_MUST, UINT64_MAX),
    W_FIX(record_blob, head, 2, WIRE_MUST),
    W_BYTES(record_blob, blob, 3, WIRE_MUST, 1, RECORD_BLOB_MAX),
    W_FIX(record_blob, before, 4, WIRE_MAY),
    W_UINT(record_blob, cause, 5, WIRE_MAY, CAUSES - 1),
    W_FIX(record_blob, source, 6, WIRE_MAY),
};
const struct wire_schema record_blob_schema = W_SCHEMA(record_blob, record_blob_fields);

enum err drop_load(struct call *c, const uint8_t drop[ID_BYTES], struct record_drop *out)
{
    struct txn_key key = key_id(drop);
    struct record_drop d = { 0 };
    size_t mark = c->mem.n;
    enum err e = record_get(c, TAB_DROP, &record_drop_schema, &key, &d);

    c->mem.n = mark; /* no slice in it */
    TRY(e);
    *out = d;
    return OK;
}

enum err drop_store(struct call *c, const struct record_drop *d)
{
    struct txn_key key = key_id(d->drop);

    return record_put(c, TAB_DROP, &record_drop_schema, &key, d);
}

enum err drop_blob(struct call *c, const struct record_drop *d, uint64_t seq,
                   struct record_blob *out)
{
    struct txn_key key = key_blob(d->drop, seq);

    *out = (struct record_blob){ 0 };
    if (seq > d->seq || seq <= d->seq - d->kept)
        return ERR_UNKNOWN;
    return record_get(c, TAB_BLOB, &record_blob_schema, &key, out);
}

enum err drop_new(struct call *c, const uint8_t drop[ID_BYTES], enum drop_kind kind,
                  const uint8_t holder[ID_BYTES])
{
    struct record_drop d = { .kind = (uint8_t)kind };
    struct txn_key key = key_id(drop);
    enum err e = txn_has(c->txn, TAB_DROP, key_bytes(&key));

    if (e != ERR_UNKNOWN)
        return e == OK ? ERR_EXISTS : e;
    memcpy(d.drop, drop, ID_BYTES);
    memcpy(d.holder, holder, ID_BYTES);
    return drop_store(c, &d);
}

/* ---- room ---- */

/* How much of an alert drop or log a cause may hold at once: one in so many. A live
 * request may be followed by three entries that are always taken. */
static const uint32_t cause_part[CAUSES] = {
    [CAUSE_OWNER] = 8, [CAUSE_DEVICE] = 16, [CAUSE_SHEET] = 16, [CAUSE_ROSTER] = 8
};

/* And of an alert drop one source of requests: a credential, or who introduces. */
enum { SOURCE_PART = 32 };

/* A request's drop is erased with it in one job: it stays small. */
static uint64_t most_blobs(const struct call *c, const struct record_drop *d)
{
    switch (d->kind) {
    case KIND_REQUEST:
        return DROP_REQUEST_BLOBS;
    case KIND_LOG:
    case KIND_INBOX:
        return DROP_LOG_TIMES * c->env->limits->blobs;
    case KIND_MADE:
        return d->most;
    default:
        return c->env->limits->blobs;
    }
}

bool drop_old(const struct call *c, const struct record_drop *d, uint64_t seq,
              const struct record_blob *b)
{
    uint64_t keep = d->kind == KIND_MADE ? d->keep : DROP_KEEP_S;

    if (d->closed != 0 || seq <= d->freed)
        return true;
    return c->now >= keep && b->received <= c->now - keep;
}

static enum err take_oldest(struct call *c, struct record_drop *d,
                            const struct record_blob *b)
{
    struct txn_key key = key_blob(d->drop, d->seq - d->kept + 1);

    TRY(txn_del(c->txn, TAB_BLOB, key_bytes(&key)));
    d->kept--;
    d->bytes -= b->blob.n < d->bytes ? b->blob.n : d->bytes;
    if (d->by[b->cause] > 0)
        d->by[b->cause]--;
    return OK;
}

/* The oldest entry; one that is damaged tells nobody anything: it is old. */
static enum err oldest(struct call *c, const struct record_drop *d, bool *out_old,
                       struct record_blob *out)
{
    uint64_t seq = d->seq - d->kept + 1;
    size_t mark = c->mem.n;
    enum err e = drop_blob(c, d, seq, out);

    c->mem.n = mark;
    *out_old = e == ERR_CORRUPT || e == ERR_UNKNOWN || drop_old(c, d, seq, out);
    return e == ERR_CORRUPT || e == ERR_UNKNOWN ? OK : e;
}

enum err drop_sweep(struct call *c, struct record_drop *d, size_t max, size_t *out_n)
{
    struct record_blob b = { 0 };
    bool old = true;
    size_t n = 0;

    while (n < max && d->kept > 0) {
        TRY(oldest(c, d, &old, &b));
        if (!old)
            break;
        TRY(take_oldest(c, d, &b));
        n++;
    }
    *out_n = n;
    return OK;
}

static enum err source_room(struct call *c, const struct record_drop *d,
                            enum drop_cause cause)
{
    uint64_t most = most_blobs(c, d) / SOURCE_PART;
    uint64_t n = 0;

    if (d->kind != KIND_ALERT || (cause != CAUSE_SHEET && cause != CAUSE_ROSTER) ||
        id_none(c->source) || d->by[cause] < most)
        return OK;
    for (uint64_t seq = d->seq; seq > d->seq - d->kept; seq--) {
        struct record_blob b = { 0 };
        size_t mark = c->mem.n;
        enum err e = drop_blob(c, d, seq, &b);

        c->mem.n = mark;
        if (e != ERR_CORRUPT)
            TRY(e);
        n += b.cause == cause && id_equal(b.source, c->source);
    }
    return n < most ? OK : ERR_FULL;
}

/* What must be told goes in, and the oldest goes; what need not is refused, so that what
 * it would tell of does not happen. A log or inbox is no alert: there the oldest goes. */
static enum err make_room(struct call *c, struct record_drop *d, size_t n,
                          enum drop_cause cause)
{
    struct record_blob b = { 0 };
    uint64_t most = most_blobs(c, d);
    bool old = false;

    if (d->kind == KIND_MADE)
        return d->kept < most && d->bytes + n <= c->env->limits->drop_bytes ? OK
                                                                            : ERR_FULL;
    if (cause != CAUSE_MUST && d->by[cause] >= most / cause_part[cause])
        return ERR_FULL;
    TRY(source_room(c, d, cause));
    if (d->kept < most)
        return OK;
    if (cause != CAUSE_MUST && d->kind == KIND_ALERT)
        return ERR_FULL;
    TRY(oldest(c, d, &old, &b));
    return take_oldest(c, d, &b);
}

enum err drop_add(struct call *c, struct record_drop *d, struct bytes blob,
                  enum drop_cause cause)
{
    struct record_blob b = { .received = c->now, .blob = blob };
    uint8_t hash[HASH_BYTES];
    size_t swept = 0;

    if (blob.n == 0 || blob.n > RECORD_BLOB_MAX)
        return ERR_TOO_BIG;
    TRY(drop_sweep(c, d, SWEEP, &swept));
    TRY(make_room(c, d, blob.n, cause));
    memcpy(b.before, d->head, HASH_BYTES);
    d->seq++;
    d->kept++;
    d->bytes += blob.n;
    d->by[cause] += cause != CAUSE_MUST;
    drop_blob_hash(blob, hash);
    drop_chain(d->head, d->seq, c->now, hash, d->head);
    memcpy(b.head, d->head, HASH_BYTES);
    b.cause = (uint8_t)cause;
    memcpy(b.source, c->source, ID_BYTES);
    struct txn_key key = key_blob(d->drop, d->seq);

    return record_put(c, TAB_BLOB, &record_blob_schema, &key, &b);
}

enum err drop_append(struct call *c, const uint8_t drop[ID_BYTES], struct bytes blob)
{
    struct record_drop d = { 0 };

    TRY(drop_load(c, drop, &d));
    TRY(drop_add(c, &d, blob, CAUSE_MUST));
    return drop_store(c, &d);
}

enum err drop_erase(struct call *c, const uint8_t drop[ID_BYTES])
{
    struct record_drop d = { 0 };
    struct txn_key key = key_id(drop);
    struct txn_key marks = key_blob(drop, 0);

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
    TRY(txn_del(c->txn, TAB_BLOB, key_bytes(&marks)));
    return txn_del(c->txn, TAB_DROP, key_bytes(&key));
}

enum err drop_list(struct call *c, const uint8_t drop[ID_BYTES], uint64_t after,
                   struct drop_entry *out, size_t max, size_t *out_n)
{
    struct record_drop d = { 0 };
    size_t n = 0;

    TRY(drop_load(c, drop, &d));
    for (uint64_t seq = d.seq - d.kept; seq < d.seq && n < max; seq++) {
        struct record_blob b = { 0 };
        size_t mark = c->mem.n;

        if (seq + 1 <= after)
            continue;
        enum err e = drop_blob(c, &d, seq + 1, &b);
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
    struct record_drop d = { 0 };
    struct record_blob b = { 0 };

    TRY(drop_load(c, drop, &d));
    TRY(drop_blob(c, &d, seq, &b));
    *out_blob = b.blob;
    return OK;
}

enum err drop_shut(struct call *c, const uint8_t drop[ID_BYTES])
{
    struct record_drop d = { 0 };
    enum err e = drop_load(c, drop, &d);

    if (e == ERR_UNKNOWN || e == ERR_CORRUPT)
        return OK;
    TRY(e);
    d.closed = 1;
    return drop_store(c, &d);
}
