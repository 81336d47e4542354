/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes show of the circle's past, and what a restore carries from one to others. */
#include "client/ceremony_restore_part.h"

/* ---- kept ---- */

static bool has_proof(const struct restore *r, enum epoch_want kind, struct bytes raw)
{
    for (size_t i = 0; i < r->n_proofs; i++)
        if (r->proofs[i].kind == kind && bytes_equal(r->proofs[i].raw, raw))
            return true;
    return false;
}

/*
 * Half of the room is for either kind, and half of that for those the person named:
 * whoever only a list told of may be anybody's, and there may be many.
 */
static bool has_room(const struct restore *r, const struct restore_entry *e,
                     enum epoch_want kind)
{
    size_t most = e->source == FROM_ROSTER ? RESTORE_PROOFS / 4 : RESTORE_PROOFS / 2;
    size_t n = 0;

    for (size_t i = 0; i < r->n_proofs; i++)
        n += r->proofs[i].kind == kind;
    return n < most;
}

enum err restore_take_proof(struct restore *r, struct restore_entry *e,
                            enum epoch_want want, const struct rep_epoch_state *rep)
{
    struct restore_proof p = { .kind = (uint8_t)want };

    if (want == EPOCH_WANT_CERT) {
        e->cert_epoch = rep->cert_epoch;
        p.epoch = rep->cert_epoch;
        memcpy(p.manifest_hash, rep->cert_hash, HASH_BYTES);
    }
    /* One of a kind from each: else a node that cuts the line and is asked again, with
       another one each time, takes the room of those who prove something. */
    if (rep->proof.n == 0 || has_proof(r, want, rep->proof) || !has_room(r, e, want) ||
        (e->proved & (1U << want)) != 0)
        return OK;
    e->proved |= (uint8_t)(1U << want);
    TRY(restore_keep(r, rep->proof, &p.raw));
    r->proofs[r->n_proofs++] = p;
    return OK;
}

/* ---- carried ---- */

/* One node's part of the round; secret memory. */
struct carrying {
    const struct restore *r;
    const struct rng *rng;
    struct restore_entry *e;
    size_t at; /* in r->proofs */
    struct req_cert_put put;
    struct dh_key stat;
    struct psk psk;
};

/* Certificates of an epoch that its node was not shown, one after the other. */
static enum err carry_next(struct carrying *c, struct call_send *out)
{
    const struct restore_proof *p = NULL;

    for (; c->at < c->r->n_proofs && p == NULL; c->at++)
        if (c->r->proofs[c->at].kind == EPOCH_WANT_CERT &&
            c->r->proofs[c->at].epoch > c->e->cert_epoch)
            p = &c->r->proofs[c->at];
    if (p == NULL)
        return OK;
    c->put = (struct req_cert_put){ .epoch = p->epoch, .people = p->raw };
    rng_fill(c->rng, c->put.op, ID_BYTES);
    memcpy(c->put.manifest_hash, p->manifest_hash, HASH_BYTES);
    *out = (struct call_send){ MSG_CERT_PUT, &c->put };
    return OK;
}

/* The node judges; one that says no keeps what it has. */
static enum err carry_step(struct call *call, const struct call_reply *reply,
                           struct call_send *out)
{
    struct carrying *c = call->ctx;

    if (reply != NULL && reply->err == OK)
        c->e->cert_epoch = c->put.epoch;
    return carry_next(c, out);
}

static bool lacks(const struct restore *r, const struct restore_entry *e)
{
    bool newer = false;

    for (size_t i = 0; i < r->n_proofs; i++)
        newer = newer || (r->proofs[i].kind == EPOCH_WANT_CERT &&
                          r->proofs[i].epoch > e->cert_epoch);
    return newer && e->state == STATE_RELEASED;
}

static void carry_prepare(struct carrying *c, struct call *call)
{
    *call = (struct call){ .role = ROLE_REQUESTER,
                           .node_key = c->e->node_key,
                           .stat = &c->stat,
                           .psk = &c->psk,
                           .step = carry_step,
                           .ctx = c };
    memcpy(c->stat.b, c->e->stat, KEY_BYTES);
    memcpy(c->psk.b, c->e->psk, KEY_BYTES);
    call_addresses(call, c->e->addresses, c->e->n_addresses);
}

enum err restore_carry(struct restore *r, const struct params *p)
{
    AUTO_FREE struct call *calls = calloc(RESTORE_ENTRIES, sizeof *calls);
    AUTO_FREE struct carrying *all = calloc(RESTORE_ENTRIES, sizeof *all);
    size_t n = 0;

    if (calls == NULL || all == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n; i++) {
        if (!lacks(r, &r->entries[i]))
            continue;
        all[n] = (struct carrying){ .r = r, .rng = p->rng, .e = &r->entries[i] };
        carry_prepare(&all[n], &calls[n]);
        n++;
    }
    enum err e = n > 0 ? call_round(calls, n, p->round_ms, p->rng) : OK;
    secret_wipe(all, RESTORE_ENTRIES * sizeof *all);
    return e;
}
