/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody takes a place, leaves it, or is reached elsewhere. */
#include "client/ceremony_roster.h"
#include "client/cmd_circle_part.h"

/* Who guarded once, and does not now. */
static const struct day_guardian *former_only(struct day *d, struct bytes name)
{
    if (guardian_find(d, name) != NULL)
        return NULL;
    for (size_t i = d->n_formers; i-- > 0;)
        if (bytes_equal(d->formers[i].name, name))
            return &d->formers[i];
    return NULL;
}

static bool has_piece(const struct manifest *m, const struct day_guardian *g)
{
    for (uint32_t i = 0; i < m->n_pieces; i++)
        if (bytes_equal(BYTES_OF(m->pieces[i].approval), BYTES_OF(g->approval)))
            return true;
    return false;
}

/* The first circle without them, and when; 0: not known here any more. */
static uint32_t left_out(const struct day *d, const struct day_guardian *g, uint64_t *out)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    uint32_t before = g->epoch;
    for (size_t i = 0; m != NULL && g->kind == PIECE_NODE && i <= d->n_past; i++) {
        bool now = i == d->n_past;
        uint32_t epoch = now ? d->me.epoch : d->past[i].epoch;
        if (epoch <= g->epoch)
            continue;
        if (manifest_open(now ? d->me.manifest : d->past[i].manifest, m) != OK)
            return 0;
        *out = now ? d->me.sealed_at : d->past[i].sealed_at;
        if (!has_piece(m, g))
            return epoch == before + 1 ? epoch : 0;
        before = epoch;
    }
    return 0;
}

/* What they still have of mine, and what is to be done about it. */
static void say_left(struct term *t, const struct day *d, const struct change_stand *s,
                     const struct day_guardian *g)
{
    bool node = g->kind == PIECE_NODE;
    if (node && g->retired > g->epoch)
        term_say(t, "%.*s's node let the old piece go.", TEXT(g->name));
    else if (d->n_past > 0 && !s->certified)
        term_say(t,
                 "What %.*s keeps is one old piece: it stays good until your guardians "
                 "confirmed the change.",
                 TEXT(g->name));
    else if (d->n_past == 0 && node)
        term_say(t,
                 "What %.*s's node may still keep opens nothing any more. If %.*s is "
                 "there, ask them to type kith guard leave %.*s, which erases it.",
                 TEXT(g->name), TEXT(g->name), TEXT(d->me.name));
    else if (d->n_past == 0)
        term_say(t, "The old card of %.*s opens nothing any more. Tear it up.",
                 TEXT(g->name));
}

/*
 * Whoever asks again, after a cut or a year, hears that it is done. The change that did
 * it goes on; another one is named, and is not what was asked for.
 */
static enum err former_go(struct changing *c, const struct day_guardian *g)
{
    struct term *t = c->ctx->term;
    struct change_stand s;
    enum seal_phase phase = SEAL_COMMIT;
    uint64_t at = 0;
    char when[TIME_TEXT];
    change_look(c->d, NULL, &s);
    uint32_t since = left_out(c->d, g, &at);
    time_text(at, when);
    if (since != 0)
        term_say(t, "%.*s is not among your guardians any more, since circle %u (%s).",
                 TEXT(g->name), since, when);
    else
        term_say(t, "%.*s is not among your guardians any more, since an earlier change.",
                 TEXT(g->name));
    say_left(t, c->d, &s, g);
    if (seal_peek(&c->h, &phase) == OK && phase < SEAL_COMMIT)
        return changing_other(c);
    return changing_go(c);
}

static bool has_place(const struct day *d, const struct day_guardian *g)
{
    return (size_t)(g - d->guardians) < circle_pieces(&d->me);
}

/* ---- guardian replace ---- */

static enum err say_how(struct ctx *ctx, const struct day_guardian *g)
{
    char next[TERM_TEXT];
    guardian_next("replace", g->name, " --with NAME LINK", next);
    term_say(ctx->term,
             "Somebody else can take %.*s's place. Everybody then gets a new piece; you "
             "call the others, who confirm it; after that the old pieces go, and what "
             "%.*s has opens nothing any more. %.*s is not needed for that.",
             TEXT(g->name), TEXT(g->name), TEXT(g->name));
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "with-whom",
                        "NAME is the new guardian, LINK the invite they make for you "
                        "with \"kith guard invite\".",
                        next, "It is not said who takes %.*s's place.", TEXT(g->name));
}

static enum err no_place(const struct ctx *ctx, const struct day_guardian *g)
{
    char next[TERM_TEXT];
    guardian_next("remove", g->name, "", next);
    return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, "no-piece",
                        "There is nothing to take over; they can be removed.", next,
                        "%.*s has no piece of your circle.", TEXT(g->name));
}

static enum err new_has_place(const struct ctx *ctx, const struct day_guardian *g)
{
    return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "already-added",
                        "One person counts once.", "kith guardian list",
                        "%.*s guards you already.", TEXT(g->name));
}

static enum err place_gone(const struct ctx *ctx, const struct day_guardian *g)
{
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "former-guardian",
                        "Their place was taken, or given up, by an earlier change. For "
                        "one more guardian: kith guardian add NAME LINK",
                        "kith guardian list",
                        "%.*s is not among your guardians any more.", TEXT(g->name));
}

/* The circle as it is, with another seat in one place. */
static void plan_swap(struct day *d, size_t at, const struct day_guardian *by,
                      struct day_plan *out)
{
    uint8_t seats[DAY_GUARDIANS * SEAT_BYTES];
    circle_plan_now(d, out);
    MUST((at + 1) * SEAT_BYTES <= out->seats.n);
    memcpy(seats, out->seats.p, out->seats.n);
    memcpy(seats + at * SEAT_BYTES, by->seat, SEAT_BYTES);
    out->seats = day_keep(d, bytes_of(seats, out->seats.n));
}

static enum err replace_run(struct changing *c, size_t at, const char *with,
                            const char *link)
{
    struct ctx *ctx = c->ctx;
    struct day_guardian *by = guardian_find(c->d, bytes_text(with));
    struct day_plan plan;
    if (by != NULL && has_place(c->d, by))
        return new_has_place(ctx, by);
    bool ready = by != NULL && (by->kind == PIECE_CARD || by->progress == GUARDIAN_READY);
    if (!ready) /* an invite serves once: not for a change that cannot go */
        TRY(changing_room(c));
    TRY(ctx_unlock(ctx, &c->h, &c->u));
    if (!ready)
        TRY(guardian_enter(ctx, &c->h, c->d, c->u, with, link, &by));
    plan_swap(c->d, at, by, &plan);
    return changing_begin(c, &plan);
}

enum err cmd_guardian_replace(struct ctx *ctx)
{
    AUTO_CHANGING struct changing c = CHANGING(ctx);
    struct day_guardian *old = NULL;
    const char *with = ctx_option(ctx, "--with");
    TRY(changing_open(&c));
    const struct day_guardian *former = former_only(c.d, bytes_text(ctx->args[0]));
    if (former != NULL) {
        const struct day_guardian *by =
            with != NULL ? guardian_find(c.d, bytes_text(with)) : NULL;
        return by != NULL && has_place(c.d, by) ? former_go(&c, former)
                                                : place_gone(ctx, former);
    }
    TRY(guardian_pick(ctx, c.d, ctx->args[0], &old));
    if (!has_place(c.d, old))
        return no_place(ctx, old);
    if (with == NULL)
        return say_how(ctx, old);
    return replace_run(&c, (size_t)(old - c.d->guardians), with,
                       ctx->n_args == 2 ? ctx->args[1] : NULL);
}

/* ---- guardian remove ---- */

/* Somebody without a piece: nothing changes for the others. */
static enum err forget(struct changing *c, struct day_guardian *g)
{
    struct bytes name = g->name;
    bool node = g->kind == PIECE_NODE;
    guardian_forget(c->d, g);
    if (c->d->me.epoch == 0)
        c->d->me.planned = 0;
    TRY(ctx_day_save(c->ctx, &c->h, c->d));
    term_say(c->ctx->term, "%.*s is not among your guardians any more.", TEXT(name));
    if (node) {
        char leave[TERM_TEXT];
        leave_next(c->d, leave);
        term_say(c->ctx->term, "%.*s can forget you as well: %s", TEXT(name), leave);
    }
    if (c->d->me.epoch == 0)
        term_say(c->ctx->term, "  kith circle plan");
    return OK;
}

static bool is_planned(const struct day *d, const struct day_guardian *g)
{
    const struct day_plan *p = &d->me.next[0];
    for (size_t i = 0; d->me.n_next > 0 && (i + 1) * SEAT_BYTES <= p->seats.n; i++)
        if (bytes_equal(bytes_of(p->seats.p + i * SEAT_BYTES, SEAT_BYTES),
                        BYTES_OF(g->seat)))
            return true;
    return false;
}

/* The circle as it is, without one place. */
static void plan_without(struct day *d, size_t at, struct day_plan *out)
{
    uint8_t seats[DAY_GUARDIANS * SEAT_BYTES];
    uint8_t group = 0;
    uint8_t index = 0;
    circle_place(&d->me, at, &group, &index);
    circle_plan_now(d, out);
    memcpy(seats, out->seats.p, out->seats.n);
    memmove(seats + at * SEAT_BYTES, seats + (at + 1) * SEAT_BYTES,
            out->seats.n - (at + 1) * SEAT_BYTES);
    out->seats = day_keep(d, bytes_of(seats, out->seats.n - SEAT_BYTES));
    out->groups[group].n--;
}

enum err cmd_guardian_remove(struct ctx *ctx)
{
    AUTO_CHANGING struct changing c = CHANGING(ctx);
    struct day_guardian *g = NULL;
    struct day_plan plan;
    TRY(owner_day(ctx, &c.h, &c.d));
    const struct day_guardian *former = former_only(c.d, bytes_text(ctx->args[0]));
    if (former != NULL)
        return former_go(&c, former);
    TRY(guardian_pick(ctx, c.d, ctx->args[0], &g));
    if (c.d->me.epoch > 0 && seal_busy(&c.h, c.d) && is_planned(c.d, g))
        return changing_other(&c);
    if (c.d->me.epoch == 0 && seal_busy(&c.h, c.d))
        return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, "change-in-progress",
                            "Finish it, or give it up with \"kith circle seal "
                            "--abandon\" while it is not active.",
                            "kith circle seal --resume",
                            "Pieces are on their way to %.*s.", TEXT(g->name));
    if (c.d->me.epoch == 0 || (!has_place(c.d, g) && !is_planned(c.d, g)))
        return forget(&c, g);
    if (!has_place(c.d, g)) {
        c.d->me.n_next = 0; /* the plan was for them */
        return forget(&c, g);
    }
    plan_without(c.d, (size_t)(g - c.d->guardians), &plan);
    return changing_begin(&c, &plan);
}

/* ---- guardian address ---- */

/* Proves the node's key at the new addresses. */
static enum err greet_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    (void)c;
    (void)reply;
    *out = (struct call_send){ 0 };
    return OK;
}

static enum err address_take(const struct ctx *ctx, struct day *d, struct day_node *n)
{
    n->n_addresses = 0;
    for (size_t i = 1; i < ctx->n_args; i++) {
        uint8_t raw[ADDRESS_MAX];
        struct buf at = BUF_OF(raw);
        struct address a = { 0 };
        if (address_parse(bytes_text(ctx->args[i]), &a) != OK)
            return term_fail_as(ctx->term, ERR_FORMAT, EXIT_USAGE, "bad-address",
                                "An address is host:port: ben.example:7844, "
                                "192.0.2.7:7844, [2001:db8::1]:7844, NAME.onion:7844.",
                                NULL, "\"%s\" is no address.", ctx->args[i]);
        address_put(&a, &at);
        n->addresses[n->n_addresses++].at = day_keep(d, buf_bytes(&at));
    }
    return OK;
}

/* Each address alone: one that leads elsewhere is not kept beside one that does not. */
static enum err address_try(struct changing *c, const struct day_guardian *g,
                            const struct day_node *fresh, size_t i)
{
    struct day_guardian at = *g;
    AUTO_SECRET struct account_keys *keys = NULL;
    struct guardian_talk talk = { 0 };
    struct call call;
    at.node[0].n_addresses = 1;
    at.node[0].addresses[0] = fresh->addresses[i];
    TRY(secret_new(&keys));
    TRY(guardian_account(&c->u->root, &at, keys));
    guardian_call_owner(&call, &at, keys);
    call.step = greet_step;
    TRY(guardian_round(&call, &at, c->ctx->params));
    secret_wipe(at.dev_static, KEY_BYTES);
    secret_wipe(at.dev_psk, KEY_BYTES);
    secret_wipe(at.dev_sign, KEY_BYTES);
    enum err e = guardian_talk_end(g, &call, false, &talk);
    if (e == OK)
        return OK;
    return term_fail_as(c->ctx->term, e, EXIT_NONE + 8, NULL,
                        "Nothing was changed. Ask whether that node is switched on, and "
                        "whether it is the one that was there before.",
                        NULL, "At %s: %s", c->ctx->args[1 + i], talk.why);
}

/* Whose node has the old list still, or is not told at all. */
static void say_behind(struct changing *c, const struct day_guardian *g,
                       const struct roster_told *told, size_t n)
{
    struct term *t = c->ctx->term;
    char next[TERM_TEXT];
    for (size_t i = 0; i < n; i++)
        if (told[i].talk.err == ERR_BUSY)
            term_warn(
                t,
                "%.*s's node keeps three lists already, each for two weeks, so that "
                "nobody can take the true one away. A change of the circle brings "
                "the new one there at once: kith circle rotate",
                TEXT(told[i].g->name));
        else if (told[i].talk.err != OK)
            term_warn(t, "%s", told[i].talk.why);
    if (roster_behind(c->d) == 0)
        return;
    guardian_next("address", g->name, "", next);
    term_say(t, "When they answer, go on with: %s", next);
}

static json_t *behind_json(const struct day *d)
{
    json_t *all = json_array();
    for (size_t i = 0; i < d->n_guardians; i++)
        if (roster_is_behind(d, &d->guardians[i]))
            (void)json_array_append_new(all, json_slice(d->guardians[i].name));
    return all;
}

/* The list that helps after a loss follows, at every node that has it. */
static enum err address_publish(struct changing *c, const struct day_guardian *g)
{
    struct term *t = c->ctx->term;
    AUTO_FREE struct roster_told *told = calloc(DAY_GUARDIANS, sizeof *told);
    size_t n = 0;
    if (told == NULL)
        return ERR_NOMEM;
    if (roster_behind(c->d) > 0)
        term_progress(t, "Telling the nodes …");
    TRY(roster_publish(c->d, &c->u->root, c->ctx->params, told, &n));
    TRY(ctx_day_save(c->ctx, &c->h, c->d));
    size_t left = roster_behind(c->d);
    c->ctx->exit = left > 0 ? EXIT_DEGRADED : EXIT_FINE;
    if (t->json) {
        term_json(t, "address",
                  json_pack("{s:o, s:i, s:o}", "name", json_slice(g->name), "told",
                            (int)(n - left), "behind", behind_json(c->d)));
        return OK;
    }
    if (left == 0)
        term_say(t, "Every guardian's node has the new list, for a restore that begins "
                    "with one link. A sheet on paper has the old one: kith circle sheet");
    say_behind(c, g, told, n);
    return OK;
}

/* No key of that list is here: a restore gives none back. */
static enum err address_later(const struct changing *c)
{
    c->ctx->exit = EXIT_DEGRADED;
    term_warn(c->ctx->term,
              "the list that your guardians' nodes keep for a restore has the old "
              "address, and this home cannot write it again: only a change of the circle "
              "brings the new one there.");
    term_say(c->ctx->term, "  kith circle rotate");
    return OK;
}

/* Its list is on its way already: nodes have room for few new ones in the dual time. */
static bool is_listed(const struct day *d, const struct day_node *was,
                      const struct day_node *fresh)
{
    bool same = roster_is_newer(d) && was->n_addresses == fresh->n_addresses;
    for (size_t i = 0; same && i < fresh->n_addresses; i++)
        same = bytes_equal(was->addresses[i].at, fresh->addresses[i].at);
    return same;
}

static enum err address_set(struct changing *c, struct day_guardian *g)
{
    struct day_node fresh = { 0 };
    enum err e = OK;
    TRY(address_take(c->ctx, c->d, &fresh));
    TRY(ctx_unlock(c->ctx, &c->h, &c->u));
    for (size_t i = 0; i < fresh.n_addresses; i++)
        TRY(address_try(c, g, &fresh, i));
    bool listed = is_listed(c->d, &g->node[0], &fresh);
    g->node[0].n_addresses = fresh.n_addresses;
    memcpy(g->node[0].addresses, fresh.addresses, sizeof fresh.addresses);
    if (c->d->me.epoch > 0 && !listed)
        e = roster_renew(c->d, c->u, c->ctx->params);
    TRY(ctx_day_save(c->ctx, &c->h, c->d));
    term_say(c->ctx->term,
             "%.*s's node is reached there from now on: it is the same node.",
             TEXT(g->name));
    if (e == ERR_UNKNOWN)
        return address_later(c);
    TRY(e);
    return c->d->me.epoch > 0 ? address_publish(c, g) : OK;
}

enum err cmd_guardian_address(struct ctx *ctx)
{
    AUTO_CHANGING struct changing c = CHANGING(ctx);
    struct day_guardian *g = NULL;
    TRY(owner_day(ctx, &c.h, &c.d));
    TRY(guardian_pick(ctx, c.d, ctx->args[0], &g));
    if (g->kind == PIECE_CARD || g->progress == GUARDIAN_NEW)
        return term_fail(ctx->term, ERR_ARG, "kith guardian list",
                         "%.*s has no node yet.", TEXT(g->name));
    if (ctx->n_args > 1)
        return address_set(&c, g);
    if (!roster_is_newer(c.d))
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "which-address", NULL,
                            "kith guardian address NAME ADDR…",
                            "Where is %.*s's node reached now?", TEXT(g->name));
    TRY(ctx_unlock(ctx, &c.h, &c.u));
    return address_publish(&c, g);
}
