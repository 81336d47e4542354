/* SPDX-License-Identifier: Apache-2.0 */
/* Roots that follow each other, by the word of the people who guarded the one before. */
#include "proto/cert.h"
#include "proto/recover_part.h"

/* One root in the place of another. */
struct edge {
    uint8_t from[PUB_BYTES];
    uint8_t to[PUB_BYTES];
};

static bool same_key(const uint8_t *a, const uint8_t *b)
{
    return bytes_equal(bytes_of(a, PUB_BYTES), bytes_of(b, PUB_BYTES));
}

/* The world of the manifest that a MOVE names, or NULL: then nobody here can judge it. */
static const struct world *world_named(const struct judge *j, const struct move *m)
{
    for (const struct world *w = j->worlds; w != NULL; w = w->next)
        if (bytes_equal(bytes_of(w->hash, HASH_BYTES), BYTES_OF(m->manifest_hash)) &&
            same_key(w->m.owner, m->old_owner) &&
            bytes_equal(BYTES_OF(w->m.circle), BYTES_OF(m->circle)))
            return w;
    return NULL;
}

/* One that does not hold is nobody's word. ERR_NOMEM aside no error. */
static enum err edge_of(const struct judge *j, struct bytes raw, struct edge *out,
                        bool *out_holds)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    struct move_proof p = { 0 };
    struct move m = { 0 };
    const struct world *w = NULL;

    *out_holds = false;
    if (d == NULL)
        return ERR_NOMEM;
    if (move_proof_get(raw, &p) != OK || move_open(p.move, &m) != OK ||
        (w = world_named(j, &m)) == NULL || same_key(m.old_owner, m.new_owner))
        return OK;
    descriptor_of(&w->m, w->hash, d);
    enum err e = move_judge(d, &p, 0, true, &m);
    if (e != OK)
        return e == ERR_NOMEM ? e : OK;
    memcpy(out->from, m.old_owner, PUB_BYTES);
    memcpy(out->to, m.new_owner, PUB_BYTES);
    *out_holds = true;
    return OK;
}

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
