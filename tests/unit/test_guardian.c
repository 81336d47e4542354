/* SPDX-License-Identifier: Apache-2.0 */
/* An owner's guardians against the real handlers behind a socket, with cut lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/guardian.h"
#include "tests/sim/live.h"

/* What HELLO, the first question and the second are answered with, in that order. */
enum { ANSWER_FIRST = 3, ANSWER_SECOND = 4, ANSWER_THIRD = 5 };

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

/* An owner, the node, and an invite for them. */
static const struct confirm_about about_enrol = { .purpose = PURPOSE_ENROL };

struct world {
    struct live *live;
    struct link invite;
    struct root_key *root;
    struct day *d;
    struct day_guardian *g;
    struct guardian_talk talk;
    struct bytes stated;
};

static void day_new(struct world *w)
{
    AUTO_SECRET struct sign_seed *owner = NULL;
    w->d = calloc(1, sizeof *w->d);
    assert_non_null(w->d);
    w->d->me.name = day_keep(w->d, bytes_text("Ana"));
    rng_fill(&crypt_random, w->d->me.circle, ID_BYTES);
    assert_int_equal(secret_new(&owner), OK);
    assert_int_equal(ident_owner(w->root, owner), OK);
    crypt_sign_public(owner, w->d->me.owner);
}

static void root_draw(struct world *w)
{
    rng_fill(&crypt_random, w->root->b, KEY_BYTES);
    day_free(w->d);
    day_new(w);
}

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    now_ = LIVE_NOW;
    assert_int_equal(secret_new(&w->root), OK);
    root_draw(w);
    w->live = live_open(7);
    live_invite(w->live, &w->invite);
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

static void entry(struct world *w)
{
    assert_int_equal(
        guardian_new(w->d, bytes_text("Ben"), &w->invite, &crypt_random, &w->g), OK);
    w->g->contact = day_keep(w->d, bytes_text("the kitchen phone"));
}

static enum err enrol(struct world *w)
{
    return guardian_enrol(w->d, w->g, w->root, &params, &w->talk);
}

static enum err device(struct world *w)
{
    return guardian_device(w->g, w->root, &params, &w->talk);
}

static enum err round_of(struct world *w)
{
    return confirm_round(w->d, w->g, w->root, &params, &w->stated, &w->talk);
}

static void added(struct world *w)
{
    entry(w);
    assert_int_equal(enrol(w), OK);
    assert_int_equal(device(w), OK);
}

/* As if the process had ended: only what was saved is there. */
static void again_from_file(struct world *w, const struct home_blob *saved)
{
    day_free(w->d);
    w->d = NULL;
    assert_int_equal(day_decode(bytes_of(saved->p, saved->n), &w->d), OK);
    w->g = &w->d->guardians[0];
}

/* ---- entries ---- */

static void other_links_and_too_many(void **state)
{
    struct world *w = *state;
    struct link other = w->invite;
    other.type = LINK_RESTORE;
    assert_int_equal(guardian_new(w->d, bytes_text("Ben"), &other, &crypt_random, &w->g),
                     ERR_ARG);
    assert_int_equal(w->d->n_guardians, 0);
    for (size_t i = 0; i < DAY_GUARDIANS; i++)
        entry(w);
    assert_int_equal(
        guardian_new(w->d, bytes_text("Ben"), &w->invite, &crypt_random, &w->g),
        ERR_FULL);
}

static void forgotten_entries_close_the_row(void **state)
{
    struct world *w = *state;
    static const char *const names[] = { "Ben", "Cy", "Dora" };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            guardian_new(w->d, bytes_text(names[i]), &w->invite, &crypt_random, &w->g),
            OK);
    guardian_forget(w->d, guardian_find(w->d, bytes_text("cY")));
    assert_int_equal(w->d->n_guardians, 2);
    assert_null(guardian_find(w->d, bytes_text("Cy")));
    assert_ptr_equal(guardian_find(w->d, bytes_text("Dora")), &w->d->guardians[1]);
    assert_null(guardian_find(w->d, bytes_text("Dor")));
}

static void commands_can_be_copied(void **state)
{
    char text[TERM_TEXT];
    (void)state;
    guardian_next("confirm", bytes_text("Ben"), "", text);
    assert_string_equal(text, "kith guardian confirm Ben");
    guardian_next("add", bytes_text("Aunt May"), " LINK", text);
    assert_string_equal(text, "kith guardian add 'Aunt May' LINK");
    guardian_next("add", bytes_text("O'Hara"), "", text);
    assert_string_equal(text, "kith guardian add \"O'Hara\"");
    guardian_next("add", bytes_text("Jürgen"), "", text);
    assert_string_equal(text, "kith guardian add Jürgen");
}

/* What a restore did not tell is no name, and nothing that a shell would read. */
static void a_home_without_a_name(void **state)
{
    AUTO_FREE struct day *d = calloc(1, sizeof *d);
    char text[TERM_TEXT];
    (void)state;
    assert_non_null(d);
    leave_next(d, text);
    assert_string_equal(text, "kith guard leave YOUR-NAME");
    assert_memory_equal(owner_name(d).p, "the owner", owner_name(d).n);
    d->me.name = bytes_text("Zoe M.");
    leave_next(d, text);
    assert_string_equal(text, "kith guard leave 'Zoe M.'");
    assert_memory_equal(owner_name(d).p, "Zoe M.", owner_name(d).n);
}

/* ---- entering ---- */

static void nobody_answers(void **state)
{
    struct world *w = *state;
    w->invite.address.port = 1;
    entry(w);
    assert_int_equal(enrol(w), ERR_UNREACHABLE);
    assert_int_equal(w->talk.stage, CALL_IDLE);
    assert_false(w->talk.unsure);
    assert_non_null(strstr(w->talk.why, "Ben's node did not answer"));
    assert_int_equal(w->g->progress, GUARDIAN_NEW);
}

static void another_node_answers(void **state)
{
    struct world *w = *state;
    w->invite.node_key[0] ^= 1;
    entry(w);
    assert_int_equal(enrol(w), ERR_REFUSED);
    assert_int_equal(w->talk.stage, CALL_MET);
}

static void a_changed_token_is_not_let_in(void **state)
{
    struct world *w = *state;
    w->invite.token[0] ^= 1;
    entry(w);
    assert_int_equal(enrol(w), ERR_REFUSED);
    assert_int_equal(w->talk.stage, CALL_KNOWN);
}

static void an_expired_invite_is_not_let_in(void **state)
{
    struct world *w = *state;
    live_wait(w->live, 15 * 86400);
    entry(w);
    assert_int_equal(enrol(w), ERR_REFUSED);
    assert_int_equal(live_wards(w->live), 0);
}

/* A link whose fingerprint is somebody else's: the keys at the node are not theirs. */
static void a_swapped_invite_shows(void **state)
{
    struct world *w = *state;
    w->invite.fp[0] ^= 1;
    entry(w);
    assert_int_equal(enrol(w), ERR_KEY);
    assert_false(w->talk.unsure);
    assert_int_equal(w->g->progress, GUARDIAN_NEW);
    guardian_forget(w->d, w->g);
    /* The right seat, with keys of another; and an approval key of another invite. */
    live_invite(w->live, &w->invite);
    entry(w);
    w->g->fp[0] ^= 1;
    assert_int_equal(enrol(w), ERR_KEY);
    w->g->fp[0] ^= 1;
    w->g->invite[0] ^= 1;
    assert_int_equal(enrol(w), ERR_KEY);
    assert_int_equal(live_wards(w->live), 0);
    w->g->invite[0] ^= 1;
    assert_int_equal(enrol(w), OK);
}

static void an_invite_works_for_one(void **state)
{
    struct world *w = *state;
    added(w);
    root_draw(w);
    entry(w);
    assert_int_equal(enrol(w), ERR_REFUSED);
    assert_int_equal(w->talk.stage, CALL_KNOWN);
    assert_int_equal(live_wards(w->live), 1);
}

static enum err wards_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    static const struct req_wards req;
    if (reply == NULL) {
        *out = (struct call_send){ MSG_WARDS, &req };
        return OK;
    }
    TRY(reply->err);
    memcpy(c->ctx, ((const struct rep_wards *)reply->rep)->wards[0].ward, ID_BYTES);
    return OK;
}

static void an_owner_enters(void **state)
{
    struct world *w = *state;
    AUTO_SECRET struct seat_keys *keys = NULL;
    static const uint8_t none[TOKEN_BYTES];
    uint8_t ward[ID_BYTES];
    struct call c;
    added(w);
    assert_int_equal(w->g->progress, GUARDIAN_READY);
    assert_memory_equal(w->g->token, none, TOKEN_BYTES);
    assert_int_equal(w->g->added, LIVE_NOW);
    assert_int_equal(w->g->node[0].seen, LIVE_NOW);
    assert_string_equal(w->talk.why, "");
    assert_int_equal(secret_new(&keys), OK);
    guardian_call_device(&c, w->g, keys);
    c.step = wards_step;
    c.ctx = ward;
    assert_int_equal(guardian_round(&c, w->g, &params), OK);
    assert_int_equal(c.err, OK);
    assert_memory_equal(ward, w->g->ward, ID_BYTES);
}

/* The ward is made, its answer lost, the process ended: the same command goes on. */
static void a_lost_answer_is_asked_for_again(void **state)
{
    struct world *w = *state;
    AUTO_BLOB struct home_blob saved = { 0 };
    entry(w);
    assert_int_equal(day_encode(w->d, &saved), OK);
    live_cut(w->live, ANSWER_SECOND);
    assert_int_equal(enrol(w), ERR_CLOSED);
    assert_true(w->talk.unsure);
    assert_int_equal(live_wards(w->live), 1);
    again_from_file(w, &saved);
    assert_int_equal(w->g->progress, GUARDIAN_NEW);
    assert_int_equal(enrol(w), OK);
    assert_int_equal(w->g->progress, GUARDIAN_ENROLLED);
    assert_int_equal(live_wards(w->live), 1);
    assert_int_equal(device(w), OK);
}

static void a_lost_file_finds_its_ward(void **state)
{
    struct world *w = *state;
    AUTO_BLOB struct home_blob saved = { 0 };
    uint8_t ward[ID_BYTES];
    entry(w);
    assert_int_equal(day_encode(w->d, &saved), OK);
    assert_int_equal(enrol(w), OK);
    assert_int_equal(device(w), OK); /* which ends the invite */
    memcpy(ward, w->g->ward, ID_BYTES);
    again_from_file(w, &saved);
    assert_int_equal(enrol(w), OK);
    assert_memory_equal(ward, w->g->ward, ID_BYTES);
    /* A second invite to the same person finds the same place. */
    live_invite(w->live, &w->invite);
    again_from_file(w, &saved);
    assert_int_equal(guardian_invite(w->d, w->g, &w->invite), OK);
    assert_int_equal(enrol(w), OK);
    assert_memory_equal(ward, w->g->ward, ID_BYTES);
    assert_int_equal(live_wards(w->live), 1);
}

static void a_device_is_asked_for_again(void **state)
{
    struct world *w = *state;
    entry(w);
    assert_int_equal(enrol(w), OK);
    live_cut(w->live, ANSWER_FIRST);
    assert_int_equal(device(w), ERR_CLOSED);
    assert_int_equal(w->g->progress, GUARDIAN_ENROLLED);
    assert_int_equal(device(w), OK);
    assert_int_equal(w->g->progress, GUARDIAN_READY);
}

/* ---- confirm ---- */

static void words_are_equal(struct world *w, const struct confirm_words *mine)
{
    uint8_t out[WORDS_OUT];
    uint16_t theirs[WORDS_CALL];
    live_words(w->live, w->g->request, w->d->me.owner, out);
    words_from_bytes(out, WORDS_CALL, theirs);
    assert_memory_equal(theirs, mine->call, sizeof mine->call);
    words_from_bytes(out + 8, WORDS_ANSWER, theirs);
    assert_memory_equal(theirs, mine->answer, sizeof mine->answer);
}

static void two_people_confirm(void **state)
{
    struct world *w = *state;
    AUTO_SECRET struct confirm_words *words = NULL;
    added(w);
    assert_int_equal(secret_new(&words), OK);
    assert_false(confirm_open(w->g));
    assert_int_equal(confirm_words(w->d, w->g, params.cost, words), ERR_STATE);
    confirm_draw(w->g, &about_enrol, &crypt_random);
    assert_int_equal(round_of(w), OK);
    assert_true(confirm_open(w->g));
    assert_int_equal(w->g->request_state, STATE_LIVE);
    assert_int_equal(w->stated.n, 0);
    assert_int_equal(confirm_words(w->d, w->g, params.cost, words), OK);
    words_are_equal(w, words);
    live_confirm(w->live, w->g->request, w->d->me.owner);
    assert_int_equal(round_of(w), OK);
    assert_int_not_equal(w->stated.n, 0);
    assert_int_equal(round_of(w), OK);
    assert_int_not_equal(w->stated.n, 0);
}

static void a_statement_of_another_is_seen(void **state)
{
    struct world *w = *state;
    uint8_t owner[PUB_BYTES];
    added(w);
    confirm_draw(w->g, &about_enrol, &crypt_random);
    assert_int_equal(round_of(w), OK);
    /* The guardian typed words of a conversation with somebody else's key. */
    memcpy(owner, w->d->me.owner, PUB_BYTES);
    owner[0] ^= 1;
    live_confirm(w->live, w->g->request, owner);
    assert_int_equal(round_of(w), ERR_SIGNATURE);
    assert_int_equal(w->stated.n, 0);
    /* And one that this guardian's key did not sign. */
    w->g->approval[0] ^= 1;
    assert_int_equal(round_of(w), ERR_SIGNATURE);
    assert_int_equal(w->stated.n, 0);
}

static void a_view_of_another_node_is_refused(void **state)
{
    struct world *w = *state;
    added(w);
    w->g->node[0].node_sign[0] ^= 1;
    confirm_draw(w->g, &about_enrol, &crypt_random);
    assert_int_equal(round_of(w), ERR_SIGNATURE);
    assert_false(confirm_open(w->g));
}

static void a_guardian_refuses_or_locks(void **state)
{
    struct world *w = *state;
    added(w);
    confirm_draw(w->g, &about_enrol, &crypt_random);
    assert_int_equal(round_of(w), OK);
    live_lock(w->live, w->g->request);
    assert_int_equal(round_of(w), OK);
    assert_int_equal(w->g->request_state, STATE_LOCKED);
    live_refuse(w->live, w->g->request);
    assert_int_equal(round_of(w), OK);
    assert_int_equal(w->g->request_state, STATE_REFUSED);
    confirm_draw(w->g, &about_enrol, &crypt_random);
    assert_int_equal(round_of(w), OK);
    assert_int_equal(w->g->request_state, STATE_LIVE);
}

static void a_request_runs_out(void **state)
{
    struct world *w = *state;
    added(w);
    confirm_draw(w->g, &about_enrol, &crypt_random);
    assert_int_equal(round_of(w), OK);
    live_wait(w->live, 15 * 86400);
    assert_int_equal(round_of(w), ERR_EXPIRED);
    confirm_draw(w->g, &about_enrol, &crypt_random);
    assert_int_equal(round_of(w), OK);
    assert_int_equal(w->g->request_state, STATE_LIVE);
}

/* The nonce may be known once REVEAL went out: it never makes a second view. */
static void a_nonce_serves_one_view(void **state)
{
    struct world *w = *state;
    AUTO_SECRET struct confirm_words *words = NULL;
    static const uint8_t none[32];
    uint8_t nonce[32];
    uint8_t request[ID_BYTES];
    added(w);
    confirm_draw(w->g, &about_enrol, &crypt_random);
    live_cut(w->live, ANSWER_FIRST);
    assert_int_equal(round_of(w), ERR_CLOSED);
    assert_false(confirm_open(w->g));
    assert_memory_equal(w->g->nonce, none, sizeof none);
    /* Cut after REVEAL: the view is here, and stays the one. */
    confirm_draw(w->g, &about_enrol, &crypt_random);
    memcpy(nonce, w->g->nonce, sizeof nonce);
    live_cut(w->live, ANSWER_SECOND);
    assert_int_equal(round_of(w), ERR_CLOSED);
    assert_true(confirm_open(w->g));
    memcpy(request, w->g->request, ID_BYTES);
    assert_int_equal(round_of(w), OK);
    assert_int_equal(w->g->request_state, STATE_LIVE);
    assert_memory_equal(w->g->request, request, ID_BYTES);
    assert_memory_equal(w->g->nonce, nonce, sizeof nonce);
    assert_int_equal(secret_new(&words), OK);
    assert_int_equal(confirm_words(w->d, w->g, params.cost, words), OK);
    words_are_equal(w, words);
    live_cut(w->live, ANSWER_FIRST);
    assert_int_equal(round_of(w), ERR_CLOSED);
    assert_int_equal(round_of(w), OK);
}

static void forgotten_requests_leave_no_key(void **state)
{
    struct world *w = *state;
    struct day_guardian g = { 0 };
    static const uint8_t none[KEY_BYTES];
    (void)w;
    confirm_draw(&g, &about_enrol, &crypt_random);
    g.view = bytes_text("a view");
    assert_true(confirm_open(&g));
    confirm_forget(&g);
    assert_false(confirm_open(&g));
    assert_memory_equal(g.req_static, none, KEY_BYTES);
    assert_memory_equal(g.req_psk, none, KEY_BYTES);
    assert_memory_equal(g.req_seal, none, KEY_BYTES);
    assert_memory_equal(g.req_sign, none, KEY_BYTES);
    assert_memory_equal(g.nonce, none, sizeof g.nonce);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(other_links_and_too_many),
        IN_WORLD(forgotten_entries_close_the_row),
        cmocka_unit_test(commands_can_be_copied),
        cmocka_unit_test(a_home_without_a_name),
        IN_WORLD(nobody_answers),
        IN_WORLD(another_node_answers),
        IN_WORLD(a_changed_token_is_not_let_in),
        IN_WORLD(an_expired_invite_is_not_let_in),
        IN_WORLD(a_swapped_invite_shows),
        IN_WORLD(an_invite_works_for_one),
        IN_WORLD(an_owner_enters),
        IN_WORLD(a_lost_answer_is_asked_for_again),
        IN_WORLD(a_lost_file_finds_its_ward),
        IN_WORLD(a_device_is_asked_for_again),
        IN_WORLD(two_people_confirm),
        IN_WORLD(a_statement_of_another_is_seen),
        IN_WORLD(a_view_of_another_node_is_refused),
        IN_WORLD(a_guardian_refuses_or_locks),
        IN_WORLD(a_request_runs_out),
        IN_WORLD(a_nonce_serves_one_view),
        IN_WORLD(forgotten_requests_leave_no_key),
    };
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("guardian", tests, NULL, NULL);
    if (secret_in_use() != 0)
        failed++;
    secret_end();
    return failed;
}
