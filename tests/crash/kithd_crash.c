/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 of a real kithd in the middle of acknowledged writes, again and again.
 * Guardians deposit and drop credentials, an owner opens and reveals requests, the
 * guardian tries and refuses. What was answered must be there after the restart, and
 * what was not is asked again under the same op id: done once, never twice.
 *
 *     kithd_crash ROUNDS
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "node/request.h"
#include "tests/net/net.h"

enum {
    DEPOSITORS = 3,
    HELD = 100,   /* credentials a depositor keeps there */
    GONE = 64,    /* dropped ones it still looks for */
    LISTED = 2048 /* more than there can be */
};

static const char limits[] = "[Limits]\nRatePerCredential = 60000\n"
                             "BurstPerCredential = 10000\nCredentialsPerSeat = 10000\n"
                             "WardsPerSeat = 1000\n";

struct world {
    struct kithd k;
    struct node_sim keys;
    struct store_identity id;
    struct sim_guardian g;
    size_t wards;
};

/* What one thread writes; an op that was not answered stays until it is. */
struct depositor {
    struct world *w;
    struct caller c;
    struct req_cred_new put;
    struct req_cred_drop drop;
    bool pending; /* the op in put (or drop, when full) was sent, and not answered */
    size_t n;
    uint8_t held[HELD][ID_BYTES];
    size_t n_gone;
    uint8_t gone[GONE][ID_BYTES];
    uint64_t acked;
    enum err err;
};

enum deed { OPEN, REVEAL, GUESS, REFUSE };

struct asker {
    struct world *w;
    struct caller as_owner;
    struct caller as_guardian;
    struct sim_owner o;
    bool ward_is_used_up;
    enum deed next;
    struct req_open open;
    struct req_reveal reveal;
    struct req_try guess;
    struct req_refuse refuse;
    unsigned tries;
    uint8_t refused[ID_BYTES]; /* the last one answered; zero: none */
    uint64_t acked;
    enum err err;
};

static const char *fault; /* of the first thread that saw one */

static void found(const char *what)
{
    fault = what; /* one is enough, whichever */
}

static enum err let_in(struct world *w, struct caller *c, const struct sim_login *l)
{
    return caller_open(c, w->k.port, w->id.node_pub, l);
}

/* ---- deposits ---- */

static void next_deposit(struct depositor *d)
{
    struct sim_owner o = { 0 };

    if (d->pending)
        return;
    d->pending = true;
    if (d->n < HELD) {
        sim_owner_new(&d->w->keys, &d->w->g, &o, &d->put);
        return;
    }
    sim_op(&d->w->keys, d->drop.op);
    memcpy(d->drop.id, d->held[0], ID_BYTES);
}

static enum err deposit(struct depositor *d)
{
    next_deposit(d);
    if (d->n < HELD) {
        TRY(caller_ask(&d->c, MSG_CRED_NEW, &d->put, NULL));
        memcpy(d->held[d->n++], d->put.id, ID_BYTES);
    } else {
        TRY(caller_ask(&d->c, MSG_CRED_DROP, &d->drop, NULL));
        memcpy(d->gone[d->n_gone++ % GONE], d->held[0], ID_BYTES);
        memmove(d->held[0], d->held[1], sizeof d->held - ID_BYTES);
        d->n--;
    }
    d->pending = false;
    d->acked++;
    return OK;
}

static void *deposits(void *arg)
{
    struct depositor *d = arg;
    enum err e = let_in(d->w, &d->c, &d->w->g.login);

    while (e == OK)
        e = deposit(d);
    caller_close(&d->c);
    d->err = e;
    return NULL;
}

/* ---- requests ---- */

static void new_request(struct asker *a)
{
    const struct rng *rng = &a->w->keys.rng;

    a->next = OPEN;
    a->tries = 0;
    a->open = (struct req_open){ .kind = REQUEST_CONFIRM, .purpose = PURPOSE_ENROL };
    sim_op(&a->w->keys, a->open.op);
    sim_op(&a->w->keys, a->reveal.op);
    sim_op(&a->w->keys, a->guess.op);
    sim_op(&a->w->keys, a->refuse.op);
    rng_fill(rng, a->open.stat, sizeof a->open.stat);
    rng_fill(rng, a->open.psk, sizeof a->open.psk);
    rng_fill(rng, a->open.seal, sizeof a->open.seal);
    rng_fill(rng, a->open.sign, sizeof a->open.sign);
    rng_fill(rng, a->reveal.nonce, sizeof a->reveal.nonce);
    commitment_of(a->reveal.nonce, a->open.commitment);
}

static enum err do_open(struct asker *a)
{
    struct rep_open rep = { 0 };
    struct view v = { 0 };

    TRY(caller_ask(&a->as_owner, MSG_OPEN, &a->open, &rep));
    TRY(view_open(rep.view, a->w->id.sign_pub, &v));
    memcpy(a->reveal.request, v.request, ID_BYTES);
    memcpy(a->guess.request, v.request, ID_BYTES);
    memcpy(a->refuse.request, v.request, ID_BYTES);
    a->next = REVEAL;
    return OK;
}

static enum err do_guess(struct asker *a)
{
    struct rep_try rep = { 0 };

    TRY(caller_ask(&a->as_guardian, MSG_TRY, &a->guess, &rep));
    a->tries++;
    if (rep.tries_left != REQUEST_TRIES - a->tries)
        found("a try was lost, or counted twice");
    sim_op(&a->w->keys, a->guess.op);
    if (a->tries == REQUEST_TRIES)
        a->next = REFUSE;
    return OK;
}

static enum err do_refuse(struct asker *a)
{
    TRY(caller_ask(&a->as_guardian, MSG_REFUSE, &a->refuse, NULL));
    memcpy(a->refused, a->refuse.request, ID_BYTES);
    new_request(a);
    return OK;
}

static enum err ask_on(struct asker *a)
{
    enum err e = OK;

    switch (a->next) {
    case OPEN:
        e = do_open(a);
        break;
    case REVEAL:
        e = caller_ask(&a->as_owner, MSG_REVEAL, &a->reveal, NULL);
        a->next = e == OK ? GUESS : REVEAL;
        break;
    case GUESS:
        e = do_guess(a);
        break;
    case REFUSE:
        e = do_refuse(a);
        break;
    }
    a->acked += e == OK ? 1 : 0;
    return e;
}

static void *asks(void *arg)
{
    struct asker *a = arg;
    enum err e = let_in(a->w, &a->as_owner, &a->o.login);
    enum err other = let_in(a->w, &a->as_guardian, &a->w->g.login);

    e = e == OK ? other : e;
    while (e == OK && fault == NULL)
        e = ask_on(a);
    caller_close(&a->as_owner);
    caller_close(&a->as_guardian);
    /* So many a day for one credential: the next round has another ward. */
    a->ward_is_used_up = e == ERR_FULL && a->next == OPEN;
    a->err = a->ward_is_used_up ? ERR_CLOSED : e;
    return NULL;
}

/* ---- what is there after a restart ---- */

static uint8_t listed[LISTED][ID_BYTES];
static size_t n_listed;

static enum err list_creds(struct caller *c)
{
    static struct rep_cred_list rep;
    struct req_cred_list req = { 0 };

    n_listed = 0;
    do {
        rep = (struct rep_cred_list){ 0 };
        TRY(caller_ask(c, MSG_CRED_LIST, &req, &rep));
        for (uint32_t i = 0; i < rep.n_creds && n_listed < LISTED; i++)
            memcpy(listed[n_listed++], rep.creds[i].id, ID_BYTES);
        if (rep.n_creds > 0)
            memcpy(req.after, rep.creds[rep.n_creds - 1].id, ID_BYTES);
    } while (rep.more != 0 && rep.n_creds > 0);
    return OK;
}

static bool is_listed(const uint8_t id[ID_BYTES])
{
    for (size_t i = 0; i < n_listed; i++)
        if (id_equal(listed[i], id))
            return true;
    return false;
}

static const char *check_deposits(const struct depositor *d)
{
    /* The oldest one's removal may have been in hand. */
    bool dropping = d->pending && d->n == HELD;

    for (size_t i = dropping ? 1 : 0; i < d->n; i++)
        if (!is_listed(d->held[i]))
            return "an acknowledged deposit is lost";
    for (size_t i = 0; i < d->n_gone && i < GONE; i++)
        if (is_listed(d->gone[i]))
            return "an acknowledged removal is undone";
    return NULL;
}

static const char *check_request(const struct asker *a, struct caller *c)
{
    static const uint8_t none[ID_BYTES];
    static struct rep_request rep;
    struct req_request req = { 0 };

    if (id_equal(a->refused, none))
        return NULL;
    memcpy(req.request, a->refused, ID_BYTES);
    if (caller_ask(c, MSG_REQUEST, &req, &rep) != OK)
        return "a refused request is lost";
    if (rep.line[0].state != STATE_REFUSED || rep.line[0].tries_left != 0)
        return "an acknowledged refusal or try is undone";
    return NULL;
}

static const char *check(struct world *w, struct caller *c, const struct depositor *d,
                         const struct asker *a)
{
    size_t most = 0;

    if (let_in(w, c, &w->g.login) != OK)
        return "the guardian is not let in any more";
    if (list_creds(c) != OK)
        return "the credentials cannot be listed";
    for (size_t i = 0; i < DEPOSITORS; i++) {
        const char *bad = check_deposits(&d[i]);

        if (bad != NULL)
            return bad;
        most += d[i].n + (d[i].pending && d[i].n < HELD ? 1 : 0);
    }
    /* Each ward has its invite and its owner's. */
    if (n_listed > most + 2 * w->wards)
        return "there is more than was ever deposited";
    return check_request(a, c);
}

/* ---- rounds ---- */

static const char *hammer(struct world *w, unsigned wait_us, struct depositor *d,
                          struct asker *a)
{
    pthread_t threads[DEPOSITORS + 1];

    for (size_t i = 0; i < DEPOSITORS; i++)
        MUST(pthread_create(&threads[i], NULL, deposits, &d[i]) == 0);
    MUST(pthread_create(&threads[DEPOSITORS], NULL, asks, a) == 0);
    (void)usleep(wait_us); /* a little less is fine too */
    int ended = kithd_stop(&w->k, SIGKILL);

    for (size_t i = 0; i < DEPOSITORS + 1; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    if (ended != -SIGKILL)
        return "the node ended by itself";
    for (size_t i = 0; i < DEPOSITORS; i++)
        if (d[i].err != ERR_CLOSED)
            return "a deposit, or the repetition of one, was refused";
    if (a->err != ERR_CLOSED)
        return "a step of a request, or the repetition of one, was refused";
    return fault;
}

static const char *one_round(struct world *w, unsigned round, struct depositor *d,
                             struct asker *a)
{
    AUTO_FREE struct caller *c = calloc(1, sizeof *c);

    MUST(c != NULL);
    if (round % 7 == 6) /* in the middle of starting, too */
        kithd_cut(&w->k, round * 977 % 15000);
    if (!kithd_start(&w->k, NULL))
        return "the node does not start again";
    const char *bad = check(w, c, d, a);

    caller_close(c);
    if (bad != NULL)
        return bad;
    if (a->ward_is_used_up) {
        if (net_ward(&w->keys, w->k.port, &w->g, &a->o) != OK)
            return "no further ward is taken on";
        w->wards++;
        new_request(a);
    }
    return hammer(w, 5000 + round * 7919 % 120000, d, a);
}

static const char *begin(struct world *w, struct asker *a)
{
    AUTO_FREE struct caller *c = calloc(1, sizeof *c);
    struct req_hello hello = { .version = 1 };
    struct rep_hello rep = { 0 };
    struct link link = { 0 };

    MUST(c != NULL);
    kithd_new(&w->k, "127.0.0.1:0", limits);
    if (!kithd_start(&w->k, NULL) || kithd_link(&w->k, &link) != OK)
        return "the node does not start";
    net_keys(&w->keys, &w->id, link.node_key);
    net_guardian_new(&w->keys, &link, &w->g);
    if (net_seat(&w->keys, w->k.port, &w->g) != OK ||
        net_ward(&w->keys, w->k.port, &w->g, &a->o) != OK ||
        let_in(w, c, &w->g.login) != OK || caller_ask(c, MSG_HELLO, &hello, &rep) != OK)
        return "nobody is let in";
    memcpy(w->id.sign_pub, rep.node_sign, PUB_BYTES);
    caller_close(c);
    w->wards = 1;
    new_request(a);
    (void)kithd_stop(&w->k, SIGKILL);
    return NULL;
}

int main(int argc, char **argv)
{
    struct depositor *d = calloc(DEPOSITORS, sizeof *d);
    struct asker *a = calloc(1, sizeof *a);
    struct world *w = calloc(1, sizeof *w);
    unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    unsigned done = 0;
    uint64_t deposited = 0;

    if (rounds == 0 || d == NULL || a == NULL || w == NULL)
        return 2;
    /* The full count, for scripts/long. */
    rounds = getenv("KITH_LONG") != NULL && rounds >= 100 ? 1500 : rounds;
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    for (size_t i = 0; i < DEPOSITORS; i++)
        d[i].w = w;
    a->w = w;
    const char *bad = begin(w, a);

    for (; bad == NULL && done < rounds; done++)
        bad = one_round(w, done, d, a);
    for (size_t i = 0; i < DEPOSITORS; i++)
        deposited += d[i].acked;
    kithd_end(&w->k);
    secret_end();
    if (bad != NULL)
        (void)fprintf(stderr, "round %u: %s\n", done, bad);
    (void)printf("%u rounds, %llu deposits and removals, %llu steps of requests: %s\n",
                 done, (unsigned long long)deposited, (unsigned long long)a->acked,
                 bad == NULL ? "none lost" : "FAILED");
    free(d);
    free(a);
    free(w);
    return bad == NULL ? 0 : 1;
}
