/* SPDX-License-Identifier: Apache-2.0 */
/* A new root at a node: what moves nothing, what waits, who may do what meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/move.h"
#include "tests/unit/asking.h"

enum { LINES = 3 };

/* Somebody with a new root, and the words of guardians for it. */
struct mover {
    struct session who;
    struct sign_seed requester;
    uint8_t req_sign[PUB_BYTES];
    struct move move;
    struct sign_seed account;
    struct move_account made;
    uint8_t raw[MOVE_MAX];
    uint8_t mem[2 * LINES][SIGNED_MAX];
    struct cert cert;
    uint8_t people[8192];
    uint8_t sig_flip;
    struct req_move req;
    struct rep_move rep;
    uint8_t id[ID_BYTES]; /* of the move */
};

/* Whose words: of this seat's guardian, and of two others. */
static const struct sign_seed *approval_of(const struct world *w, size_t i)
{
    return i == 0 ? &w->approval : &w->others[i - 1];
}

static const struct sign_seed *ack_of(const struct world *w, size_t i, uint32_t epoch)
{
    return i == 0 ? &w->acks[epoch - 1] : &w->their_acks[i - 1];
}

static struct mover *mover_new(const struct world *w, const struct session *who)
{
    static struct mover pool[4];
    static size_t turn;
    struct mover *m = &pool[turn++ % 4];

    memset(m, 0, sizeof *m);
    m->who = *who;
    draw(&m->requester, sizeof m->requester);
    draw(&m->account, sizeof m->account);
    crypt_sign_public(&m->requester, m->req_sign);
    m->move =
        (struct move){ .circle = { 5 }, .epoch = 1, .old_owner = { 6 }, .time = w->now };
    memcpy(m->move.manifest_hash, w->hashes[0], HASH_BYTES);
    memcpy(m->move.req_sign, m->req_sign, PUB_BYTES);
    draw(m->move.new_owner, PUB_BYTES);
    memcpy(m->made.ward, w->ward, ID_BYTES);
    crypt_sign_public(&m->account, m->made.account_sign);
    draw(m->made.stat, PUB_BYTES);
    draw(m->made.psk, KEY_BYTES);
    return m;
}

/* What a guardian says who was asked for a new root. */
static struct statement word_of(const struct world *w, const struct mover *m)
{
    struct statement s = { .kind = REQUEST_MOVE,
                           .purpose = PURPOSE_MOVE,
                           .n_epochs = 1,
                           .how = HOW_MET,
                           .time = w->now };

    memcpy(s.subject, m->move.new_owner, sizeof s.subject);
    memset(s.request, 0x21, ID_BYTES);
    memcpy(s.req_sign, m->req_sign, PUB_BYTES);
    s.epochs[0] = (struct statement_epoch){ .epoch = m->move.epoch, .opened = 1 };
    memcpy(s.epochs[0].manifest_hash, m->move.manifest_hash, HASH_BYTES);
    return s;
}

static void say(struct mover *m, const struct statement *s, const struct sign_seed *by)
{
    struct buf b = BUF_OF(m->mem[2 * m->cert.n_lines]);

    statement_make(s, by, &b);
    m->cert.lines[m->cert.n_lines++] = (struct cert_line){ .statement = buf_bytes(&b) };
}

/* Beside the last word: that the node with that key released the restore. */
static void released(struct mover *m, const struct sign_seed *by)
{
    struct release_receipt r = { .epoch = m->move.epoch, .time = 1 };
    struct buf b = BUF_OF(m->mem[2 * m->cert.n_lines - 1]);

    memset(r.request, 0x21, ID_BYTES);
    memcpy(r.req_sign, m->req_sign, PUB_BYTES);
    memcpy(r.manifest_hash, m->move.manifest_hash, HASH_BYTES);
    release_receipt_make(&r, by, &b);
    m->cert.lines[m->cert.n_lines - 1].receipt = buf_bytes(&b);
}

static void guardians_say(const struct world *w, struct mover *m, size_t from, size_t n)
{
    struct statement s = word_of(w, m);

    for (size_t i = from; i < from + n; i++)
        say(m, &s, approval_of(w, i));
}

/* Signs it all and asks. */
static enum err send_by(struct world *w, struct mover *m, const struct sign_seed *move_by,
                        const struct sign_seed *account_by)
{
    struct buf move = BUF_OF(m->raw);
    struct buf people = BUF_OF(m->people);
    uint8_t hash[HASH_BYTES];

    move_make(&m->move, move_by, &move);
    cert_put(&m->cert, &people);
    assert_false(move.over || people.over);
    move_hash(buf_bytes(&move), hash);
    memcpy(m->id, hash, ID_BYTES);
    memcpy(m->made.move, hash, HASH_BYTES);
    m->req = (struct req_move){ .move = buf_bytes(&move), .people = buf_bytes(&people) };
    draw(m->req.op, ID_BYTES);
    memcpy(m->req.account_sign, m->made.account_sign, PUB_BYTES);
    memcpy(m->req.stat, m->made.stat, PUB_BYTES);
    memcpy(m->req.psk, m->made.psk, KEY_BYTES);
    move_account_sign(account_by, &m->made, m->req.sig);
    m->rep = (struct rep_move){ 0 };
    return ask(w, &m->who, MSG_MOVE, &m->req, &m->rep);
}

static enum err send_move(struct world *w, struct mover *m)
{
    return send_by(w, m, &m->requester, &m->requester);
}

/* Two of three guardians, and nothing wrong with it. */
static struct mover *good_mover(const struct world *w, const struct session *who)
{
    struct mover *m = mover_new(w, who);

    guardians_say(w, m, 0, 2);
    return m;
}

/* ---- the node ---- */

static enum err confirm_fn(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    return ward_confirm(c, &ward);
}

/* Epoch 1 is confirmed, 2 is active and nobody's. */
static int up(void **state)
{
    struct world *w = world_new(HOLD, 2);

    directly(w, confirm_fn);
    *state = w;
    return 0;
}

static int down(void **state)
{
    world_free(*state);
    return 0;
}

static struct record_ward the_ward;

static enum err ward_fn(struct call *c, struct world *w)
{
    the_ward = (struct record_ward){ 0 };
    return ward_get(c, w->ward, &the_ward);
}

static const struct record_ward *ward_now(struct world *w)
{
    directly(w, ward_fn);
    return &the_ward;
}

static bool tick_more;

static enum err move_tick_fn(struct call *c, struct world *w)
{
    (void)w; /* the call knows it */
    return move_tick(c, &tick_more);
}

/* All that a minute brings; returns how many jobs that took. */
static size_t tick(struct world *w)
{
    size_t n = 0;

    do {
        directly(w, move_tick_fn);
        assert_true(++n < 200);
    } while (tick_more);
    return n;
}

struct login {
    const struct world *w;
    enum role role;
    const uint8_t *stat;
    const uint8_t *id;
    struct session who;
};

static enum err login_fn(struct txn *t, void *arg)
{
    static const uint8_t none[ID_BYTES];
    struct login *l = arg;
    AUTO_SECRET struct psk *psk = NULL;

    TRY(secret_new(&psk));
    return serve_credential(t, &l->w->env, l->w->now, l->role, l->id ? l->id : none,
                            l->stat, &l->who, psk);
}

/* Whether the node lets them in. */
static enum err log_in(struct world *w, enum role role, const uint8_t *id,
                       const uint8_t stat[PUB_BYTES], struct session *out)
{
    struct login l = { .w = w, .role = role, .stat = stat, .id = id };
    enum err e = store_read(w->s, login_fn, &l);

    if (e == OK && out != NULL)
        *out = l.who;
    return e;
}

static bool told_of(struct world *w, uint8_t event)
{
    return alerts(w) > 0 && newest.event == event;
}

static struct rep_epoch_state state_for(struct world *w, const struct session *who)
{
    struct req_epoch_state req = { .want = EPOCH_WANT_MOVE };
    struct rep_epoch_state rep = { 0 };

    if (who->role == ROLE_GUARDIAN)
        memcpy(req.ward, w->ward, ID_BYTES);
    assert_int_equal(ask(w, who, MSG_EPOCH_STATE, &req, &rep), OK);
    return rep;
}

static struct ward_line line_for(struct world *w, const struct session *who)
{
    static struct rep_wards rep;
    struct req_wards req = { 0 };

    rep = (struct rep_wards){ 0 };
    assert_int_equal(ask(w, who, MSG_WARDS, &req, &rep), OK);
    assert_int_equal(rep.n_wards, 1);
    return rep.wards[0];
}

static enum err refuse_move(struct world *w, const uint8_t id[ID_BYTES])
{
    struct req_refuse req = { 0 };
    struct rep_refuse rep = { 0 };

    draw(req.op, ID_BYTES);
    memcpy(req.request, id, ID_BYTES);
    TRY(ask(w, &w->as_guardian, MSG_REFUSE, &req, &rep));
    assert_int_equal(rep.state, STATE_REFUSED);
    return OK;
}

/* Nothing came of it. */
static void nothing_moved(struct world *w)
{
    assert_int_equal(count(w, TAB_MOVE), 0);
    assert_true(id_none(ward_now(w)->move));
    assert_int_equal(the_ward.moved, 0);
}

/* ---- what moves nothing ---- */

static void too_few_people_move_nothing(void **state)
{
    struct world *w = *state;
    struct mover *m = mover_new(w, &w->as_owner);
    struct statement s = word_of(w, m);

    say(m, &s, &w->account); /* whoever has the owner's keys is no guardian */
    say(m, &s, &m->requester);
    assert_int_equal(send_move(w, m), ERR_CERT);
    m->cert.n_lines = 0;
    guardians_say(w, m, 1, 1);
    guardians_say(w, m, 1, 1);
    assert_int_equal(send_move(w, m), ERR_CERT);
    nothing_moved(w);
}

static void words_about_an_unconfirmed_epoch(void **state)
{
    struct world *w = *state;
    struct mover *m = mover_new(w, &w->as_owner);

    /* Of the epoch that whoever stole the keys made; active, confirmed by nobody. */
    m->move.epoch = 2;
    memcpy(m->move.manifest_hash, w->hashes[1], HASH_BYTES);
    guardians_say(w, m, 0, 3);
    assert_int_equal(send_move(w, m), ERR_CERT);
    nothing_moved(w);
}

static enum err confirm_second(struct call *c, struct world *w)
{
    struct record_epoch e = { 0 };
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    TRY(ward_epoch(c, w->ward, 2, &e));
    return ward_epoch_confirm(c, &ward, &e);
}

static void words_of_an_old_epochs_guardians(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    directly(w, confirm_second);
    assert_int_equal(send_move(w, m), ERR_CERT);
    nothing_moved(w);
}

static void words_of_another_circles_guardians(void **state)
{
    struct world *w = *state;
    struct mover *m = mover_new(w, &w->as_owner);
    struct sign_seed strangers[3];
    struct statement s = word_of(w, m);

    draw(strangers, sizeof strangers);
    for (size_t i = 0; i < 3; i++)
        say(m, &s, &strangers[i]);
    assert_int_equal(send_move(w, m), ERR_CERT);
    nothing_moved(w);
}

static void a_stopped_approval_moves_nothing(void **state)
{
    struct world *w = *state;
    struct mover *m = mover_new(w, &w->as_owner);
    struct statement s = word_of(w, m);

    s.kind = REQUEST_RESTORE;
    s.purpose = PURPOSE_RESTORE;
    memset(s.subject, 0, sizeof s.subject);
    for (size_t i = 0; i < 3; i++)
        say(m, &s, approval_of(w, i)); /* approved; none of them was let go */
    assert_int_equal(send_move(w, m), ERR_CERT);
    released(m, &m->requester);
    assert_int_equal(send_move(w, m), ERR_CERT);
    nothing_moved(w);
}

static void restores_that_were_released_move_it(void **state)
{
    struct world *w = *state;
    struct mover *m = mover_new(w, &w->as_owner);
    struct statement s = word_of(w, m);

    s.kind = REQUEST_RESTORE;
    s.purpose = PURPOSE_RESTORE;
    memset(s.subject, 0, sizeof s.subject);
    for (size_t i = 1; i < 3; i++) {
        say(m, &s, approval_of(w, i));
        released(m, ack_of(w, i, 1));
    }
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(m->rep.state, PLAN_WAITS);
}

static void signed_by_another_key(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_by(w, m, &w->account, &m->requester), ERR_CERT);
    assert_int_equal(send_by(w, m, &m->requester, &w->account), ERR_CERT);
    m->made.ward[0] ^= 1; /* an account for another ward */
    assert_int_equal(send_move(w, m), ERR_CERT);
    m->made.ward[0] ^= 1;
    memset(m->made.stat, 0, PUB_BYTES);
    assert_int_equal(send_move(w, m), ERR_REFUSED);
    nothing_moved(w);
}

static void words_that_are_too_old(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    w->now += CERT_LIFE_S + 1;
    assert_int_equal(send_move(w, m), ERR_CERT);
    w->now -= 1;
    assert_int_equal(send_move(w, m), OK);
}

static void no_epoch_is_confirmed(void **state)
{
    struct world *w = world_new(HOLD, 1);
    struct mover *m = good_mover(w, &w->as_owner);

    (void)state;
    assert_int_equal(send_move(w, m), ERR_CERT);
    nothing_moved(w);
    world_free(w);
}

static void only_the_owner_or_a_requester_asks(void **state)
{
    struct world *w = *state;
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct mover *m = good_mover(w, &w->as_guardian);

    assert_int_equal(send_move(w, m), ERR_REFUSED);
    m->who = w->as_device;
    assert_int_equal(send_move(w, m), ERR_REFUSED);
    m->who = a.opener;
    assert_int_equal(send_move(w, m), ERR_REFUSED);
    open_live(w, &a);
    m->who = a.requester;
    assert_int_equal(send_move(w, m), OK);
}

/* ---- it waits ---- */

static void a_new_root_waits_and_is_told_of(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct move_proof p = { 0 };

    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(m->rep.state, PLAN_WAITS);
    assert_int_equal(m->rep.due, w->now + HOLD);
    assert_true(told_of(w, REC_MOVE_PLANNED));
    assert_memory_equal(newest.request, m->id, ID_BYTES);

    const struct session *who[] = { &w->as_guardian, &w->as_owner, &w->as_device };
    for (size_t i = 0; i < 3; i++) {
        struct rep_epoch_state s = state_for(w, who[i]);
        struct ward_line line = line_for(w, who[i]);

        assert_int_equal(s.move_due, w->now + HOLD);
        assert_int_equal(move_proof_get(s.proof, &p), OK);
        assert_true(bytes_equal(p.move, m->req.move));
        assert_true(bytes_equal(p.people, m->req.people));
        assert_int_equal(line.move_due, w->now + HOLD);
        assert_memory_equal(line.move, m->id, ID_BYTES);
        assert_int_equal(line.moved, 0);
    }
    w->now += DAY;
    m->who = w->as_owner;
    assert_int_equal(send_move(w, m), OK); /* asked again: the hold goes on */
    assert_int_equal(m->rep.due, w->now - DAY + HOLD);
    assert_int_equal(count(w, TAB_MOVE), 2);
    draw(m->made.stat, PUB_BYTES);
    assert_int_equal(send_move(w, m), ERR_CONFLICT);
}

static void a_second_new_root_while_one_waits(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct mover *other = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(send_move(w, other), ERR_BUSY);
    assert_memory_equal(ward_now(w)->move, m->id, ID_BYTES);
    assert_int_equal(count(w, TAB_MOVE), 2);
}

static enum err moved_already(struct world *w, const struct session *who, uint16_t kind,
                              void *req)
{
    static _Alignas(16) uint8_t rep[65536];

    memset(rep, 0, sizeof rep);
    draw(req, ID_BYTES);
    return ask(w, who, kind, req, rep);
}

/* The thief has everything the owner has: root, device, the account. */
static void old_keys_change_nothing_while_it_waits(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    static const uint8_t bytes[200] = { 1 };
    struct bytes some = BYTES_OF(bytes);
    struct req_epoch_next next = { .epoch = 3 };
    struct req_epoch_prepare prepare = { .epoch = 3,
                                         .box_piece = some,
                                         .box_roster = some,
                                         .manifest = some,
                                         .roster = some,
                                         .descriptor = some };
    struct req_epoch_commit commit = { .epoch = 2 };
    struct req_epoch_abort abort_ = { .epoch = 3 };
    struct req_retire retire = { .epoch = 2, .machines = some, .people = some };
    struct req_cert_put cert = { .epoch = 2, .people = some };
    struct req_cred_new cred = {
        .type = CRED_DEVICE, .id = { 1 }, .psk = { 1 }, .stat = { 1 }, .sign = { 1 }
    };
    struct req_cred_drop drop = { 0 };
    struct req_ward_end end = { .people = some };
    struct req_vault_put put = { 0 };
    uint8_t frame[512];
    struct buf b = BUF_OF(frame);

    vault_frame_put(some, &b);
    put.objects = buf_bytes(&b);
    memcpy(end.ward, w->ward, ID_BYTES);
    memcpy(drop.id, w->as_device.cred, ID_BYTES);
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_EPOCH_NEXT, &next), ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_EPOCH_PREPARE, &prepare),
                     ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_EPOCH_COMMIT, &commit),
                     ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_EPOCH_ABORT, &abort_), ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_RETIRE, &retire), ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_CERT_PUT, &cert), ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_CRED_NEW, &cred), ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_CRED_DROP, &drop), ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_WARD_END, &end), ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_owner, MSG_VAULT_PUT, &put), ERR_MOVED);
    assert_int_equal(moved_already(w, &w->as_device, MSG_VAULT_PUT, &put), ERR_MOVED);
}

static enum err set_head(struct world *w, const struct session *who,
                         const struct sign_seed *by)
{
    static const uint8_t body[SEAL_OVERHEAD + 100] = { 1 };
    struct vault_head head = { .version = 1, .body = BYTES_OF(body) };
    uint8_t raw[VAULT_HEAD_MAX];
    struct buf b = BUF_OF(raw);
    struct req_head_set req = { 0 };

    memcpy(head.ward, w->ward, ID_BYTES);
    crypt_sign_public(by, head.signer);
    vault_head_make(&head, by, &b);
    req.head = buf_bytes(&b);
    req.witness = BYTES_OF(body);
    return moved_already(w, who, MSG_HEAD_SET, &req);
}

static void no_vault_head_by_old_keys(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct session new_ = { 0 };

    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(set_head(w, &w->as_owner, &w->account), ERR_MOVED);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, &new_), OK);
    assert_int_not_equal(set_head(w, &new_, &w->account), OK); /* nor signed by them */
    assert_int_equal(set_head(w, &new_, &m->account), OK);
}

/* What reads, and what only delays, goes on. */
static void stops_and_reads_go_on_while_it_waits(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct req_drop_list list = { .which = DROP_ALERTS };
    static struct rep_drop_list lines;
    struct req_check check = { .epoch = 1 };
    struct rep_check checked = { 0 };
    struct rep_stop stop = { 0 };

    open_live(w, &a);
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(ask(w, &w->as_device, MSG_DROP_LIST, &list, &lines), OK);
    assert_int_equal(ask(w, &w->as_device, MSG_CHECK, &check, &checked), OK);
    for (int i = 0; i < REQUEST_STOPPED; i++) /* a storm of them */
        assert_int_equal(ask_stop(w, i % 2 ? &w->as_owner : &w->as_device, &a, &stop),
                         OK);
    assert_int_equal(ask_stop(w, &w->as_owner, &a, &stop), ERR_FULL);
    /* It moves the request; the new root comes when it was said. */
    assert_int_equal(line_for(w, &w->as_guardian).move_due, w->now + HOLD);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, w->now);
}

static bool planned;

static enum err look_for_plan(struct call *c, struct world *w)
{
    static struct drop_entry lines[64];
    struct record_ward ward = { 0 };
    uint64_t after = 0;
    size_t n = 0;

    TRY(ward_get(c, w->ward, &ward));
    do {
        TRY(drop_list(c, ward.alert, after, lines, 64, &n));
        for (size_t i = 0; i < n; i++) {
            struct drop_event ev = { 0 };
            struct bytes blob = { 0 };
            size_t mark = c->mem.n;

            TRY(drop_get(c, ward.alert, lines[i].seq, &blob));
            TRY(wire_get(&drop_event_schema, blob, &ev));
            c->mem.n = mark;
            planned |= ev.event == REC_MOVE_PLANNED;
            after = lines[i].seq;
        }
    } while (n > 0);
    return OK;
}

/* Whoever fills the owner's part of the drops hides no new root. */
static void a_flood_of_alerts_hides_no_new_root(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct req_cred_new cred = { .type = CRED_DEVICE, .psk = { 1 }, .sign = { 1 } };
    struct req_cred_drop drop = { 0 };
    enum err e = OK;
    int i = 0;

    for (; i < 2000 && e == OK; i++) {
        draw(cred.id, ID_BYTES);
        draw(cred.stat, PUB_BYTES);
        e = moved_already(w, &w->as_owner, MSG_CRED_NEW, &cred);
        memcpy(drop.id, cred.id, ID_BYTES);
        if (e == OK)
            e = moved_already(w, &w->as_owner, MSG_CRED_DROP, &drop);
    }
    assert_int_equal(e, ERR_FULL); /* there is a limit to what the owner's keys fill */
    assert_int_equal(send_move(w, m), OK);
    planned = false;
    directly(w, look_for_plan);
    assert_true(planned);
}

/* ---- it takes over ---- */

static void it_takes_over_when_its_hold_has_run(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct session new_ = { 0 };
    struct move_proof p = { 0 };
    struct rep_epoch_state s;

    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD - 1;
    (void)tick(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), ERR_UNKNOWN);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, w->as_owner.stat, NULL), OK);
    w->now += 1;
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, w->now);
    assert_memory_equal(the_ward.account_sign, m->made.account_sign, PUB_BYTES);
    assert_true(id_none(the_ward.move));
    assert_true(told_of(w, REC_MOVE_DONE));

    /* Nothing of the old root lets anybody in; what the guardian made does. */
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, w->as_owner.stat, NULL), ERR_UNKNOWN);
    assert_int_equal(log_in(w, ROLE_DEVICE, NULL, w->as_device.stat, NULL), ERR_UNKNOWN);
    assert_int_equal(log_in(w, ROLE_RESTORE, w->roster, w->as_owner.stat, NULL),
                     ERR_UNKNOWN);
    assert_int_equal(log_in(w, ROLE_RESTORE, w->sheet, w->as_owner.stat, NULL),
                     ERR_UNKNOWN);
    assert_int_equal(log_in(w, ROLE_RESTORE, w->links[0], w->as_owner.stat, NULL), OK);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, &new_), OK);

    s = state_for(w, &new_);
    assert_int_equal(s.move_due, 0);
    assert_int_equal(move_proof_get(s.proof, &p), OK);
    assert_true(bytes_equal(p.move, m->req.move));
    assert_int_equal(line_for(w, &w->as_guardian).moved, w->now);
    assert_int_equal(line_for(w, &w->as_guardian).move_due, 0);
    m->who = new_;
    assert_int_equal(send_move(w, m), OK); /* asked again */
    assert_int_equal(m->rep.state, PLAN_DONE);
}

/* A conversation that was open when its key died ends at its next message. */
static void conversations_of_old_keys_end(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct req_wards req = { 0 };
    static struct rep_wards rep;

    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD;
    assert_int_equal(ask(w, &w->as_device, MSG_WARDS, &req, &rep), OK);
    (void)tick(w);
    assert_int_equal(ask(w, &w->as_device, MSG_WARDS, &req, &rep), ERR_REFUSED);
    assert_int_equal(ask(w, &w->as_owner, MSG_WARDS, &req, &rep), ERR_REFUSED);
}

static void the_new_root_makes_the_next_epoch(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct session new_ = { 0 };
    struct req_epoch_next next = { .epoch = 9 };
    struct rep_epoch_next rep = { 0 };
    struct record_epoch e = { 0 };

    (void)e;
    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, &new_), OK);
    /* The old one may have got as far as 8 elsewhere: any later number may come. */
    next.epoch = 2;
    assert_int_equal(moved_already(w, &new_, MSG_EPOCH_NEXT, &next), ERR_STATE);
    next.epoch = 9;
    draw(next.op, ID_BYTES);
    assert_int_equal(ask(w, &new_, MSG_EPOCH_NEXT, &next, &rep), OK);
    /* Vouched for by the key of the epoch that people confirmed. */
    uint8_t by[PUB_BYTES];

    crypt_sign_public(&w->acks[0], by);
    assert_int_equal(ack_key_verify(by, w->ward, 9, rep.ack, rep.sig), OK);
}

static void one_commit_or_none(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    reopen(w);
    assert_memory_equal(ward_now(w)->move, m->id, ID_BYTES);
    w->now += HOLD;
    reopen(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, w->as_owner.stat, NULL), OK);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), ERR_UNKNOWN);
    directly(w, move_tick_fn); /* one job */
    reopen(w);
    assert_int_equal(ward_now(w)->moved, w->now);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, w->as_owner.stat, NULL), ERR_UNKNOWN);
    assert_int_equal(log_in(w, ROLE_DEVICE, NULL, w->as_device.stat, NULL), ERR_UNKNOWN);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), OK);
    (void)tick(w);
    reopen(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), OK);
}

static enum err given_up_fn(struct txn *t, void *arg)
{
    static uint8_t mem[SCRATCH_BYTES];
    struct world *w = arg;
    struct call c = {
        .txn = t, .env = &w->env, .now = w->now, .mem = { .p = mem, .cap = sizeof mem }
    };
    bool more = false;

    TRY(move_tick(&c, &more));
    assert_true(more);
    return ERR_STATE;
}

static void a_commit_that_fails_changes_nothing(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD;
    assert_int_equal(store_write(w->s, given_up_fn, w), ERR_STATE);
    assert_int_equal(ward_now(w)->moved, 0);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, w->as_owner.stat, NULL), OK);
    assert_int_equal(log_in(w, ROLE_DEVICE, NULL, w->as_device.stat, NULL), OK);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), ERR_UNKNOWN);
    (void)tick(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), OK);
}

static enum err many_creds(struct call *c, struct world *w)
{
    struct session s = session_of(w, ROLE_RESTORE, CRED_SHEET);
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    memset(s.stat, 0, PUB_BYTES);
    for (uint32_t i = ward.creds.count; i < CRED_OWNER_MAX; i++) {
        uint8_t id[ID_BYTES];

        draw(id, sizeof id);
        TRY(add_cred(c, &s, id, CRED_SHEET));
    }
    return OK;
}

/* With as many credentials as a ward may have, each with answers kept. */
static void all_credentials_die_in_one_commit(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct req_alert_test test = { 0 };
    struct rep_alert_test rep = { 0 };

    for (int i = 0; i < 4; i++) {
        draw(test.op, ID_BYTES);
        assert_int_equal(ask(w, &w->as_device, MSG_ALERT_TEST, &test, &rep), OK);
    }
    directly(w, many_creds);
    assert_int_equal(ward_now(w)->creds.count, CRED_OWNER_MAX);
    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD;
    directly(w, move_tick_fn);
    assert_int_equal(ward_now(w)->creds.count, 0);
    assert_true(id_none(the_ward.creds.sum));
    assert_int_not_equal(count(w, TAB_OP), 0); /* their answers go later */
    assert_true(tick(w) > 2);
    assert_int_equal(count(w, TAB_OP), 0);
    assert_int_equal(count(w, TAB_MOVE), 2); /* record and proof, for ever */
}

/* This node let that very person's restore go: its hold has run here once. */
static void at_once_where_the_restore_was_released(void **state)
{
    struct world *w = *state;
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_approve ap = { 0 };
    struct rep_fetch f = { 0 };
    struct mover *m = NULL;
    struct mover *other = NULL;

    open_live(w, &a);
    approve(w, &a, &ap);
    w->now += HOLD;
    other = good_mover(w, &a.requester);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.state, STATE_RELEASED);
    m = mover_new(w, &a.requester);
    m->requester = a.sign;
    memcpy(m->req_sign, a.open.sign, PUB_BYTES);
    memcpy(m->move.req_sign, a.open.sign, PUB_BYTES);
    guardians_say(w, m, 0, 2);
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(m->rep.state, PLAN_DONE);
    assert_int_equal(m->rep.due, 0);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), OK);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, w->as_owner.stat, NULL), ERR_UNKNOWN);
    /* The pieces of that restore are still there to be fetched. */
    assert_int_equal(ask_fetch(w, &a, 1, &f), OK);
    assert_true(f.box.n > 0);
    /* And another root does not follow the one that was replaced. */
    assert_int_equal(send_move(w, other), ERR_MOVED);
}

/* An owner whose own key dies with what it asked for leaves nothing behind. */
static void at_once_without_a_hold(void **state)
{
    struct world *w = world_new(0, 1);
    struct mover *m = good_mover(w, &w->as_owner);

    (void)state;
    directly(w, confirm_fn);
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(m->rep.state, PLAN_DONE);
    (void)tick(w);
    assert_int_equal(count(w, TAB_OP), 0);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), OK);
    world_free(w);
}

/* ---- it is refused ---- */

static void the_guardian_refuses_it(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct mover *third = mover_new(w, &w->as_owner);
    struct req_epoch_next next = { .epoch = 3 };
    uint8_t nothing[ID_BYTES] = { 0 };
    uint8_t other[ID_BYTES] = { 1 };

    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(refuse_move(w, other), ERR_UNKNOWN);
    assert_int_equal(refuse_move(w, nothing), ERR_UNKNOWN);
    assert_int_equal(refuse_move(w, m->id), OK);
    assert_true(told_of(w, REC_MOVE_REFUSED));
    assert_int_equal(refuse_move(w, m->id), OK); /* said again */
    assert_int_equal(state_for(w, &w->as_guardian).proof.n, 0);
    assert_int_equal(line_for(w, &w->as_guardian).move_due, 0);
    assert_int_equal(count(w, TAB_MOVE), 1); /* that it was refused */
    assert_int_equal(moved_already(w, &w->as_owner, MSG_EPOCH_NEXT, &next), OK);
    w->now += 2 * HOLD;
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, 0);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), ERR_UNKNOWN);

    /* The same again, and the same person with another date. */
    assert_int_equal(send_move(w, m), ERR_STOPPED);
    m->move.time++;
    assert_int_equal(send_move(w, m), ERR_STOPPED);
    /* Somebody else with words of their own. */
    third->move.time = w->now;
    guardians_say(w, third, 1, 2);
    assert_int_equal(send_move(w, third), OK);
}

static void refused_too_late(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(refuse_move(w, m->id), ERR_UNKNOWN);
    assert_int_equal(ward_now(w)->moved, w->now);
}

static void another_seats_guardian_refuses_nothing(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct session stranger = w->as_guardian;
    struct req_refuse req = { 0 };
    struct rep_refuse rep = { 0 };
    struct req_epoch_state want = { .want = EPOCH_WANT_MOVE };
    struct rep_epoch_state s = { 0 };

    assert_int_equal(send_move(w, m), OK);
    stranger.seat[0] ^= 1;
    draw(req.op, ID_BYTES);
    memcpy(req.request, m->id, ID_BYTES);
    assert_int_equal(ask(w, &stranger, MSG_REFUSE, &req, &rep), ERR_UNKNOWN);
    memcpy(want.ward, w->ward, ID_BYTES);
    assert_int_equal(ask(w, &stranger, MSG_EPOCH_STATE, &want, &s), ERR_UNKNOWN);
    assert_memory_equal(ward_now(w)->move, m->id, ID_BYTES);
}

/* ---- what becomes of the old root's epochs ---- */

static struct record_epoch all[EPOCHS_MAX];
static size_t n_all;

static enum err epochs_fn(struct call *c, struct world *w)
{
    memset(all, 0, sizeof all);
    return ward_epochs(c, w->ward, all, &n_all);
}

/* Whether that epoch is kept, and as what; 0: not. */
static uint8_t epoch_state_of(struct world *w, uint32_t epoch)
{
    directly(w, epochs_fn);
    for (size_t i = 0; i < n_all; i++)
        if (all[i].epoch == epoch)
            return all[i].state;
    return 0;
}

static enum err prepare_third(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(ward_epoch(c, w->ward, 2, &e));
    e.epoch = 3;
    e.state = EPOCH_PREPARED;
    TRY(ward_epoch_put(c, &e));
    TRY(ward_get(c, w->ward, &ward));
    ward.epochs = 3;
    return ward_put(c, &ward);
}

static void what_was_prepared_goes_at_once(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    directly(w, prepare_third);
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(epoch_state_of(w, 3), 0);
    assert_int_equal(epoch_state_of(w, 2), EPOCH_ACTIVE);
    assert_int_equal(ward_now(w)->epochs, 2);
}

static void unconfirmed_epochs_go_after_the_dual_time(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    w->now += DUAL_TIME_S - 1;
    (void)tick(w);
    assert_int_not_equal(ward_now(w)->moved, 0);
    assert_int_equal(epoch_state_of(w, 2), EPOCH_ACTIVE);
    w->now += 1;
    (void)tick(w);
    assert_int_equal(epoch_state_of(w, 2), 0);
    assert_true(told_of(w, REC_EPOCH_RETIRED));
    assert_int_equal(newest.epoch, 2);
    /* What people had confirmed is what is good, and active again. */
    assert_int_equal(epoch_state_of(w, 1), EPOCH_ACTIVE);
    assert_int_equal(ward_now(w)->active, 1);
    (void)tick(w);
    assert_int_equal(epoch_state_of(w, 1), EPOCH_ACTIVE);
}

static void nothing_goes_while_a_restore_is_under_way(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct asker a = asker_new(w, CRED_RESTORE, w->links[0]);
    struct rep_approve ap = { 0 };
    struct rep_fetch f = { 0 };

    assert_int_equal(send_move(w, m), OK);
    w->now += DUAL_TIME_S - DAY;
    (void)tick(w);
    open_live(w, &a);
    approve(w, &a, &ap);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(epoch_state_of(w, 2), EPOCH_ACTIVE);
    assert_int_equal(ask_fetch(w, &a, 2, &f), OK);
    assert_int_equal(f.state, STATE_RELEASED);
    (void)tick(w);
    assert_int_equal(epoch_state_of(w, 2), 0);
}

static enum err epoch_of_new_root(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    TRY(ward_epoch(c, w->ward, 2, &e));
    e.epoch = 3;
    e.state = EPOCH_PREPARED;
    memcpy(e.account_sign, ward.account_sign, PUB_BYTES);
    ward.epochs = 3;
    return ward_make_active(c, &ward, &e);
}

static void the_new_roots_own_epoch_stays(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(ward_now(w)->root_new, 1);
    directly(w, epoch_of_new_root);
    assert_int_equal(ward_now(w)->root_new, 0);
    w->now += DUAL_TIME_S;
    (void)tick(w);
    assert_int_equal(epoch_state_of(w, 2), 0);
    assert_int_equal(epoch_state_of(w, 3), EPOCH_ACTIVE); /* unconfirmed, and theirs */
    assert_int_equal(epoch_state_of(w, 1), EPOCH_SUPERSEDED);
    assert_int_equal(ward_now(w)->active, 3);
}

static enum err plan_fn(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    ward.end_due = c->now + HOLD / 2;
    ward.retire_to = 2;
    ward.retire_due = c->now + HOLD / 2;
    ward.retire_own = 1;
    return ward_put(c, &ward);
}

/* Else the only good epoch could go, and after it the one that leads nowhere. */
static void plans_of_the_old_root_come_to_nothing(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    directly(w, plan_fn);
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(ward_now(w)->end_due, 0);
    assert_int_equal(the_ward.retire_due, 0);
    assert_int_equal(the_ward.retire_to, 0);
    assert_int_equal(the_ward.retire_own, 0);
}

/* ---- freezes, clocks, backups, the end of a ward ---- */

static void a_frozen_ward_takes_a_new_root_and_thaws(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct req_freeze freeze = { 0 };
    struct rep_freeze frozen = { 0 };

    draw(freeze.op, ID_BYTES);
    memcpy(freeze.ward, w->ward, ID_BYTES);
    assert_int_equal(ask(w, &w->as_guardian, MSG_FREEZE, &freeze, &frozen), OK);
    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD;
    (void)tick(w);
    assert_false(record_frozen(ward_now(w), w->now));
    assert_int_equal(the_ward.moved, w->now);
}

static void under_a_frozen_clock_nothing_takes_over(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    w->env.clock = CLOCK_FROZEN;
    assert_int_equal(send_move(w, m), OK);
    w->now += 2 * HOLD;
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, 0);
    w->env.clock = CLOCK_RUNS; /* its hold counts from here */
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, 0);
    assert_int_equal(the_ward.move_due, w->now + HOLD);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, w->now);
}

/* A clock that was set right, a backup: what passed before is no time for alerts. */
static void what_the_old_root_left_goes_by_a_clock_that_is_right(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD;
    (void)tick(w);
    assert_int_not_equal(ward_now(w)->moved, 0);
    w->env.era++;
    w->now += 100 * DAY;
    (void)tick(w);
    assert_int_equal(epoch_state_of(w, 2), EPOCH_ACTIVE);
    w->now += DUAL_TIME_S;
    (void)tick(w);
    assert_int_equal(epoch_state_of(w, 2), 0);
}

/* A node that was loaded from a backup has forgotten refusals: the hold runs anew. */
static void after_a_backup_the_hold_runs_anew(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    w->now += HOLD - 1;
    w->env.era = w->env.loaded = 1;
    (void)tick(w);
    assert_int_equal(line_for(w, &w->as_guardian).move_due, w->now + HOLD);
    w->now += HOLD - 1;
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, 0);
    w->now += 1;
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, w->now);
    w->env.era = w->env.loaded = 2; /* what was done stays done */
    (void)tick(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, NULL), OK);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, w->as_owner.stat, NULL), ERR_UNKNOWN);
}

static enum err forget_ward(struct call *c, struct world *w)
{
    return txn_del(c->txn, TAB_WARD, BYTES_OF(w->ward));
}

static void a_ward_that_was_given_up(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);
    struct mover *late = good_mover(w, &w->as_owner);
    struct req_ward_end end = { 0 };
    struct rep_ward_end ended = { 0 };

    assert_int_equal(send_move(w, m), OK);
    draw(end.op, ID_BYTES);
    memcpy(end.ward, w->ward, ID_BYTES);
    assert_int_equal(ask(w, &w->as_guardian, MSG_WARD_END, &end, &ended), OK);
    assert_int_equal(send_move(w, late), ERR_LEFT);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(ward_now(w)->moved, 0);
    directly(w, forget_ward);
    (void)tick(w);
    assert_int_equal(count(w, TAB_MOVE), 0);
}

/* ---- a stopped node, looked at ---- */

static bool there;

static enum err there_fn(struct call *c, struct world *w)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->ward, &ward));
    there = move_there(c, &ward);
    return OK;
}

static enum err lose_proof(struct call *c, struct world *w)
{
    struct txn_key key = key_ids(w->ward, the_ward.moved_by);

    key.b[key.n++] = MOVE_PROOF;
    return txn_del(c->txn, TAB_MOVE, key_bytes(&key));
}

static void a_lost_proof_is_found(void **state)
{
    struct world *w = *state;
    struct mover *m = good_mover(w, &w->as_owner);

    assert_int_equal(send_move(w, m), OK);
    directly(w, there_fn);
    assert_true(there);
    w->now += HOLD;
    (void)tick(w);
    directly(w, there_fn);
    assert_true(there);
    (void)ward_now(w);
    directly(w, lose_proof);
    directly(w, there_fn);
    assert_false(there);
}

/* ---- one root after another ---- */

static void one_root_follows_another(void **state)
{
    struct world *w = *state;
    struct mover *first = good_mover(w, &w->as_owner);
    struct mover *second = NULL;
    struct mover *back = NULL;
    struct session new_ = { 0 };

    assert_int_equal(send_move(w, first), OK);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, first->made.stat, &new_), OK);
    /* The first root again, by words that were given for it. */
    back = good_mover(w, &new_);
    assert_int_equal(send_move(w, back), ERR_MOVED);
    second = mover_new(w, &new_);
    memcpy(second->move.old_owner, first->move.new_owner, PUB_BYTES);
    guardians_say(w, second, 1, 2);
    assert_int_equal(send_move(w, second), OK);
    w->now += HOLD;
    (void)tick(w);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, first->made.stat, NULL), ERR_UNKNOWN);
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, second->made.stat, NULL), OK);
    assert_int_equal(count(w, TAB_MOVE), 4); /* both, for ever */
    first->who = second->who = new_;
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, second->made.stat, &first->who), OK);
    assert_int_equal(send_move(w, first),
                     OK); /* asked again it is done, and undoes nothing */
    assert_memory_equal(ward_now(w)->account_sign, second->made.account_sign, PUB_BYTES);
}

/* ---- asking for it ---- */

static struct asker move_asker(const struct world *w, enum cred_type type,
                               const uint8_t cred[ID_BYTES])
{
    struct asker a = asker_new(w, type, cred);

    a.open.kind = REQUEST_MOVE;
    a.open.purpose = PURPOSE_MOVE;
    memcpy(a.open.subject, a.open.sign, sizeof a.open.subject);
    return a;
}

static struct asker owner_move_asker(const struct world *w)
{
    struct asker a = move_asker(w, CRED_OWNER, w->as_owner.cred);

    a.opener = w->as_owner;
    a.requester = w->as_owner;
    return a;
}

static void who_may_ask_for_a_new_root(void **state)
{
    struct world *w = *state;
    struct asker a = move_asker(w, CRED_RESTORE, w->links[0]);

    a.open.subject[0] ^= 1; /* signs with another key than the new owner's */
    assert_int_equal(ask_open(w, &a), ERR_FORMAT);
    a.open.subject[0] ^= 1;
    a.open.purpose = PURPOSE_EPOCH;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a.open.purpose = PURPOSE_MOVE;
    a.open.kind = REQUEST_RESTORE;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a.open.kind = 0;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a.open.kind = REQUEST_MOVE;
    assert_int_equal(ask_open(w, &a), OK);
    a = owner_move_asker(w);
    a.open.kind = REQUEST_CONFIRM;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a.open.kind = REQUEST_MOVE;
    a.opener = w->as_device;
    assert_int_equal(ask_open(w, &a), ERR_REFUSED);
    a.opener = w->as_owner;
    assert_int_equal(ask_open(w, &a), OK);
}

static void it_has_the_hold_of_a_restore_and_gives_words_only(void **state)
{
    struct world *w = *state;
    struct asker a = move_asker(w, CRED_RESTORE, w->links[0]);
    struct rep_approve ap = { 0 };
    struct rep_fetch f = { 0 };
    struct statement s = { 0 };
    uint8_t approval[PUB_BYTES];

    open_live(w, &a);
    approve(w, &a, &ap);
    assert_int_equal(ap.opens, w->now + HOLD);
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.state, STATE_APPROVED);
    assert_int_equal(f.statement.n, 0);
    w->now += HOLD;
    assert_int_equal(ask_fetch(w, &a, 1, &f), ERR_UNKNOWN); /* no box, no manifest */
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.state, STATE_RELEASED);
    assert_int_equal(f.roster.n + f.roster_box.n + f.box.n + f.manifest.n, 0);
    crypt_sign_public(&w->approval, approval);
    assert_int_equal(statement_open(f.statement, approval, &s), OK);
    assert_int_equal(s.kind, REQUEST_MOVE);

    /* With it and another guardian's, the new root is taken: after its own hold. */
    struct mover *m = mover_new(w, &a.requester);

    m->requester = a.sign;
    memcpy(m->req_sign, a.open.sign, PUB_BYTES);
    memcpy(m->move.req_sign, a.open.sign, PUB_BYTES);
    memcpy(m->move.new_owner, a.open.sign, PUB_BYTES);
    guardians_say(w, m, 1, 1);
    assert_int_equal(send_move(w, m), ERR_CERT);
    m->cert.lines[m->cert.n_lines++].statement = f.statement;
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(m->rep.state, PLAN_WAITS);
}

static void it_is_stopped_as_a_restore_is(void **state)
{
    struct world *w = *state;
    struct asker a = move_asker(w, CRED_RESTORE, w->links[0]);
    struct rep_approve ap = { 0 };
    struct rep_fetch f = { 0 };
    struct rep_stop stop = { 0 };

    open_live(w, &a);
    approve(w, &a, &ap);
    assert_int_equal(ask_stop(w, &w->as_device, &a, &stop), OK);
    assert_int_equal(stop.counted, 1);
    assert_int_equal(state_of(w, &a), STATE_CONTESTED);
    w->now += HOLD;
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_int_equal(f.statement.n, 0);
    assert_int_equal(try_approve(w, &a, 0, &ap), ERR_STOPPED);
    assert_int_equal(try_approve(w, &a, 1, &ap), OK);
    w->now += STOP_HOLD;
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_true(f.statement.n > 0);
}

/* The owner asks by their own account while all is well. A thief's requests beside it
 * are bounded, and keep no link from asking. */
static void the_owner_asks_by_the_account(void **state)
{
    struct world *w = *state;
    struct asker a = owner_move_asker(w);
    static struct asker more[REQUEST_CONFIRMS];
    struct asker link = move_asker(w, CRED_RESTORE, w->links[0]);
    struct rep_approve ap = { 0 };
    struct rep_fetch f = { 0 };

    open_live(w, &a);
    for (size_t i = 0; i < REQUEST_CONFIRMS; i++) {
        more[i] = owner_move_asker(w);
        assert_int_equal(ask_open(w, &more[i]), i + 1 < REQUEST_CONFIRMS ? OK : ERR_FULL);
    }
    open_live(w, &link);
    approve(w, &a, &ap);
    w->now += HOLD;
    assert_int_equal(ask_fetch(w, &a, 0, &f), OK);
    assert_true(f.statement.n > 0);
    /* What a link's holder asked for is not the owner's to fetch. */
    link.requester = w->as_owner;
    assert_int_equal(ask_fetch(w, &link, 0, &f), ERR_UNKNOWN);
}

/* It is the root: nobody asks for it any more. Whatever else is asked for, a thief's new
 * root too, stays as it is and is shown to the new root. */
static void what_asked_for_it_ends_with_it(void **state)
{
    struct world *w = *state;
    struct asker own = owner_move_asker(w);
    struct asker thief = owner_move_asker(w);
    struct asker link = move_asker(w, CRED_RESTORE, w->links[0]);
    struct asker restore = asker_new(w, CRED_RESTORE, w->links[1]);
    struct session new_ = { 0 };
    struct rep_approve ap = { 0 };
    struct rep_stop stop = { 0 };

    open_live(w, &own);
    open_live(w, &thief);
    open_live(w, &link);
    open_live(w, &restore);
    w->now += HOLD / 2;
    approve(w, &link, &ap); /* its hold is over before that of the new root */
    struct mover *m = mover_new(w, &w->as_owner);

    memcpy(m->move.new_owner, own.open.subject, PUB_BYTES);
    guardians_say(w, m, 0, 2);
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(state_of(w, &own), STATE_LIVE); /* the guardian may still refuse */
    w->now += HOLD;
    (void)tick(w);
    assert_true(told_of(w, REC_MOVE_DONE));
    assert_int_equal(state_of(w, &own), STATE_EXPIRED);
    assert_int_equal(state_of(w, &thief), STATE_LIVE);
    assert_int_equal(state_of(w, &link), STATE_APPROVED);
    assert_int_equal(state_of(w, &restore), STATE_LIVE);

    /* Whom it concerns sees three of them, and can stop the thief's. */
    assert_int_equal(log_in(w, ROLE_OWNER, NULL, m->made.stat, &new_), OK);
    assert_int_equal(listed(w, &new_, 0), 3);
    assert_int_equal(listed(w, &w->as_guardian, 0), 3);
    assert_int_equal(ask_stop(w, &new_, &thief, &stop), OK);
    assert_int_equal(state_of(w, &thief), STATE_CONTESTED);
}

static void what_asked_for_it_ends_in_a_moment_without_a_hold(void **state)
{
    struct world *w = world_new(0, 1);
    struct asker own = move_asker(w, CRED_RESTORE, w->links[0]);
    struct rep_approve ap = { 0 };
    struct mover *m = NULL;

    (void)state;
    directly(w, confirm_fn);
    open_live(w, &own);
    approve(w, &own, &ap);
    m = mover_new(w, &w->as_owner);
    memcpy(m->move.new_owner, own.open.subject, PUB_BYTES);
    guardians_say(w, m, 1, 2);
    assert_int_equal(send_move(w, m), OK);
    assert_int_equal(m->rep.state, PLAN_DONE);
    assert_int_equal(state_of(w, &own), STATE_EXPIRED);
    world_free(w);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(too_few_people_move_nothing),
        CASE(words_about_an_unconfirmed_epoch),
        CASE(words_of_an_old_epochs_guardians),
        CASE(words_of_another_circles_guardians),
        CASE(a_stopped_approval_moves_nothing),
        CASE(signed_by_another_key),
        CASE(words_that_are_too_old),
        CASE(no_epoch_is_confirmed),
        CASE(only_the_owner_or_a_requester_asks),
        CASE(restores_that_were_released_move_it),
        CASE(a_new_root_waits_and_is_told_of),
        CASE(a_second_new_root_while_one_waits),
        CASE(old_keys_change_nothing_while_it_waits),
        CASE(no_vault_head_by_old_keys),
        CASE(stops_and_reads_go_on_while_it_waits),
        CASE(a_flood_of_alerts_hides_no_new_root),
        CASE(it_takes_over_when_its_hold_has_run),
        CASE(conversations_of_old_keys_end),
        CASE(the_new_root_makes_the_next_epoch),
        CASE(one_commit_or_none),
        CASE(a_commit_that_fails_changes_nothing),
        CASE(all_credentials_die_in_one_commit),
        CASE(at_once_where_the_restore_was_released),
        CASE(at_once_without_a_hold),
        CASE(the_guardian_refuses_it),
        CASE(refused_too_late),
        CASE(another_seats_guardian_refuses_nothing),
        CASE(what_was_prepared_goes_at_once),
        CASE(unconfirmed_epochs_go_after_the_dual_time),
        CASE(nothing_goes_while_a_restore_is_under_way),
        CASE(the_new_roots_own_epoch_stays),
        CASE(plans_of_the_old_root_come_to_nothing),
        CASE(a_frozen_ward_takes_a_new_root_and_thaws),
        CASE(under_a_frozen_clock_nothing_takes_over),
        CASE(what_the_old_root_left_goes_by_a_clock_that_is_right),
        CASE(after_a_backup_the_hold_runs_anew),
        CASE(a_ward_that_was_given_up),
        CASE(a_lost_proof_is_found),
        CASE(one_root_follows_another),
        CASE(who_may_ask_for_a_new_root),
        CASE(it_has_the_hold_of_a_restore_and_gives_words_only),
        CASE(it_is_stopped_as_a_restore_is),
        CASE(the_owner_asks_by_the_account),
        CASE(what_asked_for_it_ends_with_it),
        CASE(what_asked_for_it_ends_in_a_moment_without_a_hold),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
