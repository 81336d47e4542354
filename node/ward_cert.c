/* SPDX-License-Identifier: Apache-2.0 */
/* Which epochs people confirmed, by whose words, and what is erased for good. */
#include "node/drop.h"
#include "node/ward.h"

/* ---- confirmed epochs ---- */

enum err ward_confirmed(struct call *c, const uint8_t ward[ID_BYTES], uint32_t before,
                        struct record_epoch *out)
{
    struct record_epoch all[EPOCHS_MAX];
    size_t n = 0;

    TRY(ward_epochs(c, ward, all, &n));
    for (size_t i = n; i-- > 0;) {
        if (!ward_epoch_held(&all[i]) || all[i].confirmed == 0)
            continue;
        if (before != 0 && all[i].epoch >= before)
            continue;
        *out = all[i];
        return OK;
    }
    return ERR_UNKNOWN;
}

enum err ward_descriptor(struct call *c, const struct record_epoch *e,
                         const struct descriptor **out)
{
    struct span mem = { 0 };
    struct bytes raw = { 0 };

    TRY(ward_object(c, e->ward, e->epoch, OBJECT_DESCRIPTOR, &raw));
    TRY(scratch_take(c, sizeof(struct descriptor), &mem));
    struct descriptor *d = (void *)mem.p;

    if (descriptor_open(raw, e->account_sign, d) != OK)
        return ERR_CORRUPT;
    *out = d;
    return OK;
}

enum err ward_epoch_confirm(struct call *c, const struct record_ward *ward,
                            struct record_epoch *e)
{
    if (e->confirmed != 0)
        return OK;
    e->confirmed = c->now;
    TRY(ward_epoch_put(c, e));
    return drop_tell(c, ward, REC_EPOCH_CONFIRMED, NULL, e->epoch);
}

enum err ward_confirm_first(struct call *c, struct record_ward *ward, uint32_t epoch)
{
    struct record_epoch e = { 0 };
    enum err none = ward_confirmed(c, ward->ward, 0, &e);

    if (none != ERR_UNKNOWN)
        return none;
    TRY(ward_epoch(c, ward->ward, epoch, &e));
    if (!ward_epoch_held(&e))
        return ERR_STATE;
    /* Whoever was added later was never asked about an enrolment alone. */
    none = ward_epoch(c, ward->ward, 1, &(struct record_epoch){ 0 });
    if (none == ERR_UNKNOWN && ward->confirmed == 0) {
        ward->confirmed = c->now;
        TRY(ward_put(c, ward));
        TRY(drop_tell(c, ward, REC_WARD_CONFIRMED, NULL, 0));
    }
    return ward_epoch_confirm(c, ward, &e);
}

/* ---- CERT_PUT ---- */

/* Whether people of the newest confirmed epoch before it say so. */
static enum err judge(struct call *c, const struct record_ward *ward,
                      const struct req_cert_put *req)
{
    struct cert_rule rule = { .purpose = PURPOSE_EPOCH, .epoch = req->epoch };
    const struct descriptor *d = NULL;
    struct cert_verdict v = { 0 };
    struct record_epoch e = { 0 };

    enum err none = ward_confirmed(c, ward->ward, req->epoch, &e);
    if (none != OK)
        return none == ERR_UNKNOWN ? ERR_CERT : none;
    TRY(ward_descriptor(c, &e, &d));
    memcpy(rule.subject, req->manifest_hash, HASH_BYTES);
    TRY(cert_people(d, &rule, req->people, &v));
    return v.enough ? OK : ERR_CERT;
}

enum err ward_cert_keep(struct call *c, struct record_ward *ward,
                        const struct req_cert_put *req)
{
    struct txn_key key = key_object(ward->ward, 0, OBJECT_CERT);

    if (req->epoch < ward->cert_epoch)
        return OK;
    if (req->epoch == ward->cert_epoch)
        return bytes_equal(BYTES_OF(ward->cert_hash), BYTES_OF(req->manifest_hash))
                   ? OK
                   : ERR_STATE;
    ward->cert_epoch = req->epoch;
    ward->cert_time = c->now;
    memcpy(ward->cert_hash, req->manifest_hash, HASH_BYTES);
    TRY(txn_put(c->txn, TAB_OBJECT, key_bytes(&key), req->people));
    return ward_put(c, ward);
}

/* What is held is confirmed by it; what is prepared becomes active. */
static enum err take(struct call *c, struct record_ward *ward, struct record_epoch *e,
                     uint8_t *out_held)
{
    if (e->state == EPOCH_PREPARED && e->epoch > ward->active)
        TRY(ward_make_active(c, ward, e));
    if (!ward_epoch_held(e))
        return OK;
    *out_held = 1;
    return ward_epoch_confirm(c, ward, e);
}

enum err ward_cert_put(struct call *c, const struct req_cert_put *req,
                       struct rep_cert_put *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(ward_get(c, c->who->ward, &ward));
    if (c->who->role == ROLE_OWNER)
        TRY(record_changeable(&ward, c->now));
    if (ward.left != 0)
        return ERR_LEFT;
    if (req->epoch == 0 || req->epoch == UINT32_MAX || req->epoch <= ward.retired)
        return ERR_STATE;
    enum err got = ward_epoch(c, ward.ward, req->epoch, &e);
    if (got != ERR_UNKNOWN)
        TRY(got);
    bool same = bytes_equal(BYTES_OF(e.manifest_hash), BYTES_OF(req->manifest_hash));
    /* What judged it may be gone. */
    rep->held = ward_epoch_held(&e) && e.confirmed != 0 && same;
    enum err judged = judge(c, &ward, req);
    if (judged == ERR_CERT && rep->held != 0)
        return OK;
    TRY(judged);
    if (ward_epoch_held(&e) && !same)
        return ERR_STATE; /* another one has that number here, and is good */
    TRY(ward_cert_keep(c, &ward, req));
    return same ? take(c, &ward, &e, &rep->held) : OK;
}

/* ---- what is gone ---- */

enum err ward_epoch_erase(struct call *c, struct record_ward *ward,
                          const struct record_epoch *e)
{
    struct data_id id = { .epoch = e->epoch };
    struct txn_key key = key_epoch(ward->ward, e->epoch);

    memcpy(id.ward, ward->ward, ID_BYTES);
    TRY(data_key_drop(c->txn, &id));
    for (unsigned which = OBJECT_BOX_PIECE; which < OBJECTS_END; which++) {
        struct txn_key k = key_object(ward->ward, e->epoch, (enum object)which);

        TRY(txn_del(c->txn, TAB_OBJECT, key_bytes(&k)));
    }
    ward->bytes -= e->size < ward->bytes ? e->size : ward->bytes;
    ward->epochs -= ward->epochs > 0;
    return txn_del(c->txn, TAB_EPOCH, key_bytes(&key));
}

enum err ward_epoch_retire(struct call *c, struct record_ward *ward,
                           const struct record_epoch *e)
{
    struct record_retired tomb = { .time = c->now };
    struct txn_key key = key_epoch(ward->ward, e->epoch);

    memcpy(tomb.manifest_hash, e->manifest_hash, HASH_BYTES);
    TRY(record_put(c, TAB_RETIRED, &record_retired_schema, &key, &tomb));
    TRY(ward_epoch_erase(c, ward, e));
    if (ward->retired < e->epoch)
        ward->retired = e->epoch;
    return drop_tell(c, ward, REC_EPOCH_RETIRED, NULL, e->epoch);
}
