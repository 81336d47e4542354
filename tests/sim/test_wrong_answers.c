/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way of answering wrongly, by every subset of guardians, over conversations and
 * the real handlers; then mixtures from a seed. A restore completes whenever enough
 * good pieces exist, names exactly the bad ones, and never yields a wrong root silently.
 *   sim_wrong_answers                    a selection of both
 *   sim_wrong_answers subsets            all subsets of 5 and of 7
 *   sim_wrong_answers mixtures           300 of each, with KITH_LONG=1 2,500 of each
 *   sim_wrong_answers COUNT [FIRST]      so many of each, from that seed on; with
 *                                        KITH_TELL=1 each is told as it is judged
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/slip39.h"
#include "tests/sim/play.h"

enum { MOST = 7, LATER_S = 45 * 86400, FAKES = 64 };

/* What a guardian, their node or the line does. */
enum fault {
    GOOD,
    FLIP,         /* one bit of the value */
    INDEX,        /* the header of another member */
    SPLIT,        /* a piece of another epoch of this circle */
    EPOCH,        /* sealed as another epoch's */
    STATED,       /* the statement says that the box did not open */
    OTHER_CIRCLE, /* their good piece of somebody else's circle */
    OTHER_WARD,   /* the node gave the box of another ward */
    NEIGHBOUR,    /* the neighbour's piece */
    TRUNCATED,
    OVERSIZED,
    MANIFEST, /* node and guardian have made a circle of their own */
    ROSTER,   /* node and guardian name people who do not exist */
    REFUSING,
    SILENT,
    CUT,
    GARBAGE,
    FLIPPED,
    FAULTS
};

static const char *const fault_names[FAULTS] = {
    "good",
    "bit flip",
    "wrong index",
    "other split",
    "wrong epoch",
    "unopened",
    "other circle",
    "box of another ward",
    "neighbour's piece",
    "truncated",
    "oversized",
    "forged manifest",
    "forged roster",
    "refusing",
    "silent",
    "cut",
    "garbage",
    "flipped line",
};

static const enum verdict expected[FAULTS] = {
    [GOOD] = VERDICT_GOOD,
    [FLIP] = VERDICT_BAD_PIECE,
    [INDEX] = VERDICT_BAD_PIECE,
    [SPLIT] = VERDICT_BAD_PIECE,
    [EPOCH] = VERDICT_BAD_PIECE,
    [STATED] = VERDICT_BAD_PIECE,
    [OTHER_CIRCLE] = VERDICT_BAD_PIECE,
    [OTHER_WARD] = VERDICT_BAD_PIECE,
    [NEIGHBOUR] = VERDICT_BAD_SIGNATURE, /* nobody else can sign for that piece */
    [TRUNCATED] = VERDICT_BAD_PIECE,
    [OVERSIZED] = VERDICT_BAD_PIECE,
    [MANIFEST] = VERDICT_BAD_PIECE,
    [ROSTER] = VERDICT_GOOD, /* their piece is; a roster is a hint */
    [REFUSING] = VERDICT_REFUSED,
    [SILENT] = VERDICT_SILENT,
    [CUT] = VERDICT_SILENT,
    [GARBAGE] = VERDICT_SILENT,
    [FLIPPED] = VERDICT_SILENT,
};

/* ---- the circle, made once ---- */

/* A circle that forgers agreed on: another root, their own approval keys. */
struct forged {
    uint8_t raw[MANIFEST_MAX];
    size_t raw_n;
    uint8_t hash[HASH_BYTES];
    uint8_t sealed[MANIFEST_MAX + 64];
    size_t sealed_n;
    struct seal_key key;
    uint8_t pieces[MOST][PIECE_BYTES];
    uint8_t owner[PUB_BYTES];
};

static struct {
    size_t n;
    unsigned k;
    struct play_guardian at[MOST];     /* about Ana */
    uint8_t pieces[MOST][PIECE_BYTES]; /* of Ana's circle */
    uint8_t other[MOST][PIECE_BYTES];  /* of Zed's, at the same guardians */
    struct net_epoch true_[MOST];      /* what the nodes hold for Ana */
    struct net_epoch zed[MOST];
    uint8_t owner[PUB_BYTES];
    uint8_t root[KEY_BYTES]; /* Ana's, to compare with */
    char words[WORDS_TEXT];
} cast;

static uint8_t room[2 * MOST][65536];

/* What the guardian of node i holds of that owner's, by a box as the node has it. */
static void piece_held(size_t i, const char *owner, size_t at,
                       struct net_epoch *out_epoch, uint8_t out[PIECE_BYTES])
{
    AUTO_SECRET struct guard_piece *p = NULL;
    struct play_guardian g = { 0 };
    struct view_epoch line = { .epoch = 1 };
    struct rep_box_get box = { .index = (uint8_t)i };
    static const uint8_t nobody[PUB_BYTES];

    play_sit(i, owner, &g);
    net_peek(i, g.ward, 1, SPAN_OF(room[at]), out_epoch);
    memcpy(line.manifest_hash, out_epoch->hash, HASH_BYTES);
    box.box_piece = out_epoch->box;
    box.box_roster = out_epoch->box; /* does not open as a roster's: no key is wanted */
    box.manifest = out_epoch->manifest;
    MUST(secret_new(&p) == OK);
    MUST(guard_open(&g.who, &line, &box, nobody, p) == OK);
    memcpy(out, p->piece, PIECE_BYTES);
    play_rise(&g);
}

static void owner_known(const char *owner)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct unlocked *u = NULL;
    struct day *d = NULL;

    MUST(home_open(play_home(owner), HOME_READ, &h) == OK);
    MUST(home_day_load(&h, &d) == OK && home_root_unlock(&h, NULL, &u) == OK);
    memcpy(cast.owner, d->me.owner, PUB_BYTES);
    memcpy(cast.root, u->root.b, KEY_BYTES);
    (void)snprintf(cast.words, sizeof cast.words, "%.*s", (int)d->me.fingerprint.n,
                   (const char *)d->me.fingerprint.p);
    secret_free(u);
    day_free(d);
    home_close(&h);
}

static void cast_open(size_t n, unsigned k)
{
    cast.n = n;
    cast.k = k;
    play_open(n, 7 * n + k);
    play_circle("Zed", n, k, "0");
    play_circle("Ana", n, k, "0");
    owner_known("Ana");
    for (size_t i = 0; i < n; i++) {
        piece_held(i, "Zed", MOST + i, &cast.zed[i], cast.other[i]);
        piece_held(i, "Ana", i, &cast.true_[i], cast.pieces[i]);
        play_sit(i, "Ana", &cast.at[i]);
    }
}

static void cast_close(void)
{
    for (size_t i = 0; i < cast.n; i++)
        play_rise(&cast.at[i]);
    play_close();
}

static uint8_t zed_tokens[MOST][TOKEN_STANDING];

/* The standing credentials that Zed's roster names. */
static void zed_known(void)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct unlocked *u = NULL;
    struct day *d = NULL;

    MUST(home_open(play_home("Zed"), HOME_READ, &h) == OK);
    MUST(home_day_load(&h, &d) == OK && home_root_unlock(&h, NULL, &u) == OK);
    for (size_t i = 0; i < cast.n; i++) {
        const struct day_guardian *g = &d->guardians[i];
        const struct standing which = { .kind = STANDING_ROSTER,
                                        .generation = g->generation,
                                        .number = d->me.next_roster - 1 };

        MUST(ident_restore(&u->root, g->node[0].node_key, g->seat, &which,
                           zed_tokens[i]) == OK);
    }
    secret_free(u);
    day_free(d);
    home_close(&h);
}

/* Days only grow: a guardian sits down anew from time to time. */
static void cast_again(void)
{
    for (size_t i = 0; i < cast.n; i++) {
        play_rise(&cast.at[i]);
        play_sit(i, "Ana", &cast.at[i]);
    }
}

/* ---- one restore ---- */

/* What is being played, for whoever reads that it failed. */
struct played {
    const char *what;
    uint64_t number; /* seed, or bits of the guardians concerned */
};

static struct played playing;

struct scene {
    enum fault fault[MOST];
    bool early[MOST];  /* line faults: from the first round on */
    bool linked[MOST]; /* the person has a link; else the roster tells */
    bool answered[MOST];
    struct restore *r;
    struct forged *forged;
};

static struct params liar; /* of whoever approves now */
static uint8_t lie[PIECE_BYTES];

static void tell_lie(uint8_t piece[PIECE_BYTES])
{
    memcpy(piece, lie, PIECE_BYTES);
}

static void other_split(size_t i, uint8_t out[PIECE_BYTES])
{
    AUTO_SECRET struct slip39_share *share = NULL;
    struct buf b = { .p = out, .cap = PIECE_BYTES };

    MUST(secret_new(&share) == OK);
    MUST(slip39_piece_decode(bytes_of(cast.pieces[i], PIECE_BYTES), share) == OK);
    share->identifier ^= 1;
    rng_fill(net_rng(), share->value, KEY_BYTES);
    slip39_piece_encode(share, &b);
}

static void other_index(size_t i, uint8_t out[PIECE_BYTES])
{
    AUTO_SECRET struct slip39_share *share = NULL;
    struct buf b = { .p = out, .cap = PIECE_BYTES };

    MUST(secret_new(&share) == OK);
    MUST(slip39_piece_decode(bytes_of(cast.pieces[i], PIECE_BYTES), share) == OK);
    share->member_index = (uint8_t)((share->member_index + 1) % cast.n);
    slip39_piece_encode(share, &b);
}

/* The piece that will be sent. */
static void choose_lie(enum fault f, size_t i)
{
    memcpy(lie, cast.pieces[i], PIECE_BYTES);
    switch ((int)f) {
    case FLIP:
        lie[5 + net_now() % 32] ^= (uint8_t)(1U << (net_now() / 32 % 8));
        break;
    case INDEX:
        other_index(i, lie);
        break;
    case SPLIT:
        other_split(i, lie);
        break;
    case OTHER_CIRCLE:
        memcpy(lie, cast.other[i], PIECE_BYTES);
        break;
    case NEIGHBOUR:
        memcpy(lie, cast.pieces[(i + 1) % cast.n], PIECE_BYTES);
        break;
    default:
        break;
    }
}

/* A release box of what the guardian likes, in the place of the true one. */
static void reseal(const struct guard_case *c, struct guard_approval *a,
                   const uint8_t hash[HASH_BYTES], const uint8_t *piece,
                   const struct seal_key *key, uint8_t out[BOX_MAX])
{
    struct buf b = { .p = out, .cap = BOX_MAX };

    MUST(release_seal(c->rep.req_seal, bytes_of(a->t, a->t_n), hash, piece, key,
                      net_rng(), &b) == OK &&
         !b.over);
    a->req.boxes[0] = (struct approve_box){ 1, buf_bytes(&b) };
    a->req.n_boxes = 1;
}

static void restate(const struct play_guardian *g, struct guard_approval *a,
                    uint8_t opened)
{
    struct buf b = BUF_OF(a->signed_statement);

    a->statement.epochs[0].opened = opened;
    statement_make(&a->statement, g->approval, &b);
    a->req.statement = buf_bytes(&b);
}

/* A roster of nobody under a key of the guardian's, and the node's store to fit. */
static void false_roster(size_t i, const struct guard_case *c, struct guard_approval *a,
                         uint8_t out[BOX_MAX])
{
    AUTO_FREE struct roster *r = calloc(1, sizeof *r);
    AUTO_FREE uint8_t *sealed = calloc(1, ROSTER_MAX + 64);
    AUTO_SECRET struct seal_key *key = NULL;
    struct buf box = { .p = out, .cap = BOX_MAX };
    struct buf b = { .p = sealed, .cap = ROSTER_MAX + 64 };
    struct net_epoch what = cast.true_[i];
    static const uint8_t at[] = { 1, 10, 0, 0, 1, 0x1e, 0xa4 };

    MUST(r != NULL && sealed != NULL && secret_new(&key) == OK);
    rng_fill(net_rng(), key->b, KEY_BYTES);
    r->epoch = 1;
    memcpy(r->circle, cast.at[i].who.circle, ID_BYTES);
    r->n_entries = FAKES;
    for (size_t k = 0; k < FAKES; k++) {
        struct roster_entry *e = &r->entries[k];
        e->name = bytes_text("Nobody");
        rng_fill(net_rng(), e->node_key, PUB_BYTES);
        rng_fill(net_rng(), e->sign_pub, PUB_BYTES);
        rng_fill(net_rng(), e->seal_pub, PUB_BYTES);
        e->n_addresses = 1;
        e->addresses[0].at = BYTES_OF(at);
    }
    MUST(roster_seal(r, key, what.hash, net_rng(), &b) == OK && !b.over);
    what.roster = buf_bytes(&b);
    net_forge(i, cast.at[i].ward, 1, &what);
    MUST(release_roster_seal(c->rep.req_seal, bytes_of(a->t, a->t_n), what.hash, key,
                             net_rng(), &box) == OK);
    a->req.roster_box = buf_bytes(&box);
}

/* What a liar changes in a finished approval. */
static void corrupt(const struct scene *s, size_t i, const struct guard_case *c,
                    struct guard_approval *a)
{
    static uint8_t box[BOX_MAX];
    static uint8_t roster[BOX_MAX];
    static const struct seal_key any = { { 9 } };
    struct play_guardian *g = &cast.at[i];
    struct approve_box *own = &a->req.boxes[0];

    memset(box, 0x5a, sizeof box);
    switch ((int)s->fault[i]) {
    case EPOCH:
        reseal(c, a, cast.zed[i].hash, cast.pieces[i], &any, box);
        break;
    case STATED:
        restate(g, a, 2);
        a->req.n_boxes = 0;
        break;
    case TRUNCATED:
        own->box.n -= 1 + net_now() % (own->box.n - 1);
        break;
    case OVERSIZED:
        memcpy(box, own->box.p, own->box.n);
        own->box = BYTES_OF(box);
        break;
    case MANIFEST:
        reseal(c, a, s->forged->hash, s->forged->pieces[i], &s->forged->key, box);
        restate(g, a, 1);
        break;
    case ROSTER:
        false_roster(i, c, a, roster);
        break;
    default:
        break;
    }
}

static void refuse(size_t i, const uint8_t request[ID_BYTES])
{
    struct req_refuse req = { 0 };
    struct rep_refuse rep = { 0 };
    struct call call = { 0 };

    rng_fill(net_rng(), req.op, ID_BYTES);
    memcpy(req.request, request, ID_BYTES);
    MUST(guard_send(play_params(), play_seat(&cast.at[i]), MSG_REFUSE, &req, &rep,
                    sizeof rep, &call) == OK);
}

/* The guardian of node i hears the words and answers as the scene has it. */
static void answer(struct scene *s, size_t i, const struct restore_entry *e)
{
    AUTO_FREE struct guard_case *c = calloc(1, sizeof *c);
    AUTO_FREE struct guard_approval *a = calloc(1, sizeof *a);
    struct play_guardian *g = &cast.at[i];
    struct rep_approve rep = { 0 };
    struct view view = { 0 };
    struct call call = { 0 };
    uint8_t op[ID_BYTES];

    MUST(c != NULL && a != NULL && view_open(e->view, e->node_sign, &view) == OK);
    if (s->fault[i] == REFUSING) {
        refuse(i, view.request);
        return;
    }
    assert_int_equal(play_judge(g, view.request, e->words, c, op), WORDS_RIGHT);
    if (s->fault[i] == OTHER_WARD)
        c->boxes[0].box_piece = cast.zed[i].box;
    liar = *play_params();
    liar.before_release = s->fault[i] != GOOD ? tell_lie : NULL;
    choose_lie(s->fault[i], i);
    MUST(guard_approve(c, &g->who, &liar, HOW_CALLED, op, a) == OK);
    corrupt(s, i, c, a);
    assert_int_equal(guard_send(play_params(), play_seat(g), MSG_APPROVE, &a->req, &rep,
                                sizeof rep, &call),
                     OK);
    assert_int_equal(rep.state, STATE_APPROVED);
}

static enum net_fault line_fault(enum fault f)
{
    return f == SILENT    ? NET_SILENT
           : f == CUT     ? NET_CUT
           : f == GARBAGE ? NET_GARBAGE
           : f == FLIPPED ? NET_FLIPPED
                          : NET_FINE;
}

/* The lines as the requester finds them: in the first rounds, and in the last. */
static void lines(const struct scene *s, bool last)
{
    for (size_t i = 0; i < cast.n; i++)
        net_fault(i, last || s->early[i] ? line_fault(s->fault[i]) : NET_FINE);
}

static void lines_fine(void)
{
    for (size_t i = 0; i < cast.n; i++)
        net_fault(i, NET_FINE);
}

static struct restore_entry *entry_of(const struct scene *s, size_t i)
{
    for (size_t k = 0; k < s->r->n; k++)
        if (bytes_equal(BYTES_OF(s->r->entries[k].node_key),
                        BYTES_OF(cast.at[i].who.node_key)))
            return &s->r->entries[k];
    return NULL;
}

static void give_link(struct scene *s, size_t i)
{
    struct link link = { 0 };

    play_link(&cast.at[i], &link);
    assert_int_equal(restore_add_link(s->r, &link, net_rng()), OK);
}

/* The file is the matter of other tests. */
static enum err kept(void *ctx, const struct restore *r)
{
    (void)ctx;
    (void)r;
    return OK;
}

static void round_(struct scene *s, bool last)
{
    const struct restore_run run = { .params = play_params(),
                                     .deadline_ms = 1000,
                                     .keep = kept };

    lines(s, last);
    MUST(restore_round(s->r, &run) == OK);
    lines_fine();
}

/* Everybody who is asked and has not answered yet. */
static void answers(struct scene *s)
{
    for (size_t i = 0; i < cast.n; i++) {
        const struct restore_entry *e = entry_of(s, i);

        if (s->answered[i] || e == NULL || e->state != STATE_LIVE || e->words.n == 0)
            continue;
        s->answered[i] = true;
        answer(s, i, e);
    }
}

/* ---- what must come of it ---- */

struct ending {
    enum restore_state state;
    bool accepted;
    bool right; /* the root */
};

static void judged(struct scene *s, struct ending *out)
{
    AUTO_SECRET struct root_key *root = NULL;

    MUST(secret_new(&root) == OK);
    MUST(restore_judge(s->r, play_params(), root, &out->accepted) == OK);
    out->state = (enum restore_state)s->r->head.state;
    out->right = bytes_equal(BYTES_OF(root->b), BYTES_OF(cast.root));
}

/* Whether the request came to that guardian: somebody told of them. */
static bool is_reached(const struct scene *s, size_t i)
{
    if (entry_of(s, i) == NULL)
        return false;
    /* Whose node has another manifest cannot believe an introduction either. */
    return s->linked[i] || s->fault[i] != MANIFEST;
}

static size_t count(const struct scene *s, bool (*is)(enum fault))
{
    size_t n = 0;

    for (size_t i = 0; i < cast.n; i++)
        n += is(s->fault[i]) && is_reached(s, i);
    return n;
}

static bool is_good(enum fault f)
{
    return expected[f] == VERDICT_GOOD;
}

static bool is_forged(enum fault f)
{
    return f == MANIFEST;
}

/* The verdicts, once the right root is the one that is judged by. */
static void named(const struct scene *s)
{
    for (size_t i = 0; i < cast.n; i++) {
        const struct restore_entry *e = entry_of(s, i);

        if (!is_reached(s, i))
            continue;
        if (e->verdict != expected[s->fault[i]])
            (void)fprintf(stderr, "%s: %s: %s\n", play_names[i], fault_names[s->fault[i]],
                          e->verdict ? verdict_name((enum verdict)e->verdict)
                                     : "nothing");
        assert_int_equal(e->verdict, expected[s->fault[i]]);
    }
}

static void not_ours(const struct scene *s, const struct ending *e)
{
    assert_false(e->accepted && e->right);
    if (e->state == RESTORE_UNCONFIRMED)
        assert_memory_not_equal(s->r->head.owner, cast.owner, PUB_BYTES);
}

static void tell(const struct scene *s, const struct ending *e)
{
    if (getenv("KITH_TELL") == NULL)
        return;
    print_message("%s %llu: state %d\n", playing.what, (unsigned long long)playing.number,
                  e->state);
    for (size_t i = 0; i < cast.n; i++) {
        const struct restore_entry *en = entry_of(s, i);
        print_message("  %s: %s%s%s, verdict %d\n", play_names[i],
                      fault_names[s->fault[i]], s->linked[i] ? ", linked" : "",
                      s->early[i] ? ", early" : "", en != NULL ? en->verdict : -1);
    }
}

/* Words from paper decide; without them nothing is accepted. */
static void check(struct scene *s)
{
    size_t good = count(s, is_good);
    bool two = count(s, is_forged) >= 2;
    struct ending e = { 0 };

    judged(s, &e);
    tell(s, &e);
    assert_false(e.accepted);
    if (good >= cast.k && two)
        assert_int_equal(e.state, RESTORE_TWO_WORLDS);
    else if (good >= cast.k || two)
        assert_int_equal(e.state, RESTORE_UNCONFIRMED);
    else
        assert_true(e.state == RESTORE_WAITING || e.state == RESTORE_IMPOSSIBLE);
    if (good < cast.k)
        not_ours(s, &e);
    MUST(restore_accept(s->r, bytes_text(cast.words)) == OK);
    judged(s, &e);
    assert_int_equal(e.accepted, good >= cast.k);
    assert_int_equal(e.accepted, e.right);
    if (!e.accepted)
        return;
    assert_int_equal(s->r->head.have, good);
    named(s);
}

/* ---- forging a circle ---- */

static void forge_split(struct forged *f, const struct scene *s, unsigned n)
{
    AUTO_SECRET struct slip39_share *shares = NULL;
    AUTO_SECRET uint8_t *draw = NULL;
    AUTO_SECRET struct escrow_key *escrow = NULL;
    AUTO_SECRET struct root_key *root = NULL;
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    struct slip39_plan plan = { .ext = 1, .group_threshold = 1, .group_count = 1 };
    struct buf b = BUF_OF(f->raw);
    uint8_t at = 0;

    MUST(m != NULL);
    plan.groups[0].t = 2;
    plan.groups[0].n = (uint8_t)(n < 2 ? 2 : n);
    size_t size = slip39_draw_size(&plan, KEY_BYTES);
    MUST(secret_alloc(size, (void **)&draw) == OK && secret_new(&escrow) == OK &&
         secret_new(&root) == OK);
    MUST(secret_alloc(MOST * sizeof *shares, (void **)&shares) == OK);
    rng_fill(net_rng(), draw, size);
    rng_fill(net_rng(), escrow->b, KEY_BYTES);
    rng_fill(net_rng(), root->b, KEY_BYTES);
    MUST(slip39_split(BYTES_OF(escrow->b), (struct bytes){ 0 }, &plan,
                      bytes_of(draw, size), shares) == OK);
    *m = (struct manifest){ .version = 1,
                            .epoch = 1,
                            .group_threshold = 1,
                            .n_groups = 1,
                            .groups = { { .t = 2, .n = plan.groups[0].n } },
                            .n_pieces = plan.groups[0].n,
                            .made = net_now() };
    for (size_t i = 0; i < cast.n; i++) {
        struct buf piece = BUF_OF(f->pieces[i]);

        if (s->fault[i] != MANIFEST)
            continue;
        slip39_piece_encode(&shares[at], &piece);
        m->pieces[at] = (struct manifest_piece){ .index = at, .kind = PIECE_NODE };
        piece_public(f->pieces[i], m->pieces[at].piece_key);
        memcpy(m->pieces[at++].approval, cast.at[i].who.approval_pub, PUB_BYTES);
    }
    for (; at < m->n_pieces; at++) {
        m->pieces[at] = (struct manifest_piece){ .index = at, .kind = PIECE_NODE };
        rng_fill(net_rng(), m->pieces[at].piece_key, PUB_BYTES);
        rng_fill(net_rng(), m->pieces[at].approval, PUB_BYTES);
    }
    MUST(manifest_make(m, root, escrow, net_rng(), &b) == OK && !b.over);
    f->raw_n = b.n;
    memcpy(f->owner, m->owner, PUB_BYTES);
}

/* All who forge hold one circle of their own; their nodes say that it is the ward's. */
static void forge(struct scene *s)
{
    struct forged *f = s->forged;
    struct buf b = BUF_OF(f->sealed);
    struct net_epoch what = { 0 };
    unsigned n = 0;

    for (size_t i = 0; i < cast.n; i++)
        n += s->fault[i] == MANIFEST;
    if (n == 0)
        return;
    forge_split(f, s, n);
    manifest_hash(bytes_of(f->raw, f->raw_n), f->hash);
    rng_fill(net_rng(), f->key.b, KEY_BYTES);
    manifest_seal(&f->key, bytes_of(f->raw, f->raw_n), net_rng(), &b);
    memcpy(what.hash, f->hash, HASH_BYTES);
    what.manifest = buf_bytes(&b);
    for (size_t i = 0; i < cast.n; i++)
        if (s->fault[i] == MANIFEST)
            net_forge(i, cast.at[i].ward, 1, &what);
}

/* ---- playing a scene ---- */

/* Three rounds suffice: open; fetch, learn and open; fetch. */
static void play_scene(struct scene *s)
{
    s->forged = calloc(1, sizeof *s->forged);
    MUST(s->forged != NULL && restore_new(net_rng(), &s->r) == OK);
    forge(s);
    for (size_t i = 0; i < cast.n; i++)
        if (s->linked[i] && s->fault[i] == ROSTER)
            give_link(s, i);
    if (s->r->n > 0) {
        /* Who lies about others is asked first, and has the most to say. */
        round_(s, false);
        answers(s);
        round_(s, false);
    }
    for (size_t i = 0; i < cast.n; i++)
        if (s->linked[i] && s->fault[i] != ROSTER)
            give_link(s, i);
    for (int turn = 0; turn < 3; turn++) {
        round_(s, turn > 0);
        answers(s);
    }
    check(s);
    restore_free(s->r);
    free(s->forged);
    for (size_t i = 0; i < cast.n; i++)
        if (s->fault[i] == MANIFEST || s->fault[i] == ROSTER)
            net_forge(i, cast.at[i].ward, 1, &cast.true_[i]);
    play_wait(LATER_S);
}

static void one_fault(enum fault f, unsigned set)
{
    struct scene s = { .fault = { GOOD } };

    for (size_t i = 0; i < cast.n; i++) {
        s.fault[i] = set >> i & 1 ? f : GOOD;
        s.early[i] = ((set ^ i) & 1) != 0;
        s.linked[i] = true;
    }
    playing = (struct played){ fault_names[f], set };
    play_scene(&s);
}

static void each_subset(size_t n, unsigned k)
{
    cast_open(n, k);
    for (int f = FLIP; f < FAULTS; f++) {
        for (unsigned set = 0; set < 1U << n; set++)
            one_fault((enum fault)f, set);
        cast_again();
    }
    cast_close();
}

static void test_every_fault_every_subset_3_of_5(void **state)
{
    (void)state;
    each_subset(5, 3);
}

static void test_every_fault_every_subset_4_of_7(void **state)
{
    (void)state;
    each_subset(7, 4);
}

/* One liar, as many as may lie, one more, all. */
static void test_every_fault_some_subsets_3_of_5(void **state)
{
    static const unsigned sets[] = { 0x04, 0x11, 0x0e, 0x1f };

    (void)state;
    cast_open(5, 3);
    for (int f = FLIP; f < FAULTS; f++)
        for (size_t i = 0; i < 4; i++)
            one_fault((enum fault)f, sets[i]);
    cast_close();
}

/* ---- a guardian who leads into a circle of their own ---- */

/* Requests at Zed's account of everybody but Ben, as Ben's roster would lead to them. */
static void led_astray(struct scene *s)
{
    struct play_guardian ben = { 0 };
    struct introduction in = { .until = net_now() + 86400 };
    AUTO_SECRET struct sign_seed *sign = NULL;
    static uint8_t intro[SIGNED_MAX];
    struct buf b = BUF_OF(intro);

    MUST(secret_new(&sign) == OK);
    memcpy(sign->b, s->r->head.req_sign, KEY_BYTES);
    crypt_sign_public(sign, in.req_sign);
    memcpy(in.manifest_hash, cast.zed[0].hash, HASH_BYTES);
    play_sit(0, "Zed", &ben);
    introduction_make(&in, ben.approval, &b);
    play_rise(&ben);
    for (size_t i = 1; i < cast.n; i++) {
        struct link link = { 0 };
        struct restore_entry *e = NULL;

        play_link(&cast.at[i], &link); /* for node, seat and address */
        assert_int_equal(restore_add_link(s->r, &link, net_rng()), OK);
        e = entry_of(s, i);
        e->source = FROM_ROSTER;
        e->introduction = buf_bytes(&b);
        e->token = BYTES_OF(zed_tokens[i]);
    }
}

static void keep_zed(void)
{
    for (size_t i = 0; i < cast.n; i++) {
        struct play_guardian zed = cast.at[i];

        play_sit(i, "Zed", &cast.at[i]);
        play_rise(&zed);
    }
}

/*
 * Ben's roster leads to Zed's account at the same guardians, who all help Zed. Zed's
 * root is never taken for Ana's, and Ana's own links still work afterwards.
 */
static void test_a_roster_into_another_circle(void **state)
{
    static struct scene s;
    struct ending e = { 0 };

    (void)state;
    cast_open(5, 3);
    zed_known();
    s = (struct scene){ .fault = { GOOD } };
    MUST(restore_new(net_rng(), &s.r) == OK);
    s.linked[0] = true;
    give_link(&s, 0);
    led_astray(&s);
    round_(&s, false);
    keep_zed();
    for (size_t i = 1; i < 4; i++)
        answer(&s, i, entry_of(&s, i));
    round_(&s, true);
    s.r->head.sources_differ = 1; /* whatever a person says of one link */
    judged(&s, &e);
    assert_int_equal(e.state, RESTORE_UNCONFIRMED);
    assert_memory_not_equal(s.r->head.owner, cast.owner, PUB_BYTES);
    assert_false(e.accepted || e.right);
    MUST(restore_accept(s.r, bytes_text(cast.words)) == OK);
    judged(&s, &e);
    assert_false(e.accepted || e.right);
    /* Fay was asked about Zed and said nothing: her link for Ana begins anew. */
    cast_again();
    give_link(&s, 4);
    assert_int_equal(entry_of(&s, 4)->source, FROM_LINK);
    round_(&s, true);
    answer(&s, 4, entry_of(&s, 4));
    round_(&s, true);
    judged(&s, &e);
    assert_int_equal(entry_of(&s, 4)->n_pieces, 1);
    assert_memory_equal(entry_of(&s, 4)->pieces[0].manifest_hash, cast.true_[4].hash,
                        HASH_BYTES);
    /* A yes that was given stays what the roster's word led to. */
    struct link link = { 0 };
    play_link(&cast.at[1], &link);
    assert_int_equal(restore_add_link(s.r, &link, net_rng()), OK);
    assert_int_equal(entry_of(&s, 1)->source, FROM_ROSTER);
    restore_free(s.r);
    cast_close();
}

/* ---- mixtures ---- */

static uint64_t mixtures = 60;
static uint64_t first_seed = 1;

static unsigned below(unsigned n)
{
    uint8_t b[4];

    rng_fill(net_rng(), b, sizeof b);
    return load_u32(b) % n;
}

/* Often all are linked; else whoever is linked brings the others. */
static void mixture(uint64_t seed)
{
    struct scene s = { .fault = { GOOD } };
    unsigned often = 0;
    bool all = false;

    net_chance(seed);
    often = 1 + below(5);
    all = below(2) == 0;
    for (size_t i = 0; i < cast.n; i++) {
        bool bad = below(6) < often;

        s.fault[i] = bad ? (enum fault)(FLIP + (int)below(FAULTS - FLIP)) : GOOD;
        s.early[i] = below(2) == 0;
        s.linked[i] = all || below(3) == 0;
    }
    s.linked[below((unsigned)cast.n)] = true;
    playing = (struct played){ "mixture", seed };
    play_scene(&s);
}

static void each_mixture(size_t n, unsigned k)
{
    print_message("mixtures %llu to %llu of %u in %zu\n", (unsigned long long)first_seed,
                  (unsigned long long)(first_seed + mixtures - 1), k, n);
    cast_open(n, k);
    for (uint64_t seed = first_seed; seed < first_seed + mixtures; seed++) {
        mixture(seed);
        if (seed % 64 == 0)
            cast_again();
    }
    cast_close();
}

static void test_mixtures_3_of_5(void **state)
{
    (void)state;
    each_mixture(5, 3);
}

static void test_mixtures_4_of_7(void **state)
{
    (void)state;
    each_mixture(7, 4);
}

static int mixed(uint64_t count, uint64_t first)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixtures_3_of_5),
        cmocka_unit_test(test_mixtures_4_of_7),
    };

    mixtures = count;
    first_seed = first;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int subsets(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault_every_subset_3_of_5),
        cmocka_unit_test(test_every_fault_every_subset_4_of_7),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int selection(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_roster_into_another_circle),
        cmocka_unit_test(test_every_fault_some_subsets_3_of_5),
        cmocka_unit_test(test_mixtures_3_of_5),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int run(int argc, char **argv)
{
    if (argc == 1)
        return selection();
    if (strcmp(argv[1], "subsets") == 0)
        return subsets();
    if (strcmp(argv[1], "mixtures") == 0)
        return mixed(getenv("KITH_LONG") != NULL ? 2500 : 300, 1);
    return mixed(strtoull(argv[1], NULL, 10), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
}

int main(int argc, char **argv)
{
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = run(argc, argv);
    if (failed == 0)
        secret_end();
    return failed;
}
