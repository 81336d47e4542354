/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a backup: eight bytes of magic and version, then pieces, each with a hash
 * over itself and all before it, then an end. So what is cut short, changed, put in
 * another order or made by a later version is told from a whole one before any of it is
 * used. The hashes are against rot: whoever holds a backup holds the node's keys.
 */
#ifndef KITH_NODE_STORE_ARCHIVE_H
#define KITH_NODE_STORE_ARCHIVE_H

#include <stdio.h>

#include "node/store_part.h"

/* X(NAME, number, "key -> content"); numbers are frozen. */
#define ARCHIVE_PIECES(X)                                                                \
    X(IDENTITY, 1, "nothing -> the identity file; the first piece")                      \
    X(KEY, 2, "name of a data key -> its sealed file")                                   \
    X(RECORD, 3, "key with its table -> sealed record, in rising order")                 \
    X(END, 4, "nothing -> number of pieces before, u64; the last piece")

enum archive_kind {

#define ARCHIVE_ENUM(name, number, what) ARCHIVE_##name = (number),
    ARCHIVE_PIECES(ARCHIVE_ENUM)
#undef ARCHIVE_ENUM
};

enum {
    ARCHIVE_HEAD = 8,
    ARCHIVE_SIZES = 7, /* kind u8, length of key u16, of content u32 */
    ARCHIVE_MOST = ARCHIVE_SIZES + FULL_KEY + RECORD + HASH_BYTES
};

struct archive_piece {
    enum archive_kind kind;
    struct bytes key;
    struct bytes content;
};

/* Where one is in an archive, writing or reading; { 0 } before the first piece. */
struct archive {
    uint8_t chain[HASH_BYTES];
    uint64_t pieces;
    bool ended;
    struct full_key last; /* record */
};

/* Memory that sees keys while an archive is written or read; wiped at its end. */
struct archive_work {
    uint8_t piece[ARCHIVE_MOST];
    uint8_t place[RECORD]; /* what was opened */
    char io[64 * 1024];    /* the file's buffer */
};

void archive_work_free(struct archive_work **w);
#define AUTO_ARCHIVE_WORK __attribute__((cleanup(archive_work_free)))
/* f's buffer lies in w. */
void archive_use(FILE *f, struct archive_work *w);

/* Appends the head; one piece. */
void archive_begin(struct buf *out);
void archive_put(struct archive *a, const struct archive_piece *p, struct buf *out);
/* ERR_FORMAT: no backup; ERR_VERSION: a later form. */
enum err archive_head(const uint8_t head[ARCHIVE_HEAD]);
/* From a piece's first bytes: how many follow. ERR_CORRUPT: none that we write. */
enum err archive_size(const uint8_t sizes[ARCHIVE_SIZES], size_t *out_rest);
/* A whole piece; slices point into it. ERR_CORRUPT: changed, or out of its place. */
enum err archive_get(struct archive *a, struct bytes whole, struct archive_piece *out);

#endif
