/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/vaults.h"

#include "node/vault.h"

/* ---- who pushes ---- */

void sim_device(struct node_sim *n, const struct sim_owner *o, struct sim_pusher *out)
{
    struct req_cred_new req = { .type = CRED_DEVICE };

    *out = (struct sim_pusher){ .owner = o };
    sim_login_new(&out->login, ROLE_DEVICE, &n->rng);
    rng_fill(&n->rng, out->sign.b, sizeof out->sign.b);
    crypt_sign_public(&out->sign, out->sign_pub);
    rng_fill(&n->rng, out->cred, ID_BYTES);
    sim_op(n, req.op);
    memcpy(req.id, out->cred, ID_BYTES);
    memcpy(req.psk, out->login.psk.b, KEY_BYTES);
    memcpy(req.stat, out->login.pub, PUB_BYTES);
    memcpy(req.sign, out->sign_pub, PUB_BYTES);
    MUST(node_sim_ask(n, &o->who, MSG_CRED_NEW, &req, NULL) == OK);
    MUST(node_sim_login(n, &out->login, &out->who) == OK);
}

void sim_account(const struct sim_owner *o, struct sim_pusher *out)
{
    *out = (struct sim_pusher){ .owner = o, .sign = o->account, .who = o->who };
    memcpy(out->sign_pub, o->account_pub, PUB_BYTES);
    memcpy(out->cred, o->who.cred, ID_BYTES);
}

/* ---- objects ---- */

static struct bytes object_of(uint32_t mark, size_t size)
{
    static _Thread_local uint8_t object[VAULT_OBJECT_MAX + 1];
    uint32_t x = mark * 2654435761u + (uint32_t)size + 1;

    MUST(size <= sizeof object);
    for (size_t i = 0; i < size; i++) {
        x = x * 1664525u + 1013904223u;
        object[i] = (uint8_t)(x >> 24);
    }
    return bytes_of(object, size);
}

void sim_object_put(uint32_t mark, size_t size, struct buf *out)
{
    vault_frame_put(object_of(mark, size), out);
    MUST(!out->over);
}

void sim_object_id(uint32_t mark, size_t size, struct buf *out)
{
    uint8_t id[VAULT_ID];

    vault_object_id(object_of(mark, size), id);
    buf_put(out, BYTES_OF(id));
    MUST(!out->over);
}

/* ---- heads ---- */

void sim_head_sign(const struct sim_pusher *p, struct sim_head *h)
{
    struct buf b = BUF_OF(h->raw);

    vault_head_make(&h->head, &p->sign, &b);
    MUST(!b.over);
    h->req.head = buf_bytes(&b);
}

void sim_head_new(struct node_sim *n, const struct sim_pusher *p, struct sim_head *h)
{
    struct rep_head_get newest = { 0 };

    *h = (struct sim_head){ 0 };
    MUST(sim_head_get(n, p, 0, &newest) == OK);
    h->head.version = newest.version + 1;
    if (newest.head.n > 0)
        vault_head_hash(newest.head, h->head.before);
    memcpy(h->head.ward, p->owner->ward, ID_BYTES);
    memcpy(h->head.signer, p->sign_pub, PUB_BYTES);
    vault_signer_make(&p->owner->account, p->sign_pub, h->head.let_in);
    rng_fill(&n->rng, h->body, sizeof h->body);
    rng_fill(&n->rng, h->witness, sizeof h->witness);
    h->head.body = BYTES_OF(h->body);
    h->req.witness = BYTES_OF(h->witness);
    sim_op(n, h->req.op);
    sim_head_sign(p, h);
}

enum err sim_push(struct node_sim *n, const struct sim_pusher *p, struct bytes objects,
                  struct bytes dropped, struct rep_head_set *out)
{
    struct sim_head h;

    sim_head_new(n, p, &h);
    h.req.objects = objects;
    h.req.dropped = dropped;
    return node_sim_ask(n, &p->who, MSG_HEAD_SET, &h.req, out);
}

enum err sim_head_get(struct node_sim *n, const struct sim_pusher *p, uint64_t version,
                      struct rep_head_get *out)
{
    struct req_head_get req = { .version = version };

    return node_sim_ask(n, &p->who, MSG_HEAD_GET, &req, out);
}

/* ---- moving objects ---- */

enum err sim_vault_put(struct node_sim *n, const struct sim_pusher *p,
                       struct bytes objects, struct rep_vault_put *out)
{
    struct req_vault_put req = { .objects = objects };

    sim_op(n, req.op);
    return node_sim_ask(n, &p->who, MSG_VAULT_PUT, &req, out);
}

bool sim_has(struct node_sim *n, const struct sim_pusher *p, uint32_t mark, size_t size)
{
    uint8_t id[VAULT_ID];
    struct buf b = BUF_OF(id);
    struct rep_vault_have rep = { 0 };

    sim_object_id(mark, size, &b);
    struct req_vault_have req = { .ids = buf_bytes(&b) };

    MUST(node_sim_ask(n, &p->who, MSG_VAULT_HAVE, &req, &rep) == OK);
    MUST(rep.bits.n == 1 && rep.bits.p[0] <= 1);
    return rep.bits.p[0] == 1;
}

bool sim_gives(struct node_sim *n, const struct sim_pusher *p, uint32_t mark, size_t size)
{
    uint8_t id[VAULT_ID];
    struct buf b = BUF_OF(id);
    struct rep_vault_get rep = { 0 };
    struct bytes got = { 0 };

    sim_object_id(mark, size, &b);
    struct req_vault_get req = { .ids = buf_bytes(&b) };

    MUST(node_sim_ask(n, &p->who, MSG_VAULT_GET, &req, &rep) == OK);
    MUST(vault_frame_next(&rep.objects, &got) == OK && rep.objects.n == 0);
    MUST(got.n == 0 || bytes_equal(got, object_of(mark, size)));
    return got.n != 0;
}

/* ---- time ---- */

static enum err do_tick(struct call *c, void *arg)
{
    return vault_serve_tick(c, arg);
}

size_t sim_vault_tick(struct node_sim *n)
{
    bool more = true;
    size_t jobs = 0;

    while (more) {
        MUST(node_sim_write(n, NULL, do_tick, &more) == OK);
        MUST(jobs++ < 100000);
    }
    return jobs;
}
