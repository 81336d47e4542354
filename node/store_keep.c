/* SPDX-License-Identifier: Apache-2.0 */
/* Data keys, op ids and the node log: records like others, with rules of their own. */
#include "node/store_part.h"

/* ---- data keys ---- */

enum { DATA_ID = ID_BYTES + 4 };

static struct bytes data_key(const struct data_id *id, uint8_t out[DATA_ID])
{
    memcpy(out, id->ward, ID_BYTES);
    store_u32(out + ID_BYTES, id->epoch);
    return bytes_of(out, DATA_ID);
}

static enum err data_name(struct txn *t, const struct data_id *id,
                          uint8_t out_name[ID_BYTES])
{
    uint8_t key[DATA_ID];
    uint8_t name[ID_BYTES];
    size_t n = 0;

    TRY(txn_get(t, TAB_DATA, data_key(id, key), SPAN_OF(name), &n));
    if (n != ID_BYTES)
        return ERR_CORRUPT;
    memcpy(out_name, name, ID_BYTES);
    return OK;
}

enum err data_key_has(struct txn *t, const struct data_id *id)
{
    uint8_t key[DATA_ID];

    return txn_has(t, TAB_DATA, data_key(id, key));
}

static enum err note_name(struct names *names, const uint8_t name[ID_BYTES])
{
    if (names->n == NAMES)
        return ERR_BUSY; /* the next transaction has room again */
    memcpy(names->name[names->n++], name, ID_BYTES);
    return OK;
}

enum err data_key_new(struct txn *t, const struct data_id *id)
{
    AUTO_SECRET struct seal_key *fresh = NULL;
    uint8_t name[ID_BYTES];
    uint8_t key[DATA_ID];

    MUST(t->pending != NULL);
    enum err has = data_key_has(t, id);
    if (has != ERR_UNKNOWN)
        return has == OK ? ERR_EXISTS : has;
    TRY(secret_new(&fresh));
    rng_fill(t->rng, fresh->b, sizeof(fresh->b));
    rng_fill(t->rng, name, sizeof(name));
    TRY(txn_put(t, TAB_DATA, data_key(id, key), BYTES_OF(name)));
    TRY(note_name(t->made, name));
    return keyfile_write(t->keys, t->id, t->rng, name, fresh);
}

enum err data_key_drop(struct txn *t, const struct data_id *id)
{
    uint8_t name[ID_BYTES];
    uint8_t key[DATA_ID];

    MUST(t->pending != NULL);
    enum err e = data_name(t, id, name);
    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    TRY(note_name(t->dropped, name));
    TRY(txn_put(t, TAB_TOMB, BYTES_OF(name), (struct bytes){ 0 }));
    return txn_del(t, TAB_DATA, data_key(id, key));
}

/* A record under a data key is bound to its place, as one under the store key is. */
static struct bytes place_of(enum store_table tab, struct bytes key,
                             uint8_t out[FULL_KEY])
{
    MUST(key.n <= STORE_KEY);
    out[0] = (uint8_t)tab;
    memcpy(out + 1, key.p, key.n);
    return bytes_of(out, 1 + key.n);
}

static enum err read_data_key(struct txn *t, const struct data_id *id,
                              struct seal_key *out)
{
    uint8_t name[ID_BYTES];

    TRY(data_name(t, id, name));
    enum err e = keyfile_read(t->keys, t->id, name, out);
    /* The record says that there is a key: both copies are gone. */
    return e == ERR_UNKNOWN ? ERR_CORRUPT : e;
}

enum err data_put(struct txn *t, const struct data_id *id, enum store_table tab,
                  struct bytes key, struct bytes value)
{
    AUTO_SECRET struct seal_key *data = NULL;
    uint8_t place[FULL_KEY];

    if (value.n > STORE_VALUE || key.n > STORE_KEY)
        return ERR_TOO_BIG;
    TRY(secret_new(&data));
    TRY(read_data_key(t, id, data));
    AUTO_FREE uint8_t *sealed = calloc(1, value.n + SEAL_OVERHEAD);
    if (sealed == NULL)
        return ERR_NOMEM;
    struct buf b = { .p = sealed, .cap = value.n + SEAL_OVERHEAD };
    crypt_seal(data, LABEL_STORE_DATA, place_of(tab, key, place), value, t->rng, &b);
    MUST(!b.over);
    return txn_put_any(t, tab, key, buf_bytes(&b));
}

enum err data_get(struct txn *t, const struct data_id *id, enum store_table tab,
                  struct bytes key, struct span out, size_t *out_n)
{
    AUTO_SECRET struct seal_key *data = NULL;
    uint8_t place[FULL_KEY];
    size_t n = 0;

    if (key.n > STORE_KEY)
        return ERR_TOO_BIG;
    TRY(secret_new(&data));
    TRY(read_data_key(t, id, data));
    AUTO_FREE uint8_t *sealed = calloc(1, RECORD);
    if (sealed == NULL)
        return ERR_NOMEM;
    TRY(txn_get(t, tab, key, (struct span){ sealed, RECORD }, &n));
    enum err e = crypt_open(data, LABEL_STORE_DATA, place_of(tab, key, place),
                            bytes_of(sealed, n), out, out_n);
    return e == ERR_FORMAT || e == ERR_AUTH ? ERR_CORRUPT : e;
}

/* ---- looking at everything ---- */

static enum err verify_table(struct txn *t, enum store_table tab, struct store_verdict *v,
                             struct span place)
{
    struct txn_key key = { 0 };
    size_t n = 0;

    for (;;) {
        enum err e = txn_next(t, tab, (struct bytes){ 0 }, &key, place, &n);
        if (e == ERR_UNKNOWN)
            return OK;
        if (e != OK && e != ERR_CORRUPT)
            return e;
        v->records++;
        v->damaged += e == ERR_CORRUPT;
    }
}

static enum err verify_keys(struct txn *t, struct store_verdict *v)
{
    AUTO_SECRET struct seal_key *data = NULL;
    struct txn_key key = { 0 };
    uint8_t name[ID_BYTES];
    size_t n = 0;

    TRY(secret_new(&data));
    for (;;) {
        enum err e = txn_next(t, TAB_DATA, (struct bytes){ 0 }, &key, SPAN_OF(name), &n);
        if (e == ERR_UNKNOWN)
            return OK;
        if (e != OK && e != ERR_CORRUPT && e != ERR_TOO_BIG)
            return e;
        if (e != OK || n != ID_BYTES || keyfile_read(t->keys, t->id, name, data) != OK)
            v->keys_lost++;
    }
}

static const enum store_table tables[] = {

#define STORE_TABLE(name, number, what) TAB_##name,
    STORE_TABLES(STORE_TABLE)
#undef STORE_TABLE
};

enum err txn_verify(struct txn *t, void *arg)
{
    struct store_verdict *v = arg;
    AUTO_FREE uint8_t *place = calloc(1, RECORD);

    if (place == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        TRY(verify_table(t, tables[i], v, (struct span){ place, RECORD }));
    enum err e = verify_keys(t, v);
    secret_wipe(place, RECORD);
    return e;
}

/* ---- op ids ---- */

enum { OP_KEY = 2 * ID_BYTES, OP_RECORD = OP_HEAD + STORE_OP_REPLY, OP_KEPT = 64 };

#define OP_LIFE ((uint64_t)30 * 24 * 3600)

static struct bytes op_key(const uint8_t cred[ID_BYTES], const uint8_t op[ID_BYTES],
                           uint8_t out[OP_KEY])
{
    memcpy(out, cred, ID_BYTES);
    memcpy(out + ID_BYTES, op, ID_BYTES);
    return bytes_of(out, OP_KEY);
}

enum err op_decode(struct bytes in, struct op_record *out)
{
    if (in.n < OP_HEAD)
        return ERR_CORRUPT;
    out->time = load_u64(in.p);
    out->turn = load_u64(in.p + 8);
    memcpy(out->hash, in.p + 16, HASH_BYTES);
    out->reply = bytes_of(in.p + OP_HEAD, in.n - OP_HEAD);
    return OK;
}

enum err txn_op_seen(struct txn *t, const uint8_t cred[ID_BYTES],
                     const uint8_t op[ID_BYTES], const uint8_t hash[HASH_BYTES],
                     struct span out, size_t *out_n)
{
    uint8_t key[OP_KEY];
    uint8_t record[OP_RECORD];
    struct op_record r = { 0 };
    size_t n = 0;

    enum err e = txn_get(t, TAB_OP, op_key(cred, op, key), SPAN_OF(record), &n);
    if (e == OK)
        e = op_decode(bytes_of(record, n), &r);
    /* A damaged answer is as one that was let go: asking again is safe. */
    if (e != OK)
        return e == ERR_CORRUPT ? ERR_UNKNOWN : e;
    if (!bytes_equal(BYTES_OF(r.hash), bytes_of(hash, HASH_BYTES)))
        return ERR_CONFLICT;
    if (r.reply.n > out.n)
        return ERR_TOO_BIG;
    if (r.reply.n > 0)
        memcpy(out.p, r.reply.p, r.reply.n);
    *out_n = r.reply.n;
    return OK;
}

/* What a credential has under its op ids. */
struct ops {
    uint64_t now;
    size_t left;    /* not too old */
    uint64_t first; /* the least turn of what is left, and where */
    struct txn_key oldest;
    uint64_t last; /* the greatest turn */
};

/* Deletes the record at key when it is too old, else counts it. */
static enum err prune_op(struct txn *t, const struct txn_key *key, struct bytes record,
                         struct ops *ops)
{
    struct op_record r = { 0 };

    TRY(op_decode(record, &r));
    ops->last = r.turn > ops->last ? r.turn : ops->last;
    if (ops->now > r.time && ops->now - r.time > OP_LIFE)
        return txn_del(t, TAB_OP, bytes_of(key->b, key->n));
    if (ops->left == 0 || r.turn < ops->first) {
        ops->first = r.turn;
        ops->oldest = *key;
    }
    ops->left++;
    return OK;
}

static enum err prune_ops(struct txn *t, const uint8_t cred[ID_BYTES], struct ops *ops)
{
    struct txn_key key = { 0 };
    uint8_t record[OP_RECORD];
    size_t n = 0;

    for (;;) {
        enum err e =
            txn_next(t, TAB_OP, bytes_of(cred, ID_BYTES), &key, SPAN_OF(record), &n);
        if (e == ERR_UNKNOWN)
            return OK;
        if (e == OK)
            e = prune_op(t, &key, bytes_of(record, n), ops);
        /* A damaged answer must not keep its credential from writing. */
        if (e == ERR_CORRUPT)
            e = txn_del(t, TAB_OP, bytes_of(key.b, key.n));
        TRY(e);
    }
}

enum err txn_op_keep(struct txn *t, const uint8_t cred[ID_BYTES],
                     const uint8_t op[ID_BYTES], const uint8_t hash[HASH_BYTES],
                     uint64_t now, struct bytes reply)
{
    uint8_t key[OP_KEY];
    uint8_t record[OP_RECORD];
    struct buf b = BUF_OF(record);
    struct ops ops = { .now = now };

    if (reply.n > STORE_OP_REPLY)
        return ERR_TOO_BIG;
    TRY(prune_ops(t, cred, &ops));
    if (ops.left >= OP_KEPT)
        TRY(txn_del(t, TAB_OP, bytes_of(ops.oldest.b, ops.oldest.n)));
    buf_put_u64(&b, now);
    buf_put_u64(&b, ops.last + 1);
    buf_put(&b, bytes_of(hash, HASH_BYTES));
    buf_put(&b, reply);
    return txn_put(t, TAB_OP, op_key(cred, op, key), buf_bytes(&b));
}

enum err txn_op_forget(struct txn *t, const uint8_t cred[ID_BYTES])
{
    struct txn_key key = { 0 };

    for (;;) {
        enum err e =
            txn_next(t, TAB_OP, bytes_of(cred, ID_BYTES), &key, (struct span){ 0 }, NULL);
        if (e != OK)
            return e == ERR_UNKNOWN ? OK : e;
        TRY(txn_del(t, TAB_OP, bytes_of(key.b, key.n)));
    }
}

/* ---- the node log ---- */

enum { LOG_RECORD = HASH_BYTES + 10 + STORE_LOG_WHAT, LOG_KEPT = 65536 };

static const uint8_t head_key[] = { 'l', 'o', 'g' };

void log_chain(const uint8_t before[HASH_BYTES], const struct log_entry *entry,
               uint8_t out[HASH_BYTES])
{
    uint8_t numbers[18];

    store_u64(numbers, entry->seq);
    store_u64(numbers + 8, entry->time);
    store_u16(numbers + 16, entry->code);
    crypt_hash(LABEL_LOG_CHAIN,
               PARTS(bytes_of(before, HASH_BYTES), BYTES_OF(numbers),
                     bytes_of(entry->what, entry->n)),
               (struct span){ out, HASH_BYTES });
}

enum err log_decode(uint64_t seq, struct bytes in, struct log_entry *out)
{
    const size_t head = HASH_BYTES + 10;

    if (in.n < head || in.n - head > STORE_LOG_WHAT)
        return ERR_CORRUPT;
    out->seq = seq;
    memcpy(out->hash, in.p, HASH_BYTES);
    out->time = load_u64(in.p + HASH_BYTES);
    out->code = load_u16(in.p + HASH_BYTES + 8);
    out->n = in.n - head;
    if (out->n > 0)
        memcpy(out->what, in.p + head, out->n);
    return OK;
}

enum err txn_log_head(struct txn *t, struct log_head *out_head)
{
    uint8_t record[LOG_HEAD_BYTES];
    size_t n = 0;

    enum err e = txn_get(t, TAB_META, BYTES_OF(head_key), SPAN_OF(record), &n);
    if (e == ERR_UNKNOWN) {
        *out_head = (struct log_head){ 0 };
        return OK;
    }
    TRY(e);
    if (n != LOG_HEAD_BYTES)
        return ERR_CORRUPT;
    out_head->seq = load_u64(record);
    memcpy(out_head->hash, record + 8, HASH_BYTES);
    return OK;
}

static enum err put_head(struct txn *t, const struct log_head *head)
{
    uint8_t record[LOG_HEAD_BYTES];
    struct buf b = BUF_OF(record);

    buf_put_u64(&b, head->seq);
    buf_put(&b, BYTES_OF(head->hash));
    return txn_put(t, TAB_META, BYTES_OF(head_key), buf_bytes(&b));
}

static struct bytes seq_key(uint64_t seq, uint8_t out[8])
{
    store_u64(out, seq);
    return bytes_of(out, 8);
}

enum err txn_log(struct txn *t, uint16_t code, uint64_t now, struct bytes what,
                 struct log_head *out_head)
{
    struct log_entry entry = { .time = now, .code = code, .n = what.n };
    struct log_head head = { 0 };
    uint8_t record[LOG_RECORD];
    struct buf b = BUF_OF(record);
    uint8_t key[8];

    if (what.n > STORE_LOG_WHAT)
        return ERR_TOO_BIG;
    if (what.n > 0)
        memcpy(entry.what, what.p, what.n);
    TRY(txn_log_head(t, &head));
    entry.seq = ++head.seq;
    uint8_t before[HASH_BYTES];
    memcpy(before, head.hash, HASH_BYTES);
    log_chain(before, &entry, head.hash);

    buf_put(&b, BYTES_OF(head.hash));
    buf_put_u64(&b, now);
    buf_put_u16(&b, code);
    buf_put(&b, what);
    TRY(txn_put(t, TAB_LOG, seq_key(entry.seq, key), buf_bytes(&b)));
    if (entry.seq > LOG_KEPT)
        TRY(txn_del(t, TAB_LOG, seq_key(entry.seq - LOG_KEPT, key)));
    TRY(put_head(t, &head));
    if (out_head != NULL)
        *out_head = head;
    return OK;
}

enum err txn_log_get(struct txn *t, uint64_t seq, struct log_entry *out_entry)
{
    struct log_entry entry = { 0 };
    uint8_t record[LOG_RECORD];
    uint8_t key[8];
    size_t n = 0;

    TRY(txn_get(t, TAB_LOG, seq_key(seq, key), SPAN_OF(record), &n));
    TRY(log_decode(seq, bytes_of(record, n), &entry));
    *out_entry = entry;
    return OK;
}
