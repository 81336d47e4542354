/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct vault_node *nodes[NODES];

/* ---- setting up ---- */

void nodes_up(void)
{
    for (uint8_t i = 0; i < NODES; i++) {
        struct vault_node *n = calloc(1, sizeof *n);
        assert_non_null(n);
        nodes[i] = n;
        memset(n->key, 0x10 + i, sizeof n->key);
        memset(n->ward, 0x20 + i, sizeof n->ward);
        memset(n->incarnation, 0x30 + i, sizeof n->incarnation);
        memset(n->other.b, 0x77, sizeof n->other.b);
    }
}

void nodes_down(void)
{
    for (size_t i = 0; i < NODES; i++) {
        for (size_t k = 0; k < nodes[i]->n_objects; k++)
            free(nodes[i]->objects[k].p);
        free(nodes[i]);
    }
}

void node_helped(struct vault_node *n, const struct day_guardian *by)
{
    memcpy(n->other.b, by->dev_sign, KEY_BYTES);
    memcpy(n->let_in, by->dev_let_in, SIG_BYTES);
}

void nodes_guard(struct device *d, uint8_t threshold)
{
    struct root_key *root = NULL;
    static const char *const names[NODES] = { "Ben", "Cy", "Dora", "Eli", "Flo" };
    struct day *day = d->day;
    device_root(&root);
    for (size_t i = 0; i < NODES; i++) {
        struct day_guardian *g = &day->guardians[day->n_guardians++];
        *g = (struct day_guardian){ .name = bytes_text(names[i]),
                                    .kind = PIECE_NODE,
                                    .progress = GUARDIAN_READY,
                                    .n_node = 1 };
        memcpy(g->node[0].node_key, nodes[i]->key, PUB_BYTES);
        memcpy(g->ward, nodes[i]->ward, ID_BYTES);
        memset(g->seat, 0x40 + (int)i, SEAT_BYTES);
        memset(g->dev_sign, 0x50 + (int)i, KEY_BYTES);
        g->dev_sign[0] = day->me.device[0];
        assert_int_equal(guardian_let_in(g, root), OK);
    }
    secret_free(root);
    day->me.epoch = 1;
    day->me.group_threshold = 1;
    day->me.n_groups = 1;
    day->me.groups[0] = (struct manifest_group){ .t = threshold, .n = NODES };
}

void nodes_manner(enum manner m)
{
    for (size_t i = 0; i < NODES; i++)
        nodes[i]->manner = m;
}

void nodes_count(void)
{
    for (size_t i = 0; i < NODES; i++) {
        nodes[i]->messages = nodes[i]->conversations = nodes[i]->sets = 0;
        nodes[i]->puts = 0;
        nodes[i]->bytes = 0;
    }
}

/* ---- what a node does ---- */

struct node_object *node_find(struct vault_node *n, const uint8_t id[VAULT_ID])
{
    for (size_t i = 0; i < n->n_objects; i++)
        if (memcmp(n->objects[i].id, id, VAULT_ID) == 0)
            return &n->objects[i];
    return NULL;
}

static void keep(struct vault_node *n, struct bytes object)
{
    uint8_t id[VAULT_ID];
    vault_object_id(object, id);
    n->puts++;
    struct node_object *o = node_find(n, id);
    if (o != NULL) {
        o->dropped = false;
        return;
    }
    assert_true(n->n_objects < NODE_OBJECTS);
    o = &n->objects[n->n_objects++];
    memcpy(o->id, id, VAULT_ID);
    o->p = malloc(object.n);
    assert_non_null(o->p);
    memcpy(o->p, object.p, object.n);
    o->n = object.n;
}

void nodes_junk(size_t count)
{
    for (size_t i = 0; i < NODES; i++)
        for (size_t k = 0; k < count; k++) {
            uint8_t junk[300] = { (uint8_t)k, (uint8_t)(k >> 8), (uint8_t)i };
            keep(nodes[i], BYTES_OF(junk));
        }
}

static enum err keep_all(struct vault_node *n, struct bytes in)
{
    while (in.n > 0) {
        struct bytes object = { 0 };
        TRY(vault_frame_next(&in, &object));
        keep(n, object);
    }
    return OK;
}

/* What is made wrong lives until the next answer. */
static uint8_t made[65536];
static uint8_t frames[2 * 65536];

/* A head as the manner wants it, signed by the node, or by who helps it. */
static struct bytes head_made(const struct vault_node *n, const struct node_head *from)
{
    struct vault_head h = { 0 };
    struct buf out = { .p = made, .cap = sizeof made };
    assert_int_equal(vault_head_open(bytes_of(from->raw, from->n), &h), OK);
    if (n->manner == OTHER_WARD)
        memset(h.ward, 0x99, ID_BYTES);
    if (n->manner == HUGE_HEAD)
        h.version = VAULT_VERSION_MAX; /* nothing could follow it */
    if (n->manner == NEAR_END)
        h.version = VAULT_VERSION_MAX - 1;
    if (n->manner == SAYS_NEW)
        h.version = n->n_heads + 1;
    uint8_t body[VAULT_BODY_MAX];
    if (n->manner == OTHER_KEY) {
        memcpy(body, h.body.p, h.body.n);
        body[h.body.n / 2] ^= 1;
        h.body.p = body;
    }
    crypt_sign_public(&n->other, h.signer);
    memcpy(h.let_in, n->let_in, SIG_BYTES);
    vault_head_make(&h, &n->other, &out);
    assert_false(out.over);
    return buf_bytes(&out);
}

static struct bytes head_shown(const struct vault_node *n, const struct node_head *from)
{
    if (n->manner == OTHER_WARD || n->manner == HUGE_HEAD || n->manner == OTHER_KEY ||
        n->manner == NEAR_END || n->manner == SAYS_NEW || n->manner == STRANGER)
        return head_made(n, from);
    if (n->manner == CUT_HEAD)
        return bytes_of(from->raw, from->n / 2);
    if (n->manner != BAD_SIGN)
        return bytes_of(from->raw, from->n);
    memcpy(made, from->raw, from->n);
    made[from->n - 3] ^= 1;
    return bytes_of(made, from->n);
}

static enum err head_get(struct vault_node *n, const struct req_head_get *req,
                         struct rep_head_get *rep)
{
    size_t newest = n->n_heads;
    if ((n->manner == OLD_HEAD || n->manner == SAYS_NEW) && newest > 1)
        newest--;
    size_t version = req->version == 0 || req->version > newest ? newest : req->version;
    rep->quota = 72 * 1024 * 1024;
    rep->version = newest + (n->manner == OTHER_SAYS);
    if (n->manner == HUGE_HEAD)
        rep->version = VAULT_VERSION_MAX;
    if (n->manner == NEAR_END)
        rep->version = VAULT_VERSION_MAX - 1;
    if (n->manner == SAYS_NEW)
        rep->version = n->n_heads + 1;
    rep->oldest = newest > 0;
    if (n->manner == ENDLESS)
        version = newest;
    if (version == 0)
        return OK;
    const struct node_head *h = &n->heads[version - 1];
    rep->head = head_shown(n, h);
    rep->witness = bytes_of(h->witness, h->witness_n);
    rep->received = NOW;
    return OK;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, VAULT_ID);
}

/* Some of what nobody dropped, in order. */
static enum err list(struct vault_node *n, const uint8_t *after,
                     struct rep_vault_have *rep)
{
    static uint8_t all[NODE_OBJECTS * VAULT_ID];
    size_t have = 0;
    for (size_t i = 0; i < n->n_objects; i++)
        if (!n->objects[i].dropped && memcmp(n->objects[i].id, after, VAULT_ID) > 0)
            memcpy(all + VAULT_ID * have++, n->objects[i].id, VAULT_ID);
    qsort(all, have, VAULT_ID, by_id);
    size_t given = have > 100 ? 100 : have;
    rep->ids = bytes_of(all, given * VAULT_ID);
    if (given < have || n->manner == ENDLESS)
        rep->next = bytes_of(all + VAULT_ID * (given > 0 ? given - 1 : 0), VAULT_ID);
    return OK;
}

static enum err have(struct vault_node *n, const struct req_vault_have *req,
                     struct rep_vault_have *rep)
{
    size_t ids = req->ids.n / VAULT_ID;
    if (req->list != 0)
        return list(n, req->after, rep);
    memset(made, 0, sizeof made);
    for (size_t i = 0; i < ids; i++) {
        const struct node_object *o = node_find(n, req->ids.p + i * VAULT_ID);
        bool there = o != NULL && !o->dropped && n->manner != LOST_ALL;
        if (there || n->manner == LIES_HAVE)
            made[i / 8] |= (uint8_t)(1 << (i % 8));
    }
    rep->bits = bytes_of(made, (ids + 7) / 8);
    if (n->manner == SHORT_BITS)
        rep->bits = bytes_of(made, ids / 8 + 2);
    return OK;
}

static void frame(struct buf *out, const struct vault_node *n,
                  const struct node_object *o)
{
    static uint8_t copy[VAULT_OBJECT_MAX];
    struct bytes object = { 0 };
    bool gone = o == NULL || n->manner == LOST_ALL || n->manner == LIES_HAVE;
    if (!gone) {
        memcpy(copy, o->p, o->n);
        object = bytes_of(copy, o->n);
    }
    if (!gone && n->manner == FLIPPED)
        copy[o->n / 2] ^= 1;
    if (!gone && n->manner == TRUNCATED)
        object.n -= 7;
    vault_frame_put(object, out);
}

static enum err get(struct vault_node *n, const struct req_vault_get *req,
                    struct rep_vault_get *rep)
{
    struct buf out = { .p = frames, .cap = sizeof frames };
    size_t ids = req->ids.n / VAULT_ID;
    for (size_t i = 0; i < ids && n->manner != GIVES_NONE; i++) {
        size_t at = n->manner == SWAPPED ? ids - 1 - i : i;
        const struct node_object *o = node_find(n, req->ids.p + at * VAULT_ID);
        if (i > 0 && out.n + 4 + (o != NULL ? o->n : 0) > VAULT_BATCH_MAX)
            break;
        frame(&out, n, o);
    }
    if (n->manner == TOO_MANY)
        for (int i = 0; i < 70; i++)
            vault_frame_put((struct bytes){ 0 }, &out);
    assert_false(out.over);
    rep->objects = buf_bytes(&out);
    return OK;
}

static enum err head_set(struct vault_node *n, const struct req_head_set *req,
                         struct rep_head_set *rep)
{
    struct vault_head h = { 0 };
    uint8_t newest[HASH_BYTES] = { 0 };
    TRY(vault_head_open(req->head, &h));
    if (n->n_heads > 0)
        vault_head_hash(
            bytes_of(n->heads[n->n_heads - 1].raw, n->heads[n->n_heads - 1].n), newest);
    if (memcmp(h.ward, n->ward, ID_BYTES) != 0)
        return ERR_REFUSED;
    if (n->manner == ALWAYS_NEWER || h.version != n->n_heads + 1 ||
        memcmp(h.before, newest, HASH_BYTES) != 0)
        return ERR_NEWER;
    TRY(keep_all(n, req->objects));
    assert_true(n->n_heads < NODE_HEADS);
    struct node_head *to = &n->heads[n->n_heads++];
    memcpy(to->raw, req->head.p, req->head.n);
    to->n = req->head.n;
    memcpy(to->witness, req->witness.p, req->witness.n);
    to->witness_n = req->witness.n;
    for (size_t at = 0; at < req->dropped.n; at += VAULT_ID) {
        struct node_object *o = node_find(n, req->dropped.p + at);
        if (o != NULL)
            o->dropped = true;
    }
    rep->version = n->n_heads;
    n->sets++;
    return OK;
}

/* The reply of one message; rep is memory for the largest. */
static enum err serve(struct vault_node *n, uint16_t kind, const void *req, void *rep)
{
    memset(rep, 0, msg_struct_max());
    if (n->manner == ALWAYS_BUSY || n->busy > 0) {
        n->busy -= n->busy > 0;
        return ERR_BUSY;
    }
    if (n->manner == FULL_UP && (kind == MSG_VAULT_PUT || kind == MSG_HEAD_SET))
        return ERR_FULL;
    switch (kind) {
    case MSG_SEAT_INFO:
        memcpy(((struct rep_seat_info *)rep)->ward, n->ward, ID_BYTES);
        return OK;
    case MSG_HEAD_GET:
        return head_get(n, req, rep);
    case MSG_VAULT_HAVE:
        return have(n, req, rep);
    case MSG_VAULT_PUT:
        return keep_all(n, ((const struct req_vault_put *)req)->objects);
    case MSG_VAULT_GET:
        return get(n, req, rep);
    case MSG_HEAD_SET:
        return head_set(n, req, rep);
    default:
        fail_msg("message %u", kind);
        return ERR_STATE;
    }
}

/* ---- rounds ---- */

static size_t padded(size_t n)
{
    static const size_t classes[] = { 256, 1024, 4096, 16384 };
    for (size_t i = 0; i < 4; i++)
        if (n + 8 <= classes[i])
            return classes[i];
    return 65519;
}

static void count_bytes(struct vault_node *n, uint16_t kind, const void *req)
{
    const struct msg_row *row = msg_find(kind);
    struct buf b = { .p = frames, .cap = sizeof frames };
    if (row == NULL)
        fail_msg("no message %u", kind);
    MUST(row != NULL);
    assert_int_equal(msg_put_req(row, req, &b), OK);
    assert_true(b.n <= row->req_max);
    n->bytes += padded(b.n) + 18;
    n->messages++;
}

/* Where a conversation is. */
struct side {
    struct vault_node *node;
    struct call_send send;
    unsigned said;
    bool over;
};

static void stepped(struct call *c, struct side *s, const struct call_reply *reply)
{
    s->send = (struct call_send){ 0 };
    c->err = c->step(c, reply, &s->send);
    s->over = c->err != OK || (s->send.kind == 0 && c->wait_ms == 0);
}

static struct vault_node *node_of(const struct call *c)
{
    for (size_t i = 0; i < NODES; i++)
        if (memcmp(nodes[i]->key, c->node_key, PUB_BYTES) == 0)
            return nodes[i];
    fail_msg("nobody's key");
    return nodes[0];
}

static void begin(struct call *c, struct side *s)
{
    *s = (struct side){ .node = node_of(c) };
    if (s->node->manner == AWAY) {
        c->err = ERR_UNREACHABLE;
        s->over = true;
        return;
    }
    s->node->conversations++;
    c->stage = CALL_TALKING;
    memcpy(c->hello.incarnation, s->node->incarnation, ID_BYTES);
    stepped(c, s, NULL);
}

static void turn(struct call *c, struct side *s, void *rep)
{
    if (s->send.kind == 0) { /* it waits; no time passes here */
        c->wait_ms = 0;
        stepped(c, s, NULL);
        return;
    }
    if (s->node->cut_after > 0 && s->said++ == s->node->cut_after) {
        /* What was asked may have been done. */
        (void)!serve(s->node, s->send.kind, s->send.req, rep);
        c->err = ERR_CLOSED;
        s->over = true;
        return;
    }
    struct call_reply reply = { .kind = s->send.kind, .rep = rep, .retry_ms = 1 };
    count_bytes(s->node, s->send.kind, s->send.req);
    reply.err = serve(s->node, s->send.kind, s->send.req, rep);
    stepped(c, s, &reply);
}

enum err wrap_call_round(struct call *calls, size_t n, uint32_t deadline_ms,
                         const struct rng *rng) __asm__("__wrap_call_round");

enum err wrap_call_round(struct call *calls, size_t n, uint32_t deadline_ms,
                         const struct rng *rng)
{
    struct side sides[NODES];
    void *rep = calloc(1, msg_struct_max());
    bool busy = true;
    assert_non_null(rep);
    assert_true(n <= NODES && deadline_ms > 0 && rng != NULL);
    for (size_t i = 0; i < n; i++)
        begin(&calls[i], &sides[i]);
    for (unsigned turns = 0; busy; turns++) {
        assert_true(turns < 100000); /* or a node keeps us for ever */
        busy = false;
        for (size_t i = 0; i < n; i++) {
            if (!sides[i].over)
                turn(&calls[i], &sides[i], rep);
            busy = busy || !sides[i].over;
        }
    }
    free(rep);
    return OK;
}
