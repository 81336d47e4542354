/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guardian.h"

enum err owner_round_new(struct owner_round *r, size_t most, size_t visit_size)
{
    r->calls = calloc(most + 1, sizeof *r->calls);
    r->visits = calloc(most + 1, visit_size);
    r->visit_size = visit_size;
    r->most = most;
    if (r->calls == NULL || r->visits == NULL)
        return ERR_NOMEM;
    return secret_alloc((most + 1) * sizeof *r->keys, (void **)&r->keys);
}

enum err owner_round_add(struct owner_round *r, const struct root_key *root,
                         const struct day_guardian *g, call_step step, void **out_visit)
{
    MUST(r->n < r->most);
    struct call *c = &r->calls[r->n];
    TRY(guardian_account(root, g, &r->keys[r->n]));
    guardian_call_owner(c, g, &r->keys[r->n]);
    c->step = step;
    c->ctx = (uint8_t *)r->visits + r->n * r->visit_size;
    *out_visit = c->ctx;
    r->n++;
    return OK;
}

void owner_round_done(struct owner_round *r)
{
    if (r->visits != NULL)
        secret_wipe(r->visits, (r->most + 1) * r->visit_size);
    free(r->calls);
    free(r->visits);
    secret_free(r->keys);
}
