/* SPDX-License-Identifier: Apache-2.0 */
/* The vault's formats, against a second implementation's vectors and against damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/vault.h"

#include "json.h"

/* ---- objects in memory ---- */

enum { SHELF_MAX = 2000 };

struct shelf {
    size_t n;

    struct {
        uint8_t id[VAULT_ID];
        uint8_t *p;
        size_t n;
    } at[SHELF_MAX];
};

static struct shelf shelf;
static struct vault_work work;
static struct vault_keys *keys;

static size_t shelf_find(const uint8_t id[VAULT_ID])
{
    size_t i = 0;
    while (i < shelf.n && memcmp(shelf.at[i].id, id, VAULT_ID) != 0)
        i++;
    return i;
}

static enum err shelf_put(void *ctx, const uint8_t id[VAULT_ID], struct bytes object)
{
    (void)ctx;
    size_t i = shelf_find(id);
    if (i < shelf.n)
        return OK;
    assert_true(i < SHELF_MAX);
    memcpy(shelf.at[i].id, id, VAULT_ID);
    shelf.at[i].p = malloc(object.n);
    assert_non_null(shelf.at[i].p);
    memcpy(shelf.at[i].p, object.p, object.n);
    shelf.at[i].n = object.n;
    shelf.n++;
    return OK;
}

static enum err shelf_get(void *ctx, const uint8_t id[VAULT_ID], struct span mem,
                          size_t *out_n)
{
    (void)ctx;
    size_t i = shelf_find(id);
    if (i == shelf.n)
        return ERR_UNKNOWN;
    assert_true(shelf.at[i].n <= mem.n);
    memcpy(mem.p, shelf.at[i].p, shelf.at[i].n);
    *out_n = shelf.at[i].n;
    return OK;
}

static const struct vault_store store = { NULL, shelf_put, shelf_get };

static struct vault_io io_of(void)
{
    return (struct vault_io){ keys, &store, &work };
}

static int shelf_clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < shelf.n; i++)
        free(shelf.at[i].p);
    shelf.n = 0;
    return 0;
}

static void shelf_remove(size_t i)
{
    free(shelf.at[i].p);
    shelf.at[i] = shelf.at[--shelf.n];
}

static size_t shelf_bytes(void)
{
    size_t n = 0;
    for (size_t i = 0; i < shelf.n; i++)
        n += shelf.at[i].n;
    return n;
}

/* ---- helpers ---- */

static json_t *vectors;

static const json_t *whole(void)
{
    return json_at(vectors, "vault");
}

static uint8_t *pattern(size_t n)
{
    uint8_t *p = malloc(n + 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(7 * i + i / 999);
    return p;
}

static void keys_make(const struct json_t *row, struct vault_keys *out)
{
    struct root_key *root = NULL;
    struct vault_key *key = NULL;
    assert_int_equal(secret_new(&root), OK);
    assert_int_equal(secret_new(&key), OK);
    json_fixed(row, "root", SPAN_OF(root->b));
    assert_int_equal(vault_key_of(root, json_u32(row, "generation"), key), OK);
    json_same(row, "key", BYTES_OF(key->b));
    vault_keys_of(key, out);
    secret_free(root);
    secret_free(key);
}

static uint64_t json_u64(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_at(o, key));
}

/* ---- sizes ---- */

/* The definition, in numbers instead of masks. */
static uint64_t padme(uint64_t n)
{
    unsigned e = 0;
    unsigned s = 0;
    if (n <= 256)
        return 256;
    while (n >> (e + 1) != 0)
        e++;
    while (e >> (s + 1) != 0)
        s++;
    uint64_t step = (uint64_t)1 << (e - (s + 1));
    return (n + step - 1) / step * step;
}

static void sizes_are_padded_as_defined(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_at(vectors, "pads"), i, row)
        assert_int_equal(vault_pad(json_u64(row, "size")), json_u64(row, "padded"));
    uint64_t before = 0;
    for (uint64_t n = 0; n < 300000; n++) {
        uint64_t p = vault_pad(n);
        assert_int_equal(p, padme(n));
        assert_true(p >= n && p >= before);
        /* At most an eighth more, and a padded size is its own class. */
        assert_true(p <= 256 || p - n <= n / 8);
        assert_int_equal(vault_pad(p), p);
        before = p;
    }
    assert_int_equal(vault_pad(UINT32_MAX), (uint64_t)1 << 32);
}

static void chunks_and_lists_are_counted(void **state)
{
    (void)state;
    assert_int_equal(vault_chunks(0), 1);
    assert_int_equal(vault_depth(0), 0);
    assert_int_equal(vault_chunks(VAULT_CHUNK), 2); /* its class is greater */
    assert_int_equal(vault_depth(VAULT_CHUNK), 1);
    assert_int_equal(vault_chunks(47104), 1);
    assert_int_equal(vault_depth((uint64_t)64 << 20), 1);
    assert_int_equal(vault_depth((uint64_t)VAULT_FAN * VAULT_CHUNK), 2);
    assert_true(vault_depth(UINT32_MAX) <= VAULT_DEPTH_MAX);
}

/* ---- keys and objects ---- */

static void keys_are_those_of_the_vectors(void **state)
{
    (void)state;
    struct vault_keys *k = NULL;
    assert_int_equal(secret_new(&k), OK);
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_at(vectors, "keys"), i, row)
    {
        keys_make(row, k);
        json_same(row, "object", BYTES_OF(k->object.b));
        json_same(row, "nonce", BYTES_OF(k->nonce.b));
        json_same(row, "head", BYTES_OF(k->head.b));
    }
    secret_free(k);
}

struct sealed {
    uint8_t mem[2048];
    struct buf b;
};

static struct bytes seal(struct sealed *s, enum vault_kind kind, struct bytes content,
                         size_t padded, uint64_t salt)
{
    s->b = (struct buf){ .p = s->mem, .cap = sizeof s->mem };
    vault_object_seal(keys, kind, content, padded, salt, SPAN_OF(work.plain), &s->b);
    assert_false(s->b.over);
    return buf_bytes(&s->b);
}

static enum err open_object(enum vault_kind kind, struct bytes object, struct bytes *out)
{
    return vault_object_open(keys, kind, object, SPAN_OF(work.plain), out);
}

static void objects_are_those_of_the_vectors(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_at(vectors, "objects"), i, row)
    {
        uint8_t mem[512];
        uint8_t salt[8];
        uint8_t id[VAULT_ID];
        struct sealed s;
        struct bytes content = json_bytes(row, "content", SPAN_OF(mem));
        struct bytes got = { 0 };
        enum vault_kind kind = (enum vault_kind)json_u32(row, "kind");
        json_fixed(row, "salt", SPAN_OF(salt));
        struct bytes o = seal(&s, kind, content, json_u32(row, "padded"), load_u64(salt));
        json_same(row, "object", o);
        vault_object_id(o, id);
        json_same(row, "id", BYTES_OF(id));
        assert_int_equal(open_object(kind, o, &got), OK);
        assert_true(bytes_equal(got, content));
    }
}

static void a_flipped_bit_opens_nothing(void **state)
{
    (void)state;
    struct sealed s;
    struct bytes got = { 0 };
    struct bytes o = seal(&s, VAULT_CONTENT, bytes_text("hunter2"), 256, 0);
    for (size_t bit = 0; bit < 8 * o.n; bit++) {
        s.mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(open_object(VAULT_CONTENT, o, &got), ERR_AUTH);
        s.mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < o.n; n++)
        assert_int_not_equal(open_object(VAULT_CONTENT, bytes_of(o.p, n), &got), OK);
    assert_int_equal(open_object(VAULT_CONTENT, o, &got), OK);
    assert_true(bytes_equal(got, bytes_text("hunter2")));
}

static void an_object_is_of_its_kind_and_vault(void **state)
{
    (void)state;
    struct sealed s;
    struct bytes got = { 0 };
    struct vault_keys *other = NULL;
    assert_int_equal(secret_new(&other), OK);
    keys_make(json_array_get(json_at(vectors, "keys"), 1), other);
    for (int kind = VAULT_CONTENT; kind <= VAULT_PAGE; kind++) {
        struct bytes o = seal(&s, (enum vault_kind)kind, bytes_text("a"), 256, 0);
        for (int as = VAULT_CONTENT; as <= VAULT_PAGE; as++)
            assert_int_equal(open_object((enum vault_kind)as, o, &got),
                             as == kind ? OK : ERR_AUTH);
        assert_int_equal(
            vault_object_open(other, (enum vault_kind)kind, o, SPAN_OF(work.plain), &got),
            ERR_AUTH);
    }
    secret_free(other);
}

static void what_is_inside_must_be_well_formed(void **state)
{
    (void)state;
    const uint8_t kind = VAULT_CONTENT;

    /* length, salt, content, zeros: what is wrong with it */
    const struct {
        uint32_t n;
        size_t bytes;
        uint8_t last;
    } rows[] = {
        { 300, 256, 0 }, { UINT32_MAX, 256, 0 }, { 10, 256, 1 }, { 0, 256, 0x80 }
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t plain[VAULT_OBJECT_HEAD + 256] = { 0 };
        uint8_t mem[512];
        struct buf b = BUF_OF(mem);
        struct bytes got = { 0 };
        store_u32(plain, rows[i].n);
        plain[sizeof plain - 1] = rows[i].last;
        crypt_seal_same(&keys->object, &keys->nonce, LABEL_VAULT_OBJECT,
                        bytes_of(&kind, 1), BYTES_OF(plain), &b);
        assert_int_equal(open_object(VAULT_CONTENT, buf_bytes(&b), &got), ERR_FORMAT);
    }
    uint8_t mem[512];
    struct buf b = BUF_OF(mem);
    struct bytes got = { 0 };
    crypt_seal_same(&keys->object, &keys->nonce, LABEL_VAULT_OBJECT, bytes_of(&kind, 1),
                    bytes_of("short", 5), &b);
    assert_int_equal(open_object(VAULT_CONTENT, buf_bytes(&b), &got), ERR_FORMAT);
}

static void the_salt_makes_another_object(void **state)
{
    (void)state;
    struct sealed a;
    struct sealed b;
    struct bytes x = seal(&a, VAULT_CONTENT, (struct bytes){ 0 }, 256, 1);
    struct bytes y = seal(&b, VAULT_CONTENT, (struct bytes){ 0 }, 256, 2);
    assert_int_equal(x.n, y.n);
    assert_false(bytes_equal(x, y));
    assert_true(bytes_equal(x, seal(&b, VAULT_CONTENT, (struct bytes){ 0 }, 256, 1)));
    /* Another plaintext never meets a nonce twice. */
    y = seal(&b, VAULT_CONTENT, bytes_text("x"), 256, 1);
    assert_false(bytes_equal(bytes_of(x.p, 24), bytes_of(y.p, 24)));
}

/* ---- contents ---- */

struct seen {
    uint8_t ids[SHELF_MAX * VAULT_ID];
    size_t chunks;
    size_t lists;
};

static enum err see(void *ctx, enum vault_kind kind, const uint8_t id[VAULT_ID],
                    uint64_t at)
{
    struct seen *s = ctx;
    if (kind == VAULT_LIST) {
        s->lists++;
        return OK;
    }
    assert_int_equal(kind, VAULT_CONTENT);
    assert_int_equal(at, s->chunks);
    memcpy(s->ids + VAULT_ID * s->chunks++, id, VAULT_ID);
    return OK;
}

static void look(const struct vault_ref *ref, struct seen *out)
{
    const struct vault_io io = io_of();
    const struct vault_seen seen = { out, see };
    memset(out, 0, sizeof *out);
    assert_int_equal(vault_tree_walk(&io, ref, &seen), OK);
}

static void put_pattern(size_t n, struct vault_ref *out)
{
    const struct vault_io io = io_of();
    uint8_t *p = pattern(n);
    memset(out, 0, sizeof *out);
    assert_int_equal(vault_tree_put(&io, bytes_of(p, n), out), OK);
    free(p);
}

static enum err get_back(const struct vault_ref *ref)
{
    const struct vault_io io = io_of();
    size_t n = (size_t)ref->size;
    uint8_t *want = pattern(n);
    uint8_t *got = malloc(n + 1);
    assert_non_null(got);
    enum err e = vault_tree_get(&io, ref, (struct span){ got, n });
    if (e == OK)
        assert_memory_equal(got, want, n);
    free(got);
    free(want);
    return e;
}

static void contents_are_those_of_the_vectors(void **state)
{
    static struct seen seen;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_at(vectors, "contents"), i, row)
    {
        struct vault_ref ref;
        uint8_t hash[HASH_BYTES];
        (void)shelf_clear(state);
        put_pattern((size_t)json_u64(row, "size"), &ref);
        assert_int_equal(ref.depth, json_u32(row, "depth"));
        json_same(row, "root", BYTES_OF(ref.root));
        look(&ref, &seen);
        assert_int_equal(seen.chunks, json_u32(row, "chunks"));
        assert_int_equal(shelf.n, json_u32(row, "objects"));
        assert_int_equal(shelf_bytes(), json_u32(row, "bytes"));
        crypt_hash(LABEL_VAULT_OBJECT_ID,
                   PARTS(bytes_of(seen.ids, seen.chunks * VAULT_ID)), SPAN_OF(hash));
        json_same(row, "chunk_ids", BYTES_OF(hash));
        assert_int_equal(get_back(&ref), OK);
    }
}

static void a_size_shows_its_class_only(void **state)
{
    const size_t class[] = { 884737, 901120 };
    size_t objects = 0;
    size_t bytes = 0;
    assert_int_equal(vault_pad(class[0]), vault_pad(class[1]));
    for (size_t n = class[0]; n <= class[1]; n += 2917) {
        struct vault_ref ref;
        (void)shelf_clear(state);
        put_pattern(n, &ref);
        if (n > class[0])
            assert_true(shelf.n == objects && shelf_bytes() == bytes);
        objects = shelf.n;
        bytes = shelf_bytes();
        assert_int_equal(get_back(&ref), OK);
    }
}

static void padding_is_not_shared(void **state)
{
    (void)state;
    static struct seen a;
    static struct seen b;
    struct vault_ref x;
    struct vault_ref y;
    /* Both end in chunks of padding alone: 102 chunks hold them, 105 their class. */
    put_pattern(4980737, &x);
    put_pattern(4980738, &y);
    look(&x, &a);
    look(&y, &b);
    assert_int_equal(a.chunks, 105);
    assert_int_equal(b.chunks, 105);
    size_t shared = 0;
    for (size_t i = 0; i < a.chunks; i++)
        shared += memcmp(a.ids + i * VAULT_ID, b.ids + i * VAULT_ID, VAULT_ID) == 0;
    /* What they have in common is content, each whole chunk of it. */
    assert_int_equal(shared, 4980737 / VAULT_CHUNK);
    /* Nor does a content of one byte all along show that. */
    const struct vault_io io = io_of();
    (void)shelf_clear(state);
    uint8_t *zeros = calloc(1, 400000);
    assert_non_null(zeros);
    assert_int_equal(vault_tree_put(&io, bytes_of(zeros, 400000), &x), OK);
    assert_int_equal(shelf.n, vault_chunks(400000) + 1);
    free(zeros);
}

static void lists_of_lists(void **state)
{
    (void)state;
    static struct seen seen;
    struct vault_ref ref;
    put_pattern((size_t)VAULT_FAN * VAULT_CHUNK + 1, &ref);
    assert_int_equal(ref.depth, 2);
    look(&ref, &seen);
    assert_int_equal(seen.chunks, vault_chunks(ref.size));
    assert_int_equal(seen.lists, 3);
    assert_int_equal(get_back(&ref), OK);
}

static void a_missing_object_is_named(void **state)
{
    (void)state;
    struct vault_ref ref;
    put_pattern(300000, &ref);
    for (size_t i = shelf.n; i-- > 0;) {
        uint8_t id[VAULT_ID];
        memcpy(id, shelf.at[i].id, VAULT_ID);
        shelf_remove(i);
        assert_int_equal(get_back(&ref), ERR_UNKNOWN);
        assert_memory_equal(work.at, id, VAULT_ID);
        put_pattern(300000, &ref);
    }
}

static void swapped_objects_do_not_pass(void **state)
{
    (void)state;
    struct vault_ref ref;
    put_pattern(300000, &ref);
    uint8_t *p = shelf.at[1].p;
    shelf.at[1].p = shelf.at[2].p;
    shelf.at[2].p = p;
    assert_int_equal(get_back(&ref), ERR_AUTH);
    assert_memory_equal(work.at, shelf.at[1].id, VAULT_ID);
}

static void a_reference_must_fit_its_tree(void **state)
{
    (void)state;
    struct vault_ref ref;
    put_pattern(300000, &ref);
    const struct vault_ref good = ref;
    ref.size = 299999; /* the same class, one byte less */
    assert_int_equal(get_back(&ref), ERR_FORMAT);
    ref.size = 400000; /* more chunks */
    assert_int_equal(get_back(&ref), ERR_FORMAT);
    ref.size = 100; /* no list at all */
    assert_int_equal(get_back(&ref), ERR_FORMAT);
    ref = good;
    ref.depth = 0;
    assert_int_equal(get_back(&ref), ERR_FORMAT);
    ref = good;
    ref.depth = 2;
    assert_int_equal(get_back(&ref), ERR_FORMAT);
    /* A list that is longer than it should be. */
    const struct vault_io io = io_of();
    uint8_t ids[VAULT_ID * 9] = { 0 };
    assert_int_equal(vault_put(&io, VAULT_LIST, BYTES_OF(ids), ref.root), OK);
    ref.depth = 1;
    assert_int_equal(get_back(&ref), ERR_FORMAT);
}

/* ---- pages ---- */

static void pages_hold_sixteen_to_thirty_two(void **state)
{
    (void)state;
    assert_int_equal(vault_bits(0), 0);
    assert_int_equal(vault_bits(24), 0);
    assert_int_equal(vault_bits(25), 1);
    assert_int_equal(vault_bits(1000), 6);
    assert_int_equal(vault_bits(20000), 10);
    assert_int_equal(vault_bits(1000000), VAULT_BITS_MAX);
    for (size_t n = 25; n <= 24576; n++) {
        size_t pages = (size_t)1 << vault_bits(n);
        assert_true(n <= 24 * pages && n > 12 * pages);
    }
    const uint8_t id[ID_BYTES] = { 0xab, 0xcd };
    assert_int_equal(vault_page_of(id, 0), 0);
    assert_int_equal(vault_page_of(id, 1), 1);
    assert_int_equal(vault_page_of(id, 4), 0xa);
    assert_int_equal(vault_page_of(id, 10), 0xabcd >> 6);
}

static struct vault_item item_of(uint8_t first, const char *name)
{
    struct vault_item i = { .id = { first, 1 },
                            .name = bytes_text(name),
                            .type = VAULT_NOTE,
                            .made = 5,
                            .changed = 6,
                            .device = { 9 },
                            .n_now = 1,
                            .now = { { .changed = 6, .device = { 9 }, .root = { 1 } } } };
    return i;
}

static void page_add(struct buf *page, const struct vault_item *item)
{
    uint8_t mem[VAULT_ITEM_MAX];
    struct buf b = BUF_OF(mem);
    wire_put(&vault_item_schema, item, &b);
    assert_false(b.over);
    vault_page_put(buf_bytes(&b), page);
}

/* How the second item of a page is taken. */
static enum err second(const struct vault_item *a, const struct vault_item *b,
                       uint8_t bits)
{
    uint8_t mem[4096];
    struct buf page = BUF_OF(mem);
    struct vault_item first = { 0 };
    struct vault_item item = { 0 };
    struct bytes encoded = { 0 };
    page_add(&page, a);
    page_add(&page, b);
    struct bytes in = buf_bytes(&page);
    size_t number = vault_page_of(a->id, bits);
    assert_int_equal(vault_page_next(&in, number, bits, NULL, &encoded, &first), OK);
    struct bytes before = in;
    enum err e = vault_page_next(&in, number, bits, &first, &encoded, &item);
    if (e != OK)
        assert_ptr_equal(in.p, before.p);
    else
        assert_int_equal(in.n, 0);
    return e;
}

static void items_stand_in_order_and_place(void **state)
{
    (void)state;
    struct vault_item a = item_of(0x10, "a");
    struct vault_item b = item_of(0x11, "b");
    assert_int_equal(second(&b, &a, 0), ERR_FORMAT);
    assert_int_equal(second(&a, &a, 0), ERR_FORMAT);
    assert_int_equal(second(&a, &b, 4), OK);
    assert_int_equal(second(&a, &b, 8), ERR_FORMAT);
    b.type = 0;
    assert_int_equal(second(&a, &b, 0), ERR_FORMAT);
    b = item_of(0x11, "b");
    b.removed = 7; /* and still something present */
    assert_int_equal(second(&a, &b, 0), ERR_FORMAT);
    b.n_now = 0;
    assert_int_equal(second(&a, &b, 0), OK);
    b.removed = 0;
    assert_int_equal(second(&a, &b, 0), ERR_FORMAT);
}

static void a_cut_page_is_refused(void **state)
{
    (void)state;
    uint8_t mem[512];
    struct buf page = BUF_OF(mem);
    struct vault_item a = item_of(0x10, "a");
    page_add(&page, &a);
    for (size_t n = 0; n < page.n; n++) {
        struct bytes in = bytes_of(mem, n);
        struct bytes encoded = { 0 };
        assert_int_equal(vault_page_next(&in, 0, 0, NULL, &encoded, &a), ERR_FORMAT);
    }
}

static void times_out_of_all_reason_are_refused(void **state)
{
    (void)state;
    /* changed: VAULT_TIME_MAX + 1, put in by hand: the encoder would not. */
    uint8_t mem[512];
    struct buf b = BUF_OF(mem);
    struct vault_item a = item_of(0x10, "a");
    struct vault_item got = { 0 };
    a.changed = VAULT_TIME_MAX;
    wire_put(&vault_item_schema, &a, &b);
    assert_int_equal(wire_get(&vault_item_schema, buf_bytes(&b), &got), OK);
    size_t at = 0;
    while (mem[at] != 0xcf)
        at++;
    assert_int_equal(load_u64(mem + at + 1), VAULT_TIME_MAX);
    store_u64(mem + at + 1, VAULT_TIME_MAX + 1);
    assert_int_not_equal(wire_get(&vault_item_schema, buf_bytes(&b), &got), OK);
}

static void an_index_names_all_its_pages(void **state)
{
    (void)state;
    const struct vault_io io = io_of();
    uint8_t ids[4 * VAULT_ID] = { 1 };
    uint8_t id[VAULT_ID];
    struct vault_index index = { 1, 7, BYTES_OF(ids) }; /* four ids, two pages */
    struct vault_index got = { 0 };
    assert_int_equal(vault_index_put(&io, &index, id), OK);
    assert_int_equal(vault_index_get(&io, id, SPAN_OF(work.list[1]), &got), ERR_FORMAT);
    index.bits = 2;
    assert_int_equal(vault_index_put(&io, &index, id), OK);
    assert_int_equal(vault_index_get(&io, id, SPAN_OF(work.list[1]), &got), OK);
    assert_true(got.items == 7 && bytes_equal(got.pages, BYTES_OF(ids)));
}

/* ---- states, heads, witnesses ---- */

/* An rng that gives one nonce. */
static void give(void *ctx, uint8_t *out, size_t n)
{
    memcpy(out, ctx, n);
}

static void state_of_vectors(struct vault_state *s)
{
    const json_t *f = json_at(whole(), "state");
    memset(s, 0, sizeof *s);
    s->generation = json_u32(f, "generation");
    s->version = json_u64(f, "version");
    s->made = json_u64(f, "made");
    json_fixed(f, "circle", SPAN_OF(s->circle));
    json_fixed(f, "device", SPAN_OF(s->device));
    s->device_name = json_text(f, "device_name");
    json_fixed(f, "index", SPAN_OF(s->index));
    s->items = json_u32(f, "items");
    s->bytes = json_u64(f, "bytes");
    s->n_parents = 1;
    json_fixed(json_array_get(json_at(f, "parents"), 0), "hash",
               SPAN_OF(s->parents[0].hash));
}

static const json_t *head_json(void)
{
    return json_at(whole(), "head");
}

static void the_state_is_that_of_the_vectors(void **state)
{
    (void)state;
    struct vault_state s;
    struct vault_state got = { 0 };
    uint8_t hash[HASH_BYTES];
    uint8_t nonce[24];
    uint8_t ward[ID_BYTES];
    uint8_t mem[VAULT_BODY_MAX];
    uint8_t want[VAULT_BODY_MAX];
    uint8_t plain[VAULT_STATE_MAX];
    struct buf b = BUF_OF(mem);
    const struct rng rng = { give, nonce };
    const json_t *fields = json_at(head_json(), "fields");
    state_of_vectors(&s);
    vault_state_hash(&s, hash);
    json_same(whole(), "state_hash", BYTES_OF(hash));
    json_fixed(whole(), "state_nonce", SPAN_OF(nonce));
    json_fixed(fields, "ward", SPAN_OF(ward));
    vault_state_seal(keys, &s, ward, &rng, &b);
    assert_true(bytes_equal(buf_bytes(&b), json_bytes(fields, "body", SPAN_OF(want))));
    for (size_t bit = 0; bit < 8 * b.n; bit += 7) {
        mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            vault_state_open(keys, buf_bytes(&b), ward, SPAN_OF(plain), &got), ERR_AUTH);
        mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ward[0] ^= 1; /* another seat's */
    assert_int_equal(vault_state_open(keys, buf_bytes(&b), ward, SPAN_OF(plain), &got),
                     ERR_AUTH);
    ward[0] ^= 1;
    assert_int_equal(vault_state_open(keys, buf_bytes(&b), ward, SPAN_OF(plain), &got),
                     OK);
    vault_state_hash(&got, hash);
    json_same(whole(), "state_hash", BYTES_OF(hash));
}

static void the_head_is_that_of_the_vectors(void **state)
{
    (void)state;
    struct sign_seed *seed = NULL;
    struct vault_head h = { 0 };
    struct vault_head got = { 0 };
    uint8_t body[VAULT_BODY_MAX];
    uint8_t raw[VAULT_HEAD_MAX];
    uint8_t hash[HASH_BYTES];
    struct buf b = BUF_OF(raw);
    const json_t *f = json_at(head_json(), "fields");
    assert_int_equal(secret_new(&seed), OK);
    json_fixed(head_json(), "seed", SPAN_OF(seed->b));
    json_fixed(f, "ward", SPAN_OF(h.ward));
    json_fixed(f, "before", SPAN_OF(h.before));
    json_fixed(f, "signer", SPAN_OF(h.signer));
    h.version = json_u64(f, "version");
    h.body = json_bytes(f, "body", SPAN_OF(body));
    vault_head_make(&h, seed, &b);
    secret_free(seed);
    assert_false(b.over);
    uint8_t want[VAULT_HEAD_MAX];
    struct bytes signed_ = json_bytes(head_json(), "signed", SPAN_OF(want));
    assert_true(bytes_equal(buf_bytes(&b), signed_));
    vault_head_hash(signed_, hash);
    json_same(head_json(), "hash", BYTES_OF(hash));
    for (size_t bit = 0; bit < 8 * b.n; bit += 5) {
        raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(vault_head_open(buf_bytes(&b), &got), OK);
        raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < b.n; n++)
        assert_int_not_equal(vault_head_open(bytes_of(raw, n), &got), OK);
    assert_int_equal(vault_head_open(buf_bytes(&b), &got), OK);
    assert_true(got.version == h.version && bytes_equal(got.body, h.body));
}

static void a_head_beyond_the_greatest_version_is_refused(void **state)
{
    (void)state;
    struct sign_seed *seed = NULL;
    uint8_t body[SEAL_OVERHEAD] = { 0 };
    uint8_t raw[VAULT_HEAD_MAX];
    struct buf b = BUF_OF(raw);
    struct vault_head h = { .version = VAULT_VERSION_MAX, .body = BYTES_OF(body) };
    struct vault_head got = { 0 };
    assert_int_equal(secret_new(&seed), OK);
    seed->b[0] = 1;
    crypt_sign_public(seed, h.signer);
    vault_head_make(&h, seed, &b);
    assert_int_equal(vault_head_open(buf_bytes(&b), &got), OK);
    /* 2^30 + 1 and 2^32 - 1, each with a good signature. */
    const uint32_t beyond[] = { VAULT_VERSION_MAX + 1, UINT32_MAX };
    for (size_t i = 0; i < 2; i++) {
        size_t at = 0;
        while (raw[at] != 0xce || load_u32(raw + at + 1) < VAULT_VERSION_MAX)
            at++;
        store_u32(raw + at + 1, beyond[i]);
        struct bytes body_ = bytes_of(raw, b.n - SIG_BYTES);
        crypt_sign(seed, LABEL_VAULT_HEAD, body_, raw + b.n - SIG_BYTES);
        assert_int_not_equal(vault_head_open(buf_bytes(&b), &got), OK);
    }
    secret_free(seed);
}

/* Who may sign a head at a seat: its root account, and whom that let in there. */
static void a_signer_is_known_by_the_account_s_word(void **state)
{
    (void)state;
    const struct sign_seed account = { .b = { 1 } };
    const struct sign_seed device = { .b = { 2 } };
    const struct sign_seed other = { .b = { 3 } };
    uint8_t account_pub[PUB_BYTES];
    uint8_t other_pub[PUB_BYTES];
    static const uint8_t none[PUB_BYTES];
    struct vault_head h = { 0 };
    crypt_sign_public(&account, account_pub);
    crypt_sign_public(&other, other_pub);
    crypt_sign_public(&device, h.signer);
    assert_int_equal(vault_head_signer(&h, account_pub), ERR_SIGNATURE);
    vault_signer_make(&other, h.signer, h.let_in); /* another seat's, or root's */
    assert_int_equal(vault_head_signer(&h, account_pub), ERR_SIGNATURE);
    vault_signer_make(&account, other_pub, h.let_in); /* of another device */
    assert_int_equal(vault_head_signer(&h, account_pub), ERR_SIGNATURE);
    crypt_sign(&account, LABEL_VAULT_HEAD, BYTES_OF(h.signer), h.let_in);
    assert_int_equal(vault_head_signer(&h, account_pub), ERR_SIGNATURE);
    vault_signer_make(&account, h.signer, h.let_in);
    assert_int_equal(vault_head_signer(&h, account_pub), OK);
    assert_int_equal(vault_head_signer(&h, none), ERR_SIGNATURE);
    for (size_t bit = 0; bit < (size_t)8 * SIG_BYTES; bit += 3) {
        h.let_in[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(vault_head_signer(&h, account_pub), ERR_SIGNATURE);
        h.let_in[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    memset(h.let_in, 0, SIG_BYTES);
    memcpy(h.signer, account_pub, PUB_BYTES);
    assert_int_equal(vault_head_signer(&h, account_pub), OK);
}

static void the_witness_is_that_of_the_vectors(void **state)
{
    (void)state;
    const json_t *w = json_at(whole(), "witness");
    const json_t *f = json_at(w, "fields");
    uint8_t ward[ID_BYTES];
    uint8_t nonce[24];
    static uint8_t sealed[VAULT_WITNESS_MAX];
    static uint8_t again[VAULT_WITNESS_MAX];
    static uint8_t mem[VAULT_WITNESS_MAX];
    static struct vault_witness got;
    json_fixed(json_at(head_json(), "fields"), "ward", SPAN_OF(ward));
    json_fixed(w, "nonce", SPAN_OF(nonce));
    struct bytes in = json_bytes(w, "sealed", SPAN_OF(sealed));
    assert_int_equal(vault_witness_open(keys, in, ward, SPAN_OF(mem), &got), OK);
    assert_int_equal(got.n_seats, 2);
    assert_int_equal(got.epoch, json_u32(f, "epoch"));
    json_same(f, "manifest_hash", BYTES_OF(got.manifest_hash));
    json_same(json_array_get(json_at(f, "seats"), 1), "incarnation",
              BYTES_OF(got.seats[1].incarnation));
    struct buf b = BUF_OF(again);
    const struct rng rng = { give, nonce };
    vault_witness_seal(keys, &got, ward, &rng, &b);
    assert_true(bytes_equal(buf_bytes(&b), in));
    ward[3] ^= 1;
    assert_int_equal(vault_witness_open(keys, in, ward, SPAN_OF(mem), &got), ERR_AUTH);
}

static void the_greatest_witness_has_room(void **state)
{
    (void)state;
    static struct vault_witness w;
    static struct vault_witness got;
    static uint8_t mem[VAULT_WITNESS_MAX];
    static uint8_t plain[VAULT_WITNESS_MAX];
    const uint8_t ward[ID_BYTES] = { 1 };
    w.version = VAULT_VERSION_MAX;
    w.made = UINT64_MAX;
    w.epoch = UINT32_MAX;
    w.n_seats = PIECES_MAX;
    memset(w.state, 0xff, HASH_BYTES);
    memset(w.manifest_hash, 0xff, HASH_BYTES);
    for (size_t i = 0; i < PIECES_MAX; i++) {
        memset(&w.seats[i], 0xff, sizeof w.seats[i]);
        w.seats[i].version = VAULT_VERSION_MAX;
        w.seats[i].height = VAULT_VERSION_MAX;
    }
    struct buf b = BUF_OF(mem);
    vault_witness_seal(keys, &w, ward, &crypt_random, &b);
    assert_false(b.over);
    assert_int_equal(vault_witness_open(keys, buf_bytes(&b), ward, SPAN_OF(plain), &got),
                     OK);
    assert_int_equal(got.n_seats, PIECES_MAX);
}

/* ---- a copy in a file ---- */

static size_t base64(struct bytes text, uint8_t *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.n && text.p[i] != '='; i++) {
        const char *d = strchr(digits, text.p[i]);
        assert_non_null(d);
        bits = bits << 6 | (uint32_t)(d - digits);
        if (i % 4 != 0)
            out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return n;
}

static void take_objects(struct bytes in)
{
    while (in.n > 0) {
        struct bytes object = { 0 };
        uint8_t id[VAULT_ID];
        assert_int_equal(vault_frame_next(&in, &object), OK);
        vault_object_id(object, id);
        assert_int_equal(shelf_put(NULL, id, object), OK);
    }
}

static void check_content(const struct vault_ref *ref, const char *name)
{
    const struct vault_io io = io_of();
    uint8_t want[64];
    uint8_t got[64] = { 0 };
    struct bytes w = json_bytes(json_at(whole(), "contents"), name, SPAN_OF(want));
    assert_int_equal(ref->size, w.n);
    assert_int_equal(vault_tree_get(&io, ref, (struct span){ got, w.n }), OK);
    assert_memory_equal(got, want, w.n);
}

static void check_item(const struct vault_item *i)
{
    char name[VAULT_NAME_MAX + 3] = { 0 };
    memcpy(name, i->name.p, i->name.n);
    if (bytes_equal(i->name, bytes_text("Passport.pdf"))) {
        assert_int_equal(get_back(&i->now[0]), OK);
        return;
    }
    if (i->n_now > 0)
        check_content(&i->now[0], name);
    assert_int_equal(i->n_past, 1);
    memcpy(name + i->name.n, " 1", 3);
    check_content(&i->past[0], name);
}

static void a_copy_is_read_from_state_to_content(void **state)
{
    (void)state;
    const struct vault_io io = io_of();
    struct bytes text = json_text(whole(), "copy");
    uint8_t *file = malloc(text.n);
    assert_non_null(file);
    struct bytes in = bytes_of(file, base64(text, file));
    struct bytes part = { 0 };
    uint8_t mem[VAULT_STATE_MAX];
    struct vault_state s = { 0 };
    struct vault_index index = { 0 };
    const uint8_t nobody[ID_BYTES] = { 0 };
    assert_int_equal(bytes_take(&in, strlen(VAULT_COPY_MAGIC), &part), OK);
    assert_true(bytes_equal(part, bytes_text(VAULT_COPY_MAGIC)));
    assert_int_equal(vault_frame_next(&in, &part), OK);
    assert_int_equal(vault_state_open(keys, part, nobody, SPAN_OF(mem), &s), OK);
    take_objects(in);
    assert_int_equal(vault_index_get(&io, s.index, SPAN_OF(work.list[1]), &index), OK);
    uint8_t id[VAULT_ID];
    memcpy(id, index.pages.p, VAULT_ID);
    struct bytes page = { 0 };
    static uint8_t page_mem[VAULT_CHUNK + VAULT_OBJECT_HEAD];
    assert_int_equal(vault_get(&io, VAULT_PAGE, id, SPAN_OF(page_mem), &page), OK);
    size_t n = 0;
    for (struct vault_item item = { 0 }, before = { 0 }; page.n > 0; n++) {
        struct bytes encoded = { 0 };
        assert_int_equal(
            vault_page_next(&page, 0, 0, n > 0 ? &before : NULL, &encoded, &item), OK);
        check_item(&item);
        before = item;
    }
    assert_int_equal(n, index.items);
    free(file);
}

static void a_cut_frame_is_refused(void **state)
{
    (void)state;
    uint8_t mem[16];
    struct buf b = BUF_OF(mem);
    struct bytes got = { 0 };
    vault_frame_put(bytes_text("12345"), &b);
    for (size_t n = 0; n < b.n; n++) {
        struct bytes in = bytes_of(mem, n);
        assert_int_equal(vault_frame_next(&in, &got), ERR_FORMAT);
        assert_int_equal(in.n, n);
    }
    store_u32(mem, UINT32_MAX);
    struct bytes in = buf_bytes(&b);
    assert_int_equal(vault_frame_next(&in, &got), ERR_FORMAT);
}

static void types_have_names(void **state)
{
    (void)state;
    assert_null(vault_type_name(0));
    assert_null(vault_type_name(VAULT_FILE + 1));
    assert_int_equal(vault_type_find("Note"), 0);
    assert_int_equal(vault_type_find(""), 0);
    for (unsigned t = VAULT_NOTE; t <= VAULT_FILE; t++)
        assert_int_equal(vault_type_find(vault_type_name(t)), t);
}

int main(void)
{
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    MUST(secret_new(&keys) == OK);
    vectors = json_vectors("vault.json");
    keys_make(json_array_get(json_at(vectors, "keys"), 0), keys);
#define CASE(f) cmocka_unit_test_setup(f, shelf_clear)
    const struct CMUnitTest tests[] = {
        CASE(a_flipped_bit_opens_nothing),
        CASE(an_object_is_of_its_kind_and_vault),
        CASE(what_is_inside_must_be_well_formed),
        CASE(the_salt_makes_another_object),
        CASE(objects_are_those_of_the_vectors),
        CASE(keys_are_those_of_the_vectors),
        CASE(sizes_are_padded_as_defined),
        CASE(chunks_and_lists_are_counted),
        CASE(a_missing_object_is_named),
        CASE(swapped_objects_do_not_pass),
        CASE(a_reference_must_fit_its_tree),
        CASE(a_size_shows_its_class_only),
        CASE(padding_is_not_shared),
        CASE(contents_are_those_of_the_vectors),
        CASE(lists_of_lists),
        CASE(items_stand_in_order_and_place),
        CASE(a_cut_page_is_refused),
        CASE(times_out_of_all_reason_are_refused),
        CASE(pages_hold_sixteen_to_thirty_two),
        CASE(an_index_names_all_its_pages),
        CASE(the_state_is_that_of_the_vectors),
        CASE(the_head_is_that_of_the_vectors),
        CASE(a_head_beyond_the_greatest_version_is_refused),
        CASE(a_signer_is_known_by_the_account_s_word),
        CASE(the_witness_is_that_of_the_vectors),
        CASE(the_greatest_witness_has_room),
        CASE(a_cut_frame_is_refused),
        CASE(a_copy_is_read_from_state_to_content),
        CASE(types_have_names),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)shelf_clear(NULL);
    json_decref(vectors);
    secret_free(keys);
    secret_end();
    return failed;
}
