/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"

/* ---- one request as scripts and people see it ---- */

static json_t *text_or_null(const char *text)
{
    return text[0] != 0 ? json_string(text) : json_null();
}

static json_t *json_label(const struct desk *d, size_t seat, const uint8_t *ward)
{
    const struct day_ward *w = guard_known(d->day, d->day->seats[seat].seat, ward);

    return w != NULL ? json_slice(w->label) : json_null();
}

static json_t *json_request(const struct desk *d, const struct guard_request *r)
{
    const struct request_line *l = &r->rep.line[0];
    char node[ADDRESS_TEXT];

    guard_node(&d->day->seats[r->seat], node);
    return json_pack(
        "{s:o,s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:i,s:i,s:o}", "request",
        json_hex(l->request, ID_BYTES), "kind", request_kind_name(l->kind), "purpose",
        purpose_name(l->purpose), "ward", json_hex(l->ward, ID_BYTES), "label",
        json_label(d, r->seat, l->ward), "node", text_or_null(node), "state",
        request_state_name(l->state), "opened_at", json_time(l->opened), "approved_at",
        json_time(l->approved), "opens_at", json_time(l->opens), "expires_at",
        json_time(l->expires), "tries_left", (int)l->tries_left, "stops", (int)l->stops,
        "claimed", json_slice(r->rep.claimed));
}

static void say_request(const struct desk *d, const struct guard_request *r)
{
    const struct request_line *l = &r->rep.line[0];
    char id[9];
    char name[NAME_TEXT];
    char opened[DURATION_TEXT];

    id_short(l->request, id);
    desk_name(d, r->seat, l->ward, name);
    when_text(ctx_now(d->ctx), l->opened, opened);
    term_answer(d->t, "%s  %-8s %-9s %s, asked %s", id, request_kind_name(l->kind),
                request_state_name(l->state), name, opened);
}

/* ---- requests, show ---- */

static void list_requests(struct desk *d)
{
    const struct guard *g = d->guard;
    json_t *list = json_array();

    for (size_t i = 0; i < g->n_requests; i++) {
        if (d->t->json)
            (void)json_array_append_new(list, json_request(d, &g->requests[i]));
        else
            say_request(d, &g->requests[i]);
    }
    if (d->t->json) {
        term_json(d->t, "requests", json_pack("{s:o}", "requests", list));
        return;
    }
    json_decref(list);
    if (g->n_requests == 0)
        term_say(d->t, "Nobody asks you for anything.");
}

static enum err cmd_requests(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    bool all = ctx_option(ctx, "--all") != NULL;

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, all ? GUARD_ALL : GUARD_OPEN));
    list_requests(&d);
    desk_say_away(&d);
    return OK;
}

static void show_times(const struct desk *d, const struct request_line *l)
{
    char opened[TIME_TEXT];
    char opens[TIME_TEXT];

    time_text(l->opened, opened);
    time_text(l->opens, opens);
    term_answer(d->t, "asked:        %s", opened);
    if (l->kind == REQUEST_RESTORE && l->opens != 0)
        term_answer(d->t, "%s  %s",
                    l->approved != 0 ? "opens:      " : "opens then: ", opens);
    if (l->state == STATE_LIVE)
        term_answer(d->t, "tries left:   %u", (unsigned)l->tries_left);
}

static void show_ward(const struct desk *d, const struct guard_request *r)
{
    const struct day_ward *w =
        guard_known(d->day, d->day->seats[r->seat].seat, r->rep.line[0].ward);

    if (w == NULL) {
        term_say(d->t, "The note of this ward was never opened here: kith guard asks for "
                       "your passphrase and shows it.");
        return;
    }
    term_answer(d->t, "fingerprint:  %.*s", (int)w->fingerprint.n,
                (const char *)w->fingerprint.p);
    if (w->about.n > 0)
        term_answer(d->t, "their note:   \"%.*s\"", (int)w->about.n,
                    (const char *)w->about.p);
    if (w->contact.n > 0)
        term_answer(d->t, "reach:        %.*s", (int)w->contact.n,
                    (const char *)w->contact.p);
    if (w->confirmed == 0)
        term_say(d->t, "You have not confirmed this account yet.");
}

static enum err cmd_show(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    struct guard_request *r = NULL;
    char name[NAME_TEXT];

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_ALL));
    TRY(desk_request(&d, ctx->args[0], &r));
    if (d.t->json) {
        term_json(d.t, "request", json_request(&d, r));
        return OK;
    }
    const struct request_line *l = &r->rep.line[0];
    desk_name(&d, r->seat, l->ward, name);
    term_answer(d.t, "who:          %s", name);
    term_answer(d.t, "what:         %s, %s", request_kind_name(l->kind),
                request_state_name(l->state));
    show_ward(&d, r);
    show_times(&d, l);
    if (r->rep.claimed.n > 0)
        term_answer(d.t, "they wrote:   \"%.*s\"", (int)r->rep.claimed.n,
                    (const char *)r->rep.claimed.p);
    return OK;
}

/* ---- wards ---- */

static json_t *json_ward(const struct desk *d, const struct guard_ward *w)
{
    const struct day_ward *k =
        guard_known(d->day, d->day->seats[w->seat].seat, w->line.ward);
    bool sealed = w->line.epoch != 0;
    char node[ADDRESS_TEXT];

    guard_node(&d->day->seats[w->seat], node);
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:i}", "ward",
                     json_hex(w->line.ward, ID_BYTES), "label",
                     json_label(d, w->seat, w->line.ward), "node", text_or_null(node),
                     "epoch", sealed ? json_integer(w->line.epoch) : json_null(), "hold",
                     sealed ? json_integer(w->line.hold) : json_null(), "stop_hold",
                     sealed ? json_integer(w->line.stop_hold) : json_null(), "confirmed",
                     k != NULL && k->confirmed != 0, "requests", (int)w->line.requests);
}

static void say_ward(const struct desk *d, const struct guard_ward *w)
{
    const struct day_ward *k =
        guard_known(d->day, d->day->seats[w->seat].seat, w->line.ward);
    char id[9];
    char name[NAME_TEXT];

    id_short(w->line.ward, id);
    desk_name(d, w->seat, w->line.ward, name);
    term_answer(d->t, "%s  %s: %s, %s%s", id, name,
                k != NULL && k->confirmed != 0 ? "confirmed" : "not confirmed yet",
                w->line.epoch != 0 ? "you keep a piece" : "no piece yet",
                w->line.requests != 0 ? ", asks for something" : "");
    /* Two people may bear one name; how to reach them tells them apart. */
    if (k != NULL && k->contact.n > 0)
        term_say(d->t, "          how you reach them: %.*s", (int)k->contact.n,
                 (const char *)k->contact.p);
}

static enum err cmd_wards(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    json_t *list = NULL;

    TRY(desk_open(ctx, &d));
    TRY(desk_look(&d, GUARD_OPEN));
    list = json_array();
    for (size_t i = 0; i < d.guard->n_wards; i++) {
        if (d.t->json)
            (void)json_array_append_new(list, json_ward(&d, &d.guard->wards[i]));
        else
            say_ward(&d, &d.guard->wards[i]);
    }
    if (d.t->json)
        term_json(d.t, "wards", json_pack("{s:O}", "wards", list));
    else if (d.guard->n_wards == 0)
        term_say(d.t, "You keep nothing for anybody yet. Invite somebody: kith guard "
                      "invite");
    json_decref(list);
    desk_say_away(&d);
    return OK;
}

/* ---- links: invite, host, link ---- */

static bool is_private(const struct address *a)
{
    const uint8_t *h = a->host;

    if (address_is_loopback(a))
        return true;
    if (a->kind == ADDRESS_IP6)
        return (h[0] & 0xfe) == 0xfc || (h[0] == 0xfe && (h[1] & 0xc0) == 0x80);
    if (a->kind != ADDRESS_IP4)
        return false;
    return h[0] == 10 || (h[0] == 172 && (h[1] & 0xf0) == 16) ||
           (h[0] == 192 && h[1] == 168) || (h[0] == 169 && h[1] == 254);
}

enum reach { REACH_WORLD, REACH_LAN };

/* The address that goes into a link: a public one first, or one of the home network. */
static enum err link_address(struct desk *d, const struct day_seat *s, enum reach want,
                             struct address *out)
{
    struct address a = { 0 };
    bool found = false;

    for (uint32_t i = 0; i < s->node[0].n_addresses; i++) {
        if (address_get(s->node[0].addresses[i].at, &a) != OK)
            continue;
        bool fits = is_private(&a) == (want == REACH_LAN);
        if (found && !fits)
            continue;
        *out = a;
        if (fits)
            return OK;
        found = true;
    }
    if (!found)
        return term_fail(d->t, ERR_STATE, "kith guard setup --link-file FILE",
                         "No address of your node is known here.");
    if (want == REACH_LAN)
        return term_fail_as(d->t, ERR_ARG, EXIT_USAGE, "no-lan-address",
                            "The link would hold the public address anyway.",
                            "kith guard invite",
                            "No address in the home network is known for this node.");
    if (address_is_loopback(out))
        term_warn(d->t, "this link leads to this machine itself. It works only here.");
    else
        term_warn(d->t, "this link leads to an address in your home network. It works "
                        "only there.");
    return OK;
}

/* A link being made, with all that its node needs to know of it. */
struct making {
    struct link link;
    struct credential cred;
    struct req_cred_new req;
};

static enum err making_begin(struct desk *d, struct day_seat *s, enum link_type type,
                             enum reach reach, struct making *out)
{
    static const uint8_t cred_of[] = { [LINK_INVITE] = CRED_INVITE,
                                       [LINK_RESTORE] = CRED_RESTORE,
                                       [LINK_SEAT] = CRED_SEAT };
    const struct rng *rng = d->ctx->params->rng;

    out->link.type = type;
    TRY(link_address(d, s, reach, &out->link.address));
    memcpy(out->link.node_key, s->node[0].node_key, PUB_BYTES);
    rng_fill(rng, out->link.token, TOKEN_BYTES);
    if (type != LINK_SEAT)
        ident_fingerprint(d->day->me.guard_sign, d->day->me.guard_seal, out->link.fp);
    ident_credential(BYTES_OF(out->link.token), &out->cred);
    rng_fill(rng, out->req.op, ID_BYTES);
    out->req.type = cred_of[type];
    out->req.expires = ctx_now(d->ctx) + GUARD_LINK_S;
    memcpy(out->req.id, out->cred.id, ID_BYTES);
    memcpy(out->req.psk, out->cred.psk.b, KEY_BYTES);
    return OK;
}

static enum err making_send(struct desk *d, struct day_seat *s, const struct making *m)
{
    struct rep_cred_new rep = { 0 };
    struct call call = { 0 };

    term_progress(d->t, "Telling the node …");
    enum err e =
        guard_send(d->ctx->params, s, MSG_CRED_NEW, &m->req, &rep, sizeof rep, &call);
    if (e == ERR_FULL)
        return term_fail(d->t, e, NULL, "The node has no room for another link now.");
    return e == OK ? OK : desk_failed(d, s, &call, e);
}

static enum err making_show(struct desk *d, const struct making *m)
{
    static const char *const names[] = {
        [LINK_INVITE] = "invite", [LINK_RESTORE] = "restore", [LINK_SEAT] = "seat"
    };
    AUTO_SECRET char *text = NULL;

    TRY(secret_alloc(LINK_TEXT, (void **)&text));
    TRY(link_format(&m->link, text, LINK_TEXT));
    if (d->t->json)
        term_json(d->t, "link",
                  json_pack("{s:s,s:s,s:o,s:o}", "link", text, "type",
                            names[m->link.type], "expires_at", json_time(m->req.expires),
                            "ward", json_hex(m->req.ward, ID_BYTES)));
    else
        term_answer(d->t, "%s", text);
    return OK;
}

/* The seat that new wards and hosts come to: one's own node first. */
static struct day_seat *main_seat(struct day *d)
{
    struct day_seat *first = NULL;

    for (size_t i = 0; i < d->n_seats; i++) {
        struct day_seat *s = &d->seats[i];
        if (s->progress != GUARDIAN_READY)
            continue;
        if (s->operator_bit)
            return s;
        if (first == NULL)
            first = s;
    }
    MUST(first != NULL); /* desk_open refuses who has none */
    return first;
}

/* The approval key of the ward to come is made with its invite. */
static enum err sign_invite(struct desk *d, const struct day_seat *s, struct making *m)
{
    AUTO_SECRET struct sign_seed *approval = NULL;

    TRY(desk_unlock(d));
    TRY(secret_new(&approval));
    TRY(ident_approval(&d->root->root, s->seat, m->req.id, approval));
    crypt_sign_public(approval, m->req.approval);
    approval_sign(&d->keys->sign, s->seat, m->req.id, m->req.approval,
                  m->req.approval_sig);
    return OK;
}

static enum err keep_invite(struct desk *d, const struct day_seat *s,
                            const struct making *m)
{
    struct day *day = d->day;

    if (day->n_invites == DAY_INVITES) {
        memmove(day->invites, day->invites + 1,
                (DAY_INVITES - 1) * sizeof day->invites[0]);
        day->n_invites--;
    }
    struct day_invite *i = &day->invites[day->n_invites++];
    *i = (struct day_invite){ .made = ctx_now(d->ctx), .expires = m->req.expires };
    memcpy(i->seat, s->seat, SEAT_BYTES);
    memcpy(i->invite, m->req.id, INVITE_BYTES);
    return ctx_day_save(d->ctx, &d->home, day);
}

static enum err cmd_invite(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    AUTO_SECRET struct making *m = NULL;
    bool lan = ctx_option(ctx, "--lan") != NULL;

    TRY(desk_open(ctx, &d));
    TRY(secret_new(&m));
    struct day_seat *s = main_seat(d.day);
    TRY(making_begin(&d, s, LINK_INVITE, lan ? REACH_LAN : REACH_WORLD, m));
    TRY(sign_invite(&d, s, m));
    TRY(keep_invite(&d, s, m));
    TRY(making_send(&d, s, m));
    term_say(d.t, "Give this line to the one person whose guardian you will be. It works "
                  "once, for 14 days.");
    TRY(making_show(&d, m));
    if (!d.t->json)
        term_say(d.t, "They type: kith guardian add YOUR-NAME LINK. Then the two of you "
                      "speak, and you type their four words: kith guard");
    return OK;
}

static enum err cmd_host(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    AUTO_SECRET struct making *m = NULL;

    TRY(desk_open(ctx, &d));
    TRY(ctx_text(ctx, "The name", ctx->args[0], NAME_MAX_BYTES));
    TRY(secret_new(&m));
    struct day_seat *s = main_seat(d.day);
    if (!s->operator_bit)
        return term_fail_as(d.t, ERR_REFUSED, EXIT_STOPPED, "not-operator",
                            "Ask the person whose node it is.", NULL,
                            "You have no node of your own: your place is at "
                            "somebody else's.");
    TRY(making_begin(&d, s, LINK_SEAT, REACH_WORLD, m));
    TRY(making_send(&d, s, m));
    term_say(d.t,
             "Give this line to %s. It makes a place at your node, once, within 14 "
             "days. You will not be able to read what lies there.",
             ctx->args[0]);
    TRY(making_show(&d, m));
    if (!d.t->json)
        term_say(d.t, "They type: kith guard setup");
    return OK;
}

static enum err cmd_link(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    AUTO_SECRET struct making *m = NULL;
    const struct guard_ward *w = NULL;
    char name[NAME_TEXT];

    TRY(desk_open(ctx, &d));
    TRY(secret_new(&m));
    TRY(desk_look(&d, GUARD_OPEN));
    TRY(desk_ward(&d, ctx->args[0], &w));
    struct day_seat *s = &d.day->seats[w->seat];
    TRY(making_begin(&d, s, LINK_RESTORE, REACH_WORLD, m));
    memcpy(m->req.ward, w->line.ward, ID_BYTES);
    TRY(making_send(&d, s, m));
    desk_name(&d, w->seat, w->line.ward, name);
    term_say(d.t,
             "This line lets %s ask for the piece back: once, within 14 days. It "
             "gives nothing away by itself; you will still be asked.",
             name);
    TRY(making_show(&d, m));
    if (!d.t->json)
        term_say(d.t, "They type: kith restore start LINK");
    return OK;
}

/* ---- the one screen ---- */

static bool waits_for_me(const struct guard_request *r)
{
    unsigned state = r->rep.line[0].state;

    return state == STATE_LIVE || state == STATE_LOCKED;
}

/* Requests that wait for this guardian, to the front; how many. */
static size_t sort_waiting(struct guard *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_requests; i++) {
        if (!waits_for_me(&g->requests[i]))
            continue;
        struct guard_request swap = g->requests[n];
        g->requests[n++] = g->requests[i];
        g->requests[i] = swap;
    }
    return n;
}

static enum err choose_request(struct desk *d, size_t n, size_t *out)
{
    enum { MOST = 16, LINE = 160 };

    char texts[MOST][LINE];
    const char *options[MOST];
    const struct ask a = { .text = "Which one? Number", .flag = "REQ" };
    size_t shown = n < MOST ? n : MOST;

    *out = 0;
    if (n == 1)
        return OK;
    for (size_t i = 0; i < shown; i++) {
        const struct guard_request *r = &d->guard->requests[i];
        const struct request_line *l = &r->rep.line[0];
        char name[NAME_TEXT];
        char when[DURATION_TEXT];
        desk_name(d, r->seat, l->ward, name);
        when_text(ctx_now(d->ctx), l->opened, when);
        (void)snprintf(texts[i], LINE, "%s %s (asked %s)", name,
                       l->kind == REQUEST_CONFIRM ? "wants you as a guardian"
                                                  : "asks for the piece back",
                       when);
        options[i] = texts[i];
    }
    term_title(d->t, "%zu requests wait for you.", n);
    return term_choose(d->t, &a, options, shown, out);
}

/* A yes that can still be taken back. */
static void say_given(struct desk *d, const struct guard_request *r)
{
    const struct request_line *l = &r->rep.line[0];
    char id[9];
    char name[NAME_TEXT];
    char when[DURATION_TEXT];

    if (l->state != STATE_APPROVED || l->kind != REQUEST_RESTORE)
        return;
    id_short(l->request, id);
    desk_name(d, r->seat, l->ward, name);
    when_text(ctx_now(d->ctx), l->opens, when);
    term_say(d->t,
             "You said yes to %s: your piece can be fetched %s. To take it back:", name,
             l->opens > ctx_now(d->ctx) ? when : "now");
    term_say(d->t, "  kith guard refuse %s", id);
}

static void say_quiet(struct desk *d)
{
    term_title(d->t, "Nobody asks you for anything.");
    for (size_t i = 0; i < d->guard->n_wards; i++) {
        const struct guard_ward *w = &d->guard->wards[i];
        char name[NAME_TEXT];
        desk_name(d, w->seat, w->line.ward, name);
        term_say(d->t, "You help %s.", name);
    }
    for (size_t i = 0; i < d->guard->n_requests; i++)
        say_given(d, &d->guard->requests[i]);
    term_say(d->t, "To help somebody else: kith guard invite");
    term_say(d->t, "If somebody you help has lost everything: kith guard link \"NAME\"");
}

static void say_locked(struct desk *d, const struct guard_request *r)
{
    char id[9];
    char name[NAME_TEXT];

    id_short(r->rep.line[0].request, id);
    desk_name(d, r->seat, r->rep.line[0].ward, name);
    term_say(d->t,
             "Wrong words were typed too often for what %s asks. Speak with %s first. "
             "Then:",
             name, name);
    term_say(d->t, "  kith guard unlock %s", id);
}

static enum err screen(struct desk *d)
{
    size_t chosen = 0;
    size_t n = sort_waiting(d->guard);

    if (n == 0) {
        say_quiet(d);
        return OK;
    }
    if (d->keys == NULL && home_lock_of(&d->home, HOME_ROOT) == LOCK_PASSPHRASE)
        term_say(d->t, "Somebody asks you for something. Your passphrase shows who.");
    TRY(desk_unlock(d));
    TRY(desk_read_notes(d));
    TRY(choose_request(d, n, &chosen));
    if (d->guard->requests[chosen].rep.line[0].state == STATE_LOCKED) {
        say_locked(d, &d->guard->requests[chosen]);
        return OK;
    }
    return guard_sit(d, &d->guard->requests[chosen]);
}

/* Without a person at the keyboard the one screen is a list. */
static enum err cmd_guard(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    enum err e = desk_open(ctx, &d);

    if (e == ERR_UNKNOWN && ctx->term->ask && !ctx->term->json) {
        desk_end(&d);
        d = (struct desk){ .home = { .dir = -1, .lock = -1 } };
        term_title(ctx->term, "You are not a guardian yet.");
        return guard_cmd_setup(ctx);
    }
    TRY(e);
    TRY(desk_look(&d, GUARD_OPEN));
    if (ctx->term->ask && !ctx->term->json)
        TRY(screen(&d));
    else
        list_requests(&d);
    desk_say_away(&d);
    return OK;
}

static const struct command rows[] = {
    { .path = "guard",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "One screen for a guardian: who asks, what to do, where to type the words.",
      .run = cmd_guard },
    { .path = "guard setup",
      .args = "",
      .key = MAKES_HOME,
      .help = "Makes you a guardian, with the link of your node or of a host.",
      .options = { { "--link-file", "FILE", "the link; - is standard input" },
                   { "--name", "NAME", "the name you go by" },
                   { "--no-passphrase", NULL,
                     "leave the keys unlocked on this machine" } },
      .run = guard_cmd_setup },
    { .path = "guard invite",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Prints an invite: one line for the person you will help.",
      .options = { { "--lan", NULL, "for use within the home network" } },
      .run = cmd_invite },
    { .path = "guard host",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Prints a link that gives another guardian a place at your node.",
      .run = cmd_host },
    { .path = "guard wards",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Lists the people you help.",
      .run = cmd_wards },
    { .path = "guard requests",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Lists who asks you for something.",
      .options = { { "--all", NULL, "those that are over too, of the last 90 days" } },
      .run = cmd_requests },
    { .path = "guard show",
      .args = "REQ",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Shows one request.",
      .run = cmd_show },
    { .path = "guard approve",
      .args = "REQ",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Lets a piece go, after you typed the words the person read out.",
      .options = { { "--words-file", "FILE", "the four words; - is standard input" },
                   { "--verified", "HOW", "met, video, vouched, question or called" } },
      .run = guard_cmd_approve },
    { .path = "guard refuse",
      .args = "REQ",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Says no to a request.",
      .run = guard_cmd_refuse },
    { .path = "guard unlock",
      .args = "REQ",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Gives new tries to a request that wrong words have locked.",
      .run = guard_cmd_unlock },
    { .path = "guard confirm",
      .args = "REQ|WARD",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Confirms a person you help, by their words; prints two words to say back.",
      .options = { { "--words-file", "FILE", "the four words; - is standard input" },
                   { "--verified", "HOW", "met, video, vouched, question or called" } },
      .run = guard_cmd_confirm },
    { .path = "guard link",
      .args = "WARD",
      .min = 1,
      .max = 1,
      .key = NEEDS_DAY,
      .help = "Prints a link for somebody you help who lost everything.",
      .run = cmd_link },
};

const struct command_table cmd_guard_table = COMMANDS(rows);
