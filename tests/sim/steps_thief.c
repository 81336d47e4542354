/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of thieves, strangers and whoever listens. */
#include <stdlib.h>

#include "tests/sim/steps.h"

/* ---- stops ---- */

static bool stop_some(struct people *p, bool account)
{
    enum msg_access access = MSG_READ;
    struct ask *a = pick_ask(p, is_open_ask);

    if (a == NULL || serve_access(MSG_STOP, &access) != OK)
        return false;
    stop_it(p, a, account);
    return true;
}

bool step_stop_device(struct people *p)
{
    return stop_some(p, false);
}

bool step_stop_account(struct people *p)
{
    return stop_some(p, true);
}

/* ---- epochs of a thief who has the root box ---- */

bool step_thief_epoch(struct people *p)
{
    bool again = p->n_made > 1 && p->made[p->n_made - 1].thief;
    struct made *m = again ? &p->made[p->n_made - 1] : people_make(p, true, 0, 3600);

    for (size_t i = 0; m != NULL && i < p->n; i++) {
        enum how_far far = (enum how_far)world_draw(&p->w, SEAL_COMMIT + 1);
        enum err e = people_seal(p, m, i, far);

        world_tell(&p->w, "a thief brings epoch %zu with hold 0 to %s, step %u: %s",
                   p->n_made, seat_name(i), (unsigned)far, err_name(e));
        saw_change(p, i, e, "an epoch of a thief");
        saw_old_keys(p, i, e, "an epoch of a thief");
    }
    return m != NULL;
}

/* What a device key must not do, whoever holds it. */
bool step_thief_day_box(struct people *p)
{
    static const uint16_t kinds[] = { MSG_EPOCH_NEXT, MSG_EPOCH_COMMIT, MSG_CRED_NEW,
                                      MSG_REFUSE,     MSG_UNLOCK,       MSG_REVEAL,
                                      MSG_CANCEL,     MSG_BOX_GET,      MSG_FETCH };
    const struct seat *s = &p->seats[world_draw(&p->w, (uint32_t)p->n)];
    uint16_t kind = kinds[world_draw(&p->w, sizeof kinds / sizeof kinds[0])];
    AUTO_FREE uint8_t *req = calloc(1, msg_struct_max());

    MUST(req != NULL);
    rng_fill(&p->w.rng, req, ID_BYTES);
    if (kind == MSG_CRED_NEW)
        ((struct req_cred_new *)(void *)req)->type = CRED_SHEET;
    enum err e = world_ask(&p->w, s->house, &s->robbed_device, kind, req, NULL);

    world_tell(&p->w, "a thief with a day box asks for %s: %s", msg_find(kind)->name,
               err_name(e));
    if (e == OK)
        world_broken(&p->w, "thief_changes_nothing", "%s", msg_find(kind)->name);
    return true;
}

/* ---- strangers ---- */

static enum err log_now(struct txn *t, void *arg)
{
    return txn_log_head(t, arg);
}

/* No key of the node: bytes that only look like a hello. */
static size_t knock_blindly(struct people *p, size_t h)
{
    AUTO_FREE struct talk_end *end = calloc(1, sizeof *end);
    AUTO_FREE uint8_t *back = calloc(1, PEER_FRAME_MAX);
    struct buf out = { .p = back, .cap = PEER_FRAME_MAX };
    uint8_t hello[PEER_HANDSHAKE_OUT] = "KITH\1";

    MUST(end != NULL && back != NULL);
    rng_fill(&p->w.rng, hello + 8, sizeof hello - 8);
    talk_accept(end, &p->w.houses[h].n);
    (void)talk_feed(end, BYTES_OF(hello), &out);
    talk_close(end);
    return out.n;
}

bool step_stranger(struct people *p)
{
    const struct seat *s = &p->seats[world_draw(&p->w, (uint32_t)p->n)];
    struct house *h = &p->w.houses[s->house];
    struct sim_login who;
    struct req_hello hello = { .version = 1 };
    struct log_head before = { 0 };
    struct log_head after = { 0 };

    if (h->cut)
        return false;
    MUST(store_read(h->n.store, log_now, &before) == OK);
    sim_login_new(&who, (enum role)(1 + world_draw(&p->w, ROLE_OPERATOR)), &p->w.rng);
    /* Sometimes a true id or a true key, but never the secret to it. */
    if (world_chance(&p->w, 1, 3))
        memcpy(who.id, s->sheet.id, ID_BYTES);
    if (world_chance(&p->w, 1, 3)) {
        who.key = s->device.key;
        memcpy(who.pub, s->device.pub, PUB_BYTES);
    }
    world_hang_up(&p->w,
                  s->house); /* no conversation of the device is there to slip into */
    enum err e = world_ask(&p->w, s->house, &who, MSG_HELLO, &hello, NULL);
    size_t blind = knock_blindly(p, s->house);

    world_tell(&p->w, "a stranger knocks at node %zu: %s", s->house, err_name(e));
    MUST(store_read(h->n.store, log_now, &after) == OK);
    if (e != ERR_CLOSED || blind != 0 || before.seq != after.seq)
        world_broken(&p->w, "strangers_learn_nothing", "%s, %zu bytes", err_name(e),
                     blind);
    return true;
}

bool step_replay(struct people *p)
{
    size_t h = world_draw(&p->w, (uint32_t)p->w.n_houses);
    struct log_head before = { 0 };
    struct log_head after = { 0 };

    MUST(store_read(p->w.houses[h].n.store, log_now, &before) == OK);
    size_t n = world_replay(&p->w, h);

    world_tell(&p->w, "a conversation with node %zu is replayed", h);
    MUST(store_read(p->w.houses[h].n.store, log_now, &after) == OK);
    if (n != 0 || before.seq != after.seq)
        world_broken(&p->w, "replays_do_nothing", "node %zu says %zu bytes", h, n);
    return true;
}

/* ---- what serves once ---- */

static bool is_used(const struct people *p, const struct ask *a)
{
    /* One that was never shown is remembered for a day, any other as long as listed. */
    return a->view_n > 0 && a->m.state != 0 &&
           p->w.now < a->m.opened + (a->m.live != 0 ? 90U : 1U) * 86400;
}

/* The nonce or the sealing key of an earlier request, in a new one. */
bool step_reuse_nonce(struct people *p)
{
    const struct ask *old = pick_ask(p, is_used);
    enum err e = OK;

    if (old == NULL || p->seats[old->seat].keys_are != KEYS_FINE ||
        p->n_asks + 2 * SEATS + 2 >= ASKS)
        return false;
    struct ask *a = ask_new(p, old->restore, old->seat, WAY_LINK, 0, &e);
    if (a == NULL)
        return false;
    if (world_chance(&p->w, 1, 2)) {
        memcpy(a->nonce, old->nonce, sizeof a->nonce);
    } else {
        a->seal = old->seal;
        memcpy(a->seal_pub, old->seal_pub, PUB_BYTES);
    }
    e = ask_open(p, a);
    p->n_asks--;
    world_tell(&p->w, "a nonce or sealing key is used again at %s: %s",
               seat_name(old->seat), err_name(e));
    if (e == OK)
        world_broken(&p->w, "nonce_serves_one_view", "a second view at %s",
                     seat_name(old->seat));
    return true;
}

static bool is_dead_intro(const struct people *p, const struct ask *a)
{
    (void)p;
    return a->way == WAY_ROSTER && a->m.state == STATE_REFUSED;
}

static bool is_live_intro(const struct people *p, const struct ask *a)
{
    return a->way == WAY_ROSTER && is_open_ask(p, a);
}

bool step_intro_again(struct people *p)
{
    const struct ask *old = pick_ask(p, is_dead_intro);
    uint8_t state = 0;

    if (p->n_asks + 2 * SEATS + 2 >= ASKS)
        return false;
    if (old == NULL) {
        struct ask *a = pick_ask(p, is_live_intro);

        if (a == NULL)
            return false;
        enum err e = guardian_refuses(p, a, &state);

        world_tell(&p->w, "%s refuses who was introduced: %s", seat_name(a->seat),
                   err_name(e));
        saw_refuse(p, a, e);
        return true;
    }
    (void)ask_at(p, old->restore, old->seat, WAY_ROSTER, old->intro);
    return true;
}
