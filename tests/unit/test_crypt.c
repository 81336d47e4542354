/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/crypt.h"
#include "tests/unit/death.h"
#include "tests/unit/json.h"
#include "tests/unit/residue.h"

static struct bytes unhex(const char *hex, uint8_t *room, size_t cap)
{
    size_t n = strlen(hex) / 2;

    assert_true(n <= cap);
    assert_int_equal(hex_decode(bytes_text(hex), (struct span){ room, n }), OK);
    return bytes_of(room, n);
}

static void assert_hex(const uint8_t *got, const char *hex)
{
    uint8_t want[1024];
    struct bytes w = unhex(hex, want, sizeof(want));

    assert_memory_equal(got, w.p, w.n);
}

/* ---- what must be refused ---- */

static void low_order_keys_are_refused(void **state)
{
    (void)state;
    /* The points of order 1, 2, 4, 8 on the curve and its twist, and their aliases. */
    static const char *const low[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
    };
    struct dh_key key = { { 8 } };
    uint8_t pub[PUB_BYTES];
    uint8_t out[64] = { 0x5a };
    struct buf b = BUF_OF(out);

    for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
        (void)unhex(low[i], pub, sizeof(pub));
        assert_int_equal(crypt_dh(&key, pub, out), ERR_KEY);
        assert_int_equal(crypt_box_seal(pub, LABEL_BOX_PIECE, (struct bytes){ 0 },
                                        (struct bytes){ 0 }, &crypt_random, &b),
                         ERR_KEY);
        assert_int_equal(out[0], 0x5a);
        assert_int_equal(b.n, 0);
        assert_false(b.over);
    }
}

static void every_bit_of_a_signature_counts(void **state)
{
    (void)state;
    struct sign_seed seed = { { 1 } };
    uint8_t pub[PUB_BYTES];
    uint8_t sig[SIG_BYTES];
    uint8_t msg[] = "message";
    struct bytes m = bytes_of(msg, 7);

    crypt_sign_public(&seed, pub);
    crypt_sign(&seed, LABEL_VIEW, m, sig);
    assert_int_equal(crypt_verify(pub, LABEL_VIEW, m, sig), OK);
    for (size_t i = 0; i < 8 * sizeof(sig); i++) {
        sig[i / 8] ^= (uint8_t)(1U << i % 8);
        assert_int_equal(crypt_verify(pub, LABEL_VIEW, m, sig), ERR_SIGNATURE);
        sig[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    for (size_t i = 0; i < 8 * sizeof(pub); i++) {
        pub[i / 8] ^= (uint8_t)(1U << i % 8);
        assert_int_equal(crypt_verify(pub, LABEL_VIEW, m, sig), ERR_SIGNATURE);
        pub[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    assert_int_equal(crypt_verify(pub, LABEL_VIEW, bytes_of(msg, 6), sig), ERR_SIGNATURE);
    msg[0] ^= 1;
    assert_int_equal(crypt_verify(pub, LABEL_VIEW, m, sig), ERR_SIGNATURE);
}

static void a_signature_is_good_under_one_label(void **state)
{
    (void)state;
    struct sign_seed seed = { { 1 } };
    uint8_t pub[PUB_BYTES];
    uint8_t sig[SIG_BYTES];

    crypt_sign_public(&seed, pub);
    crypt_sign(&seed, LABEL_STATEMENT_RESTORE, (struct bytes){ 0 }, sig);
    for (unsigned l = 0; l < LABEL_COUNT; l++)
        assert_int_equal(crypt_verify(pub, (enum label)l, (struct bytes){ 0 }, sig),
                         l == LABEL_STATEMENT_RESTORE ? OK : ERR_SIGNATURE);
}

static void a_key_that_is_no_point_signs_nothing(void **state)
{
    (void)state;
    uint8_t pub[PUB_BYTES] = { 0 };
    uint8_t sig[SIG_BYTES] = { 0 };

    /* Small order: any message would verify under a careless check. */
    assert_int_equal(crypt_verify(pub, LABEL_VIEW, (struct bytes){ 0 }, sig),
                     ERR_SIGNATURE);
    pub[0] = sig[0] = 1;
    assert_int_equal(crypt_verify(pub, LABEL_VIEW, (struct bytes){ 0 }, sig),
                     ERR_SIGNATURE);
    memset(pub, 0xff, sizeof(pub));
    assert_int_equal(crypt_verify(pub, LABEL_VIEW, (struct bytes){ 0 }, sig),
                     ERR_SIGNATURE);
}

enum { PLAIN = 33 };

/* One kind of sealing for the tests below: key in, sealed bytes in. */
struct sealing {
    struct seal_key seal;
    struct dh_key dh;
    uint8_t sealed[PLAIN + BOX_OVERHEAD];
    size_t n;
    bool box;
};

static struct bytes ad_text(void)
{
    return bytes_text("associated");
}

static void sealing_make(struct sealing *s, bool box)
{
    uint8_t plain[PLAIN];
    uint8_t pub[PUB_BYTES];
    struct buf b = BUF_OF(s->sealed);

    memset(plain, 0x33, sizeof(plain));
    rng_fill(&crypt_random, s->seal.b, KEY_BYTES);
    rng_fill(&crypt_random, s->dh.b, KEY_BYTES);
    crypt_dh_public(&s->dh, pub);
    s->box = box;
    if (box)
        assert_int_equal(crypt_box_seal(pub, LABEL_BOX_PIECE, ad_text(), BYTES_OF(plain),
                                        &crypt_random, &b),
                         OK);
    else
        crypt_seal(&s->seal, LABEL_BOX_PIECE, ad_text(), BYTES_OF(plain), &crypt_random,
                   &b);
    assert_false(b.over);
    assert_int_equal(b.n, PLAIN + (box ? BOX_OVERHEAD : SEAL_OVERHEAD));
    s->n = b.n;
}

static enum err sealing_open(const struct sealing *s, enum label l, struct bytes ad,
                             struct bytes sealed, struct span out)
{
    uint8_t before[PLAIN];
    size_t n = 4242;

    memset(out.p, 0x5a, out.n);
    memset(before, 0x5a, sizeof(before));
    enum err e = s->box ? crypt_box_open(&s->dh, l, ad, sealed, out, &n)
                        : crypt_open(&s->seal, l, ad, sealed, out, &n);
    if (e == OK) {
        assert_int_equal(n, PLAIN);
        assert_int_equal(out.p[0], 0x33);
        return OK;
    }
    assert_int_equal(n, 4242);
    assert_memory_equal(out.p, before, out.n);
    return e;
}

static void tamper(bool box)
{
    struct sealing s;
    uint8_t out[PLAIN];
    struct span room = SPAN_OF(out);

    sealing_make(&s, box);
    struct bytes all = bytes_of(s.sealed, s.n);
    assert_int_equal(sealing_open(&s, LABEL_BOX_PIECE, ad_text(), all, room), OK);
    for (size_t i = 0; i < s.n; i++) {
        s.sealed[i] ^= 1;
        assert_int_equal(sealing_open(&s, LABEL_BOX_PIECE, ad_text(), all, room),
                         ERR_AUTH);
        s.sealed[i] ^= 1;
    }
    for (size_t n = 0; n < s.n; n++) {
        size_t least = s.n - PLAIN;

        assert_int_equal(
            sealing_open(&s, LABEL_BOX_PIECE, ad_text(), bytes_of(s.sealed, n), room),
            n < least ? ERR_FORMAT : ERR_AUTH);
    }
    assert_int_equal(sealing_open(&s, LABEL_BOX_ROSTER, ad_text(), all, room), ERR_AUTH);
    assert_int_equal(
        sealing_open(&s, LABEL_BOX_PIECE, bytes_text("Associated"), all, room), ERR_AUTH);
    assert_int_equal(sealing_open(&s, LABEL_BOX_PIECE, (struct bytes){ 0 }, all, room),
                     ERR_AUTH);
    room.n = PLAIN - 1;
    assert_int_equal(sealing_open(&s, LABEL_BOX_PIECE, ad_text(), all, room),
                     ERR_TOO_BIG);
    room.n = PLAIN;
    s.seal.b[31] ^= 1;
    s.dh.b[15] ^= 1;
    assert_int_equal(sealing_open(&s, LABEL_BOX_PIECE, ad_text(), all, room), ERR_AUTH);
}

static void every_byte_of_what_is_sealed_counts(void **state)
{
    (void)state;
    tamper(false);
    tamper(true);
}

static void a_box_from_a_low_order_key_is_refused(void **state)
{
    (void)state;
    struct dh_key key = { { 1 } };
    uint8_t sealed[BOX_OVERHEAD] = { 0 };
    uint8_t out[1];
    size_t n = 0;

    assert_int_equal(crypt_box_open(&key, LABEL_BOX_PIECE, (struct bytes){ 0 },
                                    BYTES_OF(sealed), SPAN_OF(out), &n),
                     ERR_KEY);
}

static void what_does_not_fit_is_over(void **state)
{
    (void)state;
    struct seal_key key = { { 1 } };
    struct dh_key dh = { { 1 } };
    uint8_t pub[PUB_BYTES];
    uint8_t room[64];
    uint8_t plain[8] = { 0 };

    crypt_dh_public(&dh, pub);
    for (size_t cap = 0; cap <= 8 + BOX_OVERHEAD; cap++) {
        struct buf a = { .p = room, .cap = cap };
        struct buf b = { .p = room, .cap = cap };

        memset(room, 0x5a, sizeof(room));
        crypt_seal(&key, LABEL_HOME_DAY, ad_text(), BYTES_OF(plain), &crypt_random, &a);
        assert_int_equal(a.over, cap < 8 + SEAL_OVERHEAD);
        assert_int_equal(a.n, a.over ? 0 : 8 + SEAL_OVERHEAD);
        memset(room, 0x5a, sizeof(room));
        assert_int_equal(crypt_box_seal(pub, LABEL_BOX_NOTE, ad_text(), BYTES_OF(plain),
                                        &crypt_random, &b),
                         OK);
        assert_int_equal(b.over, cap < 8 + BOX_OVERHEAD);
        assert_int_equal(room[cap], 0x5a);
    }
    struct buf odd = { .p = room, .cap = sizeof(room) };
    crypt_seal(&key, LABEL_HOME_DAY, ad_text(), bytes_of(plain, SIZE_MAX), &crypt_random,
               &odd);
    assert_true(odd.over);
}

static void a_changed_transport_message_changes_nothing(void **state)
{
    (void)state;
    uint8_t key[KEY_BYTES] = { 1 };
    uint8_t sealed[5 + 16];
    uint8_t kept[5 + 16];

    crypt_chachapoly_seal(key, 7, ad_text(), bytes_text("hello"), sealed);
    memcpy(kept, sealed, sizeof(kept));
    struct bytes all = BYTES_OF(sealed);
    for (size_t i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 0x10;
        kept[i] ^= 0x10;
        assert_int_equal(crypt_chachapoly_open(key, 7, ad_text(), all, sealed), ERR_AUTH);
        assert_memory_equal(sealed, kept, sizeof(kept));
        sealed[i] ^= 0x10;
        kept[i] ^= 0x10;
    }
    assert_int_equal(crypt_chachapoly_open(key, 8, ad_text(), all, sealed), ERR_AUTH);
    assert_int_equal(crypt_chachapoly_open(key, 7, bytes_text("x"), all, sealed),
                     ERR_AUTH);
    assert_int_equal(
        crypt_chachapoly_open(key, 7, ad_text(), bytes_of(sealed, 15), sealed),
        ERR_FORMAT);
    assert_memory_equal(sealed, kept, sizeof(kept));
    assert_int_equal(crypt_chachapoly_open(key, 7, ad_text(), all, sealed), OK);
    assert_memory_equal(sealed, "hello", 5);
}

static void derive_identity_as_level(void *ctx)
{
    struct level_key out;

    crypt_level(ctx, LEVEL_IDENTITY, &out);
}

static void hash_too_long(void *ctx)
{
    crypt_hash(LABEL_VIEW, NULL, 0, (struct span){ ctx, 65 });
}

static void hmac_long_key(void *ctx)
{
    crypt_hmac_blake2b_512(bytes_of(ctx, 129), NULL, 0, ctx);
}

static void no_rounds(void *ctx)
{
    crypt_pbkdf2_sha256(bytes_of(ctx, 1), bytes_of(ctx, 1), 0, (struct span){ ctx, 1 });
}

static void no_label(void *ctx)
{
    (void)ctx;
    (void)label_text(LABEL_COUNT); /* dies before it returns */
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    uint8_t room[256] = { 0 };

    assert_int_equal(death_signal(derive_identity_as_level, room), SIGABRT);
    assert_int_equal(death_signal(hash_too_long, room), SIGABRT);
    assert_int_equal(death_signal(hmac_long_key, room), SIGABRT);
    assert_int_equal(death_signal(no_rounds, room), SIGABRT);
    assert_int_equal(death_signal(no_label, room), SIGABRT);
}

/* ---- the tables ---- */

static void labels_are_all_different(void **state)
{
    (void)state;
    for (unsigned a = 0; a < LABEL_COUNT; a++) {
        const char *text = label_text((enum label)a);

        assert_true(strncmp(text, "kith ", 5) == 0);
        assert_true(strspn(text, "abcdefghijklmnopqrstuvwxyz ") == strlen(text));
        assert_true(strlen(label_what((enum label)a)) > 5);
        for (unsigned b = a + 1; b < LABEL_COUNT; b++)
            assert_string_not_equal(text, label_text((enum label)b));
    }
}

static void labels_part_hashes_and_keys(void **state)
{
    (void)state;
    static uint8_t out[LABEL_COUNT][HASH_BYTES];
    uint8_t key[KEY_BYTES] = { 0 };
    uint8_t keyed[HASH_BYTES];

    for (unsigned a = 0; a < LABEL_COUNT; a++) {
        crypt_hash((enum label)a, NULL, 0, SPAN_OF(out[a]));
        crypt_keyed(key, (enum label)a, NULL, 0, SPAN_OF(keyed));
        assert_memory_not_equal(out[a], keyed, HASH_BYTES);
        for (unsigned b = 0; b < a; b++)
            assert_memory_not_equal(out[a], out[b], HASH_BYTES);
    }
}

/* ---- vectors of the standards ---- */

static void hmac_sha256_is_rfc_4231(void **state)
{
    (void)state;
    uint8_t key[131];
    uint8_t msg[50];
    uint8_t mac[32];

    memset(key, 0x0b, sizeof(key));
    crypt_hmac_sha256(bytes_of(key, 20), PARTS(bytes_text("Hi "), bytes_text("There")),
                      mac);
    assert_hex(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    crypt_hmac_sha256(bytes_text("Jefe"),
                      PARTS(bytes_text("what do ya want for nothing?")), mac);
    assert_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    memset(msg, 0xdd, sizeof(msg));
    crypt_hmac_sha256(bytes_of(key, 20), PARTS(BYTES_OF(msg)), mac);
    assert_hex(mac, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    crypt_hmac_sha256(
        BYTES_OF(key),
        PARTS(bytes_text("Test Using Larger Than Block-Size Key - Hash Key First")), mac);
    assert_hex(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hmac_sha512_is_rfc_4231(void **state)
{
    (void)state;
    uint8_t key[131];
    uint8_t mac[64];

    memset(key, 0x0b, sizeof(key));
    crypt_hmac_sha512(bytes_of(key, 20), PARTS(bytes_text("Hi "), bytes_text("There")),
                      mac);
    assert_hex(mac, "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
                    "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854");
    memset(key, 0xaa, sizeof(key));
    crypt_hmac_sha512(
        BYTES_OF(key),
        PARTS(bytes_text("Test Using Larger Than Block-Size Key - Hash Key First")), mac);
    assert_hex(mac, "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
                    "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}

static void hmac_sha1_is_rfc_2202(void **state)
{
    (void)state;
    struct bytes none = { 0 };
    uint8_t key[80];
    uint8_t mac[20];

    memset(key, 0x0b, sizeof(key));
    crypt_hmac_sha1(bytes_of(key, 20), PARTS(bytes_text("Hi "), bytes_text("There")),
                    mac);
    assert_hex(mac, "b617318655057264e28bc0b6fb378c8ef146be00");
    crypt_hmac_sha1(bytes_text("Jefe"), PARTS(bytes_text("what do ya want for nothing?")),
                    mac);
    assert_hex(mac, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    memset(key, 0xaa, sizeof(key));
    crypt_hmac_sha1(
        BYTES_OF(key),
        PARTS(bytes_text("Test Using Larger Than Block-Size Key - Hash Key First")), mac);
    assert_hex(mac, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    crypt_hmac_sha1(none, &none, 1, mac);
    assert_hex(mac, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

static void nothing_is_an_input_too(void **state)
{
    (void)state;
    struct bytes none = { 0 };
    uint8_t mac[32];
    uint8_t out[64];

    crypt_hmac_sha256(none, &none, 1, mac);
    assert_hex(mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    crypt_pbkdf2_sha256(none, none, 1, SPAN_OF(mac));
    assert_hex(mac, "f7ce0b653d2d72a4108cf5abe912ffdd777616dbbb27a70e8204f3ae2d0f6fad");
    crypt_blake2b_512(&none, 1, out);
    assert_hex(out, "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
                    "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce");
    crypt_chachapoly_seal(mac, 0, none, none, out);
    assert_int_equal(crypt_chachapoly_open(mac, 0, none, bytes_of(out, 16), out), OK);
}

static void pbkdf2_is_rfc_7914(void **state)
{
    (void)state;
    static const char one[] =
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783";
    static const char many[] =
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
        "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d";
    uint8_t out[64];
    uint8_t less[33];

    crypt_pbkdf2_sha256(bytes_text("passwd"), bytes_text("salt"), 1, SPAN_OF(out));
    assert_hex(out, one);
    crypt_pbkdf2_sha256(bytes_text("passwd"), bytes_text("salt"), 1, SPAN_OF(less));
    assert_memory_equal(less, out, sizeof(less));
    crypt_pbkdf2_sha256(bytes_text("Password"), bytes_text("NaCl"), 80000, SPAN_OF(out));
    assert_hex(out, many);
}

/* Far below the search's own frames, which would write over what is looked for. */
static __attribute__((noinline)) void pbkdf2_far_below(struct span key)
{
    volatile uint8_t room[6000];

    room[0] = 0;
    crypt_pbkdf2_sha256(bytes_of(key.p, key.n), bytes_text("salt"), 1, key);
    room[sizeof(room) - 1] = room[0];
}

static void pbkdf2_leaves_nothing_behind(void **state)
{
    (void)state;
    uint8_t masked[32];
    uint8_t *key = NULL;

    if (SANITIZED) {
        print_message("skipped: a sanitizer's own memory is too much to scan\n");
        skip();
    }
    assert_int_equal(secret_alloc(sizeof(masked), (void **)&key), OK);
    rng_fill(&crypt_random, key, sizeof(masked));
    /* One round: what the library has at its end is the output. */
    pbkdf2_far_below((struct span){ key, sizeof(masked) });
    residue_mask(key, sizeof(masked), masked);
    assert_int_equal(residue_count(BYTES_OF(masked)), 17);
    secret_free(key);
    assert_int_equal(residue_count(BYTES_OF(masked)), 0);
}

static void x25519_is_rfc_7748(void **state)
{
    (void)state;
    struct dh_key k = { { 9 } };
    uint8_t u[PUB_BYTES] = { 9 };
    uint8_t out[KEY_BYTES];

    crypt_dh_public(&k, out);
    assert_hex(out, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(crypt_dh(&k, u, out), OK);
        memcpy(u, k.b, sizeof(u));
        memcpy(k.b, out, sizeof(out));
    }
    assert_hex(k.b, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
    (void)unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", k.b,
                32);
    (void)unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", u,
                32);
    assert_int_equal(crypt_dh(&k, u, out), OK);
    assert_hex(out, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

static void chachapoly_is_rfc_8439(void **state)
{
    (void)state;
    static const char text[] = "Internet-Drafts are draft documents valid for a maximum "
                               "of six months and may be "
                               "updated, replaced, or obsoleted by other documents at "
                               "any time. It is inappropriate "
                               "to use Internet-Drafts as reference material or to cite "
                               "them other than as /\xe2\x80"
                               "\x9cwork in progress./\xe2\x80\x9d";
    static const char sealed[] =
        "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43ee"
        "a09e"
        "e94e382d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad"
        "176e"
        "008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b"
        "53c8"
        "67e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83f"
        "a115"
        "5b0047718cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434e"
        "cebb"
        "4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130305beaba2eda04df997b"
        "714d"
        "6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38";
    uint8_t key[KEY_BYTES];
    uint8_t ad[12];
    uint8_t want[512];
    uint8_t got[512];

    (void)unhex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0", key,
                32);
    (void)unhex("f33388860000000000004e91", ad, 12);
    struct bytes w = unhex(sealed, want, sizeof(want));
    assert_int_equal(w.n, strlen(text) + 16);
    crypt_chachapoly_seal(key, 0x0807060504030201, BYTES_OF(ad), bytes_text(text), got);
    assert_memory_equal(got, w.p, w.n);
    assert_int_equal(crypt_chachapoly_open(key, 0x0807060504030201, BYTES_OF(ad), w, got),
                     OK);
    assert_memory_equal(got, text, strlen(text));
}

static void blake2b_is_rfc_7693(void **state)
{
    (void)state;
    uint8_t out[64];

    crypt_blake2b_512(PARTS(bytes_text("a"), bytes_text("bc")), out);
    assert_hex(out, "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

/* ---- our own vectors: computed by tests/vectors/make.py ---- */

static enum label label_of(const json_t *row)
{
    const char *text = json_string_value(json_at(row, "label"));

    for (unsigned l = 0; l < LABEL_COUNT; l++)
        if (strcmp(label_text((enum label)l), text) == 0)
            return (enum label)l;
    fail_msg("no label %s", text);
    return LABEL_COUNT;
}

/* The parts of the row, in room. */
static size_t parts_of(const json_t *row, struct bytes parts[2], uint8_t *room,
                       size_t cap)
{
    const json_t *part = NULL;
    size_t i = 0;
    size_t used = 0;

    json_array_foreach(json_at(row, "parts"), i, part)
    {
        parts[i] = unhex(json_string_value(part), room + used, cap - used);
        used += parts[i].n;
    }
    return i;
}

static void labelled_hashes_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;
    uint8_t room[512];
    uint8_t out[64];
    uint8_t key[KEY_BYTES];
    struct bytes parts[2];

    json_array_foreach(json_at(*state, "hash"), i, row)
    {
        size_t n = parts_of(row, parts, room, sizeof(room));
        size_t size = json_text(row, "out").n / 2;

        crypt_hash(label_of(row), parts, n, (struct span){ out, size });
        json_same(row, "out", bytes_of(out, size));
    }
    assert_int_equal(i, 16);
    json_array_foreach(json_at(*state, "keyed"), i, row)
    {
        size_t n = parts_of(row, parts, room, sizeof(room));
        size_t size = json_text(row, "out").n / 2;

        json_fixed(row, "key", SPAN_OF(key));
        crypt_keyed(key, label_of(row), parts, n, (struct span){ out, size });
        json_same(row, "out", bytes_of(out, size));
    }
    assert_int_equal(i, 6);
}

static void level_keys_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "level"), i, row)
    {
        struct root_key root;
        struct level_key key;
        uint8_t seed[64];

        json_fixed(row, "root", SPAN_OF(root.b));
        assert_int_equal(json_u32(row, "id"), i + 1);
        if (i == LEVEL_IDENTITY) {
            crypt_identity_seed(&root, seed);
            json_same(row, "out", BYTES_OF(seed));
            continue;
        }
        crypt_level(&root, (enum level)i, &key);
        json_same(row, "out", BYTES_OF(key.b));
    }
    assert_int_equal(i, LEVEL_COUNT);
}

static void signatures_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "sign"), i, row)
    {
        struct sign_seed seed;
        uint8_t room[512];
        uint8_t pub[PUB_BYTES];
        uint8_t sig[SIG_BYTES];

        json_fixed(row, "seed", SPAN_OF(seed.b));
        crypt_sign_public(&seed, pub);
        json_same(row, "pub", BYTES_OF(pub));
        crypt_sign(&seed, label_of(row), json_bytes(row, "msg", SPAN_OF(room)), sig);
        json_same(row, "sig", BYTES_OF(sig));
    }
    assert_int_equal(i, 2);
}

/* Gives the bytes it holds: the nonce or the ephemeral key of a vector. */
static void fill_given(void *ctx, uint8_t *out, size_t n)
{
    const uint8_t *given = ctx;

    memcpy(out, given, n);
}

static void seals_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "seal"), i, row)
    {
        struct seal_key key;
        uint8_t ad[512];
        uint8_t plain[512];
        uint8_t sealed[512];
        uint8_t out[512];
        struct bytes want = json_bytes(row, "sealed", SPAN_OF(sealed));
        struct rng given = { .fill = fill_given, .ctx = sealed };
        struct buf b = BUF_OF(out);

        json_fixed(row, "key", SPAN_OF(key.b));
        crypt_seal(&key, label_of(row), json_bytes(row, "ad", SPAN_OF(ad)),
                   json_bytes(row, "plain", SPAN_OF(plain)), &given, &b);
        assert_int_equal(b.n, want.n);
        assert_memory_equal(out, want.p, want.n);
    }
    assert_int_equal(i, 2);
}

static void boxes_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "box"), i, row)
    {
        struct dh_key key;
        uint8_t pub[PUB_BYTES];
        uint8_t eph[KEY_BYTES];
        uint8_t ad[512];
        uint8_t plain[512];
        uint8_t out[512];
        size_t n = 0;
        struct rng given = { .fill = fill_given, .ctx = eph };
        struct bytes bound = json_bytes(row, "ad", SPAN_OF(ad));
        struct buf b = BUF_OF(out);

        json_fixed(row, "key", SPAN_OF(key.b));
        json_fixed(row, "ephemeral", SPAN_OF(eph));
        crypt_dh_public(&key, pub);
        json_same(row, "pub", BYTES_OF(pub));
        assert_int_equal(crypt_box_seal(pub, label_of(row), bound,
                                        json_bytes(row, "plain", SPAN_OF(plain)), &given,
                                        &b),
                         OK);
        json_same(row, "sealed", buf_bytes(&b));
        assert_int_equal(
            crypt_box_open(&key, label_of(row), bound, buf_bytes(&b), SPAN_OF(plain), &n),
            OK);
        json_same(row, "plain", bytes_of(plain, n));
    }
    assert_int_equal(i, 2);
}

static void hmac_blake2b_is_that_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "hmac_blake2b"), i, row)
    {
        uint8_t key[128];
        uint8_t msg[512];
        uint8_t mac[64];
        struct bytes k = json_bytes(row, "key", SPAN_OF(key));
        struct bytes m = json_bytes(row, "msg", SPAN_OF(msg));

        crypt_hmac_blake2b_512(
            k, PARTS(bytes_of(m.p, m.n / 3), bytes_of(m.p + m.n / 3, m.n - m.n / 3)),
            mac);
        json_same(row, "mac", BYTES_OF(mac));
    }
    assert_int_equal(i, 4);
}

static int open_vectors(void **state)
{
    *state = json_vectors("crypt.json");
    return 0;
}

static int close_vectors(void **state)
{
    json_decref(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(low_order_keys_are_refused),
        cmocka_unit_test(every_bit_of_a_signature_counts),
        cmocka_unit_test(a_signature_is_good_under_one_label),
        cmocka_unit_test(a_key_that_is_no_point_signs_nothing),
        cmocka_unit_test(every_byte_of_what_is_sealed_counts),
        cmocka_unit_test(a_box_from_a_low_order_key_is_refused),
        cmocka_unit_test(what_does_not_fit_is_over),
        cmocka_unit_test(a_changed_transport_message_changes_nothing),
        cmocka_unit_test(misuse_ends_the_process),
        cmocka_unit_test(labels_are_all_different),
        cmocka_unit_test(labels_part_hashes_and_keys),
        cmocka_unit_test(hmac_sha256_is_rfc_4231),
        cmocka_unit_test(hmac_sha512_is_rfc_4231),
        cmocka_unit_test(hmac_sha1_is_rfc_2202),
        cmocka_unit_test(nothing_is_an_input_too),
        cmocka_unit_test(pbkdf2_is_rfc_7914),
        cmocka_unit_test(pbkdf2_leaves_nothing_behind),
        cmocka_unit_test(x25519_is_rfc_7748),
        cmocka_unit_test(chachapoly_is_rfc_8439),
        cmocka_unit_test(blake2b_is_rfc_7693),
        cmocka_unit_test(labelled_hashes_are_those_of_the_vectors),
        cmocka_unit_test(level_keys_are_those_of_the_vectors),
        cmocka_unit_test(signatures_are_those_of_the_vectors),
        cmocka_unit_test(seals_are_those_of_the_vectors),
        cmocka_unit_test(boxes_are_those_of_the_vectors),
        cmocka_unit_test(hmac_blake2b_is_that_of_the_vectors),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, open_vectors, close_vectors);
    secret_end();
    return failed;
}
