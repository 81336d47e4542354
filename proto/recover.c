/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/recover_part.h"
#include "proto/slip39.h"

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {
        [VERDICT_GOOD] = "good",
        [VERDICT_REFUSED] = "refused",
        [VERDICT_SILENT] = "silent",
        [VERDICT_BAD_PIECE] = "bad-piece",
        [VERDICT_BAD_SIGNATURE] = "bad-signature",
        [VERDICT_STALE_EPOCH] = "stale-epoch",
        [VERDICT_DUPLICATE] = "duplicate",
    };

    return names[v];
}

static bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
    return bytes_equal(bytes_of(a, n), bytes_of(b, n));
}

/* ---- one answer at a time ---- */

static struct world *world_find(struct judge *j, const uint8_t *hash)
{
    for (struct world *w = j->worlds; w != NULL; w = w->next)
        if (same(w->hash, hash, HASH_BYTES))
            return w;
    return NULL;
}

/* The world of a piece's manifest, opened once. ERR_SIGNATURE and others: not sound. */
static enum err world_of(struct judge *j, const struct answer_piece *p,
                         struct world **out)
{
    AUTO_FREE struct world *fresh = NULL;
    uint8_t hash[HASH_BYTES];

    TRY(manifest_hash(p->manifest, hash));
    if (!same(hash, p->manifest_hash, HASH_BYTES))
        return ERR_AUTH;
    *out = world_find(j, hash);
    if (*out != NULL)
        return OK;
    fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL)
        return ERR_NOMEM;
    TRY(manifest_open(p->manifest, &fresh->m));
    fresh->hash = p->manifest_hash;
    fresh->raw = p->manifest;
    fresh->need = manifest_need(&fresh->m);
    fresh->next = j->worlds;
    j->worlds = fresh;
    *out = fresh;
    fresh = NULL;
    return OK;
}

/* The statement must name this request, this requester, this T and this epoch. */
static enum err statement_fits(const struct answer *a, const struct answer_piece *p,
                               const uint8_t *approval)
{
    struct statement s = { 0 };

    TRY(statement_open(a->statement, approval, &s));
    if (s.kind != REQUEST_RESTORE || s.purpose != PURPOSE_RESTORE ||
        !same(s.request, a->request, ID_BYTES) ||
        !same(s.req_sign, a->req_sign, PUB_BYTES) ||
        !same(s.t_hash, a->t_hash, HASH_BYTES))
        return ERR_SIGNATURE;
    for (uint32_t i = 0; i < s.n_epochs; i++)
        if (s.epochs[i].opened == 1 && s.epochs[i].epoch == p->epoch &&
            same(s.epochs[i].manifest_hash, p->manifest_hash, HASH_BYTES))
            return OK;
    return ERR_SIGNATURE;
}

enum err header_fits(const struct manifest *m, const struct manifest_piece *mp,
                     const uint8_t *piece)
{
    AUTO_SECRET struct slip39_share *share = NULL;

    TRY(secret_new(&share));
    TRY(slip39_piece_decode(bytes_of(piece, PIECE_BYTES), share));
    if (share->e != 0 || share->ext != 1 || share->group_index != mp->group ||
        share->member_index != mp->index || share->group_count != m->n_groups ||
        share->group_threshold != m->group_threshold ||
        share->member_threshold != m->groups[mp->group].t)
        return ERR_FORMAT;
    return OK;
}

bool world_has(const struct world *w, const uint8_t *piece, size_t member,
               bool *out_twice)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->members[i] == member)
            return true;
        if (secret_equal(w->pieces[i], piece, PIECE_BYTES)) {
            *out_twice = true;
            return true;
        }
    }
    return false;
}

/* ERR_NOMEM aside, a fault is a finding, not an error. */
static enum err piece_judge(struct judge *j, size_t i, const struct answer_piece *p)
{
    struct finding *f = &j->findings[i];
    struct world *w = NULL;
    uint8_t pub[PUB_BYTES];

    if (p->broken) {
        f->bad_piece = true;
        return OK;
    }
    enum err e = world_of(j, p, &w);
    if (e == ERR_NOMEM)
        return e;
    if (e != OK) {
        f->bad_signature = f->bad_signature || e == ERR_SIGNATURE;
        f->bad_piece = f->bad_piece || e != ERR_SIGNATURE;
        return OK;
    }
    piece_public(p->piece, pub);
    const struct manifest_piece *mp = manifest_find(&w->m, pub);
    if (mp == NULL || w->m.epoch != p->epoch) {
        f->bad_piece = true;
        return OK;
    }
    if (statement_fits(&j->answers[i], p, mp->approval) != OK) {
        f->bad_signature = true;
        return OK;
    }
    e = header_fits(&w->m, mp, p->piece);
    if (e == ERR_NOMEM)
        return e;
    if (e != OK) {
        f->bad_piece = true;
        return OK;
    }
    if (world_has(w, p->piece, i, &f->duplicate))
        return OK;
    w->members[w->n] = (uint8_t)i;
    w->pieces[w->n++] = p->piece;
    return OK;
}

/* ---- one world at a time ---- */

static bool world_enough(const struct world *w)
{
    unsigned have[GROUPS_MAX] = { 0 };
    unsigned met = 0;

    for (size_t i = 0; i < w->n; i++) {
        uint8_t pub[PUB_BYTES];

        piece_public(w->pieces[i], pub);
        have[manifest_find(&w->m, pub)->group]++;
    }
    for (uint32_t g = 0; g < w->m.n_groups; g++)
        met += have[g] >= w->m.groups[g].t;
    return met >= w->m.group_threshold;
}

/* Surplus pieces are given too: what does not fit the rest is searched out. */
static enum err world_open(struct world *w, struct root_key *out_root)
{
    AUTO_SECRET struct slip39_share *shares = NULL;
    AUTO_SECRET struct slip39_found *found = NULL;
    AUTO_SECRET struct escrow_key *escrow = NULL;

    TRY(secret_alloc(w->n * sizeof *shares, (void **)&shares));
    TRY(secret_new(&found));
    TRY(secret_new(&escrow));
    for (size_t i = 0; i < w->n; i++)
        TRY(slip39_piece_decode(bytes_of(w->pieces[i], PIECE_BYTES), &shares[i]));
    TRY(slip39_recover(shares, w->n, (struct bytes){ 0 }, 0, found));
    if (found->secret_n != KEY_BYTES)
        return ERR_SHARE_DIGEST;
    memcpy(escrow->b, found->secret, KEY_BYTES);
    TRY(manifest_unwrap(w->raw, escrow, out_root));
    memcpy(w->bad, found->bad, w->n * sizeof w->bad[0]);
    return OK;
}

/* The end of the longer chain of roots, more pieces, then the higher epoch. */
static bool better(const struct world *a, const struct world *b)
{
    if (b == NULL || a->opens != b->opens)
        return b == NULL || a->opens;
    if (a->opens && a->follows != b->follows)
        return a->follows > b->follows;
    if (a->opens)
        return a->m.epoch > b->m.epoch;
    /* Enough and not open: garbage, whoever dealt it. Others come first. */
    if (a->enough != b->enough)
        return b->enough && a->n > 0;
    return a->n != b->n ? a->n > b->n : a->m.epoch > b->m.epoch;
}

static void owner_note(struct recover_result *r, const uint8_t *owner)
{
    for (size_t i = 0; i < r->n_owners; i++)
        if (same(r->owners[i], owner, PUB_BYTES))
            return;
    if (r->n_owners < OWNERS_MAX)
        memcpy(r->owners[r->n_owners++], owner, PUB_BYTES);
}

/* Opens a world of a manifest, if it can be. */
static enum err manifest_root(struct world *w, struct root_key *out_root)
{
    w->enough = world_enough(w);
    if (!w->enough)
        return OK;
    enum err e = world_open(w, out_root);
    w->opens = e == OK;
    return e == ERR_NOMEM ? e : OK;
}

/* Opens every world that can be opened; the best one's root stays in root. */
static enum err worlds_open(struct world *first, const uint8_t *owner,
                            struct world **out_best, struct root_key *root)
{
    AUTO_SECRET struct root_key *one = NULL;

    TRY(secret_new(&one));
    for (struct world *w = first; w != NULL; w = w->next) {
        if (owner != NULL && w->hash != NULL && !same(w->m.owner, owner, PUB_BYTES))
            continue;
        TRY(w->hash != NULL ? manifest_root(w, one) : paper_root(w, one));
        /* Whose it is paper alone says only once it is open. */
        if (owner != NULL && w->opens && !same(w->m.owner, owner, PUB_BYTES))
            continue;
        if (!better(w, *out_best))
            continue;
        *out_best = w;
        if (w->opens)
            *root = *one;
    }
    return OK;
}

/* Whether a root that took this one's place opens too. */
static bool is_followed(const struct judge *j, const struct world *w)
{
    for (const struct world *n = j->worlds; n != NULL && w->replaced; n = n->next)
        if (n->opens && n->follows > w->follows)
            return true;
    return false;
}

static void replaced_note(struct recover_result *r, const uint8_t *owner)
{
    for (size_t i = 0; i < r->n_replaced; i++)
        if (same(r->replaced[i], owner, PUB_BYTES))
            return;
    if (r->n_replaced < REPLACED_MAX)
        memcpy(r->replaced[r->n_replaced++], owner, PUB_BYTES);
}

/* Whose worlds open; an owner whose successor's opens is none of them. */
static void owners_note(const struct judge *j, const struct world *first,
                        const uint8_t *owner, struct recover_result *r)
{
    for (const struct world *w = first; w != NULL; w = w->next) {
        if (w->replaced)
            replaced_note(r, w->m.owner);
        if (!w->opens || (owner != NULL && !same(w->m.owner, owner, PUB_BYTES)))
            continue;
        if (owner != NULL || !is_followed(j, w))
            owner_note(r, w->m.owner);
    }
}

/* ---- verdicts ---- */

size_t world_place(const struct world *w, size_t member)
{
    size_t k = 0;

    while (k < w->n && w->members[k] != member)
        k++;
    return k;
}

/* A good piece of another epoch of the same owner, or of a root before or after it: old,
   or not needed yet. */
static enum verdict sibling_verdict(const struct judge *j, const struct world *best,
                                    size_t i)
{
    for (const struct world *w = j->worlds; w != NULL; w = w->next) {
        bool kin = same(w->m.owner, best->m.owner, PUB_BYTES) || w->replaced ||
                   w->follows > best->follows;

        if (w == best || world_place(w, i) == w->n || !kin)
            continue;
        bool old = w->follows < best->follows || w->m.epoch < best->m.epoch;
        return old && w->follows <= best->follows ? VERDICT_STALE_EPOCH : VERDICT_GOOD;
    }
    return VERDICT_NONE;
}

static enum verdict piece_verdict(const struct judge *j, const struct world *best,
                                  size_t i)
{
    const struct finding *f = &j->findings[i];
    enum verdict sibling = VERDICT_NONE;

    /* A good piece here is good, whatever became of those of other epochs. */
    if (best != NULL && world_place(best, i) < best->n)
        return best->bad[world_place(best, i)] ? VERDICT_BAD_PIECE : VERDICT_GOOD;
    if (f->bad_signature)
        return VERDICT_BAD_SIGNATURE;
    if (f->duplicate)
        return VERDICT_DUPLICATE;
    if (f->bad_piece || best == NULL)
        return f->bad_piece ? VERDICT_BAD_PIECE : VERDICT_NONE;
    sibling = sibling_verdict(j, best, i);
    if (sibling != VERDICT_NONE)
        return sibling;
    /* A good piece of another circle is known as such only once this one is open. */
    return best->opens ? VERDICT_BAD_PIECE : VERDICT_NONE;
}

static enum verdict verdict_of(const struct judge *j, const struct world *best, size_t i)
{
    switch (j->answers[i].state) {
    case ANSWER_REFUSED:
        return VERDICT_REFUSED;
    case ANSWER_SILENT:
        return VERDICT_SILENT;
    case ANSWER_PIECE:
        return piece_verdict(j, best, i);
    case ANSWER_WAITING:
        break;
    }
    return VERDICT_NONE;
}

/* Loopback addresses say nothing about who stands behind them. */
static bool same_address(struct bytes a, struct bytes b)
{
    struct address x = { 0 };
    struct address y = { 0 };

    if (address_get(a, &x) != OK || address_get(b, &y) != OK)
        return false;
    return !address_is_loopback(&x) && address_same_host(&x, &y);
}

static bool one_source(const struct answer *a, const struct answer *b)
{
    return same(a->node_key, b->node_key, PUB_BYTES) ||
           same(a->guardian_fp, b->guardian_fp, sizeof a->guardian_fp) ||
           same_address(a->address, b->address);
}

/* Good pieces from links the person gave, of sources that differ in every way. */
static unsigned direct_count(const struct judge *j, const struct world *w)
{
    size_t picked[ANSWERS_MAX];
    unsigned n = 0;

    for (size_t k = 0; k < w->n; k++) {
        if (w->members[k] >= ANSWERS_MAX)
            continue; /* a card: the words on it are what it says of its owner */
        const struct answer *a = &j->answers[w->members[k]];
        bool fresh = a->source == FROM_LINK && !w->bad[k];

        for (unsigned i = 0; fresh && i < n; i++)
            fresh = !one_source(a, &j->answers[picked[i]]);
        if (fresh)
            picked[n++] = w->members[k];
    }
    return n;
}

static unsigned count_open(const struct judge *j)
{
    unsigned n = 0;

    for (size_t i = 0; i < j->n; i++)
        n +=
            j->answers[i].state == ANSWER_WAITING || j->answers[i].state == ANSWER_SILENT;
    return n;
}

/* Cards that nobody read yet, as its manifest has them. */
static unsigned cards_unread(const struct world *w)
{
    unsigned cards = 0;

    for (uint32_t i = 0; i < w->m.n_pieces; i++)
        cards += w->m.pieces[i].kind == PIECE_CARD;
    for (size_t k = 0; k < w->n; k++)
        cards -= w->members[k] >= ANSWERS_MAX && cards > 0;
    return cards;
}

/* Whether those who can still answer are enough for some manifest seen. */
static bool may_still(const struct judge *j)
{
    unsigned open = count_open(j);

    for (const struct world *w = j->worlds; w != NULL; w = w->next)
        if (w->n > 0 && !w->enough && w->n + open + cards_unread(w) >= w->need)
            return true;
    /* What nobody good has spoken of yet needs two at least, or one beside a card. */
    bool cards = j->paper != NULL && j->paper->n_cards > 0;
    if (j->worlds == NULL)
        return cards || open > 0;
    return open >= (cards ? 1U : 2U);
}

static enum recover_state state_of(const struct judge *j, const struct world *best,
                                   const struct recover_result *r)
{
    if (r->n_owners > 1)
        return RECOVER_TWO_WORLDS;
    if (best != NULL && best->opens)
        return RECOVER_FOUND;
    if (best != NULL && best->enough)
        return RECOVER_BROKEN;
    if (r->locked)
        return RECOVER_WAITING;
    return j->n > 0 && !may_still(j) ? RECOVER_IMPOSSIBLE : RECOVER_WAITING;
}

/* Good pieces of the best world, from answers and cards. */
static unsigned count_good(const struct world *best, const struct recover_result *r)
{
    unsigned n = 0;

    if (best->hash == NULL && !best->opens)
        return (unsigned)best->n;
    for (size_t k = 0; k < best->n; k++) {
        size_t m = best->members[k];

        n += (m < ANSWERS_MAX ? r->verdicts[m] : r->cards[m - ANSWERS_MAX]) ==
             VERDICT_GOOD;
    }
    return n;
}

static void summarise(const struct judge *j, const struct world *best,
                      struct recover_result *r)
{
    for (size_t i = 0; i < j->n; i++)
        r->verdicts[i] = verdict_of(j, best, i);
    for (size_t i = 0; j->paper != NULL && i < j->paper->n_cards; i++)
        r->cards[i] = card_verdict(j, best, i);
    for (const struct world *w = j->papers; w != NULL; w = w->next)
        r->locked = r->locked || (w->locked && (best == NULL || !best->opens));
    if (best != NULL) {
        r->epoch = best->m.epoch;
        if (best->hash != NULL)
            memcpy(r->manifest_hash, best->hash, HASH_BYTES);
        r->need = best->need;
        r->have = count_good(best, r);
        r->direct = direct_count(j, best);
    }
    /* With groups more pieces than the fewest may be there and not be enough. */
    if (best != NULL && !best->enough && !best->locked && r->need > 0 &&
        r->have >= r->need)
        r->need = r->have + 1;
    r->state = state_of(j, best, r);
}

static void worlds_free(struct world *w)
{
    while (w != NULL) {
        struct world *next = w->next;

        free(w);
        w = next;
    }
}

static enum err judge_all(struct judge *j, const uint8_t *owner, struct recover_result *r,
                          struct root_key *root)
{
    struct world *best = NULL;

    for (size_t i = 0; i < j->n; i++) {
        const struct answer *a = &j->answers[i];

        for (uint32_t p = 0; a->state == ANSWER_PIECE && p < a->n_pieces; p++)
            TRY(piece_judge(j, i, &a->pieces[p]));
    }
    TRY(cards_judge(j));
    TRY(moves_judge(j));
    TRY(worlds_open(j->worlds, owner, &best, root));
    TRY(worlds_open(j->papers, owner, &best, root));
    owners_note(j, j->worlds, owner, r);
    owners_note(j, j->papers, owner, r);
    r->late = best != NULL && best->opens && best->replaced;
    r->disputed = j->disputed;
    summarise(j, best, r);
    return OK;
}

enum err recover(const struct answer *answers, size_t n, const uint8_t *owner,
                 struct recover_result *out, struct root_key *out_root)
{
    return recover_paper(answers, n, NULL, owner, out, out_root);
}

enum err recover_paper(const struct answer *answers, size_t n, const struct paper *paper,
                       const uint8_t *owner, struct recover_result *out,
                       struct root_key *out_root)
{
    const struct recover_in in = {
        .answers = answers, .n = n, .paper = paper, .owner = owner
    };

    return recover_all(&in, out, out_root);
}

enum err recover_all(const struct recover_in *in, struct recover_result *out,
                     struct root_key *out_root)
{
    AUTO_SECRET struct root_key *root = NULL;
    AUTO_FREE struct recover_result *r = calloc(1, sizeof *r);
    struct judge j = { .answers = in->answers,
                       .n = in->n,
                       .paper = in->paper,
                       .moves = in->moves,
                       .n_moves = in->n_moves,
                       .certs = in->certs,
                       .n_certs =
                           in->n_certs < RECOVER_CERTS ? in->n_certs : RECOVER_CERTS };

    MUST(in->n <= ANSWERS_MAX);
    if (r == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&root));
    enum err e = judge_all(&j, in->owner, r, root);
    worlds_free(j.worlds);
    worlds_free(j.papers);
    TRY(e);
    *out = *r;
    if (r->state == RECOVER_FOUND)
        *out_root = *root;
    return OK;
}
