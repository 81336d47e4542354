/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's own eyes: what their program makes of what a node says, also after it
 * went back to an older store. */
#include "tests/sim/steps.h"

/* Whose device asks which node. */
struct asking {
    struct people *p;
    size_t seat;
};

static enum err ask(void *ctx, uint16_t kind, const void *req, void *rep)
{
    struct asking *a = ctx;
    const struct seat *s = &a->p->seats[a->seat];

    return world_ask(&a->p->w, s->house, &s->device, kind, req, rep);
}

static enum err log_seq(struct txn *t, void *arg)
{
    struct log_head head = { 0 };

    TRY(txn_log_head(t, &head));
    *(uint64_t *)arg = head.seq;
    return OK;
}

static uint64_t log_of(struct people *p, size_t house)
{
    uint64_t seq = 0;

    MUST(store_read(p->w.houses[house].n.store, log_seq, &seq) == OK);
    return seq;
}

/* Whether a node forgot; went back by its clock only, which may show or not. */
enum went { WENT_ON, WENT_BACK, WENT_BACK_IN_TIME };

/* Nobody is blamed who has forgotten nothing, and nobody spared who has. */
static void look(struct people *p, size_t seat, enum went went)
{
    const struct store_identity *id = p->w.houses[p->seats[seat].house].n.env.id;
    struct asking a = { p, seat };
    enum err e = OK;

    if (p->watches[seat] == NULL)
        p->watches[seat] = desk_watch_new(id->node_pub, id->sign_pub);
    const char *fault = desk_look(p->watches[seat], ask, &a, &p->w.rng, p->w.now, &e);

    world_tell(&p->w, "the owner looks at %s's node: %s, %s", seat_name(seat),
               err_name(e), fault == NULL ? "nothing to blame" : fault);
    bool forgot = went == WENT_BACK;

    if (e == OK && went != WENT_BACK_IN_TIME && forgot != (fault != NULL))
        world_broken(&p->w, "back_is_seen", "%s's node %s", seat_name(seat),
                     forgot ? "forgot, and is not caught" : "is blamed for nothing");
    p->watched[seat] = e == OK ? log_of(p, p->seats[seat].house) : p->watched[seat];
}

bool step_owner_looks(struct people *p)
{
    look(p, world_draw(&p->w, (uint32_t)p->n), WENT_ON);
    return true;
}

bool step_copy_store(struct people *p)
{
    size_t h = world_draw(&p->w, (uint32_t)p->w.n_houses);

    world_tell(&p->w, "somebody copies the store of node %zu", h);
    house_copy(&p->w, h);
    for (size_t i = 0; i < p->n; i++)
        if (p->seats[i].house == h)
            root_copied(p, i);
    p->copied[h] = log_of(p, h);
    return true;
}

/* As many as the circle can lose may go back. */
static bool may_go_back(const struct people *p, size_t house)
{
    size_t lost = 0;

    for (size_t i = 0; i < p->n; i++)
        lost += p->w.houses[p->seats[i].house].back || p->seats[i].house == house ||
                seat_is_lost(p, i);
    return lost <= p->n - p->k;
}

bool step_put_back(struct people *p)
{
    size_t h = world_draw(&p->w, (uint32_t)p->w.n_houses);
    uint64_t before[SEATS];

    if (p->w.houses[h].copy[0] == 0 || p->w.houses[h].cut || !may_go_back(p, h))
        return false;
    for (size_t i = 0; i < p->n; i++)
        before[i] = p->wards[i].log_seq;
    world_tell(&p->w, "node %zu gets its older store back", h);
    house_put_back(&p->w, h);
    saw_put_back(p, h, before);
    for (size_t i = 0; i < p->n; i++) {
        if (p->seats[i].house != h || p->watched[i] == 0)
            continue;
        /* What it wrote since may hide what it forgot: then it is only not blamed. */
        if (p->copied[h] >= p->watched[i] || log_of(p, h) <= p->watched[i])
            look(p, i, p->copied[h] < p->watched[i] ? WENT_BACK : WENT_BACK_IN_TIME);
        /* A person looked into it: a new beginning. */
        desk_watch_end(p->watches[i]);
        p->watches[i] = NULL;
        p->watched[i] = 0;
    }
    return true;
}
