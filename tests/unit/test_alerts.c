/* SPDX-License-Identifier: Apache-2.0 */
/* A real kithd with a program in [Alerts]: what the program gets, and what it costs. */
#include <dirent.h>
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

#include "node/notify.h"
#include "tests/net/net.h"

enum { TURNS = 2000, ROOM = 1 << 20, WARDS = 20, USAGE = 2 };

struct world {
    struct kithd k;
    struct link link;
    struct node_sim keys;
    struct store_identity id;
    struct sim_guardian g;
    struct sim_owner o[WARDS];
    char dir[64]; /* of the program */
    char text[ROOM];
};

static const char *path_of(const struct world *w, const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name); /* short names */
    return path;
}

static const char *file(struct world *w, const char *path)
{
    FILE *f = fopen(path, "r");
    size_t n = 0;

    if (f != NULL) {
        n = fread(w->text, 1, sizeof w->text - 1, f);
        (void)fclose(f); /* was only read */
    }
    w->text[n] = '\0';
    return w->text;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *p = strstr(text, what); p != NULL; p = strstr(p + 1, what))
        n++;
    return n;
}

/* Until the text stands so often in the file, for at most twenty seconds. */
static void wait_for(struct world *w, const char *path_, const char *what, size_t n)
{
    char path[160];

    (void)snprintf(path, sizeof path, "%s", path_); /* fits; the other is static */
    for (int i = 0; i < TURNS && count(file(w, path), what) < n; i++)
        (void)usleep(10000); /* interrupted: a little earlier */
    assert_int_equal(count(file(w, path), what), n);
}

static struct world *world_new(const char *program, const char *more)
{
    struct world *w = calloc(1, sizeof *w);
    char extra[300];

    assert_non_null(w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/kith-alerts-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(w->dir));
    FILE *f = fopen(path_of(w, "run"), "w");

    assert_non_null(f);
    assert_true(fprintf(f, "#!/bin/sh\ncd '%s' || exit\n%s\n", w->dir, program) > 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_of(w, "run"), 0700), 0);
    (void)snprintf(extra, sizeof extra, "%s\n[Alerts]\nExec = %s one two", more,
                   path_of(w, "run")); /* fits */
    kithd_new(&w->k, "127.0.0.1:0", extra);
    return w;
}

static void world_free(struct world *w)
{
    char line[128];

    kithd_end(&w->k);
    (void)snprintf(line, sizeof line, "rm -rf '%s'", w->dir); /* fits */
    assert_int_equal(net_shell(line), 0);
    free(w);
}

/* A guardian at the node, and so many wards, one alert each. */
static void people(struct world *w, size_t n)
{
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(kithd_link(&w->k, &w->link), OK);
    net_keys(&w->keys, &w->id, w->link.node_key);
    net_guardian_new(&w->keys, &w->link, &w->g);
    assert_int_equal(net_seat(&w->keys, w->k.port, &w->g), OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(net_ward(&w->keys, w->k.port, &w->g, &w->o[i]), OK);
}

static void each_alert_is_told_and_only_ids(void **state)
{
    (void)state;
    struct world *w = world_new("cat >>got; echo \"$# $1 $2\" >>args", "");
    char want[NOTIFY_JSON];
    char *at = NULL;

    people(w, WARDS);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), 0); /* waits for what is queued */
    (void)file(w, path_of(w, "got"));
    at = w->text;
    for (size_t i = 0; i < WARDS; i++) {
        const char *time = strstr(at, "\"time\":");
        struct drop_event ev = { .event = REC_WARD_ENROLLED };

        assert_non_null(time);
        ev.time = strtoull(time + 7, NULL, 10);
        memcpy(ev.ward, w->o[i].ward, ID_BYTES);
        size_t n = notify_json(&ev, "Test", want);
        /* Byte for byte: no room for anything else. */
        assert_true(strlen(at) >= n);
        assert_memory_equal(at, want, n);
        at += n;
    }
    assert_string_equal(at, "");
    assert_int_equal(count(file(w, path_of(w, "args")), "2 one two\n"), WARDS);
    kithd_log(&w->k, w->text, sizeof w->text);
    assert_null(strstr(w->text, "alert."));
    world_free(w);
}

static void a_hanging_program_delays_nobody(void **state)
{
    (void)state;
    struct world *w =
        world_new("cat >>got; echo $$ >>pids; sleep 1000", "[Limits]\nAlertRun = 600000");

    people(w, WARDS);
    wait_for(w, path_of(w, "pids"), "\n", 1);
    assert_int_equal(count(file(w, path_of(w, "got")), "\n"), 1);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), 0);
    wait_for(w, kithd_path(&w->k, "log"), "alert.failed why=too-long", 1);
    world_free(w);
}

static void a_failing_program_is_logged_each_time(void **state)
{
    (void)state;
    struct world *w = world_new("exit 3", "");

    people(w, 3);
    wait_for(w, kithd_path(&w->k, "log"), "<4>alert.failed exit=3\n", 3);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), 0);
    world_free(w);
}

static void a_program_that_is_gone_is_logged(void **state)
{
    (void)state;
    struct world *w = world_new("exit 0", "");

    people(w, 0);
    assert_int_equal(unlink(path_of(w, "run")), 0);
    assert_int_equal(net_ward(&w->keys, w->k.port, &w->g, &w->o[0]), OK);
    wait_for(w, kithd_path(&w->k, "log"), "<4>alert.failed exit=127\n", 1);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), 0);
    /* At the next start it is a configuration that cannot be. */
    assert_int_equal(kithd_fails(&w->k, NULL), USAGE);
    kithd_log(&w->k, w->text, sizeof w->text);
    assert_non_null(strstr(w->text, ", line 9: Exec must be the absolute path"));
    assert_int_equal(kithd_fails(&w->k, "--check-config"), USAGE);
    world_free(w);
}

/* A line of /proc/PID/status. */
static bool status_says(struct world *w, long pid, const char *line)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%ld/status", pid); /* fits */
    return strstr(file(w, path), line) != NULL;
}

static void the_node_is_confined_all_the_same(void **state)
{
    (void)state;
    struct world *w = world_new("echo $PPID >>parent; grep -E '^(Seccomp|NoNewPrivs):' "
                                "/proc/self/status >>status; touch /tmp/x.$$ && "
                                "rm /tmp/x.$$ && echo free >>status",
                                "");

    people(w, 1);
    wait_for(w, path_of(w, "status"), "free\n", 1);
    assert_non_null(strstr(file(w, path_of(w, "status")), "NoNewPrivs:\t1\n"));
    assert_non_null(strstr(file(w, path_of(w, "status")), "Seccomp:\t0\n"));
    long runner = strtol(file(w, path_of(w, "parent")), NULL, 10);
    assert_true(runner > 0 && runner != w->k.pid);
    assert_true(status_says(w, runner, "Name:\tkithd-notify\n"));
    kithd_log(&w->k, w->text, sizeof w->text);
    if (strstr(w->text, "node.unconfined") != NULL)
        printf("skipped: the sandbox is not to be had here\n");
    else
        assert_true(status_says(w, w->k.pid, "Seccomp:\t2\n"));
    /* And its only child dies with it. */
    assert_int_equal(kithd_stop(&w->k, SIGKILL), -SIGKILL);
    for (int i = 0; i < TURNS && status_says(w, runner, "Name:\tkithd-notify\n") &&
                    !status_says(w, runner, "State:\tZ");
         i++)
        (void)usleep(10000); /* interrupted: a little earlier */
    assert_true(!status_says(w, runner, "Name:\tkithd-notify\n") ||
                status_says(w, runner, "State:\tZ"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alert_is_told_and_only_ids),
        cmocka_unit_test(a_hanging_program_delays_nobody),
        cmocka_unit_test(a_failing_program_is_logged_each_time),
        cmocka_unit_test(a_program_that_is_gone_is_logged),
        cmocka_unit_test(the_node_is_confined_all_the_same),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
