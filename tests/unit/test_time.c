/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's time over real handlers and a real store; only the kernel's clocks are made
 * up. What a machine goes through while a hold runs stands in one table; no row lets a
 * piece go one second early, and in each it goes in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/drop.h"
#include "node/request.h"
#include "node/ward.h"
#include "tests/net/net.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, HOLD = 72 * HOUR, ASKERS = 2 };

/* A machine with a node, and true time, which nobody here can see. */
struct world {
    struct node_sim n;
    struct timekeeper k;
    uint64_t now;    /* true time, Unix seconds */
    int64_t off;     /* what the wall clock shows beyond it */
    uint64_t booted; /* true time */
    uint8_t boot;    /* which */
    bool synced;     /* what the kernel says at a start */
    bool down;
    struct sim_guardian g;
    struct sim_owner o;
    struct sim_epoch e;
    struct sim_asker a[ASKERS];
    struct session requester[ASKERS];
    uint64_t from[ASKERS]; /* true time when its hold began at the earliest */
    char home[64];         /* backups */
    struct store_refusal why;
};

/* ---- the machine ---- */

static struct clock_look look(const struct world *w)
{
    return (struct clock_look){ .wall_ms = (uint64_t)((int64_t)w->now + w->off) * 1000,
                                .boot_ms = (w->now - w->booted) * 1000,
                                .boot = { w->boot } };
}

static void at_once(struct world *w)
{
    w->n.now = time_now(&w->k, look(w), &w->n.env);
}

static enum err sweep_fn(struct txn *t, void *arg)
{
    struct world *w = arg;
    bool more = false;

    TRY(serve_keep(t, &w->n.env, w->n.now, &w->k));
    return serve_tick(t, &w->n.env, w->n.now, &more);
}

static enum err tell_fn(struct txn *t, void *arg)
{
    struct world *w = arg;
    bool more = false;

    return serve_tell(t, &w->n.env, w->n.now, &more);
}

/* What the loop does each minute. */
static void sweep(struct world *w)
{
    if (w->down)
        return;
    at_once(w);
    if (w->synced)
        clock_synchronised(&w->k.clock, look(w));
    at_once(w);
    assert_int_equal(store_write(w->n.store, sweep_fn, w), OK);
    assert_int_equal(store_write(w->n.store, tell_fn, w), OK);
}

static void stop(struct world *w)
{
    w->down = true;
}

static void start(struct world *w)
{
    node_sim_again(&w->n);
    w->down = false;
    assert_int_equal(time_start(&w->k, w->n.store, CLOCK_ASK_KERNEL,
                                w->synced ? CLOCK_SYNCHRONISED : CLOCK_UNSYNCHRONISED,
                                look(w)),
                     OK);
    at_once(w);
}

static void reboot(struct world *w)
{
    stop(w);
    w->boot++;
    w->booted = w->now;
    start(w);
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    node_sim_open(&w->n, seed);
    w->now = SIM_START;
    w->booted = w->now - DAY;
    w->boot = 1;
    w->synced = true;
    start(w);
    sim_seat(&w->n, &w->g);
    sim_ward(&w->n, &w->g, &w->o);
    sim_epoch(&w->n, &w->o, 1, &w->e);
    (void)snprintf(w->home, sizeof w->home, "/tmp/kith-time-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(w->home));
    return w;
}

static void world_free(struct world *w)
{
    char line[96];

    (void)snprintf(line, sizeof line, "rm -rf %s", w->home); /* fits */
    assert_int_equal(net_shell(line), 0);
    node_sim_close(&w->n);
    free(w);
}

/* ---- people ---- */

/* OPEN and REVEAL; the view as it was signed lies in mem. */
static void open_request(struct world *w, size_t i, struct buf *mem, struct view *v,
                         struct req_open *open)
{
    struct sim_asker *a = &w->a[i];
    struct rep_open rep = { 0 };
    struct req_reveal reveal = { 0 };

    at_once(w);
    sim_asker_new(&w->n, &w->o, a, open);
    assert_int_equal(node_sim_ask(&w->n, &a->who, MSG_OPEN, open, &rep), OK);
    buf_put(mem, rep.view);
    assert_int_equal(view_open(buf_bytes(mem), w->n.env.id->sign_pub, v), OK);
    memcpy(a->request, v->request, ID_BYTES);
    sim_op(&w->n, reveal.op);
    memcpy(reveal.request, a->request, ID_BYTES);
    memcpy(reveal.nonce, a->nonce, sizeof a->nonce);
    assert_int_equal(node_sim_ask(&w->n, &a->who, MSG_REVEAL, &reveal, NULL), OK);
    assert_int_equal(node_sim_login(&w->n, &a->login, &w->requester[i]), OK);
}

static void transcript(const struct world *w, struct bytes view,
                       const struct req_open *open, uint8_t out[HASH_BYTES])
{
    struct transcript t = { .view = view };
    uint8_t mem[SIGNED_MAX];
    struct buf b = BUF_OF(mem);

    memcpy(t.req_static, open->stat, PUB_BYTES);
    memcpy(t.req_seal, open->seal, PUB_BYTES);
    memcpy(t.req_sign, open->sign, PUB_BYTES);
    memcpy(t.node_key, w->n.env.id->node_pub, PUB_BYTES);
    memcpy(t.guard_sign, w->g.sign_pub, PUB_BYTES);
    memcpy(t.guard_seal, w->g.seal_pub, PUB_BYTES);
    transcript_put(&t, &b);
    transcript_hash(buf_bytes(&b), out);
}

static void approve(struct world *w, size_t i, struct bytes view, const struct view *v,
                    const struct req_open *open)
{
    struct req_try try = { 0 };
    struct rep_try tried = { 0 };
    struct statement s = { .kind = v->kind,
                           .purpose = v->purpose,
                           .how = HOW_CALLED,
                           .time = w->n.now,
                           .n_epochs = 1 };
    struct introduction intro = { .until = w->n.now + 14 * DAY };
    struct req_approve req = { .n_boxes = 1 };
    static uint8_t signed_mem[SIGNED_MAX];
    static uint8_t intro_mem[SIGNED_MAX];
    struct buf b = BUF_OF(signed_mem);
    struct buf in = BUF_OF(intro_mem);

    sim_op(&w->n, try.op);
    memcpy(try.request, w->a[i].request, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_TRY, &try, &tried), OK);
    memcpy(s.subject, v->subject, sizeof s.subject);
    memcpy(s.request, v->request, ID_BYTES);
    memcpy(s.req_sign, open->sign, PUB_BYTES);
    transcript(w, view, open, s.t_hash);
    s.epochs[0] = (struct statement_epoch){ .epoch = 1, .opened = 1 };
    memcpy(s.epochs[0].manifest_hash, v->epochs[0].manifest_hash, HASH_BYTES);
    statement_make(&s, &w->o.approval, &b);
    memcpy(intro.req_sign, open->sign, PUB_BYTES);
    memcpy(intro.manifest_hash, v->epochs[0].manifest_hash, HASH_BYTES);
    introduction_make(&intro, &w->o.approval, &in);
    sim_op(&w->n, req.op);
    memcpy(req.request, v->request, ID_BYTES);
    memcpy(req.try_op, try.op, ID_BYTES);
    req.statement = buf_bytes(&b);
    req.boxes[0] = (struct approve_box){ .epoch = 1, .box = bytes_text("re-sealed") };
    req.roster_box = bytes_text("roster key");
    req.introduction = buf_bytes(&in);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_APPROVE, &req, NULL), OK);
}

/* Somebody asks and the guardian approves at once: from here the hold runs. */
static void ask(struct world *w, size_t i)
{
    uint8_t mem[SIGNED_MAX];
    struct buf b = BUF_OF(mem);
    struct view v = { 0 };
    struct req_open open = { 0 };

    open_request(w, i, &b, &v, &open);
    approve(w, i, buf_bytes(&b), &v, &open);
    w->from[i] = w->now;
}

static enum err fetch(struct world *w, size_t i, struct rep_fetch *out)
{
    struct req_fetch req = { 0 };

    sim_op(&w->n, req.op);
    memcpy(req.request, w->a[i].request, ID_BYTES);
    *out = (struct rep_fetch){ 0 };
    return node_sim_ask(&w->n, &w->requester[i], MSG_FETCH, &req, out);
}

static bool released(struct world *w, size_t i)
{
    struct rep_fetch f;

    if (w->down)
        return false;
    at_once(w);
    assert_int_equal(fetch(w, i, &f), OK);
    assert_true(f.state == STATE_APPROVED || f.state == STATE_RELEASED);
    return f.state == STATE_RELEASED;
}

/* Nothing is let go before it may be, asked for at each moment. */
static void look_early(struct world *w)
{
    for (size_t i = 0; i < ASKERS; i++)
        if (w->from[i] != 0 && w->now < w->from[i] + HOLD && released(w, i))
            fail_msg("a piece was let go %llu s early",
                     (unsigned long long)(w->from[i] + HOLD - w->now));
}

/* True time goes on, in steps of at most an hour. */
static void go(struct world *w, uint64_t seconds)
{
    while (seconds > 0) {
        uint64_t step = seconds > HOUR ? HOUR : seconds;

        w->now += step;
        seconds -= step;
        look_early(w);
        sweep(w);
        look_early(w);
    }
}

/* The wall clock is set; the machine goes on. */
static void set_wall(struct world *w, int64_t off)
{
    w->off = off;
    look_early(w);
    sweep(w);
    look_early(w);
}

static enum err clock_ask(struct world *w, uint64_t confirm, struct rep_clock *out)
{
    struct req_clock req = { .confirm = confirm };

    at_once(w);
    sim_op(&w->n, req.op);
    enum err e = node_sim_ask(&w->n, &w->g.who, MSG_CLOCK, &req, out);
    assert_int_equal(time_follow(&w->k, w->n.store, look(w)), OK);
    at_once(w);
    return e;
}

/* The guardian, whose own clock is right. */
static void confirm(struct world *w)
{
    struct rep_clock rep = { 0 };

    assert_int_equal(clock_ask(w, w->now, &rep), OK);
    sweep(w);
}

/* ---- what happens while a hold runs ---- */

static void restarts(struct world *w)
{
    for (int i = 0; i < 8; i++) {
        go(w, 8 * HOUR + 59 * MINUTE);
        stop(w);
        go(w, i % 2 == 0 ? MINUTE : 10);
        start(w);
    }
}

static void reboots(struct world *w)
{
    for (int i = 0; i < 8; i++) {
        go(w, 8 * HOUR);
        stop(w);
        go(w, 20 * MINUTE);
        reboot(w);
    }
}

static void forward_while_running(struct world *w)
{
    go(w, HOUR);
    set_wall(w, 365 * DAY);
    go(w, HOLD - 3 * HOUR);
    stop(w);
    start(w);
    go(w, HOUR);
    reboot(w);
    go(w, HOUR - 1);
}

/* The process dies before it could note that the clock jumped. */
static void forward_and_killed_at_once(struct world *w)
{
    go(w, HOUR);
    w->off = 365 * DAY;
    start(w);
    look_early(w);
    reboot(w);
    look_early(w);
    go(w, HOLD - HOUR - 1);
}

static void forward_while_off(struct world *w)
{
    go(w, HOUR);
    stop(w);
    w->off = 20 * DAY;
    go(w, HOUR);
    start(w);
    go(w, HOLD - 2 * HOUR - 1);
}

static void far_forward_over_a_boot(struct world *w)
{
    go(w, HOUR);
    stop(w);
    w->off = 31 * DAY;
    reboot(w);
    go(w, HOLD - HOUR - 1);
}

static void forward_by_drift(struct world *w)
{
    for (int i = 0; i < 71; i++) {
        set_wall(w, w->off + 59 * MINUTE);
        go(w, HOUR);
        stop(w);
        start(w);
    }
    go(w, HOUR - 1);
}

static void back_and_forth(struct world *w)
{
    for (int i = 0; i < 35; i++) {
        set_wall(w, i % 2 == 0 ? -DAY : DAY);
        go(w, HOUR);
        set_wall(w, 0);
        go(w, HOUR);
        if (i % 10 == 9)
            confirm(w);
    }
    go(w, 2 * HOUR - 1);
}

static void back_while_off(struct world *w)
{
    go(w, 10 * HOUR);
    stop(w);
    w->off = -9 * HOUR;
    start(w);
    go(w, 30 * HOUR);
    stop(w);
    w->off = -100 * DAY;
    reboot(w);
    go(w, HOLD - 40 * HOUR - 1);
}

static void unsynchronised_starts(struct world *w)
{
    static const int64_t walls[] = { -SIM_START + 1000, 3650 * DAY, -DAY, 10 * DAY };

    w->synced = false;
    for (size_t i = 0; i < sizeof walls / sizeof walls[0]; i++) {
        go(w, 15 * HOUR);
        stop(w);
        w->off = walls[i];
        reboot(w);
    }
    go(w, 12 * HOUR - 1);
}

/* The network tells it the time, after it had started with a wrong one. */
static void synchronised_later(struct world *w)
{
    for (int i = 0; i < 7; i++) {
        stop(w);
        w->synced = false;
        w->off = i % 2 == 0 ? -SIM_START + 1000 : 20 * DAY;
        reboot(w);
        go(w, 3 * HOUR);
        w->off = 0;
        w->synced = true;
        sweep(w);
        go(w, 7 * HOUR);
    }
    go(w, 2 * HOUR - 1);
}

static void off_all_the_time(struct world *w)
{
    stop(w);
    go(w, HOLD - 1);
    reboot(w);
}

static void off_till_it_is_due(struct world *w)
{
    stop(w);
    go(w, HOLD);
    reboot(w);
}

static void two_at_once(struct world *w)
{
    go(w, 40 * HOUR);
    ask(w, 1);
    go(w, 32 * HOUR - 1);
    assert_false(released(w, 0));
    go(w, 1);
    assert_true(released(w, 0));
    assert_false(released(w, 1));
    reboot(w);
    go(w, 40 * HOUR - 1);
}

static enum err loaded_fn(struct txn *t, void *arg)
{
    struct world *w = arg;
    struct txn_key at = { 0 };
    bool more = true;

    while (more)
        TRY(serve_loaded(t, &w->n.env, w->n.now, &at, &more));
    return OK;
}

/* The node goes on from a backup, in another directory. */
static void load(struct world *w)
{
    struct store_copied c = { 0 };
    char file[80];
    char state[80];
    char line[320];

    (void)snprintf(file, sizeof file, "%s/file", w->home);    /* fits */
    (void)snprintf(state, sizeof state, "%s/state", w->home); /* fits */
    if (access(file, F_OK) != 0) {
        assert_int_equal(store_backup(w->n.dir, file, &crypt_random, &c, &w->why), OK);
        return;
    }
    store_close(w->n.store);
    assert_int_equal(store_load(state, file, &w->n.rng, &w->n.store, &w->why), OK);
    w->n.env.id = store_identity(w->n.store);
    assert_int_equal(store_write(w->n.store, loaded_fn, w), OK);
    assert_int_equal(store_loaded(w->n.store), OK);
    store_close(w->n.store);
    (void)snprintf(line, sizeof line, "rm -rf %s && mv %s %s && rm %s", w->n.dir, state,
                   w->n.dir, file); /* fits */
    assert_int_equal(net_shell(line), 0);
    assert_int_equal(store_open(w->n.dir, &w->n.rng, &w->n.store, &w->why), OK);
    for (size_t i = 0; i < ASKERS; i++)
        w->from[i] = w->from[i] != 0 ? w->now : 0; /* the whole hold anew */
    start(w);
    sweep(w); /* a node does that first */
}

static void from_a_backup(struct world *w)
{
    struct rep_fetch f;

    go(w, HOLD - HOUR);
    load(w); /* makes it */
    go(w, HOUR - 1);
    load(w); /* and goes on from it */
    assert_int_equal(fetch(w, 0, &f), OK);
    assert_int_equal(f.flags & REQUEST_WENT_BACK, REQUEST_WENT_BACK);
    go(w, HOLD - HOUR);
    reboot(w);
    go(w, HOUR - 1);
    assert_int_equal(fetch(w, 0, &f), OK);
    assert_int_equal(f.flags & REQUEST_WENT_BACK, REQUEST_WENT_BACK);
}

/* Made before its request was due, loaded long after: the clock finds a month gone. */
static void from_an_old_backup(struct world *w)
{
    go(w, HOUR);
    load(w);
    stop(w);
    go(w, 20 * DAY);
    load(w);
    go(w, HOLD - 1);
}

/* It ran a year ahead; a person sets it right, and the hold starts again. */
static void set_right_by_a_person(struct world *w)
{
    go(w, 71 * HOUR);
    w->off = -400 * DAY; /* what the node took for the time was 400 days ahead */
    sweep(w);
    assert_int_equal(w->n.env.why, CLOCK_BEHIND);
    w->off = 0;
    w->k.clock.now_ms += 400 * DAY * 1000ull;
    w->k.clock.why = CLOCK_FINE;
    w->k.clock.last = look(w);
    sweep(w);
    assert_int_equal(w->n.env.why, CLOCK_BEHIND);
    confirm(w);
    assert_int_equal(w->n.env.why, CLOCK_FINE);
    w->from[0] = w->now;
    go(w, 40 * HOUR);
    start(w);
    go(w, HOLD - 40 * HOUR - 1);
}

/* It came back with a wall nine days behind, and took that for the time; whoever asked
 * then has waited an hour when a person sets it right. */
static void behind_and_set_right(struct world *w)
{
    stop(w);
    go(w, 10 * DAY);
    w->off = -9 * DAY;
    reboot(w);
    assert_int_equal(w->n.env.why, CLOCK_FINE);
    ask(w, 1);
    go(w, HOUR);
    set_wall(w, 0);
    assert_int_equal(w->n.env.why, CLOCK_STEPPED);
    go(w, HOUR);
    confirm(w);
    look_early(w);
    go(w, HOLD - 2 * HOUR - 1);
}

/* Set ahead, found after a day and set right: that day was true time. */
static void a_day_ahead(struct world *w)
{
    go(w, HOUR);
    set_wall(w, 9 * DAY);
    go(w, 12 * HOUR);
    stop(w);
    go(w, 2 * HOUR);
    start(w);
    go(w, 10 * HOUR);
    set_wall(w, 0);
    confirm(w);
    go(w, HOLD - 25 * HOUR - 1);
}

static void confirmed_each_day(struct world *w)
{
    for (int i = 0; i < 3; i++) {
        go(w, HOUR);
        set_wall(w, (i + 1) * 5 * DAY);
        go(w, 11 * HOUR);
        set_wall(w, 0);
        confirm(w);
        reboot(w);
        go(w, 12 * HOUR - (i == 2 ? 1 : 0));
    }
}

/* What is asked while the clock is behind must not gain when it leaps. */
static void asked_while_it_is_behind(struct world *w)
{
    go(w, HOUR);
    set_wall(w, -50 * MINUTE);
    go(w, 40 * MINUTE);
    ask(w, 1);
    w->off = 0;
    reboot(w);
    look_early(w);
    go(w, HOLD - 1);
    set_wall(w, -50 * MINUTE);
    go(w, HOUR);
}

struct row {
    const char *what;
    void (*happens)(struct world *w);
    bool at_once; /* due when it is over, to the second */
};

static const struct row rows[] = {
    { "it restarts", restarts, false },
    { "its machine boots again", reboots, false },
    { "the clock jumps ahead while it runs", forward_while_running, false },
    { "and the process is killed before it is noted", forward_and_killed_at_once, false },
    { "the clock is set ahead while it is off", forward_while_off, false },
    { "far ahead, with a boot between", far_forward_over_a_boot, false },
    { "ahead by less than an hour, each hour", forward_by_drift, false },
    { "back and ahead", back_and_forth, false },
    { "back while it is off", back_while_off, false },
    { "it starts without knowing the time", unsynchronised_starts, false },
    { "and learns it later", synchronised_later, false },
    { "it is off through the hold", off_all_the_time, true },
    { "and a second longer", off_till_it_is_due, true },
    { "two ask at once", two_at_once, true },
    { "it comes back from a backup", from_a_backup, true },
    { "from one three weeks old", from_an_old_backup, true },
    { "somebody asks while it is behind", asked_while_it_is_behind, false },
    { "a person sets it right", set_right_by_a_person, false },
    { "it had been behind when a person sets it right", behind_and_set_right, false },
    { "it was a day ahead of the boot clock", a_day_ahead, true },
    { "a person confirms each day", confirmed_each_day, false },
};

/* The machine's clock is right from here, the guardian says so: everything goes. */
static void all_goes_in_the_end(struct world *w, const char *what)
{
    w->synced = true;
    w->off = 0;
    if (w->down)
        start(w);
    sweep(w);
    confirm(w);
    go(w, 2 * HOLD + HOUR);
    for (size_t i = 0; i < ASKERS; i++)
        if (w->from[i] != 0 && !released(w, i))
            fail_msg("%s: the piece does not go at all", what);
}

static void not_one_second_early(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_new(100 + i);
        size_t last;

        print_message("  %s\n", rows[i].what);
        go(w, HOUR);
        ask(w, 0);
        look_early(w);
        rows[i].happens(w);
        look_early(w);
        last = w->from[1] != 0;
        if (rows[i].at_once) {
            go(w, w->now < w->from[last] + HOLD ? w->from[last] + HOLD - w->now : 0);
            sweep(w);
            assert_true(released(w, last));
        }
        all_goes_in_the_end(w, rows[i].what);
        world_free(w);
    }
}

/* ---- frozen ---- */

static void hello_and_clock_say_so(void **state)
{
    struct world *w = world_new(1);
    struct req_hello hello = { .version = 1 };
    struct rep_hello hi = { 0 };
    struct rep_clock c = { 0 };

    (void)state;
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_HELLO, &hello, &hi), OK);
    assert_int_equal(hi.frozen, 0);
    assert_int_equal(clock_ask(w, 0, &c), OK);
    assert_int_equal(c.frozen, 0);
    assert_int_equal(c.time, w->now);
    assert_int_equal(c.wall, w->now);
    uint64_t stood = w->now;
    set_wall(w, DAY);
    go(w, HOUR);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_HELLO, &hello, &hi), OK);
    assert_int_equal(hi.frozen, 1);
    assert_int_equal(hi.time, stood);
    assert_int_equal(clock_ask(w, 0, &c), OK);
    assert_int_equal(c.frozen, 1);
    assert_int_equal(c.why, CLOCK_STEPPED);
    assert_int_equal(c.time, stood);
    assert_int_equal(c.wall, w->now + DAY);
    world_free(w);
}

static void only_with_the_time_both_show(void **state)
{
    struct world *w = world_new(2);
    struct rep_clock c = { 0 };

    (void)state;
    set_wall(w, DAY);
    assert_int_equal(clock_ask(w, w->now, &c), ERR_STATE); /* the machine is a day off */
    assert_int_equal(w->n.env.why, CLOCK_STEPPED);
    assert_int_equal(clock_ask(w, w->now + DAY + HOUR + 1, &c), ERR_STATE);
    set_wall(w, 10);
    assert_int_equal(w->n.env.why, CLOCK_STEPPED); /* not by itself */
    assert_int_equal(clock_ask(w, w->now + 3, &c), OK);
    assert_int_equal(c.frozen, 0);
    assert_int_equal(c.time, w->now + 3); /* the earlier of the two */
    assert_int_equal(w->n.env.why, CLOCK_FINE);
    assert_int_equal(w->n.now, w->now + 3);
    world_free(w);
}

/* Committed, but the process dies before its clock heard of it: the next start does. */
static void a_word_outlives_a_crash(void **state)
{
    struct world *w = world_new(3);
    struct req_clock req = { 0 };
    struct rep_clock c = { 0 };

    (void)state;
    set_wall(w, DAY);
    w->off = 0;
    at_once(w);
    sim_op(&w->n, req.op);
    req.confirm = w->now;
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CLOCK, &req, &c), OK);
    /* A sweep that was on its way does not undo it. */
    assert_int_equal(store_write(w->n.store, sweep_fn, w), OK);
    assert_int_equal(w->k.clock.why, CLOCK_STEPPED);
    start(w);
    assert_int_equal(w->n.env.why, CLOCK_FINE);
    assert_int_equal(w->n.now, w->now);
    /* Asked again with the same op id it is the same answer, and nothing more. */
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_CLOCK, &req, &c), OK);
    assert_int_equal(w->k.turn, 1);
    world_free(w);
}

static void no_word_where_none_is_needed(void **state)
{
    struct world *w = world_new(4);
    struct rep_clock c = { 0 };

    (void)state;
    assert_int_equal(clock_ask(w, w->now, &c), OK);
    assert_int_equal(w->k.turn, 0); /* so nobody is told either */
    world_free(w);
}

static void expiries_stand_still(void **state)
{
    struct world *w = world_new(5);
    struct rep_fetch f;

    (void)state;
    ask(w, 0);
    set_wall(w, 10 * DAY);
    go(w, 60 * DAY);
    assert_int_equal(fetch(w, 0, &f), OK);
    assert_int_equal(f.state, STATE_APPROVED);
    set_wall(w, 0);
    confirm(w);
    assert_int_equal(fetch(w, 0, &f), OK);
    world_free(w);
}

/* ---- who hears of it ---- */

struct heard {
    struct world *w;
    const struct sim_owner *o;
    unsigned frozen, confirmed;
};

static enum err listen_fn(struct call *c, void *arg)
{
    struct heard *h = arg;
    struct record_ward ward = { 0 };
    struct drop_entry list[64];
    size_t n = 0;

    h->frozen = h->confirmed = 0;
    TRY(ward_get(c, h->o->ward, &ward));
    TRY(drop_list(c, ward.alert, 0, list, 64, &n));
    for (size_t i = 0; i < n; i++) {
        struct drop_event e = { 0 };
        struct bytes blob = { 0 };

        TRY(drop_get(c, ward.alert, list[i].seq, &blob));
        TRY(wire_get(&drop_event_schema, blob, &e));
        h->frozen += e.event == REC_CLOCK_FROZEN;
        h->confirmed += e.event == REC_CLOCK_CONFIRMED;
    }
    return OK;
}

static void hears(struct world *w, const struct sim_owner *o, unsigned frozen,
                  unsigned confirmed)
{
    struct heard h = { .w = w, .o = o };

    assert_int_equal(node_sim_write(&w->n, &w->g.who, listen_fn, &h), OK);
    assert_int_equal(h.frozen, frozen);
    assert_int_equal(h.confirmed, confirmed);
}

static void each_ward_hears_once(void **state)
{
    enum { MANY = 2 * TIME_TOLD_AT_ONCE + 5 };
    struct world *w = world_new(6);
    struct sim_owner *all = calloc(MANY, sizeof *all);

    (void)state;
    assert_non_null(all);
    for (size_t i = 0; i < MANY; i++)
        sim_ward(&w->n, &w->g, &all[i]);
    set_wall(w, DAY);
    sweep(w); /* the first write told some, */
    start(w); /* and a restart does not begin it again */
    for (size_t i = 0; i < 3; i++)
        sweep(w);
    for (size_t i = 0; i < MANY; i++)
        hears(w, &all[i], 1, 0);
    hears(w, &w->o, 1, 0);
    set_wall(w, 0);
    confirm(w);
    for (size_t i = 0; i < 3; i++)
        sweep(w);
    for (size_t i = 0; i < MANY; i++)
        hears(w, &all[i], 1, 1);
    set_wall(w, DAY); /* another time is news again */
    for (size_t i = 0; i < 3; i++)
        sweep(w);
    hears(w, &w->o, 2, 1);
    free(all);
    world_free(w);
}

/* Set back, its first entries would look like ones kept back: this stands before them. */
static void set_back_wards_hear_in_the_same_commit(void **state)
{
    struct world *w = world_new(8);
    struct rep_clock c = { 0 };

    (void)state;
    w->off = -2 * DAY; /* what it took for the time was two days ahead */
    sweep(w);
    assert_int_equal(w->n.env.why, CLOCK_BEHIND);
    hears(w, &w->o, 0, 0);
    assert_int_equal(clock_ask(w, w->now - 2 * DAY, &c), OK);
    assert_int_equal(c.time, w->now - 2 * DAY);
    hears(w, &w->o, 0, 1);
    sweep(w);
    hears(w, &w->o, 0, 1);
    world_free(w);
}

/* What was to last a month, noted a year ahead, lasts a month from here. */
static void set_back_a_freeze_lasts_no_year(void **state)
{
    struct world *w = world_new(9);
    struct req_freeze freeze = { 0 };
    struct req_pause pause = { 0 };
    static struct rep_wards wards;
    struct req_wards all = { 0 };
    struct rep_freeze until = { 0 };
    struct rep_clock c = { 0 };

    (void)state;
    sim_op(&w->n, freeze.op);
    memcpy(freeze.ward, w->o.ward, ID_BYTES);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_FREEZE, &freeze, &until), OK);
    assert_int_equal(until.until, w->now + 30 * DAY);
    sim_op(&w->n, pause.op);
    pause.until = w->now + 30 * DAY;
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_PAUSE, &pause, NULL), OK);
    set_wall(w, -400 * DAY);
    assert_int_equal(clock_ask(w, w->now - 400 * DAY, &c), OK);
    for (int i = 0; i < 3; i++)
        sweep(w);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_WARDS, &all, &wards), OK);
    assert_int_equal(wards.wards[0].frozen, w->n.now + 30 * DAY);
    assert_int_equal(wards.paused, w->n.now + 30 * DAY);
    go(w, 31 * DAY);
    assert_int_equal(node_sim_ask(&w->n, &w->g.who, MSG_WARDS, &all, &wards), OK);
    assert_int_equal(wards.wards[0].frozen, 0);
    assert_int_equal(wards.paused, 0);
    world_free(w);
}

/* A small machine that learns the time a minute after each start alarms nobody. */
static void a_short_wait_is_no_alarm(void **state)
{
    struct world *w = world_new(7);

    (void)state;
    for (int i = 0; i < 3; i++) {
        w->synced = false;
        reboot(w);
        go(w, 9 * MINUTE);
        w->synced = true;
        sweep(w);
    }
    hears(w, &w->o, 0, 0);
    w->synced = false;
    reboot(w);
    go(w, 11 * MINUTE);
    sweep(w);
    hears(w, &w->o, 1, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_and_clock_say_so),
        cmocka_unit_test(only_with_the_time_both_show),
        cmocka_unit_test(a_word_outlives_a_crash),
        cmocka_unit_test(no_word_where_none_is_needed),
        cmocka_unit_test(expiries_stand_still),
        cmocka_unit_test(each_ward_hears_once),
        cmocka_unit_test(set_back_wards_hear_in_the_same_commit),
        cmocka_unit_test(set_back_a_freeze_lasts_no_year),
        cmocka_unit_test(a_short_wait_is_no_alarm),
        cmocka_unit_test(not_one_second_early),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
