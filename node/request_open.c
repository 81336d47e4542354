/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request_part.h"
#include "node/seat.h"

enum {
    INTRO_LIFE_S = 15 * 86400, /* 14 days, and a day that two clocks may differ */
    CLAIMED_CHARS = 200,
    BACK_OFF_S = 3600, /* of a sheet's credential after its first vain request */
    BACK_OFF_MAX_S = 7 * 86400
};

/* ---- what is asked ---- */

static bool none32(const uint8_t b[32])
{
    static const uint8_t none[32];

    return bytes_equal(bytes_of(b, 32), BYTES_OF(none));
}

static size_t characters(struct bytes text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += (text.p[i] & 0xc0) != 0x80;
    return n;
}

/* What an owner asks the guardian to confirm. */
static enum err check_confirm(const struct req_open *req)
{
    bool subject = !none32(req->subject);

    if (req->purpose == PURPOSE_ENROL || req->purpose == PURPOSE_END)
        return subject ? ERR_FORMAT : OK;
    if (req->purpose == PURPOSE_EPOCH)
        return subject ? OK : ERR_FORMAT;
    return ERR_REFUSED;
}

/* Who asks for a new root signs with its owner key, and with nothing else. */
static enum err check_move(const struct req_open *req)
{
    if (req->purpose != PURPOSE_MOVE)
        return ERR_REFUSED;
    return bytes_equal(BYTES_OF(req->subject), BYTES_OF(req->sign)) ? OK : ERR_FORMAT;
}

/* Who may ask for what. */
static enum err check_asked(const struct call *c, const struct req_open *req)
{
    bool restore = c->who->role == ROLE_RESTORE;

    if (characters(req->claimed) > CLAIMED_CHARS)
        return ERR_TOO_BIG;
    if (none32(req->stat) || none32(req->seal) || none32(req->sign))
        return ERR_FORMAT;
    if (restore && !bytes_equal(BYTES_OF(req->stat), BYTES_OF(c->who->stat)))
        return ERR_REFUSED;
    if (req->kind == REQUEST_MOVE)
        return check_move(req);
    if (req->kind == REQUEST_CONFIRM)
        return restore ? ERR_REFUSED : check_confirm(req);
    return restore && req->kind == REQUEST_RESTORE && req->purpose == PURPOSE_RESTORE &&
                   none32(req->subject)
               ? OK
               : ERR_REFUSED;
}

/* True if r came from this very OPEN. */
static bool same_open(const struct call *c, const struct request *r,
                      const struct req_open *req)
{
    return id_equal(r->ward, c->who->ward) && r->kind == req->kind &&
           r->purpose == req->purpose &&
           bytes_equal(BYTES_OF(r->subject), BYTES_OF(req->subject)) &&
           bytes_equal(BYTES_OF(r->stat), BYTES_OF(req->stat)) &&
           bytes_equal(BYTES_OF(r->seal), BYTES_OF(req->seal)) &&
           bytes_equal(BYTES_OF(r->sign), BYTES_OF(req->sign)) &&
           bytes_equal(BYTES_OF(r->commitment), BYTES_OF(req->commitment));
}

/*
 * The request this key was used for before. ERR_UNKNOWN: it is new; ERR_USED: for
 * something else.
 */
static enum err used_before(struct call *c, const struct req_open *req,
                            enum open_key which, const uint8_t key[32],
                            struct request *out)
{
    struct txn_key k = key_open(which, c->who->ward, key);
    uint8_t id[ID_BYTES];
    size_t n;

    TRY(txn_get(c->txn, TAB_OPEN_KEY, bytes_of(k.b, k.n), SPAN_OF(id), &n));
    if (n != sizeof id)
        return ERR_CORRUPT;
    TRY(request_get(c, id, out));
    return same_open(c, out, req) ? OK : ERR_USED;
}

/* The same OPEN as before has the same view. ERR_UNKNOWN: there was none. */
static enum err again(struct call *c, const struct req_open *req, struct rep_open *rep)
{
    struct request r = { 0 };
    enum err e = used_before(c, req, OPEN_SEAL, req->seal, &r);

    if (e == ERR_UNKNOWN)
        e = used_before(c, req, OPEN_COMMITMENT, req->commitment, &r);
    TRY(e);
    if (r.state == STATE_EXPIRED || r.state == STATE_REFUSED)
        return request_over(&r);
    rep->view = r.view;
    return OK;
}

/* ---- the introduction of a roster credential ---- */

static enum err introduced_by(struct call *c, const struct record_epoch *epoch,
                              struct bytes raw, struct introduction *out,
                              uint8_t out_by[PUB_BYTES])
{
    const struct descriptor *d = NULL;

    TRY(ward_descriptor(c, epoch, &d));
    for (uint32_t i = 0; i < d->n_pieces; i++) {
        if (introduction_open(raw, d->pieces[i].approval, out) != OK)
            continue;
        if (!bytes_equal(BYTES_OF(out->manifest_hash), BYTES_OF(epoch->manifest_hash)))
            continue;
        memcpy(out_by, d->pieces[i].approval, PUB_BYTES);
        return OK;
    }
    return ERR_REFUSED;
}

/* Looks for the guardian who signed it in every epoch held. */
static enum err check_introduction(struct call *c, const struct view *v, uint32_t held,
                                   struct request *r)
{
    struct introduction in = { 0 };
    struct record_epoch epoch = { 0 };
    struct txn_key key;
    enum err e = ERR_REFUSED;
    size_t mark = c->mem.n;

    for (uint32_t i = 0; i < held && e != OK; i++) {
        TRY(ward_epoch(c, v->ward, v->epochs[i].epoch, &epoch));
        e = introduced_by(c, &epoch, r->introduction, &in, r->introducer);
        c->mem.n = mark;
    }
    if (e != OK)
        return ERR_REFUSED;
    if (!bytes_equal(BYTES_OF(in.req_sign), BYTES_OF(r->sign)))
        return ERR_REFUSED;
    if (c->now >= in.until)
        return ERR_EXPIRED;
    if (in.until - c->now > INTRO_LIFE_S)
        return ERR_REFUSED;
    key = key_intro(r);
    e = txn_has(c->txn, TAB_INTRO, bytes_of(key.b, key.n));
    if (e == OK)
        return ERR_STOPPED;
    return e == ERR_UNKNOWN ? OK : e;
}

/* ---- room ---- */

/* What the ward's other requests leave room for. */
struct room {
    uint64_t open;       /* not final, without confirms */
    uint64_t unrevealed; /* of these */
    uint64_t confirms;   /* an owner's, not final, for something else */
    uint64_t vain;       /* of this credential, listed, and came to nothing */
    uint64_t vain_end;   /* of the last of them */
    uint64_t today;      /* opened by this credential within a day */
    uint64_t spent;      /* by it, and came to nothing */
    struct request done; /* the oldest of these */
    struct request replaced[REQUEST_CONFIRMS];
    size_t n_replaced;
};

static enum err replace(struct room *room, const struct request *old)
{
    if (room->n_replaced == REQUEST_CONFIRMS)
        return ERR_FULL;
    room->replaced[room->n_replaced++] = *old;
    return OK;
}

/* An owner who asks again for the same gets a new request instead of the old one. */
static enum err weigh_owners(struct room *room, const struct request *r,
                             const struct request *old)
{
    if (request_is_final(old->state) || old->kind != r->kind ||
        !id_equal(old->cred, r->cred))
        return OK;
    if (old->purpose == r->purpose &&
        bytes_equal(BYTES_OF(old->subject), BYTES_OF(r->subject)))
        return replace(room, old);
    room->confirms++;
    return room->confirms < REQUEST_CONFIRMS ? OK : ERR_FULL;
}

/* Each guardian has the roster's credential: it counts for the one who introduced. */
static bool same_door(const struct call *c, const struct request *r,
                      const struct request *old)
{
    return id_equal(old->cred, r->cred) &&
           (c->who->type != CRED_ROSTER ||
            bytes_equal(BYTES_OF(old->introducer), BYTES_OF(r->introducer)));
}

static enum err weigh_restore(const struct call *c, struct room *room,
                              const struct request *r, const struct request *old)
{
    bool same_key = bytes_equal(BYTES_OF(old->stat), BYTES_OF(r->stat));
    bool same_cred = id_equal(old->cred, r->cred);

    if (old->kind == REQUEST_CONFIRM)
        return OK;
    if (same_cred && old->live != 0 &&
        (old->state == STATE_REFUSED || old->state == STATE_EXPIRED)) {
        room->vain++;
        room->vain_end = old->ended > room->vain_end ? old->ended : room->vain_end;
    }
    if (same_cred && c->who->type == CRED_RESTORE &&
        (old->state == STATE_REFUSED || old->state == STATE_RELEASED))
        return ERR_USED;
    if (request_is_final(old->state))
        return OK;
    if (same_key)
        return ERR_BUSY;
    if (same_door(c, r, old))
        return ERR_BUSY;
    room->open++;
    room->unrevealed += old->state == STATE_OPENED;
    return OK;
}

/* A found sheet waits longer after each request that was refused, taken back or let
 * expire: 1 h, 2 h, 4 h … 7 d. */
static bool backs_off(const struct call *c, const struct room *room)
{
    uint64_t wait = BACK_OFF_S;

    for (uint64_t i = 1; i < room->vain && wait < BACK_OFF_MAX_S; i++)
        wait *= 2;
    if (wait > BACK_OFF_MAX_S)
        wait = BACK_OFF_MAX_S;
    return room->vain > 0 && c->now < room->vain_end + wait;
}

static void weigh_spent(struct room *room, const struct request *old)
{
    if (old->state != STATE_EXPIRED)
        return;
    if (room->spent == 0 || old->ended < room->done.ended)
        room->done = *old;
    room->spent++;
}

static enum err weigh(const struct call *c, struct room *room, const struct request *r,
                      const struct request *old)
{
    if (same_door(c, r, old)) {
        room->today += old->opened <= c->now && c->now < old->opened + 86400;
        weigh_spent(room, old);
    }
    return c->who->role == ROLE_OWNER ? weigh_owners(room, r, old)
                                      : weigh_restore(c, room, r, old);
}

/* A link the guardian made always has room: it is bounded by the links themselves. */
static enum err check_room(struct call *c, const struct request *r, struct room *room)
{
    struct txn_key at = { 0 };
    struct request old = { 0 };
    size_t mark = c->mem.n;
    enum err e;

    while ((e = request_next_of(c, r->ward, &at, &old)) == OK) {
        size_t before = room->n_replaced;

        TRY(weigh(c, room, r, &old));
        mark = room->n_replaced > before ? c->mem.n : mark;
        c->mem.n = mark;
    }
    if (e != ERR_UNKNOWN)
        return e;
    if (room->today >= REQUEST_DAILY)
        return ERR_FULL;
    if (c->who->role == ROLE_OWNER || c->who->type == CRED_RESTORE)
        return OK;
    if (c->who->type == CRED_SHEET && backs_off(c, room))
        return ERR_BUSY;
    return room->open < c->env->limits->requests && room->unrevealed < REQUEST_UNREVEALED
               ? OK
               : ERR_FULL;
}

/* ---- the new request ---- */

static void view_add(struct view *v, const struct record_epoch *e)
{
    struct view_epoch *line = &v->epochs[v->n_epochs++];

    line->epoch = e->epoch;
    memcpy(line->manifest_hash, e->manifest_hash, HASH_BYTES);
    line->hold = e->hold;
    line->stop_hold = e->stop_hold;
}

/*
 * The epochs that may be let go, newest first; behind them one that is prepared, which
 * is opened only if a certificate made it active meanwhile.
 */
static enum err view_epochs(struct call *c, struct view *v, uint32_t *out_held)
{
    struct record_epoch all[EPOCHS_MAX] = { 0 };
    size_t n = 0;

    TRY(ward_epochs(c, v->ward, all, &n));
    for (size_t i = n; i-- > 0;)
        if (ward_epoch_held(&all[i]))
            view_add(v, &all[i]);
    *out_held = v->n_epochs;
    for (size_t i = n; i-- > 0;)
        if (all[i].state == EPOCH_PREPARED)
            view_add(v, &all[i]);
    return OK;
}

/* Hold and ends: a confirm runs under none, all else under the ward's policy. */
static enum err set_times(struct call *c, const struct record_ward *ward,
                          struct request *r)
{
    struct record_epoch policy = { 0 };
    uint64_t longest = 0;

    r->opened = c->now;
    r->hold_from = c->now;
    r->era = c->env->era;
    r->unsure = c->env->clock == CLOCK_FROZEN ? UNSURE_OPENED : 0;
    r->roster_mode = ROSTER_NEVER;
    if (r->kind != REQUEST_CONFIRM) {
        TRY(ward_policy(c, ward, &policy));
        r->hold = policy.hold;
        r->stop_hold = policy.stop_hold;
        if (r->kind == REQUEST_RESTORE)
            r->roster_mode = policy.roster_mode;
        longest = (uint64_t)r->hold + 2 * (uint64_t)r->stop_hold + REQUEST_AFTER_S;
    }
    r->expires = c->now + longest + REQUEST_UNFETCHED_S;
    if (ward_stops_count(ward, c->now))
        request_under_stops(r);
    return OK;
}

static void fill(const struct call *c, const struct req_open *req, struct request *r)
{
    rng_fill(c->env->rng, r->id, ID_BYTES);
    memcpy(r->ward, c->who->ward, ID_BYTES);
    memcpy(r->seat, c->who->seat, ID_BYTES);
    memcpy(r->cred, c->who->cred, ID_BYTES);
    r->kind = req->kind;
    r->purpose = req->purpose;
    memcpy(r->subject, req->subject, sizeof r->subject);
    memcpy(r->stat, req->stat, PUB_BYTES);
    memcpy(r->seal, req->seal, PUB_BYTES);
    memcpy(r->sign, req->sign, PUB_BYTES);
    memcpy(r->commitment, req->commitment, HASH_BYTES);
    r->claimed = req->claimed;
    r->state = STATE_OPENED;
}

/* An epoch to confirm must be one the guardian can open. */
static enum err check_subject(const struct request *r, const struct view *v,
                              uint32_t held)
{
    if (r->kind != REQUEST_CONFIRM)
        return held > 0 ? OK : ERR_STATE;
    if (r->purpose != PURPOSE_EPOCH)
        return OK;
    for (uint32_t i = 0; i < held; i++)
        if (bytes_equal(BYTES_OF(v->epochs[i].manifest_hash), BYTES_OF(r->subject)))
            return OK;
    return ERR_UNKNOWN;
}

static enum err make_view(struct call *c, struct view *v, struct request *r)
{
    struct buf b = scratch_buf(c);

    memcpy(v->request, r->id, ID_BYTES);
    v->kind = r->kind;
    v->purpose = r->purpose;
    memcpy(v->subject, r->subject, sizeof v->subject);
    v->opened = r->opened;
    v->expires = r->expires;
    view_make(v, &c->env->id->sign, &b);
    return scratch_keep(c, &b, &r->view);
}

/* ---- writing ---- */

/*
 * The requester's own credential, with the id of its request. A key that opened
 * another request here speaks for the new one from now on.
 */
static enum err put_requester(struct call *c, const struct request *r,
                              const uint8_t psk[KEY_BYTES])
{
    AUTO_SECRET struct record_cred *cred = NULL;
    enum err e;

    TRY(secret_new(&cred));
    e = cred_find(c, ROLE_REQUESTER, r->stat, cred);
    if (e == OK) {
        if (!id_equal(cred->ward, r->ward))
            return ERR_USED;
        TRY(cred_erase(c, cred->cred));
    } else if (e != ERR_UNKNOWN) {
        return e;
    }
    secret_wipe(cred, sizeof *cred);
    memcpy(cred->cred, r->id, ID_BYTES);
    memcpy(cred->request, r->id, ID_BYTES);
    memcpy(cred->seat, r->seat, ID_BYTES);
    memcpy(cred->ward, r->ward, ID_BYTES);
    memcpy(cred->stat, r->stat, PUB_BYTES);
    memcpy(cred->psk.b, psk, KEY_BYTES);
    cred->type = CRED_REQUESTER;
    cred->via = (uint8_t)c->who->type;
    cred->made = c->now;
    return cred_add(c, cred);
}

enum err request_take_back(struct call *c, struct request *r)
{
    TRY(request_move(r, EVENT_CANCEL, c->now));
    TRY(request_forget(c, r));
    TRY(request_put(c, r));
    return r->live != 0 ? request_tell(c, r, REC_REQUEST_CANCELLED) : OK;
}

static enum err end_replaced(struct call *c, struct room *room)
{
    for (size_t i = 0; i < room->n_replaced; i++)
        TRY(request_take_back(c, &room->replaced[i]));
    return OK;
}

static enum err put_new(struct call *c, const struct request *r)
{
    struct txn_key find[] = { key_ids(r->ward, r->id), key_ids(r->seat, r->id) };
    struct txn_key used[] = { key_open(OPEN_SEAL, r->ward, r->seal),
                              key_open(OPEN_COMMITMENT, r->ward, r->commitment) };

    for (size_t i = 0; i < 2; i++) {
        TRY(txn_put(c->txn, TAB_REQUEST_FIND, bytes_of(find[i].b, find[i].n),
                    (struct bytes){ 0 }));
        TRY(txn_put(c->txn, TAB_OPEN_KEY, bytes_of(used[i].b, used[i].n),
                    BYTES_OF(r->id)));
    }
    return request_put(c, r);
}

enum err request_open(struct call *c, const struct req_open *req, struct rep_open *rep)
{
    struct request r = { 0 };
    struct record_ward ward = { 0 };
    struct view v = { 0 };
    struct room room = { 0 };
    uint32_t held = 0;
    enum err e;

    TRY(check_asked(c, req));
    e = again(c, req, rep);
    if (e != ERR_UNKNOWN)
        return e;
    TRY(ward_get(c, c->who->ward, &ward));
    if (ward.left != 0)
        return ERR_LEFT;
    fill(c, req, &r);
    memcpy(v.ward, r.ward, ID_BYTES);
    TRY(view_epochs(c, &v, &held));
    TRY(check_subject(&r, &v, held));
    if (c->who->type == CRED_ROSTER) {
        r.introduction = req->introduction;
        TRY(check_introduction(c, &v, held, &r));
    }
    TRY(set_times(c, &ward, &r));
    TRY(check_room(c, &r, &room));
    TRY(make_view(c, &v, &r));
    TRY(end_replaced(c, &room));
    if (room.spent >= REQUEST_SPENT)
        TRY(request_erase(c, &room.done));
    if (c->who->type == CRED_SHEET)
        r.flags |= REQUEST_SHEET;
    if (c->who->type == CRED_SHEET || c->who->type == CRED_ROSTER)
        TRY(cred_used(c, c->who->cred));
    if (c->who->role == ROLE_RESTORE)
        TRY(put_requester(c, &r, req->psk));
    TRY(put_new(c, &r));
    rep->view = r.view;
    return OK;
}

enum err request_reveal(struct call *c, const struct req_reveal *req,
                        struct rep_reveal *rep)
{
    struct request r = { 0 };
    uint8_t commitment[HASH_BYTES];

    TRY(request_of_opener(c, req->request, &r));
    commitment_of(req->nonce, commitment);
    if (!bytes_equal(BYTES_OF(commitment), BYTES_OF(r.commitment)))
        return ERR_REFUSED;
    if (r.live == 0) {
        TRY(request_move(&r, EVENT_REVEAL, c->now));
        memcpy(r.nonce, req->nonce, sizeof r.nonce);
        r.live = c->now;
        TRY(request_put(c, &r));
        /* Each guardian has the roster's credential: what counts is who introduces. */
        memcpy(c->source, none32(r.introducer) ? r.cred : r.introducer, ID_BYTES);
        TRY(request_tell(c, &r, REC_REQUEST_LIVE));
    }
    rep->state = r.state;
    return OK;
}

enum err request_cancel(struct call *c, const struct req_cancel *req,
                        struct rep_cancel *rep)
{
    struct request r = { 0 };

    TRY(request_of_opener(c, req->request, &r));
    if (r.state != STATE_EXPIRED)
        TRY(request_take_back(c, &r));
    rep->state = r.state;
    return OK;
}
