/* SPDX-License-Identifier: Apache-2.0 */
#include "node/record.h"

/* ---- memory of a call ---- */

enum { SCRATCH_ALIGN = 16 };

enum err scratch_take(struct call *c, size_t n, struct span *out)
{
    struct scratch *m = &c->mem;
    size_t start = (m->n + SCRATCH_ALIGN - 1) / SCRATCH_ALIGN * SCRATCH_ALIGN;

    if (start > m->cap || n > m->cap - start)
        return ERR_NOMEM;
    m->n = start + n;
    m->high = m->n > m->high ? m->n : m->high;
    *out = (struct span){ m->p + start, n };
    if (n > 0)
        memset(out->p, 0, n);
    return OK;
}

enum err scratch_copy(struct call *c, struct bytes in, struct bytes *out)
{
    struct span to = { 0 };

    TRY(scratch_take(c, in.n, &to));
    if (in.n > 0)
        memcpy(to.p, in.p, in.n);
    *out = bytes_of(to.p, to.n);
    return OK;
}

struct buf scratch_buf(struct call *c)
{
    return (struct buf){ .p = c->mem.p + c->mem.n, .cap = c->mem.cap - c->mem.n };
}

enum err scratch_keep(struct call *c, const struct buf *b, struct bytes *out)
{
    MUST(b->p == c->mem.p + c->mem.n);
    c->mem.high = c->mem.n + b->n > c->mem.high ? c->mem.n + b->n : c->mem.high;
    if (b->over)
        return ERR_TOO_BIG;
    c->mem.n += b->n;
    *out = buf_bytes(b);
    return OK;
}

/* The free rest to read into; kept with kept(). */
static struct span rest(struct call *c)
{
    return (struct span){ c->mem.p + c->mem.n, c->mem.cap - c->mem.n };
}

static struct bytes kept(struct call *c, size_t n)
{
    struct bytes out = bytes_of(c->mem.p + c->mem.n, n);

    c->mem.n += n;
    c->mem.high = c->mem.n > c->mem.high ? c->mem.n : c->mem.high;
    return out;
}

bool id_none(const uint8_t id[ID_BYTES])
{
    static const uint8_t none[ID_BYTES];

    return id_equal(id, none);
}

bool id_equal(const uint8_t a[ID_BYTES], const uint8_t b[ID_BYTES])
{
    return bytes_equal(bytes_of(a, ID_BYTES), bytes_of(b, ID_BYTES));
}

void owned_add(struct owned *o, const uint8_t id[ID_BYTES])
{
    o->count++;
    for (size_t i = 0; i < ID_BYTES; i++)
        o->sum[i] ^= id[i];
}

void owned_drop(struct owned *o, const uint8_t id[ID_BYTES])
{
    if (o->count > 0)
        o->count--;
    for (size_t i = 0; i < ID_BYTES; i++)
        o->sum[i] ^= id[i];
}

bool record_frozen(const struct record_ward *ward, uint64_t now)
{
    return ward->frozen > now && ward->thawed == 0;
}

enum err record_changeable(const struct record_ward *ward, uint64_t now)
{
    if (ward->left != 0)
        return ERR_LEFT;
    if (!id_none(ward->move))
        return ERR_MOVED;
    return record_frozen(ward, now) ? ERR_FROZEN : OK;
}

/* ---- schemas ---- */

static const struct wire_field record_seat_fields[] = {
    W_FIX(record_seat, seat, 1, WIRE_MUST),
    W_FIX(record_seat, sign_pub, 2, WIRE_MUST),
    W_FIX(record_seat, seal_pub, 3, WIRE_MUST),
    W_FIX(record_seat, keys_sig, 4, WIRE_MUST),
    W_FIX(record_seat, cred, 5, WIRE_MUST),
    W_FIX(record_seat, link, 6, WIRE_MAY),
    W_UINT(record_seat, operator_, 7, WIRE_MAY, 1),
    W_UINT(record_seat, enrolled, 8, WIRE_MUST, UINT64_MAX),
    W_UINT(record_seat, wards.count, 9, WIRE_MAY, UINT32_MAX),
    W_FIX(record_seat, wards.sum, 10, WIRE_MAY),
    W_UINT(record_seat, creds.count, 11, WIRE_MAY, UINT32_MAX),
    W_FIX(record_seat, creds.sum, 12, WIRE_MAY),
    W_UINT(record_seat, paused, 20, WIRE_MAY, UINT64_MAX),
    W_UINT(record_seat, reset, 21, WIRE_MAY, UINT64_MAX),
    W_UINT(record_seat, tell[NEWS_RESET].event, 22, WIRE_MAY, UINT8_MAX),
    W_FIX(record_seat, tell[NEWS_RESET].ward, 23, WIRE_MAY),
    W_UINT(record_seat, drops.count, 30, WIRE_MAY, UINT32_MAX),
    W_FIX(record_seat, drops.sum, 31, WIRE_MAY),
    W_FIX(record_seat, inbox, 32, WIRE_MUST),
    W_UINT(record_seat, unlocked, 33, WIRE_MAY, 1),
    W_UINT(record_seat, tell[NEWS_AWAY].event, 34, WIRE_MAY, UINT8_MAX),
    W_FIX(record_seat, tell[NEWS_AWAY].ward, 35, WIRE_MAY),
    W_UINT(record_seat, tell[NEWS_KEYS].event, 36, WIRE_MAY, UINT8_MAX),
    W_FIX(record_seat, tell[NEWS_KEYS].ward, 37, WIRE_MAY),
};
const struct wire_schema record_seat_schema = W_SCHEMA(record_seat, record_seat_fields);

static const struct wire_field record_cred_fields[] = {
    W_FIX(record_cred, cred, 1, WIRE_MUST),
    W_UINT(record_cred, type, 2, WIRE_MUST, CRED_DEPOSIT),
    W_FIX(record_cred, seat, 3, WIRE_MAY),
    W_FIX(record_cred, ward, 4, WIRE_MAY),
    W_FIX(record_cred, request, 5, WIRE_MAY),
    W_FIX(record_cred, psk.b, 6, WIRE_MUST),
    W_FIX(record_cred, stat, 7, WIRE_MAY),
    W_FIX(record_cred, sign, 8, WIRE_MAY),
    W_FIX(record_cred, approval, 9, WIRE_MAY),
    W_FIX(record_cred, approval_sig, 10, WIRE_MAY),
    W_UINT(record_cred, made, 11, WIRE_MUST, UINT64_MAX),
    W_UINT(record_cred, expires, 12, WIRE_MAY, UINT64_MAX),
    W_FIX(record_cred, spoken_id, 13, WIRE_MAY),
    W_FIX(record_cred, spoken_gate, 14, WIRE_MAY),
    W_FIX(record_cred, spoken_answer, 15, WIRE_MAY),
    W_UINT(record_cred, used, 20, WIRE_MAY, UINT64_MAX),
    W_UINT(record_cred, via, 30, WIRE_MAY, CRED_DEPOSIT),
    W_UINT(record_cred, waits, 31, WIRE_MAY, 1),
    W_UINT(record_cred, nth, 32, WIRE_MAY, UINT64_MAX),
};
const struct wire_schema record_cred_schema = W_SCHEMA(record_cred, record_cred_fields);

static const struct wire_field record_ward_fields[] = {
    W_FIX(record_ward, ward, 1, WIRE_MUST),
    W_FIX(record_ward, seat, 2, WIRE_MUST),
    W_FIX(record_ward, invite, 3, WIRE_MUST),
    W_FIX(record_ward, approval, 4, WIRE_MUST),
    W_FIX(record_ward, approval_sig, 5, WIRE_MUST),
    W_FIX(record_ward, account_sign, 6, WIRE_MUST),
    W_FIX(record_ward, alert, 7, WIRE_MUST),
    W_BYTES(record_ward, note, 8, WIRE_MUST, 1, 3072),
    W_UINT(record_ward, enrolled, 9, WIRE_MUST, UINT64_MAX),
    W_UINT(record_ward, confirmed, 10, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, active, 11, WIRE_MAY, UINT32_MAX),
    W_UINT(record_ward, bytes, 12, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, epochs, 13, WIRE_MAY, UINT32_MAX),
    W_UINT(record_ward, creds.count, 14, WIRE_MAY, UINT32_MAX),
    W_FIX(record_ward, creds.sum, 15, WIRE_MAY),
    W_UINT(record_ward, stops, 20, WIRE_MAY, UINT32_MAX),
    W_UINT(record_ward, stops_end, 21, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, frozen, 22, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, thawed, 23, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, left, 24, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, drops.count, 30, WIRE_MAY, UINT32_MAX),
    W_FIX(record_ward, drops.sum, 31, WIRE_MAY),
    W_FIX(record_ward, log, 32, WIRE_MUST),
    W_UINT(record_ward, vault, 40, WIRE_MAY, 1),
    W_UINT(record_ward, retire_to, 50, WIRE_MAY, UINT32_MAX),
    W_UINT(record_ward, retire_due, 51, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, retire_own, 52, WIRE_MAY, 1),
    W_UINT(record_ward, retire_told, 53, WIRE_MAY, UINT8_MAX),
    W_UINT(record_ward, retired, 54, WIRE_MAY, UINT32_MAX),
    W_UINT(record_ward, cert_epoch, 55, WIRE_MAY, UINT32_MAX),
    W_FIX(record_ward, cert_hash, 56, WIRE_MAY),
    W_UINT(record_ward, end_due, 57, WIRE_MAY, UINT64_MAX),
    W_FIX(record_ward, left_hash, 58, WIRE_MAY),
    W_UINT(record_ward, unsure, 59, WIRE_MAY, 1),
    W_UINT(record_ward, end_cancelled, 60, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, cert_time, 61, WIRE_MAY, UINT64_MAX),
    W_FIX(record_ward, move, 70, WIRE_MAY),
    W_UINT(record_ward, move_due, 71, WIRE_MAY, UINT64_MAX),
    W_FIX(record_ward, moved_by, 72, WIRE_MAY),
    W_UINT(record_ward, moved, 73, WIRE_MAY, UINT64_MAX),
    W_UINT(record_ward, root_new, 74, WIRE_MAY, 1),
};
const struct wire_schema record_ward_schema = W_SCHEMA(record_ward, record_ward_fields);

static const struct wire_field record_epoch_fields[] = {
    W_FIX(record_epoch, ward, 1, WIRE_MUST),
    W_UINT(record_epoch, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_UINT(record_epoch, state, 3, WIRE_MUST, EPOCH_SUPERSEDED),
    W_FIX(record_epoch, ack, 4, WIRE_MUST),
    W_FIX(record_epoch, ack_sig, 5, WIRE_MUST),
    W_FIX(record_epoch, manifest_hash, 6, WIRE_MAY),
    W_UINT(record_epoch, group, 7, WIRE_MAY, GROUPS_MAX - 1),
    W_UINT(record_epoch, index, 8, WIRE_MAY, 15),
    W_UINT(record_epoch, hold, 9, WIRE_MAY, HOLD_MAX_S),
    W_UINT(record_epoch, stop_hold, 10, WIRE_MAY, STOP_HOLD_MAX_S),
    W_UINT(record_epoch, roster_mode, 11, WIRE_MAY, ROSTER_NEVER),
    W_UINT(record_epoch, prepared, 12, WIRE_MAY, UINT64_MAX),
    W_UINT(record_epoch, committed, 13, WIRE_MAY, UINT64_MAX),
    W_UINT(record_epoch, confirmed, 14, WIRE_MAY, UINT64_MAX),
    W_UINT(record_epoch, size, 15, WIRE_MAY, UINT32_MAX),
    W_UINT(record_epoch, perhaps, 16, WIRE_MAY, 1),
    W_FIX(record_epoch, account_sign, 17, WIRE_MAY),
    W_UINT(record_epoch, roster_put, 18, WIRE_MAY, UINT64_MAX),
};
const struct wire_schema record_epoch_schema =
    W_SCHEMA(record_epoch, record_epoch_fields);

static const struct wire_field record_retired_fields[] = {
    W_FIX(record_retired, manifest_hash, 1, WIRE_MAY),
    W_UINT(record_retired, time, 2, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema record_retired_schema =
    W_SCHEMA(record_retired, record_retired_fields);

static const struct wire_field record_clock_fields[] = {
    W_UINT(record_clock, now_ms, 1, WIRE_MUST, UINT64_MAX),
    W_UINT(record_clock, wall_ms, 2, WIRE_MUST, UINT64_MAX),
    W_UINT(record_clock, boot_ms, 3, WIRE_MUST, UINT64_MAX),
    W_FIX(record_clock, boot, 4, WIRE_MAY),
    W_UINT(record_clock, why, 5, WIRE_MAY, CLOCK_BEHIND),
    W_UINT(record_clock, told, 6, WIRE_MAY, 1),
    W_UINT(record_clock, turn, 7, WIRE_MAY, UINT32_MAX),
    W_UINT(record_clock, era, 8, WIRE_MAY, UINT32_MAX),
    W_UINT(record_clock, loaded, 9, WIRE_MAY, UINT32_MAX),
    W_UINT(record_clock, owed_ms, 10, WIRE_MAY, UINT64_MAX),
};
const struct wire_schema record_clock_schema =
    W_SCHEMA(record_clock, record_clock_fields);

static const struct wire_field record_tell_fields[] = {
    W_UINT(record_tell, time, 1, WIRE_MUST, UINT64_MAX),
    W_FIX(record_tell, after, 2, WIRE_MAY),
};
const struct wire_schema record_tell_schema = W_SCHEMA(record_tell, record_tell_fields);

/* ---- keys ---- */

static void key_add(struct txn_key *k, struct bytes part)
{
    MUST(part.n <= sizeof k->b - k->n);
    memcpy(k->b + k->n, part.p, part.n);
    k->n += part.n;
}

struct txn_key key_id(const uint8_t id[ID_BYTES])
{
    struct txn_key k = { 0 };

    key_add(&k, bytes_of(id, ID_BYTES));
    return k;
}

struct txn_key key_ids(const uint8_t a[ID_BYTES], const uint8_t b[ID_BYTES])
{
    struct txn_key k = key_id(a);

    key_add(&k, bytes_of(b, ID_BYTES));
    return k;
}

struct txn_key key_epoch(const uint8_t ward[ID_BYTES], uint32_t epoch)
{
    struct txn_key k = key_id(ward);
    uint8_t number[4];

    store_u32(number, epoch);
    key_add(&k, BYTES_OF(number));
    return k;
}

struct txn_key key_object(const uint8_t ward[ID_BYTES], uint32_t epoch, enum object which)
{
    struct txn_key k = key_epoch(ward, epoch);
    uint8_t number = (uint8_t)which;

    key_add(&k, bytes_of(&number, 1));
    return k;
}

struct txn_key key_blob(const uint8_t drop[ID_BYTES], uint64_t seq)
{
    struct txn_key k = key_id(drop);
    uint8_t number[8];

    store_u64(number, seq);
    key_add(&k, BYTES_OF(number));
    return k;
}

struct bytes key_bytes(const struct txn_key *key)
{
    return bytes_of(key->b, key->n);
}

/* ---- records ---- */

/* What the store gives back was sealed by it: if it does not decode, it is damaged. */
static enum err decode(const struct wire_schema *s, struct bytes raw, void *out)
{
    enum err e = wire_get(s, raw, out);

    return e == OK || e == ERR_NOMEM ? e : ERR_CORRUPT;
}

enum err record_get(struct call *c, enum store_table tab, const struct wire_schema *s,
                    const struct txn_key *key, void *out)
{
    size_t n = 0;

    TRY(txn_get(c->txn, tab, key_bytes(key), rest(c), &n));
    return decode(s, kept(c, n), out);
}

enum err record_put(struct call *c, enum store_table tab, const struct wire_schema *s,
                    const struct txn_key *key, const void *value)
{
    struct buf b = scratch_buf(c);
    struct bytes raw = { 0 };
    size_t mark = c->mem.n;
    enum err e = OK;

    wire_put(s, value, &b);
    e = scratch_keep(c, &b, &raw);
    c->mem.n = mark;
    TRY(e);
    return txn_put(c->txn, tab, key_bytes(key), raw);
}

enum err record_next(struct call *c, enum store_table tab, const struct wire_schema *s,
                     struct bytes prefix, struct txn_key *io_key, void *out)
{
    size_t n = 0;

    TRY(txn_next(c->txn, tab, prefix, io_key, rest(c), &n));
    return decode(s, kept(c, n), out);
}

enum err record_bytes(struct call *c, const struct data_id *id, enum store_table tab,
                      const struct txn_key *key, struct bytes *out)
{
    size_t n = 0;

    if (id == NULL)
        TRY(txn_get(c->txn, tab, key_bytes(key), rest(c), &n));
    else
        TRY(data_get(c->txn, id, tab, key_bytes(key), rest(c), &n));
    *out = kept(c, n);
    return OK;
}

static void note_told(struct told *t, const struct drop_event *ev)
{
    if (t->n == TOLD_MAX)
        t->lost++;
    else
        t->list[t->n++] = *ev;
}

enum err record_log(struct call *c, enum record_event event, const uint8_t *ward_or_seat,
                    const uint8_t *request)
{
    struct drop_event ev = { .event = (uint8_t)event, .time = c->now };
    uint8_t what[2 * ID_BYTES];

    if (ward_or_seat != NULL)
        memcpy(ev.ward, ward_or_seat, ID_BYTES);
    if (request != NULL)
        memcpy(ev.request, request, ID_BYTES);
    if (c->env->told != NULL && drop_event_loud(event))
        note_told(c->env->told, &ev);
    memcpy(what, ev.ward, ID_BYTES);
    memcpy(what + ID_BYTES, ev.request, ID_BYTES);
    return txn_log(c->txn, (uint16_t)event, c->now, BYTES_OF(what), NULL);
}
