/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_seal_part.h"

/* ---- conversations ---- */

/* One seat's part of a round. */
struct visit {
    struct seal *s;
    struct seal_seat *seat;
    struct day_guardian *g;
    const struct seal_work *w;
    bool ahead; /* the node is at a later epoch, or at another of that number */
    bool looked;
    /* What is active there is of another device, as is the key that signs. */
    bool strange;
    bool foisted; /* it holds this very epoch, which was never given to it from here */
    struct req_epoch_abort abort;
    struct req_cert_put cert;
    struct req_epoch_next next;
    struct req_epoch_state state;
    struct req_epoch_prepare prepare;
    struct req_epoch_commit commit;
};

static void send_it(struct call_send *out, uint16_t kind, const void *req)
{
    *out = (struct call_send){ .kind = kind, .req = req };
}

/* ---- NEXT ---- */

static void say_abort(struct visit *v, struct call_send *out)
{
    v->abort.epoch = v->g->abort;
    rng_fill(v->w->params->rng, v->abort.op, ID_BYTES);
    send_it(out, MSG_EPOCH_ABORT, &v->abort);
}

/* With the roster credential, which lets in whoever a guardian introduces. */
static enum err say_next(struct visit *v, struct call_send *out)
{
    AUTO_SECRET struct guardian_pass *pass = NULL;
    TRY(secret_new(&pass));
    TRY(guardian_pass(&v->w->unlocked->root, v->g, STANDING_ROSTER,
                      v->s->head.roster_number, pass));
    v->next.epoch = v->s->head.epoch;
    memcpy(v->next.op, v->seat->op_next, ID_BYTES);
    memcpy(v->next.roster_id, pass->cred.id, ID_BYTES);
    memcpy(v->next.roster_psk, pass->cred.psk.b, KEY_BYTES);
    send_it(out, MSG_EPOCH_NEXT, &v->next);
    return OK;
}

/* A node that missed an epoch takes a later one once it sees that people confirmed it. */
static enum err say_cert(struct visit *v, struct call_send *out)
{
    const struct day_me *me = &v->w->day->me;
    bool behind = v->g->epoch != 0 && me->cert_epoch > v->g->epoch;
    if (!behind)
        return say_next(v, out);
    v->cert.epoch = me->cert_epoch;
    v->cert.people = me->cert;
    memcpy(v->cert.manifest_hash, me->cert_hash, HASH_BYTES);
    rng_fill(v->w->params->rng, v->cert.op, ID_BYTES);
    send_it(out, MSG_CERT_PUT, &v->cert);
    return OK;
}

static bool is_moved(const struct seal *s)
{
    static const uint8_t none[HASH_BYTES];
    return !bytes_equal(BYTES_OF(s->head.move), BYTES_OF(none));
}

/*
 * By the key of the epoch that is active there; by the node's where there is none. Of a
 * new root by that of the epoch which people confirmed: what this home sealed since may
 * have taken its place here, and after a restore it was never here.
 */
static enum err take_next(struct visit *v, const struct rep_epoch_next *rep)
{
    const uint8_t *by[] = { v->g->ack_key, v->g->next_ack, v->g->node[0].node_sign };
    bool any = guardian_restored(v->g) || v->strange || is_moved(v->s);
    enum err e = any ? OK : ERR_SIGNATURE;
    for (size_t i = 0; i < 3 && e != OK; i++)
        e = ack_key_verify(by[i], v->g->ward, v->s->head.epoch, rep->ack, rep->sig);
    TRY(e);
    memcpy(v->seat->ack_key, rep->ack, PUB_BYTES);
    memcpy(v->g->next_ack, rep->ack, PUB_BYTES);
    v->seat->stage = SEAT_KEYED;
    return OK;
}

static bool is_held(const struct epoch_line *line)
{
    return line->state == EPOCH_ACTIVE || line->state == EPOCH_SUPERSEDED;
}

/* So far a number may be left out: who keeps the sealed epoch has to take the next. Keys
 * that were stolen got a node further, and a new root is taken at any number. */
static uint32_t number_most(const struct seal *s, const struct day *d)
{
    uint32_t room = is_moved(s) ? EPOCHS_AHEAD * EPOCHS_OWNER : EPOCHS_AHEAD;
    return d->me.epoch < UINT32_MAX - room ? d->me.epoch + room : UINT32_MAX - 1;
}

/* What a device that is gone left there: its number is left out, and what it prepared
 * only is taken back. */
static void look_left(struct visit *v, const struct rep_epoch_state *rep)
{
    const struct day_me *me = &v->w->day->me;
    for (uint32_t i = 0; i < rep->n_epochs; i++) {
        const struct epoch_line *line = &rep->epochs[i];
        struct bytes hash = BYTES_OF(line->manifest_hash);
        if (line->epoch < me->epoch || bytes_equal(hash, BYTES_OF(me->manifest_hash)) ||
            bytes_equal(hash, BYTES_OF(v->s->head.manifest_hash)))
            continue;
        if (line->state == EPOCH_PREPARED)
            v->g->abort = line->epoch;
        else if (!is_held(line))
            continue;
        v->strange = v->strange || is_held(line);
        if (line->epoch > v->s->above && line->epoch < number_most(v->s, v->w->day))
            v->s->above = line->epoch;
    }
}

/* Why it does not take this number: it lacks an epoch, or another device was faster. */
static enum err look_ahead(struct visit *v, const struct rep_epoch_state *rep)
{
    const struct seal_head *h = &v->s->head;
    for (uint32_t i = 0; i < rep->n_epochs; i++) {
        const struct epoch_line *line = &rep->epochs[i];
        bool other =
            !bytes_equal(BYTES_OF(line->manifest_hash), BYTES_OF(h->manifest_hash));
        v->ahead = v->ahead || (is_held(line) && line->epoch >= h->epoch && other);
        v->foisted = v->foisted || (is_held(line) && !other);
    }
    return ERR_STATE;
}

/* What was given up, or left by a device that is gone, goes first. */
static enum err say_first(struct visit *v, struct call_send *out)
{
    if (v->g->abort == 0)
        return say_cert(v, out);
    say_abort(v, out);
    return OK;
}

static enum err next_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL && !seal_alone(v->s, v->w))
        return say_first(v, out);
    if (reply == NULL) {
        send_it(out, MSG_EPOCH_STATE, &v->state);
        return OK;
    }
    if (reply->kind == MSG_EPOCH_STATE && seal_alone(v->s, v->w) && !v->looked) {
        v->looked = true;
        TRY(reply->err);
        look_left(v, reply->rep);
        return say_first(v, out);
    }
    switch (reply->kind) {
    case MSG_EPOCH_ABORT:
        v->g->abort = 0;
        return say_cert(v, out);
    case MSG_CERT_PUT:
        return say_next(v, out); /* what it did not believe changes nothing */
    case MSG_EPOCH_STATE:
        TRY(reply->err);
        return look_ahead(v, reply->rep);
    default:
        break;
    }
    if (reply->err == ERR_STATE) {
        send_it(out, MSG_EPOCH_STATE, &v->state);
        return OK;
    }
    TRY(reply->err);
    return take_next(v, reply->rep);
}

/* ---- PREPARE, COMMIT, ABORT ---- */

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

/* Whatever it answers, nothing is prepared there that was not before. */
static enum err abort_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        say_abort(v, out);
        return OK;
    }
    if (reply->err != OK && reply->err != ERR_STATE && reply->err != ERR_UNKNOWN)
        return reply->err;
    v->g->abort = 0;
    return OK;
}

/* ---- a round ---- */

static const struct turn {
    enum seal_stage from; /* the seats that are at that stage */
    call_step step;
} turns[] = {
    [TALK_NEXT] = { SEAT_NEW, next_step },
    [TALK_PREPARE] = { SEAT_KEYED, prepare_step },
    [TALK_COMMIT] = { SEAT_PREPARED, commit_step },
    [TALK_ABORT] = { SEAT_NEW, abort_step },
};

static bool has_turn(const struct seal *s, const struct seal_work *w, size_t i,
                     enum seal_talk what)
{
    const struct seal_seat *seat = &s->seats[i];
    if (seal_is_card(seat))
        return false;
    if (what == TALK_ABORT)
        return seal_guardian(w->day, seat)->abort == s->head.epoch;
    return seat->stage == turns[what].from;
}

static enum err round_add(struct seal *s, const struct seal_work *w,
                          struct owner_round *r, struct seal_seat *seat,
                          enum seal_talk what)
{
    struct day_guardian *g = seal_guardian(w->day, seat);
    void *visit = NULL;
    TRY(owner_round_add(r, &w->unlocked->root, g, turns[what].step, &visit));
    *(struct visit *)visit = (struct visit){ .s = s, .seat = seat, .g = g, .w = w };
    return OK;
}

/* A sentence of ours, where the error alone would say too little. */
static const char *why_of(const struct visit *v, enum err e)
{
    if (e == ERR_SIGNATURE || e == ERR_CONFLICT)
        return "acknowledged something other than what was sent.";
    if (e == ERR_BUSY)
        return "keeps another change of your circle that was begun and not finished: by "
               "another device of yours, or by this one before.";
    if (e == ERR_FULL && v->s->head.phase == SEAL_NEXT && v->w->day->me.epoch > 0)
        return "keeps as many circles of yours as it takes.";
    if (e == ERR_STATE && v->ahead)
        return "has a newer circle of yours than this home knows: another device changed "
               "it.";
    if (e == ERR_STATE && v->foisted)
        return "has something in the place of the new piece that this home never gave "
               "it. Unless a copy of this home did, somebody has your root key. Then: "
               "kith root replace";
    if (e == ERR_STATE)
        return "missed an earlier change. It gets its piece once your guardians have "
               "confirmed this one.";
    return NULL;
}

static void note(struct seal *s, const struct visit *v, const struct call *c)
{
    struct seal_note *out = &s->notes[v->seat - s->seats];
    char who[NAME_MAX_BYTES + 16];
    *out = (struct seal_note){ .err = c->err, .ahead = v->ahead };
    out->silent = c->err != OK && (c->stage < CALL_KNOWN || c->err == ERR_TIMEOUT ||
                                   c->err == ERR_CLOSED);
    if (c->err == OK)
        return;
    const char *why = c->stage >= CALL_TALKING ? why_of(v, c->err) : NULL;
    (void)snprintf(who, sizeof who, "%.*s's node", (int)v->g->name.n,
                   (const char *)v->g->name.p);
    if (why != NULL)
        (void)snprintf(out->why, sizeof out->why, "%s %s", who, why);
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
    return OK;
}

/* Nothing was made for the number that is left out, and nobody asks for it again. */
static void number_up(struct seal *s, const struct seal_work *w)
{
    if (s->head.phase != SEAL_NEXT || s->above < s->head.epoch)
        return;
    s->head.epoch = s->above + 1;
    for (size_t i = 0; i < s->n; i++) {
        s->seats[i].stage = SEAT_NEW;
        memset(s->seats[i].ack_key, 0, PUB_BYTES);
        rng_fill(w->params->rng, s->seats[i].op_next, ID_BYTES);
    }
}

enum err seal_talk(struct seal *s, const struct seal_work *w, enum seal_talk what)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    TRY(owner_round_new(&r, s->n, sizeof(struct visit)));
    for (size_t i = 0; i < s->n; i++) {
        if (has_turn(s, w, i, what))
            TRY(round_add(s, w, &r, &s->seats[i], what));
    }
    if (r.n == 0)
        return OK;
    TRY(round_go(s, w, &r));
    if (what == TALK_NEXT)
        number_up(s, w);
    return what == TALK_ABORT ? OK : seal_save(s, w);
}
