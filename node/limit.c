/* SPDX-License-Identifier: Apache-2.0 */
#include "node/limit.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

#define LIMIT_ROW(m, k, d, lo, hi, u, w)                                                 \
    { .key = (k),                                                                        \
      .def = (d),                                                                        \
      .least = (lo),                                                                     \
      .most = (hi),                                                                      \
      .unit = (u),                                                                       \
      .what = (w),                                                                       \
      .off = offsetof(struct limits, m) },
static const struct limit_row rows[] = { LIMIT_TABLE(LIMIT_ROW) };

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Every member is a uint64_t, so a row finds its own by its index. */
_Static_assert(sizeof(struct limits) == ROWS * sizeof(uint64_t), "one member a row");

size_t limit_count(void)
{
    return ROWS;
}

const struct limit_row *limit_row(size_t i)
{
    MUST(i < ROWS);
    return &rows[i];
}

uint64_t limit_value(const struct limits *l, const struct limit_row *row)
{
    uint64_t value = 0;

    memcpy(&value, (const uint8_t *)l + row->off, sizeof(value));
    return value;
}

static void put_value(struct limits *l, const struct limit_row *row, uint64_t value)
{
    memcpy((uint8_t *)l + row->off, &value, sizeof(value));
}

void limits_default(struct limits *out)
{
    for (size_t i = 0; i < ROWS; i++)
        put_value(out, &rows[i], rows[i].def);
}

const struct limit_row *limit_find(const char *key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

enum err limit_set(struct limits *l, const struct limit_row *row, uint64_t value)
{
    if (value < row->least || value > row->most)
        return ERR_ARG;
    put_value(l, row, value);
    return OK;
}

size_t limit_print(const struct limits *l, size_t i, char *out, size_t cap)
{
    const struct limit_row *r = limit_row(i);

    MUST(cap > 0);
    int n =
        snprintf(out, cap, "| %s | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %s | %s |",
                 r->key, limit_value(l, r), r->least, r->most, r->unit, r->what);
    MUST(n >= 0);
    return (size_t)n < cap ? (size_t)n : cap - 1;
}

/* ---- token buckets ---- */

enum { TOKEN = 1000, MINUTE_MS = 60 * 1000 };

/* What is still used at now; refills rate tokens a minute. */
static uint64_t used_at(const struct bucket *b, uint64_t rate, uint64_t now_ms)
{
    if (now_ms <= b->at_ms)
        return b->used;

    uint64_t past = now_ms - b->at_ms;
    /* Beyond this every bucket is full, and the product below cannot wrap. */
    if (past > UINT32_MAX)
        return 0;
    uint64_t back = past * rate * TOKEN / MINUTE_MS;
    return back < b->used ? b->used - back : 0;
}

bool bucket_take(struct bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ms)
{
    uint64_t used = used_at(b, rate, now_ms);

    if (used + TOKEN > burst * TOKEN)
        return false;
    b->used = used + TOKEN;
    b->at_ms = now_ms > b->at_ms ? now_ms : b->at_ms;
    return true;
}

void bucket_charge(struct bucket *b, uint64_t n)
{
    b->used += n * TOKEN;
}

uint64_t bucket_wait(const struct bucket *b, uint64_t rate, uint64_t burst,
                     uint64_t now_ms)
{
    uint64_t used = used_at(b, rate, now_ms);
    uint64_t room = burst * TOKEN;

    if (used + TOKEN <= room)
        return 0;
    MUST(rate > 0);
    uint64_t over = used + TOKEN - room;
    return (over * MINUTE_MS + rate * TOKEN - 1) / (rate * TOKEN);
}

/* ---- the door ---- */

static struct origin origin_ip4(const uint8_t ip[4])
{
    struct origin o = { 0 };

    if (ip[0] == 127)
        return o;
    o.family = 4;
    memcpy(o.net, ip, 4);
    return o;
}

static struct origin origin_ip6(const struct in6_addr *ip)
{
    struct origin o = { 0 };

    if (IN6_IS_ADDR_V4MAPPED(ip))
        return origin_ip4(ip->s6_addr + 12);
    if (IN6_IS_ADDR_LOOPBACK(ip))
        return o;
    o.family = 6;
    memcpy(o.net, ip->s6_addr, sizeof(o.net));
    return o;
}

struct origin origin_of(const struct sockaddr *from)
{
    struct sockaddr_in v4 = { 0 };
    struct sockaddr_in6 v6 = { 0 };

    if (from->sa_family == AF_INET) {
        memcpy(&v4, from, sizeof(v4));
        return origin_ip4((const uint8_t *)&v4.sin_addr);
    }
    if (from->sa_family == AF_INET6) {
        memcpy(&v6, from, sizeof(v6));
        return origin_ip6(&v6.sin6_addr);
    }
    return (struct origin){ 0 };
}

static bool same_origin(const struct origin *a, const struct origin *b)
{
    return a->family == b->family && bytes_equal(BYTES_OF(a->net), BYTES_OF(b->net));
}

/* The entry of an origin; else the one that is missed least: unused for longest. */
static struct door_origin *entry_of(struct door *d, const struct origin *from)
{
    struct door_origin *oldest = NULL;

    for (size_t i = 0; i < DOOR_ORIGINS; i++) {
        struct door_origin *e = &d->origins[i];
        if (same_origin(&e->origin, from))
            return e;
        if (e->open == 0 && (oldest == NULL || e->bucket.at_ms < oldest->bucket.at_ms))
            oldest = e;
    }
    /* More entries than connections (Connections <= 1024): one is always unused. */
    MUST(oldest != NULL);
    *oldest = (struct door_origin){ .origin = *from };
    return oldest;
}

/* Random early drop: the fuller, the likelier; never below early_drop. */
static bool drop_early(const struct door *d, const struct limits *l,
                       const struct rng *rng)
{
    if (d->strangers >= l->strangers)
        return true;
    if (d->strangers < l->early_drop)
        return false;

    uint32_t chance = 0;
    rng_fill(rng, &chance, sizeof(chance));
    uint64_t width = l->strangers - l->early_drop + 1;
    return (chance * width) >> 32 < d->strangers - l->early_drop + 1;
}

enum err door_enter(struct door *d, const struct limits *l, struct origin from,
                    uint64_t now_ms, const struct rng *rng)
{
    if (d->open >= l->conns || drop_early(d, l, rng))
        return ERR_BUSY;
    if (from.family != 0) {
        struct door_origin *e = entry_of(d, &from);
        if (e->open >= l->addr_conns)
            return ERR_BUSY;
        if (!bucket_take(&e->bucket, l->addr_rate, l->addr_burst, now_ms))
            return ERR_BUSY;
        e->open++;
    }
    d->open++;
    d->strangers++;
    return OK;
}

void door_known(struct door *d)
{
    MUST(d->strangers > 0);
    d->strangers--;
}

void door_leave(struct door *d, struct origin from, enum door_who who)
{
    MUST(d->open > 0);
    d->open--;
    if (who == DOOR_STRANGER)
        door_known(d);
    if (from.family == 0)
        return;

    struct door_origin *e = entry_of(d, &from);
    MUST(e->open > 0);
    e->open--;
}
