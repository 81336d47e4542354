/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_seal_part.h"

/* ---- beginning ---- */

enum err seal_begin(const struct day *d, const struct params *p, struct seal **out)
{
    struct seal *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    s->head = (struct seal_head){ .phase = SEAL_NEXT,
                                  .epoch = d->me.epoch + 1,
                                  .made = p->now(),
                                  .roster_number = d->me.next_roster,
                                  .group_threshold = d->me.group_threshold,
                                  .n_groups = d->me.n_groups,
                                  .hold = d->me.hold,
                                  .stop_hold = d->me.stop_hold,
                                  .roster_mode = d->me.roster_mode };
    memcpy(s->head.groups, d->me.groups, sizeof s->head.groups);
    s->n = d->n_guardians;
    for (size_t i = 0; i < s->n; i++) {
        struct seal_seat *seat = &s->seats[i];
        seat->kind = d->guardians[i].kind;
        memcpy(seat->seat, d->guardians[i].seat, SEAT_BYTES);
        circle_place(&d->me, i, &seat->group, &seat->index);
        rng_fill(p->rng, seat->op_cred, ID_BYTES);
        rng_fill(p->rng, seat->op_next, ID_BYTES);
        rng_fill(p->rng, seat->op_prepare, ID_BYTES);
        rng_fill(p->rng, seat->op_commit, ID_BYTES);
    }
    *out = s;
    return OK;
}

static struct day_guardian *find(struct day *d, const struct seal_seat *seat)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), BYTES_OF(seat->seat)))
            return &d->guardians[i];
    }
    return NULL;
}

bool seal_is_card(const struct seal_seat *seat)
{
    return seat->kind == PIECE_CARD;
}

struct day_guardian *seal_guardian(struct day *d, const struct seal_seat *seat)
{
    struct day_guardian *g = find(d, seat);
    MUST(g != NULL);
    return g;
}

/* ---- counting ---- */

void seal_count(const struct seal *s, enum seal_stage stage, struct circle_count *out)
{
    *out = (struct circle_count){ { 0 } };
    for (size_t i = 0; i < s->n; i++)
        out->of[s->seats[i].group] += s->seats[i].stage >= stage;
}

static bool all_at(const struct seal *s, enum seal_stage stage)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->seats[i].stage < stage && !seal_is_card(&s->seats[i]))
            return false;
    }
    return true;
}

bool seal_enough(const struct seal *s, enum seal_stage stage)
{
    struct day_me plan = { .group_threshold = s->head.group_threshold,
                           .n_groups = s->head.n_groups };
    struct circle_count c;
    memcpy(plan.groups, s->head.groups, sizeof plan.groups);
    seal_count(s, stage, &c);
    return all_at(s, stage) || circle_spare(&plan, &c) >= 1;
}

/* ---- conversations ---- */

/* One seat's part of a round. */
struct visit {
    struct seal *s;
    struct seal_seat *seat;
    struct day_guardian *g;
    const struct seal_work *w;
    struct req_cred_new cred;
    struct req_epoch_next next;
    struct req_epoch_prepare prepare;
    struct req_epoch_commit commit;
};

static void send_it(struct call_send *out, uint16_t kind, const void *req)
{
    *out = (struct call_send){ .kind = kind, .req = req };
}

/* The roster credential lets in whoever a guardian introduces. */
static enum err make_cred(struct visit *v)
{
    AUTO_SECRET struct guardian_pass *pass = NULL;
    TRY(secret_new(&pass));
    TRY(guardian_pass(&v->w->unlocked->root, v->g, STANDING_ROSTER,
                      v->s->head.roster_number, pass));
    guardian_pass_req(pass, STANDING_ROSTER, &v->cred);
    memcpy(v->cred.op, v->seat->op_cred, ID_BYTES);
    return OK;
}

static enum err next_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        TRY(make_cred(v));
        send_it(out, MSG_CRED_NEW, &v->cred);
        return OK;
    }
    TRY(reply->err);
    if (reply->kind == MSG_CRED_NEW) {
        v->next.epoch = v->s->head.epoch;
        memcpy(v->next.op, v->seat->op_next, ID_BYTES);
        send_it(out, MSG_EPOCH_NEXT, &v->next);
        return OK;
    }
    const struct rep_epoch_next *rep = reply->rep;
    TRY(ack_key_verify(v->g->node[0].node_sign, v->g->ward, v->s->head.epoch, rep->ack,
                       rep->sig));
    memcpy(v->seat->ack_key, rep->ack, PUB_BYTES);
    v->seat->stage = SEAT_KEYED;
    return OK;
}

/*
 * An acknowledgement counts only if this seat's key signed it, over this ward, this
 * manifest and exactly the bytes that were sent.
 */
static enum err take_ack(struct visit *v, const struct call *c, struct bytes raw,
                         enum epoch_state state)
{
    const struct seal_head *h = &v->s->head;
    struct ack ack = { 0 };
    uint8_t stored[HASH_BYTES];
    TRY(ack_open(raw, v->seat->ack_key, &ack));
    stored_hash(v->seat->box_piece, v->seat->box_roster, h->manifest_sealed,
                h->roster_sealed, v->seat->descriptor, stored);
    bool ours = bytes_equal(BYTES_OF(ack.ward), BYTES_OF(v->g->ward)) &&
                ack.epoch == h->epoch &&
                bytes_equal(BYTES_OF(ack.manifest_hash), BYTES_OF(h->manifest_hash)) &&
                bytes_equal(BYTES_OF(ack.stored), BYTES_OF(stored)) &&
                bytes_equal(BYTES_OF(ack.incarnation), BYTES_OF(c->hello.incarnation));
    /* Asked again after a cut, PREPARE is answered by what came of it since. */
    bool far = ack.state == state || ack.state == EPOCH_ACTIVE;
    if (!ours || !far)
        return ERR_CONFLICT;
    v->seat->stage = ack.state == EPOCH_ACTIVE ? SEAT_ACTIVE : SEAT_PREPARED;
    return seal_keep(v->s, raw, &v->seat->ack);
}

static void make_prepare(struct visit *v)
{
    const struct seal_head *h = &v->s->head;
    v->prepare = (struct req_epoch_prepare){ .epoch = h->epoch,
                                             .group = v->seat->group,
                                             .index = v->seat->index,
                                             .box_piece = v->seat->box_piece,
                                             .box_roster = v->seat->box_roster,
                                             .manifest = h->manifest_sealed,
                                             .roster = h->roster_sealed,
                                             .descriptor = v->seat->descriptor,
                                             .hold = h->hold,
                                             .stop_hold = h->stop_hold,
                                             .roster_mode = h->roster_mode };
    memcpy(v->prepare.op, v->seat->op_prepare, ID_BYTES);
    memcpy(v->prepare.manifest_hash, h->manifest_hash, HASH_BYTES);
}

static enum err prepare_step(struct call *c, const struct call_reply *reply,
                             struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        make_prepare(v);
        send_it(out, MSG_EPOCH_PREPARE, &v->prepare);
        return OK;
    }
    TRY(reply->err);
    return take_ack(v, c, ((const struct rep_epoch_prepare *)reply->rep)->ack,
                    EPOCH_PREPARED);
}

static enum err commit_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        v->commit.epoch = v->s->head.epoch;
        memcpy(v->commit.op, v->seat->op_commit, ID_BYTES);
        memcpy(v->commit.manifest_hash, v->s->head.manifest_hash, HASH_BYTES);
        send_it(out, MSG_EPOCH_COMMIT, &v->commit);
        return OK;
    }
    TRY(reply->err);
    return take_ack(v, c, ((const struct rep_epoch_commit *)reply->rep)->ack,
                    EPOCH_ACTIVE);
}

/* ---- a round ---- */

/* A step of the seats that are at one stage. */
struct turn {
    enum seal_stage from;
    call_step step;
};

static enum err round_add(struct seal *s, const struct seal_work *w,
                          struct owner_round *r, struct seal_seat *seat,
                          const struct turn *turn)
{
    struct day_guardian *g = seal_guardian(w->day, seat);
    void *visit = NULL;
    TRY(owner_round_add(r, &w->unlocked->root, g, turn->step, &visit));
    *(struct visit *)visit = (struct visit){ .s = s, .seat = seat, .g = g, .w = w };
    return OK;
}

static void note(struct seal *s, const struct visit *v, const struct call *c)
{
    struct seal_note *out = &s->notes[v->seat - s->seats];
    char who[NAME_MAX_BYTES + 16];
    *out = (struct seal_note){ .err = c->err };
    if (c->err == OK)
        return;
    (void)snprintf(who, sizeof who, "%.*s's node", (int)v->g->name.n,
                   (const char *)v->g->name.p);
    if (c->err == ERR_SIGNATURE || c->err == ERR_CONFLICT)
        (void)snprintf(out->why, sizeof out->why,
                       "%s acknowledged something other than what was sent.", who);
    else
        call_sentence(c, who, out->why, sizeof out->why);
}

static enum err round_go(struct seal *s, const struct seal_work *w, struct owner_round *r)
{
    const struct visit *visits = r->visits;
    TRY(call_round(r->calls, r->n, w->params->round_ms, w->params->rng));
    for (size_t i = 0; i < r->n; i++) {
        guardian_seen(visits[i].g, &r->calls[i], w->params->now());
        note(s, &visits[i], &r->calls[i]);
    }
    return seal_save(s, w);
}

static enum err one_round(struct seal *s, const struct seal_work *w,
                          const struct turn *turn)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    TRY(owner_round_new(&r, s->n, sizeof(struct visit)));
    for (size_t i = 0; i < s->n; i++) {
        if (s->seats[i].stage == turn->from && !seal_is_card(&s->seats[i]))
            TRY(round_add(s, w, &r, &s->seats[i], turn));
    }
    return r.n > 0 ? round_go(s, w, &r) : OK;
}

/* ---- the phases ---- */

static enum err make_descriptors(struct seal *s, const struct seal_work *w)
{
    AUTO_SECRET struct account_keys *keys = NULL;
    TRY(secret_new(&keys));
    for (size_t i = 0; i < s->n; i++) {
        struct seal_seat *seat = &s->seats[i];
        if (seat->stage != SEAT_KEYED || seat->descriptor.n > 0 || seal_is_card(seat))
            continue;
        TRY(guardian_account(&w->unlocked->root, seal_guardian(w->day, seat), keys));
        TRY(seal_make_descriptor(s, w, keys, seat));
    }
    return seal_save(s, w);
}

static enum err note_day(const struct seal *s, const struct seal_work *w)
{
    struct day *d = w->day;
    if (s->head.phase == SEAL_COMMIT && d->me.epoch != s->head.epoch) {
        d->me.epoch = s->head.epoch;
        d->me.sealed_at = w->params->now();
        d->me.manifest = day_keep(d, s->head.manifest);
        memcpy(d->me.manifest_hash, s->head.manifest_hash, HASH_BYTES);
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct seal_seat *seat = &s->seats[i];
        struct day_guardian *g = seal_guardian(d, seat);
        if (seat->stage != SEAT_ACTIVE || g->epoch == s->head.epoch || seal_is_card(seat))
            continue;
        g->group = seat->group;
        g->index = seat->index;
        g->epoch = s->head.epoch;
        g->stored = w->params->now();
        g->ack = day_keep(d, seat->ack);
        memcpy(g->ack_key, seat->ack_key, PUB_BYTES);
    }
    TRY(seal_keep_check(s, w));
    return home_day_save(w->home, d, w->params->rng);
}

/* The credential's number is used up before anything carries it. */
static enum err start(struct seal *s, const struct seal_work *w)
{
    if (home_has(w->home, HOME_JOURNAL))
        return OK;
    w->day->me.next_roster = s->head.roster_number + 1;
    TRY(home_day_save(w->home, w->day, w->params->rng));
    return seal_save(s, w);
}

static enum err prepare_all(struct seal *s, const struct seal_work *w)
{
    static const struct turn prepare = { SEAT_KEYED, prepare_step };
    TRY(make_descriptors(s, w));
    TRY(one_round(s, w, &prepare));
    if (s->head.phase == SEAL_COMMIT || !seal_enough(s, SEAT_PREPARED))
        return OK;
    s->head.phase = SEAL_COMMIT;
    return seal_save(s, w);
}

/* Every piece's keeper is known here, and cards are where the day box says they are. */
static enum err look_up(struct seal *s, const struct seal_work *w)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct day_guardian *g = find(w->day, &s->seats[i]);
        if (g == NULL)
            return ERR_UNKNOWN;
        if (seal_is_card(&s->seats[i]) && g->epoch == s->head.epoch)
            s->seats[i].stage = SEAT_ACTIVE;
    }
    return OK;
}

enum err seal_run(struct seal *s, const struct seal_work *w)
{
    static const struct turn next = { SEAT_NEW, next_step };
    static const struct turn commit = { SEAT_PREPARED, commit_step };
    TRY(look_up(s, w));
    TRY(start(s, w));
    TRY(one_round(s, w, &next));
    if (s->head.phase == SEAL_NEXT && seal_enough(s, SEAT_KEYED))
        TRY(seal_make_epoch(s, w));
    if (s->head.phase >= SEAL_PREPARE)
        TRY(prepare_all(s, w));
    if (s->head.phase == SEAL_COMMIT) {
        TRY(note_day(s, w));
        TRY(one_round(s, w, &commit));
    }
    TRY(note_day(s, w));
    TRY(cards_settle(w->home, &w->unlocked->root, w->day, w->params->rng));
    return all_at(s, SEAT_ACTIVE) ? home_drop(w->home, HOME_JOURNAL) : OK;
}
