/* SPDX-License-Identifier: Apache-2.0 */
/* Former roots as items of the vault: which of them owns a guardian's seat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/vault_former.h"

#include "vault_home.h"

static struct device a;
static const uint8_t node[PUB_BYTES] = { 7, 7, 7 };

static int one_device(void **state)
{
    (void)state;
    device_new(&a, 0);
    assert_int_equal(device_open(&a, VAULT_WHOLE), OK);
    return 0;
}

static int no_device(void **state)
{
    (void)state;
    device_end(&a);
    return 0;
}

static void root_of(uint8_t fill, struct root_key **out)
{
    assert_int_equal(secret_new(out), OK);
    memset((*out)->b, fill, KEY_BYTES);
}

static void seat_of(const struct root_key *root, uint8_t out[SEAT_BYTES])
{
    uint8_t fp[FP_BYTES];

    assert_int_equal(ident_root_fingerprint(root, fp), OK);
    ident_seat_id(node, fp, out);
}

static void keep(const struct root_key *root, uint64_t until)
{
    assert_int_equal(former_keep(a.vault, until, root->b, NOW, &crypt_random), OK);
}

static void add_key(const char *name, const char *text)
{
    const struct bytes content = bytes_text(text);
    const struct vault_change c = { .name = bytes_text(name),
                                    .type = VAULT_KEY,
                                    .content = &content };

    assert_int_equal(vault_add(a.vault, &c, NOW, &crypt_random), OK);
    device_save(&a);
}

/* Keys of other kinds, and another root's, own no seat; out is untouched. */
static void what_owns_no_seat(void **state)
{
    (void)state;
    AUTO_SECRET struct root_key *mine = NULL;
    AUTO_SECRET struct root_key *other = NULL;
    AUTO_SECRET struct root_key *got = NULL;
    uint8_t seat[SEAT_BYTES];

    root_of(1, &mine);
    root_of(2, &other);
    root_of(9, &got);
    seat_of(mine, seat);
    assert_int_equal(former_of_seat(a.vault, node, seat, got), ERR_UNKNOWN);
    add_key("short", "abcd");
    add_key("no hex", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
                      "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
    device_add(&a, "a note",
               "01010101010101010101010101010101"
               "01010101010101010101010101010101");
    keep(other, NOW);
    assert_int_equal(former_of_seat(a.vault, node, seat, got), ERR_UNKNOWN);
    for (size_t i = 0; i < KEY_BYTES; i++)
        assert_int_equal(got->b[i], 9);
    /* Its own root at another node neither. */
    keep(mine, NOW + 1);
    static const uint8_t elsewhere[PUB_BYTES] = { 8 };
    assert_int_equal(former_of_seat(a.vault, elsewhere, seat, got), ERR_UNKNOWN);
}

/* Each of two roots is found, after the vault was closed, and whatever its name is. */
static void each_root_is_found_by_its_seat(void **state)
{
    (void)state;
    AUTO_SECRET struct root_key *first = NULL;
    AUTO_SECRET struct root_key *second = NULL;
    AUTO_SECRET struct root_key *got = NULL;
    uint8_t seat[SEAT_BYTES];

    root_of(1, &first);
    root_of(2, &second);
    root_of(0, &got);
    keep(first, NOW);
    keep(first, NOW); /* once */
    keep(second, NOW + 1);
    assert_int_equal(vault_count(a.vault), 2);
    const struct vault_item *item = vault_at(a.vault, 0);
    const struct vault_change renamed = { .name = bytes_text("what Ben had"),
                                          .type = item->type };
    assert_int_equal(vault_edit(a.vault, item, &renamed, NOW + 2), OK);
    device_save(&a);
    device_reopen(&a);
    seat_of(first, seat);
    assert_int_equal(former_of_seat(a.vault, node, seat, got), OK);
    assert_true(bytes_equal(BYTES_OF(got->b), BYTES_OF(first->b)));
    seat_of(second, seat);
    assert_int_equal(former_of_seat(a.vault, node, seat, got), OK);
    assert_true(bytes_equal(BYTES_OF(got->b), BYTES_OF(second->b)));
}

static void keep_at(const struct root_key *root, uint64_t until, uint64_t moved)
{
    assert_int_equal(former_keep(a.vault, until, root->b, moved, &crypt_random), OK);
}

/* When the newest of them came, from the vault alone: what is older may have been read.
 */
static void the_newest_says_when_its_root_went(void **state)
{
    (void)state;
    AUTO_SECRET struct root_key *root = NULL;

    root_of(1, &root);
    assert_int_equal(former_newest(a.vault, NOW + 9), 0);
    add_key("Another key until ", "0101010101010101010101010101010101010101"
                                  "010101010101010101010101");
    device_add(&a, "Root key until I say", "a password");
    assert_int_equal(former_newest(a.vault, NOW + 9), 0);
    keep_at(root, NOW, NOW + 5);
    keep_at(root, NOW - 20, NOW - 10);
    device_reopen(&a);
    assert_int_equal(former_newest(a.vault, NOW + 9), NOW + 5);
    /* A new text is no new root. */
    const struct vault_item *item = vault_find(a.vault, vault_at(a.vault, 2)->name);
    assert_true(vault_is_former(item));
    const struct vault_change hint = { .name = item->name,
                                       .type = VAULT_KEY,
                                       .hint = bytes_text("in the drawer") };
    assert_int_equal(vault_edit(a.vault, item, &hint, NOW + 8), OK);
    assert_int_equal(former_newest(a.vault, NOW + 9), NOW + 5);
    /* Never later than now: what is added after would be marked. */
    assert_int_equal(former_newest(a.vault, NOW + 1), NOW + 1);
}

/* A damaged item hides no other. */
static void a_damaged_one_is_passed_over(void **state)
{
    (void)state;
    AUTO_SECRET struct root_key *bad = NULL;
    AUTO_SECRET struct root_key *good = NULL;
    AUTO_SECRET struct root_key *got = NULL;
    uint8_t seat[SEAT_BYTES];
    char file[300];

    root_of(1, &bad);
    root_of(2, &good);
    root_of(0, &got);
    keep(bad, NOW);
    keep(good, NOW + 1);
    device_file(&a, vault_at(a.vault, 0)->now[0].root, file);
    assert_int_equal(unlink(file), 0);
    seat_of(bad, seat);
    assert_int_equal(former_of_seat(a.vault, node, seat, got), ERR_UNKNOWN);
    seat_of(good, seat);
    assert_int_equal(former_of_seat(a.vault, node, seat, got), OK);
    assert_true(bytes_equal(BYTES_OF(got->b), BYTES_OF(good->b)));
}

static bool listed(const struct root_key *root)
{
    uint8_t fp[FP_BYTES];

    assert_int_equal(ident_root_fingerprint(root, fp), OK);
    return former_is_listed(a.vault, fp);
}

/* Which of two roots is here is told by labels, and by whether the content is here. */
static void its_label_says_whose_it_is(void **state)
{
    (void)state;
    AUTO_SECRET struct root_key *first = NULL;
    AUTO_SECRET struct root_key *second = NULL;
    char file[300];

    root_of(1, &first);
    root_of(2, &second);
    assert_false(listed(first));
    add_key("short", "abcd");
    device_add(&a, "a password",
               "01010101010101010101010101010101"
               "01010101010101010101010101010101");
    assert_false(listed(first));
    keep(first, NOW);
    assert_true(listed(first));
    assert_false(listed(second));
    keep(second, NOW + 1);
    assert_true(listed(second));
    device_reopen(&a);
    assert_true(listed(first) && listed(second));
    assert_int_equal(vault_remove(a.vault, vault_at(a.vault, 0), NOW), OK);
    device_save(&a);
    assert_false(listed(first));
    assert_true(listed(second));
    device_file(&a, vault_at(a.vault, 0)->now[0].root, file);
    assert_int_equal(unlink(file), 0);
    assert_false(listed(second));
}

/* A person put it here, or changed its hint: it may be any of them. */
static void a_label_that_names_nobody_may_be_any(void **state)
{
    (void)state;
    AUTO_SECRET struct root_key *root = NULL;

    root_of(1, &root);
    add_key("what Ben had", "0202020202020202020202020202020202020202"
                            "020202020202020202020202");
    assert_true(listed(root));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, one_device, no_device)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_owns_no_seat),
        CASE(each_root_is_found_by_its_seat),
        CASE(the_newest_says_when_its_root_went),
        CASE(a_damaged_one_is_passed_over),
        CASE(its_label_says_whose_it_is),
        CASE(a_label_that_names_nobody_may_be_any),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
