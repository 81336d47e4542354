/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines that come and go: the owner takes a new one and shuts the old one out; a thief
 * with the root lets one of his own in, which the owner finds in the list and shuts out.
 */
#include <stdlib.h>

#include "tests/sim/steps.h"

/* ---- what may be said to it ---- */

/* Nothing is, to a machine that is shut out: over the line it had, and over a new one. */
static void is_out(struct people *p, size_t seat, const struct sim_login *who,
                   const char *what)
{
    static const uint16_t kinds[] = { MSG_HELLO, MSG_WARDS,     MSG_STOP,
                                      MSG_CHECK, MSG_DRILL_ASK, MSG_HEAD_GET };
    AUTO_FREE uint8_t *req = calloc(1, msg_struct_max());
    uint16_t kind = kinds[world_draw(&p->w, sizeof kinds / sizeof kinds[0])];

    MUST(req != NULL);
    rng_fill(&p->w.rng, req, ID_BYTES);
    if (kind == MSG_HELLO)
        ((struct req_hello *)(void *)req)->version = 1;
    enum err e = world_ask(&p->w, p->seats[seat].house, who, kind, req, NULL);

    world_tell(&p->w, "%s, which is shut out, says %s to %s's node: %s", what,
               msg_find(kind)->name, seat_name(seat), err_name(e));
    if (e != ERR_CLOSED && e != ERR_REFUSED && e != ERR_UNREACHABLE)
        world_broken(&p->w, "removed_is_out", "%s at %s's node: %s", what,
                     seat_name(seat), err_name(e));
}

static void try_both(struct people *p, size_t seat, const struct sim_login *who,
                     const char *what)
{
    is_out(p, seat, who, what);
    world_hang_up(&p->w, p->seats[seat].house);
    is_out(p, seat, who, what);
}

static enum err shut_out(struct people *p, size_t seat, const uint8_t cred[ID_BYTES])
{
    struct req_cred_drop req = { 0 };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.id, cred, ID_BYTES);
    enum err e = world_ask(&p->w, p->seats[seat].house, &p->seats[seat].o.login,
                           MSG_CRED_DROP, &req, NULL);

    saw_change(p, seat, e, "a machine shut out");
    return e;
}

/* ---- the owner's own ---- */

bool step_owner_swaps_device(struct people *p)
{
    size_t i = world_draw(&p->w, (uint32_t)p->n);
    struct seat *s = &p->seats[i];
    struct sim_login old = s->device;
    uint8_t cred[ID_BYTES];

    memcpy(cred, s->device_cred, ID_BYTES);
    enum err e = people_device(p, i);

    world_tell(&p->w, "the owner lets a new machine in at %s's node: %s", seat_name(i),
               err_name(e));
    saw_change(p, i, e, "a new machine");
    if (e != OK)
        return true;
    e = shut_out(p, i, cred);
    world_tell(&p->w, "and shuts the old one out: %s", err_name(e));
    if (e == OK)
        try_both(p, i, &old, "the old machine");
    return true;
}

/* ---- a thief's ---- */

/* By the root account as he copied it; then he speaks by his own machine. */
static void let_in(struct people *p, size_t seat)
{
    struct seat *s = &p->seats[seat];
    struct req_cred_new req = { .type = CRED_DEVICE };
    struct sign_seed sign;

    sim_login_new(&s->helper, ROLE_DEVICE, &p->w.rng);
    rng_fill(&p->w.rng, req.op, ID_BYTES);
    rng_fill(&p->w.rng, req.id, ID_BYTES);
    rng_fill(&p->w.rng, sign.b, sizeof sign.b);
    crypt_sign_public(&sign, req.sign);
    memcpy(req.stat, s->helper.pub, PUB_BYTES);
    memcpy(req.psk, s->helper.psk.b, KEY_BYTES);
    enum err e = world_ask(&p->w, s->house, &s->robbed.login, MSG_CRED_NEW, &req, NULL);

    world_tell(&p->w, "a thief lets a machine of his own in at %s's node: %s",
               seat_name(seat), err_name(e));
    saw_change(p, seat, e, "a thief's machine");
    saw_old_keys(p, seat, e, "a thief's machine");
    s->helper_made = s->helper_made || e == OK;
    s->helper_in = e == OK;
}

bool step_thief_helper(struct people *p)
{
    size_t i = world_draw(&p->w, (uint32_t)p->n);
    struct seat *s = &p->seats[i];
    struct req_hello hello = { .version = 1 };

    if (!s->helper_in && (!s->helper_made || world_chance(&p->w, 1, 2))) {
        let_in(p, i);
        return true;
    }
    if (!s->helper_in) {
        is_out(p, i, &s->helper, "a thief's machine");
        return true;
    }
    enum err e = world_ask(&p->w, s->house, &s->helper, MSG_HELLO, &hello, NULL);

    world_tell(&p->w, "a thief's machine looks at %s's node: %s", seat_name(i),
               err_name(e));
    if (s->follows)
        saw_old_keys(p, i, e, "a thief's machine");
    return true;
}

/* Every machine that stands in the list and is not the owner's. */
bool step_owner_shuts_out(struct people *p)
{
    AUTO_FREE struct rep_cred_list *rep = calloc(1, sizeof *rep);
    struct req_cred_list req = { 0 };
    size_t i = world_draw(&p->w, (uint32_t)p->n);
    enum err e = OK;
    size_t n = 0;

    MUST(rep != NULL);
    for (size_t x = 0; x < p->n && !p->seats[i].helper_in; x++)
        i = (i + 1) % p->n;
    struct seat *s = &p->seats[i];

    if (world_ask(&p->w, s->house, &s->o.login, MSG_CRED_LIST, &req, rep) != OK)
        return false;
    for (uint32_t x = 0; x < rep->n_creds && e == OK; x++) {
        if (rep->creds[x].type != CRED_DEVICE ||
            id_equal(rep->creds[x].id, s->device_cred))
            continue;
        e = shut_out(p, i, rep->creds[x].id);
        n++;
    }
    world_tell(&p->w, "the owner shuts %zu strange machines out at %s's node: %s", n,
               seat_name(i), err_name(e));
    if (e == OK && s->helper_in) {
        s->helper_in = false;
        try_both(p, i, &s->helper, "a thief's machine");
    }
    return n > 0;
}
