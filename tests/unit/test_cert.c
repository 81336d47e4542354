/* SPDX-License-Identifier: Apache-2.0 */
/* What proves a change, an end, a new root: each rule's wrong cases before the good one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/cert.h"

enum { DAY = 86400, NOW = 1800000000, MOST = 8 };

/* A descriptor, and who could sign in its name. */
struct world {
    struct descriptor d;
    struct sign_seed approvals[MOST];
    struct sign_seed acks[MOST];
    struct sign_seed requester;
    uint8_t req_sign[PUB_BYTES];
    uint8_t new_owner[PUB_BYTES];
    uint8_t next[HASH_BYTES]; /* manifest hash of the epoch after d's */
    uint8_t mem[MOST * 3][SIGNED_MAX];
    size_t n_mem;
    struct cert cert;
    struct cert_acks acks_cert;
    uint8_t raw[CERT_PEOPLE_MAX];
    uint8_t raw_move[MOVE_MAX];
};

/* n pieces in one group of threshold t. */
static void one_group(struct world *w, uint8_t t, uint8_t n)
{
    w->d.group_threshold = 1;
    w->d.n_groups = 1;
    w->d.groups[0] = (struct manifest_group){ .t = t, .n = n };
    w->d.n_pieces = n;
}

/* Two groups, both needed: 2 of 3 and 1 of 2. */
static void two_groups(struct world *w)
{
    w->d.group_threshold = 2;
    w->d.n_groups = 2;
    w->d.groups[0] = (struct manifest_group){ .t = 2, .n = 3 };
    w->d.groups[1] = (struct manifest_group){ .t = 1, .n = 2 };
    w->d.n_pieces = 5;
    w->d.pieces[3].group = 1;
    w->d.pieces[4].group = 1;
}

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->d.epoch = 3;
    memset(w->d.manifest_hash, 3, HASH_BYTES);
    memset(w->next, 4, HASH_BYTES);
    memset(w->new_owner, 7, PUB_BYTES);
    rng_fill(&crypt_random, w->requester.b, KEY_BYTES);
    crypt_sign_public(&w->requester, w->req_sign);
    for (size_t i = 0; i < MOST; i++) {
        rng_fill(&crypt_random, w->approvals[i].b, KEY_BYTES);
        rng_fill(&crypt_random, w->acks[i].b, KEY_BYTES);
        crypt_sign_public(&w->approvals[i], w->d.pieces[i].approval);
        crypt_sign_public(&w->acks[i], w->d.pieces[i].ack);
    }
    one_group(w, 2, 3);
    *state = w;
    return 0;
}

static int down(void **state)
{
    free(*state);
    return 0;
}

static struct buf room(struct world *w)
{
    assert_true(w->n_mem < MOST * 3);
    return (struct buf){ .p = w->mem[w->n_mem++], .cap = SIGNED_MAX };
}

/* ---- statements ---- */

/* Guardian i confirmed the epoch after d's. */
static struct statement confirms(const struct world *w)
{
    struct statement s = { .kind = REQUEST_CONFIRM,
                           .purpose = PURPOSE_EPOCH,
                           .n_epochs = 2,
                           .how = HOW_CALLED,
                           .time = NOW };

    memcpy(s.subject, w->next, HASH_BYTES);
    memset(s.request, 0x21, ID_BYTES);
    memset(s.req_sign, 0x22, PUB_BYTES);
    s.epochs[0] = (struct statement_epoch){ .epoch = 4, .opened = 1 };
    memcpy(s.epochs[0].manifest_hash, w->next, HASH_BYTES);
    s.epochs[1] = (struct statement_epoch){ .epoch = 3, .opened = 1 };
    memcpy(s.epochs[1].manifest_hash, w->d.manifest_hash, HASH_BYTES);
    return s;
}

static struct statement moves(const struct world *w)
{
    struct statement s = confirms(w);

    s.kind = REQUEST_MOVE;
    s.purpose = PURPOSE_MOVE;
    memcpy(s.subject, w->new_owner, sizeof s.subject);
    memcpy(s.req_sign, w->req_sign, PUB_BYTES);
    return s;
}

static struct statement restores(const struct world *w)
{
    struct statement s = moves(w);

    s.kind = REQUEST_RESTORE;
    s.purpose = PURPOSE_RESTORE;
    memset(s.subject, 0, sizeof s.subject);
    return s;
}

static struct statement ends(const struct world *w)
{
    struct statement s = confirms(w);

    s.purpose = PURPOSE_END;
    memset(s.subject, 0, sizeof s.subject);
    return s;
}

static void add(struct world *w, size_t by, const struct statement *s)
{
    struct buf b = room(w);

    statement_make(s, &w->approvals[by], &b);
    assert_false(b.over);
    w->cert.lines[w->cert.n_lines++] = (struct cert_line){ .statement = buf_bytes(&b) };
}

/* That the node of piece i let go of request 0x21 to the requester. */
static struct release_receipt receipt_of(const struct world *w)
{
    struct release_receipt r = { .epoch = w->d.epoch, .time = NOW };

    memset(r.request, 0x21, ID_BYTES);
    memcpy(r.req_sign, w->req_sign, PUB_BYTES);
    memcpy(r.manifest_hash, w->d.manifest_hash, HASH_BYTES);
    return r;
}

static void receipt(struct world *w, size_t by, const struct release_receipt *r)
{
    struct buf b = room(w);

    release_receipt_make(r, &w->acks[by], &b);
    assert_false(b.over);
    w->cert.lines[w->cert.n_lines - 1].receipt = buf_bytes(&b);
}

static void drop_lines(struct world *w)
{
    w->cert.n_lines = 0;
    w->n_mem = 0;
}

static struct bytes people(struct world *w)
{
    struct buf b = BUF_OF(w->raw);

    cert_put(&w->cert, &b);
    assert_false(b.over);
    return buf_bytes(&b);
}

static struct cert_rule rule_of(const struct world *w, enum purpose purpose)
{
    struct cert_rule r = { .purpose = purpose, .epoch = w->d.epoch + 1 };

    if (purpose == PURPOSE_EPOCH)
        memcpy(r.subject, w->next, sizeof r.subject);
    if (purpose == PURPOSE_MOVE) {
        memcpy(r.subject, w->new_owner, sizeof r.subject);
        memcpy(r.req_sign, w->req_sign, PUB_BYTES);
    }
    return r;
}

static struct cert_verdict judged(struct world *w, const struct cert_rule *rule)
{
    struct cert_verdict v = { 0 };

    assert_int_equal(cert_people(&w->d, rule, people(w), &v), OK);
    return v;
}

static unsigned counted(struct world *w, enum purpose purpose)
{
    struct cert_rule rule = rule_of(w, purpose);

    return judged(w, &rule).n;
}

static bool enough(struct world *w, enum purpose purpose)
{
    struct cert_rule rule = rule_of(w, purpose);

    return judged(w, &rule).enough;
}

/* ---- thresholds ---- */

static bool at_hand(struct world *w, uint8_t a, uint8_t b)
{
    struct cert_count c = { .of = { a, b } };

    return cert_enough(&w->d, &c);
}

static bool with_spare(struct world *w, uint8_t a, uint8_t b)
{
    struct cert_count c = { .of = { a, b } };

    return cert_spare(&w->d, &c);
}

static void nobody_is_never_enough(void **state)
{
    struct world *w = *state;
    struct descriptor none = { 0 };
    struct cert_count c = { 0 };

    assert_false(cert_enough(&none, &c));
    assert_false(cert_spare(&none, &c));
    assert_false(at_hand(w, 0, 0));
}

static void thresholds_of_one_group(void **state)
{
    struct world *w = *state;

    assert_false(at_hand(w, 1, 0));
    assert_false(at_hand(w, 1, 5)); /* a group that is not there counts nothing */
    assert_true(at_hand(w, 2, 0));
    assert_false(with_spare(w, 2, 0));
    assert_true(with_spare(w, 3, 0));
}

static void thresholds_of_two_groups(void **state)
{
    struct world *w = *state;

    two_groups(w);
    assert_false(at_hand(w, 3, 0));
    assert_false(at_hand(w, 1, 2));
    assert_true(at_hand(w, 2, 1));
    /* The margin must hold whichever of them is lost. */
    assert_false(with_spare(w, 3, 1));
    assert_false(with_spare(w, 2, 2));
    assert_true(with_spare(w, 3, 2));
    w->d.group_threshold = 1;
    assert_true(at_hand(w, 0, 1));
    assert_false(with_spare(w, 0, 1));
    assert_true(with_spare(w, 0, 2));
    assert_true(with_spare(w, 2, 1));
}

/* ---- encodings ---- */

static void certificates_out_of_shape(void **state)
{
    struct world *w = *state;
    struct cert_rule rule = rule_of(w, PURPOSE_EPOCH);
    struct cert_verdict v = { .n = 77 };
    static uint8_t long_[CERT_PEOPLE_MAX + 1];
    struct statement s = confirms(w);
    bool machines = true;

    assert_int_equal(cert_people(&w->d, &rule, bytes_text("nonsense"), &v), ERR_FORMAT);
    assert_int_equal(cert_people(&w->d, &rule, (struct bytes){ 0 }, &v), ERR_FORMAT);
    assert_int_equal(cert_people(&w->d, &rule, BYTES_OF(long_), &v), ERR_TOO_BIG);
    add(w, 0, &s);
    struct bytes raw = people(w);

    raw.n--;
    assert_int_equal(cert_people(&w->d, &rule, raw, &v), ERR_FORMAT);
    assert_int_equal(v.n, 77);
    assert_int_equal(cert_machines(&w->d, bytes_text("nonsense"), &machines), ERR_FORMAT);
    assert_int_equal(
        cert_machines(&w->d, bytes_of(long_, CERT_MACHINES_MAX + 1), &machines),
        ERR_TOO_BIG);
    assert_true(machines);
}

static void certificates_come_back_as_they_were(void **state)
{
    struct world *w = *state;
    struct statement s = restores(w);
    struct release_receipt r = receipt_of(w);
    struct cert back = { 0 };

    add(w, 0, &s);
    receipt(w, 0, &r);
    s = moves(w);
    add(w, 1, &s);
    assert_int_equal(cert_get(people(w), &back), OK);
    assert_int_equal(back.n_lines, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(bytes_equal(back.lines[i].statement, w->cert.lines[i].statement));
        assert_true(bytes_equal(back.lines[i].receipt, w->cert.lines[i].receipt));
    }
}

/* Forty guardians, each with the longest statement and a receipt. */
static void the_largest_certificate_fits(void **state)
{
    struct world *w = *state;
    struct statement s = restores(w);
    uint8_t statement[SIGNED_MAX];
    uint8_t receipt_mem[SIGNED_MAX];
    struct buf a = BUF_OF(statement);
    struct buf b = BUF_OF(receipt_mem);
    struct release_receipt r = receipt_of(w);
    struct buf out = BUF_OF(w->raw);

    s.n_epochs = EPOCHS_MAX;
    for (uint32_t i = 0; i < EPOCHS_MAX; i++)
        s.epochs[i] = (struct statement_epoch){ .epoch = UINT32_MAX - i, .opened = 2 };
    s.time = s.not_before = UINT64_MAX;
    statement_make(&s, &w->approvals[0], &a);
    release_receipt_make(&r, &w->acks[0], &b);
    assert_false(a.over || b.over);
    for (size_t i = 0; i < 40; i++)
        w->cert.lines[w->cert.n_lines++] =
            (struct cert_line){ buf_bytes(&a), buf_bytes(&b) };
    cert_put(&w->cert, &out);
    assert_false(out.over);

    struct move_proof p = { .move = bytes_of(w->raw_move, MOVE_MAX),
                            .people = buf_bytes(&out) };
    AUTO_FREE uint8_t *mem = calloc(1, MOVE_PROOF_MAX);
    struct buf whole = { .p = mem, .cap = MOVE_PROOF_MAX };
    struct move_proof back = { 0 };

    assert_non_null(mem);
    move_proof_put(&p, &whole);
    assert_false(whole.over);
    assert_int_equal(move_proof_get(buf_bytes(&whole), &back), OK);
    assert_true(bytes_equal(back.people, p.people));
}

/* ---- people: a change of the circle ---- */

static void one_guardian_counts_once(void **state)
{
    struct world *w = *state;
    struct statement s = confirms(w);

    add(w, 0, &s);
    add(w, 0, &s);
    s.how = HOW_MET;
    add(w, 0, &s);
    assert_int_equal(counted(w, PURPOSE_EPOCH), 1);
    assert_false(enough(w, PURPOSE_EPOCH));
}

/* An owner's client that names one guardian twice makes no two people of them. */
static void one_key_in_two_pieces_counts_once(void **state)
{
    struct world *w = *state;
    struct statement s = confirms(w);

    memcpy(w->d.pieces[1].approval, w->d.pieces[0].approval, PUB_BYTES);
    add(w, 0, &s);
    add(w, 0, &s);
    assert_int_equal(counted(w, PURPOSE_EPOCH), 1);
}

static void strangers_do_not_count(void **state)
{
    struct world *w = *state;
    struct statement s = confirms(w);
    uint8_t last = 0;

    add(w, 5, &s); /* of no piece of this descriptor */
    add(w, 0, &s);
    add(w, 1, &s);
    assert_int_equal(counted(w, PURPOSE_EPOCH), 2);
    /* A bit of the signature. */
    last = (uint8_t)w->cert.lines[2].statement.n;
    w->mem[2][last - 1] ^= 1;
    assert_int_equal(counted(w, PURPOSE_EPOCH), 1);
    /* A piece without an approval key (a card's) is nobody's. */
    memset(w->d.pieces[0].approval, 0, PUB_BYTES);
    assert_int_equal(counted(w, PURPOSE_EPOCH), 0);
}

static void a_statement_about_something_else(void **state)
{
    struct world *w = *state;
    struct statement good = confirms(w);
    struct statement bad[7];

    for (size_t i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].subject[0] ^= 1;                 /* another manifest was asked for */
    bad[1].epochs[0].opened = 2;            /* its piece did not open */
    bad[2].epochs[0].manifest_hash[5] ^= 1; /* the piece that opened is another's */
    bad[3].purpose = PURPOSE_ENROL;
    bad[4] = ends(w);
    bad[5] = restores(w);       /* a restore is no word about a new circle */
    bad[6].epochs[0].epoch = 5; /* the same manifest under another number */
    for (size_t i = 0; i < 7; i++) {
        drop_lines(w);
        add(w, 0, &bad[i]);
        assert_int_equal(counted(w, PURPOSE_EPOCH), 0);
    }
    drop_lines(w);
    add(w, 0, &good);
    assert_int_equal(counted(w, PURPOSE_EPOCH), 1);
}

/* Signed as one kind, it does not count as another: each has its own label. */
static void a_kind_cannot_be_changed_afterwards(void **state)
{
    struct world *w = *state;
    struct statement s = moves(w);

    add(w, 0, &s);
    assert_int_equal(counted(w, PURPOSE_EPOCH), 0);
    assert_int_equal(counted(w, PURPOSE_END), 0);
    assert_int_equal(counted(w, PURPOSE_MOVE), 1);
}

static void enough_guardians_confirm_an_epoch(void **state)
{
    struct world *w = *state;
    struct cert_rule rule = rule_of(w, PURPOSE_EPOCH);
    struct statement s = confirms(w);
    struct cert_verdict v;

    add(w, 2, &s);
    assert_false(enough(w, PURPOSE_EPOCH));
    s.request[0] ^= 1; /* each had a request of its own */
    add(w, 0, &s);
    v = judged(w, &rule);
    assert_true(v.enough);
    assert_int_equal(v.n, 2);
    assert_true(v.by[0] && !v.by[1] && v.by[2]);
    assert_int_equal(v.count.of[0], 2);
}

static void two_groups_are_judged_apart(void **state)
{
    struct world *w = *state;
    struct statement s = confirms(w);

    two_groups(w);
    for (size_t i = 0; i < 3; i++)
        add(w, i, &s);
    assert_false(enough(w, PURPOSE_EPOCH)); /* three of one group */
    add(w, 4, &s);
    assert_true(enough(w, PURPOSE_EPOCH));
}

/* ---- people: an end ---- */

static void an_end_needs_words_about_an_end(void **state)
{
    struct world *w = *state;
    struct statement s = confirms(w);

    add(w, 0, &s);
    assert_int_equal(counted(w, PURPOSE_END), 0);
    drop_lines(w);
    s = ends(w);
    s.subject[3] = 1;
    add(w, 0, &s);
    s = ends(w);
    s.epochs[1].manifest_hash[0] ^= 1; /* this epoch was not among those asked about */
    add(w, 1, &s);
    assert_int_equal(counted(w, PURPOSE_END), 0);
    drop_lines(w);
    s = ends(w);
    add(w, 0, &s);
    assert_false(enough(w, PURPOSE_END));
    s.epochs[1].opened = 2; /* who cannot open the piece may still let it go */
    add(w, 1, &s);
    assert_true(enough(w, PURPOSE_END));
}

static void old_words_do_not_count_where_time_does(void **state)
{
    struct world *w = *state;
    struct cert_rule rule = rule_of(w, PURPOSE_END);
    struct statement s = ends(w);

    s.time = NOW - 1;
    add(w, 0, &s);
    rule.since = NOW;
    assert_int_equal(judged(w, &rule).n, 0);
    rule.since = NOW - 1;
    assert_int_equal(judged(w, &rule).n, 1);
}

/* ---- people: a new root ---- */

static struct bytes move_of(struct world *w, const struct sign_seed *by,
                            void (*change)(struct move *m))
{
    struct move m = { .epoch = w->d.epoch, .time = NOW };
    struct buf b = BUF_OF(w->raw_move);

    memset(m.circle, 5, ID_BYTES);
    memset(m.old_owner, 6, PUB_BYTES);
    memcpy(m.manifest_hash, w->d.manifest_hash, HASH_BYTES);
    memcpy(m.new_owner, w->new_owner, PUB_BYTES);
    memcpy(m.req_sign, w->req_sign, PUB_BYTES);
    if (change != NULL)
        change(&m);
    move_make(&m, by, &b);
    assert_false(b.over);
    return buf_bytes(&b);
}

static enum err judge_at(struct world *w, uint64_t now, bool by_manifest)
{
    struct move_proof p = { .move = move_of(w, &w->requester, NULL),
                            .people = people(w) };
    struct move m = { 0 };
    enum err e = move_judge(&w->d, &p, now, by_manifest, &m);

    if (e == OK)
        assert_memory_equal(m.new_owner, w->new_owner, PUB_BYTES);
    else
        assert_int_equal(m.epoch, 0);
    return e;
}

static void a_move_without_people(void **state)
{
    struct world *w = *state;
    struct statement s = confirms(w);

    assert_int_equal(judge_at(w, NOW, false), ERR_CERT);
    /* Confirmations of a circle or an end move no root. */
    add(w, 0, &s);
    s = ends(w);
    add(w, 1, &s);
    assert_int_equal(judge_at(w, NOW, false), ERR_CERT);
}

static void a_move_of_too_few(void **state)
{
    struct world *w = *state;
    struct statement s = moves(w);

    add(w, 0, &s);
    add(w, 0, &s);
    assert_int_equal(judge_at(w, NOW, false), ERR_CERT);
    add(w, 1, &s);
    assert_int_equal(judge_at(w, NOW, false), OK);
}

/* Whom a guardian stopped has the statement of nobody's restore: their node never
 * released, so there is no receipt. */
static void a_restore_that_was_stopped_moves_nothing(void **state)
{
    struct world *w = *state;
    struct statement s = restores(w);
    struct release_receipt r = receipt_of(w);

    add(w, 0, &s);
    receipt(w, 0, &r);
    add(w, 1, &s); /* approved, then stopped */
    assert_int_equal(judge_at(w, NOW, false), ERR_CERT);
    receipt(w, 0, &r); /* another node's receipt beside it */
    assert_int_equal(judge_at(w, NOW, false), ERR_CERT);
    receipt(w, 1, &r);
    assert_int_equal(judge_at(w, NOW, false), OK);
}

static void a_receipt_of_something_else(void **state)
{
    struct world *w = *state;
    struct statement s = restores(w);
    struct release_receipt good = receipt_of(w);
    struct release_receipt bad[4] = { good, good, good, good };

    bad[0].request[0] ^= 1;
    bad[1].req_sign[0] ^= 1;
    bad[2].manifest_hash[0] ^= 1;
    bad[3].epoch = 2;
    for (size_t i = 0; i < 4; i++) {
        drop_lines(w);
        add(w, 0, &s);
        receipt(w, 0, &good);
        add(w, 1, &s);
        receipt(w, 1, &bad[i]);
        assert_int_equal(counted(w, PURPOSE_MOVE), 1);
        assert_int_equal(judge_at(w, NOW, false), ERR_CERT);
    }
    /* Whoever judges by a manifest knows no acknowledgement keys, and asks for none. */
    assert_int_equal(judge_at(w, NOW, true), OK);
}

/* The statements name the one key that signs: nobody else's MOVE can use them. */
static void statements_that_name_another_key(void **state)
{
    struct world *w = *state;
    struct statement s = moves(w);

    add(w, 0, &s);
    s.req_sign[0] ^= 1;
    add(w, 1, &s);
    assert_int_equal(counted(w, PURPOSE_MOVE), 1);
    drop_lines(w);
    s = moves(w);
    s.subject[0] ^= 1; /* another new root */
    add(w, 0, &s);
    s = moves(w);
    s.epochs[1].manifest_hash[0] ^= 1; /* an epoch that is not e */
    add(w, 1, &s);
    assert_int_equal(counted(w, PURPOSE_MOVE), 0);
}

static void a_move_signed_by_another_key(void **state)
{
    struct world *w = *state;
    struct statement s = moves(w);
    struct move m = { 0 };

    add(w, 0, &s);
    add(w, 1, &s);
    struct move_proof p = { .move = move_of(w, &w->approvals[3], NULL),
                            .people = people(w) };

    assert_int_equal(move_judge(&w->d, &p, NOW, false, &m), ERR_SIGNATURE);
    assert_int_equal(move_open(p.move, &m), ERR_SIGNATURE);
    assert_int_equal(m.epoch, 0);
    p.move = move_of(w, &w->requester, NULL);
    w->raw_move[p.move.n - SIG_BYTES - 1] ^= 1; /* its time */
    assert_int_equal(move_judge(&w->d, &p, NOW, false, &m), ERR_SIGNATURE);
    p.move.n = MOVE_MAX + 1;
    assert_int_equal(move_open(p.move, &m), ERR_TOO_BIG);
    p.move.n = 10;
    assert_int_equal(move_open(p.move, &m), ERR_FORMAT);
}

static void of_another_epoch(struct move *m)
{
    m->epoch = 2;
}

static void of_another_manifest(struct move *m)
{
    m->manifest_hash[9] ^= 1;
}

static void to_another_owner(struct move *m)
{
    m->new_owner[0] ^= 1;
}

static void a_move_of_another_epoch_or_circle(void **state)
{
    struct world *w = *state;
    void (*const changes[])(struct move *) = { of_another_epoch, of_another_manifest,
                                               to_another_owner };
    struct statement s = moves(w);
    struct move m = { 0 };

    add(w, 0, &s);
    add(w, 1, &s);
    for (size_t i = 0; i < 3; i++) {
        struct move_proof p = { .move = move_of(w, &w->requester, changes[i]),
                                .people = people(w) };

        assert_int_equal(move_judge(&w->d, &p, NOW, false, &m), ERR_CERT);
    }
    assert_int_equal(judge_at(w, NOW, false), OK);
}

static void words_for_a_new_root_age_after_90_days(void **state)
{
    struct world *w = *state;
    struct statement s = moves(w);

    add(w, 0, &s);
    add(w, 1, &s);
    assert_int_equal(judge_at(w, NOW + CERT_LIFE_S, false), OK);
    assert_int_equal(judge_at(w, NOW + CERT_LIFE_S + 1, false), ERR_CERT);
    /* Years later a client looks at it again: what counted then counts. */
    assert_int_equal(judge_at(w, 0, false), OK);
    assert_int_equal(judge_at(w, 10, false), OK); /* no wrap below 90 days */
}

static void a_proof_of_a_move_comes_back(void **state)
{
    struct world *w = *state;
    struct statement s = moves(w);
    struct move_proof back = { 0 };
    uint8_t mem[4096];
    struct buf b = BUF_OF(mem);

    add(w, 0, &s);
    add(w, 2, &s);
    struct move_proof p = { .move = move_of(w, &w->requester, NULL),
                            .people = people(w) };
    struct move m = { 0 };

    move_proof_put(&p, &b);
    assert_int_equal(move_proof_get(bytes_of(mem, b.n - 1), &back), ERR_FORMAT);
    assert_int_equal(move_proof_get(buf_bytes(&b), &back), OK);
    assert_int_equal(move_judge(&w->d, &back, NOW, false, &m), OK);
    assert_memory_equal(m.req_sign, w->req_sign, PUB_BYTES);
}

/* By a manifest: cards are nobody, everybody else stands as in the descriptor. */
static void a_manifest_says_who_guards(void **state)
{
    struct world *w = *state;
    static struct manifest m;

    m = (struct manifest){
        .epoch = 3, .group_threshold = 1, .n_groups = 1, .n_pieces = 4
    };
    struct statement s = moves(w);
    struct descriptor d = { 0 };

    m.groups[0] = (struct manifest_group){ .t = 2, .n = 4 };
    for (uint32_t i = 0; i < 4; i++) {
        m.pieces[i].kind = i == 1 ? PIECE_CARD : PIECE_NODE;
        if (i != 1)
            memcpy(m.pieces[i].approval, w->d.pieces[i].approval, PUB_BYTES);
    }
    descriptor_of(&m, w->d.manifest_hash, &d);
    assert_int_equal(d.n_pieces, 3);
    w->d = d;
    add(w, 0, &s);
    add(w, 1, &s); /* keeps a card here: no word of a node's guardian */
    assert_int_equal(judge_at(w, NOW, true), ERR_CERT);
    add(w, 3, &s);
    assert_int_equal(judge_at(w, NOW, true), OK);
}

/* ---- machines ---- */

static void ack_by(struct world *w, size_t by, uint8_t state, uint32_t epoch,
                   uint8_t hash)
{
    struct ack a = { .state = state, .epoch = epoch, .time = NOW };
    struct buf b = room(w);

    memset(a.manifest_hash, hash, HASH_BYTES);
    ack_make(&a, &w->acks[by], &b);
    assert_false(b.over);
    w->acks_cert.acks[w->acks_cert.n_acks++].ack = buf_bytes(&b);
}

static bool machines(struct world *w)
{
    struct buf b = BUF_OF(w->raw);
    bool enough_ = false;

    cert_acks_put(&w->acks_cert, &b);
    assert_int_equal(cert_machines(&w->d, buf_bytes(&b), &enough_), OK);
    return enough_;
}

static void machines_need_a_margin(void **state)
{
    struct world *w = *state;

    one_group(w, 2, 4);
    assert_false(machines(w));
    ack_by(w, 0, EPOCH_ACTIVE, 3, 3);
    ack_by(w, 1, EPOCH_ACTIVE, 3, 3);
    assert_false(machines(w)); /* the threshold, nothing to spare */
    ack_by(w, 1, EPOCH_ACTIVE, 3, 3);
    assert_false(machines(w)); /* the same again */
    ack_by(w, 3, EPOCH_ACTIVE, 3, 3);
    assert_true(machines(w));
}

static void machines_that_hold_something_else(void **state)
{
    struct world *w = *state;

    ack_by(w, 0, EPOCH_ACTIVE, 3, 3);
    ack_by(w, 1, EPOCH_ACTIVE, 3, 3);
    ack_by(w, 2, EPOCH_PREPARED, 3, 3);
    ack_by(w, 2, EPOCH_SUPERSEDED, 3, 3);
    ack_by(w, 2, EPOCH_ACTIVE, 2, 3);
    ack_by(w, 2, EPOCH_ACTIVE, 3, 4);
    ack_by(w, 5, EPOCH_ACTIVE, 3, 3); /* of no piece */
    assert_false(machines(w));
    ack_by(w, 2, EPOCH_ACTIVE, 3, 3);
    assert_true(machines(w));
}

/* Where each of them is needed, all of them are the margin there can be. */
static void all_machines_are_enough(void **state)
{
    struct world *w = *state;

    one_group(w, 2, 2);
    ack_by(w, 0, EPOCH_ACTIVE, 3, 3);
    assert_false(machines(w));
    ack_by(w, 1, EPOCH_ACTIVE, 3, 3);
    assert_true(machines(w));
}

static void one_key_in_two_pieces_is_one_machine(void **state)
{
    struct world *w = *state;

    one_group(w, 1, 3);
    memcpy(w->d.pieces[1].ack, w->d.pieces[0].ack, PUB_BYTES);
    ack_by(w, 0, EPOCH_ACTIVE, 3, 3);
    ack_by(w, 0, EPOCH_ACTIVE, 3, 3);
    assert_false(machines(w));
    /* A piece without an acknowledgement key is held by nobody. */
    memset(w->d.pieces[0].ack, 0, PUB_BYTES);
    memset(w->d.pieces[1].ack, 0, PUB_BYTES);
    assert_false(machines(w));
}

/* ---- signatures ---- */

static void a_retire_is_for_one_epoch_of_one_ward(void **state)
{
    struct world *w = *state;
    uint8_t ward[ID_BYTES] = { 1 };
    uint8_t sig[SIG_BYTES];

    retire_sign(&w->requester, ward, 4, w->next, sig);
    assert_int_equal(retire_verify(w->req_sign, ward, 5, w->next, sig), ERR_SIGNATURE);
    assert_int_equal(retire_verify(w->req_sign, ward, 4, w->d.manifest_hash, sig),
                     ERR_SIGNATURE);
    assert_int_equal(retire_verify(w->new_owner, ward, 4, w->next, sig), ERR_SIGNATURE);
    ward[0] = 2;
    assert_int_equal(retire_verify(w->req_sign, ward, 4, w->next, sig), ERR_SIGNATURE);
    ward[0] = 1;
    assert_int_equal(retire_verify(w->req_sign, ward, 4, w->next, sig), OK);
}

static void an_account_is_for_one_ward_and_one_move(void **state)
{
    struct world *w = *state;
    const struct move_account good = {
        .ward = { 1 }, .move = { 2 }, .account_sign = { 3 }, .stat = { 4 }, .psk = { 5 }
    };
    struct move_account bad[5] = { good, good, good, good, good };
    uint8_t sig[SIG_BYTES];

    bad[0].ward[0] ^= 1;
    bad[1].move[0] ^= 1;
    bad[2].account_sign[0] ^= 1;
    bad[3].stat[0] ^= 1;
    bad[4].psk[0] ^= 1;
    move_account_sign(&w->requester, &good, sig);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(move_account_verify(w->req_sign, &bad[i], sig), ERR_SIGNATURE);
    assert_int_equal(move_account_verify(w->new_owner, &good, sig), ERR_SIGNATURE);
    assert_int_equal(move_account_verify(w->req_sign, &good, sig), OK);
}

static void a_drill_is_for_one_challenge(void **state)
{
    struct world *w = *state;
    const struct drill good = {
        .ward = { 1 }, .epoch = 3, .manifest_hash = { 2 }, .challenge = { 9 }, .time = NOW
    };
    struct drill bad[5] = { good, good, good, good, good };
    uint8_t sig[SIG_BYTES];

    bad[0].ward[0] ^= 1;
    bad[1].epoch++;
    bad[2].manifest_hash[0] ^= 1;
    bad[3].challenge[31] ^= 1;
    bad[4].time++;
    drill_sign(&w->requester, &good, sig);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(drill_verify(w->req_sign, &bad[i], sig), ERR_SIGNATURE);
    assert_int_equal(drill_verify(w->req_sign, &good, sig), OK);
    /* The piece's signature over a drill is none over anything else. */
    assert_int_equal(retire_verify(w->req_sign, good.ward, 3, good.manifest_hash, sig),
                     ERR_SIGNATURE);
}

static void a_receipt_of_an_end_is_by_the_node(void **state)
{
    struct world *w = *state;
    struct ended_receipt r = { .ward = { 1 }, .manifest_hash = { 2 }, .time = NOW };
    struct ended_receipt back = { 0 };
    uint8_t mem[SIGNED_MAX];
    struct buf b = BUF_OF(mem);

    ended_receipt_make(&r, &w->requester, &b);
    assert_int_equal(ended_receipt_open(buf_bytes(&b), w->new_owner, &back),
                     ERR_SIGNATURE);
    mem[b.n - SIG_BYTES - 1] ^= 1;
    assert_int_equal(ended_receipt_open(buf_bytes(&b), w->req_sign, &back),
                     ERR_SIGNATURE);
    mem[b.n - SIG_BYTES - 1] ^= 1;
    assert_int_equal(ended_receipt_open(buf_bytes(&b), w->req_sign, &back), OK);
    assert_memory_equal(back.ward, r.ward, ID_BYTES);
    assert_int_equal(back.time, NOW);
}

/* What is asked for part by part is what is asked for at once; where one part ends and
 * the next begins counts. */
static void a_digest_of_parts(void **state)
{
    const uint8_t nonce[32] = { 1 };
    const uint8_t other[32] = { 2 };
    const struct bytes parts[] = { bytes_text("one"), bytes_text("two") };
    const struct bytes moved[] = { bytes_text("onet"), bytes_text("wo") };
    uint8_t a[HASH_BYTES];
    uint8_t b[HASH_BYTES] = { 0 };

    (void)state;
    check_digest(nonce, parts, 2, a);
    check_add(nonce, parts[0], b);
    check_add(nonce, parts[1], b);
    assert_memory_equal(a, b, HASH_BYTES);
    check_digest(other, parts, 2, b);
    assert_memory_not_equal(a, b, HASH_BYTES);
    check_digest(nonce, moved, 2, b);
    assert_memory_not_equal(a, b, HASH_BYTES);
    check_digest(nonce, parts, 1, b);
    assert_memory_not_equal(a, b, HASH_BYTES);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nobody_is_never_enough),
        CASE(thresholds_of_one_group),
        CASE(thresholds_of_two_groups),
        CASE(certificates_out_of_shape),
        CASE(certificates_come_back_as_they_were),
        CASE(the_largest_certificate_fits),
        CASE(one_guardian_counts_once),
        CASE(one_key_in_two_pieces_counts_once),
        CASE(strangers_do_not_count),
        CASE(a_statement_about_something_else),
        CASE(a_kind_cannot_be_changed_afterwards),
        CASE(enough_guardians_confirm_an_epoch),
        CASE(two_groups_are_judged_apart),
        CASE(an_end_needs_words_about_an_end),
        CASE(old_words_do_not_count_where_time_does),
        CASE(a_move_without_people),
        CASE(a_move_of_too_few),
        CASE(a_restore_that_was_stopped_moves_nothing),
        CASE(a_receipt_of_something_else),
        CASE(statements_that_name_another_key),
        CASE(a_move_signed_by_another_key),
        CASE(a_move_of_another_epoch_or_circle),
        CASE(words_for_a_new_root_age_after_90_days),
        CASE(a_proof_of_a_move_comes_back),
        CASE(a_manifest_says_who_guards),
        CASE(machines_need_a_margin),
        CASE(machines_that_hold_something_else),
        CASE(all_machines_are_enough),
        CASE(one_key_in_two_pieces_is_one_machine),
        CASE(a_retire_is_for_one_epoch_of_one_ward),
        CASE(an_account_is_for_one_ward_and_one_move),
        CASE(a_drill_is_for_one_challenge),
        CASE(a_receipt_of_an_end_is_by_the_node),
        CASE(a_digest_of_parts),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
