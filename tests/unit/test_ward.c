/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/drop.h"
#include "node/seat.h"
#include "node/ward.h"
#include "tests/sim/cast.h"

struct world {
    struct node_sim n;
    struct sim_guardian a;
    struct sim_guardian b;
    struct sim_owner o;     /* ward of a */
    struct sim_owner other; /* another one of a */
    struct sim_epoch e;
    struct sim_epoch f;
};

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 41);
    sim_seat(&w->n, &w->a);
    sim_seat(&w->n, &w->b);
    sim_ward(&w->n, &w->a, &w->o);
    sim_ward(&w->n, &w->a, &w->other);
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

static enum err next(struct world *w, const struct sim_owner *o, uint32_t epoch,
                     struct rep_epoch_next *out)
{
    struct req_epoch_next req = { .epoch = epoch };

    sim_op(&w->n, req.op);
    return node_sim_ask(&w->n, &o->who, MSG_EPOCH_NEXT, &req, out);
}

/* PREPARE of e->req under a new op id; the acknowledgement, verified, to out. */
static enum err prepare(struct world *w, const struct sim_owner *o, struct sim_epoch *e,
                        struct ack *out)
{
    struct rep_epoch_prepare rep = { 0 };

    sim_op(&w->n, e->req.op);
    TRY(node_sim_ask(&w->n, &o->who, MSG_EPOCH_PREPARE, &e->req, &rep));
    if (out != NULL)
        assert_int_equal(ack_open(rep.ack, e->ack, out), OK);
    return OK;
}

static enum err commit(struct world *w, const struct sim_owner *o, uint32_t epoch,
                       const uint8_t hash[HASH_BYTES], const struct sim_epoch *e,
                       struct ack *out)
{
    struct req_epoch_commit req = { .epoch = epoch };
    struct rep_epoch_commit rep = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.manifest_hash, hash, HASH_BYTES);
    TRY(node_sim_ask(&w->n, &o->who, MSG_EPOCH_COMMIT, &req, &rep));
    if (out != NULL)
        assert_int_equal(ack_open(rep.ack, e->ack, out), OK);
    return OK;
}

static struct rep_epoch_state state_of(struct world *w, const struct session *who)
{
    struct req_epoch_state req = { 0 };
    struct rep_epoch_state rep = { 0 };

    assert_int_equal(node_sim_ask(&w->n, who, MSG_EPOCH_STATE, &req, &rep), OK);
    return rep;
}

static void hash_of(const struct sim_epoch *e, uint8_t out[HASH_BYTES])
{
    stored_hash(e->req.box_piece, e->req.box_roster, e->req.manifest, e->req.roster,
                e->req.descriptor, out);
}

/* ---- WARD_ENROL ---- */

static void a_ward_comes_with_the_key_it_speaks_with(void **state)
{
    struct world *w = *state;
    struct sim_owner late;
    struct req_cred_new invite;
    struct req_ward_enrol req;
    struct session link = { 0 };

    sim_owner_new(&w->n, &w->a, &late, &invite);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_CRED_NEW, &invite, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &late.link, &link), OK);
    sim_ward_req(&w->n, &late, &req);
    memcpy(req.stat, w->o.login.pub, PUB_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_WARD_ENROL, &req, NULL), ERR_KEY);
    assert_int_equal(node_sim_login(&w->n, &late.login, &late.who), ERR_UNKNOWN);
}

static void an_invite_makes_one_ward(void **state)
{
    struct world *w = *state;
    struct sim_owner late;
    struct req_cred_new invite;
    struct req_ward_enrol req;
    struct rep_ward_enrol first = { 0 };
    struct rep_ward_enrol again = { 0 };
    struct session link = { 0 };

    sim_owner_new(&w->n, &w->a, &late, &invite);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_CRED_NEW, &invite, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &late.link, &link), OK);
    sim_ward_req(&w->n, &late, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_WARD_ENROL, &req, &first), OK);
    /* Another account under the same invite. */
    sim_ward_req(&w->n, &w->o, &req);
    memcpy(req.stat, late.login.pub, PUB_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_WARD_ENROL, &req, NULL), ERR_USED);
    /* The same one, its answer lost: the same ward, with the psk it has now. */
    node_sim_again(&w->n);
    late.login.psk.b[0] ^= 1;
    assert_int_equal(node_sim_login(&w->n, &late.link, &link), OK);
    sim_ward_req(&w->n, &late, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_WARD_ENROL, &req, &again), OK);
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(node_sim_login(&w->n, &late.login, &late.who), OK);
    assert_memory_equal(late.who.ward, first.ward, ID_BYTES);
    /* Its key has worked: the invite is gone. */
    assert_int_equal(node_sim_login(&w->n, &late.link, &link), ERR_UNKNOWN);
}

static void wards_have_a_limit(void **state)
{
    struct world *w = *state;
    struct sim_owner late;
    struct req_cred_new invite;
    struct req_ward_enrol req;
    struct session link = { 0 };

    w->n.limits.wards = 2;
    sim_owner_new(&w->n, &w->a, &late, &invite);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_CRED_NEW, &invite, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &late.link, &link), OK);
    sim_ward_req(&w->n, &late, &req);
    assert_int_equal(node_sim_ask(&w->n, &link, MSG_WARD_ENROL, &req, NULL), ERR_FULL);
    /* Another seat's room is its own. */
    sim_ward(&w->n, &w->b, &late);
}

/* ---- EPOCH_NEXT ---- */

static void only_the_next_few_numbers_get_a_key(void **state)
{
    struct world *w = *state;

    assert_int_equal(next(w, &w->o, 0, NULL), ERR_STATE);
    assert_int_equal(next(w, &w->o, UINT32_MAX, NULL), ERR_STATE);
    /* A guardian who was added later begins where the circle is. */
    assert_int_equal(next(w, &w->other, 7, NULL), OK);
    sim_epoch(&w->n, &w->other, 4, &w->f);
    assert_int_equal(next(w, &w->other, 4, NULL), ERR_STATE);
    assert_int_equal(next(w, &w->other, 4 + EPOCHS_AHEAD + 1, NULL), ERR_STATE);
    assert_int_equal(next(w, &w->other, 5, NULL), OK);
    assert_int_equal(state_of(w, &w->other.who).n_epochs, 2);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    assert_int_equal(next(w, &w->o, 1, NULL), ERR_STATE);
    assert_int_equal(next(w, &w->o, 1 + EPOCHS_AHEAD + 1, NULL), ERR_STATE);
    assert_int_equal(next(w, &w->o, UINT32_MAX - 1, NULL), ERR_STATE);
    assert_int_equal(next(w, &w->o, 1 + EPOCHS_AHEAD, NULL), OK);
    assert_int_equal(next(w, &w->o, 2, NULL), OK);
}

/* Somewhere else there is one of the number between, whose device is gone. */
static void a_number_is_left_out(void **state)
{
    struct world *w = *state;
    struct rep_epoch_next rep = { 0 };
    uint8_t old[PUB_BYTES];

    sim_epoch(&w->n, &w->o, 1, &w->e);
    memcpy(old, w->e.ack, PUB_BYTES);
    assert_int_equal(next(w, &w->o, 3, &rep), OK);
    assert_int_equal(ack_key_verify(old, w->o.ward, 3, rep.ack, rep.sig), OK);
    sim_epoch(&w->n, &w->o, 3, &w->f);
    struct rep_epoch_state s = state_of(w, &w->o.who);

    assert_int_equal(s.n_epochs, 2);
    assert_int_equal(s.epochs[0].state, EPOCH_SUPERSEDED);
    assert_int_equal(s.epochs[1].epoch, 3);
    assert_int_equal(s.epochs[1].state, EPOCH_ACTIVE);
    /* What was left out is never taken any more. */
    assert_int_equal(next(w, &w->o, 2, NULL), ERR_STATE);
    assert_int_equal(next(w, &w->o, 4, NULL), OK);
}

static void the_key_is_signed_by_the_one_before(void **state)
{
    struct world *w = *state;
    struct rep_epoch_next first = { 0 };
    struct rep_epoch_next again = { 0 };
    struct rep_epoch_next second = { 0 };
    const uint8_t *node = w->n.env.id->sign_pub;

    assert_int_equal(next(w, &w->o, 1, &first), OK);
    node_sim_again(&w->n);
    node = w->n.env.id->sign_pub;
    assert_int_equal(next(w, &w->o, 1, &again), OK);
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(ack_key_verify(node, w->o.ward, 1, first.ack, first.sig), OK);
    assert_int_equal(ack_key_verify(node, w->other.ward, 1, first.ack, first.sig),
                     ERR_SIGNATURE);
    assert_int_equal(ack_key_verify(node, w->o.ward, 2, first.ack, first.sig),
                     ERR_SIGNATURE);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    assert_memory_equal(w->e.ack, first.ack, PUB_BYTES);
    assert_int_equal(next(w, &w->o, 2, &second), OK);
    assert_int_equal(ack_key_verify(first.ack, w->o.ward, 2, second.ack, second.sig), OK);
    assert_int_equal(ack_key_verify(node, w->o.ward, 2, second.ack, second.sig),
                     ERR_SIGNATURE);
}

static size_t creds_of(struct world *w)
{
    struct req_cred_list req = { 0 };
    struct rep_cred_list rep = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_LIST, &req, &rep), OK);
    assert_int_equal(rep.more, 0);
    return rep.n_creds;
}

static enum err next_with(struct world *w, uint32_t epoch, uint8_t id, uint8_t psk)
{
    struct req_epoch_next req = { .epoch = epoch };
    struct rep_epoch_next rep = { 0 };

    sim_op(&w->n, req.op);
    memset(req.roster_id, id, ID_BYTES);
    memset(req.roster_psk, psk, KEY_BYTES);
    return node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &req, &rep);
}

/* Who a list of guardians lets in comes with the key of its epoch, or not at all. */
static void the_roster_s_credential_comes_with_the_key(void **state)
{
    struct world *w = *state;
    size_t before = creds_of(w);

    assert_int_equal(next_with(w, 0, 7, 9), ERR_STATE); /* no such number */
    assert_int_equal(next_with(w, 1, 7, 0), ERR_ARG);   /* half a credential */
    assert_int_equal(creds_of(w), before);
    assert_int_equal(state_of(w, &w->o.who).n_epochs, 0);
    assert_int_equal(next_with(w, 1, 7, 9), OK);
    assert_int_equal(creds_of(w), before + 1);
    node_sim_again(&w->n);
    assert_int_equal(next_with(w, 1, 7, 9), OK); /* asked again */
    assert_int_equal(next_with(w, 1, 7, 8), ERR_CONFLICT);
    assert_int_equal(next(w, &w->o, 1, NULL), OK); /* and without one */
    assert_int_equal(creds_of(w), before + 1);
}

/* ---- EPOCH_PREPARE ---- */

static void an_epoch_without_its_key_is_not_taken(void **state)
{
    struct world *w = *state;

    sim_epoch_new(&w->n, &w->other, 1, &w->e);
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), ERR_STATE);
    assert_int_equal(state_of(w, &w->o.who).n_epochs, 0);
}

static void a_descriptor_must_be_true(void **state)
{
    struct world *w = *state;

    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    for (int fault = 0; fault < 8; fault++) {
        struct sim_epoch *f = &w->f;
        const struct sim_owner *signer = fault == 0 ? &w->other : &w->o;

        *f = w->e;
        if (fault == 1)
            f->d.epoch = 2;
        if (fault == 2)
            f->d.manifest_hash[0] ^= 1;
        if (fault == 3)
            f->d.pieces[1].ack[0] ^= 1;
        if (fault == 4)
            f->d.pieces[1].approval[0] ^= 1;
        if (fault == 5)
            f->req.group = 1;
        if (fault == 6) /* its keys, but in two different pieces */
            memcpy(f->d.pieces[0].ack, f->d.pieces[1].ack, PUB_BYTES);
        if (fault == 6)
            f->d.pieces[1].ack[0] ^= 1;
        if (fault == 1 || fault == 4)
            sim_epoch_name(signer, f); /* a true name of something else */
        else
            sim_epoch_sign(signer, f);
        if (fault == 7)
            f->raw[f->req.descriptor.n - 1] ^= 1;
        enum err e = prepare(w, &w->o, f, NULL);

        assert_int_equal(e, fault == 0 || fault == 7 ? ERR_SIGNATURE : ERR_FORMAT);
        assert_int_equal(state_of(w, &w->o.who).epochs[0].state, EPOCH_NEXT_KEY);
    }
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
}

/* What changes in it under the name it had; the last one may. */
static void say_otherwise(struct sim_epoch *f, int what)
{
    struct descriptor_piece swap = f->d.pieces[0];

    switch (what) {
    case 0: /* somebody of one's own has a say */
        f->d.pieces[2].approval[0] ^= 1;
        return;
    case 1:
        f->d.pieces[f->d.n_pieces++] = (struct descriptor_piece){ .approval = { 1 } };
        return;
    case 2:
        f->d.n_pieces--;
        return;
    case 3:
        f->d.pieces[0] = f->d.pieces[2];
        f->d.pieces[2] = swap;
        return;
    case 4:
        f->d.groups[0].t = 1;
        return;
    case 5:
        f->d.groups[0].n = 4;
        return;
    case 6:
        f->d.groups[f->d.n_groups++] = (struct manifest_group){ 1, 1 };
        return;
    case 7:
        f->req.hold = 0;
        return;
    case 8:
        f->req.stop_hold = 0;
        return;
    case 9:
        f->d.body[HASH_BYTES - 1] ^= 1;
        return;
    default: /* acknowledgement keys are the nodes' */
        f->d.pieces[0].ack[0] ^= 1;
        return;
    }
}

static void a_name_is_of_what_is_judged_by(void **state)
{
    struct world *w = *state;
    struct sim_epoch *f = &w->f;

    enum { LAST = 10 };

    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    for (int what = 0; what < LAST; what++) {
        *f = w->e;
        say_otherwise(f, what);
        sim_epoch_sign(&w->o, f);
        assert_int_equal(prepare(w, &w->o, f, NULL), ERR_FORMAT);
        assert_int_equal(state_of(w, &w->o.who).epochs[0].state, EPOCH_NEXT_KEY);
    }
    *f = w->e;
    say_otherwise(f, LAST);
    sim_epoch_sign(&w->o, f);
    assert_int_equal(prepare(w, &w->o, f, NULL), OK);
}

static void what_is_acknowledged_is_what_is_stored(void **state)
{
    struct world *w = *state;
    struct ack ack = { 0 };
    struct log_head head = { 0 };
    uint8_t want[HASH_BYTES];
    uint64_t told = w->n.now;

    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    assert_int_equal(prepare(w, &w->o, &w->e, &ack), OK);
    hash_of(&w->e, want);
    assert_int_equal(ack.state, EPOCH_PREPARED);
    assert_int_equal(ack.epoch, 1);
    assert_int_equal(ack.time, told);
    assert_memory_equal(ack.ward, w->o.ward, ID_BYTES);
    assert_memory_equal(ack.manifest_hash, w->e.hash, HASH_BYTES);
    assert_memory_equal(ack.stored, want, HASH_BYTES);
    assert_memory_equal(ack.incarnation, w->n.env.id->incarnation, ID_BYTES);
    assert_memory_not_equal(ack.log_head, head.hash, HASH_BYTES);
    /* And is there after a restart: another time, the same bytes. */
    node_sim_again(&w->n);
    w->n.now += 1000;
    struct rep_epoch_state s = state_of(w, &w->o.who);

    assert_int_equal(s.n_epochs, 1);
    assert_int_equal(ack_open(s.epochs[0].ack, w->e.ack, &ack), OK);
    assert_memory_equal(ack.stored, want, HASH_BYTES);
    assert_int_equal(ack.time, told + 1000);
}

static void of_two_devices_at_once_the_second_is_told(void **state)
{
    struct world *w = *state;
    struct ack ack = { 0 };
    uint8_t want[HASH_BYTES];

    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    sim_epoch_new(&w->n, &w->o, 1, &w->f);
    assert_memory_equal(w->e.ack, w->f.ack, PUB_BYTES);
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
    assert_int_equal(prepare(w, &w->o, &w->f, NULL), ERR_BUSY);
    assert_int_equal(commit(w, &w->o, 1, w->f.hash, &w->f, NULL), ERR_STATE);
    /* The same manifest with new boxes replaces them. */
    w->e.boxes[0][7] ^= 1;
    assert_int_equal(prepare(w, &w->o, &w->e, &ack), OK);
    hash_of(&w->e, want);
    assert_memory_equal(ack.stored, want, HASH_BYTES);
    /* A person sets the clock back: nobody waits for the time it had. */
    w->n.now -= 1000 * 86400;
    assert_int_equal(prepare(w, &w->o, &w->f, NULL), OK);
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), ERR_BUSY);
    w->n.now += 1000 * 86400 + WARD_PREPARED_S;
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
    /* Forgotten for 30 days, it gives way. */
    w->n.now += WARD_PREPARED_S - 1;
    assert_int_equal(prepare(w, &w->o, &w->f, NULL), ERR_BUSY);
    w->n.now += 1;
    assert_int_equal(prepare(w, &w->o, &w->f, &ack), OK);
    hash_of(&w->f, want);
    assert_memory_equal(ack.stored, want, HASH_BYTES);
    assert_int_equal(commit(w, &w->o, 1, w->e.hash, &w->e, NULL), ERR_STATE);
    assert_int_equal(commit(w, &w->o, 1, w->f.hash, &w->f, NULL), OK);
}

static void a_ward_has_so_many_bytes(void **state)
{
    struct world *w = *state;
    uint64_t size = 0;

    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    size = w->e.req.box_piece.n + w->e.req.box_roster.n + w->e.req.manifest.n +
           w->e.req.roster.n + w->e.req.descriptor.n;
    w->n.limits.ward_bytes = size - 1;
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), ERR_FULL);
    w->n.limits.ward_bytes = size;
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
    /* What is replaced does not count twice. */
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
    assert_int_equal(commit(w, &w->o, 1, w->e.hash, &w->e, NULL), OK);
    sim_epoch_new(&w->n, &w->o, 2, &w->f);
    assert_int_equal(prepare(w, &w->o, &w->f, NULL), ERR_FULL);
}

/* ---- EPOCH_COMMIT ---- */

static void only_what_was_prepared_is_committed(void **state)
{
    struct world *w = *state;
    uint8_t zero[HASH_BYTES] = { 0 };

    assert_int_equal(commit(w, &w->o, 1, zero, NULL, NULL), ERR_STATE);
    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    /* Its key is there, its manifest hash still zero. */
    assert_int_equal(commit(w, &w->o, 1, zero, NULL, NULL), ERR_STATE);
    assert_int_equal(commit(w, &w->o, 1, w->e.hash, &w->e, NULL), ERR_STATE);
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
    assert_int_equal(commit(w, &w->o, 2, w->e.hash, &w->e, NULL), ERR_STATE);
    assert_int_equal(commit(w, &w->other, 1, w->e.hash, &w->e, NULL), ERR_STATE);
    assert_int_equal(commit(w, &w->o, 1, w->e.hash, &w->e, NULL), OK);
}

static void a_commit_again_is_the_same(void **state)
{
    struct world *w = *state;
    struct ack first = { 0 };
    struct ack again = { 0 };

    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
    assert_int_equal(commit(w, &w->o, 1, w->e.hash, &w->e, &first), OK);
    assert_int_equal(first.state, EPOCH_ACTIVE);
    node_sim_again(&w->n);
    assert_int_equal(commit(w, &w->o, 1, w->e.hash, &w->e, &again), OK);
    assert_memory_equal(first.stored, again.stored, HASH_BYTES);
    /* PREPARE of what is active answers, and writes nothing over. */
    w->e.boxes[0][0] ^= 1;
    assert_int_equal(prepare(w, &w->o, &w->e, &again), OK);
    assert_int_equal(again.state, EPOCH_ACTIVE);
    assert_memory_equal(first.stored, again.stored, HASH_BYTES);
    sim_epoch_new(&w->n, &w->o, 2, &w->f);
    w->f.req.epoch = 1;
    assert_int_equal(prepare(w, &w->o, &w->f, NULL), ERR_STATE);
}

static void the_old_epoch_stays_good(void **state)
{
    struct world *w = *state;
    struct ack ack = { 0 };
    uint8_t want[HASH_BYTES];

    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_epoch(&w->n, &w->o, 2, &w->f);
    node_sim_again(&w->n);
    struct rep_epoch_state s = state_of(w, &w->o.who);

    assert_int_equal(s.n_epochs, 2);
    assert_int_equal(s.epochs[0].epoch, 1);
    assert_int_equal(s.epochs[0].state, EPOCH_SUPERSEDED);
    assert_int_equal(ack_open(s.epochs[0].ack, w->e.ack, &ack), OK);
    hash_of(&w->e, want);
    assert_memory_equal(ack.stored, want, HASH_BYTES);
    assert_int_equal(s.epochs[1].state, EPOCH_ACTIVE);
    assert_int_equal(ack_open(s.epochs[1].ack, w->f.ack, &ack), OK);
    hash_of(&w->f, want);
    assert_memory_equal(ack.stored, want, HASH_BYTES);
    /* One does not go back. */
    assert_int_equal(commit(w, &w->o, 1, w->e.hash, &w->e, NULL), ERR_STATE);
}

static void a_node_keeps_so_many_epochs(void **state)
{
    struct world *w = *state;

    for (uint32_t i = 1; i <= EPOCHS_OWNER; i++)
        sim_epoch(&w->n, &w->o, i, &w->e);
    assert_int_equal(next(w, &w->o, EPOCHS_OWNER + 1, NULL), ERR_FULL);
    assert_int_equal(state_of(w, &w->o.who).n_epochs, EPOCHS_OWNER);
}

static void one_ward_does_not_see_another(void **state)
{
    struct world *w = *state;

    sim_epoch(&w->n, &w->o, 1, &w->e);
    assert_int_equal(state_of(w, &w->other.who).n_epochs, 0);
    sim_epoch(&w->n, &w->other, 1, &w->f);
    struct rep_epoch_state s = state_of(w, &w->other.who);
    struct ack ack = { 0 };

    assert_int_equal(s.n_epochs, 1);
    assert_memory_equal(s.epochs[0].manifest_hash, w->f.hash, HASH_BYTES);
    assert_int_equal(ack_open(s.epochs[0].ack, w->e.ack, &ack), ERR_SIGNATURE);
}

/* ---- for requests ---- */

struct look {
    const uint8_t *ward;
    enum err visible;
    enum err policy_result;
    struct record_ward got;
    struct record_epoch policy;
    enum object which;
    uint8_t object[256];
    size_t n;
};

static enum err look(struct call *c, void *arg)
{
    struct look *l = arg;
    struct record_ward ward = { 0 };
    struct bytes object = { 0 };

    l->visible = ward_visible(c, l->ward, &l->got);
    TRY(ward_get(c, l->ward, &ward));
    l->policy_result = ward_policy(c, &ward, &l->policy);
    if (l->which == 0)
        return OK;
    TRY(ward_object(c, l->ward, 1, l->which, &object));
    assert_true(object.n <= sizeof l->object);
    memcpy(l->object, object.p, object.n);
    l->n = object.n;
    return OK;
}

static enum err confirm(struct call *c, void *arg)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, arg, &ward));
    return ward_confirm(c, &ward);
}

static void a_ward_is_visible_to_its_own(void **state)
{
    struct world *w = *state;
    struct look l = { .ward = w->o.ward };
    const struct session *yes[] = { &w->o.who, &w->a.who };
    const struct session *no[] = { &w->other.who, &w->b.who };

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(node_sim_write(&w->n, yes[i], look, &l), OK);
        assert_int_equal(l.visible, OK);
        assert_memory_equal(l.got.ward, w->o.ward, ID_BYTES);
        assert_int_equal(node_sim_write(&w->n, no[i], look, &l), OK);
        assert_int_equal(l.visible, ERR_UNKNOWN);
    }
    l.ward = w->a.seat;
    assert_int_equal(node_sim_write(&w->n, &w->a.who, look, &l), ERR_UNKNOWN);
}

static void the_stored_objects_are_those_of_the_epoch(void **state)
{
    struct world *w = *state;
    struct look l = { .ward = w->o.ward, .which = OBJECT_BOX_PIECE };

    assert_int_equal(node_sim_write(&w->n, &w->a.who, look, &l), ERR_UNKNOWN);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    for (size_t i = 0; i < 4; i++) {
        l.which = (enum object)(OBJECT_BOX_PIECE + (int)i);
        assert_int_equal(node_sim_write(&w->n, &w->a.who, look, &l), OK);
        assert_int_equal(l.n, sizeof w->e.boxes[i]);
        assert_memory_equal(l.object, w->e.boxes[i], l.n);
    }
}

static void a_confirmed_epoch_rules(void **state)
{
    struct world *w = *state;
    struct look l = { .ward = w->o.ward };

    assert_int_equal(node_sim_write(&w->n, &w->a.who, look, &l), OK);
    assert_int_equal(l.policy_result, ERR_STATE);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    assert_int_equal(state_of(w, &w->o.who).epochs[0].confirmed, 0);
    sim_epoch_new(&w->n, &w->o, 2, &w->f);
    w->f.req.hold = 5;
    sim_epoch_name(&w->o, &w->f);
    assert_int_equal(prepare(w, &w->o, &w->f, NULL), OK);
    /* Prepared is not held. */
    assert_int_equal(node_sim_write(&w->n, &w->a.who, look, &l), OK);
    assert_int_equal(l.policy.epoch, 1);
    assert_int_equal(commit(w, &w->o, 2, w->f.hash, &w->f, NULL), OK);
    /* A new one by whoever holds the keys does not shorten the hold: nothing confirmed,
     */
    assert_int_equal(node_sim_write(&w->n, &w->a.who, look, &l), OK);
    assert_int_equal(l.policy.epoch, 1);
    assert_int_equal(l.policy.hold, 72 * 3600);
    /* nor once the first one is. */
    assert_int_equal(node_sim_write(&w->n, &w->a.who, confirm, w->o.ward), OK);
    assert_int_equal(node_sim_write(&w->n, &w->a.who, look, &l), OK);
    assert_int_equal(l.policy.epoch, 1);
    assert_int_equal(l.policy.hold, 72 * 3600);
    struct rep_epoch_state s = state_of(w, &w->o.who);

    assert_int_equal(s.epochs[0].confirmed, 1);
    assert_int_equal(s.epochs[1].confirmed, 0);
}

static void a_confirmation_before_the_seal_counts_for_epoch_1(void **state)
{
    struct world *w = *state;
    struct look l = { .ward = w->o.ward };
    struct req_wards req = { 0 };
    struct rep_wards rep = { 0 };
    uint64_t when = w->n.now;

    assert_int_equal(node_sim_write(&w->n, &w->a.who, confirm, w->o.ward), OK);
    w->n.now += 60;
    assert_int_equal(node_sim_write(&w->n, &w->a.who, confirm, w->o.ward), OK);
    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
    /* Confirmed, but not yet active: no policy. */
    assert_int_equal(node_sim_write(&w->n, &w->a.who, look, &l), OK);
    assert_int_equal(l.policy_result, ERR_STATE);
    assert_int_equal(commit(w, &w->o, 1, w->e.hash, &w->e, NULL), OK);
    sim_epoch(&w->n, &w->other, 1, &w->f);
    sim_epoch(&w->n, &w->o, 2, &w->f);
    assert_int_equal(state_of(w, &w->o.who).epochs[1].confirmed, 0);
    assert_int_equal(state_of(w, &w->o.who).epochs[0].confirmed, 1);
    assert_int_equal(state_of(w, &w->other.who).epochs[0].confirmed, 0);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_WARDS, &req, &rep), OK);
    assert_int_equal(rep.wards[0].confirmed, when);
}

/* ---- WARDS ---- */

static void each_sees_the_wards_that_are_theirs(void **state)
{
    struct world *w = *state;
    struct req_wards req = { 0 };
    struct rep_wards rep = { 0 };

    sim_epoch(&w->n, &w->o, 1, &w->e);
    assert_int_equal(node_sim_ask(&w->n, &w->b.who, MSG_WARDS, &req, &rep), OK);
    assert_int_equal(rep.n_wards, 0);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_WARDS, &req, &rep), OK);
    assert_int_equal(rep.n_wards, 2);
    assert_int_equal(rep.more, 0);
    rep = (struct rep_wards){ 0 };
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_WARDS, &req, &rep), OK);
    assert_int_equal(rep.n_wards, 1);
    assert_memory_equal(rep.wards[0].ward, w->o.ward, ID_BYTES);
    assert_memory_equal(rep.wards[0].invite, w->o.invite, ID_BYTES);
    assert_int_equal(rep.wards[0].epoch, 1);
    assert_int_equal(rep.wards[0].hold, 72 * 3600);
    assert_int_equal(rep.wards[0].stop_hold, 9 * 86400);
    assert_int_equal(rep.wards[0].enrolled, SIM_START);
    assert_int_equal(rep.wards[0].requests, 0);
    assert_int_equal(rep.wards[0].note.n, 64);
}

static void many_wards_with_long_notes_come_in_pages(void **state)
{
    struct world *w = *state;
    static uint8_t note[3072];
    struct req_wards req = { 0 };
    struct rep_wards rep = { 0 };
    size_t seen = 0;
    int pages = 0;

    for (int i = 0; i < 18; i++) {
        struct sim_owner late;
        struct req_cred_new invite;
        struct req_ward_enrol enrol;
        struct session link = { 0 };

        sim_owner_new(&w->n, &w->a, &late, &invite);
        assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_CRED_NEW, &invite, NULL), OK);
        assert_int_equal(node_sim_login(&w->n, &late.link, &link), OK);
        sim_ward_req(&w->n, &late, &enrol);
        enrol.note = BYTES_OF(note);
        assert_int_equal(node_sim_ask(&w->n, &link, MSG_WARD_ENROL, &enrol, NULL), OK);
    }
    do {
        rep = (struct rep_wards){ 0 };
        assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_WARDS, &req, &rep), OK);
        assert_true(rep.n_wards > 0);
        seen += rep.n_wards;
        memcpy(req.after, rep.wards[rep.n_wards - 1].ward, ID_BYTES);
        pages++;
    } while (rep.more);
    assert_int_equal(seen, 20);
    assert_int_equal(pages, 2);
}

/* ---- alerts ---- */

struct alerts {
    const uint8_t *ward;
    struct drop_entry lines[8];
    struct drop_event alerts[8];
    size_t n;
};

static enum err alerts(struct call *c, void *arg)
{
    struct alerts *a = arg;
    struct record_ward ward = { 0 };

    TRY(ward_get(c, a->ward, &ward));
    TRY(drop_list(c, ward.alert, 0, a->lines, 8, &a->n));
    for (size_t i = 0; i < a->n; i++) {
        struct bytes blob = { 0 };

        TRY(drop_get(c, ward.alert, a->lines[i].seq, &blob));
        TRY(wire_get(&drop_event_schema, blob, &a->alerts[i]));
    }
    return OK;
}

static void what_happens_to_a_ward_is_in_its_alert_drop(void **state)
{
    struct world *w = *state;
    struct alerts a = { .ward = w->o.ward };
    const uint8_t want[] = { REC_WARD_ENROLLED, REC_EPOCH_PREPARED, REC_EPOCH_COMMITTED };

    sim_epoch(&w->n, &w->o, 1, &w->e);
    node_sim_again(&w->n);
    assert_int_equal(node_sim_write(&w->n, NULL, alerts, &a), OK);
    assert_int_equal(a.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(a.alerts[i].event, want[i]);
        assert_memory_equal(a.alerts[i].ward, w->o.ward, ID_BYTES);
        assert_int_equal(a.alerts[i].epoch, i > 0);
        assert_int_equal(a.alerts[i].time, SIM_START);
    }
}

/* A drop holds so many: nobody fills it by saying the same again. */
static void the_same_epoch_again_is_no_news(void **state)
{
    struct world *w = *state;
    struct alerts a = { .ward = w->o.ward };
    struct rep_epoch_next rep = { 0 };

    assert_int_equal(next(w, &w->o, 1, &rep), OK);
    sim_epoch_new(&w->n, &w->o, 1, &w->e);
    for (int i = 0; i < 4; i++)
        assert_int_equal(prepare(w, &w->o, &w->e, NULL), OK);
    assert_int_equal(node_sim_write(&w->n, NULL, alerts, &a), OK);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.alerts[1].event, REC_EPOCH_PREPARED);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        CASE(a_ward_comes_with_the_key_it_speaks_with),
        CASE(an_invite_makes_one_ward),
        CASE(wards_have_a_limit),
        CASE(only_the_next_few_numbers_get_a_key),
        CASE(a_number_is_left_out),
        CASE(the_key_is_signed_by_the_one_before),
        CASE(the_roster_s_credential_comes_with_the_key),
        CASE(an_epoch_without_its_key_is_not_taken),
        CASE(a_descriptor_must_be_true),
        CASE(a_name_is_of_what_is_judged_by),
        CASE(what_is_acknowledged_is_what_is_stored),
        CASE(of_two_devices_at_once_the_second_is_told),
        CASE(a_ward_has_so_many_bytes),
        CASE(only_what_was_prepared_is_committed),
        CASE(a_commit_again_is_the_same),
        CASE(the_old_epoch_stays_good),
        CASE(a_node_keeps_so_many_epochs),
        CASE(one_ward_does_not_see_another),
        CASE(a_ward_is_visible_to_its_own),
        CASE(the_stored_objects_are_those_of_the_epoch),
        CASE(a_confirmed_epoch_rules),
        CASE(a_confirmation_before_the_seal_counts_for_epoch_1),
        CASE(each_sees_the_wards_that_are_theirs),
        CASE(many_wards_with_long_notes_come_in_pages),
        CASE(what_happens_to_a_ward_is_in_its_alert_drop),
        CASE(the_same_epoch_again_is_no_news),
    };
#undef CASE

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("ward", tests, NULL, NULL);

    secret_end();
    return failed;
}
