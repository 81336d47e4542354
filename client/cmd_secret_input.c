/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/cmd_secret_part.h"
#include "client/otp.h"

/* ---- reading and writing ---- */

static enum err grow(struct home_blob *b, size_t max)
{
    size_t cap = b->cap == 0 ? 4096 : 2 * b->cap;
    struct home_blob more = { .n = b->n, .cap = cap < max + 1 ? cap : max + 1 };

    more.p = calloc(more.cap, 1);
    if (more.p == NULL)
        return ERR_NOMEM;
    if (b->n > 0)
        memcpy(more.p, b->p, b->n);
    home_blob_free(b);
    *b = more;
    return OK;
}

enum err read_whole(int fd, size_t max, struct home_blob *out)
{
    AUTO_BLOB struct home_blob b = { 0 };

    for (ssize_t got = 1; got > 0;) {
        if (b.n == b.cap)
            TRY(grow(&b, max));
        got = read(fd, b.p + b.n, b.cap - b.n);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got < 0)
            return ERR_IO;
        else
            b.n += (size_t)got;
        if (b.n > max)
            return ERR_TOO_BIG;
    }
    *out = b;
    b = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

enum err read_named(const struct ctx *ctx, const char *path, size_t max,
                    struct home_blob *out)
{
    struct term *t = ctx->term;
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? t->in : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return term_fail(t, errno == ENOENT ? ERR_UNKNOWN : ERR_IO, NULL,
                         "The file %s cannot be read: %s.", path, strerror(errno));
    enum err e = read_whole(fd, max, out);
    if (!standard)
        (void)close(fd); /* only read from */
    if (e == OK)
        return OK;
    const char *name = standard ? "Standard input" : path;
    if (e == ERR_TOO_BIG)
        return term_fail(t, e, NULL, "%s is longer than the %zu MiB one item may have.",
                         name, max >> 20);
    return term_fail(t, e, NULL, "%s cannot be read.", name);
}

enum err write_whole(int fd, struct bytes what)
{
    while (what.n > 0) {
        ssize_t put = write(fd, what.p, what.n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return ERR_IO;
        what = bytes_of(what.p + put, what.n - (size_t)put);
    }
    return OK;
}

enum err shown_on_purpose(const struct ctx *ctx)
{
    int fd = fileno(ctx->term->out);
    char next[NEXT_TEXT];

    if (ctx_option(ctx, "--show") != NULL || fd < 0 || isatty(fd) != 1)
        return OK;
    next_of(ctx->command->path, ctx->args[0], " --show", next);
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "needs-show",
                        "A secret on the screen is seen by whoever looks over your "
                        "shoulder, and stays in the terminal's memory. Send it to a "
                        "program or a file; kith secret show, with --howto, says how.",
                        next, "This would put a secret on the screen.");
}

enum err answer_bytes(const struct ctx *ctx, struct bytes what)
{
    FILE *out = ctx->term->out;

    term_progress_end(ctx->term);
    (void)fflush(out);
    /* A test's answer is a stream without a descriptor. */
    if (fileno(out) < 0)
        return fwrite(what.p, 1, what.n, out) == what.n ? OK : ERR_IO;
    if (write_whole(fileno(out), what) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_IO, errno == EPIPE ? EXIT_PIPE : EXIT_FAILED, NULL,
                        NULL, NULL, "The answer could not be written.");
}

/* ---- where a content comes from ---- */

static const char *source_word(const struct ctx *ctx)
{
    return ctx->n_args > 1 ? ctx->args[1] : NULL;
}

bool input_given(const struct ctx *ctx)
{
    return source_word(ctx) != NULL || ctx_option(ctx, "--file") != NULL ||
           ctx_option(ctx, "--make") != NULL;
}

static enum err one_source(const struct ctx *ctx)
{
    const char *word = source_word(ctx);
    struct term *t = ctx->term;
    int n = (word != NULL) + (ctx_option(ctx, "--file") != NULL) +
            (ctx_option(ctx, "--make") != NULL);

    if (n > 1)
        return term_fail(
            t, ERR_ARG, NULL,
            "Give one of - (standard input), @FILE, --file FILE and --make.");
    if (ctx_option(ctx, "--length") != NULL && ctx_option(ctx, "--make") == NULL)
        return term_fail(t, ERR_ARG, NULL, "--length goes with --make.");
    if (word == NULL || strcmp(word, "-") == 0 || (word[0] == '@' && word[1] != 0))
        return OK;
    return term_fail_as(t, ERR_ARG, EXIT_USAGE, "secret-in-arguments",
                        "Every program on this machine can read a command line, and the "
                        "shell keeps it. If that was the secret, change it.",
                        "Leave it out and type it when asked, or give - or @FILE.",
                        "A secret does not belong on the command line.");
}

/* ---- made up ---- */

static const char made_of[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

void make_password(const struct rng *rng, struct span out)
{
    const unsigned letters = sizeof made_of - 1;
    uint8_t draw = 0;

    for (size_t i = 0; i < out.n;) {
        rng_fill(rng, &draw, 1);
        /* The last, unfinished round of letters would make some likelier. */
        if (draw >= 256 / letters * letters)
            continue;
        out.p[i++] = (uint8_t)made_of[draw % letters];
    }
    secret_wipe(&draw, sizeof draw);
}

static enum err input_make(const struct ctx *ctx, unsigned type, struct input *out)
{
    const char *given = ctx_option(ctx, "--length");
    uint64_t n = MADE_LENGTH;

    if (given != NULL && number_parse(given, 8, 256, &n) != OK)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "--length takes a whole number from 8 to 256.");
    if (type != 0 && type != VAULT_PASSWORD && type != VAULT_KEY)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "Only a password or a key can be made up here.");
    out->bytes.p = calloc(n, 1);
    if (out->bytes.p == NULL)
        return ERR_NOMEM;
    out->bytes.n = n;
    out->bytes.cap = n;
    out->made = true;
    make_password(ctx->params->rng, (struct span){ out->bytes.p, n });
    return OK;
}

/* ---- typed ---- */

static enum err keep_typed(const struct passphrase *typed, struct input *out)
{
    out->bytes.p = calloc(typed->n, 1);
    if (out->bytes.p == NULL)
        return ERR_NOMEM;
    memcpy(out->bytes.p, typed->b, typed->n);
    out->bytes.n = typed->n;
    out->bytes.cap = typed->n;
    return OK;
}

static enum err type_twice(const struct ctx *ctx, struct input *out)
{
    AUTO_SECRET struct passphrase *one = NULL;
    AUTO_SECRET struct passphrase *two = NULL;
    const struct ask first = { "The secret", "-, @FILE, --file FILE or --make",
                               "It does not show while you type." };
    const struct ask second = { "Once more", first.flag, NULL };

    TRY(secret_new(&one));
    TRY(secret_new(&two));
    for (int i = 0; i < 3; i++) {
        TRY(term_ask_secret(ctx->term, &first, one));
        TRY(term_ask_secret(ctx->term, &second, two));
        if (one->n == two->n && secret_equal(one->b, two->b, one->n))
            return keep_typed(one, out);
        term_say(ctx->term, "The two are not equal. Try again.");
    }
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "typed-twice",
                        "Nothing was kept.", NULL, "The secret was typed in two ways.");
}

/* Notes show while they are typed, keys and codes do not. */
static enum err type_lines(const struct ctx *ctx, unsigned type, struct input *out)
{
    struct term *t = ctx->term;

    if (!t->ask)
        return term_fail_as(t, ERR_ARG, EXIT_USAGE, "missing-value",
                            "There is no terminal to ask a person at, or --no-input was "
                            "given.",
                            NULL, "The secret is needed: give -, @FILE or --file FILE.");
    /* Before the sentence: what is pasted at once must not show either. */
    if (type != VAULT_NOTE)
        term_echo(t->in, ECHO_OFF);
    term_say(t, type == VAULT_NOTE
                    ? "Type or paste it, then Enter and Ctrl-D."
                    : "Type or paste it, then Enter and Ctrl-D. It does not show.");
    enum err e = read_whole(t->in, VAULT_CONTENT_MAX, &out->bytes);
    if (type != VAULT_NOTE)
        term_echo(t->in, ECHO_ON);
    if (e != OK)
        return term_fail(t, e, NULL, "What was typed could not be read.");
    return OK;
}

static enum err input_type_in(const struct ctx *ctx, unsigned type, struct input *out)
{
    out->typed = true;
    if (type == VAULT_FILE)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "A file is not typed: give --file FILE, @FILE or -.");
    if (type == VAULT_NOTE || type == VAULT_KEY || type == VAULT_CODES)
        return type_lines(ctx, type, out);
    return type_twice(ctx, out);
}

enum err input_read(const struct ctx *ctx, unsigned type, struct input *out)
{
    const char *word = source_word(ctx);
    const char *file = ctx_option(ctx, "--file");

    TRY(one_source(ctx));
    if (ctx_option(ctx, "--make") != NULL)
        return input_make(ctx, type, out);
    if (word != NULL)
        file = word[0] == '@' ? word + 1 : word;
    if (file == NULL)
        return input_type_in(ctx, type, out);
    return read_named(ctx, file, VAULT_CONTENT_MAX, &out->bytes);
}

void input_free(struct input *in)
{
    home_blob_free(&in->bytes);
}

/* ---- what it is ---- */

static bool holds(struct bytes text, const char *part)
{
    return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* One line of printable text, its end left out. */
static bool one_line(struct bytes text)
{
    if (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    if (text.n > 0 && text.p[text.n - 1] == '\r')
        text.n--;
    return text.n > 0 && text.n <= PASSPHRASE_MAX && wire_printable(text);
}

/* Text of any length: every line printable, with tabs. */
static bool is_prose(struct bytes text)
{
    size_t from = 0;

    for (size_t i = 0; i <= text.n; i++) {
        bool end =
            i == text.n || text.p[i] == '\n' || text.p[i] == '\r' || text.p[i] == '\t';
        if (!end)
            continue;
        if (!wire_printable(bytes_of(text.p + from, i - from)))
            return false;
        from = i + 1;
    }
    return true;
}

enum vault_type input_type(const struct input *in)
{
    struct bytes b = bytes_of(in->bytes.p, in->bytes.n);

    if (b.n <= 4 * OTP_TEXT_MAX && holds(b, "otpauth://"))
        return VAULT_TOTP;
    if (holds(b, "AGE-SECRET-KEY-1") ||
        (holds(b, "-----BEGIN ") && holds(b, "PRIVATE KEY")))
        return VAULT_KEY;
    if (in->typed || in->made || one_line(b))
        return VAULT_PASSWORD;
    return is_prose(b) ? VAULT_NOTE : VAULT_FILE;
}

static enum err fits_totp(const struct ctx *ctx, struct bytes text)
{
    AUTO_SECRET struct otp *o = NULL;
    const char *why = "";

    TRY(secret_new(&o));
    if (otp_parse(text, o, &why) == OK)
        return OK;
    return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "no-totp", why, NULL,
                        "This is no secret of one-time codes: those are letters and "
                        "digits (base32), or an address that begins with otpauth://.");
}

/* A line end behind a password is never part of it, and keeps people out. */
static void cut_line_end(const struct ctx *ctx, struct home_blob *b)
{
    const uint8_t *first = b->n == 0 ? NULL : memchr(b->p, '\n', b->n);

    if (first == NULL || first != b->p + b->n - 1)
        return;
    b->n--;
    if (b->n > 0 && b->p[b->n - 1] == '\r')
        b->n--;
    term_say(ctx->term, "The line end behind the password was left out.");
}

enum err input_fits(const struct ctx *ctx, enum vault_type type, struct input *io)
{
    if (type == VAULT_PASSWORD && !io->typed && !io->made)
        cut_line_end(ctx, &io->bytes);
    if (io->bytes.n == 0)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "There is nothing to keep: it is empty.");
    if (type == VAULT_TOTP)
        return fits_totp(ctx, bytes_of(io->bytes.p, io->bytes.n));
    return OK;
}
