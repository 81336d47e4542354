/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_log.h"

#include "client/alert.h"

enum { RECENT = 5 };

#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- by time ---- */

struct line {
    const struct alert_place *place;
    const struct seen_entry *entry;
};

static int oldest_first(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;
    if (x->entry->received != y->entry->received)
        return x->entry->received < y->entry->received ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->entry->seq < y->entry->seq ? -1 : 1;
}

static enum err by_time(const struct alerts *a, struct line **out, size_t *out_n)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        n += a->places[i].drop.n;
    struct line *lines = calloc(n + 1, sizeof *lines);
    if (lines == NULL)
        return ERR_NOMEM;
    n = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < a->places[i].drop.n; k++)
            lines[n++] = (struct line){ &a->places[i], &a->places[i].drop.entries[k] };
    qsort(lines, n, sizeof *lines, oldest_first);
    *out = lines;
    *out_n = n;
    return OK;
}

/* ---- showing ---- */

static const char *state_of(const struct alerts *a, const struct alert_place *p)
{
    unsigned fault = alert_node(a, p)->fault;
    if (fault != SEEN_FINE)
        return seen_fault_name(fault);
    if (p->call->err != OK)
        return "away";
    return p->drop.whole ? "ok" : "unread";
}

static json_t *place_json(const struct alerts *a, const struct alert_place *p)
{
    char who[NAME_MAX_BYTES + 1];
    char node[ADDRESS_TEXT];
    alert_place_name(a, p, who);
    if (p->side == ALERT_OWNER)
        guardian_node(&a->day->guardians[p->at], node);
    else
        guard_node(&a->day->seats[p->at], node);
    return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "name", who, "node", node, "state",
                     state_of(a, p), "entries", (json_int_t)p->drop.n, "head",
                     json_hex(p->drop.receipt.head, HASH_BYTES), "signed_at",
                     json_time(p->drop.receipt.time));
}

static void show_json(struct ctx *ctx, const struct alerts *a, enum alert_side side,
                      const struct line *lines, size_t n)
{
    json_t *entries = json_array();
    json_t *places = json_array();
    bool own = side == ALERT_GUARDIAN;
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(entries,
                                    alert_doc_listed(a, lines[i].place, lines[i].entry));
    for (size_t i = 0; i < a->n; i++)
        (void)json_array_append_new(places, place_json(a, &a->places[i]));
    term_json(
        ctx->term, own ? "seat-log" : "log",
        json_pack("{s:o, s:o}", "entries", entries, own ? "seats" : "guardians", places));
}

static void line_text(const struct alerts *a, const struct line *l, char *out, size_t cap)
{
    struct alert_text t;
    char when[TIME_TEXT];
    char who[NAME_MAX_BYTES + 1];
    alert_say(a, l->place, l->entry, &t);
    alert_place_name(a, l->place, who);
    time_text(l->entry->received, when);
    (void)snprintf(out, cap, "%s  %s: %s", when, who, t.what);
}

/* True if a node was caught at something; each of them is named. */
static bool say_faults(struct ctx *ctx, const struct alerts *a)
{
    bool any = false;
    for (size_t i = 0; i < a->n; i++) {
        const struct alert_place *p = &a->places[i];
        struct alert_text t;
        if (alert_node(a, p)->fault == SEEN_FINE)
            continue;
        alert_say(a, p, NULL, &t);
        term_warn(ctx->term, "%s", t.what);
        term_say(ctx->term, "  %s", t.advice);
        term_say(ctx->term, "    %s", t.command);
        any = true;
    }
    return any;
}

static void say_away(struct ctx *ctx, const struct alerts *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->places[i].why[0] != 0)
            term_warn(ctx->term, "%s", a->places[i].why);
}

enum err log_show(struct ctx *ctx, const struct alerts *a, enum alert_side side)
{
    AUTO_FREE struct line *lines = NULL;
    size_t n = 0;
    char text[TERM_TEXT];
    if (alerts_away(a) == a->n)
        return term_fail(ctx->term, ERR_UNREACHABLE, NULL, "%s", a->places[0].why);
    TRY(by_time(a, &lines, &n));
    if (ctx->term->json)
        show_json(ctx, a, side, lines, n);
    for (size_t i = 0; !ctx->term->json && i < n; i++) {
        line_text(a, &lines[i], text, sizeof text);
        term_answer(ctx->term, "%s", text);
    }
    say_away(ctx, a);
    if (alerts_away(a) > 0)
        ctx->exit = EXIT_DEGRADED;
    if (say_faults(ctx, a))
        ctx->exit = EXIT_INTEGRITY;
    return OK;
}

/* ---- after a restore ---- */

enum err log_restored(struct ctx *ctx, const struct restore *r,
                      const struct root_key *root)
{
    AUTO_DAY struct day *d = calloc(1, sizeof *d);
    AUTO_ALERTS struct alerts *a = NULL;
    AUTO_FREE struct line *lines = NULL;
    const struct alert_look how = { .params = ctx->params,
                                    .which = DROP_LOG,
                                    .root = root };
    size_t n = 0;
    char text[TERM_TEXT];
    if (d == NULL)
        return ERR_NOMEM;
    TRY(restore_people(r, d));
    if (d->n_guardians == 0)
        return OK;
    term_progress(ctx->term, "Asking what happened meanwhile …");
    TRY(alerts_look(&how, d, &a));
    TRY(by_time(a, &lines, &n));
    size_t from = n > RECENT ? n - RECENT : 0;
    if (n > 0)
        term_title(ctx->term, "What your guardians' nodes recorded lately:");
    for (size_t i = from; i < n; i++) {
        line_text(a, &lines[i], text, sizeof text);
        term_say(ctx->term, "  %s", text);
    }
    if (from > 0)
        term_say(ctx->term, "There are %zu older lines: kith log", from);
    (void)say_faults(ctx, a); /* the root is back all the same */
    return OK;
}

/* ---- kith log ---- */

struct logs {
    struct ctx *ctx;
    struct home home;
    struct day *day;    /* the home's, */
    struct day *others; /* or whom a restore knows */
    struct restore *restore;
    struct home_key *key;  /* secret */
    struct unlocked *root; /* secret */
    struct alerts *alerts;
};

static void logs_end(struct logs *l)
{
    alerts_free(l->alerts);
    secret_free(l->root);
    secret_free(l->key);
    restore_free(l->restore);
    day_free(l->others);
    day_free(l->day);
    home_close(&l->home);
}

static enum err nobody(struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "no-guardian",
                        "The log is what your guardians' nodes keep about you.", "kith",
                        "You have no guardians here.");
}

/* With no guardians in the home, those of the restore that made it. */
static enum err whom(struct logs *l)
{
    struct ctx *ctx = l->ctx;
    TRY(ctx_home(ctx, HOME_READ, &l->home));
    TRY(ctx_day(ctx, &l->home, &l->day));
    if (l->day->n_guardians > 0)
        return OK;
    if (!home_has(&l->home, HOME_RESTORE) || !home_has(&l->home, HOME_ROOT))
        return nobody(ctx);
    TRY(ctx_unlock_file(ctx, &l->home, HOME_RESTORE, &l->key));
    enum err e = restore_load(&l->home, l->key, &l->restore);
    if (e != OK)
        return term_fail(ctx->term, e, NULL, "The restore file in %s is damaged.",
                         ctx->home);
    TRY(ctx_unlock(ctx, &l->home, &l->root));
    l->others = calloc(1, sizeof *l->others);
    return l->others == NULL ? ERR_NOMEM : restore_people(l->restore, l->others);
}

static enum err logs_fetch(struct logs *l)
{
    struct day *d = l->others != NULL ? l->others : l->day;
    const struct alert_look how = { .params = l->ctx->params,
                                    .which = DROP_LOG,
                                    .root = l->root != NULL ? &l->root->root : NULL };
    term_progress(l->ctx->term, "Asking your guardians' nodes …");
    TRY(alerts_look(&how, d, &l->alerts));
    if (l->alerts->n == 0)
        return nobody(l->ctx);
    if (l->others == NULL)
        TRY(ctx_day_save(l->ctx, &l->home, l->day));
    return log_show(l->ctx, l->alerts, ALERT_OWNER);
}

static enum err cmd_log(struct ctx *ctx)
{
    struct logs l = { .ctx = ctx, .home = { .dir = -1, .lock = -1 } };
    enum err e = whom(&l);
    if (e == OK)
        e = logs_fetch(&l);
    logs_end(&l);
    return e;
}

static const struct command rows[] = {
    { .path = "log",
      .args = "",
      .key = NEEDS_DAY,
      .help = "What each guardian's node recorded about you, verified, by time.",
      .run = cmd_log },
};

const struct command_table cmd_log_table = COMMANDS(rows);
