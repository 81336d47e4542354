/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "client/cmd.h"
#include "client/derive.h"

enum { INDEX_MAX = 999999 };

static bool on_terminal(const struct term *t)
{
    int fd = fileno(t->out);

    return fd >= 0 && isatty(fd) == 1;
}

static enum err shown_on_purpose(struct ctx *ctx)
{
    if (ctx_option(ctx, "--public") != NULL || ctx_option(ctx, "--show") != NULL ||
        !on_terminal(ctx->term))
        return OK;
    return term_fail_as(
        ctx->term, ERR_ARG, EXIT_USAGE, "needs-show",
        "A secret on the screen is seen by whoever looks over your "
        "shoulder, and stays in the terminal's memory.",
        "Send it to a program (kith derive … | ssh-add -), or add --show.",
        "This would put a secret on the screen.");
}

static enum err wanted(struct ctx *ctx, enum derive_type *out_type, uint32_t *out_index)
{
    const char *index = ctx_option(ctx, "--index");
    uint64_t n = 0;

    if (derive_type_find(ctx->args[0], out_type) != OK)
        return term_fail(ctx->term, ERR_ARG, "kith help derive",
                         "There is no kind \"%s\": age, ssh or password is expected.",
                         ctx->args[0]);
    TRY(ctx_text(ctx, "The name", ctx->args[1], DERIVE_NAME_MAX));
    if (index != NULL && number_parse(index, 0, INDEX_MAX, &n) != OK)
        return term_fail(ctx->term, ERR_ARG, NULL,
                         "--index takes a whole number from 0 to %d.", INDEX_MAX);
    *out_index = (uint32_t)n;
    return OK;
}

static enum err no_public(struct ctx *ctx)
{
    return term_fail(ctx->term, ERR_ARG, "Leave --public out.",
                     "A password has no public part.");
}

/* Past the buffers of standard output: the text is secret. */
static void answer(struct term *t, struct bytes text)
{
    (void)fflush(t->out);
    (void)setvbuf(t->out, NULL, _IONBF, 0);
    term_progress_end(t);
    (void)fwrite(text.p, 1, text.n, t->out);
}

static void answer_json(struct ctx *ctx, uint32_t index, struct bytes text)
{
    const bool is_public = ctx_option(ctx, "--public") != NULL;

    while (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    term_json(ctx->term, "derive",
              json_pack("{s:s, s:s, s:I, s:o}", "type", ctx->args[0], "name",
                        ctx->args[1], "index", (json_int_t)index,
                        is_public ? "public" : "secret", json_slice(text)));
}

static enum err cmd_derive(struct ctx *ctx)
{
    __attribute__((cleanup(home_close))) struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_SECRET void *key = NULL;
    AUTO_SECRET void *text = NULL;
    enum derive_type type = DERIVE_AGE;
    uint32_t index = 0;

    TRY(wanted(ctx, &type, &index));
    TRY(shown_on_purpose(ctx));
    TRY(ctx_home(ctx, HOME_READ, &h));
    TRY(ctx_unlock(ctx, &h, &u));
    TRY(secret_alloc(KEY_BYTES, &key));
    TRY(secret_alloc(DERIVE_TEXT_MAX, &text));
    struct bytes name = bytes_text(ctx->args[1]);
    struct buf out = { .p = text, .cap = DERIVE_TEXT_MAX };

    TRY(derive_key(&u->root, type, name, index, key));
    if (ctx_option(ctx, "--public") == NULL)
        derive_secret(type, key, name, &out);
    else if (derive_public(type, key, name, &out) != OK)
        return no_public(ctx);
    MUST(!out.over);
    if (ctx->term->json)
        answer_json(ctx, index, buf_bytes(&out));
    else
        answer(ctx->term, buf_bytes(&out));
    return OK;
}

static const struct command rows[] = {
    { .path = "derive",
      .args = "age|ssh|password NAME",
      .min = 2,
      .max = 2,
      .key = NEEDS_ROOT,
      .help =
          "Prints a key or password that comes back with your root, without storing it.",
      .options = { { "--index", "N", "the next one of the same name (0)" },
                   { "--public", NULL, "only the public part" },
                   { "--show", NULL, "also on a screen" } },
      .run = cmd_derive },
};

const struct command_table cmd_derive_table = COMMANDS(rows);
