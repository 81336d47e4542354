/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_root_part.h"
#include "client/cmd_vault.h"
#include "client/guard.h"
#include "client/vault_former.h"
#include "client/vault_round.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

void root_desk_end(struct root_desk *d)
{
    secret_free(d->requester);
    secret_free(d->unlocked);
    secret_free(d->key);
    day_free(d->day);
    home_close(&d->home);
}

/* ---- the next epoch ---- */

static size_t count_at(const struct seal *s, enum seal_stage stage)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->seats[i].stage >= stage;
    return n;
}

static enum err seal_of(const struct root_desk *d, struct seal **out)
{
    if (home_has(&d->home, HOME_JOURNAL))
        return seal_load((struct home *)(uintptr_t)&d->home, &d->unlocked->root, out);
    TRY(seal_begin(d->day, d->ctx->params, out));
    memcpy((*out)->head.move, d->day->me.move, HASH_BYTES);
    return OK;
}

static void say_sealed(struct term *t, const struct seal *s, struct day *d)
{
    char without[TERM_TEXT] = "";

    for (size_t i = 0; i < s->n; i++)
        if (s->notes[i].err != OK)
            term_say(t, "  %s", s->notes[i].why);
    if (s->head.phase < SEAL_COMMIT) {
        term_say(t,
                 "New pieces are ready at too few nodes (%zu of %zu). When more answer:",
                 count_at(s, SEAT_PREPARED), s->n);
        term_say(t, "  kith circle seal --resume");
        seal_without(s, d, without, sizeof without);
        if (without[0] != 0)
            term_say(t, "%s", without);
        return;
    }
    term_say(t,
             "Your circle has new pieces (number %u), at %zu of %zu places. The old ones "
             "go once your guardians confirmed the new ones: call them, and type",
             (unsigned)s->head.epoch, count_at(s, SEAT_ACTIVE), s->n);
    term_say(t, "  kith guardian confirm NAME");
}

enum err root_next_epoch(struct root_desk *d)
{
    AUTO_SEAL struct seal *s = NULL;
    struct term *t = d->ctx->term;
    const struct seal_work w = { .home = &d->home,
                                 .unlocked = d->unlocked,
                                 .day = d->day,
                                 .params = d->ctx->params,
                                 .requester = d->requester };

    if (d->day->n_guardians == 0 || d->day->me.epoch == 0)
        return OK;
    term_progress(t, "Giving out new pieces …");
    enum err e = seal_of(d, &s);
    if (e == OK)
        e = seal_run(s, &w);
    if (e == OK) {
        say_sealed(t, s, d->day);
        return OK;
    }
    if (e == ERR_NOMEM)
        return e;
    if (e == ERR_UNKNOWN && s == NULL) {
        term_warn(t,
                  "new pieces were not given out: somebody of your circle is not known "
                  "in this home. Add them by a link of theirs (kith guardian add NAME "
                  "LINK) or go on without them; then plan anew:");
        term_say(t, "  kith circle plan -k 3");
        return OK;
    }
    term_warn(t, "new pieces were not given out yet (%s) Go on with:", err_text(e));
    term_say(t, "  kith circle seal --resume");
    return OK;
}

/* ---- the own place as a guardian ---- */

static size_t wards_at(const struct day *d, const struct day_seat *s)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_wards; i++)
        n += bytes_equal(BYTES_OF(d->wards[i].seat), BYTES_OF(s->seat));
    return n;
}

/* Whether what lies at an old seat still opens. */
static enum err is_kept(struct root_desk *d, const struct day_seat *s, bool *out)
{
    AUTO_VAULT struct vault *v = NULL;
    AUTO_SECRET struct root_key *former = NULL;
    char what[VAULT_WHAT];

    *out = false;
    TRY(secret_new(&former));
    enum err e = vault_open(&d->home, d->day, VAULT_WHOLE, what, &v);
    if (e == OK)
        e = former_of_seat(v, s->node[0].node_key, s->seat, former);
    *out = e == OK;
    return e == ERR_NOMEM ? e : OK;
}

/* Wards of seats that got other keys. */
struct following {
    size_t wards;
    size_t kept; /* whose pieces the old root still opens */
};

static enum err follow_seat(struct root_desk *d, struct day_seat *old,
                            struct following *io)
{
    struct day_seat *s = NULL;
    struct call call = { 0 };
    char node[ADDRESS_TEXT];
    bool kept = false;
    size_t wards = wards_at(d->day, old);

    guard_node(old, node);
    TRY(is_kept(d, old, &kept));
    enum err e =
        guard_seat_reset(d->ctx->params, d->day, old, &d->unlocked->root, &s, &call);
    if (e == ERR_NOMEM)
        return e;
    if (e != OK) {
        term_warn(d->ctx->term,
                  "your own node %s was not told of your new keys: %s When it answers, "
                  "take your place there again with its link (operator.link): kith guard "
                  "setup",
                  node, err_text(e));
        return OK;
    }
    io->wards += wards;
    io->kept += kept ? wards : 0;
    return ctx_day_save(d->ctx, &d->home, d->day);
}

static void say_followed(struct term *t, const struct following *f)
{
    if (f->wards == 0)
        return;
    term_say(t, "You are a guardian for %zu %s, with new keys now: they are told.",
             f->wards, f->wards == 1 ? "person" : "people");
    char some[48] = "them";
    if (f->kept != 0 && f->kept != f->wards)
        (void)snprintf(some, sizeof some, "%zu of them", f->kept);
    if (f->kept > 0)
        term_say(t,
                 "What your node keeps for %s still opens with your old root key, which "
                 "your vault keeps: you can say yes to them as before (kith guard).",
                 some);
    if (f->kept != 0)
        (void)snprintf(some, sizeof some, "the other %zu", f->wards - f->kept);
    if (f->kept < f->wards)
        term_say(t,
                 "What your node keeps for %s is under an old root key that your vault "
                 "does not have: you can no longer open it.",
                 some);
    term_say(t, "Others may have the old key. So give each a new invite (kith guard "
                "invite), and confirm each other again.");
}

/* Also those of keys before the last ones: whoever had that root has their keys. */
enum err root_follow_seats(struct root_desk *d)
{
    struct following f = { 0 };

    for (size_t i = d->day->n_seats; i-- > 0;) {
        struct day_seat *s = &d->day->seats[i];
        bool follows = false;

        if (s->progress != GUARDIAN_READY || !guard_seat_is_old(d->day, s))
            continue;
        TRY(guard_seat_follows(s, &d->unlocked->root, &follows));
        if (!follows)
            TRY(follow_seat(d, s, &f));
    }
    say_followed(d->ctx->term, &f);
    return OK;
}

/* ---- the vault ---- */

bool root_vault_waits(struct home *h)
{
    AUTO_HELD struct vault_held *held = NULL;

    return vault_held_load(h, &held) == OK && held->restoring != 0;
}

/* Nodes took one of this home's, and it has none any more. */
static bool vault_is_lost(struct home *h, const struct day *d)
{
    struct vault_standing s = { 0 };
    struct vault_state state = { 0 };

    return vault_standing_of(h, d, &s, &state) && s.empty && s.newest != 0;
}

bool root_vault_missing(struct home *h, const struct day *d)
{
    return root_vault_waits(h) || vault_is_lost(h, d);
}

/* What the nodes have of it opens with the old key only, and goes as nodes forget. */
bool root_vault_saved(struct root_desk *d)
{
    struct term *t = d->ctx->term;
    struct vault_standing s = { 0 };

    if (d->day->me.generation_before != 0 || root_vault_waits(&d->home))
        return true; /* said before */
    vault_carry_from(d->ctx, &d->home, &s);
    if (s.enough)
        term_say(t, "Your vault is under the new key, and saved at %u of %u nodes.",
                 s.saved, s.of);
    if (s.enough || s.empty)
        return true;
    term_warn(t, "as far as is known here, your vault is under the new key on this "
                 "machine only. To save it at your guardians' nodes:");
    term_say(t, "  kith vault push");
    return false;
}

/* ---- after a restore ---- */

enum err root_circle_back(struct ctx *ctx, struct home *h, const struct restore *r)
{
    AUTO_DAY struct day *d = NULL;
    size_t missing = 0;

    TRY(ctx_day(ctx, h, &d));
    enum err e = circle_back(r, ctx->params, d, &missing);
    if (e == ERR_UNKNOWN || e == ERR_STATE)
        return OK; /* cards alone say of no node; or it was done before */
    TRY(e);
    if (missing > 0)
        term_warn(ctx->term,
                  "%zu guardians of your circle are not known: no list of guardians came "
                  "with the pieces. The new pieces need them.",
                  missing);
    return ctx_day_save(ctx, h, d);
}

static enum err greet(struct root_desk *d)
{
    size_t left = 0;

    TRY(circle_greet(d->day, &d->unlocked->root, d->ctx->params, &left));
    return ctx_day_save(d->ctx, &d->home, d->day);
}

static enum err follow(struct root_desk *d, struct restore *r, enum day_gone gone)
{
    AUTO_MOVE struct moving *m = NULL;
    const struct move_work w = {
        .home = &d->home, .key = d->key, .day = d->day, .params = d->ctx->params
    };

    if (d->day->me.epoch == 0)
        return OK;
    if (gone != GONE_STOLEN)
        return d->day->me.epoch <= r->head.epoch ? root_next_epoch(d) : OK;
    if (home_has(&d->home, HOME_MOVE) || root_vault_waits(&d->home)) {
        term_say(d->ctx->term, "The root key is replaced by: kith root replace%s",
                 home_has(&d->home, HOME_MOVE) ? " --resume" : "");
        return OK;
    }
    enum err e = move_begin(&w, &d->unlocked->root, r, &m);
    if (e == OK)
        return root_move_on(d, m);
    term_warn(d->ctx->term,
              "your guardians' words in this restore are not enough to replace the root "
              "key. Ask them for that, now:");
    term_say(d->ctx->term, "  kith root replace");
    return e == ERR_CERT ? OK : e;
}

static enum err go_on(struct root_desk *d, struct restore *r, enum day_gone gone)
{
    TRY(greet(d));
    TRY(restore_carry(r, d->ctx->params));
    if (gone != GONE_UNASKED) {
        d->day->me.gone = (uint8_t)gone;
        TRY(ctx_day_save(d->ctx, &d->home, d->day));
    }
    return follow(d, r, gone);
}

enum err root_restored(struct ctx *ctx, struct home *h, struct restore *r,
                       const struct home_key *key, enum day_gone gone)
{
    struct root_desk d = { .ctx = ctx, .home = *h, .after = true };
    enum exit_code code = ctx->exit;
    enum err e = root_circle_back(ctx, h, r);

    if (e == OK)
        e = ctx_day(ctx, h, &d.day);

    if (e == OK)
        e = secret_new(&d.key);
    if (e == OK)
        e = secret_new(&d.requester);
    if (e == OK) {
        *d.key = *key;
        memcpy(d.requester->b, r->head.req_sign, KEY_BYTES);
        e = home_root_open(h, key, &d.unlocked);
    }
    /* Nothing is left to do where that root was replaced since. */
    if (e == OK && bytes_equal(BYTES_OF(r->head.owner), BYTES_OF(d.day->me.owner)))
        e = go_on(&d, r, gone);
    d.home = (struct home){ .dir = -1, .lock = -1 }; /* the caller's */
    root_desk_end(&d);
    ctx->exit = code;
    return e;
}
