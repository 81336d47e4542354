/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/device.h"
#include "client/guardian.h"
#include "client/timer.h"

#define TEXT(b) (int)(b).n, (const char *)(b).p

enum { DEVICE_NAME_TEXT = 64 + 1, CODE_TYPED = 64 };

/* What the commands work with. */
struct device_desk {
    struct ctx *ctx;
    struct home home;
    struct day *day;
    struct unlocked *root; /* secret */
    struct device_told *told;
    size_t n_told;
};

#define DEVICE_DESK                                                                      \
    {                                                                                    \
        .home = {.dir = -1, .lock = -1 }                                                 \
    }

static void desk_done(struct device_desk *k)
{
    free(k->told);
    secret_free(k->root);
    day_free(k->day);
    home_close(&k->home);
}

#define AUTO_DEVICE_DESK __attribute__((cleanup(desk_done)))

static enum err desk_begin(struct ctx *ctx, struct device_desk *k)
{
    k->ctx = ctx;
    k->told = calloc(DAY_GUARDIANS + DAY_FORMERS, sizeof *k->told);
    if (k->told == NULL)
        return ERR_NOMEM;
    TRY(ctx_home(ctx, HOME_READ, &k->home));
    TRY(ctx_day(ctx, &k->home, &k->day));
    device_settle(k->day);
    return OK;
}

static const char *kind_of(bool full)
{
    return full ? "full" : "helper";
}

/* ---- at which nodes ---- */

static struct bytes guardian_of(const struct day *d, const uint8_t seat[SEAT_BYTES])
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), bytes_of(seat, SEAT_BYTES)))
            return d->guardians[i].name;
    for (size_t i = 0; i < d->n_formers; i++)
        if (bytes_equal(BYTES_OF(d->formers[i].seat), bytes_of(seat, SEAT_BYTES)))
            return d->formers[i].name;
    return bytes_text("somebody who was a guardian");
}

static const char *state_text(unsigned state)
{
    static const char *const texts[] = {
        [DEVICE_UNSURE] = "unsure", [DEVICE_IN] = "in", [DEVICE_OUT] = "out"
    };
    return texts[state];
}

static json_t *json_at(const struct day *d, const struct day_device *e)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < e->n_at; i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:o, s:s}", "name",
                                              json_slice(guardian_of(d, e->at[i].seat)),
                                              "seat", json_hex(e->at[i].seat, SEAT_BYTES),
                                              "state", state_text(e->at[i].state)));
    return list;
}

static json_t *json_device(const struct day *d, const struct day_device *e, bool this)
{
    return json_pack("{s:o, s:o, s:s, s:b, s:o, s:o, s:o}", "name", json_slice(e->name),
                     "device", json_hex(e->id, ID_BYTES), "kind", kind_of(e->full),
                     "this", this, "since", json_time(e->since), "removed_at",
                     json_time(e->removed), "nodes", json_at(d, e));
}

/* Says which nodes did not do what they were asked. */
static void say_told(const struct device_desk *k)
{
    for (size_t i = 0; i < k->n_told; i++)
        if (k->told[i].talk.err != OK)
            term_warn(k->ctx->term, "%s", k->told[i].talk.why);
}

static size_t told_ok(const struct device_desk *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n_told; i++)
        n += k->told[i].talk.err == OK;
    return n;
}

static enum err nobody_answered(const struct device_desk *k)
{
    return term_fail(k->ctx->term, ERR_UNREACHABLE, NULL,
                     "None of your guardians' nodes did it. %s",
                     k->n_told > 0 ? k->told[0].talk.why : "");
}

/* ---- device add ---- */

static enum err check_name(const struct device_desk *k, const char *name)
{
    struct term *t = k->ctx->term;
    struct bytes own = k->day->me.device_name;
    TRY(ctx_text(k->ctx, "The name", name, DEVICE_NAME_TEXT - 1));
    if (device_find(k->day, bytes_text(name)) == NULL &&
        !bytes_equal(own, bytes_text(name)))
        return OK;
    return term_fail_as(t, ERR_EXISTS, EXIT_USAGE, "device-exists",
                        "Another machine needs another name. One that is gone is taken "
                        "out first: kith device remove.",
                        "kith device list", "There is a device %s already.", name);
}

static enum err check_guardians(const struct device_desk *k)
{
    for (size_t i = 0; i < k->day->n_guardians; i++)
        if (k->day->guardians[i].kind == PIECE_NODE &&
            k->day->guardians[i].progress >= GUARDIAN_ENROLLED)
            return OK;
    return term_fail_as(k->ctx->term, ERR_UNKNOWN, EXIT_NO_CIRCLE, "no-guardian",
                        "A further machine speaks with your guardians' nodes; there are "
                        "none yet.",
                        "kith guardian add NAME LINK", "You have no guardians yet.");
}

/* What is there stays: it may be another machine's. */
static enum err file_new(struct ctx *ctx, const char *path, struct bytes all)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "file-exists",
                            "What is there is not written over.",
                            "Name another file, or remove that one first.",
                            "%s is there already.", path);
    if (fd < 0)
        return term_fail(ctx->term, ERR_IO, NULL, "%s cannot be written.", path);
    bool done = true;
    while (done && all.n > 0) {
        ssize_t put = write(fd, all.p, all.n);
        done = put > 0 || (put < 0 && errno == EINTR);
        size_t n = put > 0 ? (size_t)put : 0;
        all = bytes_of(all.p + n, all.n - n);
    }
    done = done && fsync(fd) == 0;
    done = close(fd) == 0 && done;
    if (done)
        return OK;
    (void)unlink(path); /* half a file is none */
    return term_fail(ctx->term, ERR_IO, NULL, "%s could not be written.", path);
}

static void say_added(const struct device_desk *k, const struct day_device *e,
                      const char *path, const char *code)
{
    struct term *t = k->ctx->term;
    if (t->json) {
        json_t *doc = json_device(k->day, e, false);
        json_t *more = json_pack("{s:s, s:s}", "file", path, "code", code);
        MUST(doc != NULL && more != NULL && json_object_update(doc, more) == 0);
        json_decref(more);
        term_json(t, "device", doc);
        return;
    }
    term_say(t,
             "%s holds what the new machine needs. Carry it there, and type there the "
             "code below; never send both by the same way.",
             path);
    term_answer(t, "%s", code);
    term_say(t, "On the new machine:");
    const char *base = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    char join[TERM_TEXT];
    join_next(bytes_text(base), join);
    term_say(t, "  %s", join);
    if (e->full != 0)
        term_say(t, "It gets your root key. If it is lost one day, only a new root shuts "
                    "it out: kith root replace.");
    else
        term_say(t, "It can look, stop and use the vault, and never gets the root key.");
    term_say(t, "The file counts for 14 days. Remove it once it was read.");
}

/* The new machine's file is there before any node lets it in. */
static enum err add_to_nodes(struct device_desk *k, const struct day *made,
                             struct day_device *e, const char *path)
{
    const struct params *p = k->ctx->params;
    term_progress(k->ctx->term, "Telling your guardians' nodes …");
    TRY(device_let_in(k->day, made, e, &k->root->root, p, k->told, &k->n_told));
    if (told_ok(k) == 0) {
        e->removed = p->now();
        (void)unlink(path); /* of no use to anybody */
        TRY(ctx_day_save(k->ctx, &k->home, k->day));
        return nobody_answered(k);
    }
    say_told(k);
    if (told_ok(k) < k->n_told)
        k->ctx->exit = EXIT_DEGRADED;
    return ctx_day_save(k->ctx, &k->home, k->day);
}

static enum err add(struct device_desk *k, const char *path, enum device_kind kind)
{
    const struct params *p = k->ctx->params;
    AUTO_DAY struct day *made = NULL;
    AUTO_SECRET struct spoken_code *code = NULL;
    AUTO_SECRET char *text = NULL;
    AUTO_BLOB struct home_blob file = { 0 };
    struct day_device *e = NULL;
    struct bytes name = bytes_text(k->ctx->args[0]);
    enum err full = device_new(k->day, name, kind, &k->root->root, p, &made, &e);
    if (full == ERR_FULL)
        return term_fail(k->ctx->term, full, "kith device list",
                         "You have as many devices as there is room for.");
    TRY(full);
    TRY(secret_new(&code));
    TRY(secret_alloc(SPOKEN_TEXT, (void **)&text));
    rng_fill(p->rng, code->b, SPOKEN_CODE);
    TRY(spoken_format(code, text, SPOKEN_TEXT));
    term_progress(k->ctx->term, "Locking …");
    TRY(device_pack(made, kind == DEVICE_FULL ? k->root : NULL, code, p, &file));
    TRY(file_new(k->ctx, path, bytes_of(file.p, file.n)));
    /* Known here before it is anywhere else: what was let in can be taken out. */
    enum err saved = ctx_day_save(k->ctx, &k->home, k->day);
    if (saved != OK) {
        (void)unlink(path); /* no node knows it */
        return saved;
    }
    TRY(add_to_nodes(k, made, e, path));
    say_added(k, e, path, text);
    return OK;
}

static enum err cmd_device_add(struct ctx *ctx)
{
    AUTO_DEVICE_DESK struct device_desk k = DEVICE_DESK;
    const char *path = ctx_option(ctx, "-o");
    bool full = ctx_option(ctx, "--full") != NULL;
    if (path == NULL)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, NULL, NULL,
                            "kith device add NAME -o FILE", "Which file? Give -o FILE.");
    TRY(desk_begin(ctx, &k));
    if (!home_has(&k.home, HOME_ROOT))
        return ctx_no_root(ctx);
    TRY(check_name(&k, ctx->args[0]));
    TRY(check_guardians(&k));
    TRY(ctx_unlock(ctx, &k.home, &k.root));
    if (k.day->me.vault_generation == 0)
        TRY(home_vault_keys(k.day, &k.root->root, ctx->params->rng));
    return add(&k, path, full ? DEVICE_FULL : DEVICE_HELPER);
}

/* ---- device join ---- */

static enum err code_get(struct ctx *ctx, struct spoken_code *out)
{
    AUTO_SECRET char *typed = NULL;
    const char *path = ctx_option(ctx, "--code-file");
    const struct ask a = { .text = "The code", .flag = "--code-file FILE" };
    size_t n = 0;
    TRY(secret_alloc(CODE_TYPED, (void **)&typed));
    if (path != NULL)
        TRY(term_read(ctx->term, path, (struct span){ (uint8_t *)typed, CODE_TYPED },
                      &n));
    else {
        TRY(term_ask(ctx->term, &a, typed, CODE_TYPED));
        n = strlen(typed);
    }
    if (spoken_read(bytes_of((const uint8_t *)typed, n), out) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_CHECKSUM, EXIT_USAGE, "code-mistyped",
                        "It has 18 letters and digits, as kith device add showed them.",
                        NULL, "This is not a whole code.");
}

static enum err given_get(struct ctx *ctx, struct device_given *out)
{
    AUTO_SECRET struct spoken_code *code = NULL;
    AUTO_FREE uint8_t *raw = calloc(1, HOME_FILE_MAX);
    size_t n = 0;
    if (raw == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&code));
    TRY(term_read(ctx->term, ctx->args[0], (struct span){ raw, HOME_FILE_MAX }, &n));
    TRY(code_get(ctx, code));
    term_progress(ctx->term, "Opening …");
    enum err e = device_unpack(bytes_of(raw, n), code, ctx_now(ctx), out);
    if (e == ERR_PASSPHRASE)
        return term_fail_as(ctx->term, e, EXIT_PASSPHRASE, "code-wrong",
                            "Each file has a code of its own.", NULL,
                            "This code does not open %s.", ctx->args[0]);
    if (e == ERR_EXPIRED)
        return term_fail_as(
            ctx->term, e, EXIT_FAILED, "device-file-old",
            "Such a file counts for 14 days. On the machine that made it, "
            "take that device out (kith device remove NAME) and add it "
            "again.",
            "kith device add NAME -o FILE", "%s is too old.", ctx->args[0]);
    if (e == ERR_CORRUPT)
        return term_fail_as(ctx->term, e, EXIT_INTEGRITY, NULL,
                            "Carry it over again, or make another one: kith device add",
                            NULL, "%s is damaged, or no file of kith device.",
                            ctx->args[0]);
    return e;
}

/* A home that is somebody's already is not mixed with another. */
static enum err check_empty(struct ctx *ctx, struct home *h, const struct day *d,
                            const struct device_given *g)
{
    bool mine = bytes_equal(BYTES_OF(d->me.owner), BYTES_OF(g->day->me.owner));
    bool empty = d->me.fingerprint.n == 0 && d->n_guardians == 0 && d->n_seats == 0 &&
                 !home_has(h, HOME_RESTORE);
    /* Cut short after the root was written: it is the same root, or nothing happens. */
    if (empty && (g->box != NULL || !home_has(h, HOME_ROOT)))
        return OK;
    return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "home-used",
                        "KITH_HOME=DIR chooses another home.", NULL,
                        mine ? "%s is a home of yours already."
                             : "%s is somebody's home already.",
                        ctx->home);
}

static enum err root_take(struct ctx *ctx, struct home *h, const struct root_box *box)
{
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    if (home_has(h, HOME_ROOT))
        TRY(ctx_unlock(ctx, h, &u));
    else {
        TRY(secret_new(&u));
        memcpy(u->root.b, box->root, KEY_BYTES);
        TRY(ctx_new_key(ctx, &key));
        TRY(home_root_create(h, &u->root, key, ctx->params->rng));
        u->key = *key;
    }
    if (!secret_equal(u->root.b, box->root, KEY_BYTES))
        return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "home-used",
                            "KITH_HOME=DIR chooses another home.", NULL,
                            "There is another root key in %s.", ctx->home);
    u->box = *box;
    return home_root_save(h, u, ctx->params->rng);
}

static void say_joined(struct ctx *ctx, const struct day *d)
{
    struct term *t = ctx->term;
    if (t->json) {
        term_json(t, "joined",
                  json_pack("{s:o, s:s, s:o, s:o}", "name", json_slice(d->me.device_name),
                            "kind", kind_of(d->me.helper == 0), "device",
                            json_hex(d->me.device, ID_BYTES), "fingerprint",
                            json_slice(d->me.fingerprint)));
        return;
    }
    term_title(t, "This machine is %.*s now.", TEXT(d->me.device_name));
    term_say(t, "Compare the four words that name your root key with the other machine:");
    term_answer(t, "%.*s", TEXT(d->me.fingerprint));
    term_say(t, "Next:");
    term_say(t, "  kith status");
    term_say(t, "  kith vault pull");
    term_say(t, "Remove the file that you carried here.");
}

static enum err join(struct ctx *ctx, struct device_given *g)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    TRY(ctx_home(ctx, HOME_MAKE, &h));
    TRY(ctx_day(ctx, &h, &d));
    TRY(check_empty(ctx, &h, d, g));
    if (g->box != NULL)
        TRY(root_take(ctx, &h, g->box));
    TRY(ctx_day_save(ctx, &h, g->day));
    say_joined(ctx, g->day);
    TRY(timer_offer(ctx, g->day));
    return ctx_day_save(ctx, &h, g->day);
}

static enum err cmd_device_join(struct ctx *ctx)
{
    __attribute__((cleanup(device_given_done))) struct device_given g = { 0 };
    TRY(given_get(ctx, &g));
    return join(ctx, &g);
}

/* ---- device list ---- */

/* This machine, as an entry of the list. */
static void entry_self(const struct device_desk *k, struct day_device *out)
{
    const struct day *d = k->day;
    struct bytes name = d->me.device_name;
    *out = (struct day_device){ .full = d->me.helper == 0 };
    out->name = name.n > 0 ? name : bytes_text("this machine");
    memcpy(out->id, d->me.device, ID_BYTES);
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (g->kind != PIECE_NODE || g->progress < GUARDIAN_ENROLLED)
            continue;
        struct day_device_at *at = &out->at[out->n_at++];
        at->state = g->progress == GUARDIAN_READY ? DEVICE_IN : DEVICE_UNSURE;
        memcpy(at->seat, g->seat, SEAT_BYTES);
    }
}

static void say_not_in(const struct device_desk *k, const struct day_device *e)
{
    unsigned other = e->removed != 0 ? DEVICE_OUT : DEVICE_IN;
    for (uint32_t i = 0; i < e->n_at; i++)
        if (e->at[i].state != other)
            term_answer(k->ctx->term, "          %s at %.*s",
                        e->removed != 0 ? "perhaps still in" : "not known to be in",
                        TEXT(guardian_of(k->day, e->at[i].seat)));
}

static void say_device(const struct device_desk *k, const struct day_device *e, bool this)
{
    char at[TIME_TEXT];
    time_text(e->removed != 0 ? e->removed : e->since, at);
    if (this)
        term_answer(k->ctx->term, "%.*s: %s, this machine", TEXT(e->name),
                    kind_of(e->full));
    else if (e->since == 0 && e->removed == 0)
        term_answer(k->ctx->term, "%.*s: %s", TEXT(e->name), kind_of(e->full));
    else
        term_answer(k->ctx->term, "%.*s: %s, %s %s", TEXT(e->name), kind_of(e->full),
                    e->removed != 0 ? "removed" : "since", at);
    say_not_in(k, e);
}

static bool is_listed(const struct day_device *e)
{
    return e->removed == 0 || device_left(e) > 0;
}

static enum err cmd_device_list(struct ctx *ctx)
{
    AUTO_DEVICE_DESK struct device_desk k = DEVICE_DESK;
    TRY(desk_begin(ctx, &k));
    if (k.day->me.fingerprint.n == 0)
        return ctx_no_root(ctx);
    AUTO_FREE struct day_device *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ERR_NOMEM;
    entry_self(&k, self);
    json_t *list = json_array();
    for (size_t i = 0; i <= k.day->n_devices; i++) {
        const struct day_device *e = i == 0 ? self : &k.day->devices[i - 1];
        if (!is_listed(e))
            continue;
        if (ctx->term->json)
            (void)json_array_append_new(list, json_device(k.day, e, i == 0));
        else
            say_device(&k, e, i == 0);
    }
    if (ctx->term->json)
        term_json(ctx->term, "devices", json_pack("{s:O}", "devices", list));
    json_decref(list);
    return OK;
}

/* ---- device remove ---- */

/* Removed before, but not everywhere: the same command goes on. */
static struct day_device *find_unfinished(struct day *d, struct bytes name)
{
    for (size_t i = 0; i < d->n_devices; i++)
        if (d->devices[i].removed != 0 && device_left(&d->devices[i]) > 0 &&
            bytes_equal(d->devices[i].name, name))
            return &d->devices[i];
    return NULL;
}

static enum err pick(struct device_desk *k, const char *name, struct day_device **out)
{
    *out = device_find(k->day, bytes_text(name));
    if (*out == NULL)
        *out = find_unfinished(k->day, bytes_text(name));
    if (*out != NULL)
        return OK;
    if (bytes_equal(k->day->me.device_name, bytes_text(name)))
        return term_fail_as(k->ctx->term, ERR_ARG, EXIT_USAGE, "this-device",
                            "A machine is taken out from another one.",
                            "kith device list", "%s is this machine.", name);
    return term_fail(k->ctx->term, ERR_UNKNOWN, "kith device list",
                     "There is no device \"%s\".", name);
}

static void say_removed(struct device_desk *k, const struct day_device *e)
{
    struct term *t = k->ctx->term;
    size_t left = device_left(e);
    if (left > 0)
        k->ctx->exit = EXIT_DEGRADED;
    if (t->json) {
        term_json(t, "device", json_device(k->day, e, false));
        return;
    }
    if (left == 0)
        term_say(t, "%.*s can do nothing any more at your guardians' nodes.",
                 TEXT(e->name));
    for (uint32_t i = 0; i < e->n_at; i++)
        if (e->at[i].state != DEVICE_OUT)
            term_warn(t, "%.*s may still be let in at %.*s.", TEXT(e->name),
                      TEXT(guardian_of(k->day, e->at[i].seat)));
    if (left > 0)
        term_say(t, "Do it again when they answer: kith device remove \"%.*s\"",
                 TEXT(e->name));
    term_say(t, "What it read of your vault before, it knows.");
    if (e->full == 0)
        return;
    term_warn(t,
              "%.*s has your root key. Only a new root shuts it out: kith root replace",
              TEXT(e->name));
}

static enum err cmd_device_remove(struct ctx *ctx)
{
    AUTO_DEVICE_DESK struct device_desk k = DEVICE_DESK;
    struct day_device *e = NULL;
    TRY(desk_begin(ctx, &k));
    if (!home_has(&k.home, HOME_ROOT))
        return ctx_no_root(ctx);
    TRY(pick(&k, ctx->args[0], &e));
    TRY(ctx_unlock(ctx, &k.home, &k.root));
    /* Wanted, before any node is told: a cut leaves what to go on with. */
    if (e->removed == 0)
        e->removed = ctx_now(ctx);
    TRY(ctx_day_save(ctx, &k.home, k.day));
    term_progress(ctx->term, "Telling your guardians' nodes …");
    TRY(device_take_out(k.day, e, &k.root->root, ctx->params, k.told, &k.n_told));
    TRY(ctx_day_save(ctx, &k.home, k.day));
    say_told(&k);
    if (k.n_told > 0 && told_ok(&k) == 0)
        return nobody_answered(&k);
    say_removed(&k, e);
    return OK;
}

static const struct command rows[] = {
    { .path = "device add",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Makes the file that makes another machine yours; prints its code.",
      .options = { { "-o", "FILE", "the file, which is not there yet" },
                   { "--full", NULL, "the root key too: only for a machine as safe" } },
      .run = cmd_device_add },
    { .path = "device join",
      .args = "FILE",
      .min = 1,
      .max = 1,
      .key = MAKES_HOME,
      .help = "On the new machine: makes its home from such a file.",
      .options = { { "--code-file", "FILE", "the code; - is standard input" },
                   { "--no-passphrase", NULL,
                     "leave a root key unlocked on this machine" } },
      .run = cmd_device_join },
    { .path = "device list",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Lists your machines, and where they are let in.",
      .run = cmd_device_list },
    { .path = "device remove",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Shuts a machine out at every guardian's node, at once.",
      .run = cmd_device_remove },
};

const struct command_table cmd_device_table = COMMANDS(rows);
