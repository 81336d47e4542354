/* SPDX-License-Identifier: Apache-2.0 */
/* A newer head excuses a node only if a device of ours made it and what is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/check_part.h"
#include "proto/vault.h"

enum { SHOWN = 9, KNOWN = 4 };

struct world {
    struct day *d;
    struct day_guardian g;
    struct sign_seed account;
    struct sign_seed device; /* of another machine of ours */
    uint8_t raw[VAULT_HEAD_MAX];
    size_t n;
};

/* A head around a state of that version, sealed under that key, by whoever signs. */
static void head_of(struct world *w, uint64_t state, const uint8_t by[KEY_BYTES],
                    const struct sign_seed *signer)
{
    uint8_t body[VAULT_BODY_MAX];
    struct buf b = BUF_OF(body);
    struct buf out = BUF_OF(w->raw);
    struct vault_state s = {
        .generation = 1, .version = state, .made = 1, .device_name = bytes_text("laptop")
    };
    struct vault_head h = { .version = SHOWN };
    struct vault_key *key = NULL;
    struct vault_keys *keys = NULL;

    assert_int_equal(secret_new(&key), OK);
    assert_int_equal(secret_new(&keys), OK);
    memcpy(key->b, by, KEY_BYTES);
    vault_keys_of(key, keys);
    vault_state_seal(keys, &s, w->g.ward, &crypt_random, &b);
    assert_false(b.over);
    memcpy(h.ward, w->g.ward, ID_BYTES);
    h.body = buf_bytes(&b);
    crypt_sign_public(signer, h.signer);
    vault_signer_make(&w->account, w->d->devices[0].at[0].sign, h.let_in);
    vault_head_make(&h, signer, &out);
    assert_false(out.over);
    w->n = out.n;
    secret_free(key);
    secret_free(keys);
}

/* By another machine of ours. */
static void head(struct world *w, uint64_t state, const uint8_t by[KEY_BYTES])
{
    head_of(w, state, by, &w->device);
}

static enum check_head judged(const struct world *w, uint64_t version)
{
    return check_head_judge(w->d, &w->g, version, bytes_of(w->raw, w->n), KNOWN);
}

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->d = calloc(1, sizeof *w->d);
    assert_non_null(w->d);
    memset(w->g.ward, 5, ID_BYTES);
    rng_fill(&crypt_random, w->d->me.vault_key, KEY_BYTES);
    w->d->me.vault_generation = 1;
    rng_fill(&crypt_random, w->account.b, sizeof w->account.b);
    rng_fill(&crypt_random, w->device.b, sizeof w->device.b);
    crypt_sign_public(&w->account, w->g.account);
    w->d->n_devices = 1;
    w->d->devices[0].n_at = 1;
    w->d->devices[0].at[0].state = DEVICE_IN;
    crypt_sign_public(&w->device, w->d->devices[0].at[0].sign);
    *state = w;
    return 0;
}

static int down(void **state)
{
    struct world *w = *state;

    day_free(w->d);
    free(w);
    return 0;
}

static void a_node_s_own_head_is_strange(void **state)
{
    struct world *w = *state;
    uint8_t other[KEY_BYTES] = { 1 };

    assert_int_equal(judged(w, SHOWN), HEAD_STRANGE); /* nothing at all */
    head(w, KNOWN + 1, other);
    assert_int_equal(judged(w, SHOWN), HEAD_STRANGE);
    head(w, KNOWN + 1, w->d->me.vault_key);
    assert_int_equal(judged(w, SHOWN + 1), HEAD_STRANGE);
    w->g.ward[0] ^= 1;
    assert_int_equal(judged(w, SHOWN), HEAD_STRANGE);
}

/* What it was given once, in a head that it signed itself. */
static void an_old_state_in_a_new_head_is_no_newer(void **state)
{
    struct world *w = *state;

    head(w, KNOWN, w->d->me.vault_key);
    assert_int_equal(judged(w, SHOWN), HEAD_SAME);
}

static void another_device_s_is_newer(void **state)
{
    struct world *w = *state;

    head(w, KNOWN + 1, w->d->me.vault_key);
    assert_int_equal(judged(w, SHOWN), HEAD_NEWER);
}

/* What is in it is ours; who signed it is not, whatever it carries. */
static void a_stranger_s_is_strange(void **state)
{
    struct world *w = *state;
    struct sign_seed own = { .b = { 7 } };

    head_of(w, KNOWN + 1, w->d->me.vault_key, &own);
    assert_int_equal(judged(w, SHOWN), HEAD_STRANGE);
    head_of(w, KNOWN + 1, w->d->me.vault_key, &w->account);
    assert_int_equal(judged(w, SHOWN), HEAD_NEWER);
    crypt_sign_public(&own, w->g.account); /* of another root */
    assert_int_equal(judged(w, SHOWN), HEAD_STRANGE);
}

static void a_removed_device_s_is_strange_from_then_on(void **state)
{
    struct world *w = *state;
    struct day_device_at *at = &w->d->devices[0].at[0];

    head(w, KNOWN + 1, w->d->me.vault_key);
    at->state = DEVICE_OUT;
    at->until = SHOWN;
    assert_int_equal(judged(w, SHOWN), HEAD_NEWER); /* it was in when that was made */
    at->until = SHOWN - 1;
    assert_int_equal(judged(w, SHOWN), HEAD_STRANGE);
    at->seat[0] ^= 1; /* taken out elsewhere */
    assert_int_equal(judged(w, SHOWN), HEAD_NEWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stranger_s_is_strange, up, down),
        cmocka_unit_test_setup_teardown(a_removed_device_s_is_strange_from_then_on, up,
                                        down),
        cmocka_unit_test_setup_teardown(a_node_s_own_head_is_strange, up, down),
        cmocka_unit_test_setup_teardown(an_old_state_in_a_new_head_is_no_newer, up, down),
        cmocka_unit_test_setup_teardown(another_device_s_is_newer, up, down),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
