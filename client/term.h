/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How kith speaks with a person and with a script: answers on standard output,
 * everything else on standard error; prompts only on a terminal; errors in three
 * parts, recorded where they are known and shown once, by main. What is typed as a
 * secret goes to locked memory and is never echoed. Never decides what to do.
 */
#ifndef KITH_CLIENT_TERM_H
#define KITH_CLIENT_TERM_H

#include <stdio.h>

#include <jansson.h>

#include "proto/bytes.h"
#include "proto/err.h"
#include "proto/secret.h"

/* What the program ends with (scripts rely on it). */
enum exit_code {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_DEGRADED = 3, /* done, but degraded or unconfirmed */
    EXIT_LOCKED = 4,
    EXIT_NONE = 5,    /* no such thing */
    EXIT_STOPPED = 6, /* refused or stopped by a person */
    EXIT_WAITING = 7,
    EXIT_LOST = 8, /* cannot be restored today */
    EXIT_INTEGRITY = 9,
    EXIT_NO_CIRCLE = 10,
    EXIT_BUSY = 11,
    EXIT_PASSPHRASE = 12,
    EXIT_AWAY = 13, /* guardian unreachable */
    EXIT_VERSION = 14,
    EXIT_NOT_RUN = 126, /* of secret exec: the command cannot be run */
    EXIT_NO_COMMAND = 127,
    EXIT_INTERRUPTED = 130,
    EXIT_PIPE = 141 /* as of a program that SIGPIPE ends */
};

enum {
    PASSPHRASE_MAX = 512, /* bytes of a passphrase */
    TERM_YES = 8,         /* most --yes words of one command */
    TERM_TEXT = 1024,     /* longest formatted paragraph or error part, bytes */
    TERM_LINE = 4096      /* longest typed line, bytes */
};

/* A passphrase, in secret memory. */
struct passphrase {
    uint8_t b[PASSPHRASE_MAX];
    size_t n;
};

/* An error in three parts; texts are owned by the term. id "" is the table's. */
struct problem {
    enum err err;
    enum exit_code exit;
    char id[40];
    char what[TERM_TEXT];
    char why[TERM_TEXT];
    char next[TERM_TEXT];
    json_t *more; /* further members of kith.error/1, or NULL */
};

/* One conversation with a person or a script. { 0 } is not valid: term_init. */
struct term {
    FILE *out; /* the answer */
    FILE *say; /* talk and prompts */
    int in;    /* descriptor of what is typed, and of "-" */
    bool ask;  /* prompts are possible: both ends are terminals, not --no-input */
    bool json;
    bool color;
    bool progress;  /* a progress line is on screen */
    unsigned width; /* columns, 20 to 100 */
    bool page;      /* the answer is read on a screen, not by a program */
    const char *yes[TERM_YES];
    unsigned n_yes;
    const char *passphrase_file; /* the four sources, or NULL and -1 */
    int passphrase_fd;
    const char *passphrase_command;
    struct problem problem;
};

/* Standard streams, width, colour (NO_COLOR), passphrase sources of the environment. */
void term_init(struct term *t);
/* Frees what the term owns; restores the echo. */
void term_done(struct term *t);
/* SIGINT, SIGTERM and SIGHUP restore the echo and end the process with 130. */
void term_catch_signals(void);

enum term_echo { ECHO_OFF, ECHO_ON };

/* Whether what is typed at fd is shown; a signal in between shows it again. */
void term_echo(int fd, enum term_echo how);

/* ---- saying ---- */

/* A paragraph to the person (standard error), wrapped at words; a leading blank indents
   all its lines. Only printable text may be passed on (names, notes are). */
__attribute__((format(printf, 2, 3))) void term_say(struct term *t, const char *fmt, ...);
/* The same, in bold where the terminal has it. */
__attribute__((format(printf, 2, 3))) void term_title(struct term *t, const char *fmt,
                                                      ...);
/* The same, begins with "Careful: ". */
__attribute__((format(printf, 2, 3))) void term_warn(struct term *t, const char *fmt,
                                                     ...);
/* A line that is overwritten by what comes next; nothing unless on a terminal. */
__attribute__((format(printf, 2, 3))) void term_progress(struct term *t, const char *fmt,
                                                         ...);
/* Takes the progress line away; whatever else is said does so by itself. */
void term_progress_end(struct term *t);
/* One line of the answer (standard output), as it is; on a screen what is longer goes on
   below, at a word and indented. Not with --json. */
__attribute__((format(printf, 2, 3))) void term_answer(struct term *t, const char *fmt,
                                                       ...);
/* A paragraph of the answer (standard output), wrapped as term_say does. */
__attribute__((format(printf, 2, 3))) void term_tell(struct term *t, const char *fmt,
                                                     ...);
/* Prints {"schema":"kith.NAME/1", …members of take_doc} as one line. */
void term_json(struct term *t, const char *name, json_t *take_doc);
/* Wraps text to width columns, each line indented, final newline; words stay whole, and
   so do commands ("kith guard leave Ana", --yes 'erase Ana'): people copy them. */
void term_wrap(FILE *to, const char *text, unsigned indent, unsigned width);
/* One row: what is longer than width goes on below, as above, indented by two. */
void term_row(FILE *to, const char *row, unsigned width);

/* JSON values; zero, empty and all-zero become null. */
json_t *json_slice(struct bytes text);
json_t *json_hex(const uint8_t *p, size_t n);
json_t *json_time(uint64_t unix_s);
/* n words of the call list as one string. */
json_t *json_words(const uint16_t *indices, size_t n);

/* ---- errors: record, return; main shows them ---- */

/*
 * Records what went wrong about e and returns e: TRY(term_fail(t, ERR_X, "kith …",
 * "Ana's node …")). next is a command to be typed, or NULL; a sentence (it ends with a
 * full stop) is said with the reason, never as a command. An id, a sentence why and an
 * exit code come from the table. The newest record stands. e is not OK (MUST).
 */
__attribute__((format(printf, 4, 5))) enum err
term_fail(struct term *t, enum err e, const char *next, const char *fmt, ...);
/* The same with own exit code and stable id (NULL: e's); why NULL: e's hint. */
__attribute__((format(printf, 7, 8))) enum err
term_fail_as(struct term *t, enum err e, enum exit_code code, const char *id,
             const char *why, const char *next, const char *fmt, ...);
/* Adds members to the recorded problem's JSON (tries_left, candidates). */
void term_fail_more(struct term *t, json_t *take_more);
/* Exit code of a plain error. */
enum exit_code exit_of(enum err e);
/* Shows the recorded problem, or else e's own sentences; returns the exit code. */
enum exit_code term_show_problem(struct term *t, enum err e);

/* ---- asking ---- */

/* One value a person types. */
struct ask {
    const char *text; /* "Your name" */
    const char *flag; /* "--name NAME": named by the error without a terminal */
    const char *note; /* a paragraph before the prompt, or NULL */
};

/*
 * Asks for a line into out (cap bytes, final zero, blanks around removed); an empty
 * line asks again, three times at most. ERR_ARG (exit 2, names the flag) where no
 * prompt is possible; ERR_TOO_BIG; ERR_CLOSED at the end of input.
 */
enum err term_ask(struct term *t, const struct ask *a, char *out, size_t cap);
/*
 * An offer: an optional value; an empty answer, or no terminal, gives "". With the flag
 * "" the text itself says what an empty answer means. The end of input is an empty answer
 * too, and nothing is asked after it (ask is false).
 */
enum err term_ask_maybe(struct term *t, const struct ask *a, char *out, size_t cap);
/* An offer of yes or no; false without a terminal. */
enum err term_offer(struct term *t, const char *question, bool *out_yes);
/*
 * The typed word that a dangerous step needs: --yes WORD, or typed at the prompt.
 * ERR_ARG (exit 2, names --yes WORD) otherwise; ERR_STOPPED (exit 6) when the person
 * typed something else.
 */
enum err term_word(struct term *t, const char *word, const char *why);
/* One of n options by its number or beginning. ERR_ARG names the flag. */
enum err term_choose(struct term *t, const struct ask *a, const char *const *options,
                     size_t n, size_t *out_index);
/* A typed secret without echo into secret memory. Errors as term_ask. */
enum err term_ask_secret(struct term *t, const struct ask *a, struct passphrase *out);

enum pass_want { PASS_OPEN, PASS_NEW };

/*
 * A passphrase from --passphrase-file, --passphrase-fd, KITH_PASSPHRASE_FD,
 * KITH_PASSPHRASE_COMMAND or the terminal, in this order; caller frees the secret.
 * PASS_NEW asks twice and offers one made of rng's bytes. Without any source: ERR_LOCKED
 * (exit 4) for PASS_OPEN, ERR_ARG (exit 2) for PASS_NEW. The first line counts.
 */
enum err term_passphrase(struct term *t, enum pass_want want, const struct rng *rng,
                         struct passphrase **out);
/* Whether term_passphrase would ask a person (then a wrong one may be asked again). */
bool term_passphrase_asks(const struct term *t);

/* ---- values ---- */

/*
 * Bytes of the file at path, or of standard input for "-", into out; *out_n of them.
 * ERR_UNKNOWN (5): no such file; ERR_IO; ERR_TOO_BIG. Records the problem.
 */
enum err term_read(struct term *t, const char *path, struct span out, size_t *out_n);
/* A value as given, or for "@FILE" and "-" what stands there, blanks around removed. */
enum err term_value(struct term *t, const char *given, struct span out, size_t *out_n);

/* A whole number with s, m, h or d, or plain 0; seconds. ERR_FORMAT, ERR_TOO_BIG. */
enum err duration_parse(const char *text, uint64_t max_s, uint64_t *out_s);
/* A whole decimal number from min to max. ERR_FORMAT, ERR_ARG. */
enum err number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out);

enum { DURATION_TEXT = 32, TIME_TEXT = 64 };

/* "3 days", "90 minutes", "none"; exact, in the largest fitting unit. */
void duration_text(uint64_t s, char out[DURATION_TEXT]);
/* "in 3 days", "2 hours ago", "now": rounded, for people. */
void when_text(uint64_t now, uint64_t then, char out[DURATION_TEXT]);
/* "Mon 23 Nov 2026, 14:05" in local time; "never" for 0. */
void time_text(uint64_t unix_s, char out[TIME_TEXT]);

/* The closest of n names to what was typed (edit distance at most 2), or NULL. */
const char *suggest(const char *typed, const char *const *names, size_t n);

#endif
