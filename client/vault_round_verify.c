/* SPDX-License-Identifier: Apache-2.0 */
#include "client/vault_round_part.h"

/* Every place says what it has of all that is needed, then gives some of it. */

static void ask_have(struct vault_place *p, struct call_send *out)
{
    struct vault_round *r = p->round;
    struct place_work *w = p->work;
    size_t n = r->needs.n / VAULT_ID - w->asked;
    n = n > HAVE_AT_ONCE ? HAVE_AT_ONCE : n;
    w->n_asked = n;
    w->have.ids = bytes_of(r->needs.p + w->asked * VAULT_ID, n * VAULT_ID);
    vault_place_send(p, MSG_VAULT_HAVE, &w->have, out);
}

static enum err took_have(struct vault_place *p, const struct rep_vault_have *rep)
{
    struct place_work *w = p->work;
    if (rep->bits.n != (w->n_asked + 7) / 8)
        return ERR_FORMAT;
    for (size_t i = 0; i < w->n_asked; i++) {
        bool has = rep->bits.p[i / 8] >> (i % 8) & 1;
        w->has[w->asked + i] = has;
        p->lacked += !has;
    }
    w->asked += w->n_asked;
    w->n_asked = 0;
    vault_place_moved(p);
    return OK;
}

/* The next objects of the sample, as many as one message is for. */
static bool ask_some(struct vault_place *p, struct call_send *out)
{
    struct vault_round *r = p->round;
    struct place_work *w = p->work;
    size_t n = r->needs.n / VAULT_ID;
    w->n_asked = 0;
    for (; w->sampled < n && w->n_asked < GET_AT_ONCE; w->sampled++) {
        if (!w->has[w->sampled] || !w->tried[w->sampled])
            continue;
        memcpy(w->ids + w->n_asked * VAULT_ID, r->needs.p + w->sampled * VAULT_ID,
               VAULT_ID);
        w->want[w->n_asked++] = w->sampled;
    }
    if (w->n_asked == 0)
        return false;
    w->fetch.ids = bytes_of(w->ids, w->n_asked * VAULT_ID);
    vault_place_send(p, MSG_VAULT_GET, &w->fetch, out);
    return true;
}

static enum err took_some(struct vault_place *p, struct bytes in)
{
    struct place_work *w = p->work;
    size_t n = 0;
    while (in.n > 0) {
        struct bytes object = { 0 };
        uint8_t id[VAULT_ID];
        if (n == w->n_asked || vault_frame_next(&in, &object) != OK)
            return ERR_FORMAT;
        vault_object_id(object, id);
        size_t at = w->want[n++];
        bool same = bytes_equal(BYTES_OF(id),
                                bytes_of(p->round->needs.p + at * VAULT_ID, VAULT_ID));
        if (object.n == 0)
            p->lacked++; /* it said that it has it */
        else if (!same)
            return ERR_AUTH;
        p->fetched += object.n > 0;
        p->round->moved += object.n;
        w->tried[at] = 0;
    }
    if (n == 0)
        return ERR_FORMAT;
    w->sampled = w->want[0]; /* what did not fit is asked again */
    vault_place_moved(p);
    return OK;
}

static enum err verify_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct vault_place *p = c->ctx;
    struct place_work *w = p->work;
    enum err e = OK;
    if (vault_place_turn(p, reply, out))
        return OK;
    if (reply != NULL)
        TRY(reply->err);
    if (reply == NULL || vault_place_starts(reply))
        w->n_asked = 0;
    else if (reply->kind == MSG_VAULT_HAVE)
        e = took_have(p, reply->rep);
    else
        e = took_some(p, ((const struct rep_vault_get *)reply->rep)->objects);
    if (e == ERR_AUTH || e == ERR_FORMAT)
        vault_place_fault(p, VAULT_BAD_OBJECT);
    TRY(e);
    vault_round_progress(p->round, "Comparing");
    if (w->asked < p->round->needs.n / VAULT_ID)
        ask_have(p, out);
    else
        (void)ask_some(p, out);
    return OK;
}

/* Also one that lacked something the last time. */
static bool shows_ours(const struct vault_place *p)
{
    return (p->state == PLACE_SAVED || p->state == PLACE_LOOKED) && p->has_head &&
           bytes_equal(BYTES_OF(p->newest.hash), BYTES_OF(p->round->now));
}

/* Other ones at each place, drawn with every run. */
static void draw_sample(struct vault_place *p, bool all)
{
    struct vault_round *r = p->round;
    size_t n = r->needs.n / VAULT_ID;
    memset(p->work->tried, all || n <= VAULT_SAMPLE, n);
    for (size_t i = 0; !all && n > VAULT_SAMPLE && i < VAULT_SAMPLE; i++) {
        uint64_t drawn = 0;
        rng_fill(r->how->params->rng, &drawn, sizeof drawn);
        p->work->tried[drawn % n] = 1;
    }
}

enum err vault_round_verify(struct vault_round *r, bool all)
{
    size_t n = r->needs.n / VAULT_ID;
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        struct place_work *w = p->work;
        if (!shows_ours(p))
            continue;
        free(w->has);
        free(w->tried);
        w->has = calloc(n + 1, 1);
        w->tried = calloc(n + 1, 1);
        if (w->has == NULL || w->tried == NULL)
            return ERR_NOMEM;
        w->asked = w->sampled = p->lacked = p->fetched = 0;
        draw_sample(p, all);
        p->state = PLACE_OPEN;
    }
    TRY(vault_pass_run(r, PLACE_OPEN, verify_step,
                       all ? (uint64_t)n * VAULT_OBJECT_MAX : 0));
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        if (p->state != PLACE_OPEN)
            continue;
        struct held_seat *s = vault_place_held(p, true);
        if (p->lacked == 0) {
            s->doubt = 0;
            vault_place_saved(p, true);
            continue;
        }
        /* The next push asks what it has, and gives it the rest. */
        vault_place_fault(p, VAULT_LOST);
        p->state = PLACE_SAVED;
        s->saved = 0;
        s->list = 0;
        s->doubt = 1;
    }
    return OK;
}
