/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/peer.h"

enum {
    HEAD = 8,
    KIND = 5, /* its place in the head */
    GATE = PEER_GATE,
    PAYLOAD = 1 + ID_BYTES,
    LENGTH = 2,
    CALL = PEER_HANDSHAKE_OUT
};

/* Magic, version, kind (0 ordinary, 1 spoken code), zero. */
static const uint8_t head[HEAD] = { 'K', 'I', 'T', 'H', PEER_VERSION, 0, 0, 0 };
static const uint8_t head_spoken[HEAD] = { 'K', 'I', 'T', 'H', PEER_VERSION, 1, 0, 0 };

/* Plaintext sizes of frames: a length tells an onlooker one of five, no more. */
static const uint16_t frame_sizes[] = { 256, 1024, 4096, 16384, 65519 };

enum { FRAME_SIZES = sizeof frame_sizes / sizeof frame_sizes[0] };

/* A step of a conversation; writes *used and *ev, and may append to out. */
typedef enum err step(struct peer *p, struct span in, size_t *used, struct buf *out,
                      struct peer_event *ev);

static size_t room(const struct buf *b)
{
    return b->over ? 0 : b->cap - b->n;
}

/* What shows that the caller knows the node's key, for the price of a hash. */
static void make_gate(const uint8_t *node, const uint8_t *hello, const uint8_t *act_1,
                      uint8_t out[GATE])
{
    uint8_t key[KEY_BYTES];

    crypt_hash(LABEL_GATE_KEY, PARTS(bytes_of(node, PUB_BYTES)), SPAN_OF(key));
    crypt_keyed(key, LABEL_GATE,
                PARTS(bytes_of(hello, HEAD), bytes_of(act_1, PEER_ACT_1)),
                (struct span){ out, GATE });
    secret_wipe(key, sizeof key);
}

/* What shows that the caller knows the code whose id it says. */
static void make_spoken_gate(const uint8_t *key, const uint8_t id[ID_BYTES],
                             uint8_t out[GATE])
{
    crypt_keyed(key, LABEL_SPOKEN_HELLO,
                PARTS(BYTES_OF(head_spoken), bytes_of(id, ID_BYTES)),
                (struct span){ out, GATE });
}

/* From a complete handshake to open. */
static enum err be_open(struct peer *p)
{
    TRY(secret_new(&p->keys));
    memcpy(p->hash, noise_hash(p->noise), sizeof p->hash);
    TRY(noise_split(p->noise, &p->keys->send, &p->keys->receive));
    secret_free(p->noise);
    p->noise = NULL;
    p->state = PEER_OPEN;
    return OK;
}

/* ---- client ---- */

static enum err write_call(struct peer *p, const struct peer_login *login, uint8_t *wire)
{
    struct buf act_1 = { wire + PEER_HELLO, PEER_ACT_1, 0, false };
    uint8_t payload[PAYLOAD], pub[PUB_BYTES];

    TRY(secret_new(&p->noise));
    if (login->pub != NULL)
        memcpy(pub, login->pub, PUB_BYTES);
    else
        crypt_dh_public(login->key, pub);
    noise_start(p->noise, &noise_xkpsk3, NOISE_INITIATOR, BYTES_OF(head),
                &(struct noise_keys){ login->key, pub, login->node });
    noise_give_psk(p->noise, login->psk);
    payload[0] = p->role;
    memcpy(payload + 1, p->id, ID_BYTES);
    TRY(noise_write(p->noise, BYTES_OF(payload), &p->rng, &act_1));
    MUST(act_1.n == PEER_ACT_1);
    memcpy(wire, head, HEAD);
    make_gate(login->node, head, wire + PEER_HELLO, wire + HEAD);
    return OK;
}

enum err peer_start(struct peer *p, const struct peer_login *login, const struct rng *rng,
                    struct buf *out)
{
    uint8_t wire[CALL];

    *p = (struct peer){ .state = PEER_CALLS, .role = login->role, .rng = *rng };
    if (login->id != NULL)
        memcpy(p->id, login->id, ID_BYTES);
    else
        rng_fill(rng, p->id, ID_BYTES);
    memcpy(p->remote, login->node, PUB_BYTES);

    enum err e = room(out) < CALL ? ERR_FULL : write_call(p, login, wire);
    if (e != OK) {
        peer_end(p);
        return e;
    }
    buf_put(out, BYTES_OF(wire));
    return OK;
}

/* As long as any other call: a length tells an onlooker, and a scanner, nothing. */
enum err peer_speak(struct peer *p, const struct spoken_keys *keys, struct buf *out)
{
    uint8_t wire[CALL] = { 0 };

    if (room(out) < CALL) {
        peer_end(p);
        return ERR_FULL;
    }
    *p = (struct peer){ .state = PEER_SPEAKS };
    memcpy(p->id, keys->id, ID_BYTES);
    memcpy(wire, head_spoken, HEAD);
    make_spoken_gate(keys->gate, keys->id, wire + HEAD);
    memcpy(wire + PEER_HELLO, keys->id, ID_BYTES);
    buf_put(out, BYTES_OF(wire));
    return OK;
}

static enum err take_answer(struct peer *p, struct span in, size_t *used, struct buf *out,
                            struct peer_event *ev)
{
    (void)out; /* what comes next is another conversation */
    p->state = PEER_OFF;
    ev->what = PEER_ANSWER;
    ev->body = bytes_of(in.p, SPOKEN_ANSWER);
    *used = SPOKEN_ANSWER;
    return OK;
}

static enum err take_act_2(struct peer *p, struct span in, size_t *used, struct buf *out,
                           struct peer_event *ev)
{
    size_t n;
    enum noise_read what;

    if (room(out) < PEER_ACT_3)
        return ERR_FULL;
    TRY(noise_read(p->noise, bytes_of(in.p, PEER_ACT_2), (struct span){ 0 }, &n, &what));

    struct buf act_3 = { out->p + out->n, PEER_ACT_3, 0, false };
    TRY(noise_write(p->noise, (struct bytes){ 0 }, &p->rng, &act_3));
    MUST(act_3.n == PEER_ACT_3);
    TRY(be_open(p));
    out->n += PEER_ACT_3;
    *used = PEER_ACT_2;
    ev->what = PEER_READY;
    return OK;
}

/* ---- node ---- */

void peer_accept(struct peer *p, const struct dh_key *key, const uint8_t pub[PUB_BYTES],
                 const struct rng *rng)
{
    *p = (struct peer){ .state = PEER_CALLED, .rng = *rng, .key = key, .pub = pub };
}

/* The gate comes first: whoever does not know the node's key learns nothing else. */
static enum err check_hello(const struct peer *p, const uint8_t *hello)
{
    uint8_t gate[GATE];

    make_gate(p->pub, hello, hello + PEER_HELLO, gate);
    if (!secret_equal(gate, hello + HEAD, GATE))
        return ERR_AUTH;
    if (!bytes_equal(bytes_of(hello, 4), bytes_of(head, 4)))
        return ERR_FORMAT;
    if (hello[4] != PEER_VERSION)
        return ERR_VERSION;
    return bytes_equal(bytes_of(hello, HEAD), BYTES_OF(head)) ? OK : ERR_FORMAT;
}

/* Whose gate it must be is the caller's to find: by the id. */
static enum err take_spoken(struct peer *p, struct span in, size_t *used,
                            struct peer_event *ev)
{
    const uint8_t *rest = in.p + PEER_HELLO + ID_BYTES;

    if (!bytes_equal(bytes_of(in.p, HEAD), BYTES_OF(head_spoken)))
        return ERR_AUTH;
    for (size_t i = 0; i < CALL - PEER_HELLO - ID_BYTES; i++)
        if (rest[i] != 0)
            return ERR_AUTH;
    memcpy(p->gate, in.p + HEAD, GATE);
    memcpy(p->id, in.p + PEER_HELLO, ID_BYTES);
    p->state = PEER_HEARS;
    *used = CALL;
    ev->what = PEER_SPOKEN;
    return OK;
}

enum err peer_answer(struct peer *p, const uint8_t *gate, struct bytes answer,
                     struct buf *out)
{
    static const uint8_t nobody[KEY_BYTES];
    uint8_t right[GATE];
    enum err e = ERR_STATE;

    if (p->state == PEER_HEARS) {
        /* Made in either case, so that both take the same time. */
        make_spoken_gate(gate != NULL ? gate : nobody, p->id, right);
        bool known = secret_equal(right, p->gate, GATE) && gate != NULL;
        MUST(gate == NULL || answer.n == SPOKEN_ANSWER);
        e = !known ? ERR_AUTH : room(out) < answer.n ? ERR_FULL : OK;
    }
    peer_end(p);
    if (e == OK)
        buf_put(out, answer);
    return e;
}

static enum err take_call(struct peer *p, struct span in, size_t *used, struct buf *out,
                          struct peer_event *ev)
{
    uint8_t payload[PAYLOAD];
    size_t n;
    enum noise_read what;

    if (in.p[KIND] == head_spoken[KIND])
        return take_spoken(p, in, used, ev);
    TRY(check_hello(p, in.p));
    if (room(out) < PEER_ACT_2)
        return ERR_FULL;
    TRY(secret_new(&p->noise));
    noise_start(p->noise, &noise_xkpsk3, NOISE_RESPONDER, BYTES_OF(head),
                &(struct noise_keys){ p->key, p->pub, NULL });
    TRY(noise_read(p->noise, bytes_of(in.p + PEER_HELLO, PEER_ACT_1), SPAN_OF(payload),
                   &n, &what));
    MUST(n == PAYLOAD);

    struct buf act_2 = { out->p + out->n, PEER_ACT_2, 0, false };
    TRY(noise_write(p->noise, (struct bytes){ 0 }, &p->rng, &act_2));
    MUST(act_2.n == PEER_ACT_2);
    out->n += PEER_ACT_2;
    p->role = payload[0];
    memcpy(p->id, payload + 1, ID_BYTES);
    p->state = PEER_TESTS;
    *used = CALL;
    ev->what = PEER_STEP;
    return OK;
}

static enum err take_act_3(struct peer *p, struct span in, size_t *used, struct buf *out,
                           struct peer_event *ev)
{
    size_t n;
    enum noise_read what;

    (void)out; /* the node says nothing before it was asked something */
    TRY(noise_read(p->noise, bytes_of(in.p, PEER_ACT_3), (struct span){ 0 }, &n, &what));
    if (what == NOISE_READ_PSK) {
        memcpy(p->remote, noise_remote(p->noise), PUB_BYTES);
        p->state = PEER_ASKS;
        ev->what = PEER_WHO;
        return OK;
    }
    TRY(be_open(p));
    *used = PEER_ACT_3;
    ev->what = PEER_READY;
    return OK;
}

enum err peer_set_psk(struct peer *p, const struct psk *psk)
{
    AUTO_SECRET struct psk *given = NULL;

    if (p->state != PEER_ASKS)
        return ERR_STATE;
    TRY(secret_new(&given));
    /* Drawn in either case, so that both take the same time. */
    rng_fill(&p->rng, given->b, sizeof given->b);
    if (psk != NULL)
        *given = *psk;
    noise_give_psk(p->noise, given);
    p->state = PEER_TESTS;
    return OK;
}

/* ---- frames ---- */

/* The plaintext size of a frame with this body; n is at most PEER_BODY_MAX. */
static size_t padded(size_t n)
{
    size_t i = 0;

    while (frame_sizes[i] < PEER_FRAME_HEAD + n)
        i++;
    return frame_sizes[i];
}

static bool is_frame_size(size_t plain)
{
    for (size_t i = 0; i < FRAME_SIZES; i++)
        if (frame_sizes[i] == plain)
            return true;
    return false;
}

size_t peer_frame_size(size_t n)
{
    return n > PEER_BODY_MAX ? 0 : LENGTH + padded(n) + NOISE_TAG;
}

static enum err read_frame(struct bytes plain, struct peer_event *ev)
{
    size_t n = load_u16(plain.p);

    /* One form for each body: the smallest size that holds it, and zeros. */
    if (n > PEER_BODY_MAX || padded(n) != plain.n)
        return ERR_FORMAT;
    for (size_t i = PEER_FRAME_HEAD + n; i < plain.n; i++)
        if (plain.p[i] != 0)
            return ERR_FORMAT;
    ev->what = PEER_FRAME;
    ev->kind = load_u16(plain.p + 2);
    ev->tag = load_u32(plain.p + 4);
    ev->body = bytes_of(plain.p + PEER_FRAME_HEAD, n);
    return OK;
}

static enum err take_frame(struct peer *p, struct span in, size_t *used, struct buf *out,
                           struct peer_event *ev)
{
    size_t n = load_u16(in.p);
    uint8_t *message = in.p + LENGTH;

    (void)out; /* frames are answered by peer_send */
    if (n < NOISE_TAG || !is_frame_size(n - NOISE_TAG))
        return ERR_FORMAT;
    if (in.n - LENGTH < n) {
        ev->wanted = LENGTH + n;
        return OK;
    }
    TRY(noise_open(&p->keys->receive, (struct bytes){ 0 }, bytes_of(message, n),
                   message));
    TRY(read_frame(bytes_of(message, n - NOISE_TAG), ev));
    *used = LENGTH + n;
    return OK;
}

enum err peer_send(struct peer *p, uint16_t kind, uint32_t tag, struct bytes body,
                   struct buf *out)
{
    if (p->state != PEER_OPEN)
        return ERR_STATE;
    if (body.n > PEER_BODY_MAX)
        return ERR_TOO_BIG;
    if (room(out) < peer_frame_size(body.n))
        return ERR_FULL;
    if (p->keys->send.n == UINT64_MAX)
        return ERR_STATE;

    size_t plain = padded(body.n);
    buf_put_u16(out, (uint16_t)(plain + NOISE_TAG));
    uint8_t *message = out->p + out->n;
    buf_put_u16(out, (uint16_t)body.n);
    buf_put_u16(out, kind);
    buf_put_u32(out, tag);
    buf_put(out, body);
    buf_put_zeros(out, plain - PEER_FRAME_HEAD - body.n + NOISE_TAG);
    MUST(noise_seal(&p->keys->send, (struct bytes){ 0 }, bytes_of(message, plain),
                    message) == OK);
    return OK;
}

/* ---- both ---- */

/* What each state takes next, and how many bytes it needs at least. */
static const struct {
    size_t needs;
    step *take;
} steps[] = {
    [PEER_CALLED] = { CALL, take_call },
    [PEER_CALLS] = { PEER_ACT_2, take_act_2 },
    [PEER_TESTS] = { PEER_ACT_3, take_act_3 },
    [PEER_OPEN] = { LENGTH, take_frame },
    [PEER_SPEAKS] = { SPOKEN_ANSWER, take_answer },
};

enum err peer_feed(struct peer *p, struct span in, size_t *out_used, struct buf *out,
                   struct peer_event *out_ev)
{
    struct peer_event ev = { .what = PEER_NEED_MORE };
    size_t used = 0;
    enum err e = ERR_STATE;

    if (steps[p->state].take != NULL) {
        ev.wanted = steps[p->state].needs;
        e = in.n < ev.wanted ? OK : steps[p->state].take(p, in, &used, out, &ev);
    }
    if (e != OK) {
        peer_end(p);
        return e;
    }
    *out_used = used;
    *out_ev = ev;
    return OK;
}

void peer_end(struct peer *p)
{
    secret_free(p->noise);
    secret_free(p->keys);
    secret_wipe(p, sizeof *p);
}
