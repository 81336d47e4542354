/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/term.h"

/* A line without its end, blanks around removed; final zero. */
static size_t trim(char *line, size_t n)
{
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        n--;
    size_t head = 0;
    while (head < n && isspace((unsigned char)line[head]))
        head++;
    memmove(line, line + head, n - head);
    line[n - head] = 0;
    return n - head;
}

/*
 * One line from fd, byte by byte: what follows belongs to the next reader, and no
 * buffer of the C library keeps a copy of a secret. ERR_CLOSED: end before a byte.
 */
static enum err read_line(int fd, char *out, size_t cap, size_t *out_n)
{
    size_t n = 0;
    for (;;) {
        char c = 0;
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0 && n == 0)
            return ERR_CLOSED;
        if (got == 0 || c == '\n')
            break;
        if (n + 1 >= cap)
            return ERR_TOO_BIG;
        out[n++] = c;
    }
    if (n > 0 && out[n - 1] == '\r')
        n--;
    out[n] = 0;
    *out_n = n;
    return OK;
}

static enum err ask_failed(struct term *t, enum err e, const struct ask *a)
{
    if (e == ERR_CLOSED)
        return term_fail_as(t, ERR_CLOSED, EXIT_USAGE, "no-input",
                            "The input ended before a value came.", NULL,
                            "%s: nothing was typed.", a->text);
    return term_fail(t, e, NULL, "%s: this could not be read.", a->text);
}

static enum err cannot_ask(struct term *t, const struct ask *a)
{
    return term_fail_as(
        t, ERR_ARG, EXIT_USAGE, "missing-value",
        "There is no terminal to ask a person at, or --no-input was given.", NULL,
        "%s is needed: give %s.", a->text, a->flag);
}

/* At a terminal, after three lines that were no answer. */
static enum err no_answer(struct term *t, const struct ask *a)
{
    return term_fail_as(t, ERR_ARG, EXIT_USAGE, "missing-value",
                        "Nothing was done. Run the same command again.", NULL,
                        "%s: no answer came.", a->text);
}

/* An arrow key, say: it shows as ^[[D, and would stand in a name for ever. */
static bool has_control(const char *line)
{
    for (; *line != 0; line++)
        if ((unsigned char)*line < ' ' || *line == 127)
            return true;
    return false;
}

static void prompt(struct term *t, const char *text, const char *mark)
{
    term_progress_end(t);
    (void)fprintf(t->say, "%s%s ", text, mark);
    (void)fflush(t->say);
}

static const char no_arrows[] = "This holds a key that is no letter, an arrow key "
                                "perhaps. Type it again.";

/* What is typed may be words of a card. */
static void line_wipe(char (*line)[TERM_LINE])
{
    secret_wipe(*line, sizeof *line);
}

enum err term_ask(struct term *t, const struct ask *a, char *out, size_t cap)
{
    if (!t->ask)
        return cannot_ask(t, a);
    if (a->note != NULL)
        term_say(t, "%s", a->note);
    __attribute__((cleanup(line_wipe))) char line[TERM_LINE];
    for (int i = 0; i < 3; i++) {
        prompt(t, a->text, ":");
        size_t n = 0;
        enum err e = read_line(t->in, line, sizeof line, &n);
        if (e != OK)
            return ask_failed(t, e, a);
        n = trim(line, n);
        if (n >= cap)
            return ask_failed(t, ERR_TOO_BIG, a);
        if (has_control(line)) {
            term_say(t, "%s", no_arrows);
            continue;
        }
        if (n > 0) {
            memcpy(out, line, n + 1);
            return OK;
        }
    }
    return no_answer(t, a);
}

enum err term_ask_maybe(struct term *t, const struct ask *a, char *out, size_t cap)
{
    out[0] = 0;
    if (!t->ask)
        return OK;
    if (a->note != NULL)
        term_say(t, "%s", a->note);
    char line[TERM_LINE];
    for (int i = 0; i < 3; i++) {
        prompt(t, a->text,
               a->flag == NULL || a->flag[0] != 0 ? " (Enter to leave out):" : ":");
        size_t n = 0;
        enum err e = read_line(t->in, line, sizeof line, &n);
        if (e == ERR_CLOSED) {
            t->ask = false; /* nobody is there any more: loops around this end */
            return OK;
        }
        if (e != OK)
            return ask_failed(t, e, a);
        n = trim(line, n);
        if (n >= cap)
            return ask_failed(t, ERR_TOO_BIG, a);
        if (!has_control(line)) {
            memcpy(out, line, n + 1);
            return OK;
        }
        term_say(t, "%s", no_arrows);
    }
    return no_answer(t, a);
}

/* Whether the line says yes or no at all, and which. */
static bool yes_or_no(const char *line, bool *out_yes)
{
    if (strchr("yYnN", line[0]) == NULL || line[0] == 0)
        return false;
    *out_yes = line[0] == 'y' || line[0] == 'Y';
    return true;
}

enum err term_offer(struct term *t, const char *question, bool *out_yes)
{
    *out_yes = false;
    char line[TERM_LINE];
    for (int i = 0; t->ask && i < 3; i++) {
        prompt(t, question, " [y/n]");
        size_t n = 0;
        if (read_line(t->in, line, sizeof line, &n) != OK)
            return OK;
        trim(line, n);
        if (yes_or_no(line, out_yes))
            return OK;
        term_say(t, "Type y for yes or n for no.");
    }
    return OK;
}

enum err term_word(struct term *t, const char *word, const char *why)
{
    for (unsigned i = 0; i < t->n_yes; i++) {
        if (strcmp(t->yes[i], word) == 0)
            return OK;
    }
    char flag[80];
    (void)snprintf(flag, sizeof flag, "--yes %s", word);
    char text[120];
    (void)snprintf(text, sizeof text, "Type \"%s\" to go on", word);
    const struct ask a = { .text = text, .flag = flag, .note = why };
    const char *quote = strchr(word, ' ') != NULL ? "'" : "";
    if (!t->ask)
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "word-needed", why, NULL,
                            "This needs the word \"%s\": give --yes %s%s%s.", word, quote,
                            word, quote);
    char typed[80];
    TRY(term_ask(t, &a, typed, sizeof typed));
    if (strcmp(typed, word) == 0)
        return OK;
    return term_fail_as(t, ERR_STOPPED, EXIT_STOPPED, "not-agreed",
                        "Something else was typed, so nothing was done.", NULL,
                        "You did not type \"%s\".", word);
}

static bool begins(const char *whole, const char *part)
{
    return strncasecmp(whole, part, strlen(part)) == 0;
}

static bool choice_of(const char *typed, const char *const *options, size_t n,
                      size_t *out_index)
{
    uint64_t number = 0;
    if (number_parse(typed, 1, n, &number) == OK) {
        *out_index = (size_t)number - 1;
        return true;
    }
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) {
        if (!begins(options[i], typed))
            continue;
        *out_index = i;
        hits++;
    }
    return hits == 1;
}

enum err term_choose(struct term *t, const struct ask *a, const char *const *options,
                     size_t n, size_t *out_index)
{
    if (!t->ask)
        return cannot_ask(t, a);
    struct ask again = *a;
    for (int i = 0; i < 3; i++) {
        if (again.note != NULL)
            term_say(t, "%s", again.note);
        for (size_t k = 0; k < n; k++)
            term_say(t, "  %zu  %s", k + 1, options[k]);
        again.note = NULL;
        char typed[80];
        TRY(term_ask(t, &again, typed, sizeof typed));
        size_t chosen = 0;
        if (choice_of(typed, options, n, &chosen)) {
            *out_index = chosen;
            return OK;
        }
        term_say(t, "Type one of the numbers.");
    }
    return no_answer(t, a);
}

/* ---- secrets ---- */

static enum err secret_line(int fd, struct passphrase *out)
{
    size_t n = 0;
    enum err e = read_line(fd, (char *)out->b, sizeof out->b, &n);
    if (e == OK)
        out->n = n;
    return e;
}

enum err term_ask_secret(struct term *t, const struct ask *a, struct passphrase *out)
{
    if (!t->ask)
        return cannot_ask(t, a);
    if (a->note != NULL)
        term_say(t, "%s", a->note);
    for (int i = 0; i < 3; i++) {
        prompt(t, a->text, ":");
        term_echo(t->in, ECHO_OFF);
        enum err e = secret_line(t->in, out);
        term_echo(t->in, ECHO_ON);
        if (e != OK)
            return ask_failed(t, e, a);
        if (out->n > 0)
            return OK;
    }
    return no_answer(t, a);
}

static enum err pass_file(struct term *t, const char *path, struct passphrase *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return term_fail(t, errno == ENOENT ? ERR_UNKNOWN : ERR_IO, NULL,
                         "The passphrase file %s cannot be read: %s.", path,
                         strerror(errno));
    enum err e = secret_line(fd, out);
    (void)close(fd); /* only read from */
    if (e != OK)
        return term_fail(t, e == ERR_CLOSED ? ERR_ARG : e, NULL,
                         "The passphrase file %s holds no passphrase.", path);
    return OK;
}

static enum err pass_fd(struct term *t, struct passphrase *out)
{
    enum err e = secret_line(t->passphrase_fd, out);
    if (e != OK)
        return term_fail(t, ERR_ARG, NULL,
                         "No passphrase could be read from descriptor %d.",
                         t->passphrase_fd);
    return OK;
}

/* A password manager may say more than the passphrase; it should not be cut off. */
static void drain(int fd)
{
    uint8_t rest[1024];
    ssize_t got = 1;
    for (int i = 0; i < 64 && got > 0; i++)
        got = read(fd, rest, sizeof rest);
    secret_wipe(rest, sizeof rest);
}

static enum err pass_command_run(const char *command, int *out_fd, pid_t *out_pid)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ERR_IO;
    posix_spawn_file_actions_t acts;
    if (posix_spawn_file_actions_init(&acts) != 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return ERR_NOMEM;
    }
    char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, strdup(command), NULL };
    bool good = argv[2] != NULL &&
                posix_spawn_file_actions_adddup2(&acts, ends[1], STDOUT_FILENO) == 0 &&
                posix_spawn(out_pid, "/bin/sh", &acts, NULL, argv, environ) == 0;
    free(argv[2]);
    (void)posix_spawn_file_actions_destroy(&acts);
    (void)close(ends[1]); /* the child has its own */
    if (!good) {
        (void)close(ends[0]);
        return ERR_IO;
    }
    *out_fd = ends[0];
    return OK;
}

static enum err pass_command(struct term *t, struct passphrase *out)
{
    int fd = -1;
    pid_t pid = -1;
    int status = 0;
    enum err e = pass_command_run(t->passphrase_command, &fd, &pid);
    if (e == OK) {
        e = secret_line(fd, out);
        drain(fd);
        (void)close(fd); /* only read from */
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        if (e == OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
            e = ERR_ARG;
    }
    if (e != OK)
        return term_fail(t, ERR_ARG, NULL,
                         "The command of KITH_PASSPHRASE_COMMAND gave no passphrase.");
    return OK;
}

bool term_passphrase_asks(const struct term *t)
{
    return t->passphrase_file == NULL && t->passphrase_fd < 0 &&
           t->passphrase_command == NULL;
}

/* Sixteen characters of 32: 80 bits, which Argon2id makes ample. No words, because
   words of a list are something else here. */
static void make_up(const struct rng *rng, struct passphrase *out)
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    rng_fill(rng, out->b + 32, 16);
    size_t n = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i > 0 && i % 4 == 0)
            out->b[n++] = '-';
        out->b[n++] = (uint8_t)letters[out->b[32 + i] & 31];
    }
    secret_wipe(out->b + 32, 16);
    out->n = n;
}

static enum err offer_made_up(struct term *t, const struct rng *rng,
                              struct passphrase *out, bool *out_taken)
{
    bool yes = false;
    *out_taken = false;
    TRY(term_offer(t, "Shall kith make up a good passphrase for you?", &yes));
    if (!yes)
        return OK;
    make_up(rng, out);
    term_say(t, "Write this down and keep it at home, then type it below:");
    (void)fputs("\n    ", t->say);
    (void)fflush(t->say);
    /* Straight to the descriptor: stdio would keep a copy. */
    (void)!write(fileno(t->say), out->b, out->n);
    term_say(t, "\n\n");
    *out_taken = true;
    return OK;
}

static enum err ask_new(struct term *t, const struct rng *rng, struct passphrase *out)
{
    AUTO_SECRET struct passphrase *again = NULL;
    TRY(secret_new(&again));
    term_say(t, "The passphrase locks your keys on this machine. It is asked for "
                "when they are needed, and it is sent nowhere.");
    bool made_up = false;
    TRY(offer_made_up(t, rng, out, &made_up));
    const struct ask first = { "Passphrase", "--passphrase-file FILE", NULL };
    const struct ask second = { "Once more", "--passphrase-file FILE", NULL };
    for (int i = 0; i < 3; i++) {
        if (!made_up)
            TRY(term_ask_secret(t, &first, out));
        TRY(term_ask_secret(t, made_up ? &first : &second, again));
        if (again->n == out->n && secret_equal(again->b, out->b, out->n))
            break;
        term_say(t, made_up ? "That is not what stands above. Try again."
                            : "The two are not equal. Try again.");
        if (i == 2)
            return term_fail(t, ERR_PASSPHRASE, NULL,
                             "The passphrase was typed in two ways.");
    }
    if (out->n < 8)
        term_warn(t, "a passphrase this short is soon guessed by whoever copies this "
                     "machine.");
    return OK;
}

static enum err ask_open(struct term *t, struct passphrase *out)
{
    const struct ask a = { "Passphrase", "--passphrase-file FILE", NULL };
    if (!t->ask)
        return term_fail_as(t, ERR_LOCKED, EXIT_LOCKED, NULL,
                            "There is no terminal to ask for the passphrase at.", NULL,
                            "The keys are locked: give --passphrase-file FILE.");
    return term_ask_secret(t, &a, out);
}

static enum err passphrase_get(struct term *t, enum pass_want want, const struct rng *rng,
                               struct passphrase *out)
{
    if (t->passphrase_file != NULL)
        return pass_file(t, t->passphrase_file, out);
    if (t->passphrase_fd >= 0)
        return pass_fd(t, out);
    if (t->passphrase_command != NULL)
        return pass_command(t, out);
    if (want == PASS_OPEN)
        return ask_open(t, out);
    if (!t->ask)
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "missing-value",
                            "There is no terminal to ask a person at.", NULL,
                            "A passphrase is needed: give --passphrase-file FILE, or "
                            "--no-passphrase to go without.");
    return ask_new(t, rng, out);
}

enum err term_passphrase(struct term *t, enum pass_want want, const struct rng *rng,
                         struct passphrase **out)
{
    AUTO_SECRET struct passphrase *pass = NULL;
    TRY(secret_new(&pass));
    TRY(passphrase_get(t, want, rng, pass));
    if (pass->n == 0)
        return term_fail(t, ERR_ARG, NULL, "The passphrase is empty.");
    *out = pass;
    pass = NULL; /* the caller's now */
    return OK;
}
