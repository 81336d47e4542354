/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/vault_part.h"
#include "node/ward.h"
#include "proto/piece_part.h"
#include "tests/sim/vaults.h"

struct world {
    struct node_sim n;
    struct sim_guardian g;
    struct sim_owner o;
    struct sim_owner other;
    struct sim_pusher device;
    struct sim_pusher second; /* another device of the same owner */
    struct sim_pusher root;
    struct sim_pusher foreign; /* the other owner's */
    uint8_t mem[80 * 1024];
    uint8_t ids[80 * 1024];
};

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 71);
    sim_seat(&w->n, &w->g);
    sim_ward(&w->n, &w->g, &w->o);
    sim_ward(&w->n, &w->g, &w->other);
    sim_device(&w->n, &w->o, &w->device);
    sim_device(&w->n, &w->o, &w->second);
    sim_account(&w->o, &w->root);
    sim_account(&w->other, &w->foreign);
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

/* Framed objects mark, mark + 1 … of that size. */
static struct bytes objects(struct world *w, uint32_t mark, size_t count, size_t size)
{
    struct buf b = BUF_OF(w->mem);

    for (size_t i = 0; i < count; i++)
        sim_object_put(mark + (uint32_t)i, size, &b);
    return buf_bytes(&b);
}

static struct bytes ids(struct world *w, uint32_t mark, size_t count, size_t size)
{
    struct buf b = BUF_OF(w->ids);

    for (size_t i = 0; i < count; i++)
        sim_object_id(mark + (uint32_t)i, size, &b);
    return buf_bytes(&b);
}

static enum err put(struct world *w, const struct sim_pusher *p, struct bytes what)
{
    return sim_vault_put(&w->n, p, what, NULL);
}

static enum err push(struct world *w, const struct sim_pusher *p)
{
    return sim_push(&w->n, p, (struct bytes){ 0 }, (struct bytes){ 0 }, NULL);
}

static enum err set(struct world *w, const struct sim_pusher *p, struct sim_head *h)
{
    sim_op(&w->n, h->req.op);
    return node_sim_ask(&w->n, &p->who, MSG_HEAD_SET, &h->req, NULL);
}

static uint64_t used(struct world *w)
{
    struct rep_head_get rep = { 0 };

    assert_int_equal(sim_head_get(&w->n, &w->root, 0, &rep), OK);
    return rep.used;
}

static uint64_t newest(struct world *w)
{
    struct rep_head_get rep = { 0 };

    assert_int_equal(sim_head_get(&w->n, &w->root, 0, &rep), OK);
    return rep.version;
}

/* ---- what is refused ---- */

static void objects_that_are_none_are_refused(void **state)
{
    struct world *w = *state;
    struct bytes good = objects(w, 1, 2, 1000);

    /* Cut short, a byte too many, a frame that is longer than the rest. */
    assert_int_equal(put(w, &w->device, bytes_of(good.p, good.n - 1)), ERR_FORMAT);
    assert_int_equal(put(w, &w->device, bytes_of(good.p, good.n - 1000)), ERR_FORMAT);
    assert_int_equal(put(w, &w->device, bytes_of(good.p, 1004 + 3)), ERR_FORMAT);
    assert_int_equal(put(w, &w->device, objects(w, 1, 1, VAULT_OBJECT_MIN - 1)),
                     ERR_FORMAT);
    assert_int_equal(put(w, &w->device, objects(w, 1, 1, VAULT_OBJECT_MAX + 1)),
                     ERR_FORMAT);
    /* The good one in front of the bad one is not stored either. */
    assert_int_equal(used(w), 0);
    assert_false(sim_has(&w->n, &w->device, 1, 1000));
}

static void lists_of_ids_are_whole(void **state)
{
    struct world *w = *state;
    struct bytes three = ids(w, 1, 3, 1000);
    struct req_vault_have have = { .ids = bytes_of(three.p, three.n - 1) };
    struct req_vault_get get = { .ids = bytes_of(three.p, VAULT_ID + 1) };
    struct sim_head h;

    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_VAULT_HAVE, &have, NULL),
                     ERR_FORMAT);
    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_VAULT_GET, &get, NULL),
                     ERR_FORMAT);
    sim_head_new(&w->n, &w->device, &h);
    h.req.dropped = bytes_of(three.p, VAULT_ID - 1);
    assert_int_equal(set(w, &w->device, &h), ERR_FORMAT);
    assert_int_equal(newest(w), 0);
}

static void heads_that_are_not_for_here_are_refused(void **state)
{
    struct world *w = *state;
    struct sim_head h;

    sim_head_new(&w->n, &w->device, &h);
    memcpy(h.head.ward, w->other.ward, ID_BYTES);
    sim_head_sign(&w->device, &h);
    assert_int_equal(set(w, &w->device, &h), ERR_FORMAT);

    /* Changed after it was signed; signed by whoever, by another ward's account, by the
     * other device of the same owner, by the guardian. */
    sim_head_new(&w->n, &w->device, &h);
    h.raw[h.req.head.n / 3] ^= 1; /* in its body */
    assert_int_equal(set(w, &w->device, &h), ERR_SIGNATURE);
    const struct sim_pusher *signers[] = { &w->foreign, &w->second };

    for (size_t i = 0; i < 2; i++) {
        sim_head_new(&w->n, &w->device, &h);
        memcpy(h.head.signer, signers[i]->sign_pub, PUB_BYTES);
        sim_head_sign(signers[i], &h);
        assert_int_equal(set(w, &w->device, &h), ERR_SIGNATURE);
    }
    /* No word of the root account's that this device is one; or of another account. */
    sim_head_new(&w->n, &w->device, &h);
    memset(h.head.let_in, 0, SIG_BYTES);
    sim_head_sign(&w->device, &h);
    assert_int_equal(set(w, &w->device, &h), ERR_SIGNATURE);
    vault_signer_make(&w->other.account, h.head.signer, h.head.let_in);
    sim_head_sign(&w->device, &h);
    assert_int_equal(set(w, &w->device, &h), ERR_SIGNATURE);
    /* A device's key is no root account. */
    sim_head_new(&w->n, &w->device, &h);
    assert_int_equal(set(w, &w->root, &h), ERR_SIGNATURE);
    h.req.head = bytes_of(h.raw, h.req.head.n - 1);
    assert_int_not_equal(set(w, &w->device, &h), OK);
    assert_int_equal(newest(w), 0);
    assert_int_equal(used(w), 0);
}

/* A head as vault_head_make never makes it: of any version. */
static void sign_any(struct world *w, struct sim_head *h, uint64_t version)
{
    static const struct wire_field fields[] = {
        W_FIX(vault_head, ward, 1, WIRE_MUST),
        W_UINT(vault_head, version, 2, WIRE_MUST, UINT64_MAX),
        W_FIX(vault_head, before, 3, WIRE_MAY),
        W_BYTES(vault_head, body, 4, WIRE_MUST, SEAL_OVERHEAD, VAULT_BODY_MAX),
        W_FIX(vault_head, signer, 5, WIRE_MUST),
        W_FIX(vault_head, let_in, 7, WIRE_MAY),
    };
    static const struct wire_schema schema = W_SCHEMA(vault_head, fields);
    struct buf b = BUF_OF(h->raw);

    h->head.version = version;
    signed_put(&schema, &h->head, &w->device.sign, LABEL_VAULT_HEAD, &b);
    h->req.head = buf_bytes(&b);
}

static void versions_follow_each_other(void **state)
{
    struct world *w = *state;
    const uint64_t wrong[] = { 0, 1, 3, 4, VAULT_VERSION_MAX };
    struct sim_head h;

    assert_int_equal(push(w, &w->device), OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        sim_head_new(&w->n, &w->device, &h);
        h.head.version = wrong[i];
        sim_head_sign(&w->device, &h);
        assert_int_equal(set(w, &w->device, &h), ERR_NEWER);
    }
    sim_head_new(&w->n, &w->device, &h);
    sign_any(w, &h, (uint64_t)VAULT_VERSION_MAX + 1);
    assert_int_equal(set(w, &w->device, &h), ERR_FORMAT);
    sign_any(w, &h, UINT64_MAX);
    assert_int_equal(set(w, &w->device, &h), ERR_FORMAT);
    sign_any(w, &h, 2);
    assert_int_equal(set(w, &w->device, &h), OK);
    /* The right number, but made from another head. */
    sim_head_new(&w->n, &w->device, &h);
    h.head.before[3] ^= 1;
    sim_head_sign(&w->device, &h);
    assert_int_equal(set(w, &w->device, &h), ERR_NEWER);
    assert_int_equal(newest(w), 2);
}

static void a_frozen_ward_is_read_and_not_changed(void **state)
{
    struct world *w = *state;
    struct req_freeze freeze = { 0 };
    struct sim_head h;

    assert_int_equal(put(w, &w->device, objects(w, 1, 1, 1000)), OK);
    assert_int_equal(push(w, &w->device), OK);
    sim_op(&w->n, freeze.op);
    memcpy(freeze.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_FREEZE, &freeze, NULL), OK);

    sim_head_new(&w->n, &w->root, &h);
    assert_int_equal(set(w, &w->root, &h), ERR_FROZEN);
    sim_head_new(&w->n, &w->device, &h);
    assert_int_equal(set(w, &w->device, &h), ERR_FROZEN);
    assert_int_equal(put(w, &w->device, objects(w, 2, 1, 1000)), ERR_FROZEN);
    assert_true(sim_has(&w->n, &w->device, 1, 1000));
    assert_true(sim_gives(&w->n, &w->device, 1, 1000));
    assert_int_equal(newest(w), 1);

    w->n.now += WARD_FROZEN_S;
    assert_int_equal(push(w, &w->device), OK);
}

static enum err no_key(struct call *c, void *arg)
{
    struct data_id id = { .epoch = DATA_VAULT };

    memcpy(id.ward, arg, ID_BYTES);
    return data_key_has(c->txn, &id);
}

static enum err count_kept(struct call *c, void *arg)
{
    size_t *n = arg;

    for (unsigned tab = TAB_VAULT; tab <= TAB_VAULT_MARK; tab++) {
        struct txn_key at = { 0 };

        while (txn_next(c->txn, (enum store_table)tab, (struct bytes){ 0 }, &at,
                        (struct span){ 0 }, NULL) == OK)
            (*n)++;
    }
    return OK;
}

static void what_was_given_up_is_gone(void **state)
{
    struct world *w = *state;
    struct req_ward_end end = { 0 };
    struct req_vault_have have = { .ids = ids(w, 1, 1, 1000) };
    struct req_head_get get = { 0 };
    struct sim_head h;
    size_t kept = 0;

    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(put(w, &w->device, objects(w, 100 * i, 56, 1000)), OK);
    assert_int_equal(push(w, &w->device), OK);
    sim_head_new(&w->n, &w->device, &h);
    assert_int_equal(node_sim_write(&w->n, NULL, no_key, w->o.ward), OK);
    sim_op(&w->n, end.op);
    memcpy(end.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_WARD_END, &end, NULL), OK);

    /* The key goes with the answer, what lies under it soon. */
    assert_int_equal(node_sim_write(&w->n, NULL, no_key, w->o.ward), ERR_UNKNOWN);
    assert_int_equal(put(w, &w->device, objects(w, 1, 1, 1000)), ERR_LEFT);
    assert_int_equal(set(w, &w->device, &h), ERR_LEFT);
    assert_int_equal(node_sim_ask(&w->n, &w->root.who, MSG_VAULT_HAVE, &have, NULL),
                     ERR_LEFT);
    assert_int_equal(node_sim_ask(&w->n, &w->root.who, MSG_HEAD_GET, &get, NULL),
                     ERR_LEFT);
    assert_true(sim_vault_tick(&w->n) > 2);
    assert_int_equal(node_sim_write(&w->n, NULL, count_kept, &kept), OK);
    assert_int_equal(kept, 0);
}

/* ---- moving objects ---- */

static void objects_are_given_as_they_came(void **state)
{
    struct world *w = *state;
    struct rep_vault_put rep = { 0 };
    struct rep_vault_get got = { 0 };
    struct buf asked = BUF_OF(w->ids);
    struct bytes one = { 0 };

    assert_int_equal(sim_vault_put(&w->n, &w->device, objects(w, 1, 3, 1000), &rep), OK);
    assert_int_equal(rep.stored, 3);
    assert_int_equal(rep.used, 3000);
    /* Twice is as once; also within one message. */
    assert_int_equal(sim_vault_put(&w->n, &w->second, objects(w, 1, 3, 1000), &rep), OK);
    assert_int_equal(rep.stored, 0);
    struct buf twice = BUF_OF(w->mem);

    sim_object_put(9, 500, &twice);
    sim_object_put(9, 500, &twice);
    assert_int_equal(sim_vault_put(&w->n, &w->device, buf_bytes(&twice), &rep), OK);
    assert_int_equal(rep.stored, 1);
    assert_int_equal(rep.used, 3500);
    assert_int_equal(used(w), 3500);

    /* In the order asked, an empty frame for what is not there. */
    sim_object_id(3, 1000, &asked);
    sim_object_id(77, 1000, &asked);
    sim_object_id(1, 1000, &asked);
    struct req_vault_get get = { .ids = buf_bytes(&asked) };

    assert_int_equal(node_sim_ask(&w->n, &w->second.who, MSG_VAULT_GET, &get, &got), OK);
    struct bytes want = objects(w, 3, 1, 1000);
    assert_int_equal(vault_frame_next(&got.objects, &one), OK);
    assert_memory_equal(one.p, want.p + 4, 1000);
    assert_int_equal(vault_frame_next(&got.objects, &one), OK);
    assert_int_equal(one.n, 0);
    want = objects(w, 1, 1, 1000);
    assert_int_equal(vault_frame_next(&got.objects, &one), OK);
    assert_memory_equal(one.p, want.p + 4, 1000);
    assert_int_equal(got.objects.n, 0);

    /* Another ward has nothing of it. */
    assert_false(sim_has(&w->n, &w->foreign, 1, 1000));
    assert_false(sim_gives(&w->n, &w->foreign, 1, 1000));
}

static void only_what_fits_is_given_at_once(void **state)
{
    struct world *w = *state;
    struct rep_vault_get got = { 0 };
    struct bytes one = { 0 };

    assert_int_equal(put(w, &w->device, objects(w, 1, 1, VAULT_OBJECT_MAX)), OK);
    assert_int_equal(put(w, &w->device, objects(w, 2, 1, VAULT_OBJECT_MAX)), OK);
    struct req_vault_get get = { .ids = ids(w, 1, 2, VAULT_OBJECT_MAX) };

    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_VAULT_GET, &get, &got), OK);
    assert_int_equal(vault_frame_next(&got.objects, &one), OK);
    assert_int_equal(one.n, VAULT_OBJECT_MAX);
    assert_int_equal(got.objects.n, 0);
}

static void have_answers_bit_by_bit(void **state)
{
    struct world *w = *state;
    struct rep_vault_have rep = { 0 };
    struct buf b = BUF_OF(w->ids);

    assert_int_equal(put(w, &w->device, objects(w, 0, 150, 300)), OK);
    for (uint32_t i = 0; i < VAULT_HAVE_MAX; i++)
        sim_object_id(i % 3 == 0 ? i / 3 : 100000 + i, 300, &b);
    struct req_vault_have req = { .ids = buf_bytes(&b) };

    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_VAULT_HAVE, &req, &rep), OK);
    assert_int_equal(rep.bits.n, VAULT_HAVE_MAX / 8);
    for (uint32_t i = 0; i < VAULT_HAVE_MAX; i++)
        assert_int_equal(rep.bits.p[i / 8] >> (i % 8) & 1, i % 3 == 0 && i / 3 < 150);
}

static enum err spoil(struct call *c, void *arg)
{
    struct txn_key key = key_blob(arg, 1);

    return txn_del(c->txn, TAB_VAULT_BULK, key_bytes(&key));
}

static void what_rotted_is_mended_by_putting_it_again(void **state)
{
    struct world *w = *state;
    struct rep_vault_put rep = { 0 };

    assert_int_equal(put(w, &w->device, objects(w, 1, 2, 1000)), OK);
    assert_int_equal(push(w, &w->device), OK);
    uint64_t before = used(w);

    assert_int_equal(node_sim_write(&w->n, NULL, spoil, w->o.ward), OK);
    assert_false(sim_gives(&w->n, &w->device, 1, 1000));
    assert_true(sim_gives(&w->n, &w->device, 2, 1000));
    assert_int_equal(sim_vault_put(&w->n, &w->device, objects(w, 1, 1, 1000), &rep), OK);
    assert_int_equal(rep.stored, 1);
    assert_true(sim_gives(&w->n, &w->device, 1, 1000));
    assert_int_equal(used(w), before);
}

/* ---- heads ---- */

static void a_head_is_given_with_its_witness(void **state)
{
    struct world *w = *state;
    struct rep_head_get got = { 0 };
    struct vault_head h = { 0 };
    struct sim_head made;

    assert_int_equal(sim_head_get(&w->n, &w->device, 0, &got), OK);
    assert_int_equal(got.head.n, 0);
    assert_int_equal(got.version, 0);
    assert_int_equal(got.quota, 75497472);
    for (int i = 0; i < 3; i++) {
        w->n.now += 10;
        sim_head_new(&w->n, &w->device, &made);
        assert_int_equal(set(w, &w->device, &made), OK);
    }
    assert_int_equal(sim_head_get(&w->n, &w->second, 0, &got), OK);
    assert_int_equal(got.version, 3);
    assert_int_equal(got.oldest, 1);
    assert_int_equal(got.received, w->n.now);
    assert_true(bytes_equal(got.head, made.req.head));
    assert_true(bytes_equal(got.witness, made.req.witness));
    assert_int_equal(sim_head_get(&w->n, &w->second, 2, &got), OK);
    assert_int_equal(vault_head_open(got.head, &h), OK);
    assert_int_equal(h.version, 2);
    assert_int_equal(got.received, w->n.now - 10);
    assert_int_equal(sim_head_get(&w->n, &w->second, UINT64_MAX, &got), OK);
    assert_int_equal(vault_head_open(got.head, &h), OK);
    assert_int_equal(h.version, 3);
}

static void the_second_of_two_is_told(void **state)
{
    struct world *w = *state;
    struct sim_head a;
    struct sim_head b;

    sim_head_new(&w->n, &w->device, &a);
    sim_head_new(&w->n, &w->second, &b);
    assert_int_equal(set(w, &w->device, &a), OK);
    assert_int_equal(set(w, &w->second, &b), ERR_NEWER);
    /* The first again, its answer lost, with and without its op id. */
    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_HEAD_SET, &a.req, NULL), OK);
    assert_int_equal(set(w, &w->device, &a), OK);
    assert_int_equal(newest(w), 1);
    sim_head_new(&w->n, &w->second, &b);
    assert_int_equal(set(w, &w->second, &b), OK);
    /* It was there once, and is not the newest any more. */
    assert_int_equal(set(w, &w->device, &a), ERR_NEWER);
    assert_int_equal(newest(w), 2);
}

static void an_op_id_says_the_same_again(void **state)
{
    struct world *w = *state;
    struct rep_head_set rep = { 0 };
    struct rep_head_set again = { 0 };
    struct sim_head h;

    sim_head_new(&w->n, &w->device, &h);
    h.req.objects = objects(w, 1, 4, 1000);
    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_HEAD_SET, &h.req, &rep), OK);
    assert_int_equal(push(w, &w->second), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_HEAD_SET, &h.req, &again),
                     OK);
    assert_int_equal(again.version, 1);
    assert_int_equal(again.used, rep.used);
    h.req.objects = objects(w, 1, 3, 1000);
    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_HEAD_SET, &h.req, NULL),
                     ERR_CONFLICT);
}

static void a_small_push_is_one_message(void **state)
{
    struct world *w = *state;
    struct rep_head_set rep = { 0 };
    struct bytes none = { 0 };

    assert_int_equal(sim_push(&w->n, &w->device, objects(w, 1, 10, 1000), none, &rep),
                     OK);
    assert_int_equal(rep.version, 1);
    assert_true(rep.used > 10000 && rep.used < 11000);
    for (uint32_t i = 1; i <= 10; i++)
        assert_true(sim_gives(&w->n, &w->second, i, 1000));
    /* A head that is refused brings no object in. */
    struct sim_head h;

    sim_head_new(&w->n, &w->device, &h);
    h.head.version++;
    sim_head_sign(&w->device, &h);
    h.req.objects = objects(w, 50, 1, 1000);
    assert_int_equal(set(w, &w->device, &h), ERR_NEWER);
    assert_false(sim_has(&w->n, &w->device, 50, 1000));
}

static void the_greatest_head_is_one_job(void **state)
{
    struct world *w = *state;

    for (uint32_t i = 0; i < 1000; i += 100)
        assert_int_equal(put(w, &w->device, objects(w, i, 100, 300)), OK);
    assert_int_equal(push(w, &w->device), OK);
    struct bytes all = ids(w, 0, VAULT_DROP_MAX, 300);
    struct bytes many = objects(w, 5000, VAULT_HEAD_OBJECTS / 304, 300);

    assert_int_equal(sim_push(&w->n, &w->device, many, all, NULL), OK);
    assert_false(sim_has(&w->n, &w->device, 0, 300));
    assert_false(sim_has(&w->n, &w->device, 999, 300));
    assert_true(sim_has(&w->n, &w->device, 5000, 300));
    assert_true(sim_gives(&w->n, &w->device, 999, 300));
}

static void it_is_all_there_after_a_restart(void **state)
{
    struct world *w = *state;
    struct rep_head_get got = { 0 };

    assert_int_equal(put(w, &w->device, objects(w, 1, 5, 2000)), OK);
    assert_int_equal(push(w, &w->device), OK);
    assert_int_equal(put(w, &w->device, objects(w, 10, 1, 2000)), OK);
    uint64_t before = used(w);

    node_sim_again(&w->n);
    for (uint32_t i = 1; i <= 5; i++)
        assert_true(sim_gives(&w->n, &w->device, i, 2000));
    assert_true(sim_has(&w->n, &w->device, 10, 2000));
    assert_int_equal(sim_head_get(&w->n, &w->device, 0, &got), OK);
    assert_int_equal(got.version, 1);
    assert_int_equal(got.used, before);
    assert_int_equal(push(w, &w->second), OK);
}

/* ---- who else ---- */

static void a_revoked_device_pushes_no_more(void **state)
{
    struct world *w = *state;
    struct req_cred_drop drop = { 0 };
    struct sim_head h;

    sim_head_new(&w->n, &w->device, &h);
    sim_op(&w->n, drop.op);
    memcpy(drop.id, w->device.cred, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_DROP, &drop, NULL), OK);
    assert_int_equal(set(w, &w->device, &h), ERR_REFUSED);
    assert_int_equal(put(w, &w->device, objects(w, 1, 1, 1000)), ERR_REFUSED);
    /* Nor does another for it. */
    assert_int_equal(set(w, &w->second, &h), ERR_SIGNATURE);
    assert_int_equal(newest(w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)
        CASE(objects_that_are_none_are_refused),
        CASE(lists_of_ids_are_whole),
        CASE(heads_that_are_not_for_here_are_refused),
        CASE(versions_follow_each_other),
        CASE(a_frozen_ward_is_read_and_not_changed),
        CASE(what_was_given_up_is_gone),
        CASE(objects_are_given_as_they_came),
        CASE(only_what_fits_is_given_at_once),
        CASE(have_answers_bit_by_bit),
        CASE(what_rotted_is_mended_by_putting_it_again),
        CASE(a_head_is_given_with_its_witness),
        CASE(the_second_of_two_is_told),
        CASE(an_op_id_says_the_same_again),
        CASE(a_small_push_is_one_message),
        CASE(the_greatest_head_is_one_job),
        CASE(it_is_all_there_after_a_restart),
        CASE(a_revoked_device_pushes_no_more),
#undef CASE
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
