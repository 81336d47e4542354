/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any history of changes at one node, by an owner, by a thief with the owner's keys, by
 * guardians who are fooled or not, with freezes, restores, power cuts and jumps of time.
 * Whatever is erased was allowed to be, and a good epoch is always there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/verify.h"
#include "tests/unit/changing.h"

enum { SEEDS = 16, ROUNDS = 160, NUMBERS = MADE };

/* What the test knows of an epoch. */
struct known {
    bool held;
    bool confirmed;
    bool thief; /* its descriptor names the thief's people */
    uint64_t committed;
    uint8_t asked; /* a RETIRE to it was taken: 1 by few, 2 by enough */
};

struct any {
    struct changing *w;
    struct sign_seed people[2][PEOPLE]; /* the guardians; the thief's */
    struct known known[NUMBERS];
    uint32_t active;
    bool prepared; /* next is, by */
    bool by_thief;
    uint32_t next;
    uint64_t frozen;
    uint64_t waits; /* a restore is approved, until then */
    struct sim_asker asker;
    uint64_t erased;
    uint64_t refused;
};

static uint32_t chance(struct any *a, uint32_t n)
{
    uint32_t x = 0;

    rng_fill(&a->w->n.rng, (uint8_t *)&x, sizeof x);
    return x % n;
}

static void speak(struct any *a, bool thief)
{
    memcpy(a->w->people, a->people[thief], sizeof a->people[0]);
}

/* ---- what may happen, in the test's own words ---- */

static uint32_t base_of(const struct any *a, uint32_t x)
{
    uint32_t base = 0;

    for (uint32_t i = 1; i < x; i++)
        if (a->known[i].held && a->known[i].confirmed)
            base = i;
    return base;
}

/* 2: enough people of the newest confirmed epoch; 1: the one here and another; 0. */
static uint8_t weight(const struct any *a, uint32_t x, unsigned mask, bool thief)
{
    uint32_t base = base_of(a, x);
    unsigned n = (mask & SAY_HERE) != 0;

    if (base == 0)
        return 0;
    if (a->known[base].thief == thief)
        n += (mask & SAY_0 ? 1U : 0U) + (mask & SAY_2 ? 1U : 0U);
    if (n >= a->w->t)
        return 2;
    return n >= 2 && (mask & SAY_HERE) != 0 ? 1 : 0;
}

static bool anything_before(const struct any *a, uint32_t x)
{
    for (uint32_t i = 1; i < x; i++)
        if (a->known[i].held)
            return true;
    return false;
}

/* Why an epoch that is gone may be gone. */
static bool was_lawful(const struct any *a, uint32_t gone)
{
    for (uint32_t x = gone + 1; x <= a->active; x++) {
        const struct known *k = &a->known[x];
        uint64_t least = k->asked == 2 ? DUAL_TIME_S : RETIRE_OWN_S;

        if (k->held && k->asked != 0 && a->w->n.now >= k->committed + least)
            return a->w->n.now >= a->waits && a->w->n.now >= a->frozen;
    }
    return false;
}

/* ---- what is there ---- */

static void look(struct any *a)
{
    struct rep_epoch_state s = state_of(a->w, 0);
    uint32_t held = 0;
    uint32_t prepared = 0;

    for (uint32_t i = 1; i <= a->active; i++) {
        const struct epoch_line *line = line_of(&s, i);
        bool there = line != NULL &&
                     (line->state == EPOCH_ACTIVE || line->state == EPOCH_SUPERSEDED);

        held += there;
        if (a->known[i].held && !there) {
            assert_true(was_lawful(a, i));
            a->erased++;
        }
        assert_true(a->known[i].held || !there);
        a->known[i].held = there;
        /* By few: only what they did is confirmed by it. */
        if (there && line->confirmed != 0 && !a->known[i].confirmed)
            assert_true(a->known[i].asked == 1 && !anything_before(a, i));
        a->known[i].confirmed = there && line->confirmed != 0;
    }
    for (uint32_t i = 0; i < s.n_epochs; i++)
        prepared += s.epochs[i].state == EPOCH_PREPARED;
    assert_true(held >= 1 && held <= EPOCHS_OWNER && prepared <= 1);
    assert_true(a->known[a->active].held);
}

static void look_at_all(struct any *a)
{
    struct verdict v = { 0 };

    assert_int_equal(verify(a->w->n.store, &a->w->n.env, &v), OK);
    assert_true(verdict_good(&v));
}

/* ---- what people do ---- */

static void prepare_one(struct any *a)
{
    bool thief = chance(a, 3) == 0;

    /* Sometimes a number is left out, as one whose device is gone may have had it. */
    uint32_t next = a->active + 1 + (chance(a, 4) == 0);

    if (next >= NUMBERS || a->prepared)
        return;
    speak(a, thief);
    a->next = next;
    enum err e = change_next(a->w, next);

    if (e == OK)
        e = change_prepare(a->w, next);
    a->prepared = e == OK;
    a->by_thief = thief;
    a->refused += e != OK;
}

static void commit_one(struct any *a)
{
    if (!a->prepared)
        return;
    enum err e = change_commit(a->w, a->next);

    assert_int_equal(e, a->w->n.now < a->frozen ? ERR_FROZEN : OK);
    if (e != OK)
        return;
    a->prepared = false;
    a->active = a->next;
    a->known[a->active] =
        (struct known){ .held = true, .thief = a->by_thief, .committed = a->w->n.now };
}

static void abort_one(struct any *a)
{
    uint32_t which = a->prepared && chance(a, 2) == 0 ? a->next : a->active;
    enum err e = ask_abort(a->w, which);

    if (e == OK && which > a->active)
        a->prepared = false;
    assert_true(e == OK || e == ERR_STATE || e == ERR_FROZEN);
    assert_true(which > a->active || e != OK);
}

static void retire_one(struct any *a)
{
    static uint8_t p[PROOF];
    static uint8_t m[PROOF];
    uint32_t x = a->active - chance(a, a->active > 1 ? 2 : 1);
    unsigned mask = chance(a, 8);
    unsigned machines = chance(a, 4) == 0 ? chance(a, 8) : SAY_ALL;
    bool thief = chance(a, 3) == 0;
    struct req_retire req = { .epoch = x };

    if (!a->known[x].held)
        return;
    speak(a, thief);
    memcpy(req.manifest_hash, a->w->made[x].e.hash, HASH_BYTES);
    req.people = people_epoch(a->w, mask, x, p);
    req.machines = machines_of(a->w, machines, x, m);
    uint8_t w = weight(a, x, mask, thief);
    enum err want = w > 0 && machines == SAY_ALL ? OK : ERR_CERT;

    if (!anything_before(a, x))
        want = OK;
    if (a->w->n.now < a->frozen)
        want = ERR_FROZEN;
    enum err e = ask_retire(a->w, &req, NULL);

    assert_int_equal(e, want);
    a->refused += e != OK;
    if (e != OK || !anything_before(a, x))
        return;
    a->known[x].asked = a->known[x].asked > w ? a->known[x].asked : w;
    a->known[x].confirmed = a->known[x].confirmed || w == 2;
}

static void cert_one(struct any *a)
{
    static uint8_t p[PROOF];
    unsigned mask = chance(a, 8);
    bool thief = chance(a, 3) == 0;
    uint32_t x = a->active;

    speak(a, thief);
    uint8_t w = weight(a, x, mask, thief);
    enum err want = w == 2 || a->known[x].confirmed ? OK : ERR_CERT;

    if (a->w->n.now < a->frozen)
        want = ERR_FROZEN;
    enum err e = ask_cert(a->w, &a->w->o.who, x, people_epoch(a->w, mask, x, p), NULL);

    assert_int_equal(e, want);
    a->known[x].confirmed = a->known[x].confirmed || e == OK;
}

/* Somebody asks for the piece, the guardian says yes, and thinks better of it. */
static void restore_one(struct any *a)
{
    if (a->w->n.now < a->waits) {
        assert_int_equal(restore_refuse(a->w, &a->asker), OK);
        a->waits = 0;
        return;
    }
    restore_approved(a->w, &a->asker);
    a->waits = a->w->n.now + a->w->made[1].e.req.hold + REQUEST_UNFETCHED_S;
}

static void freeze_one(struct any *a)
{
    if (chance(a, 4) == 0 && ask_freeze(a->w) == OK && a->w->n.now >= a->frozen)
        a->frozen = a->w->n.now + WARD_FROZEN_S;
}

static void time_passes(struct any *a)
{
    a->w->n.now += (uint64_t)chance(a, 18) * DAY + chance(a, DAY);
    ticks(a->w);
}

static void again(struct any *a)
{
    node_sim_again(&a->w->n);
}

static void any_one(struct any *a)
{
    static void (*const deeds[])(struct any *) = {
        prepare_one, prepare_one, commit_one,  commit_one, abort_one,   retire_one,
        retire_one,  retire_one,  retire_one,  cert_one,   restore_one, freeze_one,
        time_passes, time_passes, time_passes, again,
    };

    deeds[chance(a, sizeof deeds / sizeof deeds[0])](a);
}

static void whatever_happens_what_is_erased_was_allowed_to_be(void **state)
{
    uint64_t erased = 0;
    uint64_t refused = 0;

    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct any a = { .w = changing_new(700 + seed), .active = 1 };

        memcpy(a.people[0], a.w->people, sizeof a.people[0]);
        rng_fill(&a.w->n.rng, (uint8_t *)a.people[1], sizeof a.people[1]);
        a.w->t = (uint8_t)(2 + seed % 2);
        change_confirmed(a.w);
        change_epoch(a.w, 1);
        a.known[1] =
            (struct known){ .held = true, .confirmed = true, .committed = a.w->n.now };
        for (int i = 0; i < ROUNDS; i++) {
            any_one(&a);
            look(&a);
            if (i % 10 == 9)
                look_at_all(&a);
        }
        erased += a.erased;
        refused += a.refused;
        changing_free(a.w);
    }
    /* Histories in which nothing happens prove nothing. */
    print_message("%llu epochs erased, %llu things refused\n", (unsigned long long)erased,
                  (unsigned long long)refused);
    assert_true(erased >= 20 && refused >= 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_what_is_erased_was_allowed_to_be),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("any_change", tests, NULL, NULL);

    secret_end();
    return failed;
}
