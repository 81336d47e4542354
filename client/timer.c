/* SPDX-License-Identifier: Apache-2.0 */
#include "client/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNIT_TEXT = 3 * PATH_MAX + 512, SYSTEMCTL_TEXT = 256 };

struct unit {
    char dir[PATH_MAX];
    char name[32]; /* without .timer */
    char home[PATH_MAX];
    char kith[PATH_MAX];
};

static enum err fail(const struct ctx *ctx, enum err e, const char *what)
{
    return term_fail(ctx->term, e, NULL, "The timer's files could not be written: %s.",
                     what);
}

/* Each part of an absolute path, as mkdir -p. */
static bool make_dirs(char *path)
{
    for (char *p = path + 1; *p != 0; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *p = '/';
        if (!made)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static enum err find_dir(const struct ctx *ctx, char out[PATH_MAX])
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n = 0;
    if (config != NULL && config[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/systemd/user", config);
    else if (home != NULL && home[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/.config/systemd/user", home);
    return n > 0 && n < PATH_MAX ? OK : fail(ctx, ERR_ARG, "HOME is not set");
}

/* Two homes, two timers: FNV-1a, no secret and no proof. */
static uint32_t number_of(const char *path)
{
    uint32_t h = 2166136261U;
    for (; *path != 0; path++)
        h = (h ^ (unsigned char)*path) * 16777619U;
    return h;
}

static enum err unit_find(const struct ctx *ctx, struct unit *u)
{
    TRY(find_dir(ctx, u->dir));
    if (realpath(ctx->home, u->home) == NULL)
        return fail(ctx, ERR_UNKNOWN, "this home does not exist");
    ssize_t n = readlink("/proc/self/exe", u->kith, PATH_MAX - 1);
    if (n <= 0)
        return fail(ctx, ERR_IO, "this program does not find itself");
    u->kith[n] = 0;
    (void)snprintf(u->name, sizeof u->name, "kith-alert-%08x", number_of(u->home));
    return OK;
}

/*
 * In double quotes as systemd reads them; the characters of doubled stand for themselves
 * when there are two; control characters make the file unusable.
 */
static bool quote(const char *in, const char *doubled, char *out, size_t cap)
{
    size_t n = 0;
    for (; *in != 0; in++) {
        if ((unsigned char)*in < ' ' || n + 3 >= cap)
            return false;
        if (*in == '"' || *in == '\\')
            out[n++] = '\\';
        if (strchr(doubled, *in) != NULL)
            out[n++] = *in;
        out[n++] = *in;
    }
    out[n] = 0;
    return true;
}

static enum err write_file(const struct ctx *ctx, const struct unit *u, const char *kind,
                           const char *text)
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s.%s", u->dir, u->name, kind); /* fits */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail(ctx, ERR_IO, path);
    bool fine = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    fine = close(fd) == 0 && fine;
    return fine ? OK : fail(ctx, ERR_IO, path);
}

static enum err write_files(const struct ctx *ctx, struct unit *u, uint32_t every)
{
    AUTO_FREE char *text = calloc(1, UNIT_TEXT);
    AUTO_FREE char *home = calloc(1, PATH_MAX);
    AUTO_FREE char *kith = calloc(1, PATH_MAX);
    if (text == NULL || home == NULL || kith == NULL)
        return ERR_NOMEM;
    /* No variable is put into an environment, so that a $ there is one. */
    if (!quote(u->home, "%", home, PATH_MAX) || !quote(u->kith, "%$", kith, PATH_MAX))
        return fail(ctx, ERR_ARG, "a path has unusual characters");
    if (!make_dirs(u->dir))
        return fail(ctx, ERR_IO, u->dir);
    (void)snprintf(text, UNIT_TEXT,
                   "[Unit]\nDescription=Kith looks for alerts, and checks "
                   "pieces\n\n[Service]\nType=oneshot\n"
                   "Environment=\"KITH_HOME=%s\"\n"
                   "ExecStart=-\"%s\" check --due --no-input\n"
                   "ExecStart=\"%s\" alert watch --once --no-input\n"
                   "SuccessExitStatus=3 13\nTimeoutStartSec=30min\n",
                   home, kith, kith);
    TRY(write_file(ctx, u, "service", text));
    (void)snprintf(text, UNIT_TEXT,
                   "[Unit]\nDescription=Kith looks for alerts\n\n[Timer]\n"
                   "OnStartupSec=2min\nOnUnitActiveSec=%us\nAccuracySec=%us\n\n"
                   "[Install]\nWantedBy=timers.target\n",
                   every, every / 10);
    return write_file(ctx, u, "timer", text);
}

/* ---- systemctl ---- */

static bool find_systemctl(char out[SYSTEMCTL_TEXT])
{
    const char *path = getenv("PATH");
    while (path != NULL && *path != 0) {
        size_t n = strcspn(path, ":");
        int k = snprintf(out, SYSTEMCTL_TEXT, "%.*s/systemctl", (int)n, path);
        if (path[0] == '/' && k < SYSTEMCTL_TEXT && access(out, X_OK) == 0)
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

static bool systemctl(const char *const *words)
{
    char program[SYSTEMCTL_TEXT];
    uint8_t exec[DAY_HANDLER_MAX];
    struct buf b = BUF_OF(exec);
    if (!find_systemctl(program))
        return false;
    buf_put(&b, bytes_of(program, strlen(program) + 1));
    for (; *words != NULL; words++)
        buf_put(&b, bytes_of(*words, strlen(*words) + 1));
    return !b.over && alert_run(buf_bytes(&b), (struct bytes){ 0 }, true) == OK;
}

enum err timer_on(const struct ctx *ctx, uint32_t every, bool *out_runs)
{
    AUTO_FREE struct unit *u = calloc(1, sizeof *u);
    char timer[48];
    if (u == NULL)
        return ERR_NOMEM;
    TRY(unit_find(ctx, u));
    TRY(write_files(ctx, u, every));
    (void)snprintf(timer, sizeof timer, "%s.timer", u->name); /* fits */
    const char *const reload[] = { "--user", "daemon-reload", NULL };
    const char *const enable[] = { "--user", "enable", timer, NULL };
    const char *const start[] = { "--user", "restart", timer, NULL };
    *out_runs = systemctl(reload) && systemctl(enable) && systemctl(start);
    return OK;
}

enum err timer_off(const struct ctx *ctx)
{
    AUTO_FREE struct unit *u = calloc(1, sizeof *u);
    char path[PATH_MAX + 64];
    char timer[48];
    if (u == NULL)
        return ERR_NOMEM;
    TRY(unit_find(ctx, u));
    (void)snprintf(timer, sizeof timer, "%s.timer", u->name); /* fits */
    const char *const disable[] = { "--user", "disable", "--now", timer, NULL };
    (void)systemctl(disable); /* without systemctl nothing runs */
    (void)snprintf(path, sizeof path, "%s/%s", u->dir, timer);
    (void)unlink(path); /* may not be there */
    (void)snprintf(path, sizeof path, "%s/%s.service", u->dir, u->name);
    (void)unlink(path);
    return OK;
}

void timer_say(const struct ctx *ctx, uint32_t every, bool runs)
{
    char text[DURATION_TEXT];
    duration_text(every, text);
    if (runs) {
        term_say(
            ctx->term,
            "This machine looks for alerts every %s from now on, and checks each week "
            "what your guardians' nodes hold.",
            text);
        return;
    }
    term_warn(ctx->term,
              "the files of the timer are written, but systemctl --user is not there or "
              "refused. Let something else run this every %s:",
              text);
    term_say(ctx->term, "  KITH_HOME=%s kith alert watch --once", ctx->home);
    term_say(ctx->term, "  KITH_HOME=%s kith check --due", ctx->home);
}

enum err timer_offer(struct ctx *ctx, struct day *d)
{
    uint32_t every = alert_every(d->me.hold);
    char question[256];
    char text[DURATION_TEXT];
    bool yes = false;
    bool runs = false;
    if (d->me.timer != 0)
        return OK;
    duration_text(every, text);
    (void)snprintf(question, sizeof question,
                   d->n_seats > 0 && d->n_guardians == 0
                       ? "Shall this machine look by itself, every %s, whether somebody "
                         "asks you for something?"
                       : "Shall this machine look for alerts every %s, and check each "
                         "week what your guardians' nodes hold, by itself?",
                   text);
    if (term_offer(ctx->term, question, &yes) != OK || !yes)
        return OK; /* whoever gives no answer is asked by kith status */
    TRY(timer_on(ctx, every, &runs));
    d->me.timer = runs ? every : 0;
    timer_say(ctx, every, runs);
    return OK;
}
