/* SPDX-License-Identifier: Apache-2.0 */
/* What the timer's check found, to the programs that are told of alerts. */
#include "client/cmd_check_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* One thing to be told, as kith.alert/1 has it. */
struct news {
    const char *event;
    uint64_t time;
    char what[TERM_TEXT];
    char command[TERM_TEXT];
};

static json_t *news_json(const struct day *d, const struct day_guardian *g,
                         const struct news *n)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:n, s:o, s:n, s:n, s:i, s:n, s:o}",
                     "schema", "kith.alert/1", "event", n->event, "what", n->what, "time",
                     (json_int_t)n->time, "side", "owner", "who", json_slice(g->name),
                     "node", "seat", json_hex(g->seat, SEAT_BYTES), "ward", "request",
                     "epoch", (int)d->me.epoch, "word", "next",
                     json_slice(bytes_text(n->command)));
}

/* True if some program took it, or there is none to take it. */
static bool tell(struct check_desk *k, const struct day_guardian *g, const struct news *n)
{
    struct day_me *me = &k->day->me;
    json_t *doc = news_json(k->day, g, n);
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
    bool took = me->n_handlers == 0;
    for (uint32_t i = 0; text != NULL && i < me->n_handlers; i++) {
        bool fine = alert_run(me->handlers[i].exec, bytes_text(text), false) == OK;
        took = took || fine;
        if (!fine)
            me->failed = ctx_now(k->ctx);
    }
    free(text);
    json_decref(doc);
    term_say(k->ctx->term, "%s", n->what);
    if (n->command[0] != 0)
        term_say(k->ctx->term, "  %s", n->command);
    return took;
}

static void tell_fault(struct check_desk *k, struct day_guardian *g)
{
    struct day_proof *p = day_proof(g);
    struct news n = { .event = "check-failed", .time = p->faulted };
    char advice[TERM_TEXT];
    if (p->fault == CHECK_FINE || p->fault == p->fault_told)
        return;
    check_advice(g, p->fault, advice, n.command);
    (void)snprintf(n.what, sizeof n.what, "%.*s's node %s. %.900s", TEXT(g->name),
                   check_fault_text(p->fault), advice);
    if (tell(k, g, &n))
        p->fault_told = p->fault;
}

/* Told when it is asked for, and once more when it waits for too long. */
static void tell_drill(struct check_desk *k, struct day_guardian *g)
{
    struct day_proof *p = day_proof(g);
    uint64_t now = ctx_now(k->ctx);
    struct news n = { .event = "drill-waits", .time = p->asked };
    enum drill_state s = drill_standing(k->day, g, now);
    if (s == DRILL_FAILED) {
        n.event = "drill-failed";
        n.time = p->failed;
        guardian_next("replace", g->name, "", n.command);
    } else if (s == DRILL_ASKED) {
        drill_next(g->name, n.command);
    } else {
        return;
    }
    if (p->reminded != 0 && (s == DRILL_FAILED || now < p->reminded + DRILL_WAIT_S))
        return;
    drill_text(k->day, g, now, n.what);
    if (tell(k, g, &n))
        p->reminded = now;
}

void check_tell(struct check_desk *k)
{
    for (size_t i = 0; i < k->day->n_guardians; i++) {
        struct day_guardian *g = &k->day->guardians[i];
        if (g->n_proof == 0)
            continue;
        tell_fault(k, g);
        tell_drill(k, g);
    }
}
