/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kith in the hands of a lying guardian, for demonstrations and tests: everything is
 * the real program, but the piece that an approval lets go has one bit changed.
 */
#include <stdio.h>

#include "client/cmd.h"

static void change(uint8_t piece[PIECE_BYTES])
{
    piece[PIECE_BYTES - 1] ^= 1;
}

int main(int argc, char **argv)
{
    struct params params = params_shipped;
    struct term term;
    const char *home = getenv("KITH_HOME");

    params.before_release = change;
    if (home == NULL || argc < 1) {
        (void)fprintf(stderr, "kith-liar: KITH_HOME names no directory\n");
        return EXIT_USAGE;
    }
    term_init(&term);
    term_catch_signals();
    enum err e = secret_start(SECRET_LOCK_REQUIRED);
    if (e != OK)
        return (int)term_show_problem(&term, e);
    struct ctx ctx = {
        .params = &params,
        .term = &term,
        .home = home,
        .tables = command_tables,
    };
    enum exit_code code = cmd_run(&ctx, argc - 1, (const char *const *)argv + 1);
    term_done(&term);
    secret_end();
    return (int)code;
}
