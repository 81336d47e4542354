/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guard_part.h"

struct fetch {
    struct day *day;
    struct rep_drill_list *out;
    struct req_drill_list req;
};

static enum err fetch_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out_send)
{
    struct fetch *f = c->ctx;

    if (reply == NULL) {
        *out_send = (struct call_send){ MSG_DRILL_LIST, &f->req };
        return OK;
    }
    TRY(reply->err);
    *f->out = *(const struct rep_drill_list *)reply->rep;
    f->out->box_piece = day_keep(f->day, f->out->box_piece);
    f->out->manifest = day_keep(f->day, f->out->manifest);
    return OK;
}

enum err guard_drill_fetch(const struct params *p, struct day *d, struct day_seat *s,
                           const uint8_t ward[ID_BYTES], struct rep_drill_list *out,
                           struct call *out_call)
{
    AUTO_FREE struct rep_drill_list *got = calloc(1, sizeof *got);
    struct fetch f = { .day = d, .out = got };

    if (got == NULL)
        return ERR_NOMEM;
    memcpy(f.req.ward, ward, ID_BYTES);
    TRY(guard_talk_once(p, s, fetch_step, &f, out_call));
    if (got->n_lines != 1 || got->lines[0].answered != 0)
        return ERR_UNKNOWN;
    if (!bytes_equal(BYTES_OF(got->lines[0].ward), bytes_of(ward, ID_BYTES)))
        return ERR_FORMAT;
    *out = *got;
    return OK;
}

enum err guard_drill_answer(const struct guard_who *who,
                            const struct rep_drill_list *drill, const struct params *p,
                            struct req_drill_answer *out)
{
    const struct drill_line *line = &drill->lines[0];
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    AUTO_SECRET struct guard_piece *piece = NULL;
    AUTO_SECRET struct sign_seed *seed = NULL;
    struct view_epoch epoch = { .epoch = line->epoch };
    struct rep_box_get box = { .epoch = line->epoch,
                               .group = drill->group,
                               .index = drill->index,
                               .box_piece = drill->box_piece,
                               .manifest = drill->manifest };
    struct drill over = { .epoch = line->epoch, .time = p->now() };

    if (m == NULL)
        return ERR_NOMEM;
    if (drill->n_lines != 1 || box.box_piece.n == 0)
        return ERR_UNKNOWN;
    TRY(secret_new(&piece));
    TRY(secret_new(&seed));
    memcpy(epoch.manifest_hash, line->manifest_hash, HASH_BYTES);
    TRY(guard_open_whole(who, &epoch, &box, m, piece));
    memcpy(over.ward, line->ward, ID_BYTES);
    memcpy(over.manifest_hash, line->manifest_hash, HASH_BYTES);
    memcpy(over.challenge, line->challenge, sizeof over.challenge);
    *out = (struct req_drill_answer){ .time = over.time };
    rng_fill(p->rng, out->op, ID_BYTES);
    memcpy(out->ward, line->ward, ID_BYTES);
    memcpy(out->challenge, line->challenge, sizeof out->challenge);
    piece_seed(piece->piece, seed);
    drill_sign(seed, &over, out->sig);
    return OK;
}
