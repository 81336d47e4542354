/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/net.h"

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
} net;

void net_open(size_t n, uint64_t seed)
{
    MUST(n <= NET_NODES);
    net.n = n;
    net.now = SIM_START;
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

    TRY(talk_feed(&l->end, in, out));
    return play(l, out, at);
}

void net_hang_up(struct net_line *l)
{
    talk_close(&l->end);
    free(l);
}
