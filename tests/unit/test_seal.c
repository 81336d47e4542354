/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing at real nodes (kithd on loopback), the client in child processes: killed at
 * every durable write, with nodes away, with acknowledgements that are not right.
 */
#include <dirent.h>
#include <fcntl.h>
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

#include "client/ceremony_seal.h"
#include "proto/slip39.h"

enum { NODES = 4, ARGS = 16, KILLED = 99, LOOKS = 400, ROUND_MS = 4000 };

static char work[64];

static struct node {
    pid_t pid;
    char listen[32];
} nodes[NODES];

static unsigned circles; /* owners made so far; each a home of its own */

/* ---- seams: the linker sends these calls here first ---- */

enum lie {
    NO_LIE,
    LIE_WARD,
    LIE_EPOCH,
    LIE_MANIFEST,
    LIE_STORED,
    LIE_INCARNATION,
    LIE_STATE,
    LIE_KEY,
    LIES
};

static unsigned die_at; /* 0: never */
static unsigned ticks;
static enum lie lie;

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

static void path_of(char out[160], const char *name, const char *file)
{
    MUST(snprintf(out, 160, "%s/%s%s%s", work, name, file[0] != 0 ? "/" : "", file) <
         160);
}

static void pause_ms(long ms)
{
    const struct timespec t = { .tv_nsec = ms * 1000000L };
    (void)nanosleep(&t, NULL);
}

static size_t file_read(const char *path, char *out, size_t cap)
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

static const struct params quick = { .now = wall,
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

/* kith ARGUMENTS… in the home of who; the arguments end with NULL. */
static int kith(const char *who, ...)
{
    const char *argv[ARGS] = { 0 };
    int argc = 0;
    int status = 0;
    va_list args;
    va_start(args, who);
    while (argc < ARGS && (argv[argc] = va_arg(args, const char *)) != NULL)
        argc++;
    va_end(args);
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        ticks = 0;
        _exit(kith_child(who, argc, argv));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void want(int code, int got)
{
    static char text[2048];
    char path[160];
    if (code == got)
        return;
    path_of(path, "said", "");
    (void)file_read(path, text, sizeof text);
    fail_msg("exit %d, not %d: %s", got, code, text);
}

static const char *answer(void)
{
    static char text[8192];
    char path[160];
    path_of(path, "answer", "");
    (void)file_read(path, text, sizeof text);
    return text;
}

static bool answered(const char *part)
{
    return strstr(answer(), part) != NULL;
}

static bool said(const char *part)
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
                  "yes\nLockMemory = no\n",
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

static void node_start(size_t i)
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

static void node_kill(size_t i)
{
    if (nodes[i].pid > 0) {
        (void)kill(nodes[i].pid, SIGKILL);
        (void)waitpid(nodes[i].pid, NULL, 0);
    }
    nodes[i].pid = 0;
}

static void guardian_name(char out[8], size_t i)
{
    (void)snprintf(out, 8, "Gus%u", (unsigned)i % 10);
}

static void node_new(size_t i)
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
static void owner_new(char out[16], size_t n)
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

static void open_home(const char *who, struct home *h, struct day **d,
                      struct unlocked **u)
{
    char path[160];
    path_of(path, who, "");
    assert_int_equal(home_open(path, HOME_READ, h), OK);
    assert_int_equal(home_day_load(h, d), OK);
    assert_int_equal(home_root_unlock(h, NULL, u), OK);
}

static void check_sealed(const char *who, size_t n)
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
    manifest_hash(d->me.manifest, hash);
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

/* ---- tests ---- */

static void wrong_first(void **state)
{
    (void)state;
    char who[16];
    want(5, kith("nobody", "circle", "plan", "-k", "3", NULL));
    want(5, kith("nobody", "circle", "seal", NULL));
    want(10, kith("nobody", "status", NULL));
    owner_new(who, 0);
    want(1, kith(who, "circle", "plan", "-k", "2", NULL));
    assert_true(said("You have no guardians yet"));
    want(10, kith(who, "circle", "seal", NULL));
    want(10, kith(who, "circle", "sheet", NULL));
    want(10, kith(who, "circle", "show", NULL));
    want(10, kith(who, "status", NULL));
    want(0, kith(who, NULL));
    owner_new(who, 2);
    want(2, kith(who, "circle", "plan", "-k", "3", NULL));
    assert_true(said("too-few-guardians"));
    want(2, kith(who, "circle", "plan", "-k", "1", NULL));
    assert_true(said("one-is-enough"));
    want(2, kith(who, "circle", "plan", "-k", "two", NULL));
    want(2, kith(who, "circle", "plan", "--group", "family:2", NULL));
    want(2, kith(who, "circle", "plan", "--group", "family:2/3", NULL));
    assert_true(said("other-number"));
    want(2, kith(who, "circle", "plan", "-k", "2", "--hold", "31d", NULL));
    want(2, kith(who, "circle", "plan", "-k", "2", "--stop-hold", "3d", NULL));
    assert_true(said("--yes short-stop"));
    want(2, kith(who, "circle", "plan", "-k", "2", "--about-me", "a\033[1m", NULL));
    want(10, kith(who, "circle", "seal", NULL));
    want(0, kith(who, "circle", "plan", "-k", "2", "--hold", "0", "--stop-hold", "3d",
                 "--yes", "short-stop", NULL));
    assert_true(said("without a hold"));
    assert_true(said("every guardian is needed"));
    assert_true(answered("At least 2 people"));
    /* A plan of two, and a third guardian added since. */
    char link[LINK_TEXT + 2];
    want(0, kith("Gus2", "guard", "invite", NULL));
    MUST(snprintf(link, sizeof link, "%s", answer()) < (int)sizeof link);
    link[strcspn(link, "\n")] = 0;
    want(0, kith(who, "guardian", "add", "Gus2", link, NULL));
    want(2, kith(who, "circle", "seal", NULL));
    assert_true(said("other-number"));
}

/* Dies at each durable write in turn; whoever runs it again is done. */
static void crash(size_t n, const char *k)
{
    char who[16];
    int code = KILLED;
    unsigned at = 1;
    for (; code == KILLED && at < 100; at++) {
        owner_new(who, n);
        want(0, kith(who, "circle", "plan", "-k", k, NULL));
        die_at = at;
        code = kith(who, "circle", "seal", NULL);
        die_at = 0;
        if (code != KILLED)
            break;
        want(3, kith(who, "circle", "seal", "--resume", NULL));
        check_sealed(who, n);
    }
    want(3, code);
    check_sealed(who, n);
    print_message("killed at %u points\n", at - 1);
    assert_true(at > 12);
}

static void killed_at_every_write(void **state)
{
    (void)state;
    crash(2, "2");
}

/* A row of deaths, each a little later than the one before, on one seal. */
static void killed_again_and_again(void **state)
{
    (void)state;
    char who[16];
    int code = KILLED;
    owner_new(who, 3);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    for (unsigned at = 1; at < 100 && code == KILLED; at++) {
        die_at = at;
        code = kith(who, "circle", "seal", NULL);
        die_at = 0;
    }
    want(3, code);
    check_sealed(who, 3);
}

static void too_few_reached(void **state)
{
    (void)state;
    char who[16];
    owner_new(who, 3);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    node_kill(0);
    want(13, kith(who, "circle", "seal", "--json", NULL));
    assert_true(answered("\"id\":\"too-few-reached\""));
    want(10, kith(who, "status", "--json", NULL));
    assert_true(answered("kith circle seal --resume"));
    /* Nothing was given out: the plan may still change. */
    want(0, kith(who, "circle", "plan", "-k", "3", NULL));
    want(13, kith(who, "circle", "seal", NULL));
    assert_true(said("Gus0's node"));
    node_start(0);
    want(3, kith(who, "circle", "seal", NULL));
    check_sealed(who, 3);
    want(1, kith(who, "circle", "plan", "-k", "2", NULL));
    assert_true(said("sealed already"));
}

static void one_away(void **state)
{
    (void)state;
    char who[16];
    owner_new(who, 4);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    node_kill(2);
    want(3, kith(who, "circle", "seal", NULL));
    assert_true(said("Still without a piece: Gus2"));
    want(3, kith(who, "status", "--json", NULL));
    assert_true(answered("\"stored\":3"));
    assert_true(answered("\"away\""));
    assert_true(answered("kith circle seal --resume"));
    want(3, kith(who, "circle", "seal", "--resume", NULL));
    node_start(2);
    want(3, kith(who, "circle", "seal", "--resume", NULL));
    assert_true(answered("4 of 4 guardians hold a piece"));
    check_sealed(who, 4);
}

/* Nodes that die between the phases: killed when everything is prepared. */
static void away_before_commit(void **state)
{
    (void)state;
    char who[16];
    unsigned at = 0;
    bool ready = false;
    owner_new(who, 3);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    for (at = 1; at < 100 && !ready; at++) {
        enum seal_phase phase = SEAL_NEXT;
        struct home h = { .dir = -1, .lock = -1 };
        char path[160];
        die_at = at;
        want(KILLED, kith(who, "circle", "seal", NULL));
        die_at = 0;
        path_of(path, who, "");
        assert_int_equal(home_open(path, HOME_READ, &h), OK);
        ready = seal_peek(&h, &phase) == OK && phase == SEAL_COMMIT;
        home_close(&h);
    }
    assert_true(ready);
    want(1, kith(who, "circle", "plan", "-k", "3", NULL));
    for (size_t i = 0; i < 3; i++)
        node_kill(i);
    want(13, kith(who, "circle", "seal", NULL));
    want(8, kith(who, "status", NULL));
    assert_true(answered("You can be restored: no"));
    for (size_t i = 0; i < 3; i++)
        node_start(i);
    want(3, kith(who, "circle", "seal", NULL));
    check_sealed(who, 3);
}

static void wrong_acknowledgements(void **state)
{
    (void)state;
    char who[16];
    owner_new(who, 3);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    for (lie = LIE_WARD; lie < LIES; lie++) {
        want(13, kith(who, "circle", "seal", NULL));
        assert_true(said("acknowledged something other than what was sent"));
        enum lie told = lie;
        lie = NO_LIE;
        want(10, kith(who, "status", NULL));
        lie = told;
    }
    lie = NO_LIE;
    want(3, kith(who, "circle", "seal", NULL));
    check_sealed(who, 3);
    /* And what status is told is judged as well; a lie about the node is another one. */
    for (lie = LIE_WARD; lie < LIES; lie++) {
        if (lie == LIE_STORED || lie == LIE_INCARNATION)
            continue; /* told of both acknowledgements alike, it is none */
        want(8, kith(who, "status", "--json", NULL));
        assert_true(answered("\"missing\""));
    }
    lie = NO_LIE;
}

/* ---- the pieces are the root's, and nowhere on the owner's disk ---- */

static void piece_open(const struct seal *s, size_t i, struct slip39_share *out)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    struct guardian_keys *keys = NULL;
    struct box_content content = { 0 };
    struct box_about about = { .epoch = 1,
                               .group = s->seats[i].group,
                               .index = s->seats[i].index };
    uint8_t *plain = NULL;
    char name[8];
    guardian_name(name, i);
    open_home(name, &h, &d, &u);
    assert_int_equal(secret_new(&keys), OK);
    assert_int_equal(secret_alloc(BOX_MAX, (void **)&plain), OK);
    assert_int_equal(ident_guardian(&u->root, keys), OK);
    memcpy(about.manifest_hash, s->head.manifest_hash, HASH_BYTES);
    memcpy(about.seat, s->seats[i].seat, SEAT_BYTES);
    crypt_dh_public(&keys->seal, about.seal_pub);
    assert_int_equal(box_open(BOX_OF_PIECE, &about, &keys->seal, s->seats[i].box_piece,
                              (struct span){ plain, BOX_MAX }, &content),
                     OK);
    assert_int_equal(slip39_piece_decode(BYTES_OF(content.piece), out), OK);
    assert_int_equal(box_open(BOX_OF_ROSTER, &about, &keys->seal, s->seats[i].box_roster,
                              (struct span){ plain, BOX_MAX }, &content),
                     OK);
    secret_wipe(&content, sizeof content);
    secret_free(plain);
    secret_free(keys);
    secret_free(u);
    day_free(d);
    home_close(&h);
}

static bool in_file(const char *path, const uint8_t *what, size_t n)
{
    static char text[1 << 20];
    size_t all = file_read(path, text, sizeof text);
    return all >= n && memmem(text, all, what, n) != NULL;
}

static void not_on_disk(const char *who, const uint8_t *what, size_t n)
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

static void pieces_open_the_root(void **state)
{
    (void)state;
    char who[16];
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    struct seal *s = NULL;
    struct slip39_share *shares = NULL;
    struct escrow_key *escrow = NULL;
    struct root_key *root = NULL;
    owner_new(who, 4);
    want(0,
         kith(who, "circle", "plan", "-k", "3", "--about-me", "I have a red boat", NULL));
    node_kill(3); /* one is away: the journal stays, with everything it ever has */
    want(3, kith(who, "circle", "plan", "-k", "2", NULL) == 0
                ? kith(who, "circle", "seal", NULL)
                : 1);
    open_home(who, &h, &d, &u);
    assert_int_equal(seal_load(&h, &u->root, &s), OK);
    assert_int_equal(secret_alloc(2 * sizeof *shares, (void **)&shares), OK);
    assert_int_equal(secret_new(&escrow), OK);
    assert_int_equal(secret_new(&root), OK);
    piece_open(s, 3, &shares[0]); /* of the one who does not have it yet */
    piece_open(s, 1, &shares[1]);
    assert_int_equal(slip39_combine_key(shares, 2, escrow), OK);
    assert_int_equal(manifest_unwrap(s->head.manifest, escrow, root), OK);
    assert_true(secret_equal(root->b, u->root.b, KEY_BYTES));
    home_close(&h);
    for (size_t i = 0; i < 2; i++)
        not_on_disk(who, shares[i].value, 16);
    not_on_disk(who, escrow->b, 16);
    secret_free(root);
    secret_free(escrow);
    secret_free(shares);
    secret_free(u);
    seal_free(s);
    day_free(d);
    node_start(3);
    want(3, kith(who, "circle", "seal", "--resume", NULL));
    check_sealed(who, 4);
}

static void foreign_journal(void **state)
{
    (void)state;
    char who[16];
    char other[16];
    char from[160];
    char to[160];
    owner_new(who, 3);
    owner_new(other, 3);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    want(0, kith(other, "circle", "plan", "-k", "2", NULL));
    node_kill(0);
    want(13, kith(who, "circle", "seal", NULL));
    node_start(0);
    path_of(from, who, "journal");
    path_of(to, other, "journal");
    assert_int_equal(rename(from, to), 0);
    want(9, kith(other, "circle", "seal", "--json", NULL));
    assert_int_equal(truncate(to, 40), 0);
    want(9, kith(other, "circle", "seal", NULL));
    assert_int_equal(unlink(to), 0);
    /* Without its journal the first one begins anew, under a new credential number. */
    want(3, kith(who, "circle", "seal", NULL));
    check_sealed(who, 3);
}

static void groups(void **state)
{
    (void)state;
    char who[16];
    owner_new(who, 4);
    want(0, kith(who, "circle", "plan", "--group", "family:2/2", "--group", "friends:2/2",
                 "--json", NULL));
    assert_true(answered("\"fewest_people\":4"));
    want(0, kith(who, "circle", "plan", "-k", "1", "--group", "family:2/2", "--group",
                 "friends:2/2", NULL));
    assert_true(answered("friends, 2 of 2: Gus2, Gus3"));
    want(3, kith(who, "circle", "seal", NULL));
    check_sealed(who, 4);
    want(0, kith(who, "circle", "sheet", NULL));
    assert_true(answered("the bakery"));
    assert_true(answered("127.0.0.1:"));
    want(0, kith(who, "circle", "show", "--json", NULL));
    assert_true(answered("\"name\":\"friends\""));
}

/* ---- what status makes of what this home knew before ---- */

static struct home edited = { .dir = -1, .lock = -1 };
static struct day *edited_day;

static struct day *edit(const char *who)
{
    char path[160];
    path_of(path, who, "");
    assert_int_equal(home_open(path, HOME_READ, &edited), OK);
    assert_int_equal(home_day_load(&edited, &edited_day), OK);
    return edited_day;
}

static void edit_end(void)
{
    assert_int_equal(home_day_save(&edited, edited_day, &crypt_random), OK);
    day_free(edited_day);
    home_close(&edited);
}

/* A home whose files are older counts anew, and makes no sheet of before valid again. */
static void no_sheet_twice(void **state)
{
    (void)state;
    char who[16];
    char node[40] = "";
    char link[160] = "";
    owner_new(who, 3);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    want(3, kith(who, "circle", "seal", NULL));
    want(0, kith(who, "circle", "sheet", NULL));
    const char *at = strstr(answer(), "link:        KITH1:");
    assert_non_null(at);
    (void)snprintf(link, sizeof link, "%.*s", (int)strcspn(at, "\n"), at);
    (void)snprintf(node, sizeof node, "%.30s", link);
    edit(who)->me.next_sheet = 0;
    edit_end();
    want(0, kith(who, "circle", "sheet", NULL));
    assert_true(answered(node));
    assert_false(answered(link));
}

static void node_went_back(void **state)
{
    (void)state;
    char who[16];
    owner_new(who, 3);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    want(3, kith(who, "circle", "seal", NULL));
    edit(who)->guardians[1].node[0].log_seq += 1000;
    edit_end();
    for (int i = 0; i < 2; i++) { /* looking does not make it good */
        want(3, kith(who, "status", "--json", NULL));
        assert_true(answered("\"rolled-back\""));
        assert_true(answered("\"stored\":2"));
    }
    struct day_node *node = edit(who)->guardians[1].node;
    node->log_seq = 0;
    node->fault = SEEN_FINE; /* as a person settles it */
    edit_end();
    want(3, kith(who, "status", "--json", NULL));
    assert_false(answered("\"rolled-back\""));
    edit(who)->guardians[2].node[0].incarnation[0] ^= 1;
    edit_end();
    want(3, kith(who, "status", NULL));
    assert_true(said("Gus2's node came back out of a backup"));
    /* A node that does not know this device, and one with another's acknowledgement. */
    struct day *d = edit(who);
    d->guardians[0].dev_psk[0] ^= 1;
    d->guardians[1].ack = d->guardians[2].ack;
    edit_end();
    want(8, kith(who, "status", "--json", NULL));
    assert_true(answered("\"stored\":0"));
    assert_true(answered("\"restorable\":false"));
}

static void colours(void **state)
{
    (void)state;
    char who[16];
    struct day *d = NULL;
    owner_new(who, 3);
    want(0, kith(who, NULL));
    assert_true(said("kith circle plan -k 2\n"));
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    want(3, kith(who, "circle", "seal", NULL));
    d = edit(who);
    for (size_t i = 0; i < 3; i++)
        d->guardians[i].confirmed = wall();
    d->me.owner_tested = d->me.watched = wall();
    edit_end();
    want(0, kith(who, "circle", "seal", NULL));
    want(0, kith(who, "status", NULL));
    assert_string_equal(answer(), "You can be restored: yes, with 1 to spare.\n");
    node_kill(0);
    want(0, kith(who, "status", "--json", NULL));
    assert_true(answered("\"away\"") && answered("\"level\":\"ok\""));
    edit(who)->guardians[0].node[0].seen -= CIRCLE_AMBER_S + 60;
    edit_end();
    want(3, kith(who, "status", "--json", NULL));
    assert_true(answered("Ask Gus0 whether it is switched on"));
    node_kill(1);
    want(3, kith(who, "status", NULL));
    assert_true(answered("yes, but not today"));
    node_start(0);
    node_start(1);
    want(0, kith(who, "status", NULL));
}

static void one_domain(void **state)
{
    (void)state;
    char who[16];
    struct day *d = NULL;
    owner_new(who, 3);
    d = edit(who);
    memcpy(d->guardians[2].node[0].node_key, d->guardians[0].node[0].node_key, PUB_BYTES);
    edit_end();
    want(2, kith(who, "circle", "plan", "-k", "2", NULL));
    assert_true(said("--yes one-domain"));
    want(0, kith(who, "circle", "plan", "-k", "2", "--yes", "one-domain", NULL));
    assert_true(answered("At least 2 people"));
    want(0, kith(who, "circle", "plan", "-k", "3", NULL));
    d = edit(who);
    memcpy(d->guardians[2].sign_pub, d->guardians[0].sign_pub, PUB_BYTES);
    edit_end();
    want(2, kith(who, "circle", "plan", "-k", "2", NULL));
    assert_true(said("--yes one-person"));
    want(0, kith(who, "circle", "plan", "-k", "2", "--yes", "one-person", NULL));
    assert_true(answered("At least 1 person"));
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(work, sizeof work, "/tmp/kith-seal-XXXXXX");
    if (mkdtemp(work) == NULL)
        return -1;
    for (size_t i = 0; i < NODES; i++)
        node_new(i);
    return 0;
}

static int teardown(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_first),
        cmocka_unit_test(too_few_reached),
        cmocka_unit_test(one_away),
        cmocka_unit_test(away_before_commit),
        cmocka_unit_test(wrong_acknowledgements),
        cmocka_unit_test(pieces_open_the_root),
        cmocka_unit_test(foreign_journal),
        cmocka_unit_test(groups),
        cmocka_unit_test(no_sheet_twice),
        cmocka_unit_test(node_went_back),
        cmocka_unit_test(colours),
        cmocka_unit_test(one_domain),
        cmocka_unit_test(killed_again_and_again),
        cmocka_unit_test(killed_at_every_write),
    };
    (void)setenv("NO_COLOR", "1", 1);
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    secret_end();
    return failed;
}
