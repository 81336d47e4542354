/* SPDX-License-Identifier: Apache-2.0 */
#include "client/term.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "proto/words.h"

/* Process-wide because a signal handler can reach nothing else. */
static struct termios echo_saved;
static volatile sig_atomic_t echo_off;

static unsigned screen_width(int fd)
{
    struct winsize w = { 0 };
    if (ioctl(fd, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
        return 80;
    if (w.ws_col < 20)
        return 20;
    return w.ws_col > 100 ? 100 : w.ws_col;
}

static bool has_text(const char *s)
{
    return s != NULL && s[0] != 0;
}

void term_init(struct term *t)
{
    *t = (struct term){ .out = stdout, .say = stderr, .in = STDIN_FILENO };
    bool screen = isatty(STDERR_FILENO) == 1;
    t->ask = screen && isatty(STDIN_FILENO) == 1;
    const char *type = getenv("TERM");
    t->color = screen && !has_text(getenv("NO_COLOR")) && has_text(type) &&
               strcmp(type, "dumb") != 0;
    t->width = screen ? screen_width(STDERR_FILENO) : 80;
    t->page = isatty(STDOUT_FILENO) == 1;
    t->passphrase_fd = -1;
    uint64_t fd = 0;
    const char *given = getenv("KITH_PASSPHRASE_FD");
    if (has_text(given) && number_parse(given, 0, 65535, &fd) == OK)
        t->passphrase_fd = (int)fd;
    const char *command = getenv("KITH_PASSPHRASE_COMMAND");
    t->passphrase_command = has_text(command) ? command : NULL;
}

void term_done(struct term *t)
{
    json_decref(t->problem.more);
    t->problem = (struct problem){ 0 };
}

/* ---- the echo, and what a signal does to it ---- */

static void on_signal(int number)
{
    (void)number;
    if (echo_off)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &echo_saved); /* ending anyway */
    static const char newline = '\n';
    (void)!write(STDERR_FILENO, &newline, 1);
    _exit(EXIT_INTERRUPTED);
}

void term_catch_signals(void)
{
    struct sigaction act = { .sa_handler = on_signal };
    (void)sigemptyset(&act.sa_mask); /* cannot fail */
    const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        MUST(sigaction(numbers[i], &act, NULL) == 0);
    /* A reader of our answer that went away is an error of write, not a death. */
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    MUST(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

void term_echo(int fd, enum term_echo how)
{
    if (how == ECHO_ON) {
        if (echo_off)
            (void)tcsetattr(fd, TCSAFLUSH, &echo_saved); /* nothing better to do */
        echo_off = 0;
        return;
    }
    if (tcgetattr(fd, &echo_saved) != 0)
        return;
    struct termios quiet = echo_saved;
    quiet.c_lflag &= (tcflag_t) ~(tcflag_t)ECHO;
    quiet.c_lflag |= ECHONL;
    echo_off = 1;
    (void)tcsetattr(fd, TCSAFLUSH, &quiet); /* not a terminal: there is no echo */
}

/* ---- saying ---- */

void term_progress_end(struct term *t)
{
    if (!t->progress)
        return;
    (void)fputs("\r\033[K", t->say);
    t->progress = false;
}

__attribute__((format(printf, 3, 0))) static void say(struct term *t, const char *prefix,
                                                      const char *fmt, va_list args)
{
    char text[TERM_TEXT + 64];
    int head = snprintf(text, sizeof text, "%s", prefix);
    MUST(head >= 0 && (size_t)head < sizeof text);
    (void)vsnprintf(text + head, sizeof text - (size_t)head, fmt, args); /* cut is fine */
    term_progress_end(t);
    term_wrap(t->say, text, 0, t->width);
    (void)fflush(t->say);
}

void term_say(struct term *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(t, "", fmt, args);
    va_end(args);
}

void term_title(struct term *t, const char *fmt, ...)
{
    term_progress_end(t);
    va_list args;
    va_start(args, fmt);
    (void)fputs(t->color ? "\033[1m" : "", t->say);
    say(t, "", fmt, args);
    (void)fputs(t->color ? "\033[0m" : "", t->say);
    va_end(args);
}

void term_warn(struct term *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(t, "Careful: ", fmt, args);
    va_end(args);
}

void term_progress(struct term *t, const char *fmt, ...)
{
    if (!t->ask || t->json)
        return;
    term_progress_end(t);
    va_list args;
    va_start(args, fmt);
    (void)vfprintf(t->say, fmt, args);
    va_end(args);
    (void)fflush(t->say);
    t->progress = true;
}

void term_answer(struct term *t, const char *fmt, ...)
{
    char text[TERM_TEXT];
    va_list args;
    va_list again;

    term_progress_end(t);
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (t->page && n >= 0 && (size_t)n < sizeof text) {
        term_row(t->out, text, t->width);
    } else {
        (void)vfprintf(t->out, fmt, again);
        (void)fputc('\n', t->out);
    }
    va_end(again);
    (void)fflush(t->out);
}

void term_tell(struct term *t, const char *fmt, ...)
{
    char text[TERM_TEXT];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); /* cut is fine */
    va_end(args);
    term_progress_end(t);
    term_wrap(t->out, text, 0, t->width);
    (void)fflush(t->out);
}

void term_json(struct term *t, const char *name, json_t *take_doc)
{
    term_progress_end(t);
    char schema[64];
    (void)snprintf(schema, sizeof schema, "kith.%s/1", name);
    json_t *doc = json_object();
    MUST(doc != NULL && json_object_set_new(doc, "schema", json_string(schema)) == 0);
    MUST(json_object_update(doc, take_doc) == 0);
    (void)json_dumpf(doc, t->out, JSON_COMPACT); /* a full disk shows at exit */
    (void)fputc('\n', t->out);
    (void)fflush(t->out);
    json_decref(doc);
    json_decref(take_doc);
}

json_t *json_slice(struct bytes text)
{
    return text.n == 0 ? json_null() : json_stringn((const char *)text.p, text.n);
}

json_t *json_hex(const uint8_t *p, size_t n)
{
    char text[2 * 64 + 1];
    MUST(n <= 64);
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    if (any == 0)
        return json_null();
    hex_encode(bytes_of(p, n), text, sizeof text);
    return json_string(text);
}

json_t *json_time(uint64_t unix_s)
{
    return unix_s == 0 ? json_null() : json_integer((json_int_t)unix_s);
}

json_t *json_words(const uint16_t *indices, size_t n)
{
    char text[WORDS_TEXT];
    words_format(indices, n, text, sizeof text);
    return json_string(text);
}

/* ---- errors ---- */

enum exit_code exit_of(enum err e)
{
    switch ((int)e) {
    case OK:
        return EXIT_FINE;
    case ERR_ARG:
    case ERR_TOO_BIG:
    case ERR_WORD:
    case ERR_CHECKSUM:
    case ERR_EXISTS:
        return EXIT_USAGE;
    case ERR_LOCKED:
        return EXIT_LOCKED;
    case ERR_UNKNOWN:
        return EXIT_NONE;
    case ERR_STOPPED:
    case ERR_TRIES:
    case ERR_FROZEN:
    case ERR_PAUSED:
    case ERR_LEFT:
        return EXIT_STOPPED;
    case ERR_SIGNATURE:
    case ERR_AUTH:
    case ERR_CORRUPT:
    case ERR_ROLLBACK:
        return EXIT_INTEGRITY;
    case ERR_BUSY:
        return EXIT_BUSY;
    case ERR_PASSPHRASE:
        return EXIT_PASSPHRASE;
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
    case ERR_CLOSED:
        return EXIT_AWAY;
    case ERR_VERSION:
        return EXIT_VERSION;
    default:
        return EXIT_FAILED;
    }
}

/* "Next: Name another file." would be typed. */
static bool is_sentence(const char *next)
{
    size_t n = strlen(next);
    return n > 0 && next[n - 1] == '.';
}

static void record(struct term *t, enum err e, enum exit_code code, const char *id,
                   const char *why, const char *next)
{
    MUST(e != OK);
    struct problem *p = &t->problem;
    bool said = next != NULL && is_sentence(next);
    json_decref(p->more);
    *p = (struct problem){ .err = e, .exit = code };
    (void)snprintf(p->id, sizeof p->id, "%s", id);
    if (said)
        (void)snprintf(p->why, sizeof p->why, "%s%s%s", why != NULL ? why : "",
                       why != NULL ? " " : "", next);
    else
        (void)snprintf(p->why, sizeof p->why, "%s", why != NULL ? why : err_hint(e));
    (void)snprintf(p->next, sizeof p->next, "%s", next != NULL && !said ? next : "");
}

enum err term_fail(struct term *t, enum err e, const char *next, const char *fmt, ...)
{
    record(t, e, exit_of(e), err_id(e), NULL, next);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(t->problem.what, sizeof t->problem.what, fmt, args);
    va_end(args);
    return e;
}

enum err term_fail_as(struct term *t, enum err e, enum exit_code code, const char *id,
                      const char *why, const char *next, const char *fmt, ...)
{
    record(t, e, code, id != NULL ? id : err_id(e), why, next);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(t->problem.what, sizeof t->problem.what, fmt, args);
    va_end(args);
    return e;
}

void term_fail_more(struct term *t, json_t *take_more)
{
    json_decref(t->problem.more);
    t->problem.more = take_more;
}

static void problem_json(struct term *t, const struct problem *p)
{
    json_t *doc = json_object();
    MUST(doc != NULL);
    if (p->more != NULL)
        MUST(json_object_update(doc, p->more) == 0);
    (void)json_object_set_new(doc, "id", json_string(p->id));
    (void)json_object_set_new(doc, "what", json_string(p->what));
    (void)json_object_set_new(doc, "why", json_string(p->why));
    (void)json_object_set_new(doc, "next", json_slice(bytes_text(p->next)));
    (void)json_object_set_new(doc, "exit", json_integer(p->exit));
    term_json(t, "error", doc);
}

static void problem_text(struct term *t, const struct problem *p)
{
    term_progress_end(t);
    (void)fputs(t->color ? "\033[1;31m" : "", t->say);
    term_wrap(t->say, p->what, 0, t->width);
    (void)fputs(t->color ? "\033[0m" : "", t->say);
    if (p->why[0] != 0)
        term_wrap(t->say, p->why, 0, t->width);
    /* A command stays on one line, to be copied. */
    if (p->next[0] != 0)
        (void)fprintf(t->say, "Next: %s\n", p->next);
    (void)fprintf(t->say, "(%s)\n", p->id);
    (void)fflush(t->say);
}

enum exit_code term_show_problem(struct term *t, enum err e)
{
    if (t->problem.err != e)
        (void)!term_fail(t, e, NULL, "%s", err_text(e));
    if (t->json)
        problem_json(t, &t->problem);
    else
        problem_text(t, &t->problem);
    return t->problem.exit;
}
