/* SPDX-License-Identifier: Apache-2.0 */
/* After every step: what each node holds is what people and time made it. */
#include "node/drop.h"
#include "node/ward.h"
#include "tests/sim/oracle.h"

enum { HOUR = 3600, DAY = 86400, KEPT_S = 90 * DAY, READ_MAX = 32 };

/* ---- alerts ---- */

struct read_job {
    struct people *p;
    size_t seat;
};

/* One entry: it chains to what was read before. */
static bool read_one(struct call *c, struct ward_model *w, const uint8_t drop[ID_BYTES],
                     const struct drop_entry *entry)
{
    struct bytes blob = { 0 };
    struct drop_event event = { 0 };
    uint8_t hash[HASH_BYTES];
    uint8_t head[HASH_BYTES];

    if (drop_get(c, drop, entry->seq, &blob) != OK ||
        wire_get(&drop_event_schema, blob, &event) != OK)
        return false;
    drop_blob_hash(blob, hash);
    drop_chain(w->alert_head, entry->seq, entry->received, hash, head);
    if (entry->seq < sizeof w->alerts / sizeof w->alerts[0]) {
        w->alerts[entry->seq] = event.event;
        memcpy(w->alert_of[entry->seq], event.request, ID_BYTES);
    }
    bool chained = entry->seq == w->alert_seq + 1 &&
                   bytes_equal(BYTES_OF(head), BYTES_OF(entry->head));

    memcpy(w->alert_head, entry->head, HASH_BYTES);
    w->alert_seq = entry->seq;
    return chained;
}

/* All new alerts; after a node went back, only where they end now. */
static enum err read_new(struct call *c, struct people *p, size_t seat,
                         const uint8_t drop[ID_BYTES])
{
    struct drop_entry entries[READ_MAX];
    struct ward_model *w = &p->wards[seat];
    bool anew = w->alert_seq == UINT64_MAX;
    size_t mark = c->mem.n;
    size_t n = READ_MAX;

    w->alert_seq = anew ? 0 : w->alert_seq;
    while (n == READ_MAX) {
        TRY(drop_list(c, drop, w->alert_seq, entries, READ_MAX, &n));
        for (size_t i = 0; i < n; i++) {
            c->mem.n = mark;
            if (!read_one(c, w, drop, &entries[i]) && !anew)
                world_broken(&p->w, "alerted_before_approvable",
                             "%s's alerts do not chain", seat_name(seat));
        }
    }
    return OK;
}

/* What was read last is still there: nothing acknowledged is forgotten. */
static enum err check_kept(struct call *c, struct people *p, size_t seat,
                           const uint8_t drop[ID_BYTES])
{
    struct ward_model *w = &p->wards[seat];
    struct log_head log = { 0 };
    struct drop_entry last = { 0 };
    size_t n = 0;

    TRY(txn_log_head(c->txn, &log));
    if (w->alert_seq != UINT64_MAX && w->alert_seq > 0)
        TRY(drop_list(c, drop, w->alert_seq - 1, &last, 1, &n));
    /* The last entry may be 180 days old, and gone. */
    if (log.seq < w->log_seq ||
        (n == 1 && last.seq == w->alert_seq &&
         !bytes_equal(BYTES_OF(last.head), BYTES_OF(w->alert_head))))
        world_broken(&p->w, "said_done_survives", "%s's node forgot alerts or log",
                     seat_name(seat));
    w->log_seq = log.seq;
    return OK;
}

static enum err read_alerts(struct txn *t, void *arg)
{
    struct read_job *j = arg;
    struct people *p = j->p;
    const struct seat *s = &p->seats[j->seat];
    AUTO_FREE uint8_t *mem = calloc(1, SCRATCH_BYTES);
    struct call c = { .txn = t,
                      .env = &p->w.houses[s->house].n.env,
                      .now = p->w.houses[s->house].n.now,
                      .mem = { .p = mem, .cap = SCRATCH_BYTES } };
    struct record_ward ward = { 0 };

    MUST(mem != NULL);
    TRY(ward_get(&c, s->o.ward, &ward));
    TRY(check_kept(&c, p, j->seat, ward.alert));
    return read_new(&c, p, j->seat, ward.alert);
}

static bool is_alerted(const struct ward_model *w, const struct ask *a, unsigned event)
{
    for (uint64_t i = 1; i <= w->alert_seq && i < 512; i++)
        if (w->alerts[i] == event && id_equal(w->alert_of[i], a->request))
            return true;
    return w->alert_seq >= 512;
}

/* ---- requests ---- */

static void check_alerts(struct people *p, const struct ask *a, unsigned state)
{
    const struct ward_model *w = &p->wards[a->seat];

    if (a->m.live != 0 && !is_alerted(w, a, REC_REQUEST_LIVE))
        world_broken(&p->w, "alerted_before_approvable",
                     "%s's node shows a request it never alerted", seat_name(a->seat));
    if (state == STATE_APPROVED && !is_alerted(w, a, REC_REQUEST_APPROVED))
        world_broken(&p->w, "alerted_before_approvable", "an approval was not alerted");
    if (a->m.stopped != 0 && !is_alerted(w, a, REC_REQUEST_STOPPED))
        world_broken(&p->w, "alerted_before_approvable", "a stop was not alerted");
}

/* So late that it must have ended. */
static bool must_be_over(const struct people *p, const struct ask *a)
{
    const struct model *m = &a->m;
    uint64_t last = m->opened + m->hold + 3 * (uint64_t)m->stop_hold;

    if (m->odd || p->wards[a->seat].unsure)
        return false;
    if (m->state == STATE_APPROVED)
        return p->w.now > model_due(p, a) + 14 * DAY;
    /* Each stop moves its end, and with it the last moment it could open. */
    if (last < m->hold_end + 2 * (uint64_t)m->stop_hold)
        last = m->hold_end + 2 * (uint64_t)m->stop_hold;
    return p->w.now > last + HOUR + 14 * DAY;
}

static void ended_by_itself(struct people *p, struct ask *a)
{
    if (p->w.now < model_may_end(p, a))
        world_broken(&p->w,
                     a->m.state == STATE_APPROVED ? "yes_is_kept"
                                                  : "expires_after_it_opens",
                     "%s's request ended %u s after it was opened", seat_name(a->seat),
                     (unsigned)(p->w.now - a->m.opened));
    model_expired(p, a);
}

static void compare(struct people *p, struct ask *a, unsigned state)
{
    struct model *m = &a->m;

    check_alerts(p, a, state);
    if (state == STATE_EXPIRED && !model_is_over(m)) {
        ended_by_itself(p, a);
        return;
    }
    if (state != m->state)
        world_broken(&p->w,
                     m->state == STATE_APPROVED ? "yes_is_kept" : "states_as_drawn",
                     "%s's request is %s, not %s", seat_name(a->seat),
                     request_state_name(state), request_state_name(m->state));
    else if (!model_is_over(m) && must_be_over(p, a))
        world_broken(&p->w, "what_is_over_ends", "%s's request is still %s",
                     seat_name(a->seat), request_state_name(state));
}

static void look_at(struct people *p, struct ask *a)
{
    const struct seat *s = &p->seats[a->seat];
    struct req_request req = { 0 };
    struct rep_request rep = { 0 };
    enum err e;

    a->m.odd = a->m.odd || p->w.houses[s->house].odd;
    if (a->m.live == 0 || a->m.state == 0)
        return;
    memcpy(req.request, a->request, ID_BYTES);
    e = node_sim_ask(&p->w.houses[s->house].n, &s->g.who, MSG_REQUEST, &req, &rep);
    if (e == OK) {
        compare(p, a, rep.line[0].state);
        return;
    }
    /* A clock that stood noted an end too early: then it is listed for less long. */
    if (e != ERR_UNKNOWN ||
        (model_is_over(&a->m) ? !a->m.odd && p->w.now < a->m.ended + KEPT_S
                              : p->w.now < model_may_end(p, a)))
        world_broken(&p->w, "said_done_survives", "%s's node has no request: %s",
                     seat_name(a->seat), err_name(e));
    a->m.state = 0;
}

/* ---- what the thief has ---- */

static void check_thief(struct people *p)
{
    for (size_t i = 0; i < p->n_asks; i++) {
        const struct ask *a = &p->asks[i];

        if (p->restores[a->restore].thief && a->n_pieces > 0 && !p->seats[a->seat].fooled)
            world_broken(&p->w, "thief_gets_nothing", "%s's piece, who was not fooled",
                         seat_name(a->seat));
    }
}

/* The owner's program learns that this guardian's piece opens no more. */
static void check_reset(struct people *p, size_t seat)
{
    const struct ward_model *w = &p->wards[seat];
    bool told = w->alert_seq >= 512;

    for (uint64_t i = 1; i <= w->alert_seq && i < 512; i++)
        told = told || w->alerts[i] == REC_SEAT_RESET;
    if (w->reset && !told)
        world_broken(&p->w, "new_keys_count", "%s's ward never hears of them",
                     seat_name(seat));
}

void oracle_look(struct people *p)
{
    for (size_t i = 0; i < p->n && p->w.broken == NULL; i++) {
        struct read_job job = { p, i };
        struct house *h = &p->w.houses[p->seats[i].house];

        (void)house_now(&p->w, p->seats[i].house);
        p->wards[i].fuzzy = p->wards[i].fuzzy || h->odd;
        if (!h->down && store_read(h->n.store, read_alerts, &job) != OK)
            world_broken(&p->w, "said_done_survives", "%s's alerts are gone",
                         seat_name(i));
        check_reset(p, i);
        oracle_look_vault(p, i);
        oracle_look_epochs(p, i);
        oracle_look_root(p, i);
    }
    oracle_look_circle(p);
    for (size_t i = 0; i < p->n_asks && p->w.broken == NULL; i++)
        look_at(p, &p->asks[i]);
    check_thief(p);
}
