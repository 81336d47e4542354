/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a circle against the real handlers behind a socket: words, wait, receipt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/ceremony_change.h"
#include "client/ceremony_end.h"
#include "tests/sim/live.h"

enum { DAY = 86400, ANSWER_FIRST = 3 };

static uint64_t now_;

static uint64_t clock_now(void)
{
    return now_;
}

static const struct params params = {
    .now = clock_now,
    .rng = &crypt_random,
    .cost = { .mem = 8192, .passes = 1 },
    .home_cost = { .mem = 8192, .passes = 1 },
    .round_ms = 5000,
};

struct world {
    struct live *live;
    struct root_key *root;
    struct day *d;
    struct day_guardian *g;
    struct guardian_talk talk;
    struct end_told told[DAY_GUARDIANS];
    size_t n;
};

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    AUTO_SECRET struct sign_seed *owner = NULL;
    struct link invite;
    assert_non_null(w);
    now_ = LIVE_NOW;
    w->live = live_open(11);
    live_invite(w->live, &invite);
    assert_int_equal(secret_new(&w->root), OK);
    rng_fill(&crypt_random, w->root->b, KEY_BYTES);
    w->d = calloc(1, sizeof *w->d);
    assert_non_null(w->d);
    w->d->me.name = day_keep(w->d, bytes_text("Ana"));
    rng_fill(&crypt_random, w->d->me.circle, ID_BYTES);
    assert_int_equal(secret_new(&owner), OK);
    assert_int_equal(ident_owner(w->root, owner), OK);
    crypt_sign_public(owner, w->d->me.owner);
    assert_int_equal(guardian_new(w->d, bytes_text("Ben"), &invite, &crypt_random, &w->g),
                     OK);
    assert_int_equal(guardian_enrol(w->d, w->g, w->root, &params, &w->talk), OK);
    assert_int_equal(guardian_device(w->g, w->root, &params, &w->talk), OK);
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    live_close(w->live);
    day_free(w->d);
    secret_free(w->root);
    free(w);
    return 0;
}

static enum err ask(struct world *w)
{
    return end_ask(w->d, w->g, w->root, &params, &w->talk);
}

static enum err tell(struct world *w)
{
    assert_int_equal(end_round(w->d, NULL, w->root, &params, w->told, &w->n), OK);
    return w->n == 0 ? OK : w->told[0].talk.err;
}

static void wait_s(struct world *w, uint64_t s)
{
    now_ += s;
    live_wait(w->live, s);
    live_tick(w->live);
}

/* The call of one guardian, up to the word. */
static void agreed(struct world *w)
{
    assert_int_equal(ask(w), OK);
    assert_int_equal(w->g->request_state, STATE_LIVE);
    assert_int_equal(end_stand(w->g), END_CALL);
    live_confirm(w->live, w->g->request, w->d->me.owner);
    assert_int_equal(ask(w), OK);
    assert_int_equal(end_stand(w->g), END_AGREED);
}

static void test_a_call(void **state)
{
    struct world *w = *state;
    AUTO_SECRET struct confirm_words *mine = NULL;
    uint8_t theirs[WORDS_OUT];
    uint16_t words[WORDS_CALL];
    struct statement s = { 0 };
    assert_int_equal(ask(w), OK);
    assert_int_equal(secret_new(&mine), OK);
    assert_int_equal(confirm_words(w->d, w->g, params.cost, mine), OK);
    live_words(w->live, w->g->request, w->d->me.owner, theirs);
    words_from_bytes(theirs, WORDS_CALL, words);
    assert_memory_equal(words, mine->call, sizeof words);
    uint8_t request[ID_BYTES];
    memcpy(request, w->g->request, ID_BYTES);
    assert_int_equal(ask(w), OK); /* the same call, the same words */
    assert_memory_equal(request, w->g->request, ID_BYTES);
    live_confirm(w->live, w->g->request, w->d->me.owner);
    assert_int_equal(ask(w), OK);
    assert_int_equal(statement_open(w->g->end_said, w->g->approval, &s), OK);
    assert_int_equal(s.purpose, PURPOSE_END);
    assert_false(confirm_open(w->g));
}

/* A no is seen once; the next run asks with other words. */
static void test_a_no(void **state)
{
    struct world *w = *state;
    uint8_t request[ID_BYTES];
    assert_int_equal(ask(w), OK);
    memcpy(request, w->g->request, ID_BYTES);
    live_refuse(w->live, w->g->request);
    (void)ask(w);
    assert_int_equal(w->g->request_state, STATE_REFUSED);
    assert_int_equal(end_stand(w->g), END_CALL);
    assert_int_equal(ask(w), OK);
    assert_memory_not_equal(request, w->g->request, ID_BYTES);
    agreed(w);
}

/* A request about enrolment is none about the end. */
static void test_another_call_is_open(void **state)
{
    static const struct confirm_about enrol = { .purpose = PURPOSE_ENROL };
    struct world *w = *state;
    struct bytes stated = { 0 };
    confirm_draw(w->g, &enrol, &crypt_random);
    assert_int_equal(confirm_round(w->d, w->g, w->root, &params, &stated, &w->talk), OK);
    live_confirm(w->live, w->g->request, w->d->me.owner);
    assert_int_equal(ask(w), OK);
    assert_int_equal(end_stand(w->g), END_CALL);
    assert_int_equal(w->g->ask_purpose, PURPOSE_END);
}

/* 14 days and not a minute less; then the node's signature that all is gone. */
static void test_the_end(void **state)
{
    struct world *w = *state;
    agreed(w);
    assert_int_equal(tell(w), OK);
    assert_int_equal(end_stand(w->g), END_PLANNED);
    assert_int_equal(w->g->end_due, LIVE_NOW + DUAL_TIME_S);
    wait_s(w, DUAL_TIME_S - 60);
    assert_int_equal(tell(w), OK);
    assert_int_equal(end_stand(w->g), END_PLANNED);
    wait_s(w, 120);
    assert_int_equal(tell(w), OK);
    assert_int_equal(end_stand(w->g), END_DONE);
    struct ended_receipt r = { 0 };
    assert_int_equal(ended_receipt_open(w->g->end_receipt, w->g->node[0].node_sign, &r),
                     OK);
    assert_false(end_gave_up(w->g));
    assert_memory_equal(r.ward, w->g->ward, ID_BYTES);
    assert_int_equal(r.time, w->g->ended);
    assert_int_equal(tell(w), OK);
    assert_int_equal(w->n, 0); /* nobody is asked again */
    /* No old piece is left there either, and that it answers of none changes nothing. */
    const struct rep_epoch_state none = { 0 };
    assert_int_equal(w->g->retired, w->d->me.epoch + 1);
    w->g->epoch = 1;
    w->g->retired = 2;
    change_seen(w->d, w->g, &none);
    assert_int_equal(w->g->retired, 2);
}

/* ---- a node that signs something else than what it erased ---- */

static enum { HONEST, WRONG_SIGNATURE, WRONG_KEY, OTHER_WARD } receipts;

void real_ended_receipt_make(const struct ended_receipt *r, const struct sign_seed *node,
                             struct buf *out) __asm__("__real_ended_receipt_make");
void wrap_ended_receipt_make(const struct ended_receipt *r, const struct sign_seed *node,
                             struct buf *out) __asm__("__wrap_ended_receipt_make");

void wrap_ended_receipt_make(const struct ended_receipt *r, const struct sign_seed *node,
                             struct buf *out)
{
    struct ended_receipt changed = *r;
    struct sign_seed seed = *node;

    changed.ward[0] ^= receipts == OTHER_WARD;
    seed.b[0] ^= receipts == WRONG_KEY;
    real_ended_receipt_make(&changed, &seed, out);
    out->p[out->n - 1] ^= receipts == WRONG_SIGNATURE;
    secret_wipe(&seed, sizeof seed);
}

/* It is refused and said, the guardian stays as they were; an honest one ends it. */
static void test_a_receipt_that_proves_nothing(void **state)
{
    struct world *w = *state;
    agreed(w);
    assert_int_equal(tell(w), OK);
    wait_s(w, DUAL_TIME_S + 60);
    for (receipts = WRONG_SIGNATURE; receipts <= OTHER_WARD; receipts++) {
        assert_int_equal(tell(w), ERR_SIGNATURE);
        assert_int_equal(w->n, 1);
        assert_non_null(strstr(w->told[0].talk.why, "did not sign that"));
        assert_int_equal(end_stand(w->g), END_PLANNED);
        assert_int_equal(w->g->end_receipt.n, 0);
        assert_int_equal(w->g->ended, 0);
    }
    receipts = HONEST;
    assert_int_equal(tell(w), OK);
    assert_int_equal(end_stand(w->g), END_DONE);
}

/* The answer is lost: asking again finds what was planned, with the same day. */
static void test_a_lost_answer(void **state)
{
    struct world *w = *state;
    agreed(w);
    live_cut(w->live, ANSWER_FIRST);
    assert_int_not_equal(tell(w), OK);
    assert_true(w->told[0].talk.unsure);
    assert_int_equal(end_stand(w->g), END_AGREED);
    wait_s(w, DAY);
    assert_int_equal(tell(w), OK);
    assert_int_equal(w->g->end_due, LIVE_NOW + DUAL_TIME_S);
}

/* A word of long ago counts nowhere any more, and is asked for again. */
static void test_an_old_word(void **state)
{
    struct world *w = *state;
    agreed(w);
    now_ += CERT_LIFE_S + 1;
    (void)tell(w);
    assert_int_equal(w->g->end_said.n, 0);
}

/* How the request of before stands at the node, whatever this home made of it. */
static enum err at_the_node(struct world *w, const struct day_guardian *before)
{
    struct day_guardian now = *w->g;
    struct bytes stated = { 0 };
    *w->g = *before;
    enum err e = confirm_round(w->d, w->g, w->root, &params, &stated, &w->talk);
    *w->g = now;
    return e;
}

static enum err cancel(struct world *w)
{
    assert_int_equal(end_cancel(w->d, w->root, &params, w->told, &w->n), OK);
    assert_int_equal(w->n, 1);
    return w->told[0].talk.err;
}

/* Nothing was ordered: what the guardian is asked is taken back there all the same. */
static void test_taken_back_before_an_order(void **state)
{
    struct world *w = *state;
    assert_false(end_asks(w->g));
    assert_int_equal(ask(w), OK);
    struct day_guardian before = *w->g;
    assert_true(end_asks(w->g));
    assert_int_equal(at_the_node(w, &before), OK);
    assert_int_equal(cancel(w), OK);
    assert_false(end_asks(w->g));
    assert_int_equal(at_the_node(w, &before), ERR_EXPIRED);
    assert_int_equal(cancel(w), OK);
    agreed(w); /* another one, with other words */
    assert_memory_not_equal(before.request, w->g->request, ID_BYTES);
}

/* Until the node answers, it may ask its guardian; the next round finishes it. */
static void test_taken_back_and_not_heard(void **state)
{
    struct world *w = *state;
    AUTO_BLOB struct home_blob b = { 0 };
    struct day *back = NULL;
    assert_int_equal(ask(w), OK);
    struct day_guardian before = *w->g;
    live_cut(w->live, 1);
    assert_int_not_equal(cancel(w), OK);
    assert_true(end_asks(w->g));
    assert_false(confirm_open(w->g));
    assert_int_equal(at_the_node(w, &before), OK);
    assert_int_equal(day_encode(w->d, &b), OK);
    assert_int_equal(day_decode(bytes_of(b.p, b.n), &back), OK);
    assert_true(end_asks(&back->guardians[0]));
    day_free(back);
    assert_int_equal(cancel(w), OK);
    assert_false(end_asks(w->g));
    assert_int_equal(at_the_node(w, &before), ERR_EXPIRED);
}

/* A yes that was not taken yet is taken back too, and counts nowhere. */
static void test_a_yes_taken_back(void **state)
{
    struct world *w = *state;
    assert_int_equal(ask(w), OK);
    live_confirm(w->live, w->g->request, w->d->me.owner);
    struct day_guardian before = *w->g;
    assert_int_equal(cancel(w), OK);
    assert_int_equal(at_the_node(w, &before), ERR_EXPIRED);
}

/* Who gave the piece up has nothing to erase, and signs what is asked of them. */
static void test_who_gave_up(void **state)
{
    struct world *w = *state;
    w->g->left = LIVE_NOW - DAY;
    assert_int_equal(end_stand(w->g), END_LEFT);
    assert_string_equal(end_stand_name(END_LEFT), "left");
    assert_true(end_settled(w->g) && end_gave_up(w->g));
    w->g->ending = w->g->left;                            /* by an order */
    assert_false(end_settled(w->g) || end_gave_up(w->g)); /* that takes a signature */
    w->g->left = w->g->ending = 0;
    live_leave(w->live, w->g->ward);
    assert_int_equal(tell(w), OK);
    assert_int_equal(end_stand(w->g), END_DONE);
    assert_true(end_gave_up(w->g));
    assert_true(w->g->end_receipt.n > 0);
}

/* A file keeps all of it. */
static void test_kept(void **state)
{
    struct world *w = *state;
    AUTO_BLOB struct home_blob b = { 0 };
    agreed(w);
    assert_int_equal(tell(w), OK);
    w->d->me.end_wanted = now_;
    assert_int_equal(day_encode(w->d, &b), OK);
    struct day *back = NULL;
    assert_int_equal(day_decode(bytes_of(b.p, b.n), &back), OK);
    assert_int_equal(back->me.end_wanted, now_);
    assert_int_equal(end_stand(&back->guardians[0]), END_PLANNED);
    assert_true(bytes_equal(back->guardians[0].end_said, w->g->end_said));
    day_free(back);
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_a_call),
        WORLD(test_a_no),
        WORLD(test_another_call_is_open),
        WORLD(test_the_end),
        WORLD(test_a_lost_answer),
        WORLD(test_an_old_word),
        WORLD(test_taken_back_before_an_order),
        WORLD(test_taken_back_and_not_heard),
        WORLD(test_a_yes_taken_back),
        WORLD(test_who_gave_up),
        WORLD(test_kept),
        WORLD(test_a_receipt_that_proves_nothing),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
