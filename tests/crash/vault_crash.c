/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 of a real kithd in the middle of pushes, again and again. Owners put objects
 * and set heads that bring some and drop some. Every object and head that was answered
 * must be there after the restart, whole; a head that was not answered is sent again
 * under the same op id and set once. In the end kithd verify finds nothing wrong.
 *
 *     vault_crash ROUNDS
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/net/net.h"
#include "tests/sim/vaults.h"

enum { PUSHERS = 3, PUTS = 3, NEW = 4, LOOK = 48 };

static const char limits[] = "[Limits]\nVaultRatePerCredential = 600000\n"
                             "VaultBurstPerCredential = 10000\n"
                             "RatePerCredential = 60000\nBurstPerCredential = 10000\n"
                             "VaultBytesPerWard = 1073741824\n"
                             "VaultObjectsPerWard = 1048576\n"
                             "VaultHeadsPerWard = 65536\n";

struct world {
    struct kithd k;
    struct node_sim keys;
    struct store_identity id;
    struct sim_guardian g;
};

/* What one owner pushes; a head that was not answered stays until it is. */
struct pusher {
    struct world *w;
    struct caller c;
    struct sim_owner o;
    uint32_t put;    /* objects 0 .. put - 1 were acknowledged */
    uint64_t heads;  /* so were so many heads */
    bool pending;    /* h was sent */
    uint32_t coming; /* and acknowledged it is put = coming */
    struct sim_head h;
    uint8_t before[HASH_BYTES];
    uint8_t mem[64 * 1024];
    uint8_t ids[2 * VAULT_ID];
    enum err err;
};

/* From a few hundred bytes to the greatest. */
static size_t size_of(uint32_t mark)
{
    return mark % 7 == 0 ? VAULT_OBJECT_MAX : 300 + mark * 7919 % 3000;
}

/* ---- pushing ---- */

static enum err put_one(struct pusher *p)
{
    struct req_vault_put req = { 0 };
    struct buf b = BUF_OF(p->mem);

    sim_object_put(p->put, size_of(p->put), &b);
    req.objects = buf_bytes(&b);
    sim_op(&p->w->keys, req.op);
    TRY(caller_ask(&p->c, MSG_VAULT_PUT, &req, NULL));
    p->put++;
    return OK;
}

/* NEW small objects come with it, and the one before the last two goes. */
static void next_head(struct pusher *p)
{
    struct buf b = BUF_OF(p->mem);
    struct buf ids = BUF_OF(p->ids);

    p->h = (struct sim_head){ .head.version = p->heads + 1 };
    memcpy(p->h.head.before, p->before, HASH_BYTES);
    memcpy(p->h.head.ward, p->o.ward, ID_BYTES);
    memcpy(p->h.head.signer, p->o.account_pub, PUB_BYTES);
    p->h.head.body = BYTES_OF(p->h.body);
    p->h.req.witness = BYTES_OF(p->h.witness);
    struct buf raw = BUF_OF(p->h.raw);

    vault_head_make(&p->h.head, &p->o.account, &raw);
    p->h.req.head = buf_bytes(&raw);
    sim_op(&p->w->keys, p->h.req.op);
    p->coming = p->put;
    for (int i = 0; i < NEW; i++, p->coming++)
        sim_object_put(p->coming + 1000000, 300, &b);
    p->h.req.objects = buf_bytes(&b);
    if (p->put > 2)
        sim_object_id(p->put - 3, size_of(p->put - 3), &ids);
    p->h.req.dropped = buf_bytes(&ids);
    p->pending = true;
}

static enum err set_head(struct pusher *p)
{
    struct rep_head_set rep = { 0 };

    if (!p->pending)
        next_head(p);
    TRY(caller_ask(&p->c, MSG_HEAD_SET, &p->h.req, &rep));
    if (rep.version != p->heads + 1)
        return ERR_CONFLICT;
    vault_head_hash(p->h.req.head, p->before);
    p->heads++;
    p->pending = false;
    return OK;
}

static void *pushes(void *arg)
{
    struct pusher *p = arg;
    enum err e = caller_open(&p->c, p->w->k.port, p->w->id.node_pub, &p->o.login);

    while (e == OK) {
        e = set_head(p); /* first, since one may be pending */
        for (int i = 0; i < PUTS && e == OK; i++)
            e = put_one(p);
    }
    caller_close(&p->c);
    p->err = e;
    return NULL;
}

/* ---- what is there after a restart ---- */

static bool is_there(struct pusher *p, uint32_t mark, size_t size)
{
    uint8_t id[VAULT_ID];
    uint8_t now[VAULT_ID];
    struct buf b = BUF_OF(id);
    struct rep_vault_get rep = { 0 };
    struct bytes got = { 0 };

    sim_object_id(mark, size, &b);
    struct req_vault_get req = { .ids = buf_bytes(&b) };

    if (caller_ask(&p->c, MSG_VAULT_GET, &req, &rep) != OK ||
        vault_frame_next(&rep.objects, &got) != OK)
        return false;
    vault_object_id(got, now);
    return bytes_equal(BYTES_OF(id), BYTES_OF(now));
}

static const char *check_head(struct pusher *p)
{
    struct req_head_get req = { 0 };
    struct rep_head_get rep = { 0 };
    uint8_t hash[HASH_BYTES];

    if (caller_ask(&p->c, MSG_HEAD_GET, &req, &rep) != OK)
        return "the newest head cannot be read";
    if (rep.version < p->heads)
        return "an acknowledged head is lost";
    if (rep.version > p->heads + p->pending)
        return "a head was set twice";
    vault_head_hash(rep.head, hash);
    if (p->heads > 0 && rep.version == p->heads &&
        !bytes_equal(BYTES_OF(hash), BYTES_OF(p->before)))
        return "the newest head is another";
    return NULL;
}

/* The newest ones, and some of the older. */
static const char *check(struct pusher *p)
{
    if (caller_open(&p->c, p->w->k.port, p->w->id.node_pub, &p->o.login) != OK)
        return "the owner is not let in any more";
    const char *bad = check_head(p);

    for (uint32_t i = 0; bad == NULL && i < p->put; i++) {
        if (i + LOOK < p->put && i % 61 != 0)
            continue;
        if (!is_there(p, i, size_of(i)))
            bad = "an acknowledged object is lost";
    }
    for (uint32_t i = 0; bad == NULL && p->heads > 0 && !p->pending && i < NEW; i++)
        if (!is_there(p, p->coming - 1 - i + 1000000, 300))
            bad = "an object of an acknowledged head is lost";
    caller_close(&p->c);
    return bad;
}

/* ---- rounds ---- */

static const char *hammer(struct world *w, struct pusher *p, unsigned wait_us)
{
    pthread_t threads[PUSHERS];

    for (size_t i = 0; i < PUSHERS; i++)
        MUST(pthread_create(&threads[i], NULL, pushes, &p[i]) == 0);
    (void)usleep(wait_us); /* a little less is fine too */
    int ended = kithd_stop(&w->k, SIGKILL);

    for (size_t i = 0; i < PUSHERS; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    if (ended != -SIGKILL)
        return "the node ended by itself";
    for (size_t i = 0; i < PUSHERS; i++)
        if (p[i].err != ERR_CLOSED)
            return "a push, or the repetition of one, was refused";
    return NULL;
}

static const char *one_round(struct world *w, struct pusher *p, unsigned round)
{
    const char *bad = NULL;

    if (!kithd_start(&w->k, NULL))
        return "the node does not start again";
    for (size_t i = 0; i < PUSHERS && bad == NULL; i++)
        bad = check(&p[i]);
    return bad != NULL ? bad : hammer(w, p, 50000 + round * 79193 % 400000);
}

static const char *begin(struct world *w, struct pusher *p)
{
    struct link link = { 0 };

    kithd_new(&w->k, "127.0.0.1:0", limits);
    if (!kithd_start(&w->k, NULL) || kithd_link(&w->k, &link) != OK)
        return "the node does not start";
    net_keys(&w->keys, &w->id, link.node_key);
    net_guardian_new(&w->keys, &link, &w->g);
    if (net_seat(&w->keys, w->k.port, &w->g) != OK)
        return "the guardian is not let in";
    for (size_t i = 0; i < PUSHERS; i++) {
        p[i].w = w;
        if (net_ward(&w->keys, w->k.port, &w->g, &p[i].o) != OK)
            return "an owner is not let in";
    }
    (void)kithd_stop(&w->k, SIGKILL);
    return NULL;
}

static const char *all_rounds(struct world *w, struct pusher *p, unsigned rounds)
{
    const char *bad = begin(w, p);

    for (unsigned i = 0; bad == NULL && i < rounds; i++)
        bad = one_round(w, p, i);
    if (bad == NULL && kithd_fails(&w->k, "verify") != 0)
        bad = "kithd verify finds damage";
    kithd_end(&w->k);
    return bad;
}

int main(int argc, char **argv)
{
    struct pusher *p = calloc(PUSHERS, sizeof *p);
    struct world *w = calloc(1, sizeof *w);
    unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    unsigned long long objects = 0;
    unsigned long long heads = 0;

    if (rounds == 0 || p == NULL || w == NULL)
        return 2;
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    const char *bad = all_rounds(w, p, rounds);

    for (size_t i = 0; i < PUSHERS; i++) {
        objects += p[i].put;
        heads += p[i].heads;
    }
    secret_end();
    (void)printf("%u rounds, %llu objects, %llu heads: %s\n", rounds, objects, heads,
                 bad == NULL ? "none lost" : bad);
    free(p);
    free(w);
    return bad == NULL ? 0 : 1;
}
