/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sealing.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Bounds that only a fault reaches, however busy the machine. */
enum { ARGS = 16, LOOKS = 6000, ROUND_MS = 30000 };

char work[64];

struct node nodes[NODES];

static unsigned circles; /* owners made so far; each a home of its own */

/* ---- seams: the linker sends these calls here first ---- */

unsigned die_at;
static unsigned ticks;
enum lie lie;

static void tick(void)
{
    if (++ticks == die_at)
        _exit(KILLED);
}

enum err real_home_write(struct home *h, enum home_file which, const struct home_key *key,
                         struct bytes open, struct bytes secret,
                         const struct rng *rng) __asm__("__real_home_write");
enum err wrap_home_write(struct home *h, enum home_file which, const struct home_key *key,
                         struct bytes open, struct bytes secret,
                         const struct rng *rng) __asm__("__wrap_home_write");
enum err real_home_root_save(struct home *h, const struct unlocked *u,
                             const struct rng *rng) __asm__("__real_home_root_save");
enum err wrap_home_root_save(struct home *h, const struct unlocked *u,
                             const struct rng *rng) __asm__("__wrap_home_root_save");
enum err real_home_drop(struct home *h, enum home_file which) __asm__("__real_home_drop");
enum err wrap_home_drop(struct home *h, enum home_file which) __asm__("__wrap_home_drop");
enum err real_home_root_aside(struct home *h,
                              uint64_t when) __asm__("__real_home_root_aside");
enum err wrap_home_root_aside(struct home *h,
                              uint64_t when) __asm__("__wrap_home_root_aside");
enum err real_home_root_create(struct home *h, const struct root_key *root,
                               const struct home_key *key,
                               const struct rng *rng) __asm__("__real_home_root_create");
enum err wrap_home_root_create(struct home *h, const struct root_key *root,
                               const struct home_key *key,
                               const struct rng *rng) __asm__("__wrap_home_root_create");
enum err real_ack_open(struct bytes raw, const uint8_t ack_pub[PUB_BYTES],
                       struct ack *out) __asm__("__real_ack_open");
enum err wrap_ack_open(struct bytes raw, const uint8_t ack_pub[PUB_BYTES],
                       struct ack *out) __asm__("__wrap_ack_open");

enum err wrap_home_write(struct home *h, enum home_file which, const struct home_key *key,
                         struct bytes open, struct bytes secret, const struct rng *rng)
{
    tick();
    enum err e = real_home_write(h, which, key, open, secret, rng);
    tick();
    return e;
}

enum err wrap_home_root_save(struct home *h, const struct unlocked *u,
                             const struct rng *rng)
{
    tick();
    enum err e = real_home_root_save(h, u, rng);
    tick();
    return e;
}

enum err wrap_home_drop(struct home *h, enum home_file which)
{
    tick();
    enum err e = real_home_drop(h, which);
    tick();
    return e;
}

enum err wrap_home_root_aside(struct home *h, uint64_t when)
{
    tick();
    enum err e = real_home_root_aside(h, when);
    tick();
    return e;
}

enum err wrap_home_root_create(struct home *h, const struct root_key *root,
                               const struct home_key *key, const struct rng *rng)
{
    tick();
    enum err e = real_home_root_create(h, root, key, rng);
    tick();
    return e;
}

/* As if one node had signed something else. */
enum err wrap_ack_open(struct bytes raw, const uint8_t ack_pub[PUB_BYTES],
                       struct ack *out)
{
    enum err e = real_ack_open(raw, ack_pub, out);
    if (lie == LIE_KEY)
        return ERR_SIGNATURE;
    out->ward[0] ^= lie == LIE_WARD;
    out->epoch += lie == LIE_EPOCH;
    out->manifest_hash[31] ^= lie == LIE_MANIFEST;
    out->stored[7] ^= lie == LIE_STORED;
    out->incarnation[3] ^= lie == LIE_INCARNATION;
    if (lie == LIE_STATE)
        out->state = EPOCH_SUPERSEDED;
    return e;
}

/* ---- small things ---- */

void path_of(char out[160], const char *name, const char *file)
{
    MUST(snprintf(out, 160, "%s/%s%s%s", work, name, file[0] != 0 ? "/" : "", file) <
         160);
}

static void pause_ms(long ms)
{
    const struct timespec t = { .tv_nsec = ms * 1000000L };
    (void)nanosleep(&t, NULL);
}

size_t file_read(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    out[0] = 0;
    if (f == NULL)
        return 0;
    size_t n = fread(out, 1, cap - 1, f);
    (void)fclose(f);
    out[n] = 0;
    return n;
}

/* ---- the client ---- */

static uint64_t wall(void)
{
    return (uint64_t)time(NULL);
}

const struct params quick = { .now = wall,
                              .rng = &crypt_random,
                              .cost = { .mem = 8192, .passes = 1 },
                              .home_cost = { .mem = 8192, .passes = 1 },
                              .round_ms = ROUND_MS };

/* What one run is; the answer stands in work/answer, the talk in work/said. */
static int kith_child(const char *who, int argc, const char *const *argv)
{
    char home[160];
    char file[160];
    struct term t;
    path_of(file, "answer", "");
    if (freopen(file, "w", stdout) == NULL)
        return 98;
    path_of(file, "said", "");
    if (freopen(file, "w", stderr) == NULL)
        return 98;
    path_of(home, who, "");
    term_init(&t);
    t.ask = false;
    struct ctx ctx = {
        .params = &quick, .term = &t, .home = home, .tables = command_tables
    };
    int code = (int)cmd_run(&ctx, argc, argv);
    term_done(&t);
    (void)fflush(NULL);
    return code;
}

int child(int (*run)(void *arg), void *arg)
{
    int status = 0;
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        ticks = 0;
        _exit(run(arg));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

struct run {
    const char *who;
    int argc;
    const char *argv[ARGS];
};

static int kith_run(void *arg)
{
    const struct run *r = arg;
    return kith_child(r->who, r->argc, r->argv);
}

int kith(const char *who, ...)
{
    struct run r = { .who = who };
    va_list args;
    va_start(args, who);
    while (r.argc < ARGS && (r.argv[r.argc] = va_arg(args, const char *)) != NULL)
        r.argc++;
    va_end(args);
    return child(kith_run, &r);
}

void want(int code, int got)
{
    static char text[2048];
    char path[160];
    if (code == got)
        return;
    path_of(path, "said", "");
    (void)file_read(path, text, sizeof text);
    fail_msg("exit %d, not %d: %s", got, code, text);
}

const char *answer(void)
{
    static char text[8192];
    char path[160];
    path_of(path, "answer", "");
    (void)file_read(path, text, sizeof text);
    return text;
}

bool answered(const char *part)
{
    return strstr(answer(), part) != NULL;
}

bool said(const char *part)
{
    static char text[4096];
    char path[160];
    path_of(path, "said", "");
    (void)file_read(path, text, sizeof text);
    return strstr(text, part) != NULL;
}

/* ---- the nodes ---- */

static void node_name(char out[8], size_t i)
{
    (void)snprintf(out, 8, "n%u", (unsigned)i % 10);
}

static void conf_write(size_t i)
{
    char path[160];
    char name[8];
    node_name(name, i);
    path_of(path, name, "conf");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fprintf(f,
                  "[Node]\nName = %s\nListen = %s\nState = %s/%s/state\nTrustClock = "
                  "yes\nLockMemory = no\n[Limits]\nRatePerCredential = "
                  "60000\nBurstPerCredential = 10000\nWardsPerSeat = "
                  "1000\nCredentialsPerSeat = 10000\n",
                  name, nodes[i].listen, work, name);
    (void)fclose(f);
}

static void node_child(size_t i)
{
    char out[160];
    char log[160];
    char conf[160];
    char name[8];
    node_name(name, i);
    path_of(conf, name, "conf");
    path_of(out, name, "out");
    path_of(log, name, "log");
    if (freopen(out, "w", stdout) == NULL || freopen(log, "a", stderr) == NULL)
        _exit(98);
    (void)execl(KITHD, "kithd", "--config", conf, (char *)NULL);
    _exit(98);
}

void node_start(size_t i)
{
    char path[160];
    char text[256];
    char name[8];
    node_name(name, i);
    path_of(path, name, "out");
    (void)unlink(path);
    conf_write(i);
    nodes[i].pid = fork();
    assert_true(nodes[i].pid >= 0);
    if (nodes[i].pid == 0)
        node_child(i);
    for (int k = 0; k < LOOKS; k++) {
        (void)file_read(path, text, sizeof text);
        if (sscanf(text, "listening %31s\n", nodes[i].listen) == 1 &&
            strchr(text, '\n') != NULL)
            return;
        pause_ms(10);
    }
    fail_msg("node %zu does not listen", i);
}

void node_kill(size_t i)
{
    if (nodes[i].pid > 0) {
        (void)kill(nodes[i].pid, SIGKILL);
        (void)waitpid(nodes[i].pid, NULL, 0);
    }
    nodes[i].pid = 0;
}

void guardian_name(char out[8], size_t i)
{
    (void)snprintf(out, 8, "Gus%u", (unsigned)i % 10);
}

void node_new(size_t i)
{
    char path[160];
    char name[8];
    node_name(name, i);
    path_of(path, name, "");
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(nodes[i].listen, sizeof nodes[i].listen, "127.0.0.1:0");
    node_start(i);
    path_of(path, name, "state/operator.link");
    guardian_name(name, i);
    want(0, kith(name, "guard", "setup", "--link-file", path, "--name", name,
                 "--no-passphrase", NULL));
}

/* A new owner with n guardians; the name of the home is out. */
void owner_new(char out[16], size_t n)
{
    (void)snprintf(out, 16, "owner%u", circles++ % 1000000);
    want(0, kith(out, "init", "--name", "Olga", "--no-passphrase", NULL));
    for (size_t i = 0; i < n; i++) {
        char name[8];
        char link[LINK_TEXT + 2];
        guardian_name(name, i);
        want(0, kith(name, "guard", "invite", NULL));
        MUST(snprintf(link, sizeof link, "%s", answer()) < (int)sizeof link);
        link[strcspn(link, "\n")] = 0;
        want(0, kith(out, "guardian", "add", name, link, "--reach", "the bakery", NULL));
    }
}

/* ---- what must be true at the end ---- */

void open_home(const char *who, struct home *h, struct day **d, struct unlocked **u)
{
    char path[160];
    path_of(path, who, "");
    assert_int_equal(home_open(path, HOME_READ, h), OK);
    assert_int_equal(home_day_load(h, d), OK);
    assert_int_equal(home_root_unlock(h, NULL, u), OK);
}

void check_sealed(const char *who, size_t n)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    open_home(who, &h, &d, &u);
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    uint8_t hash[HASH_BYTES];
    assert_false(home_has(&h, HOME_JOURNAL));
    assert_int_equal(d->me.epoch, 1);
    assert_int_equal(u->box.n_epochs, 1);
    assert_int_equal(manifest_hash(d->me.manifest, hash), OK);
    assert_memory_equal(hash, d->me.manifest_hash, HASH_BYTES);
    assert_memory_equal(hash, u->box.epochs[0].manifest_hash, HASH_BYTES);
    assert_int_equal(manifest_open(d->me.manifest, m), OK);
    assert_memory_equal(m->owner, d->me.owner, PUB_BYTES);
    assert_int_equal(m->n_pieces, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(d->guardians[i].epoch, 1);
        assert_int_not_equal(d->guardians[i].stored, 0);
    }
    day_free(d);
    secret_free(u);
    home_close(&h);
    want(3, kith(who, "status", "--json", NULL));
    assert_true(answered("\"restorable\":true"));
    assert_false(answered("\"missing\"") || answered("\"behind\"") ||
                 answered("\"away\""));
}

static bool in_file(const char *path, const uint8_t *what, size_t n)
{
    static char text[1 << 20];
    size_t all = file_read(path, text, sizeof text);
    return all >= n && memmem(text, all, what, n) != NULL;
}

void not_on_disk(const char *who, const uint8_t *what, size_t n)
{
    char path[160];
    size_t files = 0;
    path_of(path, who, "");
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e = NULL; (e = readdir(dir)) != NULL;) {
        path_of(path, who, e->d_name);
        assert_false(in_file(path, what, n));
        files++;
    }
    (void)closedir(dir);
    assert_true(files >= 4);
}

int sealing_setup(void **state)
{
    (void)state;
    (void)snprintf(work, sizeof work, "/tmp/kith-seal-XXXXXX");
    if (mkdtemp(work) == NULL)
        return -1;
    for (size_t i = 0; i < NODES; i++)
        node_new(i);
    return 0;
}

int sealing_teardown(void **state)
{
    (void)state;
    char line[96];
    for (size_t i = 0; i < NODES; i++)
        node_kill(i);
    (void)snprintf(line, sizeof line, "%s", work);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("rm", "rm", "-rf", line, (char *)NULL);
        _exit(98);
    }
    return pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : -1;
}
