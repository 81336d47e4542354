/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A circle, what a thief of its root dealt after it with people of his own, and a root of
 * his. Moves and certificates come changed as the input says, three bytes each: what,
 * where, how. Nothing but an unchanged MOVE by the circle's own people replaces its root,
 * and nothing of a thief's ever does. Few runs a second: each combines whole circles.
 */
#include <sodium.h>

#include "proto/cert.h"
#include "tests/fuzz/fixed.h"
#include "tests/unit/circle.h"

enum { N = 5, T = 3, SHOWN = 6, ROOM = 8192 };

enum made { MOVE_PEOPLE, MOVE_THIEF, CERT_THIEF, CERT_OTHER, MADE };

static struct fixed f;
static struct root_key heir = { { 2 } };
static struct root_key thief = { { 1 } };
static struct circle ours;     /* whose people count */
static struct circle garbage;  /* by our root; T of its people are the thief's */
static struct circle followed; /* the owner's new root */
static struct circle his;      /* the thief's */
static struct answer answers[4 * N];
static size_t n_answers;
static uint8_t statements[64 * 1024];
static uint8_t made[MADE][ROOM];
static size_t made_n[MADE];

/* What is shown to one judge. */
struct show {
    uint8_t raw[SHOWN][ROOM];
    struct bytes moves[SHOWN];
    struct recover_cert certs[SHOWN];
    size_t n_moves;
    size_t n_certs;
    bool true_word; /* the people's MOVE is among them, unchanged */
};

static struct bytes say(const struct statement *s, const struct sign_seed *keys,
                        struct buf *out)
{
    struct cert *cert = calloc(1, sizeof *cert);
    uint8_t raw[T][SIGNED_MAX];

    MUST(cert != NULL);
    for (size_t i = 0; i < T; i++) {
        struct buf b = BUF_OF(raw[i]);

        statement_make(s, &keys[N - T + i], &b);
        MUST(!b.over);
        cert->lines[cert->n_lines++].statement = buf_bytes(&b);
    }
    cert_put(cert, out);
    free(cert);
    MUST(!out->over);
    return buf_bytes(out);
}

static void make_move(enum made which, const struct circle *from, const struct circle *to)
{
    static const struct sign_seed requester = { { 3 } };
    struct move m = { .epoch = from->m.epoch, .time = 1000 };
    struct statement s = {
        .kind = REQUEST_MOVE, .purpose = PURPOSE_MOVE, .n_epochs = 1, .how = HOW_MET
    };
    uint8_t raw[MOVE_MAX];
    uint8_t people[ROOM];
    struct buf b = BUF_OF(raw);
    struct buf c = BUF_OF(people);
    struct buf all = BUF_OF(made[which]);

    memcpy(m.circle, from->m.circle, ID_BYTES);
    memcpy(m.manifest_hash, from->hash, HASH_BYTES);
    memcpy(m.old_owner, from->m.owner, PUB_BYTES);
    memcpy(m.new_owner, to->m.owner, PUB_BYTES);
    crypt_sign_public(&requester, m.req_sign);
    move_make(&m, &requester, &b);
    memcpy(s.subject, m.new_owner, PUB_BYTES);
    memcpy(s.req_sign, m.req_sign, PUB_BYTES);
    memcpy(s.epochs[0].manifest_hash, from->hash, HASH_BYTES);
    s.epochs[0].epoch = from->m.epoch;
    const struct move_proof p = { buf_bytes(&b), say(&s, from->approvals, &c) };
    move_proof_put(&p, &all);
    MUST(!b.over && !all.over);
    made_n[which] = all.n;
}

/* People of one circle say that the garbage is right. */
static void make_cert(enum made which, const struct circle *by)
{
    struct statement s = {
        .kind = REQUEST_CONFIRM, .purpose = PURPOSE_EPOCH, .n_epochs = 1, .how = HOW_MET
    };
    struct buf b = BUF_OF(made[which]);

    memcpy(s.subject, garbage.hash, HASH_BYTES);
    memcpy(s.epochs[0].manifest_hash, garbage.hash, HASH_BYTES);
    s.epochs[0].epoch = garbage.m.epoch;
    s.epochs[0].opened = 1;
    made_n[which] = say(&s, by->approvals, &b).n;
}

static void give(const struct circle *c, struct buf *st, enum answer_source source)
{
    for (size_t i = 0; i < N; i++) {
        answers[n_answers] = circle_answer(c, i, st);
        answers[n_answers].node_key[1] = (uint8_t)c->m.owner[0];
        answers[n_answers].source = source;
        n_answers++;
    }
}

/* That guardian holds the garbage beside the piece, and says so. */
static void give_both(size_t i, struct buf *st)
{
    struct answer *a = &answers[i];
    struct statement s = { 0 };
    enum err e = statement_open(a->statement, ours.m.pieces[i].approval, &s);
    MUST(e == OK);
    a->pieces[a->n_pieces++] = circle_answer(&garbage, i, st).pieces[0];
    size_t at = st->n;
    s.n_epochs = a->n_pieces;
    for (uint32_t k = 0; k < s.n_epochs; k++) {
        s.epochs[k].epoch = a->pieces[k].epoch;
        s.epochs[k].opened = 1;
        memcpy(s.epochs[k].manifest_hash, a->pieces[k].manifest_hash, HASH_BYTES);
    }
    statement_make(&s, &ours.approvals[i], st);
    a->statement = bytes_of(st->p + at, st->n - at);
}

static const char *fixed_name(void)
{
    return "fixed";
}

static uint32_t fixed_u32(void)
{
    uint32_t v;

    fixed_fill(&f.seed, (uint8_t *)&v, sizeof v);
    return v;
}

static void fixed_buf(void *const p, const size_t n)
{
    fixed_fill(&f.seed, p, n);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct randombytes_implementation same = { .implementation_name = fixed_name,
                                                      .random = fixed_u32,
                                                      .buf = fixed_buf };
    static const struct manifest_group group = { T, N };
    static struct buf st = BUF_OF(statements);

    (void)argc;
    (void)argv;
    f.seed = 1;
    MUST(randombytes_set_implementation(&same) == 0);
    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK);
    fixed_init(&f);
    circle_make(&ours, &f.root, 2, &group, 1, 1);
    memcpy(garbage.approvals, ours.approvals, (N - T) * sizeof ours.approvals[0]);
    circle_make(&garbage, &f.root, 3, &group, 1, 1);
    circle_make(&followed, &heir, 4, &group, 1, 1);
    circle_make(&his, &thief, 4, &group, 1, 1);
    make_move(MOVE_PEOPLE, &ours, &followed);
    make_move(MOVE_THIEF, &garbage, &his);
    make_cert(CERT_THIEF, &garbage);
    make_cert(CERT_OTHER, &his);
    give(&ours, &st, FROM_LINK);
    for (size_t i = 0; i < N - T; i++)
        give_both(i, &st);
    give(&followed, &st, FROM_ROSTER);
    give(&his, &st, FROM_ROSTER);
    MUST(!st.over);
    return 0;
}

/* One more of what was made, with a byte of it changed unless how is 0. */
static void take(struct show *s, uint8_t what, uint8_t where, uint8_t how)
{
    enum made which = (enum made)(what % MADE);
    size_t at = s->n_moves + s->n_certs;
    size_t n = made_n[which];
    struct recover_cert *c = &s->certs[s->n_certs];

    memcpy(s->raw[at], made[which], n);
    s->raw[at][((size_t)where * 256 + what) % n] ^= how;
    if (which <= MOVE_THIEF) {
        s->moves[s->n_moves++] = bytes_of(s->raw[at], n);
        s->true_word = s->true_word || (which == MOVE_PEOPLE && how == 0);
        return;
    }
    *c = (struct recover_cert){ .epoch = garbage.m.epoch + (what >> 7U),
                                .people = bytes_of(s->raw[at], n) };
    memcpy(c->manifest_hash, (what & 64U) != 0 ? his.hash : garbage.hash, HASH_BYTES);
    s->n_certs++;
}

static void judge(const struct show *s)
{
    struct recover_result r;
    const struct recover_in in = { .answers = answers,
                                   .n = n_answers,
                                   .moves = s->moves,
                                   .n_moves = s->n_moves,
                                   .certs = s->certs,
                                   .n_certs = s->n_certs };
    struct root_key root = { { 0 } };
    enum err e = recover_all(&in, &r, &root);

    MUST(e == OK);
    MUST(!secret_equal(&root, &thief, sizeof root));
    MUST(r.n_replaced == s->true_word);
    if (s->true_word)
        MUST(bytes_equal(BYTES_OF(r.replaced[0]), BYTES_OF(ours.m.owner)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct show s;

    memset(&s, 0, sizeof s);
    for (size_t i = 0; i + 3 <= size && i < 3 * (size_t)SHOWN; i += 3)
        take(&s, data[i], data[i + 1], data[i + 2]);
    judge(&s);
    MUST(secret_in_use() == 0);
    return 0;
}
