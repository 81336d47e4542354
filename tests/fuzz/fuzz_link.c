/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links and addresses as text and as bytes. The input is also sealed into a link of
 * its own, since no fuzzer finds a checksum.
 */
#include "proto/piece.h"

static void address_bytes(struct bytes in)
{
    uint8_t again[ADDRESS_MAX];
    char text[ADDRESS_TEXT];
    struct buf b = BUF_OF(again);
    struct address a = { 0 };
    struct address read = { 0 };

    if (address_get(in, &a) != OK)
        return;
    address_put(&a, &b);
    MUST(!b.over && bytes_equal(buf_bytes(&b), in));
    address_format(&a, text, sizeof(text));
    MUST(address_parse(bytes_text(text), &read) == OK);
    MUST(read.port == a.port && address_same_host(&a, &read));
}

static void address_line(struct bytes in)
{
    char text[ADDRESS_TEXT];
    struct address a = { 0 };
    struct address read = { 0 };

    if (address_parse(in, &a) != OK)
        return;
    (void)address_is_loopback(&a);
    address_format(&a, text, sizeof(text));
    MUST(address_parse(bytes_text(text), &read) == OK);
    MUST(read.port == a.port && address_same_host(&a, &read));
}

static void link_line(struct bytes in)
{
    char text[LINK_TEXT];
    struct link l = { 0 };
    struct link read = { 0 };

    if (link_parse(in, &l) != OK)
        return;
    MUST(link_format(&l, text, sizeof(text)) == OK);
    MUST(link_parse(bytes_text(text), &read) == OK);
    MUST(read.type == l.type && address_same_host(&l.address, &read.address));
    MUST(secret_equal(read.token, l.token, TOKEN_BYTES));
}

/* W_e as a line: what is read is written the same; and one of in's bytes, well-formed. */
static void wrapped_line(struct bytes in)
{
    char text[WRAPPED_TEXT];
    struct wrapped w = { 0 };
    struct wrapped read = { 0 };

    if (wrapped_parse(in, &w) != OK && in.n >= sizeof w.sealed)
        memcpy(w.sealed, in.p, sizeof w.sealed);
    wrapped_format(&w, text);
    MUST(wrapped_parse(bytes_text(text), &read) == OK);
    MUST(bytes_equal(BYTES_OF(w.sealed), BYTES_OF(read.sealed)) && w.epoch == read.epoch);
}

/* Reads body and its checksum as a link, lower-case head and all. */
static void link_sealed(struct bytes body)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t raw[LINK_RAW + 8] = { 0 };
    uint8_t check[ID_BYTES];
    uint8_t text[LINK_TEXT + 16];
    struct buf r = { .p = raw, .cap = LINK_RAW };
    struct buf t = BUF_OF(text);

    crypt_hash(LABEL_LINK_CHECK, &body, 1, SPAN_OF(check));
    buf_put(&r, body);
    buf_put(&r, bytes_of(check, 4));
    if (r.over)
        return;
    buf_put(&t, bytes_text("kith1:"));
    for (size_t bit = 0; bit < 8 * r.n; bit += 5) {
        unsigned two = (unsigned)raw[bit / 8] << 8 | raw[bit / 8 + 1];

        buf_put_u8(&t, (uint8_t)digits[two >> (11 - bit % 8) & 31]);
    }
    MUST(!t.over);
    link_line(buf_bytes(&t));
}

/* libFuzzer's entry points. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);

    address_bytes(in);
    address_line(in);
    link_line(in);
    wrapped_line(in);
    link_sealed(in);
    MUST(secret_in_use() == 0);
    return 0;
}
