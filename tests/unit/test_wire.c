/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/secret.h"
#include "proto/wire.h"
#include "tests/unit/death.h"

/* ---- the schemas of these tests: every type, required and optional ---- */

struct leaf {
    uint32_t n;
    struct bytes tag;
};

static const struct wire_field leaf_fields[] = {
    W_UINT(leaf, n, 1, WIRE_MUST, UINT32_MAX),
    W_BYTES(leaf, tag, 3, WIRE_MAY, 0, 4),
};
static const struct wire_schema leaf_schema = W_SCHEMA(leaf, leaf_fields);

struct branch {
    uint32_t n_leaves;
    struct leaf leaves[2];
    uint8_t kind;
};

static const struct wire_field branch_fields[] = {
    W_LIST(branch, leaves, 1, WIRE_MUST, 1, &leaf_schema),
    W_UINT(branch, kind, 2, WIRE_MAY, 3),
};
static const struct wire_schema branch_schema = W_SCHEMA(branch, branch_fields);

struct tree {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    uint8_t id[4];
    uint8_t may_id[4];
    struct bytes blob;
    struct bytes name;
    struct bytes note;
    uint64_t may_u;
    uint32_t n_branches;
    struct branch branches[3];
};

static const struct wire_field tree_fields[] = {
    W_UINT(tree, u8, 1, WIRE_MUST, 200),
    W_UINT(tree, u16, 2, WIRE_MUST, UINT16_MAX),
    W_UINT(tree, u32, 3, WIRE_MUST, UINT32_MAX),
    W_UINT(tree, u64, 4, WIRE_MUST, UINT64_MAX),
    W_FIX(tree, id, 5, WIRE_MUST),
    W_FIX(tree, may_id, 7, WIRE_MAY),
    W_BYTES(tree, blob, 8, WIRE_MUST, 1, 600),
    W_TEXT(tree, name, 10, WIRE_MUST, 1, 8),
    W_TEXT(tree, note, 12, WIRE_MAY, 0, 300),
    W_UINT(tree, may_u, 14, WIRE_MAY, UINT64_MAX),
    W_LIST(tree, branches, 16, WIRE_MAY, 0, &branch_schema),
};
static const struct wire_schema tree_schema = W_SCHEMA(tree, tree_fields);

/* ---- the scan: what is not canonical is not looked at ---- */

static struct bytes from_hex(const char *hex, uint8_t *room, size_t cap)
{
    size_t n = strlen(hex) / 2;

    assert_true(n <= cap);
    assert_int_equal(hex_decode(bytes_text(hex), (struct span){ room, n }), OK);
    return bytes_of(room, n);
}

static enum err scan(const char *hex)
{
    uint8_t room[256];

    return wire_scan(from_hex(hex, room, sizeof(room)));
}

static void five_byte_bombs_are_refused(void **state)
{
    (void)state;
    static const char *const bombs[] = {
        "ddffffffff",
        "dfffffffff",
        "c6ffffffff",
        "dbffffffff",
        "dcffff",
        "deffff",
        "c5ffff",
        "daffff",
        "9f",
        "8f",
        "bf",
        "c4ff",
        "81dd7fffffff",
        "8101ddffffffff",
        "8101c6ffffffff",
        "91dfffffffff",
        "dd00010000",
        "df00010000",
        "9191919191dd0000ffff",
    };
    uint8_t room[64];
    struct leaf l = { .n = 4242 };

    for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
        struct bytes in = from_hex(bombs[i], room, sizeof(room));

        assert_int_not_equal(wire_scan(in), OK);
        assert_int_not_equal(wire_get(&leaf_schema, in, &l), OK);
        assert_int_equal(l.n, 4242);
    }
}

static void foreign_types_are_refused(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "c0",                                   /* nil */
        "c1",                                   /* never used */
        "c2",                                   /* false */
        "c3",                                   /* true */
        "c70101ff",                             /* ext 8 */
        "c8000101ff",                           /* ext 16 */
        "c90000000101ff",                       /* ext 32 */
        "ca3f800000",                           /* float 32 */
        "cb3ff0000000000000",                   /* float 64 */
        "d0ff",                                 /* int 8 */
        "d000",                                 /* int 8 that is not negative */
        "d1ffff",                               /* int 16 */
        "d2ffffffff",                           /* int 32 */
        "d3ffffffffffffffff",                   /* int 64 */
        "d401ff",                               /* fixext 1 */
        "d80100112233445566778899aabbccddeeff", /* fixext 16 */
        "e0",                                   /* negative fixint */
        "ff",
    };
    char inside[64];

    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        assert_int_equal(scan(foreign[i]), ERR_FORMAT);
        (void)snprintf(inside, sizeof(inside), "8101%s", foreign[i]);
        if (strlen(inside) < sizeof(inside) - 1)
            assert_int_equal(scan(inside), ERR_FORMAT);
        (void)snprintf(inside, sizeof(inside), "81%s01", foreign[i]);
        assert_int_not_equal(scan(inside), OK);
    }
}

static void longer_forms_than_needed_are_refused(void **state)
{
    (void)state;
    static const char *const longer[] = {
        "cc00",
        "cc7f",
        "cd0000",
        "cd00ff",
        "ce00000000",
        "ce0000ffff",
        "cf0000000000000000",
        "cf00000000ffffffff",
        "c5000161",
        "c500ff",
        "c60000000161",
        "d90161",
        "da000161",
        "db0000000161",
        "dc000101",
        "dd0000000101",
        "de00010101",
        "df000000010101",
        "8101cc01",
        "81cc0101",
        "dc000f000000000000000000000000000000",
    };
    static const char *const least[] = { "cc80",
                                         "cdff00" /* 0xff00 */,
                                         "cd0100",
                                         "ce00010000",
                                         "cf0000000100000000",
                                         "7f",
                                         "00",
                                         "c400",
                                         "a0",
                                         "90",
                                         "80" };

    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++)
        assert_int_equal(scan(longer[i]), ERR_FORMAT);
    for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++)
        assert_int_equal(scan(least[i]), OK);
}

static void keys_must_be_small_numbers_that_ascend(void **state)
{
    (void)state;
    assert_int_equal(scan("8201000200"), OK);
    assert_int_equal(scan("8202000100"), ERR_FORMAT); /* descending */
    assert_int_equal(scan("8201000100"), ERR_FORMAT); /* twice */
    assert_int_equal(scan("83010003000200"), ERR_FORMAT);
    assert_int_equal(scan("81a16100"), ERR_FORMAT);   /* text */
    assert_int_equal(scan("81c4016100"), ERR_FORMAT); /* bytes */
    assert_int_equal(scan("819000"), ERR_FORMAT);     /* list */
    assert_int_equal(scan("81cd010000"), ERR_FORMAT); /* 256 */
    assert_int_equal(scan("817f00"), OK);
    assert_int_equal(scan("8101820200010000"), ERR_FORMAT); /* inside */
}

static void all_bytes_belong_to_one_value(void **state)
{
    (void)state;
    static const char whole[] = "8301c403aabbcc03a26869059201cd0100";
    uint8_t room[64];
    struct bytes in = from_hex(whole, room, sizeof(room));

    assert_int_equal(wire_scan(in), OK);
    for (size_t n = 0; n < in.n; n++)
        assert_int_not_equal(wire_scan(bytes_of(in.p, n)), OK);
    room[in.n] = 0;
    assert_int_equal(wire_scan(bytes_of(room, in.n + 1)), ERR_FORMAT);
    assert_int_equal(wire_scan((struct bytes){ 0 }), ERR_FORMAT);
}

static void the_ninth_level_is_too_deep(void **state)
{
    (void)state;
    static const char deep[] = "919191919191919191";
    char text[64];

    for (size_t levels = 1; levels <= 9; levels++) {
        (void)snprintf(text, sizeof(text), "%.*s01", (int)(2 * levels), deep);
        assert_int_equal(scan(text), levels <= 8 ? OK : ERR_TOO_BIG);
        (void)snprintf(text, sizeof(text), "%.*s90", (int)(2 * (levels - 1)), deep);
        assert_int_equal(scan(text), levels <= 8 ? OK : ERR_TOO_BIG);
        (void)snprintf(text, sizeof(text), "%.*s80", (int)(2 * (levels - 1)), deep);
        assert_int_equal(scan(text), levels <= 8 ? OK : ERR_TOO_BIG);
    }
}

static void the_longest_body_is_a_frame(void **state)
{
    (void)state;
    static uint8_t room[WIRE_MAX + 1] = { 0xc5 };

    store_u16(room + 1, WIRE_MAX - 3);
    assert_int_equal(wire_scan(bytes_of(room, WIRE_MAX)), OK);
    store_u16(room + 1, WIRE_MAX - 2);
    assert_int_equal(wire_scan(bytes_of(room, WIRE_MAX + 1)), ERR_TOO_BIG);
}

/* ---- text ---- */

static void unprintable_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x01",
        "a\nb",
        "\x1b[2J",
        "\x7f",
        "\t",
        "\xc2\x80",
        "\xc2\x9f",
        "\xc2\xad",
        "\xe2\x80\xae",
        /* U+202E */ "\xe2\x80\xaa",
        "\xe2\x81\xa6", /* U+2066 */
        "\xe2\x81\xa9",
        "\xe2\x80\x8e",
        "\xe2\x80\x8f",
        "\xd8\x9c", /* U+061C */
        "\xe2\x80\xa8",
        "\xe2\x80\xa9",
        "\xef\xbb\xbf",
        "\xe2\x80\x8b",
        "\xe2\x81\xa0",
        "\xef\xbf\xb9",
        "\xef\xbf\xbf",
        "\xf3\xa0\x81\x81", /* tag A */
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2g",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        /* U+D800 */ "\xed\xbf\xbf",
        "\xe2\x82",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf0\x9f\x98",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
        "ok\xff",
        "ok\xc3",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(wire_printable(bytes_text(bad[i])));
    assert_false(wire_printable(bytes_of("a\0b", 3)));
}

static void peoples_names_are_text(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        " ",
        "~",
        "Ana",
        "\xc2\xa0",
        "J\xc3\xb6rg",
        "\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0",
        "\xe5\xad\x90",
        "\xd7\x93\xd7\xa0\xd7\x94",
        "\xf0\x9f\x98\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf4\x8f\xbf\xbd",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", /* a joiner: one picture */
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(wire_printable(bytes_text(good[i])));
}

/* ---- structs ---- */

static enum err get_leaf(const char *hex, struct leaf *out)
{
    static uint8_t room[128];

    return wire_get(&leaf_schema, from_hex(hex, room, sizeof(room)), out);
}

static void refuse_leaf(const char *hex, enum err want)
{
    struct leaf l = { .n = 4242 };

    assert_int_equal(get_leaf(hex, &l), want);
    assert_int_equal(l.n, 4242);
    assert_null(l.tag.p);
}

static void what_the_schema_lacks_is_refused(void **state)
{
    (void)state;
    refuse_leaf("01", ERR_FORMAT); /* no map */
    refuse_leaf("9101", ERR_FORMAT);
    refuse_leaf("80", ERR_FORMAT); /* n is missing */
    refuse_leaf("8103c40161", ERR_FORMAT);
    refuse_leaf("8101a161", ERR_FORMAT); /* n is text */
    refuse_leaf("8101c40161", ERR_FORMAT);
    refuse_leaf("8101cf0000000100000000", ERR_FORMAT); /* n is too great */
    refuse_leaf("82010103a161", ERR_FORMAT);           /* tag is text */
    refuse_leaf("8201010301", ERR_FORMAT);
    refuse_leaf("82010103c4056161616161", ERR_TOO_BIG);
    refuse_leaf("82010103c400", ERR_FORMAT); /* optional, empty, present */
    refuse_leaf("8200000101", ERR_VERSION);  /* unknown even keys */
    refuse_leaf("8201010200", ERR_VERSION);
    refuse_leaf("82010104c400", ERR_VERSION);
    refuse_leaf("8201017e00", ERR_VERSION);
}

static void unknown_odd_keys_are_passed_over(void **state)
{
    (void)state;
    struct leaf l = { .tag = bytes_text("old") };

    refuse_leaf("83010205900700"
                "00",
                ERR_FORMAT);               /* trailing */
    refuse_leaf("8205900101", ERR_FORMAT); /* after the known ones only */
    assert_int_equal(get_leaf("8201010500", &l), OK);
    assert_int_equal(l.n, 1);
    assert_null(l.tag.p);
    assert_int_equal(get_leaf("84010203c40161058101907f00", &l), OK);
    assert_int_equal(l.n, 2);
    assert_int_equal(l.tag.n, 1);
    assert_int_equal(get_leaf("830103059181017f7f80", &l), OK);
    assert_int_equal(l.n, 3);
    assert_null(l.tag.p);
}

static void fill_tree(struct tree *t)
{
    static const uint8_t blob[600] = { 1, 2, 3 };

    memset(t, 0, sizeof(*t));
    t->u8 = 200;
    t->u16 = UINT16_MAX;
    t->u32 = UINT32_MAX;
    t->u64 = UINT64_MAX;
    memcpy(t->id, "id..", 4);
    memcpy(t->may_id, "\0\0\0\1", 4);
    t->blob = BYTES_OF(blob);
    t->name = bytes_text("J\xc3\xb6rg");
    t->note = bytes_text("a note of more than thirty-one characters, for a longer form");
    t->may_u = 1;
    t->n_branches = 2;
    t->branches[0].n_leaves = 1;
    t->branches[0].leaves[0].n = 70000;
    t->branches[1].n_leaves = 2;
    t->branches[1].leaves[1].tag = bytes_text("tag!");
    t->branches[1].kind = 3;
}

static bool within(struct bytes part, struct bytes all)
{
    return part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n);
}

static void same_tree(const struct tree *a, const struct tree *b)
{
    assert_int_equal(a->u8, b->u8);
    assert_int_equal(a->u16, b->u16);
    assert_int_equal(a->u32, b->u32);
    assert_true(a->u64 == b->u64 && a->may_u == b->may_u);
    assert_memory_equal(a->id, b->id, 4);
    assert_memory_equal(a->may_id, b->may_id, 4);
    assert_true(bytes_equal(a->blob, b->blob) && bytes_equal(a->name, b->name));
    assert_true(bytes_equal(a->note, b->note));
    assert_int_equal(a->n_branches, b->n_branches);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(a->branches[i].kind, b->branches[i].kind);
        assert_int_equal(a->branches[i].n_leaves, b->branches[i].n_leaves);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(a->branches[i].leaves[j].n, b->branches[i].leaves[j].n);
            assert_true(
                bytes_equal(a->branches[i].leaves[j].tag, b->branches[i].leaves[j].tag));
        }
    }
}

static struct bytes put_tree(const struct tree *t, uint8_t *room, size_t cap)
{
    struct buf b = { .p = room, .cap = cap };

    wire_put(&tree_schema, t, &b);
    assert_false(b.over);
    return buf_bytes(&b);
}

static void what_is_put_is_got(void **state)
{
    (void)state;
    static uint8_t room[1024];
    static struct tree in;
    static struct tree out;

    fill_tree(&in);
    for (unsigned less = 0; less < 2; less++) {
        struct bytes wire = put_tree(&in, room, sizeof(room));

        assert_int_equal(wire_scan(wire), OK);
        memset(&out, 0x5a, sizeof(out));
        assert_int_equal(wire_get(&tree_schema, wire, &out), OK);
        same_tree(&in, &out);
        assert_true(within(out.blob, wire) && within(out.name, wire));
        memset(in.may_id, 0, 4);
        in.note = (struct bytes){ 0 };
        in.may_u = 0;
        in.n_branches = 0;
        memset(in.branches, 0, sizeof(in.branches));
    }
    assert_int_equal(room[0], 0x87); /* what is empty and optional is absent */
}

static void integers_have_one_form(void **state)
{
    (void)state;

    static const struct {
        uint64_t v;
        size_t n;
    } rows[] = { { 1, 1 },           { 0x7f, 1 },      { 0x80, 2 },    { 0xff, 2 },
                 { 0x100, 3 },       { 0xffff, 3 },    { 0x10000, 5 }, { 0xffffffff, 5 },
                 { 0x100000000, 9 }, { UINT64_MAX, 9 } };

    static uint8_t room[1024];
    static struct tree t;
    static struct tree got;
    size_t base = 0;

    fill_tree(&t);
    t.may_u = 0;
    base = put_tree(&t, room, sizeof(room)).n;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t.may_u = rows[i].v;
        struct bytes wire = put_tree(&t, room, sizeof(room));

        assert_int_equal(wire.n, base + 1 + rows[i].n);
        assert_int_equal(wire_get(&tree_schema, wire, &got), OK);
        assert_true(got.may_u == rows[i].v);
    }
}

static void bounds_of_fields_hold(void **state)
{
    (void)state;
    static uint8_t room[1024];
    static struct tree t;
    static struct tree got;
    static struct wire_field loose[11];
    static const struct wire_schema wide = { "tree", loose, 11, sizeof(struct tree) };
    uint8_t long_text[9];
    struct buf b = BUF_OF(room);

    memset(long_text, 'a', sizeof(long_text));
    memcpy(loose, tree_fields, sizeof(loose));
    for (size_t i = 0; i < 11; i++) {
        loose[i].max = loose[i].type == WIRE_LIST ? 3 : 1000;
        loose[i].max = loose[i].type == WIRE_UINT ? UINT64_MAX : loose[i].max;
        loose[i].min = 0;
    }
    fill_tree(&t);
    t.u8 = 201;
    wire_put(&wide, &t, &b);
    assert_int_equal(wire_get(&tree_schema, buf_bytes(&b), &got), ERR_FORMAT);
    fill_tree(&t);
    t.name = BYTES_OF(long_text);
    b.n = 0;
    wire_put(&wide, &t, &b);
    assert_int_equal(wire_get(&tree_schema, buf_bytes(&b), &got), ERR_TOO_BIG);
    t.name = (struct bytes){ 0 };
    b.n = 0;
    wire_put(&wide, &t, &b);
    assert_int_equal(wire_get(&tree_schema, buf_bytes(&b), &got), ERR_FORMAT);
    t.name = bytes_text("a\nb");
    b.n = 0;
    wire_put(&wide, &t, &b);
    assert_int_equal(wire_get(&tree_schema, buf_bytes(&b), &got), ERR_FORMAT);
}

static void lists_keep_their_bounds(void **state)
{
    (void)state;
    uint8_t room[64];
    struct branch b = { .kind = 77 };

    /* none, three of two, an entry that is no map, an entry without its field */
    assert_int_equal(wire_get(&branch_schema, from_hex("810190", room, 64), &b),
                     ERR_FORMAT);
    assert_int_equal(
        wire_get(&branch_schema, from_hex("810193810101810101810101", room, 64), &b),
        ERR_TOO_BIG);
    assert_int_equal(wire_get(&branch_schema, from_hex("81019101", room, 64), &b),
                     ERR_FORMAT);
    assert_int_equal(wire_get(&branch_schema, from_hex("81019180", room, 64), &b),
                     ERR_FORMAT);
    assert_int_equal(wire_get(&branch_schema,
                              from_hex("820191810101"
                                       "0204",
                                       room, 64),
                              &b),
                     ERR_FORMAT);
    assert_int_equal(wire_get(&branch_schema, from_hex("8101c0", room, 64), &b),
                     ERR_FORMAT);
    assert_int_equal(b.kind, 77);
    assert_int_equal(wire_get(&branch_schema,
                              from_hex("8101928101018101"
                                       "02",
                                       room, 64),
                              &b),
                     OK);
    assert_int_equal(b.n_leaves, 2);
    assert_int_equal(b.leaves[1].n, 2);
    assert_int_equal(b.kind, 0);
}

static void what_does_not_fit_is_over(void **state)
{
    (void)state;
    static uint8_t room[1024];
    static struct tree t;
    size_t need = 0;

    fill_tree(&t);
    need = put_tree(&t, room, sizeof(room)).n;
    for (size_t cap = 0; cap < need; cap++) {
        struct buf b = { .p = room, .cap = cap };

        room[cap] = 0x5a;
        wire_put(&tree_schema, &t, &b);
        assert_true(b.over && b.n <= cap);
        assert_int_equal(room[cap], 0x5a);
    }
}

/* ---- mutation: whatever is accepted is canonical ---- */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* One change: flip, set, insert, drop, cut, repeat, swap. Returns the new length. */
static size_t mutate(uint8_t *p, size_t n, size_t cap, uint32_t *seed)
{
    size_t at = next(seed) % n;
    size_t other = next(seed) % n;
    uint8_t v = (uint8_t)next(seed);

    switch (next(seed) % 7) {
    case 0:
        p[at] ^= (uint8_t)(1U << v % 8);
        return n;
    case 1:
        p[at] = v;
        return n;
    case 2:
        if (n == cap)
            return n;
        memmove(p + at + 1, p + at, n - at);
        p[at] = v;
        return n + 1;
    case 3:
        memmove(p + at, p + at + 1, n - at - 1);
        return n == 1 ? 1 : n - 1;
    case 4:
        return at == 0 ? 1 : at;
    case 5:
        memmove(p + at, p + other, n - (at > other ? at : other) > 4 ? 4 : 1);
        return n;
    default:
        v = p[at];
        p[at] = p[other];
        p[other] = v;
        return n;
    }
}

static void whatever_is_accepted_encodes_to_itself(void **state)
{
    (void)state;
    static uint8_t seeded[1024];
    static uint8_t mutant[1024];
    static uint8_t again[2048];
    static struct tree t;
    static struct tree got;
    uint32_t seed = 20;
    unsigned accepted = 0;

    fill_tree(&t);
    t.blob.n = 3;
    t.note.n = 5;
    struct bytes wire = put_tree(&t, seeded, sizeof(seeded));
    for (unsigned round = 0; round < 50000; round++) {
        size_t n = wire.n;

        memcpy(mutant, wire.p, n);
        for (unsigned k = 0; k <= round % 4; k++)
            n = mutate(mutant, n, sizeof(mutant), &seed);
        if (wire_get(&tree_schema, bytes_of(mutant, n), &got) != OK)
            continue;
        struct bytes back = put_tree(&got, again, sizeof(again));
        /* Shorter only by an unknown odd key. */
        assert_true(back.n <= n);
        assert_true(back.n < n || bytes_equal(back, bytes_of(mutant, n)));
        accepted++;
    }
    assert_true(accepted > 500);
}

static void garbage_only_returns(void **state)
{
    (void)state;
    uint32_t seed = 7;
    uint8_t in[64];
    struct branch b;

    for (unsigned round = 0; round < 50000; round++) {
        size_t n = next(&seed) % sizeof(in);

        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)next(&seed);
        if (n > 2)
            in[0] = (uint8_t)(0x80 | in[0] % 4);
        (void)wire_scan(bytes_of(in, n)); /* must only return */
        (void)wire_get(&branch_schema, bytes_of(in, n), &b);
    }
}

static void put_too_long(void *ctx)
{
    struct leaf l = { .tag = bytes_text("12345") };

    wire_put(&leaf_schema, &l, ctx);
}

static void put_too_great(void *ctx)
{
    struct branch b = { .n_leaves = 1, .kind = 4 };

    wire_put(&branch_schema, &b, ctx);
}

static void put_too_few(void *ctx)
{
    struct branch b = { .n_leaves = 0 };

    wire_put(&branch_schema, &b, ctx);
}

static void put_too_many(void *ctx)
{
    struct branch b = { .n_leaves = 3 };

    wire_put(&branch_schema, &b, ctx);
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    uint8_t room[64];
    struct buf b = BUF_OF(room);

    assert_int_equal(death_signal(put_too_long, &b), SIGABRT);
    assert_int_equal(death_signal(put_too_great, &b), SIGABRT);
    assert_int_equal(death_signal(put_too_few, &b), SIGABRT);
    assert_int_equal(death_signal(put_too_many, &b), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_byte_bombs_are_refused),
        cmocka_unit_test(foreign_types_are_refused),
        cmocka_unit_test(longer_forms_than_needed_are_refused),
        cmocka_unit_test(keys_must_be_small_numbers_that_ascend),
        cmocka_unit_test(all_bytes_belong_to_one_value),
        cmocka_unit_test(the_ninth_level_is_too_deep),
        cmocka_unit_test(the_longest_body_is_a_frame),
        cmocka_unit_test(unprintable_text_is_refused),
        cmocka_unit_test(peoples_names_are_text),
        cmocka_unit_test(what_the_schema_lacks_is_refused),
        cmocka_unit_test(bounds_of_fields_hold),
        cmocka_unit_test(lists_keep_their_bounds),
        cmocka_unit_test(what_does_not_fit_is_over),
        cmocka_unit_test(unknown_odd_keys_are_passed_over),
        cmocka_unit_test(what_is_put_is_got),
        cmocka_unit_test(integers_have_one_form),
        cmocka_unit_test(whatever_is_accepted_encodes_to_itself),
        cmocka_unit_test(garbage_only_returns),
        cmocka_unit_test(misuse_ends_the_process),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
