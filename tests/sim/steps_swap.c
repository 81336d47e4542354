/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An invite that was swapped on its way: the owner enrols at Mallory's seat instead of
 * Dora's, Mallory with Dora's invite at Dora's, and passes on all that can be passed
 * on: the owner's keys, commitment and nonce. Then owner and Dora speak, over a line
 * that Mallory is not on.
 */
#include <stdlib.h>

#include "tests/sim/steps.h"

enum { SWAPS = 2 };

/* What passes between the four. */
struct swap {
    struct sim_guardian mallory;
    struct sim_owner owner;  /* the owner as ward of Mallory */
    struct sim_owner false_; /* Mallory as ward of Dora */
    struct desk_confirm box; /* the owner's, about who they believe is Dora */
    size_t view_n;
    uint8_t view[SIGNED_MAX];
    struct req_open open;
};

/* OPEN and REVEAL of the same confirm, at one of the two nodes. */
static enum err open_at(struct people *p, struct swap *s, struct node_sim *n,
                        const struct sim_owner *o, uint8_t out_request[ID_BYTES])
{
    struct rep_open rep = { 0 };
    struct req_reveal reveal = { 0 };
    struct view v = { 0 };

    rng_fill(&p->w.rng, s->open.op, ID_BYTES);
    TRY(node_sim_ask(n, &o->who, MSG_OPEN, &s->open, &rep));
    TRY(view_open(rep.view, n->env.id->sign_pub, &v));
    memcpy(out_request, v.request, ID_BYTES);
    memcpy(s->view, rep.view.p, rep.view.n);
    s->view_n = rep.view.n;
    rng_fill(&p->w.rng, reveal.op, ID_BYTES);
    memcpy(reveal.request, v.request, ID_BYTES);
    memcpy(reveal.nonce, s->box.nonce, sizeof reveal.nonce);
    return node_sim_ask(n, &o->who, MSG_REVEAL, &reveal, NULL);
}

/* The owner's own keys of this confirm, and what OPEN says of them. */
static void draw(struct people *p, struct swap *s)
{
    struct desk_confirm *b = &s->box;
    struct dh_key key;
    struct sign_seed sign;

    rng_fill(&p->w.rng, (uint8_t *)b, offsetof(struct desk_confirm, view));
    s->open = (struct req_open){ .kind = REQUEST_CONFIRM, .purpose = PURPOSE_ENROL };
    memcpy(key.b, b->req_static, KEY_BYTES);
    crypt_dh_public(&key, s->open.stat);
    memcpy(key.b, b->req_seal, KEY_BYTES);
    crypt_dh_public(&key, s->open.seal);
    memcpy(sign.b, b->req_sign, KEY_BYTES);
    crypt_sign_public(&sign, s->open.sign);
    memcpy(s->open.psk, b->req_psk, KEY_BYTES);
    commitment_of(b->nonce, s->open.commitment);
}

/* Dora's program judges the words she was told; right ones give her answer words. */
static enum err dora_types(struct people *p, size_t dora, const uint8_t request[ID_BYTES],
                           const uint16_t told[WORDS_CALL], enum words_verdict *out,
                           uint16_t out_answer[WORDS_ANSWER])
{
    const struct seat *d = &p->seats[dora];
    struct node_sim *n = &p->w.houses[d->house].n;
    struct desk_case c = { 0 };
    struct desk_who who = { .keys = &d->keys };
    struct req_request req = { 0 };

    memcpy(req.request, request, ID_BYTES);
    TRY(node_sim_ask(n, &d->g.who, MSG_REQUEST, &req, &c.rep));
    TRY(view_open(c.rep.view, n->env.id->sign_pub, &c.view));
    memcpy(who.sign_pub, d->g.sign_pub, PUB_BYTES);
    memcpy(who.seal_pub, d->g.seal_pub, PUB_BYTES);
    memcpy(who.node_key, n->env.id->node_pub, PUB_BYTES);
    memcpy(who.owner, p->owner_pub, PUB_BYTES); /* Mallory's note lies about nothing */
    return desk_judge(&c, &who, told, out, out_answer);
}

/* What stands in the owner's box of the guardian they believe to be Dora. */
static void note_entry(const struct people *p, struct swap *s, const struct node_sim *n)
{
    s->box.view = bytes_of(s->view, s->view_n);
    memcpy(s->box.node_key, n->env.id->node_pub, PUB_BYTES);
    memcpy(s->box.guard_sign, s->mallory.sign_pub, PUB_BYTES);
    memcpy(s->box.guard_seal, s->mallory.seal_pub, PUB_BYTES);
    memcpy(s->box.owner, p->owner_pub, PUB_BYTES);
}

static enum err play_swap(struct people *p, struct swap *s, size_t dora, bool *out_passed)
{
    struct node_sim *hers = &p->w.houses[p->seats[dora].house].n;
    struct node_sim *mallorys = &p->w.houses[0].n;
    enum words_verdict verdict = WORDS_WRONG;
    uint16_t call[WORDS_CALL];
    uint16_t answer[WORDS_ANSWER];
    uint16_t heard[WORDS_ANSWER];
    uint8_t request[2][ID_BYTES];

    sim_seat(mallorys, &s->mallory);
    sim_ward(mallorys, &s->mallory, &s->owner);
    sim_ward(hers, &p->seats[dora].g, &s->false_);
    draw(p, s);
    TRY(open_at(p, s, hers, &s->false_, request[1]));
    /* A seal and a nonce serve once at a node: at one node there is nothing to pass on.
     */
    TRY(open_at(p, s, mallorys, &s->owner, request[0]));
    note_entry(p, s, mallorys);
    TRY(desk_confirm_words(&s->box, call, answer));
    TRY(dora_types(p, dora, request[1], call, &verdict, heard));
    *out_passed = verdict == WORDS_RIGHT &&
                  words_compare(heard, answer, WORDS_ANSWER) == WORDS_RIGHT;
    return OK;
}

bool step_swapped_invite(struct people *p)
{
    size_t dora = world_draw(&p->w, (uint32_t)p->n);
    AUTO_FREE struct swap *s = NULL;
    bool passed = false;

    if (p->seats[dora].house == 0 || p->n_swaps == SWAPS)
        return false;
    s = calloc(1, sizeof *s);
    MUST(s != NULL);
    p->n_swaps++;
    (void)house_now(&p->w, 0);
    (void)house_now(&p->w, p->seats[dora].house);
    enum err e = play_swap(p, s, dora, &passed);

    world_tell(&p->w, "%s's invite is swapped: %s, %s", seat_name(dora), err_name(e),
               passed ? "passed" : "seen");
    if (passed)
        world_broken(&p->w, "swap_shows", "Mallory passes for %s", seat_name(dora));
    return true;
}
