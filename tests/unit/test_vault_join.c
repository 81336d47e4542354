/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of one owner join their vaults: nothing is lost, and they come to one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vault_home.h"

enum { DEVICES = 3 };

static struct device dev[DEVICES];
#define A (&dev[0])
#define B (&dev[1])
#define C (&dev[2])

static int devices(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DEVICES; i++) {
        device_new(&dev[i], i);
        assert_int_equal(device_open(&dev[i], VAULT_WHOLE), OK);
    }
    return 0;
}

static int no_devices(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DEVICES; i++)
        device_end(&dev[i]);
    return 0;
}

static struct vault_merge pull(struct device *to, struct device *from)
{
    struct vault_merge m = { 0 };
    size_t n = 0;
    assert_int_equal(device_pull(to, from, &m), OK);
    device_save(to);
    device_reopen(to);
    assert_int_equal(vault_check(to->vault, &n, to->what), OK);
    return m;
}

static bool same_state(struct device *x, struct device *y)
{
    uint8_t a[HASH_BYTES];
    uint8_t b[HASH_BYTES];
    vault_state_hash(vault_now(x->vault), a);
    vault_state_hash(vault_now(y->vault), b);
    return memcmp(a, b, HASH_BYTES) == 0;
}

static bool same_items(struct device *x, struct device *y)
{
    return memcmp(vault_now(x->vault)->index, vault_now(y->vault)->index, VAULT_ID) == 0;
}

/* Both have one vault of these items. */
static void begin(void)
{
    device_add(A, "bank", "b1");
    device_add(A, "mail", "m1");
    device_add(A, "note", "n1");
    assert_true(pull(B, A).took);
    assert_true(same_state(A, B));
}

/* ---- whose is newer ---- */

static void theirs_is_taken_as_it_is(void **state)
{
    (void)state;
    begin();
    device_edit(A, "bank", "b2");
    device_add(A, "more", "x");
    struct vault_merge m = pull(B, A);
    assert_true(m.took && !m.merged && !m.stale && !m.shrinks);
    assert_true(m.added == 1 && m.changed == 1 && m.both == 0 && m.removed == 0);
    assert_true(same_state(A, B));
    assert_true(device_reads(B, device_find(B, "bank"), 0, "b2"));
    assert_true(device_reads(B, device_find(B, "bank"), 1, "b1"));
}

/* A thief's state of the greatest number ends no vault: the items decide. */
static void after_the_greatest_version_it_goes_on(void **state)
{
    struct vault_merge m = { 0 };
    (void)state;
    begin();
    struct vault_state s = *vault_now(A->vault);
    s.version = VAULT_VERSION_MAX - 1;
    assert_int_equal(vault_join(B->vault, &s, false, &m), OK);
    device_save(B);
    device_edit(B, "bank", "b2");
    device_edit(B, "bank", "b3");
    assert_int_equal(vault_now(B->vault)->version, VAULT_VERSION_MAX - 1);
    device_edit(A, "mail", "m2");
    (void)pull(A, B);
    (void)pull(B, A);
    assert_true(same_state(A, B));
    device_edit(A, "note", "n2");
    (void)pull(B, A);
    assert_true(same_state(A, B));
    assert_true(device_reads(B, device_find(B, "bank"), 0, "b3"));
    assert_true(device_reads(B, device_find(B, "mail"), 0, "m2"));
    assert_true(device_reads(B, device_find(B, "note"), 0, "n2"));
}

static void what_is_older_changes_nothing(void **state)
{
    (void)state;
    begin();
    device_edit(A, "bank", "b2");
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];
    vault_state_hash(vault_now(A->vault), before);
    struct vault_merge m = pull(A, B);
    assert_true(m.stale && !m.took && !m.merged);
    vault_state_hash(vault_now(A->vault), after);
    assert_memory_equal(before, after, HASH_BYTES);
    m = pull(A, A);
    assert_true(m.stale);
}

static void a_state_of_another_generation_is_refused(void **state)
{
    (void)state;
    begin();
    struct vault_merge m = { 0 };
    struct vault_state s = *vault_now(A->vault);
    s.generation++;
    assert_int_equal(vault_join(B->vault, &s, true, &m), ERR_VERSION);
}

static void a_state_whose_pages_are_not_here_is_not_joined(void **state)
{
    (void)state;
    device_add(A, "bank", "b1");
    device_add(B, "mail", "m1");
    struct vault_merge m = { 0 };
    assert_int_equal(vault_join(B->vault, vault_now(A->vault), true, &m), ERR_CORRUPT);
    assert_non_null(strstr(vault_what(B->vault), "missing"));
    assert_int_equal(vault_count(B->vault), 1);
    device_save(B);
    assert_int_equal(vault_now(B->vault)->version, 1);
}

/* ---- both changed ---- */

static void both_changes_are_kept(void **state)
{
    (void)state;
    begin();
    device_edit(A, "bank", "of A");
    device_edit(B, "bank", "of B");
    device_add(A, "only A", "1");
    device_add(B, "only B", "2");
    struct vault_merge m = pull(B, A);
    assert_true(m.merged && !m.took);
    assert_true(m.both == 1 && m.added == 1);
    const struct vault_item *i = device_find(B, "bank");
    bool a_won = device_reads(B, i, 0, "of A");
    assert_true(device_reads(B, i, a_won ? 1 : 0, "of B"));
    assert_true(device_reads(B, i, a_won ? 0 : 1, "of A"));
    assert_true(device_reads(B, i, 2, "b1"));
    assert_int_equal(vault_count(B->vault), 5);
    assert_int_equal(vault_now(B->vault)->n_parents, 2);
    assert_true(vault_now(B->vault)->version > vault_now(A->vault)->version);
    /* The other way round it is the same, and then one. */
    assert_true(pull(A, B).took);
    assert_true(same_state(A, B));
}

static void joined_on_both_sides_is_one(void **state)
{
    (void)state;
    begin();
    device_edit(A, "bank", "of A");
    device_edit(B, "mail", "of B");
    /* C stands for B as it was: A and B join each other at the same time. */
    assert_true(pull(C, B).took);
    (void)pull(B, A);
    (void)pull(A, C);
    assert_true(same_items(A, B));
    assert_false(same_state(A, B));
    struct vault_merge x = pull(A, B);
    assert_true(x.took || x.stale);
    if (x.stale)
        assert_true(pull(B, A).took);
    assert_true(same_state(A, B));
}

static void what_one_removed_and_the_other_changed_is_kept(void **state)
{
    (void)state;
    begin();
    device_edit(A, "bank", "precious");
    device_edit(B, "bank", "x");
    device_edit(B, "bank", "y");
    device_remove(B, "bank");
    struct vault_merge m = pull(A, B);
    assert_int_equal(m.removed, 1);
    const struct vault_item *i = vault_gone_find(A->vault, bytes_text("bank"));
    assert_non_null(i);
    bool found = false;
    for (unsigned back = 1; back <= i->n_past; back++)
        found = found || device_reads(A, i, back, "precious");
    assert_true(found);
    assert_true(pull(B, A).took);
    assert_true(same_state(A, B));
}

static void two_items_of_one_name_get_two_names(void **state)
{
    (void)state;
    begin();
    device_add(A, "wifi", "of A");
    device_add(B, "wifi", "of B");
    device_add(B, "wifi (2)", "taken");
    struct vault_merge m = pull(B, A);
    assert_true(m.merged && m.renamed == 1);
    assert_non_null(device_find(B, "wifi"));
    assert_non_null(device_find(B, "wifi (3)"));
    assert_true(device_reads(B, device_find(B, "wifi (2)"), 0, "taken"));
    bool a_first = device_reads(B, device_find(B, "wifi"), 0, "of A");
    assert_true(
        device_reads(B, device_find(B, "wifi (3)"), 0, a_first ? "of B" : "of A"));
    assert_true(pull(A, B).took);
    assert_true(pull(B, A).stale);
}

static void a_name_is_cut_between_characters(void **state)
{
    (void)state;
    char name[VAULT_NAME_MAX + 1];
    begin();
    for (size_t i = 0; i < VAULT_NAME_MAX; i += 2)
        memcpy(name + i, "ü", 2);
    name[VAULT_NAME_MAX] = 0;
    device_add(A, name, "1");
    device_add(B, name, "2");
    assert_int_equal(pull(B, A).renamed, 1);
    unsigned renamed = 0;
    for (size_t i = 0; i < vault_count(B->vault); i++) {
        struct bytes n = vault_at(B->vault, i)->name;
        assert_true(n.n <= VAULT_NAME_MAX && wire_printable(n));
        renamed += n.n > 4 && n.p[n.n - 1] == ')';
    }
    assert_int_equal(renamed, 1);
}

static void a_lonely_change_outlasts_many(void **state)
{
    (void)state;
    char text[8];
    begin();
    device_edit(A, "bank", "the one");
    for (unsigned i = 0; i < 30; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        device_edit(B, "bank", text);
    }
    (void)pull(B, A);
    const struct vault_item *i = device_find(B, "bank");
    bool found = false;
    for (unsigned back = 0; back <= i->n_past; back++)
        found = found || device_reads(B, i, back, "the one");
    assert_true(found);
    assert_int_equal(i->n_past, VAULT_PAST);
}

/* ---- much goes ---- */

static void more_than_a_third_is_asked_about(void **state)
{
    (void)state;
    struct vault_merge m = { 0 };
    begin();
    device_add(A, "four", "4");
    (void)pull(B, A);
    device_remove(A, "bank");
    assert_false(pull(B, A).shrinks); /* a quarter */
    device_remove(A, "mail");
    device_remove(A, "note");
    AUTO_BLOB struct home_blob ids = { 0 };
    AUTO_BLOB struct home_blob o = { 0 };
    for (;;) { /* what a pull fetches */
        home_blob_free(&ids);
        assert_int_equal(vault_lacks(B->vault, vault_now(A->vault), &ids), OK);
        if (ids.n == 0)
            break;
        home_blob_free(&o);
        assert_int_equal(vault_object(A->vault, ids.p, &o), OK);
        assert_int_equal(vault_keep(B->vault, ids.p, bytes_of(o.p, o.n)), OK);
    }
    assert_int_equal(vault_join(B->vault, vault_now(A->vault), false, &m), ERR_STATE);
    assert_true(m.shrinks && m.removed == 2);
    assert_int_equal(vault_count(B->vault), 3);
    device_save(B);
    device_reopen(B);
    assert_int_equal(vault_count(B->vault), 3);
    m = pull(B, A);
    assert_true(m.took && m.shrinks);
    assert_int_equal(vault_count(B->vault), 1);
    assert_true(device_reads(B, vault_gone_find(B->vault, bytes_text("mail")), 1, "m1"));
}

static void a_state_that_just_lacks_items_takes_none_away(void **state)
{
    (void)state;
    /* What a thief pushes who begins anew with the key: C never had ours. */
    begin();
    device_add(C, "junk", "j");
    for (unsigned i = 0; i < 40; i++)
        device_edit(C, "junk", i % 2 == 0 ? "k" : "l");
    assert_true(vault_now(C->vault)->version > vault_now(A->vault)->version);
    struct vault_merge m = pull(A, C);
    assert_true(m.merged && m.removed == 0 && !m.shrinks);
    assert_int_equal(vault_count(A->vault), 4);
    assert_true(device_reads(A, device_find(A, "mail"), 0, "m1"));
    assert_true(vault_now(A->vault)->version > vault_now(C->vault)->version);
}

static void a_flood_over_all_items_is_asked_about(void **state)
{
    (void)state;
    struct vault_merge m = { 0 };
    begin();
    device_edit(A, "bank", "ours");
    device_edit(A, "mail", "ours too");
    /* Sixteen devices that do not exist write junk over every item. */
    for (unsigned i = 0; i < 20; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "j%u", i);
        B->day->me.device[0] = (uint8_t)(100 + i);
        device_reopen(B);
        device_edit(B, "bank", text);
        device_edit(B, "mail", text);
    }
    AUTO_BLOB struct home_blob ids = device_needs(B);
    for (size_t at = 0; at < ids.n; at += VAULT_ID) {
        AUTO_BLOB struct home_blob o = { 0 };
        assert_int_equal(vault_object(B->vault, ids.p + at, &o), OK);
        assert_int_equal(vault_keep(A->vault, ids.p + at, bytes_of(o.p, o.n)), OK);
    }
    assert_int_equal(vault_join(A->vault, vault_now(B->vault), false, &m), ERR_STATE);
    assert_true(m.shrinks && m.removed == 0);
    assert_true(device_reads(A, device_find(A, "bank"), 0, "ours"));
}

static void changes_not_saved_yet_are_joined_too(void **state)
{
    (void)state;
    struct vault_merge m = { 0 };
    begin();
    device_edit(A, "bank", "of A");
    assert_int_equal(device_try_edit(B, "mail", "of B"), OK);
    assert_int_equal(device_pull(B, A, &m), OK);
    assert_true(m.merged);
    device_save(B);
    device_reopen(B);
    assert_true(device_reads(B, device_find(B, "bank"), 0, "of A"));
    assert_true(device_reads(B, device_find(B, "mail"), 0, "of B"));
    assert_true(pull(A, B).took);
}

static void three_states_join_into_one(void **state)
{
    (void)state;
    struct vault_merge m = { 0 };
    begin();
    (void)pull(C, A);
    device_edit(A, "bank", "of A");
    device_edit(B, "mail", "of B");
    device_edit(C, "note", "of C");
    assert_int_equal(device_pull(A, B, &m), OK);
    assert_int_equal(device_pull(A, C, &m), OK);
    device_save(A);
    assert_int_equal(vault_now(A->vault)->n_parents, 3);
    assert_true(pull(B, A).took);
    assert_true(pull(C, A).took);
    assert_true(device_reads(C, device_find(C, "bank"), 0, "of A"));
    /* Taking one state and merging another, before any is saved. */
    device_edit(B, "bank", "more");
    device_edit(C, "mail", "more");
    assert_int_equal(device_pull(A, B, &m), OK);
    assert_true(m.took);
    assert_int_equal(device_pull(A, C, &m), OK);
    assert_true(m.merged);
    device_save(A);
    assert_true(pull(B, A).took);
    assert_true(pull(C, A).took);
    assert_true(same_state(B, C));
}

static void the_disk_fails_while_joining(void **state)
{
    (void)state;
    begin();
    device_edit(A, "bank", "of A");
    device_edit(B, "bank", "of B");
    for (unsigned n = 1; n < 200; n++) {
        struct vault_merge m = { 0 };
        size_t objects = 0;
        assert_int_equal(device_pull(B, A, &m), OK);
        fault_set(FAULT_ONCE, n, EIO);
        enum err e = vault_save(B->vault, NOW, &crypt_random);
        bool came = fault_end();
        device_reopen(B);
        assert_int_equal(vault_check(B->vault, &objects, B->what), OK);
        if (vault_now(B->vault)->n_parents == 2)
            return; /* joined */
        assert_true(came && e == ERR_IO);
        assert_true(device_reads(B, device_find(B, "bank"), 0, "of B"));
    }
    fail();
}

/* ---- whatever devices do ---- */

enum { HISTORIES = 100, STEPS = 40, NAMES = 6, WRITTEN = 400 };

/* Every content that was ever saved, on whatever device. */
struct model {
    uint64_t seed;
    unsigned n;
    char text[WRITTEN][16];
    char by[WRITTEN];
};

static void step_write(struct model *m, unsigned who)
{
    struct device *d = &dev[who];
    char name[8];
    (void)snprintf(name, sizeof name, "n%u", dice(&m->seed, NAMES));
    char *text = m->text[m->n];
    (void)snprintf(text, sizeof m->text[0], "c%u", m->n);
    m->n++;
    assert_true(m->n < WRITTEN);
    if (device_find(d, name) == NULL)
        device_add(d, name, text);
    else
        device_edit(d, name, text);
}

static void step_remove(struct model *m, unsigned who)
{
    struct device *d = &dev[who];
    if (vault_count(d->vault) == 0)
        return;
    const struct vault_item *i =
        vault_at(d->vault, dice(&m->seed, (uint32_t)vault_count(d->vault)));
    assert_int_equal(vault_remove(d->vault, i, NOW), OK);
    device_save(d);
}

/* A removed one comes back, or a present one goes back. */
static void step_revert(struct model *m, unsigned who)
{
    struct device *d = &dev[who];
    bool gone = vault_gone_count(d->vault) > 0 && dice(&m->seed, 2) == 0;
    size_t n = gone ? vault_gone_count(d->vault) : vault_count(d->vault);
    if (n == 0)
        return;
    size_t at = dice(&m->seed, (uint32_t)n);
    const struct vault_item *i =
        gone ? vault_gone_at(d->vault, at) : vault_at(d->vault, at);
    if (i->n_past == 0)
        return;
    enum err e = vault_revert(d->vault, i, 1 + dice(&m->seed, i->n_past), NOW);
    assert_true(e == OK || (gone && e == ERR_EXISTS));
    device_save(d);
}

static void step(struct model *m)
{
    unsigned who = dice(&m->seed, DEVICES);
    uint32_t what = dice(&m->seed, 10);
    if (what < 5)
        step_write(m, who);
    else if (what < 6)
        step_remove(m, who);
    else if (what < 7)
        step_revert(m, who);
    else
        (void)pull(&dev[who], &dev[(who + 1 + dice(&m->seed, DEVICES - 1)) % DEVICES]);
}

static bool item_has(struct device *d, const struct vault_item *i, const char *text)
{
    for (unsigned back = i->n_now > 0 ? 0 : 1; back <= i->n_past; back++) {
        if (device_reads(d, i, back, text))
            return true;
    }
    return false;
}

static bool vault_has_text(struct device *d, const char *text)
{
    for (size_t i = 0; i < vault_count(d->vault); i++) {
        if (item_has(d, vault_at(d->vault, i), text))
            return true;
    }
    for (size_t i = 0; i < vault_gone_count(d->vault); i++) {
        if (item_has(d, vault_gone_at(d->vault, i), text))
            return true;
    }
    return false;
}

static void names_are_unique(struct device *d)
{
    for (size_t i = 1; i < vault_count(d->vault); i++)
        assert_true(bytes_order(vault_at(d->vault, i - 1)->name,
                                vault_at(d->vault, i)->name) < 0);
}

/* Everybody pulls from everybody until nothing moves; returns after how many rounds. */
static unsigned settle(void)
{
    for (unsigned round = 1; round < 10; round++) {
        for (unsigned i = 0; i < DEVICES; i++)
            (void)pull(&dev[i], &dev[(i + 1) % DEVICES]);
        if (same_state(A, B) && same_state(B, C))
            return round;
    }
    fail();
    return 0;
}

static void history(uint64_t seed)
{
    struct model m = { .seed = seed };
    (void)devices(NULL);
    for (unsigned i = 0; i < STEPS; i++)
        step(&m);
    unsigned rounds = settle();
    if (rounds > 4)
        print_message("seed %llu took %u rounds\n", (unsigned long long)seed, rounds);
    names_are_unique(A);
    for (unsigned i = 0; i < m.n; i++) {
        if (!vault_has_text(A, m.text[i]))
            print_message("seed %llu lost %s\n", (unsigned long long)seed, m.text[i]);
        assert_true(vault_has_text(A, m.text[i]));
    }
    (void)no_devices(NULL);
}

static void histories_lose_nothing_and_end_as_one(void **state)
{
    (void)state;
    const char *one = getenv("KITH_SEED");
    if (one != NULL) {
        history(strtoull(one, NULL, 10));
        return;
    }
    uint64_t n = getenv("KITH_LONG") != NULL ? 30 * HISTORIES : HISTORIES;
    for (uint64_t seed = 1; seed <= n; seed++)
        history(seed);
}

int main(void)
{
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
#define CASE(f) cmocka_unit_test_setup_teardown(f, devices, no_devices)
    const struct CMUnitTest tests[] = {
        CASE(a_state_of_another_generation_is_refused),
        CASE(a_state_whose_pages_are_not_here_is_not_joined),
        CASE(what_is_older_changes_nothing),
        CASE(after_the_greatest_version_it_goes_on),
        CASE(theirs_is_taken_as_it_is),
        CASE(both_changes_are_kept),
        CASE(joined_on_both_sides_is_one),
        CASE(what_one_removed_and_the_other_changed_is_kept),
        CASE(two_items_of_one_name_get_two_names),
        CASE(a_name_is_cut_between_characters),
        CASE(a_lonely_change_outlasts_many),
        CASE(more_than_a_third_is_asked_about),
        CASE(a_state_that_just_lacks_items_takes_none_away),
        CASE(a_flood_over_all_items_is_asked_about),
        CASE(changes_not_saved_yet_are_joined_too),
        CASE(three_states_join_into_one),
        CASE(the_disk_fails_while_joining),
        cmocka_unit_test(histories_lose_nothing_and_end_as_one),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
