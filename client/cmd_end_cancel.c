/* SPDX-License-Identifier: Apache-2.0 */
/* kith circle end --cancel: what was asked for or planned is taken back at each node. */
#include "client/cmd_end_part.h"

/* By the root key. The wish goes first: a run that breaks off is not gone on with. */
static enum err take_back(struct end_desk *k)
{
    AUTO_FREE struct end_told *told = calloc(DAY_GUARDIANS, sizeof *told);
    size_t n = 0;
    if (told == NULL)
        return ERR_NOMEM;
    TRY(ctx_unlock(k->ctx, &k->home, &k->root));
    end_forget(k->day);
    TRY(ctx_day_save(k->ctx, &k->home, k->day));
    term_progress(k->ctx->term, "Telling the nodes …");
    TRY(end_cancel(k->day, &k->root->root, k->ctx->params, told, &n));
    for (size_t i = 0; i < n; i++)
        if (told[i].talk.err != OK)
            end_note(k, told[i].g, &told[i].talk);
    return OK;
}

/* Not every node is known to have taken it back. */
static bool is_on(const struct end_desk *k)
{
    return k->n_told > 0 || end_planned(k->day) > 0;
}

/* Whether a node's own word came back: no line that broke, no silence. */
static bool has_answered(const struct guardian_talk *talk)
{
    return talk->stage >= CALL_KNOWN && talk->err != ERR_TIMEOUT &&
           talk->err != ERR_CLOSED;
}

/* The end goes on there. */
static void say_still(struct term *t, const struct day_guardian *g,
                      const struct guardian_talk *talk, const char *at, uint64_t now)
{
    if (talk == NULL)
        term_warn(t,
                  "%.*s's node was told, and answers that it erases all of it on %s all "
                  "the same. That is not the program it should be: ask %.*s to look "
                  "after it, and to type kith guard freeze with your name.",
                  TEXT(g->name), at, TEXT(g->name));
    else if (has_answered(talk))
        term_warn(t, "%s It erases all of it on %s, unless it is told before.", talk->why,
                  at);
    else if (g->end_due <= now)
        term_warn(t,
                  "%.*s's node was not reached. It was to erase all of it on %s, and may "
                  "have done so.",
                  TEXT(g->name), at);
    else
        term_warn(t,
                  "%.*s's node was not reached. It erases all of it on %s, unless it is "
                  "told before.",
                  TEXT(g->name), at);
}

/* What was erased before comes back by no word. */
static size_t erased(const struct day *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_guardians; i++)
        n += end_settled(&d->guardians[i]) && !end_gave_up(&d->guardians[i]);
    return n;
}

/* The question that was asked there stays on the guardian's screen. */
static void say_asked(struct term *t, const struct day_guardian *g,
                      const struct guardian_talk *talk)
{
    term_warn(t,
              "%s It may still ask %.*s whether all of it may be erased. Tell %.*s to "
              "answer no; a yes erases nothing without your order.",
              talk->why[0] != 0 ? talk->why : err_text(talk->err), TEXT(g->name),
              TEXT(g->name));
}

static void say_cancelled_at(struct end_desk *k, const struct day_guardian *g)
{
    const struct guardian_talk *talk = end_noted(k, g);
    struct term *t = k->ctx->term;
    char at[TIME_TEXT];
    time_text(g->ended != 0 ? g->ended : g->end_due, at);
    if (end_gave_up(g))
        end_say_settled(t, g);
    else if (end_stand(g) == END_DONE)
        term_warn(t, "%.*s's node had erased all of it on %s.", TEXT(g->name), at);
    else if (end_stand(g) == END_PLANNED)
        say_still(t, g, talk, at, ctx_now(k->ctx));
    else if (talk != NULL && end_asks(g))
        say_asked(t, g, talk);
    else if (talk != NULL)
        term_warn(t, "%s", talk->why[0] != 0 ? talk->why : err_text(talk->err));
}

static void say_cancelled(struct end_desk *k)
{
    const struct day *d = k->day;
    struct term *t = k->ctx->term;
    for (size_t i = 0; i < d->n_guardians; i++)
        if (end_has_node(&d->guardians[i]))
            say_cancelled_at(k, &d->guardians[i]);
    if (is_on(k))
        term_say(t, "Go on, until all are told: kith circle end --cancel");
    else if (end_all_settled(d))
        term_say(t,
                 "That is too late: your circle has ended. How it stands: kith status");
    else if (erased(d) > 0)
        term_say(t, "The end is taken back. Whether what is left brings you back: kith "
                    "status");
    else
        term_say(t, "Your circle does not end. Nobody is asked for that any more.");
}

enum err end_desk_cancel(struct end_desk *k)
{
    TRY(take_back(k));
    TRY(ctx_day_save(k->ctx, &k->home, k->day));
    k->ctx->exit = is_on(k) || erased(k->day) > 0 ? EXIT_DEGRADED : EXIT_FINE;
    if (k->ctx->term->json)
        return end_json(k);
    say_cancelled(k);
    return OK;
}
