/* SPDX-License-Identifier: Apache-2.0 */
#include <hpdf.h>
#include <stdio.h>

#include "client/card_print_part.h"

/*
 * The page as PDF by libharu: fonts every reader has, nothing compressed, no date, all of
 * its memory through ours below, so that it is wiped when it is given back.
 */

/* ---- memory of the library ---- */

enum { HEADER = 16 }; /* keeps what follows aligned */

static void *wiped_alloc(HPDF_UINT n)
{
    uint8_t *p = calloc(1, (size_t)n + HEADER);

    if (p == NULL)
        return NULL;
    store_u32(p, n);
    return p + HEADER;
}

static void wiped_free(void *at)
{
    if (at == NULL)
        return;
    uint8_t *p = (uint8_t *)at - HEADER;

    secret_wipe(at, load_u32(p));
    free(p);
}

/* ---- letters ---- */

/* Unicode of 0x80 to 0x9f in WinAnsi; 0: none. */
static const uint16_t win_ansi[32] = { 0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026,
                                       0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
                                       0x0152, 0,      0x017d, 0,      0,      0x2018,
                                       0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                       0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,
                                       0x017e, 0x0178 };

static char letter_of(uint32_t code)
{
    if (code < 0x80 || (code >= 0xa0 && code <= 0xff))
        return (char)code;
    for (unsigned i = 0; i < 32; i++)
        if (code != 0 && win_ansi[i] == code)
            return (char)(0x80 + i);
    return '\0';
}

/* The next letter of valid UTF-8. */
static uint32_t letter_take(const char **text)
{
    const uint8_t *p = (const uint8_t *)*text;
    unsigned more = p[0] < 0x80 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
    uint32_t code = more == 0 ? p[0] : p[0] & (0x3fU >> more);
    unsigned i = 1;

    for (; i <= more && (p[i] & 0xc0) == 0x80; i++)
        code = code << 6 | (p[i] & 0x3fU);
    *text += i;
    return code;
}

/* ---- a pen ---- */

enum face { PLAIN, BOLD, MONO, MONO_BOLD, FACES };

struct pen {
    HPDF_Doc pdf;
    HPDF_Page page;
    HPDF_Font font[FACES];
    float height;
    bool replaced;
    bool dry; /* nothing is drawn: to see what would fit */
};

/* Where and how something is written: from the left, from the top, in points. */
struct at {
    float x, y, size;
    enum face face;
    float gray;
};

/* text in the encoding of the fonts; what they lack is a question mark. */
static void ansi(struct pen *pen, const char *text, char *out, size_t cap)
{
    size_t n = 0;

    while (*text != '\0' && n + 1 < cap) {
        char c = letter_of(letter_take(&text));

        pen->replaced = pen->replaced || c == '\0';
        if (c == '\0')
            c = '?';
        out[n++] = c;
    }
    out[n] = '\0';
}

static void write_ansi(struct pen *pen, struct at at, const char *text)
{
    if (pen->dry)
        return;
    (void)HPDF_Page_SetGrayFill(pen->page, at.gray);
    (void)HPDF_Page_BeginText(pen->page);
    (void)HPDF_Page_SetFontAndSize(pen->page, pen->font[at.face], at.size);
    (void)HPDF_Page_TextOut(pen->page, at.x, pen->height - at.y, text);
    (void)HPDF_Page_EndText(pen->page);
}

static float width_of(struct pen *pen, struct at at, const char *text)
{
    HPDF_TextWidth w = HPDF_Font_TextWidth(pen->font[at.face], (const HPDF_BYTE *)text,
                                           (HPDF_UINT)strlen(text));
    return (float)w.width * at.size / 1000;
}

static void write_at(struct pen *pen, struct at at, const char *text)
{
    char line[SAY_TEXT];

    ansi(pen, text, line, sizeof line);
    write_ansi(pen, at, line);
    secret_wipe(line, sizeof line);
}

/* Ends at x. */
static void write_right(struct pen *pen, struct at at, const char *text)
{
    char line[SAY_TEXT];

    ansi(pen, text, line, sizeof line);
    at.x -= width_of(pen, at, line);
    write_ansi(pen, at, line);
}

/* Lines of at most that width; where the next paragraph may begin. */
static float write_wrapped(struct pen *pen, struct at at, float width, const char *text)
{
    char line[SAY_TEXT];
    char *rest = line;

    ansi(pen, text, line, sizeof line);
    while (*rest != '\0') {
        HPDF_UINT n = HPDF_Font_MeasureText(pen->font[at.face], (const HPDF_BYTE *)rest,
                                            (HPDF_UINT)strlen(rest), width, at.size, 0, 0,
                                            HPDF_TRUE, NULL);
        n = n > 0 ? n : (HPDF_UINT)strlen(rest);
        char was = rest[n];

        rest[n] = '\0';
        write_ansi(pen, at, rest);
        rest[n] = was;
        rest += n;
        rest += strspn(rest, " ");
        at.y += at.size * 1.34F;
    }
    return at.y;
}

static void rule(struct pen *pen, float x, float y, float width, float gray)
{
    (void)HPDF_Page_SetGrayStroke(pen->page, gray);
    (void)HPDF_Page_SetLineWidth(pen->page, 0.5F);
    (void)HPDF_Page_MoveTo(pen->page, x, pen->height - y);
    (void)HPDF_Page_LineTo(pen->page, x + width, pen->height - y);
    (void)HPDF_Page_Stroke(pen->page);
}

static void box(struct pen *pen, float x, float y, float width, float height)
{
    (void)HPDF_Page_SetGrayStroke(pen->page, 0.3F);
    (void)HPDF_Page_SetLineWidth(pen->page, 0.7F);
    (void)HPDF_Page_Rectangle(pen->page, x, pen->height - y - height, width, height);
    (void)HPDF_Page_Stroke(pen->page);
}

/* ---- the page ---- */

/* Measures of one size of paper, points. */
struct layout {
    float width, height, margin;
    float title, fact, text, small; /* sizes of type */
    float word, row;                /* size of a word, height of a row */
    float main_w, text_w;           /* widths of the head and words, of the paragraphs */
    float qr_y, qr_w;               /* the codes: top, 0 if beside the text; width */
    unsigned parts;                 /* bit i: paragraph i has room */
    bool later;
};

static const struct layout layouts[] = {
    [CARD_A4] = { 595, 842, 52, 24, 10, 10, 8, 13.5F, 23, 491, 308, 0, 152, 0x7f, true },
    [CARD_LETTER] = { 612, 792, 50, 22, 9.5F, 9.5F, 7.5F, 13, 20.5F, 512, 330, 0, 146,
                      0x7f, true },
    [CARD_A6] = { 420, 298, 15, 11.5F, 5.6F, 5.6F, 5, 7.4F, 12, 254, 254, 15, 120, 0x5c,
                  false },
};

/* A long name makes it smaller. */
static void write_title(struct pen *pen, const struct layout *l, float y,
                        const char *title)
{
    struct at at = { l->margin, y, l->title, PLAIN, 0.1F };
    char line[SAY_LINE];

    ansi(pen, title, line, sizeof line);
    while (at.size > l->fact && width_of(pen, at, line) > l->main_w)
        at.size -= 0.5F;
    write_ansi(pen, at, line);
}

/* Head line, title, which circle; where the words begin. */
static float draw_head(struct pen *pen, const struct layout *l,
                       const struct card_page *page, const struct card_says *says)
{
    float y = l->margin + l->fact;

    (void)HPDF_Page_SetCharSpace(pen->page, 1.2F);
    write_at(pen, (struct at){ l->margin, y, l->fact, PLAIN, 0.4F }, "KITH CARD");
    (void)HPDF_Page_SetCharSpace(pen->page, 0);
    write_right(pen, (struct at){ l->margin + l->main_w, y, l->fact, BOLD, 0.2F },
                page->card->name);
    y += l->fact * 0.6F;
    rule(pen, l->margin, y, l->main_w, 0.6F);
    y += l->title * 1.6F;
    write_title(pen, l, y, says->title);
    y += l->fact * 1.9F;
    struct at fact = { l->margin, y, l->fact, PLAIN, 0.3F };
    fact.y = write_wrapped(pen, fact, l->main_w, says->circle);
    return write_wrapped(pen, fact, l->main_w, says->kind);
}

/* The first four letters, which tell the word, stand out. */
static void draw_word(struct pen *pen, struct at at, const char *word)
{
    char head[SLIP39_PREFIX + 1] = { 0 };

    memcpy(head, word, strnlen(word, SLIP39_PREFIX));
    at.face = MONO_BOLD;
    write_ansi(pen, at, head);
    at.x += width_of(pen, at, head);
    at.face = MONO;
    write_ansi(pen, at, word + strlen(head));
    secret_wipe(head, sizeof head);
}

static void draw_row(struct pen *pen, const struct layout *l, unsigned r, float y,
                     const struct card_rows *rows)
{
    float step = (l->main_w - 4.6F * l->word) / CARD_ROW;
    float base = y + l->row * 0.68F;
    char number[8];

    (void)snprintf(number, sizeof number, "%u", r + 1);
    write_at(pen,
             (struct at){ l->margin + l->word * 0.7F, base, l->word * 0.8F, PLAIN, 0.5F },
             number);
    for (unsigned i = 0; i < card_row_words(r); i++) {
        float x = l->margin + l->word * 1.9F + step * (float)i;

        if (rows == NULL)
            rule(pen, x, base + l->row * 0.1F, step - l->word, 0.6F);
        else
            draw_word(pen, (struct at){ x, base, l->word, MONO, 0 },
                      rows->word[r * CARD_ROW + i]);
    }
    float x = l->margin + l->main_w - l->word * 2.1F;
    if (rows == NULL)
        rule(pen, x, base + l->row * 0.1F, l->word * 1.5F, 0.6F);
    else
        write_at(pen, (struct at){ x, base, l->word, MONO, 0.45F }, rows->check[r]);
    if (r > 0)
        rule(pen, l->margin + l->word * 0.5F, y, l->main_w - l->word, 0.85F);
}

/* The box of words and what is said below; where the text begins. */
static float draw_words(struct pen *pen, const struct layout *l,
                        const struct card_page *page, const struct card_says *says,
                        float y)
{
    float pad = l->row * 0.2F;

    box(pen, l->margin, y, l->main_w, l->row * CARD_ROWS + 2 * pad);
    for (unsigned r = 0; r < CARD_ROWS; r++)
        draw_row(pen, l, r, y + pad + l->row * (float)r,
                 page->blank ? NULL : &says->rows);
    y += l->row * CARD_ROWS + 2 * pad + l->text * 1.8F;
    return write_wrapped(pen, (struct at){ l->margin, y, l->text, PLAIN, 0.15F },
                         l->main_w, says->secret);
}

static enum err draw_code(struct pen *pen, const struct layout *l, float *y,
                          const char *text, const char *caption)
{
    AUTO_SECRET struct card_qr *qr = NULL;

    TRY(secret_new(&qr));
    TRY(card_qr_of(text, qr));
    float m = l->qr_w / (float)qr->side;
    float left = l->width - l->margin - l->qr_w;

    (void)HPDF_Page_SetGrayFill(pen->page, 0);
    for (unsigned r = 0; r < qr->side; r++)
        for (unsigned x = 0; x < qr->side;) {
            unsigned n = 0;

            while (x + n < qr->side && qr->dark[r * qr->side + x + n] != 0)
                n++;
            if (n > 0)
                (void)HPDF_Page_Rectangle(pen->page, left + m * (float)x,
                                          pen->height - *y - m * (float)(r + 1),
                                          m * (float)n, m);
            x += n + 1;
        }
    (void)HPDF_Page_Fill(pen->page);
    *y += l->qr_w + l->small * 1.4F;
    write_at(pen, (struct at){ left, *y, l->small, PLAIN, 0.35F }, caption);
    *y += l->small * 2.2F;
    return OK;
}

static enum err draw_codes(struct pen *pen, const struct layout *l,
                           const struct card_page *page, const struct card_says *says,
                           float y)
{
    bool locked = page->card->kind == CARD_LOCKED;

    if (!page->blank)
        TRY(draw_code(pen, l, &y, says->words, "The words: secret"));
    return draw_code(pen, l, &y, says->line,
                     locked ? "Which card this is: no secret"
                            : "Which card this is: no secret alone");
}

/* Where it ends. */
static float write_parts(struct pen *pen, const struct layout *l,
                         const struct card_says *says, float y, float size)
{
    for (unsigned i = 0; i < SAY_PARTS; i++) {
        if ((l->parts >> i & 1) == 0)
            continue;
        y = write_wrapped(pen, (struct at){ l->margin, y, size, BOLD, 0.15F }, l->text_w,
                          says->parts[i].head);
        y = write_wrapped(pen, (struct at){ l->margin, y, size, PLAIN, 0.15F }, l->text_w,
                          says->parts[i].text);
        y += size * 0.55F;
    }
    return y;
}

/* In the room above the years; long names make it smaller. */
static void draw_parts(struct pen *pen, const struct layout *l,
                       const struct card_says *says, float y)
{
    float bottom = l->height - l->margin - l->small * (l->later ? 9.5F : 3.2F);
    float size = l->text;

    pen->dry = true;
    while (size > l->text / 2 && write_parts(pen, l, says, y, size) - size > bottom)
        size -= 0.1F;
    pen->dry = false;
    (void)write_parts(pen, l, says, y, size);
}

static void draw_years(struct pen *pen, const struct layout *l,
                       const struct card_says *says, float y)
{
    float step = l->main_w / SAY_YEARS;
    float side = l->small * 0.95F;
    char year[16];

    for (unsigned i = 0; i < SAY_YEARS; i++) {
        float x = l->margin + step * (float)i;

        (void)snprintf(year, sizeof year, "%u", says->year + i);
        box(pen, x, y - side * 0.85F, side, side);
        write_at(pen, (struct at){ x + side * 1.4F, y, l->small, PLAIN, 0.25F }, year);
    }
}

/* From below: for whoever uses it one day, then the years. */
static void draw_foot(struct pen *pen, const struct layout *l,
                      const struct card_says *says)
{
    float y = l->height - l->margin;
    struct at at = { l->margin, y, l->small, PLAIN, 0.35F };

    if (l->later) {
        at.y = y - l->small * 2.7F;
        (void)write_wrapped(pen, at, l->main_w, says->later);
        rule(pen, l->margin, at.y - l->small * 1.6F, l->main_w, 0.6F);
        y = at.y - l->small * 3.2F;
    }
    draw_years(pen, l, says, y);
    y -= l->small * 1.8F;
    write_at(pen, (struct at){ l->margin, y, l->small, PLAIN, 0.25F }, says->yearly);
}

static enum err draw(struct pen *pen, const struct card_page *page,
                     const struct card_says *says)
{
    const struct layout *l = &layouts[page->size];
    float y = draw_head(pen, l, page, says);

    y = draw_words(pen, l, page, says, y + l->fact * 0.4F);
    y += l->text * 0.8F;
    TRY(draw_codes(pen, l, page, says, l->qr_y > 0 ? l->qr_y : y - l->text * 0.7F));
    draw_parts(pen, l, says, y);
    draw_foot(pen, l, says);
    return OK;
}

/* ---- the file ---- */

static void pen_done(struct pen *pen)
{
    if (pen->pdf != NULL)
        HPDF_Free(pen->pdf);
}

static enum err pen_new(struct pen *pen, const struct layout *l)
{
    static const char *const names[FACES] = { [PLAIN] = "Helvetica",
                                              [BOLD] = "Helvetica-Bold",
                                              [MONO] = "Courier",
                                              [MONO_BOLD] = "Courier-Bold" };

    pen->pdf = HPDF_NewEx(NULL, wiped_alloc, wiped_free, 0, NULL);
    if (pen->pdf == NULL)
        return ERR_NOMEM;
    pen->page = HPDF_AddPage(pen->pdf);
    (void)HPDF_Page_SetWidth(pen->page, l->width);
    (void)HPDF_Page_SetHeight(pen->page, l->height);
    pen->height = l->height;
    for (unsigned i = 0; i < FACES; i++)
        pen->font[i] = HPDF_GetFont(pen->pdf, names[i], "WinAnsiEncoding");
    return HPDF_GetError(pen->pdf) == HPDF_OK ? OK : ERR_NOMEM;
}

static enum err take_file(struct pen *pen, struct card_doc *out)
{
    if (HPDF_GetError(pen->pdf) != HPDF_OK || HPDF_SaveToStream(pen->pdf) != HPDF_OK)
        return ERR_NOMEM;
    HPDF_UINT32 n = HPDF_GetStreamSize(pen->pdf);
    out->p = calloc(1, n + 1U);
    if (out->p == NULL)
        return ERR_NOMEM;
    out->cap = n + 1U;
    (void)HPDF_ResetStream(pen->pdf);
    if (HPDF_ReadFromStream(pen->pdf, out->p, &n) != HPDF_OK)
        return ERR_NOMEM;
    out->n = n;
    out->replaced = pen->replaced;
    return OK;
}

enum err card_print_pdf(const struct card_page *page, const struct card_says *says,
                        struct card_doc *out)
{
    __attribute__((cleanup(pen_done))) struct pen pen = { .pdf = NULL };

    TRY(pen_new(&pen, &layouts[page->size]));
    TRY(draw(&pen, page, says));
    return take_file(&pen, out);
}
