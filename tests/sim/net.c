/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "node/drop.h"
#include "node/ward.h"
#include "tests/sim/dirs.h"
#include "tests/sim/node_sim.h"

struct net_line {
    struct talk_end end;
    enum net_fault fault;
    size_t said; /* bytes of the node so far */
    size_t node;
    uint64_t life; /* which of its lives it is a conversation with */
};

static struct {
    size_t n;
    uint64_t now;
    struct node_sim nodes[NET_NODES];
    enum net_fault faults[NET_NODES];
    struct sim_rng chance;
    struct rng rng;
    net_tap tap;
    uint64_t lives[NET_NODES];
    const struct net_fate *fate;
} net;

void net_open(size_t n, uint64_t seed)
{
    MUST(n <= NET_NODES);
    net.n = n;
    net.now = SIM_START;
    net.chance = (struct sim_rng){ .seed = seed * NET_NODES + NET_NODES - 1 };
    net.rng = sim_rng_of(&net.chance);
    net.tap = NULL;
    net.fate = NULL;
    for (size_t i = 0; i < n; i++) {
        node_sim_open(&net.nodes[i], seed * NET_NODES + i);
        net.faults[i] = NET_FINE;
    }
}

void net_close(void)
{
    for (size_t i = 0; i < net.n; i++)
        node_sim_close(&net.nodes[i]);
    net.n = 0;
}

void net_key(size_t i, uint8_t out_pub[PUB_BYTES])
{
    memcpy(out_pub, net.nodes[i].env.id->node_pub, PUB_BYTES);
}

void net_address(size_t i, struct address *out)
{
    *out = net.nodes[i].env.addresses[0];
}

void net_port(size_t i, uint16_t port)
{
    net.nodes[i].env.addresses[0].port = port;
}

void net_operator(size_t i, struct bytes token)
{
    node_sim_operator(&net.nodes[i], token);
}

void net_fault(size_t i, enum net_fault fault)
{
    net.faults[i] = fault;
}

void net_time(uint64_t now)
{
    net.now = now;
    for (size_t i = 0; i < net.n; i++)
        net.nodes[i].now = now;
}

uint64_t net_now(void)
{
    return net.now;
}

/* Takes the directory's place, and starts again from it. */
static void put_back(size_t i, const char *dir)
{
    struct node_sim *n = &net.nodes[i];
    struct store_refusal why = { 0 };

    net.lives[i]++;
    n->dead = false;
    store_close(n->store);
    dir_drop(n->dir);
    MUST(rename(dir, n->dir) == 0);
    MUST(store_open(n->dir, &n->rng, &n->store, &why) == OK);
    n->env.id = store_identity(n->store);
}

void net_restart(size_t i)
{
    net.lives[i]++;
    net.nodes[i].dead = false;
    node_sim_again(&net.nodes[i]);
}

/* What was not on its disk is gone, nothing is closed in order. */
static void power_cut(size_t i)
{
    struct node_sim *n = &net.nodes[i];
    char lies[sizeof n->dir + 8];

    (void)snprintf(lies, sizeof lies, "%s-cut", n->dir); /* fits */
    dir_copy(n->dir, lies);
    put_back(i, lies);
}

static enum err tick(struct txn *t, void *arg)
{
    struct node_sim *n = arg;
    bool more = true;

    while (more)
        TRY(serve_tick(t, &n->env, n->now, &more));
    return OK;
}

void net_tick(void)
{
    for (size_t i = 0; i < net.n; i++) {
        if (net.nodes[i].dead)
            power_cut(i);
        enum err e = node_sim_commit(&net.nodes[i], tick, &net.nodes[i]);

        MUST(e == OK || net.nodes[i].dead);
    }
}

const struct rng *net_rng(void)
{
    return &net.rng;
}

void net_chance(uint64_t seed)
{
    net.chance = (struct sim_rng){ .seed = seed };
}

const char *net_dir(size_t i)
{
    return net.nodes[i].dir;
}

static void tapped(struct bytes seen)
{
    if (net.tap != NULL)
        net.tap(seen);
}

void net_listen(net_tap tap)
{
    net.tap = tap;
    for (size_t i = 0; i < net.n; i++)
        net.nodes[i].tap = tap != NULL ? tapped : NULL;
}

/* ---- who dies, and in what order ---- */

static bool node_dies(void *ctx, bool before)
{
    const struct net_fate *f = net.fate;

    return f != NULL && f->node_dies != NULL &&
           f->node_dies(f->ctx, (size_t)((struct node_sim *)ctx - net.nodes), before);
}

void net_fate(const struct net_fate *fate)
{
    net.fate = fate;
    for (size_t i = 0; i < net.n; i++) {
        net.nodes[i].dies = fate != NULL ? node_dies : NULL;
        net.nodes[i].dies_ctx = &net.nodes[i];
        if (net.nodes[i].dead)
            power_cut(i);
    }
}

size_t net_next(size_t n)
{
    const struct net_fate *f = net.fate;

    return f != NULL && f->next != NULL ? f->next(f->ctx, n) : 0;
}

static bool is_gone(void)
{
    const struct net_fate *f = net.fate;

    return f != NULL && f->client_gone != NULL && f->client_gone(f->ctx);
}

/* One that died is there again by now. */
static bool is_away(size_t i)
{
    const struct net_fate *f = net.fate;

    if (is_gone() || (f != NULL && f->node_away != NULL && f->node_away(f->ctx, i)))
        return true;
    if (net.nodes[i].dead)
        power_cut(i);
    return false;
}

static void name_of(char *out, size_t cap, const char *dir, size_t i)
{
    MUST(snprintf(out, cap, "%s/%zu", dir, i) < (int)cap);
}

void net_save(const char *dir)
{
    char at[128];

    MUST(mkdir(dir, 0700) == 0);
    for (size_t i = 0; i < net.n; i++) {
        name_of(at, sizeof at, dir, i);
        dir_copy(net.nodes[i].dir, at);
    }
}

void net_load(const char *dir, uint64_t seed)
{
    char at[128];
    char copy[144];

    for (size_t i = 0; i < net.n; i++) {
        name_of(at, sizeof at, dir, i);
        (void)snprintf(copy, sizeof copy, "%s-back", at); /* fits */
        dir_copy(at, copy);
        net.nodes[i].chance = (struct sim_rng){ .seed = seed * NET_NODES + i };
        put_back(i, copy);
    }
}

/* ---- a hoster who changes the store ---- */

struct forge {
    const uint8_t *ward;
    uint32_t epoch;
    const struct net_epoch *what; /* forging */
    struct net_epoch *out;        /* peeking */
    struct span mem;
};

static enum err forge_object(struct call *c, const struct forge *f, enum object which,
                             struct bytes value)
{
    struct data_id id = { .epoch = f->epoch };
    struct txn_key key = key_object(f->ward, f->epoch, which);

    memcpy(id.ward, f->ward, ID_BYTES);
    return value.n == 0 ? OK : data_put(c->txn, &id, TAB_OBJECT, key_bytes(&key), value);
}

static enum err forge(struct call *c, void *arg)
{
    const struct forge *f = arg;
    struct txn_key key = key_epoch(f->ward, f->epoch);
    struct record_epoch e = { 0 };

    TRY(ward_epoch(c, f->ward, f->epoch, &e));
    memcpy(e.manifest_hash, f->what->hash, HASH_BYTES);
    TRY(record_put(c, TAB_EPOCH, &record_epoch_schema, &key, &e));
    TRY(forge_object(c, f, OBJECT_MANIFEST, f->what->manifest));
    TRY(forge_object(c, f, OBJECT_ROSTER, f->what->roster));
    return forge_object(c, f, OBJECT_BOX_PIECE, f->what->box);
}

void net_forge(size_t i, const uint8_t ward[ID_BYTES], uint32_t epoch,
               const struct net_epoch *what)
{
    struct session nobody = { 0 };
    struct forge f = { .ward = ward, .epoch = epoch, .what = what };

    MUST(node_sim_write(&net.nodes[i], &nobody, forge, &f) == OK);
}

static enum err peek_object(struct call *c, struct forge *f, enum object which,
                            struct bytes *out)
{
    struct bytes got = { 0 };

    TRY(ward_object(c, f->ward, f->epoch, which, &got));
    MUST(got.n <= f->mem.n);
    memcpy(f->mem.p, got.p, got.n);
    *out = bytes_of(f->mem.p, got.n);
    f->mem = (struct span){ f->mem.p + got.n, f->mem.n - got.n };
    return OK;
}

static enum err peek(struct call *c, void *arg)
{
    struct forge *f = arg;
    struct record_epoch e = { 0 };

    TRY(ward_epoch(c, f->ward, f->epoch, &e));
    memcpy(f->out->hash, e.manifest_hash, HASH_BYTES);
    TRY(peek_object(c, f, OBJECT_MANIFEST, &f->out->manifest));
    TRY(peek_object(c, f, OBJECT_ROSTER, &f->out->roster));
    return peek_object(c, f, OBJECT_BOX_PIECE, &f->out->box);
}

void net_peek(size_t i, const uint8_t ward[ID_BYTES], uint32_t epoch, struct span mem,
              struct net_epoch *out)
{
    struct session nobody = { 0 };
    struct forge f = { .ward = ward, .epoch = epoch, .out = out, .mem = mem };

    MUST(node_sim_write(&net.nodes[i], &nobody, peek, &f) == OK);
}

struct list {
    struct net_held *out;
    size_t n;
    size_t max;
};

static enum err list_held(struct call *c, void *arg)
{
    struct list *l = arg;
    struct txn_key at = { 0 };
    struct record_epoch e = { 0 };
    size_t mark = c->mem.n;
    enum err err;

    while ((err = record_next(c, TAB_EPOCH, &record_epoch_schema, (struct bytes){ 0 },
                              &at, &e)) == OK) {
        MUST(l->n < l->max);
        struct net_held *h = &l->out[l->n++];

        *h = (struct net_held){ .epoch = e.epoch,
                                .group = e.group,
                                .index = e.index,
                                .good = ward_epoch_held(&e),
                                .prepared = e.state == EPOCH_PREPARED,
                                .confirmed = e.confirmed != 0 };
        memcpy(h->ward, e.ward, ID_BYTES);
        memcpy(h->hash, e.manifest_hash, HASH_BYTES);
        e = (struct record_epoch){ 0 };
        c->mem.n = mark;
    }
    return err == ERR_UNKNOWN ? OK : err;
}

size_t net_held(size_t i, struct net_held *out, size_t max)
{
    struct session nobody = { 0 };
    struct list l = { .out = out, .max = max };

    MUST(node_sim_write(&net.nodes[i], &nobody, list_held, &l) == OK);
    return l.n;
}

static enum err swallow(struct call *c, void *arg)
{
    struct record_ward ward = { 0 };
    struct drop_entry entries[64];
    size_t n = 0;

    TRY(ward_get(c, arg, &ward));
    TRY(drop_list(c, ward.alert, 0, entries, 64, &n));
    MUST(n > 0);
    struct txn_key key = key_blob(ward.alert, entries[n - 1].seq);
    return txn_del(c->txn, TAB_BLOB, key_bytes(&key));
}

void net_swallow(size_t i, const uint8_t ward[ID_BYTES])
{
    struct session nobody = { 0 };
    uint8_t id[ID_BYTES];

    memcpy(id, ward, ID_BYTES);
    MUST(node_sim_write(&net.nodes[i], &nobody, swallow, id) == OK);
}

enum err net_connect(const uint8_t node_key[PUB_BYTES], struct net_line **out)
{
    struct net_line *l = NULL;

    for (size_t i = 0; i < net.n; i++) {
        if (!bytes_equal(BYTES_OF(net.nodes[i].env.id->node_pub),
                         bytes_of(node_key, PUB_BYTES)))
            continue;
        if (net.faults[i] == NET_SILENT || is_away(i))
            return ERR_UNREACHABLE;
        l = calloc(1, sizeof *l);
        MUST(l != NULL);
        l->fault = net.faults[i];
        l->node = i;
        l->life = net.lives[i];
        talk_accept(&l->end, &net.nodes[i]);
        *out = l;
        return OK;
    }
    return ERR_UNREACHABLE;
}

enum { HANDSHAKE = 48 }; /* bytes of the node before its first frame */

/* What the line does to the bytes from at on. Not OK: it is cut. */
static enum err play(struct net_line *l, struct buf *out, size_t at)
{
    size_t n = out->n - at;
    size_t before = l->said;

    l->said += n;
    switch (l->fault) {
    case NET_FINE:
    case NET_SILENT:
        return OK;
    case NET_GARBAGE:
        for (size_t i = at; i < out->n; i++)
            out->p[i] = (uint8_t)(out->p[i] * 7U + 1U + i);
        return OK;
    case NET_FLIPPED:
        if (n > 20 && before >= HANDSHAKE)
            out->p[at + 20] ^= 4;
        return OK;
    case NET_CUT:
        if (l->said <= HANDSHAKE + 600)
            return OK;
        out->n -= n / 2;
        return ERR_CLOSED;
    }
    return OK;
}

enum err net_feed(struct net_line *l, struct bytes in, struct buf *out)
{
    size_t at = out->n;

    if (is_gone() || l->life != net.lives[l->node] || net.nodes[l->node].dead)
        return ERR_CLOSED;
    tapped(in);
    TRY(talk_feed(&l->end, in, out));
    tapped(bytes_of(out->p + at, out->n - at));
    return play(l, out, at);
}

void net_hang_up(struct net_line *l)
{
    talk_close(&l->end);
    free(l);
}
