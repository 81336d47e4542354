/* SPDX-License-Identifier: Apache-2.0 */
#include "node/change_part.h"
#include "node/drop.h"
#include "node/request.h"

/* ---- what was shown ---- */

/* This seat's own guardian may end it here alone, whatever the epochs are. */
static bool said_here(const struct record_ward *ward, const struct cert *people,
                      uint64_t since)
{
    struct statement s = { 0 };

    for (uint32_t i = 0; i < people->n_lines; i++)
        if (statement_open(people->lines[i].statement, ward->approval, &s) == OK &&
            s.kind == REQUEST_CONFIRM && s.purpose == PURPOSE_END && s.time >= since)
            return true;
    return false;
}

static enum err check_own(const struct record_ward *ward, struct bytes people,
                          uint64_t since)
{
    AUTO_FREE struct cert *cert = calloc(1, sizeof *cert);

    if (cert == NULL)
        return ERR_NOMEM;
    TRY(cert_get(people, cert));
    return said_here(ward, cert, since) ? OK : ERR_CERT;
}

/* People of the newest confirmed epoch; where there is none, only the one here. */
static enum err check_people(struct call *c, const struct record_ward *ward,
                             struct bytes people)
{
    struct cert_rule rule = { .purpose = PURPOSE_END };
    const struct descriptor *d = NULL;
    struct cert_verdict v = { 0 };
    struct record_epoch e = { 0 };

    if (people.n == 0)
        return ward->epochs == 0 && ward->vault == 0 && ward->end_cancelled == 0
                   ? OK
                   : ERR_CERT;
    rule.since = c->now > CERT_LIFE_S ? c->now - CERT_LIFE_S : 0;
    /* Taken back, it takes new words: else it could be planned and alerted for ever. */
    if (ward->end_cancelled != 0 && rule.since <= ward->end_cancelled)
        rule.since = ward->end_cancelled + 1;
    enum err got = ward_confirmed(c, ward->ward, 0, &e);
    if (got == OK) {
        TRY(ward_descriptor(c, &e, &d));
        TRY(cert_people(d, &rule, people, &v));
    } else if (got != ERR_UNKNOWN) {
        return got;
    }
    return v.enough ? OK : check_own(ward, people, rule.since);
}

/* ---- the end ---- */

static enum err receipt(struct call *c, const struct record_ward *ward, struct bytes *out)
{
    struct ended_receipt r = { .time = ward->left };
    struct buf b = scratch_buf(c);

    memcpy(r.ward, ward->ward, ID_BYTES);
    memcpy(r.manifest_hash, ward->left_hash, HASH_BYTES);
    memcpy(r.incarnation, c->env->id->incarnation, ID_BYTES);
    ended_receipt_make(&r, &c->env->id->sign, &b);
    return scratch_keep(c, &b, out);
}

enum err change_end_tick(struct call *c, struct record_ward *ward, size_t *io_n)
{
    bool may = false;

    TRY(change_may(c, ward, ward->end_due, &may));
    if (!may)
        return OK;
    (*io_n)++;
    return ward_leave(c, ward, REC_WARD_ENDED);
}

static enum err plan(struct call *c, struct record_ward *ward, struct bytes people)
{
    bool asked = false; /* all the same */

    TRY(record_changeable(ward, c->now));
    if (ward->end_due != 0)
        return OK;
    TRY(check_people(c, ward, people));
    /* It needs no further word: nobody is asked for one. */
    TRY(request_take_back_end(c, ward->ward, c->now, &asked));
    ward->end_due = c->now + DUAL_TIME_S;
    ward->unsure |= c->env->clock == CLOCK_FROZEN;
    TRY(ward_put(c, ward));
    return drop_tell(c, ward, REC_END_PLANNED, NULL, 0);
}

/*
 * Nothing is lost by it, so neither a freeze nor a new root stands in its way. Whatever
 * was planned, asked for or said until now is over.
 */
static enum err take_back(struct call *c, struct record_ward *ward)
{
    bool planned = ward->end_due != 0;
    bool asked = false;

    TRY(request_take_back_end(c, ward->ward, ward->end_cancelled, &asked));
    if (!planned && !asked)
        return OK;
    ward->end_due = 0;
    ward->end_cancelled = c->now;
    TRY(ward_put(c, ward));
    return planned ? drop_tell(c, ward, REC_END_CANCELLED, NULL, 0) : OK;
}

static enum err end_by_owner(struct call *c, const struct req_ward_end *req,
                             struct rep_ward_end *rep)
{
    struct record_ward ward = { 0 };

    TRY(ward_visible(c, req->ward, &ward));
    if (ward.left != 0) {
        rep->left = ward.left;
        rep->due = ward.end_due;
        return receipt(c, &ward, &rep->receipt);
    }
    TRY(req->cancel != 0 ? take_back(c, &ward) : plan(c, &ward, req->people));
    rep->due = ward.end_due;
    return OK;
}

enum err change_ward_end(struct call *c, const struct req_ward_end *req,
                         struct rep_ward_end *rep)
{
    if (c->who->role != ROLE_GUARDIAN)
        return end_by_owner(c, req, rep);
    /* What they give up is gone at once, and there is no plan to take back. */
    return req->cancel != 0 ? ERR_REFUSED : request_ward_end(c, req, rep);
}
