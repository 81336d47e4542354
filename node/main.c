/* SPDX-License-Identifier: Apache-2.0 */
/* kithd: reads its configuration, opens the store, serves until told to stop. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "node/conn.h"
#include "node/log.h"
#include "node/main_part.h"
#include "node/notify.h"
#include "node/sandbox.h"
#include "node/serve.h"
#include "node/store.h"

static const char usage[] =
    "usage: kithd --config FILE [--check-config | --print-limits | --new-operator-link\n"
    "                            | backup F | load F | verify]\n"
    "       kithd --help | --version\n";

/* ---- the command line ---- */

static enum err args_command(int argc, char **argv, int *io_i, struct args *a)
{
    if (a->what != RUN)
        return ERR_ARG;
    if (strcmp(argv[*io_i], "verify") == 0)
        a->what = VERIFY;
    else if (strcmp(argv[*io_i], "backup") == 0)
        a->what = BACKUP;
    else if (strcmp(argv[*io_i], "load") == 0)
        a->what = LOAD;
    else
        return ERR_ARG;
    if (a->what == VERIFY)
        return OK;
    if (*io_i + 1 >= argc || argv[*io_i + 1][0] == '\0')
        return ERR_ARG;
    a->file = argv[++*io_i];
    return OK;
}

static enum err args_parse(int argc, char **argv, struct args *out)
{
    struct args a = { 0 };

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            a.config = argv[++i];
        else if (strcmp(argv[i], "--check-config") == 0)
            a.what = CHECK_CONFIG;
        else if (strcmp(argv[i], "--print-limits") == 0)
            a.what = PRINT_LIMITS;
        else if (strcmp(argv[i], "--new-operator-link") == 0)
            a.new_operator_link = true;
        else
            TRY(args_command(argc, argv, &i, &a));
    }
    if (a.config == NULL && a.what != PRINT_LIMITS)
        return ERR_ARG;
    *out = a;
    return OK;
}

static void print_limits(const struct limits *l)
{
    char line[256];

    for (size_t i = 0; i < limit_count(); i++) {
        (void)limit_print(l, i, line, sizeof line);
        printf("%s\n", line);
    }
}

enum exit_code complain(enum exit_code code, const char *what, const char *next)
{
    (void)fprintf(stderr, "kithd: %s\n", what);
    if (next != NULL)
        (void)fprintf(stderr, "       %s\n", next);
    return code;
}

/* ---- the process ---- */

/* No core dumps, no ptrace by others, no readable files: before any secret exists. */
static enum err harden(void)
{
    struct rlimit none = { 0 };

    (void)umask(077);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return ERR_IO;
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return ERR_IO;
    return OK;
}

static uint64_t ms_of(clockid_t id)
{
    struct timespec ts = { 0 };

    (void)clock_gettime(id, &ts); /* cannot fail for these clocks */
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Zero where the kernel does not tell: then every start is as after a boot. */
static void read_boot(uint8_t out[ID_BYTES])
{
    char text[37] = "";
    char digits[33] = "";
    size_t n = 0;
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

    if (f == NULL)
        return;
    if (fgets(text, sizeof text, f) != NULL)
        for (size_t i = 0; text[i] != '\0' && n < sizeof digits - 1; i++)
            if (text[i] != '-')
                digits[n++] = text[i];
    (void)fclose(f); /* only read from */
    if (hex_decode(bytes_of(digits, n), (struct span){ out, ID_BYTES }) != OK)
        memset(out, 0, ID_BYTES);
}

static struct clock_look look_now(void)
{
    return (struct clock_look){ .wall_ms = ms_of(CLOCK_REALTIME),
                                .boot_ms = ms_of(CLOCK_BOOTTIME) };
}

static enum clock_sync kernel_sync(void)
{
    struct timex t = { 0 };
    int state = adjtimex(&t);

    return state >= 0 && state != TIME_ERROR ? CLOCK_SYNCHRONISED : CLOCK_UNSYNCHRONISED;
}

static enum err clock_begin(struct loop *l, const struct conf *conf)
{
    struct clock_look look = look_now();

    read_boot(l->boot); /* once, before the sandbox closes */
    memcpy(look.boot, l->boot, ID_BYTES);
    l->look = look_now;
    l->sync = kernel_sync;
    TRY(time_start(&l->time, l->store,
                   conf->trust_clock ? CLOCK_TRUSTED : CLOCK_ASK_KERNEL, kernel_sync(),
                   look));
    (void)time_now(&l->time, look, &l->env);
    if (l->env.clock == CLOCK_FROZEN)
        LOG(WARN, EV_CLOCK_FROZEN, F_END);
    return OK;
}

/* ---- the operator link ---- */

static const char link_name[] = "operator.link";

struct link_job {
    const struct node_env *env;
    uint64_t now;
    struct credential cred;
};

static enum err put_link(struct txn *t, void *arg)
{
    struct link_job *j = arg;

    return serve_operator_link(t, j->env, j->now, &j->cred);
}

static enum err any_seat(struct txn *t, void *arg)
{
    struct txn_key key = { 0 };

    (void)arg;
    return txn_next(t, TAB_SEAT, (struct bytes){ 0 }, &key, (struct span){ 0 }, NULL);
}

static enum err write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t wrote = write(fd, text, n);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return ERR_IO;
        text += wrote;
        n -= (size_t)wrote;
    }
    return OK;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* what had to be durable was synced */
}

#define AUTO_FD __attribute__((cleanup(close_fd)))

/* The whole line or nothing, on the disk before anybody is let in. */
static enum err write_link(const char *dir, const char *line)
{
    AUTO_FD int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FD int fd = -1;

    if (at < 0)
        return ERR_IO;
    fd = openat(at, "operator.link.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    TRY(write_all(fd, line, strlen(line)));
    TRY(write_all(fd, "\n", 1));
    if (fsync(fd) != 0 || renameat(at, "operator.link.new", at, link_name) != 0 ||
        fsync(at) != 0)
        return ERR_IO;
    return OK;
}

static enum err read_link(const char *dir, char *line, size_t cap, size_t *out_n)
{
    AUTO_FD int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FD int fd =
        at < 0 ? -1 : openat(at, link_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, line, cap);

    if (n < 0)
        return ERR_IO;
    *out_n = (size_t)n;
    return OK;
}

/* Nobody has a seat and there is no link to take one with: a start cut short. */
static bool link_is_missing(struct store *s, const char *dir)
{
    char path[CONF_PATH + sizeof link_name + 2];

    (void)snprintf(path, sizeof path, "%s/%s", dir, link_name);
    return access(path, F_OK) != 0 && store_read(s, any_seat, NULL) == ERR_UNKNOWN;
}

static enum err link_draw(struct loop *l, const char *dir)
{
    AUTO_SECRET struct link_job *job = NULL;
    AUTO_SECRET struct link *link = NULL;
    AUTO_SECRET char *line = NULL;

    TRY(secret_new(&job));
    TRY(secret_new(&link));
    TRY(secret_alloc(LINK_TEXT, (void **)&line));
    link->type = LINK_OPERATOR;
    link->address = l->env.addresses[0];
    memcpy(link->node_key, l->env.id->node_pub, sizeof link->node_key);
    rng_fill(l->env.rng, link->token, sizeof link->token);
    job->env = &l->env;
    job->now = time_now(&l->time, l->env.look, &l->env);
    ident_credential(BYTES_OF(link->token), &job->cred);
    TRY(link_format(link, line, LINK_TEXT));
    TRY(store_write(l->store, put_link, job));
    return write_link(dir, line);
}

/* A link nobody used yet leads to where the node listens now (port 0, a new Listen). */
static enum err link_follow(struct loop *l, const char *dir)
{
    AUTO_SECRET struct link *link = NULL;
    AUTO_SECRET char *line = NULL;
    size_t n = 0;

    TRY(secret_new(&link));
    TRY(secret_alloc(LINK_TEXT, (void **)&line));
    TRY(read_link(dir, line, LINK_TEXT, &n));
    TRY(link_parse(bytes_of(line, n), link));
    const struct address *here = &l->env.addresses[0];
    if (address_same_host(&link->address, here) && link->address.port == here->port)
        return OK;
    link->address = *here;
    TRY(link_format(link, line, LINK_TEXT));
    return write_link(dir, line);
}

/* ---- telling people ---- */

static void tell(void *ctx, const struct told *t)
{
    for (size_t i = 0; i < t->n; i++)
        notify_tell(ctx, &t->list[i]);
    notify_lost(ctx, t->lost);
}

/* ---- running ---- */

static bool is_any(const struct address *a)
{
    static const uint8_t zero[16];
    size_t n = a->kind == ADDRESS_IP4 ? 4 : 16;

    return (a->kind == ADDRESS_IP4 || a->kind == ADDRESS_IP6) &&
           bytes_equal(bytes_of(a->host, n), bytes_of(zero, n));
}

static void env_addresses(struct node_env *env, const struct conf *conf,
                          const struct address *bound)
{
    env->n_addresses = conf->n_advertise > 0 ? (uint32_t)conf->n_advertise : 1;
    env->addresses[0] = *bound;
    for (size_t i = 0; i < conf->n_advertise; i++)
        env->addresses[i] = conf->advertise[i];
}

static enum exit_code no_listening(const struct conf *conf)
{
    char at[ADDRESS_TEXT];
    char what[ADDRESS_TEXT + 120];

    address_format(&conf->listen, at, sizeof at);
    (void)snprintf(what, sizeof what,
                   "Listening on %s is not possible: another program has this port, "
                   "or the address is not this machine's.",
                   at);
    return complain(EXIT_FAILED, what,
                    "Stop the other program, or change Listen in the configuration.");
}

static enum exit_code serve(struct loop *l, const struct conf *conf,
                            const struct args *args)
{
    struct address bound = { 0 };
    char text[ADDRESS_TEXT];

    if (loop_bind(l, &conf->listen, &bound) != OK)
        return no_listening(conf);
    env_addresses(&l->env, conf, &bound);
    if ((store_is_first_start(l->store) || args->new_operator_link ||
         link_is_missing(l->store, conf->state)) &&
        link_draw(l, conf->state) != OK)
        return complain(
            EXIT_FAILED, "The operator link could not be written.",
            "Check that the State directory can be written, and start again.");
    if (args->new_operator_link)
        return EXIT_FINE;
    (void)link_follow(l, conf->state); /* no file, or the operator's own: none to mend */
    enum err files = sandbox_files(conf->state);

    if (store_start(l->store) != OK)
        return complain(EXIT_FAILED, err_text(ERR_NOMEM), err_hint(ERR_NOMEM));
    if (loop_listen(l) != OK)
        return no_listening(conf);
    if (sandbox_calls() != OK || files != OK)
        LOG(WARN, EV_NODE_UNCONFINED, F_END);
    address_format(&bound, text, sizeof text);
    printf("listening %s\n", text);
    (void)fflush(stdout); /* a closed standard output is no reason not to serve */
    LOG(INFO, EV_NODE_STARTED, F_END);
    enum err e = loop_run(l);
    return e == OK ? EXIT_FINE : complain(EXIT_FAILED, "The event loop failed.", NULL);
}

static enum exit_code run(const struct conf *conf, const struct args *args,
                          struct notify *notify)
{
    AUTO_FREE struct loop *l = calloc(1, sizeof *l);
    struct store_refusal why = { .text = "" };

    if (l == NULL)
        return complain(EXIT_FAILED, err_text(ERR_NOMEM), err_hint(ERR_NOMEM));
    enum err e = store_open(conf->state, &crypt_random, &l->store, &why);
    if (e != OK)
        return complain(e == ERR_BUSY ? EXIT_BUSY : EXIT_FAILED, why.text, NULL);
    if (store_is_first_start(l->store))
        LOG(NOTICE, EV_NODE_FIRST_START, F_END);
    l->env = (struct node_env){ .id = store_identity(l->store),
                                .limits = &conf->limits,
                                .rng = &crypt_random };
    l->tell = notify != NULL ? tell : NULL;
    l->tell_ctx = notify;
    e = clock_begin(l, conf);
    enum exit_code code =
        e == OK ? serve(l, conf, args) : complain(EXIT_FAILED, err_text(e), err_hint(e));
    loop_done(l);
    store_stop(l->store);
    store_close(l->store);
    LOG(INFO, EV_NODE_STOPPED, F_END);
    return code;
}

/* Memory for secrets, and with it the node. */
static enum exit_code run_locked(const struct conf *conf, const struct args *args,
                                 struct notify *notify)
{
    enum err e =
        secret_start(conf->lock_memory ? SECRET_LOCK_REQUIRED : SECRET_LOCK_WAIVED);
    if (e != OK)
        return complain(EXIT_FAILED, err_text(e), err_hint(e));
    if (!conf->lock_memory)
        LOG(WARN, EV_NODE_UNLOCKED, F_END);
    enum exit_code code =
        args->what == RUN ? run(conf, args, notify) : store_command(conf, args);
    secret_end();
    return code;
}

/* What needs no socket. */
static enum exit_code aside(const struct conf *conf, const struct args *args)
{
    if (args->what == CHECK_CONFIG)
        printf("%s is fine\n", args->config);
    if (args->what == CHECK_CONFIG || args->what == PRINT_LIMITS)
        return EXIT_FINE;
    if (harden() != OK)
        return complain(EXIT_FAILED, "The process could not be hardened.", NULL);
    return run_locked(conf, args, NULL);
}

static enum exit_code start(const struct conf *conf, const struct args *args)
{
    struct notify *notify = NULL;

    if (is_any(&conf->listen) && conf->n_advertise == 0)
        return complain(EXIT_USAGE,
                        "Listen names every address of this machine, but Advertise is "
                        "missing: links would lead nowhere.",
                        "Add to [Node]: Advertise = the name or address others reach.");
    if (harden() != OK)
        return complain(EXIT_FAILED, "The process could not be hardened.", NULL);
    /* Before there is any secret to inherit. */
    if (conf->alert_exec[0] != '\0' &&
        notify_start(conf->alert_exec, conf->name, conf->limits.alert_ms, &notify) != OK)
        return complain(EXIT_FAILED, "The process that tells of alerts did not start.",
                        NULL);
    enum exit_code code = run_locked(conf, args, notify);
    if (!notify_stop(notify))
        LOG(WARN, EV_ALERT_FAILED, F_TEXT("why", "does-not-end"));
    return code;
}

int main(int argc, char **argv)
{
    AUTO_FREE struct conf *conf = calloc(1, sizeof *conf);
    struct conf_error wrong = { 0 };
    struct args args = { 0 };

    if (conf == NULL)
        return (int)complain(EXIT_FAILED, err_text(ERR_NOMEM), NULL);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("kithd %s\n", KITH_VERSION);
        return EXIT_FINE;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("%s", usage);
        return EXIT_FINE;
    }
    if (args_parse(argc, argv, &args) != OK) {
        (void)fprintf(stderr, "%s", usage);
        return EXIT_USAGE;
    }
    limits_default(&conf->limits);
    if (args.config != NULL && conf_load(args.config, conf, &wrong) != OK) {
        (void)fprintf(stderr, "kithd: %s", args.config);
        if (wrong.line > 0)
            (void)fprintf(stderr, ", line %u", wrong.line);
        (void)fprintf(stderr, ": %s\n", wrong.text);
        return EXIT_USAGE;
    }
    if (args.what == PRINT_LIMITS)
        print_limits(&conf->limits);
    return (int)(args.what == RUN ? start(conf, &args) : aside(conf, &args));
}
