/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a function that must not survive in a child process and tells which
 * signal ended it. Never leaves a core or a child behind.
 */
#ifndef KITH_TESTS_DEATH_H
#define KITH_TESTS_DEATH_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Returns the signal that ended deed(ctx) in a child; 0 when it lived or exited with 0,
 * -1 on another exit code or when there is no child to be had.
 */
static inline int death_signal(void (*deed)(void *ctx), void *ctx)
{
    const struct rlimit no_core = { 0, 0 };
    pid_t child = fork();

    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &no_core); /* a core is untidy, not wrong */
        (void)close(STDERR_FILENO);             /* its last words are expected */
        /* Sanitizers catch faults to report them; here the fault is the result. */
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGABRT, SIG_DFL);
        deed(ctx);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    return WEXITSTATUS(status) == 0 ? 0 : -1;
}

#endif
