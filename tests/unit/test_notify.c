/* SPDX-License-Identifier: Apache-2.0 */
/* The process beside the node, with small shell scripts as programs. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "node/log.h"
#include "node/notify.h"

enum { LONG_MS = 600000, TURNS = 2000, ROOM = 1 << 20 };

/* A directory with a program; the process's log goes to the file log in it. */
struct world {
    char dir[64];
    char exec[160];
    int err; /* the real standard error */
    char text[ROOM];
};

static const char *path_of(const struct world *w, const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name); /* short names */
    return path;
}

static const char *file(struct world *w, const char *name)
{
    FILE *f = fopen(path_of(w, name), "r");
    size_t n = 0;

    if (f != NULL) {
        n = fread(w->text, 1, sizeof w->text - 1, f);
        (void)fclose(f); /* was only read */
    }
    w->text[n] = '\0';
    return w->text;
}

static size_t lines(struct world *w, const char *name)
{
    size_t n = 0;

    for (const char *p = file(w, name); *p != '\0'; p++)
        n += *p == '\n';
    return n;
}

/* Until the file has so many lines, for at most twenty seconds. */
static void wait_lines(struct world *w, const char *name, size_t n)
{
    for (int i = 0; i < TURNS && lines(w, name) < n; i++)
        (void)usleep(10000); /* interrupted: a little earlier */
    assert_true(lines(w, name) >= n);
}

static void script(const struct world *w, const char *name, const char *text)
{
    FILE *f = fopen(path_of(w, name), "w");

    assert_non_null(f);
    assert_true(fprintf(f, "#!/bin/sh\ncd '%s' || exit\n%s\n", w->dir, text) > 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_of(w, name), 0700), 0);
}

static struct world *world_new(const char *program)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/kith-notify-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(w->dir));
    script(w, "run", program);
    (void)snprintf(w->exec, sizeof w->exec, "%s", path_of(w, "run")); /* fits */
    w->err = dup(STDERR_FILENO);
    assert_non_null(freopen(path_of(w, "log"), "a", stderr));
    return w;
}

static void shell(const char *line)
{
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void world_free(struct world *w)
{
    char line[128];

    (void)fflush(stderr); /* the files go away */
    assert_true(dup2(w->err, STDERR_FILENO) >= 0);
    (void)close(w->err);                                      /* a copy */
    (void)snprintf(line, sizeof line, "rm -rf '%s'", w->dir); /* fits */
    shell(line);
    free(w);
}

static struct notify *begin(const struct world *w, uint64_t run_ms)
{
    struct notify *n = NULL;

    assert_int_equal(notify_start(w->exec, "Ben at home", run_ms, &n), OK);
    return n;
}

static const struct drop_event live = { .event = REC_REQUEST_LIVE,
                                        .time = 1766000000,
                                        .ward = { 0xaa, 0xbb },
                                        .request = { 0xcc, 0xdd, 0xee } };

#define LIVE_JSON                                                                        \
    "{\"schema\":\"kith.alert/1\",\"event\":\"request-live\","                           \
    "\"what\":\"someone asks for the piece\",\"time\":1766000000,\"side\":\"node\","     \
    "\"who\":null,\"node\":\"Ben at home\",\"seat\":null,"                               \
    "\"ward\":\"aabb0000000000000000000000000000\","                                     \
    "\"request\":\"ccddee00000000000000000000000000\",\"word\":null,"                    \
    "\"next\":\"kith guard show ccddee00000000000000000000000000\"}\n"

/* ---- what it says ---- */

static json_t *json_of(const struct drop_event *ev, const char *node)
{
    char text[NOTIFY_JSON];
    size_t n = notify_json(ev, node, text);
    json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(j);
    assert_true(json_is_object(j));
    assert_int_equal(text[n - 1], '\n');
    assert_ptr_equal(memchr(text, '\n', n), text + n - 1);
    return j;
}

static const char *value(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);

    assert_non_null(v);
    return json_is_null(v) ? "null" : json_string_value(v);
}

#define EACH(name, number, loud, what) EACH_##name,

enum { DROP_EVENTS(EACH) EVENTS };

static void every_event_is_one_flat_line(void **state)
{
    (void)state;
    size_t n = 0;

    for (unsigned e = 0; e < 256; e++) {
        struct drop_event ev = live;
        const char *key;
        json_t *each;

        ev.event = (uint8_t)e;
        json_t *j = json_of(&ev, "Ben");
        json_object_foreach(j, key, each)
        {
            assert_false(json_is_object(each) || json_is_array(each));
        }
        assert_int_equal(json_object_size(j), 12);
        assert_string_equal(value(j, "schema"), "kith.alert/1");
        n += strcmp(value(j, "event"), "unknown") != 0;
        json_decref(j);
    }
    assert_int_equal(n, EVENTS);
}

static void what_is_absent_is_null(void **state)
{
    (void)state;
    struct drop_event ev = { .event = REC_CLOCK_FROZEN, .time = 1 };
    json_t *j = json_of(&ev, "Ben");

    assert_string_equal(value(j, "ward"), "null");
    assert_string_equal(value(j, "seat"), "null");
    assert_string_equal(value(j, "request"), "null");
    assert_string_equal(value(j, "next"), "kith guard clock");
    json_decref(j);
    ev = (struct drop_event){ .event = REC_SEAT_PAUSED, .ward = { 1 } };
    j = json_of(&ev, "Ben");
    assert_string_equal(value(j, "seat"), "01000000000000000000000000000000");
    assert_string_equal(value(j, "ward"), "null");
    json_decref(j);
}

static void a_name_stays_inside_its_quotes(void **state)
{
    (void)state;
    const char *name = "B\xc3\xa9n\",\"word\":\"x\\";
    json_t *j = json_of(&live, name);

    assert_string_equal(value(j, "node"), name);
    assert_string_equal(value(j, "word"), "null");
    json_decref(j);
}

/* ---- running ---- */

static void the_program_gets_each_alert_and_nothing_else(void **state)
{
    (void)state;
    struct world *w = world_new("cat >>got; echo \"$# $1 $2\" >>args; "
                                "ls /proc/self/fd | tr '\\n' ' ' >>fds; echo >>fds; "
                                "echo aloud; kill -0 $$ && echo $PPID >>parents");

    (void)snprintf(w->exec + strlen(w->exec), 40, "  ben@example.org   -x "); /* fits */
    struct notify *n = begin(w, LONG_MS);

    for (int i = 0; i < 3; i++)
        notify_tell(n, &live);
    wait_lines(w, "parents", 3); /* the end waits only so long */
    assert_true(notify_stop(n));
    assert_string_equal(file(w, "got"), LIVE_JSON LIVE_JSON LIVE_JSON);
    assert_string_equal(file(w, "args"), "2 ben@example.org -x\n2 ben@example.org -x\n"
                                         "2 ben@example.org -x\n");
    /* 3 is the directory ls reads. */
    assert_int_equal(strncmp(file(w, "fds"), "0 1 2 3 \n", 9), 0);
    assert_string_equal(file(w, "log"), "");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, dead or alive */
    world_free(w);
}

static void one_at_a_time_and_in_order(void **state)
{
    (void)state;
    struct world *w = world_new("mkdir busy || echo twice >>wrong; sed 's/.*\"time\"://;"
                                "s/,.*//' >>got; rmdir busy");
    struct notify *n = begin(w, LONG_MS);
    struct drop_event ev = live;
    char want[400] = "";

    for (unsigned i = 100; i < 150; i++) {
        ev.time = i;
        notify_tell(n, &ev);
        (void)snprintf(want + strlen(want), 8, "%u\n", i); /* fits */
    }
    wait_lines(w, "got", 50);
    assert_true(notify_stop(n));
    assert_string_equal(file(w, "got"), want);
    assert_string_equal(file(w, "wrong"), "");
    world_free(w);
}

static void a_program_that_fails_is_logged_and_the_next_runs(void **state)
{
    (void)state;
    struct world *w = world_new("cat >/dev/null; echo x >>runs; "
                                "[ $(wc -l <runs) = 3 ] && kill -9 $$; exit 7");
    struct notify *n = begin(w, LONG_MS);

    for (int i = 0; i < 3; i++)
        notify_tell(n, &live);
    wait_lines(w, "runs", 3);
    assert_true(notify_stop(n));
    assert_int_equal(lines(w, "runs"), 3);
    assert_string_equal(file(w, "log"), "<4>alert.failed exit=7\n<4>alert.failed exit=7\n"
                                        "<4>alert.failed signal=9\n");
    world_free(w);
}

static void a_program_that_went_away_is_logged(void **state)
{
    (void)state;
    struct world *w = world_new("cat >>got");
    struct notify *n = begin(w, LONG_MS);

    assert_int_equal(unlink(path_of(w, "run")), 0);
    notify_tell(n, &live);
    wait_lines(w, "log", 1);
    script(w, "run", "cat >>got");
    notify_tell(n, &live);
    assert_true(notify_stop(n));
    assert_string_equal(file(w, "log"), "<4>alert.failed exit=127\n");
    assert_string_equal(file(w, "got"), LIVE_JSON);
    world_free(w);
}

static bool alive(pid_t pid)
{
    char path[64];
    char text[256] = "";

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid); /* fits */
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f); /* was only read */
    /* Nobody here is bound to reap an orphan at once: dead is dead. */
    return n > 0 && strstr(text, ") Z") == NULL;
}

static void all_end(struct world *w, const char *pids)
{
    char *rest = NULL;
    const char *at = file(w, pids);

    for (long pid = strtol(at, &rest, 10); rest != at; pid = strtol(at, &rest, 10)) {
        for (int i = 0; i < TURNS && alive((pid_t)pid); i++)
            (void)usleep(10000); /* interrupted: a little earlier */
        assert_false(alive((pid_t)pid));
        at = rest;
    }
}

/* With a child of its own that hangs, too. */
#define HANGS "echo $$ >>pids; sleep 1000 & echo $! >>pids; wait"

static void a_program_that_hangs_is_killed_and_the_next_runs(void **state)
{
    (void)state;
    struct world *w = world_new("[ -e pids ] && { cat >>got; exit 0; }\n" HANGS);
    struct notify *n = begin(w, 3000);

    notify_tell(n, &live);
    notify_tell(n, &live);
    wait_lines(w, "got", 1);
    assert_string_equal(file(w, "log"), "<4>alert.failed why=too-long\n");
    assert_int_equal(lines(w, "pids"), 2);
    all_end(w, "pids");
    assert_true(notify_stop(n));
    assert_string_equal(file(w, "got"), LIVE_JSON);
    world_free(w);
}

static void what_does_not_fit_is_counted_and_logged(void **state)
{
    (void)state;
    struct world *w = world_new("cat >/dev/null; until [ -e go ]; do sleep 0.05; done; "
                                "echo x >>got");
    struct notify *n = begin(w, LONG_MS);
    unsigned lost = 0;
    unsigned first = 0;

    for (int i = 0; i < 5000; i++) /* would wait for ever if it waited */
        notify_tell(n, &live);
    assert_string_equal(file(w, "log"), "<4>alert.dropped n=1\n");
    script(w, "go", "");
    /* One that fits again tells how many were lost. */
    for (int i = 0; i < TURNS && lines(w, "log") < 2; i++) {
        (void)usleep(10000); /* interrupted: a little earlier */
        notify_tell(n, &live);
    }
    assert_int_equal(sscanf(file(w, "log"),
                            "<4>alert.dropped n=%u\n<4>alert.dropped n=%u", &first,
                            &lost),
                     2);
    assert_int_equal(first, 1);
    assert_in_range(lost, 5000 - 2000, 5000 + TURNS);
    assert_true(notify_stop(n)); /* perhaps with some of them not run */
    assert_true(lines(w, "got") > 0);
    world_free(w);
}

static void a_thousand_alerts_all_arrive(void **state)
{
    (void)state;
    struct world *w = world_new("");
    struct notify *n = NULL;
    struct drop_event ev = live;

    (void)snprintf(w->exec, sizeof w->exec, "/usr/bin/tee -a %s", path_of(w, "got"));
    n = begin(w, LONG_MS);
    for (unsigned i = 0; i < 1000; i++) {
        ev.time = 1000000 + i;
        notify_tell(n, &ev);
    }
    wait_lines(w, "got", 1000);
    assert_true(notify_stop(n));
    assert_int_equal(lines(w, "got"), 1000);
    char *at = w->text;
    for (unsigned i = 0; i < 1000; i++) {
        at = strstr(at, "\"time\":");
        assert_non_null(at);
        assert_int_equal(strtol(at + 7, &at, 10), 1000000 + i);
    }
    assert_string_equal(file(w, "log"), "");
    world_free(w);
}

/* ---- ending ---- */

static void it_ends_with_a_node_that_is_killed(void **state)
{
    (void)state;
    struct world *w = world_new("echo $PPID >>pids; " HANGS);
    pid_t node = fork();

    assert_true(node >= 0);
    if (node == 0) {
        struct notify *n = NULL;

        if (notify_start(w->exec, "Ben", LONG_MS, &n) == OK)
            notify_tell(n, &live);
        (void)pause(); /* until killed */
        _exit(0);
    }
    wait_lines(w, "pids", 3);
    assert_int_equal(kill(node, SIGKILL), 0);
    assert_int_equal(waitpid(node, NULL, 0), node);
    all_end(w, "pids");
    world_free(w);
}

static void a_hanging_program_holds_up_no_end(void **state)
{
    (void)state;
    struct world *w = world_new(HANGS);
    struct notify *n = begin(w, LONG_MS);

    for (int i = 0; i < 100; i++)
        notify_tell(n, &live);
    wait_lines(w, "pids", 2);
    assert_true(notify_stop(n));
    all_end(w, "pids");
    assert_int_equal(lines(w, "pids"), 2);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    world_free(w);
}

static bool has_child(void)
{
    siginfo_t who = { 0 };

    return waitid(P_ALL, 0, &who, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void a_process_that_was_killed_is_noticed(void **state)
{
    (void)state;
    struct world *w = world_new("echo $PPID >>pids; cat >/dev/null");
    struct notify *n = begin(w, LONG_MS);
    char line[192];

    notify_tell(n, &live);
    wait_lines(w, "pids", 1);
    (void)snprintf(line, sizeof line, "kill -9 $(cat '%s')", path_of(w, "pids"));
    shell(line);
    for (int i = 0; i < TURNS && lines(w, "log") < 2; i++) {
        notify_tell(n, &live);
        (void)usleep(10000); /* interrupted: a little earlier */
    }
    for (int i = 0; i < TURNS && has_child(); i++) {
        notify_tell(n, &live);
        (void)usleep(10000); /* as above */
    }
    assert_false(has_child()); /* not even a dead one */
    notify_lost(n, 3);
    assert_non_null(strstr(file(w, "log"), "<4>alert.failed why=process-gone\n"
                                           "<4>alert.dropped n=1\n"));
    assert_true(notify_stop(n));
    assert_int_equal(lines(w, "log"), 3); /* and the sum of the others */
    world_free(w);
}

static void what_is_no_command_is_refused(void **state)
{
    (void)state;
    struct notify *n = NULL;
    char much[600] = "";

    for (size_t i = 0; i < 599; i++)
        much[i] = i % 2 == 0 ? 'x' : ' ';
    assert_int_equal(notify_start(much, "B", 1000, &n), ERR_ARG);

    assert_int_equal(notify_start("  ", "B", 1000, &n), ERR_ARG);
    assert_null(n);
    assert_true(notify_stop(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_command_is_refused),
        cmocka_unit_test(every_event_is_one_flat_line),
        cmocka_unit_test(what_is_absent_is_null),
        cmocka_unit_test(a_name_stays_inside_its_quotes),
        cmocka_unit_test(the_program_gets_each_alert_and_nothing_else),
        cmocka_unit_test(one_at_a_time_and_in_order),
        cmocka_unit_test(a_program_that_fails_is_logged_and_the_next_runs),
        cmocka_unit_test(a_program_that_went_away_is_logged),
        cmocka_unit_test(a_program_that_hangs_is_killed_and_the_next_runs),
        cmocka_unit_test(what_does_not_fit_is_counted_and_logged),
        cmocka_unit_test(a_thousand_alerts_all_arrive),
        cmocka_unit_test(it_ends_with_a_node_that_is_killed),
        cmocka_unit_test(a_hanging_program_holds_up_no_end),
        cmocka_unit_test(a_process_that_was_killed_is_noticed),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as kithd does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
