/* SPDX-License-Identifier: Apache-2.0 */
/* What a guardian's program decides by itself: words, boxes, approvals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/guard.h"
#include "tests/unit/circle.h"

enum { NOW = 1800000000 };

/* A guardian, a ward of theirs with one epoch, and somebody who asks. */
struct scene {
    struct root_key owner_root;
    struct root_key guard_root;
    struct sign_seed owner;
    struct guardian_keys *keys;
    struct sign_seed *approval;
    struct dh_key req_seal;
    struct circle circle;
    struct seal_key manifest_key;
    struct seal_key roster_key;
    uint8_t manifest[MANIFEST_MAX + SEAL_OVERHEAD];
    uint8_t boxes[2][BOX_MAX];
    struct descriptor judges; /* what the node got to judge by */
    uint8_t descriptor[DESCRIPTOR_MAX];
    uint8_t view[SIGNED_MAX];
    struct sign_seed node;
    struct guard_who who;
    struct guard_case c;
    struct guard_piece *piece;
    struct guard_approval approved;
};

static uint64_t fixed_now(void)
{
    return NOW;
}

static struct params params_of(void (*before)(uint8_t *))
{
    return (struct params){ .now = fixed_now,
                            .rng = &crypt_random,
                            .cost = cost_minimum,
                            .before_release = before };
}

static void rnd(void *p, size_t n)
{
    rng_fill(&crypt_random, p, n);
}

static void box_make(struct scene *s, enum box_kind kind, struct bytes name,
                     struct bytes *out)
{
    struct box_about about = { .epoch = 1, .group = 0, .index = 0 };
    struct box_content *in = NULL;
    struct buf b = BUF_OF(s->boxes[kind == BOX_OF_ROSTER]);

    memcpy(about.manifest_hash, s->circle.hash, HASH_BYTES);
    memcpy(about.seat, s->who.seat, SEAT_BYTES);
    memcpy(about.seal_pub, s->who.seal_pub, PUB_BYTES);
    assert_int_equal(secret_new(&in), OK);
    memcpy(in->circle, s->circle.m.circle, ID_BYTES);
    memcpy(in->owner, s->circle.m.owner, PUB_BYTES);
    in->name = name;
    memcpy(in->key, kind == BOX_OF_PIECE ? s->manifest_key.b : s->roster_key.b,
           KEY_BYTES);
    if (kind == BOX_OF_PIECE)
        memcpy(in->piece, s->circle.pieces[0], PIECE_BYTES);
    assert_int_equal(box_seal(kind, &about, in, &s->owner, &crypt_random, &b), OK);
    *out = buf_bytes(&b);
    secret_free(in);
}

static void view_put(struct scene *s, unsigned kind)
{
    struct buf b = BUF_OF(s->view);
    struct view *v = &s->c.view;

    *v = (struct view){ .kind = (uint8_t)kind,
                        .purpose =
                            kind == REQUEST_CONFIRM ? PURPOSE_ENROL : PURPOSE_RESTORE,
                        .n_epochs = 1,
                        .opened = NOW - 60,
                        .expires = NOW + 86400 };
    rnd(v->request, ID_BYTES);
    rnd(v->ward, ID_BYTES);
    v->epochs[0] = (struct view_epoch){ .epoch = 1, .hold = 86400, .stop_hold = 604800 };
    memcpy(v->epochs[0].manifest_hash, s->circle.hash, HASH_BYTES);
    view_make(v, &s->node, &b);
    s->c.rep.view = buf_bytes(&b);
}

static void judges_put(struct scene *s)
{
    struct buf b = BUF_OF(s->descriptor);

    descriptor_make(&s->judges, &s->node, &b);
    s->c.boxes[0].descriptor = buf_bytes(&b);
}

static void case_make(struct scene *s, unsigned kind)
{
    struct rep_request *r = &s->c.rep;
    struct buf sealed = BUF_OF(s->manifest);

    view_put(s, kind);
    rnd(r->nonce, sizeof r->nonce);
    rnd(r->req_static, PUB_BYTES);
    rnd(r->req_sign, PUB_BYTES);
    crypt_dh_public(&s->req_seal, r->req_seal);
    manifest_seal(&s->manifest_key, s->circle.hash,
                  bytes_of(s->circle.raw, s->circle.raw_n), &crypt_random, &sealed);
    s->c.n_boxes = 1;
    s->c.boxes[0] = (struct rep_box_get){ .epoch = 1, .manifest = buf_bytes(&sealed) };
    memcpy(s->c.boxes[0].manifest_hash, s->circle.hash, HASH_BYTES);
    descriptor_of(&s->circle.m, s->circle.hash, &s->judges);
    manifest_body(bytes_of(s->circle.raw, s->circle.raw_n), s->judges.body);
    judges_put(s);
    box_make(s, BOX_OF_PIECE, bytes_text("Ana"), &s->c.boxes[0].box_piece);
    box_make(s, BOX_OF_ROSTER, bytes_text("Ana"), &s->c.boxes[0].box_roster);
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

static int scene_make(void **state)
{
    static const struct manifest_group group = { 2, 3 };
    struct scene *s = calloc(1, sizeof *s);

    assert_non_null(s);
    rnd(s->owner_root.b, KEY_BYTES);
    rnd(s->guard_root.b, KEY_BYTES);
    rnd(s->req_seal.b, KEY_BYTES);
    rnd(s->manifest_key.b, KEY_BYTES);
    rnd(s->roster_key.b, KEY_BYTES);
    rnd(s->node.b, KEY_BYTES);
    assert_int_equal(ident_owner(&s->owner_root, &s->owner), OK);
    who_make(s);
    s->circle.approvals[0] = *s->approval;
    circle_make(&s->circle, &s->owner_root, 1, &group, 1, 1);
    memcpy(s->who.circle, s->circle.m.circle, ID_BYTES);
    memcpy(s->who.owner, s->circle.m.owner, PUB_BYTES);
    case_make(s, REQUEST_RESTORE);
    assert_int_equal(secret_new(&s->piece), OK);
    *state = s;
    return 0;
}

static int scene_free(void **state)
{
    struct scene *s = *state;

    secret_free(s->piece);
    secret_free(s->keys);
    secret_free(s->approval);
    free(s);
    return 0;
}

static enum err open_it(struct scene *s)
{
    static const uint8_t nobody[PUB_BYTES];

    return guard_open(&s->who, &s->c.view.epochs[0], &s->c.boxes[0], nobody, s->piece);
}

/* ---- words ---- */

/* The words the other side shows for this T. */
static void right_words(struct scene *s, uint16_t out[WORDS_CALL], uint16_t *out_answer)
{
    uint8_t t[SIGNED_MAX];
    struct buf b = BUF_OF(t);
    uint8_t raw[WORDS_OUT];

    assert_int_equal(guard_transcript(&s->c, &s->who, &b), OK);
    assert_int_equal(words_call(buf_bytes(&b), s->c.rep.nonce, cost_minimum, raw), OK);
    words_from_bytes(raw, WORDS_CALL, out);
    words_from_bytes(raw + 8, WORDS_ANSWER, out_answer);
}

static enum words_verdict judge(struct scene *s, const uint16_t *typed,
                                uint16_t out_answer[WORDS_ANSWER])
{
    struct guard_verdict *v = NULL;
    uint8_t t[SIGNED_MAX];
    struct buf b = BUF_OF(t);

    assert_int_equal(secret_new(&v), OK);
    assert_int_equal(guard_transcript(&s->c, &s->who, &b), OK);
    assert_int_equal(guard_judge(typed, buf_bytes(&b), s->c.rep.nonce, cost_minimum, v),
                     OK);
    enum words_verdict verdict = v->verdict;
    memcpy(out_answer, v->answer, sizeof v->answer);
    secret_free(v);
    return verdict;
}

static void test_words(void **state)
{
    struct scene *s = *state;
    uint16_t right[WORDS_CALL];
    uint16_t typed[WORDS_CALL];
    uint16_t answer[WORDS_ANSWER];
    uint16_t got[WORDS_ANSWER] = { 0 };
    static const uint16_t none[WORDS_ANSWER];

    right_words(s, right, answer);
    for (size_t i = 0; i < WORDS_CALL; i++)
        typed[i] = (uint16_t)((right[i] + 1) % WORDS_LIST);
    assert_int_equal(judge(s, typed, got), WORDS_ALL_WRONG);
    assert_memory_equal(got, none, sizeof got);
    typed[0] = right[0];
    assert_int_equal(judge(s, typed, got), WORDS_WRONG);
    typed[1] = right[1];
    typed[2] = right[2];
    assert_int_equal(judge(s, typed, got), WORDS_SLIP);
    assert_memory_equal(got, none, sizeof got);
    assert_int_equal(judge(s, right, got), WORDS_RIGHT);
    assert_memory_equal(got, answer, sizeof got);
}

static void test_words_bind_every_key(void **state)
{
    struct scene *s = *state;
    uint16_t right[WORDS_CALL];
    uint16_t answer[WORDS_ANSWER];
    uint8_t *const bound[] = { s->c.rep.req_static, s->c.rep.req_seal, s->c.rep.req_sign,
                               s->who.node_key,     s->who.sign_pub,   s->who.seal_pub,
                               s->c.rep.nonce };

    right_words(s, right, answer);
    for (size_t i = 0; i < sizeof bound / sizeof bound[0]; i++) {
        bound[i][5] ^= 1;
        assert_int_not_equal(judge(s, right, answer), WORDS_RIGHT);
        bound[i][5] ^= 1;
    }
    assert_int_equal(judge(s, right, answer), WORDS_RIGHT);
}

/* The owner key stands in T of a confirm, and only there. */
static void test_owner_in_confirm(void **state)
{
    struct scene *s = *state;
    uint16_t right[WORDS_CALL];
    uint16_t answer[WORDS_ANSWER];

    right_words(s, right, answer);
    s->who.owner[0] ^= 1;
    assert_int_equal(judge(s, right, answer), WORDS_RIGHT);
    s->who.owner[0] ^= 1;
    view_put(s, REQUEST_CONFIRM);
    right_words(s, right, answer);
    s->who.owner[0] ^= 1;
    assert_int_not_equal(judge(s, right, answer), WORDS_RIGHT);
}

static void test_answer_again(void **state)
{
    struct scene *s = *state;
    struct guard_verdict *v = NULL;
    uint16_t right[WORDS_CALL];
    uint16_t answer[WORDS_ANSWER];
    uint8_t t[SIGNED_MAX];
    struct buf b = BUF_OF(t);

    right_words(s, right, answer);
    assert_int_equal(secret_new(&v), OK);
    assert_int_equal(guard_transcript(&s->c, &s->who, &b), OK);
    assert_int_equal(guard_answer(buf_bytes(&b), s->c.rep.nonce, cost_minimum, v), OK);
    assert_memory_equal(v->answer, answer, sizeof answer);
    secret_free(v);
}

/* ---- boxes ---- */

static void test_open_wrong(void **state)
{
    struct scene *s = *state;
    uint8_t *box = s->boxes[0];

    s->who.owner[0] ^= 1;
    assert_int_equal(open_it(s), ERR_CONFLICT);
    s->who.owner[0] ^= 1;
    s->who.circle[0] ^= 1;
    assert_int_equal(open_it(s), ERR_CONFLICT);
    s->who.circle[0] ^= 1;
    box[40] ^= 1;
    assert_int_equal(open_it(s), ERR_AUTH);
    box[40] ^= 1;
    s->manifest[60] ^= 1;
    assert_int_equal(open_it(s), ERR_AUTH);
    s->manifest[60] ^= 1;
    s->c.view.epochs[0].manifest_hash[0] ^= 1;
    assert_int_equal(open_it(s), ERR_AUTH);
    s->c.view.epochs[0].manifest_hash[0] ^= 1;
    s->who.approval_pub[0] ^= 1;
    assert_int_equal(open_it(s), ERR_CORRUPT);
    s->who.approval_pub[0] ^= 1;
    assert_int_equal(open_it(s), OK);
}

/* A piece that is not the manifest's, in a box the owner signed. */
static void test_open_other_piece(void **state)
{
    struct scene *s = *state;

    s->circle.pieces[0][20] ^= 1;
    box_make(s, BOX_OF_PIECE, bytes_text("Ana"), &s->c.boxes[0].box_piece);
    assert_int_equal(open_it(s), ERR_CORRUPT);
    /* The piece of another guardian does not pass as one's own. */
    memcpy(s->circle.pieces[0], s->circle.pieces[1], PIECE_BYTES);
    box_make(s, BOX_OF_PIECE, bytes_text("Ana"), &s->c.boxes[0].box_piece);
    assert_int_equal(open_it(s), ERR_CORRUPT);
}

/* What went as it should is no warning; what should be there and is not, is one. */
static void test_retired(void **state)
{
    static const struct {
        enum err given[3];  /* by the node */
        enum err opened[3]; /* and so it opened */
        bool retired[3];
    } rows[] = {
        { { ERR_UNKNOWN, ERR_UNKNOWN, OK },
          { ERR_UNKNOWN, ERR_UNKNOWN, OK },
          { true, true, false } },
        { { ERR_UNKNOWN, OK, OK },
          { ERR_UNKNOWN, OK, ERR_AUTH },
          { true, false, false } },
        { { OK, ERR_UNKNOWN, OK }, { OK, ERR_UNKNOWN, ERR_AUTH }, { false } },
        { { OK, OK, ERR_UNKNOWN }, { OK, OK, ERR_UNKNOWN }, { false } },
        { { ERR_CORRUPT, OK, OK }, { ERR_CORRUPT, OK, OK }, { false } },
        { { OK, OK, OK }, { ERR_AUTH, OK, OK }, { false } },
    };
    AUTO_FREE struct guard_case *c = calloc(1, sizeof *c);

    (void)state;
    assert_non_null(c);
    c->n_boxes = 3;
    for (uint32_t i = 0; i < 3; i++)
        c->view.epochs[i].epoch = i + 1;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        memcpy(c->box_err, rows[r].given, sizeof rows[r].given);
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(guard_retired(c, rows[r].opened, i), rows[r].retired[i]);
    }
}

static void test_open_right(void **state)
{
    struct scene *s = *state;

    assert_int_equal(open_it(s), OK);
    assert_memory_equal(s->piece->piece, s->circle.pieces[0], PIECE_BYTES);
    assert_memory_equal(s->piece->roster_key.b, s->roster_key.b, KEY_BYTES);
    assert_true(s->piece->has_roster);
    assert_false(s->piece->introducer_listed);
    assert_int_equal(guard_open(&s->who, &s->c.view.epochs[0], &s->c.boxes[0],
                                s->circle.m.pieces[2].approval, s->piece),
                     OK);
    assert_true(s->piece->introducer_listed);
}

static void test_open_without_roster(void **state)
{
    struct scene *s = *state;

    s->boxes[1][40] ^= 1;
    assert_int_equal(open_it(s), OK);
    assert_false(s->piece->has_roster);
}

/* ---- approving ---- */

static const uint8_t try_op[ID_BYTES] = { 9 };

static enum err approve(struct scene *s, void (*before)(uint8_t *))
{
    struct params p = params_of(before);

    memset(&s->approved, 0, sizeof s->approved);
    return guard_approve(&s->c, &s->who, &p, HOW_CALLED, try_op, &s->approved);
}

/* What the requester finds in the release box. */
static void released(struct scene *s, uint8_t out_piece[PIECE_BYTES])
{
    struct seal_key *key = NULL;
    uint8_t *piece = NULL;

    assert_int_equal(secret_new(&key), OK);
    assert_int_equal(secret_alloc(PIECE_BYTES, (void **)&piece), OK);
    assert_int_equal(s->approved.req.n_boxes, 1);
    assert_int_equal(release_open(&s->req_seal, bytes_of(s->approved.t, s->approved.t_n),
                                  s->circle.hash, s->approved.req.boxes[0].box, piece,
                                  key),
                     OK);
    assert_memory_equal(key->b, s->manifest_key.b, KEY_BYTES);
    memcpy(out_piece, piece, PIECE_BYTES);
    secret_free(piece);
    secret_free(key);
}

static void flip(uint8_t *piece)
{
    piece[PIECE_BYTES - 1] ^= 1;
}

static void test_approve(void **state)
{
    struct scene *s = *state;
    struct statement st;
    struct introduction in;
    uint8_t piece[PIECE_BYTES];
    uint8_t hash[HASH_BYTES];

    assert_int_equal(approve(s, NULL), OK);
    released(s, piece);
    assert_memory_equal(piece, s->circle.pieces[0], PIECE_BYTES);
    assert_int_equal(statement_open(s->approved.req.statement, s->who.approval_pub, &st),
                     OK);
    transcript_hash(bytes_of(s->approved.t, s->approved.t_n), hash);
    assert_memory_equal(st.t_hash, hash, HASH_BYTES);
    assert_memory_equal(st.request, s->c.view.request, ID_BYTES);
    assert_int_equal(st.n_epochs, 1);
    assert_int_equal(st.epochs[0].opened, 1);
    assert_int_equal(st.how, HOW_CALLED);
    assert_int_equal(st.not_before, NOW - 60 + 86400);
    assert_int_equal(
        introduction_open(s->approved.req.introduction, s->who.approval_pub, &in), OK);
    assert_int_equal(in.until, NOW + GUARD_LINK_S);
    assert_memory_equal(in.req_sign, s->c.rep.req_sign, PUB_BYTES);
    assert_true(s->approved.req.roster_box.n > 0);
    assert_memory_equal(s->approved.req.try_op, try_op, ID_BYTES);
}

/* The liar of the demonstrations: exactly the piece differs. */
static void test_liar(void **state)
{
    struct scene *s = *state;
    uint8_t piece[PIECE_BYTES];

    assert_null(params_shipped.before_release);
    assert_int_equal(approve(s, flip), OK);
    released(s, piece);
    assert_memory_not_equal(piece, s->circle.pieces[0], PIECE_BYTES);
    flip(piece);
    assert_memory_equal(piece, s->circle.pieces[0], PIECE_BYTES);
}

/* A box that does not open is named, and the others go. */
static void test_approve_one_broken(void **state)
{
    struct scene *s = *state;
    struct statement st;

    s->c.view.n_epochs = 2;
    s->c.view.epochs[1] = s->c.view.epochs[0];
    s->c.view.epochs[1].epoch = 2;
    s->c.n_boxes = 2;
    s->c.boxes[1] = s->c.boxes[0];
    assert_int_equal(approve(s, NULL), OK);
    assert_int_equal(s->approved.req.n_boxes, 1);
    assert_int_equal(s->approved.opened[0], OK);
    assert_int_not_equal(s->approved.opened[1], OK);
    assert_int_equal(statement_open(s->approved.req.statement, s->who.approval_pub, &st),
                     OK);
    assert_int_equal(st.epochs[0].opened, 1);
    assert_int_equal(st.epochs[1].opened, 2);
    s->c.box_err[1] = ERR_IO;
    assert_int_equal(approve(s, NULL), OK);
    assert_int_equal(s->approved.opened[1], ERR_IO);
}

static void test_approve_confirm(void **state)
{
    struct scene *s = *state;

    view_put(s, REQUEST_CONFIRM);
    assert_int_equal(approve(s, NULL), OK);
    assert_int_equal(s->approved.req.n_boxes, 0);
    assert_int_equal(s->approved.req.roster_box.n, 0);
    assert_int_equal(s->approved.req.introduction.n, 0);
    assert_int_equal(s->approved.statement.epochs[0].opened, 1);
    assert_int_equal(s->approved.statement.kind, REQUEST_CONFIRM);
}

/* "Will you be my guardian?" on the screen must not sign the end of a circle. */
static void test_approve_nothing_unseen(void **state)
{
    static const uint8_t asked[][2] = { { REQUEST_CONFIRM, PURPOSE_MOVE },
                                        { REQUEST_CONFIRM, PURPOSE_RESTORE },
                                        { REQUEST_RESTORE, PURPOSE_MOVE },
                                        { REQUEST_RESTORE, PURPOSE_END },
                                        { REQUEST_RESTORE, PURPOSE_EPOCH },
                                        { REQUEST_RESTORE, PURPOSE_ENROL },
                                        { REQUEST_MOVE, PURPOSE_END },
                                        { REQUEST_MOVE, PURPOSE_RESTORE },
                                        { REQUEST_MOVE, PURPOSE_EPOCH },
                                        { REQUEST_MOVE, PURPOSE_ENROL },
                                        { REQUEST_CONFIRM, 0 },
                                        { REQUEST_CONFIRM, 6 },
                                        { REQUEST_MOVE + 1, PURPOSE_MOVE },
                                        { 0, PURPOSE_ENROL } };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        s->c.view.kind = asked[i][0];
        s->c.view.purpose = asked[i][1];
        assert_int_equal(approve(s, NULL), ERR_VERSION);
        assert_int_equal(s->approved.req.statement.n, 0);
    }
}

/* Somebody else's box: named as not opened, and nothing is let go. */
static void test_approve_foreign(void **state)
{
    struct scene *s = *state;

    s->who.owner[3] ^= 1;
    assert_int_equal(approve(s, NULL), OK);
    assert_int_equal(s->approved.req.n_boxes, 0);
    assert_int_equal(s->approved.req.roster_box.n, 0);
    assert_int_equal(s->approved.opened[0], ERR_CONFLICT);
    assert_int_equal(s->approved.statement.epochs[0].opened, 2);
}

/* A change of circle: the yes names the new piece as opened, or is not given. */
static void test_approve_change(void **state)
{
    struct scene *s = *state;
    struct view *v = &s->c.view;

    v->kind = REQUEST_CONFIRM;
    v->purpose = PURPOSE_EPOCH;
    memset(v->subject, 7, sizeof v->subject);
    assert_int_equal(guard_subject(v), v->n_epochs);
    assert_int_equal(approve(s, NULL), ERR_CORRUPT); /* of an epoch that is not there */
    memcpy(v->subject, s->circle.hash, HASH_BYTES);
    assert_int_equal(guard_subject(v), 0);
    s->boxes[0][40] ^= 1;
    assert_int_equal(approve(s, NULL), ERR_CORRUPT);
    s->boxes[0][40] ^= 1;
    s->c.box_err[0] = ERR_UNKNOWN;
    assert_int_equal(approve(s, NULL), ERR_CORRUPT);
    s->c.box_err[0] = OK;
    assert_int_equal(s->approved.req.statement.n, 0);
    assert_int_equal(approve(s, NULL), OK);
    assert_int_equal(s->approved.statement.purpose, PURPOSE_EPOCH);
    assert_memory_equal(s->approved.statement.subject, s->circle.hash, HASH_BYTES);
    assert_int_equal(s->approved.statement.epochs[0].opened, 1);
    assert_int_equal(s->approved.req.n_boxes, 0);
    assert_int_equal(s->approved.req.roster_box.n, 0);
}

/* A node that was told of other people, or other numbers, would erase on their word:
 * nobody says yes to such a change. */
static void test_approve_change_of_other_people(void **state)
{
    struct scene *s = *state;
    struct view *v = &s->c.view;
    struct descriptor right = s->judges;

    v->kind = REQUEST_CONFIRM;
    v->purpose = PURPOSE_EPOCH;
    memcpy(v->subject, s->circle.hash, HASH_BYTES);
    assert_int_equal(approve(s, NULL), OK);
    for (unsigned wrong = 0; wrong < 7; wrong++) {
        s->judges = right;
        if (wrong == 0)
            s->judges.pieces[0].approval[5] ^= 1;
        else if (wrong == 1)
            s->judges.pieces[s->judges.n_pieces++] = (struct descriptor_piece){ 0 };
        else if (wrong == 2)
            s->judges.groups[0].t++;
        else if (wrong == 3)
            s->judges.groups[0].n++;
        else if (wrong == 4)
            s->judges.epoch++;
        else if (wrong == 5)
            s->judges.manifest_hash[0] ^= 1;
        judges_put(s);
        if (wrong == 6)
            s->c.boxes[0].descriptor = (struct bytes){ 0 };
        memset(&s->approved, 0, sizeof s->approved);
        assert_int_equal(approve(s, NULL), ERR_CORRUPT);
        assert_int_equal(s->approved.req.statement.n, 0);
    }
    /* It holds up no restore. */
    v->kind = REQUEST_RESTORE;
    v->purpose = PURPOSE_RESTORE;
    memset(v->subject, 0, sizeof v->subject);
    assert_int_equal(approve(s, NULL), OK);
    assert_int_equal(s->approved.opened[0], OK);
}

/* After a new root: what the old one sealed still opens, but changes nothing. */
static void test_by_the_root_before(void **state)
{
    struct scene *s = *state;

    memcpy(s->who.before, s->who.owner, PUB_BYTES);
    s->who.owner[3] ^= 1;
    assert_int_equal(open_it(s), OK);
    assert_true(s->piece->by_before);
    assert_int_equal(approve(s, NULL), OK);
    assert_int_equal(s->approved.req.n_boxes, 1);
    s->c.view.kind = REQUEST_CONFIRM;
    s->c.view.purpose = PURPOSE_EPOCH;
    memcpy(s->c.view.subject, s->circle.hash, HASH_BYTES);
    assert_int_equal(approve(s, NULL), ERR_CORRUPT);
    assert_int_equal(s->approved.req.statement.n, 0);
}

/* A word for a new root or an end lets no piece go; only the first one waits. */
static void test_approve_words_only(void **state)
{
    static const struct {
        uint8_t kind;
        uint8_t purpose;
        uint64_t not_before;
    } asked[] = { { REQUEST_MOVE, PURPOSE_MOVE, NOW - 60 + 86400 },
                  { REQUEST_CONFIRM, PURPOSE_END, NOW } };
    struct scene *s = *state;

    for (size_t i = 0; i < 2; i++) {
        s->c.view.kind = asked[i].kind;
        s->c.view.purpose = asked[i].purpose;
        assert_int_equal(approve(s, NULL), OK);
        assert_int_equal(s->approved.req.n_boxes, 0);
        assert_int_equal(s->approved.req.roster_box.n, 0);
        assert_int_equal(s->approved.req.introduction.n, 0);
        assert_int_equal(s->approved.statement.kind, asked[i].kind);
        assert_int_equal(s->approved.statement.purpose, asked[i].purpose);
        assert_int_equal(s->approved.statement.not_before, asked[i].not_before);
    }
}

static void test_plan(void **state)
{
    struct scene *s = *state;

    assert_int_equal(open_it(s), OK);
    assert_int_equal(s->piece->plan.need, 2);
    assert_int_equal(s->piece->plan.of, 3);
    assert_int_equal(s->piece->plan.cards, 0);
    assert_false(s->piece->by_before);
}

/* ---- a drill ---- */

static enum err drill_it(struct scene *s, struct req_drill_answer *out)
{
    struct params p = params_of(NULL);
    struct rep_drill_list *l = calloc(1, sizeof *l);

    assert_non_null(l);
    l->n_lines = 1;
    l->lines[0].epoch = 1;
    memset(l->lines[0].ward, 5, ID_BYTES);
    memset(l->lines[0].challenge, 6, sizeof l->lines[0].challenge);
    memcpy(l->lines[0].manifest_hash, s->circle.hash, HASH_BYTES);
    if (s->c.box_err[0] == OK)
        l->box_piece = s->c.boxes[0].box_piece;
    l->manifest = s->c.boxes[0].manifest;
    enum err e = guard_drill_answer(&s->who, l, &p, out);
    free(l);
    return e;
}

/* A drill opens the piece as an approval does, and its answer holds nothing of it. */
static void test_drill(void **state)
{
    struct scene *s = *state;
    struct req_drill_answer a = { 0 };
    struct drill over = { .epoch = 1, .time = NOW };
    uint8_t pub[PUB_BYTES];

    s->c.box_err[0] = ERR_UNKNOWN;
    assert_int_equal(drill_it(s, &a), ERR_UNKNOWN);
    s->c.box_err[0] = OK;
    s->boxes[0][40] ^= 1;
    assert_int_equal(drill_it(s, &a), ERR_AUTH);
    s->boxes[0][40] ^= 1;
    s->who.owner[0] ^= 1;
    assert_int_equal(drill_it(s, &a), ERR_CONFLICT);
    s->who.owner[0] ^= 1;
    assert_int_equal(drill_it(s, &a), OK);
    memset(over.ward, 5, ID_BYTES);
    memset(over.challenge, 6, sizeof over.challenge);
    memcpy(over.manifest_hash, s->circle.hash, HASH_BYTES);
    piece_public(s->circle.pieces[0], pub);
    assert_int_equal(drill_verify(pub, &over, a.sig), OK);
    assert_int_equal(a.time, NOW);
    over.challenge[0] ^= 1;
    assert_int_equal(drill_verify(pub, &over, a.sig), ERR_SIGNATURE);
    over.challenge[0] ^= 1;
    piece_public(s->circle.pieces[1], pub);
    assert_int_equal(drill_verify(pub, &over, a.sig), ERR_SIGNATURE);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, scene_make, scene_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_words),
        SCENE(test_words_bind_every_key),
        SCENE(test_owner_in_confirm),
        SCENE(test_answer_again),
        SCENE(test_open_wrong),
        SCENE(test_open_other_piece),
        cmocka_unit_test(test_retired),
        SCENE(test_open_right),
        SCENE(test_open_without_roster),
        SCENE(test_approve),
        SCENE(test_liar),
        SCENE(test_approve_one_broken),
        SCENE(test_approve_confirm),
        SCENE(test_approve_nothing_unseen),
        SCENE(test_approve_foreign),
        SCENE(test_approve_change),
        SCENE(test_approve_change_of_other_people),
        SCENE(test_by_the_root_before),
        SCENE(test_approve_words_only),
        SCENE(test_plan),
        SCENE(test_drill),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
