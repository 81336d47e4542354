/* SPDX-License-Identifier: Apache-2.0 */
#include "node/store_archive.h"

static const uint8_t magic[ARCHIVE_HEAD] = { 'K', 'I', 'T', 'H', 'B', 'K', '\n', 1 };

/* Longest and shortest of both parts of a piece. */
struct shape {
    size_t key_least, key_most, least, most;
};

static const struct shape shapes[] = {
    [ARCHIVE_IDENTITY] = { 0, 0, IDENTITY_FILE, IDENTITY_FILE },
    [ARCHIVE_KEY] = { ID_BYTES, ID_BYTES, KEY_BYTES + SEAL_OVERHEAD,
                      KEY_BYTES + SEAL_OVERHEAD },
    [ARCHIVE_RECORD] = { 2, FULL_KEY, SEAL_OVERHEAD, RECORD },
    [ARCHIVE_END] = { 0, 0, 8, 8 },
};

void archive_work_free(struct archive_work **w)
{
    if (*w != NULL)
        secret_wipe(*w, sizeof **w);
    free(*w);
}

void archive_use(FILE *f, struct archive_work *w)
{
    (void)setvbuf(f, w->io, _IOFBF, sizeof w->io); /* its own buffer does as well */
}

static void chain(const struct archive *a, struct bytes piece, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_STORE_BACKUP, PARTS(BYTES_OF(a->chain), piece),
               (struct span){ out, HASH_BYTES });
}

/* The order of keys is the order of their bytes. */
static bool rises(const struct full_key *last, struct bytes key)
{
    for (size_t i = 0; i < last->n && i < key.n; i++)
        if (last->b[i] != key.p[i])
            return last->b[i] < key.p[i];
    return last->n < key.n;
}

/* What has its place and is in it goes on; both writing and reading pass here. */
static bool follows(struct archive *a, const struct archive_piece *p)
{
    if (a->ended || (a->pieces == 0) != (p->kind == ARCHIVE_IDENTITY))
        return false;
    if (p->kind == ARCHIVE_END)
        a->ended = load_u64(p->content.p) == a->pieces;
    if (p->kind == ARCHIVE_END)
        return a->ended;
    if (p->kind != ARCHIVE_RECORD)
        return true;
    if (!rises(&a->last, p->key))
        return false;
    memcpy(a->last.b, p->key.p, p->key.n);
    a->last.n = p->key.n;
    return true;
}

void archive_begin(struct buf *out)
{
    buf_put(out, BYTES_OF(magic));
}

void archive_put(struct archive *a, const struct archive_piece *p, struct buf *out)
{
    size_t from = out->n;
    uint8_t check[HASH_BYTES];

    MUST(follows(a, p));
    buf_put_u8(out, (uint8_t)p->kind);
    buf_put_u16(out, (uint16_t)p->key.n);
    buf_put_u32(out, (uint32_t)p->content.n);
    buf_put(out, p->key);
    buf_put(out, p->content);
    MUST(!out->over);
    chain(a, bytes_of(out->p + from, out->n - from), check);
    buf_put(out, BYTES_OF(check));
    memcpy(a->chain, check, HASH_BYTES);
    a->pieces++;
}

enum err archive_head(const uint8_t head[ARCHIVE_HEAD])
{
    if (!bytes_equal(bytes_of(head, ARCHIVE_HEAD - 1), bytes_of(magic, ARCHIVE_HEAD - 1)))
        return ERR_FORMAT;
    return head[ARCHIVE_HEAD - 1] == magic[ARCHIVE_HEAD - 1] ? OK : ERR_VERSION;
}

enum err archive_size(const uint8_t sizes[ARCHIVE_SIZES], size_t *out_rest)
{
    size_t kind = sizes[0];
    size_t key = load_u16(sizes + 1);
    size_t content = load_u32(sizes + 3);

    if (kind < ARCHIVE_IDENTITY || kind > ARCHIVE_END)
        return ERR_CORRUPT;
    const struct shape *s = &shapes[kind];
    if (key < s->key_least || key > s->key_most || content < s->least ||
        content > s->most)
        return ERR_CORRUPT;
    *out_rest = key + content + HASH_BYTES;
    return OK;
}

enum err archive_get(struct archive *a, struct bytes whole, struct archive_piece *out)
{
    uint8_t check[HASH_BYTES];
    size_t rest = 0;

    if (whole.n < ARCHIVE_SIZES)
        return ERR_CORRUPT;
    TRY(archive_size(whole.p, &rest));
    if (whole.n != ARCHIVE_SIZES + rest)
        return ERR_CORRUPT;
    size_t body = whole.n - HASH_BYTES;
    chain(a, bytes_of(whole.p, body), check);
    if (!bytes_equal(BYTES_OF(check), bytes_of(whole.p + body, HASH_BYTES)))
        return ERR_CORRUPT;
    size_t key = load_u16(whole.p + 1);
    const uint8_t *p = whole.p + ARCHIVE_SIZES;
    struct archive_piece piece = { .kind = (enum archive_kind)whole.p[0],
                                   .key = bytes_of(p, key),
                                   .content = bytes_of(p + key, load_u32(whole.p + 3)) };
    if (!follows(a, &piece))
        return ERR_CORRUPT;
    memcpy(a->chain, check, HASH_BYTES);
    a->pieces++;
    *out = piece;
    return OK;
}
