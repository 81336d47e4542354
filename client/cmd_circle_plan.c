/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_end.h"
#include "client/cmd_circle_part.h"

enum { HOLD_USUAL_S = 72 * 3600, LIST_TEXT = 900 };

/* What the two lines of odds take for granted about one guardian. */
static const double odds_answers = 0.9;
static const double odds_gives_in = 0.05;

/* ---- common ---- */

enum err owner_day(const struct ctx *ctx, struct home *h, struct day **out)
{
    static const uint8_t none[PUB_BYTES];
    TRY(ctx_home(ctx, HOME_READ, h));
    TRY(ctx_day(ctx, h, out));
    if (!bytes_equal(BYTES_OF((*out)->me.owner), BYTES_OF(none)))
        return OK;
    return ctx_no_root(ctx);
}

void list_add(char *list, size_t cap, struct bytes name)
{
    size_t n = strlen(list);
    (void)snprintf(list + n, cap - n, "%s%.*s", n > 0 ? ", " : "", TEXT(name));
}

static bool in_group(const struct day *d, size_t i, uint32_t group)
{
    uint8_t g = 0;
    uint8_t index = 0;
    if (i >= circle_pieces(&d->me))
        return false;
    circle_place(&d->me, i, &g, &index);
    return g == group;
}

static struct bytes group_name(const struct day_me *me, uint32_t g)
{
    return g < me->n_group_names ? me->group_names[g].text : (struct bytes){ 0 };
}

/* ---- circle plan: what was given ---- */

static enum err take_group(const struct ctx *ctx, struct day *d, const char *text)
{
    struct bytes name = { 0 };
    struct manifest_group group = { 0 };
    if (circle_group_parse(text, &name, &group) != OK)
        return term_fail(ctx->term, ERR_ARG, "kith circle plan --group family:2/3",
                         "--group \"%s\" is not NAME:NEEDED/SIZE, such as family:2/3.",
                         text);
    if (d->me.n_groups == GROUPS_MAX)
        return term_fail(ctx->term, ERR_ARG, NULL, "At most %d groups are possible.",
                         GROUPS_MAX);
    d->me.groups[d->me.n_groups++] = group;
    d->me.group_names[d->me.n_group_names++].text = day_keep(d, name);
    return OK;
}

static enum err take_needed(const struct ctx *ctx, uint64_t otherwise, uint8_t *out)
{
    const char *text = ctx_option(ctx, "-k");
    uint64_t k = otherwise;
    if (text != NULL && number_parse(text, 0, PIECES_MAX, &k) != OK)
        return term_fail(ctx->term, ERR_ARG, NULL, "-k \"%s\" is not a number up to %d.",
                         text, PIECES_MAX);
    *out = (uint8_t)k;
    return OK;
}

static enum err take_groups(const struct ctx *ctx, struct day *d)
{
    struct day_me *me = &d->me;
    const char *text = NULL;
    me->n_groups = 0;
    me->n_group_names = 0;
    for (size_t i = 0; (text = ctx_option_at(ctx, "--group", i)) != NULL; i++)
        TRY(take_group(ctx, d, text));
    if (me->n_groups > 0)
        return take_needed(ctx, me->n_groups, &me->group_threshold);
    me->n_groups = 1;
    me->group_threshold = 1;
    me->groups[0].n = (uint8_t)d->n_guardians;
    return take_needed(ctx, d->n_guardians / 2 + 1, &me->groups[0].t);
}

static enum err take_holds(const struct ctx *ctx, struct day_me *me)
{
    bool sealed = me->epoch > 0; /* what is not said stays as it is */
    uint64_t hold = 0;
    uint64_t stop = 0;
    char least[DURATION_TEXT];
    TRY(ctx_duration(ctx, "--hold", sealed ? me->hold : HOLD_USUAL_S, HOLD_MAX_S, &hold));
    uint64_t usual = 3 * hold > CIRCLE_STOP_LEAST_S ? 3 * hold : CIRCLE_STOP_LEAST_S;
    if (sealed && ctx_option(ctx, "--hold") == NULL)
        usual = me->stop_hold;
    TRY(ctx_duration(ctx, "--stop-hold", usual, STOP_HOLD_MAX_S, &stop));
    duration_text(CIRCLE_STOP_LEAST_S, least);
    if (hold == 0)
        term_warn(ctx->term, "without a hold an approved piece leaves at once: nobody "
                             "has time to stop a thief who can talk.");
    if (stop < CIRCLE_STOP_LEAST_S)
        TRY(term_word(ctx->term, "short-stop",
                      "After a stop, less than 7 days may be too short for you to notice "
                      "and to speak with your guardians."));
    me->hold = (uint32_t)hold;
    me->stop_hold = (uint32_t)stop;
    return OK;
}

static enum err take_about(const struct ctx *ctx, struct day *d)
{
    char typed[TEXT_MAX_BYTES + 1];
    const char *about = ctx_option(ctx, "--about-me");
    const struct ask a = {
        .text = "A note about you",
        .flag = "--about-me TEXT",
        .note = "Your guardians see this note before they decide about a request in your "
                "name. Write what helps them to be sure that it is you, and nothing "
                "that a stranger could use.",
    };
    if (about == NULL && d->me.about.n > 0)
        return OK;
    if (about == NULL)
        TRY(term_ask_maybe(ctx->term, &a, typed, sizeof typed));
    if (about == NULL)
        about = typed;
    if (about[0] == 0)
        return OK;
    TRY(ctx_text(ctx, "--about-me", about, TEXT_MAX_BYTES));
    d->me.about = day_keep(d, bytes_text(about));
    return OK;
}

/* ---- circle plan: what is wrong with it ---- */

static enum err too_few_problem(const struct ctx *ctx, const struct day *d, size_t group)
{
    const struct manifest_group *g = &d->me.groups[group];
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "too-few-guardians",
                        "A usual circle has five guardians, of whom three are needed.",
                        "kith guardian add NAME LINK",
                        "%u are needed, but there %s only %u.", g->t,
                        g->n == 1 ? "is" : "are", g->n);
}

static enum err number_problem(const struct ctx *ctx, const struct day *d)
{
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "other-number",
                        "The groups take the guardians in the order in which you added "
                        "them; together they must have exactly as many places.",
                        "kith guardian list",
                        "The plan has %zu places, and you have added %zu guardians.",
                        circle_pieces(&d->me), d->n_guardians);
}

static enum err not_entered(const struct ctx *ctx, const struct day_guardian *g)
{
    char next[TERM_TEXT];
    if (g->epoch != 0)
        return term_fail_as(ctx->term, ERR_UNREACHABLE, EXIT_AWAY, "not-heard",
                            "They are known by the list that came with your key. Ask "
                            "whether their machine is switched on.",
                            "kith circle seal --resume",
                            "%.*s's node has not answered this home yet.", TEXT(g->name));
    guardian_next("add", g->name, "", next);
    return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, "not-entered",
                        "The invite was kept here, but the node has not answered yet.",
                        next, "%.*s is not your guardian yet.", TEXT(g->name));
}

static enum err fault_problem(const struct ctx *ctx, const struct day *d,
                              enum circle_fault fault, size_t at)
{
    struct term *t = ctx->term;
    switch (fault) {
    case CIRCLE_FINE:
        return OK;
    case CIRCLE_NOBODY:
        return term_fail(t, ERR_STATE, "kith guardian add NAME LINK",
                         "You have no guardians yet.");
    case CIRCLE_TOO_FEW:
        return too_few_problem(ctx, d, at);
    case CIRCLE_ONE_ENOUGH:
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "one-is-enough",
                            "Then a single guardian, or whoever robs one, has your keys.",
                            "kith circle plan -k 3",
                            "One piece alone must never be enough.");
    case CIRCLE_ZERO:
        return term_fail(t, ERR_ARG, "kith circle plan -k 3",
                         "The number of those who are needed is missing.");
    case CIRCLE_GROUP_TOO_BIG:
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "group-too-big",
                            "Divide your guardians into groups.",
                            "kith circle plan --group family:2/3 --group friends:3/5",
                            "A group has at most %d guardians.", CIRCLE_GROUP_MAX);
    case CIRCLE_ONE_OF_MANY:
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "one-of-many",
                            "The card format knows no group in which one of several is "
                            "enough. Take 2, or a group of one.",
                            NULL, "A group of %u cannot need only 1.",
                            d->me.groups[at].n);
    case CIRCLE_GROUPS:
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "too-few-groups",
                            "With groups, -k says how many of the groups are needed; "
                            "without it, all of them.",
                            NULL, "%u groups are needed, but there are only %u.",
                            d->me.group_threshold, d->me.n_groups);
    case CIRCLE_OTHER_NUMBER:
        return number_problem(ctx, d);
    case CIRCLE_NO_NODE:
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "no-node",
                            "What opens a card is kept by guardians with a node, and "
                            "they are told when somebody asks for it. One is enough.",
                            "kith guardian add NAME LINK",
                            "All of your pieces would be on cards.");
    case CIRCLE_NOT_ENTERED:
        break;
    }
    return not_entered(ctx, &d->guardians[at]);
}

enum err plan_check(const struct ctx *ctx, const struct day *d)
{
    size_t at = 0;
    enum circle_fault fault = circle_check(d, &at);
    return fault_problem(ctx, d, fault, at);
}

/* What is possible, but wants a typed word. */
enum err plan_words(const struct ctx *ctx, const struct day *d)
{
    char why[TERM_TEXT];
    size_t first = 0;
    unsigned fewest = circle_fewest(d);
    if (fewest == 0)
        TRY(term_word(
            ctx->term, "cards-alone",
            "The cards alone are as many pieces as are needed: whoever has them "
            "and your circle sheet, or one guardian's yes, has your keys."));
    if (fewest == 1)
        TRY(term_word(ctx->term, "one-person",
                      "A single person who says yes would be enough."));
    if (fewest < 2 || !circle_one_domain(d, &first))
        return OK;
    (void)snprintf(why, sizeof why,
                   "The pieces at one place (%.*s's node, or others at the same machine "
                   "or address) would be enough: whoever runs or breaks it can wait for "
                   "all of them at once.",
                   TEXT(d->guardians[first].name));
    return term_word(ctx->term, "one-domain", why);
}

/* A plan may change until pieces are on their way. */
static enum err check_free(const struct ctx *ctx, struct home *h, const struct day *d)
{
    enum seal_phase phase = SEAL_NEXT;
    if (d->me.epoch > 0 && !seal_busy(h, d))
        return OK;
    enum err e = seal_peek(h, &phase);
    if (d->me.epoch == 0 && (e == ERR_UNKNOWN || (e == OK && phase == SEAL_NEXT)))
        return OK;
    return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, "seal-in-progress",
                        "Pieces of the present plan are on their way to your guardians. "
                        "While it is not active, \"kith circle seal --abandon\" gives it "
                        "up.",
                        "kith circle seal --resume", "The plan cannot change any more.");
}

/* ---- circle plan: what it says ---- */

static void say_group(struct term *t, const struct day *d, uint32_t g)
{
    char list[LIST_TEXT] = "";
    struct bytes name = group_name(&d->me, g);
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (in_group(d, i, g))
            list_add(list, sizeof list, d->guardians[i].name);
    }
    if (name.n > 0)
        term_answer(t, "  %.*s, %u of %u: %s", TEXT(name), d->me.groups[g].t,
                    d->me.groups[g].n, list);
    else
        term_answer(t, "  %s", list);
}

/* What a person can weigh: a bad year of guardians, a bad day with a good liar. */
static void say_odds(struct term *t, const struct day_me *me)
{
    char back[ODDS_TEXT];
    char theft[ODDS_TEXT];
    odds_text(circle_odds(me, odds_answers), back);
    odds_text(circle_odds(me, odds_gives_in), theft);
    term_answer(t, "If 1 in 10 guardians cannot be reached, you get back: %s.", back);
    term_answer(t, "If 1 in 20 gives in to a thief, the thief gets in: %s.", theft);
}

static void say_fewest(struct term *t, const struct day *d, unsigned fewest)
{
    size_t cards = 0;
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++)
        cards += d->guardians[i].kind == PIECE_CARD;
    if (cards == 0)
        term_answer(t, "At least %u %s must say yes.", fewest,
                    fewest == 1 ? "person" : "people");
    else if (fewest == 0)
        term_answer(t,
                    "With all cards at hand nobody else is needed but whoever has what "
                    "opens them: a guardian, or your circle sheet.");
    else
        term_answer(t, "With %s at hand, at least %u %s must say yes.",
                    cards == 1 ? "the card" : "all cards", fewest,
                    fewest == 1 ? "person" : "people");
}

void plan_say(struct term *t, const struct day *d)
{
    const struct day_me *me = &d->me;
    char hold[DURATION_TEXT];
    char stop[DURATION_TEXT];
    unsigned fewest = circle_fewest(d);
    duration_text(me->hold, hold);
    duration_text(me->stop_hold, stop);
    if (me->n_groups == 1)
        term_answer(t, "%u of these %u guardians together give you back your keys:",
                    me->groups[0].t, me->groups[0].n);
    else
        term_answer(t, "%u of these %u groups together give you back your keys:",
                    me->group_threshold, me->n_groups);
    for (uint32_t g = 0; g < me->n_groups; g++)
        say_group(t, d, g);
    say_fewest(t, d, fewest);
    say_odds(t, me);
    if (me->hold == 0)
        term_answer(t, "An approved piece leaves at once; after a stop it waits %s.",
                    stop);
    else
        term_answer(
            t,
            "A piece leaves at the earliest %s after it was asked for, and an hour "
            "after the yes to it; after a stop, %s.",
            hold, stop);
}

static json_t *names_json(const struct day *d, uint32_t g)
{
    json_t *names = json_array();
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (in_group(d, i, g))
            (void)json_array_append_new(names, json_slice(d->guardians[i].name));
    }
    return names;
}

static json_t *groups_json(const struct day *d)
{
    json_t *groups = json_array();
    for (uint32_t g = 0; g < d->me.n_groups; g++)
        (void)json_array_append_new(groups, json_pack("{s:o, s:i, s:i, s:o}", "name",
                                                      json_slice(group_name(&d->me, g)),
                                                      "need", (int)d->me.groups[g].t,
                                                      "of", (int)d->me.groups[g].n,
                                                      "guardians", names_json(d, g)));
    return groups;
}

json_t *plan_json(const struct day *d)
{
    const struct day_me *me = &d->me;
    return json_pack("{s:i, s:i, s:i, s:i, s:o, s:i, s:i, s:o}", "need",
                     (int)circle_need(me), "of", (int)circle_pieces(me), "fewest_people",
                     (int)circle_fewest(d), "groups_needed", (int)me->group_threshold,
                     "groups", groups_json(d), "hold", (int)me->hold, "stop_hold",
                     (int)me->stop_hold, "about", json_slice(me->about));
}

/* With groups somebody of another one may well be lost. */
static void warn_none_to_spare(struct term *t, const struct day_me *me)
{
    char list[TERM_TEXT / 2] = "";
    bool all = true;
    for (uint32_t g = 0; g < me->n_groups; g++) {
        bool tight = me->groups[g].t == me->groups[g].n;
        all = all && tight;
        if (tight && group_name(me, g).n > 0)
            list_add(list, sizeof list, group_name(me, g));
    }
    if (all || list[0] == 0)
        term_warn(t, "every guardian is needed: when one of them is lost, so are your "
                     "keys.");
    else
        term_warn(t,
                  "everybody is needed in: %s. When one of them is lost, so are your "
                  "keys.",
                  list);
}

void plan_warn(struct term *t, const struct day *d)
{
    struct circle_count all = { { 0 } };
    for (uint32_t g = 0; g < d->me.n_groups; g++)
        all.of[g] = d->me.groups[g].n;
    if (circle_spare(&d->me, &all) == 0)
        warn_none_to_spare(t, &d->me);
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (g->kind == PIECE_NODE && g->reach.n == 0)
            term_warn(t,
                      "you did not say how a person reaches %.*s. After a loss, names "
                      "and numbers come from here.",
                      TEXT(g->name));
    }
}

/* The plan of d is complete and may go, or a problem is recorded. */
static enum err plan_take(const struct ctx *ctx, struct day *d)
{
    if (d->n_guardians == 0)
        return fault_problem(ctx, d, CIRCLE_NOBODY, 0);
    TRY(take_groups(ctx, d));
    TRY(plan_check(ctx, d));
    TRY(take_holds(ctx, &d->me));
    TRY(plan_words(ctx, d));
    TRY(take_about(ctx, d));
    plan_warn(ctx->term, d);
    d->me.planned = 1;
    return OK;
}

/* A circle that is sealed stays as it is until the plan is. */
static enum err plan_next(const struct ctx *ctx, struct home *h, struct day *d,
                          struct day *work)
{
    work->me = d->me;
    for (size_t i = 0; i < d->n_guardians; i++)
        if (!end_over(&d->guardians[i], ctx_now(ctx)))
            work->guardians[work->n_guardians++] = d->guardians[i];
    TRY(plan_take(ctx, work));
    circle_plan_of(work, d, &d->me.next[0]);
    d->me.n_next = 1;
    d->me.about = day_keep(d, work->me.about);
    return ctx_day_save(ctx, h, d);
}

static enum err plan_first(const struct ctx *ctx, struct home *h, struct day *d)
{
    TRY(plan_take(ctx, d));
    TRY(ctx_day_save(ctx, h, d));
    if (home_drop(h, HOME_JOURNAL) != OK)
        return term_fail(ctx->term, ERR_IO, NULL, "%s cannot be written.", ctx->home);
    return OK;
}

static void plan_answer(struct term *t, const struct day *d, bool sealed)
{
    if (t->json) {
        term_json(t, "plan", plan_json(d));
        return;
    }
    plan_say(t, d);
    if (sealed)
        term_say(t, "Nothing was sent yet; your circle is as it was. To give each "
                    "guardian a new piece:");
    else
        term_say(t, "Nothing was sent yet. To give each guardian a piece:");
    term_say(t, "  kith circle seal");
}

enum err cmd_circle_plan(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    AUTO_DAY struct day *work = calloc(1, sizeof *work);
    if (work == NULL)
        return ERR_NOMEM;
    TRY(owner_day(ctx, &h, &d));
    TRY(check_free(ctx, &h, d));
    bool sealed = d->me.epoch > 0;
    TRY(sealed ? plan_next(ctx, &h, d, work) : plan_first(ctx, &h, d));
    plan_answer(ctx->term, sealed ? work : d, sealed);
    return OK;
}
