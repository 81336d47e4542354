/* SPDX-License-Identifier: Apache-2.0 */
/* kith vault verify, log, copies, copy. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/cmd_vault_part.h"

#define TEXT(b) (int)(b).n, (const char *)(b).p

static bool same_hash(const uint8_t *a, const uint8_t *b)
{
    return bytes_equal(bytes_of(a, HASH_BYTES), bytes_of(b, HASH_BYTES));
}

/* One look at the own guardians' nodes. Exit 5: none; 13: nobody answered. */
static enum err look(struct vault_desk *k)
{
    struct ctx *ctx = k->ctx;
    TRY(vault_desk_round(k, false));
    if (k->round->n == 0)
        return vault_nobody(ctx, k->day);
    TRY(vault_round_look(k->round));
    TRY(vault_held_save(&k->home, k->held, ctx->params->rng));
    TRY(ctx_day_save(ctx, &k->home, k->day));
    if (vault_round_answered(k->round) > 0)
        return OK;
    if (calls_shut_out(k->round->calls, k->round->n))
        return guardian_shut_out(ctx);
    (void)vault_say_places(ctx->term, k->round);
    return term_fail(ctx->term, ERR_UNREACHABLE, NULL,
                     "None of your guardians' nodes answered.");
}

static enum exit_code exit_of_round(const struct vault_round *r)
{
    bool named = false;
    bool away = false;
    for (size_t i = 0; i < r->n; i++) {
        named = named || r->places[i].fault != VAULT_FINE;
        away = away || !r->places[i].talked || r->places[i].state == PLACE_FAILED;
    }
    if (named)
        return EXIT_INTEGRITY;
    return away ? EXIT_DEGRADED : EXIT_FINE;
}

/* ---- verify ---- */

static json_t *verify_doc(const struct vault_desk *k, size_t objects)
{
    json_t *doc = vault_doc(k);
    json_t *nodes = json_array();
    for (size_t i = 0; i < k->round->n; i++) {
        const struct vault_place *p = &k->round->places[i];
        (void)json_array_append_new(
            nodes, json_pack("{s:o, s:I, s:I, s:s?}", "name", json_slice(p->g->name),
                             "compared", (json_int_t)p->fetched, "lacks",
                             (json_int_t)p->lacked, "fault", vault_fault_name(p->fault)));
    }
    (void)json_object_set_new(doc, "objects", json_integer((json_int_t)objects));
    (void)json_object_set_new(doc, "compared", nodes);
    return doc;
}

/* Says what each node has; true if one that answered lacks the newest version. */
static bool say_verified(struct term *t, const struct vault_round *r)
{
    bool behind = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct vault_place *p = &r->places[i];
        if (p->state == PLACE_SAVED && p->fault == VAULT_FINE)
            term_answer(t, "%.*s: has all of it; %zu parts compared.", TEXT(p->g->name),
                        p->fetched);
        else if (p->state == PLACE_SAVED && p->lacked > 0)
            term_answer(t, "%.*s: %zu parts are missing.", TEXT(p->g->name), p->lacked);
        else if (p->fault == VAULT_FINE && p->talked && p->state != PLACE_FAILED) {
            behind = true;
            term_answer(t, "%.*s: does not have the newest version.", TEXT(p->g->name));
        }
    }
    return behind;
}

enum err cmd_vault_verify(struct ctx *ctx)
{
    AUTO_DESK struct vault_desk k = VAULT_DESK;
    char what[VAULT_WHAT] = "";
    size_t objects = 0;
    TRY(vault_desk_open(ctx, false, &k));
    if (vault_check(k.vault, &objects, what) != OK)
        return term_fail(ctx->term, ERR_CORRUPT, "kith vault pull",
                         "The vault here is not whole: %s.", what);
    TRY(look(&k));
    TRY(vault_round_verify(k.round, ctx_option(ctx, "--all") != NULL));
    TRY(vault_held_save(&k.home, k.held, ctx->params->rng));
    bool named = vault_say_places(ctx->term, k.round);
    struct vault_standing s;
    vault_stand(k.held, k.day, k.vault, &s);
    ctx->exit = exit_of_round(k.round);
    if (ctx->exit == EXIT_FINE && !s.enough && !s.empty)
        ctx->exit = EXIT_DEGRADED;
    if (ctx->term->json) {
        term_json(ctx->term, "vault-verify", verify_doc(&k, objects));
        return OK;
    }
    term_answer(ctx->term, "Here: all of it whole, %zu parts.", objects);
    bool behind = say_verified(ctx->term, k.round);
    if (named || behind || !s.enough)
        term_say(ctx->term, "To save it again where it is missing: kith vault push");
    return OK;
}

/* ---- log ---- */

struct line {
    const struct vault_shown *shown;
    const struct vault_place *place;
};

static int newest_first(const void *a, const void *b)
{
    const struct vault_shown *x = ((const struct line *)a)->shown;
    const struct vault_shown *y = ((const struct line *)b)->shown;
    if (x->state.version != y->state.version)
        return x->state.version > y->state.version ? -1 : 1;
    if (x->state.made != y->state.made)
        return x->state.made > y->state.made ? -1 : 1;
    int by_hash = bytes_order(BYTES_OF(x->hash), BYTES_OF(y->hash));
    if (by_hash != 0)
        return by_hash;
    return x->version > y->version ? -1 : x->version < y->version;
}

static enum err lines_of(const struct vault_round *r, struct line **out, size_t *out_n)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->places[i].n_log;
    struct line *lines = calloc(n + 1, sizeof *lines);
    if (lines == NULL)
        return ERR_NOMEM;
    n = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->places[i].n_log; k++)
            lines[n++] = (struct line){ &r->places[i].log[k], &r->places[i] };
    qsort(lines, n, sizeof *lines, newest_first);
    *out = lines;
    *out_n = n;
    return OK;
}

/* Heads of one state stand together. */
static size_t same_state(const struct line *lines, size_t from, size_t n)
{
    size_t to = from + 1;
    while (to < n && same_hash(lines[to].shown->hash, lines[from].shown->hash))
        to++;
    return to;
}

static void log_line(struct term *t, const struct line *l, size_t n, bool ours)
{
    char names[256] = "";
    char when[TIME_TEXT];
    char items[64];
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && l[i].place == l[i - 1].place)
            continue;
        struct bytes name = l[i].place->g->name;
        int put = snprintf(names + at, sizeof names - at, "%s%.*s", at > 0 ? ", " : "",
                           TEXT(name));
        if (put < 0 || at + (size_t)put >= sizeof names)
            break;
        at += (size_t)put;
    }
    time_text(l->shown->state.made, when);
    vault_items_text(&l->shown->state, items);
    term_answer(t, "%s  %.*s  %s  at %s%s", when, TEXT(l->shown->state.device_name),
                items, names, ours ? "  (as here)" : "");
}

static json_t *log_doc(const struct line *l, size_t n)
{
    const struct vault_state *s = &l->shown->state;
    json_t *nodes = json_array();
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(
            nodes, json_pack("{s:o, s:I, s:o}", "name", json_slice(l[i].place->g->name),
                             "version", (json_int_t)l[i].shown->version, "received_at",
                             json_time(l[i].shown->received)));
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:I, s:I, s:o}", "state",
                     json_hex(l->shown->hash, HASH_BYTES), "version",
                     (json_int_t)s->version, "made_at", json_time(s->made), "device",
                     json_slice(s->device_name), "device_id",
                     json_hex(s->device, ID_BYTES), "items", (json_int_t)s->items,
                     "bytes", (json_int_t)s->bytes, "nodes", nodes);
}

enum err cmd_vault_log(struct ctx *ctx)
{
    AUTO_DESK struct vault_desk k = VAULT_DESK;
    AUTO_FREE struct line *lines = NULL;
    size_t n = 0;
    TRY(vault_desk_open(ctx, false, &k));
    TRY(look(&k));
    TRY(vault_round_log(k.round));
    TRY(lines_of(k.round, &lines, &n));
    json_t *states = json_array();
    for (size_t i = 0; i < n;) {
        size_t to = same_state(lines, i, n);
        if (ctx->term->json)
            (void)json_array_append_new(states, log_doc(&lines[i], to - i));
        else
            log_line(ctx->term, &lines[i], to - i,
                     same_hash(lines[i].shown->hash, k.round->now));
        i = to;
    }
    if (ctx->term->json)
        term_json(ctx->term, "vault-log", json_pack("{s:o}", "states", states));
    else
        json_decref(states);
    (void)vault_say_places(ctx->term, k.round);
    ctx->exit = exit_of_round(k.round);
    return OK;
}

/* ---- copies ---- */

static void copies_line(struct term *t, const struct vault_place *p)
{
    char when[TIME_TEXT];
    char items[64];
    char used[SIZE_TEXT];
    if (!p->shown || p->state == PLACE_FAILED)
        return;
    if (!p->has_head) {
        term_answer(t, "%.*s: nothing yet.", TEXT(p->g->name));
        return;
    }
    time_text(p->newest.state.made, when);
    vault_items_text(&p->newest.state, items);
    vault_size_text(p->used, used);
    term_answer(t, "%.*s: %s, of %s by %.*s%s; %s are used there.", TEXT(p->g->name),
                items, when, TEXT(p->newest.state.device_name),
                p->state == PLACE_SAVED     ? ": the newest"
                : p->state == PLACE_FOREIGN ? ": not here yet (kith vault pull)"
                                            : "",
                used);
}

static const char *copy_name(const struct vault_place *p)
{
    if (!p->talked)
        return "away";
    if (p->state == PLACE_FAILED)
        return "failed";
    if (!p->shown || !p->has_head)
        return "none";
    if (p->state == PLACE_SAVED)
        return "newest";
    return p->state == PLACE_FOREIGN ? "foreign" : "older";
}

static json_t *copies_doc(const struct vault_place *p)
{
    bool shown = p->shown && p->has_head;
    const struct vault_state *s = &p->newest.state;
    return json_pack("{s:o, s:s, s:o, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:s?}", "name",
                     json_slice(p->g->name), "copy", copy_name(p), "state",
                     shown ? json_hex(p->newest.hash, HASH_BYTES) : json_null(),
                     "version", (json_int_t)(shown ? p->newest.version : 0), "made_at",
                     json_time(shown ? s->made : 0), "device",
                     shown ? json_slice(s->device_name) : json_null(), "items",
                     (json_int_t)(shown ? s->items : 0), "bytes",
                     (json_int_t)(shown ? s->bytes : 0), "used", (json_int_t)p->used,
                     "quota", (json_int_t)p->quota, "fault", vault_fault_name(p->fault));
}

enum err cmd_vault_copies(struct ctx *ctx)
{
    AUTO_DESK struct vault_desk k = VAULT_DESK;
    TRY(vault_desk_open(ctx, false, &k));
    TRY(look(&k));
    json_t *nodes = json_array();
    for (size_t i = 0; i < k.round->n; i++) {
        if (ctx->term->json)
            (void)json_array_append_new(nodes, copies_doc(&k.round->places[i]));
        else
            copies_line(ctx->term, &k.round->places[i]);
    }
    if (ctx->term->json)
        term_json(ctx->term, "vault-copies", json_pack("{s:o}", "nodes", nodes));
    else
        json_decref(nodes);
    (void)vault_say_places(ctx->term, k.round);
    ctx->exit = exit_of_round(k.round);
    return OK;
}

/* ---- the copy in a file ---- */

static enum err put(void *ctx, struct bytes in)
{
    FILE *f = ctx;
    return fwrite(in.p, 1, in.n, f) == in.n ? OK
           : errno == ENOSPC                ? ERR_DISK_FULL
                                            : ERR_IO;
}

static enum err put_copy(struct vault_desk *k, FILE *f)
{
    const struct vault_sink to = { f, put };
    return vault_copy(k->vault, k->ctx->params->rng, &to);
}

static enum err copy_to_file(struct vault_desk *k, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? ERR_EXISTS : ERR_IO;
    FILE *f = fdopen(fd, "wb");
    if (f == NULL) {
        (void)close(fd); /* nothing was written */
        return ERR_NOMEM;
    }
    enum err e = put_copy(k, f);
    if (e == OK && (fflush(f) != 0 || fsync(fd) != 0))
        e = errno == ENOSPC ? ERR_DISK_FULL : ERR_IO;
    if (fclose(f) != 0 && e == OK)
        e = ERR_IO;
    if (e != OK)
        (void)unlink(path); /* half a copy is none */
    return e;
}

enum err cmd_vault_copy(struct ctx *ctx)
{
    AUTO_DESK struct vault_desk k = VAULT_DESK;
    const char *path = ctx_option(ctx, "-o");
    char items[64];
    if (path == NULL)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, NULL, NULL,
                            "kith vault copy -o FILE", "Where should the copy go?");
    TRY(vault_desk_open(ctx, false, &k));
    if (vault_now(k.vault)->version == 0)
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "vault-empty", NULL,
                            "kith secret add NAME", "Your vault is empty.");
    bool out = strcmp(path, "-") == 0;
    enum err e = out ? put_copy(&k, ctx->term->out) : copy_to_file(&k, path);
    if (e == ERR_CORRUPT || e == ERR_UNKNOWN)
        return term_fail(ctx->term, ERR_CORRUPT, "kith vault pull",
                         "The vault here is not whole: %s.", vault_what(k.vault));
    if (e != OK)
        return term_fail(ctx->term, e, NULL, "The copy %s could not be written.", path);
    vault_items_text(vault_now(k.vault), items);
    term_say(
        ctx->term,
        "The copy holds %s, encrypted: only your root key opens it. rescue.html reads "
        "it without Kith.",
        items);
    if (ctx->term->json && !out)
        term_json(ctx->term, "vault-copy", json_pack("{s:s}", "file", path));
    return OK;
}
