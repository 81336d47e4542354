/* SPDX-License-Identifier: Apache-2.0 */
/* Cards as people hold them: what the page says, what a scanner reads from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/card_print.h"
#include "tests/unit/circle.h"
#include "tests/unit/residue.h"
#include "tests/unit/tool.h"

static struct circle circle;
static const struct root_key root = { { 1, 2, 3 } };

enum { CARD_PIECE = 4 };

struct scene {
    struct card card;
    struct card_page page;
    struct card_rows rows;
};

static void scene_make(struct scene *s, enum card_kind kind, enum card_size size,
                       const char *name)
{
    const uint8_t *piece = circle.pieces[CARD_PIECE];

    assert_int_equal(card_of(bytes_of(circle.raw, circle.raw_n),
                             circle.m.pieces[CARD_PIECE].piece_key, bytes_text(name),
                             kind, &s->card),
                     OK);
    assert_int_equal(card_put_piece(&s->card, piece), OK);
    assert_int_equal(card_rows_of(piece, &s->rows), OK);
    s->page = (struct card_page){ .card = &s->card,
                                  .owner = bytes_text("Anna"),
                                  .fingerprint = bytes_text("acorn basil cedar dill"),
                                  .size = size };
}

static bool holds(const struct card_doc *doc, const char *text)
{
    return memmem(doc->p, doc->n, text, strlen(text)) != NULL;
}

/* ---- what stands there, and what does not ---- */

static void text_and_html_say_the_same(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, CARD_STANDALONE, CARD_A4, "Aunt Ada");
    for (unsigned form = CARD_HTML; form <= CARD_PLAIN; form++) {
        AUTO_CARD_DOC struct card_doc doc = { .p = NULL };

        assert_int_equal(card_print(&s.page, (enum card_form)form, &doc), OK);
        for (unsigned i = 0; i < CARD_WORDS; i++)
            assert_true(holds(&doc, s.rows.word[i]));
        for (unsigned r = 0; r < CARD_ROWS; r++)
            assert_true(holds(&doc, s.rows.check[r]));
        assert_true(holds(&doc, "acorn basil cedar dill"));
        assert_true(holds(&doc, "Aunt Ada"));
        assert_true(holds(&doc, "Anna"));
        assert_true(holds(&doc, "Standalone"));
    }
}

static void what_is_typed_from_the_text_is_the_piece(void **state)
{
    AUTO_CARD_DOC struct card_doc doc = { .p = NULL };
    struct card_typed t;
    struct card read;
    struct scene s;

    (void)state;
    scene_make(&s, CARD_STANDALONE, CARD_A4, "Aunt Ada");
    assert_int_equal(card_print(&s.page, CARD_PLAIN, &doc), OK);
    const uint8_t *from = memmem(doc.p, doc.n, "  1  ", 5);
    const uint8_t *to = memmem(doc.p, doc.n, "These words", 11);
    assert_non_null(from);
    assert_non_null(to);
    assert_int_equal(card_type(bytes_of(from, (size_t)(to - from)), &t), OK);
    assert_int_equal(t.given, 0x7f);
    assert_int_equal(t.wrong, 0);
    assert_memory_equal(t.piece, s.card.piece, PIECE_BYTES);
    assert_int_equal(card_parse(bytes_of(doc.p, doc.n), &read), OK);
    assert_int_equal(read.kind, CARD_STANDALONE);
    assert_memory_equal(&read.wrapped, &s.card.wrapped, sizeof read.wrapped);
}

static void a_blank_card_holds_no_word(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, CARD_LOCKED, CARD_A4, "Aunt Ada");
    s.page.blank = true;
    secret_wipe(s.card.piece, PIECE_BYTES);
    s.card.has_piece = false;
    for (unsigned form = CARD_PDF; form <= CARD_PLAIN; form++) {
        AUTO_CARD_DOC struct card_doc doc = { .p = NULL };

        assert_int_equal(card_print(&s.page, (enum card_form)form, &doc), OK);
        for (unsigned i = 0; i < CARD_WORDS; i++) {
            char cell[16];

            (void)snprintf(cell, sizeof cell, ">%s<", s.rows.word[i]);
            assert_false(holds(&doc, cell));
            (void)snprintf(cell, sizeof cell, "(%.4s)", s.rows.word[i]);
            assert_false(holds(&doc, cell));
            (void)snprintf(cell, sizeof cell, "  %s  ", s.rows.word[i]);
            assert_false(holds(&doc, cell));
        }
    }
}

static void a_locked_card_carries_no_w(void **state)
{
    struct scene s;
    struct card read;

    (void)state;
    for (unsigned kind = CARD_LOCKED; kind <= CARD_STANDALONE; kind++) {
        AUTO_CARD_DOC struct card_doc doc = { .p = NULL };

        scene_make(&s, (enum card_kind)kind, CARD_A4, "Aunt Ada");
        assert_int_equal(card_print(&s.page, CARD_PLAIN, &doc), OK);
        assert_int_equal(holds(&doc, "KITH-WRAPPED"), kind == CARD_STANDALONE);
        assert_int_equal(card_parse(bytes_of(doc.p, doc.n), &read), OK);
        assert_int_equal(read.kind, kind);
    }
}

static void the_page_says_to_read_them_to_nobody(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, CARD_LOCKED, CARD_A4, "Aunt Ada");
    for (unsigned size = CARD_A4; size <= CARD_A6; size++)
        for (unsigned form = CARD_PDF; form <= CARD_PLAIN; form++) {
            AUTO_CARD_DOC struct card_doc doc = { .p = NULL };

            s.page.size = (enum card_size)size;
            assert_int_equal(card_print(&s.page, (enum card_form)form, &doc), OK);
            assert_true(holds(&doc, "These words are secret. Read them to nobody"));
            assert_true(holds(&doc, "When somebody asks for it"));
        }
}

/* The library draws through memory that is wiped when it is given back. */
static void no_page_stays_in_memory(void **state)
{
    uint8_t masked[RESIDUE_WINDOW];
    char word[8];
    struct scene s;

    (void)state;
    if (SANITIZED)
        return;
    scene_make(&s, CARD_LOCKED, CARD_A4, "Aunt Ada");
    struct card_doc doc = { .p = NULL };
    assert_int_equal(card_print(&s.page, CARD_PDF, &doc), OK);
    (void)snprintf(word, sizeof word, "(%.4s)", s.rows.word[3]);
    const uint8_t *at = memmem(doc.p, doc.n, word, 6);
    assert_non_null(at);
    residue_mask(at - 5, sizeof masked, masked);
    assert_true(residue_count(BYTES_OF(masked)) >= 1);
    card_doc_done(&doc);
    assert_int_equal(residue_count(BYTES_OF(masked)), 0);
}

static void a_name_is_no_markup(void **state)
{
    AUTO_CARD_DOC struct card_doc doc = { .p = NULL };
    struct scene s;

    (void)state;
    scene_make(&s, CARD_LOCKED, CARD_A4, "<script>alert(1)</script>&\"");
    assert_int_equal(card_print(&s.page, CARD_HTML, &doc), OK);
    assert_false(holds(&doc, "<script"));
    assert_true(holds(&doc, "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;"));
}

/* Nothing is fetched: no address, no reference, no script; and a policy that says so. */
static void the_html_needs_nothing_else(void **state)
{
    static const char *const none[] = { "http:",   "https:",  "//",    "src=",    "href=",
                                        "url(",    "@import", "<link", "<script", "<img",
                                        "<iframe", "<object", "<form", "onload" };
    struct scene s;

    (void)state;
    for (unsigned kind = CARD_LOCKED; kind <= CARD_STANDALONE; kind++) {
        AUTO_CARD_DOC struct card_doc doc = { .p = NULL };

        scene_make(&s, (enum card_kind)kind, CARD_A6, "Aunt Ada");
        assert_int_equal(card_print(&s.page, CARD_HTML, &doc), OK);
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
            assert_false(holds(&doc, none[i]));
        assert_true(holds(&doc, "default-src 'none'"));
    }
}

static void letters_the_fonts_lack_are_seen(void **state)
{
    static const struct {
        const char *name;
        bool replaced;
    } rows[] = { { "Ada", false },
                 { "J\xc3\xbcrgen \xc5\xa0", false },
                 { "\xd0\x90\xd0\xb4\xd0\xb0", true },
                 { "\xe2\x82\xac", false },
                 { "\xf0\x9f\xa6\x8a", true } };
    struct scene s;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_CARD_DOC struct card_doc pdf = { .p = NULL };
        AUTO_CARD_DOC struct card_doc html = { .p = NULL };

        scene_make(&s, CARD_LOCKED, CARD_A4, rows[i].name);
        assert_int_equal(card_print(&s.page, CARD_PDF, &pdf), OK);
        assert_int_equal(pdf.replaced, rows[i].replaced);
        assert_int_equal(card_print(&s.page, CARD_HTML, &html), OK);
        assert_true(holds(&html, rows[i].name));
    }
}

static void sizes_and_forms_by_name(void **state)
{
    enum card_size size = CARD_A6;
    enum card_form form = CARD_PLAIN;

    (void)state;
    assert_int_equal(card_size_find("a5", &size), ERR_ARG);
    assert_int_equal(card_size_find("", &size), ERR_ARG);
    assert_int_equal(size, CARD_A6);
    assert_int_equal(card_size_find("A4", &size), OK);
    assert_int_equal(size, CARD_A4);
    assert_int_equal(card_size_find("letter", &size), OK);
    assert_int_equal(size, CARD_LETTER);
    assert_int_equal(card_form_find("card.doc", &form), ERR_ARG);
    assert_int_equal(card_form_find(".pdf", &form), ERR_ARG);
    assert_int_equal(card_form_find("pdf", &form), ERR_ARG);
    assert_int_equal(form, CARD_PLAIN);
    assert_int_equal(card_form_find("a.PDF", &form), OK);
    assert_int_equal(form, CARD_PDF);
    assert_int_equal(card_form_find("b.htm", &form), OK);
    assert_int_equal(form, CARD_HTML);
}

/* ---- from paper ---- */

/* What zbarimg reads from the page at 100 dots an inch; false where a tool is missing. */
static bool scan(const struct card_doc *doc, const char *name, char *out, size_t cap)
{
    char pdf[128];
    char png[128];
    const char *const draw[] = { "pdftoppm",    "-r", "100", "-png",
                                 "-singlefile", pdf,  name,  NULL };
    const char *const read[] = { "zbarimg", "--nodbus", "-q", "--raw", png, NULL };

    (void)snprintf(pdf, sizeof pdf, "%s.pdf", name);
    (void)snprintf(png, sizeof png, "%s.png", name);
    FILE *f = fopen(pdf, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(doc->p, 1, doc->n, f), doc->n);
    assert_int_equal(fclose(f), 0);
    int code = tool_run(draw, out, cap);
    if (code == TOOL_ABSENT)
        return false;
    assert_int_equal(code, 0);
    code = tool_run(read, out, cap);
    return code != TOOL_ABSENT;
}

static void codes_are_read_from_a_raster(void **state)
{
    static const char *const sizes[] = { "a4", "letter", "a6" };
    char text[2048];
    char name[64];

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        AUTO_CARD_DOC struct card_doc doc = { .p = NULL };
        struct card_typed t;
        struct card read;
        struct scene s;

        scene_make(&s, (enum card_kind)(i % 2), (enum card_size)(i / 2),
                   "Great-Aunt Adelheid von und zu Hohenstein-Waldburg, the older");
        s.page.owner =
            bytes_text("Maximiliane-Friederike Freifrau von Hohenstein-Waldburg");
        assert_int_equal(card_print(&s.page, CARD_PDF, &doc), OK);
        (void)snprintf(name, sizeof name, "card-%s-%u", sizes[i / 2], i % 2);
        if (!scan(&doc, name, text, sizeof text)) {
            print_message("skipped: pdftoppm (poppler-utils) or zbarimg (zbar-tools) is "
                          "not installed\n");
            return;
        }
        size_t n = strlen(text);
        assert_int_equal(card_type(bytes_of(text, n), &t), OK);
        assert_memory_equal(t.piece, s.card.piece, PIECE_BYTES);
        assert_int_equal(card_parse(bytes_of(text, n), &read), OK);
        assert_int_equal(read.kind, i % 2);
        assert_true(card_fits(&read, t.piece));
        assert_string_equal(read.name, s.card.name);
    }
}

static int start(void **state)
{
    static const struct manifest_group g = { 3, 5 };

    (void)state;
    circle.n_cards = 2;
    circle.m.made = 0;
    circle_make(&circle, &root, 3, &g, 1, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_html_say_the_same),
        cmocka_unit_test(what_is_typed_from_the_text_is_the_piece),
        cmocka_unit_test(a_blank_card_holds_no_word),
        cmocka_unit_test(a_locked_card_carries_no_w),
        cmocka_unit_test(the_page_says_to_read_them_to_nobody),
        cmocka_unit_test(no_page_stays_in_memory),
        cmocka_unit_test(a_name_is_no_markup),
        cmocka_unit_test(the_html_needs_nothing_else),
        cmocka_unit_test(letters_the_fonts_lack_are_seen),
        cmocka_unit_test(sizes_and_forms_by_name),
        cmocka_unit_test(codes_are_read_from_a_raster),
    };

    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK);
    int failed = cmocka_run_group_tests(tests, start, NULL);
    MUST(secret_in_use() == 0);
    secret_end();
    return failed;
}
