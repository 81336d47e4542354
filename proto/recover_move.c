/* SPDX-License-Identifier: Apache-2.0 */
/* Roots that follow each other, by the word of the people who guarded the one before. */
#include "proto/cert.h"
#include "proto/recover_part.h"

/* One root in the place of another. */
struct edge {
    uint8_t from[PUB_BYTES];
    uint8_t to[PUB_BYTES];
};

/* A MOVE while it is judged. */
struct claim {
    struct judge *j;
    struct move_proof proof;
    struct move m;
    struct descriptor *d; /* room to work in */
};

static bool same_key(const uint8_t *a, const uint8_t *b)
{
    return bytes_equal(bytes_of(a, PUB_BYTES), bytes_of(b, PUB_BYTES));
}

static bool is_of(const struct world *w, const struct move *m, const uint8_t *owner)
{
    return same_key(w->m.owner, owner) &&
           bytes_equal(BYTES_OF(w->m.circle), BYTES_OF(m->circle));
}

static bool is_world(const struct world *w, uint32_t epoch, const uint8_t *hash)
{
    return w->m.epoch == epoch &&
           bytes_equal(bytes_of(w->hash, HASH_BYTES), bytes_of(hash, HASH_BYTES));
}

/* ---- whose word counts ---- */

/* Whether people of that world, by its thresholds, say the MOVE: about whichever epoch
   it names, since nobody else may speak for the root that they guard. */
static enum err says(const struct claim *c, struct world *w, bool *out)
{
    struct move m = { 0 };

    *out = w->said;
    if (w->asked)
        return OK;
    w->asked = true;
    descriptor_of(&w->m, w->hash, c->d);
    c->d->epoch = c->m.epoch;
    memcpy(c->d->manifest_hash, c->m.manifest_hash, HASH_BYTES);
    enum err e = move_judge(c->d, &c->proof, 0, true, &m);
    if (e == ERR_NOMEM)
        return e;
    *out = w->said = e == OK;
    return OK;
}

/* Whether people of w say that the epoch of the i-th certificate is right. */
static enum err proves(const struct claim *c, struct world *w, size_t i, bool *out)
{
    const struct recover_cert *cert = &c->j->certs[i];
    struct cert_rule rule = { .purpose = PURPOSE_EPOCH, .epoch = cert->epoch };
    struct cert_verdict v = { 0 };
    uint32_t bit = (uint32_t)1 << i;

    if ((w->judged & bit) == 0) {
        w->judged |= bit;
        memcpy(rule.subject, cert->manifest_hash, HASH_BYTES);
        descriptor_of(&w->m, w->hash, c->d);
        enum err e = cert_people(c->d, &rule, cert->people, &v);
        if (e == ERR_NOMEM)
            return e;
        if (e == OK && v.enough)
            w->proves |= bit;
    }
    *out = (w->proves & bit) != 0;
    return OK;
}

/* Marks the world of the i-th certificate, if it is later than w and people of w say so.
 */
static enum err lead_on(const struct claim *c, struct world *w, size_t i, bool *out_more)
{
    const struct recover_cert *cert = &c->j->certs[i];
    struct world *t = c->j->worlds;

    while (t != NULL && (!is_world(t, cert->epoch, cert->manifest_hash) ||
                         !is_of(t, &c->m, c->m.old_owner)))
        t = t->next;
    if (t == NULL || t->seen || t->m.epoch <= w->m.epoch)
        return OK;
    TRY(proves(c, w, i, &t->seen));
    *out_more = *out_more || t->seen;
    return OK;
}

/* One world that certificates led to: whether its people say it, or where it leads. */
static enum err step(const struct claim *c, struct world *w, bool *out, bool *out_more)
{
    TRY(says(c, w, out));
    for (size_t i = 0; i < c->j->n_certs && !*out; i++)
        TRY(lead_on(c, w, i, out_more));
    return OK;
}

/* Whether certificates lead from there to people who say the MOVE. */
static enum err leads(const struct claim *c, struct world *from, bool *out)
{
    bool more = true;

    *out = false;
    for (struct world *w = c->j->worlds; w != NULL; w = w->next)
        w->seen = w == from;
    while (more && !*out) {
        more = false;
        for (struct world *w = c->j->worlds; w != NULL && !*out; w = w->next)
            if (w->seen)
                TRY(step(c, w, out, &more));
    }
    return OK;
}

/* ---- who is asked ---- */

/* Whoever only a roster told of may be anybody's: the newest one is the work of whoever
   holds the root. */
static bool is_given(const struct answer *a)
{
    return a->source != FROM_ROSTER;
}

/* The oldest world of an owner in which that answer has a good piece, or NULL: epochs
   that nobody confirmed come after one that somebody did. */
static struct world *oldest(const struct claim *c, const uint8_t *owner, size_t i)
{
    struct world *found = NULL;

    for (struct world *w = c->j->worlds; w != NULL; w = w->next)
        if (is_of(w, &c->m, owner) && world_place(w, i) < w->n &&
            (found == NULL || w->m.epoch < found->m.epoch))
            found = w;
    return found;
}

/* Marks where the answers begin; *out_new: some have only what the new root gave. */
static bool mark_bases(const struct claim *c, bool *out_new)
{
    bool any = false;

    for (struct world *w = c->j->worlds; w != NULL; w = w->next)
        w->base = w->asked = w->said = false;
    *out_new = false;
    for (size_t i = 0; i < c->j->n; i++) {
        if (!is_given(&c->j->answers[i]))
            continue;
        struct world *w = oldest(c, c->m.old_owner, i);

        if (w == NULL) {
            *out_new = *out_new || oldest(c, c->m.new_owner, i) != NULL;
            continue;
        }
        w->base = any = true;
    }
    return any;
}

/* By the people of the very manifest that it names, whoever made that. */
static enum err says_itself(const struct claim *c, bool *out)
{
    *out = false;
    for (struct world *w = c->j->worlds; w != NULL; w = w->next)
        if (is_of(w, &c->m, c->m.old_owner) &&
            is_world(w, c->m.epoch, c->m.manifest_hash))
            return says(c, w, out);
    return OK;
}

static enum err holds(const struct claim *c, bool *out)
{
    bool by_new = false;
    bool claimed = false;
    bool any = mark_bases(c, &by_new);

    TRY(says_itself(c, &claimed));
    *out = any || (by_new && claimed);
    for (struct world *w = c->j->worlds; w != NULL && *out; w = w->next)
        if (w->base)
            TRY(leads(c, w, out));
    c->j->disputed = c->j->disputed || (claimed && !*out);
    return OK;
}

/* One that does not hold is nobody's word. ERR_NOMEM aside no error. */
static enum err edge_of(struct judge *j, struct bytes raw, struct edge *out,
                        bool *out_holds)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    struct claim c = { .j = j, .d = d };

    *out_holds = false;
    if (d == NULL)
        return ERR_NOMEM;
    if (move_proof_get(raw, &c.proof) != OK || move_open(c.proof.move, &c.m) != OK ||
        same_key(c.m.old_owner, c.m.new_owner))
        return OK;
    TRY(holds(&c, out_holds));
    memcpy(out->from, c.m.old_owner, PUB_BYTES);
    memcpy(out->to, c.m.new_owner, PUB_BYTES);
    return OK;
}

/* ---- chains ---- */

/* How many roots were replaced one after the other before that owner's; never a circle.
 */
static unsigned chain_to(const struct edge *edges, size_t n, const uint8_t *owner,
                         unsigned most)
{
    unsigned longest = 0;

    for (size_t i = 0; i < n && most > 0; i++) {
        if (!same_key(edges[i].to, owner))
            continue;
        unsigned to = 1 + chain_to(edges, n, edges[i].from, most - 1);
        longest = to > longest ? to : longest;
    }
    return longest;
}

static void mark(struct world *first, const struct edge *edges, size_t n)
{
    enum { CHAIN_MAX = 4 };

    for (struct world *w = first; w != NULL; w = w->next) {
        w->follows = chain_to(edges, n, w->m.owner, CHAIN_MAX);
        for (size_t i = 0; i < n; i++)
            w->replaced = w->replaced || same_key(edges[i].from, w->m.owner);
    }
}

enum err moves_judge(struct judge *j)
{
    enum { EDGES_MAX = 16 };

    struct edge edges[EDGES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < j->n_moves && n < EDGES_MAX; i++) {
        bool holds = false;

        TRY(edge_of(j, j->moves[i], &edges[n], &holds));
        n += holds;
    }
    mark(j->worlds, edges, n);
    return OK;
}
