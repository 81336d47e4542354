/* SPDX-License-Identifier: Apache-2.0 */
/* By whose word a guardian's program lets a ward's circle and root change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/guard.h"
#include "tests/unit/circle.h"

enum { NOW = 1800000000, EPOCHS = 3, N = 3, T = 2 };

/* One epoch as its node keeps it for the guardian of piece 0. */
struct sealed {
    struct circle circle;
    struct seal_key key;
    uint8_t manifest[MANIFEST_MAX + SEAL_OVERHEAD];
    uint8_t box[BOX_MAX];
};

/* A guardian with a ward's epochs: 1 is the ward's own, others as a case needs them. */
struct scene {
    struct root_key root;
    struct root_key guard_root;
    struct guardian_keys *keys;
    struct sign_seed *approval;
    struct sealed sealed[EPOCHS];
    struct guard_who who;
    struct guard_case c;
    struct descriptor judges;
    /* a MOVE and what people said */
    struct move m;
    struct sign_seed requester;
    struct cert cert;
    uint8_t said[4 * N][SIGNED_MAX];
    size_t n_said;
    uint8_t people[CERT_PEOPLE_MAX];
    uint8_t proof[MOVE_PROOF_MAX];
};

static void rnd(void *p, size_t n)
{
    rng_fill(&crypt_random, p, n);
}

static void who_make(struct scene *s)
{
    uint8_t invite[INVITE_BYTES] = { 1 };
    struct guard_who *w = &s->who;

    memset(w->seat, 3, SEAT_BYTES);
    memset(w->node_key, 4, PUB_BYTES);
    assert_int_equal(secret_new(&s->keys), OK);
    assert_int_equal(secret_new(&s->approval), OK);
    assert_int_equal(ident_guardian(&s->guard_root, s->keys), OK);
    assert_int_equal(ident_approval(&s->guard_root, w->seat, invite, s->approval), OK);
    w->keys = s->keys;
    w->approval = s->approval;
    crypt_sign_public(&s->keys->sign, w->sign_pub);
    crypt_dh_public(&s->keys->seal, w->seal_pub);
    crypt_sign_public(s->approval, w->approval_pub);
}

static struct bytes box_make(struct scene *s, struct sealed *e,
                             const struct root_key *root)
{
    struct box_about about = { .epoch = e->circle.m.epoch };
    struct sign_seed *owner = NULL;
    struct box_content *in = NULL;
    struct buf b = BUF_OF(e->box);

    memcpy(about.manifest_hash, e->circle.hash, HASH_BYTES);
    memcpy(about.seat, s->who.seat, SEAT_BYTES);
    memcpy(about.seal_pub, s->who.seal_pub, PUB_BYTES);
    assert_int_equal(secret_new(&in), OK);
    assert_int_equal(secret_new(&owner), OK);
    assert_int_equal(ident_owner(root, owner), OK);
    in->name = bytes_text("Ana");
    memcpy(in->circle, e->circle.m.circle, ID_BYTES);
    memcpy(in->owner, e->circle.m.owner, PUB_BYTES);
    memcpy(in->key, e->key.b, KEY_BYTES);
    memcpy(in->piece, e->circle.pieces[0], PIECE_BYTES);
    assert_int_equal(box_seal(BOX_OF_PIECE, &about, in, owner, &crypt_random, &b), OK);
    secret_free(in);
    secret_free(owner);
    return buf_bytes(&b);
}

/* Epoch number of the ward is held at place at; its people are those of like, if any. */
static void deal(struct scene *s, size_t at, uint32_t number, const struct root_key *root,
                 const struct sealed *like)
{
    static const struct manifest_group group = { T, N };
    struct sealed *e = &s->sealed[at];
    struct buf sealed = BUF_OF(e->manifest);

    if (like != NULL)
        memcpy(e->circle.approvals, like->circle.approvals, sizeof e->circle.approvals);
    e->circle.approvals[0] = *s->approval;
    circle_make(&e->circle, root, number, &group, 1, 1);
    rnd(e->key.b, KEY_BYTES);
    manifest_seal(&e->key, e->circle.hash, bytes_of(e->circle.raw, e->circle.raw_n),
                  &crypt_random, &sealed);
    s->c.view.epochs[at] = (struct view_epoch){ .epoch = number };
    memcpy(s->c.view.epochs[at].manifest_hash, e->circle.hash, HASH_BYTES);
    s->c.boxes[at] = (struct rep_box_get){ .epoch = number,
                                           .box_piece = box_make(s, e, root),
                                           .manifest = buf_bytes(&sealed) };
    s->c.box_err[at] = OK;
    if (s->c.n_boxes <= at)
        s->c.n_boxes = s->c.view.n_epochs = (uint32_t)at + 1;
}

static int scene_make(void **state)
{
    struct scene *s = calloc(1, sizeof *s);

    assert_non_null(s);
    rnd(s->root.b, KEY_BYTES);
    rnd(s->guard_root.b, KEY_BYTES);
    rnd(s->requester.b, KEY_BYTES);
    who_make(s);
    deal(s, 0, 1, &s->root, NULL);
    memcpy(s->who.circle, s->sealed[0].circle.m.circle, ID_BYTES);
    memcpy(s->who.owner, s->sealed[0].circle.m.owner, PUB_BYTES);
    *state = s;
    return 0;
}

static int scene_free(void **state)
{
    struct scene *s = *state;

    secret_free(s->keys);
    secret_free(s->approval);
    free(s);
    return 0;
}

/* ---- what people say ---- */

static void say(struct scene *s, const struct sign_seed *by, struct statement *st)
{
    struct buf b = BUF_OF(s->said[s->n_said]);

    assert_in_range(s->n_said, 0, sizeof s->said / sizeof s->said[0] - 1);
    s->n_said++;
    st->how = HOW_MET;
    st->time = NOW;
    statement_make(st, by, &b);
    s->cert.lines[s->cert.n_lines++].statement = buf_bytes(&b);
}

/* The person of piece i of that epoch's circle says that the ward has a new root. */
static void say_move(struct scene *s, size_t of, size_t i)
{
    const struct circle *c = &s->sealed[of].circle;
    struct statement st = { .kind = REQUEST_MOVE,
                            .purpose = PURPOSE_MOVE,
                            .n_epochs = 1 };

    memcpy(st.subject, s->m.new_owner, PUB_BYTES);
    memcpy(st.req_sign, s->m.req_sign, PUB_BYTES);
    st.epochs[0].epoch = s->m.epoch;
    st.epochs[0].opened = 1;
    memcpy(st.epochs[0].manifest_hash, s->m.manifest_hash, HASH_BYTES);
    say(s, &c->approvals[i], &st);
}

/* A MOVE that names the epoch at that place; nobody said it yet. */
static void move_of(struct scene *s, size_t at)
{
    s->cert.n_lines = 0;
    s->m = (struct move){ .epoch = s->sealed[at].circle.m.epoch, .time = NOW };
    memcpy(s->m.circle, s->who.circle, ID_BYTES);
    memcpy(s->m.manifest_hash, s->sealed[at].circle.hash, HASH_BYTES);
    memcpy(s->m.old_owner, s->who.owner, PUB_BYTES);
    rnd(s->m.new_owner, PUB_BYTES);
    crypt_sign_public(&s->requester, s->m.req_sign);
}

static enum err judge_move(struct scene *s)
{
    uint8_t raw[MOVE_MAX];
    struct buf m = BUF_OF(raw);
    struct buf people = BUF_OF(s->people);
    struct buf proof = BUF_OF(s->proof);
    struct move out = { 0 };

    move_make(&s->m, &s->requester, &m);
    cert_put(&s->cert, &people);
    const struct move_proof p = { buf_bytes(&m), buf_bytes(&people) };
    move_proof_put(&p, &proof);
    assert_false(m.over || people.over || proof.over);
    enum err e = guard_move_judge(&s->judges, &s->who, buf_bytes(&proof), &out);
    if (e == OK)
        assert_memory_equal(out.new_owner, s->m.new_owner, PUB_BYTES);
    return e;
}

/* People of one epoch, from piece first on, confirm the epoch at another place. */
static struct guard_past certificate(struct scene *s, size_t by, size_t first, size_t at)
{
    const struct circle *c = &s->sealed[at].circle;
    struct guard_past past = { .cert_epoch = c->m.epoch };
    struct buf people = BUF_OF(s->people);

    s->cert.n_lines = 0;
    for (size_t i = first; i < first + T; i++) {
        struct statement st = { .kind = REQUEST_CONFIRM,
                                .purpose = PURPOSE_EPOCH,
                                .n_epochs = 1 };

        memcpy(st.subject, c->hash, HASH_BYTES);
        st.epochs[0].epoch = c->m.epoch;
        st.epochs[0].opened = 1;
        memcpy(st.epochs[0].manifest_hash, c->hash, HASH_BYTES);
        say(s, &s->sealed[by].circle.approvals[i], &st);
    }
    cert_put(&s->cert, &people);
    assert_false(people.over);
    past.people = buf_bytes(&people);
    memcpy(past.cert_hash, c->hash, HASH_BYTES);
    s->cert.n_lines = 0;
    return past;
}

/* Which epoch's people the program goes by, once it saw that past. */
static uint32_t goes_by(struct scene *s, const struct guard_past *past)
{
    static const struct guard_past nothing;

    assert_int_equal(
        guard_judges(&s->c, &s->who, past != NULL ? past : &nothing, &s->judges), OK);
    return s->judges.epoch;
}

/* ---- cases ---- */

static void test_the_word_of_enough(void **state)
{
    struct scene *s = *state;
    struct move out = { 0 };

    assert_int_equal(
        guard_move_judge(&s->judges, &s->who, bytes_text("nobody is known"), &out),
        ERR_UNKNOWN);
    assert_int_equal(goes_by(s, NULL), 1);
    assert_int_equal(guard_move_judge(&s->judges, &s->who, (struct bytes){ 0 }, &out),
                     ERR_UNKNOWN);
    assert_int_equal(guard_move_judge(&s->judges, &s->who, bytes_text("x"), &out),
                     ERR_FORMAT);
    move_of(s, 0);
    say_move(s, 0, 1);
    assert_int_equal(judge_move(s), ERR_CERT);
    say_move(s, 0, 1);
    assert_int_equal(judge_move(s), ERR_CERT); /* one person, twice */
    say_move(s, 0, 2);
    assert_int_equal(judge_move(s), OK);
    s->m.old_owner[0] ^= 1;
    assert_int_equal(judge_move(s), ERR_CERT);
    s->m.old_owner[0] ^= 1;
    s->m.circle[0] ^= 1;
    assert_int_equal(judge_move(s), ERR_CERT);
    s->m.circle[0] ^= 1;
    s->m.new_owner[0] ^= 1; /* they said another key */
    assert_int_equal(judge_move(s), ERR_CERT);
    s->m.new_owner[0] ^= 1;
    s->m.manifest_hash[0] ^= 1; /* and named another epoch */
    assert_int_equal(judge_move(s), ERR_CERT);
    s->m.manifest_hash[0] ^= 1;
    assert_int_equal(judge_move(s), OK);
}

/* Who has the root deals an epoch whose people are his, and has them say his MOVE. */
static void test_an_epoch_nobody_confirmed(void **state)
{
    struct scene *s = *state;
    struct guard_past past = { 0 };

    deal(s, 1, 2, &s->root, NULL);
    assert_int_equal(goes_by(s, NULL), 1);
    move_of(s, 1);
    say_move(s, 1, 1);
    say_move(s, 1, 2);
    assert_int_equal(judge_move(s), ERR_CERT);
    /* Nor is it confirmed by the people whom it names itself. */
    past = certificate(s, 1, 1, 1);
    assert_int_equal(goes_by(s, &past), 1);
    /* What the program knows counts, wherever the old epoch went. */
    s->c.box_err[0] = ERR_UNKNOWN;
    assert_int_equal(goes_by(s, NULL), 1);
    /* The people it knows may say so, and name the epoch that is there. */
    move_of(s, 1);
    say_move(s, 0, 1);
    say_move(s, 0, 2);
    assert_int_equal(judge_move(s), OK);
}

/* Certificates lead from the people known here to those of a later epoch. */
static void test_certificates_lead_on(void **state)
{
    struct scene *s = *state;
    struct guard_past past = { 0 };

    deal(s, 1, 2, &s->root, NULL);
    assert_int_equal(goes_by(s, NULL), 1);
    past = certificate(s, 0, 1, 1);
    past.cert_epoch = 3;
    assert_int_equal(goes_by(s, &past), 1);
    past.cert_epoch = 2;
    past.cert_hash[0] ^= 1;
    assert_int_equal(goes_by(s, &past), 1);
    past.cert_hash[0] ^= 1;
    s->c.box_err[1] = ERR_UNKNOWN;
    assert_int_equal(goes_by(s, &past), 1); /* what does not open names nobody */
    s->c.box_err[1] = OK;
    assert_int_equal(goes_by(s, &past), 2);
    move_of(s, 1);
    say_move(s, 1, 1);
    say_move(s, 1, 2);
    assert_int_equal(judge_move(s), OK);
    /* And the people of before speak for nobody any more. */
    move_of(s, 1);
    say_move(s, 0, 1);
    say_move(s, 0, 2);
    assert_int_equal(judge_move(s), ERR_CERT);
}

/* No certificate leads back. */
static void test_never_back(void **state)
{
    struct scene *s = *state;
    struct guard_past past = { 0 };

    deal(s, 1, 2, &s->root, NULL);
    deal(s, 2, 3, &s->root, NULL);
    assert_int_equal(goes_by(s, NULL), 1);
    past = certificate(s, 0, 1, 2);
    assert_int_equal(goes_by(s, &past), 3);
    past = certificate(s, 2, 1, 1);
    assert_int_equal(goes_by(s, &past), 3);
}

/* Boxes of a root that was replaced, or of somebody else, name nobody. */
static void test_by_another_root(void **state)
{
    struct scene *s = *state;
    struct root_key other = { { 7 } };
    struct descriptor d = { 0 };

    deal(s, 1, 2, &other, &s->sealed[0]);
    assert_int_equal(guard_people(&s->c, &s->who, 1, &d), ERR_CONFLICT);
    assert_int_equal(guard_people(&s->c, &s->who, 2, &d), ERR_UNKNOWN);
    s->c.box_err[0] = ERR_UNKNOWN;
    assert_int_equal(goes_by(s, NULL), 0);
    s->c.box_err[0] = OK;
    memcpy(s->who.before, s->who.owner, PUB_BYTES);
    memcpy(s->who.owner, s->sealed[1].circle.m.owner, PUB_BYTES);
    assert_int_equal(guard_people(&s->c, &s->who, 0, &d), ERR_CONFLICT);
    assert_int_equal(goes_by(s, NULL), 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, scene_make, scene_free)
    const struct CMUnitTest tests[] = {
        CASE(test_the_word_of_enough),   CASE(test_an_epoch_nobody_confirmed),
        CASE(test_certificates_lead_on), CASE(test_never_back),
        CASE(test_by_another_root),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
