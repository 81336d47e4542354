/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a sealed circle at real nodes (kithd on loopback): the owner's program is
 * killed at every durable write of a change, a node lies, another device is faster, a
 * change is given up; what follows COMMIT is judged by people of the old epoch only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/ceremony_change.h"
#include "client/ceremony_seal_part.h"
#include "client/circle_card.h"
#include "tests/unit/sealing.h"

/* ---- people ---- */

static void words_file(char out[160])
{
    path_of(out, "words", "");
    FILE *f = fopen(out, "w");
    assert_non_null(f);
    (void)fputs(answer(), f);
    (void)fclose(f);
}

/* The request that is under way with that guardian, as a person would name it. */
static void request_of(const char *who, const char *name, char out[2 * ID_BYTES + 1])
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    open_home(who, &h, &d, &u);
    const struct day_guardian *g = guardian_find(d, bytes_text(name));
    assert_non_null(g);
    for (size_t i = 0; i < ID_BYTES; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", g->request[i]);
    day_free(d);
    secret_free(u);
    home_close(&h);
}

/* Gus hears the words of the last answer and types them. */
static void gus_types(const char *who, size_t i)
{
    char name[8];
    char path[160];
    char request[2 * ID_BYTES + 1];
    words_file(path);
    guardian_name(name, i);
    request_of(who, name, request);
    want(0, kith(name, "guard", "confirm", request, "--words-file", path, "--verified",
                 "called", NULL));
}

/* For the first time: words both ways. */
static void meet(const char *who, size_t i)
{
    char name[8];
    char path[160];
    guardian_name(name, i);
    want(0, kith(who, "guardian", "confirm", name, NULL));
    gus_types(who, i);
    words_file(path);
    want(0, kith(who, "guardian", "confirm", name, "--answer-file", path, NULL));
}

/* About a change: the guardian types, nothing comes back. */
static void call(const char *who, size_t i)
{
    char name[8];
    guardian_name(name, i);
    want(0, kith(who, "guardian", "confirm", name, NULL));
    assert_string_not_equal(answer(), "");
    gus_types(who, i);
    want(0, kith(who, "guardian", "confirm", name, NULL));
    assert_string_equal(answer(), "");
}

/* A sealed circle of n, k needed; everybody was spoken with, unless k is "0". */
static void circle_new(char who[16], size_t n, const char *k, bool met)
{
    owner_new(who, n);
    want(0, kith(who, "circle", "plan", "-k", k, NULL));
    want(3, kith(who, "circle", "seal", NULL));
    for (size_t i = 0; i < n && met; i++)
        meet(who, i);
}

static void invite_of(size_t i, char out[LINK_TEXT + 2])
{
    char name[8];
    guardian_name(name, i);
    want(0, kith(name, "guard", "invite", NULL));
    MUST(snprintf(out, LINK_TEXT + 2, "%s", answer()) < LINK_TEXT + 2);
    out[strcspn(out, "\n")] = 0;
}

/* ---- what must hold ---- */

/* The home knows that epoch, its circle is these guardians, and they hold it. */
static void check_epoch(const char *who, uint32_t epoch, const char *names)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    char have[128] = "";
    open_home(who, &h, &d, &u);
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    uint8_t hash[HASH_BYTES];
    assert_int_equal(d->me.epoch, epoch);
    assert_int_equal(d->me.n_next, 0);
    assert_false(home_has(&h, HOME_JOURNAL));
    assert_int_equal(manifest_open(d->me.manifest, m), OK);
    assert_int_equal(m->epoch, epoch);
    if (d->n_past > 0) {
        assert_int_equal(manifest_hash(d->past[d->n_past - 1].manifest, hash), OK);
        assert_memory_equal(m->previous, hash, HASH_BYTES);
    }
    for (size_t i = 0; i < circle_pieces(&d->me); i++) {
        const struct day_guardian *g = &d->guardians[i];
        assert_int_equal(g->epoch, epoch);
        assert_memory_equal(m->pieces[i].approval, g->approval, PUB_BYTES);
        (void)snprintf(have + strlen(have), sizeof have - strlen(have), "%.*s ",
                       (int)g->name.n, (const char *)g->name.p);
    }
    assert_string_equal(have, names);
    assert_int_equal(u->box.n_epochs, 1 + d->n_past);
    day_free(d);
    secret_free(u);
    home_close(&h);
    want(3, kith(who, "status", "--json", NULL));
    assert_true(answered("\"restorable\":true"));
}

static void stand_of(const char *who, struct change_stand *out)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    open_home(who, &h, &d, &u);
    change_look(d, &h, out);
    day_free(d);
    secret_free(u);
    home_close(&h);
}

/* ---- wrong first ---- */

static void not_sealed(void **state)
{
    (void)state;
    char who[16];
    want(5, kith("nobody", "circle", "rotate", NULL));
    owner_new(who, 2);
    want(10, kith(who, "circle", "rotate", NULL));
    assert_true(said("not sealed yet"));
    want(10, kith(who, "guardian", "replace", "Gus0", NULL));
    want(1, kith(who, "circle", "seal", "--abandon", NULL));
    /* Before a seal somebody is simply taken out of the list. */
    want(0, kith(who, "guardian", "remove", "Gus1", NULL));
    want(5, kith(who, "guardian", "remove", "Gus1", NULL));
    want(5, kith(who, "guardian", "replace", "Gus1", NULL) == 10 ? 5 : 1);
    want(2, kith(who, "guardian", "address", "Gus0", "nowhere", NULL));
    want(2, kith(who, "guardian", "address", "Gus0", NULL));
}

static void wrong_plans(void **state)
{
    (void)state;
    char who[16];
    char link[LINK_TEXT + 2];
    circle_new(who, 3, "2", false);
    want(2, kith(who, "guardian", "replace", "Gus0", NULL));
    assert_true(said("kith guardian replace Gus0 --with NAME LINK"));
    want(5, kith(who, "guardian", "replace", "Nobody", "--with", "Gus1", NULL));
    want(2, kith(who, "guardian", "replace", "Gus0", "--with", "Gus1", NULL));
    assert_true(said("Gus1 guards you already"));
    want(2, kith(who, "guardian", "replace", "Gus0", "--with", "Kim", "KITH1:A", NULL));
    invite_of(1, link); /* the same person under another name */
    want(2, kith(who, "guardian", "replace", "Gus0", "--with", "Kim", link, NULL));
    assert_true(said("same-guardian"));
    want(2, kith(who, "circle", "plan", "-k", "4", NULL));
    want(2, kith(who, "circle", "plan", "-k", "1", NULL));
    /* Two of three less one is two of two; and no further. */
    want(3, kith(who, "guardian", "remove", "Gus0", NULL));
    want(2, kith(who, "guardian", "remove", "Gus1", NULL));
    assert_true(said("2 are needed, but there is only 1."));
    check_epoch(who, 2, "Gus1 Gus2 ");
}

/* A seal that has nothing to do for somebody says so, and how they get a piece. */
static void added_without_a_plan(void **state)
{
    (void)state;
    char who[16];
    char link[LINK_TEXT + 2];
    circle_new(who, 3, "2", true);
    want(0, kith(who, "circle", "seal", NULL));
    assert_false(said("Not in your circle yet"));
    invite_of(3, link);
    want(0, kith(who, "guardian", "add", "Gus3", link, "--reach", "the bakery", NULL));
    want(0, kith(who, "guardian", "add", "Kim", "--card", "--reach", "next door", NULL));
    for (int again = 0; again < 2; again++) {
        want(3, kith(who, "circle", "seal", again ? "--resume" : NULL, NULL));
        assert_true(answered("3 of 3 guardians hold a piece; 2 are needed."));
        assert_true(said("Not in your circle yet: Gus3, Kim."));
        assert_true(said("gets a piece without a plan"));
        assert_true(said("kith circle plan -k 2"));
    }
    want(3, kith(who, "circle", "seal", "--json", NULL));
    assert_true(answered("\"added\":[\"Gus3\",\"Kim\"]"));
    /* A change of the others goes, and leaves them where they are. */
    want(3, kith(who, "circle", "rotate", NULL));
    assert_true(said("Not in your circle yet: Gus3, Kim."));
    want(0, kith(who, "guardian", "remove", "Kim", NULL));
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    want(3, kith(who, "circle", "seal", NULL));
    assert_false(said("Not in your circle yet"));
    check_epoch(who, 3, "Gus0 Gus1 Gus2 Gus3 ");
}

/* ---- killed at every durable write ---- */

typedef int (*verb)(const char *who);

static int rotate(const char *who)
{
    return kith(who, "circle", "rotate", NULL);
}

static char invite[LINK_TEXT + 2];

static int replace(const char *who)
{
    return kith(who, "guardian", "replace", "Gus1", "--with", "Gus3", invite, NULL);
}

static int drop_one(const char *who)
{
    return kith(who, "guardian", "remove", "Gus1", NULL);
}

static int seal_plan(const char *who)
{
    return kith(who, "circle", "seal", NULL);
}

/* One circle; dies a little later in each epoch, until it does not die. */
static void crash(verb run, const char *names, const char *k)
{
    char who[16];
    int code = KILLED;
    unsigned at = 1;
    for (; code == KILLED && at < 100; at++) {
        circle_new(who, 3, "2", false);
        if (run == replace)
            invite_of(3, invite);
        if (run == seal_plan)
            want(0, kith(who, "circle", "plan", "-k", k, NULL));
        die_at = at;
        code = run(who);
        die_at = 0;
        if (code != KILLED)
            break;
        /* Whatever is there, the pieces open the root: the old ones or the new. */
        want(3, kith(who, "status", "--json", NULL));
        assert_true(answered("\"restorable\":true"));
        if (run == replace && at > 1)
            want(3, run(who));
        else if (run(who) != 3)
            want(3, kith(who, "circle", "seal", "--resume", NULL));
        check_epoch(who, 2, names);
    }
    want(3, code);
    check_epoch(who, 2, names);
    print_message("killed at %u points\n", at - 1);
    assert_true(at > 16);
}

static void killed_rotating(void **state)
{
    (void)state;
    crash(rotate, "Gus0 Gus1 Gus2 ", "");
}

static void killed_replacing(void **state)
{
    (void)state;
    crash(replace, "Gus0 Gus3 Gus2 ", "");
}

static void killed_removing(void **state)
{
    (void)state;
    crash(drop_one, "Gus0 Gus2 ", "");
}

static void killed_planned(void **state)
{
    (void)state;
    crash(seal_plan, "Gus0 Gus1 Gus2 ", "3");
}

/* ---- giving up; another device ---- */

static void abandoned(void **state)
{
    (void)state;
    char who[16];
    struct change_stand s;
    circle_new(who, 3, "2", false);
    node_kill(1);
    node_kill(2);
    want(13, kith(who, "circle", "rotate", NULL));
    assert_true(said("Only 1 of 3 guardians' nodes could be reached"));
    stand_of(who, &s);
    assert_int_equal(s.step, CHANGE_SEALING);
    assert_int_equal(s.epoch, 2);
    want(1, kith(who, "circle", "plan", "-k", "3", NULL));
    assert_true(said("--abandon"));
    want(1, kith(who, "guardian", "remove", "Gus0", NULL));
    assert_true(said("change-in-progress"));
    assert_true(said("under way: new pieces for the same guardians."));
    want(3, kith(who, "circle", "seal", "--abandon", NULL));
    assert_true(said("Your circle is as it was before"));
    want(1, kith(who, "circle", "seal", "--abandon", NULL));
    stand_of(who, &s);
    assert_int_equal(s.step, CHANGE_NONE);
    node_start(1);
    node_start(2);
    check_epoch(who, 1, "Gus0 Gus1 Gus2 ");
    /* What could not be told then is told now, and another change of that number goes. */
    want(3, kith(who, "circle", "rotate", NULL));
    check_epoch(who, 2, "Gus0 Gus1 Gus2 ");
    want(1, kith(who, "circle", "seal", "--abandon", NULL));
}

static void copy_home(const char *from, const char *to)
{
    char line[400];
    char a[160];
    char b[160];
    path_of(a, from, "");
    path_of(b, to, "");
    (void)snprintf(line, sizeof line, "%s", a);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("cp", "cp", "-a", line, b, (char *)NULL);
        _exit(98);
    }
    assert_true(pid > 0 && waitpid(pid, NULL, 0) == pid);
}

/* Two homes with one root: the slower one is told, and can give up until COMMIT. */
static void two_devices(void **state)
{
    (void)state;
    char who[16];
    char other[24];
    circle_new(who, 3, "2", false);
    (void)snprintf(other, sizeof other, "%sb", who);
    copy_home(who, other);
    /* The first has prepared at one node when the second begins. */
    node_kill(0);
    node_kill(1);
    want(13, kith(other, "circle", "rotate", NULL));
    node_start(0);
    node_start(1);
    /* It never prepared anything: who is faster wins, the other hears of it. */
    want(3, kith(who, "circle", "rotate", NULL));
    check_epoch(who, 2, "Gus0 Gus1 Gus2 ");
    want(11, kith(other, "circle", "seal", "--resume", "--json", NULL));
    assert_true(answered("\"id\":\"other-device\""));
    assert_true(answered("kith circle seal --abandon"));
    want(0, kith(other, "circle", "seal", "--abandon", NULL));
    want(11, kith(other, "circle", "rotate", NULL));
    check_epoch(who, 2, "Gus0 Gus1 Gus2 ");
}

/* ---- a node that lies, a guardian who was away ---- */

static void a_liar_is_named(void **state)
{
    (void)state;
    char who[16];
    circle_new(who, 3, "2", false);
    for (enum lie l = LIE_WARD; l < LIES; l++) {
        lie = l;
        int code = kith(who, "circle", "rotate", NULL);
        lie = NO_LIE;
        want(13, code);
        assert_true(said("Gus1's node acknowledged something other than what was sent"));
        want(3, kith(who, "status", "--json", NULL));
    }
    want(3, kith(who, "circle", "rotate", NULL));
    check_epoch(who, 2, "Gus0 Gus1 Gus2 ");
}

/* ---- people ---- */

static void people_say_so(void **state)
{
    (void)state;
    char who[16];
    struct change_stand s;
    circle_new(who, 4, "2", true);
    want(0, kith(who, "circle", "seal", NULL));
    node_kill(3); /* away, perhaps for weeks */
    want(3, kith(who, "circle", "rotate", NULL));
    assert_true(said("Gus3"));
    stand_of(who, &s);
    assert_int_equal(s.step, CHANGE_CALLS);
    assert_int_equal(s.missing, 2);
    assert_int_equal(s.judge, 1);
    assert_true(s.behind[3] && !s.call[3] && s.call[0]);
    /* Without people no node lets anything go. */
    want(3, kith(who, "circle", "seal", "--resume", NULL));
    stand_of(who, &s);
    assert_int_equal(s.waiting, 0);
    call(who, 0);
    stand_of(who, &s);
    assert_int_equal(s.missing, 1);
    assert_int_equal(s.waiting, 0);
    /* Another change in between: what one said of the second is no word about the third.
     */
    want(3, kith(who, "guardian", "replace", "Gus3", "--with", "Kim", "--card", "--yes",
                 "one-person", NULL));
    /* Whoever asks for it again hears that it is done. */
    want(3, kith(who, "guardian", "remove", "Gus3", NULL));
    assert_true(said("Gus3 is not among your guardians any more, since circle 3 ("));
    assert_true(said("What Gus3 keeps is one old piece"));
    /* While another change is open, that one is named, and not gone on with. */
    node_kill(0);
    node_kill(1);
    want(13, kith(who, "guardian", "remove", "Gus2", "--yes", "one-person", NULL));
    want(1, kith(who, "guardian", "remove", "Gus3", NULL));
    assert_true(said("Gus3 is not among your guardians any more, since circle 3 ("));
    assert_true(said("Another change of your circle is under way: without Gus2."));
    assert_true(said("kith circle seal --abandon"));
    node_start(0);
    node_start(1);
    want(0, kith(who, "circle", "seal", "--abandon", NULL));
    want(3, kith(who, "guardian", "replace", "Gus3", "--with", "Kim", NULL));
    want(5, kith(who, "guardian", "replace", "Gus3", "--with", "Lea", "--card", NULL));
    want(5, kith(who, "guardian", "replace", "Gus3", NULL));
    stand_of(who, &s);
    assert_int_equal(s.epoch, 3);
    assert_int_equal(s.judge, 1);
    assert_int_equal(s.missing, 2);
    call(who, 0);
    call(who, 1);
    stand_of(who, &s);
    assert_true(s.certified);
    assert_int_equal(s.step, CHANGE_WAITS);
    assert_int_equal(s.waiting, 3);
    assert_true(s.due > quick.now() + DUAL_TIME_S - 600);
    assert_false(s.dead);
    node_start(3);
}

/* Changes on top of one another that nobody confirmed. */
static void unconfirmed(const char *who, const char *const *plans)
{
    for (size_t i = 0; plans[i] != NULL; i++) {
        want(0, kith(who, "circle", "plan", "-k", plans[i], NULL));
        want(3, kith(who, "circle", "seal", NULL));
    }
}

/* What the home knows is said before any node, passphrase or invite is needed. */
static void one_too_many(void **state)
{
    (void)state;
    char who[16];
    char link[LINK_TEXT + 2];
    struct change_stand s;
    static const char *const plans[] = { "2", "3", "2", NULL };
    circle_new(who, 3, "2", true);
    unconfirmed(who, plans);
    check_epoch(who, EPOCHS_OWNER, "Gus0 Gus1 Gus2 ");
    invite_of(3, link);
    for (size_t i = 0; i < 3; i++)
        node_kill(i);
    want(0, kith(who, "circle", "plan", "-k", "3", NULL));
    want(1, kith(who, "circle", "seal", NULL));
    assert_true(said("have to be confirmed first"));
    assert_true(said("Call: Gus0, Gus1, Gus2"));
    assert_true(said("kith guardian confirm Gus0"));
    want(1, kith(who, "guardian", "remove", "Gus2", "--json", NULL));
    assert_true(answered("\"id\":\"no-room\""));
    want(1, kith(who, "guardian", "replace", "Gus1", "--with", "Gus3", link, NULL));
    want(5, kith(who, "guardian", "confirm", "Gus3", NULL));
    for (size_t i = 0; i < 3; i++)
        node_start(i);
    want(3, kith(who, "circle", "rotate", NULL));
    assert_true(said("not confirmed yet; that goes first"));
    want(0, kith(who, "guardian", "add", "Gus3", link, NULL));
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    want(1, kith(who, "circle", "seal", NULL));
    want(1, kith(who, "circle", "seal", "--abandon", NULL)); /* nothing was begun */
    check_epoch(who, EPOCHS_OWNER, "Gus0 Gus1 Gus2 ");
    for (size_t i = 0; i < 2; i++)
        call(who, i);
    stand_of(who, &s);
    assert_int_equal(s.step, CHANGE_WAITS);
    want(7, kith(who, "guardian", "remove", "Gus2", NULL));
    assert_true(said("no room for another change yet"));
    check_epoch(who, EPOCHS_OWNER, "Gus0 Gus1 Gus2 ");
}

/* Where one node has room, only the others can say that they have none. */
static void one_too_many_for_some(void **state)
{
    (void)state;
    char who[16];
    char link[LINK_TEXT + 2];
    static const char *const plans[] = { "2", "3", "2", NULL };
    circle_new(who, 3, "2", true);
    invite_of(3, link);
    want(0, kith(who, "guardian", "add", "Gus3", link, NULL));
    unconfirmed(who, plans);
    check_epoch(who, EPOCHS_OWNER, "Gus0 Gus1 Gus2 Gus3 ");
    want(0, kith(who, "guardian", "add", "Kim", "--card", NULL));
    want(1, kith(who, "guardian", "replace", "Gus2", "--with", "Kim", "--yes",
                 "one-person", NULL));
    assert_true(said("keeps as many circles of yours as it takes"));
    assert_true(said("have to be confirmed first"));
    assert_true(said("Added, and without a piece so far: Kim."));
    assert_true(said("kith guardian confirm Gus0"));
    want(1, kith(who, "circle", "seal", "--abandon", NULL));
    check_epoch(who, EPOCHS_OWNER, "Gus0 Gus1 Gus2 Gus3 ");
}

/* A guardian who missed a whole epoch gets the next one by the certificate of it. */
static void away_for_an_epoch(void **state)
{
    (void)state;
    char who[16];
    struct change_stand s;
    circle_new(who, 4, "2", true);
    node_kill(3);
    want(3, kith(who, "circle", "rotate", NULL));
    call(who, 0);
    call(who, 1);
    want(3, kith(who, "circle", "rotate", NULL)); /* the third; the second is proven */
    node_start(3);
    want(3, kith(who, "circle", "seal", "--resume", NULL));
    check_epoch(who, 3, "Gus0 Gus1 Gus2 Gus3 ");
    stand_of(who, &s);
    assert_int_equal(s.judge, 2);
    call(who, 3);
    call(who, 2);
    stand_of(who, &s);
    assert_true(s.certified);
    assert_int_equal(s.step, CHANGE_WAITS);
    assert_int_equal(s.untold, 0);
}

/* Their word is kept before anything follows from it, wherever the program dies. */
static void killed_confirming(void **state)
{
    (void)state;
    char who[16];
    struct change_stand s;
    int code = KILLED;
    unsigned at = 1;
    circle_new(who, 3, "2", true);
    want(3, kith(who, "circle", "rotate", NULL));
    call(who, 0);
    want(0, kith(who, "guardian", "confirm", "Gus1", NULL));
    gus_types(who, 1);
    for (; code == KILLED && at < 50; at++) {
        die_at = at;
        code = kith(who, "guardian", "confirm", "Gus1", NULL);
        die_at = 0;
    }
    want(0, code);
    assert_true(at > 4);
    want(3, kith(who, "circle", "seal", "--resume", NULL));
    stand_of(who, &s);
    assert_true(s.certified);
    assert_int_equal(s.waiting, 3);
}

/* Prints the card and reads its paper back. */
static void read_back(const char *who, const char *name)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    struct card *c = NULL;
    struct card_line line;
    open_home(who, &h, &d, &u);
    assert_int_equal(secret_new(&c), OK);
    assert_int_equal(card_piece(&h, u, d, bytes_text(name), CARD_LOCKED, c), OK);
    assert_int_equal(card_held(&h, u, d, c->piece, &quick, &line), OK);
    assert_int_equal(line.paper, PAPER_HELD);
    secret_free(c);
    secret_free(u);
    day_free(d);
    home_close(&h);
}

/* The first old card that is named, and whether it is called worthless. */
static bool old_card(const char *who, const char *name, bool *out_dead)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    struct bytes names[4] = { { 0 } };
    open_home(who, &h, &d, &u);
    size_t n = change_cards(d, names, 4, out_dead);
    bool found = n == 1 && bytes_equal(names[0], bytes_text(name));
    day_free(d);
    secret_free(u);
    home_close(&h);
    return found;
}

/*
 * Two of three nodes let the old pieces go: with the card the third, and one that goes
 * back, are enough. Not once the paper is torn up, as the person says.
 */
static void torn_up(const char *who, const char *name)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    open_home(who, &h, &d, &u);
    d->guardians[0].retired = d->guardians[1].retired = d->me.epoch;
    assert_false(change_settle(d));
    assert_int_equal(change_torn(d, bytes_text("Gus0")), ERR_UNKNOWN);
    /* Whose card is newer than the old circle never had paper of it. */
    d->guardians[d->n_guardians++] =
        (struct day_guardian){ .kind = PIECE_CARD,
                               .name = bytes_text("Lou"),
                               .epoch = d->me.epoch,
                               .added = d->past[0].sealed_at + 60 };
    assert_int_equal(change_torn(d, bytes_text("Lou")), OK);
    assert_false(change_settle(d));
    assert_int_equal(change_torn(d, bytes_text(name)), OK);
    assert_true(change_settle(d));
    assert_int_equal(d->n_past, 0);
    day_free(d);
    secret_free(u);
    home_close(&h);
}

/* However many old epochs still count, the keys of the next one have room. */
static void keys_have_room(void **state)
{
    struct root_box *box = NULL;
    struct day *d = calloc(1, sizeof *d);
    (void)state;
    assert_non_null(d);
    assert_int_equal(secret_new(&box), OK);
    d->me.epoch = EPOCHS_MAX;
    box->n_epochs = EPOCHS_MAX;
    for (uint32_t i = 0; i < EPOCHS_MAX; i++) {
        box->epochs[i].epoch = i + 1;
        if (i + 1 < EPOCHS_MAX)
            d->past[d->n_past++].epoch = i + 1;
    }
    seal_prune_keys(box, d, EPOCHS_MAX + 1);
    assert_int_equal(box->n_epochs, EPOCHS_MAX - 1);
    assert_int_equal(box->epochs[box->n_epochs - 1].epoch, EPOCHS_MAX);
    secret_free(box);
    day_free(d);
}

static void cards_change_too(void **state)
{
    (void)state;
    char who[16];
    struct change_stand s;
    bool dead = true;
    owner_new(who, 3);
    want(0, kith(who, "guardian", "add", "Kim", "--card", NULL));
    want(0, kith(who, "circle", "plan", "-k", "3", NULL));
    want(3, kith(who, "circle", "seal", NULL));
    read_back(who, "Kim");
    for (size_t i = 0; i < 3; i++)
        meet(who, i);
    want(0, kith(who, "circle", "seal", NULL));
    assert_false(old_card(who, "Kim", &dead));
    want(3, kith(who, "circle", "rotate", NULL));
    assert_true(said("kith card print Kim"));
    want(1, kith(who, "card", "torn", "Kim", NULL)); /* it is all there is */
    want(5, kith(who, "card", "torn", "Gus0", NULL));
    read_back(who, "Kim");
    check_epoch(who, 2, "Gus0 Gus1 Gus2 Kim ");
    assert_true(old_card(who, "Kim", &dead));
    assert_false(dead);
    /* A card says nothing: all three others of the old circle have to. */
    stand_of(who, &s);
    assert_int_equal(s.missing, 3);
    assert_true(s.possible && !s.call[3]);
    for (size_t i = 0; i < 3; i++)
        call(who, i);
    stand_of(who, &s);
    assert_true(s.certified);
    assert_int_equal(s.waiting, 3);
    torn_up(who, "Kim");
    want(0, kith(who, "card", "torn", "Kim", NULL));
    assert_true(said("Old pieces are left at nodes"));
    assert_false(old_card(who, "Kim", &dead));
    /* One of the three leaves: then two people and a card are left of the first circle,
       and no word of theirs can be enough for a further change. */
    want(3, kith(who, "guardian", "remove", "Gus2", "--yes", "one-person", NULL));
    assert_true(said("Too few of those who guard you now guarded you before"));
    stand_of(who, &s);
    assert_false(s.possible);
    assert_int_equal(s.judge, 2);
}

static void another_address(void **state)
{
    (void)state;
    char who[16];
    char old[32];
    owner_new(who, 2);
    (void)snprintf(old, sizeof old, "%s", nodes[0].listen);
    want(2, kith(who, "guardian", "address", "Gus0", "here", NULL));
    /* Another node is there: nothing changes. */
    assert_int_not_equal(kith(who, "guardian", "address", "Gus0", nodes[1].listen, NULL),
                         0);
    assert_true(said("Nothing was changed"));
    node_kill(0);
    (void)snprintf(nodes[0].listen, sizeof nodes[0].listen, "127.0.0.1:0");
    node_start(0);
    want(0, kith(who, "guardian", "address", "Gus0", nodes[0].listen, NULL));
    want(0, kith(who, "guardian", "list", "--json", NULL));
    assert_true(answered(nodes[0].listen));
    node_kill(0);
    (void)snprintf(nodes[0].listen, sizeof nodes[0].listen, "%s", old);
    node_start(0);
}

/* A seal dies when its pieces are made, the list of guardians among them. */
static void dies_prepared(const char *who)
{
    enum seal_phase phase = SEAL_NEXT;
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    for (unsigned at = 1; at < 100 && phase == SEAL_NEXT; at++) {
        char path[160];
        die_at = at;
        want(KILLED, kith(who, "circle", "seal", NULL));
        die_at = 0;
        path_of(path, who, "");
        assert_int_equal(home_open(path, HOME_READ, &h), OK);
        (void)seal_peek(&h, &phase);
        home_close(&h);
    }
    assert_int_not_equal(phase, SEAL_NEXT);
    open_home(who, &h, &d, &u);
    assert_int_equal(d->me.epoch, 0);
    day_free(d);
    secret_free(u);
    home_close(&h);
}

static void moved_to(size_t i, const char *listen)
{
    node_kill(i);
    (void)snprintf(nodes[i].listen, sizeof nodes[i].listen, "%s", listen);
    node_start(i);
}

/* The list was sealed with the old address: it is written again once the circle counts.
 */
static void another_address_during_a_change(void **state)
{
    (void)state;
    char who[16];
    char old[32];
    owner_new(who, 2);
    (void)snprintf(old, sizeof old, "%s", nodes[0].listen);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    dies_prepared(who);
    moved_to(0, "127.0.0.1:0");
    want(0, kith(who, "guardian", "address", "Gus0", nodes[0].listen, NULL));
    want(3, kith(who, "circle", "seal", NULL));
    want(3, kith(who, "status", "--json", NULL));
    assert_true(answered("kith guardian address Gus0"));
    want(0, kith(who, "guardian", "address", "Gus0", NULL));
    assert_true(said("Every guardian's node has the new list"));
    /* Nothing moved: the next change needs nothing more. */
    want(3, kith(who, "circle", "rotate", NULL));
    want(3, kith(who, "status", "--json", NULL));
    assert_false(answered("kith guardian address Gus0"));
    want(2, kith(who, "guardian", "address", "Gus0", NULL));
    moved_to(0, old);
}

/* Each run gives the nodes the same list: who tries again has not used up their room. */
/* Gus3 is no guardian any more, people confirmed that; spoken is whether Gus3 ever was.
 */
static void part_with(bool spoken, struct day_guardian *out)
{
    char who[16];
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    circle_new(who, 4, "2", false);
    for (size_t i = 0; i < (spoken ? 4 : 3); i++)
        meet(who, i);
    want(3, kith(who, "guardian", "remove", "Gus3", NULL));
    for (size_t i = 0; i < 3; i++)
        call(who, i);
    want(0, kith(who, "circle", "seal", "--resume", NULL));
    assert_true(said("Gus3's node still keeps an old piece."));
    assert_int_equal(said("It shows Gus3 that your circle goes on"), spoken);
    assert_int_equal(said("If Gus3 is there, ask them"), !spoken);
    open_home(who, &h, &d, &u);
    assert_int_equal(d->n_formers, 1);
    *out = d->formers[0];
    assert_int_equal(d->me.cert_epoch, 2);
    day_free(d);
    secret_free(u);
    home_close(&h);
}

/* A node that never saw its epoch confirmed can judge no certificate, and shows none. */
static void only_what_a_node_shows_is_said(void **state)
{
    (void)state;
    struct day_guardian gus;
    part_with(false, &gus);
    assert_int_equal(gus.parted, 0);
    assert_int_equal(gus.unjudged, 2);
    part_with(true, &gus);
    assert_int_equal(gus.parted, 2);
    assert_int_equal(gus.unjudged, 0);
}

static void killed_telling(void **state)
{
    (void)state;
    char who[16];
    char old[32];
    int code = KILLED;
    unsigned at = 1;
    owner_new(who, 2);
    (void)snprintf(old, sizeof old, "%s", nodes[0].listen);
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    want(3, kith(who, "circle", "seal", NULL));
    moved_to(0, "127.0.0.1:0");
    for (; code == KILLED && at < 100; at++) {
        die_at = at;
        code = kith(who, "guardian", "address", "Gus0", nodes[0].listen, NULL);
        die_at = 0;
    }
    want(0, code);
    assert_true(said("Every guardian's node has the new list"));
    assert_true(at > 4);
    moved_to(0, old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_room),
        cmocka_unit_test(cards_change_too),
        cmocka_unit_test(not_sealed),
        cmocka_unit_test(wrong_plans),
        cmocka_unit_test(added_without_a_plan),
        cmocka_unit_test(a_liar_is_named),
        cmocka_unit_test(abandoned),
        cmocka_unit_test(two_devices),
        cmocka_unit_test(people_say_so),
        cmocka_unit_test(away_for_an_epoch),
        cmocka_unit_test(one_too_many),
        cmocka_unit_test(one_too_many_for_some),
        cmocka_unit_test(only_what_a_node_shows_is_said),
        cmocka_unit_test(killed_confirming),
        cmocka_unit_test(another_address),
        cmocka_unit_test(killed_rotating),
        cmocka_unit_test(killed_replacing),
        cmocka_unit_test(killed_removing),
        cmocka_unit_test(killed_planned),
        cmocka_unit_test(another_address_during_a_change),
        cmocka_unit_test(killed_telling),
    };
    (void)setenv("NO_COLOR", "1", 1);
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, sealing_setup, sealing_teardown);
    secret_end();
    return failed;
}
