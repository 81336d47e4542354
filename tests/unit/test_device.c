/* SPDX-License-Identifier: Apache-2.0 */
/* What another machine is given: its own keys, no root for a helper, under a code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/device.h"

enum { NOW = 1800000000 };

static uint64_t fixed_now(void)
{
    return NOW;
}

static struct params params;
static struct day *mine;
static struct unlocked *root;

static void draw(void *p, size_t n)
{
    rng_fill(&crypt_random, p, n);
}

static void add_guardian(const char *name, unsigned kind)
{
    struct day_guardian *g = &mine->guardians[mine->n_guardians++];
    *g = (struct day_guardian){ .kind = (uint8_t)kind,
                                .progress = GUARDIAN_READY,
                                .n_node = kind == PIECE_NODE };
    g->name = day_keep(mine, bytes_text(name));
    draw(g->seat, SEAT_BYTES);
    draw(g->roster_token, sizeof g->roster_token);
    draw(g->node[0].node_key, PUB_BYTES);
    draw(g->token, sizeof g->token);
    draw(g->req_sign, KEY_BYTES);
    draw(g->req_seal, KEY_BYTES);
    guardian_new_device(g, &crypt_random);
}

static int up(void **state)
{
    struct home_blob none = { 0 };
    (void)state;
    (void)none;
    params = (struct params){ .now = fixed_now,
                              .rng = &crypt_random,
                              .cost = cost_minimum,
                              .home_cost = cost_minimum };
    mine = calloc(1, sizeof *mine);
    assert_non_null(mine);
    mine->me.name = day_keep(mine, bytes_text("Ana"));
    mine->me.device_name = day_keep(mine, bytes_text("laptop"));
    draw(mine->me.circle, ID_BYTES);
    draw(mine->me.owner, PUB_BYTES);
    draw(mine->me.guard_sign, PUB_BYTES);
    draw(mine->me.device, ID_BYTES);
    draw(mine->me.vault_key, KEY_BYTES);
    mine->me.vault_generation = 3;
    mine->me.fingerprint = day_keep(mine, bytes_text("one two three four"));
    mine->me.owner_tested = mine->me.watched = NOW;
    add_guardian("Ben", PIECE_NODE);
    add_guardian("a card", PIECE_CARD);
    add_guardian("Cy", PIECE_NODE);
    mine->n_seats = 1;
    mine->seats[0].progress = GUARDIAN_READY;
    mine->seats[0].n_node = 1;
    draw(mine->seats[0].stat, KEY_BYTES);
    mine->n_wards = 1;
    draw(mine->wards[0].seat, SEAT_BYTES);
    draw(mine->wards[0].ward, ID_BYTES);
    assert_int_equal(secret_new(&root), OK);
    draw(root->box.root, KEY_BYTES);
    memcpy(root->root.b, root->box.root, KEY_BYTES);
    root->box.n_epochs = 1;
    root->box.epochs[0].epoch = 7;
    draw(root->box.epochs[0].roster_key, KEY_BYTES);
    draw(root->box.epochs[0].manifest_key, KEY_BYTES);
    draw(root->box.epochs[0].manifest_hash, HASH_BYTES);
    return 0;
}

static int down(void **state)
{
    (void)state;
    day_free(mine);
    secret_free(root);
    return 0;
}

static bool has(struct bytes all, const void *part, size_t n)
{
    return memmem(all.p, all.n, part, n) != NULL;
}

/* Makes one and its file; the file must not outlive the test. */
static void made(enum device_kind kind, const char *name, struct spoken_code *code,
                 struct day **day, struct day_device **entry, struct home_blob *file)
{
    assert_int_equal(
        device_new(mine, bytes_text(name), kind, &root->root, &params, day, entry), OK);
    draw(code->b, sizeof code->b);
    assert_int_equal(
        device_pack(*day, kind == DEVICE_FULL ? root : NULL, code, &params, file), OK);
}

static void test_helper(void **state)
{
    AUTO_DAY struct day *day = NULL;
    AUTO_BLOB struct home_blob file = { 0 };
    AUTO_SECRET struct spoken_code *code = NULL;
    struct device_given g = { 0 };
    struct day_device *e = NULL;
    static const uint8_t zero[64];
    (void)state;
    assert_int_equal(secret_new(&code), OK);
    made(DEVICE_HELPER, "desk", code, &day, &e, &file);
    struct bytes all = bytes_of(file.p, file.n);
    assert_false(has(all, "Ben", 3));
    assert_false(has(all, mine->me.vault_key, KEY_BYTES));
    assert_int_equal(device_unpack(all, code, NOW, &g), OK);
    assert_null(g.box);
    const struct day *d = g.day;
    assert_int_equal(d->me.helper, 1);
    assert_memory_equal(d->me.vault_key, mine->me.vault_key, KEY_BYTES);
    assert_memory_equal(d->me.owner, mine->me.owner, PUB_BYTES);
    assert_memory_not_equal(d->me.device, mine->me.device, ID_BYTES);
    assert_memory_equal(d->me.guard_sign, zero, PUB_BYTES);
    assert_int_equal(d->me.owner_tested, 0);
    assert_int_equal(d->n_seats + d->n_wards + d->n_invites + d->n_formers, 0);
    assert_int_equal(d->n_guardians, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct day_guardian *a = &mine->guardians[i];
        const struct day_guardian *b = &d->guardians[i];
        assert_memory_equal(a->seat, b->seat, SEAT_BYTES);
        assert_memory_not_equal(a->dev_static, b->dev_static, KEY_BYTES);
        assert_memory_not_equal(a->dev_psk, b->dev_psk, KEY_BYTES);
        assert_memory_not_equal(a->dev_sign, b->dev_sign, KEY_BYTES);
        assert_memory_not_equal(a->op_device, b->op_device, ID_BYTES);
        assert_memory_equal(b->roster_token, zero, sizeof b->roster_token);
        assert_memory_equal(b->req_sign, zero, KEY_BYTES);
        assert_memory_equal(b->req_seal, zero, KEY_BYTES);
        assert_memory_equal(b->token, zero, TOKEN_BYTES);
    }
    device_given_done(&g);
}

/* What this machine keeps of the other, and the other of this one. */
static void test_entries(void **state)
{
    AUTO_DAY struct day *day = NULL;
    AUTO_BLOB struct home_blob file = { 0 };
    AUTO_BLOB struct home_blob again = { 0 };
    AUTO_DAY struct day *back = NULL;
    AUTO_SECRET struct spoken_code *code = NULL;
    struct day_device *e = NULL;
    (void)state;
    assert_int_equal(secret_new(&code), OK);
    made(DEVICE_HELPER, "Desk", code, &day, &e, &file);
    assert_ptr_equal(device_find(mine, bytes_text("desk")), e);
    assert_null(device_find(mine, bytes_text("des")));
    assert_int_equal(e->since, NOW);
    assert_int_equal(e->n_at, 2); /* a card has no node */
    assert_int_equal(device_left(e), 2);
    assert_memory_equal(e->id, day->me.device, ID_BYTES);
    assert_memory_equal(e->at[0].cred, day->guardians[0].op_device, ID_BYTES);
    assert_int_equal(day->n_devices, 1);
    assert_int_equal(day->devices[0].full, 1);
    assert_memory_equal(day->devices[0].id, mine->me.device, ID_BYTES);
    assert_memory_equal(day->devices[0].at[1].cred, mine->guardians[2].op_device,
                        ID_BYTES);
    e->at[0].state = DEVICE_IN;
    assert_int_equal(day_encode(mine, &again), OK);
    assert_int_equal(day_decode(bytes_of(again.p, again.n), &back), OK);
    assert_int_equal(back->n_devices, 1);
    assert_int_equal(back->devices[0].n_at, 2);
    assert_int_equal(back->devices[0].at[0].state, DEVICE_IN);
    e->removed = NOW;
    assert_null(device_find(mine, bytes_text("desk")));
    e->at[0].state = e->at[1].state = DEVICE_OUT;
    assert_int_equal(device_left(e), 0);
}

static void test_full(void **state)
{
    AUTO_DAY struct day *day = NULL;
    AUTO_BLOB struct home_blob file = { 0 };
    AUTO_SECRET struct spoken_code *code = NULL;
    struct device_given g = { 0 };
    struct day_device *e = NULL;
    (void)state;
    assert_int_equal(secret_new(&code), OK);
    made(DEVICE_FULL, "tower", code, &day, &e, &file);
    assert_int_equal(e->full, 1);
    assert_false(has(bytes_of(file.p, file.n), root->root.b, KEY_BYTES));
    assert_int_equal(device_unpack(bytes_of(file.p, file.n), code, NOW, &g), OK);
    assert_int_equal(g.day->me.helper, 0);
    assert_memory_equal(g.day->guardians[0].roster_token, mine->guardians[0].roster_token,
                        32);
    assert_non_null(g.box);
    assert_memory_equal(g.box, &root->box, sizeof root->box);
    device_given_done(&g);
}

/* Another code, and each byte changed: nothing is taken. */
static void test_wrong_files(void **state)
{
    AUTO_DAY struct day *day = NULL;
    AUTO_BLOB struct home_blob file = { 0 };
    AUTO_SECRET struct spoken_code *code = NULL;
    struct device_given g = { 0 };
    struct day_device *e = NULL;
    (void)state;
    assert_int_equal(secret_new(&code), OK);
    made(DEVICE_FULL, "tower", code, &day, &e, &file);
    code->b[3] ^= 1;
    assert_int_equal(device_unpack(bytes_of(file.p, file.n), code, NOW, &g),
                     ERR_PASSPHRASE);
    code->b[3] ^= 1;
    for (size_t i = 0; i < file.n; i += 97) {
        file.p[i] ^= 1;
        assert_int_not_equal(device_unpack(bytes_of(file.p, file.n), code, NOW, &g), OK);
        file.p[i] ^= 1;
    }
    for (size_t n = 0; n < file.n; n += 211)
        assert_int_not_equal(device_unpack(bytes_of(file.p, n), code, NOW, &g), OK);
    assert_null(g.day);
    assert_null(g.box);
    assert_int_equal(device_unpack(bytes_of(file.p, file.n), code, NOW, &g), OK);
    device_given_done(&g);
}

/* One that is out everywhere makes room; one that may still be in does not. */
static void test_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < DAY_DEVICES; i++) {
        AUTO_DAY struct day *day = NULL;
        struct day_device *e = NULL;
        char name[16];
        (void)snprintf(name, sizeof name, "m%zu", i);
        assert_int_equal(device_new(mine, bytes_text(name), DEVICE_HELPER, &root->root,
                                    &params, &day, &e),
                         OK);
    }
    assert_int_equal(device_room(mine), ERR_FULL);
    mine->devices[4].removed = NOW;
    assert_int_equal(device_room(mine), ERR_FULL);
    mine->devices[4].at[0].state = mine->devices[4].at[1].state = DEVICE_OUT;
    assert_int_equal(device_room(mine), OK);
    assert_int_equal(mine->n_devices, DAY_DEVICES - 1);
    assert_true(bytes_equal(mine->devices[4].name, bytes_text("m5")));
}

static void signed_by(const struct day_guardian *g, uint64_t version,
                      struct vault_head *out)
{
    struct sign_seed *sign = NULL;
    assert_int_equal(secret_new(&sign), OK);
    memcpy(sign->b, g->dev_sign, KEY_BYTES);
    *out = (struct vault_head){ .version = version };
    crypt_sign_public(sign, out->signer);
    memcpy(out->let_in, g->dev_let_in, SIG_BYTES);
    secret_free(sign);
}

/* The new machine carries the root's word, at each seat another; a card has none. */
static void test_it_is_let_in(void **state)
{
    AUTO_DAY struct day *day = NULL;
    struct day_device *e = NULL;
    struct vault_head h = { 0 };
    static const uint8_t zero[PUB_BYTES];
    (void)state;
    assert_int_equal(device_new(mine, bytes_text("desk"), DEVICE_HELPER, &root->root,
                                &params, &day, &e),
                     OK);
    struct day_guardian *ben = &mine->guardians[0];
    struct day_guardian *cy = &mine->guardians[2];
    assert_int_equal(guardian_let_in(ben, &root->root), OK);
    assert_int_equal(guardian_let_in(cy, &root->root), OK);
    signed_by(&day->guardians[0], 5, &h);
    assert_int_equal(vault_head_signer(&h, cy->account), ERR_SIGNATURE);
    assert_int_equal(vault_head_signer(&h, ben->account), OK);
    assert_memory_equal(day->guardians[0].account, ben->account, PUB_BYTES);
    assert_memory_not_equal(day->guardians[0].dev_let_in, ben->dev_let_in, SIG_BYTES);
    assert_memory_equal(day->guardians[1].account, zero, PUB_BYTES);
}

/* What a machine signed before it was taken out stays its owner's. */
static void test_it_was_out(void **state)
{
    AUTO_DAY struct day *day = NULL;
    struct day_device *e = NULL;
    struct vault_head h = { 0 };
    (void)state;
    assert_int_equal(device_new(mine, bytes_text("desk"), DEVICE_HELPER, &root->root,
                                &params, &day, &e),
                     OK);
    const struct day_guardian *ben = &mine->guardians[0];
    signed_by(&day->guardians[0], 5, &h);
    assert_false(guardian_was_out(mine, ben->seat, &h));
    e->at[0].state = DEVICE_OUT;
    e->at[0].until = 5;
    assert_false(guardian_was_out(mine, ben->seat, &h));
    h.version = 6;
    assert_true(guardian_was_out(mine, ben->seat, &h));
    assert_false(guardian_was_out(mine, mine->guardians[2].seat, &h));
    signed_by(ben, 6, &h); /* this machine's own */
    assert_false(guardian_was_out(mine, ben->seat, &h));
}

/* ---- a file that was found later ---- */

static void test_an_old_file(void **state)
{
    AUTO_DAY struct day *day = NULL;
    AUTO_SECRET struct spoken_code *code = NULL;
    AUTO_BLOB struct home_blob file = { 0 };
    struct device_given g = { 0 };
    struct day_device *e = NULL;
    (void)state;
    assert_int_equal(secret_new(&code), OK);
    made(DEVICE_HELPER, "desk", code, &day, &e, &file);
    struct bytes all = bytes_of(file.p, file.n);
    assert_int_equal(device_unpack(all, code, NOW + DEVICE_FILE_S, &g), ERR_EXPIRED);
    assert_null(g.day);
    assert_int_equal(device_unpack(all, code, NOW + DEVICE_FILE_S - 1, &g), OK);
    assert_int_equal(g.day->me.device_until, 0);
    device_given_done(&g);
}

/* A new root shuts all of them out, and their names are free again. */
static void test_after_a_new_root(void **state)
{
    AUTO_DAY struct day *day = NULL;
    AUTO_DAY struct day *later = NULL;
    struct day_device *e = NULL;
    (void)state;
    assert_int_equal(
        device_new(mine, bytes_text("desk"), DEVICE_FULL, &root->root, &params, &day, &e),
        OK);
    device_settle(mine);
    assert_non_null(device_find(mine, bytes_text("desk")));
    mine->me.moved = NOW + 1;
    /* One node refused the new root: by the old one it may still be let in there. */
    for (size_t i = 0; i < mine->n_guardians; i++)
        mine->guardians[i].progress = i == 0 ? GUARDIAN_ENROLLED : GUARDIAN_READY;
    device_settle(mine);
    assert_null(device_find(mine, bytes_text("desk")));
    assert_int_equal(device_left(e), 1);
    mine->guardians[0].progress = GUARDIAN_READY;
    device_settle(mine);
    assert_int_equal(device_left(e), 0);
    mine->me.moved = NOW - 1;
    assert_int_equal(device_new(mine, bytes_text("desk"), DEVICE_FULL, &root->root,
                                &params, &later, &e),
                     OK);
    device_settle(mine);
    assert_ptr_equal(device_find(mine, bytes_text("desk")), e);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_helper),       CASE(test_entries),     CASE(test_full),
        CASE(test_wrong_files),  CASE(test_an_old_file), CASE(test_room),
        CASE(test_it_is_let_in), CASE(test_it_was_out),  CASE(test_after_a_new_root),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
