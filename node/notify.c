/* SPDX-License-Identifier: Apache-2.0 */
#include "node/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/log.h"

enum { NODE_NAME = 64 };

/* What goes through the pipe: one piece, without holes, at most PIPE_BUF. */
struct notice {
    uint64_t time;
    uint64_t event;
    uint8_t ward[ID_BYTES];
    uint8_t request[ID_BYTES];
};

struct notify {
    int pipe;      /* of notices; -1: the process is gone */
    int alive;     /* hangs up when the process ends */
    pid_t pid;     /* of the process; 0: reaped */
    uint64_t lost; /* not yet in the log */
    bool told;     /* that something is lost */
};

/* The process that runs programs. */
struct runner {
    int in;
    const char *argv[NOTIFY_ARGS + 1];
    char exec[512 + 1];
    char node[NODE_NAME * 4 + 1];
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
        dup2(nowhere, STDOUT_FILENO) < 0)
        _exit(126);
    /* What kithd was born with; its own close themselves. */
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)execv(r->argv[0], (char *const *)(uintptr_t)r->argv);
    _exit(127);
}

/* When the run must be over. */
static uint64_t deadline_of(const struct runner *r, uint64_t started)
{
    uint64_t at = started + r->run_ms;

    return r->end_ms != 0 && r->end_ms < at ? r->end_ms : at;
}

/* Until a child ends, the node does, or so many milliseconds are over. */
static void wait_a_while(struct runner *r, uint64_t ms)
{
    struct pollfd node = { .fd = r->end_ms == 0 ? r->in : -1 };
    struct timespec ts = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
    sigset_t nothing;

    (void)sigemptyset(&nothing); /* cannot fail */
    /* SIGCHLD comes here or nowhere: none is missed between looking and waiting. */
    if (ppoll(&node, 1, &ts, &nothing) > 0 && (node.revents & POLLHUP) != 0)
        r->end_ms = now_ms() + NOTIFY_GRACE_MS;
}

/* True: it ended by itself before its deadline. */
static bool ends(struct runner *r, pid_t pid, int *out_status)
{
    uint64_t started = now_ms();

    for (;;) {
        if (waitpid(pid, out_status, WNOHANG) == pid)
            return true;
        uint64_t now = now_ms();
        uint64_t at = deadline_of(r, started);
        if (now >= at)
            return false;
        wait_a_while(r, at - now);
    }
}

static void finish(struct runner *r, pid_t pid)
{
    int status = 0;

    if (!ends(r, pid, &status)) {
        (void)kill(-pid, SIGKILL); /* gone by now: as well */
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        LOG(WARN, EV_ALERT_FAILED, F_TEXT("why", "too-long"));
    } else if (WIFSIGNALED(status)) {
        LOG(WARN, EV_ALERT_FAILED, F_UINT("signal", (unsigned)WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        LOG(WARN, EV_ALERT_FAILED, F_UINT("exit", (unsigned)WEXITSTATUS(status)));
    }
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

static void on_child(int signal_)
{
    (void)signal_; /* only ends the waiting */
}

static bool runner_signals(void)
{
    sigset_t child;

    (void)sigemptyset(&child);        /* cannot */
    (void)sigaddset(&child, SIGCHLD); /* fail */
    /* It ends when the node does: a signal to both must not be faster. */
    return sigprocmask(SIG_SETMASK, &child, NULL) == 0 &&
           signal(SIGCHLD, on_child) != SIG_ERR && signal(SIGTERM, SIG_IGN) != SIG_ERR &&
           signal(SIGINT, SIG_IGN) != SIG_ERR;
}

_Noreturn static void runner_run(struct runner *r)
{
    struct notice n;
    ssize_t got = 0;

    if (!runner_signals() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
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
    memcpy(r->exec, exec, strlen(exec) + 1);
    memcpy(r->node, node, strlen(node) + 1);
    r->run_ms = run_ms;
    TRY(split(r));
    *out = r;
    r = NULL; /* the caller's */
    return OK;
}

static void close_both(int ends[2])
{
    close_fd(&ends[0]);
    close_fd(&ends[1]);
}

/* Each side keeps one end of each pipe, so that each sees the other's end. */
static enum err fork_runner(struct runner *r, struct notify *n)
{
    int notices[2] = { -1, -1 };
    int alive[2] = { -1, -1 };

    n->pid = pipe2(notices, O_CLOEXEC) == 0 && pipe2(alive, O_CLOEXEC) == 0 &&
                     fcntl(notices[1], F_SETFL, O_NONBLOCK) == 0
                 ? fork()
                 : -1;
    if (n->pid < 0) {
        close_both(notices);
        close_both(alive);
        return ERR_IO;
    }
    if (n->pid == 0) {
        close_fd(&notices[1]);
        close_fd(&alive[0]);
        r->in = notices[0];
        runner_run(r);
    }
    close_fd(&notices[0]);
    close_fd(&alive[1]);
    n->pipe = notices[1];
    n->alive = alive[0];
    return OK;
}

enum err notify_start(const char *exec, const char *node, uint64_t run_ms,
                      struct notify **out)
{
    AUTO_FREE struct notify *n = calloc(1, sizeof *n);
    AUTO_FREE struct runner *r = NULL;

    if (n == NULL)
        return ERR_NOMEM;
    TRY(runner_new(exec, node, run_ms, &r));
    TRY(fork_runner(r, n));
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

/* It ended before the node: nothing of it stays behind. */
static void reap(struct notify *n)
{
    if (n->pipe < 0 && n->pid > 0 && waitpid(n->pid, NULL, WNOHANG) == n->pid)
        n->pid = 0;
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
    reap(n);
    notify_lost(n, 1);
}

bool notify_stop(struct notify *n)
{
    if (n == NULL)
        return true;
    struct pollfd end = { .fd = n->alive };

    log_lost(n);
    close_fd(&n->pipe);
    while (poll(&end, 1, 2 * NOTIFY_GRACE_MS) < 0 && errno == EINTR)
        ;
    bool over = (end.revents & POLLHUP) != 0;
    if (over && n->pid > 0)
        (void)waitpid(n->pid, NULL, 0); /* it has ended or is about to */
    close_fd(&n->alive);
    free(n);
    return over;
}
