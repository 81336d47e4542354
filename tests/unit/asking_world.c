/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/asking.h"

/* ---- a node with one seat, one ward, and everybody's keys ---- */

void draw(void *out, size_t n)
{
    rng_fill(&crypt_random, out, n);
}

static void remove_all(const char *dir)
{
    char path[2 * PATH + 300];
    DIR *d = opendir(dir);

    for (struct dirent *e = d ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name); /* short names */
        if (e->d_type == DT_DIR)
            remove_all(path);
        else
            (void)unlink(path); /* a leftover is found by nobody */
    }
    if (d != NULL)
        (void)closedir(d); /* read only */
    (void)rmdir(dir);      /* as above */
}

struct session session_of(const struct world *w, enum role role, enum cred_type type)
{
    struct session s = { .role = role, .type = type, .via = type };

    memcpy(s.seat, w->seat, ID_BYTES);
    if (role != ROLE_GUARDIAN)
        memcpy(s.ward, w->ward, ID_BYTES);
    draw(s.cred, ID_BYTES);
    draw(s.stat, PUB_BYTES);
    return s;
}

enum err add_cred(struct call *c, const struct session *who, const uint8_t id[ID_BYTES],
                  enum cred_type type)
{
    AUTO_SECRET struct record_cred *cred = NULL;

    TRY(secret_new(&cred));
    cred->type = (uint8_t)type;
    memcpy(cred->cred, id, ID_BYTES);
    memcpy(cred->seat, who->seat, ID_BYTES);
    memcpy(cred->ward, who->ward, ID_BYTES);
    memcpy(cred->stat, who->stat, PUB_BYTES);
    draw(cred->psk.b, KEY_BYTES);
    cred->made = c->now;
    return cred_add(c, cred);
}

static enum err put_descriptor(struct call *c, const struct world *w, uint32_t epoch,
                               struct bytes *out)
{
    struct descriptor d = { .epoch = epoch, .group_threshold = 1 };
    struct buf b = scratch_buf(c);

    memcpy(d.manifest_hash, w->hashes[epoch - 1], HASH_BYTES);
    d.n_groups = 1;
    d.groups[0] = (struct manifest_group){ .t = 2, .n = 3 };
    d.n_pieces = 3;
    for (uint32_t i = 0; i < 3; i++) {
        crypt_sign_public(i == 0 ? &w->acks[epoch - 1] : &w->their_acks[i - 1],
                          d.pieces[i].ack);
        crypt_sign_public(i == 0 ? &w->approval : &w->others[i - 1],
                          d.pieces[i].approval);
    }
    descriptor_make(&d, &w->account, &b);
    return scratch_keep(c, &b, out);
}

enum err put_epoch(struct call *c, const struct world *w, uint32_t epoch)
{
    struct record_epoch e = { .epoch = epoch, .group = 0, .index = 1 };
    struct data_id id = { .epoch = epoch };
    struct txn_key key = key_epoch(w->ward, epoch);
    struct bytes what[] = { bytes_text("piece box"),
                            bytes_text("roster box"),
                            bytes_text("sealed manifest"),
                            bytes_text("sealed roster"),
                            { 0 } };

    memcpy(e.ward, w->ward, ID_BYTES);
    memcpy(id.ward, w->ward, ID_BYTES);
    memcpy(e.manifest_hash, w->hashes[epoch - 1], HASH_BYTES);
    struct txn_key ack = key_object(w->ward, epoch, OBJECT_ACK_SEED);

    crypt_sign_public(&w->acks[epoch - 1], e.ack);
    TRY(txn_put(c->txn, TAB_OBJECT, key_bytes(&ack), BYTES_OF(w->acks[epoch - 1].b)));
    draw(e.ack_sig, SIG_BYTES);
    crypt_sign_public(&w->account, e.account_sign);
    e.state = epoch == w->epochs ? EPOCH_ACTIVE : EPOCH_SUPERSEDED;
    e.hold = w->hold;
    e.stop_hold = STOP_HOLD;
    e.roster_mode = w->roster_mode;
    e.prepared = e.committed = c->now;
    TRY(put_descriptor(c, w, epoch, &what[4]));
    TRY(data_key_new(c->txn, &id));
    for (uint8_t i = 0; i < 5; i++) {
        struct txn_key k = key_object(w->ward, epoch, (enum object)(i + 1));

        TRY(data_put(c->txn, &id, TAB_OBJECT, key_bytes(&k), what[i]));
    }
    return record_put(c, TAB_EPOCH, &record_epoch_schema, &key, &e);
}

static enum err put_seat_and_ward(struct call *c, struct world *w)
{
    struct record_seat seat = { .enrolled = c->now };
    struct record_ward ward = { .enrolled = c->now, .active = w->epochs };
    struct txn_key here = key_ids(w->seat, w->ward);
    uint8_t note[64] = { 1 };

    memcpy(seat.seat, w->seat, ID_BYTES);
    memcpy(seat.cred, w->as_guardian.cred, ID_BYTES);
    crypt_sign_public(&w->guardian, seat.sign_pub);
    crypt_dh_public(&w->guardian_seal, seat.seal_pub);
    draw(seat.keys_sig, SIG_BYTES);
    memcpy(ward.ward, w->ward, ID_BYTES);
    memcpy(ward.seat, w->seat, ID_BYTES);
    draw(ward.invite, ID_BYTES);
    draw(ward.alert, ID_BYTES);
    draw(ward.log, ID_BYTES);
    draw(seat.inbox, ID_BYTES);
    draw(ward.approval_sig, SIG_BYTES);
    crypt_sign_public(&w->approval, ward.approval);
    crypt_sign_public(&w->account, ward.account_sign);
    ward.note = BYTES_OF(note);
    TRY(seat_put(c, &seat));
    TRY(ward_put(c, &ward));
    TRY(txn_put(c->txn, TAB_WARD_SEAT, key_bytes(&here), bytes_of(note, 1)));
    TRY(drop_new(c, ward.log, KIND_LOG, ward.ward));
    TRY(drop_new(c, seat.inbox, KIND_INBOX, seat.seat));
    return drop_new(c, ward.alert, KIND_ALERT, ward.ward);
}

/* One job with a call of its own around fn. */
struct direct {
    struct world *w;
    enum err (*fn)(struct call *c, struct world *w);
};

static enum err direct_fn(struct txn *t, void *arg)
{
    static uint8_t mem[SCRATCH_BYTES];
    struct direct *d = arg;
    struct call c = { .txn = t,
                      .env = &d->w->env,
                      .now = d->w->now,
                      .mem = { .p = mem, .cap = sizeof mem } };

    return d->fn(&c, d->w);
}

void directly(struct world *w, enum err (*fn)(struct call *c, struct world *w))
{
    struct direct d = { w, fn };

    assert_int_equal(store_write(w->s, direct_fn, &d), OK);
}

static enum err populate(struct call *c, struct world *w)
{
    struct session link = session_of(w, ROLE_RESTORE, CRED_RESTORE);

    memset(link.stat, 0, PUB_BYTES);
    TRY(put_seat_and_ward(c, w));
    TRY(add_cred(c, &w->as_guardian, w->as_guardian.cred, CRED_GUARDIAN));
    TRY(add_cred(c, &w->as_owner, w->as_owner.cred, CRED_OWNER));
    TRY(add_cred(c, &w->as_device, w->as_device.cred, CRED_DEVICE));
    for (size_t i = 0; i < 4; i++)
        TRY(add_cred(c, &link, w->links[i], CRED_RESTORE));
    TRY(add_cred(c, &link, w->roster, CRED_ROSTER));
    TRY(add_cred(c, &link, w->sheet, CRED_SHEET));
    for (uint32_t i = 1; i <= w->epochs; i++)
        TRY(put_epoch(c, w, i));
    return OK;
}

static void open_store(struct world *w)
{
    struct store_refusal why = { 0 };

    assert_int_equal(store_open(w->dir, &crypt_random, &w->s, &why), OK);
    w->env.id = store_identity(w->s);
}

void reopen(struct world *w)
{
    store_close(w->s);
    open_store(w);
}

struct world *world_make(uint32_t hold, uint32_t epochs, enum roster_mode mode)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/kith-request-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(w->dir));
    limits_default(&w->limits);
    w->env = (struct node_env){ .limits = &w->limits, .rng = &crypt_random };
    w->now = T0;
    w->hold = hold;
    w->epochs = epochs;
    w->roster_mode = (uint8_t)mode;
    draw(w->seat, sizeof w->seat);
    draw(w->ward, sizeof w->ward);
    draw(&w->guardian, sizeof w->guardian);
    draw(&w->guardian_seal, sizeof w->guardian_seal);
    draw(&w->approval, sizeof w->approval);
    draw(w->others, sizeof w->others);
    draw(w->their_acks, sizeof w->their_acks);
    draw(&w->account, sizeof w->account);
    draw(w->acks, sizeof w->acks);
    draw(w->hashes, sizeof w->hashes);
    draw(w->links, sizeof w->links);
    draw(w->roster, sizeof w->roster);
    draw(w->sheet, sizeof w->sheet);
    w->as_guardian = session_of(w, ROLE_GUARDIAN, CRED_GUARDIAN);
    w->as_owner = session_of(w, ROLE_OWNER, CRED_OWNER);
    w->as_device = session_of(w, ROLE_DEVICE, CRED_DEVICE);
    open_store(w);
    directly(w, populate);
    return w;
}

struct world *world_new(uint32_t hold, uint32_t epochs)
{
    return world_make(hold, epochs, ROSTER_AT_ONCE);
}

void world_free(struct world *w)
{
    store_close(w->s);
    remove_all(w->dir);
    free(w);
}
