/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/ident.h"
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

/* ---- wrong addresses and links, from the vectors ---- */

static void assert_error(enum err got, const json_t *row)
{
    if (strcmp(err_name(got), json_string_value(json_at(row, "error"))) != 0)
        fail_msg("%s: %s", err_name(got), json_dumps(row, JSON_COMPACT));
}

static void wrong_addresses_are_refused(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "bad_addresses"), i, row)
    {
        struct address a = { .port = 4242 };

        assert_error(address_parse(json_text(row, "in"), &a), row);
        assert_int_equal(a.port, 4242);
        assert_int_equal(a.kind, 0);
    }
    assert_true(i >= 45);
}

static void wrong_links_are_refused(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "bad_links"), i, row)
    {
        struct link untouched = { 0 };
        struct link l;

        memset(&l, 0, sizeof(l));
        assert_error(link_parse(json_text(row, "link"), &l), row);
        assert_memory_equal(&l, &untouched, sizeof(l));
    }
    assert_true(i >= 30);
}

static void a_zero_byte_ends_no_text(void **state)
{
    (void)state;
    struct address a = { 0 };
    struct link l = { 0 };

    assert_int_equal(address_parse(bytes_of("ben\0.example:1", 14), &a), ERR_FORMAT);
    assert_int_equal(address_parse(bytes_of("ben.example:1\0", 14), &a), ERR_FORMAT);
    assert_int_equal(link_parse(bytes_of("KITH1:\0AAAA", 11), &l), ERR_CHECKSUM);
    assert_int_equal(link_parse(bytes_of("KITH\0001:", 7), &l), ERR_FORMAT);
}

static void encoded_addresses_are_all_or_nothing(void **state)
{
    (void)state;

    static const struct {
        const char *hex;
        enum err e;
    } rows[] = {
        { "", ERR_FORMAT },
        { "00", ERR_VERSION },
        { "03", ERR_VERSION },
        { "ff7f0000010001", ERR_VERSION },
        { "01", ERR_FORMAT },
        { "017f00000100", ERR_FORMAT },
        { "017f000001000100", ERR_FORMAT },
        { "017f0000010000", ERR_FORMAT },
        { "020000000000000000000000000000000001", ERR_FORMAT },
        { "0200000000000000000000ffff010203040001", ERR_FORMAT },
        { "04", ERR_FORMAT },
        { "0400", ERR_FORMAT },
        { "040001", ERR_FORMAT },
        { "04000061", ERR_FORMAT },
        { "04000141", ERR_FORMAT },             /* upper-case */
        { "0400012e", ERR_FORMAT },             /* a dot alone */
        { "04000131", ERR_FORMAT },             /* a number alone */
        { "0400016100", ERR_FORMAT },           /* a zero byte */
        { "040001612e6f6e696f6e", ERR_FORMAT }, /* a.onion as a name */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t raw[32];
        struct address a = { .port = 4242 };
        size_t n = strlen(rows[i].hex) / 2;

        assert_int_equal(hex_decode(bytes_text(rows[i].hex), (struct span){ raw, n }),
                         OK);
        assert_int_equal(address_get(bytes_of(raw, n), &a), rows[i].e);
        assert_int_equal(a.port, 4242);
    }
}

/* ---- right ones ---- */

static void addresses_have_one_encoding_and_one_text(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "addresses"), i, row)
    {
        struct address a = { 0 };
        struct address again = { 0 };
        struct address read = { 0 };
        uint8_t raw[ADDRESS_MAX];
        char text[ADDRESS_TEXT];
        struct buf b = BUF_OF(raw);

        assert_int_equal(address_parse(json_text(row, "in"), &a), OK);
        address_format(&a, text, sizeof(text));
        assert_string_equal(text, json_string_value(json_at(row, "text")));
        assert_int_equal(address_parse(bytes_text(text), &again), OK);
        assert_memory_equal(&a, &again, sizeof(a));
        address_put(&a, &b);
        assert_false(b.over);
        json_same(row, "encoded", buf_bytes(&b));
        assert_int_equal(address_get(buf_bytes(&b), &read), OK);
        assert_memory_equal(&a, &read, sizeof(a));
    }
    assert_true(i >= 20);
}

static void port_zero_is_for_listening_only(void **state)
{
    (void)state;
    struct address a = { 0 };
    struct link l = { .type = LINK_OPERATOR };
    char text[LINK_TEXT] = "x";

    assert_int_equal(address_parse(bytes_text("127.0.0.1:0"), &a), OK);
    address_format(&a, text, sizeof(text));
    assert_string_equal(text, "127.0.0.1:0");
    l.address = a;
    assert_int_equal(link_format(&l, text, sizeof(text)), ERR_ARG);
    assert_string_equal(text, "127.0.0.1:0");
}

static struct address address_of(const char *text)
{
    struct address a = { 0 };

    assert_int_equal(address_parse(bytes_text(text), &a), OK);
    return a;
}

static void hosts_compare_without_their_ports(void **state)
{
    (void)state;
    static const char *const hosts[] = { "1.2.3.4:1", "[1::2]:1", "[1::3]:1",
                                         "a.example:1", "b.example:1" };

    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 5; j++) {
            struct address a = address_of(hosts[i]);
            struct address b = address_of(hosts[j]);

            b.port = 7;
            assert_int_equal(address_same_host(&a, &b), i == j);
        }
    }
}

static void loopback_is_known(void **state)
{
    (void)state;
    static const char *const near[] = { "127.0.0.1:1", "127.255.0.9:1", "[::1]:1",
                                        "LocalHost:1", "x.localhost:1" };
    static const char *const far[] = {
        "128.0.0.1:1", "0.0.0.0:1",           "[::]:1",
        "[::2]:1",     "localhost.example:1", "xlocalhost:1"
    };

    for (size_t i = 0; i < 5; i++) {
        struct address a = address_of(near[i]);
        assert_true(address_is_loopback(&a));
    }
    for (size_t i = 0; i < 6; i++) {
        struct address a = address_of(far[i]);
        assert_false(address_is_loopback(&a));
    }
}

static void link_of(const json_t *row, struct link *out)
{
    struct link l;

    memset(&l, 0, sizeof(l));
    l.type = (enum link_type)json_u32(row, "type");
    json_fixed(row, "node_key", SPAN_OF(l.node_key));
    json_fixed(row, "token", SPAN_OF(l.token));
    json_fixed(row, "fp", SPAN_OF(l.fp));
    assert_int_equal(address_parse(json_text(row, "address"), &l.address), OK);
    *out = l;
}

static void links_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "links"), i, row)
    {
        struct link l;
        struct link read;
        char text[LINK_TEXT];

        link_of(row, &l);
        assert_int_equal(link_format(&l, text, sizeof(text)), OK);
        assert_string_equal(text, json_string_value(json_at(row, "link")));
        memset(&read, 0, sizeof(read));
        assert_int_equal(link_parse(bytes_text(text), &read), OK);
        assert_memory_equal(&l, &read, sizeof(l));
        assert_true(strlen(text) <= 154 || l.address.host_n > 26);
    }
    assert_int_equal(i, 6);
}

static void first_link(const json_t *all, char *out, size_t cap)
{
    struct bytes t = json_text(json_array_get(json_at(all, "links"), 0), "link");
    struct buf b = { .p = (uint8_t *)out, .cap = cap };

    buf_put(&b, t);
    buf_put_u8(&b, 0);
    assert_false(b.over);
}

static void links_survive_mail_programs(void **state)
{
    char text[LINK_TEXT];
    uint8_t wrapped[4 * LINK_TEXT];
    struct buf b = BUF_OF(wrapped);
    struct link plain = { 0 };
    struct link read = { 0 };

    first_link(*state, text, sizeof(text));
    assert_int_equal(link_parse(bytes_text(text), &plain), OK);
    buf_put(&b, bytes_text(" \t\n"));
    for (size_t i = 0; text[i] != '\0'; i++) {
        char c = text[i];

        buf_put_u8(&b, (uint8_t)(c >= 'A' && c <= 'Z' && i % 2 == 0 ? c + 32 : c));
        buf_put(&b, bytes_text(i % 7 == 0 ? "\r\n " : i % 5 == 0 ? "\v\f" : ""));
    }
    buf_put(&b, bytes_text("\r\n"));
    assert_false(b.over);
    assert_int_equal(link_parse(buf_bytes(&b), &read), OK);
    assert_memory_equal(&plain, &read, sizeof(read));
}

/* A link with a token that stands nowhere else; out_masked as in residue.h. */
static void fresh_link(char *out, size_t cap, uint8_t out_masked[TOKEN_BYTES])
{
    AUTO_SECRET struct link *l = NULL;

    assert_int_equal(secret_new(&l), OK);
    l->type = LINK_SEAT;
    l->address = address_of("ben.example:7844");
    rng_fill(&crypt_random, l->token, TOKEN_BYTES);
    residue_mask(l->token, TOKEN_BYTES, out_masked);
    assert_int_equal(link_format(l, out, cap), OK);
}

static void no_token_is_left_behind(void **state)
{
    (void)state;
    char text[LINK_TEXT];
    uint8_t masked[TOKEN_BYTES];
    AUTO_SECRET struct link *l = NULL;

    if (SANITIZED) {
        print_message("skipped: a sanitizer's own memory is too much to scan\n");
        skip();
    }
    fresh_link(text, sizeof(text), masked);
    assert_int_equal(residue_count(BYTES_OF(masked)), 0);
    assert_int_equal(secret_new(&l), OK);
    assert_int_equal(link_parse(bytes_text(text), l), OK);
    assert_int_equal(residue_count(BYTES_OF(masked)), 1);
}

static void every_single_slip_in_a_link_is_seen(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char text[LINK_TEXT];
    struct link l = { 0 };

    first_link(*state, text, sizeof(text));
    for (size_t i = 6; text[i] != '\0'; i++) {
        char keep = text[i];

        for (size_t d = 0; d < 32; d++) {
            text[i] = digits[d];
            assert_int_equal(link_parse(bytes_text(text), &l),
                             digits[d] == keep ? OK : ERR_CHECKSUM);
        }
        text[i] = keep;
    }
}

static void every_swap_and_cut_in_a_link_is_seen(void **state)
{
    char text[LINK_TEXT];
    struct link l = { 0 };
    size_t n = 0;

    first_link(*state, text, sizeof(text));
    n = strlen(text);
    for (size_t i = 6; i + 1 < n; i++) {
        char a = text[i];
        char b = text[i + 1];

        text[i] = b;
        text[i + 1] = a;
        assert_int_equal(link_parse(bytes_text(text), &l), a == b ? OK : ERR_CHECKSUM);
        text[i] = a;
        text[i + 1] = b;
    }
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(link_parse(bytes_of(text, cut), &l),
                         cut < 6 ? ERR_FORMAT : ERR_CHECKSUM);
}

static void a_fingerprint_must_suit_the_link(void **state)
{
    (void)state;
    char text[LINK_TEXT] = "x";

    for (unsigned type = LINK_INVITE; type <= LINK_OPERATOR; type++) {
        struct link l = { .type = (enum link_type)type, .address = address_of("a.b:1") };
        bool bare = type >= LINK_SEAT;

        assert_int_equal(link_format(&l, text, sizeof(text)), bare ? OK : ERR_ARG);
        l.fp[FP_BYTES - 1] = 1;
        assert_int_equal(link_format(&l, text, sizeof(text)), bare ? ERR_ARG : OK);
    }
}

static void format_into_little(void *ctx)
{
    struct link l = { .type = LINK_SEAT, .address = address_of("a.b:1") };

    (void)link_format(&l, ctx, LINK_TEXT - 1); /* dies before it returns */
}

static void format_no_type(void *ctx)
{
    struct link l = { .address = address_of("a.b:1") };

    (void)link_format(&l, ctx, LINK_TEXT); /* dies before it returns */
}

static void put_port_zero(void *ctx)
{
    struct address a = address_of("a.b:0");
    struct buf b = { .p = ctx, .cap = LINK_TEXT };

    address_put(&a, &b);
}

static void format_onion(void *ctx)
{
    struct address a = { .kind = ADDRESS_ONION, .port = 1 };

    address_format(&a, ctx, LINK_TEXT);
}

static void credential_of_odd_token(void *ctx)
{
    struct credential c;

    ident_credential(bytes_of(ctx, 15), &c);
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    char room[LINK_TEXT] = { 0 };

    assert_int_equal(death_signal(format_into_little, room), SIGABRT);
    assert_int_equal(death_signal(format_no_type, room), SIGABRT);
    assert_int_equal(death_signal(put_port_zero, room), SIGABRT);
    assert_int_equal(death_signal(format_onion, room), SIGABRT);
    assert_int_equal(death_signal(credential_of_odd_token, room), SIGABRT);
}

static void a_full_arena_is_an_error_and_changes_nothing(void **state)
{
    char text[LINK_TEXT];
    struct link l = { .type = LINK_SEAT };
    struct root_key root = { { 1 } };
    struct sign_seed seed = { { 0 } };
    void *all = NULL;

    first_link(*state, text, sizeof(text));
    assert_int_equal(secret_alloc(SECRET_ARENA, &all), OK);
    assert_int_equal(link_parse(bytes_text(text), &l), ERR_NOMEM);
    assert_int_equal(l.type, LINK_SEAT);
    assert_int_equal(ident_owner(&root, &seed), ERR_NOMEM);
    assert_int_equal(seed.b[0], 0);
    secret_free(all);
    assert_int_equal(link_parse(bytes_text(text), &l), OK);
}

/* ---- keys and ids, from the vectors ---- */

struct at {
    struct root_key root;
    uint8_t node_key[PUB_BYTES];
    uint8_t seat[SEAT_BYTES];
    uint8_t invite[INVITE_BYTES];
    uint32_t generation;
    uint32_t number;
};

static void at_of(const json_t *row, struct at *out)
{
    json_fixed(row, "root", SPAN_OF(out->root.b));
    json_fixed(row, "node_key", SPAN_OF(out->node_key));
    json_fixed(row, "seat", SPAN_OF(out->seat));
    json_fixed(row, "invite_id", SPAN_OF(out->invite));
    out->generation = json_u32(row, "generation");
    out->number = json_u32(row, "number");
}

static void owner_keys(const json_t *row, const struct at *at)
{
    struct sign_seed owner;
    struct account_keys k;
    uint8_t seed[64];

    assert_int_equal(ident_owner(&at->root, &owner), OK);
    json_same(row, "owner_sign", BYTES_OF(owner.b));
    assert_int_equal(ident_account(&at->root, at->node_key, at->seat, at->generation, &k),
                     OK);
    json_same(row, "account_static", BYTES_OF(k.stat.b));
    json_same(row, "account_sign", BYTES_OF(k.sign.b));
    json_same(row, "account_psk", BYTES_OF(k.psk.b));
    crypt_identity_seed(&at->root, seed);
    json_same(row, "identity_seed", BYTES_OF(seed));
}

static void guardian_keys(const json_t *row, const struct at *at)
{
    struct guardian_keys g;
    struct seat_keys s;
    struct sign_seed approval;

    assert_int_equal(ident_guardian(&at->root, &g), OK);
    json_same(row, "guardian_sign", BYTES_OF(g.sign.b));
    json_same(row, "guardian_seal", BYTES_OF(g.seal.b));
    assert_int_equal(ident_seat_keys(&at->root, at->node_key, at->seat, &s), OK);
    json_same(row, "guardian_static", BYTES_OF(s.stat.b));
    json_same(row, "guardian_psk", BYTES_OF(s.psk.b));
    assert_int_equal(ident_approval(&at->root, at->seat, at->invite, &approval), OK);
    json_same(row, "approval", BYTES_OF(approval.b));
}

static void standing_tokens(const json_t *row, const struct at *at)
{
    struct standing which = { .kind = STANDING_ROSTER,
                              .generation = at->generation,
                              .number = at->number };
    uint8_t token[TOKEN_STANDING];

    assert_int_equal(ident_restore(&at->root, at->node_key, at->seat, &which, token), OK);
    json_same(row, "restore_roster", BYTES_OF(token));
    which.kind = STANDING_SHEET;
    assert_int_equal(ident_restore(&at->root, at->node_key, at->seat, &which, token), OK);
    json_same(row, "restore_sheet", BYTES_OF(token));
}

static void keys_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "keys"), i, row)
    {
        struct at at = { 0 };
        uint8_t fp[FP_BYTES];
        uint8_t seat[SEAT_BYTES];

        at_of(row, &at);
        owner_keys(row, &at);
        guardian_keys(row, &at);
        standing_tokens(row, &at);
        json_fixed(row, "guardian_fp", SPAN_OF(fp));
        ident_seat_id(at.node_key, fp, seat);
        assert_memory_equal(seat, at.seat, sizeof(seat));
    }
    assert_int_equal(i, 3);
    assert_int_equal(secret_in_use(), 0);
}

static void ids_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "fingerprints"), i, row)
    {
        uint8_t sign[PUB_BYTES];
        uint8_t seal[PUB_BYTES];
        uint8_t fp[FP_BYTES];
        uint8_t swapped[FP_BYTES];

        json_fixed(row, "sign_pub", SPAN_OF(sign));
        json_fixed(row, "seal_pub", SPAN_OF(seal));
        ident_fingerprint(sign, seal, fp);
        json_same(row, "fp", BYTES_OF(fp));
        ident_fingerprint(seal, sign, swapped);
        assert_memory_not_equal(swapped, fp, sizeof(fp));
    }
    assert_int_equal(i, 2);
    json_array_foreach(json_at(*state, "credentials"), i, row)
    {
        uint8_t token[TOKEN_STANDING];
        struct credential c;

        ident_credential(json_bytes(row, "token", SPAN_OF(token)), &c);
        json_same(row, "id", BYTES_OF(c.id));
        json_same(row, "psk", BYTES_OF(c.psk.b));
    }
    assert_int_equal(i, 2);
}

/* Every derived key of one person at one place; all must differ. */
struct all_keys {
    uint8_t k[13][KEY_BYTES];
};

static void derive_all(const struct at *at, struct all_keys *out)
{
    struct standing which = { STANDING_ROSTER, at->generation, at->number };
    struct account_keys a;
    struct guardian_keys g;
    struct seat_keys s;
    struct sign_seed seed;
    uint8_t identity[64];

    memset(out, 0, sizeof(*out));
    assert_int_equal(ident_owner(&at->root, &seed), OK);
    memcpy(out->k[0], seed.b, KEY_BYTES);
    assert_int_equal(ident_account(&at->root, at->node_key, at->seat, at->generation, &a),
                     OK);
    memcpy(out->k[1], a.stat.b, KEY_BYTES);
    memcpy(out->k[2], a.sign.b, KEY_BYTES);
    memcpy(out->k[3], a.psk.b, KEY_BYTES);
    assert_int_equal(ident_guardian(&at->root, &g), OK);
    memcpy(out->k[4], g.sign.b, KEY_BYTES);
    memcpy(out->k[5], g.seal.b, KEY_BYTES);
    assert_int_equal(ident_seat_keys(&at->root, at->node_key, at->seat, &s), OK);
    memcpy(out->k[6], s.stat.b, KEY_BYTES);
    memcpy(out->k[7], s.psk.b, KEY_BYTES);
    assert_int_equal(ident_approval(&at->root, at->seat, at->invite, &seed), OK);
    memcpy(out->k[8], seed.b, KEY_BYTES);
    assert_int_equal(ident_restore(&at->root, at->node_key, at->seat, &which, out->k[9]),
                     OK);
    which.kind = STANDING_SHEET;
    assert_int_equal(ident_restore(&at->root, at->node_key, at->seat, &which, out->k[10]),
                     OK);
    crypt_identity_seed(&at->root, identity);
    memcpy(out->k[11], identity, KEY_BYTES);
    memcpy(out->k[12], identity + KEY_BYTES, KEY_BYTES);
}

static void no_two_keys_are_equal(void **state)
{
    (void)state;
    struct at at = { 0 };
    struct all_keys all;

    derive_all(&at, &all);
    for (size_t i = 0; i < 13; i++)
        for (size_t j = i + 1; j < 13; j++)
            assert_memory_not_equal(all.k[i], all.k[j], KEY_BYTES);
}

/* Which keys change with which input, by bit of the index in struct all_keys. */
static unsigned changed(const struct all_keys *a, const struct all_keys *b)
{
    unsigned mask = 0;

    for (size_t i = 0; i < 11; i++)
        if (!bytes_equal(BYTES_OF(a->k[i]), BYTES_OF(b->k[i])))
            mask |= 1U << i;
    return mask;
}

static void each_key_is_bound_to_its_place(void **state)
{
    (void)state;
    struct at at = { 0 };
    struct at other = { 0 };
    struct all_keys base;
    struct all_keys all;

    derive_all(&at, &base);
    other.root.b[31] = 1;
    derive_all(&other, &all);
    assert_int_equal(changed(&base, &all), 0x7ff);
    other = (struct at){ .node_key = { [31] = 1 } };
    derive_all(&other, &all);
    assert_int_equal(changed(&base, &all), 0x6ce);
    other = (struct at){ .seat = { [15] = 1 } };
    derive_all(&other, &all);
    assert_int_equal(changed(&base, &all), 0x7ce);
    other = (struct at){ .invite = { [15] = 1 } };
    derive_all(&other, &all);
    assert_int_equal(changed(&base, &all), 0x100);
    other = (struct at){ .generation = 1 };
    derive_all(&other, &all);
    assert_int_equal(changed(&base, &all), 0x60e);
    other = (struct at){ .number = 1 };
    derive_all(&other, &all);
    assert_int_equal(changed(&base, &all), 0x600);
}

static int open_vectors(void **state)
{
    *state = json_vectors("ident.json");
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
        cmocka_unit_test(wrong_addresses_are_refused),
        cmocka_unit_test(wrong_links_are_refused),
        cmocka_unit_test(a_zero_byte_ends_no_text),
        cmocka_unit_test(encoded_addresses_are_all_or_nothing),
        cmocka_unit_test(every_single_slip_in_a_link_is_seen),
        cmocka_unit_test(every_swap_and_cut_in_a_link_is_seen),
        cmocka_unit_test(a_fingerprint_must_suit_the_link),
        cmocka_unit_test(misuse_ends_the_process),
        cmocka_unit_test(a_full_arena_is_an_error_and_changes_nothing),
        cmocka_unit_test(addresses_have_one_encoding_and_one_text),
        cmocka_unit_test(port_zero_is_for_listening_only),
        cmocka_unit_test(hosts_compare_without_their_ports),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(links_are_those_of_the_vectors),
        cmocka_unit_test(links_survive_mail_programs),
        cmocka_unit_test(no_token_is_left_behind),
        cmocka_unit_test(keys_are_those_of_the_vectors),
        cmocka_unit_test(ids_are_those_of_the_vectors),
        cmocka_unit_test(no_two_keys_are_equal),
        cmocka_unit_test(each_key_is_bound_to_its_place),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, open_vectors, close_vectors);
    secret_end();
    return failed;
}
