/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_vault.h"

#include "client/circle_back.h"
#include "client/cmd_vault_part.h"
#include "client/vault_former.h"

#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- opening ---- */

void vault_desk_end(struct vault_desk *k)
{
    vault_round_free(k->round);
    vault_free(k->vault);
    vault_held_free(k->held);
    secret_free(k->root);
    secret_free(k->key);
    restore_free(k->restore);
    day_free(k->others);
    day_free(k->day);
    home_close(&k->home);
}

static enum err held_open(struct vault_desk *k)
{
    enum err e = vault_held_load(&k->home, &k->held);
    if (e == OK)
        return OK;
    return term_fail(k->ctx->term, e, NULL,
                     "The file \"held\" in %s, what the nodes were seen to hold, cannot "
                     "be read. Move it away: it is made again.",
                     k->ctx->home);
}

static enum err vault_here(struct vault_desk *k, bool mend)
{
    char what[VAULT_WHAT] = "it cannot be read or written";
    enum err e =
        vault_rekey(&k->home, k->day, ctx_now(k->ctx), k->ctx->params->rng, what);
    if (e != OK) /* never made anew over what only the old key opens */
        return term_fail(k->ctx->term, e, NULL,
                         "The vault in %s did not go under the new key: %s.",
                         k->ctx->home, what);
    e = vault_open(&k->home, k->day, VAULT_WHOLE, what, &k->vault);
    if (e != ERR_CORRUPT)
        return e;
    if (!mend)
        return term_fail(k->ctx->term, e, "kith vault pull",
                         "The vault in %s is damaged: %s.", k->ctx->home, what);
    term_warn(k->ctx->term, "the vault here is damaged: %s. It is fetched again.", what);
    k->bare = true;
    e = vault_open(&k->home, k->day, VAULT_BARE, what, &k->vault);
    if (e != ERR_CORRUPT)
        return e;
    k->bare = false;
    return vault_open(&k->home, k->day, VAULT_AFRESH, what, &k->vault);
}

static enum err desk_fill(struct vault_desk *k, bool mend)
{
    TRY(ctx_vault_keys(k->ctx, &k->home, k->day));
    TRY(held_open(k));
    return vault_here(k, mend);
}

enum err vault_desk_open(struct ctx *ctx, bool mend, struct vault_desk *k)
{
    *k = (struct vault_desk){ .ctx = ctx, .home = { .dir = -1, .lock = -1 } };
    TRY(ctx_home(ctx, HOME_READ, &k->home));
    TRY(ctx_day(ctx, &k->home, &k->day));
    if (!home_has(&k->home, HOME_ROOT) && k->day->me.helper == 0)
        return ctx_no_root(ctx);
    return desk_fill(k, mend);
}

static enum err desk_round(struct vault_desk *k, const struct vault_how *how)
{
    k->how = *how;
    vault_round_free(k->round);
    k->round = NULL;
    TRY(vault_round_new(&k->how, &k->round));
    MUST(k->round != NULL);
    return OK;
}

enum err vault_desk_round(struct vault_desk *k, bool as_root)
{
    const struct vault_how how = { .params = k->ctx->params,
                                   .term = k->ctx->term,
                                   .home = &k->home,
                                   .me = k->day,
                                   .among = as_root ? k->others : k->day,
                                   .vault = k->vault,
                                   .held = k->held,
                                   .root = as_root ? &k->root->root : NULL,
                                   .bare = k->bare };
    return desk_round(k, &how);
}

enum err vault_nobody(const struct ctx *ctx, const struct day *d)
{
    char names[TERM_TEXT / 2];
    if (circle_unheard(d, names, sizeof names))
        return term_fail_as(ctx->term, ERR_UNREACHABLE, EXIT_AWAY, "not-heard",
                            "They are known by the list that came with your key. Ask "
                            "them whether their machines are switched on.",
                            "kith circle seal --resume",
                            "None of your guardians' nodes has answered this home yet: "
                            "%s.",
                            names);
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "no-guardian",
                        "The vault is kept on this machine alone until then.",
                        "kith guardian add NAME LINK",
                        "You have no guardians whose nodes could keep the vault.");
}

static enum err nobody_answered(struct vault_desk *k)
{
    if (calls_shut_out(k->round->calls, k->round->n))
        return guardian_shut_out(k->ctx);
    (void)vault_say_places(k->ctx->term, k->round);
    return term_fail(k->ctx->term, ERR_UNREACHABLE, NULL,
                     "None of your guardians' nodes answered.");
}

/* ---- kith vault ---- */

static enum exit_code exit_for(const struct vault_standing *s)
{
    return s->empty || s->enough ? EXIT_FINE : EXIT_DEGRADED;
}

static void show(struct vault_desk *k)
{
    struct vault_standing s;
    vault_stand(k->held, k->day, k->vault, &s);
    k->ctx->exit = exit_for(&s);
    if (k->ctx->term->json)
        term_json(k->ctx->term, "vault", vault_doc(k));
    else
        vault_say_standing(k->ctx->term, k, true);
}

static enum err cmd_vault(struct ctx *ctx)
{
    AUTO_DESK struct vault_desk k = VAULT_DESK;
    TRY(vault_desk_open(ctx, false, &k));
    show(&k);
    return OK;
}

/* ---- push ---- */

bool vault_desk_agrees(struct vault_desk *k, const struct vault_shown *s)
{
    struct term *t = k->ctx->term;
    vault_say_shrunk(t, s, vault_now(k->vault));
    enum err e = term_word(t, "shrink", "Less than two thirds of the vault would stay.");
    /* Not agreed to: what is larger stays, which is no failure of the command. */
    if (e != OK)
        t->problem = (struct problem){ 0 };
    return e == OK;
}

static enum err push_anyway(struct vault_desk *k)
{
    k->how.over = ctx_option(k->ctx, "--over") != NULL;
    enum err e = vault_round_push(k->round);
    if (e != ERR_STATE || !k->round->shrinks)
        return e;
    if (!vault_desk_agrees(k, &k->round->shrunk))
        return OK;
    k->how.shrink_ok = true;
    return vault_round_push(k->round);
}

/* How a round to the own guardians ended, when it was to save. */
static enum err saved(struct vault_desk *k, bool shrank)
{
    struct term *t = k->ctx->term;
    if (k->round->n > 0 && vault_round_answered(k->round) == 0)
        return nobody_answered(k);
    if (!t->json)
        vault_say_merge(t, k->round);
    bool named = vault_say_places(t, k->round);
    show(k);
    if (k->ctx->exit == EXIT_FINE && (named || shrank))
        k->ctx->exit = EXIT_DEGRADED;
    return OK;
}

static enum err damaged_here(struct vault_desk *k)
{
    return term_fail(k->ctx->term, ERR_CORRUPT, "kith vault pull",
                     "The vault here is not whole: %s.", vault_what(k->vault));
}

/* With no word of a person the larger one stays. */
static enum err join(struct vault_desk *k, bool *out_left)
{
    struct vault_round *r = k->round;
    *out_left = false;
    TRY(vault_round_look(r));
    TRY(vault_round_join(r));
    if (!r->shrinks)
        return OK;
    *out_left = !vault_desk_agrees(k, &r->shrunk);
    if (*out_left)
        return OK;
    k->how.shrink_ok = true;
    return vault_round_join(r);
}

/* As root account: a thief of a device may have left no room for one. */
static enum err clean(struct vault_desk *k)
{
    struct vault_how as_root;
    bool left = false;
    TRY(ctx_unlock(k->ctx, &k->home, &k->root));
    as_root = k->how;
    as_root.root = &k->root->root;
    TRY(desk_round(k, &as_root));
    if (k->round->n == 0)
        return OK;
    TRY(join(k, &left));
    TRY(vault_round_clean(k->round));
    if (k->round->cleaned > 0)
        term_say(k->ctx->term,
                 "%zu parts that no state of your vault needs were dropped at the nodes; "
                 "their room comes back after 30 days.",
                 k->round->cleaned);
    return desk_round(k, &as_root);
}

static enum err cmd_vault_push(struct ctx *ctx)
{
    AUTO_DESK struct vault_desk k = VAULT_DESK;
    TRY(vault_desk_open(ctx, false, &k));
    TRY(vault_desk_round(&k, false));
    if (k.round->n == 0)
        return vault_nobody(ctx, k.day);
    enum err e = ctx_option(ctx, "--clean") != NULL ? clean(&k) : OK;
    if (e == OK)
        e = push_anyway(&k);
    if (e == ERR_CORRUPT)
        return damaged_here(&k);
    TRY(e);
    TRY(ctx_day_save(ctx, &k.home, k.day));
    return saved(&k, k.round->shrinks && !k.how.shrink_ok);
}

/* ---- pull ---- */

/* The nodes a restore knows are asked with the root until the vault is here whole. */
static enum err restore_open_again(struct vault_desk *k)
{
    struct ctx *ctx = k->ctx;
    TRY(ctx_unlock_file(ctx, &k->home, HOME_RESTORE, &k->key));
    enum err e = restore_load(&k->home, k->key, &k->restore);
    if (e != OK)
        return term_fail(ctx->term, e, NULL, "The restore file in %s is damaged.",
                         ctx->home);
    TRY(ctx_unlock(ctx, &k->home, &k->root));
    k->others = calloc(1, sizeof *k->others);
    return k->others == NULL ? ERR_NOMEM : restore_people(k->restore, k->others);
}

static bool of_restore(const struct vault_desk *k)
{
    return home_has(&k->home, HOME_RESTORE) &&
           (k->held->restoring != 0 || k->day->n_guardians == 0);
}

/* A restored day box does not know when its root took over; the vault does. */
static enum err moved_back(struct vault_desk *k)
{
    uint64_t *moved = &k->day->me.moved;
    uint64_t newest = former_newest(k->vault, ctx_now(k->ctx));
    if (k->held->restoring == 0 || newest <= *moved)
        return OK;
    *moved = newest;
    return ctx_day_save(k->ctx, &k->home, k->day);
}

static enum err pull_from(struct vault_desk *k, bool as_root, bool *io_left,
                          bool *io_named, size_t *io_answered)
{
    bool left = false;
    TRY(vault_desk_round(k, as_root));
    if (k->round->n == 0)
        return OK;
    TRY(join(k, &left));
    TRY(moved_back(k));
    k->bare = false;
    *io_left = *io_left || left;
    *io_answered += vault_round_answered(k->round);
    if (as_root && k->round->missing == 0 && vault_round_answered(k->round) > 0)
        k->held->restoring = 0;
    if (!k->ctx->term->json)
        vault_say_merge(k->ctx->term, k->round);
    *io_named = vault_say_places(k->ctx->term, k->round) || *io_named;
    return vault_held_save(&k->home, k->held, k->ctx->params->rng);
}

static enum err pull_end(struct vault_desk *k, bool left, bool named)
{
    struct ctx *ctx = k->ctx;
    struct vault_standing s;
    size_t missing = k->round != NULL ? k->round->missing : 0;
    if (missing > 0)
        term_warn(
            ctx->term,
            "%zu parts of the vault are at no node that answered. Run it again when "
            "more do.",
            missing);
    show(k);
    vault_stand(k->held, k->day, k->vault, &s);
    bool fine = missing == 0 && !left && !named && (s.enough || s.empty || s.of == 0);
    ctx->exit = fine ? EXIT_FINE : EXIT_DEGRADED;
    return OK;
}

static enum err cmd_vault_pull(struct ctx *ctx)
{
    AUTO_DESK struct vault_desk k = VAULT_DESK;
    bool left = false;
    bool named = false;
    size_t answered = 0;
    TRY(vault_desk_open(ctx, true, &k));
    bool again = of_restore(&k);
    if (again) {
        TRY(restore_open_again(&k));
        TRY(pull_from(&k, true, &left, &named, &answered));
    }
    if (k.day->n_guardians > 0) {
        TRY(pull_from(&k, false, &left, &named, &answered));
        TRY(ctx_day_save(ctx, &k.home, k.day));
    }
    if (k.round == NULL || k.round->n == 0)
        return vault_nobody(ctx, k.day);
    if (answered == 0)
        return nobody_answered(&k);
    return pull_end(&k, left, named);
}

/* ---- for restore and status ---- */

static enum err restored(struct ctx *ctx, struct vault_desk *k)
{
    char items[64];
    bool left = false;
    TRY(ctx_vault_keys(ctx, &k->home, k->day));
    TRY(vault_held_load(&k->home, &k->held));
    k->held->restoring = 1;
    TRY(vault_held_save(&k->home, k->held, ctx->params->rng));
    TRY(vault_here(k, true));
    TRY(vault_desk_round(k, true));
    if (k->round->n == 0)
        return ERR_UNREACHABLE;
    TRY(join(k, &left));
    TRY(moved_back(k));
    vault_say_forks(ctx->term, k->round);
    (void)vault_say_places(ctx->term, k->round);
    bool whole = k->round->missing == 0 && vault_round_answered(k->round) > 0;
    k->held->restoring = !whole;
    TRY(vault_held_save(&k->home, k->held, ctx->params->rng));
    if (!whole)
        return ERR_UNREACHABLE;
    vault_items_text(vault_now(k->vault), items);
    if (vault_now(k->vault)->version > 0)
        term_say(ctx->term, "Your vault is back: %s. Look: kith secret list", items);
    return OK;
}

void vault_restored(struct ctx *ctx, struct home *h, const struct restore *r,
                    const struct root_key *root)
{
    AUTO_DESK struct vault_desk k = { .ctx = ctx, .home = *h };
    struct unlocked *u = NULL;
    enum err e = home_day_load(h, &k.day);
    if (e == OK)
        e = secret_new(&u);
    k.others = calloc(1, sizeof *k.others);
    if (e == OK && k.others == NULL)
        e = ERR_NOMEM;
    if (e == OK) {
        u->root = *root;
        k.root = u;
        e = restore_people(r, k.others);
    }
    if (e == OK)
        e = restored(ctx, &k);
    if (e != OK) {
        ctx->term->problem = (struct problem){ 0 };
        term_warn(ctx->term,
                  "your vault is not here whole yet (%s) Go on with:", err_text(e));
        term_say(ctx->term, "  kith vault pull");
    }
    k.home = (struct home){ .dir = -1, .lock = -1 }; /* the caller's */
}

bool vault_restore_waits(struct ctx *ctx, struct home *h)
{
    AUTO_HELD struct vault_held *held = NULL;
    if (h->dir < 0 || vault_held_load(h, &held) != OK || held->restoring == 0)
        return false;
    term_say(ctx->term, "Your vault is not here whole yet. Go on with: kith vault pull");
    return true;
}

static enum err carry(struct vault_desk *k, struct vault_standing *out)
{
    TRY(vault_desk_round(k, false));
    if (k->round->n == 0)
        return OK;
    enum err e = vault_round_push(k->round);
    if (e == ERR_STATE && k->round->shrinks)
        vault_say_shrunk(k->ctx->term, &k->round->shrunk, vault_now(k->vault));
    TRY(e);
    TRY(ctx_day_save(k->ctx, &k->home, k->day));
    (void)vault_say_places(k->ctx->term, k->round);
    vault_stand(k->held, k->day, k->vault, out);
    return OK;
}

bool vault_carry(struct ctx *ctx)
{
    AUTO_DESK struct vault_desk k = VAULT_DESK;
    struct vault_standing s = { 0 };
    enum err e = vault_desk_open(ctx, false, &k);
    if (e == OK)
        e = carry(&k, &s);
    if (e != OK)
        ctx->term->problem = (struct problem){ 0 };
    if (s.enough)
        term_say(ctx->term, "It is saved at %u of %u nodes.", s.saved, s.of);
    return s.enough;
}

void vault_carry_from(struct ctx *ctx, struct home *h, struct vault_standing *out)
{
    AUTO_DESK struct vault_desk k = { .ctx = ctx, .home = *h };
    *out = (struct vault_standing){ 0 };
    enum err e = ctx_day(ctx, h, &k.day);
    if (e == OK)
        e = desk_fill(&k, false);
    if (e == OK)
        e = carry(&k, out);
    if (e != OK)
        ctx->term->problem = (struct problem){ 0 };
    k.home = (struct home){ .dir = -1, .lock = -1 }; /* the caller's */
}

bool vault_standing_of(struct home *h, const struct day *d, struct vault_standing *out,
                       struct vault_state *out_state)
{
    AUTO_VAULT struct vault *v = NULL;
    AUTO_HELD struct vault_held *held = NULL;
    char what[VAULT_WHAT];
    if (h->dir < 0 || d->me.vault_generation == 0)
        return false;
    if (vault_open(h, d, VAULT_BARE, what, &v) != OK || vault_held_load(h, &held) != OK)
        return false;
    vault_stand(held, d, v, out);
    *out_state = *vault_now(v);
    out_state->device_name = (struct bytes){ 0 };
    return true;
}

static const struct command rows[] = {
    { .path = "vault",
      .args = "",
      .key = NEEDS_DAY,
      .help = "What your vault holds, and at how many nodes it is saved.",
      .run = cmd_vault },
    { .path = "vault push",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Saves the vault at your guardians' nodes; only what they lack is sent.",
      .options = { { "--over", NULL, "also over a vault that nobody can read any more" },
                   { "--clean", NULL,
                     "drops there what no state of the vault needs; after a device was "
                     "lost" } },
      .run = cmd_vault_push },
    { .path = "vault pull",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Fetches what your other devices saved there; after a restore, the vault.",
      .run = cmd_vault_pull },
    { .path = "vault verify",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Reads the vault here, and compares it with what each node holds.",
      .options = { { "--all", NULL, "all of it, not a sample" } },
      .run = cmd_vault_verify },
    { .path = "vault log",
      .args = "",
      .key = NEEDS_DAY,
      .help = "The versions that are kept at the nodes: when, which device, how much.",
      .run = cmd_vault_log },
    { .path = "vault copies",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Which guardian's node has which version of the vault.",
      .run = cmd_vault_copies },
    { .path = "vault copy",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Writes the whole vault, encrypted, into one file.",
      .options = { { "-o", "FILE", "a new file; - is standard output" } },
      .run = cmd_vault_copy },
};

const struct command_table cmd_vault_table = COMMANDS(rows);
