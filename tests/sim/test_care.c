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
        char c = *text == '\n' ? ' ' : *text;
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
    TOLD("Somebody who says they are Ana asks for the piece you keep for Ana.");
    TOLD("They wrote: \"Ana\"");
    TOLD("5 tries for their words are left");
    TOLD("If you say yes now, your piece can be fetched from");
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

/* At a terminal, with the question how they made sure and the sentence typed. */
static void test_a_stop_at_the_terminal(void **state)
{
    char lines[2 * LINE];

    (void)state;
    struct asked a = begin("New", "Ben");
    const char *const despite[] = { "guard", "approve", a.request, "--despite-stop",
                                    NULL };
    const char *const screen[] = { "guard", NULL };

    assert_int_equal(device_stops("Ben", a.request), OK);
    assert_int_equal(play_type("Ben", screen, ""), EXIT_FINE);
    SAID("Ana's own device said stop on");
    SAID("kith guard approve");
    assert_int_equal(play_type("Ben", despite, "6\n"), EXIT_STOPPED);
    SAID("How did you make sure, after the stop, that it is Ana?");
    SAID("Then stop here. Nothing was done, and nothing is lost");
    SAID("Call Ana by a number you had before");
    assert_int_equal(play_type("Ben", despite, "1\nyes\n"), EXIT_STOPPED);
    SAID("You did not type the sentence.");
    (void)snprintf(lines, sizeof lines, "1\n%s\n%s\n", sentence, a.words);
    assert_int_equal(play_type("Ben", despite, lines), EXIT_FINE);
    SAID("If it is true, type this sentence:");
    SAID("Approved. Thank you.");
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

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_circle, close_circle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_request_in_plain_sentences),
        CASE(test_a_yes_is_taken_back),
        CASE(test_a_stop_asks_for_more),
        CASE(test_a_stop_counts_for_the_next_request),
        CASE(test_a_stop_at_the_terminal),
        CASE(test_freeze),
    };
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        secret_end();
    return failed;
}
