/* SPDX-License-Identifier: Apache-2.0 */
/* A drop as an honest node shows it, then as lying ones do: each lie has its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/seen.h"

enum { T0 = 1800000000, MOST = 200 };

/* ---- a node of the test's own ---- */

static struct node {
    struct sign_seed sign;
    uint8_t pub[PUB_BYTES];
    uint8_t incarnation[ID_BYTES];
    uint8_t drop[ID_BYTES];
    uint64_t now;
    size_t n;     /* entries so far */
    size_t first; /* index of the oldest kept */

    struct {
        uint64_t received;
        uint8_t raw[64];
        size_t raw_n;
        uint8_t hash[HASH_BYTES];
        uint8_t head[HASH_BYTES];
    } at[MOST];

    size_t page; /* lines of a page */
    uint32_t n_readers;
    struct drop_reader readers[DROP_READERS];
    /* lies */
    size_t skip;          /* this entry (from 1) is not shown */
    size_t blank;         /* of this one the hash is */
    bool bad_receipt;     /* not its signature */
    enum err refuses;     /* DROP_LIST fails */
    uint64_t receipt_seq; /* signs that many; 0: all */
} node;

static void node_new(void)
{
    node = (struct node){ .now = T0, .page = 3, .sign = { { 7 } }, .incarnation = { 1 } };
    crypt_sign_public(&node.sign, node.pub);
    node.drop[0] = 9;
}

static void event(enum record_event what, uint8_t request)
{
    static const uint8_t zero[HASH_BYTES];
    struct drop_event e = { .event = (uint8_t)what, .time = node.now, .ward = { 5 } };
    struct buf b = BUF_OF(node.at[node.n].raw);
    e.request[0] = request;
    wire_put(&drop_event_schema, &e, &b);
    assert_false(b.over);
    node.at[node.n].raw_n = b.n;
    node.at[node.n].received = node.now;
    drop_blob_hash(buf_bytes(&b), node.at[node.n].hash);
    drop_chain(node.n > 0 ? node.at[node.n - 1].head : zero, node.n + 1, node.now,
               node.at[node.n].hash, node.at[node.n].head);
    node.n++;
    node.now += 100;
}

/* The same sequence with another content from entry at (from 1) on. */
static void rewrite(size_t at, uint8_t request)
{
    size_t n = node.n;
    uint64_t now = node.now;
    node.n = at - 1;
    for (size_t i = at; i <= n; i++) {
        node.now = node.at[i - 1].received;
        event(REC_REQUEST_LIVE, request);
    }
    node.now = now;
}

static void reader_marks(uint8_t who, size_t seq)
{
    struct sign_seed key = { { who } };
    struct drop_reader *r = &node.readers[node.n_readers++];
    crypt_sign_public(&key, r->key);
    r->seq = seq;
    memcpy(r->head, node.at[seq - 1].head, HASH_BYTES);
    drop_mark_sign(&key, node.drop, r->seq, r->head, r->sig);
}

static void page_of(uint64_t after, struct rep_drop_list *rep, uint8_t *receipt)
{
    static const uint8_t zero[HASH_BYTES];
    struct buf b = { .p = receipt, .cap = DROP_RECEIPT_MAX };
    uint64_t seq = node.receipt_seq > 0 ? node.receipt_seq : node.n;
    struct drop_receipt r = { .seq = seq, .time = node.now };
    struct sign_seed other = { { 99 } };
    size_t i = after > node.first ? after : node.first;
    *rep = (struct rep_drop_list){ .first = node.n > 0 ? node.first + 1 : 0,
                                   .n_readers = node.n_readers };
    memcpy(rep->readers, node.readers, sizeof rep->readers);
    memcpy(rep->drop, node.drop, ID_BYTES);
    memcpy(rep->head, i > 0 ? node.at[i - 1].head : zero, HASH_BYTES);
    for (; i < seq && rep->n_lines < node.page; i++) {
        struct drop_line *l = &rep->lines[rep->n_lines];
        if (i + 1 == node.skip)
            continue;
        *l = (struct drop_line){ .seq = i + 1,
                                 .received = node.at[i].received,
                                 .size = (uint32_t)node.at[i].raw_n,
                                 .blob = bytes_of(node.at[i].raw, node.at[i].raw_n) };
        memcpy(l->hash, node.at[i].hash, HASH_BYTES);
        if (i + 1 == node.blank)
            l->blob = (struct bytes){ 0 };
        rep->n_lines++;
    }
    rep->more = i < seq;
    memcpy(r.drop, node.drop, ID_BYTES);
    memcpy(r.incarnation, node.incarnation, ID_BYTES);
    memcpy(r.head, seq > 0 ? node.at[seq - 1].head : zero, HASH_BYTES);
    drop_receipt_make(&r, node.bad_receipt ? &other : &node.sign, &b);
    rep->receipt = buf_bytes(&b);
}

/* ---- the reader ---- */

static struct day *day;
static struct day_node seen;
static struct seen_drop drop;
static const struct sign_seed reader = { { 42 } };
static unsigned acks;

static void hello(struct call *c)
{
    *c = (struct call){ .stage = CALL_TALKING };
    memcpy(c->hello.node_sign, node.pub, PUB_BYTES);
    memcpy(c->hello.incarnation, node.incarnation, ID_BYTES);
    c->hello.log_seq = node.n;
    if (node.n > 0)
        memcpy(c->hello.log_head, node.at[node.n - 1].head, HASH_BYTES);
}

static void answer(struct call_reply *reply, struct rep_drop_list *rep, uint8_t *receipt)
{
    if (reply->kind == MSG_DROP_LIST && node.refuses != OK) {
        reply->err = node.refuses;
    } else if (reply->kind == MSG_DROP_LIST) {
        page_of(drop.list.after, rep, receipt);
        reply->rep = rep;
    } else {
        assert_int_equal(reply->kind, MSG_DROP_ACK);
        assert_int_equal(drop_mark_verify(drop.ack.key, node.drop, drop.ack.seq,
                                          drop.ack.head, drop.ack.sig),
                         OK);
        acks++;
    }
}

/* One whole conversation; what it was worth. */
static enum seen_fault look(void)
{
    struct call c;
    struct call_send send = { 0 };
    struct rep_drop_list rep;
    uint8_t receipt[DROP_RECEIPT_MAX];
    seen_drop_free(&drop);
    drop = (struct seen_drop){
        .which = DROP_ALERTS, .node = &seen, .reader = &reader, .rng = &crypt_random
    };
    hello(&c);
    seen_note(&seen, &c, node.now);
    assert_int_equal(seen_step(&drop, &c, NULL, &send), OK);
    for (int i = 0; send.kind != 0; i++) {
        struct call_reply reply = { .kind = send.kind };
        assert_true(i < 100);
        answer(&reply, &rep, receipt);
        send = (struct call_send){ 0 };
        assert_int_equal(seen_step(&drop, &c, &reply, &send), OK);
    }
    enum seen_fault f = seen_judge(&drop);
    seen_keep(&drop, day, &seen, node.now);
    return f;
}

static int begin(void **state)
{
    (void)state;
    node_new();
    seen = (struct day_node){ 0 };
    day_free(day);
    day = calloc(1, sizeof *day);
    acks = 0;
    for (uint8_t i = 1; i <= 7; i++)
        event(REC_REQUEST_LIVE, i);
    return day == NULL;
}

static int end(void **state)
{
    (void)state;
    seen_drop_free(&drop);
    drop = (struct seen_drop){ 0 };
    day_free(day);
    day = NULL;
    return 0;
}

/* ---- lies ---- */

static void test_rewound(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    node.n = 5;
    assert_int_equal(look(), SEEN_REWOUND);
    assert_int_equal(seen.fault, SEEN_REWOUND);
    /* What it was caught at stays, whatever it shows later, until a person settles it. */
    node.n = 7;
    (void)look();
    assert_int_equal(seen.fault, SEEN_REWOUND);
    seen_settle(&seen);
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(seen.fault, SEEN_FINE);
}

/* The log of the whole node, at HELLO alone. */
static void test_hello_goes_back(void **state)
{
    (void)state;
    struct call c;
    hello(&c);
    seen_note(&seen, &c, T0);
    c.hello.log_head[0] ^= 1;
    assert_int_equal(seen_hello(&seen, &c.hello), SEEN_FORKED);
    hello(&c);
    c.hello.log_seq--;
    assert_int_equal(seen_hello(&seen, &c.hello), SEEN_REWOUND);
    hello(&c);
    c.hello.incarnation[3] ^= 1;
    assert_int_equal(seen_hello(&seen, &c.hello), SEEN_LOADED);
    hello(&c);
    c.hello.node_sign[3] ^= 1;
    assert_int_equal(seen_hello(&seen, &c.hello), SEEN_FORGED);
    seen_note(&seen, &c, T0 + 5);
    assert_int_equal(seen.fault, SEEN_FORGED);
    assert_int_equal(seen.faulted, T0 + 5);
    assert_int_equal(seen.seen, T0 + 5);
    assert_memory_equal(seen.node_sign, node.pub, PUB_BYTES);
    hello(&c);
    c.stage = CALL_KNOWN; /* never came to HELLO */
    seen.seen = 1;
    seen_note(&seen, &c, T0 + 9);
    assert_int_equal(seen.seen, 1);
}

static void test_forked(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    rewrite(7, 77);
    assert_int_equal(look(), SEEN_FORKED);
    begin(NULL);
    seen = (struct day_node){ 0 };
    assert_int_equal(look(), SEEN_FINE);
    rewrite(3, 77);
    event(REC_REQUEST_STOPPED, 7);
    assert_int_equal(look(), SEEN_FORKED);
}

static void test_another_drop(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    node.drop[5] = 3;
    assert_int_equal(look(), SEEN_FORKED);
}

static void test_another_reader_saw_more(void **state)
{
    (void)state;
    reader_marks(50, 7);
    node.n = 5;
    assert_int_equal(look(), SEEN_FORKED);
    node_new();
    for (uint8_t i = 1; i <= 7; i++)
        event(REC_REQUEST_LIVE, i);
    reader_marks(50, 4);
    rewrite(4, 78);
    seen = (struct day_node){ 0 };
    assert_int_equal(look(), SEEN_FORKED);
    /* A mark nobody signed accuses nobody. */
    node.readers[0].sig[3] ^= 1;
    seen = (struct day_node){ 0 };
    assert_int_equal(look(), SEEN_FINE);
}

static void test_an_entry_is_missing(void **state)
{
    (void)state;
    for (node.skip = 1; node.skip <= 7; node.skip++) {
        seen = (struct day_node){ 0 };
        assert_int_equal(look(), SEEN_WITHHELD);
        assert_int_equal(seen.n_alerts, 0);
        assert_int_equal(acks, 0);
    }
}

static void test_only_its_hash_is_shown(void **state)
{
    (void)state;
    node.blank = 7;
    assert_int_equal(look(), SEEN_WITHHELD);
    assert_int_equal(acks, 0);
    assert_int_equal(seen.fault, SEEN_WITHHELD);
}

/* Entries of a time that never was hide nothing once a person settled it. */
static void test_settled_begins_anew(void **state)
{
    (void)state;
    uint64_t now = node.now;
    node.now = now + 100 * SEEN_KEEP_S;
    event(REC_REQUEST_LIVE, 8);
    assert_int_equal(look(), SEEN_FINE);
    seen_told(&drop, drop.n - 1, &seen);
    node.n--;
    node.now = now;
    assert_int_equal(look(), SEEN_REWOUND);
    seen_settle(&seen);
    event(REC_REQUEST_LIVE, 9);
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(seen_new_from(&drop, &seen), 0);
}

static void test_swallowed_new_ones(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    /* Kept back for an hour, then shown as if it had been there. */
    node.now -= 3600;
    event(REC_REQUEST_LIVE, 9);
    node.now += 7200;
    assert_int_equal(look(), SEEN_WITHHELD);
}

static void test_thrown_away_unseen(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    for (uint8_t i = 10; i < 20; i++)
        event(REC_REQUEST_LIVE, i);
    node.first = 12;
    assert_int_equal(look(), SEEN_WITHHELD);
    /* The oldest of very many, or what is half a year old, may go. */
    seen.fault = SEEN_FINE;
    for (uint8_t i = 20; i < 100; i++)
        event(REC_REQUEST_LIVE, i);
    assert_int_equal(look(), SEEN_FINE);
    begin(NULL);
    seen = (struct day_node){ 0 };
    assert_int_equal(look(), SEEN_FINE);
    node.now += SEEN_KEEP_S;
    event(REC_REQUEST_LIVE, 10);
    event(REC_REQUEST_LIVE, 11);
    node.first = 8;
    assert_int_equal(look(), SEEN_FINE);
}

static void test_loaded_from_a_backup(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    node.incarnation[0]++;
    node.n = 4;
    event(REC_NODE_LOADED, 0);
    assert_int_equal(look(), SEEN_LOADED);
    assert_int_equal(seen.fault, SEEN_LOADED);
    seen_settle(&seen);
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(seen.alerts[0].seq, 5);
}

static void test_forged(void **state)
{
    (void)state;
    node.bad_receipt = true;
    assert_int_equal(look(), SEEN_FORGED);
    node.bad_receipt = false;
    node.at[6].raw[0] ^= 1;
    seen = (struct day_node){ 0 };
    assert_int_equal(look(), SEEN_FORGED);
}

static void test_signs_less_or_more_than_it_shows(void **state)
{
    (void)state;
    node.receipt_seq = 0;
    node.at[6].head[0] ^= 1; /* signs another head */
    assert_int_equal(look(), SEEN_FORKED);
}

static void test_time_goes_back(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    node.now -= 86400;
    assert_int_equal(look(), SEEN_REWOUND);
    /* A person who confirmed the clock may have set it back: that stands in the drop. */
    seen.fault = SEEN_FINE;
    event(REC_CLOCK_CONFIRMED, 0);
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(seen.alerts[0].time, node.now);
}

static void test_refuses_to_show(void **state)
{
    (void)state;
    node.refuses = ERR_UNKNOWN;
    assert_int_equal(look(), SEEN_WITHHELD);
    node.refuses = ERR_BUSY;
    seen = (struct day_node){ 0 };
    assert_int_equal(look(), SEEN_FINE);
    assert_false(drop.whole);
    assert_int_equal(seen.n_alerts, 0);
}

static void test_a_request_without_its_alert(void **state)
{
    (void)state;
    struct request_line line = { .request = { 200 }, .opened = T0 + 50 };
    assert_int_equal(look(), SEEN_FINE);
    assert_true(seen_hides(&drop, &line));
    line.request[0] = 3;
    assert_false(seen_hides(&drop, &line));
    /* It may have been swept away with the oldest. */
    line.request[0] = 200;
    node.first = 2;
    assert_int_equal(look(), SEEN_FINE);
    assert_false(seen_hides(&drop, &line));
    line.opened = node.now;
    assert_true(seen_hides(&drop, &line));
}

/* ---- an honest node ---- */

static void test_honest(void **state)
{
    (void)state;
    for (size_t page = 1; page <= 10; page++) {
        node.page = page;
        seen.acked = 0;
        assert_int_equal(look(), SEEN_FINE);
        assert_true(drop.whole);
        assert_int_equal(drop.n, node.n);
        assert_int_equal(seen.alerts[0].seq, node.n);
        assert_int_equal(seen.acked, node.n);
        assert_int_equal(seen.fault, SEEN_FINE);
        event(REC_REQUEST_LIVE, (uint8_t)(100 + page));
    }
    assert_int_equal(acks, 10);
    node.page = 64;
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(acks, 11);
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(acks, 11); /* nothing new, nothing said */
    reader_marks(50, 6);
    assert_int_equal(look(), SEEN_FINE);
}

static void test_an_empty_drop(void **state)
{
    (void)state;
    node.n = 0;
    assert_int_equal(look(), SEEN_FINE);
    assert_true(drop.whole);
    assert_int_equal(drop.n, 0);
    event(REC_ALERT_TEST, 0);
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(drop.n, 1);
}

static void test_everything_swept(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    node.now += SEEN_KEEP_S + 1;
    node.first = 7;
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(drop.n, 0);
    seen = (struct day_node){ 0 };
    assert_int_equal(look(), SEEN_FINE);
}

static void test_what_is_new(void **state)
{
    (void)state;
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(seen_new_from(&drop, &seen), 0);
    seen_told(&drop, drop.n - 1, &seen);
    assert_int_equal(seen_new_from(&drop, &seen), 7);
    event(REC_REQUEST_STOPPED, 1);
    assert_int_equal(look(), SEEN_FINE);
    assert_int_equal(seen_new_from(&drop, &seen), 7);
    assert_int_equal(drop.entries[7].event.event, REC_REQUEST_STOPPED);
    /* On a forked history whatever came since the last one told is told. */
    rewrite(8, 33);
    assert_int_equal(look(), SEEN_FORKED);
    seen_told(&drop, drop.n - 1, &seen);
    rewrite(8, 34);
    event(REC_REQUEST_LIVE, 35);
    (void)look();
    assert_int_equal(seen_new_from(&drop, &seen), 7);
}

static void test_names(void **state)
{
    (void)state;
    char id[SEEN_EVENT_TEXT];
    assert_null(seen_fault_name(SEEN_FINE));
    for (unsigned f = SEEN_LOADED; f <= SEEN_FORGED; f++)
        assert_true(strlen(seen_fault_name(f)) > 0 && strlen(seen_fault_text(f)) > 0);
    /* A number of a later version is a fault all the same. */
    assert_string_equal(seen_fault_name(200), "forged");
    seen_event_id(REC_REQUEST_LIVE, id);
    assert_string_equal(id, "request-live");
    seen_event_id(250, id);
    assert_string_equal(id, "unknown");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_rewound),
        CASE(test_hello_goes_back),
        CASE(test_forked),
        CASE(test_another_drop),
        CASE(test_another_reader_saw_more),
        CASE(test_an_entry_is_missing),
        CASE(test_only_its_hash_is_shown),
        CASE(test_settled_begins_anew),
        CASE(test_swallowed_new_ones),
        CASE(test_thrown_away_unseen),
        CASE(test_loaded_from_a_backup),
        CASE(test_forged),
        CASE(test_signs_less_or_more_than_it_shows),
        CASE(test_time_goes_back),
        CASE(test_refuses_to_show),
        CASE(test_a_request_without_its_alert),
        CASE(test_honest),
        CASE(test_an_empty_drop),
        CASE(test_everything_swept),
        CASE(test_what_is_new),
        CASE(test_names),
    };
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
