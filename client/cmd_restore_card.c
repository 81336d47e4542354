/* SPDX-License-Identifier: Apache-2.0 */
#include "client/card_read.h"
#include "client/cmd_restore_part.h"

/* Words with a slip are known by the piece keys of every manifest that has come. */
static enum err keys_known(const struct restore *r, struct card_keys *keys)
{
    const uint8_t *seen[RESTORE_ENTRIES * EPOCHS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++) {
        for (uint32_t k = 0; k < r->entries[i].n_pieces; k++) {
            const struct restore_piece *p = &r->entries[i].pieces[k];
            bool known = p->manifest.n == 0;

            for (size_t s = 0; s < n && !known; s++)
                known = bytes_equal(bytes_of(seen[s], HASH_BYTES),
                                    BYTES_OF(p->manifest_hash));
            if (known)
                continue;
            seen[n++] = p->manifest_hash;
            /* One that does not open is told by the judgement. */
            if (card_keys_of(keys, p->manifest) == ERR_NOMEM)
                return ERR_NOMEM;
        }
    }
    return OK;
}

static enum err no_words(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_FORMAT, EXIT_USAGE, "no-words",
                        "A card has 33 words; its larger code holds them too. What was "
                        "given is the public text beside them.",
                        "kith restore card", "There are no words in it.");
}

static enum err no_room(const struct ctx *ctx)
{
    return term_fail(ctx->term, ERR_FULL, NULL, "No circle has as many cards.");
}

static enum err take(const struct ctx *ctx, struct restore *r, const struct card_paper *p)
{
    const struct card *card = p->fits ? &p->card : NULL;

    if (!p->has_piece)
        return no_words(ctx);
    enum err e = restore_add_card(r, p->piece, card);
    if (e == ERR_EXISTS)
        term_say(ctx->term, "This card was read before.");
    else if (e != OK)
        return e == ERR_FULL ? no_room(ctx) : e;
    if (p->has_line && p->card.kind == CARD_STANDALONE) {
        e = restore_add_wrapped(r, &p->card.wrapped);
        return e == ERR_FULL ? no_room(ctx) : e == ERR_EXISTS ? OK : e;
    }
    return OK;
}

enum err restore_card_add(const struct ctx *ctx, struct restore *r, const char *path)
{
    AUTO_SECRET struct card_paper *paper = NULL;
    AUTO_FREE struct card_keys *keys = calloc(1, sizeof *keys);

    if (keys == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&paper));
    TRY(keys_known(r, keys));
    TRY(card_paper_read(ctx->term, path, keys, paper));
    return take(ctx, r, paper);
}
