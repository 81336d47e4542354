/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"

void desk_end(struct desk *d)
{
    guard_free(d->guard);
    for (size_t i = 0; i < DAY_SEATS; i++)
        secret_free(d->formers[i]);
    secret_free(d->keys);
    secret_free(d->root);
    day_free(d->day);
    home_close(&d->home);
}

static bool has_seat(const struct day *d)
{
    for (size_t i = 0; i < d->n_seats; i++)
        if (d->seats[i].progress == GUARDIAN_READY)
            return true;
    return false;
}

enum err desk_open(struct ctx *ctx, struct desk *out)
{
    out->ctx = ctx;
    out->t = ctx->term;
    TRY(ctx_home(ctx, HOME_READ, &out->home));
    TRY(ctx_day(ctx, &out->home, &out->day));
    if (has_seat(out->day))
        return OK;
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "no-seat",
                        "A guardian needs a place at a node: your own, or one that "
                        "somebody gives you.",
                        "kith guard setup --link-file FILE",
                        "You are not a guardian yet.");
}

enum err desk_unlock(struct desk *d)
{
    if (d->keys != NULL)
        return OK;
    enum err e = ctx_unlock(d->ctx, &d->home, &d->root);
    if (e == ERR_PASSPHRASE)
        return term_fail_as(d->t, e, EXIT_PASSPHRASE, NULL,
                            "Try again; check the keyboard layout. If it is forgotten "
                            "for good, you can get new keys.",
                            "kith guard reset", "The passphrase does not open %s.",
                            d->ctx->home);
    TRY(e);
    TRY(secret_new(&d->keys));
    return ident_guardian(&d->root->root, d->keys);
}

static bool has_unread(const struct desk *d)
{
    bool some = false;

    for (size_t i = 0; i < d->day->n_seats; i++)
        some = some || (desk_place(d, i) != PLACE_LOST && guard_has_unread(d->guard, i));
    return some;
}

enum err desk_read_notes(struct desk *d)
{
    if (!has_unread(d))
        return OK;
    TRY(desk_unlock(d));
    term_progress(d->t, "Reading who asks …");
    for (size_t i = 0; i < d->day->n_seats; i++) {
        enum err e = guard_has_unread(d->guard, i) ? desk_unlock_seat(d, i) : ERR_KEY;

        if (e == OK)
            e = guard_read_notes(d->guard, i, desk_keys(d, i));
        if (e != ERR_KEY) /* what was sealed to keys that are gone stays closed */
            TRY(e);
    }
    return ctx_day_save(d->ctx, &d->home, d->day);
}

bool desk_keys_at_hand(struct desk *d)
{
    return d->keys != NULL || home_lock_of(&d->home, HOME_ROOT) == LOCK_NONE ||
           !term_passphrase_asks(d->t);
}

enum err desk_all_away(struct desk *d)
{
    const struct guard *g = d->guard;
    char node[ADDRESS_TEXT];
    char who[ADDRESS_TEXT + 16];
    char what[TERM_TEXT];

    guard_node(&d->day->seats[g->seats[0]], node);
    (void)snprintf(who, sizeof who, "Your node %s", node);
    call_sentence(&g->calls[0], who, what, sizeof what);
    if (g->calls[0].err == ERR_VERSION)
        return term_fail(d->t, ERR_VERSION, NULL, "%s", what);
    return term_fail_as(d->t, ERR_UNREACHABLE, EXIT_AWAY, NULL,
                        "Is the machine switched on, and the program kithd running?",
                        NULL, "%s", what);
}

enum err desk_look(struct desk *d, enum guard_scope scope)
{
    TRY(desk_list_formers(d));
    term_progress(d->t, "Asking your node …");
    TRY(guard_look(d->ctx->params, d->day, scope, &d->guard));
    if (guard_away(d->guard) == d->guard->n_seats)
        return desk_all_away(d);
    if (has_unread(d) && desk_keys_at_hand(d))
        return desk_read_notes(d);
    return ctx_day_save(d->ctx, &d->home, d->day);
}

void desk_say_away(struct desk *d)
{
    const struct guard *g = d->guard;
    char node[ADDRESS_TEXT];
    char who[ADDRESS_TEXT + 16];
    char what[TERM_TEXT];

    for (size_t i = 0; i < g->n_seats; i++) {
        if (g->calls[i].err == OK)
            continue;
        guard_node(&d->day->seats[g->seats[i]], node);
        (void)snprintf(who, sizeof who, "the node %s", node);
        if (g->calls[i].err == ERR_VERSION)
            call_sentence(&g->calls[i], who, what, sizeof what);
        else
            (void)snprintf(what, sizeof what, "%s did not answer. There may be more.",
                           who);
        term_warn(d->t, "%s", what);
        d->ctx->exit = EXIT_DEGRADED;
    }
}

/* Nobody who waits there gets anything before a person says what time it is. */
static void say_clock(struct desk *d, size_t i)
{
    char node[ADDRESS_TEXT];

    if (d->guard->calls[i].err != OK || d->guard->calls[i].hello.frozen == 0)
        return;
    guard_node(&d->day->seats[d->guard->seats[i]], node);
    term_say(d->t,
             "The clock of the node %s waits for you; holds stand still: kith guard "
             "clock",
             node);
}

void desk_say_paused(struct desk *d)
{
    const struct guard *g = d->guard;
    char node[ADDRESS_TEXT];
    char at[TIME_TEXT];

    for (size_t i = 0; i < g->n_seats; i++) {
        uint64_t until = g->paused[g->seats[i]];

        say_clock(d, i);
        if (until <= ctx_now(d->ctx))
            continue;
        guard_node(&d->day->seats[g->seats[i]], node);
        time_text(until, at);
        term_say(d->t,
                 "At the node %s you are away until %s: nothing new is approved. If you "
                 "are back: kith guard resume",
                 node, at);
    }
}

void id_short(const uint8_t id[ID_BYTES], char out[9])
{
    hex_encode(bytes_of(id, 4), out, 9);
}

void desk_name(const struct desk *d, size_t seat, const uint8_t ward[ID_BYTES],
               char out[NAME_TEXT])
{
    const struct day_ward *w = guard_known(d->day, d->day->seats[seat].seat, ward);
    char id[9];

    if (w != NULL) {
        (void)snprintf(out, NAME_TEXT, "%.*s", (int)w->label.n, (const char *)w->label.p);
        return;
    }
    id_short(ward, id);
    (void)snprintf(out, NAME_TEXT, "somebody (%s)", id);
}

void desk_who(const struct desk *d, size_t seat, const struct day_ward *ward,
              const struct sign_seed *approval, struct guard_who *out)
{
    const struct day_seat *s = &d->day->seats[seat];

    *out = (struct guard_who){ .keys = desk_keys(d, seat), .approval = approval };
    crypt_sign_public(&out->keys->sign, out->sign_pub);
    crypt_dh_public(&out->keys->seal, out->seal_pub);
    crypt_sign_public(approval, out->approval_pub);
    memcpy(out->seat, s->seat, SEAT_BYTES);
    memcpy(out->node_key, s->node[0].node_key, PUB_BYTES);
    memcpy(out->circle, ward->circle, ID_BYTES);
    memcpy(out->owner, ward->owner, PUB_BYTES);
    memcpy(out->before, ward->before, PUB_BYTES);
}

bool desk_confirmed(const struct desk *d, const struct guard_ward *w)
{
    const struct day_ward *k =
        guard_known(d->day, d->day->seats[w->seat].seat, w->line.ward);

    return k != NULL && k->confirmed != 0 && k->moved == w->line.moved;
}

/* ---- naming ---- */

/* What is not found may be at a node that did not answer. */
static enum err pick(struct desk *d, const char *what, const char *typed,
                     const struct named *list, size_t n, size_t *out_index)
{
    enum err e = ctx_pick(d->ctx, what, typed, list, n, out_index);

    const char *list_them =
        strcmp(what, "request") == 0 ? "kith guard requests --all" : "kith guard wards";
    if (e == ERR_UNKNOWN && guard_away(d->guard) == 0)
        return term_fail_as(d->t, e, EXIT_NONE, NULL,
                            "A name with blanks stands in quotes.", list_them,
                            "There is no %s \"%s\".", what, typed);
    if (e == ERR_ARG)
        (void)snprintf(d->t->problem.next, sizeof d->t->problem.next, "%s", list_them);
    if (e != ERR_UNKNOWN)
        return e;
    return term_fail(d->t, ERR_UNREACHABLE, NULL,
                     "There is no %s \"%s\" at the nodes that answered, and not all did.",
                     what, typed);
}

static struct bytes known_label(const struct desk *d, const struct guard_ward *w)
{
    const struct day_ward *k =
        guard_known(d->day, d->day->seats[w->seat].seat, w->line.ward);

    return k != NULL ? k->label : (struct bytes){ 0 };
}

/* Whether this is the ward that a name is about. */
static bool is_meant(const struct desk *d, const struct guard_ward *w,
                     enum desk_name_of how)
{
    if (how == NAME_OF_ASKING)
        return w->line.requests != 0;
    return w->line.epoch != 0 && desk_place(d, w->seat) != PLACE_LOST;
}

/* Whether the name that both bear is the other's: one person, at an old place and a new.
 */
static bool yields(const struct desk *d, const struct guard_ward *w,
                   const struct guard_ward *other, enum desk_name_of how)
{
    bool old = desk_place(d, w->seat) != PLACE_PRESENT;
    bool other_old = desk_place(d, other->seat) != PLACE_PRESENT;

    if (w->line.left != 0 || other->line.left != 0)
        return w->line.left != 0 && other->line.left == 0;
    if (how == NAME_OF_KEPT || old == other_old)
        return false;
    if (is_meant(d, w, how) != is_meant(d, other, how))
        return is_meant(d, other, how);
    return old;
}

/* The name of somebody who came back is theirs, not that of what was given up. */
static struct bytes label_of(const struct desk *d, const struct guard_ward *w,
                             enum desk_name_of how)
{
    struct bytes label = known_label(d, w);

    for (size_t i = 0; i < d->guard->n_wards; i++) {
        const struct guard_ward *other = &d->guard->wards[i];
        if (other != w && bytes_equal(known_label(d, other), label) &&
            yields(d, w, other, how))
            return (struct bytes){ 0 };
    }
    return label;
}

enum err desk_request(struct desk *d, const char *typed, struct guard_request **out)
{
    struct guard *g = d->guard;
    AUTO_FREE struct named *list = calloc(g->n_requests + 1, sizeof *list);
    size_t i = 0;

    if (list == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < g->n_requests; k++)
        list[k].id = g->requests[k].rep.line[0].request;
    TRY(pick(d, "request", typed, list, g->n_requests, &i));
    *out = &g->requests[i];
    return OK;
}

enum err desk_ward(struct desk *d, const char *typed, enum desk_name_of how,
                   const struct guard_ward **out)
{
    struct guard *g = d->guard;
    AUTO_FREE struct named *list = calloc(g->n_wards + 1, sizeof *list);
    size_t i = 0;

    if (list == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < g->n_wards; k++)
        list[k] = (struct named){ g->wards[k].line.ward, label_of(d, &g->wards[k], how) };
    TRY(pick(d, "ward", typed, list, g->n_wards, &i));
    *out = &g->wards[i];
    return OK;
}

enum err desk_can_help(struct desk *d, const struct guard_ward *w)
{
    char name[NAME_TEXT];
    char why[TERM_TEXT];

    desk_name(d, w->seat, w->line.ward, name);
    if (w->line.left != 0)
        return term_fail_as(d->t, ERR_LEFT, EXIT_FAILED, NULL,
                            "Nothing of theirs lies at your node any more.", NULL,
                            "You gave up %s.", name);
    if (desk_place(d, w->seat) != PLACE_LOST)
        return OK;
    bool gone = d->day->seats[w->seat].lost != 0;
    (void)snprintf(why, sizeof why,
                   "%s Other guardians can help; take the person on anew.",
                   desk_lost_why(d, w->seat));
    return term_fail_as(d->t, ERR_KEY, EXIT_FAILED, "old-keys", why,
                        gone ? "kith guard invite" : "kith vault pull",
                        "The keys to your piece for %s are %s.", name,
                        gone ? "gone" : "not here");
}

/* How good a confirm request is as the answer to a ward's name. */
static int confirm_rank(const struct guard_request *r)
{
    switch (r->rep.line[0].state) {
    case STATE_LIVE:
        return 4;
    case STATE_LOCKED:
    case STATE_CONTESTED:
        return 3;
    case STATE_APPROVED:
    case STATE_RELEASED:
        return 2;
    default:
        return 1;
    }
}

static struct guard_request *confirm_of(struct guard *g, const struct guard_ward *w)
{
    struct guard_request *best = NULL;

    for (size_t i = 0; i < g->n_requests; i++) {
        struct guard_request *r = &g->requests[i];
        const struct request_line *l = &r->rep.line[0];
        if (r->seat != w->seat || l->kind != REQUEST_CONFIRM ||
            !bytes_equal(BYTES_OF(l->ward), BYTES_OF(w->line.ward)))
            continue;
        if (best == NULL || confirm_rank(r) > confirm_rank(best) ||
            (confirm_rank(r) == confirm_rank(best) &&
             l->opened > best->rep.line[0].opened))
            best = r;
    }
    return best;
}

static enum err no_confirm(struct desk *d, const struct guard_ward *w)
{
    char name[NAME_TEXT];

    desk_name(d, w->seat, w->line.ward, name);
    return term_fail_as(d->t, ERR_UNKNOWN, EXIT_NONE, NULL,
                        "The owner begins: with kith guardian confirm, on their machine.",
                        NULL, "%s has not asked you to confirm anything.", name);
}

enum err desk_confirm(struct desk *d, const char *typed, struct guard_request **out)
{
    struct guard *g = d->guard;
    size_t n = g->n_requests + g->n_wards;
    AUTO_FREE struct named *list = calloc(n + 1, sizeof *list);
    size_t i = 0;

    if (list == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < g->n_requests; k++)
        list[k].id = g->requests[k].rep.line[0].request;
    for (size_t k = 0; k < g->n_wards; k++)
        list[g->n_requests + k] =
            (struct named){ g->wards[k].line.ward,
                            label_of(d, &g->wards[k], NAME_OF_ASKING) };
    TRY(pick(d, "request or ward", typed, list, n, &i));
    if (i < g->n_requests) {
        *out = &g->requests[i];
        return OK;
    }
    const struct guard_ward *w = &g->wards[i - g->n_requests];
    struct guard_request *r = confirm_of(g, w);
    if (r == NULL)
        return no_confirm(d, w);
    *out = r;
    return OK;
}

/* ---- what went wrong with a message ---- */

static bool is_away(enum err e)
{
    return e == ERR_UNREACHABLE || e == ERR_TIMEOUT || e == ERR_CLOSED;
}

enum err desk_failed(struct desk *d, const struct day_seat *s, const struct call *c,
                     enum err e)
{
    char node[ADDRESS_TEXT];
    char who[ADDRESS_TEXT + 16];
    char what[TERM_TEXT];

    if (e == ERR_NOMEM)
        return e;
    guard_node(s, node);
    (void)snprintf(who, sizeof who, "The node %s", node);
    call_sentence(c, who, what, sizeof what);
    if (is_away(e))
        return term_fail(d->t, e, NULL, "%s", what);
    if (e == ERR_EXPIRED)
        return term_fail_as(d->t, e, EXIT_NONE, NULL, "It was not answered in time.",
                            NULL, "This request is over.");
    if (e == ERR_TRIES)
        return term_fail_as(d->t, e, EXIT_STOPPED, NULL, NULL, "kith guard unlock REQ",
                            "Too many wrong words were typed: the request is locked.");
    if (e == ERR_STOPPED)
        return term_fail(d->t, e, NULL, "This request was refused.");
    if (e == ERR_SIGNATURE || e == ERR_AUTH)
        return term_fail_as(d->t, e, EXIT_INTEGRITY, NULL,
                            "What it shows does not hang together. Do not approve "
                            "anything there; tell the person who looks after it.",
                            NULL, "The node %s cannot be trusted with this request.",
                            node);
    return term_fail(d->t, e, NULL, "%s", what);
}
