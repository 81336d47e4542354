/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "client/circle.h"
#include "client/cmd.h"
#include "client/guardian.h"
#include "client/rescue.h"
#include "client/vault.h"

/* ---- the file ---- */

/* Closed by close_page; removed by it unless done. */
struct page_file {
    const char *path;
    FILE *f;
    bool done;
};

static void close_page(struct page_file *p)
{
    if (p->f == NULL)
        return;
    (void)fclose(p->f); /* synced, or to be removed */
    if (!p->done)
        (void)unlink(p->path);
}

static enum err fail_file(struct ctx *ctx, const struct page_file *p)
{
    return term_fail(ctx->term, ERR_IO, NULL, "%s could not be written.", p->path);
}

/* What is there stays: it may be the only page of an older circle. */
static enum err open_page(struct ctx *ctx, struct page_file *p)
{
    int fd = open(p->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno == EEXIST)
        return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "file-exists",
                            "What is there is not written over.",
                            "Name another file, or remove that one first.",
                            "%s is there already.", p->path);
    if (fd < 0)
        return fail_file(ctx, p);
    p->f = fdopen(fd, "w");
    if (p->f != NULL)
        return OK;
    (void)close(fd);
    (void)unlink(p->path);
    return ERR_NOMEM;
}

static enum err sync_page(struct ctx *ctx, struct page_file *p)
{
    if (fsync(fileno(p->f)) != 0)
        return fail_file(ctx, p);
    p->done = true;
    return OK;
}

/* ---- what goes in ---- */

static enum err put_part(void *ctx, struct bytes part)
{
    return rescue_vault(ctx, part);
}

static enum err put_vault(struct ctx *ctx, struct home *h, const struct day *d,
                          struct rescue *page)
{
    AUTO_VAULT struct vault *v = NULL;
    const struct vault_sink to = { page, put_part };
    char what[VAULT_WHAT] = "";
    enum err e = vault_open(h, d, VAULT_WHOLE, what, &v);

    if (e == OK)
        e = vault_copy(v, ctx->params->rng, &to);
    if (e == ERR_UNKNOWN)
        return term_fail(ctx->term, e, "kith secret add",
                         "There is nothing in the vault yet.");
    if (e == ERR_CORRUPT)
        return term_fail(ctx->term, e, "kith vault pull", "The vault is damaged: %s.",
                         v != NULL ? vault_what(v) : what);
    return e;
}

/* Whoever finds enough cards and this page then needs nobody else. */
static enum err agreed(struct ctx *ctx)
{
    if (ctx_option(ctx, "--with-wrapped") == NULL)
        return OK;
    return term_word(ctx->term, "with-wrapped",
                     "The page will hold the line that locked cards lack: with it, "
                     "enough cards open everything, without any guardian, hold or "
                     "alert. Keep it apart from the cards.");
}

static enum err write_page(struct ctx *ctx, struct home *h, const struct day *d, FILE *to)
{
    struct rescue page = { .out = NULL };
    struct wrapped wrapped = { .epoch = 0 };
    char line[WRAPPED_TEXT];
    const bool with = ctx_option(ctx, "--with-wrapped") != NULL;
    const struct rescue_facts facts = {
        .name = owner_name(d),
        .fingerprint = d->me.fingerprint,
        .epoch = d->me.epoch,
        .need = circle_need(&d->me),
        .of = (unsigned)circle_pieces(&d->me),
        .made = ctx_now(ctx),
        .wrapped = with ? line : NULL,
    };

    TRY(wrapped_of(d->me.manifest, &wrapped));
    wrapped_format(&wrapped, line);
    TRY(rescue_begin(&page, &facts, to));
    if (ctx_option(ctx, "--with-vault") != NULL)
        TRY(put_vault(ctx, h, d, &page));
    return rescue_end(&page);
}

/* ---- the command ---- */

/* Pieces of the circle that are on paper: nothing else can be typed in. */
static unsigned cards_of(const struct day *d)
{
    unsigned n = 0;

    for (size_t i = 0; i < d->n_guardians; i++)
        n += d->guardians[i].kind == PIECE_CARD && d->guardians[i].epoch == d->me.epoch;
    return n;
}

static void warn_few(struct term *t, const struct day *d)
{
    unsigned cards = cards_of(d);

    if (cards < circle_need(&d->me))
        term_warn(t,
                  "your circle has %u card%s, and %u pieces are needed: the page reads "
                  "cards only. With guardians beside them: kith restore card. More "
                  "cards: kith guardian add NAME --card",
                  cards, cards == 1 ? "" : "s", circle_need(&d->me));
}

static void say_done(struct ctx *ctx, const struct day *d, const char *path)
{
    struct term *t = ctx->term;
    const bool wrapped = ctx_option(ctx, "--with-wrapped") != NULL;
    const bool vault = ctx_option(ctx, "--with-vault") != NULL;

    if (t->json) {
        term_json(t, "bundle",
                  json_pack("{s:s, s:b, s:b, s:i, s:i}", "file", path, "wrapped", wrapped,
                            "vault", vault, "cards", (int)cards_of(d), "need",
                            (int)circle_need(&d->me)));
        return;
    }
    term_say(t,
             "%s works in any browser, without a network and without Kith: it takes "
             "cards and gives the root key back.",
             path);
    if (!wrapped)
        term_say(t, "It asks for the line KITH-WRAPPED, which the circle sheet has: "
                    "kith circle sheet");
    if (!vault)
        term_say(t, "It asks for a copy of the vault, if there is to be one: "
                    "kith vault copy -o FILE");
    warn_few(t, d);
    term_say(t,
             "Copy it to where the cards are not. Make a new one after each change of "
             "the circle%s.",
             vault ? ", and now and then for the vault" : "");
}

static enum err cmd_card_bundle(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    __attribute__((cleanup(close_page))) struct page_file page = {
        .path = ctx_option(ctx, "-o"),
    };

    if (page.path == NULL)
        return term_fail(ctx->term, ERR_ARG, "kith card bundle -o rescue.html",
                         "Which file? -o FILE names it.");
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_day(ctx, &h, &d));
    if (d->me.epoch == 0)
        return term_fail_as(ctx->term, ERR_STATE, EXIT_NO_CIRCLE, "not-sealed",
                            "A page before that would promise what is not there.",
                            "kith circle seal", "Your circle is not sealed yet.");
    TRY(agreed(ctx));
    TRY(open_page(ctx, &page));
    enum err e = write_page(ctx, &h, d, page.f);
    if (e == ERR_IO)
        return fail_file(ctx, &page);
    TRY(e);
    TRY(sync_page(ctx, &page));
    say_done(ctx, d, page.path);
    return OK;
}

static const struct command rows[] = {
    { .path = "card bundle",
      .args = "",
      .key = NEEDS_DAY,
      .help = "Writes a page that gives root and items back from cards in any browser.",
      .options = { { "-o", "FILE", "the page, which is not there yet" },
                   { "--with-wrapped", NULL,
                     "with the line KITH-WRAPPED: then cards need no guardian" },
                   { "--with-vault", NULL, "with a copy of the vault, locked" } },
      .run = cmd_card_bundle },
};

const struct command_table cmd_card_bundle_table = COMMANDS(rows);
