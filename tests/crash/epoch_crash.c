/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node that stops before and after every durable step of a change of the circle: NEXT,
 * PREPARE, COMMIT, a certificate, ABORT, RETIRE (asked, and carried out), the end, a new
 * root (asked for, taking over, tidying up). Each runs in a child that dies at its n-th
 * step, for every n. Afterwards some epoch can be recovered, one root is let in, the
 * store is sound, and the same once more leads to the same end.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/store_part.h"
#include "node/verify.h"
#include "tests/unit/changing.h"

enum { KILLED = 99, STEPS_MOST = 64 };

/* ---- dying ---- */

static unsigned die_at; /* of this child; 0: never */
static unsigned steps;

static void step(void)
{
    if (++steps == die_at)
        _exit(KILLED);
}

enum err real_commit(struct db_txn *take_txn) __asm__("__real_db_commit");
enum err wrap_commit(struct db_txn *take_txn) __asm__("__wrap_db_commit");

enum err wrap_commit(struct db_txn *take_txn)
{
    step();
    enum err e = real_commit(take_txn);

    step();
    return e;
}

enum err real_write(int keys, const struct store_identity *id, const struct rng *rng,
                    const uint8_t name[ID_BYTES],
                    const struct seal_key *key) __asm__("__real_keyfile_write");
enum err wrap_write(int keys, const struct store_identity *id, const struct rng *rng,
                    const uint8_t name[ID_BYTES],
                    const struct seal_key *key) __asm__("__wrap_keyfile_write");

enum err wrap_write(int keys, const struct store_identity *id, const struct rng *rng,
                    const uint8_t name[ID_BYTES], const struct seal_key *key)
{
    step();
    enum err e = real_write(keys, id, rng, name, key);

    step();
    return e;
}

enum err real_erase(int keys,
                    const uint8_t name[ID_BYTES]) __asm__("__real_keyfile_erase");
enum err wrap_erase(int keys,
                    const uint8_t name[ID_BYTES]) __asm__("__wrap_keyfile_erase");

enum err wrap_erase(int keys, const uint8_t name[ID_BYTES])
{
    step();
    enum err e = real_erase(keys, name);

    step();
    return e;
}

/* ---- what is done ---- */

static struct changing *w; /* shared: what a child learns, the next one knows */
static uint8_t people_mem[PROOF];

static enum err do_next(void)
{
    return change_next(w, 2);
}

static enum err do_prepare(void)
{
    return change_prepare(w, 2);
}

static enum err do_commit(void)
{
    return change_commit(w, 2);
}

static enum err do_cert(void)
{
    return ask_cert(w, &w->o.who, 2, people_epoch(w, SAY_ALL, 2, people_mem), NULL);
}

static enum err do_abort(void)
{
    return ask_abort(w, 2);
}

static enum err do_retire(void)
{
    return retire(w, 2, NULL);
}

static enum err do_tick(void)
{
    ticks(w);
    return OK;
}

static enum err do_end(void)
{
    return ask_end(w, &w->o.who, people_end(w, SAY_ALL, 1, people_mem), NULL);
}

/* The new root's owner: the same in every child. */
static struct sim_login new_owner(void)
{
    struct sim_login l = { .role = ROLE_OWNER };

    memset(l.key.b, 8, sizeof l.key.b);
    memset(l.psk.b, 9, sizeof l.psk.b);
    crypt_dh_public(&l.key, l.pub);
    return l;
}

static struct bytes people_move(const struct move *m)
{
    struct say say[2] = { say_epoch(w, 0, 1), say_epoch(w, HERE, 1) };

    for (size_t i = 0; i < 2; i++) {
        say[i].s.kind = REQUEST_MOVE;
        say[i].s.purpose = PURPOSE_MOVE;
        memcpy(say[i].s.subject, m->new_owner, PUB_BYTES);
        memcpy(say[i].s.req_sign, m->req_sign, PUB_BYTES);
    }
    return people_of(say, 2, people_mem);
}

static enum err do_move(void)
{
    static uint8_t raw[MOVE_MAX];
    const struct sim_login l = new_owner();
    struct sign_seed requester = { { 7 } };
    struct move m = { .epoch = 1, .old_owner = { 1 }, .new_owner = { 2 } };
    struct move_account a = { .account_sign = { 3 } };
    struct req_move req = { 0 };
    struct buf b = BUF_OF(raw);

    memcpy(m.manifest_hash, w->made[1].e.hash, HASH_BYTES);
    crypt_sign_public(&requester, m.req_sign);
    move_make(&m, &requester, &b);
    req.move = buf_bytes(&b);
    req.people = people_move(&m);
    memcpy(a.ward, w->o.ward, ID_BYTES);
    memcpy(a.stat, l.pub, PUB_BYTES);
    memcpy(a.psk, l.psk.b, KEY_BYTES);
    move_hash(req.move, a.move);
    move_account_sign(&requester, &a, req.sig);
    memcpy(req.account_sign, a.account_sign, PUB_BYTES);
    memcpy(req.stat, a.stat, PUB_BYTES);
    memcpy(req.psk, a.psk, KEY_BYTES);
    sim_op(&w->n, req.op);
    return node_sim_ask(&w->n, &w->o.who, MSG_MOVE, &req, NULL);
}

/* X(name, before it time passes, what is done, epochs that are good afterwards: bits) */
struct deed {
    const char *name;
    uint64_t wait;
    enum err (*fn)(void);
    unsigned good;
    int32_t fewest; /* steps it takes at least */
};

static const struct deed change[] = {
    { "NEXT", 0, do_next, 1 << 1, 2 },
    { "PREPARE", 0, do_prepare, 1 << 1, 4 },
    { "COMMIT", 0, do_commit, 1 << 1 | 1 << 2, 2 },
    { "RETIRE", DAY, do_retire, 1 << 1 | 1 << 2, 2 },
    { "RETIRE carried out", DUAL_TIME_S, do_tick, 1 << 2, 4 },
};

static const struct deed at_once[] = {
    { "NEXT", 0, do_next, 1 << 1, 2 },
    { "PREPARE", 0, do_prepare, 1 << 1, 4 },
    { "COMMIT", 0, do_commit, 1 << 1 | 1 << 2, 2 },
    { "RETIRE at once", 20 * DAY, do_retire, 1 << 2, 4 },
};

static const struct deed certified[] = {
    { "NEXT", 0, do_next, 1 << 1, 2 },
    { "PREPARE", 0, do_prepare, 1 << 1, 4 },
    { "CERT_PUT", 0, do_cert, 1 << 1 | 1 << 2, 2 },
};

static const struct deed aborted[] = {
    { "NEXT", 0, do_next, 1 << 1, 2 },
    { "PREPARE", 0, do_prepare, 1 << 1, 4 },
    { "ABORT", 0, do_abort, 1 << 1, 4 },
};

static const struct deed ended[] = {
    { "WARD_END", 0, do_end, 1 << 1, 2 },
    { "the end carried out", DUAL_TIME_S, do_tick, 0, 4 },
};

static const struct deed moved[] = {
    { "NEXT", 0, do_next, 1 << 1, 2 },
    { "PREPARE", 0, do_prepare, 1 << 1, 4 },
    { "COMMIT", 0, do_commit, 1 << 1 | 1 << 2, 2 },
    { "MOVE", DAY, do_move, 1 << 1 | 1 << 2, 2 },
    { "MOVE carried out", 3 * DAY, do_tick, 1 << 1 | 1 << 2, 2 },
    { "what nobody confirmed goes", DUAL_TIME_S, do_tick, 1 << 1, 4 },
};

/* ---- what must be true ---- */

static const char *fault;

/* An epoch is good if it is held and every byte of it is as it was given. */
static enum err good_fn(struct call *c, void *arg)
{
    unsigned *good = arg;

    for (uint32_t i = 1; i <= 2; i++) {
        const struct req_epoch_prepare *req = &w->made[i].e.req;
        const struct bytes want[] = { req->box_piece, req->box_roster, req->manifest,
                                      req->roster, req->descriptor };
        struct record_epoch e = { 0 };
        bool same = ward_epoch(c, w->o.ward, i, &e) == OK && ward_epoch_held(&e);

        for (size_t o = 0; o < 5 && same; o++) {
            struct bytes got = { 0 };

            same = ward_object(c, w->o.ward, i, (enum object)(OBJECT_BOX_PIECE + o),
                               &got) == OK &&
                   bytes_equal(got, want[o]);
        }
        *good |= same ? 1U << i : 0;
    }
    return OK;
}

/* No file of a key that was dropped is left. */
static enum err keys_gone(struct call *c, void *arg)
{
    AUTO_SECRET struct seal_key *key = NULL;
    struct txn_key at = { 0 };
    size_t *n = arg;
    enum err e;

    TRY(secret_new(&key));
    while ((e = txn_next(c->txn, TAB_TOMB, (struct bytes){ 0 }, &at, (struct span){ 0 },
                         NULL)) == OK) {
        if (keyfile_read(c->txn->keys, c->txn->id, at.b, key) != ERR_UNKNOWN)
            return ERR_EXISTS;
        (*n)++;
    }
    return e == ERR_UNKNOWN ? OK : e;
}

/* What is not good any more had a key, and that is gone. */
static bool erased(unsigned before, unsigned good)
{
    size_t dropped = 0;

    return node_sim_write(&w->n, NULL, keys_gone, &dropped) == OK &&
           (dropped > 0 || (before & ~good) == 0);
}

static enum err account_fn(struct call *c, void *arg)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, w->o.ward, &ward));
    memcpy(arg, ward.account_sign, PUB_BYTES);
    return OK;
}

/* The old root or the new one is let in, the one whose account it is; never both. */
static bool one_root(void)
{
    const struct sim_login l = new_owner();
    uint8_t account[PUB_BYTES] = { 0 };
    struct session who = { 0 };

    if (node_sim_write(&w->n, NULL, account_fn, account) != OK)
        return false;
    bool is_old = bytes_equal(BYTES_OF(account), BYTES_OF(w->o.account_pub));

    return node_sim_login(&w->n, &w->o.login, &who) == (is_old ? OK : ERR_UNKNOWN) &&
           node_sim_login(&w->n, &l, &who) == (is_old ? ERR_UNKNOWN : OK);
}

/* After the deed, or what a crash left of it: before says what was good before it. */
static bool sound(const struct deed *d, unsigned before, bool done)
{
    struct verdict v = { 0 };
    unsigned good = 0;

    fault = "the store is not sound";
    if (verify(w->n.store, &w->n.env, &v) != OK || !verdict_good(&v))
        return false;
    fault = "it cannot be read";
    if (node_sim_write(&w->n, NULL, good_fn, &good) != OK)
        return false;
    fault = "the wrong epochs are good";
    /* In between nothing is: it happened or it did not. */
    if (good != d->good && (done || good != before))
        return false;
    fault = "not one root is let in";
    if (!one_root())
        return false;
    fault = "a key is left";
    return erased(before, good);
}

/* ---- children ---- */

struct task {
    const struct deed *deed;
    unsigned before; /* good ones, bits */
    unsigned die_at;
    bool look;
};

static void open_store(void)
{
    struct store_refusal why = { "" };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    if (store_open(w->n.dir, &w->n.rng, &w->n.store, &why) != OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        _exit(3);
    }
    w->n.env.id = store_identity(w->n.store);
}

static int work(const struct task *t)
{
    open_store();
    if (t->look && !sound(t->deed, t->before, false)) {
        (void)fprintf(stderr, "after a crash: %s\n", fault);
        return 4;
    }
    steps = 0;
    die_at = t->die_at;
    if (t->deed->fn() != OK)
        return 5;
    unsigned took = steps;

    die_at = 0;
    if (!sound(t->deed, t->before, true)) {
        (void)fprintf(stderr, "in the end: %s\n", fault);
        return 6;
    }
    store_close(w->n.store);
    return took < (unsigned)t->deed->fewest ? 7 : 0;
}

static int run(struct task t)
{
    int status = 0;
    pid_t pid = fork();

    MUST(pid >= 0);
    if (pid == 0)
        _exit(work(&t));
    MUST(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* ---- a copy of everything ---- */

static char home[64];

static void shell(const char *line)
{
    int status = 0;
    pid_t pid = fork();

    MUST(pid >= 0);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
}

static void copy(const char *from, const char *to)
{
    char line[300];

    (void)snprintf(line, sizeof line, "rm -rf %s && cp -a %s %s", to, from, to);
    shell(line);
}

/* ---- all of it ---- */

static unsigned crashes;

/* The deed, cut at each of its steps; what the last, whole one left stays. */
static bool each_step(const struct deed *d, unsigned before)
{
    static struct changing as_before;
    char saved[80];
    int ended_as = KILLED;

    (void)snprintf(saved, sizeof saved, "%s/saved", home); /* fits */
    w->n.now += d->wait;
    copy(w->n.dir, saved);
    as_before = *w;
    for (unsigned n = 1; n <= STEPS_MOST && ended_as == KILLED; n++) {
        if (n > 1) {
            copy(saved, w->n.dir);
            *w = as_before;
        }
        ended_as = run((struct task){ .deed = d, .before = before, .die_at = n });
        if (ended_as != KILLED)
            break;
        crashes++;
        /* It starts again, and the same is asked for under another op id. */
        int again = run((struct task){ .deed = d, .before = before, .look = true });

        /* A second doing writes less where the first was whole. */
        if (again != 0 && again != 7) {
            (void)fprintf(stderr, "%s, step %u: %d\n", d->name, n, again);
            return false;
        }
    }
    if (ended_as != 0)
        (void)fprintf(stderr, "%s: %d\n", d->name, ended_as);
    return ended_as == 0;
}

static int begin(void)
{
    struct changing *made = NULL;

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    made = changing_new(61);
    change_confirmed(made);
    change_epoch(made, 1);
    store_close(made->n.store);
    *w = *made;
    return 0;
}

static bool play(const char *name, const struct deed *deeds, size_t n)
{
    unsigned before = 1 << 1;
    int status = 0;
    bool fine = true;
    pid_t pid = fork();

    MUST(pid >= 0);
    if (pid == 0)
        _exit(begin());
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
    w->o.guardian = &w->a;
    w->other.guardian = &w->a;
    w->n.rng = sim_rng_of(&w->n.chance);
    w->n.env.rng = &w->n.rng;
    w->n.env.limits = &w->n.limits;
    /* What points into the other process's memory is made again. */
    MUST(w->made[1].e.req.epoch == 1);
    w->made[1].e.req.box_piece = BYTES_OF(w->made[1].e.boxes[0]);
    w->made[1].e.req.box_roster = BYTES_OF(w->made[1].e.boxes[1]);
    w->made[1].e.req.manifest = BYTES_OF(w->made[1].e.boxes[2]);
    w->made[1].e.req.roster = BYTES_OF(w->made[1].e.boxes[3]);
    w->made[1].e.req.descriptor.p = w->made[1].e.raw;
    w->made[1].ack.p = w->made[1].ack_mem;
    for (size_t i = 0; i < n && fine; i++) {
        fine = each_step(&deeds[i], before);
        before = deeds[i].good;
    }
    if (!fine)
        (void)fprintf(stderr, "in \"%s\"\n", name);
    char line[100];

    (void)snprintf(line, sizeof line, "rm -rf %s", w->n.dir); /* fits */
    shell(line);
    return fine;
}

#define PLAY(deeds) play(#deeds, deeds, sizeof(deeds) / sizeof((deeds)[0]))

int main(void)
{
    char line[100];

    w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(w != MAP_FAILED);
    (void)snprintf(home, sizeof home, "/tmp/kith-epoch-XXXXXX"); /* fits */
    MUST(mkdtemp(home) != NULL);
    bool fine = PLAY(change) && PLAY(at_once) && PLAY(certified) && PLAY(aborted) &&
                PLAY(ended) && PLAY(moved);

    (void)snprintf(line, sizeof line, "rm -rf %s", home); /* fits */
    shell(line);
    (void)printf("%u crashes: %s\n", crashes, fine ? "nothing lost" : "FAILED");
    return fine && crashes >= 40 ? 0 : 1;
}
