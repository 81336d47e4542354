/* SPDX-License-Identifier: Apache-2.0 */
/* What is said, asked and read; with streams and a pseudo-terminal of the test's own. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/term.h"
#include "proto/crypt.h"

static char out_text[8192];
static char say_text[8192];

/* A term whose streams are memory and whose input is given. */
static struct term quiet(const char *typed)
{
    struct term t = { .passphrase_fd = -1, .width = 60, .ask = typed != NULL, .in = -1 };
    memset(out_text, 0, sizeof out_text);
    memset(say_text, 0, sizeof say_text);
    t.out = fmemopen(out_text, sizeof out_text - 1, "w");
    t.say = fmemopen(say_text, sizeof say_text - 1, "w");
    assert_non_null(t.out);
    assert_non_null(t.say);
    if (typed == NULL)
        return t;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], typed, strlen(typed)), strlen(typed));
    (void)close(ends[1]);
    t.in = ends[0];
    return t;
}

static void done(struct term *t)
{
    (void)fclose(t->out);
    (void)fclose(t->say);
    if (t->in >= 0)
        (void)close(t->in);
    term_done(t);
}

static const struct ask name_ask = { "Your name", "--name NAME", NULL };

/* ---- asking ---- */

static void test_no_terminal_names_the_flag(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    char out[16] = "kept";
    assert_int_equal(term_ask(&t, &name_ask, out, sizeof out), ERR_ARG);
    assert_string_equal(out, "kept");
    assert_int_equal(term_show_problem(&t, ERR_ARG), EXIT_USAGE);
    assert_non_null(strstr(say_text, "--name NAME"));
    const char *const hows[] = { "met", "video" };
    size_t i = 9;
    assert_int_equal(term_choose(&t, &name_ask, hows, 2, &i), ERR_ARG);
    assert_int_equal(i, 9);
    done(&t);
}

static void test_offers_are_skipped(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    char out[16] = "old";
    bool yes = true;
    assert_int_equal(term_ask_maybe(&t, &name_ask, out, sizeof out), OK);
    assert_string_equal(out, "");
    assert_int_equal(term_offer(&t, "Shall I?", &yes), OK);
    assert_false(yes);
    assert_int_equal(fflush(t.say), 0);
    assert_string_equal(say_text, "");
    done(&t);
}

/* A loop around an offer ends with the input. */
static void test_the_end_of_input_ends_asking(void **state)
{
    (void)state;
    struct term t = quiet("\n");
    char out[16] = "old";
    assert_int_equal(term_ask_maybe(&t, &name_ask, out, sizeof out), OK);
    assert_true(t.ask);
    assert_int_equal(term_ask_maybe(&t, &name_ask, out, sizeof out), OK);
    assert_string_equal(out, "");
    assert_false(t.ask);
    done(&t);
}

static void test_typed_lines(void **state)
{
    (void)state;
    struct term t = quiet("\n   Ruth  \nfar too long for this\n");
    char out[8];
    assert_int_equal(term_ask(&t, &name_ask, out, sizeof out), OK);
    assert_string_equal(out, "Ruth");
    assert_int_equal(term_ask(&t, &name_ask, out, sizeof out), ERR_TOO_BIG);
    assert_int_equal(term_ask(&t, &name_ask, out, sizeof out), ERR_CLOSED);
    assert_int_equal(t.problem.exit, EXIT_USAGE);
    assert_string_equal(out, "Ruth");
    done(&t);
}

static void test_nothing_typed_three_times(void **state)
{
    (void)state;
    struct term t = quiet("\n\n\nRuth\n");
    char out[8] = "";
    assert_int_equal(term_ask(&t, &name_ask, out, sizeof out), ERR_ARG);
    done(&t);
}

static void test_arrow_key_is_no_name(void **state)
{
    (void)state;
    struct term t = quiet("Ru\033[Dth\nRuth\n\033[A\n\n");
    char out[8] = "";
    assert_int_equal(term_ask(&t, &name_ask, out, sizeof out), OK);
    assert_string_equal(out, "Ruth");
    assert_int_equal(term_ask_maybe(&t, &name_ask, out, sizeof out), OK);
    assert_string_equal(out, "");
    done(&t);
}

static void test_yes_and_no(void **state)
{
    (void)state;
    struct term t = quiet("what\nYes\nn\n");
    bool yes = false;
    assert_int_equal(term_offer(&t, "Shall I?", &yes), OK);
    assert_true(yes);
    assert_int_equal(term_offer(&t, "Shall I?", &yes), OK);
    assert_false(yes);
    assert_int_equal(term_offer(&t, "Shall I?", &yes), OK);
    assert_false(yes);
    done(&t);
}

static void test_dangerous_word(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    assert_int_equal(term_word(&t, "one-of", "One guardian alone."), ERR_ARG);
    assert_non_null(strstr(t.problem.what, "--yes one-of"));
    t.yes[t.n_yes++] = "one";
    assert_int_equal(term_word(&t, "one-of", "One guardian alone."), ERR_ARG);
    t.yes[t.n_yes++] = "one-of";
    assert_int_equal(term_word(&t, "one-of", "One guardian alone."), OK);
    done(&t);
    t = quiet("one\none-of\n");
    assert_int_equal(term_word(&t, "one-of", "One guardian alone."), ERR_STOPPED);
    assert_int_equal(t.problem.exit, EXIT_STOPPED);
    assert_int_equal(term_word(&t, "one-of", "One guardian alone."), OK);
    done(&t);
}

static void test_choosing(void **state)
{
    (void)state;
    struct term t = quiet("9\nv\nvi\n1\n0\n3\nx\n");
    const char *const hows[] = { "met", "video", "vouched" };
    size_t i = 9;
    assert_int_equal(term_choose(&t, &name_ask, hows, 3, &i), OK);
    assert_int_equal(i, 1);
    assert_int_equal(term_choose(&t, &name_ask, hows, 3, &i), OK);
    assert_int_equal(i, 0);
    assert_int_equal(term_choose(&t, &name_ask, hows, 3, &i), OK);
    assert_int_equal(i, 2);
    assert_int_equal(term_choose(&t, &name_ask, hows, 3, &i), ERR_CLOSED);
    done(&t);
}

/* ---- passphrases ---- */

static void expect_pass(struct term *t, const char *expected)
{
    AUTO_SECRET struct passphrase *pass = NULL;
    assert_int_equal(term_passphrase(t, PASS_OPEN, &crypt_random, &pass), OK);
    assert_int_equal(pass->n, strlen(expected));
    assert_memory_equal(pass->b, expected, pass->n);
}

static void expect_none(struct term *t, enum pass_want want, enum err e,
                        enum exit_code code)
{
    struct passphrase *pass = NULL;
    assert_int_equal(term_passphrase(t, want, &crypt_random, &pass), e);
    assert_null(pass);
    assert_int_equal(t->problem.exit, code);
}

static void test_no_source(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    expect_none(&t, PASS_OPEN, ERR_LOCKED, EXIT_LOCKED);
    assert_non_null(strstr(t.problem.what, "--passphrase-file"));
    expect_none(&t, PASS_NEW, ERR_ARG, EXIT_USAGE);
    assert_true(term_passphrase_asks(&t));
    done(&t);
}

static void temp_file(char path[32], const char *content)
{
    (void)snprintf(path, 32, "/tmp/kith-term-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    (void)close(fd);
}

static void test_sources(void **state)
{
    (void)state;
    char path[32];
    char empty[32];
    struct term t = quiet("typed\n");
    temp_file(path, "from the file\nsecond line\n");
    temp_file(empty, "");
    t.passphrase_command = "printf 'from a command\\nuser: me\\n'";
    expect_pass(&t, "from a command");
    t.passphrase_command = "echo first; cat /dev/zero";
    expect_none(&t, PASS_OPEN, ERR_ARG, EXIT_USAGE);
    t.passphrase_command = "exit 3";
    expect_none(&t, PASS_OPEN, ERR_ARG, EXIT_USAGE);
    t.passphrase_command = "echo half; exit 3";
    expect_none(&t, PASS_OPEN, ERR_ARG, EXIT_USAGE);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "from a descriptor\r\nmore", 23), 23);
    t.passphrase_fd = ends[0];
    expect_pass(&t, "from a descriptor");
    t.passphrase_fd = 65000;
    expect_none(&t, PASS_OPEN, ERR_ARG, EXIT_USAGE);
    t.passphrase_file = path;
    expect_pass(&t, "from the file");
    t.passphrase_file = empty;
    expect_none(&t, PASS_OPEN, ERR_ARG, EXIT_USAGE);
    t.passphrase_file = "/nonexistent/file";
    expect_none(&t, PASS_OPEN, ERR_UNKNOWN, EXIT_NONE);
    assert_false(term_passphrase_asks(&t));
    t.passphrase_file = NULL;
    t.passphrase_fd = -1;
    t.passphrase_command = NULL;
    expect_pass(&t, "typed");
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)unlink(path);
    (void)unlink(empty);
    done(&t);
}

static void test_new_passphrase_is_typed_twice(void **state)
{
    (void)state;
    struct term t = quiet("n\none\ntwo\nthree\nthree\n");
    struct passphrase *pass = NULL;
    assert_int_equal(term_passphrase(&t, PASS_NEW, &crypt_random, &pass), OK);
    assert_memory_equal(pass->b, "three", 5);
    secret_free(pass);
    done(&t);
    t = quiet("n\na\nb\nc\nd\ne\nf\n");
    expect_none(&t, PASS_NEW, ERR_PASSPHRASE, EXIT_PASSPHRASE);
    done(&t);
}

static void fill_count(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(224 + i);
}

static void test_made_up_passphrase(void **state)
{
    (void)state;
    const struct rng count = { fill_count, NULL };
    char path[32];
    temp_file(path, "");
    struct term t = quiet("y\n0123-4567-89ab-cdef\n");
    (void)fclose(t.say);
    t.say = fopen(path, "w+");
    struct passphrase *pass = NULL;
    assert_int_equal(term_passphrase(&t, PASS_NEW, &count, &pass), OK);
    assert_int_equal(pass->n, 19);
    assert_memory_equal(pass->b, "0123-4567-89ab-cdef", 19);
    secret_free(pass);
    char shown[2048] = "";
    rewind(t.say);
    assert_true(fread(shown, 1, sizeof shown - 1, t.say) > 0);
    assert_non_null(strstr(shown, "0123-4567-89ab-cdef"));
    (void)unlink(path);
    done(&t);
}

static void test_too_long_passphrase(void **state)
{
    (void)state;
    char text[PASSPHRASE_MAX + 2];
    memset(text, 'x', sizeof text);
    text[PASSPHRASE_MAX] = '\n';
    text[PASSPHRASE_MAX + 1] = 0;
    struct term t = quiet(text);
    expect_none(&t, PASS_OPEN, ERR_TOO_BIG, EXIT_USAGE);
    done(&t);
}

/* ---- a terminal: the echo, and a signal in between ---- */

static bool echoes(int fd)
{
    struct termios now = { 0 };
    assert_int_equal(tcgetattr(fd, &now), 0);
    return (now.c_lflag & ECHO) != 0;
}

static void read_until(int master, const char *text)
{
    char all[4096] = "";
    size_t n = 0;
    for (int i = 0; i < 1000 && strstr(all, text) == NULL; i++) {
        ssize_t got = read(master, all + n, sizeof all - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        all[n] = 0;
    }
    assert_non_null(strstr(all, text));
}

static _Noreturn void child_asks(int tty)
{
    (void)setsid();
    (void)ioctl(tty, TIOCSCTTY, 0);
    if (dup2(tty, 0) < 0 || dup2(tty, 1) < 0 || dup2(tty, 2) < 0)
        _exit(99);
    struct term t;
    term_init(&t);
    term_catch_signals();
    struct passphrase *pass = NULL;
    if (!t.ask || term_passphrase(&t, PASS_OPEN, &crypt_random, &pass) != OK)
        _exit(98);
    _exit(pass->n == 3 ? 0 : 97);
}

/* Answers, or interrupts, a child that asks for a passphrase; its exit status. */
static int with_terminal(const char *typed, int signal_number)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(tty >= 0);
    assert_true(echoes(tty));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child_asks(tty);
    read_until(master, "Passphrase:");
    /* The prompt stands before the echo goes; flushing drops what was typed early. */
    for (int i = 0; i < 2000 && echoes(tty); i++)
        (void)usleep(1000);
    assert_false(echoes(tty));
    if (typed != NULL)
        assert_int_equal(write(master, typed, strlen(typed)), strlen(typed));
    if (signal_number != 0)
        assert_int_equal(kill(pid, signal_number), 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(echoes(tty));
    (void)close(tty);
    (void)close(master);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_echo_is_off_while_typing(void **state)
{
    (void)state;
    assert_int_equal(with_terminal("abc\n", 0), 0);
}

static void test_interrupt_restores_the_echo(void **state)
{
    (void)state;
    assert_int_equal(with_terminal(NULL, SIGINT), 130);
    assert_int_equal(with_terminal(NULL, SIGTERM), 130);
    assert_int_equal(with_terminal("\x03", 0), 130);
}

/* ---- saying ---- */

static void wrapped(const char *text, unsigned indent, const char *expected)
{
    char got[1024] = "";
    FILE *f = fmemopen(got, sizeof got - 1, "w");
    term_wrap(f, text, indent, 20);
    (void)fclose(f);
    assert_string_equal(got, expected);
}

static void test_wrapping(void **state)
{
    (void)state;
    wrapped("", 0, "\n");
    wrapped("short", 2, "  short\n");
    wrapped("one two three four five six", 0, "one two three four\nfive six\n");
    wrapped("aword-longer-than-the-whole-line x", 0,
            "aword-longer-than-the-whole-line\nx\n");
    wrapped("  a b\nc", 0, "  a b\nc\n");
    /* Characters count, not bytes. */
    wrapped("öööööööööö ööööööööö", 0, "öööööööööö ööööööööö\n");
    wrapped("öööööööööö öööööööööö", 0, "öööööööööö\nöööööööööö\n");
}

static void test_commands_stay_whole(void **state)
{
    (void)state;
    wrapped("Then run kith guard leave Ana, please", 0,
            "Then run\nkith guard leave Ana,\nplease\n");
    wrapped("one two (kith check). three four", 2,
            "  one two\n  (kith check).\n  three four\n");
    wrapped("With a --yes 'erase Ana' again", 0, "With a\n--yes 'erase Ana'\nagain\n");
    wrapped("Now kith guardian replace Cy --with Gil LINK helps every one here", 0,
            "Now\nkith guardian replace Cy --with Gil LINK\nhelps every one here\n");
    wrapped("He said \"quite a long sentence\" to us", 0,
            "He said \"quite a\nlong sentence\" to us\n");
    wrapped("ends with kith", 2, "  ends with kith\n");
}

/* What a program reads stays one line; on a screen no word is cut. */
static void test_a_long_answer(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    t.width = 20;
    term_answer(&t, "07:31  %s changed what you had", "Ben");
    t.page = true;
    term_answer(&t, "07:31  %s changed what you had", "Ben");
    term_answer(&t, "%s", "exactly twenty chars");
    term_answer(&t, "a-word-longer-than-the-line and more");
    term_answer(&t, "%s", "");
    (void)fflush(t.out);
    assert_string_equal(out_text, "07:31  Ben changed what you had\n"
                                  "07:31  Ben changed\n  what you had\n"
                                  "exactly twenty chars\n"
                                  "a-word-longer-than-the-line\n  and more\n\n");
    done(&t);
}

static void test_answer_and_talk_are_apart(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    term_say(&t, "Hello %s", "you");
    term_title(&t, "Title");
    term_warn(&t, "it is hot");
    term_progress(&t, "nothing without a terminal");
    term_answer(&t, "%s", "four words");
    t.width = 16;
    term_tell(&t, "a paragraph of the %s", "answer");
    (void)fflush(t.say);
    assert_string_equal(out_text, "four words\na paragraph of\nthe answer\n");
    assert_string_equal(say_text, "Hello you\nTitle\nCareful: it is hot\n");
    done(&t);
}

static void test_json(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    const uint8_t id[2] = { 0xab, 1 };
    const uint8_t zero[2] = { 0 };
    const uint16_t words[2] = { 0, 1295 };
    json_t *doc = json_object();
    (void)json_object_set_new(doc, "id", json_hex(id, 2));
    (void)json_object_set_new(doc, "none", json_hex(zero, 2));
    (void)json_object_set_new(doc, "at", json_time(7));
    (void)json_object_set_new(doc, "never", json_time(0));
    (void)json_object_set_new(doc, "name", json_slice((struct bytes){ 0 }));
    (void)json_object_set_new(doc, "w", json_words(words, 2));
    term_json(&t, "test", doc);
    assert_string_equal(
        out_text, "{\"schema\":\"kith.test/1\",\"id\":\"ab01\",\"none\":null,"
                  "\"at\":7,\"never\":null,\"name\":null,\"w\":\"aardvark zucchini\"}"
                  "\n");
    done(&t);
}

/* ---- problems ---- */

static void test_problem_in_three_parts(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    assert_int_equal(term_fail(&t, ERR_UNREACHABLE, "kith status", "%s is away.", "Ana"),
                     ERR_UNREACHABLE);
    assert_int_equal(term_show_problem(&t, ERR_UNREACHABLE), EXIT_AWAY);
    assert_non_null(strstr(say_text, "Ana is away.\n"));
    assert_non_null(strstr(say_text, "\nNext: kith status\n(unreachable)\n"));
    assert_string_equal(out_text, "");
    done(&t);
}

/* "Next:" is typed as it stands; what is to be done besides is said with the reason. */
static void test_advice_is_no_command(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    (void)!term_fail_as(&t, ERR_EXISTS, EXIT_USAGE, NULL, "It stays.", "Name another.",
                        "F is there already.");
    assert_int_equal(term_show_problem(&t, ERR_EXISTS), EXIT_USAGE);
    assert_null(strstr(say_text, "Next:"));
    assert_non_null(strstr(say_text, "already.\nIt stays. Name another.\n(exists)\n"));
    done(&t);
    t = quiet(NULL);
    t.json = true;
    (void)!term_fail(&t, ERR_ARG, "One card at a time.", "Two cards.");
    assert_int_equal(term_show_problem(&t, ERR_ARG), EXIT_USAGE);
    assert_non_null(strstr(out_text, "\"why\":\"One card at a time.\",\"next\":null"));
    done(&t);
}

static void test_problem_as_json(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    t.json = true;
    (void)!term_fail_as(&t, ERR_WORD, EXIT_FAILED, "words-wrong", "Why.", NULL, "What.");
    term_fail_more(&t, json_pack("{s:i}", "tries_left", 4));
    assert_int_equal(term_show_problem(&t, ERR_WORD), EXIT_FAILED);
    assert_string_equal(out_text,
                        "{\"schema\":\"kith.error/1\",\"tries_left\":4,"
                        "\"id\":\"words-wrong\",\"what\":\"What.\",\"why\":\"Why.\","
                        "\"next\":null,\"exit\":1}\n");
    assert_string_equal(say_text, "");
    done(&t);
}

/* What nobody recorded is told by the table. */
static void test_problem_of_another_error(void **state)
{
    (void)state;
    struct term t = quiet(NULL);
    (void)!term_fail(&t, ERR_ARG, NULL, "Old.");
    assert_int_equal(term_show_problem(&t, ERR_BUSY), EXIT_BUSY);
    assert_null(strstr(say_text, "Old."));
    done(&t);
}

static void test_exit_codes(void **state)
{
    (void)state;

    const struct {
        enum err e;
        int code;
    } rows[] = { { OK, 0 },           { ERR_NOMEM, 1 },       { ERR_ARG, 2 },
                 { ERR_CHECKSUM, 2 }, { ERR_LOCKED, 4 },      { ERR_UNKNOWN, 5 },
                 { ERR_STOPPED, 6 },  { ERR_TRIES, 6 },       { ERR_CORRUPT, 9 },
                 { ERR_BUSY, 11 },    { ERR_PASSPHRASE, 12 }, { ERR_UNREACHABLE, 13 },
                 { ERR_VERSION, 14 } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(exit_of(rows[i].e), rows[i].code);
}

/* ---- values ---- */

static void test_values(void **state)
{
    (void)state;
    struct term t = quiet("  from standard input\n");
    char path[32];
    char at[40];
    uint8_t out[32];
    size_t n = 99;
    temp_file(path, "\n KITH1:ABC\n\n");
    (void)snprintf(at, sizeof at, "@%s", path);
    assert_int_equal(term_value(&t, "@/nonexistent", SPAN_OF(out), &n), ERR_UNKNOWN);
    assert_int_equal(term_value(&t, at, (struct span){ out, 5 }, &n), ERR_TOO_BIG);
    assert_int_equal(term_value(&t, "abcdef", (struct span){ out, 5 }, &n), ERR_TOO_BIG);
    assert_int_equal(term_read(&t, "/", SPAN_OF(out), &n), ERR_IO);
    assert_int_equal(n, 99);
    assert_int_equal(term_value(&t, at, SPAN_OF(out), &n), OK);
    assert_true(bytes_equal(bytes_of(out, n), bytes_text("KITH1:ABC")));
    assert_int_equal(term_value(&t, " plain ", SPAN_OF(out), &n), OK);
    assert_true(bytes_equal(bytes_of(out, n), bytes_text("plain")));
    assert_int_equal(term_value(&t, "-", SPAN_OF(out), &n), OK);
    assert_true(bytes_equal(bytes_of(out, n), bytes_text("from standard input")));
    (void)unlink(path);
    done(&t);
}

static void test_durations(void **state)
{
    (void)state;
    const char *const bad[] = { "",    "1",   "d",   "-1d",  "1.5h",
                                "1w",  " 1d", "1 d", "0x1s", "99999999999999999999d",
                                "+1d", "1D",  "00",  "d1" };
    uint64_t s = 42;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(duration_parse(bad[i], UINT64_MAX, &s), ERR_FORMAT);
    assert_int_equal(duration_parse("31d", 30 * 86400, &s), ERR_TOO_BIG);
    assert_int_equal(duration_parse("9999999999999999999s", 30 * 86400, &s), ERR_TOO_BIG);
    assert_int_equal(s, 42);
    assert_int_equal(duration_parse("0", 10, &s), OK);
    assert_int_equal(s, 0);
    assert_int_equal(duration_parse("72h", 30 * 86400, &s), OK);
    assert_int_equal(s, 259200);
    assert_int_equal(duration_parse("30d", 30 * 86400, &s), OK);
    assert_int_equal(s, 2592000);
}

static void test_times_for_people(void **state)
{
    (void)state;
    char out[DURATION_TEXT];

    const struct {
        uint64_t s;
        const char *text;
    } rows[] = { { 0, "none" },       { 1, "1 second" },  { 90, "90 seconds" },
                 { 7200, "2 hours" }, { 86400, "1 day" }, { 259200, "3 days" } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        duration_text(rows[i].s, out);
        assert_string_equal(out, rows[i].text);
    }
    when_text(1000, 1000, out);
    assert_string_equal(out, "now");
    when_text(1000, 1000 + 3 * 86400, out);
    assert_string_equal(out, "in 3 days");
    when_text(10000, 10000 - 7200, out);
    assert_string_equal(out, "2 hours ago");
    when_text(0, 36 * 3600, out);
    assert_string_equal(out, "in 36 hours");
    char text[TIME_TEXT];
    time_text(0, text);
    assert_string_equal(text, "never");
    time_text(UINT64_MAX, text);
    assert_string_equal(text, "never");
    time_text(1, text);
    assert_non_null(strstr(text, "19"));
}

static void test_suggestions(void **state)
{
    (void)state;
    const char *const names[] = { "init", "guard", "guardian add", "status" };
    assert_string_equal(suggest("inti", names, 4), "init");
    assert_string_equal(suggest("gaurd", names, 4), "guard");
    assert_string_equal(suggest("guardian ad", names, 4), "guardian add");
    assert_null(suggest("zebra", names, 4));
    assert_null(suggest("", names, 4));
    char far[200];
    memset(far, 'x', sizeof far - 1);
    far[199] = 0;
    assert_null(suggest(far, names, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_terminal_names_the_flag),
        cmocka_unit_test(test_offers_are_skipped),
        cmocka_unit_test(test_the_end_of_input_ends_asking),
        cmocka_unit_test(test_typed_lines),
        cmocka_unit_test(test_nothing_typed_three_times),
        cmocka_unit_test(test_arrow_key_is_no_name),
        cmocka_unit_test(test_yes_and_no),
        cmocka_unit_test(test_dangerous_word),
        cmocka_unit_test(test_choosing),
        cmocka_unit_test(test_no_source),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_new_passphrase_is_typed_twice),
        cmocka_unit_test(test_made_up_passphrase),
        cmocka_unit_test(test_too_long_passphrase),
        cmocka_unit_test(test_echo_is_off_while_typing),
        cmocka_unit_test(test_interrupt_restores_the_echo),
        cmocka_unit_test(test_wrapping),
        cmocka_unit_test(test_commands_stay_whole),
        cmocka_unit_test(test_a_long_answer),
        cmocka_unit_test(test_answer_and_talk_are_apart),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_problem_in_three_parts),
        cmocka_unit_test(test_advice_is_no_command),
        cmocka_unit_test(test_problem_as_json),
        cmocka_unit_test(test_problem_of_another_error),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_times_for_people),
        cmocka_unit_test(test_suggestions),
    };
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
