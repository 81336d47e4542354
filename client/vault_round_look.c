/* SPDX-License-Identifier: Apache-2.0 */
#include "client/vault_round_part.h"

static bool same_hash(const uint8_t *a, const uint8_t *b)
{
    return bytes_equal(bytes_of(a, HASH_BYTES), bytes_of(b, HASH_BYTES));
}

static bool same_id(const uint8_t *a, const uint8_t *b)
{
    return bytes_equal(bytes_of(a, ID_BYTES), bytes_of(b, ID_BYTES));
}

/* ---- judging one head ---- */

enum vault_fault vault_head_judge(const struct vault_place *p,
                                  const struct rep_head_get *rep, struct vault_shown *out)
{
    struct vault_head h = { 0 };
    struct span mem = { out->mem, sizeof out->mem };
    if (vault_head_open(rep->head, &h) != OK)
        return VAULT_FORGED;
    if (!same_id(h.ward, p->g->ward))
        return VAULT_OTHER_WARD;
    if (h.version == 0 || h.version >= HEAD_MOST)
        return VAULT_BAD_VERSION;
    if (vault_state_open(p->round->keys, h.body, p->g->ward, mem, &out->state) != OK)
        return VAULT_SHUT;
    if (out->state.generation != p->round->how->me->me.vault_generation)
        return VAULT_SHUT; /* no node can make such a one: a device that lies */
    if (out->state.version == 0 || out->state.version >= VAULT_VERSION_MAX)
        return VAULT_BAD_VERSION;
    /* After it opened: what another root made is no stranger's (is_before). */
    if (vault_head_signer(&h, p->account) != OK)
        return VAULT_STRANGER;
    if (guardian_was_out(p->round->how->me, p->g->seat, &h))
        return VAULT_REMOVED;
    out->version = h.version;
    out->received = rep->received;
    vault_head_hash(rep->head, out->head);
    vault_state_hash(&out->state, out->hash);
    return VAULT_FINE;
}

struct held_seat *vault_place_held(struct vault_place *p, bool make)
{
    return vault_held_seat(p->round->how->held, p->g->seat, make);
}

/*
 * Against what it acknowledged, or showed, before. Out of a backup it is another
 * incarnation, and older: seen_hello names it for that. An old state in a new head is
 * old: whoever has it can put it in.
 */
static void judge_past(struct vault_place *p, uint64_t version, const uint8_t *head,
                       uint64_t height)
{
    const struct held_seat *s = vault_place_held(p, false);
    if (s == NULL || s->version == 0 || !same_id(s->ward, p->g->ward) ||
        !same_id(s->incarnation, p->call->hello.incarnation))
        return;
    if (version < s->version || height < s->height ||
        (version == s->version && !same_hash(head, s->head)))
        vault_place_fault(p, VAULT_WENT_BACK);
}

static void note_held(struct vault_place *p)
{
    struct held_seat *s = vault_place_held(p, true);
    uint64_t now = p->round->how->params->now();
    bool same = p->has_head && s->version == p->newest.version &&
                same_hash(s->head, p->newest.head) && same_id(s->ward, p->g->ward);
    s->list = same ? s->list : 0;
    s->saved = same ? s->saved : 0;
    memcpy(s->ward, p->g->ward, ID_BYTES);
    memcpy(s->incarnation, p->call->hello.incarnation, ID_BYTES);
    s->seen = now;
    s->version = p->has_head ? p->newest.version : 0;
    s->height = p->has_head ? p->newest.state.version : 0;
    memset(s->state, 0, HASH_BYTES);
    if (!p->has_head) {
        s->saved = 0;
        return;
    }
    memcpy(s->head, p->newest.head, HASH_BYTES);
    memcpy(s->state, p->newest.hash, HASH_BYTES);
}

/* Facts of whoever made that head; without them the head counts all the same. */
static void take_witness(struct vault_place *p, struct bytes sealed)
{
    AUTO_FREE uint8_t *mem = calloc(1, VAULT_WITNESS_MAX);
    struct span s = { mem, VAULT_WITNESS_MAX };
    if (mem == NULL || sealed.n == 0)
        return;
    if (vault_witness_open(p->round->keys, sealed, p->g->ward, s, &p->witness) == OK)
        p->witnessed = true;
    else
        vault_place_fault(p, VAULT_FORGED);
}

/*
 * Sealed under the key of a root before this one: what was there when we last looked, so
 * all of it is in ours; or a person says to write over it.
 */
static bool is_before(struct vault_place *p, const struct rep_head_get *rep)
{
    const struct held_seat *s = vault_place_held(p, false);
    struct vault_head h = { 0 };
    uint8_t hash[HASH_BYTES];
    if (vault_head_open(rep->head, &h) != OK || h.version != rep->version)
        return false;
    vault_head_hash(rep->head, hash);
    bool seen = s != NULL && s->version == h.version && same_hash(s->head, hash) &&
                vault_held_knows(p->round->how->held, s->state);
    if (!seen && !p->round->how->over)
        return false;
    p->newest = (struct vault_shown){ .version = h.version, .received = rep->received };
    memcpy(p->newest.head, hash, HASH_BYTES);
    if (!seen)
        return true;
    memcpy(p->newest.hash, s->state, HASH_BYTES);
    return true;
}

bool vault_place_shown(struct vault_place *p, const struct rep_head_get *rep)
{
    p->shown = true;
    p->used = rep->used;
    p->quota = rep->quota;
    p->has_head = rep->head.n > 0;
    p->witnessed = false;
    if (!p->has_head) {
        judge_past(p, 0, NULL, 0);
        note_held(p);
        return true;
    }
    enum vault_fault f = vault_head_judge(p, rep, &p->newest);
    if (f == VAULT_FINE && p->newest.version != rep->version)
        f = VAULT_BAD_VERSION;
    if (f == VAULT_SHUT && is_before(p, rep))
        return true;
    vault_place_fault(p, f);
    if (f != VAULT_FINE) {
        p->has_head = false;
        vault_place_fail(p, ERR_CORRUPT);
        return false;
    }
    judge_past(p, p->newest.version, p->newest.head, p->newest.state.version);
    take_witness(p, rep->witness);
    note_held(p);
    if (same_hash(p->newest.hash, p->round->now) && vault_place_held(p, true)->doubt == 0)
        vault_place_saved(p, true);
    return true;
}

void vault_place_saved(struct vault_place *p, bool whole)
{
    struct vault_round *r = p->round;
    struct held_seat *s = vault_place_held(p, true);
    bool known = s->saved != 0 && s->list != 0;
    p->state = PLACE_SAVED;
    if (known || !whole) {
        s->saved = whole ? s->saved : 0;
        return;
    }
    s->saved = r->how->params->now();
    if (r->needs.n == 0)
        return;
    s->list = vault_held_list(r->how->held, r->now, bytes_of(r->needs.p, r->needs.n));
}

/* ---- what one says of another ---- */

static const struct vault_sight *sight_of(const struct vault_witness *w,
                                          const struct vault_place *p)
{
    for (uint32_t i = 0; i < w->n_seats; i++)
        if (same_id(w->seats[i].seat, p->g->seat) &&
            same_id(w->seats[i].ward, p->g->ward))
            return &w->seats[i];
    return NULL;
}

static void judge_witness(struct vault_round *r, const struct vault_witness *w)
{
    for (size_t i = 0; i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        const struct vault_sight *s = p->shown ? sight_of(w, p) : NULL;
        uint64_t version = p->has_head ? p->newest.version : 0;
        uint64_t height = p->has_head ? p->newest.state.version : 0;
        if (s == NULL || !same_id(s->incarnation, p->call->hello.incarnation))
            continue;
        if (version < s->version || height < s->height)
            vault_place_fault(p, VAULT_WENT_BACK);
    }
}

static void judge_witnesses(struct vault_round *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->places[i].shown && r->places[i].witnessed)
            judge_witness(r, &r->places[i].witness);
}

/* ---- the look ---- */

static enum err look_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct vault_place *p = c->ctx;
    struct place_work *w = p->work;
    if (vault_place_turn(p, reply, out))
        return OK;
    if (reply != NULL)
        TRY(reply->err);
    if (vault_place_starts(reply)) {
        w->get = (struct req_head_get){ 0 };
        vault_place_send(p, MSG_HEAD_GET, &w->get, out);
        return OK;
    }
    MUST(reply != NULL);
    if (!vault_place_shown(p, reply->rep) || p->state == PLACE_SAVED)
        return OK;
    bool known = !p->has_head || vault_held_knows(p->round->how->held, p->newest.hash);
    p->state = known ? PLACE_LOOKED : PLACE_FOREIGN;
    return OK;
}

enum err vault_round_look(struct vault_round *r)
{
    for (size_t i = 0; i < r->n; i++) {
        r->places[i].state = PLACE_OPEN;
        r->places[i].shown = false;
    }
    enum err e = vault_round_needs(r);
    TRY(e == ERR_CORRUPT ? OK : e); /* what is missing here can come from there */
    vault_round_progress(r, "Asking your guardians' nodes for the vault");
    TRY(vault_pass_run(r, PLACE_OPEN, look_step, 0));
    judge_witnesses(r);
    return OK;
}

/* ---- earlier heads ---- */

static enum err log_step(struct call *c, const struct call_reply *reply,
                         struct call_send *out)
{
    struct vault_place *p = c->ctx;
    struct place_work *w = p->work;
    if (vault_place_turn(p, reply, out))
        return OK;
    if (reply != NULL)
        TRY(reply->err);
    if (reply != NULL && !vault_place_starts(reply)) {
        struct vault_shown *s = &p->log[p->n_log];
        const struct rep_head_get *rep = reply->rep;
        if (rep->head.n == 0)
            return OK;
        enum vault_fault f = vault_head_judge(p, rep, s);
        if (f == VAULT_FINE && s->version >= p->log[p->n_log - 1].version)
            f = VAULT_BAD_VERSION; /* it would have no end */
        vault_place_fault(p, f);
        if (f != VAULT_FINE)
            return OK;
        p->n_log++;
        vault_place_moved(p);
    }
    uint64_t below = p->log[p->n_log - 1].version - 1;
    if (below == 0 || p->n_log == VAULT_LOG_MAX)
        return OK;
    w->get = (struct req_head_get){ .version = below };
    vault_place_send(p, MSG_HEAD_GET, &w->get, out);
    return OK;
}

void vault_shown_copy(struct vault_shown *to, const struct vault_shown *from)
{
    *to = *from;
    if (from->state.device_name.n > 0)
        to->state.device_name.p = to->mem + (from->state.device_name.p - from->mem);
}

enum err vault_round_log(struct vault_round *r)
{
    enum place_state *states = calloc(r->n + 1, sizeof *states);
    enum err e = states != NULL ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        states[i] = p->state;
        p->n_log = 0;
        if (!p->has_head || p->state == PLACE_FAILED)
            continue;
        if (p->log == NULL)
            p->log = calloc(VAULT_LOG_MAX, sizeof *p->log);
        e = p->log != NULL ? OK : ERR_NOMEM;
        if (e != OK)
            break;
        vault_shown_copy(&p->log[p->n_log++], &p->newest);
        p->state = PLACE_OPEN;
    }
    if (e == OK)
        e = vault_pass_run(r, PLACE_OPEN, log_step, 0);
    /* Who falls silent here has said before what its newest is. */
    for (size_t i = 0; states != NULL && i < r->n; i++)
        r->places[i].state = states[i];
    free(states);
    return e;
}
