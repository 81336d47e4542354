/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"

/* Ways back of one ward that end now: links, codes, sheets. Not the roster's: without it
 * one guardian could not lead to the others. */
struct ending {
    uint8_t ids[GUARD_WAYS_MAX][ID_BYTES];
    size_t n;
    struct req_cred_list list;
    struct rep_cred_list rep;
};

static bool ends(const struct cred_line *cred, const struct guard_ward *w)
{
    return (cred->type == CRED_RESTORE || cred->type == CRED_SHEET) &&
           bytes_equal(BYTES_OF(cred->ward), BYTES_OF(w->line.ward));
}

static enum err list_page(struct desk *d, struct day_seat *s, const struct guard_ward *w,
                          struct ending *e)
{
    struct call call = { 0 };

    enum err err = guard_send(d->ctx->params, s, MSG_CRED_LIST, &e->list, &e->rep,
                              sizeof e->rep, &call);
    if (err != OK)
        return desk_failed(d, s, &call, err);
    for (uint32_t i = 0; i < e->rep.n_creds; i++) {
        memcpy(e->list.after, e->rep.creds[i].id, ID_BYTES);
        if (ends(&e->rep.creds[i], w) && e->n < GUARD_WAYS_MAX)
            memcpy(e->ids[e->n++], e->rep.creds[i].id, ID_BYTES);
    }
    return OK;
}

static enum err drop_one(struct desk *d, struct day_seat *s, const uint8_t id[ID_BYTES])
{
    struct req_cred_drop req = { 0 };
    struct rep_cred_drop rep = { 0 };
    struct call call = { 0 };

    rng_fill(d->ctx->params->rng, req.op, ID_BYTES);
    memcpy(req.id, id, ID_BYTES);
    enum err e =
        guard_send(d->ctx->params, s, MSG_CRED_DROP, &req, &rep, sizeof rep, &call);
    return e == OK || e == ERR_UNKNOWN ? OK : desk_failed(d, s, &call, e);
}

enum err guard_ways_end(struct desk *d, const struct guard_ward *w)
{
    AUTO_FREE struct ending *e = calloc(1, sizeof *e);
    struct day_seat *s = &d->day->seats[w->seat];
    char name[NAME_TEXT];

    if (e == NULL)
        return ERR_NOMEM;
    term_progress(d->t, "Telling the node …");
    do
        TRY(list_page(d, s, w, e));
    while (e->rep.more != 0 && e->rep.n_creds > 0);
    for (size_t i = 0; i < e->n; i++)
        TRY(drop_one(d, s, e->ids[i]));
    if (d->t->json) {
        term_json(d->t, "ended",
                  json_pack("{s:o, s:I}", "ward", json_hex(w->line.ward, ID_BYTES),
                            "links", (json_int_t)e->n));
        return OK;
    }
    desk_name(d, w->seat, w->line.ward, name);
    term_say(d->t,
             "%zu links, codes and sheets of %s end now at your node. Requests that are "
             "open stay: kith guard. A new link: kith guard link",
             e->n, name);
    return OK;
}
