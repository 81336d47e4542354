/* SPDX-License-Identifier: Apache-2.0 */
/* The real program as a child: what it refuses, what it keeps, its operator link. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/net/net.h"

enum { LOG_ROOM = 8192, FINE = 0, FAILED = 1, USAGE = 2, BUSY = 11 };

/* A node that ran once, with a guardian who has a seat. */
struct world {
    struct kithd k;
    struct link link;
    struct node_sim keys;
    struct store_identity id;
    struct sim_guardian g;
    struct caller c;
    char log[LOG_ROOM];
};

static struct world *world_new(const char *extra)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    kithd_new(&w->k, "127.0.0.1:0", extra);
    return w;
}

static void enrol(struct world *w)
{
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(kithd_link(&w->k, &w->link), OK);
    net_keys(&w->keys, &w->id, w->link.node_key);
    net_guardian_new(&w->keys, &w->link, &w->g);
    assert_int_equal(net_seat(&w->keys, w->k.port, &w->g), OK);
}

static struct world *world_stopped(void)
{
    struct world *w = world_new("");

    enrol(w);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), FINE);
    return w;
}

static void world_free(struct world *w)
{
    kithd_end(&w->k);
    free(w);
}

/* The shell does what an operator would do to files; %s is the node's directory. */
static void operator_does(const struct world *w, const char *line)
{
    char all[400];

    (void)snprintf(all, sizeof all, "cd %s && %s", w->k.dir, line); /* fits */
    assert_int_equal(net_shell(all), 0);
}

/* It does not start, with this exit code, and says these three things. */
static void refuses(struct world *w, int code, const char *more, const char *what,
                    const char *then)
{
    assert_int_equal(kithd_fails(&w->k, more), code);
    kithd_log(&w->k, w->log, sizeof w->log);
    if (strstr(w->log, what) == NULL || strstr(w->log, then) == NULL)
        fail_msg("it said: %s", w->log);
}

/* The guardian's key works: the node is the one that was. */
static enum err greets(struct world *w, const struct sim_login *l)
{
    struct req_hello hello = { .version = 1 };
    enum err e = caller_open(&w->c, w->k.port, w->id.node_pub, l);

    if (e == OK)
        e = caller_ask(&w->c, MSG_HELLO, &hello, NULL);
    caller_close(&w->c);
    return e;
}

static void comes_back(struct world *w)
{
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(greets(w, &w->g.login), OK);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), FINE);
}

/* ---- stores ---- */

struct harm {
    const char *what; /* done to a stopped node's files */
    const char *said; /* what it then says is wrong */
    const char *then; /* and what to do */
    const char *mend; /* after which it runs as before */
};

static const struct harm harms[] = {
    { "mv state/data.mdb keep", "the store (data.mdb) is missing", "Put it back",
      "mv keep state/data.mdb" },
    { "mv state/data.mdb keep && : >state/data.mdb", "damaged", "load a backup",
      "mv keep state/data.mdb" },
    { "cp state/data.mdb keep && truncate -s 5000 state/data.mdb", "damaged",
      "load a backup", "mv keep state/data.mdb" },
    { "mv state/identity keep", "the identity file is missing", "Put it back",
      "mv keep state/identity" },
    { "cp state/identity keep && printf X | dd of=state/identity bs=1 seek=40 "
      "conv=notrunc 2>dd.log",
      "The identity file is damaged", "Put it back", "mv keep state/identity" },
    { "mv state/identity keep && mv state/data.mdb keep2",
      "its identity and its store are missing", "choose an empty State",
      "mv keep state/identity && mv keep2 state/data.mdb" },
    { "cp state/anchor keep && printf XXXX | dd of=state/anchor bs=1 seek=9 "
      "conv=notrunc 2>dd.log",
      "anchor is damaged", "Put both back", "mv keep state/anchor" },
};

static void a_harmed_store_is_no_start_and_loses_nothing(void **state)
{
    struct world *w = world_stopped();

    (void)state;
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        operator_does(w, harms[i].what);
        refuses(w, FAILED, NULL, harms[i].said, harms[i].then);
        /* Saying it twice changes nothing. */
        refuses(w, FAILED, NULL, harms[i].said, harms[i].then);
        operator_does(w, harms[i].mend);
        comes_back(w);
    }
    world_free(w);
}

static void a_foreign_identity_or_store(void **state)
{
    struct world *w = world_stopped();
    struct world *other = world_stopped();
    char line[200];

    (void)state;
    operator_does(w, "cp state/identity keep");
    (void)snprintf(line, sizeof line, "cp %s/state/identity state/identity",
                   other->k.dir); /* fits */
    operator_does(w, line);
    refuses(w, FAILED, NULL, "belongs to another node", "Put the right one back");
    operator_does(w, "mv keep state/identity && cp state/data.mdb keep");
    (void)snprintf(line, sizeof line, "cp %s/state/data.mdb state/data.mdb",
                   other->k.dir); /* fits */
    operator_does(w, line);
    refuses(w, FAILED, NULL, "belongs to another node", "Put the right one back");
    operator_does(w, "mv keep state/data.mdb");
    comes_back(w);
    world_free(other);
    world_free(w);
}

static void a_rolled_back_store(void **state)
{
    struct world *w = world_stopped();
    struct sim_owner o = { 0 };

    (void)state;
    operator_does(w, "cp state/data.mdb old");
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(net_ward(&w->keys, w->k.port, &w->g, &o), OK);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), FINE);
    operator_does(w, "cp state/data.mdb new && cp old state/data.mdb");
    refuses(w, FAILED, NULL, "older than it was", "kithd load F");
    operator_does(w, "cp new state/data.mdb");
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(greets(w, &o.login), OK);
    world_free(w);
}

static void one_state_one_node(void **state)
{
    struct world *w = world_new("");
    struct world *second = calloc(1, sizeof *second);

    (void)state;
    assert_non_null(second);
    enrol(w);
    second->k = w->k; /* the same configuration */
    refuses(second, BUSY, NULL, "Another kithd uses this state", "a State of its own");
    /* Nor is a link drawn under a running node. */
    refuses(second, BUSY, "--new-operator-link", "Another kithd", "Stop it first");
    free(second);
    assert_int_equal(greets(w, &w->g.login), OK);
    world_free(w);
}

/* ---- configuration and address ---- */

static void a_wrong_line_is_named(void **state)
{
    struct world *w = world_new("[Limits]\nConnections = many\n");

    (void)state;
    refuses(w, USAGE, NULL, "conf, line 8: ", "Connections");
    refuses(w, USAGE, "--check-config", "conf, line 8: ", "Connections");
    world_free(w);
    w = world_new("Colour = red\n");
    refuses(w, USAGE, NULL, "line 7: ", "Colour");
    world_free(w);
    w = world_new("");
    refuses(w, USAGE, "--no-such-option", "usage: kithd", "--check-config");
    operator_does(w, "rm conf");
    refuses(w, USAGE, NULL, "conf", "conf");
    world_free(w);
}

static void check_config_touches_nothing(void **state)
{
    struct world *w = world_new("");

    (void)state;
    assert_int_equal(kithd_fails(&w->k, "--check-config"), FINE);
    assert_int_equal(kithd_fails(&w->k, "--print-limits"), FINE);
    operator_does(w, "! test -e state");
    world_free(w);
}

static void an_address_in_use(void **state)
{
    struct world *w = world_new("");
    struct world *other = calloc(1, sizeof *other);
    char at[32];

    (void)state;
    assert_non_null(other);
    assert_true(kithd_start(&w->k, NULL));
    (void)snprintf(at, sizeof at, "127.0.0.1:%u", w->k.port); /* fits */
    kithd_new(&other->k, at, "");
    refuses(other, FAILED, NULL, at, "change Listen");
    refuses(other, FAILED, NULL, "another program has this port", "Stop the other");
    /* Nobody was told of a link while nobody listens. */
    operator_does(other, "! test -e state/operator.link");
    assert_int_equal(kithd_stop(&w->k, SIGTERM), FINE);
    /* Its first start is made up for. */
    assert_true(kithd_start(&other->k, NULL));
    assert_int_equal(kithd_link(&other->k, &other->link), OK);
    world_free(other);
    world_free(w);
}

static void every_address_needs_one_to_tell(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    assert_non_null(w);
    kithd_new(&w->k, "0.0.0.0:0", "");
    refuses(w, USAGE, NULL, "Advertise is missing", "Add to [Node]: Advertise");
    world_free(w);
    w = calloc(1, sizeof *w);
    assert_non_null(w);
    kithd_new(&w->k, "[::]:0", "");
    refuses(w, USAGE, NULL, "Advertise is missing", "Add to [Node]: Advertise");
    world_free(w);
}

static void a_state_that_cannot_be_made(void **state)
{
    struct world *w = world_new("");

    (void)state;
    operator_does(w, "sed -i 's|/state$|/no/such/state|' conf");
    refuses(w, FAILED, NULL, "cannot be made", "parent directory");
    operator_does(w, "sed -i 's|/no/such/state$|/conf|' conf");
    refuses(w, FAILED, NULL, "cannot be opened", "Let this user");
    world_free(w);
}

/* ---- the operator link ---- */

static void the_link_is_private_and_leads_here(void **state)
{
    struct world *w = world_new("");
    struct stat st = { 0 };

    (void)state;
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(stat(kithd_path(&w->k, "state/operator.link"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(kithd_path(&w->k, "state"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(kithd_link(&w->k, &w->link), OK);
    assert_int_equal(w->link.type, LINK_OPERATOR);
    assert_int_equal(w->link.address.port, w->k.port);
    assert_true(address_is_loopback(&w->link.address));
    operator_does(w, "! test -e state/operator.link.new");
    world_free(w);
}

static void a_first_start_cut_short_is_made_up_for(void **state)
{
    struct world *w = world_new("");

    (void)state;
    /* Cut anywhere: killed a little later each time, until after it listens. */
    for (unsigned ms = 0; ms < 60; ms += 3)
        kithd_cut(&w->k, ms * 1000);
    enrol(w);
    assert_int_equal(greets(w, &w->g.login), OK);
    world_free(w);
}

static void a_lost_link_is_drawn_again_while_no_seat_is_taken(void **state)
{
    struct world *w = world_new("");
    struct link first = { 0 };

    (void)state;
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(kithd_link(&w->k, &first), OK);
    assert_int_equal(kithd_stop(&w->k, SIGKILL), -SIGKILL);
    operator_does(w, "rm state/operator.link");
    enrol(w);
    assert_memory_not_equal(first.token, w->link.token, TOKEN_BYTES);
    assert_memory_equal(first.node_key, w->link.node_key, PUB_BYTES);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), FINE);
    /* With a seat there is no need: none is drawn unasked. */
    operator_does(w, "rm state/operator.link");
    comes_back(w);
    operator_does(w, "! test -e state/operator.link");
    world_free(w);
}

static void a_new_link_kills_the_old_one(void **state)
{
    struct world *w = world_new("");
    struct sim_guardian late = { 0 };

    (void)state;
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(kithd_link(&w->k, &w->link), OK);
    net_keys(&w->keys, &w->id, w->link.node_key);
    net_guardian_new(&w->keys, &w->link, &late);
    assert_int_equal(kithd_stop(&w->k, SIGTERM), FINE);
    /* It draws the link and ends; the next start listens elsewhere, the link follows. */
    assert_int_equal(kithd_fails(&w->k, "--new-operator-link"), FINE);
    assert_true(kithd_start(&w->k, NULL));
    assert_int_equal(net_seat(&w->keys, w->k.port, &late), ERR_CLOSED);
    assert_int_equal(kithd_link(&w->k, &w->link), OK);
    assert_int_equal(w->link.address.port, w->k.port);
    net_guardian_new(&w->keys, &w->link, &w->g);
    assert_int_equal(net_seat(&w->keys, w->k.port, &w->g), OK);
    /* Once used it is used, for everybody else. */
    net_guardian_new(&w->keys, &w->link, &late);
    assert_int_equal(net_seat(&w->keys, w->k.port, &late), ERR_CLOSED);
    world_free(w);
}

/* ---- stopping and starting ---- */

static void told_to_stop_as_soon_as_it_listens(void **state)
{
    struct world *w = world_new("");

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_true(kithd_start(&w->k, NULL));
        assert_int_equal(kithd_stop(&w->k, i % 2 == 0 ? SIGTERM : SIGINT), FINE);
    }
    world_free(w);
}

static void it_comes_back_with_all_it_said(void **state)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGKILL };
    struct world *w = world_new("");
    struct sim_owner o[3] = { 0 };

    (void)state;
    enrol(w);
    for (size_t i = 0; i < 3; i++) {
        int killed = signals[i] == SIGKILL ? -SIGKILL : FINE;

        assert_int_equal(net_ward(&w->keys, w->k.port, &w->g, &o[i]), OK);
        assert_int_equal(kithd_stop(&w->k, signals[i]), killed);
        assert_true(kithd_start(&w->k, NULL));
        for (size_t n = 0; n <= i; n++)
            assert_int_equal(greets(w, &o[n].login), OK);
        assert_int_equal(greets(w, &w->g.login), OK);
    }
    assert_int_equal(kithd_stop(&w->k, SIGTERM), FINE);
    kithd_log(&w->k, w->log, sizeof w->log);
    assert_non_null(strstr(w->log, "node.stopped"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_harmed_store_is_no_start_and_loses_nothing),
        cmocka_unit_test(a_foreign_identity_or_store),
        cmocka_unit_test(a_rolled_back_store),
        cmocka_unit_test(one_state_one_node),
        cmocka_unit_test(a_wrong_line_is_named),
        cmocka_unit_test(check_config_touches_nothing),
        cmocka_unit_test(an_address_in_use),
        cmocka_unit_test(every_address_needs_one_to_tell),
        cmocka_unit_test(a_state_that_cannot_be_made),
        cmocka_unit_test(the_link_is_private_and_leads_here),
        cmocka_unit_test(a_first_start_cut_short_is_made_up_for),
        cmocka_unit_test(a_lost_link_is_drawn_again_while_no_seat_is_taken),
        cmocka_unit_test(a_new_link_kills_the_old_one),
        cmocka_unit_test(told_to_stop_as_soon_as_it_listens),
        cmocka_unit_test(it_comes_back_with_all_it_said),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    secret_end();
    return failed;
}
