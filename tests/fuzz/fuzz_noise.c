/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte 0 says how many acts are genuine before the input is read as the next
 * one; after all three it is a transport message. Nothing may be accepted that
 * the other side did not write.
 */
#include "proto/noise.h"

enum { ACTS = 3 };

struct sides {
    struct noise i, r;
    struct noise_cipher send, receive, r_send, r_receive;
    struct dh_key i_key, r_key;
    struct psk psk;
};

static void fill_counted(void *ctx, uint8_t *out, size_t n)
{
    uint8_t *next = ctx;

    for (size_t i = 0; i < n; i++)
        out[i] = (*next)++;
}

static void begin(struct sides *s, const struct rng *rng)
{
    uint8_t i_pub[PUB_BYTES], r_pub[PUB_BYTES];

    rng_fill(rng, s->i_key.b, KEY_BYTES);
    rng_fill(rng, s->r_key.b, KEY_BYTES);
    rng_fill(rng, s->psk.b, KEY_BYTES);
    crypt_dh_public(&s->i_key, i_pub);
    crypt_dh_public(&s->r_key, r_pub);
    noise_start(&s->i, &noise_xkpsk3, NOISE_INITIATOR, (struct bytes){ 0 },
                &(struct noise_keys){ &s->i_key, i_pub, r_pub });
    noise_start(&s->r, &noise_xkpsk3, NOISE_RESPONDER, (struct bytes){ 0 },
                &(struct noise_keys){ &s->r_key, r_pub, NULL });
    noise_give_psk(&s->i, &s->psk);
    noise_give_psk(&s->r, &s->psk);
}

static enum err read_act(struct sides *s, unsigned act, struct bytes in)
{
    static uint8_t out[NOISE_MAX];
    size_t n = SIZE_MAX;
    enum noise_read what;
    struct noise *side = act % 2 == 0 ? &s->r : &s->i;
    enum err e = noise_read(side, in, SPAN_OF(out), &n, &what);

    MUST(e == OK ? what == NOISE_READ_DONE && n <= in.n : side->pattern == NULL);
    return e;
}

static void write_act(struct sides *s, unsigned act, const struct rng *rng,
                      struct buf *out)
{
    MUST(noise_write(act % 2 == 0 ? &s->i : &s->r, (struct bytes){ 0 }, rng, out) == OK);
}

static void transport(struct sides *s, struct bytes in)
{
    static uint8_t out[NOISE_MAX];

    MUST(noise_split(&s->i, &s->send, &s->receive) == OK);
    MUST(noise_split(&s->r, &s->r_send, &s->r_receive) == OK);
    MUST(noise_open(&s->r_receive, (struct bytes){ 0 }, in, out) != OK);
    MUST(s->r_receive.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    AUTO_SECRET struct sides *s = NULL;
    uint8_t next = 0, wire[128];
    struct rng rng = { fill_counted, &next };

    if (!started)
        MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    started = true;
    if (size == 0)
        return 0;

    struct bytes in = bytes_of(data + 1, size - 1);
    unsigned genuine = data[0] % (ACTS + 1);
    MUST(secret_new(&s) == OK);
    begin(s, &rng);
    for (unsigned act = 0; act < genuine; act++) {
        struct buf out = BUF_OF(wire);
        write_act(s, act, &rng, &out);
        MUST(read_act(s, act, buf_bytes(&out)) == OK);
    }
    if (genuine == ACTS) {
        transport(s, in);
        return 0;
    }

    struct buf out = BUF_OF(wire);
    write_act(s, genuine, &rng, &out);
    bool same = bytes_equal(in, buf_bytes(&out));
    /* Anyone may begin: only later acts prove who wrote them. */
    MUST((read_act(s, genuine, in) == OK) == same || genuine == 0);
    return 0;
}
