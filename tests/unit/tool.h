/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program of Debian's from a cmocka test; its absence is a test skipped by
 * name. */
#ifndef KITH_TESTS_TOOL_H
#define KITH_TESTS_TOOL_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOOL_ABSENT = 127 };

/*
 * Runs argv (ends with NULL), its standard output into out with a final zero, its
 * standard error nowhere; the exit code.
 */
static inline int tool_run(const char *const *argv, char *out, size_t cap)
{
    int ends[2];
    int status = 0;
    size_t n = 0;
    ssize_t got = 1;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int none = open("/dev/null", O_WRONLY);

        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(none, STDERR_FILENO);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(TOOL_ABSENT);
    }
    (void)close(ends[1]);
    while (got > 0 && n + 1 < cap) {
        got = read(ends[0], out + n, cap - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    out[n] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
