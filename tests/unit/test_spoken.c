/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/peer.h"
#include "tests/unit/json.h"

enum { CALL = PEER_HANDSHAKE_OUT, ID_AT = PEER_HELLO };

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The 18 letters of a code without dashes. */
static void flat_text(const struct spoken_code *code, char out[SPOKEN_LETTERS + 1])
{
    char text[SPOKEN_TEXT];
    size_t n = 0;

    assert_int_equal(spoken_format(code, text, sizeof text), OK);
    for (size_t i = 0; text[i] != '\0'; i++)
        if (text[i] != '-')
            out[n++] = text[i];
    assert_int_equal(n, SPOKEN_LETTERS);
    out[n] = '\0';
}

static void made_up(uint8_t seed, struct spoken_code *out)
{
    crypt_hash(LABEL_TOKEN_ID, PARTS(bytes_of(&seed, 1)), SPAN_OF(out->b));
}

static bool is_refused(const char *text)
{
    struct spoken_code code = { { 7 } };
    enum err e = spoken_read(bytes_text(text), &code);

    if (e != OK)
        assert_int_equal(code.b[0], 7);
    return e == ERR_CHECKSUM;
}

/* ---- wrong ones ---- */

static void wrong_codes_are_refused(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "bad_spoken"), i, row)
    {
        struct spoken_code code = { { 7 } };
        struct bytes text = bytes_of(json_string_value(row), json_string_length(row));

        assert_int_equal(spoken_read(text, &code), ERR_CHECKSUM);
        assert_int_equal(code.b[0], 7);
    }
    assert_true(i >= 13);
    struct spoken_code code = { { 7 } };

    assert_int_equal(spoken_read(bytes_of("\0"
                                          "00000000000000000",
                                          18),
                                 &code),
                     ERR_CHECKSUM);
    assert_int_equal(code.b[0], 7);
}

static void every_one_and_two_wrong_letters_are_seen(void **state)
{
    struct spoken_code code;
    char right[SPOKEN_LETTERS + 1];
    char text[SPOKEN_LETTERS + 1];
    size_t tried = 0;

    (void)state;
    made_up(1, &code);
    flat_text(&code, right);
    for (size_t i = 0; i < SPOKEN_LETTERS; i++)
        for (size_t a = 0; a < 32; a++)
            for (size_t j = i; j < SPOKEN_LETTERS; j++)
                for (size_t b = 0; b < 32; b++) {
                    memcpy(text, right, sizeof text);
                    text[i] = letters[a];
                    text[j] = letters[b];
                    if (strcmp(text, right) == 0)
                        continue;
                    assert_true(is_refused(text));
                    tried++;
                }
    assert_true(tried > 160000);
}

static void every_swap_cut_and_addition_is_seen(void **state)
{
    char text[SPOKEN_LETTERS + 2];

    (void)state;
    for (uint8_t seed = 0; seed < 20; seed++) {
        struct spoken_code code;
        char right[SPOKEN_LETTERS + 1];

        made_up(seed, &code);
        flat_text(&code, right);
        for (size_t i = 0; i < SPOKEN_LETTERS; i++) {
            for (size_t j = i + 1; j < SPOKEN_LETTERS; j++) {
                memcpy(text, right, sizeof right);
                text[i] = right[j];
                text[j] = right[i];
                assert_true(right[i] == right[j] || is_refused(text));
            }
            memcpy(text, right, i);
            memcpy(text + i, right + i + 1, SPOKEN_LETTERS - i);
            assert_true(is_refused(text));
            memcpy(text, right, i);
            text[i] = 'A';
            memcpy(text + i + 1, right + i, SPOKEN_LETTERS + 1 - i);
            assert_true(is_refused(text));
        }
    }
}

static void an_address_comes_before_the_code(void **state)
{
    static const struct {
        const char *text;
        enum err e;
    } rows[] = {
        { "", ERR_FORMAT },
        { "0000-0000-0000-0000-00", ERR_FORMAT },
        { "ben.example 0000-0000-0000-0000-00", ERR_FORMAT },
        { "ben.example:0 0000-0000-0000-0000-00", ERR_FORMAT },
        { "abc.onion:80 0000-0000-0000-0000-00", ERR_ARG },
        { "ben.example:7844-0000-0000-0000-0000-00", ERR_FORMAT },
        { "ben.example:7844", ERR_CHECKSUM },
        { "ben.example:7844 0000-0000-0000-0000-0", ERR_CHECKSUM },
        { "ben.example:7844 0000-0000-0000-0000-01", ERR_CHECKSUM },
        { "KITH1:AAAA 0000-0000-0000-0000-00", ERR_FORMAT },
    };
    struct address at = { .port = 4242 };
    struct spoken_code code = { { 7 } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(spoken_parse(bytes_text(rows[i].text), &at, &code), rows[i].e);
        assert_int_equal(at.port, 4242);
    }
    assert_int_equal(spoken_parse(bytes_text(" Ben-1.Example:7844\n oOoO 0000 0000\t"
                                             "0000-00 "),
                                  &at, &code),
                     OK);
    assert_int_equal(at.kind, ADDRESS_NAME);
    assert_memory_equal(at.host, "ben-1.example", 13);
    assert_int_equal(code.b[0], 0);
    assert_int_equal(spoken_parse(bytes_text("[::1]:1 00000000000000000 0"), &at, &code),
                     OK);
    assert_int_equal(at.kind, ADDRESS_IP6);
}

static void a_full_arena_is_an_error(void **state)
{
    struct spoken_code code = { { 0 } };
    struct spoken_keys keys = { 0 };
    struct link link = { .type = LINK_RESTORE };
    uint8_t answer[SPOKEN_ANSWER] = { 0 };
    char text[SPOKEN_TEXT] = "x";
    void *all = NULL;

    (void)state;
    assert_int_equal(secret_alloc(SECRET_ARENA, &all), OK);
    assert_int_equal(spoken_format(&code, text, sizeof text), ERR_NOMEM);
    assert_string_equal(text, "x");
    assert_int_equal(spoken_read(bytes_text("00"), &code), ERR_NOMEM);
    assert_int_equal(spoken_keys(&code, cost_minimum, &keys), ERR_NOMEM);
    assert_int_equal(spoken_seal(&keys, &link, &crypt_random, answer), ERR_NOMEM);
    assert_int_equal(spoken_open(&keys, BYTES_OF(answer), &(struct address){ 0 }, &link),
                     ERR_NOMEM);
    secret_free(all);
}

/* ---- right ones, from the vectors ---- */

struct nonce {
    uint8_t b[24];
};

static void give_nonce(void *ctx, uint8_t *out, size_t n)
{
    const struct nonce *nonce = ctx;

    assert_int_equal(n, sizeof nonce->b);
    memcpy(out, nonce->b, n);
}

static void keys_of(const json_t *row, struct spoken_keys *out)
{
    struct spoken_code code;
    struct cost cost = { json_u32(row, "mem"), json_u32(row, "passes") };

    json_fixed(row, "code", SPAN_OF(code.b));
    assert_int_equal(spoken_keys(&code, cost, out), OK);
}

static void link_of(const json_t *row, struct link *out)
{
    memset(out, 0, sizeof *out);
    out->type = LINK_RESTORE;
    json_fixed(row, "node_key", SPAN_OF(out->node_key));
    json_fixed(row, "token", SPAN_OF(out->token));
    json_fixed(row, "fp", SPAN_OF(out->fp));
    assert_int_equal(address_parse(bytes_text("ben.example:7844"), &out->address), OK);
}

static void codes_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "spoken"), i, row)
    {
        struct spoken_code code;
        struct spoken_code read;
        char text[SPOKEN_TEXT];

        json_fixed(row, "code", SPAN_OF(code.b));
        assert_int_equal(spoken_format(&code, text, sizeof text), OK);
        assert_string_equal(text, json_string_value(json_at(row, "text")));
        assert_int_equal(spoken_read(bytes_text(text), &read), OK);
        assert_memory_equal(&read, &code, sizeof code);
    }
    assert_int_equal(i, 4);
}

static void a_code_is_read_however_it_was_written(void **state)
{
    const json_t *same = json_at(*state, "spoken_same");
    const json_t *row = NULL;
    struct spoken_code code;
    size_t i = 0;

    json_fixed(same, "code", SPAN_OF(code.b));
    json_array_foreach(json_at(same, "texts"), i, row)
    {
        struct spoken_code read = { { 0 } };

        assert_int_equal(spoken_read(bytes_text(json_string_value(row)), &read), OK);
        assert_memory_equal(&read, &code, sizeof code);
    }
    assert_true(i >= 10);
}

static void keys_and_answers_are_those_of_the_vectors(void **state)
{
    const json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(json_at(*state, "spoken"), i, row)
    {
        struct spoken_keys keys;
        struct link link;
        struct link read = { 0 };
        struct nonce nonce;
        struct rng rng = { give_nonce, &nonce };
        uint8_t answer[SPOKEN_ANSWER];
        struct peer p = { 0 };
        uint8_t wire[CALL];
        struct buf out = BUF_OF(wire);

        keys_of(row, &keys);
        json_same(row, "id", BYTES_OF(keys.id));
        json_same(row, "gate", BYTES_OF(keys.gate));
        json_same(row, "answer", BYTES_OF(keys.answer.b));
        link_of(row, &link);
        json_fixed(row, "nonce", SPAN_OF(nonce.b));
        assert_int_equal(spoken_seal(&keys, &link, &rng, answer), OK);
        json_same(row, "sealed", BYTES_OF(answer));
        assert_int_equal(spoken_open(&keys, BYTES_OF(answer), &link.address, &read), OK);
        assert_memory_equal(&read, &link, sizeof link);
        assert_int_equal(peer_speak(&p, &keys, &out), OK);
        json_same(row, "hello", buf_bytes(&out));
        peer_end(&p);
    }
    assert_int_equal(i, 4);
    assert_int_equal(secret_in_use(), 0);
}

static void an_answer_opens_whole_and_with_its_own_code_only(void **state)
{
    const json_t *rows = json_at(*state, "spoken");
    struct spoken_keys keys;
    struct spoken_keys other;
    struct link link = { .type = LINK_INVITE };
    uint8_t answer[SPOKEN_ANSWER];
    struct address at = { 0 };

    keys_of(json_array_get(rows, 0), &keys);
    keys_of(json_array_get(rows, 2), &other);
    json_fixed(json_array_get(rows, 0), "sealed", SPAN_OF(answer));
    assert_int_equal(spoken_open(&other, BYTES_OF(answer), &at, &link), ERR_AUTH);
    assert_int_equal(spoken_open(&keys, bytes_of(answer, SPOKEN_ANSWER - 1), &at, &link),
                     ERR_FORMAT);
    for (size_t i = 0; i < SPOKEN_ANSWER; i++) {
        answer[i] ^= 1;
        assert_int_equal(spoken_open(&keys, BYTES_OF(answer), &at, &link), ERR_AUTH);
        answer[i] ^= 1;
    }
    /* The id is bound in as well: an answer cannot be moved to another code. */
    other.answer = keys.answer;
    assert_int_equal(spoken_open(&other, BYTES_OF(answer), &at, &link), ERR_AUTH);
    assert_int_equal(link.type, LINK_INVITE);
}

static void seal_raw(const struct spoken_keys *keys, uint8_t version, uint8_t fp,
                     uint8_t out[SPOKEN_ANSWER])
{
    uint8_t plain[SPOKEN_ANSWER - SEAL_OVERHEAD] = { version };
    struct buf sealed = { .p = out, .cap = SPOKEN_ANSWER };

    plain[sizeof plain - 1] = fp;
    crypt_seal(&keys->answer, LABEL_SPOKEN_SEAL, BYTES_OF(keys->id), BYTES_OF(plain),
               &crypt_random, &sealed);
    assert_int_equal(sealed.n, SPOKEN_ANSWER);
}

static void what_no_kith_answers_is_refused(void **state)
{
    struct spoken_keys keys;
    struct link link = { 0 };
    uint8_t answer[SPOKEN_ANSWER];
    struct address at = { 0 };

    keys_of(json_array_get(json_at(*state, "spoken"), 0), &keys);
    seal_raw(&keys, 2, 1, answer);
    assert_int_equal(spoken_open(&keys, BYTES_OF(answer), &at, &link), ERR_VERSION);
    seal_raw(&keys, 1, 0, answer);
    assert_int_equal(spoken_open(&keys, BYTES_OF(answer), &at, &link), ERR_FORMAT);
    seal_raw(&keys, 1, 1, answer);
    assert_int_equal(spoken_open(&keys, BYTES_OF(answer), &at, &link), OK);
}

/* ---- the conversation ---- */

struct node {
    struct dh_key key;
    uint8_t pub[PUB_BYTES];
    struct peer p;
    uint8_t said[512];
    struct buf out;
    struct peer_event ev;
};

static void node_fresh(struct node *n)
{
    memset(n->key.b, 9, sizeof n->key.b);
    crypt_dh_public(&n->key, n->pub);
    peer_end(&n->p);
    peer_accept(&n->p, &n->key, n->pub, &crypt_random);
    n->out = BUF_OF(n->said);
}

static void hello_of(const struct spoken_keys *keys, uint8_t out[CALL])
{
    struct peer p = { 0 };
    struct buf b = { .p = out, .cap = CALL };

    assert_int_equal(peer_speak(&p, keys, &b), OK);
    assert_int_equal(b.n, CALL);
    peer_end(&p);
}

/* Feeds n bytes one by one, as a slow line brings them. */
static enum err node_feed(struct node *n, uint8_t *in, size_t size)
{
    size_t used = 0;

    for (size_t i = 1; i <= size; i++) {
        TRY(peer_feed(&n->p, (struct span){ in, i }, &used, &n->out, &n->ev));
        if (n->ev.what != PEER_NEED_MORE)
            assert_int_equal(i, size);
    }
    return OK;
}

static void a_wrong_hello_is_refused_like_a_strangers(void **state)
{
    struct spoken_keys keys = { .id = { 1 }, .gate = { 2 } };
    struct node n = { 0 };
    uint8_t in[CALL];

    (void)state;
    /* Whatever is wrong shows at the last byte, where a stranger's does. */
    for (size_t i = 0; i < CALL; i++) {
        if (i >= 8 && i < ID_AT + ID_BYTES)
            continue; /* gate and id: peer_answer's */
        hello_of(&keys, in);
        in[i] ^= 0x40;
        node_fresh(&n);
        assert_int_equal(node_feed(&n, in, CALL - 1), OK);
        assert_int_not_equal(node_feed(&n, in, CALL), OK);
        assert_int_equal(n.p.state, PEER_OFF);
        assert_int_equal(n.out.n, 0);
    }
}

static void unknown_id_and_wrong_gate_are_silent_alike(void **state)
{
    struct spoken_keys keys = { .id = { 1 }, .gate = { 2 } };
    uint8_t other[KEY_BYTES] = { 3 };
    uint8_t answer[SPOKEN_ANSWER] = { 4 };
    struct node n = { 0 };
    uint8_t in[CALL];

    (void)state;
    for (int known = 0; known < 2; known++) {
        node_fresh(&n);
        hello_of(&keys, in);
        assert_int_equal(node_feed(&n, in, CALL), OK);
        assert_int_equal(n.ev.what, PEER_SPOKEN);
        assert_memory_equal(n.p.id, keys.id, ID_BYTES);
        assert_int_equal(
            peer_answer(&n.p, known ? other : NULL, BYTES_OF(answer), &n.out), ERR_AUTH);
        assert_int_equal(n.out.n, 0);
        assert_int_equal(n.p.state, PEER_OFF);
    }
    /* A gate that belongs to another id. */
    hello_of(&keys, in);
    in[ID_AT] ^= 1;
    node_fresh(&n);
    assert_int_equal(node_feed(&n, in, CALL), OK);
    assert_int_equal(peer_answer(&n.p, keys.gate, BYTES_OF(answer), &n.out), ERR_AUTH);
    assert_int_equal(n.out.n, 0);
}

static void nothing_is_answered_that_was_not_asked(void **state)
{
    struct spoken_keys keys = { .id = { 1 }, .gate = { 2 } };
    uint8_t answer[SPOKEN_ANSWER] = { 4 };
    struct node n = { 0 };
    uint8_t in[CALL];

    (void)state;
    node_fresh(&n);
    assert_int_equal(peer_answer(&n.p, keys.gate, BYTES_OF(answer), &n.out), ERR_STATE);
    node_fresh(&n);
    hello_of(&keys, in);
    assert_int_equal(node_feed(&n, in, CALL), OK);
    /* Nothing but peer_answer leads on. */
    assert_int_equal(peer_set_psk(&n.p, NULL), ERR_STATE);
    assert_int_equal(node_feed(&n, in, 1), ERR_STATE);
    assert_int_equal(n.p.state, PEER_OFF);
    node_fresh(&n);
    assert_int_equal(node_feed(&n, in, CALL), OK);
    n.out.cap = SPOKEN_ANSWER - 1;
    assert_int_equal(peer_answer(&n.p, keys.gate, BYTES_OF(answer), &n.out), ERR_FULL);
    assert_int_equal(n.out.n, 0);
}

static void who_knows_the_code_gets_the_answer_and_the_end(void **state)
{
    struct spoken_keys keys = { .id = { 1 }, .gate = { 2 } };
    uint8_t answer[SPOKEN_ANSWER];
    struct node n = { 0 };
    struct peer client = { 0 };
    uint8_t in[CALL];
    struct buf call = BUF_OF(in);
    struct peer_event ev = { 0 };
    size_t used = 0;

    (void)state;
    memset(answer, 5, sizeof answer);
    node_fresh(&n);
    assert_int_equal(peer_speak(&client, &keys, &call), OK);
    assert_int_equal(node_feed(&n, in, CALL), OK);
    assert_int_equal(peer_answer(&n.p, keys.gate, BYTES_OF(answer), &n.out), OK);
    assert_int_equal(n.p.state, PEER_OFF);
    assert_int_equal(n.out.n, SPOKEN_ANSWER);
    assert_true(n.out.n <= 512);

    assert_int_equal(
        peer_feed(&client, (struct span){ n.said, SPOKEN_ANSWER - 1 }, &used, &call, &ev),
        OK);
    assert_int_equal(ev.what, PEER_NEED_MORE);
    assert_int_equal(ev.wanted, SPOKEN_ANSWER);
    assert_int_equal(
        peer_feed(&client, (struct span){ n.said, SPOKEN_ANSWER }, &used, &call, &ev),
        OK);
    assert_int_equal(ev.what, PEER_ANSWER);
    assert_int_equal(used, SPOKEN_ANSWER);
    assert_memory_equal(ev.body.p, answer, SPOKEN_ANSWER);
    assert_int_equal(call.n, CALL);
    assert_int_equal(
        peer_feed(&client, (struct span){ n.said, SPOKEN_ANSWER }, &used, &call, &ev),
        ERR_STATE);
    call.cap = CALL + 1;
    assert_int_equal(peer_speak(&client, &keys, &call), ERR_FULL);
    assert_int_equal(secret_in_use(), 0);
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
        cmocka_unit_test(wrong_codes_are_refused),
        cmocka_unit_test(every_one_and_two_wrong_letters_are_seen),
        cmocka_unit_test(every_swap_cut_and_addition_is_seen),
        cmocka_unit_test(an_address_comes_before_the_code),
        cmocka_unit_test(a_full_arena_is_an_error),
        cmocka_unit_test(codes_are_those_of_the_vectors),
        cmocka_unit_test(a_code_is_read_however_it_was_written),
        cmocka_unit_test(keys_and_answers_are_those_of_the_vectors),
        cmocka_unit_test(an_answer_opens_whole_and_with_its_own_code_only),
        cmocka_unit_test(what_no_kith_answers_is_refused),
        cmocka_unit_test(a_wrong_hello_is_refused_like_a_strangers),
        cmocka_unit_test(unknown_id_and_wrong_gate_are_silent_alike),
        cmocka_unit_test(nothing_is_answered_that_was_not_asked),
        cmocka_unit_test(who_knows_the_code_gets_the_answer_and_the_end),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, open_vectors, close_vectors);
    secret_end();
    return failed;
}
