/* SPDX-License-Identifier: Apache-2.0 */
/* Each deed in a child of its own, confined as a serving node is. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "node/sandbox.h"
#include "proto/bytes.h"
#include "tests/unit/death.h"

enum { UNCONFINED = 77 };

static char dir[64];

static void confine(void)
{
    if (sandbox_files(dir) != OK || sandbox_calls() != OK)
        _exit(UNCONFINED);
}

/* True where a sanitizer is built in, or the kernel has no such thing. */
static bool unconfined(void)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        confine();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != UNCONFINED)
        return false;
    printf("skipped: the sandbox is not to be had here\n");
    return true;
}

static void run_a_program(void *unused)
{
    char *const argv[] = { (char[]){ "true" }, NULL };

    (void)unused;
    confine();
    (void)execv("/bin/true", argv);
}

static void make_a_socket(void *unused)
{
    (void)unused;
    confine();
    (void)socket(AF_INET, SOCK_STREAM, 0);
}

static void call_somebody(void *fd)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9) };

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    confine();
    (void)connect(*(int *)fd, (const struct sockaddr *)&at, sizeof at);
}

static void make_a_process(void *unused)
{
    (void)unused;
    confine();
    (void)fork();
}

static void send_a_signal(void *unused)
{
    (void)unused;
    confine();
    (void)kill(getppid(), 0);
}

static void *in_a_thread(void *go)
{
    uint8_t byte;

    if (read(*(int *)go, &byte, 1) == 1)
        (void)socket(AF_INET, SOCK_STREAM, 0);
    return NULL;
}

/* A thread that was there before is bound as well. */
static void by_another_thread(void *unused)
{
    pthread_t thread;
    int ends[2];

    (void)unused;
    if (pipe(ends) != 0 || pthread_create(&thread, NULL, in_a_thread, &ends[0]) != 0)
        _exit(1);
    confine();
    if (write(ends[1], "x", 1) != 1)
        _exit(1);
    (void)pthread_join(thread, NULL);
}

static void forbidden_calls_end_the_process(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    if (unconfined())
        return;
    assert_true(fd >= 0);
    assert_int_equal(death_signal(run_a_program, NULL), SIGSYS);
    assert_int_equal(death_signal(make_a_socket, NULL), SIGSYS);
    assert_int_equal(death_signal(call_somebody, &fd), SIGSYS);
    assert_int_equal(death_signal(make_a_process, NULL), SIGSYS);
    assert_int_equal(death_signal(send_a_signal, NULL), SIGSYS);
    assert_int_equal(death_signal(by_another_thread, NULL), SIGSYS);
    (void)close(fd); /* a socket: nothing to lose */
}

static void use_files(void *unused)
{
    char path[100];
    struct stat st;

    (void)unused;
    confine();
    /* Elsewhere: to be seen, perhaps, but neither read nor written. */
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ||
        open("/tmp/kith-sandbox-out", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ||
        unlink("/tmp/kith-sandbox-out") == 0)
        _exit(1);
    (void)snprintf(path, sizeof path, "%s/../kith-sandbox-out", dir); /* fits */
    if (open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0)
        _exit(2);
    (void)snprintf(path, sizeof path, "%s/file", dir); /* fits */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0 || fstat(fd, &st) != 0 ||
        close(fd) != 0 || unlink(path) != 0)
        _exit(3);
}

static void files_of_the_directory_only(void **state)
{
    (void)state;
    if (unconfined())
        return;
    assert_int_equal(death_signal(use_files, NULL), 0);
}

static void without_the_directory_nothing_changes(void **state)
{
    (void)state;
    assert_int_equal(sandbox_files("/no/such/directory"), ERR_STATE);
    assert_true(access("/etc/passwd", R_OK) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_end_the_process),
        cmocka_unit_test(files_of_the_directory_only),
        cmocka_unit_test(without_the_directory_nothing_changes),
    };

    (void)snprintf(dir, sizeof dir, "/tmp/kith-sandbox-XXXXXX"); /* fits */
    MUST(mkdtemp(dir) != NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    MUST(rmdir(dir) == 0);
    return failed;
}
