/* SPDX-License-Identifier: Apache-2.0 */
/* What a guardian does with a ward or a whole seat: freeze, pause, leave, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/drop.h"
#include "node/seat.h"
#include "node/ward.h"
#include "tests/sim/cast.h"

enum { DAY = 86400, WARDS = SEAT_TOLD + 5 };

struct world {
    struct node_sim n;
    struct sim_guardian a;
    struct sim_guardian b;
    struct sim_owner o; /* ward of a, with an epoch */
    struct sim_epoch e;
    struct sim_asker asker;
    struct rep_wards wards;
    struct rep_requests requests;
};

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 41);
    sim_seat(&w->n, &w->a);
    sim_seat(&w->n, &w->b);
    sim_ward(&w->n, &w->a, &w->o);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    *state = w;
    return 0;
}

static int down(void **state)
{
    struct world *w = *state;

    node_sim_close(&w->n);
    free(w);
    return 0;
}

static bool tick_more;

/* One job of a tick, as the node runs it. */
static enum err tick_once(struct txn *t, void *arg)
{
    struct node_sim *n = arg;

    return serve_tick(t, &n->env, n->now, &tick_more);
}

/* All that a minute's tick has to do, in as many jobs as it takes. */
static void tick(struct world *w)
{
    tick_more = true;
    for (int i = 0; i < 1000 && tick_more; i++)
        assert_int_equal(store_write(w->n.store, tick_once, &w->n), OK);
    assert_false(tick_more);
}

struct heard {
    const uint8_t *ward;
    size_t n;       /* alerts so far */
    uint8_t newest; /* event */
    size_t of;      /* alerts of the event looked for */
    uint8_t want;
};

static enum err heard_fn(struct call *c, void *arg)
{
    static struct drop_entry lines[256];
    struct heard *h = arg;
    struct record_ward ward = { 0 };

    TRY(ward_get(c, h->ward, &ward));
    TRY(drop_list(c, ward.alert, 0, lines, 256, &h->n));
    for (size_t i = 0; i < h->n; i++) {
        struct drop_event ev = { 0 };
        struct bytes blob = { 0 };
        size_t mark = c->mem.n;

        TRY(drop_get(c, ward.alert, lines[i].seq, &blob));
        TRY(wire_get(&drop_event_schema, blob, &ev));
        c->mem.n = mark;
        h->newest = ev.event;
        h->of += ev.event == h->want;
    }
    return OK;
}

/* How often a ward was alerted of it. */
static size_t heard(struct world *w, const uint8_t ward[ID_BYTES], uint8_t event)
{
    struct heard h = { .ward = ward, .want = event };

    assert_int_equal(node_sim_write(&w->n, &w->a.who, heard_fn, &h), OK);
    return h.of;
}

static const struct rep_wards *wards(struct world *w, const struct session *who)
{
    struct req_wards req = { 0 };

    w->wards = (struct rep_wards){ 0 };
    assert_int_equal(node_sim_ask(&w->n, who, MSG_WARDS, &req, &w->wards), OK);
    return &w->wards;
}

static uint8_t state_of(struct world *w)
{
    struct req_requests req = { .all = 1 };

    w->requests = (struct rep_requests){ 0 };
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_REQUESTS, &req, &w->requests),
                     OK);
    return w->requests.n_requests > 0 ? w->requests.requests[0].state : 0;
}

static enum err ask_freeze(struct world *w, const struct session *who)
{
    struct req_freeze req = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.ward, w->o.ward, ID_BYTES);
    return node_sim_ask(&w->n, who, MSG_FREEZE, &req, NULL);
}

static enum err ask_pause(struct world *w, const struct session *who, uint64_t until)
{
    struct req_pause req = { .until = until };

    sim_op(&w->n, req.op);
    return node_sim_ask(&w->n, who, MSG_PAUSE, &req, NULL);
}

static enum err ask_try(struct world *w)
{
    struct req_try req = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.request, w->asker.request, ID_BYTES);
    return node_sim_ask(&w->n, &w->a.who, MSG_TRY, &req, NULL);
}

static enum err ask_next(struct world *w, uint32_t epoch)
{
    struct req_epoch_next req = { .epoch = epoch };

    sim_op(&w->n, req.op);
    return node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &req, NULL);
}

/* ---- freeze ---- */

static void frozen_no_epoch_changes(void **state)
{
    struct world *w = *state;
    struct req_epoch_commit commit = { .epoch = 2 };
    struct sim_epoch *two = calloc(1, sizeof *two);

    assert_non_null(two);
    assert_int_equal(ask_freeze(w, &w->b.who), ERR_UNKNOWN); /* another's ward */
    sim_epoch_new(&w->n, &w->o, 2, two);
    assert_int_equal(ask_freeze(w, &w->a.who), OK);
    assert_int_equal(ask_next(w, 2), ERR_FROZEN);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_PREPARE, &two->req, NULL),
                     ERR_FROZEN);
    sim_op(&w->n, commit.op);
    memcpy(commit.manifest_hash, two->hash, HASH_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_COMMIT, &commit, NULL),
                     ERR_FROZEN);
    assert_int_equal(wards(w, &w->o.who)->wards[0].frozen, w->n.now + 30 * DAY);
    w->n.now += 30 * DAY;
    assert_int_equal(wards(w, &w->o.who)->wards[0].frozen, 0);
    sim_op(&w->n, two->req.op);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_PREPARE, &two->req, NULL),
                     OK);
    tick(w);
    tick(w);
    assert_int_equal(heard(w, w->o.ward, REC_WARD_THAWED), 1);
    free(two);
}

/* ---- pause ---- */

static void who_is_away_approves_nothing(void **state)
{
    struct world *w = *state;
    uint64_t until = w->n.now + 10 * DAY;

    assert_int_equal(ask_pause(w, &w->o.who, until), ERR_REFUSED);
    assert_int_equal(ask_pause(w, &w->a.who, w->n.now), ERR_EXPIRED);
    assert_int_equal(ask_pause(w, &w->a.who, w->n.now + 32 * DAY), ERR_TOO_BIG);
    assert_int_equal(ask_pause(w, &w->a.who, 0), OK); /* not away: nothing to tell */
    assert_int_equal(heard(w, w->o.ward, REC_SEAT_RESUMED), 0);
    assert_int_equal(ask_pause(w, &w->a.who, until), OK);
    assert_int_equal(heard(w, w->o.ward, REC_SEAT_PAUSED), 1);
    assert_int_equal(wards(w, &w->a.who)->paused, until);
    assert_int_equal(wards(w, &w->o.who)->paused, until);
    assert_int_equal(wards(w, &w->b.who)->paused, 0);
    sim_ask(&w->n, &w->o, &w->asker); /* requests still open */
    assert_int_equal(state_of(w), STATE_LIVE);
    assert_int_equal(w->requests.requests[0].flags, REQUEST_AWAY);
    assert_int_equal(ask_try(w), ERR_PAUSED);
    assert_int_equal(w->requests.requests[0].tries_left, 5); /* and no try is lost */
    assert_int_equal(ask_pause(w, &w->a.who, 0), OK);
    assert_int_equal(heard(w, w->o.ward, REC_SEAT_RESUMED), 1);
    assert_int_equal(ask_try(w), OK);
}

static void a_pause_ends_by_itself_and_all_wards_hear(void **state)
{
    struct world *w = *state;
    static struct sim_owner more[WARDS];
    size_t told = 0;

    for (size_t i = 0; i < WARDS; i++)
        sim_ward(&w->n, &w->a, &more[i]);
    assert_int_equal(ask_pause(w, &w->a.who, w->n.now + DAY), OK);
    for (size_t i = 0; i < WARDS; i++)
        told += heard(w, more[i].ward, REC_SEAT_PAUSED);
    assert_in_range(told, SEAT_TOLD - 1, SEAT_TOLD); /* at once; o is one of them */
    tick(w);
    for (size_t i = 0; i < WARDS; i++)
        assert_int_equal(heard(w, more[i].ward, REC_SEAT_PAUSED), 1);
    w->n.now += DAY - 1;
    tick(w);
    assert_int_equal(wards(w, &w->a.who)->paused, w->n.now + 1);
    assert_int_equal(heard(w, w->o.ward, REC_SEAT_RESUMED), 0);
    w->n.now += 1;
    tick(w);
    tick(w);
    for (size_t i = 0; i < WARDS; i++)
        assert_int_equal(heard(w, more[i].ward, REC_SEAT_RESUMED), 1);
    assert_int_equal(wards(w, &w->a.who)->paused, 0);
}

/* ---- leave ---- */

static enum err ask_end(struct world *w, const struct session *who, uint64_t *out_left)
{
    struct req_ward_end req = { 0 };
    struct rep_ward_end rep = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.ward, w->o.ward, ID_BYTES);
    TRY(node_sim_ask(&w->n, who, MSG_WARD_END, &req, &rep));
    *out_left = rep.left;
    return OK;
}

static enum err no_key(struct call *c, void *arg)
{
    const struct sim_owner *o = arg;
    struct data_id id = { .epoch = 1 };
    struct txn_key at = { 0 };

    memcpy(id.ward, o->ward, ID_BYTES);
    assert_int_equal(data_key_has(c->txn, &id), ERR_UNKNOWN);
    return txn_next(c->txn, TAB_OBJECT, bytes_of(o->ward, ID_BYTES), &at,
                    (struct span){ 0 }, NULL);
}

static void a_guardian_gives_a_ward_up_at_once(void **state)
{
    struct world *w = *state;
    struct req_cred_new link = { .type = CRED_RESTORE, .expires = w->n.now + DAY };
    struct req_open open;
    struct sim_asker late;
    struct req_epoch_state ask = { 0 };
    struct rep_epoch_state *held = calloc(1, sizeof *held);
    uint64_t left = 0;
    uint64_t again = 0;

    assert_non_null(held);
    sim_ask(&w->n, &w->o, &w->asker);
    sim_asker_new(&w->n, &w->o, &late, &open);
    assert_int_equal(ask_end(w, &w->o.who, &left), ERR_CERT);
    assert_int_equal(ask_end(w, &w->b.who, &left), ERR_UNKNOWN);
    assert_int_equal(state_of(w), STATE_LIVE);
    assert_int_equal(ask_end(w, &w->a.who, &left), OK);
    assert_int_equal(left, w->n.now);
    assert_int_equal(state_of(w), STATE_REFUSED);
    assert_int_equal(heard(w, w->o.ward, REC_WARD_LEFT), 1);
    assert_int_equal(node_sim_write(&w->n, &w->a.who, no_key, &w->o), ERR_UNKNOWN);
    w->n.now += 5;
    assert_int_equal(ask_end(w, &w->a.who, &again), OK);
    assert_int_equal(again, left); /* asked again it is the same */
    assert_int_equal(heard(w, w->o.ward, REC_WARD_LEFT), 1);
    /* The owner still sees why, and can change nothing. */
    assert_int_equal(wards(w, &w->o.who)->wards[0].left, left);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_STATE, &ask, held), OK);
    assert_int_equal(held->n_epochs, 0);
    assert_int_equal(ask_next(w, 1), ERR_LEFT);
    assert_int_equal(node_sim_ask(&w->n, &late.who, MSG_OPEN, &open, NULL), ERR_LEFT);
    assert_int_equal(ask_freeze(w, &w->a.who), ERR_LEFT);
    sim_op(&w->n, link.op);
    rng_fill(&w->n.rng, link.id, ID_BYTES);
    rng_fill(&w->n.rng, link.psk, KEY_BYTES);
    memcpy(link.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_CRED_NEW, &link, NULL), ERR_LEFT);
    free(held);
}

static void a_ward_given_up_is_forgotten_in_the_end(void **state)
{
    struct world *w = *state;
    uint64_t left = 0;

    sim_ask(&w->n, &w->o, &w->asker);
    assert_int_equal(ask_end(w, &w->a.who, &left), OK);
    w->n.now = left + WARD_LEFT_S - 1;
    tick(w);
    assert_int_equal(node_sim_login(&w->n, &w->o.login, &w->o.who), OK);
    assert_int_equal(wards(w, &w->o.who)->n_wards, 1);
    w->n.now += 1;
    tick(w);
    assert_int_equal(node_sim_login(&w->n, &w->o.login, &w->o.who), ERR_UNKNOWN);
    assert_int_equal(wards(w, &w->a.who)->n_wards, 0);
    tick(w);
    node_sim_again(&w->n);
    assert_int_equal(wards(w, &w->a.who)->n_wards, 0);
}

static enum err spoil_seat(struct call *c, void *arg)
{
    const struct world *w = arg;

    return txn_put(c->txn, TAB_SEAT, BYTES_OF(w->a.seat), bytes_text("rot"));
}

/* What cannot be forgotten waits; requests of others still end in their time. */
static void a_damaged_seat_holds_up_no_tick(void **state)
{
    struct world *w = *state;
    uint64_t left = 0;

    assert_int_equal(ask_end(w, &w->a.who, &left), OK);
    assert_int_equal(node_sim_write(&w->n, NULL, spoil_seat, w), OK);
    w->n.now = left + WARD_LEFT_S;
    tick(w);
}

static void many_requests_end_with_their_ward(void **state)
{
    struct world *w = *state;
    static struct sim_asker many[20];
    uint64_t left = 0;
    size_t refused = 0;

    for (size_t i = 0; i < 20; i++) { /* four at a time: a ward keeps 16 links */
        sim_ask(&w->n, &w->o, &many[i]);
        w->n.now += 60;
    }
    assert_int_equal(ask_end(w, &w->a.who, &left), OK);
    assert_int_equal(store_write(w->n.store, tick_once, &w->n), OK);
    tick(w);
    (void)state_of(w);
    assert_int_equal(w->requests.n_requests, 20);
    for (size_t i = 0; i < 20; i++)
        refused += w->requests.requests[i].state == STATE_REFUSED;
    assert_int_equal(refused, 20);
}

/* ---- reset ---- */

struct reset {
    struct sim_guardian next; /* keys and login at the new seat */
    struct sim_login old;     /* at the old one from then on */
    struct req_seat_reset req;
};

static void reset_fill(struct world *w, struct reset *r)
{
    struct req_seat_enrol enrol;

    sim_guardian_new(&w->n, &r->next);
    sim_login_new(&r->old, ROLE_GUARDIAN, &w->n.rng);
    sim_seat_req(&w->n, &r->next, w->a.who.handshake, &enrol);
    r->req = (struct req_seat_reset){ 0 };
    sim_op(&w->n, r->req.op);
    memcpy(r->req.sign_pub, enrol.sign_pub, PUB_BYTES);
    memcpy(r->req.seal_pub, enrol.seal_pub, PUB_BYTES);
    memcpy(r->req.enrol_sig, enrol.enrol_sig, SIG_BYTES);
    memcpy(r->req.keys_sig, enrol.keys_sig, SIG_BYTES);
    memcpy(r->req.stat, enrol.stat, PUB_BYTES);
    memcpy(r->req.psk, enrol.psk, KEY_BYTES);
    memcpy(r->req.old_stat, r->old.pub, PUB_BYTES);
    memcpy(r->req.old_psk, r->old.psk.b, KEY_BYTES);
}

static void a_reset_needs_the_new_keys_signatures(void **state)
{
    struct world *w = *state;
    static struct reset r;

    for (int fault = 0; fault < 5; fault++) {
        reset_fill(w, &r);
        enum err want = ERR_SIGNATURE;

        if (fault == 0)
            r.req.enrol_sig[0] ^= 1;
        if (fault == 1)
            r.req.keys_sig[0] ^= 1;
        if (fault == 2)
            memcpy(r.req.seal_pub, w->b.seal_pub, PUB_BYTES);
        if (fault == 3) { /* a key that another guardian speaks with */
            memcpy(r.req.stat, w->b.login.pub, PUB_BYTES);
            want = ERR_USED;
        }
        if (fault == 4) {
            memcpy(r.req.old_stat, w->b.login.pub, PUB_BYTES);
            want = ERR_USED;
        }
        assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_SEAT_RESET, &r.req, NULL),
                         want);
        assert_int_equal(node_sim_login(&w->n, &r.next.login, &r.next.who), ERR_UNKNOWN);
        assert_int_equal(node_sim_login(&w->n, &w->a.login, &w->a.who), OK);
        assert_int_equal(wards(w, &w->a.who)->reset, 0);
    }
}

static void new_keys_at_a_new_seat_the_old_one_stays(void **state)
{
    struct world *w = *state;
    static struct reset r;
    struct rep_seat_reset rep = { 0 };
    struct session old = { 0 };
    struct req_refuse refuse = { 0 };

    sim_ask(&w->n, &w->o, &w->asker);
    reset_fill(w, &r);
    assert_true(w->a.who.operator_);
    r.req.unlocked = 1; /* the new keys: what is kept at the old ones is as it was */
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_SEAT_RESET, &r.req, &rep), OK);
    assert_memory_equal(rep.seat, r.next.seat, ID_BYTES);
    assert_int_equal(heard(w, w->o.ward, REC_SEAT_RESET), 1);
    /* A conversation of the old key that is open has ended, too. */
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_SEAT_RESET, &r.req, &rep),
                     ERR_REFUSED);
    assert_int_equal(node_sim_login(&w->n, &w->a.login, &old), ERR_UNKNOWN);
    assert_int_equal(node_sim_login(&w->n, &r.old, &old), OK);
    /* Asked again, as after a lost answer: the same, told once. */
    assert_int_equal(node_sim_ask(&w->n, &old, MSG_SEAT_RESET, &r.req, &rep), OK);
    assert_int_equal(heard(w, w->o.ward, REC_SEAT_RESET), 1);
    assert_memory_equal(old.seat, w->a.seat, ID_BYTES);
    assert_false(old.operator_);
    assert_int_equal(node_sim_login(&w->n, &r.next.login, &r.next.who), OK);
    assert_memory_equal(r.next.who.seat, r.next.seat, ID_BYTES);
    assert_true(r.next.who.operator_);
    assert_int_equal(wards(w, &r.next.who)->n_wards, 0);
    assert_int_equal(wards(w, &r.next.who)->reset, 0);
    assert_int_equal(wards(w, &r.next.who)->unlocked, 1);
    assert_int_equal(wards(w, &old)->unlocked, 0);
    assert_int_equal(wards(w, &old)->n_wards, 1); /* the old seat keeps its wards */
    assert_int_equal(wards(w, &old)->reset, w->n.now);
    assert_int_equal(wards(w, &w->o.who)->reset, w->n.now); /* the owner sees it too */
    sim_op(&w->n, refuse.op);
    memcpy(refuse.request, w->asker.request, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &r.next.who, MSG_REFUSE, &refuse, NULL),
                     ERR_UNKNOWN);
    assert_int_equal(node_sim_ask(&w->n, &old, MSG_REFUSE, &refuse, NULL), OK);
}

/* A thief of the guardian's keys says something else at once, or chose the moment. */
static void nothing_said_after_it_hides_a_reset(void **state)
{
    struct world *w = *state;
    static struct sim_owner more[WARDS];
    static struct reset r;
    struct session old = { 0 };

    for (size_t i = 0; i < WARDS; i++)
        sim_ward(&w->n, &w->a, &more[i]);
    assert_int_equal(ask_pause(w, &w->a.who, w->n.now + 60), OK);
    tick(w);
    w->n.now += 60; /* it is over, and the next tick says so */
    reset_fill(w, &r);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_SEAT_RESET, &r.req, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &r.old, &old), OK);
    assert_int_equal(ask_pause(w, &old, w->n.now + DAY), OK);
    tick(w);
    tick(w);
    for (size_t i = 0; i < WARDS; i++) {
        assert_int_equal(heard(w, more[i].ward, REC_SEAT_RESET), 1);
        assert_int_equal(heard(w, more[i].ward, REC_SEAT_PAUSED), 2);
    }
}

static enum err ask_keys(struct world *w, uint8_t unlocked)
{
    struct req_seat_enrol req;

    sim_seat_req(&w->n, &w->a, w->a.who.handshake, &req);
    req.unlocked = unlocked;
    return node_sim_ask(&w->n, &w->a.who, MSG_SEAT_ENROL, &req, NULL);
}

/* All of it within a minute, and the node stops before the others heard. */
static void one_kind_of_news_swallows_no_other(void **state)
{
    struct world *w = *state;
    static struct sim_owner more[WARDS];
    static struct reset r;

    for (size_t i = 0; i < WARDS; i++)
        sim_ward(&w->n, &w->a, &more[i]);
    assert_int_equal(ask_keys(w, 1), OK);
    assert_int_equal(ask_pause(w, &w->a.who, w->n.now + DAY), OK);
    reset_fill(w, &r);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_SEAT_RESET, &r.req, NULL), OK);
    node_sim_again(&w->n);
    tick(w);
    tick(w);
    for (size_t i = 0; i < WARDS; i++) {
        assert_int_equal(heard(w, more[i].ward, REC_KEYS_UNLOCKED), 1);
        assert_int_equal(heard(w, more[i].ward, REC_SEAT_PAUSED), 1);
        assert_int_equal(heard(w, more[i].ward, REC_SEAT_RESET), 1);
    }
}

static void the_node_full_of_seats_resets_none(void **state)
{
    struct world *w = *state;
    static struct reset r;

    w->n.limits.seats = 2;
    reset_fill(w, &r);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_SEAT_RESET, &r.req, NULL),
                     ERR_FULL);
    assert_int_equal(node_sim_login(&w->n, &w->a.login, &w->a.who), OK);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(frozen_no_epoch_changes),
        CASE(who_is_away_approves_nothing),
        CASE(a_pause_ends_by_itself_and_all_wards_hear),
        CASE(a_guardian_gives_a_ward_up_at_once),
        CASE(a_ward_given_up_is_forgotten_in_the_end),
        CASE(a_damaged_seat_holds_up_no_tick),
        CASE(many_requests_end_with_their_ward),
        CASE(a_reset_needs_the_new_keys_signatures),
        CASE(new_keys_at_a_new_seat_the_old_one_stays),
        CASE(nothing_said_after_it_hides_a_reset),
        CASE(one_kind_of_news_swallows_no_other),
        CASE(the_node_full_of_seats_resets_none),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
