/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/drop_part.h"
#include "node/drop_serve.h"
#include "node/seat.h"
#include "node/ward.h"
#include "tests/sim/cast.h"

enum { DAY = 86400, DEVICES = 10 };

/* Two owners at one seat, each with an epoch; devices of the first. */
struct device {
    struct sim_login login;
    struct sign_seed sign;
    uint8_t sign_pub[PUB_BYTES];
    uint8_t id[ID_BYTES];
    struct session who;
};

struct world {
    struct node_sim n;
    struct sim_guardian g;
    struct sim_owner o;
    struct sim_owner p;
    struct sim_epoch e;
    struct device d[DEVICES];
    struct rep_drop_list list;
};

static int up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, 31);
    sim_seat(&w->n, &w->g);
    sim_ward(&w->n, &w->g, &w->o);
    sim_ward(&w->n, &w->g, &w->p);
    *state = w;
    return 0;
}

static int down(void **state)
{
    struct world *w = *state;

    node_sim_close(&w->n);
    free(w);
    return 0;
}

static void device_new(struct world *w, struct device *d)
{
    struct req_cred_new req = { .type = CRED_DEVICE };

    sim_login_new(&d->login, ROLE_DEVICE, &w->n.rng);
    rng_fill(&w->n.rng, d->sign.b, sizeof d->sign.b);
    crypt_sign_public(&d->sign, d->sign_pub);
    rng_fill(&w->n.rng, d->id, ID_BYTES);
    sim_op(&w->n, req.op);
    memcpy(req.id, d->id, ID_BYTES);
    memcpy(req.psk, d->login.psk.b, KEY_BYTES);
    memcpy(req.stat, d->login.pub, PUB_BYTES);
    memcpy(req.sign, d->sign_pub, PUB_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_NEW, &req, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &d->login, &d->who), OK);
}

/* ---- what is asked ---- */

static enum err try_list(struct world *w, const struct session *who, uint8_t which,
                         const uint8_t *drop, uint64_t after)
{
    struct req_drop_list req = { .which = which, .after = after };

    if (drop != NULL)
        memcpy(req.drop, drop, ID_BYTES);
    memset(&w->list, 0, sizeof w->list);
    return node_sim_ask(&w->n, who, MSG_DROP_LIST, &req, &w->list);
}

/* Lists, and checks what a reader checks: the chain of the page, and the receipt. */
static const struct rep_drop_list *list(struct world *w, const struct session *who,
                                        uint8_t which, const uint8_t *drop,
                                        uint64_t after)
{
    struct rep_drop_list *r = &w->list;
    struct drop_receipt now = { 0 };
    uint8_t head[HASH_BYTES];
    uint8_t hash[HASH_BYTES];

    assert_int_equal(try_list(w, who, which, drop, after), OK);
    memcpy(head, r->head, HASH_BYTES);
    for (uint32_t i = 0; i < r->n_lines; i++) {
        const struct drop_line *l = &r->lines[i];

        if (l->blob.n > 0) {
            drop_blob_hash(l->blob, hash);
            assert_memory_equal(hash, l->hash, HASH_BYTES);
            assert_int_equal(l->blob.n, l->size);
        } else {
            assert_true(l->size > DROP_INLINE);
        }
        drop_chain(head, l->seq, l->received, l->hash, head);
    }
    assert_int_equal(drop_receipt_open(r->receipt, w->n.env.id->sign_pub, &now), OK);
    assert_memory_equal(now.drop, r->drop, ID_BYTES);
    assert_memory_equal(now.incarnation, w->n.env.id->incarnation, ID_BYTES);
    assert_int_equal(now.time, w->n.now);
    if (r->more == 0)
        assert_memory_equal(head, now.head, HASH_BYTES);
    if (r->more == 0 && r->n_lines > 0)
        assert_int_equal(now.seq, r->lines[r->n_lines - 1].seq);
    return r;
}

/* The events of a listing that was just made. */
static size_t count_event(const struct rep_drop_list *r, enum record_event event)
{
    size_t n = 0;

    for (uint32_t i = 0; i < r->n_lines; i++) {
        struct drop_event ev = { 0 };

        assert_int_equal(wire_get(&drop_event_schema, r->lines[i].blob, &ev), OK);
        n += ev.event == event;
    }
    return n;
}

static size_t told(struct world *w, const struct session *who, uint8_t which,
                   enum record_event event)
{
    return count_event(list(w, who, which, NULL, 0), event);
}

static struct req_drop_create create_req(struct world *w, enum drop_rule rule)
{
    struct req_drop_create req = { .rule = (uint8_t)rule };

    sim_op(&w->n, req.op);
    return req;
}

static enum err create(struct world *w, const struct session *who,
                       const struct req_drop_create *req, uint8_t out[ID_BYTES])
{
    struct rep_drop_create rep = { 0 };

    TRY(node_sim_ask(&w->n, who, MSG_DROP_CREATE, req, &rep));
    memcpy(out, rep.drop, ID_BYTES);
    return OK;
}

static void made(struct world *w, const struct session *who, uint8_t out[ID_BYTES])
{
    struct req_drop_create req = create_req(w, DROP_RULE_HOLDER);

    assert_int_equal(create(w, who, &req, out), OK);
}

static struct req_drop_put put_req(struct world *w, const uint8_t drop[ID_BYTES],
                                   struct bytes blob)
{
    struct req_drop_put req = { .blob = blob };

    sim_op(&w->n, req.op);
    memcpy(req.drop, drop, ID_BYTES);
    return req;
}

static enum err put(struct world *w, const struct session *who,
                    const uint8_t drop[ID_BYTES], struct bytes blob)
{
    struct req_drop_put req = put_req(w, drop, blob);

    return node_sim_ask(&w->n, who, MSG_DROP_PUT, &req, NULL);
}

/* Frees up to seq, or only tries. */
static enum err ack_free(struct world *w, const struct session *who,
                         const uint8_t drop[ID_BYTES], uint64_t seq, const uint8_t *head)
{
    struct req_drop_ack req = { .seq = seq };

    sim_op(&w->n, req.op);
    memcpy(req.drop, drop, ID_BYTES);
    memcpy(req.head, head, HASH_BYTES);
    return node_sim_ask(&w->n, who, MSG_DROP_ACK, &req, NULL);
}

static enum err close_drop(struct world *w, const struct session *who,
                           const uint8_t drop[ID_BYTES])
{
    struct req_drop_close req = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.drop, drop, ID_BYTES);
    return node_sim_ask(&w->n, who, MSG_DROP_CLOSE, &req, NULL);
}

static enum err alert_test(struct world *w, const struct session *who, uint64_t *out_seq)
{
    struct req_alert_test req = { 0 };
    struct rep_alert_test rep = { 0 };

    sim_op(&w->n, req.op);
    TRY(node_sim_ask(&w->n, who, MSG_ALERT_TEST, &req, &rep));
    *out_seq = rep.seq;
    return OK;
}

static enum err do_tick(struct call *c, void *arg)
{
    return drop_serve_tick(c, arg);
}

/* Until there is no more, but not for ever. */
static void tick(struct world *w)
{
    for (int i = 0; i < 64; i++) {
        bool more = false;

        assert_int_equal(node_sim_write(&w->n, NULL, do_tick, &more), OK);
    }
}

/* Blobs of a drop that are in the store. */
struct stored {
    const uint8_t *drop;
    size_t n;
    bool head;
};

static enum err do_stored(struct call *c, void *arg)
{
    struct stored *s = arg;
    struct txn_key at = { 0 };
    struct txn_key key = key_id(s->drop);
    enum err e;

    s->head = txn_has(c->txn, TAB_DROP, key_bytes(&key)) == OK;
    while ((e = txn_next(c->txn, TAB_BLOB, bytes_of(s->drop, ID_BYTES), &at,
                         (struct span){ 0 }, NULL)) == OK)
        s->n++;
    return e == ERR_UNKNOWN ? OK : e;
}

static struct stored stored(struct world *w, const uint8_t drop[ID_BYTES])
{
    struct stored s = { .drop = drop };

    assert_int_equal(node_sim_write(&w->n, NULL, do_stored, &s), OK);
    return s;
}

/* ---- who may see what ---- */

static enum err ask_each(struct world *w, const struct session *who,
                         const uint8_t drop[ID_BYTES], uint16_t kind)
{
    struct req_drop_list l = { 0 };
    struct req_drop_get g = { .seq = 1 };
    struct req_drop_watch v = { 0 };
    static const uint8_t head[HASH_BYTES];

    memcpy(l.drop, drop, ID_BYTES);
    memcpy(g.drop, drop, ID_BYTES);
    memcpy(v.drop, drop, ID_BYTES);
    switch (kind) {
    case MSG_DROP_LIST:
        return node_sim_ask(&w->n, who, kind, &l, NULL);
    case MSG_DROP_GET:
        return node_sim_ask(&w->n, who, kind, &g, NULL);
    case MSG_DROP_WATCH:
        return node_sim_ask(&w->n, who, kind, &v, NULL);
    case MSG_DROP_ACK:
        return ack_free(w, who, drop, 0, head);
    default:
        return close_drop(w, who, drop);
    }
}

static void what_is_not_ones_own_is_unknown(void **state)
{
    static const uint16_t kinds[] = { MSG_DROP_LIST, MSG_DROP_GET, MSG_DROP_WATCH,
                                      MSG_DROP_ACK, MSG_DROP_CLOSE };
    struct world *w = *state;
    uint8_t ids[4][ID_BYTES];

    device_new(w, &w->d[0]);
    rng_fill(&w->n.rng, ids[0], ID_BYTES); /* nobody's */
    made(w, &w->p.who, ids[1]);            /* another ward's */
    made(w, &w->g.who, ids[2]);            /* the guardian's */
    made(w, &w->o.who, ids[3]);            /* closed */
    assert_int_equal(put(w, &w->p.who, ids[1], bytes_text("x")), OK);
    assert_int_equal(put(w, &w->g.who, ids[2], bytes_text("x")), OK);
    assert_int_equal(put(w, &w->o.who, ids[3], bytes_text("x")), OK);
    assert_int_equal(close_drop(w, &w->o.who, ids[3]), OK);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            assert_int_equal(ask_each(w, &w->o.who, ids[i], kinds[k]), ERR_UNKNOWN);
            assert_int_equal(ask_each(w, &w->d[0].who, ids[i], kinds[k]), ERR_UNKNOWN);
        }
    /* A guardian does not read what its ward made, nor alerts by their id. */
    assert_int_equal(ask_each(w, &w->g.who, ids[1], MSG_DROP_LIST), ERR_UNKNOWN);
    (void)list(w, &w->o.who, DROP_ALERTS, NULL, 0);
    memcpy(ids[0], w->list.drop, ID_BYTES);
    assert_int_equal(ask_each(w, &w->g.who, ids[0], MSG_DROP_LIST), ERR_UNKNOWN);
    assert_int_equal(ask_each(w, &w->p.who, ids[0], MSG_DROP_LIST), ERR_UNKNOWN);
    assert_int_equal(ask_each(w, &w->d[0].who, ids[0], MSG_DROP_LIST), OK);
    /* The node's own is never closed. */
    assert_int_equal(close_drop(w, &w->o.who, ids[0]), ERR_UNKNOWN);
}

static void names_of_drops_are_for_those_they_concern(void **state)
{
    struct world *w = *state;
    struct sim_asker a;
    struct session asker = { 0 };

    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_ask(&w->n, &w->o, &a);
    assert_int_equal(node_sim_login(&w->n, &a.login, &asker), OK);
    assert_int_equal(try_list(w, &asker, DROP_ALERTS, NULL, 0), ERR_UNKNOWN);
    assert_int_equal(try_list(w, &asker, DROP_LOG, w->o.ward, 0), ERR_UNKNOWN);
    assert_int_equal(try_list(w, &w->o.who, DROP_OF_REQUEST, a.request, 0), ERR_UNKNOWN);
    assert_int_equal(try_list(w, &w->g.who, DROP_OF_REQUEST, a.request, 0), ERR_UNKNOWN);
    /* A guardian says of which ward; of none, or a foreign one, there is no log. */
    assert_int_equal(try_list(w, &w->g.who, DROP_LOG, NULL, 0), ERR_UNKNOWN);
    assert_int_equal(try_list(w, &w->g.who, DROP_LOG, w->g.seat, 0), ERR_UNKNOWN);
    (void)list(w, &w->g.who, DROP_LOG, w->o.ward, 0);
    /* An owner has one log, whatever is asked for. */
    (void)list(w, &w->p.who, DROP_LOG, w->o.ward, 0);
    assert_int_equal(count_event(&w->list, REC_REQUEST_LIVE), 0);
    /* The requester's own, by either way. */
    assert_int_equal(list(w, &asker, DROP_OF_REQUEST, NULL, 0)->n_lines, 1);
    assert_int_equal(list(w, &asker, DROP_BY_ID, a.request, 0)->n_lines, 1);
    assert_int_equal(try_list(w, &asker, DROP_BY_ID, w->list.drop, 0), OK);
    assert_int_equal(try_list(w, &w->p.who, DROP_BY_ID, a.request, 0), ERR_UNKNOWN);
}

/* ---- what is told ---- */

static void events_reach_log_alerts_and_inbox(void **state)
{
    struct world *w = *state;
    struct sim_asker a;

    device_new(w, &w->d[0]);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_ask(&w->n, &w->o, &a);
    assert_int_equal(told(w, &w->o.who, DROP_ALERTS, REC_WARD_ENROLLED), 1);
    assert_int_equal(told(w, &w->d[0].who, DROP_ALERTS, REC_REQUEST_LIVE), 1);
    assert_int_equal(told(w, &w->o.who, DROP_ALERTS, REC_CRED_MADE), 0);
    /* A restore link is a credential of the ward, too. */
    assert_int_equal(told(w, &w->o.who, DROP_LOG, REC_CRED_MADE), 2);
    assert_int_equal(told(w, &w->o.who, DROP_LOG, REC_REQUEST_LIVE), 1);
    assert_int_equal(told(w, &w->o.who, DROP_LOG, REC_EPOCH_COMMITTED), 1);
    /* The seat's inbox: both wards, loud events only. */
    assert_int_equal(told(w, &w->g.who, DROP_ALERTS, REC_WARD_ENROLLED), 2);
    assert_int_equal(told(w, &w->g.who, DROP_ALERTS, REC_REQUEST_LIVE), 1);
    assert_int_equal(told(w, &w->g.who, DROP_ALERTS, REC_CRED_MADE), 0);
    /* The other ward hears nothing of it. */
    assert_int_equal(told(w, &w->p.who, DROP_ALERTS, REC_REQUEST_LIVE), 0);
    assert_int_equal(list(w, &w->p.who, DROP_LOG, NULL, 0)->n_lines, 1);
}

/* Who has the root's account may let a device in, and shut it out at once; both hear of
 * it, and nobody else can. */
static void a_device_comes_loudly_and_goes_at_once(void **state)
{
    struct world *w = *state;
    struct req_cred_drop drop = { 0 };
    struct req_wards wards = { 0 };

    device_new(w, &w->d[0]);
    device_new(w, &w->d[1]);
    assert_int_equal(told(w, &w->d[0].who, DROP_ALERTS, REC_DEVICE_MADE), 2);
    assert_int_equal(told(w, &w->g.who, DROP_ALERTS, REC_DEVICE_MADE), 2);
    memcpy(drop.id, w->d[1].who.cred, ID_BYTES);
    sim_op(&w->n, drop.op);
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_CRED_DROP, &drop, NULL),
                     ERR_REFUSED);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CRED_DROP, &drop, NULL),
                     ERR_UNKNOWN);
    assert_int_equal(node_sim_ask(&w->n, &w->p.who, MSG_CRED_DROP, &drop, NULL),
                     ERR_UNKNOWN);
    assert_int_equal(node_sim_ask(&w->n, &w->d[1].who, MSG_WARDS, &wards, NULL), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_DROP, &drop, NULL), OK);
    assert_int_equal(node_sim_ask(&w->n, &w->d[1].who, MSG_WARDS, &wards, NULL),
                     ERR_REFUSED);
    assert_int_equal(told(w, &w->o.who, DROP_LOG, REC_CRED_DROPPED), 1);
}

static void tests_are_counted_by_the_day(void **state)
{
    struct world *w = *state;
    uint64_t seq = 0;

    device_new(w, &w->d[0]);
    w->n.now -= w->n.now % DAY; /* a day's beginning */
    for (uint64_t i = 0; i < DROP_TESTS_DAILY; i++) {
        const struct session *who = i % 2 ? &w->o.who : &w->d[0].who;

        assert_int_equal(alert_test(w, who, &seq), OK);
        assert_int_equal(seq, i + 3); /* a ward enrolled, a device let in, tests */
    }
    assert_int_equal(alert_test(w, &w->o.who, &seq), ERR_FULL);
    assert_int_equal(alert_test(w, &w->d[0].who, &seq), ERR_FULL);
    /* Another ward's, and the guardian's, are counted for themselves. */
    assert_int_equal(alert_test(w, &w->p.who, &seq), OK);
    assert_int_equal(alert_test(w, &w->g.who, &seq), OK);
    assert_int_equal(told(w, &w->g.who, DROP_ALERTS, REC_ALERT_TEST), 1);
    assert_int_equal(seq, w->list.lines[w->list.n_lines - 1].seq);
    assert_int_equal(told(w, &w->o.who, DROP_ALERTS, REC_ALERT_TEST), 8);
    assert_int_equal(told(w, &w->o.who, DROP_LOG, REC_ALERT_TEST), 8);
    w->n.now += DAY - 1;
    assert_int_equal(alert_test(w, &w->o.who, &seq), ERR_FULL);
    w->n.now += 1;
    assert_int_equal(alert_test(w, &w->o.who, &seq), OK);
}

/* ---- nobody drowns the alerts of others ---- */

/* A device tests until its share is used up. */
static void devices_talk(struct world *w)
{
    uint64_t seq = 0;
    int n = 0;

    while (alert_test(w, &w->d[0].who, &seq) == OK) {
        assert_true(n++ < 100);
        w->n.now += DAY;
    }
    assert_int_equal(n, w->n.limits.blobs / 16);
}

static void a_talkative_key_fills_only_its_share(void **state)
{
    struct world *w = *state;
    struct sim_asker a;
    struct req_refuse refuse = { 0 };
    uint64_t seq = 0;

    w->n.limits.blobs = 64;
    device_new(w, &w->d[0]);
    device_new(w, &w->d[1]);
    devices_talk(w);
    assert_int_equal(alert_test(w, &w->d[1].who, &seq), ERR_FULL);
    /* What others do has its room: the owner's, a link's, the guardian's. */
    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_ask(&w->n, &w->o, &a);
    sim_op(&w->n, refuse.op);
    memcpy(refuse.request, a.request, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_REFUSE, &refuse, NULL), OK);
    assert_int_equal(told(w, &w->o.who, DROP_ALERTS, REC_REQUEST_REFUSED), 1);
    assert_int_equal(told(w, &w->o.who, DROP_ALERTS, REC_ALERT_TEST), 4);
    /* Its share is its own again when what filled it is old. */
    w->n.now += DROP_KEEP_S;
    assert_int_equal(alert_test(w, &w->d[0].who, &seq), OK);
}

/* Tells as somebody; what the store holds decides. */
struct teller {
    const uint8_t *ward;
    enum record_event event;
    uint8_t source;
};

static enum err do_tell(struct call *c, void *arg)
{
    const struct teller *t = arg;
    struct record_ward ward = { 0 };

    c->source[0] = t->source;

    TRY(ward_get(c, t->ward, &ward));
    return drop_tell(c, &ward, t->event, NULL, 0);
}

static enum err tell(struct world *w, const struct session *who, enum record_event event)
{
    struct teller t = { w->o.ward, event, 0 };

    return node_sim_write(&w->n, who, do_tell, &t);
}

static enum err tell_from(struct world *w, const struct session *who, uint8_t source)
{
    struct teller t = { w->o.ward, REC_REQUEST_LIVE, source };

    return node_sim_write(&w->n, who, do_tell, &t);
}

static size_t tell_until_full(struct world *w, const struct session *who,
                              enum record_event event)
{
    size_t n = 0;

    while (n < 1000 && tell(w, who, event) == OK)
        n++;
    return n;
}

static void each_cause_has_its_share(void **state)
{
    struct world *w = *state;
    struct session sheet = { .role = ROLE_RESTORE, .type = CRED_SHEET };
    struct session roster = { .role = ROLE_REQUESTER, .type = CRED_REQUESTER };
    struct session link = { .role = ROLE_RESTORE, .type = CRED_RESTORE };

    sheet.via = CRED_SHEET;
    roster.via = CRED_ROSTER;
    link.via = CRED_RESTORE;
    w->n.limits.blobs = 64;
    assert_int_equal(tell_until_full(w, &sheet, REC_REQUEST_LIVE), 4);
    assert_int_equal(tell_until_full(w, &roster, REC_REQUEST_LIVE), 8);
    assert_int_equal(tell_until_full(w, &w->o.who, REC_EPOCH_PREPARED), 8);
    /* What ends a request is never refused, whoever ends it. */
    assert_int_equal(tell(w, &sheet, REC_REQUEST_CANCELLED), OK);
    assert_int_equal(tell(w, &w->o.who, REC_REQUEST_STOPPED), OK);
    assert_int_equal(tell(w, &roster, REC_REQUEST_RELEASED), OK);
    /* Nobody pushed anything out: the first is still there. */
    assert_int_equal(list(w, &w->o.who, DROP_ALERTS, NULL, 0)->first, 1);
    assert_int_equal(w->list.n_lines, 24);
    /* A link of the guardian always has room; then the oldest goes. */
    for (int i = 0; i < 50; i++)
        assert_int_equal(tell(w, &link, REC_REQUEST_LIVE), OK);
    assert_int_equal(list(w, &w->o.who, DROP_ALERTS, NULL, 0)->n_lines, 64);
    assert_int_equal(w->list.first, 11);
    /* A full one takes no more of what may be refused, share or not. */
    assert_int_equal(tell(w, &sheet, REC_REQUEST_LIVE), ERR_FULL);
}

static void one_source_leaves_room_for_another(void **state)
{
    struct world *w = *state;
    struct session roster = { .role = ROLE_REQUESTER, .via = CRED_ROSTER };
    struct session sheet = { .role = ROLE_RESTORE, .via = CRED_SHEET };

    w->n.limits.blobs = 128;
    for (uint8_t source = 1; source <= 4; source++) {
        for (int i = 0; i < 4; i++)
            assert_int_equal(tell_from(w, &roster, source), OK);
        assert_int_equal(tell_from(w, &roster, source), ERR_FULL);
    }
    /* Four of them have filled what is there for all of their kind; sheets are another.
     */
    assert_int_equal(tell_from(w, &roster, 5), ERR_FULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tell_from(w, &sheet, 1), OK);
    assert_int_equal(tell_from(w, &sheet, 1), ERR_FULL);
    assert_int_equal(tell_from(w, &sheet, 2), OK);
    w->n.now += DROP_KEEP_S;
    assert_int_equal(tell_from(w, &roster, 1), OK);
}

static void what_is_refused_as_full_is_not_done(void **state)
{
    struct world *w = *state;
    struct sim_login sheet;
    struct sim_asker a = { 0 };
    struct req_open open = { 0 };
    struct req_cred_new req = { .type = CRED_SHEET, .id = { 5 } };
    struct req_reveal reveal = { 0 };
    struct session other = { .role = ROLE_RESTORE, .via = CRED_SHEET };
    struct req_requests all = { 0 };
    struct rep_requests rep = { 0 };
    struct rep_open opened = { 0 };
    struct view v = { 0 };

    w->n.limits.blobs = 64;
    sim_epoch(&w->n, &w->o, 1, &w->e);
    sim_login_new(&sheet, ROLE_RESTORE, &w->n.rng);
    sim_asker_new(&w->n, &w->o, &a, &open);
    sim_op(&w->n, req.op);
    memcpy(req.psk, sheet.psk.b, KEY_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_NEW, &req, NULL), OK);
    sheet = a.link;
    memcpy(sheet.id, req.id, ID_BYTES);
    memcpy(sheet.psk.b, req.psk, KEY_BYTES);
    assert_int_equal(node_sim_login(&w->n, &sheet, &a.who), OK);
    assert_int_equal(node_sim_ask(&w->n, &a.who, MSG_OPEN, &open, &opened), OK);
    assert_int_equal(view_open(opened.view, w->n.env.id->sign_pub, &v), OK);
    (void)tell_until_full(w, &other, REC_REQUEST_LIVE);
    sim_op(&w->n, reveal.op);
    memcpy(reveal.request, v.request, ID_BYTES);
    memcpy(reveal.nonce, a.nonce, sizeof reveal.nonce);
    assert_int_equal(node_sim_ask(&w->n, &a.who, MSG_REVEAL, &reveal, NULL), ERR_FULL);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_REQUESTS, &all, &rep), OK);
    assert_int_equal(rep.n_requests, 0);
}

static enum err do_break(struct call *c, void *arg)
{
    struct txn_key key = key_id(arg);

    return txn_put(c->txn, TAB_DROP, key_bytes(&key), bytes_text("damaged"));
}

static void a_damaged_drop_holds_up_nothing(void **state)
{
    struct world *w = *state;
    struct sim_asker a;
    uint8_t alert[ID_BYTES];

    sim_epoch(&w->n, &w->o, 1, &w->e);
    memcpy(alert, list(w, &w->o.who, DROP_ALERTS, NULL, 0)->drop, ID_BYTES);
    assert_true(w->list.n_lines > 1);
    assert_int_equal(node_sim_write(&w->n, NULL, do_break, alert), OK);
    assert_int_equal(try_list(w, &w->o.who, DROP_ALERTS, NULL, 0), ERR_CORRUPT);
    sim_ask(&w->n, &w->o, &a);
    /* It begins anew, and its readers see that it went back. */
    assert_int_equal(list(w, &w->o.who, DROP_ALERTS, NULL, 0)->n_lines, 1);
    assert_int_equal(w->list.lines[0].seq, 1);
    assert_int_equal(count_event(&w->list, REC_REQUEST_LIVE), 1);
}

/* ---- listing ---- */

static void a_list_comes_in_pages(void **state)
{
    struct world *w = *state;
    uint8_t drop[ID_BYTES];

    made(w, &w->o.who, drop);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->first, 0);
    for (int i = 0; i < DROP_LINES + 3; i++)
        assert_int_equal(put(w, &w->o.who, drop, bytes_text("blob")), OK);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, DROP_LINES);
    assert_int_equal(w->list.more, 1);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, DROP_LINES)->n_lines, 3);
    assert_int_equal(w->list.more, 0);
    assert_int_equal(w->list.lines[0].seq, DROP_LINES + 1);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, DROP_LINES + 3)->n_lines, 0);
    assert_int_equal(try_list(w, &w->o.who, DROP_BY_ID, drop, UINT64_MAX), OK);
    assert_int_equal(w->list.n_lines, 0);
}

static void a_large_blob_is_fetched_alone(void **state)
{
    struct world *w = *state;
    static uint8_t big[DROP_BLOB_MAX];
    struct req_drop_get get = { .seq = 2 };
    struct rep_drop_get got = { 0 };
    uint8_t drop[ID_BYTES];

    memset(big, 7, sizeof big);
    made(w, &w->o.who, drop);
    assert_int_equal(put(w, &w->o.who, drop, bytes_text("small")), OK);
    assert_int_equal(put(w, &w->o.who, drop, BYTES_OF(big)), OK);
    assert_int_equal(put(w, &w->o.who, drop, bytes_of(big, DROP_INLINE + 1)), OK);
    assert_int_equal(put(w, &w->o.who, drop, bytes_of(big, DROP_INLINE)), OK);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 4);
    assert_int_equal(w->list.lines[1].size, DROP_BLOB_MAX);
    assert_int_equal(w->list.lines[1].blob.n, 0);
    assert_int_equal(w->list.lines[2].blob.n, 0);
    assert_int_equal(w->list.lines[3].blob.n, DROP_INLINE);
    memcpy(get.drop, drop, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_GET, &get, &got), OK);
    assert_true(bytes_equal(got.blob, BYTES_OF(big)));
    assert_int_equal(got.received, w->n.now);
    get.seq = 5;
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_GET, &get, NULL),
                     ERR_UNKNOWN);
    get.seq = 0;
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_GET, &get, NULL),
                     ERR_UNKNOWN);
}

/* ---- marks ---- */

static struct req_drop_ack mark_req(struct world *w, const struct sign_seed *by,
                                    uint64_t seq, const uint8_t head[HASH_BYTES])
{
    struct req_drop_ack req = { .which = DROP_ALERTS, .seq = seq };

    sim_op(&w->n, req.op);
    memcpy(req.head, head, HASH_BYTES);
    crypt_sign_public(by, req.key);
    drop_mark_sign(by, w->list.drop, seq, head, req.sig);
    return req;
}

/* The head after the newest alert, and its sequence. */
static uint64_t newest_head(struct world *w, uint8_t out[HASH_BYTES])
{
    struct drop_receipt now = { 0 };

    (void)list(w, &w->o.who, DROP_ALERTS, NULL, 0);
    assert_int_equal(drop_receipt_open(w->list.receipt, w->n.env.id->sign_pub, &now), OK);
    memcpy(out, now.head, HASH_BYTES);
    return now.seq;
}

static void a_mark_must_be_true_and_ones_own(void **state)
{
    struct world *w = *state;
    uint8_t head[HASH_BYTES];
    uint64_t seq;
    struct req_drop_ack req;

    device_new(w, &w->d[0]);
    device_new(w, &w->d[1]);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    seq = newest_head(w, head);
    req = mark_req(w, &w->d[0].sign, seq + 1, head); /* not yet there */
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_DROP_ACK, &req, NULL),
                     ERR_STATE);
    req = mark_req(w, &w->d[0].sign, seq - 1, head); /* another head */
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_DROP_ACK, &req, NULL),
                     ERR_CONFLICT);
    req = mark_req(w, &w->d[0].sign, seq, head);
    req.sig[0] ^= 1;
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_DROP_ACK, &req, NULL),
                     ERR_SIGNATURE);
    req = mark_req(w, &w->d[1].sign, seq, head); /* somebody else's key */
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_DROP_ACK, &req, NULL),
                     ERR_KEY);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_ACK, &req, NULL), ERR_KEY);
    memset(req.key, 0, PUB_BYTES); /* an alert drop frees nothing */
    sim_op(&w->n, req.op);
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_DROP_ACK, &req, NULL),
                     ERR_ARG);
    assert_int_equal(list(w, &w->o.who, DROP_ALERTS, NULL, 0)->n_readers, 0);
}

static void readers_see_each_others_marks(void **state)
{
    struct world *w = *state;
    uint8_t head[HASH_BYTES];
    uint8_t early[HASH_BYTES] = { 0 };
    uint64_t seq;
    struct req_drop_ack req;

    device_new(w, &w->d[0]);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    seq = newest_head(w, head);
    req = mark_req(w, &w->d[0].sign, 0, early); /* "I have seen that it is empty" */
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_DROP_ACK, &req, NULL), OK);
    req = mark_req(w, &w->d[0].sign, seq, head);
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_DROP_ACK, &req, NULL), OK);
    req = mark_req(w, &w->d[0].sign, 0, early); /* late: takes nothing back */
    assert_int_equal(node_sim_ask(&w->n, &w->d[0].who, MSG_DROP_ACK, &req, NULL), OK);
    req = mark_req(w, &w->o.account, seq, head);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_ACK, &req, NULL), OK);
    node_sim_again(&w->n);
    assert_int_equal(list(w, &w->o.who, DROP_ALERTS, NULL, 0)->n_readers, 2);
    for (int i = 0; i < 2; i++) {
        const struct drop_reader *r = &w->list.readers[i];

        assert_int_equal(r->seq, seq);
        assert_int_equal(drop_mark_verify(r->key, w->list.drop, r->seq, r->head, r->sig),
                         OK);
    }
    assert_memory_equal(w->list.readers[0].key, w->d[0].sign_pub, PUB_BYTES);
    /* A guardian's mark in the inbox is by a key it chooses. */
    (void)list(w, &w->g.who, DROP_ALERTS, NULL, 0);
    memcpy(head, w->list.head, HASH_BYTES);
    req = mark_req(w, &w->d[3].sign, 0, head);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_DROP_ACK, &req, NULL), OK);
    assert_int_equal(list(w, &w->g.who, DROP_ALERTS, NULL, 0)->n_readers, 1);
}

static void mark_all(struct world *w, size_t n)
{
    uint8_t head[HASH_BYTES];
    uint64_t seq = newest_head(w, head);

    for (size_t i = 0; i < n; i++) {
        struct req_drop_ack req = mark_req(w, &w->d[i].sign, seq, head);

        w->n.now++;
        assert_int_equal(node_sim_ask(&w->n, &w->d[i].who, MSG_DROP_ACK, &req, NULL), OK);
    }
}

static bool is_reader(struct world *w, const struct device *d)
{
    (void)list(w, &w->o.who, DROP_ALERTS, NULL, 0);
    for (uint32_t i = 0; i < w->list.n_readers; i++)
        if (bytes_equal(BYTES_OF(w->list.readers[i].key), BYTES_OF(d->sign_pub)))
            return true;
    return false;
}

static void of_too_many_readers_the_gone_and_the_oldest_go(void **state)
{
    struct world *w = *state;
    struct req_cred_drop drop = { 0 };

    for (size_t i = 0; i < DEVICES; i++)
        device_new(w, &w->d[i]);
    mark_all(w, DROP_READERS);
    sim_op(&w->n, drop.op);
    memcpy(drop.id, w->d[5].id, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_CRED_DROP, &drop, NULL), OK);
    w->d[0].who = w->d[8].who; /* the ninth takes the place of the one that is gone */
    w->d[0].sign = w->d[8].sign;
    mark_all(w, 1);
    assert_false(is_reader(w, &w->d[5]));
    assert_true(is_reader(w, &w->d[8]));
    assert_true(is_reader(w, &w->d[0]));
    w->d[0].who = w->d[9].who; /* the tenth that of the oldest */
    w->d[0].sign = w->d[9].sign;
    mark_all(w, 1);
    assert_true(is_reader(w, &w->d[9]));
    assert_false(is_reader(w, &w->d[0]));
    assert_true(is_reader(w, &w->d[1]));
    assert_int_equal(w->list.n_readers, DROP_READERS);
}

/* ---- drops that people make ---- */

static void a_rule_has_its_fields_and_no_others(void **state)
{
    struct world *w = *state;
    struct req_drop_create req = create_req(w, DROP_RULE_HOLDER);
    uint8_t drop[ID_BYTES];

    req.rule = 0;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_ARG);
    req.rule = DROP_RULE_HOLDER;
    req.n_keys = 1;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_ARG);
    req.rule = DROP_RULE_TOKEN;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_ARG);
    req.n_keys = 0;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_ARG);
    req.id[0] = 1; /* an id without a psk */
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_ARG);
    req.rule = DROP_RULE_HOLDER;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_ARG);
    req.rule = DROP_RULE_KEYS;
    req.id[0] = 0;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_ARG);
    req.n_keys = 1;
    req.keep = DROP_KEEP_S + 1;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_TOO_BIG);
    req.keep = 0;
    req.blobs = (uint32_t)w->n.limits.blobs + 1;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_TOO_BIG);
    req.blobs = 0;
    assert_int_equal(create(w, &w->o.who, &req, drop), OK);
    /* An id that is taken; what was begun with it is not there. */
    req = create_req(w, DROP_RULE_TOKEN);
    memcpy(req.id, w->o.who.cred, ID_BYTES);
    req.psk[0] = 1;
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_CONFLICT);
    assert_int_equal(node_sim_login(&w->n, &w->o.login, &w->o.who), OK);
}

static void a_holder_has_so_many(void **state)
{
    struct world *w = *state;
    struct req_drop_create req;
    uint8_t drop[ID_BYTES];

    w->n.limits.drops = 8;
    for (int i = 0; i < 8; i++)
        made(w, &w->o.who, drop);
    req = create_req(w, DROP_RULE_HOLDER);
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_FULL);
    /* Others have their own. */
    uint8_t other[ID_BYTES];

    made(w, &w->p.who, other);
    made(w, &w->g.who, other);
    assert_int_equal(close_drop(w, &w->o.who, drop), OK);
    made(w, &w->o.who, drop);
    req = create_req(w, DROP_RULE_HOLDER);
    assert_int_equal(create(w, &w->o.who, &req, drop), ERR_FULL);
}

/* A drop with a token, and somebody who has it. */
static void token_drop(struct world *w, const struct session *holder,
                       struct sim_login *login, struct session *who,
                       uint8_t out[ID_BYTES], uint32_t blobs)
{
    struct req_drop_create req = create_req(w, DROP_RULE_TOKEN);

    sim_login_new(login, ROLE_DEPOSITOR, &w->n.rng);
    rng_fill(&w->n.rng, login->id, ID_BYTES);
    memcpy(req.id, login->id, ID_BYTES);
    memcpy(req.psk, login->psk.b, KEY_BYTES);
    req.blobs = blobs;
    assert_int_equal(create(w, holder, &req, out), OK);
    assert_int_equal(node_sim_login(&w->n, login, who), OK);
}

/* The answer to a PUT, byte for byte. */
static size_t put_raw(struct world *w, const struct session *who,
                      const struct req_drop_put *req, uint8_t out[64])
{
    static uint8_t mem[32768];
    struct buf body = BUF_OF(mem);
    struct bytes got = { 0 };
    uint16_t kind = 0;

    assert_int_equal(msg_put_req(msg_find(MSG_DROP_PUT), req, &body), OK);
    assert_int_equal(
        node_sim_raw(&w->n, who, MSG_DROP_PUT, buf_bytes(&body), &kind, &got),
        ERR_REFUSED);
    assert_int_equal(kind, MSG_ERROR);
    assert_true(got.n <= 64);
    memcpy(out, got.p, got.n);
    return got.n;
}

static void from_outside_all_refusals_look_alike(void **state)
{
    struct world *w = *state;
    struct sim_login l[2];
    struct session who[2] = { 0 };
    uint8_t drops[2][ID_BYTES];
    uint8_t other[4][ID_BYTES];
    uint8_t first[64];
    uint8_t next[64];

    token_drop(w, &w->o.who, &l[0], &who[0], drops[0], 2);
    token_drop(w, &w->p.who, &l[1], &who[1], drops[1], 0);
    rng_fill(&w->n.rng, other[0], ID_BYTES);
    made(w, &w->o.who, other[1]);
    memcpy(other[2], list(w, &w->o.who, DROP_ALERTS, NULL, 0)->drop, ID_BYTES);
    made(w, &w->o.who, other[3]);
    assert_int_equal(close_drop(w, &w->o.who, other[3]), OK);
    struct req_drop_put req = put_req(w, other[0], bytes_text("x")); /* unknown */
    size_t n = put_raw(w, &who[0], &req, first);

    for (int i = 1; i < 4; i++) { /* holder only, the node's own, closed */
        req = put_req(w, other[i], bytes_text("x"));
        assert_int_equal(put_raw(w, &who[0], &req, next), n);
        assert_memory_equal(first, next, n);
    }
    req = put_req(w, drops[1], bytes_text("x")); /* the token of another */
    assert_int_equal(put_raw(w, &who[0], &req, next), n);
    assert_memory_equal(first, next, n);
    /* Full: by entries, by bytes. The holder is told. */
    assert_int_equal(put(w, &who[0], drops[0], bytes_text("1")), OK);
    assert_int_equal(put(w, &who[0], drops[0], bytes_text("2")), OK);
    req = put_req(w, drops[0], bytes_text("3"));
    assert_int_equal(put_raw(w, &who[0], &req, next), n);
    assert_memory_equal(first, next, n);
    assert_int_equal(put(w, &w->o.who, drops[0], bytes_text("3")), ERR_FULL);
    w->n.limits.drop_bytes = 10;
    assert_int_equal(put(w, &who[1], drops[1], bytes_text("12345678")), OK);
    req = put_req(w, drops[1], bytes_text("123"));
    assert_int_equal(put_raw(w, &who[1], &req, next), n);
    assert_memory_equal(first, next, n);
    assert_int_equal(put(w, &w->p.who, drops[1], bytes_text("123")), ERR_FULL);
    assert_int_equal(put(w, &w->p.who, drops[1], bytes_text("12")), OK);
}

static void a_depositor_can_do_nothing_else(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct session who = { 0 };
    uint8_t drop[ID_BYTES];

    token_drop(w, &w->o.who, &l, &who, drop, 0);
    assert_true(id_none(who.ward) && id_none(who.seat));
    assert_int_equal(try_list(w, &who, DROP_BY_ID, drop, 0), ERR_REFUSED);
    assert_int_equal(put(w, &who, drop, bytes_text("x")), OK);
    assert_int_equal(put(w, &who, drop, bytes_text("y")), OK); /* it stands */
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 2);
    assert_int_equal(close_drop(w, &w->o.who, drop), OK);
    assert_int_equal(put(w, &who, drop, bytes_text("z")), ERR_REFUSED);
    assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_UNKNOWN);
}

static void listed_keys_put_what_they_signed(void **state)
{
    struct world *w = *state;
    struct req_drop_create create_keys = create_req(w, DROP_RULE_KEYS);
    uint8_t drop[ID_BYTES];
    uint8_t twin[ID_BYTES];

    device_new(w, &w->d[0]);
    device_new(w, &w->d[1]);
    create_keys.n_keys = 1;
    memcpy(create_keys.keys[0].key, w->d[0].sign_pub, PUB_BYTES);
    assert_int_equal(create(w, &w->p.who, &create_keys, drop), OK);
    sim_op(&w->n, create_keys.op);
    assert_int_equal(create(w, &w->p.who, &create_keys, twin), OK);
    /* In the other owner's conversation: unsigned, badly signed, by another key. */
    struct req_drop_put req = put_req(w, drop, bytes_text("hello"));

    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_PUT, &req, NULL),
                     ERR_REFUSED);
    memcpy(req.key, w->d[0].sign_pub, PUB_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_PUT, &req, NULL),
                     ERR_REFUSED);
    drop_blob_sign(&w->d[0].sign, twin, req.blob, req.sig); /* for another drop */
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_PUT, &req, NULL),
                     ERR_REFUSED);
    drop_blob_sign(&w->d[1].sign, drop, req.blob, req.sig);
    memcpy(req.key, w->d[1].sign_pub, PUB_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_PUT, &req, NULL),
                     ERR_REFUSED);
    drop_blob_sign(&w->d[0].sign, drop, req.blob, req.sig);
    memcpy(req.key, w->d[0].sign_pub, PUB_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_PUT, &req, NULL), OK);
    assert_int_equal(list(w, &w->p.who, DROP_BY_ID, drop, 0)->n_lines, 1);
    assert_int_equal(put(w, &w->p.who, drop, bytes_text("my own")), OK);
}

static void what_was_made_lasts_its_time(void **state)
{
    struct world *w = *state;
    struct req_drop_create req = create_req(w, DROP_RULE_HOLDER);
    struct req_drop_get get = { .seq = 1 };
    uint8_t drop[ID_BYTES];

    req.keep = 100;
    assert_int_equal(create(w, &w->o.who, &req, drop), OK);
    assert_int_equal(put(w, &w->o.who, drop, bytes_text("old")), OK);
    w->n.now += 60;
    assert_int_equal(put(w, &w->o.who, drop, bytes_text("new")), OK);
    w->n.now += 39;
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 2);
    w->n.now += 1;
    /* Gone for readers at once, from the disk with the next sweep. */
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 1);
    assert_int_equal(w->list.lines[0].seq, 2);
    memcpy(get.drop, drop, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_GET, &get, NULL),
                     ERR_UNKNOWN);
    assert_int_equal(stored(w, drop).n, 2);
    tick(w);
    assert_int_equal(stored(w, drop).n, 1);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->first, 2);
    w->n.now += DAY;
    tick(w);
    assert_int_equal(stored(w, drop).n, 0);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 0);
    /* Without a word from its maker: 30 days. */
    made(w, &w->o.who, drop);
    assert_int_equal(put(w, &w->o.who, drop, bytes_text("x")), OK);
    w->n.now += DROP_MADE_KEEP_S - 1;
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 1);
    w->n.now += 1;
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 0);
}

static void nobody_used_it_for_400_days(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct session who = { 0 };
    uint8_t drop[ID_BYTES];

    token_drop(w, &w->o.who, &l, &who, drop, 0);
    assert_int_equal(put(w, &who, drop, bytes_text("x")), OK);
    w->n.now += DROP_MADE_IDLE_S - 1;
    tick(w);
    assert_true(stored(w, drop).head);
    w->n.now += 1;
    tick(w);
    assert_false(stored(w, drop).head);
    assert_int_equal(stored(w, drop).n, 0);
    assert_int_equal(try_list(w, &w->o.who, DROP_BY_ID, drop, 0), ERR_UNKNOWN);
    assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_UNKNOWN);
}

static enum err do_shut(struct call *c, void *arg)
{
    return drop_shut(c, arg);
}

static void a_wards_own_drops_go_when_they_are_shut(void **state)
{
    struct world *w = *state;
    uint8_t alert[ID_BYTES];
    uint8_t made_too[ID_BYTES];

    memcpy(alert, list(w, &w->o.who, DROP_ALERTS, NULL, 0)->drop, ID_BYTES);
    made(w, &w->o.who, made_too);
    assert_int_equal(node_sim_write(&w->n, NULL, do_shut, alert), OK);
    tick(w);
    assert_false(stored(w, alert).head);
    assert_int_equal(stored(w, alert).n, 0);
    /* It was none of those that were made: they are counted as before. */
    w->n.limits.drops = 2;
    made(w, &w->o.who, alert);
    struct req_drop_create req = create_req(w, DROP_RULE_HOLDER);

    assert_int_equal(create(w, &w->o.who, &req, alert), ERR_FULL);
}

static enum err do_forget_ward(struct call *c, void *arg)
{
    const struct world *w = arg;
    struct txn_key key = key_id(w->o.ward);

    return txn_del(c->txn, TAB_WARD, key_bytes(&key));
}

static void what_a_ward_made_goes_with_it(void **state)
{
    struct world *w = *state;
    struct sim_login l;
    struct session who = { 0 };
    uint8_t drop[ID_BYTES];
    uint8_t other[ID_BYTES];

    token_drop(w, &w->o.who, &l, &who, drop, 0);
    made(w, &w->g.who, other);
    tick(w);
    assert_true(stored(w, drop).head && stored(w, other).head);
    assert_int_equal(node_sim_write(&w->n, NULL, do_forget_ward, w), OK);
    tick(w);
    assert_false(stored(w, drop).head);
    assert_true(stored(w, other).head);
    assert_int_equal(node_sim_login(&w->n, &l, &who), ERR_UNKNOWN);
}

static void what_is_acknowledged_is_freed(void **state)
{
    struct world *w = *state;
    uint8_t drop[ID_BYTES];
    uint8_t heads[5][HASH_BYTES];

    made(w, &w->o.who, drop);
    w->n.limits.drop_bytes = 4;
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(put(w, &w->o.who, drop, bytes_text("x")), OK);
        (void)list(w, &w->o.who, DROP_BY_ID, drop, i + 1);
        memcpy(heads[i + 1], w->list.head, HASH_BYTES);
    }
    assert_int_equal(put(w, &w->o.who, drop, bytes_text("x")), ERR_FULL);
    assert_int_equal(ack_free(w, &w->o.who, drop, 3, heads[2]), ERR_CONFLICT);
    assert_int_equal(ack_free(w, &w->o.who, drop, 5, heads[4]), ERR_STATE);
    assert_int_equal(stored(w, drop).n, 4);
    assert_int_equal(ack_free(w, &w->o.who, drop, 3, heads[3]), OK);
    assert_int_equal(stored(w, drop).n, 1);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->lines[0].seq, 4);
    assert_int_equal(put(w, &w->o.who, drop, bytes_text("xyz")), OK);
    /* The head of what is gone is known as long as the next is there. */
    assert_int_equal(ack_free(w, &w->o.who, drop, 3, heads[3]), OK);
    assert_int_equal(ack_free(w, &w->o.who, drop, 2, heads[2]), ERR_STATE);
    (void)list(w, &w->o.who, DROP_BY_ID, drop, 5);
    memcpy(heads[0], w->list.head, HASH_BYTES);
    assert_int_equal(ack_free(w, &w->o.who, drop, 5, heads[0]), OK);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 0);
    assert_int_equal(w->list.first, 0);
}

static void a_large_drop_closes_in_parts(void **state)
{
    struct world *w = *state;
    uint8_t drop[ID_BYTES];

    made(w, &w->g.who, drop);
    for (int i = 0; i < DROP_SWEEP + 40; i++)
        assert_int_equal(put(w, &w->g.who, drop, bytes_text("x")), OK);
    assert_int_equal(close_drop(w, &w->g.who, drop), OK);
    assert_int_equal(try_list(w, &w->g.who, DROP_BY_ID, drop, 0), ERR_UNKNOWN);
    assert_int_equal(stored(w, drop).n, 40);
    tick(w);
    assert_false(stored(w, drop).head);
    assert_int_equal(stored(w, drop).n, 0);
}

static void the_sweep_comes_by_every_drop(void **state)
{
    struct world *w = *state;

    enum { MANY = 150 };

    static uint8_t drops[MANY][ID_BYTES];

    w->n.limits.drops = MANY;
    for (int i = 0; i < MANY; i++) {
        made(w, &w->o.who, drops[i]);
        assert_int_equal(put(w, &w->o.who, drops[i], bytes_text("x")), OK);
    }
    w->n.now += DROP_MADE_KEEP_S;
    tick(w);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(stored(w, drops[i]).n, 0);
}

static void a_put_is_done_once(void **state)
{
    struct world *w = *state;
    struct req_drop_put req;
    struct rep_drop_put rep = { 0 };
    struct drop_receipt first = { 0 };
    struct drop_receipt again = { 0 };
    uint8_t drop[ID_BYTES];

    made(w, &w->o.who, drop);
    req = put_req(w, drop, bytes_text("x"));
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_PUT, &req, &rep), OK);
    assert_int_equal(drop_receipt_open(rep.receipt, w->n.env.id->sign_pub, &first), OK);
    assert_int_equal(first.seq, 1);
    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_PUT, &req, &rep), OK);
    assert_int_equal(drop_receipt_open(rep.receipt, w->n.env.id->sign_pub, &again), OK);
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(list(w, &w->o.who, DROP_BY_ID, drop, 0)->n_lines, 1);
}

static void a_watch_tells_where_the_drop_is(void **state)
{
    struct world *w = *state;
    struct req_drop_watch req = { .which = DROP_ALERTS };
    struct rep_drop_watch rep = { 0 };
    uint8_t head[HASH_BYTES];
    uint64_t seq = newest_head(w, head);

    assert_int_equal(node_sim_ask(&w->n, &w->o.who, MSG_DROP_WATCH, &req, &rep), OK);
    assert_int_equal(rep.seq, seq);
    assert_memory_equal(rep.head, head, HASH_BYTES);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_is_not_ones_own_is_unknown),
        EACH(names_of_drops_are_for_those_they_concern),
        EACH(events_reach_log_alerts_and_inbox),
        EACH(a_device_comes_loudly_and_goes_at_once),
        EACH(tests_are_counted_by_the_day),
        EACH(a_talkative_key_fills_only_its_share),
        EACH(each_cause_has_its_share),
        EACH(one_source_leaves_room_for_another),
        EACH(what_is_refused_as_full_is_not_done),
        EACH(a_damaged_drop_holds_up_nothing),
        EACH(a_list_comes_in_pages),
        EACH(a_large_blob_is_fetched_alone),
        EACH(a_mark_must_be_true_and_ones_own),
        EACH(readers_see_each_others_marks),
        EACH(of_too_many_readers_the_gone_and_the_oldest_go),
        EACH(a_rule_has_its_fields_and_no_others),
        EACH(a_holder_has_so_many),
        EACH(from_outside_all_refusals_look_alike),
        EACH(a_depositor_can_do_nothing_else),
        EACH(listed_keys_put_what_they_signed),
        EACH(what_was_made_lasts_its_time),
        EACH(nobody_used_it_for_400_days),
        EACH(a_wards_own_drops_go_when_they_are_shut),
        EACH(what_a_ward_made_goes_with_it),
        EACH(what_is_acknowledged_is_freed),
        EACH(a_large_drop_closes_in_parts),
        EACH(the_sweep_comes_by_every_drop),
        EACH(a_put_is_done_once),
        EACH(a_watch_tells_where_the_drop_is),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests_name("drop_serve", tests, NULL, NULL);

    secret_end();
    return failed;
}
