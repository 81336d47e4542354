/* SPDX-License-Identifier: Apache-2.0 */
/* A restore against nodes that lie: rounds of the test's own in the place of call.c. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/ceremony_restore_part.h"

enum { NODES = 4, NOW = 1800000000, SHOWN_MAX = 32 };

/* A node and its guardian, who may be one person. */
struct node {
    struct dh_key key;
    uint8_t node_key[PUB_BYTES];
    struct sign_seed sign; /* the node's */
    struct sign_seed guardian;
    uint8_t guardian_pub[PUB_BYTES];
    uint8_t seal_pub[PUB_BYTES];
    uint8_t fp[FP_BYTES];
    uint8_t port;
    /* what it does */
    bool away;
    bool refuses; /* the credential */
    bool lost;    /* the requester's own credential with the request */
    enum err reveal_err;
    uint8_t says_revealed;
    uint8_t says_fetched;
    const struct roster *roster;
    const struct roster *beside[2]; /* put later: the newest, the one before */
    bool cut_pieces;                /* the line breaks behind the first piece */
    unsigned epochs;
    /* what it saw */
    struct req_open open;
    uint8_t req_static[PUB_BYTES];
    uint8_t view[SIGNED_MAX];
    size_t view_n;
    size_t n_opens;
    size_t n_shown;
    uint8_t shown[SHOWN_MAX][HASH_BYTES]; /* commitments whose nonce it knows */
    uint8_t rooms[3][ROSTER_MAX + 256];
    /* what it answers to a spoken code */
    struct spoken_keys code; /* zero: to none */
    uint8_t answer[SPOKEN_ANSWER];
    unsigned answered;
};

static struct node nodes[NODES];

static uint64_t clock_now(void)
{
    return NOW;
}

static const struct params params = {
    .now = clock_now,
    .rng = &crypt_random,
    .cost = { .mem = 8192, .passes = 1 },
    .home_cost = { .mem = 8192, .passes = 1 },
    .round_ms = 5000,
};

static void node_make(struct node *n, uint8_t port)
{
    struct dh_key seal;

    *n = (struct node){
        .port = port, .says_revealed = STATE_LIVE, .says_fetched = STATE_LIVE, .epochs = 1
    };
    rng_fill(&crypt_random, n->key.b, KEY_BYTES);
    rng_fill(&crypt_random, n->sign.b, KEY_BYTES);
    rng_fill(&crypt_random, n->guardian.b, KEY_BYTES);
    rng_fill(&crypt_random, seal.b, KEY_BYTES);
    crypt_dh_public(&n->key, n->node_key);
    crypt_dh_public(&seal, n->seal_pub);
    crypt_sign_public(&n->guardian, n->guardian_pub);
    ident_fingerprint(n->guardian_pub, n->seal_pub, n->fp);
}

static void link_of(const struct node *n, struct link *out)
{
    *out = (struct link){ .type = LINK_RESTORE };
    memcpy(out->node_key, n->node_key, PUB_BYTES);
    memcpy(out->fp, n->fp, FP_BYTES);
    rng_fill(&crypt_random, out->token, TOKEN_BYTES);
    out->address = (struct address){
        .kind = ADDRESS_IP4, .port = n->port, .host_n = 4, .host = { 10, 0, 0, 1 }
    };
}

/* ---- the node's side ---- */

static void tell_info(struct node *n, struct rep_seat_info *out)
{
    memcpy(out->sign_pub, n->guardian_pub, PUB_BYTES);
    memcpy(out->seal_pub, n->seal_pub, PUB_BYTES);
    ident_seat_id(n->node_key, n->fp, out->seat);
    seat_keys_sign(&n->guardian, n->node_key, out->seat, n->seal_pub, out->keys_sig);
}

/* Every OPEN gets another view: this node hopes for one that fits. */
static void tell_view(struct node *n, const struct req_open *req, struct rep_open *out)
{
    struct view v = { .kind = req->kind,
                      .purpose = req->purpose,
                      .opened = NOW,
                      .expires = NOW + 86400,
                      .n_epochs = n->epochs };
    struct buf b = BUF_OF(n->view);

    for (uint32_t i = 0; i < n->epochs; i++)
        v.epochs[i].epoch = n->epochs - i;
    for (size_t i = 0; i < n->n_shown; i++)
        assert_memory_not_equal(n->shown[i], req->commitment, HASH_BYTES);
    n->open = *req;
    n->n_opens++;
    rng_fill(&crypt_random, v.request, ID_BYTES);
    view_make(&v, &n->sign, &b);
    n->view_n = b.n;
    out->view = buf_bytes(&b);
}

static void take_nonce(struct node *n, const struct req_reveal *req)
{
    uint8_t commitment[HASH_BYTES];

    commitment_of(req->nonce, commitment);
    assert_memory_equal(commitment, n->open.commitment, HASH_BYTES);
    assert_true(n->n_shown < SHOWN_MAX);
    memcpy(n->shown[n->n_shown++], commitment, HASH_BYTES);
}

static void tell_roster(struct node *n, const struct roster *roster,
                        struct rep_fetch *out)
{
    struct seal_key key = { { 7 } };
    struct transcript t = { .view = bytes_of(n->view, n->view_n) };
    uint8_t raw[SIGNED_MAX + 512];
    struct buf at = BUF_OF(raw);
    struct buf box = BUF_OF(n->rooms[0]);
    struct buf sealed = BUF_OF(n->rooms[1]);

    memcpy(t.req_static, n->open.stat, PUB_BYTES);
    memcpy(t.req_seal, n->open.seal, PUB_BYTES);
    memcpy(t.req_sign, n->open.sign, PUB_BYTES);
    memcpy(t.node_key, n->node_key, PUB_BYTES);
    memcpy(t.guard_sign, n->guardian_pub, PUB_BYTES);
    memcpy(t.guard_seal, n->seal_pub, PUB_BYTES);
    transcript_put(&t, &at);
    memset(out->roster_hash, 9, HASH_BYTES);
    assert_int_equal(release_roster_seal(n->open.seal, buf_bytes(&at), out->roster_hash,
                                         &key, &crypt_random, &box),
                     OK);
    assert_int_equal(roster_seal(roster, &key, out->roster_hash, &crypt_random, &sealed),
                     OK);
    assert_false(sealed.over);
    out->roster_box = buf_bytes(&box);
    out->roster = buf_bytes(&sealed);
    out->introduction = bytes_text("an introduction");
}

static void tell_list(struct node *n, uint8_t which, struct rep_fetch *out)
{
    const struct roster *all[] = { n->roster, n->beside[0], n->beside[1] };

    if (all[which] != NULL)
        tell_roster(n, all[which], out);
}

union reply {
    struct rep_seat_info info;
    struct rep_open open;
    struct rep_reveal reveal;
    struct rep_fetch fetch;
};

static void tell(struct node *n, const struct call_send *asked, union reply *out)
{
    *out = (union reply){ 0 };
    switch (asked->kind) {
    case MSG_SEAT_INFO:
        tell_info(n, &out->info);
        return;
    case MSG_OPEN:
        tell_view(n, asked->req, &out->open);
        return;
    case MSG_REVEAL:
        take_nonce(n, asked->req);
        out->reveal.state = n->says_revealed;
        return;
    case MSG_FETCH:
        out->fetch.state = n->says_fetched;
        tell_list(n, ((const struct req_fetch *)asked->req)->roster, &out->fetch);
        return;
    case MSG_EPOCH_STATE:
        return; /* one that keeps no proofs */
    default:
        fail();
    }
}

/* ---- the line ---- */

static struct node *node_called(const struct call *c)
{
    for (size_t i = 0; i < NODES; i++)
        if (memcmp(nodes[i].node_key, c->node_key, PUB_BYTES) == 0)
            return &nodes[i];
    return NULL;
}

static bool reachable(const struct node *n, const struct call *c)
{
    for (size_t i = 0; n != NULL && i < c->n_addresses; i++)
        if (!n->away && c->addresses[i].port == n->port)
            return true;
    return false;
}

/* Who answers at that address, if it is somebody who knows the code. */
static void one_spoken(struct call *c)
{
    c->stage = CALL_IDLE;
    c->err = ERR_UNREACHABLE;
    for (size_t i = 0; i < NODES; i++) {
        struct node *n = &nodes[i];

        if (!reachable(n, c))
            continue;
        c->stage = CALL_MET;
        c->err = ERR_REFUSED;
        if (!bytes_equal(BYTES_OF(n->code.id), BYTES_OF(c->spoken->id)) ||
            !bytes_equal(BYTES_OF(n->code.gate), BYTES_OF(c->spoken->gate)))
            return;
        memcpy(c->answer, n->answer, SPOKEN_ANSWER);
        c->stage = CALL_ENDED;
        c->err = OK;
        n->answered++;
        return;
    }
}

static void one(struct call *c)
{
    if (c->spoken != NULL) {
        one_spoken(c);
        return;
    }
    struct node *n = node_called(c);
    struct call_send send = { 0 };
    union reply rep;
    unsigned pieces = 0;

    c->stage = CALL_IDLE;
    c->err = ERR_UNREACHABLE;
    if (!reachable(n, c))
        return;
    c->stage = CALL_KNOWN;
    c->err = ERR_REFUSED;
    if (c->role == ROLE_RESTORE ? n->refuses : n->lost)
        return;
    c->stage = CALL_TALKING;
    crypt_sign_public(&n->sign, c->hello.node_sign);
    c->err = c->step(c, NULL, &send);
    while (c->err == OK && send.kind != 0) {
        struct call_reply reply = { .kind = send.kind, .rep = &rep };

        if (send.kind == MSG_FETCH && n->cut_pieces && pieces++ == 2) {
            c->err = ERR_CLOSED;
            return;
        }
        tell(n, &send, &rep);
        if (send.kind == MSG_REVEAL)
            reply.err = n->reveal_err;
        if (send.kind == MSG_EPOCH_STATE)
            reply.err = ERR_UNKNOWN;
        send = (struct call_send){ 0 };
        c->err = c->step(c, &reply, &send);
    }
    if (c->err == OK)
        c->stage = CALL_ENDED;
}

enum err call_round(struct call *calls, size_t n, uint32_t deadline_ms,
                    const struct rng *rng)
{
    (void)deadline_ms;
    (void)rng;
    for (size_t i = 0; i < n; i++)
        one(&calls[i]);
    return OK;
}

void call_sentence(const struct call *c, const char *who, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s: %s", who, err_text(c->err));
}

void call_addresses(struct call *c, const struct roster_address *addresses, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (address_get(addresses[i].at, &c->addresses[c->n_addresses]) == OK)
            c->n_addresses++;
}

/* ---- the requester's ---- */

static enum err kept(void *ctx, const struct restore *r)
{
    (void)ctx;
    (void)r;
    return OK;
}

static void rounds(struct restore *r, unsigned n)
{
    const struct restore_run run = { .params = &params,
                                     .deadline_ms = 1000,
                                     .keep = kept };

    for (unsigned i = 0; i < n; i++)
        assert_int_equal(restore_round(r, &run), OK);
}

static struct restore *begin(size_t n_links)
{
    struct restore *r = NULL;
    struct link link;

    for (size_t i = 0; i < NODES; i++)
        node_make(&nodes[i], (uint8_t)(i + 1));
    assert_int_equal(restore_new(&crypt_random, &r), OK);
    for (size_t i = 0; i < n_links; i++) {
        link_of(&nodes[i], &link);
        assert_int_equal(restore_add_link(r, &link, &crypt_random), OK);
    }
    return r;
}

/* ---- two views for one nonce would let a node look for equal words at both sides ----
 */

static void test_a_nonce_serves_one_view(void **state)
{
    static const uint8_t lies[][2] = { { 0, STATE_LIVE },
                                       { STATE_OPENED, STATE_LIVE },
                                       { STATE_LIVE, 0 },
                                       { STATE_LIVE, STATE_OPENED } };

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        AUTO_RESTORE struct restore *r = begin(1);

        nodes[0].says_revealed = lies[i][0];
        nodes[0].says_fetched = lies[i][1];
        rounds(r, 6); /* tell_view fails the test */
        assert_true(nodes[0].n_opens >= 1);
    }
}

/*
 * Each view whose nonce is known is one more chance of a node that has made many requests
 * of its own in advance: it gets three, then a person hears of it.
 */
static void test_repeats_are_few(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);
    struct link link;

    (void)state;
    nodes[0].reveal_err = ERR_EXPIRED;
    rounds(r, 12);
    assert_int_equal(nodes[0].n_shown, 3);
    assert_int_equal(r->entries[0].state, 0);
    assert_int_equal(r->entries[0].contact, CONTACT_REFUSED);
    nodes[0].reveal_err = OK;
    link_of(&nodes[0], &link);
    assert_int_equal(restore_add_link(r, &link, &crypt_random), OK);
    rounds(r, 1);
    assert_int_equal(r->entries[0].state, STATE_LIVE);
}

/* Words on a screen are those of the view that is kept. */
static void test_words_belong_to_the_view(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);
    struct node *n = &nodes[0];

    (void)state;
    rounds(r, 1);
    assert_int_equal(r->entries[0].state, STATE_LIVE);
    assert_true(r->entries[0].words.n > 0);
    n->says_fetched = 0;
    rounds(r, 3);
    assert_int_equal(n->n_opens, 1);
    assert_memory_equal(r->entries[0].view.p, n->view, n->view_n);
}

/* ---- "ask them for a new link" must be an advice that helps ---- */

static void again_with_a_link(struct restore *r, struct node *n, enum err expected)
{
    struct link link;

    link_of(n, &link);
    assert_int_equal(restore_add_link(r, &link, &crypt_random), expected);
    /* The same one twice is one. */
    assert_int_equal(restore_add_link(r, &link, &crypt_random), ERR_EXISTS);
}

static void test_a_new_link_for_one_that_was_used(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);

    (void)state;
    nodes[0].refuses = true;
    rounds(r, 1);
    assert_int_equal(r->entries[0].contact, CONTACT_REFUSED);
    nodes[0].refuses = false;
    again_with_a_link(r, &nodes[0], OK);
    rounds(r, 1);
    assert_int_equal(r->entries[0].state, STATE_LIVE);
    again_with_a_link(r, &nodes[0], ERR_EXISTS);
    assert_int_equal(r->n, 1);
}

static void test_a_new_link_after_a_request_is_over(void **state)
{
    static const uint8_t overs[] = { STATE_REFUSED, STATE_EXPIRED };

    (void)state;
    for (size_t i = 0; i < sizeof overs; i++) {
        AUTO_RESTORE struct restore *r = begin(1);
        uint8_t stat[PUB_BYTES];

        rounds(r, 1);
        memcpy(stat, nodes[0].open.stat, PUB_BYTES);
        nodes[0].says_fetched = overs[i];
        rounds(r, 2);
        assert_int_equal(r->entries[0].state, overs[i]);
        nodes[0].says_fetched = STATE_LIVE;
        again_with_a_link(r, &nodes[0], OK);
        rounds(r, 1);
        assert_int_equal(r->entries[0].state, STATE_LIVE);
        assert_int_equal(nodes[0].n_opens, 2);
        assert_memory_not_equal(stat, nodes[0].open.stat, PUB_BYTES);
        assert_true(r->entries[0].words.n > 0);
    }
}

/* A node that was set up anew knows nothing of a request that is live here. */
static void test_a_new_link_for_a_request_that_is_lost(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);

    (void)state;
    rounds(r, 1);
    assert_int_equal(r->entries[0].state, STATE_LIVE);
    nodes[0].lost = true;
    rounds(r, 1);
    again_with_a_link(r, &nodes[0], OK);
    nodes[0].lost = false;
    rounds(r, 1);
    assert_int_equal(nodes[0].n_opens, 2);
    assert_int_equal(r->entries[0].state, STATE_LIVE);
}

/* ---- a liar's roster is full of people who are all himself, and they answer ---- */

static void test_a_link_finds_room_among_liars(void **state)
{
    static const uint8_t says[] = { 0, STATE_LIVE, STATE_APPROVED, STATE_RELEASED };

    (void)state;
    for (size_t i = 0; i < sizeof says; i++) {
        AUTO_RESTORE struct restore *r = begin(1);
        struct link link;

        for (; r->n < RESTORE_ENTRIES; r->n++) {
            struct restore_entry *e = &r->entries[r->n];

            *e = r->entries[0];
            e->source = FROM_ROSTER;
            rng_fill(&crypt_random, e->fp, sizeof e->fp);
            e->state = says[i];
            e->view = bytes_text("a view");
        }
        for (size_t k = 1; k < NODES; k++) {
            link_of(&nodes[k], &link);
            assert_int_equal(restore_add_link(r, &link, &crypt_random), OK);
        }
        assert_int_equal(r->n, RESTORE_ENTRIES);
    }
}

/* ---- lists that were put beside the sealed one: a thief's, and the owner's ---- */

/* A list that says of n that it listens at that port. */
static const struct roster *list_of(const struct node *n, uint16_t port, size_t k)
{
    static struct roster lists[4];
    static uint8_t mem[4][ADDRESS_MAX];
    struct roster_entry *e = &lists[k].entries[0];
    struct buf at = BUF_OF(mem[k]);
    struct link link;

    link_of(n, &link);
    link.address.port = port;
    address_put(&link.address, &at);
    lists[k] = (struct roster){ .epoch = 1, .n_entries = 1 };
    *e = (struct roster_entry){ .name = bytes_text("Cy"), .n_addresses = 1 };
    memcpy(e->node_key, n->node_key, PUB_BYTES);
    memcpy(e->sign_pub, n->guardian_pub, PUB_BYTES);
    memcpy(e->seal_pub, n->seal_pub, PUB_BYTES);
    memset(e->credential, (int)k + 1, sizeof e->credential);
    e->addresses[0].at = buf_bytes(&at);
    return &lists[k];
}

/* The same of a node with as many addresses as there may be, the last one at that port.
 */
static const struct roster *long_list_of(const struct node *n, uint16_t port, size_t k)
{
    static uint8_t mem[4][ADDRESSES_MAX][ADDRESS_MAX];
    struct roster *list = (struct roster *)(uintptr_t)list_of(n, port, k);
    struct link link;

    link_of(n, &link);
    for (uint32_t i = 0; i < ADDRESSES_MAX; i++) {
        struct buf at = BUF_OF(mem[k][i]);

        link.address.port = i + 1 == ADDRESSES_MAX ? port : (uint16_t)(1000 + 10 * k + i);
        address_put(&link.address, &at);
        list->entries[0].addresses[i].at = buf_bytes(&at);
    }
    list->entries[0].n_addresses = ADDRESSES_MAX;
    return list;
}

static void test_all_lists_are_tried(void **state)
{
    (void)state;
    /* Where the true word stands: sealed, put last, put before garbage. */
    for (size_t where = 0; where < 3; where++) {
        AUTO_RESTORE struct restore *r = begin(1);

        nodes[0].roster = list_of(&nodes[1], where == 0 ? 2 : 90, 0);
        nodes[0].beside[0] = list_of(&nodes[1], where == 1 ? 2 : 91, 1);
        nodes[0].beside[1] = list_of(&nodes[1], where == 2 ? 2 : 92, 2);
        rounds(r, 1);
        assert_int_equal(r->n, 1);
        nodes[0].says_fetched = STATE_APPROVED;
        rounds(r, 1);
        assert_int_equal(r->n, 2);
        assert_int_equal(r->entries[1].state, STATE_LIVE);
        /* By the credential of the list that the epoch came with. */
        assert_int_equal(r->entries[1].token.p[0], 1);
        assert_int_equal(r->entries[0].asked_rosters, 1);
    }
}

/* However much garbage stands beside it: every address of the true one is tried. */
static void test_full_lists_of_garbage_hide_none(void **state)
{
    (void)state;
    for (size_t where = 0; where < 3; where++) {
        AUTO_RESTORE struct restore *r = begin(1);

        nodes[0].roster = long_list_of(&nodes[1], where == 0 ? 2 : 90, 0);
        nodes[0].beside[0] = long_list_of(&nodes[1], where == 1 ? 2 : 91, 1);
        nodes[0].beside[1] = long_list_of(&nodes[1], where == 2 ? 2 : 92, 2);
        nodes[0].says_fetched = STATE_APPROVED;
        for (unsigned i = 0; i < 200 && (r->n < 2 || r->entries[1].state == 0); i++)
            rounds(r, 1);
        assert_int_equal(r->n, 2);
        assert_int_equal(r->entries[1].state, STATE_LIVE);
    }
}

/* A liar gives the true list with an introduction that nobody takes: the same list of
 * another guardian, who introduces well, is not passed over for it. */
static void test_each_list_counts_by_its_giver(void **state)
{
    AUTO_RESTORE struct restore *r = begin(2);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        nodes[i].roster = list_of(&nodes[2], 90, 0);
        nodes[i].beside[0] = list_of(&nodes[2], 3, 1);
        nodes[i].says_fetched = STATE_APPROVED;
    }
    rounds(r, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(r->entries[i].roster_later.n > 0);
        assert_int_equal(r->entries[i].roster_former.n, 0);
    }
}

static void test_garbage_alone_leads_nowhere_for_ever(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);

    (void)state;
    nodes[0].roster = list_of(&nodes[1], 2, 0);
    nodes[0].beside[0] = list_of(&nodes[1], 91, 1);
    nodes[0].says_fetched = STATE_APPROVED;
    nodes[1].away = true;
    rounds(r, 40);
    assert_int_equal(r->entries[1].contact, CONTACT_AWAY);
    nodes[1].away = false;
    rounds(r, 1); /* whatever was tried last, both words are */
    assert_int_equal(r->entries[1].state, STATE_LIVE);
}

/* ---- what nodes show of the past ---- */

static void test_those_of_a_list_leave_room_for_proofs(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);

    static const enum epoch_want kinds[] = { EPOCH_WANT_CERT, EPOCH_WANT_MOVE };
    struct rep_epoch_state rep = { .cert_epoch = 2 };

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        for (uint8_t i = 0; i < RESTORE_PROOFS; i++) {
            struct restore_entry anybody = { .source = FROM_ROSTER };

            rep.proof = bytes_of(&i, 1);
            assert_int_equal(restore_take_proof(r, &anybody, kinds[k], &rep), OK);
        }
        rep.proof = bytes_text("true");
        assert_int_equal(restore_take_proof(r, &r->entries[0], kinds[k], &rep), OK);
        const struct restore_proof *last = &r->proofs[r->n_proofs - 1];
        assert_int_equal(last->kind, kinds[k]);
        assert_true(bytes_equal(last->raw, rep.proof));
    }
}

/* ---- a line that breaks between two pieces ---- */

static void test_pieces_that_were_cut_come_again(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);
    struct node *n = &nodes[0];

    (void)state;
    n->epochs = 2;
    rounds(r, 1);
    n->says_fetched = STATE_RELEASED;
    n->cut_pieces = true;
    rounds(r, 1);
    n->cut_pieces = false;
    rounds(r, 1);
    assert_int_equal(r->entries[0].n_pieces, 2);
}

/* ---- spoken codes ---- */

/* A code that leads to n; its address. */
static struct address speak(struct node *n, uint8_t seed, struct spoken_keys *out)
{
    struct spoken_code code = { { seed } };
    struct link link;

    link_of(n, &link);
    assert_int_equal(spoken_keys(&code, params.cost, out), OK);
    assert_int_equal(spoken_seal(out, &link, &crypt_random, n->answer), OK);
    n->code = *out;
    return link.address;
}

static void test_a_code_becomes_its_link(void **state)
{
    AUTO_RESTORE struct restore *r = begin(0);
    AUTO_FREE struct restore_open *o = NULL;
    struct spoken_keys keys;
    struct address at = speak(&nodes[0], 1, &keys);

    (void)state;
    assert_int_equal(restore_add_spoken(r, &at, &keys, &crypt_random), OK);
    assert_int_equal(restore_add_spoken(r, &at, &keys, &crypt_random), ERR_EXISTS);
    nodes[0].away = true;
    rounds(r, 2);
    assert_int_equal(r->n, 1);
    assert_int_equal(r->entries[0].contact, CONTACT_AWAY);
    assert_int_equal(restore_lines(r, &o), OK);
    assert_int_equal(o->lines[0].spoken, 1);
    assert_memory_equal(o->lines[0].node.p, "10.0.0.1:1", 10);
    nodes[0].away = false;
    rounds(r, 1);
    assert_int_equal(r->n, 1);
    assert_int_equal(r->entries[0].state, STATE_LIVE);
    assert_int_equal(r->entries[0].source, FROM_LINK);
    assert_memory_equal(r->entries[0].node_key, nodes[0].node_key, PUB_BYTES);
    assert_true(r->entries[0].words.n > 0);
    assert_int_equal(r->entries[0].spoken.n, 0);
    rounds(r, 2); /* asked once, and never again */
    assert_int_equal(nodes[0].answered, 1);
    assert_int_equal(nodes[0].n_opens, 1);
}

static void test_a_wrong_code_holds_up_nobody(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);
    struct spoken_keys keys;
    struct spoken_keys other;
    struct address at = speak(&nodes[1], 1, &keys);

    (void)state;
    speak(&nodes[2], 2, &other);
    /* Misheard, the answer of another code, and the right one between links. */
    other.gate[0] ^= 1;
    assert_int_equal(restore_add_spoken(r, &at, &other, &crypt_random), OK);
    nodes[1].answer[40] ^= 1;
    assert_int_equal(restore_add_spoken(r, &at, &keys, &crypt_random), OK);
    at = speak(&nodes[3], 3, &other);
    assert_int_equal(restore_add_spoken(r, &at, &other, &crypt_random), OK);
    rounds(r, 1);
    assert_int_equal(r->n, 4);
    assert_int_equal(r->entries[0].state, STATE_LIVE);
    assert_int_equal(r->entries[1].contact, CONTACT_REFUSED);
    assert_int_equal(r->entries[2].contact, CONTACT_REFUSED);
    assert_int_equal(r->entries[1].state, 0);
    assert_int_equal(r->entries[3].state, STATE_LIVE);
    assert_memory_equal(r->entries[3].node_key, nodes[3].node_key, PUB_BYTES);
}

static void test_a_code_and_a_link_of_one_seat(void **state)
{
    AUTO_RESTORE struct restore *r = begin(1);
    struct spoken_keys keys;
    struct address at = speak(&nodes[0], 1, &keys);

    (void)state;
    rounds(r, 1);
    assert_int_equal(r->entries[0].state, STATE_LIVE);
    assert_int_equal(restore_add_spoken(r, &at, &keys, &crypt_random), OK);
    rounds(r, 1);
    assert_int_equal(r->n, 1); /* a request is open there already */
    assert_int_equal(nodes[0].n_opens, 1);
}

static int sweep(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void test_a_code_outlives_the_program(void **state)
{
    char dir[] = "/tmp/kith-restore-XXXXXX";
    char path[64];
    AUTO_RESTORE struct restore *r = begin(0);
    AUTO_RESTORE struct restore *again = NULL;
    struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct home_key *key = NULL;
    struct spoken_keys keys;
    struct address at = speak(&nodes[0], 1, &keys);

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/home", dir);
    assert_int_equal(home_open(path, HOME_MAKE, &h), OK);
    assert_int_equal(home_key_new(NULL, params.cost, &crypt_random, &key), OK);
    assert_int_equal(restore_add_spoken(r, &at, &keys, &crypt_random), OK);
    assert_int_equal(restore_save(&h, key, r, &crypt_random), OK);
    assert_int_equal(restore_load(&h, key, &again), OK);
    assert_int_equal(again->n, 1);
    rounds(again, 1);
    assert_int_equal(again->entries[0].state, STATE_LIVE);
    home_close(&h);
    (void)nftw(dir, sweep, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- as much as liars can make it keep ---- */

static void fill_entry(struct restore_entry *e, struct bytes room)
{
    e->token = bytes_of(room.p, TOKEN_STANDING);
    e->n_addresses = ADDRESSES_MAX;
    for (size_t i = 0; i < ADDRESSES_MAX; i++)
        e->addresses[i].at = bytes_of(room.p, ADDRESS_MAX);
    e->introduction = e->view = e->statement = bytes_of(room.p, SIGNED_MAX);
    e->roster = e->roster_later = e->roster_former = bytes_of(room.p, ROSTER_MAX);
    e->n_pieces = EPOCHS_MAX;
    for (size_t i = 0; i < EPOCHS_MAX; i++)
        e->pieces[i] = (struct restore_piece){
            .epoch = (uint32_t)i + 1,
            .manifest = bytes_of(room.p, MANIFEST_MAX),
            .receipt = bytes_of(room.p, SIGNED_MAX),
        };
}

static void test_liars_fill_no_file(void **state)
{
    char dir[] = "/tmp/kith-restore-XXXXXX";
    char path[64];
    AUTO_RESTORE struct restore *r = begin(0);
    AUTO_RESTORE struct restore *again = NULL;
    AUTO_FREE uint8_t *room = calloc(1, MOVE_PROOF_MAX);
    struct home h = { .dir = -1, .lock = -1 };
    AUTO_SECRET struct home_key *key = NULL;

    (void)state;
    assert_non_null(room);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/home", dir);
    assert_int_equal(home_open(path, HOME_MAKE, &h), OK);
    assert_int_equal(home_key_new(NULL, params.cost, &crypt_random, &key), OK);
    for (r->n = 0; r->n < RESTORE_ENTRIES; r->n++)
        fill_entry(&r->entries[r->n], bytes_of(room, MOVE_PROOF_MAX));
    for (r->n_proofs = 0; r->n_proofs < RESTORE_PROOFS; r->n_proofs++)
        r->proofs[r->n_proofs].raw = bytes_of(room, MOVE_PROOF_MAX);
    assert_int_equal(restore_save(&h, key, r, &crypt_random), OK);
    assert_int_equal(restore_load(&h, key, &again), OK);
    assert_int_equal(again->n, RESTORE_ENTRIES);
    assert_int_equal(again->n_proofs, RESTORE_PROOFS);
    home_close(&h);
    (void)nftw(dir, sweep, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_nonce_serves_one_view),
        cmocka_unit_test(test_repeats_are_few),
        cmocka_unit_test(test_words_belong_to_the_view),
        cmocka_unit_test(test_a_new_link_for_one_that_was_used),
        cmocka_unit_test(test_a_new_link_after_a_request_is_over),
        cmocka_unit_test(test_a_new_link_for_a_request_that_is_lost),
        cmocka_unit_test(test_a_link_finds_room_among_liars),
        cmocka_unit_test(test_all_lists_are_tried),
        cmocka_unit_test(test_full_lists_of_garbage_hide_none),
        cmocka_unit_test(test_garbage_alone_leads_nowhere_for_ever),
        cmocka_unit_test(test_each_list_counts_by_its_giver),
        cmocka_unit_test(test_those_of_a_list_leave_room_for_proofs),
        cmocka_unit_test(test_pieces_that_were_cut_come_again),
        cmocka_unit_test(test_a_code_becomes_its_link),
        cmocka_unit_test(test_a_wrong_code_holds_up_nobody),
        cmocka_unit_test(test_a_code_and_a_link_of_one_seat),
        cmocka_unit_test(test_a_code_outlives_the_program),
        cmocka_unit_test(test_liars_fill_no_file),
    };
    assert_int_equal(secret_start(SECRET_LOCK_WAIVED), OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    assert_int_equal(secret_in_use(), 0);
    secret_end();
    return failed;
}
