/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guard_part.h"

/* ---- fetching ---- */

struct fetch {
    struct day *day;
    struct guard_past *out;
    bool moved; /* there is a MOVE to ask for */
    struct req_epoch_state req;
};

static void got_cert(struct fetch *f, const struct rep_epoch_state *rep)
{
    f->out->cert_epoch = rep->cert_epoch;
    memcpy(f->out->cert_hash, rep->cert_hash, HASH_BYTES);
    f->out->people = day_keep(f->day, rep->proof);
}

static enum err fetch_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out_send)
{
    struct fetch *f = c->ctx;

    if (reply != NULL) {
        TRY(reply->err);
        if (f->req.want == EPOCH_WANT_MOVE) {
            f->out->proof =
                day_keep(f->day, ((const struct rep_epoch_state *)reply->rep)->proof);
            return OK;
        }
        got_cert(f, reply->rep);
        if (!f->moved)
            return OK;
        f->req.want = EPOCH_WANT_MOVE;
    }
    *out_send = (struct call_send){ MSG_EPOCH_STATE, &f->req };
    return OK;
}

enum err guard_past_fetch(const struct params *p, struct day *d, struct day_seat *s,
                          const struct ward_line *ward, struct guard_past *out,
                          struct call *out_call)
{
    struct fetch f = { .day = d,
                       .out = out,
                       .moved = ward->moved != 0,
                       .req = { .want = EPOCH_WANT_CERT } };

    *out = (struct guard_past){ 0 };
    memcpy(f.req.ward, ward->ward, ID_BYTES);
    return guard_talk_once(p, s, fetch_step, &f, out_call);
}

/* ---- by whose word ---- */

enum err guard_people(const struct guard_case *c, const struct guard_who *who, uint32_t i,
                      struct descriptor *out)
{
    AUTO_SECRET struct guard_piece *piece = NULL;
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);

    if (m == NULL)
        return ERR_NOMEM;
    if (i >= c->n_boxes || c->box_err[i] != OK)
        return ERR_UNKNOWN;
    TRY(secret_new(&piece));
    TRY(guard_open_whole(who, &c->view.epochs[i], &c->boxes[i], m, piece));
    if (piece->by_before)
        return ERR_CONFLICT;
    descriptor_of(m, c->view.epochs[i].manifest_hash, out);
    return OK;
}

/* The oldest that opens: what nobody confirmed comes after what somebody did. */
static enum err oldest(const struct guard_case *c, const struct guard_who *who,
                       struct descriptor *io)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);

    if (d == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < c->n_boxes; i++) {
        enum err e = guard_people(c, who, i, d);

        if (e == ERR_NOMEM)
            return e;
        if (e == OK && (io->n_groups == 0 || d->epoch < io->epoch))
            *io = *d;
    }
    return OK;
}

/* The later one that a certificate by people of io leads to. */
static enum err follow(const struct guard_case *c, const struct guard_who *who,
                       const struct guard_past *past, struct descriptor *io)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    struct cert_rule rule = { .purpose = PURPOSE_EPOCH, .epoch = past->cert_epoch };
    struct cert_verdict v = { 0 };
    uint32_t i = 0;

    if (d == NULL)
        return ERR_NOMEM;
    while (i < c->n_boxes && !bytes_equal(BYTES_OF(c->view.epochs[i].manifest_hash),
                                          BYTES_OF(past->cert_hash)))
        i++;
    enum err e = guard_people(c, who, i, d);
    if (e != OK || d->epoch != past->cert_epoch)
        return e == ERR_NOMEM ? e : OK;
    memcpy(rule.subject, past->cert_hash, HASH_BYTES);
    e = cert_people(io, &rule, past->people, &v);
    if (e == OK && v.enough)
        *io = *d;
    return e == ERR_NOMEM ? e : OK;
}

enum err guard_judges(const struct guard_case *c, const struct guard_who *who,
                      const struct guard_past *past, struct descriptor *io)
{
    if (io->n_groups == 0)
        TRY(oldest(c, who, io));
    if (io->n_groups == 0 || past->people.n == 0 || past->cert_epoch <= io->epoch)
        return OK;
    return follow(c, who, past, io);
}

/* ---- a new root ---- */

enum err guard_move_judge(const struct descriptor *judges, const struct guard_who *who,
                          struct bytes proof, struct move *out)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    struct move_proof p = { 0 };
    struct move move = { 0 };

    if (d == NULL)
        return ERR_NOMEM;
    if (proof.n == 0 || judges->n_groups == 0)
        return ERR_UNKNOWN;
    TRY(move_proof_get(proof, &p));
    TRY(move_open(p.move, &move));
    if (!bytes_equal(BYTES_OF(move.circle), BYTES_OF(who->circle)) ||
        !bytes_equal(BYTES_OF(move.old_owner), BYTES_OF(who->owner)))
        return ERR_CERT;
    /* Whichever epoch it names: who speaks for the root are the people known here. */
    *d = *judges;
    d->epoch = move.epoch;
    memcpy(d->manifest_hash, move.manifest_hash, HASH_BYTES);
    /* However long ago: the node may have shown it to nobody for months. */
    return move_judge(d, &p, 0, true, out);
}
