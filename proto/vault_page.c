/* SPDX-License-Identifier: Apache-2.0 */
/* Items in pages, pages in an index. */
#include "proto/vault.h"

uint8_t vault_bits(size_t items)
{
    uint8_t bits = 0;
    while (bits < VAULT_BITS_MAX && items > ((size_t)VAULT_PAGE_ITEMS << bits))
        bits++;
    return bits;
}

size_t vault_page_of(const uint8_t item[ID_BYTES], uint8_t bits)
{
    return (size_t)load_u16(item) >> (16 - bits);
}

void vault_page_put(struct bytes encoded, struct buf *page)
{
    MUST(encoded.n <= VAULT_ITEM_MAX);
    buf_put_u16(page, (uint16_t)encoded.n);
    buf_put(page, encoded);
}

/* What the fields' own bounds do not say. */
static enum err item_check(const struct vault_item *i)
{
    if (vault_type_name(i->type) == NULL)
        return ERR_FORMAT;
    if ((i->removed == 0) != (i->n_now == 1))
        return ERR_FORMAT;
    return OK;
}

enum err vault_page_next(struct bytes *io_page, size_t page, uint8_t bits,
                         const struct vault_item *before, struct bytes *out_encoded,
                         struct vault_item *out)
{
    struct bytes in = *io_page;
    struct bytes n = { 0 };
    struct bytes encoded = { 0 };
    struct vault_item item = { 0 };

    TRY(bytes_take(&in, 2, &n));
    TRY(bytes_take(&in, load_u16(n.p), &encoded));
    if (encoded.n > VAULT_ITEM_MAX)
        return ERR_FORMAT;
    TRY(wire_get(&vault_item_schema, encoded, &item));
    TRY(item_check(&item));
    if (vault_page_of(item.id, bits) != page)
        return ERR_FORMAT;
    if (before != NULL && bytes_order(BYTES_OF(before->id), BYTES_OF(item.id)) >= 0)
        return ERR_FORMAT;
    *io_page = in;
    *out_encoded = encoded;
    *out = item;
    return OK;
}

enum err vault_index_put(const struct vault_io *io, const struct vault_index *index,
                         uint8_t out_id[VAULT_ID])
{
    struct buf b = BUF_OF(io->work->list[0]);
    wire_put(&vault_index_schema, index, &b);
    MUST(!b.over);
    return vault_put(io, VAULT_INDEX, buf_bytes(&b), out_id);
}

enum err vault_index_get(const struct vault_io *io, const uint8_t id[VAULT_ID],
                         struct span mem, struct vault_index *out)
{
    struct bytes content = { 0 };
    struct vault_index index = { 0 };
    TRY(vault_get(io, VAULT_INDEX, id, mem, &content));
    TRY(wire_get(&vault_index_schema, content, &index));
    if (index.pages.n != (size_t)VAULT_ID << index.bits)
        return ERR_FORMAT;
    *out = index;
    return OK;
}
