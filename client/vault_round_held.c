/* SPDX-License-Identifier: Apache-2.0 */
#include "client/vault_round_part.h"

/* ---- the file: records of seats, of parts of lists, of states ---- */

enum { RECORD_HEAD = 1, RECORD_SEAT = 2, RECORD_LIST = 3, RECORD_KNOWN = 4 };

struct head {
    uint8_t restoring;
};

struct part {
    uint8_t state[HASH_BYTES];
    struct bytes ids;
};

static const struct wire_field head_fields[] = {
    W_UINT(head, restoring, 1, WIRE_MAY, 1),
};
static const struct wire_schema head_schema = W_SCHEMA(head, head_fields);

static const struct wire_field seat_fields[] = {
    W_FIX(held_seat, seat, 1, WIRE_MUST),
    W_FIX(held_seat, ward, 2, WIRE_MAY),
    W_UINT(held_seat, version, 3, WIRE_MAY, VAULT_VERSION_MAX),
    W_FIX(held_seat, head, 4, WIRE_MAY),
    W_FIX(held_seat, state, 5, WIRE_MAY),
    W_FIX(held_seat, incarnation, 6, WIRE_MAY),
    W_UINT(held_seat, seen, 7, WIRE_MAY, UINT64_MAX),
    W_UINT(held_seat, saved, 8, WIRE_MAY, UINT64_MAX),
    W_UINT(held_seat, list, 9, WIRE_MAY, HELD_LISTS),
    W_UINT(held_seat, doubt, 10, WIRE_MAY, 1),
    W_UINT(held_seat, height, 11, WIRE_MAY, VAULT_VERSION_MAX),
};
static const struct wire_schema seat_schema = W_SCHEMA(held_seat, seat_fields);

static const struct wire_field part_fields[] = {
    W_FIX(part, state, 1, WIRE_MAY),
    W_BYTES(part, ids, 2, WIRE_MUST, 0, HELD_PART),
};
static const struct wire_schema part_schema = W_SCHEMA(part, part_fields);

void vault_held_free(struct vault_held *held)
{
    for (size_t i = 0; held != NULL && i < HELD_LISTS; i++)
        home_blob_free(&held->lists[i].ids);
    free(held);
}

static enum err blob_add(struct home_blob *b, struct bytes in)
{
    if (b->cap - b->n < in.n) {
        size_t cap = b->n + in.n + b->cap;
        uint8_t *p = realloc(b->p, cap); /* the blob's own; ids are no secrets */
        if (p == NULL)
            return ERR_NOMEM;
        b->p = p;
        b->cap = cap;
    }
    if (in.n > 0)
        memcpy(b->p + b->n, in.p, in.n);
    b->n += in.n;
    return OK;
}

static enum err take_part(struct vault_held *held, const struct part *part)
{
    struct held_list *last = held->n_lists > 0 ? &held->lists[held->n_lists - 1] : NULL;
    if (part->ids.n % VAULT_ID != 0)
        return ERR_CORRUPT;
    if (last == NULL || !bytes_equal(BYTES_OF(last->state), BYTES_OF(part->state))) {
        if (held->n_lists == HELD_LISTS)
            return ERR_CORRUPT;
        last = &held->lists[held->n_lists++];
        memcpy(last->state, part->state, HASH_BYTES);
    }
    return blob_add(&last->ids, part->ids);
}

static enum err take_known(struct vault_held *held, const struct part *part)
{
    if (part->ids.n % HASH_BYTES != 0)
        return ERR_CORRUPT;
    for (size_t at = 0; at < part->ids.n; at += HASH_BYTES)
        vault_held_know(held, part->ids.p + at);
    return OK;
}

static enum err take(struct vault_held *held, uint8_t kind, struct bytes body)
{
    struct part part = { 0 };
    struct head head = { 0 };
    switch (kind) {
    case RECORD_HEAD:
        TRY(wire_get(&head_schema, body, &head));
        held->restoring = head.restoring;
        return OK;
    case RECORD_SEAT:
        if (held->n == DAY_GUARDIANS)
            return ERR_CORRUPT;
        return wire_get(&seat_schema, body, &held->seats[held->n++]);
    case RECORD_LIST:
        TRY(wire_get(&part_schema, body, &part));
        return take_part(held, &part);
    case RECORD_KNOWN:
        TRY(wire_get(&part_schema, body, &part));
        return take_known(held, &part);
    default:
        return ERR_VERSION;
    }
}

static enum err decode(struct bytes in, struct vault_held *held)
{
    while (in.n > 0) {
        uint8_t kind = 0;
        struct bytes body = { 0 };
        TRY(blob_next(&in, &kind, &body));
        TRY(take(held, kind, body));
    }
    for (size_t i = 0; i < held->n; i++)
        if (held->seats[i].list > held->n_lists)
            return ERR_CORRUPT;
    return OK;
}

enum err vault_held_load(struct home *h, struct vault_held **out)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_HELD struct vault_held *held = calloc(1, sizeof *held);
    if (held == NULL)
        return ERR_NOMEM;
    enum err e = home_has(h, HOME_HELD) ? home_read_open(h, HOME_HELD, &open) : OK;
    TRY(e);
    e = decode(bytes_of(open.p, open.n), held);
    if (e != OK)
        return e == ERR_NOMEM || e == ERR_VERSION ? e : ERR_CORRUPT;
    *out = held;
    held = NULL; /* the caller's now */
    return OK;
}

/* ---- writing ---- */

static enum err put_parts(struct home_blob *b, uint8_t kind, const uint8_t *state,
                          struct bytes ids)
{
    struct part part = { 0 };
    if (state != NULL)
        memcpy(part.state, state, HASH_BYTES);
    while (ids.n > 0) {
        MUST(bytes_take(&ids, ids.n < HELD_PART ? ids.n : HELD_PART, &part.ids) == OK);
        TRY(blob_put(b, kind, &part_schema, &part));
    }
    return OK;
}

static enum err encode(const struct vault_held *held, bool lists, struct home_blob *out)
{
    const struct head head = { .restoring = held->restoring };
    TRY(blob_put(out, RECORD_HEAD, &head_schema, &head));
    for (size_t i = 0; i < held->n; i++) {
        struct held_seat seat = held->seats[i];
        seat.list = lists ? seat.list : 0;
        TRY(blob_put(out, RECORD_SEAT, &seat_schema, &seat));
    }
    for (size_t i = 0; lists && i < held->n_lists; i++)
        TRY(put_parts(out, RECORD_LIST, held->lists[i].state,
                      bytes_of(held->lists[i].ids.p, held->lists[i].ids.n)));
    return put_parts(out, RECORD_KNOWN, NULL,
                     bytes_of(held->known, held->n_known * HASH_BYTES));
}

enum err vault_held_save(struct home *h, const struct vault_held *held,
                         const struct rng *rng)
{
    AUTO_BLOB struct home_blob all = { 0 };
    AUTO_BLOB struct home_blob less = { 0 };
    TRY(encode(held, true, &all));
    enum err e =
        home_write(h, HOME_HELD, NULL, bytes_of(all.p, all.n), (struct bytes){ 0 }, rng);
    if (e != ERR_TOO_BIG)
        return e;
    /* Without the lists the nodes are asked what they have. */
    TRY(encode(held, false, &less));
    return home_write(h, HOME_HELD, NULL, bytes_of(less.p, less.n), (struct bytes){ 0 },
                      rng);
}

/* ---- entries ---- */

enum err vault_held_begin(struct home *h, const struct vault *v, const struct rng *rng)
{
    AUTO_HELD struct vault_held *held = NULL;
    if (vault_now(v)->version != 0)
        return OK;
    TRY(vault_held_load(h, &held));
    if (held->n_known == 0)
        return OK;
    held->n_known = 0;
    return vault_held_save(h, held, rng);
}

struct held_seat *vault_held_seat(struct vault_held *held, const uint8_t seat[SEAT_BYTES],
                                  bool make)
{
    for (size_t i = 0; i < held->n; i++)
        if (bytes_equal(BYTES_OF(held->seats[i].seat), bytes_of(seat, SEAT_BYTES)))
            return &held->seats[i];
    if (!make)
        return NULL;
    /* More seats than guardians: those of an earlier circle go first. */
    if (held->n == DAY_GUARDIANS)
        memmove(held->seats, held->seats + 1, --held->n * sizeof held->seats[0]);
    struct held_seat *s = &held->seats[held->n++];
    *s = (struct held_seat){ 0 };
    memcpy(s->seat, seat, SEAT_BYTES);
    return s;
}

bool vault_held_knows(const struct vault_held *held, const uint8_t state[HASH_BYTES])
{
    for (size_t i = 0; i < held->n_known; i++)
        if (bytes_equal(BYTES_OF(held->known[i]), bytes_of(state, HASH_BYTES)))
            return true;
    return false;
}

void vault_held_know(struct vault_held *held, const uint8_t state[HASH_BYTES])
{
    if (vault_held_knows(held, state))
        return;
    if (held->n_known == HELD_KNOWN)
        memmove(held->known, held->known + 1, --held->n_known * HASH_BYTES);
    memcpy(held->known[held->n_known++], state, HASH_BYTES);
}

static void lists_sweep(struct vault_held *held)
{
    for (size_t i = held->n_lists; i-- > 0;) {
        bool used = false;
        for (size_t s = 0; s < held->n; s++)
            used = used || held->seats[s].list == i + 1;
        if (used)
            continue;
        home_blob_free(&held->lists[i].ids);
        held->n_lists--;
        memmove(&held->lists[i], &held->lists[i + 1],
                (held->n_lists - i) * sizeof held->lists[0]);
        held->lists[held->n_lists] = (struct held_list){ 0 };
        for (size_t s = 0; s < held->n; s++)
            if (held->seats[s].list > i + 1)
                held->seats[s].list--;
    }
}

uint8_t vault_held_list(struct vault_held *held, const uint8_t state[HASH_BYTES],
                        struct bytes ids)
{
    for (size_t i = 0; i < held->n_lists; i++)
        if (bytes_equal(BYTES_OF(held->lists[i].state), bytes_of(state, HASH_BYTES)))
            return (uint8_t)(i + 1);
    lists_sweep(held);
    if (held->n_lists == HELD_LISTS)
        return 0;
    struct held_list *l = &held->lists[held->n_lists];
    if (blob_add(&l->ids, ids) != OK)
        return 0;
    memcpy(l->state, state, HASH_BYTES);
    return (uint8_t)++held->n_lists;
}

/* ---- how the newest state stands ---- */

static bool in_round(const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->progress == GUARDIAN_READY && g->n_node == 1;
}

const struct held_seat *vault_held_of(const struct vault_held *held,
                                      const struct day_guardian *g)
{
    for (size_t i = 0; i < held->n; i++)
        if (bytes_equal(BYTES_OF(held->seats[i].seat), BYTES_OF(g->seat)) &&
            bytes_equal(BYTES_OF(held->seats[i].ward), BYTES_OF(g->ward)))
            return &held->seats[i];
    return NULL;
}

static void stand_seat(const struct vault_held *held, const struct day_guardian *g,
                       const uint8_t now[HASH_BYTES], uint64_t *times, unsigned *io_n,
                       uint64_t *io_newest)
{
    const struct held_seat *s = vault_held_of(held, g);
    if (s == NULL)
        return;
    if (s->saved > *io_newest)
        *io_newest = s->saved;
    if (s->saved != 0 && bytes_equal(BYTES_OF(s->state), bytes_of(now, HASH_BYTES)))
        times[(*io_n)++] = s->saved;
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void vault_stand(const struct vault_held *held, const struct day *d,
                 const struct vault *v, struct vault_standing *out)
{
    uint64_t times[DAY_GUARDIANS] = { 0 };
    uint8_t now[HASH_BYTES];
    vault_state_hash(vault_now(v), now);
    *out = (struct vault_standing){ .empty = vault_now(v)->version == 0,
                                    .need = circle_saved_at(d) };
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (!in_round(&d->guardians[i]))
            continue;
        out->of++;
        stand_seat(held, &d->guardians[i], now, times, &out->saved, &out->newest);
    }
    out->enough = out->need > 0 && out->saved >= out->need;
    if (!out->enough)
        return;
    qsort(times, out->saved, sizeof times[0], by_time);
    out->since = times[out->need - 1];
}
