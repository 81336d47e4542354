/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guardian does beside saying yes, with kith's own commands: a request told in
 * plain sentences, a yes despite a stop, a yes taken back, freeze, pause, leave, and new
 * keys after a forgotten passphrase.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/guardian.h"
#include "tests/sim/play.h"

enum { N = 3, DAY = 86400, HOLD_S = 72 * 3600, STOP_HOLD_S = 9 * DAY, LINE = 256 };

static int open_circle(void **state)
{
    static uint64_t seed = 700;

    (void)state;
    play_open(N, seed++);
    play_circle("Ana", N, 2, "72h");
    return 0;
}

static int close_circle(void **state)
{
    (void)state;
    play_close();
    return 0;
}

/* ---- what was said ---- */

/* Text with line breaks and double blanks as one blank: what is said is wrapped. */
static bool has(const char *text, const char *what)
{
    static char flat[65536];
    size_t n = 0;

    for (; *text != 0 && n + 1 < sizeof flat; text++) {
        char c = *text;
        if (c == '\n')
            c = ' ';
        if (c != ' ' || (n > 0 && flat[n - 1] != ' '))
            flat[n++] = c;
    }
    flat[n] = 0;
    return strstr(flat, what) != NULL;
}

#define SAID(what) assert_true(has(play_said(), (what)))
#define TOLD(what) assert_true(has(play_out(), (what)))

/* A member of the last answer, a JSON document; valid until the next call. */
static json_t *answer(const char *member)
{
    static json_t *doc;

    json_decref(doc);
    doc = json_loads(play_out(), 0, NULL);
    assert_non_null(doc);
    json_t *v = json_object_get(doc, member);
    assert_non_null(v);
    return v;
}

static const char *text_of(const char *member)
{
    return json_string_value(answer(member));
}

static uint64_t number_of(const char *member)
{
    return (uint64_t)json_integer_value(answer(member));
}

static void asks(const char *id, const char *next)
{
    assert_string_equal(text_of("id"), id);
    if (next != NULL)
        assert_true(has(text_of("next"), next));
}

/* ---- Ana's device and a restore ---- */

struct stopping {
    struct req_stop req;
    struct rep_stop rep;
};

static enum err stop_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out_send)
{
    struct stopping *s = c->ctx;

    if (reply == NULL) {
        *out_send = (struct call_send){ MSG_STOP, &s->req };
        return OK;
    }
    TRY(reply->err);
    s->rep = *(const struct rep_stop *)reply->rep;
    return OK;
}

/* Ana's device says stop at that guardian's node. */
static enum err device_stops(const char *guardian, const char *request)
{
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct seat_keys *keys = NULL;
    struct home h = { .dir = -1, .lock = -1 };
    struct stopping s = { 0 };
    struct call c = { 0 };

    assert_int_equal(home_open(play_home("Ana"), HOME_READ, &h), OK);
    assert_int_equal(home_day_load(&h, &d), OK);
    home_close(&h);
    assert_int_equal(secret_new(&keys), OK);
    rng_fill(play_params()->rng, s.req.op, ID_BYTES);
    assert_int_equal(hex_decode(bytes_text(request), SPAN_OF(s.req.request)), OK);
    const struct day_guardian *g = guardian_find(d, bytes_text(guardian));
    assert_non_null(g);
    guardian_call_device(&c, g, keys);
    c.step = stop_step;
    c.ctx = &s;
    assert_int_equal(call_round(&c, 1, 4000, play_params()->rng), OK);
    return c.err;
}

struct asked {
    char request[40];
    char words[WORDS_TEXT];
};

/* who asks with a link of the guardian's. */
static struct asked begin(const char *who, const char *guardian)
{
    char link[LINK_TEXT];
    char name[32];
    struct asked a;

    KITH_FINE(guardian, "guard", "link", "Ana");
    play_line(link, sizeof link);
    KITH_FINE(who, "restore", "start", "--no-passphrase", "--name", "Ana", link);
    assert_int_equal(
        sscanf(play_out(), "%31[^\t]\t%39[^\t]\t%65[^\n]", name, a.request, a.words), 3);
    return a;
}

static void show(const char *guardian, const struct asked *a)
{
    KITH_FINE(guardian, "guard", "show", a->request);
}

static void show_json(const char *guardian, const struct asked *a)
{
    KITH_FINE(guardian, "guard", "show", a->request, "--json");
}

static int approve(const char *guardian, const struct asked *a)
{
    return KITH(guardian, "guard", "approve", a->request, "--words-file",
                play_file(a->words), "--verified", "called", "--json");
}

static int approve_despite(const char *guardian, const struct asked *a,
                           const char *sentence)
{
    return KITH(guardian, "guard", "approve", a->request, "--words-file",
                play_file(a->words), "--verified", "met", "--json", "--despite-stop",
                "--sentence-file", play_file(sentence));
}

static const char sentence[] = "I spoke with Ana after the stop and Ana wants this";

/* ---- the tale ---- */

static void test_a_request_in_plain_sentences(void **state)
{
    (void)state;
    struct asked a = begin("New", "Ben");

    show("Ben", &a);
    TOLD("Somebody asks for the piece you keep for Ana. They say they are Ana.");
    TOLD("They wrote: \"Ana\"");
    TOLD("5 tries for their words are left");
    TOLD("If you say yes now, the earliest your piece can be fetched is");
    TOLD("Nobody else asked for this piece in the last 90 days.");
    TOLD("Ana left you this note: \"Ask me what we called the boat.\"");
    TOLD("How you reach Ana: the kitchen phone");
    TOLD("Next: speak with Ana, by a number you had before. Then: kith guard approve");
    assert_false(has(play_out(), a.words));
    KITH_FINE("Ben", "guard", "refuse", a.request);
    show("Ben", &a);
    TOLD("It was refused or taken back on");
    TOLD("It is over. There is nothing to do.");
    struct asked b = begin("Other", "Ben");
    show("Ben", &b);
    TOLD("Others asked for this piece in the last 90 days:");
    TOLD(": refused");
    assert_false(has(play_out(), "Nobody else"));
}

static void test_a_yes_is_taken_back(void **state)
{
    (void)state;
    struct asked a = begin("New", "Ben");

    assert_int_equal(approve("Ben", &a), EXIT_FINE);
    show("Ben", &a);
    TOLD("You said yes on");
    TOLD("If you change your mind before it is fetched: kith guard refuse");
    play_wait(HOLD_S - 1);
    KITH_FINE("Ben", "guard", "refuse", a.request, "--json");
    assert_string_equal(text_of("state"), "refused");
    play_wait(DAY);
    assert_int_equal(approve("Ben", &a), EXIT_STOPPED);
}

/* ---- stops ---- */

static void test_a_stop_asks_for_more(void **state)
{
    (void)state;
    struct asked a = begin("New", "Ben");

    assert_int_equal(approve("Ben", &a), EXIT_FINE);
    assert_int_equal(device_stops("Ben", a.request), OK);
    show_json("Ben", &a);
    assert_string_equal(text_of("state"), "contested");
    assert_int_equal(number_of("stops"), 1);
    assert_int_equal(number_of("stopped_at"), net_now());
    show("Ben", &a);
    TOLD("Ana's own device said stop on");
    TOLD("Either Ana does not know of this restore, or a thief has Ana's device.");
    TOLD("--despite-stop");
    KITH_FINE("Ben", "guard", "wards");
    TOLD("stopped 1 time");
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    SAID("A device of yours said stop to it.");
    /* Neither words nor a try are looked at without the flag and the sentence. */
    assert_int_equal(approve("Ben", &a), EXIT_STOPPED);
    asks("contested", "--despite-stop");
    assert_int_equal(KITH("Ben", "guard", "approve", a.request, "--words-file",
                          play_file(a.words), "--verified", "met", "--json",
                          "--despite-stop"),
                     EXIT_USAGE);
    asks("sentence-needed", NULL);
    assert_true(has(text_of("what"), sentence));
    assert_int_equal(approve_despite("Ben", &a, "yes"), EXIT_USAGE);
    asks("sentence-needed", NULL);
    show_json("Ben", &a);
    assert_int_equal(number_of("tries_left"), 4); /* one for the first yes */
    assert_int_equal(
        approve_despite("Ben", &a,
                        "i spoke with ANA after the stop,  and Ana wants this."),
        EXIT_FINE);
    assert_int_equal(number_of("opens_at"), net_now() + STOP_HOLD_S);
    show("Ben", &a);
    TOLD(", despite the stop.");
    show_json("Ben", &a);
    assert_true(json_is_true(answer("despite_stop")));
    KITH_FINE("Ben", "guard", "refuse", a.request);
}

static void test_a_stop_counts_for_the_next_request(void **state)
{
    (void)state;
    struct asked a = begin("New", "Ben");

    assert_int_equal(device_stops("Ben", a.request), OK);
    KITH_FINE("Ben", "guard", "refuse", a.request);
    struct asked b = begin("Other", "Ben");
    show("Ben", &b);
    TOLD("Ana's own device said stop to such a request not long ago.");
    TOLD("--despite-stop");
    assert_int_equal(approve("Ben", &b), EXIT_STOPPED);
    asks("contested", "--despite-stop");
    assert_int_equal(approve_despite("Ben", &b, sentence), EXIT_FINE);
    assert_true(number_of("opens_at") >= net_now() + STOP_HOLD_S - 60);
    /* At another guardian's nothing was stopped. */
    struct asked c = begin("Third", "Cy");
    assert_int_equal(approve("Cy", &c), EXIT_FINE);
}

/* The ward's stops run out, but the request began under them: the node says so. */
static void test_a_request_remembers_its_beginning(void **state)
{
    (void)state;
    struct asked a = begin("New", "Ben");

    assert_int_equal(device_stops("Ben", a.request), OK);
    KITH_FINE("Ben", "guard", "refuse", a.request);
    play_wait(90 * DAY + 3 * STOP_HOLD_S - 60);
    struct asked b = begin("Other", "Ben");
    play_wait(120);
    show("Ben", &b);
    assert_false(has(play_out(), "--despite-stop"));
    assert_int_equal(approve("Ben", &b), EXIT_STOPPED);
    asks("contested", "--despite-stop");
    assert_int_equal(approve_despite("Ben", &b, sentence), EXIT_FINE);
}

/* A guardian is told no more than is so: asked, spoken with, holding a piece. */
static void test_whom_a_guardian_helps(void **state)
{
    const char *const screen[] = { "guard", NULL };
    char line[LINK_TEXT];

    (void)state;
    KITH_FINE("Ben", "guard", "invite");
    play_line(line, sizeof line);
    KITH_FINE("Eli", "init", "--name", "Eli", "--no-passphrase");
    KITH_FINE("Eli", "guardian", "add", "Ben", line, "--reach", "1", "--contact", "2");
    assert_int_equal(play_type("Ben", screen, ""), EXIT_FINE);
    SAID("You keep a piece for Ana.");
    assert_false(has(play_said(), "kith guard invite"));
    SAID("asked you to help. No piece is here yet. The two of you have not spoken");
    assert_false(has(play_said(), "You keep a piece for Eli."));
}

/* At a terminal, with the question how they made sure and the sentence typed. */
static void test_a_stop_at_the_terminal(void **state)
{
    char lines[2 * LINE];

    (void)state;
    struct asked a = begin("New", "Ben");
    const char *const despite[] = { "guard", "approve", a.request, "--despite-stop",
                                    NULL };
    const char *const screen[] = { "guard", NULL };

    KITH_FINE("Ben", "guard", "requests");
    TOLD("Ana asks for the piece back (asked now): waits for you");
    assert_int_equal(device_stops("Ben", a.request), OK);
    KITH_FINE("Ben", "guard", "requests");
    TOLD("Ana asks for the piece back (asked now): stopped");
    assert_int_equal(play_type("Ben", screen, ""), EXIT_FINE);
    SAID("Ana's own device said stop on");
    SAID("kith guard approve");
    assert_int_equal(play_type("Ben", despite, "6\n"), EXIT_STOPPED);
    SAID("Somebody asks for the piece you keep for Ana. "
         "How did you make sure, after the stop, that it is Ana?");
    SAID("Then stop here. Nothing was done, and nothing is lost");
    SAID("Call Ana by a number you had before");
    assert_int_equal(play_type("Ben", despite, "1\nyes\n"), EXIT_STOPPED);
    SAID("You did not type the sentence.");
    (void)snprintf(lines, sizeof lines, "1\n%s\n%s\n", sentence, a.words);
    assert_int_equal(play_type("Ben", despite, lines), EXIT_FINE);
    SAID("If it is true, type this sentence:");
    SAID("Approved. Thank you.");
}

static int confirm_despite(const char *words, const char *typed)
{
    return KITH("Ben", "guard", "confirm", "Tom", "--words-file", play_file(words),
                "--verified", "met", "--json", "--despite-stop",
                typed != NULL ? "--sentence-file" : NULL,
                typed != NULL ? play_file(typed) : NULL);
}

/* Whoever says that they confirm despite a stop types the sentence as well. */
static void test_a_confirm_despite_a_stop(void **state)
{
    char line[LINK_TEXT];
    char words[WORDS_TEXT];

    (void)state;
    KITH_FINE("Ben", "guard", "invite");
    play_line(line, sizeof line);
    KITH_FINE("Tom", "init", "--name", "Tom", "--no-passphrase");
    KITH_FINE("Tom", "guardian", "add", "Ben", line);
    KITH_FINE("Tom", "guardian", "confirm", "Ben");
    play_line(words, sizeof words);
    assert_int_equal(confirm_despite(words, NULL), EXIT_USAGE);
    asks("sentence-needed", NULL);
    assert_true(has(text_of("what"), "after the stop and Tom wants this"));
    assert_int_equal(confirm_despite(words, sentence), EXIT_USAGE); /* about Ana */
    asks("sentence-needed", NULL);
    assert_int_equal(
        confirm_despite(words, "I spoke with Tom after the stop and Tom wants this"),
        EXIT_FINE);
    assert_string_equal(text_of("schema"), "kith.confirmed/1");
}

/* ---- freeze ---- */

static int freeze(const char *guardian)
{
    return KITH(guardian, "guard", "freeze", "Ana", "--verified", "met", "--json");
}

static void test_freeze(void **state)
{
    const char *const typed[] = { "guard", "freeze", "Ana", NULL };

    (void)state;
    struct asked a = begin("New", "Ben");

    assert_int_equal(KITH("Ben", "guard", "freeze", "Ana"), EXIT_USAGE);
    assert_int_equal(KITH("Ben", "guard", "freeze", "Nobody", "--verified", "met"),
                     EXIT_NONE);
    assert_int_equal(play_type("Ben", typed, "6\n"), EXIT_STOPPED);
    KITH_FINE("Ben", "guard", "wards", "--json");
    assert_true(json_is_null(
        json_object_get(json_array_get(answer("wards"), 0), "frozen_until")));
    assert_int_equal(play_type("Ben", typed, "1\n"), EXIT_FINE);
    SAID("How did you make sure that you speak with Ana?");
    SAID("It does not bring Ana's key back, and it holds up no restore");
    SAID("kith guard link \"Ana\"");
    /* Again: nothing new, and not longer. */
    play_wait(DAY);
    assert_int_equal(freeze("Ben"), EXIT_FINE);
    assert_int_equal(number_of("until"), net_now() + 29 * DAY);
    assert_int_equal(device_stops("Ben", a.request), ERR_FROZEN);
    show("Ben", &a);
    TOLD("You froze what Ana's devices may change, until");
    KITH_FINE("Ben", "guard", "wards");
    TOLD("frozen until");
    assert_int_equal(approve("Ben", &a), EXIT_FINE);
    /* A day between two. */
    play_wait(29 * DAY + 1);
    assert_int_equal(freeze("Ben"), EXIT_STOPPED);
    asks("freeze-again", NULL);
    play_wait(DAY);
    assert_int_equal(freeze("Ben"), EXIT_FINE);
}

/* ---- pause ---- */

static void test_pause(void **state)
{
    (void)state;
    struct asked a = begin("New", "Ben");

    assert_int_equal(KITH("Ben", "guard", "pause", "31d"), EXIT_USAGE);
    assert_int_equal(KITH("Ben", "guard", "pause", "0"), EXIT_USAGE);
    SAID("kith guard resume");
    assert_int_equal(KITH("Ben", "guard", "pause", "soon"), EXIT_USAGE);
    KITH_FINE("Ben", "guard", "pause", "14d", "--json");
    assert_int_equal(number_of("until"), net_now() + 14 * DAY);
    assert_int_equal(json_array_size(answer("nodes")), 1);
    KITH_FINE("Ben", "guard", "wards");
    SAID("you are away until");
    show("Ben", &a);
    TOLD("You said that you are away until");
    TOLD("Next, if you are back: kith guard resume");
    assert_int_equal(approve("Ben", &a), EXIT_STOPPED);
    asks("paused", "kith guard resume");
    /* The restore sees it, and a no is always possible. */
    assert_int_equal(KITH("New", "restore"), EXIT_WAITING);
    SAID("They said that they are away for a while");
    KITH_FINE("Ben", "guard", "refuse", a.request);
    KITH_FINE("Ben", "guard", "resume");
    KITH_FINE("Ben", "guard", "resume", "--json");
    assert_true(json_is_null(answer("until")));
    struct asked b = begin("Other", "Ben");
    assert_int_equal(approve("Ben", &b), EXIT_FINE);
    /* It ends by itself too, and what was approved before goes on. */
    KITH_FINE("Ben", "guard", "pause", "1d");
    show("Ben", &b);
    TOLD("There is nothing to do.");
    play_wait(DAY + 1);
    struct asked c = begin("Third", "Ben");
    assert_int_equal(approve("Ben", &c), EXIT_FINE);
}

/* ---- leave ---- */

static int leave(const char *guardian)
{
    return KITH(guardian, "guard", "leave", "Ana", "--yes", "leave", "--json");
}

static void test_leave(void **state)
{
    (void)state;
    struct asked a = begin("New", "Ben");

    assert_int_equal(KITH("Ben", "guard", "leave", "Ana", "--json"), EXIT_USAGE);
    asks("word-needed", NULL);
    assert_true(has(text_of("why"), "erased at your node at once"));
    assert_int_equal(KITH("Ben", "guard", "leave", "Nobody", "--yes", "leave"),
                     EXIT_NONE);
    assert_int_equal(leave("Ben"), EXIT_FINE);
    assert_int_equal(number_of("left_at"), net_now());
    play_wait(60);
    assert_int_equal(leave("Ben"), EXIT_FINE);
    assert_int_equal(number_of("left_at"), net_now() - 60);
    KITH_FINE("Ben", "guard", "wards");
    TOLD("you gave this up");
    assert_int_equal(KITH("Ben", "guard", "link", "Ana", "--json"), EXIT_FAILED);
    asks("left", NULL);
    assert_int_equal(freeze("Ben"), EXIT_FAILED);
    assert_int_equal(approve("Ben", &a), EXIT_STOPPED);
    show_json("Ben", &a);
    assert_string_equal(text_of("state"), "refused");
    /* The two others are enough. */
    struct asked b = begin("Other", "Cy");
    assert_int_equal(approve("Cy", &b), EXIT_FINE);
}

/* ---- log ---- */

static void test_log(void **state)
{
    (void)state;
    struct asked a = begin("New", "Ben");

    assert_int_equal(approve("Ben", &a), EXIT_FINE);
    assert_int_equal(device_stops("Ben", a.request), OK);
    assert_int_equal(freeze("Ben"), EXIT_FINE);
    KITH_FINE("Ben", "guard", "log");
    TOLD("Ana");
    KITH_FINE("Ben", "guard", "log", "--json");
    assert_string_equal(text_of("schema"), "kith.seat-log/1");
    assert_true(json_array_size(answer("entries")) >= 4);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(answer("seats"), 0), "state")),
        "ok");
    assert_int_equal(KITH("Nobody", "guard", "log"), EXIT_NONE);
    net_fault(0, NET_SILENT);
    assert_int_equal(KITH("Ben", "guard", "log"), EXIT_AWAY);
}

/* ---- new keys after a forgotten passphrase ---- */

static int reset(const char *guardian, const char *yes)
{
    return KITH(guardian, "guard", "reset", "--no-passphrase", "--json", "--yes", yes);
}

static void test_reset_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(KITH("Ben", "guard", "reset", "--no-passphrase", "--json"),
                     EXIT_USAGE);
    asks("word-needed", NULL);
    assert_true(has(text_of("why"), "forgotten passphrase"));
    assert_int_equal(reset("Nobody", "reset"), EXIT_NONE);
    net_fault(0, NET_SILENT);
    assert_int_equal(reset("Ben", "reset"), EXIT_AWAY);
    net_fault(0, NET_FINE);
    /* Nothing was changed by all that. */
    struct asked a = begin("New", "Ben");
    assert_int_equal(approve("Ben", &a), EXIT_FINE);
}

static void reset_done(const char *guardian)
{
    json_t *seat = json_array_get(answer("seats"), 0);

    assert_true(json_is_string(json_object_get(seat, "seat")));
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(answer("lost"), 0), "label")),
        "Ana");
    KITH_FINE(guardian, "guard", "wards");
    TOLD("you lost the keys to this piece");
}

static void test_reset(void **state)
{
    char link[LINK_TEXT];
    char first[40];

    (void)state;
    struct asked a = begin("New", "Ben");
    assert_int_equal(reset("Ben", "reset"), EXIT_FINE);
    assert_string_equal(text_of("schema"), "kith.reset/1");
    (void)snprintf(
        first, sizeof first, "%s",
        json_string_value(json_object_get(json_array_get(answer("lost"), 0), "ward")));
    reset_done("Ben");
    /* The old piece: no yes and no link, but a no, a freeze and a good-bye. */
    assert_int_equal(approve("Ben", &a), EXIT_FAILED);
    asks("old-keys", "kith guard refuse");
    show("Ben", &a);
    TOLD("You lost the keys to this piece, so you cannot say yes.");
    TOLD("Next: tell Ana that you lost your keys");
    KITH_FINE("Ben", "guard", "refuse", a.request);
    assert_int_equal(KITH("Ben", "guard", "link", "Ana", "--json"), EXIT_FAILED);
    asks("old-keys", "kith guard invite");
    assert_int_equal(freeze("Ben"), EXIT_FINE);
    /* The new place takes people on. */
    KITH_FINE("Ben", "guard", "invite");
    play_line(link, sizeof link);
    KITH_FINE("Tom", "init", "--name", "Tom", "--no-passphrase");
    KITH_FINE("Tom", "guardian", "add", "Ben", link);
    KITH_FINE("Ben", "guard", "wards");
    TOLD("Tom");
    KITH_FINE("Ben", "guard", "host", "Eve");
    /* Somebody of the same name is helped by name, and never given up by it. */
    KITH_FINE("Ben", "guard", "invite");
    play_line(link, sizeof link);
    KITH_FINE("Other", "init", "--name", "Ana", "--no-passphrase");
    KITH_FINE("Other", "guardian", "add", "Ben", link);
    KITH_FINE("Ben", "guard", "link", "Ana");
    assert_int_equal(leave("Ben"), EXIT_USAGE);
    asks("ambiguous", NULL);
    KITH_FINE("Ben", "guard", "leave", first, "--yes", "leave");
    /* A second time: the pieces under the first new keys are lost as well. */
    assert_int_equal(reset("Ben", "reset"), EXIT_FINE);
    assert_int_equal(json_array_size(answer("lost")), 3);
    KITH_FINE("Ben", "guard", "invite");
}

/* Cut off in the middle, again and again: it goes on, and no keys are made twice. */
static void test_reset_goes_on(void **state)
{
    char link[LINK_TEXT];
    char root[WORDS_TEXT];
    char again[WORDS_TEXT];

    (void)state;
    KITH_FINE("Cy", "guard", "host", "Ben");
    play_line(link, sizeof link);
    KITH_FINE("Ben", "guard", "setup", "--link-file", play_file(link));
    net_fault(1, NET_SILENT);
    assert_int_equal(reset("Ben", "reset"), EXIT_DEGRADED);
    SAID("Run it again: kith guard reset");
    KITH_FINE("Ben", "root", "fingerprint");
    play_line(root, sizeof root);
    net_fault(1, NET_FINE);
    /* The keys are made: no word is asked for now. */
    KITH_FINE("Ben", "guard", "reset");
    KITH_FINE("Ben", "root", "fingerprint");
    play_line(again, sizeof again);
    assert_string_equal(root, again);
    KITH_FINE("Ben", "guard", "invite");
}

/* The home as a power cut leaves it after each step of a reset. */
static void cut_at(const char *who, int step)
{
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct root_key *root = NULL;
    AUTO_SECRET struct home_key *key = NULL;
    const struct params *p = play_params();
    struct home h = { .dir = -1, .lock = -1 };

    assert_int_equal(home_open(play_home(who), HOME_READ, &h), OK);
    assert_int_equal(home_day_load(&h, &d), OK);
    d->me.reset = net_now();
    for (size_t i = 0; i < d->n_seats; i++)
        d->seats[i].lost = 1;
    assert_int_equal(home_day_save(&h, d, p->rng), OK);
    if (step > 0)
        assert_int_equal(home_root_aside(&h, d->me.reset), OK);
    if (step > 1) {
        assert_int_equal(secret_new(&root), OK);
        rng_fill(p->rng, root->b, KEY_BYTES);
        assert_int_equal(home_key_new(NULL, p->home_cost, p->rng, &key), OK);
        assert_int_equal(home_root_create(&h, root, key, p->rng), OK);
    }
    home_close(&h);
}

static void test_reset_after_a_power_cut(void **state)
{
    (void)state;
    for (int step = 0; step < 3; step++) {
        cut_at(play_names[step], step);
        if (step == 1) {
            assert_int_equal(KITH(play_names[step], "guard", "invite", "--json"),
                             EXIT_NONE);
            asks("reset-unfinished", "kith guard reset");
        }
        assert_int_equal(
            KITH(play_names[step], "guard", "reset", "--no-passphrase", "--json"),
            EXIT_FINE);
        reset_done(play_names[step]);
        KITH_FINE(play_names[step], "guard", "invite");
    }
}

static void day_path(const char *who, char out[LINE])
{
    assert_true(snprintf(out, LINE, "%s/day", play_home(who)) < LINE);
}

/* The node did it, and the home never heard of that. */
static void test_reset_whose_answer_is_lost(void **state)
{
    static uint8_t day[1 << 20];
    char path[LINE];

    (void)state;
    cut_at("Ben", 2);
    day_path("Ben", path);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(day, 1, sizeof day, f);
    assert_int_equal(fclose(f), 0);
    KITH_FINE("Ben", "guard", "reset", "--json");
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(day, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    KITH_FINE("Ben", "guard", "reset", "--json");
    reset_done("Ben");
    assert_int_equal(freeze("Ben"), EXIT_FINE); /* at the old place, with new keys */
    KITH_FINE("Ben", "guard", "invite");
}

static void test_reset_of_an_owner(void **state)
{
    (void)state;
    play_circle("Ida", N, 2, "0");
    KITH_FINE("Ben", "guard", "host", "Ida");
    char link[LINK_TEXT];
    play_line(link, sizeof link);
    KITH_FINE("Ida", "guard", "setup", "--link-file", play_file(link));
    assert_int_equal(reset("Ida", "reset"), EXIT_USAGE);
    asks("own-circle", "kith restore start");
    KITH_FINE("Ida", "root", "fingerprint");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_circle, close_circle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_request_in_plain_sentences),
        CASE(test_a_yes_is_taken_back),
        CASE(test_a_stop_asks_for_more),
        CASE(test_a_stop_counts_for_the_next_request),
        CASE(test_a_request_remembers_its_beginning),
        CASE(test_whom_a_guardian_helps),
        CASE(test_a_stop_at_the_terminal),
        CASE(test_a_confirm_despite_a_stop),
        CASE(test_freeze),
        CASE(test_pause),
        CASE(test_leave),
        CASE(test_log),
        CASE(test_reset_is_asked_for),
        CASE(test_reset),
        CASE(test_reset_goes_on),
        CASE(test_reset_after_a_power_cut),
        CASE(test_reset_whose_answer_is_lost),
        CASE(test_reset_of_an_owner),
    };
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        secret_end();
    return failed;
}
