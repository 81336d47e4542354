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

#define CASE(f) cmocka_unit_test_setup_teardown(f, one_device, no_device)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_owns_no_seat),
        CASE(each_root_is_found_by_its_seat),
        CASE(a_damaged_one_is_passed_over),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
