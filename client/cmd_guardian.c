/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guardian_part.h"

enum { LONG_TEXT = TEXT_MAX_BYTES + 1 };

/* ---- guardian add: what was given ---- */

/* What the person gave, checked before anything is sent. */
struct given_add {
    const char *name;
    struct link link; /* type 0: none, an unfinished entry goes on with its own */
    char reach[LONG_TEXT];
    char contact[LONG_TEXT];
};

static enum err link_problem(const struct ctx *ctx, enum err e, const char *name)
{
    struct term *t = ctx->term;
    char next[TERM_TEXT];
    char with[TERM_TEXT];
    guardian_next("add", bytes_text(name), " LINK", next);
    if (strcmp(ctx->command->path, "guardian replace") == 0 && ctx->n_args > 0) {
        (void)snprintf(with, sizeof with, " --with '%.60s' LINK", name);
        guardian_next("replace", bytes_text(ctx->args[0]), with, next);
    }
    if (e == ERR_CHECKSUM)
        return term_fail(t, e, next,
                         "The link is mistyped or incomplete. Nothing was sent.");
    if (e == ERR_VERSION)
        return term_fail(t, e, NULL, "The link is of a later kith.");
    return term_fail_as(t, ERR_FORMAT, EXIT_USAGE, "bad-link",
                        "An invite begins with KITH1: and is made by your guardian with "
                        "\"kith guard invite\".",
                        next, "This is not a link.");
}

static enum err type_problem(const struct ctx *ctx, enum link_type type, const char *name)
{
    static const char *const what[] = {
        [LINK_RESTORE] = "a restore link: it brings back a root key that was lost",
        [LINK_SEAT] = "a seat link: it is for somebody who becomes a guardian",
        [LINK_OPERATOR] = "an operator link: it is for whoever runs that node",
    };
    static const char *const next[] = {
        [LINK_RESTORE] = "kith restore start LINK",
        [LINK_SEAT] = "kith guard setup --link-file FILE",
        [LINK_OPERATOR] = "kith guard setup --link-file FILE",
    };
    char why[TERM_TEXT];
    (void)snprintf(why, sizeof why,
                   "To add a guardian, ask %s for an invite (\"kith guard invite\").",
                   name);
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "wrong-link", why, next[type],
                        "This is %s.", what[type]);
}

static enum err link_read(const struct ctx *ctx, const char *given, struct given_add *out)
{
    AUTO_SECRET uint8_t *text = NULL;
    const size_t cap = 2 * LINK_TEXT;
    size_t n = 0;
    TRY(secret_alloc(cap, (void **)&text));
    TRY(term_value(ctx->term, given, (struct span){ text, cap }, &n));
    enum err e = link_parse(bytes_of(text, n), &out->link);
    if (e != OK)
        return link_problem(ctx, e, out->name);
    return out->link.type == LINK_INVITE ? OK
                                         : type_problem(ctx, out->link.type, out->name);
}

/* The link: given, or pasted by the person who sits there. */
static enum err link_get(const struct ctx *ctx, const char *given, bool unfinished,
                         struct given_add *out)
{
    char typed[2 * LINK_TEXT] = "";
    char note[256];
    const struct ask a = { "The invite", "LINK", note };
    if (given != NULL)
        return link_read(ctx, given, out);
    if (unfinished)
        return OK;
    (void)snprintf(note, sizeof note,
                   "%s makes an invite with \"kith guard invite\" and sends it to you. "
                   "Paste it here; it begins with KITH1:.",
                   out->name);
    TRY(term_ask(ctx->term, &a, typed, sizeof typed));
    enum err e = link_read(ctx, typed, out);
    secret_wipe(typed, sizeof typed);
    return e;
}

/* An option's text, or what a person answers to the offer, or "". */
static enum err text_get(const struct ctx *ctx, const char *option, const char *question,
                         const char *note, char out[LONG_TEXT])
{
    const char *given = ctx_option(ctx, option);
    const struct ask a = { question, option, note };
    out[0] = 0;
    if (given != NULL) {
        TRY(ctx_text(ctx, option, given, TEXT_MAX_BYTES));
        (void)snprintf(out, LONG_TEXT, "%s", given);
        return OK;
    }
    TRY(term_ask_maybe(ctx->term, &a, out, LONG_TEXT));
    return out[0] != 0 ? ctx_text(ctx, option, out, TEXT_MAX_BYTES) : OK;
}

static enum err texts_get(const struct ctx *ctx, struct given_add *out)
{
    char question[NAME_TEXT + 64];
    (void)snprintf(question, sizeof question, "How do you reach %s", out->name);
    TRY(text_get(ctx, "--reach", question,
                 "After a loss this tells you whom to call: a telephone number, an "
                 "address. Your guardians keep it for you, sealed.",
                 out->reach));
    (void)snprintf(question, sizeof question, "How does %s reach you", out->name);
    return text_get(
        ctx, "--contact", question,
        "Your guardian calls you there when somebody asks for your piece. Only "
        "this guardian reads it.",
        out->contact);
}

/* ---- guardian add: which entry ---- */

static enum err already(const struct ctx *ctx, const struct day_guardian *g)
{
    char next[TERM_TEXT] = "kith guardian list";
    if (g->confirmed == 0 && g->kind == PIECE_NODE)
        guardian_next("confirm", g->name, "", next);
    return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "already-added",
                        "Another guardian needs another name.", next,
                        "%.*s is one of your guardians already.", TEXT(g->name));
}

/* The same seat under two names would count one person twice. */
static enum err check_seat(const struct ctx *ctx, const struct day *d,
                           const struct link *link, const struct day_guardian *own)
{
    uint8_t seat[SEAT_BYTES];
    uint8_t me[FP_BYTES];
    ident_seat_id(link->node_key, link->fp, seat);
    ident_fingerprint(d->me.guard_sign, d->me.guard_seal, me);
    if (bytes_equal(BYTES_OF(me), BYTES_OF(link->fp)))
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "own-invite",
                            "The keys that open your piece would be lost together with "
                            "your root key.",
                            NULL,
                            "Nobody can be their own guardian: this invite is yours.");
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (g == own || !bytes_equal(BYTES_OF(g->seat), BYTES_OF(seat)))
            continue;
        return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "same-guardian",
                            "One person counts once: a second piece there would weaken "
                            "your circle.",
                            "kith guardian list",
                            "This invite is from %.*s, who is one of your guardians "
                            "already.",
                            TEXT(g->name));
    }
    return OK;
}

/* The entry to go on with, or NULL for a new one. */
static enum err entry_find(const struct ctx *ctx, struct day *d, const char *name,
                           struct day_guardian **out)
{
    *out = guardian_find(d, bytes_text(name));
    if (*out != NULL && (*out)->progress == GUARDIAN_READY)
        return already(ctx, *out);
    return OK;
}

static enum err entry_take(const struct ctx *ctx, struct day *d, struct given_add *in,
                           struct day_guardian **io_g)
{
    struct day_guardian *g = *io_g;
    if (in->link.type != 0)
        TRY(check_seat(ctx, d, &in->link, g));
    if (g == NULL) {
        if (guardian_new(d, bytes_text(in->name), &in->link, ctx->params->rng, &g) != OK)
            return term_fail(ctx->term, ERR_FULL, NULL,
                             "More than %d guardians are not possible.", DAY_GUARDIANS);
    } else if (g->progress == GUARDIAN_NEW && in->link.type != 0) {
        TRY(guardian_invite(d, g, &in->link));
    }
    if (in->reach[0] != 0)
        g->reach = day_keep(d, bytes_text(in->reach));
    if (in->contact[0] != 0)
        g->contact = day_keep(d, bytes_text(in->contact));
    *io_g = g;
    return OK;
}

/* ---- guardian add: the rounds ---- */

static enum err not_let_in(const struct ctx *ctx, const struct guardian_talk *talk,
                           const struct day_guardian *g)
{
    char why[TERM_TEXT];
    (void)snprintf(why, sizeof why,
                   "An invite works once and for 14 days. Ask %.*s for a new one.",
                   TEXT(g->name));
    return term_fail_as(ctx->term, talk->err, EXIT_FAILED, "link-used", why,
                        "kith guardian add NAME LINK",
                        "The invite was used before, has expired, or was taken back.");
}

static enum err swapped(const struct ctx *ctx, const struct guardian_talk *talk,
                        const struct day_guardian *g)
{
    char why[TERM_TEXT];
    (void)snprintf(why, sizeof why,
                   "Somebody may have changed it on its way. Call %.*s and ask for a new "
                   "invite over another way.",
                   TEXT(g->name));
    return term_fail_as(ctx->term, talk->err, EXIT_INTEGRITY, "invite-swapped", why, NULL,
                        "The keys at that node are not those of the invite. Nothing was "
                        "stored there.");
}

static enum err talk_problem(const struct ctx *ctx, const struct guardian_talk *talk,
                             const struct day_guardian *g, const char *next)
{
    struct term *t = ctx->term;
    if (talk->err == ERR_KEY || talk->err == ERR_SIGNATURE)
        return swapped(ctx, talk, g);
    if (talk->err == ERR_REFUSED && talk->stage <= CALL_MET)
        return term_fail_as(t, talk->err, EXIT_FAILED, "wrong-node",
                            "Something else answers at the address of the invite, or the "
                            "node was set up anew.",
                            NULL, "%s", talk->why);
    if ((talk->err == ERR_REFUSED && talk->stage == CALL_KNOWN) ||
        talk->err == ERR_USED || talk->err == ERR_EXPIRED)
        return not_let_in(ctx, talk, g);
    return term_fail(t, talk->err, next, "%s", talk->why);
}

/* Takes back what certainly came to nothing, so that the name is free again. */
static enum err entry_failed(const struct ctx *ctx, struct home *h, struct day *d,
                             struct day_guardian *g, bool fresh,
                             const struct guardian_talk *talk)
{
    char next[TERM_TEXT];
    guardian_next("add", g->name, " LINK", next);
    enum err e = talk_problem(ctx, talk, g, next);
    bool sure = !talk->unsure && (fresh || talk->stage >= CALL_KNOWN);
    if (sure && g->progress == GUARDIAN_NEW)
        guardian_forget(d, g);
    if (home_day_save(h, d, ctx->params->rng) != OK)
        return e; /* the entry of before stays, and is gone on with */
    return e;
}

static enum err add_rounds(const struct ctx *ctx, struct home *h, struct day *d,
                           struct day_guardian *g, const struct root_key *root,
                           bool fresh)
{
    struct guardian_talk talk = { 0 };
    if (g->progress == GUARDIAN_NEW) {
        term_progress(ctx->term, "Calling %.*s's node …", TEXT(g->name));
        TRY(ctx_day_save(ctx, h, d));
        enum err e = guardian_enrol(d, g, root, ctx->params, &talk);
        if (e != OK)
            return talk.err == OK ? e : entry_failed(ctx, h, d, g, fresh, &talk);
    }
    TRY(ctx_day_save(ctx, h, d));
    term_progress(ctx->term, "Calling %.*s's node …", TEXT(g->name));
    enum err e = guardian_device(g, root, ctx->params, &talk);
    if (e != OK)
        return talk.err == OK ? e : entry_failed(ctx, h, d, g, false, &talk);
    return ctx_day_save(ctx, h, d);
}

/* In a circle that is sealed: a place is made by a new plan, and the call comes then. */
static void add_later(struct term *t, const struct day *d, const struct day_guardian *g)
{
    char next[TERM_TEXT];
    replan_next(d, next);
    term_say(t,
             "Your circle is sealed: %.*s gets a piece with the next change, and so does "
             "everybody else. When all who are new are added:",
             TEXT(g->name));
    term_say(t, "  %s", next);
}

static void add_answer(struct term *t, const struct day *d, const struct day_guardian *g)
{
    char node[ADDRESS_TEXT];
    guardian_node(g, node);
    if (t->json) {
        term_json(t, "guardian",
                  json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:b}", "name",
                            json_slice(g->name), "node", node, "seat",
                            json_hex(g->seat, SEAT_BYTES), "reach", json_slice(g->reach),
                            "added_at", json_time(g->added), "confirmed_at",
                            json_time(g->confirmed), "unlocked", (int)g->unlocked));
        return;
    }
    term_say(
        t,
        d->me.epoch > 0
            ? "%.*s is one of your guardians now. Nothing is stored there yet."
            : "%.*s is one of your guardians now. Nothing is stored there yet: first "
              "the two of you speak, so that no stranger stands between.",
        TEXT(g->name));
    if (g->unlocked != 0)
        term_warn(
            t,
            "%.*s's keys are not locked by a passphrase: whoever copies the files of "
            "that home holds your piece there. Ask %.*s to run: kith root lock",
            TEXT(g->name), TEXT(g->name));
    if (d->me.epoch > 0) {
        add_later(t, d, g);
        return;
    }
    if (g->reach.n > 0)
        term_say(t, "Call %.*s (%.*s) and run, while you speak:", TEXT(g->name),
                 TEXT(g->reach));
    else
        term_say(t, "Call %.*s and run, while you speak:", TEXT(g->name));
    char next[TERM_TEXT];
    guardian_next("confirm", g->name, "", next);
    term_say(t, "  %s", next);
}

static enum err check_me(const struct ctx *ctx, struct day *d)
{
    if (d->me.name.n == 0)
        return term_fail(
            ctx->term, ERR_UNKNOWN, "kith init --name NAME",
            "Your guardians need a name to know you by; this home has none.");
    if (bytes_equal(BYTES_OF(d->me.circle), bytes_of((uint8_t[ID_BYTES]){ 0 }, ID_BYTES)))
        rng_fill(ctx->params->rng, d->me.circle, ID_BYTES);
    return OK;
}

static bool was_guardian(const struct day *d, const struct day_guardian *g)
{
    for (size_t i = 0; i < d->n_formers; i++)
        if (bytes_equal(BYTES_OF(d->formers[i].seat), BYTES_OF(g->seat)))
            return true;
    return false;
}

/*
 * After a restore the old circle still guards the root under the old account, and so does
 * what is left with somebody who was a guardian before: a ward of its own takes the new
 * one. Which generation it is stands in the list of guardians.
 */
static void new_account(const struct ctx *ctx, struct home *h, const struct day *d,
                        struct day_guardian *g)
{
    uint8_t drawn[4];
    if (!home_has(h, HOME_RESTORE) && !was_guardian(d, g))
        return;
    rng_fill(ctx->params->rng, drawn, sizeof drawn);
    g->generation = load_u32(drawn) | 1;
}

/* The entry is there and READY afterwards; the link in *in is given or asked for. */
static enum err enter(const struct ctx *ctx, struct home *h, struct day *d,
                      const struct unlocked *u, struct given_add *in,
                      struct day_guardian **out)
{
    struct day_guardian *g = NULL;
    TRY(entry_find(ctx, d, in->name, &g));
    bool fresh = g == NULL;
    TRY(entry_take(ctx, d, in, &g));
    if (fresh)
        new_account(ctx, h, d, g);
    TRY(add_rounds(ctx, h, d, g, &u->root, fresh));
    *out = g;
    return OK;
}

static enum err add_run(struct ctx *ctx, struct given_add *in)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    struct day_guardian *g = NULL;
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_day(ctx, &h, &d));
    TRY(entry_find(ctx, d, in->name, &g));
    TRY(link_get(ctx, ctx->n_args == 2 ? ctx->args[1] : NULL, g != NULL, in));
    if (in->link.type != 0)
        TRY(check_seat(ctx, d, &in->link, g));
    if (!home_has(&h, HOME_ROOT))
        return ctx_no_root(ctx);
    TRY(check_me(ctx, d));
    TRY(texts_get(ctx, in));
    TRY(ctx_unlock(ctx, &h, &u));
    TRY(enter(ctx, &h, d, u, in, &g));
    add_answer(ctx->term, d, g);
    return OK;
}

/* ---- guardian add --card ---- */

static enum err card_problem(const struct ctx *ctx, bool link)
{
    if (link)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "card-or-link",
                            "Whoever has a node sends you an invite; whoever has none "
                            "keeps a card.",
                            NULL, "An invite and --card do not go together.");
    if (ctx_option(ctx, "--contact") != NULL)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "card-contact",
                            "A card tells nobody; what its keeper should know is written "
                            "on it by hand.",
                            NULL, "--contact and --card do not go together.");
    return OK;
}

static void card_answer(struct term *t, const struct day *d, const struct day_guardian *g)
{
    if (t->json) {
        term_json(t, "guardian",
                  json_pack("{s:o, s:n, s:n, s:s, s:o, s:o, s:n}", "name",
                            json_slice(g->name), "node", "seat", "kind", "card", "reach",
                            json_slice(g->reach), "added_at", json_time(g->added),
                            "confirmed_at"));
        return;
    }
    term_say(t,
             "%.*s is to keep a piece on a card. It counts once it was printed and read "
             "back, after your circle is sealed.",
             TEXT(g->name));
    term_say(t, d->me.planned ? "  kith circle plan" : "  kith guardian list");
}

static enum err card_enter(const struct ctx *ctx, struct home *h, struct day *d,
                           struct given_add *in, struct day_guardian **out)
{
    char question[NAME_TEXT + 64];
    if (guardian_find(d, bytes_text(in->name)) != NULL)
        return already(ctx, guardian_find(d, bytes_text(in->name)));
    TRY(check_me(ctx, d));
    (void)snprintf(question, sizeof question, "How do you reach %s", in->name);
    TRY(text_get(ctx, "--reach", question,
                 "After a loss this tells you whom to call: a telephone number, an "
                 "address. Your guardians keep it for you, sealed.",
                 in->reach));
    if (guardian_new_card(d, bytes_text(in->name), bytes_text(in->reach), ctx->params,
                          out) != OK)
        return term_fail(ctx->term, ERR_FULL, NULL,
                         "More than %d guardians are not possible.", DAY_GUARDIANS);
    return ctx_day_save(ctx, h, d);
}

static enum err add_card(struct ctx *ctx, struct given_add *in)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    struct day_guardian *g = NULL;
    TRY(card_problem(ctx, ctx->n_args > 1));
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_day(ctx, &h, &d));
    if (!home_has(&h, HOME_ROOT))
        return ctx_no_root(ctx);
    TRY(card_enter(ctx, &h, d, in, &g));
    MUST(g != NULL);
    card_answer(ctx->term, d, g);
    return OK;
}

static enum err enter_given(const struct ctx *ctx, struct home *h, struct day *d,
                            const struct unlocked *u, const char *link,
                            struct given_add *in, struct day_guardian **out)
{
    struct day_guardian *g = guardian_find(d, bytes_text(in->name));
    TRY(ctx_text(ctx, "The name", in->name, NAME_MAX_BYTES));
    if (ctx_option(ctx, "--card") != NULL) {
        TRY(card_problem(ctx, link != NULL));
        return card_enter(ctx, h, d, in, out);
    }
    TRY(link_get(ctx, link, g != NULL, in));
    if (in->link.type != 0)
        TRY(check_seat(ctx, d, &in->link, g));
    TRY(texts_get(ctx, in));
    return enter(ctx, h, d, u, in, out);
}

enum err guardian_enter(const struct ctx *ctx, struct home *h, struct day *d,
                        const struct unlocked *u, const char *name, const char *link,
                        struct day_guardian **out)
{
    struct given_add in = { .name = name };
    enum err e = enter_given(ctx, h, d, u, link, &in, out);
    secret_wipe(&in, sizeof in);
    return e;
}

static enum err cmd_guardian_add(struct ctx *ctx)
{
    struct given_add in = { .name = ctx->args[0] };
    TRY(ctx_text(ctx, "The name", in.name, NAME_MAX_BYTES));
    if (ctx_option(ctx, "--card") != NULL)
        return add_card(ctx, &in);
    enum err e = add_run(ctx, &in);
    secret_wipe(&in, sizeof in);
    return e;
}

/* ---- guardian list ---- */

static const char *progress_name(const struct day_guardian *g)
{
    return g->progress == GUARDIAN_READY ? "added" : "unfinished";
}

static json_t *guardian_json(const struct day_guardian *g)
{
    char node[ADDRESS_TEXT];
    bool card = g->kind == PIECE_CARD;
    guardian_node(g, node);
    return json_pack("{s:o, s:s?, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "name",
                     json_slice(g->name), "node", card ? NULL : node, "seat",
                     card ? json_null() : json_hex(g->seat, SEAT_BYTES), "kind",
                     card ? "card" : "node", "progress", progress_name(g), "reach",
                     json_slice(g->reach), "added_at", json_time(g->added),
                     "confirmed_at", json_time(g->confirmed), "stored_at",
                     json_time(g->stored), "epoch",
                     g->epoch != 0 ? json_integer(g->epoch) : json_null(), "unlocked",
                     (int)g->unlocked);
}

static const char *card_stand(const struct day *d, const struct day_guardian *g)
{
    if (g->epoch != 0 && circle_card_state(d, g) == HOLDS_OK)
        return "read back";
    return g->epoch == 0 ? "not read back yet" : "the new one not read back yet";
}

static void guardian_state(const struct day *d, const struct day_guardian *g, char *out,
                           size_t cap)
{
    const char *spoken = "confirmed";
    if (g->confirmed == 0)
        spoken = "not spoken with yet";
    else if (g->epoch == d->me.epoch && g->epoch != 0 && !circle_confirmed(d, g))
        spoken = "the new circle not confirmed yet";
    if (g->kind == PIECE_CARD)
        (void)snprintf(out, cap, "a card, %s", card_stand(d, g));
    else if (g->ended != 0 || g->left != 0)
        (void)snprintf(out, cap, "%s",
                       g->ended != 0 ? "erased what was kept of you, by your order"
                                     : "gave up guarding you; the piece is erased");
    else if (g->progress != GUARDIAN_READY && g->epoch != 0)
        (void)snprintf(out, cap,
                       "holds a piece; the node has not answered this home yet: kith "
                       "circle seal --resume");
    else if (g->progress != GUARDIAN_READY)
        (void)snprintf(out, cap, "unfinished: run \"kith guardian add\" again");
    else
        (void)snprintf(out, cap, "%s, holds %s piece%s%s", spoken,
                       g->epoch == 0 ? "no" : "a", g->epoch == 0 ? " yet" : "",
                       g->unlocked != 0 ? ", keys not locked" : "");
}

/* Columns a name takes: characters, not bytes. */
static int columns(struct bytes text)
{
    int n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += (text.p[i] & 0xc0) != 0x80;
    return n;
}

static void list_text(struct term *t, const struct day *d)
{
    int widest = 4;
    for (size_t i = 0; i < d->n_guardians; i++)
        if (columns(d->guardians[i].name) > widest)
            widest = columns(d->guardians[i].name);
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        char state[128];
        int pad = widest - columns(g->name);
        guardian_state(d, g, state, sizeof state);
        term_answer(t, "%.*s%*s  %s%s%.*s", TEXT(g->name), pad, "", state,
                    g->reach.n > 0 ? "; reach: " : "", TEXT(g->reach));
    }
    if (d->n_guardians == 0)
        term_say(t,
                 "You have no guardians yet. Ask somebody you trust for an invite, then: "
                 "kith guardian add NAME LINK");
}

static enum err cmd_guardian_list(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_day(ctx, &h, &d));
    if (!ctx->term->json) {
        list_text(ctx->term, d);
        return OK;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < d->n_guardians; i++)
        (void)json_array_append_new(list, guardian_json(&d->guardians[i]));
    term_json(ctx->term, "guardians", json_pack("{s:o}", "guardians", list));
    return OK;
}

static const struct command rows[] = {
    { .path = "guardian add",
      .args = "NAME LINK | NAME --card",
      .min = 1,
      .max = 2,
      .key = NEEDS_ROOT,
      .help = "Makes NAME one of your guardians: by the invite they sent you, or with a "
              "card on paper.",
      .options = { { "--reach", "TEXT", "how you reach them: a telephone number" },
                   { "--contact", "TEXT", "how they reach you" },
                   { "--card", NULL, "a card on paper instead of a node" } },
      .run = cmd_guardian_add },
    { .path = "guardian confirm",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Shows the four words you say to NAME, and takes the two they say back.",
      .options = { { "--answer-file", "FILE", "the two words they said back; - too" } },
      .run = cmd_guardian_confirm },
    { .path = "guardian list",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Lists your guardians.",
      .run = cmd_guardian_list },
};

const struct command_table cmd_guardian_table = COMMANDS(rows);
