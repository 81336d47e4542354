/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kith secret exec: the command takes this process's place. Each secret lies in sealed
 * memory behind a descriptor that the command inherits; the environment names its path.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cmd_secret_part.h"

enum { HANDED_MAX = 16, VAR_MAX = 128 };

/* One NAME[=VAR]. */
struct handed {
    char name[VAULT_NAME_MAX + 1];
    char var[VAR_MAX];
    int fd; /* -1: not yet */
};

struct handing {
    struct handed list[HANDED_MAX];
    size_t n;
};

static void close_all(struct handing *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->list[i].fd >= 0)
            (void)close(h->list[i].fd);
        h->list[i].fd = -1;
    }
}

/* ---- which, and how they are called ---- */

static bool is_variable(const char *text)
{
    if (!isalpha((unsigned char)text[0]) && text[0] != '_')
        return false;
    for (const char *p = text; *p != 0; p++) {
        if (!isalnum((unsigned char)*p) && *p != '_')
            return false;
    }
    return strlen(text) < VAR_MAX;
}

/* "restic home" as RESTIC_HOME_FILE. */
static void variable_of(const char *name, char out[VAR_MAX])
{
    size_t n = 0;

    if (!isalpha((unsigned char)name[0]))
        out[n++] = '_';
    for (const char *p = name; *p != 0 && n < VAR_MAX - 8; p++) {
        char c = *p;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - ('a' - 'A'));
        bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out[n++] = '_';
        if (plain)
            out[n - 1] = c;
    }
    (void)snprintf(out + n, VAR_MAX - n, "_FILE");
}

/* A name may have = in it: where all of it is an item, it is that item. */
static enum err handed_read(const struct ctx *ctx, const struct shelf *s,
                            const char *given, struct handed *out)
{
    const char *eq = strrchr(given, '=');
    bool whole = eq == NULL || vault_find(s->vault, bytes_text(given)) != NULL;
    size_t n = whole ? strlen(given) : (size_t)(eq - given);

    if (n > VAULT_NAME_MAX)
        return term_fail(ctx->term, ERR_ARG, NULL, "A name is longer than %d bytes.",
                         VAULT_NAME_MAX);
    memcpy(out->name, given, n);
    out->name[n] = 0;
    variable_of(out->name, out->var);
    if (whole)
        return OK;
    if (!is_variable(eq + 1))
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "\"%s\" cannot be the name of a variable.", eq + 1);
    (void)snprintf(out->var, sizeof out->var, "%s", eq + 1);
    return OK;
}

static enum err handing_read(const struct ctx *ctx, const struct shelf *s,
                             struct handing *h)
{
    if (ctx->n_args > HANDED_MAX)
        return term_fail(ctx->term, ERR_ARG, NULL, "At most %d secrets go along.",
                         HANDED_MAX);
    for (size_t i = 0; i < ctx->n_args; i++) {
        TRY(handed_read(ctx, s, ctx->args[i], &h->list[i]));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(h->list[k].var, h->list[i].var) == 0)
                return term_fail(ctx->term, ERR_ARG, NULL,
                                 "Two secrets would go by the variable %s.",
                                 h->list[i].var);
        }
        h->n = i + 1;
    }
    return OK;
}

/* ---- handing over ---- */

/* Memory without a name that nobody can change any more, for its owner only. */
static int sealed_memory(struct bytes what)
{
    int fd = memfd_create("secret", MFD_ALLOW_SEALING | MFD_CLOEXEC);

    if (fd < 0)
        return -1;
    if (write_whole(fd, what) == OK && fchmod(fd, 0400) == 0 &&
        lseek(fd, 0, SEEK_SET) == 0 &&
        fcntl(fd, F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static enum err hand_one(const struct ctx *ctx, const struct shelf *s, struct handed *h)
{
    AUTO_BLOB struct home_blob b = { 0 };
    const struct vault_item *item = NULL;
    char path[32];

    TRY(shelf_find(ctx, s, h->name, &item));
    TRY(shelf_content(ctx, s, item, 0, &b));
    h->fd = sealed_memory(bytes_of(b.p, b.n));
    (void)snprintf(path, sizeof path, "/dev/fd/%d", h->fd);
    if (h->fd < 0 || setenv(h->var, path, 1) != 0)
        return term_fail(ctx->term, ERR_IO, NULL, "A secret cannot be handed over: %s.",
                         strerror(errno));
    return OK;
}

/* From here on the command would inherit them. */
static enum err let_inherit(const struct ctx *ctx, const struct handing *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if (fcntl(h->list[i].fd, F_SETFD, 0) != 0)
            return term_fail(ctx->term, ERR_IO, NULL,
                             "A secret cannot be handed over: %s.", strerror(errno));
    }
    return OK;
}

static enum err hand_all(const struct ctx *ctx, struct handing *h)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;

    TRY(shelf_open(ctx, &s));
    TRY(handing_read(ctx, &s, h));
    for (size_t i = 0; i < h->n; i++)
        TRY(hand_one(ctx, &s, &h->list[i]));
    return let_inherit(ctx, h);
}

/* What a passphrase comes through was opened for kith alone. */
static void keep_passphrase(const struct term *t)
{
    if (t->passphrase_fd > STDERR_FILENO)
        (void)fcntl(t->passphrase_fd, F_SETFD, FD_CLOEXEC); /* or it is not open */
    (void)unsetenv("KITH_PASSPHRASE_FD");
}

/* Returns only where it could not be run. */
static enum err become(struct ctx *ctx)
{
    char **argv = calloc(ctx->n_tail + 1, sizeof *argv);

    MUST(argv != NULL && ctx->n_tail > 0);
    for (size_t i = 0; i < ctx->n_tail; i++)
        argv[i] = (char *)(uintptr_t)ctx->tail[i]; /* execvp changes none of them */
    (void)fflush(NULL);
    keep_passphrase(ctx->term);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)execvp(argv[0], argv);
    int why = errno;
    free(argv);
    return term_fail_as(ctx->term, ERR_IO, why == ENOENT ? EXIT_NO_COMMAND : EXIT_NOT_RUN,
                        "not-run", strerror(why), NULL, "The command %s cannot be run.",
                        ctx->tail[0]);
}

enum err cmd_secret_exec(struct ctx *ctx)
{
    struct handing h = { 0 };

    if (ctx->n_tail == 0)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "missing-value",
                            "Usage: kith secret exec NAME[=VAR]… -- COMMAND [ARGS…]",
                            NULL, "The command is missing: it stands behind \"--\".");
    for (size_t i = 0; i < HANDED_MAX; i++)
        h.list[i].fd = -1;
    enum err e = hand_all(ctx, &h);
    if (e == OK)
        e = become(ctx);
    close_all(&h);
    return e;
}
