/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "client/alert.h"

#define TEXT(b) (int)(b).n, (const char *)(b).p

/* What a person can do about it. */
enum advice {
    NOTHING,
    STOP,
    CALL,
    LOOK,
    CHANGED,
    ANSWER,
    CLOCK,
    OTHERS,
    STALE,
    RENEW,
    SHRUNK,
    ENDS,
    THEIRS,
    LOCK,
    MOVES,
    DEVICE,
    DRILL,
    ROOT
};

/* "@" is the guardian's name at the owner, the ward's at the guardian. */
static const struct text_row {
    uint8_t event;
    uint8_t owner_advice;
    uint8_t guard_advice;
    const char *owner;
    const char *guard;
} rows[] = {
    { REC_WARD_ENROLLED, NOTHING, NOTHING, "@ is your guardian now.",
      "You are the guardian of @ now." },
    { REC_EPOCH_PREPARED, CHANGED, NOTHING,
      "A change of your circle was stored at @'s node.",
      "@ stored a change of their circle." },
    { REC_EPOCH_COMMITTED, CHANGED, NOTHING,
      "A change of your circle became active at @'s node.",
      "A change of @'s circle became active." },
    { REC_WARD_CONFIRMED, NOTHING, NOTHING, "@ confirmed that it is you.",
      "You confirmed @." },
    { REC_CRED_ENDING, CALL, NOTHING,
      "Something that can open a restore was revoked at @'s node; it ends in 14 days.",
      "@ revoked something that can open a restore; it ends in 14 days." },
    { REC_EPOCH_CONFIRMED, CHANGED, NOTHING,
      "Your guardians confirmed a change of your circle, @'s node says.",
      "The guardians of @ confirmed a change of their circle." },
    { REC_RETIRE_PLANNED, CHANGED, NOTHING,
      "@'s node erases your old piece, 14 days after the new one or later.",
      "Your node erases the old piece of @, 14 days after the new one or later." },
    { REC_EPOCH_RETIRED, NOTHING, NOTHING, "@'s node erased your old piece.",
      "Your node erased the old piece of @." },
    { REC_EPOCH_ABORTED, CHANGED, NOTHING,
      "A change of your circle was taken back at @'s node.",
      "@ took a change of their circle back." },
    { REC_END_PLANNED, ENDS, CALL,
      "@'s node erases all that it keeps for you, 14 days from now.",
      "Your node erases all that it keeps for @, 14 days from now." },
    { REC_END_CANCELLED, ENDS, NOTHING,
      "At @'s node the end of your circle was taken back.",
      "@ took back that your node erases all that it keeps." },
    { REC_WARD_ENDED, NOTHING, NOTHING, "@'s node erased all that it kept for you.",
      "Your node erased all that it kept for @." },
    { REC_DEVICE_MADE, DEVICE, NOTHING, "A device of yours was let in at @'s node.",
      "A device of @ was let in." },
    { REC_MOVE_PLANNED, MOVES, LOOK,
      "Your guardians gave your circle a new root key: the old keys stop counting at @'s "
      "node.",
      "@ gets a new root key: the old keys stop counting." },
    { REC_MOVE_DONE, NOTHING, ROOT, "Your new root key took over at @'s node.",
      "The new root key of @ took over at your node." },
    { REC_ROSTER_PUT, CHANGED, NOTHING,
      "@'s node keeps a newer list of your guardians beside the one before.",
      "Your node keeps a newer list of @'s guardians." },
    { REC_MOVE_REFUSED, CALL, NOTHING, "@ refused your new root key.",
      "You refused the new root key of @." },
    { REC_DRILL_ASKED, NOTHING, DRILL, "You asked @ to open your piece once.",
      "@ asks you to open the piece once, as a drill." },
    { REC_DRILL_ANSWERED, NOTHING, NOTHING, "@ opened your piece in a drill.",
      "You opened the piece of @ in a drill." },
    { REC_REQUEST_LIVE, STOP, LOOK, "Somebody asks for your keys at @'s node.",
      "Somebody asks for the piece of @." },
    { REC_REQUEST_LOCKED, STOP, LOOK,
      "Wrong words were typed too often for a request at @'s node: it is locked.",
      "Wrong words were typed too often for a request about @: it is locked." },
    { REC_REQUEST_UNLOCKED, STOP, LOOK, "@ unlocked a request for your keys.",
      "A request about @ was unlocked." },
    { REC_REQUEST_APPROVED, STOP, LOOK, "@ said yes to a request for your keys.",
      "Your yes to a request about @ is at your node." },
    { REC_REQUEST_REFUSED, NOTHING, NOTHING, "@ said no to a request for your keys.",
      "Your no to a request about @ is at your node." },
    { REC_REQUEST_RELEASED, OTHERS, NOTHING, "@'s node let your piece go.",
      "Your node let the piece of @ go." },
    { REC_REQUEST_CANCELLED, NOTHING, NOTHING,
      "A request for your keys at @'s node was taken back.",
      "A request about @ was taken back." },
    { REC_ROSTER_RELEASED, STOP, NOTHING,
      "@'s node let the list of your guardians go, after a yes.",
      "Your node let the list of @'s guardians go, after a yes." },
    { REC_REQUEST_STOPPED, NOTHING, LOOK,
      "A request for your keys at @'s node was stopped, and starts again.",
      "A request about @ was stopped, and starts again: somebody with @'s device says "
      "that it is not them who asks." },
    { REC_STOP_NOTED, NOTHING, LOOK,
      "A further stop was recorded at @'s node; it changes nothing any more.",
      "A further stop about @ was recorded; it changes nothing any more." },
    { REC_REQUEST_EXPIRED, NOTHING, NOTHING,
      "A request for your keys at @'s node ended because its time was over.",
      "A request about @ ended because its time was over." },
    { REC_WARD_FROZEN, CALL, NOTHING, "@ froze all changes by your keys, for 30 days.",
      "You froze changes by @'s keys." },
    { REC_WARD_THAWED, NOTHING, NOTHING, "The freeze at @'s node ended.",
      "The freeze of @ ended." },
    { REC_SEAT_PAUSED, NOTHING, NOTHING, "@ is away for a while.",
      "You said that you are away." },
    { REC_SEAT_RESUMED, NOTHING, NOTHING, "@ is back.", "You said that you are back." },
    { REC_SEAT_RESET, RENEW, NOTHING,
      "@ has new keys, and may not be able to open your piece any more.",
      "You have new keys at your place." },
    { REC_WARD_LEFT, STALE, NOTHING, "@ gave your piece up and erased it.",
      "You gave the piece of @ up, and it was erased." },
    { REC_KEYS_UNLOCKED, THEIRS, LOCK, "No passphrase locks @'s keys.",
      "No passphrase locks your keys." },
    { REC_KEYS_LOCKED, NOTHING, NOTHING, "A passphrase locks @'s keys now.",
      "A passphrase locks your keys now." },
    { REC_VAULT_SHRUNK, SHRUNK, NOTHING,
      "More than a third was removed from your vault at @'s node.",
      "@ removed more than a third of their vault." },
    { REC_CLOCK_FROZEN, CALL, CLOCK,
      "The clock of @'s node waits for a person; until then holds stand still there.",
      "The clock of your node waits for you; until then holds stand still there." },
    { REC_CLOCK_CONFIRMED, NOTHING, NOTHING, "A person confirmed the clock of @'s node.",
      "The clock of your node was confirmed." },
    { REC_NODE_LOADED, CALL, NOTHING, "@'s node was loaded from a backup.",
      "Your node was loaded from a backup." },
    { REC_ALERT_TEST, ANSWER, ANSWER, "This is a test of the alerts of @'s node.",
      "This is a test of the alerts of your node." },
    { REC_CRED_MADE, NOTHING, NOTHING,
      "A link that can open a restore is known at @'s node.", NULL },
    { REC_CRED_DROPPED, NOTHING, NOTHING,
      "A link that can open a restore was revoked at @'s node.", NULL },
    { REC_REQUEST_TRIED, NOTHING, NOTHING, "@ typed words for a request.", NULL },
};

/* A confirm request asks for no key. */
static const struct text_row confirm_rows[] = {
    { REC_REQUEST_LIVE, NOTHING, LOOK,
      "You, or whoever has your root key, asked @ to "
      "confirm you.",
      "@ asks you to confirm them." },
    { REC_REQUEST_APPROVED, NOTHING, NOTHING, "@ typed your words and confirmed you.",
      "You typed the words of @ and confirmed them." },
    { REC_REQUEST_RELEASED, NOTHING, NOTHING, "@'s confirmation reached you.",
      "Your confirmation reached @." },
    { REC_REQUEST_REFUSED, CALL, NOTHING, "@ did not confirm you.",
      "You did not confirm @." },
    { REC_REQUEST_LOCKED, CALL, LOOK,
      "@ typed wrong words too often: your confirm request there is locked.",
      "You typed wrong words too often: the confirm request of @ is locked." },
    { REC_REQUEST_CANCELLED, NOTHING, NOTHING, "A confirm request at @'s node ended.",
      "A confirm request of @ ended." },
    { REC_REQUEST_EXPIRED, NOTHING, NOTHING,
      "A confirm request at @'s node ended because its time was over.",
      "A confirm request of @ ended because its time was over." },
};

/* What another purpose says in place of these. */
static const struct text_row epoch_rows[] = {
    { REC_REQUEST_LIVE, NOTHING, LOOK,
      "You, or whoever has your root key, asked @ to confirm your new circle.",
      "@ asks you to confirm their new circle." },
    { REC_REQUEST_APPROVED, NOTHING, NOTHING, "@ confirmed your new circle.",
      "You confirmed the new circle of @." },
};

static const struct text_row end_rows[] = {
    { REC_REQUEST_LIVE, ENDS, LOOK,
      "You, or whoever has your root key, asked @ to end your circle.",
      "@ asks you to end their circle." },
    { REC_REQUEST_APPROVED, ENDS, NOTHING, "@ agreed that your circle ends.",
      "You agreed that the circle of @ ends." },
    { REC_REQUEST_RELEASED, NOTHING, NOTHING,
      "@'s word that your circle ends reached you.",
      "Your word that the circle ends reached @." },
};

static const struct text_row move_rows[] = {
    { REC_REQUEST_LIVE, STOP, LOOK, "Somebody asks @ for a new root key of your circle.",
      "Somebody asks you for a new root key of @." },
    { REC_REQUEST_APPROVED, STOP, LOOK, "@ said yes to a new root key of your circle.",
      "Your yes to a new root key of @ is at your node." },
    { REC_REQUEST_REFUSED, NOTHING, NOTHING,
      "@ said no to a new root key of your circle.",
      "Your no to a new root key of @ is at your node." },
    { REC_REQUEST_RELEASED, CALL, NOTHING,
      "@'s word for a new root key of your circle was fetched.",
      "Your word for a new root key of @ was fetched." },
    { REC_REQUEST_CANCELLED, NOTHING, NOTHING,
      "A request for a new root key at @'s node ended.",
      "A request for a new root key of @ ended." },
};

#define ROWS(list) (list), sizeof(list) / sizeof(list)[0]

static const struct text_row *row_in(const struct text_row *list, size_t n,
                                     unsigned event)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].event == event)
            return &list[i];
    return NULL;
}

static const struct request_line *line_of(const struct alert_place *p,
                                          const struct seen_entry *e)
{
    for (size_t i = 0; i < p->n_requests; i++)
        if (bytes_equal(BYTES_OF(p->requests[i].request), BYTES_OF(e->event.request)))
            return &p->requests[i];
    return NULL;
}

/* By what the request is about, then by its kind, then by the event alone. */
static const struct text_row *row_of(const struct alert_place *p,
                                     const struct seen_entry *e)
{
    const struct request_line *l = line_of(p, e);
    const struct text_row *row = NULL;
    unsigned event = e->event.event;

    if (l != NULL && l->purpose == PURPOSE_EPOCH)
        row = row_in(ROWS(epoch_rows), event);
    else if (l != NULL && l->purpose == PURPOSE_END)
        row = row_in(ROWS(end_rows), event);
    else if (l != NULL && l->purpose == PURPOSE_MOVE)
        row = row_in(ROWS(move_rows), event);
    if (row == NULL && l != NULL && l->kind == REQUEST_CONFIRM)
        row = row_in(ROWS(confirm_rows), event);
    return row != NULL ? row : row_in(ROWS(rows), event);
}

bool alert_is_open(const struct alert_place *p, const struct seen_entry *e)
{
    const struct request_line *l = line_of(p, e);
    return l != NULL && l->ended == 0 && l->state != STATE_RELEASED &&
           l->state != STATE_REFUSED && l->state != STATE_EXPIRED;
}

static void put_name(const char *from, const char *who, char *out, size_t cap)
{
    size_t n = 0;
    for (; *from != 0 && n + 1 < cap; from++) {
        if (*from != '@') {
            out[n++] = *from;
            continue;
        }
        for (const char *w = who; *w != 0 && n + 1 < cap; w++)
            out[n++] = *w;
    }
    out[n] = 0;
}

/* ---- who ---- */

void alert_place_name(const struct alerts *a, const struct alert_place *p,
                      char out[NAME_MAX_BYTES + 1])
{
    char node[ADDRESS_TEXT] = "";
    if (p->side == ALERT_OWNER) {
        (void)snprintf(out, NAME_MAX_BYTES + 1, "%.*s",
                       TEXT(a->day->guardians[p->at].name));
        return;
    }
    guard_node(&a->day->seats[p->at], node);
    (void)snprintf(out, NAME_MAX_BYTES + 1, "%.*s", NAME_MAX_BYTES, node);
}

static void say_who(const struct alerts *a, const struct alert_place *p,
                    const struct seen_entry *e, char out[NAME_MAX_BYTES + 1])
{
    if (p->side == ALERT_OWNER || e == NULL) {
        alert_place_name(a, p, out);
        return;
    }
    const struct day_ward *w =
        guard_known(a->day, a->day->seats[p->at].seat, e->event.ward);
    if (w != NULL) {
        (void)snprintf(out, NAME_MAX_BYTES + 1, "%.*s", TEXT(w->label));
        return;
    }
    char id[9];
    hex_encode(bytes_of(e->event.ward, 4), id, sizeof id);
    (void)snprintf(out, NAME_MAX_BYTES + 1, "somebody (%s)", id);
}

/* ---- what to do ---- */

static void say_advice(enum advice advice, const struct seen_entry *e,
                       struct alert_text *out)
{
    static const struct {
        const char *advice;
        const char *command; /* "@": the request's id */
    } advices[] = {
        [NOTHING] = { "", "" },
        [STOP] = { "If that is not you, stop it everywhere:", "kith stop all" },
        [CALL] = { "If you did not expect this, call @.", "" },
        [LOOK] = { "Who asks, and what to do:", "kith guard show " },
        [CHANGED] = { "If you did not change your circle, somebody has your root key: "
                      "call "
                      "your guardians.",
                      "kith status" },
        [ANSWER] = { "It reached you. Say so with its word; of several tests one is "
                     "enough:",
                     "kith alert test " },
        [CLOCK] = { "Compare it with another clock, then:",
                    "kith guard clock --confirm" },
        [OTHERS] = { "If that was not you, stop the others and call your guardians now:",
                     "kith stop all" },
        [SHRUNK] = { "If that was not you, somebody has your device. What was there is "
                     "kept for 30 days:",
                     "kith vault log" },
        [ENDS] = { "If you do not want that, somebody has your root key: call @ now, and "
                   "ask them to freeze it.",
                   "kith status" },
        [MOVES] = { "If you do not want that, call your guardians now: each can refuse "
                    "it "
                    "at their node.",
                    "kith status" },
        [DEVICE] = { "If that was not you:", "kith device list" },
        [DRILL] = { "It takes a minute:", "kith guard drill" },
        [ROOT] = { "Speak with @ about it.", "kith guard wards" },
        [RENEW] = { "Ask @ for a new invite, and make your circle anew:", "kith status" },
        [STALE] = { "Your circle has one piece less that counts:", "kith status" },
        [THEIRS] = { "Whoever copies the files of @'s home holds your piece there. Ask "
                     "@ to set a passphrase, with: kith root lock",
                     "" },
        [LOCK] = { "Whoever copies the files of your home holds the pieces you keep:",
                   "kith root lock" },
    };

    char id[2 * ID_BYTES + 1] = "";
    if (advice == LOOK && e != NULL)
        hex_encode(BYTES_OF(e->event.request), id, sizeof id);
    put_name(advices[advice].advice, out->who, out->advice, sizeof out->advice);
    (void)snprintf(out->command, sizeof out->command, "%s%s", advices[advice].command,
                   advice == ANSWER ? out->word : id);
}

void alert_settle_command(struct bytes name, char *out, size_t cap)
{
    char guardian[TERM_TEXT];
    guardian_next("", name, "", guardian); /* quotes the name as a shell reads it */
    (void)snprintf(out, cap, "kith alert settle %s",
                   guardian + strlen("kith guardian  "));
}

static void say_fault(const struct alerts *a, const struct alert_place *p,
                      struct alert_text *out)
{
    const struct day_node *n = alert_node(a, p);
    const char *text = seen_fault_text(n->fault);
    bool owner = p->side == ALERT_OWNER;
    (void)snprintf(out->what, sizeof out->what,
                   owner ? "%s's node %s." : "Your node %s %s.", out->who, text);
    (void)snprintf(out->advice, sizeof out->advice,
                   owner ? "Ask %s what happened to it. When that is settled:"
                         : "Look after its machine (%s). When that is settled:",
                   out->who);
    alert_settle_command(bytes_text(out->who), out->command, sizeof out->command);
}

void alert_say(const struct alerts *a, const struct alert_place *p,
               const struct seen_entry *e, struct alert_text *out)
{
    memset(out, 0, sizeof *out);
    say_who(a, p, e, out->who);
    if (e == NULL) {
        out->asks = true;
        say_fault(a, p, out);
        return;
    }
    const struct text_row *row = row_of(p, e);
    const char *text = NULL;
    if (row != NULL)
        text = p->side == ALERT_OWNER ? row->owner : row->guard;
    if (text == NULL) {
        (void)snprintf(out->what, sizeof out->what, "%s: %s.", out->who,
                       drop_event_what(e->event.event));
        return;
    }
    if (e->event.event == REC_ALERT_TEST)
        (void)snprintf(out->word, sizeof out->word, "%s", words_text(e->word));
    put_name(text, out->who, out->what, sizeof out->what);
    enum advice advice =
        (enum advice)(p->side == ALERT_OWNER ? row->owner_advice : row->guard_advice);
    out->asks = advice != NOTHING && advice != CHANGED && advice != DEVICE;
    say_advice(advice, e, out);
}

/* ---- JSON ---- */

static json_t *or_null(const char *text)
{
    return json_slice(bytes_text(text));
}

json_t *alert_doc(const struct alerts *a, const struct alert_place *p,
                  const struct seen_entry *e)
{
    struct alert_text t;
    char event[SEEN_EVENT_TEXT];
    static const struct seen_entry none;
    const struct day_node *n = alert_node(a, p);
    bool owner = p->side == ALERT_OWNER;
    const uint8_t *seat =
        owner ? a->day->guardians[p->at].seat : a->day->seats[p->at].seat;
    const struct seen_entry *x = e != NULL ? e : &none;
    alert_say(a, p, e, &t);
    if (e == NULL)
        (void)snprintf(event, sizeof event, "node-%s", seen_fault_name(n->fault));
    else
        seen_event_id(e->event.event, event);
    return json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:n, s:o, s:o, s:o, s:o, s:o, s:o}", "event", event,
        "what", t.what, "time", (json_int_t)(e != NULL ? e->received : n->faulted),
        "side", owner ? "owner" : "guardian", "who", t.who, "node", "seat",
        json_hex(seat, SEAT_BYTES), "ward", json_hex(x->event.ward, ID_BYTES), "request",
        json_hex(x->event.request, ID_BYTES), "epoch",
        x->event.epoch > 0 ? json_integer(x->event.epoch) : json_null(), "word",
        or_null(t.word), "next", or_null(t.command));
}

json_t *alert_doc_listed(const struct alerts *a, const struct alert_place *p,
                         const struct seen_entry *e)
{
    json_t *doc = alert_doc(a, p, e);
    if (e == NULL || e->event.event != REC_ALERT_TEST)
        return doc;
    (void)json_object_set_new(doc, "word", json_null());
    (void)json_object_set_new(doc, "next", json_null());
    return doc;
}

void alert_line(const struct alerts *a, const struct alert_place *p,
                const struct seen_entry *e, char out[ALERT_JSON])
{
    json_t *doc = json_pack("{s:s}", "schema", "kith.alert/1");
    json_t *more = alert_doc(a, p, e);
    MUST(doc != NULL && more != NULL && json_object_update(doc, more) == 0);
    char *text = json_dumps(doc, JSON_COMPACT);
    MUST(text != NULL); /* memory for two kilobytes */
    int n = snprintf(out, ALERT_JSON, "%s\n", text);
    MUST(n > 0 && n < ALERT_JSON);
    free(text);
    json_decref(more);
    json_decref(doc);
}
