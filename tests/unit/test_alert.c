/* SPDX-License-Identifier: Apache-2.0 */
/* What alerts are in words, how programs are run, when a side is amber, two copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/alert.h"

enum { T0 = 1800000000, HOUR = 3600 };

static struct day *day;

static int begin(void **state)
{
    (void)state;
    day = calloc(1, sizeof *day);
    day->n_guardians = day->n_seats = 1;
    day->guardians[0] =
        (struct day_guardian){ .name = day_keep(day, bytes_text("Ben")), .n_node = 1 };
    day->seats[0] = (struct day_seat){ .n_node = 1, .seat = { 3 } };
    day->n_wards = 1;
    day->wards[0] = (struct day_ward){ .label = day_keep(day, bytes_text("Ana")),
                                       .seat = { 3 },
                                       .ward = { 4 } };
    return 0;
}

static int end(void **state)
{
    (void)state;
    day_free(day);
    return 0;
}

/* ---- programs ---- */

static void test_a_program_that_cannot_run(void **state)
{
    (void)state;
    static const char relative[] = "true";
    static const char absent[] = "/no/such/program";
    static const char fails[] = "/bin/sh\0-c\0exit 3";
    struct bytes text = bytes_text("{}\n");
    assert_int_equal(alert_run(bytes_of(relative, sizeof relative), text, false),
                     ERR_ARG);
    assert_int_equal(alert_run((struct bytes){ 0 }, text, false), ERR_ARG);
    assert_int_equal(alert_run(bytes_of(absent, sizeof absent), text, false), ERR_IO);
    assert_int_equal(alert_run(bytes_of(fails, sizeof fails), text, true), ERR_IO);
}

/* It reads what it is given, word by word as named, and sees nothing of ours. */
static void test_what_a_program_sees(void **state)
{
    (void)state;
    static const char script[] =
        "/bin/sh\0-c\0[ \"$(cat)\" = '{\"a\":1}' ] && [ \"$1\" = 'two words; $x' ] && "
        "[ -z \"$KITH_HOME\" ] && [ -n \"$PATH\" ] && [ ! -e /proc/self/fd/9 ]\0sh\0"
        "two words; $x";
    assert_int_equal(setenv("KITH_HOME", "/tmp", 1), 0);
    int fd = dup2(STDERR_FILENO, 9);
    assert_int_equal(fd, 9);
    assert_int_equal(
        alert_run(bytes_of(script, sizeof script), bytes_text("{\"a\":1}\n"), false), OK);
    assert_int_equal(close(9), 0);
}

/* ---- words ---- */

static void say(enum alert_side side, unsigned event, struct alert_text *out)
{
    struct alert_place p = { .side = side };
    struct alerts a = { .day = day, .n = 1, .places = &p };
    struct seen_entry e = {
        .received = T0,
        .event = { .event = (uint8_t)event, .ward = { 4 }, .request = { 9 } }
    };
    char json[ALERT_JSON];
    alert_say(&a, &p, &e, out);
    alert_line(&a, &p, &e, json);
    assert_non_null(strstr(json, "{\"schema\":\"kith.alert/1\",\"event\":\""));
    assert_int_equal(json[strlen(json) - 1], '\n');
}

static void test_every_loud_event_has_its_sentence(void **state)
{
    (void)state;
    for (unsigned event = 1; event < 256; event++) {
        struct alert_text owner;
        struct alert_text guardian;
        if (strcmp(drop_event_name(event), "unknown") == 0 || !drop_event_loud(event))
            continue;
        say(ALERT_OWNER, event, &owner);
        say(ALERT_GUARDIAN, event, &guardian);
        assert_null(strchr(owner.what, '@'));
        assert_null(strchr(guardian.what, '@'));
        assert_null(strchr(owner.advice, '@'));
        /* The table's own words are for what this program does not know. */
        assert_null(strstr(owner.what, drop_event_what(event)));
        assert_null(strstr(guardian.what, drop_event_what(event)));
        assert_string_not_equal(owner.what, guardian.what);
    }
}

static void test_what_is_said_of_a_request(void **state)
{
    (void)state;
    struct alert_text t;
    say(ALERT_OWNER, REC_REQUEST_LIVE, &t);
    assert_string_equal(t.what, "Somebody asks for your keys at Ben's node.");
    assert_string_equal(t.command, "kith stop all");
    assert_true(t.asks);
    say(ALERT_GUARDIAN, REC_REQUEST_LIVE, &t);
    assert_string_equal(t.what, "Somebody asks for the piece of Ana.");
    assert_string_equal(t.command, "kith guard show 09000000000000000000000000000000");
    say(ALERT_OWNER, 250, &t);
    assert_string_equal(t.what, "Ben: something this program does not know.");
    assert_false(t.asks);
}

/* The same event of requests about other things. */
static void test_what_is_said_of_a_purpose(void **state)
{
    static const struct {
        uint8_t kind;
        uint8_t purpose;
        const char *owner;
        const char *guardian;
    } rows[] = {
        { REQUEST_CONFIRM, PURPOSE_ENROL,
          "You, or whoever has your root key, asked Ben to confirm you.",
          "Ana asks you to confirm them." },
        { REQUEST_CONFIRM, PURPOSE_EPOCH,
          "You, or whoever has your root key, asked Ben to confirm your new circle.",
          "Ana asks you to confirm their new circle." },
        { REQUEST_CONFIRM, PURPOSE_END,
          "You, or whoever has your root key, asked Ben to end your circle.",
          "Ana asks you to end their circle." },
        { REQUEST_MOVE, PURPOSE_MOVE,
          "Somebody asks Ben for a new root key of your circle.",
          "Somebody asks you for a new root key of Ana." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct request_line line = { .kind = rows[i].kind, .purpose = rows[i].purpose };
        struct seen_entry e = {
            .received = T0,
            .event = { .event = REC_REQUEST_LIVE, .ward = { 4 }, .request = { 9 } }
        };
        struct alert_text t;
        line.request[0] = 9;
        for (unsigned side = 0; side < 2; side++) {
            struct alert_place p = { .side = side == 0 ? ALERT_OWNER : ALERT_GUARDIAN,
                                     .requests = &line,
                                     .n_requests = 1 };
            struct alerts a = { .day = day, .n = 1, .places = &p };
            alert_say(&a, &p, &e, &t);
            assert_string_equal(t.what, side == 0 ? rows[i].owner : rows[i].guardian);
        }
    }
}

/* ---- how well a side is watched ---- */

static void test_amber(void **state)
{
    (void)state;
    struct day_me *me = &day->me;
    me->hold = 72 * HOUR;
    me->sealed_at = T0;
    assert_int_equal(alert_care(day, ALERT_OWNER, T0), CARE_UNTESTED);
    assert_int_equal(alert_care(day, ALERT_GUARDIAN, T0), CARE_UNTESTED);
    me->owner_sent = T0;
    assert_int_equal(alert_care(day, ALERT_OWNER, T0), CARE_SENT);
    assert_int_equal(alert_care(day, ALERT_GUARDIAN, T0), CARE_UNTESTED);
    assert_int_equal(alert_care(day, ALERT_OWNER, T0 + 24 * HOUR), CARE_UNTESTED);
    me->owner_tested = T0;
    assert_int_equal(alert_care(day, ALERT_OWNER, T0 + 36 * HOUR), CARE_FINE);
    assert_int_equal(alert_care(day, ALERT_OWNER, T0 + 36 * HOUR + 1), CARE_IDLE);
    assert_int_equal(alert_care(day, ALERT_GUARDIAN, T0), CARE_UNTESTED);
    me->watched = T0 + HOUR;
    assert_int_equal(alert_care(day, ALERT_OWNER, T0 + 37 * HOUR), CARE_FINE);
    me->watched = T0 + 9000 * HOUR; /* under a wrong clock */
    assert_int_equal(alert_care(day, ALERT_OWNER, T0 + 2 * HOUR), CARE_IDLE);
    me->watched = T0 + HOUR;
    me->failed = T0;
    assert_int_equal(alert_care(day, ALERT_OWNER, T0 + HOUR), CARE_FAILING);
    for (enum alert_care c = CARE_UNTESTED; c <= CARE_FAILING; c++)
        assert_true(alert_care_text(c)[0] != 0 && alert_care_next(c)[0] != 0);
}

/* One's own node, beside one, says nothing of what guardians' nodes know. */
static void test_what_counts_as_a_look(void **state)
{
    (void)state;
    struct alert_place places[2] = { { .side = ALERT_OWNER },
                                     { .side = ALERT_GUARDIAN } };
    struct call calls[2] = { { .err = ERR_TIMEOUT }, { .err = OK } };
    struct alerts a = { .n = 2, .places = places, .calls = calls };
    assert_false(alerts_counts(&a));
    calls[0].err = OK;
    calls[1].err = ERR_TIMEOUT;
    assert_true(alerts_counts(&a));
    places[0].side = ALERT_GUARDIAN;
    assert_true(alerts_counts(&a));
    calls[0].err = ERR_TIMEOUT;
    assert_false(alerts_counts(&a));
}

static void test_how_often(void **state)
{
    (void)state;
    assert_int_equal(alert_every(0), 6 * HOUR);
    assert_int_equal(alert_every(72 * HOUR), 6 * HOUR);
    assert_int_equal(alert_every(30 * 86400), 6 * HOUR);
    assert_int_equal(alert_every(12 * HOUR), 3 * HOUR);
    assert_int_equal(alert_every(60), 60);
}

/* ---- two copies ---- */

static void test_another_kith_wrote_in_between(void **state)
{
    (void)state;
    AUTO_DAY struct day *fresh = calloc(1, sizeof *fresh);
    fresh->n_guardians = 1;
    fresh->guardians[0] = (struct day_guardian){ .n_node = 1 };
    struct day_node *t = &fresh->guardians[0].node[0];
    struct day_node *f = &day->guardians[0].node[0];
    /* It caught the node; our look, which had not, does not clear it. */
    *f = (struct day_node){ .seen = T0, .log_seq = 5, .told_seq = 3 };
    *t = (struct day_node){ .seen = T0, .fault = SEEN_FORKED, .faulted = T0 };
    alerts_merge(day, fresh);
    assert_int_equal(t->fault, SEEN_FORKED);
    assert_int_equal(t->told_seq, 3);
    assert_int_equal(t->log_seq, 0);
    /* It knows a later log than ours. */
    *t = (struct day_node){ .seen = T0, .log_seq = 9 };
    alerts_merge(day, fresh);
    assert_int_equal(t->log_seq, 9);
    /* A person settled what we knew before; what is caught now counts. */
    *f = (struct day_node){ .seen = T0, .fault = SEEN_LOADED, .faulted = T0 - 50 };
    *t = (struct day_node){ .seen = T0 };
    alerts_merge(day, fresh);
    assert_int_equal(t->fault, SEEN_FINE);
    f->faulted = T0;
    alerts_merge(day, fresh);
    assert_int_equal(t->fault, SEEN_LOADED);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_program_that_cannot_run),
        CASE(test_what_a_program_sees),
        CASE(test_every_loud_event_has_its_sentence),
        CASE(test_what_is_said_of_a_request),
        CASE(test_what_is_said_of_a_purpose),
        CASE(test_amber),
        CASE(test_what_counts_as_a_look),
        CASE(test_how_often),
        CASE(test_another_kith_wrote_in_between),
    };
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
