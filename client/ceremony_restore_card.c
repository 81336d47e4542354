/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_restore_part.h"
#include "proto/slip39.h"

/* ---- taking in ---- */

/* What a card says of itself beside its words, and is not secret. */
static void note_line(struct restore_card *c, const struct card *card)
{
    if (card == NULL)
        return;
    c->known = 1;
    c->epoch = card->epoch;
    c->need = card->need;
    memcpy(c->circle, card->circle, ID_BYTES);
}

/* Its place among the pieces stands in its first bytes, and is no secret. */
static enum err card_new(const uint8_t piece[PIECE_BYTES], struct restore_card *out)
{
    AUTO_SECRET struct slip39_share *share = NULL;

    TRY(secret_new(&share));
    TRY(slip39_piece_decode(bytes_of(piece, PIECE_BYTES), share));
    *out = (struct restore_card){ .group = share->group_index,
                                  .index = share->member_index };
    memcpy(out->piece, piece, PIECE_BYTES);
    return OK;
}

enum err restore_add_card(struct restore *r, const uint8_t piece[PIECE_BYTES],
                          const struct card *card)
{
    for (size_t i = 0; i < r->n_cards; i++) {
        if (!secret_equal(r->cards[i].piece, piece, PIECE_BYTES))
            continue;
        note_line(&r->cards[i], card);
        return ERR_EXISTS;
    }
    if (r->n_cards == PAPER_CARDS)
        return ERR_FULL;
    TRY(card_new(piece, &r->cards[r->n_cards]));
    note_line(&r->cards[r->n_cards++], card);
    return OK;
}

enum err restore_add_wrapped(struct restore *r, const struct wrapped *wrapped)
{
    for (size_t i = 0; i < r->n_wrapped; i++)
        if (bytes_equal(BYTES_OF(r->wrapped[i].sealed), BYTES_OF(wrapped->sealed)))
            return ERR_EXISTS;
    if (r->n_wrapped == PAPER_WRAPPED)
        return ERR_FULL;
    r->wrapped[r->n_wrapped++] = *wrapped;
    return OK;
}

void paper_of(const struct restore *r, struct paper *out)
{
    out->n_cards = r->n_cards;
    for (size_t i = 0; i < r->n_cards; i++) {
        const struct restore_card *from = &r->cards[i];
        struct paper_card *to = &out->cards[i];

        memcpy(to->piece, from->piece, PIECE_BYTES);
        to->known = from->known != 0;
        to->epoch = from->epoch;
        to->need = from->need;
        memcpy(to->circle, from->circle, ID_BYTES);
    }
    out->n_wrapped = r->n_wrapped;
    memcpy(out->wrapped, r->wrapped, r->n_wrapped * sizeof r->wrapped[0]);
}

/* ---- what a person sees ---- */

static bool is_at(const struct restore_card_line *line, const struct roster_card *card)
{
    return line->group == card->group && line->index == card->index;
}

/* A good card, or one of which nothing bad is known, is whose the roster says. */
static bool may_be(const struct restore_card_line *line)
{
    return line->verdict == VERDICT_GOOD || line->verdict == VERDICT_NONE;
}

static void take_name(const struct roster *roster, struct restore_open *o)
{
    for (uint32_t k = 0; k < roster->n_cards; k++) {
        const struct roster_card *card = &roster->cards[k];
        bool there = false;

        for (uint32_t i = 0; i < o->n_cards; i++) {
            struct restore_card_line *line = &o->cards[i];

            if (!is_at(line, card) || !may_be(line))
                continue;
            there = true;
            line->name = card->name;
            line->reach = card->reach;
        }
        if (!there && o->n_cards < CARD_LINES)
            o->cards[o->n_cards++] = (struct restore_card_line){ .name = card->name,
                                                                 .reach = card->reach,
                                                                 .group = card->group,
                                                                 .index = card->index,
                                                                 .epoch = roster->epoch };
    }
}

/* The roster that a good piece came with, else any. */
static bool best_roster(const struct restore *r, struct roster *roster)
{
    for (unsigned any = 0; any < 2; any++)
        for (size_t i = 0; i < r->n; i++) {
            const struct restore_entry *e = &r->entries[i];

            if ((any == 0 && e->verdict != VERDICT_GOOD) || e->roster.n == 0)
                continue;
            if (wire_get(&roster_schema, e->roster, roster) == OK)
                return true;
        }
    return false;
}

void card_lines(const struct restore *r, struct roster *roster, struct restore_open *o)
{
    o->locked = r->head.locked;
    for (size_t i = 0; i < r->n_cards; i++) {
        struct restore_card_line *line = &o->cards[o->n_cards++];

        *line = (struct restore_card_line){ .read = 1,
                                            .group = r->cards[i].group,
                                            .index = r->cards[i].index,
                                            .epoch = r->cards[i].epoch,
                                            .verdict = r->cards[i].verdict };
        if (line->verdict == VERDICT_GOOD && line->epoch == 0)
            line->epoch = r->head.epoch;
    }
    if (best_roster(r, roster))
        take_name(roster, o);
}
