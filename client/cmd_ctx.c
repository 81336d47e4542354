/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cmd.h"
#include "proto/words.h"

/* ---- the home ---- */

/* A mistyped directory is not closed to others: something else may live in it. */
static enum err unsafe_home(const struct ctx *ctx)
{
    struct stat st = { 0 };
    char file[HOME_PATH + 8];
    char next[TERM_TEXT];
    const char *quote = strchr(ctx->home, '\'') == NULL ? "'" : "\"";
    bool own = stat(ctx->home, &st) == 0 && st.st_uid == geteuid();
    (void)snprintf(file, sizeof file, "%s/day", ctx->home);
    bool home = lstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
    if (!own)
        return term_fail_as(
            ctx->term, ERR_STATE, EXIT_FAILED, "home-open",
            "Work as its owner, or let KITH_HOME name a directory of your "
            "own.",
            NULL, "The directory %s belongs to someone else.", ctx->home);
    if (!home)
        return term_fail_as(
            ctx->term, ERR_STATE, EXIT_FAILED, "home-open",
            "Perhaps KITH_HOME is mistyped. For a new home let it name a "
            "directory that does not exist yet: it is made for you alone.",
            NULL, "Others may look into the directory %s, and no home is in it.",
            ctx->home);
    (void)snprintf(next, sizeof next, "chmod 700 %s%s%s", quote, ctx->home, quote);
    return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, "home-open",
                        "Others may look into it.", next, "The home %s is not safe.",
                        ctx->home);
}

enum err ctx_home(const struct ctx *ctx, enum home_mode mode, struct home *out)
{
    struct term *t = ctx->term;
    enum err e = home_open(ctx->home, mode, out);
    if (e == OK)
        return OK;
    if (e == ERR_BUSY)
        return term_fail_as(
            t, e, EXIT_BUSY, NULL,
            "Another kith command works with this home right now, perhaps "
            "in another window. Wait for it, or end it there.",
            NULL, "The home %s is busy.", ctx->home);
    if (e == ERR_STATE)
        return unsafe_home(ctx);
    if (e == ERR_UNKNOWN)
        return term_fail(
            t, e, NULL, "The directory that %s should lie in does not exist.", ctx->home);
    return term_fail(t, e, NULL, "The home %s cannot be used.", ctx->home);
}

static enum err file_problem(const struct ctx *ctx, enum err e, const char *file)
{
    struct term *t = ctx->term;
    if (e == ERR_CORRUPT)
        return term_fail(t, e, NULL,
                         "The file %s/%s is damaged or foreign. It was left "
                         "as it is.",
                         ctx->home, file);
    if (e == ERR_VERSION)
        return term_fail_as(t, e, EXIT_VERSION, NULL, "Update this program.", NULL,
                            "The file %s/%s was written by a later kith.", ctx->home,
                            file);
    if (e == ERR_DISK_FULL)
        return term_fail(t, e, NULL, "The disk is full: %s/%s was not changed.",
                         ctx->home, file);
    return term_fail(t, e, NULL, "The file %s/%s cannot be read or written.", ctx->home,
                     file);
}

/* A root that is aside while it is replaced lies in that journal, locked as it was. */
static bool root_unlocked(struct home *h)
{
    enum home_file at = home_has(h, HOME_ROOT) ? HOME_ROOT : HOME_MOVE;
    return home_has(h, at) && home_lock_of(h, at) == LOCK_NONE;
}

enum err ctx_day(const struct ctx *ctx, struct home *h, struct day **out)
{
    enum err e = home_day_load(h, out);
    if (e == OK)
        (*out)->unlocked = root_unlocked(h);
    return e == OK ? OK : file_problem(ctx, e, "day");
}

enum err ctx_day_save(const struct ctx *ctx, struct home *h, const struct day *d)
{
    enum err e = home_day_save(h, d, ctx->params->rng);
    return e == OK ? OK : file_problem(ctx, e, "day");
}

/* ---- opening ---- */

/* How a file is opened with a passphrase: one of two functions behind one shape. */
struct opening {
    struct home *h;
    enum home_file which;
    const char *name;
    struct unlocked **out_root;
    struct home_key **out_key;
};

static enum err open_with(const struct opening *o, const struct passphrase *pass)
{
    if (o->out_root != NULL)
        return home_root_unlock(o->h, pass, o->out_root);
    return home_key_open(o->h, o->which, pass, o->out_key);
}

static enum err open_asking(const struct ctx *ctx, const struct opening *o)
{
    struct term *t = ctx->term;
    int tries = t->ask && term_passphrase_asks(t) ? 3 : 1;
    for (int i = 0; i < tries; i++) {
        AUTO_SECRET struct passphrase *pass = NULL;
        TRY(term_passphrase(t, PASS_OPEN, ctx->params->rng, &pass));
        term_progress(t, "Opening …");
        enum err e = open_with(o, pass);
        if (e == OK)
            return OK;
        if (e != ERR_PASSPHRASE)
            return file_problem(ctx, e, o->name);
        if (i + 1 < tries)
            term_say(t, "That is not the passphrase. Try again.");
    }
    return term_fail(t, ERR_PASSPHRASE, NULL, "The passphrase does not open %s.",
                     ctx->home);
}

static enum err no_root_here(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "helper",
                        "It was made as a helper, without the root key: it can look, "
                        "stop, and use the vault. Do this on the machine that made it.",
                        NULL, "%s has no root key, on purpose.", ctx->home);
}

enum err ctx_no_root(const struct ctx *ctx)
{
    if (home_is_moving(ctx->home))
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "move-unfinished",
                            "The old one was put aside, for a new one: kith was cut off.",
                            "kith root replace --resume", "There is no root key in %s.",
                            ctx->home);
    if (home_is_helper(ctx->home))
        return no_root_here(ctx);
    if (home_has_aside(ctx->home))
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "reset-unfinished",
                            "The old one was put aside, for new guardian keys. They "
                            "were not made yet: kith was cut off.",
                            "kith guard reset", "There is no root key in %s.", ctx->home);
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, NULL,
                        "It is made once. A lost one comes back with kith restore start.",
                        "kith init --name NAME", "There is no root key in %s.",
                        ctx->home);
}

static enum err open_file(const struct ctx *ctx, const struct opening *o)
{
    enum err e = open_with(o, NULL);
    if (e == OK)
        return OK;
    if (e == ERR_LOCKED)
        return open_asking(ctx, o);
    if (e != ERR_UNKNOWN)
        return file_problem(ctx, e, o->name);
    if (o->which == HOME_RESTORE)
        return term_fail_as(ctx->term, e, EXIT_NONE, NULL,
                            "A guardian makes a link for you with \"kith guard link\".",
                            "kith restore start LINK", "No restore is going on here.");
    return ctx_no_root(ctx);
}

enum err ctx_unlock(const struct ctx *ctx, struct home *h, struct unlocked **out)
{
    const struct opening o = { h, HOME_ROOT, "root", out, NULL };
    return open_file(ctx, &o);
}

enum err ctx_unlock_file(const struct ctx *ctx, struct home *h, enum home_file which,
                         struct home_key **out)
{
    const char *name = which == HOME_MOVE ? "move" : "restore";
    const struct opening o = { h, which, name, NULL, out };
    return open_file(ctx, &o);
}

enum err ctx_vault_keys(const struct ctx *ctx, struct home *h, struct day *d)
{
    if (d->me.vault_generation > 0)
        return OK;
    AUTO_SECRET struct unlocked *u = NULL;
    TRY(ctx_unlock(ctx, h, &u));
    TRY(home_vault_keys(d, &u->root, ctx->params->rng));
    return ctx_day_save(ctx, h, d);
}

/* ---- making ---- */

enum err ctx_new_key(const struct ctx *ctx, struct home_key **out)
{
    struct term *t = ctx->term;
    const struct params *p = ctx->params;
    if (ctx_option(ctx, "--no-passphrase") != NULL) {
        term_warn(t,
                  "without a passphrase, whoever gets this machine, or a copy of %s, "
                  "holds your keys.",
                  ctx->home);
        return home_key_new(NULL, p->home_cost, p->rng, out);
    }
    AUTO_SECRET struct passphrase *pass = NULL;
    TRY(term_passphrase(t, PASS_NEW, p->rng, &pass));
    term_progress(t, "Locking …");
    return home_key_new(pass, p->home_cost, p->rng, out);
}

static enum err create_root(const struct ctx *ctx, struct home *h,
                            const struct make_root *how, struct unlocked *out)
{
    const struct rng *rng = ctx->params->rng;
    AUTO_SECRET struct home_key *made = NULL;
    if (how->import != NULL)
        out->root = *how->import;
    else
        rng_fill(rng, out->root.b, KEY_BYTES);
    const struct home_key *key = how->key;
    if (key == NULL) {
        TRY(ctx_new_key(ctx, &made));
        key = made;
    }
    memcpy(out->box.root, out->root.b, KEY_BYTES);
    out->key = *key;
    enum err e = home_root_create(h, &out->root, key, rng);
    return e == OK ? OK : file_problem(ctx, e, "root");
}

static enum err check_made(const struct ctx *ctx, const struct make_root *how,
                           const struct day *d)
{
    struct bytes old = d->me.name;
    bool renamed =
        how->name != NULL && old.n > 0 && !bytes_equal(old, bytes_text(how->name));
    if (how->import == NULL && !renamed)
        return OK;
    if (how->import == NULL && d->n_seats > 0)
        return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, NULL,
                            "Its name stays: leave --name out. KITH_HOME=DIR chooses "
                            "another home.",
                            "kith guard", "The home %s is that of %.*s.", ctx->home,
                            (int)old.n, (const char *)old.p);
    return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, NULL,
                        "It is never overwritten. KITH_HOME=DIR chooses another home.",
                        "kith root fingerprint", "There is a root key in %s already.",
                        ctx->home);
}

/* The passphrase is asked for once: a new one is known already. */
static enum err open_or_create(const struct ctx *ctx, struct home *h,
                               const struct make_root *how, const struct day *d,
                               struct unlocked **out)
{
    if (home_has(h, HOME_ROOT)) {
        TRY(check_made(ctx, how, d));
        return ctx_unlock(ctx, h, out);
    }
    if (d->me.helper != 0)
        return no_root_here(ctx);
    /* Another root here would be taken for the restored one, and that one be lost. */
    if (how->key == NULL && home_has(h, HOME_RESTORE))
        return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, NULL,
                            "The root key that comes back has its place there. "
                            "KITH_HOME=DIR chooses another home.",
                            "kith restore", "A restore is under way in %s.", ctx->home);
    AUTO_SECRET struct unlocked *u = NULL;
    TRY(secret_new(&u));
    TRY(create_root(ctx, h, how, u));
    *out = u;
    u = NULL; /* the caller's now */
    return OK;
}

static enum err fill_day(const struct ctx *ctx, const struct root_key *root,
                         struct day *d)
{
    AUTO_SECRET struct guardian_keys *guardian = NULL;
    AUTO_SECRET struct sign_seed *owner = NULL;
    TRY(secret_new(&guardian));
    TRY(secret_new(&owner));
    TRY(ident_owner(root, owner));
    TRY(ident_guardian(root, guardian));
    crypt_sign_public(owner, d->me.owner);
    crypt_sign_public(&guardian->sign, d->me.guard_sign);
    crypt_dh_public(&guardian->seal, d->me.guard_seal);
    if (bytes_equal(BYTES_OF(d->me.circle), bytes_of((uint8_t[ID_BYTES]){ 0 }, ID_BYTES)))
        rng_fill(ctx->params->rng, d->me.circle, ID_BYTES);
    TRY(home_vault_keys(d, root, ctx->params->rng));
    char words[WORDS_TEXT];
    TRY(ctx_fingerprint(ctx, d->me.owner, words));
    d->me.fingerprint = day_keep(d, bytes_text(words));
    return OK;
}

enum err ctx_make_root(const struct ctx *ctx, struct home *h, const struct make_root *how,
                       struct unlocked **out)
{
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    TRY(ctx_day(ctx, h, &d));
    TRY(open_or_create(ctx, h, how, d, &u));
    TRY(fill_day(ctx, &u->root, d));
    if (how->name != NULL)
        d->me.name = day_keep(d, bytes_text(how->name));
    TRY(ctx_day_save(ctx, h, d));
    *out = u;
    u = NULL; /* the caller's now */
    return OK;
}

enum err ctx_fingerprint(const struct ctx *ctx, const uint8_t owner[PUB_BYTES],
                         char out_words[WORDS_TEXT])
{
    uint16_t words[WORDS_CALL];
    term_progress(ctx->term, "Making the fingerprint words …");
    TRY(words_fingerprint(owner, ctx->params->cost, words));
    words_format(words, WORDS_CALL, out_words, WORDS_TEXT);
    return OK;
}

/* ---- naming things ---- */

static bool label_is(struct bytes label, const char *typed)
{
    return label.n > 0 && strlen(typed) == label.n &&
           strncasecmp((const char *)label.p, typed, label.n) == 0;
}

static bool id_begins(const uint8_t *id, const char *typed)
{
    char hex[2 * ID_BYTES + 1];
    size_t n = strlen(typed);
    hex_encode(bytes_of(id, ID_BYTES), hex, sizeof hex);
    return n >= 4 && n < sizeof hex && strncasecmp(hex, typed, n) == 0;
}

static bool is_named(const struct named *entry, const char *typed)
{
    return label_is(entry->label, typed) || id_begins(entry->id, typed);
}

static enum err ambiguous(const struct ctx *ctx, const char *what, const char *typed,
                          const struct named *list, size_t n)
{
    char why[TERM_TEXT] = "It may be:";
    json_t *candidates = json_array();
    for (size_t i = 0; i < n; i++) {
        if (!is_named(&list[i], typed))
            continue;
        char hex[2 * ID_BYTES + 1];
        hex_encode(bytes_of(list[i].id, ID_BYTES), hex, sizeof hex);
        size_t at = strlen(why);
        (void)snprintf(why + at, sizeof why - at, " %s", hex);
        (void)json_array_append_new(candidates, json_string(hex));
    }
    enum err e = term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "ambiguous", why, NULL,
                              "\"%s\" fits more than one %s.", typed, what);
    term_fail_more(ctx->term, json_pack("{s:o}", "candidates", candidates));
    return e;
}

enum err ctx_pick(const struct ctx *ctx, const char *what, const char *typed,
                  const struct named *list, size_t n, size_t *out_index)
{
    size_t hits = 0;
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_named(&list[i], typed))
            continue;
        found = i;
        hits++;
    }
    if (hits > 1)
        return ambiguous(ctx, what, typed, list, n);
    if (hits == 0)
        return term_fail(ctx->term, ERR_UNKNOWN, NULL, "There is no %s \"%s\".", what,
                         typed);
    *out_index = found;
    return OK;
}
