/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/recover_part.h"
#include "proto/slip39.h"

enum { CHOICES_MAX = 256 }; /* ways to choose among cards that claim one place */

static bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
    return bytes_equal(bytes_of(a, n), bytes_of(b, n));
}

/* ---- cards and manifests ---- */

static enum err card_join(struct judge *j, struct world *w, size_t i)
{
    const uint8_t *piece = j->paper->cards[i].piece;
    uint8_t pub[PUB_BYTES];

    piece_public(piece, pub);
    const struct manifest_piece *mp = manifest_find(&w->m, pub);
    if (mp == NULL)
        return OK;
    enum err e = header_fits(&w->m, mp, piece);
    if (e != OK)
        return e == ERR_NOMEM ? e : OK;
    if (world_has(w, piece, ANSWERS_MAX + i, &j->findings[ANSWERS_MAX + i].duplicate))
        return OK;
    w->members[w->n] = (uint8_t)(ANSWERS_MAX + i);
    w->pieces[w->n++] = piece;
    return OK;
}

/* ---- cards alone ---- */

/* The header of a piece without the place of the one who has it; public. */
struct split_id {
    uint16_t identifier;
    uint8_t ext;
    uint8_t e;
    uint8_t group_threshold;
    uint8_t group_count;
};

static enum err share_of(const uint8_t *piece, struct slip39_share **out)
{
    AUTO_SECRET struct slip39_share *share = NULL;

    TRY(secret_new(&share));
    TRY(slip39_piece_decode(bytes_of(piece, PIECE_BYTES), share));
    *out = share;
    share = NULL; /* the caller's now */
    return OK;
}

static enum err split_of(const uint8_t *piece, struct split_id *out)
{
    AUTO_SECRET struct slip39_share *share = NULL;

    TRY(share_of(piece, &share));
    *out = (struct split_id){ .identifier = share->identifier,
                              .ext = share->ext,
                              .e = share->e,
                              .group_threshold = share->group_threshold,
                              .group_count = share->group_count };
    return OK;
}

static bool same_split(const struct split_id *a, const struct split_id *b)
{
    return a->identifier == b->identifier && a->ext == b->ext && a->e == b->e &&
           a->group_threshold == b->group_threshold && a->group_count == b->group_count;
}

/* A card that says whose it is goes with no other W_e. */
static bool may_open(const struct paper_card *c, const struct wrapped *wrapped)
{
    return wrapped == NULL || !c->known ||
           (c->epoch == wrapped->epoch && same(c->circle, wrapped->circle, ID_BYTES));
}

static enum err paper_fill(struct judge *j, const struct split_id *id, struct world *w)
{
    for (size_t i = 0; i < j->paper->n_cards; i++) {
        const struct paper_card *c = &j->paper->cards[i];
        struct split_id of = { 0 };
        enum err e = split_of(c->piece, &of);

        if (e == ERR_NOMEM)
            return e;
        if (e != OK || !same_split(&of, id) || !may_open(c, w->wrapped) ||
            world_has(w, c->piece, ANSWERS_MAX + i,
                      &j->findings[ANSWERS_MAX + i].duplicate))
            continue;
        w->members[w->n] = (uint8_t)(ANSWERS_MAX + i);
        w->pieces[w->n++] = c->piece;
        if (!c->known)
            continue;
        w->need = c->need;
        w->m.epoch = c->epoch;
        memcpy(w->m.circle, c->circle, ID_BYTES);
    }
    return OK;
}

static enum err paper_new(struct judge *j, const struct split_id *id,
                          const struct wrapped *wrapped)
{
    AUTO_FREE struct world *w = calloc(1, sizeof *w);

    if (w == NULL)
        return ERR_NOMEM;
    w->wrapped = wrapped;
    TRY(paper_fill(j, id, w));
    if (w->n == 0)
        return OK;
    if (wrapped != NULL) {
        w->m.epoch = wrapped->epoch;
        memcpy(w->m.circle, wrapped->circle, ID_BYTES);
    }
    w->next = j->papers;
    j->papers = w;
    w = NULL; /* the judge's now */
    return OK;
}

/* A world for each W_e, and one for what none of them opens. */
static enum err papers_of(struct judge *j, const struct split_id *id)
{
    TRY(paper_new(j, id, NULL));
    for (size_t i = 0; i < j->paper->n_wrapped; i++)
        TRY(paper_new(j, id, &j->paper->wrapped[i]));
    return OK;
}

static enum err is_first(const struct judge *j, size_t i, struct split_id *out_id,
                         bool *out_first)
{
    *out_first = true;
    TRY(split_of(j->paper->cards[i].piece, out_id));
    for (size_t k = 0; k < i && *out_first; k++) {
        struct split_id other = { 0 };
        enum err e = split_of(j->paper->cards[k].piece, &other);

        if (e == ERR_NOMEM)
            return e;
        *out_first = e != OK || !same_split(&other, out_id);
    }
    return OK;
}

enum err cards_judge(struct judge *j)
{
    for (size_t i = 0; j->paper != NULL && i < j->paper->n_cards; i++) {
        struct split_id id = { 0 };
        bool first = false;

        for (struct world *w = j->worlds; w != NULL; w = w->next)
            TRY(card_join(j, w, i));
        enum err e = is_first(j, i, &id, &first);
        if (e == ERR_NOMEM)
            return e;
        j->findings[ANSWERS_MAX + i].bad_piece = e != OK;
        if (e == OK && first)
            TRY(papers_of(j, &id));
    }
    return OK;
}

/* ---- opening cards alone ---- */

/* The pieces of a world of paper by their places; secret memory. */
struct table {
    size_t n; /* shares, in the order of members */
    struct slip39_share shares[PAPER_CARDS];
    uint8_t threshold[GROUPS_MAX]; /* of one try: what is believed of each group, */
    size_t picked[PAPER_CARDS];    /* and which of them */
    size_t n_picked;
    struct slip39_share hand[PAPER_CARDS];
};

static bool same_place(const struct slip39_share *a, const struct slip39_share *b)
{
    return a->group_index == b->group_index && a->member_index == b->member_index;
}

/* Cards of one group may name different thresholds: one is believed at a time. */
static unsigned pick_thresholds(struct table *t, unsigned choice)
{
    for (uint8_t g = 0; g < GROUPS_MAX; g++) {
        bool named[UINT8_MAX + 1] = { false };
        unsigned n = 0;

        for (size_t i = 0; i < t->n; i++) {
            uint8_t one = t->shares[i].member_threshold;

            if (t->shares[i].group_index != g || named[one])
                continue;
            named[one] = true;
            n++;
        }
        if (n == 0)
            continue;
        unsigned want = choice % n;
        uint8_t at = 0;

        choice /= n;
        while (!named[at] || want-- > 0)
            at++;
        t->threshold[g] = at;
    }
    return choice;
}

static bool believed(const struct table *t, const struct slip39_share *share)
{
    return share->member_threshold == t->threshold[share->group_index];
}

/* The choice-th way to take one share of each place; false: there are no more. */
static bool pick(struct table *t, unsigned choice)
{
    choice = pick_thresholds(t, choice);
    t->n_picked = 0;
    for (size_t i = 0; i < t->n; i++) {
        unsigned rivals = 0;
        unsigned before = 0;

        if (!believed(t, &t->shares[i]))
            continue;
        for (size_t k = 0; k < t->n; k++) {
            bool rival =
                same_place(&t->shares[i], &t->shares[k]) && believed(t, &t->shares[k]);

            rivals += rival;
            before += rival && k < i;
        }
        /* The first of a place decides for all of it. */
        if (before > 0)
            continue;
        MUST(rivals > 0); /* it is one itself */
        unsigned want = choice % rivals;

        choice /= rivals;
        for (size_t k = i; k < t->n; k++) {
            if (!same_place(&t->shares[i], &t->shares[k]) ||
                !believed(t, &t->shares[k]) || want-- != 0)
                continue;
            t->picked[t->n_picked] = k;
            t->hand[t->n_picked++] = t->shares[k];
            break;
        }
    }
    return choice == 0;
}

/* What the picked ones are against the thresholds that stand in each of them. */
static bool hand_enough(const struct table *t)
{
    unsigned met = 0;

    for (uint8_t g = 0; g < GROUPS_MAX; g++) {
        unsigned have = 0;
        unsigned want = 0;

        for (size_t i = 0; i < t->n_picked; i++) {
            if (t->hand[i].group_index != g)
                continue;
            have++;
            want = t->hand[i].member_threshold;
        }
        met += have > 0 && have >= want;
    }
    return t->n_picked > 0 && met >= t->hand[0].group_threshold;
}

static enum err table_new(const struct world *w, struct table **out)
{
    AUTO_SECRET struct table *t = NULL;

    TRY(secret_new(&t));
    MUST(w->n <= PAPER_CARDS);
    for (size_t i = 0; i < w->n; i++)
        TRY(slip39_piece_decode(bytes_of(w->pieces[i], PIECE_BYTES), &t->shares[i]));
    t->n = w->n;
    *out = t;
    t = NULL; /* the caller's now */
    return OK;
}

/* ERR_SHARE_DIGEST and others: these do not fit together. */
static enum err hand_combine(struct world *w, const struct table *t,
                             struct escrow_key *out)
{
    AUTO_SECRET struct slip39_found *found = NULL;

    TRY(secret_new(&found));
    TRY(slip39_recover(t->hand, t->n_picked, (struct bytes){ 0 }, 0, found));
    if (found->secret_n != KEY_BYTES)
        return ERR_SHARE_DIGEST;
    memcpy(out->b, found->secret, KEY_BYTES);
    memset(w->bad, 1, sizeof w->bad);
    for (size_t i = 0; i < t->n_picked; i++)
        w->bad[t->picked[i]] = found->bad[i];
    return OK;
}

static enum err hand_open(struct world *w, const struct escrow_key *escrow,
                          struct root_key *out_root)
{
    AUTO_SECRET struct sign_seed *owner = NULL;

    TRY(secret_new(&owner));
    TRY(wrapped_open(w->wrapped, escrow, out_root));
    TRY(ident_owner(out_root, owner));
    crypt_sign_public(owner, w->m.owner);
    return OK;
}

/* Pieces that fit together and do not open this W_e are of another one: no fault. */
static enum err try_hands(struct world *w, struct table *t, struct root_key *out_root)
{
    AUTO_SECRET struct escrow_key *escrow = NULL;

    TRY(secret_new(&escrow));
    bool fit = false;
    for (unsigned choice = 0; !w->opens && choice < CHOICES_MAX && pick(t, choice);
         choice++) {
        enum err e = hand_enough(t) ? hand_combine(w, t, escrow) : ERR_SHARE_FEW;

        w->enough = w->enough || e != ERR_SHARE_FEW;
        if (e == OK) {
            fit = true;
            e = w->wrapped != NULL ? hand_open(w, escrow, out_root) : ERR_STATE;
            w->opens = e == OK;
        }
        if (e == ERR_NOMEM)
            return e;
    }
    w->locked = fit && w->wrapped == NULL;
    w->enough = w->opens || (w->enough && !fit);
    return OK;
}

enum err paper_root(struct world *w, struct root_key *out_root)
{
    AUTO_SECRET struct table *t = NULL;

    enum err e = table_new(w, &t);
    if (e != OK)
        return e == ERR_NOMEM ? e : OK;
    (void)pick(t, 0); /* there is always one */
    if (w->need == 0 && t->hand[0].group_count == 1)
        w->need = t->hand[0].member_threshold;
    return try_hands(w, t, out_root);
}

/* ---- verdicts ---- */

/* Where a card belongs that has no place among those that open, or may open. */
static enum verdict stray_verdict(const struct judge *j, const struct world *best,
                                  size_t i)
{
    const struct paper_card *c = &j->paper->cards[i];
    struct split_id mine = { 0 };
    struct split_id theirs = { 0 };

    for (const struct world *w = j->worlds; w != NULL; w = w->next)
        if (w != best && world_place(w, ANSWERS_MAX + i) < w->n &&
            same(w->m.owner, best->m.owner, PUB_BYTES))
            return w->m.epoch < best->m.epoch ? VERDICT_STALE_EPOCH : VERDICT_GOOD;
    if (c->known && same(c->circle, best->m.circle, ID_BYTES) &&
        c->epoch != best->m.epoch)
        return c->epoch < best->m.epoch ? VERDICT_STALE_EPOCH : VERDICT_NONE;
    if (!best->opens || best->n == 0 || split_of(c->piece, &mine) != OK ||
        split_of(best->pieces[0], &theirs) != OK)
        return VERDICT_NONE;
    return same_split(&mine, &theirs) ? VERDICT_BAD_PIECE : VERDICT_STALE_EPOCH;
}

enum verdict card_verdict(const struct judge *j, const struct world *best, size_t i)
{
    const struct finding *f = &j->findings[ANSWERS_MAX + i];
    size_t place = 0;

    if (f->bad_piece)
        return VERDICT_BAD_PIECE;
    if (best != NULL && (place = world_place(best, ANSWERS_MAX + i)) < best->n) {
        /* Paper alone proves nothing before it is open. */
        if (best->hash == NULL && !best->opens)
            return VERDICT_NONE;
        return best->bad[place] ? VERDICT_BAD_PIECE : VERDICT_GOOD;
    }
    if (f->duplicate)
        return VERDICT_DUPLICATE;
    return best != NULL ? stray_verdict(j, best, i) : VERDICT_NONE;
}
