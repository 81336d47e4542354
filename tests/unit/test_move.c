/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new root at real nodes (kithd on loopback), after a restore and while all is well;
 * the client in child processes, killed at every durable write.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/ceremony_move.h"
#include "client/guard.h"
#include "tests/unit/sealing.h"

enum { LINE = 512, GUARDIANS = 4 };

/* ---- people ---- */

static void file_write(const char *name, const char *text)
{
    char path[160];

    path_of(path, name, "");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void ward_hex(const char *who, size_t i, char out[2 * ID_BYTES + 1])
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;

    open_home(who, &h, &d, &u);
    hex_encode(BYTES_OF(d->guardians[i].ward), out, 2 * ID_BYTES + 1);
    day_free(d);
    secret_free(u);
    home_close(&h);
}

/* The n-th field of a line of the answer, cut at tabs. */
static bool field_of(const char *line, unsigned n, char out[LINE])
{
    for (; n > 0; n--) {
        line = strchr(line, '\t');
        if (line == NULL)
            return false;
        line++;
    }
    size_t len = strcspn(line, "\t\n");
    assert_true(len < LINE);
    memcpy(out, line, len);
    out[len] = '\0';
    return true;
}

/* Guardian i hears the words and types them. */
static int types(size_t i, const char *verb, const char *request, const char *words)
{
    char name[8];
    char file[160];

    guardian_name(name, i);
    file_write("words", words);
    path_of(file, "words", "");
    return kith(name, "guard", verb, request, "--words-file", file, "--verified", "met",
                NULL);
}

/* The owner and guardian i speak with each other about what is to be confirmed now. */
static void speak(const char *who, size_t i)
{
    char name[8];
    char words[LINE];
    char ward[2 * ID_BYTES + 1];
    char file[160];

    guardian_name(name, i);
    ward_hex(who, i, ward);
    want(0, kith(who, "guardian", "confirm", name, NULL));
    assert_true(field_of(answer(), 0, words));
    want(0, types(i, "confirm", ward, words));
    assert_true(field_of(answer(), 0, words));
    file_write("answer-words", words);
    path_of(file, "answer-words", "");
    want(0, kith(who, "guardian", "confirm", name, "--answer-file", file, NULL));
}

/* An owner with a sealed circle, everybody spoken with; holds are short: there is none.
 */
static void owner_sealed(char who[16], size_t n, const char *k)
{
    owner_new(who, n);
    for (size_t i = 0; i < n; i++)
        speak(who, i);
    want(0,
         kith(who, "circle", "plan", "-k", k, "--hold", "0", "--stop-hold", "7d", NULL));
    want(0, kith(who, "circle", "seal", NULL));
}

static void add_guardian(const char *who, size_t i)
{
    char name[8];
    char link[LINE];

    guardian_name(name, i);
    want(0, kith(name, "guard", "invite", NULL));
    assert_true(field_of(answer(), 0, link));
    want(0, kith(who, "guardian", "add", name, link, NULL));
}

static void fingerprint(const char *who, char out[LINE])
{
    want(0, kith(who, "root", "fingerprint", NULL));
    assert_true(field_of(answer(), 0, out));
}

/* ---- restoring ---- */

/* A link of guardian i for the ward of who. */
static void link_of(const char *who, size_t i, char out[LINE])
{
    char name[8];
    char ward[2 * ID_BYTES + 1];

    guardian_name(name, i);
    ward_hex(who, i, ward);
    want(0, kith(name, "guard", "link", ward, NULL));
    assert_true(field_of(answer(), 0, out));
}

/* Every line of the answer is somebody's request: they say yes to theirs. */
static void all_approve(size_t n)
{
    static char all[8192];
    char request[LINE];
    char words[LINE];

    MUST(snprintf(all, sizeof all, "%s", answer()) < (int)sizeof all);
    for (const char *line = all; *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (!field_of(line, 1, request) || !field_of(line, 2, words))
            continue;
        for (size_t i = 0; i < n; i++)
            if (types(i, "approve", request, words) == 0)
                break;
    }
}

/* Restores who into a new home, up to the last command, which is the caller's. */
static void restore_begin(const char *who, const char *home, size_t n)
{
    char links[2][LINE];

    for (size_t i = 0; i < 2; i++)
        link_of(who, i, links[i]);
    want(0, kith(home, "restore", "start", "--no-passphrase", "--name", "Olga", links[0],
                 links[1], NULL));
    all_approve(n);
}

static void check_taken(const char *home, const char *old_words, uint32_t epoch)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    char words[LINE];
    uint8_t hash[HASH_BYTES];
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    AUTO_SECRET struct sign_seed *owner = NULL;

    fingerprint(home, words);
    assert_string_not_equal(words, old_words);
    open_home(home, &h, &d, &u);
    assert_false(home_has(&h, HOME_MOVE));
    assert_int_equal(d->me.epoch, epoch);
    assert_int_not_equal(d->me.moved, 0);
    assert_int_equal(manifest_open(d->me.manifest, m), OK);
    assert_memory_equal(m->move, d->me.move, HASH_BYTES);
    assert_int_equal(secret_new(&owner), OK);
    assert_int_equal(ident_owner(&u->root, owner), OK);
    crypt_sign_public(owner, hash);
    assert_memory_equal(m->owner, hash, PUB_BYTES);
    for (size_t i = 0; i < d->n_guardians; i++) {
        assert_int_equal(d->guardians[i].progress, GUARDIAN_READY);
        assert_int_equal(d->guardians[i].epoch, epoch);
    }
    day_free(d);
    secret_free(u);
    home_close(&h);
}

static char accepted[LINE];

static void stolen(void **state)
{
    (void)state;
    char who[16];
    char old[LINE];

    owner_sealed(who, GUARDIANS, "2");
    fingerprint(who, old);
    restore_begin(who, "stolen1", GUARDIANS);
    want(0, kith("stolen1", "restore", "--accept", old, "--stolen", NULL));
    check_taken("stolen1", old, 2);
    /* The old keys let nobody in any more. */
    want(8, kith(who, "check", "--json", NULL));
}

/* Also where a yes was not needed: it has come to pass. */
static void nobody_asks(const char *who)
{
    char last[8];

    guardian_name(last, GUARDIANS - 1);
    want(0, kith(last, "guard", "requests", "--json", NULL));
    assert_non_null(strstr(answer(), "\"requests\":[]"));
    (void)kith(who, "status", "--json", NULL);
    assert_non_null(strstr(answer(), "\"requests\":[]"));
    assert_null(strstr(answer(), "Somebody asks"));
}

/* Under the new key, at enough nodes; how many have it. */
static unsigned vault_saved(const char *who)
{
    unsigned saved = 0;

    (void)kith(who, "vault", "--json", NULL);
    assert_non_null(strstr(answer(), "\"enough\":true"));
    const char *at = strstr(answer(), "\"saved\":");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"saved\":%u", &saved), 1);
    return saved;
}

static void while_all_is_well(void **state)
{
    (void)state;
    char who[16];
    char old[LINE];

    owner_sealed(who, GUARDIANS, "3");
    fingerprint(who, old);
    want(0, kith(who, "secret", "add", "bank", "--make", NULL));
    want(5, kith(who, "root", "replace", "--resume", NULL));
    want(7, kith(who, "root", "replace", NULL));
    want(7, kith(who, "root", "replace", "--resume", NULL));
    fingerprint(who, accepted);
    assert_string_equal(accepted, old); /* nothing has changed yet */
    all_approve(2);
    want(7, kith(who, "root", "replace", "--resume", NULL)); /* too few said yes */
    all_approve(3);
    want(0, kith(who, "root", "replace", "--resume", NULL));
    check_taken(who, old, 2);
    assert_int_equal(vault_saved(who), GUARDIANS);
    want(5, kith(who, "root", "replace", "--resume", NULL));
    nobody_asks(who);
}

/* Two of four are enough for the root, and three are needed for the vault. */
static void vault_at_too_few(void **state)
{
    (void)state;
    char who[16];

    owner_sealed(who, GUARDIANS, "2");
    want(7, kith(who, "root", "replace", NULL));
    all_approve(2);
    node_kill(2);
    node_kill(3);
    want(3, kith(who, "root", "replace", "--resume", NULL));
    assert_true(said("kith vault push"));
    node_start(2);
    node_start(3);
    want(0, kith(who, "root", "replace", "--resume", NULL));
    assert_false(said("kith vault push"));
    assert_int_equal(vault_saved(who), GUARDIANS);
}

static int sweep(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* The nodes have a vault that is not here any more, and the old key opens it. */
static void vault_is_not_here(void **state)
{
    (void)state;
    char who[16];
    char path[160];

    owner_sealed(who, GUARDIANS, "2");
    want(0, kith(who, "secret", "add", "bank", "--make", NULL));
    path_of(path, who, "vault");
    assert_int_equal(nftw(path, sweep, 8, FTW_DEPTH | FTW_PHYS), 0);
    want(2, kith(who, "root", "replace", NULL));
    assert_true(said("kith vault pull"));
    want(7, kith(who, "root", "replace", "--yes", "without-vault", NULL));
    all_approve(GUARDIANS);
    want(3, kith(who, "root", "replace", "--resume", NULL));
    assert_true(said("kith vault push"));
    want(3, kith(who, "vault", "push", NULL)); /* what nobody could read stays there */
    want(0, kith(who, "vault", "push", "--over", NULL));
    assert_int_equal(vault_saved(who), GUARDIANS);
}

/* A new root for home, whose next epoch nobody has confirmed when this begins. */
static void another_root(const char *home, uint32_t epoch)
{
    char old[LINE];

    fingerprint(home, old);
    want(7, kith(home, "root", "replace", NULL));
    all_approve(GUARDIANS);
    want(0, kith(home, "root", "replace", "--resume", NULL));
    check_taken(home, old, epoch);
}

static void before_anybody_confirmed(void **state)
{
    (void)state;
    char who[16];

    owner_sealed(who, GUARDIANS, "2");
    want(3, kith(who, "circle", "rotate", NULL));
    another_root(who, 3);
    another_root(who, 4);
}

/* Lost, as it seemed; then it turns out that somebody has it. */
static void after_what_a_restore_dealt(void **state)
{
    (void)state;
    char who[16];
    char old[LINE];

    owner_sealed(who, GUARDIANS, "2");
    fingerprint(who, old);
    restore_begin(who, "lost1", GUARDIANS);
    want(0, kith("lost1", "restore", "--accept", old, "--lost", NULL));
    want(0, kith("lost1", "root", "replace", NULL)); /* what they said then is enough */
    check_taken("lost1", old, 3);
}

/* The epoch whose people the program of guardian i goes by for its newest ward. */
static uint32_t goes_by(size_t i)
{
    AUTO_FREE struct descriptor *of = calloc(1, sizeof *of);
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;
    char name[8];

    guardian_name(name, i);
    open_home(name, &h, &d, &u);
    assert_true(d->n_wards > 0);
    struct bytes raw = d->wards[d->n_wards - 1].judges;
    if (raw.n > 0)
        assert_int_equal(wire_get(&descriptor_schema, raw, of), OK);
    day_free(d);
    secret_free(u);
    home_close(&h);
    return of->epoch;
}

/* The owner says what is changing, and guardian i types the words. */
static void agree(const char *who, size_t i)
{
    char name[8];
    char words[LINE];
    char ward[2 * ID_BYTES + 1];

    guardian_name(name, i);
    ward_hex(who, i, ward);
    want(0, kith(who, "guardian", "confirm", name, NULL));
    assert_true(field_of(answer(), 0, words));
    want(0, types(i, "confirm", ward, words));
    want(0, kith(who, "guardian", "confirm", name, NULL));
}

/* A guardian's own yes leads on to nothing: the certificate of enough people does, at the
   next occasion; and a new root is followed by those people's word. */
static void whose_word_a_guardian_goes_by(void **state)
{
    (void)state;
    char who[16];
    char old[LINE];

    owner_sealed(who, GUARDIANS, "2");
    fingerprint(who, old);
    assert_int_equal(goes_by(0), 0); /* nothing was sealed when they spoke */
    want(3, kith(who, "circle", "rotate", NULL));
    agree(who, 0);
    assert_int_equal(goes_by(0), 1);
    agree(who, 1);
    (void)kith(who, "circle", "seal", "--resume", NULL);
    want(3, kith(who, "circle", "rotate", NULL));
    agree(who, 0);
    assert_int_equal(goes_by(0), 2);
    agree(who, 1);
    (void)kith(who, "circle", "seal", "--resume", NULL);
    want(7, kith(who, "root", "replace", NULL));
    all_approve(GUARDIANS);
    want(0, kith(who, "root", "replace", "--resume", NULL));
    check_taken(who, old, 4);
    assert_int_equal(goes_by(0), 3);
    agree(who, 0); /* not answered by a program that did not follow the root */
    assert_int_equal(goes_by(0), 3);
}

/* What a person types after a cut: what was begun goes on. */
static void go_on(const char *home)
{
    die_at = 0;
    want(0, kith(home, "restore", "--accept", accepted, "--stolen", NULL));
    if (said("kith vault pull")) {
        want(0, kith(home, "vault", "pull", NULL));
        want(0, kith(home, "restore", "--stolen", NULL));
    }
    (void)kith(home, "root", "replace", "--resume", NULL); /* 5: nothing is left to do */
    (void)kith(home, "circle", "seal", "--resume", NULL);
}

/* The seats of a home: how many there are, and how many are of keys that are gone. */
static void seats_of(const char *who, size_t *out_all, size_t *out_old)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;
    struct unlocked *u = NULL;

    open_home(who, &h, &d, &u);
    *out_all = d->n_seats;
    *out_old = 0;
    for (size_t i = 0; i < d->n_seats; i++)
        *out_old += guard_seat_is_old(d, &d->seats[i]);
    day_free(d);
    secret_free(u);
    home_close(&h);
}

/* Who guards others keeps a place there, by new keys; the others are told. */
static void a_guardian_gets_a_new_root(void **state)
{
    (void)state;
    const char *who = "Gus3";
    size_t all = 0;
    size_t old = 0;
    char before[LINE];
    char ward[16];

    owner_new(ward, 0);
    add_guardian(ward, 3);
    for (size_t i = 0; i < 2; i++) {
        add_guardian(who, i);
        speak(who, i);
    }
    want(0, kith(who, "circle", "plan", "-k", "2", "--hold", "0", "--stop-hold", "7d",
                 NULL));
    want(0, kith(who, "circle", "seal", NULL));
    fingerprint(who, before);
    seats_of(who, &all, &old);
    assert_int_equal(all, 1);
    assert_int_equal(old, 0);
    want(7, kith(who, "root", "replace", NULL));
    all_approve(2);
    want(0, kith(who, "root", "replace", "--resume", NULL));
    assert_true(said("You are a guardian for"));
    check_taken(who, before, 2);
    seats_of(who, &all, &old);
    assert_int_equal(all, 2);
    assert_int_equal(old, 1);
    want(0, kith(who, "guard", "invite", NULL));
    (void)kith(ward, "alert", "watch", "--once", "--json", NULL);
    assert_true(answered("seat-reset"));
}

/* All places take three minutes: without KITH_LONG some of them, others in each part. */
static unsigned step(void)
{
    return getenv("KITH_LONG") != NULL ? 1 : 6;
}

static void stolen_and_killed(void **state)
{
    (void)state;
    int code = KILLED;
    unsigned n = 0;

    while (code == KILLED) {
        char who[16];
        char home[16];

        (void)snprintf(home, sizeof home, "killed%u", n);
        owner_sealed(who, 2, "2");
        fingerprint(who, accepted);
        restore_begin(who, home, 2);
        n += step();
        die_at = n;
        code = kith(home, "restore", "--accept", accepted, "--stolen", NULL);
        go_on(home);
        check_taken(home, accepted, 2);
    }
    print_message("stopped at each of %u places, every %u\n", n, step());
    assert_true(n > 60);
}

/* Killed as it asks, and again as it takes the new root. */
static void well_and_killed(void **state)
{
    (void)state;
    int asks = KILLED;
    int takes = KILLED;
    unsigned n = 0;

    while (asks == KILLED || takes == KILLED) {
        char who[16];

        owner_sealed(who, 2, "2");
        fingerprint(who, accepted);
        n += step();
        die_at = n;
        asks = kith(who, "root", "replace", NULL);
        die_at = 0;
        want(7, kith(who, "root", "replace", NULL));
        all_approve(2);
        die_at = n;
        takes = kith(who, "root", "replace", "--resume", NULL);
        die_at = 0;
        if (takes == KILLED)
            (void)kith(who, "root", "replace", "--resume", NULL);
        check_taken(who, accepted, 2);
    }
    print_message("stopped at each of %u places, every %u\n", n, step());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whose_word_a_guardian_goes_by),
        cmocka_unit_test(stolen),
        cmocka_unit_test(while_all_is_well),
        cmocka_unit_test(vault_at_too_few),
        cmocka_unit_test(vault_is_not_here),
        cmocka_unit_test(before_anybody_confirmed),
        cmocka_unit_test(after_what_a_restore_dealt),
        cmocka_unit_test(a_guardian_gets_a_new_root),
        cmocka_unit_test(stolen_and_killed),
        cmocka_unit_test(well_and_killed),
    };

    (void)setenv("NO_COLOR", "1", 1);
    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, sealing_setup, sealing_teardown);
    secret_end();
    return failed;
}
