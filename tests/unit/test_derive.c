/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and passwords made from the root, against a second implementation's vectors and
   against the programs that read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/derive.h"
#include "tests/unit/json.h"

static void another_kind_is_refused(void **state)
{
    enum derive_type type = DERIVE_SSH;

    (void)state;
    assert_int_equal(derive_type_find("gpg", &type), ERR_ARG);
    assert_int_equal(derive_type_find("", &type), ERR_ARG);
    assert_int_equal(derive_type_find("AGE", &type), ERR_ARG);
    assert_int_equal(type, DERIVE_SSH);
}

static void a_password_has_no_public_part(void **state)
{
    static const uint8_t key[KEY_BYTES] = { 1 };
    uint8_t text[DERIVE_TEXT_MAX];
    struct buf b = BUF_OF(text);

    (void)state;
    assert_int_equal(derive_public(DERIVE_PASSWORD, key, bytes_text("x"), &b), ERR_ARG);
    assert_int_equal(b.n, 0);
}

/* One row of the vectors, derived. */
struct derived {
    enum derive_type type;
    struct bytes name;
    uint8_t key[KEY_BYTES];
    uint8_t secret[DERIVE_TEXT_MAX];
    uint8_t pub[DERIVE_TEXT_MAX];
    struct buf b_secret;
    struct buf b_pub;
};

static void derive(const json_t *vectors, const json_t *row, struct derived *d)
{
    AUTO_SECRET struct root_key *root = NULL;
    const char *type = json_string_value(json_at(row, "type"));

    assert_int_equal(secret_new(&root), OK);
    json_fixed(vectors, "root", SPAN_OF(root->b));
    assert_int_equal(derive_type_find(type, &d->type), OK);
    assert_string_equal(derive_type_name(d->type), type);
    d->name = json_text(row, "name");
    assert_int_equal(derive_key(root, d->type, d->name, json_u32(row, "index"), d->key),
                     OK);
    d->b_secret = (struct buf){ .p = d->secret, .cap = sizeof d->secret };
    d->b_pub = (struct buf){ .p = d->pub, .cap = sizeof d->pub };
    derive_secret(d->type, d->key, d->name, &d->b_secret);
    if (d->type != DERIVE_PASSWORD)
        assert_int_equal(derive_public(d->type, d->key, d->name, &d->b_pub), OK);
    assert_false(d->b_secret.over || d->b_pub.over);
}

static void same_text(const json_t *row, const char *key, const struct buf *b)
{
    struct bytes want = json_text(row, key);

    assert_int_equal(b->n, want.n);
    assert_memory_equal(b->p, want.p, want.n);
}

static void what_is_derived_is_that_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "derived"), i, row)
    {
        struct derived d = { 0 };

        derive(*state, row, &d);
        json_same(row, "key", BYTES_OF(d.key));
        same_text(row, "secret", &d.b_secret);
        if (d.type != DERIVE_PASSWORD)
            same_text(row, "public", &d.b_pub);
    }
    assert_int_equal(i, 36);
}

static void another_name_index_or_kind_is_another_key(void **state)
{
    const json_t *rows = json_at(*state, "derived");

    for (size_t i = 0; i < json_array_size(rows); i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(
                json_string_value(json_at(json_array_get(rows, i), "key")),
                json_string_value(json_at(json_array_get(rows, k), "key")));
}

/* ---- the programs themselves ---- */

static void write_file(const char *path, const struct buf *b)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(fwrite(b->p, 1, b->n, f), b->n);
    assert_int_equal(fclose(f), 0);
}

/* What the program prints; -1: it is not installed. */
static ssize_t read_program(const char *const *argv, char *out, size_t cap)
{
    int ends[2];
    int status = 0;
    size_t n = 0;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(ends[1]);
    for (ssize_t got = 1; got > 0 && n < cap; n += (size_t)got)
        got = read(ends[0], out + n, cap - n);
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return -1;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return (ssize_t)n;
}

/* That the program gives the public part of each secret. */
static void program_reads(const json_t *vectors, enum derive_type type,
                          const char *const *argv, const char *path)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(vectors, "derived"), i, row)
    {
        struct derived d = { 0 };
        char said[DERIVE_TEXT_MAX];

        derive(vectors, row, &d);
        if (d.type != type)
            continue;
        write_file(path, &d.b_secret);
        ssize_t n = read_program(argv, said, sizeof said);
        assert_int_equal(unlink(path), 0);
        if (n < 0) {
            print_message("skipped: %s is not installed\n", argv[0]);
            return;
        }
        assert_int_equal(n, d.b_pub.n);
        assert_memory_equal(said, d.pub, (size_t)n);
    }
}

static void age_reads_its_identities(void **state)
{
    const char *const argv[] = { "age-keygen", "-y", "derive-age-key", NULL };

    program_reads(*state, DERIVE_AGE, argv, argv[2]);
}

static void ssh_reads_its_keys(void **state)
{
    const char *const argv[] = { "ssh-keygen", "-y", "-f", "derive-ssh-key", NULL };

    program_reads(*state, DERIVE_SSH, argv, argv[3]);
}

static int open_vectors(void **state)
{
    *state = json_vectors("derive.json");
    return 0;
}

static int close_vectors(void **state)
{
    json_decref(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_kind_is_refused),
        cmocka_unit_test(a_password_has_no_public_part),
        cmocka_unit_test(what_is_derived_is_that_of_the_vectors),
        cmocka_unit_test(another_name_index_or_kind_is_another_key),
        cmocka_unit_test(age_reads_its_identities),
        cmocka_unit_test(ssh_reads_its_keys),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, open_vectors, close_vectors);
    secret_end();
    return failed;
}
