/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/slip39.h"

enum { LATER_S = 45 * 86400, FAKES = 64 };

struct faults_cast faults_cast;
struct played faults_playing;

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

const char *const fault_names[FAULTS] = {
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
    memcpy(faults_cast.owner, d->me.owner, PUB_BYTES);
    memcpy(faults_cast.root, u->root.b, KEY_BYTES);
    (void)snprintf(faults_cast.words, sizeof faults_cast.words, "%.*s",
                   (int)d->me.fingerprint.n, (const char *)d->me.fingerprint.p);
    secret_free(u);
    day_free(d);
    home_close(&h);
}

void faults_circle(size_t n, unsigned k)
{
    faults_cast.n = n;
    faults_cast.k = k;
    play_circle("Zed", n, k, "0");
    play_circle("Ana", n, k, "0");
    owner_known("Ana");
    for (size_t i = 0; i < n; i++) {
        piece_held(i, "Zed", MOST + i, &faults_cast.zed[i], faults_cast.other[i]);
        piece_held(i, "Ana", i, &faults_cast.true_[i], faults_cast.pieces[i]);
        play_sit(i, "Ana", &faults_cast.at[i]);
    }
}

void faults_open(size_t n, unsigned k)
{
    play_open(n, 7 * n + k);
    faults_circle(n, k);
}

void faults_close(void)
{
    for (size_t i = 0; i < faults_cast.n; i++)
        play_rise(&faults_cast.at[i]);
    play_close();
}

void faults_again(void)
{
    for (size_t i = 0; i < faults_cast.n; i++) {
        play_rise(&faults_cast.at[i]);
        play_sit(i, "Ana", &faults_cast.at[i]);
    }
}

/* ---- one restore ---- */

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
    MUST(slip39_piece_decode(bytes_of(faults_cast.pieces[i], PIECE_BYTES), share) == OK);
    share->identifier ^= 1;
    rng_fill(net_rng(), share->value, KEY_BYTES);
    slip39_piece_encode(share, &b);
}

static void other_index(size_t i, uint8_t out[PIECE_BYTES])
{
    AUTO_SECRET struct slip39_share *share = NULL;
    struct buf b = { .p = out, .cap = PIECE_BYTES };

    MUST(secret_new(&share) == OK);
    MUST(slip39_piece_decode(bytes_of(faults_cast.pieces[i], PIECE_BYTES), share) == OK);
    share->member_index = (uint8_t)((share->member_index + 1) % faults_cast.n);
    slip39_piece_encode(share, &b);
}

/* The piece that will be sent. */
static void choose_lie(enum fault f, size_t i)
{
    memcpy(lie, faults_cast.pieces[i], PIECE_BYTES);
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
        memcpy(lie, faults_cast.other[i], PIECE_BYTES);
        break;
    case NEIGHBOUR:
        memcpy(lie, faults_cast.pieces[(i + 1) % faults_cast.n], PIECE_BYTES);
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
    struct net_epoch what = faults_cast.true_[i];
    static const uint8_t at[] = { 1, 127, 0, 0, 1, 0, 1 }; /* nobody listens */

    MUST(r != NULL && sealed != NULL && secret_new(&key) == OK);
    rng_fill(net_rng(), key->b, KEY_BYTES);
    r->epoch = 1;
    memcpy(r->circle, faults_cast.at[i].who.circle, ID_BYTES);
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
    net_forge(i, faults_cast.at[i].ward, 1, &what);
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
    struct play_guardian *g = &faults_cast.at[i];
    struct approve_box *own = &a->req.boxes[0];

    memset(box, 0x5a, sizeof box);
    switch ((int)s->fault[i]) {
    case EPOCH:
        reseal(c, a, faults_cast.zed[i].hash, faults_cast.pieces[i], &any, box);
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
    MUST(guard_send(play_params(), play_seat(&faults_cast.at[i]), MSG_REFUSE, &req, &rep,
                    sizeof rep, &call) == OK);
}

void faults_answer(struct scene *s, size_t i, const struct restore_entry *e)
{
    AUTO_FREE struct guard_case *c = calloc(1, sizeof *c);
    AUTO_FREE struct guard_approval *a = calloc(1, sizeof *a);
    struct play_guardian *g = &faults_cast.at[i];
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
        c->boxes[0].box_piece = faults_cast.zed[i].box;
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
    for (size_t i = 0; i < faults_cast.n; i++)
        net_fault(i, last || s->early[i] ? line_fault(s->fault[i]) : NET_FINE);
}

static void lines_fine(void)
{
    for (size_t i = 0; i < faults_cast.n; i++)
        net_fault(i, NET_FINE);
}

struct restore_entry *faults_entry(const struct scene *s, size_t i)
{
    for (size_t k = 0; k < s->r->n; k++)
        if (bytes_equal(BYTES_OF(s->r->entries[k].node_key),
                        BYTES_OF(faults_cast.at[i].who.node_key)))
            return &s->r->entries[k];
    return NULL;
}

void faults_link(struct scene *s, size_t i)
{
    struct link link = { 0 };

    play_link(&faults_cast.at[i], &link);
    assert_int_equal(restore_add_link(s->r, &link, net_rng()), OK);
}

/* The file is the matter of other tests. */
static enum err kept(void *ctx, const struct restore *r)
{
    (void)ctx;
    (void)r;
    return OK;
}

void faults_round(struct scene *s, bool last)
{
    const struct restore_run run = { .params = play_params(),
                                     .deadline_ms = play_params()->round_ms,
                                     .keep = kept };

    lines(s, last);
    MUST(restore_round(s->r, &run) == OK);
    lines_fine();
}

/* Everybody who is asked and has not answered yet. */
static void answers(struct scene *s)
{
    for (size_t i = 0; i < faults_cast.n; i++) {
        const struct restore_entry *e = faults_entry(s, i);

        if (s->answered[i] || e == NULL || e->state != STATE_LIVE || e->words.n == 0)
            continue;
        s->answered[i] = true;
        faults_answer(s, i, e);
    }
}

/* ---- what must come of it ---- */

void faults_judge(struct scene *s, struct ending *out)
{
    AUTO_SECRET struct root_key *root = NULL;

    MUST(secret_new(&root) == OK);
    MUST(restore_judge(s->r, play_params(), root, &out->accepted) == OK);
    out->state = (enum restore_state)s->r->head.state;
    out->right = bytes_equal(BYTES_OF(root->b), BYTES_OF(faults_cast.root));
}

/* Whether the request came to that guardian: somebody told of them. */
static bool is_reached(const struct scene *s, size_t i)
{
    if (faults_entry(s, i) == NULL)
        return false;
    /* Whose node has another manifest cannot believe an introduction either. */
    return s->linked[i] || s->fault[i] != MANIFEST;
}

static size_t count(const struct scene *s, bool (*is)(enum fault))
{
    size_t n = 0;

    for (size_t i = 0; i < faults_cast.n; i++)
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
    for (size_t i = 0; i < faults_cast.n; i++) {
        const struct restore_entry *e = faults_entry(s, i);

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
        assert_memory_not_equal(s->r->head.owner, faults_cast.owner, PUB_BYTES);
}

static void tell(const struct scene *s, const struct ending *e)
{
    if (getenv("KITH_TELL") == NULL)
        return;
    print_message("%s %llu: state %d\n", faults_playing.what,
                  (unsigned long long)faults_playing.number, e->state);
    for (size_t i = 0; i < faults_cast.n; i++) {
        const struct restore_entry *en = faults_entry(s, i);
        print_message("  %s: %s%s%s, verdict %d\n", play_names[i],
                      fault_names[s->fault[i]], s->linked[i] ? ", linked" : "",
                      s->early[i] ? ", early" : "", en != NULL ? en->verdict : -1);
    }
}

/* Words from paper decide; without them nothing is accepted. */
static bool check(struct scene *s)
{
    size_t good = count(s, is_good);
    bool two = count(s, is_forged) >= 2;
    struct ending e = { 0 };

    faults_judge(s, &e);
    tell(s, &e);
    assert_false(e.accepted);
    if (good >= faults_cast.k && two)
        assert_int_equal(e.state, RESTORE_TWO_WORLDS);
    else if (good >= faults_cast.k || two)
        assert_int_equal(e.state, RESTORE_UNCONFIRMED);
    else
        assert_true(e.state == RESTORE_WAITING || e.state == RESTORE_IMPOSSIBLE);
    if (good < faults_cast.k)
        not_ours(s, &e);
    MUST(restore_accept(s->r, bytes_text(faults_cast.words)) == OK);
    faults_judge(s, &e);
    assert_int_equal(e.accepted, good >= faults_cast.k);
    assert_int_equal(e.accepted, e.right);
    if (!e.accepted)
        return false;
    assert_int_equal(s->r->head.have, good);
    named(s);
    return true;
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
    for (size_t i = 0; i < faults_cast.n; i++) {
        struct buf piece = BUF_OF(f->pieces[i]);

        if (s->fault[i] != MANIFEST)
            continue;
        slip39_piece_encode(&shares[at], &piece);
        m->pieces[at] = (struct manifest_piece){ .index = at, .kind = PIECE_NODE };
        piece_public(f->pieces[i], m->pieces[at].piece_key);
        memcpy(m->pieces[at++].approval, faults_cast.at[i].who.approval_pub, PUB_BYTES);
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

    for (size_t i = 0; i < faults_cast.n; i++)
        n += s->fault[i] == MANIFEST;
    if (n == 0)
        return;
    forge_split(f, s, n);
    MUST(manifest_hash(bytes_of(f->raw, f->raw_n), f->hash) == OK);
    rng_fill(net_rng(), f->key.b, KEY_BYTES);
    manifest_seal(&f->key, f->hash, bytes_of(f->raw, f->raw_n), net_rng(), &b);
    memcpy(what.hash, f->hash, HASH_BYTES);
    what.manifest = buf_bytes(&b);
    for (size_t i = 0; i < faults_cast.n; i++)
        if (s->fault[i] == MANIFEST)
            net_forge(i, faults_cast.at[i].ward, 1, &what);
}

/* ---- faults_playing a scene ---- */

/* Three rounds suffice: open; fetch, learn and open; fetch. */
bool faults_play(struct scene *s)
{
    s->forged = calloc(1, sizeof *s->forged);
    MUST(s->forged != NULL && restore_new(net_rng(), &s->r) == OK);
    forge(s);
    for (size_t i = 0; i < faults_cast.n; i++)
        if (s->linked[i] && s->fault[i] == ROSTER)
            faults_link(s, i);
    if (s->r->n > 0) {
        /* Who lies about others is asked first, and has the most to say. */
        faults_round(s, false);
        answers(s);
        faults_round(s, false);
    }
    for (size_t i = 0; i < faults_cast.n; i++)
        if (s->linked[i] && s->fault[i] != ROSTER)
            faults_link(s, i);
    for (int turn = 0; turn < 3; turn++) {
        faults_round(s, turn > 0);
        answers(s);
    }
    bool back = check(s);

    restore_free(s->r);
    free(s->forged);
    for (size_t i = 0; i < faults_cast.n; i++)
        if (s->fault[i] == MANIFEST || s->fault[i] == ROSTER)
            net_forge(i, faults_cast.at[i].ward, 1, &faults_cast.true_[i]);
    play_wait(LATER_S);
    return back;
}
