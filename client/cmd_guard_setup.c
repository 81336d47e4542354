/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"
#include "client/timer.h"

enum { LINK_FILE = 2 * LINK_TEXT };

static enum err link_problem(struct term *t, enum err e)
{
    if (e == ERR_NOMEM)
        return e;
    if (e == ERR_CHECKSUM)
        return term_fail(t, e, NULL, "The link is mistyped or incomplete.");
    if (e == ERR_VERSION)
        return term_fail_as(t, e, EXIT_VERSION, NULL, NULL, NULL,
                            "The link is of a later version of Kith.");
    return term_fail_as(t, ERR_ARG, EXIT_USAGE, "no-link",
                        "A link is one line that begins with KITH1:.", NULL,
                        "This is not a link.");
}

static enum err link_type_check(struct term *t, const struct link *link)
{
    if (link->type == LINK_OPERATOR || link->type == LINK_SEAT)
        return OK;
    if (link->type == LINK_INVITE)
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "other-link",
                            "With it you ask somebody to be YOUR guardian.",
                            "kith guardian add NAME LINK",
                            "This link is an invite; it makes nobody a guardian.");
    return term_fail_as(t, ERR_ARG, EXIT_USAGE, "other-link",
                        "It is for somebody who lost everything.",
                        "kith restore start LINK",
                        "This link is for a restore; it makes nobody a guardian.");
}

static enum err link_text(struct ctx *ctx, struct span out, size_t *out_n)
{
    const char *path = ctx_option(ctx, "--link-file");
    const struct ask a = {
        .text = "The link",
        .flag = "--link-file FILE",
        .note = "To be a guardian you need a place at a node. The node's machine has "
                "its link in the file operator.link; or the person whose node it is "
                "sends you one. It is one line that begins with KITH1:. Paste it here.",
    };

    if (path != NULL)
        return term_read(ctx->term, path, out, out_n);
    TRY(term_ask(ctx->term, &a, (char *)out.p, out.n));
    *out_n = strlen((const char *)out.p);
    return OK;
}

static enum err link_get(struct ctx *ctx, struct link *out)
{
    AUTO_SECRET uint8_t *text = NULL;
    size_t n = 0;

    TRY(secret_alloc(LINK_FILE, (void **)&text));
    TRY(link_text(ctx, (struct span){ text, LINK_FILE }, &n));
    enum err e = link_parse(bytes_of(text, n), out);
    if (e != OK)
        return link_problem(ctx->term, e);
    return link_type_check(ctx->term, out);
}

static enum err name_get(struct ctx *ctx, char *out, size_t cap)
{
    const char *given = ctx_option(ctx, "--name");
    const struct ask a = { .text = "Your name", .flag = "--name NAME" };

    if (given != NULL) {
        TRY(ctx_text(ctx, "The name", given, NAME_MAX_BYTES));
        (void)snprintf(out, cap, "%s", given);
        return OK;
    }
    return term_ask_maybe(ctx->term, &a, out, cap);
}

/* The home and its root, made now if there is none. */
static enum err home_get(struct desk *d)
{
    char name[NAME_TEXT + 1] = "";
    struct make_root how = { 0 };

    TRY(ctx_home(d->ctx, HOME_MAKE, &d->home));
    if (!home_has(&d->home, HOME_ROOT) || ctx_option(d->ctx, "--name") != NULL) {
        TRY(name_get(d->ctx, name, sizeof name));
        if (name[0] != 0)
            how.name = name;
    }
    TRY(ctx_make_root(d->ctx, &d->home, &how, &d->root));
    return ctx_day(d->ctx, &d->home, &d->day);
}

static struct day_seat *ready_at(struct day *d, const uint8_t node_key[PUB_BYTES])
{
    for (size_t i = 0; i < d->n_seats; i++)
        if (d->seats[i].progress == GUARDIAN_READY &&
            !guard_seat_is_old(d, &d->seats[i]) &&
            bytes_equal(BYTES_OF(d->seats[i].node[0].node_key),
                        bytes_of(node_key, PUB_BYTES)))
            return &d->seats[i];
    return NULL;
}

/* OK if this place was taken before and its keys still open it. */
static enum err taken_before(struct desk *d, const struct link *link,
                             struct day_seat **out)
{
    struct day_seat *s = ready_at(d->day, link->node_key);
    struct call c = { 0 };

    if (s == NULL)
        return ERR_UNKNOWN;
    enum err e = guard_seat_tell(d->ctx->params, d->day, s, &d->root->root, &c);
    if (e == ERR_NOMEM)
        return e;
    /* Its answer may have been lost; the place is taken all the same. */
    if (e != OK)
        TRY(guard_seat_try(d->ctx->params, s, &c));
    *out = s;
    return OK;
}

static enum err take(struct desk *d, const struct link *link, struct day_seat **out)
{
    struct call c = { 0 };
    struct day_seat *s = NULL;

    TRY(guard_seat_prepare(d->day, &d->root->root, link, d->ctx->params, &s));
    /* Before the first message: what was begun is found again. */
    TRY(ctx_day_save(d->ctx, &d->home, d->day));
    enum err e = guard_seat_take(d->ctx->params, s, &d->root->root, &c);
    if (e != OK)
        return desk_failed(d, s, &c, e);
    *out = s;
    return ctx_day_save(d->ctx, &d->home, d->day);
}

static void say_done(struct desk *d, const struct day_seat *s)
{
    char node[ADDRESS_TEXT];

    guard_node(s, node);
    if (d->t->json) {
        term_json(d->t, "seat",
                  json_pack("{s:o, s:s, s:b}", "seat", json_hex(s->seat, SEAT_BYTES),
                            "node", node, "operator", (int)s->operator_bit));
        return;
    }
    term_title(d->t, "You are a guardian now.");
    term_say(d->t,
             "Your place is at the node %s. Leave its machine switched on: it "
             "keeps the pieces, and it cannot read them.",
             node);
    term_say(d->t, "Next, invite the person you want to help:");
    term_say(d->t, "  kith guard invite");
}

enum err guard_cmd_setup(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .ctx = ctx,
                                .t = ctx->term,
                                .home = { .dir = -1, .lock = -1 } };
    AUTO_SECRET struct link *link = NULL;
    struct day_seat *s = NULL;

    TRY(secret_new(&link));
    TRY(link_get(ctx, link));
    TRY(home_get(&d));
    term_progress(d.t, "Speaking with the node …");
    if (taken_before(&d, link, &s) != OK)
        TRY(take(&d, link, &s));
    MUST(s != NULL);
    TRY(desk_old_seats(&d, s));
    say_done(&d, s);
    TRY(timer_offer(ctx, d.day));
    return ctx_day_save(ctx, &d.home, d.day);
}
