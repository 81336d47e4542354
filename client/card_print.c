/* SPDX-License-Identifier: Apache-2.0 */
#include <qrencode.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "client/card_print_part.h"

enum { PLAIN_WIDTH = 72, SAY_ONCE = 4096 };

/* ---- a document ---- */

void card_doc_done(struct card_doc *doc)
{
    if (doc->p != NULL)
        secret_wipe(doc->p, doc->cap);
    free(doc->p);
    *doc = (struct card_doc){ .p = NULL };
}

enum err doc_put(struct card_doc *doc, struct bytes in)
{
    size_t want = 0;

    TRY(size_add(doc->n, in.n, &want));
    if (want > doc->cap) {
        size_t cap = want < 8192 ? 16384 : 2 * want;
        uint8_t *p = calloc(1, cap);

        if (p == NULL)
            return ERR_NOMEM;
        if (doc->n > 0)
            memcpy(p, doc->p, doc->n);
        struct card_doc old = *doc;
        doc->p = p;
        doc->cap = cap;
        card_doc_done(&old);
    }
    if (in.n > 0)
        memcpy(doc->p + doc->n, in.p, in.n);
    doc->n = want;
    return OK;
}

enum err doc_say(struct card_doc *doc, const char *fmt, ...)
{
    AUTO_SECRET char *text = NULL;
    va_list ap;

    TRY(secret_alloc(SAY_ONCE, (void **)&text));
    va_start(ap, fmt);
    int n = vsnprintf(text, SAY_ONCE, fmt, ap);
    va_end(ap);
    MUST(n >= 0 && n < SAY_ONCE);
    return doc_put(doc, bytes_of(text, (size_t)n));
}

/* ---- codes ---- */

/* The library's copy, as far as it can be reached. */
static void qr_done(QRcode *code)
{
    if (code == NULL)
        return;
    secret_wipe(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
}

enum err card_qr_of(const char *text, struct card_qr *out)
{
    /* A quarter of it may be soiled after decades. */
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);

    if (code == NULL)
        return ERR_TOO_BIG;
    if (code->width > QR_MAX) {
        qr_done(code);
        return ERR_TOO_BIG;
    }
    out->side = (unsigned)code->width;
    for (unsigned i = 0; i < out->side * out->side; i++)
        out->dark[i] = code->data[i] & 1;
    qr_done(code);
    return OK;
}

/* ---- what it says ---- */

/* "21 November 2026", the same wherever it is printed. */
static unsigned date_text(uint64_t made, char *out, size_t cap)
{
    static const char *const months[] = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"
    };
    time_t t = (time_t)made;
    struct tm tm = { 0 };

    if (made > INT32_MAX * UINT64_C(64) || gmtime_r(&t, &tm) == NULL)
        tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
    (void)snprintf(out, cap, "%d %s %d", tm.tm_mday, months[tm.tm_mon],
                   tm.tm_year + 1900);
    return (unsigned)(tm.tm_year + 1900);
}

__attribute__((format(printf, 3, 4))) static void
say_part(struct card_part *p, const char *head, const char *fmt, ...)
{
    va_list ap;

    (void)snprintf(p->head, sizeof p->head, "%s", head);
    va_start(ap, fmt);
    (void)vsnprintf(p->text, sizeof p->text, fmt, ap);
    va_end(ap);
}

static void say_head(const struct card_page *page, const char *owner,
                     struct card_says *out)
{
    const struct card *c = page->card;
    char date[64];

    out->year = date_text(c->made, date, sizeof date) + 1;
    (void)snprintf(out->title, sizeof out->title, "A piece of %s’s key", owner);
    (void)snprintf(out->circle, sizeof out->circle,
                   "Circle of %s, number %u. One of %u pieces; it takes %u of them to "
                   "bring the key back.",
                   date, c->epoch, c->of, c->need);
    if (c->kind == CARD_LOCKED)
        (void)snprintf(out->kind, sizeof out->kind,
                       "Locked: cards alone, however many, open nothing. A guardian’s "
                       "node must agree as well.");
    else
        (void)snprintf(out->kind, sizeof out->kind,
                       "Standalone: %u pieces like this one open everything, with nobody "
                       "asked. Keep it like the key itself.",
                       c->need);
    (void)snprintf(out->secret, sizeof out->secret,
                   "These words are secret. Read them to nobody on the telephone, not to "
                   "%s either; show them to no camera; type them into nothing that you "
                   "were sent.",
                   owner);
    (void)snprintf(out->yearly, sizeof out->yearly,
                   "Once a year: is it here, can every word be read? Then tick.");
    (void)snprintf(out->later, sizeof out->later,
                   "For whoever uses it one day: 33 words after SLIP-39, one share of a "
                   "set. The first four letters of a word are enough; two characters "
                   "behind each row check it. With Kith: kith restore card. Without it: "
                   "rescue.html, or any SLIP-39 program and docs/PROTOCOL.md of Kith.");
}

static void say_what(const struct card *c, const char *owner, struct card_part *p)
{
    say_part(
        &p[0], "What this is",
        "One piece of the key to %s’s digital life, kept here because %s trusts you. "
        "After a loss, %u of the %u pieces bring it all back. This one alone tells "
        "nothing to anybody.",
        owner, owner, c->need, c->of);
    say_part(
        &p[1], "What it is not",
        "No money, no password, nothing to sign in with. No bank, office, company or "
        "police officer needs it, ever.");
    say_part(&p[2], "When somebody asks for it",
             "To nobody who calls or writes, in whoever’s name, however urgent. To %s in "
             "person, or to someone you know who stands before you and whom %s told you "
             "of. When in doubt, wait: a day does no harm.",
             owner, owner);
}

static void say_care(const struct card_page *page, const char *owner, struct card_part *p)
{
    char head[SAY_LINE];

    say_part(&p[0], "If it was lost, seen or copied",
             "Tell %s. A change of the circle makes this card worthless.", owner);
    say_part(&p[1], "If you found it",
             "It opens nothing alone. Put it back, or destroy it.");
    say_part(&p[2], "Keeping it",
             "Dark, dry and flat, with what you would save from a fire. No copy, no "
             "photograph.");
    (void)snprintf(head, sizeof head, "Fingerprint words: %.*s", (int)page->fingerprint.n,
                   (const char *)page->fingerprint.p);
    say_part(&p[3], head,
             "No secret. After a restore the program must show these four; others mean "
             "another key.");
}

enum err card_says_of(const struct card_page *page, struct card_says *out)
{
    char owner[NAME_MAX_BYTES + 1];
    struct bytes name = page->owner.n > 0 ? page->owner : bytes_text("its owner");

    (void)snprintf(owner, sizeof owner, "%.*s", (int)name.n, (const char *)name.p);
    say_head(page, owner, out);
    say_what(page->card, owner, out->parts);
    say_care(page, owner, out->parts + 3);
    card_format(page->card, out->line);
    if (page->blank)
        return OK;
    MUST(page->card->has_piece);
    TRY(card_rows_of(page->card->piece, &out->rows));
    return card_words(page->card->piece, CARD_UPPER, out->words);
}

/* ---- as plain text ---- */

static enum err plain_wrapped(struct card_doc *out, const char *text, const char *indent)
{
    while (*text != '\0') {
        size_t room = PLAIN_WIDTH - strlen(indent);
        size_t n = strlen(text);

        if (n > room) {
            n = room;
            while (n > 0 && text[n] != ' ')
                n--;
            n = n > 0 ? n : strcspn(text, " ");
        }
        TRY(doc_say(out, "%s%.*s\n", indent, (int)n, text));
        text += n;
        text += strspn(text, " ");
    }
    return OK;
}

/* Word i of row r; of a short row the rest is empty. */
static const char *plain_word(const struct card_page *page, const struct card_says *says,
                              unsigned r, unsigned i)
{
    if (i >= card_row_words(r))
        return "";
    return page->blank ? "________" : says->rows.word[r * CARD_ROW + i];
}

static enum err plain_rows(const struct card_page *page, const struct card_says *says,
                           struct card_doc *out)
{
    for (unsigned r = 0; r < CARD_ROWS; r++) {
        TRY(doc_say(out, "  %u  ", r + 1));
        for (unsigned i = 0; i < CARD_ROW; i++)
            TRY(doc_say(out, "%-10s", plain_word(page, says, r, i)));
        TRY(doc_say(out, "  %s\n%s", page->blank ? "__" : says->rows.check[r],
                    page->blank ? "\n" : ""));
    }
    return OK;
}

static enum err plain_years(const struct card_says *says, struct card_doc *out)
{
    TRY(plain_wrapped(out, says->yearly, ""));
    for (unsigned i = 0; i < SAY_YEARS; i++)
        TRY(doc_say(out, "%s[ ] %u%s", i % 6 == 0 ? "  " : "", says->year + i,
                    i % 6 == 5 ? "\n" : "   "));
    return OK;
}

static enum err print_plain(const struct card_page *page, const struct card_says *says,
                            struct card_doc *out)
{
    TRY(doc_say(out, "KITH CARD: %s\n", page->card->name));
    TRY(doc_say(out, "%s\n\n", says->title));
    TRY(plain_wrapped(out, says->circle, ""));
    TRY(plain_wrapped(out, says->kind, ""));
    TRY(doc_say(out, "\n"));
    TRY(plain_rows(page, says, out));
    TRY(doc_say(out, "\n"));
    TRY(plain_wrapped(out, says->secret, ""));
    TRY(doc_say(out, "\n"));
    for (unsigned i = 0; i < SAY_PARTS; i++) {
        TRY(doc_say(out, "%s\n", says->parts[i].head));
        TRY(plain_wrapped(out, says->parts[i].text, "  "));
    }
    TRY(doc_say(out, "\n"));
    TRY(plain_years(says, out));
    TRY(doc_say(out, "\n"));
    TRY(plain_wrapped(out, says->later, ""));
    return doc_say(out, "\nWhich card this is, for a program (no secret):\n%s\n",
                   says->line);
}

/* ---- all three ---- */

enum err card_size_find(const char *name, enum card_size *out)
{
    static const char *const names[] = { "a4", "letter", "a6" };

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i]) == 0) {
            *out = (enum card_size)i;
            return OK;
        }
    return ERR_ARG;
}

enum err card_form_find(const char *path, enum card_form *out)
{
    static const struct {
        const char *ending;
        enum card_form form;
    } rows[] = { { ".pdf", CARD_PDF },
                 { ".html", CARD_HTML },
                 { ".htm", CARD_HTML },
                 { ".txt", CARD_PLAIN } };

    size_t n = strlen(path);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t k = strlen(rows[i].ending);

        if (n > k && strcasecmp(path + n - k, rows[i].ending) == 0) {
            *out = rows[i].form;
            return OK;
        }
    }
    return ERR_ARG;
}

enum err card_print(const struct card_page *page, enum card_form form,
                    struct card_doc *out)
{
    AUTO_SECRET struct card_says *says = NULL;

    MUST(out->p == NULL);
    TRY(secret_new(&says));
    TRY(card_says_of(page, says));
    if (form == CARD_PDF)
        return card_print_pdf(page, says, out);
    if (form == CARD_HTML)
        return card_print_html(page, says, out);
    return print_plain(page, says, out);
}
