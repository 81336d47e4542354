/* SPDX-License-Identifier: Apache-2.0 */
#include "client/card_print_part.h"

/* The HTML twin: one file, no script, nothing fetched; printed, one page. */

static const char style[] =
    "@page{size:%s;margin:%s}"
    "body{font:%s/1.36 Helvetica,Arial,sans-serif;color:#222;background:#fff;"
    "max-width:46em;margin:1.5em auto;padding:0 1em}"
    "@media print{body{margin:0;padding:0;max-width:none}.less{display:none}}"
    "header{display:flex;justify-content:space-between;color:#666;font-size:.85em;"
    "letter-spacing:.12em;border-bottom:.5pt solid #999;padding-bottom:.4em}"
    "h1{font-weight:normal;font-size:2em;margin:.6em 0 .25em}"
    "h2{font-size:1em;margin:.7em 0 .1em}p{margin:.1em 0 .4em}.soft{color:#555}"
    "table{border-collapse:collapse;width:100%%;margin:1em 0 .6em;border:.8pt solid #444}"
    "td{font:1.12em/1.2 'Courier New',Courier,monospace;padding:.38em .3em}"
    "td:first-child,td:last-child{color:#666;font-size:.95em;text-align:center}"
    "tr+tr td{border-top:.4pt solid #ccc}"
    "td.hand{border-bottom:.5pt solid #888}"
    "main{display:flex;gap:2em;align-items:flex-start}main>div{flex:1}"
    "figure{margin:0 0 1em;width:%s;flex:none}figure svg{width:100%%;height:auto}"
    "figcaption{font-size:.8em;color:#555}aside{flex:none;display:%s}"
    ".years span{display:inline-block;margin:0 1.1em .3em 0;white-space:nowrap}"
    ".years span::before{content:'';display:inline-block;width:.8em;height:.8em;"
    "border:.8pt solid #444;margin-right:.35em;vertical-align:-.06em}"
    "footer{font-size:.78em;color:#555;border-top:.5pt solid #999;margin-top:.8em;"
    "padding-top:.4em;overflow-wrap:anywhere}";

static struct bytes escaped(const char *letter)
{
    switch (*letter) {
    case '<':
        return bytes_text("&lt;");
    case '>':
        return bytes_text("&gt;");
    case '&':
        return bytes_text("&amp;");
    case '"':
        return bytes_text("&quot;");
    default:
        return bytes_of(letter, 1);
    }
}

/* Letters of a name never become markup. */
static enum err put_text(struct card_doc *out, const char *text)
{
    for (; *text != '\0'; text++)
        TRY(doc_put(out, escaped(text)));
    return OK;
}

/* <TAG>text</END>, escaped. */
static enum err put_in(struct card_doc *out, const char *tag, const char *text,
                       const char *end)
{
    TRY(doc_say(out, "<%s>", tag));
    TRY(put_text(out, text));
    return doc_say(out, "</%s>\n", end);
}

static enum err put_head(const struct card_page *page, const struct card_says *says,
                         struct card_doc *out)
{
    static const struct {
        const char *page, *margin, *font, *code, *codes;
    } rows[] = { [CARD_A4] = { "A4", "15mm 18mm", "9.6pt", "54mm", "block" },
                 [CARD_LETTER] = { "letter", "12mm 16mm", "9pt", "50mm", "block" },
                 [CARD_A6] = { "148mm 105mm", "4mm 6mm", "4.8pt", "31mm", "flex" } };

    unsigned i = page->size;

    TRY(doc_say(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n"
                     "<meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                     "'none'; style-src 'unsafe-inline'\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n"));
    TRY(put_in(out, "title", says->title, "title"));
    TRY(doc_say(out, "<style>"));
    TRY(doc_say(out, style, rows[i].page, rows[i].margin, rows[i].font, rows[i].code,
                rows[i].codes));
    TRY(doc_say(out, "</style>\n</head>\n<body>\n<header><span>KITH CARD</span><span>"));
    TRY(put_text(out, page->card->name));
    TRY(doc_say(out, "</span></header>\n"));
    TRY(put_in(out, "h1", says->title, "h1"));
    TRY(put_in(out, "p class=\"soft\"", says->circle, "p"));
    return put_in(out, "p class=\"soft\"", says->kind, "p");
}

static enum err put_word(const struct card_page *page, const struct card_says *says,
                         unsigned r, unsigned i, struct card_doc *out)
{
    bool there = i < card_row_words(r);
    const char *word = there && !page->blank ? says->rows.word[r * CARD_ROW + i] : "";

    return doc_say(out, "<td%s>%s</td>", page->blank && there ? " class=\"hand\"" : "",
                   word);
}

static enum err put_rows(const struct card_page *page, const struct card_says *says,
                         struct card_doc *out)
{
    TRY(doc_say(out, "<table>\n"));
    for (unsigned r = 0; r < CARD_ROWS; r++) {
        TRY(doc_say(out, "<tr><td>%u</td>", r + 1));
        for (unsigned i = 0; i < CARD_ROW; i++)
            TRY(put_word(page, says, r, i, out));
        TRY(doc_say(out, "<td>%s</td></tr>\n", page->blank ? "" : says->rows.check[r]));
    }
    TRY(doc_say(out, "</table>\n"));
    return put_in(out, "p", says->secret, "p");
}

/* One path: a stroke of dark modules is one rectangle. */
static enum err put_code(struct card_doc *out, const char *text, const char *caption)
{
    AUTO_SECRET struct card_qr *qr = NULL;

    TRY(secret_new(&qr));
    TRY(card_qr_of(text, qr));
    TRY(doc_say(out,
                "<figure><svg viewBox=\"0 0 %u %u\" role=\"img\" "
                "shape-rendering=\"crispEdges\"><path d=\"",
                qr->side + 8, qr->side + 8));
    for (unsigned y = 0; y < qr->side; y++)
        for (unsigned x = 0; x < qr->side;) {
            const uint8_t *row = qr->dark + (size_t)y * qr->side;
            unsigned n = 0;

            while (x + n < qr->side && row[x + n] != 0)
                n++;
            if (n > 0)
                TRY(doc_say(out, "M%u %uh%uv1h-%uz", x + 4, y + 4, n, n));
            x += n + 1;
        }
    TRY(doc_say(out, "\"/></svg><figcaption>%s</figcaption></figure>\n", caption));
    return OK;
}

enum { SMALL_PARTS = 0x5c };

static enum err put_main(const struct card_page *page, const struct card_says *says,
                         struct card_doc *out)
{
    TRY(doc_say(out, "<main>\n<div>\n"));
    for (unsigned i = 0; i < SAY_PARTS; i++) {
        /* As on the PDF: what has no room on a small card is seen on the screen only. */
        bool less = page->size == CARD_A6 && (SMALL_PARTS >> i & 1) == 0;

        TRY(doc_say(out, "<section%s>", less ? " class=\"less\"" : ""));
        TRY(put_in(out, "h2", says->parts[i].head, "h2"));
        TRY(put_in(out, "p", says->parts[i].text, "p"));
        TRY(doc_say(out, "</section>\n"));
    }
    TRY(doc_say(out, "</div>\n<aside>\n"));
    if (!page->blank)
        TRY(put_code(out, says->words, "The words: secret."));
    TRY(put_code(out, says->line,
                 page->card->kind == CARD_LOCKED
                     ? "Which card this is: no secret."
                     : "Which card this is: no secret alone."));
    return doc_say(out, "</aside>\n</main>\n");
}

static enum err put_foot(const struct card_page *page, const struct card_says *says,
                         struct card_doc *out)
{
    TRY(put_in(out, "h2", says->yearly, "h2"));
    TRY(doc_say(out, "<p class=\"years\">"));
    for (unsigned i = 0; i < SAY_YEARS; i++)
        TRY(doc_say(out, "<span>%u</span> ", says->year + i));
    TRY(doc_say(out, "</p>\n<footer%s>", page->size == CARD_A6 ? " class=\"less\"" : ""));
    TRY(put_in(out, "p", says->later, "p"));
    return doc_say(out, "</footer>\n</body>\n</html>\n");
}

enum err card_print_html(const struct card_page *page, const struct card_says *says,
                         struct card_doc *out)
{
    TRY(put_head(page, says, out));
    TRY(put_rows(page, says, out));
    TRY(put_main(page, says, out));
    return put_foot(page, says, out);
}
