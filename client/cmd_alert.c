/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "client/cmd_alert_part.h"

enum { LIST_LINES = 50, PATH_TEXT = 512 };

#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- the home, and who answered ---- */

void alert_home_end(struct alert_home *h)
{
    day_free(h->day);
    home_close(&h->home);
}

enum err alert_home_open(struct ctx *ctx, struct alert_home *out)
{
    TRY(ctx_home(ctx, HOME_READ, &out->home));
    TRY(ctx_day(ctx, &out->home, &out->day));
    if (out->day->n_guardians > 0 || out->day->n_seats > 0)
        return OK;
    return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "no-alerts",
                        "Alerts come from your guardians' nodes, and from your own where "
                        "you are a guardian.",
                        "kith", "There is nobody here who could alert you.");
}

static void say_fault(struct ctx *ctx, const struct alerts *a,
                      const struct alert_place *p)
{
    struct alert_text t;
    alert_say(a, p, NULL, &t);
    term_warn(ctx->term, "%s", t.what);
    term_say(ctx->term, "  %s", t.advice);
    term_say(ctx->term, "    %s", t.command);
    ctx->exit = EXIT_INTEGRITY;
}

void alert_say_places(struct ctx *ctx, const struct alerts *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->places[i].why[0] == 0)
            continue;
        term_warn(ctx->term, "%s There may be more there.", a->places[i].why);
        ctx->exit = EXIT_DEGRADED;
    }
    for (size_t i = 0; i < a->n; i++)
        if (alert_node(a, &a->places[i])->fault != SEEN_FINE)
            say_fault(ctx, a, &a->places[i]);
}

enum err alert_all_away(struct ctx *ctx, const struct alerts *a)
{
    if (a->n > 0 && alerts_away(a) < a->n)
        return OK;
    return term_fail(ctx->term, ERR_UNREACHABLE, NULL, "%s",
                     a->n > 0 ? a->places[0].why : "No node is known yet.");
}

static enum err look(struct ctx *ctx, struct alert_home *h,
                     const struct call_send *before, struct alerts **out)
{
    const struct alert_look how = { .params = ctx->params,
                                    .which = DROP_ALERTS,
                                    .before = before };
    term_progress(ctx->term, "Asking the nodes …");
    TRY(alerts_look(&how, h->day, out));
    TRY(ctx_day_save(ctx, &h->home, h->day));
    return alert_all_away(ctx, *out);
}

/* ---- alert list ---- */

struct item {
    const struct alert_place *place;
    const struct seen_entry *entry;
};

static int newest_first(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    if (x->entry->received != y->entry->received)
        return x->entry->received < y->entry->received ? 1 : -1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->entry->seq < y->entry->seq ? 1 : -1;
}

static size_t gather(const struct alerts *a, struct item **out)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        n += a->places[i].drop.n;
    struct item *items = calloc(n + 1, sizeof *items);
    MUST(items != NULL);
    n = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < a->places[i].drop.n; k++)
            items[n++] = (struct item){ &a->places[i], &a->places[i].drop.entries[k] };
    qsort(items, n, sizeof *items, newest_first);
    *out = items;
    return n;
}

/* A request that is over asks nothing of anybody; one that is not asks once. */
static bool is_pressing(const struct item *items, size_t at)
{
    const struct item *it = &items[at];
    for (size_t i = 0; i < at; i++)
        if (items[i].place == it->place &&
            bytes_equal(BYTES_OF(items[i].entry->event.request),
                        BYTES_OF(it->entry->event.request)))
            return false;
    return alert_is_open(it->place, it->entry);
}

static void say_item(struct term *t, const struct alerts *a, const struct item *items,
                     size_t at)
{
    const struct item *it = &items[at];
    struct alert_text x;
    char when[TIME_TEXT];
    alert_say(a, it->place, it->entry, &x);
    time_text(it->entry->received, when);
    term_answer(t, "%s  %s", when, x.what);
    if (!x.asks || !is_pressing(items, at))
        return;
    term_say(t, "  %s", x.advice);
    if (x.command[0] != 0)
        term_say(t, "    %s", x.command);
}

static json_t *handlers_json(const struct day *d)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < d->me.n_handlers; i++)
        (void)json_array_append_new(
            all, json_stringn((const char *)d->me.handlers[i].exec.p,
                              strnlen((const char *)d->me.handlers[i].exec.p,
                                      d->me.handlers[i].exec.n)));
    return all;
}

static void list_json(struct ctx *ctx, const struct alerts *a, const struct item *items,
                      size_t n)
{
    json_t *alerts = json_array();
    for (size_t i = 0; i < a->n; i++)
        if (alert_node(a, &a->places[i])->fault != SEEN_FINE)
            (void)json_array_append_new(alerts, alert_doc(a, &a->places[i], NULL));
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(alerts,
                                    alert_doc_listed(a, items[i].place, items[i].entry));
    term_json(
        ctx->term, "alerts",
        json_pack("{s:o, s:o}", "alerts", alerts, "programs", handlers_json(a->day)));
}

static void say_list(struct ctx *ctx, const struct alerts *a, const struct item *items,
                     size_t n)
{
    struct term *t = ctx->term;
    size_t most = ctx_option(ctx, "--all") != NULL ? n : LIST_LINES;
    if (n == 0)
        term_say(t, "Nothing has happened at any node that answered.");
    for (size_t i = 0; i < n && i < most; i++)
        say_item(t, a, items, i);
    if (n > most)
        term_say(t, "There are %zu older ones: kith alert list --all", n - most);
    for (uint32_t i = 0; i < a->day->me.n_handlers; i++)
        term_say(t, "New ones go to the program %s.",
                 (const char *)a->day->me.handlers[i].exec.p);
}

static enum err cmd_list(struct ctx *ctx)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    AUTO_ALERTS struct alerts *a = NULL;
    AUTO_FREE struct item *items = NULL;
    TRY(alert_home_open(ctx, &h));
    TRY(look(ctx, &h, NULL, &a));
    size_t n = gather(a, &items);
    if (ctx->term->json)
        list_json(ctx, a, items, n);
    else
        say_list(ctx, a, items, n);
    alert_say_places(ctx, a);
    return OK;
}

/* ---- alert add, remove ---- */

/* The absolute path of a program; ERR_UNKNOWN. */
static enum err find_program(const char *name, char out[PATH_TEXT])
{
    const char *path = getenv("PATH");
    if (name[0] == '/')
        return snprintf(out, PATH_TEXT, "%s", name) < PATH_TEXT && access(out, X_OK) == 0
                   ? OK
                   : ERR_UNKNOWN;
    while (path != NULL && strchr(name, '/') == NULL && *path != 0) {
        size_t n = strcspn(path, ":");
        int k = snprintf(out, PATH_TEXT, "%.*s/%s", (int)n, path, name);
        if (path[0] == '/' && k < PATH_TEXT && access(out, X_OK) == 0)
            return OK;
        path += n + (path[n] == ':');
    }
    return ERR_UNKNOWN;
}

static enum err handler_make(struct ctx *ctx, uint8_t out[DAY_HANDLER_MAX], size_t *out_n)
{
    static const char prefix[] = "exec:";
    char program[PATH_TEXT];
    struct buf b = { .p = out, .cap = DAY_HANDLER_MAX };
    const char *first = ctx->args[0];
    if (strncmp(first, prefix, sizeof prefix - 1) != 0)
        return term_fail(ctx->term, ERR_ARG, "kith alert add exec:PROGRAM",
                         "\"%s\" does not begin with exec:.", first);
    if (find_program(first + sizeof prefix - 1, program) != OK)
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, "no-program",
                            "Give its whole path, and make it executable.", NULL,
                            "There is no program \"%s\".", first + sizeof prefix - 1);
    buf_put(&b, bytes_of(program, strlen(program) + 1));
    for (size_t i = 1; i < ctx->n_args; i++)
        buf_put(&b, bytes_of(ctx->args[i], strlen(ctx->args[i]) + 1));
    if (b.over)
        return term_fail(ctx->term, ERR_TOO_BIG, NULL,
                         "The program with its arguments is longer than %d bytes.",
                         DAY_HANDLER_MAX);
    *out_n = b.n;
    return OK;
}

static enum err home_only(struct ctx *ctx, struct alert_home *out)
{
    TRY(ctx_home(ctx, HOME_READ, &out->home));
    return ctx_day(ctx, &out->home, &out->day);
}

static enum err programs_shown(struct ctx *ctx, struct alert_home *h)
{
    TRY(ctx_day_save(ctx, &h->home, h->day));
    if (ctx->term->json)
        term_json(ctx->term, "alert-programs",
                  json_pack("{s:o}", "programs", handlers_json(h->day)));
    return OK;
}

static enum err cmd_add(struct ctx *ctx)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    uint8_t exec[DAY_HANDLER_MAX];
    size_t n = 0;
    TRY(handler_make(ctx, exec, &n));
    TRY(home_only(ctx, &h));
    struct day_me *me = &h.day->me;
    for (uint32_t i = 0; i < me->n_handlers; i++)
        if (bytes_equal(me->handlers[i].exec, bytes_of(exec, n)))
            return programs_shown(ctx, &h);
    if (me->n_handlers == DAY_HANDLERS)
        return term_fail(ctx->term, ERR_TOO_BIG, "kith alert remove PROGRAM",
                         "%d programs are told already.", DAY_HANDLERS);
    me->handlers[me->n_handlers++].exec = day_keep(h.day, bytes_of(exec, n));
    TRY(programs_shown(ctx, &h));
    term_say(ctx->term,
             "From now on %s is run for each new alert. Try it:", (const char *)exec);
    term_say(ctx->term, "  kith alert test && kith alert watch --once");
    return OK;
}

static bool is_program(struct bytes exec, const char *typed)
{
    const char *path = (const char *)exec.p;
    const char *base = strrchr(path, '/');
    if (strncmp(typed, "exec:", 5) == 0)
        typed += 5;
    return strcmp(path, typed) == 0 || (base != NULL && strcmp(base + 1, typed) == 0);
}

static enum err cmd_remove(struct ctx *ctx)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    TRY(home_only(ctx, &h));
    struct day_me *me = &h.day->me;
    uint32_t left = 0;
    for (uint32_t i = 0; i < me->n_handlers; i++)
        if (!is_program(me->handlers[i].exec, ctx->args[0]))
            me->handlers[left++] = me->handlers[i];
    if (left == me->n_handlers)
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, NULL, NULL,
                            "kith alert list", "No alerts go to a program \"%s\".",
                            ctx->args[0]);
    me->n_handlers = left;
    me->failed = 0;
    return programs_shown(ctx, &h);
}

/* ---- alert test ---- */

static void say_sent(struct ctx *ctx, const struct alerts *a, size_t sent)
{
    char every[DURATION_TEXT];
    struct term *t = ctx->term;
    duration_text(a->day->me.timer, every);
    term_say(t,
             "A test alert lies at %zu of %zu nodes. Whatever tells you of alerts will "
             "show %s with a word of its own; %s:",
             sent, a->n, sent == 1 ? "it" : "each",
             sent == 1 ? "type it here" : "type any one of them here");
    term_say(t, "  kith alert test WORD");
    if (a->day->me.timer > 0)
        term_say(t, "This machine looks every %s. To look now: kith alert watch --once",
                 every);
    else
        term_say(t, "To look for it: kith alert watch --once");
}

static void note_sent(struct day_me *me, enum alert_side side, uint64_t now)
{
    if (side == ALERT_OWNER)
        me->owner_sent = now;
    else
        me->guard_sent = now;
}

static enum err put_test(struct ctx *ctx)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    AUTO_ALERTS struct alerts *a = NULL;
    struct req_alert_test req = { { 0 } };
    const struct call_send before = { MSG_ALERT_TEST, &req };
    size_t sent = 0;
    enum err first = OK;
    rng_fill(ctx->params->rng, req.op, ID_BYTES);
    TRY(alert_home_open(ctx, &h));
    TRY(look(ctx, &h, &before, &a));
    for (size_t i = 0; i < a->n; i++) {
        bool done = a->calls[i].err == OK && a->places[i].first == OK;
        sent += done;
        if (done)
            note_sent(&h.day->me, a->places[i].side, ctx_now(ctx));
        if (!done && first == OK)
            first = a->places[i].first;
    }
    TRY(ctx_day_save(ctx, &h.home, h.day));
    if (sent == 0)
        return term_fail(ctx->term, first != OK ? first : ERR_UNREACHABLE, NULL,
                         first == ERR_FULL ? "There were too many tests today."
                                           : "No node took the test.");
    if (ctx->term->json)
        term_json(ctx->term, "alert-test",
                  json_pack("{s:i, s:i}", "sent", (int)sent, "of", (int)a->n));
    else
        say_sent(ctx, a, sent);
    alert_say_places(ctx, a);
    return OK;
}

static bool answers(const struct alert_place *p, uint16_t word, uint64_t now)
{
    for (size_t i = 0; i < p->drop.n; i++) {
        const struct seen_entry *e = &p->drop.entries[i];
        if (e->event.event == REC_ALERT_TEST && e->word == word &&
            e->received + ALERT_TEST_S > now)
            return true;
    }
    return false;
}

static enum err answered(struct ctx *ctx, struct alert_home *h)
{
    const struct day_me *me = &h->day->me;
    TRY(ctx_day_save(ctx, &h->home, h->day));
    if (ctx->term->json)
        term_json(ctx->term, "alert-tested",
                  json_pack("{s:o, s:o}", "owner_tested_at", json_time(me->owner_tested),
                            "guardian_tested_at", json_time(me->guard_tested)));
    else
        term_say(ctx->term, "Good: alerts reach you. This is noted with its date.");
    return OK;
}

static enum err answer_test(struct ctx *ctx)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    AUTO_ALERTS struct alerts *a = NULL;
    uint16_t word = 0;
    uint64_t now = ctx_now(ctx);
    bool right = false;
    if (words_find(bytes_text(ctx->args[0]), &word) != OK)
        return term_fail_as(ctx->term, ERR_WORD, EXIT_USAGE, "words-unknown", NULL, NULL,
                            "\"%s\" is no word of the list.", ctx->args[0]);
    TRY(alert_home_open(ctx, &h));
    TRY(look(ctx, &h, NULL, &a));
    for (size_t i = 0; i < a->n; i++) {
        if (!answers(&a->places[i], word, now))
            continue;
        right = true;
        if (a->places[i].side == ALERT_OWNER)
            h.day->me.owner_tested = now;
        else
            h.day->me.guard_tested = now;
    }
    if (right)
        return answered(ctx, &h);
    return term_fail_as(ctx->term, ERR_ARG, EXIT_FAILED, "words-wrong",
                        "A test can be answered for 14 days, with the word that the "
                        "alert itself showed.",
                        "kith alert test", "No test alert shows that word.");
}

static enum err cmd_test(struct ctx *ctx)
{
    return ctx->n_args == 0 ? put_test(ctx) : answer_test(ctx);
}

/* ---- alert settle ---- */

static bool same_name(struct bytes name, const char *typed)
{
    return bytes_equal(name, bytes_text(typed));
}

static enum err cmd_settle(struct ctx *ctx)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    const char *typed = ctx->args[0];
    char node[ADDRESS_TEXT];
    size_t settled = 0;
    TRY(home_only(ctx, &h));
    for (size_t i = 0; i < h.day->n_guardians; i++) {
        struct day_guardian *g = &h.day->guardians[i];
        if (g != guardian_find(h.day, bytes_text(typed)) || g->n_node == 0)
            continue;
        struct day_node *n = &g->node[0];
        settled += n->fault != SEEN_FINE || n->let_go > n->let_go_settled;
        n->let_go_settled = n->let_go;
        if (n->fault != SEEN_FINE)
            seen_settle(n);
    }
    for (size_t i = 0; i < h.day->n_seats; i++) {
        struct day_node *n = &h.day->seats[i].node[0];
        guard_node(&h.day->seats[i], node);
        if (!same_name(bytes_text(node), typed) || n->fault == SEEN_FINE)
            continue;
        seen_settle(n);
        settled++;
    }
    if (settled == 0)
        return term_fail_as(ctx->term, ERR_UNKNOWN, EXIT_NONE, NULL,
                            "Name a guardian, or the address of your own node, as kith "
                            "alert list shows it.",
                            "kith alert list", "Nothing is open about \"%s\".", typed);
    TRY(ctx_day_save(ctx, &h.home, h.day));
    if (ctx->term->json)
        term_json(ctx->term, "alert-settled",
                  json_pack("{s:i}", "settled", (int)settled));
    else
        term_say(ctx->term, "What the node of %s says next is the new beginning.", typed);
    return OK;
}

static const struct command rows[] = {
    { .path = "alert list",
      .args = "",
      .key = NEEDS_DAY,
      .help = "What happened at your guardians' nodes and at your own, newest first.",
      .options = { { "--all", NULL, "not only the newest fifty" } },
      .run = cmd_list },
    { .path = "alert watch",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Waits for alerts at all nodes, prints them, and runs your programs.",
      .options = { { "--once", NULL, "look once, and do not wait" } },
      .run = alert_cmd_watch },
    { .path = "alert add",
      .args = "exec:PROGRAM [ARGS…]",
      .min = 1,
      .max = ARGS_MANY,
      .key = NEEDS_DAY,
      .help = "Runs a program for each new alert, with the alert as JSON on its input.",
      .run = cmd_add },
    { .path = "alert remove",
      .args = "PROGRAM",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "No longer runs that program.",
      .run = cmd_remove },
    { .path = "alert test",
      .args = "[WORD]",
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Puts a test alert at each node; with the word it shows: it reached you.",
      .run = cmd_test },
    { .path = "alert settle",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "You know what happened at that guardian's node: begin with it anew.",
      .run = cmd_settle },
    { .path = "alert timer",
      .args = "on|off",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Lets this machine look for alerts by itself, with a systemd user timer.",
      .run = alert_cmd_timer },
};

const struct command_table cmd_alert_table = COMMANDS(rows);
