/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stranger's bytes at every point of a conversation. Byte 0 says where: at the
 * node's door, there with a right gate, as act 3, at an open node, or at a client.
 * Nothing is accepted, nothing is said that a stranger may not hear. (The seeds
 * of later acts and of frames carry no genuine tag.)
 */
#include "proto/peer.h"

enum where { DOOR, GATED, PROOF, OPEN, CLIENT, WHERES };

enum { CALL = PEER_HANDSHAKE_OUT, ROOM = 256 };

struct secrets {
    struct dh_key node, client;
    struct psk psk;
};

struct sides {
    struct peer node, client;
    uint8_t node_pub[PUB_BYTES];
    uint8_t wire[ROOM];
    struct buf out;
};

static void fill_counted(void *ctx, uint8_t *out, size_t n)
{
    uint8_t *next = ctx;

    for (size_t i = 0; i < n; i++)
        out[i] = (*next)++;
}

/* Feeds a genuine act from the wire, and keeps what is answered on it. */
static void genuine(struct peer *to, struct sides *s, const struct psk *psk)
{
    struct span in = { s->wire, s->out.n };
    uint8_t answer[ROOM];
    struct buf out = BUF_OF(answer);
    struct peer_event ev;
    size_t used;

    MUST(peer_feed(to, in, &used, &out, &ev) == OK);
    if (ev.what == PEER_WHO) {
        MUST(peer_set_psk(to, psk) == OK);
        MUST(peer_feed(to, in, &used, &out, &ev) == OK);
    }
    MUST(used == in.n);
    memcpy(s->wire, answer, out.n);
    s->out.n = out.n;
}

static void begin(struct sides *s, const struct secrets *k, const struct rng *rng)
{
    uint8_t id[ID_BYTES] = { 0 };
    struct peer_login login = { s->node_pub, &k->client, NULL, &k->psk, id, 1 };

    crypt_dh_public(&k->node, s->node_pub);
    s->out = BUF_OF(s->wire);
    MUST(peer_start(&s->client, &login, rng, &s->out) == OK);
    peer_accept(&s->node, &k->node, s->node_pub, rng);
}

static void gate(const struct sides *s, uint8_t *call)
{
    uint8_t key[HASH_BYTES];

    crypt_hash(LABEL_GATE_KEY, PARTS(BYTES_OF(s->node_pub)), SPAN_OF(key));
    crypt_keyed(key, LABEL_GATE,
                PARTS(bytes_of(call, 8), bytes_of(call + PEER_HELLO, PEER_ACT_1)),
                (struct span){ call + 8, 16 });
}

/* All of in, in whatever steps it makes; true while nothing was refused. */
static bool feed_all(struct peer *p, struct span in)
{
    uint8_t said[ROOM];
    struct buf out = BUF_OF(said);
    struct peer_event ev;
    size_t used = 0;

    for (size_t at = 0;; at += used) {
        struct span rest = { in.p + at, in.n - at };
        if (peer_feed(p, rest, &used, &out, &ev) != OK) {
            MUST(out.n <= PEER_ACT_2);
            return false;
        }
        MUST(used <= rest.n);
        MUST(ev.what != PEER_FRAME && ev.what != PEER_WHO && ev.what != PEER_READY);
        if (ev.what == PEER_NEED_MORE) {
            MUST(used == 0 && ev.wanted > rest.n && ev.wanted <= PEER_FRAME_MAX);
            return true;
        }
    }
}

static void play(struct sides *s, const struct secrets *k, enum where where,
                 struct span in)
{
    struct peer *at = where == CLIENT ? &s->client : &s->node;

    if (where == GATED && in.n >= CALL)
        gate(s, in.p);
    if (where == PROOF || where == OPEN) {
        genuine(&s->node, s, NULL);
        genuine(&s->client, s, NULL);
    }
    if (where == OPEN)
        genuine(&s->node, s, &k->psk);

    bool fine = feed_all(at, in);
    MUST(fine == (at->state != PEER_OFF));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    static uint8_t copy[1 << 17];
    AUTO_SECRET struct secrets *k = NULL;
    struct sides s = { 0 };
    uint8_t next = 0;
    struct rng rng = { fill_counted, &next };

    if (!started)
        MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    started = true;
    if (size == 0 || size > sizeof copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    MUST(secret_new(&k) == OK);
    rng_fill(&rng, k, sizeof *k);
    begin(&s, k, &rng);
    play(&s, k, (enum where)(data[0] % WHERES), (struct span){ copy, size - 1 });
    peer_end(&s.node);
    peer_end(&s.client);
    MUST(secret_in_use() <= 128); /* k alone */
    return 0;
}
