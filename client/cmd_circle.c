/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_circle_part.h"

enum err no_plan(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_STATE, EXIT_NO_CIRCLE, "no-plan",
                        "The plan says how many of your guardians are needed.",
                        "kith circle plan -k 3", "There is no plan for a circle yet.");
}

/* ---- circle show ---- */

static void show_guardian(struct term *t, const struct day *d, size_t i)
{
    const struct day_guardian *g = &d->guardians[i];
    char node[ADDRESS_TEXT];
    char since[TIME_TEXT];
    guardian_node(g, node);
    time_text(g->confirmed, since);
    if (g->kind == PIECE_CARD)
        term_answer(t, "  %.*s, a card, %s%s", TEXT(g->name),
                    g->confirmed != 0 ? "read back " : "not read back yet",
                    g->confirmed != 0 ? since : "");
    else
        term_answer(t, "  %.*s, node %s, %s%s", TEXT(g->name), node,
                    g->confirmed != 0 ? "confirmed " : "not spoken with yet",
                    g->confirmed != 0 ? since : "");
    if (g->reach.n > 0)
        term_answer(t, "      %.*s", TEXT(g->reach));
}

static enum err cmd_show(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    struct term *t = ctx->term;
    char since[TIME_TEXT];
    TRY(owner_day(ctx, &h, &d));
    if (!d->me.planned)
        return no_plan(ctx);
    if (t->json) {
        json_t *doc = plan_json(d);
        (void)json_object_set_new(doc, "circle", json_hex(d->me.circle, ID_BYTES));
        (void)json_object_set_new(doc, "epoch", json_integer((json_int_t)d->me.epoch));
        (void)json_object_set_new(doc, "sealed_at", json_time(d->me.sealed_at));
        (void)json_object_set_new(doc, "fingerprint", json_slice(d->me.fingerprint));
        term_json(t, "circle", doc);
        return OK;
    }
    time_text(d->me.sealed_at, since);
    if (d->me.epoch > 0)
        term_answer(t, "The circle of %.*s, sealed %s", TEXT(owner_name(d)), since);
    else
        term_answer(t, "The plan of %.*s's circle, not sealed yet", TEXT(owner_name(d)));
    term_answer(t, "Fingerprint words: %.*s", TEXT(d->me.fingerprint));
    plan_say(t, d);
    term_answer(t, "Guardians:");
    for (size_t i = 0; i < d->n_guardians; i++)
        show_guardian(t, d, i);
    return OK;
}

static const struct command rows[] = {
    { .path = "circle plan",
      .args = "-k N [--group NAME:N/M …]",
      .key = NEEDS_DAY,
      .help = "Plans who is needed together. Takes all guardians you added; groups are "
              "filled in that order.",
      .options = { { "-k", "N", "how many are needed; with groups: how many groups" },
                   { "--group", "NAME:N/M", "N of the next M guardians, family:2/3" },
                   { "--hold", "TIME", "how long an approved piece waits, usually 72h" },
                   { "--stop-hold", "TIME", "how long after a stop, usually 9d" },
                   { "--about-me", "TEXT", "what your guardians see about you" } },
      .run = cmd_circle_plan },
    { .path = "circle seal",
      .args = "[--resume]",
      .key = NEEDS_ROOT,
      .help = "Gives each guardian a piece. Running it again goes on where it stopped.",
      .options = { { "--resume", NULL, "the same: go on with a seal" },
                   { "--abandon", NULL, "give up a change that is not active yet" } },
      .run = cmd_circle_seal },
    { .path = "circle rotate",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Gives all guardians new pieces; the old ones are worthless once they "
              "confirmed.",
      .run = cmd_circle_rotate },
    { .path = "circle show",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Shows your circle or its plan.",
      .run = cmd_show },
    { .path = "circle sheet",
      .args = "",
      .key = NEEDS_ROOT,
      .help = "Prints the sheet that says whom to ask after a loss, with a link to each. "
              "Each printing is a new one; older ones stay valid.",
      .options = { { "--revoke", NULL,
                     "let the links of all sheets printed so far end" } },
      .run = cmd_circle_sheet },
};

static const struct command swap_rows[] = {
    { .path = "guardian replace",
      .args = "OLD --with NEW [LINK]",
      .min = 1,
      .max = 2,
      .key = NEEDS_ROOT,
      .help = "Puts NEW in the place of OLD, by the invite NEW sent you, or with a card.",
      .options = { { "--with", "NEW", "who takes the place" },
                   { "--reach", "TEXT", "how you reach them: a telephone number" },
                   { "--contact", "TEXT", "how they reach you" },
                   { "--card", NULL, "a card on paper instead of a node" } },
      .run = cmd_guardian_replace },
    { .path = "guardian remove",
      .args = "NAME",
      .min = 1,
      .max = 1,
      .key = NEEDS_ROOT,
      .help = "Makes a circle without NAME; as many are needed as before.",
      .run = cmd_guardian_remove },
    { .path = "guardian address",
      .args = "NAME [ADDR…]",
      .min = 1,
      .max = 1 + ADDRESSES_MAX,
      .key = NEEDS_ROOT,
      .help = "Notes where NAME's node is reached from now on, if it is the same node, "
              "and tells the others; without ADDR tells those who were away.",
      .run = cmd_guardian_address },
};

const struct command_table cmd_swap_table = COMMANDS(swap_rows);

const struct command_table cmd_circle_table = COMMANDS(rows);
