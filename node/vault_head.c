/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop.h"
#include "node/seat.h"
#include "node/vault_part.h"

enum { SHRUNK_BYTES = 1024 * 1024, SHRUNK_AGAIN_S = 7 * 86400 };

/* ---- HEAD_GET ---- */

/* The newest kept version up to the one asked for, 0: none. */
static enum err kept_up_to(struct call *c, const uint8_t ward[ID_BYTES], uint64_t version,
                           uint64_t *out)
{
    struct txn_key exact = key_blob(ward, version);
    struct txn_key at = { 0 };
    enum err e = txn_has(c->txn, TAB_VAULT_MARK, key_bytes(&exact));

    if (e != ERR_UNKNOWN) {
        *out = version;
        return e;
    }
    *out = 0;
    while ((e = txn_next(c->txn, TAB_VAULT_MARK, bytes_of(ward, ID_BYTES), &at,
                         (struct span){ 0 }, NULL)) == OK &&
           load_u64(at.b + ID_BYTES) < version)
        *out = load_u64(at.b + ID_BYTES);
    return e == ERR_UNKNOWN ? OK : e;
}

static enum err fill_head(struct call *c, uint64_t version, struct rep_head_get *rep)
{
    struct record_mark mark = { 0 };
    struct record_head head = { 0 };
    struct txn_key key = key_blob(c->who->ward, version);

    TRY(record_get(c, TAB_VAULT_MARK, &record_mark_schema, &key, &mark));
    TRY(kept_head(c, c->who->ward, version, &head));
    rep->head = head.head;
    rep->witness = head.witness;
    rep->received = mark.received;
    return OK;
}

enum err vault_serve_head_get(struct call *c, const struct req_head_get *req,
                              struct rep_head_get *rep)
{
    struct record_ward ward = { 0 };
    struct record_vault v = { 0 };
    uint64_t version = 0;
    enum err e = kept_load(c, &ward, &v);

    /* Damaged is what counts them, not the heads. */
    if (e == ERR_CORRUPT)
        e = kept_up_to(c, c->who->ward, UINT64_MAX, &v.newest);
    TRY(e);
    bool older = req->version != 0 && req->version < v.newest;

    TRY(kept_up_to(c, c->who->ward, older ? req->version : v.newest, &version));
    if (version != 0)
        TRY(fill_head(c, version, rep));
    rep->version = v.newest;
    rep->oldest = v.oldest;
    rep->used = v.used;
    rep->quota = c->env->limits->vault_bytes;
    return OK;
}

/* ---- HEAD_SET ---- */

/* A device signs with its own key, by the root account's word; that with its own. */
static enum err signer_is_caller(struct call *c, const struct record_ward *ward,
                                 const struct vault_head *h)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    if (bytes_equal(BYTES_OF(h->signer), BYTES_OF(ward->account_sign)))
        return OK;
    TRY(vault_head_signer(h, ward->account_sign));
    TRY(secret_new(&cred));
    TRY(cred_get(c, c->who->cred, cred));
    return cred->type == CRED_DEVICE &&
                   bytes_equal(BYTES_OF(h->signer), BYTES_OF(cred->sign))
               ? OK
               : ERR_SIGNATURE;
}

static enum err head_good(struct call *c, const struct record_ward *ward,
                          struct bytes raw, struct vault_head *out)
{
    TRY(vault_head_open(raw, out));
    if (!id_equal(out->ward, ward->ward))
        return ERR_FORMAT;
    return signer_is_caller(c, ward, out);
}

/* What a signer never saw must not be put aside. */
static enum err head_next(const struct record_vault *v, const struct vault_head *h)
{
    if (h->version != v->newest + 1 ||
        !bytes_equal(BYTES_OF(h->before), BYTES_OF(v->newest_hash)))
        return ERR_NEWER;
    return v->newest < VAULT_VERSION_MAX ? OK : ERR_FULL;
}

static enum err head_keep(struct call *c, struct record_vault *v,
                          const struct req_head_set *req, uint64_t version)
{
    const struct record_head head = { .head = req->head, .witness = req->witness };
    const struct record_mark mark = { .received = c->now,
                                      .size = (uint32_t)(req->head.n + req->witness.n),
                                      .unsure = c->env->clock == CLOCK_FROZEN };
    struct txn_key key = key_blob(v->ward, version);

    TRY(kept_head_put(c, v->ward, version, &head));
    TRY(record_put(c, TAB_VAULT_MARK, &record_mark_schema, &key, &mark));
    v->used += mark.size;
    v->heads++;
    v->newest = version;
    v->unsure = v->unsure == 0 && mark.unsure != 0 ? version : v->unsure;
    v->oldest = v->oldest == 0 ? version : v->oldest;
    vault_head_hash(req->head, v->newest_hash);
    return OK;
}

static enum err drop_all(struct call *c, struct record_vault *v, struct bytes ids,
                         uint64_t version, uint64_t *out_bytes)
{
    *out_bytes = 0;
    for (size_t i = 0; i < ids.n; i += VAULT_ID)
        TRY(kept_drop(c, v, ids.p + i, version, out_bytes));
    return OK;
}

/*
 * A third less than the most of the last 30 days, however many heads it took; or one
 * head drops that much itself, whatever was put in its place. Once a week, so that
 * saying it over and over leaves room for other alerts.
 */
static bool shrunk(const struct call *c, struct record_vault *v, uint64_t dropped)
{
    bool less = v->live < v->high - v->high / 3 ||
                (dropped >= SHRUNK_BYTES && dropped > v->high / 3);

    if (less && v->told != 0 && c->now >= v->told && c->now - v->told < SHRUNK_AGAIN_S)
        return false;
    if (less)
        v->told = c->now;
    if (less || v->live >= v->high || c->now >= v->high_at + VAULT_HEADS_S) {
        v->high = v->live;
        v->high_at = c->now;
    }
    return less;
}

static enum err head_set_new(struct call *c, struct record_ward *ward,
                             struct record_vault *v, const struct req_head_set *req,
                             uint64_t version)
{
    uint64_t dropped = 0;
    uint32_t stored = 0;

    TRY(kept_take(c, v, req->objects, CAME_WITH_HEAD, req->head.n + req->witness.n,
                  &stored));
    TRY(head_keep(c, v, req, version));
    TRY(drop_all(c, v, req->dropped, version, &dropped));
    bool less = shrunk(c, v, dropped);

    TRY(kept_store(c, ward, v));
    return less ? drop_tell(c, ward, REC_VAULT_SHRUNK, NULL, 0) : OK;
}

enum err vault_serve_head_set(struct call *c, const struct req_head_set *req,
                              struct rep_head_set *rep)
{
    struct record_ward ward = { 0 };
    struct record_vault v = { 0 };
    struct vault_head h = { 0 };
    uint8_t hash[HASH_BYTES];

    if (req->dropped.n % VAULT_ID != 0)
        return ERR_FORMAT;
    TRY(kept_load(c, &ward, &v));
    TRY(record_changeable(&ward, c->now));
    TRY(head_good(c, &ward, req->head, &h));
    vault_head_hash(req->head, hash);
    /* Asked again without its op id: the same one is no other. */
    if (v.newest == 0 || !bytes_equal(BYTES_OF(hash), BYTES_OF(v.newest_hash))) {
        TRY(head_next(&v, &h));
        TRY(head_set_new(c, &ward, &v, req, h.version));
    }
    rep->version = v.newest;
    rep->used = v.used;
    return OK;
}
