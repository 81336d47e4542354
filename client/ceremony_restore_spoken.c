/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_restore_part.h"

/* What is kept of a code until its node has answered. */
struct spoken_raw {
    uint8_t b[sizeof(struct spoken_keys)];
};

_Static_assert(sizeof(struct spoken_raw) == SPOKEN_KEPT, "an id and two keys");

bool entry_is_spoken(const struct restore_entry *e)
{
    return e->spoken.n > 0;
}

enum err restore_add_spoken(struct restore *r, const struct address *at,
                            const struct spoken_keys *keys, const struct rng *rng)
{
    static const uint8_t nobody[PUB_BYTES];
    struct restore_entry *e = NULL;
    uint8_t raw[ADDRESS_MAX];
    struct buf b = BUF_OF(raw);
    struct bytes kept = bytes_of((const uint8_t *)keys, sizeof *keys);

    address_put(at, &b);
    for (size_t i = 0; i < r->n; i++)
        if (bytes_equal(r->entries[i].spoken, kept) &&
            bytes_equal(r->entries[i].addresses[0].at, buf_bytes(&b)))
            return ERR_EXISTS;
    TRY(entry_new(r, nobody, nobody, FROM_LINK, rng, &e));
    e->n_addresses = 1;
    TRY(restore_keep(r, buf_bytes(&b), &e->addresses[0].at));
    return restore_keep(r, kept, &e->spoken);
}

/* ---- asking what answers to a code ---- */

/* One code that is asked about; secret memory. */
struct asked {
    struct spoken_keys keys;
    struct link link;
};

/* From here on it is an entry like that of any other link. */
static enum err becomes_link(struct restore *r, size_t at, const struct link *link,
                             const struct rng *rng)
{
    memmove(&r->entries[at], &r->entries[at + 1], (r->n - at - 1) * sizeof r->entries[0]);
    r->n--;
    secret_wipe(&r->entries[r->n], sizeof r->entries[0]);
    enum err e = restore_add_link(r, link, rng);
    return e == ERR_EXISTS ? OK : e;
}

/* A node that only closes says as little of a wrong code as of a used one. */
static enum contact contact_of(const struct call *c)
{
    return c->stage == CALL_IDLE || c->err == ERR_TIMEOUT ? CONTACT_AWAY
                                                          : CONTACT_REFUSED;
}

static enum err answered(struct restore *r, size_t at, const struct call *c,
                         struct asked *a, const struct rng *rng)
{
    struct address where = { 0 };
    enum err e = c->err;

    if (e == OK)
        e = address_get(r->entries[at].addresses[0].at, &where);
    if (e == OK)
        e = spoken_open(&a->keys, BYTES_OF(c->answer), &where, &a->link);
    if (e == OK)
        return becomes_link(r, at, &a->link, rng);
    r->entries[at].contact = (uint8_t)contact_of(c);
    return e == ERR_NOMEM ? e : OK;
}

static enum err ask_codes(struct restore *r, const struct restore_run *run,
                          struct call *calls, const size_t *which, size_t n)
{
    AUTO_SECRET struct asked *a = NULL;

    TRY(secret_alloc(n * sizeof *a, (void **)&a));
    for (size_t i = 0; i < n; i++) {
        struct restore_entry *e = &r->entries[which[i]];

        memcpy(&a[i].keys, e->spoken.p, sizeof a[i].keys);
        calls[i] = (struct call){ .spoken = &a[i].keys };
        call_addresses(&calls[i], e->addresses, e->n_addresses);
    }
    TRY(call_round(calls, n, run->deadline_ms, run->params->rng));
    /* From the last one on: an answered one leaves its place. */
    for (size_t i = n; i-- > 0;)
        TRY(answered(r, which[i], &calls[i], &a[i], run->params->rng));
    return OK;
}

enum err restore_ask_spoken(struct restore *r, const struct restore_run *run)
{
    size_t which[RESTORE_ENTRIES];
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        if (entry_is_spoken(&r->entries[i]))
            which[n++] = i;
    if (n == 0)
        return OK;
    AUTO_FREE struct call *calls = calloc(n, sizeof *calls);
    if (calls == NULL)
        return ERR_NOMEM;
    TRY(ask_codes(r, run, calls, which, n));
    /* The answer may not come a second time once its link was used. */
    return run->keep(run->keep_ctx, r);
}
