/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing at real nodes (kithd on loopback), the client in child processes: killed at
 * every durable write, with nodes away, with acknowledgements that are not right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/slip39.h"
#include "tests/unit/sealing.h"

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
    /* A sealed circle stays as it is until another one is. */
    want(0, kith(who, "circle", "plan", "-k", "2", NULL));
    assert_true(said("your circle is as it was"));
    want(0, kith(who, "circle", "show", NULL));
    assert_true(answered("3 of these 3"));
    want(0, kith(who, "circle", "seal", "--abandon", NULL));
    check_sealed(who, 3);
    want(1, kith(who, "circle", "seal", "--abandon", NULL));
    assert_true(said("no-change"));
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
        d->guardians[i].confirmed = quick.now();
    d->me.owner_tested = d->me.watched = quick.now();
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
    int failed = cmocka_run_group_tests(tests, sealing_setup, sealing_teardown);
    secret_end();
    return failed;
}
