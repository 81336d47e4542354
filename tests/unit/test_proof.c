/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK and drills at a node: what fails, before what holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/drop.h"
#include "node/proof.h"
#include "node/seat.h"
#include "node/vault_part.h"
#include "node/ward.h"
#include "tests/sim/vaults.h"

enum { DAY = 86400, SIZE = 300, OBJECTS = 4 };

struct world {
    struct node_sim n;
    struct sim_guardian a;
    struct sim_guardian b;
    struct sim_owner o; /* ward of a, with an epoch and a vault */
    struct sim_owner other;
    struct sim_epoch e;
    struct sim_epoch e_other;
    struct sim_pusher device;
    struct rep_check check;
    struct rep_drill_list drills;
    uint8_t frames[OBJECTS * (SIZE + 4)];
    struct buf objects;
    uint8_t ids_mem[OBJECTS * VAULT_ID];
    struct buf ids;
    uint8_t head[VAULT_HEAD_MAX];
    size_t head_n;
};

static void push_vault(struct world *w)
{
    struct rep_head_get head = { 0 };

    w->objects = (struct buf){ .p = w->frames, .cap = sizeof w->frames };
    w->ids = (struct buf){ .p = w->ids_mem, .cap = sizeof w->ids_mem };
    for (uint32_t i = 0; i < OBJECTS; i++) {
        sim_object_put(i, SIZE, &w->objects);
        sim_object_id(i, SIZE, &w->ids);
    }
    assert_int_equal(
        sim_push(&w->n, &w->device, buf_bytes(&w->objects), (struct bytes){ 0 }, NULL),
        OK);
    assert_int_equal(sim_head_get(&w->n, &w->device, 0, &head), OK);
    assert_true(head.head.n <= sizeof w->head);
    memcpy(w->head, head.head.p, head.head.n);
    w->head_n = head.head.n;
}

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 51);
    sim_seat(&w->n, &w->a);
    sim_seat(&w->n, &w->b);
    sim_ward(&w->n, &w->a, &w->o);
    sim_ward(&w->n, &w->a, &w->other);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_epoch(&w->n, &w->other, 1, &w->e_other);
    sim_device(&w->n, &w->o, &w->device);
    push_vault(w);
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

/* ---- CHECK ---- */

static struct req_check asked(const struct world *w)
{
    return (struct req_check){ .nonce = { 9, 8, 7 },
                               .epoch = 1,
                               .ids = bytes_of(w->ids_mem, sizeof w->ids_mem) };
}

static enum err check(struct world *w, const struct session *who,
                      const struct req_check *req)
{
    w->check = (struct rep_check){ 0 };
    return node_sim_ask(&w->n, who, MSG_CHECK, req, &w->check);
}

/* What the owner computes from its own copy. */
static void want_epoch(const struct sim_epoch *e, const uint8_t nonce[32],
                       uint8_t out[HASH_BYTES])
{
    struct bytes parts[] = { BYTES_OF(e->boxes[0]), BYTES_OF(e->boxes[1]),
                             BYTES_OF(e->boxes[2]), BYTES_OF(e->boxes[3]),
                             e->req.descriptor };

    check_digest(nonce, parts, 5, out);
}

static void want_objects(const struct world *w, const uint8_t nonce[32], size_t leave_out,
                         uint8_t out[HASH_BYTES])
{
    struct bytes parts[OBJECTS];
    size_t n = 0;

    for (size_t i = 0; i < OBJECTS; i++)
        if (i != leave_out)
            parts[n++] = bytes_of(w->frames + i * (SIZE + 4) + 4, SIZE);
    check_digest(nonce, parts, n, out);
}

static bool is_zero(const uint8_t hash[HASH_BYTES])
{
    static const uint8_t zero[HASH_BYTES];

    return bytes_equal(BYTES_OF(zero), bytes_of(hash, HASH_BYTES));
}

static void check_is_for_owner_and_device(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    struct sim_asker asker;

    sim_ask(&w->n, &w->o, &asker);
    assert_int_equal(check(w, &w->a.who, &req), ERR_REFUSED);
    assert_int_equal(check(w, &asker.who, &req), ERR_REFUSED);
    assert_int_equal(check(w, &w->o.who, &req), OK);
    assert_int_equal(check(w, &w->device.who, &req), OK);
}

static void check_refuses_a_torn_list(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);

    req.ids.n -= 1;
    assert_int_equal(check(w, &w->device.who, &req), ERR_FORMAT);
}

static void check_is_over_what_is_stored(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    struct bytes head = bytes_of(w->head, w->head_n);
    uint8_t want[HASH_BYTES];

    assert_int_equal(check(w, &w->device.who, &req), OK);
    want_epoch(&w->e, req.nonce, want);
    assert_memory_equal(w->check.epoch, want, HASH_BYTES);
    check_digest(req.nonce, &head, 1, want);
    assert_memory_equal(w->check.head, want, HASH_BYTES);
    want_objects(w, req.nonce, OBJECTS, want);
    assert_memory_equal(w->check.objects, want, HASH_BYTES);
    assert_int_equal(w->check.missing.n, 0);
    assert_int_equal(w->check.time, w->n.now);
}

static void check_follows_the_nonce(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    struct rep_check before;

    assert_int_equal(check(w, &w->device.who, &req), OK);
    before = w->check;
    req.nonce[31] ^= 1;
    assert_int_equal(check(w, &w->device.who, &req), OK);
    assert_memory_not_equal(w->check.epoch, before.epoch, HASH_BYTES);
    assert_memory_not_equal(w->check.head, before.head, HASH_BYTES);
    assert_memory_not_equal(w->check.objects, before.objects, HASH_BYTES);
}

/* The order asked is part of it, so that no two questions have one answer. */
static void check_follows_the_order(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    uint8_t swapped[OBJECTS * VAULT_ID];
    struct rep_check before;

    assert_int_equal(check(w, &w->device.who, &req), OK);
    before = w->check;
    memcpy(swapped, w->ids_mem + VAULT_ID, VAULT_ID);
    memcpy(swapped + VAULT_ID, w->ids_mem, VAULT_ID);
    memcpy(swapped + 2 * VAULT_ID, w->ids_mem + 2 * VAULT_ID, 2 * VAULT_ID);
    req.ids = BYTES_OF(swapped);
    assert_int_equal(check(w, &w->device.who, &req), OK);
    assert_memory_not_equal(w->check.objects, before.objects, HASH_BYTES);
}

static void check_of_an_epoch_that_is_not_held_proves_nothing(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);

    req.epoch = 2;
    assert_int_equal(check(w, &w->device.who, &req), OK);
    assert_true(is_zero(w->check.epoch));
    assert_false(is_zero(w->check.head));
    req.epoch = 0;
    assert_int_equal(check(w, &w->device.who, &req), OK);
    assert_true(is_zero(w->check.epoch));
}

/* Each ward has its own data keys: what another has is no answer here. */
static void check_knows_wards_apart(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    uint8_t want[HASH_BYTES];

    assert_int_equal(check(w, &w->other.who, &req), OK);
    want_epoch(&w->e_other, req.nonce, want);
    assert_memory_equal(w->check.epoch, want, HASH_BYTES);
    assert_int_equal(w->check.missing.n, 1);
    assert_int_equal(w->check.missing.p[0], (1 << OBJECTS) - 1);
    assert_true(is_zero(w->check.objects));
}

/* No vault: a digest of nothing, which is still keyed with the nonce. */
static void check_of_no_vault(void **state)
{
    struct world *w = *state;
    struct req_check req = { .nonce = { 4 }, .epoch = 1 };
    struct bytes nothing = { 0 };
    uint8_t want[HASH_BYTES];

    check_digest(req.nonce, &nothing, 1, want);
    assert_int_equal(check(w, &w->other.who, &req), OK);
    assert_memory_equal(w->check.head, want, HASH_BYTES);
    assert_false(is_zero(want));
}

struct harm {
    const uint8_t *ward;
    enum store_table tab;
    struct txn_key key;
    bool flip;  /* else it is deleted */
    bool under; /* a data key */
    uint32_t epoch;
};

static enum err harm_fn(struct call *c, void *arg)
{
    const struct harm *h = arg;
    struct data_id id = { .epoch = h->epoch };
    struct bytes value = { 0 };

    if (!h->flip)
        return txn_del(c->txn, h->tab, key_bytes(&h->key));
    memcpy(id.ward, h->ward, ID_BYTES);
    TRY(record_bytes(c, &id, h->tab, &h->key, &value));
    uint8_t *first = c->mem.p + (value.p - c->mem.p);
    first[value.n / 2] ^= 1;
    return data_put(c->txn, &id, h->tab, key_bytes(&h->key), value);
}

static void harm(struct world *w, const struct harm *h)
{
    struct harm copy = *h;

    assert_int_equal(node_sim_write(&w->n, &w->a.who, harm_fn, &copy), OK);
}

/* A hoster who kept a hash, or a disk that changed one bit: the digest is another. */
static void check_finds_one_flipped_bit_of_each_object(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    uint8_t want[HASH_BYTES];

    want_epoch(&w->e, req.nonce, want);
    for (unsigned which = OBJECT_BOX_PIECE; which <= OBJECT_DESCRIPTOR; which++) {
        struct harm h = { .ward = w->o.ward,
                          .tab = TAB_OBJECT,
                          .key = key_object(w->o.ward, 1, (enum object)which),
                          .flip = true,
                          .epoch = 1 };

        harm(w, &h);
        assert_int_equal(check(w, &w->device.who, &req), OK);
        assert_memory_not_equal(w->check.epoch, want, HASH_BYTES);
        harm(w, &h); /* back */
        assert_int_equal(check(w, &w->device.who, &req), OK);
        assert_memory_equal(w->check.epoch, want, HASH_BYTES);
    }
}

static void check_finds_each_lost_object_of_the_epoch(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    struct harm h = { .tab = TAB_OBJECT, .key = key_object(w->o.ward, 1, OBJECT_ROSTER) };

    harm(w, &h);
    assert_int_equal(check(w, &w->device.who, &req), OK);
    assert_true(is_zero(w->check.epoch));
    assert_false(is_zero(w->check.objects));
}

static void check_names_lost_vault_objects(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    struct harm h = { .tab = TAB_VAULT_BULK, .key = key_blob(w->o.ward, 3) };
    uint8_t want[HASH_BYTES];

    harm(w, &h);
    assert_int_equal(check(w, &w->device.who, &req), OK);
    assert_int_equal(w->check.missing.n, 1);
    assert_int_equal(w->check.missing.p[0], 1 << 2);
    want_objects(w, req.nonce, 2, want);
    assert_memory_equal(w->check.objects, want, HASH_BYTES);
}

static void check_finds_a_lost_head(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    struct harm h = { .tab = TAB_VAULT_HEAD, .key = key_blob(w->o.ward, 1) };

    harm(w, &h);
    assert_int_equal(check(w, &w->device.who, &req), OK);
    assert_true(is_zero(w->check.head));
    assert_int_equal(w->check.missing.n, 0);
}

static void check_of_a_ward_that_was_left(void **state)
{
    struct world *w = *state;
    struct req_check req = asked(w);
    struct req_ward_end end = { .op = { 1 } };

    memcpy(end.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_WARD_END, &end, NULL), OK);
    assert_int_equal(check(w, &w->device.who, &req), ERR_LEFT);
}

/* The longest question, of objects as long as they may be: the answer fits. */
static void check_of_as_many_objects_as_there_may_be(void **state)
{
    struct world *w = *state;
    uint8_t ids[CHECK_OBJECTS * VAULT_ID];
    struct req_check req = { .nonce = { 1 }, .ids = BYTES_OF(ids) };
    struct buf b = BUF_OF(ids);

    for (uint32_t i = 0; i < CHECK_OBJECTS; i++) {
        AUTO_FREE uint8_t *mem = calloc(1, VAULT_OBJECT_MAX + 8);
        struct buf frame = { .p = mem, .cap = VAULT_OBJECT_MAX + 8 };

        assert_non_null(mem);
        sim_object_put(100 + i, VAULT_OBJECT_MAX, &frame);
        sim_object_id(100 + i, VAULT_OBJECT_MAX, &b);
        assert_int_equal(sim_vault_put(&w->n, &w->device, buf_bytes(&frame), NULL), OK);
    }
    assert_int_equal(check(w, &w->device.who, &req), OK);
    assert_int_equal(w->check.missing.n, 0);
    assert_false(is_zero(w->check.objects));
}

/* ---- drills ---- */

static struct req_drill_ask drill_of(struct world *w, uint8_t challenge)
{
    struct req_drill_ask req = { .epoch = 1 };

    sim_op(&w->n, req.op);
    memset(req.challenge, challenge, sizeof req.challenge);
    return req;
}

static uint64_t ask_drill(struct world *w, uint8_t challenge)
{
    struct req_drill_ask req = drill_of(w, challenge);
    struct rep_drill_ask rep = { 0 };

    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_DRILL_ASK, &req, &rep), OK);
    return rep.asked;
}

static const struct rep_drill_list *drills(struct world *w, const struct session *who,
                                           const uint8_t *ward)
{
    struct req_drill_list req = { 0 };

    if (ward != NULL)
        memcpy(req.ward, ward, ID_BYTES);
    w->drills = (struct rep_drill_list){ 0 };
    assert_int_equal(node_sim_ask(&w->n, who, MSG_DRILL_LIST, &req, &w->drills), OK);
    return &w->drills;
}

static enum err answer(struct world *w, const struct session *who, uint8_t challenge,
                       uint8_t sig)
{
    struct req_drill_answer req = { .time = w->n.now };

    sim_op(&w->n, req.op);
    memcpy(req.ward, w->o.ward, ID_BYTES);
    memset(req.challenge, challenge, sizeof req.challenge);
    memset(req.sig, sig, sizeof req.sig);
    return node_sim_ask(&w->n, who, MSG_DRILL_ANSWER, &req, NULL);
}

struct heard {
    const uint8_t *drop;
    uint8_t event;
    size_t of;
};

static enum err heard_fn(struct call *c, void *arg)
{
    static struct drop_entry lines[256];
    struct heard *h = arg;
    size_t n = 0;

    TRY(drop_list(c, h->drop, 0, lines, 256, &n));
    for (size_t i = 0; i < n; i++) {
        struct drop_event ev = { 0 };
        struct bytes blob = { 0 };
        size_t mark = c->mem.n;

        TRY(drop_get(c, h->drop, lines[i].seq, &blob));
        TRY(wire_get(&drop_event_schema, blob, &ev));
        c->mem.n = mark;
        h->of += ev.event == h->event;
    }
    return OK;
}

static enum err drops_fn(struct call *c, void *arg)
{
    struct record_ward *ward = arg;

    return ward_get(c, ward->ward, ward);
}

/* How often it stands in the ward's log, and in its alerts. */
static size_t heard(struct world *w, uint8_t event, bool alerts)
{
    struct record_ward ward = { 0 };

    memcpy(ward.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_write(&w->n, &w->a.who, drops_fn, &ward), OK);
    struct heard h = { .drop = alerts ? ward.alert : ward.log, .event = event };

    assert_int_equal(node_sim_write(&w->n, &w->a.who, heard_fn, &h), OK);
    return h.of;
}

static void drill_is_asked_by_the_owner_and_answered_by_the_guardian(void **state)
{
    struct world *w = *state;
    struct req_drill_ask req = drill_of(w, 1);

    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_DRILL_ASK, &req, NULL),
                     ERR_REFUSED);
    assert_int_equal(answer(w, &w->o.who, 1, 1), ERR_REFUSED);
    assert_int_equal(answer(w, &w->device.who, 1, 1), ERR_REFUSED);
    (void)ask_drill(w, 1);
    /* Another seat's guardian knows of no such ward. */
    assert_int_equal(answer(w, &w->b.who, 1, 1), ERR_UNKNOWN);
    assert_int_equal(drills(w, &w->b.who, NULL)->n_lines, 0);
}

static void drill_of_an_epoch_that_is_not_held(void **state)
{
    struct world *w = *state;
    struct req_drill_ask req = drill_of(w, 1);
    struct req_epoch_next next = { .epoch = 2 };

    req.epoch = 2;
    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_DRILL_ASK, &req, NULL),
                     ERR_UNKNOWN);
    sim_op(&w->n, next.op);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_EPOCH_NEXT, &next, NULL), OK);
    sim_op(&w->n, req.op);
    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_DRILL_ASK, &req, NULL),
                     ERR_STATE);
}

static void drill_nobody_asked_for_is_not_answered(void **state)
{
    struct world *w = *state;

    assert_int_equal(answer(w, &w->a.who, 1, 1), ERR_UNKNOWN);
    (void)ask_drill(w, 2);
    assert_int_equal(answer(w, &w->a.who, 1, 1), ERR_STATE);
    assert_int_equal(drills(w, &w->o.who, NULL)->lines[0].answered, 0);
}

static void drill_comes_back_signed(void **state)
{
    struct world *w = *state;
    const struct rep_drill_list *l = NULL;

    assert_int_equal(drills(w, &w->device.who, NULL)->n_lines, 0);
    uint64_t when = ask_drill(w, 3);

    w->n.now += 100;
    l = drills(w, &w->a.who, NULL);
    assert_int_equal(l->n_lines, 1);
    assert_int_equal(l->lines[0].asked, when);
    assert_int_equal(l->box_piece.n, 0); /* of one ward, when it is asked for */
    l = drills(w, &w->a.who, w->o.ward);
    assert_int_equal(l->n_lines, 1);
    assert_memory_equal(l->lines[0].manifest_hash, w->e.hash, HASH_BYTES);
    assert_int_equal(l->index, 1);
    assert_true(bytes_equal(l->box_piece, BYTES_OF(w->e.boxes[0])));
    assert_true(bytes_equal(l->manifest, BYTES_OF(w->e.boxes[2])));

    assert_int_equal(answer(w, &w->a.who, 3, 0x55), OK);
    assert_int_equal(drills(w, &w->a.who, NULL)->n_lines, 0); /* none waits */
    l = drills(w, &w->device.who, NULL);
    assert_int_equal(l->n_lines, 1);
    assert_int_equal(l->lines[0].answered, w->n.now);
    assert_int_equal(l->lines[0].time, w->n.now);
    assert_int_equal(l->lines[0].sig[0], 0x55);
    assert_int_equal(l->lines[0].challenge[31], 3);
}

static enum err keys_fn(struct call *c, void *arg)
{
    const uint64_t *when = arg;
    struct record_seat seat = { 0 };

    TRY(seat_get(c, c->who->seat, &seat));
    seat.reset = *when;
    return seat_put(c, &seat);
}

static void new_keys(struct world *w, uint64_t when)
{
    assert_int_equal(node_sim_write(&w->n, &w->a.who, keys_fn, &when), OK);
}

/* Which keys its guardian had then: the node's order of events, and no clock. */
static void drill_says_after_which_keys_it_was_answered(void **state)
{
    struct world *w = *state;

    (void)ask_drill(w, 3);
    assert_int_equal(answer(w, &w->a.who, 3, 1), OK);
    assert_int_equal(drills(w, &w->device.who, NULL)->lines[0].reset, 0);
    new_keys(w, 7);
    assert_int_equal(drills(w, &w->device.who, NULL)->lines[0].reset, 0);
    assert_int_equal(answer(w, &w->a.who, 3, 1), OK); /* said again: it was before them */
    assert_int_equal(drills(w, &w->device.who, NULL)->lines[0].reset, 0);
    (void)ask_drill(w, 4);
    assert_int_equal(drills(w, &w->device.who, NULL)->lines[0].reset, 0);
    assert_int_equal(answer(w, &w->a.who, 4, 1), OK);
    assert_int_equal(drills(w, &w->device.who, NULL)->lines[0].reset, 7);
    new_keys(w, 6); /* a clock that was put back */
    assert_int_equal(drills(w, &w->device.who, NULL)->lines[0].reset, 7);
}

/* The owner gets no box, not even a sealed one: no byte of a piece moves. */
static void drill_gives_the_owner_no_box(void **state)
{
    struct world *w = *state;

    (void)ask_drill(w, 3);
    assert_int_equal(drills(w, &w->device.who, w->o.ward)->box_piece.n, 0);
    assert_int_equal(drills(w, &w->o.who, NULL)->manifest.n, 0);
    assert_int_equal(drills(w, &w->other.who, w->o.ward)->n_lines, 0);
}

static void drill_is_told_to_the_guardian_once_a_day(void **state)
{
    struct world *w = *state;
    uint64_t when = ask_drill(w, 3);

    assert_int_equal(heard(w, REC_DRILL_ASKED, true), 1);
    w->n.now += 60;
    assert_int_equal(ask_drill(w, 3), when); /* the same one */
    assert_int_equal(ask_drill(w, 4), w->n.now);
    assert_int_equal(heard(w, REC_DRILL_ASKED, true), 1);
    w->n.now += DAY;
    (void)ask_drill(w, 5);
    assert_int_equal(heard(w, REC_DRILL_ASKED, true), 2);
    assert_int_equal(answer(w, &w->a.who, 5, 1), OK);
    assert_int_equal(answer(w, &w->a.who, 5, 2), OK);
    assert_int_equal(heard(w, REC_DRILL_ANSWERED, true), 0); /* quiet */
    assert_int_equal(heard(w, REC_DRILL_ANSWERED, false), 1);
    assert_int_equal(drills(w, &w->o.who, NULL)->lines[0].sig[0], 2);
    /* Asked again, what was answered stays. */
    (void)ask_drill(w, 5);
    assert_int_not_equal(drills(w, &w->o.who, NULL)->lines[0].answered, 0);
}

static uint64_t drill_in_wards(struct world *w, const struct session *who)
{
    struct req_wards req = { 0 };
    AUTO_FREE struct rep_wards *rep = calloc(1, sizeof *rep);

    assert_non_null(rep);
    assert_int_equal(node_sim_ask(&w->n, who, MSG_WARDS, &req, rep), OK);
    for (uint32_t i = 0; i < rep->n_wards; i++)
        if (id_equal(rep->wards[i].ward, w->o.ward))
            return rep->wards[i].drill;
    return 1;
}

static void drill_shows_in_the_wards_until_it_is_answered(void **state)
{
    struct world *w = *state;

    assert_int_equal(drill_in_wards(w, &w->a.who), 0);
    uint64_t when = ask_drill(w, 3);

    assert_int_equal(drill_in_wards(w, &w->a.who), when);
    assert_int_equal(drill_in_wards(w, &w->device.who), when);
    assert_int_equal(answer(w, &w->a.who, 3, 1), OK);
    assert_int_equal(drill_in_wards(w, &w->a.who), 0);
}

static void drill_ends_with_its_ward(void **state)
{
    struct world *w = *state;
    struct req_drill_ask req = drill_of(w, 1);
    struct req_ward_end end = { .op = { 1 } };

    (void)ask_drill(w, 3);
    memcpy(end.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_WARD_END, &end, NULL), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->device.who, MSG_DRILL_ASK, &req, NULL),
                     ERR_LEFT);
    assert_int_equal(drills(w, &w->a.who, NULL)->n_lines, 0);
    assert_int_equal(drill_in_wards(w, &w->a.who), 0);
}

/* A frozen ward is asked as ever: nothing is changed by it. */
static void drill_and_check_go_on_while_the_ward_is_frozen(void **state)
{
    struct world *w = *state;
    struct req_freeze freeze = { .op = { 1 } };
    struct req_check req = asked(w);

    memcpy(freeze.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->a.who, MSG_FREEZE, &freeze, NULL), OK);
    assert_int_equal(check(w, &w->device.who, &req), OK);
    (void)ask_drill(w, 3);
    assert_int_equal(answer(w, &w->a.who, 3, 1), OK);
}

/* It is in the store, not in the process. */
static void drill_survives_a_restart(void **state)
{
    struct world *w = *state;
    uint64_t when = ask_drill(w, 3);

    node_sim_again(&w->n);
    assert_int_equal(drills(w, &w->a.who, NULL)->lines[0].asked, when);
    assert_int_equal(answer(w, &w->a.who, 3, 1), OK);
    node_sim_again(&w->n);
    assert_int_equal(drills(w, &w->o.who, NULL)->lines[0].answered, w->n.now);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(check_is_for_owner_and_device),
        CASE(check_refuses_a_torn_list),
        CASE(check_of_an_epoch_that_is_not_held_proves_nothing),
        CASE(check_knows_wards_apart),
        CASE(check_finds_one_flipped_bit_of_each_object),
        CASE(check_finds_each_lost_object_of_the_epoch),
        CASE(check_names_lost_vault_objects),
        CASE(check_finds_a_lost_head),
        CASE(check_of_a_ward_that_was_left),
        CASE(check_is_over_what_is_stored),
        CASE(check_follows_the_nonce),
        CASE(check_follows_the_order),
        CASE(check_of_no_vault),
        CASE(check_of_as_many_objects_as_there_may_be),
        CASE(drill_is_asked_by_the_owner_and_answered_by_the_guardian),
        CASE(drill_of_an_epoch_that_is_not_held),
        CASE(drill_nobody_asked_for_is_not_answered),
        CASE(drill_gives_the_owner_no_box),
        CASE(drill_ends_with_its_ward),
        CASE(drill_comes_back_signed),
        CASE(drill_says_after_which_keys_it_was_answered),
        CASE(drill_is_told_to_the_guardian_once_a_day),
        CASE(drill_shows_in_the_wards_until_it_is_answered),
        CASE(drill_and_check_go_on_while_the_ward_is_frozen),
        CASE(drill_survives_a_restart),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("proof", tests, NULL, NULL);

    secret_end();
    return failed;
}
