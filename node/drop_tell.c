/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drop_part.h"

enum { EVENT_BYTES = 128 };

/* ---- whose doing ---- */

/* What ends, delays or lets go a request, what takes a key away, and what guardian people
 * let happen, is never refused for want of room. Each follows something that is counted,
 * or needs their words. */
static bool must_tell(enum record_event event)
{
    static const uint8_t events[] = {
        REC_REQUEST_STOPPED,  REC_REQUEST_CANCELLED, REC_REQUEST_EXPIRED,
        REC_REQUEST_RELEASED, REC_ROSTER_RELEASED,   REC_CRED_DROPPED,
        REC_CRED_ENDING,      REC_WARD_ENROLLED,     REC_EPOCH_CONFIRMED,
        REC_RETIRE_PLANNED,   REC_EPOCH_RETIRED,     REC_END_PLANNED,
        REC_WARD_ENDED,       REC_EPOCH_ABORTED,     REC_MOVE_PLANNED,
        REC_MOVE_DONE,        REC_MOVE_REFUSED,      REC_END_CANCELLED,
    };

    for (size_t i = 0; i < sizeof events; i++)
        if (events[i] == event)
            return true;
    return false;
}

static enum drop_cause cause_of(const struct call *c, enum record_event event)
{
    if (c->who == NULL || must_tell(event))
        return CAUSE_MUST;
    if (c->who->role == ROLE_OWNER)
        return CAUSE_OWNER;
    if (c->who->role == ROLE_DEVICE)
        return CAUSE_DEVICE;
    if (c->who->via == CRED_SHEET)
        return CAUSE_SHEET;
    return c->who->via == CRED_ROSTER ? CAUSE_ROSTER : CAUSE_MUST;
}

/* ---- one event ---- */

static struct bytes event_put(const struct drop_event *ev, uint8_t raw[EVENT_BYTES])
{
    struct buf b = { .p = raw, .cap = EVENT_BYTES };

    wire_put(&drop_event_schema, ev, &b);
    MUST(!b.over);
    return buf_bytes(&b);
}

/* A drop whose head is damaged begins anew: its readers see that it went back, and
 * whatever is told of need not wait for ever. */
static enum err load_or_anew(struct call *c, const uint8_t drop[ID_BYTES],
                             enum drop_kind kind, const uint8_t holder[ID_BYTES],
                             struct record_drop *out)
{
    enum err e = drop_load(c, drop, out);

    if (e != ERR_CORRUPT)
        return e;
    *out = (struct record_drop){ .kind = (uint8_t)kind };
    memcpy(out->drop, drop, ID_BYTES);
    memcpy(out->holder, holder, ID_BYTES);
    return OK;
}

static enum err tell_drop(struct call *c, const uint8_t drop[ID_BYTES],
                          enum drop_kind kind, const uint8_t holder[ID_BYTES],
                          const struct drop_event *ev)
{
    struct record_drop d = { 0 };
    uint8_t raw[EVENT_BYTES];
    enum drop_cause cause =
        kind == KIND_INBOX ? CAUSE_MUST : cause_of(c, (enum record_event)ev->event);

    TRY(load_or_anew(c, drop, kind, holder, &d));
    TRY(drop_add(c, &d, event_put(ev, raw), cause));
    return drop_store(c, &d);
}

static enum err tell_inbox(struct call *c, const uint8_t seat[ID_BYTES],
                           const struct drop_event *ev)
{
    struct record_seat s = { 0 };
    struct txn_key key = key_id(seat);

    TRY(record_get(c, TAB_SEAT, &record_seat_schema, &key, &s));
    return tell_drop(c, s.inbox, KIND_INBOX, seat, ev);
}

enum err drop_alert(struct call *c, const struct record_ward *ward,
                    enum record_event event, const uint8_t *request, uint32_t epoch)
{
    struct drop_event ev = { .event = (uint8_t)event, .time = c->now, .epoch = epoch };

    memcpy(ev.ward, ward->ward, ID_BYTES);
    if (request != NULL)
        memcpy(ev.request, request, ID_BYTES);
    TRY(tell_drop(c, ward->log, KIND_LOG, ward->ward, &ev));
    if (!drop_event_loud(event))
        return OK;
    TRY(tell_drop(c, ward->alert, KIND_ALERT, ward->ward, &ev));
    /* A test asks whether the owner's alerts arrive; the guardian's are their own. */
    return event == REC_ALERT_TEST ? OK : tell_inbox(c, ward->seat, &ev);
}

enum err drop_tell(struct call *c, const struct record_ward *ward,
                   enum record_event event, const uint8_t *request, uint32_t epoch)
{
    TRY(record_log(c, event, ward->ward, request));
    return drop_alert(c, ward, event, request, epoch);
}

static enum err forget_shares(struct call *c, const uint8_t drop[ID_BYTES])
{
    struct record_drop d = { 0 };
    enum err e = drop_load(c, drop, &d);

    if (e == ERR_CORRUPT) /* it begins anew */
        return OK;
    TRY(e);
    memset(d.by, 0, sizeof d.by);
    return drop_store(c, &d);
}

enum err drop_new_root(struct call *c, const struct record_ward *ward)
{
    TRY(forget_shares(c, ward->alert));
    return forget_shares(c, ward->log);
}

/* ---- tests ---- */

/* One more test in a drop today. ERR_FULL: there were enough. */
static enum err count_test(struct call *c, const uint8_t drop[ID_BYTES],
                           enum drop_kind kind, const uint8_t holder[ID_BYTES])
{
    struct record_drop d = { 0 };
    uint64_t today = c->now / 86400;

    TRY(load_or_anew(c, drop, kind, holder, &d));
    if (d.test_day != today)
        d.tests = 0;
    if (d.tests >= DROP_TESTS_DAILY)
        return ERR_FULL;
    d.test_day = today;
    d.tests++;
    return drop_store(c, &d);
}

static enum err newest(struct call *c, const uint8_t drop[ID_BYTES], uint64_t *out_seq)
{
    struct record_drop d = { 0 };

    TRY(drop_load(c, drop, &d));
    *out_seq = d.seq;
    return OK;
}

static enum err test_ward(struct call *c, uint64_t *out_seq)
{
    struct record_ward ward = { 0 };
    struct txn_key key = key_id(c->who->ward);

    TRY(record_get(c, TAB_WARD, &record_ward_schema, &key, &ward));
    TRY(count_test(c, ward.alert, KIND_ALERT, ward.ward));
    TRY(drop_tell(c, &ward, REC_ALERT_TEST, NULL, 0));
    return newest(c, ward.alert, out_seq);
}

static enum err test_seat(struct call *c, uint64_t *out_seq)
{
    struct drop_event ev = { .event = REC_ALERT_TEST, .time = c->now };
    struct record_seat seat = { 0 };
    struct txn_key key = key_id(c->who->seat);

    TRY(record_get(c, TAB_SEAT, &record_seat_schema, &key, &seat));
    TRY(count_test(c, seat.inbox, KIND_INBOX, seat.seat));
    TRY(record_log(c, REC_ALERT_TEST, seat.seat, NULL));
    TRY(tell_drop(c, seat.inbox, KIND_INBOX, seat.seat, &ev));
    return newest(c, seat.inbox, out_seq);
}

enum err drop_test(struct call *c, const struct req_alert_test *req,
                   struct rep_alert_test *rep)
{
    (void)req;
    return c->who->role == ROLE_GUARDIAN ? test_seat(c, &rep->seq)
                                         : test_ward(c, &rep->seq);
}

/* ---- of one request ---- */

enum err drop_request(struct call *c, const uint8_t ward[ID_BYTES],
                      enum record_event event, const uint8_t request[ID_BYTES])
{
    struct drop_event ev = { .event = (uint8_t)event, .time = c->now };
    uint8_t raw[EVENT_BYTES];

    memcpy(ev.ward, ward, ID_BYTES);
    memcpy(ev.request, request, ID_BYTES);
    if (event == REC_REQUEST_LIVE)
        TRY(drop_new(c, request, KIND_REQUEST, ward));
    return drop_append(c, request, event_put(&ev, raw));
}
