/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes of a second and core, both sides counted, beside what their X25519
 * operations alone cost (two key pairs, six agreements) and beside OpenSSL's TLS 1.3
 * with both sides authenticated; on one thread, in memory, in turns.
 */
#include <stdio.h>

#include "proto/crypt.h"
#include "proto/peer.h"
#include "tests/bench/bench.h"
#include "tests/bench/tls.h"

enum { RUNS = 20, BATCHES = 60, KEY_PAIRS = 2, AGREEMENTS = 6 };

static struct {
    struct dh_key node, client;
    uint8_t node_pub[PUB_BYTES], client_pub[PUB_BYTES];
    struct psk psk;
    struct peer caller, called;
} b;

/* Feeds one side what the other wrote, with the psk when it asks for it. */
static void feed(struct peer *p, struct buf *in, struct buf *out)
{
    struct peer_event ev = { 0 };
    size_t at = 0;

    do {
        size_t used = 0;

        MUST(peer_feed(p, (struct span){ in->p + at, in->n - at }, &used, out, &ev) ==
             OK);
        at += used;
        if (ev.what == PEER_WHO)
            MUST(peer_set_psk(p, &b.psk) == OK);
    } while (ev.what != PEER_NEED_MORE && ev.what != PEER_READY);
    MUST(at == in->n);
    in->n = 0;
}

static void handshake(void)
{
    uint8_t to_node[PEER_HANDSHAKE_OUT];
    uint8_t to_client[PEER_ACT_2];
    struct buf there = BUF_OF(to_node);
    struct buf back = BUF_OF(to_client);
    struct peer_login login = {
        .node = b.node_pub, .key = &b.client, .pub = b.client_pub, .psk = &b.psk
    };

    peer_accept(&b.called, &b.node, b.node_pub, &crypt_random);
    MUST(peer_start(&b.caller, &login, &crypt_random, &there) == OK);
    feed(&b.called, &there, &back);
    feed(&b.caller, &back, &there);
    feed(&b.called, &there, &back);
    MUST(b.caller.state == PEER_OPEN && b.called.state == PEER_OPEN);
    MUST(secret_equal(b.caller.hash, b.called.hash, sizeof b.caller.hash));
    peer_end(&b.caller);
    peer_end(&b.called);
}

static void agreements(void)
{
    uint8_t out[KEY_BYTES];

    for (int i = 0; i < KEY_PAIRS; i++)
        crypt_dh_public(&b.client, out);
    for (int i = 0; i < AGREEMENTS; i++)
        MUST(crypt_dh(&b.client, b.node_pub, out) == OK);
}

static void draw_keys(void)
{
    rng_fill(&crypt_random, b.node.b, KEY_BYTES);
    rng_fill(&crypt_random, b.client.b, KEY_BYTES);
    rng_fill(&crypt_random, b.psk.b, KEY_BYTES);
    crypt_dh_public(&b.node, b.node_pub);
    crypt_dh_public(&b.client, b.client_pub);
}

int main(void)
{
    double ours = 0;
    double dh = 0;
    double tls = 0;

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    draw_keys();
    tls_start();
    for (int i = 0; i < BATCHES; i++) {
        bench_batch(handshake, RUNS, &ours);
        bench_batch(agreements, RUNS, &dh);
        bench_batch(tls_handshake, RUNS, &tls);
    }
    printf("handshakes: %.0f a second and core, both sides on it (%.0f us)\n", 1e9 / ours,
           ours / 1e3);
    printf("handshake: %.2f x its DH operations (%.0f us; goal at most 1.3)\n", ours / dh,
           dh / 1e3);
    printf("handshake: %.2f x mutual TLS 1.3 of OpenSSL (%.0f us; goal 2.5)\n",
           tls / ours, tls / 1e3);
    tls_end();
    secret_end();
    return 0;
}
