/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command is: one row of a table that gives parser, usage, help, suggestions
 * and manual. Each cmd_*.c brings its rows. A handler returns OK and sets ctx->exit,
 * or records its problem (term_fail) and returns the error: main shows it once.
 */
#ifndef KITH_CLIENT_CMD_H
#define KITH_CLIENT_CMD_H

#include "client/call.h"
#include "client/home.h"
#include "client/term.h"
#include "proto/words.h"

/* Costs, chance, clock and deadlines: one struct from main, another in tests. */
struct params {
    uint64_t (*now)(void); /* Unix seconds */
    const struct rng *rng;
    struct cost cost;      /* call words, fingerprint words: the shipped cost */
    struct cost home_cost; /* passphrase of the home */
    uint32_t round_ms;     /* deadline of one round */
    /* Tests only, NULL in the programs: what a lying guardian does to a piece. */
    void (*before_release)(uint8_t piece[PIECE_BYTES]);
};

extern const struct params params_shipped;

/* Which keys a command needs; help and the manual say so. */
enum key_need {
    NEEDS_NOTHING, /* works without a home */
    NEEDS_DAY,     /* the home, no passphrase */
    NEEDS_ROOT,    /* the passphrase, if the home has one */
    MAKES_HOME     /* makes the home if there is none */
};

struct option {
    const char *name;  /* "--name", or "-k" */
    const char *value; /* "NAME"; NULL: a flag */
    const char *help;  /* a few words */
};

enum { ARGS_MANY = 255, ARGS_MAX = 128, CMD_OPTIONS = 16 };

struct ctx;

struct command {
    const char *path; /* "guardian add"; "" is kith alone */
    const char *args; /* "NAME LINK", as usage shows it */
    uint8_t min;      /* arguments beside options */
    uint8_t max;      /* ARGS_MANY: any number */
    bool tail;        /* what follows "--" is another program's: ctx->tail */
    enum key_need key;
    const char *help;                   /* one sentence */
    struct option options[CMD_OPTIONS]; /* ends with an empty one */
    enum err (*run)(struct ctx *ctx);
};

struct command_table {
    const struct command *rows;
    size_t n;
};

/* All commands, in the order of the help text; ends with NULL (main_table.c). */
extern const struct command_table *const command_tables[];
/* Tables of the command groups, each in its own file. */
extern const struct command_table cmd_init_table;     /* cmd_init.c: init, root */
extern const struct command_table cmd_root_table;     /* cmd_root.c: root replace */
extern const struct command_table cmd_guard_table;    /* cmd_guard.c */
extern const struct command_table cmd_guardian_table; /* cmd_guardian.c */
extern const struct command_table cmd_swap_table;     /* cmd_circle.c: guardian replace */
extern const struct command_table cmd_circle_table;   /* cmd_circle.c */
extern const struct command_table cmd_device_table;   /* cmd_device.c */
extern const struct command_table
    cmd_end_table; /* cmd_end.c: circle end, export, erase */
extern const struct command_table cmd_status_table;      /* cmd_status.c: "", status */
extern const struct command_table cmd_check_table;       /* cmd_check.c */
extern const struct command_table cmd_drill_table;       /* cmd_drill.c */
extern const struct command_table cmd_alert_table;       /* cmd_alert.c */
extern const struct command_table cmd_stop_table;        /* cmd_stop.c */
extern const struct command_table cmd_log_table;         /* cmd_log.c */
extern const struct command_table cmd_restore_table;     /* cmd_restore.c */
extern const struct command_table cmd_vault_table;       /* cmd_vault.c */
extern const struct command_table cmd_derive_table;      /* cmd_derive.c */
extern const struct command_table cmd_card_table;        /* cmd_card.c */
extern const struct command_table cmd_card_bundle_table; /* cmd_card_bundle.c */
extern const struct command_table cmd_secret_table;      /* cmd_secret.c */
extern const struct command_table cmd_ask_table;  /* cmd_ask.c: credential, askpass */
extern const struct command_table cmd_help_table; /* cmd_help.c: help */

#define COMMANDS(rows)                                                                   \
    {                                                                                    \
        (rows), sizeof(rows) / sizeof((rows)[0])                                         \
    }

/* One run of the program. */
struct ctx {
    const struct params *params;
    struct term *term;
    const char *home;                          /* path */
    const struct command_table *const *tables; /* all, ends with NULL */
    const struct command *command;
    const char *args[ARGS_MAX]; /* beside the command's own words */
    size_t n_args;

    struct given {
        const char *name;
        const char *value;
    } given[ARGS_MAX];

    size_t n_given;
    const char *const *tail; /* behind "--", of a command that has one; else NULL */
    size_t n_tail;
    enum exit_code exit; /* what OK ends with */
};

/* ---- for handlers ---- */

/* The option's value ("" for a flag), or NULL when not given; the last one counts. */
const char *ctx_option(const struct ctx *ctx, const char *name);
/* The option's i-th value, in order, or NULL behind the last. */
const char *ctx_option_at(const struct ctx *ctx, const char *name, size_t i);
/* A duration option in seconds, or otherwise. Records ERR_ARG. */
enum err ctx_duration(const struct ctx *ctx, const char *name, uint64_t otherwise,
                      uint64_t max_s, uint64_t *out_s);
uint64_t ctx_now(const struct ctx *ctx);

/* home_open with its problem recorded. */
enum err ctx_home(const struct ctx *ctx, enum home_mode mode, struct home *out);
/* home_day_load with its problem recorded. */
enum err ctx_day(const struct ctx *ctx, struct home *h, struct day **out);
/* home_day_save with its problem recorded. */
enum err ctx_day_save(const struct ctx *ctx, struct home *h, const struct day *d);
/*
 * The root box opened, asking for the passphrase where it has one (three times on a
 * terminal). ERR_UNKNOWN (5): no root; ERR_LOCKED (4); ERR_PASSPHRASE (12).
 */
enum err ctx_unlock(const struct ctx *ctx, struct home *h, struct unlocked **out);
/*
 * Makes sure that the day box has the vault's keys: a home of an earlier version gets
 * them once, with its passphrase. Errors as ctx_unlock.
 */
enum err ctx_vault_keys(const struct ctx *ctx, struct home *h, struct day *d);
/* As ctx_unlock for another file under a passphrase: HOME_RESTORE. */
enum err ctx_unlock_file(const struct ctx *ctx, struct home *h, enum home_file which,
                         struct home_key **out);
/* A new key by --no-passphrase or a new passphrase. Caller frees. */
enum err ctx_new_key(const struct ctx *ctx, struct home_key **out);

/* What ctx_make_root begins with; all may be NULL. */
struct make_root {
    const char *name;              /* kept if there is one already and NULL is given */
    const struct root_key *import; /* else drawn */
    const struct home_key *key;    /* else ctx_new_key */
};

/*
 * A home with a root and what follows from it in the day box (owner, guardian keys,
 * circle id, fingerprint words), made now where it is missing, so that running it
 * again completes what a power cut left. ERR_EXISTS (2): import given, or another
 * name, where there is a root already. Saves the day box. Caller frees the root.
 */
enum err ctx_make_root(const struct ctx *ctx, struct home *h, const struct make_root *how,
                       struct unlocked **out);
/* Printable text of at most max bytes, not empty; what names it ("--name"). ERR_ARG. */
enum err ctx_text(const struct ctx *ctx, const char *what, const char *text, size_t max);
/* Fingerprint words of an owner key as text; progress while it takes. */
enum err ctx_fingerprint(const struct ctx *ctx, const uint8_t owner[PUB_BYTES],
                         char out_words[WORDS_TEXT]);

/* Something with an id that a person names on the command line. */
struct named {
    const uint8_t *id;  /* 16 bytes */
    struct bytes label; /* a name that counts as well; may be absent */
};

/* Says that this home has no root key, and how one comes here. ERR_UNKNOWN. */
enum err ctx_no_root(const struct ctx *ctx);

/*
 * The entry typed names: by label (any case), or by a unique prefix of at least 4 hex
 * digits of its id. what is "request", "ward" …. ERR_UNKNOWN (5); ERR_ARG (2) with
 * the candidates when ambiguous.
 */
enum err ctx_pick(const struct ctx *ctx, const char *what, const char *typed,
                  const struct named *list, size_t n, size_t *out_index);

/* ---- for main and tests ---- */

/* Options every command takes. */
extern const struct option global_options[];

/*
 * Reads argv (without the program's name) into *ctx: command, arguments, options;
 * applies the global ones to ctx->term. Records ERR_ARG (2), with a suggestion.
 */
enum err cmd_parse(struct ctx *ctx, int argc, const char *const *argv);
/* Parses, runs, shows the problem; the exit code. Leaves no file or child open. */
enum exit_code cmd_run(struct ctx *ctx, int argc, const char *const *argv);
/* The row of that path, or NULL. */
const struct command *cmd_find(const struct command_table *const *tables,
                               const char *path);

#endif
