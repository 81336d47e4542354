/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of whoever asks, and of guardians. */
#include "tests/sim/steps.h"

static const char *who(const struct people *p, const struct ask *a)
{
    return p->restores[a->restore].thief ? "thief" : "owner";
}

static uint32_t number(const struct people *p, const struct ask *a)
{
    return (uint32_t)(a - p->asks);
}

struct ask *pick_ask(struct people *p,
                     bool (*fits)(const struct people *p, const struct ask *a))
{
    struct ask *fit[ASKS];
    uint32_t n = 0;

    for (size_t i = 0; i < p->n_asks; i++)
        if (fits(p, &p->asks[i]))
            fit[n++] = &p->asks[i];
    return n == 0 ? NULL : fit[world_draw(&p->w, n)];
}

bool is_open_ask(const struct people *p, const struct ask *a)
{
    (void)p;
    return a->m.state != 0 && a->m.live != 0 && !model_is_over(&a->m);
}

static bool is_opened(const struct people *p, const struct ask *a)
{
    (void)p;
    return a->m.state == STATE_OPENED;
}

static bool is_known(const struct people *p, const struct ask *a)
{
    (void)p;
    return a->view_n > 0 && a->m.state != 0;
}

static bool is_approved(const struct people *p, const struct ask *a)
{
    (void)p;
    return a->m.state == STATE_APPROVED;
}

static bool is_locked(const struct people *p, const struct ask *a)
{
    (void)p;
    return a->m.state == STATE_LOCKED;
}

/* ---- what is shared ---- */

static struct ask *open_one(struct people *p, size_t restore, size_t seat,
                            enum way_in way, size_t intro)
{
    static const char *const ways[] = { "a link", "a sheet", "the roster" };
    enum err e = OK;
    struct ask *a = NULL;

    /* A ward that nothing was sealed for yet, or whose guardian says so. */
    if (p->seats[seat].keys_are != KEYS_FINE && p->wards[seat].held == 0)
        return NULL;
    a = ask_new(p, restore, seat, way, intro, &e);
    if (a == NULL)
        return NULL;
    e = ask_open(p, a);
    world_tell(&p->w, "%s %zu asks %s by %s (request %u): %s", who(p, a), restore,
               seat_name(seat), ways[way], number(p, a), err_name(e));
    saw_open(p, a, e);
    return e == OK ? a : NULL;
}

static void reveal(struct people *p, struct ask *a)
{
    uint8_t state = 0;
    enum err e = ask_reveal(p, a, &state);

    world_tell(&p->w, "%s shows request %u: %s", who(p, a), number(p, a), err_name(e));
    saw_reveal(p, a, e, state);
}

struct ask *ask_at(struct people *p, size_t restore, size_t seat, enum way_in way,
                   size_t intro)
{
    struct ask *a = open_one(p, restore, seat, way, intro);

    if (a != NULL)
        reveal(p, a);
    return a;
}

void sit_down(struct people *p, struct ask *a, const uint16_t typed[WORDS_CALL],
              bool despite)
{
    bool right = bytes_equal(bytes_of((const uint8_t *)typed, sizeof a->words),
                             bytes_of((const uint8_t *)a->words, sizeof a->words));
    struct sitting s = { 0 };

    if (!guardian_can(p, a->seat))
        return;
    enum err e = guardian_sits(p, a, typed, despite, &s);

    world_tell(&p->w, "%s types %s words for request %u%s: %s, try %s, approval %s",
               seat_name(a->seat), right ? "right" : "wrong", number(p, a),
               despite ? ", despite the stop" : "", err_name(e), err_name(s.tried),
               s.sent ? err_name(s.approved) : "none");
    saw_sitting(p, a, right, despite, e, &s);
}

void fetch_it(struct people *p, struct ask *a)
{
    uint8_t state = 0;
    enum err e = ask_fetch(p, a, &state);

    world_tell(&p->w, "%s fetches request %u: %s, %s, %u pieces", who(p, a), number(p, a),
               err_name(e), request_state_name(state), a->n_pieces);
    saw_fetch(p, a, e, state);
}

void stop_it(struct people *p, struct ask *a, bool account)
{
    const struct seat *s = &p->seats[a->seat];
    struct req_stop req = { 0 };
    struct rep_stop rep = { 0 };
    enum err e;

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.request, a->request, ID_BYTES);
    e = world_ask(&p->w, s->house, account ? &s->o.login : &s->device, MSG_STOP, &req,
                  &rep);
    world_tell(&p->w, "request %u is stopped by %s: %s, %s", number(p, a),
               account ? "the root account" : "a device", err_name(e),
               rep.counted ? "starts again" : "noted");
    saw_stop(p, a, account, e, &rep);
}

/* ---- asking ---- */

/* Room is left for the ending. */
static bool has_room(const struct people *p)
{
    return p->n_asks + 2 * SEATS + 2 < ASKS && p->n_restores + 2 < RESTORES;
}

static size_t some_restore(struct people *p, bool thief)
{
    for (size_t i = 0; i < p->n_restores; i++)
        if (p->restores[i].thief == thief && world_chance(&p->w, 2, 3))
            return i;
    return restore_begin(p, thief);
}

static bool open_link(struct people *p)
{
    size_t seat = world_draw(&p->w, (uint32_t)p->n);
    bool thief = p->seats[seat].fooled && world_chance(&p->w, 1, 2);

    if (!has_room(p))
        return false;
    struct ask *a = open_one(p, some_restore(p, thief), seat, WAY_LINK, 0);

    if (a != NULL && world_chance(&p->w, 7, 8))
        reveal(p, a);
    return true;
}

static bool open_sheet(struct people *p)
{
    size_t seat = world_draw(&p->w, (uint32_t)p->n);
    bool thief = world_chance(&p->w, 3, 4);

    if (!has_room(p))
        return false;
    struct ask *a = open_one(p, some_restore(p, thief), seat, WAY_SHEET, 0);

    if (a != NULL && world_chance(&p->w, 7, 8))
        reveal(p, a);
    return true;
}

static bool open_roster(struct people *p)
{
    size_t seat = world_draw(&p->w, (uint32_t)p->n);

    if (!has_room(p) || p->n_intros == 0)
        return false;
    size_t intro = world_draw(&p->w, (uint32_t)p->n_intros);
    struct ask *a = open_one(p, p->intros[intro].restore, seat, WAY_ROSTER, intro);

    if (a != NULL)
        reveal(p, a);
    return true;
}

static bool show(struct people *p)
{
    struct ask *a = pick_ask(p, is_opened);

    if (a == NULL)
        return false;
    reveal(p, a);
    return true;
}

static bool cancel(struct people *p)
{
    struct ask *a = pick_ask(p, is_open_ask);
    uint8_t state = 0;

    if (a == NULL)
        return false;
    enum err e = ask_cancel(p, a, &state);

    world_tell(&p->w, "%s takes request %u back: %s", who(p, a), number(p, a),
               err_name(e));
    saw_cancel(p, a, e);
    return true;
}

static bool fetch_some(struct people *p)
{
    struct ask *a = pick_ask(p, is_known);

    if (a == NULL)
        return false;
    fetch_it(p, a);
    return true;
}

/* One second too early, and then in time. */
static bool fetch_to_the_second(struct people *p)
{
    struct ask *a = pick_ask(p, is_approved);

    if (a == NULL || model_due(p, a) <= p->w.now + 1)
        return false;
    world_wait(&p->w, model_due(p, a) - p->w.now - 1);
    world_tell(&p->w, "a second before request %u is due", number(p, a));
    fetch_it(p, a);
    if (a->m.state != STATE_APPROVED || world_chance(&p->w, 1, 4))
        return true;
    world_wait(&p->w, 1);
    fetch_it(p, a);
    return true;
}

/* ---- guardians ---- */

/* A yes: to the owner, or to a thief who fooled them. */
static bool say_yes(struct people *p)
{
    struct ask *a = pick_ask(p, is_open_ask);

    if (a == NULL || a->m.state == STATE_APPROVED ||
        (p->restores[a->restore].thief && !p->seats[a->seat].fooled))
        return false;
    sit_down(p, a, a->words, world_chance(&p->w, 7, 8));
    return true;
}

static bool type_wrong(struct people *p)
{
    struct ask *a = pick_ask(p, is_open_ask);
    const struct ask *other = pick_ask(p, is_open_ask);
    uint16_t typed[WORDS_CALL];

    if (a == NULL || a->m.state == STATE_APPROVED)
        return false;
    memcpy(typed, other->words, sizeof typed); /* of another request, if there is one */
    if (other == a || world_chance(&p->w, 1, 2)) {
        uint32_t at = world_draw(&p->w, WORDS_CALL);

        typed[at] = (uint16_t)((a->words[at] + 1 + world_draw(&p->w, WORDS_LIST - 1)) %
                               WORDS_LIST);
    }
    /* Somebody who guesses goes on until it locks. */
    for (uint32_t n = world_chance(&p->w, 1, 4) ? 5 : 1; n > 0; n--)
        if (is_open_ask(p, a) && p->w.broken == NULL)
            sit_down(p, a, typed, true);
    return true;
}

static bool say_no(struct people *p)
{
    struct ask *a = pick_ask(p, world_chance(&p->w, 1, 2) ? is_approved : is_open_ask);
    uint8_t state = 0;

    if (a == NULL)
        return false;
    enum err e = guardian_refuses(p, a, &state);

    world_tell(&p->w, "%s refuses request %u: %s", seat_name(a->seat), number(p, a),
               err_name(e));
    saw_refuse(p, a, e);
    return true;
}

static bool unlock(struct people *p)
{
    struct ask *a = pick_ask(p, is_locked);
    uint8_t left = 0;

    if (a == NULL || !guardian_can(p, a->seat))
        return false;
    enum err e = guardian_unlocks(p, a, &left);

    world_tell(&p->w, "%s unlocks request %u: %s", seat_name(a->seat), number(p, a),
               err_name(e));
    saw_unlock(p, a, e);
    return true;
}

static bool freeze(struct people *p)
{
    size_t i = world_draw(&p->w, (uint32_t)p->n);
    struct req_freeze req = { 0 };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    memcpy(req.ward, p->seats[i].o.ward, ID_BYTES);
    enum err e =
        world_ask(&p->w, p->seats[i].house, &p->seats[i].g.login, MSG_FREEZE, &req, NULL);

    world_tell(&p->w, "%s freezes the ward: %s", seat_name(i), err_name(e));
    saw_freeze(p, i, e);
    return true;
}

void set_pause(struct people *p, size_t seat, uint64_t until)
{
    const struct seat *s = &p->seats[seat];
    struct req_pause req = { .until = until };

    rng_fill(&p->w.rng, req.op, ID_BYTES);
    enum err e = world_ask(&p->w, s->house, &s->g.login, MSG_PAUSE, &req, NULL);

    world_tell(&p->w, "%s is %s: %s", seat_name(seat), until != 0 ? "away" : "back",
               err_name(e));
    saw_pause(p, seat, e, until);
}

static bool go_away(struct people *p)
{
    size_t i = world_draw(&p->w, (uint32_t)p->n);

    set_pause(p, i,
              world_chance(&p->w, 1, 2)
                  ? 0
                  : house_now(&p->w, p->seats[i].house) + world_draw(&p->w, 20 * 86400));
    return true;
}

/* ---- the circle ---- */

/* Under a new root: once it took over at as many as it takes, and one more. */
bool owner_deals(struct people *p)
{
    size_t follow = 0;

    for (size_t i = 0; i < p->n; i++)
        follow += p->seats[i].follows;
    if (p->n_made >= EPOCHS_MADE - 2 || (p->spoken && follow <= p->k))
        return false;
    if (p->spoken)
        root_follow(p, &p->fresh);
    return true;
}

bool owner_deals_at(const struct people *p, size_t seat)
{
    return !p->spoken || p->seats[seat].follows;
}

bool owner_brings(struct people *p)
{
    struct made *m = people_make(p, false, p->hold, p->stop_hold);

    for (size_t i = 0; m != NULL && i < p->n; i++) {
        if (!owner_deals_at(p, i))
            continue;
        enum err e = people_seal(p, m, i, SEAL_COMMIT);

        world_tell(&p->w, "the owner brings epoch %zu to %s: %s", p->n_made, seat_name(i),
                   err_name(e));
        saw_change(p, i, e, "an epoch");
        saw_dealt(p, m, i, e);
    }
    return m != NULL;
}

static bool owner_epoch(struct people *p)
{
    return p->n_made < 3 && !p->spoken && owner_brings(p);
}

static bool new_root_epoch(struct people *p)
{
    return p->spoken && owner_deals(p) && owner_brings(p);
}

/* ---- time and machines ---- */

static size_t some_house(struct people *p)
{
    return world_draw(&p->w, (uint32_t)p->w.n_houses);
}

static bool wait_a_bit(struct people *p)
{
    uint32_t s = 1 + world_draw(&p->w, 3600);

    world_tell(&p->w, "%u s pass", s);
    world_wait(&p->w, s);
    return true;
}

static bool wait_long(struct people *p)
{
    uint32_t s =
        3600 + world_draw(&p->w, world_chance(&p->w, 1, 8) ? 60 * 86400 : 4 * 86400);

    world_tell(&p->w, "%u s pass", s);
    world_wait(&p->w, s);
    return true;
}

static bool clock_wrong(struct people *p)
{
    size_t h = some_house(p);
    int64_t off = 1 + world_draw(&p->w, world_chance(&p->w, 1, 2) ? 3000 : 40 * 86400);

    off = world_chance(&p->w, 1, 2) ? off : -off;
    world_tell(&p->w, "node %zu's clock is set %ld s off", h, (long)off);
    house_set_wall(&p->w, h, off);
    return true;
}

void make_right(struct people *p, size_t h)
{
    size_t i = 0;

    house_learns_time(&p->w, h);
    p->w.houses[h].odd = !house_runs(&p->w, h);
    if (!p->w.houses[h].odd)
        return;
    while (p->seats[i].house != h)
        i++;
    bool agreed = house_confirm(&p->w, h, &p->seats[i].g.login);

    world_tell(&p->w, "%s confirms node %zu's time: %s", seat_name(i), h,
               agreed ? "agreed" : "not");
    p->w.houses[h].odd = !house_runs(&p->w, h);
}

static bool clock_right(struct people *p)
{
    size_t h = some_house(p);

    if (house_runs(&p->w, h))
        return false;
    world_tell(&p->w, "node %zu's clock is right again", h);
    make_right(p, h);
    return true;
}

static bool restart(struct people *p)
{
    size_t h = some_house(p);

    world_tell(&p->w, "node %zu starts again", h);
    house_again(&p->w, h, HOUSE_KNOWS_TIME);
    return true;
}

static bool power_cut(struct people *p)
{
    size_t h = some_house(p);

    world_tell(&p->w, "node %zu loses power", h);
    house_power_cut(&p->w, h, HOUSE_KNOWS_TIME);
    return true;
}

/* It was off, its clock was set wrong meanwhile, and the kernel does not vouch. */
static bool restart_unsure(struct people *p)
{
    size_t h = some_house(p);
    int64_t off = (int64_t)world_draw(&p->w, 80 * 86400) - 40 * 86400;

    if (p->w.houses[h].trust == CLOCK_TRUSTED)
        return false;
    world_tell(&p->w, "node %zu starts %ld s off, and does not know", h, (long)off);
    p->w.houses[h].wall_off = off;
    house_again(&p->w, h, HOUSE_DOES_NOT);
    return true;
}

static bool line_cut(struct people *p)
{
    size_t h = some_house(p);

    p->w.houses[h].cut = !p->w.houses[h].cut && world_chance(&p->w, 1, 3);
    p->w.houses[h].loss = (uint8_t)(world_chance(&p->w, 1, 2) ? 80 : 0);
    world_hang_up(&p->w, h);
    world_tell(&p->w, "node %zu: line %s, losing %u of 256", h,
               p->w.houses[h].cut ? "cut" : "there", p->w.houses[h].loss);
    return true;
}

const struct step steps[] = {
    { "asks by a link", 6, open_link },
    { "asks by a sheet", 6, open_sheet },
    { "asks by the roster", 4, open_roster },
    { "shows what was opened", 3, show },
    { "takes a request back", 1, cancel },
    { "fetches", 6, fetch_some },
    { "fetches to the second", 6, fetch_to_the_second },
    { "guardian says yes", 12, say_yes },
    { "guardian types wrong words", 5, type_wrong },
    { "guardian says no", 3, say_no },
    { "guardian unlocks", 3, unlock },
    { "device stops", 3, step_stop_device },
    { "root account stops", 2, step_stop_account },
    { "guardian freezes", 2, freeze },
    { "guardian goes away or comes back", 1, go_away },
    { "owner makes an epoch", 1, owner_epoch },
    { "owner makes one by the new root", 4, new_root_epoch },
    { "owner takes an epoch back", 2, step_owner_takes_back },
    { "guardian forgets the passphrase", 2, step_guardian_forgets },
    { "guardian confirms an epoch", 4, step_people_confirm },
    { "owner retires old epochs", 2, step_owner_retires },
    { "thief makes an epoch", 2, step_thief_epoch },
    { "thief retires old epochs", 3, step_thief_retires },
    { "thief ends the ward", 1, step_thief_ends },
    { "guardians give a new root", 2, step_people_move },
    { "guardian refuses a new root", 3, step_guardian_refuses_root },
    { "thief says anything", 6, step_thief_says },
    { "thief tries with a day box", 2, step_thief_day_box },
    { "stranger knocks", 2, step_stranger },
    { "nonce again", 2, step_reuse_nonce },
    { "introduction again", 3, step_intro_again },
    { "swapped invite", 1, step_swapped_invite },
    { "conversation replayed", 2, step_replay },
    { "a while passes", 6, wait_a_bit },
    { "days pass", 5, wait_long },
    { "clock set wrong", 3, clock_wrong },
    { "clock right again", 2, clock_right },
    { "node starts again", 3, restart },
    { "node loses power", 2, power_cut },
    { "node starts unsure of the time", 2, restart_unsure },
    { "line changes", 3, line_cut },
    { "store is copied", 1, step_copy_store },
    { "older store is put back", 2, step_put_back },
    { "owner looks for alerts", 4, step_owner_looks },
    { "owner checks", 6, step_owner_checks },
    { "owner drills", 4, step_owner_drills },
    { "disk rots", 1, step_disk_rots },
    { "owner pushes the vault", 6, step_owner_pushes },
    { "owner takes a new machine", 3, step_owner_swaps_device },
    { "owner shuts strange machines out", 2, step_owner_shuts_out },
    { "thief has a machine of his own", 3, step_thief_helper },
    { "thief empties the vault", 3, step_thief_pushes },
};
const size_t step_count = sizeof steps / sizeof steps[0];
uint64_t step_done[sizeof steps / sizeof steps[0]];
