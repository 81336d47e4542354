/* SPDX-License-Identifier: Apache-2.0 */
/* The rescue page, filled in: nothing but its two places changes, and they hold data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>

#include "client/rescue.h"
#include "proto/secret.h"

static const char facts_mark[] = "<script type=\"application/json\" id=\"bundle\">";
static const char vault_mark[] = "<script type=\"text/plain\" id=\"bundle-vault\">";
static const char end_mark[] = "</script>";

/* A page in memory; the caller frees text. */
struct made {
    char *text;
    size_t n;
};

static struct rescue_facts facts_of(const char *name, const char *wrapped)
{
    return (struct rescue_facts){
        .name = bytes_text(name),
        .fingerprint = bytes_text("aardvark zigzagged yo-yo abyss"),
        .epoch = 4294967295U,
        .need = 3,
        .of = 5,
        .made = 1790000000,
        .wrapped = wrapped,
    };
}

/* The vault copy in parts of so many bytes. */
static struct made make(const struct rescue_facts *f, struct bytes vault, size_t part)
{
    struct made m = { NULL, 0 };
    struct rescue r = { .out = NULL };
    FILE *out = open_memstream(&m.text, &m.n);

    assert_non_null(out);
    assert_int_equal(rescue_begin(&r, f, out), OK);
    while (vault.n > 0) {
        size_t n = vault.n < part ? vault.n : part;

        assert_int_equal(rescue_vault(&r, bytes_of(vault.p, n)), OK);
        vault = bytes_of(vault.p + n, vault.n - n);
    }
    assert_int_equal(rescue_end(&r), OK);
    assert_int_equal(fclose(out), 0);
    return m;
}

/* What stands between mark and the end of its element; the caller frees. */
static char *inside(const char *page, const char *mark)
{
    const char *from = strstr(page, mark);

    assert_non_null(from);
    from += strlen(mark);
    const char *to = strstr(from, end_mark);
    assert_non_null(to);
    return strndup(from, (size_t)(to - from));
}

static void a_stream_that_takes_nothing(void **state)
{
    static const uint8_t zeros[100000];
    const struct rescue_facts f = facts_of("Ana", NULL);
    struct rescue r = { .out = NULL };
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    if (full == NULL)
        skip();
    assert_int_equal(rescue_begin(&r, &f, full), ERR_IO);
    r = (struct rescue){ .out = full };
    assert_int_equal(rescue_vault(&r, BYTES_OF(zeros)), ERR_IO);
    r = (struct rescue){ .out = full };
    assert_int_equal(rescue_end(&r), ERR_IO);
    (void)fclose(full);
}

static unsigned count(const char *page, const char *what)
{
    unsigned n = 0;

    for (const char *at = page; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void a_name_is_never_markup(void **state)
{
    const char *names[] = { "Ana",  "",      "</script><script>alert(1)</script>",
                            "<!--", "\"};x", "Zo\xc3\xab \xf0\x9f\x90\x98 \\ / '" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct rescue_facts f = facts_of(names[i], NULL);
        struct made m = make(&f, bytes_of(NULL, 0), 1);
        char *json = inside(m.text, facts_mark);
        json_t *doc = json_loads(json, 0, NULL);

        assert_non_null(doc);
        assert_string_equal(json_string_value(json_object_get(doc, "name")), names[i]);
        assert_int_equal(json_integer_value(json_object_get(doc, "epoch")), 4294967295);
        assert_null(json_object_get(doc, "wrapped"));
        assert_null(strchr(json, '<'));
        assert_int_equal(count(m.text, end_mark), 3);
        json_decref(doc);
        free(json);
        free(m.text);
    }
}

static void nothing_else_changes(void **state)
{
    const struct bytes page = rescue_page();
    const struct rescue_facts f = facts_of("Ana", "KITH-WRAPPED:AAAA");
    struct made m = make(&f, bytes_text("abc"), 3);
    char *json = inside(m.text, facts_mark);
    const size_t more = strlen(json) - strlen("{}") + strlen("YWJj");
    const char *at = strstr(m.text, facts_mark);

    (void)state;
    assert_int_equal(m.n, page.n + more);
    size_t head = (size_t)(at - m.text) + strlen(facts_mark);
    assert_memory_equal(m.text, page.p, head);
    at = strstr(m.text, vault_mark) + strlen(vault_mark) + strlen("YWJj");
    size_t tail = m.n - (size_t)(at - m.text);
    assert_memory_equal(at, page.p + page.n - tail, tail);
    json_t *doc = json_loads(json, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(doc, "wrapped")),
                        "KITH-WRAPPED:AAAA");
    json_decref(doc);
    free(json);
    free(m.text);
}

static void a_vault_in_parts_of_any_size(void **state)
{
    const struct rescue_facts f = facts_of("Ana", NULL);
    uint8_t vault[1000];
    uint8_t back[1000];

    (void)state;
    for (size_t i = 0; i < sizeof vault; i++)
        vault[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t n = sizeof vault - 3; n <= sizeof vault; n++) {
        for (size_t part = 1; part < 130; part++) {
            struct made m = make(&f, bytes_of(vault, n), part);
            char *text = inside(m.text, vault_mark);
            size_t got = 0;

            assert_int_equal(sodium_base642bin(back, sizeof back, text, strlen(text),
                                               NULL, &got, NULL,
                                               sodium_base64_VARIANT_ORIGINAL),
                             0);
            assert_int_equal(got, n);
            assert_memory_equal(back, vault, n);
            free(text);
            free(m.text);
        }
    }
}

/* What the browser enforces; that it does is seen in rescue.browser. */
static void the_page_has_its_policy(void **state)
{
    const struct rescue_facts f = facts_of("Ana", NULL);
    struct made m = make(&f, bytes_of(NULL, 0), 1);

    (void)state;
    const char *policy = strstr(m.text, "Content-Security-Policy");
    assert_non_null(policy);
    assert_true(policy < strstr(m.text, "<script"));
    assert_non_null(strstr(policy, "default-src 'none'; script-src 'sha256-"));
    assert_null(strstr(m.text, "unsafe-"));
    assert_null(strstr(m.text, " src="));
    assert_null(strstr(m.text, " href="));
    free(m.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_takes_nothing),
        cmocka_unit_test(a_name_is_never_markup),
        cmocka_unit_test(nothing_else_changes),
        cmocka_unit_test(a_vault_in_parts_of_any_size),
        cmocka_unit_test(the_page_has_its_policy),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
