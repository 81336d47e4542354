/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_sheet.h"

#include <stdio.h>

/* ---- one conversation ---- */

/* What is asked in it. */
enum phase { PHASE_MAKE, PHASE_LIST, PHASE_DROP, PHASE_LOOK };

/* One node's part; heap, wiped. */
struct visit {
    const struct params *p;
    struct sheet_line *line;
    struct day_guardian *g;
    enum phase phase;
    struct req_cred_new make;
    struct req_cred_list list;
    struct req_cred_drop drop;
    uint8_t ids[SHEET_OLD_MAX][ID_BYTES];
    size_t n;
    size_t at;
};

static void send_it(struct call_send *out, uint16_t kind, const void *req)
{
    *out = (struct call_send){ .kind = kind, .req = req };
}

static enum err deposit_step(struct call *c, const struct call_reply *reply,
                             struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply != NULL)
        return reply->err;
    send_it(out, MSG_CRED_NEW, &v->make);
    return OK;
}

static void send_list(struct visit *v, enum phase phase, struct call_send *out)
{
    v->phase = phase;
    v->list = (struct req_cred_list){ 0 };
    send_it(out, MSG_CRED_LIST, &v->list);
}

/* The next of those that were listed; behind the last, when all of them end. */
static void send_drop(struct visit *v, struct call_send *out)
{
    v->phase = PHASE_DROP;
    if (v->at == v->n) {
        send_list(v, PHASE_LOOK, out);
        return;
    }
    rng_fill(v->p->rng, v->drop.op, ID_BYTES);
    memcpy(v->drop.id, v->ids[v->at++], ID_BYTES);
    send_it(out, MSG_CRED_DROP, &v->drop);
}

static void take_cred(struct visit *v, const struct cred_line *cred)
{
    struct sheet_line *l = v->line;

    if (cred->type != CRED_SHEET)
        return;
    if (v->phase == PHASE_LIST && v->n < SHEET_OLD_MAX)
        memcpy(v->ids[v->n++], cred->id, ID_BYTES);
    if (v->phase == PHASE_LOOK) {
        l->found++;
        l->ends = cred->expires > l->ends ? cred->expires : l->ends;
    }
}

/* True when that was the last page. */
static bool take_list(struct visit *v, const struct rep_cred_list *rep,
                      struct call_send *out)
{
    for (uint32_t i = 0; i < rep->n_creds; i++) {
        memcpy(v->list.after, rep->creds[i].id, ID_BYTES);
        take_cred(v, &rep->creds[i]);
    }
    if (rep->more == 0 || rep->n_creds == 0)
        return true;
    send_it(out, MSG_CRED_LIST, &v->list);
    return false;
}

/* List, drop each (those that end already too: that changes nothing), list again. */
static enum err revoke_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply == NULL) {
        send_list(v, PHASE_LIST, out);
        return OK;
    }
    if (reply->kind == MSG_CRED_DROP) {
        /* Its guardian may have been faster. */
        if (reply->err != ERR_UNKNOWN)
            TRY(reply->err);
        send_drop(v, out);
        return OK;
    }
    TRY(reply->err);
    if (take_list(v, reply->rep, out) && v->phase == PHASE_LIST)
        send_drop(v, out);
    return OK;
}

/* ---- a round ---- */

static bool has_seat(const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->n_node > 0 && g->progress >= GUARDIAN_ENROLLED;
}

static enum err round_add(const struct seal_work *w, struct sheet *s,
                          struct owner_round *r, struct day_guardian *g, call_step step)
{
    void *visit = NULL;

    s->lines[s->n] = (struct sheet_line){ .g = g };
    TRY(owner_round_add(r, &w->unlocked->root, g, step, &visit));
    *(struct visit *)visit =
        (struct visit){ .p = w->params, .line = &s->lines[s->n++], .g = g };
    return OK;
}

static enum err round_of(const struct seal_work *w, struct sheet *s, call_step step,
                         struct owner_round *r)
{
    TRY(owner_round_new(r, w->day->n_guardians, sizeof(struct visit)));
    for (size_t i = 0; i < w->day->n_guardians; i++)
        if (has_seat(&w->day->guardians[i]))
            TRY(round_add(w, s, r, &w->day->guardians[i], step));
    return OK;
}

static enum err round_go(const struct seal_work *w, struct owner_round *r)
{
    const struct visit *visits = r->visits;
    char who[NAME_MAX_BYTES + 16];

    TRY(call_round(r->calls, r->n, w->params->round_ms, w->params->rng));
    for (size_t i = 0; i < r->n; i++) {
        struct sheet_line *l = visits[i].line;

        guardian_seen(visits[i].g, &r->calls[i], w->params->now());
        l->err = r->calls[i].err;
        if (l->err == OK)
            continue;
        (void)snprintf(who, sizeof who, "%.*s's node", (int)l->g->name.n,
                       (const char *)l->g->name.p);
        call_sentence(&r->calls[i], who, l->why, sizeof l->why);
    }
    return home_day_save(w->home, w->day, w->params->rng);
}

/* ---- deposit, link, revoke ---- */

static enum err make_all(const struct seal_work *w, const struct sheet *s,
                         struct owner_round *r)
{
    AUTO_SECRET struct guardian_pass *pass = NULL;

    TRY(secret_new(&pass));
    struct visit *visits = r->visits;
    for (size_t i = 0; i < r->n; i++) {
        struct visit *v = &visits[i];

        TRY(guardian_pass(&w->unlocked->root, v->g, STANDING_SHEET, s->drawn, pass));
        guardian_pass_req(pass, STANDING_SHEET, &v->make);
        rng_fill(w->params->rng, v->make.op, ID_BYTES);
    }
    return OK;
}

enum err sheet_deposit(const struct seal_work *w, struct sheet *out)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };

    *out = (struct sheet){ .number = w->day->me.next_sheet };
    /* A home that came out of a backup, or back by a restore, counts anew: by its count
     * it would make a sheet valid again that was revoked. */
    rng_fill(w->params->rng, &out->drawn, sizeof out->drawn);
    TRY(round_of(w, out, deposit_step, &r));
    TRY(make_all(w, out, &r));
    w->day->me.next_sheet++;
    TRY(home_day_save(w->home, w->day, w->params->rng));
    return round_go(w, &r);
}

/* One that is reached from everywhere, where there is one. */
static enum err best_address(const struct day_node *node, struct address *out)
{
    bool found = false;

    for (uint32_t i = 0; i < node->n_addresses; i++) {
        struct address a = { 0 };

        if (address_get(node->addresses[i].at, &a) != OK)
            continue;
        if (!found || !address_is_private(&a))
            *out = a;
        found = true;
        if (!address_is_private(&a))
            return OK;
    }
    return found ? OK : ERR_UNKNOWN;
}

enum err sheet_link(const struct seal_work *w, const struct sheet *s,
                    const struct sheet_line *line, char *out)
{
    AUTO_SECRET struct guardian_pass *pass = NULL;
    AUTO_SECRET struct link *link = NULL;
    const struct day_node *node = &line->g->node[0];

    TRY(secret_new(&pass));
    TRY(secret_new(&link));
    TRY(guardian_pass(&w->unlocked->root, line->g, STANDING_SHEET, s->drawn, pass));
    link->type = LINK_RESTORE;
    TRY(best_address(node, &link->address));
    memcpy(link->node_key, node->node_key, PUB_BYTES);
    memcpy(link->token, pass->shown.p, TOKEN_BYTES);
    ident_fingerprint(line->g->sign_pub, line->g->seal_pub, link->fp);
    return link_format(link, out, LINK_TEXT);
}

enum err sheet_revoke(const struct seal_work *w, struct sheet *out)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };

    *out = (struct sheet){ .number = w->day->me.next_sheet };
    TRY(round_of(w, out, revoke_step, &r));
    return round_go(w, &r);
}
