/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guardians said and nodes acknowledged, as somebody with the root account shows it
 * to a node: the owner what is so, a thief whatever he can make, borrow or hear.
 */
#include "node/change.h"
#include "tests/sim/people.h"

enum { SIGNED = 1024 };

static struct buf *say(struct people *p, const struct made *m, const struct sign_seed *by,
                       struct cert *cert)
{
    static uint8_t raw[2 * SEATS][SIGNED];
    static struct buf out[2 * SEATS];
    struct statement s = { .kind = REQUEST_CONFIRM,
                           .purpose = PURPOSE_EPOCH,
                           .n_epochs = 1,
                           .how = HOW_CALLED,
                           .time = p->w.now };
    struct buf *b = &out[cert->n_lines];

    *b = (struct buf){ .p = raw[cert->n_lines], .cap = SIGNED };
    s.epochs[0] = (struct statement_epoch){ .epoch = m->c.m.epoch, .opened = 1 };
    memcpy(s.epochs[0].manifest_hash, m->c.hash, HASH_BYTES);
    memcpy(s.subject, m->c.hash, HASH_BYTES);
    rng_fill(&p->w.rng, s.request, ID_BYTES);
    rng_fill(&p->w.rng, s.req_sign, PUB_BYTES);
    statement_make(&s, by, b);
    cert->lines[cert->n_lines++].statement = buf_bytes(b);
    return b;
}

/* All who confirmed it; thief: and those he made up. */
struct bytes people_of(struct people *p, const struct made *m, bool thief)
{
    static uint8_t mem[CERT_PEOPLE_MAX];
    static struct cert cert;
    struct buf out = BUF_OF(mem);

    cert = (struct cert){ 0 };
    for (size_t i = 0; i < p->n; i++) {
        const struct seat *s = &p->seats[i];

        /* Of before there were new keys: by those of that time. */
        if ((m->said >> i & 1) != 0)
            (void)say(p, m, s->joined != 0 ? &m->said_by[i] : &s->o.approval, &cert);
        if (thief)
            (void)say(p, m, &p->thief_people[i], &cert);
    }
    cert_put(&cert, &out);
    return buf_bytes(&out);
}

/*
 * Of the other nodes that have it; a thief's are as if all had it: but for this one's,
 * their keys are the owner's own here.
 */
static struct bytes machines_of(struct people *p, const struct made *m, size_t seat,
                                bool thief)
{
    static uint8_t raw[SEATS][SIGNED];
    static uint8_t mem[CERT_MACHINES_MAX];
    struct cert_acks acks = { 0 };
    struct buf out = BUF_OF(mem);

    for (size_t i = 0; i < p->n; i++) {
        struct ack ack = { .state = EPOCH_ACTIVE,
                           .epoch = m->c.m.epoch,
                           .time = p->w.now };
        struct buf b = BUF_OF(raw[i]);
        struct sign_seed seed;

        if (i == seat || (!thief && (p->wards[i].held >> (m - p->made) & 1) == 0))
            continue;
        memcpy(ack.manifest_hash, m->c.hash, HASH_BYTES);
        piece_seed(m->c.pieces[i], &seed);
        ack_make(&ack, &seed, &b);
        acks.acks[acks.n_acks++].ack = buf_bytes(&b);
    }
    cert_acks_put(&acks, &out);
    return buf_bytes(&out);
}

/* Whoever brought that epoch wants the ones before it gone. */
static const struct sim_login *account(const struct people *p, const struct made *m,
                                       size_t seat)
{
    return m->thief ? &p->seats[seat].robbed.login : &p->seats[seat].o.login;
}

static enum err own_ack(struct people *p, const struct made *m, size_t seat,
                        struct cert_acks *io, uint8_t mem[SIGNED])
{
    struct req_epoch_state req = { 0 };
    AUTO_FREE struct rep_epoch_state *rep = calloc(1, sizeof *rep);

    MUST(rep != NULL);
    TRY(world_ask(&p->w, p->seats[seat].house, account(p, m, seat), MSG_EPOCH_STATE, &req,
                  rep));
    for (uint32_t i = 0; i < rep->n_epochs; i++) {
        if (rep->epochs[i].epoch != m->c.m.epoch || rep->epochs[i].ack.n > SIGNED ||
            rep->epochs[i].ack.n == 0)
            continue;
        memcpy(mem, rep->epochs[i].ack.p, rep->epochs[i].ack.n);
        io->acks[io->n_acks++].ack = bytes_of(mem, rep->epochs[i].ack.n);
    }
    return OK;
}

enum err people_retire_req(struct people *p, const struct made *m, size_t seat,
                           bool thief, struct req_retire *out)
{
    static uint8_t mem[CERT_MACHINES_MAX];
    static uint8_t own[SIGNED];
    struct cert_acks acks = { 0 };
    struct buf all = BUF_OF(mem);

    *out = (struct req_retire){ .epoch = m->c.m.epoch };
    MUST(wire_get(&cert_acks_schema, machines_of(p, m, seat, thief), &acks) == OK);
    enum err e = own_ack(p, m, seat, &acks, own);

    cert_acks_put(&acks, &all);
    out->machines = buf_bytes(&all);
    out->people = people_of(p, m, thief);
    rng_fill(&p->w.rng, out->op, ID_BYTES);
    memcpy(out->manifest_hash, m->c.hash, HASH_BYTES);
    return e;
}

enum err people_retire(struct people *p, const struct made *m, size_t seat, bool thief)
{
    struct req_retire req;
    struct rep_retire rep = { 0 };

    TRY(people_retire_req(p, m, seat, thief, &req));
    return world_ask(&p->w, p->seats[seat].house, account(p, m, seat), MSG_RETIRE, &req,
                     &rep);
}
