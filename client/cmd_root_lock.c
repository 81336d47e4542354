/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_root_part.h"
#include "client/guard.h"

/* The nodes that were to hear of it. */
struct telling {
    size_t asked;
    size_t told;
};

/* Such a file has a lock of its own, and the root comes from what it holds. */
static enum err check_quiet(struct root_desk *d)
{
    if (home_has(&d->home, HOME_MOVE))
        return term_fail_as(d->ctx->term, ERR_STATE, EXIT_USAGE, "moving",
                            "It holds both keys, locked as they were. Finish it first.",
                            "kith root replace --resume",
                            "Your root key is being replaced.");
    if (home_has(&d->home, HOME_RESTORE) &&
        home_lock_of(&d->home, HOME_RESTORE) == LOCK_NONE)
        return term_fail_as(d->ctx->term, ERR_STATE, EXIT_USAGE, "restoring",
                            "What it brought lies beside the key, and is not locked. "
                            "Once it is no longer needed:",
                            "kith restore cancel", "There is a restore in %s.",
                            d->ctx->home);
    return OK;
}

static enum err lock(struct root_desk *d)
{
    AUTO_SECRET struct home_key *key = NULL;

    TRY(ctx_new_key(d->ctx, &key));
    enum err e = home_root_lock(&d->home, d->unlocked, key, d->ctx->params->rng);
    if (e != OK)
        return term_fail(d->ctx->term, e, NULL,
                         "The file %s/root cannot be written. It stays as it was.",
                         d->ctx->home);
    d->day->unlocked = 0;
    return OK;
}

static enum err tell(struct root_desk *d, struct day_seat *s, struct telling *io)
{
    const struct params *p = d->ctx->params;
    struct call call = { 0 };
    char node[ADDRESS_TEXT];

    guard_node(s, node);
    io->asked++;
    enum err e = guard_seat_tell(p, d->day, s, &d->unlocked->root, &call);
    if (e == ERR_NOMEM)
        return e;
    io->told += e == OK;
    if (e != OK)
        term_warn(d->ctx->term, "the node %s was not told: %s", node, err_text(e));
    return OK;
}

/* What lies at an old seat opens by a key from before. */
static enum err tell_all(struct root_desk *d, struct telling *io)
{
    for (size_t i = 0; i < d->day->n_seats; i++) {
        struct day_seat *s = &d->day->seats[i];
        if (s->progress == GUARDIAN_READY && !guard_seat_is_old(d->day, s))
            TRY(tell(d, s, io));
    }
    return ctx_day_save(d->ctx, &d->home, d->day);
}

static void say_locked(struct root_desk *d, const struct telling *told)
{
    struct term *t = d->ctx->term;

    if (t->json) {
        term_json(t, "lock",
                  json_pack("{s:b, s:i, s:i}", "locked", 1, "nodes", (int)told->asked,
                            "told", (int)told->told));
        return;
    }
    term_title(t, "Your keys are locked by a passphrase.");
    term_say(t, "Without it nobody opens them; neither do you. Copies of this home from "
                "before, in backups too, open as they did.");
    if (home_has_aside(d->ctx->home))
        term_say(t, "Keys that were put aside stay as they were: %s/root.*",
                 d->ctx->home);
    if (told->told > 0)
        term_say(t, "Those you are a guardian for are told.");
    if (told->told < told->asked)
        term_say(t, "Not every node was told. Run it again: kith root lock");
}

enum err root_cmd_lock(struct ctx *ctx)
{
    AUTO_ROOT_DESK struct root_desk d = { .ctx = ctx, .home = { .dir = -1, .lock = -1 } };
    struct telling told = { 0 };

    TRY(ctx_home(ctx, HOME_READ, &d.home));
    TRY(ctx_day(ctx, &d.home, &d.day));
    if (!home_has(&d.home, HOME_ROOT))
        return ctx_no_root(ctx);
    TRY(check_quiet(&d));
    TRY(ctx_unlock(ctx, &d.home, &d.unlocked));
    if (d.day->unlocked != 0)
        TRY(lock(&d));
    TRY(tell_all(&d, &told));
    say_locked(&d, &told);
    if (told.told < told.asked)
        ctx->exit = told.told > 0 ? EXIT_DEGRADED : EXIT_AWAY;
    return OK;
}
