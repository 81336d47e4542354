/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new root in the middle of a history: guardians speak for it, nodes wait their hold,
 * the owner comes in by the new account; a thief goes on saying whatever the old keys
 * could, and asks for a root of his own.
 */
#include <stdlib.h>

#include "node/ward.h"
#include "tests/sim/steps.h"
#include "tests/sim/thief.h"

enum { DAY = 86400, HOUR = 3600, FREEZE_S = 30 * DAY };

/* ---- what is so ---- */

static bool waits(const struct people *p, size_t seat)
{
    return p->wards[seat].moved != 0 && !p->seats[seat].follows;
}

/* To whoever asks for the newest one. */
static bool is_refused(const struct people *p, size_t seat)
{
    const struct ward_model *w = &p->wards[seat];

    return w->refused != 0 &&
           bytes_equal(BYTES_OF(w->refused_sign), BYTES_OF(p->fresh.req_sign));
}

void saw_move(struct people *p, size_t seat, enum err e)
{
    struct ward_model *w = &p->wards[seat];

    if (e == OK && is_refused(p, seat))
        world_broken(&p->w, "no_to_a_root_stays", "%s's node takes it again",
                     seat_name(seat));
    /* Without a hold its answer may be lost, and the keys that ask again be dead. */
    if ((e != OK && e != ERR_CLOSED) || w->moved != 0)
        return;
    w->moved = p->w.now;
    w->move_due = p->w.now + p->hold;
    memcpy(w->moved_sign, p->fresh.req_sign, PUB_BYTES);
}

/* The guardian said no while it waited: then it is as if nobody had spoken. */
static void saw_refusal(struct people *p, size_t seat, enum err e)
{
    struct ward_model *w = &p->wards[seat];
    bool odd = w->unsure || w->fuzzy || p->w.houses[p->seats[seat].house].odd;

    if (e == OK) {
        w->moved = 0;
        w->move_due = 0;
        w->refused = p->w.now;
        memcpy(w->refused_sign, w->moved_sign, PUB_BYTES);
    } else if (e != ERR_UNREACHABLE && p->w.now < w->move_due && !odd) {
        world_broken(&p->w, "no_to_a_root_stays", "%s's is not heard: %s",
                     seat_name(seat), err_name(e));
    }
}

void saw_old_keys(struct people *p, size_t seat, enum err e, const char *what)
{
    if (e == OK && (p->seats[seat].follows || waits(p, seat)))
        world_broken(&p->w, "old_keys_are_dead", "%s at %s's node", what,
                     seat_name(seat));
}

void saw_dealt(struct people *p, const struct made *m, size_t seat, enum err e)
{
    bool fresh = bytes_equal(BYTES_OF(m->c.m.owner), BYTES_OF(p->fresh.owner_pub));

    if (fresh && p->seats[seat].follows && e != OK && e != ERR_UNREACHABLE &&
        e != ERR_FROZEN && e != ERR_FULL)
        world_broken(&p->w, "new_root_deals", "%s's node: %s", seat_name(seat),
                     err_name(e));
}

struct root_job {
    const struct people *p;
    size_t seat;
    struct record_ward ward;
};

static enum err read_ward(struct txn *t, void *arg)
{
    struct root_job *j = arg;
    const struct seat *s = &j->p->seats[j->seat];
    uint8_t mem[4096];
    struct call c = { .txn = t,
                      .env = &j->p->w.houses[s->house].n.env,
                      .mem = { .p = mem, .cap = sizeof mem } };

    return ward_get(&c, s->o.ward, &j->ward);
}

/* The owner's program tries the new account, and lets its machine in by it. */
static void follow(struct people *p, size_t seat)
{
    struct ward_model *w = &p->wards[seat];
    bool calm = p->w.calm;

    p->w.calm = true; /* it asks until it is answered */
    enum err e = root_follow_at(p, &p->fresh, seat);

    p->w.calm = calm;
    p->seats[seat].follows = e == OK;
    world_tell(&p->w, "the owner is back at %s's node by the new root: %s",
               seat_name(seat), err_name(e));
    if (e != OK)
        world_broken(&p->w, "new_root_comes", "%s's node lets no machine in: %s",
                     seat_name(seat), err_name(e));
    /* The keys that were frozen are dead, since it took over: at the earliest then. */
    if (w->frozen > p->w.now) {
        w->frozen = p->w.now;
        w->thawed = w->move_due;
    }
}

static void is_fresh(struct people *p, size_t seat)
{
    struct ward_model *w = &p->wards[seat];

    if (w->moved == 0 && !w->unsure)
        world_broken(&p->w, w->refused != 0 ? "no_to_a_root_stays" : "one_successor",
                     "%s's node has it, and nobody spoke", seat_name(seat));
    else if (w->moved != 0 && p->w.now < w->move_due)
        world_broken(&p->w, "new_root_waits", "%s's node has it %u s early",
                     seat_name(seat), (unsigned)(w->move_due - p->w.now));
    else if (!p->seats[seat].follows && !p->w.houses[p->seats[seat].house].cut)
        follow(p, seat);
}

static void is_old(struct people *p, size_t seat, const struct record_ward *ward)
{
    static const uint8_t none[ID_BYTES];
    struct ward_model *w = &p->wards[seat];
    const struct house *h = &p->w.houses[p->seats[seat].house];

    if (!bytes_equal(BYTES_OF(ward->move), BYTES_OF(none)) && w->moved == 0) {
        if (!w->unsure)
            world_broken(&p->w, w->refused != 0 ? "no_to_a_root_stays" : "one_successor",
                         "one waits at %s's node, nobody spoke", seat_name(seat));
        w->moved = p->w.now; /* it waits in the older store too */
    }
    if (waits(p, seat) && !w->unsure && !w->fuzzy && !h->odd &&
        p->w.now > w->move_due + HOUR)
        world_broken(&p->w, "new_root_comes", "%s's node still has the old one",
                     seat_name(seat));
}

void oracle_look_root(struct people *p, size_t seat)
{
    const struct house *h = &p->w.houses[p->seats[seat].house];
    struct root_job job = { .p = p, .seat = seat };

    if (h->down)
        return;
    MUST(store_read(h->n.store, read_ward, &job) == OK);
    struct bytes is = BYTES_OF(job.ward.account_sign);

    if (p->spoken && bytes_equal(is, BYTES_OF(p->fresh.at[seat].account_pub)))
        is_fresh(p, seat);
    else if (bytes_equal(is, BYTES_OF(p->seats[seat].robbed.account_pub)))
        is_old(p, seat, &job.ward);
    else
        world_broken(&p->w, "one_successor", "%s's node follows a root of nobody's",
                     seat_name(seat));
}

void root_copied(struct people *p, size_t seat)
{
    struct seat *s = &p->seats[seat];

    s->copied_device = s->device;
    s->copied_device_sign = s->device_sign;
    memcpy(s->copied_device_cred, s->device_cred, ID_BYTES);
}

void root_went_back(struct people *p, size_t seat)
{
    struct seat *s = &p->seats[seat];

    s->o = s->robbed;
    s->device = s->copied_device;
    s->device_sign = s->copied_device_sign;
    memcpy(s->device_cred, s->copied_device_cred, ID_BYTES);
    s->helper_made = false;
    s->helper_in = false;
    s->follows = false;
    p->wards[seat].moved = 0;
    p->wards[seat].move_due = 0;
    p->wards[seat].refused = 0;
}

/* ---- the people ---- */

static unsigned count(uint32_t bits)
{
    unsigned n = 0;

    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

/* The newest circle of the owner's that people confirmed. */
static const struct made *confirmed(const struct people *p)
{
    for (size_t e = p->n_made; e-- > 1;)
        if (!p->made[e].thief && count(p->made[e].said) >= p->k)
            return &p->made[e];
    return &p->made[0];
}

/* A node that does not know yet that people confirmed it. */
static void show_cert(struct people *p, const struct made *m, size_t seat)
{
    struct req_cert_put req = { .epoch = m->c.m.epoch };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.manifest_hash, m->c.hash, HASH_BYTES);
    req.people = people_of(p, m, false);
    (void)world_ask(&p->w, p->seats[seat].house, &p->seats[seat].o.login, MSG_CERT_PUT,
                    &req, NULL);
}

/* Nothing stands in the way of what people said. */
static bool must_take(const struct people *p, const struct made *m, size_t seat)
{
    const struct ward_model *w = &p->wards[seat];
    const struct house *h = &p->w.houses[p->seats[seat].house];

    for (size_t i = 0; i < p->n; i++) /* not all whom it names have their keys */
        if (p->seats[i].joined != 0 || p->seats[i].keys_are != KEYS_FINE)
            return false;
    return m == &p->made[0] && (w->held & 1) != 0 && w->sure == 1 && !w->unsure &&
           w->rot == 0 && !w->fuzzy && !h->odd && !is_refused(p, seat);
}

static void move_at(struct people *p, const struct made *m, size_t seat)
{
    struct req_move req;
    struct rep_move rep = { 0 };

    if (m != &p->made[0])
        show_cert(p, m, seat);
    root_move_req(p, &p->fresh, seat, &req);
    enum err e = world_ask(&p->w, p->seats[seat].house, &p->seats[seat].o.login, MSG_MOVE,
                           &req, &rep);

    world_tell(&p->w, "the new root is brought to %s's node: %s", seat_name(seat),
               err_name(e));
    saw_move(p, seat, e);
    if (e != OK && e != ERR_UNREACHABLE && e != ERR_CLOSED && must_take(p, m, seat))
        world_broken(&p->w, "new_root_is_taken", "%s's node: %s", seat_name(seat),
                     err_name(e));
}

static bool any_refused(const struct people *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (is_refused(p, i))
            return true;
    return false;
}

/* As many as it takes: whoever said no at home may say yes now, or it goes without. */
static uint32_t who_speaks(struct people *p)
{
    uint32_t who = (1U << p->n) - 1;

    for (size_t i = 0; i < p->n; i++) /* by keys that a circle knows */
        if (p->seats[i].keys_are != KEYS_FINE || p->seats[i].joined != 0)
            who &= ~(1U << i);
    for (size_t i = 0; i < p->n && count(who) > p->k; i++)
        if (world_chance(&p->w, is_refused(p, i) ? 4 : 1, 8))
            who &= ~(1U << i);
    return who;
}

/* Guardians typed the words for it, and it is brought wherever it is not. */
bool step_people_move(struct people *p)
{
    const struct made *m = confirmed(p);
    bool any = false;

    if (!p->spoken)
        root_keys(p, &p->fresh);
    uint32_t who = who_speaks(p);

    if (any_refused(p) && world_chance(&p->w, 3, 4))
        root_asked_anew(p, &p->fresh);
    p->spoken = true;
    root_words(p, &p->fresh, m, who, false);
    for (size_t i = 0; i < p->n; i++) {
        if (p->wards[i].moved != 0)
            continue;
        move_at(p, m, i);
        any = true;
    }
    return any;
}

/* What stands on the guardian's screen of a new root. */
static bool is_on_screen(struct people *p, size_t seat, uint8_t out_move[ID_BYTES])
{
    const struct seat *s = &p->seats[seat];
    AUTO_FREE struct rep_wards *rep = calloc(1, sizeof *rep);
    struct req_wards req = { 0 };

    MUST(rep != NULL);
    if (world_ask(&p->w, s->house, &s->g.login, MSG_WARDS, &req, rep) != OK)
        return false;
    for (uint32_t i = 0; i < rep->n_wards; i++) {
        if (!id_equal(rep->wards[i].ward, s->o.ward) || rep->wards[i].move_due == 0)
            continue;
        memcpy(out_move, rep->wards[i].move, ID_BYTES);
        return true;
    }
    return false;
}

bool step_guardian_refuses_root(struct people *p)
{
    size_t i = world_draw(&p->w, (uint32_t)p->n);
    struct req_refuse req = { 0 };
    struct rep_refuse rep = { 0 };

    for (size_t x = 0; x < p->n && !waits(p, i); x++)
        i = (i + 1) % p->n;
    if (!waits(p, i) || !is_on_screen(p, i, req.request))
        return false;
    rng_fill(&p->w.rng, req.op, ID_BYTES);
    enum err e =
        world_ask(&p->w, p->seats[i].house, &p->seats[i].g.login, MSG_REFUSE, &req, &rep);

    world_tell(&p->w, "%s refuses the new root: %s", seat_name(i), err_name(e));
    saw_refusal(p, i, e);
    return true;
}

/* ---- the thief ---- */

static const uint16_t kinds[] = {
    MSG_HELLO,         MSG_CRED_LIST, MSG_CRED_NEW,     MSG_WARDS,       MSG_EPOCH_STATE,
    MSG_EPOCH_NEXT,    MSG_RETIRE,    MSG_EPOCH_COMMIT, MSG_EPOCH_ABORT, MSG_CERT_PUT,
    MSG_EPOCH_PREPARE, MSG_WARD_END,  MSG_MOVE,         MSG_MOVE,        MSG_MOVE,
    MSG_CHECK,         MSG_REQUESTS,  MSG_ALERT_TEST,   MSG_DROP_PUT,    MSG_DROP_CREATE,
    MSG_DROP_LIST,     MSG_DROP_ACK,  MSG_DROP_CLOSE,   MSG_DRILL_ASK,   MSG_DRILL_LIST,
    MSG_VAULT_HAVE,    MSG_VAULT_PUT, MSG_HEAD_GET,     MSG_ROSTER_PUT,
};

/* Some message, by keys that he copied at the beginning. */
bool step_thief_says(struct people *p)
{
    struct thief t = { .p = p };
    size_t seat = world_draw(&p->w, (uint32_t)p->n);
    uint16_t kind = kinds[world_draw(&p->w, sizeof kinds / sizeof kinds[0])];
    enum role role = world_chance(&p->w, 2, 3) ? ROLE_OWNER : ROLE_DEVICE;

    for (size_t e = 1; e < p->n_made; e++)
        if (p->made[e].thief)
            t.dealt = t.garbage = &p->made[e];
    if (t.garbage == NULL)
        return false;
    if (p->spoken && world_chance(&p->w, 1, 2))
        t.heard = &p->fresh;
    enum err e = thief_says(&t, seat, role, kind);

    world_tell(&p->w, "a thief says %s as %s to %s's node: %s", msg_find(kind)->name,
               role_name(role), seat_name(seat), err_name(e));
    if (p->seats[seat].follows || thief_is_late(kind))
        saw_old_keys(p, seat, e, msg_find(kind)->name);
    if (thief_is_late(kind))
        saw_change(p, seat, e, msg_find(kind)->name);
    if (e == OK && thief_is_refused(kind, role))
        world_broken(&p->w, kind == MSG_MOVE ? "one_successor" : "thief_changes_nothing",
                     "%s", msg_find(kind)->name);
    return true;
}
