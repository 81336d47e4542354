/* SPDX-License-Identifier: Apache-2.0 */
/* What was erased by RETIRE: gone from the disk, never taken again, and out of a backup
 * only to be erased once more. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/verify.h"
#include "tests/unit/changing.h"

static uint8_t people_mem[PROOF];

static int up(void **state)
{
    struct changing *w = changing_new(53);

    change_confirmed(w);
    change_epoch(w, 1);
    *state = w;
    return 0;
}

static int down(void **state)
{
    changing_free(*state);
    return 0;
}

static struct verdict verdict(struct changing *w)
{
    struct verdict v = { 0 };

    assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
    return v;
}

static void verified(struct changing *w)
{
    struct verdict v = verdict(w);

    assert_true(verdict_good(&v));
}

/* ---- gone is gone ---- */

static void asked_again_it_is_done(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    change_epoch(w, 2);
    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_DONE);
    node_sim_again(&w->n);
    w->n.now += 1;
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_DONE);
    assert_int_equal(heard(w, REC_EPOCH_RETIRED), 1);
    /* Also when its own time is over. */
    change_epoch(w, 3);
    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 3, &rep), OK);
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_DONE);
    verified(w);
}

static void what_was_erased_never_comes_back(void **state)
{
    struct changing *w = *state;

    change_epoch(w, 2);
    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 2, NULL), OK);
    node_sim_again(&w->n);
    /* Its number, */
    assert_int_equal(change_prepare(w, 1), ERR_STATE);
    assert_int_equal(change_commit(w, 1), ERR_STATE);
    assert_int_equal(
        ask_cert(w, &w->o.who, 1, people_epoch(w, SAY_ALL, 1, people_mem), NULL),
        ERR_STATE);
    /* nor its manifest under another. */
    uint8_t hash[HASH_BYTES];

    memcpy(hash, w->made[1].e.hash, HASH_BYTES);
    assert_int_equal(change_next(w, 3), OK);
    memcpy(w->made[3].e.d.manifest_hash, hash, HASH_BYTES);
    memcpy(w->made[3].e.req.manifest_hash, hash, HASH_BYTES);
    sim_epoch_sign(&w->o, &w->made[3].e);
    assert_int_equal(change_prepare(w, 3), ERR_FORMAT);
    assert_int_equal(change_next(w, 1), ERR_STATE);
}

/* ---- nothing of it is left ---- */

enum { WINDOW = 24, KEPT = 64 };

static uint8_t windows[KEPT][WINDOW];
static size_t n_windows;
static size_t hits;

/* The middle of each key file. */
static int note_key(const char *path, const struct stat *st, int type, struct FTW *f)
{
    uint8_t mem[4096];

    (void)f;
    if (type != FTW_F || strstr(path, "/keys/") == NULL || st->st_size < WINDOW)
        return 0;
    FILE *in = fopen(path, "rb");

    assert_non_null(in);
    size_t n = fread(mem, 1, sizeof mem, in);

    (void)fclose(in);
    assert_true(n >= WINDOW && n_windows < KEPT);
    memcpy(windows[n_windows++], mem + (n - WINDOW) / 2, WINDOW);
    return 0;
}

static int look_for(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)f;
    if (type != FTW_F || st->st_size == 0)
        return 0;
    AUTO_FREE uint8_t *mem = calloc(1, (size_t)st->st_size);
    FILE *in = fopen(path, "rb");

    assert_non_null(mem);
    assert_non_null(in);
    size_t n = fread(mem, 1, (size_t)st->st_size, in);

    (void)fclose(in);
    for (size_t i = 0; i < n_windows; i++)
        hits += memmem(mem, n, windows[i], WINDOW) != NULL;
    return 0;
}

static size_t scan(const struct changing *w)
{
    hits = 0;
    assert_int_equal(nftw(w->n.dir, look_for, 8, FTW_PHYS), 0);
    return hits;
}

static enum err nothing_of_1(struct call *c, void *arg)
{
    struct changing *w = arg;
    struct data_id id = { .epoch = 1 };
    struct txn_key key = key_epoch(w->o.ward, 1);
    struct txn_key at = { 0 };

    memcpy(id.ward, w->o.ward, ID_BYTES);
    assert_int_equal(data_key_has(c->txn, &id), ERR_UNKNOWN);
    assert_int_equal(txn_has(c->txn, TAB_EPOCH, key_bytes(&key)), ERR_UNKNOWN);
    assert_int_equal(
        txn_next(c->txn, TAB_OBJECT, key_bytes(&key), &at, (struct span){ 0 }, NULL),
        ERR_UNKNOWN);
    return OK;
}

static void key_files_and_store_hold_nothing_of_it(void **state)
{
    struct changing *w = *state;

    n_windows = 0;
    assert_int_equal(nftw(w->n.dir, note_key, 8, FTW_PHYS), 0);
    assert_true(n_windows >= 1); /* the key of epoch 1, in its copies */
    assert_int_equal(scan(w), n_windows);
    change_epoch(w, 2);
    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 2, NULL), OK);
    assert_int_equal(scan(w), 0);
    assert_int_equal(node_sim_write(&w->n, NULL, nothing_of_1, w), OK);
    node_sim_again(&w->n);
    assert_int_equal(scan(w), 0);
    verified(w);
}

/* ---- a backup from before ---- */

struct loading {
    struct changing *w;
    char file[96];
    char dir[96];
};

static enum err loaded_fn(struct txn *t, void *arg)
{
    struct changing *w = arg;
    struct txn_key at = { 0 };
    bool more = true;

    while (more)
        TRY(serve_loaded(t, &w->n.env, w->n.now, &at, &more));
    return OK;
}

static struct loading backup(struct changing *w)
{
    struct loading l = { .w = w };
    struct store_copied copied = { 0 };
    struct store_refusal why = { 0 };

    (void)snprintf(l.file, sizeof l.file, "%s.backup", w->n.dir); /* fits */
    (void)snprintf(l.dir, sizeof l.dir, "%s.loaded", w->n.dir);   /* fits */
    assert_int_equal(store_backup(w->n.dir, l.file, &crypt_random, &copied, &why), OK);
    return l;
}

/* The node goes on from the backup, in its place. */
static void load(const struct loading *l)
{
    struct changing *w = l->w;
    struct store_refusal why = { 0 };
    struct store *s = NULL;

    store_close(w->n.store);
    assert_int_equal(store_load(l->dir, l->file, &w->n.rng, &s, &why), OK);
    w->n.store = s;
    w->n.env.id = store_identity(s);
    assert_int_equal(store_write(s, loaded_fn, w), OK);
    assert_int_equal(store_loaded(s), OK);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static void unload(const struct loading *l)
{
    assert_int_equal(nftw(l->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(remove(l->file), 0);
}

static void out_of_a_backup_it_is_erased_once_more(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    change_epoch(w, 2);
    struct loading l = backup(w);

    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 2, NULL), OK);
    assert_false(is_there(w, 1));
    load(&l);
    struct rep_epoch_state s = state_of(w, 0);

    assert_int_equal(line_of(&s, 1)->perhaps, 1);
    assert_int_equal(line_of(&s, 2)->perhaps, 1);
    /* By the same proofs, at the owner's next contact. */
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_DONE);
    assert_false(is_there(w, 1));
    verified(w);
    unload(&l);
}

static void what_was_planned_must_be_asked_for_again(void **state)
{
    struct changing *w = *state;
    struct rep_retire rep = { 0 };

    change_epoch(w, 2);
    assert_int_equal(retire(w, 2, NULL), OK);
    assert_int_equal(ask_end(w, &w->o.who, people_end(w, SAY_ALL, 2, people_mem), NULL),
                     OK);
    struct loading l = backup(w);

    load(&l);
    assert_int_equal(state_of(w, 0).retire_due, 0);
    assert_int_equal(state_of(w, 0).end_due, 0);
    w->n.now += 100 * DAY;
    ticks(w);
    assert_true(is_there(w, 1));
    assert_true(is_there(w, 2));
    assert_int_equal(retire(w, 2, &rep), OK);
    assert_int_equal(rep.state, PLAN_DONE);
    verified(w);
    unload(&l);
}

static void one_that_went_back_catches_up(void **state)
{
    struct changing *w = *state;
    struct loading l = backup(w);
    uint8_t old[HASH_BYTES];

    change_epoch(w, 2);
    memcpy(old, w->made[2].e.hash, HASH_BYTES);
    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 2, NULL), OK);
    load(&l);
    /* It has 1 again, and its key for 2 is lost: it takes the one after, and hears of 2.
     */
    assert_true(is_there(w, 1));
    assert_false(is_there(w, 2));
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), NULL), OK);
    change_epoch(w, 3);
    w->n.now += 20 * DAY;
    assert_int_equal(retire(w, 3, NULL), OK);
    assert_false(is_there(w, 1));
    assert_true(is_confirmed(w, 3));
    verified(w);
    unload(&l);
}

/* ---- what kithd verify sees ---- */

enum harm { TOMB_LOST, TOMB_OF_NOBODY, TOMB_OF_ONE_HELD, CERT_LOST, HARMS };

struct harming {
    struct changing *w;
    enum harm harm;
};

static enum err harm_fn(struct call *c, void *arg)
{
    struct harming *h = arg;
    struct record_retired tomb = { .time = 1 };
    struct txn_key first = key_epoch(h->w->o.ward, 1);
    struct txn_key cert = key_object(h->w->o.ward, 0, OBJECT_CERT);
    struct txn_key nobody = key_epoch(h->w->a.seat, 1);
    struct txn_key held = key_epoch(h->w->o.ward, 2);

    switch (h->harm) {
    case TOMB_LOST:
        return txn_del(c->txn, TAB_RETIRED, key_bytes(&first));
    case TOMB_OF_NOBODY:
        return record_put(c, TAB_RETIRED, &record_retired_schema, &nobody, &tomb);
    case TOMB_OF_ONE_HELD:
        return record_put(c, TAB_RETIRED, &record_retired_schema, &held, &tomb);
    case CERT_LOST:
        return txn_del(c->txn, TAB_OBJECT, key_bytes(&cert));
    case HARMS:
        break;
    }
    return ERR_ARG;
}

static void verify_knows_what_was_erased_and_certified(void **state)
{
    for (int harm = 0; harm < HARMS; harm++) {
        struct changing *w = *state;
        struct harming h = { .w = w, .harm = (enum harm)harm };

        change_epoch(w, 2);
        assert_int_equal(
            ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), NULL), OK);
        w->n.now += 20 * DAY;
        assert_int_equal(retire(w, 2, NULL), OK);
        verified(w);
        assert_int_equal(node_sim_write(&w->n, NULL, harm_fn, &h), OK);
        struct verdict v = verdict(w);

        assert_false(verdict_good(&v));
        assert_int_equal(v.pointers_lost, harm == TOMB_OF_NOBODY);
        assert_int_equal(v.owners_wrong, harm != TOMB_OF_NOBODY);
        assert_int_equal(down(state), 0);
        assert_int_equal(up(state), 0);
    }
}

/* ---- what is prepared ---- */

/* Holds stand in no acknowledgement: they do not change under one. */
static void what_is_prepared_keeps_its_policy(void **state)
{
    struct changing *w = *state;
    struct req_epoch_prepare *req = &w->made[2].e.req;
    uint32_t hold;

    assert_int_equal(change_next(w, 2), OK);
    hold = req->hold;
    assert_int_equal(change_prepare(w, 2), OK);
    /* Its holds are in its name, */
    req->hold = 0;
    assert_int_equal(change_prepare(w, 2), ERR_FORMAT);
    req->hold = hold;
    req->stop_hold--;
    assert_int_equal(change_prepare(w, 2), ERR_FORMAT);
    req->stop_hold++;
    /* what its list of guardians is let go with is not. */
    req->roster_mode = ROSTER_NEVER;
    assert_int_equal(change_prepare(w, 2), ERR_BUSY);
    req->roster_mode = 0;
    req->index ^= 1;
    assert_int_equal(change_prepare(w, 2), ERR_BUSY);
    req->index ^= 1;
    assert_int_equal(change_prepare(w, 2), OK);
    /* Taken back it is another one, with another key. */
    assert_int_equal(ask_abort(w, 2), OK);
    assert_int_equal(change_next(w, 2), OK);
    req->hold = 0;
    sim_epoch_name(&w->o, &w->made[2].e);
    assert_int_equal(change_prepare(w, 2), OK);
}

/* ---- what rots ---- */

static enum err damage_fn(struct call *c, void *arg)
{
    struct changing *w = arg;
    struct txn_key object = key_object(w->o.ward, 1, OBJECT_MANIFEST);
    struct txn_key epoch = key_epoch(w->o.ward, 2);

    TRY(txn_put(c->txn, TAB_OBJECT, key_bytes(&object), bytes_text("rotten")));
    return txn_put(c->txn, TAB_EPOCH, key_bytes(&epoch), bytes_text("rotten"));
}

/* A damaged epoch is replaced, and hides nothing of the others. */
static void what_rots_is_replaced(void **state)
{
    struct changing *w = *state;

    change_epoch(w, 2);
    assert_int_equal(node_sim_write(&w->n, NULL, damage_fn, w), OK);
    struct rep_epoch_state s = state_of(w, EPOCH_WANT_MOVE);

    assert_int_equal(s.n_epochs, 1);
    assert_int_equal(s.epochs[0].ack.n, 0);
    change_epoch(w, 3);
    s = state_of(w, 0);
    assert_int_equal(line_of(&s, 3)->state, EPOCH_ACTIVE);
    assert_true(line_of(&s, 3)->ack.n > 0);
}

/* ---- a circle that goes on elsewhere ---- */

static uint64_t newer(struct changing *w)
{
    struct req_wards req = { 0 };
    struct rep_wards rep = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_WARDS, &req, &rep), OK);
    for (uint32_t i = 0; i < rep.n_wards; i++)
        if (bytes_equal(BYTES_OF(rep.wards[i].ward), BYTES_OF(w->o.ward)))
            return rep.wards[i].newer;
    return UINT64_MAX;
}

/* Its guardian hears of it, by people of what is confirmed here and by nobody else. */
static void a_circle_goes_on_elsewhere(void **state)
{
    struct changing *w = *state;
    uint64_t told = w->n.now + DAY;

    assert_int_equal(newer(w), 0);
    assert_int_equal(change_next(w, 2), OK); /* its piece never comes */
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_0, 2, people_mem), NULL), ERR_CERT);
    assert_int_equal(newer(w), 0);
    /* The owner's keys alone: active here, and no people's. */
    change_epoch(w, 3);
    assert_int_equal(newer(w), 0);
    w->n.now = told;
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_0 | SAY_2, 2, people_mem), NULL),
        OK);
    assert_int_equal(newer(w), told);
    w->n.now += 100 * DAY;
    assert_int_equal(
        ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), NULL), OK);
    node_sim_again(&w->n);
    ticks(w);
    assert_int_equal(newer(w), told);
    assert_true(is_there(w, 1)); /* and nothing is erased for it */
    verified(w);
    /* Who was only away gets a piece of what people confirmed, and helps again. */
    change_epoch(w, 4);
    assert_int_equal(newer(w), told);
    assert_int_equal(retire(w, 4, NULL), OK);
    assert_int_equal(newer(w), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        CASE(asked_again_it_is_done),
        CASE(what_was_erased_never_comes_back),
        CASE(key_files_and_store_hold_nothing_of_it),
        CASE(out_of_a_backup_it_is_erased_once_more),
        CASE(what_was_planned_must_be_asked_for_again),
        CASE(one_that_went_back_catches_up),
        CASE(verify_knows_what_was_erased_and_certified),
        CASE(what_is_prepared_keeps_its_policy),
        CASE(what_rots_is_replaced),
        CASE(a_circle_goes_on_elsewhere),
    };
#undef CASE

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("retired", tests, NULL, NULL);

    secret_end();
    return failed;
}
