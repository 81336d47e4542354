/* SPDX-License-Identifier: Apache-2.0 */
#include "client/seen.h"

#include <stdio.h>

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

static bool same_head(const uint8_t a[HASH_BYTES], const uint8_t b[HASH_BYTES])
{
    return bytes_equal(bytes_of(a, HASH_BYTES), bytes_of(b, HASH_BYTES));
}

/* ---- words ---- */

static const struct fault_row {
    const char *name;
    const char *text;
} fault_rows[] = {
    [SEEN_FINE] = { NULL, "said nothing that does not fit" },
    [SEEN_LOADED] = { "loaded", "came back out of a backup, and has forgotten what "
                                "happened since" },
    [SEEN_REWOUND] = { "rewound", "went back to an older state of itself" },
    [SEEN_WITHHELD] = { "withheld", "keeps back what happened there" },
    [SEEN_FORKED] = { "forked", "tells different stories of what happened there" },
    [SEEN_FORGED] = { "forged", "shows records that are not signed as they should be" },
};

enum { FAULT_ROWS = sizeof fault_rows / sizeof fault_rows[0] };

static const struct fault_row *fault_row(unsigned fault)
{
    return &fault_rows[fault < FAULT_ROWS ? fault : SEEN_FORGED];
}

const char *seen_fault_name(unsigned fault)
{
    return fault_row(fault)->name;
}

const char *seen_fault_text(unsigned fault)
{
    return fault_row(fault)->text;
}

static char small_letter(char c)
{
    if (c == '_')
        return '-';
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

void seen_event_id(unsigned event, char out[SEEN_EVENT_TEXT])
{
    const char *name = drop_event_name(event);
    size_t i = 0;
    for (; name[i] != 0 && i < SEEN_EVENT_TEXT - 1; i++)
        out[i] = small_letter(name[i]);
    out[i] = 0;
}

/* ---- each contact ---- */

enum seen_fault seen_hello(const struct day_node *n, const struct rep_hello *hello)
{
    if (!is_zero(n->node_sign, PUB_BYTES) &&
        !bytes_equal(BYTES_OF(n->node_sign), BYTES_OF(hello->node_sign)))
        return SEEN_FORGED;
    if (is_zero(n->incarnation, ID_BYTES))
        return SEEN_FINE;
    if (!bytes_equal(BYTES_OF(n->incarnation), BYTES_OF(hello->incarnation)))
        return SEEN_LOADED;
    if (hello->log_seq < n->log_seq)
        return SEEN_REWOUND;
    if (hello->log_seq == n->log_seq && !same_head(hello->log_head, n->log_head))
        return SEEN_FORKED;
    return SEEN_FINE;
}

void seen_caught(struct day_node *n, enum seen_fault f, uint64_t now)
{
    if (f == SEEN_FINE || n->fault != SEEN_FINE)
        return;
    n->fault = (uint8_t)f;
    n->faulted = now;
}

void seen_note(struct day_node *n, const struct call *c, uint64_t now)
{
    if (c->stage < CALL_TALKING)
        return;
    n->seen = now;
    seen_caught(n, seen_hello(n, &c->hello), now);
    if (n->fault != SEEN_FINE)
        return;
    memcpy(n->node_sign, c->hello.node_sign, PUB_BYTES);
    memcpy(n->incarnation, c->hello.incarnation, ID_BYTES);
    memcpy(n->log_head, c->hello.log_head, HASH_BYTES);
    n->log_seq = c->hello.log_seq;
}

void seen_settle(struct day_node *n)
{
    n->fault = SEEN_FINE;
    n->faulted = 0;
    n->fault_told = 0;
    memset(n->incarnation, 0, ID_BYTES);
    memset(n->log_head, 0, HASH_BYTES);
    n->log_seq = 0;
    n->n_alerts = 0;
    n->n_log = 0;
    n->acked = 0;
    /* Times of entries that were no history would hide what comes now. */
    memset(n->told_head, 0, HASH_BYTES);
    n->told_seq = 0;
    n->told_time = 0;
}

/* ---- reading ---- */

void seen_drop_free(struct seen_drop *s)
{
    free(s->entries);
    s->entries = NULL;
    s->n = s->cap = 0;
}

static const struct day_mark *mark_of(const struct seen_drop *s)
{
    const struct day_node *n = s->node;
    if (s->which == DROP_LOG)
        return n->n_log > 0 ? &n->log[0] : NULL;
    return n->n_alerts > 0 ? &n->alerts[0] : NULL;
}

static void wrong(struct seen_drop *s, enum seen_fault f)
{
    if (s->fault == SEEN_FINE)
        s->fault = f;
}

static enum err take_receipt(struct seen_drop *s, const struct call *c,
                             const struct rep_drop_list *rep)
{
    bool pinned = !is_zero(s->node->node_sign, PUB_BYTES);
    struct drop_receipt r = { 0 };
    if (rep->receipt.n > sizeof s->raw)
        return ERR_FORMAT;
    TRY(drop_receipt_open(rep->receipt, pinned ? s->node->node_sign : c->hello.node_sign,
                          &r));
    if (!bytes_equal(BYTES_OF(r.drop), BYTES_OF(rep->drop)) ||
        !bytes_equal(BYTES_OF(r.incarnation), BYTES_OF(c->hello.incarnation)))
        return ERR_SIGNATURE;
    if (s->raw_n > 0 && r.seq < s->receipt.seq)
        wrong(s, SEEN_REWOUND);
    memcpy(s->raw, rep->receipt.p, rep->receipt.n);
    s->raw_n = rep->receipt.n;
    s->receipt = r;
    return OK;
}

static enum err room(struct seen_drop *s)
{
    if (s->n < s->cap)
        return OK;
    size_t cap = s->cap == 0 ? DROP_LINES : 2 * s->cap;
    struct seen_entry *more = realloc(s->entries, cap * sizeof *more); /* s's own */
    if (more == NULL)
        return ERR_NOMEM;
    s->entries = more;
    s->cap = cap;
    return OK;
}

static const uint8_t *head_now(const struct seen_drop *s)
{
    return s->n > 0 ? s->entries[s->n - 1].head : s->from_head;
}

static enum err take_line(struct seen_drop *s, const struct drop_line *line)
{
    uint8_t hash[HASH_BYTES];
    struct seen_entry e = { .seq = line->seq, .received = line->received };
    if (line->seq != s->from + s->n + 1)
        wrong(s, line->seq > s->from + s->n + 1 ? SEEN_WITHHELD : SEEN_FORKED);
    drop_blob_hash(line->blob, hash);
    /* Events are short: each stands in its line. Its hash alone says nothing to anybody.
     */
    if (line->blob.n == 0)
        wrong(s, SEEN_WITHHELD);
    else if (!same_head(hash, line->hash))
        wrong(s, SEEN_FORGED);
    if (wire_get(&drop_event_schema, line->blob, &e.event) != OK)
        e.event = (struct drop_event){ 0 };
    drop_chain(head_now(s), e.seq, e.received, line->hash, e.head);
    e.word = (uint16_t)(load_u64(line->hash) % 1296);
    TRY(room(s));
    s->entries[s->n++] = e;
    return OK;
}

/* Where the entries begin: at the oldest kept, or at the newest that we read. */
static bool take_start(struct seen_drop *s, const struct rep_drop_list *rep)
{
    s->first = rep->first;
    if (s->receipt.seq > SEEN_ENTRIES && s->list.after == 0 &&
        rep->first + SEEN_ENTRIES <= s->receipt.seq) {
        s->list.after = s->receipt.seq - SEEN_ENTRIES;
        return false;
    }
    s->from = rep->first > 0 ? rep->first - 1 : s->receipt.seq;
    if (s->list.after > s->from)
        s->from = s->list.after;
    memcpy(s->from_head, rep->head, HASH_BYTES);
    return true;
}

/* One page. *out_more: ask again. */
static enum err take_page(struct seen_drop *s, const struct call *c,
                          const struct rep_drop_list *rep, bool *out_more)
{
    bool begun = s->raw_n > 0 && (s->n > 0 || s->from > 0);
    *out_more = false;
    if (take_receipt(s, c, rep) != OK) {
        wrong(s, SEEN_FORGED);
        return OK;
    }
    if (!begun && !take_start(s, rep)) {
        *out_more = true;
        return OK;
    }
    if (begun && !same_head(rep->head, head_now(s)))
        wrong(s, SEEN_FORKED);
    for (uint32_t i = 0; i < rep->n_lines; i++)
        TRY(take_line(s, &rep->lines[i]));
    s->list.after = s->from + s->n;
    *out_more = rep->more != 0 && rep->n_lines > 0 && s->fault == SEEN_FINE &&
                s->n < 2 * SEEN_ENTRIES;
    return OK;
}

/* Another reader's signed mark that this history does not lead through. */
static void check_readers(struct seen_drop *s, const struct rep_drop_list *rep)
{
    for (uint32_t i = 0; i < rep->n_readers; i++) {
        const struct drop_reader *r = &rep->readers[i];
        if (drop_mark_verify(r->key, rep->drop, r->seq, r->head, r->sig) != OK)
            continue; /* whoever wrote that, it is no reader's word */
        bool known = r->seq > s->from && r->seq <= s->receipt.seq;
        if (r->seq > s->receipt.seq ||
            (known && !same_head(s->entries[r->seq - s->from - 1].head, r->head)))
            wrong(s, SEEN_FORKED);
    }
}

/* The chain must lead to what the node signs. */
static void check_end(struct seen_drop *s)
{
    uint64_t last = s->from + s->n;
    if (last < s->receipt.seq)
        wrong(s, SEEN_WITHHELD);
    else if (last > s->receipt.seq || !same_head(head_now(s), s->receipt.head))
        wrong(s, SEEN_FORKED);
    if (s->from == 0 && !is_zero(s->from_head, HASH_BYTES))
        wrong(s, SEEN_FORKED);
}

static void ask_ack(struct seen_drop *s, struct call_send *out)
{
    struct req_drop_ack *a = &s->ack;
    *a = (struct req_drop_ack){ .which = (uint8_t)s->which, .seq = s->receipt.seq };
    rng_fill(s->rng, a->op, ID_BYTES);
    memcpy(a->head, s->receipt.head, HASH_BYTES);
    crypt_sign_public(s->reader, a->key);
    drop_mark_sign(s->reader, s->receipt.drop, a->seq, a->head, a->sig);
    *out = (struct call_send){ MSG_DROP_ACK, a };
}

static enum err got_page(struct seen_drop *s, const struct call *c,
                         const struct rep_drop_list *rep, struct call_send *out)
{
    bool more = false;
    TRY(take_page(s, c, rep, &more));
    if (more) {
        *out = (struct call_send){ MSG_DROP_LIST, &s->list };
        return OK;
    }
    s->whole = true;
    if (s->fault == SEEN_FINE) {
        check_end(s);
        if (s->fault == SEEN_FINE)
            check_readers(s, rep);
    }
    if (s->reader != NULL && s->receipt.seq > s->node->acked &&
        s->node->fault == SEEN_FINE && seen_judge(s) == SEEN_FINE)
        ask_ack(s, out);
    return OK;
}

enum err seen_step(struct seen_drop *s, const struct call *c,
                   const struct call_reply *reply, struct call_send *out_send)
{
    bool ours =
        reply != NULL && (reply->kind == MSG_DROP_LIST || reply->kind == MSG_DROP_ACK);
    if (!ours) {
        s->list = (struct req_drop_list){ .which = (uint8_t)s->which };
        *out_send = (struct call_send){ MSG_DROP_LIST, &s->list };
        return OK;
    }
    if (reply->kind == MSG_DROP_ACK) {
        s->acked = reply->err == OK;
        return OK;
    }
    if (reply->err != OK) {
        s->err = reply->err;
        return OK;
    }
    return got_page(s, c, reply->rep, out_send);
}

/* ---- judging ---- */

/* The head after entry seq, or NULL where it is not among what was read. */
static const uint8_t *head_at(const struct seen_drop *s, uint64_t seq)
{
    if (seq == s->from)
        return s->from_head;
    if (seq < s->from || seq > s->from + s->n)
        return NULL;
    return s->entries[seq - s->from - 1].head;
}

/* Entries that went away unseen: only old ones, or the oldest of many, ever do. */
static enum seen_fault judge_gap(const struct seen_drop *s, const struct day_mark *m)
{
    bool old = s->receipt.time > m->time && s->receipt.time - m->time > SEEN_KEEP_S;
    bool many = s->receipt.seq - s->from >= SEEN_SWEPT_LEAST;
    return old || many ? SEEN_FINE : SEEN_WITHHELD;
}

/*
 * Nothing older than a receipt comes after it: what does was kept back. A person who
 * confirmed the node's clock may have set it back; that stands in the drop.
 */
static enum seen_fault judge_times(const struct seen_drop *s, const struct day_mark *m)
{
    bool older = false;

    for (size_t i = 0; i < s->n; i++) {
        const struct seen_entry *e = &s->entries[i];
        if (e->seq <= m->seq)
            continue;
        /* Where there are many wards it may come a moment after other entries. */
        if (e->event.event == REC_CLOCK_CONFIRMED)
            return SEEN_FINE;
        older |= e->received + SEEN_SLACK_S < m->time;
    }
    if (older)
        return SEEN_WITHHELD;
    return s->receipt.time + SEEN_SLACK_S < m->time ? SEEN_REWOUND : SEEN_FINE;
}

/* A refusal of what is the reader's by right; a busy or broken machine is none. */
static enum seen_fault judge_error(enum err e)
{
    bool passing = e == ERR_BUSY || e == ERR_FULL || e == ERR_IO || e == ERR_DISK_FULL ||
                   e == ERR_VERSION;
    return e == OK || passing ? SEEN_FINE : SEEN_WITHHELD;
}

enum seen_fault seen_judge(const struct seen_drop *s)
{
    const struct day_mark *m = mark_of(s);
    if (s->fault != SEEN_FINE)
        return s->fault;
    if (!s->whole)
        return judge_error(s->err);
    if (m == NULL)
        return SEEN_FINE;
    if (!bytes_equal(BYTES_OF(m->incarnation), BYTES_OF(s->receipt.incarnation)))
        return SEEN_LOADED;
    if (!bytes_equal(BYTES_OF(m->drop), BYTES_OF(s->receipt.drop)))
        return SEEN_FORKED;
    if (s->receipt.seq < m->seq)
        return SEEN_REWOUND;
    const uint8_t *then = head_at(s, m->seq);
    if (then == NULL)
        return judge_gap(s, m);
    if (!same_head(then, m->head))
        return SEEN_FORKED;
    return judge_times(s, m);
}

void seen_keep(struct seen_drop *s, struct day *d, struct day_node *n, uint64_t now)
{
    enum seen_fault f = seen_judge(s);
    seen_caught(n, f, now);
    if (!s->whole || n->fault != SEEN_FINE)
        return;
    struct day_mark m = { .seq = s->receipt.seq,
                          .time = s->receipt.time,
                          .receipt = day_keep(d, bytes_of(s->raw, s->raw_n)) };
    memcpy(m.drop, s->receipt.drop, ID_BYTES);
    memcpy(m.head, s->receipt.head, HASH_BYTES);
    memcpy(m.incarnation, s->receipt.incarnation, ID_BYTES);
    if (s->which == DROP_LOG) {
        n->n_log = 1;
        n->log[0] = m;
        return;
    }
    n->n_alerts = 1;
    n->alerts[0] = m;
    if (s->acked)
        n->acked = s->receipt.seq;
}

bool seen_hides(const struct seen_drop *s, const struct request_line *line)
{
    if (!s->whole)
        return false;
    for (size_t i = 0; i < s->n; i++) {
        if (bytes_equal(BYTES_OF(s->entries[i].event.request), BYTES_OF(line->request)))
            return false;
    }
    /* Only what is younger than the oldest entry cannot have been swept away. */
    return s->from == 0 || (s->n > 0 && line->opened > s->entries[0].received);
}

size_t seen_new_from(const struct seen_drop *s, const struct day_node *n)
{
    MUST(s->entries != NULL || s->n == 0);
    const uint8_t *head = head_at(s, n->told_seq);
    if (head != NULL && (n->told_seq == 0 || same_head(head, n->told_head)))
        return (size_t)(n->told_seq - s->from);
    /* Another history: what came there since. Rather twice than never. */
    size_t i = 0;
    while (i < s->n && s->entries[i].received < n->told_time)
        i++;
    return i;
}

void seen_told(const struct seen_drop *s, size_t i, struct day_node *n)
{
    MUST(s->entries != NULL && i < s->n);
    const struct seen_entry *e = &s->entries[i];
    n->told_seq = e->seq;
    n->told_time = e->received;
    memcpy(n->told_head, e->head, HASH_BYTES);
}
