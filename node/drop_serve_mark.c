/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop_serve_part.h"
#include "node/seat.h"
#include "node/ward.h"

static const struct wire_field drop_mark_fields[] = {
    W_FIX(drop_mark, cred, 1, WIRE_MUST),
    W_FIX(drop_mark, key, 2, WIRE_MUST),
    W_UINT(drop_mark, seq, 3, WIRE_MAY, UINT64_MAX),
    W_FIX(drop_mark, head, 4, WIRE_MAY),
    W_FIX(drop_mark, sig, 5, WIRE_MUST),
    W_UINT(drop_mark, time, 6, WIRE_MUST, UINT64_MAX),
};
static const struct wire_schema drop_mark_schema = W_SCHEMA(drop_mark, drop_mark_fields);

static const struct wire_field drop_marks_fields[] = {
    W_LIST(drop_marks, marks, 1, WIRE_MAY, 0, &drop_mark_schema),
};
static const struct wire_schema drop_marks_schema =
    W_SCHEMA(drop_marks, drop_marks_fields);

enum err drop_marks_get(struct call *c, const uint8_t drop[ID_BYTES],
                        struct drop_marks *out)
{
    struct txn_key key = key_blob(drop, 0);
    size_t mark = c->mem.n;
    enum err e = record_get(c, TAB_BLOB, &drop_marks_schema, &key, out);

    c->mem.n = mark;
    return e == ERR_UNKNOWN || e == ERR_CORRUPT ? OK : e;
}

/* Whose key it must be: others could be marked as readers who never were. A guardian's
 * and a requester's day keys do not sign; they choose one. */
static enum err check_reader(struct call *c, const uint8_t key[PUB_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct record_ward ward = { 0 };
    const uint8_t *its = key;

    TRY(secret_new(&cred));
    if (c->who->role == ROLE_DEVICE) {
        TRY(cred_get(c, c->who->cred, cred));
        its = cred->sign;
    }
    if (c->who->role == ROLE_OWNER) {
        TRY(ward_get(c, c->who->ward, &ward));
        its = ward.account_sign;
    }
    return bytes_equal(bytes_of(key, PUB_BYTES), bytes_of(its, PUB_BYTES)) ? OK : ERR_KEY;
}

/* The place of a new mark: the caller's own, a free one, that of a credential that is
 * gone, the oldest. */
static enum err place_of(struct call *c, struct drop_marks *m, struct drop_mark **out)
{
    struct drop_mark *old = &m->marks[0];

    for (uint32_t i = 0; i < m->n_marks; i++) {
        *out = &m->marks[i];
        if (id_equal(m->marks[i].cred, c->who->cred))
            return OK;
        old = m->marks[i].time < old->time ? &m->marks[i] : old;
    }
    *out = &m->marks[m->n_marks];
    if (m->n_marks < DROP_READERS) {
        m->n_marks++;
        return OK;
    }
    for (uint32_t i = 0; i < m->n_marks; i++) {
        struct txn_key key = key_id(m->marks[i].cred);
        enum err e = txn_has(c->txn, TAB_CRED, key_bytes(&key));

        if (e != OK && e != ERR_UNKNOWN)
            return e;
        if (e == ERR_UNKNOWN)
            old = &m->marks[i];
    }
    *out = old;
    return OK;
}

enum err drop_mark_keep(struct call *c, const struct record_drop *d,
                        const struct req_drop_ack *req)
{
    struct drop_marks m = { 0 };
    struct drop_mark *at = NULL;
    struct txn_key key = key_blob(d->drop, 0);

    TRY(drop_mark_verify(req->key, d->drop, req->seq, req->head, req->sig));
    TRY(check_reader(c, req->key));
    TRY(drop_marks_get(c, d->drop, &m));
    TRY(place_of(c, &m, &at));
    /* A late message does not take back what was seen. */
    if (id_equal(at->cred, c->who->cred) && at->seq > req->seq)
        return OK;
    *at = (struct drop_mark){ .seq = req->seq, .time = c->now };
    memcpy(at->cred, c->who->cred, ID_BYTES);
    memcpy(at->key, req->key, PUB_BYTES);
    memcpy(at->head, req->head, HASH_BYTES);
    memcpy(at->sig, req->sig, SIG_BYTES);
    return record_put(c, TAB_BLOB, &drop_marks_schema, &key, &m);
}
