/* SPDX-License-Identifier: Apache-2.0 */
/* From shares to a master secret, whichever of them are bad. */
#include "proto/slip39_part.h"

enum {
    SPOTS = 32,    /* points one search looks at */
    SOLUTIONS = 16 /* polynomials one search keeps */
};

/* ---- search ---- */

/* A point of a search: a share's value, or a group's. */
struct spot {
    struct gf256_point at;
    uint16_t weight; /* shares that stand behind it */
    bool sure;       /* a digest stands behind it */
};

/* A polynomial that a search found. */
struct solution {
    uint32_t support; /* bit i: spot i lies on it */
    uint16_t weight;  /* of these spots */
    bool sure;        /* its own digest, or one of a spot's */
    uint8_t secret[SLIP39_SECRET_MAX];
};

struct search {
    struct spot spots[SPOTS];
    size_t n; /* spots */
    uint8_t t;
    size_t len; /* bytes of a value */
    struct solution found[SOLUTIONS];
    size_t found_n;
    size_t *tries; /* left, of the whole recovery */
};

static bool equal_public(const uint8_t *a, const uint8_t *b, size_t n)
{
    bool same = secret_equal(a, b, n);

    secret_public(&same, sizeof same);
    return same;
}

/* The polynomial through t of a solution's spots; points is its memory. */
static struct gf256_poly solution_poly(const struct search *s, uint32_t support,
                                       struct gf256_point points[SLIP39_GROUPS])
{
    struct gf256_poly poly;
    size_t t = 0;

    for (size_t i = 0; i < s->n && t < s->t; i++) {
        if ((support >> i & 1) != 0)
            points[t++] = s->spots[i].at;
    }
    MUST(gf256_through(points, t, &poly) == OK);
    return poly;
}

/* Keeps a solution through the chosen spots, with all others that lie on it. */
static void keep(struct search *s, uint32_t chosen, const uint8_t *secret)
{
    struct solution *f = &s->found[s->found_n];
    struct gf256_point points[SLIP39_GROUPS];
    struct gf256_poly poly = solution_poly(s, chosen, points);
    uint8_t y[SLIP39_SECRET_MAX];

    if (s->found_n == SOLUTIONS)
        return;
    *f = (struct solution){ .sure = s->t > 1 };
    memcpy(f->secret, secret, s->len);
    for (size_t i = 0; i < s->n; i++) {
        gf256_at(&poly, s->spots[i].at.x, (struct span){ y, s->len });
        if (!equal_public(y, s->spots[i].at.y, s->len))
            continue;
        f->support |= (uint32_t)1 << i;
        f->weight = (uint16_t)(f->weight + s->spots[i].weight);
        f->sure = f->sure || s->spots[i].sure;
    }
    secret_wipe(y, sizeof y);
    s->found_n++;
}

static bool known(const struct search *s, uint32_t chosen)
{
    for (size_t i = 0; i < s->found_n; i++) {
        if ((chosen & ~s->found[i].support) == 0)
            return true;
    }
    return false;
}

/* Two polynomials share at most t - 1 spots: then no other can have as many. */
static bool unbeatable(const struct search *s)
{
    size_t most = 0;

    for (size_t i = 0; i < s->found_n; i++) {
        size_t n = (size_t)__builtin_popcount(s->found[i].support);
        most = n > most ? n : most;
    }
    return 2 * most >= s->n + s->t;
}

static void try_subset(struct search *s, const uint8_t *pick)
{
    struct gf256_point points[SLIP39_GROUPS];
    uint8_t secret[SLIP39_SECRET_MAX];
    uint32_t chosen = 0;

    for (size_t i = 0; i < s->t; i++) {
        points[i] = s->spots[pick[i]].at;
        chosen |= (uint32_t)1 << pick[i];
    }
    if (known(s, chosen))
        return;
    /* ERR_ARG: two candidates for one group, which is no subset. */
    if (slip39_shamir_secret(points, s->t, (struct span){ secret, s->len }) == OK)
        keep(s, chosen, secret);
    secret_wipe(secret, sizeof secret);
}

/* The next t of n in order; false after the last. */
static bool next_subset(uint8_t *pick, size_t t, size_t n)
{
    size_t i = t;

    while (i > 0 && pick[i - 1] == n - t + i - 1)
        i--;
    if (i == 0)
        return false;
    pick[i - 1]++;
    for (; i < t; i++)
        pick[i] = (uint8_t)(pick[i - 1] + 1);
    return true;
}

/* Finds every polynomial through t of the spots whose digest holds. */
static void search_run(struct search *s)
{
    uint8_t pick[SLIP39_GROUPS];

    s->found_n = 0;
    if (s->n < s->t)
        return;
    for (size_t i = 0; i < s->t; i++)
        pick[i] = (uint8_t)i;
    do {
        if (*s->tries == 0)
            return;
        --*s->tries;
        try_subset(s, pick);
    } while (!unbeatable(s) && next_subset(pick, s->t, s->n));
}

/* ---- recover ---- */

/* A possible value of one group. */
struct candidate {
    uint8_t group;
    uint16_t weight;
    bool sure;
    bool members[SLIP39_GROUPS]; /* by member index: lies on it */
    uint8_t value[SLIP39_SECRET_MAX];
};

/* A recovery at work. */
struct recovery {
    const struct slip39_share *shares;
    size_t n;
    size_t tries;
    struct search members;
    struct search groups;
    struct candidate candidates[SPOTS];
    size_t candidate_n;
    uint8_t value[SLIP39_SECRET_MAX];
    struct slip39_found found;
};

static enum err check_pair(const struct slip39_share *a, const struct slip39_share *b)
{
    if (a->identifier != b->identifier || a->ext != b->ext || a->e != b->e ||
        a->group_threshold != b->group_threshold || a->group_count != b->group_count ||
        a->value_n != b->value_n)
        return ERR_SHARE_MIXED;
    if (a->group_index != b->group_index)
        return OK;
    if (a->member_threshold != b->member_threshold)
        return ERR_SHARE_MIXED;
    return a->member_index == b->member_index ? ERR_SHARE_TWICE : OK;
}

/* A share may come from a caller's own hands, so its numbers are not believed. */
static enum err check_share(const struct slip39_share *s)
{
    TRY(slip39_value_length(s->value_n));
    if (s->identifier > 0x7fff || s->ext > 1 || s->e > SLIP39_E_MAX ||
        s->group_threshold < 1 || s->group_threshold > s->group_count ||
        s->group_count > SLIP39_GROUPS || s->group_index >= s->group_count ||
        s->member_threshold < 1 || s->member_threshold > SLIP39_GROUPS ||
        s->member_index >= SLIP39_GROUPS)
        return ERR_FORMAT;
    return OK;
}

/* Shares present of each group, and the group's threshold. */
struct counts {
    uint8_t present[SLIP39_GROUPS];
    uint8_t t[SLIP39_GROUPS];
};

static enum err check_set(const struct slip39_share *shares, size_t n, uint8_t max_e)
{
    struct counts c = { 0 };
    size_t complete = 0;

    if (n == 0)
        return ERR_SHARE_FEW;
    if (n > SLIP39_SHARES)
        return ERR_SHARE_MANY;
    for (size_t i = 0; i < n; i++) {
        TRY(check_share(&shares[i]));
        for (size_t k = 0; k < i; k++)
            TRY(check_pair(&shares[i], &shares[k]));
        c.present[shares[i].group_index]++;
        c.t[shares[i].group_index] = shares[i].member_threshold;
    }
    if (shares[0].e > max_e)
        return ERR_TOO_BIG;
    for (size_t g = 0; g < SLIP39_GROUPS; g++)
        complete += c.present[g] > 0 && c.present[g] >= c.t[g] ? 1 : 0;
    return complete < shares[0].group_threshold ? ERR_SHARE_FEW : OK;
}

/* Fills the members' search with one group's shares; returns how many. */
static size_t gather_group(struct recovery *r, uint8_t group)
{
    struct search *s = &r->members;

    s->n = 0;
    s->len = r->shares[0].value_n;
    s->tries = &r->tries;
    for (size_t i = 0; i < r->n; i++) {
        const struct slip39_share *share = &r->shares[i];

        if (share->group_index != group)
            continue;
        s->t = share->member_threshold;
        s->spots[s->n++] = (struct spot){
            .at = { share->member_index, share->value },
            .weight = 1,
        };
    }
    return s->n;
}

/* Every possible value of a group becomes a spot of the groups' search. */
static void candidates_of(struct recovery *r, uint8_t group)
{
    struct search *s = &r->members;

    if (gather_group(r, group) == 0)
        return;
    search_run(s);
    for (size_t i = 0; i < s->found_n && r->candidate_n < SPOTS; i++) {
        const struct solution *f = &s->found[i];
        struct candidate *c = &r->candidates[r->candidate_n];

        *c = (struct candidate){ .group = group, .weight = f->weight, .sure = f->sure };
        memcpy(c->value, f->secret, s->len);
        for (size_t k = 0; k < s->n; k++)
            c->members[s->spots[k].at.x] = (f->support >> k & 1) != 0;
        r->groups.spots[r->candidate_n++] = (struct spot){
            .at = { group, c->value },
            .weight = c->weight,
            .sure = c->sure,
        };
    }
}

/*
 * The solution most shares stand behind; NULL if there is none, or two alike. Without
 * any digest numbers prove nothing, so then all must agree.
 */
static const struct solution *best(const struct search *s, uint32_t must_hold)
{
    const struct solution *top = NULL;
    unsigned most = 0;
    bool tie = false;

    for (size_t i = 0; i < s->found_n; i++) {
        const struct solution *f = &s->found[i];
        unsigned score = f->sure ? f->weight : 0;

        if ((f->support & must_hold) != must_hold || (top != NULL && score < most))
            continue;
        tie = top != NULL && score == most;
        top = f;
        most = score;
    }
    return tie ? NULL : top;
}

/* Names the shares of a group that do not give r->value. */
static void blame_others(struct recovery *r, uint8_t group)
{
    struct search *s = &r->members;
    size_t members = gather_group(r, group);

    if (members == 0)
        return;
    s->spots[s->n++] = (struct spot){ .at = { SLIP39_SECRET_X, r->value }, .weight = 1 };
    search_run(s);
    const struct solution *f = best(s, (uint32_t)1 << members);
    bool judged = f != NULL || members + 1 >= s->t;
    size_t k = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->shares[i].group_index != group)
            continue;
        r->found.bad[i] = judged && (f == NULL || (f->support >> k & 1) == 0);
        k++;
    }
}

/* Names the shares of a group that are not behind its candidate. */
static void blame_members(struct recovery *r, const struct candidate *c)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->shares[i].group_index == c->group)
            r->found.bad[i] = !c->members[r->shares[i].member_index];
    }
}

static void blame(struct recovery *r, const struct solution *f)
{
    struct gf256_point points[SLIP39_GROUPS];
    struct gf256_poly poly = solution_poly(&r->groups, f->support, points);

    for (uint8_t g = 0; g < r->shares[0].group_count; g++) {
        const struct candidate *c = NULL;

        for (size_t i = 0; i < r->candidate_n; i++) {
            if ((f->support >> i & 1) != 0 && r->candidates[i].group == g)
                c = &r->candidates[i];
        }
        if (c != NULL) {
            blame_members(r, c);
            continue;
        }
        gf256_at(&poly, g, (struct span){ r->value, r->groups.len });
        blame_others(r, g);
    }
    for (size_t i = 0; i < r->n; i++)
        r->found.bad_n += r->found.bad[i] ? 1 : 0;
}

enum err slip39_recover(const struct slip39_share *shares, size_t n,
                        struct bytes passphrase, uint8_t max_e,
                        struct slip39_found *out_found)
{
    AUTO_SECRET struct recovery *r = NULL;

    TRY(check_set(shares, n, max_e));
    TRY(slip39_passphrase_check(passphrase));
    TRY(secret_new(&r));
    r->shares = shares;
    r->n = n;
    r->tries = SLIP39_TRIES;
    for (uint8_t g = 0; g < shares[0].group_count; g++)
        candidates_of(r, g);
    r->groups.n = r->candidate_n;
    r->groups.t = shares[0].group_threshold;
    r->groups.len = shares[0].value_n;
    r->groups.tries = &r->tries;
    search_run(&r->groups);
    const struct solution *f = best(&r->groups, 0);
    if (f == NULL)
        return ERR_SHARE_DIGEST;
    r->found.secret_n = r->groups.len;
    memcpy(r->found.secret, f->secret, r->groups.len);
    blame(r, f);
    TRY(slip39_crypt(DECRYPT, &shares[0], passphrase, r->found.secret));
    *out_found = r->found;
    return OK;
}

enum err slip39_combine(const struct slip39_share *shares, size_t n,
                        struct bytes passphrase, uint8_t max_e,
                        struct slip39_found *out_found)
{
    AUTO_SECRET struct slip39_found *found = NULL;

    TRY(secret_new(&found));
    TRY(slip39_recover(shares, n, passphrase, max_e, found));
    if (found->bad_n > 0)
        return ERR_SHARE_DIGEST;
    *out_found = *found;
    return OK;
}

enum err slip39_combine_key(const struct slip39_share *shares, size_t n,
                            struct escrow_key *out_key)
{
    AUTO_SECRET struct slip39_found *found = NULL;

    if (n > 0 && (shares[0].value_n != KEY_BYTES || shares[0].e != 0))
        return ERR_SHARE_MIXED;
    TRY(secret_new(&found));
    TRY(slip39_combine(shares, n, bytes_of(NULL, 0), 0, found));
    memcpy(out_key->b, found->secret, KEY_BYTES);
    return OK;
}
