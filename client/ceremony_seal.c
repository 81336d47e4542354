/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_roster.h"
#include "client/ceremony_seal_part.h"

/* ---- beginning ---- */

static bool has_full_device(const struct day *d)
{
    for (size_t i = 0; i < d->n_devices; i++)
        if (d->devices[i].full != 0 && d->devices[i].removed == 0)
            return true;
    return false;
}

bool seal_alone(const struct seal *s, const struct seal_work *w)
{
    static const uint8_t none[HASH_BYTES];
    if (w->day->me.epoch == 0)
        return false;
    return w->alone || (w->requester != NULL && !has_full_device(w->day)) ||
           !bytes_equal(BYTES_OF(s->head.move), BYTES_OF(none));
}

static void fill_head(const struct day *d, const struct day *next, const struct params *p,
                      struct seal_head *out)
{
    const struct day_me *plan = &next->me;
    *out = (struct seal_head){ .phase = SEAL_NEXT,
                               .epoch = d->me.epoch + 1,
                               .made = p->now(),
                               .roster_number = d->me.next_roster,
                               .group_threshold = plan->group_threshold,
                               .n_groups = plan->n_groups,
                               .hold = plan->hold,
                               .stop_hold = plan->stop_hold,
                               .roster_mode = plan->roster_mode };
    memcpy(out->groups, plan->groups, sizeof out->groups);
    memcpy(out->previous, d->me.manifest_hash, HASH_BYTES);
}

static void fill_seat(const struct day *next, size_t i, const struct rng *rng,
                      struct seal_seat *out)
{
    out->kind = next->guardians[i].kind;
    memcpy(out->seat, next->guardians[i].seat, SEAT_BYTES);
    circle_place(&next->me, i, &out->group, &out->index);
    rng_fill(rng, out->op_next, ID_BYTES);
    rng_fill(rng, out->op_prepare, ID_BYTES);
    rng_fill(rng, out->op_commit, ID_BYTES);
}

enum err seal_begin(const struct day *d, const struct params *p, struct seal **out)
{
    AUTO_NEXT struct day *next = NULL;
    AUTO_SEAL struct seal *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    TRY(circle_next(d, &next));
    fill_head(d, next, p, &s->head);
    if (circle_root_alone(
            d)) /* whoever began it, and however often: the new root's first */
        memcpy(s->head.move, d->me.move, HASH_BYTES);
    s->n = next->n_guardians;
    for (size_t i = 0; i < s->n; i++)
        fill_seat(next, i, p->rng, &s->seats[i]);
    *out = s;
    s = NULL; /* the caller's now */
    return OK;
}

struct day_guardian *seal_find(struct day *d, const struct seal_seat *seat)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), BYTES_OF(seat->seat)))
            return &d->guardians[i];
    }
    return NULL;
}

bool seal_is_card(const struct seal_seat *seat)
{
    return seat->kind == PIECE_CARD;
}

struct day_guardian *seal_guardian(struct day *d, const struct seal_seat *seat)
{
    struct day_guardian *g = seal_find(d, seat);
    MUST(g != NULL);
    return g;
}

/* ---- counting ---- */

void seal_count(const struct seal *s, enum seal_stage stage, struct circle_count *out)
{
    *out = (struct circle_count){ { 0 } };
    for (size_t i = 0; i < s->n; i++)
        out->of[s->seats[i].group] += s->seats[i].stage >= stage;
}

bool seal_all_at(const struct seal *s, enum seal_stage stage)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->seats[i].stage < stage && !seal_is_card(&s->seats[i]))
            return false;
    }
    return true;
}

static struct day_me plan_of(const struct seal *s)
{
    struct day_me plan = { .group_threshold = s->head.group_threshold,
                           .n_groups = s->head.n_groups };
    memcpy(plan.groups, s->head.groups, sizeof plan.groups);
    return plan;
}

bool seal_enough(const struct seal *s, enum seal_stage stage)
{
    struct day_me plan = plan_of(s);
    struct circle_count c;
    seal_count(s, stage, &c);
    return seal_all_at(s, stage) || circle_spare(&plan, &c) >= 1;
}

bool seal_no_room(const struct seal *s, const struct day *d)
{
    static const uint8_t none[HASH_BYTES];
    struct day_me plan = plan_of(s);
    struct circle_count could = { { 0 } };
    bool full = false;
    for (size_t i = 0; i < s->n; i++) {
        full = full || s->notes[i].err == ERR_FULL;
        could.of[s->seats[i].group] += s->notes[i].err != ERR_FULL;
    }
    full = full && circle_spare(&plan, &could) == 0;
    return full && s->head.phase == SEAL_NEXT && d->me.epoch > 0 &&
           bytes_equal(BYTES_OF(s->head.move), BYTES_OF(none));
}

void seal_without(const struct seal *s, struct day *d, char *io, size_t cap)
{
    size_t n = strlen(io);
    for (size_t i = 0; i < s->n; i++) {
        if (!s->notes[i].silent || s->head.phase >= SEAL_COMMIT || d->me.epoch == 0)
            continue;
        const struct day_guardian *g = seal_find(d, &s->seats[i]);
        if (g == NULL)
            continue;
        (void)snprintf(
            io + n, cap - n,
            "%sIf %.*s's node stays away: kith circle seal --abandon, and then "
            "kith guardian remove \"%.*s\"",
            n > 0 ? " " : "", (int)g->name.n, (const char *)g->name.p, (int)g->name.n,
            (const char *)g->name.p);
        return;
    }
}

/* ---- the phases ---- */

static enum err make_descriptors(struct seal *s, const struct seal_work *w)
{
    AUTO_SECRET struct account_keys *keys = NULL;
    TRY(secret_new(&keys));
    for (size_t i = 0; i < s->n; i++) {
        struct seal_seat *seat = &s->seats[i];
        if (seat->stage != SEAT_KEYED || seat->descriptor.n > 0 || seal_is_card(seat))
            continue;
        TRY(guardian_account(&w->unlocked->root, seal_guardian(w->day, seat), keys));
        TRY(seal_make_descriptor(s, w, keys, seat));
    }
    return seal_save(s, w);
}

/* The old circle is what counts until enough nodes have said that they keep the new. */
static bool is_moving(const struct seal *s, const struct day *d)
{
    return s->head.phase == SEAL_COMMIT &&
           (d->me.epoch == 0 || seal_enough(s, SEAT_ACTIVE));
}

static enum err note_day(const struct seal *s, const struct seal_work *w)
{
    struct day *d = w->day;
    if (d->me.epoch != s->head.epoch && is_moving(s, d)) {
        seal_move_day(s, d);
        d->me.sealed_at = w->params->now();
        TRY(roster_settle(d, s->head.roster_sealed, w->unlocked, w->params));
    }
    if (d->me.epoch != s->head.epoch)
        return home_day_save(w->home, d, w->params->rng);
    for (size_t i = 0; i < s->n; i++) {
        const struct seal_seat *seat = &s->seats[i];
        struct day_guardian *g = seal_guardian(d, seat);
        if (seat->stage != SEAT_ACTIVE || g->epoch == s->head.epoch || seal_is_card(seat))
            continue;
        if (g->epoch == 0)
            g->retired = s->head.epoch; /* it never had an older one */
        g->group = seat->group;
        g->index = seat->index;
        g->epoch = s->head.epoch;
        g->stored = w->params->now();
        g->ack = day_keep(d, seat->ack);
        g->retire_due = 0;
        memcpy(g->ack_key, seat->ack_key, PUB_BYTES);
    }
    TRY(seal_keep_check(s, w));
    return home_day_save(w->home, d, w->params->rng);
}

/* The credential's number is used up before anything carries it. */
static enum err start(struct seal *s, const struct seal_work *w)
{
    if (s->going)
        return OK;
    w->day->me.next_roster = s->head.roster_number + 1;
    TRY(home_day_save(w->home, w->day, w->params->rng));
    TRY(seal_save(s, w));
    s->going = true;
    return OK;
}

static enum err prepare_all(struct seal *s, const struct seal_work *w)
{
    TRY(make_descriptors(s, w));
    TRY(seal_talk(s, w, TALK_PREPARE));
    if (s->head.phase == SEAL_COMMIT || !seal_enough(s, SEAT_PREPARED))
        return OK;
    s->head.phase = SEAL_COMMIT;
    return seal_save(s, w);
}

/* Every piece's keeper is known here, and cards are where the day box says they are. */
static enum err look_up(struct seal *s, const struct seal_work *w)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct day_guardian *g = seal_find(w->day, &s->seats[i]);
        if (g == NULL)
            return ERR_UNKNOWN;
        if (seal_is_card(&s->seats[i]) && g->epoch == s->head.epoch)
            s->seats[i].stage = SEAT_ACTIVE;
    }
    return OK;
}

enum err seal_run(struct seal *s, const struct seal_work *w)
{
    TRY(look_up(s, w));
    TRY(start(s, w));
    uint32_t number = s->head.epoch;
    TRY(seal_talk(s, w, TALK_NEXT));
    if (s->head.epoch != number)
        TRY(seal_talk(s, w, TALK_NEXT));
    if (s->head.phase == SEAL_NEXT && seal_enough(s, SEAT_KEYED))
        TRY(seal_make_epoch(s, w));
    if (s->head.phase >= SEAL_PREPARE)
        TRY(prepare_all(s, w));
    if (s->head.phase == SEAL_COMMIT) {
        TRY(note_day(s, w));
        TRY(seal_talk(s, w, TALK_COMMIT));
    }
    TRY(note_day(s, w));
    TRY(cards_settle(w->home, &w->unlocked->root, w->day, w->params->rng));
    return seal_all_at(s, SEAT_ACTIVE) ? home_drop(w->home, HOME_JOURNAL) : OK;
}

/* ---- giving up ---- */

/* A paper that was read back for it is worth nothing; what it had before counts again. */
static void forget_papers(const struct seal *s, struct day *d)
{
    for (size_t i = 0; i < s->n; i++) {
        struct day_guardian *g = seal_guardian(d, &s->seats[i]);
        if (!seal_is_card(&s->seats[i])) {
            g->abort = s->head.epoch;
            continue;
        }
        if (g->epoch != s->head.epoch)
            continue;
        g->epoch = g->before;
        g->before = 0;
        if (g->epoch == 0)
            g->confirmed = g->stored = 0;
    }
}

enum err seal_abandon(struct seal *s, const struct seal_work *w, unsigned *out_left)
{
    unsigned left = 0;
    if (s->head.phase >= SEAL_COMMIT)
        return ERR_STATE;
    TRY(look_up(s, w));
    forget_papers(s, w->day);
    w->day->me.n_next = 0;
    TRY(home_day_save(w->home, w->day, w->params->rng));
    TRY(home_drop(w->home, HOME_JOURNAL));
    TRY(cards_drop(w->home, &w->unlocked->root, s->head.epoch, w->params->rng));
    seal_prune_keys(&w->unlocked->box, w->day, 0);
    TRY(home_root_save(w->home, w->unlocked, w->params->rng));
    TRY(seal_talk(s, w, TALK_ABORT));
    for (size_t i = 0; i < s->n; i++)
        left += seal_guardian(w->day, &s->seats[i])->abort != 0;
    *out_left = left;
    return home_day_save(w->home, w->day, w->params->rng);
}
