/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kith check and kith drill against the real handlers: what each kind of cheating node is
 * caught at, who is named, and that no byte of a piece moves or stays in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/check.h"
#include "tests/sim/liar.h"
#include "tests/sim/play.h"
#include "tests/unit/residue.h"

enum { N = 3, DAY = 86400, PIECES = 64 };

/* ---- the pieces, masked, as they were made ---- */

static struct {
    uint8_t masked[PIECES][PIECE_BYTES];
    size_t n;
    size_t seen;   /* bytes that passed */
    size_t leaked; /* windows of a piece among them */
    size_t kept;   /* in this process's memory while a node answered */
    bool deep;     /* look there too */
} pieces;

void real_piece_public(const uint8_t piece[PIECE_BYTES],
                       uint8_t out_pub[PUB_BYTES]) __asm__("__real_piece_public");
void wrap_piece_public(const uint8_t piece[PIECE_BYTES],
                       uint8_t out_pub[PUB_BYTES]) __asm__("__wrap_piece_public");

void wrap_piece_public(const uint8_t piece[PIECE_BYTES], uint8_t out_pub[PUB_BYTES])
{
    if (pieces.n < PIECES)
        residue_mask(piece, PIECE_BYTES, pieces.masked[pieces.n++]);
    real_piece_public(piece, out_pub);
}

static size_t windows(struct bytes in)
{
    size_t hits = 0;

    for (size_t i = 0; i < pieces.n; i++)
        hits += residue_in(in.p, in.n, BYTES_OF(pieces.masked[i]));
    return hits;
}

/* Begin and end of the first pieces: more would take a minute. */
static size_t in_memory(void)
{
    size_t hits = 0;

    for (size_t i = 0; i < pieces.n && i < 2; i++) {
        const uint8_t *p = pieces.masked[i];
        hits += residue_count(bytes_of(p, RESIDUE_WINDOW));
        hits += residue_count(bytes_of(p + PIECE_BYTES - RESIDUE_WINDOW, RESIDUE_WINDOW));
    }
    return hits;
}

/* Both ways on the line, and each body as the node has it in clear. */
static void listens(struct bytes seen)
{
    pieces.seen += seen.n;
    pieces.leaked += windows(seen);
    if (!pieces.deep || SANITIZED)
        return;
    pieces.kept += in_memory();
    pieces.deep = false; /* once is slow enough */
}

/* ---- the circle ---- */

static bool said(const char *what)
{
    return strstr(play_said(), what) != NULL;
}

static bool answered(const char *what)
{
    return strstr(play_out(), what) != NULL;
}

/* An item of that many letters, of which no part is like another. */
static void item(const char *name, size_t bytes)
{
    static char text[3500000];
    uint32_t x = 1;

    assert_true(bytes < sizeof text);
    for (size_t i = 0; i < bytes; i++) {
        x = x * 1664525U + 1013904223U;
        text[i] = (char)('a' + (x >> 24) % 23);
    }
    text[bytes] = 0;
    KITH_FINE("Ana", "secret", "add", name, "--no-push", "--type", "file", "--file",
              play_file(text));
}

static void ward_of(size_t i, const char *owner, uint8_t out[ID_BYTES])
{
    struct play_guardian g;

    play_sit(i, owner, &g);
    memcpy(out, g.ward, ID_BYTES);
    play_rise(&g);
}

static int open_circle(void **state)
{
    static uint64_t seed = 170;

    (void)state;
    memset(&pieces, 0, sizeof pieces);
    memset(&liar, 0, sizeof liar);
    play_open(N, seed++);
    play_circle("Ana", N, 2, "0");
    item("letter", 150000);
    item("note", 300);
    KITH_FINE("Ana", "vault", "push");
    return 0;
}

static int close_circle(void **state)
{
    (void)state;
    net_listen(NULL);
    play_close();
    return 0;
}

static void lies(size_t node, enum lie lie)
{
    ward_of(node, "Ana", liar.ward);
    liar.lie = lie;
}

/* ---- checks ---- */

static void test_honest_nodes_agree(void **state)
{
    (void)state;
    KITH_FINE("Ana", "check");
    assert_true(answered("Ben: all there"));
    assert_true(answered("Dora: all there"));
    assert_true(said("3 of 3 nodes proved that they hold what they should."));
    KITH_FINE("Ana", "check", "--json");
    assert_true(answered("\"schema\": \"kith.check/1\"") ||
                answered("\"schema\":\"kith.check/1\""));
    assert_true(answered("\"state\":\"ok\""));
    assert_false(answered("\"caught\":1"));
}

static const struct {
    enum lie lie;
    const char *fault;
    const char *text;
} told[] = {
    { ONLY_A_HASH, "\"fault\":\"piece\"", "keeps something else" },
    { FLIPPED_BIT, "\"fault\":\"piece\"", "keeps something else" },
    { ANOTHER_BLOB, "\"fault\":\"piece\"", "keeps something else" },
    { NO_EPOCH, "\"fault\":\"gone\"", "does not have what it acknowledged" },
    { VAULT_FLIPPED, "\"fault\":\"vault\"", "of your vault" },
    { VAULT_HASHES, "\"fault\":\"vault\"", "of your vault" },
    { NO_VAULT, "\"fault\":\"vault-lost\"", "has lost parts of your vault" },
};

static void test_each_cheat_is_caught_and_named(void **state)
{
    (void)state;
    KITH_FINE("Oto", "init", "--name", "Oto", "--no-passphrase");
    play_ward("Oto", 2);
    ward_of(1, "Oto", liar.other);
    KITH_FINE("Oto", "circle", "plan", "-k", "2", "--hold", "0");
    KITH_FINE("Oto", "circle", "seal");
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        lies(1, told[i].lie);
        assert_int_equal(KITH("Ana", "check", "--json"), EXIT_INTEGRITY);
        assert_true(answered(told[i].fault));
        assert_true(answered("\"agree\":2"));
        liar.lie = HONEST;
        KITH_FINE("Ana", "vault", "push");
        lies(1, told[i].lie);
        assert_int_equal(KITH("Ana", "check"), EXIT_INTEGRITY);
        assert_true(answered("Cy: Cy's node"));
        assert_true(answered(told[i].text));
        assert_true(said("Ask Cy what happened to it"));
        liar.lie = HONEST;
        KITH_FINE("Ana", "vault", "push");
        KITH_FINE("Ana", "check");
    }
}

static void test_without_enough_pieces_it_says_lost(void **state)
{
    (void)state;
    liar.lie = NO_EPOCH;
    liar.everybody = true;
    assert_int_equal(KITH("Ana", "check"), EXIT_LOST);
    liar.lie = HONEST;
    KITH_FINE("Ana", "check");
}

/* Nothing of the circle is wrong, and status says how the node gets it again. */
static void test_who_lost_the_list_gets_it_again(void **state)
{
    struct address a = { 0 };
    char at[ADDRESS_TEXT];

    (void)state;
    net_port(0, 7999);
    net_address(0, &a);
    address_format(&a, at, sizeof at);
    KITH_FINE("Ana", "guardian", "address", "Ben", at);
    KITH_FINE("Ana", "check");
    (void)KITH("Ana", "status", "--json");
    assert_false(answered("\"id\":\"list\""));
    lies(1, NO_LIST);
    KITH_FINE("Ana", "check");
    (void)KITH("Ana", "status", "--json");
    assert_true(answered("\"id\":\"list\"") && answered("kith guardian address Cy"));
    liar.lie = HONEST;
    KITH_FINE("Ana", "guardian", "address", "Cy");
    KITH_FINE("Ana", "check");
    (void)KITH("Ana", "status", "--json");
    assert_false(answered("\"id\":\"list\""));
}

static void test_who_is_away_is_said(void **state)
{
    (void)state;
    net_fault(2, NET_SILENT);
    assert_int_equal(KITH("Ana", "check"), EXIT_DEGRADED);
    assert_true(answered("Dora: Dora's node"));
    net_fault(0, NET_SILENT);
    net_fault(1, NET_SILENT);
    assert_int_equal(KITH("Ana", "check"), EXIT_AWAY);
    net_fault(0, NET_FINE);
    net_fault(1, NET_FINE);
    net_fault(2, NET_FINE);
    KITH_FINE("Ana", "check");
}

/* The bytes are all there, and perhaps nobody can open them: as status has it. */
static void test_new_keys_of_a_guardian_are_said(void **state)
{
    (void)state;
    KITH_FINE("Ben", "guard", "reset", "--no-passphrase", "--yes", "reset");
    assert_int_equal(KITH("Ana", "check"), EXIT_DEGRADED);
    assert_true(answered("Ben: all there"));
    assert_true(answered("Ben has new keys since"));
    assert_true(said("kith drill Ben"));
    assert_false(answered("Cy has new keys"));
    assert_int_equal(KITH("Ana", "status"), EXIT_DEGRADED);
    assert_true(said("Ben has new keys since"));
    /* It stands while the node is silent. */
    net_fault(0, NET_SILENT);
    assert_int_equal(KITH("Ana", "check"), EXIT_DEGRADED);
    assert_true(answered("Ben has new keys since"));
    net_fault(0, NET_FINE);
    KITH_FINE("Cy", "guard", "reset", "--no-passphrase", "--yes", "reset");
    assert_int_equal(KITH("Ana", "check", "--json"), EXIT_LOST);
    assert_true(answered("\"restorable\":false") && answered("\"reset_at\":null"));
    assert_true(answered("\"reset_at\":1"));
    assert_int_equal(KITH("Ana", "status"), EXIT_LOST);
}

static void test_no_byte_of_a_piece_moves(void **state)
{
    (void)state;
    assert_int_equal(pieces.n, N);
    net_listen(listens);
    pieces.deep = true;
    KITH_FINE("Ana", "check");
    assert_true(pieces.seen > 1000);
    assert_int_equal(pieces.leaked, 0);
    assert_int_equal(pieces.kept, 0);
    if (SANITIZED)
        print_message("skipped: the memory, which a sanitizer keeps\n");
    else
        assert_int_equal(in_memory(), 0);
}

/* The guardian says that a change was the owner's: both say their words. */
static void confirms(size_t i)
{
    char line[WORDS_TEXT];

    KITH_FINE("Ana", "guardian", "confirm", play_names[i]);
    play_line(line, sizeof line);
    KITH_FINE(play_names[i], "guard", "confirm", "Ana", "--words-file", play_file(line),
              "--verified", "called");
    play_line(line, sizeof line);
    KITH_FINE("Ana", "guardian", "confirm", play_names[i], "--answer-file",
              play_file(line));
}

static void test_after_a_change_the_new_pieces_are_checked(void **state)
{
    (void)state;
    KITH_FINE("Ana", "check");
    (void)KITH("Ana", "circle", "rotate");
    (void)KITH("Ana", "status", "--json");
    assert_true(answered("\"epoch\":2") && answered("\"checked\":0"));
    assert_true(answered("\"openable\":null"));
    KITH_FINE("Ana", "check");
    (void)KITH("Ana", "status", "--json");
    assert_true(answered("\"checked\":3"));
    lies(1, OLDER_EPOCH);
    assert_int_equal(KITH("Ana", "check", "--json"), EXIT_INTEGRITY);
    assert_true(answered("\"fault\":\"piece\""));
    (void)KITH("Ana", "status", "--json");
    assert_true(answered("\"stored\":2") && answered("\"checked\":2"));
    liar.lie = HONEST;
    KITH_FINE("Ana", "check");
    /* Who confirms a change has opened the new piece. */
    confirms(0);
    (void)KITH("Ana", "status", "--json");
    assert_true(answered("\"openable\":1"));
    (void)KITH("Ana", "status", "--json");
    assert_true(answered("\"openable\":1"));
}

static void test_more_objects_than_one_check_compares(void **state)
{
    (void)state;
    item("film", 3400000);
    KITH_FINE("Ana", "vault", "push");
    KITH_FINE("Ana", "check");
    assert_true(answered("Ben: all there, and 64 of "));
    KITH_FINE("Ana", "check");
    lies(0, NO_VAULT);
    assert_int_equal(KITH("Ana", "check"), EXIT_INTEGRITY);
}

/* ---- the timer ---- */

static void test_the_timer_checks_once_a_week(void **state)
{
    (void)state;
    KITH_FINE("Ana", "check", "--due");
    assert_true(play_said()[0] == 0 && play_out()[0] == 0); /* all is well */
    liar.lie = FLIPPED_BIT;
    liar.everybody = true;
    KITH_FINE("Ana", "check", "--due"); /* not due */
    play_wait(6 * DAY);
    KITH_FINE("Ana", "check", "--due");
    play_wait(2 * DAY);
    assert_int_equal(KITH("Ana", "check", "--due"), EXIT_LOST);
    assert_true(said("Ben's node keeps something else"));
    KITH_FINE("New", "init", "--name", "New", "--no-passphrase");
    KITH_FINE("New", "check", "--due"); /* no circle, nothing to do */
    assert_int_equal(KITH("New", "check"), EXIT_NO_CIRCLE);
    assert_int_equal(KITH("New", "drill"), EXIT_NO_CIRCLE);
}

static void test_the_timer_asks_for_drills_that_are_due(void **state)
{
    (void)state;
    play_wait(13 * DAY);
    KITH_FINE("Ana", "check", "--due");
    KITH_FINE("Ana", "drill");
    assert_true(answered("No drill is due. The next one: Ben, "));
    play_wait(8 * DAY);
    KITH_FINE("Ana", "check", "--due");
    assert_true(said("kith guard drill"));
    for (size_t i = 0; i < N; i++)
        KITH_FINE(play_names[i], "guard", "drill");
    play_wait(8 * DAY);
    KITH_FINE("Ana", "check", "--due");
    assert_true(play_said()[0] == 0);
    KITH_FINE("Ana", "drill");
    /* 76 days after the first one, which was 8 days ago. */
    assert_true(answered("No drill is due. The next one: Ben, in 68 days."));
}

/* ---- what the timer tells the programs of the alerts ---- */

enum { HEARD = 16 };

static json_t *heard_[HEARD];

/* What the program was handed so far, one document a time; how many. */
static size_t heard(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t n = 0;

    for (size_t i = 0; i < HEARD; i++) {
        json_decref(heard_[i]);
        heard_[i] = NULL;
    }
    while (f != NULL && n < HEARD &&
           (heard_[n] = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL)) != NULL)
        n++;
    assert_true(f == NULL || fclose(f) == 0);
    return n;
}

static const char *text_in(const json_t *doc, const char *member)
{
    const char *text = json_string_value(json_object_get(doc, member));
    assert_non_null(text);
    return text;
}

/* That event about that guardian: what it says, with the name in it, and the command. */
static void heard_of(const char *event, const char *who, const char *what,
                     const char *next)
{
    for (size_t i = 0; i < HEARD && heard_[i] != NULL; i++) {
        if (strcmp(text_in(heard_[i], "event"), event) != 0 ||
            strcmp(text_in(heard_[i], "who"), who) != 0)
            continue;
        assert_string_equal(text_in(heard_[i], "schema"), "kith.alert/1");
        assert_string_equal(text_in(heard_[i], "next"), next);
        assert_non_null(strstr(text_in(heard_[i], "what"), who));
        assert_non_null(strstr(text_in(heard_[i], "what"), what));
        return;
    }
    fail_msg("no program was told %s about %s", event, who);
}

/* A program that keeps what it reads. */
static void tells_to(const char *path)
{
    char line[512];

    (void)snprintf(line, sizeof line, "cat >>'%s'", path);
    KITH_FINE("Ana", "alert", "add", "exec:/bin/sh", play_file(line));
}

static void test_the_timer_tells_programs(void **state)
{
    char path[256];

    (void)state;
    (void)snprintf(path, sizeof path, "%s", play_home("told"));
    KITH_FINE("Ana", "alert", "add", "exec:/bin/false");
    play_wait(15 * DAY);
    lies(1, FLIPPED_BIT);
    assert_int_equal(KITH("Ana", "check", "--due"), EXIT_INTEGRITY);
    KITH_FINE("Ana", "alert", "remove", "/bin/false");
    tells_to(path);
    play_wait(8 * DAY);
    /* No program took it then: it is told now. */
    assert_int_equal(KITH("Ana", "check", "--due"), EXIT_INTEGRITY);
    assert_int_equal(heard(path), 1 + N);
    heard_of("check-failed", "Cy", "keeps something else", "kith guardian replace Cy");
    heard_of("drill-waits", "Ben", "Ask Ben to type \"kith guard drill\"",
             "kith drill Ben");
    heard_of("drill-waits", "Dora", "was asked to open your piece", "kith drill Dora");
    /* Once is enough, but whoever waits for long is told of once more. */
    play_wait(8 * DAY);
    assert_int_equal(KITH("Ana", "check", "--due"), EXIT_INTEGRITY);
    assert_int_equal(heard(path), 1 + N);
    KITH_FINE("Ben", "guard", "drill");
    play_wait(8 * DAY);
    assert_int_equal(KITH("Ana", "check", "--due"), EXIT_INTEGRITY);
    assert_int_equal(heard(path), 1 + N + 2);
    (void)heard(path);
}

/* ---- drills ---- */

static void test_a_drill_shows_that_a_piece_opens(void **state)
{
    (void)state;
    assert_int_equal(KITH("Ana", "drill", "Ben"), EXIT_WAITING);
    assert_true(answered("Ben: asked."));
    assert_true(said("kith guard drill"));
    assert_int_equal(KITH("Ana", "drill", "Ben", "--json"), EXIT_WAITING);
    assert_true(answered("\"schema\":\"kith.drill/1\""));
    assert_true(answered("\"state\":\"asked\""));
    KITH_FINE("Ben", "guard", "drill");
    KITH_FINE("Ana", "drill", "Ben");
    assert_true(answered("Ben: opened your piece; it is good."));
    /* A new one may be asked for at any time. */
    assert_int_equal(KITH("Ana", "drill", "Ben"), EXIT_WAITING);
    assert_int_equal(KITH("Ana", "drill", "Zoe"), EXIT_NONE);
}

static void test_a_forged_answer_is_not_taken(void **state)
{
    (void)state;
    assert_int_equal(KITH("Ana", "drill", "Ben"), EXIT_WAITING);
    KITH_FINE("Ben", "guard", "drill");
    lies(0, FORGED_DRILL);
    assert_int_equal(KITH("Ana", "drill"), EXIT_INTEGRITY);
    assert_true(answered("was not made with your piece"));
    lies(0, HONEST);
    /* It stays said until the piece was opened. */
    assert_int_equal(KITH("Ana", "drill", "Ben"), EXIT_WAITING);
    KITH_FINE("Ben", "guard", "drill");
    KITH_FINE("Ana", "drill");
    assert_true(answered("Ben: opened your piece"));
}

/* A passphrase that Cy gave her home, and does not remember. */
static void forgets_passphrase(const char *who)
{
    static const struct passphrase forgotten = { .b = "xylophone", .n = 9 };
    struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_SECRET struct home_key *key = NULL;

    assert_int_equal(home_open(play_home(who), HOME_READ, &h), OK);
    assert_int_equal(home_root_unlock(&h, NULL, &u), OK);
    assert_int_equal(home_key_new(&forgotten, cost_minimum, net_rng(), &key), OK);
    assert_int_equal(unlinkat(h.dir, "root", 0), 0);
    assert_int_equal(home_root_create(&h, &u->root, key, net_rng()), OK);
    home_close(&h);
}

static void test_a_forgotten_passphrase_is_found(void **state)
{
    (void)state;
    forgets_passphrase("Cy");
    assert_int_equal(KITH("Ana", "drill", "Cy"), EXIT_WAITING);
    assert_int_equal(KITH("Cy", "guard", "drill"), EXIT_LOCKED);
    assert_int_equal(
        KITH("Cy", "guard", "drill", "--passphrase-file", play_file("xylofone")),
        EXIT_PASSPHRASE);
    play_wait(15 * DAY);
    assert_int_equal(KITH("Ana", "drill", "Cy"), EXIT_WAITING);
    assert_true(said("Cy was asked") && said("that piece is lost"));
    KITH_FINE("Cy", "guard", "drill", "--passphrase-file", play_file("xylophone"));
    KITH_FINE("Ana", "drill", "Cy");
}

static void test_no_byte_of_a_piece_moves_in_a_drill(void **state)
{
    (void)state;
    net_listen(listens);
    pieces.deep = true;
    assert_int_equal(KITH("Ana", "drill", "Ben"), EXIT_WAITING);
    KITH_FINE("Ben", "guard", "drill");
    pieces.deep = true;
    KITH_FINE("Ana", "drill", "Ben");
    assert_true(pieces.seen > 1000);
    assert_int_equal(pieces.leaked, 0);
    assert_int_equal(pieces.kept, 0);
    if (!SANITIZED)
        assert_int_equal(in_memory(), 0);
}

/* Wards that are dealt their pieces before anybody spoke: who confirms then has one. */
static void dealt_before_words(const char *owner)
{
    char line[LINK_TEXT];

    KITH_FINE(owner, "init", "--name", owner, "--no-passphrase");
    for (size_t i = 0; i < N; i++) {
        KITH_FINE(play_names[i], "guard", "invite");
        play_line(line, sizeof line);
        KITH_FINE(owner, "guardian", "add", play_names[i], line);
    }
    KITH_FINE(owner, "circle", "plan", "-k", "2", "--hold", "0");
    assert_int_equal(KITH(owner, "circle", "seal"), EXIT_DEGRADED);
}

/* Both ways, with the owner's memory looked at while a node answers each of the two. */
static void confirms_watched(const char *owner, size_t i)
{
    char line[WORDS_TEXT];

    pieces.deep = true;
    KITH_FINE(owner, "guardian", "confirm", play_names[i]);
    assert_true(!pieces.deep || SANITIZED);
    play_line(line, sizeof line);
    KITH_FINE(play_names[i], "guard", "confirm", owner, "--words-file", play_file(line),
              "--verified", "called");
    play_line(line, sizeof line);
    pieces.deep = true;
    KITH_FINE(owner, "guardian", "confirm", play_names[i], "--answer-file",
              play_file(line));
    assert_true(!pieces.deep || SANITIZED);
    pieces.deep = false;
}

static void nothing_moved(void)
{
    assert_true(pieces.seen > 1000);
    assert_int_equal(pieces.leaked, 0);
    assert_int_equal(pieces.kept, 0);
    if (!SANITIZED)
        assert_int_equal(in_memory(), 0);
}

static void test_no_byte_of_a_piece_moves_in_a_first_confirm(void **state)
{
    (void)state;
    pieces.n = 0; /* Oto's are looked for */
    dealt_before_words("Oto");
    assert_int_equal(pieces.n, N);
    net_listen(listens);
    confirms_watched("Oto", 0);
    confirms_watched("Oto", 1);
    nothing_moved();
}

static void test_no_byte_of_a_piece_moves_when_a_change_is_confirmed(void **state)
{
    (void)state;
    pieces.n = 0; /* the new ones */
    assert_int_equal(KITH("Ana", "circle", "rotate"), EXIT_DEGRADED);
    assert_int_equal(pieces.n, N);
    net_listen(listens);
    confirms_watched("Ana", 0);
    confirms_watched("Ana", 1);
    nothing_moved();
}

/* What is looked for would be found. */
static void test_the_listener_hears_a_piece(void **state)
{
    (void)state;
    static uint8_t piece[64];

    for (size_t i = 0; i < PIECE_BYTES; i++)
        piece[i + 3] = pieces.masked[0][i] ^ RESIDUE_MASK;
    listens(BYTES_OF(piece));
    assert_true(pieces.leaked > 0);
    if (!SANITIZED)
        assert_true(in_memory() > 0);
    secret_wipe(piece, sizeof piece);
}

/* ---- which objects of the vault ---- */

static void test_every_object_comes_once_in_a_quarter(void **state)
{
    enum { OBJECTS = 3000, LESS = 30 };

    static uint8_t ids[OBJECTS * VAULT_ID];
    static unsigned seen[OBJECTS];
    static size_t picked[OBJECTS];
    uint8_t pass[KEY_BYTES] = { 7 };
    uint64_t at = 0;
    bool over = false;
    unsigned rounds = 0;

    (void)state;
    rng_fill(&crypt_random, ids, sizeof ids);
    while (!over) {
        size_t n =
            check_pick(pass, ids, OBJECTS, OBJECTS / CHECK_PASS, &at, picked, &over);
        assert_int_equal(n, OBJECTS / CHECK_PASS);
        for (size_t i = 0; i < n; i++)
            seen[picked[i]]++;
        rounds++;
    }
    assert_int_equal(rounds, CHECK_PASS);
    for (size_t i = 0; i < OBJECTS; i++)
        assert_int_equal(seen[i], 1);
    /* Few: all of them, each time. */
    at = 0;
    assert_int_equal(check_pick(pass, ids, LESS, 64, &at, picked, &over), LESS);
    assert_true(over);
    assert_int_equal(check_pick(pass, ids, 0, 64, &at, picked, &over), 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_circle, close_circle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_honest_nodes_agree),
        CASE(test_each_cheat_is_caught_and_named),
        CASE(test_without_enough_pieces_it_says_lost),
        CASE(test_who_lost_the_list_gets_it_again),
        CASE(test_who_is_away_is_said),
        CASE(test_new_keys_of_a_guardian_are_said),
        CASE(test_no_byte_of_a_piece_moves),
        CASE(test_after_a_change_the_new_pieces_are_checked),
        CASE(test_more_objects_than_one_check_compares),
        CASE(test_the_timer_checks_once_a_week),
        CASE(test_the_timer_asks_for_drills_that_are_due),
        CASE(test_the_timer_tells_programs),
        CASE(test_a_drill_shows_that_a_piece_opens),
        CASE(test_a_forged_answer_is_not_taken),
        CASE(test_a_forgotten_passphrase_is_found),
        CASE(test_no_byte_of_a_piece_moves_in_a_drill),
        CASE(test_no_byte_of_a_piece_moves_in_a_first_confirm),
        CASE(test_no_byte_of_a_piece_moves_when_a_change_is_confirmed),
        CASE(test_the_listener_hears_a_piece),
        cmocka_unit_test(test_every_object_comes_once_in_a_quarter),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests_name("check", tests, NULL, NULL);
    secret_end();
    return failed;
}
