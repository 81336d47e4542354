/* SPDX-License-Identifier: Apache-2.0 */
#include "node/verify.h"

#include "node/drop.h"
#include "node/move.h"
#include "node/seat.h"
#include "node/store_part.h"
#include "node/ward.h"

/* Damage was counted where records are opened one by one. */
static bool fatal(enum err e)
{
    return e != OK && e != ERR_UNKNOWN && e != ERR_CORRUPT && e != ERR_TOO_BIG;
}

/* ---- the log ---- */

/* The first that is kept has nothing before it to be compared with. */
static enum err verify_entries(struct txn *t, uint64_t first, const struct log_head *head,
                               struct verdict *v)
{
    struct log_entry before = { 0 };

    for (uint64_t seq = first; seq <= head->seq; seq++) {
        struct log_entry at = { 0 };
        uint8_t want[HASH_BYTES];
        enum err e = txn_log_get(t, seq, &at);

        if (fatal(e))
            return e;
        v->entries += e == OK;
        log_chain(before.hash, &at, want);
        bool follows = bytes_equal(BYTES_OF(want), BYTES_OF(at.hash));
        v->log_broken += e != OK || (before.seq + 1 == seq && !follows);
        before = at;
    }
    v->log_broken += !bytes_equal(BYTES_OF(before.hash), BYTES_OF(head->hash));
    return OK;
}

static enum err verify_log(struct txn *t, struct verdict *v)
{
    struct log_head head = { 0 };
    struct txn_key first = { 0 };

    enum err e = txn_log_head(t, &head);
    if (fatal(e))
        return e;
    v->log_broken += e != OK;
    e = txn_next(t, TAB_LOG, (struct bytes){ 0 }, &first, (struct span){ 0 }, NULL);
    if (e == ERR_UNKNOWN && head.seq == 0)
        return OK;
    if (fatal(e))
        return e;
    if (e != OK || first.n != 8) {
        v->log_broken++;
        return OK;
    }
    return verify_entries(t, load_u64(first.b), &head, v);
}

/* ---- who owns what ---- */

static bool same(const struct owned *a, const struct owned *b)
{
    return a->count == b->count && id_equal(a->sum, b->sum);
}

static enum err owned_creds(struct call *c, const uint8_t owner[ID_BYTES],
                            struct owned *out)
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;

    TRY(secret_new(&cred));
    for (;;) {
        memset(cred, 0, sizeof *cred);
        enum err e =
            record_next(c, TAB_CRED, &record_cred_schema, (struct bytes){ 0 }, &at, cred);
        c->mem.n = mark;
        if (e == ERR_UNKNOWN)
            return OK;
        if (fatal(e))
            return e;
        const uint8_t *by = e == OK ? cred_counted(cred) : NULL;
        if (by != NULL && id_equal(by, owner))
            owned_add(out, cred->cred);
    }
}

static enum err owned_wards(struct call *c, const uint8_t seat[ID_BYTES],
                            struct owned *out)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;

    for (;;) {
        struct record_ward ward = { 0 };
        enum err e = record_next(c, TAB_WARD, &record_ward_schema, (struct bytes){ 0 },
                                 &at, &ward);

        c->mem.n = mark;
        if (e == ERR_UNKNOWN)
            return OK;
        if (fatal(e))
            return e;
        if (e == OK && id_equal(ward.seat, seat))
            owned_add(out, ward.ward);
    }
}

static enum err verify_seats(struct call *c, struct verdict *v)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;

    for (;;) {
        struct record_seat seat = { 0 };
        struct owned wards = { 0 };
        struct owned creds = { 0 };
        struct owned drops = { 0 };
        enum err e = record_next(c, TAB_SEAT, &record_seat_schema, (struct bytes){ 0 },
                                 &at, &seat);

        c->mem.n = mark;
        if (e == ERR_UNKNOWN)
            return OK;
        if (fatal(e))
            return e;
        v->owners++;
        if (e != OK)
            continue;
        TRY(owned_wards(c, seat.seat, &wards));
        TRY(owned_creds(c, seat.seat, &creds));
        TRY(drop_owned(c, seat.seat, &drops));
        v->owners_wrong += !same(&wards, &seat.wards) || !same(&creds, &seat.creds) ||
                           !same(&drops, &seat.drops);
    }
}

static enum err epochs_of(struct call *c, const uint8_t ward[ID_BYTES], uint32_t *out_n)
{
    struct txn_key at = { 0 };
    enum err e;

    *out_n = 0;
    while ((e = txn_next(c->txn, TAB_EPOCH, bytes_of(ward, ID_BYTES), &at,
                         (struct span){ 0 }, NULL)) == OK)
        (*out_n)++;
    return e == ERR_UNKNOWN ? OK : e;
}

static bool vault_there(struct call *c, const struct record_ward *ward)
{
    return ward->vault == 0 || txn_has(c->txn, TAB_VAULT, BYTES_OF(ward->ward)) == OK;
}

static bool cert_there(struct call *c, const struct record_ward *ward)
{
    struct txn_key key = key_object(ward->ward, 0, OBJECT_CERT);

    return ward->cert_epoch == 0 || txn_has(c->txn, TAB_OBJECT, key_bytes(&key)) == OK;
}

/* What was retired is older than what is active, known by number, and not there. */
static enum err verify_retired(struct call *c, const struct record_ward *ward,
                               bool *out_right)
{
    struct txn_key at = { 0 };
    bool newest = ward->retired == 0;
    bool right = true;
    enum err e;

    while ((e = txn_next(c->txn, TAB_RETIRED, BYTES_OF(ward->ward), &at,
                         (struct span){ 0 }, NULL)) == OK) {
        uint32_t epoch = load_u32(at.b + ID_BYTES);

        newest = newest || epoch == ward->retired;
        right = right && epoch <= ward->retired &&
                (ward->left != 0 || epoch < ward->active) &&
                txn_has(c->txn, TAB_EPOCH, key_bytes(&at)) == ERR_UNKNOWN;
    }
    *out_right = right && newest;
    return e == ERR_UNKNOWN ? OK : e;
}

static enum err verify_wards(struct call *c, struct verdict *v)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;

    for (;;) {
        struct record_ward ward = { 0 };
        struct owned creds = { 0 };
        struct owned drops = { 0 };
        uint32_t epochs = 0;
        bool retired = true;
        enum err e = record_next(c, TAB_WARD, &record_ward_schema, (struct bytes){ 0 },
                                 &at, &ward);

        c->mem.n = mark;
        if (e == ERR_UNKNOWN)
            return OK;
        if (fatal(e))
            return e;
        v->owners++;
        if (e != OK)
            continue;
        TRY(owned_creds(c, ward.ward, &creds));
        TRY(drop_owned(c, ward.ward, &drops));
        TRY(epochs_of(c, ward.ward, &epochs));
        TRY(verify_retired(c, &ward, &retired));
        v->owners_wrong += !same(&creds, &ward.creds) || !same(&drops, &ward.drops) ||
                           epochs != ward.epochs || !vault_there(c, &ward) ||
                           !move_there(c, &ward) || !cert_there(c, &ward) || !retired;
    }
}

/* ---- indices ---- */

/* Where the last 16 bytes of an index's key lead. */
struct pointer {
    enum store_table from;
    enum store_table to;
};

static const struct pointer pointers[] = {
    { TAB_WARD_SEAT, TAB_WARD },
    { TAB_REQUEST_FIND, TAB_REQUEST },
};

static enum err verify_pointers(struct call *c, const struct pointer *p,
                                struct verdict *v)
{
    struct txn_key at = { 0 };

    for (;;) {
        enum err e =
            txn_next(c->txn, p->from, (struct bytes){ 0 }, &at, (struct span){ 0 }, NULL);

        if (e == ERR_UNKNOWN)
            return OK;
        TRY(e);
        v->pointers++;
        if (at.n < ID_BYTES ||
            txn_has(c->txn, p->to, bytes_of(at.b + at.n - ID_BYTES, ID_BYTES)) != OK)
            v->pointers_lost++;
    }
}

/* What stands for an erased epoch begins with its ward. */
static enum err verify_tombs(struct call *c, struct verdict *v)
{
    struct txn_key at = { 0 };
    enum err e;

    while ((e = txn_next(c->txn, TAB_RETIRED, (struct bytes){ 0 }, &at,
                         (struct span){ 0 }, NULL)) == OK) {
        v->pointers++;
        v->pointers_lost += at.n != ID_BYTES + 4 ||
                            txn_has(c->txn, TAB_WARD, bytes_of(at.b, ID_BYTES)) != OK;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* ---- all of it ---- */

struct job {
    const struct node_env *env;
    struct verdict v;
};

static enum err verify_kept(struct call *c, struct verdict *v)
{
    TRY(verify_log(c->txn, v));
    TRY(drop_verify(c, &v->drops, &v->drops_broken));
    TRY(verify_seats(c, v));
    TRY(verify_wards(c, v));
    TRY(vault_serve_verify(c, &v->vaults));
    TRY(verify_tombs(c, v));
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++)
        TRY(verify_pointers(c, &pointers[i], v));
    return OK;
}

static enum err verify_all(struct txn *t, void *arg)
{
    struct job *j = arg;
    AUTO_FREE uint8_t *mem = calloc(1, SCRATCH_BYTES);
    struct call c = { .txn = t,
                      .env = j->env,
                      .mem = { .p = mem, .cap = SCRATCH_BYTES } };

    if (mem == NULL)
        return ERR_NOMEM;
    enum err e = verify_kept(&c, &j->v);
    secret_wipe(mem, c.mem.high);
    return e;
}

enum err verify(struct store *s, const struct node_env *env, struct verdict *out)
{
    struct job j = { .env = env };

    TRY(store_verify(s, &j.v.store));
    TRY(store_read(s, verify_all, &j));
    *out = j.v;
    return OK;
}

bool verdict_good(const struct verdict *v)
{
    return v->store.damaged == 0 && v->store.keys_lost == 0 && v->log_broken == 0 &&
           v->drops_broken == 0 && v->owners_wrong == 0 && v->pointers_lost == 0 &&
           v->vaults.lost == 0 && v->vaults.wrong == 0;
}
