/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever has the root key gives a node that missed a change something of their own,
 * under the name that people confirmed: no people and no hold, for these are in the name,
 * but a piece that is none, which the node cannot tell. The owner's check and the next
 * run of the change name it, and the others' pieces open the root as before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/ceremony_seal_part.h"
#include "tests/sim/dirs.h"
#include "tests/sim/play.h"

enum { N = 5, AWAY = 4, LISTED = 16 };

static int open_circle(void **state)
{
    (void)state;
    play_open(N, 90);
    play_circle("Ana", N, 3, "72h");
    return 0;
}

static int close_circle(void **state)
{
    (void)state;
    play_close();
    return 0;
}

static bool said(const char *what)
{
    return strstr(play_said(), what) != NULL || strstr(play_out(), what) != NULL;
}

/* ---- a change that one node misses ---- */

static void call_them(const char *guardian)
{
    char line[WORDS_TEXT + LINK_TEXT];

    KITH_FINE("Ana", "guardian", "confirm", guardian);
    play_line(line, sizeof line);
    KITH_FINE(guardian, "guard", "confirm", "Ana", "--words-file", play_file(line),
              "--verified", "called");
    KITH_FINE("Ana", "guardian", "confirm", guardian);
}

static void change_without_one(void)
{
    net_fault(AWAY, NET_SILENT);
    (void)KITH("Ana", "circle", "rotate");
    for (size_t i = 0; i < 3; i++)
        call_them(play_names[i]);
    net_fault(AWAY, NET_FINE);
}

/* ---- the thief ---- */

enum forgery { HIS_PEOPLE, HIS_HOLD, HIS_PIECE };

struct forging {
    enum forgery what;
    struct seal *s;
    struct seal_seat *seat;
    struct day *d;
    struct seal_work w;
    struct account_keys *account;
    struct req_cert_put cert;
    struct req_epoch_next next;
    struct req_epoch_prepare prepare;
    struct req_epoch_commit commit;
};

static void send_prepare(struct forging *f, const struct rep_epoch_next *rep,
                         struct call_send *out)
{
    const struct seal_head *h = &f->s->head;
    struct req_epoch_prepare *p = &f->prepare;

    memcpy(f->seat->ack_key, rep->ack, PUB_BYTES);
    f->seat->descriptor = (struct bytes){ 0 };
    /* Whoever has a word from now on at that node, as the thief would like it. */
    for (size_t i = 0; i < AWAY && f->what == HIS_PEOPLE; i++)
        f->d->guardians[i].approval[0] ^= 1;
    MUST(seal_make_descriptor(f->s, &f->w, f->account, f->seat) == OK);
    *p = (struct req_epoch_prepare){ .epoch = h->epoch,
                                     .group = f->seat->group,
                                     .index = f->seat->index,
                                     .box_piece = h->manifest_sealed,
                                     .box_roster = f->seat->box_roster,
                                     .manifest = h->manifest_sealed,
                                     .roster = h->roster_sealed,
                                     .descriptor = f->seat->descriptor,
                                     .hold = f->what == HIS_HOLD ? 0 : h->hold,
                                     .stop_hold = h->stop_hold,
                                     .roster_mode = h->roster_mode };
    p->box_piece.n = f->seat->box_piece.n;
    rng_fill(net_rng(), p->op, ID_BYTES);
    memcpy(p->manifest_hash, h->manifest_hash, HASH_BYTES);
    *out = (struct call_send){ MSG_EPOCH_PREPARE, p };
}

static enum err forge_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct forging *f = *(struct forging **)c->ctx;

    if (reply == NULL) {
        *out = (struct call_send){ MSG_CERT_PUT, &f->cert };
        return OK;
    }
    TRY(reply->err);
    if (reply->kind == MSG_CERT_PUT)
        *out = (struct call_send){ MSG_EPOCH_NEXT, &f->next };
    if (reply->kind == MSG_EPOCH_NEXT)
        send_prepare(f, reply->rep, out);
    if (reply->kind == MSG_EPOCH_PREPARE)
        *out = (struct call_send){ MSG_EPOCH_COMMIT, &f->commit };
    return OK;
}

static void forge_fill(struct forging *f)
{
    const struct day_me *me = &f->d->me;

    rng_fill(net_rng(), f->cert.op, ID_BYTES);
    rng_fill(net_rng(), f->next.op, ID_BYTES);
    rng_fill(net_rng(), f->commit.op, ID_BYTES);
    f->cert.epoch = f->next.epoch = f->commit.epoch = me->epoch;
    f->cert.people = me->cert;
    memcpy(f->cert.manifest_hash, me->cert_hash, HASH_BYTES);
    memcpy(f->commit.manifest_hash, me->manifest_hash, HASH_BYTES);
}

/* With a copy of the owner's home: all of NEXT, PREPARE and COMMIT at the one node. */
static enum err thief_fills_in(enum forgery what)
{
    static struct forging f;
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_SECRET struct account_keys *account = NULL;
    AUTO_SEAL struct seal *s = NULL;
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    struct home h = { .dir = -1, .lock = -1 };
    char ana[256];
    void *ctx = NULL;

    (void)snprintf(ana, sizeof ana, "%s", play_home("Ana")); /* fits */
    dir_copy(ana, play_home("Thief"));
    MUST(home_open(play_home("Thief"), HOME_READ, &h) == OK);
    MUST(home_day_load(&h, &d) == OK);
    MUST(home_root_unlock(&h, NULL, &u) == OK);
    MUST(seal_load(&h, &u->root, &s) == OK);
    MUST(secret_new(&account) == OK);
    f = (struct forging){
        .what = what, .s = s, .seat = &s->seats[AWAY], .d = d, .account = account
    };
    f.w = (struct seal_work){
        .home = &h, .unlocked = u, .day = d, .params = play_params()
    };
    struct day_guardian *g = seal_guardian(d, f.seat);

    MUST(guardian_account(&u->root, g, account) == OK);
    forge_fill(&f);
    MUST(owner_round_new(&r, 1, sizeof(struct forging *)) == OK);
    MUST(owner_round_add(&r, &u->root, g, forge_step, &ctx) == OK);
    *(struct forging **)ctx = &f;
    MUST(call_round(r.calls, r.n, play_params()->round_ms, net_rng()) == OK);
    home_close(&h);
    dir_drop(play_home("Thief"));
    return r.calls[0].err;
}

/* ---- what comes of it ---- */

/* Whose word counts there, and how long a request waits, is in the name. */
static void test_no_people_and_no_hold_of_his_own(void **state)
{
    struct net_held all[LISTED];

    (void)state;
    change_without_one();
    assert_int_equal(thief_fills_in(HIS_PEOPLE), ERR_FORMAT);
    assert_int_equal(thief_fills_in(HIS_HOLD), ERR_FORMAT);
    /* Its key for that number, and nothing under it. */
    assert_int_equal(net_held(AWAY, all, LISTED), 2);
    assert_true(all[0].good && all[0].confirmed && all[0].epoch == 1);
    assert_false(all[1].good || all[1].prepared);
    (void)KITH("Ana", "circle", "seal", "--resume");
    assert_false(said("this home never gave"));
    (void)KITH("Ana", "check");
    assert_false(said("has no piece of this circle yet"));
}

static void test_the_owner_s_next_run_names_it(void **state)
{
    struct net_held all[LISTED];

    (void)state;
    change_without_one();
    assert_int_equal(thief_fills_in(HIS_PIECE), OK);
    /* By the number and name alone the node cannot know; the old piece is still there. */
    assert_int_equal(net_held(AWAY, all, LISTED), 2);
    assert_true(all[0].good && all[1].good && all[1].epoch == 2);
    (void)KITH("Ana", "check");
    assert_true(said("kith circle seal --resume"));
    assert_true(said("never acknowledged it"));
    (void)KITH("Ana", "circle", "seal", "--resume");
    assert_true(said("that this home never gave"));
    assert_true(said("kith root replace"));
}

/* The same without a thief: nothing is said of one, and the piece comes. */
static void test_a_node_that_was_away_is_no_thief_s(void **state)
{
    (void)state;
    change_without_one();
    (void)KITH("Ana", "check");
    assert_false(said("never acknowledged"));
    (void)KITH("Ana", "circle", "seal", "--resume");
    assert_false(said("this home never gave"));
    (void)KITH("Ana", "check");
    assert_false(said("has no piece of this circle yet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_people_and_no_hold_of_his_own,
                                        open_circle, close_circle),
        cmocka_unit_test_setup_teardown(test_the_owner_s_next_run_names_it, open_circle,
                                        close_circle),
        cmocka_unit_test_setup_teardown(test_a_node_that_was_away_is_no_thief_s,
                                        open_circle, close_circle),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
