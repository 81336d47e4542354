/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include "client/cmd.h"

/* No core, no debugger of the same user: secrets stay in this process. */
static void close_doors(void)
{
    const struct rlimit none = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &none);       /* lowering is always allowed */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0L); /* nothing to do where it is refused */
    /* A dead name server must not outlast the deadline of a round. */
    (void)setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
}

static bool home_path(char *out, size_t cap)
{
    const char *given = getenv("KITH_HOME");
    const char *user = getenv("HOME");
    if (given != NULL && given[0] != 0)
        return (size_t)snprintf(out, cap, "%s", given) < cap;
    if (user == NULL || user[0] == 0)
        return false;
    return (size_t)snprintf(out, cap, "%s/.kith", user) < cap;
}

static enum exit_code run(struct term *t, int argc, const char *const *argv)
{
    char home[HOME_PATH];
    if (!home_path(home, sizeof home))
        return term_show_problem(
            t,
            term_fail_as(t, ERR_ARG, EXIT_USAGE, NULL,
                         "Say where the files of Kith are, or shall be: a directory of "
                         "your own.",
                         "KITH_HOME=DIRECTORY kith",
                         "Neither KITH_HOME nor HOME names a directory."));
    struct ctx ctx = {
        .params = &params_shipped,
        .term = t,
        .home = home,
        .tables = command_tables,
    };
    return cmd_run(&ctx, argc, argv);
}

int main(int argc, char **argv)
{
    close_doors();
    struct term term;
    term_init(&term);
    term_catch_signals();
    enum exit_code code = EXIT_FAILED;
    enum err e = secret_start(SECRET_LOCK_REQUIRED);
    if (e != OK)
        return (int)term_show_problem(&term, e);
    if (argc > 0)
        code = run(&term, argc - 1, (const char *const *)argv + 1);
    term_done(&term);
    secret_end();
    return (int)code;
}
