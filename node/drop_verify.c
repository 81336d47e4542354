/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop_part.h"

/* Every entry opens, and its head follows from the one before. */
static enum err verify_one(struct call *c, const struct record_drop *d, bool *out_whole)
{
    uint8_t head[HASH_BYTES] = { 0 };
    size_t mark = c->mem.n;

    *out_whole = d->kept <= d->seq;
    if (d->kept == 0 || !*out_whole)
        return OK;
    for (uint64_t seq = d->seq - d->kept + 1; seq <= d->seq; seq++) {
        struct record_blob b = { 0 };
        uint8_t hash[HASH_BYTES];
        uint8_t want[HASH_BYTES];
        bool first = seq == d->seq - d->kept + 1;

        enum err e = drop_blob(c, d, seq, &b);
        *out_whole =
            e == OK && (first || bytes_equal(BYTES_OF(b.before), BYTES_OF(head)));
        c->mem.n = mark;
        if (e != OK && e != ERR_UNKNOWN && e != ERR_CORRUPT)
            return e;
        if (!*out_whole)
            return OK;
        drop_blob_hash(b.blob, hash);
        drop_chain(b.before, seq, b.received, hash, want);
        *out_whole = bytes_equal(BYTES_OF(want), BYTES_OF(b.head));
        memcpy(head, b.head, HASH_BYTES);
    }
    *out_whole = *out_whole && bytes_equal(BYTES_OF(head), BYTES_OF(d->head));
    return OK;
}

enum err drop_verify(struct call *c, uint64_t *io_drops, uint64_t *io_broken)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    enum err e;

    for (;;) {
        struct record_drop d = { 0 };
        bool whole = false;

        e = record_next(c, TAB_DROP, &record_drop_schema, (struct bytes){ 0 }, &at, &d);
        if (e == OK)
            e = verify_one(c, &d, &whole);
        c->mem.n = mark;
        if (e == ERR_UNKNOWN)
            return OK;
        if (e != OK && e != ERR_CORRUPT)
            return e;
        (*io_drops)++;
        *io_broken += !whole;
    }
}

enum err drop_owned(struct call *c, const uint8_t holder[ID_BYTES], struct owned *out)
{
    struct txn_key at = { 0 };
    struct owned o = { 0 };
    size_t mark = c->mem.n;

    for (;;) {
        struct record_drop d = { 0 };
        enum err e =
            record_next(c, TAB_DROP, &record_drop_schema, (struct bytes){ 0 }, &at, &d);

        c->mem.n = mark;
        if (e == ERR_UNKNOWN)
            break;
        if (e == ERR_CORRUPT)
            continue;
        TRY(e);
        if (d.kind == KIND_MADE && id_equal(d.holder, holder))
            owned_add(&o, d.drop);
    }
    *out = o;
    return OK;
}
