/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"

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
        bool fits = address_is_private(&a) == (want == REACH_LAN);
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
    struct guard_spoken spoken; /* with --spoken, else zero */
};

enum { MADE_TEXT = LINK_TEXT + ADDRESS_TEXT };

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
        memcpy(out->link.fp, s->fp, FP_BYTES);
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

/* The credential's spoken form; its node answers to it until it is used. */
static enum err making_speak(struct desk *d, struct making *m)
{
    term_progress(d->t, "Working out a code …");
    TRY(guard_speak(d->ctx->params, &m->link, &m->spoken));
    memcpy(m->req.spoken_id, m->spoken.id, ID_BYTES);
    memcpy(m->req.spoken_gate, m->spoken.gate, KEY_BYTES);
    m->req.spoken_answer = BYTES_OF(m->spoken.answer);
    return OK;
}

/* "KITH1:…", or "ben.example:7844 K7QX-2MVD-9HNT-4PRW-C6". */
static enum err making_text(const struct making *m, char text[MADE_TEXT])
{
    if (m->req.spoken_answer.n == 0)
        return link_format(&m->link, text, MADE_TEXT);
    address_format(&m->link.address, text, ADDRESS_TEXT);
    size_t n = strlen(text);

    text[n] = ' ';
    return spoken_format(&m->spoken.code, text + n + 1, MADE_TEXT - n - 1);
}

static enum err making_show(struct desk *d, const struct making *m)
{
    static const char *const names[] = {
        [LINK_INVITE] = "invite", [LINK_RESTORE] = "restore", [LINK_SEAT] = "seat"
    };
    AUTO_SECRET char *text = NULL;

    TRY(secret_alloc(MADE_TEXT, (void **)&text));
    TRY(making_text(m, text));
    if (d->t->json)
        term_json(d->t, "link",
                  json_pack("{s:s,s:s,s:o,s:o}", "link", text, "type",
                            names[m->link.type], "expires_at", json_time(m->req.expires),
                            "ward", json_hex(m->req.ward, ID_BYTES)));
    else
        term_answer(d->t, "%s", text);
    if (m->req.spoken_answer.n > 0 && !d->t->json)
        guard_say_code(d->t, strchr(text, ' ') + 1);
    return OK;
}

/* The seat that new wards and hosts come to: one's own node first. */
static enum err main_seat(struct desk *d, struct day_seat **out)
{
    struct day_seat *first = NULL;

    for (size_t i = 0; i < d->day->n_seats; i++) {
        struct day_seat *s = &d->day->seats[i];
        if (s->progress != GUARDIAN_READY || guard_seat_is_old(d->day, s))
            continue;
        if (first == NULL || (s->operator_bit && !first->operator_bit))
            first = s;
    }
    if (first == NULL)
        return term_fail_as(d->t, ERR_STATE, EXIT_FAILED, "reset-unfinished",
                            "Your node does not know your new keys yet.",
                            "kith guard reset", "You have no place at a node now.");
    *out = first;
    return OK;
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

enum err guard_cmd_invite(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    AUTO_SECRET struct making *m = NULL;
    bool lan = ctx_option(ctx, "--lan") != NULL;

    TRY(desk_open(ctx, &d));
    TRY(secret_new(&m));
    struct day_seat *s = NULL;
    TRY(main_seat(&d, &s));
    MUST(s != NULL);
    TRY(making_begin(&d, s, LINK_INVITE, lan ? REACH_LAN : REACH_WORLD, m));
    TRY(sign_invite(&d, s, m));
    TRY(keep_invite(&d, s, m));
    TRY(making_send(&d, s, m));
    term_say(d.t, "Give this line to the one person whose guardian you will be. It works "
                  "once, for 14 days.");
    TRY(making_show(&d, m));
    if (!d.t->json)
        term_say(d.t, "They type: kith guardian add YOUR-NAME LINK, with your name and "
                      "this line. Then the two of you speak, and you type their four "
                      "words: kith guard");
    return OK;
}

enum err guard_cmd_host(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    AUTO_SECRET struct making *m = NULL;

    TRY(desk_open(ctx, &d));
    TRY(ctx_text(ctx, "The name", ctx->args[0], NAME_MAX_BYTES));
    TRY(secret_new(&m));
    struct day_seat *s = NULL;
    TRY(main_seat(&d, &s));
    MUST(s != NULL);
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

/* Who helps one person only need not say whom. */
static enum err link_ward(struct desk *d, const struct guard_ward **out)
{
    if (d->ctx->n_args > 0)
        return desk_ward(d, d->ctx->args[0], NAME_OF_HELPED, out);
    if (d->guard->n_wards == 1) {
        *out = &d->guard->wards[0];
        return OK;
    }
    return term_fail_as(d->t, ERR_ARG, EXIT_USAGE, "no-ward",
                        d->guard->n_wards == 0
                            ? "Nobody is enrolled with you yet."
                            : "You help several people; kith guard wards lists them.",
                        "kith guard link NAME", "Whom is the link for?");
}

enum err guard_cmd_link(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    AUTO_SECRET struct making *m = NULL;
    const struct guard_ward *w = NULL;
    bool spoken = ctx_option(ctx, "--spoken") != NULL;
    char name[NAME_TEXT];

    TRY(desk_open(ctx, &d));
    TRY(secret_new(&m));
    TRY(desk_look(&d, GUARD_OPEN));
    TRY(link_ward(&d, &w));
    MUST(w != NULL);
    if (ctx_option(ctx, "--end") != NULL)
        return guard_ways_end(&d, w);
    struct day_seat *s = &d.day->seats[w->seat];
    TRY(desk_can_help(&d, w));
    TRY(making_begin(&d, s, LINK_RESTORE, REACH_WORLD, m));
    memcpy(m->req.ward, w->line.ward, ID_BYTES);
    if (spoken)
        TRY(making_speak(&d, m));
    TRY(making_send(&d, s, m));
    desk_name(&d, w->seat, w->line.ward, name);
    if (w->line.epoch == 0)
        term_warn(d.t, "%s has given you no piece yet: there is nothing to ask back for.",
                  name);
    term_say(d.t,
             "This line lets %s ask for the piece back: once, within 14 days. It "
             "gives nothing away by itself; you will still be asked.",
             name);
    TRY(making_show(&d, m));
    if (!d.t->json)
        term_say(d.t, spoken ? "They type: kith restore start, then the address and the "
                               "code."
                             : "They type: kith restore start LINK");
    return OK;
}
