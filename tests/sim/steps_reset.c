/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guardian who forgot the passphrase: new keys at the same node, the owner adds them
 * anew at the new seat, and deals a circle in which they are again.
 */
#include <stdlib.h>

#include "node/ward.h"
#include "tests/sim/steps.h"

/* ---- SEAT_RESET ---- */

static struct node_sim *node_of(struct people *p, size_t seat)
{
    (void)house_now(&p->w, p->seats[seat].house);
    return &p->w.houses[p->seats[seat].house].n;
}

/* In the old seat's conversation; its own keys for conversations are new as well. */
static enum err reset(struct people *p, size_t seat, const struct sim_guardian *new,
                      const struct sim_login *after)
{
    struct node_sim *n = node_of(p, seat);
    struct req_seat_reset req = { 0 };
    struct rep_seat_reset rep = { 0 };
    struct req_seat_enrol keys;
    struct session who = { 0 };

    TRY(node_sim_login(n, &p->seats[seat].g.login, &who));
    sim_seat_req(n, new, who.handshake, &keys);
    memcpy(req.op, keys.op, ID_BYTES);
    memcpy(req.sign_pub, keys.sign_pub, PUB_BYTES);
    memcpy(req.seal_pub, keys.seal_pub, PUB_BYTES);
    memcpy(req.enrol_sig, keys.enrol_sig, SIG_BYTES);
    memcpy(req.keys_sig, keys.keys_sig, SIG_BYTES);
    memcpy(req.stat, keys.stat, PUB_BYTES);
    memcpy(req.psk, keys.psk, KEY_BYTES);
    memcpy(req.old_stat, after->pub, PUB_BYTES);
    memcpy(req.old_psk, after->psk.b, KEY_BYTES);
    TRY(node_sim_ask(n, &who, MSG_SEAT_RESET, &req, &rep));
    return id_equal(rep.seat, new->seat) ? OK : ERR_FORMAT;
}

/* Whoever found the old machine knocks. A conversation that was open may go on for its
 * quarter of an hour. */
static void old_keys_try(struct people *p, size_t seat, const struct sim_login *old)
{
    struct req_hello hello = { .version = 1 };

    world_hang_up(&p->w, p->seats[seat].house);
    enum err e = world_ask(&p->w, p->seats[seat].house, old, MSG_HELLO, &hello, NULL);

    if (e != ERR_CLOSED && e != ERR_REFUSED && e != ERR_UNREACHABLE)
        world_broken(&p->w, "new_keys_count", "%s's old ones let in: %s", seat_name(seat),
                     err_name(e));
}

/* A node that goes back knows nothing of it: nobody keeps such a copy here. */
static void forget_copy(struct people *p, size_t house)
{
    p->copied[house] = 0;
    house_forget_copy(&p->w, house);
}

static void forgets(struct people *p, size_t seat)
{
    struct seat *s = &p->seats[seat];
    struct sim_login old = s->g.login;
    struct sim_login after;

    sim_guardian_new(node_of(p, seat), &s->anew);
    sim_login_new(&after, ROLE_GUARDIAN, &p->w.rng);
    enum err e = reset(p, seat, &s->anew, &after);

    world_tell(&p->w, "%s forgot the passphrase and has new keys: %s", seat_name(seat),
               err_name(e));
    if (e != OK) {
        world_broken(&p->w, "new_keys_count", "%s's are not taken: %s", seat_name(seat),
                     err_name(e));
        return;
    }
    forget_copy(p, s->house);
    s->keys_are = KEYS_GONE;
    s->g.login = after;
    p->wards[seat].reset = true;
    old_keys_try(p, seat, &old);
    if (node_sim_login(node_of(p, seat), &s->g.login, &s->g.who) != OK ||
        node_sim_login(node_of(p, seat), &s->anew.login, &s->anew.who) != OK)
        world_broken(&p->w, "new_keys_count", "%s's new ones do not", seat_name(seat));
}

/* Nothing that was asked at the old seat is asked at the new one. */
static void forget_asks(struct people *p, size_t seat)
{
    for (size_t i = 0; i < p->n_asks; i++) {
        if (p->asks[i].seat != seat)
            continue;
        p->asks[i].m.state = 0;
        p->asks[i].view_n = 0;
        p->asks[i].n_pieces = 0;
    }
}

/* ---- the new seat ---- */

static void added_anew(struct people *p, size_t seat)
{
    struct seat *s = &p->seats[seat];

    forget_asks(p, seat);
    forget_copy(p, s->house);
    world_hang_up(&p->w, s->house);
    s->g = s->anew;
    p->wards[seat] = (struct ward_model){ .fuzzy = p->wards[seat].fuzzy };
    p->vaults[seat] = (struct vault_model){ 0 };
    for (size_t e = 0; e < p->n_made; e++) {
        p->made[e].sent[seat] = (struct sent){ 0 };
        p->made[e].taken_back &= ~(1U << seat);
    }
    desk_watch_end(p->watches[seat]);
    p->watches[seat] = NULL;
    p->watched[seat] = 0;
    s->drilled = (struct req_drill_answer){ 0 };
    s->helper_made = false;
    s->helper_in = false;
    (void)node_of(p, seat);
    people_enrol_at(p, seat);
    s->keys_are = KEYS_NEW;
    s->joined = p->n_made;
    world_tell(&p->w, "the owner adds %s anew", seat_name(seat));
}

/* The owner reads the words of a circle of their own, and of no thief's. */
static uint32_t newest_there(const struct people *p, size_t seat)
{
    for (size_t e = p->n_made; e-- > 0;)
        if (!p->made[e].thief && (p->wards[seat].held >> e & 1) != 0)
            return p->made[e].c.m.epoch;
    return 0;
}

/* The guardian types the words: of the ward, and of the first epoch that is there. */
static enum err confirm(struct call *c, void *arg)
{
    const struct people *p = arg;
    struct record_ward ward = { 0 };

    for (size_t i = 0; i < p->n; i++) {
        const struct seat *s = &p->seats[i];

        if (s->keys_are != KEYS_NEW || !id_equal(s->g.seat, c->who->seat))
            continue;
        TRY(ward_get(c, s->o.ward, &ward));
        if (ward.confirmed == 0)
            TRY(ward_confirm(c, &ward));
        TRY(ward_get(c, s->o.ward, &ward));
        if (newest_there(p, i) != 0)
            TRY(ward_confirm_first(c, &ward, newest_there(p, i)));
    }
    return OK;
}

static bool goes_on(struct people *p, size_t seat)
{
    struct seat *s = &p->seats[seat];

    /* What a thief has of a ward that a new root made is nothing, and not told here. */
    if (p->w.houses[s->house].cut || (p->spoken && s->keys_are == KEYS_GONE))
        return false;
    if (s->keys_are == KEYS_GONE) {
        if (!owner_deals(p))
            return false;
        added_anew(p, seat);
        return owner_brings(p); /* before a thief can: what is there first rules */
    }
    if (p->wards[seat].held == 0)
        return owner_deals(p) && owner_brings(p);
    MUST(node_sim_write(node_of(p, seat), &s->g.who, confirm, p) == OK);
    world_tell(&p->w, "%s confirms the new seat", seat_name(seat));
    return true;
}

/* One at a time, and none beside another loss or a new root. */
bool step_guardian_forgets(struct people *p)
{
    size_t i = world_draw(&p->w, (uint32_t)p->n);

    for (size_t x = 0; x < p->n; x++)
        if (p->seats[x].keys_are != KEYS_FINE)
            return goes_on(p, x);
    for (size_t x = 0; x < p->n; x++)
        if (seat_is_lost(p, x) || p->w.houses[p->seats[x].house].back)
            return false;
    if (p->spoken || p->n_made + 3 > EPOCHS_MADE || p->w.houses[p->seats[i].house].cut)
        return false;
    forgets(p, i);
    return true;
}

/* Again one of the circle: an epoch that can lose any seat has them. */
void saw_held(struct people *p, size_t seat, size_t holders)
{
    struct seat *s = &p->seats[seat];

    if (s->keys_are == KEYS_NEW && (holders > p->k || holders == p->n))
        s->keys_are = KEYS_FINE;
}
