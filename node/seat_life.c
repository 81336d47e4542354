/* SPDX-License-Identifier: Apache-2.0 */
#include "node/seat_part.h"

/* ---- what all wards of a seat hear ---- */

/* Tells up to *io_left wards one kind of news; the caller writes the seat. */
static enum err tell_some(struct call *c, const struct record_seat *seat,
                          struct seat_tell *news, size_t *io_left)
{
    struct txn_key at = key_ids(seat->seat, news->ward);
    struct bytes prefix = bytes_of(seat->seat, ID_BYTES);
    size_t mark = c->mem.n;
    enum err e = OK;

    for (; *io_left > 0; (*io_left)--) {
        struct record_ward ward = { 0 };

        e = txn_next(c->txn, TAB_WARD_SEAT, prefix, &at, (struct span){ 0 }, NULL);
        if (e == ERR_UNKNOWN)
            break;
        TRY(e);
        memcpy(news->ward, at.b + ID_BYTES, ID_BYTES);
        e = seat_ward(c, news->ward, &ward);
        if (e == OK)
            e = drop_tell(c, &ward, (enum record_event)news->event, NULL, 0);
        c->mem.n = mark;
        if (e != ERR_CORRUPT && e != ERR_UNKNOWN) /* a damaged ward holds up no other */
            TRY(e);
    }
    if (e == ERR_UNKNOWN && *io_left > 0)
        *news = (struct seat_tell){ 0 };
    return OK;
}

static bool is_telling(const struct record_seat *seat)
{
    bool some = false;

    for (size_t i = 0; i < SEAT_NEWS; i++)
        some = some || seat->tell[i].event != 0;
    return some;
}

/* Of one kind what was said last counts: not everybody hears of what was before. */
static void say_later(struct record_seat *seat, enum seat_news kind,
                      enum record_event event)
{
    seat->tell[kind] = (struct seat_tell){ .event = (uint8_t)event };
}

static enum err say(struct call *c, struct record_seat *seat, enum seat_news kind,
                    enum record_event event)
{
    size_t left = SEAT_TOLD;

    say_later(seat, kind, event);
    TRY(tell_some(c, seat, &seat->tell[kind], &left));
    return seat_put(c, seat);
}

/* ---- how its keys are kept ---- */

enum err seat_tell_keys(struct call *c, struct record_seat *seat)
{
    return say(c, seat, NEWS_KEYS,
               seat->unlocked != 0 ? REC_KEYS_UNLOCKED : REC_KEYS_LOCKED);
}

/* ---- PAUSE ---- */

enum err seat_pause(struct call *c, const struct req_pause *req, struct rep_pause *rep)
{
    struct record_seat seat = { 0 };

    TRY(seat_get(c, c->who->seat, &seat));
    bool away = seat.paused > c->now;

    if (req->until != 0 && req->until <= c->now)
        return ERR_EXPIRED;
    if (req->until > c->now + SEAT_AWAY_S + CRED_MARGIN_S)
        return ERR_TOO_BIG;
    seat.paused = req->until;
    rep->until = req->until;
    if (away == (req->until != 0))
        return seat_put(c, &seat);
    return say(c, &seat, NEWS_AWAY, away ? REC_SEAT_RESUMED : REC_SEAT_PAUSED);
}

/* ---- SEAT_RESET ---- */

static enum err reset_keys(const struct req_seat_reset *req, struct req_seat_enrol **out)
{
    struct req_seat_enrol *keys;

    TRY(secret_new(out));
    keys = *out;
    memcpy(keys->sign_pub, req->sign_pub, PUB_BYTES);
    memcpy(keys->seal_pub, req->seal_pub, PUB_BYTES);
    memcpy(keys->enrol_sig, req->enrol_sig, SIG_BYTES);
    memcpy(keys->keys_sig, req->keys_sig, SIG_BYTES);
    memcpy(keys->stat, req->stat, PUB_BYTES);
    memcpy(keys->psk, req->psk, KEY_BYTES);
    keys->unlocked = req->unlocked;
    return OK;
}

/* The new seat: none yet, or what an earlier try of the same guardian left. */
static enum err reset_new(struct call *c, const struct req_seat_enrol *keys,
                          const uint8_t id[ID_BYTES], const struct record_seat *old)
{
    AUTO_SECRET struct record_cred *cred = NULL;
    struct record_seat seat = { .enrolled = c->now, .operator_ = old->operator_ };

    TRY(secret_new(&cred));
    enum err e = seat_get(c, id, &seat);
    if (e == ERR_UNKNOWN)
        TRY(seat_room(c));
    else
        TRY(e);
    if (e == OK) {
        TRY(cred_get(c, seat.cred, cred));
        if (!bytes_equal(BYTES_OF(cred->stat), BYTES_OF(keys->stat)))
            return ERR_USED;
    }
    return seat_take(c, keys, id, &seat);
}

enum err seat_reset(struct call *c, const struct req_seat_reset *req,
                    struct rep_seat_reset *rep)
{
    AUTO_SECRET struct req_seat_enrol *keys = NULL;
    struct record_seat old = { 0 };
    uint8_t fp[FP_BYTES];
    uint8_t id[ID_BYTES];

    TRY(reset_keys(req, &keys));
    ident_fingerprint(req->sign_pub, req->seal_pub, fp);
    ident_seat_id(c->env->id->node_pub, fp, id);
    if (id_equal(id, c->who->seat))
        return ERR_STATE;
    TRY(seat_keys_mine(c, keys, id));
    TRY(seat_get(c, c->who->seat, &old));
    TRY(reset_new(c, keys, id, &old));
    TRY(cred_rekey(c, old.cred, req->old_stat, req->old_psk));
    old.operator_ = 0;
    old.reset = c->now;
    memcpy(rep->seat, id, ID_BYTES);
    return say(c, &old, NEWS_RESET, REC_SEAT_RESET);
}

/* ---- the tick ---- */

static enum err tick_seat(struct call *c, struct record_seat *seat, size_t *io_left)
{
    bool back = seat->paused != 0 && c->now >= seat->paused;
    /* A person set the clock back: nobody is away for longer than they may say. */
    bool far = seat->paused > c->now + 2 * SEAT_AWAY_S;

    if (far)
        seat->paused = c->now + SEAT_AWAY_S;
    if (!back && !is_telling(seat))
        return far ? seat_put(c, seat) : OK;
    if (back) {
        seat->paused = 0;
        say_later(seat, NEWS_AWAY, REC_SEAT_RESUMED);
    }
    for (size_t i = 0; i < SEAT_NEWS; i++)
        if (seat->tell[i].event != 0)
            TRY(tell_some(c, seat, &seat->tell[i], io_left));
    return seat_put(c, seat);
}

enum err seat_tick(struct call *c, bool *out_more)
{
    struct txn_key at = { 0 };
    size_t mark = c->mem.n;
    size_t left = SEAT_TOLD;
    enum err e = OK;

    while (left > 0) {
        struct record_seat seat = { 0 };

        e = record_next(c, TAB_SEAT, &record_seat_schema, (struct bytes){ 0 }, &at,
                        &seat);
        if (e == ERR_UNKNOWN)
            break;
        if (e == OK)
            e = tick_seat(c, &seat, &left);
        c->mem.n = mark;
        if (e != ERR_CORRUPT) /* it stays, the others go on */
            TRY(e);
    }
    *out_more = left < SEAT_TOLD;
    return OK;
}
