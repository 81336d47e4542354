/* SPDX-License-Identifier: Apache-2.0 */
/* What is at a node and in no state; only the node can name it. */
#include "client/vault_round_part.h"

enum {
    CLEAN_HEADS = 3,   /* so many push those of a thief out of the last three */
    CLEAN_PAGES = 2048 /* or a node keeps us for ever */
};

static enum err add_ids(struct home_blob *b, struct bytes ids)
{
    uint8_t *p = realloc(b->p, b->n + ids.n + 1); /* ids are no secrets */
    if (p == NULL)
        return ERR_NOMEM;
    b->p = p;
    b->cap = b->n + ids.n + 1;
    memcpy(b->p + b->n, ids.p, ids.n);
    b->n += ids.n;
    return OK;
}

static bool needed(const struct home_blob *ids, const uint8_t *id)
{
    return vault_ids_find(ids->p, ids->n / VAULT_ID, id) < ids->n / VAULT_ID;
}

static void ask_list(struct vault_place *p, struct call_send *out)
{
    vault_place_send(p, MSG_VAULT_HAVE, &p->work->have, out);
}

/* Its newest state once more, without what that does not need. */
static void next_head(struct vault_place *p, struct call_send *out)
{
    struct place_work *w = p->work;
    size_t left = w->junk.n - w->junk_at;
    if (w->junk.n == 0 || (left == 0 && w->heads >= CLEAN_HEADS)) {
        p->state = PLACE_LOOKED;
        return;
    }
    struct bytes ids = { w->junk.p + w->junk_at, left };
    ids.n = ids.n < sizeof w->dropped ? ids.n : sizeof w->dropped;
    memcpy(w->dropped, ids.p, ids.n);
    vault_place_head(p, &p->newest.state);
    w->set.dropped = bytes_of(w->dropped, ids.n);
    vault_place_send(p, MSG_HEAD_SET, &w->set, out);
}

/* Every cut begins here anew: what was dropped is not listed again. */
static enum err took_newest(struct vault_place *p, const struct rep_head_get *rep,
                            struct call_send *out)
{
    struct place_work *w = p->work;
    home_blob_free(&w->theirs);
    home_blob_free(&w->junk);
    w->junk_at = 0;
    w->pages = 0;
    w->heads = 0;
    if (!vault_place_shown(p, rep))
        return OK;
    p->state = PLACE_OPEN;
    if (!p->has_head || !vault_held_knows(p->round->how->held, p->newest.hash)) {
        p->state = p->has_head ? PLACE_FOREIGN : PLACE_LOOKED;
        return OK;
    }
    w->version = p->newest.version;
    memcpy(w->head, p->newest.head, HASH_BYTES);
    /* Of an earlier state of ours some parts may be gone here: then who knows. */
    if (vault_needs_of(p->round->how->vault, &p->newest.state, &w->theirs) != OK) {
        p->state = PLACE_LOOKED;
        return OK;
    }
    w->have = (struct req_vault_have){ .list = 1 };
    ask_list(p, out);
    return OK;
}

static enum err took_list(struct vault_place *p, const struct rep_vault_have *rep,
                          struct call_send *out)
{
    struct place_work *w = p->work;
    if (rep->ids.n % VAULT_ID != 0)
        return ERR_FORMAT;
    for (size_t at = 0; at < rep->ids.n; at += VAULT_ID) {
        const uint8_t *id = rep->ids.p + at;
        if (!needed(&p->round->needs, id) && !needed(&w->theirs, id))
            TRY(add_ids(&w->junk, bytes_of(id, VAULT_ID)));
    }
    vault_place_moved(p);
    if (rep->next.n != VAULT_ID || ++w->pages == CLEAN_PAGES) {
        next_head(p, out);
        return OK;
    }
    memcpy(w->have.after, rep->next.p, VAULT_ID);
    ask_list(p, out);
    return OK;
}

static void took_head(struct vault_place *p, struct call_send *out)
{
    struct place_work *w = p->work;
    struct held_seat *s = vault_place_held(p, true);
    vault_head_hash(bytes_of(w->signed_head, w->signed_n), w->head);
    w->version++;
    w->heads++;
    w->junk_at += w->set.dropped.n;
    p->round->cleaned += w->set.dropped.n / VAULT_ID;
    s->version = w->version;
    memcpy(s->head, w->head, HASH_BYTES);
    vault_place_moved(p);
    next_head(p, out);
}

static enum err clean_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct vault_place *p = c->ctx;
    struct place_work *w = p->work;
    if (vault_place_turn(p, reply, out))
        return OK;
    if (reply != NULL)
        TRY(reply->err);
    if (reply == NULL || vault_place_starts(reply)) {
        w->get = (struct req_head_get){ 0 };
        vault_place_send(p, MSG_HEAD_GET, &w->get, out);
        return OK;
    }
    if (reply->kind == MSG_HEAD_GET)
        return took_newest(p, reply->rep, out);
    if (reply->kind == MSG_VAULT_HAVE)
        return took_list(p, reply->rep, out);
    took_head(p, out);
    return OK;
}

enum err vault_round_clean(struct vault_round *r)
{
    TRY(vault_round_needs(r));
    vault_held_know(r->how->held, r->now);
    for (size_t i = 0; i < r->n; i++)
        if (r->places[i].state != PLACE_FAILED)
            r->places[i].state = PLACE_OPEN;
    vault_round_progress(r, "Looking for what nobody needs at your guardians' nodes");
    TRY(vault_pass_run(r, PLACE_OPEN, clean_step, 0));
    return vault_held_save(r->how->home, r->how->held, r->how->params->rng);
}
