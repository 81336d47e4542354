/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guard_part.h"

/* ---- fetching ---- */

struct fetch {
    struct day *day;
    struct bytes proof;
    struct req_epoch_state req;
};

static enum err fetch_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out_send)
{
    struct fetch *f = c->ctx;

    if (reply == NULL) {
        *out_send = (struct call_send){ MSG_EPOCH_STATE, &f->req };
        return OK;
    }
    TRY(reply->err);
    f->proof = day_keep(f->day, ((const struct rep_epoch_state *)reply->rep)->proof);
    return OK;
}

enum err guard_move_fetch(const struct params *p, struct day *d, struct day_seat *s,
                          const uint8_t ward[ID_BYTES], struct bytes *out_proof,
                          struct call *out_call)
{
    struct fetch f = { .day = d, .req = { .want = EPOCH_WANT_MOVE } };

    memcpy(f.req.ward, ward, ID_BYTES);
    TRY(guard_talk_once(p, s, fetch_step, &f, out_call));
    *out_proof = f.proof;
    return OK;
}

/* ---- judging ---- */

/* The manifest that a MOVE is judged by, out of this guardian's own box. */
static enum err manifest_of(const struct guard_case *c, const struct guard_who *who,
                            const struct move *m, struct manifest *out)
{
    AUTO_SECRET struct guard_piece *piece = NULL;
    uint32_t i = 0;

    while (i < c->n_boxes && !bytes_equal(BYTES_OF(c->view.epochs[i].manifest_hash),
                                          BYTES_OF(m->manifest_hash)))
        i++;
    if (i == c->n_boxes || c->box_err[i] != OK)
        return ERR_UNKNOWN;
    TRY(secret_new(&piece));
    TRY(guard_open_whole(who, &c->view.epochs[i], &c->boxes[i], out, piece));
    return piece->by_before ? ERR_CERT : OK;
}

enum err guard_move_judge(const struct guard_case *c, const struct guard_who *who,
                          struct bytes proof, struct move *out)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    struct move_proof p = { 0 };
    struct move move = { 0 };

    if (m == NULL || d == NULL)
        return ERR_NOMEM;
    if (proof.n == 0)
        return ERR_UNKNOWN;
    TRY(move_proof_get(proof, &p));
    TRY(move_open(p.move, &move));
    if (!bytes_equal(BYTES_OF(move.circle), BYTES_OF(who->circle)) ||
        !bytes_equal(BYTES_OF(move.old_owner), BYTES_OF(who->owner)))
        return ERR_CERT;
    TRY(manifest_of(c, who, &move, m));
    descriptor_of(m, move.manifest_hash, d);
    /* However long ago: the node may have shown it to nobody for months. */
    return move_judge(d, &p, 0, true, out);
}
