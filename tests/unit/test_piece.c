/* SPDX-License-Identifier: Apache-2.0 */
/* What an epoch is made of, wrong cases first: each byte, each key, each context. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/words.h"
#include "tests/unit/circle.h"
#include "tests/unit/death.h"
#include "tests/unit/json.h"
#include "tests/unit/residue.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { RAW_MAX = ROSTER_MAX + SEAL_OVERHEAD, OUT_MAX = 24576, UNTOUCHED = 0x5a };

/* Everything here is a test's own: no secret of anybody. */
static struct {
    struct root_key root;
    struct escrow_key escrow;
    struct circle circle;
    struct sign_seed seed; /* signs all but the manifest */
    uint8_t pub[PUB_BYTES];
    struct dh_key dh;
    uint8_t dh_pub[PUB_BYTES];
    struct seal_key key;
    uint8_t hash[HASH_BYTES]; /* a manifest hash */
    uint8_t seat[ID_BYTES];
    struct box_about about;
    uint8_t t[64]; /* stands for the transcript */
    uint8_t raw[RAW_MAX];
    uint8_t copy[RAW_MAX];
    uint8_t plain[RAW_MAX];
    _Alignas(16) uint8_t out[OUT_MAX];
} f;

static struct box_content content_of(enum box_kind kind)
{
    struct box_content c = { .name = bytes_text("Ana"), .about = bytes_text("my dog") };

    memset(c.circle, 7, sizeof c.circle);
    memcpy(c.owner, f.pub, PUB_BYTES);
    memset(c.key, 8, sizeof c.key);
    if (kind == BOX_OF_PIECE)
        memcpy(c.piece, f.circle.pieces[0], PIECE_BYTES);
    return c;
}

static struct statement statement_of(uint8_t kind)
{
    struct statement s = { .kind = kind,
                           .purpose = PURPOSE_RESTORE,
                           .n_epochs = 2,
                           .epochs = { { .epoch = 2, .opened = 1 },
                                       { .epoch = 1, .opened = 2 } },
                           .how = HOW_MET,
                           .not_before = 1700000000,
                           .time = 1700000001 };

    memset(s.request, 1, sizeof s.request);
    memset(s.req_sign, 2, sizeof s.req_sign);
    memset(s.t_hash, 3, sizeof s.t_hash);
    return s;
}

/* ---- every object: how it is made and how it is opened ---- */

static void make_manifest(struct buf *out)
{
    buf_put(out, bytes_of(f.circle.raw, f.circle.raw_n));
}

static enum err open_manifest(struct bytes raw)
{
    return manifest_open(raw, (struct manifest *)(void *)f.out);
}

static void make_descriptor(struct buf *out)
{
    struct descriptor d = { .epoch = 3,
                            .group_threshold = 1,
                            .n_groups = 1,
                            .groups = { { 2, 3 } },
                            .n_pieces = 2 };

    memset(d.manifest_hash, 4, sizeof d.manifest_hash);
    memset(d.pieces[0].ack, 5, PUB_BYTES);
    memset(d.pieces[1].approval, 6, PUB_BYTES);
    descriptor_make(&d, &f.seed, out);
}

static enum err open_descriptor(struct bytes raw)
{
    return descriptor_open(raw, f.pub, (struct descriptor *)(void *)f.out);
}

static void make_view(struct buf *out)
{
    struct view v = { .kind = REQUEST_CONFIRM,
                      .purpose = PURPOSE_EPOCH,
                      .n_epochs = 1,
                      .epochs = { { .epoch = 9, .hold = 1, .stop_hold = 2 } },
                      .opened = 1700000000,
                      .expires = 1700001000 };

    memset(v.subject, 7, sizeof v.subject);
    view_make(&v, &f.seed, out);
}

static enum err open_view(struct bytes raw)
{
    return view_open(raw, f.pub, (struct view *)(void *)f.out);
}

static void make_statement(struct buf *out)
{
    struct statement s = statement_of(REQUEST_RESTORE);

    statement_make(&s, &f.seed, out);
}

static enum err open_statement(struct bytes raw)
{
    return statement_open(raw, f.pub, (struct statement *)(void *)f.out);
}

static void make_introduction(struct buf *out)
{
    struct introduction i = { .until = 1700000000 };

    introduction_make(&i, &f.seed, out);
}

static enum err open_introduction(struct bytes raw)
{
    return introduction_open(raw, f.pub, (struct introduction *)(void *)f.out);
}

static void make_ack(struct buf *out)
{
    struct ack a = { .state = EPOCH_ACTIVE, .epoch = 2, .time = 1700000000 };

    ack_make(&a, &f.seed, out);
}

static enum err open_ack(struct bytes raw)
{
    return ack_open(raw, f.pub, (struct ack *)(void *)f.out);
}

static void make_box_piece(struct buf *out)
{
    struct box_content c = content_of(BOX_OF_PIECE);

    assert_int_equal(box_seal(BOX_OF_PIECE, &f.about, &c, &f.seed, &crypt_random, out),
                     OK);
}

static enum err open_box_piece(struct bytes raw)
{
    return box_open(BOX_OF_PIECE, &f.about, &f.dh, raw, SPAN_OF(f.plain),
                    (struct box_content *)(void *)f.out);
}

static void make_box_roster(struct buf *out)
{
    struct box_content c = content_of(BOX_OF_ROSTER);

    assert_int_equal(box_seal(BOX_OF_ROSTER, &f.about, &c, &f.seed, &crypt_random, out),
                     OK);
}

static enum err open_box_roster(struct bytes raw)
{
    return box_open(BOX_OF_ROSTER, &f.about, &f.dh, raw, SPAN_OF(f.plain),
                    (struct box_content *)(void *)f.out);
}

static void make_note(struct buf *out)
{
    struct note n = { .label = bytes_text("Ana"), .contact = bytes_text("+49 170") };

    assert_int_equal(note_seal(&n, f.dh_pub, f.seat, &crypt_random, out), OK);
}

static enum err open_note(struct bytes raw)
{
    return note_open(&f.dh, f.seat, raw, SPAN_OF(f.plain), (struct note *)(void *)f.out);
}

static struct roster_entry entry_of(const char *name, const char *reach)
{
    static const uint8_t at[] = { 1, 192, 0, 2, 7, 0x1e, 0xa4 };
    struct roster_entry e = { .name = bytes_text(name),
                              .reach = bytes_text(reach),
                              .generation = 1,
                              .n_addresses = 1,
                              .addresses = { { BYTES_OF(at) } } };

    memset(e.node_key, 1, sizeof e.node_key);
    memset(e.credential, 2, sizeof e.credential);
    return e;
}

static enum err roster_of(uint32_t n, const char *name, const char *reach,
                          struct buf *out)
{
    AUTO_FREE struct roster *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->epoch = 1;
    r->n_entries = n;
    for (uint32_t i = 0; i < n; i++)
        r->entries[i] = entry_of(name, reach);
    return roster_seal(r, &f.key, f.hash, &crypt_random, out);
}

static void make_roster(struct buf *out)
{
    assert_int_equal(roster_of(3, "Ben", "+49 171", out), OK);
}

static enum err open_roster(struct bytes raw)
{
    return roster_open(&f.key, f.hash, raw, SPAN_OF(f.plain),
                       (struct roster *)(void *)f.out);
}

static void make_release(struct buf *out)
{
    assert_int_equal(release_seal(f.dh_pub, BYTES_OF(f.t), f.hash, f.circle.pieces[0],
                                  &f.key, &crypt_random, out),
                     OK);
}

static enum err open_release(struct bytes raw)
{
    return release_open(&f.dh, BYTES_OF(f.t), f.hash, raw, f.out,
                        (struct seal_key *)(void *)(f.out + PIECE_BYTES));
}

static void make_release_roster(struct buf *out)
{
    assert_int_equal(
        release_roster_seal(f.dh_pub, BYTES_OF(f.t), f.hash, &f.key, &crypt_random, out),
        OK);
}

static enum err open_release_roster(struct bytes raw)
{
    return release_roster_open(&f.dh, BYTES_OF(f.t), f.hash, raw,
                               (struct seal_key *)(void *)f.out);
}

static void make_sealed(struct buf *out)
{
    manifest_seal(&f.key, f.circle.hash, bytes_of(f.circle.raw, f.circle.raw_n),
                  &crypt_random, out);
}

static enum err open_sealed(struct bytes raw)
{
    return manifest_unseal(&f.key, f.circle.hash, raw, SPAN_OF(f.plain),
                           (size_t *)(void *)f.out);
}

static const struct object {
    const char *name;
    void (*make)(struct buf *out);
    enum err (*open)(struct bytes raw);
    size_t size; /* of what is opened */
    enum err other_key;
} objects[] = {
    { "manifest", make_manifest, open_manifest, sizeof(struct manifest), OK },
    { "descriptor", make_descriptor, open_descriptor, sizeof(struct descriptor),
      ERR_SIGNATURE },
    { "view", make_view, open_view, sizeof(struct view), ERR_SIGNATURE },
    { "statement", make_statement, open_statement, sizeof(struct statement),
      ERR_SIGNATURE },
    { "introduction", make_introduction, open_introduction, sizeof(struct introduction),
      ERR_SIGNATURE },
    { "ack", make_ack, open_ack, sizeof(struct ack), ERR_SIGNATURE },
    { "box of a piece", make_box_piece, open_box_piece, sizeof(struct box_content),
      ERR_AUTH },
    { "box of a roster", make_box_roster, open_box_roster, sizeof(struct box_content),
      ERR_AUTH },
    { "note", make_note, open_note, sizeof(struct note), ERR_AUTH },
    { "roster", make_roster, open_roster, sizeof(struct roster), ERR_AUTH },
    { "release", make_release, open_release, PIECE_BYTES + KEY_BYTES, ERR_AUTH },
    { "roster release", make_release_roster, open_release_roster, KEY_BYTES, ERR_AUTH },
    { "sealed manifest", make_sealed, open_sealed, sizeof(size_t), ERR_AUTH },
};

enum { OBJECTS = sizeof objects / sizeof objects[0] };

/* The object's bytes, in f.raw. */
static struct bytes made(const struct object *o)
{
    struct buf out = BUF_OF(f.raw);

    o->make(&out);
    assert_false(out.over);
    return buf_bytes(&out);
}

/* Refused, with nothing written. Returns how. */
static enum err refused(const struct object *o, struct bytes raw, const char *why)
{
    memset(f.out, UNTOUCHED, sizeof f.out);
    enum err e = o->open(raw);
    if (e == OK)
        fail_msg("%s: %s was accepted", o->name, why);
    for (size_t i = 0; i < o->size; i++)
        if (f.out[i] != UNTOUCHED)
            fail_msg("%s: %s touched the output", o->name, why);
    return e;
}

static void each_changed_byte_is_refused(void **state)
{
    (void)state;

    for (size_t k = 0; k < OBJECTS; k++) {
        struct bytes raw = made(&objects[k]);

        assert_int_equal(objects[k].open(raw), OK);
        for (size_t i = 0; i < raw.n; i++) {
            f.raw[i] ^= (uint8_t)(1U << i % 8);
            (void)refused(&objects[k], raw, "a flipped bit");
            f.raw[i] ^= (uint8_t)(1U << i % 8) ^ 0x80;
            (void)refused(&objects[k], raw, "the highest bit");
            f.raw[i] ^= 0x80;
        }
        assert_int_equal(objects[k].open(raw), OK);
    }
}

static void each_other_length_is_refused(void **state)
{
    (void)state;

    for (size_t k = 0; k < OBJECTS; k++) {
        struct bytes raw = made(&objects[k]);

        for (size_t n = 0; n < raw.n; n++) {
            (void)refused(&objects[k], bytes_of(f.raw, n), "the front");
            (void)refused(&objects[k], bytes_of(f.raw + raw.n - n, n), "the end");
        }
        f.raw[raw.n] = 0;
        (void)refused(&objects[k], bytes_of(f.raw, raw.n + 1), "one byte more");
        (void)refused(&objects[k], (struct bytes){ 0 }, "nothing");
    }
}

static void another_key_opens_nothing(void **state)
{
    (void)state;

    for (size_t k = 0; k < OBJECTS; k++) {
        struct bytes raw = made(&objects[k]);

        if (objects[k].other_key == OK)
            continue; /* a manifest brings its owner key along */
        f.pub[3] ^= 1;
        f.dh.b[3] ^= 1;
        f.key.b[3] ^= 1;
        enum err e = refused(&objects[k], raw, "another key");
        f.pub[3] ^= 1;
        f.dh.b[3] ^= 1;
        f.key.b[3] ^= 1;
        assert_int_equal(e, objects[k].other_key);
    }
}

/* All under the same keys: only label and form keep them apart. */
static void no_object_passes_for_another(void **state)
{
    (void)state;

    for (size_t k = 0; k < OBJECTS; k++) {
        struct bytes raw = made(&objects[k]);

        for (size_t other = 0; other < OBJECTS; other++)
            if (other != k)
                (void)refused(&objects[other], raw, objects[k].name);
    }
}

/* ---- labels and contexts ---- */

static void a_statement_is_of_its_kind_only(void **state)
{
    static const enum label labels[] = { [REQUEST_RESTORE] = LABEL_STATEMENT_RESTORE,
                                         [REQUEST_CONFIRM] = LABEL_STATEMENT_CONFIRM,
                                         [REQUEST_MOVE] = LABEL_STATEMENT_MOVE };

    (void)state;

    for (uint8_t kind = 0; kind <= REQUEST_MOVE; kind++) {
        for (uint8_t label = REQUEST_RESTORE; label <= REQUEST_MOVE; label++) {
            struct statement s = statement_of(kind);
            struct buf out = BUF_OF(f.raw);
            uint8_t sig[SIG_BYTES];

            wire_put(&statement_schema, &s, &out);
            crypt_sign(&f.seed, labels[label], buf_bytes(&out), sig);
            buf_put(&out, BYTES_OF(sig));
            if (kind == label) {
                assert_int_equal(open_statement(buf_bytes(&out)), OK);
                continue;
            }
            enum err e = refused(&objects[3], buf_bytes(&out), "another kind's label");
            assert_int_equal(e, kind == 0 ? ERR_FORMAT : ERR_SIGNATURE);
        }
    }
}

static void a_box_opens_where_it_belongs_only(void **state)
{
    (void)state;
    const struct box_about right = f.about;

    for (size_t k = 6; k < 8; k++) {
        struct bytes raw = made(&objects[k]);

        f.about.epoch++;
        assert_int_equal(refused(&objects[k], raw, "another epoch"), ERR_AUTH);
        f.about = right;
        f.about.manifest_hash[31] ^= 1;
        assert_int_equal(refused(&objects[k], raw, "another manifest"), ERR_AUTH);
        f.about = right;
        f.about.group ^= 1;
        assert_int_equal(refused(&objects[k], raw, "another group"), ERR_AUTH);
        f.about = right;
        f.about.index ^= 1;
        assert_int_equal(refused(&objects[k], raw, "another index"), ERR_AUTH);
        f.about = right;
        f.about.seat[0] ^= 1;
        assert_int_equal(refused(&objects[k], raw, "another seat"), ERR_AUTH);
        f.about = right;
        f.about.seal_pub[0] ^= 1;
        assert_int_equal(refused(&objects[k], raw, "another guardian"), ERR_AUTH);
        f.about = right;
        assert_int_equal(objects[k].open(raw), OK);
    }
}

/* Whoever knows the sealing key can seal; the owner's signature is inside. */
static void a_box_by_a_stranger_is_refused(void **state)
{
    (void)state;
    struct sign_seed stranger = { { 99 } };
    struct box_content c = content_of(BOX_OF_PIECE);
    struct buf out = BUF_OF(f.raw);

    assert_int_equal(box_seal(BOX_OF_PIECE, &f.about, &c, &stranger, &crypt_random, &out),
                     OK);
    assert_int_equal(refused(&objects[6], buf_bytes(&out), "a stranger's box"),
                     ERR_SIGNATURE);
}

static void a_box_holds_what_its_kind_says(void **state)
{
    (void)state;
    struct box_content c = content_of(BOX_OF_ROSTER);
    struct buf out = BUF_OF(f.raw);

    assert_int_equal(box_seal(BOX_OF_PIECE, &f.about, &c, &f.seed, &crypt_random, &out),
                     OK);
    assert_int_equal(refused(&objects[6], buf_bytes(&out), "no piece"), ERR_FORMAT);
    c = content_of(BOX_OF_PIECE);
    out.n = 0;
    assert_int_equal(box_seal(BOX_OF_ROSTER, &f.about, &c, &f.seed, &crypt_random, &out),
                     OK);
    assert_int_equal(refused(&objects[7], buf_bytes(&out), "a piece"), ERR_FORMAT);
}

static void other_contexts_open_nothing(void **state)
{
    (void)state;
    struct bytes raw = made(&objects[8]);

    f.seat[0] ^= 1;
    assert_int_equal(refused(&objects[8], raw, "another seat"), ERR_AUTH);
    f.seat[0] ^= 1;
    for (size_t k = 9; k < 12; k++) {
        raw = made(&objects[k]);
        f.hash[0] ^= 1;
        assert_int_equal(refused(&objects[k], raw, "another manifest"), ERR_AUTH);
        f.hash[0] ^= 1;
    }
    for (size_t k = 10; k < 12; k++) {
        raw = made(&objects[k]);
        f.t[0] ^= 1;
        assert_int_equal(refused(&objects[k], raw, "another transcript"), ERR_AUTH);
        f.t[0] ^= 1;
    }
    raw = made(&objects[12]);
    f.circle.hash[0] ^= 1;
    assert_int_equal(refused(&objects[12], raw, "another manifest"), ERR_AUTH);
    f.circle.hash[0] ^= 1;
}

/* Whoever has the manifest key could seal other bytes under this hash. */
static void other_bytes_under_a_known_hash_are_refused(void **state)
{
    (void)state;
    struct buf out = BUF_OF(f.raw);

    crypt_seal(&f.key, LABEL_MANIFEST_SEAL, BYTES_OF(f.circle.hash), bytes_text("other"),
               &crypt_random, &out);
    assert_int_equal(refused(&objects[12], buf_bytes(&out), "other bytes"), ERR_AUTH);
}

static void signatures_bind_every_part(void **state)
{
    (void)state;
    uint8_t sig[SIG_BYTES];
    uint8_t a[64] = { 1 };
    uint8_t b[64] = { 2 };
    uint8_t c[64] = { 3 };

    ack_key_sign(&f.seed, a, 7, b, sig);
    assert_int_equal(ack_key_verify(f.pub, a, 7, b, sig), OK);
    assert_int_equal(ack_key_verify(f.pub, c, 7, b, sig), ERR_SIGNATURE);
    assert_int_equal(ack_key_verify(f.pub, a, 8, b, sig), ERR_SIGNATURE);
    assert_int_equal(ack_key_verify(f.pub, a, 7, c, sig), ERR_SIGNATURE);
    assert_int_equal(ack_key_verify(f.dh_pub, a, 7, b, sig), ERR_SIGNATURE);
    seat_keys_sign(&f.seed, a, b, c, sig);
    assert_int_equal(seat_keys_verify(f.pub, a, b, c, sig), OK);
    assert_int_equal(seat_keys_verify(f.pub, b, b, c, sig), ERR_SIGNATURE);
    assert_int_equal(seat_keys_verify(f.pub, a, a, c, sig), ERR_SIGNATURE);
    assert_int_equal(seat_keys_verify(f.pub, a, b, a, sig), ERR_SIGNATURE);
    assert_int_equal(seat_keys_verify(f.dh_pub, a, b, c, sig), ERR_SIGNATURE);
    seat_enrol_sign(&f.seed, a, b, sig);
    assert_int_equal(seat_enrol_verify(f.pub, a, b, sig), OK);
    assert_int_equal(seat_enrol_verify(f.pub, b, b, sig), ERR_SIGNATURE);
    assert_int_equal(seat_enrol_verify(f.pub, a, c, sig), ERR_SIGNATURE);
    approval_sign(&f.seed, a, b, c, sig);
    assert_int_equal(approval_verify(f.pub, a, b, c, sig), OK);
    assert_int_equal(approval_verify(f.pub, b, b, c, sig), ERR_SIGNATURE);
    assert_int_equal(approval_verify(f.pub, a, a, c, sig), ERR_SIGNATURE);
    assert_int_equal(approval_verify(f.pub, a, b, a, sig), ERR_SIGNATURE);
    unlock_sign(&f.seed, a, b, sig);
    assert_int_equal(unlock_verify(f.pub, a, b, sig), OK);
    assert_int_equal(unlock_verify(f.pub, b, b, sig), ERR_SIGNATURE);
    assert_int_equal(unlock_verify(f.pub, a, c, sig), ERR_SIGNATURE);
}

static void what_is_stored_has_one_hash(void **state)
{
    (void)state;
    const struct bytes whole = bytes_text("abcdef");
    const struct bytes none = { 0 };
    uint8_t hash[6][HASH_BYTES];

    stored_hash(whole, none, none, none, none, hash[0]);
    stored_hash(none, whole, none, none, none, hash[1]);
    stored_hash(none, none, none, none, whole, hash[2]);
    stored_hash(bytes_of(whole.p, 5), bytes_of(whole.p + 5, 1), none, none, none,
                hash[3]);
    stored_hash(bytes_of(whole.p, 5), none, none, none, none, hash[4]);
    stored_hash(none, none, none, none, none, hash[5]);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(hash[i], hash[j], HASH_BYTES);
}

static void a_piece_key_commits_to_every_bit(void **state)
{
    (void)state;
    uint8_t piece[PIECE_BYTES] = { 0 };
    uint8_t whole[PUB_BYTES];
    uint8_t other[PUB_BYTES];

    memcpy(piece, f.circle.pieces[0], PIECE_BYTES);
    piece_public(piece, whole);
    assert_non_null(manifest_find(&f.circle.m, whole));
    for (size_t bit = 0; bit < 8 * PIECE_BYTES; bit++) {
        piece[bit / 8] ^= (uint8_t)(1U << bit % 8);
        piece_public(piece, other);
        assert_memory_not_equal(whole, other, PUB_BYTES);
        assert_null(manifest_find(&f.circle.m, other));
        piece[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

/* ---- the plan of a manifest ---- */

static void version_2(struct manifest *m)
{
    m->version = 2;
}

static void epoch_0(struct manifest *m)
{
    m->epoch = 0;
}

static void no_group(struct manifest *m)
{
    m->n_groups = 0;
}

static void groups_17(struct manifest *m)
{
    m->n_groups = 17;
}

static void group_threshold_0(struct manifest *m)
{
    m->group_threshold = 0;
}

static void group_threshold_above(struct manifest *m)
{
    m->group_threshold = 2;
}

static void threshold_0(struct manifest *m)
{
    m->groups[0].t = 0;
}

static void threshold_above(struct manifest *m)
{
    m->groups[0].t = m->groups[0].n + 1;
}

static void threshold_1_of_many(struct manifest *m)
{
    m->groups[0].t = 1;
}

static void members_17(struct manifest *m)
{
    m->groups[0].n = 17;
}

static void one_piece_alone(struct manifest *m)
{
    m->groups[0] = (struct manifest_group){ 1, 1 };
    m->n_pieces = 1;
}

static void one_of_two_lone_groups(struct manifest *m)
{
    m->n_groups = 2;
    m->groups[0] = m->groups[1] = (struct manifest_group){ 1, 1 };
    m->n_pieces = 2;
    m->pieces[1].group = 1;
    m->pieces[1].index = 0;
}

static void piece_missing(struct manifest *m)
{
    m->n_pieces--;
}

static void piece_too_many(struct manifest *m)
{
    m->pieces[m->n_pieces++].kind = PIECE_NODE;
}

static void index_twice(struct manifest *m)
{
    m->pieces[1].index = m->pieces[0].index;
}

static void index_above(struct manifest *m)
{
    m->pieces[1].index = m->groups[0].n;
}

static void group_above(struct manifest *m)
{
    m->pieces[1].group = 1;
}

static void kind_0(struct manifest *m)
{
    m->pieces[1].kind = 0;
}

static void kind_3(struct manifest *m)
{
    m->pieces[1].kind = 3;
}

static void card_with_approval(struct manifest *m)
{
    m->pieces[1].kind = PIECE_CARD;
}

static void node_without_approval(struct manifest *m)
{
    memset(m->pieces[1].approval, 0, PUB_BYTES);
}

static void card(struct manifest *m)
{
    card_with_approval(m);
    node_without_approval(m);
}

static void as_it_is(struct manifest *m)
{
    (void)m;
}

static const struct plan {
    const char *name;
    void (*change)(struct manifest *m);
    enum err want;
} plans[] = {
    { "version 2", version_2, ERR_VERSION },
    { "epoch 0", epoch_0, ERR_FORMAT },
    { "no group", no_group, ERR_FORMAT },
    { "17 groups", groups_17, ERR_FORMAT },
    { "group threshold 0", group_threshold_0, ERR_FORMAT },
    { "group threshold above the groups", group_threshold_above, ERR_FORMAT },
    { "threshold 0", threshold_0, ERR_FORMAT },
    { "threshold above the members", threshold_above, ERR_FORMAT },
    { "threshold 1 of several", threshold_1_of_many, ERR_FORMAT },
    { "17 members", members_17, ERR_FORMAT },
    { "one piece alone", one_piece_alone, ERR_FORMAT },
    { "one of two lone groups", one_of_two_lone_groups, ERR_FORMAT },
    { "a piece missing", piece_missing, ERR_FORMAT },
    { "a piece too many", piece_too_many, ERR_FORMAT },
    { "an index twice", index_twice, ERR_FORMAT },
    { "an index above", index_above, ERR_FORMAT },
    { "a group above", group_above, ERR_FORMAT },
    { "kind 0", kind_0, ERR_FORMAT },
    { "kind 3", kind_3, ERR_FORMAT },
    { "a card with an approval key", card_with_approval, ERR_FORMAT },
    { "a guardian without one", node_without_approval, ERR_FORMAT },
    { "a card", card, OK },
    { "as it is", as_it_is, OK },
};

/* Encodes, wraps and signs m as an attacker would: any root, any owner. */
static struct bytes forge(struct manifest *m, const struct root_key *root,
                          const struct sign_seed *owner)
{
    struct buf out = BUF_OF(f.raw);
    struct seal_key kek;
    uint8_t before[HASH_BYTES];
    uint8_t epoch[4];
    uint8_t sig[SIG_BYTES];
    struct buf wrapped = BUF_OF(m->wrapped);

    crypt_sign_public(owner, m->owner);
    memset(m->wrapped, 0xff, sizeof m->wrapped);
    wire_put(&manifest_schema, m, &out);
    assert_false(out.over);
    crypt_hash(LABEL_MANIFEST_BEFORE, PARTS(bytes_of(f.raw, out.n - 3 - WRAPPED_BYTES)),
               SPAN_OF(before));
    store_u32(epoch, m->epoch);
    crypt_keyed(f.escrow.b, LABEL_KEK, PARTS(BYTES_OF(m->circle), BYTES_OF(epoch)),
                SPAN_OF(kek.b));
    crypt_seal(&kek, LABEL_KEK, BYTES_OF(before), BYTES_OF(root->b), &crypt_random,
               &wrapped);
    memcpy(f.raw + out.n - WRAPPED_BYTES, m->wrapped, WRAPPED_BYTES);
    crypt_sign(owner, LABEL_MANIFEST, buf_bytes(&out), sig);
    buf_put(&out, BYTES_OF(sig));
    return buf_bytes(&out);
}

static void plans_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct sign_seed owner;

    assert_int_equal(ident_owner(&f.root, &owner), OK);
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        struct manifest m = f.circle.m;

        plans[i].change(&m);
        if (manifest_check(&m) != plans[i].want)
            fail_msg("%s: %s", plans[i].name, err_name(manifest_check(&m)));
    }
    /* The same from the wire, well signed; what the encoding cannot say is left out. */
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        struct manifest m = f.circle.m;

        plans[i].change(&m);
        if (m.version > 1 || m.n_groups < 1 || m.n_groups > GROUPS_MAX ||
            m.groups[0].n > GROUPS_MAX || m.n_pieces < 2 || m.pieces[1].kind > PIECE_CARD)
            continue;
        struct bytes raw = forge(&m, &f.root, &owner);
        if (plans[i].want == OK)
            assert_int_equal(open_manifest(raw), OK);
        else
            (void)refused(&objects[0], raw, plans[i].name);
    }
}

static void the_fewest_pieces_are_counted(void **state)
{
    (void)state;
    struct manifest m = { .group_threshold = 2,
                          .n_groups = 3,
                          .groups = { { 5, 5 }, { 2, 3 }, { 3, 4 } } };

    assert_int_equal(manifest_need(&m), 5);
    m.group_threshold = 3;
    assert_int_equal(manifest_need(&m), 10);
    m.group_threshold = 1;
    assert_int_equal(manifest_need(&m), 2);
}

/* ---- the wrapped root ---- */

static void assert_no_root(struct bytes raw, const struct escrow_key *escrow,
                           enum err want)
{
    struct root_key got;

    memset(&got, UNTOUCHED, sizeof got);
    assert_int_equal(manifest_unwrap(raw, escrow, &got), want);
    for (size_t i = 0; i < sizeof got; i++)
        assert_int_equal(got.b[i], UNTOUCHED);
}

static void another_escrow_key_gives_no_root(void **state)
{
    (void)state;
    struct escrow_key other = f.escrow;
    struct manifest m = f.circle.m;
    struct sign_seed owner;
    struct root_key got;

    assert_int_equal(ident_owner(&f.root, &owner), OK);
    struct bytes raw = forge(&m, &f.root, &owner);
    assert_int_equal(manifest_unwrap(raw, &f.escrow, &got), OK);
    assert_memory_equal(got.b, f.root.b, KEY_BYTES);
    other.b[31] ^= 1;
    assert_no_root(raw, &other, ERR_AUTH);
    assert_no_root(bytes_of(raw.p, raw.n - 1), &f.escrow, ERR_FORMAT);
}

static void a_wrapped_root_belongs_to_its_manifest(void **state)
{
    (void)state;
    struct manifest m = f.circle.m;
    struct sign_seed owner;
    uint8_t sig[SIG_BYTES];
    uint8_t moved[WRAPPED_BYTES];

    assert_int_equal(ident_owner(&f.root, &owner), OK);
    (void)forge(&m, &f.root, &owner);
    memcpy(moved, m.wrapped, sizeof moved);
    m.hold++;
    struct bytes raw = forge(&m, &f.root, &owner);
    assert_memory_not_equal(moved, m.wrapped, sizeof moved);
    size_t body = raw.n - SIG_BYTES;
    memcpy(f.raw + body - WRAPPED_BYTES, moved, sizeof moved);
    crypt_sign(&owner, LABEL_MANIFEST, bytes_of(f.raw, body), sig);
    memcpy(f.raw + body, sig, sizeof sig);
    assert_int_equal(open_manifest(raw), OK);
    assert_no_root(raw, &f.escrow, ERR_AUTH);
}

static void a_root_counts_if_its_owner_signed(void **state)
{
    (void)state;
    struct sign_seed thief = { { 66 } };
    struct manifest m = f.circle.m;
    struct bytes raw = forge(&m, &f.root, &thief);

    assert_int_equal(open_manifest(raw), OK);
    assert_no_root(raw, &f.escrow, ERR_SIGNATURE);
}

static void a_manifest_beyond_its_size_is_refused(void **state)
{
    (void)state;

    memset(f.raw, 0x80, sizeof f.raw);
    assert_int_equal(refused(&objects[0], bytes_of(f.raw, MANIFEST_MAX + 1), "8193"),
                     ERR_TOO_BIG);
}

/* ---- sizes ---- */

static void the_largest_circle_fits(void **state)
{
    (void)state;
    static struct manifest m = { .version = 1,
                                 .epoch = UINT32_MAX,
                                 .group_threshold = GROUPS_MAX,
                                 .n_groups = GROUPS_MAX,
                                 .n_pieces = PIECES_MAX,
                                 .hold = HOLD_MAX_S,
                                 .stop_hold = STOP_HOLD_MAX_S,
                                 .made = UINT64_MAX };
    static struct descriptor d = { .epoch = UINT32_MAX,
                                   .group_threshold = GROUPS_MAX,
                                   .n_groups = GROUPS_MAX,
                                   .n_pieces = PIECES_MAX };
    struct buf out = { .p = f.raw, .cap = MANIFEST_MAX };
    struct root_key got;

    memset(m.previous, 0xff, sizeof m.previous);
    memset(m.move, 0xff, sizeof m.move);
    for (uint8_t i = 0; i < PIECES_MAX; i++) {
        m.groups[i / 4] = d.groups[i / 4] = (struct manifest_group){ 4, 4 };
        m.pieces[i] =
            (struct manifest_piece){ .group = i / 4, .index = i % 4, .kind = PIECE_NODE };
        d.pieces[i].group = i / 4;
        memset(m.pieces[i].piece_key, i, PUB_BYTES);
        memset(m.pieces[i].approval, 0xff, PUB_BYTES);
    }
    assert_int_equal(manifest_make(&m, &f.root, &f.escrow, &crypt_random, &out), OK);
    print_message("a manifest of 64 pieces: %zu of %d bytes\n", out.n, MANIFEST_MAX);
    assert_int_equal(manifest_unwrap(buf_bytes(&out), &f.escrow, &got), OK);
    assert_memory_equal(got.b, f.root.b, KEY_BYTES);
    struct buf tight = { .p = f.raw, .cap = out.n - 1 };
    assert_int_equal(manifest_make(&m, &f.root, &f.escrow, &crypt_random, &tight),
                     ERR_TOO_BIG);
    out.n = 0;
    descriptor_make(&d, &f.seed, &out);
    assert_false(out.over);
    assert_int_equal(open_descriptor(buf_bytes(&out)), OK);
    out.n = 0;
    d.pieces[63].group = 0;
    d.n_groups = 15; /* the sixteenth group's pieces point nowhere */
    d.group_threshold = 15;
    descriptor_make(&d, &f.seed, &out);
    assert_int_equal(refused(&objects[1], buf_bytes(&out), "no such group"), ERR_FORMAT);
}

static void a_roster_of_64_usual_entries_fits(void **state)
{
    (void)state;
    static const char long_reach[] =
        "+49 170 12345678, Hauptstrasse 12, 10115 Berlin; my sister Maria knows her";
    struct buf out = BUF_OF(f.raw);

    assert_int_equal(
        roster_of(64, "Benjamin Mustermann", "+49 170 12345678, Berlin", &out), OK);
    print_message("a roster of 64 entries: %zu of %d bytes\n", out.n - SEAL_OVERHEAD,
                  ROSTER_MAX);
    assert_int_equal(open_roster(buf_bytes(&out)), OK);
    assert_int_equal(((struct roster *)(void *)f.out)->n_entries, 64);
    /* With an address and a friend to ask each, 64 are too many: said, not cut. */
    out.n = 0;
    assert_int_equal(roster_of(64, "Benjamin Mustermann", long_reach, &out), ERR_TOO_BIG);
    assert_int_equal(out.n, 0);
    assert_int_equal(roster_of(56, "Benjamin Mustermann", long_reach, &out), OK);
    struct buf tight = { .p = f.raw, .cap = out.n - 1 };
    assert_int_equal(roster_of(56, "Benjamin Mustermann", long_reach, &tight),
                     ERR_TOO_BIG);
}

static void the_largest_texts_fit(void **state)
{
    (void)state;
    static uint8_t text[TEXT_MAX_BYTES];
    struct box_content c = content_of(BOX_OF_PIECE);
    struct note n = { 0 };
    struct buf out = { .p = f.raw, .cap = BOX_MAX };

    memset(text, 'a', sizeof text);
    c.name = n.label = bytes_of(text, NAME_MAX_BYTES);
    c.about = n.about = n.contact = BYTES_OF(text);
    memset(n.circle, 1, sizeof n.circle);
    memset(n.owner, 1, sizeof n.owner);
    assert_int_equal(box_seal(BOX_OF_PIECE, &f.about, &c, &f.seed, &crypt_random, &out),
                     OK);
    assert_int_equal(open_box_piece(buf_bytes(&out)), OK);
    out.n = 0;
    assert_int_equal(note_seal(&n, f.dh_pub, f.seat, &crypt_random, &out), OK);
    assert_int_equal(open_note(buf_bytes(&out)), OK);
    struct buf tight = { .p = f.raw, .cap = out.n - 1 };
    assert_int_equal(note_seal(&n, f.dh_pub, f.seat, &crypt_random, &tight), ERR_TOO_BIG);
}

static void seal_long_name(void *ctx)
{
    static uint8_t text[NAME_MAX_BYTES + 1];
    struct note n = { .label = BYTES_OF(text) };
    struct buf out = BUF_OF(f.raw);
    enum err e = note_seal(&n, f.dh_pub, f.seat, &crypt_random, &out);

    (void)ctx;
    (void)e; /* not reached */
}

/* A note under a wider schema than ours. */
static struct bytes strange_note(struct bytes label)
{
    struct wire_field fields[8];
    struct note n = { .label = label };
    uint8_t plain[256];
    struct buf encoded = BUF_OF(plain);
    struct buf out = BUF_OF(f.raw);

    memcpy(fields, note_schema.fields, note_schema.count * sizeof *fields);
    fields[0].max = 128;
    fields[0].min = 0;
    const struct wire_schema wide = { "note", fields, note_schema.count, sizeof n };
    wire_put(&wide, &n, &encoded);
    assert_int_equal(crypt_box_seal(f.dh_pub, LABEL_BOX_NOTE, BYTES_OF(f.seat),
                                    buf_bytes(&encoded), &crypt_random, &out),
                     OK);
    return buf_bytes(&out);
}

static void names_have_bounds(void **state)
{
    (void)state;
    static uint8_t text[NAME_MAX_BYTES + 1];

    memset(text, 'a', sizeof text);
    assert_int_equal(refused(&objects[8], strange_note(BYTES_OF(text)), "65 bytes"),
                     ERR_TOO_BIG);
    assert_int_equal(refused(&objects[8], strange_note((struct bytes){ 0 }), "no name"),
                     ERR_FORMAT);
    assert_int_equal(refused(&objects[8], strange_note(bytes_text("a\nb")), "a line end"),
                     ERR_FORMAT);
    assert_int_equal(
        refused(&objects[8], strange_note(bytes_text("a\xe2\x80\xae")), "bidi"),
        ERR_FORMAT);
    assert_int_equal(open_note(strange_note(bytes_text("Ana"))), OK);
    assert_int_equal(death_signal(seal_long_name, NULL), SIGABRT);
}

/* ---- nothing is left behind ---- */

struct kept {
    struct root_key root;
    struct root_key again;
    struct escrow_key escrow;
    uint8_t piece[PIECE_BYTES];
    uint8_t out[PIECE_BYTES];
    struct box_content content;
    struct box_content opened;
    struct seal_key key;
    uint8_t plain[BOX_MAX];
};

static void kept_use(struct kept *k)
{
    struct manifest m = f.circle.m;
    struct buf raw = BUF_OF(f.raw);
    uint8_t pub[PUB_BYTES];

    assert_int_equal(manifest_make(&m, &k->root, &k->escrow, &crypt_random, &raw), OK);
    assert_int_equal(manifest_unwrap(buf_bytes(&raw), &k->escrow, &k->again), OK);
    piece_public(k->piece, pub);
    k->content.name = bytes_text("Ana");
    memcpy(k->content.owner, f.pub, PUB_BYTES);
    memcpy(k->content.piece, k->piece, PIECE_BYTES);
    raw.n = 0;
    assert_int_equal(
        box_seal(BOX_OF_PIECE, &f.about, &k->content, &f.seed, &crypt_random, &raw), OK);
    assert_int_equal(box_open(BOX_OF_PIECE, &f.about, &f.dh, buf_bytes(&raw),
                              SPAN_OF(k->plain), &k->opened),
                     OK);
    raw.n = 0;
    assert_int_equal(release_seal(f.dh_pub, BYTES_OF(f.t), f.hash, k->piece, &f.key,
                                  &crypt_random, &raw),
                     OK);
    assert_int_equal(
        release_open(&f.dh, BYTES_OF(f.t), f.hash, buf_bytes(&raw), k->out, &k->key), OK);
    assert_memory_equal(k->out, k->opened.piece, PIECE_BYTES);
}

static void no_secret_is_left_behind(void **state)
{
    (void)state;
    struct kept *k = NULL;
    uint8_t root[KEY_BYTES];
    uint8_t escrow[KEY_BYTES];
    uint8_t piece[PIECE_BYTES];

    if (SANITIZED) {
        print_message("skipped: a sanitizer's own memory is too much to scan\n");
        skip();
    }
    assert_int_equal(secret_new(&k), OK);
    rng_fill(&crypt_random, k->root.b, KEY_BYTES);
    rng_fill(&crypt_random, k->escrow.b, KEY_BYTES);
    rng_fill(&crypt_random, k->piece, PIECE_BYTES);
    residue_mask(k->root.b, KEY_BYTES, root);
    residue_mask(k->escrow.b, KEY_BYTES, escrow);
    residue_mask(k->piece, PIECE_BYTES, piece);
    kept_use(k);
    /* The search finds what is there: root twice, piece five times, in our own memory. */
    assert_int_equal(residue_count(BYTES_OF(root)), 2 * 17);
    assert_int_equal(residue_count(BYTES_OF(escrow)), 17);
    assert_int_equal(residue_count(BYTES_OF(piece)), 5 * 22);
    secret_free(k);
    assert_int_equal(residue_count(BYTES_OF(root)), 0);
    assert_int_equal(residue_count(BYTES_OF(escrow)), 0);
    assert_int_equal(residue_count(BYTES_OF(piece)), 0);
}

/* ---- names ---- */

static void numbers_have_names(void **state)
{
    (void)state;
    uint8_t how = 42;

    for (uint8_t i = HOW_MET; i <= HOW_CALLED; i++) {
        assert_int_equal(how_find(how_name(i), &how), OK);
        assert_int_equal(how, i);
    }
    assert_int_equal(how_find("not sure", &how), ERR_ARG);
    assert_int_equal(how_find("", &how), ERR_ARG);
    assert_int_equal(how, HOW_CALLED);
    assert_string_equal(request_kind_name(REQUEST_CONFIRM), "confirm");
    assert_string_equal(purpose_name(PURPOSE_END), "end");
    assert_string_equal(request_state_name(STATE_CONTESTED), "contested");
    assert_string_equal(epoch_state_name(EPOCH_SUPERSEDED), "superseded");
    for (unsigned i = 9; i < 300; i += 97) {
        assert_string_equal(request_kind_name(i), "unknown");
        assert_string_equal(purpose_name(i), "unknown");
        assert_string_equal(request_state_name(i), "unknown");
        assert_string_equal(epoch_state_name(i), "unknown");
        assert_string_equal(how_name(i), "unknown");
    }
    assert_string_equal(how_name(0), "unknown");
}

/* ---- vectors, computed by tests/vectors/make.py ---- */

static json_t *vectors;

static void struct_matches(const struct wire_schema *s, const uint8_t *base,
                           const json_t *o);

static void field_matches(const struct wire_field *w, const uint8_t *base,
                          const json_t *v)
{
    const uint8_t *at = base + w->off;
    uint8_t want[1024];
    struct bytes slice = { 0 };
    uint64_t n = 0;
    uint32_t count = 0;

    switch (w->type) {
    case WIRE_UINT:
        memcpy(&n, at, w->size); /* little-endian machines only; absent is 0 */
        assert_int_equal(n, v == NULL ? 0 : json_integer_value(v));
        return;
    case WIRE_FIX:
        memset(want, 0, sizeof want);
        if (v != NULL)
            assert_int_equal(hex_decode(bytes_text(json_string_value(v)),
                                        (struct span){ want, w->size }),
                             OK);
        assert_memory_equal(at, want, w->size);
        return;
    case WIRE_BYTES:
        memcpy(&slice, at, sizeof slice);
        assert_int_equal(2 * slice.n, json_string_length(v));
        assert_int_equal(
            hex_decode(bytes_text(json_string_value(v)), (struct span){ want, slice.n }),
            OK);
        assert_memory_equal(slice.p, want, slice.n);
        return;
    case WIRE_TEXT:
        memcpy(&slice, at, sizeof slice);
        assert_int_equal(slice.n, v == NULL ? 0 : json_string_length(v));
        if (v != NULL)
            assert_memory_equal(slice.p, json_string_value(v), slice.n);
        return;
    case WIRE_LIST:
        memcpy(&count, base + w->off_n, sizeof count);
        assert_int_equal(count, json_array_size(v));
        for (uint32_t i = 0; i < count; i++)
            struct_matches(w->sub, at + i * w->size, json_array_get(v, i));
        return;
    }
}

/* Every field of the struct is what the JSON object calls by its name. */
static void struct_matches(const struct wire_schema *s, const uint8_t *base,
                           const json_t *o)
{
    size_t named = 0;

    for (size_t i = 0; i < s->count; i++) {
        const json_t *v = json_object_get(o, s->fields[i].name);

        named += v != NULL;
        field_matches(&s->fields[i], base, v);
    }
    assert_int_equal(named, json_object_size(o));
}

/* Draws what a vector says, in order. */
static void draw(void *ctx, uint8_t *out, size_t n)
{
    struct bytes *left = ctx;
    struct bytes head = { 0 };

    assert_int_equal(bytes_take(left, n, &head), OK);
    memcpy(out, head.p, n);
}

#define DRAWS(left) ((struct rng){ .fill = draw, .ctx = &(left) })

struct signed_kind {
    const char *key;
    const struct wire_schema *schema;
    enum err (*open)(struct bytes raw);
    void (*make)(const void *value, struct buf *out);
};

static void remake_descriptor(const void *v, struct buf *out)
{
    descriptor_make(v, &f.seed, out);
}

static void remake_view(const void *v, struct buf *out)
{
    view_make(v, &f.seed, out);
}

static void remake_statement(const void *v, struct buf *out)
{
    statement_make(v, &f.seed, out);
}

static void remake_introduction(const void *v, struct buf *out)
{
    introduction_make(v, &f.seed, out);
}

static void remake_ack(const void *v, struct buf *out)
{
    ack_make(v, &f.seed, out);
}

static const struct signed_kind signed_kinds[] = {
    { "descriptor", &descriptor_schema, open_descriptor, remake_descriptor },
    { "view", &view_schema, open_view, remake_view },
    { "introduction", &introduction_schema, open_introduction, remake_introduction },
    { "ack", &ack_schema, open_ack, remake_ack },
    { "statement", &statement_schema, open_statement, remake_statement },
};

static void signed_matches(const struct signed_kind *k, const json_t *o)
{
    struct buf again = BUF_OF(f.copy);

    json_fixed(o, "seed", SPAN_OF(f.seed.b));
    crypt_sign_public(&f.seed, f.pub);
    json_same(o, "pub", BYTES_OF(f.pub));
    struct bytes raw = json_bytes(o, "signed", SPAN_OF(f.raw));
    assert_int_equal(k->open(raw), OK);
    struct_matches(k->schema, f.out, json_at(o, "fields"));
    k->make(f.out, &again);
    json_same(o, "signed", buf_bytes(&again));
}

static void signed_objects_match_vectors(void **state)
{
    const json_t *all = json_at(vectors, "statements");
    (void)state;

    for (size_t i = 0; i < 4; i++)
        signed_matches(&signed_kinds[i], json_at(vectors, signed_kinds[i].key));
    assert_int_equal(json_array_size(all), 3);
    for (size_t i = 0; i < 3; i++)
        signed_matches(&signed_kinds[4], json_array_get(all, i));
}

static void a_name_matches_vectors(void **state)
{
    const json_t *o = json_at(vectors, "descriptor");
    const struct descriptor *d = (const void *)f.out;
    uint8_t name[HASH_BYTES];
    (void)state;

    signed_matches(&signed_kinds[0], o);
    descriptor_name(d, json_u32(o, "hold"), json_u32(o, "stop_hold"), name);
    json_same(o, "name", BYTES_OF(name));
}

/* What a node computes without the manifest is what names it; cards are nobody there. */
static void a_node_can_tell_the_name(void **state)
{
    static const struct manifest_group groups[] = { { 2, 3 }, { 2, 2 } };
    static struct circle circle;
    struct bytes raw = { 0 };
    struct descriptor *d = (void *)f.out;
    uint8_t name[HASH_BYTES];
    (void)state;

    circle.n_cards = 1;
    circle.hold = 86400;
    circle.stop_hold = 7 * 86400;
    circle_make(&circle, &f.root, 9, groups, 2, 2);
    raw = bytes_of(circle.raw, circle.raw_n);
    descriptor_of(&circle.m, circle.hash, d);
    assert_int_equal(d->n_pieces, 4);
    descriptor_name(d, 86400, 7 * 86400, name);
    assert_memory_not_equal(name, circle.hash, HASH_BYTES); /* without its body */
    manifest_body(raw, d->body);
    descriptor_name(d, 0, 7 * 86400, name);
    assert_memory_not_equal(name, circle.hash, HASH_BYTES);
    memset(d->pieces[3].ack, 8, PUB_BYTES); /* stands in no manifest */
    descriptor_name(d, 86400, 7 * 86400, name);
    assert_memory_equal(name, circle.hash, HASH_BYTES);
    /* And what is no manifest has none. */
    raw.n--;
    assert_int_equal(manifest_hash(raw, name), ERR_FORMAT);
    raw.n = SIG_BYTES;
    assert_int_equal(manifest_hash(raw, name), ERR_FORMAT);
    raw.n = MANIFEST_MAX + 1;
    assert_int_equal(manifest_hash(raw, name), ERR_TOO_BIG);
    assert_memory_equal(name, circle.hash, HASH_BYTES);
}

static void the_manifest_matches_vectors(void **state)
{
    const json_t *o = json_at(vectors, "manifest");
    struct manifest m = { 0 };
    struct buf out = BUF_OF(f.copy);
    struct buf sealed = BUF_OF(f.plain);
    uint8_t nonce[24];
    struct bytes left = BYTES_OF(nonce);
    struct rng draws = DRAWS(left);
    struct root_key got;
    uint8_t hash[HASH_BYTES];
    uint8_t body[HASH_BYTES];
    (void)state;

    json_fixed(o, "root", SPAN_OF(f.root.b));
    json_fixed(o, "escrow", SPAN_OF(f.escrow.b));
    json_fixed(o, "nonce", SPAN_OF(nonce));
    struct bytes raw = json_bytes(o, "signed", SPAN_OF(f.raw));
    assert_int_equal(manifest_open(raw, &m), OK);
    struct_matches(&manifest_schema, (const uint8_t *)&m, json_at(o, "fields"));
    assert_int_equal(manifest_unwrap(raw, &f.escrow, &got), OK);
    assert_memory_equal(got.b, f.root.b, KEY_BYTES);
    assert_int_equal(manifest_hash(raw, hash), OK);
    manifest_body(raw, body);
    json_same(o, "body", BYTES_OF(body));
    json_same(o, "hash", BYTES_OF(hash));
    assert_int_equal(manifest_make(&m, &f.root, &f.escrow, &draws, &out), OK);
    json_same(o, "signed", buf_bytes(&out));
    json_fixed(o, "manifest_key", SPAN_OF(f.key.b));
    json_fixed(o, "seal_nonce", SPAN_OF(nonce));
    left = BYTES_OF(nonce);
    manifest_seal(&f.key, hash, raw, &draws, &sealed);
    json_same(o, "sealed", buf_bytes(&sealed));
}

static void piece_keys_match_vectors(void **state)
{
    const json_t *all = json_at(json_at(vectors, "manifest"), "pieces");
    (void)state;

    assert_int_equal(json_array_size(all), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *o = json_array_get(all, i);
        uint8_t piece[PIECE_BYTES];
        uint8_t pub[PUB_BYTES];
        struct sign_seed seed;

        json_fixed(o, "piece", SPAN_OF(piece));
        piece_seed(piece, &seed);
        json_same(o, "seed", BYTES_OF(seed.b));
        piece_public(piece, pub);
        json_same(o, "public", BYTES_OF(pub));
    }
}

static void boxes_match_vectors(void **state)
{
    static const char *const keys[] = {
        [BOX_OF_PIECE] = "box_piece", [BOX_OF_ROSTER] = "box_roster"
    };
    (void)state;

    for (unsigned kind = BOX_OF_PIECE; kind <= BOX_OF_ROSTER; kind++) {
        const json_t *o = json_at(vectors, keys[kind]);
        struct box_content c = { 0 };
        uint8_t eph[KEY_BYTES];
        struct bytes left = BYTES_OF(eph);
        struct rng draws = DRAWS(left);
        struct buf out = BUF_OF(f.copy);

        json_fixed(o, "key", SPAN_OF(f.dh.b));
        json_fixed(o, "ephemeral", SPAN_OF(eph));
        json_fixed(o, "owner_seed", SPAN_OF(f.seed.b));
        struct bytes raw = json_bytes(o, "about_encoded", SPAN_OF(f.raw));
        assert_int_equal(wire_get(&box_about_schema, raw, &f.about), OK);
        struct_matches(&box_about_schema, (const uint8_t *)&f.about, json_at(o, "about"));
        raw = json_bytes(o, "sealed", SPAN_OF(f.raw));
        assert_int_equal(
            box_open((enum box_kind)kind, &f.about, &f.dh, raw, SPAN_OF(f.plain), &c),
            OK);
        struct_matches(&box_content_schema, (const uint8_t *)&c, json_at(o, "fields"));
        assert_int_equal(
            box_seal((enum box_kind)kind, &f.about, &c, &f.seed, &draws, &out), OK);
        json_same(o, "sealed", buf_bytes(&out));
    }
}

static void note_and_roster_match_vectors(void **state)
{
    const json_t *o = json_at(vectors, "note");
    uint8_t random[KEY_BYTES];
    struct bytes left = BYTES_OF(random);
    struct rng draws = DRAWS(left);
    struct buf out = BUF_OF(f.copy);
    (void)state;

    json_fixed(o, "key", SPAN_OF(f.dh.b));
    json_fixed(o, "ephemeral", SPAN_OF(random));
    json_fixed(o, "seat", SPAN_OF(f.seat));
    crypt_dh_public(&f.dh, f.dh_pub);
    assert_int_equal(open_note(json_bytes(o, "sealed", SPAN_OF(f.raw))), OK);
    struct_matches(&note_schema, f.out, json_at(o, "fields"));
    assert_int_equal(
        note_seal((struct note *)(void *)f.out, f.dh_pub, f.seat, &draws, &out), OK);
    json_same(o, "sealed", buf_bytes(&out));

    o = json_at(vectors, "roster");
    out.n = 0;
    json_fixed(o, "key", SPAN_OF(f.key.b));
    json_fixed(o, "manifest_hash", SPAN_OF(f.hash));
    json_fixed(o, "nonce", (struct span){ random, 24 });
    left = bytes_of(random, 24);
    assert_int_equal(open_roster(json_bytes(o, "sealed", SPAN_OF(f.raw))), OK);
    struct_matches(&roster_schema, f.out, json_at(o, "fields"));
    assert_int_equal(
        roster_seal((struct roster *)(void *)f.out, &f.key, f.hash, &draws, &out), OK);
    json_same(o, "sealed", buf_bytes(&out));
}

/* T, its hash, the words both sides see, the commitment. */
static void the_transcript_matches_vectors(void **state)
{
    const json_t *o = json_at(vectors, "transcript");
    struct transcript t = { 0 };
    struct buf out = BUF_OF(f.copy);
    uint8_t nonce[WORDS_NONCE];
    uint8_t hash[HASH_BYTES];
    uint8_t words[WORDS_OUT];
    const json_t *row = NULL;
    size_t i = 0;
    (void)state;

    struct bytes raw = json_bytes(o, "encoded", SPAN_OF(f.raw));
    assert_int_equal(wire_get(&transcript_schema, raw, &t), OK);
    struct_matches(&transcript_schema, (const uint8_t *)&t, json_at(o, "fields"));
    transcript_put(&t, &out);
    json_same(o, "encoded", buf_bytes(&out));
    transcript_hash(raw, hash);
    json_same(o, "hash", BYTES_OF(hash));
    json_fixed(o, "nonce", SPAN_OF(nonce));
    commitment_of(nonce, hash);
    json_same(o, "commitment", BYTES_OF(hash));
    json_array_foreach(json_at(o, "call"), i, row)
    {
        struct cost cost = { json_u32(row, "mem"), json_u32(row, "passes") };
        uint16_t indices[WORDS_MAX];
        char text[WORDS_TEXT];

        assert_int_equal(words_call(raw, nonce, cost, words), OK);
        words_from_bytes(words, WORDS_CALL, indices);
        words_format(indices, WORDS_CALL, text, sizeof text);
        assert_string_equal(text, json_string_value(json_at(row, "words")));
        words_from_bytes(words + 8, WORDS_ANSWER, indices);
        words_format(indices, WORDS_ANSWER, text, sizeof text);
        assert_string_equal(text, json_string_value(json_at(row, "answer")));
    }
    assert_int_equal(i, 2);
}

static void releases_match_vectors(void **state)
{
    const json_t *o = json_at(vectors, "release");
    uint8_t eph[KEY_BYTES];
    struct bytes left = BYTES_OF(eph);
    struct rng draws = DRAWS(left);
    struct buf out = BUF_OF(f.copy);
    (void)state;

    json_fixed(o, "key", SPAN_OF(f.dh.b));
    crypt_dh_public(&f.dh, f.dh_pub);
    json_fixed(o, "ephemeral", SPAN_OF(eph));
    json_fixed(o, "manifest_hash", SPAN_OF(f.hash));
    struct bytes t = json_bytes(o, "t", SPAN_OF(f.plain));
    struct bytes inner = json_bytes(o, "inner", SPAN_OF(f.raw));
    memcpy(f.key.b, inner.p + PIECE_BYTES, KEY_BYTES);
    assert_int_equal(release_seal(f.dh_pub, t, f.hash, inner.p, &f.key, &draws, &out),
                     OK);
    json_same(o, "sealed", buf_bytes(&out));
    assert_int_equal(release_open(&f.dh, t, f.hash, buf_bytes(&out), f.out,
                                  (struct seal_key *)(void *)(f.out + PIECE_BYTES)),
                     OK);
    assert_memory_equal(f.out, inner.p, inner.n);
    o = json_at(vectors, "release_roster");
    json_fixed(o, "ephemeral", SPAN_OF(eph));
    left = BYTES_OF(eph);
    out.n = 0;
    assert_int_equal(release_roster_seal(f.dh_pub, t, f.hash, &f.key, &draws, &out), OK);
    json_same(o, "sealed", buf_bytes(&out));
}

static void stored_hash_matches_vectors(void **state)
{
    const json_t *o = json_at(vectors, "stored");
    const json_t *parts = json_at(o, "parts");
    uint8_t raw[5][64];
    struct bytes b[5];
    uint8_t hash[HASH_BYTES];
    (void)state;

    for (size_t i = 0; i < 5; i++) {
        const json_t *v = json_array_get(parts, i);

        b[i] = bytes_of(raw[i], json_string_length(v) / 2);
        assert_int_equal(
            hex_decode(bytes_text(json_string_value(v)), (struct span){ raw[i], b[i].n }),
            OK);
    }
    stored_hash(b[0], b[1], b[2], b[3], b[4], hash);
    json_same(o, "hash", BYTES_OF(hash));
}

static void signatures_match_vectors(void **state)
{
    const json_t *o = json_at(vectors, "signatures");
    uint8_t node[PUB_BYTES], seat[ID_BYTES], seal[PUB_BYTES], handshake[64];
    uint8_t invite[ID_BYTES], approval[PUB_BYTES], ward[ID_BYTES], ack[PUB_BYTES];
    uint8_t request[ID_BYTES], op[ID_BYTES], sig[SIG_BYTES];

    const struct {
        const char *key;
        struct span to;
    } in[] = {
        { "seed", SPAN_OF(f.seed.b) },
        { "node_key", SPAN_OF(node) },
        { "seat", SPAN_OF(seat) },
        { "seal_pub", SPAN_OF(seal) },
        { "handshake", SPAN_OF(handshake) },
        { "invite", SPAN_OF(invite) },
        { "approval", SPAN_OF(approval) },
        { "ward", SPAN_OF(ward) },
        { "ack", SPAN_OF(ack) },
        { "request", SPAN_OF(request) },
        { "op", SPAN_OF(op) },
    };

    (void)state;

    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        json_fixed(o, in[i].key, in[i].to);
    ack_key_sign(&f.seed, ward, json_u32(o, "epoch"), ack, sig);
    json_same(o, "ack_key_sig", BYTES_OF(sig));
    seat_keys_sign(&f.seed, node, seat, seal, sig);
    json_same(o, "seat_keys_sig", BYTES_OF(sig));
    seat_enrol_sign(&f.seed, node, handshake, sig);
    json_same(o, "seat_enrol_sig", BYTES_OF(sig));
    approval_sign(&f.seed, seat, invite, approval, sig);
    json_same(o, "approval_sig", BYTES_OF(sig));
    unlock_sign(&f.seed, request, op, sig);
    json_same(o, "unlock_sig", BYTES_OF(sig));
}

static int nothing_held(void **state)
{
    (void)state;
    return secret_in_use() == 0 ? 0 : -1;
}

#define PIECE_TEST(name) cmocka_unit_test_teardown(name, nothing_held)

static int fixture(void **state)
{
    static const struct manifest_group group = { 3, 5 };
    (void)state;

    vectors = json_vectors("piece.json");
    rng_fill(&crypt_random, f.root.b, KEY_BYTES);
    rng_fill(&crypt_random, f.escrow.b, KEY_BYTES);
    rng_fill(&crypt_random, f.seed.b, KEY_BYTES);
    rng_fill(&crypt_random, f.dh.b, KEY_BYTES);
    rng_fill(&crypt_random, f.key.b, KEY_BYTES);
    rng_fill(&crypt_random, f.hash, sizeof f.hash);
    rng_fill(&crypt_random, f.seat, sizeof f.seat);
    crypt_sign_public(&f.seed, f.pub);
    crypt_dh_public(&f.dh, f.dh_pub);
    circle_make(&f.circle, &f.root, 2, &group, 1, 1);
    f.about = (struct box_about){ .epoch = 2, .index = 3 };
    memcpy(f.about.manifest_hash, f.circle.hash, HASH_BYTES);
    memcpy(f.about.seat, f.seat, ID_BYTES);
    memcpy(f.about.seal_pub, f.dh_pub, PUB_BYTES);
    return 0;
}

static int fixture_end(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIECE_TEST(each_changed_byte_is_refused),
        PIECE_TEST(each_other_length_is_refused),
        PIECE_TEST(another_key_opens_nothing),
        PIECE_TEST(no_object_passes_for_another),
        PIECE_TEST(a_statement_is_of_its_kind_only),
        PIECE_TEST(a_box_opens_where_it_belongs_only),
        PIECE_TEST(a_box_by_a_stranger_is_refused),
        PIECE_TEST(a_box_holds_what_its_kind_says),
        PIECE_TEST(other_contexts_open_nothing),
        PIECE_TEST(other_bytes_under_a_known_hash_are_refused),
        PIECE_TEST(signatures_bind_every_part),
        PIECE_TEST(what_is_stored_has_one_hash),
        PIECE_TEST(a_piece_key_commits_to_every_bit),
        PIECE_TEST(plans_that_do_not_fit_are_refused),
        PIECE_TEST(the_fewest_pieces_are_counted),
        PIECE_TEST(another_escrow_key_gives_no_root),
        PIECE_TEST(a_wrapped_root_belongs_to_its_manifest),
        PIECE_TEST(a_root_counts_if_its_owner_signed),
        PIECE_TEST(a_manifest_beyond_its_size_is_refused),
        PIECE_TEST(the_largest_circle_fits),
        PIECE_TEST(a_roster_of_64_usual_entries_fits),
        PIECE_TEST(the_largest_texts_fit),
        PIECE_TEST(names_have_bounds),
        PIECE_TEST(no_secret_is_left_behind),
        PIECE_TEST(numbers_have_names),
        /* These put their own keys into the fixture. */
        PIECE_TEST(signed_objects_match_vectors),
        PIECE_TEST(a_name_matches_vectors),
        PIECE_TEST(a_node_can_tell_the_name),
        PIECE_TEST(the_manifest_matches_vectors),
        PIECE_TEST(piece_keys_match_vectors),
        PIECE_TEST(boxes_match_vectors),
        PIECE_TEST(note_and_roster_match_vectors),
        PIECE_TEST(the_transcript_matches_vectors),
        PIECE_TEST(releases_match_vectors),
        PIECE_TEST(stored_hash_matches_vectors),
        PIECE_TEST(signatures_match_vectors),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, fixture, fixture_end);
    secret_end();
    return failed;
}
