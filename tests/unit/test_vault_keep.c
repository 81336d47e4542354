/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/request_part.h"
#include "node/vault_part.h"
#include "tests/sim/vaults.h"

enum { DAY = 86400, SIZE = 1000 };

struct world {
    struct node_sim n;
    struct sim_guardian g;
    struct sim_owner o;
    struct sim_epoch e;
    struct sim_pusher device;
    struct sim_pusher thief; /* another device of the same owner */
    struct sim_pusher root;
    uint8_t mem[80 * 1024];
    uint8_t ids[80 * 1024];
};

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 72);
    sim_seat(&w->n, &w->g);
    sim_ward(&w->n, &w->g, &w->o);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_device(&w->n, &w->o, &w->device);
    sim_device(&w->n, &w->o, &w->thief);
    sim_account(&w->o, &w->root);
    *state = w;
    return 0;
}

static int down(void **state)
{
    struct world *w = *state;

    node_sim_close(&w->n);
    free(w);
    return 0;
}

static struct bytes objects(struct world *w, uint32_t mark, size_t count, size_t size)
{
    struct buf b = BUF_OF(w->mem);

    for (size_t i = 0; i < count; i++)
        sim_object_put(mark + (uint32_t)i, size, &b);
    return buf_bytes(&b);
}

static struct bytes ids(struct world *w, uint32_t mark, size_t count, size_t size)
{
    struct buf b = BUF_OF(w->ids);

    for (size_t i = 0; i < count; i++)
        sim_object_id(mark + (uint32_t)i, size, &b);
    return buf_bytes(&b);
}

static const struct bytes none;

static enum err put(struct world *w, const struct sim_pusher *p, struct bytes what)
{
    return sim_vault_put(&w->n, p, what, NULL);
}

static enum err push(struct world *w, const struct sim_pusher *p, struct bytes what,
                     struct bytes dropped)
{
    return sim_push(&w->n, p, what, dropped, NULL);
}

static void pass(struct world *w, uint64_t seconds)
{
    w->n.now += seconds;
    (void)sim_vault_tick(&w->n); /* how often does not matter here */
}

static struct rep_head_get head(struct world *w, uint64_t version)
{
    struct rep_head_get rep = { 0 };

    assert_int_equal(sim_head_get(&w->n, &w->root, version, &rep), OK);
    return rep;
}

/* True if the head of exactly this version is kept. */
static bool keeps(struct world *w, uint64_t version)
{
    struct rep_head_get rep = head(w, version);
    struct vault_head h = { 0 };

    if (rep.head.n == 0)
        return false;
    assert_int_equal(vault_head_open(rep.head, &h), OK);
    return h.version == version;
}

static bool gives(struct world *w, uint32_t mark)
{
    return sim_gives(&w->n, &w->root, mark, SIZE);
}

static bool has(struct world *w, uint32_t mark)
{
    return sim_has(&w->n, &w->root, mark, SIZE);
}

/* ---- a thief ---- */

static void a_thief_with_a_thousand_pushes_destroys_nothing(void **state)
{
    struct world *w = *state;

    /* What the owner has for long, what came yesterday, and what only waits. */
    assert_int_equal(push(w, &w->device, objects(w, 0, 10, SIZE), none), OK);
    pass(w, 50 * DAY);
    assert_int_equal(push(w, &w->device, objects(w, 10, 10, SIZE), none), OK);
    pass(w, DAY);
    assert_int_equal(put(w, &w->device, objects(w, 20, 1, SIZE)), OK);
    for (uint32_t i = 0; i < 1000; i++) {
        w->n.now += 60;
        assert_int_equal(push(w, &w->thief, objects(w, 1000 + i, 1, 300),
                              i % 2 == 0 ? ids(w, 0, 21, SIZE) : ids(w, 1000, i, 300)),
                         OK);
    }
    uint64_t day = w->n.now;

    for (int d = 0; d < 29; d++) {
        w->n.now = day + (uint64_t)d * DAY;
        (void)sim_vault_tick(&w->n);
        for (uint32_t i = 0; i <= 20; i++)
            assert_true(gives(w, i));
        /* Both heads of the owner, too: one was the newest within these days. */
        assert_true(keeps(w, 1) && keeps(w, 2));
    }
    /* The owner comes back to what there was, and goes on from there. */
    assert_int_equal(push(w, &w->root, objects(w, 0, 16, SIZE), none), OK);
    assert_int_equal(put(w, &w->root, objects(w, 16, 4, SIZE)), OK);
    assert_int_equal(push(w, &w->root, none, none), OK);
    pass(w, 300 * DAY);
    for (uint32_t i = 0; i < 20; i++)
        assert_true(gives(w, i) && has(w, i));
    /* What the thief brought and took away is no more. */
    assert_false(sim_gives(&w->n, &w->root, 1000, 300));
    assert_true(head(w, 0).used < 40 * SIZE + 500 * 300);
}

static void dropped_is_not_erased_before_30_days(void **state)
{
    struct world *w = *state;

    assert_int_equal(push(w, &w->device, objects(w, 1, 1, SIZE), none), OK);
    /* Its head is old when it is dropped; the owner was content for a year. */
    pass(w, 365 * DAY);
    assert_int_equal(push(w, &w->thief, none, ids(w, 1, 1, SIZE)), OK);
    assert_int_equal(push(w, &w->thief, none, none), OK);
    assert_int_equal(push(w, &w->thief, none, none), OK);
    assert_int_equal(push(w, &w->thief, none, none), OK);
    assert_false(has(w, 1));
    pass(w, 30 * DAY - 1);
    assert_true(gives(w, 1));
    assert_true(keeps(w, 1));
    pass(w, VAULT_SWEEP_S + 1);
    assert_false(keeps(w, 1));
    assert_false(gives(w, 1));
}

/* ---- heads, week after week ---- */

enum { WEEKS = 20, DAYS = WEEKS * 7 };

/* The rule once more, over all heads that ever were: head i + 1 came at times[i]. */
static bool should_keep(const uint64_t *times, size_t n, size_t i, uint64_t now)
{
    if (i + VAULT_HEADS_LAST >= n || times[i + 1] > now - 30 * DAY)
        return true;
    return times[i] > now - 84 * DAY && times[i] / (7 * DAY) != times[i + 1] / (7 * DAY);
}

static void heads_of_twenty_weeks(void **state)
{
    struct world *w = *state;
    uint64_t times[2 * DAYS];
    size_t n = 0;

    for (uint32_t d = 0; d < DAYS; d++) {
        /* Twice a day; each replaces what the one before brought. */
        for (int i = 0; i < 2; i++) {
            w->n.now += 3600;
            struct bytes old = n == 0 ? none : ids(w, (uint32_t)n, 1, SIZE);

            assert_int_equal(
                push(w, &w->device, objects(w, (uint32_t)n + 1, 1, SIZE), old), OK);
            times[n++] = w->n.now;
        }
        pass(w, DAY - 7200);
    }
    size_t kept = 0;
    size_t oldest = 0;

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(keeps(w, i + 1), should_keep(times, n, i, w->n.now));
        oldest = oldest == 0 && keeps(w, i + 1) ? i + 1 : oldest;
        kept += keeps(w, i + 1);
    }
    assert_in_range(kept, 2 * 30 + 6, 2 * 30 + 10);
    assert_int_equal(head(w, 0).oldest, oldest);
    /* What the oldest head names is whole, and what went before it is gone. */
    for (uint32_t i = 1; i < oldest; i++)
        assert_false(gives(w, i));
    for (uint32_t i = (uint32_t)oldest; i <= n; i++)
        assert_true(gives(w, i));
    /* Who never comes again keeps the last three. */
    pass(w, 4 * 365 * DAY);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(keeps(w, i + 1), i + 3 >= n);
    assert_true(gives(w, (uint32_t)n));
    assert_false(gives(w, (uint32_t)n - 3));
}

static void a_clock_that_was_set_back_erases_nothing(void **state)
{
    struct world *w = *state;

    w->n.now += 100 * DAY;
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(push(w, &w->device, objects(w, i + 1, 1, SIZE),
                              i == 0 ? none : ids(w, i, 1, SIZE)),
                         OK);
    (void)sim_vault_tick(&w->n);
    w->n.now -= 90 * DAY;
    pass(w, 0);
    for (uint32_t i = 1; i <= 6; i++)
        assert_true(keeps(w, i) && gives(w, i));
    assert_int_equal(push(w, &w->device, none, none), OK);
    pass(w, 31 * DAY);
    for (uint32_t i = 1; i <= 6; i++)
        assert_true(keeps(w, i) && gives(w, i));
}

static void a_clock_that_leapt_erases_nothing_early(void **state)
{
    struct world *w = *state;

    assert_int_equal(push(w, &w->device, objects(w, 1, 1, SIZE), none), OK);
    w->n.env.clock = CLOCK_FROZEN;
    assert_int_equal(push(w, &w->thief, none, ids(w, 1, 1, SIZE)), OK);
    for (int i = 0; i < 80; i++)
        assert_int_equal(push(w, &w->thief, none, none), OK);
    pass(w, 0);
    /* A person says that it is much later: how much of it was before, nobody knows. */
    w->n.env.clock = CLOCK_RUNS;
    pass(w, 60 * DAY);
    assert_true(keeps(w, 1) && gives(w, 1));
    pass(w, 30 * DAY - 1);
    assert_true(keeps(w, 1) && gives(w, 1));
    pass(w, VAULT_SWEEP_S + 1);
    assert_false(keeps(w, 1) || gives(w, 1));
    assert_true(keeps(w, 80) && keeps(w, 82));
}

/* ---- objects without a head ---- */

static void what_no_head_followed_goes(void **state)
{
    struct world *w = *state;

    assert_int_equal(push(w, &w->device, none, none), OK);
    uint64_t before = head(w, 0).used;

    assert_int_equal(put(w, &w->device, objects(w, 1, 3, SIZE)), OK);
    pass(w, 12 * DAY);
    assert_true(has(w, 1));
    /* Put again, it waits anew. */
    assert_int_equal(put(w, &w->device, objects(w, 3, 1, SIZE)), OK);
    pass(w, DAY);
    /* Too near its end to count on; still there. */
    assert_false(has(w, 1));
    assert_true(gives(w, 1));
    pass(w, DAY);
    assert_false(gives(w, 1));
    assert_false(gives(w, 2));
    assert_true(has(w, 3) && gives(w, 3));
    assert_int_equal(head(w, 0).used, before + SIZE);
    pass(w, 12 * DAY);
    assert_false(gives(w, 3));
    assert_int_equal(head(w, 0).used, before);
}

static void what_a_head_followed_stays(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, &w->device, objects(w, 1, 3, SIZE)), OK);
    pass(w, 13 * DAY + 1);
    /* Whoever sets it: what is left of another's push may be needed. */
    assert_int_equal(push(w, &w->root, none, none), OK);
    pass(w, 300 * DAY);
    for (uint32_t i = 1; i <= 3; i++)
        assert_true(has(w, i) && gives(w, i));
}

static void dropped_and_wanted_again(void **state)
{
    struct world *w = *state;

    assert_int_equal(push(w, &w->device, objects(w, 1, 4, SIZE), none), OK);
    assert_int_equal(push(w, &w->device, none, ids(w, 1, 4, SIZE)), OK);
    uint64_t before = head(w, 0).used;

    for (uint32_t i = 1; i <= 4; i++)
        assert_false(has(w, i));
    /* 1: put again and covered; 2: with the head; 3: put again, no head came. */
    assert_int_equal(put(w, &w->device, objects(w, 1, 1, SIZE)), OK);
    assert_true(has(w, 1));
    assert_int_equal(push(w, &w->device, objects(w, 2, 1, SIZE), none), OK);
    assert_int_equal(put(w, &w->device, objects(w, 3, 1, SIZE)), OK);
    assert_true(has(w, 3));
    pass(w, 15 * DAY);
    assert_false(has(w, 3));
    /* No head wants it, an earlier one still does. */
    assert_true(gives(w, 3));
    for (int i = 0; i < 3; i++)
        assert_int_equal(push(w, &w->device, none, none), OK);
    assert_true(head(w, 0).used > before);
    pass(w, 200 * DAY);
    assert_true(has(w, 1) && gives(w, 1));
    assert_true(has(w, 2) && gives(w, 2));
    assert_false(gives(w, 3));
    assert_false(gives(w, 4));
}

static void a_long_list_goes_in_portions(void **state)
{
    struct world *w = *state;

    for (uint32_t i = 0; i < 1000; i += 100)
        assert_int_equal(put(w, &w->device, objects(w, i, 100, 300)), OK);
    assert_int_equal(push(w, &w->device, none, none), OK);
    assert_int_equal(push(w, &w->device, none, ids(w, 0, 1000, 300)), OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(push(w, &w->device, none, none), OK);
    w->n.now += 40 * DAY;
    assert_true(sim_vault_tick(&w->n) >= 4);
    assert_false(sim_gives(&w->n, &w->root, 0, 300));
    assert_false(sim_gives(&w->n, &w->root, 999, 300));
    assert_true(head(w, 0).used < 10000);
}

/* Each has nearly a job's share: together they are more than one job writes. */
static void many_wards_at_once_go_one_by_one(void **state)
{
    struct world *w = *state;
    struct sim_owner owners[8];
    struct sim_pusher p[8];

    for (size_t i = 0; i < 8; i++) {
        sim_ward(&w->n, &w->g, &owners[i]);
        sim_account(&owners[i], &p[i]);
        for (uint32_t k = 0; k < 2; k++)
            assert_int_equal(put(w, &p[i], objects(w, 110 * k, 110, 300)), OK);
        assert_int_equal(push(w, &p[i], none, none), OK);
        for (int k = 0; k < 3; k++)
            assert_int_equal(push(w, &p[i], none, ids(w, 0, 220, 300)), OK);
    }
    pass(w, 31 * DAY);
    for (size_t i = 0; i < 8; i++)
        assert_false(sim_gives(&w->n, &p[i], 219, 300));
}

/* ---- room ---- */

enum { QUOTA = 2 * 1024 * 1024 };

/* Puts 40 KiB objects from mark on until the node is full; how many went in. */
static uint32_t fill(struct world *w, const struct sim_pusher *p, uint32_t mark)
{
    uint32_t n = 0;

    while (put(w, p, objects(w, mark + n, 1, 40960)) == OK)
        assert_true(n++ < 1000);
    return n;
}

static void a_full_vault_takes_no_more_and_loses_nothing(void **state)
{
    struct world *w = *state;

    w->n.limits.vault_bytes = QUOTA;
    uint32_t n = fill(w, &w->device, 0);
    uint64_t used = head(w, 0).used;

    assert_true(used <= QUOTA - 2 * VAULT_RESERVE);
    assert_true(used > QUOTA - 2 * VAULT_RESERVE - 40960);
    assert_int_equal(put(w, &w->device, objects(w, n, 1, 40960)), ERR_FULL);
    assert_int_equal(head(w, 0).used, used);
    assert_false(sim_has(&w->n, &w->root, n, 40960));
    /* What is there already needs no room; a head has some of its own. */
    assert_int_equal(put(w, &w->device, objects(w, 0, 1, 40960)), OK);
    assert_int_equal(push(w, &w->device, none, none), OK);
    /* The root account has more than a device. */
    assert_true(fill(w, &w->root, 500) >= 5);
    assert_int_equal(put(w, &w->device, objects(w, n, 1, 300)), ERR_FULL);
    assert_int_equal(push(w, &w->root, none, none), OK);
    for (uint32_t i = 0; i < n; i++)
        assert_true(sim_gives(&w->n, &w->device, i, 40960));
    /* Less of it makes no room before its time. */
    assert_int_equal(push(w, &w->root, none, ids(w, 0, n, 40960)), OK);
    assert_int_equal(put(w, &w->device, objects(w, n, 1, 300)), ERR_FULL);
    pass(w, 29 * DAY);
    assert_int_equal(put(w, &w->device, objects(w, n, 1, 300)), ERR_FULL);
    for (uint32_t i = 0; i < n; i++)
        assert_true(sim_gives(&w->n, &w->device, i, 40960));
}

static void room_is_made_of_what_is_old(void **state)
{
    struct world *w = *state;

    w->n.limits.vault_bytes = QUOTA;
    /* A new object each week, which the next replaces. */
    for (uint32_t i = 0; i < 11; i++) {
        assert_int_equal(put(w, &w->device, objects(w, i, 1, 40960)), OK);
        assert_int_equal(
            push(w, &w->device, none, i == 0 ? none : ids(w, i - 1, 1, 40960)), OK);
        pass(w, 7 * DAY);
    }
    assert_true(keeps(w, 1));
    uint32_t n = fill(w, &w->device, 100);
    /* Everything older than 30 days gave way, and nothing younger. */
    assert_true(n > 30);
    for (uint32_t i = 0; i < 6; i++)
        assert_false(keeps(w, i + 1));
    for (uint32_t i = 6; i < 11; i++) {
        assert_true(keeps(w, i + 1));
        assert_true(sim_gives(&w->n, &w->root, i, 40960));
    }
    assert_false(sim_gives(&w->n, &w->root, 0, 40960));
}

static void heads_and_objects_are_counted(void **state)
{
    struct world *w = *state;

    w->n.limits.vault_heads = 64;
    for (int i = 0; i < 60; i++)
        assert_int_equal(push(w, &w->device, none, none), OK);
    assert_int_equal(push(w, &w->thief, none, none), ERR_FULL);
    /* The rest is the root account's. */
    for (int i = 0; i < 4; i++)
        assert_int_equal(push(w, &w->root, none, none), OK);
    assert_int_equal(push(w, &w->root, none, none), ERR_FULL);
    assert_int_equal(head(w, 0).version, 64);
    pass(w, 31 * DAY);
    assert_int_equal(push(w, &w->device, none, none), OK);

    w->n.limits.vault_objects = 1024;
    for (uint32_t i = 0; i < 1000; i += 100)
        assert_int_equal(put(w, &w->device, objects(w, i, 100, 300)), OK);
    assert_int_equal(put(w, &w->device, objects(w, 1000, 25, 300)), ERR_FULL);
    assert_int_equal(put(w, &w->device, objects(w, 1000, 24, 300)), OK);
    assert_int_equal(push(w, &w->root, objects(w, 2000, 1, 300), none), ERR_FULL);
}

/* How many objects stay until they are dropped; all but the owner's are dropped. */
static size_t drop_foreign(struct world *w, struct bytes own)
{
    struct rep_vault_have rep = { 0 };
    struct req_vault_have req = { .list = 1 };
    static uint8_t foreign[VAULT_DROP_MAX * VAULT_ID];
    struct buf b = BUF_OF(foreign);
    size_t n = 0;

    do {
        assert_int_equal(node_sim_ask(&w->n, &w->root.who, MSG_VAULT_HAVE, &req, &rep),
                         OK);
        for (size_t at = 0; at < rep.ids.n; at += VAULT_ID, n++) {
            bool mine = false;

            for (size_t i = 0; i < own.n; i += VAULT_ID)
                mine |= memcmp(own.p + i, rep.ids.p + at, VAULT_ID) == 0;
            if (!mine)
                buf_put(&b, bytes_of(rep.ids.p + at, VAULT_ID));
        }
        if (rep.next.n == VAULT_ID)
            memcpy(req.after, rep.next.p, VAULT_ID);
    } while (rep.next.n == VAULT_ID);
    assert_false(b.over);
    assert_int_equal(push(w, &w->root, none, buf_bytes(&b)), OK);
    return n;
}

static void what_a_thief_filled_it_with_can_be_dropped(void **state)
{
    struct world *w = *state;

    w->n.limits.vault_bytes = QUOTA;
    assert_int_equal(push(w, &w->device, objects(w, 0, 10, SIZE), none), OK);
    uint32_t n = fill(w, &w->thief, 1000);
    assert_int_equal(push(w, &w->thief, none, none), OK);
    while (push(w, &w->thief, objects(w, 2000 + n, 1, 16000), none) == OK)
        n++;
    /* What waits for a head is no one's to drop. */
    assert_int_equal(put(w, &w->device, objects(w, 9, 1, SIZE)), OK);
    pass(w, 40 * DAY);
    assert_int_equal(put(w, &w->device, objects(w, 20, 1, SIZE)), ERR_FULL);
    assert_int_equal(put(w, &w->root, objects(w, 20, 1, 40960)), ERR_FULL);

    assert_int_equal(drop_foreign(w, ids(w, 0, 10, SIZE)), 10 + n);
    /* A day and a half more than the worst delay: then there is all the room. */
    pass(w, 31 * DAY);
    assert_int_equal(push(w, &w->device, none, none), OK);
    assert_int_equal(push(w, &w->device, none, none), OK);
    pass(w, DAY);
    assert_int_equal(put(w, &w->device, objects(w, 20, 1, SIZE)), OK);
    assert_true(fill(w, &w->device, 3000) > 30);
    for (uint32_t i = 0; i < 10; i++)
        assert_true(gives(w, i) && has(w, i));
}

static void a_list_names_what_stays_and_nothing_else(void **state)
{
    struct world *w = *state;
    struct req_vault_have req = { .list = 1 };
    struct rep_vault_have rep = { 0 };
    struct sim_owner owner;
    struct sim_pusher other;

    sim_ward(&w->n, &w->g, &owner);
    sim_account(&owner, &other);
    assert_int_equal(push(w, &w->device, objects(w, 0, 3, SIZE), none), OK);
    assert_int_equal(push(w, &w->device, none, ids(w, 0, 1, SIZE)), OK);
    assert_int_equal(put(w, &w->device, objects(w, 5, 1, SIZE)), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->thief.who, MSG_VAULT_HAVE, &req, &rep), OK);
    assert_int_equal(rep.ids.n, 2 * VAULT_ID);
    assert_int_equal(rep.next.n, 0);
    assert_memory_not_equal(rep.ids.p, ids(w, 0, 1, SIZE).p, VAULT_ID);
    assert_int_equal(node_sim_ask(&w->n, &other.who, MSG_VAULT_HAVE, &req, &rep), OK);
    assert_int_equal(rep.ids.n, 0);
    /* Either a list of ids, or a question about some. */
    req.ids = ids(w, 1, 1, SIZE);
    assert_int_equal(node_sim_ask(&w->n, &w->root.who, MSG_VAULT_HAVE, &req, &rep),
                     ERR_FORMAT);
    /* In portions. */
    for (uint32_t i = 0; i < 1500; i += 150)
        assert_int_equal(put(w, &w->device, objects(w, 100 + i, 150, 300)), OK);
    assert_int_equal(push(w, &w->device, none, none), OK);
    req.ids = none;
    assert_int_equal(node_sim_ask(&w->n, &w->root.who, MSG_VAULT_HAVE, &req, &rep), OK);
    size_t all = rep.ids.n / VAULT_ID;

    assert_in_range(all, 1, VAULT_LISTED);
    for (int pages = 1; rep.next.n == VAULT_ID; pages++) {
        assert_true(pages <= 1504 / VAULT_LISTED);
        memcpy(req.after, rep.next.p, VAULT_ID);
        assert_int_equal(node_sim_ask(&w->n, &w->root.who, MSG_VAULT_HAVE, &req, &rep),
                         OK);
        all += rep.ids.n / VAULT_ID;
    }
    assert_int_equal(all, 1503);
}

/* ---- while somebody comes back ---- */

static enum err set_state(struct call *c, void *arg)
{
    struct sim_asker *a = arg;
    struct request r = { 0 };

    TRY(request_get(c, a->request, &r));
    r.state = STATE_APPROVED;
    r.approved = c->now;
    r.due = c->now + 90 * DAY;
    return request_put(c, &r);
}

static enum err refuse(struct call *c, void *arg)
{
    struct sim_asker *a = arg;
    struct request r = { 0 };

    TRY(request_get(c, a->request, &r));
    r.state = STATE_REFUSED;
    r.ended = c->now;
    return request_put(c, &r);
}

static void nothing_is_erased_while_a_request_is_approved(void **state)
{
    struct world *w = *state;
    struct sim_asker *a = calloc(1, sizeof *a);

    assert_non_null(a);
    w->n.limits.vault_bytes = QUOTA;
    assert_int_equal(push(w, &w->device, objects(w, 1, 1, SIZE), none), OK);
    assert_int_equal(push(w, &w->device, none, ids(w, 1, 1, SIZE)), OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(push(w, &w->device, none, none), OK);
    w->n.now += 30 * DAY;
    sim_ask(&w->n, &w->o, a);
    assert_int_equal(node_sim_write(&w->n, NULL, set_state, a), OK);
    pass(w, 80 * DAY);
    assert_true(gives(w, 1) && keeps(w, 1));
    /* Not even for room. */
    (void)fill(w, &w->root, 100);
    assert_true(gives(w, 1) && keeps(w, 1));
    assert_int_equal(node_sim_write(&w->n, NULL, refuse, a), OK);
    pass(w, VAULT_SWEEP_S);
    assert_false(gives(w, 1));
    free(a);
}

/* ---- what is told ---- */

static size_t told(struct world *w)
{
    struct req_drop_list req = { .which = DROP_ALERTS };
    static struct rep_drop_list rep;
    size_t n = 0;

    rep = (struct rep_drop_list){ 0 };
    assert_int_equal(node_sim_ask(&w->n, &w->root.who, MSG_DROP_LIST, &req, &rep), OK);
    for (uint32_t i = 0; i < rep.n_lines; i++) {
        struct drop_event ev = { 0 };

        assert_int_equal(wire_get(&drop_event_schema, rep.lines[i].blob, &ev), OK);
        n += ev.event == REC_VAULT_SHRUNK;
    }
    return n;
}

static void a_third_less_is_told(void **state)
{
    struct world *w = *state;

    assert_int_equal(push(w, &w->device, objects(w, 0, 12, SIZE), none), OK);
    assert_int_equal(push(w, &w->device, none, ids(w, 0, 4, SIZE)), OK);
    assert_int_equal(told(w), 0);
    /* More than a third in several steps is as much. */
    assert_int_equal(push(w, &w->thief, none, ids(w, 4, 1, SIZE)), OK);
    assert_int_equal(told(w), 1);
    assert_int_equal(push(w, &w->thief, none, ids(w, 5, 2, SIZE)), OK);
    assert_int_equal(told(w), 1);
    /* Once a week, not more often. */
    assert_int_equal(push(w, &w->thief, none, ids(w, 7, 5, SIZE)), OK);
    assert_int_equal(told(w), 1);
    pass(w, 7 * DAY);
    assert_int_equal(push(w, &w->device, none, none), OK);
    assert_int_equal(told(w), 2);
    pass(w, 7 * DAY);
    /* Nothing was there, nothing is less. */
    assert_int_equal(push(w, &w->thief, none, none), OK);
    assert_int_equal(told(w), 2);
}

static void much_that_is_replaced_is_told(void **state)
{
    struct world *w = *state;

    for (uint32_t i = 0; i < 60; i++)
        assert_int_equal(put(w, &w->device, objects(w, i, 1, 40960)), OK);
    assert_int_equal(push(w, &w->device, none, none), OK);
    for (uint32_t i = 100; i < 160; i++)
        assert_int_equal(put(w, &w->thief, objects(w, i, 1, 40960)), OK);
    assert_int_equal(push(w, &w->thief, none, ids(w, 0, 20, 40960)), OK);
    assert_int_equal(told(w), 0);
    assert_int_equal(push(w, &w->thief, none, ids(w, 20, 40, 40960)), OK);
    assert_int_equal(told(w), 1);
    /* A small page that is replaced is every day's work. */
    assert_int_equal(push(w, &w->device, objects(w, 1, 1, SIZE), none), OK);
    assert_int_equal(push(w, &w->device, objects(w, 2, 1, SIZE), ids(w, 1, 1, SIZE)), OK);
    assert_int_equal(told(w), 1);
}

static void one_page_for_another_is_not_told(void **state)
{
    struct world *w = *state;

    assert_int_equal(push(w, &w->device, objects(w, 0, 2, SIZE), none), OK);
    for (uint32_t i = 1; i < 30; i++)
        assert_int_equal(
            push(w, &w->device, objects(w, 2 * i, 2, SIZE), ids(w, 2 * i - 2, 2, SIZE)),
            OK);
    assert_int_equal(told(w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)
        CASE(a_thief_with_a_thousand_pushes_destroys_nothing),
        CASE(dropped_is_not_erased_before_30_days),
        CASE(heads_of_twenty_weeks),
        CASE(a_clock_that_was_set_back_erases_nothing),
        CASE(a_clock_that_leapt_erases_nothing_early),
        CASE(what_no_head_followed_goes),
        CASE(what_a_head_followed_stays),
        CASE(dropped_and_wanted_again),
        CASE(a_long_list_goes_in_portions),
        CASE(many_wards_at_once_go_one_by_one),
        CASE(a_full_vault_takes_no_more_and_loses_nothing),
        CASE(room_is_made_of_what_is_old),
        CASE(heads_and_objects_are_counted),
        CASE(what_a_thief_filled_it_with_can_be_dropped),
        CASE(a_list_names_what_stays_and_nothing_else),
        CASE(nothing_is_erased_while_a_request_is_approved),
        CASE(a_third_less_is_told),
        CASE(much_that_is_replaced_is_told),
        CASE(one_page_for_another_is_not_told),
#undef CASE
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
