/* SPDX-License-Identifier: Apache-2.0 */
#include "client/vault_round_part.h"

static bool same_hash(const uint8_t *a, const uint8_t *b)
{
    return bytes_equal(bytes_of(a, HASH_BYTES), bytes_of(b, HASH_BYTES));
}

static size_t n_needs(const struct vault_round *r)
{
    return r->needs.n / VAULT_ID;
}

static const uint8_t *need_at(const struct vault_round *r, size_t i)
{
    return r->needs.p + i * VAULT_ID;
}

/* ---- what is known of a node ---- */

/* What it has is asked anew. */
static void forget_has(struct vault_place *p)
{
    struct place_work *w = p->work;
    if (n_needs(p->round) > 0)
        memset(w->has, 0, n_needs(p->round));
    w->asked = 0;
    w->next = 0;
    w->n_batch = 0;
    w->missing = 0;
}

/* The list of what it holds, if that is kept and its head is that one. */
static const struct held_list *list_of(struct vault_place *p)
{
    const struct held_seat *s = vault_held_of(p->round->how->held, p->g);
    if (s == NULL || s->list == 0 || s->version != p->work->version ||
        !same_hash(s->head, p->work->head))
        return NULL;
    return &p->round->how->held->lists[s->list - 1];
}

static void take_list(struct vault_place *p)
{
    struct vault_round *r = p->round;
    struct place_work *w = p->work;
    const struct held_list *l = list_of(p);
    forget_has(p);
    if (l == NULL)
        return;
    for (size_t i = 0; i < n_needs(r); i++)
        w->has[i] = vault_ids_find(l->ids.p, l->ids.n / VAULT_ID, need_at(r, i)) <
                    l->ids.n / VAULT_ID;
    w->asked = n_needs(r);
}

/* By what it acknowledged: then one message can be enough. */
static void expect(struct vault_place *p)
{
    const struct held_seat *s = vault_held_of(p->round->how->held, p->g);
    struct place_work *w = p->work;
    w->fresh = false;
    w->newer = 0;
    if (s == NULL || s->version == 0 || s->list == 0 ||
        same_hash(s->state, p->round->now) ||
        !vault_held_knows(p->round->how->held, s->state))
        return;
    w->version = s->version;
    memcpy(w->head, s->head, HASH_BYTES);
    w->fresh = true;
    take_list(p);
}

/* ---- what is sent ---- */

static void ask_head(struct vault_place *p, struct call_send *out)
{
    p->work->get = (struct req_head_get){ 0 };
    vault_place_send(p, MSG_HEAD_GET, &p->work->get, out);
}

static void ask_have(struct vault_place *p, struct call_send *out)
{
    struct place_work *w = p->work;
    size_t n = n_needs(p->round) - w->asked;
    n = n > HAVE_AT_ONCE ? HAVE_AT_ONCE : n;
    w->n_asked = n;
    w->have.ids = bytes_of(need_at(p->round, w->asked), n * VAULT_ID);
    vault_place_send(p, MSG_VAULT_HAVE, &w->have, out);
}

/* Objects it lacks, one message full; those that are not here either are counted. */
static enum err fill(struct vault_place *p)
{
    struct vault_round *r = p->round;
    struct place_work *w = p->work;
    struct buf out = BUF_OF(w->objects);
    w->n_batch = 0;
    w->missing = 0;
    for (size_t i = w->next; i < n_needs(r) && w->n_batch < PUT_AT_ONCE; i++) {
        AUTO_BLOB struct home_blob object = { 0 };
        if (w->has[i])
            continue;
        enum err e = vault_object(r->how->vault, need_at(r, i), &object);
        if (e == ERR_UNKNOWN || e == ERR_CORRUPT) {
            w->missing++;
            continue;
        }
        TRY(e);
        if (out.n + 4 + object.n > out.cap)
            break;
        vault_frame_put(bytes_of(object.p, object.n), &out);
        w->batch[w->n_batch++] = i;
    }
    MUST(!out.over);
    w->objects_n = out.n;
    return OK;
}

/* True if the batch is all that it lacks yet. */
static bool is_last(const struct vault_place *p)
{
    const struct place_work *w = p->work;
    size_t from = w->n_batch > 0 ? w->batch[w->n_batch - 1] + 1 : w->next;
    size_t left = 0;
    for (size_t i = from; i < n_needs(p->round); i++)
        left += !w->has[i];
    return w->objects_n <= VAULT_HEAD_OBJECTS && (left == 0 || w->n_batch == 0);
}

static void make_witness(struct vault_place *p, const struct vault_state *of,
                         struct buf *out)
{
    AUTO_FREE struct vault_witness *w = calloc(1, sizeof *w);
    const struct vault_round *r = p->round;
    const struct vault_held *held = r->how->held;
    const struct day_me *me = &r->how->me->me;
    MUST(w != NULL);
    vault_state_hash(of, w->state);
    w->version = of->version;
    w->made = r->how->params->now();
    w->epoch = me->epoch;
    memcpy(w->manifest_hash, me->manifest_hash, HASH_BYTES);
    for (size_t i = 0; i < held->n && w->n_seats < PIECES_MAX; i++) {
        const struct held_seat *s = &held->seats[i];
        if (s->version == 0 || !vault_held_knows(held, s->state))
            continue;
        struct vault_sight *sight = &w->seats[w->n_seats++];
        *sight = (struct vault_sight){ .version = s->version, .seen = s->seen };
        sight->height = s->height;
        memcpy(sight->ward, s->ward, ID_BYTES);
        memcpy(sight->seat, s->seat, SEAT_BYTES);
        memcpy(sight->state, s->state, HASH_BYTES);
        memcpy(sight->incarnation, s->incarnation, ID_BYTES);
    }
    vault_witness_seal(r->keys, w, p->g->ward, r->how->params->rng, out);
}

/* What it holds for the state before, and nobody needs now. */
static struct bytes make_dropped(struct vault_place *p)
{
    struct vault_round *r = p->round;
    const struct held_list *l = list_of(p);
    AUTO_BLOB struct home_blob unneeded = { 0 };
    struct buf out = BUF_OF(p->work->dropped);
    struct bytes from = { 0 };
    if (l != NULL)
        from = bytes_of(l->ids.p, l->ids.n);
    else if (vault_unneeded(r->how->vault, &unneeded) == OK)
        from = bytes_of(unneeded.p, unneeded.n);
    for (size_t at = 0; at + VAULT_ID <= from.n && out.n < out.cap; at += VAULT_ID)
        if (vault_ids_find(r->needs.p, n_needs(r), from.p + at) == n_needs(r))
            buf_put(&out, bytes_of(from.p + at, VAULT_ID));
    return buf_bytes(&out);
}

void vault_place_head(struct vault_place *p, const struct vault_state *s)
{
    struct vault_round *r = p->round;
    struct place_work *w = p->work;
    const struct rng *rng = r->how->params->rng;
    struct buf body = BUF_OF(w->sealed);
    struct buf head = BUF_OF(w->signed_head);
    struct buf witness = BUF_OF(w->witness);
    struct vault_head h = { .version = w->version + 1 };
    vault_state_seal(r->keys, s, p->g->ward, rng, &body);
    memcpy(h.ward, p->g->ward, ID_BYTES);
    memcpy(h.before, w->head, HASH_BYTES);
    h.body = buf_bytes(&body);
    crypt_sign_public(p->signer, h.signer);
    if (r->how->root == NULL)
        memcpy(h.let_in, p->g->dev_let_in, SIG_BYTES);
    vault_head_make(&h, p->signer, &head);
    make_witness(p, s, &witness);
    MUST(!body.over && !head.over && !witness.over);
    w->signed_n = head.n;
    w->set =
        (struct req_head_set){ .head = buf_bytes(&head), .witness = buf_bytes(&witness) };
    rng_fill(rng, w->set.op, ID_BYTES);
    r->commits++;
}

static void send_head(struct vault_place *p, struct call_send *out)
{
    struct place_work *w = p->work;
    vault_place_head(p, vault_now(p->round->how->vault));
    w->set.objects = bytes_of(w->objects, w->objects_n);
    w->set.dropped = make_dropped(p);
    vault_place_send(p, MSG_HEAD_SET, &w->set, out);
}

static enum err push_next(struct vault_place *p, struct call_send *out)
{
    struct vault_round *r = p->round;
    struct place_work *w = p->work;
    if (w->asked < n_needs(r)) {
        ask_have(p, out);
        return OK;
    }
    TRY(fill(p));
    if (is_last(p)) {
        send_head(p, out);
        return OK;
    }
    w->put.objects = bytes_of(w->objects, w->objects_n);
    rng_fill(r->how->params->rng, w->put.op, ID_BYTES);
    r->commits++;
    vault_place_send(p, MSG_VAULT_PUT, &w->put, out);
    return OK;
}

/* ---- what is answered ---- */

static enum err took_have(struct vault_place *p, const struct rep_vault_have *rep)
{
    struct place_work *w = p->work;
    if (rep->bits.n != (w->n_asked + 7) / 8)
        return ERR_FORMAT;
    for (size_t i = 0; i < w->n_asked; i++)
        w->has[w->asked + i] = rep->bits.p[i / 8] >> (i % 8) & 1;
    w->asked += w->n_asked;
    vault_place_moved(p);
    return OK;
}

static void took_batch(struct vault_place *p)
{
    struct place_work *w = p->work;
    for (size_t i = 0; i < w->n_batch; i++)
        w->has[w->batch[i]] = 1;
    if (w->missing == 0 && w->n_batch > 0)
        w->next = w->batch[w->n_batch - 1] + 1;
    vault_place_moved(p);
    p->round->moved += w->objects_n;
    w->n_batch = 0;
}

static enum err took_head(struct vault_place *p)
{
    struct vault_round *r = p->round;
    struct place_work *w = p->work;
    struct held_seat *s = vault_place_held(p, true);
    r->moved += w->objects_n;
    memcpy(s->ward, p->g->ward, ID_BYTES);
    memcpy(s->incarnation, p->call->hello.incarnation, ID_BYTES);
    s->version = w->version + 1;
    vault_head_hash(bytes_of(w->signed_head, w->signed_n), s->head);
    memcpy(s->state, r->now, HASH_BYTES);
    s->height = vault_now(r->how->vault)->version;
    s->seen = r->how->params->now();
    s->saved = 0;
    s->list = 0;
    s->doubt = 0;
    vault_place_saved(p, w->missing == 0);
    if (w->missing > 0)
        (void)snprintf(p->why, sizeof p->why,
                       "%zu parts of the vault are neither at %.*s's node nor here.",
                       w->missing, (int)p->g->name.n, (const char *)p->g->name.p);
    return OK;
}

/* After HEAD_GET: goes on where its state is one that ours contains. */
static enum err took_shown(struct vault_place *p, const struct rep_head_get *rep,
                           struct call_send *out)
{
    struct place_work *w = p->work;
    if (!vault_place_shown(p, rep) || p->state == PLACE_SAVED)
        return OK;
    if (p->has_head && !p->round->how->over &&
        !vault_held_knows(p->round->how->held, p->newest.hash)) {
        p->state = PLACE_FOREIGN;
        return OK;
    }
    w->fresh = true;
    w->version = p->has_head ? p->newest.version : 0;
    memset(w->head, 0, HASH_BYTES);
    if (p->has_head)
        memcpy(w->head, p->newest.head, HASH_BYTES);
    take_list(p);
    return push_next(p, out);
}

static enum err took_newer(struct vault_place *p, struct call_send *out)
{
    struct place_work *w = p->work;
    w->fresh = false;
    if (w->newer++ == NEWER_MAX)
        return ERR_NEWER;
    ask_head(p, out);
    return OK;
}

static enum err push_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct vault_place *p = c->ctx;
    struct place_work *w = p->work;
    if (vault_place_turn(p, reply, out))
        return OK;
    if (vault_place_starts(reply)) {
        if (reply != NULL)
            TRY(reply->err);
        if (w->fresh)
            return push_next(p, out);
        ask_head(p, out);
        return OK;
    }
    if (reply->kind == MSG_HEAD_SET && reply->err == ERR_NEWER)
        return took_newer(p, out);
    TRY(reply->err);
    switch (reply->kind) {
    case MSG_HEAD_GET:
        return took_shown(p, reply->rep, out);
    case MSG_VAULT_HAVE:
        TRY(took_have(p, reply->rep));
        return push_next(p, out);
    case MSG_VAULT_PUT:
        took_batch(p);
        vault_round_progress(p->round, "Saving the vault at your guardians' nodes");
        return push_next(p, out);
    default:
        return took_head(p);
    }
}

/* ---- all of them ---- */

static enum err push_pass(struct vault_round *r)
{
    const struct vault_state *now = vault_now(r->how->vault);
    TRY(vault_round_needs(r));
    vault_held_know(r->how->held, r->now);
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        struct place_work *w = p->work;
        if (p->state == PLACE_FAILED)
            continue;
        p->state = PLACE_OPEN;
        free(w->has);
        w->has = calloc(n_needs(r) + 1, 1);
        if (w->has == NULL)
            return ERR_NOMEM;
        forget_has(p);
        expect(p);
    }
    vault_round_progress(r, "Saving the vault at your guardians' nodes");
    return vault_pass_run(r, PLACE_OPEN, push_step,
                          now->bytes + (uint64_t)n_needs(r) * 4096);
}

static bool any_foreign(const struct vault_round *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->places[i].state == PLACE_FOREIGN)
            return true;
    return false;
}

/* What every node was told to drop need not be told again. */
static enum err told(struct vault_round *r)
{
    AUTO_BLOB struct home_blob ids = { 0 };
    for (size_t i = 0; i < r->n; i++)
        if (r->places[i].state != PLACE_SAVED)
            return OK;
    TRY(vault_unneeded(r->how->vault, &ids));
    return ids.n == 0 || ids.n > VAULT_DROP_MAX * VAULT_ID
               ? OK
               : vault_told(r->how->vault, bytes_of(ids.p, ids.n));
}

static bool is_empty(const struct vault_round *r)
{
    return vault_now(r->how->vault)->version == 0;
}

/* Nothing is here, or no more: what nodes have comes; an empty state goes nowhere. */
static enum err fetch(struct vault_round *r)
{
    TRY(vault_round_look(r));
    TRY(vault_round_join(r));
    return r->shrinks && !r->how->shrink_ok ? ERR_STATE : OK;
}

enum err vault_round_push(struct vault_round *r)
{
    const struct vault_how *how = r->how;
    enum err e = is_empty(r) ? fetch(r) : OK;
    for (int turn = 0; e == OK && !is_empty(r) && turn < VAULT_TURNS; turn++) {
        e = push_pass(r);
        if (e != OK || !any_foreign(r))
            break;
        e = vault_round_join(r);
        if (e == OK && r->shrinks && !how->shrink_ok)
            e = ERR_STATE;
    }
    if (e == OK)
        e = told(r);
    enum err kept = vault_held_save(how->home, how->held, how->params->rng);
    return e != OK ? e : kept;
}
