/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/card_part.h"

/* The public text of a card. Its words: card_words.c. */

static const char line_head[] = "KITH-CARD";
static const char wrapped_head[] = "KITH-WRAPPED";

enum { HEAD = sizeof line_head - 1, CHECK = 4 };

/* The map of the public line. */
struct card_line {
    uint8_t circle[ID_BYTES];
    uint32_t epoch;
    uint8_t group;
    uint8_t index;
    uint8_t need;
    uint8_t of;
    uint8_t owner[PUB_BYTES];
    uint8_t piece_key[PUB_BYTES];
    uint8_t manifest[HASH_BYTES];
    uint64_t made;
    struct bytes name;
};

static const struct wire_field line_fields[] = {
    W_FIX(card_line, circle, 1, WIRE_MUST),
    W_UINT(card_line, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_UINT(card_line, group, 3, WIRE_MUST, GROUPS_MAX - 1),
    W_UINT(card_line, index, 4, WIRE_MUST, GROUPS_MAX - 1),
    W_UINT(card_line, need, 5, WIRE_MUST, PIECES_MAX),
    W_UINT(card_line, of, 6, WIRE_MUST, PIECES_MAX),
    W_FIX(card_line, owner, 7, WIRE_MUST),
    W_FIX(card_line, piece_key, 8, WIRE_MUST),
    W_FIX(card_line, manifest, 9, WIRE_MUST),
    W_UINT(card_line, made, 10, WIRE_MUST, UINT64_MAX),
    W_TEXT(card_line, name, 11, WIRE_MAY, 1, NAME_MAX_BYTES),
};
const struct wire_schema card_line_schema = W_SCHEMA(card_line, line_fields);

/* ---- a card of a manifest ---- */

static void fill(struct card *c, const struct manifest *m, const struct manifest_piece *p)
{
    memcpy(c->circle, m->circle, ID_BYTES);
    c->epoch = m->epoch;
    c->group = p->group;
    c->index = p->index;
    c->need = (uint8_t)manifest_need(m);
    c->of = (uint8_t)m->n_pieces;
    memcpy(c->owner, m->owner, PUB_BYTES);
    memcpy(c->piece_key, p->piece_key, PUB_BYTES);
    c->made = m->made;
}

enum err card_of(struct bytes manifest, const uint8_t piece_key[PUB_BYTES],
                 struct bytes name, enum card_kind kind, struct card *out)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    struct card c = { .kind = kind };

    if (m == NULL)
        return ERR_NOMEM;
    if (name.n > NAME_MAX_BYTES || !wire_printable(name))
        return ERR_ARG;
    TRY(manifest_open(manifest, m));
    const struct manifest_piece *p = manifest_find(m, piece_key);
    if (p == NULL || p->kind != PIECE_CARD)
        return ERR_UNKNOWN;
    fill(&c, m, p);
    TRY(manifest_hash(manifest, c.manifest));
    if (name.n > 0)
        memcpy(c.name, name.p, name.n);
    if (kind == CARD_STANDALONE)
        TRY(wrapped_of(manifest, &c.wrapped));
    *out = c;
    return OK;
}

bool card_fits(const struct card *c, const uint8_t piece[PIECE_BYTES])
{
    uint8_t pub[PUB_BYTES];

    piece_public(piece, pub);
    secret_public(pub, sizeof pub);
    return bytes_equal(BYTES_OF(pub), BYTES_OF(c->piece_key));
}

enum err card_put_piece(struct card *c, const uint8_t piece[PIECE_BYTES])
{
    if (!card_fits(c, piece))
        return ERR_SHARE_MIXED;
    memcpy(c->piece, piece, PIECE_BYTES);
    c->has_piece = true;
    return OK;
}

/* ---- writing ---- */

static void line_check(struct bytes body, uint8_t out[CHECK])
{
    uint8_t hash[ID_BYTES];

    crypt_hash(LABEL_CARD_LINE, &body, 1, SPAN_OF(hash));
    memcpy(out, hash, CHECK);
}

static void line_of(const struct card *c, struct card_line *l)
{
    memcpy(l->circle, c->circle, ID_BYTES);
    l->epoch = c->epoch;
    l->group = c->group;
    l->index = c->index;
    l->need = c->need;
    l->of = c->of;
    memcpy(l->owner, c->owner, PUB_BYTES);
    memcpy(l->piece_key, c->piece_key, PUB_BYTES);
    memcpy(l->manifest, c->manifest, HASH_BYTES);
    l->made = c->made;
    l->name = bytes_text(c->name);
}

void card_format(const struct card *c, char out[CARD_TEXT])
{
    uint8_t raw[CARD_BODY + CHECK];
    uint8_t check[CHECK];
    struct card_line l = { .epoch = 0 };
    struct buf b = BUF_OF(raw);
    struct buf text = { .p = (uint8_t *)out, .cap = CARD_TEXT };

    line_of(c, &l);
    wire_put(&card_line_schema, &l, &b);
    line_check(buf_bytes(&b), check);
    buf_put(&b, BYTES_OF(check));
    MUST(!b.over);
    buf_put(&text, bytes_text("KITH-CARD1:"));
    base32_put(buf_bytes(&b), &text);
    buf_put_u8(&text, c->kind == CARD_STANDALONE ? '\n' : '\0');
    MUST(!text.over && text.n <= CARD_LINE_TEXT);
    if (c->kind == CARD_STANDALONE)
        wrapped_format(&c->wrapped, out + text.n);
}

/* ---- reading ---- */

static void card_from(const struct card_line *l, struct card *c)
{
    memcpy(c->circle, l->circle, ID_BYTES);
    c->epoch = l->epoch;
    c->group = l->group;
    c->index = l->index;
    c->need = l->need;
    c->of = l->of;
    memcpy(c->owner, l->owner, PUB_BYTES);
    memcpy(c->piece_key, l->piece_key, PUB_BYTES);
    memcpy(c->manifest, l->manifest, HASH_BYTES);
    c->made = l->made;
    if (l->name.n > 0)
        memcpy(c->name, l->name.p, l->name.n);
}

/* rest: what follows "KITH-CARD". */
static enum err card_line_read(struct bytes rest, struct card *out)
{
    uint8_t raw[CARD_BODY + CHECK];
    uint8_t check[CHECK];
    struct buf b = BUF_OF(raw);
    struct card_line l = { .epoch = 0 };

    if (rest.n < 2 || rest.p[0] < '1' || rest.p[0] > '9')
        return ERR_FORMAT;
    if (rest.p[0] != '1' || rest.p[1] != ':')
        return ERR_VERSION;
    TRY(base32_take(bytes_of(rest.p + 2, rest.n - 2), &b));
    if (b.n < CHECK)
        return ERR_CHECKSUM;
    line_check(bytes_of(raw, b.n - CHECK), check);
    if (!bytes_equal(BYTES_OF(check), bytes_of(raw + b.n - CHECK, CHECK)))
        return ERR_CHECKSUM;
    TRY(wire_get(&card_line_schema, bytes_of(raw, b.n - CHECK), &l));
    if (l.epoch == 0 || l.need < 2 || l.need > l.of)
        return ERR_FORMAT;
    card_from(&l, out);
    return OK;
}

/* The lines of ours that were met so far. */
struct lines {
    struct bytes card;
    struct bytes wrapped;
};

static enum err keep(struct bytes line, struct bytes *place)
{
    if (place->n > 0 && !bytes_equal(*place, line))
        return ERR_SHARE_MANY;
    *place = line;
    return OK;
}

static enum err lines_find(struct bytes text, struct lines *out)
{
    while (text.n > 0) {
        struct bytes line = card_line_take(&text);

        if (card_line_begins(line, line_head))
            TRY(keep(line, &out->card));
        else if (card_line_begins(line, wrapped_head))
            TRY(keep(line, &out->wrapped));
    }
    return OK;
}

enum err card_parse(struct bytes text, struct card *out)
{
    struct lines lines = { .card = { NULL, 0 } };
    struct card c = { .kind = CARD_LOCKED };

    if (text.n > CARD_TYPED)
        return ERR_TOO_BIG;
    TRY(lines_find(text, &lines));
    if (lines.card.n == 0)
        return ERR_UNKNOWN;
    TRY(card_line_read(bytes_of(lines.card.p + HEAD, lines.card.n - HEAD), &c));
    if (lines.wrapped.n > 0) {
        TRY(wrapped_parse(lines.wrapped, &c.wrapped));
        if (c.wrapped.epoch != c.epoch ||
            !bytes_equal(BYTES_OF(c.wrapped.circle), BYTES_OF(c.circle)))
            return ERR_SHARE_MIXED;
        c.kind = CARD_STANDALONE;
    }
    *out = c;
    return OK;
}
