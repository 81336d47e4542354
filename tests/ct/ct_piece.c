/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces, the escrow key and the root: a piece's key, the wrapped root made and opened,
 * a box made, a release made and opened. Public are the owner's signature and public
 * key, what was sealed, and whether something opens. (Opening a box reads msgpack, whose
 * form is public and whose bytes are not: valgrind cannot tell one from the other.)
 * ct-sources: proto/piece.c proto/piece_box.c proto/piece_sign.c
 * ct-sources: proto/ident.c proto/ident_address.c proto/wire.c proto/crypt.c
 * ct-sources: proto/secret.c proto/bytes.c proto/err.c
 * ct-libs: -lmsgpackc
 */
#include "proto/piece.h"
#include "tests/ct/ct.h"

static struct {
    struct root_key root;
    struct root_key again;
    struct escrow_key escrow;
    uint8_t pieces[2][PIECE_BYTES];
    struct sign_seed owner;
    uint8_t owner_pub[PUB_BYTES];
    struct dh_key dh;
    uint8_t dh_pub[PUB_BYTES];
    struct seal_key key;
    struct seal_key key_again;
    struct manifest m;
    uint8_t raw[MANIFEST_MAX];
    struct box_content content;
} t;

static void same(const void *a, const void *b, size_t n)
{
    bool equal = secret_equal(a, b, n);

    ct_public(&equal, sizeof equal);
    MUST(equal);
}

static void piece_keys(void)
{
    struct sign_seed seed;

    for (size_t i = 0; i < 2; i++) {
        ct_secret(t.pieces[i], PIECE_BYTES);
        piece_seed(t.pieces[i], &seed);
        piece_public(t.pieces[i], t.m.pieces[i].piece_key);
        ct_public(t.m.pieces[i].piece_key, PUB_BYTES);
    }
}

static void wrapped_root(void)
{
    struct buf out = BUF_OF(t.raw);

    t.m.version = 1;
    t.m.epoch = 1;
    t.m.group_threshold = 1;
    t.m.n_groups = 1;
    t.m.groups[0] = (struct manifest_group){ 2, 2 };
    t.m.n_pieces = 2;
    for (uint8_t i = 0; i < 2; i++) {
        t.m.pieces[i].index = i;
        t.m.pieces[i].kind = PIECE_NODE;
        t.m.pieces[i].approval[0] = 1;
    }
    ct_secret(t.root.b, KEY_BYTES);
    ct_secret(t.escrow.b, KEY_BYTES);
    MUST(manifest_make(&t.m, &t.root, &t.escrow, &crypt_random, &out) == OK);
    ct_public(t.raw, out.n);
    MUST(manifest_unwrap(buf_bytes(&out), &t.escrow, &t.again) == OK);
    same(&t.again, &t.root, KEY_BYTES);
}

static void box(void)
{
    struct box_about about = { .epoch = 1 };
    struct buf out = BUF_OF(t.raw);

    memcpy(about.seal_pub, t.dh_pub, PUB_BYTES);
    memcpy(t.content.owner, t.owner_pub, PUB_BYTES);
    t.content.name = bytes_text("Ana");
    memcpy(t.content.piece, t.pieces[0], PIECE_BYTES);
    memcpy(t.content.key, t.key.b, KEY_BYTES);
    MUST(box_seal(BOX_OF_PIECE, &about, &t.content, &t.owner, &crypt_random, &out) == OK);
}

static void releases(void)
{
    static const uint8_t transcript[100] = { 1 };
    static const uint8_t hash[HASH_BYTES] = { 2 };
    uint8_t piece[PIECE_BYTES];
    struct buf out = BUF_OF(t.raw);

    MUST(release_seal(t.dh_pub, BYTES_OF(transcript), hash, t.pieces[1], &t.key,
                      &crypt_random, &out) == OK);
    ct_public(t.raw, out.n);
    MUST(release_open(&t.dh, BYTES_OF(transcript), hash, buf_bytes(&out), piece,
                      &t.key_again) == OK);
    same(piece, t.pieces[1], PIECE_BYTES);
    same(&t.key_again, &t.key, KEY_BYTES);
}

int main(void)
{
    ct_start();
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    rng_fill(&crypt_random, t.pieces, sizeof t.pieces);
    rng_fill(&crypt_random, t.owner.b, KEY_BYTES);
    rng_fill(&crypt_random, t.dh.b, KEY_BYTES);
    crypt_sign_public(&t.owner, t.owner_pub);
    crypt_dh_public(&t.dh, t.dh_pub);
    ct_secret(t.dh.b, KEY_BYTES);
    ct_secret(t.owner.b, KEY_BYTES);
    rng_fill(&crypt_random, t.key.b, KEY_BYTES);
    ct_secret(t.key.b, KEY_BYTES);
    piece_keys();
    wrapped_root();
    box();
    releases();
    secret_end();
    return 0;
}
