/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "client/cmd_alert_part.h"

enum {
    WATCH_S = 240,     /* of one long poll, as the node allows */
    WATCH_REST_S = 30, /* after a round that ended at once, all nodes being away */
    BURST = 32         /* new alerts of one node that are told one by one */
};

/* What one look told. */
struct telling {
    struct ctx *ctx;
    const struct alerts *alerts;
    size_t told;
    size_t failed; /* runs of programs */
};

/* True if some program took it, or there is none to take it. */
static bool run_all(struct telling *t, const char *json)
{
    const struct day_me *me = &t->alerts->day->me;
    size_t fine = 0;
    for (uint32_t i = 0; i < me->n_handlers; i++) {
        enum err e = alert_run(me->handlers[i].exec, bytes_text(json), false);
        fine += e == OK;
        t->failed += e != OK;
        if (e != OK)
            term_warn(t->ctx->term, "the program %s %s.",
                      (const char *)me->handlers[i].exec.p,
                      e == ERR_TIMEOUT ? "took too long and was ended" : "failed");
    }
    return fine > 0 || me->n_handlers == 0;
}

/* One alert; e NULL: the fault. */
static bool tell(struct telling *t, const struct alert_place *p,
                 const struct seen_entry *e)
{
    struct term *term = t->ctx->term;
    struct alert_text x;
    char when[TIME_TEXT];
    char json[ALERT_JSON];
    alert_say(t->alerts, p, e, &x);
    alert_line(t->alerts, p, e, json);
    t->told++;
    if (term->json) {
        term_json(term, "alert", alert_doc(t->alerts, p, e));
        return run_all(t, json);
    }
    time_text(e != NULL ? e->received : alert_node(t->alerts, p)->faulted, when);
    term_answer(term, "%s  %s", when, x.what);
    if (x.advice[0] != 0)
        term_say(term, "  %s", x.advice);
    if (x.command[0] != 0)
        term_say(term, "    %s", x.command);
    return run_all(t, json);
}

/* Where a node is looked at for the first time, what happened so far was the person's own
 * doing; only what asks for something is news. */
static bool is_news(const struct telling *t, const struct alert_place *p,
                    const struct seen_entry *e, bool first)
{
    struct alert_text x;
    if (!first)
        return true;
    alert_say(t->alerts, p, e, &x);
    static const uint8_t none[ID_BYTES];
    bool of_request = !bytes_equal(BYTES_OF(e->event.request), BYTES_OF(none));
    return x.asks && (!of_request || alert_is_open(p, e));
}

/* However much came after it: somebody asks, and nobody has answered. */
static bool is_pressing(const struct alert_place *p, const struct seen_entry *e)
{
    return e->event.event == REC_REQUEST_LIVE && alert_is_open(p, e);
}

static void tell_place(struct telling *t, const struct alert_place *p)
{
    struct day_node *n = alert_node(t->alerts, p);
    const struct seen_drop *d = &p->drop;
    bool first = n->told_seq == 0;
    if (n->fault != n->fault_told && (n->fault == SEEN_FINE || tell(t, p, NULL)))
        n->fault_told = n->fault;
    size_t i = d->n > 0 ? seen_new_from(d, n) : 0;
    size_t newest = d->n - i > BURST ? d->n - BURST : i;
    size_t older = 0;
    if (newest > i)
        term_warn(t->ctx->term, "%zu more alerts: kith alert list", newest - i);
    /* A program that failed is tried again by the next look; it hides nothing now. */
    bool told = true;
    for (; i < d->n; i++) {
        const struct seen_entry *e = &d->entries[i];
        bool news =
            i < newest ? older < BURST && is_pressing(p, e) : is_news(t, p, e, first);
        older += i < newest && news;
        if (news && !tell(t, p, e))
            told = false;
        if (told)
            seen_told(d, i, n);
    }
}

static enum err open_and_look(struct ctx *ctx, struct alert_home *h, struct alerts **out)
{
    const struct alert_look how = { .params = ctx->params, .which = DROP_ALERTS };
    TRY(alert_home_open(ctx, h));
    home_close(&h->home); /* nobody waits for us while we speak with nodes */
    term_progress(ctx->term, "Asking the nodes …");
    return alerts_look(&how, h->day, out);
}

/* Into the home as it is now: another kith may have written in between. */
static enum err save(struct ctx *ctx, const struct day *learnt)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    TRY(ctx_home(ctx, HOME_READ, &h.home));
    TRY(ctx_day(ctx, &h.home, &h.day));
    alerts_merge(learnt, h.day);
    return ctx_day_save(ctx, &h.home, h.day);
}

static enum err look_once(struct ctx *ctx, struct alert_home *h, struct alerts **out,
                          size_t *out_told)
{
    struct telling t = { .ctx = ctx };
    TRY(open_and_look(ctx, h, out));
    t.alerts = *out;
    for (size_t i = 0; i < t.alerts->n; i++)
        tell_place(&t, &t.alerts->places[i]);
    struct day_me *me = &h->day->me;
    if (alerts_counts(t.alerts))
        me->watched = ctx_now(ctx);
    if (t.failed > 0)
        me->failed = ctx_now(ctx);
    else if (t.told > 0 || me->n_handlers == 0)
        me->failed = 0;
    if (t.failed > 0 || alerts_away(t.alerts) > 0)
        ctx->exit = EXIT_DEGRADED;
    *out_told = t.told;
    return save(ctx, h->day);
}

static void rest(void)
{
    struct timespec s = { .tv_sec = WATCH_REST_S };
    (void)nanosleep(&s, NULL); /* shorter is fine too */
}

/* Each look begins with the home as it is; nothing grows from one to the next. */
static enum err watch_on(struct ctx *ctx)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    AUTO_ALERTS struct alerts *a = NULL;
    size_t told = 0;
    bool news = false;
    ctx->exit = EXIT_FINE;
    TRY(look_once(ctx, &h, &a, &told));
    uint64_t began = ctx_now(ctx);
    TRY(alerts_wait(ctx->params, a, WATCH_S, &news));
    if (!news && ctx_now(ctx) < began + 2)
        rest();
    return OK;
}

enum err alert_cmd_watch(struct ctx *ctx)
{
    if (ctx_option(ctx, "--once") == NULL) {
        term_say(ctx->term, "Waiting for alerts; Ctrl-C ends it.");
        for (;;)
            TRY(watch_on(ctx));
    }
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    AUTO_ALERTS struct alerts *a = NULL;
    size_t told = 0;
    TRY(look_once(ctx, &h, &a, &told));
    alert_say_places(ctx, a);
    TRY(alert_all_away(ctx, a));
    if (told == 0 && !ctx->term->json)
        term_say(ctx->term, "Nothing new.");
    return OK;
}
