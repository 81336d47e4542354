/* SPDX-License-Identifier: Apache-2.0 */
#include "node/vault_part.h"
#include "node/ward.h"

/* Damage was counted where records are opened one by one. */
static bool fatal(enum err e)
{
    return e != OK && e != ERR_UNKNOWN && e != ERR_CORRUPT && e != ERR_TOO_BIG;
}

/* The vault as it is, counted anew into a record of its own. */
static enum err count_objects(struct call *c, struct record_vault *now,
                              struct vault_verdict *io)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;

    for (;;) {
        struct record_object o = { 0 };
        struct bytes object = { 0 };
        enum err e = record_next(c, TAB_VAULT_FIND, &record_object_schema,
                                 BYTES_OF(now->ward), &at, &o);

        if (e == ERR_UNKNOWN)
            return OK;
        if (e == OK)
            e = kept_bytes(c, now->ward, at.b + ID_BYTES, &o, &object);
        c->mem.n = mark;
        if (fatal(e))
            return e;
        io->objects++;
        io->lost += e != OK || object.n != o.size;
        owned_add(&now->objects, at.b + ID_BYTES);
        now->used += o.size;
        now->live += o.dropped == 0 ? o.size : 0;
    }
}

static enum err count_heads(struct call *c, struct record_vault *now,
                            struct vault_verdict *io)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;

    for (;;) {
        struct record_mark m = { 0 };
        struct record_head h = { 0 };
        enum err e = record_next(c, TAB_VAULT_MARK, &record_mark_schema,
                                 BYTES_OF(now->ward), &at, &m);

        if (e == ERR_UNKNOWN)
            return OK;
        now->newest = load_u64(at.b + ID_BYTES);
        now->oldest = now->oldest == 0 ? now->newest : now->oldest;
        if (e == OK)
            e = kept_head(c, now->ward, now->newest, &h);
        if (fatal(e))
            return e;
        io->heads++;
        io->lost += e != OK || h.head.n + h.witness.n != m.size;
        now->heads++;
        now->used += m.size;
        if (e == OK)
            vault_head_hash(h.head, now->newest_hash);
        c->mem.n = mark;
    }
}

static bool same(const struct record_vault *a, const struct record_vault *b)
{
    return a->newest == b->newest && a->oldest == b->oldest && a->heads == b->heads &&
           a->used == b->used && a->live == b->live &&
           a->objects.count == b->objects.count &&
           id_equal(a->objects.sum, b->objects.sum) &&
           bytes_equal(BYTES_OF(a->newest_hash), BYTES_OF(b->newest_hash));
}

static enum err verify_one(struct call *c, const struct record_vault *v,
                           struct vault_verdict *io)
{
    struct record_vault now = { 0 };

    memcpy(now.ward, v->ward, ID_BYTES);
    TRY(count_objects(c, &now, io));
    TRY(count_heads(c, &now, io));
    io->wrong += !same(&now, v);
    return OK;
}

enum err vault_serve_verify(struct call *c, struct vault_verdict *io)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;

    for (;;) {
        struct record_vault v = { 0 };
        struct record_ward ward = { 0 };
        enum err e =
            record_next(c, TAB_VAULT, &record_vault_schema, (struct bytes){ 0 }, &at, &v);

        c->mem.n = mark;
        if (e == ERR_UNKNOWN)
            return OK;
        if (fatal(e))
            return e;
        io->vaults++;
        if (e != OK)
            continue;
        e = ward_get(c, v.ward, &ward);
        c->mem.n = mark;
        if (fatal(e))
            return e;
        /* What was given up is erased bit by bit. */
        if (e == OK && ward.left == 0)
            TRY(verify_one(c, &v, io));
    }
}
