/* SPDX-License-Identifier: Apache-2.0 */
/* A newer head excuses a node only if a device of ours made what is in it. */
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
    uint8_t ward[ID_BYTES];
    uint8_t raw[VAULT_HEAD_MAX];
    size_t n;
};

/* A head around a state of that version, sealed under the vault key or another one. */
static void head(struct world *w, uint64_t state, const uint8_t by[KEY_BYTES])
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
    struct sign_seed signer;

    assert_int_equal(secret_new(&key), OK);
    assert_int_equal(secret_new(&keys), OK);
    memcpy(key->b, by, KEY_BYTES);
    vault_keys_of(key, keys);
    vault_state_seal(keys, &s, w->ward, &crypt_random, &b);
    assert_false(b.over);
    memcpy(h.ward, w->ward, ID_BYTES);
    h.body = buf_bytes(&b);
    rng_fill(&crypt_random, signer.b, sizeof signer.b);
    crypt_sign_public(&signer, h.signer);
    vault_head_make(&h, &signer, &out);
    assert_false(out.over);
    w->n = out.n;
    secret_free(key);
    secret_free(keys);
}

static enum check_head judged(const struct world *w, uint64_t version)
{
    return check_head_judge(w->d, w->ward, version, bytes_of(w->raw, w->n), KNOWN);
}

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->d = calloc(1, sizeof *w->d);
    assert_non_null(w->d);
    memset(w->ward, 5, ID_BYTES);
    rng_fill(&crypt_random, w->d->me.vault_key, KEY_BYTES);
    w->d->me.vault_generation = 1;
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
    w->ward[0] ^= 1;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
