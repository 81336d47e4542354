/* SPDX-License-Identifier: Apache-2.0 */
#include "node/store_check.h"

#include <sys/stat.h>
#include <unistd.h>

/*
 * The file as LMDB 0.9 writes it, in the machine's own word size and byte order: two
 * meta pages, then pages of two trees, the records and the free pages (transaction ->
 * list). A page: number (word), pad u16, flags u16, lower u16, upper u16 (or number of
 * overflow pages u32), then u16 offsets of its nodes. A node: u16 low, u16 high, u16
 * flags, u16 key size, key, data.
 */
enum {
    W = sizeof(size_t),
    HEAD = W + 8,
    NODE = 8,
    DB = 8 + 5 * W,
    META = HEAD + 8 + 2 * W + 2 * DB + 2 * W,
    META_DBS = HEAD + 8 + 2 * W,
    KEY_MOST = 511,
    DEPTH_MOST = 32,
    IS_BRANCH = 1,
    IS_LEAF = 2,
    IS_OVERFLOW = 4,
    IS_META = 8,
    FREE_FLAGS = 8, /* integer keys */
    BIG_DATA = 1
};

#define META_MAGIC   0xBEEFC0DEU
#define META_VERSION 1U
#define NO_PAGE      SIZE_MAX

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the order of a node's halves");

struct tree {
    size_t branches, leaves, overflows, entries, root;
    uint32_t pad;
    uint16_t flags, depth;
};

struct meta {
    struct tree trees[2]; /* free pages, records */
    size_t last;          /* page */
    size_t commit;
};

/* The last key met on the way through a tree, left to right. */
struct edge {
    uint8_t key[KEY_MOST];
    size_t n;
    bool any;
    bool may_repeat; /* it was a branch's key: the leaf below may begin with it */
};

struct walk {
    int fd;
    size_t size; /* of the file */
    size_t page; /* size of one */
    struct meta meta;
    uint8_t *used; /* a bit a page */
    struct tree *want;
    struct tree seen;
    struct edge edge;
    bool numbers; /* keys are numbers: the tree of free pages */
    const char *why;
};

static enum err bad(struct walk *w, const char *why)
{
    w->why = why;
    return ERR_CORRUPT;
}

static uint16_t get_u16(const uint8_t *p)
{
    uint16_t v = 0;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint32_t get_u32(const uint8_t *p)
{
    uint32_t v = 0;

    memcpy(&v, p, sizeof(v));
    return v;
}

static size_t get_word(const uint8_t *p)
{
    size_t v = 0;

    memcpy(&v, p, sizeof(v));
    return v;
}

static enum err read_at(struct walk *w, size_t off, uint8_t *out, size_t n)
{
    if (off > w->size || n > w->size - off)
        return bad(w, "it is cut short");
    ssize_t got = pread(w->fd, out, n, (off_t)off);
    return got == (ssize_t)n ? OK : ERR_IO;
}

/* ---- meta pages ---- */

static void read_tree(const uint8_t *p, struct tree *out)
{
    out->pad = get_u32(p);
    out->flags = get_u16(p + 4);
    out->depth = get_u16(p + 6);
    out->branches = get_word(p + 8);
    out->leaves = get_word(p + 8 + W);
    out->overflows = get_word(p + 8 + 2 * W);
    out->entries = get_word(p + 8 + 3 * W);
    out->root = get_word(p + 8 + 4 * W);
}

static enum err read_meta(struct walk *w, size_t which, struct meta *out)
{
    uint8_t p[META];

    TRY(read_at(w, which * w->page, p, sizeof(p)));
    if (get_u32(p + HEAD) != META_MAGIC || get_u32(p + HEAD + 4) != META_VERSION ||
        get_word(p) != which || get_u16(p + W + 2) != IS_META)
        return bad(w, "it is not a store");
    read_tree(p + META_DBS, &out->trees[0]);
    read_tree(p + META_DBS + DB, &out->trees[1]);
    out->last = get_word(p + META_DBS + 2 * DB);
    out->commit = get_word(p + META_DBS + 2 * DB + W);
    if (out->trees[0].pad != w->page || out->trees[0].flags != FREE_FLAGS ||
        out->trees[1].flags != 0)
        return bad(w, "its head is damaged");
    return OK;
}

/* The page size stands inside the first page. */
static enum err read_page_size(struct walk *w)
{
    uint8_t p[META];

    TRY(read_at(w, 0, p, sizeof(p)));
    size_t page = get_u32(p + META_DBS);
    if (page < 512 || page > 65536 || (page & (page - 1)) != 0)
        return bad(w, "it is not a store");
    w->page = page;
    return OK;
}

/* Commits alternate between the two: commit n stands in page n mod 2. */
static enum err read_metas(struct walk *w)
{
    struct meta m[2] = { 0 };

    TRY(read_page_size(w));
    TRY(read_meta(w, 0, &m[0]));
    TRY(read_meta(w, 1, &m[1]));
    size_t newest = m[1].commit > m[0].commit ? 1 : 0;
    size_t n = m[newest].commit;
    bool fresh = n == 0 && m[1].commit == 0;
    if (!fresh && (n % 2 != newest || m[1 - newest].commit != n - 1))
        return bad(w, "its head is damaged");
    w->meta = m[newest];
    if (w->meta.last < 1 || w->meta.last > w->size / 512 + 4096)
        return bad(w, "it is cut short");
    return OK;
}

/* ---- pages ---- */

static enum err use_page(struct walk *w, size_t page)
{
    if (page < 2 || page > w->meta.last)
        return bad(w, "it points outside itself");
    uint8_t bit = (uint8_t)(1U << (page % 8));
    if ((w->used[page / 8] & bit) != 0)
        return bad(w, "it uses a page twice");
    w->used[page / 8] |= bit;
    return OK;
}

static int compare(const struct walk *w, struct bytes a, struct bytes b)
{
    if (w->numbers) {
        size_t x = get_word(a.p);
        size_t y = get_word(b.p);
        return x < y ? -1 : x > y;
    }
    for (size_t i = 0; i < a.n && i < b.n; i++)
        if (a.p[i] != b.p[i])
            return a.p[i] < b.p[i] ? -1 : 1;
    return a.n < b.n ? -1 : a.n > b.n;
}

/* Keys rise from left to right; a branch's key is not above what it leads to. */
static enum err pass_key(struct walk *w, struct bytes key, bool may_repeat)
{
    if (key.n == 0 || key.n > KEY_MOST || (w->numbers && key.n != W))
        return bad(w, "a key has a wrong size");
    if (w->edge.any) {
        int c = compare(w, bytes_of(w->edge.key, w->edge.n), key);
        if (c > 0 || (c == 0 && !w->edge.may_repeat))
            return bad(w, "its keys are out of order");
    }
    memcpy(w->edge.key, key.p, key.n);
    w->edge.n = key.n;
    w->edge.any = true;
    w->edge.may_repeat = may_repeat;
    return OK;
}

/* A list of free pages: its length, then page numbers. */
static enum err use_free(struct walk *w, struct bytes list)
{
    if (list.n < W || list.n % W != 0 || get_word(list.p) > list.n / W - 1)
        return bad(w, "a list of free pages is damaged");
    size_t n = get_word(list.p);
    for (size_t i = 1; i <= n; i++)
        TRY(use_page(w, get_word(list.p + i * W)));
    return OK;
}

static enum err use_big(struct walk *w, size_t page, size_t n)
{
    uint8_t head[HEAD];
    size_t pages = (HEAD + n - 1) / w->page + 1;

    for (size_t i = 0; i < pages; i++)
        TRY(use_page(w, page + i));
    TRY(read_at(w, page * w->page, head, sizeof(head)));
    if (get_word(head) != page || get_u16(head + W + 2) != IS_OVERFLOW ||
        get_u32(head + W + 4) != pages)
        return bad(w, "a long record is damaged");
    if (w->size / w->page < page + pages)
        return bad(w, "it is cut short");
    w->seen.overflows += pages;
    if (!w->numbers)
        return OK;

    AUTO_FREE uint8_t *list = calloc(1, n > 0 ? n : 1);
    if (list == NULL)
        return ERR_NOMEM;
    TRY(read_at(w, page * w->page + HEAD, list, n));
    return use_free(w, bytes_of(list, n));
}

/* node is a leaf's, at most most bytes; *out_n what it takes of its page. */
static enum err walk_leaf(struct walk *w, const uint8_t *node, size_t most, size_t *out_n)
{
    size_t data = get_u16(node) | (size_t)get_u16(node + 2) << 16;
    size_t key = get_u16(node + 6);
    bool big = get_u16(node + 4) == BIG_DATA;

    if (!big && get_u16(node + 4) != 0)
        return bad(w, "a record has unknown flags");
    size_t here = big ? W : data;
    if (key > most - NODE || here > most - NODE - key)
        return bad(w, "a record leaves its page");
    if (data > w->size)
        return bad(w, "a record is longer than the file");
    TRY(pass_key(w, bytes_of(node + NODE, key), false));
    w->seen.entries++;
    *out_n = NODE + key + here;
    const uint8_t *p = node + NODE + key;
    if (big)
        return use_big(w, get_word(p), data);
    return w->numbers ? use_free(w, bytes_of(p, data)) : OK;
}

static enum err walk_page(struct walk *w, size_t page, uint16_t depth);

/* The leftmost node's key of a branch is never looked at, and may be any. */
static enum err walk_branch(struct walk *w, const uint8_t *node, size_t most,
                            uint16_t depth, bool first, size_t *out_n)
{
    size_t to = get_u16(node) | (size_t)get_u16(node + 2) << 16;
    size_t key = get_u16(node + 6);

    if (W > 4)
        to |= (size_t)get_u16(node + 4) << (W > 4 ? 32 : 0);
    if (key > most - NODE)
        return bad(w, "a record leaves its page");
    if (!first)
        TRY(pass_key(w, bytes_of(node + NODE, key), true));
    *out_n = NODE + key;
    return walk_page(w, to, (uint16_t)(depth + 1));
}

static enum err walk_nodes(struct walk *w, const uint8_t *p, bool leaf, uint16_t depth)
{
    size_t lower = get_u16(p + W + 4);
    size_t upper = get_u16(p + W + 6);

    if (lower < HEAD || lower > upper || upper > w->page || (lower - HEAD) % 2 != 0)
        return bad(w, "a page is damaged");
    size_t count = (lower - HEAD) / 2;
    if (count < (leaf ? 1U : 2U))
        return bad(w, "a page is empty");
    size_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        size_t off = get_u16(p + HEAD + 2 * i);
        size_t n = 0;
        if (off < upper || off > w->page - NODE)
            return bad(w, "a record leaves its page");
        if (leaf)
            TRY(walk_leaf(w, p + off, w->page - off, &n));
        else
            TRY(walk_branch(w, p + off, w->page - off, depth, i == 0, &n));
        filled += n + (n & 1);
    }
    return filled == w->page - upper ? OK : bad(w, "a page is damaged");
}

/* Recursion is as deep as the tree: at most DEPTH_MOST pages are held. */
static enum err walk_page(struct walk *w, size_t page, uint16_t depth)
{
    if (depth > w->want->depth)
        return bad(w, "its tree is damaged");
    TRY(use_page(w, page));
    AUTO_FREE uint8_t *p = calloc(1, w->page);
    if (p == NULL)
        return ERR_NOMEM;
    TRY(read_at(w, page * w->page, p, w->page));
    uint16_t flags = get_u16(p + W + 2);
    bool leaf = depth == w->want->depth;
    if (get_word(p) != page || flags != (leaf ? IS_LEAF : IS_BRANCH))
        return bad(w, "a page is damaged");
    if (leaf)
        w->seen.leaves++;
    else
        w->seen.branches++;
    return walk_nodes(w, p, leaf, depth);
}

static enum err walk_tree(struct walk *w, struct tree *tree, bool numbers)
{
    w->want = tree;
    w->numbers = numbers;
    w->seen = (struct tree){ 0 };
    w->edge.any = false;
    if (tree->depth > DEPTH_MOST || (tree->root == NO_PAGE) != (tree->depth == 0))
        return bad(w, "its head is damaged");
    if (tree->root != NO_PAGE)
        TRY(walk_page(w, tree->root, 1));
    if (w->seen.branches != tree->branches || w->seen.leaves != tree->leaves ||
        w->seen.overflows != tree->overflows || w->seen.entries != tree->entries)
        return bad(w, "records are missing");
    return OK;
}

static enum err check(struct walk *w)
{
    struct stat st;

    if (fstat(w->fd, &st) != 0 || st.st_size < 0)
        return ERR_IO;
    w->size = (size_t)st.st_size;
    if (w->size == 0)
        return bad(w, "it is empty");
    TRY(read_metas(w));
    w->used = calloc(1, w->meta.last / 8 + 1);
    if (w->used == NULL)
        return ERR_NOMEM;
    TRY(walk_tree(w, &w->meta.trees[1], false));
    return walk_tree(w, &w->meta.trees[0], true);
}

enum err store_check(int fd, const char **out_why)
{
    struct walk w = { .fd = fd, .why = "it cannot be read" };
    enum err e = check(&w);

    free(w.used);
    if (e != OK)
        *out_why = w.why;
    return e;
}
