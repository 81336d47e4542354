/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what docs/kith.1.scd says of the commands, from the command table:
 * print-commands commands | exits. scripts/check-tables compares.
 */
#include <stdio.h>

#include "client/cmd.h"

static void print_escaped(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '_' || *text == '*' || *text == '\\' || *text == '[' || *text == '<')
            putchar('\\');
        putchar(*text);
    }
}

static void print_command(const struct command *c)
{
    printf("*kith%s%s*", c->path[0] != '\0' ? " " : "", c->path);
    if (c->args[0] != '\0') {
        printf(" ");
        print_escaped(c->args);
    }
    printf("\n\t");
    print_escaped(c->help);
    printf("\n\n");
    for (const struct option *o = c->options; o->name != NULL; o++) {
        printf("\t*%s*", o->name);
        if (o->value != NULL) {
            printf(" ");
            print_escaped(o->value);
        }
        printf("\n\t\t");
        print_escaped(o->help);
        printf("\n\n");
    }
}

static void print_all(void)
{
    for (size_t t = 0; command_tables[t] != NULL; t++)
        for (size_t i = 0; i < command_tables[t]->n; i++)
            print_command(&command_tables[t]->rows[i]);
}

static void print_exits(void)
{
    static const struct {
        enum exit_code code;
        const char *what;
    } exits[] = {
        { EXIT_FINE, "fine" },
        { EXIT_FAILED, "failed" },
        { EXIT_USAGE, "usage: a missing, mistyped or impossible argument" },
        { EXIT_DEGRADED, "done, but degraded or unconfirmed" },
        { EXIT_LOCKED, "locked: a passphrase is needed" },
        { EXIT_NONE, "no such thing" },
        { EXIT_STOPPED, "refused or stopped by a person" },
        { EXIT_WAITING, "waiting for people" },
        { EXIT_LOST, "cannot be restored today" },
        { EXIT_INTEGRITY, "integrity failure: data changed, or two keys" },
        { EXIT_NO_CIRCLE, "no circle here" },
        { EXIT_BUSY, "busy: another kith is at work in this home" },
        { EXIT_PASSPHRASE, "wrong passphrase" },
        { EXIT_AWAY, "guardian unreachable" },
        { EXIT_VERSION, "version too old" },
        { EXIT_NOT_RUN,
          "*kith secret exec*: the command cannot be run (else: its own status)" },
        { EXIT_NO_COMMAND, "*kith secret exec*: there is no such command" },
        { EXIT_INTERRUPTED, "interrupted" },
        { EXIT_PIPE, "who reads the answer went away before its end" },
    };

    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        printf("*%d*\n\t%s\n\n", (int)exits[i].code, exits[i].what);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "commands") == 0) {
        print_all();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "exits") == 0) {
        print_exits();
        return 0;
    }
    (void)fprintf(stderr, "usage: print-commands commands|exits\n");
    return 2;
}
