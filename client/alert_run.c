/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/alert.h"

enum { ARGS = 64, ENV_TEXT = 1024 };

/* What a program needs to find its screen and its words; nothing of Kith's. */
static const char *const env_names[] = {
    "PATH",   "HOME",  "USER",     "LOGNAME",         "LANG",
    "LC_ALL", "TZ",    "DISPLAY",  "WAYLAND_DISPLAY", "XAUTHORITY",
    "TMPDIR", "SHELL", "MAILNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
};

enum { ENV_NAMES = sizeof env_names / sizeof env_names[0] };

struct run {
    char *argv[ARGS + 1];
    char *envp[ENV_NAMES + 1];
    char env[ENV_NAMES][ENV_TEXT];
    char words[DAY_HANDLER_MAX + 1];
};

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing to lose */
}

#define AUTO_FD __attribute__((cleanup(close_fd)))

static enum err run_make(struct bytes exec, struct run *r)
{
    size_t n = 0;
    size_t names = 0;
    if (exec.n > DAY_HANDLER_MAX || exec.n < 2 || exec.p[0] != '/')
        return ERR_ARG;
    memcpy(r->words, exec.p, exec.n);
    for (size_t i = 0; i < exec.n && n < ARGS; i += strlen(r->words + i) + 1)
        r->argv[n++] = r->words + i;
    for (size_t i = 0; i < ENV_NAMES; i++) {
        const char *value = getenv(env_names[i]);
        if (value == NULL ||
            snprintf(r->env[names], ENV_TEXT, "%s=%s", env_names[i], value) >= ENV_TEXT)
            continue;
        r->envp[names] = r->env[names];
        names++;
    }
    return OK;
}

/* What the program reads: a file, so that writing never waits for it. */
static int input_of(struct bytes text)
{
    int fd = memfd_create("alert", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    if (write(fd, text.p, text.n) == (ssize_t)text.n && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    (void)close(fd); /* memory only */
    return -1;
}

static _Noreturn void become(const struct run *r, int in, bool quiet)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    sigset_t nothing;
    (void)sigemptyset(&nothing); /* cannot fail */
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
        signal(SIGPIPE, SIG_DFL) == SIG_ERR || signal(SIGINT, SIG_DFL) == SIG_ERR ||
        signal(SIGTERM, SIG_DFL) == SIG_ERR || signal(SIGHUP, SIG_DFL) == SIG_ERR ||
        sigprocmask(SIG_SETMASK, &nothing, NULL) != 0 || dup2(in, STDIN_FILENO) < 0 ||
        dup2(nowhere, STDOUT_FILENO) < 0 || (quiet && dup2(nowhere, STDERR_FILENO) < 0) ||
        close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        _exit(126);
    (void)execve(r->argv[0], r->argv, r->envp);
    _exit(127);
}

static enum err wait_for(pid_t pid)
{
    AUTO_FD int process = pidfd_open(pid, 0);
    struct pollfd p = { .fd = process, .events = POLLIN };
    int status = 0;
    int ready = -1;
    do {
        ready = poll(&p, 1, ALERT_RUN_S * 1000);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        (void)kill(-pid, SIGKILL); /* its group, which it made before anything else */
    if (ready <= 0)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (ready == 0)
        return ERR_TIMEOUT;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? OK : ERR_IO;
}

enum err alert_run(struct bytes exec, struct bytes text, bool quiet)
{
    AUTO_FREE struct run *r = calloc(1, sizeof *r);
    if (r == NULL)
        return ERR_NOMEM;
    TRY(run_make(exec, r));
    AUTO_FD int in = input_of(text);
    if (in < 0)
        return ERR_IO;
    pid_t pid = fork();
    if (pid == 0)
        become(r, in, quiet);
    return pid < 0 ? ERR_IO : wait_for(pid);
}
