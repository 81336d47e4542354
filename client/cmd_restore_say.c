/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "client/cmd_restore_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

/* ---- what a person reads ---- */

static struct bytes line_called(const struct restore_line *l)
{
    return l->name.n > 0 ? l->name : l->node;
}

static const char *line_state(const struct restore_line *l)
{
    if (l->state != 0)
        return request_state_name(l->state);
    return l->contact == CONTACT_AWAY ? "unreachable" : "unopened";
}

static void say_words(struct term *t, const struct restore_line *l, uint64_t now)
{
    char when[DURATION_TEXT];

    if (l->reach.n > 0)
        term_say(t, "%.*s — reach them: %.*s", TEXT(line_called(l)), TEXT(l->reach));
    else
        term_say(t, "%.*s", TEXT(line_called(l)));
    if (l->name.n == 0)
        term_say(t, "  Call whoever gave you this link, or whom your sheet names beside "
                    "this node. When they ask, say these four words:");
    else
        term_say(t, "  Call, and when they ask, say these four words:");
    term_say(t, "    %.*s", TEXT(l->words));
    if (l->contact == CONTACT_AWAY)
        term_say(t, "  Their node did not answer last time. Ask whether it is switched "
                    "on.");
    if (l->opens > now) {
        when_text(now, l->opens, when);
        term_say(t, "  Their piece can come %s at the earliest.", when);
    }
    restore_say_flags(t, l);
}

static void say_approved(struct term *t, const struct restore_line *l, uint64_t now)
{
    char when[DURATION_TEXT];

    when_text(now, l->opens, when);
    term_say(t, "%.*s said yes. Their node lets the piece go %s.", TEXT(line_called(l)),
             l->opens > now ? when : "at the next run of: kith restore");
    restore_say_flags(t, l);
}

static void say_verdict(struct term *t, const struct restore_line *l)
{
    switch ((enum verdict)l->verdict) {
    case VERDICT_GOOD:
        term_say(t, "%.*s: a good piece.", TEXT(line_called(l)));
        return;
    case VERDICT_BAD_PIECE:
        term_warn(t, "%.*s sent a piece that is not the one you gave. It was left out.",
                  TEXT(line_called(l)));
        return;
    case VERDICT_BAD_SIGNATURE:
        term_warn(t,
                  "%.*s sent an answer that is not signed as it should be. It was "
                  "left out.",
                  TEXT(line_called(l)));
        return;
    case VERDICT_STALE_EPOCH:
        term_say(t, "%.*s sent a piece of an earlier circle.", TEXT(line_called(l)));
        return;
    case VERDICT_DUPLICATE:
        term_warn(t, "%.*s sent the same piece as another guardian.",
                  TEXT(line_called(l)));
        return;
    case VERDICT_NONE:
    case VERDICT_REFUSED:
    case VERDICT_SILENT:
        term_say(t, "%.*s: their piece has come.", TEXT(line_called(l)));
        return;
    }
}

/* Silence is all there is: the node tells nobody which of these it was. */
static void say_unanswered(struct term *t, const struct restore_line *l)
{
    term_say(
        t,
        "What answers at %.*s says nothing to this code. It was misheard, or used, or "
        "its 14 days are over, or the address is another one: compare both with "
        "your guardian, or ask them for a new code. Nothing was lost by trying.",
        TEXT(line_called(l)));
}

/* What a node says about a request it let in, and did not take. */
static const struct refusal {
    enum err err;
    const char *text;
} refusals[] = {
    { ERR_STATE, "keeps no piece of yours: the circle was not sealed there." },
    { ERR_BUSY,
      "has a request by this link already, or earlier ones came to nothing: a "
      "sheet then waits, each time longer. A link that the guardian makes for you "
      "is let in at once: kith guard link --spoken." },
    { ERR_FULL,
      "has as many requests as it takes. The guardian can refuse those that are "
      "not yours, or make you a link: kith guard link --spoken." },
    { ERR_VERSION,
      "speaks another version of Kith than this program. Update kith here, or ask the "
      "guardian to have the node updated, whichever is older; then run kith restore." },
};

static bool say_refusal(struct term *t, const struct restore_line *l)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (l->refusal == 0 || err_wire(refusals[i].err) != l->refusal)
            continue;
        term_say(t, "The node of %.*s %s", TEXT(line_called(l)), refusals[i].text);
        return true;
    }
    return false;
}

static void say_unopened(struct term *t, const struct restore_line *l)
{
    if (l->contact == CONTACT_REFUSED && say_refusal(t, l))
        return;
    if (l->spoken != 0 && l->contact != CONTACT_AWAY)
        say_unanswered(t, l);
    else if (l->contact == CONTACT_AWAY)
        term_say(t,
                 "%.*s does not answer. Ask whether their box is switched on; each "
                 "run of kith restore tries again.",
                 TEXT(line_called(l)));
    else
        term_say(t,
                 "%.*s did not let the request in: the link was used, has expired, "
                 "or is for another node. Ask them for a new one.",
                 TEXT(line_called(l)));
}

static void say_line(struct term *t, const struct restore_line *l, uint64_t now)
{
    switch (l->state) {
    case STATE_LIVE:
    case STATE_LOCKED:
    case STATE_CONTESTED:
        say_words(t, l, now);
        if (l->state == STATE_LOCKED)
            term_say(t, "  Too many wrong words were typed there; they must unlock the "
                        "request first.");
        return;
    case STATE_APPROVED:
        say_approved(t, l, now);
        return;
    case STATE_RELEASED:
        say_verdict(t, l);
        return;
    case STATE_REFUSED:
        term_say(t, "%.*s said no. Speak with them.", TEXT(line_called(l)));
        return;
    case STATE_EXPIRED:
        term_say(t, "%.*s: the request has run out. Ask them for a new link.",
                 TEXT(line_called(l)));
        return;
    default:
        say_unopened(t, l);
    }
}

/* Links that lead nowhere and requests that are over: no round brings an answer. */
static bool waits_in_vain(const struct restore_open *o)
{
    bool vain = o->n_lines > 0 && o->have == 0 && o->n_cards == 0;

    for (uint32_t i = 0; i < o->n_lines; i++) {
        const struct restore_line *l = &o->lines[i];
        bool nowhere = l->state == 0 && l->contact == CONTACT_REFUSED && l->refusal == 0;

        vain =
            vain && (nowhere || l->state == STATE_EXPIRED || l->state == STATE_REFUSED);
    }
    return vain;
}

static void say_summary(struct term *t, const struct restore_open *o)
{
    switch ((enum restore_state)o->state) {
    case RESTORE_DONE:
        term_say(t, "Your root key is back on this machine.");
        return;
    case RESTORE_UNCONFIRMED:
        term_say(t, "The key is rebuilt, but not yet accepted: it could be somebody "
                    "else's. Take the four words that name your key from your circle "
                    "sheet or a card, or have a guardian read them to you whom you call "
                    "yourself.");
        return;
    case RESTORE_IMPOSSIBLE:
        term_say(t, "With the guardians known here it cannot work any more: too many "
                    "said no. Speak with them, and begin again with new links.");
        return;
    case RESTORE_BROKEN:
        term_say(t,
                 "Enough pieces are here, but they give no key. Ask further guardians; "
                 "nothing is lost.");
        return;
    case RESTORE_TWO_WORLDS:
        term_say(t, "The pieces give two different keys: somebody is deceiving you. Take "
                    "the four words of your key from your circle sheet; they decide.");
        return;
    case RESTORE_WAITING:
        break;
    }
    if (o->locked)
        term_say(t, "The cards are enough, but they are locked: what opens them is at "
                    "your guardians' nodes, where one yes and the wait give it, and on "
                    "your circle sheet: kith restore start --sheet FILE");
    else if (waits_in_vain(o)) {
        term_say(t,
                 "Nobody who was asked can answer any more. A guardian makes a new link "
                 "with kith guard link. Then go on with:");
        term_say(t, "  kith restore start NEWLINK");
    } else if (o->need > 0)
        term_say(t, "%u of %u pieces are here. Go on at any time with: kith restore",
                 o->have, o->need);
    else
        term_say(t, "Go on at any time with: kith restore");
}

/* ---- cards ---- */

static void card_called(const struct restore_card_line *l, char out[NAME_MAX_BYTES + 32])
{
    if (l->name.n > 0)
        (void)snprintf(out, NAME_MAX_BYTES + 32, "%.*s's card", TEXT(l->name));
    else
        (void)snprintf(out, NAME_MAX_BYTES + 32, "The card with number %u",
                       l->index + 1U);
}

static void say_unread(struct term *t, const struct restore_card_line *l)
{
    term_say(t, "%.*s keeps a card of yours%s%.*s.", TEXT(l->name),
             l->reach.n > 0 ? " — reach them: " : "", TEXT(l->reach));
    term_say(t,
             "  Have it in your hands; nobody should read its words to you. Then: kith "
             "restore card");
}

static void say_card(struct term *t, const struct restore_card_line *l)
{
    char who[NAME_MAX_BYTES + 32];

    card_called(l, who);
    switch ((enum verdict)l->verdict) {
    case VERDICT_GOOD:
        term_say(t, "%s: a good piece.", who);
        return;
    case VERDICT_STALE_EPOCH:
        term_say(t, "%s is of an earlier circle, or somebody else's. It is kept.", who);
        return;
    case VERDICT_BAD_PIECE:
        term_warn(t, "%s does not fit the other pieces. It was left out.", who);
        return;
    case VERDICT_NONE:
    case VERDICT_REFUSED:
    case VERDICT_SILENT:
    case VERDICT_BAD_SIGNATURE:
    case VERDICT_DUPLICATE:
        term_say(t, "%s was read; what it belongs to is not known yet.", who);
        return;
    }
}

static void say_cards(struct term *t, const struct restore_open *o, bool done)
{
    for (uint32_t i = 0; i < o->n_cards; i++) {
        if (o->cards[i].read != 0)
            say_card(t, &o->cards[i]);
        else if (!done)
            say_unread(t, &o->cards[i]);
    }
}

static json_t *card_json(const struct restore_card_line *l)
{
    return json_pack(
        "{s:o, s:n, s:n, s:s, s:n, s:n, s:s?, s:s, s:o}", "name", json_slice(l->name),
        "node", "request", "state", l->read != 0 ? "released" : "unopened", "words",
        "opens_at", "verdict",
        l->read != 0 ? verdict_name((enum verdict)l->verdict) : NULL, "kind", "card",
        "epoch", l->epoch > 0 ? json_integer(l->epoch) : json_null());
}

/* ---- as a document ---- */

static json_t *line_json(const struct restore_line *l)
{
    const char *verdict = verdict_name((enum verdict)l->verdict);

    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:s?, s:s}", "name",
                     json_slice(l->name), "node", json_slice(l->node), "request",
                     json_hex(l->request, ID_BYTES), "state", line_state(l), "words",
                     json_slice(l->words), "opens_at", json_time(l->opens), "verdict",
                     verdict, "kind", "node");
}

static const char *state_json(const struct restore_open *o)
{
    switch ((enum restore_state)o->state) {
    case RESTORE_DONE:
        return "done";
    case RESTORE_UNCONFIRMED:
        return "unconfirmed";
    case RESTORE_WAITING:
        return "waiting";
    case RESTORE_IMPOSSIBLE:
    case RESTORE_BROKEN:
    case RESTORE_TWO_WORLDS:
        break;
    }
    return "impossible";
}

static void open_json(struct term *t, const struct restore_open *o)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < o->n_lines; i++)
        (void)json_array_append_new(list, line_json(&o->lines[i])); /* out of memory
                                                                      shows as null */
    for (uint32_t i = 0; i < o->n_cards; i++)
        (void)json_array_append_new(list, card_json(&o->cards[i]));
    term_json(t, "restore",
              json_pack("{s:s, s:o, s:o, s:o, s:I, s:b, s:o}", "state", state_json(o),
                        "fingerprint", json_slice(o->fingerprint), "epoch",
                        o->epoch > 0 ? json_integer(o->epoch) : json_null(), "need",
                        o->need > 0 ? json_integer(o->need) : json_null(), "have",
                        (json_int_t)o->have, "locked", (int)o->locked, "guardians",
                        list));
}

/* For scripts; a person at a terminal reads the same in sentences. */
static void answer_lines(struct term *t, const struct restore_open *o)
{
    char id[2 * ID_BYTES + 1];

    if (isatty(fileno(t->out)))
        return;
    for (uint32_t i = 0; i < o->n_lines; i++) {
        const struct restore_line *l = &o->lines[i];

        if (l->words.n == 0)
            continue;
        hex_encode(BYTES_OF(l->request), id, sizeof id);
        term_answer(t, "%.*s\t%s\t%.*s", TEXT(line_called(l)), id, TEXT(l->words));
    }
}

void restore_show(struct ctx *ctx, const struct restore_open *o)
{
    if (ctx->term->json) {
        open_json(ctx->term, o);
        return;
    }
    bool done = o->state == RESTORE_DONE;

    if (!done)
        answer_lines(ctx->term, o);
    /* Who was not needed any more is no news when the key is back. */
    for (uint32_t i = 0; i < o->n_lines; i++)
        if (!done || o->lines[i].verdict != VERDICT_NONE)
            say_line(ctx->term, &o->lines[i], ctx_now(ctx));
    say_cards(ctx->term, o, done);
    say_summary(ctx->term, o);
}

enum exit_code restore_exit(unsigned state)
{
    switch ((enum restore_state)state) {
    case RESTORE_DONE:
        return EXIT_FINE;
    case RESTORE_UNCONFIRMED:
        return EXIT_DEGRADED;
    case RESTORE_IMPOSSIBLE:
        return EXIT_STOPPED;
    case RESTORE_BROKEN:
    case RESTORE_TWO_WORLDS:
        return EXIT_INTEGRITY;
    case RESTORE_WAITING:
        break;
    }
    return EXIT_WAITING;
}
