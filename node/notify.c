/* SPDX-License-Identifier: Apache-2.0 */
#include "node/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/log.h"

enum { NAME_MAX_ = 64 };

/* What goes through the pipe: one piece, without holes, at most PIPE_BUF. */
struct notice {
    uint64_t time;
    uint64_t event;
    uint8_t ward[ID_BYTES];
    uint8_t request[ID_BYTES];
};

struct notify {
    int pipe;      /* of notices; -1: the process is gone */
    int process;   /* a pidfd */
    pid_t pid;     /* its child */
    uint64_t lost; /* not yet in the log */
    bool told;     /* that something is lost */
};

/* The process that runs programs. */
struct runner {
    int in;
    const char *argv[NOTIFY_ARGS + 1];
    char exec[512 + 1];
    char node[NAME_MAX_ * 4 + 1];
    uint64_t run_ms;
    uint64_t end_ms; /* the node is gone: all ends then; 0: it lives */
};

/* ---- JSON ---- */

static void put(struct buf *b, const char *text)
{
    buf_put(b, bytes_text(text));
}

/* "REQUEST_LIVE" is "request-live". */
static void put_event(struct buf *b, unsigned event)
{
    for (const char *p = drop_event_name(event); *p != '\0'; p++)
        buf_put_u8(b, (uint8_t)(*p == '_' ? '-' : *p >= 'A' && *p <= 'Z' ? *p + 32 : *p));
}

/* Printable text: only these two and controls need care in JSON. */
static void put_text(struct buf *b, const char *text)
{
    put(b, "\"");
    for (; *text != '\0'; text++) {
        if ((uint8_t)*text < ' ')
            continue;
        if (*text == '"' || *text == '\\')
            put(b, "\\");
        buf_put_u8(b, (uint8_t)*text);
    }
    put(b, "\"");
}

static bool none(const uint8_t id[ID_BYTES])
{
    static const uint8_t zero[ID_BYTES];

    return bytes_equal(bytes_of(id, ID_BYTES), BYTES_OF(zero));
}

static void put_id(struct buf *b, const uint8_t id[ID_BYTES])
{
    char hex[2 * ID_BYTES + 1];

    hex_encode(bytes_of(id, ID_BYTES), hex, sizeof hex);
    put(b, hex);
}

static void put_id_or_null(struct buf *b, const char *key, const uint8_t *id)
{
    put(b, key);
    if (id == NULL || none(id)) {
        put(b, "null");
        return;
    }
    put(b, "\"");
    put_id(b, id);
    put(b, "\"");
}

/* What is about a seat carries its id where others carry a ward's. */
static bool about_seat(unsigned event)
{
    return strncmp(drop_event_name(event), "SEAT_", 5) == 0;
}

static void put_next(struct buf *b, const struct drop_event *ev)
{
    put(b, "\"kith guard ");
    if (!none(ev->request)) {
        put(b, "show ");
        put_id(b, ev->request);
    } else if (strncmp(drop_event_name(ev->event), "CLOCK_", 6) == 0) {
        put(b, "clock");
    } else {
        put(b, "wards");
    }
    put(b, "\"");
}

size_t notify_json(const struct drop_event *ev, const char *node, char out[NOTIFY_JSON])
{
    struct buf b = { .p = (uint8_t *)out, .cap = NOTIFY_JSON };
    char number[32];
    bool seat = about_seat(ev->event);

    put(&b, "{\"schema\":\"kith.alert/1\",\"event\":\"");
    put_event(&b, ev->event);
    put(&b, "\",\"what\":");
    put_text(&b, drop_event_what(ev->event));
    (void)snprintf(number, sizeof number, ",\"time\":%" PRIu64, ev->time); /* fits */
    put(&b, number);
    put(&b, ",\"side\":\"node\",\"who\":null,\"node\":");
    put_text(&b, node);
    put_id_or_null(&b, ",\"seat\":", seat ? ev->ward : NULL);
    put_id_or_null(&b, ",\"ward\":", seat ? NULL : ev->ward);
    put_id_or_null(&b, ",\"request\":", ev->request);
    put(&b, ",\"word\":null,\"next\":");
    put_next(&b, ev);
    put(&b, "}\n");
    MUST(!b.over);
    return b.n;
}

/* ---- the process: one program at a time ---- */

static uint64_t now_ms(void)
{
    struct timespec ts = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* pipes and the like: nothing to lose */
    *fd = -1;
}

#define AUTO_FD __attribute__((cleanup(close_fd)))

/* In the child; a group of its own, so that what it starts ends with it. */
static void become_program(const struct runner *r, int in)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    sigset_t nothing;

    (void)sigemptyset(&nothing); /* cannot fail */
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
        signal(SIGPIPE, SIG_DFL) == SIG_ERR || signal(SIGTERM, SIG_DFL) == SIG_ERR ||
        signal(SIGINT, SIG_DFL) == SIG_ERR || signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
        sigprocmask(SIG_SETMASK, &nothing, NULL) != 0 || dup2(in, STDIN_FILENO) < 0 ||
        dup2(nowhere, STDOUT_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        _exit(126);
    (void)execv(r->argv[0], (char *const *)(uintptr_t)r->argv);
    _exit(127);
}

/* When the run must be over. Sees the node's end while it waits. */
static uint64_t deadline_of(struct runner *r, uint64_t started)
{
    uint64_t at = started + r->run_ms;

    return r->end_ms != 0 && r->end_ms < at ? r->end_ms : at;
}

/* True: it ended by itself before its deadline. */
static bool wait_for(struct runner *r, int process)
{
    uint64_t started = now_ms();

    for (;;) {
        struct pollfd what[] = { { .fd = process, .events = POLLIN },
                                 { .fd = r->end_ms == 0 ? r->in : -1 } };
        uint64_t now = now_ms();
        uint64_t at = deadline_of(r, started);

        if (poll(what, 2, at > now ? (int)(at - now) : 0) < 0 && errno != EINTR)
            return false;
        if (r->end_ms == 0 && (what[1].revents & POLLHUP) != 0)
            r->end_ms = now + NOTIFY_GRACE_MS;
        if ((what[0].revents & POLLIN) != 0)
            return true;
        if (now >= at)
            return false;
    }
}

static void finish(struct runner *r, pid_t pid)
{
    AUTO_FD int process = pidfd_open(pid, 0);
    int status = 0;
    bool over = process >= 0 && wait_for(r, process);

    if (!over)
        (void)kill(-pid, SIGKILL); /* gone already: as well */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!over)
        LOG(WARN, EV_ALERT_FAILED, F_TEXT("why", "too-long"));
    else if (WIFSIGNALED(status))
        LOG(WARN, EV_ALERT_FAILED, F_UINT("signal", (unsigned)WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        LOG(WARN, EV_ALERT_FAILED, F_UINT("exit", (unsigned)WEXITSTATUS(status)));
}

/* The JSON is smaller than a pipe: it is all in before anybody reads. */
static int json_pipe(const struct runner *r, const struct notice *n)
{
    struct drop_event ev = { .event = (uint8_t)n->event, .time = n->time };
    char json[NOTIFY_JSON];
    int ends[2] = { -1, -1 };

    memcpy(ev.ward, n->ward, ID_BYTES);
    memcpy(ev.request, n->request, ID_BYTES);
    size_t len = notify_json(&ev, r->node, json);

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    if (write(ends[1], json, len) != (ssize_t)len)
        close_fd(&ends[0]);
    close_fd(&ends[1]);
    return ends[0];
}

static void run_program(struct runner *r, const struct notice *n)
{
    AUTO_FD int in = json_pipe(r, n);
    pid_t pid = in >= 0 ? fork() : -1;

    if (pid < 0) {
        LOG(WARN, EV_ALERT_FAILED, F_ERR(ERR_IO));
        return;
    }
    if (pid == 0)
        become_program(r, in);
    (void)setpgid(pid, pid); /* whoever of the two is first */
    finish(r, pid);
}

_Noreturn static void runner_run(struct runner *r)
{
    struct notice n;
    ssize_t got = 0;

    /* It ends when the node does: a signal to both must not be faster. */
    if (signal(SIGTERM, SIG_IGN) == SIG_ERR || signal(SIGINT, SIG_IGN) == SIG_ERR ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_NAME, "kithd-notify", 0, 0, 0) != 0)
        _exit(1);
    while (r->end_ms == 0 || now_ms() < r->end_ms) {
        got = read(r->in, &n, sizeof n);
        if (got == (ssize_t)sizeof n)
            run_program(r, &n);
        else if (got >= 0 || errno != EINTR)
            break;
    }
    _exit(0);
}

/* ---- the node's side ---- */

static enum err split(struct runner *r)
{
    size_t n = 0;
    char *rest = r->exec;

    for (;;) {
        rest += strspn(rest, " \t");
        if (*rest == '\0')
            break;
        if (n == NOTIFY_ARGS)
            return ERR_ARG;
        r->argv[n++] = rest;
        rest += strcspn(rest, " \t");
        if (*rest != '\0')
            *rest++ = '\0';
    }
    return n > 0 ? OK : ERR_ARG;
}

static enum err runner_new(const char *exec, const char *node, uint64_t run_ms,
                           struct runner **out)
{
    AUTO_FREE struct runner *r = calloc(1, sizeof *r);

    if (r == NULL)
        return ERR_NOMEM;
    if (strlen(exec) >= sizeof r->exec || strlen(node) >= sizeof r->node)
        return ERR_ARG;
    memcpy(r->exec, exec, strlen(exec));
    memcpy(r->node, node, strlen(node));
    r->run_ms = run_ms;
    TRY(split(r));
    *out = r;
    r = NULL; /* the caller's */
    return OK;
}

static enum err fork_runner(struct runner *r, struct notify *n)
{
    int ends[2] = { -1, -1 };

    if (pipe2(ends, O_CLOEXEC) != 0)
        return ERR_IO;
    n->pid = fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 ? fork() : -1;
    if (n->pid == 0) {
        (void)close(ends[1]); /* the node's alone: its end is the node's end */
        r->in = ends[0];
        runner_run(r);
    }
    close_fd(&ends[0]);
    n->pipe = ends[1];
    n->process = n->pid > 0 ? pidfd_open(n->pid, 0) : -1;
    return n->process >= 0 ? OK : ERR_IO;
}

enum err notify_start(const char *exec, const char *node, uint64_t run_ms,
                      struct notify **out)
{
    AUTO_FREE struct notify *n = calloc(1, sizeof *n);
    AUTO_FREE struct runner *r = NULL;

    if (n == NULL)
        return ERR_NOMEM;
    TRY(runner_new(exec, node, run_ms, &r));
    enum err e = fork_runner(r, n);
    if (e != OK) {
        close_fd(&n->pipe);
        return e;
    }
    *out = n;
    n = NULL; /* the caller's */
    return OK;
}

static void log_lost(struct notify *n)
{
    if (n->lost > 0)
        LOG(WARN, EV_ALERT_DROPPED, F_UINT("n", n->lost));
    n->lost = 0;
}

void notify_lost(struct notify *n, uint64_t count)
{
    n->lost += count;
    if (count > 0 && !n->told) /* the first at once, the sum when it is over */
        log_lost(n);
    n->told = n->told || count > 0;
}

void notify_tell(struct notify *n, const struct drop_event *ev)
{
    struct notice what = { .time = ev->time, .event = ev->event };

    memcpy(what.ward, ev->ward, ID_BYTES);
    memcpy(what.request, ev->request, ID_BYTES);
    ssize_t wrote = n->pipe >= 0 ? write(n->pipe, &what, sizeof what) : -1;

    if (wrote == (ssize_t)sizeof what) {
        log_lost(n);
        n->told = false;
        return;
    }
    if (n->pipe >= 0 && errno != EAGAIN) {
        LOG(WARN, EV_ALERT_FAILED, F_TEXT("why", "process-gone"));
        close_fd(&n->pipe);
    }
    notify_lost(n, 1);
}

bool notify_stop(struct notify *n)
{
    if (n == NULL)
        return true;
    struct pollfd end = { .fd = n->process, .events = POLLIN };

    log_lost(n);
    close_fd(&n->pipe);
    while (poll(&end, 1, 2 * NOTIFY_GRACE_MS) < 0 && errno == EINTR)
        ;
    bool over = (end.revents & POLLIN) != 0;
    if (over)
        (void)waitpid(n->pid, NULL, 0); /* it is there to be reaped */
    close_fd(&n->process);
    free(n);
    return over;
}
