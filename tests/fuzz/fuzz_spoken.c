/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spoken codes: as text, as a hello at a node's door, as an answer. Hello and answer are
 * also made genuine but for their content, since no fuzzer finds a key.
 */
#include "proto/peer.h"

enum { CALL = PEER_HANDSHAKE_OUT, PLAIN = SPOKEN_ANSWER - SEAL_OVERHEAD };

static void code_line(struct bytes in)
{
    char text[SPOKEN_TEXT];
    struct spoken_code code = { { 0 } };
    struct spoken_code read = { { 0 } };
    struct address at = { 0 };

    if (spoken_parse(in, &at, &code) == OK)
        MUST(at.port != 0);
    else if (spoken_read(in, &code) != OK)
        return;
    MUST(spoken_format(&code, text, sizeof text) == OK);
    MUST(spoken_read(bytes_text(text), &read) == OK);
    MUST(secret_equal(code.b, read.b, SPOKEN_CODE));
}

/* The first ten bytes as a code; then one letter exchanged for another. */
static void code_slip(struct bytes in)
{
    char text[SPOKEN_TEXT];
    struct spoken_code code = { { 0 } };
    struct spoken_code read = { { 0 } };

    if (in.n < SPOKEN_CODE + 2)
        return;
    memcpy(code.b, in.p, SPOKEN_CODE);
    MUST(spoken_format(&code, text, sizeof text) == OK);
    char *at = &text[in.p[SPOKEN_CODE] % (SPOKEN_TEXT - 1)];
    char was = *at;
    char is = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[in.p[SPOKEN_CODE + 1] & 31];

    if (was == '-')
        return;
    *at = is;
    MUST((spoken_read(bytes_text(text), &read) == OK) == (was == is));
}

static void answer(struct bytes in, const struct spoken_keys *keys)
{
    struct address at = { .kind = ADDRESS_IP4, .port = 1 };
    struct link link = { 0 };
    uint8_t sealed[SPOKEN_ANSWER];
    struct buf b = BUF_OF(sealed);
    struct link again = { 0 };

    MUST(spoken_open(keys, in, &at, &link) != OK);
    if (in.n != PLAIN)
        return;
    crypt_seal(&keys->answer, LABEL_SPOKEN_SEAL, BYTES_OF(keys->id), in, &crypt_random,
               &b);
    if (spoken_open(keys, buf_bytes(&b), &at, &link) != OK)
        return;
    MUST(link.type == LINK_RESTORE && link.address.port == 1);
    MUST(spoken_seal(keys, &link, &crypt_random, sealed) == OK);
    MUST(spoken_open(keys, BYTES_OF(sealed), &at, &again) == OK);
    MUST(secret_equal(&link, &again, sizeof link));
}

/* At a node that answers to keys; a genuine gate over whatever the rest is. */
static void hello(struct bytes in, const struct spoken_keys *keys)
{
    static const uint8_t said[SPOKEN_ANSWER] = { 1 };
    struct dh_key key = { { 1 } };
    uint8_t pub[PUB_BYTES] = { 2 };
    uint8_t wire[CALL] = { 0 };
    uint8_t room[SPOKEN_ANSWER];
    struct buf out = BUF_OF(room);
    struct peer p = { 0 };
    struct peer_event ev = { 0 };
    size_t used = 0;

    memcpy(wire, in.p, in.n < CALL ? in.n : CALL);
    peer_accept(&p, &key, pub, &crypt_random);
    if (peer_feed(&p, SPAN_OF(wire), &used, &out, &ev) != OK) {
        MUST(p.state == PEER_OFF && out.n == 0);
        return;
    }
    MUST(ev.what == PEER_SPOKEN && used == CALL);
    bool ours = bytes_equal(BYTES_OF(p.id), BYTES_OF(keys->id));
    enum err e = peer_answer(&p, ours ? keys->gate : NULL, BYTES_OF(said), &out);
    MUST(e != OK || ours);
    MUST(out.n == (e == OK ? SPOKEN_ANSWER : 0));
    MUST(p.state == PEER_OFF);
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
    static const struct spoken_keys keys = { .id = { 1 }, .gate = { 2 } };
    struct bytes in = bytes_of(data, size);

    if (size == 0)
        return 0;
    code_line(in);
    code_slip(in);
    answer(in, &keys);
    hello(in, &keys);
    MUST(secret_in_use() == 0);
    return 0;
}
