/* SPDX-License-Identifier: Apache-2.0 */
#include "node/seat_part.h"

/* ---- seats ---- */

enum err seat_get(struct call *c, const uint8_t seat[ID_BYTES], struct record_seat *out)
{
    struct txn_key key = key_id(seat);

    return record_get(c, TAB_SEAT, &record_seat_schema, &key, out);
}

enum err seat_put(struct call *c, const struct record_seat *seat)
{
    struct txn_key key = key_id(seat->seat);

    return record_put(c, TAB_SEAT, &record_seat_schema, &key, seat);
}

/* The ward's record, as far as credentials need it (node/ward comes after). */
enum err seat_ward(struct call *c, const uint8_t ward[ID_BYTES], struct record_ward *out)
{
    struct txn_key key = key_id(ward);

    return record_get(c, TAB_WARD, &record_ward_schema, &key, out);
}

static enum err ward_store(struct call *c, const struct record_ward *ward)
{
    struct txn_key key = key_id(ward->ward);

    return record_put(c, TAB_WARD, &record_ward_schema, &key, ward);
}

/* ---- credentials: who may hold which, and where it is found ---- */

static const struct cred_row cred_rows[] = {
    [CRED_INVITE] = { .role = ROLE_INVITE,
                      .counted = COUNT_SEAT,
                      .makers = MAY(ROLE_GUARDIAN),
                      .droppers = MAY(ROLE_GUARDIAN),
                      .one_time = true,
                      .listed_seat = true },
    [CRED_RESTORE] = { .role = ROLE_RESTORE,
                       .makers = MAY(ROLE_GUARDIAN),
                       .droppers = MAY(ROLE_GUARDIAN),
                       .one_time = true,
                       .listed_seat = true },
    [CRED_SEAT] = { .role = ROLE_OPERATOR,
                    .counted = COUNT_SEAT,
                    .makers = MAY(ROLE_GUARDIAN),
                    .droppers = MAY(ROLE_GUARDIAN),
                    .one_time = true,
                    .listed_seat = true },
    [CRED_OPERATOR] = { .role = ROLE_OPERATOR, .one_time = true },
    [CRED_OWNER] = { .role = ROLE_OWNER, .found = BY_STATIC },
    [CRED_DEVICE] = { .role = ROLE_DEVICE,
                      .found = BY_STATIC,
                      .counted = COUNT_WARD,
                      .makers = MAY(ROLE_OWNER),
                      .droppers = MAY(ROLE_OWNER),
                      .listed_ward = true },
    [CRED_GUARDIAN] = { .role = ROLE_GUARDIAN, .found = BY_STATIC },
    [CRED_ROSTER] = { .role = ROLE_RESTORE,
                      .counted = COUNT_WARD,
                      .makers = MAY(ROLE_OWNER),
                      .droppers = MAY(ROLE_OWNER) | MAY(ROLE_GUARDIAN),
                      .listed_seat = true,
                      .listed_ward = true },
    [CRED_SHEET] = { .role = ROLE_RESTORE,
                     .counted = COUNT_WARD,
                     .makers = MAY(ROLE_OWNER),
                     .droppers = MAY(ROLE_OWNER) | MAY(ROLE_GUARDIAN),
                     .listed_seat = true,
                     .listed_ward = true },
    [CRED_REQUESTER] = { .role = ROLE_REQUESTER, .found = BY_STATIC },
    [CRED_DEPOSIT] = { .role = ROLE_DEPOSITOR },
};

const struct cred_row *cred_row_of(unsigned type)
{
    if (type == 0 || type >= sizeof cred_rows / sizeof cred_rows[0])
        return NULL;
    return &cred_rows[type];
}

/* Of a type this module wrote itself. */
const struct cred_row *cred_own_row(unsigned type)
{
    const struct cred_row *row = cred_row_of(type);

    MUST(row != NULL);
    return row;
}

/* In TAB_CRED_FIND: role and static key -> id; 0, owner and id -> type and ward;
 * SPOKEN and spoken id -> id. */

enum { SPOKEN = 0xff };

static struct txn_key find_key(enum role role, const uint8_t stat[PUB_BYTES])
{
    struct txn_key k = { .n = 1 + PUB_BYTES };

    k.b[0] = (uint8_t)role;
    memcpy(k.b + 1, stat, PUB_BYTES);
    return k;
}

struct txn_key cred_list_key(const uint8_t owner[ID_BYTES], const uint8_t id[ID_BYTES])
{
    struct txn_key k = { .n = 1 + 2 * ID_BYTES };

    memcpy(k.b + 1, owner, ID_BYTES);
    memcpy(k.b + 1 + ID_BYTES, id, ID_BYTES);
    return k;
}

static struct txn_key spoken_key(const uint8_t spoken_id[ID_BYTES])
{
    struct txn_key k = { .n = 1 + ID_BYTES };

    k.b[0] = SPOKEN;
    memcpy(k.b + 1, spoken_id, ID_BYTES);
    return k;
}

/* All list keys of one owner begin so. */
struct bytes cred_list_prefix(const struct txn_key *key)
{
    return bytes_of(key->b, 1 + ID_BYTES);
}

static enum err list_add(struct call *c, const struct record_cred *cred,
                         const uint8_t owner[ID_BYTES])
{
    struct txn_key key = cred_list_key(owner, cred->cred);
    uint8_t value[1 + ID_BYTES] = { cred->type };

    memcpy(value + 1, cred->ward, ID_BYTES);
    return txn_put(c->txn, TAB_CRED_FIND, key_bytes(&key), BYTES_OF(value));
}

static enum err list_drop(struct call *c, const struct record_cred *cred,
                          const uint8_t owner[ID_BYTES])
{
    struct txn_key key = cred_list_key(owner, cred->cred);

    return txn_del(c->txn, TAB_CRED_FIND, key_bytes(&key));
}

/* Adds to or takes from what the seat or ward record says it owns. */
static enum err count(struct call *c, const struct record_cred *cred,
                      void (*how)(struct owned *, const uint8_t[ID_BYTES]))
{
    struct record_seat seat = { 0 };
    struct record_ward ward = { 0 };

    switch (cred_own_row(cred->type)->counted) {
    case COUNT_NOT:
        return OK;
    case COUNT_SEAT:
        TRY(seat_get(c, cred->seat, &seat));
        how(&seat.creds, cred->cred);
        return seat_put(c, &seat);
    case COUNT_WARD:
        TRY(seat_ward(c, cred->ward, &ward));
        how(&ward.creds, cred->cred);
        return ward_store(c, &ward);
    }
    return OK;
}

/* A credential of a ward is told of there, one of the seat in the node log. */
enum err cred_tell(struct call *c, enum record_event event,
                   const struct record_cred *cred)
{
    struct record_ward ward = { 0 };

    if (id_none(cred->ward))
        return record_log(c, event, cred->cred, NULL);
    TRY(seat_ward(c, cred->ward, &ward));
    return drop_tell(c, &ward, event, cred->cred, 0);
}

enum role cred_role(enum cred_type type)
{
    return cred_own_row(type)->role;
}

const uint8_t *cred_counted(const struct record_cred *cred)
{
    enum counted counted = cred_own_row(cred->type)->counted;

    if (counted == COUNT_NOT)
        return NULL;
    return counted == COUNT_SEAT ? cred->seat : cred->ward;
}

bool cred_expired(const struct record_cred *cred, uint64_t now)
{
    return cred->expires != 0 && now >= cred->expires;
}

enum err cred_get(struct call *c, const uint8_t id[ID_BYTES], struct record_cred *out)
{
    struct txn_key key = key_id(id);

    return record_get(c, TAB_CRED, &record_cred_schema, &key, out);
}

static enum err cred_at(struct call *c, const struct txn_key *key,
                        struct record_cred *out)
{
    struct bytes id = { 0 };

    TRY(record_bytes(c, NULL, TAB_CRED_FIND, key, &id));
    if (id.n != ID_BYTES)
        return ERR_CORRUPT;
    return cred_get(c, id.p, out);
}

enum err cred_find(struct call *c, enum role role, const uint8_t stat[PUB_BYTES],
                   struct record_cred *out)
{
    struct txn_key key = find_key(role, stat);

    return cred_at(c, &key, out);
}

enum err cred_spoken(struct call *c, const uint8_t spoken_id[ID_BYTES],
                     struct record_cred *out)
{
    struct txn_key key = spoken_key(spoken_id);

    return cred_at(c, &key, out);
}

enum err cred_put(struct call *c, const struct record_cred *cred)
{
    struct txn_key key = key_id(cred->cred);

    return record_put(c, TAB_CRED, &record_cred_schema, &key, cred);
}

/* OK if nothing has that key yet. */
static enum err is_new(struct call *c, enum store_table tab, const struct txn_key *key)
{
    enum err e = txn_has(c->txn, tab, key_bytes(key));

    if (e == ERR_UNKNOWN)
        return OK;
    return e == OK ? ERR_EXISTS : e;
}

enum err cred_add(struct call *c, const struct record_cred *cred)
{
    const struct cred_row *row = cred_own_row(cred->type);
    struct txn_key id = key_id(cred->cred);

    TRY(is_new(c, TAB_CRED, &id));
    if (row->found == BY_STATIC) {
        struct txn_key key = find_key(row->role, cred->stat);

        TRY(is_new(c, TAB_CRED_FIND, &key));
        TRY(txn_put(c->txn, TAB_CRED_FIND, key_bytes(&key),
                    bytes_of(cred->cred, ID_BYTES)));
    }
    if (!id_none(cred->spoken_id)) {
        struct txn_key key = spoken_key(cred->spoken_id);

        TRY(is_new(c, TAB_CRED_FIND, &key));
        TRY(txn_put(c->txn, TAB_CRED_FIND, key_bytes(&key),
                    bytes_of(cred->cred, ID_BYTES)));
    }
    if (row->listed_seat)
        TRY(list_add(c, cred, cred->seat));
    if (row->listed_ward)
        TRY(list_add(c, cred, cred->ward));
    TRY(count(c, cred, owned_add));
    return cred_put(c, cred);
}

static enum err spoken_drop(struct call *c, const struct record_cred *cred)
{
    struct txn_key key = spoken_key(cred->spoken_id);

    return id_none(cred->spoken_id) ? OK
                                    : txn_del(c->txn, TAB_CRED_FIND, key_bytes(&key));
}

enum err cred_unspoken(struct call *c, struct record_cred *cred)
{
    TRY(spoken_drop(c, cred));
    secret_wipe(cred->spoken_id, sizeof cred->spoken_id);
    secret_wipe(cred->spoken_gate, sizeof cred->spoken_gate);
    secret_wipe(cred->spoken_answer, sizeof cred->spoken_answer);
    return cred_put(c, cred);
}

/* All of it but its op ids. ERR_UNKNOWN. */
static enum err cred_shut(struct call *c, const uint8_t id[ID_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key key = key_id(id);

    TRY(secret_new(&cred));
    TRY(cred_get(c, id, cred));
    const struct cred_row *row = cred_own_row(cred->type);
    if (row->found == BY_STATIC) {
        struct txn_key found = find_key(row->role, cred->stat);

        TRY(txn_del(c->txn, TAB_CRED_FIND, key_bytes(&found)));
    }
    TRY(spoken_drop(c, cred));
    if (row->listed_seat)
        TRY(list_drop(c, cred, cred->seat));
    if (row->listed_ward)
        TRY(list_drop(c, cred, cred->ward));
    TRY(count(c, cred, owned_drop));
    return txn_del(c->txn, TAB_CRED, key_bytes(&key));
}

enum err cred_erase(struct call *c, const uint8_t id[ID_BYTES])
{
    enum err e = cred_shut(c, id);

    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    return txn_op_forget(c->txn, id);
}

/* ---- a new root ---- */

static enum err shut(struct call *c, const uint8_t id[ID_BYTES], struct buf *out)
{
    enum err e = cred_shut(c, id);

    if (e == OK)
        buf_put(out, bytes_of(id, ID_BYTES));
    /* A damaged one lets nobody in. */
    return e == ERR_UNKNOWN || e == ERR_CORRUPT ? OK : e;
}

/* Devices, sheets and rosters are listed at their ward. */
static enum err shut_listed(struct call *c, const uint8_t ward[ID_BYTES], struct buf *out)
{
    struct txn_key at = cred_list_key(ward, (const uint8_t[ID_BYTES]){ 0 });
    struct txn_key first = at;
    size_t mark = c->mem.n;
    enum err e;

    while ((e = txn_next(c->txn, TAB_CRED_FIND, cred_list_prefix(&first), &at,
                         (struct span){ 0 }, NULL)) == OK) {
        TRY(shut(c, at.b + 1 + ID_BYTES, out));
        c->mem.n = mark;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* Owners' keys are found by what they are, not by their ward. */
static enum err shut_owners(struct call *c, const uint8_t ward[ID_BYTES],
                            const uint8_t keep[ID_BYTES], struct buf *out)
{
    AUTO_SECRET struct record_cred *cred = NULL;
    static const uint8_t prefix[] = { ROLE_OWNER };
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    enum err e;

    TRY(secret_new(&cred));
    while ((e = txn_next(c->txn, TAB_CRED_FIND, BYTES_OF(prefix), &at, (struct span){ 0 },
                         NULL)) == OK) {
        e = cred_at(c, &at, cred);
        if (e == OK && id_equal(cred->ward, ward) && !id_equal(cred->cred, keep))
            e = shut(c, cred->cred, out);
        c->mem.n = mark;
        if (e != ERR_CORRUPT && e != ERR_UNKNOWN)
            TRY(e);
    }
    return e == ERR_UNKNOWN ? OK : e;
}

enum err cred_new_root(struct call *c, const struct record_ward *ward,
                       const uint8_t keep[ID_BYTES], struct buf *out)
{
    TRY(shut_listed(c, ward->ward, out));
    TRY(shut_owners(c, ward->ward, keep, out));
    TRY(shut(c, ward->invite, out));
    return out->over ? ERR_TOO_BIG : OK;
}

enum err cred_rekey(struct call *c, const uint8_t id[ID_BYTES],
                    const uint8_t stat[PUB_BYTES], const uint8_t psk[KEY_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(cred_get(c, id, cred));
    memcpy(cred->psk.b, psk, KEY_BYTES);
    if (bytes_equal(BYTES_OF(cred->stat), bytes_of(stat, PUB_BYTES)))
        return cred_put(c, cred);
    struct txn_key old = find_key(cred_role(cred->type), cred->stat);
    struct txn_key new_ = find_key(cred_role(cred->type), stat);
    enum err e = is_new(c, TAB_CRED_FIND, &new_);

    if (e != OK)
        return e == ERR_EXISTS ? ERR_USED : e;
    TRY(txn_del(c->txn, TAB_CRED_FIND, key_bytes(&old)));
    TRY(txn_put(c->txn, TAB_CRED_FIND, key_bytes(&new_), BYTES_OF(cred->cred)));
    memcpy(cred->stat, stat, PUB_BYTES);
    return cred_put(c, cred);
}

enum err cred_used(struct call *c, const uint8_t id[ID_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(cred_get(c, id, cred));
    if (cred->used != 0)
        return OK;
    cred->used = c->now;
    return cred_put(c, cred);
}

/* Whoever asks for a new link may have lost the old one to somebody. */
static enum err old_links_go(struct call *c, struct record_cred *mem)
{
    struct txn_key at = { 0 };
    enum err e;

    while ((e = txn_next(c->txn, TAB_CRED, (struct bytes){ 0 }, &at, (struct span){ 0 },
                         NULL)) == OK) {
        if (at.n != ID_BYTES)
            return ERR_CORRUPT;
        TRY(cred_get(c, at.b, mem));
        if (mem->type == CRED_OPERATOR)
            TRY(cred_erase(c, at.b));
    }
    return e == ERR_UNKNOWN ? OK : e;
}

enum err seat_operator_link(struct call *c, const struct credential *link)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    TRY(old_links_go(c, cred));
    *cred = (struct record_cred){ 0 };
    memcpy(cred->cred, link->id, ID_BYTES);
    cred->psk = link->psk;
    cred->type = CRED_OPERATOR;
    cred->made = c->now;
    cred->expires = c->now + CRED_LIFE_S;
    return cred_add(c, cred);
}
