/* SPDX-License-Identifier: Apache-2.0 */
/* The command table, its parser, and what handlers share. */
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cmd.h"

static char base[64];
static char home[128];
static char out_text[65536];
static char say_text[16384];

static uint64_t noon(void)
{
    return 1000000;
}

static const struct params cheap = {
    .now = noon,
    .rng = &crypt_random,
    .cost = { .mem = 8192, .passes = 1 },
    .home_cost = { .mem = 8192, .passes = 1 },
    .round_ms = 500,
};

/* One run of the program without its process. */
struct run {
    struct term term;
    struct ctx ctx;
    enum exit_code code;
};

static void run_begin(struct run *r)
{
    memset(out_text, 0, sizeof out_text);
    memset(say_text, 0, sizeof say_text);
    *r = (struct run){ .term = { .passphrase_fd = -1, .in = -1, .width = 80 } };
    r->term.out = fmemopen(out_text, sizeof out_text - 1, "w");
    r->term.say = fmemopen(say_text, sizeof say_text - 1, "w");
    assert_non_null(r->term.out);
    assert_non_null(r->term.say);
    r->ctx = (struct ctx){
        .params = &cheap, .term = &r->term, .home = home, .tables = command_tables
    };
}

static void run_end(struct run *r)
{
    (void)fclose(r->term.out);
    (void)fclose(r->term.say);
    term_done(&r->term);
}

#define LINE(...)                                                                        \
    (const char *const[]){ __VA_ARGS__ },                                                \
        (int)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static int kith(const char *const *argv, int argc)
{
    static struct run r;
    run_begin(&r);
    r.code = cmd_run(&r.ctx, argc, argv);
    run_end(&r);
    return (int)r.code;
}

/* Parses only; the caller looks at what came of it and ends the run. */
static enum err parse(struct run *r, const char *const *argv, int argc)
{
    run_begin(r);
    return cmd_parse(&r->ctx, argc, argv);
}

static int fresh(void **state)
{
    (void)state;
    static unsigned count;
    (void)snprintf(home, sizeof home, "%s/home%u", base, count++);
    return 0;
}

/* ---- the table ---- */

static void each_row(void (*look)(const struct command *c))
{
    size_t n = 0;
    for (const struct command_table *const *t = command_tables; *t != NULL; t++) {
        for (size_t i = 0; i < (*t)->n; i++, n++)
            look(&(*t)->rows[i]);
    }
    assert_true(n >= 4);
}

static void is_complete(const struct command *c)
{
    assert_non_null(c->path);
    assert_non_null(c->args);
    assert_non_null(c->help);
    assert_true(c->run != NULL);
    assert_ptr_equal(cmd_find(command_tables, c->path), c);
    size_t n = strlen(c->help);
    assert_true(n > 10 && c->help[n - 1] == '.');
    assert_true(c->max == ARGS_MANY || c->max >= c->min);
    /* The row's last place ends the list. */
    assert_null(c->options[CMD_OPTIONS - 1].name);
    for (const struct option *o = c->options; o->name != NULL; o++) {
        assert_true(o->name[0] == '-');
        assert_true(o->help != NULL && o->help[0] != 0);
    }
}

static void test_every_row_is_complete(void **state)
{
    (void)state;
    each_row(is_complete);
}

static const struct option *wanted;

static void agrees(const struct command *c)
{
    for (const struct option *o = c->options; o->name != NULL; o++) {
        if (strcmp(o->name, wanted->name) == 0)
            assert_int_equal(o->value == NULL, wanted->value == NULL);
    }
}

static void all_agree(const struct command *c)
{
    for (wanted = c->options; wanted->name != NULL; wanted++)
        each_row(agrees);
}

/* Whether an option takes a value must not depend on the command: they may precede it. */
static void test_options_mean_one_thing(void **state)
{
    (void)state;
    each_row(all_agree);
    for (wanted = global_options; wanted->name != NULL; wanted++)
        each_row(agrees);
}

static void has_help(const struct command *c)
{
    if (c->path[0] == 0)
        return;
    const char *argv[8] = { "help" };
    char words[128];
    int n = 1;
    (void)snprintf(words, sizeof words, "%s", c->path);
    char *rest = words;
    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " "))
        argv[n++] = word;
    assert_int_equal(kith(argv, n), EXIT_FINE);
    char usage[512];
    (void)snprintf(usage, sizeof usage, "kith %s%s%s\n", c->path,
                   c->args[0] != 0 ? " " : "", c->args);
    assert_non_null(strstr(out_text, usage));
    assert_string_equal(say_text, "");
    for (const struct option *o = c->options; o->name != NULL; o++)
        assert_non_null(strstr(out_text, o->name));
    assert_int_equal(kith(LINE("help")), EXIT_FINE);
    assert_non_null(strstr(out_text, usage));
}

static void test_every_command_has_help(void **state)
{
    (void)state;
    each_row(has_help);
}

/* ---- parsing ---- */

static void fails(const char *const *argv, int argc, const char *id, const char *says)
{
    assert_int_equal(kith(argv, argc), EXIT_USAGE);
    char line[64];
    (void)snprintf(line, sizeof line, "(%s)\n", id);
    assert_string_equal(out_text, "");
    if (strstr(say_text, line) == NULL || strstr(say_text, says) == NULL)
        fail_msg("%s: %s", id, say_text);
}

static void test_wrong_lines(void **state)
{
    (void)state;
    fails(LINE("inti"), "unknown-command", "Did you mean \"kith init\"?");
    fails(LINE("root", "fingerprin"), "unknown-command", "kith root fingerprint");
    fails(LINE("zebra"), "unknown-command", "lists the commands");
    fails(LINE("root"), "unknown-command", "kith help root");
    fails(LINE("help", "zebra"), "unknown-command", "kith zebra");
    fails(LINE("guard", "zebra", "--help"), "unknown-command", "kith guard zebra");
    fails(LINE("init", "--nmae", "x"), "unknown-option", "Did you mean --name?");
    fails(LINE("init", "-x"), "unknown-option", "-x");
    fails(LINE("init", "--name"), "bad-option", "needs a value");
    fails(LINE("init", "--json=yes"), "bad-option", "takes no value");
    fails(LINE("init", "extra"), "too-many", "extra");
    fails(LINE("root", "fingerprint", "extra"), "too-many", "extra");
    fails(LINE("root", "fingerprint", "--name", "x"), "unknown-option", "--name");
    fails(LINE("init", "--passphrase-fd", "x"), "bad-value", "x is no descriptor");
    fails(LINE("init", "--name", ""), "bad-value", "empty");
    fails(LINE("init", "--name", "a\nb"), "bad-value", "cannot be printed");
    fails(LINE("init", "--no-input"), "missing-value", "--name NAME");
    fails(LINE("init", "--name", "A"), "missing-value", "--passphrase-file");
}

static void test_errors_as_json(void **state)
{
    (void)state;
    assert_int_equal(kith(LINE("--json", "--zebra", "inti")), EXIT_USAGE);
    assert_non_null(strstr(out_text, "{\"schema\":\"kith.error/1\",\"id\":"));
    assert_int_equal(kith(LINE("inti", "--json")), EXIT_USAGE);
    assert_non_null(strstr(out_text, "\"id\":\"unknown-command\""));
    assert_string_equal(say_text, "");
    /* Behind -- it is a word like others. */
    assert_int_equal(kith(LINE("inti", "--", "--json")), EXIT_USAGE);
    assert_string_equal(out_text, "");
}

static void test_options_anywhere(void **state)
{
    (void)state;
    static struct run r;
    assert_int_equal(parse(&r, LINE("--name", "init", "--yes", "a", "init", "--yes=b")),
                     OK);
    assert_string_equal(r.ctx.command->path, "init");
    assert_string_equal(ctx_option(&r.ctx, "--name"), "init");
    assert_string_equal(r.term.yes[0], "a");
    assert_string_equal(r.term.yes[1], "b");
    assert_null(ctx_option_at(&r.ctx, "--yes", 2));
    assert_null(ctx_option(&r.ctx, "--json"));
    run_end(&r);
    assert_int_equal(
        parse(&r, LINE("init", "--name", "x", "--name=--y", "--passphrase-fd", "7")), OK);
    assert_string_equal(ctx_option(&r.ctx, "--name"), "--y");
    assert_int_equal(r.term.passphrase_fd, 7);
    run_end(&r);
    assert_int_equal(parse(&r, LINE("help", "--", "--name", "-")), OK);
    assert_int_equal(r.ctx.n_args, 2);
    assert_string_equal(r.ctx.args[0], "--name");
    run_end(&r);
}

static void test_too_many_words(void **state)
{
    (void)state;
    const char *argv[ARGS_MAX + 8];
    for (size_t i = 0; i < ARGS_MAX + 8; i++)
        argv[i] = i == 0 ? "help" : "x";
    fails(argv, ARGS_MAX + 8, "too-many", "too many");
    for (size_t i = 0; i < ARGS_MAX + 8; i++)
        argv[i] = "--json";
    assert_int_equal(kith(argv, ARGS_MAX + 8), EXIT_USAGE);
    const char *words[2 * (TERM_YES + 2)];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        words[i] = i % 2 == 0 ? "--yes" : "w";
    fails(words, sizeof words / sizeof words[0], "too-many", "--yes");
}

static void test_version_and_glossary(void **state)
{
    (void)state;
    assert_int_equal(kith(LINE("--version")), EXIT_FINE);
    assert_string_equal(out_text, "kith " KITH_VERSION "\n");
    assert_int_equal(kith(LINE("help", "glossary")), EXIT_FINE);
    assert_non_null(strstr(out_text, "piece: "));
    assert_int_equal(kith(LINE("init", "--help")), EXIT_FINE);
    assert_non_null(strstr(out_text, "kith init --name NAME\n"));
    assert_int_equal(kith(LINE("guard", "approve", "0a1b", "--help")), EXIT_FINE);
    assert_non_null(strstr(out_text, "kith guard approve REQ\n"));
    assert_int_equal(kith(LINE("help", "man")), EXIT_FINE);
    assert_non_null(strstr(out_text, "*kith init* --name NAME\n"));
}

/* ---- init and fingerprint ---- */

static void write_file(const char *name, const char *text, char out_path[160])
{
    (void)snprintf(out_path, 160, "%s/%s", base, name);
    FILE *f = fopen(out_path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_no_root_yet(void **state)
{
    (void)state;
    assert_int_equal(kith(LINE("root", "fingerprint")), EXIT_NONE);
    assert_int_not_equal(access(home, F_OK), 0);
}

static void test_init(void **state)
{
    (void)state;
    char pass[160];
    char first[64];
    write_file("pass", "correct horse\n", pass);
    assert_int_equal(kith(LINE("init", "--name", "Ruth", "--passphrase-file", pass)),
                     EXIT_FINE);
    (void)snprintf(first, sizeof first, "%.60s", out_text);
    unsigned spaces = 0;
    for (const char *p = first; *p != 0; p++)
        spaces += *p == ' ';
    assert_int_equal(spaces, 3);
    assert_int_equal(kith(LINE("root", "fingerprint")), EXIT_FINE);
    assert_string_equal(out_text, first);
    /* Again: the same root. Under another name: refused. */
    assert_int_equal(kith(LINE("init", "--name", "Ruth", "--passphrase-file", pass)),
                     EXIT_FINE);
    assert_string_equal(out_text, first);
    assert_int_equal(kith(LINE("init", "--name", "Eva", "--passphrase-file", pass)),
                     EXIT_USAGE);
    assert_int_equal(kith(LINE("init", "--name", "Ruth")), EXIT_LOCKED);
    write_file("pass2", "wrong horse\n", pass);
    assert_int_equal(kith(LINE("init", "--name", "Ruth", "--passphrase-file", pass)),
                     EXIT_PASSPHRASE);
}

/* A descriptor gives its passphrase once. */
static void test_init_asks_once(void **state)
{
    (void)state;
    int ends[2];
    char number[16];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "only once\n", 10), 10);
    (void)close(ends[1]);
    (void)snprintf(number, sizeof number, "%d", ends[0]);
    assert_int_equal(kith(LINE("init", "--name", "R", "--passphrase-fd", number)),
                     EXIT_FINE);
    (void)close(ends[0]);
}

static void test_import(void **state)
{
    (void)state;
    char file[160];
    char pass[160];
    write_file("pass", "p\n", pass);
    write_file("bad", "0123", file);
    assert_int_equal(
        kith(LINE("init", "--name", "R", "--no-passphrase", "--import-root", file)),
        EXIT_USAGE);
    assert_int_not_equal(access(home, F_OK), 0);
    write_file("good",
               "000102030405060708090A0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
               file);
    assert_int_equal(kith(LINE("init", "--name", "R", "--no-passphrase", "--import-root",
                               file, "--json")),
                     EXIT_FINE);
    json_t *doc = json_loads(out_text, 0, NULL);
    assert_non_null(doc);
    assert_string_equal(json_string_value(json_object_get(doc, "schema")), "kith.init/1");
    assert_string_equal(json_string_value(json_object_get(doc, "name")), "R");
    assert_non_null(json_string_value(json_object_get(doc, "fingerprint")));
    json_decref(doc);
    assert_non_null(strstr(say_text, "Careful: without a passphrase"));
    assert_int_equal(kith(LINE("init", "--name", "R", "--import-root", file)),
                     EXIT_USAGE);
}

static void test_damaged_home_is_left_alone(void **state)
{
    (void)state;
    char path[160];
    assert_int_equal(kith(LINE("init", "--name", "R", "--no-passphrase")), EXIT_FINE);
    (void)snprintf(path, sizeof path, "%s/day", home);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 90, SEEK_SET), 0);
    (void)fputc('!', f);
    (void)fclose(f);
    assert_int_equal(kith(LINE("root", "fingerprint")), EXIT_INTEGRITY);
    assert_int_equal(kith(LINE("init", "--name", "R")), EXIT_INTEGRITY);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fseek(f, 90, SEEK_SET), 0);
    assert_int_equal(fgetc(f), '!');
    (void)fclose(f);
}

/* A power cut between root and day box: init again completes it. */
static void test_init_completes_itself(void **state)
{
    (void)state;
    char path[160];
    char first[64];
    assert_int_equal(kith(LINE("init", "--name", "R", "--no-passphrase")), EXIT_FINE);
    (void)snprintf(first, sizeof first, "%.60s", out_text);
    (void)snprintf(path, sizeof path, "%s/day", home);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kith(LINE("root", "fingerprint")), EXIT_NONE);
    assert_int_equal(kith(LINE("init", "--name", "R", "--no-passphrase")), EXIT_FINE);
    assert_string_equal(out_text, first);
}

/* ---- what handlers share ---- */

static void test_picking(void **state)
{
    (void)state;
    static struct run r;
    const uint8_t a[ID_BYTES] = { 0xab, 0xcd, 0xef, 0x01 };
    const uint8_t b[ID_BYTES] = { 0xab, 0xcd, 0xef, 0x02 };
    const uint8_t c[ID_BYTES] = { 0x11 };
    const struct named list[] = { { a, bytes_text("Ruth") },
                                  { b, bytes_text("Eva") },
                                  { c, bytes_text("Eva") } };
    size_t i = 9;
    run_begin(&r);
    assert_int_equal(ctx_pick(&r.ctx, "ward", "abc", list, 3, &i), ERR_UNKNOWN);
    assert_int_equal(ctx_pick(&r.ctx, "ward", "", list, 3, &i), ERR_UNKNOWN);
    assert_int_equal(ctx_pick(&r.ctx, "ward", "ffff", list, 3, &i), ERR_UNKNOWN);
    assert_int_equal(r.term.problem.exit, EXIT_NONE);
    assert_int_equal(ctx_pick(&r.ctx, "ward", "abcd", list, 3, &i), ERR_ARG);
    assert_int_equal(r.term.problem.exit, EXIT_USAGE);
    json_t *candidates = json_object_get(r.term.problem.more, "candidates");
    assert_int_equal(json_array_size(candidates), 2);
    assert_int_equal(ctx_pick(&r.ctx, "ward", "eva", list, 3, &i), ERR_ARG);
    assert_int_equal(i, 9);
    assert_int_equal(ctx_pick(&r.ctx, "ward", "ABCDEF02", list, 3, &i), OK);
    assert_int_equal(i, 1);
    assert_int_equal(ctx_pick(&r.ctx, "ward", "rUTH", list, 3, &i), OK);
    assert_int_equal(i, 0);
    assert_int_equal(
        ctx_pick(&r.ctx, "ward", "11000000000000000000000000000000", list, 3, &i), OK);
    assert_int_equal(i, 2);
    assert_int_equal(
        ctx_pick(&r.ctx, "ward", "110000000000000000000000000000000", list, 3, &i),
        ERR_UNKNOWN);
    run_end(&r);
}

/* One run whose answer goes to out; what it said is in say_text. */
static enum exit_code version_to(FILE *out)
{
    static struct run r;
    assert_non_null(out);
    run_begin(&r);
    (void)fclose(r.term.out);
    r.term.out = out;
    enum exit_code code = cmd_run(&r.ctx, 1, (const char *const[]){ "version" });
    run_end(&r);
    return code;
}

static void test_an_answer_that_was_not_written(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(version_to(fopen("/dev/full", "w")), EXIT_FAILED);
    assert_non_null(strstr(say_text, "The answer could not be written."));
    assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    assert_int_equal(version_to(fdopen(ends[1], "w")), EXIT_PIPE);
    assert_string_equal(say_text, "");
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(version_to(fdopen(ends[1], "w")), EXIT_FINE);
    (void)close(ends[0]);
}

static void test_shipped_costs(void **state)
{
    (void)state;
    assert_int_equal(params_shipped.cost.mem, 64 << 20);
    assert_int_equal(params_shipped.cost.passes, 3);
    assert_int_equal(params_shipped.home_cost.mem, 64 << 20);
    assert_int_equal(params_shipped.home_cost.passes, 3);
    assert_ptr_equal(params_shipped.rng, &crypt_random);
}

static int sweep(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_complete),
        cmocka_unit_test(test_options_mean_one_thing),
        cmocka_unit_test(test_every_command_has_help),
        cmocka_unit_test_setup(test_wrong_lines, fresh),
        cmocka_unit_test(test_errors_as_json),
        cmocka_unit_test(test_options_anywhere),
        cmocka_unit_test(test_too_many_words),
        cmocka_unit_test(test_version_and_glossary),
        cmocka_unit_test_setup(test_no_root_yet, fresh),
        cmocka_unit_test_setup(test_init, fresh),
        cmocka_unit_test_setup(test_init_asks_once, fresh),
        cmocka_unit_test_setup(test_import, fresh),
        cmocka_unit_test_setup(test_damaged_home_is_left_alone, fresh),
        cmocka_unit_test_setup(test_init_completes_itself, fresh),
        cmocka_unit_test(test_picking),
        cmocka_unit_test(test_an_answer_that_was_not_written),
        cmocka_unit_test(test_shipped_costs),
    };
    (void)snprintf(base, sizeof base, "/tmp/kith-cmd-XXXXXX");
    if (mkdtemp(base) == NULL || secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)nftw(base, sweep, 8, FTW_DEPTH | FTW_PHYS);
    secret_end();
    return failed;
}
