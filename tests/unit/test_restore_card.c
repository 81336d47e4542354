/* SPDX-License-Identifier: Apache-2.0 */
/* A restore with cards: kept sealed, judged again each time, told by name. No node. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/ceremony_restore.h"
#include "tests/unit/circle.h"

enum { NOW = 1800000000 };

static uint64_t clock_now(void)
{
    return NOW;
}

static const struct params params = {
    .now = clock_now,
    .rng = &crypt_random,
    .cost = { .mem = 8192, .passes = 1 },
    .home_cost = { .mem = 8192, .passes = 1 },
};

static struct circle c; /* 2 of 4, the last two are cards */
static struct root_key root;

static struct home home = { .dir = -1, .lock = -1 };
static struct home_key *key;
static char dir[64];

static void card_at(size_t i, struct card *out)
{
    assert_int_equal(card_of(bytes_of(c.raw, c.raw_n), c.m.pieces[i].piece_key,
                             bytes_text("Kim"), CARD_LOCKED, out),
                     OK);
}

static struct restore *begin(void)
{
    struct restore *r = NULL;

    assert_int_equal(restore_new(&crypt_random, &r), OK);
    return r;
}

/* As the next run of the program finds it. */
static struct restore *again(struct restore *r)
{
    struct restore *next = NULL;

    assert_int_equal(restore_save(&home, key, r, &crypt_random), OK);
    restore_free(r);
    assert_int_equal(restore_load(&home, key, &next), OK);
    return next;
}

static enum restore_state judge(struct restore *r, bool *out_accepted)
{
    AUTO_SECRET struct root_key *got = NULL;

    assert_int_equal(secret_new(&got), OK);
    assert_int_equal(restore_judge(r, &params, got, out_accepted), OK);
    if (*out_accepted)
        assert_memory_equal(got->b, root.b, KEY_BYTES);
    return r->head.state;
}

static void words_of(const uint8_t owner[PUB_BYTES], char out[WORDS_TEXT])
{
    uint16_t words[WORDS_CALL];

    assert_int_equal(words_fingerprint(owner, params.cost, words), OK);
    words_format(words, WORDS_CALL, out, WORDS_TEXT);
}

/* ---- tests ---- */

static void what_is_taken_in(void **state)
{
    AUTO_RESTORE struct restore *r = begin();
    struct card card;
    struct wrapped w = { .epoch = 1 };

    (void)state;
    card_at(2, &card);
    assert_int_equal(restore_add_card(r, c.pieces[2], NULL), OK);
    assert_int_equal(r->cards[0].known, 0);
    assert_int_equal(r->cards[0].index, 2);
    /* Typed once, scanned later: one card, and more is known of it. */
    assert_int_equal(restore_add_card(r, c.pieces[2], &card), ERR_EXISTS);
    assert_int_equal(r->n_cards, 1);
    assert_int_equal(r->cards[0].known, 1);
    assert_int_equal(r->cards[0].epoch, 1);
    assert_int_equal(r->cards[0].need, 2);
    for (size_t i = 0; i < PAPER_WRAPPED; i++) {
        w.sealed[0] = (uint8_t)i;
        assert_int_equal(restore_add_wrapped(r, &w), OK);
        assert_int_equal(restore_add_wrapped(r, &w), ERR_EXISTS);
    }
    w.sealed[0] = PAPER_WRAPPED;
    assert_int_equal(restore_add_wrapped(r, &w), ERR_FULL);
    for (size_t i = 1; i < PAPER_CARDS; i++) {
        uint8_t piece[PIECE_BYTES];

        memcpy(piece, c.pieces[3], PIECE_BYTES);
        piece[PIECE_BYTES - 1] ^= (uint8_t)i;
        assert_int_equal(restore_add_card(r, piece, NULL), OK);
    }
    assert_int_equal(restore_add_card(r, c.pieces[3], NULL), ERR_FULL);
}

/* A locked stack waits from one run to the next, and opens with the sheet alone. */
static void locked_until_the_sheet(void **state)
{
    struct restore *r = begin();
    struct wrapped w;
    struct card card;
    char words[WORDS_TEXT];
    bool accepted = false;
    static uint8_t file[16384];
    char path[96];

    (void)state;
    card_at(3, &card);
    assert_int_equal(restore_add_card(r, c.pieces[2], NULL), OK);
    r = again(r);
    assert_int_equal(judge(r, &accepted), RESTORE_WAITING);
    assert_int_equal(r->head.locked, 0);
    assert_int_equal(r->head.have, 1);
    assert_int_equal(restore_add_card(r, c.pieces[3], &card), OK);
    assert_int_equal(judge(r, &accepted), RESTORE_WAITING);
    assert_int_equal(r->head.locked, 1);
    r = again(r);
    assert_int_equal(r->n_cards, 2);
    assert_int_equal(r->head.locked, 1);
    assert_int_equal(r->cards[1].known, 1);
    /* What it holds of them is sealed. */
    (void)snprintf(path, sizeof path, "%s/home/restore", dir);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(file, 1, sizeof file, f);
    (void)fclose(f);
    assert_true(n > 200);
    for (size_t i = 2; i < 4; i++)
        assert_null(memmem(file, n, c.pieces[i] + SLIP39_HEADER, 16));
    assert_int_equal(wrapped_of(bytes_of(c.raw, c.raw_n), &w), OK);
    assert_int_equal(restore_add_wrapped(r, &w), OK);
    r = again(r);
    r->head.sources_differ = 1; /* of which paper knows nothing */
    assert_int_equal(judge(r, &accepted), RESTORE_UNCONFIRMED);
    assert_false(accepted);
    assert_int_equal(r->head.locked, 0);
    words_of(c.m.pieces[0].piece_key, words);
    assert_int_equal(restore_accept(r, bytes_text(words)), OK);
    assert_int_equal(judge(r, &accepted), RESTORE_UNCONFIRMED);
    assert_false(accepted);
    words_of(c.m.owner, words);
    assert_int_equal(restore_accept(r, bytes_text(words)), OK);
    assert_int_equal(judge(r, &accepted), RESTORE_UNCONFIRMED);
    assert_true(accepted);
    assert_memory_equal(r->head.owner, c.m.owner, PUB_BYTES);
    restore_free(r);
}

/* Who keeps a card is told by a roster: of those that were read, and of the others. */
static void names_from_a_roster(void **state)
{
    struct restore *r = begin();
    AUTO_FREE struct restore_open *o = NULL;
    AUTO_FREE struct roster *roster = calloc(1, sizeof *roster);
    AUTO_BLOB struct home_blob text = { 0 };
    AUTO_FREE struct restore_open *seen = NULL;
    static uint8_t raw[ROSTER_MAX];
    uint8_t at[ADDRESS_MAX];
    struct buf b = BUF_OF(raw);
    struct buf a = BUF_OF(at);
    const struct address address = {
        .kind = ADDRESS_IP4, .port = 7844, .host_n = 4, .host = { 10, 0, 0, 1 }
    };

    (void)state;
    assert_non_null(roster);
    address_put(&address, &a);
    roster->epoch = 1;
    roster->n_entries = 1;
    roster->entries[0].name = bytes_text("Ben");
    roster->entries[0].n_addresses = 1;
    roster->entries[0].addresses[0].at = buf_bytes(&a);
    roster->n_cards = 2;
    roster->cards[0] = (struct roster_card){ .name = bytes_text("Kim"),
                                             .reach = bytes_text("the blue house"),
                                             .index = 2 };
    roster->cards[1] = (struct roster_card){ .name = bytes_text("Lea"), .index = 3 };
    wire_put(&roster_schema, roster, &b);
    assert_false(b.over);
    assert_int_equal(restore_add_card(r, c.pieces[3], NULL), OK);
    r->n = 1;
    r->entries[0].token = bytes_of(raw, TOKEN_BYTES);
    r->entries[0].n_addresses = 1;
    r->entries[0].addresses[0].at = buf_bytes(&a);
    r->entries[0].roster = buf_bytes(&b);
    assert_int_equal(restore_lines(r, &o), OK);
    assert_int_equal(o->n_lines, 1);
    assert_int_equal(o->n_cards, 2);
    assert_int_equal(o->cards[0].read, 1);
    assert_memory_equal(o->cards[0].name.p, "Lea", 3);
    assert_int_equal(o->cards[1].read, 0);
    assert_memory_equal(o->cards[1].name.p, "Kim", 3);
    assert_memory_equal(o->cards[1].reach.p, "the blue house", 14);
    /* And without the passphrase, from the file. */
    r = again(r);
    assert_int_equal(restore_look(&home, &text, &seen), OK);
    assert_int_equal(seen->n_cards, 2);
    assert_memory_equal(seen->cards[1].name.p, "Kim", 3);
    /* One of another circle is not called by the name of who has that place here. */
    r->cards[0].verdict = VERDICT_STALE_EPOCH;
    free(o);
    o = NULL;
    assert_int_equal(restore_lines(r, &o), OK);
    assert_int_equal(o->n_cards, 3);
    assert_int_equal(o->cards[0].name.n, 0);
    restore_free(r);
}

static int setup(void **state)
{
    static const struct manifest_group plan = { 2, 4 };
    char path[96];

    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/kith-restore-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/home", dir);
    rng_fill(&crypt_random, root.b, KEY_BYTES);
    c.n_cards = 2;
    circle_make(&c, &root, 1, &plan, 1, 1);
    return home_open(path, HOME_MAKE, &home) == OK &&
                   home_key_new(NULL, params.cost, &crypt_random, &key) == OK
               ? 0
               : -1;
}

static int sweep(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    home_close(&home);
    secret_free(key);
    return nftw(dir, sweep, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_in),
        cmocka_unit_test(locked_until_the_sheet),
        cmocka_unit_test(names_from_a_roster),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    secret_end();
    return failed;
}
