/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"
#include "client/vault.h"

/* How far a reset went. */
struct resetting {
    json_t *seats;
    size_t asked;
    size_t done;
};

/* ---- may it be begun ---- */

/* The keys of a guardian with a circle of their own come back with the root. */
static enum err check_owner(struct desk *d)
{
    if (d->day->me.epoch == 0 && !home_has(&d->home, HOME_JOURNAL))
        return OK;
    return term_fail_as(
        d->t, ERR_STATE, EXIT_USAGE, "own-circle",
        "They come from your own root key. Your circle gives that back, with a new "
        "passphrase: restore it in an empty home (KITH_HOME=DIR), then take your place "
        "there again with kith guard setup. Nobody you help loses anything.",
        "kith restore start LINK", "Your guardian keys need no reset.");
}

/* Reached without the passphrase: a node that is away could not be told. */
static enum err check_nodes(struct desk *d)
{
    term_progress(d->t, "Asking your node …");
    TRY(guard_look(d->ctx->params, d->day, GUARD_OPEN, &d->guard));
    return guard_away(d->guard) == d->guard->n_seats ? desk_all_away(d) : OK;
}

static enum err agree(struct desk *d)
{
    size_t n = 0;
    char why[TERM_TEXT];

    for (size_t i = 0; i < d->guard->n_wards; i++)
        n += d->guard->wards[i].line.left == 0;
    (void)snprintf(why, sizeof why,
                   "This is for a forgotten passphrase. You get new keys, and can never "
                   "again open the pieces you keep now (%zu). Their owners are told, "
                   "and have to take you on anew, or somebody else.",
                   n);
    return term_word(d->t, "reset", why);
}

static enum err allowed(struct desk *d)
{
    TRY(check_owner(d));
    TRY(check_nodes(d));
    TRY(agree(d));
    if (d->day->n_guardians > 0)
        term_warn(d->t, "the guardians you added were asked under the old key. Add them "
                        "again afterwards.");
    return OK;
}

/* ---- new keys ---- */

/* From here on it goes on by itself when it is run again. */
static enum err begin(struct desk *d)
{
    struct day *day = d->day;

    if (day->me.reset != 0)
        return OK;
    day->n_guardians = 0;
    for (size_t i = 0; i < day->n_seats; i++)
        day->seats[i].lost |= !guard_seat_is_old(day, &day->seats[i]);
    day->me.reset = home_aside_free(&d->home, ctx_now(d->ctx));
    return ctx_day_save(d->ctx, &d->home, day);
}

static bool has_new_root(struct desk *d)
{
    uint64_t when = d->day->me.reset;

    return when != 0 && home_aside_free(&d->home, when) != when &&
           home_has(&d->home, HOME_ROOT);
}

/* Secrets that were kept without a circle go under the new root. */
static void move_vault(struct desk *d)
{
    const struct params *p = d->ctx->params;
    char what[VAULT_WHAT] = "it cannot be read or written";

    if (vault_rekey(&d->home, d->day, p->now(), p->rng, what) != OK)
        term_warn(d->t,
                  "your vault is still under the old key: %s. Every kith secret command "
                  "tries again.",
                  what);
}

/* Each step is found done when it is run again: what a power cut left is completed. */
static enum err new_keys(struct desk *d)
{
    AUTO_SECRET struct home_key *key = NULL;

    /* Asked for first: nothing has moved if nobody types one. */
    if (!has_new_root(d))
        TRY(ctx_new_key(d->ctx, &key));
    TRY(begin(d));
    const struct make_root how = { .key = key };
    enum err e = home_root_aside(&d->home, d->day->me.reset);
    if (e != OK)
        return term_fail(d->t, e, NULL, "The file %s/root could not be put aside.",
                         d->ctx->home);
    TRY(ctx_make_root(d->ctx, &d->home, &how, &d->root));
    guard_free(d->guard);
    d->guard = NULL;
    day_free(d->day);
    d->day = NULL;
    TRY(ctx_day(d->ctx, &d->home, &d->day));
    move_vault(d);
    return OK;
}

/* ---- telling the nodes ---- */

static bool has_new_place(const struct day *d, const struct day_seat *old)
{
    for (size_t i = 0; i < d->n_seats; i++) {
        const struct day_seat *s = &d->seats[i];
        if (s->progress == GUARDIAN_READY && !guard_seat_is_old(d, s) &&
            bytes_equal(BYTES_OF(s->node[0].node_key), BYTES_OF(old->node[0].node_key)))
            return true;
    }
    return false;
}

static enum err tell_node(struct desk *d, struct day_seat *old, struct resetting *r)
{
    struct day_seat *s = NULL;
    struct call call = { 0 };
    char node[ADDRESS_TEXT];

    guard_node(old, node);
    r->asked++;
    enum err e = guard_seat_reset(d->ctx->params, d->day, old, &d->root->root, &s, &call);
    if (e == ERR_NOMEM)
        return e;
    (void)json_array_append_new(
        r->seats,
        json_pack("{s:s,s:o,s:o}", "node", node, "old", json_hex(old->seat, SEAT_BYTES),
                  "seat", e == OK ? json_hex(s->seat, SEAT_BYTES) : json_null()));
    if (e != OK) {
        term_warn(d->t, "the node %s was not told: %s", node, err_text(e));
        return OK;
    }
    r->done++;
    return ctx_day_save(d->ctx, &d->home, d->day);
}

/* The newest places first: of two old ones at a node it is the one whose keys count. */
static enum err tell_nodes(struct desk *d, struct resetting *r)
{
    term_progress(d->t, "Telling your node …");
    for (size_t i = d->day->n_seats; i-- > 0;) {
        struct day_seat *s = &d->day->seats[i];
        if (s->progress == GUARDIAN_READY && guard_seat_is_old(d->day, s) &&
            !has_new_place(d->day, s))
            TRY(tell_node(d, s, r));
    }
    if (r->done < r->asked)
        return OK;
    d->day->me.reset = 0;
    return ctx_day_save(d->ctx, &d->home, d->day);
}

/* ---- what it means ---- */

static bool is_lost(const struct day *d, const struct day_ward *w)
{
    for (size_t i = 0; i < d->n_seats; i++)
        if (bytes_equal(BYTES_OF(d->seats[i].seat), BYTES_OF(w->seat)))
            return d->seats[i].lost;
    return true;
}

static void say_lost(struct desk *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->day->n_wards; i++) {
        const struct day_ward *w = &d->day->wards[i];
        if (!is_lost(d->day, w))
            continue;
        if (n++ == 0)
            term_say(d->t, "You can no longer open what you keep for:");
        char id[9];
        id_short(w->ward, id);
        term_say(d->t, "  %s  %.*s%s%.*s", id, (int)w->label.n, (const char *)w->label.p,
                 w->contact.n > 0 ? ", to be reached by " : "", (int)w->contact.n,
                 (const char *)w->contact.p);
    }
    if (n == 0)
        return;
    term_say(d->t,
             "Call them. Each gets a new invite, and you confirm each other again:");
    term_say(d->t, "  kith guard invite");
    term_say(d->t,
             "Once they have another piece with you, or with somebody else, give the "
             "old one up: kith guard leave NAME");
}

static void say_reset(struct desk *d, const struct resetting *r)
{
    if (d->t->json) {
        json_t *wards = json_array();
        for (size_t i = 0; i < d->day->n_wards; i++) {
            const struct day_ward *w = &d->day->wards[i];
            if (is_lost(d->day, w))
                (void)json_array_append_new(
                    wards, json_pack("{s:o,s:o}", "ward", json_hex(w->ward, ID_BYTES),
                                     "label", json_slice(w->label)));
        }
        term_json(d->t, "reset",
                  json_pack("{s:O,s:o}", "seats", r->seats, "lost", wards));
        return;
    }
    term_title(d->t, "You have new keys.");
    say_lost(d);
    term_say(d->t,
             "The old keys stay in %s, still locked; they are of no more use to your "
             "node.",
             d->ctx->home);
}

enum err guard_cmd_reset(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct resetting r = { 0 };

    TRY(desk_open(ctx, &d));
    if (d.day->me.reset == 0)
        TRY(allowed(&d));
    TRY(new_keys(&d));
    r.seats = json_array();
    enum err e = tell_nodes(&d, &r);
    if (e == OK)
        say_reset(&d, &r);
    json_decref(r.seats);
    TRY(e);
    if (r.done == r.asked)
        return OK;
    term_say(d.t, "Not every node was told. Run it again: kith guard reset");
    ctx->exit = r.done > 0 ? EXIT_DEGRADED : EXIT_AWAY;
    return OK;
}
