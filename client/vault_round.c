/* SPDX-License-Identifier: Apache-2.0 */
#include "client/vault_round_part.h"

#define TEXT(b) (int)(b).n, (const char *)(b).p

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

/* ---- faults ---- */

const char *vault_fault_name(unsigned fault)
{
    static const char *const names[VAULT_FAULTS] = {
        [VAULT_FORGED] = "forged",           [VAULT_OTHER_WARD] = "other-ward",
        [VAULT_BAD_VERSION] = "bad-version", [VAULT_SHUT] = "does-not-open",
        [VAULT_BAD_OBJECT] = "bad-object",   [VAULT_LOST] = "lost-objects",
        [VAULT_WENT_BACK] = "went-back",     [VAULT_STRANGER] = "stranger",
        [VAULT_REMOVED] = "removed-device",
    };
    return fault < VAULT_FAULTS ? names[fault] : NULL;
}

const char *vault_fault_text(unsigned fault)
{
    static const char *const texts[VAULT_FAULTS] = {
        [VAULT_FINE] = "is fine",
        [VAULT_FORGED] = "shows a vault that is not signed as it should be",
        [VAULT_OTHER_WARD] = "shows the vault of somebody else",
        [VAULT_BAD_VERSION] = "shows a vault with a number that cannot be",
        [VAULT_SHUT] = "shows a vault that your key does not open",
        [VAULT_BAD_OBJECT] = "gave something other than what was asked for",
        [VAULT_LOST] = "does not have all of the vault that it shows",
        [VAULT_WENT_BACK] = "shows an older vault than it acknowledged",
        [VAULT_STRANGER] = "shows a vault that none of your devices signed",
        [VAULT_REMOVED] = "shows a vault of a device that you removed before",
    };
    return texts[fault < VAULT_FAULTS ? fault : VAULT_FINE];
}

void vault_place_fault(struct vault_place *p, enum vault_fault f)
{
    if (f == VAULT_FINE || p->fault != VAULT_FINE)
        return;
    p->fault = f;
    (void)snprintf(p->why, sizeof p->why, "%.*s's node %s.", TEXT(p->g->name),
                   vault_fault_text(f));
}

void vault_place_fail(struct vault_place *p, enum err e)
{
    p->state = PLACE_FAILED;
    p->err = e;
    if (p->why[0] == 0)
        (void)snprintf(p->why, sizeof p->why, "%.*s's node says: %s", TEXT(p->g->name),
                       err_text(e));
}

/* ---- a round ---- */

static bool speaks(const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->progress == GUARDIAN_READY && g->n_node == 1;
}

void vault_round_free(struct vault_round *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; r->places != NULL && i < r->n; i++) {
        struct vault_place *p = &r->places[i];
        if (p->work != NULL) {
            free(p->work->has);
            free(p->work->tried);
            home_blob_free(&p->work->theirs);
            home_blob_free(&p->work->junk);
        }
        free(p->work);
        free(p->log);
    }
    free(r->places);
    free(r->calls);
    secret_free(r->keys);
    secret_free(r->seat_keys);
    secret_free(r->owner_keys);
    secret_free(r->signers);
    home_blob_free(&r->needs);
    free(r);
}

static enum err keys_make(struct vault_round *r)
{
    AUTO_SECRET struct vault_key *key = NULL;
    if (r->how->me->me.vault_generation == 0)
        return ERR_STATE;
    TRY(secret_new(&key));
    memcpy(key->b, r->how->me->me.vault_key, KEY_BYTES);
    TRY(secret_new(&r->keys));
    vault_keys_of(key, r->keys);
    return OK;
}

static enum err place_add(struct vault_round *r, struct day_guardian *g)
{
    struct vault_place *p = &r->places[r->n];
    *p = (struct vault_place){ .round = r, .g = g, .signer = &r->signers[r->n] };
    p->work = calloc(1, sizeof *p->work);
    if (p->work == NULL)
        return ERR_NOMEM;
    size_t at = r->n++;
    if (r->how->root == NULL) {
        memcpy(p->signer->b, g->dev_sign, KEY_BYTES);
        memcpy(p->account, g->account, PUB_BYTES);
        return OK;
    }
    TRY(guardian_account(r->how->root, g, &r->owner_keys[at]));
    memcpy(p->signer->b, r->owner_keys[at].sign.b, KEY_BYTES);
    crypt_sign_public(p->signer, p->account);
    return OK;
}

enum err vault_round_new(const struct vault_how *how, struct vault_round **out)
{
    AUTO_ROUND struct vault_round *r = calloc(1, sizeof *r);
    size_t most = how->among->n_guardians + 1;
    if (r == NULL)
        return ERR_NOMEM;
    r->how = how;
    if (vault_now(how->vault)->version == 0)
        how->held->n_known = 0; /* what was joined here once is here no more */
    r->places = calloc(most, sizeof *r->places);
    r->calls = calloc(most, sizeof *r->calls);
    if (r->places == NULL || r->calls == NULL)
        return ERR_NOMEM;
    TRY(keys_make(r));
    TRY(secret_alloc(most * sizeof *r->signers, (void **)&r->signers));
    if (how->root != NULL)
        TRY(secret_alloc(most * sizeof *r->owner_keys, (void **)&r->owner_keys));
    else
        TRY(secret_alloc(most * sizeof *r->seat_keys, (void **)&r->seat_keys));
    for (size_t i = 0; i < how->among->n_guardians; i++)
        if (speaks(&how->among->guardians[i]))
            TRY(place_add(r, &how->among->guardians[i]));
    *out = r;
    r = NULL; /* the caller's now */
    return OK;
}

size_t vault_round_answered(const struct vault_round *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->places[i].talked;
    return n;
}

void vault_round_progress(const struct vault_round *r, const char *what)
{
    if (r->how->term == NULL)
        return;
    if (r->moved < 1024 * 1024)
        term_progress(r->how->term, "%s …", what);
    else
        term_progress(r->how->term, "%s … %u MiB", what, (unsigned)(r->moved >> 20));
}

/* ---- the conversation of a place ---- */

void vault_place_send(struct vault_place *p, uint16_t kind, const void *req,
                      struct call_send *out)
{
    p->work->last = (struct call_send){ .kind = kind, .req = req };
    *out = p->work->last;
}

void vault_place_moved(struct vault_place *p)
{
    p->work->progress++;
    p->work->waits = 0;
    p->work->waited_ms = 0;
}

bool vault_place_starts(const struct call_reply *reply)
{
    return reply == NULL || reply->kind == MSG_SEAT_INFO;
}

static bool wait_for(struct vault_place *p, uint32_t retry_ms)
{
    struct place_work *w = p->work;
    uint32_t ms = retry_ms < WAIT_LEAST_MS ? WAIT_LEAST_MS : retry_ms;
    ms = ms > WAIT_MOST_MS ? WAIT_MOST_MS : ms;
    if (w->waits == WAITS_MAX || w->waited_ms > WAITED_MAX_MS)
        return false;
    w->waits++;
    w->waited_ms += ms;
    w->waiting = true;
    p->call->wait_ms = ms;
    return true;
}

bool vault_place_turn(struct vault_place *p, const struct call_reply *reply,
                      struct call_send *out)
{
    struct place_work *w = p->work;
    if (reply == NULL && w->waiting) {
        w->waiting = false;
        *out = w->last;
        return true;
    }
    if (reply == NULL && p->round->how->root != NULL && is_zero(p->g->ward, ID_BYTES)) {
        vault_place_send(p, MSG_SEAT_INFO, &w->info, out);
        return true;
    }
    if (reply == NULL)
        return false;
    if (reply->err == ERR_BUSY)
        return wait_for(p, reply->retry_ms);
    if (reply->kind == MSG_SEAT_INFO && reply->err == OK)
        memcpy(p->g->ward, ((const struct rep_seat_info *)reply->rep)->ward, ID_BYTES);
    return false;
}

/* ---- passes: a pass is one conversation with each place ---- */

static void call_make(struct vault_round *r, size_t i, struct call *c, call_step step)
{
    struct vault_place *p = &r->places[i];
    if (r->how->root != NULL)
        guardian_call_owner(c, p->g, &r->owner_keys[i]);
    else
        guardian_call_device(c, p->g, &r->seat_keys[i]);
    c->step = step;
    c->ctx = p;
    c->idle_ms = r->how->params->round_ms * 2;
    p->call = c;
    p->work->progress = 0;
    p->work->waiting = false;
}

/* Cut, or late, but further than before: it is asked again. */
static bool goes_on(struct vault_place *p)
{
    struct place_work *w = p->work;
    if (w->progress == 0)
        return false;
    if (p->call->err == ERR_TIMEOUT)
        return w->late++ < LATE_MAX;
    return p->call->err == ERR_CLOSED;
}

static void call_ended(struct vault_place *p, enum place_state which)
{
    char who[NAME_MAX_BYTES + 16];
    p->talked = p->talked || p->call->stage >= CALL_TALKING;
    guardian_seen(p->g, p->call, p->round->how->params->now());
    if (p->call->err == OK || goes_on(p))
        return;
    (void)snprintf(who, sizeof who, "%.*s's node", TEXT(p->g->name));
    if (p->why[0] == 0)
        call_sentence(p->call, who, p->why, sizeof p->why);
    if (p->state == which)
        vault_place_fail(p, p->call->err);
}

static uint32_t deadline(const struct vault_round *r, uint64_t bytes)
{
    uint64_t ms = r->how->params->round_ms * 3 + bytes / SLOWEST * 1000;
    return ms > PASS_MOST_MS ? PASS_MOST_MS : (uint32_t)ms;
}

enum err vault_pass_run(struct vault_round *r, enum place_state which, call_step step,
                        uint64_t bytes)
{
    const struct params *params = r->how->params;
    bool *done = calloc(r->n + 1, sizeof *done);
    enum err e = done != NULL ? OK : ERR_NOMEM;
    for (int pass = 0; e == OK && pass < VAULT_PASSES; pass++) {
        size_t n = 0;
        for (size_t i = 0; i < r->n; i++)
            if (!done[i] && r->places[i].state == which)
                call_make(r, i, &r->calls[n++], step);
        if (n == 0)
            break;
        e = call_round(r->calls, n, deadline(r, bytes), params->rng);
        for (size_t k = 0; e == OK && k < n; k++) {
            struct vault_place *p = r->calls[k].ctx;
            call_ended(p, which);
            done[p - r->places] = p->call->err == OK || p->state != which;
        }
    }
    free(done);
    return e;
}

/* ---- ids ---- */

static int compare_ids(const void *a, const void *b)
{
    return bytes_order(bytes_of(a, VAULT_ID), bytes_of(b, VAULT_ID));
}

size_t vault_ids_find(const uint8_t *ids, size_t n, const uint8_t id[VAULT_ID])
{
    const uint8_t *at = n > 0 ? bsearch(id, ids, n, VAULT_ID, compare_ids) : NULL;
    return at != NULL ? (size_t)(at - ids) / VAULT_ID : n;
}

enum err vault_round_needs(struct vault_round *r)
{
    home_blob_free(&r->needs);
    vault_state_hash(vault_now(r->how->vault), r->now);
    return vault_needs(r->how->vault, &r->needs);
}
