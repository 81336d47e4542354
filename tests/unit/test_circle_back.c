/* SPDX-License-Identifier: Apache-2.0 */
/* What a restored circle believes of what nodes showed beside the pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/ceremony_restore_part.h"
#include "client/circle_back.h"
#include "tests/unit/circle.h"

enum { NOW = 1800000000 };

static uint64_t now(void)
{
    return NOW;
}

/* Epoch 3 was found; epoch 2 came beside it. */
struct world {
    struct root_key *root;
    struct root_key *other;
    struct circle found;
    struct circle past;
    struct restore *r;
    struct day *d;
    struct params p;
    uint8_t cert[CERT_PEOPLE_MAX];
    uint8_t said[3][SIGNED_MAX];
};

static const struct manifest_group GROUP = { .t = 2, .n = 3 };

static void give(struct world *w, size_t entry, const struct circle *c)
{
    struct restore_entry *e = &w->r->entries[entry];
    struct restore_piece *p = &e->pieces[e->n_pieces++];

    p->epoch = c->m.epoch;
    memcpy(p->manifest_hash, c->hash, HASH_BYTES);
    p->manifest = bytes_of(c->raw, c->raw_n);
}

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->r = calloc(1, sizeof *w->r);
    assert_non_null(w->r);
    assert_int_equal(secret_new(&w->root), OK);
    assert_int_equal(secret_new(&w->other), OK);
    w->d = calloc(1, sizeof *w->d);
    assert_non_null(w->d);
    rng_fill(&crypt_random, w->root->b, KEY_BYTES);
    rng_fill(&crypt_random, w->other->b, KEY_BYTES);
    circle_make(&w->past, w->root, 2, &GROUP, 1, 1);
    memcpy(w->found.approvals, w->past.approvals, sizeof w->found.approvals);
    circle_make(&w->found, w->root, 3, &GROUP, 1, 1);
    memcpy(w->r->head.manifest_hash, w->found.hash, HASH_BYTES);
    w->r->n = 3;
    give(w, 0, &w->found);
    w->p = (struct params){ .now = now, .rng = &crypt_random };
    *state = w;
    return 0;
}

static int down(void **state)
{
    struct world *w = *state;

    secret_free(w->root);
    secret_free(w->other);
    day_free(w->d);
    restore_free(w->r);
    free(w);
    return 0;
}

static void back(struct world *w)
{
    size_t missing = 0;

    assert_int_equal(circle_back(w->r, &w->p, w->d, &missing), OK);
}

/* A certificate of epoch 3 by the first n people of epoch 2. */
static struct bytes people(struct world *w, size_t n)
{
    struct cert *c = calloc(1, sizeof *c);
    struct buf out = BUF_OF(w->cert);
    struct statement s = { .kind = REQUEST_CONFIRM,
                           .purpose = PURPOSE_EPOCH,
                           .n_epochs = 1,
                           .how = HOW_CALLED,
                           .time = NOW };

    assert_non_null(c);
    memcpy(s.subject, w->found.hash, HASH_BYTES);
    s.epochs[0] = (struct statement_epoch){ .epoch = 3, .opened = 1 };
    memcpy(s.epochs[0].manifest_hash, w->found.hash, HASH_BYTES);
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_OF(w->said[i]);

        statement_make(&s, &w->past.approvals[i], &b);
        c->lines[c->n_lines++].statement = buf_bytes(&b);
    }
    cert_put(c, &out);
    assert_false(out.over);
    free(c);
    return buf_bytes(&out);
}

static void show(struct world *w, struct bytes raw)
{
    struct restore_proof *p = &w->r->proofs[w->r->n_proofs++];

    *p = (struct restore_proof){ .kind = EPOCH_WANT_CERT, .epoch = 3, .raw = raw };
    memcpy(p->manifest_hash, w->found.hash, HASH_BYTES);
}

static void a_stranger_s_past_is_none(void **state)
{
    struct world *w = *state;

    circle_make(&w->past, w->other, 2, &GROUP, 1, 1);
    give(w, 1, &w->past);
    back(w);
    assert_int_equal(w->d->me.epoch, 3);
    assert_int_equal(w->d->n_past, 0);
}

static void the_own_past_is_kept(void **state)
{
    struct world *w = *state;

    give(w, 1, &w->past);
    back(w);
    assert_int_equal(w->d->n_past, 1);
    assert_int_equal(w->d->past[0].epoch, 2);
}

static void what_a_node_calls_a_certificate_is_judged(void **state)
{
    struct world *w = *state;

    give(w, 1, &w->past);
    show(w, bytes_text("people said so, believe me"));
    show(w, people(w, 1));
    back(w);
    assert_int_equal(w->d->me.cert_epoch, 0);
}

static void of_another_manifest_it_is_none(void **state)
{
    struct world *w = *state;

    show(w, people(w, 2));
    w->r->proofs[0].manifest_hash[0] ^= 1;
    back(w);
    assert_int_equal(w->d->me.cert_epoch, 0);
}

static void a_lie_does_not_hide_the_truth(void **state)
{
    struct world *w = *state;

    give(w, 1, &w->past);
    show(w, bytes_text("people said so, believe me"));
    show(w, people(w, 2));
    back(w);
    assert_int_equal(w->d->me.cert_epoch, 3);
    assert_memory_equal(w->d->me.cert_hash, w->found.hash, HASH_BYTES);
    assert_memory_equal(w->d->me.cert.p, w->cert, w->d->me.cert.n);
}

/* A node that cuts the line is asked again: it gets the room of one. */
static void one_proof_of_a_kind_from_each(void **state)
{
    struct world *w = *state;
    uint8_t raw[8] = { 0 };
    struct rep_epoch_state rep = { .proof = BYTES_OF(raw) };

    for (size_t i = 0; i < RESTORE_PROOFS; i++) {
        raw[0] = (uint8_t)i;
        assert_int_equal(
            restore_take_proof(w->r, &w->r->entries[0], EPOCH_WANT_MOVE, &rep), OK);
    }
    assert_int_equal(w->r->n_proofs, 1);
    raw[0] = 0xff;
    assert_int_equal(restore_take_proof(w->r, &w->r->entries[1], EPOCH_WANT_MOVE, &rep),
                     OK);
    assert_int_equal(w->r->n_proofs, 2);
    assert_memory_equal(w->r->proofs[1].raw.p, raw, sizeof raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stranger_s_past_is_none, up, down),
        cmocka_unit_test_setup_teardown(the_own_past_is_kept, up, down),
        cmocka_unit_test_setup_teardown(what_a_node_calls_a_certificate_is_judged, up,
                                        down),
        cmocka_unit_test_setup_teardown(of_another_manifest_it_is_none, up, down),
        cmocka_unit_test_setup_teardown(a_lie_does_not_hide_the_truth, up, down),
        cmocka_unit_test_setup_teardown(one_proof_of_a_kind_from_each, up, down),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
