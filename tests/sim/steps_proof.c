/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's proofs: CHECK against what was sealed, DRILL against the piece key; a disk
 * that rots, and a hoster who answers for a guardian who did not.
 */
#include <stdlib.h>

#include "node/ward.h"
#include "tests/sim/steps.h"

enum { PARTS = 5 };

static const enum object order[PARTS] = { OBJECT_BOX_PIECE, OBJECT_BOX_ROSTER,
                                          OBJECT_MANIFEST, OBJECT_ROSTER,
                                          OBJECT_DESCRIPTOR };

/* What the owner sealed for a seat, as it was acknowledged. */
static void copy_of(const struct made *m, size_t seat, struct bytes out[PARTS])
{
    const struct sent *s = &m->sent[seat];

    out[0] = bytes_of(s->b[0], s->n[0]);
    out[1] = bytes_of(s->b[1], s->n[1]);
    out[2] = bytes_of(m->manifest, m->manifest_n);
    out[3] = bytes_of(m->roster, m->roster_n);
    out[4] = bytes_of(s->b[2], s->n[2]);
}

/* ---- what is on the disk ---- */

struct disk_job {
    struct people *p;
    const struct made *m;
    size_t seat;
    bool whole;
    enum object rots;
};

static struct call call_at(struct disk_job *j, struct txn *t, uint8_t *mem)
{
    struct house *h = &j->p->w.houses[j->p->seats[j->seat].house];

    return (struct call){ .txn = t,
                          .env = &h->n.env,
                          .now = h->n.now,
                          .mem = { .p = mem, .cap = SCRATCH_BYTES } };
}

static enum err read_disk(struct txn *t, void *arg)
{
    struct disk_job *j = arg;
    AUTO_FREE uint8_t *mem = calloc(1, SCRATCH_BYTES);
    struct call c = call_at(j, t, mem);
    struct bytes copy[PARTS];

    MUST(mem != NULL);
    copy_of(j->m, j->seat, copy);
    j->whole = copy[0].n > 0;
    for (size_t i = 0; i < PARTS && j->whole; i++) {
        struct bytes is = { 0 };

        j->whole = ward_object(&c, j->p->seats[j->seat].o.ward, j->m->c.m.epoch, order[i],
                               &is) == OK &&
                   bytes_equal(is, copy[i]);
    }
    return OK;
}

/* Byte for byte, whatever the node says. */
static bool is_whole(struct people *p, const struct made *m, size_t seat)
{
    struct disk_job j = { .p = p, .m = m, .seat = seat };

    MUST(store_read(p->w.houses[p->seats[seat].house].n.store, read_disk, &j) == OK);
    return j.whole;
}

/* Under the store's own seal, so that only the data key's shows it. */
static enum err rot(struct txn *t, void *arg)
{
    struct disk_job *j = arg;
    struct txn_key key =
        key_object(j->p->seats[j->seat].o.ward, j->m->c.m.epoch, j->rots);
    AUTO_FREE uint8_t *raw = calloc(1, PEER_BODY_MAX);
    size_t n = 0;

    MUST(raw != NULL);
    TRY(txn_get(t, TAB_OBJECT, key_bytes(&key), (struct span){ raw, PEER_BODY_MAX }, &n));
    raw[world_draw(&j->p->w, (uint32_t)n)] ^= 1;
    return txn_put(t, TAB_OBJECT, key_bytes(&key), bytes_of(raw, n));
}

/* One seat is lost by it: as many as any circle can lose. */
bool step_disk_rots(struct people *p)
{
    struct disk_job j = { .p = p, .seat = world_draw(&p->w, (uint32_t)p->n) };
    size_t e = world_draw(&p->w, (uint32_t)p->n_made);

    for (size_t h = 0; h < p->w.n_houses; h++)
        if (p->w.houses[h].back || p->w.houses[h].down)
            return false;
    for (size_t i = 0; i < p->n; i++)
        if (seat_is_lost(p, i))
            return false;
    if (p->made[e].thief || (p->wards[j.seat].held >> e & 1) == 0)
        return false;
    j.m = &p->made[e];
    j.rots = order[world_draw(&p->w, PARTS)];
    struct store *store = p->w.houses[p->seats[j.seat].house].n.store;

    if (store_write(store, rot, &j) != OK)
        return false;
    world_tell(&p->w, "object %u of epoch %zu rots on %s's disk", (unsigned)j.rots, e + 1,
               seat_name(j.seat));
    p->wards[j.seat].rot |= 1U << e;
    return true;
}

/* ---- CHECK ---- */

static bool is_held(const struct people *p, size_t e, size_t seat)
{
    return (p->wards[seat].held >> e & 1) != 0 && (p->wards[seat].rot >> e & 1) == 0;
}

static void judge_check(struct people *p, size_t e, size_t seat, bool green)
{
    bool whole = is_whole(p, &p->made[e], seat);

    if (green != whole)
        world_broken(&p->w, "proofs_tell", "%s's node, which %s epoch %zu, is %s",
                     seat_name(seat), whole ? "has" : "has not", e + 1,
                     green ? "green" : "red");
    if (!green && is_held(p, e, seat))
        world_broken(&p->w, "said_done_survives", "%s's node has lost epoch %zu",
                     seat_name(seat), e + 1);
}

bool step_owner_checks(struct people *p)
{
    size_t i = world_draw(&p->w, (uint32_t)p->n);
    size_t e = world_draw(&p->w, (uint32_t)p->n_made);
    struct req_check req = { .epoch = p->made[e].c.m.epoch };
    struct rep_check rep = { 0 };
    struct bytes copy[PARTS];
    uint8_t want[HASH_BYTES];

    copy_of(&p->made[e], i, copy);
    if (copy[0].n == 0 || p->made[e].thief)
        return false;
    rng_fill(&p->w.rng, req.nonce, sizeof req.nonce);
    check_digest(req.nonce, copy, PARTS, want);
    enum err got =
        world_ask(&p->w, p->seats[i].house, &p->seats[i].device, MSG_CHECK, &req, &rep);
    bool green = got == OK && bytes_equal(BYTES_OF(want), BYTES_OF(rep.epoch));

    world_tell(&p->w, "the owner checks epoch %zu at %s's node: %s, %s", e + 1,
               seat_name(i), err_name(got), green ? "green" : "red");
    if (got == OK)
        judge_check(p, e, i, green);
    else if (got != ERR_UNREACHABLE && got != ERR_CLOSED)
        world_broken(&p->w, "proofs_tell", "%s's node: %s", seat_name(i), err_name(got));
    return true;
}

/* ---- DRILL ---- */

/* What is asked of a guardian, and by whom it is answered. */
struct drill_case {
    struct people *p;
    const struct made *m;
    size_t seat;
    uint8_t challenge[32];
    struct req_drill_answer answer;
};

static enum err ask_for_it(struct drill_case *d)
{
    const struct seat *s = &d->p->seats[d->seat];
    struct req_drill_ask req = { .epoch = d->m->c.m.epoch };

    rng_fill(&d->p->w.rng, req.op, ID_BYTES);
    rng_fill(&d->p->w.rng, req.challenge, sizeof req.challenge);
    memcpy(d->challenge, req.challenge, sizeof req.challenge);
    return world_ask(&d->p->w, s->house, &s->device, MSG_DRILL_ASK, &req, NULL);
}

/* Whoever has the guardian's conversation sends an answer of the time before. */
static enum err answer_again(struct drill_case *d)
{
    struct seat *s = &d->p->seats[d->seat];

    if (s->drilled.time == 0)
        return ERR_UNKNOWN;
    d->answer = s->drilled;
    rng_fill(&d->p->w.rng, d->answer.op, ID_BYTES);
    memcpy(d->answer.ward, s->o.ward, ID_BYTES);
    memcpy(d->answer.challenge, d->challenge, sizeof d->challenge);
    return world_ask(&d->p->w, s->house, &s->g.login, MSG_DRILL_ANSWER, &d->answer, NULL);
}

/* What the owner makes of what stands there now. */
static bool is_green(struct drill_case *d, enum err *out_err)
{
    const struct seat *s = &d->p->seats[d->seat];
    AUTO_FREE struct rep_drill_list *rep = calloc(1, sizeof *rep);
    struct req_drill_list req = { 0 };
    struct drill over = { .epoch = d->m->c.m.epoch };

    MUST(rep != NULL);
    *out_err = world_ask(&d->p->w, s->house, &s->device, MSG_DRILL_LIST, &req, rep);
    if (*out_err != OK || rep->n_lines != 1 || rep->lines[0].answered == 0)
        return false;
    over.time = rep->lines[0].time;
    memcpy(over.ward, s->o.ward, ID_BYTES);
    memcpy(over.manifest_hash, d->m->c.hash, HASH_BYTES);
    memcpy(over.challenge, d->challenge, sizeof d->challenge);
    return drill_verify(d->m->c.m.pieces[d->seat].piece_key, &over, rep->lines[0].sig) ==
           OK;
}

static void judge_drill(struct drill_case *d, bool opened)
{
    enum err e = OK;
    bool green = is_green(d, &e);

    world_tell(&d->p->w, "the owner sees a drill of epoch %u at %s's: %s, %s",
               (unsigned)d->m->c.m.epoch, seat_name(d->seat), err_name(e),
               green ? "green" : "red");
    if (e == OK && green != opened)
        world_broken(&d->p->w, "proofs_tell", "%s, who %s the piece, is %s",
                     seat_name(d->seat), opened ? "opened" : "did not open",
                     green ? "green" : "red");
}

/* Their program opens the piece, or a hoster hopes that an old answer will do. */
static void answer(struct drill_case *d)
{
    size_t e = (size_t)(d->m - d->p->made);
    bool sits = world_chance(&d->p->w, 2, 3);
    enum err got = sits ? guardian_drills(d->p, d->seat, &d->answer) : answer_again(d);
    bool can = guardian_can(d->p, d->seat) && is_held(d->p, e, d->seat);

    world_tell(&d->p->w, "%s: %s",
               sits ? seat_name(d->seat) : "a hoster answers with what was once said",
               err_name(got));
    if (got == ERR_UNREACHABLE || got == ERR_CLOSED)
        return;
    if (sits && got == OK)
        d->p->seats[d->seat].drilled = d->answer;
    if (sits && got != OK && can)
        world_broken(&d->p->w, "proofs_tell", "%s cannot drill: %s", seat_name(d->seat),
                     err_name(got));
    judge_drill(d, sits && got == OK);
}

bool step_owner_drills(struct people *p)
{
    struct drill_case d = { .p = p, .seat = world_draw(&p->w, (uint32_t)p->n) };
    size_t e = world_draw(&p->w, (uint32_t)p->n_made);

    d.m = &p->made[e];
    if (p->made[e].thief || (p->wards[d.seat].held >> e & 1) == 0)
        return false;
    enum err got = ask_for_it(&d);

    world_tell(&p->w, "the owner asks %s for a drill of epoch %zu: %s", seat_name(d.seat),
               e + 1, err_name(got));
    if (got == OK)
        answer(&d);
    else if (got != ERR_UNREACHABLE && got != ERR_CLOSED)
        world_broken(&p->w, "proofs_tell", "%s's node asks nobody: %s", seat_name(d.seat),
                     err_name(got));
    return true;
}
