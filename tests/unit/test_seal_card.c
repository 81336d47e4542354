/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circles with cards, sealed at real nodes: what is dealt to a card is kept until its
 * paper was read back, through every cut of the power, and never in clear.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/circle_card.h"
#include "proto/slip39.h"
#include "tests/unit/sealing.h"

/* An owner with n guardians at nodes and two cards, Kim and Lea; any k of them. */
static void cards_new(char who[16], size_t n, const char *k)
{
    owner_new(who, n);
    want(0, kith(who, "guardian", "add", "Kim", "--card", "--reach", "the blue house",
                 NULL));
    want(0, kith(who, "guardian", "add", "Lea", "--card", NULL));
    want(0, kith(who, "circle", "plan", "-k", k, "--yes", "cards-alone", "--yes",
                 "one-person", "--yes", "one-domain", NULL));
}

/* What the home gives to be printed. */
static enum err print(const char *who, const char *name, enum card_kind kind,
                      struct card *out)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    open_home(who, &h, &d, &u);
    enum err e = card_piece(&h, u, d, bytes_text(name), kind, out);
    secret_free(u);
    day_free(d);
    home_close(&h);
    return e;
}

struct reading {
    const char *who;
    uint8_t piece[PIECE_BYTES];
    struct card_line line;
};

static int read_run(void *arg)
{
    struct reading *r = arg;
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    open_home(r->who, &h, &d, &u);
    enum err e = card_held(&h, u, d, r->piece, &quick, &r->line);
    secret_free(u);
    day_free(d);
    home_close(&h);
    return (int)e;
}

/* Reads that piece back. */
static enum err read_back(const char *who, const uint8_t piece[PIECE_BYTES],
                          struct card_line *out)
{
    struct reading r = { .who = who };
    memcpy(r.piece, piece, PIECE_BYTES);
    enum err e = (enum err)read_run(&r);
    *out = r.line;
    out->g = NULL; /* of a day that is gone */
    return e;
}

static bool has_cards(const char *who)
{
    char path[160];
    char text[8];
    path_of(path, who, "cards");
    return file_read(path, text, sizeof text) > 0;
}

/* Two pieces open what the manifest of the card's epoch wraps. */
static void opens(const char *who, const struct card *a, const struct card *b)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    struct slip39_share *shares = NULL;
    struct escrow_key *escrow = NULL;
    struct root_key *root = NULL;
    open_home(who, &h, &d, &u);
    assert_int_equal(secret_alloc(2 * sizeof *shares, (void **)&shares), OK);
    assert_int_equal(secret_new(&escrow), OK);
    assert_int_equal(secret_new(&root), OK);
    assert_int_equal(slip39_piece_decode(BYTES_OF(a->piece), &shares[0]), OK);
    assert_int_equal(slip39_piece_decode(BYTES_OF(b->piece), &shares[1]), OK);
    assert_int_equal(slip39_combine_key(shares, 2, escrow), OK);
    assert_int_equal(wrapped_open(&a->wrapped, escrow, root), OK);
    assert_true(secret_equal(root->b, u->root.b, KEY_BYTES));
    secret_free(root);
    secret_free(escrow);
    secret_free(shares);
    secret_free(u);
    day_free(d);
    home_close(&h);
}

/* ---- tests ---- */

static void wrong_first(void **state)
{
    (void)state;
    char who[16];
    struct card c;
    want(5, kith("nobody", "guardian", "add", "Kim", "--card", NULL));
    owner_new(who, 0);
    want(2, kith(who, "guardian", "add", "Kim", "KITH1:AAAA", "--card", NULL));
    assert_true(said("card-or-link"));
    want(2, kith(who, "guardian", "add", "Kim", "--card", "--contact", "me", NULL));
    want(2, kith(who, "guardian", "add", "", "--card", NULL));
    want(0, kith(who, "guardian", "add", "Kim", "--card", NULL));
    want(2, kith(who, "guardian", "add", "kim", "--card", NULL));
    assert_true(said("already-added"));
    want(0, kith(who, "guardian", "add", "Lea", "--card", NULL));
    want(2, kith(who, "circle", "plan", "-k", "2", "--yes", "cards-alone", NULL));
    assert_true(said("no-node"));
    assert_int_equal(print(who, "Kim", CARD_LOCKED, &c), ERR_STATE);
    assert_int_equal(print(who, "Kay", CARD_LOCKED, &c), ERR_UNKNOWN);
    want(0, kith(who, "guardian", "list", "--json", NULL));
    assert_true(answered("\"kind\":\"card\""));
    /* The number that is needed on cards alone wants a word. */
    cards_new(who, 2, "2");
    want(2, kith(who, "circle", "plan", "-k", "2", NULL));
    assert_true(said("--yes cards-alone"));
    want(2, kith(who, "circle", "plan", "-k", "3", NULL));
    assert_true(said("--yes one-person"));
    want(0, kith(who, "circle", "plan", "-k", "4", NULL));
    assert_true(answered("With all cards at hand, at least 2 people must say yes."));
    assert_false(has_cards(who));
    assert_int_equal(print(who, "Gus0", CARD_LOCKED, &c), ERR_ARG);
}

static void counts_once_read_back(void **state)
{
    (void)state;
    char who[16];
    struct card kim;
    struct card lea;
    struct card_line line;
    cards_new(who, 2, "3");
    want(3, kith(who, "circle", "seal", NULL));
    assert_true(answered("2 of 4 guardians hold a piece; 3 are needed."));
    assert_true(said("kith card print Kim"));
    want(8, kith(who, "status", "--json", NULL));
    assert_true(answered("\"stored\":2"));
    assert_true(answered("\"kith card print Kim\""));
    assert_int_equal(print(who, "Kim", CARD_LOCKED, &kim), OK);
    assert_int_equal(print(who, "Lea", CARD_STANDALONE, &lea), OK);
    assert_false(secret_equal(kim.piece, lea.piece, PIECE_BYTES));
    assert_int_equal(kim.need, 3);
    not_on_disk(who, kim.piece + SLIP39_HEADER, 16);
    not_on_disk(who, lea.piece + SLIP39_HEADER, 16);
    lea.piece[20] ^= 1;
    assert_int_equal(read_back(who, lea.piece, &line), ERR_UNKNOWN);
    lea.piece[20] ^= 1;
    assert_int_equal(read_back(who, lea.piece, &line), OK);
    assert_int_equal(line.paper, PAPER_HELD);
    assert_int_equal(print(who, "Lea", CARD_LOCKED, &lea), ERR_USED);
    assert_int_equal(print(who, "Kim", CARD_LOCKED, &kim), OK);
    want(3, kith(who, "status", "--json", NULL));
    assert_true(answered("\"stored\":3"));
    assert_true(answered("\"restorable\":true"));
    want(3, kith(who, "circle", "seal", "--resume", NULL));
    assert_true(said("kith card print Kim"));
    assert_false(said("Lea"));
    assert_int_equal(read_back(who, kim.piece, &line), OK);
    assert_int_equal(read_back(who, kim.piece, &line), OK);
    assert_false(has_cards(who));
    check_sealed(who, 4);
    want(3, kith(who, "circle", "seal", "--json", NULL)); /* nobody was spoken with */
    assert_true(answered("\"stored\":4"));
    assert_true(answered("\"confirmed\":2"));
    want(0, kith(who, "circle", "sheet", NULL));
    assert_true(answered("the blue house"));
    assert_true(answered("a card with 33 words"));
}

/* Too few nodes: with the cards that were read back it goes on. */
static void stands_in_for_a_node(void **state)
{
    (void)state;
    char who[16];
    struct card kim;
    struct card lea;
    struct card_line line;
    cards_new(who, 2, "2");
    node_kill(0);
    /* Before the pieces are made a card does not exist: one node is too few. */
    want(13, kith(who, "circle", "seal", NULL));
    assert_int_equal(print(who, "Kim", CARD_LOCKED, &kim), ERR_STATE);
    node_start(0);
    cards_new(who, 3, "2");
    for (unsigned at = 1; at < 100 && !has_cards(who); at++) {
        die_at = at;
        want(KILLED, kith(who, "circle", "seal", NULL));
    }
    die_at = 0;
    node_kill(0);
    node_kill(1);
    want(13, kith(who, "circle", "seal", NULL));
    want(13, kith(who, "circle", "seal", NULL));
    assert_true(said("kith card print Kim"));
    want(10, kith(who, "status", NULL));
    assert_int_equal(print(who, "Kim", CARD_STANDALONE, &kim), OK);
    assert_int_equal(print(who, "Lea", CARD_STANDALONE, &lea), OK);
    opens(who, &kim, &lea);
    assert_int_equal(read_back(who, kim.piece, &line), OK);
    want(13, kith(who, "circle", "seal", NULL));
    assert_int_equal(read_back(who, lea.piece, &line), OK);
    assert_int_equal(line.paper, PAPER_HELD);
    want(3, kith(who, "circle", "seal", NULL));
    assert_true(answered("3 of 5 guardians hold a piece"));
    node_start(0);
    node_start(1);
    want(3, kith(who, "circle", "seal", NULL));
    check_sealed(who, 5);
    assert_false(has_cards(who));
}

/* Dies at each durable write in turn: what is active is always there to be printed. */
static void killed_while_sealing(void **state)
{
    (void)state;
    char who[16];
    int code = KILLED;
    unsigned at = 1;
    for (; code == KILLED && at < 100; at++) {
        struct card kim;
        struct card lea;
        cards_new(who, 2, "2");
        die_at = at;
        code = kith(who, "circle", "seal", NULL);
        die_at = 0;
        want(3, kith(who, "circle", "seal", "--resume", NULL));
        assert_int_equal(print(who, "Kim", CARD_STANDALONE, &kim), OK);
        assert_int_equal(print(who, "Lea", CARD_STANDALONE, &lea), OK);
        assert_memory_equal(kim.manifest, lea.manifest, HASH_BYTES);
        opens(who, &kim, &lea);
    }
    assert_int_equal(code, 3);
    print_message("killed at %u points\n", at - 2);
    assert_true(at > 14);
}

/* Until the day box says that it was read back it can be printed, and never after. */
static void killed_while_reading_back(void **state)
{
    (void)state;
    char who[16];
    int code = KILLED;
    unsigned at = 1;
    for (; code == KILLED && at < 100; at++) {
        struct card kim;
        struct card_line line;
        struct reading r = { 0 };
        cards_new(who, 2, "2");
        want(3, kith(who, "circle", "seal", NULL));
        assert_int_equal(print(who, "Kim", CARD_LOCKED, &kim), OK);
        r.who = who;
        memcpy(r.piece, kim.piece, PIECE_BYTES);
        die_at = at;
        code = child(read_run, &r);
        die_at = 0;
        enum err e = print(who, "Kim", CARD_LOCKED, &kim);
        assert_true(e == OK || e == ERR_USED);
        assert_int_equal(read_back(who, kim.piece, &line), OK);
        assert_int_equal(line.paper, PAPER_HELD);
        assert_int_equal(print(who, "Kim", CARD_LOCKED, &kim), ERR_USED);
        assert_int_equal(print(who, "Lea", CARD_LOCKED, &kim), OK);
        assert_int_equal(read_back(who, kim.piece, &line), OK);
        assert_false(has_cards(who));
    }
    assert_int_equal(code, OK);
    assert_true(at > 5);
}

/* The file of another circle, or of another root: nothing of it counts here. */
static void foreign_cards(void **state)
{
    (void)state;
    char who[16];
    char other[16];
    char from[160];
    char to[160];
    struct card c;
    struct card_line line;
    cards_new(who, 2, "2");
    cards_new(other, 2, "2");
    want(3, kith(who, "circle", "seal", NULL));
    want(3, kith(other, "circle", "seal", NULL));
    assert_int_equal(print(who, "Kim", CARD_LOCKED, &c), OK);
    path_of(from, who, "cards");
    path_of(to, other, "cards");
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(read_back(other, c.piece, &line), ERR_UNKNOWN);
    assert_int_equal(print(other, "Kim", CARD_LOCKED, &c), ERR_STATE);
    assert_int_equal(print(who, "Kim", CARD_LOCKED, &c), ERR_STATE);
    want(3, kith(other, "status", NULL)); /* and it stays as it is */
    assert_true(has_cards(other));
    assert_int_equal(truncate(to, 60), 0);
    assert_int_equal(print(other, "Kim", CARD_LOCKED, &c), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_first),
        cmocka_unit_test(counts_once_read_back),
        cmocka_unit_test(stands_in_for_a_node),
        cmocka_unit_test(foreign_cards),
        cmocka_unit_test(killed_while_reading_back),
        cmocka_unit_test(killed_while_sealing),
    };
    (void)setenv("NO_COLOR", "1", 1);
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, sealing_setup, sealing_teardown);
    secret_end();
    return failed;
}
