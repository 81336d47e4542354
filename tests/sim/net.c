/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/net.h"

#include "node/drop.h"
#include "node/ward.h"
#include "tests/sim/node_sim.h"

struct net_line {
    struct talk_end end;
    enum net_fault fault;
    size_t said; /* bytes of the node so far */
};

static struct {
    size_t n;
    uint64_t now;
    struct node_sim nodes[NET_NODES];
    enum net_fault faults[NET_NODES];
    struct sim_rng chance;
    struct rng rng;
    net_tap tap;
} net;

void net_open(size_t n, uint64_t seed)
{
    MUST(n <= NET_NODES);
    net.n = n;
    net.now = SIM_START;
    net.chance = (struct sim_rng){ .seed = seed * NET_NODES + NET_NODES - 1 };
    net.rng = sim_rng_of(&net.chance);
    net.tap = NULL;
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

void net_restart(size_t i)
{
    node_sim_again(&net.nodes[i]);
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
    for (size_t i = 0; i < net.n; i++)
        MUST(store_write(net.nodes[i].store, tick, &net.nodes[i]) == OK);
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
        if (net.faults[i] == NET_SILENT)
            return ERR_UNREACHABLE;
        l = calloc(1, sizeof *l);
        MUST(l != NULL);
        l->fault = net.faults[i];
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
