/* SPDX-License-Identifier: Apache-2.0 */
/* What a node counts of a vault and what lies there: in any history, and in a backup. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/vault_part.h"
#include "node/verify.h"
#include "node/ward.h"
#include "tests/sim/vaults.h"

enum { DAY = 86400, SIZE = 500, MARKS = 120, STEPS = 400 };

struct world {
    struct node_sim n;
    struct sim_guardian g;
    struct sim_owner o;
    struct sim_pusher p[3]; /* two devices and the root account */
    uint8_t mem[80 * 1024];
    uint8_t ids[80 * 1024];
};

static struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, seed);
    sim_seat(&w->n, &w->g);
    sim_ward(&w->n, &w->g, &w->o);
    sim_device(&w->n, &w->o, &w->p[0]);
    sim_device(&w->n, &w->o, &w->p[1]);
    sim_account(&w->o, &w->p[2]);
    return w;
}

static void world_free(struct world *w)
{
    node_sim_close(&w->n);
    free(w);
}

static struct verdict verdict(struct world *w)
{
    struct verdict v = { 0 };

    assert_int_equal(verify(w->n.store, &w->n.env, &v), OK);
    return v;
}

static bool gives(struct world *w, uint32_t mark)
{
    return sim_gives(&w->n, &w->p[2], mark, SIZE);
}

static bool has(struct world *w, uint32_t mark)
{
    return sim_has(&w->n, &w->p[2], mark, SIZE);
}

/* ---- any history ---- */

/* What must be true of each object, whatever the node does. */
struct fate {
    bool wanted;      /* covered by a head, dropped by none since */
    bool staged;      /* put, no head since */
    uint64_t dropped; /* when; 0: not, or never there */
    uint64_t put;
};

static uint32_t chance(struct world *w, uint32_t n)
{
    uint32_t x = 0;

    rng_fill(&w->n.rng, &x, sizeof x);
    return x % n;
}

static void put_some(struct world *w, struct fate *f, struct buf *b)
{
    for (uint32_t i = chance(w, 8) + 1; i > 0; i--) {
        uint32_t mark = chance(w, MARKS);

        sim_object_put(mark, SIZE, b);
        f[mark].put = w->n.now;
        f[mark].staged = !f[mark].wanted;
    }
}

static void cover(struct fate *f)
{
    for (uint32_t i = 0; i < MARKS; i++) {
        f[i].wanted |= f[i].staged;
        f[i].staged = false;
        if (f[i].wanted)
            f[i].dropped = 0;
    }
}

/* A head, some objects with it, some dropped. What waited too long may be gone. */
static void push_some(struct world *w, struct fate *f)
{
    struct buf objects = BUF_OF(w->mem);
    struct buf dropped = BUF_OF(w->ids);

    for (uint32_t i = 0; i < MARKS; i++)
        f[i].staged &= f[i].put + 13 * DAY > w->n.now;
    put_some(w, f, &objects);
    uint32_t drop[6];
    bool covered[6]; /* by a head before this one, which needs it */
    uint32_t n = chance(w, 7);

    for (uint32_t i = 0; i < n; i++) {
        drop[i] = chance(w, MARKS);
        covered[i] = f[drop[i]].wanted;
        sim_object_id(drop[i], SIZE, &dropped);
    }
    assert_int_equal(sim_push(&w->n, &w->p[chance(w, 3)], buf_bytes(&objects),
                              buf_bytes(&dropped), NULL),
                     OK);
    cover(f);
    for (uint32_t i = 0; i < n; i++) {
        if (covered[i])
            f[drop[i]].dropped = w->n.now;
        f[drop[i]].wanted = false;
    }
}

static void step(struct world *w, struct fate *f)
{
    struct buf b = BUF_OF(w->mem);
    uint32_t what = chance(w, 10);

    w->n.now += chance(w, 3600);
    if (what < 3) {
        put_some(w, f, &b);
        assert_int_equal(sim_vault_put(&w->n, &w->p[chance(w, 3)], buf_bytes(&b), NULL),
                         OK);
    } else if (what < 7) {
        push_some(w, f);
    } else {
        w->n.now += chance(w, 5) * DAY;
        (void)sim_vault_tick(&w->n);
    }
}

static void look(struct world *w, const struct fate *f)
{
    struct verdict v = verdict(w);

    assert_true(verdict_good(&v));
    for (uint32_t i = 0; i < MARKS; i++) {
        if (f[i].wanted)
            assert_true(has(w, i) && gives(w, i));
        if (f[i].staged && f[i].put + 13 * DAY > w->n.now)
            assert_true(has(w, i) && gives(w, i));
        if (!f[i].wanted && f[i].dropped + 30 * DAY > w->n.now)
            assert_true(gives(w, i));
    }
}

static void any_history_is_counted_right_and_loses_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct world *w = world_new(900 + seed);
        struct fate f[MARKS] = { 0 };

        /* Half of them are always short of room. */
        if (seed % 2 == 1)
            w->n.limits.vault_bytes = 2 * VAULT_RESERVE + 200 * 1024;
        for (int i = 0; i < STEPS; i++) {
            step(w, f);
            if (i % 20 == 0)
                look(w, f);
            if (i % 100 == 50)
                node_sim_again(&w->n);
        }
        look(w, f);
        world_free(w);
    }
}

/* ---- harm ---- */

static enum err lose_bytes(struct call *c, void *arg)
{
    struct world *w = arg;
    struct txn_key key = key_blob(w->o.ward, 2);

    return txn_del(c->txn, TAB_VAULT_BULK, key_bytes(&key));
}

static enum err swap_bytes(struct call *c, void *arg)
{
    struct world *w = arg;
    struct txn_key key = key_blob(w->o.ward, 2);
    struct data_id id = { .epoch = DATA_VAULT };
    uint8_t other[SIZE] = { 1 };

    memcpy(id.ward, w->o.ward, ID_BYTES);
    return data_put(c->txn, &id, TAB_VAULT_BULK, key_bytes(&key), BYTES_OF(other));
}

static enum err lose_head(struct call *c, void *arg)
{
    struct world *w = arg;
    struct txn_key key = key_blob(w->o.ward, 1);

    return txn_del(c->txn, TAB_VAULT_HEAD, key_bytes(&key));
}

static enum err lose_mark(struct call *c, void *arg)
{
    struct world *w = arg;
    struct txn_key key = key_blob(w->o.ward, 2);

    return txn_del(c->txn, TAB_VAULT_MARK, key_bytes(&key));
}

static enum err lose_object(struct call *c, void *arg)
{
    struct world *w = arg;
    struct txn_key at = { 0 };

    TRY(txn_next(c->txn, TAB_VAULT_FIND, BYTES_OF(w->o.ward), &at, (struct span){ 0 },
                 NULL));
    return txn_del(c->txn, TAB_VAULT_FIND, key_bytes(&at));
}

static enum err lose_vault(struct call *c, void *arg)
{
    struct world *w = arg;

    return txn_del(c->txn, TAB_VAULT, BYTES_OF(w->o.ward));
}

static const struct harm {
    const char *what;
    enum err (*fn)(struct call *c, void *world);
    size_t off; /* of the count in struct verdict that sees it */
} harms[] = {
    { "bytes are gone", lose_bytes, offsetof(struct verdict, vaults.lost) },
    { "bytes are others", swap_bytes, offsetof(struct verdict, vaults.lost) },
    { "a head is gone", lose_head, offsetof(struct verdict, vaults.lost) },
    { "a head's time is gone", lose_mark, offsetof(struct verdict, vaults.wrong) },
    { "an object is gone", lose_object, offsetof(struct verdict, vaults.wrong) },
    { "a vault is gone", lose_vault, offsetof(struct verdict, owners_wrong) },
};

static void fill(struct world *w)
{
    struct buf b = BUF_OF(w->mem);

    for (uint32_t i = 0; i < 5; i++)
        sim_object_put(i, SIZE, &b);
    assert_int_equal(sim_vault_put(&w->n, &w->p[0], buf_bytes(&b), NULL), OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            sim_push(&w->n, &w->p[0], (struct bytes){ 0 }, (struct bytes){ 0 }, NULL),
            OK);
}

static void verify_sees_each_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        struct world *w = world_new(20 + i);
        uint64_t seen = 0;

        fill(w);
        struct verdict v = verdict(w);
        assert_true(verdict_good(&v));
        assert_true(v.vaults.vaults == 1 && v.vaults.objects == 5 && v.vaults.heads == 2);
        assert_int_equal(node_sim_write(&w->n, NULL, harms[i].fn, w), OK);
        v = verdict(w);
        memcpy(&seen, (const uint8_t *)&v + harms[i].off, sizeof seen);
        if (verdict_good(&v) || seen == 0)
            fail_msg("not seen: %s", harms[i].what);
        world_free(w);
    }
}

/* Whatever counts it is gone: nothing is changed any more, and all is still given. */
static void what_is_there_is_given_when_the_counts_are_gone(void **state)
{
    struct world *w = world_new(50);
    struct rep_head_get got = { 0 };
    struct buf b = BUF_OF(w->mem);

    (void)state;
    fill(w);
    assert_int_equal(node_sim_write(&w->n, NULL, lose_vault, w), OK);
    for (uint32_t i = 0; i < 5; i++)
        assert_true(gives(w, i));
    assert_int_equal(sim_head_get(&w->n, &w->p[0], 0, &got), OK);
    assert_true(got.head.n > 0 && got.version == 2);
    sim_object_put(9, SIZE, &b);
    assert_int_not_equal(sim_vault_put(&w->n, &w->p[0], buf_bytes(&b), NULL), OK);
    assert_false(gives(w, 9));
    world_free(w);
}

/* ---- a backup ---- */

static enum err loaded_fn(struct txn *t, void *arg)
{
    struct world *w = arg;
    struct txn_key at = { 0 };
    bool more = true;

    while (more)
        TRY(serve_loaded(t, &w->n.env, w->n.now, &at, &more));
    return OK;
}

static int sweep(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
    (void)st, (void)what, (void)ftw;
    return remove(path);
}

static void a_backup_brings_the_vault_back(void **state)
{
    struct world *w = world_new(60);
    char home[] = "/tmp/kith-vault-XXXXXX";
    char file[64];
    char place[64];
    struct store_refusal why = { .text = "" };
    struct store_copied copied = { 0 };
    struct store *s = NULL;
    uint8_t old[ID_BYTES];
    struct rep_head_get got = { 0 };
    struct buf b = BUF_OF(w->mem);

    (void)state;
    assert_non_null(mkdtemp(home));
    (void)snprintf(file, sizeof file, "%s/file", home);    /* fits */
    (void)snprintf(place, sizeof place, "%s/state", home); /* fits */
    fill(w);
    sim_object_put(1, VAULT_OBJECT_MAX, &b);
    assert_int_equal(sim_vault_put(&w->n, &w->p[0], buf_bytes(&b), NULL), OK);
    assert_int_equal(store_backup(w->n.dir, file, &crypt_random, &copied, &why), OK);
    /* A third head is not in it. */
    assert_int_equal(
        sim_push(&w->n, &w->p[0], (struct bytes){ 0 }, (struct bytes){ 0 }, NULL), OK);
    memcpy(old, w->n.env.id->incarnation, ID_BYTES);

    assert_int_equal(store_load(place, file, &w->n.rng, &s, &why), OK);
    struct store *before = w->n.store;
    w->n.store = s;
    w->n.env.id = store_identity(s);
    assert_int_equal(store_write(s, loaded_fn, w), OK);
    assert_int_equal(store_loaded(s), OK);
    struct verdict v = verdict(w);
    assert_true(verdict_good(&v));
    assert_int_equal(v.vaults.objects, 6);
    for (uint32_t i = 0; i < 5; i++)
        assert_true(gives(w, i));
    assert_true(sim_gives(&w->n, &w->p[0], 1, VAULT_OBJECT_MAX));
    /* It went back, and says so. */
    assert_int_equal(sim_head_get(&w->n, &w->p[0], 0, &got), OK);
    assert_int_equal(got.version, 2);
    assert_memory_not_equal(w->n.env.id->incarnation, old, ID_BYTES);

    store_close(s);
    w->n.store = before;
    w->n.env.id = store_identity(before);
    assert_int_equal(nftw(home, sweep, 8, FTW_DEPTH | FTW_PHYS), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_is_counted_right_and_loses_nothing),
        cmocka_unit_test(verify_sees_each_harm),
        cmocka_unit_test(what_is_there_is_given_when_the_counts_are_gone),
        cmocka_unit_test(a_backup_brings_the_vault_back),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
