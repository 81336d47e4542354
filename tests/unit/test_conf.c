/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/conf.h"
#include "proto/secret.h"

#define NODE "[Node]\nName = Ben\nListen = 127.0.0.1:0\nState = /var/lib/kith\n"

/* The text is wrong at this line, and the sentence says part. */
static void wrong(const char *text, unsigned line, const char *part)
{
    struct conf c;
    struct conf before;
    struct conf_error e = { 0 };

    memset(&c, 0x5a, sizeof(c));
    before = c;
    enum err got = conf_parse(bytes_text(text), &c, &e);
    if (got == OK || e.line != line || strstr(e.text, part) == NULL)
        fail_msg("%s: %s, line %u: \"%s\", not line %u: \"%s\"", text, err_name(got),
                 e.line, e.text, line, part);
    assert_memory_equal(&c, &before, sizeof(c));
    assert_true(e.text[strlen(e.text) - 1] == '.');
}

static void right(const char *text, struct conf *out)
{
    struct conf_error e = { 0 };

    if (conf_parse(bytes_text(text), out, &e) != OK)
        fail_msg("line %u: %s", e.line, e.text);
}

static void what_is_needed_is_named(void **state)
{
    (void)state;
    wrong("", 0, "[Node] Name is missing");
    wrong("[Node]\nName = Ben\n", 0, "[Node] Listen is missing");
    wrong("[Node]\nName = Ben\nListen = 1.2.3.4:5\n", 0, "[Node] State is missing");
}

static void unknown_and_repeated_keys_are_named_with_their_line(void **state)
{
    (void)state;
    wrong(NODE "Colour = red\n", 5, "no key \"Colour\" in section [Node]");
    wrong(NODE "name = Ben\n", 5, "no key \"name\"");
    wrong(NODE "\n# a comment\nName = Eva\n", 7, "Name was already given");
    wrong(NODE "[Nodes]\nName = x\n", 5, "no such section");
    wrong(NODE "[Nodes]\n", 5, "no such section");
    wrong(NODE "[Node\nName = x\n", 5, "no such section");
    wrong(NODE "[]\n", 5, "no such section");
    wrong(NODE "[Alerts]\nName = x\n", 6, "no key \"Name\" in section [Alerts]");
    wrong(NODE "[Limits]\nSeat = 3\n", 6, "no limit \"Seat\"");
    wrong(NODE "[Limits]\nSeats = 3\n[Limits]\nSeats = 4\n", 8,
          "Seats was already given");
    wrong("Name = Ben\n" NODE, 1, "before the first section");
    wrong(NODE "TrustClock\n", 5, "neither [Section]");
    /* Indented lines continue nothing: a repeated key does not hide in one. */
    wrong(NODE "    Name = Eva\n", 5, "Name was already given");
    wrong(NODE "    more\n", 5, "neither [Section]");
}

static void the_first_error_is_the_one_told(void **state)
{
    (void)state;
    wrong("[Node]\nnonsense\nColour = red\n", 2, "neither [Section]");
    wrong("[Node]\nColour = red\nnonsense\n", 2, "no key \"Colour\"");
}

static void values_say_what_is_allowed(void **state)
{
    (void)state;
    wrong("[Node]\nName =\n", 2, "Name must be 1 to 64 printable characters");
    wrong("[Node]\nName = a\x1b[2J\n", 2, "Name must be");
    wrong("[Node]\nName = \xff\xfe\n", 2, "Name must be");
    wrong("[Node]\nListen = localhost:1\n", 2, "Listen must be an IPv4 or IPv6 address");
    wrong("[Node]\nListen = 1.2.3.4\n", 2, "Listen must be");
    wrong("[Node]\nListen = 1.2.3.4:65536\n", 2, "Listen must be");
    wrong("[Node]\nListen = 1.2.3.256:1\n", 2, "Listen must be");
    wrong("[Node]\nState = lib/kith\n", 2, "State must be an absolute path");
    wrong("[Node]\nTrustClock = maybe\n", 2, "TrustClock must be yes or no");
    wrong("[Node]\nLockMemory = Yes\n", 2, "LockMemory must be yes or no");
    wrong("[Node]\nAdvertise = ben.example\n", 2, "Advertise must be 1 to 4 addresses");
    wrong("[Node]\nAdvertise = ben.example:0\n", 2, "Advertise must be");
    wrong("[Node]\nAdvertise = a.b:1, a.b:2, a.b:3, a.b:4, a.b:5\n", 2,
          "Advertise must be");
    wrong("[Node]\nAdvertise = a.b:1,\n", 2, "Advertise must be");
    wrong("[Alerts]\nExec = notify\n", 2, "Exec must be the absolute path of a program");
    wrong("[Alerts]\nExec = bin/true\n", 2, "Exec must be");
    wrong("[Alerts]\nExec = /no/such/program ben\n", 2, "Exec must be");
    wrong("[Alerts]\nExec = /etc/passwd\n", 2, "Exec must be");
    wrong("[Alerts]\nExec = /tmp\n", 2, "Exec must be");
    wrong("[Alerts]\nExec = /bin/true\\ ben\n", 2, "Exec must be");
    wrong("[Limits]\nSeats = 0\n", 2,
          "Seats must be a whole number from 1 to 256 (seats)");
    wrong("[Limits]\nSeats = 257\n", 2, "Seats must be");
    wrong("[Limits]\nSeats = -1\n", 2, "Seats must be");
    wrong("[Limits]\nSeats = 3x\n", 2, "Seats must be");
    wrong("[Limits]\nSeats = 0x10\n", 2, "Seats must be");
    wrong("[Limits]\nSeats = 99999999999999999999999\n", 2, "Seats must be");
    wrong("[Limits]\nSeats =\n", 2, "Seats must be");
}

static void long_values_are_refused_not_cut(void **state)
{
    (void)state;
    char text[2 * CONF_LINE];

    (void)snprintf(text, sizeof(text), "[Node]\nName = %065d\n", 7); /* fits */
    wrong(text, 2, "Name must be");
    (void)snprintf(text, sizeof(text), "[Node]\nState = /%0512d\n", 7); /* fits */
    wrong(text, 2, "State must be");
    (void)snprintf(text, sizeof(text), "[Node]\nState = /%01100d\n", 7); /* fits */
    wrong(text, 2, "The line is longer than 1024 characters");
}

static void what_is_not_a_text_is_refused(void **state)
{
    (void)state;
    static uint8_t big[CONF_FILE + 1];
    struct conf c = { .name = "x" };
    struct conf_error e = { 0 };
    const char zero[] = NODE "\0[Limits]\n";

    assert_int_equal(conf_parse(bytes_of(zero, sizeof(zero) - 1), &c, &e), ERR_FORMAT);
    assert_non_null(strstr(e.text, "zero byte"));
    memset(big, '\n', sizeof(big));
    assert_int_equal(conf_parse(BYTES_OF(big), &c, &e), ERR_TOO_BIG);
    assert_non_null(strstr(e.text, "larger than"));
    assert_string_equal(c.name, "x");
}

static void defaults_are_the_careful_ones(void **state)
{
    (void)state;
    struct conf c = { .name = "" };
    struct limits def;

    right(NODE, &c);
    assert_string_equal(c.name, "Ben");
    assert_string_equal(c.state, "/var/lib/kith");
    assert_int_equal(c.listen.kind, ADDRESS_IP4);
    assert_int_equal(c.listen.port, 0);
    assert_int_equal(c.n_advertise, 0);
    assert_false(c.trust_clock);
    assert_true(c.lock_memory);
    assert_string_equal(c.alert_exec, "");
    limits_default(&def);
    assert_memory_equal(&c.limits, &def, sizeof(def));
}

static void everything_can_be_set(void **state)
{
    (void)state;
    struct conf c = { .name = "" };

    right("\xef\xbb\xbf# Ben's node\r\n[Node]\r\nName: B\xc3\xa9n\r\n"
          "Listen = [::1]:7844 ; inside\nState = /s\nAdvertise = ben.example:7844 , "
          "[2001:db8::1]:1\nTrustClock = yes\nLockMemory = no\n\n[Limits]\nSeats = 2\n"
          "BytesPerWard = 1048576\n[Alerts]\nExec = /usr/bin/env -i ben",
          &c);
    assert_string_equal(c.name, "B\xc3\xa9n");
    assert_int_equal(c.listen.kind, ADDRESS_IP6);
    assert_int_equal(c.listen.port, 7844);
    assert_int_equal(c.n_advertise, 2);
    assert_int_equal(c.advertise[0].kind, ADDRESS_NAME);
    assert_int_equal(c.advertise[1].kind, ADDRESS_IP6);
    assert_true(c.trust_clock);
    assert_false(c.lock_memory);
    assert_int_equal(c.limits.seats, 2);
    assert_int_equal(c.limits.ward_bytes, 1048576);
    assert_string_equal(c.alert_exec, "/usr/bin/env -i ben");
}

static void a_file_is_read_whole(void **state)
{
    (void)state;
    char path[] = "/tmp/kith-conf-XXXXXX";
    struct conf c = { .name = "" };
    struct conf_error e = { 0 };

    assert_int_equal(conf_load("/nonexistent/kithd.conf", &c, &e), ERR_IO);
    assert_string_equal(e.text, "The file cannot be read.");
    assert_int_equal(conf_load("/tmp", &c, &e), ERR_IO);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, NODE, sizeof(NODE) - 1), sizeof(NODE) - 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(conf_load(path, &c, &e), OK);
    assert_string_equal(c.name, "Ben");
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_needed_is_named),
        cmocka_unit_test(unknown_and_repeated_keys_are_named_with_their_line),
        cmocka_unit_test(the_first_error_is_the_one_told),
        cmocka_unit_test(values_say_what_is_allowed),
        cmocka_unit_test(long_values_are_refused_not_cut),
        cmocka_unit_test(what_is_not_a_text_is_refused),
        cmocka_unit_test(defaults_are_the_careful_ones),
        cmocka_unit_test(everything_can_be_set),
        cmocka_unit_test(a_file_is_read_whole),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
