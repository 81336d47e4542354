/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of the message table, both directions, from its own schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/msg.h"
#include "proto/secret.h"

enum { FIELDS_MAX = 32, VALUE_MAX = 16384, TEXT_POOL = 65536 };

/* One body of one row: what is sent, its bound. */
struct body {
    const struct msg_row *row;
    const struct wire_schema *schema;
    size_t max;
    bool is_reply;
};

static uint8_t text_pool[TEXT_POOL];
static uint8_t first[WIRE_MAX + 64];
static uint8_t second[WIRE_MAX + 64];
static _Alignas(16) uint8_t value[VALUE_MAX];
static _Alignas(16) uint8_t decoded[VALUE_MAX];

static size_t bodies_count(void)
{
    return 2 * msg_count;
}

static struct body body_at(size_t i)
{
    const struct msg_row *row = &msg_rows[i / 2];
    bool is_reply = i % 2 == 1;

    return (struct body){ .row = row,
                          .schema = is_reply ? row->rep : row->req,
                          .max = is_reply ? row->rep_max : row->req_max,
                          .is_reply = is_reply };
}

static enum err body_put(const struct body *b, struct buf *out)
{
    return b->is_reply ? msg_put_rep(b->row, value, out)
                       : msg_put_req(b->row, value, out);
}

static enum err body_get(const struct body *b, struct bytes in, void *out)
{
    return b->is_reply ? msg_get_rep(b->row, in, out) : msg_get_req(b->row, in, out);
}

/* xorshift: seeded, so that a failure can be played again. */
static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* ---- the largest encoding, from the schema alone ---- */

static size_t uint_size(uint64_t v)
{
    if (v <= 0x7f)
        return 1;
    if (v <= UINT8_MAX)
        return 2;
    if (v <= UINT16_MAX)
        return 3;
    return v <= UINT32_MAX ? 5 : 9;
}

static size_t head_size(uint64_t n, uint64_t small, bool has_8)
{
    if (n <= small)
        return 1;
    if (has_8 && n <= UINT8_MAX)
        return 2;
    return n <= UINT16_MAX ? 3 : 5;
}

static uint64_t uint_max(const struct wire_field *f)
{
    uint64_t room = f->size == 8 ? UINT64_MAX : (1ULL << (8 * f->size)) - 1;

    return f->max < room ? f->max : room;
}

static size_t schema_max(const struct wire_schema *s)
{
    size_t n = head_size(s->count, 15, false);

    for (size_t i = 0; i < s->count; i++) {
        const struct wire_field *f = &s->fields[i];

        n += 1; /* key */
        switch (f->type) {
        case WIRE_UINT:
            n += uint_size(uint_max(f));
            break;
        case WIRE_FIX:
            n += head_size(f->size, 0, true) + f->size;
            break;
        case WIRE_BYTES:
            n += head_size(f->max, 0, true) + f->max;
            break;
        case WIRE_TEXT:
            n += head_size(f->max, 31, true) + f->max;
            break;
        case WIRE_LIST:
            n += head_size(f->max, 15, false) + f->max * schema_max(f->sub);
            break;
        }
    }
    return n;
}

/* ---- filling a struct as its schema allows ---- */

static void uint_set(uint8_t *at, size_t size, uint64_t v)
{
    uint8_t v8 = (uint8_t)v;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;
    const void *from[] = { &v8, &v16, NULL, &v32, NULL, NULL, NULL, &v };

    memcpy(at, from[size - 1], size);
}

/* Of [least, most]: most when s is NULL; else a chance, rarely a large one. */
static uint64_t choose(uint64_t *s, uint64_t least, uint64_t most)
{
    if (s == NULL)
        return most;
    uint64_t v = next_random(s) >> (next_random(s) % 60);
    uint64_t cut = most - least > 24 && next_random(s) % 8 != 0 ? 24 : most - least;

    return cut == UINT64_MAX ? v : least + v % (cut + 1);
}

static void fill(const struct wire_schema *schema, uint8_t *base, uint64_t *s);

static void fill_field(const struct wire_field *f, uint8_t *base, uint64_t *s)
{
    struct bytes b = { text_pool, 0 };
    uint32_t n = 0;

    switch (f->type) {
    case WIRE_UINT:
        uint_set(base + f->off, f->size, choose(s, 0, uint_max(f)));
        return;
    case WIRE_FIX:
        for (size_t i = 0; i < f->size; i++)
            base[f->off + i] = (uint8_t)(s == NULL ? 0xff : next_random(s));
        return;
    case WIRE_BYTES:
    case WIRE_TEXT:
        b.n = (size_t)choose(s, f->min, f->max);
        memcpy(base + f->off, &b, sizeof b);
        return;
    case WIRE_LIST:
        n = (uint32_t)choose(s, f->min, f->max);
        memcpy(base + f->off_n, &n, sizeof n);
        for (size_t i = 0; i < n; i++)
            fill(f->sub, base + f->off + i * f->size, s);
        return;
    }
}

/* s: NULL for the largest value of every field. */
static void fill(const struct wire_schema *schema, uint8_t *base, uint64_t *s)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->fields[i].need == WIRE_MUST || s == NULL || next_random(s) % 4 != 0)
            fill_field(&schema->fields[i], base, s);
}

static void value_fill(const struct body *b, uint64_t *s)
{
    memset(value, 0, sizeof value);
    fill(b->schema, value, s);
}

/* ---- wrong cases ---- */

/* b's value written by another table of fields is refused, and touches nothing. */
static void assert_refused(const struct body *b, const struct wire_field *fields,
                           size_t count)
{
    const struct wire_schema other = { "other", fields, count, b->schema->size };
    struct buf out = BUF_OF(first);

    wire_put(&other, value, &out);
    assert_false(out.over);
    memset(decoded, 0x5a, sizeof decoded);
    memset(second, 0x5a, sizeof decoded);
    assert_int_not_equal(body_get(b, buf_bytes(&out), decoded), OK);
    assert_memory_equal(decoded, second, sizeof decoded);
}

static void a_missing_field_is_refused(void **state)
{
    (void)state;
    struct wire_field fields[FIELDS_MAX];
    unsigned seen = 0;

    for (size_t i = 0; i < bodies_count(); i++) {
        struct body b = body_at(i);

        value_fill(&b, NULL);
        for (size_t k = 0; k < b.schema->count; k++) {
            size_t n = 0;

            if (b.schema->fields[k].need == WIRE_MAY)
                continue;
            for (size_t j = 0; j < b.schema->count; j++)
                if (j != k)
                    fields[n++] = b.schema->fields[j];
            assert_refused(&b, fields, n);
            seen++;
        }
    }
    assert_true(seen >= 100);
}

/* What is beyond a field's bounds: the same struct under a wider field. */
static bool widen(struct wire_field *f, uint8_t *base)
{
    struct bytes b = { text_pool, 0 };

    switch (f->type) {
    case WIRE_UINT:
        if (uint_max(f) != f->max || f->max == UINT64_MAX ||
            (f->size < 8 && (f->max + 1) >> (8 * f->size) != 0))
            return false;
        f->max++;
        uint_set(base + f->off, f->size, f->max);
        return true;
    case WIRE_FIX:
        f->size--;
        return true;
    case WIRE_BYTES:
    case WIRE_TEXT:
        b.n = (size_t)++f->max;
        memcpy(base + f->off, &b, sizeof b);
        return true;
    case WIRE_LIST:
        return false; /* the struct has no more room; test_wire has the case */
    }
    return false;
}

static void a_field_beyond_its_bounds_is_refused(void **state)
{
    (void)state;
    struct wire_field fields[FIELDS_MAX];
    unsigned seen = 0;

    for (size_t i = 0; i < bodies_count(); i++) {
        struct body b = body_at(i);

        for (size_t k = 0; k < b.schema->count; k++) {
            value_fill(&b, NULL);
            memcpy(fields, b.schema->fields, b.schema->count * sizeof *fields);
            if (!widen(&fields[k], value))
                continue;
            assert_refused(&b, fields, b.schema->count);
            seen++;
        }
    }
    assert_true(seen >= 100);
}

/* A str where a bin belongs, and the other way round. */
static void another_type_is_refused(void **state)
{
    (void)state;
    struct wire_field fields[FIELDS_MAX];
    unsigned seen = 0;

    for (size_t i = 0; i < bodies_count(); i++) {
        struct body b = body_at(i);

        value_fill(&b, NULL);
        for (size_t k = 0; k < b.schema->count; k++) {
            enum wire_type type = b.schema->fields[k].type;

            if (type != WIRE_BYTES && type != WIRE_TEXT)
                continue;
            memcpy(fields, b.schema->fields, b.schema->count * sizeof *fields);
            fields[k].type = type == WIRE_TEXT ? WIRE_BYTES : WIRE_TEXT;
            assert_refused(&b, fields, b.schema->count);
            seen++;
        }
    }
    assert_true(seen >= 20);
}

static void unknown_odd_keys_are_ignored_and_even_ones_refused(void **state)
{
    (void)state;
    uint64_t seed = 7;

    for (size_t i = 0; i < bodies_count(); i++) {
        struct body b = body_at(i);
        struct buf out = BUF_OF(first);
        struct buf again = BUF_OF(second);

        value_fill(&b, &seed);
        assert_int_equal(body_put(&b, &out), OK);
        size_t n = out.n;
        assert_true(first[0] >= 0x80 && first[0] < 0x8f);
        first[0]++;
        buf_put_u8(&out, 125);
        buf_put_u8(&out, 0);
        memset(decoded, 0, sizeof decoded);
        if (out.n <= b.max) {
            assert_int_equal(body_get(&b, buf_bytes(&out), decoded), OK);
            wire_put(b.schema, decoded, &again);
            first[0]--;
            assert_int_equal(again.n, n);
            assert_memory_equal(first, second, n);
            first[0]++;
            first[n] = 126;
            assert_int_equal(body_get(&b, buf_bytes(&out), decoded), ERR_VERSION);
            first[n] = 125;
        }
        /* An error in what is ignored is none the less one. */
        first[n + 1] = 0xc0;
        assert_int_not_equal(body_get(&b, buf_bytes(&out), decoded), OK);
    }
}

static void a_body_beyond_its_rows_limit_is_refused(void **state)
{
    (void)state;

    for (size_t i = 0; i < bodies_count(); i++) {
        struct body b = body_at(i);
        struct msg_row small = *b.row;
        struct buf out = BUF_OF(first);
        struct buf again = BUF_OF(second);

        value_fill(&b, NULL);
        assert_int_equal(body_put(&b, &out), OK);
        *(b.is_reply ? &small.rep_max : &small.req_max) = out.n;
        b.row = &small;
        assert_int_equal(body_put(&b, &again), OK);
        assert_int_equal(body_get(&b, buf_bytes(&out), decoded), OK);
        *(b.is_reply ? &small.rep_max : &small.req_max) = out.n - 1;
        again.n = 0;
        assert_int_equal(body_put(&b, &again), ERR_TOO_BIG);
        assert_int_equal(body_get(&b, buf_bytes(&out), decoded), ERR_TOO_BIG);
        b.row = &msg_rows[i / 2];
        struct buf tight = { .p = second, .cap = out.n - 1 };
        assert_int_equal(body_put(&b, &tight), ERR_TOO_BIG);
    }
}

static size_t mutate(uint8_t *p, size_t n, uint64_t *s)
{
    size_t at = (size_t)(next_random(s) % n);

    switch (next_random(s) % 6) {
    case 0:
        p[at] ^= (uint8_t)(1U << next_random(s) % 8);
        return n;
    case 1:
        p[at] = (uint8_t)next_random(s);
        return n;
    case 2:
        return at; /* cut */
    case 3:
        memmove(p + at, p + at + 1, n - at - 1);
        return n - 1;
    case 4:
        memmove(p + at + 1, p + at, n - at);
        return n + 1;
    default:
        p[0]++; /* one entry more than there is */
        return n;
    }
}

/* What is accepted is canonical: written again it is the input, unknown keys aside. */
static void mutations_are_refused_or_canonical(void **state)
{
    (void)state;
    uint64_t seed = 20260102;
    unsigned accepted = 0;

    for (unsigned round = 0; round < 40 * bodies_count(); round++) {
        struct body b = body_at(round % bodies_count());
        struct buf out = BUF_OF(first);
        struct buf again = BUF_OF(second);

        value_fill(&b, &seed);
        assert_int_equal(body_put(&b, &out), OK);
        for (size_t k = next_random(&seed) % 3 + 1; k > 0 && out.n > 0; k--)
            out.n = mutate(first, out.n, &seed);
        if (body_get(&b, buf_bytes(&out), decoded) != OK)
            continue;
        accepted++;
        wire_put(b.schema, decoded, &again);
        assert_true(again.n <= out.n);
        if (again.n == out.n)
            assert_memory_equal(first, second, out.n);
    }
    assert_true(accepted >= 50);
}

/* ---- the table ---- */

static void rows_and_keys_ascend(void **state)
{
    (void)state;
    size_t last = 0;

    for (size_t i = 0; i < msg_count; i++) {
        assert_true(msg_rows[i].kind > last && msg_rows[i].kind < MSG_REPLY);
        last = msg_rows[i].kind;
        assert_true(msg_rows[i].roles != 0 && (msg_rows[i].roles & ~MAY_ALL) == 0);
        assert_true(strlen(msg_rows[i].what) > 0);
    }
    for (size_t i = 0; i < bodies_count(); i++) {
        const struct wire_schema *s = body_at(i).schema;

        assert_true(s->count < 15 && s->size <= msg_struct_max());
        assert_true(s->size <= VALUE_MAX);
        for (size_t k = 0; k < s->count; k++)
            assert_true(s->fields[k].key > (k == 0 ? 0 : s->fields[k - 1].key));
    }
}

static void every_kind_is_found_or_unknown(void **state)
{
    (void)state;
    size_t found = 0;

    for (unsigned kind = 0; kind <= UINT16_MAX; kind++) {
        const struct msg_row *row = msg_find((uint16_t)kind);

        assert_true(row == NULL || row->kind == kind);
        found += row != NULL;
    }
    assert_int_equal(found, msg_count);
}

static void a_write_begins_with_its_op_id(void **state)
{
    (void)state;

    for (size_t i = 0; i < msg_count; i++) {
        const struct wire_field *f = &msg_rows[i].req->fields[0];
        bool is_op = strcmp(f->name, "op") == 0;

        assert_int_equal(is_op, msg_rows[i].access == MSG_WRITE);
        if (!is_op)
            continue;
        assert_int_equal(f->key, 1);
        assert_int_equal(f->type, WIRE_FIX);
        assert_int_equal(f->size, ID_BYTES);
        assert_int_equal(f->need, WIRE_MUST);
    }
}

/* What the protocol says; a change of who may do what must be made twice. */
static const struct {
    uint16_t kind;
    enum msg_access access;
    uint32_t roles;
} permissions[] = {
    { 1, MSG_READ, MAY_ALL },
    { 2, MSG_READ, MAY_ALL },
    { 10, MSG_WRITE, MAY(ROLE_OPERATOR) | MAY(ROLE_GUARDIAN) },
    { 11, MSG_READ, MAY(ROLE_INVITE) | MAY(ROLE_RESTORE) | MAY(ROLE_OWNER) },
    { 12, MSG_WRITE, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) },
    { 13, MSG_READ, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) },
    { 14, MSG_WRITE, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) },
    { 15, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 20, MSG_WRITE, MAY(ROLE_INVITE) },
    { 30, MSG_WRITE, MAY(ROLE_OWNER) },
    { 31, MSG_WRITE, MAY(ROLE_OWNER) },
    { 32, MSG_WRITE, MAY(ROLE_OWNER) },
    { 33, MSG_READ,
      MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_REQUESTER) | MAY(ROLE_GUARDIAN) },
    { 34, MSG_WRITE, MAY(ROLE_OWNER) },
    { 35, MSG_WRITE, MAY(ROLE_OWNER) },
    { 36, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_REQUESTER) },
    { 37, MSG_READ, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 38, MSG_WRITE, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) },
    { 39, MSG_WRITE, MAY(ROLE_OWNER) },
    { 40, MSG_READ, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 41, MSG_READ,
      MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_REQUESTER) },
    { 42, MSG_READ,
      MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_REQUESTER) },
    { 43, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 44, MSG_READ, MAY(ROLE_GUARDIAN) },
    { 45, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 46, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 47, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 50, MSG_WRITE, MAY(ROLE_RESTORE) | MAY(ROLE_OWNER) },
    { 51, MSG_WRITE, MAY(ROLE_RESTORE) | MAY(ROLE_REQUESTER) | MAY(ROLE_OWNER) },
    { 52, MSG_WRITE, MAY(ROLE_REQUESTER) | MAY(ROLE_OWNER) },
    { 53, MSG_WRITE, MAY(ROLE_REQUESTER) },
    { 60, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 62, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 63, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 64, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_REQUESTER) },
    { 65, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 66, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) },
    { 70, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) },
    { 71, MSG_WRITE,
      MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) | MAY(ROLE_DEPOSITOR) },
    { 72, MSG_READ,
      MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) | MAY(ROLE_REQUESTER) },
    { 73, MSG_READ,
      MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) | MAY(ROLE_REQUESTER) },
    { 74, MSG_WRITE,
      MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) | MAY(ROLE_REQUESTER) },
    { 75, MSG_READ,
      MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) | MAY(ROLE_REQUESTER) },
    { 76, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) },
    { 80, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 81, MSG_READ, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 82, MSG_WRITE, MAY(ROLE_GUARDIAN) },
    { 90, MSG_READ, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 91, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 92, MSG_READ, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 93, MSG_READ, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
    { 94, MSG_WRITE, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) },
};

static void roles_are_those_of_the_protocol(void **state)
{
    (void)state;

    assert_int_equal(msg_count, sizeof permissions / sizeof permissions[0]);
    for (size_t i = 0; i < msg_count; i++) {
        assert_int_equal(msg_rows[i].kind, permissions[i].kind);
        assert_int_equal(msg_rows[i].access, permissions[i].access);
        assert_int_equal(msg_rows[i].roles, permissions[i].roles);
    }
}

static void the_largest_body_fits_its_row(void **state)
{
    (void)state;

    for (size_t i = 0; i < bodies_count(); i++) {
        struct body b = body_at(i);
        struct buf out = BUF_OF(first);
        size_t most = schema_max(b.schema);

        if (most > b.max)
            fail_msg("%s %s: %zu of %zu", b.row->name, b.is_reply ? "reply" : "request",
                     most, b.max);
        assert_true(b.max <= WIRE_MAX - 8);
        value_fill(&b, NULL);
        assert_int_equal(body_put(&b, &out), OK);
        assert_int_equal(out.n, most);
    }
}

static void bodies_come_back(void **state)
{
    (void)state;
    uint64_t seed = 42;
    const size_t n = bodies_count();

    MUST(n > 0);
    for (size_t round = 0; round < 20 * n; round++) {
        struct body b = body_at(round % n);
        struct buf out = BUF_OF(first);
        struct buf again = BUF_OF(second);

        value_fill(&b, round < n ? NULL : &seed);
        assert_int_equal(body_put(&b, &out), OK);
        memset(decoded, 0, sizeof decoded);
        assert_int_equal(body_get(&b, buf_bytes(&out), decoded), OK);
        wire_put(b.schema, decoded, &again);
        assert_int_equal(out.n, again.n);
        assert_memory_equal(first, second, out.n);
    }
}

static void errors_travel_as_numbers(void **state)
{
    (void)state;

    for (unsigned e = OK + 1; e < ERR_COUNT; e++) {
        struct buf out = BUF_OF(first);
        struct rep_error got = { 0 };
        enum err back = OK;

        msg_put_error((enum err)e, e * 1000, OUTCOME_UNKNOWN, &out);
        assert_int_equal(wire_get(&rep_error_schema, buf_bytes(&out), &got), OK);
        assert_int_equal(got.retry_ms, e * 1000);
        assert_int_equal(got.outcome, OUTCOME_UNKNOWN);
        back = err_from_wire(got.code);
        assert_true(back == (enum err)e || back == ERR_REFUSED);
        assert_true(out.n <= 16);
    }
    assert_int_equal(err_from_wire(UINT16_MAX), ERR_REFUSED);
    assert_int_equal(err_from_wire(0), ERR_REFUSED);
}

static void roles_and_credentials_have_names(void **state)
{
    (void)state;

    for (unsigned r = ROLE_INVITE; r <= ROLE_OPERATOR; r++)
        assert_non_null(role_name(r));
    assert_null(role_name(0));
    assert_null(role_name(ROLE_OPERATOR + 1));
    assert_null(role_name(UINT32_MAX));
    for (unsigned t = CRED_INVITE; t <= CRED_REQUESTER; t++)
        assert_string_not_equal(cred_type_name(t), "unknown");
    assert_string_equal(cred_type_name(0), "unknown");
    assert_string_equal(cred_type_name(CRED_REQUESTER + 1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_field_is_refused),
        cmocka_unit_test(a_field_beyond_its_bounds_is_refused),
        cmocka_unit_test(another_type_is_refused),
        cmocka_unit_test(unknown_odd_keys_are_ignored_and_even_ones_refused),
        cmocka_unit_test(a_body_beyond_its_rows_limit_is_refused),
        cmocka_unit_test(mutations_are_refused_or_canonical),
        cmocka_unit_test(rows_and_keys_ascend),
        cmocka_unit_test(every_kind_is_found_or_unknown),
        cmocka_unit_test(a_write_begins_with_its_op_id),
        cmocka_unit_test(roles_are_those_of_the_protocol),
        cmocka_unit_test(the_largest_body_fits_its_row),
        cmocka_unit_test(bodies_come_back),
        cmocka_unit_test(errors_travel_as_numbers),
        cmocka_unit_test(roles_and_credentials_have_names),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    memset(text_pool, 'a', sizeof text_pool);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
