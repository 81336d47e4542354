/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "client/card_print.h"
#include "client/cmd_card_part.h"

/* What is asked for. */
struct wish {
    const char *path; /* "-": standard output */
    enum card_form form;
    enum card_size size;
    enum card_kind kind;
    bool blank;
};

/* ---- options ---- */

static enum err where_to(struct ctx *ctx, struct wish *w)
{
    w->path = ctx_option(ctx, "-o");
    if (w->path == NULL)
        return term_fail(ctx->term, ERR_ARG, "kith card print NAME -o card.pdf",
                         "Where to? -o FILE names it: FILE.pdf, FILE.html, FILE.txt, or "
                         "- for text on standard output.");
    if (strcmp(w->path, "-") != 0 && card_form_find(w->path, &w->form) == OK)
        return OK;
    if (strcmp(w->path, "-") != 0)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "%s ends neither in .pdf nor in .html or .txt.", w->path);
    w->form = CARD_PLAIN;
    if (ctx->term->json)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "--json and -o - do not go together: give a file.");
    return OK;
}

static enum err read_wish(struct ctx *ctx, struct wish *w)
{
    const char *size = ctx_option(ctx, "--size");

    *w = (struct wish){ .kind = CARD_LOCKED };
    TRY(where_to(ctx, w));
    if (size != NULL && card_size_find(size, &w->size) != OK)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "There is no size \"%s\": a4, letter or a6 is expected.", size);
    w->blank = ctx_option(ctx, "--blank-words") != NULL;
    if (ctx_option(ctx, "--standalone") == NULL)
        return OK;
    w->kind = CARD_STANDALONE;
    return term_word(ctx->term, "standalone",
                     "A standalone card carries what locked cards lack: whoever has "
                     "enough of them, or enough cards and one such line, has your key, "
                     "without any guardian, hold or alert.");
}

/* ---- the file ---- */

static enum err write_all(int fd, const struct card_doc *doc)
{
    for (size_t done = 0; done < doc->n;) {
        ssize_t n = write(fd, doc->p + done, doc->n - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        done += (size_t)n;
    }
    return OK;
}

static enum err write_file(struct ctx *ctx, const char *path, const struct card_doc *doc)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno == EEXIST)
        return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "file-exists",
                            "What is there is not written over.",
                            "Name another file, or remove that one first.",
                            "%s is there already.", path);
    if (fd < 0)
        return term_fail(ctx->term, ERR_IO, NULL, "%s cannot be written.", path);
    enum err e = write_all(fd, doc);
    if (e == OK && fsync(fd) != 0)
        e = ERR_IO;
    if (close(fd) != 0)
        e = ERR_IO;
    if (e == OK)
        return OK;
    (void)unlink(path);
    return term_fail(ctx->term, e, NULL, "%s could not be written.", path);
}

static enum err write_out(struct ctx *ctx, const struct wish *w,
                          const struct card_doc *doc)
{
    if (strcmp(w->path, "-") != 0)
        return write_file(ctx, w->path, doc);
    (void)fflush(ctx->term->out);
    if (write_all(fileno(ctx->term->out), doc) == OK)
        return OK;
    return term_fail(ctx->term, ERR_IO, NULL, "Standard output cannot be written.");
}

/* ---- to be written by hand ---- */

/* Straight to the descriptor: stdio would keep a copy. */
static void put(struct term *t, const char *text)
{
    (void)!write(fileno(t->say), text, strlen(text));
}

static void put_row(struct term *t, const struct card_rows *rows, unsigned r)
{
    const char number[] = { ' ', ' ', (char)('1' + r), ' ', '\0' };

    put(t, number);
    for (unsigned i = 0; i < CARD_ROW; i++) {
        const char *word = i < card_row_words(r) ? rows->word[r * CARD_ROW + i] : "";

        put(t, " ");
        put(t, word);
        for (size_t n = strlen(word); n < CARD_WORD_TEXT; n++)
            put(t, " ");
    }
    put(t, "  ");
    put(t, rows->check[r]);
    put(t, "\n");
}

static enum err show_words(struct term *t, const struct card *c)
{
    AUTO_SECRET struct card_rows *rows = NULL;
    bool done = false;

    if (!t->ask) {
        term_say(t, "The words are shown at a terminal only: run it there.");
        return OK;
    }
    TRY(secret_new(&rows));
    TRY(card_rows_of(c->piece, rows));
    term_say(t, "Write these words into the rows of the card, with the two characters "
                "behind each row. They leave the screen when you say so.");
    put(t, "\n");
    for (unsigned r = 0; r < CARD_ROWS; r++)
        put_row(t, rows, r);
    put(t, "\n");
    for (unsigned i = 0; i < 3 && !done; i++)
        TRY(term_offer(t, "Is all of it written down?", &done));
    put(t, "\033[H\033[2J\033[3J");
    return OK;
}

/* ---- what is said ---- */

/* "kith card verify 'Aunt May'" of what card_next says. */
static void verify_next(const char *name, char out[TERM_TEXT])
{
    static const char print[] = "kith card print";
    char text[TERM_TEXT];

    card_next(bytes_text(name), text);
    MUST(strncmp(text, print, sizeof print - 1) == 0);
    (void)snprintf(out, TERM_TEXT, "kith card verify%.800s", text + sizeof print - 1);
}

static void say_done(struct ctx *ctx, const struct wish *w, const struct card_doc *doc,
                     const char *name)
{
    struct term *t = ctx->term;
    char next[TERM_TEXT];

    if (doc->replaced)
        term_warn(t, "the PDF's letters lack some of the name: each is shown as ?. In "
                     "FILE.html and FILE.txt they are right.");
    if (!w->blank && strcmp(w->path, "-") != 0)
        term_warn(t,
                  "%s holds the words. Print it on a printer that keeps no copy, then "
                  "remove it, and empty the printer's list of jobs.",
                  w->path);
    verify_next(name, next);
    term_say(t, "The card counts once its paper was read back:");
    term_say(t, "  %s", next);
}

static void answer(struct ctx *ctx, const struct wish *w, const struct card *c)
{
    static const char *const sizes[] = { "a4", "letter", "a6" };

    if (!ctx->term->json)
        return;
    term_json(ctx->term, "card",
              json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:i, s:i, s:i, s:s}", "name",
                        c->name, "file", w->path, "size", sizes[w->size], "kind",
                        w->kind == CARD_LOCKED ? "locked" : "standalone", "words",
                        !w->blank, "circle", json_hex(c->circle, ID_BYTES), "epoch",
                        (int)c->epoch, "need", (int)c->need, "of", (int)c->of, "state",
                        "printed"));
}

enum err cmd_card_print(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_SECRET struct card *c = NULL;
    AUTO_CARD_DOC struct card_doc doc = { .p = NULL };
    const char *name = ctx->args[0];
    struct wish w;

    TRY(read_wish(ctx, &w));
    TRY(card_day(ctx, &h, &d));
    TRY(ctx_unlock(ctx, &h, &u));
    TRY(secret_new(&c));
    enum err e = card_piece(&h, u, d, bytes_text(name), w.kind, c);
    if (e != OK)
        return card_fail(ctx, e, name);
    const struct card_page page = { .card = c,
                                    .owner = owner_name(d),
                                    .fingerprint = d->me.fingerprint,
                                    .size = w.size,
                                    .blank = w.blank };
    TRY(card_print(&page, w.form, &doc));
    TRY(write_out(ctx, &w, &doc));
    answer(ctx, &w, c);
    if (w.blank && !ctx->term->json)
        TRY(show_words(ctx->term, c));
    if (!ctx->term->json)
        say_done(ctx, &w, &doc, c->name);
    return OK;
}
