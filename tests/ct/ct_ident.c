/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key from the root, and the constructions they are used in: hashes, HMAC,
 * PBKDF2, key agreement, signatures, sealing. (That an all-zero DH result is refused
 * is a branch on purpose; its outcome is public.)
 * ct-sources: proto/ident.c proto/ident_address.c proto/ident_spoken.c proto/crypt.c
 * ct-sources: proto/crypt_pbkdf2.c proto/secret.c proto/bytes.c proto/err.c
 * ct-libs: -lnettle
 */
#include "proto/ident.h"
#include "tests/ct/ct.h"

static const uint8_t node_key[PUB_BYTES] = { 1 };
static const uint8_t seat[SEAT_BYTES] = { 2 };

static void derive(const struct root_key *root)
{
    static const struct standing which = { STANDING_SHEET, 1, 2 };
    struct account_keys account;
    struct guardian_keys guardian;
    struct seat_keys keys;
    struct sign_seed seed;
    uint8_t token[TOKEN_STANDING];
    struct credential credential;

    MUST(ident_owner(root, &seed) == OK);
    MUST(ident_account(root, node_key, seat, 0, &account) == OK);
    MUST(ident_guardian(root, &guardian) == OK);
    MUST(ident_seat_keys(root, node_key, seat, &keys) == OK);
    MUST(ident_approval(root, seat, seat, &seed) == OK);
    MUST(ident_restore(root, node_key, seat, &which, token) == OK);
    ident_credential(BYTES_OF(token), &credential);
}

static void use(const uint8_t secret[KEY_BYTES])
{
    static const uint8_t plain[100];
    struct sign_seed seed;
    struct dh_key dh;
    struct seal_key seal;
    uint8_t out[256];
    uint8_t hash[64];
    struct buf b = BUF_OF(out);
    struct bytes key = bytes_of(secret, KEY_BYTES);

    memcpy(seed.b, secret, KEY_BYTES);
    memcpy(dh.b, secret, KEY_BYTES);
    memcpy(seal.b, secret, KEY_BYTES);
    crypt_sign_public(&seed, hash);
    crypt_sign(&seed, LABEL_VIEW, BYTES_OF(plain), hash);
    crypt_dh_public(&dh, hash);
    crypt_seal(&seal, LABEL_HOME_DAY, key, BYTES_OF(plain), &crypt_random, &b);
    crypt_chachapoly_seal(secret, 1, key, BYTES_OF(plain), out);
    crypt_hmac_blake2b_512(key, &key, 1, hash);
    crypt_hmac_sha256(key, &key, 1, hash);
    crypt_pbkdf2_sha256(key, key, 3, SPAN_OF(hash));
}

/* A code there and back; where its dashes are, and that it is one, may be told. */
static void speak(const uint8_t secret[KEY_BYTES])
{
    struct spoken_code code;
    struct spoken_code read;
    struct spoken_keys keys;
    struct link link = { .type = LINK_RESTORE };
    uint8_t answer[SPOKEN_ANSWER];
    char text[SPOKEN_TEXT];

    memcpy(code.b, secret, SPOKEN_CODE);
    MUST(spoken_format(&code, text, sizeof text) == OK);
    MUST(spoken_read(bytes_of(text, SPOKEN_TEXT - 1), &read) == OK);
    memcpy(keys.answer.b, secret, KEY_BYTES);
    memset(keys.id, 1, sizeof keys.id);
    memcpy(link.token, secret, TOKEN_BYTES);
    MUST(spoken_seal(&keys, &link, &crypt_random, answer) == OK);
}

int main(void)
{
    struct root_key root = { { 3 } };

    ct_start();
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    ct_secret(root.b, sizeof(root.b));
    derive(&root);
    use(root.b);
    speak(root.b);
    secret_end();
    return 0;
}
