/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/circle.h"

#define MUST_OK(x)                                                                       \
    do {                                                                                 \
        enum err must_ok_ = (x);                                                         \
        MUST(must_ok_ == OK);                                                            \
    } while (0)

static const struct rng *chance(const struct circle *c)
{
    return c->rng != NULL ? c->rng : &crypt_random;
}

static void pieces_make(struct circle *c, const struct escrow_key *escrow)
{
    struct slip39_plan plan = { .ext = 1,
                                .group_threshold = c->m.group_threshold,
                                .group_count = (uint8_t)c->m.n_groups };
    static const struct sign_seed zero;
    struct slip39_share *shares = NULL;
    uint8_t *draw = NULL;

    for (uint32_t g = 0; g < c->m.n_groups; g++) {
        plan.groups[g].t = c->m.groups[g].t;
        plan.groups[g].n = c->m.groups[g].n;
    }
    size_t n = slip39_plan_shares(&plan);
    size_t draw_n = slip39_draw_size(&plan, KEY_BYTES);
    MUST_OK(secret_alloc(n * sizeof *shares, (void **)&shares));
    MUST_OK(secret_alloc(draw_n, (void **)&draw));
    rng_fill(chance(c), draw, draw_n);
    MUST_OK(slip39_split(BYTES_OF(escrow->b), (struct bytes){ 0 }, &plan,
                         bytes_of(draw, draw_n), shares));
    for (size_t i = 0; i < n; i++) {
        struct buf out = BUF_OF(c->pieces[i]);

        slip39_piece_encode(&shares[i], &out);
        c->m.pieces[i].group = shares[i].group_index;
        c->m.pieces[i].index = shares[i].member_index;
        c->m.pieces[i].kind = PIECE_NODE;
        piece_public(c->pieces[i], c->m.pieces[i].piece_key);
        if (i + c->n_cards >= n) {
            c->m.pieces[i].kind = PIECE_CARD;
            continue;
        }
        if (secret_equal(c->approvals[i].b, zero.b, KEY_BYTES))
            rng_fill(chance(c), c->approvals[i].b, KEY_BYTES);
        crypt_sign_public(&c->approvals[i], c->m.pieces[i].approval);
    }
    c->m.n_pieces = (uint32_t)n;
    secret_free(shares);
    secret_free(draw);
}

void circle_make(struct circle *c, const struct root_key *root, uint32_t epoch,
                 const struct manifest_group *groups, uint8_t n_groups,
                 uint8_t group_threshold)
{
    struct escrow_key *escrow = NULL;
    struct buf out = BUF_OF(c->raw);

    memset(&c->m, 0, sizeof c->m);
    c->m.version = 1;
    c->m.epoch = epoch;
    memset(c->m.circle, 7, sizeof c->m.circle);
    if (c->move != NULL)
        memcpy(c->m.move, c->move, HASH_BYTES);
    c->m.hold = c->hold;
    c->m.stop_hold = c->stop_hold;
    c->m.group_threshold = group_threshold;
    c->m.n_groups = n_groups;
    memcpy(c->m.groups, groups, n_groups * sizeof *groups);
    MUST_OK(secret_new(&escrow));
    rng_fill(chance(c), escrow->b, sizeof escrow->b);
    pieces_make(c, escrow);
    MUST_OK(manifest_make(&c->m, root, escrow, chance(c), &out));
    c->raw_n = out.n;
    MUST_OK(manifest_hash(buf_bytes(&out), c->hash));
    secret_free(escrow);
}

struct answer circle_answer(const struct circle *c, size_t i, struct buf *statement)
{
    struct statement s = { .kind = REQUEST_RESTORE,
                           .purpose = PURPOSE_RESTORE,
                           .n_epochs = 1,
                           .how = HOW_CALLED };
    struct answer a = { .state = ANSWER_PIECE, .source = FROM_LINK, .n_pieces = 1 };

    memset(a.node_key, (int)(i + 1), sizeof a.node_key);
    memset(a.guardian_fp, (int)(i + 1), sizeof a.guardian_fp);
    memset(a.request, (int)(i + 0x40), sizeof a.request);
    memset(a.req_sign, 9, sizeof a.req_sign);
    memset(a.t_hash, (int)(i + 0x80), sizeof a.t_hash);
    memcpy(s.request, a.request, sizeof s.request);
    memcpy(s.req_sign, a.req_sign, sizeof s.req_sign);
    memcpy(s.t_hash, a.t_hash, sizeof s.t_hash);
    s.epochs[0].epoch = c->m.epoch;
    s.epochs[0].opened = 1;
    memcpy(s.epochs[0].manifest_hash, c->hash, HASH_BYTES);
    size_t from = statement->n;
    statement_make(&s, &c->approvals[i], statement);
    a.statement = bytes_of(statement->p + from, statement->n - from);
    a.pieces[0].epoch = c->m.epoch;
    memcpy(a.pieces[0].manifest_hash, c->hash, HASH_BYTES);
    memcpy(a.pieces[0].piece, c->pieces[i], PIECE_BYTES);
    a.pieces[0].manifest = bytes_of(c->raw, c->raw_n);
    return a;
}
